//! Asking the local network, and every computer that answers for its name.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::codec::{DeviceMetadata, Message, Offer, encode_probe, encode_resolve, parse_message};
use super::metadata::{MetadataError, metadata, place_of};
use super::{WS_DISCOVERY_PORT, WsDiscoveryError, WsDiscoveryRequest, WsDiscoverySummary};
use crate::discovery::found::{Finding, Findings, FoundComputer, Source};
use crate::discovery::pace::{is_unwanted, tell};

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xC);
/// A datagram may be lost: everything is sent again after this time (SOAP-over-UDP 1.1: MULTICAST_UDP_REPEAT).
const AGAIN: Duration = Duration::from_millis(250);
/// Largest datagram.
const LARGEST: usize = 64 * 1024;
/// Devices that are kept in mind. More would be no network that people work in.
const MOST_DEVICES: usize = 4_096;
/// Datagrams that wait to be read. Others are lost in the system's own buffers, as they would be anyway.
const AHEAD: usize = 256;

/// Asks every computer of the local network and tells each that answers, with its name and its workgroup or domain.
pub async fn ws_discovery(
    request: &WsDiscoveryRequest,
    findings: &Findings,
    cancel: &CancellationToken,
) -> Result<WsDiscoverySummary, WsDiscoveryError> {
    let ways = ways(&request.targets)?;
    let mut run = Run {
        request,
        probe: message_id(),
        devices: HashMap::new(),
        summary: WsDiscoverySummary::default(),
    };
    let question = encode_probe(&run.probe);
    send_all(&ways, &question).await?;
    let (sender, mut datagrams) = mpsc::channel(AHEAD);
    let mut readers = JoinSet::new();
    for (index, way) in ways.iter().enumerate() {
        readers.spawn(read(index, Arc::clone(&way.socket), sender.clone()));
    }
    drop(sender);
    let began = Instant::now();
    let until = began + request.wait;
    // What is sent again, when, and on which way: `None` is all. In order, because all wait as long.
    let mut again: VecDeque<(Instant, Option<usize>, Question)> = VecDeque::new();
    again.push_back((
        began + AGAIN,
        None,
        Question {
            to: None,
            text: question,
        },
    ));
    let mut asking: FuturesUnordered<BoxFuture<'_, Told>> = FuturesUnordered::new();
    let mut waiting: VecDeque<Ask> = VecDeque::new();
    let unwanted = is_unwanted(findings, cancel);
    tokio::pin!(unwanted);
    let mut is_listening = true;
    while is_listening || !asking.is_empty() || !waiting.is_empty() {
        while asking.len() < request.at_once.max(1) {
            let Some(ask) = waiting.pop_front() else { break };
            asking.push(Box::pin(async move {
                let told = metadata(ask.at, &ask.path, &ask.endpoint, &message_id(), request.patience).await;
                (ask, told)
            }));
        }
        tokio::select! {
            () = &mut unwanted => break,
            Some((ask, told)) = asking.next() => {
                let (told, next) = run.told(&ask, told);
                waiting.extend(next);
                for finding in told {
                    tell(findings, cancel, finding).await;
                }
            }
            () = sleep_until(again.front().map_or(until, |(at, ..)| *at)), if !again.is_empty() => {
                match again.pop_front() {
                    Some((_, Some(way), question)) => send_on(ways.get(way), &question).await,
                    Some((_, None, question)) => drop(send_all(&ways, &question.text).await),
                    None => {}
                }
            }
            Some((way, from, bytes)) = datagrams.recv(), if is_listening => {
                for step in run.datagram(from, &bytes) {
                    match step {
                        Step::Ask(ask) => waiting.push_back(ask),
                        Step::Resolve(text) => {
                            let to = (!request.targets.is_empty()).then(|| from.ip());
                            let question = Question { to, text };
                            send_on(ways.get(way), &question).await;
                            again.push_back((Instant::now() + AGAIN, Some(way), question));
                        }
                    }
                }
            }
            () = sleep_until(until), if is_listening => is_listening = false,
        }
    }
    // A computer that never said where its name is to be had is there all the same.
    if !is_listening {
        for finding in run.left_over() {
            tell(findings, cancel, finding).await;
        }
    }
    Ok(run.summary)
}

/// A socket, and whom the question goes to on it.
struct Way {
    socket: Arc<UdpSocket>,
    to: Vec<SocketAddr>,
}

