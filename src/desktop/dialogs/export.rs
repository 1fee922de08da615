//! What leaves the house, and what does not.

use egui::Context;

use super::{Stay, answer_button, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::widgets::{choice_card, plain_button};
use crate::workspace::ExportProfile;

/// What was chosen.
#[derive(Debug)]
pub struct Export {
    profile: ExportProfile,
    selection_only: bool,
    has_selection: bool,
}

/// Title of a profile, what the file contains, and what it does not.
pub fn contents(profile: ExportProfile) -> (&'static str, &'static str, &'static str) {
    match profile {
        ExportProfile::Full => (
            "Everything",
            "Computers, products, confirmation IDs, remarks and whole product keys.",
            "Treat the file like the keys themselves.",
        ),
        ExportProfile::WithoutKeys => (
            "Without product keys",
            "Computers, products, confirmation IDs and remarks.",
            "No product keys beyond their last five characters.",
        ),
        ExportProfile::ProxyOnly => (
            "Proxy activation data only",
            "Installation IDs, extended PIDs, confirmation IDs, and a number that joins each row to yours.",
            "No computer name, domain, network address, person or product key.",
        ),
    }
}

impl Export {
    pub(super) fn new(has_selection: bool, across_the_gap: bool) -> Self {
        Self {
            profile: if across_the_gap {
                ExportProfile::ProxyOnly
            } else {
                ExportProfile::default()
            },
            selection_only: false,
            has_selection,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Export list", 520.0, |ui| {
            for profile in [
                ExportProfile::ProxyOnly,
                ExportProfile::WithoutKeys,
                ExportProfile::Full,
            ] {
                self.profile_ui(ui, profile);
            }
            ui.add_enabled_ui(self.has_selection, |ui| {
                ui.checkbox(&mut self.selection_only, "Selected rows only")
                    .on_disabled_hover_text("Nothing is selected.");
            });
            note(ui, "The open list itself is not changed.");
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, true, "Export…") {
                    frame.send(Event::Export {
                        profile: self.profile,
                        selection_only: self.selection_only && self.has_selection,
                    });
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn profile_ui(&mut self, ui: &mut egui::Ui, profile: ExportProfile) {
        let (title, contains, lacks) = contents(profile);
        let below = |ui: &mut egui::Ui| {
            ui.add(egui::Label::new(contains).wrap());
            note(ui, lacks);
        };
        if choice_card(ui, self.profile == profile, title, |_| {}, below) {
            self.profile = profile;
        }
    }
}
