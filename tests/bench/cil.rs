//! Loading and saving a big list, measured against what the same bytes cost anyway, and the memory it stays in.
//!
//! `cargo bench --no-default-features --bench cil -- [products] [runs]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for developers")]

#[path = "measure.rs"]
mod measure;

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use makeeper::cil;
use makeeper::model::{
    Action, ApplicationId, Change, Computer, Confirmation, ConfirmationId, Contact, ExtendedPid, Failure, FailureClass,
    GenuineStatus, HResult, InstallationId, Inventory, KeyType, LastFive, LicenseStatus, ListHeader, Network,
    NetworkKind, Product, ProductId, ServiceFamily, Text, check_digit,
};
use measure::best;
use uuid::Uuid;

/// A small generator of numbers; the same list every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    fn guid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }

    /// Groups of digits with fitting check digits.
    fn groups(&mut self, groups: usize, len: usize) -> String {
        let mut digits = String::with_capacity(groups * len);
        for _ in 0..groups {
            let group: Vec<u8> = (1..len).map(|_| b'0' + self.below(10) as u8).collect();
            digits.push_str(std::str::from_utf8(&group).unwrap());
            digits.push(char::from(b'0' + check_digit(&group)));
        }
        digits
    }
}

const EDITIONS: [(&str, &str, &str, &str); 4] = [
    (
        "Windows 11 Enterprise",
        "Windows(R), Enterprise edition",
        "Enterprise",
        "10.0.26100",
    ),
    (
        "Windows 10 Enterprise LTSC",
        "Windows(R), EnterpriseS edition",
        "EnterpriseS",
        "10.0.19044",
    ),
    (
        "Windows Server 2022 Standard",
        "Windows(R), ServerStandard edition",
        "ServerStandard",
        "10.0.20348",
    ),
    (
        "Windows 7 Professional",
        "Windows 7, Professional edition",
        "Professional",
        "6.1.7601",
    ),
];

