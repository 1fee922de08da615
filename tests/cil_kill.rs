//! Killed at any instant of loading, editing, saving, importing and merging - another list, or what somebody else saved
//! meanwhile - sealed or not: nothing acknowledged is lost.
//!
//! A hundred kills; as many as MAKEEPER_KILLS says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod cil_common;

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cil_common::{at, cid, guid, iid, key};
use makeeper::cil::store::Store;
use makeeper::model::*;
use makeeper::workspace::{Mode, Workspace};
use rand::RngExt as _;
use tokio::runtime::Handle;

/// A list grows with every round and slows it down: then another one is taken.
const KILLS_PER_LIST: usize = 25;
/// Files to import, lists to merge, and products in each.
const FILES: u64 = 40;
const ROWS: u64 = 5;
/// Products of imported files have numbers from here on.
const IMPORTED: u64 = 1 << 40;
/// Those of merged lists.
const MERGED: u64 = 2 << 40;
/// Those that somebody else saved.
const FOREIGN: u64 = 3 << 40;
/// Product keys of merged lists.
const MERGED_KEYS: u64 = 1_000_000;

fn product(n: u64) -> [Change; 2] {
    let id = ProductId(guid(n));
    let mut product = Product::new(id, None, ApplicationId::WINDOWS);
    product.installation_id = Some(iid(n));
    let confirmed = Change::Confirmed {
        product: id,
        installation_id: iid(n),
        confirmation_id: cid(n),
        at: at(0),
    };
    [Change::PutProduct(Box::new(product)), confirmed]
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("import-{number}.cilx"))
}

/// Lists of another administrator, in a folder of their own: their product keys are in clear.
fn other_list(folder: &Path, number: u64) -> PathBuf {
    folder.join("others").join(format!("{number}.cilx"))
}

fn other_computer(number: u64, row: u64) -> Computer {
    Computer::named(&format!("pc{row}.site{number}.contoso.com"))
}

/// Row `row` of a list to merge: read at `read`, and there with its confirmation ID.
fn other_product(number: u64, row: u64, read: i64) -> Product {
    let n = MERGED + number * ROWS + row;
    let computer = other_computer(number, row).id;
    let mut product = Product::new(ProductId(guid(n)), Some(computer), ApplicationId::WINDOWS);
    product.sku = Some(guid(1));
    product.installation_id = Some(iid(n));
    product.status_updated = Some(at(read));
    product
}

/// What another program does: reads the file, adds a product and puts its version in the place of the list.
fn save_as_somebody_else(path: &Path, n: u64) {
    let mut list = makeeper::cil::read(&fs::read(path).unwrap()).unwrap().inventory;
    for change in product(FOREIGN + n) {
        list.apply(&change).unwrap();
    }
    let mut bytes = Vec::new();
    makeeper::cil::write(&list, None, &mut bytes).unwrap();
    let fresh = path.with_extension("of-somebody-else");
    fs::write(&fresh, bytes).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// A computer whose remarks say how far the child came.
fn marker(n: u64) -> Change {
    let mut computer = Computer::named("marker");
    computer.remarks = n.to_string().into();
    Change::PutComputer(Box::new(computer))
}

fn marked(inventory: &Inventory) -> u64 {
    let marker = inventory.computer_by_name("marker");
    marker.map_or(0, |c| c.remarks.parse().unwrap())
}

/// The child: works until it is killed, and writes down what is acknowledged, one write for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_test_child() {
    let Ok(path) = std::env::var("MAKEEPER_KILL_LIST") else {
        return;
    };
    let path = PathBuf::from(path);
    let folder = path.parent().unwrap().to_owned();
    let mut notebook = fs::File::options()
        .append(true)
        .create(true)
        .open(folder.join("acknowledged"))
        .unwrap();
    let mut note = |what: char, n: u64| notebook.write_all(format!("{what}{n}\n").as_bytes()).unwrap();
    let open = || Workspace::open(&path, Mode::Edit, Handle::current()).unwrap().0;
    let mut workspace = open();
    note('l', 0);
    let first = marked(&workspace.snapshot().inventory);
    for n in first + 1.. {
        match n % 16 {
            3 | 11 => {
                // A change that comes in while the list is written.
                let saving = workspace.clone();
                let saved = std::thread::spawn(move || saving.save().unwrap());
                workspace.edit(product(n).into()).unwrap();
                note('p', n);
                saved.join().unwrap();
                note('s', n);
            }
            5 => {
                let plan = workspace.plan_import(&file(&folder, n / 16 % FILES)).unwrap();
                let report = workspace.apply_import(plan).unwrap();
                assert!(report.refused.is_empty() && report.conflicts.is_empty());
                note('i', n / 16 % FILES);
            }
            7 => {
                // A key's last characters tell its number.
                workspace
                    .edit(vec![Change::PutKey(Box::new(KeyEntry::of(
                        key(n as usize),
                        KeyType::Mak,
                    )))])
                    .unwrap();
                note('k', n);
            }
            13 => {
                // Of half the computers an older observation is known.
                let number = n / 16 % FILES;
                let plan = workspace.plan_import(&other_list(&folder, number)).unwrap();
                assert!(plan.is_merge() && plan.contradictions() == 0, "{plan:?}");
                let report = workspace.apply_import(plan).unwrap();
                assert!(report.refused.is_empty() && report.unmatched.is_empty());
                note('g', number);
            }
            15 => {
                save_as_somebody_else(&path, n);
                note('o', n);
                let (_, merged) = workspace.save_merging().unwrap();
                // The same bytes again, where the child before was killed right after them.
                if let Some(merged) = merged {
                    assert!(merged.refused.is_empty() && merged.ours.is_none(), "{merged:?}");
                    note('r', n);
                }
            }
            9 => {
                // Loading, with a journal to replay.
                drop(workspace);
                workspace = open();
                note('l', n);
            }
            _ => {
                workspace.edit(product(n).into()).unwrap();
                note('p', n);
            }
        }
        workspace.edit(vec![marker(n)]).unwrap();
        note('m', n);
    }
}

