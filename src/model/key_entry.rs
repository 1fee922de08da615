//! A product key the organisation owns, as an entry of the list.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ExtendedPid, Failure, Foreign, KeyType, LastFive, Product, ProductKey, SealedKey, Text};

/// Identity of a key entry within a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyEntryId(pub Uuid);

impl KeyEntryId {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6d61_6b65_6570_6572_0000_0000_006b_6579);

    /// The identity of an entry that came without one; the same in every load.
    pub fn derive(seed: &str) -> Self {
        Self(Uuid::new_v5(&Self::NAMESPACE, seed.as_bytes()))
    }
}

/// How many activations a MAK has left, as the activation service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemainingCount {
    /// Activations left; `None` means the service does not count this key ("not available"), never 0.
    pub left: Option<u32>,
    /// When it was asked; `None` when a foreign list did not say.
    pub at: Option<DateTime<Utc>>,
}

/// One owned product key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Identity within the list.
    pub id: KeyEntryId,
    /// The key; `None` in a list without keys, and while a sealed one is locked.
    #[serde(with = "super::in_clear")]
    pub key: Option<ProductKey>,
    /// The key as a sealed list keeps it; `None` in other lists.
    #[serde(default)]
    pub sealed: Option<SealedKey>,
    /// Last five characters; `None` when the file had neither.
    pub last_five: Option<LastFive>,
    /// Key id as VAMT's files have it; empty when none.
    pub key_id: Text,
    /// What it is for, e.g. `Windows 10/11 Enterprise MAK`.
    pub description: Text,
    /// Type.
    pub key_type: KeyType,
    /// Editions it fits, separated by `;`.
    pub supported_editions: Text,
    /// SKUs it fits, as the file has them.
    pub supported_sku: Text,
    /// A note by the administrator.
    pub remarks: Text,
    /// Activations left; `None`: never asked.
    pub remaining: Option<RemainingCount>,
    /// Most activations ever seen left: the full length of the bar. `None`: never asked.
    pub most_seen: Option<u32>,
    /// Warn when fewer than this are left.
    pub low_water: Option<u32>,
    /// Why the last refresh failed; `None`: it did not.
    pub last_failure: Option<Failure>,
    /// When the entry last changed.
    pub last_update: Option<DateTime<Utc>>,
    /// What the file said that we have no field for.
    pub foreign: Foreign,
}

impl KeyEntry {
    /// An entry for a key just typed.
    pub fn of(key: ProductKey, key_type: KeyType) -> Self {
        Self {
            id: KeyEntryId::derive(key.reveal()),
            last_five: Some(key.last_five()),
            key: Some(key),
            sealed: None,
            key_id: Text::default(),
            description: Text::default(),
            key_type,
            supported_editions: Text::default(),
            supported_sku: Text::default(),
            remarks: Text::default(),
            remaining: None,
            most_seen: None,
            low_water: None,
            last_failure: None,
            last_update: None,
            foreign: Foreign::default(),
        }
    }

    /// True if the key is there, but sealed, and nobody gave the passphrase.
    pub fn is_locked(&self) -> bool {
        self.key.is_none() && self.sealed.is_some()
    }

    /// The key, masked, or its last five, or a dash.
    pub fn masked(&self) -> String {
        match (&self.key, self.last_five) {
            (Some(key), _) => key.to_string(),
            (None, Some(five)) => format!("•••••-•••••-•••••-•••••-{five}"),
            (None, None) => "—".into(),
        }
    }

    /// True if `product` carries this key. By group and serial of the extended PID for 2009 keys (certain), else by the last
    /// five characters.
    pub fn is_installed_on(&self, product: &Product) -> bool {
        let decoded = self.key.as_ref().and_then(ProductKey::group_and_serial);
        if let (Some((group, serial)), Some(pid)) = (decoded, &product.product_key_id) {
            return pid.key_group() == group && pid.serial() == serial;
        }
        self.last_five.is_some() && self.last_five == product.partial_product_key
    }

    /// Fewer activations left than the mark (0 when no mark is set). `None` when the count is not known.
    pub fn is_low(&self) -> Option<bool> {
        let left = self.remaining?.left?;
        Some(left < self.low_water.unwrap_or(1))
    }

    /// The extended PID to ask the service about this key when it is installed nowhere: VAMT's form with the prefix 12345.
    /// Inferred, not documented; `None` for keys of the 2005 generation, whose group and serial cannot be read.
    pub fn synthetic_pid(&self) -> Option<ExtendedPid> {
        let (group, serial) = self.key.as_ref()?.group_and_serial()?;
        let text = format!(
            "12345-{group:05}-{:03}-{:06}-03-1033-9200.0000-0012013",
            serial / 1_000_000,
            serial % 1_000_000
        );
        ExtendedPid::parse(&text).ok()
    }
}
