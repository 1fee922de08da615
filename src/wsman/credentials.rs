//! Who signs in. Kept in memory only, wiped when dropped, never printed.

use super::client_certificate::ClientCertificate;
use crate::model::{FailureClass, Secret};

/// An account name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Nothing, or nothing after the domain.
    #[error("the account {0:?} has no user name: write DOMAIN\\name, name@realm or .\\name")]
    NoName(String),
    /// More than one backslash, or a backslash in the wrong place.
    #[error("the account {0:?} is not understood: write DOMAIN\\name, name@realm or .\\name")]
    Malformed(String),
}

/// An account and its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name; for the form `name@realm` all of it.
    user: String,
    /// The NetBIOS domain or the computer's name; empty for a local account (`.\name`), `name@realm` and a bare name.
    domain: String,
    password: Secret,
    certificate: Option<ClientCertificate>,
    is_logged_on_user: bool,
}

impl Credentials {
    /// Reads an account: `DOMAIN\name`, `name@realm`, `.\name` (an account of the computer itself) or a bare name.
    pub fn new(account: &str, password: Secret) -> Result<Self, AccountError> {
        let account = account.trim();
        let (domain, user) = match account.split_once('\\') {
            Some((".", user)) => ("", user),
            Some((domain, user)) => (domain, user),
            None => ("", account),
        };
        if user.is_empty() {
            return Err(AccountError::NoName(account.to_owned()));
        }
        let upn_without_name = domain.is_empty() && user.starts_with('@') || user.ends_with('@');
        let malformed = user.contains(['\\', '\0']) || domain.contains(['@', '\0']) || upn_without_name;
        if malformed || account.starts_with('\\') {
            return Err(AccountError::Malformed(account.to_owned()));
        }
        Ok(Self {
            user: user.to_owned(),
            domain: domain.to_owned(),
            password,
            certificate: None,
            is_logged_on_user: false,
        })
    }

    /// Nobody by name: whoever the computer maps this certificate to. HTTPS only.
    pub fn from_certificate(certificate: ClientCertificate) -> Self {
        Self {
            user: format!("certificate {}", certificate.name()),
            domain: String::new(),
            password: Secret::new(""),
            certificate: Some(certificate),
            is_logged_on_user: false,
        }
    }

    /// Whoever is logged on to this computer, without a password: on Windows by its single sign-on, elsewhere by the Kerberos
    /// tickets in the user's cache (`kinit`).
    pub fn logged_on_user() -> Self {
        Self {
            user: "the logged-on user".to_owned(),
            domain: String::new(),
            password: Secret::new(""),
            certificate: None,
            is_logged_on_user: true,
        }
    }

    /// True for [`Credentials::logged_on_user`], who has no name and no password here.
    pub fn is_logged_on_user(&self) -> bool {
        self.is_logged_on_user
    }

    /// The certificate to sign in with, if it is one.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_ref()
    }

    /// The user name, without the domain.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The domain; empty when there is none.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The password.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// True for an account of `computer` itself that User Account Control filters: not the built-in Administrator, which it
    /// leaves alone unless told otherwise (FilterAdministratorToken), and no account of a domain.
    pub fn is_filtered_on(&self, computer: &str) -> bool {
        let host = computer.split('.').next().unwrap_or(computer);
        if self.certificate.is_some() || self.is_logged_on_user {
            return false;
        }
        let is_local = self.domain.is_empty() && !self.user.contains('@') || self.domain.eq_ignore_ascii_case(host);
        is_local && !self.user.eq_ignore_ascii_case("Administrator")
    }

    /// The class of "signed in and not allowed" on `computer`.
    pub(crate) fn class_of_denial(&self, computer: &str) -> FailureClass {
        if self.is_filtered_on(computer) {
            FailureClass::Uac
        } else {
            FailureClass::AccessDenied
        }
    }

    /// The account as a person writes it, for messages.
    pub fn account(&self) -> String {
        if self.domain.is_empty() {
            self.user.clone()
        } else {
            format!("{}\\{}", self.domain, self.user)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(account: &str) -> Result<(String, String), AccountError> {
        Credentials::new(account, Secret::new("p")).map(|c| (c.domain, c.user))
    }

    #[test]
    fn accounts_are_read_in_every_form() {
        for (account, domain, user) in [
            ("LAB\\name", "LAB", "name"),
            ("name@lab.example", "", "name@lab.example"),
            (".\\Administrator", "", "Administrator"),
            (" bare ", "", "bare"),
            ("BÜRO\\Jürgen 田中", "BÜRO", "Jürgen 田中"),
            ("MicrosoftAccount\\a@b.example", "MicrosoftAccount", "a@b.example"),
        ] {
            assert_eq!(read(account).unwrap(), (domain.to_owned(), user.to_owned()));
        }
    }

    #[test]
    fn accounts_without_a_name_are_refused() {
        assert!(matches!(read(""), Err(AccountError::NoName(_))));
        assert!(matches!(read("LAB\\"), Err(AccountError::NoName(_))));
        for malformed in ["\\name", "A\\B\\c", "@realm", "name@", "a@b\\c"] {
            assert!(
                matches!(read(malformed), Err(AccountError::Malformed(_))),
                "{malformed}"
            );
        }
    }

    #[test]
    fn the_token_of_a_local_account_is_filtered_but_not_that_of_the_built_in_administrator() {
        for (account, filtered) in [
            (".\\helpdesk", true),
            ("helpdesk", true),
            ("lab-pc-014\\helpdesk", true),
            (".\\Administrator", false),
            ("LAB\\helpdesk", false),
            ("helpdesk@lab.example", false),
        ] {
            let credentials = Credentials::new(account, Secret::new("p")).unwrap();
            assert_eq!(
                credentials.is_filtered_on("LAB-PC-014.lab.example"),
                filtered,
                "{account}"
            );
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let credentials = Credentials::new("LAB\\name", Secret::new("open sesame")).unwrap();
        assert!(!format!("{credentials:?}").contains("sesame"));
        assert_eq!(credentials.account(), "LAB\\name");
    }
}
