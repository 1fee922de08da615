//! A run: one [`Job`] under way, with a row per computer, product or key, and a way to cancel it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use imbl::Vector;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Credentials, Job, SignInQuestion, Subject};
use crate::model::{Failure, FailureClass, Text};

/// How far a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowState {
    /// Its turn has not come.
    Waiting,
    /// Under way: the stage, in words (`signing in`).
    Running(Text),
    /// Done: what came of it, in words.
    Succeeded(Text),
    /// Nothing had to be done: why (`already licensed`).
    Skipped(Text),
    /// It failed.
    Failed(Failure),
    /// Cancelled before it ended.
    Cancelled,
}

impl RowState {
    /// True when nothing more will happen to the row.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running(_))
    }

    /// One word for scripts: `waiting`, `running`, `succeeded`, `skipped`, `failed`, `cancelled`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running(_) => "running",
            Self::Succeeded(_) => "succeeded",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the row says besides that word; empty for `Waiting` and `Cancelled`.
    pub fn text(&self) -> String {
        match self {
            Self::Waiting | Self::Cancelled => String::new(),
            Self::Running(text) | Self::Succeeded(text) | Self::Skipped(text) => text.to_string(),
            Self::Failed(failure) => failure.to_string(),
        }
    }
}

/// One row of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// What it is about.
    pub subject: Subject,
    /// The computer's name, or the masked key.
    pub name: Text,
    /// The product's name; empty for a row about a computer.
    pub detail: Text,
    /// How far it is.
    pub state: RowState,
    /// How long it took, or has taken when it was last touched; `None` while it waits.
    pub elapsed: Option<Duration>,
}

/// A run at one moment. A clone costs a pointer.
#[derive(Debug, Clone)]
pub struct RunProgress {
    /// A row per subject, in the order of the job.
    pub rows: Vector<RunRow>,
    /// Number of rows.
    pub total: usize,
    /// Rows whose turn has not come.
    pub waiting: usize,
    /// Rows under way.
    pub running: usize,
    /// Rows done.
    pub succeeded: usize,
    /// Rows that failed.
    pub failed: usize,
    /// The failed rows by the class of their failure.
    pub failures: BTreeMap<FailureClass, usize>,
    /// Rows for which nothing had to be done.
    pub skipped: usize,
    /// Rows cancelled.
    pub cancelled: usize,
    /// When the run began.
    pub started: DateTime<Utc>,
    /// How long it has taken, or took.
    pub elapsed: Duration,
    /// The run waits for a person: [`Run::answer`].
    pub question: Option<Arc<SignInQuestion>>,
    /// Nothing more will happen.
    pub finished: bool,
}

impl RunProgress {
    fn counter(&mut self, state: &RowState) -> &mut usize {
        match state {
            RowState::Waiting => &mut self.waiting,
            RowState::Running(_) => &mut self.running,
            RowState::Succeeded(_) => &mut self.succeeded,
            RowState::Skipped(_) => &mut self.skipped,
            RowState::Failed(_) => &mut self.failed,
            RowState::Cancelled => &mut self.cancelled,
        }
    }

    /// The failures in words, the most frequent class first: `31 off, 6 firewall, 3 wrong password, 1 UAC`.
    pub fn failures_in_words(&self) -> String {
        let mut classes: Vec<_> = self.failures.iter().collect();
        classes.sort_by_key(|(class, count)| (std::cmp::Reverse(**count), **class));
        let words: Vec<String> = classes.iter().map(|(c, n)| format!("{n} {}", c.counted())).collect();
        words.join(", ")
    }

    /// Rows over: succeeded, failed, skipped or cancelled.
    pub fn done(&self) -> usize {
        self.succeeded + self.failed + self.skipped + self.cancelled
    }
}

struct Inner {
    id: u64,
    job: Job,
    credentials_number: u64,
    clock: Instant,
    progress: Mutex<RunProgress>,
    began: Mutex<Vec<Option<Instant>>>,
    finished: watch::Sender<bool>,
    /// Answers to [`RunProgress::question`], which is asked while a receiver waits.
    answers: (
        mpsc::Sender<Option<Credentials>>,
        tokio::sync::Mutex<mpsc::Receiver<Option<Credentials>>>,
    ),
    cancel: CancellationToken,
}

