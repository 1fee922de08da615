//! Writes the sample lists by really asking the simulated estate, with fixed dates, so that two runs give the same bytes.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::args::OutputArgs;
use super::context::Context;
use super::demo::{lab_credentials, lab_settings};
use super::exit::{CliError, Exit};
use super::output::tell;
use super::runs::{summary, watch};
use crate::lab::{EstateKind, Fault, Lab, LabConfig, demo_faults, keys};
use crate::model::{
    Change, Computer, ComputerId, ConnectTo, Contact, Failure, KeyEntry, Product, RemainingCount, WayIn,
};
use crate::workspace::{ExportProfile, Job, Settings, Workspace};

/// Computers of the isolated lab whose installation IDs the sample has collected already.
const COLLECTED_IN_THE_LAB: usize = 28;

pub(super) fn write(context: &mut Context, folder: &Path) -> Result<Exit, CliError> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::Write {
        path: folder.to_owned(),
        source,
    })?;
    for (kind, file) in [
        (EstateKind::Contoso, "contoso.cilx"),
        (EstateKind::IsolatedLab, "isolated-lab.cilx"),
    ] {
        sample(context, kind, &folder.join(file))?;
        context.out.line(format!("Wrote {}", folder.join(file).display()));
    }
    Ok(Exit::Done)
}

fn sample(context: &mut Context, kind: EstateKind, out: &Path) -> Result<(), CliError> {
    let scratch = tempfile::tempdir().map_err(|source| CliError::System {
        what: "cannot make a folder",
        source,
    })?;
    // Free ports: a lab may be running beside this one.
    let lab = context.runtime.block_on(Lab::start(LabConfig {
        estates: vec![kind],
        ..LabConfig::default()
    }))?;
    let list = scratch.path().join("list.cilx");
    let workspace = Workspace::create(&list, context.runtime.handle().clone())?;
    // One computer after the other: rows stand in the order in which computers answered.
    workspace.set_settings(Settings {
        concurrency: 1,
        service_concurrency: 1,
        connect_timeout: Duration::from_secs(1),
        ..lab_settings(&lab)
    });
    workspace.set_credentials(Some(lab_credentials()?));
    workspace.edit(computers_of(&lab).chain(keys_of(kind)).collect())?;

    let every: Vec<ComputerId> = workspace.snapshot().inventory.computers().map(|c| c.id).collect();
    let asked = match kind {
        // Some were never reached at all.
        EstateKind::Contoso => every
            .iter()
            .enumerate()
            .filter(|(i, _)| i % 60 != 16)
            .map(|(_, id)| *id)
            .collect(),
        EstateKind::IsolatedLab => every.iter().take(COLLECTED_IN_THE_LAB).copied().collect(),
    };
    run(context, &workspace, Job::UpdateStatus { computers: asked })?;
    if kind == EstateKind::Contoso {
        // A later visit finds some computers off or ill, as in any estate of that size.
        let ill = |fault: &Fault| !matches!(fault, Fault::None | Fault::Slow(_));
        let faults: Vec<_> = demo_faults().into_iter().filter(|(_, f)| ill(f)).collect();
        for (name, fault) in &faults {
            lab.set_fault(name, *fault);
        }
        let names: Vec<&str> = faults.iter().map(|(n, _)| n.as_str()).collect();
        let computers = lab
            .computers()
            .iter()
            .filter(|c| names.contains(&c.name.as_str()))
            .filter_map(|c| Some(workspace.snapshot().inventory.computer_by_name(&c.fqdn)?.id))
            .collect();
        run(context, &workspace, Job::UpdateStatus { computers })?;
        let keys = workspace.snapshot().inventory.keys().map(|k| k.id).collect();
        run(context, &workspace, Job::RefreshCounts { keys })?;
    }
    workspace.edit(with_fixed_dates(&workspace, [lab.port(), service_port(&lab)]))?;
    workspace.export(out, ExportProfile::Full, None)?;
    context.runtime.block_on(lab.stop());
    Ok(())
}

fn run(context: &mut Context, workspace: &Workspace, job: Job) -> Result<(), CliError> {
    let quiet = OutputArgs {
        json: false,
        quiet: false,
    };
    let run = workspace.start(job)?;
    let progress = watch(context, workspace, &run, &quiet);
    tell(summary(run.title(), &progress));
    Ok(())
}

