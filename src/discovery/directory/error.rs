//! Why a directory did not answer, told apart by what a person can do about it.

use crate::wmi::TrustError;

use super::codec::FilterError;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DirectoryErrorClass {
    /// The domain or its servers are not found.
    Name,
    /// A server is not reached, or the connection broke.
    Network,
    /// A certificate is not believed, or the connection could not be protected.
    Trust,
    /// The account or its password is refused.
    Credentials,
    /// Signed in, but not allowed.
    Rights,
    /// The filter, the name pattern or the base is wrong.
    Filter,
    /// The server gave up: too many entries, too much time.
    Limit,
    /// The server does not speak LDAP as it should.
    Protocol,
    /// A person cancelled.
    Cancelled,
}

impl DirectoryErrorClass {
    /// A word for scripts and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Network => "network",
            Self::Trust => "trust",
            Self::Credentials => "credentials",
            Self::Rights => "rights",
            Self::Filter => "filter",
            Self::Limit => "limit",
            Self::Protocol => "protocol",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a directory could not be asked, or stopped answering. What had arrived by then was sent and stays found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No domain was named, and this machine belongs to none.
    #[error("this computer belongs to no domain that it could tell of: name the domain, e.g. contoso.com")]
    NoDomain,
    /// What was typed is no name of a domain or of a server.
    #[error("{text:?} is no {what}: {expected}")]
    BadName {
        /// What was typed.
        text: String,
        /// What it should have been.
        what: &'static str,
        /// The form that is expected.
        expected: &'static str,
    },
    /// The name servers know no domain controller of the domain.
    #[error(
        "no domain controller of {domain} is known to the name servers of this computer ({detail}): check the domain's name, let \
         this computer use the domain's name servers, or name a domain controller"
    )]
    NoController {
        /// The domain.
        domain: String,
        /// What the name servers said.
        detail: String,
    },
    /// A server's name has no address.
    #[error("{server} is not found: {detail}. Check its name, or use the domain's name servers")]
    NoAddress {
        /// The server.
        server: String,
        /// What the resolver said.
        detail: String,
    },
    /// A server could not be reached, fell silent or closed the connection.
    #[error("{server} {what}{}", so_far(*.entries))]
    Network {
        /// The server and its port.
        server: String,
        /// Continues the sentence, remedy included.
        what: String,
        /// Entries that had arrived.
        entries: usize,
    },
    /// The certificate is not believed, or TLS did not come about.
    #[error("{server} {what}")]
    Trust {
        /// The server and its port.
        server: String,
        /// Continues the sentence, remedy included.
        what: String,
    },
    /// The certificates of trusted authorities could not be loaded.
    #[error("{0}")]
    Authorities(#[from] TrustError),
    /// The account cannot be used for the protection that was chosen.
    #[error("{account} cannot sign in to {server}: {why}")]
    Unusable {
        /// The account.
        account: String,
        /// The server and its port.
        server: String,
        /// Why, remedy included.
        why: String,
    },
    /// The account was refused. Another try would count towards its lock-out, so no other server was asked.
    #[error("{server} does not let {account} sign in: {refusal}")]
    Credentials {
        /// The account.
        account: String,
        /// The server and its port.
        server: String,
        /// Why.
        refusal: Refusal,
    },
    /// Signed in, but not allowed to read what was asked.
    #[error("{account} may not read {what} on {server} ({detail}): use an account of the domain, or let it read there")]
    Rights {
        /// The account.
        account: String,
        /// The server and its port.
        server: String,
        /// What was asked.
        what: String,
        /// The server's words.
        detail: String,
    },
    /// The filter does not hold to its grammar; nothing was sent.
    #[error("the filter is wrong {0}")]
    Filter(#[from] FilterError),
    /// The server refused the filter.
    #[error(
        "{server} does not take the filter {filter} ({detail}): check the names of attributes and the form of values in it"
    )]
    FilterRefused {
        /// The server and its port.
        server: String,
        /// The filter as it was sent.
        filter: String,
        /// The server's words.
        detail: String,
    },
    /// The base is not there.
    #[error("{server} has no {base:?} ({detail}): choose where to look anew; it may have been renamed or moved")]
    NoBase {
        /// The server and its port.
        server: String,
        /// The distinguished name.
        base: String,
        /// The server's words.
        detail: String,
    },
    /// The server gave up.
    #[error(
        "{server} stopped because of its own limit ({detail}){}: narrow the search by a base or a name pattern",
        so_far(*.entries)
    )]
    Limit {
        /// The server and its port.
        server: String,
        /// Which limit.
        detail: String,
        /// Entries that had arrived.
        entries: usize,
    },
    /// An answer that is not as RFC 4511 has it, or one that says there is something wrong with the server.
    #[error("{server} {what}{}", so_far(*.entries))]
    Protocol {
        /// The server and its port.
        server: String,
        /// Continues the sentence.
        what: String,
        /// Entries that had arrived.
        entries: usize,
    },
    /// A person cancelled, or nobody takes the findings any more.
    #[error("cancelled")]
    Cancelled,
}

