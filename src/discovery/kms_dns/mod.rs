//! The KMS hosts that DNS names: `_vlmcs._tcp` records of every suffix an organisation uses, where they lead, whether anything
//! answers there, and whether the organisation approved of it.
//!
//! A KMS client takes any of them at random. Records of hosts that are gone make it wait, and a client on which somebody
//! installed a KMS host key registers itself beside the real hosts.

mod approval;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use approval::{Approval, ApprovedHosts};
pub use table::KMS_DNS_COLUMNS;

use super::knock::{Door, connect};
use super::resolver::{DnsFailure, Resolver, ServiceRecord};

/// The service whose records name KMS hosts.
pub const KMS_SERVICE: &str = "_vlmcs._tcp";

/// What to look at, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsDnsRequest {
    /// DNS suffixes: those of [`Resolver::suffixes`] and the domains of the list's computers.
    pub suffixes: Vec<String>,
    /// The hosts an organisation approved of, by name or address; none: nothing is said about approval.
    pub approved: Vec<String>,
    /// Whether to try a connection to each host. Nothing is sent into it.
    pub connect: bool,
    /// How long each question and each connection may take.
    pub patience: Duration,
    /// Suffixes that are looked at, and connections that are tried, at one time.
    pub at_once: usize,
}

impl KmsDnsRequest {
    /// These suffixes, each once, as usual.
    pub fn of(suffixes: impl IntoIterator<Item = String>) -> Self {
        let mut once: Vec<String> = Vec::new();
        for suffix in suffixes {
            let suffix = suffix.trim().trim_matches('.').to_lowercase();
            if !suffix.is_empty() && !once.contains(&suffix) {
                once.push(suffix);
            }
        }
        Self {
            suffixes: once,
            approved: Vec::new(),
            connect: true,
            patience: Duration::from_secs(5),
            at_once: 16,
        }
    }
}

/// What DNS says of one suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuffixOutcome {
    /// It names so many hosts.
    Records(usize),
    /// The domain exists and names no KMS host.
    NoRecords,
    /// There is no such domain.
    NoSuchDomain,
    /// The name servers did not answer, or would not: nothing is known.
    Failed(DnsFailure),
    /// Its turn did not come before the audit was cancelled.
    NotAsked,
}

impl SuffixOutcome {
    /// True if the suffix could not be looked at.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Records(_) | Self::NoRecords => false,
            Self::NoSuchDomain | Self::Failed(_) | Self::NotAsked => true,
        }
    }
}

/// What a host did with a connection to its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// It was accepted.
    Yes,
    /// It was refused: the computer is on, and no KMS host listens there.
    Refused,
    /// Nothing came back.
    Silent,
    /// The network does not lead there.
    Unreachable,
    /// Nobody tried: the name leads nowhere, or connections were not wanted.
    NotTried,
}

/// A row is in DNS more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// Target and port stand in another record of the suffix, too.
    SameTarget,
    /// Another target of the suffix leads to the same address and port.
    SameAddress,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsRecord {
    /// The suffix it belongs to.
    pub suffix: String,
    /// Target, port, priority, weight and time to live.
    pub record: ServiceRecord,
    /// Where the target leads, or why nowhere.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// Whether something answers on the port, on any of the addresses.
    pub answers: Answers,
    /// Whether the organisation approved of it.
    pub approval: Approval,
    /// Set when it is there more than once.
    pub duplicate: Option<Duplicate>,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KmsDnsAudit {
    /// What DNS says of each suffix, in the order they were asked for.
    pub suffixes: Vec<(String, SuffixOutcome)>,
    /// Every record, in the order of the suffixes, then priority, weight (the heavier first) and target.
    pub records: Vec<KmsRecord>,
    /// Approved hosts that no record names: clients will not find them.
    pub unnamed: Vec<String>,
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KmsDnsProgress {
    /// Suffixes done.
    pub done: usize,
    /// Of how many.
    pub total: usize,
}

/// What an audit of DNS cannot see.
pub fn kms_dns_cannot_see() -> &'static str {
    "A suffix that was not named, a KMS host that clients are pointed to by name, and records that another view of DNS shows to others. \
     That a port answers does not show that a KMS host with a key is behind it."
}

/// Asks for the records of every suffix, looks up every target and tries a connection to it. After a cancel it ends at once
/// with what it has.
pub async fn audit_kms_dns(
    request: &KmsDnsRequest,
    resolver: &Resolver,
    progress: impl Fn(KmsDnsProgress) + Send + Sync,
    cancel: &CancellationToken,
) -> KmsDnsAudit {
    let approved = approval::resolve(&request.approved, resolver, request.patience, request.at_once, cancel).await;
    let total = request.suffixes.len();
    let done = AtomicUsize::new(0);
    let look = async |index: usize| {
        let suffix = request.suffixes.get(index).map_or("", String::as_str);
        let looked = suffix_records(suffix, request, resolver, &approved).await;
        progress(KmsDnsProgress {
            done: done.fetch_add(1, Relaxed) + 1,
            total,
        });
        (index, looked)
    };
    let mut found: Vec<Option<(SuffixOutcome, Vec<KmsRecord>)>> = Vec::new();
    found.resize_with(total, || None);
    let mut waiting = 0..total;
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(request.at_once.max(1)).map(&look).collect();
    loop {
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            ended = running.next() => ended,
        };
        let Some((index, looked)) = ended else { break };
        if let Some(place) = found.get_mut(index) {
            *place = Some(looked);
        }
        running.extend(waiting.next().map(&look));
    }
    let mut audit = KmsDnsAudit::default();
    for (suffix, looked) in request.suffixes.iter().zip(found) {
        let (outcome, records) = looked.unwrap_or((SuffixOutcome::NotAsked, Vec::new()));
        audit.suffixes.push((suffix.clone(), outcome));
        audit.records.extend(records);
    }
    audit.unnamed = approved.unnamed(&audit.records);
    audit
}

