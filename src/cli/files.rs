//! New lists, export and import.

use std::collections::HashSet;

use serde_json::json;

use super::args::{Export, Import, OutputArgs, Profile};
use super::context::{Context, products, tell_opened};
use super::exit::{CliError, Exit};
use super::list::{columns, sorting};
use super::loading::reading;
use super::merge::{both, save};
use super::output::{counted, tell};
use super::sealing::{plan_import, unlock};
use super::secrets::given_passphrase;
use crate::model::ViewSpec;
use crate::workspace::{Conflict, ImportNote, ImportReport, Mode, Workspace, is_legacy};

pub(super) fn new(context: &mut Context, list: &std::path::Path) -> Result<Exit, CliError> {
    Workspace::create(list, context.runtime.handle().clone())?;
    context.out.line(format!("Made {}", list.display()));
    Ok(Exit::Done)
}

pub(super) fn export(context: &mut Context, args: &Export) -> Result<Exit, CliError> {
    let workspace = context.open(&args.list, Mode::ReadOnly, args.output.quiet)?;
    if args.out.exists() && !args.replace {
        return Err(CliError::usage(format!(
            "{} exists: choose another file, or give --replace",
            args.out.display()
        )));
    }
    let is_table = args.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    if is_table && args.profile.is_some() {
        return Err(CliError::usage(
            "--profile is for lists: give a file that ends in .cilx, or leave it out to write a table",
        ));
    }
    if is_table || !args.columns.is_empty() {
        return export_table(context, args, &workspace);
    }
    let selection: Option<HashSet<_>> = match &args.selection.select {
        Some(filter) => {
            let chosen = products(&workspace.snapshot().inventory, Some(filter), |_| true);
            if chosen.is_empty() {
                return Err(CliError::usage(
                    "no product passes the filter of --select: nothing was exported",
                ));
            }
            Some(chosen.into_iter().collect())
        }
        None => None,
    };
    if matches!(args.profile, Some(Profile::Full)) {
        unlock(&workspace, &args.passphrase)?;
    }
    let report = workspace.export(
        &args.out,
        args.profile.unwrap_or(Profile::NoKeys).into(),
        selection.as_ref(),
    )?;
    if args.output.json {
        context.out.json(&json!({
            "summary": "Exported",
            "file": report.path.display().to_string(),
            "profile": report.profile.name(),
            "products": report.products,
            "left_out": report.left_out,
        }));
    } else {
        let left_out = match report.left_out {
            0 => String::new(),
            n => format!(" ({n} left out: they need no confirmation ID or can have none)"),
        };
        context.out.line(format!(
            "{} written to {}: {}{left_out}",
            counted(report.products, "product"),
            report.path.display(),
            report.profile.label()
        ));
    }
    Ok(Exit::Done)
}

fn export_table(context: &mut Context, args: &Export, workspace: &Workspace) -> Result<Exit, CliError> {
    let columns = columns(&args.columns)?;
    let (sort, descending) = sorting(&args.sort)?;
    let spec = ViewSpec {
        filter: args.selection.select.clone().unwrap_or_default(),
        sort,
        descending,
        group_by: None,
    };
    let report = workspace.export_table(&args.out, &columns, &spec)?;
    let names: Vec<&str> = columns.iter().map(|c| c.name()).collect();
    if args.output.json {
        context.out.json(&json!({
            "summary": "Exported",
            "file": report.path.display().to_string(),
            "columns": names,
            "rows": report.rows,
        }));
    } else {
        context.out.line(format!(
            "{} written to {}: {}",
            counted(report.rows, "row"),
            report.path.display(),
            names.join(", ")
        ));
    }
    Ok(Exit::Done)
}

