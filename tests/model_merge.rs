//! Merging lists: what holds for every two lists, and the cases that hurt administrators before.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cil_common;

use std::collections::{BTreeMap, BTreeSet};

use cil_common::{at, cid, guid, iid, key};
use makeeper::model::merge::*;
use makeeper::model::*;
use proptest::prelude::*;

// ---- lists in which everything collides -----------------------------------------------------------------------------

const NAMES: &[&str] = &[
    "pc1",
    "pc1.contoso.com",
    "PC2.contoso.com",
    "pc2.fabrikam.com",
    "pc3",
    "10.0.0.1",
    "10.0.0.2",
];
const NETWORKS: &[(NetworkKind, &str)] = &[
    (NetworkKind::None, ""),
    (NetworkKind::Domain, "contoso.com"),
    (NetworkKind::Domain, "CONTOSO"),
    (NetworkKind::Workgroup, "WG"),
    (NetworkKind::Workgroup, "LAB"),
];
const MACS: &[&str] = &["3C-52-82-00-00-01", "3C-52-82-00-00-02", "00-15-5D-00-00-01"];

fn some_time() -> impl Strategy<Value = Option<chrono::DateTime<chrono::Utc>>> {
    prop::option::of((0_i64..4).prop_map(at))
}

fn remarks() -> impl Strategy<Value = Text> {
    prop_oneof![3 => Just(""), 1 => Just("room 4"), 1 => Just("belongs to Ann"), 1 => Just("room 4\nold")]
        .prop_map(Text::from)
}

prop_compose! {
    fn computer()(
        name in 0..NAMES.len(), own_id in prop::option::of(0_u64..3), network in 0..NETWORKS.len(),
        macs in prop::sample::subsequence(MACS, 0..=2), os in 0..3_usize, contact in some_time(), remarks in remarks(),
        connect in prop::option::of(prop::sample::select(vec!["10.0.0.1", "pc9"])),
    ) -> Computer {
        let mut c = Computer::named(NAMES[name]);
        if let Some(id) = own_id {
            c.id = ComputerId(guid(id));
        }
        let (kind, of) = NETWORKS[network];
        c.network = Network { kind, name: of.into() };
        c.mac_addresses = macs.into_iter().map(Into::into).collect();
        c.os_edition = ["", "Windows 10", "Windows 11"][os].into();
        c.contact = contact.map(|at| Contact { at, failure: None, way: None });
        c.connect = connect.map(|a| ConnectTo { address: Some(a.into()), port: None, way: None });
        c.remarks = remarks;
        c
    }
}

prop_compose! {
    fn confirmation()(c in 0_u64..5, i in prop::option::of(0_u64..3), acquired in some_time()) -> Confirmation {
        Confirmation { installation_id: i.map(iid), confirmation_id: cid(c), acquired }
    }
}

prop_compose! {
    fn product()(
        own_id in prop::option::of(0_u64..4), office: bool, sku in prop::option::weighted(0.9, 0_u64..3),
        (status_updated, last_updated) in (some_time(), some_time()), status in 0..3_i32,
        installation_id in prop::option::of(0_u64..3), confirmation in prop::option::of(confirmation()),
        earlier in prop::collection::vec(confirmation(), 0..2), asked in prop::option::weighted(0.1, (0_u64..3, 0_i64..4)),
        action in prop::option::of((0..2_usize, some_time())), remarks in remarks(), name in 0..2_usize,
    ) -> (Option<u64>, Product) {
        let application = if office { ApplicationId::OFFICE } else { ApplicationId::WINDOWS };
        let mut p = Product::new(ProductId(guid(0)), None, application);
        p.sku = sku.map(|s| guid(50 + s));
        p.name = ["", "Some product"][name].into();
        p.status_updated = status_updated;
        p.last_updated = last_updated;
        p.license_status = LicenseStatus::from_number(status).unwrap();
        p.installation_id = installation_id.map(iid);
        p.confirmation = confirmation.map(Box::new);
        for e in earlier {
            let held = p.confirmations().any(|c| c.confirmation_id == e.confirmation_id);
            if !held {
                p.earlier_confirmations.push(e);
            }
        }
        p.asked = asked.map(|(i, t)| Box::new(Asked { installation_id: iid(i), at: at(t) }));
        p.last_action = action.map(|(w, at)| Action { at, what: ["Activated", "Key installed"][w].into(), failure: None });
        p.remarks = remarks;
        (own_id, p)
    }
}

