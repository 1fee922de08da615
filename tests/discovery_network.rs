//! NetBIOS and WS-Discovery against answerers written from the specifications, friendly and not. Against Samba and wsdd:
//! tests/network_discovery.sh.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that is left out says so"
)]

mod discovery_support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use discovery_support::run;
use makeeper::discovery::{
    NetBiosError, NetBiosRequest, Resolver, ScanRequest, WsDiscoveryRequest, addresses_of, encode_question, netbios,
    netbios_cannot_see, parse_answer, parse_message, parse_metadata, parse_names, scan, ws_discovery,
    ws_discovery_cannot_see,
};
use makeeper::model::NetworkKind;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

/// A node status answer as RFC 1002 4.2.18 draws it.
fn node_status(question: &[u8], names: &[(&str, u8, u16)], mac: [u8; 6]) -> Vec<u8> {
    let mut bytes = question[..2].to_vec();
    bytes.extend([0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    bytes.extend(&question[12..50]);
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(u16::try_from(1 + 18 * names.len() + 46).unwrap().to_be_bytes());
    bytes.push(u8::try_from(names.len()).unwrap());
    for (name, suffix, flags) in names {
        bytes.extend(format!("{name:15}").as_bytes());
        bytes.push(*suffix);
        bytes.extend(flags.to_be_bytes());
    }
    bytes.extend(mac);
    bytes.extend([0; 40]);
    bytes
}

/// Answers whatever comes to a UDP port with what `answer` makes of it, sent from there.
async fn answering(at: SocketAddr, answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind(at).await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for answer in answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    at
}

proptest! {
    #[test]
    fn node_status_answers_are_read_as_they_were_meant(
        id: u16,
        names in vec(("[A-Z][A-Z0-9-]{0,14}", any::<u8>(), any::<bool>()), 0..40),
        mac: [u8; 6],
        cut in 0_usize..600,
    ) {
        let flags = |group: bool| if group { 0x8400 } else { 0x0400 };
        let question = [&id.to_be_bytes()[..], &encode_question(0)[2..]].concat();
        prop_assert_eq!(&question, &encode_question(id));
        let drawn: Vec<_> = names.iter().map(|(text, suffix, group)| (text.as_str(), *suffix, flags(*group))).collect();
        let bytes = node_status(&question, &drawn, mac);
        let read = parse_answer(&bytes).unwrap();
        let back: Vec<_> = read.names.iter().map(|n| (n.text.clone(), n.suffix, n.is_group)).collect();
        prop_assert_eq!(read.id, id);
        prop_assert_eq!(back, names);
        prop_assert_eq!(read.mac, Some(mac).filter(|mac| *mac != [0; 6] && *mac != [0xFF; 6]));
        if let Some(short) = bytes.get(..cut) {
            prop_assert!(parse_answer(short).is_err());
        }
    }

    #[test]
    fn any_datagram_is_read_or_refused(bytes in vec(any::<u8>(), 0..700)) {
        let _ = (parse_answer(&bytes), parse_message(&bytes), parse_metadata(&bytes));
    }
}

fn v4(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 77, 40, last)
}

fn asking(addresses: &[u8], port: u16) -> NetBiosRequest {
    let mut request = NetBiosRequest::of(addresses.iter().map(|last| v4(*last)).collect());
    request.port = port;
    request.patience = Duration::from_millis(300);
    request
}

#[tokio::test]
async fn every_computer_that_answers_is_told_with_group_role_and_hardware_address() {
    let member = |question: &[u8]| {
        let names = [("PC-1", 0, 0x0400), ("CONTOSO", 0, 0x8400), ("PC-1", 0x20, 0x0400)];
        vec![node_status(question, &names, [0, 0x1A, 0x2B, 0x3C, 0x4D, 0x5E])]
    };
    let port = answering((v4(1), 0).into(), member).await.port();
    let controller = |question: &[u8]| {
        let names = [
            ("DC1", 0, 0x0400),
            ("CONTOSO", 0, 0x8400),
            ("CONTOSO", 0x1C, 0x8400),
            ("CONTOSO", 0x1B, 0x0400),
        ];
        vec![node_status(question, &names, [0; 6])]
    };
    answering((v4(2), port).into(), controller).await;
    let other_script = |question: &[u8]| {
        let mut answer = node_status(question, &[("PCX", 0, 0x0400), ("OFFICE", 0, 0x8400)], [0; 6]);
        answer[59] = 0x8E;
        vec![answer]
    };
    answering((v4(3), port).into(), other_script).await;
    let request = asking(&[1, 2, 3, 4], port);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!((summary.asked, summary.answered), (4, 3));
    assert_eq!(told.names(), ["127.77.40.3", "DC1", "PC-1"]);
    let member = told.computer("PC-1");
    assert_eq!(
        (member.network.kind, member.network.name.as_str()),
        (NetworkKind::None, "CONTOSO")
    );
    assert_eq!(member.mac_addresses, ["00-1A-2B-3C-4D-5E"]);
    assert_eq!(member.addresses, [IpAddr::V4(v4(1))]);
    let controller = told.computer("DC1");
    assert_eq!(
        (controller.network.kind, controller.network.name.as_str()),
        (NetworkKind::Domain, "CONTOSO")
    );
    assert!(controller.mac_addresses.is_empty() && controller.place.contains("domain controller"));
    assert_eq!(told.progress.last(), Some(&(4, Some(4))));
    assert!(netbios_cannot_see().contains("137"));
}

#[tokio::test]
async fn an_address_that_misses_the_first_question_is_asked_again() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let deaf_at_first = move |question: &[u8]| match count.fetch_add(1, SeqCst) {
        0 => vec![],
        _ => vec![node_status(question, &[("PC-1", 0, 0x0400)], [0; 6])],
    };
    let port = answering((v4(10), 0).into(), deaf_at_first).await.port();
    let request = asking(&[10], port);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    assert_eq!(
        (summary.unwrap().answered, told.names(), seen.load(SeqCst)),
        (1, vec!["PC-1"], 2)
    );
}

