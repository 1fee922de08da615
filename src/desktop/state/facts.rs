//! What commands depend on: the few facts about list and selection that decide what is available.

use crate::model::{Inventory, KeyType, LicenseStatus, Row, Text};
use crate::workspace::{KeyProtection, Snapshot};

/// The pages of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// The product list.
    #[default]
    Products,
    /// The product keys.
    Keys,
    /// The way across the air gap.
    AirGap,
    /// The KMS hosts that DNS names.
    Kms,
    /// What a discovery found.
    Discovery,
    /// The log of the session.
    Activity,
}

/// About the selected rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFacts {
    /// Rows.
    pub selected: usize,
    /// Rows that are products.
    pub products: usize,
    /// Products whose computer has a name in this list.
    pub named: usize,
    /// Different computers.
    pub computers: usize,
    /// Named products that are not licensed.
    pub activatable: usize,
    /// Named products that could be activated by proxy from here.
    pub proxy: usize,
    /// Products that wait for a confirmation ID.
    pub need_confirmation: usize,
    /// Named products whose confirmation ID waits to be applied.
    pub can_apply: usize,
    /// Products by license status, in the order of [`LicenseStatus::ALL`].
    pub by_status: Vec<(LicenseStatus, usize)>,
    /// Products by key type.
    pub by_key_type: Vec<(KeyType, usize)>,
}

impl RowFacts {
    /// Walks the rows.
    pub fn of(rows: impl Iterator<Item = Row>, inventory: &Inventory) -> Self {
        let mut facts = Self::default();
        let mut computers = std::collections::HashSet::new();
        let mut status = std::collections::BTreeMap::new();
        let mut key_type = std::collections::BTreeMap::new();
        for row in rows {
            let Some(view) = row.view(inventory) else { continue };
            facts.selected += 1;
            if view.computer.is_some() {
                computers.insert(row.computer);
            }
            let Some(p) = view.product else { continue };
            let named = view.computer.is_some();
            facts.products += 1;
            facts.named += usize::from(named);
            facts.activatable += usize::from(named && p.license_status != LicenseStatus::Licensed);
            facts.need_confirmation += usize::from(p.needs_confirmation_id());
            facts.proxy += usize::from(named && (p.needs_confirmation_id() || p.can_apply_confirmation_id()));
            facts.can_apply += usize::from(named && p.can_apply_confirmation_id());
            *status.entry(p.license_status).or_insert(0) += 1;
            *key_type.entry(p.key_type).or_insert(0) += 1;
        }
        facts.computers = computers.len();
        facts.by_status = status.into_iter().collect();
        facts.by_key_type = key_type.into_iter().collect();
        facts
    }
}

/// About the product keys of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyFacts {
    /// MAKs, whose activations the service counts.
    pub countable: usize,
    /// How the keys lie in the file.
    pub protection: KeyProtection,
    /// Keys that cannot be read until the passphrase is given.
    pub locked: usize,
}

impl KeyFacts {
    /// Walks the keys.
    pub fn of(snapshot: &Snapshot) -> Self {
        let keys = || snapshot.inventory.keys();
        Self {
            countable: keys().filter(|k| k.key_type == KeyType::Mak).count(),
            protection: snapshot.key_protection(),
            locked: keys().filter(|k| k.is_locked()).count(),
        }
    }
}

/// Everything that decides which commands are available.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each asked by name")]
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A list is open.
    pub has_list: bool,
    /// It is open to look at only.
    pub read_only: bool,
    /// Changes that are not in the file.
    pub unsaved: usize,
    /// A run is under way.
    pub running: bool,
    /// A discovery is under way.
    pub discovering: bool,
    /// A file is being written, read or picked.
    pub busy_with_file: bool,
    /// Computers of the list.
    pub computers: usize,
    /// Product keys whose activations the service counts.
    pub countable_keys: usize,
    /// How the product keys lie in the file.
    pub protection: KeyProtection,
    /// Product keys that cannot be read until the passphrase is given.
    pub locked_keys: usize,
    /// The page shown.
    pub page: Page,
    /// One row with a computer is selected.
    pub one_computer: bool,
    /// A product key is selected on its page.
    pub selected_key: bool,
    /// The list has the whole of it, locked or not.
    pub selected_key_is_whole: bool,
    /// The edit that undo takes back.
    pub undo: Option<Text>,
    /// The edit that redo brings back.
    pub redo: Option<Text>,
    /// The selected rows.
    pub rows: RowFacts,
}
