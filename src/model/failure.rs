//! Why a computer or a service could not be asked: a small set of classes a person can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::license_status::HResult;

/// What kind of failure it was. Each has its cause and its remedy for each Windows generation (`licensing::advice`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// The name does not resolve to an address.
    NameNotFound,
    /// Nothing answered within the time-out, on any port: off, asleep, or behind a firewall that drops everything.
    NoAnswer,
    /// The computer answers on other ports, but not on those of the way in: a firewall drops them.
    Firewall,
    /// The connection was accepted, and then nothing was answered.
    Hung,
    /// The computer answered that nothing listens on the port.
    Refused,
    /// No route to the network, or the connection broke.
    Network,
    /// The TLS certificate was refused.
    Certificate,
    /// User name or password refused.
    Credentials,
    /// Signed in, but not allowed: no administrator.
    AccessDenied,
    /// Signed in with an account of the computer itself and not allowed: User Account Control filters its token.
    Uac,
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
        Self::Firewall,
        Self::Hung,
        Self::Refused,
        Self::Network,
        Self::Certificate,
        Self::Credentials,
        Self::AccessDenied,
        Self::Uac,
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
            Self::Firewall => "firewall",
            Self::Hung => "hung",
            Self::Refused => "refused",
            Self::Network => "network",
            Self::Certificate => "certificate",
            Self::Credentials => "credentials",
            Self::AccessDenied => "access-denied",
            Self::Uac => "uac",
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
            Self::Firewall => "Firewall",
            Self::Hung => "Hung",
            Self::Refused => "Connection refused",
            Self::Network => "Network fault",
            Self::Certificate => "Certificate refused",
            Self::Credentials => "Credentials refused",
            Self::AccessDenied => "Access denied",
            Self::Uac => "User Account Control",
            Self::ProviderMissing => "WMI provider missing",
            Self::Protocol => "Unexpected answer",
            Self::TimedOut => "Timed out",
            Self::Licensing => "Licensing error",
            Self::Service => "Activation service",
            Self::Cancelled => "Cancelled",
            Self::NotAllowed => "Not sent",
        }
    }

    /// After a number, as runs are summed up: `31 off, 6 firewall, 3 wrong password, 1 UAC`.
    pub fn counted(self) -> &'static str {
        match self {
            Self::NameNotFound => "name not found",
            Self::NoAnswer => "off",
            Self::Firewall => "firewall",
            Self::Hung => "hung",
            Self::Refused => "refused",
            Self::Network => "network",
            Self::Certificate => "certificate",
            Self::Credentials => "wrong password",
            Self::AccessDenied => "access denied",
            Self::Uac => "UAC",
            Self::ProviderMissing => "no licensing in WMI",
            Self::Protocol => "unexpected answer",
            Self::TimedOut => "timed out",
            Self::Licensing => "licensing error",
            Self::Service => "activation service",
            Self::Cancelled => "cancelled",
            Self::NotAllowed => "not sent",
        }
    }

    /// The same order may end otherwise when it is given again: what was in the way is outside of MAKeeper and of the list.
    /// Not so a rule of ours; and with the same credentials a refusal is refused again, and counts towards a lock-out.
    pub fn may_pass(self) -> bool {
        !matches!(self, Self::Credentials | Self::NotAllowed)
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
