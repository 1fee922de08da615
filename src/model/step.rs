//! Undo and redo: what an edit did to each record, and how to take it back without taking back what the world did since.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::merge::{revert_computer, revert_key, revert_product};
use super::{
    Change, ChangeError, Computer, ComputerId, Confirmation, Inventory, KeyEntry, KeyEntryId, ListHeader, Product,
    ProductId, Text,
};

/// A record before and after an edit; `None`: it was not in the list.
#[derive(Debug, Clone)]
struct Turn<T> {
    before: Option<Arc<T>>,
    after: Option<Arc<T>>,
}

/// The records of one kind that an edit touched, in the order of the first touch.
#[derive(Debug, Clone)]
struct Turns<Id, T> {
    order: Vec<Id>,
    turns: HashMap<Id, Turn<T>>,
}

impl<Id, T> Default for Turns<Id, T> {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            turns: HashMap::new(),
        }
    }
}

impl<Id: Copy + Eq + std::hash::Hash, T: PartialEq> Turns<Id, T> {
    fn note(&mut self, id: Id, before: Option<Arc<T>>, after: Option<Arc<T>>) {
        if let Some(turn) = self.turns.get_mut(&id) {
            turn.after = after;
            return;
        }
        self.order.push(id);
        self.turns.insert(id, Turn { before, after });
    }

    fn iter(&self) -> impl Iterator<Item = (Id, &Turn<T>)> {
        let turned = |id: &Id| Some((*id, self.turns.get(id)?));
        self.order
            .iter()
            .filter_map(turned)
            .filter(|(_, turn)| turn.before != turn.after)
    }
}

/// One edit of the list: its name for people, and every record it touched.
///
/// Only edits are steps. What came from the world - observations, confirmation IDs, questions, counts - is never taken back;
/// where it changed a record since, undoing takes back the edit alone.
#[derive(Debug, Clone, Default)]
pub struct Step {
    label: Text,
    computers: Turns<ComputerId, Computer>,
    products: Turns<ProductId, Product>,
    keys: Turns<KeyEntryId, KeyEntry>,
    /// What was kept of other programs outside the records.
    header: Option<Turn<ListHeader>>,
}

/// How a step is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reversal {
    /// The changes, in the order in which they apply.
    pub changes: Vec<Change>,
    /// Records that stay, because they received a confirmation ID since or belong to something that is gone; in words.
    pub kept: Vec<String>,
}

