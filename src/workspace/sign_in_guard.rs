//! A wrong password is tried on three computers, not on all of them: each try counts towards the lock-out of the account.

use tokio::sync::{Semaphore, SemaphorePermit};

use std::sync::Mutex;
use std::time::Duration;

use super::open::lock;
use crate::model::{Failure, FailureClass};

/// So many computers may refuse the credentials before a run stops trying. Usual lock-out thresholds are five and more.
const TRIES: usize = 3;
/// A computer that has not answered a sign-in for so long is hung rather than refusing: one more is let past it, so that it
/// costs its own time-out and not that of all the others.
const UNDECIDED: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Answers {
    accepted: bool,
    /// Computers that refused, in the order of their answers.
    refused: Vec<String>,
}

/// Counts how the credentials of a run were received. Until a computer has accepted them, at most three sign-ins that are
/// answered are under way or have been refused.
#[derive(Debug)]
pub(super) struct SignInGuard {
    answers: Mutex<Answers>,
    /// One permit per sign-in that may still be refused. Closed when it is known how the credentials are received.
    tries: Semaphore,
    /// Only the first of those that wait may be let past hung computers.
    queue: tokio::sync::Mutex<()>,
}

/// Leave to sign in to one computer.
pub(super) struct Turn<'a>(Option<SemaphorePermit<'a>>);

impl Default for SignInGuard {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            tries: Semaphore::new(TRIES),
            queue: tokio::sync::Mutex::default(),
        }
    }
}

impl SignInGuard {
    /// Waits until a sign-in may be tried. `Err` when it would be refused like the others.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let first = self.queue.lock().await;
        let permit = tokio::time::timeout(UNDECIDED, self.tries.acquire()).await;
        let permit = permit.ok().and_then(Result::ok);
        drop(first);
        let answers = lock(&self.answers);
        if !answers.accepted && answers.refused.len() >= TRIES {
            return Err(Failure {
                class: FailureClass::Credentials,
                message: format!(
                    "not tried: user name or password was refused by {}; more tries could lock the account",
                    answers.refused.join(", ")
                ),
                code: None,
            });
        }
        Ok(Turn(permit))
    }

    /// `computer` accepted the credentials: from now on nobody waits.
    pub(super) fn accepted(&self) {
        lock(&self.answers).accepted = true;
        self.tries.close();
    }

    /// `computer` refused the credentials: its try is used up.
    pub(super) fn refused(&self, turn: Turn<'_>, computer: &str) {
        let mut answers = lock(&self.answers);
        if !answers.accepted && answers.refused.len() < TRIES {
            answers.refused.push(computer.to_owned());
        }
        if answers.refused.len() >= TRIES {
            self.tries.close();
        }
        if let Some(permit) = turn.0 {
            permit.forget();
        }
    }
}
