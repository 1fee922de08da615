//! What a product key is for, as far as anything tells it before it is sent.
//!
//! A licensing service takes every key that fits some product of the computer, whichever product it was meant for, and
//! the key it replaces is gone with its license. The key itself does not say what it is for, but lists do: products that
//! carry it, or a key of its group, and the groups of the published client setup keys.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::open::lock;
use crate::licensing::gvlk;
use crate::model::{ApplicationId, Inventory, KeyEntry, Product, ProductKey};

/// What is known about the use of one key, and how a person can check it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Evidence {
    /// Applications of products that carry this very key, each with an example.
    carried: BTreeMap<ApplicationId, String>,
    /// Applications of the key's group, each with where that is known from.
    group: BTreeMap<ApplicationId, String>,
}

/// What a product key is for. It learns while a run installs the key.
#[derive(Debug, Default)]
pub(super) struct KeyUse {
    evidence: Mutex<Evidence>,
    /// Held while a key of which nothing is known is sent: only one computer pays for a key nobody knows.
    pub(super) trial: tokio::sync::Mutex<()>,
}

impl KeyUse {
    /// What the list and the published keys tell about `entry`.
    pub(super) fn of(entry: &KeyEntry, inventory: &Inventory) -> Self {
        let number = entry.key.as_ref().and_then(ProductKey::group_and_serial);
        let mut evidence = Evidence::default();
        for product in inventory.products() {
            let Some(five) = product.partial_product_key else {
                continue;
            };
            let pid = product.product_key_id.as_ref();
            let (is_key, is_group) = match (number, pid) {
                (Some((group, serial)), Some(pid)) => {
                    let is_group = pid.key_group() == group;
                    (is_group && pid.serial() == serial, is_group)
                }
                _ => (entry.last_five == Some(five), false),
            };
            if !is_key && !is_group {
                continue;
            }
            let computer = product.computer.and_then(|id| inventory.computer(id));
            let carrier = || match computer {
                Some(computer) => format!("{} on {}", product.name, computer.name),
                None => product.name.to_string(),
            };
            if is_key {
                let example = || format!("{} carries it", carrier());
                evidence.carried.entry(product.application).or_insert_with(example);
            } else {
                let example = || format!("{} carries a key of the same group", carrier());
                evidence.group.entry(product.application).or_insert_with(example);
            }
        }
        for published in gvlk().iter().filter(|g| g.group.is_some()) {
            if published.group == number.map(|(group, _)| group) {
                let known = || format!("its key group is that of {}", published.title());
                evidence.group.entry(published.application).or_insert_with(known);
            }
        }
        Self {
            evidence: Mutex::new(evidence),
            trial: tokio::sync::Mutex::default(),
        }
    }

    /// Nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        *lock(&self.evidence) == Evidence::default()
    }

    /// After an installation: `carrier` on `computer` took the key.
    pub(super) fn learn(&self, carrier: ApplicationId, name: &str, computer: &str) {
        let mut evidence = lock(&self.evidence);
        let example = || format!("{name} on {computer} took it");
        evidence.carried.entry(carrier).or_insert_with(example);
    }

    /// Why the key is not for `product`; `None` when it may be.
    pub(super) fn objection(&self, product: &Product) -> Option<String> {
        let evidence = lock(&self.evidence);
        // Where the very key is installed says more than its group.
        let known = if evidence.carried.is_empty() {
            &evidence.group
        } else {
            &evidence.carried
        };
        if known.contains_key(&product.application) {
            return None;
        }
        let (application, example) = known.first_key_value()?;
        Some(format!(
            "this product key is one for {}, not for {}: {example}. Nothing was sent",
            application.name(),
            product.application_label()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, ComputerId, ExtendedPid, KeyType, ProductId};

    fn product(application: ApplicationId) -> Product {
        let id = ProductId::derive(ComputerId::from_name("pc"), application, None);
        Product::new(id, None, application)
    }

    fn uses(key: &str, carriers: &[(ApplicationId, &str, Option<&str>)]) -> KeyUse {
        let mut inventory = Inventory::default();
        for (application, five, pid) in carriers {
            let mut carrier = product(*application);
            carrier.partial_product_key = Some(five.parse().unwrap());
            carrier.product_key_id = pid.map(|p| ExtendedPid::parse(p).unwrap());
            inventory.apply(&Change::PutProduct(Box::new(carrier))).unwrap();
        }
        let entry = KeyEntry::of(ProductKey::parse(key).unwrap(), KeyType::Mak);
        KeyUse::of(&entry, &inventory)
    }

    const OLD: &str = "FKFKF-TRYMY-WWCCT-MKMKM-WC2C4";
    const PUBLISHED: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

    #[test]
    fn a_product_that_carries_the_key_tells_its_application() {
        let known = uses(OLD, &[(ApplicationId::WINDOWS, "WC2C4", None)]);
        assert!(known.objection(&product(ApplicationId::WINDOWS)).is_none());
        let told = known.objection(&product(ApplicationId::OFFICE)).unwrap();
        assert!(told.contains("one for Windows, not for Office"), "{told}");
    }

    #[test]
    fn the_group_of_a_published_key_tells_its_application() {
        let known = uses(PUBLISHED, &[]);
        assert!(known.objection(&product(ApplicationId::WINDOWS)).is_none());
        let told = known.objection(&product(ApplicationId::OFFICE)).unwrap();
        assert!(told.contains("key group") && !told.contains("FWDCX"), "{told}");
    }

    #[test]
    fn a_product_with_a_key_of_the_same_group_counts_as_the_published_ones_do() {
        let pid = "12345-03290-000-000009-03-1033-9200.0000-1962009";
        let known = uses(PUBLISHED, &[(ApplicationId::OFFICE, "WC2C4", Some(pid))]);
        assert!(known.objection(&product(ApplicationId::OFFICE)).is_none());
        assert!(known.objection(&product(ApplicationId::OFFICE_2010)).is_some());
    }

    #[test]
    fn nothing_known_is_no_objection_until_a_computer_has_told() {
        let unknown = uses(OLD, &[(ApplicationId::OFFICE, "FC4T4", None)]);
        assert!(unknown.is_unknown() && unknown.objection(&product(ApplicationId::OFFICE)).is_none());
        unknown.learn(ApplicationId::WINDOWS, "Windows(R), Enterprise edition", "PC-1");
        assert!(!unknown.is_unknown());
        assert!(unknown.objection(&product(ApplicationId::OFFICE)).is_some());
        assert!(unknown.objection(&product(ApplicationId::WINDOWS)).is_none());
    }
}
