//! The whole journey by command line: `tests/journey.sh` against the real program and a lab.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use makeeper::lab::{Account, EstateKind, Lab, LabConfig, keys};
use makeeper::model::{Inventory, LicenseStatus};
use makeeper::workspace::{Mode, Workspace};

const KEY: &keys::LabKey = &keys::WINDOWS_CLIENT_MAK;

fn journey(lab: &Lab, work: &Path) -> Output {
    let admin = Account::admin();
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journey.sh"))
        .env("MAKEEPER", env!("CARGO_BIN_EXE_makeeper"))
        .env("WORK", work)
        .env("LAB_ADDRESSES", "127.77.2.1-127.77.2.40")
        .env("LAB_PORT", lab.port().to_string())
        .env("SERVICE", lab.service_url())
        .env("LAB_USER", format!("{}\\{}", admin.domain, admin.user))
        .env("LAB_PASSWORD", &admin.password)
        .env("LAB_KEY", KEY.text)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{:?}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    for secret in [KEY.text, admin.password.as_str()] {
        assert!(!text(&output.stdout).contains(secret) && !text(&output.stderr).contains(secret));
    }
    output
}

fn read(list: &Path) -> Inventory {
    let runtime = tokio::runtime::Handle::current();
    let (workspace, report) = Workspace::open(list, Mode::ReadOnly, runtime).unwrap();
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    workspace.snapshot().inventory.clone()
}

/// Everything in the list that names a computer, a network or a key.
fn values_that_must_not_leave(inventory: &Inventory) -> Vec<String> {
    let mut values = Vec::new();
    for computer in inventory.computers() {
        values.push(computer.name.to_string());
        values.extend(computer.name.split('.').next().map(str::to_owned));
        values.push(computer.network.name.to_string());
        values.push(computer.connect_address().to_owned());
        for mac in &computer.mac_addresses {
            values.push(mac.to_string());
            values.push(mac.replace('-', ":"));
            values.push(mac.replace('-', ""));
        }
        values.push(computer.id.0.to_string());
    }
    for product in inventory.products() {
        values.push(product.cmid.to_string());
        values.push(product.volume.kms_host.to_string());
    }
    for key in inventory.keys() {
        values.extend(key.key.as_ref().map(|k| k.reveal().to_owned()));
        values.extend(key.last_five.map(|f| f.to_string()));
    }
    values.retain(|v| !v.is_empty());
    values
}

fn contains(bytes: &[u8], value: &str) -> bool {
    let found = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle));
    let utf16: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    found(value.as_bytes()) || found(&utf16)
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_products_cross_the_air_gap_and_going_again_spends_nothing() {
    let lab = Lab::start(LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        ..LabConfig::default()
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pool = || lab.service().pool(KEY.last_five()).unwrap();
    let questions = || lab.service().asked().iter().filter(|a| a.iid.is_some()).count();
    assert_eq!(pool().remaining, KEY.limit);

    journey(&lab, folder.path());

    let list = folder.path().join("isolated-lab.cilx");
    let inventory = read(&list);
    let licensed = inventory
        .products()
        .filter(|p| p.license_status == LicenseStatus::Licensed);
    assert_eq!((inventory.computer_count(), licensed.count()), (40, 40));
    for computer in lab.computers() {
        let products = lab.products(&computer.name).unwrap();
        assert!(
            products.iter().all(|p| p.status == LicenseStatus::Licensed),
            "{}",
            computer.name
        );
    }
    assert_eq!((pool().remaining, questions()), (KEY.limit - 40, 40));

    // What was carried out, and what came back: neither names anything.
    let forbidden = values_that_must_not_leave(&inventory);
    assert!(
        forbidden.len() > 40 * 5,
        "the list has names, addresses, MACs and CMIDs to look for"
    );
    for file in ["exported.cilx", "carried.cilx"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap();
        for value in &forbidden {
            assert!(!contains(&bytes, value), "{file} contains {value:?}");
        }
        assert!(contains(
            &bytes,
            inventory
                .products()
                .next()
                .unwrap()
                .installation_id
                .as_ref()
                .unwrap()
                .digits()
                .as_str()
        ));
    }

    let deposits = lab.totals().deposit;
    let installs = lab.totals().install_key;
    journey(&lab, folder.path());
    assert_eq!((pool().remaining, questions()), (KEY.limit - 40, 40));
    assert_eq!((lab.totals().deposit, lab.totals().install_key), (deposits, installs));
    assert_eq!(lab.totals().activate, 0);
    lab.stop().await;
}
