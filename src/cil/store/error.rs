//! What can go wrong between a list and its disk, in words.

use std::io;
use std::path::{Path, PathBuf};

use crate::cil::{CilError, LegacyFormat};

/// Why a list that is not going to be open could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// What it holds; [`CilError::Cancelled`] if it was given up.
    #[error(transparent)]
    Format(#[from] CilError),
}

/// Why a list could not be opened, journalled or saved. The list in memory is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file.
    #[error("there is no list at {}", .path.display())]
    NotFound {
        /// The list.
        path: PathBuf,
    },
    /// The folder of a new file does not exist.
    #[error("there is no folder {} for {}: make the folder first, or choose another place", .folder.display(), .path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// A device, a pipe or a folder.
    #[error("{} is not a regular file (but a device, a pipe or a folder): a list is kept in a file", .path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A new list would replace a file.
    #[error("{} exists already: open it, or choose another name", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else has it open.
    #[error("{} is open for changes elsewhere: {by}; close it there first; meanwhile it can be read (list, export, read-only in the desktop)", .path.display())]
    InUse {
        /// The list.
        path: PathBuf,
        /// Who, in words.
        by: String,
    },
    /// Another computer says that it has it open, and nothing here can tell whether that is still so.
    #[error(
        "{} is open for changes on another computer: {by}; close it there. If it is no longer open there (that computer crashed, say), remove {} and try again",
        .path.display(),
        .lock.display()
    )]
    InUseElsewhere {
        /// The list.
        path: PathBuf,
        /// The file that says so.
        lock: PathBuf,
        /// Who, in words.
        by: String,
    },
    /// The file is not as we left it.
    #[error("{} was changed by somebody else since it was opened: save under another name, or overwrite it knowingly", .path.display())]
    ChangedByOther {
        /// The list.
        path: PathBuf,
    },
    /// It is no list, or a broken one.
    #[error("{}: {source}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: CilError,
    },
    /// A list of an older VAMT: it is read, never written.
    #[error(
        "{} is a list of {format}, which is read but never written: open it to look at only, or make a list of your own from it (makeeper import NEW.cilx {})",
        .path.display(),
        .path.display()
    )]
    Legacy {
        /// The file.
        path: PathBuf,
        /// Which VAMT wrote it.
        format: LegacyFormat,
    },
    /// A list would replace one of an older VAMT.
    #[error("{} is a list of {format}, which is never overwritten: save under another name, one that ends in .cilx", .path.display())]
    OverLegacy {
        /// The file.
        path: PathBuf,
        /// Which VAMT wrote it.
        format: LegacyFormat,
    },
    /// No room.
    #[error("the disk is full: {} could not be {what}; free some space and try again, nothing is lost meanwhile", .path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
    },
    /// The file system takes no file of this size.
    #[error("{} could not be {what}: it is larger than its file system takes (FAT: 4 GiB), or than you may write; save the list elsewhere, nothing is lost meanwhile", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
    },
    /// The medium is read-only.
    #[error("{} could not be {what}: the medium is read-only; save the list elsewhere", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
    },
    /// No permission.
    #[error("{} could not be {what}: access denied; check the permissions of the file and its folder", .path.display())]
    AccessDenied {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
    },
    /// The file, its folder or the medium is gone.
    #[error("{} could not be {what}: it is gone; plug the medium in again, or save the list elsewhere", .path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
    },
    /// Anything else.
    #[error("{} could not be {what}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A change that cannot be written down (a date far outside the calendar).
    #[error("a change could not be written to the journal {}: {reason}", .path.display())]
    Unwritable {
        /// The journal.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A save was finished that was not the last one begun.
    #[error("{} was saved twice at the same time; save it again", .path.display())]
    Overtaken {
        /// The list.
        path: PathBuf,
    },
}

/// Puts an error of the system into words. `what` completes "could not be ...".
pub(super) fn in_words(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull { path, what },
        io::ErrorKind::FileTooLarge => StoreError::TooLarge { path, what },
        io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path, what },
        io::ErrorKind::PermissionDenied => StoreError::AccessDenied { path, what },
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::StaleNetworkFileHandle => {
            StoreError::Vanished { path, what }
        }
        _ if is_lost_medium(&source) => StoreError::Vanished { path, what },
        _ => StoreError::Io { path, what, source },
    }
}

/// True for what systems say when a stick was pulled or a share is no longer reached. The standard library has no names for
/// these.
fn is_lost_medium(error: &io::Error) -> bool {
    // EIO, ENXIO, ENODEV, ENOTCONN, ESHUTDOWN, EHOSTDOWN, ENOMEDIUM
    #[cfg(unix)]
    const CODES: &[i32] = &[5, 6, 19, 107, 108, 112, 123];
    // ERROR_NOT_READY, BAD_NETPATH, DEV_NOT_EXIST, NETNAME_DELETED, NO_SUCH_DEVICE, FILE_INVALID, IO_DEVICE,
    // DEVICE_NOT_CONNECTED, DEVICE_REMOVED
    #[cfg(not(unix))]
    const CODES: &[i32] = &[21, 53, 55, 64, 433, 1006, 1117, 1167, 1617];
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}
