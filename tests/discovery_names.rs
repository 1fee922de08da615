//! Computers found by name, by address and by range, against real sockets and a name server that somebody else wrote.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is left out says so"
)]

mod discovery_support;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use discovery_support::{Dnsmasq, run};
use makeeper::discovery::{
    NamesRequest, Resolver, ReverseName, ScanError, ScanRequest, ScanSummary, addresses_of, named_in, parse_list_file,
    parse_names, resolve_names, scan,
};
use makeeper::model::WayIn;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(5);

async fn listen(at: &str, port: u16) -> (TcpListener, u16) {
    let listener = TcpListener::bind((at, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A name server that never answers, and the socket that keeps its port.
async fn silent_server() -> (Resolver, UdpSocket) {
    let socket = UdpSocket::bind("127.77.30.250:0").await.unwrap();
    (Resolver::with_servers(&[socket.local_addr().unwrap()], &[]), socket)
}

fn request(range: &str, ports: &[u16]) -> ScanRequest {
    let mut request = ScanRequest::of(addresses_of(&parse_names(range)));
    request.ports = ports.to_vec();
    request
}

#[tokio::test]
async fn addresses_to_which_no_network_leads_are_no_silence() {
    let (_listener, port) = listen("127.77.36.1", 0).await;
    let cancel = CancellationToken::new();
    let (resolver, _silent) = silent_server().await;
    // No connection can be made to a group of computers, whatever the routes are.
    let some = request("127.77.36.1-2 224.0.0.1-2", &[port]);
    let (summary, told) = run(async |findings| scan(&some, &resolver, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!((summary.probed, summary.answered, summary.refusing), (4, 1, 1));
    assert_eq!((summary.unreachable, summary.silent()), (2, 0));
    assert!(
        told.notes.iter().any(|note| note.contains("to 2 addresses")),
        "{:?}",
        told.notes
    );
    let all = request("224.0.0.1-2", &[port]);
    let (ended, _) = run(async |findings| scan(&all, &resolver, findings, &cancel).await).await;
    assert_eq!(ended, Err(ScanError::NoNetwork(2)));
}

#[tokio::test]
async fn addresses_that_accept_are_told_and_those_that_refuse_are_counted() {
    let (first, port) = listen("127.77.31.1", 0).await;
    let others = [listen("127.77.31.2", port).await, listen("127.77.31.14", port).await];
    let request = request("127.77.31.0/28", &[port]);
    let cancel = CancellationToken::new();
    let (resolver, _silent) = silent_server().await;
    let (summary, told) = run(async |findings| scan(&request, &resolver, findings, &cancel).await).await;
    let wanted = ScanSummary {
        probed: 14,
        answered: 3,
        refusing: 11,
        unreachable: 0,
    };
    assert_eq!(summary.unwrap(), wanted);
    // Loopback addresses are nobody's name; names are looked up in tests/network_discovery.sh.
    assert_eq!(told.names(), ["127.77.31.1", "127.77.31.14", "127.77.31.2"]);
    let computer = told.computer("127.77.31.1");
    assert_eq!(computer.addresses, ["127.77.31.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(computer.connect.as_ref().and_then(|c| c.port), Some(port));
    assert_eq!(told.notes.len(), 1, "{:?}", told.notes);
    assert!(told.notes[0].contains("11 addresses refused every connection"));
    assert_eq!(told.progress.last(), Some(&(14, Some(14))));
    drop((first, others));
}

#[tokio::test]
async fn both_families_are_scanned_and_refusals_are_told_when_wanted() {
    let (first, port) = listen("127.77.32.1", 0).await;
    let six = TcpListener::bind(("::1", port)).await;
    let mut request = request("127.77.32.1-2 ::1/128", &[port]);
    request.tell_refusing = true;
    let (resolver, _silent) = silent_server().await;
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| scan(&request, &resolver, findings, &cancel).await).await;
    let expected = usize::from(six.is_ok());
    assert_eq!(summary.unwrap().answered, 1 + expected);
    assert!(
        told.computer("127.77.32.1").place.contains("accepts on port"),
        "{told:?}",
        told = told.computers
    );
    assert!(told.computer("127.77.32.2").place.contains("refuses port"));
    drop((first, six));
}

#[tokio::test]
async fn the_rate_is_kept_and_a_cancel_ends_it_at_once() {
    let (resolver, _silent) = silent_server().await;
    let mut request = request("127.78.0.0/20", &[1]);
    request.rate = 100;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let began = Instant::now();
    let (summary, told) = run(async |findings| {
        let scanning = scan(&request, &resolver, findings, &cancel);
        let stopping = async {
            // The moment at which a person stops it: somewhere in the middle, which nothing announces.
            tokio::time::sleep(Duration::from_millis(600)).await;
            stop.cancel();
            Instant::now()
        };
        let (summary, stopped) = tokio::join!(scanning, stopping);
        assert!(
            stopped.elapsed() < Duration::from_millis(300),
            "{:?}",
            stopped.elapsed()
        );
        summary
    })
    .await;
    let most = (began.elapsed().as_secs_f32() * 100.0) as usize + 10;
    let probed = summary.unwrap().probed;
    assert!((20..=most).contains(&probed), "{probed} of at most {most}");
    assert!(told.computers.is_empty() && told.notes.is_empty(), "{:?}", told.notes);
}

#[tokio::test]
async fn a_scan_ends_when_nobody_takes_what_it_finds() {
    let (resolver, _silent) = silent_server().await;
    let request = request("127.78.0.0/20", &[1]);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let cancel = CancellationToken::new();
    let scanning = scan(&request, &resolver, &sender, &cancel);
    tokio::time::timeout(PATIENCE, scanning).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_scan_of_nothing_is_refused() {
    let (sender, _receiver) = tokio::sync::mpsc::channel(1);
    let cancel = CancellationToken::new();
    let (resolver, _silent) = silent_server().await;
    for (range, ports, wanted) in [
        ("", vec![1], ScanError::NoAddresses),
        ("10.0.0.1-2", vec![], ScanError::NoPorts),
    ] {
        let request = request(range, &ports);
        assert_eq!(scan(&request, &resolver, &sender, &cancel).await, Err(wanted));
    }
}

#[tokio::test]
async fn named_computers_are_looked_up_both_ways() {
    let Some(dns) = Dnsmasq::start(
        "127.77.30.2",
        "local=/names.test/\nlocal=/2.0.192.in-addr.arpa/\n\
         host-record=pc-1.names.test,192.0.2.1\n\
         host-record=pc-2.names.test,192.0.2.2,2001:db8::2\n\
         ptr-record=7.2.0.192.in-addr.arpa,pc-1.names.test\n",
    )
    .await
    else {
        return;
    };
    let parsed = parse_list_file(
        "name,address,port,tls\npc-1,,,\npc-2.names.test,,8443,yes\nnobody.names.test,,,\n192.0.2.1,,,\n192.0.2.7,,,\n\
         LAB-1,192.0.2.9,25985,no\n",
    );
    assert_eq!(parsed.problems, []);
    let request = NamesRequest::of(named_in(&parsed));
    let cancel = CancellationToken::new();
    let resolver = dns.resolver(&["names.test"]);
    let (summary, told) = run(async |findings| resolve_names(&request, &resolver, findings, &cancel).await).await;
    assert_eq!((summary.resolved, summary.unresolved), (5, 1));
    let addresses = |name: &str| {
        told.computer(name)
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(addresses("pc-1"), ["192.0.2.1"]);
    assert_eq!(addresses("pc-1.names.test"), ["192.0.2.1"], "the address by its name");
    assert_eq!(addresses("pc-2.names.test").len(), 2);
    assert_eq!(addresses("nobody.names.test"), [""; 0]);
    assert_eq!(
        addresses("192.0.2.7"),
        ["192.0.2.7"],
        "its name leads to another address"
    );
    assert_eq!(addresses("LAB-1"), ["192.0.2.9"]);
    let connect = told.computer("LAB-1").connect.clone().unwrap();
    assert_eq!(
        (connect.address.as_deref(), connect.port, connect.way),
        (Some("192.0.2.9"), Some(25985), Some(WayIn::Http))
    );
    assert_eq!(
        told.computer("pc-2.names.test").connect.clone().unwrap().way,
        Some(WayIn::Https)
    );
    assert!(told.computer("nobody.names.test").place.contains("has no address"));
    let notes = told.notes.join("\n");
    assert!(
        notes.contains("nobody.names.test") && notes.contains("192.0.2.7 stands without a name"),
        "{notes}"
    );
    assert_eq!(told.progress.last(), Some(&(6, Some(6))));
}

#[tokio::test]
async fn names_of_addresses_are_trusted_only_when_they_lead_back() {
    let Some(dns) = Dnsmasq::start(
        "127.77.30.3",
        "local=/back.test/\nlocal=/2.0.192.in-addr.arpa/\nhost-record=pc-1.back.test,192.0.2.1\n\
         ptr-record=2.2.0.192.in-addr.arpa,pc-1.back.test\n\
         ptr-record=3.2.0.192.in-addr.arpa,\"not a name\"\n",
    )
    .await
    else {
        return;
    };
    let resolver = dns.resolver(&[]);
    let name = async |last: u8| resolver.name_of(IpAddr::from([192, 0, 2, last]), PATIENCE).await;
    assert_eq!(name(1).await, Ok(ReverseName::Confirmed("pc-1.back.test".to_owned())));
    let leads_to: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap()];
    let name_2 = "pc-1.back.test".to_owned();
    assert_eq!(name(2).await, Ok(ReverseName::Unconfirmed { name: name_2, leads_to }));
    assert_eq!(name(3).await, Ok(ReverseName::Unnamed));
    assert_eq!(name(4).await, Ok(ReverseName::Unnamed));
    let (silent, _socket) = silent_server().await;
    let asked = silent
        .name_of(IpAddr::from([192, 0, 2, 1]), Duration::from_millis(300))
        .await;
    assert!(asked.unwrap_err().to_string().contains("no name server answered"));
    // Everybody calls itself so.
    let loopback = silent.name_of("127.77.35.1".parse().unwrap(), PATIENCE).await;
    assert_eq!(loopback, Ok(ReverseName::Unnamed));
}
