//! The price of a run, in words, before it starts.

use egui::{Context, Grid, RichText};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button};
use crate::workspace::{Job, KeyChoice, Price};

fn question(job: &Job, price: &Price) -> (String, &'static str) {
    let products = words::count(price.rows, "product", "products");
    match job {
        Job::Activate { .. } => (format!("Activate {products} online?"), "Activate"),
        Job::AcquireConfirmationIds { .. } => (format!("Acquire confirmation IDs for {products}?"), "Acquire"),
        Job::ProxyActivate { .. } => (format!("Activate {products} by proxy?"), "Activate"),
        Job::InstallKey { .. } => (format!("Install the product key on {products}?"), "Install"),
        other => (format!("{}?", other.title()), "Start"),
    }
}

/// What the price means, in sentences.
pub fn sentences(job: &Job, price: &Price) -> Vec<String> {
    let mut out = Vec::new();
    if let Job::InstallKey {
        key: KeyChoice::Owned(_),
        ..
    } = job
    {
        out.push(
            "Installing replaces the key that is there now and spends no activation. Activating afterwards does."
                .into(),
        );
        return out;
    }
    let spent = price.activations();
    if spent > 0 {
        out.push(format!(
            "Up to {} will be spent.",
            words::count(spent, "activation", "activations")
        ));
    }
    if price.free > 0 {
        let rows = words::count(price.free, "product costs", "products cost");
        out.push(format!("{rows} nothing: licensed already, or the answer is known."));
    }
    out
}

pub(super) fn show(ctx: &Context, frame: &Frame<'_>, job: &Job, price: &Price) -> Stay {
    let (title, verb) = question(job, price);
    let done = dialog_ui(ctx, &title, 520.0, |ui| {
        for sentence in sentences(job, price) {
            paragraph(ui, &sentence);
        }
        if !price.keys.is_empty() {
            keys_ui(ui, frame, price);
        }
        let fail = price.will_fail();
        if fail > 0 {
            let text = format!(
                "{} cannot be activated: the key has too few activations left.",
                words::count(fail, "product", "products")
            );
            banner_ui(ui, Health::Soon, "Not enough activations", &text);
        } else if price.maks().any(|k| k.left.is_none()) {
            note(
                ui,
                "How many activations a key has left is not available. Refresh the activation counts to know before you spend.",
            );
        }
        let mut done = false;
        buttons(ui, |ui| {
            if answer_button(ui, true, verb) {
                frame.send(Event::Start(job.clone()));
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

fn keys_ui(ui: &mut egui::Ui, frame: &Frame<'_>, price: &Price) {
    Grid::new("price")
        .num_columns(4)
        .spacing([theme::XL, 0.0])
        .show(ui, |ui| {
            for heading in ["Key", "Type", "Needed", "Left"] {
                ui.label(RichText::new(heading).small());
            }
            ui.end_row();
            for key in &price.keys {
                let five = key
                    .last_five
                    .map_or_else(|| "not in the list".to_owned(), |f| format!("…{f}"));
                ui.label(RichText::new(five).monospace());
                ui.label(key.key_type.label());
                ui.label(words::number(key.needed));
                let left = match (key.left, key.left_asked) {
                    (Some(left), Some(at)) => {
                        format!("{} ({})", words::number(left as usize), words::ago(at, frame.now))
                    }
                    (Some(left), None) => words::number(left as usize),
                    (None, _) if !key.is_counted() => "not counted".into(),
                    (None, _) => "not available".into(),
                };
                ui.label(left);
                ui.end_row();
            }
        });
}
