//! Sealing product keys with a passphrase, in the format of age (<https://c2sp.org/age>), which other tools open, too.
//!
//! A sealed list has an X25519 recipient of its own; its identity is sealed with the passphrase (scrypt). Each key is an age
//! file for that recipient. Hence: sealing another key needs no passphrase, reading one does.
//!
//! The identity of an entry may be derived from its key; of a 2009 key so much is known from the extended PID that it could
//! be found by trial. So an entry that is sealed gets a random identity.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::FromStr as _;

use age::secrecy::{ExposeSecret as _, SecretString};
use age::{DecryptError, scrypt, x25519};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::model::{Change, Inventory, KeyEntry, KeyEntryId, KeySeal, ListHeader, ProductKey, SealedKey, Secret};

use super::cilx::{has_key, masked};

mod follow;

pub use follow::{close, follow};

/// scrypt's work for a new seal: 2^17 * 1 KiB = 128 MiB, about half a second.
const WORK: u8 = 17;
/// The most a list may ask for (1 GiB), so that a hostile one cannot take the memory.
const MOST_WORK: u8 = 20;

/// Why keys could not be sealed or unlocked. Nothing was changed. No variant holds a key or a passphrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No passphrase.
    #[error("the passphrase is empty: choose one of several words")]
    Empty,
    /// The list has no seal.
    #[error("the product keys of this list are not sealed")]
    NotSealed,
    /// Sealed, and not unlocked.
    #[error("the product keys of this list are sealed: unlock them with the passphrase first")]
    Locked,
    /// Another passphrase.
    #[error("this is not the passphrase of the list: its product keys stay locked")]
    WrongPassphrase,
    /// The seal asks for too much memory.
    #[error("the seal of this list asks for more memory than is sensible (2^{asked} KiB): it was not made by MAKeeper")]
    TooMuchWork {
        /// scrypt's work factor.
        asked: u8,
    },
    /// Somebody else changed the seal of what is open here, and a key that only this side has is locked under the former one.
    #[error(
        "somebody else put another seal on the product keys of this list, or took it off, since it was opened, and product keys that were added here are locked: unlock them with the former passphrase first, or save the list under another name, open it again, and merge"
    )]
    Differs,
    /// Sealed text that is none.
    #[error(
        "the sealed {what} is damaged: take it from a previous generation of the list (.bak), or add the key again"
    )]
    Damaged {
        /// What it is, in words.
        what: String,
    },
}

/// Seals every key of a list anew. Keys that are locked cannot be: [`SealError::Locked`].
///
/// The result holds the keys in clear as well; the writers of this module never write those. Product keys in free text
/// (remarks, descriptions) are written masked from now on, and unknown elements that hold one are left out.
pub fn seal(inventory: &Inventory, passphrase: &Secret) -> Result<Inventory, SealError> {
    if passphrase.expose().trim().is_empty() {
        return Err(SealError::Empty);
    }
    if is_locked(inventory) {
        return Err(SealError::Locked);
    }
    let identity = x25519::Identity::generate();
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose()));
    recipient.set_work_factor(WORK);
    let wrapped = age::encrypt(&recipient, identity.to_string().expose_secret().as_bytes());
    let seal = KeySeal {
        recipient: identity.to_public().to_string().into(),
        identity: to_hex(&wrapped.map_err(|_| damaged("passphrase"))?).into(),
    };
    let mut sealed = inventory.clone();
    for entry in inventory.keys() {
        let mut entry = (**entry).clone();
        entry.sealed = None;
        let before = entry.id;
        let entry = protect(&seal, entry)?;
        if entry.id != before {
            sealed.remove_key(before);
        }
        sealed.put_key(entry);
    }
    set_seal(&mut sealed, Some(seal));
    Ok(sealed)
}

