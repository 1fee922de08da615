//! Two records of one computer become one.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::three_way::{Changed, Rule, Side, changed};
use super::{Contradiction, Merged};
use crate::model::{Computer, ConnectTo, Network, NetworkKind};

/// A computer with the time at which anything of it was last read.
#[derive(Clone, Copy)]
pub(super) struct Seen<'c> {
    pub computer: &'c Computer,
    pub at: Option<DateTime<Utc>>,
}

/// The first label of a name, in lower case.
pub(in crate::model) fn host(name: &str) -> String {
    name.trim().split('.').next().unwrap_or_default().to_lowercase()
}

/// True if both names may stand for one computer: they are equal, one is an address, or one is the other's first label.
pub(in crate::model) fn names_agree(a: &Computer, b: &Computer) -> bool {
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    same(&a.name, &b.name)
        || a.is_known_by_address_only()
        || b.is_known_by_address_only()
        || (a.name.contains('.') != b.name.contains('.') && host(&a.name) == host(&b.name))
}

/// How much a name tells: an address least, a fully qualified name most.
pub(in crate::model) fn name_rank(computer: &Computer) -> u8 {
    if computer.is_known_by_address_only() {
        0
    } else {
        1 + u8::from(computer.name.contains('.'))
    }
}

fn is_known(network: &Network) -> bool {
    !network.name.is_empty() || network.kind != NetworkKind::default()
}

/// What was read from the computer itself; moves as one.
fn same_facts(a: &Computer, b: &Computer) -> bool {
    a.network == b.network
        && a.os_edition == b.os_edition
        && a.os_version == b.os_version
        && a.is_kms_host == b.is_kms_host
        && a.mac_addresses == b.mac_addresses
}

/// True if both say something, and not the same.
fn contradict(a: &Computer, b: &Computer) -> bool {
    let texts = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
    texts(&a.os_edition, &b.os_edition)
        || texts(&a.os_version, &b.os_version)
        || (is_known(&a.network) && is_known(&b.network) && a.network != b.network)
}

/// What may become of the things by which a computer is recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Another name may be taken over.
    Free,
    /// Somebody else keeps the other name.
    Taken,
    /// It is not certain that both are one computer: everything by which ours was recognised stays.
    InDoubt,
}

/// Merges; the record keeps the identity of `ours`.
pub(super) fn merge(rule: Rule<'_, Computer>, ours: Seen<'_>, theirs: Seen<'_>, naming: Naming) -> Merged<Computer> {
    let mut contradictions = Vec::new();
    let (o, t) = (ours.computer, theirs.computer);
    let facts = match (rule.take, changed(rule.base, o, t, same_facts)) {
        (_, Changed::Nobody) => Side::Ours,
        (Some(side), _) | (None, Changed::Only(side)) => side,
        (None, Changed::Both) => match ours.at.cmp(&theirs.at) {
            Ordering::Less => Side::Theirs,
            Ordering::Greater => Side::Ours,
            Ordering::Equal => {
                if contradict(o, t) {
                    contradictions.push(Contradiction::NoOrder);
                }
                Side::Ours
            }
        },
    };
    let (winner, other) = match facts {
        Side::Ours => (o, t),
        Side::Theirs => (t, o),
    };
    let text = |field: fn(&Computer) -> &crate::model::Text| {
        let value = field(winner);
        if value.is_empty() { field(other) } else { value }.clone()
    };
    let contact = if t.contact.as_ref().map(|c| c.at) > o.contact.as_ref().map(|c| c.at) {
        &t.contact
    } else {
        &o.contact
    };
    let mut record = Computer {
        id: o.id,
        name: o.name.clone(),
        network: if is_known(&winner.network) { winner } else { other }.network.clone(),
        os_edition: text(|c| &c.os_edition),
        os_version: text(|c| &c.os_version),
        is_kms_host: winner.is_kms_host.or(other.is_kms_host),
        mac_addresses: if winner.mac_addresses.is_empty() { other } else { winner }
            .mac_addresses
            .clone(),
        directory_id: rule.setting(|c| &c.directory_id, Option::is_none, o, t),
        connect: rule.setting(|c| &c.connect, Option::is_none, o, t),
        contact: contact.clone(),
        remarks: rule.remarks(|c| &c.remarks, o, t),
        foreign: rule.setting(|c| &c.foreign, |f| f.parts().is_none(), o, t),
    };
    if naming == Naming::InDoubt {
        record.network = o.network.clone();
        record.mac_addresses.clone_from(&o.mac_addresses);
        record.directory_id = o.directory_id;
    }
    rename(rule, &mut record, o, t, naming, &mut contradictions);
    Merged { record, contradictions }
}

fn rename(
    rule: Rule<'_, Computer>,
    record: &mut Computer,
    ours: &Computer,
    theirs: &Computer,
    naming: Naming,
    contradictions: &mut Vec<Contradiction>,
) {
    let side = rule.side(
        |c| &*c.name,
        ours,
        theirs,
        || {
            let agree = names_agree(ours, theirs);
            if agree && name_rank(theirs) > name_rank(ours) {
                return Side::Theirs;
            }
            if !agree {
                contradictions.push(Contradiction::Names);
            }
            Side::Ours
        },
    );
    if side == Side::Theirs && naming == Naming::Free {
        record.name = theirs.name.clone();
        if rule.base.is_none() && ours.is_known_by_address_only() && !theirs.is_known_by_address_only() {
            // Reached by its address so far: it still is.
            let connect = record.connect.get_or_insert_with(ConnectTo::default);
            connect.address.get_or_insert_with(|| ours.name.clone());
        }
    }
}
