//! Killed at any instant while confirmation IDs are acquired: nothing paid for is lost, nothing is paid for twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::lab::{Answer, EstateKind, Lab, LabConfig, ServiceFault, installation_id, keys};
use makeeper::model::{ApplicationId, Change, ExtendedPid, Inventory, KeyType, Product, ProductId};
use makeeper::workspace::{Mode, Workspace};
use rand::RngExt as _;

const KEY: &keys::LabKey = &keys::WINDOWS_CLIENT_MAK;
const ROWS: u64 = 200;
const KILLS: usize = 50;
/// What the service takes for an answer, so that there is something under way to be killed in.
const ANSWER_TIME: Duration = Duration::from_millis(20);

/// A carried list of `ROWS` installation IDs of hardware that no other list has.
fn carried_list(folder: &Path, number: u64) -> PathBuf {
    let path = folder.join(format!("carried-{number}.cilx"));
    let pid = ExtendedPid::parse(&format!(
        "03612-{:05}-{:03}-{:06}-03-1033-26100.0000-0482026",
        KEY.group,
        KEY.serial / 1_000_000,
        KEY.serial % 1_000_000
    ))
    .unwrap();
    let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
    let rows = (0..ROWS).map(|row| {
        let id = ProductId(uuid::Uuid::from_u128(
            u128::from(number) << 64 | u128::from(row) | 1 << 100,
        ));
        let mut product = Product::new(id, None, ApplicationId::WINDOWS);
        product.key_type = KeyType::Mak;
        product.product_key_id = Some(pid.clone());
        product.installation_id = Some(installation_id(&pid, number * ROWS + row + 1, 0, row % 3 == 0).unwrap());
        Change::PutProduct(Box::new(product))
    });
    workspace.edit(rows.collect()).unwrap();
    workspace.save().unwrap();
    path
}

fn acquire(list: &Path, lab: &Lab) -> Child {
    Command::new(env!("CARGO_BIN_EXE_makeeper"))
        .arg("acquire-cid")
        .arg(list)
        .args(["--service", lab.service_url(), "--proxy", "direct", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn read(list: &Path) -> Inventory {
    let (workspace, report) = Workspace::open(list, Mode::ReadOnly, tokio::runtime::Handle::current()).unwrap();
    assert!(report.recovered.refused.is_empty(), "{:?}", report.recovered);
    workspace.snapshot().inventory.clone()
}

/// How often each installation ID was asked for.
fn questions(lab: &Lab) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for iid in lab.service().asked().into_iter().filter_map(|a| a.iid) {
        *counts.entry(iid).or_default() += 1;
    }
    counts
}

/// Confirmation IDs that stand in whole lines of the journal, read without the program's own reader.
fn in_journal(list: &Path, lab: &Lab) -> HashSet<String> {
    let journal = PathBuf::from(format!("{}.journal", list.display()));
    let bytes = std::fs::read(journal).unwrap_or_default();
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
    let issued = lab.service().asked().into_iter().filter_map(|a| match a.answer {
        Answer::ConfirmationId(cid) => Some(cid),
        _ => None,
    });
    issued.filter(|cid| text.contains(cid.as_str())).collect()
}

fn known(inventory: &Inventory) -> HashMap<String, String> {
    inventory
        .products()
        .filter_map(|p| Some((p.installation_id.as_ref()?, p.usable_confirmation()?)))
        .map(|(iid, c)| (iid.digits().to_string(), c.confirmation_id.digits().to_string()))
        .collect()
}

async fn wait_for_a_question(lab: &Lab, child: &mut Child) {
    let (before, patience) = (lab.service().asked().len(), Instant::now() + Duration::from_secs(20));
    while lab.service().asked().len() == before && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "the program never asked");
        // The program is another process: what it does is looked at.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_for_survives_fifty_kills_and_is_paid_for_once() {
    let lab = Lab::start(LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        ..LabConfig::default()
    })
    .await
    .unwrap();
    lab.service().set_fault(ServiceFault::Delay(ANSWER_TIME));
    let folder = tempfile::tempdir().unwrap();
    let mut random = rand::rng();
    let (mut kills, mut lists, mut reached_the_journal) = (0, 0, 0);
    while kills < KILLS {
        let list = carried_list(folder.path(), lists);
        lists += 1;
        // What the list knew after each kill, and how often it had been asked by then.
        let mut settled: HashMap<String, (String, usize)> = HashMap::new();
        let mut child = acquire(&list, &lab);
        loop {
            wait_for_a_question(&lab, &mut child).await;
            let instant = Duration::from_micros(random.random_range(0..45_000));
            // The instant is the point of it.
            tokio::time::sleep(instant).await;
            let ended_by_itself = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            // The service finishes what it had taken.
            tokio::time::sleep(ANSWER_TIME * 2).await;

            let journalled = in_journal(&list, &lab);
            let now = known(&read(&list));
            let asked = questions(&lab);
            let cids: HashSet<&String> = now.values().collect();
            for cid in &journalled {
                assert!(
                    cids.contains(cid),
                    "a confirmation ID of the journal is not in the list"
                );
            }
            reached_the_journal += journalled.len();
            for (iid, (cid, times)) in &settled {
                assert_eq!(now.get(iid), Some(cid), "a confirmation ID was lost");
                assert_eq!(
                    asked.get(iid),
                    Some(times),
                    "a known confirmation ID was asked for again"
                );
            }
            settled = now
                .into_iter()
                .map(|(iid, cid)| {
                    let n = asked[&iid];
                    (iid, (cid, n))
                })
                .collect();
            if ended_by_itself {
                break;
            }
            kills += 1;
            if kills == KILLS || settled.len() as u64 > ROWS - 20 {
                break;
            }
            child = acquire(&list, &lab);
        }

        // To the end, undisturbed.
        let unanswered: HashSet<String> = read(&list)
            .products()
            .filter(|p| p.asked.is_some() && p.usable_confirmation().is_none())
            .map(|p| p.id.0.to_string())
            .collect();
        let output = acquire(&list, &lab).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: HashSet<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|row| {
                row["text"]
                    .as_str()
                    .is_some_and(|t| t.contains("asked before at") && t.contains("asked again"))
            })
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told, unanswered, "exactly the rows without a recorded answer say so");

        let (end, asked) = (known(&read(&list)), questions(&lab));
        assert_eq!(end.len() as u64, ROWS);
        for (iid, (cid, times)) in &settled {
            assert_eq!((end.get(iid), asked.get(iid)), (Some(cid), Some(times)));
        }
        assert_eq!(
            u64::from(lab.service().pool(KEY.last_five()).unwrap().used),
            lists * ROWS
        );
    }
    assert_eq!(kills, KILLS);
    let asked_again = questions(&lab).values().filter(|times| **times > 1).count();
    assert!(asked_again > 0, "no kill ever hit between the answer and the journal");
    assert!(
        reached_the_journal > 0,
        "no kill ever left a confirmation ID in the journal"
    );
    println!("{kills} kills over {lists} lists, {asked_again} installation IDs asked again");
}
