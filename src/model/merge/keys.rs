//! Two entries of one product key become one: the newest count wins.

use std::cmp::Ordering;

use super::three_way::{Rule, Side};
use super::{Contradiction, Merged};
use crate::model::{KeyEntry, KeyType, Text};

/// Merges; the entry keeps the identity of `ours`.
pub(super) fn merge(rule: Rule<'_, KeyEntry>, ours: &KeyEntry, theirs: &KeyEntry) -> Merged<KeyEntry> {
    let mut contradictions = Vec::new();
    let counted = |k: &KeyEntry| k.remaining.map(|r| r.at);
    let counts = rule.side(
        |k| &k.remaining,
        ours,
        theirs,
        || match counted(ours).cmp(&counted(theirs)) {
            Ordering::Less => Side::Theirs,
            Ordering::Greater => Side::Ours,
            Ordering::Equal => {
                contradictions.push(Contradiction::Count);
                Side::Ours
            }
        },
    );
    let edited = if theirs.last_update > ours.last_update {
        Side::Theirs
    } else {
        Side::Ours
    };
    let text = |field: fn(&KeyEntry) -> &Text| {
        let side = rule.side(field, ours, theirs, || edited);
        let (value, other) = match side {
            Side::Ours => (field(ours), field(theirs)),
            Side::Theirs => (field(theirs), field(ours)),
        };
        if value.is_empty() && rule.base.is_none() {
            other
        } else {
            value
        }
        .clone()
    };
    let counts_from = match counts {
        Side::Ours => (ours, theirs),
        Side::Theirs => (theirs, ours),
    };
    let record = KeyEntry {
        id: ours.id,
        key: ours.key.clone().or_else(|| theirs.key.clone()),
        // Two seals never meet here: a plan drops what another list has sealed.
        sealed: ours.sealed.clone().or_else(|| theirs.sealed.clone()),
        last_five: ours.last_five.or(theirs.last_five),
        key_id: text(|k| &k.key_id),
        description: text(|k| &k.description),
        key_type: rule.setting(|k| &k.key_type, |t| *t == KeyType::Unknown, ours, theirs),
        supported_editions: text(|k| &k.supported_editions),
        supported_sku: text(|k| &k.supported_sku),
        remarks: rule.remarks(|k| &k.remarks, ours, theirs),
        remaining: counts_from.0.remaining.or(counts_from.1.remaining),
        most_seen: ours.most_seen.max(theirs.most_seen),
        low_water: rule.setting(|k| &k.low_water, Option::is_none, ours, theirs),
        last_failure: if edited == Side::Theirs { theirs } else { ours }.last_failure.clone(),
        last_update: ours.last_update.max(theirs.last_update),
        foreign: rule.setting(|k| &k.foreign, |f| f.parts().is_none(), ours, theirs),
    };
    Merged { record, contradictions }
}
