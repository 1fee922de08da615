//! What turns one inventory into another.

use std::collections::HashSet;

use super::{Change, Computer, ComputerId, Inventory};

/// The changes that turn `from` into `to`, in the order in which they apply. What the files said outside their records is not
/// compared. Takes time linear in both.
pub fn difference(from: &Inventory, to: &Inventory) -> Vec<Change> {
    let mut changes = Vec::new();
    for product in from.products().filter(|p| to.product(p.id).is_none()) {
        changes.push(Change::RemoveProduct(product.id));
    }
    let mut gone: HashSet<ComputerId> = HashSet::new();
    for computer in from.computers().filter(|c| to.computer(c.id).is_none()) {
        changes.push(Change::RemoveComputer(computer.id));
        gone.insert(computer.id);
    }
    let differs = |c: &Computer| from.computer(c.id).is_none_or(|known| **known != *c);
    let records: Vec<&Computer> = to.computers().map(|c| &**c).filter(|c| differs(c)).collect();
    changes.extend(puts(from, &records, |id| to.computer(id).is_some()));
    for product in to.products() {
        let same = from
            .product(product.id)
            .is_some_and(|p| p == product && p.computer.is_none_or(|c| !gone.contains(&c)));
        if !same {
            changes.push(Change::RestoreProduct(Box::new((**product).clone())));
        }
    }
    for key in from.keys().filter(|k| to.key(k.id).is_none()) {
        changes.push(Change::RemoveKey(key.id));
    }
    for key in to.keys().filter(|k| from.key(k.id).is_none_or(|known| known != *k)) {
        changes.push(Change::PutKey(Box::new((**key).clone())));
    }
    changes
}

/// The changes that put new and changed computers in the place of those of `from`; `stays` tells of the others whether they
/// are still there. One that takes the name of another waits until that has its new one; where names go round in a circle, one
/// of them gets a name in between.
pub(super) fn puts(from: &Inventory, records: &[&Computer], stays: impl Fn(ComputerId) -> bool) -> Vec<Change> {
    let mut changes = Vec::with_capacity(records.len());
    // Whoever has the name of another one that stays.
    let blocked = |c: &Computer| {
        let holder = from.computer_by_name(&c.name).filter(|h| h.id != c.id);
        holder.is_some_and(|h| stays(h.id))
    };
    let (waiting, free): (Vec<&Computer>, Vec<&Computer>) = records.iter().copied().partition(|c| blocked(c));
    // Names in between free every name at once; they are seen by nobody.
    for computer in &waiting {
        let holder = from.computer_by_name(&computer.name);
        if let Some(holder) = holder {
            let name = format!("{} ({})", holder.name, holder.id.0);
            changes.push(Change::PutComputer(Box::new(Computer {
                name: name.into(),
                ..(**holder).clone()
            })));
        }
    }
    for computer in free.into_iter().chain(waiting) {
        changes.push(Change::PutComputer(Box::new(computer.clone())));
    }
    changes
}
