//! `makeeper discover`: asks the sources, shows what was found, takes it over.

mod order;
mod show;

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;

use self::order::{asks_a_directory, ordered};
use self::show::{Told, show_accepted, show_plan};
use super::args::Discover;
use super::context::{Context, settings};
use super::credentials::Signing;
use super::exit::{CliError, Exit};
use super::merge::{both, save};
use super::output::{Table, tell};
use super::runs::{carry_out, progress_bar};
use super::secrets::somebody_is_there;
use crate::model::found::{FoundPlan, SavedDiscovery, Then};
use crate::workspace::{
    Discovery, DiscoveryProgress, Job, Mode, PreparedDiscovery, SourceProgress, SourceState, Workspace, WorkspaceError,
};

pub(super) fn discover(context: &mut Context, args: &Discover) -> Result<Exit, CliError> {
    if args.saved.as_deref() == Some("") {
        return list_saved(context, args);
    }
    // A typing error in the arguments, a no, or a password that is not to be had leaves no empty list behind.
    let mut asked = None;
    if args.saved.is_none() {
        asked = asked_for(ordered(args)?, args)?;
        if asked.is_none() {
            return Ok(Exit::Nothing);
        }
    }
    let mut signing = match &asked {
        Some((order, _)) => who_signs_in(order, args)?,
        None => None,
    };
    let (workspace, _folder) = open(context, args)?;
    if asked.is_none() {
        asked = asked_for(saved(&workspace, args)?, args)?;
        if let Some((order, _)) = &asked {
            signing = who_signs_in(order, args)?;
        }
    }
    let Some((order, prepared)) = asked else {
        return Ok(Exit::Nothing);
    };
    workspace.set_settings(settings(Some(&args.network), None));
    if let Some(signing) = signing {
        signing.give(&workspace);
    }
    let discovery = workspace.discover(prepared);
    let progress = watch(context, &discovery, args);
    tell_what_was_said(&progress, args);
    let plan = progress.plan.clone().unwrap_or_default();
    if args.dry_run {
        show_plan(context, &plan, &progress, &args.output);
        return Ok(ending(&progress, &plan, discovery.is_cancelled()));
    }
    take_over(
        context,
        args,
        &workspace,
        &order,
        &progress,
        &plan,
        discovery.is_cancelled(),
    )
}

/// What is to be asked; `None`: whoever answers for the network said no.
type Asked = Option<(SavedDiscovery, PreparedDiscovery)>;

fn asked_for(order: SavedDiscovery, args: &Discover) -> Result<Asked, CliError> {
    let prepared = PreparedDiscovery::new(&order.sources, order.rate);
    let prepared = prepared.map_err(|error| CliError::Workspace(WorkspaceError::from(error)))?;
    Ok(agreed(&prepared, args)?.then_some((order, prepared)))
}

/// A list to look at without changing it may not be there yet: then one that nobody keeps.
fn open(context: &Context, args: &Discover) -> Result<(Workspace, Option<tempfile::TempDir>), CliError> {
    let handle = || context.runtime.handle().clone();
    if args.list.exists() || args.saved.is_some() {
        let mode = if args.dry_run { Mode::ReadOnly } else { Mode::Edit };
        return Ok((context.open(&args.list, mode, args.output.quiet)?, None));
    }
    if !args.dry_run {
        return Ok((Workspace::create(&args.list, handle())?, None));
    }
    let folder = tempfile::tempdir().map_err(|source| CliError::System {
        what: "cannot make a folder for an empty list",
        source,
    })?;
    let workspace = Workspace::create(&folder.path().join("empty.cilx"), handle())?;
    Ok((workspace, Some(folder)))
}

fn saved(workspace: &Workspace, args: &Discover) -> Result<SavedDiscovery, CliError> {
    let name = args.saved.as_deref().unwrap_or_default();
    let snapshot = workspace.snapshot();
    let header = snapshot.inventory.header();
    let mut order = header.discovery(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = header.discoveries.iter().map(|d| &*d.name).collect();
        CliError::usage(if known.is_empty() {
            format!(
                "{} keeps no discoveries: keep one with --save-as NAME",
                args.list.display()
            )
        } else {
            format!(
                "{} keeps no discovery {name:?}; it keeps: {}",
                args.list.display(),
                known.join(", ")
            )
        })
    })?;
    order.then = args.then.unwrap_or(order.then);
    order.rate = args.rate.or(order.rate);
    Ok(order)
}

