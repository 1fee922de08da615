//! `connect`: the way in to a group of computers, chosen by hand.

use serde_json::json;

use super::args::Connect;
use super::context::{Context, NO_COMPUTER_PASSES, computers};
use super::exit::{CliError, Exit};
use super::merge::save;
use super::output::counted;
use crate::workspace::{Mode, Workspace};

pub(super) fn connect(context: &mut Context, args: &Connect) -> Result<Exit, CliError> {
    let workspace: Workspace = context.open(&args.list, Mode::Edit, args.output.quiet)?;
    let chosen = computers(&workspace.snapshot().inventory, args.selection.select.as_ref())?;
    if chosen.is_empty() {
        return Ok(context.nothing_to_do(NO_COMPUTER_PASSES, &args.output));
    }
    let way = args.way.0;
    let changed = workspace.choose_way(&chosen, way)?;
    let exit = save(&workspace)?;
    let name = way.map_or("auto", |w| w.name());
    if args.output.json {
        context
            .out
            .json(&json!({ "summary": "Way in chosen", "way": name, "total": chosen.len(), "changed": changed }));
    } else {
        let computers = counted(chosen.len(), "computer");
        context
            .out
            .line(format!("{computers}: way in {name}, {changed} changed"));
    }
    Ok(exit)
}
