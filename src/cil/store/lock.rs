//! One writer at a time: an exclusive lock on `<list>.lock`, which says who holds it.
//!
//! The lock is the operating system's and dies with its process; the file alone means nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::{StoreError, in_words};

/// Who this process is, in words.
pub(super) fn myself() -> String {
    let env = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|n| std::env::var(n).ok())
            .filter(|v| !v.is_empty())
    };
    let user = env(["USER", "USERNAME"]).unwrap_or_else(|| "unknown user".into());
    let host = env(["COMPUTERNAME", "HOSTNAME"])
        .or_else(|| Some(std::fs::read_to_string("/etc/hostname").ok()?.trim().to_owned()))
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "this computer".into());
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S UTC");
    format!("{user} on {host}, process {}, since {now}", std::process::id())
}

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of `list`. `journal_owner` answers when the lock file cannot be read (Windows locks its contents, too).
    pub fn take(
        list: &Path,
        path: PathBuf,
        owner: &str,
        journal_owner: impl Fn() -> Option<String>,
    ) -> Result<Self, StoreError> {
        // Each further attempt means that a holder closed the list in the instant between our opening and our locking it.
        for _ in 0..100 {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options
                .open(&path)
                // Another user's lock file can be locked all the same, only not signed.
                .or_else(|e| File::open(&path).map_err(|_| e))
                .map_err(in_words(&path, "locked"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut by = String::new();
                    let read = file.take(1000).read_to_string(&mut by);
                    let by = match read {
                        Ok(_) if !by.trim().is_empty() => by.trim().to_owned(),
                        _ => journal_owner().unwrap_or_else(|| "by somebody who did not say".into()),
                    };
                    return Err(StoreError::InUse {
                        path: list.to_owned(),
                        by,
                    });
                }
                // A file system without locks: better to work than not to.
                Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(e)) => return Err(in_words(&path, "locked")(e)),
            }
            if !is_still_there(&file, &path) {
                continue;
            }
            // Who it is, for the others. A full disk does not keep anybody from opening a list.
            let _ = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(owner.as_bytes()));
            return Ok(Self { file, path });
        }
        Err(StoreError::InUse {
            path: list.to_owned(),
            by: "by programs that open and close it all the time".into(),
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // Elsewhere the empty file stays: without inode numbers nobody could tell that a locked file is no longer the one
        // of that name.
        #[cfg(unix)]
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
        let _ = &self.path;
    }
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.ino() == named.ino() && held.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    true
}
