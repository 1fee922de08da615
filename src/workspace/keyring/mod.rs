//! Accounts remembered in the keyring of the system under names that people choose: the Secret Service on Linux (GNOME
//! Keyring, KWallet, KeePassXC), the Credential Manager on Windows. Account and password go there together and nowhere else;
//! lists, preferences and command lines hold names at most.
//!
//! Everything here may wait for a person who unlocks the keyring: it belongs neither on the thread of the user interface nor
//! into an asynchronous task.

mod error;

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use error::KeyringError;

use super::Credentials;
use crate::model::Secret;

/// What tells our entries from those of other programs.
const SERVICE: &str = "makeeper";
/// Characters a name may have. Windows allows some more, nobody types them.
const MAX_NAME: usize = 100;

/// An account in the keyring, without its password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SavedAccount {
    /// The name a person chose.
    pub name: String,
    /// `DOMAIN\name` and the like; `None` where the entry cannot be read.
    pub account: Option<String>,
}

/// What the keyring holds under a name: text, because KWallet keeps nothing else.
#[derive(Serialize, Deserialize)]
struct Stored {
    account: String,
    password: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        drop(Zeroizing::new(std::mem::take(&mut self.password)));
    }
}

/// A keyring. Clones share it.
#[derive(Debug, Clone)]
pub struct Keyring {
    store: Arc<CredentialStore>,
    /// Entries may have a title of ours, for people who look into the keyring with its own program.
    has_labels: bool,
}

impl Keyring {
    /// The keyring of the user who runs the program.
    pub fn system() -> Result<Self, KeyringError> {
        let store = system_store().map_err(KeyringError::none_here)?;
        Ok(Self {
            store,
            has_labels: cfg!(target_os = "linux"),
        })
    }

    /// A keyring that is kept somewhere else, for tests.
    pub fn over(store: Arc<CredentialStore>) -> Self {
        Self {
            store,
            has_labels: false,
        }
    }

    /// Remembers an account and its password. What had the name before is replaced. Neither a certificate nor the logged-on
    /// user can be remembered: there is no password.
    pub fn save(&self, name: &str, credentials: &Credentials) -> Result<(), KeyringError> {
        let what = "keep the account";
        if credentials.certificate().is_some() || credentials.is_logged_on_user() {
            return Err(KeyringError::failed(what, &"it has no password"));
        }
        let entry = self.entry(name)?;
        let stored = Stored {
            account: credentials.account(),
            password: credentials.password().expose().to_owned(),
        };
        // JSON makes six bytes of one at most. A buffer that has to grow leaves a copy of the password behind.
        let most = 64 + 6 * (stored.account.len() + stored.password.len());
        let mut text = Zeroizing::new(Vec::with_capacity(most));
        serde_json::to_writer(&mut *text, &stored).map_err(|error| KeyringError::failed(what, &error))?;
        entry
            .set_secret(&text)
            .map_err(|error| KeyringError::of(error, name, what))
    }

    /// The account remembered under a name, with its password.
    pub fn read(&self, name: &str) -> Result<Credentials, KeyringError> {
        let entry = self.entry(name)?;
        match stored_in(&entry, name) {
            Ok(mut stored) => {
                let password = Secret::new(std::mem::take(&mut stored.password));
                let damaged = |_| KeyringError::Damaged(name.trim().to_owned());
                Credentials::new(&stored.account, password).map_err(damaged)
            }
            Err(KeyringError::Unknown { name, .. }) => {
                let known = self.accounts().unwrap_or_default();
                let known = known.into_iter().map(|account| account.name).collect();
                Err(KeyringError::Unknown { name, known })
            }
            Err(error) => Err(error),
        }
    }

    /// What is remembered, by name. An error only where nothing can be read at all: one entry that is locked, or was made by
    /// another program, hides none of the others.
    pub fn accounts(&self) -> Result<Vec<SavedAccount>, KeyringError> {
        let what = "list the accounts";
        let found = self.store.search(&ours());
        let found = found.map_err(|error| KeyringError::of(error, "", what))?;
        let mut accounts = Vec::new();
        let mut problem = None;
        for entry in found {
            let Some((_, name)) = entry.get_specifiers().filter(|(service, _)| service == SERVICE) else {
                continue;
            };
            let account = match stored_in(&entry, &name) {
                Ok(mut stored) => Some(std::mem::take(&mut stored.account)),
                // Gone since.
                Err(KeyringError::Unknown { .. }) => continue,
                Err(KeyringError::Damaged(_)) => None,
                Err(error) => {
                    problem.get_or_insert(error);
                    None
                }
            };
            accounts.push(SavedAccount { name, account });
        }
        match problem {
            Some(error) if accounts.iter().all(|account| account.account.is_none()) => Err(error),
            _ => {
                accounts.sort();
                accounts.dedup();
                Ok(accounts)
            }
        }
    }

    /// Forgets an account.
    pub fn forget(&self, name: &str) -> Result<(), KeyringError> {
        let entry = self.entry(name)?;
        entry
            .delete_credential()
            .map_err(|error| KeyringError::of(error, name, "forget the account"))
    }

    fn entry(&self, name: &str) -> Result<Entry, KeyringError> {
        let name = name.trim();
        check_account_name(name)?;
        let label = format!("MAKeeper: {name}");
        let modifiers = self.has_labels.then(|| HashMap::from([("label", label.as_str())]));
        self.store
            .build(SERVICE, name, modifiers.as_ref())
            .map_err(|error| KeyringError::of(error, name, "look for the account"))
    }
}

/// Whether accounts can be remembered under this name.
pub fn check_account_name(name: &str) -> Result<(), KeyringError> {
    let name = name.trim();
    let is_fine = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    is_fine
        .then_some(())
        .ok_or_else(|| KeyringError::BadName(name.chars().take(MAX_NAME).collect()))
}

