//! The note on a product.

use egui::{Context, RichText};

use super::{Stay, answer_button, begin_in, buttons, dialog_ui};
use crate::desktop::app::{Event, Frame};
use crate::desktop::theme;
use crate::desktop::widgets::{plain_button, text_box};
use crate::model::{Product, ProductId};

/// What was typed.
pub struct EditProduct {
    id: ProductId,
    name: String,
    remarks: String,
    before: String,
    focused: bool,
}

impl EditProduct {
    pub(super) fn new(product: &Product, computer: Option<&str>) -> Self {
        let what = if product.name.is_empty() {
            product.application_label()
        } else {
            &product.name
        };
        Self {
            id: product.id,
            name: computer.map_or_else(|| what.to_owned(), |computer| format!("{what} on {computer}")),
            remarks: product.remarks.to_string(),
            before: product.remarks.to_string(),
            focused: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Edit remarks", 460.0, |ui| {
            ui.label(RichText::new(&self.name).text_style(theme::strong()));
            let label = ui.label("Remarks");
            let edit = ui.add(text_box(&mut self.remarks, 3)).labelled_by(label.id);
            begin_in(&edit, &mut self.focused);
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, true, "Change") {
                    if self.remarks.trim() != self.before {
                        frame.send(Event::EditProduct(self.id, self.remarks.trim().to_owned()));
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
