//! At the activation service's desk: confirmation IDs and remaining counts.
//!
//! The rules of money hold here: nothing is asked whose answer is known; "asked" is on the disk before the request leaves; the
//! answer is on the disk before anyone sees it; a question under way is never abandoned by a cancel.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

use super::engine::{Work, not_allowed};
use super::open::{is_low, lock};
use super::settings::service_config;
use super::{KeyIndex, RowState, Settings, Subject, WorkspaceError};
use crate::activation::{ActivationError, Refusal, Service};
use crate::model::{
    Action, Asked, Change, ConfirmationId, ExtendedPid, Failure, InstallationId, Inventory, KeyEntryId, KeyType,
    LicenseStatus, Product, ProductId, RemainingCount,
};

/// The way to the activation service and what one run has learnt there.
pub(super) struct Desk {
    service: Service,
    /// Confirmation IDs that the list knew when the run began.
    known: HashMap<InstallationId, ConfirmationId>,
    /// Keys (group, serial) of which the service said that none is left, and what it said.
    exhausted: Mutex<HashMap<(u32, u32), String>>,
    low_water: Option<u32>,
    /// Questions at once, whichever job they come from.
    permits: Semaphore,
}

impl Desk {
    pub(super) fn new(settings: &Settings, inventory: &Inventory) -> Result<Self, WorkspaceError> {
        let known = inventory.confirmations();
        Ok(Self {
            service: Service::new(service_config(settings))?,
            known: known.into_iter().map(|(i, c)| (i.clone(), c.clone())).collect(),
            exhausted: Mutex::new(HashMap::new()),
            low_water: settings.low_water,
            permits: Semaphore::new(settings.service_concurrency.clamp(1, 64)),
        })
    }
}

/// Rows that share one installation ID: asked once.
pub(super) struct Group {
    rows: Vec<(usize, ProductId)>,
    question: Question,
}

/// What is asked.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) pid: ExtendedPid,
    pub(super) iid: InstallationId,
}

/// What a question brought.
pub(super) enum Answer {
    /// A confirmation ID that the list knew; nothing was asked.
    Known,
    /// A new one. `before`: it had been asked for before without a recorded answer.
    New { before: Option<DateTime<Utc>> },
}

