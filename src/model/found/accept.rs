//! From rows of the plan to changes of the list.

use std::collections::{HashMap, HashSet};

use super::fold::as_computer;
use super::{FoundComputer, FoundKind, FoundPlan, Source};
use crate::model::diff::puts;
use crate::model::{Change, Computer, ComputerId, ConnectTo, Inventory, Text};

/// What accepting rows does to the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The changes, in the order in which they apply.
    pub changes: Vec<Change>,
    /// Computers that are added.
    pub added: usize,
    /// Computers that learn something.
    pub changed: usize,
    /// The computers of all accepted rows, also of those with nothing to do.
    pub computers: Vec<ComputerId>,
    /// What could not be done, in words.
    pub refused: Vec<String>,
    /// The chosen rows that are not taken over as they stand, by their index.
    pub not_taken: Vec<usize>,
}

impl FoundPlan {
    /// Accepts the rows that `chosen` names by their index, on a list that may have moved on since it was planned.
    /// `readdress`: where a computer is reached elsewhere than the list says, the new address is taken over.
    pub fn accept(&self, list: &Inventory, chosen: impl Fn(usize) -> bool, readdress: bool) -> Accepted {
        let mut accepted = Accepted::default();
        let mut records: Vec<(usize, Computer)> = Vec::new();
        let mut ids: HashSet<ComputerId> = HashSet::new();
        let targets: HashSet<ComputerId> = self.rows.iter().filter_map(|row| row.known).collect();
        for (index, row) in self.rows.iter().enumerate() {
            if !chosen(index) {
                continue;
            }
            if row.kind == FoundKind::Unclear {
                let why = row
                    .obstacle
                    .as_deref()
                    .unwrap_or("it is not clear which computer it is");
                accepted.refused.push(format!("{}: {why}", row.found.name));
                accepted.not_taken.push(index);
                continue;
            }
            // Somebody may have added it meanwhile. One that another row is gives its name up.
            let by_name = || {
                let holder = list.computer_by_name(&row.found.name).filter(|_| row.known.is_none());
                holder.filter(|holder| !targets.contains(&holder.id))
            };
            let known = row.known.and_then(|id| list.computer(id)).or_else(by_name);
            let record = match (known, row.known) {
                (Some(known), _) => {
                    let mut record = row.applied_to(list, known);
                    if let Some(connect) = row.elsewhere.as_ref().filter(|_| readdress) {
                        record.connect = Some(connect.clone());
                    }
                    if record == **known {
                        if ids.insert(known.id) {
                            accepted.computers.push(known.id);
                        }
                        continue;
                    }
                    record
                }
                (None, Some(_)) => {
                    accepted
                        .refused
                        .push(format!("{}: it is not in the list any more", row.known_name));
                    accepted.not_taken.push(index);
                    continue;
                }
                (None, None) => with_free_id(list, &ids, new_computer(&row.found)),
            };
            if ids.insert(record.id) {
                records.push((index, record));
            }
        }
        accepted.put(list, records);
        accepted
    }
}

impl Accepted {
    /// Puts the records, each with the index of its row.
    fn put(&mut self, list: &Inventory, mut records: Vec<(usize, Computer)>) {
        let wanted: Vec<(ComputerId, Text)> = records.iter().map(|(_, c)| (c.id, c.name.clone())).collect();
        let mut granted = granted(list, &wanted).into_iter();
        records.retain_mut(|(index, record)| {
            let yes = granted.next().unwrap_or(false);
            if yes {
                return true;
            }
            self.not_taken.push(*index);
            let name = record.name.clone();
            let Some(known) = list.computer(record.id) else {
                self.refused.push(format!(
                    "{name} is not added: another computer of the list is called that"
                ));
                return false;
            };
            self.refused.push(format!(
                "{} is not renamed to {name}: another computer of the list is called that",
                known.name
            ));
            record.name = known.name.clone();
            true
        });
        for (_, record) in &records {
            let known = list.computer(record.id).is_some();
            self.added += usize::from(!known);
            self.changed += usize::from(known);
            self.computers.push(record.id);
        }
        let records: Vec<&Computer> = records.iter().map(|(_, record)| record).collect();
        self.changes = puts(list, &records, |_| true);
    }
}

/// For each computer that wants a name, whether it can have it: nobody has it, or who has it moves on. Of several that want
/// one name the first gets it. Takes time linear in `wanted`.
pub(super) fn granted(list: &Inventory, wanted: &[(ComputerId, Text)]) -> Vec<bool> {
    let key = |name: &str| name.trim().to_lowercase();
    let mut first: HashSet<String> = HashSet::with_capacity(wanted.len());
    let mut answers: Vec<Option<bool>> = wanted
        .iter()
        .map(|(_, name)| (!first.insert(key(name))).then_some(false))
        .collect();
    let moving: HashMap<ComputerId, usize> = wanted
        .iter()
        .enumerate()
        .filter(|(at, _)| answers.get(*at) == Some(&None))
        .map(|(at, (id, _))| (*id, at))
        .collect();
    for start in 0..wanted.len() {
        let (mut at, mut chain) = (start, HashSet::new());
        let answer = loop {
            if let Some(Some(known)) = answers.get(at) {
                break *known;
            }
            let Some((id, name)) = wanted.get(at) else { break false };
            chain.insert(at);
            let holder = match list.computer_by_name(name) {
                None => break true,
                Some(holder) if holder.id == *id => break true,
                Some(holder) => holder,
            };
            match moving.get(&holder.id) {
                // Round in a circle: everybody moves on.
                Some(next) if chain.contains(next) => break true,
                Some(next) if wanted.get(*next).is_some_and(|(_, n)| key(n) != key(&holder.name)) => at = *next,
                _ => break false,
            }
        };
        for link in chain {
            if let Some(slot) = answers.get_mut(link) {
                *slot = Some(answer);
            }
        }
    }
    answers.into_iter().map(|a| a.unwrap_or(false)).collect()
}

/// A found computer as it enters the list.
pub(super) fn new_computer(found: &FoundComputer) -> Computer {
    let mut computer = as_computer(found);
    let is_short = !computer.name.contains('.') && !computer.is_known_by_address_only();
    let answered = matches!(found.source, Source::NetBios | Source::WsDiscovery | Source::Range);
    if is_short
        && answered
        && let Some(address) = found.addresses.first()
    {
        // Name servers know no short names of a workgroup.
        let connect = computer.connect.get_or_insert_with(ConnectTo::default);
        connect.address.get_or_insert_with(|| address.to_string().into());
    }
    computer.connect = computer.connect.filter(|c| *c != ConnectTo::default());
    computer
}

/// An identity is derived from a name that another computer may have had before it was renamed.
fn with_free_id(list: &Inventory, ids: &HashSet<ComputerId>, mut computer: Computer) -> Computer {
    let mut seed = computer.name.to_string();
    while list.computer(computer.id).is_some() || ids.contains(&computer.id) {
        seed.push(' ');
        seed.push_str(&computer.id.0.to_string());
        computer.id = ComputerId::from_name(&seed);
    }
    computer
}
