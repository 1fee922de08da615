//! Active Directory: which computers have an account, by LDAP (RFC 4511, MS-ADTS).
//!
//! Every connection is protected before anything of an account crosses it: signed and sealed with Kerberos or NTLM, or TLS
//! whose certificate is believed. Entries are sent on as they arrive; whatever ends a search, those stay found.

mod browse;
pub mod codec;
mod connection;
mod error;
mod forest;
mod locate;
mod request;
mod search;
mod sign_in;
mod wanted;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

pub use codec::FilterError;
pub use error::{DirectoryError, DirectoryErrorClass, Refusal};
pub use locate::{domain_controllers, home_domain};
pub use request::{ComputerQuery, DirectoryNode, DirectoryPlace, DomainController, NodeKind, Transport};
pub use wanted::check_filter;

use self::codec::{Filter, Scope};
use self::connection::Connection;
use self::forest::RootDse;
use self::locate::{Located, locate};
use self::search::{Outlet, Search};
use self::sign_in::{SignIn, in_domain};
use super::found::{Finding, Findings};
use super::resolver::Resolver;
use crate::wmi::{ConnectOptions, Credentials};

/// A directory and who asks it. Nothing is open between two questions.
#[derive(Debug, Clone)]
pub struct Directory {
    place: DirectoryPlace,
    credentials: Credentials,
    options: ConnectOptions,
    resolver: Resolver,
}

/// What came of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySummary {
    /// Computers that were found.
    pub computers: usize,
    /// The server that was asked, e.g. `dc1.contoso.com (port 389)`.
    pub server: String,
}

/// What a directory cannot see.
pub fn directory_cannot_see() -> &'static str {
    "Computers that have not joined the domain, and whether one is on or still exists: an account stays until somebody removes it. \
     When an account last signed in is told up to 14 days late."
}

impl Directory {
    /// A directory. Of `options` count the time-outs (`operation_timeout` is the longest silence), the trust store and the
    /// Kerberos tickets.
    pub fn new(place: DirectoryPlace, credentials: Credentials, options: ConnectOptions) -> Self {
        Self {
            place,
            credentials,
            options,
            resolver: Resolver::system(),
        }
    }

    /// Asks these name servers for the domain controllers instead of those of this computer.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Sends every computer that the query wants, and how many there are so far; notes tell what was not looked at.
    pub async fn search(
        &self,
        query: &ComputerQuery,
        found: &Findings,
        cancel: &CancellationToken,
    ) -> Result<DirectorySummary, DirectoryError> {
        // What is wrong with it is said before anybody is asked.
        let filter = wanted::filter_of(query, Utc::now())?;
        unless(cancel, self.search_all(query, &filter, found)).await
    }

    async fn search_all(
        &self,
        query: &ComputerQuery,
        filter: &Filter,
        found: &Findings,
    ) -> Result<DirectorySummary, DirectoryError> {
        let mut outlet = Outlet::new(Some(found));
        let mut session = self.open(&mut outlet).await?;
        let base = match query.base.trim() {
            "" => session.root.start(self.place.global_catalog),
            base => base.to_owned(),
        };
        let search = Search {
            base,
            scope: Scope::Subtree,
            filter,
            attributes: wanted::ATTRIBUTES,
        };
        let mut taker =
            |entry: &codec::Entry<'_>| wanted::computer_of(entry).map(|computer| Finding::Computer(Box::new(computer)));
        let account = session.credentials.account();
        let server = session.connection.server.clone();
        let elsewhere = search::run(&mut session.connection, &search, &account, &mut taker, &mut outlet).await?;
        self.follow(
            session,
            &search,
            elsewhere,
            query.follow_referrals,
            &mut taker,
            &mut outlet,
        )
        .await?;
        Ok(DirectorySummary {
            computers: outlet.count,
            server,
        })
    }

    /// Finds a server that answers, and signs in.
    async fn open(&self, outlet: &mut Outlet<'_>) -> Result<Session, DirectoryError> {
        let located = locate(&self.resolver, &self.place, self.options.resolve_timeout).await?;
        let (session, note) = self.open_at(&located).await?;
        if let Some(note) = note {
            outlet.send(Finding::Note(note)).await?;
        }
        Ok(session)
    }

    async fn open_at(&self, located: &Located) -> Result<(Session, Option<String>), DirectoryError> {
        let credentials = in_domain(&self.credentials, &located.domain);
        let sign_in = SignIn {
            credentials: &credentials,
            options: &self.options,
            transport: self.place.transport,
            is_catalog: self.place.global_catalog,
        };
        let mut last = None;
        for controller in &located.controllers {
            let opened = async {
                let mut signed_in = sign_in.to(controller).await?;
                let root = RootDse::read(&mut signed_in.connection).await?;
                Ok((signed_in, root))
            };
            match opened.await {
                Ok((signed_in, root)) => {
                    let session = Session {
                        connection: signed_in.connection,
                        root,
                        credentials: credentials.clone(),
                    };
                    return Ok((session, signed_in.note));
                }
                // The next server of the domain may be up. Never so after a refused account.
                Err(error) if DirectoryError::is_of_server(&error) => {
                    tracing::debug!(server = %controller.host, %error, "The next domain controller is asked");
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let count = located.controllers.len();
        Err(match last {
            Some(error) if count > 1 => DirectoryError::Network {
                server: format!("none of {count} domain controllers of {}", located.domain),
                what: format!("could be asked; of the last: {error}"),
                entries: 0,
            },
            Some(error) => error,
            None => DirectoryError::NoDomain,
        })
    }
}

/// A server that was signed in to.
struct Session {
    connection: Connection,
    root: RootDse,
    credentials: Credentials,
}

async fn unless<T>(
    cancel: &CancellationToken,
    asking: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(DirectoryError::Cancelled),
        done = asking => done,
    }
}
