//! Knocking at a computer: which address its name has, and what its ports do with a connection. Nothing is sent.
//!
//! The outcome is evidence for what is wrong: a name without an address, a port that refuses, one that is silent on a
//! computer that answers elsewhere (a firewall), or silence everywhere (off).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;
/// When a port that would be preferred is silent, the others need not wait for its time-out. Windows' firewall is silent
/// where nothing listens.
const GRACE: Duration = Duration::from_millis(100);
/// Other ports are only asked when the wanted ones have been silent for so long: a computer in order sees none of it.
const OTHERS_AFTER: Duration = Duration::from_millis(500);
/// Ports that a Windows computer may answer on although those of the way in are closed: the endpoint mapper and file sharing.
const OTHERS: [u16; 2] = [135, 445];

/// Why a name leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The resolver says that there is none.
    #[error("the name {host} has no address ({detail})")]
    NoAddress {
        /// The name.
        host: String,
        /// What the resolver said.
        detail: String,
    },
    /// The resolver did not answer.
    #[error("no name server answered for {host} within {} s", .waited.as_secs_f32())]
    NoResolver {
        /// The name.
        host: String,
        /// The patience.
        waited: Duration,
    },
}

/// The addresses of a name or of an address literal, in the resolver's order.
pub async fn resolve(host: &str, patience: Duration) -> Result<Vec<IpAddr>, ResolveError> {
    let bare = host.trim().trim_matches(['[', ']']);
    let found = timeout(patience, tokio::net::lookup_host((bare, 0)))
        .await
        .map_err(|_| ResolveError::NoResolver {
            host: bare.to_owned(),
            waited: patience,
        })?;
    let no_address = |detail: String| ResolveError::NoAddress {
        host: bare.to_owned(),
        detail,
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map_err(|e| no_address(e.to_string()))? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    if addresses.is_empty() {
        return Err(no_address("an empty answer".to_owned()));
    }
    Ok(addresses)
}

/// What a port did with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It was accepted.
    Open,
    /// It was refused: a computer is there, and nothing listens.
    Refused,
    /// Nothing came back.
    Silent,
    /// The network says that it does not lead to the computer.
    NoHost,
    /// The network says that it does not lead there at all.
    NoRoute,
}

impl Door {
    /// What became of a connection.
    pub(super) fn of(outcome: &io::Result<TcpStream>) -> Self {
        match outcome.as_ref().map_err(io::Error::kind) {
            Ok(_) => Self::Open,
            Err(io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) => Self::Refused,
            Err(io::ErrorKind::HostUnreachable) => Self::NoHost,
            Err(io::ErrorKind::TimedOut) => Self::Silent,
            Err(_) => Self::NoRoute,
        }
    }
}

/// While this computer has no socket left, others are about to end; nothing tells when.
const BREATH: Duration = Duration::from_millis(50);
/// Too many open files of this program, of the system, and no room for sockets.
#[cfg(unix)]
const EXHAUSTED: [i32; 2] = [24, 23];
#[cfg(not(unix))]
const EXHAUSTED: [i32; 2] = [10_024, 10_055];

/// Connects, and waits for a socket if there is none: what this computer lacks says nothing of another. Never ends then;
/// whoever calls it has a patience.
pub(super) async fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(at).await {
            Err(error) if error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code)) => sleep(BREATH).await,
            outcome => return outcome,
        }
    }
}

/// What was seen of a computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The wanted ports that accepted, in the order of preference, and where.
    pub open: Vec<(u16, IpAddr)>,
    /// Wanted ports that refused.
    pub refused: Vec<u16>,
    /// Wanted ports of which nothing came back.
    pub silent: Vec<u16>,
    /// Another port that shows that the computer is on, by accepting or by refusing.
    pub other: Option<u16>,
    /// Every attempt ended with the network saying that it leads nowhere.
    pub no_route: bool,
}

