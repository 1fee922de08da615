//! Finds what belongs together in two lists and says what each pair means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::computers::{Naming, Seen};
use super::identity::{Identities, identify};
use super::plan::{Choice, MergePlan, MergeRow, Pair, RowRecord, What};
use super::three_way::Rule;
use super::{Contradiction, Merged, computers, duplicates, keys, names, products};
use crate::model::{
    ApplicationId, Computer, ComputerId, Inventory, KeyEntry, KeyEntryId, LastFive, Product, ProductId, ProductKey,
    Text,
};

/// One product: its computer, application and SKU.
type Place = (ComputerId, ApplicationId, Uuid);

struct Planning<'i> {
    base: Option<&'i Inventory>,
    ours: &'i Inventory,
    theirs: &'i Inventory,
    /// Our list, and what was removed from it since `base`: what theirs is compared with.
    known: Inventory,
    identities: Identities,
    /// Names of computers that are new, by the identity they get.
    new_names: HashMap<ComputerId, Text>,
    rows: Vec<MergeRow>,
}

pub(super) fn plan(base: Option<&Inventory>, ours: &Inventory, theirs: &Inventory) -> MergePlan {
    let known = with_removed(base, ours);
    let identities = identify(&known, theirs);
    let mut planning = Planning {
        base,
        ours,
        theirs,
        known,
        identities,
        new_names: HashMap::new(),
        rows: Vec::new(),
    };
    let new = planning.computers();
    planning.products();
    planning.keys();
    let targets = &planning.identities.target;
    let possible_duplicates = duplicates::among(ours, &new, theirs, targets);
    MergePlan {
        rows: planning.rows,
        possible_duplicates,
        their_header: None,
    }
}

/// `ours` with the records of `base` that are not in it any more.
fn with_removed(base: Option<&Inventory>, ours: &Inventory) -> Inventory {
    let mut known = ours.clone();
    let Some(base) = base else { return known };
    for computer in base.computers() {
        if known.computer(computer.id).is_none() && known.computer_by_name(&computer.name).is_none() {
            known.put_computer((**computer).clone());
        }
    }
    for product in base.products() {
        let has_computer = product.computer.is_none_or(|c| known.computer(c).is_some());
        if known.product(product.id).is_none() && has_computer {
            known.put_product((**product).clone());
        }
    }
    for key in base.keys() {
        if known.key(key.id).is_none() {
            known.put_key((**key).clone());
        }
    }
    known
}

/// When anything of a computer was last read.
pub(super) fn seen_at(inventory: &Inventory, computer: &Computer) -> Option<DateTime<Utc>> {
    let answered = computer.contact.as_ref().filter(|c| c.failure.is_none()).map(|c| c.at);
    let read = inventory.products_of(computer.id).map(|p| p.status_updated).max();
    answered.max(read.flatten())
}

/// What a pair means, once both sides are merged.
fn verdict<T: PartialEq>(pair: &Pair<T>, merged: impl FnOnce(&T, &T) -> Merged<T>) -> (What, Vec<Contradiction>) {
    match (&pair.base, &pair.ours, &pair.theirs) {
        (_, Some(ours), Some(theirs)) => {
            if Arc::ptr_eq(ours, theirs) || ours == theirs {
                return (What::Same, Vec::new());
            }
            let Merged { record, contradictions } = merged(ours, theirs);
            let what = if !contradictions.is_empty() {
                What::Conflict
            } else if record == **ours {
                What::NewerHere
            } else {
                What::NewerThere
            };
            (what, contradictions)
        }
        (Some(base), None, Some(theirs)) if base == theirs => (What::NewerHere, Vec::new()),
        (None, None, Some(_)) => (What::New, Vec::new()),
        (Some(base), Some(ours), None) if base == ours => (What::Removed, Vec::new()),
        (_, None, Some(_)) | (_, Some(_), None) => (What::Conflict, vec![Contradiction::Removed]),
        (_, None, None) => (What::Same, Vec::new()),
    }
}

/// The identity to try when `id` is taken.
fn next_id(product: &Product, id: ProductId) -> ProductId {
    let owner = product.computer.unwrap_or(ComputerId(id.0));
    ProductId::derive(owner, product.application, Some(id.0))
}

fn row(what: What, contradictions: Vec<Contradiction>, record: RowRecord) -> MergeRow {
    MergeRow {
        what,
        choice: Choice::default(),
        record,
        matched_by: None,
        contradictions,
        new_confirmations: 0,
        contested: false,
        seen_there: None,
    }
}

