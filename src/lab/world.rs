//! The computers and the service together: who can reach whom.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::computer::{Activation, Machine, Plan};
use super::config::{Account, EstateKind, Fault, LabConfig};
use super::endpoint::Contexts;
use super::estate::ComputerSpec;
use super::service::ActivationService;
use super::wmi::code;

/// A virtual computer with its address.
pub(super) struct Computer {
    pub spec: Arc<ComputerSpec>,
    pub address: SocketAddr,
    /// What the dial says.
    pub fault: watch::Sender<Fault>,
    /// What the sockets do: follows the dial.
    pub in_effect: watch::Sender<Fault>,
    pub contexts: Mutex<Contexts>,
    machine: Mutex<Machine>,
}

impl Computer {
    pub fn new(spec: Arc<ComputerSpec>, address: SocketAddr) -> Self {
        Self {
            machine: Mutex::new(Machine::new(Arc::clone(&spec))),
            spec,
            address,
            fault: watch::Sender::new(Fault::None),
            in_effect: watch::Sender::new(Fault::None),
            contexts: Mutex::default(),
        }
    }

    /// Its state. Never held across an await or while another computer's is taken.
    pub fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        name == self.spec.name.to_lowercase() || name == self.spec.fqdn().to_lowercase()
    }

    fn is_up(&self) -> bool {
        matches!(
            *self.fault.borrow(),
            Fault::None | Fault::Slow(_) | Fault::RefuseCredentials | Fault::FilteredToken
        )
    }
}

/// Everything that runs.
pub(super) struct World {
    pub computers: Vec<Arc<Computer>>,
    pub service: Arc<ActivationService>,
    pub accounts: Vec<Account>,
    pub latency: watch::Sender<Duration>,
    pub activate_time: watch::Sender<Duration>,
    pub install_time: watch::Sender<Duration>,
}

impl World {
    /// Computers at their addresses, and a fresh service that knows which of them were activated before.
    pub fn new(computers: Vec<Arc<Computer>>, config: &LabConfig) -> Self {
        let world = Self {
            computers,
            service: Arc::default(),
            accounts: config.accounts.clone(),
            latency: watch::Sender::new(config.latency),
            activate_time: watch::Sender::new(config.activate_time),
            install_time: watch::Sender::new(config.install_time),
        };
        world.remember_activated();
        world
    }

    /// Waits until every computer does what its dial says.
    pub async fn settled(&self) {
        for computer in &self.computers {
            let mut in_effect = computer.in_effect.subscribe();
            // The sender lives as long as the computer: waiting cannot fail.
            let _ = in_effect.wait_for(|now| *now == *computer.fault.borrow()).await;
        }
    }

    /// The computer with this host name or fully qualified name, in any case.
    pub fn find(&self, name: &str) -> Option<&Arc<Computer>> {
        self.computers.iter().find(|c| c.is_called(name))
    }

    /// Tells the service which computers were activated before the lab began: doing it again is free.
    fn remember_activated(&self) {
        for computer in &self.computers {
            let licensed = |p: &&super::estate::ProductSpec| p.status == crate::model::LicenseStatus::Licensed;
            for key in computer.spec.products.iter().filter(licensed).filter_map(|p| p.lab_key) {
                self.service.remember(key, computer.spec.hardware);
            }
        }
    }

    /// Asks whoever an activation depends on. `Ok(Some(host))` names the KMS host that said yes.
    pub fn ask(&self, activation: &Activation) -> Result<Option<String>, u32> {
        match &activation.plan {
            Plan::Service { .. } if activation.network == EstateKind::IsolatedLab => Err(code::SERVICE_UNREACHABLE),
            Plan::Service { pid, hardware } => self.service.activate(pid, *hardware).map(|()| None),
            Plan::Kms {
                machine,
                required,
                cmid,
            } => self
                .ask_kms(activation.network, machine.as_deref(), *required, cmid)
                .map(Some),
        }
    }

    fn ask_kms(&self, network: EstateKind, machine: Option<&str>, required: u32, cmid: &str) -> Result<String, u32> {
        let named = |c: &Computer| machine.is_none_or(|m| c.is_called(m));
        let hosts: Vec<_> = self
            .computers
            .iter()
            .filter(|c| c.spec.estate == network && named(c))
            .filter_map(|c| Some((c, c.machine().active_kms_host()?)))
            .collect();
        let mut outcome = match machine {
            Some(_) => code::KMS_UNAVAILABLE,
            None => code::KMS_NOT_IN_DNS,
        };
        // DNS gives them in no order; a client tries the next one when one refuses.
        for (host, active) in hosts {
            outcome = if !host.is_up() {
                code::KMS_UNAVAILABLE
            } else if !active {
                code::KMS_NOT_ACTIVATED
            } else if host.machine().count_kms_client(cmid) < required {
                code::KMS_COUNT_TOO_LOW
            } else {
                return Ok(host.spec.fqdn().to_lowercase());
            };
        }
        Err(outcome)
    }
}