/// Opens every key of a list; they are in clear in the result, and sealed still.
pub fn unlock(inventory: &Inventory, passphrase: &Secret) -> Result<Inventory, SealError> {
    let seal = inventory.header().seal.as_ref().ok_or(SealError::NotSealed)?;
    let identity = open_identity(seal, passphrase)?;
    let mut unlocked = inventory.clone();
    for entry in inventory.keys() {
        if let (None, Some(sealed)) = (&entry.key, &entry.sealed) {
            let key = open_key(&identity, sealed).filter(|k| entry.last_five.is_none_or(|five| five == k.last_five()));
            let key = key.ok_or_else(|| damaged(&format!("product key {}", entry.masked())))?;
            unlocked.put_key(KeyEntry {
                last_five: Some(key.last_five()),
                key: Some(key),
                ..(**entry).clone()
            });
        }
    }
    Ok(unlocked)
}

/// Forgets the keys in clear of a sealed list.
pub fn lock(inventory: &Inventory) -> Inventory {
    let mut locked = inventory.clone();
    for entry in inventory.keys().filter(|k| k.sealed.is_some() && k.key.is_some()) {
        locked.put_key(KeyEntry {
            key: None,
            ..(**entry).clone()
        });
    }
    locked
}

/// Takes the seal off. Keys that are locked are refused, or with `forget` given up: their entries stay, with the last five
/// characters, description and counts.
pub fn unseal(inventory: &Inventory, forget: bool) -> Result<Inventory, SealError> {
    if inventory.header().seal.is_none() {
        return Err(SealError::NotSealed);
    }
    if is_locked(inventory) && !forget {
        return Err(SealError::Locked);
    }
    let mut open = inventory.under_seal(None);
    set_seal(&mut open, None);
    Ok(open)
}

/// True if a key of the list is sealed and not unlocked.
pub fn is_locked(inventory: &Inventory) -> bool {
    inventory.header().seal.is_some() && inventory.keys().any(|k| k.is_locked())
}

/// Changes as a sealed list takes them: new keys sealed, under random identities. Unchanged where the list has no seal.
pub fn protected(inventory: &Inventory, mut changes: Vec<Change>) -> Result<Vec<Change>, SealError> {
    let Some(seal) = &inventory.header().seal else {
        return Ok(changes);
    };
    let mut renamed: Vec<(KeyEntryId, KeyEntryId)> = Vec::new();
    for change in &mut changes {
        match change {
            Change::PutKey(entry) => {
                let before = entry.id;
                if let Some((_, new)) = renamed.iter().find(|(old, _)| *old == before) {
                    entry.id = *new;
                }
                **entry = protect(seal, (**entry).clone())?;
                if entry.id != before && !renamed.iter().any(|(old, _)| *old == before) {
                    renamed.push((before, entry.id));
                }
            }
            Change::RemoveKey(id) | Change::Counted { key: id, .. } | Change::NotCounted { key: id, .. } => {
                if let Some((_, new)) = renamed.iter().find(|(old, _)| old == id) {
                    *id = *new;
                }
            }
            _ => {}
        }
    }
    Ok(changes)
}

/// A change as it may stand in the journal of a sealed list.
pub(super) fn for_journal<'c>(seal: &KeySeal, change: &'c Change) -> Result<Cow<'c, Change>, SealError> {
    match change {
        Change::PutKey(entry) if entry.key.is_some() => {
            let mut entry = protect(seal, (**entry).clone())?;
            entry.key = None;
            Ok(Cow::Owned(Change::PutKey(Box::new(entry))))
        }
        change => Ok(Cow::Borrowed(change)),
    }
}

/// The sealed form of an entry's key: the one it has, or a new one.
pub(super) fn sealed_form(seal: &KeySeal, entry: &KeyEntry) -> Result<Option<SealedKey>, SealError> {
    match (&entry.sealed, &entry.key) {
        (Some(sealed), _) => Ok(Some(sealed.clone())),
        (None, Some(key)) => close_key(seal, key).map(Some),
        (None, None) => Ok(None),
    }
}

