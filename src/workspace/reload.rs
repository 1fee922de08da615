//! Somebody else saved the list meanwhile: both versions become one, and neither is overwritten unseen.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::history::History;
use super::open::lock;
use super::transfer::atomically;
use super::{SaveReport, Workspace, WorkspaceError};
use crate::cil::seal;
use crate::cil::store::{ChangedList, Store, StoreError};
use crate::cil::{self, Watch};
use crate::model::merge::{Choice, MergeCounts, MergePlan, What, with_their_foreign};
use crate::model::{Change, ListHeader, Step, difference};

/// How the open list and its changed file become one. Nothing has happened yet.
#[derive(Debug, Clone)]
pub struct ReloadPlan {
    /// What was changed there, row by row, against what was changed here: only rows that both sides changed are conflicts.
    pub merge: MergePlan,
    changed: ChangedList,
}

/// What becoming one with a changed file did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadReport {
    /// How many rows were what.
    pub counts: MergeCounts,
    /// What did not fit, in words.
    pub refused: Vec<String>,
    /// Where our version lies, if rows were decided for the file.
    pub ours: Option<PathBuf>,
}

/// What both keep of other programs outside the records. `ours` counts where it was changed since `base`.
fn header_of_both(base: &ListHeader, ours: &ListHeader, theirs: &ListHeader) -> ListHeader {
    let changed = (&base.root, &base.data) != (&ours.root, &ours.data);
    let merged = changed.then(|| with_their_foreign(theirs, ours)).flatten();
    merged.unwrap_or_else(|| theirs.clone()).with_saved_of(base, ours)
}

impl Workspace {
    /// True if the file was changed, replaced or removed since it was opened or saved. Looks at the disk.
    pub fn changed_by_other(&self) -> bool {
        lock(&self.0.state).store().is_some_and(Store::changed_by_other)
    }

    /// Reads the file that somebody else changed and says how both versions become one: what was loaded is the state that
    /// both come from. Changes nothing. Blocks on the disk.
    pub fn plan_reload(&self) -> Result<ReloadPlan, WorkspaceError> {
        self.plan_reload_with(&|_| ControlFlow::Continue(()))
    }

    /// [`Workspace::plan_reload`], telling `watch` how far reading has come and asking whether to go on.
    pub fn plan_reload_with(&self, watch: &Watch<'_>) -> Result<ReloadPlan, WorkspaceError> {
        let file = lock(&self.0.state).store_mut()?.path().to_owned();
        let changed = ChangedList::read(&file, watch)?;
        let (base, ours) = {
            let state = lock(&self.0.state);
            (state.on_disk.clone(), state.inventory.clone())
        };
        // Whoever changed the seal last has changed it: sealing and unsealing save at once.
        let theirs = &changed.loaded.inventory;
        let (base, ours) = seal::follow(&base, &ours, theirs)?;
        let merge = MergePlan::three_way(&base, &ours, theirs);
        Ok(ReloadPlan { merge, changed })
    }

    /// Makes one of both versions, as one step that can be undone. The file is not written yet: the list now continues it, and
    /// saving works again.
    pub fn apply_reload(&self, plan: &ReloadPlan) -> Result<ReloadReport, WorkspaceError> {
        let counts = plan.merge.counts();
        let refused = {
            let mut state = lock(&self.0.state);
            let on_disk = &plan.changed.loaded.inventory;
            let (_, mut merged) = seal::follow(&state.on_disk, &state.inventory, on_disk)?;
            let carried = plan.merge.carry_out(&merged);
            let mut step = Step::new("Merge what somebody else saved");
            for change in &carried.changes {
                step.apply(&mut merged, change)?;
            }
            let header = header_of_both(state.on_disk.header(), state.inventory.header(), on_disk.header());
            let mut changes = Vec::new();
            if header != *on_disk.header() {
                let (root, data) = (header.root.clone(), header.data.clone());
                changes.push(Change::KeepForeign { root, data });
            }
            changes.extend(on_disk.header().changes_to(&header));
            merged.set_header(header);
            let merged = seal::close(merged)?;
            changes.extend(difference(on_disk, &merged));
            state.store_mut()?.rebase(&plan.changed, &changes)?;
            if state.inventory.header().seal != on_disk.header().seal {
                // Steps of before would bring back what the former seal closed, or what is in clear no longer.
                state.history = History::default();
            }
            state.on_disk = on_disk.clone();
            state.inventory = merged;
            state.history.record(step);
            carried.refused
        };
        self.log(format!(
            "Merged what somebody else saved: {} new rows, {} newer there, {} removed there, {} in conflict",
            counts.new, counts.newer_there, counts.removed, counts.conflicts
        ));
        Ok(ReloadReport {
            counts,
            refused,
            ours: None,
        })
    }

    /// [`Workspace::save`]; if somebody else saved meanwhile, both versions are merged first, and the report says so.
    ///
    /// Where both changed the same row, nobody is asked and nothing of either is lost: the file keeps what it says there,
    /// confirmation IDs of both sides are in it, and our version of the whole list is written beside it
    /// ([`ReloadReport::ours`]), from where it can be merged with another choice.
    pub fn save_merging(&self) -> Result<(SaveReport, Option<ReloadReport>), WorkspaceError> {
        let mut merged: Option<ReloadReport> = None;
        // Whoever saves all the time wins in the end; nothing is lost by giving up.
        for _ in 0..5 {
            match self.save() {
                Err(WorkspaceError::Store(StoreError::ChangedByOther { .. })) => {}
                saved => return saved.map(|report| (report, merged)),
            }
            let mut plan = self.plan_reload()?;
            let mut ours = merged.as_ref().and_then(|m| m.ours.clone());
            if plan.merge.undecided().next().is_some() {
                ours = Some(self.write_aside(&plan)?);
                for row in plan.merge.rows.iter_mut().filter(|r| r.what == What::Conflict) {
                    let both_say = !row.is_one_sided();
                    if both_say {
                        row.choice = Choice::Theirs;
                    }
                }
            }
            match self.apply_reload(&plan) {
                Err(WorkspaceError::Store(StoreError::ChangedByOther { .. })) => {}
                report => merged = Some(ReloadReport { ours, ..report? }),
            }
        }
        self.save().map(|report| (report, merged))
    }

    /// Writes the list as it is here to a new file beside its own, its keys under the seal that the file has now.
    fn write_aside(&self, plan: &ReloadPlan) -> Result<PathBuf, WorkspaceError> {
        let (path, inventory) = {
            let state = lock(&self.0.state);
            let (_, ours) = seal::follow(&state.on_disk, &state.inventory, &plan.changed.loaded.inventory)?;
            (state.path().to_owned(), seal::close(ours)?)
        };
        let mut number = 1;
        loop {
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push(format!("-ours-{number}.cilx"));
            let aside = path.with_file_name(name);
            if aside.exists() {
                number += 1;
                continue;
            }
            atomically(&aside, |out| cil::write(&inventory, None, out)).map_err(|source| WorkspaceError::Write {
                path: aside.clone(),
                source,
            })?;
            return Ok(aside);
        }
    }
}
