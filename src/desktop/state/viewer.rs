//! The worker that filters, sorts, groups and counts, so that a frame costs what is visible and not what exists.
//!
//! Latest wins: while it computes, newer questions replace older ones that wait.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::facts::RowFacts;
use super::selection::RowSet;
use crate::model::{Counts, Inventory, KeyEntryId, Line, View, ViewSpec};

/// Called from the worker when an answer is ready.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What is asked.
#[derive(Clone)]
pub struct Question {
    /// Number of the open list within the session; slots mean nothing across lists.
    pub list: u64,
    /// Revision of the snapshot.
    pub revision: u64,
    /// The list.
    pub inventory: Inventory,
    /// What to show and how.
    pub spec: ViewSpec,
    /// Number of the selection.
    pub selection: u64,
    /// The selected rows.
    pub selected: RowSet,
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Number of the open list.
    pub list: u64,
    /// Revision of the snapshot it was computed from.
    pub revision: u64,
    /// What it shows.
    pub spec: ViewSpec,
    /// The lines.
    pub view: Arc<View>,
    /// The rows among them.
    pub visible: Arc<RowSet>,
    /// How the list stands.
    pub counts: Arc<Counts>,
    /// How many products carry each key of the list.
    pub carriers: Arc<HashMap<KeyEntryId, usize>>,
    /// When the newest license status of the list was read.
    pub newest: Option<DateTime<Utc>>,
    /// Number of the selection that `rows` is about.
    pub selection: u64,
    /// About the selected rows.
    pub rows: Arc<RowFacts>,
}

#[derive(Default)]
struct Slot {
    question: Option<Question>,
    busy: bool,
    answer: Option<Arc<Answer>>,
    stop: bool,
}

struct Shared {
    slot: Mutex<Slot>,
    asked: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handle to the worker; the thread ends when it is dropped.
pub struct Viewer {
    shared: Arc<Shared>,
}

impl Viewer {
    /// Starts the worker.
    pub fn start(waker: Waker) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            slot: Mutex::default(),
            asked: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("makeeper-view".into())
            .spawn(move || work(&worker, &waker))?;
        Ok(Self { shared })
    }

    /// Asks; replaces a question that waits.
    pub fn ask(&self, question: Question) {
        self.shared.lock().question = Some(question);
        self.shared.asked.notify_one();
    }

    /// The answer, if a new one is ready.
    pub fn answer(&self) -> Option<Arc<Answer>> {
        self.shared.lock().answer.take()
    }

    /// True while a question waits or is worked on, or an answer has not been fetched.
    pub fn is_busy(&self) -> bool {
        let slot = self.shared.lock();
        slot.busy || slot.question.is_some() || slot.answer.is_some()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.asked.notify_one();
    }
}

