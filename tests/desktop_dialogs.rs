//! Commands and dialogs of the desktop: what is available, what is asked, what comes of it.

#![cfg(feature = "desktop")]

mod desktop_support;

use std::path::Path;

use desktop_support::Desk;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::desktop::DesktopOptions;

const NONE: Modifiers = Modifiers::NONE;

#[test]
fn without_a_list_the_window_says_how_to_begin() {
    let mut desk = Desk::bare();
    desk.expect("No list is open");
    for name in [
        "Add computers",
        "Update license status",
        "Install product key",
        "Import",
        "Export",
        "Save",
    ] {
        assert!(desk.is_disabled(Role::Button, name), "{name}");
    }
    let path = desk.path("new.cilx");
    desk.picker.will_pick(&path);
    desk.command("New list");
    desk.expect("The list is empty");
    assert_eq!(desk.harness.state().title(), "new.cilx - MAKeeper");
    assert_eq!(desk.count("Products"), 0);
}

#[test]
fn a_picker_that_is_cancelled_changes_nothing() {
    let mut desk = Desk::with(10);
    let before = desk.rows();
    desk.press(Modifiers::COMMAND, Key::O);
    assert_eq!(desk.picker.asked.lock().unwrap().len(), 1);
    assert_eq!(desk.rows(), before);
}

#[test]
fn a_list_that_is_missing_is_named_and_the_window_stays() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("gone.cilx");
    let options = DesktopOptions {
        list: Some(path),
        ..DesktopOptions::default()
    };
    let mut desk = Desk::start(folder, options);
    desk.harness
        .get_by_role_and_label(Role::Dialog, "The list cannot be opened");
    desk.expect("gone.cilx");
    desk.button("Close");
    desk.expect("No list is open");
}

#[test]
fn the_palette_finds_and_runs_commands() {
    let mut desk = Desk::with(10);
    desk.command("product keys");
    desk.expect("Asking the activation service for counts");
    desk.command("activity");
    desk.expect("newest first");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.type_into(Role::TextInput, "Find a command", "apply confirm");
    desk.press(NONE, Key::Enter);
    // Not available: the palette stays and nothing happens.
    desk.harness.get_by_role_and_label(Role::Dialog, "Commands");
    desk.press(NONE, Key::Escape);
    assert!(desk.harness.query_by_role_and_label(Role::Dialog, "Commands").is_none());
}

#[test]
fn light_dark_and_text_size_are_commands() {
    let mut desk = Desk::with(10);
    desk.command("dark");
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Dark);
    desk.command("light");
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Light);
    desk.press(Modifiers::COMMAND, Key::Plus);
    assert!((desk.harness.ctx.zoom_factor() - 1.1).abs() < 0.01);
    desk.press(Modifiers::COMMAND, Key::Num0);
    assert!((desk.harness.ctx.zoom_factor() - 1.0).abs() < 0.01);
}

#[test]
fn computers_are_added_by_name_and_shown_at_once() {
    let mut desk = Desk::with(10);
    desk.press(Modifiers::COMMAND, Key::D);
    let label = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    assert!(desk.is_disabled(Role::Button, "Add"));
    desk.type_into(Role::MultilineTextInput, label, "aaa-first, aaa-second\naaa-third");
    desk.button("Add");
    desk.expect("3 computers added");
    assert_eq!(desk.rows()[..3].iter().filter(|r| r.starts_with("aaa-")).count(), 3);
    assert!(desk.rows()[0].contains("(not collected yet)"));
    desk.expect("3 unsaved changes");
    assert!(desk.harness.state().title().starts_with("• "));
}

