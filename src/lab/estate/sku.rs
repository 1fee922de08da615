//! The licenses that lie on a simulated computer: one row of `SoftwareLicensingProduct` each, most without a key.

use uuid::Uuid;

use super::office::OfficeGeneration;
use super::windows::{Edition, Generation, edition};
use crate::lab::keys::KeyFit;
use crate::model::KeyType;

/// Application ID of Windows.
pub const WINDOWS_APP: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";
/// Application ID of Office 2010.
pub const OFFICE_2010_APP: &str = "59a52881-a989-479d-af46-f275c6370663";
/// Application ID of Office 2013 and later.
pub const OFFICE_APP: &str = "0ff1ce15-a989-479d-af46-f275c6370663";

/// What a product belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Application {
    /// Windows.
    Windows,
    /// Office, Visio.
    Office(OfficeGeneration),
}

impl Application {
    /// The ApplicationID.
    pub fn id(self) -> &'static str {
        match self {
            Self::Windows => WINDOWS_APP,
            Self::Office(OfficeGeneration::Office2010) => OFFICE_2010_APP,
            Self::Office(_) => OFFICE_APP,
        }
    }
}

/// One license.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about a license")]
pub struct Sku {
    /// Activation ID.
    pub id: String,
    /// Windows or Office.
    pub application: Application,
    /// WMI `Name`.
    pub name: String,
    /// WMI `Description`.
    pub description: String,
    /// WMI `LicenseFamily`.
    pub family: &'static str,
    /// The kind of key it takes.
    pub channel: KeyType,
    /// An extended security update or other add-on.
    pub addon: bool,
    /// The edition or product is on this computer, so that a key can be installed for it.
    pub usable: bool,
    /// Microsoft's published client setup key for it; empty otherwise.
    pub gvlk: &'static str,
    /// Kept by Office's own service.
    pub own_service: bool,
    /// Build in the extended PID.
    pub build: u32,
    /// Its installation IDs have 54 digits.
    pub old_ids: bool,
    windows: Generation,
}

impl Sku {
    /// WMI `ProductKeyChannel`.
    pub fn channel_name(&self) -> &'static str {
        match self.channel {
            KeyType::Mak => "Volume:MAK",
            KeyType::Gvlk => "Volume:GVLK",
            KeyType::Csvlk => "Volume:CSVLK",
            KeyType::OemDm => "OEM:DM",
            KeyType::OemSlp => "OEM:SLP",
            KeyType::OemCoa => "OEM:COA",
            KeyType::OemNonSlp => "OEM:NONSLP",
            KeyType::TBEval => "Retail:TB:Eval",
            KeyType::VtIa => "VT:IA",
            _ => "Retail",
        }
    }

    /// A key with this fit can be installed for it.
    pub fn takes(&self, fit: KeyFit) -> bool {
        let windows = self.application == Application::Windows;
        self.usable
            && !self.addon
            && match fit {
                KeyFit::AnyWindows => windows,
                KeyFit::WindowsClient => windows && !self.windows.is_server(),
                KeyFit::WindowsServer => windows && self.windows.is_server(),
                KeyFit::Office2010 => self.application == Application::Office(OfficeGeneration::Office2010),
                KeyFit::Office2013AndLater => {
                    !windows && self.application != Application::Office(OfficeGeneration::Office2010)
                }
            }
    }

    /// Two licenses of which only one can have a key at a time.
    pub fn excludes(&self, other: &Self) -> bool {
        !self.addon
            && !other.addon
            && self.application == other.application
            && (self.application == Application::Windows || self.family == other.family)
    }

    /// How many clients a KMS host must know before it activates this.
    pub fn required_clients(&self) -> u32 {
        match self.application {
            Application::Windows if !self.windows.is_server() => 25,
            _ => 5,
        }
    }
}

