//! The inventory: computers, products and product keys, with the look-ups everything else needs.
//!
//! A clone costs a pointer (persistent collections), so a snapshot can be published after every change.

use std::sync::Arc;

use imbl::{HashMap, Vector};
use serde::{Deserialize, Serialize};

use super::{
    ApplicationId, Computer, ComputerId, ConfirmationId, Foreign, InstallationId, KeyEntry, KeyEntryId, KeySeal,
    LastFive, Product, ProductId, Text,
};

/// What a file said outside its records; written back unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListHeader {
    /// `VamtVersion` as read; empty for a new list.
    pub vamt_version: Text,
    /// Unknown attributes and elements of the root, `VamtSystemData` among them.
    pub root: Foreign,
    /// Unknown attributes and elements of `SoftwareLicensingData`, e.g. forest activations.
    pub data: Foreign,
    /// The seal over the product keys; `None`: they are in clear.
    #[serde(default)]
    pub seal: Option<KeySeal>,
}

/// Records of one kind by slot. A slot number stays with its record for as long as the list is open.
#[derive(Debug, Clone)]
struct Slots<Id, T> {
    records: Vector<Option<Arc<T>>>,
    by_id: HashMap<Id, u32>,
    /// Slots of removed records: one that is brought back gets its place again.
    vacated: HashMap<Id, u32>,
}

impl<Id, T> Default for Slots<Id, T> {
    fn default() -> Self {
        Self {
            records: Vector::new(),
            by_id: HashMap::new(),
            vacated: HashMap::new(),
        }
    }
}

impl<Id: Copy + Eq + std::hash::Hash, T> Slots<Id, T> {
    fn slot(&self, id: Id) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    fn get(&self, slot: u32) -> Option<&Arc<T>> {
        self.records.get(slot as usize)?.as_ref()
    }

    fn put(&mut self, id: Id, record: impl Into<Arc<T>>) -> Option<Arc<T>> {
        let record = record.into();
        if let Some(slot) = self.slot(id) {
            return self.records.get_mut(slot as usize)?.replace(record);
        }
        if let Some(slot) = self.vacated.remove(&id)
            && let Some(place) = self.records.get_mut(slot as usize)
        {
            self.by_id.insert(id, slot);
            return place.replace(record);
        }
        self.by_id.insert(id, self.records.len() as u32);
        self.records.push_back(Some(record));
        None
    }

    fn remove(&mut self, id: Id) -> Option<Arc<T>> {
        let slot = self.by_id.remove(&id)?;
        self.vacated.insert(id, slot);
        self.records.get_mut(slot as usize)?.take()
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        self.records
            .iter()
            .enumerate()
            .filter_map(|(i, r)| Some((i as u32, r.as_ref()?)))
    }
}

/// Everything a Computer Information List holds.
///
/// INVARIANT: changed only by [`super::Change`] (and by the readers of `cil` while they build it); every product with a
/// computer names one that exists; names of computers are unique, ignoring case.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    header: Arc<ListHeader>,
    computers: Slots<ComputerId, Computer>,
    products: Slots<ProductId, Product>,
    keys: Slots<KeyEntryId, KeyEntry>,
    by_name: HashMap<Box<str>, ComputerId>,
    products_of: HashMap<ComputerId, Arc<[ProductId]>>,
}

fn folded(name: &str) -> Box<str> {
    name.trim().to_lowercase().into()
}

