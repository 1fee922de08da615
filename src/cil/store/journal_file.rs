//! The journal on its disk.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::cil::journal::{Entry, encode};
use crate::model::{Change, KeySeal};

use super::disk::{beside, create_private, replace, sync_folder};
use super::error::{StoreError, in_words};

/// `<list>.journal`, open for appending.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    /// Closed while the journal is replaced: FAT, exFAT and shares let Windows replace no file that is open.
    file: Option<File>,
    /// Bytes that hold whole records.
    len: u64,
    /// Number of the next line.
    next: u64,
    /// An append failed halfway and its bytes could not be removed yet.
    torn: bool,
    /// Place and number behind the last "saving" line.
    mark: Option<(u64, u64)>,
    /// Product keys are written sealed with this.
    seal: Option<KeySeal>,
}

impl JournalFile {
    /// Replaces the journal by a new one for the list in the state `base`, with these changes.
    pub fn create<'c>(
        path: &Path,
        base: &str,
        owner: &str,
        seal: Option<&KeySeal>,
        changes: impl Iterator<Item = &'c Change>,
    ) -> Result<Self, StoreError> {
        let mut bytes = Vec::new();
        let mut next = 0;
        let first = std::iter::once(Entry::begin(base, owner, seal));
        for entry in first.chain(changes.map(Entry::Change)) {
            encode(&mut bytes, next, &entry, seal).map_err(|e| unwritable(path, &e))?;
            next += 1;
        }
        Ok(Self {
            seal: seal.cloned(),
            ..Self::replace(path, &bytes, next)?
        })
    }

    fn replace(path: &Path, bytes: &[u8], next: u64) -> Result<Self, StoreError> {
        let fresh = beside(path, ".new");
        let write = || {
            let mut file = create_private(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            replace(&fresh, path)?;
            sync_folder(path)?;
            open(path)
        };
        let file = write().map_err(in_words(path, "written"))?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            len: bytes.len() as u64,
            next,
            torn: false,
            mark: None,
            seal: None,
        })
    }

    /// Goes on with a sound journal whose last line has the number `last`.
    pub fn resume(path: &Path, owner: &str, seal: Option<&KeySeal>, last: u64) -> Result<Self, StoreError> {
        let file = open(path).map_err(in_words(path, "opened"))?;
        let len = file.metadata().map_err(in_words(path, "opened"))?.len();
        let mut journal = Self {
            path: path.to_owned(),
            file: Some(file),
            len,
            next: last.wrapping_add(1),
            torn: false,
            mark: None,
            seal: seal.cloned(),
        };
        let owner = owner.to_owned();
        journal.write(&[Entry::Opened { owner }], false)?;
        Ok(journal)
    }

    /// Appends changes.
    pub fn append(&mut self, changes: &[Change], durable: bool) -> Result<(), StoreError> {
        let entries: Vec<_> = changes.iter().map(Entry::Change).collect();
        self.write(&entries, durable)
    }

    /// Notes that everything so far is about to be saved as `generation`.
    pub fn mark_saving(&mut self, generation: Uuid) -> Result<(), StoreError> {
        self.write(&[Entry::Saving { generation }], true)?;
        self.mark = Some((self.len, self.next));
        Ok(())
    }

    fn write(&mut self, entries: &[Entry<&Change>], durable: bool) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        let mut next = self.next;
        for entry in entries {
            encode(&mut bytes, next, entry, self.seal.as_ref()).map_err(|e| unwritable(&self.path, &e))?;
            next = next.wrapping_add(1);
        }
        self.mend().map_err(in_words(&self.path, "written"))?;
        let mut write = || {
            let file = self.file()?;
            file.write_all(&bytes)?;
            if durable { file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = write() {
            // Half a record must not stand before the next one.
            self.torn = true;
            let _ = self.mend();
            return Err(in_words(&self.path, "written")(error));
        }
        self.len += bytes.len() as u64;
        self.next = next;
        Ok(())
    }

    fn file(&mut self) -> std::io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => Ok(closed.insert(open(&self.path)?)),
        }
    }

    fn mend(&mut self) -> std::io::Result<()> {
        if self.torn {
            // Windows lets nobody cut a file that is open for appending only.
            OpenOptions::new().write(true).open(&self.path)?.set_len(self.len)?;
            self.torn = false;
        }
        Ok(())
    }

    /// After a save: a new journal for `generation` with what came after its mark. On an error the old journal goes on; its
    /// mark says the same.
    pub fn rotate(&mut self, generation: Uuid, owner: &str, seal: Option<&KeySeal>) -> Result<(), StoreError> {
        self.seal = seal.cloned();
        let Some((from, next)) = self.mark else { return Ok(()) };
        self.mend().map_err(in_words(&self.path, "written"))?;
        let old = fs::read(&self.path).map_err(in_words(&self.path, "read"))?;
        let rest = old.get(from as usize..self.len as usize).unwrap_or_default();
        let mut bytes = Vec::with_capacity(rest.len() + 200);
        // The first line takes the number of the mark, so that the lines behind it keep theirs.
        let first = Entry::begin(&generation.to_string(), owner, seal);
        encode(&mut bytes, next.wrapping_sub(1), &first, None).map_err(|e| unwritable(&self.path, &e))?;
        bytes.extend_from_slice(rest);
        self.file = None;
        let fresh = Self::replace(&self.path, &bytes, self.next)?;
        *self = Self {
            seal: self.seal.take(),
            ..fresh
        };
        Ok(())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path)
}

fn unwritable(path: &Path, error: &serde_json::Error) -> StoreError {
    StoreError::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_record_is_cut_off_before_the_next_one_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cilx.journal");
        let mut journal = JournalFile::create(&path, "base", "somebody", None, std::iter::empty()).unwrap();
        journal.file().unwrap().write_all(b"half a rec").unwrap();
        journal.torn = true;
        journal.mark_saving(Uuid::new_v4()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("half") && text.lines().count() == 2, "{text}");
    }

    #[test]
    fn after_a_save_the_journal_goes_on_in_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cilx.journal");
        let mut journal = JournalFile::create(&path, "base", "somebody", None, std::iter::empty()).unwrap();
        let generation = Uuid::new_v4();
        journal.mark_saving(generation).unwrap();
        journal.rotate(generation, "somebody", None).unwrap();
        journal.mark_saving(Uuid::new_v4()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().next().unwrap().contains(&generation.to_string()), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
