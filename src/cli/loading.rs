//! Reading a list that takes a while: a bar, and Ctrl+C.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;
use super::exit::CliError;
use crate::workspace::{Mode, OpenReport, Progress, Watch, Workspace, WorkspaceError};

/// Smaller lists are read before a bar is drawn.
const BIG: u64 = 16 << 20;

/// Opens a list. Of a big one it shows how far it has come; Ctrl+C stops that and leaves everything as it was.
pub(super) fn open(
    context: &Context,
    list: &Path,
    mode: Mode,
    quiet: bool,
) -> Result<(Workspace, OpenReport), CliError> {
    let handle = context.runtime.handle().clone();
    let path = list.to_owned();
    reading(context, list, quiet, move |watch| {
        Workspace::open_with(&path, mode, handle, watch)
    })
}

/// Does `work`, which reads `file`. Of a big one it shows how far that has come; Ctrl+C stops it.
pub(super) fn reading<T: Send + 'static>(
    context: &Context,
    file: &Path,
    quiet: bool,
    work: impl FnOnce(&Watch<'_>) -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, CliError> {
    if file.metadata().map_or(0, |m| m.len()) < BIG {
        return Ok(work(&|_| ControlFlow::Continue(()))?);
    }
    let mut interrupts = context.interrupts.listen(context.runtime.handle());
    let bar = bar(file, quiet);
    let stop = Arc::new(AtomicBool::new(false));
    let reading = {
        let (bar, stop) = (bar.clone(), stop.clone());
        context.runtime.spawn_blocking(move || {
            work(&|progress: Progress| {
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
    let read = context.runtime.block_on(async {
        tokio::pin!(reading);
        loop {
            tokio::select! {
                read = &mut reading => break read,
                () = interrupts.interrupted() => stop.store(true, Ordering::Relaxed),
            }
        }
    });
    bar.finish_and_clear();
    let read = read.map_err(|source| CliError::System {
        what: "reading the list ended",
        source: source.into(),
    })?;
    Ok(read?)
}

/// A bar on standard error, when that is a terminal and nobody wants quiet.
fn bar(file: &Path, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {elapsed_precise}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let name = file.file_name().unwrap_or(file.as_os_str());
    bar.with_prefix(format!("Reading {}", name.display()))
}
