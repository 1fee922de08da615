//! Discovery in the desktop, by role and label: where to look, what was found, what becomes of it; and the page with KMS hosts.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use std::sync::Arc;

use desktop_support::{Desk, write_list};
use egui::accesskit::{Role, Toggled};
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::desktop::DesktopOptions;
use makeeper::lab::{Account, EstateKind, Lab, LabConfig};
use makeeper::model::found::{SavedDiscovery, SourceOrder, Then};
use makeeper::model::{Change, Computer, ConnectTo, Inventory, Secret};
use makeeper::workspace::{Credentials, Settings};

const NONE: Modifiers = Modifiers::NONE;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const NAMES: &str = "Names, addresses, ranges and networks";

fn names(desk: &Desk) -> Vec<String> {
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    let mut names: Vec<String> = snapshot.inventory.computers().map(|c| c.name.to_string()).collect();
    names.sort();
    names
}

/// The discovery dialog with names that nobody is asked about.
fn told(desk: &mut Desk, text: &str) {
    desk.press(CTRL_SHIFT, Key::D);
    assert_eq!(desk.dialogs(), ["Discover computers"]);
    desk.type_into(Role::MultilineTextInput, NAMES, text);
    desk.click(
        Role::CheckBox,
        "Look names up, and of ranges take only addresses that answer",
    );
}

fn with_names(names: &[&str]) -> Inventory {
    let mut inventory = Inventory::default();
    for name in names {
        let change = Change::PutComputer(Box::new(Computer::named(name)));
        inventory.apply(&change).unwrap();
    }
    inventory
}

#[test]
fn what_was_found_is_shown_before_it_enters_the_list_and_rows_can_be_unticked() {
    let mut desk = Desk::with_inventory(&with_names(&["pc-2"]));
    told(&mut desk, "pc-1\npc-2\npc-3");
    desk.button("Discover");
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
    desk.expect("3 computers found");
    assert_eq!(names(&desk), ["pc-2"], "nothing is in the list yet");
    for chip in ["All 3", "New 2", "Known 1"] {
        desk.harness.get_by_role_and_label(Role::Button, chip);
    }
    desk.click(Role::CheckBox, "Take over pc-3");
    desk.expect("2 ticked");
    desk.button("New 2");
    assert_eq!(
        desk.rows(),
        ["pc-1, New, is added, named", "pc-3, New, is added, named"]
    );
    desk.type_into(Role::TextInput, "Filter found computers", "pc-3");
    assert_eq!(desk.rows(), ["pc-3, New, is added, named"]);
    desk.button("Add");
    desk.expect("1 computer added");
    assert_eq!(names(&desk), ["pc-1", "pc-2"]);
    desk.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(names(&desk), ["pc-2"]);
}

#[test]
fn the_table_is_sorted_and_ticked_by_the_keyboard() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    told(&mut desk, "b-1, a-1, c-1");
    desk.button("Discover");
    let first = |desk: &Desk| desk.rows()[0].clone();
    assert!(first(&desk).starts_with("a-1"));
    desk.click(Role::ColumnHeader, "Computer");
    assert!(first(&desk).starts_with("c-1"));
    desk.harness
        .get_by_role_and_label(Role::ListGrid, "Found computers rows")
        .focus();
    desk.settle();
    desk.press(NONE, Key::ArrowDown);
    desk.press(NONE, Key::Space);
    desk.expect("2 ticked");
    let ticked = |name: &str| {
        let label = format!("Take over {name}");
        let node = desk.harness.get_by_role_and_label(Role::CheckBox, &label);
        node.accesskit_node().toggled()
    };
    let wanted = (Some(Toggled::True), Some(Toggled::False));
    assert_eq!((ticked("c-1"), ticked("b-1")), wanted);
}

#[test]
fn who_answers_for_a_network_reads_how_much_it_is_asked_before_anything_is_sent() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    desk.press(CTRL_SHIFT, Key::D);
    assert!(desk.is_disabled(Role::Button, "Discover"), "nothing says where to look");
    desk.type_into(Role::MultilineTextInput, NAMES, "10.0.0.0/22");
    desk.expect("This will probe 1,022 addresses at 200 a second: about 6 seconds.");
    desk.type_into(Role::TextInput, "WinRM port", "x");
    desk.expect("A port is a number");
    assert!(desk.is_disabled(Role::Button, "Discover"));
    desk.press(NONE, Key::Escape);
    assert!(desk.dialogs().is_empty());
}

#[test]
fn every_source_says_what_it_does_not_see_and_a_wrong_filter_is_told_while_it_is_typed() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    desk.press(CTRL_SHIFT, Key::D);
    for (tab, text) in [("NetBIOS", "UDP port 137"), ("Local network", "other subnets")] {
        desk.click(Role::Tab, tab);
        desk.expect("It does not see:");
        desk.expect(text);
    }
    desk.click(Role::Tab, "Active Directory");
    desk.click(Role::CheckBox, "Ask Active Directory");
    desk.harness
        .get_by_role_and_label(Role::Tab, "Active Directory, chosen");
    desk.type_into(Role::TextInput, "LDAP filter", "(name=");
    desk.expect("Wrong");
    desk.expect("The filter is wrong");
    assert!(desk.is_disabled(Role::Button, "Discover"));
}

#[test]
fn a_directory_that_cannot_be_asked_is_told_with_its_reason_and_others_are_shown() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    told(&mut desk, "pc-1");
    desk.click(Role::Tab, "Active Directory");
    desk.click(Role::CheckBox, "Ask Active Directory");
    desk.type_into(Role::TextInput, "Domain", "nowhere.invalid");
    desk.type_into(Role::TextInput, "Domain controller", "127.0.0.1:1");
    desk.button("Browse…");
    desk.expect("The directory was not read");
    desk.button("Discover");
    // Nobody signed in, and there is no Kerberos ticket for an address.
    desk.expect("Active Directory (nowhere.invalid): credentials");
    desk.expect("1 computer found");
    assert_eq!(desk.rows().len(), 1);
    desk.button("Discard");
    desk.expect("Nothing was looked for yet");
}

