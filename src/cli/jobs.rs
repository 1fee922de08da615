//! The verbs that run a job over the list.

use super::args::{AcquireCid, Activate, InstallKey, OnComputers};
use super::context::{Context, NO_COMPUTER_PASSES, NO_PRODUCT_PASSES, computers, products, settings};
use super::credentials::set_credentials;
use super::exit::{CliError, Exit};
use super::output::{Table, tell};
use super::runs::carry_out;
use super::sealing::unlock;
use crate::model::{Inventory, KeyEntry, KeyEntryId, LastFive, LicenseStatus, age};
use crate::workspace::{Job, KeyChoice, Mode, Price, Workspace};

pub(super) fn update(context: &mut Context, args: &OnComputers) -> Result<Exit, CliError> {
    let workspace = context.open(&args.list, Mode::Edit, args.output.quiet)?;
    let computers = computers(&workspace.snapshot().inventory, args.selection.select.as_ref())?;
    if computers.is_empty() {
        return Ok(context.nothing_to_do(NO_COMPUTER_PASSES, &args.output));
    }
    workspace.set_settings(settings(Some(&args.network), None));
    set_credentials(&workspace, &args.sign_in)?;
    carry_out(context, &workspace, Job::UpdateStatus { computers }, &args.output)
}

pub(super) fn install_key(context: &mut Context, args: &InstallKey) -> Result<Exit, CliError> {
    let on = &args.on;
    let workspace = context.open(&on.list, Mode::Edit, on.output.quiet)?;
    let inventory = workspace.snapshot().inventory.clone();
    let key = match args.key {
        Some(last_five) => {
            let key = owned_key(&inventory, last_five)?;
            if key.is_locked() {
                unlock(&workspace, &args.passphrase)?;
            }
            KeyChoice::Owned(key.id)
        }
        None => KeyChoice::ClientSetupKey,
    };
    let products = products(&inventory, on.selection.select.as_ref(), |p| {
        p.computer.is_some() && !p.is_addon && p.license_status != LicenseStatus::NotAvailable
    });
    if products.is_empty() && on.selection.select.is_some() {
        return Ok(context.nothing_to_do(NO_PRODUCT_PASSES, &on.output));
    }
    if products.is_empty() {
        return Err(CliError::usage(
            "the list has no products: run makeeper update first, which collects them from the computers",
        ));
    }
    workspace.set_settings(settings(Some(&on.network), None));
    set_credentials(&workspace, &on.sign_in)?;
    carry_out(context, &workspace, Job::InstallKey { products, key }, &on.output)
}

/// The key of the list that ends so.
pub(super) fn owned_key(inventory: &Inventory, last_five: LastFive) -> Result<&KeyEntry, CliError> {
    let mut fitting = inventory.keys_by_last_five(last_five);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(CliError::usage(format!(
            "several product keys of the list end in {last_five}: remove those that are not needed"
        ))),
        (None, _) => {
            let known: Vec<String> = inventory
                .keys()
                .filter_map(|k| Some(k.last_five?.to_string()))
                .collect();
            Err(CliError::usage(if known.is_empty() {
                format!("no product key of the list ends in {last_five}: it has none; add it with makeeper keys add")
            } else {
                format!(
                    "no product key of the list ends in {last_five}; there are {}",
                    known.join(", ")
                )
            }))
        }
    }
}

pub(super) fn activate(context: &mut Context, args: &Activate) -> Result<Exit, CliError> {
    let on = &args.on;
    let workspace = context.open(&on.list, Mode::Edit, on.output.quiet)?;
    let inventory = workspace.snapshot().inventory.clone();
    let products = products(&inventory, on.selection.select.as_ref(), |p| {
        p.computer.is_some()
            && !matches!(p.license_status, LicenseStatus::Licensed | LicenseStatus::NotAvailable)
            && p.partial_product_key.is_some()
    });
    if products.is_empty() {
        let why = match on.selection.select {
            Some(_) => NO_PRODUCT_PASSES,
            None => "Nothing to do: no product of the list waits for activation",
        };
        return Ok(context.nothing_to_do(why, &on.output));
    }
    let job = if args.proxy_activation {
        Job::ProxyActivate { products }
    } else {
        Job::Activate { products }
    };
    workspace.set_settings(settings(Some(&on.network), Some(&args.service)));
    if args.price {
        return Ok(price(context, &workspace, &job, on.output.json));
    }
    set_credentials(&workspace, &on.sign_in)?;
    tell_price(&workspace, &job, on.output.quiet);
    carry_out(context, &workspace, job, &on.output)
}

