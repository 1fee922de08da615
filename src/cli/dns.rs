//! `makeeper dns`: the KMS hosts that DNS names.

use std::time::Duration;

use serde_json::json;

use super::args::Dns;
use super::context::{Context, settings};
use super::exit::{CliError, Exit};
use super::merge::save;
use super::output::{Table, counted, tell};
use super::runs::progress_bar;
use crate::model::Text;
use crate::workspace::{
    Answers, Approval, KMS_DNS_COLUMNS, KmsAudit, KmsDnsAudit, Mode, SuffixOutcome, Workspace, kms_dns_cannot_see,
    write_csv,
};

pub(super) fn dns(context: &mut Context, args: &Dns) -> Result<Exit, CliError> {
    let (workspace, _folder) = open(context, args)?;
    workspace.set_settings(settings(Some(&args.network), None));
    if args.keep {
        let hosts = args
            .approved
            .iter()
            .map(|h| Text::from(h.trim()))
            .filter(|h| !h.is_empty());
        workspace.approve_kms_hosts(hosts.collect())?;
        save(&workspace)?;
    }
    let approved = (!args.approved.is_empty()).then(|| args.approved.clone());
    let audit = workspace.audit_kms_dns(args.suffix.clone(), approved);
    let found = watch(context, &audit, args);
    if found.suffixes.is_empty() {
        return Err(CliError::usage(
            "nothing says which DNS suffixes to look at: give --suffix, or a list with computers of a domain",
        ));
    }
    show(context, &found, args)?;
    Ok(ending(&found, audit.is_cancelled()))
}

/// Without a list there is nothing but the suffixes of the arguments.
fn open(context: &Context, args: &Dns) -> Result<(Workspace, Option<tempfile::TempDir>), CliError> {
    if let Some(list) = &args.list {
        let mode = if args.keep { Mode::Edit } else { Mode::ReadOnly };
        return Ok((context.open(list, mode, args.output.quiet)?, None));
    }
    let folder = tempfile::tempdir().map_err(|source| CliError::System {
        what: "cannot make a folder for an empty list",
        source,
    })?;
    let workspace = Workspace::create(&folder.path().join("empty.cilx"), context.runtime.handle().clone())?;
    Ok((workspace, Some(folder)))
}

fn watch(context: &Context, audit: &KmsAudit, args: &Dns) -> KmsDnsAudit {
    let bar = progress_bar("Looking at DNS", audit.progress().total, &args.output);
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let progress = context.runtime.block_on(async {
        let finished = audit.finished();
        tokio::pin!(finished);
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                progress = &mut finished => break progress,
                _ = tick.tick() => {
                    let progress = audit.progress();
                    bar.set_length(progress.total as u64);
                    bar.set_position(progress.done as u64);
                }
                () = interrupts.interrupted() => audit.cancel(),
            }
        }
    });
    bar.finish_and_clear();
    progress.audit.as_deref().cloned().unwrap_or_default()
}

fn show(context: &mut Context, found: &KmsDnsAudit, args: &Dns) -> Result<(), CliError> {
    let rows = found.rows();
    if args.csv {
        return write_csv(&mut context.out, &KMS_DNS_COLUMNS, &rows).map_err(|source| CliError::System {
            what: "cannot write the table",
            source,
        });
    }
    if args.output.json {
        for row in &rows {
            let cells = KMS_DNS_COLUMNS.iter().zip(row);
            let object: serde_json::Map<_, _> = cells.map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect();
            context.out.json(&object.into());
        }
        context.out.json(&json!({
            "summary": "KMS hosts in DNS",
            "suffixes": found.suffixes.len(),
            "records": found.records.len(),
            "problems": found.problem_count(),
            "unnamed": found.unnamed,
        }));
        return Ok(());
    }
    let mut table = Table::new([
        "Suffix", "Target", "Port", "Priority", "Weight", "Answers", "Approved", "Problem",
    ]);
    for (suffix, outcome) in &found.suffixes {
        if !matches!(outcome, SuffixOutcome::Records(_)) {
            table.row([suffix, "", "", "", "", "", "", &outcome.text()]);
        }
        for record in found.records.iter().filter(|r| r.suffix == *suffix) {
            let problem = record.problem();
            if problem.is_empty() && args.output.quiet {
                continue;
            }
            let port = record.record.port.to_string();
            let (priority, weight) = (record.record.priority.to_string(), record.record.weight.to_string());
            table.row([
                suffix,
                &record.record.target,
                &port,
                &priority,
                &weight,
                record.answers.label(),
                record.approval.label(),
                &problem,
            ]);
        }
    }
    if !table.is_empty() {
        table.print(&mut context.out);
    }
    for host in &found.unnamed {
        tell(format!(
            "{host} is approved, but no record names it: clients do not find it"
        ));
    }
    context.out.line(format!(
        "{} for {}, {} with a problem",
        counted(found.records.len(), "record"),
        counted(found.suffixes.len(), "suffix").replace("suffixs", "suffixes"),
        found.problem_count()
    ));
    if !args.output.quiet {
        tell(format!("It does not see: {}", kms_dns_cannot_see()));
    }
    Ok(())
}

/// Something unapproved or dead is published, or not everything could be looked at.
fn ending(found: &KmsDnsAudit, cancelled: bool) -> Exit {
    let wrong = |r: &crate::workspace::KmsRecord| {
        r.approval == Approval::NotApproved
            || r.addresses.is_err()
            || matches!(r.answers, Answers::Refused | Answers::Silent | Answers::Unreachable)
    };
    if found
        .suffixes
        .iter()
        .all(|s| matches!(s.1, SuffixOutcome::Failed(_) | SuffixOutcome::NotAsked))
    {
        Exit::Nothing
    } else if cancelled
        || found.records.iter().any(wrong)
        || found.suffixes.iter().any(|(_, outcome)| outcome.is_failure())
    {
        Exit::SomeFailed
    } else {
        Exit::Done
    }
}
