//! What leaves the house, and what does not; and what comes back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::collections::HashSet;

use cil_common::{at, cid, contents, guid, iid, inventory, key};
use makeeper::cil::import::match_rows;
use makeeper::cil::{self, ExportProfile, export};
use makeeper::model::*;
use proptest::prelude::*;
use uuid::Uuid;

fn exported(inventory: &Inventory, profile: ExportProfile, only: Option<&HashSet<ProductId>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(inventory, profile, only, &mut bytes).unwrap();
    bytes
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    let (text, secret) = (String::from_utf8_lossy(bytes).to_lowercase(), secret.to_lowercase());
    text.contains(&secret) || text.contains(&secret.replace('-', ""))
}

/// Puts a secret into everything that can hold one; returns them.
#[expect(clippy::too_many_lines, reason = "one line for each place that can hold a secret")]
fn with_secrets(inventory: &Inventory) -> (Inventory, Vec<String>) {
    let mut n = 0;
    let mut secrets = Vec::new();
    let mut secret = |what: &str| {
        n += 1;
        let text = format!("{what}-zqw{n}-secret");
        secrets.push(text.clone());
        Text::from(text)
    };
    let foreign = |secret: &mut dyn FnMut(&str) -> Text| {
        Foreign::new(ForeignParts {
            attributes: vec![("whose".into(), secret("attribute").to_string())],
            elements: vec![("Whose".into(), format!("<Whose>{}</Whose>", secret("element")))],
        })
    };
    let mut keys: Vec<ProductKey> = Vec::new();
    let header = ListHeader {
        vamt_version: secret("version"),
        root: foreign(&mut secret),
        data: foreign(&mut secret),
        ..ListHeader::default()
    };
    let failure = |secret: &mut dyn FnMut(&str) -> Text| Failure {
        class: FailureClass::Network,
        message: secret("failure").to_string(),
        code: Some(HResult(5)),
    };
    let computers: Vec<Computer> = inventory
        .computers()
        .map(|c| Computer {
            name: secret("computer"),
            network: Network {
                kind: NetworkKind::Domain,
                name: secret("domain"),
            },
            os_edition: secret("edition"),
            os_version: secret("os"),
            mac_addresses: vec![secret("mac")],
            connect: Some(ConnectTo {
                address: Some(secret("address")),
                port: Some(5985),
                way: Some(WayIn::Https),
            }),
            contact: Some(Contact {
                at: at(0),
                failure: Some(Box::new(failure(&mut secret))),
                way: Some(WayIn::Https),
            }),
            remarks: secret("remarks"),
            foreign: foreign(&mut secret),
            ..(**c).clone()
        })
        .collect();
    let products: Vec<Product> = inventory
        .products()
        .enumerate()
        .map(|(i, p)| Product {
            application_name: secret("application"),
            name: secret("product"),
            description: secret("description"),
            version: secret("service"),
            license_family: secret("family"),
            resource_language: secret("language"),
            partial_product_key: Some(key(i + 100).last_five()),
            volume: VolumeActivation {
                kms_host: secret("kms"),
                ad_object: AdObject {
                    name: secret("ad"),
                    dn: secret("dn"),
                    csvlk_sku: secret("sku"),
                    csvlk_pid: secret("pid"),
                }
                .said(),
                ..p.volume.clone()
            },
            cmid: secret("cmid"),
            last_action: Some(Action {
                at: None,
                what: secret("action"),
                failure: Some(Box::new(failure(&mut secret))),
            }),
            remarks: secret("remarks"),
            foreign: foreign(&mut secret),
            ..(**p).clone()
        })
        .collect();
    let entries: Vec<KeyEntry> = inventory
        .keys()
        .enumerate()
        .map(|(i, k)| {
            keys.push(key(i + 50));
            KeyEntry {
                key: Some(key(i + 50)),
                last_five: Some(key(i + 50).last_five()),
                description: secret("description"),
                remarks: format!("{} {}", secret("remarks"), key(i + 50).reveal().replace('-', " ")).into(),
                foreign: foreign(&mut secret),
                ..(**k).clone()
            }
        })
        .collect();
    for (i, _) in products.iter().enumerate() {
        secrets.push(key(i + 100).last_five().to_string());
    }
    secrets.extend(computers.iter().map(|c| c.id.0.to_string()));
    secrets.extend(
        keys.iter()
            .flat_map(|k| [k.reveal().to_owned(), k.last_five().to_string()]),
    );
    (Inventory::from_records(header, computers, products, entries), secrets)
}

