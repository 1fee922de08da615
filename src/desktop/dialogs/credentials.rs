//! Who signs in to the computers.

use std::sync::Arc;

use egui::{Context, Key};

use super::{Stay, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::secret_text::{SecretText, secret_line};
use crate::desktop::state::words::{self, Health};
use crate::desktop::widgets::{banner_ui, plain_button, primary_button, text_line};
use crate::workspace::{Credentials, Job, SignInQuestion};

/// What was typed.
pub struct SignIn {
    user: String,
    password: SecretText,
    known: bool,
    then: Option<Job>,
    again: Option<Arc<SignInQuestion>>,
    focused: bool,
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
            known: known.is_some(),
            then,
            again: None,
            focused: false,
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

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let title = if self.again.is_some() {
            "The account is refused"
        } else if self.then.is_some() {
            "Sign in to the computers"
        } else {
            "Credentials"
        };
        let done = dialog_ui(ctx, title, 440.0, |ui| {
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
            let label = ui.label("User");
            let edit = text_line(&mut self.user).hint_text(r"DOMAIN\name");
            let user = ui.add(edit).labelled_by(label.id);
            if !std::mem::replace(&mut self.focused, true) {
                user.request_focus();
            }
            let password = secret_line(ui, &mut self.password, "Password", true);
            if let Some(problem) = &self.problem {
                banner_ui(ui, Health::Bad, "", problem);
            }
            note(
                ui,
                "Kept in memory until MAKeeper closes; never written to a file or a log.",
            );

            let ready = !self.user.trim().is_empty() && !self.password.is_empty();
            let entered = password.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
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
                    match Credentials::new(&self.user, self.password.secret()) {
                        Ok(credentials) => {
                            if self.again.is_some() {
                                frame.send(Event::AnswerRun(Some(credentials.clone())));
                            }
                            frame.send(Event::SignIn(Some(credentials), self.then.take()));
                            self.again = None;
                            done = true;
                        }
                        Err(error) => self.problem = Some(words::sentence(&error.to_string())),
                    }
                }
                // Windows signs its own user in, without a password.
                #[cfg(windows)]
                if plain_button(ui, "As the logged-on user").clicked() {
                    frame.send(Event::SignIn(Some(Credentials::logged_on_user()), self.then.take()));
                    done = true;
                }
                if self.known && self.then.is_none() && plain_button(ui, "Forget").clicked() {
                    frame.send(Event::SignIn(None, None));
                    done = true;
                }
                let no = if self.again.is_some() { "Give up" } else { "Cancel" };
                done |= plain_button(ui, no).clicked();
            });
            done
        });
        if done.unwrap_or(true) {
            if self.again.take().is_some() {
                frame.send(Event::AnswerRun(None));
            }
            return Stay::Close;
        }
        Stay::Open
    }
}
