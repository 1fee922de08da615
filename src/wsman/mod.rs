//! WS-Management (DSP0226, MS-WSMV): how Windows computers are asked on every operating system.
//!
//! [`codec`] turns requests into bytes and bytes into values, sans-IO; [`security`] signs in and seals; [`Session`] owns
//! one connection and wraps both.
//!
//! # Invariants
//! * Over HTTP nothing travels in clear text but sign-in tokens: requests are sealed, and answers that are not sealed are
//!   refused. Basic runs over TLS only, and TLS believes nobody but the system's trust store and authorities the person
//!   names.
//! * A method call is sent once. Only queries are repeated, once, when the connection was lost.
//! * A sealed session belongs to one TCP connection; when a seal does not fit, the connection is dropped.
//! * Neither bodies nor tokens are logged. `sspi`, whose trace events hold secrets, runs with logging switched off.

mod answer;
mod client_certificate;
pub mod codec;
mod credentials;
mod der;
mod handshake;
mod http;
pub mod security;
mod session;
mod sign_in;
mod target;
mod tls;

pub use answer::WsmanError;
pub use client_certificate::ClientCertificate;
pub use credentials::{AccountError, Credentials};
pub use handshake::{TlsFailure, secure};
pub use http::answer_over;
pub use security::{TicketCacheError, TicketHolder, user_tickets};
pub use session::{Session, identify};
pub use target::{ConnectOptions, Target};
pub use tls::{Trust, TrustError};
