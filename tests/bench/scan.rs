//! A /22 with 50 computers, probed at the default rate: how long that takes, and when the first is told.
//!
//! `cargo bench --no-default-features --bench scan`, as root: tests/rig/scan-net.sh makes two network namespaces, in one of
//! which 25 addresses accept connections, 25 refuse them and 972 swallow them. Where it may not, it says so.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for developers"
)]

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::discovery::{FINDINGS_AHEAD, Finding, Resolver, ScanRequest, addresses_of, parse_names, scan};
use tokio_util::sync::CancellationToken;

const RIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/scan-net.sh");
/// Live addresses, as the rig makes them; the first half of them accepts.
const LIVE: u32 = 50;
const LIMIT: Duration = Duration::from_secs(20);

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("hosts") => return hosts(),
        Some("scan") => return inside(),
        _ => {}
    }
    let Some(_rig) = Rig::up() else {
        println!("SKIPPED: network namespaces cannot be made here (it takes root and iproute2)");
        return;
    };
    let mut hosts = in_namespace("mkhosts", "hosts", Stdio::piped());
    // It says so when it listens.
    let mut line = String::new();
    BufReader::new(hosts.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ended = in_namespace("mkscan", "scan", Stdio::inherit()).wait().unwrap();
    hosts.kill().unwrap();
    hosts.wait().unwrap();
    assert!(ended.success(), "the scan failed");
}

struct Rig;

impl Rig {
    fn up() -> Option<Self> {
        let run = |what| Command::new(RIG).arg(what).stderr(Stdio::null()).status();
        let _ = run("down");
        // Taken down again even when only half of it came up.
        let rig = Self;
        run("up").is_ok_and(|status| status.success()).then_some(rig)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = Command::new(RIG).arg("down").status();
    }
}

fn in_namespace(namespace: &str, what: &str, stdout: Stdio) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(this).arg(what);
    command.stdin(Stdio::piped()).stdout(stdout).spawn().unwrap()
}

fn live(number: u32) -> IpAddr {
    let number = number * 20;
    IpAddr::from([10, 99, (number / 256) as u8, (number % 256) as u8])
}

/// The computers: they accept on a port each, until they are killed.
fn hosts() {
    let ports = [5985, 5986, 135, 445];
    let listen = |n: u32| TcpListener::bind((live(n), ports[n as usize % 4])).unwrap();
    let listeners: Vec<TcpListener> = (1..=LIVE / 2).map(listen).collect();
    println!("{} listen", listeners.len());
    loop {
        std::thread::park();
    }
}

fn inside() {
    let parsed = parse_names("10.99.0.0/22");
    let mut request = ScanRequest::of(addresses_of(&parsed));
    request.tell_refusing = true;
    println!("{} addresses at {} a second", request.addresses.len(), request.rate);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sender, mut findings) = tokio::sync::mpsc::channel(FINDINGS_AHEAD);
    let began = Instant::now();
    // No name server answers in here: a dead one must cost next to nothing.
    let resolver = Resolver::with_servers(&["10.99.0.1:53".parse().unwrap()], &[]);
    let cancel = CancellationToken::new();
    let scanning = runtime.spawn(async move { scan(&request, &resolver, &sender, &cancel).await });
    let (mut told, mut first) = (Vec::new(), None);
    while let Some(finding) = findings.blocking_recv() {
        if let Finding::Computer(computer) = finding {
            first.get_or_insert(began.elapsed());
            told.push(computer.addresses[0]);
        }
    }
    let summary = runtime.block_on(scanning).unwrap().unwrap();
    let took = began.elapsed();
    told.sort_unstable();
    assert_eq!(told, (1..=LIVE).map(live).collect::<Vec<_>>());
    assert_eq!(
        (summary.answered, summary.refusing),
        (LIVE as usize / 2, LIVE as usize / 2)
    );
    println!(
        "{} addresses, {} computers: {:.2} s (held to {} s); the first was told after {:.2} s",
        summary.probed,
        told.len(),
        took.as_secs_f64(),
        LIMIT.as_secs(),
        first.unwrap().as_secs_f64()
    );
    assert!(took < LIMIT, "too slow");
}
