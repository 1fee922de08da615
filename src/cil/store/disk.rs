//! Files beside a list, written so that a crash at any instant leaves the old or the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file beside the list.
pub(super) fn beside(list: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = list.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Creates a file that only its owner may read, replacing a left-over one.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Moves `from` to the name of `to`, which it replaces.
pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    // Who only reads a file - a virus scanner, an indexer, a backup - keeps Windows from replacing it, for an instant mostly.
    // Nothing tells when that is over, so it is tried again: for a second in all.
    #[cfg(windows)]
    for wait in [10, 20, 50, 100, 200, 300, 400] {
        match fs::rename(from, to) {
            // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION
            Err(e) if matches!(e.raw_os_error(), Some(5 | 32)) => {
                // Windows has no event for a file that nobody has open any longer.
                std::thread::sleep(std::time::Duration::from_millis(wait));
            }
            other => return other,
        }
    }
    fs::rename(from, to)
}

/// Forces the names in the folder of `path` to the disk.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail"))]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        match File::open(folder)?.sync_all() {
            // Some file systems cannot.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
            other => return other,
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Gives `new` the permissions, and where allowed the owner, of `old`.
pub(super) fn keep_permissions(old: &Path, new: &File) -> io::Result<()> {
    let metadata = match fs::metadata(old) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let now = new.metadata()?;
        if (now.uid(), now.gid()) != (metadata.uid(), metadata.gid()) {
            // Only an administrator may give a file away; the list is saved all the same.
            let _ = std::os::unix::fs::fchown(new, Some(metadata.uid()), Some(metadata.gid()));
        }
    }
    match new.set_permissions(metadata.permissions()) {
        // FAT knows no permissions.
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// What tells that a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub len: u64,
    pub modified: Option<SystemTime>,
    pub crc: u32,
    /// The file may have been written again without its time showing it.
    pub fresh: bool,
}

/// The times of FAT go in steps of two seconds.
const STEP: Duration = Duration::from_secs(2);

/// True for a time that may belong to a file system with whole seconds, so shortly after it that another one written now
/// could get the same.
fn may_repeat(modified: SystemTime) -> bool {
    let whole = modified
        .duration_since(SystemTime::UNIX_EPOCH)
        .is_ok_and(|since| since.subsec_nanos() == 0);
    // A time of the future, by a clock that was wrong once, proves nothing.
    whole && modified.elapsed().map_or(true, |age| age <= STEP)
}

impl Stamp {
    /// Of no file.
    pub const NONE: Self = Self {
        len: 0,
        modified: None,
        crc: 0,
        fresh: true,
    };

    /// Size and time of the file as it is now, with the checksum of what was read or written.
    pub fn of(path: &Path, crc: u32) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified().ok();
        Ok(Self {
            len: metadata.len(),
            modified,
            crc,
            fresh: modified.is_none_or(may_repeat),
        })
    }

    /// False if the file has other contents now.
    pub fn still_fits(&self, path: &Path) -> io::Result<bool> {
        let now = Self::of(path, self.crc)?;
        if (now.len, now.modified) == (self.len, self.modified) && !self.fresh {
            return Ok(true);
        }
        // Touched, copied back, or written within one step of the clock: only the contents count.
        if now.len != self.len {
            return Ok(false);
        }
        Ok(crc32fast::hash(&fs::read(path)?) == self.crc)
    }
}

/// Checksums what passes through.
pub(super) struct Summing<W> {
    pub inner: W,
    pub hasher: crc32fast::Hasher,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;
    use std::os::windows::fs::OpenOptionsExt;

    /// Opens a file as a program does that shares it with readers only.
    fn open_in_the_way(path: &Path) -> File {
        const FILE_SHARE_READ: u32 = 1;
        OpenOptions::new()
            .read(true)
            .share_mode(FILE_SHARE_READ)
            .open(path)
            .unwrap()
    }

    #[test]
    fn a_reader_that_goes_away_does_not_keep_a_file_from_being_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        let reader = open_in_the_way(&old);
        std::thread::scope(|scope| {
            let replacing = scope.spawn(|| replace(&new, &old));
            // Long enough for the first attempt, far shorter than all of them.
            std::thread::sleep(std::time::Duration::from_millis(100));
            drop(reader);
            replacing.join().unwrap().unwrap();
        });
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
    }

    #[test]
    fn a_reader_that_stays_is_an_error_and_both_files_are_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        let _reader = open_in_the_way(&old);
        assert!(replace(&new, &old).is_err());
        assert_eq!(fs::read_to_string(&old).unwrap(), "old");
        assert_eq!(fs::read_to_string(&new).unwrap(), "new");
    }
}