/// An estate: two and a half products on each computer, a quarter of them with confirmation IDs.
#[expect(clippy::too_many_lines, reason = "one line for each field")]
fn estate(products: usize) -> Inventory {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let start: DateTime<Utc> = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
    let skus: Vec<Uuid> = (0..40).map(|_| numbers.guid()).collect();
    let texts = EDITIONS.map(|(edition, name, family, version)| {
        [
            Text::from(edition),
            name.into(),
            family.into(),
            version.into(),
            format!("{name}, VOLUME_MAK channel").into(),
        ]
    });
    let domains: Vec<Text> = (0..12)
        .map(|i| format!("site{i}.corp.contoso.example").into())
        .collect();
    let (service, kms): (Text, Text) = ("10.0.19041.4717".into(), "kms.corp.contoso.example".into());
    let (applied, updated): (Text, Text) = ("Confirmation ID applied".into(), "License status updated".into());
    let (mut computers, mut rows) = (Vec::new(), Vec::with_capacity(products));
    while rows.len() < products {
        let n = computers.len();
        let text = &texts[numbers.below(texts.len())];
        let domain = domains[numbers.below(domains.len())].clone();
        let mut computer = Computer::named(&format!("PC-{n:06}.{domain}"));
        computer.network = Network {
            kind: NetworkKind::Domain,
            name: domain,
        };
        (computer.os_edition, computer.os_version) = (text[0].clone(), text[3].clone());
        computer.is_kms_host = Some(false);
        let mac = numbers.next();
        computer.mac_addresses = vec![
            format!(
                "00-15-5D-{:02X}-{:02X}-{:02X}",
                mac & 255,
                mac >> 8 & 255,
                mac >> 16 & 255
            )
            .into(),
        ];
        let seen = start + TimeDelta::seconds(numbers.below(10_000_000).cast_signed() as i64);
        computer.contact = Some(Contact {
            at: seen,
            failure: None,
            way: None,
        });
        let cmid: Text = numbers.guid().to_string().into();
        for of_computer in 0..2 + n % 2 {
            let windows = of_computer == 0;
            let application = if windows {
                ApplicationId::WINDOWS
            } else {
                ApplicationId::OFFICE
            };
            let sku = skus[(n + of_computer * 13) % skus.len()];
            let mut row = Product::new(ProductId(numbers.guid()), Some(computer.id), application);
            row.sku = Some(sku);
            row.name = text[1].clone();
            row.description = text[4].clone();
            row.license_family = text[2].clone();
            row.version = service.clone();
            row.service = ServiceFamily::SPP;
            row.key_type = numbers.of(&[KeyType::Mak, KeyType::Gvlk]);
            row.partial_product_key = LastFive::parse("2YT43").ok();
            let pid = format!(
                "55041-03290-{:03}-{:06}-03-1033-19041.0000-0012026",
                n % 1000,
                numbers.below(1_000_000)
            );
            row.product_key_id = ExtendedPid::parse(&pid).ok();
            row.license_status = numbers.of(&[
                LicenseStatus::Licensed,
                LicenseStatus::Licensed,
                LicenseStatus::InOobGrace,
            ]);
            row.license_status_reason = Some(HResult(0x4004_F00C));
            (row.status_updated, row.last_updated) = (Some(seen), Some(seen));
            row.genuine_status = GenuineStatus::Genuine;
            row.installation_id = InstallationId::parse(&numbers.groups(9, 7)).ok();
            row.cmid = cmid.clone();
            if row.key_type == KeyType::Gvlk {
                row.volume.kms_host = kms.clone();
                row.volume.kms_port = Some(1688);
                row.grace_expires = Some(seen + TimeDelta::days(180));
                row.last_action = Some(Action {
                    at: Some(seen),
                    what: updated.clone(),
                    failure: None,
                });
            } else if numbers.below(2) == 0 {
                row.confirmation = Some(Box::new(Confirmation {
                    installation_id: row.installation_id.clone(),
                    confirmation_id: ConfirmationId::parse(&numbers.groups(8, 6)).unwrap(),
                    acquired: Some(seen),
                }));
                row.last_action = Some(Action {
                    at: Some(seen),
                    what: applied.clone(),
                    failure: None,
                });
            }
            rows.push(row);
        }
        computers.push(computer);
    }
    Inventory::from_records(ListHeader::default(), computers, rows, [])
}

/// The best of several runs of two things in turn, so that what disturbs one disturbs the other.
fn best_of_two<A, B>(runs: usize, mut a: impl FnMut() -> A, mut b: impl FnMut() -> B) -> (Duration, Duration) {
    let mut times = (Duration::MAX, Duration::MAX);
    for _ in 0..runs {
        times.0 = times.0.min(best(1, &mut a));
        times.1 = times.1.min(best(1, &mut b));
    }
    times
}

/// What reading XML costs before anything is done with it.
fn scan(bytes: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(bytes);
    let mut events = 0;
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {
        events += 1;
    }
    events
}

fn write_and_sync(path: &Path, write: impl FnOnce(&mut fs::File)) {
    let _ = fs::remove_file(path);
    let mut file = fs::File::create(path).unwrap();
    write(&mut file);
    file.sync_all().unwrap();
}

fn line(what: &str, time: Duration, bytes: usize) {
    let mib = bytes as f64 / f64::from(1 << 20);
    println!(
        "{what:<34} {:>8.1} ms {:>8.0} MiB/s",
        time.as_secs_f64() * 1000.0,
        mib / time.as_secs_f64()
    );
}

fn verdict(holds: bool) -> &'static str {
    match holds {
        _ if cfg!(debug_assertions) => "not optimised",
        true => "holds",
        false => "MISSED",
    }
}

fn ratio(what: &str, ours: Duration, bare: Duration, aim: f64) {
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("{what:<34} {ratio:>8.2} x  (aim {aim:.1} x: {})", verdict(ratio <= aim));
}

