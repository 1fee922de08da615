//! Which computer is asked, and how patiently.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::security::Tickets;
use super::tls::Trust;
use crate::model::{Failure, FailureClass, WayIn};

/// A computer to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The computer's name, for messages.
    pub name: String,
    /// Host name or address to connect to; IPv6 literals with or without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// HTTPS instead of HTTP with sealed messages.
    pub tls: bool,
    /// The path of the service; always `/wsman` on Windows.
    pub path: String,
    /// The name the TLS certificate must carry; `None` means `host`.
    pub certificate_name: Option<String>,
    /// Where `host` was found, when somebody has looked already.
    pub address: Option<IpAddr>,
}

impl Target {
    /// The computer called `name`, on the standard port: 5985, with TLS 5986.
    pub fn new(name: impl Into<String>, tls: bool) -> Self {
        let name = name.into();
        Self {
            host: name.clone(),
            name,
            port: if tls { WayIn::Https } else { WayIn::Http }.port(),
            tls,
            path: "/wsman".to_owned(),
            certificate_name: None,
            address: None,
        }
    }

    /// The same computer at another address or port.
    #[must_use]
    pub fn at(mut self, host: Option<&str>, port: Option<u16>) -> Self {
        if let Some(host) = host {
            host.clone_into(&mut self.host);
        }
        self.port = port.unwrap_or(self.port);
        self
    }

    /// The host without brackets.
    pub(super) fn bare_host(&self) -> &str {
        let host = self.host.trim();
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
    }

    /// The name that service tickets are for: the host, or the computer's own name where the host is an address.
    pub(super) fn service_host(&self) -> &str {
        let host = self.bare_host();
        let is_address = host.split('%').next().unwrap_or(host).parse::<IpAddr>().is_ok();
        if is_address { &self.name } else { host }
    }

    /// `host:port` as in a URL and in the Host header: IPv6 in brackets, without a zone (RFC 6874 4).
    pub(super) fn authority(&self) -> String {
        let host = self.bare_host();
        let without_zone = host.split('%').next().unwrap_or(host);
        if without_zone.parse::<Ipv6Addr>().is_ok() {
            format!("[{without_zone}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The address of the service, as the `To` header carries it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    /// The computer for messages: its name, and where it was looked for when that differs.
    pub fn described(&self) -> String {
        if self.host.eq_ignore_ascii_case(&self.name) {
            format!("{} (port {})", self.name, self.port)
        } else {
            format!("{} ({})", self.name, self.authority())
        }
    }

    /// A failure of this computer. `what` continues the sentence "LAB-PC-014 (port 5985) ...".
    pub fn failure(&self, class: FailureClass, what: impl std::fmt::Display) -> Failure {
        Failure {
            class,
            message: format!("{} {what}", self.described()),
            code: None,
        }
    }
}

/// How a computer is asked.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// For finding the address of a name.
    pub resolve_timeout: Duration,
    /// For opening the connection, TLS included.
    pub connect_timeout: Duration,
    /// For the whole sign-in.
    pub sign_in_timeout: Duration,
    /// How long the computer may work on one operation. Windows cuts it to its MaxTimeoutms, 60 s by default.
    pub operation_timeout: Duration,
    /// How much longer than `operation_timeout` we wait for the answer.
    pub answer_margin: Duration,
    /// Objects per answer. Falls to 10 and 1 by itself when answers grow too large.
    pub batch: u32,
    /// Whose certificates are believed, for HTTPS.
    pub trust: Trust,
    /// Kerberos tickets, shared by the computers of a run; `None`: NTLM only.
    pub tickets: Option<Tickets>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            resolve_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            sign_in_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_mins(1),
            answer_margin: Duration::from_secs(15),
            batch: 50,
            trust: Trust::default(),
            tickets: Some(Tickets::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_urls_want_them() {
        let plain = Target::new("LAB-PC-014", false);
        assert_eq!(plain.url(), "http://LAB-PC-014:5985/wsman");
        assert_eq!(plain.described(), "LAB-PC-014 (port 5985)");
        for host in ["fe80::1%eth0", "[fe80::1]"] {
            let v6 = Target::new("LAB-PC-014", true).at(Some(host), Some(443));
            assert_eq!(v6.url(), "https://[fe80::1]:443/wsman");
            assert_eq!(v6.described(), "LAB-PC-014 ([fe80::1]:443)");
        }
        assert_eq!(Target::new("x", true).at(Some("[::1]"), None).bare_host(), "::1");
    }
}
