//! Runs in the desktop against the simulated estate: failures in words, retry, cancel, finding computers, two windows on a list.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use std::sync::Arc;
use std::time::Duration;

use desktop_support::{Desk, write_list};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::desktop::DesktopOptions;
use makeeper::lab::{Account, EstateKind, Fault, Lab, LabConfig};
use makeeper::model::{Change, Computer, ConnectTo, Inventory, Secret};
use makeeper::workspace::{Credentials, ProxySetting, Settings};

const NONE: Modifiers = Modifiers::NONE;

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
        let lab = runtime
            .block_on(Lab::start(LabConfig {
                estates: vec![EstateKind::IsolatedLab],
                ..LabConfig::default()
            }))
            .unwrap();
        Self { lab, runtime }
    }

    /// A window on a list of the first `count` computers, signed in.
    fn window(&self, count: usize) -> Desk {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("lab.cilx");
        let mut inventory = Inventory::default();
        for known in self.lab.computers().iter().take(count) {
            let mut computer = Computer::named(&known.name);
            computer.connect = Some(ConnectTo {
                address: Some(known.address.ip().to_string().into()),
                port: Some(known.address.port()),
                way: None,
            });
            inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
        }
        write_list(&path, &inventory);
        let admin = Account::admin();
        let account = format!("{}\\{}", admin.domain, admin.user);
        let options = DesktopOptions {
            list: Some(path),
            settings: Some(Settings {
                service_url: Some(self.lab.service_url().to_owned()),
                proxy: ProxySetting::Direct,
                connect_timeout: Duration::from_secs(2),
                operation_timeout: Duration::from_secs(3),
                ..Settings::default()
            }),
            credentials: Some(Credentials::new(&account, Secret::new(admin.password)).unwrap()),
            ..DesktopOptions::default()
        };
        Desk::start(folder, options)
    }

    fn stop(self) {
        self.runtime.block_on(self.lab.stop());
    }
}

#[test]
fn a_failed_row_says_why_and_what_to_do_and_can_be_tried_again() {
    let estate = Estate::start();
    let ill = estate.lab.computers()[2].name.clone();
    assert!(estate.lab.set_fault(&ill, Fault::Refuse));
    let mut desk = estate.window(6);
    desk.press(NONE, Key::F5);
    desk.expect("5 succeeded");
    desk.expect("1 failed");
    desk.expect("Updating license status: done");
    let in_drawer = |desk: &Desk| {
        let rows = desk.harness.query_all_by_role(Role::Row);
        let labels = rows.filter_map(|n| n.accesskit_node().label());
        labels.filter(|l| l.contains(": ")).collect::<Vec<_>>()
    };
    let all = in_drawer(&desk);
    assert_eq!(all.len(), 6);
    assert!(all[0].starts_with(&ill), "the failed row comes first: {all:?}");
    desk.button("1 failed");
    let failed = in_drawer(&desk);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0].starts_with(&ill) && failed[0].contains("refused"),
        "{failed:?}"
    );

    desk.type_into(Role::TextInput, "Filter", "failed:yes");
    assert_eq!(desk.rows().len(), 1);
    desk.click_row(0, NONE);
    desk.expect("The computer could not be asked");
    desk.expect("winrm quickconfig");

    assert!(estate.lab.set_fault(&ill, Fault::None));
    desk.button("Retry failed");
    desk.expect("1 succeeded");
    desk.expect("No row passes the filter");
    estate.stop();
}

#[test]
fn a_run_can_be_cancelled_and_the_window_stays_alive_meanwhile() {
    let estate = Estate::start();
    for computer in estate.lab.computers() {
        assert!(estate.lab.set_fault(&computer.name, Fault::HangAfterConnect));
    }
    let mut desk = estate.window(8);
    desk.harness.key_press(Key::F5);
    // The run is started on a thread; the window is drawn until its button is there.
    let begun = std::time::Instant::now();
    while desk
        .harness
        .query_by_role_and_label(Role::Button, "Cancel run")
        .is_none()
    {
        desk.harness.step();
        assert!(begun.elapsed() < Duration::from_secs(20), "the run never showed");
    }
    desk.harness.get_by_role_and_label(Role::Button, "Cancel run").click();
    let cancelled = std::time::Instant::now();
    desk.settle();
    assert!(
        cancelled.elapsed() < Duration::from_secs(2),
        "{:?}",
        cancelled.elapsed()
    );
    desk.expect("8 cancelled");
    desk.harness.get_by_role_and_label(Role::Button, "Retry failed");
    desk.button("Close progress");
    assert!(!desk.sees("8 cancelled"));
    estate.stop();
}

