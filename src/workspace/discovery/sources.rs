//! Asking one source: what it tells goes to the discovery, how it ends is its own affair.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::directory;
use super::{Discovery, SourceFailure, SourceProgress, SourceState};
use crate::discovery::directory::directory_cannot_see;
use crate::discovery::{
    BrowseListRequest, FINDINGS_AHEAD, Finding, Findings, FoundName, NamesRequest, NetBiosError, NetBiosRequest,
    Resolver, ScanError, ScanRequest, WsDiscoveryRequest, browse_list, browse_list_cannot_see, names_cannot_see,
    netbios, netbios_cannot_see, resolve_names, scan, scan_cannot_see, ws_discovery, ws_discovery_cannot_see,
};
use crate::model::found::{DirectoryOrder, FoundComputer, Source, SourceOrder};
use crate::model::{ConnectTo, WayIn};
use crate::workspace::add::way_of;
use crate::workspace::{Settings, Workspace};

/// A source that can be asked.
#[derive(Debug, Clone)]
pub(in crate::workspace) struct SourceTask {
    /// In words.
    pub label: String,
    /// What is asked.
    pub place: Place,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(in crate::workspace) enum Place {
    /// Names that are taken as they are.
    Told(Vec<FoundName>),
    /// Names that are looked up.
    Names(Vec<FoundName>),
    /// Addresses that are knocked at.
    Range {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// The one port that counts.
        port: Option<u16>,
    },
    /// Active Directory.
    Directory(DirectoryOrder),
    /// NetBIOS.
    NetBios(Vec<Ipv4Addr>),
    /// WS-Discovery.
    LocalNetwork,
    /// The system's list.
    BrowseList,
}

impl SourceTask {
    pub(super) fn progress(&self) -> SourceProgress {
        let (total, cannot_see) = match &self.place {
            Place::Told(names) => (Some(names.len()), ""),
            Place::Names(names) => (Some(names.len()), names_cannot_see()),
            Place::Range { addresses, .. } => (Some(addresses.len()), scan_cannot_see()),
            Place::Directory(_) => (None, directory_cannot_see()),
            Place::NetBios(addresses) => (Some(addresses.len()), netbios_cannot_see()),
            Place::LocalNetwork => (None, ws_discovery_cannot_see()),
            Place::BrowseList => (None, browse_list_cannot_see()),
        };
        SourceProgress {
            label: self.label.clone(),
            total,
            cannot_see,
            ..SourceProgress::default()
        }
    }
}

/// What a source does not find and why, for people.
pub fn source_cannot_see(source: &SourceOrder) -> &'static str {
    match source {
        SourceOrder::Names { .. } | SourceOrder::File { .. } => scan_cannot_see(),
        SourceOrder::Directory(_) => directory_cannot_see(),
        SourceOrder::NetBios { .. } => netbios_cannot_see(),
        SourceOrder::LocalNetwork => ws_discovery_cannot_see(),
        SourceOrder::BrowseList => browse_list_cannot_see(),
    }
}

/// What every source may need.
pub(super) struct Means {
    resolver: Resolver,
    pub(super) settings: Arc<Settings>,
    rate: u32,
    pub(super) workspace: Workspace,
}

impl Means {
    pub(super) fn new(workspace: &Workspace, rate: u32) -> Self {
        Self {
            resolver: Resolver::system(),
            settings: workspace.settings(),
            rate,
            workspace: workspace.clone(),
        }
    }
}

/// Asks a source and takes what it tells, until it has ended.
pub(super) async fn ask(workspace: &Workspace, discovery: &Discovery, means: &Means, index: usize, task: SourceTask) {
    let (sender, mut findings) = mpsc::channel(FINDINGS_AHEAD);
    let asking = run(discovery, means, index, task.place, sender);
    let taking = async {
        while let Some(finding) = findings.recv().await {
            match finding {
                Finding::Computer(computer) => discovery.found(index, *computer),
                Finding::Progress { done, total } => discovery.source(index, |source| {
                    source.done = done;
                    source.total = total.or(source.total);
                }),
                Finding::Note(text) => discovery.note(text),
            }
            workspace.announce_soon();
        }
    };
    let (ended, ()) = tokio::join!(asking, taking);
    let state = match ended {
        Ok(()) if discovery.is_cancelled() => SourceState::Cancelled,
        Ok(()) => SourceState::Done,
        Err(failure) => SourceState::Failed(failure),
    };
    discovery.source(index, |source| source.state = state);
    workspace.announce_soon();
}

