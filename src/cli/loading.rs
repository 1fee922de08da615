//! Opening a list that takes a while: a bar, and Ctrl+C.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;
use super::exit::CliError;
use crate::workspace::{Mode, OpenReport, Progress, Workspace};

/// Smaller lists are open before a bar is drawn.
const BIG: u64 = 16 << 20;

/// Opens a list. Of a big one it shows how far it has come; Ctrl+C stops that and leaves everything as it was.
pub(super) fn open(
    context: &Context,
    list: &Path,
    mode: Mode,
    quiet: bool,
) -> Result<(Workspace, OpenReport), CliError> {
    let handle = context.runtime.handle().clone();
    if list.metadata().map_or(0, |m| m.len()) < BIG {
        return Ok(Workspace::open(list, mode, handle)?);
    }
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let bar = bar(quiet);
    let stop = Arc::new(AtomicBool::new(false));
    let loading = {
        let (list, bar, stop) = (list.to_owned(), bar.clone(), stop.clone());
        context.runtime.spawn_blocking(move || {
            Workspace::open_with(&list, mode, handle, &|progress: Progress| {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                if stop.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
    };
    let opened = context.runtime.block_on(async {
        tokio::pin!(loading);
        loop {
            tokio::select! {
                opened = &mut loading => break opened,
                () = interrupts.interrupted() => stop.store(true, Ordering::Relaxed),
            }
        }
    });
    bar.finish_and_clear();
    let opened = opened.map_err(|source| CliError::System {
        what: "reading the list ended",
        source: source.into(),
    })?;
    Ok(opened?)
}

/// A bar on standard error, when that is a terminal and nobody wants quiet.
fn bar(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("Reading the list [{bar:30}] {percent}% {elapsed_precise}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
