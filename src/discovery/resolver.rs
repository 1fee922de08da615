//! Asking name servers: addresses of a name, the name of an address, service records.
//!
//! Addresses are asked of the system, which also knows its hosts file and the names of the local network. Names of addresses
//! and service records are asked of the name servers themselves, because the system has no way to ask for them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::timeout;

use super::knock::{ResolveError, resolve};
use super::names::host;

/// One attempt at a name server; there are two.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Names of one address that are looked at.
const MOST_NAMES: usize = 4;
/// Answers of one question that are looked at.
const MOST_RECORDS: usize = 1_000;

/// Why the name servers gave no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsFailure {
    /// The name does not exist (NXDOMAIN).
    #[error("the name {0} does not exist")]
    NoSuchName(String),
    /// The name exists and has none of the records that were asked for.
    #[error("the name {0} has no such record")]
    NoRecords(String),
    /// A server answered that it would not or could not.
    #[error("the name server answered {code} for {name}")]
    Refused {
        /// The name.
        name: String,
        /// The response code, e.g. `Server Failure`.
        code: String,
    },
    /// No server answered.
    #[error("no name server answered for {name} ({detail})")]
    NoServer {
        /// The name.
        name: String,
        /// What was seen.
        detail: String,
    },
    /// The text is no DNS name.
    #[error("{0:?} is no DNS name")]
    BadName(String),
}

/// What the name of an address is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReverseName {
    /// The name leads back to the address.
    Confirmed(String),
    /// The name leads elsewhere or nowhere: whoever keeps the reverse zone may write anything, so it is not trusted.
    Unconfirmed {
        /// The name.
        name: String,
        /// Where it leads.
        leads_to: Vec<IpAddr>,
    },
    /// The address has no name.
    Unnamed,
}

/// A service record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRecord {
    /// The computer that offers the service, without the final dot; `.` says that the service is not offered.
    pub target: String,
    /// Its port.
    pub port: u16,
    /// The lower, the sooner.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// How long it may be kept, in seconds.
    pub ttl_secs: u32,
}

/// The name servers, and the suffixes that this computer puts behind short names. Nothing is remembered between questions. A
/// clone asks the same servers.
#[derive(Clone)]
pub struct Resolver {
    dns: Option<TokioResolver>,
    suffixes: Vec<String>,
    asks_system: bool,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("suffixes", &self.suffixes)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// The name servers of this computer. Where it names none that can be used, every question ends with
    /// [`DnsFailure::NoServer`], and names are left to the system.
    pub fn system() -> Self {
        let Ok((config, options)) = read_system_conf() else {
            return Self {
                dns: None,
                suffixes: Vec::new(),
                asks_system: true,
            };
        };
        let mut suffixes: Vec<String> = Vec::new();
        for name in config.domain().into_iter().chain(config.search()) {
            let suffix = text_of(name).to_lowercase();
            if !suffix.is_empty() && !suffixes.contains(&suffix) {
                suffixes.push(suffix);
            }
        }
        Self {
            dns: build(config, options),
            suffixes,
            asks_system: true,
        }
    }

