//! Records of one kind, numbered. What a loaded list needs to find a million of them by identity or name costs a few bytes
//! each: tables hold numbers alone and look into the records for the rest.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use imbl::{HashMap, Vector};

/// A record with an identity.
pub(super) trait Record {
    /// The identity.
    type Id: Copy + Eq + Hash;
    /// The identity of this record.
    fn id(&self) -> Self::Id;
}

/// Slots by the hash of a key that their records hold. Never changed once it is made, so that all clones of a list share
/// it: what it finds is compared with the record as it is now.
#[derive(Debug, Default)]
pub(super) struct Finder {
    slots: HashTable<u32>,
    hasher: RandomState,
}

impl Finder {
    pub fn with_capacity(records: usize) -> Self {
        Self {
            slots: HashTable::with_capacity(records),
            hasher: RandomState::new(),
        }
    }

    /// The slot under `key`, if `is_it` confirms it.
    pub fn find<K: Hash>(&self, key: K, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.slots.find(self.hasher.hash_one(key), |s| is_it(*s)).copied()
    }

    /// Adds `slot`; `key_of` tells the keys of this slot and the others.
    pub fn insert<K: Hash>(&mut self, slot: u32, key_of: impl Fn(u32) -> K) {
        let Self { slots, hasher } = self;
        let hash = |slot: &u32| hasher.hash_one(key_of(*slot));
        slots.insert_unique(hash(&slot), slot, hash);
    }
}

/// Records of one kind by slot. A slot number stays with its record for as long as the list is open.
#[derive(Debug, Clone)]
pub(super) struct Slots<T: Record> {
    records: Vector<Option<Arc<T>>>,
    /// Finds the records that were there from the beginning.
    loaded: Arc<Finder>,
    /// Slots of records that came since.
    added: HashMap<T::Id, u32>,
    /// Slots of removed records: one that is brought back gets its place again.
    vacated: HashMap<T::Id, u32>,
    len: usize,
}

impl<T: Record> Default for Slots<T> {
    fn default() -> Self {
        Self {
            records: Vector::new(),
            loaded: Arc::default(),
            added: HashMap::new(),
            vacated: HashMap::new(),
            len: 0,
        }
    }
}

impl<T: Record> Slots<T> {
    /// The records of a list in their order, which `loaded` finds by their identities.
    pub fn of(records: Vec<Arc<T>>, loaded: Finder) -> Self {
        Self {
            len: records.len(),
            records: records.into_iter().map(Some).collect(),
            loaded: Arc::new(loaded),
            ..Self::default()
        }
    }

    pub fn slot(&self, id: T::Id) -> Option<u32> {
        let is_it = |slot| self.get(slot).is_some_and(|r| r.id() == id);
        self.loaded.find(id, is_it).or_else(|| self.added.get(&id).copied())
    }

    pub fn get(&self, slot: u32) -> Option<&Arc<T>> {
        self.records.get(slot as usize)?.as_ref()
    }

    /// Adds or replaces a record; answers with its slot and what it replaced.
    pub fn put(&mut self, record: impl Into<Arc<T>>) -> (u32, Option<Arc<T>>) {
        let record = record.into();
        let id = record.id();
        if let Some(slot) = self.slot(id) {
            return (
                slot,
                self.records.get_mut(slot as usize).and_then(|r| r.replace(record)),
            );
        }
        let slot = self.vacated.remove(&id).unwrap_or(self.records.len() as u32);
        match self.records.get_mut(slot as usize) {
            Some(place) => *place = Some(record),
            None => self.records.push_back(Some(record)),
        }
        self.len += 1;
        if self.slot(id).is_none() {
            self.added.insert(id, slot);
        }
        (slot, None)
    }

    pub fn remove(&mut self, id: T::Id) -> Option<(u32, Arc<T>)> {
        let slot = self.slot(id)?;
        let record = self.records.get_mut(slot as usize)?.take()?;
        self.added.remove(&id);
        self.vacated.insert(id, slot);
        self.len -= 1;
        Some((slot, record))
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        self.records
            .iter()
            .enumerate()
            .filter_map(|(i, r)| Some((i as u32, r.as_ref()?)))
    }
}

