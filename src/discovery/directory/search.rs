//! Searching one server, page by page.

use std::collections::HashSet;

use super::codec::{Answer, Entry, Filter, Outcome, Request, Scope, decode_answer};
use super::connection::{Connection, described};
use super::error::DirectoryError;
use crate::discovery::{Finding, Findings};

/// Entries a page. Active Directory gives no more (MaxPageSize).
const PAGE: i32 = 1000;
/// References one search may bring that are remembered.
const MOST_REFERENCES: usize = 1000;
/// Pages without entries that one search may bring. Active Directory sends some where it looks through many objects.
const MOST_EMPTY_PAGES: usize = 50;
/// Progress is told whenever so many more have arrived.
const TELL_EVERY: usize = 200;

/// What is searched.
#[derive(Debug, Clone)]
pub(super) struct Search<'s> {
    pub base: String,
    pub scope: Scope,
    pub filter: &'s Filter,
    pub attributes: &'s [&'s str],
}

/// Where else there may be more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// Parts of what was searched.
    pub parts: Vec<String>,
    /// The base itself.
    pub base: Vec<String>,
}

/// Takes entries as they come. It looks at each while its bytes are there, and what it returns is sent on.
pub(super) trait Taker: Send {
    fn take(&mut self, entry: &Entry<'_>) -> Option<Finding>;
}

impl<F: FnMut(&Entry<'_>) -> Option<Finding> + Send> Taker for F {
    fn take(&mut self, entry: &Entry<'_>) -> Option<Finding> {
        self(entry)
    }
}

/// Where computers go, and how many there were, over all servers of a run.
pub(super) struct Outlet<'f> {
    pub found: Option<&'f Findings>,
    pub count: usize,
    told: usize,
}

impl<'f> Outlet<'f> {
    pub fn new(found: Option<&'f Findings>) -> Self {
        Self {
            found,
            count: 0,
            told: 0,
        }
    }

    /// Sends a finding; waits while nobody takes it.
    pub async fn send(&mut self, finding: Finding) -> Result<(), DirectoryError> {
        let Some(found) = self.found else { return Ok(()) };
        // Nobody takes them any more.
        found.send(finding).await.map_err(|_| DirectoryError::Cancelled)
    }

    /// Tells how many there are, if that is news.
    pub async fn tell(&mut self, at_least: usize) -> Result<(), DirectoryError> {
        if self.count < self.told + at_least {
            return Ok(());
        }
        self.told = self.count;
        self.send(Finding::Progress {
            done: self.count,
            total: None,
        })
        .await
    }
}

/// Runs a search on a connection that is signed in.
pub(super) async fn run(
    connection: &mut Connection,
    search: &Search<'_>,
    account: &str,
    taker: &mut impl Taker,
    outlet: &mut Outlet<'_>,
) -> Result<Elsewhere, DirectoryError> {
    let mut elsewhere = Elsewhere::default();
    let mut seen = HashSet::new();
    let mut cookie = Vec::new();
    let mut empty_pages = 0_usize;
    loop {
        let id = connection
            .send(&Request::Search {
                base: &search.base,
                scope: search.scope,
                filter: search.filter,
                attributes: search.attributes,
                page: (search.scope != Scope::Base).then_some((PAGE, &cookie)),
            })
            .await?;
        let mut arrived = 0_usize;
        let (outcome, next) = loop {
            let message = connection.receive(id).await?;
            match decode_answer(&message) {
                Ok((_, Answer::Entry(entry))) => {
                    arrived += 1;
                    if let Some(finding) = taker.take(&entry) {
                        outlet.count += 1;
                        connection.entries = outlet.count;
                        outlet.send(finding).await?;
                        outlet.tell(TELL_EVERY).await?;
                    }
                }
                Ok((_, Answer::Reference(urls))) => {
                    // Several URLs of one reference lead to the same.
                    let url = urls.first().copied().unwrap_or_default();
                    if seen.len() < MOST_REFERENCES && seen.insert(url.to_owned()) {
                        elsewhere.parts.push(url.to_owned());
                    }
                }
                Ok((_, Answer::SearchDone(outcome, next))) => break (outcome, next),
                Ok((_, Answer::Other)) => {}
                Ok(_) => return Err(connection.garbage("its answer belongs to another question")),
                Err(e) => return Err(connection.garbage(&format!("in a message {e}"))),
            }
        };
        outlet.tell(1).await?;
        empty_pages += usize::from(arrived == 0);
        match outcome.code {
            0 if next.is_empty() => return Ok(elsewhere),
            0 if arrived == 0 && next == cookie => {
                return Err(connection.garbage("it sends the same empty page again and again"));
            }
            0 if empty_pages > MOST_EMPTY_PAGES => {
                return Err(connection.garbage("it goes on sending pages without entries"));
            }
            0 => cookie = next,
            // referral
            10 => {
                elsewhere.base = outcome.referrals;
                return Ok(elsewhere);
            }
            _ => return Err(failed(connection, search, account, &outcome)),
        }
    }
}

fn failed(connection: &Connection, search: &Search<'_>, account: &str, outcome: &Outcome) -> DirectoryError {
    let server = connection.server.clone();
    let entries = connection.entries;
    let detail = described(outcome);
    let what = if search.base.is_empty() {
        "the whole directory".to_owned()
    } else {
        search.base.clone()
    };
    match outcome.code {
        // timeLimitExceeded, sizeLimitExceeded, adminLimitExceeded
        3 | 4 | 11 => DirectoryError::Limit {
            server,
            detail,
            entries,
        },
        // operationsError is what Active Directory says to those who have not signed in.
        1 | 50 => DirectoryError::Rights {
            account: account.to_owned(),
            server,
            what,
            detail,
        },
        // noSuchObject, invalidDNSyntax
        32 | 34 => DirectoryError::NoBase {
            server,
            base: search.base.clone(),
            detail,
        },
        // protocolError, undefinedAttributeType, inappropriateMatching, invalidAttributeSyntax, filterError
        2 | 17 | 18 | 21 | 87 => DirectoryError::FilterRefused {
            server,
            filter: search.filter.to_string(),
            detail,
        },
        // unavailableCriticalExtension
        12 => DirectoryError::Protocol {
            server,
            what: format!("cannot send its entries in pages ({detail}): it is no Active Directory"),
            entries,
        },
        _ => DirectoryError::Protocol {
            server,
            what: format!("gave up ({detail})"),
            entries,
        },
    }
}
