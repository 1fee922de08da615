//! What found computers mean for the list: one computer is one row, in whatever order and however often it is found.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use makeeper::model::found::{FoundComputer, FoundKind, FoundPlan, Source};
use makeeper::model::{
    ApplicationId, Change, Computer, ComputerId, ConnectTo, Failure, FailureClass, Inventory, Network, NetworkKind,
    Observation, Product, ProductId,
};
use proptest::prelude::*;
use uuid::Uuid;

fn list(computers: impl IntoIterator<Item = Computer>) -> Inventory {
    let mut list = Inventory::default();
    for computer in computers {
        list.apply(&Change::PutComputer(Box::new(computer))).unwrap();
    }
    list
}

fn network(kind: NetworkKind, name: &str) -> Network {
    Network {
        kind,
        name: name.into(),
    }
}

fn from_directory(name: &str, domain: &str, id: u128) -> FoundComputer {
    let mut found = FoundComputer::named(Source::Directory, name);
    found.network = network(NetworkKind::Domain, domain);
    found.directory_id = Some(Uuid::from_u128(id));
    found.os_edition = "Windows 11 Enterprise".into();
    found
}

fn at(mut found: FoundComputer, address: &str) -> FoundComputer {
    found.addresses.push(address.parse().unwrap());
    found
}

fn accept(list: &mut Inventory, plan: &FoundPlan) -> Vec<String> {
    let accepted = plan.accept(list, |_| true, false);
    for change in &accepted.changes {
        list.apply(change).unwrap();
    }
    accepted.refused
}

fn names(list: &Inventory) -> Vec<String> {
    let mut names: Vec<String> = list.computers().map(|c| c.name.to_string()).collect();
    names.sort();
    names
}

fn kinds(plan: &FoundPlan) -> Vec<(FoundKind, &str)> {
    plan.rows.iter().map(|r| (r.kind, &*r.found.name)).collect()
}

#[test]
fn what_the_list_does_not_have_is_new_and_known_the_next_time() {
    let mut list = list([]);
    let found = vec![from_directory("pc1.contoso.com", "contoso.com", 1)];
    let plan = FoundPlan::new(&list, found.clone());
    assert_eq!(kinds(&plan), [(FoundKind::New, "pc1.contoso.com")]);
    assert!(accept(&mut list, &plan).is_empty());
    let computer = list.computer_by_name("PC1.contoso.com").unwrap();
    assert_eq!(computer.directory_id, Some(Uuid::from_u128(1)));
    assert_eq!(&*computer.os_edition, "Windows 11 Enterprise");
    let again = FoundPlan::new(&list, found);
    assert_eq!(kinds(&again), [(FoundKind::Known, "pc1.contoso.com")]);
    assert!(again.accept(&list, |_| true, true).changes.is_empty());
}

#[test]
fn an_account_with_another_name_is_a_computer_that_was_renamed() {
    let mut known = Computer::named("old.contoso.com");
    known.directory_id = Some(Uuid::from_u128(7));
    let id = known.id;
    let mut list = list([known]);
    let plan = FoundPlan::new(&list, vec![from_directory("new.contoso.com", "contoso.com", 7)]);
    assert_eq!(plan.rows[0].kind, FoundKind::Renamed);
    assert_eq!(plan.rows[0].meaning(), "was old.contoso.com");
    accept(&mut list, &plan);
    assert_eq!(&*list.computer(id).unwrap().name, "new.contoso.com");
}

#[test]
fn an_account_in_another_domain_is_a_computer_that_moved() {
    let mut known = Computer::named("pc1.contoso.com");
    known.directory_id = Some(Uuid::from_u128(7));
    known.network = network(NetworkKind::Domain, "contoso.com");
    let list = list([known]);
    let plan = FoundPlan::new(
        &list,
        vec![from_directory("pc1.emea.contoso.com", "emea.contoso.com", 7)],
    );
    assert_eq!(plan.rows[0].kind, FoundKind::MovedDomain, "{:?}", plan.rows[0]);
}

