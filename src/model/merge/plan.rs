//! What a merge would do, row by row.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::foreign::{names_of_new, with_their_foreign};
use super::{Contradiction, MatchedBy, PossibleDuplicate, pairs};
use crate::model::{Computer, Inventory, KeyEntry, ListHeader, Product, Text};

/// What a row of the other list means for ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Not in our list.
    New,
    /// In both; ours is newer or knows more, and stays as it is.
    NewerHere,
    /// In both; theirs is newer, or has something that ours lacks.
    NewerThere,
    /// In both, and the same.
    Same,
    /// Removed there since both lists were one.
    Removed,
    /// Contradicting; see [`MergeRow::contradictions`].
    Conflict,
}

impl What {
    /// Every kind, in the order in which they concern people.
    pub const ALL: &'static [Self] = &[
        Self::Conflict,
        Self::New,
        Self::NewerThere,
        Self::Removed,
        Self::NewerHere,
        Self::Same,
    ];

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewerHere => "newer here",
            Self::NewerThere => "newer there",
            Self::Same => "same",
            Self::Removed => "removed there",
            Self::Conflict => "conflict",
        }
    }

    /// One word for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewerHere => "newer_here",
            Self::NewerThere => "newer_there",
            Self::Same => "same",
            Self::Removed => "removed_there",
            Self::Conflict => "conflict",
        }
    }
}

/// What is done with a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The newest of both; where that cannot be told, ours.
    #[default]
    Newest,
    /// What theirs says. Confirmation IDs of ours are kept all the same.
    Theirs,
    /// What ours says. Confirmation IDs of theirs come in all the same.
    Ours,
    /// The row is left as it is, and nothing comes in, not even a confirmation ID.
    Skip,
}

impl Choice {
    /// Every choice.
    pub const ALL: &'static [Self] = &[Self::Newest, Self::Theirs, Self::Ours, Self::Skip];

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Newest => "Newest of both",
            Self::Theirs => "Take theirs",
            Self::Ours => "Keep ours",
            Self::Skip => "Leave out",
        }
    }
}

/// Whose word counts where both lists say something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefer {
    /// The newest of both.
    #[default]
    Newest,
    /// Ours, however old.
    Ours,
    /// Theirs, however old.
    Theirs,
}

/// One record on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<T> {
    /// The state both come from; `None` when that is not known.
    pub base: Option<Arc<T>>,
    /// In our list; `None`: it is new, or was removed here.
    pub ours: Option<Arc<T>>,
    /// In their list, with the identities of ours; `None`: it was removed there.
    pub theirs: Option<Arc<T>>,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowRecord {
    /// A computer.
    Computer(Pair<Computer>),
    /// A product, and the name of its computer.
    Product(Pair<Product>, Option<Text>),
    /// A product key.
    Key(Pair<KeyEntry>),
}

/// One record of the other list, or one that was removed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRow {
    /// What it means for our list.
    pub what: What,
    /// What is done with it.
    pub choice: Choice,
    /// What each side says.
    pub record: RowRecord,
    /// How a computer was recognised; `None` for new ones, products and keys.
    pub matched_by: Option<MatchedBy>,
    /// Why it is a conflict.
    pub contradictions: Vec<Contradiction>,
    /// Confirmation IDs that only the other list has.
    pub new_confirmations: usize,
    /// A computer whose name another one of theirs has, too: everything by which it was recognised stays.
    pub(super) contested: bool,
    /// When the other list last had anything of this computer read; `None` also for products and keys.
    pub(super) seen_there: Option<DateTime<Utc>>,
}

impl MergeRow {
    /// What it is about, in words: `Windows 11 Enterprise on pc1.contoso.com`. A product key is masked.
    pub fn subject(&self) -> String {
        match &self.record {
            RowRecord::Computer(pair) => pair.any().map(|c| c.name.to_string()).unwrap_or_default(),
            RowRecord::Product(pair, on) => {
                let Some(product) = pair.any() else {
                    return String::new();
                };
                let what = if product.name.is_empty() {
                    product.application_label()
                } else {
                    &product.name
                };
                match on {
                    Some(computer) => format!("{what} on {computer}"),
                    None => format!("{what}, product {}", product.id.0),
                }
            }
            RowRecord::Key(pair) => pair
                .any()
                .map(|k| format!("product key {}", k.masked()))
                .unwrap_or_default(),
        }
    }

    /// `computer`, `product` or `product key`.
    pub fn kind(&self) -> &'static str {
        match &self.record {
            RowRecord::Computer(_) => "computer",
            RowRecord::Product(..) => "product",
            RowRecord::Key(_) => "product key",
        }
    }

    /// True if only one of the lists has the record.
    pub fn is_one_sided(&self) -> bool {
        fn one<T>(pair: &Pair<T>) -> bool {
            pair.ours.is_none() || pair.theirs.is_none()
        }
        match &self.record {
            RowRecord::Computer(pair) => one(pair),
            RowRecord::Product(pair, _) => one(pair),
            RowRecord::Key(pair) => one(pair),
        }
    }

    /// True if carrying the row out as chosen may change our list.
    pub fn changes_something(&self) -> bool {
        match self.choice {
            Choice::Skip => false,
            Choice::Newest => !matches!(self.what, What::Same | What::NewerHere),
            Choice::Ours => self.what != What::New && self.what != What::Same && self.new_confirmations > 0,
            Choice::Theirs => self.what != What::Same,
        }
    }
}

