//! WS-Discovery: every computer of the local network is asked at once, as Windows' own network view does it, and those that
//! answer are asked for their name and workgroup or domain.

mod codec;
mod metadata;
mod source;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use codec::{
    CodecError as WsDiscoveryCodecError, DeviceMetadata, Message as WsDiscoveryMessage, Offer, parse_computer,
    parse_message, parse_metadata,
};
pub use source::ws_discovery;

/// The port of WS-Discovery (UDP).
pub const WS_DISCOVERY_PORT: u16 = 3702;

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsDiscoveryRequest {
    /// Whom to ask: nobody in particular means every computer of every network this one is connected to.
    pub targets: Vec<SocketAddr>,
    /// How long answers are waited for.
    pub wait: Duration,
    /// How long a computer may take to tell its name, once it answered.
    pub patience: Duration,
    /// Ports on which a computer may be asked for its name: that of Windows, and that of wsdd2. An answer that leads to
    /// another port of the computer is not followed, nor one to another computer.
    pub metadata_ports: Vec<u16>,
    /// Computers that are asked for their name at one time.
    pub at_once: usize,
}

impl Default for WsDiscoveryRequest {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            wait: Duration::from_secs(4),
            patience: Duration::from_secs(3),
            metadata_ports: vec![5357, WS_DISCOVERY_PORT],
            at_once: 32,
        }
    }
}

/// What came of it, or of the part before it was cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WsDiscoverySummary {
    /// Computers that answered.
    pub answered: usize,
    /// Of them, those that told their name.
    pub named: usize,
    /// Answers of printers and other devices.
    pub other_devices: usize,
    /// Datagrams that could not be read or that nobody had asked for.
    pub ignored: usize,
}

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub enum WsDiscoveryError {
    /// The interfaces cannot be listed.
    #[error("the network interfaces of this computer cannot be listed")]
    Interfaces(#[source] io::Error),
    /// There is none.
    #[error("this computer is connected to no network on which others could be asked")]
    NoNetwork,
    /// No interface could be used.
    #[error("the question could not be sent on any network interface")]
    Send(#[source] io::Error),
}

/// What WS-Discovery cannot see.
pub fn ws_discovery_cannot_see() -> &'static str {
    "Computers of other subnets, because routers do not pass the question on, and those on which network discovery is switched off, as it \
     is on Windows wherever a network is taken for public."
}
