//! The pages of the window.

pub mod activity;
pub mod air_gap;
pub mod details;
pub mod discovery;
pub mod grid;
pub mod keys;
pub mod kms;
pub mod products;
pub mod table;

use egui::{RichText, Ui};

use super::app::{Event, Frame};
use super::commands::Command;
use super::icons::Icon;
use super::shell::reading_ui;
use super::theme::{self, Palette};
use super::widgets::{centered_row, command_button, empty_ui, primary_command, quiet_button};

/// What stands there before a list is open.
pub fn welcome_ui(ui: &mut Ui, frame: &Frame<'_>) {
    if let Some(reading) = frame.reading {
        let text = "A big list takes a moment.";
        empty_ui(ui, Icon::Open, "Opening the list", text, |ui| {
            ui.set_max_width(ui.available_width().min(560.0));
            reading_ui(ui, frame, reading);
        });
        return;
    }
    if frame.facts.busy_with_file {
        empty_ui(ui, Icon::Open, "Opening…", "", |ui| {
            ui.spinner();
        });
        return;
    }
    empty_ui(
        ui,
        Icon::Products,
        "No list is open",
        "A Computer Information List holds computers, their products and license status, and the product keys you own. Open one \
         that VAMT or MAKeeper wrote, or make a new one.",
        |ui| {
            centered_row(ui, "welcome", |ui| {
                primary_command(ui, frame, Command::OpenList);
                ui.spacing_mut().interact_size.y = 36.0;
                command_button(ui, frame, Command::NewList);
            });
            recent_ui(ui, frame);
        },
    );
}

/// More are in the File menu.
const RECENT: usize = 5;

fn recent_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let recent = frame.screen.recent.paths();
    if recent.is_empty() {
        return;
    }
    ui.add_space(theme::L);
    ui.label(RichText::new("Opened last").color(Palette::of(ui).text_weak));
    for path in recent.iter().take(RECENT) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let button = quiet_button(ui, Some(Icon::Open), &name).on_hover_text(path.display().to_string());
        if button.clicked() {
            frame.send(Event::OpenRecent(path.clone()));
        }
    }
}
