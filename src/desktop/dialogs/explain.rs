//! What an error code means.

use egui::Context;

use super::{Stay, buttons, dialog_ui, note};
use crate::desktop::state::words::Health;
use crate::desktop::widgets::{banner_ui, field_ui, primary_button, text_line};
use crate::workspace;

/// What was typed.
#[derive(Debug, Default)]
pub struct Explain {
    text: String,
    focused: bool,
}

impl Explain {
    pub(super) fn show(&mut self, ctx: &Context) -> Stay {
        let done = dialog_ui(ctx, "Explain an error code", 520.0, |ui| {
            let label = ui.label("Code");
            let edit = text_line(&mut self.text).hint_text("0xC004F074, -1073418124, 0x7F, SL_E_…");
            let edit = ui.add(edit).labelled_by(label.id);
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
            }
            if self.text.trim().is_empty() {
                note(
                    ui,
                    "As Windows, slmgr or the activation service shows it: hexadecimal, decimal, or by name.",
                );
            } else if let Some(entry) = workspace::catalogue::find(&self.text) {
                banner_ui(ui, Health::Unknown, &entry.message, "");
                field_ui(ui, "Code", &entry.code);
                field_ui(ui, "Name", &entry.constant);
                field_ui(ui, "Where it occurs", &entry.activation_type);
                field_ui(ui, "Usual cause", &entry.cause);
                field_ui(ui, "What to do", &entry.remedy);
            } else {
                banner_ui(
                    ui,
                    Health::Soon,
                    "Not in the catalogue",
                    "Check the digits: licensing codes have eight hexadecimal digits and mostly begin with 0xC004.",
                );
            }
            let mut done = false;
            buttons(ui, |ui| done = primary_button(ui, true, "Close").clicked());
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}