impl Planning<'_> {
    /// Rows for the computers; returns the new ones, as they will be.
    fn computers(&mut self) -> Vec<Arc<Computer>> {
        let mut sources: HashMap<ComputerId, Vec<&Arc<Computer>>> = HashMap::new();
        let mut order = Vec::new();
        for computer in self.theirs.computers() {
            let Some(target) = self.identities.target.get(&computer.id).copied() else {
                continue;
            };
            let of_target = sources.entry(target).or_default();
            if of_target.is_empty() {
                order.push(target);
            }
            of_target.push(computer);
        }
        let mut new = Vec::new();
        let mut pairs = Vec::new();
        for target in order {
            let Some(theirs) = sources.remove(&target).and_then(|s| self.one_computer(target, s)) else {
                continue;
            };
            if self.known.computer(target).is_none() {
                self.new_names.insert(target, theirs.name.clone());
                new.push(Arc::clone(&theirs));
            }
            pairs.push(Pair {
                base: self.base.and_then(|b| b.computer(target)).cloned(),
                ours: self.ours.computer(target).cloned(),
                theirs: Some(theirs),
            });
        }
        if let Some(base) = self.base {
            let still: HashSet<ComputerId> = self.identities.target.values().copied().collect();
            let gone = base.computers().filter(|c| !still.contains(&c.id));
            pairs.extend(gone.filter_map(|computer| {
                Some(Pair {
                    base: Some(Arc::clone(computer)),
                    ours: Some(Arc::clone(self.ours.computer(computer.id)?)),
                    theirs: None,
                })
            }));
        }
        let wanted: Vec<(ComputerId, Text)> = pairs
            .iter()
            .filter(|pair| matches!((&pair.ours, &pair.theirs), (Some(o), Some(t)) if o.name != t.name))
            .filter_map(|pair| {
                let (ours, theirs) = (pair.ours.as_deref()?, pair.theirs.as_deref()?);
                let wanted = self.merged(pair, ours, theirs, Naming::Free).record.name;
                (wanted != ours.name).then_some((ours.id, wanted))
            })
            .collect();
        let granted: HashSet<ComputerId> = names::grant(self.ours, &wanted).into_iter().collect();
        for pair in pairs {
            self.computer_row(pair, &granted);
        }
        new
    }

    fn merged(&self, pair: &Pair<Computer>, ours: &Computer, theirs: &Computer, naming: Naming) -> Merged<Computer> {
        let rule = Rule {
            base: pair.base.as_deref(),
            take: None,
        };
        let mine = Seen {
            computer: ours,
            at: seen_at(self.ours, ours),
        };
        let other = Seen {
            computer: theirs,
            at: self.their_time(theirs),
        };
        let in_doubt = self.identities.contradictions.get(&ours.id);
        let in_doubt = in_doubt.is_some_and(|c| c.contains(&Contradiction::Identity));
        let in_doubt = in_doubt || self.identities.contested.contains(&ours.id);
        computers::merge(rule, mine, other, if in_doubt { Naming::InDoubt } else { naming })
    }

    fn computer_row(&mut self, pair: Pair<Computer>, granted: &HashSet<ComputerId>) {
        let Some(target) = pair.any().map(|c| c.id) else { return };
        let naming = if granted.contains(&target) {
            Naming::Free
        } else {
            Naming::Taken
        };
        let (what, mut contradictions) = verdict(&pair, |ours, theirs| self.merged(&pair, ours, theirs, naming));
        contradictions.extend(self.identities.contradictions.remove(&target).into_iter().flatten());
        let what = if contradictions.is_empty() {
            what
        } else {
            What::Conflict
        };
        let by = self.identities.by.get(&target).copied().filter(|_| pair.ours.is_some());
        let seen_there = pair.theirs.as_ref().and_then(|t| self.their_time(t));
        self.rows.push(MergeRow {
            matched_by: by,
            contested: self.identities.contested.contains(&target),
            seen_there,
            ..row(what, contradictions, RowRecord::Computer(pair))
        });
    }

    /// When anything of their record was last read. It has our identity, so its original is found by its name.
    fn their_time(&self, theirs: &Computer) -> Option<DateTime<Utc>> {
        let original = self.theirs.computer_by_name(&theirs.name)?;
        seen_at(self.theirs, original)
    }

    /// Records of theirs that are one computer, as one record with our identity.
    fn one_computer(&self, target: ComputerId, mut sources: Vec<&Arc<Computer>>) -> Option<Arc<Computer>> {
        sources.sort_by_key(|c| (std::cmp::Reverse(computers::name_rank(c)), c.id));
        let mut sources = sources.into_iter();
        let first = sources.next()?;
        if first.id == target && sources.len() == 0 {
            return Some(Arc::clone(first));
        }
        let mut one = Computer {
            id: target,
            ..(**first).clone()
        };
        let mut one_at = seen_at(self.theirs, first);
        for other in sources {
            let other_at = seen_at(self.theirs, other);
            let ours = Seen {
                computer: &one,
                at: one_at,
            };
            let theirs = Seen {
                computer: other,
                at: other_at,
            };
            one = computers::merge(Rule::NEWEST, ours, theirs, Naming::Taken).record;
            one_at = one_at.max(other_at);
        }
        Some(Arc::new(one))
    }

    /// Their products with the identities of our computers, one for each product: of two rows for one the newest, with the
    /// confirmation IDs of both.
    fn their_products(&self) -> Vec<Arc<Product>> {
        let mut products: Vec<Arc<Product>> = Vec::with_capacity(self.theirs.product_count());
        let mut places: HashMap<Place, usize> = HashMap::with_capacity(self.theirs.product_count());
        let mut again: HashMap<usize, Vec<Arc<Product>>> = HashMap::new();
        for product in self.theirs.products() {
            let Some(computer) = product.computer else {
                if self.base.is_some() {
                    products.push(Arc::clone(product));
                }
                continue;
            };
            let Some(target) = self.identities.target.get(&computer).copied() else {
                continue;
            };
            let product = if target == computer {
                Arc::clone(product)
            } else {
                Arc::new(Product {
                    computer: Some(target),
                    ..(**product).clone()
                })
            };
            let place = product.sku.map(|sku| (target, product.application, sku));
            if let Some(at) = place.and_then(|p| places.get(&p)) {
                again.entry(*at).or_default().push(product);
                continue;
            }
            if let Some(place) = place {
                places.insert(place, products.len());
            }
            products.push(product);
        }
        for (at, mut twins) in again {
            let Some(slot) = products.get_mut(at) else { continue };
            twins.push(Arc::clone(slot));
            twins.sort_by_key(|p| (p.status_updated, p.last_updated, p.id));
            let newest_first = twins.into_iter().rev();
            if let Some(one) = newest_first.reduce(|a, b| Arc::new(products::merge(Rule::NEWEST, &a, &b).record)) {
                *slot = one;
            }
        }
        products
    }

    fn products(&mut self) {
        let theirs = self.their_products();
        let mut paired: Vec<Option<ProductId>> = vec![None; theirs.len()];
        let mut claimed: HashSet<ProductId> = HashSet::with_capacity(theirs.len());
        self.pair_by_place(&theirs, &mut paired, &mut claimed);
        self.pair_by_id(&theirs, &mut paired, &mut claimed);
        self.pair_windows(&theirs, &mut paired, &mut claimed);
        let mut taken: HashSet<ProductId> = HashSet::new();
        for (product, known) in theirs.into_iter().zip(paired) {
            let id = known.unwrap_or_else(|| self.free_id(&product, &taken));
            taken.insert(id);
            let product = if product.id == id {
                product
            } else {
                Arc::new(Product {
                    id,
                    ..(*product).clone()
                })
            };
            let pair = Pair {
                base: self.base.and_then(|b| b.product(id)).cloned(),
                ours: self.ours.product(id).cloned(),
                theirs: Some(product),
            };
            self.product_row(pair);
        }
        let Some(base) = self.base else { return };
        for product in base.products().filter(|p| !taken.contains(&p.id)) {
            let pair = Pair {
                base: Some(Arc::clone(product)),
                ours: self.ours.product(product.id).cloned(),
                theirs: None,
            };
            if pair.ours.is_some() {
                self.product_row(pair);
            }
        }
    }

    fn pair_by_place(
        &self,
        theirs: &[Arc<Product>],
        paired: &mut [Option<ProductId>],
        claimed: &mut HashSet<ProductId>,
    ) {
        let place = |p: &Product| Some((p.computer?, p.application, p.sku?));
        let mut places: HashMap<Place, &Arc<Product>> = HashMap::with_capacity(self.known.product_count());
        for product in self.known.products() {
            let Some(place) = place(product) else { continue };
            let rank = |p: &Product| (p.status_updated, p.last_updated, p.id);
            let best = places.entry(place).or_insert(product);
            if rank(product) > rank(best) {
                *best = product;
            }
        }
        for (product, paired) in theirs.iter().zip(paired) {
            let Some(place) = place(product) else { continue };
            // The same identity in the same place comes before any other row of that place.
            let same = self.known.product(product.id);
            let same = same.filter(|p| (p.computer, p.application, p.sku) == (Some(place.0), place.1, Some(place.2)));
            let Some(known) = same.or_else(|| places.get(&place).copied()) else {
                continue;
            };
            if claimed.insert(known.id) {
                *paired = Some(known.id);
            }
        }
    }

    /// The same `ExportGuid` on the same computer, under another SKU: another key was installed meanwhile. Or the one that a
    /// row of theirs got when it came in and its own was taken.
    fn pair_by_id(&self, theirs: &[Arc<Product>], paired: &mut [Option<ProductId>], claimed: &mut HashSet<ProductId>) {
        for (product, paired) in theirs.iter().zip(paired).filter(|(_, p)| p.is_none()) {
            let mut id = product.id;
            while let Some(known) = self.known.product(id) {
                let same_computer = known.computer.is_none() || known.computer == product.computer;
                if same_computer && known.application == product.application && claimed.insert(known.id) {
                    *paired = Some(known.id);
                    break;
                }
                id = next_id(product, id);
            }
        }
    }

    /// A computer has one Windows: where both lists have one row for it, it is one product, whatever key it carries.
    fn pair_windows(
        &self,
        theirs: &[Arc<Product>],
        paired: &mut [Option<ProductId>],
        claimed: &mut HashSet<ProductId>,
    ) {
        let is_windows = |p: &Product| p.application == ApplicationId::WINDOWS;
        let mut windows_rows: HashMap<ComputerId, usize> = HashMap::new();
        for computer in theirs.iter().filter(|p| is_windows(p)).filter_map(|p| p.computer) {
            *windows_rows.entry(computer).or_default() += 1;
        }
        for (product, paired) in theirs
            .iter()
            .zip(paired)
            .filter(|(p, id)| id.is_none() && is_windows(p))
        {
            let Some(computer) = product.computer else { continue };
            let mut ours = self.known.products_of(computer).filter(|p| is_windows(p)).take(2);
            let (Some(known), None) = (ours.next(), ours.next()) else {
                continue;
            };
            let single = windows_rows.get(&computer) == Some(&1) && known.is_addon == product.is_addon;
            if single && claimed.insert(known.id) {
                *paired = Some(known.id);
            }
        }
    }

    fn free_id(&self, product: &Product, taken: &HashSet<ProductId>) -> ProductId {
        let mut id = product.id;
        while self.known.product(id).is_some() || taken.contains(&id) {
            id = next_id(product, id);
        }
        id
    }

    fn product_row(&mut self, pair: Pair<Product>) {
        let (mut what, mut contradictions) = verdict(&pair, |ours, theirs| {
            let rule = Rule {
                base: pair.base.as_deref(),
                take: None,
            };
            products::merge(rule, ours, theirs)
        });
        let holds_money = |p: &Arc<Product>| products::all(p).next().is_some() || p.asked.is_some();
        if what == What::Removed && pair.ours.as_ref().is_some_and(holds_money) {
            // Whoever removed it may not have meant the confirmation ID.
            what = What::Conflict;
            contradictions.push(Contradiction::Removed);
        }
        let new_confirmations = match &pair.theirs {
            Some(theirs) => products::new_confirmations(pair.ours.as_deref(), theirs),
            None => 0,
        };
        let name = pair.any().and_then(|p| p.computer).and_then(|c| self.name_of(c));
        self.rows.push(MergeRow {
            new_confirmations,
            ..row(what, contradictions, RowRecord::Product(pair, name))
        });
    }

    /// The name of a computer by our identity for it.
    fn name_of(&self, computer: ComputerId) -> Option<Text> {
        let known = self.known.computer(computer).map(|c| c.name.clone());
        known.or_else(|| self.new_names.get(&computer).cloned())
    }

    fn keys(&mut self) {
        let index = KeyIndex::of(&self.known);
        let mut theirs: Vec<&Arc<KeyEntry>> = self.theirs.keys().collect();
        // Two entries of theirs may be one of ours: the order of the records must not matter.
        theirs.sort_by_key(|k| (k.key.is_none(), std::cmp::Reverse(k.last_update), k.id));
        let mut places: HashMap<KeyEntryId, usize> = HashMap::new();
        let mut new: HashMap<Uuid, KeyEntryId> = HashMap::new();
        let mut merged: Vec<KeyEntry> = Vec::new();
        for key in theirs {
            let value = key.key.as_ref().map(fingerprint);
            let known = index.find(&self.known, key);
            let mut id = known.or_else(|| new.get(&value?).copied()).unwrap_or(key.id);
            if let Some(twin) = places.get(&id).and_then(|i| merged.get_mut(*i))
                && (known.is_some() || (twin.key.is_some() && twin.key == key.key))
            {
                *twin = keys::merge(Rule::NEWEST, twin, key).record;
                continue;
            }
            while known.is_none() && (self.known.key(id).is_some() || places.contains_key(&id)) {
                id = KeyEntryId::derive(&id.0.to_string());
            }
            if let Some(value) = value {
                new.insert(value, id);
            }
            places.insert(id, merged.len());
            merged.push(KeyEntry { id, ..(**key).clone() });
        }
        for key in merged {
            let pair = Pair {
                base: self.base.and_then(|b| b.key(key.id)).cloned(),
                ours: self.ours.key(key.id).cloned(),
                theirs: Some(Arc::new(key)),
            };
            self.key_row(pair);
        }
        let Some(base) = self.base else { return };
        for key in base.keys().filter(|k| !places.contains_key(&k.id)) {
            let pair = Pair {
                base: Some(Arc::clone(key)),
                ours: self.ours.key(key.id).cloned(),
                theirs: None,
            };
            if pair.ours.is_some() {
                self.key_row(pair);
            }
        }
    }

    fn key_row(&mut self, pair: Pair<KeyEntry>) {
        let (what, contradictions) = verdict(&pair, |ours, theirs| {
            let rule = Rule {
                base: pair.base.as_deref(),
                take: None,
            };
            keys::merge(rule, ours, theirs)
        });
        self.rows.push(row(what, contradictions, RowRecord::Key(pair)));
    }
}

