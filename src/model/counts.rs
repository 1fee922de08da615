//! The numbers beside the navigation and on the air-gap page.

use super::{Inventory, KeyType, LicenseStatus, Product};

/// How the list stands. Computed in one walk; do it off the UI thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Computers.
    pub computers: usize,
    /// Computers without a product: their status was never collected.
    pub bare_computers: usize,
    /// Computers whose last contact failed.
    pub unreached: usize,
    /// Products.
    pub products: usize,
    /// Products by license status.
    pub by_status: std::collections::BTreeMap<LicenseStatus, usize>,
    /// Products by key type.
    pub by_key_type: std::collections::BTreeMap<KeyType, usize>,
    /// Key entries.
    pub keys: usize,
    /// Keys with fewer activations left than their mark.
    pub low_keys: usize,
    /// Rows for the first station: not licensed, could be activated by proxy, installation ID not collected yet.
    pub without_installation_id: usize,
    /// Products on computers, not licensed, that no confirmation ID could activate: another key than a MAK is installed.
    pub without_proxy_key: usize,
    /// Rows for the connected station: installation ID there, confirmation ID not.
    pub need_confirmation_id: usize,
    /// Rows for the last station: confirmation ID there, product not licensed.
    pub can_apply: usize,
    /// Rows that carry no computer: a list that crossed the air gap.
    pub nameless: usize,
    /// Rows that were asked for without a recorded answer.
    pub unanswered: usize,
}

impl Counts {
    /// Counts everything.
    pub fn of(inventory: &Inventory) -> Self {
        let mut counts = Self {
            computers: inventory.computer_count(),
            products: inventory.product_count(),
            keys: inventory.key_count(),
            ..Self::default()
        };
        for computer in inventory.computers() {
            counts.bare_computers += usize::from(inventory.products_of(computer.id).next().is_none());
            counts.unreached += usize::from(computer.contact.as_ref().is_some_and(|c| c.failure.is_some()));
        }
        for product in inventory.products() {
            counts.add(product);
        }
        counts.low_keys = inventory.keys().filter(|k| k.is_low() == Some(true)).count();
        counts
    }

    fn add(&mut self, p: &Product) {
        *self.by_status.entry(p.license_status).or_default() += 1;
        *self.by_key_type.entry(p.key_type).or_default() += 1;
        self.nameless += usize::from(p.computer.is_none());
        self.unanswered += usize::from(p.asked.is_some());
        self.need_confirmation_id += usize::from(p.needs_confirmation_id());
        self.can_apply += usize::from(p.can_apply_confirmation_id());
        self.without_proxy_key += usize::from(
            p.computer.is_some() && p.license_status != LicenseStatus::Licensed && !p.accepts_confirmation_id(),
        );
        self.without_installation_id += usize::from(
            p.accepts_confirmation_id() && p.license_status != LicenseStatus::Licensed && p.installation_id.is_none(),
        );
    }

    /// Products with this status.
    pub fn with_status(&self, status: LicenseStatus) -> usize {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    /// Products in any grace period.
    pub fn in_grace(&self) -> usize {
        self.by_status
            .iter()
            .filter(|(s, _)| s.is_grace())
            .map(|(_, n)| n)
            .sum()
    }
}
