//! What found computers mean for the list, row by row, before anything changes.

use std::collections::BTreeSet;
use std::collections::HashSet;

use super::accept::{granted, new_computer};
use super::fold::{Folded, fold};
use super::learn::{elsewhere, learned, moved, news, was_read};
use super::matching::match_with;
use super::{FoundComputer, Source};
use crate::model::merge::computers::{host, names_agree};
use crate::model::{Computer, ComputerId, ConnectTo, Inventory, Text};

/// What a found computer is to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FoundKind {
    /// The list does not have it.
    New,
    /// The list has it in another domain or workgroup.
    MovedDomain,
    /// The list has it under another name.
    Renamed,
    /// The list has it and learns something.
    Changed,
    /// The list has it and knows all of that.
    Known,
    /// It cannot be added: why, [`FoundRow::obstacle`] says.
    Unclear,
}

impl FoundKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::New,
        Self::MovedDomain,
        Self::Renamed,
        Self::Changed,
        Self::Known,
        Self::Unclear,
    ];

    /// A word for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::MovedDomain => "moved",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
            Self::Known => "known",
            Self::Unclear => "unclear",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::MovedDomain => "Moved",
            Self::Renamed => "Renamed",
            Self::Changed => "Learns more",
            Self::Known => "Known",
            Self::Unclear => "Unclear",
        }
    }
}

/// One computer that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRow {
    /// What it is to the list.
    pub kind: FoundKind,
    /// Everything the sources know of it.
    pub found: FoundComputer,
    /// The computer of the list that it is.
    pub known: Option<ComputerId>,
    /// The name of that.
    pub known_name: Text,
    /// What the list learns, in words.
    pub news: Vec<&'static str>,
    /// Who told of it.
    pub sources: BTreeSet<Source>,
    /// How many times it was found.
    pub times: usize,
    /// The other names and addresses under which it was found.
    pub aliases: Vec<Text>,
    /// How it is said to be reached, where the list says otherwise. Taken over only by whoever asks for that.
    pub elsewhere: Option<ConnectTo>,
    /// Why not all of it can be taken over.
    pub obstacle: Option<String>,
}

impl FoundRow {
    /// What accepting the row does, in one sentence.
    pub fn meaning(&self) -> String {
        let learns = |news: &[&str]| match news {
            [] => String::new(),
            news => format!("learns {}", news.join(", ")),
        };
        let mut text = match self.kind {
            FoundKind::New => "is added".to_owned(),
            FoundKind::Known => "nothing to do".to_owned(),
            FoundKind::Unclear => String::new(),
            FoundKind::Renamed => format!("was {}", self.known_name),
            FoundKind::MovedDomain if !self.known_name.eq_ignore_ascii_case(&self.found.name) => {
                format!("was {}", self.known_name)
            }
            FoundKind::MovedDomain | FoundKind::Changed => learns(&self.news),
        };
        let mut also = |part: String| {
            if !part.is_empty() {
                if !text.is_empty() {
                    text.push_str("; ");
                }
                text.push_str(&part);
            }
        };
        if let Some(connect) = &self.elsewhere {
            also(format!("answers at {}", connect.in_words(&self.found.name)));
        }
        if !self.aliases.is_empty() {
            also(format!("found as {}, too", self.aliases.join(", ")));
        }
        if let Some(obstacle) = &self.obstacle {
            also(obstacle.clone());
        }
        text
    }

    /// True if it was found under two names or by two sources and became one row.
    pub fn was_found_twice(&self) -> bool {
        self.times > 1
    }
}

/// How many rows are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FoundCounts {
    /// [`FoundKind::New`].
    pub new: usize,
    /// [`FoundKind::Known`].
    pub known: usize,
    /// [`FoundKind::Changed`].
    pub changed: usize,
    /// [`FoundKind::Renamed`].
    pub renamed: usize,
    /// [`FoundKind::MovedDomain`].
    pub moved: usize,
    /// [`FoundKind::Unclear`].
    pub unclear: usize,
    /// Rows that were found twice, whatever they are.
    pub twice: usize,
    /// Rows that are reached elsewhere than the list says, whatever they are.
    pub elsewhere: usize,
}

impl FoundCounts {
    /// The number of rows of a kind.
    pub fn of(&self, kind: FoundKind) -> usize {
        match kind {
            FoundKind::New => self.new,
            FoundKind::Known => self.known,
            FoundKind::Changed => self.changed,
            FoundKind::Renamed => self.renamed,
            FoundKind::MovedDomain => self.moved,
            FoundKind::Unclear => self.unclear,
        }
    }

    fn count(&mut self, row: &FoundRow) {
        match row.kind {
            FoundKind::New => self.new += 1,
            FoundKind::Known => self.known += 1,
            FoundKind::Changed => self.changed += 1,
            FoundKind::Renamed => self.renamed += 1,
            FoundKind::MovedDomain => self.moved += 1,
            FoundKind::Unclear => self.unclear += 1,
        }
        self.twice += usize::from(row.was_found_twice());
        self.elsewhere += usize::from(row.elsewhere.is_some());
    }
}

/// What everything that was found means for the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundPlan {
    /// A row for each computer, new ones first, then by name.
    pub rows: Vec<FoundRow>,
}