impl Inventory {
    /// A list of whole records, in their order: for the readers of `cil`, which keep the invariants themselves (identities
    /// and names unique, every computer of a product among `computers`). Takes time linear in the number of records, however
    /// many of them belong to one computer.
    pub fn from_records(
        header: ListHeader,
        computers: impl IntoIterator<Item = Computer>,
        products: impl IntoIterator<Item = impl Into<Arc<Product>>>,
        keys: impl IntoIterator<Item = KeyEntry>,
    ) -> Self {
        let mut inventory = Self::default();
        inventory.set_header(header);
        for computer in computers {
            inventory.put_computer(computer);
        }
        let mut products_of: std::collections::HashMap<ComputerId, Vec<ProductId>> = std::collections::HashMap::new();
        for product in products {
            let product = product.into();
            let (id, computer) = (product.id, product.computer);
            if inventory.products.put(id, product).is_none()
                && let Some(computer) = computer
            {
                products_of.entry(computer).or_default().push(id);
            }
        }
        inventory.products_of = products_of.into_iter().map(|(c, ids)| (c, Arc::from(ids))).collect();
        for key in keys {
            inventory.put_key(key);
        }
        inventory
    }

    /// What the file said outside its records.
    pub fn header(&self) -> &ListHeader {
        &self.header
    }

    /// Sets what the file said outside its records.
    pub fn set_header(&mut self, header: ListHeader) {
        self.header = Arc::new(header);
    }

    /// The computer with this identity.
    pub fn computer(&self, id: ComputerId) -> Option<&Arc<Computer>> {
        self.computers.get(self.computers.slot(id)?)
    }

    /// The computer with this name or address, in any case.
    pub fn computer_by_name(&self, name: &str) -> Option<&Arc<Computer>> {
        self.computer(*self.by_name.get(&*folded(name))?)
    }

    /// The product with this identity.
    pub fn product(&self, id: ProductId) -> Option<&Arc<Product>> {
        self.products.get(self.products.slot(id)?)
    }

    /// The key entry with this identity.
    pub fn key(&self, id: KeyEntryId) -> Option<&Arc<KeyEntry>> {
        self.keys.get(self.keys.slot(id)?)
    }

    /// Key entries whose key ends in these five characters.
    pub fn keys_by_last_five(&self, last_five: LastFive) -> impl Iterator<Item = &Arc<KeyEntry>> {
        self.keys().filter(move |k| k.last_five == Some(last_five))
    }

    /// All computers, in the order of the list.
    pub fn computers(&self) -> impl Iterator<Item = &Arc<Computer>> {
        self.computers.iter().map(|(_, c)| c)
    }

    /// All products, in the order of the list.
    pub fn products(&self) -> impl Iterator<Item = &Arc<Product>> {
        self.products.iter().map(|(_, p)| p)
    }

