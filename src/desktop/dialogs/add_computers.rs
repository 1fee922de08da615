//! Adding computers by name, address or range.

use egui::Context;

use super::{Stay, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::widgets::{plain_button, primary_button, quiet_button, scrolled, text_box};

/// What was typed.
#[derive(Debug, Default)]
pub struct AddComputers {
    text: String,
    focused: bool,
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
        let done = dialog_ui(ctx, "Add computers", 520.0, |ui| {
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
            paragraph(
                ui,
                "Adding asks nobody. Update the license status afterwards to collect their products.",
            );
            note(
                ui,
                "Every address of a range becomes a row. A port of its own is written behind a colon: host:5986.",
            );
            let mut done = false;
            buttons(ui, |ui| {
                if primary_button(ui, !self.text.trim().is_empty(), "Add").clicked() {
                    frame.send(Event::AddComputers(std::mem::take(&mut self.text)));
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}
