//! Which key is installed.

use egui::{Context, Margin, RichText, ScrollArea, Stroke, Ui};

use super::{Stay, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::orders::{Order, Scope};
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{plain_button, primary_button, quiet_button};
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
                let mut keys: Vec<_> = keys.filter(|k| k.key.is_some() && k.key_type != KeyType::Gvlk).collect();
                keys.sort_by_key(|k| (k.key_type != KeyType::Mak, k.description.clone()));
                for key in keys {
                    let title = format!("{}  {}", key.key_type.label(), key.masked());
                    let mut text = key.description.to_string();
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
                if primary_button(ui, self.choice.is_some(), "Install key").clicked()
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
        let chosen = self.choice == Some(choice);
        egui::Frame::new()
            .fill(if chosen { p.hovered } else { p.surface })
            .stroke(Stroke::new(1.0, if chosen { p.accent } else { p.line }))
            .corner_radius(8)
            .inner_margin(Margin::symmetric(12, 8))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = theme::XS;
                ui.horizontal(|ui| {
                    let label = RichText::new(title).text_style(theme::strong());
                    if ui.radio(chosen, label).clicked() {
                        self.choice = Some(choice);
                    }
                    if let Some(key) = key {
                        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                            let color = if key.is_low() == Some(true) {
                                p.warn
                            } else {
                                p.text_weak
                            };
                            ui.label(RichText::new(words::remaining(key)).color(color));
                        });
                    }
                });
                if !text.is_empty() {
                    ui.horizontal_top(|ui| {
                        ui.add_space(22.0);
                        note(ui, text);
                    });
                }
            });
    }
}