impl Step {
    /// A step that has not touched anything yet.
    pub fn new(label: impl Into<Text>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// Its name for people: `Remove 3 computers`.
    pub fn label(&self) -> &Text {
        &self.label
    }

    /// True if there is nothing to take back.
    pub fn is_empty(&self) -> bool {
        self.computers.iter().next().is_none()
            && self.products.iter().next().is_none()
            && self.keys.iter().next().is_none()
            && self.header.is_none()
    }

    /// Applies `change` to `inventory` and, if it is an edit, remembers what it did.
    pub fn apply(&mut self, inventory: &mut Inventory, change: &Change) -> Result<(), ChangeError> {
        match change {
            Change::PutComputer(computer) => {
                let before = inventory.computer(computer.id).cloned();
                inventory.apply(change)?;
                let after = inventory.computer(computer.id).cloned();
                self.computers.note(computer.id, before, after);
            }
            Change::RemoveComputer(id) => {
                let before = inventory.computer(*id).cloned();
                let products: Vec<Arc<Product>> = inventory.products_of(*id).cloned().collect();
                inventory.apply(change)?;
                if before.is_some() {
                    self.computers.note(*id, before, None);
                }
                for product in products {
                    self.products.note(product.id, Some(product), None);
                }
            }
            Change::PutProduct(product) | Change::RestoreProduct(product) => {
                let before = inventory.product(product.id).cloned();
                inventory.apply(change)?;
                let after = inventory.product(product.id).cloned();
                self.products.note(product.id, before, after);
            }
            Change::RemoveProduct(id) => {
                let before = inventory.product(*id).cloned();
                inventory.apply(change)?;
                if before.is_some() {
                    self.products.note(*id, before, None);
                }
            }
            Change::PutKey(key) => {
                let before = inventory.key(key.id).cloned();
                inventory.apply(change)?;
                let after = inventory.key(key.id).cloned();
                self.keys.note(key.id, before, after);
            }
            Change::RemoveKey(id) => {
                let before = inventory.key(*id).cloned();
                inventory.apply(change)?;
                if before.is_some() {
                    self.keys.note(*id, before, None);
                }
            }
            Change::KeepForeign { .. }
            | Change::SaveDiscovery(_)
            | Change::RemoveDiscovery(_)
            | Change::ApproveKmsHosts(_) => {
                let before = Some(Arc::new(inventory.header().clone()));
                inventory.apply(change)?;
                let after = Some(Arc::new(inventory.header().clone()));
                let before = self.header.take().map_or(before, |turn| turn.before);
                self.header = Some(Turn { before, after });
            }
            Change::Observed(_)
            | Change::NotReached { .. }
            | Change::Reached { .. }
            | Change::Acted { .. }
            | Change::Asked { .. }
            | Change::Confirmed { .. }
            | Change::NotConfirmed { .. }
            | Change::Counted { .. }
            | Change::NotCounted { .. } => inventory.apply(change)?,
        }
        Ok(())
    }

    /// What takes this step back on `now`. Applied through another step, it can be taken back in turn: that is redo.
    pub fn reversal(&self, now: &Inventory) -> Reversal {
        let mut reversal = Reversal::default();
        let mut trial = now.clone();
        let restored = self.remove_products(&mut reversal, &mut trial);
        self.restore_computers(&mut reversal, &mut trial, &restored);
        for product in &restored {
            let change = Change::RestoreProduct(Box::new(product.clone()));
            let differs = trial.product(product.id).is_none_or(|now| **now != *product);
            if differs && !reversal.attempt(&mut trial, change) {
                reversal.kept.push(format!(
                    "{} is not brought back: its computer is not in the list any more",
                    product.application_label()
                ));
            }
        }
        self.remove_computers(&mut reversal, &mut trial);
        self.keys(&mut reversal, &mut trial);
        self.foreign(&mut reversal, &mut trial);
        self.saved(&mut reversal, &mut trial);
        reversal
    }

    /// Removes the products that the step added, and answers with those that it changed or removed as they are to be.
    fn remove_products(&self, reversal: &mut Reversal, trial: &mut Inventory) -> Vec<Product> {
        let mut restored = Vec::new();
        for (id, turn) in self.products.iter() {
            match (&turn.before, &turn.after, trial.product(id).cloned()) {
                (Some(before), Some(after), Some(now)) => restored.push(revert_product(before, after, &now)),
                (Some(before), None, None) => restored.push((**before).clone()),
                (Some(before), None, Some(now)) => {
                    // Somebody brought the row back meanwhile; what was bought with the old one belongs to it.
                    let mut record = (*now).clone();
                    for confirmation in before.confirmations() {
                        record.keep_beside(confirmation);
                    }
                    restored.push(record);
                }
                (None, after, Some(now)) => {
                    if gained(after.as_deref(), &now) {
                        reversal.kept.push(in_words(&now, trial));
                    } else {
                        reversal.attempt(trial, Change::RemoveProduct(id));
                    }
                }
                // Removed since.
                (_, _, None) => {}
            }
        }
        restored
    }

    /// Computers that were removed or changed, as they were. One may wait for the name that another gives up.
    fn restore_computers(&self, reversal: &mut Reversal, trial: &mut Inventory, restored: &[Product]) {
        let mut waiting: Vec<Computer> = Vec::new();
        for (id, turn) in self.computers.iter() {
            let Some(before) = &turn.before else { continue };
            let record = match (&turn.after, trial.computer(id)) {
                (Some(after), Some(now)) => revert_computer(before, after, now),
                (None, None) => (**before).clone(),
                // Removed since, or added again.
                _ => continue,
            };
            if trial.computer(id).is_none_or(|now| **now != record) {
                waiting.push(record);
            }
        }
        let moving: HashSet<ProductId> = restored.iter().map(|p| p.id).collect();
        loop {
            let before = waiting.len();
            waiting.retain(|computer| !reversal.attempt(trial, Change::PutComputer(Box::new(computer.clone()))));
            if waiting.is_empty() {
                return;
            }
            if waiting.len() < before {
                continue;
            }
            // A computer that the step added has the name. Its rows are those that are about to go back.
            let added = waiting.iter().find_map(|computer| {
                let holder = trial.computer_by_name(&computer.name)?.id;
                let turn = self.computers.turns.get(&holder)?;
                let leaves = trial.products_of(holder).all(|p| moving.contains(&p.id));
                (turn.before.is_none() && leaves).then_some(holder)
            });
            let Some(added) = added else { break };
            reversal.attempt(trial, Change::RemoveComputer(added));
        }
        for computer in waiting {
            let name = &computer.name;
            reversal.kept.push(format!(
                "another computer is called {name} now: the one before is not brought back"
            ));
        }
    }

    fn remove_computers(&self, reversal: &mut Reversal, trial: &mut Inventory) {
        for (id, turn) in self.computers.iter() {
            if turn.before.is_some() {
                continue;
            }
            let Some(now) = trial.computer(id) else { continue };
            let name = now.name.clone();
            let touched = |p: &Product| self.products.turns.get(&p.id).and_then(|t| t.after.as_deref());
            if trial.products_of(id).any(|p| gained(touched(p), p)) {
                reversal
                    .kept
                    .push(format!("{name} stays: it received a confirmation ID since"));
            } else {
                reversal.attempt(trial, Change::RemoveComputer(id));
            }
        }
    }

    fn keys(&self, reversal: &mut Reversal, trial: &mut Inventory) {
        for (id, turn) in self.keys.iter() {
            let now = trial.key(id).cloned();
            let change = match (&turn.before, &turn.after, now) {
                (Some(before), Some(after), Some(now)) => {
                    let record = revert_key(before, after, &now);
                    (record != *now).then(|| Change::PutKey(Box::new(record)))
                }
                (Some(before), None, None) => Some(Change::PutKey(Box::new((**before).clone()))),
                (None, _, Some(_)) => Some(Change::RemoveKey(id)),
                _ => None,
            };
            if let Some(change) = change {
                reversal.attempt(trial, change);
            }
        }
    }

    /// What other programs said is brought back where nobody changed it since.
    fn foreign(&self, reversal: &mut Reversal, trial: &mut Inventory) {
        let Some((before, after)) = self
            .header
            .as_ref()
            .and_then(|turn| turn.before.as_ref().zip(turn.after.as_ref()))
        else {
            return;
        };
        let now = trial.header();
        if (&now.root, &now.data) == (&after.root, &after.data) && now != &**before {
            let (root, data) = (before.root.clone(), before.data.clone());
            reversal.attempt(trial, Change::KeepForeign { root, data });
        }
    }
}

impl Step {
    /// Saved discoveries and approved hosts as they were, except those that somebody changed since.
    fn saved(&self, reversal: &mut Reversal, trial: &mut Inventory) {
        let turn = self.header.as_ref();
        let Some((before, after)) = turn.and_then(|turn| turn.before.as_ref().zip(turn.after.as_ref())) else {
            return;
        };
        let now = trial.header().clone();
        let is_untouched = |change: &Change| match change {
            Change::SaveDiscovery(saved) => now.discovery(&saved.name) == after.discovery(&saved.name),
            Change::RemoveDiscovery(name) => now.discovery(name) == after.discovery(name),
            _ => now.approved_kms_hosts == after.approved_kms_hosts,
        };
        for change in after.changes_to(before) {
            if is_untouched(&change) {
                reversal.attempt(trial, change);
            }
        }
    }
}

impl Reversal {
    fn attempt(&mut self, trial: &mut Inventory, change: Change) -> bool {
        let fits = trial.apply(&change).is_ok();
        if fits {
            self.changes.push(change);
        }
        fits
    }
}

/// True if the row holds something bought that it did not hold after the edit.
fn gained(after: Option<&Product>, now: &Product) -> bool {
    let had = |c: &Confirmation| {
        after.is_some_and(|a| {
            a.confirmations()
                .any(|known| known.confirmation_id == c.confirmation_id)
        })
    };
    now.confirmations().any(|c| !had(c)) || (now.asked.is_some() && after.is_none_or(|a| a.asked != now.asked))
}

fn in_words(product: &Product, inventory: &Inventory) -> String {
    let computer = product.computer.and_then(|c| inventory.computer(c));
    let what = if product.name.is_empty() {
        product.application_label()
    } else {
        &product.name
    };
    match computer {
        Some(computer) => format!("{what} on {} stays: it received a confirmation ID since", computer.name),
        None => format!("{what} stays: it received a confirmation ID since"),
    }
}
