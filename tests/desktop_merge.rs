//! Undo, the merge preview and remarks in the desktop, by role and label.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use desktop_support::{Desk, write_list};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::model::*;

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

/// One computer with Windows, read at `day`.
fn list(names: &[&str], day: i64, status: LicenseStatus) -> Inventory {
    let start = chrono::DateTime::from_timestamp(1_780_000_000, 0).unwrap();
    let computers: Vec<Computer> = names.iter().map(|n| Computer::named(n)).collect();
    let products: Vec<Product> = computers
        .iter()
        .map(|c| {
            let sku = uuid::Uuid::from_u128(7);
            let id = ProductId::derive(c.id, ApplicationId::WINDOWS, Some(sku));
            let mut p = Product::new(id, Some(c.id), ApplicationId::WINDOWS);
            p.sku = Some(sku);
            p.name = "Windows 11 Enterprise".into();
            p.license_status = status;
            p.status_updated = Some(start + chrono::TimeDelta::days(day));
            p
        })
        .collect();
    Inventory::from_records(ListHeader::default(), computers, products, [])
}

fn product(desk: &Desk, computer: &str) -> std::sync::Arc<Product> {
    let path = desk.path("contoso.cilx");
    let list = makeeper::cil::read(&std::fs::read(path).unwrap()).unwrap().inventory;
    let id = list.computer_by_name(computer).unwrap().id;
    list.products_of(id).next().unwrap().clone()
}

#[test]
fn removed_rows_come_back_with_undo_and_go_again_with_redo() {
    let mut desk = Desk::with(10);
    assert!(desk.count("Products") > 0);
    let before = desk.rows();
    desk.click_row(0, Modifiers::NONE);
    desk.press(Modifiers::NONE, Key::Delete);
    desk.button("Remove");
    let removed = desk.rows();
    assert_ne!(removed, before);
    desk.press(CTRL, Key::Z);
    assert_eq!(desk.rows(), before);
    desk.expect("Undone: Remove");
    desk.press(CTRL_SHIFT, Key::Z);
    assert_eq!(desk.rows(), removed);
    desk.expect("Redone: Remove");
}

#[test]
fn remarks_of_a_product_are_edited_and_undone() {
    let mut desk = Desk::with_inventory(&list(&["pc1.contoso.com"], 0, LicenseStatus::Licensed));
    desk.click_row(0, Modifiers::NONE);
    desk.command("edit product remarks");
    desk.type_into(Role::MultilineTextInput, "Remarks", "in room 4");
    desk.button("Change");
    desk.press(CTRL, Key::S);
    assert_eq!(&*product(&desk, "pc1.contoso.com").remarks, "in room 4");
    desk.press(CTRL, Key::Z);
    desk.press(CTRL, Key::S);
    assert_eq!(&*product(&desk, "pc1.contoso.com").remarks, "");
}

#[test]
fn a_whole_list_is_shown_row_by_row_before_it_is_merged() {
    let mut desk = Desk::with_inventory(&list(
        &["pc1.contoso.com", "pc2.contoso.com"],
        0,
        LicenseStatus::InOobGrace,
    ));
    let other = desk.path("other.cilx");
    let theirs = list(&["pc2.contoso.com", "pc3.contoso.com"], 5, LicenseStatus::Licensed);
    write_list(&other, &theirs);
    desk.picker.will_pick(&other);
    desk.press(CTRL_SHIFT, Key::I);
    assert_eq!(desk.dialogs(), ["Import list"]);
    desk.expect("New 2");
    desk.click(Role::Button, "Newer there 1");
    let choice = "What to do with Windows 11 Enterprise on pc2.contoso.com";
    let here = LicenseStatus::InOobGrace.label();
    desk.expect(&format!("License status: {here} here, Licensed there"));
    desk.click(Role::ComboBox, choice);
    desk.click(Role::Button, "Leave out");
    let combo = desk.harness.get_by_role_and_label(Role::ComboBox, choice);
    assert_eq!(combo.accesskit_node().value().as_deref(), Some("Leave out"));
    desk.button("Merge");
    assert_eq!(desk.rows().len(), 3);
    desk.press(CTRL, Key::S);
    assert_eq!(
        product(&desk, "pc2.contoso.com").license_status,
        LicenseStatus::InOobGrace
    );
    assert_eq!(
        product(&desk, "pc3.contoso.com").license_status,
        LicenseStatus::Licensed
    );
    desk.press(CTRL, Key::Z);
    desk.expect("Undone: Merge a list");
    assert_eq!(desk.rows().len(), 2);
}

#[test]
fn a_computer_known_twice_is_offered_as_one() {
    let mut desk = Desk::with_inventory(&list(&["pc1.contoso.com"], 0, LicenseStatus::InOobGrace));
    let other = desk.path("other.cilx");
    write_list(&other, &list(&["PC1"], 5, LicenseStatus::Licensed));
    desk.picker.will_pick(&other);
    desk.press(CTRL_SHIFT, Key::I);
    desk.click(Role::CheckBox, "Make one of pc1.contoso.com and PC1");
    desk.button("Merge");
    assert_eq!(desk.rows().len(), 1);
    desk.press(CTRL, Key::S);
    assert_eq!(
        product(&desk, "pc1.contoso.com").license_status,
        LicenseStatus::Licensed
    );
}

#[test]
fn a_list_that_somebody_else_saved_is_merged_when_it_is_saved_here() {
    let mut desk = Desk::with_inventory(&list(&["pc1.contoso.com"], 0, LicenseStatus::InOobGrace));
    desk.click_row(0, Modifiers::NONE);
    desk.command("edit product remarks");
    desk.type_into(Role::MultilineTextInput, "Remarks", "ours");
    desk.button("Change");
    let theirs = list(&["pc1.contoso.com", "pc2.contoso.com"], 5, LicenseStatus::Licensed);
    write_list(&desk.path("contoso.cilx"), &theirs);
    desk.press(CTRL, Key::S);
    assert_eq!(desk.dialogs(), ["Somebody else saved this list"]);
    desk.expect("pc2.contoso.com");
    desk.button("Merge and save");
    assert_eq!(desk.dialogs(), Vec::<String>::new());
    let one = product(&desk, "pc1.contoso.com");
    assert_eq!((&*one.remarks, one.license_status), ("ours", LicenseStatus::Licensed));
    assert_eq!(
        product(&desk, "pc2.contoso.com").license_status,
        LicenseStatus::Licensed
    );
    // The file is at rest again: the next edit can be saved as ever.
    desk.command("edit product remarks");
    desk.type_into(Role::MultilineTextInput, "Remarks", " again");
    desk.button("Change");
    desk.press(CTRL, Key::S);
    assert_eq!(&*product(&desk, "pc1.contoso.com").remarks, "ours again");
}

#[test]
fn a_computer_is_renamed_by_hand() {
    let mut desk = Desk::with_inventory(&list(&["pc"], 0, LicenseStatus::Licensed));
    desk.click_row(0, Modifiers::NONE);
    desk.command("edit computer");
    desk.type_into(Role::TextInput, "Name", "1.contoso.com");
    desk.button("Change");
    desk.expect("pc1.contoso.com");
    desk.press(CTRL, Key::Z);
    desk.expect("Undone: Rename computer");
}
