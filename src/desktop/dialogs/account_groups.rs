//! Accounts for groups of computers: which pattern is signed in to with which account, and in which order they are tried.

use std::sync::Arc;

use egui::{Context, Grid, Ui};

use super::credentials::account_choice_ui;
use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::accounts::KeyringOrder;
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::state::accounts::{AccountGroup, AccountGroups, GroupAccount, Remembered};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button, section, text_line};
use crate::model::Computer;
use crate::workspace::Credentials;

/// What was typed.
pub struct GroupsDialog {
    groups: AccountGroups,
    pattern: String,
    remembered: Option<String>,
    user: String,
    password: SecretText,
    /// The computer selected in the list, which is known better than by its name.
    selected: Option<Arc<Computer>>,
    try_name: String,
    problem: Option<String>,
}

/// What a person does with a line.
enum Move {
    Up(usize),
    Down(usize),
    Remove(usize),
}

impl GroupsDialog {
    pub(super) fn new(groups: AccountGroups, selected: Option<Arc<Computer>>) -> Self {
        Self {
            groups,
            pattern: String::new(),
            remembered: None,
            user: String::new(),
            password: SecretText::default(),
            try_name: selected.as_ref().map(|c| c.name.to_string()).unwrap_or_default(),
            selected,
            problem: None,
        }
    }

    /// What is being edited, when an account changed elsewhere meanwhile.
    pub fn groups(&mut self) -> &mut AccountGroups {
        &mut self.groups
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Accounts for groups of computers", 640.0, |ui| {
            paragraph(
                ui,
                "The first line whose pattern fits a computer's name or domain signs in there; * stands for anything. All others \
                 are signed in to with the account of Computers, Credentials.",
            );
            self.lines_ui(ui);
            self.add_ui(ui, frame);
            self.try_ui(ui, frame);
            note(
                ui,
                "Kept for the next start: patterns, and the names of accounts in the keyring. Typed accounts are for this session.",
            );
            let mut done = false;
            buttons(ui, |ui| {
                // What was typed and not added yet would be lost.
                let ready =
                    self.pattern.trim().is_empty() && self.groups.0.iter().all(|g| !g.pattern.trim().is_empty());
                if answer_button(ui, ready, "Use") {
                    frame.send(Event::AccountGroups(std::mem::take(&mut self.groups)));
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn lines_ui(&mut self, ui: &mut Ui) {
        if self.groups.0.is_empty() {
            note(ui, "No group yet.");
            return;
        }
        let mut order = None;
        let last = self.groups.0.len() - 1;
        Grid::new("account-groups")
            .num_columns(4)
            .spacing([theme::M, theme::XS])
            .show(ui, |ui| {
                for (place, group) in self.groups.0.iter_mut().enumerate() {
                    let number = place + 1;
                    ui.label(format!("{number}."));
                    // A grid gives a field the width of its text, and that of the first frame is none.
                    ui.add_sized([220.0, 28.0], text_line(&mut group.pattern))
                        .accessible_name(format!("Computers of line {number}"));
                    ui.label(group.account.label());
                    ui.horizontal(|ui| {
                        if line_button(ui, place > 0, "Up", number) {
                            order = Some(Move::Up(place));
                        }
                        if line_button(ui, place < last, "Down", number) {
                            order = Some(Move::Down(place));
                        }
                        if line_button(ui, true, "Remove", number) {
                            order = Some(Move::Remove(place));
                        }
                    });
                    ui.end_row();
                }
            });
        match order {
            Some(Move::Up(place)) => self.groups.0.swap(place, place - 1),
            Some(Move::Down(place)) => self.groups.0.swap(place, place + 1),
            Some(Move::Remove(place)) => {
                self.groups.0.remove(place);
            }
            None => {}
        }
    }

    fn add_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        section(ui, "Another group");
        Grid::new("account-group-new")
            .num_columns(2)
            .spacing([theme::L, theme::XS])
            .show(ui, |ui| {
                let label = ui.label("Computers");
                let hint = "*.branch.example, branch.example, SRV-*";
                ui.add(text_line(&mut self.pattern).hint_text(hint))
                    .labelled_by(label.id);
                ui.end_row();
            });
        ui.horizontal(|ui| match frame.remembered {
            Remembered::Known(accounts) => account_choice_ui(ui, accounts, &mut self.remembered, "Their account"),
            Remembered::Asking => {
                ui.spinner();
                ui.label("Asking the keyring");
            }
            Remembered::Unasked | Remembered::Failed(_) => {
                if plain_button(ui, "Remembered accounts…").clicked() {
                    frame.send(Event::Keyring(KeyringOrder::List));
                }
            }
        });
        if let Remembered::Failed(why) = frame.remembered {
            banner_ui(ui, Health::Soon, "", why);
        }
        if self.remembered.is_none() {
            let label = ui.label("User");
            ui.add(text_line(&mut self.user).hint_text(r"DOMAIN\name"))
                .labelled_by(label.id);
            secret_line(ui, &mut self.password, "Password", true);
        }
        if let Some(problem) = &self.problem {
            banner_ui(ui, Health::Bad, "", problem);
        }
        let typed = !self.user.trim().is_empty() && !self.password.is_empty();
        let ready = !self.pattern.trim().is_empty() && (self.remembered.is_some() || typed);
        if ui.add_enabled(ready, egui::Button::new("Add group")).clicked() {
            self.add();
        }
    }

    fn add(&mut self) {
        let account = match &self.remembered {
            Some(name) => GroupAccount::Remembered(name.clone(), None),
            None => match Credentials::new(&self.user, self.password.secret()) {
                Ok(credentials) => GroupAccount::Typed(Arc::new(credentials)),
                Err(error) => {
                    self.problem = Some(words::sentence(&error.to_string()));
                    return;
                }
            },
        };
        self.groups.0.push(AccountGroup {
            pattern: std::mem::take(&mut self.pattern).trim().to_owned(),
            account,
        });
        self.problem = None;
        self.remembered = None;
        self.user.clear();
        self.password = SecretText::default();
    }

    fn try_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        section(ui, "Who signs in where");
        let label = ui.label("Computer");
        ui.add(text_line(&mut self.try_name).hint_text("a name"))
            .labelled_by(label.id);
        let name = self.try_name.trim();
        if name.is_empty() {
            return;
        }
        let named = Computer::named(name);
        let selected = self.selected.as_deref().filter(|c| c.name.eq_ignore_ascii_case(name));
        let text = match (self.groups.of(selected.unwrap_or(&named)), &frame.user) {
            (Some((place, group)), _) => {
                format!(
                    "{name}: {}, by line {} ({})",
                    group.account.label(),
                    place + 1,
                    group.pattern
                )
            }
            (None, Some(user)) => format!("{name}: {user}, because no line fits"),
            (None, None) => format!("{name}: nobody yet, because no line fits and no other account is known"),
        };
        ui.label(text);
    }
}

fn line_button(ui: &mut Ui, able: bool, verb: &str, number: usize) -> bool {
    let button = ui.add_enabled(able, egui::Button::new(verb).small());
    button.accessible_name(format!("{verb} line {number}")).clicked()
}
