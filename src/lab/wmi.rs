//! Values and objects of the virtual WMI.

use chrono::{DateTime, SecondsFormat, Utc};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wmi {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    Time(DateTime<Utc>),
    Array(Vec<String>),
}

impl Wmi {
    /// As text, for comparing and for XML.
    pub fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(b) => b.to_string(),
            Self::Number(n) => n.to_string(),
            Self::Text(t) => t.clone(),
            Self::Time(t) => t.to_rfc3339_opts(SecondsFormat::Secs, true),
            Self::Array(items) => items.join(","),
        }
    }
}

impl From<&str> for Wmi {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Wmi {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Wmi {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Wmi {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Wmi {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// An object, or the parameters of a method: names and values, sorted by name as Windows sends them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub properties: Vec<(&'static str, Wmi)>,
}

impl Row {
    pub fn new(mut properties: Vec<(&'static str, Wmi)>) -> Self {
        properties.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        Self { properties }
    }

    /// The property with this name, in any case.
    pub fn get(&self, name: &str) -> Option<&Wmi> {
        self.properties
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }
}

/// Result codes that virtual computers answer with (reference: error-codes.csv).
pub(super) mod code {
    pub const ACCESS_DENIED: u32 = 0x8007_0005;
    pub const INVALID_ARGUMENT: u32 = 0x8007_0057;
    pub const WBEM_NOT_FOUND: u32 = 0x8004_1002;
    pub const WBEM_INVALID_PARAMETER: u32 = 0x8004_1008;
    pub const WBEM_INVALID_NAMESPACE: u32 = 0x8004_100E;
    pub const WBEM_INVALID_CLASS: u32 = 0x8004_1010;
    pub const WBEM_INVALID_QUERY: u32 = 0x8004_1017;
    pub const WBEM_INVALID_METHOD: u32 = 0x8004_102E;
    pub const KMS_NOT_IN_DNS: u32 = 0x8007_232B;
    pub const SERVICE_UNREACHABLE: u32 = 0xC004_FC03;
    pub const SERVICE_TIMED_OUT: u32 = 0x8007_2EE2;
    pub const KEY_BLOCKED: u32 = 0xC004_C003;
    pub const KEY_USED_UP: u32 = 0xC004_C008;
    pub const MAK_USED_UP: u32 = 0xC004_C020;
    pub const REARMS_USED_UP: u32 = 0xC004_D307;
    pub const NO_KEY: u32 = 0xC004_F014;
    pub const SKU_NOT_INSTALLED: u32 = 0xC004_F015;
    pub const CID_FORMAT: u32 = 0xC004_F02C;
    pub const CID_LENGTH: u32 = 0xC004_F02F;
    pub const CID_MISMATCH: u32 = 0xC004_F031;
    pub const KMS_COUNT_TOO_LOW: u32 = 0xC004_F038;
    pub const KMS_NOT_ACTIVATED: u32 = 0xC004_F041;
    pub const CID_CHECK_DIGITS: u32 = 0xC004_F04D;
    pub const INVALID_KEY: u32 = 0xC004_F050;
    pub const WRONG_SKU: u32 = 0xC004_F069;
    pub const KMS_UNAVAILABLE: u32 = 0xC004_F074;
    pub const CID_OTHER_KEY: u32 = 0xC004_F07E;
    pub const CID_OTHER_COMPUTER: u32 = 0xC004_F07F;
    pub const NO_ACTIVATION_OBJECT: u32 = 0xC004_F081;
    pub const NO_TOKEN_GRANT: u32 = 0xC004_F304;
    /// LicenseStatusReason of out-of-box grace.
    pub const OOB_GRACE: u32 = 0x4004_F00C;
}
