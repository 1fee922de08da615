//! Which computer of the list is which of those found, by the identity rules of the list.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::fold::{Folded, as_computer, places_of};
use crate::model::merge::addresses;
use crate::model::merge::computers::{host, names_agree};
use crate::model::merge::identity::{Place, addresses_contradict, is_settled, networks_contradict, place};
use crate::model::{Computer, ComputerId, Inventory, NetworkKind, WayIn};

/// What the list knows its computers by. Built in time linear in the list.
struct Index<'i> {
    list: &'i Inventory,
    accounts: HashMap<Uuid, Option<ComputerId>>,
    places: HashMap<Place, ComputerId>,
    /// Computers by the first label of their names, with and without a domain.
    hosts: HashMap<String, Vec<ComputerId>>,
    macs: HashMap<u64, Option<ComputerId>>,
    /// Computers that are reached at an address of their own, with the port.
    reached: HashMap<IpAddr, Vec<(ComputerId, Option<u16>)>>,
}

impl<'i> Index<'i> {
    fn of(list: &'i Inventory) -> Self {
        let mut index = Self {
            list,
            accounts: HashMap::new(),
            places: HashMap::new(),
            hosts: HashMap::new(),
            macs: addresses::owners(list.computers().map(|c| &**c)),
            reached: HashMap::new(),
        };
        for computer in list.computers() {
            if let Some(account) = computer.directory_id {
                let owner = index.accounts.entry(account).or_insert(Some(computer.id));
                if *owner != Some(computer.id) {
                    *owner = None;
                }
            }
            if let Some(place) = place(computer) {
                index.places.entry(place).or_insert(computer.id);
            }
            if !computer.is_known_by_address_only() {
                index.hosts.entry(host(&computer.name)).or_default().push(computer.id);
            }
            let port = computer.connect.as_ref().and_then(|c| c.port);
            if let Ok(address) = computer.connect_address().trim().parse() {
                index.reached.entry(address).or_default().push((computer.id, port));
            }
        }
        index
    }
}

/// What was found, on its way to the computers that it is.
struct Matching<'i, 'f> {
    index: Index<'i>,
    folded: &'f [Folded],
    computers: Vec<Computer>,
    target: Vec<Option<ComputerId>>,
    taken: HashSet<ComputerId>,
    /// How many of those found have this first label.
    hosts: HashMap<String, usize>,
    /// The one found that was seen at an address; `None`: several were.
    seen_at: HashMap<IpAddr, Option<usize>>,
}

/// For each found computer the one of the list that it is. No two are the same one.
pub(super) fn match_with(list: &Inventory, folded: &[Folded]) -> Vec<Option<ComputerId>> {
    let computers: Vec<Computer> = folded.iter().map(|f| as_computer(&f.found)).collect();
    let mut hosts: HashMap<String, usize> = HashMap::new();
    for computer in computers.iter().filter(|c| !c.is_known_by_address_only()) {
        *hosts.entry(host(&computer.name)).or_default() += 1;
    }
    let mut matching = Matching {
        index: Index::of(list),
        folded,
        computers,
        target: vec![None; folded.len()],
        taken: HashSet::new(),
        hosts,
        seen_at: seen_at(folded),
    };
    matching.phase(Matching::by_account);
    matching.phase(Matching::by_name_and_network);
    matching.phase(Matching::by_place);
    matching.by_address_in_another_network();
    matching.phase(Matching::by_name);
    matching.claim(Matching::by_short_name);
    matching.by_hardware_address();
    matching.by_address();
    matching.target
}

impl Matching<'_, '_> {
    /// Takes what `find` finds for those that have nothing yet, each computer of the list once.
    fn phase(&mut self, find: fn(&Self, &Computer) -> Option<ComputerId>) {
        for at in 0..self.computers.len() {
            let Some(computer) = self.open(at) else { continue };
            if let Some(id) = find(self, computer) {
                self.take(at, id);
            }
        }
    }