/// Begins the child that loads a list and tells how much memory it stays in.
const RESIDENT: &str = "--resident-after-loading";
/// Bytes of resident memory that a product may cost, everything included.
const MOST_RESIDENT: f64 = 700.0;

/// A line of `/proc/self/status` in bytes.
fn status(name: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

/// The child: a process that has done nothing else.
fn load_and_tell(path: &Path) {
    let Some(before) = status("VmRSS") else { return };
    let opened = cil::store::Store::read_only(path).unwrap();
    let after = status("VmRSS").unwrap_or_default();
    let peak = status("VmHWM").unwrap_or_default();
    println!("{} {}", after - before, peak - before);
    drop(black_box(opened));
}

fn resident(path: &Path, products: usize) {
    let child = Command::new(std::env::current_exe().unwrap())
        .arg(RESIDENT)
        .arg(path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let told = String::from_utf8(child.stdout).unwrap();
    let told: Vec<f64> = told.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [resident, peak] = told[..] else {
        return println!("resident memory is measured on Linux only");
    };
    let (each, mib) = (resident / products as f64, f64::from(1 << 20));
    println!(
        "{:<34} {each:>8.0} bytes for each product (aim {MOST_RESIDENT:.0}: {}); {:.0} MiB, at most {:.0} MiB meanwhile",
        "resident after loading",
        verdict(each <= MOST_RESIDENT),
        resident / mib,
        peak / mib
    );
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|a| a == RESIDENT) {
        return load_and_tell(Path::new(&arguments.next().unwrap()));
    }
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    // `cargo test --all-targets` runs this, too, to see that it works.
    let measuring = std::env::args().any(|a| a == "--bench");
    let products = numbers
        .first()
        .copied()
        .unwrap_or(if measuring { 100_000 } else { 2_000 });
    let runs = numbers.get(1).copied().unwrap_or(7);
    let inventory = estate(products);
    let mut bytes = Vec::new();
    cil::write(&inventory, None, &mut bytes).unwrap();
    println!(
        "{} products on {} computers, {:.1} MiB, best of {runs}",
        inventory.product_count(),
        inventory.computer_count(),
        bytes.len() as f64 / f64::from(1 << 20)
    );

    let (bare, load) = best_of_two(runs, || scan(&bytes), || cil::read(&bytes).unwrap());
    line("quick-xml event scan", bare, bytes.len());
    line("load", load, bytes.len());
    // The threads and tables of the reader pay off late.
    ratio("load / scan", load, bare, if products < 1_000_000 { 2.0 } else { 1.5 });

    let loaded = cil::read(&bytes).unwrap();
    assert_eq!(loaded.warnings, []);
    let mut again = Vec::with_capacity(bytes.len());
    let compose = best(runs, || {
        again.clear();
        cil::write(&loaded.inventory, None, &mut again).unwrap();
    });
    assert!(again == bytes, "saving what was loaded gives other bytes");
    line("compose in memory", compose, bytes.len());

    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let path = folder.path().join("list.cilx");
    let list = folder.path().join("store.cilx");
    let mut store = cil::store::Store::create_from(&list, &inventory).unwrap();
    let (plain, save) = best_of_two(
        runs,
        || write_and_sync(&path, |file| file.write_all(&bytes).unwrap()),
        || store.save(&inventory, false).unwrap(),
    );
    line("plain write and fsync", plain, bytes.len());
    line("save (atomic, .bak, journal)", save, bytes.len());
    ratio("save / plain write", save, plain, 1.5);
    resident(&list, products);

    let change = Change::NotReached {
        computer: inventory.computers().next().unwrap().id,
        at: DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
        failure: Failure {
            class: FailureClass::NoAnswer,
            message: "no answer within 10 s".into(),
            code: None,
        },
    };
    let mut times: Vec<Duration> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            store.append(std::slice::from_ref(&change), false).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "journal: append without fsync, median {:>6.1} us",
        times[times.len() / 2].as_secs_f64() * 1e6
    );
}
