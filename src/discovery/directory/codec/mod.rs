//! LDAP in bytes: BER, messages, filters, and the SASL layer. Bytes in, values out; fuzzed.
//!
//! Of our own, for want of a crate that fits (looked at: `ldap3_proto` 0.9 reads a message anew from its start whenever more
//! of it arrives, logs requests with their passwords, and its filters are text only; `ldap-client-proto` has text-only filters
//! that say nothing of where they are wrong, and newer versions need a newer Rust; `ldap3` brings its own connection, which
//! cannot be sealed by ours).

mod ber;
mod filter;
mod message;
mod names;
mod sasl;

pub use ber::{BerError, MAX_MESSAGE, message_length};
pub use filter::{Filter, FilterError};
pub use message::{Answer, Entry, Outcome, Request, Scope, Values, decode_answer, encode_request};
pub use names::{DirectoryUrl, domain_of, first_part, is_below, parse_url};
pub use sasl::{MAX_BUFFER, buffer_length, frame};
