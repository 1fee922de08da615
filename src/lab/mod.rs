//! A simulated estate: virtual Windows computers behind real WS-Management on loopback, and a virtual activation
//! service. For the demo, for tests, for trying the air gap without a lab.
//!
//! The rest of the program reaches it through sockets only and never asks whether it talks to a lab; nothing here is
//! shared with the WS-Management or activation clients, so that two independent Python clients passing against it make
//! it a witness for ours.
//!
//! # Use
//! ```ignore
//! # async fn doc() -> Result<(), makeeper::lab::LabError> {
//! use makeeper::lab::{EstateKind, Fault, Lab, LabConfig, keys};
//!
//! // Port 0: a free port, the same on every virtual computer. Many labs can run side by side.
//! let lab = Lab::start(LabConfig { estates: vec![EstateKind::IsolatedLab], ..LabConfig::default() }).await?;
//! for computer in lab.computers() {
//!     // computer.name, computer.address (127.77.2.N:port), computer.estate
//! }
//! lab.set_fault("LAB-PC-001", Fault::HangAfterConnect);
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
pub mod estate;
mod service;
mod wmi;
mod wql;
mod xml;

pub use config::{
    Account, DEFAULT_ADDRESS_BASE, DEFAULT_PORT, DEFAULT_SERVICE_PORT, EstateKind, Fault, LabConfig, ServiceFault,
    demo_faults,
};
