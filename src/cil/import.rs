//! Bringing another list in: confirmation IDs that come back across the air gap, or a whole list.
//!
//! Row by row: a row that fits nothing is reported and the others apply. Nothing is changed here; the plan is a list of
//! [`Change`]s.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::model::{
    Change, Computer, ComputerId, Confirmation, ConfirmationId, Failure, FailureClass, InstallationId, Inventory,
    KeyEntry, Product, ProductId,
};

use super::Loaded;
use super::export::NOT_ACQUIRED;

/// What an import would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// The changes, in the order in which they apply.
    pub changes: Vec<Change>,
    /// Rows that found their product.
    pub matched: usize,
    /// Rows of products the list did not know.
    pub added: usize,
    /// Matched rows that brought nothing new.
    pub already_known: usize,
    /// New confirmation IDs among the changes.
    pub confirmation_ids: usize,
    /// Rows that apply to nothing.
    pub unmatched: Vec<ImportNote>,
    /// Rows with a confirmation ID other than the one known for the same installation ID. Not among the changes.
    pub conflicts: Vec<Conflict>,
    /// What else should be known: warnings from reading the file, installation IDs that changed since the export.
    pub notes: Vec<ImportNote>,
}

/// Something about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// The product of the list, if the row found one.
    pub product: Option<ProductId>,
    /// The row in words.
    pub row: String,
    /// What is to be known.
    pub reason: String,
}

/// Two confirmation IDs for one installation ID. One of them was mistyped, or the service gave two; only the computer can
/// tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The product of the list.
    pub product: ProductId,
    /// The row in words.
    pub row: String,
    /// The installation ID both are for.
    pub installation_id: InstallationId,
    /// The one the list has.
    pub known: ConfirmationId,
    /// The one the file brings.
    pub incoming: ConfirmationId,
    /// Apply this to use the incoming one; the known one stays among the earlier ones.
    pub if_wanted: Change,
}

/// Plans the import of `loaded` into `inventory`.
///
/// Rows without a computer (proxy activation data) are matched by ExportGuid and bring confirmation IDs and failures only;
/// one that is not known and still waits for its confirmation ID is added, because this is then the station that asks. A list
/// with names also adds and updates computers, products and keys: its products are matched by ExportGuid, then by
/// computer, application and SKU, and the newer observation wins. `now` is used where the file does not say when.
pub fn match_rows(inventory: &Inventory, loaded: &Loaded, now: DateTime<Utc>) -> ImportPlan {
    let mut import = Import {
        inventory,
        now,
        plan: ImportPlan::default(),
        computers: HashMap::new(),
    };
    import.plan.notes = loaded
        .warnings
        .iter()
        .map(|w| ImportNote {
            product: None,
            row: w.row.clone(),
            reason: crate::cil::LoadWarning {
                row: String::new(),
                ..w.clone()
            }
            .to_string(),
        })
        .collect();
    for computer in loaded.inventory.computers() {
        import.computer(computer);
    }
    for row in loaded.inventory.products() {
        match row.computer {
            None => import.proxy_row(row),
            Some(computer) => import.named_row(row, computer, &loaded.inventory),
        }
    }
    for key in loaded.inventory.keys() {
        import.key(key);
    }
    import.plan
}

struct Import<'i> {
    inventory: &'i Inventory,
    now: DateTime<Utc>,
    plan: ImportPlan,
    /// Computers of the file and what they are in the list.
    computers: HashMap<ComputerId, ComputerId>,
}

