//! Which rows are selected, and how clicks and keys change that.
//!
//! Rows are remembered by the slots of their records, as bits: selecting a million rows costs 125 kB, and a row stays selected
//! while the list is filtered, sorted or updated. Rows that a filter hides lose their selection, so that nothing invisible is
//! acted upon.

use crate::model::{Line, Row, View};

/// A set of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowSet {
    products: Vec<u64>,
    computers: Vec<u64>,
    len: usize,
}

fn place(row: Row) -> Option<(bool, usize)> {
    match (row.product, row.computer) {
        (Some(slot), _) => Some((true, slot as usize)),
        (None, Some(slot)) => Some((false, slot as usize)),
        (None, None) => None,
    }
}

impl RowSet {
    fn words(&mut self, product: bool) -> &mut Vec<u64> {
        if product {
            &mut self.products
        } else {
            &mut self.computers
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if it has no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if the row is in it.
    pub fn contains(&self, row: Row) -> bool {
        place(row).is_some_and(|(product, slot)| {
            let words = if product { &self.products } else { &self.computers };
            words.get(slot / 64).is_some_and(|w| w >> (slot % 64) & 1 == 1)
        })
    }

    /// Adds a row.
    pub fn insert(&mut self, row: Row) {
        let Some((product, slot)) = place(row) else { return };
        let words = self.words(product);
        if words.len() <= slot / 64 {
            words.resize(slot / 64 + 1, 0);
        }
        let Some(word) = words.get_mut(slot / 64) else { return };
        let bit = 1_u64 << (slot % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.len += 1;
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: Row) {
        let Some((product, slot)) = place(row) else { return };
        let Some(word) = self.words(product).get_mut(slot / 64) else {
            return;
        };
        let bit = 1_u64 << (slot % 64);
        if *word & bit != 0 {
            *word &= !bit;
            self.len -= 1;
        }
    }

    /// Keeps only rows that are in `other` too.
    pub fn intersect(&mut self, other: &Self) {
        let keep = |mine: &mut Vec<u64>, theirs: &[u64]| {
            for (i, word) in mine.iter_mut().enumerate() {
                *word &= theirs.get(i).copied().unwrap_or(0);
            }
            mine.iter().map(|w| w.count_ones() as usize).sum::<usize>()
        };
        self.len = keep(&mut self.products, &other.products) + keep(&mut self.computers, &other.computers);
    }

    /// Every row of a view.
    pub fn all_of(view: &View) -> Self {
        let mut set = Self::default();
        for line in &view.lines {
            if let Line::Row(row) = line {
                set.insert(*row);
            }
        }
        set
    }
}

/// How a click or key changes the selection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct How {
    /// Ctrl: add or take out one row and leave the others.
    pub toggle: bool,
    /// Shift: from the anchor to here.
    pub extend: bool,
}

/// A way to go through the list by keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many lines, negative upwards.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// The selection of the product list.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    rows: RowSet,
    anchor: Option<Row>,
    cursor: Option<Row>,
    /// Line of the cursor when it was last placed; checked before use.
    cursor_line: usize,
    generation: u64,
}

impl Selection {
    /// The selected rows.
    pub fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// Grows with every change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The row the keyboard is at.
    pub fn cursor(&self) -> Option<Row> {
        self.cursor
    }

    /// The only selected row.
    pub fn single(&self) -> Option<Row> {
        self.cursor.filter(|c| self.rows.len() == 1 && self.rows.contains(*c))
    }

    /// The selected rows of a view, in the order shown.
    pub fn of_view<'a>(&'a self, view: &'a View) -> impl Iterator<Item = Row> + 'a {
        let lines: &[Line] = if self.rows.is_empty() { &[] } else { &view.lines };
        lines.iter().filter_map(|line| match line {
            Line::Row(row) if self.rows.contains(*row) => Some(*row),
            _ => None,
        })
    }

    fn changed(&mut self) {
        self.generation += 1;
    }

    /// Selects nothing.
    pub fn clear(&mut self) {
        if !self.rows.is_empty() {
            self.rows = RowSet::default();
            self.changed();
        }
    }

    /// Selects every row of the view.
    pub fn select_all(&mut self, view: &View) {
        self.rows = RowSet::all_of(view);
        if self.cursor.is_none() {
            self.go_to(
                view,
                Step::First,
                How {
                    toggle: true,
                    extend: false,
                },
                false,
            );
        }
        self.changed();
    }

    /// Keeps only rows that can be seen.
    pub fn keep_visible(&mut self, visible: &RowSet) {
        let before = self.rows.len();
        self.rows.intersect(visible);
        self.anchor = self.anchor.filter(|r| visible.contains(*r));
        self.cursor = self.cursor.filter(|r| visible.contains(*r));
        if self.rows.len() != before {
            self.changed();
        }
    }

    /// A click on a line of the view.
    pub fn click(&mut self, view: &View, line: usize, how: How) {
        let Some(Line::Row(row)) = view.lines.get(line) else {
            return;
        };
        let row = *row;
        match how {
            How { extend: true, toggle } => {
                let from = self.anchor.and_then(|a| position(view, a, line)).unwrap_or(line);
                if !toggle {
                    self.rows = RowSet::default();
                }
                for other in view.lines.iter().skip(from.min(line)).take(from.abs_diff(line) + 1) {
                    if let Line::Row(other) = other {
                        self.rows.insert(*other);
                    }
                }
                if self.anchor.is_none() {
                    self.anchor = Some(row);
                }
            }
            How { toggle: true, .. } => {
                if self.rows.contains(row) {
                    self.rows.remove(row);
                } else {
                    self.rows.insert(row);
                }
                self.anchor = Some(row);
            }
            How { .. } => {
                self.rows = RowSet::default();
                self.rows.insert(row);
                self.anchor = Some(row);
            }
        }
        self.cursor = Some(row);
        self.cursor_line = line;
        self.changed();
    }

