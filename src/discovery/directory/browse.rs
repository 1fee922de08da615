//! The tree of a directory, to choose where to look: domains, organizational units and containers, one level at a time.

use tokio_util::sync::CancellationToken;

use super::codec::{Entry, Filter, Scope, domain_of, first_part, parse_url};
use super::error::DirectoryError;
use super::forest::{domains, is_without_computers};
use super::request::{DirectoryNode, NodeKind};
use super::search::{Outlet, Search, run};
use super::{Directory, unless};
use crate::discovery::Finding;

/// Children of one node that are listed. More than anybody looks through.
const MOST_CHILDREN: usize = 50_000;

impl Directory {
    /// Where the tree begins: the domains of the forest, the server's own first; elsewhere the server's trees.
    pub async fn roots(&self, cancel: &CancellationToken) -> Result<Vec<DirectoryNode>, DirectoryError> {
        unless(cancel, async {
            let mut session = self.open(&mut Outlet::new(None)).await?;
            let mut roots = domains(&mut session).await?;
            if roots.is_empty() {
                roots.clone_from(&session.root.contexts);
            }
            roots.retain(|dn| !dn.is_empty() && !is_without_computers(dn));
            let own = session.root.domain.to_lowercase();
            roots.sort_by_key(|dn| (dn.to_lowercase() != own, domain_of(dn).to_lowercase()));
            Ok(roots.iter().filter_map(|dn| node(dn)).collect())
        })
        .await
    }

    /// What is right below a node, by name. Containers of the system itself, which are hidden from people elsewhere too, are
    /// left out.
    pub async fn children(&self, dn: &str, cancel: &CancellationToken) -> Result<Vec<DirectoryNode>, DirectoryError> {
        unless(cancel, self.children_of(dn)).await
    }

    async fn children_of(&self, dn: &str) -> Result<Vec<DirectoryNode>, DirectoryError> {
        let mut outlet = Outlet::new(None);
        let mut session = self.open(&mut outlet).await?;
        let kinds = ["organizationalUnit", "container", "domain", "builtinDomain"];
        let filter = Filter::And(vec![
            Filter::Or(kinds.iter().map(|kind| Filter::equal("objectClass", kind)).collect()),
            Filter::equal("showInAdvancedViewOnly", "TRUE").negated(),
        ]);
        let search = Search {
            base: dn.to_owned(),
            scope: Scope::Children,
            filter: &filter,
            // No attributes (RFC 4511 4.5.1.8): the name says it all.
            attributes: &["1.1"],
        };
        let mut nodes = Vec::new();
        let mut taker = |entry: &Entry<'_>| -> Option<Finding> {
            if nodes.len() < MOST_CHILDREN {
                nodes.extend(node(entry.dn));
            }
            None
        };
        let account = session.credentials.account();
        let mut elsewhere = run(&mut session.connection, &search, &account, &mut taker, &mut outlet).await?;
        // Domains below are other trees, and the server refers to them.
        let below: Vec<DirectoryNode> = std::mem::take(&mut elsewhere.parts)
            .iter()
            .filter_map(|url| parse_url(url))
            .filter(|url| !is_without_computers(&url.base))
            .filter_map(|url| node(&url.base))
            .collect();
        self.follow(session, &search, elsewhere, true, &mut taker, &mut outlet)
            .await?;
        nodes.extend(below);
        nodes.sort_by_cached_key(|node| (node.name.to_lowercase(), node.dn.clone()));
        nodes.dedup();
        Ok(nodes)
    }
}

fn node(dn: &str) -> Option<DirectoryNode> {
    let (kind, name) = first_part(dn)?;
    let (kind, name) = match kind.to_ascii_uppercase().as_str() {
        "DC" => (NodeKind::Domain, domain_of(dn)),
        "OU" => (NodeKind::OrganizationalUnit, name),
        _ => (NodeKind::Container, name),
    };
    Some(DirectoryNode {
        dn: dn.to_owned(),
        name,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_as_people_name_it() {
        let of = |dn: &str| node(dn).map(|n| (n.name, n.kind));
        assert_eq!(of("DC=lab,DC=example"), Some(("lab.example".into(), NodeKind::Domain)));
        assert_eq!(
            of("OU=Berlin\\, Mitte,DC=x"),
            Some(("Berlin, Mitte".into(), NodeKind::OrganizationalUnit))
        );
        assert_eq!(of("CN=Computers,DC=x"), Some(("Computers".into(), NodeKind::Container)));
        assert_eq!(of(""), None);
    }
}
