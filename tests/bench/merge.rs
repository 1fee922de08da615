//! Merging two big lists, measured against loading them.
//!
//! `cargo bench --no-default-features --bench merge -- [products] [runs]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for developers"
)]

#[path = "measure.rs"]
mod measure;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use makeeper::cil;
use makeeper::cil::store::Store;
use makeeper::model::merge::MergePlan;
use makeeper::model::{
    ApplicationId, Computer, ComputerId, Confirmation, ConfirmationId, InstallationId, Inventory, KeyType,
    LicenseStatus, ListHeader, Network, NetworkKind, Product, ProductId, Step, check_digit,
};
use measure::best;
use uuid::Uuid;

fn digits(mut seed: u64, groups: usize, len: usize) -> String {
    let mut out = String::with_capacity(groups * len);
    for _ in 0..groups {
        let group: Vec<u8> = (1..len)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                b'0' + ((seed >> 33) % 10) as u8
            })
            .collect();
        out.push_str(std::str::from_utf8(&group).unwrap());
        out.push(char::from(b'0' + check_digit(&group)));
    }
    out
}

/// How the second list differs from the first.
struct Case {
    what: &'static str,
    /// Products in a hundred that are in both lists.
    shared: usize,
    /// The second list comes from somebody else, with identities of its own.
    strange: bool,
    /// Products in a hundred that were read a day later.
    newer: u64,
    /// Products in a hundred that were read at the same time and say something else, of confirmation IDs, too.
    conflicts: u64,
}

const CASES: [Case; 2] = [
    Case {
        what: "lists of two people: two thirds in common, every second row of the other read later",
        shared: 67,
        strange: true,
        newer: 50,
        conflicts: 0,
    },
    Case {
        what: "one list, carried on at two places: nearly all in common, most rows of the other read later",
        shared: 95,
        strange: false,
        newer: 90,
        conflicts: 5,
    },
];

/// `products` products from number `from` on, two to each computer, as the first list has them or the second one of a case.
fn estate(from: usize, products: usize, second: Option<&Case>) -> Inventory {
    let start: DateTime<Utc> = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
    let skus = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let (mut computers, mut rows) = (Vec::new(), Vec::with_capacity(products));
    for n in (from..from + products).step_by(2) {
        let mut computer = Computer::named(&format!("PC-{n:06}.corp.contoso.example"));
        if second.is_some_and(|case| case.strange) {
            computer.id = ComputerId(Uuid::from_u64_pair(7, n as u64));
        }
        computer.network = Network {
            kind: NetworkKind::Domain,
            name: "corp.contoso.example".into(),
        };
        computer.os_edition = "Windows 11 Enterprise".into();
        computer.mac_addresses =
            vec![format!("3C-52-82-{:02X}-{:02X}-{:02X}", n >> 16 & 255, n >> 8 & 255, n & 255).into()];
        for (i, sku) in skus.into_iter().enumerate() {
            let application = [ApplicationId::WINDOWS, ApplicationId::OFFICE][i];
            let mut row = Product::new(
                ProductId::derive(computer.id, application, Some(sku)),
                Some(computer.id),
                application,
            );
            let seed = (n + i) as u64;
            let (newer, conflict) = second.map_or((false, false), |case| {
                let hundredth = seed * 37 % 100;
                (hundredth < case.newer, hundredth >= 100 - case.conflicts)
            });
            let day = i64::from(newer);
            let read = Some(start + TimeDelta::days(day));
            row.sku = Some(sku);
            row.name = "Windows(R), Enterprise edition".into();
            row.description = "Windows(R) Operating System, VOLUME_MAK channel".into();
            row.key_type = KeyType::Mak;
            row.license_status = match (newer, conflict) {
                (true, _) => LicenseStatus::Licensed,
                (false, true) => LicenseStatus::Notification,
                (false, false) => LicenseStatus::InOobGrace,
            };
            (row.status_updated, row.last_updated) = (read, read);
            row.installation_id = InstallationId::parse(&digits(seed, 9, 7)).ok();
            if seed.is_multiple_of(4) {
                row.confirmation = Some(Box::new(Confirmation {
                    installation_id: row.installation_id.clone(),
                    confirmation_id: ConfirmationId::parse(&digits(seed + 1 + u64::from(conflict), 8, 6)).unwrap(),
                    acquired: read,
                }));
            }
            rows.push(row);
        }
        computers.push(computer);
    }
    Inventory::from_records(ListHeader::default(), computers, rows, [])
}

fn line(what: &str, time: Duration) {
    println!("{what:<44} {:>8.1} ms", time.as_secs_f64() * 1000.0);
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    // `cargo test --all-targets` runs this, too, to see that it works.
    let measuring = std::env::args().any(|a| a == "--bench");
    let products = numbers
        .first()
        .copied()
        .unwrap_or(if measuring { 100_000 } else { 2_000 });
    let runs = numbers.get(1).copied().unwrap_or(5);
    println!("two lists of {products} products, best of {runs}");
    for case in &CASES {
        measure(case, products, runs);
    }
}

fn measure(case: &Case, products: usize, runs: usize) {
    let first_other = products * (100 - case.shared) / 100 / 2 * 2;
    let lists = [estate(0, products, None), estate(first_other, products, Some(case))];
    let files = lists.map(|list| {
        let mut bytes = Vec::new();
        cil::write(&list, None, &mut bytes).unwrap();
        bytes
    });
    println!("{}", case.what);
    let load = best(runs, || files.each_ref().map(|f| cil::read(f).unwrap()));
    line("load both", load);
    let [ours, theirs] = files.each_ref().map(|f| cil::read(f).unwrap().inventory);
    let plan_time = best(runs, || MergePlan::of(&ours, &theirs));
    line("plan", plan_time);
    let plan = MergePlan::of(&ours, &theirs);
    let carry = best(runs, || plan.carry_out(&ours));
    line("carry out", carry);
    let carried = plan.carry_out(&ours);
    let undo = best(runs, || {
        let mut step = Step::new("merge");
        let mut list = ours.clone();
        for change in &carried.changes {
            step.apply(&mut list, change).unwrap();
        }
        step
    });
    line("apply as one step that can be undone", undo);
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let mut store = Store::create_from(&folder.path().join("list.cilx"), &ours).unwrap();
    let journal = best(1, || store.append(&carried.changes, true).unwrap());
    line("journal with fsync", journal);
    let counts = plan.counts();
    println!(
        "{} new, {} newer there, {} newer here, {} same, {} conflicts; {} changes; {} products after",
        counts.new,
        counts.newer_there,
        counts.newer_here,
        counts.same,
        counts.conflicts,
        carried.changes.len(),
        carried.inventory.product_count()
    );
    let merge = plan_time + carry + undo + journal;
    let ratio = merge.as_secs_f64() / load.as_secs_f64();
    let verdict = if ratio < 3.0 { "holds" } else { "MISSED" };
    println!("merge / load both: {ratio:.2} x (aim below 3 x: {verdict})");
}
