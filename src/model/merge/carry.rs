//! From a plan to changes.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::computers::{self, Naming, Seen};
use super::foreign::with_their_foreign;
use super::pairs::seen_at;
use super::plan::{Choice, MergePlan, MergeRow, Pair, RowRecord, What};
use super::three_way::{Rule, Side};
use super::{Contradiction, duplicates, keys, names, products};
use crate::model::{Change, Computer, Inventory, KeyEntry, ListHeader, Product};

/// A plan as carried out.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// What was changed, in the order in which it applies.
    pub changes: Vec<Change>,
    /// The list with those changes.
    pub inventory: Inventory,
    /// What no longer fitted the list, in words.
    pub refused: Vec<String>,
}

impl Carried {
    /// Applies one more change, or says why it does not fit.
    pub fn apply(&mut self, change: Change) {
        match self.inventory.apply(&change) {
            Ok(()) => self.changes.push(change),
            Err(error) => self.refused.push(error.to_string()),
        }
    }
}

impl MergePlan {
    /// Carries the plan out on `ours`, which may have moved on since it was planned: what was read or received since is
    /// merged like everything else.
    pub fn carry_out(&self, ours: &Inventory) -> Carried {
        let mut carried = Carried {
            inventory: ours.clone(),
            ..Carried::default()
        };
        let merged = self.their_header.as_ref();
        if let Some(header) = merged.and_then(|theirs| with_their_foreign(ours.header(), theirs)) {
            let ListHeader { root, data, .. } = header;
            carried.apply(Change::KeepForeign { root, data });
        }
        let (mut gone, mut gone_later) = (Vec::new(), Vec::new());
        computers(&mut carried, &self.rows, &mut gone_later);
        for row in self.rows.iter().filter(|r| r.choice != Choice::Skip) {
            match &row.record {
                RowRecord::Computer(_) => {}
                RowRecord::Product(pair, _) => product(&mut carried, row, pair, &mut gone),
                RowRecord::Key(pair) => key(&mut carried, row, pair, &mut gone),
            }
        }
        for change in gone.into_iter().chain(gone_later) {
            let holds_rows =
                matches!(&change, Change::RemoveComputer(id) if carried.inventory.products_of(*id).next().is_some());
            if !holds_rows {
                carried.apply(change);
            }
        }
        for pair in self.possible_duplicates.iter().filter(|d| d.join) {
            for change in duplicates::join(&carried.inventory, pair.keep, pair.other) {
                carried.apply(change);
            }
        }
        carried
    }
}

fn take(choice: Choice) -> Option<Side> {
    match choice {
        Choice::Newest | Choice::Skip => None,
        Choice::Theirs => Some(Side::Theirs),
        Choice::Ours => Some(Side::Ours),
    }
}

/// What becomes of a record that one side does not have.
enum OneSided {
    Add,
    Remove,
    Leave,
}

fn one_sided<T>(row: &MergeRow, pair: &Pair<T>) -> OneSided {
    let removed_there = pair.theirs.is_none();
    match (removed_there, row.choice) {
        (true, Choice::Theirs) => OneSided::Remove,
        (true, Choice::Newest) if row.what == What::Removed => OneSided::Remove,
        // New there, or changed there after it was removed here.
        (false, Choice::Theirs) => OneSided::Add,
        (false, Choice::Newest) if row.what != What::NewerHere => OneSided::Add,
        _ => OneSided::Leave,
    }
}

