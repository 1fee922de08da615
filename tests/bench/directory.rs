//! A hundred thousand computers from Debian's slapd over LDAPS: against `ldapsearch` that fetches the same attributes of the
//! same entries in pages of the same size, from the same server, in turns.
//!
//! `cargo bench --bench directory -- [entries]`; without slapd and ldap-utils it says so. The server runs beside both, so on a
//! machine with few processors what is measured is mostly the server.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for developers"
)]

#[path = "../rig/slapd.rs"]
mod slapd;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::discovery::directory::ComputerQuery;
use makeeper::discovery::{FINDINGS_AHEAD, Finding};
use slapd::{ACCOUNT, BASE, PASSWORD, Slapd};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 5;
/// What our query comes to on the wire.
const FILTER: &str = "(&(objectCategory=computer)(objectClass=computer)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(operatingSystem=Windows*))";
const ATTRIBUTES: [&str; 7] = [
    "name",
    "dNSHostName",
    "operatingSystem",
    "operatingSystemVersion",
    "lastLogonTimestamp",
    "userAccountControl",
    "objectGUID",
];

fn main() {
    let argument = std::env::args().skip(1).find(|a| a != "--bench");
    let entries: usize = argument.and_then(|a| a.parse().ok()).unwrap_or(100_000);
    if !Path::new("/usr/sbin/slapd").exists() || !Path::new("/usr/bin/ldapsearch").exists() {
        println!("SKIPPED: slapd and ldap-utils are not installed");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let slapd = Slapd::start(entries);
    // The server reads its database.
    assert_eq!(ldapsearch_count(&slapd), entries);
    let before = memory("VmRSS");
    ours(&runtime, &slapd, entries);
    let peak = memory("VmHWM");
    let (mut best_ours, mut first, mut best_theirs) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        best_theirs = best_theirs.min(ldapsearch(&slapd));
        let (took, until_first) = ours(&runtime, &slapd, entries);
        best_ours = best_ours.min(took);
        first = first.min(until_first);
    }
    println!(
        "{entries} computers: {:.2} s, ldapsearch {:.2} s: ratio {:.2} (held to 1.5); the first after {} ms",
        best_ours.as_secs_f64(),
        best_theirs.as_secs_f64(),
        best_ours.as_secs_f64() / best_theirs.as_secs_f64(),
        first.as_millis()
    );
    println!("memory at its peak while paging: {peak:.1} MB, before the search {before:.1} MB");
}

/// Finds them all, and how long that took: to the end, and to the first.
fn ours(runtime: &tokio::runtime::Runtime, slapd: &Slapd, entries: usize) -> (Duration, Duration) {
    let directory = slapd.directory();
    let began = Instant::now();
    runtime.block_on(async {
        let (found, mut findings) = mpsc::channel(FINDINGS_AHEAD);
        let searching = tokio::spawn(async move {
            let query = ComputerQuery::default();
            directory.search(&query, &found, &CancellationToken::new()).await
        });
        let (mut first, mut computers) = (None, 0);
        while let Some(finding) = findings.recv().await {
            if matches!(finding, Finding::Computer(_)) {
                first.get_or_insert_with(|| began.elapsed());
                computers += 1;
            }
        }
        searching.await.unwrap().unwrap();
        assert_eq!(computers, entries);
        (began.elapsed(), first.unwrap())
    })
}

/// Fetches them all and writes them nowhere.
fn ldapsearch(slapd: &Slapd) -> Duration {
    let began = Instant::now();
    assert!(
        ldapsearch_command(slapd)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    began.elapsed()
}

/// How many entries it fetches.
fn ldapsearch_count(slapd: &Slapd) -> usize {
    let mut child = ldapsearch_command(slapd).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let count = lines.filter(|line| line.as_ref().unwrap().starts_with("dn:")).count();
    assert!(child.wait().unwrap().success());
    count
}

fn ldapsearch_command(slapd: &Slapd) -> Command {
    let mut command = Command::new("/usr/bin/ldapsearch");
    command
        .env("LDAPTLS_CACERT", slapd.authority())
        .args([
            "-x",
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-E",
            "pr=1000/noprompt",
            "-D",
            ACCOUNT,
            "-w",
            PASSWORD,
        ])
        .args(["-H", &format!("ldaps://localhost:{}", slapd.port), "-b", BASE, FILTER])
        .args(ATTRIBUTES);
    command
}

/// A line of what the system says of this process, in megabytes.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