#[test]
fn names_that_two_computers_exchanged_are_exchanged_in_the_list() {
    let mut list = list(["a", "b"].into_iter().zip(1..).map(|(name, id)| Computer {
        directory_id: Some(Uuid::from_u128(id)),
        ..Computer::named(&format!("{name}.contoso.com"))
    }));
    let found = vec![
        from_directory("b.contoso.com", "contoso.com", 1),
        from_directory("a.contoso.com", "contoso.com", 2),
    ];
    let plan = FoundPlan::new(&list, found.clone());
    assert!(accept(&mut list, &plan).is_empty());
    let account = |name: &str| list.computer_by_name(name).unwrap().directory_id.unwrap().as_u128();
    assert_eq!((account("a.contoso.com"), account("b.contoso.com")), (2, 1));
    let again = FoundPlan::new(&list, found);
    assert_eq!(again.counts().known, 2);
}

#[test]
fn a_new_computer_may_have_the_name_that_another_gave_up() {
    let mut known = Computer::named("a.contoso.com");
    known.directory_id = Some(Uuid::from_u128(1));
    let mut list = list([known]);
    let found = vec![
        from_directory("b.contoso.com", "contoso.com", 1),
        from_directory("a.contoso.com", "contoso.com", 2),
    ];
    let plan = FoundPlan::new(&list, found);
    assert!(accept(&mut list, &plan).is_empty());
    assert_eq!(names(&list), ["a.contoso.com", "b.contoso.com"]);
    let untouched = |name: &str| list.computer_by_name(name).unwrap().directory_id.unwrap().as_u128();
    assert_eq!((untouched("a.contoso.com"), untouched("b.contoso.com")), (2, 1));
}

#[test]
fn a_name_that_somebody_keeps_is_not_taken_and_the_row_says_so() {
    let mut renamed = Computer::named("a.contoso.com");
    renamed.directory_id = Some(Uuid::from_u128(1));
    let mut list = list([renamed, Computer::named("b.contoso.com")]);
    let plan = FoundPlan::new(&list, vec![from_directory("b.contoso.com", "contoso.com", 1)]);
    assert_eq!(plan.rows.len(), 1);
    let row = &plan.rows[0];
    assert!(
        row.obstacle.as_ref().unwrap().contains("another computer is called"),
        "{row:?}"
    );
    assert!(accept(&mut list, &plan).is_empty());
    assert_eq!(names(&list), ["a.contoso.com", "b.contoso.com"]);
}

#[test]
fn rows_that_could_not_be_taken_over_are_named() {
    let mut renamed = Computer::named("a.contoso.com");
    renamed.directory_id = Some(Uuid::from_u128(1));
    let planned_on = list([renamed.clone(), Computer::named("c.contoso.com")]);
    let found = vec![
        from_directory("b.contoso.com", "contoso.com", 1),
        from_directory("d.contoso.com", "contoso.com", 2),
    ];
    let plan = FoundPlan::new(&planned_on, found);
    let at = |name: &str| plan.rows.iter().position(|r| r.found.name == name).unwrap();
    // Meanwhile somebody else is called that.
    let moved_on = list([renamed, Computer::named("b.contoso.com")]);
    let accepted = plan.accept(&moved_on, |_| true, false);
    assert_eq!(accepted.not_taken, [at("b.contoso.com")]);
    assert_eq!(accepted.refused.len(), 1, "{:?}", accepted.refused);
}

#[test]
fn found_by_address_and_by_name_is_one_row() {
    let bare = at(FoundComputer::named(Source::Range, "10.0.0.7"), "10.0.0.7");
    let named = at(from_directory("pc7.contoso.com", "contoso.com", 7), "10.0.0.7");
    let plan = FoundPlan::new(&list([]), vec![bare, named]);
    assert_eq!(kinds(&plan), [(FoundKind::New, "pc7.contoso.com")]);
    assert!(plan.rows[0].was_found_twice());
    assert_eq!(plan.rows[0].aliases, ["10.0.0.7"]);
    assert_eq!(plan.counts().twice, 1);
}

