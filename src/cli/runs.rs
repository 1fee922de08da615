//! Carrying out a job from the terminal: progress, Ctrl+C, rows, summary, exit code.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::args::OutputArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::merge::{both, save};
use super::output::{Table, tell};
use super::secrets::other_credentials;
use crate::workspace::advice::Explanation;
use crate::workspace::{Job, RowState, Run, RunProgress, Workspace};

/// After a cancel, answers of the activation service that are under way may still arrive this long.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Runs `job`, saves the list and tells what came of it.
pub(super) fn carry_out(
    context: &mut Context,
    workspace: &Workspace,
    job: Job,
    output: &OutputArgs,
) -> Result<Exit, CliError> {
    let run = workspace.start(job)?;
    let progress = watch(context, workspace, &run, output);
    let saved = save(workspace);
    // What was done is told even where the file could not be written: the journal has it.
    report(context, workspace, &run, &progress, output);
    let saved = saved?;
    let low = concerns_counts(run.job()) && !workspace.low_keys().is_empty();
    Ok(both(exit_of(&progress, low), saved))
}

/// Jobs that spend or count activations: only these warn of a MAK that runs out.
fn concerns_counts(job: &Job) -> bool {
    matches!(
        job,
        Job::Activate { .. }
            | Job::AcquireConfirmationIds { .. }
            | Job::ProxyActivate { .. }
            | Job::RefreshCounts { .. }
    )
}

/// Waits for the end of a run, showing progress; Ctrl+C cancels it.
pub(super) fn watch(context: &Context, workspace: &Workspace, run: &Run, output: &OutputArgs) -> RunProgress {
    let bar = progress_bar(run.title(), run.progress().total, output);
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let progress = context.runtime.block_on(async {
        let finished = run.finished();
        tokio::pin!(finished);
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                progress = &mut finished => break progress,
                _ = tick.tick() => {
                    let progress = run.progress();
                    show(&bar, &progress);
                    if let Some(question) = &progress.question {
                        // Nothing else goes on meanwhile: the run waits for the answer.
                        let answer = bar.suspend(|| other_credentials(question));
                        if let Ok(Some(credentials)) = &answer {
                            workspace.replace_credentials(question.pattern.as_deref(), credentials.clone());
                        }
                        run.answer(answer.unwrap_or_default());
                    }
                }
                () = interrupts.interrupted() => {
                    if !run.is_cancelled() {
                        bar.println("Cancelling; what is known is saved");
                        run.cancel();
                    }
                }
            }
        }
    });
    show(&bar, &progress);
    bar.finish_and_clear();
    if run.is_cancelled() {
        // A question that has left may have been charged: give its answer time to be recorded.
        let settled = context.runtime.block_on(async {
            tokio::select! {
                () = workspace.settled() => true,
                () = tokio::time::sleep(LAST_ANSWERS) => false,
                // Whoever interrupts twice does not want to wait.
                () = interrupts.interrupted() => false,
            }
        });
        if !settled {
            tell("The activation service has not answered everything: those rows say that they were asked");
        }
    }
    progress
}

/// A bar on standard error, when that is a terminal and nobody wants quiet.
pub(super) fn progress_bar(title: &str, total: usize, output: &OutputArgs) -> ProgressBar {
    if output.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} {elapsed_precise}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(title.to_owned());
    bar
}

fn show(bar: &ProgressBar, progress: &RunProgress) {
    bar.set_position(progress.done() as u64);
    if progress.failed > 0 {
        bar.set_message(format!("{} failed", progress.failed));
    }
}