/// Which records belong to which: slots of products by the slot of their computer, each list in the order of the slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// As loaded: where the list of each owner begins in `members`, and where the last one ends.
    starts: Arc<[u32]>,
    members: Arc<[u32]>,
    /// Lists that changed since.
    changed: HashMap<u32, Arc<[u32]>>,
}

impl Links {
    /// `owner_of` gives the owner of each member in their order, if it has one; owners are below `owners`.
    pub fn of(owners: usize, owner_of: &[Option<u32>]) -> Self {
        let mut starts = vec![0_u32; owners + 1];
        for owner in owner_of.iter().flatten() {
            starts[*owner as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0_u32; starts.last().map_or(0, |end| *end as usize)];
        for (member, owner) in owner_of.iter().enumerate() {
            if let Some(owner) = owner {
                let place = &mut next[*owner as usize];
                members[*place as usize] = member as u32;
                *place += 1;
            }
        }
        Self {
            starts: starts.into(),
            members: members.into(),
            changed: HashMap::new(),
        }
    }

    /// The members of `owner`.
    pub fn members(&self, owner: u32) -> &[u32] {
        if let Some(changed) = self.changed.get(&owner) {
            return changed;
        }
        let loaded = || {
            let from = *self.starts.get(owner as usize)?;
            let to = *self.starts.get(owner as usize + 1)?;
            self.members.get(from as usize..to as usize)
        };
        loaded().unwrap_or_default()
    }

    pub fn link(&mut self, owner: u32, member: u32) {
        let known = self.members(owner);
        let place = known.partition_point(|m| *m < member);
        if known.get(place) == Some(&member) {
            return;
        }
        let (before, after) = known.split_at(place);
        let members = [before, &[member], after].concat();
        self.changed.insert(owner, members.into());
    }

    pub fn unlink(&mut self, owner: u32, member: u32) {
        let members = self.members(owner).iter().copied().filter(|m| *m != member).collect();
        self.changed.insert(owner, members);
    }

    pub fn unlink_all(&mut self, owner: u32) {
        self.changed.insert(owner, Arc::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Numbered(u64, &'static str);

    impl Record for Numbered {
        type Id = u64;
        fn id(&self) -> u64 {
            self.0
        }
    }

    fn texts(slots: &Slots<Numbered>) -> Vec<(u32, &'static str)> {
        slots.iter().map(|(slot, r)| (slot, r.1)).collect()
    }

    #[test]
    fn a_record_brought_back_gets_its_place_again_wherever_it_came_from() {
        let loaded = [Numbered(1, "a"), Numbered(2, "b")].map(Arc::new);
        let mut finder = Finder::default();
        for slot in 0..2 {
            finder.insert(slot, |slot| loaded[slot as usize].0);
        }
        let mut slots = Slots::of(loaded.into(), finder);
        slots.put(Numbered(3, "c"));
        let before = slots.clone();
        assert_eq!((slots.len(), texts(&slots)), (3, vec![(0, "a"), (1, "b"), (2, "c")]));
        for id in [1, 3] {
            let (slot, _) = slots.remove(id).unwrap();
            assert_eq!((slots.slot(id), slots.remove(id)), (None, None));
            assert_eq!(slots.put(Numbered(id, "again")), (slot, None));
            assert_eq!(slots.slot(id), Some(slot));
        }
        assert_eq!(
            (slots.len(), texts(&slots)),
            (3, vec![(0, "again"), (1, "b"), (2, "again")])
        );
        assert_eq!(
            texts(&before),
            [(0, "a"), (1, "b"), (2, "c")],
            "a clone does not change"
        );
    }

    #[test]
    fn members_stay_in_their_order() {
        let mut links = Links::of(3, &[Some(2), None, Some(0), Some(2)]);
        assert_eq!(
            [0, 1, 2, 3].map(|o| links.members(o).to_vec()),
            [vec![2], vec![], vec![0, 3], vec![]]
        );
        links.link(2, 1);
        links.link(2, 1);
        links.link(7, 9);
        assert_eq!((links.members(2), links.members(7)), (&[0, 1, 3][..], &[9][..]));
        links.unlink(2, 0);
        links.unlink_all(0);
        assert_eq!((links.members(2), links.members(0)), (&[1, 3][..], &[][..]));
    }
}
