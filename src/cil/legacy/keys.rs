//! The product keys of older lists, and what they tell about the products.

use std::collections::HashMap;

use super::{Builder, key_type};
use crate::cil::cilx::KeyRecord;
use crate::cil::error::CilError;
use crate::cil::xml::Tag;
use crate::model::{Inventory, KeyType, LastFive, Product};

impl<'a> Builder<'a, '_> {
    /// Reads a container of product keys. `values` are the names of their values and those of the native format, `kind` is the
    /// name of the type.
    pub fn product_keys(&mut self, tag: &Tag<'a>, values: &[(&str, &str)], kind: &str) -> Result<(), CilError> {
        self.container(tag, "ProductKey", &[], |list, mut node| {
            let mut record = KeyRecord::default();
            let mut filling = list.fill(&mut record);
            for (theirs, native) in values {
                filling.put(&mut node, theirs, native);
            }
            if let Some((at, text)) = node.take(kind) {
                filling.put_text(at, kind, "KeyType", &key_type(&text));
            }
            let kept = filling.done();
            list.put_key(record, &node, kept);
        })
    }
}

/// Where a product does not tell the type of its key, the product keys of the list may: by the last five characters, if all
/// keys that end so are of one type.
pub(super) fn types_of_keys(inventory: &mut Inventory) {
    let mut types: HashMap<LastFive, KeyType> = HashMap::new();
    for key in inventory.keys() {
        let Some(five) = key.last_five else { continue };
        let known = types.entry(five).or_insert(key.key_type);
        if *known != key.key_type {
            *known = KeyType::Unknown;
        }
    }
    let of_product = |product: &Product| types.get(&product.partial_product_key?).copied();
    let changed: Vec<Product> = inventory
        .products()
        .filter(|p| p.key_type == KeyType::Unknown)
        .filter_map(|p| {
            let key_type = of_product(p).filter(|t| *t != KeyType::Unknown)?;
            Some(Product {
                key_type,
                ..(**p).clone()
            })
        })
        .collect();
    for product in changed {
        inventory.put_product(product);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationId, KeyEntry, ProductId, ProductKey};

    fn type_of(keys: &[KeyType]) -> KeyType {
        let key = ProductKey::parse("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4").unwrap();
        let mut inventory = Inventory::default();
        for (n, kind) in keys.iter().enumerate() {
            let mut entry = KeyEntry::of(key.clone(), *kind);
            entry.id = crate::model::KeyEntryId(uuid::Uuid::from_u128(n as u128));
            inventory.put_key(entry);
        }
        let id = ProductId(uuid::Uuid::from_u128(1));
        let mut product = Product::new(id, None, ApplicationId::WINDOWS);
        product.partial_product_key = Some(key.last_five());
        inventory.put_product(product);
        types_of_keys(&mut inventory);
        inventory.product(id).unwrap().key_type
    }

    #[test]
    fn the_key_of_a_product_tells_its_type_where_no_other_key_contradicts() {
        assert_eq!(type_of(&[KeyType::Mak]), KeyType::Mak);
        assert_eq!(type_of(&[KeyType::Mak, KeyType::Mak]), KeyType::Mak);
        assert_eq!(type_of(&[KeyType::Mak, KeyType::Retail]), KeyType::Unknown);
        assert_eq!(type_of(&[]), KeyType::Unknown);
    }
}
