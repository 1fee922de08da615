//! Writing a list for somebody else.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};

use crate::model::{Inventory, ProductId};

use super::cilx::{Selection, write_document};

/// `LastActionStatus` of a row that comes back with a confirmation ID.
pub(super) const RETURNED: &str = "Confirmation ID acquired";
/// `LastActionStatus` of a row that comes back without one.
pub(super) const NOT_ACQUIRED: &str = "Confirmation ID not acquired";

/// How much of a list leaves the house.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ExportProfile {
    /// Everything, product keys in clear text included, but for those that are sealed and locked.
    Full,
    /// Everything but whole product keys: their last five characters stay, free text is searched for keys, and foreign
    /// elements that could hold one are left out.
    #[default]
    WithoutKeys,
    /// What the activation service needs and the join key, and on the way back the confirmation IDs. Nothing that names a
    /// computer, a person, a network or a key; nothing of ours; no free text.
    ///
    /// Installation ID and extended PID remain: they name no host, but they identify the key group and a hardware hash.
    ProxyOnly,
}

impl ExportProfile {
    /// Every profile.
    pub const ALL: &'static [Self] = &[Self::Full, Self::WithoutKeys, Self::ProxyOnly];

    /// A word for scripts: `full`, `no-keys`, `proxy`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::WithoutKeys => "no-keys",
            Self::ProxyOnly => "proxy",
        }
    }

    /// The profile with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }

    /// In words, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "Everything, with product keys",
            Self::WithoutKeys => "Without product keys",
            Self::ProxyOnly => "Proxy activation data only",
        }
    }
}

impl fmt::Display for ExportProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// Writes a list, or the part of it that belongs to the products of `only` (with their computers and keys).
///
/// Fails only if `out` does. The caller owns the file: write to a temporary one and rename it.
#[expect(
    clippy::implicit_hasher,
    reason = "every caller has the default one; a parameter would double the code"
)]
pub fn export(
    inventory: &Inventory,
    profile: ExportProfile,
    only: Option<&HashSet<ProductId>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let selection = Selection {
        profile,
        only,
        generation: None,
        sealed: false,
    };
    write_document(inventory, selection, out)
}
