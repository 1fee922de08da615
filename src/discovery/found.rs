//! What the sources of discovery tell: computers as they see them, how far they are, and what they cannot see.
//!
//! A source is an async function that sends [`Finding`]s as they come and ends with its own error or none. It knows nothing
//! of the list: which computer of the list a found one is, the workspace decides.

use tokio::sync::mpsc;

pub use crate::model::found::{FoundComputer, Source};

/// Findings that wait for whoever takes them. A source that is faster waits, too: memory stays flat however large a directory.
pub const FINDINGS_AHEAD: usize = 1024;

/// Where a source sends what it finds.
pub type Findings = mpsc::Sender<Finding>;

/// What a source tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A computer.
    Computer(Box<FoundComputer>),
    /// How far it is: addresses tried, or entries read; the whole, where that is known.
    Progress {
        /// Done so far.
        done: usize,
        /// Of how many.
        total: Option<usize>,
    },
    /// Something a person should know and no error: a referral that was not followed, what this source cannot see.
    Note(String),
}