/// What has to be done for a product to get a confirmation ID.
pub(super) enum Need {
    Nothing(&'static str),
    Impossible(&'static str),
    Ask(Question),
}

pub(super) fn need(product: &Product) -> Need {
    if product.usable_confirmation().is_some() {
        return Need::Nothing("the confirmation ID is already in the list");
    }
    if product.license_status == LicenseStatus::Licensed {
        return Need::Nothing("already licensed: no activation is spent");
    }
    match product.key_type {
        KeyType::Gvlk => return Need::Nothing("KMS client key: activated by a KMS host or Active Directory"),
        _ if product.accepts_confirmation_id() => {}
        _ => return Need::Impossible("products with this key type cannot be activated with a confirmation ID"),
    }
    match (&product.installation_id, &product.product_key_id) {
        (Some(iid), Some(pid)) => Need::Ask(Question {
            pid: pid.clone(),
            iid: iid.clone(),
        }),
        (None, _) => Need::Impossible("no installation ID is known: update the license status first"),
        (_, None) => Need::Impossible("no extended PID is known: update the license status first"),
    }
}

/// Sorts the rows by what is asked; rows that need no question are answered here.
pub(super) fn groups(work: &Work, subjects: &[Subject], inventory: &Inventory) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut place: HashMap<InstallationId, usize> = HashMap::new();
    for (index, subject) in subjects.iter().enumerate() {
        let product = match subject {
            Subject::Product(id) => inventory.product(*id),
            _ => None,
        };
        let Some(product) = product else {
            work.set(
                index,
                RowState::Failed(not_allowed("the product is no longer in the list")),
            );
            continue;
        };
        match need(product) {
            Need::Nothing(why) => work.set(index, RowState::Skipped(why.into())),
            Need::Impossible(why) => work.set(index, RowState::Failed(not_allowed(why))),
            Need::Ask(question) => {
                let at = *place.entry(question.iid.clone()).or_insert_with(|| {
                    groups.push(Group {
                        rows: Vec::new(),
                        question,
                    });
                    groups.len() - 1
                });
                if let Some(group) = groups.get_mut(at) {
                    group.rows.push((index, product.id));
                }
            }
        }
    }
    groups
}

/// Gets the confirmation ID of one group and tells its rows.
pub(super) async fn group(work: &Work, group: Group) {
    for (index, _) in &group.rows {
        work.running(*index, "asking the activation service");
    }
    let products: Vec<ProductId> = group.rows.iter().map(|(_, id)| *id).collect();
    let outcome = ask(work, products, group.question).await;
    for (index, _) in group.rows {
        let state = match &outcome {
            Ok(answer) => RowState::Succeeded(answer.text().into()),
            Err(failure) => RowState::Failed(failure.clone()),
        };
        work.set(index, state);
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Known => {
                "confirmation ID taken from the list: known for this installation ID, nothing was asked".into()
            }
            Self::New { before: None } => "confirmation ID acquired".into(),
            Self::New { before: Some(at) } => format!(
                "confirmation ID acquired; asked before at {} without a recorded answer, so asked again",
                at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
        }
    }
}

/// Asks for a confirmation ID unless it is known, and records everything. Cancelling (dropping) this leaves a question that
/// is under way to itself: its answer is still recorded.
pub(super) async fn ask(work: &Work, products: Vec<ProductId>, question: Question) -> Result<Answer, Failure> {
    let asking = work.clone();
    let runtime = work.workspace.0.runtime.clone();
    let task = runtime.spawn(async move { asking.ask_once(products, question).await });
    match task.await {
        Ok(outcome) => outcome,
        Err(_) => Err(not_allowed(
            "the question ended unexpectedly; update the row before asking again",
        )),
    }
}

impl Work {
    async fn ask_once(&self, products: Vec<ProductId>, question: Question) -> Result<Answer, Failure> {
        let Some(desk) = &self.desk else {
            return Err(not_allowed("this run has no way to the activation service"));
        };
        // Another run may be asking the same: wait for it, and take its answer.
        let turn = self.workspace.asking(&question.iid);
        let _turn = turn.lock().await;
        let known = self.workspace.answer_for(&question.iid);
        if let Some(known) = known.as_ref().or_else(|| desk.known.get(&question.iid)) {
            self.confirm(&products, &question.iid, known).await?;
            return Ok(Answer::Known);
        }
        // Never closed, so an error cannot happen; if it did, asking without a permit does no harm.
        let _permit = desk.permits.acquire().await.ok();
        if self.run.is_cancelled() {
            return Err(cancelled());
        }
        let key = (question.pid.key_group(), question.pid.serial());
        if let Some(said) = lock(&desk.exhausted).get(&key) {
            return Err(not_allowed(format!(
                "not asked: the activation service has just answered for another product with this key: {said}"
            )));
        }
        let before = self.asked_before(&products, &question.iid);
        let in_flight = self.workspace.count_in_flight();
        let at = Utc::now();
        let asked = |product: &ProductId| Change::Asked {
            product: *product,
            asked: Asked {
                installation_id: question.iid.clone(),
                at,
            },
        };
        self.record_or_fail(products.iter().map(asked).collect(), "nothing was sent")
            .await?;
        let outcome = match desk.service.acquire(&question.pid, &question.iid).await {
            Ok(acquired) => {
                self.confirm(&products, &question.iid, &acquired.confirmation_id)
                    .await?;
                self.note_count(&products, acquired.remaining).await;
                Ok(Answer::New { before })
            }
            Err(error) => Err(self.refused(desk, key, &products, &error).await),
        };
        drop(in_flight);
        outcome
    }

    fn asked_before(&self, products: &[ProductId], iid: &InstallationId) -> Option<DateTime<Utc>> {
        let inventory = self.workspace.inventory();
        products
            .iter()
            .filter_map(|id| inventory.product(*id)?.asked.as_ref())
            .filter(|asked| asked.installation_id == *iid)
            .map(|asked| asked.at)
            .max()
    }

    async fn confirm(&self, products: &[ProductId], iid: &InstallationId, cid: &ConfirmationId) -> Result<(), Failure> {
        let at = Utc::now();
        let confirmed = |product: &ProductId| Change::Confirmed {
            product: *product,
            installation_id: iid.clone(),
            confirmation_id: cid.clone(),
            at,
        };
        self.record_or_fail(
            products.iter().map(confirmed).collect(),
            "the confirmation ID arrived but could not be kept; asking again for the same installation ID returns it",
        )
        .await
    }

    /// The service tells the count along with some answers: kept when the list has the key.
    async fn note_count(&self, products: &[ProductId], remaining: Option<u32>) {
        let inventory = self.workspace.inventory();
        let key = products
            .first()
            .and_then(|id| inventory.key_of(inventory.product(*id)?))
            .map(|k| k.id);
        if let (Some(key), Some(left)) = (key, remaining) {
            let remaining = RemainingCount {
                left: Some(left),
                at: Some(Utc::now()),
            };
            // The count is a courtesy: the confirmation ID itself is safe.
            let _ = self.workspace.record(vec![Change::Counted { key, remaining }]).await;
        }
    }