fn list_saved(context: &mut Context, args: &Discover) -> Result<Exit, CliError> {
    let workspace = context.open(&args.list, Mode::ReadOnly, args.output.quiet)?;
    let snapshot = workspace.snapshot();
    let saved = &snapshot.inventory.header().discoveries;
    if args.output.json {
        for discovery in saved {
            context.out.json(&json!({
                "name": &*discovery.name,
                "where": discovery.sources.iter().map(crate::model::found::SourceOrder::in_words).collect::<Vec<_>>(),
                "then": discovery.then.name(),
                "rate": discovery.rate,
            }));
        }
        context
            .out
            .json(&json!({ "summary": "Saved discoveries", "total": saved.len() }));
        return Ok(Exit::Done);
    }
    if saved.is_empty() {
        context
            .out
            .line("The list keeps no discoveries: keep one with --save-as NAME");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["Name", "Then", "Where"]);
    for discovery in saved {
        table.row([&*discovery.name, discovery.then.name(), &discovery.in_words()]);
    }
    table.print(&mut context.out);
    Ok(Exit::Done)
}

/// Who signs in, where somebody has to.
fn who_signs_in(order: &SavedDiscovery, args: &Discover) -> Result<Option<Signing>, CliError> {
    let told = &args.sign_in;
    let has_account =
        told.user.is_some() || told.account.is_some() || told.accounts.is_some() || told.client_cert.is_some();
    let is_needed = order.then == Then::Update && !args.dry_run || asks_a_directory(order) && has_account;
    is_needed.then(|| Signing::of(told)).transpose()
}

/// Whoever answers for a network is asked before its addresses are.
fn agreed(prepared: &PreparedDiscovery, args: &Discover) -> Result<bool, CliError> {
    let price = &prepared.price;
    if args.yes || !price.needs_consent() {
        return Ok(true);
    }
    if !somebody_is_there() {
        return Err(CliError::usage(format!(
            "{price}; give --yes to agree to that (nobody can be asked here)"
        )));
    }
    let ask = || -> std::io::Result<String> {
        let text = price.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        let text: String = first.into_iter().chain(letters).collect();
        write!(std::io::stderr(), "{text}. Go on? [y/N] ")?;
        std::io::stderr().flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(line.trim().to_lowercase())
    };
    let answer = ask().map_err(|source| CliError::System {
        what: "cannot ask whether to go on",
        source,
    })?;
    let yes = matches!(answer.as_str(), "y" | "yes");
    if !yes {
        tell("Nothing was asked");
    }
    Ok(yes)
}

fn watch(context: &Context, discovery: &Discovery, args: &Discover) -> DiscoveryProgress {
    let totals = |progress: &DiscoveryProgress| -> (u64, u64) {
        let sum = |of: &dyn Fn(&SourceProgress) -> usize| progress.sources.iter().map(of).sum::<usize>();
        let total = sum(&|s| s.total.unwrap_or(s.done));
        (sum(&|s| s.done) as u64, total as u64)
    };
    let bar = progress_bar(
        "Finding computers",
        totals(&discovery.progress()).1 as usize,
        &args.output,
    );
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let progress = context.runtime.block_on(async {
        let finished = discovery.finished();
        tokio::pin!(finished);
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                progress = &mut finished => break progress,
                _ = tick.tick() => {
                    let progress = discovery.progress();
                    let (done, total) = totals(&progress);
                    bar.set_length(total);
                    bar.set_position(done);
                    let last = progress.last.back().map(|name| format!(", {name}")).unwrap_or_default();
                    bar.set_message(format!("{} found{last}", progress.found));
                }
                () = interrupts.interrupted() => {
                    bar.println("Cancelling; what was found is kept");
                    discovery.cancel();
                }
            }
        }
    });
    bar.finish_and_clear();
    progress
}

/// What the sources had to say goes to the person.
fn tell_what_was_said(progress: &DiscoveryProgress, args: &Discover) {
    for (whence, problem) in progress.problems.iter() {
        let whence = if whence == "names" { "--names" } else { whence };
        tell(format!("{whence}, {problem}"));
    }
    for source in &progress.sources {
        if let SourceState::Failed(failure) = &source.state {
            let class = match failure.class {
                "" => String::new(),
                class => format!(" [{}]", class.to_lowercase()),
            };
            tell(format!("{}{class}: {}", source.label, failure.message));
        } else if let Some(text) = found_nothing(source).filter(|_| !args.output.quiet) {
            tell(text);
        }
    }
    if args.output.quiet {
        return;
    }
    for note in &progress.notes {
        tell(format!("Note: {note}"));
    }
    if progress.more_notes > 0 {
        tell(format!("Note: {} more like these", progress.more_notes));
    }
}

