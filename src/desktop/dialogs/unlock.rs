//! The passphrase of sealed product keys: of the open list, or of one that is imported.

use std::path::PathBuf;

use egui::{Context, Key, RichText};

use super::{Stay, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::shell::reading_ui;
use crate::desktop::state::words::Health;
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button, primary_button};

/// What was typed, and what it is for.
#[derive(Default)]
pub struct Unlock {
    /// A file to import; `None`: the open list.
    file: Option<PathBuf>,
    /// What was asked for and needs the keys.
    then: Option<Box<Event>>,
    passphrase: SecretText,
    focused: bool,
    waiting: bool,
    problem: Option<String>,
}

impl Unlock {
    pub(super) fn list(then: Option<Box<Event>>) -> Self {
        Self {
            then,
            ..Self::default()
        }
    }

    pub(super) fn file(path: PathBuf) -> Self {
        Self {
            file: Some(path),
            ..Self::default()
        }
    }

    /// What waits for the keys of the open list.
    pub fn take_then(&mut self) -> Option<Box<Event>> {
        self.then.take()
    }

    /// The keys stay locked, and why.
    pub fn failed(&mut self, problem: String) {
        self.waiting = false;
        self.problem = Some(problem);
        // To be typed again; the field has the keyboard.
        self.passphrase = SecretText::default();
        self.focused = false;
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Unlock product keys", 440.0, |ui| {
            match &self.file {
                Some(path) => {
                    ui.label(RichText::new(path.display().to_string()).text_style(theme::strong()));
                    paragraph(
                        ui,
                        "The product keys of this list are sealed. With its passphrase they come in, too.",
                    );
                }
                None if self.then.is_some() => {
                    paragraph(
                        ui,
                        "This needs the product keys, and they are sealed with a passphrase.",
                    );
                }
                None => paragraph(ui, "The product keys of this list are sealed with a passphrase."),
            }
            let field = secret_line(ui, &mut self.passphrase, "Passphrase", !self.waiting);
            if !std::mem::replace(&mut self.focused, true) {
                field.request_focus();
            }
            if let Some(problem) = &self.problem {
                banner_ui(ui, Health::Bad, "", problem);
            }
            if self.file.is_none() {
                note(
                    ui,
                    "They can be read here until MAKeeper closes or they are locked again; in the file they stay sealed.",
                );
            }
            let ready = !self.passphrase.is_empty() && !self.waiting;
            let entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
            let mut done = false;
            // The one in the window is behind this dialog.
            if let Some(reading) = frame.reading.filter(|_| self.waiting) {
                reading_ui(ui, frame, reading);
            }
            buttons(ui, |ui| {
                if (primary_button(ui, ready, "Unlock").clicked() || entered) && ready {
                    self.waiting = true;
                    self.problem = None;
                    let passphrase = self.passphrase.secret();
                    frame.send(match &self.file {
                        Some(path) => Event::PlanImportUnlocked(path.clone(), passphrase),
                        None => Event::UnlockKeys(passphrase),
                    });
                }
                if self.waiting && self.file.is_none() {
                    ui.spinner();
                } else if !self.waiting {
                    done = plain_button(ui, "Cancel").clicked();
                }
            });
            done
        });
        // What comes of it is told here.
        Stay::unless(done.unwrap_or(true) && !self.waiting)
    }
}
