//! From rows to an inventory: joins products with computers, and never keeps two rows for one product.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::cil::error::{LoadWarning, line_feeds};
use crate::model::{
    Computer, ComputerId, Confirmation, Inventory, InventoryBuilder, KeyEntry, KeyEntryId, ListHeader, Network,
    Product, ProductId,
};

use super::client::ClientRow;
use super::key::KeyRow;
use super::product::ProductRow;
use super::reader::Parsed;
use super::record::RawWarning;

struct Assembly {
    list: InventoryBuilder,
    warnings: Vec<RawWarning>,
    again: Again,
}

/// New identities for records whose own is taken: the same in every load, and found in constant time however many share one.
#[derive(Default)]
struct Again(HashMap<Uuid, u64>);

impl Again {
    fn fresh(&mut self, base: Uuid, taken: impl Fn(Uuid) -> bool) -> Uuid {
        let count = self.0.entry(base).or_insert(0);
        loop {
            *count += 1;
            let id = Uuid::new_v5(&base, &count.to_le_bytes());
            if !taken(id) {
                return id;
            }
        }
    }
}

/// Builds the inventory. Warnings get their lines, in the order of the file.
pub(in crate::cil) fn assemble(
    text: &str,
    header: ListHeader,
    parsed: Parsed<'_>,
    most_warnings: usize,
) -> (Inventory, Vec<LoadWarning>, usize) {
    let mut assembly = Assembly {
        list: InventoryBuilder::with_capacity(parsed.clients.len(), parsed.products.len()),
        warnings: parsed.warnings,
        again: Again::default(),
    };
    for client in parsed.clients {
        assembly.add_client(client);
    }
    assembly.products(parsed.products);
    let keys = assembly.keys(parsed.keys);
    let inventory = assembly.list.build(header, keys);
    let (warnings, left_off) = with_lines(text, assembly.warnings, most_warnings);
    (inventory, warnings, parsed.more_warnings + left_off)
}

impl Assembly {
    fn warn(&mut self, at: usize, row: String, reason: impl Into<String>) {
        self.warnings.push(RawWarning {
            at,
            row,
            element: String::new(),
            reason: reason.into(),
        });
    }

    /// Adds a computer, or what it says to the entry that there is already; answers with the slot.
    fn add_client(&mut self, row: ClientRow) -> u32 {
        let ClientRow {
            at,
            mut computer,
            has_id,
        } = row;
        if let Some(slot) = self.list.computer_slot_by_name(&computer.name) {
            let words = format!("computer {}", computer.name);
            self.warn(at, words, "it is in the list twice; both entries became one");
            if let Some(known) = self.list.computer_mut(slot) {
                fill(known, &computer);
            }
            return slot;
        }
        let taken = |id: Uuid| self.list.computer_slot(ComputerId(id)).is_some();
        if taken(computer.id.0) {
            let id = self.again.fresh(ComputerId::from_name(&computer.name).0, taken);
            if has_id {
                let words = format!("computer {}", computer.name);
                self.warn(
                    at,
                    words,
                    "another computer of the list has the same identity; it was given a new one",
                );
            }
            Arc::make_mut(&mut computer).id = ComputerId(id);
        }
        self.list.add_computer(computer)
    }

    fn computer_named(&mut self, name: &str) -> u32 {
        self.list.computer_slot_by_name(name).unwrap_or_else(|| {
            self.add_client(ClientRow {
                at: 0,
                computer: Arc::new(Computer::named(name)),
                has_id: false,
            })
        })
    }

