//! What was found twice becomes one: by directory ID, name, hardware address, and address.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use uuid::Uuid;

use super::{FoundComputer, Source};
use crate::model::merge::addresses;
use crate::model::merge::computers::{host, name_rank, names_agree};
use crate::model::merge::identity::{addresses_contradict, is_settled, networks_contradict, place};
use crate::model::{Computer, NetworkKind, Text};

/// One computer out of everything that was told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded {
    /// Everything the sources know of it.
    pub found: FoundComputer,
    /// How many times it was found.
    pub times: usize,
    /// Who told of it.
    pub sources: BTreeSet<Source>,
    /// The other names and addresses under which it was found.
    pub aliases: Vec<Text>,
}

/// A found computer as the rules of the list see one.
pub(super) fn as_computer(found: &FoundComputer) -> Computer {
    let mut computer = Computer::named(&found.name);
    computer.network = found.network.clone();
    computer.os_edition = (&*found.os_edition).into();
    computer.os_version = (&*found.os_version).into();
    computer.mac_addresses = found.mac_addresses.iter().map(|m| (&**m).into()).collect();
    computer.directory_id = found.directory_id;
    computer.connect.clone_from(&found.connect);
    computer
}

/// Of two sources, the one that knows names and networks better first.
fn authority(source: Source) -> u8 {
    match source {
        Source::Directory => 0,
        Source::Names => 1,
        Source::NetBios => 2,
        Source::WsDiscovery => 3,
        Source::BrowseList => 4,
        Source::Range => 5,
    }
}

/// An order of everything that was found that does not depend on the order in which it was.
fn order(a: &FoundComputer, b: &FoundComputer) -> Ordering {
    let connect = |f: &FoundComputer| {
        let own = f.connect.clone().unwrap_or_default();
        (own.address, own.port, own.way)
    };
    let lower = |f: &FoundComputer| f.name.to_lowercase();
    lower(a)
        .cmp(&lower(b))
        .then_with(|| authority(a.source).cmp(&authority(b.source)))
        .then_with(|| b.last_logon.cmp(&a.last_logon))
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.network.name.cmp(&b.network.name))
        .then_with(|| a.network.kind.name().cmp(b.network.kind.name()))
        .then_with(|| a.directory_id.cmp(&b.directory_id))
        .then_with(|| a.mac_addresses.cmp(&b.mac_addresses))
        .then_with(|| a.addresses.cmp(&b.addresses))
        .then_with(|| connect(a).cmp(&connect(b)))
        .then_with(|| (&a.os_edition, &a.os_version).cmp(&(&b.os_edition, &b.os_version)))
        .then_with(|| (a.is_disabled, &a.place).cmp(&(b.is_disabled, &b.place)))
}

/// Records that are joined step by step. Each group is known by one of its records, and `computers` holds there what the
/// rules need to know of the whole group.
struct Groups {
    parent: Vec<usize>,
    computers: Vec<Computer>,
}

impl Groups {
    fn of(&mut self, mut record: usize) -> usize {
        while let Some(&up) = self.parent.get(record).filter(|up| **up != record) {
            let above = self.parent.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(record) {
                *slot = above;
            }
            record = above;
        }
        record
    }

    fn computer(&self, group: usize) -> Option<&Computer> {
        self.computers.get(group)
    }

    /// Joins two groups; the one whose name tells more gives the name.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        let (Some(x), Some(y)) = (self.computer(a), self.computer(b)) else {
            return;
        };
        if a == b {
            return;
        }
        let (keep, gone) = if (Reverse(name_rank(x)), a) <= (Reverse(name_rank(y)), b) {
            (a, b)
        } else {
            (b, a)
        };
        let Some(leaving) = self.computers.get(gone).cloned() else {
            return;
        };
        if let Some(slot) = self.parent.get_mut(gone) {
            *slot = keep;
        }
        if let Some(kept) = self.computers.get_mut(keep) {
            if kept.network.name.is_empty() {
                kept.network = leaving.network;
            }
            for mac in leaving.mac_addresses {
                if !kept.mac_addresses.contains(&mac) {
                    kept.mac_addresses.push(mac);
                }
            }
            kept.directory_id = kept.directory_id.or(leaving.directory_id);
            kept.connect = kept.connect.take().or(leaving.connect);
        }
    }

    /// The groups there are, in the order of their records.
    fn all(&self) -> Vec<usize> {
        (0..self.parent.len())
            .filter(|i| self.parent.get(*i) == Some(i))
            .collect()
    }

    /// Two settled names, two accounts or no common hardware address: two computers.
    fn may_be_one(&self, a: usize, b: usize) -> bool {
        let (Some(a), Some(b)) = (self.computer(a), self.computer(b)) else {
            return false;
        };
        let accounts = a.directory_id.zip(b.directory_id).is_none_or(|(x, y)| x == y);
        let names = !(is_settled(a) && is_settled(b)) || place(a) == place(b);
        accounts && names && !addresses_contradict(a, b)
    }
}