/// The rows and the summary, as a table or as JSON.
pub(super) fn report(
    context: &mut Context,
    workspace: &Workspace,
    run: &Run,
    progress: &RunProgress,
    output: &OutputArgs,
) {
    let low: Vec<String> = if concerns_counts(run.job()) {
        workspace.low_keys().iter().map(|k| k.masked()).collect()
    } else {
        Vec::new()
    };
    if output.json {
        for row in &progress.rows {
            let mut object = json!({
                "name": &*row.name,
                "detail": &*row.detail,
                "state": row.state.name(),
                "text": row.state.text(),
                "seconds": row.elapsed.map(|e| e.as_secs_f64()),
            });
            if let (RowState::Failed(failure), Some(object)) = (&row.state, object.as_object_mut()) {
                let explained = workspace.explain(row.subject, failure);
                object.insert("class".into(), json!(failure.class.name()));
                object.insert("code".into(), json!(failure.code.map(|c| c.to_string())));
                object.insert("cause".into(), json!(explained.cause));
                object.insert("remedy".into(), json!(explained.remedy));
            }
            context.out.json(&object);
        }
        let classes: serde_json::Map<_, _> = progress
            .failures
            .iter()
            .map(|(class, count)| (class.name().to_owned(), json!(count)))
            .collect();
        context.out.json(&json!({
            "summary": run.title(),
            "total": progress.total,
            "succeeded": progress.succeeded,
            "skipped": progress.skipped,
            "failed": progress.failed,
            "cancelled": progress.cancelled,
            "classes": classes,
            "seconds": progress.elapsed.as_secs_f64(),
            "low_keys": low,
        }));
        return;
    }
    let mut table = Table::new(["Name", "Detail", "Result", "Text"]);
    let mut shown = 0;
    for row in &progress.rows {
        let quiet = output.quiet && !matches!(row.state, RowState::Failed(_) | RowState::Cancelled);
        if !quiet {
            shown += 1;
            let text = row.state.text();
            table.row([&*row.name, &*row.detail, row.state.name(), text.as_str()]);
        }
    }
    if shown > 0 {
        table.print(&mut context.out);
    }
    tell_remedies(context, workspace, progress);
    context.out.line(summary(run.title(), progress));
    for key in low {
        tell(format!("Warning: {key} has fewer activations left than its mark"));
    }
}

/// Rows named where a cause and its remedy are told; more are counted.
const NAMES_SHOWN: usize = 5;

/// Why rows failed and what to do about it: once for all rows of one reason, the most frequent first.
fn tell_remedies(context: &mut Context, workspace: &Workspace, progress: &RunProgress) {
    let mut reasons: Vec<(Explanation, Vec<&str>)> = Vec::new();
    for row in &progress.rows {
        let RowState::Failed(failure) = &row.state else {
            continue;
        };
        let explained = workspace.explain(row.subject, failure);
        let known = reasons.iter_mut().find(|(reason, _)| *reason == explained);
        match known {
            // The rows of one computer stand together.
            Some((_, names)) if names.last() == Some(&&*row.name) => {}
            Some((_, names)) => names.push(&row.name),
            None => reasons.push((explained, vec![&row.name])),
        }
    }
    reasons.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    for (reason, names) in &reasons {
        let more = match names.len().saturating_sub(NAMES_SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let names = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
        context.out.line("");
        context.out.line(format!("{} ({names}{more})", reason.title));
        context.out.line(format!("  Cause:  {}", reason.cause));
        context.out.line(format!("  Remedy: {}", reason.remedy));
    }
    if !reasons.is_empty() {
        context.out.line("");
    }
}

/// `Updating license status: 40 succeeded, 2 failed (1 off, 1 UAC) in 3.1 s`.
pub(super) fn summary(title: &str, progress: &RunProgress) -> String {
    let parts = [
        (progress.succeeded, "succeeded"),
        (progress.skipped, "skipped"),
        (progress.failed, "failed"),
        (progress.cancelled, "cancelled"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| match *word {
            "failed" => format!("{n} failed ({})", progress.failures_in_words()),
            word => format!("{n} {word}"),
        })
        .collect();
    format!(
        "{title}: {} in {:.1} s",
        told.join(", "),
        progress.elapsed.as_secs_f64()
    )
}

/// The exit code a run earns.
pub(super) fn exit_of(progress: &RunProgress, low: bool) -> Exit {
    if progress.failed + progress.cancelled == 0 {
        if low { Exit::Low } else { Exit::Done }
    } else if progress.succeeded + progress.skipped == 0 && progress.cancelled == 0 {
        Exit::Nothing
    } else {
        Exit::SomeFailed
    }
}
