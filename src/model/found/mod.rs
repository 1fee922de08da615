//! What discovery finds, and what that means for the list.
//!
//! Sources tell of [`FoundComputer`]s; a [`FoundPlan`] says of each which computer of the list it is and what would change;
//! accepting rows of the plan gives [`Change`](crate::model::Change)s.
//!
//! # Invariants
//! * One computer is one row, however many sources tell of it, under its names and addresses.
//! * The plan does not depend on the order in which computers were found, and what was accepted is not offered again.
//! * Planning sorts what was found and takes time linear in the list.

mod accept;
mod fold;
mod learn;
mod matching;
mod plan;
mod saved;
mod seen;

pub use accept::Accepted;
pub use plan::{FoundCounts, FoundKind, FoundPlan, FoundRow};
pub use saved::{DirectoryOrder, DirectorySecurity, SavedDiscovery, SourceOrder, Then};
pub use seen::{FoundComputer, Source};
