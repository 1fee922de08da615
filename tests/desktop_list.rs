//! The product list in the desktop: what it shows, filter, sort, group, select, keyboard.

#![cfg(feature = "desktop")]

mod desktop_support;

use desktop_support::Desk;
use egui::accesskit::{Role, SortDirection};
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

const NONE: Modifiers = Modifiers::NONE;

#[test]
fn an_opened_list_is_shown_with_roles_and_counts() {
    let desk = Desk::with(30);
    let table = desk.harness.get_by_role_and_label(Role::Table, "Products");
    assert_eq!(table.accesskit_node().data().row_count(), Some(40));
    let rows = desk.rows();
    assert!(
        rows.len() > 15 && rows.len() < 40,
        "only what is visible is drawn: {}",
        rows.len()
    );
    assert!(rows[0].starts_with("EDU-LT-00006, Windows"), "{}", rows[0]);
    assert_eq!(desk.count("Products"), 40);
    assert_eq!(
        desk.count("Licensed")
            + desk.count("Grace")
            + desk.count("Notification")
            + desk.count("Unlicensed")
            + desk.count("Unknown"),
        40
    );
    assert_eq!(desk.count("Product keys"), 3);
}

#[test]
fn ten_thousand_rows_draw_only_what_is_visible() {
    let desk = Desk::with(7_500);
    assert!(desk.rows().len() < 40);
    desk.expect("10,000 rows");
}

#[test]
fn the_filter_narrows_the_list_and_can_be_cleared() {
    let mut desk = Desk::with(30);
    desk.press(Modifiers::COMMAND, Key::F);
    desk.type_into(Role::TextInput, "Filter", "kiosk type:mak");
    let rows = desk.rows();
    assert!(
        !rows.is_empty() && rows.iter().all(|r| r.starts_with("KIOSK")),
        "{rows:?}"
    );
    desk.expect("of 40 rows");
    desk.button("Clear filter");
    desk.expect("40 rows");
}

#[test]
fn a_filter_that_cannot_be_read_says_why_and_leaves_the_list() {
    let mut desk = Desk::with(30);
    let before = desk.rows();
    desk.type_into(Role::TextInput, "Filter", "colour:blue");
    desk.expect("is not a field of the filter");
    // The message takes a line or two from the table.
    let now = desk.rows();
    assert!(now.len() > 10);
    assert_eq!(now, before[..now.len()]);
}

#[test]
fn a_half_typed_filter_shows_rows_and_no_false_reproach() {
    let mut desk = Desk::with(30);
    for text in ["s", "status", "status:", "status:b", "status:bar"] {
        desk.type_into(
            Role::TextInput,
            "Filter",
            &text[desk.harness.state().screen().filter_text.len()..],
        );
    }
    desk.expect("is not a value of status");
    assert!(!desk.sees("No row passes the filter"));
    assert!(desk.rows().len() > 10, "{:?}", desk.rows());
}

#[test]
fn a_filter_that_nothing_passes_says_what_to_do() {
    let mut desk = Desk::with(30);
    desk.type_into(Role::TextInput, "Filter", "no-such-computer");
    desk.expect("No row passes the filter");
    assert!(desk.rows().is_empty());
    desk.harness
        .get_all_by_role_and_label(Role::Button, "Clear filter")
        .last()
        .unwrap()
        .click();
    desk.settle();
    assert!(!desk.rows().is_empty());
}

#[test]
fn an_entry_of_the_navigation_shows_its_rows() {
    let mut desk = Desk::with(30);
    let count = desk.count("Grace");
    desk.click(Role::TreeItem, &format!("Grace {count}"));
    assert_eq!(desk.rows().len(), count);
    assert!(desk.rows().iter().all(|r| r.ends_with("grace")));
    desk.click(Role::TreeItem, "Products 40");
    desk.expect("40 rows");
}

#[test]
fn headings_sort_and_say_so() {
    let mut desk = Desk::with(30);
    let direction = |desk: &Desk, heading: &str| {
        let node = desk.harness.get_by_role_and_label(Role::ColumnHeader, heading);
        node.accesskit_node().data().sort_direction()
    };
    assert_eq!(direction(&desk, "Computer"), Some(SortDirection::Ascending));
    let first = desk.rows()[0].clone();
    desk.click(Role::ColumnHeader, "Computer");
    assert_eq!(direction(&desk, "Computer"), Some(SortDirection::Descending));
    assert_ne!(desk.rows()[0], first);
    desk.click(Role::ColumnHeader, "License status");
    assert_eq!(direction(&desk, "Computer"), None);
    assert!(desk.rows()[0].ends_with("Unknown"), "{}", desk.rows()[0]);
}

