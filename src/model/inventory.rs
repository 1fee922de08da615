//! The inventory: computers, products and product keys, with the look-ups everything else needs.
//!
//! A clone costs a pointer (persistent collections), so a snapshot can be published after every change.

use std::borrow::Cow;
use std::sync::Arc;

use imbl::HashMap;
use serde::{Deserialize, Serialize};

use super::builder::InventoryBuilder;
use super::found::SavedDiscovery;
use super::slots::{Finder, Links, Record, Slots};
use super::{
    ApplicationId, Change, Computer, ComputerId, ConfirmationId, Foreign, InstallationId, KeyEntry, KeyEntryId,
    KeySeal, LastFive, Product, ProductId, Text,
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
    /// Discoveries that can be run again by their names, which are unique, ignoring case.
    #[serde(default)]
    pub discoveries: Vec<SavedDiscovery>,
    /// Hosts that may answer for KMS in this organisation, as somebody approved them.
    #[serde(default)]
    pub approved_kms_hosts: Vec<Text>,
}

impl ListHeader {
    /// The saved discovery with this name, in any case.
    pub fn discovery(&self, name: &str) -> Option<&SavedDiscovery> {
        self.discoveries.iter().find(|d| d.is_called(name))
    }

    /// The changes that give `self` the saved discoveries and approved hosts of `other`.
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let gone = self.discoveries.iter().filter(|d| other.discovery(&d.name).is_none());
        let removed = gone.map(|d| Change::RemoveDiscovery(d.name.clone()));
        let put = other.discoveries.iter().filter(|d| self.discovery(&d.name) != Some(d));
        let mut changes: Vec<Change> = removed
            .chain(put.map(|d| Change::SaveDiscovery(Box::new(d.clone()))))
            .collect();
        if self.approved_kms_hosts != other.approved_kms_hosts {
            changes.push(Change::ApproveKmsHosts(other.approved_kms_hosts.clone()));
        }
        changes
    }

    /// Saved discoveries and approved hosts of `self` with what `theirs` changed since `base`.
    #[must_use]
    pub fn with_saved_of(&self, base: &Self, theirs: &Self) -> Self {
        let mut merged = self.clone();
        for change in base.changes_to(theirs) {
            merged.apply_saved(&change);
        }
        merged
    }

    /// Applies a change of saved discoveries or approved hosts; no other changes anything.
    pub(super) fn apply_saved(&mut self, change: &Change) {
        match change {
            Change::SaveDiscovery(saved) => match self.discoveries.iter_mut().find(|d| d.is_called(&saved.name)) {
                Some(known) => known.clone_from(saved),
                None => self.discoveries.push((**saved).clone()),
            },
            Change::RemoveDiscovery(name) => self.discoveries.retain(|d| !d.is_called(name)),
            Change::ApproveKmsHosts(hosts) => self.approved_kms_hosts.clone_from(hosts),
            _ => {}
        }
    }
}

impl Record for Computer {
    type Id = ComputerId;
    fn id(&self) -> ComputerId {
        self.id
    }
}

impl Record for Product {
    type Id = ProductId;
    fn id(&self) -> ProductId {
        self.id
    }
}

impl Record for KeyEntry {
    type Id = KeyEntryId;
    fn id(&self) -> KeyEntryId {
        self.id
    }
}

/// Everything a Computer Information List holds.
///
/// INVARIANT: changed only by [`super::Change`] (and by the readers of `cil` while they build it); every product with a
/// computer names one that exists; names of computers are unique, ignoring case.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    header: Arc<ListHeader>,
    computers: Slots<Computer>,
    products: Slots<Product>,
    keys: Slots<KeyEntry>,
    /// Finds the computers that were there from the beginning by their names.
    named: Arc<Finder>,
    /// Slots of computers that got their names since, by name.
    renamed: HashMap<Box<str>, u32>,
    products_of: Links,
}

/// The name as names are compared.
pub(super) fn folded(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.to_lowercase())
}

/// True if `name` is the folded name of `computer`.
pub(super) fn is_called(computer: &Computer, name: &str) -> bool {
    let own = computer.name.trim();
    if own.is_ascii() {
        own.eq_ignore_ascii_case(name)
    } else {
        own.to_lowercase() == name
    }
}

impl Inventory {
    /// A list of whole records, in their order: for the readers of `cil`, which keep the invariants themselves (identities
    /// and names unique, every computer of a product among `computers`). Takes time linear in the number of records, however
    /// many of them belong to one computer.
    pub fn from_records(
        header: ListHeader,
        computers: impl IntoIterator<Item = impl Into<Arc<Computer>>>,
        products: impl IntoIterator<Item = impl Into<Arc<Product>>>,
        keys: impl IntoIterator<Item = KeyEntry>,
    ) -> Self {
        let (computers, products) = (computers.into_iter(), products.into_iter());
        let mut builder = InventoryBuilder::with_capacity(computers.size_hint().0, products.size_hint().0);
        for computer in computers {
            builder.add_computer(computer.into());
        }
        for product in products {
            let product = product.into();
            let owner = product.computer.and_then(|id| builder.computer_slot(id));
            builder.add_product(product, owner);
        }
        builder.build(header, keys)
    }

