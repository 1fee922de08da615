//! What a run will cost before it starts: "activations are money".

use std::collections::{HashMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};

use super::Job;
use crate::model::{Inventory, KeyEntryId, KeyType, LastFive, LicenseStatus, Product, ProductId};

/// What a run will ask of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrice {
    /// The entry, when the list has the key.
    pub key: Option<KeyEntryId>,
    /// Last five characters of the key; `None` when the products do not tell.
    pub last_five: Option<LastFive>,
    /// Its type.
    pub key_type: KeyType,
    /// Activations the run may spend.
    pub needed: usize,
    /// Activations left; `None`: not available.
    pub left: Option<u32>,
    /// When that was asked.
    pub left_asked: Option<DateTime<Utc>>,
}

impl KeyPrice {
    /// How many products cannot be activated because the key runs out; 0 when the count is not known.
    pub fn will_fail(&self) -> usize {
        self.left.map_or(0, |left| self.needed.saturating_sub(left as usize))
    }
}

/// What a run will cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Price {
    /// Rows of the job.
    pub rows: usize,
    /// Rows for which nothing has to be done or nothing can be done without spending.
    pub free: usize,
    /// Questions to the activation service.
    pub requests: usize,
    /// Each key that pays, most needed first.
    pub keys: Vec<KeyPrice>,
}

impl Price {
    /// Activations the run may spend.
    pub fn activations(&self) -> usize {
        self.keys.iter().map(|k| k.needed).sum()
    }

    /// Products that cannot be activated because a key runs out, as far as counts are known.
    pub fn will_fail(&self) -> usize {
        self.keys.iter().map(KeyPrice::will_fail).sum()
    }

    /// What `job` will cost on this list. Touches nothing.
    pub fn of(job: &Job, inventory: &Inventory) -> Self {
        let mut price = Self {
            rows: job.subjects().len(),
            ..Self::default()
        };
        let paying: Vec<&Product> = match job {
            Job::Activate { products } => distinct(products, inventory)
                .filter(|p| spends_when_activated(p))
                .collect(),
            Job::AcquireConfirmationIds { products } | Job::ProxyActivate { products } => {
                let known = inventory.confirmations();
                let mut asked = HashSet::new();
                let paying: Vec<&Product> = distinct(products, inventory)
                    .filter(|p| p.needs_confirmation_id())
                    .filter(|p| {
                        p.installation_id
                            .as_ref()
                            .is_some_and(|iid| !known.contains_key(iid) && asked.insert(iid))
                    })
                    .collect();
                price.requests = paying.len();
                paying
            }
            Job::RefreshCounts { keys } => {
                price.requests = keys.len();
                Vec::new()
            }
            Job::UpdateStatus { .. } | Job::InstallKey { .. } | Job::ApplyConfirmationIds { .. } => Vec::new(),
        };
        price.free = price.rows.saturating_sub(paying.len());
        price.keys = by_key(&paying, inventory);
        price
    }
}

/// `Activate` on this product spends an activation of its key.
fn spends_when_activated(product: &Product) -> bool {
    product.license_status != LicenseStatus::Licensed
        && matches!(product.key_type, KeyType::Mak | KeyType::Csvlk | KeyType::Retail)
}

fn distinct<'a>(ids: &'a [ProductId], inventory: &'a Inventory) -> impl Iterator<Item = &'a Product> {
    let mut seen = HashSet::new();
    ids.iter()
        .filter(move |id| seen.insert(**id))
        .filter_map(|id| inventory.product(*id))
        .map(|p| &**p)
}

fn by_key(paying: &[&Product], inventory: &Inventory) -> Vec<KeyPrice> {
    // Products of one key agree in group and serial of their extended PIDs; the key entry is looked up once per key.
    let mut groups: HashMap<_, KeyPrice> = HashMap::new();
    for product in paying {
        let pid = product.product_key_id.as_ref().map(|p| (p.key_group(), p.serial()));
        let price = groups.entry((pid, product.partial_product_key)).or_insert_with(|| {
            let entry = inventory.key_of(product);
            KeyPrice {
                key: entry.map(|k| k.id),
                last_five: product.partial_product_key.or_else(|| entry.and_then(|k| k.last_five)),
                key_type: product.key_type,
                needed: 0,
                left: entry.and_then(|k| k.remaining?.left),
                left_asked: entry.and_then(|k| k.remaining?.at),
            }
        });
        price.needed += 1;
    }
    let mut keys: Vec<KeyPrice> = groups.into_values().collect();
    keys.sort_by_key(|k| (std::cmp::Reverse(k.needed), k.last_five));
    keys
}

impl fmt::Display for Price {
    /// `212 products, 3 keys, 180 activations left on X5X5X: 32 will fail`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        if self.keys.is_empty() {
            return write!(f, "{}, no activation is spent", plural(self.rows, "row"));
        }
        write!(
            f,
            "{}, {}, up to {}",
            plural(self.rows, "product"),
            plural(self.keys.len(), "key"),
            plural(self.activations(), "activation")
        )?;
        for key in &self.keys {
            let name = key
                .last_five
                .map_or_else(|| "a key that is not in the list".to_owned(), |five| five.to_string());
            match key.left {
                Some(left) if key.will_fail() > 0 => {
                    write!(f, "; {left} left on {name}: {} will fail", key.will_fail())?;
                }
                Some(left) => write!(f, "; {left} left on {name}")?,
                None => write!(f, "; activations left on {name} not available")?,
            }
        }
        Ok(())
    }
}