/// The licenses of a computer with this Windows and these Office products.
pub fn licenses(windows: Generation, family: &str, office: &[(OfficeGeneration, &str)]) -> Vec<Sku> {
    let mut skus = Vec::with_capacity(64);
    for edition in windows.editions() {
        for channel in windows_channels(windows, true) {
            skus.push(windows_sku(windows, edition, *channel, edition.family == family));
        }
    }
    let home: &[Edition] = if windows.is_server() { OTHER_SERVERS } else { HOME };
    for edition in home {
        for channel in windows_channels(windows, false) {
            skus.push(windows_sku(windows, edition, *channel, edition.family == family));
        }
    }
    for year in 1..=3u32 {
        skus.push(security_updates(windows, year));
    }
    let mut generations: Vec<_> = office.iter().map(|(generation, _)| *generation).collect();
    generations.dedup();
    for generation in generations {
        for product in generation.products() {
            let usable = office.contains(&(generation, product.family));
            for channel in [KeyType::Gvlk, KeyType::Mak, KeyType::Retail] {
                skus.push(office_sku(windows, generation, product, channel, usable));
            }
        }
    }
    skus
}

const HOME: &[Edition] = &[
    edition("Core", "Home", "", ""),
    edition("CoreSingleLanguage", "Home Single Language", "", ""),
];
const OTHER_SERVERS: &[Edition] = &[
    edition("ServerFoundation", "Foundation", "", ""),
    edition("ServerStorageStandard", "Storage Server Standard", "", ""),
    edition("ServerStorageWorkgroup", "Storage Server Workgroup", "", ""),
];

fn windows_channels(windows: Generation, volume: bool) -> &'static [KeyType] {
    use KeyType::{Csvlk, Gvlk, Mak, OemCoa, OemDm, OemNonSlp, OemSlp, Retail, TBEval, VtIa};
    match (volume, windows.is_server(), windows.schema()) {
        (false, _, 0 | 1) => &[Retail, OemSlp, OemCoa, OemNonSlp],
        (false, _, _) => &[Retail, OemDm, OemCoa, OemNonSlp],
        (true, _, 0 | 1) => &[Gvlk, Mak, Csvlk, Retail, OemSlp, OemCoa, OemNonSlp, TBEval],
        (true, false, _) => &[Gvlk, Mak, Csvlk, Retail, OemDm, OemCoa, OemNonSlp, TBEval],
        (true, true, _) => &[Gvlk, Mak, Csvlk, Retail, OemSlp, OemCoa, OemNonSlp, TBEval, VtIa],
    }
}

fn invented_id(what: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:makeeper:lab:sku:{what}").as_bytes()).to_string()
}

fn channel_word(windows: Generation, channel: KeyType) -> String {
    let host = match windows {
        Generation::Vista | Generation::Server2008 => "B",
        Generation::Win7 | Generation::Server2008R2 => "R2_C",
        Generation::Win8 | Generation::Server2012 => "2012-C",
        Generation::Win81 | Generation::Server2012R2 => "2012-R2-C",
        Generation::Win10 | Generation::Win11 => "W10",
        Generation::Server2016 => "WS16",
        Generation::Server2019 => "WS19",
        Generation::Server2022 => "WS22",
        Generation::Server2025 => "WS25",
    };
    match channel {
        KeyType::Gvlk => "VOLUME_KMSCLIENT".into(),
        KeyType::Mak => "VOLUME_MAK".into(),
        KeyType::Csvlk => format!("VOLUME_KMS_{host}"),
        KeyType::OemSlp => "OEM_SLP".into(),
        KeyType::OemCoa => "OEM_COA_NSLP".into(),
        KeyType::OemNonSlp => "OEM_NONSLP".into(),
        KeyType::OemDm => "OEM_DM".into(),
        KeyType::TBEval => "TIMEBASED_EVAL".into(),
        KeyType::VtIa => "VIRTUAL_MACHINE_ACTIVATION".into(),
        _ => "RETAIL".into(),
    }
}

