//! Active Directory as a source, and its tree to choose from.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::SourceFailure;
use super::sources::Means;
use crate::discovery::directory::{
    ComputerQuery, Directory, DirectoryError, DirectoryErrorClass, DirectoryNode, DirectoryPlace, Transport,
};
use crate::discovery::{Findings, Resolver};
use crate::model::found::{DirectoryOrder, DirectorySecurity};
use crate::wmi::Credentials;
use crate::workspace::Workspace;
use crate::workspace::accounts::is_for_domain;
use crate::workspace::open::lock;
use crate::workspace::settings::connect_options;

fn place(order: &DirectoryOrder) -> DirectoryPlace {
    DirectoryPlace {
        domain: order.domain.trim().to_owned(),
        server: order.server.trim().to_owned(),
        global_catalog: order.global_catalog,
        transport: match order.security {
            DirectorySecurity::Automatic => Transport::Automatic,
            DirectorySecurity::Sealed => Transport::Sealed,
            DirectorySecurity::Ldaps => Transport::Ldaps,
            DirectorySecurity::StartTls => Transport::StartTls,
        },
    }
}

fn query(order: &DirectoryOrder) -> ComputerQuery {
    ComputerQuery {
        base: order.base.trim().to_owned(),
        name: order.name.trim().to_owned(),
        filter: order.filter.trim().to_owned(),
        include_disabled: order.include_disabled,
        include_non_windows: order.include_non_windows,
        stale_days: order.stale_days,
        ..ComputerQuery::default()
    }
}

/// Who signs in to the directory of `order`: the first set that is for its domain, else the usual account. Reads files where
/// the domain is that of this machine.
fn account(workspace: &Workspace, order: &DirectoryOrder) -> Option<Arc<Credentials>> {
    let sets = workspace.credential_sets();
    if !sets.is_empty() {
        let domain = Some(order.domain.trim().to_owned()).filter(|domain| !domain.is_empty());
        let domain = domain.or_else(home_domain).unwrap_or_default();
        if let Some(set) = sets.iter().find(|set| is_for_domain(&set.pattern, &domain)) {
            return Some(Arc::clone(&set.credentials));
        }
    }
    workspace.credentials()
}

/// Without an account, whoever is logged on: by the single sign-on of Windows, elsewhere by a Kerberos ticket.
fn directory(order: &DirectoryOrder, workspace: &Workspace, settings: &crate::workspace::Settings) -> Directory {
    let account = account(workspace, order);
    let credentials = account.map_or_else(Credentials::logged_on_user, |account| (*account).clone());
    Directory::new(place(order), credentials, connect_options(settings))
}

pub(super) async fn search(
    order: &DirectoryOrder,
    means: &Means,
    findings: &Findings,
    cancel: &CancellationToken,
) -> Result<(), SourceFailure> {
    let directory = directory(order, &means.workspace, &means.settings);
    match directory.search(&query(order), findings, cancel).await {
        Err(error) if error.class() == DirectoryErrorClass::Cancelled => Ok(()),
        ended => ended.map(drop).map_err(|error| failure(&error)),
    }
}

fn failure(error: &DirectoryError) -> SourceFailure {
    let what = match error.class() {
        DirectoryErrorClass::Name => "Name",
        DirectoryErrorClass::Network => "Network",
        DirectoryErrorClass::Trust => "Trust",
        DirectoryErrorClass::Credentials => "Credentials",
        DirectoryErrorClass::Rights => "Rights",
        DirectoryErrorClass::Filter => "Filter",
        DirectoryErrorClass::Limit => "Limit",
        DirectoryErrorClass::Protocol => "Protocol",
        DirectoryErrorClass::Cancelled => "Cancelled",
    };
    SourceFailure {
        class: what,
        message: error.to_string(),
    }
}

/// The domain this machine belongs to; `None` if nothing tells. Reads files.
pub fn home_domain() -> Option<String> {
    crate::discovery::directory::home_domain(&Resolver::system())
}

/// What is right below one node of a directory, once it is known.
pub type DirectoryAnswer = Result<Vec<DirectoryNode>, SourceFailure>;

/// A question for a part of a directory's tree. Dropped, it is no longer asked.
#[derive(Debug)]
pub struct DirectoryListing {
    answer: Arc<Mutex<Option<DirectoryAnswer>>>,
    cancel: CancellationToken,
}

impl DirectoryListing {
    /// The answer, if it has come.
    pub fn answer(&self) -> Option<DirectoryAnswer> {
        lock(&self.answer).clone()
    }

    /// True while it is waited for.
    pub fn is_waiting(&self) -> bool {
        lock(&self.answer).is_none()
    }
}

impl Drop for DirectoryListing {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Workspace {
    /// Asks for what is right below a node of the directory of `order`; `None`: for where its tree begins. Returns at once.
    pub fn browse_directory(&self, order: &DirectoryOrder, below: Option<String>) -> DirectoryListing {
        let listing = DirectoryListing {
            answer: Arc::default(),
            cancel: CancellationToken::new(),
        };
        let (this, answer, cancel) = (self.clone(), Arc::clone(&listing.answer), listing.cancel.clone());
        let (order, settings) = (order.clone(), self.settings());
        self.on_own_thread(async move || {
            let directory = directory(&order, &this, &settings);
            let nodes = match below {
                None => directory.roots(&cancel).await,
                Some(dn) => directory.children(&dn, &cancel).await,
            };
            *lock(&answer) = Some(nodes.map_err(|error| failure(&error)));
            this.announce_soon();
        });
        listing
    }
}
