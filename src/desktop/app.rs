//! The desktop program: what is open, one executor per frame, and the drawing of a frame.
//!
//! Drawing functions get an immutable [`Frame`] and send [`Event`]s; [`Desktop::logic`] carries them out before the next frame.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::accounts::KeyringOrder;
use super::commands::Command;
use super::dialogs::Dialog;
use super::dialogs::credentials::WaitNumber;
use super::dialogs::edit_computer::ComputerEdit;
use super::jobs::{Jobs, Purpose};
use super::picker::FilePicker;
use super::remember::Memory;
use super::state::accounts::{AccountGroups, GroupAccount, Remembered};
use super::state::discovery::{DiscoveryEvent, KmsEvent};
use super::state::facts::{Facts, KeyFacts, RowFacts};
use super::state::orders::{Order, Scope};
use super::state::reading::Reading;
use super::state::screen::Screen;
use super::state::selection::{How, Step};
use super::state::viewer::{Answer, Question, Viewer, Waker};
use super::{DemoInfo, DesktopError, DesktopOptions};
use crate::model::{Column, Computer, ComputerId, KeyEntry, KeyEntryId, ProductId, Secret};
use crate::workspace::{
    Credentials, Elsewhere, ExportProfile, ImportPlan, Job, Keyring, KeyringError, ReloadPlan, Run, Settings,
    SignInQuestion, Snapshot, Workspace,
};

/// What the desktop needs of the world around it.
pub struct Host {
    /// Where runs work.
    pub runtime: tokio::runtime::Handle,
    /// Who is asked for files.
    pub picker: Arc<dyn FilePicker>,
    /// Opens the keyring; may block.
    pub keyring: Arc<dyn Fn() -> Result<Keyring, KeyringError> + Send + Sync>,
    /// Called from any thread when there is something new to draw.
    pub waker: Waker,
}

/// What drawing functions send.
pub enum Event {
    /// A command was chosen.
    Run(Command),
    /// The filter box changed.
    Filter(String),
    /// Show the products that pass this filter.
    ShowRows(String),
    /// A heading was clicked.
    Sort(Column),
    /// Other columns were chosen.
    Columns(Vec<Column>),
    /// Another grouping was chosen.
    Group(Option<Column>),
    /// A line of the list was clicked.
    Click(usize, How),
    /// A line was clicked with the secondary button.
    PointAt(usize),
    /// A key went through the list.
    Step(Step, How),
    /// A product key was selected.
    SelectKey(KeyEntryId),
    /// An order was given.
    Order(Order, Scope),
    /// A job was confirmed.
    Start(Job),
    /// Somebody signs in to the computers; then the job is started.
    SignIn(Option<Credentials>, Option<Job>),
    /// The logged-on user signs in.
    SignInAsLoggedOn(WaitNumber),
    /// Something is asked of the keyring.
    Keyring(KeyringOrder),
    /// Groups of computers have these accounts.
    AccountGroups(AccountGroups),
    /// Answers what the run asks: another account, or none.
    AnswerRun(Arc<SignInQuestion>, Option<GroupAccount>),
    /// Runs are to behave like this.
    Settings(Box<Settings>),
    /// A list that was open before is to be opened.
    OpenRecent(PathBuf),
    /// The lists opened last are forgotten.
    ForgetRecent,
    /// A file is needed.
    Pick(Purpose),
    /// A file was named by hand; `true`: whether it is there already does not matter.
    TypedPath(Purpose, PathBuf, bool),
    /// Names and addresses were typed.
    AddComputers(String),
    /// Something of discovery was asked for.
    Discovery(DiscoveryEvent),
    /// Something of the page with KMS hosts was asked for.
    Kms(KmsEvent),
    /// Computers are reached elsewhere from now on.
    Readdress(Vec<Elsewhere>),
    /// Product keys were typed.
    AddKeys(zeroize::Zeroizing<String>),
    /// A profile was chosen.
    Export {
        /// Which.
        profile: ExportProfile,
        /// The selected rows only.
        selection_only: bool,
    },
    /// The product list is to be written as a table.
    ExportTable {
        /// Its columns.
        columns: Vec<Column>,
        /// Not only what the filter shows.
        every_row: bool,
    },
    /// An import was confirmed.
    ApplyImport(Box<ImportPlan>),
    /// Both versions of a list that somebody else saved become one.
    ApplyReload(Box<ReloadPlan>),
    /// The note on a product was edited.
    EditProduct(ProductId, String),
    /// A computer was edited.
    EditComputer(ComputerId, ComputerEdit),
    /// A key entry was edited.
    EditKey(Box<KeyEntry>, String),
    /// A key entry was removed.
    RemoveKey(KeyEntryId),
    /// The whole key goes to the clipboard.
    CopyKey(KeyEntryId),
    /// The product keys are sealed with this passphrase.
    SealKeys(Secret),
    /// The passphrase is asked for; then this happens.
    AskPassphrase(Option<Box<Event>>),
    /// The passphrase was typed.
    UnlockKeys(Secret),
    /// The seal is taken off.
    UnsealKeys {
        /// Although the keys are locked: they are given up.
        forget: bool,
    },
    /// Older copies that hold product keys in clear are removed.
    RemoveCopies,
    /// The passphrase of a list to import is asked for.
    AskPassphraseOf(PathBuf),
    /// It was typed: the file is read again, with its product keys.
    PlanImportUnlocked(PathBuf, Secret),
    /// The selected rows were removed.
    RemoveRows,
    /// Save; then close the window.
    SaveAndQuit,
    /// Close the window; changes stay in the journal.
    QuitAnyway,
    /// Save over what another program wrote.
    SaveAnyway,
    /// Open to look at only.
    OpenReadOnly(std::path::PathBuf),
    /// Text goes to the clipboard: what it is, and the text.
    Copy(String, String),
    /// The list that is being opened is no longer wanted.
    CancelReading,
    /// A message was closed.
    CloseNotice(u64),
    /// The run is to stop.
    CancelRun,
    /// Its failed rows once more.
    RetryRun,
    /// The drawer was closed.
    CloseDrawer,
    /// Its rows are shown or hidden.
    ToggleDrawer,
    /// It shows failed rows only, or all.
    DrawerFailedOnly(bool),
    /// It closes by itself, or not.
    DrawerCloses(bool),
}

