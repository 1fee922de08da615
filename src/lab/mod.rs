//! A simulated estate: virtual Windows computers behind real WS-Management on loopback, and a virtual activation
//! service. For the demo, for tests, for trying the air gap without a lab.
//!
//! The rest of the program reaches it through sockets only and never asks whether it talks to a lab; nothing here is
//! shared with the WS-Management or activation clients, so that two independent Python clients passing against it make
//! it a witness for ours.
//!
//! # Use
//! ```no_run
//! # async fn doc() -> Result<(), makeeper::lab::LabError> {
//! use makeeper::lab::{EstateKind, Fault, Lab, LabConfig, keys};
//!
//! // Port 0: a free port, the same on every virtual computer. Many labs can run side by side.
//! let lab = Lab::start(LabConfig { estates: vec![EstateKind::IsolatedLab], ..LabConfig::default() }).await?;
//! for computer in lab.computers() {
//!     // computer.name, computer.address (127.77.2.N:port), computer.estate
//! }
//! lab.set_fault("LAB-PC-001", Fault::HangAfterConnect);
//! lab.settled().await; // now it is in effect
//! let pool = lab.service().pool(keys::WINDOWS_CLIENT_MAK.last_five()); // limit, used, remaining
//! let asked = lab.service().asked();                                   // every question asked so far
//! let activate_calls = lab.counters("LAB-PC-001").map(|c| c.activate);
//! lab.stop().await;
//! # Ok(()) }
//! ```
//! `POST http://127.77.2.N:port/wsman` speaks WS-Management with NTLM and sealing (accounts: [`Account::admin`], and
//! [`Account::user`], who may read but not change); [`Lab::service_url`] is the BatchActivation address. Dropping the
//! [`Lab`] closes every socket.
//!
//! # Numbers
//! Contoso (core network) is 127.77.1.1 to .180, the isolated lab 127.77.2.1 to .40, the usual port is 25985 and the
//! activation service is `http://127.77.0.1:25980/BatchActivation/BatchActivation.asmx`: these are what the sample
//! lists carry. A test that uses port 0 writes `Lab::computers` addresses into its own list.

pub mod keys;

mod auth;
mod computer;
mod config;
mod digits;
mod endpoint;
pub mod estate;
mod serve;
mod service;
mod wmi;
mod world;
mod wql;
mod xml;

pub use config::{
    Account, DEFAULT_ADDRESS_BASE, DEFAULT_PORT, DEFAULT_SERVICE_PORT, Dials, EstateKind, Fault, LabConfig,
    ServiceFault, demo_faults,
};

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use computer::{Counters, ProductState};
pub use digits::{confirmation_id, installation_id};
pub use serve::{ServeOptions, serve};
pub use service::{ActivationService, Answer, Asked, Pool, SERVICE_PATH};

use world::{Computer, World};

