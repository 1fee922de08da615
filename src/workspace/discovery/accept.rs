//! Taking over what was found, and what the list keeps of discoveries.

use crate::model::found::{FoundPlan, SavedDiscovery};
use crate::model::merge::Carried;
use crate::model::{Change, ComputerId, Text};
use crate::workspace::{Workspace, WorkspaceError};

/// What accepting found computers did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptReport {
    /// Computers that were added.
    pub added: usize,
    /// Computers that learned something.
    pub changed: usize,
    /// The computers of all rows that were accepted, also of those with nothing to do: to be probed or updated next.
    pub computers: Vec<ComputerId>,
    /// What could not be done, in words.
    pub refused: Vec<String>,
    /// The rows of the plan that were chosen and not taken over as they stand, by their index.
    pub not_taken: Vec<usize>,
}

impl Workspace {
    /// Takes over the rows of `plan` that `chosen` names by their index, as one step that can be undone. `readdress`: also where
    /// computers are reached, where that is elsewhere than the list says. Blocks on the disk.
    pub fn accept_found(
        &self,
        plan: &FoundPlan,
        chosen: impl Fn(usize) -> bool,
        readdress: bool,
    ) -> Result<AcceptReport, WorkspaceError> {
        let mut report = AcceptReport::default();
        let refused = self.carry_out("Take over what was discovered", |list| {
            let accepted = plan.accept(list, chosen, readdress);
            report.added = accepted.added;
            report.changed = accepted.changed;
            report.computers = accepted.computers;
            report.not_taken = accepted.not_taken;
            Carried {
                changes: accepted.changes,
                refused: accepted.refused,
                ..Carried::default()
            }
        })?;
        report.refused = refused;
        self.log(format!(
            "Discovered: {} computers added, {} learned something",
            report.added, report.changed
        ));
        Ok(report)
    }

    /// Keeps a discovery in the list under its name, in the place of one that has it already.
    pub fn save_discovery(&self, saved: SavedDiscovery) -> Result<(), WorkspaceError> {
        self.edit(vec![Change::SaveDiscovery(Box::new(saved))])
    }

    /// Gives a saved discovery another name. One that has that name already is replaced.
    pub fn rename_discovery(&self, name: &str, to: &str) -> Result<(), WorkspaceError> {
        self.edit_with(|list| {
            let Some(known) = list.header().discovery(name) else {
                return Vec::new();
            };
            let renamed = SavedDiscovery {
                name: to.trim().into(),
                ..known.clone()
            };
            vec![
                Change::RemoveDiscovery(known.name.clone()),
                Change::SaveDiscovery(Box::new(renamed)),
            ]
        })
    }

    /// Removes a saved discovery; computers that it found stay.
    pub fn remove_discovery(&self, name: &str) -> Result<(), WorkspaceError> {
        self.edit(vec![Change::RemoveDiscovery(name.into())])
    }

    /// These hosts, and no others, may answer for KMS in this organisation.
    pub fn approve_kms_hosts(&self, hosts: Vec<Text>) -> Result<(), WorkspaceError> {
        self.edit(vec![Change::ApproveKmsHosts(hosts)])
    }
}