/// Everything a drawing function may look at.
pub struct Frame<'a> {
    /// The open list.
    pub snapshot: Option<&'a Arc<Snapshot>>,
    /// View, counts and facts, as the worker computed them last.
    pub answer: &'a Answer,
    /// What decides which commands are available.
    pub facts: &'a Facts,
    /// The state of the window.
    pub screen: &'a Screen,
    /// The list that is being read, to be the open one (until then the other one stays) or to be taken into it.
    pub reading: Option<&'a Reading>,
    /// The run in the drawer.
    pub run: Option<&'a Run>,
    /// Who signs in.
    pub user: Option<String>,
    /// What the keyring remembers.
    pub remembered: &'a Remembered,
    /// How runs behave.
    pub settings: &'a Settings,
    /// They are there again at the next start.
    pub remembers_runs: bool,
    /// What is said of a demonstration.
    pub demo: Option<&'a DemoInfo>,
    /// The time, for ages.
    pub now: DateTime<Utc>,
    events: &'a RefCell<Vec<Event>>,
}

impl Frame<'_> {
    /// Sends an event.
    pub fn send(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    /// Sends a command.
    pub fn run(&self, command: Command) {
        self.send(Event::Run(command));
    }

    /// Puts text on the clipboard and says so.
    pub fn copy(&self, what: &str, text: String) {
        self.send(Event::Copy(what.to_owned(), text));
    }

    /// The whole of the selected product key.
    pub fn key(&self) -> Option<&Arc<KeyEntry>> {
        self.snapshot?.inventory.key(self.screen.key?)
    }
}

/// The open list.
pub(super) struct OpenList {
    pub workspace: Workspace,
    pub snapshot: Arc<Snapshot>,
    pub number: u64,
}

/// The desktop program, drivable without a window: [`Desktop::logic`], then [`Desktop::ui`], every frame.
pub struct Desktop {
    pub(super) host: Host,
    pub(super) list: Option<OpenList>,
    pub(super) reading: Option<Reading>,
    pub(super) lists_opened: u64,
    pub(super) settings: Settings,
    pub(super) credentials: Option<Credentials>,
    pub(super) remembered: Remembered,
    pub(super) groups: AccountGroups,
    pub(super) demo: Option<DemoInfo>,
    /// The list that is deleted when the demonstration ends.
    demo_list: Option<PathBuf>,
    pub(super) screen: Screen,
    pub(super) dialogs: Vec<Dialog>,
    pub(super) jobs: Jobs,
    pub(super) facts: Facts,
    /// About the keys of the list with this number, at this revision.
    key_facts: (u64, u64, KeyFacts),
    pub(super) answer: Arc<Answer>,
    pub(super) quit: bool,
    pub(super) memory: Option<Memory>,
    viewer: Viewer,
    asked: Option<(u64, u64, crate::model::ViewSpec, u64)>,
    events: RefCell<Vec<Event>>,
}