fn ways(targets: &[SocketAddr]) -> Result<Vec<Way>, WsDiscoveryError> {
    if !targets.is_empty() {
        return unicast(targets).map_err(WsDiscoveryError::Send);
    }
    let interfaces = if_addrs::get_if_addrs().map_err(WsDiscoveryError::Interfaces)?;
    let (mut ways, mut last) = (Vec::new(), None);
    for interface in interfaces.iter().filter(|i| !i.is_loopback()) {
        let made = match interface.ip() {
            IpAddr::V4(address) => multicast_v4(address),
            // The group is one of the link; so is the address that asks.
            IpAddr::V6(address) if address.is_unicast_link_local() => match interface.index {
                Some(index) => multicast_v6(address, index),
                None => continue,
            },
            IpAddr::V6(_) => continue,
        };
        match made {
            Ok(way) => ways.push(way),
            Err(error) => last = Some(error),
        }
    }
    match (ways.is_empty(), last) {
        (true, Some(error)) => Err(WsDiscoveryError::Send(error)),
        (true, None) => Err(WsDiscoveryError::NoNetwork),
        (false, _) => Ok(ways),
    }
}

fn unicast(targets: &[SocketAddr]) -> io::Result<Vec<Way>> {
    let families = [
        (
            Domain::IPV4,
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            targets.iter().filter(|t| t.is_ipv4()).copied().collect::<Vec<_>>(),
        ),
        (
            Domain::IPV6,
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            targets.iter().filter(|t| t.is_ipv6()).copied().collect(),
        ),
    ];
    let used = families.into_iter().filter(|(_, _, to)| !to.is_empty());
    used.map(|(domain, any, to)| {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        way(socket, any, to)
    })
    .collect()
}

fn multicast_v4(address: Ipv4Addr) -> io::Result<Way> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    way(socket, (address, 0).into(), vec![(GROUP_V4, WS_DISCOVERY_PORT).into()])
}

fn multicast_v6(address: Ipv6Addr, index: u32) -> io::Result<Way> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_hops_v6(1)?;
    let group = SocketAddrV6::new(GROUP_V6, WS_DISCOVERY_PORT, 0, index);
    way(
        socket,
        SocketAddrV6::new(address, 0, 0, index).into(),
        vec![group.into()],
    )
}

fn way(socket: Socket, local: SocketAddr, to: Vec<SocketAddr>) -> io::Result<Way> {
    socket.set_nonblocking(true)?;
    socket.bind(&local.into())?;
    Ok(Way {
        socket: Arc::new(UdpSocket::from_std(socket.into())?),
        to,
    })
}

/// A question that is sent on one way.
struct Question {
    /// The computer, where computers are asked one by one. A question to the network goes to all of it, also when one computer
    /// is to answer: some listen to nothing else.
    to: Option<IpAddr>,
    text: String,
}

async fn send_on(way: Option<&Way>, question: &Question) {
    let Some(way) = way else { return };
    for to in way.to.iter().filter(|to| question.to.is_none_or(|ip| ip == to.ip())) {
        // A lost datagram and one that could not be sent are the same to whoever waits for the answer.
        let _ = way.socket.send_to(question.text.as_bytes(), to).await;
    }
}

/// Sends to everybody; an error only when that failed everywhere.
async fn send_all(ways: &[Way], question: &str) -> Result<(), WsDiscoveryError> {
    let (mut sent, mut last) = (false, None);
    for way in ways {
        for to in &way.to {
            match way.socket.send_to(question.as_bytes(), to).await {
                Ok(_) => sent = true,
                Err(error) => last = Some(error),
            }
        }
    }
    match last {
        Some(error) if !sent => Err(WsDiscoveryError::Send(error)),
        _ => Ok(()),
    }
}

type Datagram = (usize, SocketAddr, Vec<u8>);

/// Errors in a row after which a socket is taken for broken.
const MOST_ERRORS: u32 = 1_000;

async fn read(index: usize, socket: Arc<UdpSocket>, datagrams: mpsc::Sender<Datagram>) {
    let mut buffer = vec![0; LARGEST];
    let mut errors = 0;
    while errors < MOST_ERRORS {
        // An error tells of another computer's refusal, on some systems.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            errors += 1;
            continue;
        };
        errors = 0;
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        if datagrams.send((index, from, bytes)).await.is_err() {
            return;
        }
    }
}

fn message_id() -> String {
    format!("urn:uuid:{}", Uuid::new_v4())
}

/// Where a computer is to be asked for its name.
#[derive(PartialEq, Eq)]
struct Ask {
    endpoint: String,
    at: SocketAddr,
    path: String,
}

type Told = (Ask, Result<DeviceMetadata, MetadataError>);

/// What follows from a datagram.
enum Step {
    Ask(Ask),
    Resolve(String),
}

/// Addresses of one computer that are kept. Whoever answers from more is none.
const MOST_ADDRESSES: usize = 8;

/// A computer that answered.
#[derive(Default)]
struct Device {
    addresses: Vec<IpAddr>,
    /// The numbers of the questions where its name is to be had, and whom they went to.
    resolves: Vec<(String, IpAddr)>,
    /// Where it was asked for its name.
    asked_at: Option<IpAddr>,
    /// Where it can be asked when that fails.
    others: Vec<Ask>,
    /// It was told of.
    is_told: bool,
}