fn stored_in(entry: &Entry, name: &str) -> Result<Stored, KeyringError> {
    let secret = entry.get_secret().map(Zeroizing::new);
    let secret = secret.map_err(|error| KeyringError::of(error, name, "read the account"))?;
    serde_json::from_slice(&secret).map_err(|_| KeyringError::Damaged(name.trim().to_owned()))
}

#[cfg(target_os = "linux")]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(windows)]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    // `makeeper:NAME@makeeper`, because targets are shared by all programs of the user.
    let form = HashMap::from([
        ("prefix", "makeeper:"),
        ("divider", "@"),
        ("service_no_divider", "true"),
    ]);
    Ok(windows_native_keyring_store::Store::new_with_configuration(&form)?)
}

#[cfg(not(any(target_os = "linux", windows)))]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(keyring_core::Error::NotSupportedByStore(
        "no keyring of this system is known".to_owned(),
    ))
}

/// What finds our entries.
fn ours() -> HashMap<&'static str, &'static str> {
    if cfg!(windows) {
        HashMap::from([("pattern", "^makeeper:.*@makeeper$")])
    } else {
        HashMap::from([("service", SERVICE)])
    }
}

#[cfg(test)]
mod tests {
    use keyring_core::mock;

    use super::*;

    fn credentials(account: &str, password: &str) -> Credentials {
        Credentials::new(account, Secret::new(password)).unwrap()
    }

    #[test]
    fn an_account_comes_back_as_it_was_saved_and_is_gone_when_forgotten() {
        let keyring = Keyring::over(mock::Store::new().unwrap());
        for (name, account, password) in [
            ("branch", r"BRANCH\admin", "sesam öffne dich"),
            ("Büro 田中", "admin@lab.example", "\"quoted\\"),
            ("local", r".\Administrator", ""),
        ] {
            keyring.save(name, &credentials(account, password)).unwrap();
            let read = keyring.read(&format!(" {name} ")).unwrap();
            assert_eq!(read.account(), credentials(account, "").account());
            assert_eq!(read.password().expose(), password);
        }
        keyring.save("branch", &credentials(r"BRANCH\other", "new")).unwrap();
        assert_eq!(keyring.read("branch").unwrap().account(), r"BRANCH\other");
        let names = |keyring: &Keyring| {
            let accounts = keyring.accounts().unwrap().into_iter();
            accounts.map(|a| (a.name, a.account.unwrap())).collect::<Vec<_>>()
        };
        let expected = [
            ("Büro 田中", "admin@lab.example"),
            ("branch", r"BRANCH\other"),
            ("local", "Administrator"),
        ];
        assert_eq!(names(&keyring), expected.map(|(n, a)| (n.to_owned(), a.to_owned())));
        keyring.forget("branch").unwrap();
        assert_eq!(names(&keyring).len(), 2);
        let told = keyring.read("branch").unwrap_err().to_string();
        assert!(
            told.contains("no account called branch; it has Büro 田中, local"),
            "{told}"
        );
        assert!(keyring.forget("branch").unwrap_err().to_string().contains("branch"));
    }

    #[test]
    fn what_another_program_wrote_is_named_and_not_used() {
        let store = mock::Store::new().unwrap();
        let keyring = Keyring::over(store.clone());
        keyring.save("good", &credentials("admin", "p")).unwrap();
        keyring.entry("odd").unwrap().set_secret(b"open sesame").unwrap();
        let told = keyring.read("odd").unwrap_err().to_string();
        assert!(told.contains("odd") && !told.contains("sesame"), "{told}");
        let odd = SavedAccount {
            name: "odd".into(),
            account: None,
        };
        assert!(keyring.accounts().unwrap().contains(&odd));
    }

    #[test]
    fn one_entry_that_cannot_be_read_hides_no_other() {
        let keyring = Keyring::over(mock::Store::new().unwrap());
        for name in ["branch", "lab", "office"] {
            keyring.save(name, &credentials("admin", "p")).unwrap();
        }
        let fail = |name: &str, error| {
            let entry = keyring.entry(name).unwrap();
            entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
        };
        let locked = || keyring_core::Error::NoStorageAccess("prompt dismissed".into());
        fail("branch", keyring_core::Error::Ambiguous(Vec::new()));
        fail("office", locked());
        let accounts = keyring.accounts().unwrap();
        let readable = accounts.iter().map(|a| (a.name.as_str(), a.account.is_some()));
        assert_eq!(
            readable.collect::<Vec<_>>(),
            [("branch", false), ("lab", true), ("office", false)]
        );
        for name in ["branch", "lab", "office"] {
            fail(name, locked());
        }
        assert!(matches!(keyring.accounts(), Err(KeyringError::Locked { .. })));
    }

    #[test]
    fn a_locked_keyring_and_a_name_that_cannot_be_are_told() {
        let keyring = Keyring::over(mock::Store::new().unwrap());
        keyring.save("branch", &credentials("admin", "p")).unwrap();
        let entry = keyring.entry("branch").unwrap();
        let mock = entry.as_any().downcast_ref::<mock::Cred>().unwrap();
        mock.set_error(keyring_core::Error::NoStorageAccess("prompt dismissed".into()));
        let told = keyring.read("branch").unwrap_err().to_string();
        assert!(
            told.contains("locked") && told.contains("prompt dismissed") && told.contains("unlock it"),
            "{told}"
        );
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(matches!(
                keyring.save(name, &credentials("a", "p")),
                Err(KeyringError::BadName(_))
            ));
        }
        assert!(keyring.save("me", &Credentials::logged_on_user()).is_err());
    }
}