impl<T> Pair<T> {
    /// The record on whichever side has it.
    pub fn any(&self) -> Option<&T> {
        self.ours
            .as_ref()
            .or(self.theirs.as_ref())
            .or(self.base.as_ref())
            .map(|r| &**r)
    }
}

/// How many rows are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Not in our list.
    pub new: usize,
    /// Ours is newer.
    pub newer_here: usize,
    /// Theirs is newer.
    pub newer_there: usize,
    /// The same in both.
    pub same: usize,
    /// Removed there.
    pub removed: usize,
    /// Contradicting.
    pub conflicts: usize,
    /// Confirmation IDs that only the other list has.
    pub confirmation_ids: usize,
}

impl MergeCounts {
    /// The number of one kind.
    pub fn of(&self, what: What) -> usize {
        match what {
            What::New => self.new,
            What::NewerHere => self.newer_here,
            What::NewerThere => self.newer_there,
            What::Same => self.same,
            What::Removed => self.removed,
            What::Conflict => self.conflicts,
        }
    }
}

/// What a merge would do. Nothing has happened yet.
#[derive(Debug, Clone, Default)]
pub struct MergePlan {
    /// Computers, then products, then product keys. A product follows its computer: left out, it leaves out its products.
    pub rows: Vec<MergeRow>,
    /// Computers that may be one under two names. Joined only where somebody says so.
    pub possible_duplicates: Vec<PossibleDuplicate>,
    /// What the other list keeps of other programs outside its records, if it has anything that ours lacks.
    pub(super) their_header: Option<ListHeader>,
}

impl MergePlan {
    /// Plans to merge `theirs` into `ours`. Rows of `theirs` without a computer (proxy activation data) are not looked at: they
    /// are matched by their identity alone, see [`crate::cil::import`].
    pub fn of(ours: &Inventory, theirs: &Inventory) -> Self {
        let mut plan = pairs::plan(None, ours, &theirs.under_seal(ours.header().seal.as_ref()));
        // Proxy activation data has rows alone to tell.
        let has_news = !plan.rows.is_empty() && with_their_foreign(ours.header(), theirs.header()).is_some();
        plan.their_header = has_news.then(|| theirs.header().clone());
        plan
    }

    /// Plans to merge `theirs` into `ours`, both of which come from `base`: what only one side changed or removed is no
    /// question, and neither is a row without a computer.
    pub fn three_way(base: &Inventory, ours: &Inventory, theirs: &Inventory) -> Self {
        let seal = ours.header().seal.as_ref();
        pairs::plan(Some(&base.under_seal(seal)), ours, &theirs.under_seal(seal))
    }

    /// Decides every row in which both sides say something.
    pub fn prefer(&mut self, prefer: Prefer) {
        let choice = match prefer {
            Prefer::Newest => Choice::Newest,
            Prefer::Ours => Choice::Ours,
            Prefer::Theirs => Choice::Theirs,
        };
        for row in &mut self.rows {
            if row.what != What::New {
                row.choice = choice;
            }
        }
    }

    /// How many rows are what.
    pub fn counts(&self) -> MergeCounts {
        self.counts_of(|_| true)
    }

    /// How many of the rows that `wanted` names are what.
    pub fn counts_of(&self, wanted: impl Fn(&MergeRow) -> bool) -> MergeCounts {
        let mut counts = MergeCounts::default();
        for row in self.rows.iter().filter(|r| wanted(r)) {
            let count = match row.what {
                What::New => &mut counts.new,
                What::NewerHere => &mut counts.newer_here,
                What::NewerThere => &mut counts.newer_there,
                What::Same => &mut counts.same,
                What::Removed => &mut counts.removed,
                What::Conflict => &mut counts.conflicts,
            };
            *count += 1;
            counts.confirmation_ids += row.new_confirmations;
        }
        counts
    }

    /// Rows that contradict ours and that nobody decided.
    pub fn undecided(&self) -> impl Iterator<Item = &MergeRow> {
        self.rows
            .iter()
            .filter(|r| r.what == What::Conflict && r.choice == Choice::Newest)
    }

    /// Names of what comes in that no record of ours has a place for: elements and attributes of other programs.
    pub fn foreign_names(&self, ours: &Inventory) -> Vec<String> {
        let theirs = self.their_header.as_ref();
        theirs
            .and_then(|theirs| with_their_foreign(ours.header(), theirs))
            .map_or_else(Vec::new, |merged| names_of_new(ours.header(), &merged))
    }

    /// True if carrying it out changes nothing.
    pub fn is_nothing(&self) -> bool {
        self.their_header.is_none()
            && !self.rows.iter().any(MergeRow::changes_something)
            && !self.possible_duplicates.iter().any(|d| d.join)
    }
}
