//! Which computers may take over the names they have in the other list.

use std::collections::{HashMap, VecDeque};

use crate::model::{ComputerId, Inventory, Text};

/// Of the computers of `ours` that want another name, those that can have it, in an order in which each name is free when its
/// turn comes: a name is free if nobody has it, or if whoever has it moves on. Linear, and independent of the order of
/// `wanted`. No two may want the same name.
pub(super) fn grant(ours: &Inventory, wanted: &[(ComputerId, Text)]) -> Vec<ComputerId> {
    let key = |name: &str| name.trim().to_lowercase();
    let by_name: HashMap<String, ComputerId> = wanted.iter().map(|(id, name)| (key(name), *id)).collect();
    let is_free = |(id, name): &&(ComputerId, Text)| ours.computer_by_name(name).is_none_or(|c| c.id == *id);
    let mut free: VecDeque<ComputerId> = wanted.iter().filter(is_free).map(|(id, _)| *id).collect();
    let mut granted = Vec::new();
    while let Some(id) = free.pop_front() {
        granted.push(id);
        let given_up = ours.computer(id).map(|c| key(&c.name));
        // Its own name in other letters was free from the start.
        if let Some(next) = given_up.and_then(|name| by_name.get(&name)).filter(|next| **next != id) {
            free.push_back(*next);
        }
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Computer};

    #[test]
    fn names_move_along_a_chain_and_not_around_a_circle() {
        let mut list = Inventory::default();
        let ids = ["a", "b", "c", "d"].map(|name| {
            let computer = Computer::named(name);
            let id = computer.id;
            list.apply(&Change::PutComputer(Box::new(computer))).unwrap();
            id
        });
        let [a, b, c, d] = ids;
        let wanted = [(a, "b".into()), (b, "e".into()), (c, "d".into()), (d, "c".into())];
        assert_eq!(grant(&list, &wanted), [b, a]);
        assert_eq!(grant(&list, &[(a, "A".into())]), [a], "its own name in other letters");
    }
}