prop_compose! {
    fn key_entry()(n in 0..3_usize, whole: bool, left in prop::option::of((0_u32..3, some_time())),
        last_update in some_time(), remarks in remarks(), id in 0_u64..6) -> KeyEntry {
        let mut k = KeyEntry::of(key(n), KeyType::Mak);
        if !whole {
            k.key = None;
            k.id = KeyEntryId(guid(100 + id));
        }
        k.remaining = left.map(|(left, at)| RemainingCount { left: Some(left), at });
        k.most_seen = left.map(|(left, _)| left);
        k.last_update = last_update;
        k.remarks = remarks;
        k
    }
}

#[derive(Debug, Clone)]
struct Records {
    computers: Vec<Computer>,
    products: Vec<Product>,
    keys: Vec<KeyEntry>,
}

impl Records {
    fn list(&self) -> Inventory {
        Inventory::from_records(
            ListHeader::default(),
            self.computers.clone(),
            self.products.clone(),
            self.keys.clone(),
        )
    }

    fn backwards(&self) -> Inventory {
        Inventory::from_records(
            ListHeader::default(),
            self.computers.iter().rev().cloned(),
            self.products.iter().rev().cloned(),
            self.keys.iter().rev().cloned(),
        )
    }
}

/// Records as a reader gives them: identities and names unique, one row for each product.
fn records() -> impl Strategy<Value = Records> {
    let computers = prop::collection::vec((computer(), prop::collection::vec(product(), 0..4)), 0..5);
    (computers, prop::collection::vec(key_entry(), 0..3)).prop_map(|(rows, all_keys)| {
        let (mut ids, mut names, mut product_ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut records = Records {
            computers: vec![],
            products: vec![],
            keys: vec![],
        };
        for (computer, products) in rows {
            if !ids.insert(computer.id) || !names.insert(computer.name.to_lowercase()) {
                continue;
            }
            let mut places = BTreeSet::new();
            for (own_id, mut product) in products {
                product.computer = Some(computer.id);
                product.id = match own_id {
                    Some(id) => ProductId(guid(200 + id)),
                    None => ProductId::derive(computer.id, product.application, product.sku),
                };
                let free = product.sku.is_none() || places.insert((product.application, product.sku));
                if free && product_ids.insert(product.id) {
                    records.products.push(product);
                }
            }
            records.computers.push(computer);
        }
        let (mut ids, mut values) = (BTreeSet::new(), BTreeSet::new());
        for key in all_keys {
            let value = key.last_five.unwrap().to_string();
            if ids.insert(key.id) && values.insert(value) {
                records.keys.push(key);
            }
        }
        records
    })
}

fn confirmations(list: &Inventory) -> BTreeSet<String> {
    list.products()
        .flat_map(|p| p.confirmations())
        .map(|c| c.confirmation_id.digits().to_string())
        .collect()
}

type Contents = (
    BTreeMap<ComputerId, Computer>,
    BTreeMap<ProductId, Product>,
    BTreeMap<KeyEntryId, KeyEntry>,
);

fn contents(list: &Inventory) -> Contents {
    (
        list.computers().map(|c| (c.id, (**c).clone())).collect(),
        list.products().map(|p| (p.id, (**p).clone())).collect(),
        list.keys().map(|k| (k.id, (**k).clone())).collect(),
    )
}

fn merged(ours: &Inventory, theirs: &Inventory, prefer: Prefer) -> Inventory {
    let mut plan = MergePlan::of(ours, theirs);
    plan.prefer(prefer);
    let carried = plan.carry_out(ours);
    assert_eq!(carried.refused, Vec::<String>::new());
    carried.inventory
}

fn assert_sound(list: &Inventory) {
    let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
    for computer in list.computers() {
        assert!(names.insert(computer.name.to_lowercase()), "{} twice", computer.name);
    }
    for product in list.products() {
        let computer = product.computer.expect("a row without a computer");
        assert!(list.computer(computer).is_some(), "a product of nobody");
        if let Some(sku) = product.sku {
            let place = (computer, product.application, sku);
            assert!(places.insert(place), "two rows for one product: {product:?}");
        }
    }
}

/// Cases of each property; more by PROPTEST_CASES.
fn config() -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    ProptestConfig {
        cases: config.cases.max(512),
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn merging_with_itself_changes_nothing(list in records()) {
        let list = list.list();
        let plan = MergePlan::of(&list, &list);
        prop_assert!(plan.rows.iter().all(|r| r.what == What::Same), "{:?}", plan.rows);
        prop_assert_eq!(plan.carry_out(&list).changes, vec![]);
    }

    #[test]
    fn merging_twice_is_merging_once(ours in records(), theirs in records()) {
        // Also where a computer of theirs is one of ours by its identity and another one by its name.
        let (ours, theirs) = (ours.list(), theirs.list());
        let once = merged(&ours, &theirs, Prefer::Newest);
        let again = MergePlan::of(&once, &theirs).carry_out(&once);
        prop_assert_eq!(again.changes, vec![], "{:?}", once.computers().collect::<Vec<_>>());
    }

    #[test]
    fn no_confirmation_id_is_lost_and_no_product_has_two_rows(
        ours in records(), theirs in records(), prefer in prop::sample::select(vec![Prefer::Newest, Prefer::Ours, Prefer::Theirs]),
    ) {
        let (ours, theirs) = (ours.list(), theirs.list());
        let both = merged(&ours, &theirs, prefer);
        assert_sound(&both);
        let bought: BTreeSet<_> = confirmations(&ours).union(&confirmations(&theirs)).cloned().collect();
        prop_assert_eq!(confirmations(&both), bought);
    }

    #[test]
    fn the_order_of_the_records_does_not_matter(ours in records(), theirs in records()) {
        let one = merged(&ours.list(), &theirs.list(), Prefer::Newest);
        let other = merged(&ours.backwards(), &theirs.backwards(), Prefer::Newest);
        prop_assert_eq!(contents(&one), contents(&other));
    }

    #[test]
    fn joining_every_possible_duplicate_loses_no_confirmation_id(ours in records(), theirs in records()) {
        let (ours, theirs) = (ours.list(), theirs.list());
        let mut plan = MergePlan::of(&ours, &theirs);
        for pair in &mut plan.possible_duplicates {
            pair.join = true;
        }
        let carried = plan.carry_out(&ours);
        assert_sound(&carried.inventory);
        let bought: BTreeSet<_> = confirmations(&ours).union(&confirmations(&theirs)).cloned().collect();
        prop_assert_eq!(confirmations(&carried.inventory), bought);
    }

    #[test]
    fn what_only_one_side_changed_is_taken_from_it(base in records(), edits in prop::collection::vec(edit(), 1..6)) {
        let base = base.list();
        let mut changed = base.clone();
        for edit in edits {
            edit.make(&mut changed);
        }
        let ours = MergePlan::three_way(&base, &changed, &base);
        prop_assert_eq!(ours.carry_out(&changed).changes, vec![]);
        let theirs = MergePlan::three_way(&base, &base, &changed);
        let undecided = theirs.undecided().count();
        let carried = theirs.carry_out(&base);
        if undecided == 0 {
            prop_assert_eq!(contents(&carried.inventory), contents(&changed));
        }
    }
}

// ---- edits ----------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone)]
enum Edit {
    Remark(usize, Text),
    Rename(usize, &'static str),
    RemoveComputer(usize),
    RemoveProduct(usize),
    RemoveKey(usize),
    Confirm(usize, u64),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..20_usize, remarks()).prop_map(|(n, t)| Edit::Remark(n, t)),
        (0..5_usize, prop::sample::select(vec!["renamed", "other.contoso.com"])).prop_map(|(n, t)| Edit::Rename(n, t)),
        (0..5_usize).prop_map(Edit::RemoveComputer),
        (0..20_usize).prop_map(Edit::RemoveProduct),
        (0..3_usize).prop_map(Edit::RemoveKey),
        (0..20_usize, 5_u64..8).prop_map(|(n, c)| Edit::Confirm(n, c)),
    ]
}