struct Run<'a> {
    request: &'a WsDiscoveryRequest,
    probe: String,
    /// By endpoint. `None`: a printer or another device.
    devices: HashMap<String, Option<Device>>,
    summary: WsDiscoverySummary,
}

impl Run<'_> {
    fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Step> {
        let targets = &self.request.targets;
        let was_asked = targets.is_empty() || targets.iter().any(|t| t.ip() == from.ip());
        let Some(message) = was_asked.then(|| parse_message(bytes).ok()).flatten() else {
            self.summary.ignored += 1;
            return Vec::new();
        };
        let offers = message.offers.iter();
        offers.filter_map(|offer| self.offer(&message, offer, from)).collect()
    }

    fn offer(&mut self, message: &Message, offer: &Offer, at: SocketAddr) -> Option<Step> {
        let from = at.ip();
        let is_full = self.devices.len() >= MOST_DEVICES;
        let known = self.devices.get_mut(&offer.endpoint);
        let device = if message.relates_to == self.probe {
            match known {
                Some(Some(device)) => device,
                Some(None) => return None,
                None if is_full => {
                    self.summary.ignored += 1;
                    return None;
                }
                None if !offer.is_computer() => {
                    self.summary.other_devices += 1;
                    self.devices.insert(offer.endpoint.clone(), None);
                    return None;
                }
                None => {
                    self.summary.answered += 1;
                    let entry = self.devices.entry(offer.endpoint.clone());
                    entry.or_default().get_or_insert_default()
                }
            }
        } else {
            let device = known.and_then(Option::as_mut);
            let asked = (message.relates_to.clone(), from);
            let Some(device) = device.filter(|d| d.resolves.contains(&asked)) else {
                self.summary.ignored += 1;
                return None;
            };
            device
        };
        if !device.addresses.contains(&from) {
            if device.addresses.len() >= MOST_ADDRESSES {
                self.summary.ignored += 1;
                return None;
            }
            device.addresses.push(from);
        }
        if let Some((port, path)) = place_of(&offer.addresses, from, &self.request.metadata_ports) {
            let mut at = at;
            at.set_port(port);
            let endpoint = offer.endpoint.clone();
            let ask = Ask { endpoint, at, path };
            let Some(asked_at) = device.asked_at else {
                device.asked_at = Some(from);
                return Some(Step::Ask(ask));
            };
            if asked_at != from && !device.others.iter().any(|other| other.at.ip() == from) {
                device.others.push(ask);
            }
            return None;
        }
        let was_resolved = device.resolves.iter().any(|(_, at)| *at == from);
        (offer.addresses.is_empty() && !was_resolved).then(|| {
            let id = message_id();
            let question = encode_resolve(&id, &offer.endpoint);
            device.resolves.push((id, from));
            Step::Resolve(question)
        })
    }

    /// What to tell, or where to ask next.
    fn told(&mut self, ask: &Ask, told: Result<DeviceMetadata, MetadataError>) -> (Vec<Finding>, Option<Ask>) {
        let Some(Some(device)) = self.devices.get_mut(&ask.endpoint) else {
            return (Vec::new(), None);
        };
        if told.is_err()
            && let Some(other) = device.others.pop()
        {
            return (Vec::new(), Some(other));
        }
        device.is_told = true;
        let addresses = device.addresses.clone();
        let metadata = match told {
            Ok(metadata) => metadata,
            Err(error) => {
                let note = format!("{} is a computer, but does not tell its name: {error}", ask.at.ip());
                let computer = found(addresses, &DeviceMetadata::default());
                return (vec![Finding::Note(note), Finding::Computer(Box::new(computer))], None);
            }
        };
        self.summary.named += usize::from(!metadata.computer.is_empty());
        let done = self.devices.values().flatten().filter(|d| d.is_told).count();
        let computer = Finding::Computer(Box::new(found(addresses, &metadata)));
        (vec![computer, Finding::Progress { done, total: None }], None)
    }

    fn left_over(&self) -> Vec<Finding> {
        let devices = self.devices.values().flatten();
        let untold = devices.filter(|device| !device.is_told);
        let computer = |device: &Device| Box::new(found(device.addresses.clone(), &DeviceMetadata::default()));
        untold.map(|device| Finding::Computer(computer(device))).collect()
    }
}

fn found(addresses: Vec<IpAddr>, metadata: &DeviceMetadata) -> FoundComputer {
    let name = if metadata.computer.is_empty() {
        addresses.first().map(ToString::to_string).unwrap_or_default()
    } else {
        metadata.computer.clone()
    };
    let mut computer = FoundComputer::named(Source::WsDiscovery, name);
    computer.network = metadata.network.clone();
    computer.addresses = addresses;
    "WS-Discovery".clone_into(&mut computer.place);
    computer
}