#[test]
fn an_address_that_two_names_lead_to_belongs_to_neither() {
    let bare = at(FoundComputer::named(Source::Range, "10.0.0.7"), "10.0.0.7");
    let stale = at(from_directory("pc6.contoso.com", "contoso.com", 6), "10.0.0.7");
    let named = at(from_directory("pc7.contoso.com", "contoso.com", 7), "10.0.0.7");
    let plan = FoundPlan::new(&list([]), vec![bare, stale, named]);
    assert_eq!(plan.rows.len(), 3);
}

#[test]
fn computers_behind_one_address_with_several_ports_stay_apart() {
    let behind = |name: &str, port| {
        let mut found = FoundComputer::named(Source::Names, name);
        found.connect = Some(ConnectTo {
            address: Some("10.0.0.1".into()),
            port: Some(port),
            way: None,
        });
        found
    };
    let plan = FoundPlan::new(&list([]), vec![behind("pc1", 15985), behind("pc2", 25985)]);
    assert_eq!(plan.rows.len(), 2);
}

#[test]
fn a_short_name_is_the_longer_one_where_there_is_one_only() {
    let short = || FoundComputer::named(Source::NetBios, "PC1");
    let one = from_directory("pc1.contoso.com", "contoso.com", 1);
    let other = from_directory("pc1.fabrikam.com", "fabrikam.com", 2);
    let plan = FoundPlan::new(&list([]), vec![short(), one.clone()]);
    assert_eq!(kinds(&plan), [(FoundKind::New, "pc1.contoso.com")]);
    assert_eq!(
        FoundPlan::new(&list([]), vec![short(), one.clone(), other.clone()])
            .rows
            .len(),
        3
    );
    let mut told = short();
    told.network = network(NetworkKind::None, "CONTOSO");
    assert_eq!(
        FoundPlan::new(&list([]), vec![told, one, other]).rows.len(),
        2,
        "its group is the domain"
    );
}

#[test]
fn the_list_learns_the_full_name_and_keeps_how_the_computer_is_reached() {
    let mut list = list([Computer::named("10.0.0.7"), Computer::named("pc8")]);
    let found = vec![
        at(from_directory("pc7.contoso.com", "contoso.com", 7), "10.0.0.7"),
        from_directory("pc8.contoso.com", "contoso.com", 8),
    ];
    let plan = FoundPlan::new(&list, found);
    assert!(plan.rows.iter().all(|r| r.kind == FoundKind::Changed), "{plan:?}");
    accept(&mut list, &plan);
    assert_eq!(names(&list), ["pc7.contoso.com", "pc8.contoso.com"]);
    let seven = list.computer_by_name("pc7.contoso.com").unwrap();
    assert_eq!(seven.connect.as_ref().unwrap().address.as_deref(), Some("10.0.0.7"));
}

#[test]
fn a_hardware_address_tells_a_renamed_computer_unless_others_share_it() {
    let mut known = Computer::named("OLD");
    known.mac_addresses = vec!["3C-52-82-01-02-03".into()];
    let renamed = |mac: &str| {
        let mut found = FoundComputer::named(Source::NetBios, "NEW");
        found.mac_addresses = vec![mac.into()];
        found
    };
    let list = list([known]);
    let plan = FoundPlan::new(&list, vec![renamed("3C-52-82-01-02-03")]);
    assert_eq!(kinds(&plan), [(FoundKind::Renamed, "NEW")]);
    let virtual_one = FoundPlan::new(&list, vec![renamed("00-15-5D-01-02-03")]);
    assert_eq!(kinds(&virtual_one), [(FoundKind::New, "NEW")]);
}

