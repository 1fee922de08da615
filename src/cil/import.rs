//! Bringing another list in: confirmation IDs that come back across the air gap, or a whole list.
//!
//! Row by row: a row that fits nothing is reported and the others apply. Nothing is changed here. Rows without a computer
//! (proxy activation data) are matched by their `ExportGuid`; a list with names is merged, see [`crate::model::merge`].

use chrono::{DateTime, Utc};

use crate::model::merge::{Carried, Choice, MergePlan, RowRecord, What};
use crate::model::{
    Change, Confirmation, ConfirmationId, Failure, FailureClass, InstallationId, Inventory, Product, ProductId,
};

use super::Loaded;
use super::export::NOT_ACQUIRED;

/// What an import would do.
#[derive(Debug, Clone, Default)]
pub struct ImportPlan {
    /// What the rows without a computer (proxy activation data) change, in the order in which it applies.
    pub changes: Vec<Change>,
    /// What merging the rows of a list with names would do.
    pub merge: MergePlan,
    /// Rows that found their product.
    pub matched: usize,
    /// Rows of products the list did not know.
    pub added: usize,
    /// Matched rows that brought nothing new.
    pub already_known: usize,
    /// New confirmation IDs.
    pub confirmation_ids: usize,
    /// Rows that apply to nothing.
    pub unmatched: Vec<ImportNote>,
    /// Rows with a confirmation ID other than the one known for the same installation ID. Not among the changes.
    pub conflicts: Vec<Conflict>,
    /// What else should be known: warnings from reading the file, installation IDs that changed since the export.
    pub notes: Vec<ImportNote>,
    /// Values of the file that could not be used; each is among the notes.
    pub unusable: usize,
    /// Product keys that only the passphrase of the file opens: without it they are taken over as far as they are known.
    pub locked_keys: usize,
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

impl ImportPlan {
    /// True if importing changes nothing.
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.merge.is_nothing()
    }

    /// The other list has names: it is merged, not only searched for confirmation IDs.
    pub fn is_merge(&self) -> bool {
        !self.merge.rows.is_empty()
    }

    /// Rows that contradict the list, in a merge or not.
    pub fn contradictions(&self) -> usize {
        self.conflicts.len() + self.merge.undecided().count()
    }

    /// Decides contradicting confirmation IDs of proxy activation data for the other list. What the list said stays among the
    /// earlier ones.
    pub fn take_their_confirmation_ids(&mut self) {
        let wanted = std::mem::take(&mut self.conflicts);
        self.changes.extend(wanted.into_iter().map(|c| c.if_wanted));
    }

    /// Decides every contradiction for the other list.
    pub fn take_theirs(&mut self) {
        self.take_their_confirmation_ids();
        for row in self.merge.rows.iter_mut().filter(|r| r.what == What::Conflict) {
            row.choice = Choice::Theirs;
        }
    }

    /// Carries the plan out on `inventory`.
    pub fn carry_out(&self, inventory: &Inventory) -> Carried {
        let mut carried = self.merge.carry_out(inventory);
        for change in &self.changes {
            carried.apply(change.clone());
        }
        carried
    }
}

/// Plans the import of `loaded` into `inventory`.
///
/// Rows without a computer (proxy activation data) are matched by ExportGuid and bring confirmation IDs and failures only;
/// one that is not known and still waits for its confirmation ID is added, because this is then the station that asks. A list
/// with names is merged. `now` is used where the file does not say when.
pub fn match_rows(inventory: &Inventory, loaded: &Loaded, now: DateTime<Utc>) -> ImportPlan {
    let mut import = Import {
        inventory,
        now,
        plan: ImportPlan {
            merge: MergePlan::of(inventory, &loaded.inventory),
            ..ImportPlan::default()
        },
    };
    import.plan.unusable = loaded.warnings.len();
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
    // What is sealed under another seal than this list's is not usable here.
    let usable = loaded.inventory.under_seal(inventory.header().seal.as_ref());
    for (key, usable) in loaded.inventory.keys().zip(usable.keys()) {
        if key.is_locked() && !usable.is_locked() {
            import.plan.locked_keys += 1;
            let words = "the key is sealed in the file: what is known of it is taken over, but not the key itself; give the passphrase of the file to import it";
            import.note(None, &format!("product key {}", key.masked()), words);
        }
    }
    let foreign = import.plan.merge.foreign_names(inventory);
    if !foreign.is_empty() {
        let words = format!(
            "what other programs wrote beside the computers is taken over where this list has nothing of that name: {}",
            foreign.join(", ")
        );
        import.note(None, "", words);
    }
    for row in loaded.inventory.products().filter(|p| p.computer.is_none()) {
        import.proxy_row(row);
    }
    let plan = &mut import.plan;
    let counts = plan.merge.counts_of(|row| matches!(row.record, RowRecord::Product(..)));
    let changing = counts.newer_there + counts.conflicts;
    plan.matched += counts.same + counts.newer_here + changing;
    plan.added += counts.new;
    plan.already_known += counts.same + counts.newer_here;
    plan.confirmation_ids += counts.confirmation_ids;
    import.plan
}

struct Import<'i> {
    inventory: &'i Inventory,
    now: DateTime<Utc>,
    plan: ImportPlan,
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
            .as_deref()
            .into_iter()
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
        let held = || known.confirmations();
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
