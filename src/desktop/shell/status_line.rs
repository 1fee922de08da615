//! The status line: which file, what is not saved, how old the data is.

use egui::{Align, Layout, RichText, Ui};

use crate::desktop::app::Frame;
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::elided;

pub(super) fn status_line_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let p = Palette::of(ui);
    let weak = |text: String| RichText::new(text).small().color(p.text_weak);
    ui.spacing_mut().interact_size.y = 20.0;
    ui.horizontal(|ui| {
        let Some(snapshot) = frame.snapshot else {
            let text = if frame.facts.busy_with_file {
                "Opening…"
            } else {
                "No list is open"
            };
            ui.label(weak(text.into()));
            return;
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = theme::M;
            let who = frame
                .user
                .as_ref()
                .map_or_else(|| "not signed in".to_owned(), |u| format!("as {u}"));
            let who = ui.add(egui::Label::new(weak(who)).sense(egui::Sense::click()));
            if who.on_hover_text(Command::Credentials.spec().tip).clicked() {
                frame.run(Command::Credentials);
            }
            if let Some(at) = newest(frame) {
                ui.label(weak(format!("newest status {}", words::ago(at, frame.now))))
                    .on_hover_text(format!("Read {}", words::moment(at)));
            }
            let selected = frame.screen.selection.rows().len();
            let view = &frame.answer.view;
            let mut rows = if view.rows == view.total {
                words::count(view.total, "row", "rows")
            } else {
                format!("{} of {} rows", words::number(view.rows), words::number(view.total))
            };
            if selected > 0 {
                rows = format!("{rows}, {} selected", words::number(selected));
            }
            ui.label(weak(rows));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = theme::S;
                if snapshot.read_only {
                    ui.label(RichText::new("Read only").small().color(p.warn));
                } else if snapshot.unsaved > 0 {
                    let text = words::count(snapshot.unsaved, "unsaved change", "unsaved changes");
                    ui.label(RichText::new(text).small().color(p.warn)).on_hover_text(
                        "Kept in the journal beside the file: a crash loses nothing. Save writes them to the file.",
                    );
                    let save = egui::Button::new(Icon::Save.atom()).frame_when_inactive(false).small();
                    if ui
                        .add(save)
                        .on_hover_text("Save now")
                        .accessible_name("Save now")
                        .clicked()
                    {
                        frame.run(Command::Save);
                    }
                } else {
                    ui.label(weak("Saved".into()));
                }
                elided(ui, weak(snapshot.path.display().to_string()));
            });
        });
    });
}

/// When the newest status of the rows was read, as the worker saw it last.
fn newest(frame: &Frame<'_>) -> Option<chrono::DateTime<chrono::Utc>> {
    frame.answer.newest
}
