//! The state of a virtual computer, and what Software Protection lets change it.

mod activation;
mod keys;
mod methods;
mod objects;
mod registry;
mod schema;
mod settings;

use std::sync::Arc;

pub(super) use activation::{Activation, Plan};
pub(super) use methods::{Call, Outcome};
pub(super) use schema::{class_named, selector_of};

use super::digits;
use super::estate::{Application, ComputerSpec, ProductSpec, Sku};
use super::wmi::code;
use crate::model::{KeyType, LicenseStatus};
use registry::Registry;

/// Minutes of grace after a key is installed: 30 days.
const OOB_GRACE_MINUTES: u32 = 43_200;
/// Minutes a KMS or Active Directory activation lasts: 180 days.
const VOLUME_MINUTES: u32 = 259_200;
/// Most clients a KMS host remembers.
const MOST_KMS_CLIENTS: u32 = 50;

/// What happened to a computer since the lab started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// WS-Management exchanges after signing in.
    pub exchanges: u64,
    /// Successful sign-ins.
    pub sign_ins: u64,
    /// Refused sign-ins.
    pub refused: u64,
    /// Calls of `Activate`, of whatever outcome.
    pub activate: u64,
    /// Calls of `Activate` on a MAK product that was licensed already: a client must never do that.
    pub activate_on_licensed_mak: u64,
    /// Calls of `InstallProductKey`.
    pub install_key: u64,
    /// Calls of `DepositOfflineConfirmationId`.
    pub deposit: u64,
    /// Calls of `RefreshLicenseStatus`.
    pub refresh: u64,
}

impl Counters {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            exchanges: self.exchanges + other.exchanges,
            sign_ins: self.sign_ins + other.sign_ins,
            refused: self.refused + other.refused,
            activate: self.activate + other.activate,
            activate_on_licensed_mak: self.activate_on_licensed_mak + other.activate_on_licensed_mak,
            install_key: self.install_key + other.install_key,
            deposit: self.deposit + other.deposit,
            refresh: self.refresh + other.refresh,
        }
    }
}

/// A product as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductState {
    /// Activation ID.
    pub sku: String,
    /// WMI `Name`.
    pub name: String,
    /// Windows or Office.
    pub application: Application,
    /// Kind of key.
    pub channel: KeyType,
    /// Last five characters of the key.
    pub last_five: String,
    /// Extended PID.
    pub pid: String,
    /// Present installation ID.
    pub installation_id: String,
    /// License status.
    pub status: LicenseStatus,
    /// LicenseStatusReason.
    pub reason: u32,
    /// Minutes of grace left.
    pub grace_minutes: u32,
}

/// KMS settings, of the service or of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct KmsClient {
    machine: Option<String>,
    port: Option<u32>,
    lookup_domain: Option<String>,
}

/// A product with a key.
#[derive(Debug, Clone)]
struct Installed {
    sku: usize,
    last_five: String,
    pid: String,
    group: u32,
    serial: u32,
    status: LicenseStatus,
    reason: u32,
    grace_minutes: u32,
    vl_type: u32,
    vl_enabled: u32,
    kms: KmsClient,
    /// The host that activated it.
    discovered: Option<String>,
    rearms_left: u32,
}

impl Installed {
    fn set(&mut self, status: LicenseStatus, reason: u32, grace_minutes: u32) {
        (self.status, self.reason, self.grace_minutes) = (status, reason, grace_minutes);
    }
}

/// Settings and state of the KMS host service.
#[derive(Debug, Clone)]
struct KmsHost {
    clients: u32,
    known: std::collections::BTreeSet<String>,
    listening_port: u32,
    activation_interval: u32,
    renewal_interval: u32,
    dns_publishing: bool,
    low_priority: bool,
    host_caching: bool,
}

/// A virtual computer.
pub(super) struct Machine {
    spec: Arc<ComputerSpec>,
    skus: Vec<Sku>,
    installed: Vec<Installed>,
    kms: KmsClient,
    host: KmsHost,
    vl_enabled: u32,
    registry: Registry,
    cmid: String,
    /// Grows with every rearm; the installation ID depends on it.
    nonce: u32,
    rearms_left: u32,
    app_rearms_left: u32,
    pub counters: Counters,
}