/// How long the end of the program waits for answers of the activation service that are on their way.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);
/// Results taken per frame: a flood must not hold up drawing.
const OUTCOMES_PER_FRAME: usize = 64;

impl Desktop {
    /// Starts without a window; opens the list of `options`, if one is named.
    pub fn new(options: DesktopOptions, host: Host) -> Result<Self, DesktopError> {
        let viewer = Viewer::start(host.waker.clone()).map_err(DesktopError::Thread)?;
        let jobs = Jobs::new(host.waker.clone());
        let remembered = options.remembered;
        let memory = remembered.as_ref().map(|r| Memory::new(r, options.settings.is_some()));
        let settings = options
            .settings
            .or_else(|| remembered.as_ref().map(|r| r.preferences().runs.clone()));
        let mut desktop = Self {
            host,
            list: None,
            reading: None,
            lists_opened: 0,
            settings: Settings {
                ask_again: true,
                ..settings.unwrap_or_default()
            },
            credentials: options.credentials,
            remembered: Remembered::default(),
            groups: AccountGroups::default(),
            demo_list: options.list.clone().filter(|_| options.demo.is_some()),
            demo: options.demo,
            screen: Screen::default(),
            dialogs: Vec::new(),
            jobs,
            facts: Facts::default(),
            key_facts: (0, 0, KeyFacts::default()),
            answer: Arc::default(),
            quit: false,
            memory,
            viewer,
            asked: None,
            events: RefCell::default(),
        };
        if let Some(remembered) = &remembered {
            desktop.take_remembered(remembered);
        }
        if let Some(path) = options.list {
            desktop.open_path(path, false);
        }
        Ok(desktop)
    }

    /// True while something is under way whose end will change the window: an answer, a file, a run.
    pub fn is_busy(&self) -> bool {
        self.viewer.is_busy()
            || self.jobs.running() > 0
            || !self.events.borrow().is_empty()
            || self.dialogs.iter().any(Dialog::is_waiting)
            // One that asks waits for a person.
            || self
                .current_run()
                .is_some_and(|r| !r.is_finished() && r.progress().question.is_none())
            || self.discovers()
            || self.list.as_ref().is_some_and(|l| {
                l.workspace.snapshot().revision != l.snapshot.revision || self.answer.revision != l.snapshot.revision
            })
    }

    /// The window is gone: cancels what is under way and gives answers that were paid for a few seconds to arrive.
    pub fn end(&mut self) {
        self.remember_at_the_end();
        if let Some(reading) = &self.reading {
            reading.cancel();
        }
        self.discovery_event(DiscoveryEvent::Cancel);
        self.kms_event(KmsEvent::Cancel);
        let Some(list) = &self.list else { return };
        if let Some(run) = self.current_run().filter(|r| !r.is_finished()) {
            run.cancel();
        }
        let settled = list.workspace.settled();
        let _ = self
            .host
            .runtime
            .block_on(async { tokio::time::timeout(ANSWERS_WITHIN, settled).await });
    }

    /// To be carried out in the next frame, as if it had been asked for then.
    pub(super) fn send(&mut self, event: Event) {
        self.events.get_mut().push(event);
    }

    /// The open list, for those who drive the desktop from outside.
    pub fn workspace(&self) -> Option<&Workspace> {
        self.list.as_ref().map(|l| &l.workspace)
    }

    /// What decides which commands are available.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The state of the window.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The title of the window: the list, with a mark while changes are not saved.
    pub fn title(&self) -> String {
        let Some(list) = &self.list else {
            return "MAKeeper".into();
        };
        let name = list
            .snapshot
            .path
            .file_name()
            .map(|n| n.to_string_lossy())
            .unwrap_or_default();
        let mark = if list.snapshot.unsaved > 0 { "• " } else { "" };
        format!("{mark}{name} - MAKeeper")
    }

