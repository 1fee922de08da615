//! Installing a product key, in the order of slmgr.vbs `/ipk` and ospp.vbs `/inpkey`.

use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::collect::collect_licensing;
use super::see_through::{LOST_AFTER, may_be_running};
use super::target::{observe, refresh_license_status, service_version};
use super::wql::{is_absent, service_class};
use super::{Done, Patience};
use crate::model::{
    ApplicationId, ComputerId, KeyType, LastFive, Observation, Product, ProductKey, ServiceFamily, Text,
};
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

/// How the installation of a product key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installation {
    /// The computer took the key.
    Installed(KeyInstalled),
    /// The key was sent, the answer did not come, and no product carried the key when the patience ended. It may still be
    /// taken: look at the computer later.
    NotKnown {
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Installation {
    /// What was installed, if that is known.
    pub fn installed(self) -> Option<KeyInstalled> {
        match self {
            Self::Installed(installed) => Some(installed),
            Self::NotKnown { .. } => None,
        }
    }
}

/// Installs `key` with the service of `family` ([`super::service_family`] tells which).
///
/// `InstallProductKey`, `RefreshLicenseStatus`, then the registry value that marks KMS hosts. Installing a key activates
/// nothing. The key crosses the network as a secret parameter and appears in no message. An answer that does not come is
/// waited for by looking which keys the computer carries, never by sending the key again.
pub async fn install_key(
    conn: &mut dyn WmiConnection,
    computer: ComputerId,
    family: ServiceFamily,
    key: &ProductKey,
    patience: Patience,
) -> Done<Installation> {
    let mut notes = Vec::new();
    let version = match service_version(conn, family).await {
        Ok(version) => version,
        Err(error) => return Done::failed(error),
    };
    let (observation, carrier) = match send(conn, family, &version, key).await {
        Ok(()) => {
            refresh_license_status(conn, family, &version, &mut notes).await;
            let observation = observe(conn, Some(computer), &mut notes).await;
            let carrier = observation.as_ref().and_then(|o| carrier(o, key)).cloned();
            (observation, carrier)
        }
        Err(error) if may_be_running(&error) => {
            let watched = until_carried(conn, computer, key, patience, &mut notes).await;
            if watched.carrier.is_none() {
                return Done {
                    outcome: Ok(Installation::NotKnown { waited: watched.waited }),
                    observation: watched.observation,
                    notes,
                };
            }
            refresh_license_status(conn, family, &version, &mut notes).await;
            (watched.observation, watched.carrier)
        }
        Err(error) => return Done::failed(error),
    };
    if family != ServiceFamily::OSPP
        && let Some(observation) = &observation
    {
        mark_kms_host(conn, observation, &version, &mut notes).await;
    }
    Done {
        outcome: Ok(Installation::Installed(KeyInstalled {
            last_five: key.last_five(),
            sku: carrier.as_ref().and_then(|p| p.sku),
            name: carrier.as_ref().map(|p| p.name.clone()),
            application: carrier.as_ref().map(|p| p.application),
        })),
        observation,
        notes,
    }
}

async fn send(
    conn: &mut dyn WmiConnection,
    family: ServiceFamily,
    version: &str,
    key: &ProductKey,
) -> Result<(), WmiError> {
    let path = ObjectPath {
        namespace: Namespace::Cimv2,
        class: service_class(family),
        key: Some(("Version", version)),
    };
    let parameters = [("ProductKey", Param::Secret(key.reveal()))];
    conn.invoke(path, "InstallProductKey", &parameters).await.map(drop)
}

/// The product that carries `key`: by group and serial where the key tells them, else by its last five characters.
fn carrier<'o>(observation: &'o Observation, key: &ProductKey) -> Option<&'o Product> {
    let (group, serial) = key.group_and_serial().unzip();
    observation.products.iter().find(|p| {
        let by_pid = p.product_key_id.as_ref().filter(|_| group.is_some());
        match by_pid {
            Some(pid) => group == Some(pid.key_group()) && serial == Some(pid.serial()),
            None => p.partial_product_key == Some(key.last_five()),
        }
    })
}

/// What looking at a computer showed whose answer did not come.
struct Watched {
    observation: Option<Observation>,
    carrier: Option<Product>,
    waited: Duration,
}

/// Looks at the computer until a product carries the key, the patience ends, or nothing is carried any more.
async fn until_carried(
    conn: &mut dyn WmiConnection,
    computer: ComputerId,
    key: &ProductKey,
    patience: Patience,
    notes: &mut Vec<String>,
) -> Watched {
    let began = Instant::now();
    let (mut seen, mut lost) = (None, 0);
    loop {
        match collect_licensing(conn, computer, Utc::now()).await {
            Ok(observation) => {
                lost = 0;
                let carrier = carrier(&observation, key).cloned();
                let found = carrier.is_some();
                seen = Some((observation, carrier));
                if found {
                    break;
                }
            }
            Err(error) => {
                lost += 1;
                if lost >= LOST_AFTER {
                    notes.push(format!("looking for the product key ended early: {error}"));
                    break;
                }
            }
        }
        let left = patience.give_up_after.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        sleep(patience.poll_every.min(left)).await;
    }
    let (observation, carrier) = seen.unzip();
    Watched {
        observation,
        carrier: carrier.flatten(),
        waited: began.elapsed(),
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
