//! Killed at any instant of loading, editing, importing and saving, sealed or not: nothing acknowledged is lost.
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
/// Files to import, and products in each.
const FILES: u64 = 40;
const ROWS: u64 = 5;
/// Products of imported files have numbers from here on.
const IMPORTED: u64 = 1 << 40;

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
    let path = folder.join("a.cilx");
    let workspace = Workspace::create(&path, Handle::current()).unwrap();
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
            'k' => {
                let five = key(n as usize).last_five();
                let entry = inventory.keys_by_last_five(five).next();
                assert_eq!(entry.map(|e| e.is_locked()), Some(sealed), "key {n} after kill {kill}");
            }
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
            tokio::time::sleep(Duration::from_micros(random.random_range(5_000..120_000))).await;
            child.kill().unwrap();
            let status = child.wait().unwrap();
            let said = || fs::read_to_string(folder.path().join("child")).unwrap();
            assert_eq!(status.code(), None, "the child ended by itself: {status}: {}", said());
            done += 1;
            let replayed;
            (replayed, last) = verify(&path, done, sealed);
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
        for kind in ['p', 's', 'i', 'k', 'l', 'm'] {
            assert!(
                kinds.get(&kind).is_some_and(|n| *n > 5),
                "the child hardly ran: {summary}"
            );
        }
    }
}
