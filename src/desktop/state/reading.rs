//! A list that is being read on a thread of its own: how far it has come, and whether it is still wanted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::workspace::Progress;

/// What a list is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFor {
    /// To be the open list.
    Open,
    /// To be taken into the open list.
    Import,
    /// The same, once more with its passphrase: the dialog that asked for it shows how far it is.
    Unlock,
    /// The file of the open list, if somebody else saved it meanwhile: read when that has come to light.
    Merge,
}

#[derive(Debug, Default)]
struct Shared {
    /// Thousandths of the file that were read.
    permille: AtomicU32,
    begun: AtomicBool,
    cancelled: AtomicBool,
}

/// A list that is being read. A clone is about the same one.
#[derive(Debug, Clone)]
pub struct Reading {
    path: Arc<PathBuf>,
    purpose: ReadFor,
    shared: Arc<Shared>,
}

impl Reading {
    /// Nothing of it was read yet.
    pub fn new(path: PathBuf, purpose: ReadFor) -> Self {
        Self {
            path: Arc::new(path),
            purpose,
            shared: Arc::default(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, for people.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// What it is read for.
    pub fn purpose(&self) -> ReadFor {
        self.purpose
    }

    /// The window shows it, and not a dialog, and it is known that there is something to read.
    pub fn is_shown_in_window(&self) -> bool {
        match self.purpose {
            ReadFor::Open | ReadFor::Import => true,
            ReadFor::Unlock => false,
            ReadFor::Merge => self.shared.begun.load(Ordering::Relaxed),
        }
    }

    /// How much was read, from 0 to 1.
    pub fn share(&self) -> f32 {
        self.shared.permille.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// It is no longer wanted.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// It was given up.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Takes in how far reading has come; answers whether to go on.
    pub fn watch(&self, progress: Progress) -> ControlFlow<()> {
        let permille = progress.done.saturating_mul(1000) / progress.total.max(1);
        // Several threads read: the one that is furthest counts.
        self.shared
            .permille
            .fetch_max(permille.min(1000) as u32, Ordering::Relaxed);
        self.shared.begun.store(true, Ordering::Relaxed);
        if self.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_goes_forward_only_and_a_cancel_stops_it() {
        let reading = Reading::new("a/list.cilx".into(), ReadFor::Open);
        assert_eq!(reading.name(), "list.cilx");
        let at = |done| Progress { done, total: 200 };
        assert!(reading.watch(at(150)).is_continue());
        assert!(reading.watch(at(100)).is_continue());
        assert!((reading.share() - 0.75).abs() < 0.001);
        assert!(reading.watch(Progress { done: 0, total: 0 }).is_continue());
        reading.clone().cancel();
        assert!(reading.watch(at(200)).is_break());
    }

    #[test]
    fn a_save_shows_a_bar_only_when_there_is_a_version_of_somebody_else_to_read() {
        let at = Progress { done: 1, total: 200 };
        let open = Reading::new("a/list.cilx".into(), ReadFor::Open);
        assert!(open.is_shown_in_window());
        let merge = Reading::new("a/list.cilx".into(), ReadFor::Merge);
        assert!(!merge.is_shown_in_window());
        assert!(merge.watch(at).is_continue());
        assert!(merge.is_shown_in_window());
    }
}
