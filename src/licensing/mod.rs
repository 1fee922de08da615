//! What slmgr.vbs and ospp.vbs do, typed, over whatever reaches the computer's WMI.
//!
//! The order of calls and the guards are slmgr's; above all: `Activate` is never called on a MAK product that is already
//! licensed, and a call that timed out is waited for, not repeated.
//!
//! Every action may be cancelled by dropping its future. Nothing is undone then: what had been sent to the computer may
//! still happen there, so update the license status before going on.

mod activate;
pub mod advice;
pub mod catalogue;
mod client_key;
mod collect;
mod error;
mod gvlk;
mod install;
mod key_info;
mod offline;
mod rows;
mod see_through;
mod target;
mod wql;

pub use activate::{Activation, activate, await_activation};
pub use client_key::choose_client_setup_key;
pub use collect::collect;
pub use error::LicensingError;
pub use gvlk::{Gvlk, gvlk};
pub use install::{Installation, KeyInstalled, install_key};
pub use key_info::{KeyInfo, Published, describe_key};
pub use offline::{Deposit, OfflineData, deposit, installation_id};
pub use see_through::Patience;
pub use target::service_family;

use crate::model::Observation;

/// How an action ended, and how the computer looks afterwards.
#[derive(Debug)]
pub struct Done<T> {
    /// What was achieved, or why not.
    pub outcome: Result<T, LicensingError>,
    /// The computer read again after the action; it applies whatever the outcome. `None` when it could not be read.
    pub observation: Option<Observation>,
    /// Remarks for the log: steps that failed without making the action fail.
    pub notes: Vec<String>,
}

impl<T> Done<T> {
    /// Nothing was done, and nothing was seen.
    fn failed(error: impl Into<LicensingError>) -> Self {
        Self {
            outcome: Err(error.into()),
            observation: None,
            notes: Vec::new(),
        }
    }

    fn map<U>(self, value: impl FnOnce(T) -> U) -> Done<U> {
        Done {
            outcome: self.outcome.map(value),
            observation: self.observation,
            notes: self.notes,
        }
    }
}
