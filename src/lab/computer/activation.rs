//! Activating: online, by KMS, and by confirmation ID.

use super::{Machine, OOB_GRACE_MINUTES, VOLUME_MINUTES};
use crate::lab::config::EstateKind;
use crate::lab::digits;
use crate::lab::wmi::code;
use crate::model::{ConfirmationId, ExtendedPid, IdentifierError, InstallationId, KeyType, LicenseStatus};

/// What a computer has to ask somebody else before it is activated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) enum Plan {
    /// The activation service.
    Service {
        /// Extended PID.
        pid: ExtendedPid,
        /// Hardware number.
        hardware: u64,
    },
    /// A KMS host.
    Kms {
        /// The host named in the settings; `None` looks in DNS.
        machine: Option<String>,
        /// Clients the host must know.
        required: u32,
        /// Who asks.
        cmid: String,
    },
}

/// An `Activate` that has begun: the product, and what to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) struct Activation {
    /// Activation ID of the product.
    pub id: String,
    /// Extended PID it had: if the key changes meanwhile, the outcome is not for it.
    pub pid: String,
    /// The network the computer is on.
    pub network: EstateKind,
    /// What to ask.
    pub plan: Plan,
}

impl Machine {
    /// `Activate`, first half: counts the call and says what has to be asked.
    pub(super) fn begin_activation(&mut self, id: &str) -> Result<Activation, u32> {
        self.counters.activate += 1;
        let position = self.position(id)?;
        let (Some(product), service_vl) = (self.installed.get(position), self.vl_enabled) else {
            return Err(code::NO_KEY);
        };
        let Some(sku) = self.skus.get(product.sku) else {
            return Err(code::SKU_NOT_INSTALLED);
        };
        if sku.channel == KeyType::Mak && product.status == LicenseStatus::Licensed {
            self.counters.activate_on_licensed_mak += 1;
        }
        let plan = if sku.channel == KeyType::Gvlk {
            match if product.vl_enabled == 0 {
                service_vl
            } else {
                product.vl_enabled
            } {
                1 => return Err(code::NO_ACTIVATION_OBJECT),
                3 => return Err(code::NO_TOKEN_GRANT),
                _ => {}
            }
            Plan::Kms {
                machine: product.kms.machine.clone().or_else(|| self.kms.machine.clone()),
                required: sku.required_clients(),
                cmid: self.cmid.clone(),
            }
        } else {
            Plan::Service {
                pid: ExtendedPid::parse(&product.pid).map_err(|_| code::NO_KEY)?,
                hardware: self.spec.hardware,
            }
        };
        Ok(Activation {
            id: id.to_owned(),
            pid: product.pid.clone(),
            network: self.spec.estate,
            plan,
        })
    }

    /// `Activate`, second half: the one asked said yes. `host` is the KMS host that did.
    pub fn finish_activation(&mut self, activation: &Activation, host: Option<String>) {
        let Ok(position) = self.position(&activation.id) else {
            return;
        };
        let Some(product) = self.installed.get_mut(position) else {
            return;
        };
        if product.pid != activation.pid {
            return;
        }
        let by_kms = host.is_some();
        product.set(LicenseStatus::Licensed, 0, if by_kms { VOLUME_MINUTES } else { 0 });
        product.vl_type = if by_kms { 2 } else { 0 };
        product.discovered = host;
    }

    /// `Activate` failed: real Software Protection keeps the code as the reason of a state that is not licensed.
    pub fn fail_activation(&mut self, activation: &Activation, code: u32) {
        let Ok(position) = self.position(&activation.id) else {
            return;
        };
        let Some(product) = self.installed.get_mut(position) else {
            return;
        };
        if product.status == LicenseStatus::Notification {
            product.reason = code;
        }
    }

    /// `DepositOfflineConfirmationId`.
    pub(super) fn deposit(&mut self, id: &str, iid: &str, cid: &str) -> Result<(), u32> {
        self.counters.deposit += 1;
        let position = self.position(id)?;
        let product = self.installed.get(position).ok_or(code::NO_KEY)?;
        let present = self.installation_id(product);
        if iid != present {
            return Err(other_installation_id(&present, iid));
        }
        let given = match ConfirmationId::parse(cid) {
            Ok(given) if cid.bytes().all(|b| b.is_ascii_digit()) => given,
            // Deposited digits carry no separators.
            Ok(_) | Err(IdentifierError::NotADigit { .. }) => return Err(code::CID_FORMAT),
            Err(IdentifierError::CheckDigit { .. }) => return Err(code::CID_CHECK_DIGITS),
            Err(_) => return Err(code::CID_LENGTH),
        };
        let fits = InstallationId::parse(&present).is_ok_and(|iid| digits::confirmation_digits(&iid) == given.digits());
        if !fits {
            return Err(code::CID_MISMATCH);
        }
        if let Some(product) = self.installed.get_mut(position) {
            product.set(LicenseStatus::Licensed, 0, 0);
        }
        Ok(())
    }

    /// `ReArmWindows`: every Windows product starts its grace again, and the computer becomes another KMS client.
    pub(super) fn rearm_windows(&mut self) -> Result<(), u32> {
        self.rearms_left = self.rearms_left.checked_sub(1).ok_or(code::REARMS_USED_UP)?;
        self.restart_grace(|sku| sku.application == crate::lab::estate::Application::Windows);
        Ok(())
    }

    /// `ReArmApp`.
    pub(super) fn rearm_app(&mut self, application: &str) -> Result<(), u32> {
        if !self
            .skus
            .iter()
            .any(|s| s.application.id().eq_ignore_ascii_case(application))
        {
            return Err(code::INVALID_ARGUMENT);
        }
        self.app_rearms_left = self.app_rearms_left.checked_sub(1).ok_or(code::REARMS_USED_UP)?;
        self.restart_grace(|sku| sku.application.id().eq_ignore_ascii_case(application));
        Ok(())
    }

    /// `ReArmsku`.
    pub(super) fn rearm_sku(&mut self, id: &str) -> Result<(), u32> {
        let position = self.position(id)?;
        let product = self.installed.get_mut(position).ok_or(code::NO_KEY)?;
        product.rearms_left = product.rearms_left.checked_sub(1).ok_or(code::REARMS_USED_UP)?;
        self.restart_grace(|sku| sku.id.eq_ignore_ascii_case(id));
        Ok(())
    }

    fn restart_grace(&mut self, concerned: impl Fn(&crate::lab::estate::Sku) -> bool) {
        self.nonce += 1;
        let name = format!("urn:makeeper:lab:cmid:{}:{}", self.spec.name, self.nonce);
        self.cmid = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
        for product in &mut self.installed {
            if self.skus.get(product.sku).is_some_and(&concerned) {
                product.set(LicenseStatus::InOobGrace, code::OOB_GRACE, OOB_GRACE_MINUTES);
            }
        }
    }
}

/// Why an installation ID is not the present one.
fn other_installation_id(present: &str, given: &str) -> u32 {
    match (InstallationId::parse(present), InstallationId::parse(given)) {
        (Ok(present), Ok(given)) if present.digits().len() == given.digits().len() => {
            let len = present.group_len();
            if present.digits().get(..len) != given.digits().get(..len) {
                code::CID_OTHER_KEY
            } else if digits::hardware_of(&present) != digits::hardware_of(&given) {
                code::CID_OTHER_COMPUTER
            } else {
                code::CID_MISMATCH
            }
        }
        _ => code::CID_FORMAT,
    }
}