#[test]
fn product_keys_are_added_line_by_line_and_never_shown_whole() {
    let mut desk = Desk::with(10);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::K);
    let label = "Product keys, one per line; type and description may follow, separated by commas";
    let good = "TRYMY-WWWWW-QQQQQ-CCCCC-DDDDD";
    let bad = "TRYMY-WWWWW-QQQQQ-CCCCC-DDDD0";
    desk.type_into(Role::MultilineTextInput, label, &format!("{good}\n{bad}\n"));
    desk.button("Add keys");
    desk.expect("1 product key added");
    desk.expect("Line 2: Character 25");
    let field = desk.harness.get_by_role_and_label(Role::MultilineTextInput, label);
    let left = field.accesskit_node().value().unwrap_or_default();
    assert!(
        left.contains("DDDD0") && !left.contains(good),
        "the refused line stays to be corrected: {left}"
    );
    desk.button("Close");
    desk.command("product keys");
    desk.expect("DDDDD");
    assert!(!desk.every_word().contains("WWWWW-QQQQQ"));
}

#[test]
fn a_product_key_shows_what_it_has_left_and_who_carries_it() {
    let mut desk = Desk::with(20);
    desk.press(Modifiers::COMMAND, Key::Num2);
    desk.expect("180 of 500 left");
    desk.expect("running out");
    desk.expect("Warns below 10");
    let carried = desk.harness.get_all_by_role(Role::Button);
    let carried: Vec<String> = carried
        .filter_map(|n| n.accesskit_node().label())
        .filter(|l| l.starts_with("Installed on"))
        .collect();
    desk.button(&carried[0].clone());
    let shown = desk.rows();
    assert_eq!(format!("Installed on {} products", shown.len()), carried[0]);
}

#[test]
fn copying_a_whole_key_warns_first() {
    let mut desk = Desk::with(5);
    desk.press(Modifiers::COMMAND, Key::Num2);
    let item = desk.harness.get_all_by_role(Role::ListItem).next().unwrap();
    item.click();
    desk.settle();
    desk.button("Copy product key…");
    desk.expect("every other program");
    desk.harness.get_by_role_and_label(Role::Button, "Copy key").click();
    desk.harness.step();
    desk.harness.step();
    let whole = desktop_support::estate::mak();
    let commands = &desk.harness.output().platform_output.commands;
    assert!(
        commands
            .iter()
            .any(|c| matches!(c, egui::OutputCommand::CopyText(t) if t == whole.reveal()))
    );
    desk.settle();
    assert!(!desk.every_word().contains(whole.reveal()));
}

#[test]
fn an_export_says_what_leaves_and_names_nobody() {
    let mut desk = Desk::with(20);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    desk.expect("No computer name, domain, network address, person or product key.");
    desk.click(Role::RadioButton, "Proxy activation data only");
    let out = desk.path("stick.cilx");
    desk.picker.will_pick(&out);
    desk.button("Export…");
    desk.expect("exported");
    let asked = desk.picker.asked.lock().unwrap()[0].clone();
    assert!(asked.save);
    assert_eq!(asked.file_name, "contoso-proxy.cilx");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("InstallationId"));
    for name in ["LAB-PC", "contoso.example", "XW42X", "FIN-WS"] {
        assert!(!text.contains(name), "{name}");
    }
}

#[test]
fn saving_clears_the_mark_and_closing_asks_only_when_needed() {
    let mut desk = Desk::with(10);
    desk.press(Modifiers::COMMAND, Key::Q);
    assert!(desk.dialogs().is_empty(), "nothing to ask");
    desk.click_row(0, NONE);
    desk.press(NONE, Key::Delete);
    desk.expect("Remove 1 row from the list?");
    desk.button("Remove");
    desk.expect("1 row removed from the list");
    desk.press(Modifiers::COMMAND, Key::Q);
    desk.harness.get_by_role_and_label(Role::Dialog, "Save before closing?");
    desk.expect("there again next time");
    desk.button("Cancel");
    desk.press(Modifiers::COMMAND, Key::S);
    desk.expect("Saved");
    assert!(!desk.harness.state().title().starts_with('•'));
    assert!(desk.is_disabled(Role::Button, "Save"));
}

#[test]
fn asking_computers_asks_first_who_signs_in_and_hides_the_password() {
    let mut desk = Desk::with(10);
    desk.press(NONE, Key::F5);
    desk.harness
        .get_by_role_and_label(Role::Dialog, "Sign in to the computers");
    assert!(desk.is_disabled(Role::Button, "Sign in"));
    desk.type_into(Role::TextInput, "User", r"CONTOSO\admin");
    desk.type_into(Role::PasswordInput, "Password", "correct horse");
    assert!(!desk.every_word().contains("correct horse"));
    desk.button("Cancel");
    assert!(desk.dialogs().is_empty());
}