/// Makes one of what is one. The result has the order of the names.
pub(super) fn fold(mut found: Vec<FoundComputer>) -> Vec<Folded> {
    found.retain(|f| !f.name.trim().is_empty());
    found.sort_by(order);
    let mut groups = Groups {
        parent: (0..found.len()).collect(),
        computers: found.iter().map(as_computer).collect(),
    };
    by_account(&mut groups);
    by_name(&mut groups);
    by_short_name(&mut groups);
    by_hardware_address(&mut groups);
    by_address(&mut groups, &found);
    let mut members: HashMap<usize, Vec<FoundComputer>> = HashMap::new();
    let mut order_of: Vec<usize> = Vec::new();
    for (index, record) in found.into_iter().enumerate() {
        let group = groups.of(index);
        let entry = members.entry(group).or_default();
        if entry.is_empty() {
            order_of.push(group);
        }
        entry.push(record);
    }
    let mut folded: Vec<Folded> = order_of
        .iter()
        .filter_map(|group| one(&members.remove(group)?))
        .collect();
    folded.sort_by(|a, b| order(&a.found, &b.found));
    folded
}

fn by_account(groups: &mut Groups) {
    let mut first: HashMap<Uuid, usize> = HashMap::new();
    for record in groups.all() {
        let Some(id) = groups.computer(record).and_then(|c| c.directory_id) else {
            continue;
        };
        let known = *first.entry(id).or_insert(record);
        groups.join(known, record);
    }
}

/// The same name in the same network, or the same name of which a network is not known.
fn by_name(groups: &mut Groups) {
    let mut places = HashMap::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for group in groups.all() {
        let Some(computer) = groups.computer(group) else {
            continue;
        };
        if let Some(place) = place(computer) {
            let known = *places.entry(place).or_insert(group);
            groups.join(known, group);
        } else {
            let known = *names.entry(computer.name.trim().to_lowercase()).or_insert(group);
            groups.join(known, group);
        }
    }
}

/// A short name and a longer one, where there is one such longer one only.
fn by_short_name(groups: &mut Groups) {
    // A domain is called contoso.com and CONTOSO.
    let domain = |c: &Computer| match c.name.split_once('.') {
        Some((_, domain)) => host(domain),
        None => host(&c.network.name),
    };
    let mut by_domain: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut by_host: HashMap<String, Vec<usize>> = HashMap::new();
    let mut long: HashMap<String, Vec<usize>> = HashMap::new();
    let (mut with_network, mut bare) = (Vec::new(), Vec::new());
    for group in groups.all() {
        let Some(computer) = groups.computer(group) else {
            continue;
        };
        if computer.is_known_by_address_only() {
            continue;
        }
        if computer.name.contains('.') {
            let key = (host(&computer.name), domain(computer));
            by_domain.entry(key).or_default().push(group);
            long.entry(host(&computer.name)).or_default().push(group);
        } else if computer.network.name.is_empty() {
            bare.push(group);
            continue;
        } else if computer.network.kind != NetworkKind::Workgroup {
            with_network.push((group, host(&computer.name), domain(computer)));
        }
        by_host.entry(host(&computer.name)).or_default().push(group);
    }
    for (group, host, domain) in with_network {
        let is_flat = groups.computer(group).is_some_and(|c| !c.network.name.contains('.'));
        let only = |groups: Option<&Vec<usize>>| groups.filter(|g| g.len() == 1).and_then(|g| g.first().copied());
        // corp.contoso.com may be called CONTOSO: then the label must be the only one of its kind, long and short.
        let is_alone = || is_flat && by_host.get(&host).is_some_and(|groups| groups.len() == 2);
        let other = match by_domain.get(&(host.clone(), domain)) {
            Some(same_domain) => only(Some(same_domain)),
            None if is_alone() => only(long.get(&host)),
            None => None,
        };
        let Some(other) = other else { continue };
        let other = groups.of(other);
        if groups.may_be_one(other, group) {
            groups.join(other, group);
        }
    }
    for group in bare {
        let Some(name) = groups.computer(group).map(|c| host(&c.name)) else {
            continue;
        };
        let mut others: Vec<usize> = by_host
            .get(&name)
            .into_iter()
            .flatten()
            .map(|g| groups.of(*g))
            .collect();
        others.sort_unstable();
        others.dedup();
        if let [other] = others.as_slice()
            && groups.may_be_one(*other, group)
        {
            groups.join(*other, group);
        }
    }
}