fn computers(carried: &mut Carried, rows: &[MergeRow], gone: &mut Vec<Change>) {
    let (mut puts, mut renamed, mut wanted) = (Vec::new(), HashMap::new(), Vec::new());
    for row in rows.iter().filter(|r| r.choice != Choice::Skip) {
        let RowRecord::Computer(pair) = &row.record else {
            continue;
        };
        let Some(id) = pair.any().map(|c| c.id) else { continue };
        match (carried.inventory.computer(id), &pair.theirs) {
            (Some(ours), Some(theirs)) => {
                if Arc::ptr_eq(ours, theirs) || ours == theirs {
                    continue;
                }
                let at = seen_at(&carried.inventory, ours);
                let merged = merged(row, pair, ours, at, Naming::Free);
                if merged.name == ours.name {
                    if merged != **ours {
                        puts.push(merged);
                    }
                } else {
                    wanted.push((id, merged.name.clone()));
                    renamed.insert(id, (row, pair, merged));
                }
            }
            (None, Some(theirs)) if matches!(one_sided(row, pair), OneSided::Add) => puts.push((**theirs).clone()),
            (Some(_), None) if matches!(one_sided(row, pair), OneSided::Remove) => {
                gone.push(Change::RemoveComputer(id));
            }
            _ => {}
        }
    }
    for id in names::grant(&carried.inventory, &wanted) {
        if let Some((_, _, computer)) = renamed.remove(&id) {
            carried.apply(Change::PutComputer(Box::new(computer)));
        }
    }
    // Those whose new name somebody else keeps.
    for (id, _) in wanted {
        let (Some((row, pair, _)), Some(ours)) = (renamed.remove(&id), carried.inventory.computer(id)) else {
            continue;
        };
        let at = seen_at(&carried.inventory, ours);
        let merged = merged(row, pair, ours, at, Naming::Taken);
        if merged != **ours {
            puts.push(merged);
        }
    }
    for computer in puts {
        carried.apply(Change::PutComputer(Box::new(computer)));
    }
}

fn merged(
    row: &MergeRow,
    pair: &Pair<Computer>,
    ours: &Computer,
    at: Option<DateTime<Utc>>,
    naming: Naming,
) -> Computer {
    let Some(theirs) = &pair.theirs else {
        return ours.clone();
    };
    let rule = Rule {
        base: pair.base.as_deref(),
        take: take(row.choice),
    };
    let mine = Seen { computer: ours, at };
    let other = Seen {
        computer: theirs,
        at: row.seen_there,
    };
    let in_doubt = row.contested || row.contradictions.contains(&Contradiction::Identity);
    let naming = if in_doubt { Naming::InDoubt } else { naming };
    computers::merge(rule, mine, other, naming).record
}

fn product(carried: &mut Carried, row: &MergeRow, pair: &Pair<Product>, gone: &mut Vec<Change>) {
    let Some(id) = pair.any().map(|p| p.id) else { return };
    let ours = carried.inventory.product(id).cloned();
    match (ours, &pair.theirs) {
        (Some(ours), Some(theirs)) => {
            if Arc::ptr_eq(&ours, theirs) || ours == *theirs {
                return;
            }
            let rule = Rule {
                base: pair.base.as_deref(),
                take: take(row.choice),
            };
            let merged = products::merge(rule, &ours, theirs).record;
            if merged != *ours {
                carried.apply(Change::PutProduct(Box::new(merged)));
            }
        }
        (None, Some(theirs)) => {
            // A computer that is left out leaves out its products.
            let lives = theirs.computer.is_none_or(|c| carried.inventory.computer(c).is_some());
            if lives && matches!(one_sided(row, pair), OneSided::Add) {
                carried.apply(Change::PutProduct(Box::new((**theirs).clone())));
            }
        }
        (Some(_), None) if matches!(one_sided(row, pair), OneSided::Remove) => {
            gone.push(Change::RemoveProduct(id));
        }
        _ => {}
    }
}

fn key(carried: &mut Carried, row: &MergeRow, pair: &Pair<KeyEntry>, gone: &mut Vec<Change>) {
    let Some(id) = pair.any().map(|k| k.id) else { return };
    let ours = carried.inventory.key(id).cloned();
    match (ours, &pair.theirs) {
        (Some(ours), Some(theirs)) => {
            let rule = Rule {
                base: pair.base.as_deref(),
                take: take(row.choice),
            };
            let merged = keys::merge(rule, &ours, theirs).record;
            if merged != *ours {
                carried.apply(Change::PutKey(Box::new(merged)));
            }
        }
        (None, Some(theirs)) if matches!(one_sided(row, pair), OneSided::Add) => {
            carried.apply(Change::PutKey(Box::new((**theirs).clone())));
        }
        (Some(_), None) if matches!(one_sided(row, pair), OneSided::Remove) => gone.push(Change::RemoveKey(id)),
        _ => {}
    }
}