/// A list that does not exist yet is made of a file of an older VAMT, which holds things a merge would not take over.
fn make_of_legacy(context: &mut Context, args: &Import) -> Result<Exit, CliError> {
    let (workspace, report) = {
        let (list, file) = (args.list.clone(), args.file.clone());
        let handle = context.runtime.handle().clone();
        reading(context, &args.file, args.output.quiet, move |watch| {
            Workspace::create_from(&list, &file, handle, watch)
        })?
    };
    tell_opened(&report);
    let inventory = workspace.snapshot().inventory.clone();
    let (computers, products, keys) = (
        inventory.computer_count(),
        inventory.product_count(),
        inventory.key_count(),
    );
    if args.output.json {
        context.out.json(&json!({
            "summary": "Made",
            "file": args.list.display().to_string(),
            "computers": computers,
            "products": products,
            "keys": keys,
        }));
    } else {
        context.out.line(format!(
            "Made {} of {}: {}, {}, {}",
            args.list.display(),
            args.file.display(),
            counted(computers, "computer"),
            counted(products, "product"),
            counted(keys, "product key"),
        ));
    }
    Ok(Exit::Done)
}

pub(super) fn import(context: &mut Context, args: &Import) -> Result<Exit, CliError> {
    if !args.list.exists() && is_legacy(&args.file)? {
        return make_of_legacy(context, args);
    }
    let workspace = context.open(&args.list, Mode::Edit, args.output.quiet)?;
    let passphrase = given_passphrase(&args.passphrase)?;
    let mut plan = plan_import(context, &workspace, &args.file, passphrase.as_ref(), args.output.quiet)?;
    if args.overwrite {
        plan.take_theirs();
    }
    let report = workspace.apply_import(plan)?;
    let saved = save(&workspace)?;
    tell_imported(context, &report, &args.output);
    let failed = report.unmatched.len()
        + report.conflicts.len()
        + report.undecided.len()
        + report.refused.len()
        + report.unusable;
    let done = match (failed, report.matched + report.added) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Nothing,
        _ => Exit::SomeFailed,
    };
    Ok(both(done, saved))
}

fn tell_imported(context: &mut Context, report: &ImportReport, output: &OutputArgs) {
    if output.json {
        let rows = |notes: &[ImportNote], state: &str| -> Vec<serde_json::Value> {
            let row = |n: &ImportNote| json!({ "name": n.row, "state": state, "text": n.reason });
            notes.iter().map(row).collect()
        };
        let conflicts = report.conflicts.iter().map(|c| {
            let text = "another confirmation ID for the same installation ID";
            json!({ "name": c.row, "state": "conflict", "text": text })
        });
        let all = rows(&report.unmatched, "unmatched")
            .into_iter()
            .chain(rows(&report.notes, "note"))
            .chain(rows(&report.undecided, "conflict"))
            .chain(conflicts);
        for row in all {
            context.out.json(&row);
        }
        context.out.json(&json!({
            "summary": "Imported",
            "matched": report.matched,
            "added": report.added,
            "already_known": report.already_known,
            "confirmation_ids": report.confirmation_ids,
            "unmatched": report.unmatched.len(),
            "conflicts": report.conflicts.len() + report.undecided.len(),
            "refused": report.refused.len(),
            "unusable": report.unusable,
        }));
        return;
    }
    tell_notes(&report.unmatched, &report.conflicts, &report.notes, output);
    for note in &report.undecided {
        tell(format!("{}: {}", note.row, note.reason));
    }
    for refused in &report.refused {
        tell(format!("Not applied: {refused}"));
    }
    let unusable = match report.unusable {
        0 => String::new(),
        n => format!(", {} that could not be used", counted(n, "value")),
    };
    context.out.line(format!(
        "{} matched, {} added, {}, {} without a match{unusable}",
        counted(report.matched, "row"),
        report.added,
        counted(report.confirmation_ids, "new confirmation ID"),
        report.unmatched.len()
    ));
}

/// Rows that could not be used as they stand.
pub(super) fn tell_notes(unmatched: &[ImportNote], conflicts: &[Conflict], notes: &[ImportNote], output: &OutputArgs) {
    for note in unmatched {
        tell(format!("{}: {}", note.row, note.reason));
    }
    for conflict in conflicts {
        tell(format!(
            "{}: the file has another confirmation ID for the same installation ID; the list's was kept (--overwrite takes the file's)",
            conflict.row
        ));
    }
    if !output.quiet {
        for note in notes {
            // What concerns the whole file has no row.
            let row = if note.row.is_empty() {
                String::new()
            } else {
                format!("{}: ", note.row)
            };
            tell(format!("Note: {row}{}", note.reason));
        }
    }
}
