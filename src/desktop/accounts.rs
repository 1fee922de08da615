//! Who signs in to the computers, and what the keyring of the system remembers. Asking the keyring may ask a person, and takes
//! as long as that person does: it happens on threads.

use std::sync::Arc;

use super::app::Desktop;
use super::dialogs::asking_keyring::AskingKeyring;
use super::dialogs::credentials::WaitNumber;
use super::dialogs::{self, Dialog};
use super::jobs::Outcome;
use super::state::accounts::{AccountGroups, GroupAccount, Remembered};
use super::state::notices::Tone;
use super::state::{orders, words};
use crate::model::WayIn;
use crate::workspace::{Credentials, Job, Keyring, KeyringError, SignInQuestion, WorkspaceError, user_tickets};

/// What is asked of the keyring.
pub enum KeyringOrder {
    /// What it remembers.
    List,
    /// The account with this name signs in; the dialog that waits for it.
    Use(WaitNumber, String),
    /// An account is remembered under this name.
    Remember(String, Credentials),
    /// It is forgotten.
    Forget(String),
}

/// What came of it.
pub enum KeyringAnswer {
    /// What it remembers.
    Listed(Result<Vec<crate::workspace::SavedAccount>, KeyringError>),
    /// Who signs in, an account of the keyring or the logged-on user, for the dialog that waits for it.
    SignsIn(WaitNumber, Result<GroupAccount, String>),
    /// An account was remembered, or not.
    Remembered(String, Result<(), KeyringError>),
    /// It was forgotten, or not.
    Forgotten(String, Result<(), KeyringError>),
    /// The accounts of groups were read, for the run that waits for them.
    Groups(WaitNumber, Vec<(String, Result<Credentials, KeyringError>)>),
}

impl Desktop {
    pub(super) fn ask_keyring(&mut self, order: KeyringOrder) {
        if matches!(order, KeyringOrder::List) {
            if self.remembered == Remembered::Asking {
                return;
            }
            self.remembered = Remembered::Asking;
        }
        self.with_keyring(move |keyring| match order {
            KeyringOrder::List => KeyringAnswer::Listed(keyring.and_then(|k| k.accounts())),
            KeyringOrder::Use(number, name) => {
                let read = keyring.and_then(|k| k.read(&name));
                let read = read.map(|credentials| GroupAccount::Remembered(name, Some(Arc::new(credentials))));
                KeyringAnswer::SignsIn(number, read.map_err(|error| words::sentence(&error.to_string())))
            }
            KeyringOrder::Remember(name, credentials) => {
                let saved = keyring.and_then(|k| k.save(&name, &credentials));
                KeyringAnswer::Remembered(name, saved)
            }
            KeyringOrder::Forget(name) => {
                let forgotten = keyring.and_then(|k| k.forget(&name));
                KeyringAnswer::Forgotten(name, forgotten)
            }
        });
    }

    fn with_keyring(&mut self, ask: impl FnOnce(Result<Keyring, KeyringError>) -> KeyringAnswer + Send + 'static) {
        let open = Arc::clone(&self.host.keyring);
        let result = self.jobs.spawn("keyring", move || Outcome::Keyring(ask(open())));
        self.spawned(result);
    }

    /// Whoever is logged on: Windows knows that, elsewhere it is who has Kerberos tickets.
    pub(super) fn sign_in_as_logged_on(&mut self, number: WaitNumber) {
        let result = self.jobs.spawn("tickets", move || {
            let known = if cfg!(windows) {
                Ok(())
            } else {
                user_tickets()
                    .map(drop)
                    .map_err(|error| words::sentence(&error.to_string()))
            };
            let user = known.map(|()| GroupAccount::Typed(Arc::new(Credentials::logged_on_user())));
            Outcome::Keyring(KeyringAnswer::SignsIn(number, user))
        });
        self.spawned(result);
    }

    pub(super) fn keyring_answered(&mut self, answer: KeyringAnswer) {
        match answer {
            KeyringAnswer::Listed(Ok(accounts)) => self.remembered = Remembered::Known(accounts),
            KeyringAnswer::Listed(Err(error)) => {
                self.remembered = Remembered::Failed(words::sentence(&error.to_string()));
            }
            KeyringAnswer::SignsIn(number, result) => self.signs_in(number, result),
            KeyringAnswer::Remembered(name, Ok(())) => {
                self.change_groups(|groups| groups.changed(name.trim()));
                self.say(
                    Tone::Good,
                    format!("Remembered as {}", name.trim()),
                    "Account and password are in the keyring.",
                );
                self.look_again();
            }
            KeyringAnswer::Remembered(name, Err(error)) => {
                let title = format!("Not remembered as {}", name.trim());
                self.say(Tone::Bad, title, words::sentence(&error.to_string()));
            }
            KeyringAnswer::Forgotten(name, Ok(())) => {
                self.change_groups(|groups| groups.changed(name.trim()));
                self.say(Tone::Good, format!("{name} is forgotten"), "");
                self.look_again();
            }
            KeyringAnswer::Forgotten(name, Err(error)) => {
                self.say(
                    Tone::Bad,
                    format!("{name} is not forgotten"),
                    words::sentence(&error.to_string()),
                );
            }
            KeyringAnswer::Groups(number, read) => self.groups_read(number, read),
        }
    }

    /// What the keyring remembers changed by our own doing.
    fn look_again(&mut self) {
        if matches!(self.remembered, Remembered::Known(_) | Remembered::Failed(_)) {
            self.ask_keyring(KeyringOrder::List);
        }
    }

