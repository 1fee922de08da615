//! What every command needs: a runtime, standard output, and an open list with its settings.

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use tokio::runtime::Runtime;

use super::args::{Network, OutputArgs, ServiceArgs};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::loading;
use super::output::{Out, tell};
use super::secrets::somebody_is_there;
use crate::model::{ComputerId, Filter, Inventory, Product, ProductId, every_row};
use crate::workspace::{Mode, OpenReport, Settings, Workspace};

/// What every command needs.
pub(super) struct Context {
    pub(super) runtime: Runtime,
    pub(super) out: Out,
    pub(super) interrupts: Interrupts,
}

impl Context {
    pub(super) fn new() -> Result<Self, CliError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("makeeper-worker")
            .build()
            .map_err(|source| CliError::System {
                what: "cannot start worker threads",
                source,
            })?;
        Ok(Self {
            runtime,
            out: Out::new(),
            interrupts: Interrupts::new(),
        })
    }

    /// Opens a list and tells on standard error what was recovered or could not be read, and of a big one how far it has come
    /// unless `quiet`.
    pub(super) fn open(&self, list: &Path, mode: Mode, quiet: bool) -> Result<Workspace, CliError> {
        let (workspace, report) = loading::open(self, list, mode, quiet)?;
        tell_opened(&report);
        Ok(workspace)
    }

    /// Ends a command for which there was nothing to do.
    pub(super) fn nothing_to_do(&mut self, why: &str, output: &OutputArgs) -> Exit {
        if output.json {
            self.out.json(
                &json!({ "summary": why, "total": 0, "succeeded": 0, "skipped": 0, "failed": 0, "cancelled": 0 }),
            );
        } else {
            self.out.line(why);
        }
        Exit::Done
    }
}

/// Warnings shown one by one; a file with more has another problem than those.
const WARNINGS_SHOWN: usize = 20;

pub(super) fn tell_opened(report: &OpenReport) {
    if !report.recovered.is_empty() {
        tell(report.recovered.to_string());
    }
    for warning in report.warnings.iter().take(WARNINGS_SHOWN) {
        tell(format!("Warning: {warning}"));
    }
    if report.warnings.len() > WARNINGS_SHOWN {
        tell(format!(
            "Warning: {} more rows like these",
            report.warnings.len() - WARNINGS_SHOWN
        ));
    }
}

/// Settings as the arguments say.
pub(super) fn settings(network: Option<&Network>, service: Option<&ServiceArgs>) -> Settings {
    let mut settings = Settings {
        ask_again: somebody_is_there(),
        ..Settings::default()
    };
    if let Some(network) = network {
        settings.concurrency = network.concurrency.into();
        settings.per_subnet = network.per_subnet.map(usize::from);
        settings.way = network.way.0;
        settings.resolve_timeout = Duration::from_secs(network.resolve_timeout.into());
        settings.sign_in_timeout = Duration::from_secs(network.sign_in_timeout.into());
        settings.connect_timeout = Duration::from_secs(network.connect_timeout.into());
        settings.operation_timeout = Duration::from_secs(network.timeout.into());
        settings.computer_timeout = Duration::from_secs(network.computer_timeout.into());
        settings.extra_ca_files.clone_from(&network.ca_file);
    }
    if let Some(service) = service {
        settings.service_url.clone_from(&service.service);
        settings.service_concurrency = service.service_concurrency.into();
        settings.low_water = service.low_water;
        settings.proxy.clone_from(&service.proxy);
    }
    settings
}

/// Said where a filter leaves nothing: that a nightly order finds everything done is no failure.
pub(super) const NO_PRODUCT_PASSES: &str = "Nothing to do: no product passes the filter of --select";
/// The same for computers.
pub(super) const NO_COMPUTER_PASSES: &str = "Nothing to do: no computer passes the filter of --select";

/// Products to work on: those that pass `select`, or without one those that `usual` names.
pub(super) fn products(
    inventory: &Inventory,
    select: Option<&Filter>,
    usual: impl Fn(&Product) -> bool,
) -> Vec<ProductId> {
    let now = Utc::now();
    every_row(inventory)
        .filter_map(|row| row.view(inventory))
        .filter_map(|view| {
            let product = view.product?;
            let wanted = select.map_or_else(|| usual(product), |filter| filter.matches(view, now));
            wanted.then_some(product.id)
        })
        .collect()
}

/// Computers to ask: those with a row that passes `select`, or all. A list without any is refused.
pub(super) fn computers(inventory: &Inventory, select: Option<&Filter>) -> Result<Vec<ComputerId>, CliError> {
    if inventory.computer_count() == 0 {
        return Err(CliError::usage(
            "the list has no computers: add some with makeeper discover",
        ));
    }
    let now = Utc::now();
    let mut seen = std::collections::HashSet::new();
    Ok(every_row(inventory)
        .filter_map(|row| row.view(inventory))
        .filter(|view| select.is_none_or(|filter| filter.matches(*view, now)))
        .filter_map(|view| view.computer.map(|c| c.id))
        .filter(|id| seen.insert(*id))
        .collect())
}
