//! Every mutation of the inventory is a value: it can be journalled, replayed, shown and undone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::found::SavedDiscovery;
use super::{
    Action, Asked, Computer, ComputerId, Confirmation, ConfirmationId, Contact, Failure, Foreign, InstallationId,
    Inventory, KeyEntry, KeyEntryId, ListHeader, Observation, Product, ProductId, RemainingCount, Text, WayIn,
};

/// One mutation of the inventory.
///
/// Applying the same change twice is the same as applying it once, so that a journal may overlap a saved list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A computer was added or edited.
    PutComputer(Box<Computer>),
    /// A computer was removed, with its products.
    RemoveComputer(ComputerId),
    /// A product was added or edited (import, merge, remarks). Confirmation IDs that the row holds stay, whether the new
    /// record knows them or not: it may have been made before they came.
    PutProduct(Box<Product>),
    /// A product was brought back to exactly this state: an edit was undone.
    RestoreProduct(Box<Product>),
    /// A product was removed.
    RemoveProduct(ProductId),
    /// A key entry was added or edited.
    PutKey(Box<KeyEntry>),
    /// A key entry was removed.
    RemoveKey(KeyEntryId),
    /// A computer answered.
    Observed(Box<Observation>),
    /// A computer could not be asked.
    NotReached {
        /// The computer.
        computer: ComputerId,
        /// When the attempt ended.
        at: DateTime<Utc>,
        /// Why.
        failure: Failure,
    },
    /// A computer answered a knock. Nobody signed in.
    Reached {
        /// The computer.
        computer: ComputerId,
        /// When.
        at: DateTime<Utc>,
        /// The way that is open.
        way: Option<WayIn>,
    },
    /// Something was done to a product.
    Acted {
        /// The product.
        product: ProductId,
        /// What, when, and how it ended.
        action: Action,
    },
    /// A confirmation ID is about to be asked for. Journalled before the request leaves.
    Asked {
        /// The product.
        product: ProductId,
        /// The installation ID that is sent, and when.
        asked: Asked,
    },
    /// A confirmation ID arrived (from the service, an import, or by hand). Journalled before anyone sees it.
    Confirmed {
        /// The product.
        product: ProductId,
        /// The installation ID it was given for.
        installation_id: InstallationId,
        /// The confirmation ID.
        confirmation_id: ConfirmationId,
        /// When it arrived.
        at: DateTime<Utc>,
    },
    /// The service answered without a confirmation ID, or it is certain that the request never reached it.
    NotConfirmed {
        /// The product.
        product: ProductId,
        /// When.
        at: DateTime<Utc>,
        /// Why.
        failure: Failure,
    },
    /// The service told how many activations a key has left.
    Counted {
        /// The key entry.
        key: KeyEntryId,
        /// The count.
        remaining: RemainingCount,
    },
    /// The service could not be asked for a count. The last known count stays.
    NotCounted {
        /// The key entry.
        key: KeyEntryId,
        /// When.
        at: DateTime<Utc>,
        /// Why.
        failure: Failure,
    },
    /// What the list keeps of other programs outside its records is this from now on.
    KeepForeign {
        /// Of the root, see [`super::ListHeader::root`].
        root: Foreign,
        /// Of the container of the records, see [`super::ListHeader::data`].
        data: Foreign,
    },
    /// A discovery was saved under its name, or replaced.
    SaveDiscovery(Box<SavedDiscovery>),
    /// A saved discovery was removed.
    RemoveDiscovery(Text),
    /// These hosts, and no others, may answer for KMS.
    ApproveKmsHosts(Vec<Text>),
}

/// Why a change was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The product is not in the list.
    #[error("the list has no product {}", .0.0)]
    NoSuchProduct(ProductId),
    /// The computer is not in the list.
    #[error("the list has no computer {}", .0.0)]
    NoSuchComputer(ComputerId),
    /// The key entry is not in the list.
    #[error("the list has no such product key")]
    NoSuchKey(KeyEntryId),
    /// Another computer has this name.
    #[error("another computer of the list is already called {name}")]
    NameTaken {
        /// The name.
        name: Text,
    },
    /// A computer without a name.
    #[error("a computer needs a name or an address")]
    Nameless,
    /// A saved discovery without a name.
    #[error("a saved discovery needs a name")]
    NamelessDiscovery,
}

