//! Who signs in to the computers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use egui::{ComboBox, Context, Key, Ui};

use super::{Stay, buttons, dialog_ui, note, paragraph};
use crate::desktop::accounts::KeyringOrder;
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::state::accounts::{GroupAccount, Remembered};
use crate::desktop::state::words::{self, Health};
use crate::desktop::widgets::{banner_ui, plain_button, primary_button, text_line};
use crate::workspace::{Credentials, Job, SavedAccount, SignInQuestion, check_account_name};

/// Tells what a dialog waits for from what another one waited for, which may have been left before the answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitNumber(u64);

impl WaitNumber {
    /// Another one than any before.
    pub fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

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
    waiting: Option<WaitNumber>,
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
            waiting: None,
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

    /// The question of a run.
    pub fn question(&self) -> Option<&Arc<SignInQuestion>> {
        self.again.as_ref()
    }

    /// Something runs whose end will change the dialog.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Waits for this answer.
    pub fn waits_for(&self, number: WaitNumber) -> bool {
        self.waiting == Some(number)
    }

    /// Neither the keyring nor the tickets of the user signed anybody in.
    pub fn failed(&mut self, why: String) {
        self.waiting = None;
        self.problem = Some(why);
    }

    /// Somebody signs in: what happens then.
    pub fn answered(&mut self, account: GroupAccount) -> Event {
        match self.again.take() {
            Some(question) => Event::AnswerRun(question, Some(account)),
            None => Event::SignIn(account.credentials().map(|c| (**c).clone()), self.then.take()),
        }
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
                Some(question) => paragraph(ui, &refusal(question)),
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
            if let Some(question) = self.again.take() {
                frame.send(Event::AnswerRun(question, None));
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
        let able = !self.is_waiting();
        let password = secret_line(ui, &mut self.password, "Password", able);
        let label = ui.label("Remember as");
        let edit = text_line(&mut self.remember_as).hint_text("nothing: until MAKeeper closes");
        let remember = ui.add(edit).labelled_by(label.id);
        (password.lost_focus() || remember.lost_focus()) && ui.input(|i| i.key_pressed(Key::Enter))
    }

    fn buttons_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>, entered: bool) -> bool {
        let typed = !self.user.trim().is_empty() && !self.password.is_empty();
        let ready = !self.is_waiting() && (self.remembered.is_some() || typed);
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
            if logged_on.clicked() && !self.is_waiting() {
                self.problem = None;
                frame.send(Event::SignInAsLoggedOn(self.wait()));
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

    fn wait(&mut self) -> WaitNumber {
        *self.waiting.insert(WaitNumber::next())
    }

    /// True when nothing is waited for.
    fn sign_in(&mut self, frame: &Frame<'_>) -> bool {
        self.problem = None;
        if let Some(name) = self.remembered.clone() {
            frame.send(Event::Keyring(KeyringOrder::Use(self.wait(), name)));
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
                let known = Arc::new(credentials.clone());
                let account = if name.is_empty() {
                    GroupAccount::Typed(known)
                } else {
                    frame.send(Event::Keyring(KeyringOrder::Remember(name.clone(), credentials)));
                    GroupAccount::Remembered(name, Some(known))
                };
                let then = self.answered(account);
                frame.send(then);
                true
            }
            Err(error) => {
                self.problem = Some(words::sentence(&error.to_string()));
                false
            }
        }
    }
}

fn refusal(question: &SignInQuestion) -> String {
    let refused = format!(
        "User name or password of {} was refused by {}. More tries could lock the account, so the run waits. Go on with other \
         credentials, or give up on the computers that need them.",
        question.account,
        question.refused_by.join(", ")
    );
    match &question.pattern {
        Some(pattern) => format!(
            "{refused} It is the account for the group {pattern}: other credentials are used there and nowhere else."
        ),
        None => refused,
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
