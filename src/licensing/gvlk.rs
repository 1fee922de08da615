//! Microsoft's published KMS client setup keys, embedded as a table.

use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

use crate::model::{ApplicationId, KeyFormat, ProductKey};

/// One published KMS client setup key (GVLK). These keys are public: Microsoft prints them in its documentation.
#[derive(Debug, Clone)]
pub struct Gvlk {
    /// E.g. `Windows Server 2022`, `Office LTSC 2021`.
    pub product_family: String,
    /// E.g. `Datacenter`.
    pub edition: String,
    /// The key.
    pub key: ProductKey,
    /// Where it is published.
    pub source: String,
    /// WMI `LicenseFamily` of the product, e.g. `ServerDatacenter`; `None` when no source tells it.
    pub license_family: Option<String>,
    /// `LicenseFamily` follows the naming of its neighbours but no source confirms it.
    pub family_is_inferred: bool,
    /// SKU (activation ID) of the KMS client license; `None` when no source tells it.
    pub activation_id: Option<Uuid>,
    /// Key group of a 2009 key; `None` for a 2005 key.
    pub group: Option<u32>,
    /// Windows or an Office family.
    pub application: ApplicationId,
}

impl Gvlk {
    /// Family and edition in one, e.g. `Windows Server 2022 Datacenter`.
    pub fn title(&self) -> String {
        let year = self.product_family.rsplit(' ').next().unwrap_or_default();
        if self.product_family.ends_with(&self.edition) {
            self.product_family.clone()
        } else if self.application.is_office() && self.edition.contains(year) {
            self.edition.clone()
        } else {
            format!("{} {}", self.product_family, self.edition)
        }
    }
}

#[derive(Deserialize)]
struct Row {
    product_family: String,
    edition: String,
    key: String,
    source: String,
    wmi_license_family: String,
    activation_id: String,
    key_format: String,
    key_group_id: String,
    #[serde(rename = "checksum_check")]
    _checksum_check: String,
}

/// Every published client setup key, newest Windows first. The embedded file is verified by the tests of this module.
pub fn gvlk() -> &'static [Gvlk] {
    static TABLE: LazyLock<Vec<Gvlk>> = LazyLock::new(|| {
        csv::Reader::from_reader(include_bytes!("../../assets/gvlk.csv").as_slice())
            .deserialize::<Row>()
            .filter_map(|row| entry(row.ok()?))
            .collect()
    });
    &TABLE
}

fn entry(row: Row) -> Option<Gvlk> {
    let key = ProductKey::parse(&row.key).ok()?;
    let declared = if row.key_format == "pkey2009" {
        KeyFormat::Pkey2009
    } else {
        KeyFormat::Pkey2005
    };
    if key.format() != declared {
        return None;
    }
    let application = match row.product_family.as_str() {
        "Office 2010" => ApplicationId::OFFICE_2010,
        family if family.starts_with("Office") => ApplicationId::OFFICE,
        _ => ApplicationId::WINDOWS,
    };
    let (license_family, family_is_inferred) = match row.wmi_license_family.strip_suffix(" (unconfirmed)") {
        Some(family) => (Some(family.to_owned()), true),
        None if row.wmi_license_family.is_empty() => (inferred_family(&row.product_family, &row.edition), true),
        None => (Some(row.wmi_license_family), false),
    };
    Some(Gvlk {
        group: row.key_group_id.parse().ok(),
        activation_id: Uuid::try_parse(&row.activation_id).ok(),
        product_family: row.product_family,
        edition: row.edition,
        source: row.source,
        key,
        license_family,
        family_is_inferred,
        application,
    })
}

/// License families that follow from the naming of the neighbouring generation. A wrong one does no harm: the computer
/// refuses a key of another edition.
fn inferred_family(product_family: &str, edition: &str) -> Option<String> {
    if product_family == "Office LTSC 2024" {
        let stem = match edition {
            "Office LTSC Professional Plus 2024" => "ProPlus",
            "Office LTSC Standard 2024" => "Standard",
            "Project Professional 2024" => "ProjectPro",
            "Project Standard 2024" => "ProjectStd",
            "Visio LTSC Professional 2024" => "VisioPro",
            "Visio LTSC Standard 2024" => "VisioStd",
            "Access LTSC 2024" => "Access",
            "Excel LTSC 2024" => "Excel",
            "Outlook LTSC 2024" => "Outlook",
            "PowerPoint LTSC 2024" => "PowerPoint",
            "Skype for Business LTSC 2024" => "SkypeforBusiness",
            "Word LTSC 2024" => "Word",
            _ => return None,
        };
        return Some(format!("{stem}2024VL"));
    }
    let family = match (product_family, edition) {
        ("Windows Server 2022", "Datacenter: Azure Edition") => "ServerTurbine",
        ("Windows Server SAC 1803" | "Windows Server SAC 1709", "Standard") => "ServerStandardACor",
        ("Windows Server SAC 1803" | "Windows Server SAC 1709", "Datacenter") => "ServerDatacenterACor",
        ("Windows Server 2012", "MultiPoint Standard") => "ServerMultiPointStandard",
        ("Windows Server 2012", "MultiPoint Premium") => "ServerMultiPointPremium",
        ("Windows Server 2012", "Essentials") => "ServerSolution",
        ("Windows 7", "Professional E") => "ProfessionalE",
        ("Windows 7", "Enterprise E") => "EnterpriseE",
        _ => return None,
    };
    Some(family.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_embedded_table_is_complete_and_its_keys_are_genuine() {
        let table = gvlk();
        assert_eq!(
            table.len(),
            175,
            "a row was dropped: its key, checksum or format is wrong"
        );
        let verified = table.iter().filter(|g| g.key.format() == KeyFormat::Pkey2009).count();
        assert_eq!(verified, 129, "keys whose checksum could be verified");
        for entry in table {
            assert_eq!(
                entry.key.group_and_serial().map(|(group, _)| group),
                entry.group,
                "{}",
                entry.title()
            );
        }
    }

    #[test]
    fn no_key_and_no_activation_id_occurs_twice() {
        let keys: HashSet<_> = gvlk().iter().map(|g| g.key.reveal()).collect();
        assert_eq!(keys.len(), 175);
        let ids: Vec<_> = gvlk().iter().filter_map(|g| g.activation_id).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn every_entry_knows_its_license_family() {
        for entry in gvlk() {
            assert!(entry.license_family.is_some(), "{}", entry.title());
        }
    }

    #[test]
    fn titles_read_well() {
        let titles: Vec<_> = gvlk().iter().map(Gvlk::title).collect();
        for title in [
            "Windows Server 2025 Standard",
            "Office LTSC Professional Plus 2024",
            "Windows Thin PC",
        ] {
            assert!(titles.iter().any(|t| t == title), "{title}");
        }
    }
}
