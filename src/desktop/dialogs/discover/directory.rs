//! Active Directory: which domain, which part of it, which computers.

use egui::{Checkbox, ComboBox, DragValue, Grid, RichText, Ui};

use super::tree::Tree;
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{quiet_button, text_line};
use crate::model::found::{DirectoryOrder, DirectorySecurity, SourceOrder};
use crate::workspace::{DirectoryListing, check_filter};

/// Width of the labels: the fields below one another stand in line.
const LABELS: f32 = 124.0;

/// What was typed.
pub(super) struct DirectoryForm {
    pub is_on: bool,
    order: DirectoryOrder,
    pub home: Option<String>,
    leave_stale: bool,
    stale_days: u32,
    tree: Option<Tree>,
}

impl DirectoryForm {
    pub fn new() -> Self {
        Self {
            is_on: false,
            order: DirectoryOrder::default(),
            home: None,
            leave_stale: false,
            stale_days: 90,
            tree: None,
        }
    }

    pub fn order(&self) -> DirectoryOrder {
        DirectoryOrder {
            stale_days: self.leave_stale.then_some(self.stale_days),
            ..self.order.clone()
        }
    }

    pub fn browses(&mut self, below: Option<String>, listing: DirectoryListing) {
        if let Some(tree) = &mut self.tree {
            tree.browses(below, listing);
        }
    }

    pub fn is_waiting(&self) -> bool {
        self.tree.as_ref().is_some_and(Tree::is_waiting)
    }

    pub fn ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        let p = Palette::of(ui);
        ui.checkbox(&mut self.is_on, "Ask Active Directory");
        Grid::new("directory")
            .num_columns(2)
            .min_col_width(LABELS)
            .spacing([theme::L, theme::S])
            .show(ui, |ui| {
                let hint = self.home.as_deref().unwrap_or("contoso.com");
                let label = ui.label("Domain");
                ui.add(text_line(&mut self.order.domain).hint_text(hint))
                    .labelled_by(label.id);
                ui.end_row();
                let label = ui.label("Domain controller");
                ui.add(text_line(&mut self.order.server).hint_text("Found by DNS"))
                    .labelled_by(label.id);
                ui.end_row();
                ui.label("Signs in as");
                ui.horizontal(|ui| {
                    let account = frame.user.clone().unwrap_or_else(|| {
                        if cfg!(windows) {
                            "the logged-on user".to_owned()
                        } else {
                            "whoever has a Kerberos ticket here".to_owned()
                        }
                    });
                    ui.label(RichText::new(account).color(p.text_weak));
                    if quiet_button(ui, Some(Icon::Person), "Another account…").clicked() {
                        frame.run(Command::Credentials);
                    }
                });
                ui.end_row();
                let label = ui.label("Below");
                ui.horizontal(|ui| {
                    let wide = (ui.available_width() - 110.0).max(120.0);
                    ui.add(
                        text_line(&mut self.order.base)
                            .desired_width(wide)
                            .hint_text("The whole domain"),
                    )
                    .labelled_by(label.id);
                    let text = if self.tree.is_some() { "Hide tree" } else { "Browse…" };
                    if quiet_button(ui, None, text).clicked() {
                        self.tree = if self.tree.is_some() {
                            None
                        } else {
                            Some(Tree::default())
                        };
                        if self.tree.is_some() {
                            frame.send(Event::Discovery(DiscoveryEvent::Browse(
                                SourceOrder::Directory(self.order()),
                                None,
                            )));
                        }
                    }
                });
                ui.end_row();
            });
        if let Some(tree) = &mut self.tree {
            let order = SourceOrder::Directory(self.order.clone());
            if let Some(chosen) = tree.ui(ui, frame, &order, &self.order.base) {
                self.order.base = chosen;
            }
            // One after the other: both would be higher than a small screen.
            return;
        }
        self.filters_ui(ui);
    }

    fn filters_ui(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        Grid::new("directory-filters")
            .num_columns(2)
            .min_col_width(LABELS)
            .spacing([theme::L, theme::S])
            .show(ui, |ui| {
                let label = ui.label("Names like");
                ui.add(text_line(&mut self.order.name).hint_text("BER-*"))
                    .labelled_by(label.id);
                ui.end_row();
                let label = ui.label("LDAP filter");
                ui.vertical(|ui| {
                    ui.add(text_line(&mut self.order.filter).hint_text("(description=*kiosk*)"))
                        .labelled_by(label.id);
                    if let Err(error) = check_filter(&self.order.filter) {
                        ui.label(RichText::new(words::sentence(&format!("wrong {error}"))).color(p.bad));
                    }
                });
                ui.end_row();
                let label = ui.label("Protection");
                let combo = ComboBox::from_id_salt("security")
                    .selected_text(self.order.security.label())
                    .show_ui(ui, |ui| {
                        for security in DirectorySecurity::ALL {
                            ui.selectable_value(&mut self.order.security, *security, security.label());
                        }
                    });
                combo.response.labelled_by(label.id);
                ui.end_row();
            });
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut self.order.include_disabled, "Also disabled accounts");
            ui.checkbox(&mut self.order.include_non_windows, "Also other systems than Windows");
            ui.checkbox(&mut self.order.global_catalog, "The whole forest (global catalog)");
        });
        ui.horizontal(|ui| {
            let check = ui.add(Checkbox::new(&mut self.leave_stale, "Leave out accounts not used for"));
            ui.add_enabled(
                self.leave_stale,
                DragValue::new(&mut self.stale_days).range(15..=3650).suffix(" days"),
            )
            .labelled_by(check.id);
        });
    }
}