    async fn refused(&self, desk: &Desk, key: (u32, u32), products: &[ProductId], error: &ActivationError) -> Failure {
        let failure = error.failure();
        if matches!(error.refusal(), Some(Refusal::LimitExceeded)) {
            lock(&desk.exhausted).insert(key, failure.to_string());
        }
        let at = Utc::now();
        let change = |product: &ProductId| {
            if error.may_have_been_charged() {
                // `asked` stays on the row: nobody knows whether the service counted it.
                Change::Acted {
                    product: *product,
                    action: Action {
                        at: Some(at),
                        what: "Confirmation ID not acquired".into(),
                        failure: Some(Box::new(failure.clone())),
                    },
                }
            } else {
                Change::NotConfirmed {
                    product: *product,
                    at,
                    failure: failure.clone(),
                }
            }
        };
        match self.workspace.record(products.iter().map(change).collect()).await {
            Ok(()) => failure,
            Err(error) => Failure {
                message: format!("{}; and this could not be recorded: {error}", failure.message),
                ..failure
            },
        }
    }

    /// Records `changes`; when the disk refuses, the row says so and what it means.
    pub(super) async fn record_or_fail(&self, changes: Vec<Change>, meaning: &str) -> Result<(), Failure> {
        let recorded = self.workspace.record(changes).await;
        recorded.map_err(|error| not_allowed(format!("{error} ({meaning})")))
    }
}

pub(super) fn cancelled() -> Failure {
    Failure {
        class: crate::model::FailureClass::Cancelled,
        message: "cancelled before anything was sent".into(),
        code: None,
    }
}

/// A key whose count is asked.
pub(super) struct Countable {
    index: usize,
    key: KeyEntryId,
    pid: ExtendedPid,
}

/// The keys that can be counted; the other rows are answered here.
pub(super) fn countable(work: &Work, subjects: &[Subject], inventory: &Inventory) -> Vec<Countable> {
    let wanted: HashSet<KeyEntryId> = subjects
        .iter()
        .filter_map(|s| match s {
            Subject::Key(id) => Some(*id),
            _ => None,
        })
        .collect();
    // One walk over the products, not one per key.
    let index = KeyIndex::of(inventory);
    let mut pids: HashMap<KeyEntryId, ExtendedPid> = HashMap::new();
    for product in inventory.products() {
        let Some(pid) = &product.product_key_id else { continue };
        if let Some(key) = index.key_of(product).filter(|k| wanted.contains(k)) {
            pids.entry(key).or_insert_with(|| pid.clone());
        }
    }
    let mut keys = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let Subject::Key(id) = subject else { continue };
        let Some(entry) = inventory.key(*id) else {
            work.set(
                index,
                RowState::Failed(not_allowed("the product key is no longer in the list")),
            );
            continue;
        };
        if entry.key_type != KeyType::Mak {
            let why = format!("{} keys are not counted by the activation service", entry.key_type);
            work.set(index, RowState::Skipped(why.into()));
            continue;
        }
        match pids.remove(id).or_else(|| entry.synthetic_pid()) {
            Some(pid) => keys.push(Countable { index, key: *id, pid }),
            None => work.set(
                index,
                RowState::Failed(not_allowed(
                    "the extended PID of this key is not known: install it on a computer and update its license status first",
                )),
            ),
        }
    }
    keys
}

/// Asks how many activations a key has left.
pub(super) async fn count(work: &Work, countable: Countable) {
    let Countable { index, key, pid } = countable;
    let Some(desk) = &work.desk else { return };
    work.running(index, "asking the activation service");
    let at = Utc::now();
    let (change, state) = match desk.service.remaining(&pid).await {
        Ok(left) => {
            let remaining = RemainingCount { left, at: Some(at) };
            let text = match left {
                Some(left) => format!("{left} activations left"),
                None => "not available: the activation service does not count this key".into(),
            };
            (Change::Counted { key, remaining }, RowState::Succeeded(text.into()))
        }
        Err(error) => {
            let failure = error.failure();
            let change = Change::NotCounted {
                key,
                at,
                failure: failure.clone(),
            };
            (change, RowState::Failed(failure))
        }
    };
    let state = match work.record_or_fail(vec![change], "the count was not kept").await {
        Ok(()) => state,
        Err(failure) => RowState::Failed(failure),
    };
    let state = match (state, work.workspace.inventory().key(key)) {
        (RowState::Succeeded(text), Some(entry)) if is_low(entry, desk.low_water) => {
            RowState::Succeeded(format!("{text}: below the mark").into())
        }
        (state, _) => state,
    };
    work.set(index, state);
}