/// Knocks at `wanted` ports of all addresses at once, and ends as soon as the first of them in the order of preference is
/// known to be open. `look_around`: other ports may tell whether the computer is on; not so behind a forwarded port.
pub async fn knock(addresses: &[IpAddr], wanted: &[u16], look_around: bool, patience: Duration) -> Sight {
    let began = Instant::now();
    let end = began + patience;
    let attempt = |address: IpAddr, port: u16| async move {
        let outcome = connect(SocketAddr::new(address, port)).await;
        (address, port, Door::of(&outcome))
    };
    let addresses: Vec<IpAddr> = addresses.iter().copied().take(MOST_ADDRESSES).collect();
    let mut running = FuturesUnordered::new();
    for port in wanted {
        running.extend(addresses.iter().map(|address| attempt(*address, *port)));
    }
    let mut ended: Vec<(IpAddr, u16, Door)> = Vec::new();
    let mut decide_at = end;
    let mut others_at = look_around.then_some(began + OTHERS_AFTER);
    loop {
        tokio::select! {
            Some(outcome) = running.next() => {
                if outcome.2 == Door::Open && wanted.contains(&outcome.1) {
                    decide_at = decide_at.min(Instant::now() + GRACE.max(began.elapsed()));
                }
                ended.push(outcome);
            }
            () = sleep_until(decide_at) => break,
            () = sleep_until(others_at.unwrap_or(end)), if others_at.is_some() => {
                others_at = None;
                for port in OTHERS.iter().filter(|port| !wanted.contains(port)) {
                    running.extend(addresses.iter().map(|address| attempt(*address, *port)));
                }
            }
            else => break,
        }
        if is_decided(&ended, wanted, addresses.len()) {
            break;
        }
    }
    sight(&ended, wanted)
}

/// Waiting longer could change nothing: a port is open and all that are preferred to it have ended, or none is open and all
/// wanted ones have ended.
fn is_decided(ended: &[(IpAddr, u16, Door)], wanted: &[u16], addresses: usize) -> bool {
    for port in wanted {
        let of_port: Vec<Door> = ended.iter().filter(|(_, p, _)| p == port).map(|(.., d)| *d).collect();
        if of_port.contains(&Door::Open) {
            return true;
        }
        if of_port.len() < addresses {
            return false;
        }
    }
    true
}

fn sight(ended: &[(IpAddr, u16, Door)], wanted: &[u16]) -> Sight {
    let first = |port: &u16, wanted: Door| ended.iter().find(|(_, p, d)| p == port && *d == wanted);
    let shows_life =
        |(_, port, door): &&(IpAddr, u16, Door)| matches!(door, Door::Open | Door::Refused) && !wanted.contains(port);
    Sight {
        open: wanted
            .iter()
            .filter_map(|p| first(p, Door::Open).map(|(at, ..)| (*p, *at)))
            .collect(),
        refused: wanted
            .iter()
            .copied()
            .filter(|p| first(p, Door::Refused).is_some())
            .collect(),
        silent: wanted
            .iter()
            .copied()
            .filter(|p| first(p, Door::Open).is_none() && first(p, Door::Refused).is_none())
            .collect(),
        other: ended.iter().find(shows_life).map(|(_, port, _)| *port),
        no_route: !ended.is_empty() && ended.iter().all(|(.., d)| *d == Door::NoRoute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn a_name_without_an_address_is_told() {
        let error = resolve("lab-pc-014.invalid", Duration::from_secs(20))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("lab-pc-014.invalid"), "{error}");
        for literal in ["127.77.9.7", "[::1]", "::1"] {
            assert_eq!(resolve(literal, PATIENCE).await.unwrap().len(), 1, "{literal}");
        }
    }

    #[tokio::test]
    async fn the_preferred_open_port_is_first_and_refusals_are_seen() {
        let at: IpAddr = "127.77.9.11".parse().unwrap();
        let listen = || async { tokio::net::TcpListener::bind((at, 0)).await.unwrap() };
        let (a, b, gone) = (listen().await, listen().await, listen().await);
        let port = |l: &tokio::net::TcpListener| l.local_addr().unwrap().port();
        let (a_port, b_port, closed) = (port(&a), port(&b), port(&gone));
        drop(gone);
        let seen = knock(&[at], &[closed, b_port, a_port], false, PATIENCE).await;
        assert_eq!(seen.open.first(), Some(&(b_port, at)));
        assert_eq!(seen.refused, [closed]);
        let seen = knock(&[at], &[closed], false, PATIENCE).await;
        assert_eq!((seen.open.len(), seen.refused.len(), seen.other), (0, 1, None));
    }
}
