//! Sealing product keys from the terminal.

use std::path::Path;

use serde_json::json;

use super::args::{OutputArgs, Passphrase};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::loading::reading;
use super::output::{counted, tell};
use super::secrets::{new_passphrase, passphrase, passphrase_of_other};
use crate::model::Secret;
use crate::workspace::{ImportPlan, KeyProtection, Mode, Workspace};

/// Asks for the passphrase and unlocks the product keys, if they are locked.
pub(super) fn unlock(workspace: &Workspace, given: &Passphrase) -> Result<(), CliError> {
    let snapshot = workspace.snapshot();
    if snapshot.key_protection() == KeyProtection::Locked {
        let passphrase = passphrase(given, &snapshot.path)?;
        workspace.unlock_keys(&passphrase)?;
    }
    Ok(())
}

/// Plans to take in `file`. If its product keys are sealed, its passphrase is the `given` one, or is asked for where somebody
/// sits at the terminal; without it everything but those keys is taken in.
///
/// Of a big file it shows how far reading has come, unless `quiet`; Ctrl+C stops that.
pub(super) fn plan_import(
    context: &Context,
    workspace: &Workspace,
    file: &Path,
    given: Option<&Secret>,
    quiet: bool,
) -> Result<ImportPlan, CliError> {
    let plan = |passphrase: Option<Secret>| {
        let (workspace, path) = (workspace.clone(), file.to_owned());
        reading(context, file, quiet, move |watch| {
            workspace.plan_import_with(&path, passphrase.as_ref(), watch)
        })
    };
    let locked = plan(given.cloned())?;
    if locked.locked_keys == 0 || given.is_some() {
        return Ok(locked);
    }
    match passphrase_of_other(file)? {
        Some(passphrase) => plan(Some(passphrase)),
        None => Ok(locked),
    }
}

pub(super) fn seal(
    context: &mut Context,
    list: &Path,
    given: &Passphrase,
    remove_copies: bool,
    output: &OutputArgs,
) -> Result<Exit, CliError> {
    let workspace = context.open(list, Mode::Edit, output.quiet)?;
    match workspace.snapshot().key_protection() {
        KeyProtection::Clear => {}
        KeyProtection::Locked | KeyProtection::Unlocked => {
            return Err(CliError::usage(format!(
                "the product keys of {} are sealed already; for another passphrase take the seal off first: makeeper keys unseal",
                list.display()
            )));
        }
    }
    let report = workspace.seal_keys(&new_passphrase(given, list)?)?;
    let removed = if remove_copies {
        workspace.remove_copies_with_keys()?
    } else {
        Vec::new()
    };
    let left: Vec<_> = report
        .copies_with_keys
        .iter()
        .filter(|p| !removed.contains(p))
        .collect();
    if output.json {
        let names =
            |paths: &[&std::path::PathBuf]| -> Vec<String> { paths.iter().map(|p| p.display().to_string()).collect() };
        context.out.json(&json!({
            "summary": "Product keys sealed",
            "total": report.keys,
            "copies_with_keys": names(&left),
            "removed": names(&removed.iter().collect::<Vec<_>>()),
        }));
        return Ok(Exit::Done);
    }
    context.out.line(format!(
        "{} sealed. Without the passphrase nobody can read them; everything else works as before",
        counted(report.keys, "product key")
    ));
    for path in &removed {
        context.out.line(format!("Removed {}", path.display()));
    }
    if !left.is_empty() {
        tell("Product keys are in clear still in:");
        for path in &left {
            tell(format!("  {}", path.display()));
        }
        if !remove_copies {
            tell(
                "These are older copies of the list: remove them, or keep them where nobody else reads them (--remove-copies does it)",
            );
        }
    }
    Ok(Exit::Done)
}

pub(super) fn unseal(
    context: &mut Context,
    list: &Path,
    given: &Passphrase,
    forget: bool,
    output: &OutputArgs,
) -> Result<Exit, CliError> {
    let workspace = context.open(list, Mode::Edit, output.quiet)?;
    if workspace.snapshot().key_protection() == KeyProtection::Clear {
        return Err(CliError::usage(format!(
            "the product keys of {} are not sealed",
            list.display()
        )));
    }
    if forget {
        workspace.forget_sealed_keys()?;
    } else {
        unlock(&workspace, given)?;
        workspace.unseal_keys()?;
    }
    let whole = workspace
        .snapshot()
        .inventory
        .keys()
        .filter(|k| k.key.is_some())
        .count();
    if output.json {
        context
            .out
            .json(&json!({ "summary": "Seal removed", "total": whole, "forgotten": forget }));
    } else if forget {
        context
            .out
            .line("Seal removed; the keys that were sealed are gone, their entries stay: add the keys again with makeeper keys add");
    } else {
        context.out.line(format!(
            "Seal removed; the file holds {} in clear",
            counted(whole, "product key")
        ));
    }
    Ok(Exit::Done)
}
