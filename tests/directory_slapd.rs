//! A hundred thousand computers in Debian's slapd: all are found, and memory stays flat while they come.
//!
//! `tests/directory.sh` runs it where slapd is installed; without `MAKEEPER_SLAPD` it says so and passes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/slapd.rs"]
mod slapd;

use std::time::Instant;

use makeeper::discovery::directory::ComputerQuery;
use makeeper::discovery::{FINDINGS_AHEAD, Finding};
use slapd::Slapd;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const ENTRIES: usize = 100_000;

/// Kilobytes this process has in memory.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_computers_are_found_page_by_page_in_flat_memory() {
    if std::env::var_os("MAKEEPER_SLAPD").is_none() {
        eprintln!("SKIPPED: no slapd here; tests/directory.sh has one");
        return;
    }
    let slapd = Slapd::start(ENTRIES);
    let directory = slapd.directory();
    // The first page warms up what is allocated once.
    let mut sizes = Vec::new();
    let (found, mut findings) = mpsc::channel(FINDINGS_AHEAD);
    let began = Instant::now();
    let searching = tokio::spawn(async move {
        let query = ComputerQuery::default();
        directory.search(&query, &found, &CancellationToken::new()).await
    });
    let mut first = None;
    let mut computers = 0;
    while let Some(finding) = findings.recv().await {
        if let Finding::Computer(computer) = finding {
            first.get_or_insert_with(|| began.elapsed());
            assert!(computer.name.ends_with(".bench.test") && computer.directory_id.is_some());
            computers += 1;
            if computers % 5_000 == 0 {
                sizes.push(resident_kib());
            }
        }
    }
    let summary = searching.await.unwrap().unwrap();
    assert_eq!((computers, summary.computers), (ENTRIES, ENTRIES));
    let (early, late) = (sizes[0], *sizes.iter().max().unwrap());
    eprintln!(
        "{computers} computers in {:?}, the first after {first:?}; {early} KiB in memory after 5,000 of them, {late} KiB at most",
        began.elapsed()
    );
    assert!(late < early + 4 * 1024, "{sizes:?}");
}
