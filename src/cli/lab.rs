//! `lab serve`: the simulated estate by itself.

use super::args::LabServe;
use super::context::Context;
use super::exit::{CliError, Exit};
use crate::lab::{EstateKind, ServeOptions, serve as serve_lab};
use crate::workspace::check_folder;

pub(super) fn serve(context: &mut Context, args: &LabServe) -> Result<Exit, CliError> {
    let estates = match args.estate.as_slice() {
        [] => EstateKind::ALL.to_vec(),
        names => names.iter().map(|n| estate(n)).collect::<Result<_, _>>()?,
    };
    if let Some(file) = &args.list_file {
        check_folder(file)?;
    }
    let options = ServeOptions {
        estates,
        port: args.port,
        service_port: args.service_port,
        dials: (&args.dials).into(),
        faults: args.faults,
        list_file: args.list_file.clone(),
        json: args.json,
        ..ServeOptions::default()
    };
    context.runtime.block_on(serve_lab(&options, &mut context.out))?;
    Ok(Exit::Done)
}

fn estate(name: &str) -> Result<EstateKind, CliError> {
    let wanted = name.trim();
    EstateKind::ALL
        .iter()
        .copied()
        .find(|k| k.name().eq_ignore_ascii_case(wanted))
        .ok_or_else(|| {
            let names: Vec<&str> = EstateKind::ALL.iter().map(|k| k.name()).collect();
            CliError::usage(format!("--estate {wanted:?}: possible values are {}", names.join(", ")))
        })
}
