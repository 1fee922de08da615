//! One writer at a time: an exclusive lock on `<list>.lock`, which says who holds it.
//!
//! The lock is the operating system's and dies with its process; the file alone means nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::{StoreError, in_words};

/// Who this process is, in words.
pub(super) fn myself() -> String {
    let user = variable(["USER", "USERNAME"]).unwrap_or_else(|| "unknown user".into());
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S UTC");
    format!("{user} on {}, process {}, since {now}", host(), std::process::id())
}

fn variable(names: [&str; 2]) -> Option<String> {
    names
        .iter()
        .find_map(|n| std::env::var(n).ok())
        .filter(|v| !v.is_empty())
}

/// This computer's name.
fn host() -> String {
    let kernel = || {
        Some(
            std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()?
                .trim()
                .to_owned(),
        )
    };
    std::env::var("COMPUTERNAME")
        .ok()
        .or_else(kernel)
        .or_else(|| variable(["HOSTNAME", "HOST"]))
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "this computer".into())
}

/// What a lock file says, beyond the operating system's lock.
#[derive(Debug, PartialEq, Eq)]
enum Signed<'s> {
    /// Nobody, or nobody of whom anything is known.
    Nobody,
    /// A process of this computer.
    Here { process: u32 },
    /// Somebody on another computer.
    Elsewhere(&'s str),
}

/// Reads what [`myself`] wrote.
fn signed<'s>(text: &'s str, host: &str) -> Signed<'s> {
    let text = text.trim();
    let parsed = || {
        let (_, rest) = text.split_once(" on ")?;
        let (named, rest) = rest.split_once(", process ")?;
        let process = rest.split_once(',')?.0.parse().ok()?;
        Some((named, process))
    };
    match parsed() {
        None => Signed::Nobody,
        Some((named, process)) if named.eq_ignore_ascii_case(host) => Signed::Here { process },
        Some(_) => Signed::Elsewhere(text),
    }
}

/// False only where it is certain.
fn may_be_alive(process: u32) -> bool {
    let processes = Path::new("/proc");
    // Windows has no such folder, but what runs it may.
    cfg!(windows) || !processes.join("self").exists() || processes.join(process.to_string()).exists()
}

/// True if the folder of `path` lies on another computer, with locks that may not reach from one computer to the other. Only
/// Linux has such: elsewhere the server keeps the locks.
fn is_on_a_share(path: &Path) -> bool {
    std::fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| is_network(&mounts, path))
}

/// Whether the innermost mount above `path` is of a network file system, by `/proc/self/mountinfo` (proc(5)).
fn is_network(mounts: &str, path: &Path) -> bool {
    let mut best = (0, false);
    for line in mounts.lines() {
        let Some((front, back)) = line.split_once(" - ") else {
            continue;
        };
        let Some(point) = front.split(' ').nth(4) else { continue };
        let point = point.replace("\\040", " ");
        let kind = back.split(' ').next().unwrap_or_default();
        let network = matches!(
            kind,
            "nfs"
                | "nfs4"
                | "cifs"
                | "smb3"
                | "smbfs"
                | "9p"
                | "afs"
                | "ceph"
                | "glusterfs"
                | "davfs"
                | "fuse.sshfs"
                | "fuse.davfs2"
                | "fuse.gvfsd-fuse"
                | "fuse.rclone"
                | "virtiofs"
                | "vboxsf"
                | "fuse.vmhgfs-fuse"
        );
        // A later line of the same place lies over the earlier one.
        if path.starts_with(&point) && point.len() >= best.0 {
            best = (point.len(), network);
        }
    }
    best.1
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
            let mut locked = true;
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
                // A file system without locks: what the file says has to do.
                Err(TryLockError::Error(e)) if has_no_locks(&e) => locked = false,
                Err(TryLockError::Error(e)) => return Err(in_words(&path, "locked")(e)),
            }
            if !is_still_there(&file, &path) {
                continue;
            }
            let mut text = String::new();
            // A crashed program leaves its signature; the lock itself died with it.
            let _ = (&file).take(1000).read_to_string(&mut text);
            let elsewhere = match signed(&text, &host()) {
                Signed::Elsewhere(by) => (!locked || is_on_a_share(list)).then(|| by.to_owned()),
                Signed::Here { process } if !locked && process != std::process::id() && may_be_alive(process) => {
                    return Err(StoreError::InUse {
                        path: list.to_owned(),
                        by: text.trim().to_owned(),
                    });
                }
                Signed::Here { .. } | Signed::Nobody => None,
            };
            if let Some(by) = elsewhere {
                return Err(StoreError::InUseElsewhere {
                    path: list.to_owned(),
                    lock: path,
                    by,
                });
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

/// ENOLCK, ENOSYS and "unsupported".
fn has_no_locks(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::Unsupported || (cfg!(unix) && matches!(error.raw_os_error(), Some(37 | 38)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_tells_here_from_elsewhere() {
        let mine = myself();
        assert_eq!(
            signed(&mine, &host()),
            Signed::Here {
                process: std::process::id()
            }
        );
        let theirs = "anna on LAB-PC, process 12, since 2026-01-02 03:04:05 UTC";
        assert_eq!(signed(theirs, "core-pc"), Signed::Elsewhere(theirs));
        assert_eq!(signed(theirs, "lab-pc"), Signed::Here { process: 12 });
        for nobody in ["", "\0\0", "anna on LAB-PC", "x on y, process z, w"] {
            assert_eq!(signed(nobody, "core-pc"), Signed::Nobody, "{nobody:?}");
        }
    }

    #[test]
    fn the_innermost_mount_says_whether_a_folder_lies_on_a_share() {
        let mounts = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw,relatime shared:1 - nfs4 server:/srv rw
31 30 8:17 / /srv/stick rw - vfat /dev/sdb1 rw
32 22 0:41 / /mnt/two\\040words rw - cifs //server/share rw";
        for (path, network) in [
            ("/home/a.cilx", false),
            ("/srv/a.cilx", true),
            ("/srv/stick/a.cilx", false),
            ("/srvother/a.cilx", false),
            ("/mnt/two words/a.cilx", true),
        ] {
            assert_eq!(is_network(mounts, Path::new(path)), network, "{path}");
        }
    }

    #[test]
    fn without_locks_of_the_system_a_dead_process_holds_nothing() {
        assert!(may_be_alive(std::process::id()));
        #[cfg(target_os = "linux")]
        assert!(!may_be_alive(u32::MAX));
    }
}
