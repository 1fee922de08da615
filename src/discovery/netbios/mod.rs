//! NetBIOS node status: every computer of a subnet is asked for its names, its workgroup or domain and its hardware address.

mod codec;
mod source;

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

pub use codec::{CodecError as NetBiosCodecError, NodeName, NodeStatus, encode_question, parse_answer};
pub use source::netbios;

use super::scan::SCAN_RATE;

/// The port of the NetBIOS name service (UDP).
pub const NETBIOS_PORT: u16 = 137;

/// Whom to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetBiosRequest {
    /// The addresses; NetBIOS knows IPv4 only.
    pub addresses: Vec<Ipv4Addr>,
    /// Questions a second.
    pub rate: u32,
    /// How long an address may take to answer, each time it is asked.
    pub patience: Duration,
    /// How often an address that does not answer is asked.
    pub attempts: u32,
    /// UDP port.
    pub port: u16,
}

impl NetBiosRequest {
    /// These addresses, as usual.
    pub fn of(addresses: Vec<Ipv4Addr>) -> Self {
        Self {
            addresses,
            rate: SCAN_RATE,
            patience: Duration::from_millis(1_500),
            attempts: 2,
            port: NETBIOS_PORT,
        }
    }
}

/// What came of it, or of the part before it was cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetBiosSummary {
    /// Addresses that answered, or had their time.
    pub asked: usize,
    /// Computers that answered.
    pub answered: usize,
    /// Addresses to which no question could be sent.
    pub unreachable: usize,
    /// Answers that could not be read, and those that nobody had asked for.
    pub ignored: usize,
}

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetBiosError {
    /// No address.
    #[error("there is no IPv4 address to ask: name a network such as 10.0.0.0/24")]
    NoAddresses,
    /// The system gives no socket.
    #[error("no socket for NetBIOS questions is to be had")]
    Socket(#[source] io::Error),
    /// No question could be sent.
    #[error(
        "no question could be sent to any of the addresses, {asked} in all: look at the connection of this computer and its routes"
    )]
    NoNetwork {
        /// The addresses.
        asked: usize,
        /// What the system said of the last one.
        source: io::Error,
    },
}

/// What NetBIOS cannot see.
pub fn netbios_cannot_see() -> &'static str {
    "Computers on which NetBIOS over TCP/IP is disabled, whose firewall does not let UDP port 137 through (Windows opens it to its own \
     subnet, with file sharing or network discovery allowed), and everything on IPv6. It tells the name of the workgroup or domain, \
     but not which of the two it is, except of domain controllers."
}