    fn products(&mut self, rows: Vec<ProductRow<'_>>) {
        // Rows of one computer mostly follow one another.
        let mut last: Option<(Cow<'_, str>, u32)> = None;
        for row in rows {
            let ProductRow {
                at,
                product: mut shared,
                has_id,
                computer_name,
            } = row;
            // Nobody else has it yet: nothing is copied.
            let product = Arc::make_mut(&mut shared);
            let mut owner = None;
            if !computer_name.trim().is_empty() {
                let known = last.as_ref().filter(|(name, _)| *name == computer_name);
                let slot = known.map(|(_, slot)| *slot);
                let slot = slot.unwrap_or_else(|| self.computer_named(&computer_name));
                last = Some((computer_name, slot));
                owner = Some(slot);
                product.computer = self.list.computer(slot).map(|c| c.id);
            }
            let base = || {
                let owner = product.computer.unwrap_or(ComputerId(Uuid::nil()));
                ProductId::derive(owner, product.application, product.sku)
            };
            let taken = |id: Uuid| self.list.product_slot(ProductId(id)).is_some();
            if !has_id {
                product.id = base();
                // Rows that say neither whose nor what they are cannot be told apart by that.
                if (product.computer.is_none() || product.sku.is_none()) && taken(product.id.0) {
                    product.id = ProductId(self.again.fresh(product.id.0, taken));
                }
            }
            let same_place = owner
                .zip(product.sku)
                .and_then(|(owner, sku)| self.list.product_slot_on(owner, product.application, sku));
            let same_id = self.list.product_slot(product.id);
            let may_be_it = |slot: &u32| self.list.product(*slot).is_some_and(|p| may_be_one(p, product));
            let name = last.as_ref().map(|(name, _)| &**name);
            if let Some(slot) = same_place.or_else(|| same_id.filter(may_be_it))
                && let Some(known) = self.list.product(slot)
            {
                let mut merged = known.clone();
                merge(&mut merged, product.clone());
                if merged.id != known.id && self.list.product_slot(merged.id).is_some() {
                    merged.id = known.id;
                }
                self.list.replace_product(slot, merged);
                self.warn(
                    at,
                    in_words(product, name),
                    "the product is in the list twice; the newer row was kept, and every confirmation ID",
                );
                continue;
            }
            if same_id.is_some() {
                let words = in_words(product, name);
                let taken = |id: Uuid| self.list.product_slot(ProductId(id)).is_some();
                product.id = ProductId(self.again.fresh(base().0, taken));
                self.warn(
                    at,
                    words,
                    "a product of another computer has the same ExportGuid; it was given a new one",
                );
            }
            self.list.add_product(shared, owner);
        }
    }

    fn keys(&mut self, rows: Vec<KeyRow>) -> Vec<KeyEntry> {
        let mut keys: Vec<KeyEntry> = Vec::with_capacity(rows.len());
        let mut by_id: HashMap<KeyEntryId, usize> = HashMap::with_capacity(rows.len());
        for KeyRow { at, mut entry } in rows {
            if let Some(known) = by_id.get(&entry.id).and_then(|i| keys.get_mut(*i)) {
                if known.key == entry.key {
                    let words = format!("product key {}", entry.masked());
                    self.warn(at, words, "it is in the list twice; the newer entry was kept");
                    if entry.last_update >= known.last_update {
                        *known = entry;
                    }
                    continue;
                }
                let id = self.again.fresh(entry.id.0, |id| by_id.contains_key(&KeyEntryId(id)));
                entry.id = KeyEntryId(id);
            }
            by_id.insert(entry.id, keys.len());
            keys.push(entry);
        }
        keys
    }
}

fn in_words(product: &Product, computer: Option<&str>) -> String {
    let what = if product.name.is_empty() {
        product.application_label()
    } else {
        &product.name
    };
    match computer.filter(|_| product.computer.is_some()) {
        Some(computer) => format!("{what} on {computer}"),
        None => format!("product {}", product.id.0),
    }
}

/// Two rows with one ExportGuid are one product unless they name different computers.
fn may_be_one(a: &Product, b: &Product) -> bool {
    a.computer == b.computer || a.computer.is_none() || b.computer.is_none()
}

fn newest(product: &Product) -> Option<DateTime<Utc>> {
    product.last_updated.max(product.status_updated)
}

/// The newer row wins; no confirmation ID is lost.
fn merge(known: &mut Product, other: Product) {
    let older = if newest(&other) >= newest(known) {
        std::mem::replace(known, other)
    } else {
        other
    };
    known.computer = known.computer.or(older.computer);
    known.asked = known.asked.take().or(older.asked);
    let current = older.confirmation.map(|c| *c);
    for confirmation in current.into_iter().chain(older.earlier_confirmations) {
        keep_confirmation(known, confirmation);
    }
}

fn keep_confirmation(product: &mut Product, confirmation: Confirmation) {
    let known = |c: &Confirmation| c.confirmation_id == confirmation.confirmation_id;
    if product.confirmations().any(known) {
        return;
    }
    if product.confirmation.is_none() {
        product.confirmation = Some(Box::new(confirmation));
    } else {
        product.earlier_confirmations.push(confirmation);
    }
}

/// Fills what `known` does not say from another entry for the same computer.
fn fill(known: &mut Computer, other: &Computer) {
    if known.network == Network::default() {
        known.network = other.network.clone();
    }
    for (mine, theirs) in [
        (&mut known.os_edition, &other.os_edition),
        (&mut known.os_version, &other.os_version),
        (&mut known.remarks, &other.remarks),
    ] {
        if mine.is_empty() {
            *mine = theirs.clone();
        }
    }
    known.is_kms_host = known.is_kms_host.or(other.is_kms_host);
    for mac in &other.mac_addresses {
        if !known.mac_addresses.contains(mac) {
            known.mac_addresses.push(mac.clone());
        }
    }
    known.directory_id = known.directory_id.or(other.directory_id);
    known.connect = known.connect.take().or_else(|| other.connect.clone());
    known.contact = known.contact.take().or_else(|| other.contact.clone());
    if known.foreign.parts().is_none() {
        known.foreign = other.foreign.clone();
    }
}

/// Computes the lines of all warnings in one pass over the text.
fn with_lines(text: &str, mut raw: Vec<RawWarning>, most: usize) -> (Vec<LoadWarning>, usize) {
    raw.sort_by_key(|w| w.at);
    let left_off = raw.len().saturating_sub(most);
    raw.truncate(most);
    let (mut line, mut seen) = (1, 0);
    let warnings = raw
        .into_iter()
        .map(|warning| {
            let passed = text.as_bytes().get(seen..warning.at).unwrap_or_default();
            line += line_feeds(passed);
            seen = warning.at;
            LoadWarning {
                line,
                row: warning.row,
                element: warning.element,
                reason: warning.reason,
            }
        })
        .collect();
    (warnings, left_off)
}
