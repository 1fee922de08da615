//! Dialogs without state of their own.

use egui::{Context, RichText};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words::{self, Health};
use crate::desktop::widgets::{banner_ui, plain_button, primary_button};
use crate::model::KeyEntryId;

const NARROW: f32 = 440.0;

pub(super) fn remove_rows(ctx: &Context, frame: &Frame<'_>, rows: usize) -> Stay {
    let title = format!("Remove {} from the list?", words::count(rows, "row", "rows"));
    let done = dialog_ui(ctx, &title, NARROW, |ui| {
        paragraph(
            ui,
            "Only the list forgets them; the computers are not touched. Confirmation IDs of these rows go too: applying one \
             again would have been free.",
        );
        let mut done = false;
        buttons(ui, |ui| {
            if primary_button(ui, true, "Remove").clicked() {
                frame.send(Event::RemoveRows);
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

pub(super) fn remove_key(ctx: &Context, frame: &Frame<'_>, id: KeyEntryId, masked: &str, carriers: usize) -> Stay {
    let done = dialog_ui(ctx, "Remove product key from the list?", NARROW, |ui| {
        ui.label(RichText::new(masked).monospace());
        if carriers > 0 {
            let carry = words::count(carriers, "product carries", "products carry");
            paragraph(ui, &format!("{carry} this key. Their activation does not change."));
        }
        note(
            ui,
            "MAKeeper will no longer ask how many activations it has left, nor install it.",
        );
        let mut done = false;
        buttons(ui, |ui| {
            if primary_button(ui, true, "Remove").clicked() {
                frame.send(Event::RemoveKey(id));
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

pub(super) fn copy_key(ctx: &Context, frame: &Frame<'_>, id: KeyEntryId, masked: &str) -> Stay {
    let done = dialog_ui(ctx, "Copy the whole product key?", NARROW, |ui| {
        ui.label(RichText::new(masked).monospace());
        banner_ui(
            ui,
            Health::Soon,
            "",
            "The key will be on the clipboard in clear, where every other program, and clipboard history, can read it.",
        );
        let mut done = false;
        buttons(ui, |ui| {
            if primary_button(ui, true, "Copy key").clicked() {
                frame.send(Event::CopyKey(id));
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

pub(super) fn closing(ctx: &Context, frame: &Frame<'_>) -> Stay {
    let facts = frame.facts;
    let title = if facts.running {
        "A run is under way"
    } else {
        "Save before closing?"
    };
    let done = dialog_ui(ctx, title, 480.0, |ui| {
        if facts.running {
            paragraph(
                ui,
                "Closing cancels it. Computers already asked keep what was done to them, and answers that were paid for are kept.",
            );
        }
        if facts.unsaved > 0 && !facts.read_only {
            let changes = words::count(facts.unsaved, "change is", "changes are");
            paragraph(ui, &format!("{changes} not in the file yet."));
            note(
                ui,
                "Changes are never lost: they wait in the journal beside the file and are there again next time.",
            );
        }
        let mut done = false;
        buttons(ui, |ui| {
            if facts.unsaved > 0 && !facts.read_only {
                if answer_button(ui, true, "Save and close") {
                    frame.send(Event::SaveAndQuit);
                    done = true;
                }
                if plain_button(ui, "Close, keep in journal").clicked() {
                    frame.send(Event::QuitAnyway);
                    done = true;
                }
            } else if primary_button(ui, true, "Cancel run and close").clicked() {
                frame.send(Event::QuitAnyway);
                done = true;
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    });
    Stay::unless(done.unwrap_or(true))
}

pub(super) fn about(ctx: &Context) -> Stay {
    let done = dialog_ui(ctx, "MAKeeper", 480.0, |ui| {
        note(ui, concat!("Version ", env!("CARGO_PKG_VERSION")));
        paragraph(
            ui,
            "Keeps a Computer Information List and runs Microsoft volume activation: Multiple Activation Keys and KMS client \
             keys, directly or by proxy across an air gap.",
        );
        paragraph(
            ui,
            "It works only with keys your organisation owns and with Microsoft's public KMS client setup keys. It makes no \
             keys, is no KMS host and bypasses nothing.",
        );
        note(
            ui,
            "Free software under the MIT or the Apache 2.0 licence. Not affiliated with Microsoft.",
        );
        let mut done = false;
        buttons(ui, |ui| done = answer_button(ui, true, "Close"));
        done
    });
    Stay::unless(done.unwrap_or(true))
}