#[tokio::test]
async fn answers_that_are_cut_wrongly_numbered_or_from_elsewhere_are_left_out() {
    let names = [("PC-1", 0, 0x0400)];
    let unfriendly = move |question: &[u8]| {
        let answer = node_status(question, &names, [1; 6]);
        let mut wrong_number = answer.clone();
        wrong_number[0] ^= 0x55;
        vec![
            wrong_number,
            answer[..60].to_vec(),
            vec![],
            question.to_vec(),
            vec![0xFF; 2_000],
        ]
    };
    let port = answering((v4(20), 0).into(), unfriendly).await.port();
    // What is asked of .21 is answered from .22, which knows the number of the question.
    let asked = UdpSocket::bind((v4(21), port)).await.unwrap();
    let elsewhere = UdpSocket::bind((v4(22), port)).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 100];
        while let Ok((length, from)) = asked.recv_from(&mut buffer).await {
            let answer = node_status(&buffer[..length], &[("SPOOF", 0, 0x0400)], [1; 6]);
            let _ = elsewhere.send_to(&answer, from).await;
        }
    });
    let request = asking(&[20, 21], port);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!((summary.asked, summary.answered), (2, 0));
    assert!(summary.ignored >= 8, "{summary:?}");
    assert!(told.computers.is_empty());
}

