//! A list that is being opened on a thread of its own: how far it has come, and whether it is still wanted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::workspace::Progress;

#[derive(Debug, Default)]
struct Shared {
    /// Thousandths of the file that were read.
    permille: AtomicU32,
    cancelled: AtomicBool,
}

/// A list that is being opened. A clone is about the same one.
#[derive(Debug, Clone)]
pub struct Opening {
    path: Arc<PathBuf>,
    shared: Arc<Shared>,
}

impl Opening {
    /// Nothing of it was read yet.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
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
        let opening = Opening::new("a/list.cilx".into());
        assert_eq!(opening.name(), "list.cilx");
        let at = |done| Progress { done, total: 200 };
        assert!(opening.watch(at(150)).is_continue());
        assert!(opening.watch(at(100)).is_continue());
        assert!((opening.share() - 0.75).abs() < 0.001);
        assert!(opening.watch(Progress { done: 0, total: 0 }).is_continue());
        opening.clone().cancel();
        assert!(opening.watch(at(200)).is_break());
    }
}
