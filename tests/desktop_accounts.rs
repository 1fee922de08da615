//! Who signs in, in the desktop: remembered accounts, accounts for groups of computers, and the way in for a group.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use std::sync::Arc;

use desktop_support::{Desk, empty_keyring, write_list};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use makeeper::desktop::{DesktopOptions, Remembered};
use makeeper::lab::{Account, EstateKind, Lab, LabConfig};
use makeeper::model::{Change, Computer, ConnectTo, Inventory, Secret, WayIn};
use makeeper::workspace::{Credentials, Keyring, KeyringError, Settings};

const NONE: Modifiers = Modifiers::NONE;
const DIALOG: &str = "Accounts for groups of computers";

struct Estate {
    lab: Lab,
    runtime: tokio::runtime::Runtime,
}

impl Estate {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let config = LabConfig {
            estates: vec![EstateKind::IsolatedLab],
            ..LabConfig::default()
        };
        let lab = runtime.block_on(Lab::start(config)).unwrap();
        Self { lab, runtime }
    }

    /// A window on a list of the first `count` computers, where nobody has signed in.
    fn window(&self, count: usize, keyring: Result<Keyring, KeyringError>) -> Desk {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("lab.cilx");
        let mut inventory = Inventory::default();
        for known in self.lab.computers().iter().take(count) {
            let mut computer = Computer::named(&known.name);
            computer.connect = Some(ConnectTo {
                address: Some(known.address.ip().to_string().into()),
                port: Some(self.lab.port()),
                way: None,
            });
            inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
        }
        write_list(&path, &inventory);
        let options = DesktopOptions {
            list: Some(path),
            settings: Some(Settings::default()),
            remembered: Some(Remembered::load(folder.path().join("desktop.json"))),
            ..DesktopOptions::default()
        };
        Desk::start_with_keyring(folder, options, keyring)
    }

    fn stop(self) {
        self.runtime.block_on(self.lab.stop());
    }
}

/// A keyring that remembers the lab's administrator and somebody else.
fn keyring() -> Keyring {
    let keyring = empty_keyring();
    let admin = Account::admin();
    let account = format!("{}\\{}", admin.domain, admin.user);
    keyring
        .save(
            "the lab",
            &Credentials::new(&account, Secret::new(admin.password)).unwrap(),
        )
        .unwrap();
    keyring
        .save(
            "other",
            &Credentials::new(r"OTHER\somebody", Secret::new("open sesame")).unwrap(),
        )
        .unwrap();
    keyring
}

#[track_caller]
fn choose(desk: &mut Desk, combo: &str, option: &str) {
    desk.click(Role::ComboBox, combo);
    let found = desk.harness.query_all_by_label(option).last();
    found.unwrap().click();
    desk.settle();
}

#[test]
fn a_remembered_account_signs_in_by_its_name() {
    let estate = Estate::start();
    let mut desk = estate.window(3, Ok(keyring()));
    desk.press(NONE, Key::F5);
    desk.harness
        .get_by_role_and_label(Role::Dialog, "Sign in to the computers");
    assert!(desk.is_disabled(Role::Button, "Sign in"));
    desk.button("Remembered accounts…");
    choose(&mut desk, "Account", r"the lab: LAB\admin");
    desk.button("Sign in");
    desk.expect("3 succeeded");
    assert!(desk.dialogs().is_empty());
    assert!(!desk.every_word().contains(&Account::admin().password));
    estate.stop();
}

#[test]
fn an_account_is_remembered_when_it_gets_a_name_and_forgotten_when_asked() {
    let keyring = empty_keyring();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut desk = Desk::start_with_keyring(folder, DesktopOptions::default(), Ok(keyring.clone()));
    desk.command("Credentials");
    desk.type_into(Role::TextInput, "User", r"BRANCH\admin");
    desk.type_into(Role::PasswordInput, "Password", "open sesame");
    desk.type_into(Role::TextInput, "Remember as", "branch");
    desk.button("Use");
    desk.expect("Remembered as branch");
    assert_eq!(keyring.read("branch").unwrap().password().expose(), "open sesame");
    desk.command("Credentials");
    desk.button("Remembered accounts…");
    choose(&mut desk, "Account", r"branch: BRANCH\admin");
    assert!(!desk.every_word().contains("open sesame"));
    desk.button("Forget it");
    desk.expect("branch is forgotten");
    assert!(keyring.accounts().unwrap().is_empty());
    desk.expect("remembers no account");
}

