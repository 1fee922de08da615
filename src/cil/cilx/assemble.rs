//! From rows to an inventory: joins products with computers, and never keeps two rows for one product.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::cil::error::{LoadWarning, line_feeds};
use crate::model::{
    ApplicationId, Computer, ComputerId, Confirmation, Inventory, KeyEntry, KeyEntryId, ListHeader, Network, Product,
    ProductId, Text,
};

use super::client::ClientRow;
use super::key::KeyRow;
use super::product::ProductRow;
use super::reader::Parsed;
use super::record::RawWarning;

struct Assembly {
    computers: Vec<Arc<Computer>>,
    by_name: HashMap<Box<str>, ComputerId>,
    by_id: HashMap<ComputerId, usize>,
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
    parsed: Parsed,
    most_warnings: usize,
) -> (Inventory, Vec<LoadWarning>, usize) {
    let mut assembly = Assembly {
        computers: Vec::with_capacity(parsed.clients.len()),
        by_name: HashMap::with_capacity(parsed.clients.len()),
        by_id: HashMap::with_capacity(parsed.clients.len()),
        warnings: parsed.warnings,
        again: Again::default(),
    };
    for client in parsed.clients {
        assembly.add_client(client);
    }
    let products = assembly.products(parsed.products);
    let keys = assembly.keys(parsed.keys);
    let inventory = Inventory::from_records(header, assembly.computers, products, keys);
    let (warnings, left_off) = with_lines(text, assembly.warnings, most_warnings);
    (inventory, warnings, parsed.more_warnings + left_off)
}

fn folded(name: &str) -> Box<str> {
    name.trim().to_lowercase().into()
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

    fn add_client(&mut self, row: ClientRow) {
        let ClientRow {
            at,
            mut computer,
            has_id,
        } = row;
        let name = folded(&computer.name);
        if let Some(known) = self.by_name.get(&name).and_then(|id| self.by_id.get(id)).copied() {
            let words = format!("computer {}", computer.name);
            self.warn(at, words, "it is in the list twice; both entries became one");
            if let Some(known) = self.computers.get_mut(known) {
                fill(Arc::make_mut(known), &computer);
            }
            return;
        }
        if self.by_id.contains_key(&computer.id) {
            let base = ComputerId::from_name(&computer.name).0;
            let id = ComputerId(self.again.fresh(base, |id| self.by_id.contains_key(&ComputerId(id))));
            if has_id {
                let words = format!("computer {}", computer.name);
                self.warn(
                    at,
                    words,
                    "another computer of the list has the same identity; it was given a new one",
                );
            }
            Arc::make_mut(&mut computer).id = id;
        }
        self.by_name.insert(name, computer.id);
        self.by_id.insert(computer.id, self.computers.len());
        self.computers.push(computer);
    }

    fn computer_named(&mut self, name: &Text) -> ComputerId {
        let key = folded(name);
        if let Some(id) = self.by_name.get(&key) {
            return *id;
        }
        let computer = Computer::named(name);
        let row = ClientRow {
            at: 0,
            computer: Arc::new(computer),
            has_id: false,
        };
        self.add_client(row);
        self.by_name
            .get(&key)
            .copied()
            .unwrap_or_else(|| ComputerId::from_name(name))
    }

    fn products(&mut self, rows: Vec<ProductRow>) -> Vec<Arc<Product>> {
        let mut products: Vec<Arc<Product>> = Vec::with_capacity(rows.len());
        let mut by_id: HashMap<ProductId, usize> = HashMap::with_capacity(rows.len());
        let mut by_place: HashMap<(ComputerId, ApplicationId, Uuid), usize> = HashMap::with_capacity(rows.len());
        let mut last: Option<(Text, ComputerId)> = None;
        for row in rows {
            let ProductRow {
                at,
                product: mut shared,
                has_id,
                computer_name,
            } = row;
            // Nobody else has it yet: nothing is copied.
            let product = Arc::make_mut(&mut shared);
            if !computer_name.trim().is_empty() {
                let known = last
                    .as_ref()
                    .filter(|(name, _)| *name == computer_name)
                    .map(|(_, id)| *id);
                let id = known.unwrap_or_else(|| self.computer_named(&computer_name));
                last = Some((computer_name, id));
                product.computer = Some(id);
            }
            if !has_id {
                let owner = product.computer.unwrap_or(ComputerId(Uuid::nil()));
                product.id = ProductId::derive(owner, product.application, product.sku);
                // Rows that say neither whose nor what they are cannot be told apart by that.
                if (product.computer.is_none() || product.sku.is_none()) && by_id.contains_key(&product.id) {
                    let id = self.again.fresh(product.id.0, |id| by_id.contains_key(&ProductId(id)));
                    product.id = ProductId(id);
                }
            }
            let place = product
                .computer
                .zip(product.sku)
                .map(|(computer, sku)| (computer, product.application, sku));
            let same_place = place.and_then(|p| by_place.get(&p)).copied();
            let same_id = by_id.get(&product.id).copied();
            let twin =
                same_place.or_else(|| same_id.filter(|i| products.get(*i).is_some_and(|p| may_be_one(p, product))));
            if let Some(i) = twin
                && let Some(known) = products.get_mut(i)
            {
                let words = in_words(product, last.as_ref().map(|(name, _)| name));
                self.warn(
                    at,
                    words,
                    "the product is in the list twice; the newer row was kept, and every confirmation ID",
                );
                let old_id = known.id;
                merge(Arc::make_mut(known), product.clone());
                let kept = known.id;
                if kept != old_id && !by_id.contains_key(&kept) {
                    by_id.remove(&old_id);
                    by_id.insert(kept, i);
                } else {
                    Arc::make_mut(known).id = old_id;
                }
                continue;
            }
            if same_id.is_some() {
                let words = in_words(product, last.as_ref().map(|(name, _)| name));
                self.warn(
                    at,
                    words,
                    "a product of another computer has the same ExportGuid; it was given a new one",
                );
                let owner = product.computer.unwrap_or(ComputerId(Uuid::nil()));
                let base = ProductId::derive(owner, product.application, product.sku).0;
                let id = self.again.fresh(base, |id| by_id.contains_key(&ProductId(id)));
                product.id = ProductId(id);
            }
            by_id.insert(product.id, products.len());
            if let Some(place) = place
                && let Entry::Vacant(entry) = by_place.entry(place)
            {
                entry.insert(products.len());
            }
            products.push(shared);
        }
        products
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

fn in_words(product: &Product, computer: Option<&Text>) -> String {
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
