//! A run waits for accounts of the keyring, which may be asking a person for its password.

use egui::Context;

use super::credentials::WaitNumber;
use super::{Stay, buttons, dialog_ui, note};
use crate::desktop::widgets::plain_button;
use crate::workspace::Job;

/// The run that waits. Whoever closes the dialog gives it up.
pub struct AskingKeyring {
    /// The answer that it waits for.
    pub number: WaitNumber,
    /// The list on which it was ordered.
    pub list: Option<u64>,
    /// What is started then.
    pub job: Job,
}

pub(super) fn show(ctx: &Context) -> Stay {
    let done = dialog_ui(ctx, "Asking the keyring", 420.0, |ui| {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label("The run begins when the accounts for groups of computers are read.");
        });
        note(ui, "The keyring may ask for its password in a window of its own.");
        let mut done = false;
        buttons(ui, |ui| done = plain_button(ui, "Cancel").clicked());
        done
    });
    Stay::unless(done.unwrap_or(true))
}
