//! An account in the forms that `ConnectServer` and `CoSetProxyBlanket` want.
//!
//! `ConnectServer` takes the domain either in the user name or in the authority, never in both. An empty authority leaves the
//! choice between Kerberos and NTLM to Windows, which is what a domain account wants; `NTLMDOMAIN:NAME` asks for NTLM and
//! for accounts that NAME keeps, which is what an account of the computer itself needs.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::wsman::Credentials;

/// An account as COM wants it. Text in UTF-16 without a final zero where COM takes a length with it.
pub(super) struct ComAccount {
    /// For `ConnectServer`: `DOMAIN\name`, `name@realm` or `name`.
    pub(super) user: String,
    /// For `ConnectServer`: `NTLMDOMAIN:NAME` or empty.
    pub(super) authority: String,
    /// For the identity of a proxy: the user without the domain.
    pub(super) plain_user: Vec<u16>,
    /// For the identity of a proxy: the domain or the computer that keeps the account; may be empty.
    pub(super) domain: Vec<u16>,
    /// The password.
    pub(super) password: Zeroizing<Vec<u16>>,
}

impl ComAccount {
    /// The account for the computer reached at `host` that the list calls `name`.
    pub(super) fn new(credentials: &Credentials, host: &str, name: &str) -> Self {
        let (user, domain) = (credentials.user(), credentials.domain());
        let is_principal = domain.is_empty() && user.contains('@');
        let (connect_user, authority, domain) = if !domain.is_empty() {
            (format!("{domain}\\{user}"), String::new(), domain.to_owned())
        } else if is_principal {
            (user.to_owned(), String::new(), String::new())
        } else {
            let keeper = netbios_name(host).or_else(|| netbios_name(name)).unwrap_or_default();
            let authority = if keeper.is_empty() {
                String::new()
            } else {
                format!("NTLMDOMAIN:{keeper}")
            };
            (user.to_owned(), authority, keeper)
        };
        Self {
            user: connect_user,
            authority,
            plain_user: user.encode_utf16().collect(),
            domain: domain.encode_utf16().collect(),
            password: Zeroizing::new(credentials.password().expose().encode_utf16().collect()),
        }
    }
}

/// The name a computer calls itself by when it keeps accounts: the first label, at most 15 characters. `None` for an address.
fn netbios_name(host: &str) -> Option<String> {
    let host = host.trim().trim_matches(['[', ']']);
    let bare = host.split('%').next().unwrap_or(host);
    if bare.parse::<IpAddr>().is_ok() {
        return None;
    }
    let label = host.split('.').next().filter(|label| !label.is_empty())?;
    Some(label.chars().take(15).collect::<String>().to_uppercase())
}

/// True if `host` is this computer, which DCOM does not let anybody sign in to by name and password.
pub(super) fn is_local(host: &str, this_computer: &str) -> bool {
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|a| a.is_loopback());
    host == "."
        || host.eq_ignore_ascii_case("localhost")
        || is_loopback
        || !this_computer.is_empty() && host.eq_ignore_ascii_case(this_computer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn forms(account: &str, host: &str, name: &str) -> (String, String, String) {
        let credentials = Credentials::new(account, Secret::new("p")).unwrap();
        let account = ComAccount::new(&credentials, host, name);
        (
            account.user,
            account.authority,
            String::from_utf16(&account.domain).unwrap(),
        )
    }

    #[test]
    fn each_form_of_account_names_its_domain_once() {
        for (account, host, name, user, authority, domain) in [
            ("LAB\\anna", "PC-1", "PC-1", "LAB\\anna", "", "LAB"),
            ("anna@lab.example", "PC-1", "PC-1", "anna@lab.example", "", ""),
            (
                ".\\Administrator",
                "pc-1.lab.example",
                "x",
                "Administrator",
                "NTLMDOMAIN:PC-1",
                "PC-1",
            ),
            (
                "Administrator",
                "10.0.0.9",
                "PC-9",
                "Administrator",
                "NTLMDOMAIN:PC-9",
                "PC-9",
            ),
            ("Administrator", "fe80::1%4", "10.0.0.9", "Administrator", "", ""),
        ] {
            assert_eq!(
                forms(account, host, name),
                (user.to_owned(), authority.to_owned(), domain.to_owned()),
                "{account} on {host}"
            );
        }
    }

    #[test]
    fn this_computer_is_recognised() {
        for local in [".", "localhost", "127.0.0.1", "::1", "core-pc"] {
            assert!(is_local(local, "CORE-PC"), "{local}");
        }
        for remote in ["PC-1", "10.0.0.1", "core-pc.lab.example", ""] {
            assert!(!is_local(remote, "CORE-PC"), "{remote}");
        }
        assert!(!is_local("", ""));
    }
}
