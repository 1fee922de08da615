//! Activating a product online or through KMS, in the order and with the guards of slmgr.vbs `/ato`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::collect::row_of;
use super::rows::{key_type, license_status};
use super::target::Target;
use super::{Done, LicensingError};
use crate::model::{FailureClass, HResult, KeyType, LicenseStatus, Observation, Product};
use crate::wmi::{Instance, WmiConnection, WmiError};

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

/// How an activation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The product is licensed now.
    Licensed,
    /// A product with a MAK or a KMS host key that was licensed before: `Activate` was not called, nothing was spent.
    AlreadyLicensed,
    /// `Activate` was sent, its answer did not come, and the product was not licensed when the patience ended. It may still
    /// be running: never send it again, look at the license status later ([`await_activation`]).
    StillRunning {
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Activates a product: online with a MAK or retail key, through KMS or Active Directory with a client setup key.
///
/// The row is read first; a product with a MAK or KMS host key that is licensed is left alone, and one that only allows tokens is refused. An
/// answer that does not come is waited for by looking at the license status, never by asking again.
pub async fn activate(conn: &mut dyn WmiConnection, product: &Product, patience: Patience) -> Done<Activation> {
    run(conn, product, patience, Begin::ByActivating).await
}

/// Waits for an activation that was sent before, without sending anything that could spend one: for a new connection after
/// [`Activation::StillRunning`].
pub async fn await_activation(conn: &mut dyn WmiConnection, product: &Product, patience: Patience) -> Done<Activation> {
    run(conn, product, patience, Begin::ByWaiting).await
}

#[derive(Clone, Copy)]
enum Begin {
    ByActivating,
    ByWaiting,
}

async fn run(conn: &mut dyn WmiConnection, product: &Product, patience: Patience, how: Begin) -> Done<Activation> {
    let mut notes = Vec::new();
    let target = match Target::of(conn, product).await {
        Ok(target) => target,
        Err(error) => {
            return Done {
                outcome: Err(error),
                observation: None,
                notes,
            };
        }
    };
    let sent = match how {
        Begin::ByActivating => send_activate(conn, &target).await,
        Begin::ByWaiting => Ok(Sent::Unanswered),
    };
    let sent = match sent {
        Ok(Sent::Unanswered) => Ok(wait(conn, &target, patience, &mut notes).await),
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
        outcome: sent.and_then(|sent| verdict(conn, &target, sent, observation.as_ref())),
        observation,
        notes,
    }
}

/// What is known after sending.
#[derive(Debug, Clone, Copy)]
enum Sent {
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

async fn send_activate(conn: &mut dyn WmiConnection, target: &Target<'_>) -> Result<Sent, LicensingError> {
    let row = target.read(conn).await?;
    let status = license_status(&row);
    if spends_activations(&row, target.product) && status == LicenseStatus::Licensed {
        return Ok(Sent::NotNeeded);
    }
    let named = || (conn.computer().to_owned(), target.name());
    if row.has("PartialProductKey") && row.text("PartialProductKey").is_none() {
        let (computer, product) = named();
        return Err(LicensingError::NoKey { computer, product });
    }
    if row.number("VLActivationTypeEnabled") == Some(3) {
        let (computer, product) = named();
        return Err(LicensingError::TokenOnly { computer, product });
    }
    match target.invoke(conn, "Activate", &[]).await {
        Ok(_) => Ok(Sent::Answered),
        Err(error) if may_be_running(&error) => Ok(Sent::Unanswered),
        Err(error) => Err(error.into()),
    }
}

/// A MAK, or a KMS host key, whose activations are few too. By what the computer says now, or, when it does not say, by
/// what the list knew: in doubt nothing is spent.
fn spends_activations(row: &Instance, product: &Product) -> bool {
    let key_type = match key_type(row) {
        KeyType::Unknown => product.key_type,
        known => known,
    };
    matches!(key_type, KeyType::Mak | KeyType::Csvlk)
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

/// Looks at the license status until it is licensed or the patience ends.
pub(super) enum Waited {
    Licensed,
    InVain(Duration),
    Lost(Duration),
}

pub(super) async fn until_licensed(
    conn: &mut dyn WmiConnection,
    target: &Target<'_>,
    patience: Patience,
    notes: &mut Vec<String>,
) -> Waited {
    let began = Instant::now();
    let mut lost = 0;
    loop {
        match target.read_status(conn).await {
            Ok(Some(row)) if license_status(&row) == LicenseStatus::Licensed => return Waited::Licensed,
            Err(error @ WmiError::Connection(_)) => {
                lost += 1;
                if lost >= LOST_AFTER {
                    notes.push(format!("waiting for the license status ended early: {error}"));
                    return Waited::Lost(began.elapsed());
                }
            }
            _ => lost = 0,
        }
        let left = patience.give_up_after.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Waited::InVain(began.elapsed());
        }
        sleep(patience.poll_every.min(left)).await;
    }
}

async fn wait(conn: &mut dyn WmiConnection, target: &Target<'_>, patience: Patience, notes: &mut Vec<String>) -> Sent {
    match until_licensed(conn, target, patience, notes).await {
        Waited::Licensed => Sent::Answered,
        Waited::InVain(waited) => Sent::InVain(waited),
        Waited::Lost(waited) => Sent::Lost(waited),
    }
}

fn verdict(
    conn: &dyn WmiConnection,
    target: &Target<'_>,
    sent: Sent,
    observation: Option<&Observation>,
) -> Result<Activation, LicensingError> {
    let now = observation.and_then(|o| row_of(o, target.sku));
    match sent {
        Sent::NotNeeded => Ok(Activation::AlreadyLicensed),
        _ if now.is_some_and(|p| p.license_status == LicenseStatus::Licensed) => Ok(Activation::Licensed),
        Sent::InVain(waited) | Sent::Lost(waited) => Ok(Activation::StillRunning { waited }),
        Sent::Answered | Sent::Unanswered => match (observation, now) {
            // Answered, but it could not be looked at: not certain, and never to be repeated blindly.
            (None, _) => Ok(Activation::StillRunning { waited: Duration::ZERO }),
            (Some(_), now) => Err(not_licensed(conn, target, now)),
        },
    }
}

pub(super) fn not_licensed(conn: &dyn WmiConnection, target: &Target<'_>, now: Option<&Product>) -> LicensingError {
    LicensingError::NotLicensed {
        computer: conn.computer().to_owned(),
        product: target.name(),
        status: now.map_or(LicenseStatus::NotAvailable, |p| p.license_status),
        reason: now.and_then(|p| p.license_status_reason),
    }
}
