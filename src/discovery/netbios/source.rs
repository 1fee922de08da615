//! Asking every address for its NetBIOS names over one socket.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::codec::{NodeStatus, answered_id, encode_question, parse_answer};
use super::{NetBiosError, NetBiosRequest, NetBiosSummary};
use crate::discovery::found::{Finding, Findings, FoundComputer, Source};
use crate::discovery::pace::{Pace, is_unwanted, tell};
use crate::discovery::scan::leads_nowhere;
use crate::model::{Network, NetworkKind};

/// The largest answer has 255 names.
const LARGEST: usize = 8 * 1024;
/// Errors of the socket in a row after which it is taken for broken. Windows reports on it that other computers refused.
const MOST_ERRORS: u32 = 1_000;

/// Asks every address for its node status and tells each computer that answers.
pub async fn netbios(
    request: &NetBiosRequest,
    findings: &Findings,
    cancel: &CancellationToken,
) -> Result<NetBiosSummary, NetBiosError> {
    if request.addresses.is_empty() {
        return Err(NetBiosError::NoAddresses);
    }
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
    let socket = socket.map_err(NetBiosError::Socket)?;
    let mut run = Run::new(request);
    let mut pace = Pace::per_second(request.rate);
    let mut buffer = vec![0; LARGEST];
    let mut errors = 0;
    let unwanted = is_unwanted(findings, cancel);
    tokio::pin!(unwanted);
    while !run.is_over() {
        let due = run.due.front().map(|(at, _)| *at);
        tokio::select! {
            () = &mut unwanted => break,
            () = pace.turn(), if run.has_waiting() => {
                if let Some(address) = run.next() {
                    pace.taken();
                    run.ask(&socket, address).await;
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => run.give_up(),
            received = socket.recv_from(&mut buffer) => {
                match received {
                    Ok((length, from)) => {
                        errors = 0;
                        let bytes = buffer.get(..length).unwrap_or_default();
                        if let Some((address, status)) = run.answer(from, bytes) {
                            let computer = found(address, &status);
                            tell(findings, cancel, Finding::Computer(Box::new(computer))).await;
                        }
                    }
                    Err(error) if errors >= MOST_ERRORS => return Err(NetBiosError::Socket(error)),
                    Err(_) => errors += 1,
                }
            }
        }
        if let Some(done) = run.progress() {
            let total = Some(request.addresses.len());
            tell(findings, cancel, Finding::Progress { done, total }).await;
        }
    }
    let unreachable = run.summary.unreachable;
    if unreachable > 0 {
        match run.last_error {
            Some(source) if unreachable == request.addresses.len() => {
                return Err(NetBiosError::NoNetwork {
                    asked: unreachable,
                    source,
                });
            }
            _ => {
                tell(findings, cancel, Finding::Note(leads_nowhere(unreachable))).await;
            }
        }
    }
    Ok(run.summary)
}

/// A question that was sent.
struct Asked {
    id: u16,
    times: u32,
}

struct Run<'a> {
    request: &'a NetBiosRequest,
    /// Addresses whose turn is to come.
    waiting: VecDeque<Ipv4Addr>,
    /// Addresses that are asked again after those, unless they answer before.
    again: VecDeque<Ipv4Addr>,
    /// Addresses that were asked and have not answered.
    asked: HashMap<Ipv4Addr, Asked>,
    /// When each question has had its time. In order, because all have the same.
    due: VecDeque<(Instant, Ipv4Addr)>,
    summary: NetBiosSummary,
    told: usize,
    /// Why a question could not be sent, the last time.
    last_error: Option<io::Error>,
}

impl<'a> Run<'a> {
    fn new(request: &'a NetBiosRequest) -> Self {
        Self {
            request,
            waiting: request.addresses.iter().copied().collect(),
            again: VecDeque::new(),
            asked: HashMap::new(),
            due: VecDeque::new(),
            summary: NetBiosSummary::default(),
            told: 0,
            last_error: None,
        }
    }

    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_empty()
    }

    fn has_waiting(&self) -> bool {
        !(self.waiting.is_empty() && self.again.is_empty())
    }

    /// The next address to ask.
    fn next(&mut self) -> Option<Ipv4Addr> {
        if let Some(address) = self.waiting.pop_front() {
            return Some(address);
        }
        while let Some(address) = self.again.pop_front() {
            if self.asked.contains_key(&address) {
                return Some(address);
            }
        }
        None
    }

    /// How many addresses are done, when that has changed.
    fn progress(&mut self) -> Option<usize> {
        let done = self.summary.asked;
        (done != std::mem::replace(&mut self.told, done)).then_some(done)
    }

    async fn ask(&mut self, socket: &UdpSocket, address: Ipv4Addr) {
        let asked = self.asked.entry(address).or_insert_with(|| Asked {
            // Whoever does not see the question cannot answer it.
            id: rand::random(),
            times: 0,
        });
        asked.times += 1;
        let question = encode_question(asked.id);
        match socket.send_to(&question, (address, self.request.port)).await {
            Ok(_) => self.due.push_back((Instant::now() + self.request.patience, address)),
            Err(error) if is_elsewhere(&error) => {
                self.due.push_back((Instant::now() + self.request.patience, address));
            }
            // The network does not lead there.
            Err(error) => {
                self.asked.remove(&address);
                self.summary.asked += 1;
                self.summary.unreachable += 1;
                self.last_error = Some(error);
            }
        }
    }

    /// Takes the questions off that have had their time.
    fn give_up(&mut self) {
        let now = Instant::now();
        while let Some((at, address)) = self.due.front().copied() {
            if at > now {
                return;
            }
            self.due.pop_front();
            match self.asked.get(&address) {
                Some(asked) if asked.times < self.request.attempts => self.again.push_back(address),
                Some(_) => {
                    self.asked.remove(&address);
                    self.summary.asked += 1;
                }
                None => {}
            }
        }
    }

    /// The computer that a datagram tells of, if it is the answer to a question that waits for one.
    fn answer(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<(Ipv4Addr, NodeStatus)> {
        let address = match from.ip() {
            IpAddr::V4(address) if from.port() == self.request.port => Some(address),
            _ => None,
        };
        let asked = address.and_then(|a| self.asked.get(&a));
        let is_ours = asked.is_some_and(|asked| answered_id(bytes) == Some(asked.id));
        let read = is_ours.then(|| parse_answer(bytes).ok()).flatten();
        let (Some(address), Some(status)) = (address, read) else {
            self.summary.ignored += 1;
            return None;
        };
        self.asked.remove(&address);
        self.summary.asked += 1;
        self.summary.answered += 1;
        Some((address, status))
    }
}

/// The error is about a question sent before, to another address.
fn is_elsewhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

fn found(address: Ipv4Addr, status: &NodeStatus) -> FoundComputer {
    let readable = status
        .computer()
        .filter(|name| !name.contains(char::REPLACEMENT_CHARACTER));
    let name = readable.map_or_else(|| address.to_string(), str::to_owned);
    let mut computer = FoundComputer::named(Source::NetBios, name);
    computer.addresses.push(IpAddr::V4(address));
    let (kind, group) = match (status.domain(), status.group()) {
        (Some(domain), _) => (NetworkKind::Domain, domain),
        // A member does not tell whether its group is a workgroup or a domain.
        (None, group) => (NetworkKind::None, group.unwrap_or_default()),
    };
    computer.network = Network {
        kind,
        name: group.into(),
    };
    let mac = status.mac.map(|mac| mac.map(|b| format!("{b:02X}")).join("-"));
    computer.mac_addresses.extend(mac);
    let roles = [
        (status.domain().is_some(), "domain controller"),
        (status.is_master_browser(), "master browser"),
        (status.is_file_server(), "file server"),
    ];
    let roles: Vec<&str> = roles.into_iter().filter_map(|(is, role)| is.then_some(role)).collect();
    computer.place = if roles.is_empty() {
        "NetBIOS".to_owned()
    } else {
        format!("NetBIOS: {}", roles.join(", "))
    };
    computer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_before_being_asked_again_is_not() {
        let address = |last| Ipv4Addr::new(127, 77, 40, last);
        let request = NetBiosRequest::of(vec![address(1), address(2)]);
        let mut run = Run::new(&request);
        while let Some(next) = run.next() {
            run.asked.insert(next, Asked { id: 7, times: 1 });
            run.again.push_back(next);
            if run.asked.len() == 2 {
                break;
            }
        }
        run.asked.remove(&address(1));
        assert_eq!(run.next(), Some(address(2)));
        assert_eq!((run.next(), run.has_waiting(), run.is_over()), (None, false, false));
        run.asked.clear();
        assert!(run.is_over());
    }
}
