//! Two records of one product become one: the newest observation, and every confirmation ID of both.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::three_way::{Changed, Rule, Side, changed};
use super::{Contradiction, Merged};
use crate::model::{
    Asked, Confirmation, GenuineStatus, InstallationId, KeyType, LicenseStatus, Product, ServiceFamily, Text,
    VolumeActivation,
};

/// What belongs to the list from `list`, what was read from the computer from `seen`.
pub(super) fn with_observation(list: &Product, seen: &Product) -> Product {
    Product {
        id: list.id,
        computer: list.computer,
        confirmation: list.confirmation.clone(),
        earlier_confirmations: list.earlier_confirmations.clone(),
        asked: list.asked.clone(),
        last_action: list.last_action.clone(),
        last_updated: list.last_updated,
        remarks: list.remarks.clone(),
        foreign: list.foreign.clone(),
        ..seen.clone()
    }
}

/// The same was read from the computer. Action flags are computed from it and do not count.
pub(super) fn same_observation(a: &Product, b: &Product) -> bool {
    let mut b = with_observation(a, b);
    b.actions_allowed = a.actions_allowed;
    b == *a
}

fn stamp(product: &Product) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    (product.status_updated, product.last_updated)
}

/// Fills what describes the product and its key.
fn fill_description(product: &mut Product, other: &Product) {
    let texts: [(&mut Text, &Text); 7] = [
        (&mut product.application_name, &other.application_name),
        (&mut product.name, &other.name),
        (&mut product.description, &other.description),
        (&mut product.version, &other.version),
        (&mut product.license_family, &other.license_family),
        (&mut product.resource_language, &other.resource_language),
        (&mut product.cmid, &other.cmid),
    ];
    for (mine, theirs) in texts {
        if mine.is_empty() {
            *mine = theirs.clone();
        }
    }
    if product.installation_id.is_none() {
        product.installation_id.clone_from(&other.installation_id);
    }
    if product.product_key_id.is_none() {
        product.product_key_id.clone_from(&other.product_key_id);
    }
}

fn or<T: Copy + PartialEq>(mine: &mut T, unset: T, theirs: T) {
    if *mine == unset {
        *mine = theirs;
    }
}

/// Fills everything that `product` does not say, from another copy of the same observation.
fn fill(product: &mut Product, other: &Product) {
    fill_description(product, other);
    product.sku = product.sku.or(other.sku);
    product.partial_product_key = product.partial_product_key.or(other.partial_product_key);
    product.license_status_reason = product.license_status_reason.or(other.license_status_reason);
    product.grace_expires = product.grace_expires.or(other.grace_expires);
    product.actions_allowed = product.actions_allowed.or(other.actions_allowed);
    or(&mut product.key_type, KeyType::default(), other.key_type);
    or(
        &mut product.license_status,
        LicenseStatus::default(),
        other.license_status,
    );
    or(
        &mut product.genuine_status,
        GenuineStatus::default(),
        other.genuine_status,
    );
    or(&mut product.service, ServiceFamily::default(), other.service);
    product.is_addon |= other.is_addon;
    if product.volume == VolumeActivation::default() {
        product.volume = other.volume.clone();
    }
}

/// Two copies of one observation, or of none, that say different things.
fn contradict(a: &Product, b: &Product) -> bool {
    let (mut with_b, mut with_a) = (a.clone(), b.clone());
    fill(&mut with_b, b);
    fill(&mut with_a, a);
    !same_observation(&with_b, &with_a)
}