#[tokio::test]
async fn a_flood_of_datagrams_ends_with_the_search() {
    let flood = |question: &[u8]| {
        let mut answer = node_status(question, &[("PC-1", 0, 0x0400)], [1; 6]);
        answer[1] ^= 1;
        vec![answer; 20_000]
    };
    let port = answering((v4(30), 0).into(), flood).await.port();
    let good = |question: &[u8]| vec![node_status(question, &[("GOOD", 0, 0x0400)], [1; 6]); 100];
    answering((v4(31), port).into(), good).await;
    let request = asking(&[30, 31], port);
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    assert_eq!((summary.unwrap().answered, told.names()), (1, vec!["GOOD"]));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn netbios_tells_addresses_to_which_nothing_can_be_sent() {
    let member = |question: &[u8]| vec![node_status(question, &[("PC-1", 0, 0x0400)], [0; 6])];
    let port = answering((v4(21), 0).into(), member).await.port();
    let cancel = CancellationToken::new();
    // The system lets nobody send there who has not asked for broadcasts.
    let mut request = asking(&[21], port);
    request.addresses.push(Ipv4Addr::BROADCAST);
    let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!((summary.asked, summary.answered, summary.unreachable), (2, 1, 1));
    assert!(
        told.notes.iter().any(|note| note.contains("to 1 address:")),
        "{:?}",
        told.notes
    );
    request.addresses.remove(0);
    let (ended, _) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    assert!(
        matches!(ended, Err(NetBiosError::NoNetwork { asked: 1, .. })),
        "{ended:?}"
    );
}

#[tokio::test]
async fn netbios_stops_at_once() {
    let mut request = NetBiosRequest::of((0..=255).map(|n| Ipv4Addr::new(127, 78, 40, n)).collect());
    request.rate = 10;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let began = Instant::now();
    tokio::spawn(async move {
        // The moment at which a person stops it: somewhere in the middle, which nothing announces.
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    });
    let (summary, _) = run(async |findings| netbios(&request, findings, &cancel).await).await;
    assert_eq!(summary.unwrap().answered, 0);
    assert!(began.elapsed() < Duration::from_secs(2));
    let (nobody, _) = run(async |findings| netbios(&NetBiosRequest::of(vec![]), findings, &cancel).await).await;
    assert!(matches!(nobody, Err(NetBiosError::NoAddresses)));
}

const ENVELOPE: &str = "<?xml version='1.0'?><s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' \
    xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' \
    xmlns:d='http://schemas.xmlsoap.org/ws/2005/04/discovery'>";

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map_or("", |(inside, _)| inside)
}

/// A `ProbeMatches` or `ResolveMatches` to a question.
fn matches(kind: &str, question: &[u8], endpoint: &str, types: &str, xaddrs: &str) -> Vec<u8> {
    let question = std::str::from_utf8(question).unwrap();
    let id = between(question, "<wsa:MessageID>", "</wsa:MessageID>");
    format!(
        "{ENVELOPE}<s:Header><a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body><d:{kind}es><d:{kind}>\
         <a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference><d:Types>{types}</d:Types>\
         <d:XAddrs>{xaddrs}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:{kind}></d:{kind}es></s:Body></s:Envelope>"
    )
    .into_bytes()
}

fn metadata(computer: &str) -> String {
    format!(
        "{ENVELOPE}<s:Body><wsx:Metadata xmlns:wsx='http://schemas.xmlsoap.org/ws/2004/09/mex' \
         xmlns:p='http://schemas.xmlsoap.org/ws/2006/02/devprof' \
         xmlns:pub='http://schemas.microsoft.com/windows/pub/2005/07'><wsx:MetadataSection><p:Relationship><p:Host>\
         <p:Types>pub:Computer</p:Types><p:ServiceId>urn:uuid:1</p:ServiceId><pub:Computer>{computer}</pub:Computer>\
         </p:Host></p:Relationship></wsx:MetadataSection></wsx:Metadata></s:Body></s:Envelope>"
    )
}

/// Answers every HTTP request with `answer`, and counts them.
async fn web(at: IpAddr, answer: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((at, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 16_384];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    (port, count)
}

fn http(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length:";
    format!("{head} {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn probing(targets: &[SocketAddr], ports: &[u16]) -> WsDiscoveryRequest {
    WsDiscoveryRequest {
        targets: targets.to_vec(),
        wait: Duration::from_millis(900),
        patience: Duration::from_millis(600),
        metadata_ports: ports.to_vec(),
        at_once: 4,
    }
}

fn local(last: u8) -> IpAddr {
    IpAddr::from([127, 77, 41, last])
}

const COMPUTER: &str = "wsdp:Device pub:Computer";

#[tokio::test]
async fn computers_that_answer_a_probe_are_asked_for_their_name_once() {
    let (port, count) = web(local(1), http(&metadata("PC-1/Workgroup:OFFICE"))).await;
    let at = answering((local(1), 0).into(), move |question| {
        let xaddrs = format!("http://127.77.41.99:{port}/x http://127.77.41.1:{port}/4af0");
        vec![matches("ProbeMatch", question, "urn:uuid:pc-1", COMPUTER, &xaddrs); 3]
    })
    .await;
    // As wsdd does it: without an address until it is resolved.
    let (joined, _) = web(local(2), http(&metadata("PC-2/Domain:CONTOSO"))).await;
    let resolving = answering((local(2), at.port()).into(), move |question| {
        let text = String::from_utf8_lossy(question);
        if text.contains("<wsd:Resolve>") && text.contains("urn:uuid:pc-2") {
            let xaddrs = format!("http://127.77.41.2:{joined}/2");
            return vec![matches("ResolveMatch", question, "urn:uuid:pc-2", COMPUTER, &xaddrs)];
        }
        vec![matches("ProbeMatch", question, "urn:uuid:pc-2", COMPUTER, "")]
    })
    .await;
    let printer = answering((local(3), at.port()).into(), |question| {
        vec![matches(
            "ProbeMatch",
            question,
            "urn:uuid:printer",
            "wsdp:Device wprt:PrintDeviceType",
            "",
        )]
    })
    .await;
    let request = probing(&[at, resolving, printer], &[port, joined]);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.answered, summary.named, summary.other_devices),
        (2, 2, 1),
        "{:?}",
        told.notes
    );
    assert_eq!(told.names(), ["PC-1", "PC-2"]);
    let network = |name| {
        let network = &told.computer(name).network;
        (network.kind, network.name.to_string())
    };
    assert_eq!(network("PC-1"), (NetworkKind::Workgroup, "OFFICE".to_owned()));
    assert_eq!(network("PC-2"), (NetworkKind::Domain, "CONTOSO".to_owned()));
    assert_eq!(told.computer("PC-1").addresses, [local(1)]);
    assert_eq!(count.load(SeqCst), 1, "once, although it answered six times");
    assert!(ws_discovery_cannot_see().contains("subnet"));
}

