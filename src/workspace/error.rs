//! Why the workspace refused an order. Failures of single rows are not errors: they stand on the rows of the run.

use std::io;
use std::path::{Path, PathBuf};

use super::DiscoveryError;
use crate::activation::ActivationError;
use crate::cil::CilError;
use crate::cil::seal::SealError;
use crate::cil::store::{ReadError, StoreError};
use crate::model::ChangeError;

/// Why the workspace refused an order. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The file of the list.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Product keys could not be sealed or unlocked.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A change does not fit the list.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The list was opened to look at only.
    #[error("{} is open for reading only: open it for editing, or save it under another name", path.display())]
    ReadOnly {
        /// The list.
        path: PathBuf,
    },
    /// A file to import could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file to import is no Computer Information List.
    #[error("cannot import {}: {source}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: CilError,
    },
    /// An export could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An export onto the list itself.
    #[error("{} is the open list itself: export to another file", path.display())]
    ExportOntoItself {
        /// The file.
        path: PathBuf,
    },
    /// A run without rows.
    #[error("nothing is selected: there is no row to work on")]
    NothingSelected,
    /// Computers are to be asked and nobody said as whom.
    #[error("no account to sign in to the computers with: give a user and a password first")]
    NoCredentials,
    /// The way to the activation service is not usable.
    #[error("{0}")]
    Service(#[from] ActivationError),
    /// A discovery cannot begin.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// Text with product keys or names that contains none.
    #[error("the text contains no {what}")]
    Empty {
        /// What was looked for.
        what: &'static str,
    },
}

impl WorkspaceError {
    /// Why `file` was not imported.
    pub(super) fn of_import(file: &Path, error: ReadError) -> Self {
        let path = file.to_owned();
        match error {
            ReadError::File(source) => Self::Read { path, source },
            ReadError::Format(source) => Self::Import { path, source },
        }
    }

    /// Reading a list was given up by whoever asked for it.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Import {
                source: CilError::Cancelled,
                ..
            } | Self::Store(StoreError::Format {
                source: CilError::Cancelled,
                ..
            })
        )
    }
}
