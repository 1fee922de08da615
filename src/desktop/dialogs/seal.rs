//! Sealing the product keys with a passphrase, and taking the seal off.

use std::path::PathBuf;

use egui::{Context, Key, RichText, ScrollArea};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::state::words::{self, Health};
use crate::desktop::widgets::{banner_ui, plain_button, primary_button};
use crate::workspace::KeyProtection;

const WIDTH: f32 = 480.0;

/// What was typed.
#[derive(Default)]
pub struct Seal {
    first: SecretText,
    second: SecretText,
    focused: bool,
    waiting: bool,
    problem: Option<String>,
}

impl Seal {
    /// Sealing failed; nothing was changed.
    pub fn failed(&mut self, problem: String) {
        self.waiting = false;
        self.problem = Some(problem);
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let anew = frame.facts.protection == KeyProtection::Unlocked;
        let title = if anew {
            "Change the passphrase"
        } else {
            "Seal product keys"
        };
        let done = dialog_ui(ctx, title, WIDTH, |ui| {
            paragraph(
                ui,
                "In the file, product keys can then be read with the passphrase only. License status, counts, confirmation IDs \
                 and everything else need none.",
            );
            let text = "Nobody can recover it. Without it the product keys are lost, and nothing else: status, counts and \
                        confirmation IDs stay. Write it down and keep it in a safe place.";
            banner_ui(ui, Health::Soon, "Do not forget the passphrase", text);
            let first = secret_line(ui, &mut self.first, "Passphrase", !self.waiting);
            if !std::mem::replace(&mut self.focused, true) {
                first.request_focus();
            }
            let second = secret_line(ui, &mut self.second, "The same again", !self.waiting);
            let enter = ui.input(|i| i.key_pressed(Key::Enter));
            if first.lost_focus() && enter {
                second.request_focus();
            }
            let differ = !self.second.is_empty() && self.first != self.second;
            if let Some(problem) = &self.problem {
                banner_ui(ui, Health::Bad, "The product keys were not sealed", problem);
            } else if differ {
                note(ui, "The two are not the same yet.");
            } else {
                note(ui, "Several words are better than one difficult one.");
            }
            note(
                ui,
                "The list is saved at once, with every change that is not in the file yet. Edits made before cannot be undone \
                 afterwards.",
            );
            let ready = !self.first.is_empty() && self.first == self.second && !self.waiting;
            let entered = second.lost_focus() && enter;
            let mut done = false;
            buttons(ui, |ui| {
                if (primary_button(ui, ready, "Seal").clicked() || entered) && ready {
                    self.waiting = true;
                    self.problem = None;
                    frame.send(Event::SealKeys(self.first.secret()));
                }
                if self.waiting {
                    ui.spinner();
                } else {
                    done = plain_button(ui, "Cancel").clicked();
                }
            });
            done
        });
        // What is being sealed is sealed: there is nothing to leave.
        Stay::unless(done.unwrap_or(true) && !self.waiting)
    }
}

/// Taking the seal off.
#[derive(Debug, Default)]
pub struct Unseal {
    /// The passphrase is lost.
    lost: bool,
}

impl Unseal {
    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Remove the seal?", WIDTH, |ui| {
            if frame.facts.protection == KeyProtection::Locked {
                self.locked_ui(ui, frame)
            } else {
                open_ui(ui, frame)
            }
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn locked_ui(&mut self, ui: &mut egui::Ui, frame: &Frame<'_>) -> bool {
        let mut done = false;
        if self.lost {
            let keys = words::count(frame.facts.locked_keys, "product key", "product keys");
            let text = "Their entries stay, with the last five characters, description, remarks and counts. The keys themselves \
                        cannot be had back from this list.";
            banner_ui(ui, Health::Bad, &format!("{keys} will be given up"), text);
            paragraph(
                ui,
                "License status, counts and confirmation IDs stay as they are. The list is saved at once.",
            );
            buttons(ui, |ui| {
                if primary_button(ui, true, "Give the keys up").clicked() {
                    frame.send(Event::UnsealKeys { forget: true });
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            return done;
        }
        paragraph(
            ui,
            "The product keys are locked: unlock them with the passphrase first.",
        );
        buttons(ui, |ui| {
            if answer_button(ui, true, "Unlock…") {
                frame.send(Event::AskPassphrase(Some(Box::new(Event::Run(
                    crate::desktop::commands::Command::UnsealKeys,
                )))));
                done = true;
            }
            if plain_button(ui, "The passphrase is lost…").clicked() {
                self.lost = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    }
}

fn open_ui(ui: &mut egui::Ui, frame: &Frame<'_>) -> bool {
    banner_ui(
        ui,
        Health::Soon,
        "",
        "The product keys will be in the file in clear, as VAMT keeps them: everybody who can read the file can read them.",
    );
    note(
        ui,
        "The list is saved at once, with every change that is not in the file yet.",
    );
    let mut done = false;
    buttons(ui, |ui| {
        if primary_button(ui, true, "Remove the seal").clicked() {
            frame.send(Event::UnsealKeys { forget: false });
            done = true;
        }
        done |= plain_button(ui, "Cancel").clicked();
    });
    done
}

/// Older copies of a list that was sealed hold its keys in clear still.
pub(super) fn copies(ctx: &Context, frame: &Frame<'_>, paths: &[PathBuf]) -> Stay {
    let done = dialog_ui(ctx, "Older copies hold the keys in clear", 560.0, |ui| {
        paragraph(
            ui,
            "The list is sealed. These files beside it are from before, and everybody who can read them can read the product \
             keys:",
        );
        ScrollArea::vertical()
            .id_salt("copies")
            .max_height(160.0)
            .min_scrolled_height(160.0)
            .show(ui, |ui| {
                for path in paths {
                    ui.add(egui::Label::new(RichText::new(path.display().to_string()).monospace()).wrap());
                }
            });
        note(
            ui,
            "They are what one would go back to after a mistake. What is removed may be found on the medium until it is written over.",
        );
        let mut done = false;
        buttons(ui, |ui| {
            if primary_button(ui, true, "Remove them").clicked() {
                frame.send(Event::RemoveCopies);
                done = true;
            }
            done |= plain_button(ui, "Keep them").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}
