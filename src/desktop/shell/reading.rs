//! A list that is being read: how far it has come, and a way out.

use egui::accesskit::Role;
use egui::{Align, Layout, RichText, Ui, UiBuilder};

use crate::desktop::app::{Event, Frame};
use crate::desktop::state::reading::{ReadFor, Reading};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{bar_ui, elided, plain_button, region};

/// One line: the file, a bar, how much of it, a button that gives it up.
pub fn reading_ui(ui: &mut Ui, frame: &Frame<'_>, reading: &Reading) {
    let p = Palette::of(ui);
    let percent = format!("{:.0} %", reading.share() * 100.0);
    let (verb, way_out) = match reading.purpose() {
        ReadFor::Open => ("Opening", "Cancel opening"),
        ReadFor::Import | ReadFor::Unlock | ReadFor::Merge => ("Reading", "Cancel reading"),
    };
    let what = format!("{verb} {}", reading.name());
    region(ui, UiBuilder::new(), Role::Status, &what, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::M;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_enabled_ui(!reading.is_cancelled(), |ui| {
                    if plain_button(ui, "Cancel").accessible_name(way_out).clicked() {
                        frame.send(Event::CancelReading);
                    }
                });
                ui.label(RichText::new(&percent).color(p.text_weak));
                bar_ui(ui, reading.share(), p.accent, 200.0);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    elided(ui, RichText::new(&what).text_style(theme::strong()))
                        .on_hover_text(reading.path().display().to_string());
                });
            });
        });
    });
}
