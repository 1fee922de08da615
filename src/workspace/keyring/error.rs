//! Why the keyring did not help, and what to do about it.

use keyring_core::Error;

/// Why the keyring did not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// This session has none.
    #[error("there is no keyring here ({why}): {}", instead())]
    NoKeyring {
        /// What the system says.
        why: String,
    },
    /// It is there and stays shut.
    #[error(
        "the keyring is locked, or was not opened ({why}): unlock it - by logging in to the desktop, or in its own program such \
         as seahorse, KWallet or KeePassXC - and try again"
    )]
    Locked {
        /// What the system says.
        why: String,
    },
    /// Nothing has this name.
    #[error("the keyring has no account called {name}{}", listed(known))]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Several entries have this name, so one was made by another program.
    #[error("the keyring has several accounts called {0}: remove all but one in the program of the keyring")]
    Ambiguous(String),
    /// Somebody else wrote it.
    #[error("what the keyring holds under {0} is no account of MAKeeper: remove it there, and save the account again")]
    Damaged(String),
    /// A name that would not be found again.
    #[error("{0:?} is no name for an account: 1 to 100 characters, none of them a control character")]
    BadName(String),
    /// Windows keeps 2,560 bytes.
    #[error("account and password of {0} are too long for the keyring of this system")]
    TooLong(String),
    /// Anything else.
    #[error("the keyring could not {what}: {why}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        why: String,
    },
}

/// What to do where there is none.
fn instead() -> &'static str {
    if cfg!(windows) {
        "log on to Windows with a profile of your own, or give the password by --password-env or when asked"
    } else {
        "log in to a desktop with GNOME Keyring, KWallet or KeePassXC (Secret Service), on a server run \
         `dbus-run-session` with gnome-keyring-daemon, or give the password by --password-env or when asked"
    }
}

fn listed(known: &[String]) -> String {
    if known.is_empty() {
        ", nor any other: save one with `makeeper accounts save NAME --user ACCOUNT`".to_owned()
    } else {
        format!("; it has {}", known.join(", "))
    }
}

impl KeyringError {
    pub(super) fn none_here(error: Error) -> Self {
        let why = match error {
            Error::PlatformFailure(why) | Error::NoStorageAccess(why) => why.to_string(),
            other => other.to_string(),
        };
        Self::NoKeyring { why }
    }

    pub(super) fn failed(what: &'static str, why: &dyn std::fmt::Display) -> Self {
        Self::Failed {
            what,
            why: why.to_string(),
        }
    }

    /// None of the texts holds what the keyring holds.
    pub(super) fn of(error: Error, name: &str, what: &'static str) -> Self {
        let name = name.trim().to_owned();
        match error {
            Error::NoStorageAccess(why) => Self::Locked { why: why.to_string() },
            Error::NoEntry => Self::Unknown {
                name,
                known: Vec::new(),
            },
            Error::Ambiguous(_) => Self::Ambiguous(name),
            Error::BadEncoding(_) | Error::BadDataFormat(..) => Self::Damaged(name),
            Error::TooLong(..) => Self::TooLong(name),
            Error::PlatformFailure(why) => Self::failed(what, &why),
            other => Self::failed(what, &other),
        }
    }
}
