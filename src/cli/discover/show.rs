//! What a discovery found, on standard output.

use serde_json::{Value, json};

use crate::cli::args::OutputArgs;
use crate::cli::context::Context;
use crate::cli::output::{Table, counted};
use crate::model::NetworkKind;
use crate::model::found::{FoundKind, FoundPlan, FoundRow};
use crate::workspace::{DiscoveryProgress, SourceState};

/// What was taken over.
pub(super) struct Told<'d> {
    pub plan: &'d FoundPlan,
    pub progress: &'d DiscoveryProgress,
    /// Computers added.
    pub added: usize,
    /// What could not be done.
    pub refused: usize,
    /// The rows that were not taken over as they stand, by their index.
    pub not_taken: &'d [usize],
    /// New addresses were taken over.
    pub readdress: bool,
}

fn row_json(row: &FoundRow, state: &str) -> Value {
    let found = &row.found;
    let sources: Vec<&str> = row.sources.iter().map(|s| s.label()).collect();
    json!({
        "name": found.name,
        "state": state,
        "text": row.meaning(),
        "was": (!row.known_name.is_empty()).then_some(&*row.known_name),
        "domain": (found.network.kind != NetworkKind::Workgroup).then_some(&*found.network.name),
        "workgroup": (found.network.kind == NetworkKind::Workgroup).then_some(&*found.network.name),
        "os": found.os_edition,
        "os_version": found.os_version,
        "addresses": found.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "hardware_addresses": found.mac_addresses,
        "directory_id": found.directory_id.map(|id| id.to_string()),
        "last_logon": found.last_logon.map(|at| at.to_rfc3339()),
        "disabled": found.is_disabled,
        "place": found.place,
        "sources": sources,
        "found": row.times,
        "aliases": row.aliases.iter().map(|a| &**a).collect::<Vec<_>>(),
    })
}

fn sources_json(progress: &DiscoveryProgress) -> Value {
    let one = |source: &crate::workspace::SourceProgress| {
        let (state, text, class) = match &source.state {
            SourceState::Running => ("running", "", ""),
            SourceState::Done => ("done", "", ""),
            SourceState::Cancelled => ("cancelled", "", ""),
            SourceState::Failed(failure) => ("failed", failure.message.as_str(), failure.class),
        };
        json!({
            "source": source.label, "state": state, "found": source.found, "done": source.done,
            "total": source.total, "text": text, "class": class.to_lowercase(),
        })
    };
    progress.sources.iter().map(one).collect()
}

fn problems_json(context: &mut Context, progress: &DiscoveryProgress) {
    for (whence, problem) in progress.problems.iter() {
        context.out.json(&json!({
            "source": whence,
            "line": problem.line,
            "piece": problem.piece,
            "state": "refused",
            "text": problem.to_string(),
        }));
    }
}

/// The plan, when nothing is to be changed.
pub(super) fn show_plan(context: &mut Context, plan: &FoundPlan, progress: &DiscoveryProgress, output: &OutputArgs) {
    let counts = plan.counts();
    if output.json {
        for row in &plan.rows {
            context.out.json(&row_json(row, row.kind.name()));
        }
        problems_json(context, progress);
        context.out.json(&json!({
            "summary": "Computers found",
            "total": plan.rows.len(),
            "new": counts.new,
            "known": counts.known,
            "listed": plan.rows.len() - counts.new - counts.unclear,
            "changed": counts.changed,
            "renamed": counts.renamed,
            "moved": counts.moved,
            "unclear": counts.unclear,
            "found_twice": counts.twice,
            "elsewhere": counts.elsewhere,
            "silent": progress.silent(),
            "refused": progress.problems.len(),
            "sources": sources_json(progress),
            "seconds": progress.elapsed.as_secs_f64(),
        }));
        return;
    }
    if !plan.rows.is_empty() && !output.quiet {
        let mut table = Table::new(["Name", "", "Found by", "Operating system", "What it means"]);
        for row in &plan.rows {
            let sources: Vec<&str> = row.sources.iter().map(|s| s.label()).collect();
            table.row([
                row.found.name.as_str(),
                row.kind.name(),
                &sources.join(", "),
                &row.found.os_edition,
                &row.meaning(),
            ]);
        }
        table.print(&mut context.out);
    }
    let mut parts = vec![format!("{} found", counted(plan.rows.len(), "computer"))];
    for kind in FoundKind::ALL {
        match counts.of(*kind) {
            0 => {}
            count => parts.push(format!("{count} {}", kind.name())),
        }
    }
    if counts.twice > 0 {
        parts.push(format!("{} found twice", counts.twice));
    }
    context.out.line(format!("{}; nothing was changed", parts.join(", ")));
}

/// What became of a row that was taken over, or not as it stands.
fn accepted_state(kind: FoundKind, is_refused: bool) -> &'static str {
    match kind {
        FoundKind::New if is_refused => "refused",
        FoundKind::New => "added",
        // All but its name.
        FoundKind::Renamed if is_refused => FoundKind::Changed.name(),
        kind => kind.name(),
    }
}

/// What was taken over.
pub(super) fn show_accepted(context: &mut Context, told: &Told<'_>, output: &OutputArgs) {
    let Told { plan, progress, .. } = told;
    let counts = plan.counts();
    let listed = plan.rows.len() - counts.new - counts.unclear;
    let (elsewhere, readdressed) = if told.readdress {
        (0, counts.elsewhere)
    } else {
        (counts.elsewhere, 0)
    };
    if output.json {
        for (index, row) in plan.rows.iter().enumerate() {
            let state = accepted_state(row.kind, told.not_taken.contains(&index));
            context.out.json(&row_json(row, state));
            if let Some(connect) = row.elsewhere.as_ref().filter(|_| !told.readdress) {
                context.out.json(&json!({
                    "name": &*row.known_name,
                    "state": "elsewhere",
                    "found": connect.in_words(&row.known_name),
                }));
            }
        }
        problems_json(context, progress);
        context.out.json(&json!({
            "summary": "Computers added",
            "added": told.added,
            "known": counts.known,
            "listed": listed,
            "changed": counts.changed,
            "renamed": counts.renamed,
            "moved": counts.moved,
            "unclear": counts.unclear,
            "found_twice": counts.twice,
            "elsewhere": elsewhere,
            "readdressed": readdressed,
            "silent": progress.silent(),
            "refused": progress.problems.len() + told.refused,
            "sources": sources_json(progress),
            "seconds": progress.elapsed.as_secs_f64(),
        }));
        return;
    }
    let mut parts = vec![format!("{} added", counted(told.added, "computer"))];
    for (count, one, many) in [
        (listed, "1 known already", "known already"),
        (counts.renamed, "1 of them renamed", "of them renamed"),
        (counts.moved, "1 of them in another domain", "of them in another domain"),
        (
            elsewhere,
            "1 of them at another address (--readdress takes it over)",
            "of them at another address (--readdress takes it over)",
        ),
        (
            readdressed,
            "1 of them with its new address",
            "of them with their new addresses",
        ),
        (counts.twice, "1 found twice", "found twice"),
        (counts.unclear + told.refused, "1 not taken over", "not taken over"),
        (
            progress.silent(),
            "1 address without an answer",
            "addresses without an answer",
        ),
        (
            progress.problems.len(),
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
