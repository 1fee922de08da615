//! Activation without a network: reading the installation ID, depositing the confirmation ID.

use std::time::Duration;

use super::rows::{key_type, license_status};
use super::see_through::{Ended, Sent, may_be_running, see_through};
use super::target::Target;
use super::{Done, LicensingError, Patience};
use crate::model::{Confirmation, ExtendedPid, InstallationId, KeyType, LicenseStatus, Product};
use crate::wmi::{Instance, Param, WmiConnection};

/// What the activation service needs to know of a product, read from the computer just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineData {
    /// The installation ID. It changes with the key and with the hardware.
    pub installation_id: InstallationId,
    /// Extended PID of the installed key; `None` when the computer gave none that can be read.
    pub product_key_id: Option<ExtendedPid>,
    /// License status at this moment.
    pub license_status: LicenseStatus,
    /// Type of the installed key.
    pub key_type: KeyType,
}

/// Reads the installation ID of a product.
pub async fn installation_id(conn: &mut dyn WmiConnection, product: &Product) -> Result<OfflineData, LicensingError> {
    let target = Target::of(conn, product).await?;
    let row = target.read(conn).await?;
    Ok(OfflineData {
        installation_id: installation_id_of(conn, &target, &row)?,
        product_key_id: row.text("ProductKeyID").and_then(|t| ExtendedPid::parse(t).ok()),
        license_status: license_status(&row),
        key_type: key_type(&row),
    })
}

fn installation_id_of(
    conn: &dyn WmiConnection,
    target: &Target<'_>,
    row: &Instance,
) -> Result<InstallationId, LicensingError> {
    let unusable = |why: Option<String>| LicensingError::NoInstallationId {
        computer: conn.computer().to_owned(),
        product: target.name(),
        why,
    };
    let text = row.text("OfflineInstallationId").ok_or_else(|| unusable(None))?;
    InstallationId::parse(text).map_err(|e| unusable(Some(e.to_string())))
}

/// How depositing a confirmation ID ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deposit {
    /// The product is licensed now.
    Licensed,
    /// It was licensed before: nothing was sent, the confirmation ID stays usable.
    AlreadyLicensed,
    /// Sent, no answer came, and the product was not licensed when the patience ended. Depositing again is harmless.
    StillRunning {
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Deposits a confirmation ID and reads the product again.
///
/// The installation ID is read right before: if it is not the one the confirmation ID was given for, nothing is sent. A
/// confirmation whose installation ID is not known is tried; the computer itself refuses one that does not fit.
pub async fn deposit(
    conn: &mut dyn WmiConnection,
    product: &Product,
    confirmation: &Confirmation,
    patience: Patience,
) -> Done<Deposit> {
    let target = match Target::of(conn, product).await {
        Ok(target) => target,
        Err(error) => return Done::failed(error),
    };
    let sent = send(conn, &target, confirmation).await;
    see_through(conn, &target, sent, patience)
        .await
        .map(|ended| match ended {
            Ended::NotNeeded => Deposit::AlreadyLicensed,
            Ended::Licensed => Deposit::Licensed,
            Ended::StillRunning { waited } => Deposit::StillRunning { waited },
        })
}

async fn send(
    conn: &mut dyn WmiConnection,
    target: &Target<'_>,
    confirmation: &Confirmation,
) -> Result<Sent, LicensingError> {
    let row = target.read(conn).await?;
    if license_status(&row) == LicenseStatus::Licensed {
        return Ok(Sent::NotNeeded);
    }
    let now = installation_id_of(conn, target, &row)?;
    if confirmation
        .installation_id
        .as_ref()
        .is_some_and(|given_for| *given_for != now)
    {
        return Err(LicensingError::InstallationIdChanged {
            computer: conn.computer().to_owned(),
            product: target.name(),
            now,
        });
    }
    let (installation_id, given) = (now.digits(), confirmation.confirmation_id.digits());
    let parameters = [
        ("InstallationId", Param::Text(&installation_id)),
        ("ConfirmationId", Param::Text(&given)),
    ];
    match target.invoke(conn, "DepositOfflineConfirmationId", &parameters).await {
        Ok(_) => Ok(Sent::Answered),
        Err(error) if may_be_running(&error) => Ok(Sent::Unanswered),
        Err(error) => Err(error.into()),
    }
}