    /// All key entries, in the order of the list.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<KeyEntry>> {
        self.keys.iter().map(|(_, k)| k)
    }

    /// The products of a computer, in the order of the list.
    pub fn products_of(&self, computer: ComputerId) -> impl Iterator<Item = &Arc<Product>> {
        self.products_of
            .get(&computer)
            .map(|ids| ids.iter())
            .unwrap_or_default()
            .filter_map(|id| self.product(*id))
    }

    /// Number of computers.
    pub fn computer_count(&self) -> usize {
        self.computers.by_id.len()
    }

    /// Number of products.
    pub fn product_count(&self) -> usize {
        self.products.by_id.len()
    }

    /// Number of key entries.
    pub fn key_count(&self) -> usize {
        self.keys.by_id.len()
    }

    /// The owned key that `product` carries, if it is in the list.
    pub fn key_of(&self, product: &Product) -> Option<&Arc<KeyEntry>> {
        self.keys().find(|k| k.is_installed_on(product))
    }

    /// A confirmation ID known for exactly this installation ID anywhere in the list: asking the service again would be
    /// pointless at best. Walks the whole list; for many look-ups build the map once with [`Inventory::confirmations`].
    pub fn confirmation_for(&self, iid: &InstallationId) -> Option<&ConfirmationId> {
        self.products().find_map(|p| {
            p.confirmation
                .iter()
                .chain(&p.earlier_confirmations)
                .find(|c| c.installation_id.as_ref() == Some(iid))
                .map(|c| &c.confirmation_id)
        })
    }

    /// Every pair of installation ID and confirmation ID that the list knows.
    pub fn confirmations(&self) -> std::collections::HashMap<&InstallationId, &ConfirmationId> {
        self.products()
            .flat_map(|p| p.confirmation.iter().chain(&p.earlier_confirmations))
            .filter_map(|c| Some((c.installation_id.as_ref()?, &c.confirmation_id)))
            .collect()
    }

    /// The row of `computer` for this application and SKU.
    pub fn product_on(
        &self,
        computer: ComputerId,
        application: ApplicationId,
        sku: Option<uuid::Uuid>,
    ) -> Option<&Arc<Product>> {
        self.products_of(computer)
            .find(|p| p.application == application && p.sku == sku)
    }

    /// Adds or replaces a computer. A name that another computer has is refused by [`super::Change`] before it comes here.
    pub fn put_computer(&mut self, computer: Computer) {
        let (id, name) = (computer.id, folded(&computer.name));
        if let Some(old) = self.computers.put(id, computer) {
            let old_name = folded(&old.name);
            if old_name != name && self.by_name.get(&old_name) == Some(&id) {
                self.by_name.remove(&old_name);
            }
        }
        self.by_name.insert(name, id);
    }

    /// Removes a computer and its products.
    pub fn remove_computer(&mut self, id: ComputerId) -> bool {
        let Some(old) = self.computers.remove(id) else {
            return false;
        };
        let name = folded(&old.name);
        if self.by_name.get(&name) == Some(&id) {
            self.by_name.remove(&name);
        }
        for product in self.products_of.remove(&id).iter().flat_map(|ids| ids.iter()) {
            self.products.remove(*product);
        }
        true
    }

    /// Adds or replaces a product.
    pub fn put_product(&mut self, product: Product) {
        let (id, computer) = (product.id, product.computer);
        let before = self.products.put(id, product).map(|old| old.computer);
        if before == Some(computer) {
            return;
        }
        self.unlink(before.flatten(), id);
        if let Some(computer) = computer {
            let ids = self
                .products_of
                .get(&computer)
                .map(|ids| ids.iter().copied())
                .unwrap_or_default();
            let mut ids: Vec<ProductId> = ids.chain([id]).collect();
            let slot = |id: &ProductId| self.products.slot(*id);
            if !ids.is_sorted_by_key(slot) {
                // Brought back into its place.
                ids.sort_by_key(slot);
            }
            self.products_of.insert(computer, ids.into());
        }
    }

    /// Removes a product; the computer stays.
    pub fn remove_product(&mut self, id: ProductId) -> bool {
        let Some(old) = self.products.remove(id) else {
            return false;
        };
        self.unlink(old.computer, id);
        true
    }

    fn unlink(&mut self, computer: Option<ComputerId>, product: ProductId) {
        let Some(computer) = computer else { return };
        if let Some(ids) = self.products_of.get(&computer) {
            let ids: Arc<[ProductId]> = ids.iter().copied().filter(|p| *p != product).collect();
            self.products_of.insert(computer, ids);
        }
    }

    /// Adds or replaces a key entry.
    pub fn put_key(&mut self, key: KeyEntry) {
        self.keys.put(key.id, key);
    }

    /// Removes a key entry. Computers that carry the key are not touched.
    pub fn remove_key(&mut self, id: KeyEntryId) -> bool {
        self.keys.remove(id).is_some()
    }

    /// Products with the slots under which views name them.
    pub fn product_slots(&self) -> impl Iterator<Item = (u32, &Arc<Product>)> {
        self.products.iter()
    }

    /// Computers with the slots under which views name them.
    pub fn computer_slots(&self) -> impl Iterator<Item = (u32, &Arc<Computer>)> {
        self.computers.iter()
    }

    /// The slot of a computer.
    pub fn computer_slot(&self, id: ComputerId) -> Option<u32> {
        self.computers.slot(id)
    }

    /// The product in a slot.
    pub fn product_at(&self, slot: u32) -> Option<&Arc<Product>> {
        self.products.get(slot)
    }

    /// The computer in a slot.
    pub fn computer_at(&self, slot: u32) -> Option<&Arc<Computer>> {
        self.computers.get(slot)
    }
}