#[test]
fn installing_offers_the_owned_keys_with_what_they_have_left() {
    let mut desk = Desk::with(10);
    assert!(desk.is_disabled(Role::Button, "Install product key"));
    desk.click_row(0, NONE);
    desk.press(Modifiers::COMMAND, Key::I);
    desk.expect("KMS client setup key, chosen for each product");
    desk.expect("180 of 500 left");
    assert!(desk.is_disabled(Role::Button, "Install key"));
    desk.click(Role::RadioButton, "MAK  •••••-•••••-•••••-•••••-XW42X");
    desk.button("Install key");
    desk.harness
        .get_by_role_and_label(Role::Dialog, "Install the product key on 1 product?");
    desk.expect("spends no activation");
    desk.button("Cancel");
}

#[test]
fn a_run_that_costs_activations_shows_its_price_first() {
    let mut desk = Desk::with(60);
    desk.type_into(Role::TextInput, "Filter", "type:mak -status:licensed cid:no");
    // Into the list first: in the box, Ctrl+A selects the text.
    desk.press(NONE, Key::ArrowDown);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.command("acquire confirmation");
    desk.expect("will be spent");
    desk.expect("180");
    desk.button("Cancel");
}

#[test]
fn error_codes_are_explained() {
    let mut desk = Desk::bare();
    desk.command("explain");
    desk.type_into(Role::TextInput, "Code", "0xC004F074");
    desk.expect("What to do");
    desk.expect("Usual cause");
}

#[test]
fn the_air_gap_page_knows_where_the_list_is() {
    let mut desk = Desk::with(60);
    desk.press(Modifiers::COMMAND, Key::Num3);
    desk.expect("you are here");
    desk.harness
        .get_by_label("Station 3: Apply confirmation IDs, you are here");
    desk.harness
        .get_by_role_and_label(Role::Button, "Apply confirmation IDs");
}

#[test]
fn every_dialog_can_be_left_by_escape() {
    let mut desk = Desk::with(10);
    desk.click_row(0, NONE);
    for name in [
        "add computers",
        "add product keys",
        "install product",
        "export",
        "credentials",
        "settings",
        "explain",
        "about",
        "remove from",
    ] {
        desk.command(name);
        assert_eq!(desk.dialogs().len(), 1, "{name}");
        desk.press(NONE, Key::Escape);
        assert!(desk.dialogs().is_empty(), "{name}");
    }
}

#[test]
fn the_window_is_usable_when_it_is_small() {
    let mut desk = Desk::with(30);
    for (width, height) in [(820.0, 520.0), (1024.0, 700.0), (1920.0, 1080.0)] {
        desk.harness.set_size(egui::vec2(width, height));
        desk.settle();
        assert!(desk.rows().len() > 5, "{width} x {height}");
        let filter = desk.harness.get_by_role_and_label(Role::TextInput, "Filter").rect();
        assert!(
            filter.right() < width && filter.width() > 100.0,
            "{filter:?} in {width}"
        );
    }
}

fn exists(path: &Path) -> bool {
    path.exists()
}

#[test]
fn save_as_goes_on_with_the_other_file() {
    let mut desk = Desk::with(5);
    let other = desk.path("other.cilx");
    desk.picker.will_pick(&other);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    assert!(exists(&other));
    assert_eq!(desk.harness.state().title(), "other.cilx - MAKeeper");
}

#[test]
fn a_computer_can_be_given_an_address_and_port_of_its_own() {
    let mut desk = Desk::with(10);
    desk.click_row(0, NONE);
    desk.command("edit computer");
    desk.type_into(Role::TextInput, "Reached at", "10.0.0.7");
    desk.type_into(Role::TextInput, "Port", "not-a-port");
    desk.expect("A port is a number from 1 to 65535.");
    assert!(desk.is_disabled(Role::Button, "Change"));
    desk.press(NONE, Key::Escape);
    desk.command("edit computer");
    desk.type_into(Role::TextInput, "Reached at", "10.0.0.7");
    desk.type_into(Role::TextInput, "Port", "45985");
    desk.button("Change");
    desk.expect("Computer changed");
    desk.expect("10.0.0.7:45985");
}

