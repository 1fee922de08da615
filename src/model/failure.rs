//! Why a computer or a service could not be asked: a small set of classes a person can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::license_status::HResult;

/// What kind of failure it was. Each has its cause and its remedy in the error catalogue (`licensing::catalogue`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// The name does not resolve to an address.
    NameNotFound,
    /// Nothing answered within the time-out: off, asleep, or a firewall that drops silently.
    NoAnswer,
    /// The computer answered that nothing listens on the port.
    Refused,
    /// No route to the network, or the connection broke.
    Network,
    /// The TLS certificate was refused.
    Certificate,
    /// User name or password refused.
    Credentials,
    /// Signed in, but not allowed: no administrator, or UAC filters the token of a local account.
    AccessDenied,
    /// The WMI classes for licensing are missing.
    ProviderMissing,
    /// Something answered that does not speak WS-Management, or broke its rules.
    Protocol,
    /// The operation was accepted but did not finish in time.
    TimedOut,
    /// A licensing function answered with an error code.
    Licensing,
    /// The activation service refused or was not reachable.
    Service,
    /// Cancelled by the person.
    Cancelled,
    /// A rule of MAKeeper kept the request from being sent.
    NotAllowed,
}

impl FailureClass {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::NameNotFound,
        Self::NoAnswer,
        Self::Refused,
        Self::Network,
        Self::Certificate,
        Self::Credentials,
        Self::AccessDenied,
        Self::ProviderMissing,
        Self::Protocol,
        Self::TimedOut,
        Self::Licensing,
        Self::Service,
        Self::Cancelled,
        Self::NotAllowed,
    ];

    /// A word for scripts, e.g. `name-not-found`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NameNotFound => "name-not-found",
            Self::NoAnswer => "no-answer",
            Self::Refused => "refused",
            Self::Network => "network",
            Self::Certificate => "certificate",
            Self::Credentials => "credentials",
            Self::AccessDenied => "access-denied",
            Self::ProviderMissing => "provider-missing",
            Self::Protocol => "protocol",
            Self::TimedOut => "timed-out",
            Self::Licensing => "licensing",
            Self::Service => "service",
            Self::Cancelled => "cancelled",
            Self::NotAllowed => "not-allowed",
        }
    }

    /// The class with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }

    /// In words, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::NameNotFound => "Name not found",
            Self::NoAnswer => "No answer",
            Self::Refused => "Connection refused",
            Self::Network => "Network fault",
            Self::Certificate => "Certificate refused",
            Self::Credentials => "Credentials refused",
            Self::AccessDenied => "Access denied",
            Self::ProviderMissing => "WMI provider missing",
            Self::Protocol => "Unexpected answer",
            Self::TimedOut => "Timed out",
            Self::Licensing => "Licensing error",
            Self::Service => "Activation service",
            Self::Cancelled => "Cancelled",
            Self::NotAllowed => "Not sent",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// One failure as it is kept in the list and shown on a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub class: FailureClass,
    /// What happened, to what, in one sentence. Never contains a key or a password.
    pub message: String,
    /// The raw code, where there is one.
    pub code: Option<HResult>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.code {
            // The activation service's own codes are short, and are written so.
            Some(code) if self.class == FailureClass::Service && code.0 <= 0xFF => {
                let short = format!("0x{:02X}", code.0);
                if self.message.contains(&short) {
                    Ok(())
                } else {
                    write!(f, " ({short})")
                }
            }
            Some(code) if !self.message.contains(&code.to_string()) => write!(f, " ({code})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_once_and_in_its_usual_form() {
        let told = |class, message: &str, code| {
            let message = message.to_owned();
            let code = Some(HResult(code));
            Failure { class, message, code }.to_string()
        };
        let service = FailureClass::Service;
        assert_eq!(told(service, "refused (code 0x67)", 0x67), "refused (code 0x67)");
        assert_eq!(told(service, "refused", 0x67), "refused (0x67)");
        assert_eq!(told(service, "refused", 0x8000_4003), "refused (0x80004003)");
        let licensing = FailureClass::Licensing;
        assert_eq!(told(licensing, "it said 0xC004F050", 0xC004_F050), "it said 0xC004F050");
        assert_eq!(told(licensing, "it said no", 5), "it said no (0x00000005)");
    }
}