    /// The computer of the only selected row.
    pub(super) fn selected_computer(&self) -> Option<&Arc<Computer>> {
        let inventory = &self.list.as_ref()?.snapshot.inventory;
        inventory.computer_at(self.screen.selection.single()?.computer?)
    }

    pub(super) fn current_run(&self) -> Option<Run> {
        self.list.as_ref()?.workspace.runs().into_iter().next()
    }

    /// Takes in what happened since the last frame and carries out what was asked for. Draws nothing.
    pub fn logic(&mut self, ctx: &egui::Context) {
        for _ in 0..OUTCOMES_PER_FRAME {
            match self.jobs.take() {
                Some(outcome) => self.take(ctx, outcome),
                None => break,
            }
        }
        if let Some(list) = &mut self.list {
            list.snapshot = list.workspace.snapshot();
        }
        self.ask_for_run();
        self.announce_run();
        self.look_at_discovery();
        if let Some(answer) = self.viewer.answer() {
            self.take_answer(answer);
        }
        self.refresh_facts();
        self.take_shortcuts(ctx);
        self.take_dropped_files(ctx);
        for event in self.events.take() {
            self.execute(ctx, event);
        }
        self.refresh_facts();
        self.ask();
        self.guard_close(ctx);
        let now = Instant::now();
        if let Some(next) = self.screen.notices.tick(now) {
            ctx.request_repaint_after(next);
        }
        if self.reading.is_some() {
            ctx.request_repaint_after(Duration::from_millis(100));
        }
        if self.discovers() || self.current_run().is_some_and(|r| !r.is_finished()) {
            // Elapsed time goes on although nothing else changes.
            ctx.request_repaint_after(Duration::from_millis(500));
        } else if self.list.is_some() {
            // Ages are shown to the minute.
            ctx.request_repaint_after(Duration::from_mins(1));
        }
        self.apply_look(ctx);
        self.remember_soon(ctx);
    }