    /// Takes what `find` finds where only one claims it.
    fn claim(&mut self, find: fn(&Self, &Computer) -> Option<ComputerId>) {
        let mut claims: HashMap<ComputerId, Vec<usize>> = HashMap::new();
        for at in 0..self.computers.len() {
            if let Some(id) = self.open(at).and_then(|computer| find(self, computer)) {
                claims.entry(id).or_default().push(at);
            }
        }
        self.take_undisputed(claims);
    }

    fn take_undisputed(&mut self, claims: HashMap<ComputerId, Vec<usize>>) {
        for (owner, claimants) in claims {
            if let [one] = claimants.as_slice() {
                self.take(*one, owner);
            }
        }
    }

    fn open(&self, at: usize) -> Option<&Computer> {
        let waits = self.target.get(at).is_some_and(Option::is_none);
        self.computers.get(at).filter(|_| waits)
    }

    fn take(&mut self, at: usize, id: ComputerId) {
        if let Some(slot) = self.target.get_mut(at)
            && self.taken.insert(id)
        {
            *slot = Some(id);
        }
    }

    /// The computer, if nobody else is it and no account and no hardware address speaks against it.
    fn free(&self, id: ComputerId, found: &Computer) -> Option<&Arc<Computer>> {
        let known = self.index.list.computer(id)?;
        let fits = !self.taken.contains(&id) && !addresses_contradict(known, found);
        Some(known).filter(|_| fits)
    }

    /// An account is not another one, unless the names are the same: then the computer has a new account.
    fn other_account(known: &Computer, found: &Computer) -> bool {
        known.directory_id.zip(found.directory_id).is_some_and(|(a, b)| a != b)
    }

    fn by_account(&self, found: &Computer) -> Option<ComputerId> {
        let owner = self.index.accounts.get(&found.directory_id?).copied().flatten()?;
        (!self.taken.contains(&owner)).then_some(owner)
    }

    fn by_name_and_network(&self, found: &Computer) -> Option<ComputerId> {
        let known = self.index.list.computer_by_name(&found.name)?;
        (!networks_contradict(known, found) && !self.taken.contains(&known.id)).then_some(known.id)
    }

    fn by_name(&self, found: &Computer) -> Option<ComputerId> {
        let known = self.index.list.computer_by_name(&found.name)?;
        // A hardware address may have been changed for another; with the domain it is another computer.
        let another = addresses_contradict(known, found) && networks_contradict(known, found);
        (!another && !self.taken.contains(&known.id)).then_some(known.id)
    }

    fn by_place(&self, found: &Computer) -> Option<ComputerId> {
        let id = *self.index.places.get(&place(found)?)?;
        (!self.taken.contains(&id)).then_some(id)
    }

    fn by_short_name(&self, found: &Computer) -> Option<ComputerId> {
        if found.is_known_by_address_only() {
            return None;
        }
        let label = host(&found.name);
        let same_host = self.index.hosts.get(&label)?;
        let is_alone = same_host.len() == 1 && self.hosts.get(&label) == Some(&1);
        let mut fitting = same_host
            .iter()
            .filter_map(|id| self.free(*id, found))
            .filter(|known| is_longer_name(known, found, is_alone) && !Self::other_account(known, found));
        // In several domains: nothing tells which it is.
        fitting.next().filter(|_| fitting.next().is_none()).map(|c| c.id)
    }

    fn by_hardware_address(&mut self) {
        let theirs = {
            let ids: Vec<ComputerId> = (0..self.computers.len())
                .map(|at| ComputerId(Uuid::from_u128(at as u128)))
                .collect();
            let numbered: Vec<Computer> = self
                .computers
                .iter()
                .zip(&ids)
                .map(|(c, id)| Computer { id: *id, ..c.clone() })
                .collect();
            addresses::owners(numbered.iter())
        };
        let mut claims: HashMap<ComputerId, Vec<usize>> = HashMap::new();
        for at in 0..self.computers.len() {
            let Some(found) = self.open(at) else { continue };
            let own = Some(ComputerId(Uuid::from_u128(at as u128)));
            let owners: HashSet<ComputerId> = addresses::of(found)
                .filter(|mac| theirs.get(mac) == Some(&own))
                .filter_map(|mac| self.index.macs.get(&mac).copied().flatten())
                .collect();
            let mut owners = owners.into_iter();
            let (Some(owner), None) = (owners.next(), owners.next()) else {
                continue;
            };
            let may_be_one = |known: &Arc<Computer>| {
                (names_agree(known, found) || (!is_settled(known) && !is_settled(found)))
                    && !Self::other_account(known, found)
            };
            if self.free(owner, found).is_some_and(may_be_one) {
                claims.entry(owner).or_default().push(at);
            }
        }
        self.take_undisputed(claims);
    }

