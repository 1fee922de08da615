//! The whole way across the air gap through the desktop, by role and label, against the simulated estate: two windows, two
//! lists, one stick.

#![cfg(feature = "desktop")]

mod desktop_support;

use std::sync::Arc;

use desktop_support::Desk;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use makeeper::desktop::DesktopOptions;
use makeeper::lab::{Account, EstateKind, Lab, LabConfig, keys};
use makeeper::workspace::{ProxySetting, Settings};

const NONE: Modifiers = Modifiers::NONE;
const KEY: &keys::LabKey = &keys::WINDOWS_CLIENT_MAK;

fn settings(service: &str) -> Settings {
    Settings {
        service_url: Some(service.to_owned()),
        proxy: ProxySetting::Direct,
        ..Settings::default()
    }
}

fn window(folder: &Arc<tempfile::TempDir>, service: &str) -> Desk {
    let options = DesktopOptions {
        settings: Some(settings(service)),
        ..DesktopOptions::default()
    };
    Desk::start(folder.clone(), options)
}

fn make_the_list(desk: &mut Desk, lab: &Lab) {
    let list = desk.path("isolated-lab.cilx");
    desk.picker.will_pick(list);
    desk.command("New list");
    desk.expect("The list is empty");
    desk.press(Modifiers::COMMAND, Key::D);
    let addresses: Vec<String> = lab.computers().iter().map(|c| c.address.to_string()).collect();
    let field = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    desk.type_into(Role::MultilineTextInput, field, &addresses.join("\n"));
    desk.button("Add");
    desk.expect("40 computers added");
}

fn collect(desk: &mut Desk) {
    desk.press(NONE, Key::F5);
    desk.expect("Sign in to the computers");
    let admin = Account::admin();
    desk.type_into(Role::TextInput, "User", &format!("{}\\{}", admin.domain, admin.user));
    desk.type_into(Role::PasswordInput, "Password", &admin.password);
    desk.button("Sign in");
    desk.expect("40 succeeded");
    assert_eq!(desk.count("Products"), 40);

    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::K);
    let field = "Product keys, one per line; type and description may follow, separated by commas";
    desk.type_into(Role::MultilineTextInput, field, KEY.text);
    desk.button("Add keys");
    desk.button("Done");

    desk.click_row(0, NONE);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.press(Modifiers::COMMAND, Key::I);
    let choice = format!("MAK  •••••-•••••-•••••-•••••-{}", KEY.last_five());
    desk.click(Role::RadioButton, &choice);
    desk.button("Install key");
    desk.expect("Install the product key on 40 products?");
    desk.button("Install");
    desk.expect("Installing product key: done");
    desk.expect("40 of 40 done");
    assert!(
        !desk.sees(" failed"),
        "some computers carry the key already, none fails"
    );
}

fn carry_out(desk: &mut Desk, file: &str) {
    let stick = desk.path(file);
    desk.picker.will_pick(&stick);
    desk.button("Export proxy activation data…");
    desk.button("Export…");
    desk.expect("40 products exported");
}

#[test]
fn forty_products_cross_the_air_gap_through_the_desktop() {
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
    let pool = || lab.service().pool(KEY.last_five()).unwrap().remaining;
    let folder = Arc::new(tempfile::tempdir().unwrap());

    // Station 1, in the lab: no way to the service from here.
    let mut inside = window(&folder, "http://127.0.0.1:9/nowhere");
    make_the_list(&mut inside, &lab);
    collect(&mut inside);
    inside.press(Modifiers::COMMAND, Key::Num3);
    inside
        .harness
        .get_by_label("Station 1: Collect installation IDs, you are here");
    carry_out(&mut inside, "out.cilx");
    let carried = std::fs::read_to_string(inside.path("out.cilx")).unwrap();
    for computer in lab.computers() {
        assert!(!carried.contains(&computer.name) && !carried.contains(&computer.address.ip().to_string()));
    }
    assert!(!carried.contains(KEY.text) && !carried.contains(KEY.last_five()));

    // Station 2, where the service can be reached.
    let mut outside = window(&folder, lab.service_url());
    let stick = outside.path("out.cilx");
    outside.picker.will_pick(stick);
    outside.press(Modifiers::COMMAND, Key::O);
    outside.press(Modifiers::COMMAND, Key::Num3);
    outside
        .harness
        .get_by_label("Station 2: Acquire confirmation IDs, you are here");
    outside.button("Acquire confirmation IDs…");
    outside.expect("Up to 40 activations will be spent.");
    outside.button("Acquire");
    outside.expect("40 succeeded");
    assert_eq!(pool(), KEY.limit - 40);
    carry_out(&mut outside, "back.cilx");

    // Station 3, in the lab again.
    let stick = inside.path("back.cilx");
    inside.picker.will_pick(stick);
    inside.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    inside.expect("40 new confirmation IDs");
    inside
        .harness
        .get_all_by_role_and_label(Role::Button, "Import")
        .last()
        .unwrap()
        .click();
    inside.settle();
    inside.expect("Imported 40 confirmation IDs");
    inside
        .harness
        .get_by_label("Station 3: Apply confirmation IDs, you are here");
    inside.button("Apply confirmation IDs");
    inside.expect("40 succeeded");
    inside.expect("Nothing is left to do");
    assert_eq!(inside.count("Licensed"), 40);
    assert_eq!(pool(), KEY.limit - 40);
    inside.press(Modifiers::COMMAND, Key::S);
    assert!(inside.harness.state().title().starts_with("isolated-lab.cilx"));
    assert!(!inside.every_word().contains(KEY.text));

    drop((inside, outside));
    runtime.block_on(lab.stop());
}
