//! `demo`: everything live on the simulated estate, in the desktop, or in the terminal as the journey across the air gap.

use std::path::Path;

#[cfg(feature = "desktop")]
use super::args::DialArgs;
use super::args::{Demo, OutputArgs};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::output::{Table, tell};
use super::runs::{exit_of, summary, watch};
use crate::lab::{Account, EstateKind, Lab, LabConfig, keys};
use crate::model::{Computer, Inventory, LicenseStatus, Product, ProductId, Secret};
use crate::workspace::{
    Credentials, ExportProfile, Job, KeyChoice, Mode, ProxySetting, RowState, RunProgress, Settings, Workspace,
};

/// The sample estate, so that the demonstration needs nothing but the binary.
#[cfg(feature = "desktop")]
const CONTOSO: &[u8] = include_bytes!("../../samples/contoso.cilx");

pub(super) fn demo(context: &mut Context, args: &Demo) -> Result<Exit, CliError> {
    let why_not: Option<String> = if args.terminal {
        None
    } else if cfg!(not(feature = "desktop")) {
        Some("This build has no desktop".into())
    } else if !super::has_display() {
        Some("There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set)".into())
    } else {
        #[cfg(feature = "desktop")]
        match in_the_desktop(context, &args.dials) {
            // The variable is set, but nothing answers there: usual after su, over ssh and in cron.
            Err(CliError::Desktop(crate::desktop::DesktopError::Window(why))) => {
                Some(format!("No window can be opened here ({})", without_source(&why)))
            }
            ended => return ended,
        }
        #[cfg(not(feature = "desktop"))]
        None
    };
    if let Some(why_not) = why_not {
        tell(format!("{why_not}: here is the same journey in the terminal."));
    }
    in_the_terminal(context, args)
}

/// The reason without the place in a source file that the window library puts before it: `os error at mod.rs:788: why`.
#[cfg(any(feature = "desktop", test))]
fn without_source(why: &str) -> &str {
    match why.rfind(".rs:").and_then(|at| why.get(at..)?.split_once(": ")) {
        Some((_, reason)) if !reason.is_empty() => reason,
        None | Some(_) if why.contains(".rs:") => "the display does not answer",
        _ => why,
    }
}

/// Who signs in to the simulated computers.
pub(super) fn lab_credentials() -> Result<Credentials, CliError> {
    let admin = Account::admin();
    let account = format!("{}\\{}", admin.domain, admin.user);
    Credentials::new(&account, Secret::new(admin.password)).map_err(|error| CliError::usage(error.to_string()))
}

/// Settings that reach the lab.
pub(super) fn lab_settings(lab: &Lab) -> Settings {
    Settings {
        service_url: Some(lab.service_url().to_owned()),
        proxy: ProxySetting::Direct,
        ..Settings::default()
    }
}

fn private_folder() -> Result<tempfile::TempDir, CliError> {
    tempfile::Builder::new()
        .prefix("makeeper-demo-")
        .tempdir()
        .map_err(|source| CliError::System {
            what: "cannot make a folder for the demonstration",
            source,
        })
}

#[cfg(feature = "desktop")]
fn in_the_desktop(context: &mut Context, dials: &DialArgs) -> Result<Exit, CliError> {
    use crate::desktop::{DemoInfo, DesktopOptions, run};

    let folder = private_folder()?;
    let list = folder.path().join("contoso.cilx");
    std::fs::write(&list, CONTOSO).map_err(|source| CliError::Write {
        path: list.clone(),
        source,
    })?;
    let lab = context.runtime.block_on(Lab::start(LabConfig {
        port: 0,
        service_port: 0,
        ..LabConfig::demo()
    }))?;
    context.runtime.block_on(lab.dial(&dials.into()))?;
    {
        let workspace = context.open(&list, Mode::Edit, true)?;
        let changes = connect_to(&lab, &workspace.snapshot().inventory);
        workspace.edit(changes)?;
        workspace.save()?;
    }
    let settings = lab_settings(&lab);
    run(DesktopOptions {
        list: Some(list),
        settings: Some(settings),
        remembered: crate::desktop::Remembered::usual(),
        credentials: Some(lab_credentials()?),
        demo: Some(DemoInfo {
            banner: "Demonstration: everything here is simulated on this computer. The list is a copy and is deleted at the end."
                .into(),
            keep_alive: Box::new((lab, folder)),
        }),
    })?;
    Ok(Exit::Done)
}

