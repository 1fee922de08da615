//! The open list: one owner of file, journal and inventory; everybody else sees snapshots.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::Utc;
use imbl::Vector;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::history::{History, name_of};
use super::{ActivityEntry, CredentialSet, Credentials, Job, Price, Run, Settings, Snapshot, WorkspaceError};
use crate::cil::seal::protected;
use crate::cil::store::{Opened, Recovery, Store};
use crate::cil::{LegacyFormat, LoadWarning, Watch, legacy_format};
use crate::model::merge::Carried;
use crate::model::{Change, ChangeError, ComputerId, ConfirmationId, InstallationId, Inventory, KeyEntry, Step, Text};

/// Snapshots and progress are announced at most this often.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(50);
/// Lines of the activity log kept.
const ACTIVITY_LIMIT: usize = 10_000;

/// How a list is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For changing: the file is locked.
    Edit,
    /// For looking only: no lock, nothing can be changed.
    ReadOnly,
}

/// What opening a list brought to light.
#[derive(Debug)]
pub struct OpenReport {
    /// Rows of the file that could not be read as they stand.
    pub warnings: Vec<LoadWarning>,
    /// What was recovered from the journal after a crash.
    pub recovered: Recovery,
    /// Which older VAMT wrote the file: such a list can be looked at, and saved under another name.
    pub legacy: Option<LegacyFormat>,
}

/// What saving wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveReport {
    /// Changes that were only in the journal until now.
    pub changes: usize,
    /// Computers in the file.
    pub computers: usize,
    /// Products in the file.
    pub products: usize,
}

/// What only one thread at a time may touch.
pub(super) struct State {
    store: Option<Store>,
    pub(super) inventory: Inventory,
    /// The list as its file has it: what a version of somebody else is compared with.
    pub(super) on_disk: Inventory,
    pub(super) history: History,
    revision: u64,
    path: std::path::PathBuf,
    activity: Vector<ActivityEntry>,
    /// Confirmation IDs that arrived in this session, by the installation ID they belong to.
    answers: HashMap<InstallationId, ConfirmationId>,
}

type Waker = Arc<dyn Fn() + Send + Sync>;

pub(super) struct Shared {
    pub(super) runtime: Handle,
    pub(super) state: Mutex<State>,
    pub(super) saving: Mutex<()>,
    snapshot: ArcSwap<Snapshot>,
    settings: ArcSwap<Settings>,
    credentials: Mutex<Option<Arc<Credentials>>>,
    credential_sets: Mutex<Vec<CredentialSet>>,
    /// How often the credentials were changed.
    credentials_changed: AtomicU64,
    waker: Mutex<Option<Waker>>,
    announcing: AtomicBool,
    runs: Mutex<Vec<Run>>,
    next_run: AtomicU64,
    /// One visitor per computer, over all runs.
    visiting: Mutex<HashMap<ComputerId, Arc<tokio::sync::Mutex<()>>>>,
    /// One question per installation ID, over all runs.
    asking: Mutex<HashMap<InstallationId, Arc<tokio::sync::Mutex<()>>>>,
    /// Questions to the activation service whose answer is not recorded yet.
    in_flight: watch::Sender<usize>,
}

/// An open Computer Information List. A clone is a handle to the same list; any thread may use it.
#[derive(Clone)]
pub struct Workspace(pub(super) Arc<Shared>);

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace")
            .field("path", &self.snapshot().path)
            .finish_non_exhaustive()
    }
}

