//! Adding computers by name, address or range.

use egui::{Context, Ui};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::widgets::{plain_button, quiet_button, scrolled, text_box};
use crate::model::found::{SavedDiscovery, SourceOrder};

/// What was typed.
pub struct AddComputers {
    text: String,
    only_answering: bool,
    focused: bool,
}

impl Default for AddComputers {
    fn default() -> Self {
        Self {
            text: String::new(),
            only_answering: true,
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

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
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
                    let text = self.text.clone();
                    let (port, probe) = (None, true);
                    let order = SavedDiscovery {
                        sources: vec![SourceOrder::Names { text, port, probe }],
                        ..SavedDiscovery::default()
                    };
                    frame.send(Event::Discovery(DiscoveryEvent::Begin(Box::new(order), false)));
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
