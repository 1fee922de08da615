//! Product keys under a passphrase: what waits for it, and what came of sealing and unlocking.

use super::app::{Desktop, Event};
use super::commands::Command;
use super::dialogs::{self, Dialog};
use super::state::notices::Tone;
use super::state::orders::Order;
use super::state::words;
use crate::workspace::{ExportProfile, Job, KeyChoice, KeyProtection, SealReport, WorkspaceError};

impl Desktop {
    /// What was asked for needs product keys that are sealed and locked: it waits for the passphrase.
    pub(super) fn needs_locked_keys(&self, event: &Event) -> bool {
        let Some(list) = &self.list else { return false };
        let is_locked = |id| list.snapshot.inventory.key(id).is_some_and(|k| k.is_locked());
        match event {
            Event::Run(Command::CopyKey) => self.screen.key.is_some_and(is_locked),
            Event::CopyKey(id)
            | Event::Order(Order::Install(KeyChoice::Owned(id)), _)
            | Event::Start(Job::InstallKey {
                key: KeyChoice::Owned(id),
                ..
            }) => is_locked(*id),
            Event::Export { profile, .. } => {
                *profile == ExportProfile::Full && list.snapshot.key_protection() == KeyProtection::Locked
            }
            _ => false,
        }
    }

    pub(super) fn waiting_for_passphrase(&mut self) -> Option<&mut dialogs::Unlock> {
        self.dialogs.iter_mut().find_map(|d| match d {
            Dialog::Unlock(dialog) => Some(&mut **dialog),
            _ => None,
        })
    }

    pub(super) fn sealed(&mut self, result: Result<SealReport, WorkspaceError>) {
        match result {
            Ok(report) => {
                self.dialogs.retain(|d| !matches!(d, Dialog::Seal(_)));
                let keys = words::count(report.keys, "product key", "product keys");
                let detail = "They can be read here until MAKeeper closes or you lock them.";
                self.say(Tone::Good, format!("{keys} sealed"), detail);
                if !report.copies_with_keys.is_empty() {
                    self.open(Dialog::Copies(report.copies_with_keys));
                }
            }
            Err(error) => {
                for dialog in &mut self.dialogs {
                    if let Dialog::Seal(dialog) = dialog {
                        dialog.failed(words::sentence(&error.to_string()));
                    }
                }
            }
        }
    }

    pub(super) fn unlocked(&mut self, result: Result<usize, WorkspaceError>) {
        let Some(dialog) = self.waiting_for_passphrase() else {
            return;
        };
        match result {
            Ok(keys) => {
                let then = dialog.take_then();
                self.dialogs.retain(|d| !matches!(d, Dialog::Unlock(_)));
                if let Some(event) = then {
                    self.send(*event);
                } else {
                    let keys = words::count(keys, "product key", "product keys");
                    self.say(Tone::Good, format!("{keys} unlocked"), "");
                }
            }
            Err(error) => dialog.failed(words::sentence(&error.to_string())),
        }
    }
}
