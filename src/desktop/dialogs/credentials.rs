//! Who signs in to the computers.

use std::sync::Arc;

use egui::{ComboBox, Context, Key, Ui};

use super::{Stay, buttons, dialog_ui, note, paragraph};
use crate::desktop::accounts::KeyringOrder;
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::state::accounts::Remembered;
use crate::desktop::state::words::{self, Health};
use crate::desktop::widgets::{banner_ui, plain_button, primary_button, text_line};
use crate::workspace::{Credentials, Job, SavedAccount, SignInQuestion, check_account_name};

/// What was typed.
pub struct SignIn {
    user: String,
    password: SecretText,
    remember_as: String,
    /// The name of the remembered account that signs in instead.
    remembered: Option<String>,
    known: bool,
    then: Option<Job>,
    again: Option<Arc<SignInQuestion>>,
    focused: bool,
    /// The keyring or the tickets of the user are being looked at.
    waiting: bool,
    problem: Option<String>,
}

impl SignIn {
    pub(super) fn new(known: Option<&Credentials>, then: Option<Job>) -> Self {
        Self {
            user: known
                .filter(|c| !c.is_logged_on_user())
                .map(Credentials::account)
                .unwrap_or_default(),
            password: SecretText::default(),
            remember_as: String::new(),
            remembered: None,
            known: known.is_some(),
            then,
            again: None,
            focused: false,
            waiting: false,
            problem: None,
        }
    }

    /// A run waits for other credentials.
    pub(super) fn again(question: Arc<SignInQuestion>) -> Self {
        Self {
            user: question.account.clone(),
            again: Some(question),
            ..Self::new(None, None)
        }
    }

    /// True for the question of a run.
    pub fn is_again(&self) -> bool {
        self.again.is_some()
    }

    /// Something runs whose end will change the dialog.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Neither the keyring nor the tickets of the user signed anybody in.
    pub fn failed(&mut self, why: String) {
        self.waiting = false;
        self.problem = Some(why);
    }

    /// Somebody signs in: the run that is started then, and whether a run waits for the answer.
    pub fn answered(&mut self) -> (Option<Job>, bool) {
        (self.then.take(), self.again.take().is_some())
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let title = if self.again.is_some() {
            "The account is refused"
        } else if self.then.is_some() {
            "Sign in to the computers"
        } else {
            "Credentials"
        };
        let done = dialog_ui(ctx, title, 460.0, |ui| {
            match &self.again {
                Some(question) => paragraph(
                    ui,
                    &format!(
                        "User name or password of {} was refused by {}. More tries could lock the account, so the run waits. Go on \
                         with other credentials, or give up on the computers that need them.",
                        question.account,
                        question.refused_by.join(", ")
                    ),
                ),
                None => paragraph(ui, "An account that is an administrator on the computers."),
            }
            self.remembered_ui(ui, frame);
            let entered = self.remembered.is_none() && self.typed_ui(ui);
            if let Some(problem) = &self.problem {
                banner_ui(ui, Health::Bad, "", problem);
            }
            note(
                ui,
                "Kept in memory until MAKeeper closes, and in the keyring of this system if you give a name to remember it by; \
                 never in a file or a log.",
            );
            self.buttons_ui(ui, frame, entered)
        });
        if done.unwrap_or(true) {
            if self.again.take().is_some() {
                frame.send(Event::AnswerRun(None));
            }
            return Stay::Close;
        }
        Stay::Open
    }

