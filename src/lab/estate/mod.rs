//! Estates as data: which computers there are, what is installed on them, and in which state they start.
//!
//! Both are the same every time; nothing is drawn at random.

mod contoso;
mod isolated;
mod office;
mod sku;
mod windows;

use std::net::Ipv4Addr;
use std::sync::Arc;

use uuid::Uuid;

pub use office::OfficeGeneration;
pub use sku::{Application, OFFICE_2010_APP, OFFICE_APP, Sku, WINDOWS_APP, licenses};
pub use windows::{Edition, Generation};

use super::config::EstateKind;
use super::digits::{Choices, HARDWARE_LIMIT, extended_pid};
use super::keys::LabKey;
use crate::model::{KeyType, LicenseStatus, ProductKey};

/// How a computer reports that a method failed. Real ones differ by generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultStyle {
    /// A SOAP fault with WSManFault, ProviderFault and `__ExtendedStatus`.
    ProviderFault,
    /// A SOAP fault with `MSFT_WmiError`.
    WmiError,
    /// An ordinary answer whose `ReturnValue` is the code.
    ReturnValue,
}

/// A computer as it is before anybody touches it.
#[derive(Debug, Clone)]
pub struct ComputerSpec {
    /// The estate it belongs to.
    pub estate: EstateKind,
    /// Host name, not always Latin, at most 63 characters.
    pub name: String,
    /// Domain (DNS name) or workgroup.
    pub network_name: String,
    /// Member of a domain.
    pub in_domain: bool,
    /// Last octet of its loopback address.
    pub octet: u8,
    /// Windows generation.
    pub windows: Generation,
    /// LicenseFamily of its Windows.
    pub edition: &'static str,
    /// MAC addresses.
    pub macs: Vec<String>,
    /// KMS client machine ID.
    pub cmid: String,
    /// Hardware number, below 10^10.
    pub hardware: u64,
    /// Number of clients it knows, when it is a KMS host.
    pub kms_clients: Option<u32>,
    /// How it reports failed methods.
    pub fault_style: FaultStyle,
    /// Products with a key.
    pub products: Vec<ProductSpec>,
}

impl ComputerSpec {
    /// Its loopback address, below the lab's first two octets.
    pub fn address(&self, base: [u8; 2]) -> Ipv4Addr {
        Ipv4Addr::new(base[0], base[1], self.estate.octet(), self.octet)
    }

    /// `name.domain` in a domain, the bare name in a workgroup.
    pub fn fqdn(&self) -> String {
        if self.in_domain {
            format!("{}.{}", self.name, self.network_name)
        } else {
            self.name.clone()
        }
    }

    /// Every license on it.
    pub fn licenses(&self) -> Vec<Sku> {
        let office: Vec<_> = self
            .products
            .iter()
            .filter_map(|p| match p.application {
                Application::Office(generation) => Some((generation, p.family)),
                Application::Windows => None,
            })
            .collect();
        licenses(self.windows, self.edition, &office)
    }

    /// The generation and edition for people, as in Win32_OperatingSystem.Caption.
    pub fn caption(&self) -> String {
        let edition = self
            .windows
            .editions()
            .iter()
            .find(|e| e.family == self.edition)
            .map_or(self.edition, |e| e.label);
        format!("Microsoft {} {edition}", self.windows.label())
    }
}

/// A product with a key.
#[derive(Debug, Clone)]
pub struct ProductSpec {
    /// Windows or Office.
    pub application: Application,
    /// LicenseFamily.
    pub family: &'static str,
    /// The kind of key installed.
    pub channel: KeyType,
    /// The lab key installed, if it is one.
    pub lab_key: Option<&'static LabKey>,
    /// Last five characters of the key.
    pub last_five: String,
    /// Extended PID.
    pub pid: String,
    /// License status.
    pub status: LicenseStatus,
    /// LicenseStatusReason.
    pub reason: u32,
    /// Minutes of grace left; 0 when there is none.
    pub grace_minutes: u32,
    /// VLActivationType: 0 none, 1 Active Directory, 2 KMS.
    pub vl_type: u32,
}

/// The computers of an estate, by address.
pub fn computers(kind: EstateKind) -> Vec<Arc<ComputerSpec>> {
    let specs = match kind {
        EstateKind::Contoso => contoso::computers(),
        EstateKind::IsolatedLab => isolated::computers(),
    };
    specs.into_iter().map(Arc::new).collect()
}

/// A computer without products.
fn computer(estate: EstateKind, name: &str, octet: u8, windows: Generation, edition: &'static str) -> ComputerSpec {
    let mut choices = Choices::of(&format!("computer {name}"));
    let macs = (0..=choices.below(2)).map(|_| mac(&mut choices)).collect();
    let fault_style = match (windows.schema(), octet % 5) {
        (0 | 1, _) => FaultStyle::ProviderFault,
        (_, 1) => FaultStyle::ReturnValue,
        (_, 2 | 3) => FaultStyle::WmiError,
        _ => FaultStyle::ProviderFault,
    };
    ComputerSpec {
        estate,
        name: name.to_owned(),
        network_name: String::new(),
        in_domain: false,
        octet,
        windows,
        edition,
        macs,
        cmid: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:makeeper:lab:cmid:{name}").as_bytes()).to_string(),
        hardware: choices.below(HARDWARE_LIMIT),
        kms_clients: None,
        fault_style,
        products: Vec::new(),
    }
}

/// A locally administered address, so that it is nobody's.
fn mac(choices: &mut Choices) -> String {
    let mut octet = || choices.below(256);
    format!("02:4C:41:{:02X}:{:02X}:{:02X}", octet(), octet(), octet())
}

