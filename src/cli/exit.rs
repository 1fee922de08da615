//! Exit codes and the errors that end a command.

use std::io;
use std::path::PathBuf;

use crate::workspace::{KeyringError, WorkspaceError};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Everything succeeded, or nothing had to be done.
    Done = 0,
    /// Some rows failed or were cancelled.
    SomeFailed = 1,
    /// Wrong usage, or nothing could be done.
    Nothing = 2,
    /// Everything succeeded, but a MAK is below its mark.
    Low = 3,
}

/// Why a command ended without doing its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The workspace refused.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The keyring did not help.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A value that clap could not check.
    #[error("{0}")]
    Usage(String),
    /// A file of the command line could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the command line could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The lab did not start.
    #[error(transparent)]
    Lab(#[from] crate::lab::LabError),
    /// The desktop did not open.
    #[cfg(feature = "desktop")]
    #[error(transparent)]
    Desktop(#[from] crate::desktop::DesktopError),
}

impl CliError {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }
}
