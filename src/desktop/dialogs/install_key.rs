//! Which key is installed.

use egui::{Context, RichText, ScrollArea, Ui};

use super::{Stay, answer_button, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::orders::{Order, Scope};
use crate::desktop::state::words;
use crate::desktop::theme::Palette;
use crate::desktop::widgets::{choice_card, plain_button, quiet_button};
use crate::model::{KeyEntry, KeyType};
use crate::workspace::KeyChoice;

/// What was chosen.
#[derive(Debug)]
pub struct InstallKey {
    products: usize,
    scope: Scope,
    choice: Option<KeyChoice>,
}

impl InstallKey {
    pub(super) fn new(products: usize, scope: Scope) -> Self {
        Self {
            products,
            scope,
            choice: None,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Install product key", 540.0, |ui| {
            let products = words::count(self.products, "product", "products");
            ui.label(format!("On {products}, in place of the key that is there now."));
            ScrollArea::vertical().id_salt("keys").max_height(340.0).min_scrolled_height(340.0).show(ui, |ui| {
                self.choice_ui(
                    ui,
                    KeyChoice::ClientSetupKey,
                    "KMS client setup key, chosen for each product",
                    "Microsoft's published key (GVLK): the product is then activated by a KMS host or Active Directory.",
                    None,
                );
                let keys = frame.snapshot.into_iter().flat_map(|s| s.inventory.keys());
                // MAKs first: they are what this dialog is opened for.
                let mut keys: Vec<_> = keys.filter(|k| (k.key.is_some() || k.is_locked()) && k.key_type != KeyType::Gvlk).collect();
                keys.sort_by_key(|k| (k.key_type != KeyType::Mak, k.description.clone()));
                for key in keys {
                    let title = format!("{}  {}", key.key_type.label(), key.masked());
                    let mut text = key.description.to_string();
                    if key.is_locked() {
                        text = format!("{text} Locked: you are asked for the passphrase.");
                    }
                    if key.key_type == KeyType::Csvlk {
                        text = format!("{text} For KMS hosts only: a client that carries it becomes a KMS host.");
                    }
                    self.choice_ui(ui, KeyChoice::Owned(key.id), &title, text.trim(), Some(key));
                }
            });
            ui.horizontal(|ui| {
                if quiet_button(ui, Some(Icon::AddKey), "Add product keys…").clicked() {
                    frame.run(Command::AddKeys);
                }
            });
            note(
                ui,
                "A key that does not fit a product fails for that product; the run goes on.",
            );
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, self.choice.is_some(), "Install key")
                    && let Some(choice) = self.choice
                {
                    frame.send(Event::Order(Order::Install(choice), self.scope));
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn choice_ui(&mut self, ui: &mut Ui, choice: KeyChoice, title: &str, text: &str, key: Option<&KeyEntry>) {
        let p = Palette::of(ui);
        let aside = |ui: &mut Ui| {
            if let Some(key) = key {
                let low = key.is_low() == Some(true);
                let color = if low { p.warn } else { p.text_weak };
                ui.label(RichText::new(words::remaining(key)).color(color));
            }
        };
        let below = |ui: &mut Ui| {
            if !text.is_empty() {
                note(ui, text);
            }
        };
        if choice_card(ui, self.choice == Some(choice), title, aside, below) {
            self.choice = Some(choice);
        }
    }
}
