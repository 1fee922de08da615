//! Opening: lock, read, recover.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cil::journal::{Decoded, decode};
use crate::cil::{CilError, Loaded, Progress, Watch, legacy_format, read_with};
use crate::model::{Change, Inventory, KeyEntry};

use super::disk::{Stamp, beside, create_private};
use super::error::{ReadError, StoreError, in_words};
use super::generations;
use super::journal_file::JournalFile;
use super::lock::{Lock, myself};
use super::{Opened, Recovery, Store};

/// How often a list is read again that is being saved at the very moment it is opened read-only.
const ATTEMPTS: usize = 20;

/// Files are read in blocks of this many bytes, between which progress is told.
const BLOCK: u64 = 8 << 20;

/// Orphans that are looked for.
const ORPHANS: usize = 99;

/// The list and its state on the disk.
pub(super) struct FromDisk {
    pub loaded: Loaded,
    pub stamp: Stamp,
    /// What a journal for this state says it continues.
    pub base: String,
}

impl Store {
    /// Creates an empty list. Refuses to replace a file.
    pub fn create(path: &Path) -> Result<(Self, Opened), StoreError> {
        let store = Self::create_from(path, &Inventory::default())?;
        let opened = Opened {
            inventory: Inventory::default(),
            on_disk: Inventory::default(),
            warnings: Vec::new(),
            recovered: Recovery::default(),
            legacy: None,
        };
        Ok((store, opened))
    }

    /// Saves a list as a new file and keeps that open. Refuses to replace a file.
    pub fn create_from(path: &Path, inventory: &Inventory) -> Result<Self, StoreError> {
        Self::new_file(path, inventory, false)
    }

    /// Saves a list in the place of another file, which is kept as `.bak`, and keeps that open. A list of an older VAMT is never
    /// replaced.
    pub fn replace_from(path: &Path, inventory: &Inventory) -> Result<Self, StoreError> {
        Self::new_file(path, inventory, true)
    }