impl Import<'_> {
    fn note(&mut self, product: Option<ProductId>, row: &str, reason: impl Into<String>) {
        self.plan.notes.push(ImportNote {
            product,
            row: row.to_owned(),
            reason: reason.into(),
        });
    }

    fn proxy_row(&mut self, row: &Product) {
        let Some(known) = self.inventory.product(row.id) else {
            if row.needs_confirmation_id() && row.last_action.is_none() {
                // On its way out: this is the connected station, which has to ask for it.
                self.plan.added += 1;
                self.plan.changes.push(Change::PutProduct(Box::new(row.clone())));
                return;
            }
            self.plan.unmatched.push(ImportNote {
                product: None,
                row: row_in_words(row, None),
                reason: "no product of this list has its ExportGuid: it was exported from another list, or the product was removed since"
                    .into(),
            });
            return;
        };
        self.plan.matched += 1;
        let words = self.known_in_words(known);
        let changed = self.confirmations(known, row, &words) | self.failure(known, row);
        if !changed {
            self.plan.already_known += 1;
        }
    }

    /// Takes over every confirmation ID of `row`. True if there was anything new, conflicts included.
    fn confirmations(&mut self, known: &Product, row: &Product, words: &str) -> bool {
        let mut new = false;
        for (given, current) in row
            .confirmation
            .iter()
            .map(|c| (c, true))
            .chain(row.earlier_confirmations.iter().map(|c| (c, false)))
        {
            // A list of VAMT does not say for which installation ID: for the one in the same row.
            let iid = given
                .installation_id
                .clone()
                .or_else(|| row.installation_id.clone().filter(|_| current));
            new |= self.confirmation(known, iid.as_ref(), given, row, words);
        }
        new
    }

    fn confirmation(
        &mut self,
        known: &Product,
        iid: Option<&InstallationId>,
        given: &Confirmation,
        row: &Product,
        words: &str,
    ) -> bool {
        let cid = &given.confirmation_id;
        let held = || known.confirmation.iter().chain(&known.earlier_confirmations);
        if held().any(|c| c.confirmation_id == *cid) {
            return false;
        }
        let Some(iid) = iid.or(known.installation_id.as_ref()).cloned() else {
            self.note(
                Some(known.id),
                words,
                "the row has a confirmation ID, but neither it nor the list says for which installation ID; update the license status and import again",
            );
            return true;
        };
        let change = Change::Confirmed {
            product: known.id,
            installation_id: iid.clone(),
            confirmation_id: cid.clone(),
            at: given.acquired.or(row.last_updated).unwrap_or(self.now),
        };
        let other = held().find(|c| match &c.installation_id {
            Some(for_iid) => *for_iid == iid,
            None => known.installation_id.as_ref() == Some(&iid),
        });
        if let Some(other) = other {
            self.plan.conflicts.push(Conflict {
                product: known.id,
                row: words.to_owned(),
                installation_id: iid,
                known: other.confirmation_id.clone(),
                incoming: cid.clone(),
                if_wanted: change,
            });
            return true;
        }
        if known.installation_id.as_ref().is_some_and(|now| *now != iid) {
            self.note(
                Some(known.id),
                words,
                "the installation ID changed since the export: the confirmation ID does not fit any more; it is kept among the earlier ones",
            );
        }
        self.plan.confirmation_ids += 1;
        self.plan.changes.push(change);
        true
    }

    /// The connected side asked and got no confirmation ID: the row says so.
    fn failure(&mut self, known: &Product, row: &Product) -> bool {
        let Some(action) = row.last_action.as_ref().filter(|a| *a.what == *NOT_ACQUIRED) else {
            return false;
        };
        let Some(code) = action.failure.as_ref().and_then(|f| f.code) else {
            return false;
        };
        let at = row.last_updated.unwrap_or(self.now);
        let failure = Failure {
            class: FailureClass::Service,
            message: format!("the activation service gave no confirmation ID ({code})"),
            code: Some(code),
        };
        let told = known
            .last_action
            .as_ref()
            .is_some_and(|a| a.at >= Some(at) && a.failure.as_ref().is_some_and(|f| f.code == Some(code)));
        if told || known.usable_confirmation().is_some() {
            return false;
        }
        self.plan.changes.push(Change::NotConfirmed {
            product: known.id,
            at,
            failure,
        });
        true
    }

    fn computer(&mut self, computer: &Computer) {
        let by_name = self.inventory.computer_by_name(&computer.name);
        let by_id = || {
            // The same identity under another name is the same computer only if nobody else has it.
            self.inventory.computer(computer.id)
        };
        let Some(known) = by_name.or_else(by_id) else {
            self.computers.insert(computer.id, computer.id);
            self.plan.changes.push(Change::PutComputer(Box::new(computer.clone())));
            return;
        };
        self.computers.insert(computer.id, known.id);
        let merged = merge_computer(known, computer);
        if merged != **known {
            self.plan.changes.push(Change::PutComputer(Box::new(merged)));
        }
    }

    fn named_row(&mut self, row: &Product, computer: ComputerId, file: &Inventory) {
        let owner = self.computers.get(&computer).copied().unwrap_or(computer);
        let name = file.computer(computer).map(|c| c.name.clone());
        let words = row_in_words(row, name.as_deref());
        let by_id = self
            .inventory
            .product(row.id)
            .filter(|p| p.computer.is_none_or(|of| of == owner));
        let known = by_id.or_else(|| self.inventory.product_on(owner, row.application, row.sku));
        let Some(known) = known else {
            let mut product = row.clone();
            product.computer = Some(owner);
            if self.inventory.product(row.id).is_some() {
                // Another computer's product has this ExportGuid.
                product.id = ProductId::derive(owner, row.application, row.sku);
            }
            self.plan.added += 1;
            let all = product.confirmation.iter().chain(&product.earlier_confirmations);
            self.plan.confirmation_ids += all.count();
            self.plan.changes.push(Change::PutProduct(Box::new(product)));
            return;
        };
        self.plan.matched += 1;
        let before = self.plan.changes.len();
        // The newer observation wins; what was done last is another matter.
        let newer = (row.status_updated, row.last_updated) > (known.status_updated, known.last_updated);
        if newer {
            let acted = if row.last_updated > known.last_updated {
                row
            } else {
                known
            };
            let merged = Product {
                id: known.id,
                computer: Some(owner),
                confirmation: known.confirmation.clone(),
                earlier_confirmations: known.earlier_confirmations.clone(),
                asked: known.asked.clone().or_else(|| row.asked.clone()),
                remarks: first(&known.remarks, &row.remarks),
                last_action: acted.last_action.clone(),
                last_updated: acted.last_updated,
                ..row.clone()
            };
            if merged != **known {
                self.plan.changes.push(Change::PutProduct(Box::new(merged.clone())));
            }
            self.confirmations(&merged, row, &words);
        } else {
            self.confirmations(known, row, &words);
        }
        if self.plan.changes.len() == before {
            self.plan.already_known += 1;
        }
    }

    fn key(&mut self, key: &KeyEntry) {
        let same = |k: &&std::sync::Arc<KeyEntry>| match (&k.key, &key.key) {
            (Some(a), Some(b)) => a == b,
            _ => k.id == key.id || (k.last_five.is_some() && k.last_five == key.last_five),
        };
        let by_id = self.inventory.key(key.id).filter(same);
        let Some(known) = by_id.or_else(|| self.inventory.keys().find(same)) else {
            self.plan.changes.push(Change::PutKey(Box::new(key.clone())));
            return;
        };
        let merged = merge_key(known, key);
        if merged != **known {
            self.plan.changes.push(Change::PutKey(Box::new(merged)));
        }
    }

    fn known_in_words(&self, product: &Product) -> String {
        let computer = product.computer.and_then(|id| self.inventory.computer(id));
        row_in_words(product, computer.map(|c| &*c.name))
    }
}

