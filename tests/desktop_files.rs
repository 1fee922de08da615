//! Files of the desktop: tables written, lists opened while another one stays, what is remembered between starts.

#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desktop_support;

use std::path::Path;
use std::sync::Arc;

use desktop_support::{Desk, estate, write_list};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use makeeper::desktop::{DesktopOptions, Remembered};
use makeeper::model::LicenseStatus;
use makeeper::workspace::{Mode, Settings, Workspace};

const CTRL: Modifiers = Modifiers::COMMAND;

/// Headings and rows of a table.
fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let line = |r: &csv::StringRecord| r.iter().map(str::to_owned).collect::<Vec<_>>();
    let headings = line(reader.headers().unwrap());
    (headings, reader.records().map(|r| line(&r.unwrap())).collect())
}

#[test]
fn the_product_list_is_exported_as_a_table_with_chosen_columns() {
    let mut desk = Desk::with(40);
    desk.type_into(Role::TextInput, "Filter", "status:licensed");
    let shown = desk.harness.state().workspace().unwrap().snapshot();
    let licensed = shown
        .inventory
        .products()
        .filter(|p| p.license_status == LicenseStatus::Licensed);
    let rows = licensed.count();
    let out = desk.path("licensed.csv");
    desk.picker.will_pick(&out);
    desk.command("Export table");
    desk.click(Role::RadioButton, &format!("What the filter shows, {rows} rows"));
    desk.button("None columns");
    assert!(desk.is_disabled(Role::Button, "Export…"));
    for column in ["License status", "Computer", "Remarks"] {
        desk.click(Role::CheckBox, column);
    }
    desk.click(Role::CheckBox, "Remarks");
    desk.button("Export…");
    desk.expect(&format!("{rows} rows exported"));
    let asked = desk.picker.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.file_name.as_str(), asked.endings), ("contoso.csv", &["csv"][..]));
    let (headings, lines) = table(&out);
    assert_eq!(headings, ["computer", "status"]);
    assert_eq!(lines.len(), rows);
    assert!(lines.iter().all(|l| l[1] == "Licensed"), "{lines:?}");

    // The choice is there again, and everything means everything.
    let all = desk.path("all.csv");
    desk.picker.will_pick(&all);
    desk.command("Export table");
    let total = desk.count("Products");
    desk.click(Role::RadioButton, &format!("Everything, {total} rows"));
    desk.button("Export…");
    let (headings, lines) = table(&all);
    assert_eq!((headings.len(), lines.len()), (2, total));
}

#[test]
fn a_table_holds_no_product_key_whatever_columns_are_chosen() {
    let mut desk = Desk::with(20);
    let out = desk.path("all.csv");
    desk.picker.will_pick(&out);
    desk.command("Export table");
    desk.button("All columns");
    desk.button("Export…");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("XW42X"));
    for key in ["22222-33333", "FWDCX-D2C8J"] {
        assert!(!text.contains(key));
    }
}

/// A list that takes many times as long to read as the frames that a test draws meanwhile.
fn big(desk: &Desk, name: &str) -> std::path::PathBuf {
    let path = desk.path(name);
    write_list(&path, &estate::estate(15_000));
    path
}

/// Draws until something is so; while a list is opened, the desktop is never at rest.
#[track_caller]
fn step_until(desk: &mut Desk, so: impl Fn(&Desk) -> bool) {
    let begun = std::time::Instant::now();
    while !so(desk) {
        assert!(begun.elapsed().as_secs() < 60, "{}", desk.every_word());
        desk.harness.step();
    }
}

fn cancel_opening(desk: &mut Desk) {
    cancel(desk, "Cancel opening");
}

fn cancel(desk: &mut Desk, button: &str) {
    desk.harness.get_by_role_and_label(Role::Button, button).click();
    // It may have ended by the time that the next frame is drawn.
    step_until(desk, |desk| {
        !desk.sees(button) || desk.is_disabled(Role::Button, button)
    });
}