/// True if a file, whatever its format, holds something that looks like a whole product key, or cannot be read as text.
pub fn holds_keys(bytes: &[u8]) -> bool {
    super::encoding::decode(bytes).map_or(true, |text| has_key(&text))
}

/// JSON or other text with whole product keys masked.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    masked(text)
}

fn protect(seal: &KeySeal, mut entry: KeyEntry) -> Result<KeyEntry, SealError> {
    let Some(key) = &entry.key else { return Ok(entry) };
    if entry.id == KeyEntryId::derive(key.reveal()) {
        entry.id = KeyEntryId(Uuid::new_v4());
    }
    if entry.sealed.is_none() {
        entry.sealed = Some(close_key(seal, key)?);
    }
    entry.last_five = Some(key.last_five());
    Ok(entry)
}

fn close_key(seal: &KeySeal, key: &ProductKey) -> Result<SealedKey, SealError> {
    let recipient = x25519::Recipient::from_str(&seal.recipient).map_err(|_| damaged("seal"))?;
    let closed = age::encrypt(&recipient, key.reveal().as_bytes()).map_err(|_| damaged("seal"))?;
    Ok(SealedKey(to_hex(&closed).into()))
}

fn open_key(identity: &x25519::Identity, sealed: &SealedKey) -> Option<ProductKey> {
    let text = Zeroizing::new(age::decrypt(identity, &from_hex(&sealed.0)?).ok()?);
    ProductKey::parse(std::str::from_utf8(&text).ok()?).ok()
}

fn open_identity(seal: &KeySeal, passphrase: &Secret) -> Result<x25519::Identity, SealError> {
    let mut by_passphrase = scrypt::Identity::new(SecretString::from(passphrase.expose()));
    by_passphrase.set_max_work_factor(MOST_WORK);
    let wrapped = from_hex(&seal.identity).ok_or_else(|| damaged("seal"))?;
    let text = age::decrypt(&by_passphrase, &wrapped).map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            SealError::WrongPassphrase
        }
        DecryptError::ExcessiveWork { required, .. } => SealError::TooMuchWork { asked: required },
        _ => damaged("seal"),
    })?;
    let text = Zeroizing::new(text);
    let identity = std::str::from_utf8(&text)
        .ok()
        .and_then(|t| x25519::Identity::from_str(t).ok());
    // Another recipient would mean that somebody else reads the keys that are added.
    identity
        .filter(|identity| identity.to_public().to_string() == *seal.recipient)
        .ok_or_else(|| damaged("seal"))
}

fn set_seal(inventory: &mut Inventory, seal: Option<KeySeal>) {
    let header = ListHeader {
        seal,
        ..inventory.header().clone()
    };
    inventory.set_header(header);
}

