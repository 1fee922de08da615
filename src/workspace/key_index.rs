//! Which owned key a product carries, for every product of a list at once.

use std::collections::HashMap;

use crate::model::{Inventory, KeyEntryId, LastFive, Product, ProductKey};

/// Finds the owned key of a product without walking the keys: [`crate::model::KeyEntry::is_installed_on`] decodes the key each
/// time, which a list of a million products and a hundred keys cannot afford.
#[derive(Debug, Default)]
pub struct KeyIndex {
    by_number: HashMap<(u32, u32), KeyEntryId>,
    /// Keys of the 2005 generation, or of which only the last five characters are known.
    by_last_five: HashMap<LastFive, KeyEntryId>,
    /// Every key, for products that do not tell their extended PID.
    any_by_last_five: HashMap<LastFive, KeyEntryId>,
}

impl KeyIndex {
    /// Reads the keys of a list once.
    pub fn of(inventory: &Inventory) -> Self {
        let mut index = Self::default();
        for key in inventory.keys() {
            if let Some(five) = key.last_five {
                index.any_by_last_five.entry(five).or_insert(key.id);
            }
            match (key.key.as_ref().and_then(ProductKey::group_and_serial), key.last_five) {
                (Some(number), _) => drop(index.by_number.entry(number).or_insert(key.id)),
                (None, Some(five)) => drop(index.by_last_five.entry(five).or_insert(key.id)),
                (None, None) => {}
            }
        }
        index
    }

    /// The owned key that `product` carries.
    pub fn key_of(&self, product: &Product) -> Option<KeyEntryId> {
        let Some(pid) = &product.product_key_id else {
            return self.any_by_last_five.get(&product.partial_product_key?).copied();
        };
        let certain = self.by_number.get(&(pid.key_group(), pid.serial()));
        certain
            .or_else(|| self.by_last_five.get(&product.partial_product_key?))
            .copied()
    }

    /// How many products carry each key.
    pub fn carriers(&self, inventory: &Inventory) -> HashMap<KeyEntryId, usize> {
        let mut carriers = HashMap::new();
        for key in inventory.products().filter_map(|p| self.key_of(p)) {
            *carriers.entry(key).or_default() += 1;
        }
        carriers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationId, Change, ComputerId, ExtendedPid, KeyEntry, KeyType, ProductId};

    #[test]
    fn the_index_agrees_with_asking_each_key() {
        let mut inventory = Inventory::default();
        let modern = ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT43").unwrap();
        let old = ProductKey::parse("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4").unwrap();
        for key in [&modern, &old] {
            let entry = KeyEntry::of(key.clone(), KeyType::Mak);
            inventory.apply(&Change::PutKey(Box::new(entry))).unwrap();
        }
        let index = KeyIndex::of(&inventory);
        let pids = [
            None,
            Some("12345-03290-000-000003-03-1033-9200.0000-1962009"),
            Some("12345-03290-000-000004-03-1033-9200.0000-1962009"),
            Some("12345-90101-004-000001-03-1033-9200.0000-1962009"),
        ];
        for five in [None, Some(modern.last_five()), Some(old.last_five())] {
            for pid in pids {
                let id = ProductId::derive(ComputerId::from_name("pc"), ApplicationId::WINDOWS, None);
                let mut product = Product::new(id, None, ApplicationId::WINDOWS);
                product.partial_product_key = five;
                product.product_key_id = pid.map(|p| ExtendedPid::parse(p).unwrap());
                let asked = inventory.keys().find(|k| k.is_installed_on(&product)).map(|k| k.id);
                assert_eq!(index.key_of(&product), asked, "{five:?} {pid:?}");
            }
        }
    }
}