    /// Draws a frame.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        let mut dialogs = std::mem::take(&mut self.dialogs);
        let run = self.current_run().filter(|r| self.screen.drawer_closed != Some(r.id()));
        let frame = Frame {
            snapshot: self.list.as_ref().map(|l| &l.snapshot),
            answer: &self.answer,
            facts: &self.facts,
            screen: &self.screen,
            reading: self.reading.as_ref(),
            run: run.as_ref(),
            user: self.credentials.as_ref().map(Credentials::account),
            remembered: &self.remembered,
            settings: &self.settings,
            remembers_runs: self.remembers_runs(),
            demo: self.demo.as_ref(),
            now: Utc::now(),
            events: &self.events,
        };
        super::shell::shell_ui(ui, &frame);
        super::dialogs::show(ui.ctx(), &frame, &mut dialogs);
        self.dialogs = dialogs;
        self.screen.focus_filter = false;
        self.screen.focus_list = false;
        self.screen.scroll_to = None;
        if !self.events.borrow().is_empty() {
            ui.ctx().request_repaint();
        }
    }

    fn take_answer(&mut self, answer: Arc<Answer>) {
        let Some(list) = &self.list else { return };
        if answer.list != list.number {
            return;
        }
        self.screen.selection.keep_visible(&answer.visible);
        self.answer = answer;
    }

    fn refresh_facts(&mut self) {
        let snapshot = self.list.as_ref().map(|l| &l.snapshot);
        let key = snapshot.and_then(|s| s.inventory.key(self.screen.key?));
        let answered = self.list.as_ref().is_some_and(|l| l.number == self.answer.list);
        if let Some(list) = &self.list
            && (list.number, list.snapshot.revision) != (self.key_facts.0, self.key_facts.1)
        {
            self.key_facts = (list.number, list.snapshot.revision, KeyFacts::of(&list.snapshot));
        }
        let keys = self.key_facts.2;
        self.facts = Facts {
            has_list: snapshot.is_some(),
            read_only: snapshot.is_some_and(|s| s.read_only),
            unsaved: snapshot.map_or(0, |s| s.unsaved),
            busy_with_file: self.jobs.busy_with_file(),
            running: self.current_run().is_some_and(|r| !r.is_finished()),
            discovering: self.discovers(),
            computers: snapshot.map_or(0, |s| s.inventory.computer_count()),
            countable_keys: keys.countable,
            protection: keys.protection,
            locked_keys: keys.locked,
            page: self.screen.page,
            one_computer: self.selected_computer().is_some(),
            selected_key: key.is_some(),
            selected_key_is_whole: key.is_some_and(|k| k.key.is_some() || k.is_locked()),
            undo: snapshot.and_then(|s| s.undo.clone()),
            redo: snapshot.and_then(|s| s.redo.clone()),
            rows: if answered {
                (*self.answer.rows).clone()
            } else {
                RowFacts::default()
            },
        };
    }

    /// Asks the worker when list, view or selection changed.
    fn ask(&mut self) {
        let Some(list) = &self.list else { return };
        let selection = self.screen.selection.generation();
        let current = (list.number, list.snapshot.revision, self.screen.spec.clone(), selection);
        if self.asked.as_ref() == Some(&current) {
            return;
        }
        self.viewer.ask(Question {
            list: list.number,
            revision: list.snapshot.revision,
            inventory: list.snapshot.inventory.clone(),
            spec: self.screen.spec.clone(),
            selection,
            selected: self.screen.selection.rows().clone(),
        });
        self.asked = Some(current);
    }

    fn take_shortcuts(&mut self, ctx: &egui::Context) {
        if !self.dialogs.is_empty() {
            return;
        }
        let typing = ctx.text_edit_focused();
        // egui lets Ctrl+Shift+S pass for Ctrl+S: the more particular ones are asked first.
        let with_shift = |c: &&Command| c.spec().shortcut.is_some_and(|s| s.modifiers.shift);
        let (shifted, plain): (Vec<&Command>, Vec<&Command>) = Command::ALL.iter().partition(with_shift);
        for command in shifted.into_iter().chain(plain) {
            let Some(shortcut) = command.spec().shortcut else {
                continue;
            };
            // While text is typed, Delete, Ctrl+A and Ctrl+Z belong to the text.
            let belongs_to_text = matches!(
                command,
                Command::SelectAll | Command::Remove | Command::InstallKey | Command::Undo | Command::Redo
            );
            if typing && belongs_to_text {
                continue;
            }
            if ctx.input_mut(|i| i.consume_shortcut(&shortcut)) {
                self.events.borrow_mut().push(Event::Run(*command));
            }
        }
    }

    /// A list dropped on the window is imported into the open one, where its effect is shown before it happens, or opened.
    fn take_dropped_files(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input(|i| i.raw.dropped_files.first().map(|f| f.path().to_owned()));
        let Some(path) = dropped.filter(|_| self.dialogs.is_empty() && !self.jobs.busy_with_file()) else {
            return;
        };
        let purpose = if self.list.is_some() {
            Purpose::Import
        } else {
            Purpose::Open
        };
        if purpose == Purpose::Open || !self.facts.read_only {
            self.picked(purpose, path);
        }
    }

    fn guard_close(&mut self, ctx: &egui::Context) {
        if !ctx.input(|i| i.viewport().close_requested()) || self.quit {
            return;
        }
        if !self.asks_before_closing() {
            return;
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
        self.ask_before_closing();
    }

    /// Closing would cancel a run or leave changes out of the file. The list of a demonstration ends with it: nothing of it can
    /// be kept, so nothing is asked, unless it was saved elsewhere.
    pub(super) fn asks_before_closing(&self) -> bool {
        let passes = self.demo_list.is_some() && self.demo_list == self.list.as_ref().map(|l| l.snapshot.path.clone());
        !passes && (self.facts.running || (self.facts.unsaved > 0 && !self.facts.read_only))
    }

    pub(super) fn ask_before_closing(&mut self) {
        if !self.dialogs.iter().any(|d| matches!(d, Dialog::Closing)) {
            self.dialogs.push(Dialog::Closing);
        }
    }

    fn apply_look(&self, ctx: &egui::Context) {
        use super::state::screen::Look;
        let wanted = match self.screen.look {
            Look::System => egui::ThemePreference::System,
            Look::Light => egui::ThemePreference::Light,
            Look::Dark => egui::ThemePreference::Dark,
        };
        if ctx.options(|o| o.theme_preference) != wanted {
            ctx.set_theme(wanted);
        }
        if (ctx.zoom_factor() - self.screen.zoom).abs() > 0.001 {
            ctx.set_zoom_factor(self.screen.zoom);
        }
    }
}
