//! What a computer said about itself, and how that is merged into what the list knew.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ApplicationId, Computer, ComputerId, ConnectTo, Contact, Inventory, LicenseStatus, Network, Product, ProductId,
    ServiceFamily, Text,
};

/// Everything one computer said in one visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The computer asked.
    pub computer: ComputerId,
    /// When it answered.
    pub at: DateTime<Utc>,
    /// Its own fully qualified name; `None` when it did not say.
    pub reported_name: Option<Text>,
    /// Domain or workgroup; `None` when it did not say.
    pub network: Option<Network>,
    /// E.g. `Windows 11 Enterprise`; empty when it did not say.
    pub os_edition: Text,
    /// E.g. `10.0.26100`; empty when it did not say.
    pub os_version: Text,
    /// Hardware addresses; empty when it did not say.
    pub mac_addresses: Vec<Text>,
    /// Whether it is a KMS host.
    pub is_kms_host: Option<bool>,
    /// The service families that were listed completely: rows of these that were not seen are gone.
    pub complete: Vec<ServiceFamily>,
    /// The products seen, with everything read. `id`, `computer`, confirmations, remarks and last action are ignored: they
    /// are the list's.
    pub products: Vec<Product>,
}

impl Observation {
    /// Merges into the list. The row of a product is found by application and SKU; a product whose SKU changed (another
    /// key was installed) keeps its row. Uninstalled products vanish, except Windows and rows that hold a confirmation ID,
    /// which stay as "not available".
    pub(super) fn apply(&self, inventory: &mut Inventory) {
        let Some(known) = inventory.computer(self.computer) else {
            return;
        };
        let mut computer = (**known).clone();
        self.describe(&mut computer, inventory);
        inventory.put_computer(computer);

        let mut old: Vec<Product> = inventory.products_of(self.computer).map(|p| (**p).clone()).collect();
        let mut merged = Vec::with_capacity(self.products.len());
        let mut fresh = Vec::new();
        for seen in &self.products {
            let exact = old
                .iter()
                .position(|o| o.application == seen.application && o.sku == seen.sku);
            match exact {
                Some(i) => merged.push(self.merge(&old.swap_remove(i), seen)),
                None => fresh.push(seen),
            }
        }
        for seen in fresh {
            let kin = |o: &Product| {
                o.application == seen.application
                    && o.is_addon == seen.is_addon
                    && (o.service == seen.service || o.sku.is_none())
            };
            let mut candidates = old.iter().enumerate().filter(|(_, o)| kin(o)).map(|(i, _)| i);
            // Office has many products of one application on one computer: only an unambiguous predecessor is one.
            match (candidates.next(), candidates.next()) {
                (Some(i), None) => merged.push(self.merge(&old.swap_remove(i), seen)),
                _ => {
                    let id = ProductId::derive(self.computer, seen.application, seen.sku);
                    merged.push(self.merge(&Product::new(id, Some(self.computer), seen.application), seen));
                }
            }
        }
        for product in merged {
            inventory.put_product(product);
        }
        for gone in old {
            if !self.complete.contains(&gone.service) && gone.service != ServiceFamily::Unknown {
                continue;
            }
            let keep = gone.application == ApplicationId::WINDOWS && !gone.is_addon
                || gone.confirmation.is_some()
                || !gone.earlier_confirmations.is_empty()
                || gone.asked.is_some();
            if keep {
                inventory.put_product(Product {
                    license_status: LicenseStatus::NotAvailable,
                    license_status_reason: None,
                    status_updated: Some(self.at),
                    ..gone
                });
            } else {
                inventory.remove_product(gone.id);
            }
        }
    }

    fn merge(&self, old: &Product, seen: &Product) -> Product {
        let mut product = Product {
            id: old.id,
            computer: Some(self.computer),
            confirmation: old.confirmation.clone(),
            earlier_confirmations: old.earlier_confirmations.clone(),
            asked: old
                .asked
                .clone()
                .filter(|a| seen.installation_id.as_ref() == Some(&a.installation_id)),
            last_action: old.last_action.clone(),
            remarks: old.remarks.clone(),
            foreign: old.foreign.clone(),
            status_updated: Some(self.at),
            last_updated: Some(self.at),
            actions_allowed: None,
            ..seen.clone()
        };
        // A licensed product may no longer tell its installation ID; the old one still belongs to the confirmation ID.
        if product.installation_id.is_none()
            && product.sku == old.sku
            && product.partial_product_key == old.partial_product_key
        {
            product.installation_id.clone_from(&old.installation_id);
        }
        if product.installation_id.is_some() && product.usable_confirmation().is_none() {
            let fitting = product
                .earlier_confirmations
                .iter()
                .position(|c| c.installation_id.is_some() && c.installation_id == product.installation_id);
            if let Some(i) = fitting {
                // The key was changed there and back: the confirmation ID bought before fits again.
                let fitting = product.earlier_confirmations.remove(i);
                product.keep_confirmation(fitting);
            }
        }
        product
    }

    fn describe(&self, computer: &mut Computer, inventory: &Inventory) {
        if let Some(reported) = &self.reported_name {
            let free = inventory
                .computer_by_name(reported)
                .is_none_or(|other| other.id == computer.id);
            let short = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
            if computer.is_known_by_address_only() && free {
                let connect = computer.connect.get_or_insert_with(ConnectTo::default);
                connect.address.get_or_insert_with(|| computer.name.clone());
                computer.name = reported.clone();
            } else if !computer.name.contains('.') && short(reported) == short(&computer.name) && free {
                computer.name = reported.clone();
            }
        }
        if let Some(network) = &self.network {
            computer.network = network.clone();
        }
        if !self.os_edition.is_empty() {
            computer.os_edition = self.os_edition.clone();
        }
        if !self.os_version.is_empty() {
            computer.os_version = self.os_version.clone();
        }
        if !self.mac_addresses.is_empty() {
            computer.mac_addresses.clone_from(&self.mac_addresses);
        }
        computer.is_kms_host = self.is_kms_host.or(computer.is_kms_host);
        computer.contact = Some(Contact {
            at: self.at,
            failure: None,
        });
    }
}