    fn new_file(path: &Path, inventory: &Inventory, replace: bool) -> Result<Self, StoreError> {
        let exists = fs::symlink_metadata(path).is_ok();
        if exists && !replace {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        if exists && let Some(format) = fs::read(path).ok().and_then(|bytes| legacy_format(&bytes)) {
            return Err(StoreError::OverLegacy {
                path: path.to_owned(),
                format,
            });
        }
        let path = if exists {
            fs::canonicalize(path).map_err(in_words(path, "replaced"))?
        } else {
            absolute(path)?
        };
        let owner = myself();
        let lock = take_lock(&path, &owner)?;
        if !replace && path.exists() {
            return Err(StoreError::Exists { path });
        }
        let journal_path = beside(&path, ".journal");
        // Left behind by a list of that name that is no more, or is being replaced.
        let left = read_journal(&journal_path)?;
        if left.is_some_and(|left| left.changes().next().is_some()) {
            lay_aside(&journal_path)?;
        }
        let mut store = Self {
            journal: JournalFile::create(&journal_path, "", &owner, None, std::iter::empty())?,
            stamp: Stamp::NONE,
            path,
            owner,
            pending: 0,
            saving: None,
            generations: Self::GENERATIONS,
            old_journal: false,
            _lock: lock,
        };
        store.save(inventory, true)?;
        Ok(store)
    }

    /// Opens a list for changes: locks it and recovers what a crash left in the journal. A list of an older VAMT is refused
    /// ([`StoreError::Legacy`]).
    pub fn open(path: &Path) -> Result<(Self, Opened), StoreError> {
        Self::open_with(path, &|_| ControlFlow::Continue(()))
    }

    /// Opens a list for changes, telling `watch` how far that has come. Every byte counts twice: once it is read from the
    /// disk, and once it is understood.
    pub fn open_with(path: &Path, watch: &Watch<'_>) -> Result<(Self, Opened), StoreError> {
        let owner = myself();
        if generations::is_moved_away(path) {
            let path = absolute(path)?;
            let _lock = take_lock(&path, &owner)?;
            generations::put_back(&path).map_err(in_words(&path, "opened"))?;
        }
        let path = real_path(path)?;
        let lock = take_lock(&path, &owner)?;
        // A save that was killed left it; what it holds is in the journal.
        let _ = fs::remove_file(beside(&path, ".saving"));
        let FromDisk {
            mut loaded,
            stamp,
            base,
        } = read_list(&path, watch)?;
        let on_disk = loaded.inventory.clone();
        if let Some(format) = loaded.legacy {
            return Err(StoreError::Legacy { path, format });
        }
        let journal_path = beside(&path, ".journal");
        let decoded = read_journal(&journal_path)?;
        let seal = loaded.inventory.header().seal.clone();
        let seal = seal.as_ref();
        let (journal, recovered, pending) = match decoded {
            None => {
                let journal = JournalFile::create(&journal_path, &base, &owner, seal, std::iter::empty())?;
                (journal, Recovery::default(), 0)
            }
            Some(decoded) => {
                let (mut recovered, kept, known) = replay(&decoded, &base, &mut loaded.inventory);
                let settled = known && decoded.is_sound() && recovered.refused.is_empty();
                let journal = if settled && decoded.base.as_deref() == Some(&base) {
                    JournalFile::resume(&journal_path, &owner, seal, decoded.last)?
                } else {
                    let lost = !known && decoded.changes().next().is_some();
                    if lost || decoded.damaged > 0 || !recovered.refused.is_empty() {
                        recovered.orphan = Some(lay_aside(&journal_path)?);
                    }
                    JournalFile::create(&journal_path, &base, &owner, seal, kept.iter().map(|change| &**change))?
                };
                let pending = kept.len();
                (journal, recovered, pending)
            }
        };
        let store = Self {
            path,
            journal,
            stamp,
            owner,
            pending,
            saving: None,
            generations: Self::GENERATIONS,
            old_journal: false,
            _lock: lock,
        };
        let opened = Opened {
            inventory: loaded.inventory,
            on_disk,
            warnings: loaded.warnings,
            recovered,
            legacy: None,
        };
        Ok((store, opened))
    }

    /// Reads a list without locking it, with the changes in its journal. Nothing is written anywhere.
    pub fn read_only(path: &Path) -> Result<Opened, StoreError> {
        Self::read_only_with(path, &|_| ControlFlow::Continue(()))
    }

    /// [`Store::read_only`], telling `watch` as [`Store::open_with`] does.
    pub fn read_only_with(path: &Path, watch: &Watch<'_>) -> Result<Opened, StoreError> {
        let path = real_path(path)?;
        let journal_path = beside(&path, ".journal");
        let mut attempt = 1;
        loop {
            let FromDisk {
                mut loaded,
                stamp,
                base,
            } = read_list(&path, watch)?;
            let on_disk = loaded.inventory.clone();
            let (decoded, hidden) = match read_journal(&journal_path) {
                Ok(decoded) => (decoded, false),
                // The journal is private to whoever has the list open; the list may be not.
                Err(StoreError::AccessDenied { .. }) => (None, true),
                Err(error) => return Err(error),
            };
            let settled = stamp.still_fits(&path).unwrap_or(false);
            if !settled && attempt < ATTEMPTS {
                attempt += 1;
                continue;
            }
            let mut recovered = Recovery::default();
            if let Some(decoded) = decoded {
                (recovered, _, _) = replay(&decoded, &base, &mut loaded.inventory);
            }
            if hidden {
                let words = "the journal belongs to another user: what changed since the list was saved is not shown";
                recovered.damaged = Some(words.to_owned());
            }
            return Ok(Opened {
                inventory: loaded.inventory,
                on_disk,
                warnings: loaded.warnings,
                recovered,
                legacy: loaded.legacy,
            });
        }
    }
}

fn take_lock(list: &Path, owner: &str) -> Result<Lock, StoreError> {
    let journal = beside(list, ".journal");
    Lock::take(list, beside(list, ".lock"), owner, || {
        read_journal(&journal).ok()??.owner
    })
}

fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    let real = fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound { path: path.to_owned() },
        _ => in_words(path, "opened")(e),
    })?;
    // A pipe would be waited for, and a device read without end.
    if fs::metadata(&real).is_ok_and(|m| !m.is_file()) {
        return Err(StoreError::NotAFile { path: path.to_owned() });
    }
    Ok(as_spelled(&real).unwrap_or(real))
}

/// The path with the file's name as its folder has it. Where names differ in case only (FAT, exFAT), two spellings of a list
/// must find one lock; some drivers take them for two files otherwise.
fn as_spelled(real: &Path) -> Option<PathBuf> {
    let (folder, name) = (real.parent()?, real.file_name()?);
    let wanted = name.to_str()?.to_lowercase();
    let mut found = None;
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let spelled = entry.file_name();
        if spelled == name {
            return None;
        }
        if spelled.to_str().is_some_and(|s| s.to_lowercase() == wanted) {
            found = Some(folder.join(spelled));
        }
    }
    found
}

/// The place of a file that does not exist yet, with its folder's links followed.
fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = match fs::canonicalize(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let (path, folder) = (path.to_owned(), folder.to_owned());
            return Err(StoreError::NoFolder { path, folder });
        }
        folder => folder.map_err(in_words(path, "created"))?,
    };
    Ok(folder.join(path.file_name().unwrap_or_default()))
}

pub(super) fn read_list(path: &Path, watch: &Watch<'_>) -> Result<FromDisk, StoreError> {
    // Its time before its contents: replaced in between, it counts as changed, not as read.
    let stamp = Stamp::of(path, 0).map_err(in_words(path, "read"))?;
    let failed = |source| StoreError::Format {
        path: path.to_owned(),
        source,
    };
    let (bytes, crc) = read_bytes(path, watch)
        .map_err(in_words(path, "read"))?
        .ok_or_else(|| failed(CilError::Cancelled))?;
    let len = bytes.len() as u64;
    let loaded = understand(&bytes, watch).map_err(failed)?;
    let base = match loaded.generation {
        Some(generation) => generation.to_string(),
        // Written by another program: the contents are its name.
        None => format!("content {crc:08x} {len}"),
    };
    Ok(FromDisk {
        loaded,
        stamp: Stamp { len, crc, ..stamp },
        base,
    })
}

