//! What the pages for discovery and for KMS hosts show, and what a person can ask of them. No egui.

use std::sync::Arc;

use crate::model::found::{FoundCounts, FoundKind, FoundPlan, FoundRow, SavedDiscovery, SourceOrder, Then};
use crate::workspace::{Discovery, KmsAudit, KmsDnsAudit};

/// Which found computers are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Show {
    /// All.
    #[default]
    All,
    /// Those of a kind.
    Kind(FoundKind),
    /// Those that were found twice.
    Twice,
    /// Those that are reached elsewhere than the list says.
    Elsewhere,
}

/// A column of the found computers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FoundColumn {
    /// Its name.
    #[default]
    Name,
    /// What it is to the list.
    Kind,
    /// Domain or workgroup.
    Network,
    /// Operating system.
    System,
    /// Where it was seen.
    Address,
    /// Who told of it.
    Sources,
    /// What accepting does.
    Meaning,
}

impl FoundColumn {
    /// Every column, in their order.
    pub const ALL: &'static [Self] = &[
        Self::Name,
        Self::Kind,
        Self::Meaning,
        Self::Network,
        Self::System,
        Self::Address,
        Self::Sources,
    ];

    /// Its heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Name => "Computer",
            Self::Kind => "Is",
            Self::Network => "Domain or workgroup",
            Self::System => "Operating system",
            Self::Address => "Address",
            Self::Sources => "Found by",
            Self::Meaning => "What it means",
        }
    }

    /// The text of a cell.
    pub fn text(self, row: &FoundRow) -> String {
        match self {
            Self::Name => row.found.name.clone(),
            Self::Kind => row.kind.label().to_owned(),
            Self::Network => row.found.network.name.to_string(),
            Self::System if row.found.os_version.is_empty() => row.found.os_edition.clone(),
            Self::System => format!("{} ({})", row.found.os_edition, row.found.os_version),
            Self::Address => {
                let all: Vec<String> = row.found.addresses.iter().map(ToString::to_string).collect();
                all.join(", ")
            }
            Self::Sources => {
                let all: Vec<&str> = row.sources.iter().map(|s| s.label()).collect();
                all.join(", ")
            }
            Self::Meaning => row.meaning(),
        }
    }
}

/// What a person looks at among the found computers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundView {
    /// Which rows.
    pub show: Show,
    /// Words that must be in a row.
    pub filter: String,
    /// Sorted by.
    pub sort: FoundColumn,
    /// From the end.
    pub descending: bool,
}

impl FoundView {
    /// The rows of `plan` that are shown, in their order. Takes time that grows with the plan: not for the UI thread.
    pub fn rows(&self, plan: &FoundPlan) -> Vec<u32> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let wanted = |row: &FoundRow| {
            let shown = match self.show {
                Show::All => true,
                Show::Kind(kind) => row.kind == kind,
                Show::Twice => row.was_found_twice(),
                Show::Elsewhere => row.elsewhere.is_some(),
            };
            shown && {
                words.is_empty() || {
                    let text: Vec<String> = FoundColumn::ALL.iter().map(|c| c.text(row).to_lowercase()).collect();
                    words.iter().all(|word| text.iter().any(|cell| cell.contains(word)))
                }
            }
        };
        let mut rows: Vec<(String, u32)> = plan
            .rows
            .iter()
            .zip(0..)
            .filter(|(row, _)| wanted(row))
            .map(|(row, index)| (natural(&self.sort.text(row)), index))
            .collect();
        rows.sort();
        if self.descending {
            rows.reverse();
        }
        rows.into_iter().map(|(_, index)| index).collect()
    }
}

/// True for a row to take over. One that is unclear never is: nothing would come of it.
pub fn is_chosen(plan: &FoundPlan, unticked: &imbl::HashSet<u32>, row: usize) -> bool {
    let is_clear = plan.rows.get(row).is_some_and(|r| r.kind != FoundKind::Unclear);
    is_clear && u32::try_from(row).is_ok_and(|row| !unticked.contains(&row))
}

