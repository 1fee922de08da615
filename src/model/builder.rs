//! A list as it is read: records come one after the other, and are looked up meanwhile.

use std::sync::Arc;

use uuid::Uuid;

use super::inventory::{folded, is_called};
use super::slots::{Finder, Links, Slots};
use super::{ApplicationId, Computer, ComputerId, Inventory, KeyEntry, ListHeader, Product, ProductId};

/// Where a product is and what it is: the slot of its computer, its application and its SKU.
type Place = (u32, ApplicationId, Uuid);

fn place(product: &Product, owner: Option<u32>) -> Option<Place> {
    Some((owner?, product.application, product.sku?))
}

/// An inventory under construction, for the readers of `cil`. What it needs to look records up while they come is what the
/// finished list needs. Whoever adds a record sees to it that its identity and, of a computer, its name are not taken.
#[derive(Debug, Default)]
pub struct InventoryBuilder {
    computers: Vec<Arc<Computer>>,
    computer_ids: Finder,
    names: Finder,
    products: Vec<Arc<Product>>,
    product_ids: Finder,
    /// Products by what they are and where.
    places: Finder,
    /// Slots of the products' computers.
    owners: Vec<Option<u32>>,
}

impl InventoryBuilder {
    /// Room for so many records.
    pub fn with_capacity(computers: usize, products: usize) -> Self {
        Self {
            computers: Vec::with_capacity(computers),
            computer_ids: Finder::with_capacity(computers),
            names: Finder::with_capacity(computers),
            products: Vec::with_capacity(products),
            product_ids: Finder::with_capacity(products),
            places: Finder::with_capacity(products),
            owners: Vec::with_capacity(products),
        }
    }

    /// The slot of the computer with this identity.
    pub fn computer_slot(&self, id: ComputerId) -> Option<u32> {
        let is_it = |slot| self.computer(slot).is_some_and(|c| c.id == id);
        self.computer_ids.find(id, is_it)
    }

    /// The slot of the computer with this name or address, in any case.
    pub fn computer_slot_by_name(&self, name: &str) -> Option<u32> {
        let name = folded(name);
        let is_it = |slot| self.computer(slot).is_some_and(|c| is_called(c, &name));
        self.names.find(&*name, is_it)
    }

    /// The computer in a slot.
    pub fn computer(&self, slot: u32) -> Option<&Computer> {
        self.computers.get(slot as usize).map(|c| &**c)
    }

    /// The computer in a slot, to fill what it does not say. Identity and name stay.
    pub fn computer_mut(&mut self, slot: u32) -> Option<&mut Computer> {
        self.computers.get_mut(slot as usize).map(Arc::make_mut)
    }

    /// Adds a computer and answers with its slot.
    pub fn add_computer(&mut self, computer: Arc<Computer>) -> u32 {
        let slot = self.computers.len() as u32;
        self.computers.push(computer);
        let computers = &self.computers;
        self.computer_ids.insert(slot, |slot| computers[slot as usize].id);
        self.names.insert(slot, |slot| folded(&computers[slot as usize].name));
        slot
    }

    /// The slot of the product with this identity.
    pub fn product_slot(&self, id: ProductId) -> Option<u32> {
        let is_it = |slot| self.product(slot).is_some_and(|p| p.id == id);
        self.product_ids.find(id, is_it)
    }

    /// The slot of the product of this application and SKU on the computer in slot `owner`.
    pub fn product_slot_on(&self, owner: u32, application: ApplicationId, sku: Uuid) -> Option<u32> {
        self.slot_of_place((owner, application, sku))
    }

    fn slot_of_place(&self, wanted: Place) -> Option<u32> {
        let is_it = |slot: u32| place(&self.products[slot as usize], self.owners[slot as usize]) == Some(wanted);
        self.places.find(Some(wanted), is_it)
    }

    /// The product in a slot.
    pub fn product(&self, slot: u32) -> Option<&Product> {
        self.products.get(slot as usize).map(|p| &**p)
    }

    /// Adds a product, whose computer has the slot `owner`, and answers with its own slot.
    pub fn add_product(&mut self, product: Arc<Product>, owner: Option<u32>) -> u32 {
        let slot = self.products.len() as u32;
        self.products.push(product);
        self.owners.push(owner);
        self.index_product(slot);
        slot
    }

    /// Makes a product found. Under a key of which the tables know already it is not entered again: they may have entries of
    /// states that it no longer has, and what they find is compared with the record.
    fn index_product(&mut self, slot: u32) {
        let (id, place_now) = {
            let product = &self.products[slot as usize];
            (product.id, place(product, self.owners[slot as usize]))
        };
        let known_id = self.product_slot(id).is_some();
        let known_place = place_now.is_none_or(|p| self.slot_of_place(p).is_some());
        let Self {
            products,
            owners,
            product_ids,
            places,
            ..
        } = self;
        if !known_id {
            product_ids.insert(slot, |slot| products[slot as usize].id);
        }
        if !known_place {
            places.insert(slot, |slot| place(&products[slot as usize], owners[slot as usize]));
        }
    }

    /// Replaces a product by another state of it, perhaps under another identity.
    pub fn replace_product(&mut self, slot: u32, product: Product) {
        let owner = product.computer.and_then(|id| self.computer_slot(id));
        let (Some(known), Some(known_owner)) =
            (self.products.get_mut(slot as usize), self.owners.get_mut(slot as usize))
        else {
            return;
        };
        (*known, *known_owner) = (Arc::new(product), owner);
        self.index_product(slot);
    }

    /// The finished list.
    pub fn build(self, header: ListHeader, keys: impl IntoIterator<Item = KeyEntry>) -> Inventory {
        let mut inventory = Inventory::loaded(
            Slots::of(self.computers, self.computer_ids),
            self.names,
            Slots::of(self.products, self.product_ids),
            |computers| Links::of(computers, &self.owners),
        );
        inventory.set_header(header);
        for key in keys {
            inventory.put_key(key);
        }
        inventory
    }
}