fn work(shared: &Shared, waker: &Waker) {
    let mut last: Option<Arc<Answer>> = None;
    loop {
        let question = {
            let mut slot = shared.lock();
            loop {
                if slot.stop {
                    return;
                }
                if let Some(question) = slot.question.take() {
                    slot.busy = true;
                    break question;
                }
                slot = shared.asked.wait(slot).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let answer = Arc::new(answer(&question, last.as_deref()));
        last = Some(Arc::clone(&answer));
        {
            let mut slot = shared.lock();
            slot.answer = Some(answer);
            // Before anybody is woken: who then asks whether there is more to wait for is told the truth.
            slot.busy = false;
        }
        waker();
    }
}

/// Computes what changed since `last` and takes over the rest.
fn answer(question: &Question, last: Option<&Answer>) -> Answer {
    let same_list = last.filter(|l| l.list == question.list && l.revision == question.revision);
    let same_view = same_list.filter(|l| l.spec == question.spec);
    let (view, visible) = if let Some(last) = same_view {
        (Arc::clone(&last.view), Arc::clone(&last.visible))
    } else {
        let view = View::compute(&question.inventory, &question.spec, Utc::now());
        let visible = RowSet::all_of(&view);
        (Arc::new(view), Arc::new(visible))
    };
    let (counts, carriers, newest) = if let Some(last) = same_list {
        (Arc::clone(&last.counts), Arc::clone(&last.carriers), last.newest)
    } else {
        (
            Arc::new(Counts::of(&question.inventory)),
            Arc::new(carriers(&question.inventory)),
            question.inventory.products().filter_map(|p| p.status_updated).max(),
        )
    };
    let rows = if let Some(last) = same_view.filter(|l| l.selection == question.selection) {
        Arc::clone(&last.rows)
    } else {
        let lines: &[Line] = if question.selected.is_empty() { &[] } else { &view.lines };
        let rows = lines.iter().filter_map(|line| match line {
            Line::Row(row) if question.selected.contains(*row) => Some(*row),
            _ => None,
        });
        Arc::new(RowFacts::of(rows, &question.inventory))
    };
    Answer {
        list: question.list,
        revision: question.revision,
        spec: question.spec.clone(),
        view,
        visible,
        counts,
        carriers,
        newest,
        selection: question.selection,
        rows,
    }
}

/// How many products carry each key, by the rule of [`crate::model::KeyEntry::is_installed_on`] but in one walk.
fn carriers(inventory: &Inventory) -> HashMap<KeyEntryId, usize> {
    let mut by_number: HashMap<(u32, u32), Vec<KeyEntryId>> = HashMap::new();
    let mut by_last_five = HashMap::new();
    let mut carriers = HashMap::new();
    for key in inventory.keys() {
        carriers.insert(key.id, 0);
        let number = key.key.as_ref().and_then(crate::model::ProductKey::group_and_serial);
        if let Some(number) = number {
            by_number.entry(number).or_default().push(key.id);
        }
        if let Some(five) = key.last_five {
            by_last_five
                .entry(five)
                .or_insert_with(Vec::new)
                .push((key.id, number.is_some()));
        }
    }
    for product in inventory.products() {
        let number = product.product_key_id.as_ref().map(|p| (p.key_group(), p.serial()));
        for id in number.and_then(|n| by_number.get(&n)).into_iter().flatten() {
            *carriers.entry(*id).or_default() += 1;
        }
        let by_five = product.partial_product_key.and_then(|f| by_last_five.get(&f));
        for (id, has_number) in by_five.into_iter().flatten() {
            // A key whose number is known counts by number wherever the product tells its own.
            if !(*has_number && number.is_some()) {
                *carriers.entry(*id).or_default() += 1;
            }
        }
    }
    carriers
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::model::{
        ApplicationId, Change, Computer, Filter, KeyEntry, KeyType, LastFive, Product, ProductId, ProductKey,
    };

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        for name in ["pc-1", "pc-2", "srv-1"] {
            let computer = Computer::named(name);
            let id = computer.id;
            let mut product = Product::new(
                ProductId::derive(id, ApplicationId::WINDOWS, None),
                Some(id),
                ApplicationId::WINDOWS,
            );
            product.partial_product_key = Some(LastFive::parse("XW42X").unwrap());
            inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
            inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
        }
        inventory
    }

    fn question(revision: u64, filter: &str) -> Question {
        Question {
            list: 1,
            revision,
            inventory: inventory(),
            spec: ViewSpec {
                filter: Filter::parse(filter).unwrap(),
                ..ViewSpec::default()
            },
            selection: 0,
            selected: RowSet::default(),
        }
    }

    #[test]
    fn the_latest_question_is_answered() {
        let (tx, rx) = mpsc::channel();
        let tx = Mutex::new(tx);
        let viewer = Viewer::start(Arc::new(move || {
            // Nobody listens any more when the test is over.
            let _ = tx.lock().unwrap().send(());
        }))
        .unwrap();
        for n in 0..50 {
            viewer.ask(question(n, "pc"));
        }
        viewer.ask(question(50, "srv"));
        let answer = loop {
            rx.recv_timeout(Duration::from_secs(10)).unwrap();
            match viewer.answer() {
                Some(answer) if answer.revision == 50 => break answer,
                _ => {}
            }
        };
        assert_eq!((answer.view.rows, answer.view.total), (1, 3));
        assert_eq!(answer.counts.products, 3);
        assert!(!viewer.is_busy() || rx.recv_timeout(Duration::from_secs(10)).is_ok());
    }

    #[test]
    fn an_unchanged_list_is_not_counted_again() {
        let first = answer(&question(7, "pc"), None);
        let second = answer(&question(7, "srv"), Some(&first));
        assert!(Arc::ptr_eq(&first.counts, &second.counts));
        assert!(!Arc::ptr_eq(&first.view, &second.view));
    }

    #[test]
    fn keys_know_how_many_products_carry_them_as_the_model_says() {
        let mut inventory = inventory();
        let key = KeyEntry::of(
            ProductKey::parse("FKFKF-22222-33333-44444-XW42X").unwrap(),
            KeyType::Mak,
        );
        let other = KeyEntry::of(
            ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT43").unwrap(),
            KeyType::Gvlk,
        );
        for key in [&key, &other] {
            inventory.apply(&Change::PutKey(Box::new(key.clone()))).unwrap();
        }
        let counted = carriers(&inventory);
        for key in [&key, &other] {
            let expected = inventory.products().filter(|p| key.is_installed_on(p)).count();
            assert_eq!(counted.get(&key.id), Some(&expected));
        }
        assert_eq!(counted.get(&key.id), Some(&3));
    }
}
