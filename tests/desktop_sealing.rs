//! Product keys under a passphrase, in the desktop: sealed, unlocked when something needs them, unsealed, given up.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use desktop_support::{Desk, estate};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::model::{Inventory, Secret};
use makeeper::workspace::{KeyProtection, Mode, Workspace};

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const PASSPHRASE: &str = "copper lantern under the bridge";

/// A list of `computers` computers whose product keys are sealed and locked.
fn locked(computers: usize) -> Desk {
    let desk = Desk::with(computers);
    let (path, folder) = (desk.path("contoso.cilx"), desk.folder.clone());
    drop(desk);
    let workspace = Workspace::open(&path, Mode::Edit, runtime().handle().clone())
        .unwrap()
        .0;
    workspace.seal_keys(&Secret::new(PASSPHRASE)).unwrap();
    workspace.remove_copies_with_keys().unwrap();
    drop(workspace);
    let options = makeeper::desktop::DesktopOptions {
        list: Some(path),
        ..Default::default()
    };
    let desk = Desk::start(folder, options);
    assert_eq!(protection(&desk), KeyProtection::Locked);
    desk
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn protection(desk: &Desk) -> KeyProtection {
    desk.harness.state().workspace().unwrap().snapshot().key_protection()
}

fn whole_keys(inventory: &Inventory) -> usize {
    inventory.keys().filter(|k| k.key.is_some()).count()
}

fn file(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).unwrap()
}

fn passphrase(desk: &mut Desk, text: &str) {
    desk.type_into(Role::PasswordInput, "Passphrase", text);
}

#[test]
fn product_keys_are_sealed_from_the_menu_with_a_passphrase_typed_twice() {
    let mut desk = Desk::with(10);
    desk.button("Product keys");
    desk.button("Seal with a passphrase…");
    assert_eq!(desk.dialogs(), ["Seal product keys"]);
    desk.expect("Nobody can recover it. Without it the product keys are lost, and nothing else");
    assert!(desk.is_disabled(Role::Button, "Seal"));
    passphrase(&mut desk, PASSPHRASE);
    desk.type_into(Role::PasswordInput, "The same again", "copper lantern");
    desk.expect("The two are not the same yet.");
    assert!(desk.is_disabled(Role::Button, "Seal"));
    desk.type_into(Role::PasswordInput, "The same again", " under the bridge");
    assert!(!desk.every_word().contains("lantern"), "a passphrase is never shown");
    desk.button("Seal");
    desk.expect("3 product keys sealed");
    let whole = estate::mak();
    assert!(!file(&desk, "contoso.cilx").contains(whole.reveal()));
    // What the list was before lies beside it and is told.
    assert_eq!(desk.dialogs(), ["Older copies hold the keys in clear"]);
    desk.expect("contoso.cilx.bak");
    assert!(file(&desk, "contoso.cilx.bak").contains(whole.reveal()));
    desk.button("Remove them");
    desk.expect("1 older copy removed");
    assert!(!desk.path("contoso.cilx.bak").exists());
    desk.press(CTRL, Key::Num2);
    desk.expect("Sealed in the file, unlocked here until MAKeeper closes.");
    desk.button("Lock");
    desk.expect("Sealed and locked: the keys cannot be read.");
    assert_eq!(protection(&desk), KeyProtection::Locked);
}

#[test]
fn a_wrong_passphrase_is_said_in_the_dialog_and_nothing_is_lost() {
    let mut desk = locked(10);
    let before = file(&desk, "contoso.cilx");
    desk.press(CTRL, Key::Num2);
    desk.expect("Sealed and locked");
    desk.button("Unlock…");
    assert!(desk.is_disabled(Role::Button, "Unlock"));
    passphrase(&mut desk, "copper lantern");
    desk.press(NONE, Key::Enter);
    assert_eq!(desk.dialogs(), ["Unlock product keys"]);
    desk.expect("This is not the passphrase of the list: its product keys stay locked.");
    assert_eq!(protection(&desk), KeyProtection::Locked);
    passphrase(&mut desk, PASSPHRASE);
    desk.press(NONE, Key::Enter);
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
    desk.expect("3 product keys unlocked");
    assert_eq!(protection(&desk), KeyProtection::Unlocked);
    assert_eq!(file(&desk, "contoso.cilx"), before, "unlocking writes nothing");
}

