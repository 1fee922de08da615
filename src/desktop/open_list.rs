//! Opening lists: on a thread of its own, while the one that is open stays until the other is there.

use std::path::{Path, PathBuf};

use super::app::{Desktop, OpenList};
use super::jobs::Outcome;
use super::state::notices::Tone;
use super::state::reading::{ReadFor, Reading};
use super::state::words;
use crate::workspace::{Mode, StoreError, Workspace, WorkspaceError};

impl Desktop {
    pub(super) fn open_path(&mut self, path: PathBuf, read_only: bool) {
        let runtime = self.host.runtime.clone();
        let mode = if read_only { Mode::ReadOnly } else { Mode::Edit };
        let reading = Reading::new(path.clone(), ReadFor::Open);
        self.reading = Some(reading.clone());
        let result = self.jobs.spawn_file("open", move || {
            let watch = |progress| reading.watch(progress);
            let result = match Workspace::open_with(&path, mode, runtime.clone(), &watch) {
                // Read, never written: open to look at, and to be saved as a list of its own.
                Err(WorkspaceError::Store(StoreError::Legacy { .. })) => {
                    Workspace::open_with(&path, Mode::ReadOnly, runtime, &watch)
                }
                result => result,
            };
            let result = result.map(|(w, report)| (w, Some(report)));
            Outcome::Opened { path, result }
        });
        if result.is_err() {
            self.reading = None;
        }
        self.spawned(result);
    }

    pub(super) fn create(&mut self, path: PathBuf) {
        let runtime = self.host.runtime.clone();
        let result = self.jobs.spawn_file("new", move || {
            let result = Workspace::create(&path, runtime).map(|w| (w, None));
            Outcome::Opened { path, result }
        });
        self.spawned(result);
    }

    pub(super) fn install_list(&mut self, workspace: Workspace) {
        workspace.set_waker(self.host.waker.clone());
        workspace.set_settings(self.settings.clone());
        workspace.set_credentials(self.credentials.clone());
        workspace.set_credential_sets(self.groups.sets());
        self.lists_opened += 1;
        self.screen.list_changed();
        self.answer = std::sync::Arc::default();
        let snapshot = workspace.snapshot();
        self.was_opened(&snapshot.path);
        let before = self.list.replace(OpenList {
            workspace,
            snapshot,
            number: self.lists_opened,
        });
        if let Some(before) = before {
            let snapshot = &before.snapshot;
            if snapshot.unsaved > 0 && !snapshot.read_only {
                let changes = words::count(snapshot.unsaved, "change", "changes");
                let title = format!("{changes} not saved in the list that was open");
                let text = format!(
                    "They wait in the journal beside {} and are there again when it is opened.",
                    snapshot.path.display()
                );
                self.say(Tone::Warning, title, text);
            }
            self.discard(before);
        }
    }

    /// The list is among those opened last. That of a demonstration is gone the next time.
    pub(super) fn was_opened(&mut self, path: &Path) {
        if self.demo.is_none()
            && let Ok(path) = std::path::absolute(path)
        {
            self.screen.recent.opened(&path);
        }
    }

    /// Gives a list back. Taking a big one apart takes longer than a frame, and until then its file is in use.
    pub(super) fn discard<T: Send + 'static>(&mut self, list: T) {
        let result = self.jobs.spawn_file("close", move || {
            drop(list);
            Outcome::Discarded
        });
        // Without a thread it was dropped here.
        self.spawned(result);
    }
}
