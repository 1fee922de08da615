//! A list that is being opened: how far it has come, and a way out.

use egui::accesskit::Role;
use egui::{Align, Layout, RichText, Ui, UiBuilder};

use crate::desktop::app::{Event, Frame};
use crate::desktop::state::opening::Opening;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{bar_ui, elided, plain_button, region};

/// One line: the file, a bar, how much of it, a button that gives it up.
pub fn opening_ui(ui: &mut Ui, frame: &Frame<'_>, opening: &Opening) {
    let p = Palette::of(ui);
    let percent = format!("{:.0} %", opening.share() * 100.0);
    let what = format!("Opening {}", opening.name());
    region(ui, UiBuilder::new(), Role::Status, &what, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::M;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_enabled_ui(!opening.is_cancelled(), |ui| {
                    if plain_button(ui, "Cancel").accessible_name("Cancel opening").clicked() {
                        frame.send(Event::CancelOpening);
                    }
                });
                ui.label(RichText::new(&percent).color(p.text_weak));
                bar_ui(ui, opening.share(), p.accent, 200.0);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    elided(ui, RichText::new(&what).text_style(theme::strong()))
                        .on_hover_text(opening.path().display().to_string());
                });
            });
        });
    });
}