#[test]
fn what_needs_a_locked_key_asks_for_the_passphrase_and_goes_on() {
    let mut desk = locked(10);
    desk.press(CTRL, Key::Num2);
    let key = "XW42X";
    let item = desk
        .harness
        .query_all_by_role(Role::ListItem)
        .find(|n| n.accesskit_node().label().unwrap_or_default().contains(key))
        .unwrap();
    assert!(item.accesskit_node().label().unwrap().ends_with(", locked"));
    item.click();
    desk.settle();
    desk.button("Copy product key…");
    desk.expect("This needs the product keys, and they are sealed with a passphrase.");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    assert_eq!(desk.dialogs(), ["Copy the whole product key?"]);
    desk.button("Cancel");

    desk.command("Lock");
    desk.press(CTRL, Key::Num1);
    desk.click_row(0, NONE);
    desk.press(CTRL, Key::I);
    desk.expect("Locked: you are asked for the passphrase.");
    desk.click(Role::RadioButton, "MAK  •••••-•••••-•••••-•••••-XW42X");
    desk.button("Install key");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    assert_eq!(desk.dialogs(), ["Install the product key on 1 product?"]);
    desk.button("Cancel");

    desk.command("Lock");
    let out = desk.path("everything.cilx");
    desk.picker.will_pick(&out);
    desk.press(CTRL | Modifiers::SHIFT, Key::E);
    desk.click(Role::RadioButton, "Everything");
    desk.button("Export…");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    desk.expect("exported");
    assert!(file(&desk, "everything.cilx").contains(estate::mak().reveal()));
}

#[test]
fn the_seal_is_removed_and_a_forgotten_passphrase_costs_the_keys_only() {
    let mut desk = locked(10);
    let products = desk.count("Products");
    desk.command("Remove the seal");
    desk.expect("unlock them with the passphrase first");
    desk.button("Unlock…");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    assert_eq!(desk.dialogs(), ["Remove the seal?"]);
    desk.expect("everybody who can read the file can read them");
    desk.button("Remove the seal");
    desk.expect("Seal removed");
    assert_eq!(protection(&desk), KeyProtection::Clear);
    assert!(file(&desk, "contoso.cilx").contains(estate::mak().reveal()));

    let mut desk = locked(10);
    desk.command("Remove the seal");
    desk.button("The passphrase is lost…");
    desk.expect("3 product keys will be given up");
    desk.button("Give the keys up");
    desk.expect("locked product keys given up");
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    assert_eq!(snapshot.key_protection(), KeyProtection::Clear);
    assert_eq!(
        (snapshot.inventory.key_count(), whole_keys(&snapshot.inventory)),
        (3, 0)
    );
    assert_eq!(desk.count("Products"), products);
}

#[test]
fn a_passphrase_is_changed_by_sealing_anew() {
    let mut desk = locked(5);
    assert!(is_unavailable(&desk, "Seal with a passphrase…"));
    desk.command("Unlock");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    desk.command("Seal with");
    assert_eq!(desk.dialogs(), ["Change the passphrase"]);
    passphrase(&mut desk, "another one");
    desk.type_into(Role::PasswordInput, "The same again", "another one");
    desk.press(NONE, Key::Enter);
    desk.expect("3 product keys sealed");
    desk.command("Lock");
    desk.command("Unlock");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    desk.expect("This is not the passphrase");
    passphrase(&mut desk, "another one");
    desk.button("Unlock");
    assert_eq!(protection(&desk), KeyProtection::Unlocked);
}

fn is_unavailable(desk: &Desk, text: &str) -> bool {
    let commands = makeeper::desktop::commands::Command::ALL.iter();
    let command = { commands }.find(|c| c.spec().text == text).unwrap();
    command.unavailable(desk.harness.state().facts()).is_some()
}

#[test]
fn a_sealed_list_that_is_imported_gives_its_keys_for_its_passphrase() {
    let other = locked(4);
    let theirs = other.path("theirs.cilx");
    std::fs::copy(other.path("contoso.cilx"), &theirs).unwrap();
    let mut desk = Desk::with_inventory(&Inventory::default());
    desk.picker.will_pick(&theirs);
    desk.command("Import");
    desk.expect("3 product keys are sealed in the file.");
    desk.button("Unlock them…");
    passphrase(&mut desk, "no");
    desk.button("Unlock");
    desk.expect("This is not the passphrase");
    passphrase(&mut desk, PASSPHRASE);
    desk.button("Unlock");
    assert_eq!(desk.dialogs(), ["Import list"]);
    assert!(!desk.sees("sealed in the file."));
    desk.button("Merge");
    let snapshot = desk.harness.state().workspace().unwrap().snapshot();
    assert_eq!(whole_keys(&snapshot.inventory), 3);
}
