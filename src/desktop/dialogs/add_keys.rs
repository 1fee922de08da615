//! Adding product keys. What was typed is wiped from memory when the dialog goes; lines that were refused stay to be corrected.

use egui::{Context, RichText, ScrollArea};
use zeroize::Zeroizing;

use super::{Stay, answer_button, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{banner_ui, forget, plain_button, quiet_button, scrolled, text_box};
use crate::workspace::{AddKeysReport, KeyLineOutcome, WorkspaceError};

/// What was typed and what came of it.
#[derive(Default)]
pub struct AddKeys {
    text: Zeroizing<String>,
    hidden: bool,
    waiting: bool,
    report: Option<Result<AddKeysReport, String>>,
    focused: bool,
    field: Option<egui::Id>,
}

impl AddKeys {
    /// Adds the text of a file.
    pub fn append(&mut self, text: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    /// The workspace answered: lines that were taken go, refused ones stay to be corrected.
    pub fn answered(&mut self, result: Result<AddKeysReport, WorkspaceError>) {
        self.waiting = false;
        if let Ok(report) = &result {
            let refused: std::collections::HashSet<usize> = report
                .lines
                .iter()
                .filter(|l| matches!(l.outcome, KeyLineOutcome::Refused(_)))
                .map(|l| l.line)
                .collect();
            let mut kept = Zeroizing::new(String::new());
            for (i, line) in self.text.lines().enumerate() {
                if refused.contains(&(i + 1)) {
                    kept.push_str(line);
                    kept.push('\n');
                }
            }
            self.text = kept;
        }
        self.report = Some(result.map_err(|e| words::sentence(&e.to_string())));
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Add product keys", 560.0, |ui| {
            let label = ui.label("Product keys, one per line; type and description may follow, separated by commas");
            let mut text = std::mem::take(&mut *self.text);
            let edit = text_box(&mut text, 6)
                .font(egui::TextStyle::Monospace)
                .password(self.hidden)
                .interactive(!self.waiting)
                .hint_text("XXXXX-XXXXX-XXXXX-XXXXX-XXXXX, MAK, Head office");
            let edit = scrolled(ui, edit, 6).labelled_by(label.id);
            *self.text = text;
            self.field = Some(edit.id);
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
            }
            ui.horizontal(|ui| {
                if quiet_button(ui, Some(Icon::Open), "Read from a file…").clicked() {
                    frame.send(Event::Pick(Purpose::Keys));
                }
                ui.checkbox(&mut self.hidden, "Hide while typing");
            });
            match &self.report {
                Some(Err(message)) => banner_ui(ui, Health::Bad, "No key was added", message),
                Some(Ok(report)) => report_ui(ui, report),
                None => note(
                    ui,
                    "Keys are checked before they are added, shown only by their last five characters afterwards, and stored \
                     in the list. KMS client setup keys need not be added: MAKeeper knows Microsoft's published ones.",
                ),
            }
            let mut done = false;
            let finished = matches!(&self.report, Some(Ok(_))) && self.text.trim().is_empty();
            buttons(ui, |ui| {
                if finished {
                    done |= answer_button(ui, true, "Done");
                } else {
                    let ready = !self.text.trim().is_empty() && !self.waiting;
                    if answer_button(ui, ready, "Add keys") {
                        self.waiting = true;
                        self.report = None;
                        frame.send(Event::AddKeys(self.text.clone()));
                    }
                    done |= plain_button(ui, "Close").clicked();
                }
            });
            done
        });
        if done.unwrap_or(true) {
            forget(ctx, self.field);
            return Stay::Close;
        }
        Stay::Open
    }
}

fn report_ui(ui: &mut egui::Ui, report: &AddKeysReport) {
    let p = Palette::of(ui);
    let title = format!("{} added", words::count(report.added(), "product key", "product keys"));
    ui.label(RichText::new(title).text_style(theme::strong()));
    ScrollArea::vertical()
        .id_salt("lines")
        .max_height(160.0)
        .min_scrolled_height(160.0)
        .show(ui, |ui| {
            for line in &report.lines {
                let (icon, color, text) = match &line.outcome {
                    KeyLineOutcome::Added {
                        last_five,
                        key_type,
                        type_assumed,
                    } => {
                        let five = last_five.map(|f| f.to_string()).unwrap_or_default();
                        let assumed = if *type_assumed { " (type assumed)" } else { "" };
                        (Icon::Good, p.good, format!("…{five} added as {key_type}{assumed}"))
                    }
                    KeyLineOutcome::Known { last_five } => {
                        let five = last_five.map(|f| f.to_string()).unwrap_or_default();
                        (Icon::Info, p.idle, format!("…{five} is in the list already"))
                    }
                    KeyLineOutcome::Refused(why) => (Icon::Bad, p.bad, words::sentence(why)),
                };
                ui.horizontal_top(|ui| {
                    icon.sized_ui(ui, 14.0, color);
                    ui.add(egui::Label::new(format!("Line {}: {text}", line.line)).wrap());
                });
            }
        });
}
