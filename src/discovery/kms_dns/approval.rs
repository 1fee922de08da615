//! Which KMS hosts an organisation approved of.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::KmsRecord;
use crate::discovery::resolver::Resolver;

/// Whether a host is one of those that were approved of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It is.
    Approved,
    /// It is not: old, or a client that took a KMS host key.
    NotApproved,
    /// No list was given.
    NotAsked,
}

/// One approved host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    /// As it was written.
    written: String,
    /// In small letters, without the final dot.
    name: String,
    /// Where it leads; empty when nobody knows.
    addresses: Vec<IpAddr>,
}

/// The approved hosts, with the addresses their names lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovedHosts {
    hosts: Vec<Host>,
}

/// Looks the approved hosts up: a record may name one of them by another of its names.
pub(super) async fn resolve(
    approved: &[String],
    resolver: &Resolver,
    patience: Duration,
    at_once: usize,
    cancel: &CancellationToken,
) -> ApprovedHosts {
    let written: Vec<&str> = approved.iter().map(|a| a.trim()).filter(|a| !a.is_empty()).collect();
    let looked_up = futures_util::stream::iter(written).map(async |written| {
        let name = written.trim_end_matches('.').to_lowercase();
        // Without an answer the name itself still counts.
        let addresses = tokio::select! {
            biased;
            () = cancel.cancelled() => Vec::new(),
            found = resolver.addresses(&name, patience) => found.unwrap_or_default(),
        };
        Host {
            written: written.to_owned(),
            name,
            addresses,
        }
    });
    ApprovedHosts {
        hosts: looked_up.buffered(at_once.max(1)).collect().await,
    }
}

impl ApprovedHosts {
    /// Whether a target is one of them: by its full name, by its short name within the suffix, or by an address.
    pub(super) fn judge(&self, suffix: &str, target: &str, addresses: &[IpAddr]) -> Approval {
        if self.hosts.is_empty() {
            return Approval::NotAsked;
        }
        let approved = self.hosts.iter().any(|host| host.is(suffix, target, addresses));
        if approved {
            Approval::Approved
        } else {
            Approval::NotApproved
        }
    }

    /// Those that no record names, as they were written.
    pub(super) fn unnamed(&self, records: &[KmsRecord]) -> Vec<String> {
        let is_named = |host: &&Host| {
            records.iter().any(|r| {
                let addresses = r.addresses.as_deref().unwrap_or_default();
                host.is(&r.suffix, &r.record.target, addresses)
            })
        };
        let unnamed = self.hosts.iter().filter(|host| !is_named(host));
        unnamed.map(|host| host.written.clone()).collect()
    }
}

impl Host {
    fn is(&self, suffix: &str, target: &str, addresses: &[IpAddr]) -> bool {
        let target = target.to_lowercase();
        // A short name is one of the suffix: kms1 must not approve of kms1 in somebody else's domain.
        let short = target.strip_suffix(&format!(".{suffix}")) == Some(self.name.as_str());
        let same = |a: &IpAddr| addresses.iter().any(|b| a.to_canonical() == b.to_canonical());
        target == self.name || short || self.addresses.iter().any(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approved(name: &str, addresses: &[&str]) -> ApprovedHosts {
        ApprovedHosts {
            hosts: vec![Host {
                written: name.to_owned(),
                name: name.to_lowercase(),
                addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            }],
        }
    }

    #[test]
    fn a_host_is_approved_by_either_of_its_names_and_by_its_address() {
        let at: IpAddr = "10.0.0.7".parse().unwrap();
        let judged = |hosts: &ApprovedHosts, target, at: &[IpAddr]| hosts.judge("contoso.com", target, at);
        let full = approved("KMS1.contoso.com", &[]);
        assert_eq!(judged(&full, "kms1.Contoso.com", &[]), Approval::Approved);
        assert_eq!(judged(&full, "kms2.contoso.com", &[at]), Approval::NotApproved);
        let short = approved("kms1", &[]);
        assert_eq!(judged(&short, "kms1.contoso.com", &[]), Approval::Approved);
        assert_eq!(judged(&short, "kms1.elsewhere.example", &[]), Approval::NotApproved);
        let other_name = approved("license.contoso.com", &["10.0.0.7"]);
        assert_eq!(judged(&other_name, "kms1.contoso.com", &[at]), Approval::Approved);
        assert_eq!(judged(&ApprovedHosts::default(), "kms1", &[at]), Approval::NotAsked);
    }
}