/// A panic while a lock was held is answered by going on: every value behind our locks is replaced whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workspace {
    /// Opens the list at `path`. Runs work on `runtime`.
    pub fn open(path: &Path, mode: Mode, runtime: Handle) -> Result<(Self, OpenReport), WorkspaceError> {
        Self::open_with(path, mode, runtime, &|_| ControlFlow::Continue(()))
    }

    /// [`Workspace::open`], telling `watch` how far it has come and asking whether to go on ([`Store::open_with`]). Stopped, it
    /// leaves everything as it was.
    pub fn open_with(
        path: &Path,
        mode: Mode,
        runtime: Handle,
        watch: &Watch<'_>,
    ) -> Result<(Self, OpenReport), WorkspaceError> {
        let (store, opened) = match mode {
            Mode::Edit => {
                let (store, opened) = Store::open_with(path, watch)?;
                (Some(store), opened)
            }
            Mode::ReadOnly => (None, Store::read_only_with(path, watch)?),
        };
        Ok(Self::new(path, store, opened, runtime))
    }

    /// Makes a new, empty list at `path`; an existing file is refused.
    pub fn create(path: &Path, runtime: Handle) -> Result<Self, WorkspaceError> {
        let (store, opened) = Store::create(path)?;
        Ok(Self::new(path, Some(store), opened, runtime).0)
    }

    /// Makes a list at `path` (an existing file is refused) of everything that `file` holds, also what it has that we have no
    /// field for: the way to work on with a list of an older VAMT, whose file is left as it is.
    ///
    /// `watch` is told how far reading `file` has come, and asked whether to go on.
    pub fn create_from(
        path: &Path,
        file: &Path,
        runtime: Handle,
        watch: &Watch<'_>,
    ) -> Result<(Self, OpenReport), WorkspaceError> {
        let mut opened = Store::read_only_with(file, watch)?;
        let store = Store::create_from(path, &opened.inventory)?;
        opened.legacy = None;
        Ok(Self::new(path, Some(store), opened, runtime))
    }

    fn new(path: &Path, store: Option<Store>, opened: Opened, runtime: Handle) -> (Self, OpenReport) {
        let Opened {
            inventory,
            on_disk,
            warnings,
            recovered,
            legacy,
        } = opened;
        let state = State {
            store,
            inventory,
            on_disk,
            history: History::default(),
            revision: 0,
            path: path.to_owned(),
            activity: Vector::new(),
            answers: HashMap::new(),
        };
        let snapshot = ArcSwap::from_pointee(state.snapshot());
        let workspace = Self(Arc::new(Shared {
            runtime,
            state: Mutex::new(state),
            saving: Mutex::new(()),
            snapshot,
            settings: ArcSwap::default(),
            credentials: Mutex::new(None),
            credential_sets: Mutex::default(),
            credentials_changed: AtomicU64::new(0),
            waker: Mutex::new(None),
            announcing: AtomicBool::new(false),
            runs: Mutex::new(Vec::new()),
            next_run: AtomicU64::new(1),
            visiting: Mutex::new(HashMap::new()),
            asking: Mutex::new(HashMap::new()),
            in_flight: watch::channel(0).0,
        }));
        workspace.log(format!("Opened {}", path.display()));
        if !recovered.is_empty() {
            workspace.log(recovered.to_string());
        }
        let report = OpenReport {
            warnings,
            recovered,
            legacy,
        };
        (workspace, report)
    }

    /// The list at this moment. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    /// `waker` is called, at most 20 times a second and from any thread, when there is a new snapshot or progress.
    pub fn set_waker(&self, waker: Arc<dyn Fn() + Send + Sync>) {
        *lock(&self.0.waker) = Some(waker);
    }

    /// How runs behave.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    /// Changes how runs behave; a run under way keeps the settings it began with.
    pub fn set_settings(&self, settings: Settings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Sets who signs in to the computers. Kept in memory only.
    pub fn set_credentials(&self, credentials: Option<Credentials>) {
        *lock(&self.0.credentials) = credentials.map(Arc::new);
        self.0.credentials_changed.fetch_add(1, Ordering::Relaxed);
    }

    /// Credentials for some of the computers, the first that fits a computer goes; the others are signed in to with those of
    /// [`Workspace::set_credentials`].
    pub fn set_credential_sets(&self, sets: Vec<CredentialSet>) {
        *lock(&self.0.credential_sets) = sets;
        self.0.credentials_changed.fetch_add(1, Ordering::Relaxed);
    }

    /// Other credentials in the place of those that were refused: of the set with this pattern, or, without one, of all
    /// computers for which there is no set. What a [`SignInQuestion`](super::SignInQuestion) is answered with goes on from
    /// there to no other computer.
    pub fn replace_credentials(&self, pattern: Option<&str>, credentials: Credentials) {
        let Some(pattern) = pattern else {
            self.set_credentials(Some(credentials));
            return;
        };
        // The first set with a pattern is the one that is used.
        if let Some(set) = lock(&self.0.credential_sets)
            .iter_mut()
            .find(|set| set.pattern == pattern)
        {
            set.credentials = Arc::new(credentials);
        }
        self.0.credentials_changed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn credential_sets(&self) -> Vec<CredentialSet> {
        lock(&self.0.credential_sets).clone()
    }

    /// Tells one set of credentials from the next.
    pub(super) fn credentials_number(&self) -> u64 {
        self.0.credentials_changed.load(Ordering::Relaxed)
    }

    pub(super) fn credentials(&self) -> Option<Arc<Credentials>> {
        lock(&self.0.credentials).clone()
    }

    /// Applies all of `changes` or none: to the journal first, then to the list. One step that can be undone.
    pub fn edit(&self, changes: Vec<Change>) -> Result<(), WorkspaceError> {
        self.edit_with(|_| changes)
    }

    /// [`Workspace::edit`] with the changes made of the list as it is at that moment: nothing that happened since somebody
    /// looked at a record is overwritten.
    pub fn edit_with(&self, make: impl FnOnce(&Inventory) -> Vec<Change>) -> Result<(), WorkspaceError> {
        {
            let mut state = lock(&self.0.state);
            let changes = make(&state.inventory);
            let changes = protected(&state.inventory, changes)?;
            let mut step = Step::new(name_of(&changes, &state.inventory));
            let mut trial = state.inventory.clone();
            for change in &changes {
                step.apply(&mut trial, change)?;
            }
            state.journal(&changes)?;
            state.inventory = trial;
            state.history.record(step);
            state.remember_answers(changes);
        }
        self.publish();
        Ok(())
    }

    /// Carries out what `make` makes of the list as it is at that moment, as one step called `label`. Answers with why changes
    /// did not fit.
    pub(super) fn carry_out(
        &self,
        label: impl Into<Text>,
        make: impl FnOnce(&Inventory) -> Carried,
    ) -> Result<Vec<String>, WorkspaceError> {
        let refused = {
            let mut state = lock(&self.0.state);
            let Carried {
                changes, mut refused, ..
            } = make(&state.inventory);
            let changes = protected(&state.inventory, changes)?;
            let mut step = Step::new(label);
            let mut trial = state.inventory.clone();
            let mut fitting = Vec::with_capacity(changes.len());
            for change in changes {
                match step.apply(&mut trial, &change) {
                    Ok(()) => fitting.push(change),
                    Err(error) => refused.push(error.to_string()),
                }
            }
            if !fitting.is_empty() {
                state.journal(&fitting)?;
                state.inventory = trial;
                state.history.record(step);
                state.remember_answers(fitting);
            }
            refused
        };
        self.publish();
        Ok(refused)
    }

    /// Applies those of `changes` that fit and returns why the others do not (a row removed meanwhile, say). Blocks on the disk.
    pub(super) fn commit(&self, mut changes: Vec<Change>) -> Result<Vec<ChangeError>, WorkspaceError> {
        let mut refused = Vec::new();
        {
            let mut state = lock(&self.0.state);
            changes = protected(&state.inventory, changes)?;
            let mut trial = state.inventory.clone();
            changes.retain(|change| match trial.apply(change) {
                Ok(()) => true,
                Err(error) => {
                    refused.push(error);
                    false
                }
            });
            if !changes.is_empty() {
                state.journal(&changes)?;
                state.inventory = trial;
                state.remember_answers(changes);
            }
        }
        self.announce_soon();
        Ok(refused)
    }

    /// [`Workspace::commit`] for tasks. Once begun it ends, even when the future is dropped.
    pub(super) async fn record(&self, changes: Vec<Change>) -> Result<(), WorkspaceError> {
        let this = self.clone();
        let refused = match self.0.runtime.spawn_blocking(move || this.commit(changes)).await {
            Ok(outcome) => outcome?,
            // Only when the program is ending: nobody is left to tell.
            Err(_) => Vec::new(),
        };
        for error in refused {
            self.log(format!("Not recorded: {error}"));
        }
        Ok(())
    }

    /// The inventory as it is, including what is not published yet.
    pub(super) fn inventory(&self) -> Inventory {
        lock(&self.0.state).inventory.clone()
    }

    pub(super) fn answer_for(&self, iid: &InstallationId) -> Option<ConfirmationId> {
        lock(&self.0.state).answers.get(iid).cloned()
    }

    /// Writes the list to its file. Blocks on the disk; runs may go on meanwhile.
    pub fn save(&self) -> Result<SaveReport, WorkspaceError> {
        self.save_with(false)
    }

    /// [`Workspace::save`] although another program changed the file meanwhile; its version is kept as the previous generation.
    pub fn save_anyway(&self) -> Result<SaveReport, WorkspaceError> {
        self.save_with(true)
    }

    fn save_with(&self, force: bool) -> Result<SaveReport, WorkspaceError> {
        let one_at_a_time = lock(&self.0.saving);
        self.save_alone(force, &one_at_a_time)
    }

    fn save_alone(&self, force: bool, _alone: &MutexGuard<'_, ()>) -> Result<SaveReport, WorkspaceError> {
        let (pending, inventory, changes) = {
            let mut state = lock(&self.0.state);
            let inventory = state.inventory.clone();
            let generations = self.settings().generations;
            let store = state.store_mut()?;
            store.keep_generations(generations);
            let changes = store.pending();
            (store.begin_save(force)?, inventory, changes)
        };
        let written = pending.write(&inventory)?;
        {
            let mut state = lock(&self.0.state);
            state.store_mut()?.finish_save(written)?;
            state.on_disk = inventory.clone();
        }
        self.log(format!("Saved {}", self.snapshot().path.display()));
        Ok(SaveReport {
            changes,
            computers: inventory.computer_count(),
            products: inventory.product_count(),
        })
    }

    /// Writes the list to another file and goes on with that one. An existing file there is replaced and kept beside it.
    pub fn save_as(&self, path: &Path) -> Result<SaveReport, WorkspaceError> {
        let one_at_a_time = lock(&self.0.saving);
        let mut state = lock(&self.0.state);
        let same = state.path == path || is_same_file(&state.path, path);
        if same && state.store.is_some() {
            drop(state);
            return self.save_alone(false, &one_at_a_time);
        }
        let store = if path.exists() {
            super::transfer::regular_target(path).map_err(|source| WorkspaceError::Write {
                path: path.to_owned(),
                source,
            })?;
            Store::replace_from(path, &state.inventory)?
        } else {
            Store::create_from(path, &state.inventory)?
        };
        let changes = state.store.as_ref().map_or(0, Store::pending);
        state.store = Some(store);
        state.on_disk = state.inventory.clone();
        path.clone_into(&mut state.path);
        let report = SaveReport {
            changes,
            computers: state.inventory.computer_count(),
            products: state.inventory.product_count(),
        };
        drop(state);
        self.log(format!("Saved as {}", path.display()));
        Ok(report)
    }

    /// What `job` will cost: pure, touches nothing. Work grows with the list.
    pub fn price(&self, job: &Job) -> Price {
        Price::of(job, &self.snapshot().inventory)
    }

    /// MAKs with fewer activations left than their mark, or than the mark of the settings.
    pub fn low_keys(&self) -> Vec<Arc<KeyEntry>> {
        let settings = self.settings();
        let inventory = &self.snapshot().inventory;
        inventory
            .keys()
            .filter(|k| is_low(k, settings.low_water))
            .cloned()
            .collect()
    }

    /// Current and finished runs of this session, newest first.
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.0.runs).iter().rev().cloned().collect()
    }

    pub(super) fn next_run_id(&self) -> u64 {
        self.0.next_run.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn remember_run(&self, run: &Run) {
        lock(&self.0.runs).push(run.clone());
    }

    /// Waits until no question to the activation service is without a recorded answer. After a cancel, answers that are already
    /// paid for still arrive; a program that ends should give them a few seconds.
    pub async fn settled(&self) {
        let mut in_flight = self.0.in_flight.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = in_flight.wait_for(|n| *n == 0).await;
    }

    pub(super) fn count_in_flight(&self) -> InFlight {
        self.0.in_flight.send_modify(|n| *n += 1);
        InFlight(self.clone())
    }

    pub(super) fn visiting(&self, computer: ComputerId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.0.visiting).entry(computer).or_default())
    }

    pub(super) fn asking(&self, iid: &InstallationId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.0.asking).entry(iid.clone()).or_default())
    }

    /// Writes a line to the activity log.
    pub(super) fn log(&self, text: impl Into<Text>) {
        {
            let mut state = lock(&self.0.state);
            state.activity.push_back(ActivityEntry {
                at: Utc::now(),
                text: text.into(),
            });
            if state.activity.len() > ACTIVITY_LIMIT {
                state.activity.pop_front();
            }
        }
        self.publish();
    }

    /// Publishes a snapshot now.
    pub(super) fn publish(&self) {
        {
            let mut state = lock(&self.0.state);
            state.revision += 1;
            // Stored under the lock, so that an older snapshot never replaces a newer one.
            self.0.snapshot.store(Arc::new(state.snapshot()));
        }
        self.wake();
    }

    fn wake(&self) {
        let waker = lock(&self.0.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Publishes within [`ANNOUNCE_EVERY`]; calls meanwhile are one.
    pub(super) fn announce_soon(&self) {
        if self.0.announcing.swap(true, Ordering::AcqRel) {
            return;
        }
        // Not the list itself: closed meanwhile, it can be opened again at once.
        let this = Arc::downgrade(&self.0);
        self.0.runtime.spawn(async move {
            tokio::time::sleep(ANNOUNCE_EVERY).await;
            let Some(this) = this.upgrade().map(Self) else { return };
            this.0.announcing.store(false, Ordering::Release);
            this.publish();
        });
    }
}

/// Whether a file is a list of an older VAMT.
pub fn is_legacy(file: &Path) -> Result<bool, WorkspaceError> {
    let bytes = std::fs::read(file).map_err(|source| WorkspaceError::Read {
        path: file.to_owned(),
        source,
    })?;
    Ok(legacy_format(&bytes).is_some())
}

/// A question to the activation service is under way while this lives.
pub(super) struct InFlight(Workspace);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.send_modify(|n| *n = n.saturating_sub(1));
    }
}

