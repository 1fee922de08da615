//! Computers that a text or file reaches at another address than the list.

use egui::{Context, Grid, RichText};

use super::{Stay, answer_button, buttons, dialog_ui, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words;
use crate::desktop::theme;
use crate::desktop::widgets::{elided, plain_button};
use crate::workspace::Elsewhere;

/// Named one by one; more are counted.
const SHOWN: usize = 8;

pub(super) fn show(ctx: &Context, frame: &Frame<'_>, elsewhere: &[Elsewhere]) -> Stay {
    let count = words::count(elsewhere.len(), "computer is", "computers are");
    let done = dialog_ui(ctx, "Another address", 560.0, |ui| {
        paragraph(
            ui,
            &format!(
                "{count} in the list already, and said to be reached elsewhere than the list says. Nothing was changed."
            ),
        );
        Grid::new("elsewhere")
            .num_columns(3)
            .spacing([theme::L, theme::XS])
            .show(ui, |ui| {
                for heading in ["Computer", "In the list", "Said now"] {
                    ui.label(RichText::new(heading).text_style(theme::strong()));
                }
                ui.end_row();
                for one in elsewhere.iter().take(SHOWN) {
                    ui.set_max_width(200.0);
                    elided(ui, &*one.name);
                    elided(ui, one.known_in_words());
                    elided(ui, one.found_in_words());
                    ui.end_row();
                }
            });
        if elsewhere.len() > SHOWN {
            paragraph(ui, &format!("and {} more", words::number(elsewhere.len() - SHOWN)));
        }
        let mut done = false;
        buttons(ui, |ui| {
            if answer_button(ui, true, "Take the new addresses over") {
                frame.send(Event::Readdress(elsewhere.to_vec()));
                done = true;
            }
            done |= plain_button(ui, "Keep what the list says").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}
