//! Adding computers by name, address or range.

use egui::{Context, ProgressBar, Ui};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::state::words;
use crate::desktop::widgets::{plain_button, quiet_button, scrolled, text_box};
use crate::workspace::Search;

/// What was typed, and the search that came of it.
pub struct AddComputers {
    text: String,
    only_answering: bool,
    search: Option<Search>,
    focused: bool,
}

impl Default for AddComputers {
    fn default() -> Self {
        Self {
            text: String::new(),
            only_answering: true,
            search: None,
            focused: false,
        }
    }
}

/// A range or network is in the text: only then is there a question to ask.
fn names_a_range(text: &str) -> bool {
    let between = |c: char| c.is_whitespace() || c == ',' || c == ';';
    text.split(between).any(|piece| {
        let like_an_address = piece.starts_with(|c: char| c.is_ascii_digit() || c == '[') || piece.contains("::");
        like_an_address && (piece.contains('/') || piece.contains('-'))
    })
}

impl AddComputers {
    /// Adds the text of a file.
    pub fn append(&mut self, text: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    /// The addresses are being tried.
    pub fn began(&mut self, search: Search) {
        self.search = Some(search);
    }

    /// The search is under way.
    pub fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        if let Some(search) = self.search.clone() {
            return searching(ctx, frame, &search);
        }
        let done = dialog_ui(ctx, "Add computers", 520.0, |ui| self.question_ui(ui, frame));
        Stay::unless(done.unwrap_or(true))
    }

    fn question_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) -> bool {
        let label = ui.label("Names, addresses or ranges, separated by commas, blanks or line breaks");
        let edit = text_box(&mut self.text, 8)
            .hint_text("lab-pc-014.contoso.com\n10.0.4.17\n10.0.4.0/24\n10.0.5.10-10.0.5.40");
        let edit = scrolled(ui, edit, 8).labelled_by(label.id);
        if !std::mem::replace(&mut self.focused, true) {
            edit.request_focus();
        }
        ui.horizontal(|ui| {
            if quiet_button(ui, Some(Icon::Open), "Read from a file…").clicked() {
                frame.send(Event::Pick(Purpose::Computers));
            }
        });
        let ranges = names_a_range(&self.text);
        if ranges {
            ui.checkbox(&mut self.only_answering, "Of ranges, add only addresses that answer");
        }
        paragraph(ui, "Update the license status afterwards to collect their products.");
        note(ui, "A port of its own is written behind a colon: host:5986.");
        let mut done = false;
        buttons(ui, |ui| {
            if answer_button(ui, !self.text.trim().is_empty(), "Add") {
                if ranges && self.only_answering {
                    frame.send(Event::Search(self.text.clone()));
                } else {
                    frame.send(Event::AddComputers(std::mem::take(&mut self.text)));
                    done = true;
                }
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    }
}

/// The addresses of ranges are being tried. Dismissing the dialog stops the search; what answered so far is added.
fn searching(ctx: &Context, frame: &Frame<'_>, search: &Search) -> Stay {
    let progress = search.progress();
    if let Some(report) = progress.report {
        frame.send(Event::Searched(Box::new(report)));
        return Stay::Close;
    }
    let shown = dialog_ui(ctx, "Finding computers", 440.0, |ui| {
        let (tried, total) = (words::number(progress.tried), words::number(progress.total));
        let answered = words::number(progress.answered);
        ui.label(format!("{tried} of {total} addresses tried, {answered} answered"));
        let share = progress.tried as f32 / progress.total.max(1) as f32;
        ui.add(ProgressBar::new(share).desired_height(8.0));
        if !progress.last.is_empty() {
            note(ui, &format!("Last: {}", progress.last));
        }
        buttons(ui, |ui| {
            let stop = plain_button(ui, "Stop").on_hover_text("What answered so far is added.");
            if stop.clicked() {
                search.cancel();
            }
        });
    });
    if shown.is_none() {
        search.cancel();
    }
    // The report arrives within moments of a stop; the dialog waits for it.
    Stay::Open
}

#[cfg(test)]
mod tests {
    use super::names_a_range;

    #[test]
    fn names_with_dashes_are_no_ranges() {
        assert!(!names_a_range("lab-pc-014, srv-2.contoso.com\n10.0.0.7"));
        for range in ["pc, 10.0.4.0/24", "10.0.5.10-10.0.5.40", "fe80::1/120"] {
            assert!(names_a_range(range), "{range}");
        }
    }
}