/// A list, the files to import beside it, and nothing acknowledged.
fn prepared(folder: &Path, sealed: Option<&Secret>) -> PathBuf {
    for number in 0..FILES {
        let rows = (0..ROWS).flat_map(|row| product(IMPORTED + number * ROWS + row));
        let mut inventory = Inventory::default();
        for change in rows {
            inventory.apply(&change).unwrap();
        }
        let mut bytes = Vec::new();
        makeeper::cil::write(&inventory, None, &mut bytes).unwrap();
        // As it comes home from the connected network: rows of products that the list knows or gets.
        fs::write(file(folder, number), bytes).unwrap();
    }
    fs::create_dir(folder.join("others")).unwrap();
    for number in 0..FILES {
        let mut list = Inventory::from_records(
            ListHeader::default(),
            (0..ROWS).map(|row| other_computer(number, row)),
            (0..ROWS).map(|row| other_product(number, row, 20)),
            [KeyEntry::of(key((MERGED_KEYS + number) as usize), KeyType::Mak)],
        );
        for n in (0..ROWS).map(|row| MERGED + number * ROWS + row) {
            let [_, confirmed] = product(n);
            list.apply(&confirmed).unwrap();
        }
        let mut bytes = Vec::new();
        makeeper::cil::write(&list, None, &mut bytes).unwrap();
        fs::write(other_list(folder, number), bytes).unwrap();
    }
    let path = folder.join("a.cilx");
    let workspace = Workspace::create(&path, Handle::current()).unwrap();
    let older = (0..FILES).flat_map(|number| (0..ROWS).step_by(2).map(move |row| (number, row)));
    let older = older.flat_map(|(number, row)| {
        let computer = Change::PutComputer(Box::new(other_computer(number, row)));
        let product = other_product(number, row, 10);
        [computer, Change::PutProduct(Box::new(product))]
    });
    workspace.edit(older.collect()).unwrap();
    let known = (0..FILES * ROWS).map(|n| {
        let [put, _] = product(IMPORTED + n);
        put
    });
    workspace.edit(known.collect()).unwrap();
    workspace.save().unwrap();
    if let Some(passphrase) = sealed {
        workspace.seal_keys(passphrase).unwrap();
    }
    path
}