/// For the end of a sentence.
fn so_far(entries: usize) -> String {
    match entries {
        0 => String::new(),
        1 => "; the 1 computer that had arrived is kept".to_owned(),
        n => format!("; the {n} computers that had arrived are kept"),
    }
}

impl DirectoryError {
    /// What kind of failure it was.
    pub fn class(&self) -> DirectoryErrorClass {
        use DirectoryErrorClass as C;
        match self {
            Self::NoDomain | Self::BadName { .. } | Self::NoController { .. } | Self::NoAddress { .. } => C::Name,
            Self::Network { .. } => C::Network,
            Self::Trust { .. } | Self::Authorities(_) => C::Trust,
            Self::Unusable { .. } | Self::Credentials { .. } => C::Credentials,
            Self::Rights { .. } => C::Rights,
            Self::Filter(_) | Self::FilterRefused { .. } | Self::NoBase { .. } => C::Filter,
            Self::Limit { .. } => C::Limit,
            Self::Protocol { .. } => C::Protocol,
            Self::Cancelled => C::Cancelled,
        }
    }

    /// True if another server of the domain may do better: this one was not reached or could not answer. Never after a
    /// refused account.
    pub(super) fn is_of_server(&self) -> bool {
        matches!(
            self,
            Self::NoAddress { .. } | Self::Network { entries: 0, .. } | Self::Protocol { entries: 0, .. }
        )
    }
}

/// Why an account was refused, by the code that Active Directory adds to its answer (`data 52e`), or by that of its Kerberos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 525.
    UnknownUser,
    /// 52e: the password, or with a hardened server perhaps the name.
    WrongPassword,
    /// 530: not at this time of day.
    LogonHours,
    /// 531: not from this computer.
    Workstation,
    /// 532.
    PasswordExpired,
    /// 533.
    Disabled,
    /// 701.
    AccountExpired,
    /// 773: before the first sign-in.
    MustChangePassword,
    /// 775.
    LockedOut,
    /// Anything else, in the server's words.
    Other(String),
}

impl Refusal {
    /// By the words that Kerberos was refused with.
    pub(super) fn from_kerberos(words: &str) -> Self {
        Self::Other(words.to_owned())
    }

    /// By the hexadecimal code after `data` in the diagnostic message of a bind (MS-ADTS, "LDAP: error code 49").
    pub fn from_diagnostic(diagnostic: &str) -> Self {
        let code = diagnostic
            .split_once("data ")
            .map(|(_, rest)| rest.split([',', ' ', '\0']).next().unwrap_or_default());
        match code.and_then(|c| u32::from_str_radix(c, 16).ok()) {
            Some(0x525) => Self::UnknownUser,
            Some(0x52e) => Self::WrongPassword,
            Some(0x530) => Self::LogonHours,
            Some(0x531) => Self::Workstation,
            Some(0x532) => Self::PasswordExpired,
            Some(0x533) => Self::Disabled,
            Some(0x701) => Self::AccountExpired,
            Some(0x773) => Self::MustChangePassword,
            Some(0x775) => Self::LockedOut,
            _ if diagnostic.trim().is_empty() => Self::Other("the account or its password is wrong".to_owned()),
            _ => Self::Other(diagnostic.trim_end_matches('\0').trim().to_owned()),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownUser => "it knows no such account (525). Check the name: DOMAIN\\name or name@domain",
            Self::WrongPassword => "the password is wrong (52e), or there is no such account",
            Self::LogonHours => "the account may not sign in at this time of day (530)",
            Self::Workstation => "the account may not sign in from this computer (531)",
            Self::PasswordExpired => "the password has expired (532): change it first",
            Self::Disabled => "the account is disabled (533): use another, or enable it",
            Self::AccountExpired => "the account has expired (701): extend it, or use another",
            Self::MustChangePassword => "the password must be changed before the first sign-in (773)",
            Self::LockedOut => "the account is locked out (775): unlock it, or wait until that is over",
            Self::Other(words) => return f.write_str(words),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_in_a_refused_sign_in_says_what_is_wrong_with_the_account() {
        let of = |code: &str| {
            Refusal::from_diagnostic(&format!(
                "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {code}, v4563\0"
            ))
        };
        for (code, refusal) in [
            ("525", Refusal::UnknownUser),
            ("52e", Refusal::WrongPassword),
            ("530", Refusal::LogonHours),
            ("531", Refusal::Workstation),
            ("532", Refusal::PasswordExpired),
            ("533", Refusal::Disabled),
            ("701", Refusal::AccountExpired),
            ("773", Refusal::MustChangePassword),
            ("775", Refusal::LockedOut),
        ] {
            assert_eq!(of(code), refusal);
            assert!(refusal.to_string().contains(code));
        }
        assert!(matches!(of("57"), Refusal::Other(_)));
        assert_eq!(
            Refusal::from_diagnostic("Simple Bind Failed: NT_STATUS_X").to_string(),
            "Simple Bind Failed: NT_STATUS_X"
        );
        assert!(!Refusal::from_diagnostic("").to_string().is_empty());
    }
}
