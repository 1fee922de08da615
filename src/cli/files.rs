//! New lists, discovery, export and import.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use super::args::{Discover, Export, Import, OutputArgs, Profile};
use super::context::{Context, products, settings, tell_opened};
use super::exit::{CliError, Exit};
use super::list::{columns, sorting};
use super::loading::reading;
use super::merge::{both, save};
use super::output::{counted, tell};
use super::runs::progress_bar;
use super::sealing::{plan_import, unlock};
use super::secrets::{given_passphrase, read_file, read_standard_input};
use crate::model::ViewSpec;
use crate::workspace::{
    AddReport, Conflict, ImportNote, ImportReport, Mode, Search, SearchProgress, Workspace, is_legacy, unknown_columns,
};

pub(super) fn new(context: &mut Context, list: &std::path::Path) -> Result<Exit, CliError> {
    Workspace::create(list, context.runtime.handle().clone())?;
    context.out.line(format!("Made {}", list.display()));
    Ok(Exit::Done)
}

pub(super) fn discover(context: &mut Context, args: &Discover) -> Result<Exit, CliError> {
    let mut text = String::new();
    for names in &args.names {
        if names == "-" {
            text.push_str(&read_standard_input()?);
        } else {
            text.push_str(names);
        }
        text.push('\n');
    }
    // A list file may be CSV, which is told by its first line: each is read by itself.
    let mut texts = Vec::new();
    if !text.trim().is_empty() {
        texts.push(("--names".to_owned(), text));
    }
    for path in &args.from {
        let text = read_file(path)?.to_string();
        if let Some(columns) = unknown_columns(&text) {
            return Err(CliError::usage(format!(
                "{}: none of the columns {} names computers: call one of them 'name' or 'computer' in the first line \
                 ('address', 'port' and 'tls' say how each is reached)",
                path.display(),
                columns.join(", ")
            )));
        }
        texts.push((path.display().to_string(), text));
    }
    let workspace = if args.list.exists() {
        context.open(&args.list, Mode::Edit, args.output.quiet)?
    } else {
        Workspace::create(&args.list, context.runtime.handle().clone())?
    };
    workspace.set_settings(settings(Some(&args.network), None));
    let mut total = AddReport::default();
    let mut interrupted = false;
    let mut readdressed = 0;
    for (source, text) in texts {
        let report = if args.no_probe {
            workspace.add_computers_at(&text, args.port)?
        } else {
            let search = workspace.search(&text, args.port)?;
            let (progress, cancelled) = watch(context, &search, &args.output);
            interrupted |= cancelled;
            match progress.report {
                Some(Ok(report)) => report,
                Some(Err(message)) => return Err(CliError::usage(message)),
                None => return Err(CliError::usage("the search ended unexpectedly")),
            }
        };
        for problem in &report.problems {
            tell(format!("{source}, {problem}"));
        }
        for elsewhere in &report.elsewhere {
            tell(format!(
                "{source}: {} is reached at {}, in the list at {}",
                elsewhere.name,
                elsewhere.found_in_words(),
                elsewhere.known_in_words()
            ));
        }
        if args.readdress {
            readdressed += workspace.readdress(&report.elsewhere)?;
        } else {
            total.elsewhere.extend(report.elsewhere);
        }
        total.added.extend(report.added);
        total.known.extend(report.known);
        total.silent += report.silent;
        total.problems.extend(report.problems);
    }
    let saved = save(&workspace)?;
    tell_added(context, &total, readdressed, &args.output);
    let done = if !total.problems.is_empty() && total.added.is_empty() && total.known.is_empty() {
        Exit::Nothing
    } else if !total.problems.is_empty() || interrupted {
        Exit::SomeFailed
    } else if total.added.is_empty() && total.known.is_empty() {
        Exit::Nothing
    } else {
        Exit::Done
    };
    Ok(both(done, saved))
}

fn watch(context: &Context, search: &Search, output: &OutputArgs) -> (SearchProgress, bool) {
    let bar = progress_bar("Finding computers", search.progress().total, output);
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let mut interrupted = false;
    let progress = context.runtime.block_on(async {
        let finished = search.finished();
        tokio::pin!(finished);
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                progress = &mut finished => break progress,
                _ = tick.tick() => {
                    let progress = search.progress();
                    bar.set_position(progress.tried as u64);
                    bar.set_message(format!("{} found", progress.answered));
                }
                () = interrupts.interrupted() => {
                    interrupted = true;
                    search.cancel();
                }
            }
        }
    });
    bar.finish_and_clear();
    (progress, interrupted)
}

fn tell_added(context: &mut Context, report: &AddReport, readdressed: usize, output: &OutputArgs) {
    if output.json {
        for name in &report.added {
            context.out.json(&json!({ "name": &**name, "state": "added" }));
        }
        for name in &report.known {
            context.out.json(&json!({ "name": &**name, "state": "known" }));
        }
        for elsewhere in &report.elsewhere {
            context.out.json(&json!({
                "name": &*elsewhere.name,
                "state": "elsewhere",
                "known": elsewhere.known_in_words(),
                "found": elsewhere.found_in_words(),
            }));
        }
        for problem in &report.problems {
            context
                .out
                .json(&json!({ "line": problem.line, "piece": problem.piece, "state": "refused", "text": problem.to_string() }));
        }
        context.out.json(&json!({
            "summary": "Computers added",
            "added": report.added.len(),
            "known": report.known.len(),
            "elsewhere": report.elsewhere.len(),
            "readdressed": readdressed,
            "silent": report.silent,
            "refused": report.problems.len(),
        }));
        return;
    }
    let mut parts = vec![format!("{} added", counted(report.added.len(), "computer"))];
    for (count, one, many) in [
        (report.known.len(), "1 known already", "known already"),
        (
            report.elsewhere.len(),
            "1 of them at another address (--readdress takes it over)",
            "of them at another address (--readdress takes it over)",
        ),
        (
            readdressed,
            "1 of them with its new address",
            "of them with their new addresses",
        ),
        (
            report.silent,
            "1 address without an answer",
            "addresses without an answer",
        ),
        (
            report.problems.len(),
            "1 piece that names no computer",
            "pieces that name no computer",
        ),
    ] {
        match count {
            0 => {}
            1 => parts.push(one.to_owned()),
            n => parts.push(format!("{n} {many}")),
        }
    }
    context.out.line(parts.join(", "));
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
