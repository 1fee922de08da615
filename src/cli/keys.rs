//! Product keys on the command line: they enter by standard input, a file or a descriptor and leave masked.

use std::path::Path;

use serde_json::json;

use super::args::{Keys, KeysAction, OutputArgs};
use super::context::{Context, settings};
use super::exit::{CliError, Exit};
use super::jobs::{keys_to_refresh, owned_key};
use super::merge::{both, save};
use super::output::{Table, counted, tell};
use super::runs::carry_out;
use super::sealing;
use super::secrets::{read_descriptor, read_file, read_standard_input};
use crate::model::{Change, KeyEntry, KeyType, LastFive, age};
use crate::workspace::{AddKeysReport, Job, KeyIndex, KeyLineOutcome, KeyProtection, Mode, Settings, Workspace};

pub(super) fn keys(context: &mut Context, args: &Keys) -> Result<Exit, CliError> {
    match (&args.action, &args.list) {
        (Some(KeysAction::List { list, output }), _) => show(context, list, output),
        (
            Some(KeysAction::Add {
                list,
                file,
                fd,
                key_type,
                output,
            }),
            _,
        ) => {
            let text = match (file, fd) {
                (Some(file), _) => read_file(file)?,
                (None, Some(fd)) => read_descriptor(*fd)?,
                (None, None) => {
                    use std::io::IsTerminal;
                    if std::io::stdin().is_terminal() {
                        tell("Product keys, one a line; end with Ctrl+D:");
                    }
                    read_standard_input()?
                }
            };
            let workspace = context.open(list, Mode::Edit, output.quiet)?;
            add(context, &workspace, &text, *key_type, output)
        }
        (
            Some(KeysAction::Seal {
                list,
                remove_copies,
                passphrase,
                output,
            }),
            _,
        ) => sealing::seal(context, list, passphrase, *remove_copies, output),
        (
            Some(KeysAction::Unseal {
                list,
                forget_keys,
                passphrase,
                output,
            }),
            _,
        ) => sealing::unseal(context, list, passphrase, *forget_keys, output),
        (Some(KeysAction::Remove { list, key, output }), _) => remove(context, list, *key, output),
        (
            Some(KeysAction::Refresh {
                list,
                key,
                service,
                network,
                output,
            }),
            _,
        ) => refresh(context, list, *key, &settings(Some(network), Some(service)), output),
        (None, Some(list)) if args.refresh => {
            refresh(context, list, None, &settings(None, Some(&args.service)), &args.output)
        }
        (None, Some(list)) => show(context, list, &args.output),
        (None, None) => Err(CliError::usage("keys needs a list: makeeper keys LIST")),
    }
}

fn show(context: &mut Context, list: &Path, output: &OutputArgs) -> Result<Exit, CliError> {
    let workspace = context.open(list, Mode::ReadOnly, output.quiet)?;
    let snapshot = workspace.snapshot();
    let inventory = &snapshot.inventory;
    let low: Vec<_> = workspace.low_keys().iter().map(|k| k.id).collect();
    let carriers = KeyIndex::of(inventory).carriers(inventory);
    let carriers = |key: &KeyEntry| carriers.get(&key.id).copied().unwrap_or_default();
    if output.json {
        for key in inventory.keys() {
            context.out.json(&json!({
                "key": key.last_five.map(|f| f.to_string()),
                "type": key.key_type.name(),
                "description": &*key.description,
                "left": key.remaining.and_then(|r| r.left),
                "asked": key.remaining.and_then(|r| r.at),
                "low_water": key.low_water,
                "low": low.contains(&key.id),
                "products": carriers(key),
                "whole": key.key.is_some() || key.is_locked(),
                "sealed": key.sealed.is_some(),
                "remarks": &*key.remarks,
            }));
        }
        context
            .out
            .json(&json!({ "summary": "Product keys", "total": inventory.key_count() }));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["Key", "Type", "Left", "Asked", "Products", "Description"]);
    let now = chrono::Utc::now();
    for key in inventory.keys() {
        let (left, asked) = count_text(key, now);
        table.row([
            key.masked(),
            key.key_type.to_string(),
            left,
            asked,
            carriers(key).to_string(),
            key.description.to_string(),
        ]);
    }
    table.print(&mut context.out);
    let sealed = match snapshot.key_protection() {
        KeyProtection::Clear => "",
        KeyProtection::Locked | KeyProtection::Unlocked => ", sealed with a passphrase",
    };
    let count = counted(inventory.key_count(), "product key");
    context.out.line(format!("{count}{sealed}"));
    Ok(Exit::Done)
}

