//! Computers that were named one by one: where their names lead, and what addresses are called.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::found::{Finding, Findings, FoundComputer, Source};
use super::names::FoundName;
use super::pace::{Pace, is_unwanted, sweep, tell};
use super::resolver::{Resolver, ReverseName};
use super::scan::unconfirmed;
use crate::model::{ConnectTo, WayIn};

/// What to look up, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesRequest {
    /// The computers as they were named.
    pub names: Vec<FoundName>,
    /// Names that are looked up at one time.
    pub at_once: usize,
    /// How long a name may take.
    pub patience: Duration,
}

impl NamesRequest {
    /// These names, as usual.
    pub fn of(names: Vec<FoundName>) -> Self {
        Self {
            names,
            at_once: 32,
            patience: Duration::from_secs(5),
        }
    }
}

/// What came of looking names up, or of the part of it before it was cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NamesSummary {
    /// Names that lead to an address.
    pub resolved: usize,
    /// Names that lead nowhere; each was told with its reason.
    pub unresolved: usize,
}

/// What looking up names cannot see.
pub fn names_cannot_see() -> &'static str {
    "Whether a computer is there: a name may lead to an address that nobody has any more, and an address that was typed is taken as it \
     is."
}

/// Tells every computer that was named, with its addresses; one whose name leads nowhere without, and with the reason as a
/// note and as its place, because whoever named it may know more than the name servers. An address is told with its name, if
/// that leads back.
pub async fn resolve_names(
    request: &NamesRequest,
    resolver: &Resolver,
    findings: &Findings,
    cancel: &CancellationToken,
) -> NamesSummary {
    let (found, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = async |name: &FoundName| {
        let (computer, note) = look_up(name, resolver, request.patience).await;
        found.fetch_add(usize::from(!computer.addresses.is_empty()), Relaxed);
        if let Some(note) = note {
            tell(findings, cancel, Finding::Note(note)).await;
        }
        tell(findings, cancel, Finding::Computer(Box::new(computer))).await;
        let done = ended.fetch_add(1, Relaxed) + 1;
        let total = Some(request.names.len());
        tell(findings, cancel, Finding::Progress { done, total }).await;
    };
    let unwanted = is_unwanted(findings, cancel);
    sweep(&request.names, Pace::free(), request.at_once, unwanted, work).await;
    let found = found.load(Relaxed);
    NamesSummary {
        resolved: found,
        unresolved: ended.load(Relaxed) - found,
    }
}

async fn look_up(name: &FoundName, resolver: &Resolver, patience: Duration) -> (FoundComputer, Option<String>) {
    let mut computer = FoundComputer::named(Source::Names, name.name.clone());
    computer.connect = connect_to(name);
    // Where it is reached is where it is; its name may be one that only the list knows.
    let host = name.address.as_deref().unwrap_or(&name.name);
    let mut note = None;
    match resolver.addresses(host, patience).await {
        Ok(addresses) => computer.addresses = addresses,
        Err(error) => {
            note = Some(error.to_string());
            computer.place = error.to_string();
        }
    }
    if let Ok(address) = name.name.parse::<IpAddr>() {
        match resolver.name_of(address, patience).await {
            Ok(ReverseName::Confirmed(confirmed)) => computer.name = confirmed,
            Ok(ReverseName::Unconfirmed { name, leads_to }) => note = Some(unconfirmed(address, &name, &leads_to)),
            Ok(ReverseName::Unnamed) | Err(_) => {}
        }
    }
    (computer, note)
}

fn connect_to(name: &FoundName) -> Option<ConnectTo> {
    let connect = ConnectTo {
        address: name.address.as_deref().map(Into::into),
        port: name.port,
        way: match name.tls {
            Some(true) => Some(WayIn::Https),
            Some(false) => Some(WayIn::Http),
            None => name.port.map(WayIn::of_port),
        },
    };
    (connect != ConnectTo::default()).then_some(connect)
}
