//! Asking for a file. A hanging desktop portal would block, so pickers are called on threads of their own; tests script them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A question for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickFile {
    /// Title of the dialog.
    pub title: &'static str,
    /// A file that may not exist yet.
    pub save: bool,
    /// The name proposed for a new file.
    pub file_name: String,
    /// Where to begin; `None` leaves it to the system.
    pub folder: Option<PathBuf>,
    /// What kind of files, in words.
    pub kind: &'static str,
    /// Their endings, without the dot.
    pub endings: &'static [&'static str],
}

/// What came of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// This file.
    File(PathBuf),
    /// The person thought better of it.
    Cancelled,
    /// There is no way to ask on this system.
    Unavailable,
}

/// Asks a person, or a script, for a file.
pub trait FilePicker: Send + Sync {
    /// Asks. May block.
    fn pick(&self, ask: &PickFile) -> Picked;
}

/// Nobody reads a dialog and cancels it in less: it was never shown.
const FASTER_THAN_ANYBODY: Duration = Duration::from_millis(80);

/// The file dialogs of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemPicker;

impl FilePicker for SystemPicker {
    fn pick(&self, ask: &PickFile) -> Picked {
        let asked = Instant::now();
        match Self::ask(ask) {
            Some(path) => Picked::File(path),
            // Without a desktop portal the question comes back at once, like a cancel.
            None if asked.elapsed() < FASTER_THAN_ANYBODY => Picked::Unavailable,
            None => Picked::Cancelled,
        }
    }
}

impl SystemPicker {
    fn ask(ask: &PickFile) -> Option<PathBuf> {
        let mut dialog = rfd::FileDialog::new()
            .set_title(ask.title)
            .add_filter(ask.kind, ask.endings);
        if let Some(folder) = &ask.folder {
            dialog = dialog.set_directory(folder);
        }
        if !ask.save {
            return dialog.add_filter("All files", &["*"]).pick_file();
        }
        let path = dialog.set_file_name(&ask.file_name).save_file()?;
        // Not every system adds the ending by itself.
        Some(match (path.extension(), ask.endings.first()) {
            (None, Some(ending)) => path.with_extension(ending),
            _ => path,
        })
    }
}