/// The computers of the list that are in the lab, with the addresses they have this time.
#[cfg(feature = "desktop")]
fn connect_to(lab: &Lab, inventory: &Inventory) -> Vec<crate::model::Change> {
    use crate::model::{Change, ConnectTo, WayIn};

    let moved = |computer: &Computer| {
        let address = lab.address_of(&computer.name)?;
        Some(Change::PutComputer(Box::new(Computer {
            connect: Some(ConnectTo {
                address: Some(address.ip().to_string().into()),
                port: Some(address.port()),
                way: Some(WayIn::Http),
            }),
            ..computer.clone()
        })))
    };
    inventory.computers().filter_map(|c| moved(c)).collect()
}

/// What the journey is told with: a step per line, a table at the end.
struct Journey<'a> {
    context: &'a mut Context,
    output: &'a OutputArgs,
    steps: Table,
    failed: bool,
    number: usize,
}

impl Journey<'_> {
    fn run(&mut self, station: &str, workspace: &Workspace, job: Job) -> Result<(), CliError> {
        let run = workspace.start(job)?;
        let progress = watch(self.context, workspace, &run, self.output);
        workspace.save()?;
        for row in progress.rows.iter().filter(|r| matches!(r.state, RowState::Failed(_))) {
            tell(format!("{}: {}", row.name, row.state.text()));
        }
        self.failed |= exit_of(&progress, false) != Exit::Done;
        self.tell(
            station,
            run.title(),
            &outcome(&progress),
            &summary(run.title(), &progress),
        );
        Ok(())
    }

    fn tell(&mut self, station: &str, step: &str, result: &str, line: &str) {
        self.number += 1;
        self.steps
            .row([self.number.to_string().as_str(), station, step, result]);
        if !self.output.json && !self.output.quiet {
            self.context.out.line(format!("{}. {station}: {line}", self.number));
            self.context.out.flush();
        }
    }
}

fn outcome(progress: &RunProgress) -> String {
    let failed = match progress.failed + progress.cancelled {
        0 => String::new(),
        n => format!(", {n} failed"),
    };
    format!(
        "{} of {}{failed}",
        progress.succeeded + progress.skipped,
        progress.total
    )
}

const LAB_STATION: &str = "isolated lab";
const CORE_STATION: &str = "core network";

fn in_the_terminal(context: &mut Context, args: &Demo) -> Result<Exit, CliError> {
    let output = &args.output;
    let folder = private_folder()?;
    let lab = context.runtime.block_on(Lab::start(LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        ..LabConfig::default()
    }))?;
    context.runtime.block_on(lab.dial(&(&args.dials).into()))?;
    let mut journey = Journey {
        context,
        output,
        steps: Table::new(["#", "Station", "Step", "Result"]),
        failed: false,
        number: 0,
    };
    let counts = across_the_air_gap(&mut journey, &lab, folder.path())?;
    let Journey {
        context, steps, failed, ..
    } = journey;
    let key = &keys::WINDOWS_CLIENT_MAK;
    let pool = lab.service().pool(key.last_five());
    let (limit, left) = pool.map_or((0, 0), |p| (p.limit, p.remaining));
    context.runtime.block_on(lab.stop());
    if output.json {
        context.out.json(&serde_json::json!({
            "summary": "Demonstration",
            "computers": counts.computers,
            "licensed": counts.licensed,
            "key": key.last_five(),
            "activations_before": limit,
            "activations_left": left,
            "left_the_lab": counts.exported_bytes,
        }));
    } else {
        context.out.line("");
        steps.print(&mut context.out);
        context.out.line("");
        context.out.line(format!(
            "{} of {} computers are licensed",
            counts.licensed, counts.computers
        ));
        context.out.line(format!(
            "{left} of {limit} activations are left on the simulated MAK …{}",
            key.last_five()
        ));
        context.out.line(format!(
            "{} bytes left the lab: installation IDs and extended PIDs, no name, no address, no key",
            counts.exported_bytes
        ));
    }
    let complete = !failed && counts.licensed == counts.computers;
    Ok(if complete { Exit::Done } else { Exit::SomeFailed })
}

