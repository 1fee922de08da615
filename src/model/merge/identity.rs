//! Which computer of the other list is which of ours: by id, then domain and name, then workgroup and name, then hardware
//! address.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Contradiction;
use super::addresses;
use super::computers::{host, names_agree};
use crate::model::{Computer, ComputerId, Inventory, NetworkKind};

/// What told that two records are one computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The identity within the list.
    Id,
    /// Name, with domain or workgroup.
    Name,
    /// A hardware address that only it has.
    HardwareAddress,
}

impl MatchedBy {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Id => "same identity",
            Self::Name => "same name",
            Self::HardwareAddress => "same hardware address",
        }
    }
}

/// What became of the computers of the other list.
#[derive(Default)]
pub(super) struct Identities {
    /// For each computer of the other list its identity in ours. Several may be one.
    pub target: HashMap<ComputerId, ComputerId>,
    /// How those that were found were found, by identity in our list.
    pub by: HashMap<ComputerId, MatchedBy>,
    /// Computers of ours that match by contradicting criteria.
    pub contradictions: HashMap<ComputerId, Vec<Contradiction>>,
    /// Computers of ours whose name a computer of theirs has that is another one by its identity. They keep everything by which
    /// they were recognised, or a second merge would find something else.
    pub contested: HashSet<ComputerId>,
}

/// Name within a domain or workgroup, in lower case.
pub(in crate::model) type Place = (String, NetworkKind, String);

pub(in crate::model) fn place(computer: &Computer) -> Option<Place> {
    if computer.is_known_by_address_only() {
        return None;
    }
    let name = computer.name.trim().to_lowercase();
    if let Some((host, domain)) = name.split_once('.') {
        return Some((host.to_owned(), NetworkKind::Domain, domain.to_owned()));
    }
    let network = computer.network.name.trim().to_lowercase();
    (!network.is_empty()).then_some((name, computer.network.kind, network))
}

/// Two short names in different, known domains or workgroups.
pub(in crate::model) fn networks_contradict(a: &Computer, b: &Computer) -> bool {
    let (x, y) = (&a.network, &b.network);
    let qualified = a.name.contains('.') || b.name.contains('.');
    let known = !x.name.is_empty() && !y.name.is_empty();
    // Who sees a group of computers does not always know whether it is a domain.
    let kinds = x.kind != NetworkKind::None && y.kind != NetworkKind::None && x.kind != y.kind;
    // A domain is called contoso.com and CONTOSO.
    known && !qualified && (kinds || host(&x.name) != host(&y.name))
}

/// True if the hardware addresses say that these are two computers.
pub(in crate::model) fn addresses_contradict(a: &Computer, b: &Computer) -> bool {
    let ours: HashSet<u64> = addresses::of(a).collect();
    let mut theirs = addresses::of(b).peekable();
    !ours.is_empty() && theirs.peek().is_some() && !theirs.any(|m| ours.contains(&m))
}

/// A name that stands for one computer in a whole organisation: another such name is another computer, whatever adapter it
/// has plugged in.
pub(in crate::model) fn is_settled(computer: &Computer) -> bool {
    !computer.is_known_by_address_only()
        && (computer.name.contains('.') || computer.network.kind == NetworkKind::Domain)
}

struct Matching<'i> {
    ours: &'i Inventory,
    places: HashMap<Place, &'i Arc<Computer>>,
    found: Identities,
}

/// Finds for every computer of `theirs` the one of `ours` that it is. Takes time linear in both.
pub(super) fn identify(ours: &Inventory, theirs: &Inventory) -> Identities {
    let mut places: HashMap<Place, &Arc<Computer>> = HashMap::with_capacity(ours.computer_count());
    for computer in ours.computers() {
        let Some(place) = place(computer) else { continue };
        let rank = |c: &Computer| (!c.name.contains('.'), c.id);
        let best = places.entry(place).or_insert(computer);
        if rank(computer) < rank(best) {
            *best = computer;
        }
    }
    let mut matching = Matching {
        ours,
        places,
        found: Identities::default(),
    };
    let mut left: Vec<&Arc<Computer>> = Vec::new();
    for computer in theirs.computers() {
        if !matching.by_id(computer) {
            left.push(computer);
        }
    }
    left.retain(|computer| !matching.by_name(computer));
    matching.by_address(&mut left, theirs);
    matching.add(left);
    matching.found
}

