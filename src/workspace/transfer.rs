//! Carrying data out of and into the open list.

use std::collections::HashSet;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::{Workspace, WorkspaceError};
use crate::cil::import::{Conflict, ImportNote, ImportPlan, match_rows};
use crate::cil::seal::{self, SealError};
use crate::cil::store::{StoreError, read_other};
use crate::cil::{self, CilError, ExportProfile, Progress, Watch};
use crate::model::merge::{MergeCounts, MergeRow, RowRecord};
use crate::model::{LicenseStatus, Product, ProductId, Secret};

/// Rows of an import that the activity log tells one by one.
const ROWS_LOGGED: usize = 200;

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// The file.
    pub path: PathBuf,
    /// Which profile.
    pub profile: ExportProfile,
    /// Products written.
    pub products: usize,
    /// Products left out because no confirmation ID is needed or possible for them (proxy activation data only).
    pub left_out: usize,
}

/// What an import brought.
#[derive(Debug, Clone)]
pub struct ImportReport {
    /// How many rows of a list with names were what; `None`: it was proxy activation data.
    pub merged: Option<MergeCounts>,
    /// Rows that found their product.
    pub matched: usize,
    /// Rows of products that were not known.
    pub added: usize,
    /// Matched rows that brought nothing new.
    pub already_known: usize,
    /// New confirmation IDs.
    pub confirmation_ids: usize,
    /// Rows that apply to nothing, with the reason.
    pub unmatched: Vec<ImportNote>,
    /// Rows that contradict the list; they were not applied.
    pub conflicts: Vec<Conflict>,
    /// Rows of a merge that contradict the list and that nobody decided, with the reason: the list's values were kept.
    pub undecided: Vec<ImportNote>,
    /// Remarks.
    pub notes: Vec<ImportNote>,
    /// Values of the file that could not be used; each is among the notes.
    pub unusable: usize,
    /// Changes that no longer fitted the list, in words.
    pub refused: Vec<String>,
}

/// A row that belongs into proxy activation data: a confirmation ID is possible and the product is not activated yet.
fn can_be_activated_by_proxy(product: &Product) -> bool {
    product.accepts_confirmation_id()
        && product.license_status != LicenseStatus::Licensed
        && product.installation_id.is_some()
}

impl Workspace {
    /// Writes the list, or only `selection`, to another file, whole or not at all. Blocks on the disk.
    ///
    /// With [`ExportProfile::ProxyOnly`] products that need no confirmation ID are left out: the other side must not be
    /// tempted to spend an activation on them.
    pub fn export(
        &self,
        out: &Path,
        profile: ExportProfile,
        selection: Option<&HashSet<ProductId>>,
    ) -> Result<ExportReport, WorkspaceError> {
        self.refuse_itself(out)?;
        // What no snapshot shows yet belongs into the export, too.
        let inventory = self.inventory();
        if profile == ExportProfile::Full && seal::is_locked(&inventory) {
            return Err(SealError::Locked.into());
        }
        let selected = |p: &Product| selection.is_none_or(|s| s.contains(&p.id));
        let asked_for = inventory.products().filter(|p| selected(p)).count();
        let rows: Option<HashSet<ProductId>> = match profile {
            ExportProfile::ProxyOnly => Some(
                inventory
                    .products()
                    .filter(|p| selected(p) && can_be_activated_by_proxy(p))
                    .map(|p| p.id)
                    .collect(),
            ),
            _ => selection.cloned(),
        };
        let products = inventory
            .products()
            .filter(|p| rows.as_ref().is_none_or(|r| r.contains(&p.id)))
            .count();
        atomically(out, |file| cil::export(&inventory, profile, rows.as_ref(), file)).map_err(|source| {
            WorkspaceError::Write {
                path: out.to_owned(),
                source,
            }
        })?;
        self.log(format!(
            "Exported {products} products to {} ({})",
            out.display(),
            profile.label()
        ));
        Ok(ExportReport {
            path: out.to_owned(),
            profile,
            products,
            left_out: asked_for.saturating_sub(products),
        })
    }

    /// Nothing is exported onto the list itself, nor into a folder that does not exist.
    pub(super) fn refuse_itself(&self, out: &Path) -> Result<(), WorkspaceError> {
        check_folder(out)?;
        let own = self.snapshot().path.canonicalize();
        if matches!((out.canonicalize(), own), (Ok(a), Ok(b)) if a == b) {
            return Err(WorkspaceError::ExportOntoItself { path: out.to_owned() });
        }
        Ok(())
    }