#[test]
fn while_a_list_is_opened_the_other_one_stays_and_a_cancel_leaves_everything_as_it_was() {
    let mut desk = Desk::with(12);
    let before = desk.rows();
    let big = big(&desk, "big.cilx");
    desk.picker.will_pick(&big);
    desk.harness.key_press_modifiers(CTRL, Key::O);
    step_until(&mut desk, |desk| desk.sees("Opening big.cilx"));
    // The open list is shown and can be worked with.
    assert_eq!(desk.rows(), before);
    let filter = desk.harness.get_by_role_and_label(Role::TextInput, "Filter");
    filter.focus();
    filter.type_text("KIOSK");
    step_until(&mut desk, |desk| desk.rows().len() != before.len());
    assert!(desk.rows().iter().all(|r| r.starts_with("KIOSK")), "{:?}", desk.rows());
    cancel_opening(&mut desk);
    desk.settle();
    assert!(!desk.sees("Opening big.cilx"));
    assert!(desk.dialogs().is_empty(), "{:?} {}", desk.dialogs(), desk.every_word());
    assert_eq!(desk.harness.state().title(), "contoso.cilx - MAKeeper");
    desk.command("Clear filter");
    assert_eq!(desk.rows(), before);
}

#[test]
fn no_run_is_started_on_a_list_that_another_one_is_about_to_replace() {
    let mut desk = Desk::with(12);
    let big = big(&desk, "big.cilx");
    desk.picker.will_pick(&big);
    desk.harness.key_press_modifiers(CTRL, Key::O);
    step_until(&mut desk, |desk| desk.sees("Opening big.cilx"));
    desk.harness.key_press(Key::F5);
    step_until(&mut desk, |desk| {
        desk.sees("Wait until big.cilx is open, or cancel opening it.")
    });
    cancel_opening(&mut desk);
    desk.settle();
    assert!(desk.dialogs().is_empty(), "{:?} {}", desk.dialogs(), desk.every_word());
}

#[test]
fn while_another_list_is_read_to_be_imported_this_one_can_be_worked_with_and_a_cancel_leaves_everything_as_it_was() {
    let mut desk = Desk::with(12);
    let before = desk.rows();
    let big = big(&desk, "big.cilx");
    desk.picker.will_pick(&big);
    desk.harness.key_press_modifiers(CTRL | Modifiers::SHIFT, Key::I);
    step_until(&mut desk, |desk| desk.sees("Reading big.cilx"));
    assert_eq!(desk.rows(), before);
    let filter = desk.harness.get_by_role_and_label(Role::TextInput, "Filter");
    filter.focus();
    filter.type_text("KIOSK");
    step_until(&mut desk, |desk| desk.rows().len() != before.len());
    cancel(&mut desk, "Cancel reading");
    desk.settle();
    assert!(!desk.sees("Reading big.cilx"));
    assert!(desk.dialogs().is_empty(), "{:?} {}", desk.dialogs(), desk.every_word());
    assert!(!desk.sees("Nothing imported"), "{}", desk.every_word());
    desk.command("Clear filter");
    assert_eq!(desk.rows(), before);
    // Nothing is left of it: the same list can be read again, to its end.
    desk.picker.will_pick(&big);
    desk.press(CTRL | Modifiers::SHIFT, Key::I);
    assert_eq!(desk.dialogs(), ["Import list"]);
}

#[test]
fn a_sealed_list_that_is_read_again_with_its_passphrase_can_be_given_up_in_the_dialog() {
    let mut desk = Desk::with(12);
    let sealed = big(&desk, "sealed.cilx");
    {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (workspace, _) = Workspace::open(&sealed, Mode::Edit, runtime.handle().clone()).unwrap();
        workspace.add_keys("33333-44444-55555-66666-77777").unwrap();
        workspace
            .seal_keys(&makeeper::model::Secret::new("words of theirs".to_owned()))
            .unwrap();
    }
    desk.picker.will_pick(&sealed);
    desk.press(CTRL | Modifiers::SHIFT, Key::I);
    assert_eq!(desk.dialogs(), ["Import list"]);
    // However much there is to say, the answer stays in sight.
    let window = desk.harness.ctx.content_rect();
    for answer in ["Merge", "Cancel"] {
        let place = desk.harness.get_by_role_and_label(Role::Button, answer).rect();
        assert!(window.contains_rect(place), "{answer}: {place:?}");
    }
    desk.button("Unlock them…");
    let field = desk.harness.get_by_role_and_label(Role::PasswordInput, "Passphrase");
    field.focus();
    field.type_text("words of theirs");
    desk.harness.run_steps(2);
    desk.harness.get_by_role_and_label(Role::Button, "Unlock").click();
    step_until(&mut desk, |desk| desk.sees("Reading sealed.cilx"));
    cancel(&mut desk, "Cancel reading");
    desk.settle();
    assert_eq!(desk.dialogs(), ["Import list"], "{}", desk.every_word());
}