/// Ticks `rows` or not. Takes time that grows with them: not for the UI thread.
pub fn tick_rows(plan: &FoundPlan, unticked: &mut imbl::HashSet<u32>, rows: &[u32], ticked: bool) {
    for row in rows {
        if ticked {
            unticked.remove(row);
        } else if plan
            .rows
            .get(*row as usize)
            .is_some_and(|r| r.kind != FoundKind::Unclear)
        {
            unticked.insert(*row);
        }
    }
}

/// A text as people sort it: `pc-2` before `pc-10`, and so with addresses.
fn natural(text: &str) -> String {
    let mut key = String::with_capacity(text.len() + 16);
    let mut digits = 0;
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits += 1;
            key.push(c);
            continue;
        }
        pad(&mut key, digits);
        digits = 0;
        key.extend(c.to_lowercase());
    }
    pad(&mut key, digits);
    key
}

/// Gives the number at the end of `key` a length that others have, too.
fn pad(key: &mut String, digits: usize) {
    if digits > 0 {
        key.insert_str(key.len() - digits, &"0".repeat(12_usize.saturating_sub(digits)));
    }
}

/// A discovery that was begun in the desktop.
#[derive(Debug, Clone)]
pub struct Found {
    /// Grows with every discovery.
    pub number: u64,
    /// What was asked.
    pub order: SavedDiscovery,
    /// How far it is.
    pub discovery: Discovery,
    /// What it means, when it is over.
    pub plan: Option<Arc<FoundPlan>>,
    /// How many rows are what.
    pub counts: FoundCounts,
    /// The view, as asked for.
    pub view: FoundView,
    /// The rows shown, and the view they are of.
    pub shown: (FoundView, Arc<Vec<u32>>),
    /// Rows that were unticked. Those that cannot be ticked are not among them.
    pub unticked: imbl::HashSet<u32>,
    /// Everything that is shown is being ticked or not; what was ticked by hand meanwhile.
    pub ticking: Option<Vec<(u32, bool)>>,
    /// Take new addresses over, too.
    pub readdress: bool,
    /// The row under the keyboard.
    pub cursor: usize,
    /// Rows are being taken over.
    pub accepting: bool,
}

impl Found {
    /// A discovery that has just begun.
    pub fn new(number: u64, order: SavedDiscovery, discovery: Discovery) -> Self {
        Self {
            number,
            order,
            discovery,
            plan: None,
            counts: FoundCounts::default(),
            view: FoundView::default(),
            shown: (FoundView::default(), Arc::default()),
            unticked: imbl::HashSet::new(),
            ticking: None,
            readdress: false,
            cursor: 0,
            accepting: false,
        }
    }

    /// Rows that are ticked.
    pub fn chosen(&self) -> usize {
        let rows = self.plan.as_ref().map_or(0, |p| p.rows.len());
        rows.saturating_sub(self.counts.unclear + self.unticked.len())
    }

    /// Ticks a row or not.
    pub fn tick(&mut self, row: u32, ticked: bool) {
        if ticked {
            self.unticked.remove(&row);
        } else {
            self.unticked.insert(row);
        }
        if let Some(meanwhile) = &mut self.ticking {
            meanwhile.push((row, ticked));
        }
    }

    /// Everything that is shown was ticked or not; what a person ticked meanwhile stays as it is.
    pub fn ticked(&mut self, unticked: imbl::HashSet<u32>) {
        self.unticked = unticked;
        for (row, ticked) in self.ticking.take().unwrap_or_default() {
            self.tick(row, ticked);
        }
    }

    /// These are the rows of a view; unless something else was asked for since.
    pub fn shows(&mut self, view: FoundView, rows: Vec<u32>) {
        if view == self.view {
            self.cursor = self.cursor.min(rows.len().saturating_sub(1));
            self.shown = (view, Arc::new(rows));
        }
    }

    /// True where what is on the screen is what was asked for, and nothing else is being ticked.
    pub fn can_tick_shown(&self) -> bool {
        self.shown.0 == self.view && self.ticking.is_none() && !self.accepting
    }

    /// True where the ticks are known and not being taken over already.
    pub fn can_accept(&self) -> bool {
        !self.accepting && self.ticking.is_none()
    }

    /// The row at a line of what is shown.
    pub fn row_at(&self, line: usize) -> Option<(u32, &FoundRow)> {
        let index = *self.shown.1.get(line)?;
        Some((index, self.plan.as_ref()?.rows.get(index as usize)?))
    }
}