    /// The accounts of the keyring. It is asked when a person wants that: it may want to be unlocked.
    fn remembered_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        let accounts = match frame.remembered {
            Remembered::Unasked => {
                if plain_button(ui, "Remembered accounts…").clicked() {
                    frame.send(Event::Keyring(KeyringOrder::List));
                }
                return;
            }
            Remembered::Asking => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("Asking the keyring");
                });
                return;
            }
            Remembered::Failed(why) => {
                banner_ui(ui, Health::Soon, "", why);
                if plain_button(ui, "Ask the keyring again").clicked() {
                    frame.send(Event::Keyring(KeyringOrder::List));
                }
                return;
            }
            Remembered::Known(accounts) => accounts,
        };
        if self
            .remembered
            .as_ref()
            .is_some_and(|name| !accounts.iter().any(|a| a.name == *name))
        {
            self.remembered = None;
        }
        ui.horizontal(|ui| {
            account_choice_ui(ui, accounts, &mut self.remembered, "Account");
            if let Some(name) = &self.remembered
                && plain_button(ui, "Forget it")
                    .on_hover_text("Remove it from the keyring.")
                    .clicked()
            {
                frame.send(Event::Keyring(KeyringOrder::Forget(name.clone())));
            }
        });
        if accounts.is_empty() {
            note(ui, "The keyring remembers no account of MAKeeper yet.");
        }
    }

    /// True when Enter was pressed in the last field.
    fn typed_ui(&mut self, ui: &mut Ui) -> bool {
        let label = ui.label("User");
        let edit = text_line(&mut self.user).hint_text(r"DOMAIN\name");
        let user = ui.add(edit).labelled_by(label.id);
        if !std::mem::replace(&mut self.focused, true) {
            user.request_focus();
        }
        let password = secret_line(ui, &mut self.password, "Password", !self.waiting);
        let label = ui.label("Remember as");
        let edit = text_line(&mut self.remember_as).hint_text("nothing: until MAKeeper closes");
        let remember = ui.add(edit).labelled_by(label.id);
        (password.lost_focus() || remember.lost_focus()) && ui.input(|i| i.key_pressed(Key::Enter))
    }

    fn buttons_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>, entered: bool) -> bool {
        let typed = !self.user.trim().is_empty() && !self.password.is_empty();
        let ready = !self.waiting && (self.remembered.is_some() || typed);
        let mut done = false;
        buttons(ui, |ui| {
            let verb = if self.again.is_some() {
                "Go on"
            } else if self.then.is_some() {
                "Sign in"
            } else {
                "Use"
            };
            if (primary_button(ui, ready, verb).clicked() || entered) && ready {
                done |= self.sign_in(frame);
            }
            let logged_on = plain_button(ui, "As the logged-on user").on_hover_text(if cfg!(windows) {
                "Windows signs its own user in, without a password."
            } else {
                "With the Kerberos tickets that kinit or the logon got."
            });
            if logged_on.clicked() && !self.waiting {
                self.waiting = true;
                self.problem = None;
                frame.send(Event::SignInAsLoggedOn);
            }
            if self.known && self.then.is_none() && plain_button(ui, "Forget").clicked() {
                frame.send(Event::SignIn(None, None));
                done = true;
            }
            let no = if self.again.is_some() { "Give up" } else { "Cancel" };
            done |= plain_button(ui, no).clicked();
        });
        done
    }

    /// True when nothing is waited for.
    fn sign_in(&mut self, frame: &Frame<'_>) -> bool {
        self.problem = None;
        if let Some(name) = &self.remembered {
            self.waiting = true;
            frame.send(Event::Keyring(KeyringOrder::Use(name.clone())));
            return false;
        }
        let name = self.remember_as.trim().to_owned();
        if !name.is_empty()
            && let Err(error) = check_account_name(&name)
        {
            self.problem = Some(words::sentence(&error.to_string()));
            return false;
        }
        match Credentials::new(&self.user, self.password.secret()) {
            Ok(credentials) => {
                if !name.is_empty() {
                    frame.send(Event::Keyring(KeyringOrder::Remember(name, credentials.clone())));
                }
                if self.again.is_some() {
                    frame.send(Event::AnswerRun(Some(credentials.clone())));
                }
                frame.send(Event::SignIn(Some(credentials), self.then.take()));
                self.again = None;
                true
            }
            Err(error) => {
                self.problem = Some(words::sentence(&error.to_string()));
                false
            }
        }
    }
}

/// Chooses one of the remembered accounts, or none: then one is typed.
pub(super) fn account_choice_ui(ui: &mut Ui, accounts: &[SavedAccount], chosen: &mut Option<String>, name: &str) {
    let typed = "Type one";
    let label = ui.label(name);
    let described = |account: &SavedAccount| match &account.account {
        Some(who) => format!("{}: {who}", account.name),
        None => account.name.clone(),
    };
    let current = accounts.iter().find(|a| Some(&a.name) == chosen.as_ref());
    let shown = current.map_or_else(|| typed.to_owned(), described);
    let combo = ComboBox::from_id_salt(("remembered-account", name))
        .selected_text(shown)
        .show_ui(ui, |ui| {
            ui.selectable_value(chosen, None, typed);
            for account in accounts.iter().filter(|a| a.account.is_some()) {
                ui.selectable_value(chosen, Some(account.name.clone()), described(account));
            }
        });
    combo.response.labelled_by(label.id);
}
