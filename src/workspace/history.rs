//! Undo and redo of edits, and their names.

use std::collections::VecDeque;

use super::open::lock;
use super::{Workspace, WorkspaceError};
use crate::cil::seal::protected;
use crate::model::{Change, Inventory, Reversal, Step, Text};

/// Steps that can be undone.
const LIMIT: usize = 100;

/// What was edited in this session, and what was undone of it.
#[derive(Debug, Default)]
pub(super) struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
}

/// What undoing or redoing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The name of the edit.
    pub label: Text,
    /// What stays although the edit was undone, with the reason: rows that received a confirmation ID since, above all.
    pub kept: Vec<String>,
}

/// Which way through the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Forth,
}

impl History {
    /// Remembers an edit. What was undone before it cannot be redone any more.
    pub(super) fn record(&mut self, step: Step) {
        if step.is_empty() {
            return;
        }
        self.undone.clear();
        self.push(step);
    }

    fn push(&mut self, step: Step) {
        self.done.push_back(step);
        if self.done.len() > LIMIT {
            self.done.pop_front();
        }
    }

    /// The name of the edit that undo takes back.
    pub(super) fn undo_label(&self) -> Option<Text> {
        self.done.back().map(|step| step.label().clone())
    }

    /// The name of the edit that redo brings back.
    pub(super) fn redo_label(&self) -> Option<Text> {
        self.undone.last().map(|step| step.label().clone())
    }

    fn next(&self, way: Way) -> Option<&Step> {
        match way {
            Way::Back => self.done.back(),
            Way::Forth => self.undone.last(),
        }
    }

    /// The next step was turned into `turned`, which turns it back.
    fn turn(&mut self, way: Way, turned: Step) {
        match way {
            Way::Back => {
                self.done.pop_back();
                if !turned.is_empty() {
                    self.undone.push(turned);
                }
            }
            Way::Forth => {
                self.undone.pop();
                if !turned.is_empty() {
                    self.push(turned);
                }
            }
        }
    }
}

impl Workspace {
    /// Takes the last edit back; `None`: there is none. What came from the world since - observations, confirmation IDs,
    /// questions, counts - stays. Journalled like every change. Blocks on the disk.
    pub fn undo(&self) -> Result<Option<Undone>, WorkspaceError> {
        self.turn(Way::Back)
    }

    /// Brings back what was undone last; `None`: there is nothing.
    pub fn redo(&self) -> Result<Option<Undone>, WorkspaceError> {
        self.turn(Way::Forth)
    }

    fn turn(&self, way: Way) -> Result<Option<Undone>, WorkspaceError> {
        let undone = {
            let mut state = lock(&self.0.state);
            let Some(step) = state.history.next(way) else {
                return Ok(None);
            };
            let label = step.label().clone();
            let Reversal { changes, kept } = step.reversal(&state.inventory);
            let changes = protected(&state.inventory, changes)?;
            let mut back = Step::new(label.clone());
            let mut trial = state.inventory.clone();
            for change in &changes {
                back.apply(&mut trial, change)?;
            }
            if !changes.is_empty() {
                state.journal(&changes)?;
            }
            state.inventory = trial;
            state.history.turn(way, back);
            Undone { label, kept }
        };
        let word = match way {
            Way::Back => "Undone",
            Way::Forth => "Redone",
        };
        self.log(format!("{word}: {}", undone.label));
        for kept in &undone.kept {
            self.log(format!("{word}, but {kept}"));
        }
        Ok(Some(undone))
    }
}

/// A name for an edit, in words: `Remove 3 computers`.
pub(super) fn name_of(changes: &[Change], before: &Inventory) -> String {
    let mut counts: Vec<(&str, &str, usize, String)> = Vec::new();
    let mut count = |verb: &'static str, noun: &'static str, name: String| match counts
        .iter_mut()
        .find(|(v, n, ..)| (*v, *n) == (verb, noun))
    {
        Some((.., count, _)) => *count += 1,
        None => counts.push((verb, noun, 1, name)),
    };
    let key_name = |key: &crate::model::KeyEntry| key.last_five.map(|f| format!("…{f}")).unwrap_or_default();
    for change in changes {
        match change {
            Change::PutComputer(c) => match before.computer(c.id) {
                None => count("Add", "computer", c.name.to_string()),
                Some(known) if known.name != c.name => count("Rename", "computer", known.name.to_string()),
                Some(_) => count("Edit", "computer", c.name.to_string()),
            },
            Change::RemoveComputer(id) => {
                let name = before.computer(*id).map(|c| c.name.to_string());
                count("Remove", "computer", name.unwrap_or_default());
            }
            Change::PutProduct(p) | Change::RestoreProduct(p) => {
                let verb = if before.product(p.id).is_some() { "Edit" } else { "Add" };
                count(verb, "product", p.name.to_string());
            }
            Change::RemoveProduct(id) => {
                let name = before.product(*id).map(|p| p.name.to_string());
                count("Remove", "product", name.unwrap_or_default());
            }
            Change::PutKey(k) => {
                let verb = if before.key(k.id).is_some() { "Edit" } else { "Add" };
                count(verb, "product key", key_name(k));
            }
            Change::RemoveKey(id) => {
                count(
                    "Remove",
                    "product key",
                    before.key(*id).map(|k| key_name(k)).unwrap_or_default(),
                );
            }
            Change::SaveDiscovery(saved) => {
                let verb = if before.header().discovery(&saved.name).is_some() {
                    "Change"
                } else {
                    "Save"
                };
                count(verb, "discovery", saved.name.to_string());
            }
            Change::RemoveDiscovery(name) => count("Remove", "discovery", name.to_string()),
            Change::ApproveKmsHosts(_) => count("Change", "list of approved KMS hosts", String::new()),
            _ => {}
        }
    }
    match counts.as_slice() {
        [] => "Edit".into(),
        [(verb, noun, 1, name)] => format!("{verb} {noun} {name}").trim_end().to_owned(),
        [(verb, noun, n, _)] => format!("{verb} {n} {noun}s"),
        [(verb, noun, n, _), rest @ ..] => {
            let also: usize = rest.iter().map(|(_, _, n, _)| n).sum();
            let plural = if *n == 1 { "" } else { "s" };
            format!("{verb} {n} {noun}{plural} and {also} more")
        }
    }
}
