//! Activating a product online or through KMS, in the order and with the guards of slmgr.vbs `/ato`.

use std::time::Duration;

use super::rows::{key_type, license_status};
use super::see_through::{Ended, Sent, may_be_running, see_through};
use super::target::Target;
use super::{Done, LicensingError, Patience};
use crate::model::{KeyType, LicenseStatus, Product};
use crate::wmi::{Instance, WmiConnection};

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
    let target = match Target::of(conn, product).await {
        Ok(target) => target,
        Err(error) => return Done::failed(error),
    };
    let sent = match how {
        Begin::ByActivating => send_activate(conn, &target).await,
        Begin::ByWaiting => Ok(Sent::Unanswered),
    };
    see_through(conn, &target, sent, patience)
        .await
        .map(|ended| match ended {
            Ended::NotNeeded => Activation::AlreadyLicensed,
            Ended::Licensed => Activation::Licensed,
            Ended::StillRunning { waited } => Activation::StillRunning { waited },
        })
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
