//! Merging other lists into one, and saving a list that somebody else saved meanwhile.

use serde_json::json;

use super::args::{Merge, OutputArgs, PreferArg};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::files::tell_notes;
use super::output::{Table, counted, tell};
use super::sealing::plan_import;
use super::secrets::given_passphrase;
use crate::model::merge::{MatchedBy, MergeCounts, MergeRow, What};
use crate::workspace::{ImportPlan, Mode, Workspace};

/// Rows shown one by one; more are counted.
const ROWS_SHOWN: usize = 200;

pub(super) fn merge(context: &mut Context, args: &Merge) -> Result<Exit, CliError> {
    let mode = if args.dry_run { Mode::ReadOnly } else { Mode::Edit };
    let workspace = context.open(&args.list, mode, args.output.quiet)?;
    let mut exit = Exit::Done;
    let mut total = MergeCounts::default();
    let passphrase = given_passphrase(&args.passphrase)?;
    for file in &args.others {
        let mut plan = plan_import(context, &workspace, file, passphrase.as_ref(), args.output.quiet)?;
        if let Some(prefer) = args.prefer {
            plan.merge.prefer(prefer.into());
            if matches!(prefer, PreferArg::Theirs) {
                plan.take_theirs();
            }
        }
        for pair in &mut plan.merge.possible_duplicates {
            pair.join = args.join;
        }
        if !args.output.json {
            context.out.line(format!("{}:", file.display()));
        }
        show(context, &plan, &args.output);
        add(&mut total, plan.merge.counts());
        let open = plan.contradictions() + plan.unmatched.len();
        if open > 0 && !matches!(args.prefer, Some(PreferArg::Ours)) {
            exit = Exit::SomeFailed;
        }
        if !args.dry_run {
            let report = workspace.apply_import(plan)?;
            for refused in &report.refused {
                tell(format!("Not applied: {refused}"));
                exit = Exit::SomeFailed;
            }
        }
    }
    if !args.dry_run {
        exit = exit.max(save(&workspace)?);
    }
    summary(context, args, &total);
    Ok(exit)
}

fn add(total: &mut MergeCounts, more: MergeCounts) {
    total.new += more.new;
    total.newer_here += more.newer_here;
    total.newer_there += more.newer_there;
    total.same += more.same;
    total.removed += more.removed;
    total.conflicts += more.conflicts;
    total.confirmation_ids += more.confirmation_ids;
}

fn summary(context: &mut Context, args: &Merge, total: &MergeCounts) {
    if args.output.json {
        let mut summary = json!({
            "summary": if args.dry_run { "Would be merged" } else { "Merged" },
            "confirmation_ids": total.confirmation_ids,
        });
        for what in What::ALL {
            if let Some(object) = summary.as_object_mut() {
                object.insert(what.name().to_owned(), total.of(*what).into());
            }
        }
        context.out.json(&summary);
        return;
    }
    let did = if args.dry_run { "Nothing was changed" } else { "Merged" };
    context.out.line(format!(
        "{did}: {} new, {} newer there, {} newer here, {} the same, {}, {}",
        total.new,
        total.newer_there,
        total.newer_here,
        total.same,
        counted(total.conflicts, "conflict"),
        counted(total.confirmation_ids, "new confirmation ID"),
    ));
}

