//! What happened in this session, newest first.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::desktop::app::Frame;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::page_heading;

pub(crate) fn activity_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let Some(snapshot) = frame.snapshot else { return };
    let p = Palette::of(ui);
    page_heading(ui, "Activity", "What happened since the list was opened, newest first.");
    ui.add_space(theme::M);
    let entries = &snapshot.activity;
    let height = ui.text_style_height(&egui::TextStyle::Body).max(20.0);
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show_rows(ui, height, entries.len(), |ui, range| {
            for index in range {
                let Some(entry) = entries.get(entries.len() - 1 - index) else {
                    continue;
                };
                ui.horizontal(|ui| {
                    ui.set_height(height);
                    ui.label(RichText::new(words::moment(entry.at)).monospace().color(p.text_weak));
                    ui.add(Label::new(&*entry.text).selectable(true).truncate());
                });
            }
        });
}
