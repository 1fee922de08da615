//! Everything that waits for a disk or a dialog of the system, on threads of its own; results come back by channel and are
//! taken at one place per frame.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::accounts::KeyringAnswer;
use super::dialogs::Dialog;
use super::discovery::DiscoveryOutcome;
use super::picker::{PickFile, Picked};
use super::state::viewer::Waker;
use crate::model::{Column, WayIn};
use crate::workspace::{
    AddKeysReport, AddReport, ExportProfile, ExportReport, ImportReport, Job, OpenReport, Price, Run, SaveReport,
    SealReport, TableReport, Undone, Workspace, WorkspaceError,
};

/// What a picked file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A new list.
    New,
    /// Open it.
    Open,
    /// Save the list there.
    SaveAs,
    /// Import it.
    Import,
    /// Export there.
    Export {
        /// Which profile.
        profile: ExportProfile,
        /// The selected rows only.
        selection_only: bool,
    },
    /// Write the product list there as a table.
    ExportTable {
        /// Its columns.
        columns: Vec<Column>,
        /// Not only what the filter shows.
        every_row: bool,
    },
    /// Read product keys from it.
    Keys,
    /// Read computer names from it.
    Computers,
    /// Discovery reads computer names from it, now and later.
    ListFile,
    /// Write the KMS hosts of DNS there as a table.
    ExportKms,
}

/// What came of it.
pub enum Outcome {
    /// A file was picked, or not.
    Picked(Purpose, PickFile, Picked),
    /// A typed file is there already and would be replaced.
    Exists(PathBuf),
    /// A list was opened or made.
    Opened {
        /// The file.
        path: PathBuf,
        /// The list.
        result: Result<(Workspace, Option<OpenReport>), WorkspaceError>,
    },
    /// A list that is no longer open was given back.
    Discarded,
    /// The work of a thread ended by a mistake of ours: what comes of it is never known.
    Broken {
        /// The name of the work.
        name: String,
        /// It was about a file.
        file: bool,
    },
    /// The list was saved.
    Saved {
        /// Close the window when it went well.
        then_quit: bool,
        /// What was written.
        result: Result<SaveReport, WorkspaceError>,
    },
    /// The list was saved elsewhere.
    SavedAs(PathBuf, Result<SaveReport, WorkspaceError>),
    /// A list was exported.
    Exported(Result<ExportReport, WorkspaceError>),
    /// The product list was written as a table.
    TableExported(Result<TableReport, WorkspaceError>),
    /// A file to import was read.
    Planned(Box<Result<Dialog, WorkspaceError>>),
    /// Somebody else saved the list: a dialog shows what both versions become.
    Reload(Box<Dialog>),
    /// An edit was undone or redone.
    Undone(&'static str, Result<Option<Undone>, WorkspaceError>),
    /// It was imported.
    Imported(Box<Result<ImportReport, WorkspaceError>>),
    /// Computers were added.
    ComputersAdded(Result<AddReport, WorkspaceError>),
    /// A thread did something for a discovery.
    Discovery(DiscoveryOutcome),
    /// A list file for discovery was looked at: its columns.
    ListFileRead(PathBuf, Result<Vec<String>, String>),
    /// KMS hosts were approved; then DNS is looked at for these suffixes.
    Approved(Vec<String>, Result<(), WorkspaceError>),
    /// Product keys were added.
    KeysAdded(Result<AddKeysReport, WorkspaceError>),
    /// A text file was read into a dialog.
    TextRead(Purpose, Result<String, String>),
    /// The product keys were sealed.
    Sealed(Result<SealReport, WorkspaceError>),
    /// They were unlocked: how many.
    Unlocked(Result<usize, WorkspaceError>),
    /// The seal was taken off; `true`: the keys were given up.
    Unsealed(bool, Result<(), WorkspaceError>),
    /// Older copies with keys in clear were removed.
    CopiesRemoved(Result<Vec<PathBuf>, WorkspaceError>),
    /// The list was edited: what was done, in words.
    Edited(String, Result<(), WorkspaceError>),
    /// The rows of an order and its price are known.
    Priced(Job, Price),
    /// A run was started, or refused.
    Started(Result<Run, WorkspaceError>),
    /// The files of further authorities were read: why one of them cannot be used.
    AuthoritiesRead(Option<String>),
    /// The preferences were written.
    Remembered(std::io::Result<()>),
    /// The keyring answered.
    Keyring(KeyringAnswer),
    /// The way in to computers was chosen: for how many it changed.
    WayChosen(Option<WayIn>, Result<usize, WorkspaceError>),
    /// Rows as text for the clipboard, and how many.
    RowsAsText(String, usize),
}

/// More results than this wait nowhere: the threads do.
const RESULTS: usize = 32;

/// What a thread works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Other,
}

/// The threads under way.
pub struct Jobs {
    sender: SyncSender<(Kind, Outcome)>,
    receiver: Receiver<(Kind, Outcome)>,
    waker: Waker,
    running: usize,
    files: usize,
}

