//! The domains of a forest: what a server says of itself, and following its references to others.
//!
//! # Invariants
//! * An account is shown only to servers whose name lies in a domain of the forest, and to the one that was asked first.
//! * References are followed [`MOST_STEPS`] deep and never twice to the same place.

use std::collections::{HashSet, VecDeque};

use super::codec::{DirectoryUrl, Entry, Filter, Scope, domain_of, first_part, parse_url};
use super::connection::Connection;
use super::error::DirectoryError;
use super::locate::{Located, domain_controllers};
use super::request::DomainController;
use super::search::{Elsewhere, Outlet, Search, Taker, run};
use super::{Directory, Session};
use crate::discovery::Finding;
use crate::wmi::Credentials;

/// How deep references are followed.
const MOST_STEPS: usize = 3;
/// Places one search may lead to.
const MOST_PLACES: usize = 100;

/// What a server says of itself (RFC 4512 5.1, MS-ADTS 3.1.1.3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RootDse {
    /// Its domain; empty where it is no Active Directory.
    pub domain: String,
    /// The root of its forest.
    pub forest: String,
    /// Where the forest's domains are listed.
    pub configuration: String,
    /// Every tree it has.
    pub contexts: Vec<String>,
}

impl RootDse {
    /// Asks for it.
    pub async fn read(connection: &mut Connection) -> Result<Self, DirectoryError> {
        let mut root = Self::default();
        let mut taker = |entry: &Entry<'_>| {
            for (name, values) in entry.attributes() {
                let mut texts = values.map(|value| String::from_utf8_lossy(value).into_owned());
                let place = match name.to_ascii_lowercase().as_str() {
                    "defaultnamingcontext" => &mut root.domain,
                    "rootdomainnamingcontext" => &mut root.forest,
                    "configurationnamingcontext" => &mut root.configuration,
                    "namingcontexts" => {
                        root.contexts = texts.collect();
                        continue;
                    }
                    _ => continue,
                };
                *place = texts.next().unwrap_or_default();
            }
            None
        };
        let search = Search {
            base: String::new(),
            scope: Scope::Base,
            filter: &Filter::Present("objectClass".to_owned()),
            attributes: &[
                "defaultNamingContext",
                "rootDomainNamingContext",
                "configurationNamingContext",
                "namingContexts",
            ],
        };
        run(connection, &search, "the account", &mut taker, &mut Outlet::new(None)).await?;
        Ok(root)
    }

    /// Where a search begins when nothing was chosen.
    pub fn start(&self, is_catalog: bool) -> String {
        if is_catalog && !self.domain.is_empty() {
            // Of the global catalog, the nameless root is the whole forest.
            return String::new();
        }
        let first = self.contexts.iter().find(|context| !context.is_empty());
        match self.domain.as_str() {
            "" => first.cloned().unwrap_or_default(),
            domain => domain.to_owned(),
        }
    }
}

/// True for the trees that hold no computers: configuration, schema, and the zones of DNS.
pub(super) fn is_without_computers(dn: &str) -> bool {
    let Some((kind, name)) = first_part(dn) else {
        return false;
    };
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
    match kind.to_ascii_uppercase().as_str() {
        "CN" => is("Configuration") || is("Schema"),
        "DC" => is("DomainDnsZones") || is("ForestDnsZones"),
        _ => false,
    }
}