struct Counts {
    computers: usize,
    licensed: usize,
    exported_bytes: u64,
}

/// The three stations, on two lists, over real sockets.
fn across_the_air_gap(journey: &mut Journey<'_>, lab: &Lab, folder: &Path) -> Result<Counts, CliError> {
    let handle = journey.context.runtime.handle().clone();
    let (lab_list, carried) = (folder.join("isolated-lab.cilx"), folder.join("carried.cilx"));

    let inside = Workspace::create(&lab_list, handle.clone())?;
    inside.set_settings(lab_settings(lab));
    inside.set_credentials(Some(lab_credentials()?));
    let names: Vec<String> = lab.computers().iter().map(|c| c.address.to_string()).collect();
    let found = inside.add_computers(&names.join(" "))?;
    let key = &keys::WINDOWS_CLIENT_MAK;
    inside.add_keys(key.text)?;
    let text = format!("{} computers and the MAK …{} added", found.added.len(), key.last_five());
    journey.tell(
        LAB_STATION,
        "Making the list",
        &format!("{} computers", found.added.len()),
        &text,
    );

    let computers = inside.snapshot().inventory.computers().map(|c| c.id).collect();
    journey.run(LAB_STATION, &inside, Job::UpdateStatus { computers })?;
    let mak = inside.snapshot().inventory.keys().next().map(|k| k.id);
    let key = mak.map_or(KeyChoice::ClientSetupKey, KeyChoice::Owned);
    let products = all_products(&inside.snapshot().inventory, |_| true);
    journey.run(LAB_STATION, &inside, Job::InstallKey { products, key })?;
    let exported = inside.export(&carried, ExportProfile::ProxyOnly, None)?;
    let text = format!("{} installation IDs exported, nothing else", exported.products);
    journey.tell(
        LAB_STATION,
        "Exporting proxy data",
        &format!("{} rows", exported.products),
        &text,
    );
    let exported_bytes = std::fs::metadata(&carried).map(|m| m.len()).unwrap_or_default();

    {
        let (outside, _) = Workspace::open(&carried, Mode::Edit, handle)?;
        outside.set_settings(lab_settings(lab));
        let products = all_products(&outside.snapshot().inventory, Product::needs_confirmation_id);
        journey.run(CORE_STATION, &outside, Job::AcquireConfirmationIds { products })?;
    }

    let imported = inside.apply_import(inside.plan_import(&carried)?)?;
    inside.save()?;
    let text = format!("{} confirmation IDs imported", imported.confirmation_ids);
    journey.tell(
        LAB_STATION,
        "Importing",
        &format!("{} confirmation IDs", imported.confirmation_ids),
        &text,
    );
    let products = all_products(&inside.snapshot().inventory, Product::can_apply_confirmation_id);
    journey.run(LAB_STATION, &inside, Job::ApplyConfirmationIds { products })?;

    let inventory = &inside.snapshot().inventory;
    let licensed = |c: &Computer| {
        let mut products = inventory.products_of(c.id).peekable();
        products.peek().is_some() && products.all(|p| p.license_status == LicenseStatus::Licensed)
    };
    Ok(Counts {
        computers: inventory.computer_count(),
        licensed: inventory.computers().filter(|c| licensed(c)).count(),
        exported_bytes,
    })
}

fn all_products(inventory: &Inventory, wanted: impl Fn(&Product) -> bool) -> Vec<ProductId> {
    inventory.products().filter(|p| wanted(p)).map(|p| p.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_source_file_is_named_when_a_window_cannot_be_opened() {
        let told = "winit EventLoopError: os error at /src/x11/mod.rs:788: no connection to the display";
        assert_eq!(without_source(told), "no connection to the display");
        assert_eq!(
            without_source("os error at /src/mod.rs:788"),
            "the display does not answer"
        );
        assert_eq!(without_source("no GL"), "no GL");
    }
}