#[test]
fn settings_are_used_by_the_open_list() {
    let mut desk = Desk::with(5);
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.type_into(Role::TextInput, "Address", "activation.example");
    desk.expect("begins with https://");
    assert!(desk.is_disabled(Role::Button, "Use"));
    desk.press(NONE, Key::Escape);
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.type_into(Role::TextInput, "Address", "https://activation.example/");
    desk.click(Role::RadioButton, "Direct");
    desk.button("Use");
    let settings = desk.harness.state().workspace().unwrap().settings();
    assert_eq!(settings.service_url.as_deref(), Some("https://activation.example/"));
    assert_eq!(settings.proxy, makeeper::workspace::ProxySetting::Direct);
}

#[test]
fn where_the_system_has_no_file_dialog_a_path_can_be_typed() {
    let mut desk = Desk::with(10);
    let out = desk.path("typed");
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    desk.picker.cannot_ask();
    desk.button("Export…");
    assert_eq!(desk.dialogs(), ["Export list"]);
    let proposed = desk.harness.get_by_role_and_label(Role::TextInput, "File");
    assert!(
        proposed
            .accesskit_node()
            .value()
            .unwrap()
            .ends_with("contoso-no-keys.cilx")
    );
    desk.press(Modifiers::COMMAND, Key::A);
    desk.type_into(Role::TextInput, "File", &out.display().to_string());
    desk.button("Use this file");
    desk.expect("exported");
    assert!(desk.path("typed.cilx").exists(), "the ending is added");

    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    desk.picker.cannot_ask();
    desk.button("Export…");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.type_into(Role::TextInput, "File", &out.display().to_string());
    desk.button("Use this file");
    desk.expect("There is such a file already");
    desk.button("Replace");
    assert!(desk.dialogs().is_empty());
}

#[test]
fn a_list_of_an_older_version_is_shown_says_what_it_is_and_goes_on_as_a_list_of_its_own() {
    let mut desk = Desk::bare();
    let old = desk.path("vamt-2.0.cil");
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/vamt-2.0.cil");
    std::fs::copy(&sample, &old).unwrap();
    desk.picker.will_pick(&old);
    desk.command("Open list…");
    desk.expect("This is a list of VAMT 2.0");
    desk.expect("File, Save as…");
    assert_eq!(desk.count("Products"), 15);
    desk.picker.will_pick(desk.path("own.cilx"));
    desk.command("Save as…");
    desk.expect("Saved");
    assert_eq!(std::fs::read(&old).unwrap(), std::fs::read(&sample).unwrap());
    let own = makeeper::cil::read(&std::fs::read(desk.path("own.cilx")).unwrap()).unwrap();
    assert_eq!((own.inventory.product_count(), own.legacy), (14, None));
}

#[test]
fn enter_answers_a_dialog_and_escape_leaves_it() {
    let mut desk = Desk::with(12);
    desk.click_row(0, NONE);
    for command in [
        "Export",
        "Settings",
        "Add computers",
        "Install product key",
        "Remove from list",
        "Add product keys",
    ] {
        desk.command(command);
        assert_eq!(desk.dialogs().len(), 1, "{command}");
        desk.press(NONE, Key::Escape);
        assert!(desk.dialogs().is_empty(), "{command}: {:?}", desk.dialogs());
    }
    let path = desk.path("out.cilx");
    desk.picker.will_pick(&path);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    desk.press(NONE, Key::Enter);
    assert!(path.exists(), "{:?}", desk.dialogs());
    assert!(desk.dialogs().is_empty());
    // The keyboard is back in the list.
    let before = desk.selected_rows();
    desk.press(NONE, Key::ArrowDown);
    assert_ne!(desk.selected_rows(), before);

    // What takes something away is pressed on purpose.
    let rows = desk
        .harness
        .state()
        .workspace()
        .unwrap()
        .snapshot()
        .inventory
        .product_count();
    desk.press(NONE, Key::Delete);
    desk.press(NONE, Key::Enter);
    assert_eq!(desk.dialogs().len(), 1);
    desk.press(NONE, Key::Escape);
    let after = desk
        .harness
        .state()
        .workspace()
        .unwrap()
        .snapshot()
        .inventory
        .product_count();
    assert_eq!(rows, after);
}