/// Merges; the record keeps the identity of `ours`.
pub(super) fn merge(rule: Rule<'_, Product>, ours: &Product, theirs: &Product) -> Merged<Product> {
    let mut contradictions = Vec::new();
    let seen = match (rule.take, changed(rule.base, ours, theirs, same_observation)) {
        (_, Changed::Nobody) => Side::Ours,
        (Some(side), _) | (None, Changed::Only(side)) => side,
        (None, Changed::Both) => match stamp(ours).cmp(&stamp(theirs)) {
            Ordering::Less => Side::Theirs,
            Ordering::Greater => Side::Ours,
            Ordering::Equal => {
                if contradict(ours, theirs) {
                    contradictions.push(Contradiction::NoOrder);
                }
                Side::Ours
            }
        },
    };
    let (winner, other) = match seen {
        Side::Ours => (ours, theirs),
        Side::Theirs => (theirs, ours),
    };
    let mut record = with_observation(ours, winner);
    if rule.base.is_none() {
        if ours.status_updated == theirs.status_updated && rule.take.is_none() {
            fill(&mut record, other);
        } else if record.sku == other.sku && record.partial_product_key == other.partial_product_key {
            // The same license: what one of them does not say of it is not undone by silence.
            fill_description(&mut record, other);
        }
    }
    record.computer = ours.computer.or(theirs.computer);
    record.remarks = rule.remarks(|p| &p.remarks, ours, theirs);
    record.foreign = rule.setting(|p| &p.foreign, |f| f.parts().is_none(), ours, theirs);
    acted(rule, &mut record, ours, theirs);
    confirmations(rule, &mut record, ours, theirs, &mut contradictions);
    record.asked = asked(rule, &record, ours, theirs);
    Merged { record, contradictions }
}

/// The last action of either side.
fn acted(rule: Rule<'_, Product>, record: &mut Product, ours: &Product, theirs: &Product) {
    let when = |p: &Product| p.last_action.as_ref().map(|a| a.at.or(p.last_updated));
    let side = rule.side(
        |p| &p.last_action,
        ours,
        theirs,
        || {
            if when(theirs) > when(ours) {
                Side::Theirs
            } else {
                Side::Ours
            }
        },
    );
    let (chosen, other) = match side {
        Side::Ours => (ours, theirs),
        Side::Theirs => (theirs, ours),
    };
    record.last_action = chosen.last_action.clone().or_else(|| other.last_action.clone());
    if side == Side::Theirs
        && rule.base.is_none()
        && let Some(action) = &mut record.last_action
    {
        // The time by which it won stays with it, or the next merge would find questions open that it has ended.
        action.at = action.at.or(chosen.last_updated);
    }
    record.last_updated = ours.last_updated.max(theirs.last_updated);
}

pub(super) fn all(product: &Product) -> impl Iterator<Item = &Confirmation> {
    product.confirmations()
}

/// The same confirmation ID, and not for another installation ID.
fn is_same(a: &Confirmation, b: &Confirmation) -> bool {
    let contradict = matches!((&a.installation_id, &b.installation_id), (Some(a), Some(b)) if a != b);
    a.confirmation_id == b.confirmation_id && !contradict
}

/// `b` says nothing of the confirmation ID that `a` does not.
fn covers(a: &Confirmation, b: &Confirmation) -> bool {
    is_same(a, b)
        && (b.installation_id.is_none() || a.installation_id.is_some())
        && (b.acquired.is_none() || a.acquired.is_some())
}

fn same_confirmations(a: &Product, b: &Product) -> bool {
    a.confirmation == b.confirmation && a.earlier_confirmations == b.earlier_confirmations
}

/// How many confirmation IDs of `theirs` are new to `ours`.
pub(super) fn new_confirmations(ours: Option<&Product>, theirs: &Product) -> usize {
    all(theirs)
        .filter(|t| !ours.is_some_and(|o| all(o).any(|o| is_same(o, t))))
        .count()
}

/// A current confirmation ID, with the installation ID of its row where it does not say itself.
fn anchored(confirmation: &Confirmation, row: &Product) -> Confirmation {
    Confirmation {
        installation_id: confirmation
            .installation_id
            .clone()
            .or_else(|| row.installation_id.clone()),
        ..confirmation.clone()
    }
}

