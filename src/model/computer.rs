//! A computer of the list.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, NetworkKind};

/// Text that many records share: cheap to clone, never changed in place. One pointer; an empty one costs nothing.
pub type Text = arcstr::ArcStr;

/// Identity of a computer within a list. Kept in our extension of the file; derived from the name for files of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ComputerId(pub Uuid);

impl ComputerId {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6d61_6b65_6570_6572_0000_636f_6d70_7574);

    /// The identity of a computer that came without one: the same for the same name, in any case, in every load.
    pub fn from_name(name: &str) -> Self {
        Self(Uuid::new_v5(&Self::NAMESPACE, name.trim().to_lowercase().as_bytes()))
    }
}

/// The domain or workgroup a computer belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Domain, workgroup or not known.
    pub kind: NetworkKind,
    /// Its name; empty when not known.
    pub name: Text,
}

/// A way to ask a computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WayIn {
    /// WS-Management over HTTP, every message sealed.
    Http,
    /// WS-Management over HTTPS.
    Https,
    /// DCOM, as VAMT does it; from Windows only.
    Dcom,
}

impl WayIn {
    /// Every way.
    pub const ALL: &'static [Self] = &[Self::Http, Self::Https, Self::Dcom];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Dcom => "dcom",
        }
    }

    /// The way with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|w| w.name() == name)
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Http => "WS-Management, sealed (HTTP)",
            Self::Https => "WS-Management over HTTPS",
            Self::Dcom => "DCOM",
        }
    }

    /// The standard port: of WinRM 2.0 and later, and of the endpoint mapper.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 5985,
            Self::Https => 5986,
            Self::Dcom => 135,
        }
    }

    /// The way that listens on a port: 443 belongs to listeners older than WinRM 2.0.
    pub fn of_port(port: u16) -> Self {
        match port {
            5986 | 443 => Self::Https,
            135 => Self::Dcom,
            _ => Self::Http,
        }
    }
}

/// Where to connect when it is not simply the computer's name: odd networks, port forwards, the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectTo {
    /// Host name or address; `None` means the computer's name.
    pub address: Option<Text>,
    /// TCP port; `None` means the default of the way in (5985, with TLS 5986).
    pub port: Option<u16>,
    /// The way in that was chosen by hand; `None`: what answers, or with a port of its own the way of that port.
    #[serde(default)]
    pub way: Option<WayIn>,
}

impl ConnectTo {
    /// `10.0.0.7, port 15985, https`; without an address of its own `name`.
    pub fn in_words(&self, name: &str) -> String {
        let address = self.address.as_deref().unwrap_or(name);
        let port = self.port.map_or_else(String::new, |port| format!(", port {port}"));
        let way = self.way.filter(|way| *way != WayIn::Http);
        let way = way.map_or_else(String::new, |way| format!(", {}", way.name()));
        format!("{address}{port}{way}")
    }
}

/// When a computer was last spoken to, and how that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// When the attempt ended.
    pub at: DateTime<Utc>,
    /// `None`: it answered.
    pub failure: Option<Box<Failure>>,
    /// The way that led in last.
    #[serde(default)]
    pub way: Option<WayIn>,
}

/// What a file said of a record that we have no field for. Kept and written back unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign(Option<Arc<ForeignParts>>);

/// Attributes and child elements that are not ours.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignParts {
    /// Name as written (with prefix) and unescaped value.
    pub attributes: Vec<(String, String)>,
    /// Child elements in their order: name as written (with prefix), and the XML text as it stood.
    pub elements: Vec<(String, String)>,
}

impl fmt::Debug for ForeignParts {
    /// Names alone: a product key with a typing error is kept here, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.attributes.iter().chain(&self.elements).map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

impl Foreign {
    /// Keeps `parts`; nothing is stored when they are empty.
    pub fn new(parts: ForeignParts) -> Self {
        Self((!parts.attributes.is_empty() || !parts.elements.is_empty()).then(|| Arc::new(parts)))
    }

    /// The kept parts, if any.
    pub fn parts(&self) -> Option<&ForeignParts> {
        self.0.as_deref()
    }
}

/// One computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Identity within the list.
    pub id: ComputerId,
    /// Fully qualified name where known, else the name or address it was added by.
    pub name: Text,
    /// Domain or workgroup.
    pub network: Network,
    /// E.g. `Windows 11 Enterprise`; empty when not known.
    pub os_edition: Text,
    /// E.g. `10.0.26100`; empty when not known.
    pub os_version: Text,
    /// Whether it answers KMS requests; `None` when not known.
    pub is_kms_host: Option<bool>,
    /// Hardware addresses, `00-11-22-33-44-55`, upper case.
    pub mac_addresses: Vec<Text>,
    /// `objectGUID` of its account in Active Directory: it stays when the computer is renamed or moved within a forest.
    #[serde(default)]
    pub directory_id: Option<Uuid>,
    /// Where to connect, when not by name and default port.
    pub connect: Option<ConnectTo>,
    /// The last attempt to speak to it.
    pub contact: Option<Contact>,
    /// A note by the administrator.
    pub remarks: Text,
    /// What the file said that we have no field for.
    pub foreign: Foreign,
}

impl Computer {
    /// A computer of which only the name is known.
    pub fn named(name: &str) -> Self {
        let name = name.trim();
        Self {
            id: ComputerId::from_name(name),
            name: name.into(),
            network: Network::default(),
            os_edition: Text::default(),
            os_version: Text::default(),
            is_kms_host: None,
            mac_addresses: Vec::new(),
            directory_id: None,
            connect: None,
            contact: None,
            remarks: Text::default(),
            foreign: Foreign::default(),
        }
    }

    /// The way that led in last time.
    pub fn known_way(&self) -> Option<WayIn> {
        self.contact.as_ref()?.way
    }

    /// The host to connect to.
    pub fn connect_address(&self) -> &str {
        self.connect
            .as_ref()
            .and_then(|c| c.address.as_deref())
            .unwrap_or(&self.name)
    }

    /// True if the computer is known by a bare IPv4 or IPv6 address only.
    pub fn is_known_by_address_only(&self) -> bool {
        self.name.parse::<std::net::IpAddr>().is_ok()
    }
}
