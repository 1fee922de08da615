//! Keeps the preferences as the window is, without holding it up.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::app::Desktop;
use super::jobs::Outcome;
use super::preferences::{self, Preferences, Trouble, WindowSize};
use super::state::accounts::AccountGroups;
use super::state::notices::Tone;
use super::state::words;

/// Preferences as they were read, and their file.
#[derive(Debug)]
pub struct Remembered {
    path: PathBuf,
    preferences: Preferences,
    trouble: Option<Trouble>,
}

impl Remembered {
    /// Those of this person; `None` where the system has no place for them. Blocks on the disk.
    pub fn usual() -> Option<Self> {
        preferences::usual_file().map(Self::load)
    }

    /// Those of this file. Blocks on the disk.
    pub fn load(path: PathBuf) -> Self {
        let (preferences, trouble) = preferences::load(&path);
        Self {
            path,
            preferences,
            trouble,
        }
    }

    /// The window as it was.
    pub fn window(&self) -> Option<WindowSize> {
        self.preferences.window
    }

    pub(super) fn preferences(&self) -> &Preferences {
        &self.preferences
    }
}

/// The file of the preferences while the window is open.
pub(super) struct Memory {
    path: PathBuf,
    /// What the file holds, or will when the thread that writes it is done.
    kept: Preferences,
    /// Since when there is something else to keep.
    since: Option<Instant>,
    /// How runs behave was said for this session only.
    without_runs: bool,
    window: Option<WindowSize>,
    failed: bool,
}

/// Several changes within this time are written once: a window is dragged through a hundred sizes.
const QUIET: Duration = Duration::from_secs(1);

impl Memory {
    /// `without_runs`: how runs behave is not taken from the file, and not written to it.
    pub(super) fn new(remembered: &Remembered, without_runs: bool) -> Self {
        Self {
            path: remembered.path.clone(),
            kept: remembered.preferences.clone(),
            // What could not be read is replaced, so that it is told once.
            since: remembered.trouble.as_ref().map(|_| Instant::now()),
            without_runs,
            window: None,
            failed: false,
        }
    }
}

impl Desktop {
    /// Takes over what was remembered and tells what could not be.
    pub(super) fn take_remembered(&mut self, remembered: &Remembered) {
        remembered.preferences.apply(&mut self.screen);
        // A demonstration signs in by itself, and asks no keyring.
        if self.demo.is_none() {
            self.groups = AccountGroups::kept(&remembered.preferences.accounts);
        }
        if let Some(trouble) = &remembered.trouble {
            let text = words::sentence(&trouble.to_string());
            self.say(Tone::Warning, "Settings not read", text);
        }
    }

    /// The window has this size now.
    pub fn window_is(&mut self, window: WindowSize) {
        if let Some(memory) = &mut self.memory {
            memory.window = Some(window);
        }
    }

    /// What is chosen now is there again at the next start.
    pub(super) fn remembers_runs(&self) -> bool {
        self.memory.as_ref().is_some_and(|m| !m.without_runs)
    }

    fn preferences_now(&self, memory: &Memory) -> Preferences {
        let accounts = match self.demo {
            Some(_) => memory.kept.accounts.clone(),
            None => self.groups.keepable(),
        };
        let runs = (!memory.without_runs).then_some(&self.settings);
        memory.kept.now(&self.screen, memory.window, runs, accounts)
    }

    /// Writes what changed, once it stays as it is.
    pub(super) fn remember_soon(&mut self, ctx: &egui::Context) {
        let Some(memory) = &self.memory else { return };
        let now = self.preferences_now(memory);
        let changed = now != memory.kept;
        let Some(memory) = &mut self.memory else { return };
        if !changed && memory.since.is_none() {
            return;
        }
        let since = *memory.since.get_or_insert_with(Instant::now);
        let left = QUIET.saturating_sub(since.elapsed());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return;
        }
        memory.since = None;
        memory.kept = now.clone();
        let path = memory.path.clone();
        // Without a thread it is written at the end.
        let _ = self
            .jobs
            .spawn("remember", move || Outcome::Remembered(preferences::save(&path, &now)));
    }

    /// Writes what was not written yet: the window is gone.
    pub(super) fn remember_at_the_end(&mut self) {
        let Some(memory) = &self.memory else { return };
        let now = self.preferences_now(memory);
        if (now != memory.kept || memory.since.is_some())
            && let Err(error) = preferences::save(&memory.path, &now)
        {
            // Nobody is left to tell.
            tracing::warn!(%error, "Settings could not be written");
        }
    }

    pub(super) fn remembered(&mut self, result: io::Result<()>) {
        let Some(memory) = &mut self.memory else { return };
        let Err(error) = result else { return };
        if !std::mem::replace(&mut memory.failed, true) {
            let text = format!(
                "{} cannot be written: {error}. What you choose holds until MAKeeper closes.",
                memory.path.display()
            );
            self.say(Tone::Warning, "Settings not kept", text);
        }
    }
}
