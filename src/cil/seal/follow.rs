//! A list whose seal somebody else changed since it was opened: put on, taken off, or put on anew with another passphrase.

use std::collections::HashMap;
use std::sync::Arc;

use super::{SealError, protect, set_seal};
use crate::model::{Inventory, KeyEntry, KeyEntryId, LastFive};

/// `ours`, and the state `base` that both come from, under the seal that `theirs` has now, so that the three can be merged.
///
/// A key that theirs has, too, is sealed as theirs is, or in clear where theirs took the seal off; one that only this side has
/// stays in clear until [`close`] seals it. If that one is locked, it cannot follow: [`SealError::Differs`].
pub fn follow(base: &Inventory, ours: &Inventory, theirs: &Inventory) -> Result<(Inventory, Inventory), SealError> {
    let known = readable(base, ours);
    if ours.header().seal == theirs.header().seal {
        return Ok((known, ours.clone()));
    }
    let index = Index::of(theirs);
    let follow = |list: &Inventory| under(list, base, theirs, &index);
    Ok((follow(&known)?, follow(ours)?))
}

/// Seals what a sealed list still has in clear alone.
pub fn close(list: Inventory) -> Result<Inventory, SealError> {
    let Some(seal) = list.header().seal.clone() else {
        return Ok(list);
    };
    let mut closed = list.clone();
    for entry in list.keys().filter(|k| k.sealed.is_none() && k.key.is_some()) {
        let now = protect(&seal, (**entry).clone())?;
        replace(&mut closed, entry.id, now);
    }
    Ok(closed)
}

fn replace(list: &mut Inventory, before: KeyEntryId, entry: KeyEntry) {
    if entry.id != before {
        list.remove_key(before);
    }
    list.put_key(entry);
}

/// `base` with those of its keys in clear that were unlocked since.
fn readable(base: &Inventory, ours: &Inventory) -> Inventory {
    let mut readable = base.clone();
    for entry in base.keys().filter(|k| k.is_locked()) {
        let unlocked = ours.key(entry.id).filter(|k| k.sealed == entry.sealed);
        if let Some(key) = unlocked.and_then(|k| k.key.clone()) {
            readable.put_key(KeyEntry {
                key: Some(key),
                ..(**entry).clone()
            });
        }
    }
    readable
}

/// Their keys by the last five characters; `None` where several end alike.
struct Index<'t>(HashMap<LastFive, Option<&'t Arc<KeyEntry>>>);

impl<'t> Index<'t> {
    fn of(theirs: &'t Inventory) -> Self {
        let mut index = HashMap::new();
        for entry in theirs.keys() {
            if let Some(five) = entry.last_five {
                index
                    .entry(five)
                    .and_modify(|known| *known = None)
                    .or_insert(Some(entry));
            }
        }
        Self(index)
    }

    /// Their entry of the same key. Sealing gives an entry another identity.
    fn same(&self, theirs: &'t Inventory, entry: &KeyEntry) -> Option<&'t Arc<KeyEntry>> {
        let by_five = || self.0.get(&entry.last_five?).copied().flatten();
        let may_be = |their: &&Arc<KeyEntry>| match (&their.key, &entry.key) {
            (Some(a), Some(b)) => a == b,
            _ => their.last_five == entry.last_five,
        };
        theirs.key(entry.id).filter(may_be).or_else(|| by_five().filter(may_be))
    }
}

fn under(list: &Inventory, base: &Inventory, theirs: &Inventory, index: &Index<'_>) -> Result<Inventory, SealError> {
    let mut followed = list.clone();
    for entry in list.keys() {
        let mut now = KeyEntry {
            sealed: None,
            ..(**entry).clone()
        };
        // Only what both lists held once is taken for the same key by its last characters.
        let before = base.key(entry.id).filter(|b| b.sealed == entry.sealed);
        let same = index.same(theirs, entry).filter(|_| before.is_some());
        if let Some(same) = same {
            now.id = same.id;
            now.sealed.clone_from(&same.sealed);
            now.key = now.key.or_else(|| same.key.clone());
        } else if entry.is_locked() && before.is_none_or(|b| b != entry) {
            // One that nobody touched here was removed there, and goes.
            return Err(SealError::Differs);
        }
        replace(&mut followed, entry.id, now);
    }
    set_seal(&mut followed, theirs.header().seal.clone());
    Ok(followed)
}
