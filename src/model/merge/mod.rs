//! Merging another inventory into this one.
//!
//! A [`MergePlan`] says what would happen, row by row, before anything does; each row can be decided; carrying it out gives
//! [`Change`](crate::model::Change)s, so that a merge is journalled and undone like every edit. The same rules serve an import of a whole list, a
//! merge of lists from several administrators, and the case that somebody else saved the list meanwhile (then with the state
//! both come from, so that it is known who changed what).
//!
//! # Invariants
//! * No confirmation ID of either side is lost, unless a person leaves out the row that carries it.
//! * There are never two rows for one product, and a merge with itself changes nothing.
//! * The result does not depend on the order of the records. Every step takes time linear in both lists.

pub(in crate::model) mod addresses;
mod carry;
pub(in crate::model) mod computers;
mod differences;
mod duplicates;
mod foreign;
pub(in crate::model) mod identity;
mod keys;
mod names;
mod pairs;
mod plan;
mod products;
mod revert;
mod three_way;

pub use carry::Carried;
pub use differences::Difference;
pub use duplicates::{PossibleDuplicate, Resemblance, join, possible_duplicates};
pub use foreign::{names_of_new, with_their_foreign};
pub use identity::MatchedBy;
pub use plan::{Choice, MergeCounts, MergePlan, MergeRow, Pair, Prefer, RowRecord, What};
pub use three_way::Side;

pub(super) use revert::{revert_computer, revert_key, revert_product};

/// Why both sides of a row cannot be reconciled by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contradiction {
    /// Both say different things, and nothing says which is newer.
    NoOrder,
    /// Two confirmation IDs for one installation ID.
    ConfirmationIds,
    /// Two counts of one time.
    Count,
    /// One computer under two names.
    Names,
    /// Matches one computer by identity and another by name.
    Identity,
    /// The same name in different domains or workgroups: two computers, or one that moved.
    Network,
    /// Changed here and removed there, or the other way round.
    Removed,
}

impl Contradiction {
    /// One sentence for people, and what becomes of it unless they decide.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoOrder => "nothing tells which is newer; ours is kept",
            Self::ConfirmationIds => {
                "two confirmation IDs for the same installation ID; ours stays current and theirs is kept beside it"
            }
            Self::Count => "two different counts without a time; ours is kept",
            Self::Names => "the same computer has another name there; ours is kept",
            Self::Identity => "it is one computer by its identity and another by its name",
            Self::Network => "the same name in another domain or workgroup: another computer, or one that moved",
            Self::Removed => "removed on one side and changed on the other; it is kept",
        }
    }
}

/// A record of both sides, and what could not be reconciled.
struct Merged<T> {
    record: T,
    contradictions: Vec<Contradiction>,
}