impl Change {
    /// True if losing this change could cost an activation: it is forced to the disk at once.
    pub fn is_money(&self) -> bool {
        match self {
            Self::Asked { .. } | Self::Confirmed { .. } => true,
            // An import may bring confirmation IDs that somebody else paid for.
            Self::PutProduct(product) | Self::RestoreProduct(product) => {
                product.confirmation.is_some() || !product.earlier_confirmations.is_empty() || product.asked.is_some()
            }
            _ => false,
        }
    }
}

impl Inventory {
    /// Applies one change, or refuses it and leaves everything as it was.
    #[expect(clippy::too_many_lines, reason = "one arm for each change")]
    pub fn apply(&mut self, change: &Change) -> Result<(), ChangeError> {
        match change {
            Change::PutComputer(computer) => {
                if computer.name.trim().is_empty() {
                    return Err(ChangeError::Nameless);
                }
                if self
                    .computer_by_name(&computer.name)
                    .is_some_and(|other| other.id != computer.id)
                {
                    return Err(ChangeError::NameTaken {
                        name: computer.name.clone(),
                    });
                }
                self.put_computer((**computer).clone());
            }
            Change::RemoveComputer(id) => {
                self.remove_computer(*id);
            }
            Change::PutProduct(product) => {
                let mut product = (**product).clone();
                if let Some(known) = self.product(product.id) {
                    product.keep_confirmations_of(known);
                }
                self.place_product(product)?;
            }
            Change::RestoreProduct(product) => self.place_product((**product).clone())?,
            Change::RemoveProduct(id) => {
                self.remove_product(*id);
            }
            Change::PutKey(key) => self.put_key((**key).clone()),
            Change::RemoveKey(id) => {
                self.remove_key(*id);
            }
            Change::Observed(observation) => {
                self.computer(observation.computer)
                    .ok_or(ChangeError::NoSuchComputer(observation.computer))?;
                observation.apply(self);
            }
            Change::NotReached { computer, at, failure } => {
                let known = self.computer(*computer).ok_or(ChangeError::NoSuchComputer(*computer))?;
                let contact = Some(Contact {
                    at: *at,
                    failure: Some(Box::new(failure.clone())),
                    way: known.known_way(),
                });
                self.put_computer(Computer {
                    contact,
                    ..(**known).clone()
                });
            }
            Change::Reached { computer, at, way } => {
                let known = self.computer(*computer).ok_or(ChangeError::NoSuchComputer(*computer))?;
                let contact = Some(Contact {
                    at: *at,
                    failure: None,
                    // The way that led in is worth more than one that is open.
                    way: known.known_way().or(*way),
                });
                self.put_computer(Computer {
                    contact,
                    ..(**known).clone()
                });
            }
            Change::Acted { product, action } => self.edit_product(*product, |p| {
                p.last_updated = action.at.or(p.last_updated);
                p.last_action = Some(action.clone());
            })?,
            Change::Asked { product, asked } => {
                self.edit_product(*product, |p| p.asked = Some(Box::new(asked.clone())))?;
            }
            Change::Confirmed {
                product,
                installation_id,
                confirmation_id,
                at,
            } => {
                self.edit_product(*product, |p| {
                    p.asked = None;
                    p.last_updated = Some(*at);
                    p.last_action = Some(Action {
                        at: Some(*at),
                        what: "Confirmation ID acquired".into(),
                        failure: None,
                    });
                    p.keep_confirmation(Confirmation {
                        installation_id: Some(installation_id.clone()),
                        confirmation_id: confirmation_id.clone(),
                        acquired: Some(*at),
                    });
                })?;
            }
            Change::NotConfirmed { product, at, failure } => self.edit_product(*product, |p| {
                p.asked = None;
                p.last_updated = Some(*at);
                p.last_action = Some(Action {
                    at: Some(*at),
                    what: "Confirmation ID not acquired".into(),
                    failure: Some(Box::new(failure.clone())),
                });
            })?,
            Change::Counted { key, remaining } => self.edit_key(*key, |k| {
                k.remaining = Some(*remaining);
                k.most_seen = k.most_seen.max(remaining.left);
                k.last_failure = None;
                k.last_update = remaining.at.or(k.last_update);
            })?,
            Change::NotCounted { key, at, failure } => self.edit_key(*key, |k| {
                k.last_failure = Some(failure.clone());
                k.last_update = Some(*at);
            })?,
            Change::KeepForeign { root, data } => self.keep_foreign(root, data),
            Change::SaveDiscovery(saved) if saved.name.trim().is_empty() => return Err(ChangeError::NamelessDiscovery),
            Change::SaveDiscovery(_) | Change::RemoveDiscovery(_) | Change::ApproveKmsHosts(_) => {
                let mut header = self.header().clone();
                header.apply_saved(change);
                self.set_header(header);
            }
        }
        Ok(())
    }

