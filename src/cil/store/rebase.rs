//! Going on with a file that somebody else changed.

use std::path::Path;

use crate::cil::{Loaded, Watch};
use crate::model::Change;

use super::Store;
use super::disk::{Stamp, beside};
use super::error::{StoreError, in_words};
use super::journal_file::JournalFile;
use super::open::{FromDisk, read_list};

/// The file of an open list as somebody else left it.
#[derive(Debug, Clone)]
pub struct ChangedList {
    /// What it holds.
    pub loaded: Loaded,
    stamp: Stamp,
    base: String,
}

impl ChangedList {
    /// Reads the file of an open list as it is now, by [`Store::path`], telling `watch` how far that has come. Nothing is
    /// changed by that.
    pub fn read(path: &Path, watch: &Watch<'_>) -> Result<Self, StoreError> {
        let FromDisk { loaded, stamp, base } = read_list(path, watch)?;
        Ok(Self { loaded, stamp, base })
    }
}

impl Store {
    /// Goes on with `onto`: the journal now holds `changes`, and continues that state of the list. Refused if the file was
    /// changed yet again. Atomic: a crash leaves the journal before or after it.
    pub fn rebase(&mut self, onto: &ChangedList, changes: &[Change]) -> Result<(), StoreError> {
        let settled = onto.stamp.still_fits(&self.path);
        if !settled.map_err(in_words(&self.path, "read"))? {
            return Err(StoreError::ChangedByOther {
                path: self.path.clone(),
            });
        }
        let journal = beside(&self.path, ".journal");
        let seal = onto.loaded.inventory.header().seal.as_ref();
        self.journal = JournalFile::create(&journal, &onto.base, &self.owner, seal, changes.iter())?;
        self.stamp = onto.stamp;
        self.pending = changes.len();
        self.saving = None;
        Ok(())
    }
}