    /// The list has its name in another workgroup, and a computer of its own where it was seen.
    fn by_address_in_another_network(&mut self) {
        for at in 0..self.computers.len() {
            let Some(found) = self.open(at) else { continue };
            let namesake = self.index.list.computer_by_name(&found.name);
            let Some(namesake) = namesake.filter(|known| networks_contradict(known, found)) else {
                continue;
            };
            let network = host(&found.network.name);
            let fits = |known: &Arc<Computer>| {
                let theirs = host(&known.network.name);
                known.id != namesake.id && names_agree(known, found) && (theirs.is_empty() || theirs == network)
            };
            let id = self.places_alone(at).find_map(|address| {
                let id = self.reached_at(address, found)?;
                self.index.list.computer(id).is_some_and(fits).then_some(id)
            });
            if let Some(id) = id {
                self.take(at, id);
            }
        }
    }

    /// The addresses at which this one was seen and no other.
    fn places_alone(&self, at: usize) -> impl Iterator<Item = IpAddr> {
        let places = self.folded.get(at).into_iter().flat_map(|f| places_of(&f.found));
        places.filter(move |address| self.seen_at.get(address) == Some(&Some(at)))
    }

    /// Found by its address alone, or known by it alone.
    fn by_address(&mut self) {
        for at in 0..self.computers.len() {
            let Some(found) = self.open(at) else { continue };
            let id = if let Ok(address) = found.name.trim().parse() {
                self.reached_at(address, found)
            } else {
                self.places_alone(at).find_map(|address| {
                    let id = self.reached_at(address, found)?;
                    let bare = self.index.list.computer(id)?.is_known_by_address_only();
                    bare.then_some(id)
                })
            };
            if let Some(id) = id {
                self.take(at, id);
            }
        }
    }

    /// The one computer that the list reaches at `address`, by the port of `found`.
    fn reached_at(&self, address: IpAddr, found: &Computer) -> Option<ComputerId> {
        let usual = |port: Option<u16>| port.filter(|p| !WayIn::ALL.iter().any(|way| way.port() == *p));
        let port = found.connect.as_ref().and_then(|c| c.port);
        let there = self.index.reached.get(&address)?;
        let mut free = there
            .iter()
            .filter(|(_, own)| usual(*own) == usual(port))
            .filter_map(|(id, _)| self.free(*id, found));
        let known = free.next().filter(|_| free.next().is_none())?;
        (!Self::other_account(known, found)).then_some(known.id)
    }
}

fn seen_at(folded: &[Folded]) -> HashMap<IpAddr, Option<usize>> {
    let mut seen_at: HashMap<IpAddr, Option<usize>> = HashMap::new();
    for (at, folded) in folded.iter().enumerate() {
        for address in places_of(&folded.found) {
            let owner = seen_at.entry(address).or_insert(Some(at));
            if *owner != Some(at) {
                *owner = None;
            }
        }
    }
    seen_at
}

/// One is the first label of the other's name, and the domain of the short one, if known, is that of the other.
///
/// `is_alone`: no other computer, found or known, has that label. Then a flat name is that of the domain, whatever it is
/// called: corp.contoso.com may be CONTOSO.
fn is_longer_name(a: &Computer, b: &Computer, is_alone: bool) -> bool {
    let (short, long) = match (a.name.contains('.'), b.name.contains('.')) {
        (false, true) => (a, b),
        (true, false) => (b, a),
        _ => return false,
    };
    let network = &short.network;
    if network.name.is_empty() {
        return true;
    }
    let domain = long.name.split_once('.').map_or("", |(_, domain)| domain);
    let same = host(domain) == host(&network.name) || (is_alone && !network.name.contains('.'));
    network.kind != NetworkKind::Workgroup && same
}
