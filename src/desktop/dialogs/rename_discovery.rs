//! Another name for a saved discovery.

use egui::Context;

use super::{Stay, answer_button, begin_in, buttons, dialog_ui};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::state::words::Health;
use crate::desktop::widgets::{banner_ui, plain_button, text_line};

/// What was typed.
pub struct RenameDiscovery {
    before: String,
    name: String,
    focused: bool,
}

impl RenameDiscovery {
    pub(super) fn new(name: String) -> Self {
        Self {
            before: name.clone(),
            name,
            focused: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let header = frame.snapshot.map(|s| s.inventory.header());
        let name = self.name.trim().to_owned();
        let other = header
            .and_then(|h| h.discovery(&name))
            .filter(|d| !d.is_called(&self.before));
        let done = dialog_ui(ctx, "Rename discovery", 420.0, |ui| {
            let label = ui.label("Name");
            let edit = ui.add(text_line(&mut self.name)).labelled_by(label.id);
            begin_in(&edit, &mut self.focused);
            if other.is_some() {
                banner_ui(ui, Health::Bad, "", "Another saved discovery has this name.");
            }
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, !name.is_empty() && other.is_none(), "Rename") {
                    if name != self.before {
                        frame.send(Event::Discovery(DiscoveryEvent::Rename(
                            self.before.clone(),
                            name.clone(),
                        )));
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