fn verify(path: &Path, kill: usize, sealed: bool) -> (usize, HashMap<char, usize>) {
    let folder = path.parent().unwrap();
    let opened = Store::read_only(path).unwrap();
    assert_eq!(opened.recovered.refused, Vec::<String>::new(), "kill {kill}");
    assert_eq!(opened.recovered.orphan, None, "kill {kill}");
    assert_eq!(opened.warnings, [], "kill {kill}");
    let inventory = opened.inventory;
    let confirmed = |n: u64| {
        let product = inventory.product(ProductId(guid(n)));
        assert!(product.is_some(), "product {n} is lost after kill {kill}");
        let confirmation = product.and_then(|p| Some(p.confirmation.as_ref()?.confirmation_id.clone()));
        assert_eq!(confirmation, Some(cid(n)), "product {n}, kill {kill}");
    };
    let key_is_there = |n: u64| {
        let entry = inventory.keys_by_last_five(key(n as usize).last_five()).next();
        assert_eq!(entry.map(|e| e.is_locked()), Some(sealed), "key {n} after kill {kill}");
    };
    let merged = |number: u64, row: u64| {
        confirmed(MERGED + number * ROWS + row);
        let product = inventory
            .product(ProductId(guid(MERGED + number * ROWS + row)))
            .unwrap();
        assert_eq!(product.status_updated, Some(at(20)), "list {number}, kill {kill}");
        let computer = product.computer.and_then(|id| inventory.computer(id));
        assert_eq!(computer.map(|c| &*c.name), Some(&*other_computer(number, row).name));
    };
    let mut kinds = HashMap::new();
    let mut marks = 0;
    for line in fs::read_to_string(folder.join("acknowledged"))
        .unwrap_or_default()
        .lines()
    {
        let (kind, number) = line.split_at(1);
        let (kind, n): (char, u64) = (kind.chars().next().unwrap(), number.parse().unwrap());
        *kinds.entry(kind).or_default() += 1;
        match kind {
            'p' => confirmed(n),
            'i' => (0..ROWS).for_each(|row| confirmed(IMPORTED + n * ROWS + row)),
            'g' => {
                (0..ROWS).for_each(|row| merged(n, row));
                key_is_there(MERGED_KEYS + n);
            }
            'o' => confirmed(FOREIGN + n),
            'k' => key_is_there(n),
            'm' => marks = n,
            _ => {}
        }
    }
    assert!(
        marked(&inventory) >= marks,
        "kill {kill}: {} instead of {marks}",
        marked(&inventory)
    );
    if sealed {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap_or_default();
            let telling = bytes.windows(11).any(|w| w == b"FKFKF-TRYMY");
            assert!(!telling, "kill {kill}: {} holds a key in clear", path.display());
        }
    }
    (opened.recovered.replayed, kinds)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_nothing_acknowledged_is_lost() {
    let kills: usize = std::env::var("MAKEEPER_KILLS").map_or(100, |n| n.parse().unwrap());
    let passphrase = Secret::new("correct horse battery staple");
    let mut random = rand::rng();
    let (mut recovered, mut told, mut kinds) = (0, 0, HashMap::<char, usize>::new());
    let mut done = 0;
    // How long a child may live: as long as it needs for some work on this machine.
    let mut longest = 120_000;
    while done < kills {
        let folder = tempfile::tempdir().unwrap();
        let sealed = done / KILLS_PER_LIST % 2 == 1;
        let path = prepared(folder.path(), sealed.then_some(&passphrase));
        let mut last = HashMap::new();
        for _ in 0..KILLS_PER_LIST.min(kills - done) {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["kill_test_child", "--exact", "--test-threads=1"])
                .env("MAKEEPER_KILL_LIST", &path)
                .stdout(fs::File::create(folder.path().join("child")).unwrap())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // The instant is the point of it.
            tokio::time::sleep(Duration::from_micros(random.random_range(5_000..longest))).await;
            child.kill().unwrap();
            let status = child.wait().unwrap();
            let said = || fs::read_to_string(folder.path().join("child")).unwrap();
            assert_eq!(status.code(), None, "the child ended by itself: {status}: {}", said());
            done += 1;
            let replayed;
            let before = last.values().sum::<usize>();
            (replayed, last) = verify(&path, done, sealed);
            longest = match last.values().sum::<usize>() - before {
                0..10 => (longest * 9 / 8).min(2_000_000),
                40.. => longest * 7 / 8,
                _ => longest,
            };
            recovered += replayed;
            if done.is_multiple_of(10) && replayed > 0 {
                // Whoever opens the list next is told.
                let (workspace, report) = Workspace::open(&path, Mode::Edit, Handle::current()).unwrap();
                assert_eq!(report.recovered.replayed, replayed);
                let words = report.recovered.to_string();
                assert!(words.contains("recovered"), "{words}");
                let log = workspace.snapshot().activity.clone();
                assert!(log.iter().any(|entry| *entry.text == *words), "{log:?}");
                told += 1;
            }
        }
        for (kind, count) in last {
            *kinds.entry(kind).or_default() += count;
        }
    }
    let summary = format!("{kills} kills, {recovered} changes recovered, told {told} times, acknowledged {kinds:?}");
    std::io::stderr().write_all(format!("{summary}\n").as_bytes()).unwrap();
    if kills >= 100 {
        assert!(recovered > 0 && told > 0, "{summary}");
        for kind in ['p', 's', 'i', 'g', 'o', 'r', 'k', 'l', 'm'] {
            assert!(
                kinds.get(&kind).is_some_and(|n| *n > 5),
                "the child hardly ran: {summary}"
            );
        }
    }
}