/// The plan: what is the same or older there is only counted.
fn show(context: &mut Context, plan: &ImportPlan, output: &OutputArgs) {
    let interesting = |r: &&MergeRow| !matches!(r.what, What::Same | What::NewerHere);
    if output.json {
        for row in plan.merge.rows.iter().filter(interesting) {
            let differences: Vec<_> = row
                .differences()
                .into_iter()
                .map(|d| json!({ "what": d.what, "ours": d.ours, "theirs": d.theirs }))
                .collect();
            context.out.json(&json!({
                "name": row.subject(),
                "kind": row.kind(),
                "state": row.what.name(),
                "choice": row.choice.label(),
                "matched_by": row.matched_by.map(MatchedBy::label),
                "why": row.contradictions.iter().map(|c| c.label()).collect::<Vec<_>>(),
                "differences": differences,
            }));
        }
        for pair in &plan.merge.possible_duplicates {
            context.out.json(&json!({
                "name": &*pair.keep_name,
                "other": &*pair.other_name,
                "state": if pair.join { "joined" } else { "possible_duplicate" },
                "text": pair.why.label(),
            }));
        }
        for conflict in &plan.conflicts {
            context.out.json(&json!({ "name": conflict.row, "state": "conflict" }));
        }
    } else if !output.quiet {
        let mut table = Table::new(["What", "Record", "Difference"]);
        let mut left_out = 0;
        for (shown, what) in What::ALL
            .iter()
            .flat_map(|what| {
                plan.merge
                    .rows
                    .iter()
                    .filter(interesting)
                    .filter(move |r| r.what == *what)
            })
            .enumerate()
        {
            if shown >= ROWS_SHOWN {
                left_out += 1;
                continue;
            }
            table.row([what.what.label().to_owned(), what.subject(), in_short(what)]);
        }
        if !table.is_empty() {
            table.print(&mut context.out);
        }
        if left_out > 0 {
            context.out.line(format!("and {} more", counted(left_out, "row")));
        }
        for pair in &plan.merge.possible_duplicates {
            let did = if pair.join {
                "made one"
            } else {
                "may be one computer (--join makes them one)"
            };
            context.out.line(format!(
                "{} and {}: {}; {did}",
                pair.keep_name,
                pair.other_name,
                pair.why.label()
            ));
        }
    }
    tell_notes(&plan.unmatched, &plan.conflicts, &plan.notes, output);
}

fn in_short(row: &MergeRow) -> String {
    let why = row.contradictions.first().map(|c| c.label());
    if row.is_one_sided() {
        return why.unwrap_or_default().to_owned();
    }
    let differences = row.differences();
    let words = |d: &crate::model::merge::Difference| {
        let dash = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        format!("{}: {} > {}", d.what, dash(&d.ours), dash(&d.theirs))
    };
    let mut text = differences.iter().take(3).map(words).collect::<Vec<_>>().join(", ");
    if differences.len() > 3 {
        text.push_str(", …");
    }
    if let Some(why) = why {
        text = format!("{text} ({why})");
    }
    text
}

/// Saves the list. If somebody else saved it meanwhile, both versions are merged and that is said; where both changed the same
/// row it is not a success.
pub(super) fn save(workspace: &Workspace) -> Result<Exit, CliError> {
    let (_, merged) = workspace.save_merging()?;
    let Some(merged) = merged else { return Ok(Exit::Done) };
    let path = workspace.snapshot().path.clone();
    let counts = merged.counts;
    tell(format!(
        "{} was changed by somebody else meanwhile; both versions were merged: {} new, {} newer there, {} removed there",
        path.display(),
        counts.new,
        counts.newer_there,
        counts.removed,
    ));
    for refused in &merged.refused {
        tell(format!("Not merged: {refused}"));
    }
    if let Some(ours) = &merged.ours {
        tell(format!(
            "{} changed there and here: what the file said was kept, with the confirmation IDs of both; your version is in {}; \
             to use it: makeeper merge {} {} --prefer theirs",
            counted(counts.conflicts, "row"),
            ours.display(),
            path.display(),
            ours.display(),
        ));
    }
    Ok(if merged.ours.is_some() || !merged.refused.is_empty() {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}

/// The exit code of work that ended with `done` and was then saved.
pub(super) fn both(done: Exit, saved: Exit) -> Exit {
    match (done, saved) {
        (done, Exit::Done) => done,
        (Exit::Nothing, _) => Exit::Nothing,
        (_, saved) => saved,
    }
}