/// Stands for a product key where it is looked up, so that no copy of the key lies about.
fn fingerprint(key: &ProductKey) -> Uuid {
    KeyEntryId::derive(key.reveal()).0
}

/// Product keys by what names them.
struct KeyIndex {
    by_value: HashMap<Uuid, KeyEntryId>,
    /// `None` where several keys end alike.
    by_last_five: HashMap<LastFive, Option<KeyEntryId>>,
}

impl KeyIndex {
    fn of(inventory: &Inventory) -> Self {
        let (mut by_value, mut by_last_five) = (HashMap::new(), HashMap::new());
        for key in inventory.keys() {
            if let Some(value) = &key.key {
                by_value.entry(fingerprint(value)).or_insert(key.id);
            }
            if let Some(five) = key.last_five {
                by_last_five
                    .entry(five)
                    .and_modify(|id| *id = None)
                    .or_insert(Some(key.id));
            }
        }
        Self { by_value, by_last_five }
    }

    /// By identity, where nothing contradicts it; by value; where one side has no value, by the last five characters of one
    /// kind of key.
    fn find(&self, inventory: &Inventory, key: &KeyEntry) -> Option<KeyEntryId> {
        let may_be = |known: &KeyEntry| {
            if known.key.is_some() && key.key.is_some() {
                return known.key == key.key;
            }
            let fives = known.last_five.is_some() && key.last_five.is_some() && known.last_five != key.last_five;
            !fives && may_be_of_one_kind(known, key)
        };
        if let Some(known) = inventory.key(key.id).filter(|k| may_be(k)) {
            return Some(known.id);
        }
        if let Some(id) = key.key.as_ref().and_then(|k| self.by_value.get(&fingerprint(k))) {
            return Some(*id);
        }
        let id = self.by_last_five.get(&key.last_five?).copied().flatten()?;
        inventory.key(id).filter(|k| may_be(k)).map(|k| k.id)
    }
}

fn may_be_of_one_kind(a: &KeyEntry, b: &KeyEntry) -> bool {
    let unknown = crate::model::KeyType::Unknown;
    a.key_type == b.key_type || a.key_type == unknown || b.key_type == unknown
}
