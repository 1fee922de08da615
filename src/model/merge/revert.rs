//! Taking an edit of one record back, with everything kept that happened to the record since.
//!
//! That is a three-way merge, too: both the record as it is `now` and the record `before` the edit come from the record
//! `after` it; where both differ from it, what happened since counts.

use super::products::{self, all};
use crate::model::{Computer, Confirmation, KeyEntry, Product};

fn pick<T: Clone + PartialEq>(before: &T, after: &T, now: &T) -> T {
    if now == after { before.clone() } else { now.clone() }
}

/// The computer as it is now, without what the edit changed.
pub(in crate::model) fn revert_computer(before: &Computer, after: &Computer, now: &Computer) -> Computer {
    macro_rules! fields {
        ($($field:ident),+) => { Computer { id: now.id, $($field: pick(&before.$field, &after.$field, &now.$field),)+ } };
    }
    fields!(
        name,
        network,
        os_edition,
        os_version,
        is_kms_host,
        mac_addresses,
        directory_id,
        connect,
        contact,
        remarks,
        foreign
    )
}

/// The key entry as it is now, without what the edit changed.
pub(in crate::model) fn revert_key(before: &KeyEntry, after: &KeyEntry, now: &KeyEntry) -> KeyEntry {
    macro_rules! fields {
        ($($field:ident),+) => { KeyEntry { id: now.id, $($field: pick(&before.$field, &after.$field, &now.$field),)+ } };
    }
    fields!(
        key,
        sealed,
        last_five,
        key_id,
        description,
        key_type,
        supported_editions,
        supported_sku,
        remarks,
        remaining,
        most_seen,
        low_water,
        last_failure,
        last_update,
        foreign
    )
}

/// The product as it is now, without what the edit changed. Confirmation IDs that came since stay.
pub(in crate::model) fn revert_product(before: &Product, after: &Product, now: &Product) -> Product {
    // What was read from a computer moves as one.
    let observed = if products::same_observation(now, after) {
        before
    } else {
        now
    };
    let mut record = products::with_observation(now, observed);
    record.computer = pick(&before.computer, &after.computer, &now.computer);
    record.asked = pick(&before.asked, &after.asked, &now.asked);
    record.last_action = pick(&before.last_action, &after.last_action, &now.last_action);
    record.last_updated = pick(&before.last_updated, &after.last_updated, &now.last_updated);
    record.remarks = pick(&before.remarks, &after.remarks, &now.remarks);
    record.foreign = pick(&before.foreign, &after.foreign, &now.foreign);
    record.confirmation.clone_from(&before.confirmation);
    record.earlier_confirmations.clone_from(&before.earlier_confirmations);
    let had = |c: &Confirmation| all(after).any(|known| known.confirmation_id == c.confirmation_id);
    for earlier in now.earlier_confirmations.iter().filter(|c| !had(c)) {
        record.keep_beside(earlier);
    }
    if let Some(current) = now.confirmation.as_deref().filter(|c| !had(c)) {
        record.keep_confirmation(current.clone());
    }
    record
}
