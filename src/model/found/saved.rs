//! Where to look for computers, as data: what a discovery is told, and what a list keeps of it under a name. Never
//! credentials.

use serde::{Deserialize, Serialize};

use crate::model::Text;

/// How a directory is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DirectorySecurity {
    /// Signed and sealed with Kerberos where that works, else over TLS.
    #[default]
    Automatic,
    /// Signed and sealed on port 389.
    Sealed,
    /// TLS from the first byte, port 636.
    Ldaps,
    /// TLS begun on port 389.
    StartTls,
}

impl DirectorySecurity {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Automatic, Self::Sealed, Self::Ldaps, Self::StartTls];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Automatic => "auto",
            Self::Sealed => "sealed",
            Self::Ldaps => "ldaps",
            Self::StartTls => "starttls",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Automatic => "What the server offers",
            Self::Sealed => "Kerberos, signed and sealed",
            Self::Ldaps => "LDAPS (TLS, port 636)",
            Self::StartTls => "StartTLS (port 389)",
        }
    }
}

/// Which computers of a directory are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryOrder {
    /// DNS name of the domain; empty: the one this machine belongs to.
    pub domain: String,
    /// Domain controller; empty: found by DNS.
    pub server: String,
    /// Distinguished name under which to look; empty: the whole domain.
    pub base: String,
    /// Name pattern, `BER-*`; empty: all.
    pub name: String,
    /// LDAP filter besides; empty: none.
    pub filter: String,
    /// Also accounts that are disabled.
    pub include_disabled: bool,
    /// Leave out accounts that have not signed in for so many days.
    pub stale_days: Option<u32>,
    /// Also computers that do not run Windows.
    pub include_non_windows: bool,
    /// Ask the global catalog: every domain of the forest.
    pub global_catalog: bool,
    /// How the server is asked.
    pub security: DirectorySecurity,
}

/// One source of a discovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceOrder {
    /// Names, addresses, ranges and networks.
    Names {
        /// As typed, with any separators.
        text: String,
        /// WinRM port, if not a usual one.
        port: Option<u16>,
        /// Of ranges only the addresses that answer.
        probe: bool,
    },
    /// A list file, read anew each time.
    File {
        /// Its path.
        path: String,
        /// The column with the names; empty: found by its heading.
        column: String,
        /// WinRM port, if not a usual one.
        port: Option<u16>,
        /// Of ranges only the addresses that answer.
        probe: bool,
    },
    /// Active Directory.
    Directory(DirectoryOrder),
    /// NetBIOS node status of every address of ranges and networks.
    NetBios {
        /// As typed.
        ranges: String,
    },
    /// What answers a WS-Discovery probe on the local network.
    LocalNetwork,
    /// The system's browse list (Windows).
    BrowseList,
}

/// What follows once found computers are in the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Then {
    /// Nothing.
    #[default]
    Nothing,
    /// Who can be reached.
    Probe,
    /// Update the license status.
    Update,
}

impl Then {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Nothing, Self::Probe, Self::Update];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Probe => "probe",
            Self::Update => "update",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.name() == name)
    }
}

/// A discovery that can be run again by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDiscovery {
    /// `Berlin workstations`. Never empty.
    pub name: Text,
    /// Where to look.
    pub sources: Vec<SourceOrder>,
    /// What follows.
    pub then: Then,
    /// Questions a second, where a network is asked address by address; `None`: the usual rate.
    pub rate: Option<u32>,
}

impl SavedDiscovery {
    /// Names are compared without case and blanks around them.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.trim().to_lowercase() == name.trim().to_lowercase()
    }

    /// Where it looks, in words: `Active Directory (contoso.com), addresses 10.0.0.0/24`.
    pub fn in_words(&self) -> String {
        let words: Vec<String> = self.sources.iter().map(SourceOrder::in_words).collect();
        words.join(", ")
    }
}

