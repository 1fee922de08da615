//! Seeing through what was sent to a computer: waiting for an answer that did not come, and looking what became of it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::collect::row_of;
use super::rows::license_status;
use super::target::Target;
use super::{Done, LicensingError};
use crate::model::{FailureClass, HResult, LicenseStatus, Observation, Product};
use crate::wmi::{WmiConnection, WmiError};

/// `SL_E_ACTIVATION_IN_PROGRESS`: an earlier request still runs.
const IN_PROGRESS: HResult = HResult(0xC004_E028);
/// After this many questions in a row that the connection did not carry, it is taken for dead.
pub(super) const LOST_AFTER: u32 = 3;

/// How long an activation is waited for after its answer failed to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Pause between two looks at the license status.
    pub poll_every: Duration,
    /// When to stop looking.
    pub give_up_after: Duration,
}

impl Default for Patience {
    /// Every 5 seconds for 5 minutes: an activation may need a minute or more, and WinRM cuts its answer after 60 seconds.
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(5),
            give_up_after: Duration::from_mins(5),
        }
    }
}

/// What is known after sending.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sent {
    /// Not sent: licensed already.
    NotNeeded,
    /// The computer answered success, or became licensed while waiting.
    Answered,
    /// No answer came; it has to be waited for.
    Unanswered,
    /// Waited in vain.
    InVain(Duration),
    /// Waited, and the connection was lost on the way.
    Lost(Duration),
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended {
    /// Nothing was sent: licensed already.
    NotNeeded,
    /// The product is licensed now.
    Licensed,
    /// Sent, and not seen to end.
    StillRunning {
        /// How long it was waited for.
        waited: Duration,
    },
}

/// The request may have reached the computer although this is how it ended.
pub(super) fn may_be_running(error: &WmiError) -> bool {
    match error {
        WmiError::TimedOut { .. } => true,
        WmiError::Failed { code, .. } => *code == IN_PROGRESS,
        // These are found out before anything is sent; every other break may have come after.
        WmiError::Connection(failure) => !matches!(
            failure.class,
            FailureClass::NameNotFound
                | FailureClass::Refused
                | FailureClass::Certificate
                | FailureClass::Credentials
                | FailureClass::AccessDenied
                | FailureClass::Uac
                | FailureClass::Cancelled
                | FailureClass::NotAllowed
        ),
        WmiError::NoSuchClass { .. } | WmiError::InvalidQuery { .. } => false,
    }
}

/// Waits if no answer came, and looks at the computer afterwards. Nothing is sent a second time.
pub(super) async fn see_through(
    conn: &mut dyn WmiConnection,
    target: &Target<'_>,
    sent: Result<Sent, LicensingError>,
    patience: Patience,
) -> Done<Ended> {
    let mut notes = Vec::new();
    let sent = match sent {
        Ok(Sent::Unanswered) => Ok(until_licensed(conn, target, patience, &mut notes).await),
        other => other,
    };
    if matches!(sent, Ok(Sent::Answered)) {
        target.refresh(conn, &mut notes).await;
    }
    let observation = match &sent {
        Ok(Sent::Lost(_)) | Err(LicensingError::Wmi(WmiError::Connection(_))) => None,
        _ => target.observe(conn, &mut notes).await,
    };
    Done {
        outcome: sent.and_then(|sent| verdict(conn, target, sent, observation.as_ref())),
        observation,
        notes,
    }
}

/// Looks at the license status until it is licensed or the patience ends.
async fn until_licensed(
    conn: &mut dyn WmiConnection,
    target: &Target<'_>,
    patience: Patience,
    notes: &mut Vec<String>,
) -> Sent {
    let began = Instant::now();
    let mut lost = 0;
    loop {
        match target.read_status(conn).await {
            Ok(Some(row)) if license_status(&row) == LicenseStatus::Licensed => return Sent::Answered,
            Err(error @ WmiError::Connection(_)) => {
                lost += 1;
                if lost >= LOST_AFTER {
                    notes.push(format!("waiting for the license status ended early: {error}"));
                    return Sent::Lost(began.elapsed());
                }
            }
            _ => lost = 0,
        }
        let left = patience.give_up_after.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Sent::InVain(began.elapsed());
        }
        sleep(patience.poll_every.min(left)).await;
    }
}

fn verdict(
    conn: &dyn WmiConnection,
    target: &Target<'_>,
    sent: Sent,
    observation: Option<&Observation>,
) -> Result<Ended, LicensingError> {
    let now = observation.and_then(|o| row_of(o, target.sku));
    match sent {
        Sent::NotNeeded => Ok(Ended::NotNeeded),
        _ if now.is_some_and(|p| p.license_status == LicenseStatus::Licensed) => Ok(Ended::Licensed),
        Sent::InVain(waited) | Sent::Lost(waited) => Ok(Ended::StillRunning { waited }),
        // Answered, but it could not be looked at: not certain, and never to be repeated blindly.
        Sent::Answered | Sent::Unanswered if observation.is_none() => {
            Ok(Ended::StillRunning { waited: Duration::ZERO })
        }
        Sent::Answered | Sent::Unanswered => Err(not_licensed(conn, target, now)),
    }
}

fn not_licensed(conn: &dyn WmiConnection, target: &Target<'_>, now: Option<&Product>) -> LicensingError {
    LicensingError::NotLicensed {
        computer: conn.computer().to_owned(),
        product: target.name(),
        status: now.map_or(LicenseStatus::NotAvailable, |p| p.license_status),
        reason: now.and_then(|p| p.license_status_reason),
    }
}
