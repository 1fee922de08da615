//! The lab's product keys: constants that only the lab accepts.
//!
//! They are text in the form of the 2005 generation, which has no checksum, so nothing was computed to make them, and
//! they begin with `FKFKF-TRYMY` so that nobody takes them for real ones. No Microsoft service knows them.

use crate::model::{ExtendedPid, KeyType, ProductKey};

/// Which products of a simulated computer a lab key can be installed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFit {
    /// Every volume edition of a Windows client, Vista to 11.
    WindowsClient,
    /// Every edition of Windows Server, 2008 to 2025.
    WindowsServer,
    /// Every Windows: a KMS host key may be put on a client too (which is a mistake that administrators make).
    AnyWindows,
    /// Office 2010, Visio 2010 and Project 2010.
    Office2010,
    /// Office, Visio and Project 2013 and later.
    Office2013AndLater,
}

/// A key of the lab and what the lab's activation service knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabKey {
    /// What it is, for people.
    pub name: &'static str,
    /// All 25 characters with hyphens.
    pub text: &'static str,
    /// The kind of key.
    pub kind: KeyType,
    /// What it can be installed for.
    pub fit: KeyFit,
    /// The key group in the extended PID (fictitious).
    pub group: u32,
    /// The serial in the extended PID (fictitious).
    pub serial: u32,
    /// How many computers it activates when the lab starts fresh; for a MAK the pool that is reported.
    pub limit: u32,
    /// The service refuses the key.
    pub blocked: bool,
}

/// Windows client MAK, 1000 activations.
pub const WINDOWS_CLIENT_MAK: LabKey = mak(
    "Windows client MAK",
    "FKFKF-TRYMY-WWCCT-MKMKM-WC2C4",
    KeyFit::WindowsClient,
    90101,
    1000,
);
/// Windows Server MAK, 300 activations.
pub const WINDOWS_SERVER_MAK: LabKey = mak(
    "Windows Server MAK",
    "FKFKF-TRYMY-WWRVR-MKMKM-RV2R4",
    KeyFit::WindowsServer,
    90102,
    300,
);
/// Office 2010 MAK, 100 activations.
pub const OFFICE_2010_MAK: LabKey = mak(
    "Office 2010 MAK",
    "FKFKF-TRYMY-FFCCX-MKMKM-FC2T2",
    KeyFit::Office2010,
    90103,
    100,
);
/// MAK for Office 2013 and later, 250 activations.
pub const OFFICE_MAK: LabKey = mak(
    "Office MAK (2013 and later)",
    "FKFKF-TRYMY-FFCCX-MKMKM-FC4T4",
    KeyFit::Office2013AndLater,
    90104,
    250,
);
/// A Windows client MAK that the activation service has blocked.
pub const BLOCKED_MAK: LabKey = LabKey {
    blocked: true,
    ..mak(
        "Windows client MAK, blocked",
        "FKFKF-TRYMY-BKBKB-MKMKM-BKDX2",
        KeyFit::WindowsClient,
        90105,
        50,
    )
};
/// A Windows client MAK with only three activations left.
pub const EXHAUSTED_MAK: LabKey = mak(
    "Windows client MAK, three activations",
    "FKFKF-TRYMY-XHXHX-MKMKM-XH3XH",
    KeyFit::WindowsClient,
    90106,
    3,
);
/// A KMS host key for Windows, six hosts.
pub const WINDOWS_CSVLK: LabKey = LabKey {
    kind: KeyType::Csvlk,
    ..mak(
        "Windows KMS host key",
        "FKFKF-TRYMY-KMHHT-WWRVR-KM8HT",
        KeyFit::AnyWindows,
        90107,
        6,
    )
};
/// A retail key for Windows clients, five activations.
pub const WINDOWS_RETAIL: LabKey = LabKey {
    kind: KeyType::Retail,
    ..mak(
        "Windows retail key",
        "FKFKF-TRYMY-RTRTR-WWCCT-RT2RT",
        KeyFit::WindowsClient,
        90108,
        5,
    )
};

/// Every key of the lab.
pub const ALL: &[LabKey] = &[
    WINDOWS_CLIENT_MAK,
    WINDOWS_SERVER_MAK,
    OFFICE_2010_MAK,
    OFFICE_MAK,
    BLOCKED_MAK,
    EXHAUSTED_MAK,
    WINDOWS_CSVLK,
    WINDOWS_RETAIL,
];

const fn mak(name: &'static str, text: &'static str, fit: KeyFit, group: u32, limit: u32) -> LabKey {
    LabKey {
        name,
        text,
        kind: KeyType::Mak,
        fit,
        group,
        serial: 4_000_001,
        limit,
        blocked: false,
    }
}

impl LabKey {
    /// The last five characters.
    pub fn last_five(&self) -> &'static str {
        self.text.get(24..).unwrap_or_default()
    }

    /// The key as the rest of the program handles keys. `None` never happens for the constants of this module.
    pub fn product_key(&self) -> Option<ProductKey> {
        ProductKey::parse(self.text).ok()
    }

    /// The key whose extended PID this is.
    pub fn by_pid(pid: &ExtendedPid) -> Option<&'static Self> {
        ALL.iter()
            .find(|k| k.group == pid.key_group() && k.serial == pid.serial())
    }

    /// The key with this text, written with hyphens in capitals.
    pub fn by_text(text: &str) -> Option<&'static Self> {
        ALL.iter().find(|k| k.text == text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::KeyFormat;

    #[test]
    fn every_key_parses_is_of_the_2005_form_and_looks_fictitious() {
        let mut seen = BTreeSet::new();
        for key in ALL {
            let parsed = key.product_key().unwrap_or_else(|| panic!("{}", key.name));
            assert_eq!(parsed.reveal(), key.text);
            assert_eq!(parsed.format(), KeyFormat::Pkey2005, "{}", key.name);
            assert_eq!(parsed.last_five().as_str(), key.last_five());
            assert!(key.text.starts_with("FKFKF-TRYMY-"));
            assert!(
                seen.insert(key.last_five()),
                "{} shares its last five characters",
                key.name
            );
        }
    }
}