#[test]
fn reading_a_list_tells_how_far_it_is_and_gives_it_back_when_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.cilx");
    write_list(&path, &estate::estate(6_000));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let shares = std::sync::Mutex::new(Vec::new());
    let watch = |p: makeeper::workspace::Progress| {
        shares.lock().unwrap().push((p.done, p.total));
        std::ops::ControlFlow::Continue(())
    };
    drop(Workspace::open_with(&path, Mode::Edit, runtime.handle().clone(), &watch).unwrap());
    let shares = shares.into_inner().unwrap();
    assert!(
        shares.len() > 3 && shares.iter().all(|(done, total)| done <= total),
        "{shares:?}"
    );
    assert!(shares.iter().any(|(done, total)| done * 100 > total * 90), "{shares:?}");
    for give_up_after in 0..shares.len() {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let watch = |_| {
            if seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= give_up_after {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        };
        for mode in [Mode::Edit, Mode::ReadOnly] {
            let error = Workspace::open_with(&path, mode, runtime.handle().clone(), &watch).unwrap_err();
            assert!(error.to_string().contains("cancelled"), "{error}");
        }
    }
    // Nobody has it open.
    drop(Workspace::open(&path, Mode::Edit, runtime.handle().clone()).unwrap());
}

#[test]
fn the_list_that_was_open_keeps_its_changes_in_its_journal_and_says_so() {
    let mut desk = Desk::with(5);
    let other = desk.path("other.cilx");
    write_list(&other, &estate::estate(3));
    desk.click_row(0, Modifiers::NONE);
    desk.press(Modifiers::NONE, Key::Delete);
    desk.button("Remove");
    desk.picker.will_pick(&other);
    desk.press(CTRL, Key::O);
    assert_eq!(desk.harness.state().title(), "other.cilx - MAKeeper");
    desk.expect("1 change not saved in the list that was open");
    let first = desk.path("contoso.cilx");
    desk.picker.will_pick(&first);
    desk.press(CTRL, Key::O);
    desk.expect("1 change that had not been saved was recovered");
}

#[test]
fn a_list_that_somebody_else_has_open_says_who_and_is_looked_at_or_tried_again() {
    let mut desk = Desk::with(5);
    let other = desk.path("other.cilx");
    write_list(&other, &estate::estate(3));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let somebody = Workspace::open(&other, Mode::Edit, runtime.handle().clone()).unwrap();
    let open = |desk: &mut Desk| {
        desk.picker.will_pick(&other);
        desk.press(CTRL, Key::O);
    };
    open(&mut desk);
    assert_eq!(desk.dialogs(), ["Somebody else has this list open"]);
    desk.expect(&format!("process {}", std::process::id()));
    desk.button("Try again");
    assert_eq!(desk.dialogs(), ["Somebody else has this list open"]);
    desk.button("Open to look at only");
    desk.expect("Read only");
    desk.picker.will_pick(desk.path("contoso.cilx"));
    desk.press(CTRL, Key::O);
    open(&mut desk);
    drop(somebody);
    desk.button("Try again");
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
    assert_eq!(desk.harness.state().title(), "other.cilx - MAKeeper");
    assert!(!desk.sees("Read only"));
}

#[test]
fn a_list_whose_medium_is_gone_stays_open_and_is_saved_when_it_is_back() {
    let mut desk = Desk::with(5);
    let stick = desk.path("stick");
    std::fs::create_dir(&stick).unwrap();
    let list = stick.join("list.cilx");
    write_list(&list, &estate::estate(4));
    desk.picker.will_pick(&list);
    desk.press(CTRL, Key::O);
    desk.click_row(0, Modifiers::NONE);
    desk.press(Modifiers::NONE, Key::Delete);
    desk.button("Remove");
    let pulled = desk.path("pulled");
    std::fs::rename(&stick, &pulled).unwrap();
    desk.press(CTRL, Key::S);
    assert_eq!(desk.dialogs(), ["The list was not saved"]);
    desk.expect("Everything is here as long as MAKeeper is open");
    desk.button("Try again");
    assert_eq!(desk.dialogs(), ["The list was not saved"]);
    std::fs::rename(&pulled, &stick).unwrap();
    desk.button("Try again");
    desk.expect("1 change written to the file.");
    assert!(desk.dialogs().is_empty(), "{:?}", desk.dialogs());
}

/// A desktop that remembers, in a folder of its own.
fn remembering(folder: &Arc<tempfile::TempDir>, list: Option<&str>, settings: Option<Settings>) -> Desk {
    let options = DesktopOptions {
        list: list.map(|name| folder.path().join(name)),
        remembered: Some(Remembered::load(folder.path().join("config/desktop.json"))),
        settings,
        ..DesktopOptions::default()
    };
    Desk::start(folder.clone(), options)
}

