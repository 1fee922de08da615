//! Installing a product key, in the order of slmgr.vbs `/ipk` and ospp.vbs `/inpkey`.

use uuid::Uuid;

use super::target::{observe, refresh_license_status, service_version};
use super::wql::{is_absent, service_class};
use super::{Done, LicensingError};
use crate::model::{ApplicationId, ComputerId, KeyType, LastFive, Observation, ProductKey, ServiceFamily, Text};
use crate::wmi::{Namespace, ObjectPath, Param, WmiConnection, WmiError};

/// `HKEY_LOCAL_MACHINE` for `StdRegProv`.
const HKLM: &str = "2147483650";
const VALUE: &str = "KeyManagementServiceVersion";
const SPP: &str = r"Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform";
/// Vista and Server 2008.
const SL: &str = r"Microsoft\Windows NT\CurrentVersion\SL";

/// A product key was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInstalled {
    /// Last five characters of the key.
    pub last_five: LastFive,
    /// The SKU that carries the key now; `None` when the computer could not be read again.
    pub sku: Option<Uuid>,
    /// Name of that product.
    pub name: Option<Text>,
    /// Application of that product.
    pub application: Option<ApplicationId>,
}

/// Installs `key` with the service of `family` ([`super::service_family`] tells which).
///
/// `InstallProductKey`, `RefreshLicenseStatus`, then the registry value that marks KMS hosts. Installing a key activates
/// nothing. The key crosses the network as a secret parameter and appears in no message.
pub async fn install_key(
    conn: &mut dyn WmiConnection,
    computer: ComputerId,
    family: ServiceFamily,
    key: &ProductKey,
) -> Done<KeyInstalled> {
    let mut notes = Vec::new();
    let version = match install(conn, family, key, &mut notes).await {
        Ok(version) => version,
        Err(error) => {
            // A call that timed out may have installed the key all the same.
            let observation = if matches!(error, WmiError::TimedOut { .. }) {
                observe(conn, Some(computer), &mut notes).await
            } else {
                None
            };
            return Done {
                outcome: verdict(Err(error), observation.as_ref(), key),
                observation,
                notes,
            };
        }
    };
    let observation = observe(conn, Some(computer), &mut notes).await;
    if family != ServiceFamily::OSPP
        && let Some(observation) = &observation
    {
        mark_kms_host(conn, observation, &version, &mut notes).await;
    }
    Done {
        outcome: verdict(Ok(()), observation.as_ref(), key),
        observation,
        notes,
    }
}

async fn install(
    conn: &mut dyn WmiConnection,
    family: ServiceFamily,
    key: &ProductKey,
    notes: &mut Vec<String>,
) -> Result<String, WmiError> {
    let version = service_version(conn, family).await?;
    let path = ObjectPath {
        namespace: Namespace::Cimv2,
        class: service_class(family),
        key: Some(("Version", &version)),
    };
    conn.invoke(
        path,
        "InstallProductKey",
        &[("ProductKey", Param::Secret(key.reveal()))],
    )
    .await?;
    refresh_license_status(conn, family, &version, notes).await;
    Ok(version)
}

fn verdict(
    sent: Result<(), WmiError>,
    observation: Option<&Observation>,
    key: &ProductKey,
) -> Result<KeyInstalled, LicensingError> {
    let (group, serial) = key.group_and_serial().unzip();
    let carrier = observation.and_then(|o| {
        o.products.iter().find(|p| {
            let by_pid = p.product_key_id.as_ref().filter(|_| group.is_some());
            match by_pid {
                Some(pid) => group == Some(pid.key_group()) && serial == Some(pid.serial()),
                None => p.partial_product_key == Some(key.last_five()),
            }
        })
    });
    match (sent, carrier) {
        (Err(error), None) => Err(error.into()),
        (_, carrier) => Ok(KeyInstalled {
            last_five: key.last_five(),
            sku: carrier.and_then(|p| p.sku),
            name: carrier.map(|p| p.name.clone()),
            application: carrier.map(|p| p.application),
        }),
    }
}

/// slmgr marks KMS hosts in the registry for Operations Manager, and removes the mark from computers that are none.
async fn mark_kms_host(
    conn: &mut dyn WmiConnection,
    observation: &Observation,
    version: &str,
    notes: &mut Vec<String>,
) {
    let is_host = observation.products.iter().any(|p| p.key_type == KeyType::Csvlk);
    let key = if version.starts_with("6.0") { SL } else { SPP };
    for path in [format!(r"SOFTWARE\{key}"), format!(r"SOFTWARE\Wow6432Node\{key}")] {
        let object = ObjectPath {
            namespace: Namespace::Default,
            class: "StdRegProv",
            key: None,
        };
        let at = [
            ("hDefKey", Param::Text(HKLM)),
            ("sSubKeyName", Param::Text(&path)),
            ("sValueName", Param::Text(VALUE)),
        ];
        let answer = if is_host {
            let [hive, sub_key, value] = at;
            let set = [hive, sub_key, value, ("sValue", Param::Text(version))];
            conn.invoke(object, "SetStringValue", &set).await
        } else {
            conn.invoke(object, "DeleteValue", &at).await
        };
        match answer {
            // 2: there was no such value or key; 5: denied. slmgr ignores both.
            Ok(out) => match out.number("ReturnValue") {
                Some(0 | 2 | 5) | None => {}
                Some(code) => notes.push(format!(r"registry value HKLM\{path}\{VALUE} not changed: error {code}")),
            },
            Err(error) if is_absent(&error) => return,
            Err(WmiError::Failed { code, .. }) if matches!(code.0, 2 | 5 | 0x8007_0002 | 0x8007_0005) => {}
            Err(error) => {
                notes.push(format!(r"registry value HKLM\{path}\{VALUE} not changed: {error}"));
                return;
            }
        }
    }
}