/// Reads a list that is not going to be open: to be merged, or to be made another of. `watch` is told how far it has come, as
/// [`Store::open_with`] tells it.
pub fn read_other(path: &Path, watch: &Watch<'_>) -> Result<Loaded, ReadError> {
    let (bytes, _) = read_bytes(path, watch)?.ok_or(CilError::Cancelled)?;
    Ok(understand(&bytes, watch)?)
}

/// The second half of reading: the first were the bytes.
fn understand(bytes: &[u8], watch: &Watch<'_>) -> Result<Loaded, CilError> {
    read_with(bytes, &|progress: Progress| {
        watch(Progress {
            done: progress.total + progress.done,
            total: 2 * progress.total,
        })
    })
}

/// The bytes of a file and their checksum; `None` if `watch` stopped it.
fn read_bytes(path: &Path, watch: &Watch<'_>) -> io::Result<Option<(Vec<u8>, u32)>> {
    let mut file = fs::File::open(path)?;
    let expected = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    let mut checksum = crc32fast::Hasher::new();
    loop {
        let read = bytes.len();
        if file.by_ref().take(BLOCK).read_to_end(&mut bytes)? == 0 {
            return Ok(Some((bytes, checksum.finalize())));
        }
        checksum.update(bytes.get(read..).unwrap_or_default());
        let done = bytes.len() as u64;
        let progress = Progress {
            done,
            total: 2 * expected.max(done),
        };
        if watch(progress).is_break() {
            return Ok(None);
        }
    }
}

fn read_journal(path: &Path) -> Result<Option<Decoded>, StoreError> {
    match fs::read(path) {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => Ok(Some(decode(&bytes))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(in_words(path, "read")(e)),
    }
}

/// Applies what the list lacks. Returns what to tell, the changes that applied, and whether the journal belongs to this state
/// of the list.
fn replay<'d>(decoded: &'d Decoded, base: &str, inventory: &mut Inventory) -> (Recovery, Vec<Cow<'d, Change>>, bool) {
    let mut recovery = Recovery::default();
    let mut kept = Vec::new();
    let (changes, known): (Vec<&Change>, bool) = match decoded.after(base) {
        Some(changes) => (changes.collect(), true),
        // Somebody replaced the list: what still applies is applied.
        None => (decoded.changes().collect(), false),
    };
    let seal = inventory.header().seal.as_ref().map(|seal| &*seal.recipient);
    let other_seal = !known && decoded.seal.is_some() && decoded.seal.as_deref() != seal;
    for change in changes {
        let change = if other_seal {
            under_seal_of(inventory, change)
        } else {
            Ok(Cow::Borrowed(change))
        };
        let applied = change.and_then(|change| match inventory.apply(&change) {
            Ok(()) => Ok(change),
            Err(reason) => Err(reason.to_string()),
        });
        match applied {
            Ok(change) => kept.push(change),
            Err(reason) => recovery.refused.push(reason),
        }
    }
    recovery.replayed = kept.len();
    recovery.damaged = match (decoded.damaged, decoded.torn) {
        (0, false) => None,
        (0, true) => {
            Some("the last record of the journal was being written when the program ended and is lost".to_owned())
        }
        (n, _) => Some(format!("{n} damaged records of the journal were not readable")),
    };
    (recovery, kept, known)
}

/// A change out of a journal of another seal than the list has now: a key that the list has stays sealed as it is there, and
/// one that it does not have cannot be opened any more by whoever knows the list's passphrase.
fn under_seal_of<'d>(list: &Inventory, change: &'d Change) -> Result<Cow<'d, Change>, String> {
    let Change::PutKey(entry) = change else {
        return Ok(Cow::Borrowed(change));
    };
    if entry.sealed.is_none() {
        return Ok(Cow::Borrowed(change));
    }
    let Some(known) = list.key(entry.id) else {
        let key = entry.masked();
        return Err(format!(
            "product key {key} is sealed with a passphrase that the list no longer has"
        ));
    };
    Ok(Cow::Owned(Change::PutKey(Box::new(KeyEntry {
        key: known.key.clone(),
        sealed: known.sealed.clone(),
        ..(**entry).clone()
    }))))
}

/// Journals laid aside.
pub(super) fn orphans(journal: &Path) -> Vec<PathBuf> {
    (1..=ORPHANS)
        .map(|n| beside(journal, &format!(".orphan-{n}")))
        .filter(|p| p.is_file())
        .collect()
}

/// Copies a journal that cannot be continued to `<journal>.orphan-N`.
fn lay_aside(journal: &Path) -> Result<PathBuf, StoreError> {
    let mut number = 1;
    loop {
        let orphan = beside(journal, &format!(".orphan-{number}"));
        if orphan.exists() {
            number += 1;
            continue;
        }
        let copy = || {
            let bytes = fs::read(journal)?;
            let mut file = create_private(&orphan)?;
            io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()
        };
        copy().map_err(in_words(&orphan, "written"))?;
        return Ok(orphan);
    }
}