impl Edit {
    fn change(&self, list: &Inventory) -> Option<Change> {
        Some(match self {
            Self::Remark(n, text) => {
                let mut product = (**list.products().nth(*n)?).clone();
                product.remarks = text.clone();
                Change::PutProduct(Box::new(product))
            }
            Self::Rename(n, name) => {
                let mut computer = (**list.computers().nth(*n)?).clone();
                computer.name = (*name).into();
                Change::PutComputer(Box::new(computer))
            }
            Self::RemoveComputer(n) => Change::RemoveComputer(list.computers().nth(*n)?.id),
            Self::RemoveProduct(n) => Change::RemoveProduct(list.products().nth(*n)?.id),
            Self::RemoveKey(n) => Change::RemoveKey(list.keys().nth(*n)?.id),
            Self::Confirm(n, c) => {
                let product = list.products().nth(*n)?;
                Change::Confirmed {
                    product: product.id,
                    installation_id: product.installation_id.clone()?,
                    confirmation_id: cid(*c),
                    at: at(9),
                }
            }
        })
    }

    fn make(&self, list: &mut Inventory) {
        if let Some(change) = self.change(list) {
            // A name that is taken is refused; then nothing happens.
            let _ = list.apply(&change);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn undoing_every_edit_gives_the_list_back_exactly(list in records(), other in records(), edits in prop::collection::vec(edit(), 0..8)) {
        let before = list.list();
        let mut now = before.clone();
        let mut step = Step::new("edits");
        for edit in edits.iter().filter(|e| !matches!(e, Edit::Confirm(..))) {
            if let Some(change) = edit.change(&now) {
                let _ = step.apply(&mut now, &change);
            }
        }
        for change in MergePlan::of(&now, &other.list()).carry_out(&now).changes {
            step.apply(&mut now, &change).unwrap();
        }
        let after = now.clone();
        let mut undo = Step::new("undo");
        for change in step.reversal(&now).changes {
            undo.apply(&mut now, &change).unwrap();
        }
        prop_assert_eq!(contents(&now), contents(&before));
        let order = |list: &Inventory| list.products().map(|p| p.id).collect::<Vec<_>>();
        prop_assert_eq!(order(&now), order(&before), "every row is in its place again");
        for change in undo.reversal(&now).changes {
            now.apply(&change).unwrap();
        }
        prop_assert_eq!(contents(&now), contents(&after), "redo");
    }

    #[test]
    fn undo_never_takes_back_a_confirmation_id(list in records(), other in records(), edits in prop::collection::vec(edit(), 0..8)) {
        let mut now = list.list();
        let had = confirmations(&now);
        let mut step = Step::new("merge");
        for change in MergePlan::of(&now, &other.list()).carry_out(&now).changes {
            step.apply(&mut now, &change).unwrap();
        }
        let mut received = BTreeSet::new();
        for edit in edits.iter().filter(|e| matches!(e, Edit::Confirm(..))) {
            if let Some(change @ Change::Confirmed { .. }) = edit.change(&now) {
                now.apply(&change).unwrap();
                let Change::Confirmed { confirmation_id, .. } = change else { continue };
                received.insert(confirmation_id.digits().to_string());
            }
        }
        for change in step.reversal(&now).changes {
            now.apply(&change).unwrap();
        }
        let left = confirmations(&now);
        prop_assert!(left.is_superset(&had) && left.is_superset(&received));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_difference_of_two_lists_turns_one_into_the_other(one in records(), other in records()) {
        let (mut one, other) = (one.list(), other.list());
        for change in difference(&one, &other) {
            one.apply(&change).unwrap();
        }
        prop_assert_eq!(contents(&one), contents(&other));
    }
}

// ---- who is who -----------------------------------------------------------------------------------------------------

fn of(computers: impl IntoIterator<Item = Computer>) -> Inventory {
    Inventory::from_records(ListHeader::default(), computers, Vec::<Product>::new(), [])
}

fn named(name: &str, id: u64, network: (NetworkKind, &str), mac: &str) -> Computer {
    let mut computer = Computer::named(name);
    computer.id = ComputerId(guid(id));
    computer.network = Network {
        kind: network.0,
        name: network.1.into(),
    };
    computer.mac_addresses = (!mac.is_empty()).then(|| mac.into()).into_iter().collect();
    computer
}

const UNKNOWN: (NetworkKind, &str) = (NetworkKind::None, "");
const CONTOSO: (NetworkKind, &str) = (NetworkKind::Domain, "contoso.com");
const WORKGROUP: (NetworkKind, &str) = (NetworkKind::Workgroup, "WORKGROUP");
const REAL: &str = "3C-52-82-00-00-01";
const VIRTUAL: &str = "00-50-56-00-00-01";

/// How the only computer of `theirs` was recognised in `ours`; `None`: it is new.
fn recognised(ours: &[Computer], theirs: &[Computer]) -> Option<MatchedBy> {
    let plan = MergePlan::of(&of(ours.to_vec()), &of(theirs.to_vec()));
    plan.rows[0].matched_by
}

#[test]
fn computers_are_recognised_by_id_then_name_then_hardware_address() {
    let ours = [named("pc1.contoso.com", 1, CONTOSO, "")];
    let by = |computer: Computer| recognised(&ours, &[computer]);
    assert_eq!(by(named("renamed.contoso.com", 1, CONTOSO, "")), Some(MatchedBy::Id));
    assert_eq!(by(named("PC1.CONTOSO.COM", 2, UNKNOWN, "")), Some(MatchedBy::Name));
    assert_eq!(
        by(named("pc1", 2, CONTOSO, "")),
        Some(MatchedBy::Name),
        "short name in the same domain"
    );
    assert_eq!(by(named("pc1", 2, WORKGROUP, "")), None, "only offered");
    let ours = [named("lab7", 1, WORKGROUP, REAL)];
    let by = |computer: Computer| recognised(&ours, &[computer]);
    assert_eq!(by(named("lab7", 2, WORKGROUP, "")), Some(MatchedBy::Name));
    assert_eq!(
        by(named("10.0.0.7", 2, UNKNOWN, REAL)),
        Some(MatchedBy::HardwareAddress)
    );
    assert_eq!(
        by(named("lab7-renamed", 2, WORKGROUP, REAL)),
        Some(MatchedBy::HardwareAddress)
    );
}

#[test]
fn virtual_and_shared_hardware_addresses_recognise_nobody() {
    let by = |ours: &[Computer], theirs: &[Computer]| recognised(ours, theirs);
    let lab = |name: &str, id, mac| named(name, id, WORKGROUP, mac);
    assert_eq!(by(&[lab("a", 1, VIRTUAL)], &[lab("b", 2, VIRTUAL)]), None);
    // Two computers of one list have it: the docking station went round.
    assert_eq!(by(&[lab("a", 1, REAL), lab("c", 3, REAL)], &[lab("b", 2, REAL)]), None);
    assert_eq!(by(&[lab("a", 1, REAL)], &[lab("b", 2, REAL), lab("d", 4, REAL)]), None);
}

#[test]
fn two_names_of_a_domain_with_one_hardware_address_are_offered_not_merged() {
    let ours = of([named("pc1.contoso.com", 1, CONTOSO, REAL)]);
    let theirs = of([named("pc2.contoso.com", 2, CONTOSO, REAL)]);
    let plan = MergePlan::of(&ours, &theirs);
    assert_eq!(plan.rows[0].what, What::New);
    assert_eq!(plan.possible_duplicates[0].why, Resemblance::HardwareAddress);
    assert!(!plan.possible_duplicates[0].join);
}

#[test]
fn contradicting_identities_are_conflicts() {
    let why = |ours: &[Computer], theirs: &[Computer]| {
        let plan = MergePlan::of(&of(ours.to_vec()), &of(theirs.to_vec()));
        assert_eq!(plan.rows[0].what, What::Conflict);
        plan.rows[0].contradictions.clone()
    };
    let ours = [
        named("a.contoso.com", 1, CONTOSO, ""),
        named("b.contoso.com", 2, CONTOSO, ""),
    ];
    assert!(why(&ours, &[named("b.contoso.com", 1, CONTOSO, "")]).contains(&Contradiction::Identity));
    let (here, there) = (
        named("lab7", 1, WORKGROUP, ""),
        named("lab7", 2, (NetworkKind::Workgroup, "OTHER"), ""),
    );
    assert!(why(&[here], &[there]).contains(&Contradiction::Network));
}

#[test]
fn a_short_name_and_an_address_are_found_beside_the_full_name_in_one_list() {
    let mut full = named("pc1.contoso.com", 1, CONTOSO, "");
    full.connect = Some(ConnectTo {
        address: Some("10.0.0.7".into()),
        port: None,
        way: None,
    });
    let list = of([
        named("pc1", 2, UNKNOWN, ""),
        full,
        named("10.0.0.7", 3, UNKNOWN, ""),
        named("pc9.contoso.com", 4, CONTOSO, ""),
    ]);
    let found: Vec<_> = possible_duplicates(&list)
        .into_iter()
        .map(|d| (d.keep_name.to_string(), d.other_name.to_string(), d.why))
        .collect();
    let full = "pc1.contoso.com".to_owned();
    assert_eq!(
        found,
        [
            (full.clone(), "10.0.0.7".into(), Resemblance::Address),
            (full, "pc1".into(), Resemblance::ShortName),
        ]
    );
    let pair = &possible_duplicates(&list)[1];
    let mut joined = list.clone();
    for change in join(&list, pair.keep, pair.other) {
        joined.apply(&change).unwrap();
    }
    assert_eq!(joined.computer_count(), 3);
}

#[test]
fn keys_are_one_by_value_or_last_five_and_the_newest_count_wins() {
    let counted = |mut entry: KeyEntry, left: u32, seconds: i64| {
        entry.remaining = Some(RemainingCount {
            left: Some(left),
            at: Some(at(seconds)),
        });
        entry
    };
    let list = |key: KeyEntry| {
        Inventory::from_records(
            ListHeader::default(),
            Vec::<Computer>::new(),
            Vec::<Product>::new(),
            [key],
        )
    };
    let whole = KeyEntry::of(key(1), KeyType::Mak);
    let mut five = KeyEntry {
        key: None,
        id: KeyEntryId(guid(9)),
        ..whole.clone()
    };
    five.remarks = "head office".into();
    let ours = list(counted(whole.clone(), 40, 10));
    let theirs = list(counted(five.clone(), 33, 20));
    let both = merged(&ours, &theirs, Prefer::Newest);
    let one = both.keys().next().unwrap();
    assert_eq!(both.key_count(), 1);
    assert_eq!(
        (one.key.is_some(), one.remaining.unwrap().left, &*one.remarks),
        (true, Some(33), "head office")
    );
    let older = merged(&ours, &list(counted(five, 99, 5)), Prefer::Newest);
    assert_eq!(older.keys().next().unwrap().remaining.unwrap().left, Some(40));
}