impl Machine {
    pub fn new(spec: Arc<ComputerSpec>) -> Self {
        let skus = spec.licenses();
        let installed = spec
            .products
            .iter()
            .filter_map(|p| installed(&skus, p, spec.kms_clients))
            .collect();
        Self {
            installed,
            skus,
            kms: KmsClient::default(),
            host: KmsHost {
                clients: spec.kms_clients.unwrap_or(0),
                known: std::collections::BTreeSet::new(),
                listening_port: 1688,
                activation_interval: 120,
                renewal_interval: 10_080,
                dns_publishing: true,
                low_priority: false,
                host_caching: true,
            },
            vl_enabled: 0,
            registry: Registry::of(&spec),
            cmid: spec.cmid.clone(),
            nonce: 0,
            rearms_left: if spec.windows.schema() == 1 { 3 } else { 1000 },
            app_rearms_left: 5,
            counters: Counters::default(),
            spec,
        }
    }

    /// Products with a key.
    pub fn products(&self) -> Vec<ProductState> {
        let state = |i: &Installed| {
            let sku = self.skus.get(i.sku)?;
            Some(ProductState {
                sku: sku.id.clone(),
                name: sku.name.clone(),
                application: sku.application,
                channel: sku.channel,
                last_five: i.last_five.clone(),
                pid: i.pid.clone(),
                installation_id: self.installation_id(i),
                status: i.status,
                reason: i.reason,
                grace_minutes: i.grace_minutes,
            })
        };
        self.installed.iter().filter_map(state).collect()
    }

    fn installation_id(&self, product: &Installed) -> String {
        let old = self.skus.get(product.sku).is_some_and(|s| s.old_ids);
        digits::installation_digits(product.group, product.serial, self.spec.hardware, self.nonce, old)
    }

    /// The licenses by number, with their key, if any.
    fn rows(&self) -> impl Iterator<Item = (&Sku, Option<&Installed>)> {
        self.skus
            .iter()
            .enumerate()
            .map(|(n, sku)| (sku, self.installed.iter().find(|i| i.sku == n)))
    }

    /// The product with a key that has this activation ID.
    fn position(&self, id: &str) -> Result<usize, u32> {
        let sku = self
            .skus
            .iter()
            .position(|s| s.id.eq_ignore_ascii_case(id))
            .ok_or(code::WBEM_NOT_FOUND)?;
        self.installed.iter().position(|i| i.sku == sku).ok_or(code::NO_KEY)
    }

    /// It has a KMS host key for Windows that is activated: the clients it knows.
    pub fn active_kms_host(&self) -> Option<bool> {
        self.installed
            .iter()
            .find(|i| self.skus.get(i.sku).is_some_and(|s| s.channel == KeyType::Csvlk))
            .map(|i| i.status == LicenseStatus::Licensed)
    }

    /// A client asks this KMS host: the number of clients it knows from now on.
    pub fn count_kms_client(&mut self, cmid: &str) -> u32 {
        if self.host.known.insert(cmid.to_owned()) && self.host.clients < MOST_KMS_CLIENTS {
            self.host.clients += 1;
        }
        self.host.clients
    }
}

fn installed(skus: &[Sku], spec: &ProductSpec, kms_clients: Option<u32>) -> Option<Installed> {
    let sku = skus.iter().position(|s| {
        s.usable && s.application == spec.application && s.family == spec.family && s.channel == spec.channel
    })?;
    let pid = crate::model::ExtendedPid::parse(&spec.pid).ok()?;
    let by_kms = spec.vl_type == 2 && kms_clients.is_none();
    Some(Installed {
        sku,
        last_five: spec.last_five.clone(),
        pid: spec.pid.clone(),
        group: pid.key_group(),
        serial: pid.serial(),
        status: spec.status,
        reason: spec.reason,
        grace_minutes: spec.grace_minutes,
        vl_type: spec.vl_type,
        vl_enabled: 0,
        kms: KmsClient::default(),
        discovered: by_kms.then(|| "con-kms-01.corp.contoso.com".to_owned()),
        rearms_left: 5,
    })
}
