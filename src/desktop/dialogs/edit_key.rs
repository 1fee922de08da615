//! Description, remarks and low-water mark of a product key.

use egui::{Context, DragValue, RichText};

use super::{Stay, answer_button, begin_in, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::widgets::{plain_button, text_box, text_line};
use crate::model::KeyEntry;

/// What was typed.
pub struct EditKey {
    key: KeyEntry,
    description: String,
    remarks: String,
    warn: bool,
    mark: u32,
    focused: bool,
}

impl EditKey {
    pub(super) fn new(key: &KeyEntry) -> Self {
        Self {
            description: key.description.to_string(),
            remarks: key.remarks.to_string(),
            warn: key.low_water.is_some(),
            mark: key.low_water.unwrap_or(10),
            key: key.clone(),
            focused: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Edit product key", 440.0, |ui| {
            ui.label(RichText::new(self.key.masked()).monospace());
            let label = ui.label("Description");
            let edit = ui.add(text_line(&mut self.description)).labelled_by(label.id);
            begin_in(&edit, &mut self.focused);
            let label = ui.label("Remarks");
            ui.add(text_box(&mut self.remarks, 3)).labelled_by(label.id);
            ui.horizontal(|ui| {
                let check = ui.checkbox(&mut self.warn, "Warn below");
                ui.add_enabled(self.warn, DragValue::new(&mut self.mark).range(1..=1_000_000))
                    .labelled_by(check.id);
                ui.label("activations");
            });
            note(ui, "Without a mark, MAKeeper warns when none is left.");
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, true, "Change") {
                    let mut key = self.key.clone();
                    key.description = self.description.trim().into();
                    key.remarks = self.remarks.trim().into();
                    key.low_water = self.warn.then_some(self.mark);
                    if key != self.key {
                        frame.send(Event::EditKey(Box::new(key), "Product key changed".into()));
                    }
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}