/// True if fewer activations are left than the key's own mark, else than `low_water`, else than one.
pub(super) fn is_low(key: &KeyEntry, low_water: Option<u32>) -> bool {
    let left = key.remaining.and_then(|r| r.left);
    let mark = key.low_water.or(low_water).unwrap_or(1);
    left.is_some_and(|left| left < mark)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

impl State {
    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn store_mut(&mut self) -> Result<&mut Store, WorkspaceError> {
        self.store.as_mut().ok_or_else(|| WorkspaceError::ReadOnly {
            path: self.path.clone(),
        })
    }

    /// To the disk before anyone sees it; forced there when losing it could cost an activation.
    pub(super) fn journal(&mut self, changes: &[Change]) -> Result<(), WorkspaceError> {
        let durable = changes.iter().any(Change::is_money);
        Ok(self.store_mut()?.append(changes, durable)?)
    }

    fn remember_answers(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Change::Confirmed {
                installation_id,
                confirmation_id,
                ..
            } = change
            {
                self.answers.insert(installation_id, confirmation_id);
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            revision: self.revision,
            inventory: self.inventory.clone(),
            path: self.path.clone(),
            unsaved: self.store.as_ref().map_or(0, Store::pending),
            read_only: self.store.is_none(),
            activity: self.activity.clone(),
            undo: self.history.undo_label(),
            redo: self.history.redo_label(),
        }
    }
}