/// The elements that may stand in proxy activation data.
const PROXY: [&str; 14] = [
    "ActionsAllowed",
    "ApplicationId",
    "ApplicationName",
    "ConfirmationId",
    "ExportGuid",
    "InstallationId",
    "LastActionStatus",
    "LastErrorCode",
    "LastUpdated",
    "LicenseStatusReason",
    "ProductKeyId",
    "ProductKeyType",
    "Sku",
    "SoftwareProtectionService",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proxy_data_names_nobody_and_nothing(inventory in inventory()) {
        let (inventory, secrets) = with_secrets(&inventory);
        let bytes = exported(&inventory, ExportProfile::ProxyOnly, None);
        for secret in &secrets {
            prop_assert!(!holds(&bytes, secret), "{} in {}", secret, String::from_utf8_lossy(&bytes));
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        prop_assert!(!text.contains("makeeper"), "{}", text);
        for tag in text.split('<').skip(3).filter(|t| !t.starts_with('/')) {
            let name = tag.split([' ', '>', '/']).next().unwrap();
            let known = PROXY.contains(&name) || ["SoftwareLicensingData", "Products", "Product"].contains(&name);
            prop_assert!(known, "{}", name);
        }
        let back = cil::read(&bytes).unwrap();
        prop_assert_eq!(&back.warnings, &vec![]);
        prop_assert_eq!(back.inventory.product_count(), inventory.product_count());
        for row in back.inventory.products() {
            let product = inventory.product(row.id).unwrap();
            prop_assert_eq!(&row.installation_id, &product.installation_id);
            prop_assert_eq!(&row.product_key_id, &product.product_key_id);
            prop_assert_eq!(row.sku, product.sku);
            prop_assert_eq!(row.key_type, product.key_type);
        }
    }

    #[test]
    fn without_keys_means_without_keys_and_nothing_else(inventory in inventory()) {
        let (inventory, _) = with_secrets(&inventory);
        let bytes = exported(&inventory, ExportProfile::WithoutKeys, None);
        for entry in inventory.keys() {
            let key = entry.key.as_ref().unwrap().reveal();
            prop_assert!(!holds(&bytes, key) && !holds(&bytes, &key.replace('-', " ")));
        }
        let back = cil::read(&bytes).unwrap();
        let (header, computers, products, keys) = contents(&back.inventory);
        let (header2, computers2, products2, keys2) = contents(&inventory);
        prop_assert_eq!((header, computers, products), (header2, computers2, products2));
        for (bare, whole) in keys.iter().zip(&keys2) {
            prop_assert_eq!(&bare.key, &None);
            prop_assert_eq!((bare.id, bare.last_five, bare.remaining), (whole.id, whole.last_five, whole.remaining));
        }
    }
}

/// A lab of `n` Windows products that wait for confirmation IDs.
fn lab(n: u64) -> Inventory {
    let computers = (0..n)
        .map(|i| Computer::named(&format!("lab{i}.isolated.example")))
        .collect::<Vec<_>>();
    let products = computers.iter().zip(0_u64..).map(|(c, i)| Product {
        sku: Some(guid(1)),
        key_type: KeyType::Mak,
        license_status: LicenseStatus::InOobGrace,
        installation_id: Some(iid(i)),
        product_key_id: Some(ExtendedPid::parse("55041-03290-001-000003-03-1033-9200.0000-1962009").unwrap()),
        last_updated: Some(at(0)),
        name: "Windows 11".into(),
        ..Product::new(ProductId(guid(100 + i)), Some(c.id), ApplicationId::WINDOWS)
    });
    Inventory::from_records(
        ListHeader::default(),
        computers.clone(),
        products.collect::<Vec<_>>(),
        [],
    )
}

fn product(n: u64) -> ProductId {
    ProductId(guid(100 + n))
}

fn confirmed(n: u64, iid: InstallationId, cid: ConfirmationId) -> Change {
    Change::Confirmed {
        product: product(n),
        installation_id: iid,
        confirmation_id: cid,
        at: at(100),
    }
}

fn over_the_gap(inventory: &Inventory) -> cil::Loaded {
    cil::read(&exported(inventory, ExportProfile::ProxyOnly, None)).unwrap()
}

fn apply_all(inventory: &mut Inventory, changes: &[Change]) {
    for change in changes {
        inventory.apply(change).unwrap();
    }
}

#[test]
fn installation_ids_go_out_and_confirmation_ids_come_back() {
    let mut lab = lab(3);
    let mut connected = Inventory::default();
    let out = over_the_gap(&lab);
    let plan = match_rows(&connected, &out, at(50));
    assert_eq!((plan.added, plan.unmatched.len()), (3, 0));
    apply_all(&mut connected, &plan.changes);
    assert!(
        connected
            .products()
            .all(|p| p.needs_confirmation_id() && p.computer.is_none())
    );
    apply_all(
        &mut connected,
        &[confirmed(0, iid(0), cid(0)), confirmed(1, iid(1), cid(1))],
    );
    let refused = Failure {
        class: FailureClass::Service,
        message: "at secret-host: blocked".into(),
        code: Some(HResult(0xC004_C008)),
    };
    apply_all(
        &mut connected,
        &[Change::NotConfirmed {
            product: product(2),
            at: at(100),
            failure: refused,
        }],
    );

    let bytes = exported(&connected, ExportProfile::ProxyOnly, None);
    assert!(!holds(&bytes, "secret-host"));
    let back = cil::read(&bytes).unwrap();
    let plan = match_rows(&lab, &back, at(200));
    assert_eq!((plan.matched, plan.confirmation_ids, plan.already_known), (3, 2, 0));
    assert!(
        plan.unmatched.is_empty() && plan.conflicts.is_empty() && plan.notes.is_empty(),
        "{plan:?}"
    );
    apply_all(&mut lab, &plan.changes);
    for n in 0..2 {
        let row = lab.product(product(n)).unwrap();
        assert!(row.can_apply_confirmation_id());
        let kept = row.confirmation.as_ref().unwrap();
        assert_eq!(
            (&kept.confirmation_id, kept.installation_id.as_ref()),
            (&cid(n), Some(&iid(n)))
        );
        assert!(row.computer.is_some() && !row.name.is_empty());
    }
    let failed = lab
        .product(product(2))
        .unwrap()
        .last_action
        .clone()
        .unwrap()
        .failure
        .unwrap();
    assert_eq!(failed.code, Some(HResult(0xC004_C008)));

    let plan = match_rows(&lab, &back, at(300));
    assert_eq!((plan.changes.len(), plan.already_known), (0, 3), "{plan:?}");
}

#[test]
fn rows_that_fit_nothing_are_told_and_the_others_apply() {
    let mut connected = lab(3);
    for n in 0..3 {
        connected.apply(&confirmed(n, iid(n), cid(n))).unwrap();
    }
    let mut lab = lab(3);
    lab.apply(&Change::RemoveProduct(product(1))).unwrap();
    let plan = match_rows(&lab, &over_the_gap(&connected), at(200));
    assert_eq!((plan.matched, plan.confirmation_ids), (2, 2));
    assert_eq!(plan.unmatched.len(), 1);
    assert!(
        plan.unmatched[0].row.contains(&product(1).0.to_string()) && plan.unmatched[0].reason.contains("ExportGuid")
    );
}

#[test]
fn another_confirmation_id_for_the_same_installation_id_is_a_conflict() {
    let mut lab = lab(1);
    let mut connected = lab.clone();
    lab.apply(&confirmed(0, iid(0), cid(1))).unwrap();
    connected.apply(&confirmed(0, iid(0), cid(2))).unwrap();
    let plan = match_rows(&lab, &over_the_gap(&connected), at(200));
    assert!(plan.changes.is_empty());
    assert_eq!(
        (&plan.conflicts[0].known, &plan.conflicts[0].incoming),
        (&cid(1), &cid(2))
    );
    lab.apply(&plan.conflicts[0].if_wanted).unwrap();
    let row = lab.product(product(0)).unwrap();
    assert_eq!(row.confirmation.as_ref().unwrap().confirmation_id, cid(2));
    assert_eq!(row.earlier_confirmations[0].confirmation_id, cid(1));
}

#[test]
fn a_confirmation_id_for_an_installation_id_of_yesterday_is_kept() {
    for has_one_already in [false, true] {
        let mut lab = lab(1);
        let mut connected = lab.clone();
        connected.apply(&confirmed(0, iid(0), cid(5))).unwrap();
        let mut row = (**lab.product(product(0)).unwrap()).clone();
        row.installation_id = Some(iid(77));
        lab.apply(&Change::PutProduct(Box::new(row))).unwrap();
        if has_one_already {
            lab.apply(&confirmed(0, iid(77), cid(77))).unwrap();
        }
        let plan = match_rows(&lab, &over_the_gap(&connected), at(200));
        assert!(plan.notes[0].reason.contains("installation ID changed"), "{plan:?}");
        assert!(plan.notes[0].row.contains("lab0"));
        apply_all(&mut lab, &plan.changes);
        let row = lab.product(product(0)).unwrap();
        assert_eq!(row.earlier_confirmations[0].confirmation_id, cid(5));
        assert_eq!(
            row.usable_confirmation().map(|c| c.confirmation_id.clone()),
            has_one_already.then(|| cid(77))
        );
    }
}

#[test]
fn a_mistyped_confirmation_id_is_told_and_costs_nothing() {
    let lab = lab(2);
    let mut connected = lab.clone();
    for n in 0..2 {
        connected.apply(&confirmed(n, iid(n), cid(n))).unwrap();
    }
    let text = String::from_utf8(exported(&connected, ExportProfile::ProxyOnly, None)).unwrap();
    let good = cid(1).digits().to_string();
    let last = if good.ends_with('0') { '1' } else { '0' };
    let text = text.replace(&good, &format!("{}{last}", &good[..47]));
    let plan = match_rows(&lab, &cil::read(text.as_bytes()).unwrap(), at(200));
    assert_eq!((plan.matched, plan.confirmation_ids), (2, 1));
    assert!(
        plan.notes[0].reason.contains("ConfirmationId") && plan.notes[0].reason.contains("group 8"),
        "{plan:?}"
    );
}

#[test]
fn a_part_of_a_list_takes_only_what_belongs_to_it() {
    let mut inventory = lab(3);
    let mut row = (**inventory.product(product(1)).unwrap()).clone();
    row.partial_product_key = Some(key(1).last_five());
    inventory.apply(&Change::PutProduct(Box::new(row))).unwrap();
    for n in [1, 2] {
        let entry = KeyEntry::of(key(n), KeyType::Mak);
        inventory.apply(&Change::PutKey(Box::new(entry))).unwrap();
    }
    let only = HashSet::from([product(1)]);
    let part = cil::read(&exported(&inventory, ExportProfile::Full, Some(&only)))
        .unwrap()
        .inventory;
    assert_eq!(
        (part.product_count(), part.computer_count(), part.key_count()),
        (1, 1, 1)
    );
    assert_eq!(part.keys().next().unwrap().key, Some(key(1)));
    assert_eq!(&*part.computers().next().unwrap().name, "lab1.isolated.example");
    let part = exported(&inventory, ExportProfile::ProxyOnly, Some(&only));
    assert!(String::from_utf8(part).unwrap().contains("TotalProducts=\"1\""));
}

#[test]
fn a_whole_list_adds_what_is_new_and_updates_what_is_newer() {
    let mut mine = lab(2);
    let mut theirs = lab(3);
    let edit = |inventory: &mut Inventory, n: u64, status, when| {
        let mut row = (**inventory.product(product(n)).unwrap()).clone();
        (row.license_status, row.status_updated) = (status, Some(at(when)));
        inventory.apply(&Change::PutProduct(Box::new(row))).unwrap();
    };
    edit(&mut mine, 0, LicenseStatus::Notification, 10);
    edit(&mut theirs, 0, LicenseStatus::Licensed, 20);
    edit(&mut mine, 1, LicenseStatus::Licensed, 20);
    edit(&mut theirs, 1, LicenseStatus::Notification, 10);
    mine.apply(&confirmed(0, iid(0), cid(0))).unwrap();
    let mut entry = KeyEntry::of(key(3), KeyType::Mak);
    entry.remaining = Some(RemainingCount {
        left: Some(7),
        at: Some(at(5)),
    });
    theirs.apply(&Change::PutKey(Box::new(entry))).unwrap();
    let mut pc = Computer::named("LAB1.isolated.example");
    pc.os_edition = "Windows 11".into();
    pc.id = ComputerId(guid(4711));
    // Their identity for the same computer differs.
    let loaded = cil::Loaded {
        inventory: Inventory::from_records(
            ListHeader::default(),
            theirs.computers().map(|c| {
                if c.name.starts_with("lab1") {
                    pc.clone()
                } else {
                    (**c).clone()
                }
            }),
            theirs.products().map(|p| Product {
                computer: p
                    .computer
                    .map(|c| if c == ComputerId::from_name(&pc.name) { pc.id } else { c }),
                id: ProductId(Uuid::new_v5(&p.id.0, b"theirs")),
                ..(**p).clone()
            }),
            theirs.keys().map(|k| (**k).clone()),
        ),
        warnings: vec![],
        more_warnings: 0,
        generation: None,
        legacy: None,
    };
    let plan = match_rows(&mine, &loaded, at(100));
    assert_eq!((plan.matched, plan.added), (2, 1), "{plan:?}");
    let changes = plan.carry_out(&mine).changes;
    apply_all(&mut mine, &changes);
    assert_eq!(
        (mine.product_count(), mine.computer_count(), mine.key_count()),
        (3, 3, 1)
    );
    let first = mine.product(product(0)).unwrap();
    assert_eq!(first.license_status, LicenseStatus::Licensed);
    assert_eq!(first.confirmation.as_ref().unwrap().confirmation_id, cid(0));
    assert_eq!(
        mine.product(product(1)).unwrap().license_status,
        LicenseStatus::Licensed
    );
    assert_eq!(
        &*mine.computer_by_name("lab1.isolated.example").unwrap().os_edition,
        "Windows 11"
    );
    let again = match_rows(&mine, &loaded, at(100));
    assert!(
        again.is_nothing() && again.carry_out(&mine).changes.is_empty(),
        "{again:?}"
    );
}
