//! The objects of a virtual computer as WMI shows them.

use chrono::{DateTime, TimeDelta, Utc};

use super::schema::{self, Class, Since};
use super::{Installed, Machine};
use crate::lab::estate::Sku;
use crate::lab::wmi::{Row, Wmi, code};
use crate::model::{KeyType, LicenseStatus};

/// "Not set" in unsigned properties.
const UNSET: i64 = 0xFFFF_FFFF;

impl Machine {
    /// The class exists here: Office's own only where Office has a service of its own.
    pub fn has_class(&self, class: Class) -> bool {
        match class {
            Class::Service { own: true } | Class::Product { own: true } | Class::Token { own: true } => {
                self.skus.iter().any(|s| s.own_service)
            }
            Class::Token { own: false } => self.spec.windows.schema() >= 1,
            _ => true,
        }
    }

    fn schema_of(&self, class: Class) -> u8 {
        match class {
            // Office's own service is of the generation of Windows 7 on every Windows.
            Class::Service { own: true } | Class::Product { own: true } | Class::Token { own: true } => 1,
            _ => self.spec.windows.schema(),
        }
    }

    fn known<'a>(&self, class: Class, table: &'a [Since]) -> impl Iterator<Item = &'static str> + use<'a> {
        let schema = self.schema_of(class);
        table.iter().filter(move |(_, since)| *since <= schema).map(|(n, _)| *n)
    }

    /// The method exists here, and its name as Windows writes it.
    pub(super) fn method(&self, class: Class, name: &str) -> Option<&'static str> {
        let table = match class {
            Class::Product { .. } => schema::PRODUCT_METHODS,
            Class::Service { .. } => schema::SERVICE_METHODS,
            _ => return None,
        };
        let own_rearm = class == Class::Service { own: true } && name.eq_ignore_ascii_case("ReArmWindows");
        self.known(class, table)
            .find(|m| m.eq_ignore_ascii_case(name) && !own_rearm)
    }

    /// Properties of a class here, also when it has no instances.
    pub fn properties(&self, class: Class) -> Vec<&'static str> {
        match class {
            Class::Product { .. } => self.known(class, schema::PRODUCT).collect(),
            Class::Service { .. } => self.known(class, schema::SERVICE).collect(),
            Class::Token { .. } => self.known(class, schema::TOKEN).collect(),
            Class::Registry => Vec::new(),
            _ => self
                .objects(class)
                .first()
                .map(|row| row.properties.iter().map(|(n, _)| *n).collect())
                .unwrap_or_default(),
        }
    }

    /// Every instance of a class.
    pub fn objects(&self, class: Class) -> Vec<Row> {
        match class {
            Class::Product { own } => self
                .rows()
                .filter(|(sku, _)| sku.own_service == own)
                .map(|(sku, key)| {
                    Row::new(
                        self.known(class, schema::PRODUCT)
                            .map(|name| (name, self.product_value(name, sku, key)))
                            .collect(),
                    )
                })
                .collect(),
            Class::Service { own } => vec![Row::new(
                self.known(class, schema::SERVICE)
                    .map(|name| (name, self.service_value(name, own)))
                    .collect(),
            )],
            Class::Token { .. } | Class::Registry => Vec::new(),
            Class::OperatingSystem => vec![self.operating_system()],
            Class::ComputerSystem => vec![self.computer_system()],
            Class::AdapterConfiguration => self.adapters(true),
            Class::Adapter => self.adapters(false),
            Class::WindowsService => self.windows_services(),
        }
    }

    /// The service's version, which is its key.
    pub(super) fn service_version(&self, own: bool) -> &'static str {
        match own {
            true if self.skus.iter().any(|s| s.own_service && s.old_ids) => "14.0.370.400",
            true => "15.0.169.500",
            false => self.spec.windows.service_version(),
        }
    }

    fn host_license(&self) -> Option<(&Sku, &Installed)> {
        self.rows()
            .find_map(|(sku, key)| Some((sku, key?)).filter(|(sku, _)| sku.channel == KeyType::Csvlk))
    }

    fn product_value(&self, name: &str, sku: &Sku, key: Option<&Installed>) -> Wmi {
        let volume_client = sku.channel == KeyType::Gvlk;
        match name {
            "ID" => sku.id.as_str().into(),
            "Name" => sku.name.as_str().into(),
            "Description" => sku.description.as_str().into(),
            "ApplicationID" => sku.application.id().into(),
            "LicenseFamily" => sku.family.into(),
            "LicenseIsAddon" => sku.addon.into(),
            "LicenseDependsOn" => sku.addon.then(|| sku.application.id()).into(),
            "LicenseStatus" => (key.map_or(0, |k| k.status.number()).unsigned_abs()).into(),
            "LicenseStatusReason" => key.map_or(code::NO_KEY, |k| k.reason).into(),
            "GracePeriodRemaining" => key.map_or(0, |k| k.grace_minutes).into(),
            "EvaluationEndDate" => Wmi::Time(match key {
                Some(k) if sku.channel == KeyType::TBEval => {
                    Utc::now() + TimeDelta::try_minutes(k.grace_minutes.into()).unwrap_or_default()
                }
                _ => never(),
            }),
            "TrustedTime" => key.map_or(Wmi::Null, |_| Wmi::Time(Utc::now())),
            "OfflineInstallationId" => key.map(|k| self.installation_id(k)).into(),
            "PartialProductKey" => key.map(|k| k.last_five.as_str()).into(),
            "ProductKeyID" | "ProductKeyID2" => key.map(|k| k.pid.as_str()).into(),
            "ProductKeyChannel" => key.map(|_| sku.channel_name()).into(),
            // SL_GENUINE_STATE: 0 genuine, 1 invalid license, 2 tampered, 3 offline.
            "GenuineStatus" => key
                .map_or(0, |k| match (k.status, k.reason) {
                    (LicenseStatus::NonGenuineGrace, _) | (LicenseStatus::Notification, 0xC004_F200) => 2u32,
                    _ => 0,
                })
                .into(),
            "ExtendedGrace" => UNSET_NUMBER,
            "RemainingSkuReArmCount" => key.map_or(0, |k| k.rearms_left).into(),
            "RemainingAppReArmCount" => self.app_rearms_left.into(),
            "RequiredClientCount" if volume_client && key.is_some() => sku.required_clients().into(),
            "VLActivationType" => key.map_or(0, |k| k.vl_type).into(),
            "VLActivationTypeEnabled" => key.map_or(0, |k| k.vl_enabled).into(),
            "KeyManagementServiceMachine" => key.and_then(|k| k.kms.machine.as_deref()).into(),
            "KeyManagementServicePort" => key.and_then(|k| k.kms.port).unwrap_or(0).into(),
            "KeyManagementServiceLookupDomain" => key.and_then(|k| k.kms.lookup_domain.as_deref()).into(),
            "DiscoveredKeyManagementServiceMachineName" => key.and_then(|k| k.discovered.as_deref()).into(),
            "DiscoveredKeyManagementServiceMachinePort" => {
                key.and_then(|k| k.discovered.as_ref()).map_or(0, |_| 1688).into()
            }
            "DiscoveredKeyManagementServiceMachineIpAddress" => {
                key.and_then(|k| k.discovered.as_ref()).map(|_| "127.77.1.178").into()
            }
            "ADActivationObjectName" => key
                .filter(|k| k.vl_type == 1)
                .map(|_| "Contoso Activation Object")
                .into(),
            "ADActivationObjectDN" => key
                .filter(|k| k.vl_type == 1)
                .map(|_| {
                    "CN=Contoso Activation Object,CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,\
                     DC=corp,DC=contoso,DC=com"
                })
                .into(),
            "AutomaticVMActivationLastActivationTime" => Wmi::Time(never()),
            "AutomaticVMActivationHostMachineName" => key
                .filter(|k| sku.channel == KeyType::VtIa && k.status == LicenseStatus::Licensed)
                .map(|_| "CON-HYPERV-01")
                .into(),
            "ProcessorURL" | "MachineURL" | "UseLicenseURL" | "ProductKeyURL" | "ValidationURL" => key
                .map(|_| {
                    format!(
                        "https://activation.invalid/{}",
                        name.trim_end_matches("URL").to_lowercase()
                    )
                })
                .into(),
            // What a KMS host has, shown on the license of the host key alone.
            _ => self.host_value(name, sku.channel == KeyType::Csvlk && key.is_some()),
        }
    }

    /// Counters and intervals of the KMS host service; unset where there is none.
    fn host_value(&self, name: &str, is_host: bool) -> Wmi {
        let number = |n: u32| if is_host { n.into() } else { UNSET_NUMBER };
        match name {
            "IsKeyManagementServiceMachine" => u32::from(is_host).into(),
            "KeyManagementServiceCurrentCount" => number(self.host.clients),
            "RequiredClientCount" => number(25),
            "KeyManagementServiceTotalRequests" | "KeyManagementServiceLicensedRequests" => {
                number(self.host.clients * 7)
            }
            "VLActivationInterval" => number(self.host.activation_interval),
            "VLRenewalInterval" => number(self.host.renewal_interval),
            "KeyManagementServiceProductKeyID" => self
                .host_license()
                .map(|(_, k)| k.pid.as_str())
                .filter(|_| is_host)
                .into(),
            name if name.starts_with("KeyManagementService") && name.ends_with("Requests") => number(0),
            name if name.starts_with("TokenActivation") && name.ends_with("Number") => UNSET_NUMBER,
            _ => Wmi::Null,
        }
    }

    fn service_value(&self, name: &str, own: bool) -> Wmi {
        match name {
            "Version" => self.service_version(own).into(),
            "ClientMachineID" => self.cmid.as_str().into(),
            "KeyManagementServiceMachine" => self.kms.machine.as_deref().into(),
            "KeyManagementServicePort" => self.kms.port.unwrap_or(0).into(),
            "KeyManagementServiceLookupDomain" => self.kms.lookup_domain.as_deref().into(),
            "KeyManagementServiceListeningPort" => self.host.listening_port.into(),
            "KeyManagementServiceDnsPublishing" => self.host.dns_publishing.into(),
            "KeyManagementServiceLowPriority" => self.host.low_priority.into(),
            "KeyManagementServiceHostCaching" => self.host.host_caching.into(),
            "KeyManagementServiceActivationDisabled" => false.into(),
            "PolicyCacheRefreshRequired" => 0u32.into(),
            "RemainingWindowsReArmCount" => self.rearms_left.into(),
            "RemainingAppReArmCount" => self.app_rearms_left.into(),
            "VLActivationTypeEnabled" => self.vl_enabled.into(),
            "DiscoveredKeyManagementServiceMachineName" => {
                self.installed.iter().find_map(|i| i.discovered.as_deref()).into()
            }
            "DiscoveredKeyManagementServiceMachinePort" => {
                u32::from(self.installed.iter().any(|i| i.discovered.is_some()))
                    .saturating_mul(1688)
                    .into()
            }
            "SubscriptionType" | "SubscriptionStatus" | "SubscriptionEdition" => UNSET_NUMBER,
            "SubscriptionExpiry" => Wmi::Time(never()),
            _ => self.host_value(name, !own && self.host_license().is_some()),
        }
    }

    fn operating_system(&self) -> Row {
        let spec = &self.spec;
        Row::new(vec![
            ("BuildNumber", spec.windows.build().to_string().into()),
            ("CSName", spec.name.as_str().into()),
            ("Caption", spec.caption().into()),
            ("CodeSet", "1252".into()),
            ("CountryCode", "1".into()),
            ("CurrentTimeZone", Wmi::Number(0)),
            ("Description", "".into()),
            ("InstallDate", Wmi::Time(installed_at(spec.hardware))),
            (
                "LastBootUpTime",
                Wmi::Time(Utc::now() - TimeDelta::days((spec.hardware % 60).cast_signed())),
            ),
            ("LocalDateTime", Wmi::Time(Utc::now())),
            ("Locale", "0409".into()),
            ("MUILanguages", Wmi::Array(vec!["en-US".into(), "de-DE".into()])),
            (
                "Name",
                format!(r"{}|C:\Windows|\Device\Harddisk0\Partition2", spec.caption()).into(),
            ),
            ("OSArchitecture", "64-bit".into()),
            ("OSLanguage", 1033u32.into()),
            (
                "OperatingSystemSKU",
                if spec.windows.is_server() { 7u32 } else { 4 }.into(),
            ),
            ("ProductType", if spec.windows.is_server() { 3u32 } else { 1 }.into()),
            ("ServicePackMajorVersion", u32::from(spec.windows.schema() < 2).into()),
            ("TotalVisibleMemorySize", Wmi::Number(16_777_216)),
            ("Version", spec.windows.version().into()),
        ])
    }

    fn computer_system(&self) -> Row {
        let spec = &self.spec;
        let role = match (spec.windows.is_server(), spec.in_domain) {
            (false, false) => 0u32,
            (false, true) => 1,
            (true, false) => 2,
            (true, true) => 3,
        };
        Row::new(vec![
            ("DNSHostName", spec.name.as_str().into()),
            ("Domain", spec.network_name.as_str().into()),
            ("DomainRole", role.into()),
            ("Manufacturer", "Makeeper Lab".into()),
            ("Model", "Simulated computer".into()),
            // The NetBIOS name has at most fifteen characters.
            ("Name", spec.name.chars().take(15).collect::<String>().into()),
            ("NumberOfProcessors", 1u32.into()),
            ("PartOfDomain", spec.in_domain.into()),
            ("SystemType", "x64-based PC".into()),
            ("TotalPhysicalMemory", Wmi::Number(17_179_869_184)),
            (
                "Workgroup",
                (!spec.in_domain).then_some(spec.network_name.as_str()).into(),
            ),
        ])
    }

    fn adapters(&self, configuration: bool) -> Vec<Row> {
        let spec = &self.spec;
        let real = spec.macs.iter().enumerate().map(|(n, mac)| {
            let index = n as u32 + 1;
            let name = format!("Simulated Ethernet Adapter #{index}");
            if configuration {
                let address = format!("127.77.{}.{}", spec.estate.octet(), spec.octet);
                Row::new(vec![
                    ("DHCPEnabled", true.into()),
                    ("DNSDomain", spec.in_domain.then_some(spec.network_name.as_str()).into()),
                    ("DNSHostName", spec.name.as_str().into()),
                    ("Description", name.into()),
                    (
                        "IPAddress",
                        if n == 0 {
                            Wmi::Array(vec![address, "fe80::1".into()])
                        } else {
                            Wmi::Null
                        },
                    ),
                    ("IPEnabled", (n == 0).into()),
                    ("Index", index.into()),
                    ("InterfaceIndex", (index + 10).into()),
                    ("MACAddress", mac.as_str().into()),
                ])
            } else {
                Row::new(vec![
                    ("AdapterType", "Ethernet 802.3".into()),
                    ("DeviceID", index.to_string().into()),
                    ("Index", index.into()),
                    ("MACAddress", mac.as_str().into()),
                    ("Name", name.into()),
                    ("NetEnabled", (n == 0).into()),
                    ("PhysicalAdapter", true.into()),
                ])
            }
        });
        real.collect()
    }

    fn windows_services(&self) -> Vec<Row> {
        let own = self.skus.iter().any(|s| s.own_service);
        let licensing = if self.spec.windows.schema() == 0 {
            "slsvc"
        } else {
            "sppsvc"
        };
        [
            (licensing, "Software Protection", true),
            ("osppsvc", "Office Software Protection Platform", own),
            ("WinRM", "Windows Remote Management (WS-Management)", true),
            ("Winmgmt", "Windows Management Instrumentation", true),
        ]
        .into_iter()
        .filter(|(.., present)| *present)
        .map(|(name, display, _)| {
            Row::new(vec![
                ("DisplayName", display.into()),
                ("ExitCode", 0u32.into()),
                ("Name", name.into()),
                ("StartMode", "Auto".into()),
                ("Started", true.into()),
                ("State", "Running".into()),
                ("Status", "OK".into()),
            ])
        })
        .collect()
    }
}

const UNSET_NUMBER: Wmi = Wmi::Number(UNSET);

/// WMI's "never".
fn never() -> DateTime<Utc> {
    // 1601-01-01T00:00:00Z
    DateTime::from_timestamp(-11_644_473_600, 0).unwrap_or_default()
}

fn installed_at(hardware: u64) -> DateTime<Utc> {
    // Some day of 2020 to 2024.
    DateTime::from_timestamp(1_577_836_800 + (hardware % 150_000_000).cast_signed(), 0).unwrap_or_default()
}
