//! Drives the desktop without a window, by role and label, on a real list in a folder of its own.

#![allow(dead_code, reason = "each test program uses its own part of this")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod estate;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use makeeper::desktop::app::{Desktop, Host};
use makeeper::desktop::picker::{FilePicker, PickFile, Picked};
use makeeper::desktop::{DesktopOptions, theme};
use makeeper::model::Inventory;
use makeeper::workspace::{Keyring, KeyringError};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Answers the questions for files in the order given, and remembers the questions.
#[derive(Default)]
pub struct ScriptedPicker {
    answers: Mutex<Vec<Picked>>,
    pub asked: Mutex<Vec<PickFile>>,
}

impl ScriptedPicker {
    pub fn will_pick(&self, path: impl Into<PathBuf>) {
        self.answers.lock().unwrap().insert(0, Picked::File(path.into()));
    }

    /// As on a system without file dialogs.
    pub fn cannot_ask(&self) {
        self.answers.lock().unwrap().insert(0, Picked::Unavailable);
    }
}

impl FilePicker for ScriptedPicker {
    fn pick(&self, ask: &PickFile) -> Picked {
        self.asked.lock().unwrap().push(ask.clone());
        self.answers.lock().unwrap().pop().unwrap_or(Picked::Cancelled)
    }
}

/// The desktop under test.
pub struct Desk {
    pub harness: Harness<'static, Desktop>,
    pub picker: Arc<ScriptedPicker>,
    pub folder: Arc<tempfile::TempDir>,
    bell: Receiver<()>,
    _runtime: Arc<tokio::runtime::Runtime>,
}

/// A keyring in memory.
pub fn empty_keyring() -> Keyring {
    Keyring::over(keyring_core::mock::Store::new().unwrap())
}

pub fn write_list(path: &Path, inventory: &Inventory) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    makeeper::cil::write(inventory, None, &mut file).unwrap();
}

impl Desk {
    /// With a list of `computers` computers.
    pub fn with(computers: usize) -> Self {
        Self::with_inventory(&estate::estate(computers))
    }

    pub fn with_inventory(inventory: &Inventory) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("contoso.cilx");
        write_list(&path, inventory);
        Self::start(
            folder,
            DesktopOptions {
                list: Some(path),
                ..DesktopOptions::default()
            },
        )
    }

    /// Without a list.
    pub fn bare() -> Self {
        Self::start(Arc::new(tempfile::tempdir().unwrap()), DesktopOptions::default())
    }

    pub fn start(folder: Arc<tempfile::TempDir>, options: DesktopOptions) -> Self {
        Self::start_with_keyring(folder, options, Ok(empty_keyring()))
    }

    pub fn start_with_keyring(
        folder: Arc<tempfile::TempDir>,
        options: DesktopOptions,
        keyring: Result<Keyring, KeyringError>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (ring, bell) = channel();
        let ring = Mutex::new(ring);
        let picker = Arc::new(ScriptedPicker::default());
        let host = Host {
            runtime: runtime.handle().clone(),
            picker: picker.clone(),
            keyring: Arc::new(move || keyring.clone()),
            waker: Arc::new(move || {
                // Nobody listens any more when a test is over.
                let _ = ring.lock().unwrap().send(());
            }),
        };
        let desktop = Desktop::new(options, host).unwrap();
        let harness = Harness::builder()
            .with_size([1280.0, 800.0])
            .with_max_steps(64)
            .with_context_setup(|ctx| theme::install(ctx, false))
            .build_ui_state(
                |ui, desktop: &mut Desktop| {
                    desktop.logic(ui.ctx());
                    desktop.ui(ui);
                },
                desktop,
            );
        let mut desk = Self {
            harness,
            picker,
            folder,
            bell,
            _runtime: Arc::new(runtime),
        };
        desk.settle();
        desk
    }

    /// Draws until nothing is under way any more; waits for the desktop's own bell in between.
    #[track_caller]
    pub fn settle(&mut self) {
        let begun = Instant::now();
        loop {
            // While something is under way a spinner may turn for ever: one frame, then wait for the bell.
            self.harness.step();
            if !self.harness.state().is_busy() {
                self.harness.run();
                if !self.harness.state().is_busy() {
                    return;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "the desktop is busy for too long");
            let _ = self.bell.recv_timeout(Duration::from_millis(250));
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    pub fn click(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click();
        self.settle();
    }

    #[track_caller]
    pub fn press(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    #[track_caller]
    pub fn button(&mut self, label: &str) {
        self.click(Role::Button, label);
    }

    #[track_caller]
    pub fn type_into(&mut self, role: Role, label: &str, text: &str) {
        let field = self.harness.get_by_role_and_label(role, label);
        field.focus();
        field.type_text(text);
        self.settle();
    }

    /// Runs a command by its name through the palette, as a person without a mouse would.
    #[track_caller]
    pub fn command(&mut self, name: &str) {
        self.press(egui::Modifiers::COMMAND, egui::Key::K);
        self.type_into(Role::TextInput, "Find a command", name);
        self.press(egui::Modifiers::NONE, egui::Key::Enter);
    }

    /// The rows in sight: "computer, product, status".
    pub fn rows(&self) -> Vec<String> {
        let rows = self.harness.query_all_by_role(Role::Row);
        rows.filter_map(|n| n.accesskit_node().label())
            .filter(|l| l.matches(", ").count() >= 2)
            .collect()
    }

    pub fn selected_rows(&self) -> Vec<String> {
        let rows = self.harness.query_all_by_role(Role::Row);
        rows.filter(|n| n.accesskit_node().is_selected() == Some(true))
            .filter_map(|n| n.accesskit_node().label())
            .collect()
    }

    #[track_caller]
    pub fn click_row(&mut self, index: usize, modifiers: egui::Modifiers) {
        let label = self.rows()[index].clone();
        let row = self
            .harness
            .get_all_by_role_and_label(Role::Row, &label)
            .next()
            .unwrap();
        if modifiers.is_none() {
            row.click();
        } else {
            row.click_modifiers(modifiers);
        }
        self.settle();
    }

    pub fn sees(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    #[track_caller]
    pub fn expect(&self, text: &str) {
        assert!(
            self.sees(text),
            "nothing on the screen contains {text:?}:\n{}",
            self.every_word()
        );
    }

    #[track_caller]
    pub fn is_disabled(&self, role: Role, label: &str) -> bool {
        self.harness
            .get_by_role_and_label(role, label)
            .accesskit_node()
            .is_disabled()
    }

    /// The titles of the open dialogs.
    pub fn dialogs(&self) -> Vec<String> {
        let dialogs = self.harness.query_all_by_role(Role::Dialog);
        dialogs.filter_map(|n| n.accesskit_node().label()).collect()
    }

    /// The number behind an entry of the navigation.
    #[track_caller]
    pub fn count(&self, entry: &str) -> usize {
        let found = self
            .harness
            .query_all_by_role(Role::TreeItem)
            .filter_map(|n| n.accesskit_node().label())
            .find_map(|l| l.strip_prefix(entry)?.trim().replace(',', "").parse().ok());
        found.unwrap_or_default()
    }

    /// Everything the accessibility tree says, for searching what must not be there.
    pub fn every_word(&self) -> String {
        let mut all = String::new();
        for node in self.harness.root().children_recursive() {
            let node = node.accesskit_node();
            for text in [node.label(), node.value()].into_iter().flatten() {
                all.push_str(&text);
                all.push('\n');
            }
        }
        all
    }
}