fn damaged(what: &str) -> SealError {
    SealError::Damaged { what: what.to_owned() }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // A String takes everything.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect();
    rest.is_empty().then_some(bytes)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KeyType;

    const KEY: &str = "FKFKF-TRYMY-WWCCT-MKMKM-WC2C4";

    fn list() -> Inventory {
        let mut inventory = Inventory::default();
        inventory.put_key(KeyEntry::of(ProductKey::parse(KEY).unwrap(), KeyType::Mak));
        inventory
    }

    fn passphrase(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn only_the_passphrase_opens_a_sealed_list() {
        let sealed = lock(&seal(&list(), &passphrase("correct horse")).unwrap());
        assert!(is_locked(&sealed));
        let entry = sealed.keys().next().unwrap();
        assert_eq!(entry.last_five.unwrap().as_str(), "WC2C4");
        assert_ne!(entry.id, KeyEntryId::derive(KEY), "the identity must not tell the key");
        assert_eq!(
            unlock(&sealed, &passphrase("Correct horse")).unwrap_err(),
            SealError::WrongPassphrase
        );
        let opened = unlock(&sealed, &passphrase("correct horse")).unwrap();
        assert_eq!(opened.keys().next().unwrap().key.as_ref().unwrap().reveal(), KEY);
        assert_eq!(unseal(&sealed, false).unwrap_err(), SealError::Locked);
        let given_up = unseal(&sealed, true).unwrap();
        let entry = given_up.keys().next().unwrap();
        assert!(given_up.header().seal.is_none() && entry.key.is_none() && entry.last_five.is_some());
    }

    #[test]
    fn an_exchanged_seal_or_key_is_noticed() {
        let word = passphrase("correct horse");
        let mine = lock(&seal(&list(), &word).unwrap());
        let theirs = seal(&list(), &passphrase("theirs")).unwrap();
        let mut forged = mine.clone();
        let recipient = theirs.header().seal.as_ref().unwrap().recipient.clone();
        let identity = mine.header().seal.as_ref().unwrap().identity.clone();
        set_seal(&mut forged, Some(KeySeal { recipient, identity }));
        assert!(matches!(unlock(&forged, &word), Err(SealError::Damaged { .. })));
        let mut swapped = mine.clone();
        let entry = mine.keys().next().unwrap();
        swapped.put_key(KeyEntry {
            sealed: theirs.keys().next().unwrap().sealed.clone(),
            ..(**entry).clone()
        });
        assert!(matches!(unlock(&swapped, &word), Err(SealError::Damaged { .. })));
    }

    #[test]
    fn damaged_sealed_text_is_an_error_and_no_more() {
        let word = passphrase("correct horse");
        let mine = lock(&seal(&list(), &word).unwrap());
        let seal = mine.header().seal.clone().unwrap();
        for identity in ["", "0", "zz", "00", &seal.identity[..40], &"41".repeat(5000)] {
            let mut list = mine.clone();
            set_seal(
                &mut list,
                Some(KeySeal {
                    identity: identity.into(),
                    ..seal.clone()
                }),
            );
            assert!(
                matches!(unlock(&list, &word), Err(SealError::Damaged { .. })),
                "{identity}"
            );
        }
        // "-> scrypt SALT 17" with more work than any machine has.
        let text = String::from_utf8_lossy(&from_hex(&seal.identity).unwrap()).into_owned();
        assert!(text.contains(" 17\n"), "{text}");
        let bytes = from_hex(&seal.identity).unwrap();
        let at = bytes.windows(4).position(|w| w == b" 17\n").unwrap();
        let mut greedy = bytes;
        greedy[at + 1] = b'6';
        let mut list = mine.clone();
        set_seal(
            &mut list,
            Some(KeySeal {
                identity: to_hex(&greedy).into(),
                ..seal
            }),
        );
        assert_eq!(unlock(&list, &word).unwrap_err(), SealError::TooMuchWork { asked: 67 });
    }

    #[test]
    fn keys_are_added_to_a_locked_list_without_the_passphrase() {
        let sealed = lock(&seal(&list(), &passphrase("correct horse")).unwrap());
        let new = KeyEntry::of(
            ProductKey::parse("TRYMY-FKFKF-FKFKF-BBBBB-WBBBB").unwrap(),
            KeyType::Mak,
        );
        let id = new.id;
        let counted = Change::NotCounted {
            key: id,
            at: chrono::DateTime::UNIX_EPOCH,
            failure: crate::model::Failure {
                class: crate::model::FailureClass::Service,
                message: String::new(),
                code: None,
            },
        };
        let changes = protected(&sealed, vec![Change::PutKey(Box::new(new)), counted]).unwrap();
        let (Change::PutKey(put), Change::NotCounted { key, .. }) = (&changes[0], &changes[1]) else {
            panic!("other changes: {changes:?}");
        };
        assert!(put.sealed.is_some() && put.id != id && *key == put.id);
        let seal = sealed.header().seal.as_ref().unwrap();
        let journalled = serde_json::to_string(&*for_journal(seal, &changes[0]).unwrap()).unwrap();
        assert!(!journalled.contains("TRYMY"), "{journalled}");
    }
}