impl FoundPlan {
    /// Compares what was found with `list`. Changes nothing.
    pub fn new(list: &Inventory, found: Vec<FoundComputer>) -> Self {
        let folded = fold(found);
        let targets = match_with(list, &folded);
        let mut rows: Vec<FoundRow> = folded
            .into_iter()
            .zip(targets)
            .map(|(folded, target)| row(list, folded, target))
            .collect();
        settle_names(list, &mut rows);
        rows.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.found.name.cmp(&b.found.name)));
        Self { rows }
    }

    /// How many rows are what.
    pub fn counts(&self) -> FoundCounts {
        let mut counts = FoundCounts::default();
        for row in &self.rows {
            counts.count(row);
        }
        counts
    }
}

fn row(list: &Inventory, folded: Folded, target: Option<ComputerId>) -> FoundRow {
    let Folded {
        found,
        times,
        sources,
        aliases,
    } = folded;
    let mut row = FoundRow {
        kind: FoundKind::New,
        found,
        known: None,
        known_name: Text::default(),
        news: Vec::new(),
        sources,
        times,
        aliases,
        elsewhere: None,
        obstacle: None,
    };
    if let Some(known) = target.and_then(|id| list.computer(id)) {
        row.known = Some(known.id);
        row.known_name = known.name.clone();
        row.elsewhere = elsewhere(known, &row.found);
        row.compare(list, known);
    }
    row
}

impl FoundRow {
    /// Says what the list would learn.
    fn compare(&mut self, list: &Inventory, known: &Computer) {
        let after = self.applied_to(list, known);
        self.news = news(known, &after);
        let domain = |c: &Computer| c.name.split_once('.').map(|(_, domain)| domain.to_lowercase());
        let other_domain = match (domain(known), domain(&after)) {
            (Some(a), Some(b)) => a != b && host(&known.name) == host(&after.name),
            _ => false,
        };
        self.kind = if known.name != after.name && !names_agree(known, &after) && !other_domain {
            FoundKind::Renamed
        } else if other_domain || moved(&known.network, &after.network) {
            FoundKind::MovedDomain
        } else if !self.news.is_empty() || self.elsewhere.is_some() {
            FoundKind::Changed
        } else {
            FoundKind::Known
        };
    }

    /// The computer with what the row tells of it. A row with an obstacle does not rename.
    pub(super) fn applied_to(&self, list: &Inventory, known: &Computer) -> Computer {
        let mut after = learned(known, &self.found, was_read(list, known.id));
        if self.obstacle.is_some() && after.name != known.name {
            after.name = known.name.clone();
            after.connect.clone_from(&known.connect);
        }
        after
    }
}

/// Names are unique in the list: sees to it that every row can have the one it wants, or gives it another, or says why not.
fn settle_names(list: &Inventory, rows: &mut [FoundRow]) {
    let denied = denied(list, rows);
    if denied.is_empty() {
        return;
    }
    let mut given: HashSet<String> = HashSet::new();
    for at in denied {
        let Some(row) = rows.get_mut(at) else { continue };
        let holder = list.computer_by_name(&row.found.name).map(|c| c.name.clone());
        let taken = holder.as_deref().unwrap_or(&row.found.name).to_owned();
        if let Some(known) = row.known.and_then(|id| list.computer(id)) {
            row.obstacle = Some(format!("keeps its name: another computer is called {taken}"));
            row.compare(list, known);
            continue;
        }
        let network = &row.found.network.name;
        let full = (network.contains('.') && !row.found.name.contains('.'))
            .then(|| format!("{}.{network}", row.found.name.to_lowercase()));
        let address = row.found.addresses.first().map(ToString::to_string);
        let other = full
            .into_iter()
            .chain(address)
            .find(|name| list.computer_by_name(name).is_none() && given.insert(name.to_lowercase()));
        if let Some(name) = other {
            row.aliases.push(std::mem::replace(&mut row.found.name, name).into());
        } else {
            row.kind = FoundKind::Unclear;
            row.obstacle = Some(format!(
                "another computer is called {taken}, and nothing else tells them apart: give it a full name"
            ));
        }
    }
    // Another name may be one that a later row wants.
    for at in denied_new(list, rows) {
        if let Some(row) = rows.get_mut(at) {
            row.kind = FoundKind::Unclear;
            row.obstacle = Some(format!("another computer is called {}", row.found.name));
        }
    }
}

fn wants(list: &Inventory, row: &FoundRow) -> Option<(ComputerId, Text)> {
    if row.kind == FoundKind::Unclear {
        return None;
    }
    match row.known.and_then(|id| list.computer(id)) {
        Some(known) => {
            let after = row.applied_to(list, known);
            (after.name != known.name).then_some((known.id, after.name))
        }
        None => Some((new_computer(&row.found).id, row.found.name.trim().into())),
    }
}

fn denied(list: &Inventory, rows: &[FoundRow]) -> Vec<usize> {
    let (at, wanted): (Vec<usize>, Vec<_>) = rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((at, wants(list, row)?)))
        .unzip();
    let granted = granted(list, &wanted);
    at.into_iter()
        .zip(granted)
        .filter(|(_, yes)| !yes)
        .map(|(at, _)| at)
        .collect()
}

fn denied_new(list: &Inventory, rows: &[FoundRow]) -> Vec<usize> {
    let mut denied = denied(list, rows);
    denied.retain(|at| rows.get(*at).is_some_and(|r| r.known.is_none()));
    denied
}