/// The product of a computer with a key of this kind, in a state that is usual for it.
fn product(
    spec: &ComputerSpec,
    application: Application,
    family: &'static str,
    channel: KeyType,
    lab_key: Option<&'static LabKey>,
    status: LicenseStatus,
) -> ProductSpec {
    let mut choices = Choices::of(&format!("product {} {family} {}", spec.name, channel.name()));
    let editions = match application {
        Application::Windows => spec.windows.editions(),
        Application::Office(generation) => generation.products(),
    };
    let build = match application {
        Application::Windows => spec.windows.build(),
        Application::Office(generation) => generation.build(),
    };
    let gvlk = editions
        .iter()
        .find(|e| e.family == family && channel == KeyType::Gvlk)
        .and_then(|e| ProductKey::parse(e.gvlk).ok());
    let (group, serial, last_five) = match (&gvlk, lab_key) {
        (Some(key), _) => {
            let (group, serial) = key.group_and_serial().unwrap_or((80_000, 1));
            (group, serial, key.last_five().to_string())
        }
        (None, Some(key)) => (key.group, key.serial, key.last_five().to_owned()),
        // Somebody else's key: every computer has another.
        (None, None) => (
            70_000 + channel.number().unsigned_abs(),
            choices.below(900_000_000) as u32,
            choices.last_five(),
        ),
    };
    let (reason, grace_minutes) = reason_and_grace(status, channel, &mut choices);
    let vl_type = match (channel, status) {
        (KeyType::Gvlk, LicenseStatus::Licensed) if spec.windows.schema() >= 2 => {
            if choices.below(4) == 0 {
                1
            } else {
                2
            }
        }
        (KeyType::Gvlk, LicenseStatus::Licensed) => 2,
        _ => 0,
    };
    ProductSpec {
        application,
        family,
        channel,
        lab_key,
        last_five,
        pid: extended_pid(group, serial, build),
        status,
        reason,
        grace_minutes,
        vl_type,
    }
}

fn reason_and_grace(status: LicenseStatus, channel: KeyType, choices: &mut Choices) -> (u32, u32) {
    match status {
        LicenseStatus::Licensed if channel == KeyType::Gvlk => (0, 90_000 + choices.below(169_200) as u32),
        LicenseStatus::Licensed if channel == KeyType::TBEval => (0, 1_000 + choices.below(250_000) as u32),
        LicenseStatus::InOobGrace | LicenseStatus::ExtendedGrace => (0x4004_F00C, 1 + choices.below(43_200) as u32),
        LicenseStatus::InOotGrace => (0xC004_F00F, 1 + choices.below(43_200) as u32),
        LicenseStatus::NonGenuineGrace => (0xC004_F065, 1 + choices.below(43_200) as u32),
        LicenseStatus::Notification if choices.below(3) == 0 => (0xC004_F200, 0),
        LicenseStatus::Notification => (0xC004_F009, 0),
        LicenseStatus::Unlicensed => (0xC004_F034, 0),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn contoso_has_every_status_generation_and_key_type() {
        use KeyType::{Csvlk, Gvlk, Mak, OemCoa, OemDm, OemNonSlp, OemSlp, Retail, TBEval, VtIa};
        let computers = computers(EstateKind::Contoso);
        assert_eq!(computers.len(), 180);
        let products: Vec<_> = computers.iter().flat_map(|c| &c.products).collect();
        assert!((280..=340).contains(&products.len()), "{}", products.len());
        for status in LicenseStatus::ALL.iter().filter(|s| s.number() >= 0) {
            assert!(products.iter().any(|p| p.status == *status), "{status}");
        }
        for windows in Generation::ALL {
            assert!(computers.iter().any(|c| c.windows == *windows), "{windows:?}");
        }
        for office in OfficeGeneration::ALL {
            assert!(
                products.iter().any(|p| p.application == Application::Office(*office)),
                "{office:?}"
            );
        }
        for channel in [Csvlk, Gvlk, Mak, OemCoa, OemDm, OemNonSlp, OemSlp, Retail, TBEval, VtIa] {
            assert!(products.iter().any(|p| p.channel == channel), "{channel}");
        }
        assert!(computers.iter().any(|c| c.name.chars().count() == 63));
        assert!(computers.iter().filter(|c| !c.name.is_ascii()).count() >= 4);
    }

    #[test]
    fn every_product_has_a_license_of_its_own() {
        for kind in EstateKind::ALL {
            let mut names = BTreeSet::new();
            let mut octets = BTreeSet::new();
            for computer in computers(*kind) {
                assert!(names.insert(computer.name.clone()) && octets.insert(computer.octet));
                let skus = computer.licenses();
                for p in &computer.products {
                    assert!(
                        skus.iter().any(|s| s.usable
                            && s.application == p.application
                            && s.family == p.family
                            && s.channel == p.channel),
                        "{} {} {}",
                        computer.name,
                        p.family,
                        p.channel
                    );
                    crate::model::ExtendedPid::parse(&p.pid).unwrap();
                }
            }
        }
    }

    #[test]
    fn the_isolated_lab_waits_for_a_mak() {
        let computers = computers(EstateKind::IsolatedLab);
        assert_eq!(computers.len(), 40);
        for computer in &computers {
            assert_eq!(computer.products.len(), 1, "{}", computer.name);
            assert!(computer.products.iter().all(|p| p.status != LicenseStatus::Licensed));
            let fit = crate::lab::keys::WINDOWS_CLIENT_MAK.fit;
            assert!(
                computer
                    .licenses()
                    .iter()
                    .any(|s| s.takes(fit) && s.channel == KeyType::Mak)
            );
        }
        let gvlks = computers
            .iter()
            .filter(|c| c.products[0].channel == KeyType::Gvlk)
            .count();
        assert!((10..40).contains(&gvlks), "{gvlks}");
    }
}
