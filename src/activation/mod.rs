//! Microsoft's BatchActivation service: confirmation IDs for installation IDs, and how many activations a MAK has left.
//!
//! Protocol facts: the reference client of `dadorner-msft/activationws` (MIT). The service's certificate chains to a
//! Microsoft root that the Mozilla list does not carry, so the trust store of the system decides, plus CA files the
//! administrator names. There is no way to ignore certificate errors.
//!
//! Every confirmation ID may cost an activation. A request is repeated only when it is certain that it never left, or when
//! the service itself said that it is in trouble; [`ActivationError::may_have_been_charged`] says what is not certain.

mod codec;
mod error;
mod refusal;
mod service;
mod tls;
mod xml;

pub use crate::model::Secret;
pub use error::ActivationError;
pub use refusal::Refusal;
pub use service::{Acquired, DEFAULT_URL, Proxy, ProxyUser, Service, ServiceConfig};
pub use tls::check_ca_file;

/// Whether bytes are an answer of the service: for those who want to know before they are asked.
pub fn is_answer(body: &[u8]) -> bool {
    codec::parse_answer(body).is_ok()
}