    /// A list of which nothing has changed yet; `links` is given the number of computers.
    pub(super) fn loaded(
        computers: Slots<Computer>,
        names: Finder,
        products: Slots<Product>,
        links: impl FnOnce(usize) -> Links,
    ) -> Self {
        Self {
            products_of: links(computers.len()),
            computers,
            products,
            named: Arc::new(names),
            ..Self::default()
        }
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
        self.computers.get(self.slot_of_name(&folded(name))?)
    }

    fn slot_of_name(&self, name: &str) -> Option<u32> {
        let called = |slot: u32| self.computers.get(slot).is_some_and(|c| is_called(c, name));
        let renamed = self.renamed.get(name).copied();
        renamed.or_else(|| self.named.find(name, called))
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
        let slot = self.computers.slot(computer);
        let products = slot.map(|slot| self.products_of.members(slot)).unwrap_or_default();
        products.iter().filter_map(|slot| self.products.get(*slot))
    }

    /// Number of computers.
    pub fn computer_count(&self) -> usize {
        self.computers.len()
    }

    /// Number of products.
    pub fn product_count(&self) -> usize {
        self.products.len()
    }

    /// Number of key entries.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The owned key that `product` carries, if it is in the list.
    pub fn key_of(&self, product: &Product) -> Option<&Arc<KeyEntry>> {
        self.keys().find(|k| k.is_installed_on(product))
    }

    /// A confirmation ID known for exactly this installation ID anywhere in the list: asking the service again would be
    /// pointless at best. Walks the whole list; for many look-ups build the map once with [`Inventory::confirmations`].
    pub fn confirmation_for(&self, iid: &InstallationId) -> Option<&ConfirmationId> {
        self.products().find_map(|p| {
            p.confirmations()
                .find(|c| c.installation_id.as_ref() == Some(iid))
                .map(|c| &c.confirmation_id)
        })
    }

    /// Every pair of installation ID and confirmation ID that the list knows.
    pub fn confirmations(&self) -> std::collections::HashMap<&InstallationId, &ConfirmationId> {
        self.products()
            .flat_map(|p| p.confirmations())
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
        let name = folded(&computer.name).into_owned();
        let (slot, old) = self.computers.put(computer);
        if let Some(old) = old {
            if is_called(&old, &name) {
                return;
            }
            self.forget_name(&old, slot);
        }
        if self.slot_of_name(&name) != Some(slot) {
            self.renamed.insert(name.into(), slot);
        }
    }

    fn forget_name(&mut self, computer: &Computer, slot: u32) {
        let name = folded(&computer.name);
        if self.renamed.get(&*name) == Some(&slot) {
            self.renamed.remove(&*name);
        }
    }

    /// Removes a computer and its products.
    pub fn remove_computer(&mut self, id: ComputerId) -> bool {
        let products: Vec<ProductId> = self.products_of(id).map(|p| p.id).collect();
        let Some((slot, old)) = self.computers.remove(id) else {
            return false;
        };
        self.forget_name(&old, slot);
        for product in products {
            self.products.remove(product);
        }
        self.products_of.unlink_all(slot);
        true
    }

    /// Adds or replaces a product.
    pub fn put_product(&mut self, product: Product) {
        let computer = product.computer;
        let (slot, old) = self.products.put(product);
        let before = old.map(|old| old.computer);
        if before == Some(computer) {
            return;
        }
        self.unlink(before.flatten(), slot);
        if let Some(owner) = computer.and_then(|id| self.computers.slot(id)) {
            self.products_of.link(owner, slot);
        }
    }

    /// Removes a product; the computer stays.
    pub fn remove_product(&mut self, id: ProductId) -> bool {
        let Some((slot, old)) = self.products.remove(id) else {
            return false;
        };
        self.unlink(old.computer, slot);
        true
    }

    fn unlink(&mut self, computer: Option<ComputerId>, product: u32) {
        if let Some(owner) = computer.and_then(|id| self.computers.slot(id)) {
            self.products_of.unlink(owner, product);
        }
    }

    /// Adds or replaces a key entry.
    pub fn put_key(&mut self, key: KeyEntry) {
        self.keys.put(key);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_sides_keep_of_discoveries_is_kept() {
        let saved = |name: &str, rate| SavedDiscovery {
            name: name.into(),
            rate,
            ..SavedDiscovery::default()
        };
        let header = |discoveries: &[SavedDiscovery], hosts: &[&str]| ListHeader {
            discoveries: discoveries.to_vec(),
            approved_kms_hosts: hosts.iter().map(|h| (*h).into()).collect(),
            ..ListHeader::default()
        };
        let base = header(&[saved("a", None), saved("b", None), saved("c", None)], &["kms1"]);
        let ours = header(&[saved("a", Some(7)), saved("b", None), saved("d", None)], &["kms1"]);
        let theirs = header(
            &[saved("a", None), saved("c", None), saved("e", None)],
            &["kms1", "kms2"],
        );
        let merged = theirs.with_saved_of(&base, &ours);
        let expected = [saved("a", Some(7)), saved("e", None), saved("d", None)];
        assert_eq!(merged, header(&expected, &["kms1", "kms2"]));
        assert_eq!(theirs.changes_to(&theirs), []);
    }
}