fn row_in_words(row: &Product, computer: Option<&str>) -> String {
    let what = if row.name.is_empty() {
        row.application_label()
    } else {
        &row.name
    };
    match computer {
        Some(computer) => format!("{what} on {computer}"),
        None => format!("{what}, product {}", row.id.0),
    }
}

fn first(mine: &crate::model::Text, theirs: &crate::model::Text) -> crate::model::Text {
    if mine.is_empty() { theirs.clone() } else { mine.clone() }
}

/// What the list says, filled or replaced by what the file knows more recently.
fn merge_computer(known: &Computer, other: &Computer) -> Computer {
    let contacted = |c: &Computer| c.contact.as_ref().map(|c| c.at);
    let newer = contacted(other) > contacted(known);
    let pick = |mine: &crate::model::Text, theirs: &crate::model::Text| {
        if newer {
            first(theirs, mine)
        } else {
            first(mine, theirs)
        }
    };
    let unknown = known.network.name.is_empty();
    let tells = !other.network.name.is_empty();
    Computer {
        id: known.id,
        name: known.name.clone(),
        network: if (newer || unknown) && tells {
            other.network.clone()
        } else {
            known.network.clone()
        },
        os_edition: pick(&known.os_edition, &other.os_edition),
        os_version: pick(&known.os_version, &other.os_version),
        is_kms_host: if newer {
            other.is_kms_host.or(known.is_kms_host)
        } else {
            known.is_kms_host.or(other.is_kms_host)
        },
        mac_addresses: if (newer || known.mac_addresses.is_empty()) && !other.mac_addresses.is_empty() {
            other.mac_addresses.clone()
        } else {
            known.mac_addresses.clone()
        },
        connect: known.connect.clone().or_else(|| other.connect.clone()),
        contact: if newer {
            other.contact.clone()
        } else {
            known.contact.clone()
        },
        remarks: first(&known.remarks, &other.remarks),
        foreign: if known.foreign.parts().is_some() {
            known.foreign.clone()
        } else {
            other.foreign.clone()
        },
    }
}

fn merge_key(known: &KeyEntry, other: &KeyEntry) -> KeyEntry {
    let counted = |k: &KeyEntry| k.remaining.and_then(|r| r.at);
    let newer_count = other.remaining.is_some() && (known.remaining.is_none() || counted(other) > counted(known));
    KeyEntry {
        key: known.key.clone().or_else(|| other.key.clone()),
        last_five: known.last_five.or(other.last_five),
        key_id: first(&known.key_id, &other.key_id),
        description: first(&known.description, &other.description),
        supported_editions: first(&known.supported_editions, &other.supported_editions),
        supported_sku: first(&known.supported_sku, &other.supported_sku),
        remarks: first(&known.remarks, &other.remarks),
        key_type: if known.key_type == crate::model::KeyType::Unknown {
            other.key_type
        } else {
            known.key_type
        },
        remaining: if newer_count { other.remaining } else { known.remaining },
        last_failure: if newer_count {
            other.last_failure.clone()
        } else {
            known.last_failure.clone()
        },
        last_update: known.last_update.max(other.last_update.filter(|_| newer_count)),
        most_seen: known.most_seen.max(other.most_seen),
        low_water: known.low_water.or(other.low_water),
        ..known.clone()
    }
}