fn computers_of(lab: &Lab) -> impl Iterator<Item = Change> {
    lab.computers().iter().map(|c| {
        let mut computer = Computer::named(&c.fqdn);
        computer.connect = Some(ConnectTo {
            address: Some(c.address.ip().to_string().into()),
            port: Some(c.address.port()),
            way: Some(WayIn::Http),
        });
        Change::PutComputer(Box::new(computer))
    })
}

/// The lab's fictitious keys that make sense in the estate.
fn keys_of(kind: EstateKind) -> impl Iterator<Item = Change> {
    let wanted = move |key: &&keys::LabKey| kind == EstateKind::Contoso || **key == keys::WINDOWS_CLIENT_MAK;
    keys::ALL.iter().filter(wanted).filter_map(|key| {
        let mut entry = KeyEntry::of(key.product_key()?, key.kind);
        entry.description = format!("{} (simulated)", key.name).into();
        if key.limit < 50 {
            entry.low_water = Some(key.limit + 1);
        }
        Some(Change::PutKey(Box::new(entry)))
    })
}

/// The morning the samples tell of: Monday, 2 November 2026, 08:00 UTC.
fn morning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_606_400, 0).unwrap_or_default()
}

/// The port of the lab's activation service.
fn service_port(lab: &Lab) -> u16 {
    let host = lab.service_url().split('/').nth(2).unwrap_or_default();
    host.rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or_default()
}

/// `failure` with the usual ports of `makeeper lab serve` in place of those of this lab.
fn with_usual_ports(failure: &Failure, ports: [u16; 2]) -> Failure {
    let usual = LabConfig::demo();
    let message = failure
        .message
        .replace(&format!(":{}", ports[0]), &format!(":{}", usual.port))
        .replace(&format!(":{}", ports[1]), &format!(":{}", usual.service_port));
    Failure {
        message,
        ..failure.clone()
    }
}

/// Every date of the list replaced by one that depends on the place of the record alone (spans of time stay what they are),
/// and every port by that of `makeeper lab serve`.
fn with_fixed_dates(workspace: &Workspace, ports: [u16; 2]) -> Vec<Change> {
    let snapshot = workspace.snapshot();
    let inventory = &snapshot.inventory;
    let mut changes = Vec::new();
    for (index, computer) in inventory.computers().enumerate() {
        // Spread over the last days, so that ages differ.
        let visited = morning() - TimeDelta::minutes((i64::try_from(index).unwrap_or_default() * 37) % 5760);
        let contact = computer.contact.as_ref().map(|contact| Contact {
            at: if contact.failure.is_some() { morning() } else { visited },
            failure: contact.failure.as_ref().map(|f| Box::new(with_usual_ports(f, ports))),
            way: None,
        });
        let connect = computer.connect.clone().map(|connect| ConnectTo {
            port: Some(LabConfig::demo().port),
            ..connect
        });
        changes.push(Change::PutComputer(Box::new(Computer {
            connect,
            contact,
            ..(**computer).clone()
        })));
        for product in inventory.products_of(computer.id) {
            changes.push(Change::PutProduct(Box::new(dated(product, visited))));
        }
    }
    for key in inventory.keys() {
        changes.push(Change::PutKey(Box::new(KeyEntry {
            remaining: key.remaining.map(|r| RemainingCount {
                at: Some(morning()),
                ..r
            }),
            last_update: key.last_update.map(|_| morning()),
            last_failure: key.last_failure.as_ref().map(|f| with_usual_ports(f, ports)),
            ..(**key).clone()
        })));
    }
    changes
}

fn dated(product: &Product, visited: DateTime<Utc>) -> Product {
    let grace = product
        .grace_expires
        .zip(product.status_updated)
        .map(|(end, read)| visited + TimeDelta::minutes(((end - read).num_seconds() + 30).div_euclid(60)));
    let mut product = product.clone();
    product.grace_expires = grace;
    product.status_updated = product.status_updated.map(|_| visited);
    product.last_updated = product.last_updated.map(|_| visited);
    if let Some(action) = &mut product.last_action {
        action.at = action.at.map(|_| visited);
    }
    product
}