/// Why a lab does not start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Only 127.0.0.0/8 may be used.
    #[error("the lab may only listen on loopback: {0}.{1} does not begin an address of 127.0.0.0/8")]
    NotLoopback(u8, u8),
    /// An address is taken, or the system has no such loopback address.
    #[error("the lab cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A fault is planned for a computer that is not in the lab.
    #[error("no computer called {0} is in the lab; makeeper lab serve --list-file names them all")]
    NoSuchComputer(String),
    /// Nothing to serve.
    #[error("no estate was chosen")]
    NoEstate,
    /// The text that says how to reach the lab could not be written.
    #[error("cannot write how to reach the lab: {0}")]
    Output(#[source] io::Error),
    /// The list of computers could not be written.
    #[error("cannot write the list of computers {}: {source}", path.display())]
    ListFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where a virtual computer can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputerAddress {
    /// Host name.
    pub name: String,
    /// Fully qualified name in a domain, the host name in a workgroup.
    pub fqdn: String,
    /// Loopback address and port of WS-Management.
    pub address: SocketAddr,
    /// The estate it belongs to.
    pub estate: EstateKind,
}

/// A lab that runs until it is stopped or dropped.
pub struct Lab {
    world: Arc<World>,
    computers: Vec<ComputerAddress>,
    service_url: String,
    port: u16,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// Attempts to find a port that is free on every address.
const PORT_ATTEMPTS: u32 = 20;

impl Lab {
    /// Brings up every computer and the service. Must run inside a tokio runtime.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        let [first, second] = config.address_base;
        if first != 127 {
            return Err(LabError::NotLoopback(first, second));
        }
        let mut estates = config.estates.clone();
        estates.sort_unstable();
        estates.dedup();
        if estates.is_empty() {
            return Err(LabError::NoEstate);
        }
        let specs: Vec<_> = estates.iter().flat_map(|kind| estate::computers(*kind)).collect();
        let ips: Vec<_> = specs.iter().map(|s| s.address(config.address_base)).collect();
        let (port, listeners) = bind_all(&ips, config.port)?;
        let service_address = SocketAddr::from((Ipv4Addr::new(first, second, 0, 1), config.service_port));
        let service_listener = bind(service_address)?;
        let service_address = service_listener.local_addr().unwrap_or(service_address);

        let computers: Vec<_> = specs
            .into_iter()
            .zip(&ips)
            .map(|(spec, ip)| Arc::new(Computer::new(spec, SocketAddr::from((*ip, port)))))
            .collect();
        let world = Arc::new(World::new(computers, &config));
        for (name, fault) in &config.faults {
            match world.find(name) {
                Some(computer) => drop(computer.fault.send_replace(*fault)),
                // The plan for the demo names computers of an estate that may not be up.
                None if estates.len() < EstateKind::ALL.len() => {}
                None => return Err(LabError::NoSuchComputer(name.clone())),
            }
        }

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for (computer, listener) in world.computers.iter().zip(listeners) {
            let (world, computer) = (Arc::clone(&world), Arc::clone(computer));
            tasks.spawn(endpoint::serve(world, computer, listener, stop.clone(), tasks.clone()));
        }
        tasks.spawn(service::serve(
            Arc::clone(&world.service),
            service_listener,
            stop.clone(),
        ));
        let computers = world
            .computers
            .iter()
            .map(|c| ComputerAddress {
                name: c.spec.name.clone(),
                fqdn: c.spec.fqdn(),
                address: c.address,
                estate: c.spec.estate,
            })
            .collect();
        let lab = Self {
            computers,
            service_url: format!("http://{service_address}{SERVICE_PATH}"),
            port,
            tasks,
            stop: stop.drop_guard(),
            world,
        };
        lab.settled().await;
        Ok(lab)
    }

    /// Every computer and where to reach it.
    pub fn computers(&self) -> &[ComputerAddress] {
        &self.computers
    }

    /// Where to reach the computer with this host name or fully qualified name.
    pub fn address_of(&self, computer: &str) -> Option<SocketAddr> {
        self.world.find(computer).map(|c| c.address)
    }

    /// The WS-Management port, common to all.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The BatchActivation address.
    pub fn service_url(&self) -> &str {
        &self.service_url
    }

    /// The activation service: pools, the record of questions, its dial.
    pub fn service(&self) -> &ActivationService {
        &self.world.service
    }

    /// Turns a computer's dial; false if there is none of that name. Open connections of that computer are
    /// cut. It takes effect a moment later: [`Lab::settled`] waits for it.
    pub fn set_fault(&self, computer: &str, fault: Fault) -> bool {
        let Some(computer) = self.world.find(computer) else {
            return false;
        };
        computer.fault.send_replace(fault);
        true
    }

    /// Turns several dials and waits until they are in effect. A computer that is not in the lab is refused.
    pub async fn dial(&self, dials: &Dials) -> Result<(), LabError> {
        self.set_latency(dials.latency);
        self.service().set_fault(dials.service);
        for (name, fault) in &dials.faults {
            if !self.set_fault(name, *fault) {
                return Err(LabError::NoSuchComputer(name.clone()));
            }
        }
        self.settled().await;
        Ok(())
    }

    /// Waits until every dial that was turned is in effect.
    pub async fn settled(&self) {
        self.world.settled().await;
    }

    /// Adds this to every WS-Management exchange from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.world.latency.send_replace(latency);
    }

    /// How long `Activate` takes from now on.
    pub fn set_activate_time(&self, time: Duration) {
        self.world.activate_time.send_replace(time);
    }

    /// How long `InstallProductKey` takes from now on.
    pub fn set_install_time(&self, time: Duration) {
        self.world.install_time.send_replace(time);
    }

    /// Products with a key on a computer; `None` if there is none of that name.
    pub fn products(&self, computer: &str) -> Option<Vec<ProductState>> {
        self.world.find(computer).map(|c| c.machine().products())
    }

    /// What happened to a computer so far; `None` if there is none of that name.
    pub fn counters(&self, computer: &str) -> Option<Counters> {
        self.world.find(computer).map(|c| c.machine().counters)
    }

    /// What happened to all computers together.
    pub fn totals(&self) -> Counters {
        self.world
            .computers
            .iter()
            .map(|c| c.machine().counters)
            .fold(Counters::default(), Counters::plus)
    }

    /// Closes every socket and waits until the tasks have ended.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, LabError> {
    endpoint::bind(address).map_err(|source| LabError::Listen { address, source })
}

/// Listens on every address with one common port.
fn bind_all(ips: &[Ipv4Addr], port: u16) -> Result<(u16, Vec<TcpListener>), LabError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut listeners = Vec::with_capacity(ips.len());
        let mut common = port;
        let mut taken = None;
        for ip in ips {
            match bind(SocketAddr::from((*ip, common))) {
                Ok(listener) => {
                    if common == 0 {
                        common = listener.local_addr().map_or(0, |a| a.port());
                    }
                    listeners.push(listener);
                }
                Err(error) => {
                    taken = Some(error);
                    break;
                }
            }
        }
        match taken {
            None => return Ok((common, listeners)),
            // Somebody has the port on another address: a fresh one.
            Some(_) if port == 0 && attempt < PORT_ATTEMPTS => {}
            Some(error) => return Err(error),
        }
    }
}
