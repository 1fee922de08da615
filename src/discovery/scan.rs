//! Ranges and networks: which addresses answer, and what they are called.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::found::{Finding, Findings, FoundComputer, Source};
use super::knock::{Sight, knock};
use super::names::{FoundName, ParsedNames};
use super::pace::{Pace, is_unwanted, sweep, tell};
use super::resolver::{DnsFailure, Resolver, ReverseName};
use super::sockets;
use crate::model::ConnectTo;

/// The ports of a Windows computer that is managed from elsewhere, in the order of preference: WS-Management over HTTP and
/// HTTPS, the endpoint mapper (DCOM), file sharing.
pub const SCAN_PORTS: &[u16] = &[5985, 5986, 135, 445];
/// New addresses a second, where nobody says otherwise. A /22 takes five seconds, and at four ports each it is less than what
/// one page of a web browser sends.
pub const SCAN_RATE: u32 = 200;

/// The addresses of ranges and networks among what a text named, to be scanned.
pub fn addresses_of(parsed: &ParsedNames) -> Vec<IpAddr> {
    let ranges = parsed.names.iter().filter(|n| n.from_range);
    ranges.filter_map(|n| n.name.parse().ok()).collect()
}

/// The computers named one by one, to be looked up.
pub fn named_in(parsed: &ParsedNames) -> Vec<FoundName> {
    parsed.names.iter().filter(|n| !n.from_range).cloned().collect()
}

/// What to scan, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    /// The addresses, in the order of their turn.
    pub addresses: Vec<IpAddr>,
    /// The ports that are knocked at, all at once, in the order of preference.
    pub ports: Vec<u16>,
    /// New addresses a second.
    pub rate: u32,
    /// Addresses that are waited for at one time, as far as the system has sockets.
    pub at_once: usize,
    /// How long an address may take to answer. Two seconds leave room for one lost packet.
    pub patience: Duration,
    /// How long name servers may take for the name of an address that answered.
    pub name_patience: Duration,
    /// Also tell addresses that refuse every port: something is there, but no Windows service.
    pub tell_refusing: bool,
}

impl ScanRequest {
    /// These addresses, as usual.
    pub fn of(addresses: Vec<IpAddr>) -> Self {
        Self {
            addresses,
            ports: SCAN_PORTS.to_vec(),
            rate: SCAN_RATE,
            at_once: 500,
            patience: Duration::from_secs(2),
            name_patience: Duration::from_millis(800),
            tell_refusing: false,
        }
    }
}

/// What came of a scan, or of the part of it before it was cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Addresses that were probed to the end.
    pub probed: usize,
    /// Addresses that accepted a connection.
    pub answered: usize,
    /// Addresses that refused every port that said anything.
    pub refusing: usize,
    /// Addresses to which no network leads from here.
    pub unreachable: usize,
}

impl ScanSummary {
    /// Addresses of which nothing came back.
    pub fn silent(&self) -> usize {
        self.probed
            .saturating_sub(self.answered + self.refusing + self.unreachable)
    }
}

/// Why nothing was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// No address.
    #[error("there is no address to probe: name a range (10.0.0.1-50) or a network (10.0.0.0/24)")]
    NoAddresses,
    /// No port.
    #[error("there is no port to knock at: name at least one")]
    NoPorts,
    /// The system gives this program too few sockets.
    #[error("this program may open only {0} files and connections at once: raise the limit (ulimit -n)")]
    NoSockets(u64),
    /// No address can be reached from here.
    #[error(
        "no network leads from this computer to any of the addresses, {0} in all: look at its connection and its routes"
    )]
    NoNetwork(usize),
}

/// What a scan of addresses cannot see.
pub fn scan_cannot_see() -> &'static str {
    "A computer that is off or asleep, and one whose firewall drops what is sent to the ports that are tried: Windows' firewall does \
     so until WinRM, DCOM or file sharing is allowed. Whether what answers is Windows shows only when it is asked."
}

/// Knocks at every address and tells each that answers, with its name if name servers on both ways agree. Nothing is sent
/// into a connection.
pub async fn scan(
    request: &ScanRequest,
    resolver: &Resolver,
    findings: &Findings,
    cancel: &CancellationToken,
) -> Result<ScanSummary, ScanError> {
    if request.addresses.is_empty() {
        return Err(ScanError::NoAddresses);
    }
    if request.ports.is_empty() {
        return Err(ScanError::NoPorts);
    }
    let at_once = sockets::at_once(request.at_once, request.ports.len()).map_err(ScanError::NoSockets)?;
    let scan = Scan {
        request,
        resolver,
        findings,
        cancel,
        probed: AtomicUsize::new(0),
        answered: AtomicUsize::new(0),
        refusing: AtomicUsize::new(0),
        unreachable: AtomicUsize::new(0),
        unanswered: AtomicU32::new(0),
        misnamed: AtomicUsize::new(0),
    };
    let pace = Pace::per_second(request.rate);
    let unwanted = is_unwanted(findings, cancel);
    let addresses = request.addresses.iter().copied();
    let ended = sweep(addresses, pace, at_once, unwanted, |address| scan.address(address)).await;
    let summary = ScanSummary {
        probed: scan.probed.load(Relaxed),
        answered: scan.answered.load(Relaxed),
        refusing: scan.refusing.load(Relaxed),
        unreachable: scan.unreachable.load(Relaxed),
    };
    let untold = scan.misnamed.load(Relaxed).saturating_sub(MOST_NOTES);
    if untold > 0 {
        let text = format!("{untold} more addresses stand without a name, because theirs do not lead back");
        tell(findings, cancel, Finding::Note(text)).await;
    }
    if ended && summary.refusing > 0 && !request.tell_refusing {
        let text = format!(
            "{} address{} refused every connection: something is there, but nothing that Windows is managed by",
            summary.refusing,
            if summary.refusing == 1 { "" } else { "es" }
        );
        tell(findings, cancel, Finding::Note(text)).await;
    }
    if summary.unreachable > 0 {
        if ended && summary.unreachable == summary.probed {
            return Err(ScanError::NoNetwork(summary.unreachable));
        }
        tell(findings, cancel, Finding::Note(leads_nowhere(summary.unreachable))).await;
    }
    Ok(summary)
}