#[test]
fn two_workgroup_computers_of_one_name_are_listed_by_what_tells_them_apart() {
    let of = |group: &str, address: &str| {
        let mut found = at(FoundComputer::named(Source::NetBios, "PC1"), address);
        found.network = network(NetworkKind::Workgroup, group);
        found
    };
    let found = vec![of("SHOP", "10.0.1.7"), of("OFFICE", "10.0.0.7")];
    let mut list = list([]);
    let plan = FoundPlan::new(&list, found.clone());
    assert!(accept(&mut list, &plan).is_empty(), "{plan:?}");
    assert_eq!(names(&list), ["10.0.1.7", "PC1"]);
    let again = FoundPlan::new(&list, found);
    assert!(again.accept(&list, |_| true, false).changes.is_empty(), "{again:?}");
}

#[test]
fn another_address_is_offered_and_taken_over_only_when_asked() {
    let mut known = Computer::named("pc1");
    known.connect = Some(ConnectTo {
        address: Some("10.0.0.7".into()),
        port: Some(15985),
        way: None,
    });
    let list = list([known]);
    let mut found = FoundComputer::named(Source::Names, "pc1");
    found.connect = Some(ConnectTo {
        address: Some("10.0.0.9".into()),
        port: None,
        way: None,
    });
    let plan = FoundPlan::new(&list, vec![found]);
    assert_eq!((plan.rows[0].kind, plan.counts().elsewhere), (FoundKind::Changed, 1));
    assert_eq!(plan.rows[0].meaning(), "answers at 10.0.0.9, port 15985");
    assert!(plan.accept(&list, |_| true, false).changes.is_empty());
    assert_eq!(plan.accept(&list, |_| true, true).changes.len(), 1);
}

#[test]
fn only_chosen_rows_enter_the_list() {
    let found = ["a", "b", "c"].map(|n| FoundComputer::named(Source::Names, n));
    let plan = FoundPlan::new(&list([]), found.into());
    let accepted = plan.accept(&list([]), |index| index != 1, false);
    assert_eq!(
        (accepted.added, accepted.computers.len(), accepted.changes.len()),
        (2, 2, 2)
    );
}

#[test]
fn what_a_computer_said_of_itself_is_not_replaced_by_its_directory() {
    let mut known = Computer::named("pc1.contoso.com");
    known.os_edition = "Windows 10 Pro".into();
    let (id, at) = (known.id, chrono::DateTime::UNIX_EPOCH);
    let mut list = list([known]);
    let os_after_discovery = |list: &mut Inventory| {
        let plan = FoundPlan::new(list, vec![from_directory("pc1.contoso.com", "contoso.com", 1)]);
        accept(list, &plan);
        list.computer(id).unwrap().os_edition.to_string()
    };
    // A knock at its door, at which nobody signed in, reads nothing.
    let knocked = Change::Reached {
        computer: id,
        at,
        way: None,
    };
    list.apply(&knocked).unwrap();
    assert_eq!(os_after_discovery(&mut list), "Windows 11 Enterprise");
    let read = Observation {
        computer: id,
        at,
        way: None,
        reported_name: None,
        network: None,
        os_edition: "Windows 11 Pro".into(),
        os_version: "10.0.26100".into(),
        mac_addresses: Vec::new(),
        is_kms_host: None,
        complete: Vec::new(),
        products: vec![Product::new(
            ProductId(Uuid::from_u128(1)),
            Some(id),
            ApplicationId::WINDOWS,
        )],
    };
    list.apply(&Change::Observed(Box::new(read))).unwrap();
    assert_eq!(os_after_discovery(&mut list), "Windows 11 Pro");
    // One attempt that failed forgets nothing of that.
    let not_reached = Change::NotReached {
        computer: id,
        at,
        failure: Failure {
            class: FailureClass::NoAnswer,
            message: "pc1.contoso.com does not answer".into(),
            code: None,
        },
    };
    list.apply(&not_reached).unwrap();
    assert_eq!(os_after_discovery(&mut list), "Windows 11 Pro");
}

fn flat(name: &str, group: &str) -> FoundComputer {
    let mut found = FoundComputer::named(Source::NetBios, name);
    found.network = network(NetworkKind::None, group);
    found
}

