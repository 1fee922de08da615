//! A wrong password is tried on three computers, not on all of them: each try counts towards the lock-out of the account.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::Credentials;
use super::open::lock;
use crate::model::{Failure, FailureClass};

/// So many computers may refuse the credentials before a run stops trying. Usual lock-out thresholds are five and more.
const TRIES: usize = 3;
/// A computer that has not answered a sign-in for so long is hung rather than refusing: one more is let past it, so that it
/// costs its own time-out and not that of all the others.
const UNDECIDED: Duration = Duration::from_secs(1);

/// How the credentials are received, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    Accepted,
    Refused,
}

/// One account of a run and how it was received. Until a computer has accepted it, at most three sign-ins that are answered
/// are under way or have been refused.
#[derive(Debug)]
pub(super) struct SignInGuard {
    credentials: Arc<Credentials>,
    /// Computers that refused, in the order of their answers.
    refused: Mutex<Vec<String>>,
    fate: watch::Sender<Fate>,
    /// One permit per sign-in that may still be refused. Closed when it is known how the credentials are received.
    tries: Semaphore,
    /// Only the first of those that wait may be let past hung computers.
    queue: tokio::sync::Mutex<()>,
}

/// Leave to sign in to one computer.
pub(super) struct Turn<'a>(Option<SemaphorePermit<'a>>);

impl SignInGuard {
    pub(super) fn new(credentials: Arc<Credentials>) -> Self {
        Self {
            credentials,
            refused: Mutex::default(),
            fate: watch::Sender::new(Fate::Open),
            tries: Semaphore::new(TRIES),
            queue: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The computers that refused.
    pub(super) fn refused_by(&self) -> Vec<String> {
        lock(&self.refused).clone()
    }

    /// Waits until a sign-in may be tried. `Err` when it would be refused like the others.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let first = self.queue.lock().await;
        let permit = tokio::time::timeout(UNDECIDED, self.tries.acquire()).await;
        let permit = permit.ok().and_then(Result::ok);
        drop(first);
        if *self.fate.borrow() == Fate::Refused {
            return Err(Failure {
                class: FailureClass::Credentials,
                message: format!(
                    "not tried: user name or password was refused by {}; more tries could lock the account",
                    self.refused_by().join(", ")
                ),
                code: None,
            });
        }
        Ok(Turn(permit))
    }

    /// How the credentials are received; waits a moment for that when sign-ins to other computers may tell it.
    pub(super) async fn fate(&self) -> Fate {
        let mut fate = self.fate.subscribe();
        let decided = tokio::time::timeout(2 * UNDECIDED, fate.wait_for(|fate| *fate != Fate::Open));
        match decided.await {
            Ok(Ok(fate)) => *fate,
            _ => Fate::Open,
        }
    }

    /// A computer accepted the credentials: from now on nobody waits.
    pub(super) fn accepted(&self) {
        self.fate.send_replace(Fate::Accepted);
        self.tries.close();
    }

    /// `computer` refused the credentials: its try is used up.
    pub(super) fn refused(&self, turn: Turn<'_>, computer: &str) {
        let mut refused = lock(&self.refused);
        if *self.fate.borrow() == Fate::Open {
            refused.push(computer.to_owned());
            if refused.len() >= TRIES {
                self.fate.send_replace(Fate::Refused);
                self.tries.close();
            }
        }
        if let Some(permit) = turn.0 {
            permit.forget();
        }
    }
}