/// What addresses are told with to which no network leads.
pub(super) fn leads_nowhere(count: usize) -> String {
    format!(
        "No network leads from this computer to {count} address{}: look at its connection and its routes",
        if count == 1 { "" } else { "es" }
    )
}

/// Questions in a row that no name server answered, after which they are left alone.
const GIVE_UP_NAMES: u32 = 4;

/// Addresses whose names do not lead back that are told one by one.
const MOST_NOTES: usize = 20;

/// A scan under way.
struct Scan<'a> {
    request: &'a ScanRequest,
    resolver: &'a Resolver,
    findings: &'a Findings,
    cancel: &'a CancellationToken,
    probed: AtomicUsize,
    answered: AtomicUsize,
    refusing: AtomicUsize,
    unreachable: AtomicUsize,
    /// Questions in a row that no name server answered.
    unanswered: AtomicU32,
    /// Addresses whose names do not lead back.
    misnamed: AtomicUsize,
}

impl Scan<'_> {
    async fn tell(&self, finding: Finding) {
        tell(self.findings, self.cancel, finding).await;
    }

    async fn address(&self, address: IpAddr) {
        let sight = knock(&[address], &self.request.ports, false, self.request.patience).await;
        let accepts = !sight.open.is_empty();
        if accepts || (self.request.tell_refusing && !sight.refused.is_empty()) {
            let name = self.name(address).await;
            self.tell(Finding::Computer(Box::new(found(address, name, &sight))))
                .await;
        }
        if accepts {
            self.answered.fetch_add(1, Relaxed);
        } else if !sight.refused.is_empty() {
            self.refusing.fetch_add(1, Relaxed);
        } else if sight.no_route {
            self.unreachable.fetch_add(1, Relaxed);
        }
        let done = self.probed.fetch_add(1, Relaxed) + 1;
        let total = Some(self.request.addresses.len());
        self.tell(Finding::Progress { done, total }).await;
    }

    /// The name of an address, if one leads both ways.
    async fn name(&self, address: IpAddr) -> Option<String> {
        if self.unanswered.load(Relaxed) >= GIVE_UP_NAMES {
            return None;
        }
        match self.resolver.name_of(address, self.request.name_patience).await {
            Ok(ReverseName::Confirmed(name)) => {
                self.unanswered.store(0, Relaxed);
                Some(name)
            }
            Ok(ReverseName::Unnamed) => {
                self.unanswered.store(0, Relaxed);
                None
            }
            Ok(ReverseName::Unconfirmed { name, leads_to }) => {
                self.unanswered.store(0, Relaxed);
                if self.misnamed.fetch_add(1, Relaxed) < MOST_NOTES {
                    self.tell(Finding::Note(unconfirmed(address, &name, &leads_to))).await;
                }
                None
            }
            Err(failure) => {
                if let DnsFailure::NoServer { .. } = &failure
                    && self.unanswered.fetch_add(1, Relaxed) + 1 == GIVE_UP_NAMES
                {
                    let text = format!("addresses stand without their names, because {failure}");
                    self.tell(Finding::Note(text)).await;
                }
                None
            }
        }
    }
}

/// Why a name of an address is not taken over.
pub(super) fn unconfirmed(address: IpAddr, name: &str, leads_to: &[IpAddr]) -> String {
    let leads = match leads_to {
        [] => "leads nowhere".to_owned(),
        [first, ..] => format!("leads to {first}"),
    };
    format!("{address} stands without a name: its reverse record says {name}, but that name {leads}")
}

fn found(address: IpAddr, name: Option<String>, sight: &Sight) -> FoundComputer {
    let ports = |ports: &mut dyn Iterator<Item = u16>| ports.map(|p| p.to_string()).collect::<Vec<_>>().join(", ");
    let open = ports(&mut sight.open.iter().map(|(port, _)| *port));
    let mut computer = FoundComputer::named(Source::Range, name.unwrap_or_else(|| address.to_string()));
    computer.addresses.push(address);
    computer.place = if open.is_empty() {
        format!("refuses port {}", ports(&mut sight.refused.iter().copied()))
    } else {
        format!("accepts on port {open}")
    };
    // A port of its own is one that none of the usual ways leads through.
    computer.connect = match sight.open.first() {
        Some((port, _)) if !SCAN_PORTS.contains(port) => Some(ConnectTo {
            address: None,
            port: Some(*port),
            way: None,
        }),
        _ => None,
    };
    computer
}
