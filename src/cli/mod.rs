//! The command line: subcommands over the workspace, for terminals, scripts and schedulers.
//!
//! Rows and summaries go to standard output, everything said to a person to standard error. Exit codes are part of the
//! interface; `makeeper --help` documents them.

mod accounts;
mod args;
mod connect;
mod context;
mod credentials;
mod demo;
mod discover;
mod dns;
mod exit;
mod files;
mod interrupt;
mod jobs;
mod keys;
mod lab;
mod list;
mod loading;
mod merge;
mod output;
mod runs;
mod samples;
mod sealing;
mod secrets;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use args::{Cli, Command, LabAction};
use context::Context;
use exit::{CliError, Exit};
use output::tell;

/// Reads the arguments of the process, does what they say and answers with the exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    // Before clap sees them: its messages repeat what they do not understand.
    if arguments
        .iter()
        .skip(1)
        .any(|a| secrets::contains_product_key(&a.to_string_lossy()))
    {
        tell(
            "error: product keys are never arguments, because everybody who lists processes sees those; \
             give the key on standard input, with --file or --fd (makeeper keys add), and name it by its last five characters",
        );
        return code(Exit::Nothing);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let command = cli.command.unwrap_or(Command::Open { list: None });
    if let Command::Open { list } = command {
        return open(list);
    }
    let mut context = match Context::new() {
        Ok(context) => context,
        Err(error) => return failed(&error),
    };
    let outcome = dispatch(&mut context, &command);
    let Context { runtime, out, .. } = context;
    // A look-up of a name that hangs in the system must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    let unwritten = out.finish();
    match (outcome, unwritten) {
        (Ok(_), Some(error)) => {
            tell(format!("error: cannot write to standard output: {error}"));
            code(Exit::SomeFailed)
        }
        (Ok(exit), None) => code(exit),
        (Err(error), _) => failed(&error),
    }
}

fn dispatch(context: &mut Context, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::Open { .. } => Ok(Exit::Done),
        Command::New { list } => files::new(context, list),
        Command::Discover(args) => discover::discover(context, args),
        Command::Dns(args) => dns::dns(context, args),
        Command::Connect(args) => connect::connect(context, args),
        Command::List(args) => list::list(context, args),
        Command::Update(args) => jobs::update(context, args),
        Command::Keys(args) => keys::keys(context, args),
        Command::Accounts(args) => accounts::accounts(context, args),
        Command::InstallKey(args) => jobs::install_key(context, args),
        Command::Activate(args) => jobs::activate(context, args),
        Command::AcquireCid(args) => jobs::acquire_cid(context, args),
        Command::ApplyCid(args) => jobs::apply_cid(context, args),
        Command::Export(args) => files::export(context, args),
        Command::Import(args) => files::import(context, args),
        Command::Merge(args) => merge::merge(context, args),
        Command::Explain(args) => Ok(list::explain(context, args)),
        Command::Lab(args) => match &args.action {
            LabAction::Serve(args) => lab::serve(context, args),
            LabAction::WriteSamples { folder } => samples::write(context, folder),
        },
        Command::Demo(args) => demo::demo(context, args),
    }
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

fn failed(error: &CliError) -> ExitCode {
    tell(format!("error: {error}"));
    code(Exit::Nothing)
}

/// Help and version succeed; anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe while help is printed is no fault.
    let _ = error.print();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && argument.starts_with("--pass")
    {
        tell("hint: passwords are never arguments; use --password-env VAR, --password-fd N, or wait for the prompt");
    }
    code(if error.use_stderr() { Exit::Nothing } else { Exit::Done })
}

#[cfg(feature = "desktop")]
fn open(list: Option<PathBuf>) -> ExitCode {
    if !has_display() {
        tell("There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so the desktop cannot open.");
        return help();
    }
    let options = crate::desktop::DesktopOptions {
        list,
        remembered: crate::desktop::Remembered::usual(),
        ..crate::desktop::DesktopOptions::default()
    };
    match crate::desktop::run(options) {
        Ok(()) => code(Exit::Done),
        Err(error) => failed(&error.into()),
    }
}

#[cfg(not(feature = "desktop"))]
fn open(list: Option<PathBuf>) -> ExitCode {
    if let Some(list) = list {
        tell(format!(
            "This build has no desktop; try: makeeper list {}",
            list.display()
        ));
        return code(Exit::Nothing);
    }
    help()
}

/// The help, for a person who gave no command where no window can open.
fn help() -> ExitCode {
    let mut out = output::Out::new();
    out.text(Cli::command().render_help().to_string());
    match out.finish() {
        None => code(Exit::Nothing),
        Some(_) => code(Exit::SomeFailed),
    }
}

/// Whether a window can be expected to open. Only X11 and Wayland say so beforehand.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