impl Jobs {
    /// No thread yet.
    pub fn new(waker: Waker) -> Self {
        let (sender, receiver) = sync_channel(RESULTS);
        Self {
            sender,
            receiver,
            waker,
            running: 0,
            files: 0,
        }
    }

    /// Does `work` on a thread of its own.
    pub fn spawn(&mut self, name: &str, work: impl FnOnce() -> Outcome + Send + 'static) -> std::io::Result<()> {
        self.spawn_kind(Kind::Other, name, work)
    }

    fn spawn_kind(
        &mut self,
        kind: Kind,
        name: &str,
        work: impl FnOnce() -> Outcome + Send + 'static,
    ) -> std::io::Result<()> {
        let sender = self.sender.clone();
        let waker = self.waker.clone();
        let named = name.to_owned();
        std::thread::Builder::new()
            .name(format!("makeeper-{name}"))
            .spawn(move || {
                // Without a result, commands that wait for it would wait for ever. What `work` owns is gone with it, and what
                // it shares is behind locks that put up with this.
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Outcome::Broken {
                    name: named,
                    file: kind == Kind::File,
                });
                // The window may be gone by now; then nobody needs the result.
                let _ = sender.send((kind, outcome));
                waker();
            })?;
        self.running += 1;
        if kind == Kind::File {
            self.files += 1;
        }
        Ok(())
    }

    /// Threads under way.
    pub fn running(&self) -> usize {
        self.running
    }

    /// A file is being picked, read or written.
    pub fn busy_with_file(&self) -> bool {
        self.files > 0
    }

    /// As [`Jobs::spawn`], for work on files: commands that need the file wait for it.
    pub fn spawn_file(&mut self, name: &str, work: impl FnOnce() -> Outcome + Send + 'static) -> std::io::Result<()> {
        self.spawn_kind(Kind::File, name, work)
    }

    /// The next result, if there is one.
    pub fn take(&mut self) -> Option<Outcome> {
        let (kind, outcome) = self.receiver.try_recv().ok()?;
        self.running = self.running.saturating_sub(1);
        if kind == Kind::File {
            self.files = self.files.saturating_sub(1);
        }
        Some(outcome)
    }
}

const LIST: &str = "Computer Information List";

/// What to ask for `purpose`; `near` is the open list.
pub fn question(purpose: &Purpose, near: Option<&std::path::Path>) -> PickFile {
    let stem = near
        .and_then(|p| p.file_stem())
        .map_or_else(|| "computers".to_owned(), |s| s.to_string_lossy().into_owned());
    let (title, save, file_name) = match purpose {
        Purpose::New => ("New list", true, "computers.cilx".to_owned()),
        Purpose::Open => ("Open list", false, String::new()),
        Purpose::SaveAs => ("Save list as", true, format!("{stem}.cilx")),
        Purpose::Import => ("Import list", false, String::new()),
        Purpose::Export { profile, .. } => ("Export list", true, format!("{stem}-{}.cilx", profile.name())),
        Purpose::ExportTable { .. } => ("Export table", true, format!("{stem}.csv")),
        Purpose::Keys => ("Read product keys from a file", false, String::new()),
        Purpose::Computers => ("Read computer names from a file", false, String::new()),
        Purpose::ListFile => ("Choose a list file", false, String::new()),
        Purpose::ExportKms => ("Export KMS hosts", true, format!("{stem}-kms.csv")),
    };
    let (kind, endings): (_, &[&str]) = match purpose {
        Purpose::Keys | Purpose::Computers | Purpose::ListFile => ("Text", &["txt", "csv"]),
        Purpose::ExportTable { .. } | Purpose::ExportKms => ("Table", &["csv"]),
        _ if save => (LIST, &["cilx"]),
        _ => (LIST, &["cilx", "cil"]),
    };
    PickFile {
        title,
        save,
        file_name,
        folder: near.and_then(|p| p.parent()).map(std::path::Path::to_owned),
        kind,
        endings,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn work_that_panics_is_counted_down_and_told() {
        let (ring, bell) = channel();
        let mut jobs = Jobs::new(Arc::new(move || {
            let _ = ring.send(());
        }));
        jobs.spawn_file("open", || panic!("a mistake")).unwrap();
        jobs.spawn("price", || panic!("another")).unwrap();
        assert!(jobs.busy_with_file());
        for _ in 0..2 {
            bell.recv().unwrap();
        }
        let mut told = Vec::new();
        while let Some(outcome) = jobs.take() {
            let Outcome::Broken { name, file } = outcome else {
                panic!("it says that it broke");
            };
            told.push((name, file));
        }
        told.sort();
        assert_eq!(told, [("open".to_owned(), true), ("price".to_owned(), false)]);
        assert!(!jobs.busy_with_file() && jobs.running() == 0);
        jobs.spawn_file("close", || Outcome::Discarded).unwrap();
        bell.recv().unwrap();
        assert!(matches!(jobs.take(), Some(Outcome::Discarded)));
        assert!(!jobs.busy_with_file());
    }
}
