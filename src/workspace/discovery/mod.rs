//! Discovery: one or several sources at once, what they found as it comes, and what that means for the list.

mod accept;
mod directory;
mod kms;
mod prepare;
mod sources;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Workspace;
use super::open::lock;
use crate::discovery::NameProblem;
use crate::model::Text;
use crate::model::found::{FoundComputer, FoundCounts, FoundPlan};

pub use accept::AcceptReport;
pub use directory::{DirectoryAnswer, DirectoryListing, home_domain};
pub use kms::{KmsAudit, KmsAuditProgress};
pub use prepare::{DiscoveryError, DiscoveryPrice, PreparedDiscovery};
pub use sources::source_cannot_see;

/// Names shown while a discovery runs.
const LAST_NAMES: usize = 8;
/// Notes kept of a discovery; more are counted.
const MOST_NOTES: usize = 100;

/// How far a source is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SourceState {
    /// It is being asked.
    #[default]
    Running,
    /// It was asked to the end.
    Done,
    /// It was stopped; what it found so far counts.
    Cancelled,
    /// It could not be asked, or not to the end; what it found so far counts.
    Failed(SourceFailure),
}

/// Why a source failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFailure {
    /// What kind of failure it was, in one word: name, network, trust, credentials, filter; empty where the message says it.
    pub class: &'static str,
    /// What happened, to what, and what to do about it.
    pub message: String,
}

/// One source of a discovery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceProgress {
    /// What is asked, in words.
    pub label: String,
    /// Addresses tried, or entries read.
    pub done: usize,
    /// Of how many, where that is known.
    pub total: Option<usize>,
    /// Computers it found.
    pub found: usize,
    /// Addresses of ranges from which nothing came back, not even a refusal.
    pub silent: usize,
    /// How far it is.
    pub state: SourceState,
    /// What it does not find and why.
    pub cannot_see: &'static str,
}

/// A discovery at one moment.
#[derive(Debug, Clone, Default)]
pub struct DiscoveryProgress {
    /// The sources, in their order.
    pub sources: Vec<SourceProgress>,
    /// Computers found, by all sources together; one that two found counts twice until the plan makes one of it.
    pub found: usize,
    /// The names found last, newest last.
    pub last: VecDeque<Text>,
    /// What a person should know.
    pub notes: Vec<Text>,
    /// Further notes that were not kept.
    pub more_notes: usize,
    /// Pieces of typed text that name no computer, with where they stand. Shared: there may be as many as lines in a file.
    pub problems: Arc<[(String, NameProblem)]>,
    /// How long it has taken, or took.
    pub elapsed: Duration,
    /// What was found means this for the list. Set when the discovery is over.
    pub plan: Option<Arc<FoundPlan>>,
    /// How many rows of the plan are what.
    pub counts: FoundCounts,
    /// Nothing more will happen.
    pub finished: bool,
}

impl DiscoveryProgress {
    /// Addresses of ranges from which nothing came back, not even a refusal.
    pub fn silent(&self) -> usize {
        self.sources.iter().map(|s| s.silent).sum()
    }

    /// True if a source failed.
    pub fn has_failed(&self) -> bool {
        self.sources.iter().any(|s| matches!(s.state, SourceState::Failed(_)))
    }
}

struct Inner {
    clock: Instant,
    progress: Mutex<DiscoveryProgress>,
    found: Mutex<Vec<FoundComputer>>,
    finished: watch::Sender<bool>,
    cancel: CancellationToken,
}

/// A discovery under way or finished. A clone is a handle to the same discovery.
#[derive(Clone)]
pub struct Discovery(Arc<Inner>);

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// Whatever becomes of the thread, nobody waits for it for ever.
struct Ending(Discovery);

impl Drop for Ending {
    fn drop(&mut self) {
        let inner = &self.0.0;
        {
            let mut progress = lock(&inner.progress);
            progress.plan.get_or_insert_default();
            progress.finished = true;
        }
        inner.finished.send_replace(true);
    }
}