    /// The dialog that waited is answered; if it was left meanwhile, nobody signs in.
    fn signs_in(&mut self, number: WaitNumber, result: Result<GroupAccount, String>) {
        let waits = |d: &Dialog| matches!(d, Dialog::Credentials(d) if d.waits_for(number));
        let place = self.dialogs.iter().position(waits);
        let Some((place, Dialog::Credentials(dialog))) = place.and_then(|at| Some((at, self.dialogs.get_mut(at)?)))
        else {
            return;
        };
        match result {
            Err(why) => dialog.failed(why),
            Ok(account) => {
                let then = dialog.answered(account);
                self.dialogs.remove(place);
                self.send(then);
            }
        }
    }

    /// Answers what a run asks. The account is used for the computers that asked, in this run and in later ones, and for no
    /// others: those might lock it, or have no business with it.
    pub(super) fn answer_run(&mut self, question: &Arc<SignInQuestion>, account: Option<GroupAccount>) {
        let Some(run) = self.current_run() else { return };
        let asked = run.progress().question;
        if !asked.is_some_and(|asked| Arc::ptr_eq(&asked, question)) {
            return;
        }
        let credentials = account.as_ref().and_then(GroupAccount::credentials);
        let credentials = credentials.map(|credentials| (**credentials).clone());
        run.answer(credentials.clone());
        match (&question.pattern, account) {
            (_, None) => {}
            (None, Some(_)) => self.sign_in(credentials, None),
            (Some(pattern), Some(account)) => self.change_groups(|groups| groups.replace(pattern, &account)),
        }
    }

    /// Runs take these from now on.
    pub(super) fn use_groups(&mut self, groups: AccountGroups) {
        self.groups = groups;
        if let Some(workspace) = self.workspace() {
            workspace.set_credential_sets(self.groups.sets());
        }
    }

    /// Changes the groups, also where they are being edited.
    fn change_groups(&mut self, change: impl Fn(&mut AccountGroups)) {
        for dialog in &mut self.dialogs {
            if let Dialog::AccountGroups(dialog) = dialog {
                change(dialog.groups());
            }
        }
        let mut groups = std::mem::take(&mut self.groups);
        change(&mut groups);
        self.use_groups(groups);
    }

    /// True if the run has to wait for accounts of the keyring, which are now being read.
    pub(super) fn reads_groups_first(&mut self, job: &Job) -> bool {
        let names = self.groups.unread();
        if names.is_empty() {
            return false;
        }
        let number = WaitNumber::next();
        self.open(Dialog::AskingKeyring(Box::new(AskingKeyring {
            number,
            list: self.list.as_ref().map(|list| list.number),
            job: job.clone(),
        })));
        self.with_keyring(move |keyring| {
            let read = |name: String| {
                let credentials = match &keyring {
                    Ok(keyring) => keyring.read(&name),
                    Err(error) => Err(error.clone()),
                };
                (name, credentials)
            };
            KeyringAnswer::Groups(number, names.into_iter().map(read).collect())
        });
        true
    }

    /// The run that waited begins; if it was given up, or its list closed, what was read is of no use.
    fn groups_read(&mut self, number: WaitNumber, read: Vec<(String, Result<Credentials, KeyringError>)>) {
        let waits = |d: &mut Dialog| matches!(d, Dialog::AskingKeyring(d) if d.number == number);
        let Some(Dialog::AskingKeyring(waiting)) = self.dialogs.extract_if(.., waits).next() else {
            return;
        };
        if waiting.list != self.list.as_ref().map(|list| list.number) {
            self.say(Tone::Warning, "Not started", "Another list was opened meanwhile.");
            return;
        }
        let mut problem = None;
        let mut groups = std::mem::take(&mut self.groups);
        for (name, result) in read {
            match result {
                Ok(credentials) => groups.read(&name, &Arc::new(credentials)),
                Err(error) => {
                    problem.get_or_insert(error);
                }
            }
        }
        self.use_groups(groups);
        match problem {
            // At once: by the next frame another list may be open.
            None => self.start(waiting.job),
            Some(error) => {
                let why = words::sentence(&error.to_string());
                let text = format!("{why} See Computers, Accounts for groups.");
                self.say(Tone::Bad, "Not started", text);
            }
        }
    }

    pub(super) fn groups_dialog(&self) -> Dialog {
        let computer = self.selected_computer().cloned();
        dialogs::account_groups(self.groups.clone(), computer)
    }

    /// The way in to the selected computers.
    pub(super) fn choose_way(&mut self, way: Option<WayIn>) {
        let (view, selected) = (self.answer.view.clone(), self.screen.selection.rows().clone());
        self.on_list("way-in", move |w| {
            let computers = orders::computers(&view, &selected, &w.snapshot().inventory);
            Outcome::WayChosen(way, w.choose_way(&computers, way))
        });
    }

    pub(super) fn way_chosen(&mut self, way: Option<WayIn>, result: Result<usize, WorkspaceError>) {
        let label = way.map_or("what answers", WayIn::label);
        match result {
            Ok(0) => self.say(
                Tone::Good,
                "Nothing changed",
                format!("The way in was {label} already."),
            ),
            Ok(count) => {
                let computers = words::count(count, "computer", "computers");
                self.say(Tone::Good, format!("Way in of {computers}: {label}"), "");
            }
            Err(error) => self.fail("Way in not changed", &error),
        }
    }
}
