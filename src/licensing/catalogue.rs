//! The error catalogue: what a code means and what to do about it, in plain words. Failures without a code are explained by
//! their class, in [`advice`](super::advice).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::HResult;

/// One code of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The code as documented: `0xC004F074`, or `BA 0x7F` for a code of the activation service.
    pub code: String,
    /// Name in the Windows SDK; empty when it has none.
    #[serde(rename = "sdk_constant")]
    pub constant: String,
    /// What happened, in one line.
    pub message: String,
    /// Where it occurs, e.g. `MAK`, `KMS client`, `offline`.
    pub activation_type: String,
    /// What causes it.
    #[serde(rename = "possible_cause")]
    pub cause: String,
    /// What to do.
    #[serde(rename = "troubleshooting")]
    pub remedy: String,
    /// Where the fact comes from; `INFERRED` marks what no source confirms.
    pub source: String,
}

impl Entry {
    /// The code as a result code; `None` for codes of the activation service.
    pub fn hresult(&self) -> Option<HResult> {
        HResult::parse(&self.code)
    }

    /// The short code of the activation service, e.g. 0x7F.
    pub fn service_code(&self) -> Option<u32> {
        let hex = self.code.strip_prefix("BA 0x")?;
        u32::from_str_radix(hex, 16).ok()
    }

    /// The meaning of this code was inferred, not documented.
    pub fn is_inferred(&self) -> bool {
        self.source.contains("INFERRED") || self.source.contains("unofficial")
    }
}

struct Catalogue {
    entries: Vec<Entry>,
    by_hresult: HashMap<u32, usize>,
    by_service_code: HashMap<u32, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let documented = csv::Reader::from_reader(include_bytes!("../../assets/error-codes.csv").as_slice());
    let mut entries: Vec<Entry> = documented.into_deserialize().filter_map(Result::ok).collect();
    entries.extend(SERVICE_FAULTS.iter().map(|(code, constant)| Entry {
        code: (*code).into(),
        constant: (*constant).into(),
        message: "Activation service: fault inside the service".into(),
        activation_type: SERVICE.into(),
        cause: "Trouble on the side of the service; neither the list nor the network is at fault".into(),
        remedy: "Try again later".into(),
        source: "activationws issue #5".into(),
    }));
    let index = |code: fn(&Entry) -> Option<u32>| {
        let pairs = entries.iter().enumerate();
        pairs.filter_map(|(i, e)| Some((code(e)?, i))).collect()
    };
    Catalogue {
        by_hresult: index(|e| e.hresult().map(|h| h.0)),
        by_service_code: index(Entry::service_code),
        entries,
    }
});

/// [`Entry::activation_type`] of the codes of the activation service.
pub(super) const SERVICE: &str = "MAK proxy";

/// .NET and COM result codes with which the activation service reports a fault of its own.
const SERVICE_FAULTS: &[(&str, &str)] = &[
    ("0x80131509", "COR_E_INVALIDOPERATION"),
    ("0x80131600", "COR_E_APPLICATION"),
    ("0x80004003", "E_POINTER"),
];

/// The documentation prints `0xC004F065`, Windows answers the informational `0x4004F065`.
const INFORMATIONAL_NON_GENUINE_GRACE: u32 = 0x4004_F065;

/// Every entry.
pub fn entries() -> &'static [Entry] {
    &CATALOGUE.entries
}

/// The entry of a result code.
pub fn explain(code: HResult) -> Option<&'static Entry> {
    let number = match code.0 {
        INFORMATIONAL_NON_GENUINE_GRACE => 0xC004_F065,
        other => other,
    };
    CATALOGUE
        .by_hresult
        .get(&number)
        .and_then(|i| CATALOGUE.entries.get(*i))
}

/// The entry of a code of the activation service, e.g. 0x7F.
pub fn explain_service(code: u32) -> Option<&'static Entry> {
    CATALOGUE
        .by_service_code
        .get(&code)
        .and_then(|i| CATALOGUE.entries.get(*i))
}

/// The entry that a person asks for: `0xC004F074`, `C004F074`, `-1073418124`, `3221549172`, `0x7F`, `127`, `BA 0x7F`,
/// `BA TLS`, `HTTP 500`, or an SDK name such as `SL_E_NOT_GENUINE`.
pub fn find(text: &str) -> Option<&'static Entry> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let bare = text
        .strip_prefix("BA ")
        .or_else(|| text.strip_prefix("ba "))
        .unwrap_or(text)
        .trim();
    if bare.len() == text.len()
        && let Some(entry) = HResult::parse(text).and_then(explain)
    {
        return Some(entry);
    }
    if let Some(entry) = HResult::parse(bare).and_then(|code| explain_service(code.0)) {
        return Some(entry);
    }
    entries().iter().find(|e| {
        e.constant.eq_ignore_ascii_case(text)
            || e.code.eq_ignore_ascii_case(text)
            || e.code.strip_prefix("BA ").is_some_and(|c| c.eq_ignore_ascii_case(bare))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_loads_and_says_something() {
        assert_eq!(entries().len(), 147 + SERVICE_FAULTS.len());
        for entry in entries() {
            assert!(!entry.message.is_empty(), "{}", entry.code);
            assert!(!entry.cause.is_empty() && !entry.remedy.is_empty(), "{}", entry.code);
            assert!(
                entry.hresult().is_some() || entry.code.starts_with("BA "),
                "{} can be found by no code",
                entry.code
            );
        }
    }

    #[test]
    fn what_an_isolated_computer_answers_to_online_activation_is_explained() {
        for code in [0x8007_2EE2, 0x8007_2EE7, 0x8007_2EFD, 0x8007_2EFE, 0x8007_2F8F] {
            let entry = explain(HResult(code)).unwrap();
            assert!(entry.remedy.contains("proxy activation"), "{}", entry.code);
        }
    }

    #[test]
    fn a_code_is_found_in_every_form_people_have_it() {
        for text in [
            "0xC004F074",
            "c004f074",
            "-1073418124",
            "3221549172",
            "SL_E_VL_BINDING_SERVICE_UNAVAILABLE",
        ] {
            assert_eq!(find(text).unwrap().code, "0xC004F074", "{text}");
        }
        for text in ["0x7F", "127", "BA 0x7F", "ba 0x7f"] {
            assert_eq!(find(text).unwrap().code, "BA 0x7F", "{text}");
        }
        assert_eq!(find("BA TLS").unwrap().code, "BA TLS");
        assert_eq!(find("http 500").unwrap().code, "BA HTTP 500");
        assert_eq!(find("-2146233079").unwrap().constant, "COR_E_INVALIDOPERATION");
        assert_eq!(find("5").unwrap().constant, "ERROR_ACCESS_DENIED");
        assert_eq!(find("").map(|e| &e.code), None);
        assert_eq!(find("0x12345678"), None);
    }

    #[test]
    fn the_non_genuine_grace_code_is_known_in_both_forms() {
        let documented = explain(HResult(0xC004_F065)).unwrap();
        assert_eq!(explain(HResult(0x4004_F065)), Some(documented));
    }
}
