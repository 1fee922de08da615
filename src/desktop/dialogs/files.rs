//! A list that could not be opened or saved: why, and what can be done about just that.

use std::path::Path;

use egui::{Context, RichText};

use super::{Stay, answer_button, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::state::words::Health;
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button};
use crate::workspace::{StoreError, WorkspaceError};

/// What can be done about a list that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenRemedy {
    /// Somebody else has it open: wait for them, or look at it meanwhile.
    InUse,
    /// It can be read, not written.
    LookOnly,
    /// Nothing from here.
    None,
}

impl OpenRemedy {
    /// What can be done about this.
    pub fn of(error: &WorkspaceError) -> Self {
        match error {
            WorkspaceError::Store(StoreError::InUse { .. } | StoreError::InUseElsewhere { .. }) => Self::InUse,
            WorkspaceError::Store(
                StoreError::ReadOnly { .. } | StoreError::AccessDenied { .. } | StoreError::DiskFull { .. },
            ) => Self::LookOnly,
            _ => Self::None,
        }
    }
}

/// What can be done about a list that cannot be saved, besides saving it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveRemedy {
    /// Somebody else changed the file: write over it knowingly.
    Overwrite,
    /// What is in the way may go away: try again.
    Again,
    /// As before, but the journal is gone with the medium.
    AgainWithoutJournal,
}

impl SaveRemedy {
    /// What can be done about this.
    pub fn of(error: &WorkspaceError) -> Self {
        match error {
            WorkspaceError::Store(StoreError::ChangedByOther { .. }) => Self::Overwrite,
            WorkspaceError::Store(StoreError::Vanished { .. }) => Self::AgainWithoutJournal,
            _ => Self::Again,
        }
    }
}

pub(super) fn open_failed(ctx: &Context, frame: &Frame<'_>, path: &Path, message: &str, remedy: OpenRemedy) -> Stay {
    let in_use = remedy == OpenRemedy::InUse;
    let title = if in_use {
        "Somebody else has this list open"
    } else {
        "The list cannot be opened"
    };
    let done = dialog_ui(ctx, title, 520.0, |ui| {
        ui.label(RichText::new(path.display().to_string()).text_style(theme::strong()));
        banner_ui(ui, if in_use { Health::Soon } else { Health::Bad }, "", message);
        if remedy != OpenRemedy::None {
            note(
                ui,
                "Opened to look at only, nothing can be changed; it can be exported and saved under another name.",
            );
        }
        let mut done = false;
        buttons(ui, |ui| {
            if remedy == OpenRemedy::None {
                done |= answer_button(ui, true, "Close");
                return;
            }
            if answer_button(ui, true, "Open to look at only") {
                frame.send(Event::OpenReadOnly(path.to_owned()));
                done = true;
            }
            if plain_button(ui, "Try again").clicked() {
                frame.send(Event::OpenRecent(path.to_owned()));
                done = true;
            }
            done |= plain_button(ui, "Close").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

pub(super) fn save_failed(ctx: &Context, frame: &Frame<'_>, message: &str, remedy: SaveRemedy) -> Stay {
    let done = dialog_ui(ctx, "The list was not saved", 520.0, |ui| {
        banner_ui(ui, Health::Bad, "", message);
        note(
            ui,
            if remedy == SaveRemedy::AgainWithoutJournal {
                "Everything is here as long as MAKeeper is open: save it elsewhere, or bring the medium back and try again."
            } else {
                "Nothing is lost: the list stays open, and every change is in the journal beside the file."
            },
        );
        let mut done = false;
        buttons(ui, |ui| {
            if answer_button(ui, true, "Save as…") {
                frame.run(Command::SaveAs);
                done = true;
            }
            if remedy == SaveRemedy::Overwrite {
                let over = plain_button(ui, "Save anyway").on_hover_text(
                    "The version of the other program is kept beside the file as the previous generation.",
                );
                if over.clicked() {
                    frame.send(Event::SaveAnyway);
                    done = true;
                }
            } else if plain_button(ui, "Try again").clicked() {
                frame.run(Command::Save);
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}
