//! Merging lists: what holds for every two lists, and the cases that hurt administrators before.

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
        c.contact = contact.map(|at| Contact { at, failure: None });
        c.connect = connect.map(|a| ConnectTo { address: Some(a.into()), port: None, tls: false });
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
        p.confirmation = confirmation;
        for e in earlier {
            let held = p.confirmation.iter().chain(&p.earlier_confirmations).any(|c| c.confirmation_id == e.confirmation_id);
            if !held {
                p.earlier_confirmations.push(e);
            }
        }
        p.asked = asked.map(|(i, t)| Asked { installation_id: iid(i), at: at(t) });
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
        .flat_map(|p| p.confirmation.iter().chain(&p.earlier_confirmations))
        .map(|c| c.confirmation_id.digits().to_owned())
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
        let (ours, theirs) = (ours.list(), theirs.list());
        // One computer by identity and another by name: once somebody has settled that, there is more to merge.
        let doubtful = |r: &MergeRow| r.contradictions.contains(&Contradiction::Identity);
        prop_assume!(!MergePlan::of(&ours, &theirs).rows.iter().any(doubtful));
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
                received.insert(confirmation_id.digits().to_owned());
            }
        }
        for change in step.reversal(&now).changes {
            now.apply(&change).unwrap();
        }
        let left = confirmations(&now);
        prop_assert!(left.is_superset(&had) && left.is_superset(&received));
    }
}