async fn suffix_records(
    suffix: &str,
    request: &KmsDnsRequest,
    resolver: &Resolver,
    approved: &ApprovedHosts,
) -> (SuffixOutcome, Vec<KmsRecord>) {
    let name = format!("{KMS_SERVICE}.{suffix}");
    let services = match resolver.services(&name, request.patience).await {
        Ok(services) => services,
        Err(DnsFailure::NoRecords(_)) => return (SuffixOutcome::NoRecords, Vec::new()),
        // The name of the service is missing wherever there is no KMS host; whether the domain is, too, is another matter.
        Err(DnsFailure::NoSuchName(_)) => {
            let outcome = match resolver.domain_exists(suffix, request.patience).await {
                Ok(true) => SuffixOutcome::NoRecords,
                Ok(false) => SuffixOutcome::NoSuchDomain,
                Err(failure) => SuffixOutcome::Failed(failure),
            };
            return (outcome, Vec::new());
        }
        Err(failure) => return (SuffixOutcome::Failed(failure), Vec::new()),
    };
    let count = services.len();
    let mut records = Vec::with_capacity(count);
    let mut waiting = services.into_iter();
    let look = |record: ServiceRecord| record_row(suffix, record, request, resolver, approved);
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(request.at_once.max(1)).map(look).collect();
    while let Some(record) = running.next().await {
        records.push(record);
        running.extend(waiting.next().map(look));
    }
    records.sort_by(|a, b| {
        let key = |r: &KmsRecord| (r.record.priority, std::cmp::Reverse(r.record.weight));
        key(a)
            .cmp(&key(b))
            .then_with(|| a.record.target.cmp(&b.record.target))
            .then(a.record.port.cmp(&b.record.port))
    });
    mark_duplicates(&mut records);
    (SuffixOutcome::Records(count), records)
}

async fn record_row(
    suffix: &str,
    record: ServiceRecord,
    request: &KmsDnsRequest,
    resolver: &Resolver,
    approved: &ApprovedHosts,
) -> KmsRecord {
    let addresses = if record.target == "." {
        Err("the record says that the service is not offered".to_owned())
    } else {
        // The target is a full name: nothing is to be put behind it.
        let full = format!("{}.", record.target);
        let found = resolver.addresses(&full, request.patience).await;
        found.map_err(|error| error.to_string())
    };
    let answers = match &addresses {
        Ok(addresses) if request.connect => answers(addresses, record.port, request.patience).await,
        _ => Answers::NotTried,
    };
    let reached = addresses.as_deref().unwrap_or_default();
    let approval = approved.judge(suffix, &record.target, reached);
    KmsRecord {
        suffix: suffix.to_owned(),
        record,
        addresses,
        answers,
        approval,
        duplicate: None,
    }
}

/// Tries every address at once; the best outcome counts, because a client goes on to the next address, too.
async fn answers(addresses: &[IpAddr], port: u16, patience: Duration) -> Answers {
    let attempt = async |address: &IpAddr| match timeout(patience, connect(SocketAddr::new(*address, port))).await {
        Ok(outcome) => Door::of(&outcome),
        Err(_) => Door::Silent,
    };
    let mut running: FuturesUnordered<_> = addresses.iter().take(8).map(attempt).collect();
    let mut best = Answers::Unreachable;
    while let Some(door) = running.next().await {
        best = match (door, best) {
            (Door::Open, _) => return Answers::Yes,
            (Door::Refused, _) | (_, Answers::Refused) => Answers::Refused,
            (Door::Silent | Door::NoHost, _) | (_, Answers::Silent) => Answers::Silent,
            (Door::NoRoute, best) => best,
        };
    }
    best
}

fn mark_duplicates(records: &mut [KmsRecord]) {
    for index in 0..records.len() {
        let Some(this) = records.get(index) else { continue };
        let others = || records.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, r)| r);
        let same_port = |other: &&KmsRecord| other.record.port == this.record.port;
        let same_target = |other: &KmsRecord| other.record.target.to_lowercase() == this.record.target.to_lowercase();
        let shares_address = |other: &KmsRecord| match (&this.addresses, &other.addresses) {
            (Ok(a), Ok(b)) => a.iter().any(|address| b.contains(address)),
            _ => false,
        };
        let duplicate = if others().filter(same_port).any(same_target) {
            Some(Duplicate::SameTarget)
        } else if others().filter(same_port).any(shares_address) {
            Some(Duplicate::SameAddress)
        } else {
            None
        };
        if let Some(this) = records.get_mut(index) {
            this.duplicate = duplicate;
        }
    }
}