impl Discovery {
    /// The discovery at this moment.
    pub fn progress(&self) -> DiscoveryProgress {
        let mut progress = lock(&self.0.progress).clone();
        if !progress.finished {
            progress.elapsed = self.0.clock.elapsed();
        }
        progress
    }

    /// Stops; what was found so far is planned.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// True after [`Discovery::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// Waits for the end.
    pub async fn finished(&self) -> DiscoveryProgress {
        let mut finished = self.0.finished.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = finished.wait_for(|done| *done).await;
        self.progress()
    }

    fn source(&self, index: usize, edit: impl FnOnce(&mut SourceProgress)) {
        if let Some(source) = lock(&self.0.progress).sources.get_mut(index) {
            edit(source);
        }
    }

    fn note(&self, text: String) {
        let mut progress = lock(&self.0.progress);
        if progress.notes.len() < MOST_NOTES {
            progress.notes.push(text.into());
        } else {
            progress.more_notes += 1;
        }
    }

    fn found(&self, index: usize, computer: FoundComputer) {
        {
            let mut progress = lock(&self.0.progress);
            progress.found += 1;
            progress.last.push_back((&*computer.name).into());
            if progress.last.len() > LAST_NAMES {
                progress.last.pop_front();
            }
            if let Some(source) = progress.sources.get_mut(index) {
                source.found += 1;
            }
        }
        lock(&self.0.found).push(computer);
    }
}

impl Workspace {
    /// Drives a future on a thread of its own, on the runtime's sockets and clocks: what asks a source is one task that holds
    /// many questions, and need not be able to change threads between them.
    fn on_own_thread<F: Future<Output = ()>>(&self, work: impl FnOnce() -> F + Send + 'static) {
        let runtime = self.0.runtime.clone();
        self.0.runtime.spawn_blocking(move || runtime.block_on(work()));
    }

    /// Starts a discovery: returns at once, the sources are asked on the runtime, all at the same time. Nothing of the list
    /// changes; see [`Workspace::accept_found`].
    pub fn discover(&self, prepared: PreparedDiscovery) -> Discovery {
        let PreparedDiscovery {
            sources,
            problems,
            price,
        } = prepared;
        let (finished, _) = watch::channel(false);
        let discovery = Discovery(Arc::new(Inner {
            clock: Instant::now(),
            progress: Mutex::new(DiscoveryProgress {
                sources: sources.iter().map(sources::SourceTask::progress).collect(),
                problems: problems.into(),
                ..DiscoveryProgress::default()
            }),
            found: Mutex::default(),
            finished,
            cancel: CancellationToken::new(),
        }));
        let (this, handle) = (self.clone(), discovery.clone());
        self.on_own_thread(async move || {
            let _ending = Ending(handle.clone());
            let means = sources::Means::new(&this, price.rate);
            let all = sources
                .into_iter()
                .enumerate()
                .map(|(index, source)| sources::ask(&this, &handle, &means, index, source));
            futures_util::future::join_all(all).await;
            this.plan(&handle).await;
        });
        discovery
    }

    /// Says what everything found means for the list, and ends the discovery.
    async fn plan(&self, discovery: &Discovery) {
        let found = std::mem::take(&mut *lock(&discovery.0.found));
        let list = self.inventory();
        let planning = move || {
            let plan = FoundPlan::new(&list, found);
            let counts = plan.counts();
            (plan, counts)
        };
        let planned = self.0.runtime.spawn_blocking(planning).await;
        {
            let mut progress = lock(&discovery.0.progress);
            // The task fails only when the program ends.
            let (plan, counts) = planned.unwrap_or_default();
            progress.plan = Some(Arc::new(plan));
            progress.counts = counts;
            progress.elapsed = discovery.0.clock.elapsed();
            progress.finished = true;
        }
        discovery.0.finished.send_replace(true);
        self.announce_soon();
    }
}
