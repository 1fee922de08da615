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
    /// Activations left; `None`: not available, or a key of a kind that is not counted.
    pub left: Option<u32>,
    /// When that was asked.
    pub left_asked: Option<DateTime<Utc>>,
}

impl KeyPrice {
    /// The activation service counts its activations. It does so for MAKs alone: retail and KMS host keys have no pool here.
    pub fn is_counted(&self) -> bool {
        self.key_type == KeyType::Mak
    }

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
    /// Activations the run may spend, of whatever key.
    pub fn activations(&self) -> usize {
        self.keys.iter().map(|k| k.needed).sum()
    }

    /// The MAKs that pay.
    pub fn maks(&self) -> impl Iterator<Item = &KeyPrice> {
        self.keys.iter().filter(|k| k.is_counted())
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
            Job::AcquireConfirmationIds { products } => {
                let paying = asked_for(products, inventory, Product::needs_confirmation_id);
                price.requests = paying.len();
                paying
            }
            Job::ProxyActivate { products } => {
                // An installation ID that is not known yet is read on the way.
                let paying = asked_for(products, inventory, |p| {
                    p.accepts_confirmation_id()
                        && p.license_status != LicenseStatus::Licensed
                        && p.usable_confirmation().is_none()
                });
                price.requests = paying.len();
                paying
            }
            Job::RefreshCounts { keys } => {
                price.requests = keys.len();
                Vec::new()
            }
            Job::UpdateStatus { .. }
            | Job::Probe { .. }
            | Job::InstallKey { .. }
            | Job::ApplyConfirmationIds { .. } => Vec::new(),
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

/// Products of `wanted` whose installation ID has no confirmation ID anywhere in the list; one per installation ID.
fn asked_for<'a>(ids: &'a [ProductId], inventory: &'a Inventory, wanted: fn(&Product) -> bool) -> Vec<&'a Product> {
    let known = inventory.confirmations();
    let mut asked = HashSet::new();
    distinct(ids, inventory)
        .filter(|p| wanted(p))
        .filter(|p| {
            let iid = p.installation_id.as_ref();
            iid.is_none_or(|iid| !known.contains_key(iid) && asked.insert(iid))
        })
        .collect()
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
        let is_mak = product.key_type == KeyType::Mak;
        let one_key = (pid, product.partial_product_key, product.key_type);
        let price = groups.entry(one_key).or_insert_with(|| {
            let entry = inventory.key_of(product);
            KeyPrice {
                key: entry.map(|k| k.id),
                last_five: product.partial_product_key.or_else(|| entry.and_then(|k| k.last_five)),
                key_type: product.key_type,
                needed: 0,
                left: entry.filter(|_| is_mak).and_then(|k| k.remaining?.left),
                left_asked: entry.filter(|_| is_mak).and_then(|k| k.remaining?.at),
            }
        });
        price.needed += 1;
    }
    let mut keys: Vec<KeyPrice> = groups.into_values().collect();
    keys.sort_by_key(|k| (std::cmp::Reverse(k.needed), k.last_five));
    keys
}

impl fmt::Display for Price {
    /// `212 products, 3 MAKs, up to 212 activations; 180 left on X5X5X: 32 will fail`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        if self.keys.is_empty() {
            return write!(f, "{}, no activation is spent", plural(self.rows, "row"));
        }
        write!(f, "{}", plural(self.rows, "product"))?;
        let spent: usize = self.maks().map(|k| k.needed).sum();
        if spent > 0 {
            let (maks, activations) = (plural(self.maks().count(), "MAK"), plural(spent, "activation"));
            write!(f, ", {maks}, up to {activations}")?;
        }
        // Of rows that came without their keys, as a carried export does, nobody can tell one key from the other.
        let mut nameless = 0;
        for key in self.maks() {
            let Some(name) = key.last_five else {
                nameless += 1;
                continue;
            };
            match key.left {
                Some(left) if key.will_fail() > 0 => {
                    write!(f, "; {left} left on {name}: {} will fail", key.will_fail())?;
                }
                Some(left) => write!(f, "; {left} left on {name}")?,
                None => write!(f, "; activations left on {name} not available")?,
            }
        }
        match nameless {
            0 => {}
            1 => write!(f, "; activations left on a MAK that is not in the list not available")?,
            n => write!(
                f,
                "; activations left on {n} MAKs that are not in the list not available"
            )?,
        }
        let uncounted: Vec<&KeyPrice> = self.keys.iter().filter(|k| !k.is_counted()).collect();
        if uncounted.is_empty() {
            return Ok(());
        }
        let mut kinds: Vec<&str> = uncounted.iter().map(|k| k.key_type.label()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let products = plural(uncounted.iter().map(|k| k.needed).sum(), "product");
        write!(
            f,
            "; {products} with keys whose activations are not counted: {}",
            kinds.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ApplicationId, Change, ComputerId, ExtendedPid, InstallationId, KeyEntry, ProductKey, RemainingCount,
    };

    const IIDS: [&str; 2] = [
        "000963843315259493598506854253663081409973656140419231",
        "253037440405119108201413961093786848722385303726677949056629205",
    ];

    /// A list with one key that has `left` activations, and products on it with these installation IDs.
    fn list(left: Option<u32>, iids: &[Option<&str>]) -> (Inventory, Vec<ProductId>) {
        let mut inventory = Inventory::default();
        let key = ProductKey::parse("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4").unwrap();
        let mut entry = KeyEntry::of(key.clone(), KeyType::Mak);
        entry.remaining = Some(RemainingCount { left, at: None });
        inventory.apply(&Change::PutKey(Box::new(entry))).unwrap();
        let mut products = Vec::new();
        for (i, iid) in iids.iter().enumerate() {
            let id = ProductId::derive(ComputerId::from_name(&i.to_string()), ApplicationId::WINDOWS, None);
            let mut product = Product::new(id, None, ApplicationId::WINDOWS);
            product.key_type = KeyType::Mak;
            product.partial_product_key = Some(key.last_five());
            product.product_key_id = ExtendedPid::parse("12345-90101-004-000001-03-1033-9200.0000-1962009").ok();
            product.installation_id = iid.map(|t| InstallationId::parse(t).unwrap());
            inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
            products.push(id);
        }
        (inventory, products)
    }

    #[test]
    fn one_installation_id_is_paid_for_once() {
        let (inventory, products) = list(Some(1), &[Some(IIDS[0]), Some(IIDS[0]), Some(IIDS[1])]);
        let price = Price::of(&Job::AcquireConfirmationIds { products }, &inventory);
        assert_eq!(
            (price.rows, price.free, price.requests, price.will_fail()),
            (3, 1, 2, 1)
        );
        assert_eq!(
            price.to_string(),
            "3 products, 1 MAK, up to 2 activations; 1 left on WC2C4: 1 will fail"
        );
    }

    #[test]
    fn a_proxy_activation_also_pays_for_installation_ids_that_are_not_read_yet() {
        let (inventory, products) = list(Some(5), &[None, Some(IIDS[0])]);
        let acquire = Price::of(
            &Job::AcquireConfirmationIds {
                products: products.clone(),
            },
            &inventory,
        );
        let proxy = Price::of(&Job::ProxyActivate { products }, &inventory);
        assert_eq!((acquire.activations(), proxy.activations()), (1, 2));
    }

    #[test]
    fn a_count_that_is_not_available_promises_and_threatens_nothing() {
        let (inventory, products) = list(None, &[Some(IIDS[0])]);
        let price = Price::of(&Job::Activate { products }, &inventory);
        assert_eq!((price.activations(), price.will_fail()), (1, 0));
        assert!(
            price.to_string().contains("activations left on WC2C4 not available"),
            "{price}"
        );
    }

    #[test]
    fn keys_without_names_are_counted_not_listed() {
        let pids = [
            "12345-90101-004-000001-03-1033-9200.0000-1962009",
            "12345-90102-004-000001-03-1033-9200.0000-1962009",
        ];
        let mut inventory = Inventory::default();
        let products: Vec<ProductId> = pids
            .iter()
            .enumerate()
            .map(|(i, pid)| {
                let id = ProductId::derive(ComputerId::from_name(&i.to_string()), ApplicationId::WINDOWS, None);
                let mut product = Product::new(id, None, ApplicationId::WINDOWS);
                product.key_type = KeyType::Mak;
                product.product_key_id = ExtendedPid::parse(pid).ok();
                product.installation_id = InstallationId::parse(IIDS[i]).ok();
                inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
                id
            })
            .collect();
        let price = Price::of(&Job::AcquireConfirmationIds { products }, &inventory);
        assert_eq!(
            price.to_string(),
            "2 products, 2 MAKs, up to 2 activations; activations left on 2 MAKs that are not in the list not available"
        );
    }

    #[test]
    fn retail_and_kms_host_keys_are_not_counted_against_a_mak() {
        let (mut inventory, products) = list(Some(1), &[Some(IIDS[0]), Some(IIDS[1]), None]);
        for (id, kind) in products.iter().zip([KeyType::Mak, KeyType::Retail, KeyType::Csvlk]) {
            // The same last five characters and number: only the kind tells them apart.
            let mut product = (**inventory.product(*id).unwrap()).clone();
            product.key_type = kind;
            inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
        }
        let price = Price::of(&Job::Activate { products }, &inventory);
        assert_eq!((price.activations(), price.will_fail()), (3, 0));
        let uncounted: Vec<_> = price.keys.iter().filter(|k| !k.is_counted()).collect();
        assert!(uncounted.iter().all(|k| k.left.is_none()), "{uncounted:?}");
        let told = price.to_string();
        assert!(
            told.starts_with("3 products, 1 MAK, up to 1 activation; 1 left on WC2C4; 2 products with keys"),
            "{told}"
        );
        assert!(
            told.contains(KeyType::Retail.label()) && told.contains(KeyType::Csvlk.label()),
            "{told}"
        );
    }

    #[test]
    fn what_spends_nothing_says_so() {
        let (inventory, products) = list(Some(5), &[Some(IIDS[0])]);
        let price = Price::of(&Job::ApplyConfirmationIds { products }, &inventory);
        assert_eq!(price.to_string(), "1 row, no activation is spent");
    }
}