#[test]
fn the_flat_name_of_a_domain_does_not_replace_its_full_name() {
    let mut known = Computer::named("pc-1.corp.contoso.com");
    known.network = network(NetworkKind::Domain, "corp.contoso.com");
    let plan = FoundPlan::new(&list([known.clone()]), vec![flat("PC-1", "CONTOSO")]);
    assert_eq!(kinds(&plan), [(FoundKind::Known, "PC-1")], "{plan:?}");
    let mut in_a_workgroup = flat("pc-1.corp.contoso.com", "CONTOSO");
    in_a_workgroup.network.kind = NetworkKind::Workgroup;
    let plan = FoundPlan::new(&list([known]), vec![in_a_workgroup]);
    assert_eq!(plan.rows[0].kind, FoundKind::MovedDomain, "it left its domain");
}

#[test]
fn a_domain_whose_flat_name_is_not_its_first_label_makes_no_second_computer() {
    let full = |domain: &str| FoundComputer::named(Source::Names, format!("pc-1.{domain}"));
    let plan = FoundPlan::new(&list([]), vec![flat("PC-1", "CONTOSO"), full("corp.contoso.com")]);
    assert_eq!(kinds(&plan), [(FoundKind::New, "pc-1.corp.contoso.com")]);
    let several = [
        vec![flat("PC-1", "CONTOSO"), full("corp.contoso.com"), full("fabrikam.com")],
        vec![
            flat("PC-1", "CONTOSO"),
            flat("PC-1", "FABRIKAM"),
            full("corp.contoso.com"),
        ],
    ];
    for found in several {
        assert_eq!(FoundPlan::new(&list([]), found.clone()).rows.len(), 3, "{found:?}");
    }
    // One after the other it is the same.
    let mut list = list([]);
    for found in [
        flat("PC-1", "CONTOSO"),
        full("corp.contoso.com"),
        flat("PC-1", "CONTOSO"),
    ] {
        let plan = FoundPlan::new(&list, vec![found]);
        accept(&mut list, &plan);
    }
    assert_eq!(names(&list), ["pc-1.corp.contoso.com"]);
}

#[test]
fn a_workgroup_called_like_a_domain_is_not_the_domain() {
    let mut alone = FoundComputer::named(Source::WsDiscovery, "PC-1");
    alone.network = network(NetworkKind::Workgroup, "CONTOSO");
    let joined = from_directory("pc-1.contoso.com", "contoso.com", 1);
    assert_eq!(FoundPlan::new(&list([]), vec![alone, joined]).rows.len(), 2);
}

#[test]
fn a_short_name_that_two_full_names_claim_goes_to_neither() {
    let found = ["pc-1.a.example", "pc-1.b.example"].map(|name| FoundComputer::named(Source::Names, name));
    let mut list = list([Computer::named("PC-1")]);
    let plan = FoundPlan::new(&list, found.to_vec());
    assert_eq!(plan.counts().new, 2, "{plan:?}");
    accept(&mut list, &plan);
    assert_eq!(names(&list), ["PC-1", "pc-1.a.example", "pc-1.b.example"]);
}

#[test]
fn of_two_workgroup_computers_of_one_name_the_one_that_is_off_keeps_its_row() {
    let of = |group: &str, address: &str| {
        let mut found = at(FoundComputer::named(Source::WsDiscovery, "PC-1"), address);
        found.network = network(NetworkKind::Workgroup, group);
        found
    };
    let mut list = list([]);
    let plan = FoundPlan::new(&list, vec![of("ALPHA", "10.0.0.7"), of("BETA", "10.0.1.7")]);
    accept(&mut list, &plan);
    assert_eq!(names(&list), ["10.0.1.7", "PC-1"]);
    let beta_alone = FoundPlan::new(&list, vec![of("BETA", "10.0.1.7")]);
    assert_eq!(beta_alone.rows[0].known_name, "10.0.1.7", "{beta_alone:?}");
    assert!(beta_alone.accept(&list, |_| true, true).changes.is_empty());
    let nowhere_listed = FoundPlan::new(&list, vec![of("BETA", "10.0.9.9")]);
    assert_eq!(nowhere_listed.rows[0].kind, FoundKind::MovedDomain);
}