/// The audit of KMS hosts that was begun last.
#[derive(Debug, Clone, Default)]
pub struct KmsView {
    /// Suffixes that were typed; none: the usual ones.
    pub suffixes: Vec<String>,
    /// How far it is.
    pub audit: Option<KmsAudit>,
    /// What it found.
    pub found: Option<Arc<KmsDnsAudit>>,
    /// Its rows, sorted.
    pub rows: Arc<Vec<Vec<String>>>,
    /// The column they are sorted by; `None`: as DNS has them.
    pub sort: Option<usize>,
    /// From the end.
    pub descending: bool,
    /// The row under the keyboard.
    pub cursor: usize,
}

impl KmsView {
    /// Sorts the rows anew. There are as many as records of the organisation's suffixes.
    pub fn sorted(&mut self) {
        let Some(found) = &self.found else { return };
        let mut rows = found.rows();
        if let Some(column) = self.sort {
            let number = |row: &Vec<String>| row.get(column).and_then(|c| c.parse::<u64>().ok());
            let text = |row: &Vec<String>| row.get(column).map(|c| c.to_lowercase());
            rows.sort_by(|a, b| number(a).cmp(&number(b)).then_with(|| text(a).cmp(&text(b))));
            if self.descending {
                rows.reverse();
            }
        }
        self.rows = Arc::new(rows);
    }
}

/// What a person asks of discovery.
pub enum DiscoveryEvent {
    /// Begin; the list keeps it under its name, if `true` and it has one.
    Begin(Box<SavedDiscovery>, bool),
    /// Run the saved one with this name.
    RunSaved(String),
    /// How many addresses would this ask? Answers the dialog.
    Price(Vec<SourceOrder>, u32),
    /// A directory's tree below a node.
    Browse(SourceOrder, Option<String>),
    /// Stop.
    Cancel,
    /// Throw away what was found.
    Discard,
    /// Look at other rows.
    View(FoundView),
    /// Tick a row or not.
    Tick(u32, bool),
    /// Tick everything that is shown, or nothing of it.
    TickShown(bool),
    /// Take new addresses over, or not.
    Readdress(bool),
    /// The keyboard is on another line.
    Cursor(usize),
    /// Take over what is ticked; then this.
    Accept(Then),
    /// Give a saved discovery another name.
    Rename(String, String),
    /// Remove a saved discovery.
    Remove(String),
    /// Ask for another name.
    AskName(String),
}

/// What a person asks of the page with KMS hosts.
pub enum KmsEvent {
    /// Look at DNS; with these suffixes, none: the usual ones.
    Audit(Vec<String>),
    /// Stop.
    Cancel,
    /// These hosts may be there; then look again.
    Approve(Vec<String>, Vec<String>),
    /// Sort by another column.
    Sort(usize),
    /// The keyboard is on another line.
    Cursor(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Inventory;
    use crate::model::found::{FoundComputer, Source};

    #[test]
    fn numbers_are_sorted_by_what_they_count() {
        let mut names = ["10.0.0.10", "PC-2", "10.0.0.9", "pc-10", "pc-1b"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["10.0.0.9", "10.0.0.10", "pc-1b", "PC-2", "pc-10"]);
    }

    #[test]
    fn words_and_kinds_narrow_what_is_shown() {
        let found = ["b-2", "a-1", "c-3"].map(|n| FoundComputer::named(Source::Names, n));
        let plan = FoundPlan::new(&Inventory::default(), found.into());
        let mut view = FoundView::default();
        let names = |view: &FoundView| -> Vec<String> {
            let rows = view.rows(&plan);
            rows.iter().map(|i| plan.rows[*i as usize].found.name.clone()).collect()
        };
        assert_eq!(names(&view), ["a-1", "b-2", "c-3"]);
        view.descending = true;
        assert_eq!(names(&view), ["c-3", "b-2", "a-1"]);
        view.filter = "NEW 2".into();
        assert_eq!(names(&view), ["b-2"]);
        view.show = Show::Kind(FoundKind::Known);
        assert!(names(&view).is_empty());
    }
}