#[tokio::test]
async fn nobody_but_the_computer_that_answered_is_ever_asked() {
    let (victim_port, victim) = web(local(12), http(&metadata("VICTIM/Workgroup:X"))).await;
    let at = answering((local(10), 0).into(), move |question| {
        let xaddrs = format!("http://127.77.41.12:{victim_port}/ http://127.77.41.10:22/ https://127.77.41.10/");
        vec![matches("ProbeMatch", question, "urn:uuid:liar", COMPUTER, &xaddrs)]
    })
    .await;
    // It redirects to another computer.
    let elsewhere =
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.77.41.12:{victim_port}/\r\nContent-Length: 0\r\n\r\n");
    let (port, asked) = web(local(11), elsewhere.into_bytes()).await;
    let redirecting = answering((local(11), at.port()).into(), move |question| {
        let xaddrs = format!("http://127.77.41.11:{port}/");
        vec![matches(
            "ProbeMatch",
            question,
            "urn:uuid:redirecting",
            COMPUTER,
            &xaddrs,
        )]
    })
    .await;
    let request = probing(&[at, redirecting], &[port, victim_port]);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!((summary.answered, summary.named), (2, 0));
    assert_eq!(
        told.names(),
        ["127.77.41.10", "127.77.41.11"],
        "they are there all the same"
    );
    assert_eq!((asked.load(SeqCst), victim.load(SeqCst)), (1, 0));
    assert!(told.notes.join("\n").contains("HTTP 302"), "{:?}", told.notes);
}

#[tokio::test]
async fn a_computer_that_fails_at_one_address_is_asked_at_another() {
    let (port, first) = web(local(15), b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let listener = TcpListener::bind((local(16), port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut vec![0; 16_384]).await;
            let _ = stream.write_all(&http(&metadata("PC-5/Workgroup:OFFICE"))).await;
        }
    });
    let answer = |last: u8| {
        move |question: &[u8]| {
            let xaddrs = format!("http://127.77.41.{last}:{port}/");
            vec![matches("ProbeMatch", question, "urn:uuid:pc-5", COMPUTER, &xaddrs)]
        }
    };
    let at = answering((local(15), 0).into(), answer(15)).await;
    let other = answering((local(16), at.port()).into(), answer(16)).await;
    // Whichever is asked first: only one of the two tells a name.
    let request = probing(&[at, other], &[port]);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.answered, summary.named, told.names()),
        (1, 1, vec!["PC-5"]),
        "{:?}",
        told.notes
    );
    assert!(first.load(SeqCst) <= 1);
}