/// Options by their names, as a file has them.
type Options = Vec<(&'static str, String)>;

impl SourceOrder {
    /// In words, shortened.
    pub fn in_words(&self) -> String {
        let short = |text: &str| -> String {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.chars().count() <= 40 {
                return line;
            }
            line.chars().take(39).chain(['…']).collect()
        };
        match self {
            Self::Names { text, .. } => format!("names {}", short(text)),
            Self::File { path, .. } => format!("file {path}"),
            Self::Directory(order) if order.domain.is_empty() => "Active Directory".to_owned(),
            Self::Directory(order) => format!("Active Directory ({})", order.domain),
            Self::NetBios { ranges } => format!("NetBIOS {}", short(ranges)),
            Self::LocalNetwork => "local network".to_owned(),
            Self::BrowseList => "browse list".to_owned(),
        }
    }

    /// The kind and its options, as a file has them. What is usual is left out.
    pub fn options(&self) -> (&'static str, Options) {
        let mut options = Options::new();
        let mut say = |name, value: &str| {
            if !value.is_empty() {
                options.push((name, value.to_owned()));
            }
        };
        let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
        let flag = |yes: bool| if yes { "true" } else { "" };
        let kind = match self {
            Self::Names { text, port, probe } => {
                say("Text", text);
                say("Port", &number(port.map(Into::into)));
                say("NoProbe", flag(!probe));
                "Names"
            }
            Self::File {
                path,
                column,
                port,
                probe,
            } => {
                say("Path", path);
                say("Column", column);
                say("Port", &number(port.map(Into::into)));
                say("NoProbe", flag(!probe));
                "File"
            }
            Self::Directory(order) => {
                say("Domain", &order.domain);
                say("Server", &order.server);
                say("Base", &order.base);
                say("Name", &order.name);
                say("Filter", &order.filter);
                say("IncludeDisabled", flag(order.include_disabled));
                say("StaleDays", &number(order.stale_days));
                say("IncludeNonWindows", flag(order.include_non_windows));
                say("GlobalCatalog", flag(order.global_catalog));
                if order.security != DirectorySecurity::default() {
                    say("Security", order.security.name());
                }
                "Directory"
            }
            Self::NetBios { ranges } => {
                say("Ranges", ranges);
                "NetBios"
            }
            Self::LocalNetwork => "LocalNetwork",
            Self::BrowseList => "BrowseList",
        };
        (kind, options)
    }

    /// The reverse of [`SourceOrder::options`]; `Err` says what is not understood. A later version may know more.
    pub fn from_options<'o>(kind: &str, options: impl IntoIterator<Item = (&'o str, &'o str)>) -> Result<Self, String> {
        let mut order = match kind {
            "Names" => Self::Names {
                text: String::new(),
                port: None,
                probe: true,
            },
            "File" => Self::File {
                path: String::new(),
                column: String::new(),
                port: None,
                probe: true,
            },
            "Directory" => Self::Directory(DirectoryOrder::default()),
            "NetBios" => Self::NetBios { ranges: String::new() },
            "LocalNetwork" => Self::LocalNetwork,
            "BrowseList" => Self::BrowseList,
            other => return Err(format!("{other:?} is no source of a discovery")),
        };
        for (name, value) in options {
            if !order.set(name, value)? {
                return Err(format!("{name:?} is no option of a discovery by {kind}"));
            }
        }
        Ok(order)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<bool, String> {
        let bad = || format!("{value:?} is no value of {option}");
        let flag = || value.parse::<bool>().map_err(|_| bad());
        match (self, option) {
            (Self::Names { text, .. }, "Text") => value.clone_into(text),
            (Self::File { path, .. }, "Path") => value.clone_into(path),
            (Self::File { column, .. }, "Column") => value.clone_into(column),
            (Self::Names { port, .. } | Self::File { port, .. }, "Port") => {
                *port = Some(value.parse().map_err(|_| bad())?);
            }
            (Self::Names { probe, .. } | Self::File { probe, .. }, "NoProbe") => *probe = !flag()?,
            (Self::NetBios { ranges }, "Ranges") => value.clone_into(ranges),
            (Self::Directory(order), _) => match option {
                "Domain" => value.clone_into(&mut order.domain),
                "Server" => value.clone_into(&mut order.server),
                "Base" => value.clone_into(&mut order.base),
                "Name" => value.clone_into(&mut order.name),
                "Filter" => value.clone_into(&mut order.filter),
                "IncludeDisabled" => order.include_disabled = flag()?,
                "StaleDays" => order.stale_days = Some(value.parse().map_err(|_| bad())?),
                "IncludeNonWindows" => order.include_non_windows = flag()?,
                "GlobalCatalog" => order.global_catalog = flag()?,
                "Security" => {
                    let known = DirectorySecurity::ALL.iter().find(|s| s.name() == value);
                    order.security = *known.ok_or_else(bad)?;
                }
                _ => return Ok(false),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }
}
