//! An open list on its disk: locked, journalled, saved atomically, recovered after a crash.
//!
//! Beside `<list>` lie `<list>.journal` (every change since the list was saved; as private as the list), `<list>.lock`
//! (who has it open), `<list>.bak`, `<list>.bak.2` ... (the generations before the last saves) and, while saving,
//! `<list>.saving`.
//!
//! # Saving
//! 1. "saving G" is appended to the journal and forced to the disk. 2. The list is written as generation G to
//!    `<list>.saving` and forced to the disk. 3. The list so far is kept as `.bak`. 4. `.saving` is renamed to the list.
//!    5. A new journal for G takes the place of the old one, with the changes that came after step 1.
//!
//! Killed before step 4, the list on the disk is the old one and the old journal continues it; killed after it, the list is
//! generation G and the old journal's changes after "saving G" continue it. At no instant is a change in neither.

mod disk;
mod error;
mod generations;
mod journal_file;
mod lock;
mod open;
mod rebase;
mod save;

use std::fmt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::cil::seal::holds_keys;
use crate::model::{Change, Inventory};

use super::{LegacyFormat, LoadWarning};

pub use error::{ReadError, StoreError};
pub use open::read_other;
pub use rebase::ChangedList;
pub use save::{PendingSave, WrittenSave};

use disk::{Stamp, beside};
use error::in_words;
use journal_file::JournalFile;
use lock::Lock;
use open::orphans;

/// A list that is open for changes. Dropping it closes the list; what was journalled stays journalled.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    journal: JournalFile,
    stamp: Stamp,
    owner: String,
    pending: usize,
    saving: Option<Saving>,
    /// Previous generations to keep.
    generations: usize,
    /// The journal of before the last save is still in use.
    old_journal: bool,
    // Last, so that it is released last.
    _lock: Lock,
}

/// A save that was begun.
#[derive(Debug, Clone, Copy)]
struct Saving {
    generation: Uuid,
    force: bool,
    /// Changes pending when it was begun.
    covers: usize,
}

/// A list as opened.
#[derive(Debug)]
pub struct Opened {
    /// The list, with the journal's changes.
    pub inventory: Inventory,
    /// The list as its file has it.
    pub on_disk: Inventory,
    /// What of the file could not be used.
    pub warnings: Vec<LoadWarning>,
    /// What the journal brought.
    pub recovered: Recovery,
    /// Which older VAMT wrote the file: such a list is read, never written.
    pub legacy: Option<LegacyFormat>,
}

/// What was found in the journal when the list was opened. Empty after an orderly end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Changes that were not in the saved list and are now in memory.
    pub replayed: usize,
    /// Changes that no longer apply, in words.
    pub refused: Vec<String>,
    /// What of the journal was not readable, in words.
    pub damaged: Option<String>,
    /// The old journal was laid aside here, because the list was replaced or the journal was damaged.
    pub orphan: Option<PathBuf>,
}

impl Recovery {
    /// There is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.replayed {
            0 => {}
            1 => parts.push("1 change that had not been saved was recovered".to_owned()),
            n => parts.push(format!("{n} changes that had not been saved were recovered")),
        }
        match self.refused.as_slice() {
            [] => {}
            [one] => parts.push(format!("1 change no longer applies ({one})")),
            [first, ..] => parts.push(format!(
                "{} changes no longer apply (the first: {first})",
                self.refused.len()
            )),
        }
        parts.extend(self.damaged.clone());
        if let Some(orphan) = &self.orphan {
            parts.push(format!("the old journal was kept as {}", orphan.display()));
        }
        if parts.is_empty() {
            return f.write_str("nothing had to be recovered");
        }
        f.write_str(&parts.join("; "))
    }
}

impl Store {
    /// How many previous generations are kept beside a list unless somebody says otherwise.
    pub const GENERATIONS: usize = 3;

    /// Sets how many previous generations a save keeps, 0 to 99.
    pub fn keep_generations(&mut self, generations: usize) {
        self.generations = generations;
    }

    /// Files beside the list, previous generations and journals laid aside, that hold product keys in clear: what remains of
    /// them after a list was sealed. Reads each of them.
    pub fn copies_with_keys(&self) -> Vec<PathBuf> {
        let journal = beside(&self.path, ".journal");
        let mut files = generations::existing(&self.path);
        files.extend(orphans(&journal));
        files.push(beside(&journal, ".new"));
        if self.old_journal {
            files.push(journal);
        }
        files.retain(|path| std::fs::read(path).is_ok_and(|bytes| holds_keys(&bytes)));
        files
    }

    /// Removes such files, but for a journal in use. The medium may keep what was in them until it is written over.
    pub fn remove_copies_with_keys(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut files = self.copies_with_keys();
        files.retain(|path| *path != beside(&self.path, ".journal"));
        for path in &files {
            std::fs::remove_file(path).map_err(in_words(path, "removed"))?;
        }
        Ok(files)
    }

    /// The list, with symbolic links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes that are in the journal but not in the saved list.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Writes changes to the journal, before they are applied. When this returns, no crash of the program loses them; when
    /// one of them is money ([`Change::is_money`]) or `durable` is set, no loss of power either.
    ///
    /// After an error none of them counts as written.
    pub fn append(&mut self, changes: &[Change], durable: bool) -> Result<(), StoreError> {
        self.journal
            .append(changes, durable || changes.iter().any(Change::is_money))?;
        self.pending += changes.len();
        Ok(())
    }

    /// True if somebody else changed, replaced or removed the file since it was opened or saved.
    pub fn changed_by_other(&self) -> bool {
        !self.stamp.still_fits(&self.path).unwrap_or(false)
    }
}