#[tokio::test]
async fn enormous_endless_silent_and_broken_answers_cost_one_computer_its_name() {
    let enormous = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{}",
        "<a>".repeat(300_000)
    );
    let deep = http(&"<a>".repeat(5_000));
    let entity = http("<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'>]><a>&b;</a>");
    let silent: Vec<u8> = Vec::new();
    let mut targets = Vec::new();
    let mut ports = Vec::new();
    for (n, answer) in [enormous.into_bytes(), deep, entity, silent].into_iter().enumerate() {
        let last = 20 + n as u8;
        let (port, _) = web(local(last), answer).await;
        let udp = targets.first().map_or(0, SocketAddr::port);
        let at = answering((local(last), udp).into(), move |question| {
            let xaddrs = format!("http://127.77.41.{last}:{port}/");
            vec![matches(
                "ProbeMatch",
                question,
                &format!("urn:uuid:{last}"),
                COMPUTER,
                &xaddrs,
            )]
        });
        targets.push(at.await);
        ports.push(port);
    }
    let request = probing(&targets, &ports);
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let summary = summary.unwrap();
    assert_eq!((summary.answered, summary.named, told.computers.len()), (4, 0, 4));
    let notes = told.notes.join("\n");
    for words in [
        "larger than",
        "nested too deeply",
        "document type",
        "127.77.41.23 is a computer, but",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
}

#[tokio::test]
async fn answers_to_no_question_of_ours_and_from_nobody_asked_are_ignored() {
    let (port, asked) = web(local(31), http(&metadata("X/Workgroup:Y"))).await;
    let at = answering((local(30), 0).into(), |question| {
        let other = String::from_utf8_lossy(question).replace("urn:uuid:", "urn:uuid:0");
        let never = matches("ResolveMatch", other.as_bytes(), "urn:uuid:30", COMPUTER, "");
        vec![
            matches("ProbeMatch", other.as_bytes(), "urn:uuid:30", COMPUTER, ""),
            never,
            question.to_vec(),
            b"<".to_vec(),
            vec![0xFF; 60_000],
            matches("ProbeMatch", question, "", COMPUTER, ""),
        ]
    })
    .await;
    // .32 is asked, and .31 answers with the right number.
    let asked_socket = UdpSocket::bind((local(32), at.port())).await.unwrap();
    let elsewhere = UdpSocket::bind((local(31), 0)).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4_096];
        while let Ok((length, from)) = asked_socket.recv_from(&mut buffer).await {
            let xaddrs = format!("http://127.77.41.31:{port}/");
            let answer = matches("ProbeMatch", &buffer[..length], "urn:uuid:31", COMPUTER, &xaddrs);
            let _ = elsewhere.send_to(&answer, from).await;
        }
    });
    let request = probing(&[at, (local(32), at.port()).into()], &[port]);
    let cancel = CancellationToken::new();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.answered, told.computers.len(), asked.load(SeqCst)),
        (0, 0, 0),
        "{:?}",
        told.names()
    );
    assert!(summary.ignored >= 6, "{summary:?}");
}

#[tokio::test]
async fn a_flood_of_invented_computers_is_bounded() {
    let at = answering((local(40), 0).into(), |question| {
        (0..3_000)
            .map(|n| {
                matches(
                    "ProbeMatch",
                    question,
                    &format!("urn:uuid:{n}"),
                    COMPUTER,
                    "http://127.77.41.40:9/",
                )
            })
            .collect()
    })
    .await;
    let request = probing(&[at], &[9]);
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    assert!(summary.unwrap().answered <= 4_096 && told.computers.len() <= 4_096);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn ws_discovery_stops_at_once() {
    let silent = UdpSocket::bind((local(50), 0)).await.unwrap();
    let mut request = probing(&[silent.local_addr().unwrap()], &[5357]);
    request.wait = Duration::from_mins(1);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        // The moment at which a person stops it: somewhere in the middle, which nothing announces.
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    });
    let began = Instant::now();
    let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
    assert!(summary.is_ok() && told.computers.is_empty());
    assert!(began.elapsed() < Duration::from_secs(2));
}

/// Whether this runs in the local network that tests/network_discovery.sh makes.
fn is_in_lan() -> bool {
    let there = std::env::var_os("MAKEEPER_LAN").is_some();
    if !there {
        eprintln!("SKIPPED: tests/network_discovery.sh makes the network for this test");
    }
    there
}

fn lan(last: u8) -> IpAddr {
    IpAddr::from([10, 98, 0, last])
}

/// Asks again until as many computers answer as there are: those of the rig start while this runs.
async fn until_all_answer(
    wanted: usize,
    mut ask: impl AsyncFnMut() -> discovery_support::Told,
) -> discovery_support::Told {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let told = ask().await;
        if told.computers.len() >= wanted || Instant::now() > until {
            return told;
        }
    }
}