    /// These name servers and no others, also for addresses; short names are tried with each of the suffixes.
    pub fn with_servers(servers: &[SocketAddr], suffixes: &[String]) -> Self {
        let servers = servers.iter().map(|server| {
            let with_port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let ways = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, ways)
        });
        let search = suffixes.iter().filter_map(|s| absolute(s).ok()).collect();
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        Self {
            dns: build(ResolverConfig::from_parts(None, search, servers.collect()), options),
            suffixes: suffixes.to_vec(),
            asks_system: false,
        }
    }

    /// The suffixes of this computer, in small letters and without the final dot; the first is its own domain.
    pub fn suffixes(&self) -> &[String] {
        &self.suffixes
    }

    /// The addresses of a name or of an address literal.
    pub async fn addresses(&self, host: &str, patience: Duration) -> Result<Vec<IpAddr>, ResolveError> {
        let bare = host.trim().trim_matches(['[', ']']);
        let Some(dns) = self.dns.as_ref().filter(|_| !self.asks_system) else {
            return resolve(bare, patience).await;
        };
        if let Ok(address) = bare.parse() {
            return Ok(vec![address]);
        }
        let no_server = || ResolveError::NoResolver {
            host: bare.to_owned(),
            waited: patience,
        };
        let answer = timeout(patience, dns.lookup_ip(bare)).await.map_err(|_| no_server())?;
        let answer = answer.map_err(|error| match failure(bare, &error) {
            DnsFailure::NoServer { .. } => no_server(),
            other => ResolveError::NoAddress {
                host: bare.to_owned(),
                detail: other.to_string(),
            },
        })?;
        let mut found: Vec<IpAddr> = Vec::new();
        for address in answer.iter().take(MOST_RECORDS) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
        Ok(found)
    }

    /// The name of an address, and whether it leads back there. `Err` when no server answered, or one would not.
    pub async fn name_of(&self, address: IpAddr, patience: Duration) -> Result<ReverseName, DnsFailure> {
        let asked = address.to_string();
        let dns = self.dns(&asked)?;
        let until = tokio::time::Instant::now() + patience;
        let names = match self.timed(&asked, patience, dns.reverse_lookup(address)).await {
            Ok(answer) => answer,
            Err(DnsFailure::NoSuchName(_) | DnsFailure::NoRecords(_)) => return Ok(ReverseName::Unnamed),
            Err(other) => return Err(other),
        };
        let names = names.answers().iter().filter_map(|record| match &record.data {
            // What is no name of a computer is none, whatever the zone says; nor is what everybody calls itself.
            RData::PTR(name) => host(&text_of(&name.0)).ok().filter(|name| name != "localhost"),
            _ => None,
        });
        let mut unconfirmed = ReverseName::Unnamed;
        for name in names.take(MOST_NAMES) {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let leads_to = match self.addresses(&name, left).await {
                Ok(addresses) => addresses,
                Err(ResolveError::NoAddress { .. }) => Vec::new(),
                Err(error @ ResolveError::NoResolver { .. }) => {
                    return Err(DnsFailure::NoServer {
                        name,
                        detail: error.to_string(),
                    });
                }
            };
            if leads_to.iter().any(|a| a.to_canonical() == address.to_canonical()) {
                return Ok(ReverseName::Confirmed(name));
            }
            if unconfirmed == ReverseName::Unnamed {
                unconfirmed = ReverseName::Unconfirmed { name, leads_to };
            }
        }
        Ok(unconfirmed)
    }

    /// The service records of a full name such as `_vlmcs._tcp.contoso.com`, in the order of the answer.
    pub async fn services(&self, name: &str, patience: Duration) -> Result<Vec<ServiceRecord>, DnsFailure> {
        let full = absolute(name)?;
        let answer = self.timed(name, patience, self.dns(name)?.srv_lookup(full)).await?;
        let found: Vec<ServiceRecord> = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(ServiceRecord {
                    target: Some(text_of(&srv.target))
                        .filter(|t| !t.is_empty())
                        .unwrap_or_else(|| ".".to_owned()),
                    port: srv.port,
                    priority: srv.priority,
                    weight: srv.weight,
                    ttl_secs: record.ttl,
                }),
                _ => None,
            })
            .take(MOST_RECORDS)
            .collect();
        if found.is_empty() {
            return Err(DnsFailure::NoRecords(name.to_owned()));
        }
        Ok(found)
    }

    /// Whether a domain exists, with or without a name server of its own.
    pub async fn domain_exists(&self, name: &str, patience: Duration) -> Result<bool, DnsFailure> {
        let full = absolute(name)?;
        let asked = self.dns(name)?.lookup(full, RecordType::SOA);
        match self.timed(name, patience, asked).await {
            Ok(_) | Err(DnsFailure::NoRecords(_)) => Ok(true),
            Err(DnsFailure::NoSuchName(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn dns(&self, name: &str) -> Result<&TokioResolver, DnsFailure> {
        self.dns.as_ref().ok_or_else(|| DnsFailure::NoServer {
            name: name.to_owned(),
            detail: "this computer names no name server that can be used".to_owned(),
        })
    }

    async fn timed<T>(
        &self,
        name: &str,
        patience: Duration,
        asked: impl Future<Output = Result<T, NetError>>,
    ) -> Result<T, DnsFailure> {
        match timeout(patience, asked).await {
            Ok(answer) => answer.map_err(|error| failure(name, &error)),
            Err(_) => Err(DnsFailure::NoServer {
                name: name.to_owned(),
                detail: format!("nothing came within {} s", patience.as_secs_f32()),
            }),
        }
    }
}

fn build(config: ResolverConfig, mut options: ResolverOpts) -> Option<TokioResolver> {
    options.timeout = ATTEMPT;
    options.attempts = 2;
    // What was mended must be seen to be mended when it is asked again.
    options.cache_size = 0;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().ok()
}

fn absolute(name: &str) -> Result<Name, DnsFailure> {
    let bare = name.trim().trim_end_matches('.');
    let parsed = Name::from_utf8(format!("{bare}.")).ok();
    parsed
        .filter(|_| !bare.is_empty())
        .ok_or_else(|| DnsFailure::BadName(name.chars().take(80).collect()))
}

fn text_of(name: &Name) -> String {
    name.to_utf8().trim_end_matches('.').to_owned()
}

fn failure(name: &str, error: &NetError) -> DnsFailure {
    let name = name.to_owned();
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => DnsFailure::NoSuchName(name),
            ResponseCode::NoError => DnsFailure::NoRecords(name),
            code => DnsFailure::Refused {
                name,
                code: code.to_string(),
            },
        },
        NetError::Dns(DnsError::ResponseCode(code)) => DnsFailure::Refused {
            name,
            code: code.to_string(),
        },
        NetError::Timeout => DnsFailure::NoServer {
            name,
            detail: "nothing came back".to_owned(),
        },
        other => DnsFailure::NoServer {
            name,
            detail: other.to_string(),
        },
    }
}