    /// A right click: a row outside the selection becomes the selection.
    pub fn point_at(&mut self, view: &View, line: usize) {
        if let Some(Line::Row(row)) = view.lines.get(line)
            && !self.rows.contains(*row)
        {
            self.click(view, line, How::default());
        }
    }

    /// A key: returns the line to scroll to.
    pub fn step(&mut self, view: &View, step: Step, how: How) -> Option<usize> {
        self.go_to(view, step, how, true)
    }

    fn go_to(&mut self, view: &View, step: Step, how: How, select: bool) -> Option<usize> {
        let last = view.lines.len().checked_sub(1)?;
        let here = self.cursor.and_then(|c| position(view, c, self.cursor_line));
        let (wanted, forward) = match (step, here) {
            (Step::First, _) => (0, true),
            (Step::Last, _) => (last, false),
            (Step::By(n), Some(here)) => (here.saturating_add_signed(n).min(last), n >= 0),
            (Step::By(n), None) => (if n < 0 { last } else { 0 }, n >= 0),
        };
        // Headings are stepped over in the direction of travel, and back at the end.
        let is_row = |i: &usize| matches!(view.lines.get(*i), Some(Line::Row(_)));
        let line = if forward {
            (wanted..=last).find(is_row).or_else(|| (0..wanted).rev().find(is_row))
        } else {
            (0..=wanted).rev().find(is_row).or_else(|| (wanted..=last).find(is_row))
        }?;
        if select {
            self.click(view, line, How { toggle: false, ..how });
        } else if let Some(Line::Row(row)) = view.lines.get(line) {
            self.cursor = Some(*row);
            self.anchor = Some(*row);
            self.cursor_line = line;
        }
        Some(line)
    }
}

/// The line of a row; looks at `hint` first.
fn position(view: &View, row: Row, hint: usize) -> Option<usize> {
    let is_it = |line: &Line| matches!(line, Line::Row(r) if *r == row);
    if view.lines.get(hint).is_some_and(is_it) {
        return Some(hint);
    }
    view.lines.iter().position(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u32) -> Row {
        Row {
            computer: Some(n),
            product: Some(n),
        }
    }

    fn view() -> View {
        let mut lines: Vec<Line> = (0..5).map(|n| Line::Row(row(n))).collect();
        lines.insert(
            2,
            Line::Group {
                label: "group".into(),
                rows: 3,
            },
        );
        View {
            lines,
            rows: 5,
            total: 5,
        }
    }

    fn selected(s: &Selection, view: &View) -> Vec<u32> {
        s.of_view(view).filter_map(|r| r.product).collect()
    }

    const SHIFT: How = How {
        toggle: false,
        extend: true,
    };
    const CTRL: How = How {
        toggle: true,
        extend: false,
    };

    #[test]
    fn shift_selects_from_the_anchor_across_headings() {
        let (view, mut s) = (view(), Selection::default());
        s.click(&view, 1, How::default());
        s.click(&view, 4, SHIFT);
        assert_eq!(selected(&s, &view), [1, 2, 3]);
        s.click(&view, 0, SHIFT);
        assert_eq!(selected(&s, &view), [0, 1]);
    }

    #[test]
    fn ctrl_adds_and_takes_out_one_row() {
        let (view, mut s) = (view(), Selection::default());
        s.click(&view, 0, How::default());
        s.click(&view, 5, CTRL);
        assert_eq!(selected(&s, &view), [0, 4]);
        s.click(&view, 0, CTRL);
        assert_eq!(selected(&s, &view), [4]);
        assert_eq!(s.single(), None, "the cursor is on the row that was taken out");
    }

    #[test]
    fn keys_step_over_headings_and_stop_at_the_ends() {
        let (view, mut s) = (view(), Selection::default());
        assert_eq!(s.step(&view, Step::By(1), How::default()), Some(0));
        assert_eq!(s.step(&view, Step::By(1), How::default()), Some(1));
        assert_eq!(s.step(&view, Step::By(1), How::default()), Some(3));
        assert_eq!(s.step(&view, Step::By(-1), How::default()), Some(1));
        assert_eq!(s.step(&view, Step::Last, SHIFT), Some(5));
        assert_eq!(selected(&s, &view), [1, 2, 3, 4]);
        assert_eq!(s.step(&view, Step::By(10), How::default()), Some(5));
        assert_eq!(s.step(&view, Step::First, How::default()), Some(0));
    }

    #[test]
    fn rows_that_are_filtered_away_are_no_longer_selected() {
        let (view, mut s) = (view(), Selection::default());
        s.select_all(&view);
        assert_eq!(s.rows().len(), 5);
        let narrower = View {
            lines: vec![Line::Row(row(3))],
            rows: 1,
            total: 5,
        };
        s.keep_visible(&RowSet::all_of(&narrower));
        assert_eq!(selected(&s, &narrower), [3]);
        assert_eq!(s.rows().len(), 1);
    }

    #[test]
    fn a_right_click_keeps_a_selection_it_hits_and_replaces_one_it_misses() {
        let (view, mut s) = (view(), Selection::default());
        s.click(&view, 0, How::default());
        s.click(&view, 1, SHIFT);
        s.point_at(&view, 1);
        assert_eq!(selected(&s, &view), [0, 1]);
        s.point_at(&view, 5);
        assert_eq!(selected(&s, &view), [4]);
    }
}
