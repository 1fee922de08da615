//! Product keys sealed with a passphrase: seal, unlock, lock, take the seal off.

use std::path::PathBuf;

use super::history::History;
use super::open::lock;
use super::{Snapshot, Workspace, WorkspaceError};
use crate::cil::seal;
use crate::model::Secret;

/// How the product keys of a list lie on its disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyProtection {
    /// In clear, as other programs read them.
    #[default]
    Clear,
    /// Sealed, and not readable here until somebody gives the passphrase. Everything that needs no key works.
    Locked,
    /// Sealed on the disk, readable here.
    Unlocked,
}

/// What sealing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealReport {
    /// Keys sealed.
    pub keys: usize,
    /// Files beside the list that hold keys in clear still: previous generations, journals laid aside. Nothing removes them
    /// unless asked: [`Workspace::remove_copies_with_keys`].
    pub copies_with_keys: Vec<PathBuf>,
}

impl Snapshot {
    /// How the product keys lie on the disk. Takes time that grows with the number of keys.
    pub fn key_protection(&self) -> KeyProtection {
        if self.inventory.header().seal.is_none() {
            KeyProtection::Clear
        } else if seal::is_locked(&self.inventory) {
            KeyProtection::Locked
        } else {
            KeyProtection::Unlocked
        }
    }
}

impl Workspace {
    /// Seals the product keys of the list with `passphrase` and saves it, with everything else that is not saved yet. A list
    /// that is sealed and unlocked gets a new passphrase. Whoever forgets it loses the keys, nothing else.
    ///
    /// The keys stay readable here until [`Workspace::lock_keys`] or the end. Product keys in remarks and other free text are
    /// masked in the file, and unknown elements that hold one are left out. Takes about a second.
    pub fn seal_keys(&self, passphrase: &Secret) -> Result<SealReport, WorkspaceError> {
        let (keys, copies_with_keys) = self.rewrite(
            |inventory| seal::seal(inventory, passphrase),
            |inventory, store| {
                let keys = inventory.keys().filter(|k| k.sealed.is_some()).count();
                (keys, store.copies_with_keys())
            },
        )?;
        self.log(format!("Sealed {keys} product keys with a passphrase"));
        Ok(SealReport { keys, copies_with_keys })
    }

    /// Takes the seal off and saves the list with its keys in clear. Locked keys are refused.
    pub fn unseal_keys(&self) -> Result<(), WorkspaceError> {
        self.rewrite(|inventory| seal::unseal(inventory, false), |_, _| ())?;
        self.log("Removed the seal: the product keys are in the file in clear");
        Ok(())
    }

    /// Takes the seal off although the keys are locked, because the passphrase is lost. Their entries stay, with the last five
    /// characters, description and counts.
    pub fn forget_sealed_keys(&self) -> Result<(), WorkspaceError> {
        self.rewrite(|inventory| seal::unseal(inventory, true), |_, _| ())?;
        self.log("Removed the seal and gave up the product keys that were locked");
        Ok(())
    }

    /// Reads the keys of a sealed list. On this computer's memory only; nothing is written. Takes about a second. Returns the
    /// number of keys that became readable.
    pub fn unlock_keys(&self, passphrase: &Secret) -> Result<usize, WorkspaceError> {
        let locked = self.inventory();
        // Without holding anybody up: that takes a while.
        let opened = seal::unlock(&locked, passphrase)?;
        let mut unlocked = 0;
        {
            let mut state = lock(&self.0.state);
            for entry in opened.keys() {
                // The entry may have changed meanwhile, or be gone: only the key is taken.
                let Some(now) = state.inventory.key(entry.id) else {
                    continue;
                };
                if now.is_locked() && now.sealed == entry.sealed {
                    let mut now = (**now).clone();
                    now.key.clone_from(&entry.key);
                    now.last_five = entry.last_five;
                    state.inventory.put_key(now);
                    unlocked += 1;
                }
            }
        }
        self.log(format!("Unlocked {unlocked} product keys"));
        Ok(unlocked)
    }

    /// Forgets the keys of a sealed list until they are unlocked again.
    pub fn lock_keys(&self) {
        {
            let mut state = lock(&self.0.state);
            if state.inventory.header().seal.is_none() {
                return;
            }
            state.inventory = seal::lock(&state.inventory);
        }
        self.log("Locked the product keys");
    }

    /// Files beside the list that hold product keys in clear. Blocks on the disk.
    pub fn copies_with_keys(&self) -> Result<Vec<PathBuf>, WorkspaceError> {
        Ok(lock(&self.0.state).store_mut()?.copies_with_keys())
    }

    /// Removes them. The medium may keep what was in them until it is written over.
    pub fn remove_copies_with_keys(&self) -> Result<Vec<PathBuf>, WorkspaceError> {
        let removed = lock(&self.0.state).store_mut()?.remove_copies_with_keys()?;
        for path in &removed {
            self.log(format!("Removed {}", path.display()));
        }
        Ok(removed)
    }

    /// Replaces the list by another form of it and saves that at once; nothing else happens to it meanwhile.
    fn rewrite<T>(
        &self,
        form: impl FnOnce(&crate::model::Inventory) -> Result<crate::model::Inventory, seal::SealError>,
        then: impl FnOnce(&crate::model::Inventory, &crate::cil::store::Store) -> T,
    ) -> Result<T, WorkspaceError> {
        let generations = self.settings().generations;
        let _one_at_a_time = lock(&self.0.saving);
        let mut state = lock(&self.0.state);
        state.store_mut()?;
        let rewritten = form(&state.inventory)?;
        let store = state.store_mut()?;
        store.keep_generations(generations);
        store.save(&rewritten, false)?;
        let told = then(&rewritten, store);
        state.on_disk = rewritten.clone();
        // Steps of before would bring back what was sealed, or what is no longer readable.
        state.history = History::default();
        state.inventory = rewritten;
        Ok(told)
    }
}