fn confirmations(
    rule: Rule<'_, Product>,
    record: &mut Product,
    ours: &Product,
    theirs: &Product,
    contradictions: &mut Vec<Contradiction>,
) {
    let known = all(theirs).all(|t| all(ours).any(|o| covers(o, t)));
    let same_license = record.installation_id == ours.installation_id;
    let wanted = rule.take == Some(Side::Theirs);
    if let (None, Changed::Only(side)) = (rule.take, changed(rule.base, ours, theirs, same_confirmations)) {
        let (chosen, other) = match side {
            Side::Ours => (ours, theirs),
            Side::Theirs => (theirs, ours),
        };
        if all(other).all(|o| all(chosen).any(|c| covers(c, o))) && record.installation_id == chosen.installation_id {
            record.confirmation.clone_from(&chosen.confirmation);
            record.earlier_confirmations.clone_from(&chosen.earlier_confirmations);
            return;
        }
    }
    let moved = wanted && theirs.confirmation.is_some() && theirs.confirmation != ours.confirmation;
    if known && same_license && !moved {
        return;
    }
    if !known
        && let (Some(mine), Some(other)) = (&ours.confirmation, &theirs.confirmation)
        && mine.confirmation_id != other.confirmation_id
    {
        let (mine, other) = (anchored(mine, ours), anchored(other, theirs));
        if mine.installation_id.is_some() && mine.installation_id == other.installation_id {
            contradictions.push(Contradiction::ConfirmationIds);
        }
    }
    let (first, second) = if wanted { (theirs, ours) } else { (ours, theirs) };
    let mut found: Vec<Confirmation> = Vec::new();
    let currents = [first, second].map(|row| {
        let current = row.confirmation.as_deref()?;
        // It stays unanchored only where it stays beside its installation ID.
        let stays = same_license && std::ptr::eq(row, ours);
        let current = if stays { current.clone() } else { anchored(current, row) };
        Some(gather(&mut found, current))
    });
    for earlier in first.earlier_confirmations.iter().chain(&second.earlier_confirmations) {
        gather(&mut found, earlier.clone());
    }
    let fits = |c: &Confirmation| c.installation_id.is_some() && c.installation_id == record.installation_id;
    let currents: Vec<usize> = currents.into_iter().flatten().collect();
    let chosen = currents
        .iter()
        .copied()
        .find(|i| found.get(*i).is_some_and(fits))
        .or_else(|| found.iter().position(fits))
        .or_else(|| {
            let open = |i: &usize| found.get(*i).is_some_and(|c| c.installation_id.is_none());
            currents.iter().copied().find(open)
        })
        .or_else(|| currents.first().copied());
    record.confirmation = chosen.map(|i| Box::new(found.remove(i)));
    record.earlier_confirmations = found;
}

/// Adds what is not there yet and answers where it stands.
fn gather(found: &mut Vec<Confirmation>, confirmation: Confirmation) -> usize {
    if let Some(i) = found.iter().position(|c| is_same(c, &confirmation)) {
        if let Some(known) = found.get_mut(i) {
            known.installation_id = known.installation_id.take().or(confirmation.installation_id);
            known.acquired = known.acquired.or(confirmation.acquired);
        }
        return i;
    }
    found.push(confirmation);
    found.len() - 1
}

/// Asked without a recorded answer, on either side: the newest question that is still open.
fn asked(rule: Rule<'_, Product>, record: &Product, ours: &Product, theirs: &Product) -> Option<Box<Asked>> {
    let answer_in = |row: &Product, iid: &InstallationId| all(row).any(|c| c.installation_id.as_ref() == Some(iid));
    let mine = ours
        .asked
        .clone()
        .filter(|a| !answer_in(record, &a.installation_id) || answer_in(ours, &a.installation_id));
    let fits = |a: &Asked| {
        record.installation_id.as_ref() == Some(&a.installation_id) && !answer_in(record, &a.installation_id)
    };
    // Done with here since they asked: theirs is an old copy.
    let since = ours.last_action.as_ref().and_then(|a| a.at);
    let other = theirs.asked.clone().filter(|a| fits(a) && Some(a.at) > since);
    let at = |asked: &Option<Box<Asked>>| asked.as_ref().map(|a| a.at);
    match rule.side(
        |p| &p.asked,
        ours,
        theirs,
        || {
            if at(&other) > at(&mine) {
                Side::Theirs
            } else {
                Side::Ours
            }
        },
    ) {
        Side::Ours => mine,
        Side::Theirs => theirs.asked.clone().filter(|a| fits(a)),
    }
}