impl Matching<'_> {
    fn is(&mut self, theirs: &Computer, ours: ComputerId, by: MatchedBy) {
        self.found.target.insert(theirs.id, ours);
        self.found.by.entry(ours).or_insert(by);
    }

    fn contradict(&mut self, ours: ComputerId, what: Contradiction) {
        self.found.contradictions.entry(ours).or_default().push(what);
    }

    fn by_id(&mut self, theirs: &Computer) -> bool {
        let Some(known) = self.ours.computer(theirs.id) else {
            return false;
        };
        // An identity is derived from the first name somebody typed: two computers may have had the same address once.
        let id = known.id;
        if !names_agree(known, theirs) && addresses_contradict(known, theirs) {
            self.contradict(id, Contradiction::Identity);
            return false;
        }
        let named = self.ours.computer_by_name(&theirs.name).filter(|c| c.id != id);
        if let Some(named) = named {
            self.found.contested.insert(named.id);
            self.contradict(id, Contradiction::Identity);
        }
        self.is(theirs, id, MatchedBy::Id);
        true
    }

    fn by_name(&mut self, theirs: &Computer) -> bool {
        let exact = self.ours.computer_by_name(&theirs.name);
        let Some(known) = exact.or_else(|| self.places.get(&place(theirs)?).copied()) else {
            return false;
        };
        let id = known.id;
        if self.found.by.contains_key(&id) {
            // Another one of theirs has its identity.
            self.contradict(id, Contradiction::Identity);
        } else if networks_contradict(known, theirs) {
            self.contradict(id, Contradiction::Network);
        }
        self.is(theirs, id, MatchedBy::Name);
        true
    }

    fn by_address(&mut self, left: &mut Vec<&Arc<Computer>>, theirs: &Inventory) {
        let our_owners = addresses::owners(self.ours.computers().map(|c| &**c));
        let their_owners = addresses::owners(theirs.computers().map(|c| &**c));
        let mut claims: HashMap<ComputerId, Vec<ComputerId>> = HashMap::new();
        for computer in left.iter() {
            let unique = |m: &u64| their_owners.get(m) == Some(&Some(computer.id));
            let owners: HashSet<ComputerId> = addresses::of(computer)
                .filter(unique)
                .filter_map(|m| our_owners.get(&m).copied().flatten())
                .collect();
            let mut owners = owners.into_iter();
            let (Some(owner), None) = (owners.next(), owners.next()) else {
                continue;
            };
            let may_be_one =
                |ours: &Arc<Computer>| names_agree(ours, computer) || (!is_settled(ours) && !is_settled(computer));
            if self.ours.computer(owner).is_some_and(may_be_one) && !self.found.by.contains_key(&owner) {
                claims.entry(owner).or_default().push(computer.id);
            }
        }
        for (owner, claimants) in claims {
            if let [one] = claimants.as_slice() {
                self.found.target.insert(*one, owner);
                self.found.by.entry(owner).or_insert(MatchedBy::HardwareAddress);
            }
        }
        left.retain(|computer| !self.found.target.contains_key(&computer.id));
    }

    /// The others are new; those of them that are one computer become one.
    fn add(&mut self, mut new: Vec<&Arc<Computer>>) {
        // The order of the records must not matter.
        new.sort_by_key(|c| (!c.name.contains('.'), c.id));
        let mut taken: HashSet<ComputerId> = HashSet::new();
        let mut places: HashMap<Place, ComputerId> = HashMap::new();
        for computer in new {
            let place = place(computer);
            if let Some(id) = place.as_ref().and_then(|p| places.get(p)) {
                self.found.target.insert(computer.id, *id);
                continue;
            }
            let mut id = computer.id;
            let mut seed = computer.name.to_string();
            while self.ours.computer(id).is_some() || !taken.insert(id) {
                id = ComputerId::from_name(&seed);
                seed.push(' ');
                seed.push_str(&id.0.to_string());
            }
            self.found.target.insert(computer.id, id);
            if let Some(place) = place {
                places.insert(place, id);
            }
        }
    }
}
