//! Starting runs and bounding them: one task per computer or per installation ID, so many at once, cancelled within a second.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use imbl::Vector;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::accounts::Accounts;
use super::acquire::{self, Desk};
use super::key_use::KeyUse;
use super::open::Workspace;
use super::visit::{self, Reach};
use super::{Job, KeyChoice, RowState, Run, RunRow, Subject, WorkspaceError};
use crate::model::{ComputerId, Failure, FailureClass, Inventory, ProductId};

/// So many times as many computers as are worked with are looked for at once.
const LOOKED_FOR: usize = 8;

impl Workspace {
    /// Starts `job`: returns at once, the work happens on the runtime.
    pub fn start(&self, job: Job) -> Result<Run, WorkspaceError> {
        let snapshot = self.snapshot();
        if snapshot.read_only {
            return Err(WorkspaceError::ReadOnly {
                path: snapshot.path.clone(),
            });
        }
        let inventory = self.inventory();
        let subjects = job.subjects();
        if subjects.is_empty() {
            return Err(WorkspaceError::NothingSelected);
        }
        let asks_computers = !matches!(job, Job::AcquireConfirmationIds { .. } | Job::RefreshCounts { .. });
        let asks_service = matches!(
            job,
            Job::AcquireConfirmationIds { .. } | Job::ProxyActivate { .. } | Job::RefreshCounts { .. }
        );
        let settings = self.settings();
        let signs_in = !matches!(job, Job::Probe { .. });
        let reach = if asks_computers {
            let (sets, usual) = (self.credential_sets(), self.credentials());
            if signs_in && usual.is_none() && sets.is_empty() {
                return Err(WorkspaceError::NoCredentials);
            }
            Some(Reach::new(&settings, Accounts::new(&sets, usual, settings.ask_again)))
        } else {
            None
        };
        let desk = if asks_service {
            Some(Desk::new(&settings, &inventory)?)
        } else {
            None
        };
        let key_use = match &job {
            Job::InstallKey {
                key: KeyChoice::Owned(id),
                ..
            } => inventory.key(*id).map(|entry| KeyUse::of(entry, &inventory)),
            _ => None,
        };
        let key_use = key_use.unwrap_or_default();
        let rows: Vector<RunRow> = subjects.iter().map(|s| row(*s, &inventory)).collect();
        let run = Run::new(self.next_run_id(), job, self.credentials_number(), rows);
        self.remember_run(&run);
        self.log(format!("{}: {} rows", run.title(), subjects.len()));
        let work = Work {
            workspace: self.clone(),
            run: run.clone(),
            reach: reach.map(Arc::new),
            desk: desk.map(Arc::new),
            key_use: Arc::new(key_use),
        };
        self.0.runtime.spawn(work.carry_out(subjects, inventory));
        Ok(run)
    }
}

fn row(subject: Subject, inventory: &Inventory) -> RunRow {
    let (name, detail) = match subject {
        Subject::Computer(id) => (inventory.computer(id).map(|c| c.name.clone()), None),
        Subject::Product(id) => {
            let product = inventory.product(id);
            let computer = product.and_then(|p| inventory.computer(p.computer?));
            let name = computer
                .map(|c| c.name.clone())
                .or_else(|| Some(product?.id.0.to_string().into()));
            let label = product.map(|p| {
                if p.name.is_empty() {
                    p.application_label().into()
                } else {
                    p.name.clone()
                }
            });
            (name, label)
        }
        Subject::Key(id) => {
            let key = inventory.key(id);
            (key.map(|k| k.masked().into()), key.map(|k| k.description.clone()))
        }
    };
    RunRow {
        subject,
        name: name.unwrap_or_default(),
        detail: detail.unwrap_or_default(),
        state: RowState::Waiting,
        elapsed: None,
    }
}

/// What every task of a run needs.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) workspace: Workspace,
    pub(super) run: Run,
    /// The way to the computers, for jobs that ask them.
    pub(super) reach: Option<Arc<Reach>>,
    /// The way to the activation service, for jobs that ask it.
    pub(super) desk: Option<Arc<Desk>>,
    /// What the product key is for that the run installs.
    pub(super) key_use: Arc<KeyUse>,
}

impl Work {
    /// Sets a row and announces it.
    pub(super) fn set(&self, index: usize, state: RowState) {
        self.run.set(index, state);
        self.workspace.announce_soon();
    }