#[test]
fn a_keyring_that_is_locked_or_missing_says_what_to_do_and_typing_still_works() {
    let locked = KeyringError::Locked {
        why: "prompt dismissed".into(),
    };
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut desk = Desk::start_with_keyring(folder, DesktopOptions::default(), Err(locked));
    desk.command("Credentials");
    desk.button("Remembered accounts…");
    desk.expect("The keyring is locked");
    desk.expect("unlock it");
    desk.type_into(Role::TextInput, "User", r"BRANCH\admin");
    desk.type_into(Role::PasswordInput, "Password", "p");
    desk.type_into(Role::TextInput, "Remember as", "branch");
    desk.button("Use");
    desk.expect("Not remembered as branch");
    assert!(desk.dialogs().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn the_logged_on_user_without_tickets_is_told_how_to_get_one() {
    if makeeper::workspace::user_tickets().is_ok() {
        return;
    }
    let mut desk = Desk::bare();
    desk.command("Credentials");
    desk.button("As the logged-on user");
    desk.harness.get_by_role_and_label(Role::Dialog, "Credentials");
    desk.expect("kinit");
}

#[test]
fn groups_of_computers_have_accounts_of_their_own_and_the_first_that_fits_counts() {
    let estate = Estate::start();
    let mut desk = estate.window(4, Ok(keyring()));
    let name = estate.lab.computers()[0].name.clone();
    desk.command("Accounts for groups");
    desk.harness.get_by_role_and_label(Role::Dialog, DIALOG);
    // Typed, for this session: everybody.
    desk.type_into(Role::TextInput, "Computers", "*");
    desk.type_into(Role::TextInput, "User", r"NOBODY\known");
    desk.type_into(Role::PasswordInput, "Password", "wrong");
    desk.button("Add group");
    // Of the keyring: those of the lab.
    desk.button("Remembered accounts…");
    desk.type_into(Role::TextInput, "Computers", "LAB-*");
    choose(&mut desk, "Their account", r"the lab: LAB\admin");
    assert!(
        desk.is_disabled(Role::Button, "Use"),
        "what was typed is not lost by mistake"
    );
    desk.button("Add group");
    desk.type_into(Role::TextInput, "Computer", &name);
    desk.expect(&format!(r"{name}: NOBODY\known, by line 1 (*)"));
    desk.button("Up line 2");
    desk.expect(&format!("{name}: the lab (keyring), by line 1 (LAB-*)"));
    assert!(!desk.every_word().contains("wrong"));
    desk.button("Use");
    assert!(desk.dialogs().is_empty());

    // The keyring is read when the first run needs it, and nobody is asked.
    desk.press(NONE, Key::F5);
    desk.expect("4 succeeded");
    let sets = desk.harness.state().workspace().unwrap().runs();
    assert_eq!(sets.len(), 1);

    // What is remembered: names. What was typed: nothing of it.
    let kept = desk.path("desktop.json");
    desk.harness.state_mut().end();
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("LAB-*") && kept.contains("the lab"), "{kept}");
    for secret in ["NOBODY", "wrong", Account::admin().password.as_str(), r"LAB\\admin"] {
        assert!(!kept.contains(secret), "{kept}");
    }
    estate.stop();
}

#[test]
fn a_group_whose_account_is_gone_from_the_keyring_keeps_the_run_from_starting_and_says_so() {
    let estate = Estate::start();
    let keyring = keyring();
    let mut desk = estate.window(2, Ok(keyring.clone()));
    desk.command("Accounts for groups");
    desk.button("Remembered accounts…");
    desk.type_into(Role::TextInput, "Computers", "LAB-*");
    choose(&mut desk, "Their account", r"the lab: LAB\admin");
    desk.button("Add group");
    desk.button("Use");
    keyring.forget("the lab").unwrap();
    desk.press(NONE, Key::F5);
    desk.expect("Not started");
    desk.expect("no account called the lab; it has other");
    assert!(desk.harness.state().workspace().unwrap().runs().is_empty());
    estate.stop();
}

#[test]
fn the_way_in_is_chosen_for_every_selected_computer_and_can_be_undone() {
    let mut desk = Desk::with(6);
    let ways = |desk: &Desk| {
        let inventory = desk.harness.state().workspace().unwrap().snapshot().inventory.clone();
        inventory
            .computers()
            .filter(|c| c.connect.as_ref().is_some_and(|c| c.way == Some(WayIn::Https)))
            .count()
    };
    desk.button("Computers");
    assert!(desk.is_disabled(Role::Button, "Way in"), "nothing is selected yet");
    desk.press(NONE, Key::Escape);
    desk.click_row(0, NONE);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.button("Computers");
    desk.button("Way in");
    if !cfg!(windows) {
        assert!(!desk.sees("Way in: DCOM"), "what this system cannot do is not offered");
    }
    desk.button("Way in: HTTPS");
    desk.expect("Way in of 6 computers");
    assert_eq!(ways(&desk), 6);
    desk.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(ways(&desk), 0);
    // The context menu and the palette lead there, too.
    let row = desk.rows()[0].clone();
    desk.harness
        .get_all_by_role_and_label(Role::Row, &row)
        .next()
        .unwrap()
        .click_secondary();
    desk.settle();
    desk.button("Way in");
    desk.button("Way in: HTTPS");
    assert!(ways(&desk) >= 1);
    desk.command("Way in: what answers");
    assert_eq!(ways(&desk), 0);
}
