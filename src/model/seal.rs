//! Product keys sealed with a passphrase: what a list keeps of them. Opaque here; `cil` seals and opens.

use serde::{Deserialize, Serialize};

use super::{Inventory, KeyEntry, Text};

/// The seal of a list: keys are sealed to `recipient`, and only the passphrase opens what opens them.
///
/// Sealing a key takes no passphrase, so that keys can be added, merged and journalled while the list is locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySeal {
    /// An age recipient (`age1...`): public.
    pub recipient: Text,
    /// The identity that belongs to it, sealed with the passphrase (age, scrypt), in hexadecimal.
    pub identity: Text,
}

/// A product key sealed to the list's [`KeySeal`]: an age file, in hexadecimal.
///
/// Hexadecimal and not base64, because nothing in it can be taken for a product key in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedKey(pub Text);

impl Inventory {
    /// The list as one with this seal can use it: what another seal has closed means nothing there. Keys that were unlocked
    /// are kept, of the others the last five characters and everything else.
    #[must_use]
    pub fn under_seal(&self, seal: Option<&KeySeal>) -> Self {
        let mut usable = self.clone();
        if self.header().seal.as_ref() != seal {
            for entry in self.keys().filter(|k| k.sealed.is_some()) {
                usable.put_key(KeyEntry {
                    sealed: None,
                    ..(**entry).clone()
                });
            }
        }
        usable
    }
}
