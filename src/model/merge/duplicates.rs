//! Computers that may be one: known by address and by name, by a short and by a qualified name, or by what only one computer
//! can have. They are offered as one, never joined unasked.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::addresses;
use super::computers::{self, Naming, Seen, host, name_rank};
use super::pairs::seen_at;
use super::products;
use super::three_way::Rule;
use crate::model::{
    ApplicationId, Change, Computer, ComputerId, ConnectTo, Inventory, NetworkKind, Product, ProductId, Text,
};

/// Why two computers may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resemblance {
    /// A product of both has the same installation ID.
    InstallationId,
    /// A hardware address that no other computer has.
    HardwareAddress,
    /// One is known by the address at which the other is reached.
    Address,
    /// One is known by the first label of the other's name.
    ShortName,
}

impl Resemblance {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::InstallationId => "the same installation ID",
            Self::HardwareAddress => "the same hardware address",
            Self::Address => "one is the address of the other",
            Self::ShortName => "the same name, with and without its domain",
        }
    }
}

/// Two computers of the list, as it is or will be, that may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PossibleDuplicate {
    /// The one that tells more of itself, which would stay.
    pub keep: ComputerId,
    /// Its name.
    pub keep_name: Text,
    /// The other one, whose products it would get.
    pub other: ComputerId,
    /// Its name.
    pub other_name: Text,
    /// Why.
    pub why: Resemblance,
    /// Join them when the plan is carried out.
    pub join: bool,
}

/// Computers of one list that may be one. Takes time linear in the list.
pub fn possible_duplicates(inventory: &Inventory) -> Vec<PossibleDuplicate> {
    among(inventory, &[], &Inventory::default(), &HashMap::new())
}