/// A hardware address that identifies, with names that do not speak against it.
fn by_hardware_address(groups: &mut Groups) {
    let mut owners: HashMap<u64, Vec<usize>> = HashMap::new();
    let all = groups.all();
    for group in &all {
        let macs: BTreeSet<u64> = groups.computer(*group).into_iter().flat_map(addresses::of).collect();
        for mac in macs {
            owners.entry(mac).or_default().push(*group);
        }
    }
    let mut pairs: Vec<(usize, usize)> = owners
        .into_values()
        .filter_map(|owners| match owners.as_slice() {
            [a, b] => Some((*a, *b)),
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    for (a, b) in pairs {
        let (a, b) = (groups.of(a), groups.of(b));
        let agree = groups
            .computer(a)
            .zip(groups.computer(b))
            .is_some_and(|(a, b)| names_agree(a, b) && !networks_contradict(a, b));
        if a != b && agree && groups.may_be_one(a, b) {
            groups.join(a, b);
        }
    }
}

/// One that is known by its address alone, and the only one that was seen there.
fn by_address(groups: &mut Groups, found: &[FoundComputer]) {
    let mut seen_at: HashMap<IpAddr, BTreeSet<usize>> = HashMap::new();
    for (index, record) in found.iter().enumerate() {
        let group = groups.of(index);
        let named = groups.computer(group).is_some_and(|c| !c.is_known_by_address_only());
        if named {
            for address in places_of(record) {
                seen_at.entry(address).or_default().insert(group);
            }
        }
    }
    for group in groups.all() {
        let Some(bare) = groups.computer(group).filter(|c| c.is_known_by_address_only()) else {
            continue;
        };
        let port = bare.connect.as_ref().and_then(|c| c.port);
        let Some(owners) = bare.name.trim().parse().ok().and_then(|ip: IpAddr| seen_at.get(&ip)) else {
            continue;
        };
        // Behind one address with several ports are several computers.
        let fits: Vec<usize> = owners
            .iter()
            .copied()
            .filter(|owner| {
                let own = groups
                    .computer(*owner)
                    .and_then(|c| c.connect.as_ref())
                    .and_then(|c| c.port);
                own == port || own.is_none() || port.is_none()
            })
            .collect();
        if let [owner] = fits.as_slice()
            && groups.may_be_one(*owner, group)
        {
            groups.join(*owner, group);
        }
    }
}

/// Where a record says that it is.
pub(super) fn places_of(found: &FoundComputer) -> impl Iterator<Item = IpAddr> {
    let told = found.connect.as_ref().and_then(|c| c.address.as_deref());
    let told = told.and_then(|address| address.trim().parse().ok());
    found.addresses.iter().copied().chain(told)
}

/// Everything that the records of one group know.
fn one(records: &[FoundComputer]) -> Option<Folded> {
    let times = records.len();
    let sources: BTreeSet<Source> = records.iter().map(|r| r.source).collect();
    let mut ranked: Vec<&FoundComputer> = records.iter().collect();
    // The sort is stable, and the records have their order: nothing is left to chance.
    ranked.sort_by_key(|r| authority(r.source));
    let rank = |r: &FoundComputer| name_rank(&Computer::named(&r.name));
    let named = ranked.iter().copied().max_by_key(|r| {
        let accounts = (r.directory_id.is_some(), !r.is_disabled, r.last_logon);
        (
            rank(r),
            accounts,
            Reverse(authority(r.source)),
            Reverse(r.name.to_lowercase()),
        )
    })?;
    let account = ranked
        .iter()
        .copied()
        .filter(|r| r.directory_id.is_some())
        .max_by_key(|r| (!r.is_disabled, r.last_logon, Reverse(r.directory_id)));
    let text = |field: fn(&FoundComputer) -> &String| {
        let known = ranked.iter().map(|r| field(r)).find(|t| !t.is_empty());
        known.cloned().unwrap_or_default()
    };
    let network = std::iter::once(named)
        .chain(ranked.iter().copied())
        .map(|r| &r.network)
        .filter(|n| !n.name.is_empty())
        // A source that sees a group of computers does not know whether it is a domain.
        .min_by_key(|n| (n.kind != NetworkKind::Domain, !n.name.contains('.')))
        .or(Some(&named.network))?;
    let own = |r: &FoundComputer| r.connect.clone().filter(|c| *c != crate::model::ConnectTo::default());
    let macs: BTreeSet<&String> = records.iter().flat_map(|r| &r.mac_addresses).collect();
    let addresses: BTreeSet<IpAddr> = records.iter().flat_map(places_of).collect();
    let mut aliases: Vec<Text> = records
        .iter()
        .filter(|r| !r.name.eq_ignore_ascii_case(&named.name))
        .map(|r| Text::from(&*r.name))
        .collect();
    aliases.sort_unstable();
    aliases.dedup();
    let found = FoundComputer {
        source: named.source,
        name: named.name.trim().to_owned(),
        network: network.clone(),
        os_edition: text(|r| &r.os_edition),
        os_version: text(|r| &r.os_version),
        mac_addresses: macs.into_iter().cloned().collect(),
        addresses: addresses.into_iter().collect(),
        connect: ranked.iter().find_map(|r| own(r)),
        directory_id: account.and_then(|r| r.directory_id),
        last_logon: account.and_then(|r| r.last_logon),
        is_disabled: account.is_some_and(|r| r.is_disabled),
        place: text(|r| &r.place),
    };
    Some(Folded {
        found,
        times,
        sources,
        aliases,
    })
}
