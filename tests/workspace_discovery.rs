//! Discovery over real sockets: what was found is shown, taken over in one step, and asked in the same run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use makeeper::model::found::{DirectoryOrder, FoundKind, SavedDiscovery, SourceOrder, Then};
use makeeper::model::{Computer, LicenseStatus};
use makeeper::workspace::{DiscoveryProgress, Job, PreparedDiscovery, SourceState, Workspace};
use support::Estate;

fn names(text: &str, port: Option<u16>, probe: bool) -> SourceOrder {
    SourceOrder::Names {
        text: text.to_owned(),
        port,
        probe,
    }
}

async fn discover(workspace: &Workspace, orders: &[SourceOrder]) -> DiscoveryProgress {
    let prepared = PreparedDiscovery::new(orders, None).unwrap();
    workspace.discover(prepared).finished().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_searched_and_a_computer_found_by_address_is_not_added_again_under_its_name() {
    let estate = Estate::isolated(0).await;
    let port = estate.lab.port();
    let order = [names("127.77.2.1-4, 127.77.3.0/29", Some(port), true)];
    let prepared = PreparedDiscovery::new(&order, None).unwrap();
    assert_eq!(prepared.price.addresses, 10);
    let end = discover(&estate.workspace, &order).await;
    let plan = end.plan.clone().unwrap();
    assert_eq!((plan.counts().new, end.silent()), (4, 0), "the others refuse: {end:?}");
    assert_eq!(
        estate.workspace.snapshot().inventory.computer_count(),
        0,
        "nothing is in the list yet"
    );
    let accepted = estate.workspace.accept_found(&plan, |_| true, false).unwrap();
    assert_eq!((accepted.added, accepted.computers.len()), (4, 4));
    estate.update().await;
    let snapshot = estate.workspace.snapshot();
    let told: Vec<_> = snapshot.inventory.computers().map(|c| c.name.clone()).collect();
    assert!(told.iter().all(|n| n.starts_with("LAB-PC-")), "{told:?}");
    let statuses = snapshot
        .inventory
        .products()
        .filter(|p| p.license_status != LicenseStatus::Unknown);
    assert!(statuses.count() >= 4);

    let again = discover(&estate.workspace, &[names("127.77.2.1-4", Some(port), true)]).await;
    let plan = again.plan.unwrap();
    assert_eq!(plan.counts().known, 4, "{plan:?}");
}

#[test]
fn what_would_be_probed_is_said_before_anything_is_sent() {
    let price = |order: SourceOrder| PreparedDiscovery::new(&[order], None).unwrap().price;
    let said = |text: &str| price(names(text, None, true)).to_string();
    assert_eq!(
        said("10.0.0.0/22"),
        "this will probe 1,022 addresses at 200 a second: about 6 seconds"
    );
    assert_eq!(
        said("10.0.0.1-10.0.0.9, PC-1; 10.0.0.77"),
        "this will probe 9 addresses at 200 a second: about a second"
    );
    assert_eq!(said("2001:db8::/128"), "this will probe 1 address");
    assert!(!price(names("PC-1|PC-2\tPC-3", None, true)).needs_consent());
    assert!(!price(names("10.0.0.0/22", None, false)).needs_consent());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_to_which_no_network_leads_fails_as_network() {
    let estate = Estate::isolated(0).await;
    let end = discover(&estate.workspace, &[names("224.0.0.1-2", None, true)]).await;
    let SourceState::Failed(failure) = &end.sources[0].state else {
        panic!("{:?}", end.sources);
    };
    assert_eq!((failure.class, end.silent()), ("Network", 0), "{failure:?}");
}

#[test]
fn what_netbios_cannot_ask_is_told_with_its_place() {
    let ranges = "127.0.0.1,\nhost1, fe80::1".to_owned();
    let prepared = PreparedDiscovery::new(&[SourceOrder::NetBios { ranges }], None).unwrap();
    let told: Vec<_> = prepared
        .problems
        .iter()
        .map(|(whence, problem)| (whence.as_str(), problem.line, problem.piece.as_str()))
        .collect();
    assert_eq!(told, [("NetBIOS", 2, "host1"), ("NetBIOS", 2, "fe80::1")]);
    assert_eq!(prepared.price.addresses, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_one_step_and_found_computers_are_probed_and_updated() {
    let estate = Estate::isolated(0).await;
    let (workspace, port) = (&estate.workspace, estate.lab.port());
    let end = discover(workspace, &[names("127.77.2.1-3", Some(port), true)]).await;
    let plan = end.plan.unwrap();
    let chosen = |index: usize| index != 1;
    let accepted = workspace.accept_found(&plan, chosen, false).unwrap();
    assert_eq!(accepted.added, 2);
    let probed = workspace
        .start(Job::Probe {
            computers: accepted.computers.clone(),
        })
        .unwrap();
    let probed = probed.finished().await;
    assert_eq!(probed.succeeded, 2, "{:?}", probed.rows);
    assert!(probed.rows[0].state.text().contains(&format!("port {port}")));
    let reached = |c: &Computer| {
        c.contact
            .as_ref()
            .is_some_and(|c| c.failure.is_none() && c.way.is_some())
    };
    assert!(workspace.snapshot().inventory.computers().all(|c| reached(c)));
    assert_eq!(
        workspace.undo().unwrap().unwrap().label,
        "Take over what was discovered"
    );
    assert_eq!(workspace.snapshot().inventory.computer_count(), 0);
    workspace.redo().unwrap();
    assert_eq!(workspace.snapshot().inventory.computer_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_told_by_a_probe_without_anybody_signing_in() {
    let estate = Estate::isolated(0).await;
    let workspace = &estate.workspace;
    workspace.set_credentials(None);
    workspace.add_computers("127.0.0.1:1").unwrap();
    let id = workspace.snapshot().inventory.computers().next().unwrap().id;
    let run = workspace.start(Job::Probe { computers: vec![id] }).unwrap();
    let end = run.finished().await;
    assert_eq!(end.failed, 1, "{:?}", end.rows);
    let snapshot = workspace.snapshot();
    let contact = snapshot.inventory.computer(id).unwrap().contact.clone().unwrap();
    assert!(contact.failure.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_does_not_lose_what_others_found() {
    let estate = Estate::isolated(0).await;
    let directory = DirectoryOrder {
        domain: "nowhere.invalid".into(),
        server: "127.0.0.1:1".into(),
        ..DirectoryOrder::default()
    };
    let orders = [names("pc1, pc2", None, false), SourceOrder::Directory(directory)];
    let end = discover(&estate.workspace, &orders).await;
    let SourceState::Failed(failure) = &end.sources[1].state else {
        panic!("{:?}", end.sources);
    };
    assert!(failure.message.contains("127.0.0.1"), "{failure:?}");
    assert_eq!(end.sources[0].state, SourceState::Done);
    let plan = end.plan.unwrap();
    assert_eq!(plan.counts().new, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_that_is_cancelled_keeps_what_it_found() {
    let estate = Estate::isolated(0).await;
    // Nobody answers there: without the cancel it would take minutes.
    let orders = [names("pc1", None, false), names("192.0.2.0/22", None, true)];
    let prepared = PreparedDiscovery::new(&orders, Some(10)).unwrap();
    let discovery = estate.workspace.discover(prepared);
    discovery.cancel();
    let began = std::time::Instant::now();
    let end = discovery.finished().await;
    assert!(began.elapsed().as_secs_f32() < 2.0, "{:?}", began.elapsed());
    assert_eq!(end.sources[1].state, SourceState::Cancelled);
    assert!(end.plan.unwrap().rows.len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_discoveries_are_kept_in_the_list_and_undone_like_every_edit() {
    let estate = Estate::isolated(0).await;
    let workspace = &estate.workspace;
    let saved = SavedDiscovery {
        name: "Berlin workstations".into(),
        sources: vec![
            names("pc1, 10.0.0.0/24", Some(15985), true),
            SourceOrder::Directory(DirectoryOrder {
                domain: "contoso.com".into(),
                base: "OU=Berlin,DC=contoso,DC=com".into(),
                stale_days: Some(90),
                ..DirectoryOrder::default()
            }),
            SourceOrder::LocalNetwork,
        ],
        then: Then::Update,
        rate: Some(50),
    };
    workspace.save_discovery(saved.clone()).unwrap();
    workspace.approve_kms_hosts(vec!["kms1.contoso.com".into()]).unwrap();
    workspace.rename_discovery("berlin WORKSTATIONS", "Berlin").unwrap();
    workspace.save().unwrap();
    let path = workspace.snapshot().path.clone();
    let read = makeeper::cil::read(&std::fs::read(&path).unwrap()).unwrap();
    let header = read.inventory.header();
    assert_eq!(
        header.discoveries,
        [SavedDiscovery {
            name: "Berlin".into(),
            ..saved.clone()
        }]
    );
    assert_eq!(header.approved_kms_hosts, ["kms1.contoso.com"]);
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);

    let out = estate.path.with_file_name("proxy.cilx");
    workspace
        .export(&out, makeeper::workspace::ExportProfile::ProxyOnly, None)
        .unwrap();
    let proxy = std::fs::read_to_string(&out).unwrap();
    assert!(!proxy.contains("Berlin") && !proxy.contains("kms1"), "{proxy}");

    workspace.undo().unwrap();
    assert!(
        workspace
            .snapshot()
            .inventory
            .header()
            .discovery("Berlin workstations")
            .is_some()
    );
    workspace.undo().unwrap();
    workspace.undo().unwrap();
    let snapshot = workspace.snapshot();
    assert!(snapshot.inventory.header().discoveries.is_empty());
    assert!(snapshot.inventory.header().approved_kms_hosts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_told_with_its_place_and_the_rest_is_found() {
    let estate = Estate::isolated(0).await;
    let prepared = PreparedDiscovery::new(&[names("pc1\n10.0.0.300", None, false)], None).unwrap();
    let discovery = estate.workspace.discover(prepared);
    let end = discovery.finished().await;
    assert_eq!(end.problems.len(), 1);
    let again = discovery.progress();
    assert!(
        std::sync::Arc::ptr_eq(&end.problems, &again.problems),
        "looking at it copies no problems"
    );
    assert_eq!(end.problems[0].1.line, 2);
    let plan = end.plan.unwrap();
    assert_eq!(plan.rows[0].kind, FoundKind::New);
    assert!(PreparedDiscovery::new(&[], None).is_err());
    let wrong = DirectoryOrder {
        filter: "(name=".into(),
        ..DirectoryOrder::default()
    };
    let error = PreparedDiscovery::new(&[SourceOrder::Directory(wrong)], None).unwrap_err();
    assert!(error.to_string().contains("filter"), "{error}");
}
