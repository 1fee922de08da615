//! What a computer said about itself, and how that is merged into what the list knew.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ApplicationId, Computer, ComputerId, ConnectTo, Contact, Inventory, LicenseStatus, Network, Product, ProductId,
    ServiceFamily, Text, WayIn,
};

/// Everything one computer said in one visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The computer asked.
    pub computer: ComputerId,
    /// When it answered.
    pub at: DateTime<Utc>,
    /// The way it was asked; `None` when that is not known.
    #[serde(default)]
    pub way: Option<WayIn>,
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
            let predecessor = candidates.next().filter(|_| candidates.next().is_none());
            let before = match predecessor {
                Some(i) => old.swap_remove(i),
                None => Product::new(
                    self.free_id(seen, inventory, &merged),
                    Some(self.computer),
                    seen.application,
                ),
            };
            merged.push(self.merge(&before, seen));
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

    /// An identity for a new row. The obvious one may be taken by a row that kept its identity when its SKU changed; no
    /// randomness, because replaying a journal must give the same list.
    fn free_id(&self, seen: &Product, inventory: &Inventory, merged: &[Product]) -> ProductId {
        let mut id = ProductId::derive(self.computer, seen.application, seen.sku);
        while inventory.product(id).is_some() || merged.iter().any(|p| p.id == id) {
            id = ProductId::derive(self.computer, seen.application, Some(id.0));
        }
        id
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
            way: self.way.or(computer.known_way()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asked, Change, ConfirmationId, InstallationId, KeyType, check_digit};

    fn digits(group: &str, groups: usize) -> String {
        let with_check = format!("{group}{}", check_digit(group.as_bytes()));
        with_check.repeat(groups)
    }

    fn iid(seed: u32) -> InstallationId {
        InstallationId::parse(&digits(&format!("{seed:06}"), 9)).unwrap()
    }

    fn cid(seed: u32) -> ConfirmationId {
        ConfirmationId::parse(&digits(&format!("{seed:05}"), 8)).unwrap()
    }

    fn list() -> (Inventory, ComputerId) {
        let mut inventory = Inventory::default();
        let computer = Computer::named("pc1");
        let id = computer.id;
        inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
        (inventory, id)
    }

    fn seen(application: ApplicationId, sku: u128, installation_id: u32) -> Product {
        let sku = Some(uuid::Uuid::from_u128(sku));
        let mut p = Product::new(ProductId(uuid::Uuid::nil()), None, application);
        p.sku = sku;
        p.service = ServiceFamily::SPP;
        p.key_type = KeyType::Mak;
        p.installation_id = Some(iid(installation_id));
        p
    }

    fn observe(inventory: &mut Inventory, computer: ComputerId, products: Vec<Product>) {
        let observation = Observation {
            computer,
            at: Utc::now(),
            way: None,
            reported_name: None,
            network: None,
            os_edition: Text::default(),
            os_version: Text::default(),
            mac_addresses: Vec::new(),
            is_kms_host: None,
            complete: vec![ServiceFamily::SPP],
            products,
        };
        inventory.apply(&Change::Observed(Box::new(observation))).unwrap();
    }

    fn confirm(inventory: &mut Inventory, installation_id: u32) {
        let product = inventory.products().next().unwrap().id;
        let (installation_id, confirmation_id) = (iid(installation_id), cid(installation_id));
        inventory
            .apply(&Change::Confirmed {
                product,
                installation_id,
                confirmation_id,
                at: Utc::now(),
            })
            .unwrap();
    }

    #[test]
    fn a_product_whose_sku_changed_keeps_its_row() {
        let (mut inventory, computer) = list();
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 1)]);
        let before = inventory.products().next().unwrap().id;
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 2, 2)]);
        assert_eq!(inventory.products().map(|p| p.id).collect::<Vec<_>>(), [before]);
    }

    #[test]
    fn a_confirmation_id_dies_with_its_installation_id_and_revives_with_it() {
        let (mut inventory, computer) = list();
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 1)]);
        confirm(&mut inventory, 1);
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 2)]);
        assert!(inventory.products().next().unwrap().usable_confirmation().is_none());
        confirm(&mut inventory, 2);
        assert_eq!(
            inventory.confirmation_for(&iid(1)),
            Some(&cid(1)),
            "the first one is never thrown away"
        );
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 1)]);
        let p = inventory.products().next().unwrap();
        assert_eq!(p.usable_confirmation().map(|c| &c.confirmation_id), Some(&cid(1)));
        assert_eq!(inventory.confirmation_for(&iid(2)), Some(&cid(2)));
    }

    #[test]
    fn an_identity_kept_across_a_change_of_key_is_not_given_away_again() {
        let (mut inventory, computer) = list();
        observe(&mut inventory, computer, vec![seen(ApplicationId::OFFICE, 1, 1)]);
        observe(&mut inventory, computer, vec![seen(ApplicationId::OFFICE, 2, 2)]);
        observe(
            &mut inventory,
            computer,
            vec![seen(ApplicationId::OFFICE, 2, 2), seen(ApplicationId::OFFICE, 1, 3)],
        );
        assert_eq!(inventory.product_count(), 2);
    }

    #[test]
    fn uninstalled_products_vanish_unless_they_hold_something_bought() {
        let (mut inventory, computer) = list();
        let office = |sku| seen(ApplicationId::OFFICE, sku, sku as u32);
        observe(&mut inventory, computer, vec![office(1)]);
        confirm(&mut inventory, 1);
        observe(
            &mut inventory,
            computer,
            vec![seen(ApplicationId::WINDOWS, 9, 9), office(1), office(2)],
        );
        observe(&mut inventory, computer, vec![]);
        let left: Vec<_> = inventory
            .products()
            .map(|p| (p.application, p.license_status))
            .collect();
        let gone = LicenseStatus::NotAvailable;
        assert_eq!(left, [(ApplicationId::OFFICE, gone), (ApplicationId::WINDOWS, gone)]);
    }

    #[test]
    fn asked_without_answer_is_remembered_only_for_the_same_installation_id() {
        let (mut inventory, computer) = list();
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 1)]);
        let product = inventory.products().next().unwrap().id;
        let asked = Asked {
            installation_id: iid(1),
            at: Utc::now(),
        };
        inventory.apply(&Change::Asked { product, asked }).unwrap();
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 1)]);
        assert!(inventory.product(product).unwrap().asked.is_some());
        observe(&mut inventory, computer, vec![seen(ApplicationId::WINDOWS, 1, 2)]);
        assert!(inventory.product(product).unwrap().asked.is_none());
    }

    #[test]
    fn a_computer_added_by_address_takes_the_name_it_reports() {
        let mut inventory = Inventory::default();
        let computer = Computer::named("10.1.2.3");
        let id = computer.id;
        inventory.apply(&Change::PutComputer(Box::new(computer))).unwrap();
        let observation = Observation {
            computer: id,
            at: Utc::now(),
            way: None,
            reported_name: Some("pc1.contoso.com".into()),
            network: None,
            os_edition: Text::default(),
            os_version: Text::default(),
            mac_addresses: Vec::new(),
            is_kms_host: None,
            complete: Vec::new(),
            products: Vec::new(),
        };
        inventory.apply(&Change::Observed(Box::new(observation))).unwrap();
        let renamed = inventory.computer_by_name("PC1.contoso.com").unwrap();
        assert_eq!((renamed.id, renamed.connect_address()), (id, "10.1.2.3"));
        assert!(inventory.computer_by_name("10.1.2.3").is_none());
    }
}