pub(super) fn acquire_cid(context: &mut Context, args: &AcquireCid) -> Result<Exit, CliError> {
    let workspace = context.open(&args.list, Mode::Edit, args.output.quiet)?;
    let inventory = workspace.snapshot().inventory.clone();
    let products = products(&inventory, args.selection.select.as_ref(), |p| {
        p.needs_confirmation_id()
    });
    if products.is_empty() {
        let why = match args.selection.select {
            Some(_) => NO_PRODUCT_PASSES,
            None => "Nothing to do: no product of the list waits for a confirmation ID",
        };
        return Ok(context.nothing_to_do(why, &args.output));
    }
    let job = Job::AcquireConfirmationIds { products };
    workspace.set_settings(settings(Some(&args.network), Some(&args.service)));
    if args.price {
        return Ok(price(context, &workspace, &job, args.output.json));
    }
    tell_price(&workspace, &job, args.output.quiet);
    carry_out(context, &workspace, job, &args.output)
}

pub(super) fn apply_cid(context: &mut Context, args: &OnComputers) -> Result<Exit, CliError> {
    let workspace = context.open(&args.list, Mode::Edit, args.output.quiet)?;
    let inventory = workspace.snapshot().inventory.clone();
    let products = products(&inventory, args.selection.select.as_ref(), |p| {
        p.computer.is_some() && p.can_apply_confirmation_id()
    });
    if products.is_empty() {
        let why = match args.selection.select {
            Some(_) => NO_PRODUCT_PASSES,
            None => "Nothing to do: the list has no confirmation ID that waits to be applied",
        };
        return Ok(context.nothing_to_do(why, &args.output));
    }
    workspace.set_settings(settings(Some(&args.network), None));
    set_credentials(&workspace, &args.sign_in)?;
    carry_out(
        context,
        &workspace,
        Job::ApplyConfirmationIds { products },
        &args.output,
    )
}

/// Before a run that spends, the person sees what it costs.
fn tell_price(workspace: &Workspace, job: &Job, quiet: bool) {
    let price = workspace.price(job);
    if !quiet || price.will_fail() > 0 {
        tell(price.to_string());
    }
}

fn price(context: &mut Context, workspace: &Workspace, job: &Job, json: bool) -> Exit {
    let price = workspace.price(job);
    if json {
        let keys: Vec<_> = price
            .keys
            .iter()
            .map(|k| {
                serde_json::json!({
                    "key": k.last_five.map(|f| f.to_string()),
                    "type": k.key_type.name(),
                    "counted": k.is_counted(),
                    "needed": k.needed,
                    "left": k.left,
                    "asked": k.left_asked,
                    "will_fail": k.will_fail(),
                })
            })
            .collect();
        context.out.json(&serde_json::json!({
            "rows": price.rows,
            "requests": price.requests,
            "activations": price.activations(),
            "will_fail": price.will_fail(),
            "keys": keys,
        }));
    } else {
        if !price.keys.is_empty() {
            key_prices(&price).print(&mut context.out);
        }
        context.out.line(price.to_string());
    }
    Exit::Done
}

/// A row for each key that pays.
fn key_prices(price: &Price) -> Table {
    let mut table = Table::new(["Key", "Type", "Rows", "Left", "Asked", "Will fail"]);
    let now = chrono::Utc::now();
    for key in &price.keys {
        let name = key
            .last_five
            .map_or_else(|| "not in the list".to_owned(), |five| format!("…{five}"));
        let (left, fail) = match key.left {
            Some(left) => (left.to_string(), key.will_fail().to_string()),
            None if key.is_counted() => ("not available".into(), "not known".into()),
            None => ("not counted".into(), String::new()),
        };
        let asked = key.left_asked.map(|at| age(now.signed_duration_since(at)));
        let rows = key.needed.to_string();
        table.row([
            name,
            key.key_type.to_string(),
            rows,
            left,
            asked.unwrap_or_default(),
            fail,
        ]);
    }
    table
}

/// Every key, or the one that ends so, for a refresh of counts.
pub(super) fn keys_to_refresh(inventory: &Inventory, only: Option<LastFive>) -> Result<Vec<KeyEntryId>, CliError> {
    match only {
        Some(last_five) => Ok(vec![owned_key(inventory, last_five)?.id]),
        None => Ok(inventory.keys().map(|k| k.id).collect()),
    }
}