/// A run under way or finished. A clone is a handle to the same run.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub(super) fn new(id: u64, job: Job, credentials_number: u64, rows: Vector<RunRow>) -> Self {
        let total = rows.len();
        let progress = RunProgress {
            rows,
            total,
            waiting: total,
            running: 0,
            succeeded: 0,
            failed: 0,
            failures: BTreeMap::new(),
            skipped: 0,
            cancelled: 0,
            started: Utc::now(),
            elapsed: Duration::ZERO,
            question: None,
            finished: false,
        };
        Self(Arc::new(Inner {
            id,
            job,
            credentials_number,
            clock: Instant::now(),
            progress: Mutex::new(progress),
            began: Mutex::new(vec![None; total]),
            finished: watch::channel(false).0,
            answers: {
                let (sender, receiver) = mpsc::channel(1);
                (sender, tokio::sync::Mutex::new(receiver))
            },
            cancel: CancellationToken::new(),
        }))
    }

    /// Number of the run within this session, from 1.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What is going on: `Updating license status`.
    pub fn title(&self) -> &str {
        self.0.job.title()
    }

    /// The order that is carried out.
    pub fn job(&self) -> &Job {
        &self.0.job
    }

    /// The run at this moment.
    pub fn progress(&self) -> RunProgress {
        let mut progress = lock(&self.0.progress).clone();
        if !progress.finished {
            progress.elapsed = self.0.clock.elapsed();
        }
        if self.is_cancelled() {
            // Whoever asked waits no more.
            progress.question = None;
        }
        progress
    }

    /// Stops: within a second every row has either ended or is [`RowState::Cancelled`].
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// Answers [`RunProgress::question`]: other credentials, or `None` to give up on the computers that need them. Without a
    /// question nothing happens.
    pub fn answer(&self, credentials: Option<Credentials>) {
        let asked = lock(&self.0.progress).question.take();
        if asked.is_some() {
            // There is room: the question was taken away with this answer.
            let _ = self.0.answers.0.try_send(credentials);
        }
    }

    /// What a person is being asked.
    pub(super) fn progress_question(&self) -> Option<Arc<SignInQuestion>> {
        lock(&self.0.progress).question.clone()
    }

    /// Asks a person and waits for the answer.
    pub(super) async fn ask(&self, question: SignInQuestion) -> Option<Credentials> {
        // One question at a time, whatever it is about.
        let mut answers = self.0.answers.1.lock().await;
        lock(&self.0.progress).question = Some(Arc::new(question));
        answers.recv().await.flatten()
    }

    /// True after [`Run::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// Nothing more will happen.
    pub fn is_finished(&self) -> bool {
        *self.0.finished.borrow()
    }

    /// Waits for the end.
    pub async fn finished(&self) -> RunProgress {
        let mut finished = self.0.finished.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = finished.wait_for(|done| *done).await;
        self.progress()
    }

    /// The same order for the rows that were cancelled or failed and could now succeed; `None` when there are none or the
    /// run is not over. `other_credentials`: those of now are not those that were refused then.
    pub(super) fn retry(&self, other_credentials: bool) -> Option<Job> {
        let progress = self.progress();
        let subjects: Vec<Subject> = progress
            .rows
            .iter()
            .filter(|r| match &r.state {
                RowState::Failed(failure) => super::failures::could_now_succeed(failure, other_credentials),
                RowState::Cancelled => true,
                _ => false,
            })
            .map(|r| r.subject)
            .collect();
        (progress.finished && !subjects.is_empty()).then(|| self.0.job.with_subjects(&subjects))
    }

    /// Which credentials it was begun with.
    pub(super) fn credentials_number(&self) -> u64 {
        self.0.credentials_number
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.0.cancel
    }

    /// Sets the state of row `index`. A row that is over stays as it is.
    pub(super) fn set(&self, index: usize, state: RowState) {
        let elapsed = {
            let mut began = lock(&self.0.began);
            let Some(slot) = began.get_mut(index) else { return };
            let start = match state {
                RowState::Running(_) => Some(*slot.get_or_insert_with(Instant::now)),
                _ => *slot,
            };
            start.map(|s| s.elapsed())
        };
        let mut progress = lock(&self.0.progress);
        let Some(row) = progress.rows.get(index) else { return };
        if row.state.is_over() {
            return;
        }
        let before = row.state.clone();
        let count = progress.counter(&before);
        *count = count.saturating_sub(1);
        *progress.counter(&state) += 1;
        if let RowState::Failed(failure) = &state {
            *progress.failures.entry(failure.class).or_default() += 1;
        }
        if let Some(row) = progress.rows.get_mut(index) {
            row.state = state;
            row.elapsed = elapsed;
        }
    }

    /// Gives row `index` the name that became known meanwhile.
    pub(super) fn rename(&self, index: usize, name: Text) {
        if let Some(row) = lock(&self.0.progress).rows.get_mut(index) {
            row.name = name;
        }
    }

    /// Ends the run. Rows that are not over become [`RowState::Cancelled`], or failed when nobody cancelled.
    pub(super) fn finish(&self) {
        let open: Vec<usize> = {
            let progress = lock(&self.0.progress);
            let open = progress.rows.iter().enumerate().filter(|(_, r)| !r.state.is_over());
            open.map(|(i, _)| i).collect()
        };
        for index in open {
            let state = if self.is_cancelled() {
                RowState::Cancelled
            } else {
                RowState::Failed(Failure {
                    class: FailureClass::Protocol,
                    message: "the task of this row ended unexpectedly: this is a fault of MAKeeper, please report it"
                        .into(),
                    code: None,
                })
            };
            self.set(index, state);
        }
        {
            let mut progress = lock(&self.0.progress);
            progress.elapsed = self.0.clock.elapsed();
            progress.finished = true;
            progress.question = None;
        }
        self.0.finished.send_replace(true);
    }
}
