//! Which domain this machine belongs to, and which servers hold a domain's directory.

use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt;

use super::error::DirectoryError;
use super::request::{DirectoryPlace, DomainController};
use crate::discovery::resolver::{DnsFailure, Resolver, ServiceRecord};
use crate::wsman::security::default_realm;

/// Domain controllers of one domain that are tried. Large domains have hundreds.
const MOST_CONTROLLERS: usize = 8;

/// The domain this machine belongs to, in lower case: on Windows that of the logged-on user, else the default realm of
/// krb5.conf, else the DNS suffix of this machine. `None` if nothing tells. Reads files: not for the desktop's thread.
pub fn home_domain(resolver: &Resolver) -> Option<String> {
    let of_user = std::env::var("USERDNSDOMAIN").ok();
    let suffix = || resolver.suffixes().first().cloned();
    let domain = of_user.or_else(default_realm).or_else(suffix)?;
    let domain = domain.trim().trim_matches('.').to_lowercase();
    (!domain.is_empty()).then_some(domain)
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// DNS name of the domain; empty where only an address was typed.
    pub domain: String,
    /// Servers in the order to be tried; at least one.
    pub controllers: Vec<DomainController>,
}

/// The servers of a place: the typed one, or those that DNS knows.
pub(super) async fn locate(
    resolver: &Resolver,
    place: &DirectoryPlace,
    patience: Duration,
) -> Result<Located, DirectoryError> {
    let typed = place.domain.trim();
    if !typed.is_empty() {
        check_domain(typed)?;
    }
    let server = place.server.trim();
    if !server.is_empty() {
        let controller = parse_server(server)?;
        let domain = match controller.host.split_once('.') {
            _ if !typed.is_empty() => typed.to_lowercase(),
            Some((_, suffix)) if controller.host.parse::<IpAddr>().is_err() => suffix.to_lowercase(),
            _ => String::new(),
        };
        return Ok(Located {
            domain,
            controllers: vec![controller],
        });
    }
    let domain = if typed.is_empty() {
        let resolver = resolver.clone();
        let found = tokio::task::spawn_blocking(move || home_domain(&resolver)).await;
        let found = found.ok().flatten();
        found.ok_or(DirectoryError::NoDomain)?
    } else {
        typed.trim_end_matches('.').to_lowercase()
    };
    let mut controllers = Vec::new();
    if place.global_catalog {
        controllers = catalogs(resolver, &domain, patience).await;
    }
    if controllers.is_empty() {
        controllers = domain_controllers(resolver, &domain, patience).await?;
    }
    controllers.truncate(MOST_CONTROLLERS);
    Ok(Located { domain, controllers })
}

/// The domain controllers of a domain, by DNS (MS-ADTS 6.3.2.3), in the order to be tried.
pub async fn domain_controllers(
    resolver: &Resolver,
    domain: &str,
    patience: Duration,
) -> Result<Vec<DomainController>, DirectoryError> {
    check_domain(domain)?;
    let no_controller = |detail: String| DirectoryError::NoController {
        domain: domain.to_owned(),
        detail,
    };
    let found = services(resolver, &format!("_ldap._tcp.dc._msdcs.{domain}"), patience)
        .await
        .map_err(|e| no_controller(e.to_string()))?;
    if found.is_empty() {
        return Err(no_controller("its record names none".to_owned()));
    }
    Ok(found)
}

/// Global catalogs are registered under the root of the forest, which is the domain itself or one above it.
async fn catalogs(resolver: &Resolver, domain: &str, patience: Duration) -> Vec<DomainController> {
    let mut root = domain;
    loop {
        if let Ok(found) = services(resolver, &format!("_ldap._tcp.gc._msdcs.{root}"), patience).await
            && !found.is_empty()
        {
            return found;
        }
        match root.split_once('.') {
            Some((_, above)) if above.contains('.') => root = above,
            _ => return Vec::new(),
        }
    }
}

/// In the order to be tried.
async fn services(resolver: &Resolver, name: &str, patience: Duration) -> Result<Vec<DomainController>, DnsFailure> {
    let found = resolver.services(name, patience).await?;
    let mut random = rand::rng();
    Ok(in_order(found, |limit| random.random_range(0..=limit)))
}

