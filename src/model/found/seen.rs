//! A computer as a source of discovery sees it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{ConnectTo, Network};

/// Where a computer was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Somebody named it.
    Names,
    /// It answered on an address of a range.
    Range,
    /// Active Directory has an account for it.
    Directory,
    /// It answered a NetBIOS node status question.
    NetBios,
    /// It answered a WS-Discovery probe.
    WsDiscovery,
    /// The system's browse list has it (Windows).
    BrowseList,
}

impl Source {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Names => "named",
            Self::Range => "address range",
            Self::Directory => "Active Directory",
            Self::NetBios => "NetBIOS",
            Self::WsDiscovery => "WS-Discovery",
            Self::BrowseList => "browse list",
        }
    }
}

/// A computer as one source sees it. What the source does not know is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundComputer {
    /// Who says so.
    pub source: Source,
    /// Fully qualified name where the source knows it, else the short name, else an address. Never empty.
    pub name: String,
    /// Domain or workgroup.
    pub network: Network,
    /// E.g. `Windows 11 Enterprise`.
    pub os_edition: String,
    /// E.g. `10.0.22631`.
    pub os_version: String,
    /// Hardware addresses, `00-11-22-33-44-55`, upper case.
    pub mac_addresses: Vec<String>,
    /// Where it answered, or what its name resolves to.
    pub addresses: Vec<IpAddr>,
    /// Where to connect when that was told (a port of its own, an address of its own).
    pub connect: Option<ConnectTo>,
    /// `objectGUID` of its account: it stays when the computer is renamed or moved within a forest.
    pub directory_id: Option<Uuid>,
    /// When its account last signed in, as far as the directory replicates that (up to 14 days behind).
    pub last_logon: Option<DateTime<Utc>>,
    /// Its account is disabled.
    pub is_disabled: bool,
    /// Where the source has it, for people: a distinguished name, a subnet.
    pub place: String,
}

impl FoundComputer {
    /// A computer of which only the name or the address is known.
    pub fn named(source: Source, name: impl Into<String>) -> Self {
        Self {
            source,
            name: name.into(),
            network: Network::default(),
            os_edition: String::new(),
            os_version: String::new(),
            mac_addresses: Vec::new(),
            addresses: Vec::new(),
            connect: None,
            directory_id: None,
            last_logon: None,
            is_disabled: false,
            place: String::new(),
        }
    }
}