fn windows_sku(windows: Generation, edition: &Edition, channel: KeyType, usable: bool) -> Sku {
    // Windows 10 and 11 share their licenses.
    let generation = if windows == Generation::Win11 {
        Generation::Win10
    } else {
        windows
    };
    let gvlk = channel == KeyType::Gvlk;
    let id = if gvlk && !edition.id.is_empty() {
        edition.id.to_owned()
    } else {
        invented_id(&format!("{}/{}/{}", generation.label(), edition.family, channel.name()))
    };
    let (product, system) = match windows {
        Generation::Vista => ("Windows(TM) Vista", "Windows Operating System - Vista"),
        Generation::Win7 => ("Windows(R) 7", "Windows Operating System - Windows(R) 7"),
        Generation::Server2008 => ("Windows Server(R) 2008", "Windows Operating System - Server(R) 2008"),
        Generation::Server2008R2 => (
            "Windows Server(R)",
            "Windows Operating System - Windows Server(R) 2008 R2",
        ),
        _ => ("Windows(R)", "Windows(R) Operating System"),
    };
    Sku {
        id,
        application: Application::Windows,
        name: format!("{product}, {} edition", edition.family),
        description: format!("{system}, {} channel", channel_word(windows, channel)),
        family: edition.family,
        channel,
        addon: false,
        usable,
        gvlk: if gvlk { edition.gvlk } else { "" },
        own_service: false,
        build: windows.build(),
        old_ids: windows.has_old_ids(),
        windows,
    }
}

fn security_updates(windows: Generation, year: u32) -> Sku {
    let family = if windows.is_server() {
        "Server-ESU"
    } else {
        "Client-ESU"
    };
    Sku {
        id: invented_id(&format!("{}/{family}/{year}", windows.label())),
        application: Application::Windows,
        name: format!(
            "{}, {family}-Year{year} add-on for Enterprise, Professional",
            windows.label()
        ),
        description: "Windows Operating System, VOLUME_MAK channel".into(),
        family,
        channel: KeyType::Mak,
        addon: true,
        usable: true,
        gvlk: "",
        own_service: false,
        build: windows.build(),
        old_ids: windows.has_old_ids(),
        windows,
    }
}

fn office_sku(windows: Generation, office: OfficeGeneration, product: &Edition, channel: KeyType, usable: bool) -> Sku {
    let number = office.number();
    let gvlk = channel == KeyType::Gvlk;
    let (suffix, word) = match channel {
        KeyType::Gvlk => ("_KMS_Client", "VOLUME_KMSCLIENT"),
        KeyType::Mak => ("_MAK", "VOLUME_MAK"),
        _ => ("_Retail", "RETAIL"),
    };
    let id = if gvlk && !product.id.is_empty() {
        product.id.to_owned()
    } else {
        invented_id(&format!("Office {number}/{}/{}", product.family, channel.name()))
    };
    Sku {
        id,
        application: Application::Office(office),
        name: format!("Office {number}, Office{number}{}{suffix} edition", product.family),
        description: format!("Office {number}, {word} channel"),
        family: product.family,
        channel,
        addon: false,
        usable,
        gvlk: if gvlk { product.gvlk } else { "" },
        own_service: office.has_own_service(windows),
        build: office.build(),
        old_ids: office == OfficeGeneration::Office2010,
        windows,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_windows_has_thirty_licenses_and_no_activation_id_twice() {
        for windows in Generation::ALL {
            let edition = windows.editions()[0].family;
            let skus = licenses(
                *windows,
                edition,
                &[
                    (OfficeGeneration::Office2016, "ProPlusVL"),
                    (OfficeGeneration::Office2016, "VisioProVL"),
                ],
            );
            assert!(skus.len() > 32, "{windows:?} has {}", skus.len());
            let ids: BTreeSet<_> = skus.iter().map(|s| &s.id).collect();
            assert_eq!(ids.len(), skus.len(), "{windows:?}");
        }
    }

    #[test]
    fn every_client_setup_key_is_a_product_key_with_a_fitting_checksum() {
        let tables = Generation::ALL
            .iter()
            .flat_map(|g| g.editions())
            .chain(OfficeGeneration::ALL.iter().flat_map(|g| g.products()));
        for edition in tables {
            crate::model::ProductKey::parse(edition.gvlk).unwrap_or_else(|e| panic!("{}: {e}", edition.label));
        }
    }
}