/// A computer of the world that is found, with everything that tells it from others.
fn seen(truth: usize, view: u8) -> FoundComputer {
    let address: IpAddr = format!("10.0.{}.{}", truth / 200, truth % 200 + 1).parse().unwrap();
    let mac = format!("3C-52-82-00-{:02X}-{:02X}", truth / 256, truth % 256);
    let full = format!("pc{truth}.contoso.com");
    let mut found = match view % 5 {
        0 => from_directory(&full, "contoso.com", truth as u128 + 1),
        1 => FoundComputer::named(Source::NetBios, format!("PC{truth}")),
        2 => FoundComputer::named(Source::Range, address.to_string()),
        3 => FoundComputer::named(Source::Names, full),
        _ => FoundComputer::named(Source::WsDiscovery, format!("pc{truth}")),
    };
    if view % 5 == 1 {
        found.network = network(NetworkKind::None, "CONTOSO");
        found.mac_addresses = vec![mac];
    }
    found.addresses.push(address);
    found
}

proptest! {
    #[test]
    fn the_order_in_which_computers_are_found_does_not_matter(
        views in prop::collection::vec((0_usize..12, 0_u8..5), 0..40),
        listed in prop::collection::vec((0_usize..12, 0_u8..5), 0..8),
        seed: u64,
    ) {
        let mut known = Inventory::default();
        let plan = FoundPlan::new(&known, listed.iter().map(|(t, v)| seen(*t, *v)).collect());
        accept(&mut known, &plan);
        let found: Vec<FoundComputer> = views.iter().map(|(t, v)| seen(*t, *v)).collect();
        let mut shuffled = found.clone();
        let mut state = seed | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        prop_assert_eq!(FoundPlan::new(&known, found), FoundPlan::new(&known, shuffled));
    }

    #[test]
    fn there_is_never_a_second_row_for_a_computer_and_planning_twice_adds_nothing(
        first in prop::collection::vec((0_usize..12, 0_u8..5), 0..40),
        second in prop::collection::vec((0_usize..12, 0_u8..5), 0..40),
    ) {
        let mut list = Inventory::default();
        // The list does not keep to which address a name leads: an address is told with its name.
        let named = |view: &(usize, u8)| if view.1 == 2 { Some(seen(view.0, 3)) } else { None };
        for views in [&first, &second] {
            let mut found: Vec<FoundComputer> = views.iter().map(|(t, v)| seen(*t, *v)).collect();
            found.extend(views.iter().filter_map(named));
            let plan = FoundPlan::new(&list, found.clone());
            let targets: Vec<ComputerId> = plan.rows.iter().filter_map(|r| r.known).collect();
            let distinct: std::collections::HashSet<_> = targets.iter().collect();
            prop_assert_eq!(distinct.len(), targets.len());
            prop_assert!(accept(&mut list, &plan).is_empty());
            let again = FoundPlan::new(&list, found);
            prop_assert!(again.accept(&list, |_| true, false).changes.is_empty(), "{:?}", again);
        }
        let truths: std::collections::HashSet<usize> =
            first.iter().chain(&second).map(|(truth, _)| *truth).collect();
        prop_assert_eq!(list.computer_count(), truths.len(), "{:?}", names(&list));
    }
}

#[test]
fn a_hundred_thousand_found_are_compared_with_as_many_known_in_time() {
    let count = 100_000;
    let found: Vec<FoundComputer> = (0..count)
        .map(|n| from_directory(&format!("pc{n}.contoso.com"), "contoso.com", n as u128 + 1))
        .collect();
    let began = std::time::Instant::now();
    let mut list = Inventory::default();
    let plan = FoundPlan::new(&list, found.clone());
    assert_eq!(plan.counts().new, count);
    accept(&mut list, &plan);
    let half = FoundPlan::new(&list, found);
    assert_eq!(half.counts().known, count);
    // Unoptimised and beside other tests: quadratic time would be hours.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