/// The order of RFC 2782: lower priorities first; among equals by lot, in proportion to their weights. `lot` draws a number
/// from 0 to the given one.
fn in_order(mut services: Vec<ServiceRecord>, mut lot: impl FnMut(u32) -> u32) -> Vec<DomainController> {
    // Those of weight 0 first, so that they have a small chance.
    services.sort_by_key(|s| (s.priority, s.weight));
    let mut ordered: Vec<DomainController> = Vec::new();
    while let Some(first) = services.first() {
        let priority = first.priority;
        let equals = services.iter().take_while(|s| s.priority == priority);
        let total: u32 = equals.map(|s| u32::from(s.weight)).sum();
        let drawn = lot(total);
        let mut sum = 0;
        let chosen = services.iter().position(|s| {
            sum += u32::from(s.weight);
            sum >= drawn
        });
        let service = services.remove(chosen.unwrap_or_default());
        let controller = DomainController {
            host: service.target.to_lowercase(),
            // Those of the transport suit better where nothing special is said.
            port: Some(service.port).filter(|port| !matches!(port, 389 | 3268)),
        };
        // Where the target is the root, the domain says that there is no such service.
        if controller.host != "." && !ordered.contains(&controller) {
            ordered.push(controller);
        }
    }
    ordered
}

fn check_domain(domain: &str) -> Result<(), DirectoryError> {
    let is_label = |label: &str| {
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.chars().count() <= 63 && label.chars().all(is_inside)
    };
    if domain.len() <= 253 && domain.trim_end_matches('.').split('.').all(is_label) {
        return Ok(());
    }
    Err(DirectoryError::BadName {
        text: domain.to_owned(),
        what: "name of a domain",
        expected: "expected something like contoso.com",
    })
}

/// `dc1`, `dc1.contoso.com:3890`, `10.0.0.1`, `fe80::1`, `[fe80::1]:389`.
fn parse_server(text: &str) -> Result<DomainController, DirectoryError> {
    let bad = || DirectoryError::BadName {
        text: text.to_owned(),
        what: "name of a server",
        expected: "expected a name or an address, with a port if need be, such as dc1.contoso.com or [fd00::1]:389",
    };
    let (host, port) = match (text.strip_prefix('['), text.parse::<IpAddr>()) {
        (Some(v6), _) => {
            let (host, rest) = v6.split_once(']').ok_or_else(bad)?;
            host.split('%')
                .next()
                .and_then(|h| h.parse::<IpAddr>().ok())
                .ok_or_else(bad)?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or_else(bad)?),
            };
            (host, port)
        }
        (None, Ok(_)) => (text, None),
        (None, Err(_)) => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?),
        None => None,
    };
    let is_address = host.split('%').next().is_some_and(|h| h.parse::<IpAddr>().is_ok());
    if !is_address {
        check_domain(host).map_err(|_| bad())?;
    }
    Ok(DomainController {
        host: host.trim_end_matches('.').to_lowercase(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_tried_by_priority_and_by_lot_among_equals() {
        let service = |target: &str, priority, weight| ServiceRecord {
            target: target.into(),
            port: 389,
            priority,
            weight,
            ttl_secs: 600,
        };
        let services = || {
            vec![
                service("far", 10, 100),
                service("big", 0, 90),
                service("small", 0, 10),
                service("none", 0, 0),
                service(".", 0, 1),
                service("big", 5, 1),
            ]
        };
        let hosts =
            |lot: fn(u32) -> u32| -> Vec<String> { in_order(services(), lot).into_iter().map(|c| c.host).collect() };
        assert_eq!(hosts(|total| total), ["big", "small", "none", "far"]);
        assert_eq!(hosts(|_| 0), ["none", "small", "big", "far"]);
    }

    #[test]
    fn a_typed_server_may_have_a_port() {
        for (text, host, port) in [
            ("DC1", "dc1", None),
            ("dc1.contoso.com:3890", "dc1.contoso.com", Some(3890)),
            ("10.0.0.1:636", "10.0.0.1", Some(636)),
            ("fe80::1", "fe80::1", None),
            ("[fe80::1]:389", "fe80::1", Some(389)),
            ("[fe80::1%eth0]", "fe80::1%eth0", None),
            ("b\u{fc}ro-dc", "b\u{fc}ro-dc", None),
        ] {
            let host = host.to_owned();
            assert_eq!(parse_server(text), Ok(DomainController { host, port }), "{text}");
        }
        for bad in [
            "a b",
            "dc1:x",
            "dc1:0",
            "[fe80::1",
            "[x]",
            "dc1:99999",
            "ldap://dc1",
            "a..b",
            "-\\",
        ] {
            assert!(
                matches!(parse_server(bad), Err(DirectoryError::BadName { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_domain_must_look_like_one() {
        for good in ["contoso.com", "lab", "b\u{fc}ro.example", "a_b.example", "contoso.com."] {
            assert_eq!(check_domain(good), Ok(()), "{good}");
        }
        for bad in [
            "contoso com",
            "ldap://contoso.com",
            "CONTOSO\\x",
            "a..b",
            "DC=contoso,DC=com",
        ] {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
    }
}