/// Ends when the source has, and drops the sender with that.
async fn run(
    discovery: &Discovery,
    means: &Means,
    index: usize,
    place: Place,
    sender: Findings,
) -> Result<(), SourceFailure> {
    let cancel = &discovery.0.cancel;
    let patience = means.settings.connect_timeout;
    match place {
        Place::Told(names) => {
            let total = Some(names.len());
            for (done, name) in names.into_iter().enumerate() {
                let computer = Finding::Computer(Box::new(told(name)));
                let done = done + 1;
                if cancel.is_cancelled()
                    || sender.send(computer).await.is_err()
                    || sender.send(Finding::Progress { done, total }).await.is_err()
                {
                    break;
                }
            }
            Ok(())
        }
        Place::Names(names) => {
            let request = NamesRequest {
                patience: means.settings.resolve_timeout,
                ..NamesRequest::of(names)
            };
            resolve_names(&request, &means.resolver, &sender, cancel).await;
            Ok(())
        }
        Place::Range { addresses, port } => {
            let mut request = ScanRequest::of(addresses);
            request.rate = means.rate;
            request.patience = request.patience.min(patience);
            if let Some(port) = port {
                request.ports = vec![port];
            }
            let (own, mut found) = mpsc::channel(FINDINGS_AHEAD);
            let asking = async {
                let ended = scan(&request, &means.resolver, &own, cancel).await;
                drop(own);
                ended
            };
            let passing = async {
                while let Some(mut finding) = found.recv().await {
                    if let (Finding::Computer(computer), Some(port)) = (&mut finding, port) {
                        reached_on(computer, port);
                    }
                    if sender.send(finding).await.is_err() {
                        break;
                    }
                }
            };
            let (ended, ()) = tokio::join!(asking, passing);
            let summary = ended.map_err(|error| {
                let class = if matches!(error, ScanError::NoNetwork(_)) {
                    "Network"
                } else {
                    ""
                };
                SourceFailure { class, ..failed(error) }
            })?;
            discovery.source(index, |source| source.silent = summary.silent());
            Ok(())
        }
        Place::Directory(order) => directory::search(&order, means, &sender, cancel).await,
        Place::NetBios(addresses) => {
            let request = NetBiosRequest {
                rate: means.rate,
                ..NetBiosRequest::of(addresses)
            };
            netbios(&request, &sender, cancel).await.map(drop).map_err(|error| {
                let is_network = matches!(error, NetBiosError::NoNetwork { .. });
                let class = if is_network { "Network" } else { "" };
                SourceFailure { class, ..failed(error) }
            })
        }
        Place::LocalNetwork => {
            let request = WsDiscoveryRequest::default();
            ws_discovery(&request, &sender, cancel).await.map(drop).map_err(failed)
        }
        Place::BrowseList => {
            let request = BrowseListRequest::default();
            browse_list(&request, &sender, cancel).await.map(drop).map_err(failed)
        }
    }
}

fn failed(error: impl std::error::Error) -> SourceFailure {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    SourceFailure { class: "", message }
}

/// A computer as it was named, when nobody is to be asked.
fn told(name: FoundName) -> FoundComputer {
    let connect = ConnectTo {
        way: way_of(&name),
        address: name.address.map(Into::into),
        port: name.port,
    };
    let mut computer = FoundComputer::named(Source::Names, name.name);
    computer.connect = Some(connect).filter(|c| *c != ConnectTo::default());
    computer
}

/// Somebody chose the port: it is where the computer is asked from now on.
fn reached_on(computer: &mut FoundComputer, port: u16) {
    let is_usual = WayIn::ALL.iter().any(|way| way.port() == port);
    if computer.connect.is_none() && !is_usual {
        computer.connect = Some(ConnectTo {
            port: Some(port),
            ..ConnectTo::default()
        });
    }
    if let Some(connect) = &mut computer.connect {
        connect.way = connect.way.or(connect.port.map(WayIn::of_port));
    }
}