/// Activations left and how old that is: "not available" is never 0.
pub(super) fn count_text(key: &KeyEntry, now: chrono::DateTime<chrono::Utc>) -> (String, String) {
    match key.remaining {
        None => ("never asked".into(), String::new()),
        Some(remaining) => (
            remaining.left.map_or_else(|| "not available".into(), |n| n.to_string()),
            remaining
                .at
                .map(|at| age(now.signed_duration_since(at)))
                .unwrap_or_default(),
        ),
    }
}

/// Adds the keys of `text` and tells of each line what became of it.
pub(super) fn add(
    context: &mut Context,
    workspace: &Workspace,
    text: &str,
    key_type: Option<KeyType>,
    output: &OutputArgs,
) -> Result<Exit, CliError> {
    let report = workspace.add_keys_of_type(text, key_type)?;
    let saved = save(workspace)?;
    tell_added(context, &report, output);
    let done = match (report.added(), report.refused()) {
        (_, 0) => Exit::Done,
        (0, refused) if refused == report.lines.len() => Exit::Nothing,
        _ => Exit::SomeFailed,
    };
    Ok(both(done, saved))
}

fn tell_added(context: &mut Context, report: &AddKeysReport, output: &OutputArgs) {
    for line in &report.lines {
        let five = |f: &Option<LastFive>| f.map(|f| f.to_string()).unwrap_or_default();
        let (state, key, text) = match &line.outcome {
            KeyLineOutcome::Added {
                last_five,
                key_type,
                type_assumed,
            } => {
                let assumed = if *type_assumed {
                    " (assumed: nothing tells its type)"
                } else {
                    ""
                };
                ("added", five(last_five), format!("{key_type}{assumed}"))
            }
            KeyLineOutcome::Known { last_five } => ("known", five(last_five), "already in the list".into()),
            KeyLineOutcome::Refused(why) => ("refused", String::new(), why.clone()),
        };
        if output.json {
            context
                .out
                .json(&json!({ "line": line.line, "state": state, "key": key, "text": text }));
        } else if state == "refused" {
            tell(format!("line {}: {text}", line.line));
        } else if !output.quiet {
            context.out.line(format!("line {}: …{key} {state}: {text}", line.line));
        }
    }
    if output.json {
        context.out.json(&json!({
            "summary": "Product keys added",
            "total": report.lines.len(),
            "succeeded": report.added(),
            "failed": report.refused(),
        }));
    } else {
        context.out.line(format!(
            "{} added, {} refused",
            counted(report.added(), "product key"),
            report.refused()
        ));
    }
}

fn remove(context: &mut Context, list: &Path, key: LastFive, output: &OutputArgs) -> Result<Exit, CliError> {
    let workspace = context.open(list, Mode::Edit, output.quiet)?;
    let inventory = workspace.snapshot().inventory.clone();
    let entry = owned_key(&inventory, key)?;
    workspace.edit(vec![Change::RemoveKey(entry.id)])?;
    let saved = save(&workspace)?;
    if output.json {
        context
            .out
            .json(&json!({ "summary": "Product key removed", "key": key.to_string() }));
    } else {
        context.out.line(format!(
            "Product key …{key} removed from the list; computers that carry it keep it"
        ));
    }
    Ok(saved)
}

fn refresh(
    context: &mut Context,
    list: &Path,
    only: Option<LastFive>,
    settings: &Settings,
    output: &OutputArgs,
) -> Result<Exit, CliError> {
    let workspace = context.open(list, Mode::Edit, output.quiet)?;
    let keys = keys_to_refresh(&workspace.snapshot().inventory, only)?;
    if keys.is_empty() {
        return Err(CliError::usage(
            "the list has no product keys: add some with makeeper keys add",
        ));
    }
    workspace.set_settings(settings.clone());
    carry_out(context, &workspace, Job::RefreshCounts { keys }, output)
}