#[test]
fn enter_begins_a_line_of_names_and_ctrl_enter_adds_them() {
    let mut desk = Desk::with(4);
    let before = desk
        .harness
        .state()
        .workspace()
        .unwrap()
        .snapshot()
        .inventory
        .computer_count();
    desk.command("Add computers");
    let field = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    desk.type_into(Role::MultilineTextInput, field, "new-pc-1");
    desk.press(NONE, Key::Enter);
    assert_eq!(desk.dialogs(), ["Add computers"]);
    desk.type_into(Role::MultilineTextInput, field, "new-pc-2");
    desk.press(Modifiers::COMMAND, Key::Enter);
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
    let after = desk
        .harness
        .state()
        .workspace()
        .unwrap()
        .snapshot()
        .inventory
        .computer_count();
    assert_eq!(after, before + 2);
}

#[test]
fn a_demonstration_asks_nothing_at_closing_unless_its_list_was_saved_elsewhere() {
    for demo in [false, true] {
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("contoso.cilx");
        desktop_support::write_list(&path, &desktop_support::estate::estate(3));
        let mut desk = Desk::start(
            folder,
            DesktopOptions {
                list: Some(path),
                demo: demo.then(|| makeeper::desktop::DemoInfo {
                    banner: "Demonstration".into(),
                    keep_alive: Box::new(()),
                }),
                ..DesktopOptions::default()
            },
        );
        let change = |desk: &mut Desk| {
            desk.click_row(0, NONE);
            desk.press(NONE, Key::Delete);
            desk.button("Remove");
            desk.expect("unsaved change");
        };
        change(&mut desk);
        if demo {
            let elsewhere = desk.path("mine.cilx");
            desk.picker.will_pick(&elsewhere);
            desk.command("Save as");
            change(&mut desk);
        }
        desk.press(Modifiers::COMMAND, Key::Q);
        assert_eq!(desk.dialogs(), ["Save before closing?"], "demo: {demo}");
    }
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("contoso.cilx");
    desktop_support::write_list(&path, &desktop_support::estate::estate(3));
    let mut desk = Desk::start(
        folder,
        DesktopOptions {
            list: Some(path),
            demo: Some(makeeper::desktop::DemoInfo {
                banner: "Demonstration".into(),
                keep_alive: Box::new(()),
            }),
            ..DesktopOptions::default()
        },
    );
    desk.click_row(0, NONE);
    desk.press(NONE, Key::Delete);
    desk.button("Remove");
    desk.expect("unsaved change");
    desk.press(Modifiers::COMMAND, Key::Q);
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
}

#[test]
fn the_command_palette_stays_where_it_is_while_its_list_gets_shorter() {
    let mut desk = Desk::with(3);
    desk.press(Modifiers::COMMAND, Key::K);
    let top = |desk: &Desk| {
        desk.harness
            .get_by_role_and_label(Role::TextInput, "Find a command")
            .rect()
            .top()
    };
    let before = top(&desk);
    desk.type_into(Role::TextInput, "Find a command", "explain");
    assert!((top(&desk) - before).abs() < 1.0, "{before} -> {}", top(&desk));
}