    fn keep_foreign(&mut self, root: &Foreign, data: &Foreign) {
        self.set_header(ListHeader {
            root: root.clone(),
            data: data.clone(),
            ..self.header().clone()
        });
    }

    fn place_product(&mut self, product: Product) -> Result<(), ChangeError> {
        if let Some(computer) = product.computer {
            self.computer(computer).ok_or(ChangeError::NoSuchComputer(computer))?;
        }
        self.put_product(product);
        Ok(())
    }

    fn edit_product(&mut self, id: ProductId, edit: impl FnOnce(&mut Product)) -> Result<(), ChangeError> {
        let mut product = (**self.product(id).ok_or(ChangeError::NoSuchProduct(id))?).clone();
        edit(&mut product);
        self.put_product(product);
        Ok(())
    }

    fn edit_key(&mut self, id: KeyEntryId, edit: impl FnOnce(&mut KeyEntry)) -> Result<(), ChangeError> {
        let mut key = (**self.key(id).ok_or(ChangeError::NoSuchKey(id))?).clone();
        edit(&mut key);
        self.put_key(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ApplicationId;

    #[test]
    fn rows_that_carry_confirmation_ids_are_money() {
        let id = ProductId(uuid::Uuid::from_u128(1));
        let mut product = Product::new(id, None, ApplicationId::WINDOWS);
        assert!(!Change::PutProduct(Box::new(product.clone())).is_money());
        let confirmation_id = ConfirmationId::parse(&"0".repeat(48)).unwrap();
        product.earlier_confirmations.push(Confirmation {
            installation_id: None,
            confirmation_id,
            acquired: None,
        });
        assert!(Change::PutProduct(Box::new(product)).is_money());
    }

    #[test]
    fn a_confirmation_id_for_another_installation_id_does_not_displace_the_fitting_one() {
        // Five equal digits weigh a multiple of seven.
        let group = |digit: &str| digit.repeat(5) + "0";
        let iid = |digit: &str| InstallationId::parse(&group(digit).repeat(9)).unwrap();
        let cid = |digit: &str| ConfirmationId::parse(&group(digit).repeat(8)).unwrap();
        let id = ProductId(uuid::Uuid::from_u128(1));
        let mut product = Product::new(id, None, ApplicationId::WINDOWS);
        product.installation_id = Some(iid("0"));
        let mut inventory = Inventory::default();
        inventory.put_product(product);
        let mut confirm = |i: &str, c: &str| {
            let change = Change::Confirmed {
                product: id,
                installation_id: iid(i),
                confirmation_id: cid(c),
                at: DateTime::UNIX_EPOCH,
            };
            // Twice: replaying a journal must change nothing.
            inventory.apply(&change).unwrap();
            inventory.apply(&change).unwrap();
            let product = inventory.product(id).unwrap();
            let earlier: Vec<_> = product
                .earlier_confirmations
                .iter()
                .map(|c| c.confirmation_id.clone())
                .collect();
            (
                product.usable_confirmation().map(|c| c.confirmation_id.clone()),
                earlier,
            )
        };
        assert_eq!(confirm("0", "0"), (Some(cid("0")), vec![]));
        assert_eq!(confirm("7", "7"), (Some(cid("0")), vec![cid("7")]));
    }
}