#[test]
fn addresses_of_a_range_that_do_not_answer_are_left_out() {
    let mut desk = Desk::with(5);
    desk.press(Modifiers::COMMAND, Key::D);
    let field = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    desk.type_into(
        Role::MultilineTextInput,
        field,
        "127.77.99.1-127.77.99.6 by-name.example",
    );
    desk.harness
        .get_by_role_and_label(Role::CheckBox, "Of ranges, add only addresses that answer");
    desk.button("Add");
    assert!(desk.dialogs().is_empty());
    desk.expect("6 addresses refused every connection");
    let rows = desk.rows();
    assert!(
        rows.len() == 1 && rows[0].starts_with("by-name.example, New"),
        "{rows:?}"
    );
    desk.button("Add");
    desk.expect("1 computer added");
}

#[test]
fn a_list_that_is_open_elsewhere_can_be_looked_at() {
    let mut first = Desk::with(10);
    let options = DesktopOptions {
        list: Some(first.path("contoso.cilx")),
        ..DesktopOptions::default()
    };
    let mut second = Desk::start(first.folder.clone(), options);
    assert_eq!(second.dialogs(), ["Somebody else has this list open"]);
    second.button("Open to look at only");
    second.expect("Read only");
    assert!(!second.rows().is_empty());
    for command in ["Add computers", "Update license status", "Import"] {
        assert!(second.is_disabled(Role::Button, command), "{command}");
    }
    assert!(!second.is_disabled(Role::Button, "Export"));
    first.press(Modifiers::COMMAND, Key::D);
    assert_eq!(first.dialogs(), ["Add computers"]);
}

#[test]
fn the_keys_left_are_asked_of_the_service() {
    let estate = Estate::start();
    let mut desk = estate.window(2);
    let key = &makeeper::lab::keys::WINDOWS_CLIENT_MAK;
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::K);
    let field = "Product keys, one per line; type and description may follow, separated by commas";
    desk.type_into(Role::MultilineTextInput, field, &format!("{}, MAK, Lab", key.text));
    desk.button("Add keys");
    desk.button("Done");
    desk.press(NONE, Key::F5);
    desk.click_row(0, NONE);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.press(Modifiers::COMMAND, Key::I);
    desk.click(
        Role::RadioButton,
        &format!("MAK  •••••-•••••-•••••-•••••-{}", key.last_five()),
    );
    desk.button("Install key");
    desk.button("Install");
    desk.press(Modifiers::COMMAND, Key::Num2);
    desk.expect("never asked");
    desk.button("Refresh activation counts");
    desk.expect("1,000 left");
    estate.stop();
}

#[test]
fn the_drawer_of_a_single_computer_has_its_head_and_its_row_inside_the_window() {
    let estate = Estate::start();
    let mut desk = estate.window(1);
    desk.press(NONE, Key::F5);
    let status = desk.harness.get_by_role_and_label(Role::Group, "Progress").rect();
    let row = desk
        .harness
        .query_all_by_role(Role::Row)
        .find(|n| {
            n.accesskit_node()
                .label()
                .is_some_and(|l| l.contains("products: ") || l.contains("product: "))
        })
        .map(|n| n.rect());
    let parts = [
        (
            "the title",
            desk.harness.get_by_label("Updating license status: done").rect(),
        ),
        ("the figures", desk.harness.get_by_label("1 succeeded").rect()),
        (
            "the cross",
            desk.harness
                .get_by_role_and_label(Role::Button, "Close progress")
                .rect(),
        ),
        ("the row", row.unwrap()),
    ];
    let table = desk.harness.get_by_role_and_label(Role::Table, "Products").rect();
    let line = desk.harness.get_by_label_contains("unsaved").rect();
    for (what, rect) in parts {
        assert!(
            rect.top() >= table.bottom() && rect.bottom() <= line.top() && status.contains_rect(rect.shrink(1.0)),
            "{what} at {rect:?} is outside the drawer at {status:?}, between {table:?} and {line:?}"
        );
    }
    estate.stop();
}