#[test]
fn the_air_gap_page_says_who_stays_behind() {
    use makeeper::model::{ApplicationId, Change, Computer, Inventory, KeyType, LicenseStatus, Product, ProductId};
    let mut inventory = Inventory::default();
    for n in 0..6 {
        let computer = Computer::named(&format!("pc-{n}"));
        let id = computer.id;
        inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
        if n < 2 {
            continue;
        }
        let mut product = Product::new(
            ProductId::derive(id, ApplicationId::WINDOWS, None),
            Some(id),
            ApplicationId::WINDOWS,
        );
        product.license_status = LicenseStatus::InOobGrace;
        product.key_type = if n == 2 { KeyType::Mak } else { KeyType::Gvlk };
        if n == 2 {
            let group = format!("000000{}", makeeper::model::check_digit(b"000000"));
            product.installation_id = makeeper::model::InstallationId::parse(&group.repeat(9)).ok();
            let pid = "03612-03290-000-000003-03-1033-9200.0000-0012013";
            product.product_key_id = makeeper::model::ExtendedPid::parse(pid).ok();
            assert!(product.needs_confirmation_id());
        }
        inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
    }
    let mut desk = Desk::with_inventory(&inventory);
    desk.press(Modifiers::COMMAND, Key::Num3);
    desk.expect("Carry 1 product out");
    desk.expect("2 computers were never asked");
    desk.expect("3 products have no MAK");
    desk.button("Choose products for a MAK");
    desk.expect("of 6 rows");
}

#[test]
fn details_say_what_the_reason_of_a_grace_period_means() {
    let mut desk = Desk::with(30);
    desk.type_into(Role::TextInput, "Filter", "reason:0x4004F00C");
    desk.click_row(0, NONE);
    desk.expect("Running in the grace period after installation");
    desk.expect("Activate before the grace period ends");
}

#[test]
fn a_dialog_that_was_just_opened_is_typed_into_and_an_unchanged_one_changes_nothing() {
    for (command, title) in [
        ("edit product remarks", "Edit remarks"),
        ("edit computer", "Edit computer"),
    ] {
        let mut desk = Desk::with(6);
        desk.click_row(0, NONE);
        desk.command(command);
        assert_eq!(desk.dialogs(), [title]);
        desk.button("Change");
        assert!(!desk.sees("unsaved change"), "{command}");
        desk.command(command);
        desk.harness.event(egui::Event::Text("-typed".into()));
        desk.settle();
        desk.press(Modifiers::COMMAND, Key::Enter);
        desk.expect("1 unsaved change");
        desk.expect("-typed");
    }
}

#[test]
fn the_edit_menu_names_what_it_would_undo() {
    let mut desk = Desk::with(6);
    let undone = |desk: &mut Desk, name: &str| {
        for (item, done) in [("Undo", "Undone"), ("Redo", "Redone")] {
            desk.button("Edit");
            let begins = format!("{item}: {name}");
            let labels = desk.harness.query_all_by_role(Role::Button);
            let label = labels
                .filter_map(|n| n.accesskit_node().label())
                .find(|l| l.starts_with(&begins))
                .unwrap_or_else(|| panic!("no {begins} in {}", desk.every_word()));
            desk.button(&label);
            desk.expect(&format!("{done}: {name}"));
        }
    };
    desk.press(Modifiers::COMMAND, Key::D);
    let field = "Names, addresses or ranges, separated by commas, blanks or line breaks";
    desk.type_into(Role::MultilineTextInput, field, "aaa-first");
    desk.button("Add");
    undone(&mut desk, "Add computer aaa-first");
    desk.click_row(1, NONE);
    desk.press(NONE, Key::Delete);
    desk.button("Remove");
    undone(&mut desk, "Remove computer");
    let with_product = desk.rows().iter().position(|r| !r.contains("(not collected yet)"));
    desk.click_row(with_product.unwrap(), NONE);
    desk.command("edit product remarks");
    desk.type_into(Role::MultilineTextInput, "Remarks", "ordered");
    desk.button("Change");
    undone(&mut desk, "Edit product");
    desk.command("edit computer");
    desk.type_into(Role::TextInput, "Name", "-renamed");
    desk.button("Change");
    undone(&mut desk, "Rename computer");
    let other = desk.path("other.cilx");
    desktop_support::write_list(&other, &desktop_support::estate::estate(9));
    desk.picker.will_pick(&other);
    desk.command("Import");
    desk.button("Merge");
    undone(&mut desk, "Merge a list");
}
