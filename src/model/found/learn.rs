//! What a computer of the list learns from discovery.

use super::FoundComputer;
use super::fold::places_of;
use crate::model::merge::addresses;
use crate::model::merge::computers::{host, name_rank, names_agree};
use crate::model::{Computer, ComputerId, ConnectTo, Inventory, Network, NetworkKind, WayIn};

/// True if somebody signed in to the computer and read its products, whatever became of later attempts: a knock at its door
/// reads nothing, and one that fails forgets nothing.
pub(super) fn was_read(list: &Inventory, computer: ComputerId) -> bool {
    list.products_of(computer)
        .any(|product| product.status_updated.is_some())
}

/// The computer with what `found` knows of it and the list does not. Where it is reached stays, see [`elsewhere`].
///
/// What was read from the computer itself (`was_read`) is not replaced by what a directory says of it.
pub(super) fn learned(known: &Computer, found: &FoundComputer, was_read: bool) -> Computer {
    let mut computer = known.clone();
    rename(&mut computer, found);
    if is_better(&known.network, &found.network) {
        computer.network = found.network.clone();
    }
    for (mine, theirs) in [
        (&mut computer.os_edition, &found.os_edition),
        (&mut computer.os_version, &found.os_version),
    ] {
        if !theirs.is_empty() && (mine.is_empty() || !was_read) {
            *mine = (&**theirs).into();
        }
    }
    for mac in &found.mac_addresses {
        let is_it = |known: &str| known.eq_ignore_ascii_case(mac) || addresses::parse(known) == addresses::parse(mac);
        if !computer.mac_addresses.iter().any(|known| is_it(known)) {
            computer.mac_addresses.push((&**mac).into());
        }
    }
    computer.directory_id = found.directory_id.or(known.directory_id);
    computer
}

fn rename(computer: &mut Computer, found: &FoundComputer) {
    let named = Computer::named(&found.name);
    let same = computer.name.trim().to_lowercase() == named.name.to_lowercase();
    let tells_more = !names_agree(computer, &named) || name_rank(&named) > name_rank(computer);
    if same || named.is_known_by_address_only() || !tells_more {
        return;
    }
    if computer.is_known_by_address_only() {
        // Reached by its address so far: it still is.
        let connect = computer.connect.get_or_insert_with(ConnectTo::default);
        connect.address.get_or_insert_with(|| computer.name.clone());
    }
    computer.name = named.name;
}

/// True if `theirs` says another domain or workgroup, or says it better. A domain is called contoso.com and CONTOSO.
fn is_better(ours: &Network, theirs: &Network) -> bool {
    if theirs.name.is_empty() {
        return false;
    }
    // Who sees a group of computers tells its flat name, which need not be the first label of the domain's.
    let flat = ours.kind == NetworkKind::Domain && ours.name.contains('.') && !theirs.name.contains('.');
    if flat && theirs.kind != NetworkKind::Workgroup {
        return false;
    }
    let same = host(&ours.name) == host(&theirs.name);
    let knows_kind = theirs.kind != NetworkKind::None && ours.kind != theirs.kind;
    ours.name.is_empty()
        || !same
        || (theirs.name.contains('.') && ours.name.contains('.') && !ours.name.eq_ignore_ascii_case(&theirs.name))
        || (theirs.name.contains('.') && !ours.name.contains('.'))
        // Only who knows the full name of a domain knows that it is one.
        || (knows_kind && theirs.name.contains('.'))
}

/// True if both are known and are not the same.
pub(super) fn moved(ours: &Network, theirs: &Network) -> bool {
    if ours.name.is_empty() || theirs.name.is_empty() {
        return false;
    }
    let both_full = ours.name.contains('.') && theirs.name.contains('.');
    host(&ours.name) != host(&theirs.name) || (both_full && !ours.name.eq_ignore_ascii_case(&theirs.name))
}

/// Where a known computer is said to be reached, if the list says otherwise.
///
/// An address that came out of a name server is none: the list would come by it, too.
pub(super) fn elsewhere(known: &Computer, found: &FoundComputer) -> Option<ConnectTo> {
    let ours = known.connect.clone().unwrap_or_default();
    let told = found.connect.clone().unwrap_or_default();
    let own_address = ours.address.as_deref().and_then(|a| a.parse::<std::net::IpAddr>().ok());
    // It was seen, and not where the list says.
    let seen = || {
        let at = own_address?;
        let mut places = places_of(found);
        let first = places.next()?;
        (first != at && !places.any(|place| place == at)).then(|| first.to_string().into())
    };
    let said = ConnectTo {
        address: told.address.clone().or_else(seen).or_else(|| ours.address.clone()),
        port: told.port.or(ours.port),
        way: told.way.or(ours.way),
    };
    let same_address = match (&said.address, &ours.address) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (Some(a), None) => a.eq_ignore_ascii_case(&known.name) || a.eq_ignore_ascii_case(&found.name),
        (None, _) => true,
    };
    let way = |c: &ConnectTo| c.way.or(c.port.map(WayIn::of_port));
    let port = |c: &ConnectTo| c.port.or(c.way.map(WayIn::port));
    let same = same_address && port(&said) == port(&ours) && way(&said) == way(&ours);
    (!same).then_some(said)
}

/// What `after` knows and `before` does not, in words.
pub(super) fn news(before: &Computer, after: &Computer) -> Vec<&'static str> {
    let mut news = Vec::new();
    let mut tell = |differs: bool, what| {
        if differs {
            news.push(what);
        }
    };
    tell(before.name != after.name, "name");
    tell(before.network != after.network, "domain or workgroup");
    tell(
        before.os_edition != after.os_edition || before.os_version != after.os_version,
        "operating system",
    );
    tell(before.mac_addresses != after.mac_addresses, "hardware address");
    tell(before.directory_id != after.directory_id, "directory account");
    news
}