    pub(super) fn running(&self, index: usize, stage: &str) {
        self.set(index, RowState::Running(stage.into()));
    }

    async fn carry_out(self, subjects: Vec<Subject>, inventory: Inventory) {
        let settings = self.workspace.settings();
        match self.run.job() {
            Job::AcquireConfirmationIds { .. } => {
                let groups = acquire::groups(&self, &subjects, &inventory);
                let at_once = settings.service_concurrency;
                self.each(groups, at_once, |work, group| async move {
                    acquire::group(&work, group).await;
                })
                .await;
            }
            Job::RefreshCounts { .. } => {
                let keys = acquire::countable(&self, &subjects, &inventory);
                let at_once = settings.service_concurrency;
                self.each(
                    keys,
                    at_once,
                    |work, key| async move { acquire::count(&work, key).await },
                )
                .await;
            }
            _ => {
                let computers = self.by_computer(&subjects, &inventory);
                // Looking for computers costs next to nothing, so that those that are off all use up their time-out together.
                let at_once = match settings.concurrency {
                    // Strictly one after the other.
                    1 => 1,
                    many => (many * LOOKED_FOR).clamp(64, 512),
                };
                self.each(computers, at_once, |work, party| async move {
                    visit::computer(&work, party).await;
                })
                .await;
            }
        }
        let progress = self.run.progress();
        self.workspace.log(format!(
            "{}: {} succeeded, {} skipped, {} failed{}",
            self.run.title(),
            progress.succeeded,
            progress.skipped,
            progress.failed,
            if self.run.is_cancelled() { ", cancelled" } else { "" }
        ));
        self.run.finish();
        self.workspace.publish();
    }

    /// Runs `task` for every item, `at_once` at a time. After a cancel no item is begun and those under way are dropped.
    async fn each<T, F>(&self, items: Vec<T>, at_once: usize, task: impl Fn(Self, T) -> F)
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let permits = Arc::new(Semaphore::new(at_once.clamp(1, 1024)));
        let mut tasks = JoinSet::new();
        let cancelled = self.run.token();
        for item in items {
            let permit = tokio::select! {
                biased;
                () = cancelled.cancelled() => break,
                permit = Arc::clone(&permits).acquire_owned() => permit,
            };
            let work = task(self.clone(), item);
            tasks.spawn(async move {
                work.await;
                drop(permit);
            });
            // Finished tasks are forgotten as we go: 50,000 computers do not leave 50,000 results.
            while tasks.try_join_next().is_some() {}
        }
        loop {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => break,
                ended = tasks.join_next() => if ended.is_none() { break },
            }
        }
        tasks.shutdown().await;
    }

    /// One party per computer, in the order of the rows. A row without a computer fails here.
    fn by_computer(&self, subjects: &[Subject], inventory: &Inventory) -> Vec<Party> {
        let mut parties: Vec<Party> = Vec::new();
        let mut place: HashMap<ComputerId, usize> = HashMap::new();
        for (index, subject) in subjects.iter().enumerate() {
            let (computer, product) = match subject {
                Subject::Computer(id) => (inventory.computer(*id).map(|c| c.id), None),
                Subject::Product(id) => (inventory.product(*id).and_then(|p| p.computer), Some(*id)),
                Subject::Key(_) => (None, None),
            };
            let Some(computer) = computer else {
                let message = match product {
                    Some(_) => "the list does not say which computer this product is on (proxy activation data only)",
                    None => "the computer is no longer in the list",
                };
                self.set(index, RowState::Failed(not_allowed(message)));
                continue;
            };
            let at = *place.entry(computer).or_insert_with(|| {
                parties.push(Party {
                    computer,
                    rows: Vec::new(),
                });
                parties.len() - 1
            });
            if let Some(party) = parties.get_mut(at) {
                party.rows.push((index, product));
            }
        }
        parties
    }
}

/// A computer and the rows of the run that are about it.
pub(super) struct Party {
    pub(super) computer: ComputerId,
    pub(super) rows: Vec<(usize, Option<ProductId>)>,
}

/// A rule of ours, or the state of the list, kept something from being done.
pub(super) fn not_allowed(message: impl Into<String>) -> Failure {
    Failure {
        class: FailureClass::NotAllowed,
        message: message.into(),
        code: None,
    }
}
