//! Saving: atomic, and never over somebody else's changes unknowingly.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

use crate::cil;
use crate::model::{Inventory, KeySeal};

use super::disk::{Stamp, Summing, beside, create_private, keep_permissions, replace, sync_folder};
use super::error::{StoreError, in_words};
use super::generations;
use super::{Saving, Store};

/// A save that was begun: it may be written on another thread while changes go on being journalled.
#[derive(Debug)]
pub struct PendingSave {
    list: PathBuf,
    generation: Uuid,
}

/// A save that lies complete beside the list.
#[derive(Debug)]
pub struct WrittenSave {
    generation: Uuid,
    crc: u32,
    seal: Option<KeySeal>,
}

impl PendingSave {
    /// Writes the list beside its file and forces it to the disk. `inventory` must hold every change that was appended before
    /// the save was begun, and none after.
    pub fn write(self, inventory: &Inventory) -> Result<WrittenSave, StoreError> {
        let fresh = beside(&self.list, ".saving");
        let write = || {
            let file = create_private(&fresh)?;
            keep_permissions(&self.list, &file)?;
            let mut out = Summing {
                inner: file,
                hasher: crc32fast::Hasher::new(),
            };
            cil::write(inventory, Some(self.generation), &mut out)?;
            out.inner.sync_all()?;
            Ok(WrittenSave {
                generation: self.generation,
                crc: out.hasher.finalize(),
                seal: inventory.header().seal.clone(),
            })
        };
        write().map_err(|e| {
            // Half a file is of no use and takes room, of which there may be none.
            let _ = fs::remove_file(&fresh);
            in_words(&self.list, "saved")(e)
        })
    }
}

impl Store {
    /// Saves the list, which must hold every change appended so far. With `force` even over the changes of others.
    pub fn save(&mut self, inventory: &Inventory, force: bool) -> Result<(), StoreError> {
        let written = self.begin_save(force)?.write(inventory)?;
        self.finish_save(written)
    }

    /// Begins to save: changes appended from now on belong to the next save.
    pub fn begin_save(&mut self, force: bool) -> Result<PendingSave, StoreError> {
        self.check_unchanged(force)?;
        let generation = Uuid::new_v4();
        self.journal.mark_saving(generation)?;
        self.saving = Some(Saving {
            generation,
            force,
            covers: self.pending,
        });
        Ok(PendingSave {
            list: self.path.clone(),
            generation,
        })
    }

    /// Puts a written save in the place of the list.
    #[expect(clippy::needless_pass_by_value, reason = "a written save takes its place once")]
    pub fn finish_save(&mut self, written: WrittenSave) -> Result<(), StoreError> {
        let overtaken = || StoreError::Overtaken {
            path: self.path.clone(),
        };
        let saving = self
            .saving
            .filter(|s| s.generation == written.generation)
            .ok_or_else(overtaken)?;
        self.check_unchanged(saving.force)?;
        let fresh = beside(&self.path, ".saving");
        let take_place = || {
            let stamp = Stamp::of(&fresh, written.crc)?;
            generations::keep(&self.path, self.generations)?;
            if let Err(error) = replace(&fresh, &self.path) {
                // The list may have been moved to make room.
                let _ = generations::put_back(&self.path);
                return Err(error);
            }
            sync_folder(&self.path)?;
            Ok(stamp)
        };
        self.stamp = take_place().map_err(in_words(&self.path, "saved"))?;
        self.saving = None;
        self.pending -= saving.covers.min(self.pending);
        if let Err(error) = self
            .journal
            .rotate(written.generation, &self.owner, written.seal.as_ref())
        {
            // The list is saved, and the old journal's mark says so; the next save tries again.
            tracing::warn!(%error, "Journal goes on in its old file");
            self.old_journal = true;
        } else {
            self.old_journal = false;
        }
        Ok(())
    }

    fn check_unchanged(&self, force: bool) -> Result<(), StoreError> {
        if force {
            return Ok(());
        }
        if fs::metadata(&self.path).is_ok_and(|m| m.permissions().readonly()) {
            // Renaming would get around it, but somebody meant it.
            return Err(StoreError::AccessDenied {
                path: self.path.clone(),
                what: "saved",
            });
        }
        match self.stamp.still_fits(&self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::ChangedByOther {
                path: self.path.clone(),
            }),
            Err(error) => Err(in_words(&self.path, "saved")(error)),
        }
    }
}
