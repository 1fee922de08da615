//! From what a person asked for to the rows it is about. The walk over the list happens off the UI thread.

use std::collections::HashSet;

use super::selection::RowSet;
use crate::model::{Change, ComputerId, Inventory, KeyEntryId, KeyType, Line, ProductId, Row, View};
use crate::workspace::{Job, KeyChoice};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Update license status.
    Update,
    /// Install this key.
    Install(KeyChoice),
    /// Activate online.
    Activate,
    /// Acquire confirmation IDs.
    Acquire,
    /// Apply confirmation IDs.
    Apply,
    /// Acquire and apply.
    Proxy,
    /// Ask for the activation counts of one key, or of every MAK.
    Refresh(Option<KeyEntryId>),
}

/// Which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The selected ones; for an update without a selection: every row shown.
    Selection,
    /// Of the whole list, those that are ready; for an update: the computers that were never asked.
    Ready,
}

/// The job that carries out `order`.
pub fn job(order: Order, scope: Scope, view: &View, selected: &RowSet, inventory: &Inventory) -> Job {
    let everything = order == Order::Update && selected.is_empty();
    let rows = || -> Box<dyn Iterator<Item = Row> + '_> {
        match scope {
            Scope::Selection => Box::new(view.lines.iter().filter_map(move |line| match line {
                Line::Row(row) if everything || selected.contains(*row) => Some(*row),
                _ => None,
            })),
            Scope::Ready => Box::new(crate::model::every_row(inventory)),
        }
    };
    let products = |ready: fn(&crate::model::Product) -> bool| {
        rows()
            .filter_map(|row| inventory.product_at(row.product?))
            .filter(|p| scope == Scope::Selection || ready(p))
            .map(|p| p.id)
            .collect()
    };
    match order {
        Order::Update => {
            let mut seen = HashSet::new();
            let computers = rows()
                .filter(|row| scope == Scope::Selection || row.product.is_none())
                .filter_map(|row| inventory.computer_at(row.computer?))
                .map(|c| c.id)
                .filter(|id| seen.insert(*id))
                .collect();
            Job::UpdateStatus { computers }
        }
        Order::Install(key) => Job::InstallKey {
            products: products(|p| p.computer.is_some()),
            key,
        },
        Order::Activate => Job::Activate {
            products: products(|p| p.computer.is_some()),
        },
        Order::Acquire => Job::AcquireConfirmationIds {
            products: products(crate::model::Product::needs_confirmation_id),
        },
        Order::Apply => Job::ApplyConfirmationIds {
            products: products(|p| p.computer.is_some() && p.can_apply_confirmation_id()),
        },
        Order::Proxy => Job::ProxyActivate {
            products: products(|p| p.computer.is_some() && p.needs_confirmation_id()),
        },
        Order::Refresh(only) => Job::RefreshCounts {
            keys: inventory
                .keys()
                .filter(|k| only.map_or(k.key_type == KeyType::Mak, |id| id == k.id))
                .map(|k| k.id)
                .collect(),
        },
    }
}

/// The selected products.
pub fn products(view: &View, selected: &RowSet, inventory: &Inventory) -> HashSet<ProductId> {
    selected_rows(view, selected)
        .filter_map(|row| inventory.product_at(row.product?))
        .map(|p| p.id)
        .collect()
}

/// The computers of the selected rows, each once.
pub fn computers(view: &View, selected: &RowSet, inventory: &Inventory) -> Vec<ComputerId> {
    let mut seen = HashSet::new();
    selected_rows(view, selected)
        .filter_map(|row| inventory.computer_at(row.computer?))
        .map(|computer| computer.id)
        .filter(|id| seen.insert(*id))
        .collect()
}

fn selected_rows<'a>(view: &'a View, selected: &'a RowSet) -> impl Iterator<Item = Row> + 'a {
    view.lines.iter().filter_map(|line| match line {
        Line::Row(row) if selected.contains(*row) => Some(*row),
        _ => None,
    })
}