/// The same for `ours` with `new` computers out of `theirs`, whose identities in ours `targets` tells.
pub(super) fn among(
    ours: &Inventory,
    new: &[Arc<Computer>],
    theirs: &Inventory,
    targets: &HashMap<ComputerId, ComputerId>,
) -> Vec<PossibleDuplicate> {
    let all: Vec<&Computer> = ours.computers().chain(new).map(|c| &**c).collect();
    let by_id: HashMap<ComputerId, &Computer> = all.iter().map(|c| (c.id, *c)).collect();
    let mut pairs: HashMap<(ComputerId, ComputerId), Resemblance> = HashMap::new();
    let mut offer = |a: ComputerId, b: ComputerId, why: Resemblance| {
        if a != b {
            let why_so_far = pairs.entry((a.min(b), a.max(b))).or_insert(why);
            *why_so_far = why.min(*why_so_far);
        }
    };
    by_short_name(&all, &mut offer);
    by_connection(&all, &mut offer);
    pairs_of(
        all.iter().flat_map(|c| addresses::of(c).map(|mac| (mac, c.id))),
        Resemblance::HardwareAddress,
        &mut offer,
    );
    let our_iids = ours
        .products()
        .filter_map(|p| Some((p.installation_id.as_ref()?, p.computer?)));
    let their_iids = theirs
        .products()
        .filter_map(|p| Some((p.installation_id.as_ref()?, targets.get(&p.computer?).copied()?)));
    pairs_of(our_iids.chain(their_iids), Resemblance::InstallationId, &mut offer);
    let mut found: Vec<PossibleDuplicate> = pairs
        .into_iter()
        .filter_map(|((a, b), why)| {
            let (a, b) = (*by_id.get(&a)?, *by_id.get(&b)?);
            let (keep, other) = in_order(a, b);
            Some(PossibleDuplicate {
                keep: keep.id,
                keep_name: keep.name.clone(),
                other: other.id,
                other_name: other.name.clone(),
                why,
                join: false,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.keep_name, &a.other_name).cmp(&(&b.keep_name, &b.other_name)));
    found
}

/// The computer that tells more of itself first.
fn in_order<'c>(a: &'c Computer, b: &'c Computer) -> (&'c Computer, &'c Computer) {
    let rank = |c: &Computer| (name_rank(c), c.contact.as_ref().map(|c| c.at), Reverse(c.id));
    if rank(a) >= rank(b) { (a, b) } else { (b, a) }
}

/// Offers what exactly two computers have. What more of them share identifies nobody.
fn pairs_of<K: std::hash::Hash + Eq>(
    owned: impl Iterator<Item = (K, ComputerId)>,
    why: Resemblance,
    offer: &mut impl FnMut(ComputerId, ComputerId, Resemblance),
) {
    // The first owner, the second, and whether there are more.
    let mut owners: HashMap<K, (ComputerId, Option<ComputerId>, bool)> = HashMap::new();
    for (what, id) in owned {
        let (first, second, more) = owners.entry(what).or_insert((id, None, false));
        if *first == id || *second == Some(id) {
            continue;
        }
        match second {
            None => *second = Some(id),
            Some(_) => *more = true,
        }
    }
    for (first, second, more) in owners.into_values() {
        if let (Some(second), false) = (second, more) {
            offer(first, second, why);
        }
    }
}

fn by_short_name(all: &[&Computer], offer: &mut impl FnMut(ComputerId, ComputerId, Resemblance)) {
    let named = |c: &&&Computer| !c.is_known_by_address_only();
    let (qualified, short): (Vec<&&Computer>, Vec<&&Computer>) =
        all.iter().filter(named).partition(|c| c.name.contains('.'));
    let mut hosts: HashMap<String, Vec<&Computer>> = HashMap::new();
    for computer in qualified {
        hosts.entry(host(&computer.name)).or_default().push(computer);
    }
    for computer in short {
        // In several domains: nothing tells which it is.
        let Some([other]) = hosts.get(&host(&computer.name)).map(Vec::as_slice) else {
            continue;
        };
        if domains_agree(computer, other) {
            offer(computer.id, other.id, Resemblance::ShortName);
        }
    }
}

/// False if the short name is known to be in another domain than the qualified one.
fn domains_agree(short: &Computer, qualified: &Computer) -> bool {
    let network = &short.network;
    if network.kind != NetworkKind::Domain || network.name.is_empty() {
        return true;
    }
    let domain = qualified.name.split_once('.').map_or("", |(_, domain)| domain);
    host(domain) == host(&network.name)
}

fn by_connection(all: &[&Computer], offer: &mut impl FnMut(ComputerId, ComputerId, Resemblance)) {
    let names: HashMap<String, &Computer> = all.iter().map(|c| (c.name.trim().to_lowercase(), *c)).collect();
    let mut reached: HashMap<(String, Option<u16>), Vec<&Computer>> = HashMap::new();
    for computer in all {
        let own = computer.connect.as_ref();
        if let Some(address) = own.and_then(|c| c.address.as_deref()) {
            let place = (address.trim().to_lowercase(), own.and_then(|c| c.port));
            reached.entry(place).or_default().push(computer);
        }
    }
    for ((address, port), computers) in reached {
        // Behind one address with several ports are several computers.
        let ([computer], Some(other)) = (computers.as_slice(), names.get(&address)) else {
            continue;
        };
        let other_port = other.connect.as_ref().and_then(|c| c.port);
        if other_port == port || (port.is_none() && other.connect.is_none()) {
            offer(computer.id, other.id, Resemblance::Address);
        }
    }
}

/// Makes one computer of two: `keep` gets what only `other` knows and its products, of two rows for one product the newest
/// with the confirmation IDs of both. Nothing if one of them is not in the list.
pub fn join(inventory: &Inventory, keep: ComputerId, other: ComputerId) -> Vec<Change> {
    let (Some(kept), Some(leaving)) = (inventory.computer(keep), inventory.computer(other)) else {
        return Vec::new();
    };
    if keep == other {
        return Vec::new();
    }
    let ours = Seen {
        computer: kept,
        at: seen_at(inventory, kept),
    };
    let theirs = Seen {
        computer: leaving,
        at: seen_at(inventory, leaving),
    };
    let mut computer = computers::merge(Rule::NEWEST, ours, theirs, Naming::Taken).record;
    if leaving.is_known_by_address_only() {
        // It answered there.
        let connect = computer.connect.get_or_insert_with(ConnectTo::default);
        connect.address.get_or_insert_with(|| leaving.name.clone());
    }
    let mut changes = vec![Change::PutComputer(Box::new(computer))];
    let place = |p: &Product| (p.application, p.sku);
    let mut rows: HashMap<(ApplicationId, Option<uuid::Uuid>), ProductId> =
        inventory.products_of(keep).map(|p| (place(p), p.id)).collect();
    let mut merged: HashMap<ProductId, Product> = HashMap::new();
    let mut order: Vec<ProductId> = Vec::new();
    let single_windows = |id: ComputerId| {
        let mut rows = inventory
            .products_of(id)
            .filter(|p| p.application == ApplicationId::WINDOWS);
        rows.next().filter(|_| rows.next().is_none()).map(|p| p.id)
    };
    let windows = single_windows(keep).zip(single_windows(other));
    for product in inventory.products_of(other) {
        let twin = rows.get(&place(product)).copied();
        let twin = twin.or_else(|| {
            windows
                .filter(|(_, theirs)| *theirs == product.id)
                .map(|(ours, _)| ours)
        });
        let moved = Product {
            computer: Some(keep),
            ..(**product).clone()
        };
        let (id, record) = match twin {
            Some(id) => {
                let known = merged.get(&id).or_else(|| inventory.product(id).map(|p| &**p));
                let Some(known) = known else { continue };
                (id, products::merge(Rule::NEWEST, known, &moved).record)
            }
            None => (moved.id, moved),
        };
        rows.insert(place(&record), id);
        if merged.insert(id, record).is_none() {
            order.push(id);
        }
    }
    let puts = order.iter().filter_map(|id| merged.remove(id));
    changes.extend(puts.map(|p| Change::PutProduct(Box::new(p))));
    changes.push(Change::RemoveComputer(other));
    changes
}