/// The distinguished names of the forest's domains, as its configuration lists them (MS-ADTS 6.1.1.2.1.1: crossRef objects
/// whose systemFlags say that they are of a domain).
pub(super) async fn domains(session: &mut Session) -> Result<Vec<String>, DirectoryError> {
    let own = [session.root.domain.clone(), session.root.forest.clone()];
    let mut found: Vec<String> = Vec::new();
    if !session.root.configuration.is_empty() {
        let mut taker = |entry: &Entry<'_>| {
            let names = entry
                .attributes()
                .filter(|(name, _)| name.eq_ignore_ascii_case("nCName"));
            found.extend(names.flat_map(|(_, values)| values.map(|v| String::from_utf8_lossy(v).into_owned())));
            None
        };
        let filter = Filter::And(vec![
            Filter::equal("objectClass", "crossRef"),
            Filter::all_bits("systemFlags", 3),
        ]);
        let search = Search {
            base: format!("CN=Partitions,{}", session.root.configuration),
            scope: Scope::Children,
            filter: &filter,
            attributes: &["nCName"],
        };
        let account = session.credentials.account();
        let listed = run(
            &mut session.connection,
            &search,
            &account,
            &mut taker,
            &mut Outlet::new(None),
        )
        .await;
        match listed {
            // Who may not read it knows the own domain at least.
            Ok(_) | Err(DirectoryError::Rights { .. } | DirectoryError::NoBase { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for domain in own {
        if !domain.is_empty() && !found.iter().any(|known| known.eq_ignore_ascii_case(&domain)) {
            found.push(domain);
        }
    }
    Ok(found)
}

/// Whom an account may be shown to.
struct Forest {
    /// DNS names, lower case.
    domains: Vec<String>,
    first_host: String,
}

impl Forest {
    fn has(&self, url: &DirectoryUrl) -> bool {
        let is_inside = |domain: &String| {
            let rest = url.host.strip_suffix(domain.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        url.host == self.first_host || self.domains.iter().any(is_inside)
    }
}

impl Directory {
    /// Searches the places that a search was referred to, as far as they belong to the forest and `wanted` says so. What is
    /// not searched is told as notes.
    pub(super) async fn follow(
        &self,
        mut session: Session,
        search: &Search<'_>,
        elsewhere: Elsewhere,
        wanted: bool,
        taker: &mut impl Taker,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), DirectoryError> {
        let mut left = VecDeque::new();
        let mut seen = HashSet::new();
        let mut queue = |elsewhere: Elsewhere, depth: usize, left: &mut VecDeque<(DirectoryUrl, usize)>| {
            let mut notes = Vec::new();
            for text in elsewhere.parts.into_iter().chain(elsewhere.base.into_iter().take(1)) {
                let Some(mut url) = parse_url(&text) else {
                    notes.push(format!(
                        "The reference {text:?} is not understood and was not followed."
                    ));
                    continue;
                };
                if url.base.is_empty() {
                    url.base.clone_from(&search.base);
                }
                if is_without_computers(&url.base) {
                    continue;
                }
                let key = (url.host.clone(), url.port, url.base.to_lowercase());
                if !seen.insert(key) {
                    notes.push(format!(
                        "{} refers to {} once more, in a circle; it was not searched again.",
                        url.base, url.host
                    ));
                } else if !wanted {
                    notes.push(format!("{} is on {} and was not searched.", url.base, url.host));
                } else if depth >= MOST_STEPS || seen.len() > MOST_PLACES {
                    notes.push(format!(
                        "{} on {} was not searched: references are followed {MOST_STEPS} deep.",
                        url.base, url.host
                    ));
                } else {
                    left.push_back((url, depth));
                }
            }
            notes
        };
        let mut notes = queue(elsewhere, 0, &mut left);
        let mut forest = None;
        loop {
            for note in notes.drain(..) {
                outlet.send(Finding::Note(note)).await?;
            }
            let Some((url, depth)) = left.pop_front() else {
                return Ok(());
            };
            let forest = match &mut forest {
                Some(forest) => forest,
                none => none.insert(Forest {
                    domains: domains(&mut session)
                        .await?
                        .iter()
                        .map(|dn| domain_of(dn).to_lowercase())
                        .filter(|domain| !domain.is_empty())
                        .collect(),
                    first_host: session.connection.host.to_lowercase(),
                }),
            };
            if !forest.has(&url) {
                notes.push(format!(
                    "{} is on {}, outside of the forest: the account was not shown to it, and it was not searched.",
                    url.base, url.host
                ));
                continue;
            }
            let search = Search {
                base: url.base.clone(),
                ..search.clone()
            };
            match self.search_at(&url, &search, &session.credentials, taker, outlet).await {
                Ok(elsewhere) => notes = queue(elsewhere, depth + 1, &mut left),
                Err(DirectoryError::Cancelled) => return Err(DirectoryError::Cancelled),
                Err(error) => {
                    notes.push(format!(
                        "{} on {} was not searched to its end: {error}",
                        url.base, url.host
                    ));
                    // Another refusal of the same account could lock it.
                    if matches!(error, DirectoryError::Credentials { .. }) {
                        left.clear();
                    }
                }
            }
        }
    }

    async fn search_at(
        &self,
        url: &DirectoryUrl,
        search: &Search<'_>,
        credentials: &Credentials,
        taker: &mut impl Taker,
        outlet: &mut Outlet<'_>,
    ) -> Result<Elsewhere, DirectoryError> {
        let domain = domain_of(&url.base).to_lowercase();
        let itself = DomainController {
            host: url.host.clone(),
            // Those of plain LDAP say nothing of the protection that was chosen.
            port: url.port.filter(|port| !matches!(port, 389 | 3268)),
        };
        // Active Directory refers to a domain, not to one of its servers.
        let mut controllers = Vec::new();
        if url.host == domain {
            let patience = self.options.resolve_timeout;
            controllers = domain_controllers(&self.resolver, &domain, patience)
                .await
                .unwrap_or_default();
        }
        if controllers.is_empty() {
            controllers.push(itself);
        }
        let located = Located { domain, controllers };
        let at = Self {
            credentials: credentials.clone(),
            ..self.clone()
        };
        let (mut session, note) = at.open_at(&located).await?;
        if let Some(note) = note {
            outlet.send(Finding::Note(note)).await?;
        }
        let account = session.credentials.account();
        run(&mut session.connection, search, &account, taker, outlet).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_shown_to_servers_of_the_forest_only() {
        let forest = Forest {
            domains: vec!["contoso.com".into(), "fabrikam.example".into()],
            first_host: "10.0.0.1".into(),
        };
        let has = |url: &str| forest.has(&parse_url(url).unwrap());
        for inside in [
            "ldap://contoso.com/DC=contoso,DC=com",
            "ldap://DC1.berlin.contoso.com/",
            "ldap://fabrikam.example/",
            "ldap://10.0.0.1:3890/",
        ] {
            assert!(has(inside), "{inside}");
        }
        for outside in [
            "ldap://evilcontoso.com/",
            "ldap://contoso.com.evil.example/",
            "ldap://10.0.0.2/",
        ] {
            assert!(!has(outside), "{outside}");
        }
    }

    #[test]
    fn trees_without_computers_are_known_by_their_names() {
        assert!(is_without_computers("CN=Configuration,DC=x"));
        assert!(is_without_computers("DC=DomainDnsZones,DC=x"));
        assert!(!is_without_computers("DC=child,DC=x"));
        assert!(!is_without_computers(""));
    }

    #[test]
    fn a_search_begins_at_the_domain_or_at_the_root_of_the_catalog() {
        let root = RootDse {
            domain: "DC=x".into(),
            contexts: vec!["CN=Configuration,DC=x".into()],
            ..RootDse::default()
        };
        assert_eq!(
            (root.start(false), root.start(true)),
            ("DC=x".to_owned(), String::new())
        );
        let other = RootDse {
            contexts: vec![String::new(), "dc=org".into()],
            ..RootDse::default()
        };
        assert_eq!(
            (other.start(false), other.start(true)),
            ("dc=org".to_owned(), "dc=org".to_owned())
        );
    }
}