    /// Reads another list and says what importing it would do. Changes nothing. Blocks on the disk.
    pub fn plan_import(&self, file: &Path) -> Result<ImportPlan, WorkspaceError> {
        self.plan_import_with(file, None, &|_| ControlFlow::Continue(()))
    }

    /// [`Workspace::plan_import`] of a list whose product keys are sealed with `passphrase`. Without it, such keys are taken
    /// over as far as they are known: last five characters, description, counts. `watch` is told how far reading has come, as
    /// [`Workspace::open_with`] tells it, and asked whether to go on, a last time when the plan is made
    /// ([`WorkspaceError::is_cancelled`]).
    pub fn plan_import_with(
        &self,
        file: &Path,
        passphrase: Option<&Secret>,
        watch: &Watch<'_>,
    ) -> Result<ImportPlan, WorkspaceError> {
        let mut loaded = read_other(file, watch).map_err(|error| WorkspaceError::of_import(file, error))?;
        if let Some(passphrase) = passphrase
            && seal::is_locked(&loaded.inventory)
        {
            loaded.inventory = seal::unlock(&loaded.inventory, passphrase)?;
        }
        let plan = match_rows(&self.inventory(), &loaded, Utc::now());
        if watch(Progress { done: 1, total: 1 }).is_break() {
            return Err(WorkspaceError::of_import(file, CilError::Cancelled.into()));
        }
        Ok(plan)
    }

    /// Applies a plan, as one step that can be undone (what came across an air gap is never undone): rows that fit are
    /// applied, the others are reported. Contradicting rows of proxy activation data are never applied by this; those of a
    /// merge as the plan says.
    pub fn apply_import(&self, plan: ImportPlan) -> Result<ImportReport, WorkspaceError> {
        let label = if plan.is_merge() { "Merge a list" } else { "Import" };
        let refused = self.carry_out(label, |inventory| plan.carry_out(inventory))?;
        self.log(format!(
            "Imported: {} rows matched, {} new products, {} new confirmation IDs, {} rows match nothing",
            plan.matched,
            plan.added,
            plan.confirmation_ids,
            plan.unmatched.len()
        ));
        let undecided: Vec<ImportNote> = plan.merge.undecided().map(in_words).collect();
        for note in plan.unmatched.iter().chain(&undecided).take(ROWS_LOGGED) {
            self.log(format!("{}: {}", note.row, note.reason));
        }
        Ok(ImportReport {
            merged: plan.is_merge().then(|| plan.merge.counts()),
            matched: plan.matched,
            added: plan.added,
            already_known: plan.already_known,
            confirmation_ids: plan.confirmation_ids,
            unmatched: plan.unmatched,
            conflicts: plan.conflicts,
            notes: plan.notes,
            unusable: plan.unusable,
            refused,
            undecided,
        })
    }
}

fn in_words(row: &MergeRow) -> ImportNote {
    let reasons: Vec<&str> = row.contradictions.iter().map(|c| c.label()).collect();
    ImportNote {
        product: match &row.record {
            RowRecord::Product(pair, _) => pair.any().map(|p| p.id),
            _ => None,
        },
        row: row.subject(),
        reason: reasons.join("; "),
    }
}

/// Refuses a place whose folder does not exist, before any work is done for it.
pub fn check_folder(out: &Path) -> Result<(), WorkspaceError> {
    let folder = folder_of(out);
    if folder.is_dir() {
        return Ok(());
    }
    let (path, folder) = (out.to_owned(), folder.to_owned());
    Err(StoreError::NoFolder { path, folder }.into())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file that writing to `out` replaces or makes: what a link points to. A device, a pipe or a folder is refused, because
/// replacing it would put a file in its place.
pub(super) fn regular_target(out: &Path) -> std::io::Result<PathBuf> {
    if std::fs::symlink_metadata(out).is_err() {
        // Nothing is there. What is wrong with the folder is found out when the file is made.
        return Ok(out.to_owned());
    }
    if !std::fs::metadata(out)?.is_file() {
        return Err(std::io::Error::other(
            "it is not a regular file (but a device, a pipe or a folder), so it is left as it is: choose another name",
        ));
    }
    std::fs::canonicalize(out)
}

/// Writes a file that is whole or not there: what was there before stays until then.
pub(super) fn atomically(
    out: &Path,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let out = &regular_target(out)?;
    let folder = folder_of(out);
    let mut file = std::io::BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    write(&mut file)?;
    file.flush()?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(out).map_err(|e| e.error)?;
    Ok(())
}