fn ends(mut desk: Desk) {
    desk.harness.state_mut().end();
}

#[test]
fn what_was_chosen_is_there_again_at_the_next_start() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    for (name, computers) in [("a.cilx", 3), ("b.cilx", 4)] {
        write_list(&folder.path().join(name), &estate::estate(computers));
    }
    let mut desk = remembering(&folder, Some("a.cilx"), None);
    desk.picker.will_pick(folder.path().join("b.cilx"));
    desk.press(CTRL, Key::O);
    desk.command("Dark");
    desk.press(CTRL, Key::Plus);
    desk.press(CTRL, Key::Comma);
    desk.expect("Kept for the next start");
    desk.click(Role::RadioButton, "Direct");
    desk.button("Use");
    ends(desk);

    let mut desk = remembering(&folder, None, None);
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Dark);
    assert!((desk.harness.ctx.zoom_factor() - 1.1).abs() < 0.01);
    assert!(
        desk.harness
            .get_by_role_and_label(Role::Button, "b.cilx")
            .rect()
            .is_positive()
    );
    desk.button("a.cilx");
    assert_eq!(desk.harness.state().title(), "a.cilx - MAKeeper");
    let settings = desk.harness.state().workspace().unwrap().settings();
    assert_eq!(settings.proxy, makeeper::workspace::ProxySetting::Direct);
    let recent = desk.harness.state().screen().recent.paths();
    assert_eq!(recent, [folder.path().join("a.cilx"), folder.path().join("b.cilx")]);
}

#[test]
fn what_was_said_for_this_session_stands_above_what_is_remembered_and_is_not_kept() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    write_list(&folder.path().join("a.cilx"), &estate::estate(3));
    let mut desk = remembering(&folder, Some("a.cilx"), None);
    desk.press(CTRL, Key::Comma);
    desk.type_into(Role::TextInput, "Address", "https://activation.example/");
    desk.button("Use");
    ends(desk);
    let session = Settings {
        concurrency: 3,
        ..Settings::default()
    };
    let mut desk = remembering(&folder, Some("a.cilx"), Some(session.clone()));
    // In a desktop somebody can be asked for other credentials.
    let asking = Settings {
        ask_again: true,
        ..session
    };
    assert_eq!(*desk.harness.state().workspace().unwrap().settings(), asking);
    desk.press(CTRL, Key::Comma);
    desk.expect("For this session");
    desk.button("Use");
    desk.command("Light");
    ends(desk);
    let desk = remembering(&folder, Some("a.cilx"), None);
    let settings = desk.harness.state().workspace().unwrap().settings();
    assert_eq!(settings.service_url.as_deref(), Some("https://activation.example/"));
    assert_eq!(settings.concurrency, Settings::default().concurrency);
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Light);
}

#[test]
fn damaged_settings_are_told_once_and_the_usual_ones_are_used() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("config/desktop.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for text in ["{\"look\": ", r#"{"look": "mauve", "zoom": 1.1}"#] {
        std::fs::write(&path, text).unwrap();
        let desk = remembering(&folder, None, None);
        desk.expect("Settings not read");
        desk.expect("the usual");
        ends(desk);
        let desk = remembering(&folder, None, None);
        assert!(!desk.sees("Settings not read"), "{}", desk.every_word());
        ends(desk);
    }
}

#[test]
fn a_password_is_not_among_what_is_remembered() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    write_list(&folder.path().join("a.cilx"), &estate::estate(3));
    let mut desk = remembering(&folder, Some("a.cilx"), None);
    desk.command("Credentials");
    desk.type_into(Role::TextInput, "User", r"CONTOSO\somebody");
    desk.type_into(Role::PasswordInput, "Password", "correct horse");
    desk.button("Use");
    desk.command("Dark");
    ends(desk);
    let text = std::fs::read_to_string(folder.path().join("config/desktop.json")).unwrap();
    assert!(text.contains("dark"));
    for secret in ["somebody", "CONTOSO", "correct horse"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_list_that_is_gone_is_no_longer_offered() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    write_list(&folder.path().join("a.cilx"), &estate::estate(3));
    ends(remembering(&folder, Some("a.cilx"), None));
    std::fs::remove_file(folder.path().join("a.cilx")).unwrap();
    let mut desk = remembering(&folder, None, None);
    desk.button("a.cilx");
    assert_eq!(desk.dialogs(), ["The list cannot be opened"]);
    desk.button("Close");
    assert!(!desk.sees("Opened last"));
}