/// Takes the selected rows out of the list. A computer goes with its last product.
pub fn removal(view: &View, selected: &RowSet, inventory: &Inventory) -> Vec<Change> {
    let gone = products(view, selected, inventory);
    let mut computers = HashSet::new();
    let mut changes = Vec::new();
    for row in selected_rows(view, selected) {
        if let Some(computer) = row.computer.and_then(|slot| inventory.computer_at(slot)) {
            let stays = inventory.products_of(computer.id).any(|p| !gone.contains(&p.id));
            if !stays {
                if computers.insert(computer.id) {
                    changes.push(Change::RemoveComputer(computer.id));
                }
                continue;
            }
        }
        if let Some(product) = row.product.and_then(|slot| inventory.product_at(slot)) {
            changes.push(Change::RemoveProduct(product.id));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationId, Computer, Product, ViewSpec};

    fn list() -> (Inventory, View) {
        let mut inventory = Inventory::default();
        for name in ["a", "b", "bare"] {
            let computer = Computer::named(name);
            let id = computer.id;
            inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
            if name == "bare" {
                continue;
            }
            for application in [ApplicationId::WINDOWS, ApplicationId::OFFICE] {
                let product = Product::new(ProductId::derive(id, application, None), Some(id), application);
                inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
            }
        }
        let view = View::compute(&inventory, &ViewSpec::default(), chrono::Utc::now());
        (inventory, view)
    }

    #[test]
    fn an_update_without_a_selection_asks_every_computer_shown_once() {
        let (inventory, view) = list();
        let job = job(Order::Update, Scope::Selection, &view, &RowSet::default(), &inventory);
        let Job::UpdateStatus { computers } = job else { panic!() };
        assert_eq!(computers.len(), 3);
    }

    #[test]
    fn an_update_asks_the_computers_of_the_selected_products() {
        let (inventory, view) = list();
        let mut selected = RowSet::default();
        for line in view.lines.iter().take(2) {
            if let Line::Row(row) = line {
                selected.insert(*row);
            }
        }
        let Job::UpdateStatus { computers } = job(Order::Update, Scope::Selection, &view, &selected, &inventory) else {
            panic!()
        };
        assert_eq!(computers, [inventory.computer_by_name("a").unwrap().id]);
    }

    #[test]
    fn a_computer_goes_with_its_last_product() {
        let (mut inventory, view) = list();
        let mut selected = RowSet::default();
        for line in view.lines.iter().take(3) {
            if let Line::Row(row) = line {
                selected.insert(*row);
            }
        }
        for change in removal(&view, &selected, &inventory) {
            inventory.apply(&change).unwrap();
        }
        assert!(inventory.computer_by_name("a").is_none());
        assert_eq!(inventory.computer_count(), 2);
        assert_eq!(inventory.product_count(), 1);
    }

    #[test]
    fn ready_rows_of_the_whole_list_are_only_those_that_wait() {
        let (inventory, view) = list();
        let acquire = job(Order::Acquire, Scope::Ready, &view, &RowSet::all_of(&view), &inventory);
        assert_eq!(acquire, Job::AcquireConfirmationIds { products: Vec::new() });
        let selected = job(
            Order::Acquire,
            Scope::Selection,
            &view,
            &RowSet::all_of(&view),
            &inventory,
        );
        assert_eq!(
            selected.subjects().len(),
            4,
            "the run itself says why a selected row is skipped"
        );
    }

    #[test]
    fn of_the_whole_list_only_what_was_never_asked_is_updated() {
        let (inventory, view) = list();
        let job = job(Order::Update, Scope::Ready, &view, &RowSet::default(), &inventory);
        let Job::UpdateStatus { computers } = job else {
            panic!("an update");
        };
        let names: Vec<_> = computers.iter().filter_map(|id| inventory.computer(*id)).collect();
        assert_eq!(names.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["bare"]);
    }
}