#[test]
fn grouping_puts_rows_under_headings_with_counts() {
    let mut desk = Desk::with(30);
    desk.click(Role::ComboBox, "Group by");
    desk.button("License status");
    let licensed = desk.count("Licensed");
    desk.harness.get_by_role_and_label(Role::ComboBox, "Group by");
    desk.press(NONE, Key::Escape);
    let headings: Vec<_> = desk
        .harness
        .query_all_by_role(Role::RowHeader)
        .filter_map(|n| n.accesskit_node().label())
        .collect();
    assert!(headings.iter().any(|h| h.starts_with("Unknown")), "{headings:?}");
    desk.click(Role::TreeItem, &format!("Licensed {licensed}"));
    let headings: Vec<_> = desk
        .harness
        .query_all_by_role(Role::RowHeader)
        .filter_map(|n| n.accesskit_node().label())
        .collect();
    assert_eq!(headings, [format!("Licensed  {licensed}")]);
}

#[test]
fn click_shift_and_ctrl_select() {
    let mut desk = Desk::with(30);
    desk.click_row(1, NONE);
    assert_eq!(desk.selected_rows().len(), 1);
    desk.click_row(5, Modifiers::SHIFT);
    assert_eq!(desk.selected_rows(), desk.rows()[1..=5]);
    desk.click_row(3, Modifiers::COMMAND);
    assert_eq!(desk.selected_rows().len(), 4);
    desk.expect("4 selected");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.expect("40 rows, 40 selected");
}

#[test]
fn the_keyboard_goes_through_the_list() {
    let mut desk = Desk::with(30);
    desk.click_row(0, NONE);
    desk.press(NONE, Key::ArrowDown);
    assert_eq!(desk.selected_rows(), desk.rows()[1..=1]);
    desk.press(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(desk.selected_rows().len(), 2);
    desk.press(NONE, Key::End);
    let selected = desk.selected_rows();
    assert_eq!(selected.len(), 1);
    assert_eq!(desk.rows().last(), selected.first(), "the last row came into sight");
    desk.press(NONE, Key::Home);
    assert_eq!(desk.selected_rows(), desk.rows()[..1]);
    desk.press(NONE, Key::PageDown);
    assert_eq!(desk.selected_rows().len(), 1);
    assert_ne!(desk.selected_rows(), desk.rows()[..1]);
}

#[test]
fn a_selected_row_is_told_in_full() {
    let mut desk = Desk::with(30);
    desk.type_into(Role::TextInput, "Filter", "type:mak status:grace iid:yes");
    desk.click_row(0, NONE);
    desk.expect("Installation ID");
    desk.expect("What to do next");
    desk.expect("Extended PID");
    let copy = desk.harness.get_by_role_and_label(Role::Button, "Copy Installation ID");
    copy.click();
    desk.harness.step();
    desk.harness.step();
    // Copied by the executor in the frame after the click.
    let commands = &desk.harness.output().platform_output.commands;
    let is_iid = |text: &str| text.len() == 63 && text.bytes().all(|b| b.is_ascii_digit());
    assert!(
        commands
            .iter()
            .any(|c| matches!(c, egui::OutputCommand::CopyText(text) if is_iid(text))),
        "{commands:?}"
    );
    desk.settle();
    desk.expect("Installation ID copied");
}

#[test]
fn rows_that_a_filter_hides_are_not_acted_upon() {
    let mut desk = Desk::with(30);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.type_into(Role::TextInput, "Filter", "kiosk");
    let rows = desk.rows().len();
    desk.expect(&format!("{rows} of 40 rows, {rows} selected"));
}

#[test]
fn the_context_menu_has_the_commands_of_the_table() {
    let mut desk = Desk::with(30);
    let label = desk.rows()[2].clone();
    let row = desk
        .harness
        .get_all_by_role_and_label(Role::Row, &label)
        .next()
        .unwrap();
    row.click_secondary();
    desk.settle();
    assert_eq!(desk.selected_rows(), [label]);
    for command in ["Install product key…", "Copy rows", "Remove from list…"] {
        desk.harness.get_by_label(command);
    }
}

#[test]
fn an_empty_list_says_what_to_do_next() {
    let mut desk = Desk::with_inventory(&makeeper::model::Inventory::default());
    desk.expect("The list is empty");
    desk.harness
        .get_all_by_role_and_label(Role::Button, "Add computers")
        .last()
        .unwrap()
        .click();
    desk.settle();
    desk.harness.get_by_role_and_label(Role::Dialog, "Add computers");
}

#[test]
fn a_wide_window_gives_its_width_to_computer_product_and_last_action() {
    let mut desk = Desk::with(12);
    let width = |desk: &Desk, heading: &str| {
        let heading = desk.harness.get_by_role_and_label(Role::ColumnHeader, heading);
        heading.rect().width()
    };
    let names = ["Computer", "Product", "License status"];
    let before = names.map(|n| width(&desk, n));
    desk.harness.set_size(egui::vec2(2400.0, 1000.0));
    desk.settle();
    let after = names.map(|n| width(&desk, n));
    assert!(
        after[0] > before[0] + 20.0 && after[1] > before[1] + 20.0,
        "{before:?} -> {after:?}"
    );
    assert!((after[2] - before[2]).abs() < 1.0, "{before:?} -> {after:?}");
    desk.harness.set_size(egui::vec2(1280.0, 800.0));
    desk.settle();
    let again = names.map(|n| width(&desk, n));
    assert!(
        again.iter().zip(before).all(|(a, b)| (a - b).abs() < 1.0),
        "{before:?} -> {again:?}"
    );
}
