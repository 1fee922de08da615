//! What a product key says about itself, for the moment it enters the list.

use super::gvlk::{Gvlk, gvlk};
use crate::model::{KeyFormat, KeyType, ProductKey};

/// What can be read from a product key without asking anybody.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// Encoding. A key of the 2009 generation has passed its checksum; a 2005 key carries none.
    pub format: KeyFormat,
    /// Key group of a 2009 key: stands in the extended PID of every product that carries a key of this kind.
    pub group: Option<u32>,
    /// Serial within the group.
    pub serial: Option<u32>,
    /// Whether it is a published KMS client setup key.
    pub published: Option<Published>,
}

/// How a key relates to Microsoft's published KMS client setup keys.
#[derive(Debug, Clone)]
pub enum Published {
    /// It is one of them.
    Key(&'static Gvlk),
    /// It is not in the list, but its group is that of a published one: another client setup key of the same product.
    /// Two releases may share a group, hence several.
    Group(Vec<&'static Gvlk>),
}

impl KeyInfo {
    /// The key type, as far as the key tells it: client setup keys are recognised, everything else is unknown until a
    /// computer or the activation service says more.
    pub fn suggested_key_type(&self) -> KeyType {
        if self.published.is_some() {
            KeyType::Gvlk
        } else {
            KeyType::Unknown
        }
    }

    /// In words, e.g. `KMS client setup key of Windows 11 / Windows 10 Enterprise`.
    pub fn summary(&self) -> String {
        match (&self.published, self.group, self.serial) {
            (Some(Published::Key(entry)), ..) => format!("published KMS client setup key of {}", entry.title()),
            (Some(Published::Group(entries)), ..) => {
                let titles: Vec<_> = entries.iter().map(|e| e.title()).collect();
                format!(
                    "KMS client setup key of {} (same key group as the published one)",
                    titles.join(" or ")
                )
            }
            (None, Some(group), Some(serial)) => {
                format!("group {group:05}, serial {serial:09}, checksum verified; not a published client setup key")
            }
            _ => "key of the 2005 generation, which carries no checksum; not a published client setup key".into(),
        }
    }
}

/// Describes `key`.
pub fn describe_key(key: &ProductKey) -> KeyInfo {
    let (group, serial) = key.group_and_serial().unzip();
    let exact = gvlk().iter().find(|g| g.key == *key).map(Published::Key);
    let published = exact.or_else(|| {
        let same: Vec<_> = gvlk().iter().filter(|g| group.is_some() && g.group == group).collect();
        (!same.is_empty()).then_some(Published::Group(same))
    });
    KeyInfo {
        format: key.format(),
        group,
        serial,
        published,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_client_setup_key_is_recognised() {
        let info = describe_key(&ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT43").unwrap());
        assert_eq!(info.suggested_key_type(), KeyType::Gvlk);
        assert_eq!((info.group, info.serial), (Some(3290), Some(3)));
        assert!(
            info.summary().contains("Windows 11 / Windows 10 Enterprise"),
            "{}",
            info.summary()
        );
    }

    #[test]
    fn a_key_of_the_2005_generation_is_recognised_by_value_alone() {
        let published = describe_key(&ProductKey::parse("YC6KT-GKW9T-YTKYR-T4X34-R7VHC").unwrap());
        assert!(matches!(published.published, Some(Published::Key(g)) if g.edition == "Standard"));
        let other = describe_key(&ProductKey::parse("FKFKF-TTTTT-FKFKF-TTTTT-22222").unwrap());
        assert!(other.published.is_none() && other.group.is_none());
        assert_eq!(other.suggested_key_type(), KeyType::Unknown);
    }
}