#[test]
fn a_discovery_is_kept_under_a_name_run_again_renamed_and_removed() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    told(&mut desk, "pc-1, pc-2");
    desk.click(Role::CheckBox, "Keep in the list as");
    assert!(desk.is_disabled(Role::Button, "Discover"), "without a name");
    desk.type_into(Role::TextInput, "Keep in the list as", "Berlin, every night");
    desk.button("Discover");
    desk.expect("Discovery: Berlin, every night");
    desk.button("Add");
    assert_eq!(names(&desk), ["pc-1", "pc-2"]);

    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.button("Run Berlin, every night");
    desk.expect("2 computers found");
    desk.harness.get_by_role_and_label(Role::Button, "Known 2");
    desk.button("Discard");
    desk.button("Rename Berlin, every night");
    desk.type_into(Role::TextInput, "Name", "!");
    desk.button("Rename");
    desk.button("Remove Berlin, every night!");
    desk.expect("Nothing was looked for yet");
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    assert!(snapshot.inventory.header().discoveries.is_empty());
}

#[test]
fn found_computers_are_added_and_updated_in_one_go() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        ..LabConfig::default()
    };
    let lab = runtime.block_on(Lab::start(config)).unwrap();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("lab.cilx");
    write_list(&path, &Inventory::default());
    let admin = Account::admin();
    let account = format!("{}\\{}", admin.domain, admin.user);
    let options = DesktopOptions {
        list: Some(path),
        settings: Some(Settings::default()),
        credentials: Some(Credentials::new(&account, Secret::new(admin.password)).unwrap()),
        ..DesktopOptions::default()
    };
    let mut desk = Desk::start(folder, options);
    desk.press(CTRL_SHIFT, Key::D);
    desk.type_into(Role::MultilineTextInput, NAMES, "127.77.2.1-6");
    desk.type_into(Role::TextInput, "WinRM port", &lab.port().to_string());
    desk.button("Discover");
    desk.expect("6 computers found");
    desk.button("Add and update status");
    desk.expect("6 succeeded");
    assert!(
        names(&desk).iter().all(|n| n.starts_with("LAB-PC-")),
        "{:?}",
        names(&desk)
    );
    runtime.block_on(lab.stop());
}

#[test]
fn where_the_list_knows_a_computer_at_another_address_the_new_one_is_offered() {
    let mut known = Computer::named("pc-1");
    known.connect = Some(ConnectTo {
        address: Some("10.0.0.7".into()),
        port: None,
        way: None,
    });
    let mut inventory = Inventory::default();
    inventory.apply(&Change::PutComputer(Box::new(known))).unwrap();
    let mut desk = Desk::with_inventory(&inventory);
    desk.press(Modifiers::COMMAND, Key::D);
    let field = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    desk.type_into(Role::MultilineTextInput, field, "name,address\npc-1,10.0.0.9\n");
    desk.button("Add");
    assert_eq!(desk.dialogs(), ["Another address"]);
    desk.expect("10.0.0.9");
    desk.button("Take the new addresses over");
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    let computer = snapshot.inventory.computer_by_name("pc-1").unwrap().clone();
    assert_eq!(computer.connect.as_ref().unwrap().address.as_deref(), Some("10.0.0.9"));
}

#[test]
fn the_kms_page_looks_at_dns_and_keeps_the_approved_hosts_in_the_list() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    desk.press(Modifiers::COMMAND, Key::Num5);
    desk.expect("DNS was not looked at yet");
    desk.button("KMS hosts in DNS");
    desk.type_into(Role::MultilineTextInput, "DNS suffixes, one a line", "nowhere.invalid");
    desk.type_into(
        Role::MultilineTextInput,
        "Approved KMS hosts, one a line",
        "kms1.nowhere.invalid",
    );
    desk.button("Look");
    desk.expect("0 records for 1 suffix");
    desk.expect("Approved: kms1.nowhere.invalid");
    desk.harness.get_by_role_and_label(Role::Table, "KMS hosts");
    desk.click(Role::ColumnHeader, "Suffix");
    let out = desk.path("kms.csv");
    desk.picker.will_pick(&out);
    desk.button("Export table…");
    let table = std::fs::read_to_string(out).unwrap();
    assert!(
        table.contains("nowhere.invalid") && table.contains("suffix,outcome,target"),
        "{table}"
    );
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    assert_eq!(snapshot.inventory.header().approved_kms_hosts, ["kms1.nowhere.invalid"]);
}

#[test]
fn a_hundred_thousand_found_computers_are_shown_without_holding_up_the_window() {
    let mut desk = Desk::with_inventory(&Inventory::default());
    let text: Vec<String> = (0..100_000).map(|n| format!("pc-{n}")).collect();
    let text = text.join("\n");
    let saved = SavedDiscovery {
        name: "Everything".into(),
        sources: vec![SourceOrder::Names {
            text,
            port: None,
            probe: false,
        }],
        then: Then::Nothing,
        rate: None,
    };
    desk.harness.state().workspace().unwrap().save_discovery(saved).unwrap();
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.button("Run Everything");
    desk.expect("100,000 computers found");
    let began = std::time::Instant::now();
    for _ in 0..20 {
        desk.harness.step();
    }
    // Unoptimised and beside other tests: drawing every row would take minutes.
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert!(desk.rows().len() < 60);
}