#[tokio::test]
async fn lan_samba_answers_node_status_questions() {
    if !is_in_lan() {
        return;
    }
    let request = NetBiosRequest::of((1..255).map(|n| Ipv4Addr::new(10, 98, 0, n)).collect());
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let told = until_all_answer(4, async || {
        let (summary, told) = run(async |findings| netbios(&request, findings, &cancel).await).await;
        println!("{:?} after {:?}", summary.unwrap(), began.elapsed());
        told
    })
    .await;
    assert_eq!(told.names(), ["WKS01", "WKS02", "WKS03", "WKS04"]);
    for (name, group, last) in [("WKS01", "OFFICE", 11), ("WKS02", "OFFICE", 12), ("WKS04", "LABS", 14)] {
        let computer = told.computer(name);
        assert_eq!(
            (computer.network.name.as_str(), computer.network.kind),
            (group, NetworkKind::None)
        );
        assert_eq!(
            (computer.addresses.as_slice(), computer.mac_addresses.len()),
            ([lan(last)].as_slice(), 0)
        );
        assert!(computer.place.contains("file server"), "{}", computer.place);
    }
}

#[tokio::test]
async fn lan_wsdd_answers_probes_on_both_families_and_tells_its_name() {
    if !is_in_lan() {
        return;
    }
    let request = WsDiscoveryRequest::default();
    let cancel = CancellationToken::new();
    let told = until_all_answer(4, async || {
        let (summary, told) = run(async |findings| ws_discovery(&request, findings, &cancel).await).await;
        println!("{:?} {:?}", summary.unwrap(), told.notes);
        told
    })
    .await;
    // In a domain wsdd tells its name in small letters.
    assert_eq!(told.names(), ["WKS01", "WKS02", "WKS04", "wks03"]);
    for computer in &told.computers {
        println!("{} {:?} {:?}", computer.name, computer.addresses, computer.network);
    }
    let network = |name| {
        let network = &told.computer(name).network;
        (network.kind, network.name.to_string())
    };
    assert_eq!(network("WKS01"), (NetworkKind::Workgroup, "OFFICE".to_owned()));
    assert_eq!(network("wks03"), (NetworkKind::Domain, "CONTOSO".to_owned()));
    assert_eq!(network("WKS04"), (NetworkKind::Workgroup, "LABS".to_owned()));
    // Asked on both, wsdd answers once; the second computer's listens on IPv6 alone.
    assert!(told.computer("WKS02").addresses.iter().all(IpAddr::is_ipv6));
    assert!(told.computer("WKS01").addresses.iter().any(IpAddr::is_ipv4));
}

#[tokio::test]
async fn lan_scan_tells_file_servers_with_the_names_that_lead_back() {
    if !is_in_lan() {
        return;
    }
    let mut request = ScanRequest::of(addresses_of(&parse_names("10.98.0.0/24")));
    let dns = Resolver::with_servers(&[(lan(1), 53).into()], &["lan.test".to_owned()]);
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let (summary, told) = run(async |findings| scan(&request, &dns, findings, &cancel).await).await;
    println!("{:?} in {:?}: {:?}", summary.unwrap(), began.elapsed(), told.notes);
    assert_eq!(told.names(), ["10.98.0.14", "wks01.lan.test"]);
    assert_eq!(told.computer("wks01.lan.test").addresses, [lan(11)]);
    let notes = told.notes.join("\n");
    assert!(
        notes.contains("10.98.0.14") && notes.contains("leads to 10.98.0.12"),
        "{notes}"
    );
    assert!(notes.contains("refused every connection"), "{notes}");

    // Nobody answers DNS at .200: the names are given up after some, and said so once.
    request.tell_refusing = true;
    let dead = Resolver::with_servers(&[(lan(200), 53).into()], &[]);
    let (_, told) = run(async |findings| scan(&request, &dead, findings, &cancel).await).await;
    assert_eq!(
        told.names(),
        ["10.98.0.1", "10.98.0.11", "10.98.0.12", "10.98.0.13", "10.98.0.14"]
    );
    let about = |note: &&String| note.contains("stand without their names");
    assert_eq!(told.notes.iter().filter(about).count(), 1, "{:?}", told.notes);
}