/// What to think of a source that was asked to the end and found nothing.
fn found_nothing(source: &SourceProgress) -> Option<String> {
    let is_empty = source.state == SourceState::Done && source.found == 0 && !source.cannot_see.is_empty();
    is_empty.then(|| {
        format!(
            "{}: found nothing. It does not see: {}",
            source.label, source.cannot_see
        )
    })
}

/// True if a directory refused the account: more attempts with it could lock it.
fn account_was_refused(progress: &DiscoveryProgress) -> bool {
    let refused = |state: &SourceState| matches!(state, SourceState::Failed(failure) if failure.class == "Credentials");
    progress.sources.iter().any(|source| refused(&source.state))
}

fn ending(progress: &DiscoveryProgress, plan: &FoundPlan, interrupted: bool) -> Exit {
    let wrong = !progress.problems.is_empty() || progress.has_failed() || interrupted;
    match (plan.rows.is_empty(), wrong) {
        (true, true) => Exit::Nothing,
        (false, true) => Exit::SomeFailed,
        // Everybody who was asked answered: that there is nobody is an answer, too.
        (_, false) => Exit::Done,
    }
}

fn take_over(
    context: &mut Context,
    args: &Discover,
    workspace: &Workspace,
    order: &SavedDiscovery,
    progress: &DiscoveryProgress,
    plan: &FoundPlan,
    interrupted: bool,
) -> Result<Exit, CliError> {
    let quiet_ones = |row: &crate::model::found::FoundRow| row.elsewhere.is_some() && !args.readdress;
    for row in plan.rows.iter().filter(|row| quiet_ones(row)) {
        let known = row
            .known
            .and_then(|id| workspace.snapshot().inventory.computer(id).cloned());
        let there = known
            .as_ref()
            .map(|c| c.connect.clone().unwrap_or_default().in_words(&c.name));
        let here = row.elsewhere.as_ref().map(|c| c.in_words(&row.known_name));
        tell(format!(
            "{} is reached at {}, in the list at {}",
            row.known_name,
            here.unwrap_or_default(),
            there.unwrap_or_default()
        ));
    }
    let accepted = workspace.accept_found(plan, |_| true, args.readdress)?;
    for refused in &accepted.refused {
        tell(refused);
    }
    if let Some(name) = &args.save_as {
        workspace.save_discovery(SavedDiscovery {
            name: name.trim().into(),
            ..order.clone()
        })?;
    }
    let told = Told {
        plan,
        progress,
        added: accepted.added,
        refused: accepted.refused.len(),
        not_taken: &accepted.not_taken,
        readdress: args.readdress,
    };
    let mut done = both(ending(progress, plan, interrupted), save(workspace)?);
    show_accepted(context, &told, &args.output);
    if let Some(name) = args
        .save_as
        .as_ref()
        .filter(|_| !args.output.json && !args.output.quiet)
    {
        context.out.line(format!("Kept in the list as {:?}", name.trim()));
    }
    if !accepted.refused.is_empty() {
        done = both(done, Exit::SomeFailed);
    }
    let computers = accepted.computers;
    let job = match order.then {
        Then::Nothing => return Ok(done),
        _ if computers.is_empty() || interrupted => return Ok(done),
        Then::Probe => Job::Probe { computers },
        Then::Update if account_was_refused(progress) => {
            tell(
                "The computers are not asked: the directory refused the account, and more attempts could lock it. Mend the account or \
                 the password, then makeeper update",
            );
            return Ok(both(done, Exit::SomeFailed));
        }
        Then::Update => Job::UpdateStatus { computers },
    };
    context.out.flush();
    let ran = carry_out(context, workspace, job, &args.output)?;
    Ok(match (done, ran) {
        (Exit::Done, Exit::Nothing) => Exit::SomeFailed,
        (Exit::Done, ran) => ran,
        (done, _) => done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_source_that_was_asked_to_the_end_found_nothing() {
        let mut source = SourceProgress {
            label: "Local network".to_owned(),
            cannot_see: "What is off.",
            state: SourceState::Done,
            ..SourceProgress::default()
        };
        assert!(found_nothing(&source).is_some_and(|text| text.contains("What is off")));
        source.state = SourceState::Cancelled;
        assert_eq!(found_nothing(&source), None);
        source.state = SourceState::Done;
        source.found = 1;
        assert_eq!(found_nothing(&source), None);
    }
}
