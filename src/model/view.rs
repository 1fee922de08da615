//! A view of the list: filtered, sorted, grouped. Computed off the UI thread; drawing it costs what is visible.

use chrono::{DateTime, Utc};

use super::{Column, Filter, Inventory, ProductId, RowView};

/// One row, named by slots of the inventory it was computed from (valid in later snapshots of the same list too).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// Slot of the computer.
    pub computer: Option<u32>,
    /// Slot of the product; `None` for a computer whose products have not been collected.
    pub product: Option<u32>,
}

impl Row {
    /// What the row shows in `inventory`; `None` when its record was removed meanwhile.
    pub fn view(self, inventory: &Inventory) -> Option<RowView<'_>> {
        let product = self
            .product
            .map(|slot| inventory.product_at(slot).ok_or(()))
            .transpose()
            .ok()?;
        let computer = self.computer.and_then(|slot| inventory.computer_at(slot));
        (product.is_some() || computer.is_some()).then_some(RowView {
            computer: computer.map(AsRef::as_ref),
            product: product.map(AsRef::as_ref),
        })
    }
}

/// What to show and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewSpec {
    /// Which rows.
    pub filter: Filter,
    /// Sorted by this column; ties stay in the order of the list.
    pub sort: Column,
    /// Largest first.
    pub descending: bool,
    /// Rows with the same text in this column stand together under a heading.
    pub group_by: Option<Column>,
}

impl Default for ViewSpec {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            sort: Column::Computer,
            descending: false,
            group_by: None,
        }
    }
}

/// One line of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The heading of a group.
    Group {
        /// The text its rows share; may be empty.
        label: String,
        /// How many rows follow.
        rows: usize,
    },
    /// A row.
    Row(Row),
}

/// The lines to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Rows, with group headings between them when grouped.
    pub lines: Vec<Line>,
    /// Rows that passed the filter.
    pub rows: usize,
    /// Rows there are.
    pub total: usize,
}

impl View {
    /// Computes the view. Work grows with the list: call it off the UI thread.
    pub fn compute(inventory: &Inventory, spec: &ViewSpec, now: DateTime<Utc>) -> Self {
        let mut total = 0;
        let mut rows = Vec::new();
        for row in every_row(inventory) {
            total += 1;
            let Some(view) = row.view(inventory) else { continue };
            if !spec.filter.matches(view, now) {
                continue;
            }
            let group = spec
                .group_by
                .map(|c| (c.sort_key(view, now), c.text(view, now).into_owned()));
            rows.push((group, spec.sort.sort_key(view, now), row));
        }
        let direction = |o: std::cmp::Ordering| if spec.descending { o.reverse() } else { o };
        rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| direction(a.1.cmp(&b.1))));

        let count = rows.len();
        let mut lines = Vec::with_capacity(count);
        let mut heading: Option<usize> = None;
        for (group, _, row) in rows {
            if let Some((_, label)) = group {
                let open = heading.and_then(|at| match &mut lines[at] {
                    Line::Group { label: current, rows } if *current == label => Some(rows),
                    _ => None,
                });
                if let Some(rows) = open {
                    *rows += 1;
                } else {
                    heading = Some(lines.len());
                    lines.push(Line::Group { label, rows: 1 });
                }
            }
            lines.push(Line::Row(row));
        }
        Self {
            lines,
            rows: count,
            total,
        }
    }

    /// The products among the rows, in the order shown.
    pub fn products<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = ProductId> + 'a {
        self.lines.iter().filter_map(|line| match line {
            Line::Row(row) => inventory.product_at(row.product?).map(|p| p.id),
            Line::Group { .. } => None,
        })
    }
}

/// Every row of the list: each product with its computer, then each computer without products.
pub fn every_row(inventory: &Inventory) -> impl Iterator<Item = Row> + '_ {
    let products = inventory.product_slots().map(|(slot, p)| Row {
        computer: p.computer.and_then(|id| inventory.computer_slot(id)),
        product: Some(slot),
    });
    let bare = inventory
        .computer_slots()
        .filter(|(_, c)| inventory.products_of(c.id).next().is_none())
        .map(|(slot, _)| Row {
            computer: Some(slot),
            product: None,
        });
    products.chain(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationId, Change, Computer, LicenseStatus, Product};

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        for (name, status) in [
            ("b", Some(LicenseStatus::Licensed)),
            ("A", Some(LicenseStatus::Unlicensed)),
            ("c", None),
        ] {
            let computer = Computer::named(name);
            let id = computer.id;
            inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
            if let Some(status) = status {
                let mut p = Product::new(
                    ProductId::derive(id, ApplicationId::WINDOWS, None),
                    Some(id),
                    ApplicationId::WINDOWS,
                );
                p.license_status = status;
                inventory.apply(&Change::PutProduct(Box::new(p))).unwrap();
            }
        }
        inventory
    }

    fn names(view: &View, inventory: &Inventory) -> Vec<String> {
        view.lines
            .iter()
            .map(|line| match line {
                Line::Group { label, rows } => format!("[{label} {rows}]"),
                Line::Row(row) => row.view(inventory).unwrap().computer.unwrap().name.to_string(),
            })
            .collect()
    }

    #[test]
    fn computers_without_products_are_rows_too() {
        let inventory = inventory();
        let view = View::compute(&inventory, &ViewSpec::default(), Utc::now());
        assert_eq!(names(&view, &inventory), ["A", "b", "c"]);
    }

    #[test]
    fn groups_stand_under_headings_with_counts() {
        let inventory = inventory();
        let spec = ViewSpec {
            group_by: Some(Column::Status),
            descending: true,
            ..ViewSpec::default()
        };
        let view = View::compute(&inventory, &spec, Utc::now());
        assert_eq!(
            names(&view, &inventory),
            ["[Unknown 1]", "c", "[Unlicensed 1]", "A", "[Licensed 1]", "b"]
        );
    }

    #[test]
    fn a_row_whose_record_is_gone_shows_nothing() {
        let mut inventory = inventory();
        let view = View::compute(&inventory, &ViewSpec::default(), Utc::now());
        let gone = inventory.computer_by_name("a").unwrap().id;
        inventory.apply(&Change::RemoveComputer(gone)).unwrap();
        let left = view
            .lines
            .iter()
            .filter(|l| matches!(l, Line::Row(r) if r.view(&inventory).is_some()))
            .count();
        assert_eq!(left, 2);
    }
}
