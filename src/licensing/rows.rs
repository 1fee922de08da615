//! From the rows of WMI to products of the model: which properties a generation has, and what they mean.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::model::{
    AdObject, ApplicationId, ComputerId, ExtendedPid, GenuineStatus, HResult, InstallationId, KeyType, LastFive,
    LicenseStatus, Product, ProductId, ServiceFamily, Text, VolumeActivation, VolumeActivationType,
};
use crate::wmi::Instance;

const V60: &str = "ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, ProductKeyID, \
                   OfflineInstallationId, LicenseStatus, GracePeriodRemaining, EvaluationEndDate";
const V60_SP1: &str = "ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, \
                       ProductKeyID, OfflineInstallationId, LicenseStatus, GracePeriodRemaining, EvaluationEndDate, LicenseStatusReason";
const V61: &str = "ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, ProductKeyID, \
                   OfflineInstallationId, LicenseStatus, GracePeriodRemaining, EvaluationEndDate, LicenseStatusReason, GenuineStatus, \
                   KeyManagementServiceMachine, KeyManagementServicePort, DiscoveredKeyManagementServiceMachineName, \
                   DiscoveredKeyManagementServiceMachinePort, IsKeyManagementServiceMachine";
const V62: &str = "ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, ProductKeyID, \
                   OfflineInstallationId, LicenseStatus, GracePeriodRemaining, EvaluationEndDate, LicenseStatusReason, GenuineStatus, \
                   KeyManagementServiceMachine, KeyManagementServicePort, DiscoveredKeyManagementServiceMachineName, \
                   DiscoveredKeyManagementServiceMachinePort, IsKeyManagementServiceMachine, VLActivationType, \
                   VLActivationTypeEnabled, ADActivationObjectName, ADActivationObjectDN, ADActivationCsvlkPid, \
                   ADActivationCsvlkSkuId";
const V63: &str = "ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, ProductKeyID, \
                   ProductKeyChannel, OfflineInstallationId, LicenseStatus, GracePeriodRemaining, EvaluationEndDate, LicenseStatusReason, \
                   GenuineStatus, KeyManagementServiceMachine, KeyManagementServicePort, \
                   DiscoveredKeyManagementServiceMachineName, DiscoveredKeyManagementServiceMachinePort, \
                   IsKeyManagementServiceMachine, VLActivationType, VLActivationTypeEnabled, ADActivationObjectName, \
                   ADActivationObjectDN, ADActivationCsvlkPid, ADActivationCsvlkSkuId";

/// Property lists to try for the products of a service of this version, the richest first. The properties that came with
/// each release are those of the `sppwmi.mof` of that release.
pub(super) fn property_lists(service_version: &str) -> &'static [&'static str] {
    const NEWEST_FIRST: &[&str] = &[V63, V62, V61, V60_SP1, V60];
    let mut numbers = service_version.split('.').map(|n| n.trim().parse::<u32>());
    let skip = match (numbers.next(), numbers.next()) {
        (Some(Ok(6)), Some(Ok(0))) => 3,
        (Some(Ok(6)), Some(Ok(1))) => 2,
        (Some(Ok(6)), Some(Ok(2))) => 1,
        _ => 0,
    };
    NEWEST_FIRST.get(skip..).unwrap_or(NEWEST_FIRST)
}

/// What the licensing service said of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) family: ServiceFamily,
    pub(super) version: Text,
    pub(super) cmid: Text,
    pub(super) is_kms_host: Option<bool>,
    /// Vista keeps the KMS host that was set on the service, not on the product.
    pub(super) kms: Option<(Text, Option<u16>)>,
}

impl Service {
    pub(super) const PROPERTIES: &'static [&'static str] = &[
        "Version, ClientMachineID, IsKeyManagementServiceMachine, KeyManagementServiceMachine, KeyManagementServicePort",
        "Version, ClientMachineID",
        "Version",
    ];

    pub(super) fn read(family: ServiceFamily, row: Option<&Instance>) -> Self {
        let Some(row) = row else {
            return Self {
                family,
                ..Self::default()
            };
        };
        Self {
            family,
            version: text(row, "Version"),
            cmid: text(row, "ClientMachineID"),
            is_kms_host: row.number("IsKeyManagementServiceMachine").map(|n| n == 1),
            kms: host_and_port(row, "KeyManagementServiceMachine", "KeyManagementServicePort"),
        }
    }
}

fn text(row: &Instance, name: &str) -> Text {
    row.text(name).unwrap_or_default().into()
}

fn uuid(row: &Instance, name: &str) -> Option<Uuid> {
    Uuid::try_parse(row.text(name)?.trim_matches(['{', '}'])).ok()
}

fn host_and_port(row: &Instance, host: &str, port: &str) -> Option<(Text, Option<u16>)> {
    let host = row.text(host)?;
    // 0 means: not set.
    let port = row.number(port).and_then(|p| u16::try_from(p).ok()).filter(|p| *p != 0);
    Some((host.into(), port))
}

/// A row of a product class. Whatever is missing or unreadable is left out; `None` when the row names neither a SKU nor an
/// application.
pub(super) fn product(row: &Instance, service: &Service, computer: ComputerId, at: DateTime<Utc>) -> Option<Product> {
    let sku = uuid(row, "ID");
    let application = uuid(row, "ApplicationID").map(ApplicationId);
    if sku.is_none() && application.is_none() {
        return None;
    }
    let application = application.unwrap_or_default();
    let mut product = Product::new(
        ProductId::derive(computer, application, sku),
        Some(computer),
        application,
    );
    product.sku = sku;
    product.name = text(row, "Name");
    product.description = text(row, "Description");
    product.version = service.version.clone();
    product.license_family = text(row, "LicenseFamily");
    product.service = service.family;
    product.is_addon = row.boolean("LicenseIsAddon").unwrap_or_default();
    product.partial_product_key = row.text("PartialProductKey").and_then(|t| LastFive::parse(t).ok());
    product.product_key_id = row.text("ProductKeyID").and_then(|t| ExtendedPid::parse(t).ok());
    // A SKU has a channel even when no key is installed; the key type is that of an installed key.
    if row.text("PartialProductKey").is_some() {
        product.key_type = key_type(row);
    }
    product.license_status = license_status(row);
    product.license_status_reason = license_status_reason(row);
    product.status_updated = Some(at);
    product.genuine_status = genuine_status(row, product.license_status_reason);
    product.grace_expires = grace_end(row, at);
    product.installation_id = row
        .text("OfflineInstallationId")
        .and_then(|t| InstallationId::parse(t).ok());
    product.volume = volume(row, service, product.key_type);
    product.cmid = service.cmid.clone();
    product.last_updated = Some(at);
    Some(product)
}

/// WMI `LicenseStatus`.
pub(super) fn license_status(row: &Instance) -> LicenseStatus {
    row.number("LicenseStatus")
        .and_then(|n| i32::try_from(n).ok())
        .and_then(LicenseStatus::from_number)
        .unwrap_or_default()
}

/// WMI `LicenseStatusReason`; `S_OK` says nothing.
pub(super) fn license_status_reason(row: &Instance) -> Option<HResult> {
    row.hresult("LicenseStatusReason").filter(|r| *r != HResult::OK)
}

/// WMI `GenuineStatus` has the numbers of `SL_GENUINE_STATE`: 0 genuine, 1 invalid license, 2 tampered, 3 offline. Vista
/// has only the reason code.
fn genuine_status(row: &Instance, reason: Option<HResult>) -> GenuineStatus {
    const SL_E_NOT_GENUINE: HResult = HResult(0xC004_F200);
    match row.number("GenuineStatus") {
        Some(0) => GenuineStatus::Genuine,
        Some(1 | 2) => GenuineStatus::NonGenuine,
        _ if reason == Some(SL_E_NOT_GENUINE) => GenuineStatus::NonGenuine,
        _ => GenuineStatus::Unknown,
    }
}

/// `GracePeriodRemaining` counts minutes; 0 with a licensed product means for good, unless it is an evaluation, which ends on
/// `EvaluationEndDate`. Otherwise 0 means that grace is over.
fn grace_end(row: &Instance, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let minutes = row.number("GracePeriodRemaining").filter(|m| *m > 0);
    match minutes {
        Some(minutes) => at.checked_add_signed(TimeDelta::try_minutes(minutes)?),
        None => row.time("EvaluationEndDate"),
    }
}

fn volume_type(row: &Instance, name: &str) -> VolumeActivationType {
    match row.number(name) {
        // -1 travels as an unsigned number.
        Some(-1 | 0xFFFF_FFFF) => VolumeActivationType::NeverVolumeActivated,
        Some(n) => i32::try_from(n)
            .ok()
            .and_then(VolumeActivationType::from_number)
            .unwrap_or_default(),
        None => VolumeActivationType::default(),
    }
}

fn volume(row: &Instance, service: &Service, key_type: KeyType) -> VolumeActivation {
    let set = host_and_port(row, "KeyManagementServiceMachine", "KeyManagementServicePort");
    let on_service = || service.kms.clone().filter(|_| key_type == KeyType::Gvlk);
    let discovered = || {
        host_and_port(
            row,
            "DiscoveredKeyManagementServiceMachineName",
            "DiscoveredKeyManagementServiceMachinePort",
        )
    };
    let (kms_host, kms_port) = set.or_else(on_service).or_else(discovered).unwrap_or_default();
    VolumeActivation {
        activated_by: volume_type(row, "VLActivationType"),
        enabled: volume_type(row, "VLActivationTypeEnabled"),
        kms_host,
        kms_port,
        ad_object: AdObject {
            name: text(row, "ADActivationObjectName"),
            dn: text(row, "ADActivationObjectDN"),
            csvlk_sku: text(row, "ADActivationCsvlkSkuId"),
            csvlk_pid: text(row, "ADActivationCsvlkPid"),
        }
        .said(),
    }
}

/// The key type from `ProductKeyChannel` (Windows 8.1 and later), else from `Description`, by the tests of slmgr.vbs.
pub(super) fn key_type(row: &Instance) -> KeyType {
    let by_channel = row.text("ProductKeyChannel").and_then(key_type_of_channel);
    by_channel
        .or_else(|| row.text("Description").map(key_type_of_description))
        .unwrap_or_default()
}

fn key_type_of_channel(channel: &str) -> Option<KeyType> {
    const CHANNELS: &[(&str, KeyType)] = &[
        ("VOLUME:MAK", KeyType::Mak),
        ("VOLUME:GVLK", KeyType::Gvlk),
        ("VOLUME:CSVLK", KeyType::Csvlk),
        ("RETAIL", KeyType::Retail),
        ("OEM:SLP", KeyType::OemSlp),
        ("OEM:COA", KeyType::OemCoa),
        ("OEM:NONSLP", KeyType::OemNonSlp),
        ("OEM:DM", KeyType::OemDm),
        ("VT:IA", KeyType::VtIa),
        ("TB:EVAL", KeyType::TBEval),
        ("TB:TRIAL", KeyType::TBTrial),
        ("TB:PROMO", KeyType::TBPromo),
        ("TB:SUB", KeyType::TBSub),
    ];
    let channel = channel.to_ascii_uppercase();
    let exact = CHANNELS.iter().find(|(name, _)| *name == channel);
    // Variants carry more behind (`Retail:TB:Eval`, `OEM:COA:NSLP`): the most particular name wins.
    let part_of = || CHANNELS.iter().rev().find(|(name, _)| channel.contains(name));
    exact.or_else(part_of).map(|(_, key_type)| *key_type)
}

fn key_type_of_description(description: &str) -> KeyType {
    // The order matters: VOLUME_KMSCLIENT contains VOLUME_KMS.
    const PARTS: &[(&str, KeyType)] = &[
        ("VOLUME_KMSCLIENT", KeyType::Gvlk),
        ("VOLUME_KMS", KeyType::Csvlk),
        ("MAK", KeyType::Mak),
        ("TIMEBASED_EVAL", KeyType::TBEval),
        ("TIMEBASED_TRIAL", KeyType::TBTrial),
        ("TIMEBASED_PROMO", KeyType::TBPromo),
        ("TIMEBASED_SUB", KeyType::TBSub),
        ("TIMEBASED_", KeyType::TBEval),
        ("SUBSCRIPTION", KeyType::TBSub),
        ("VIRTUAL_MACHINE_ACTIVATION", KeyType::VtIa),
        ("OEM_DM", KeyType::OemDm),
        ("OEM_COA", KeyType::OemCoa),
        ("OEM_NONSLP", KeyType::OemNonSlp),
        ("OEM_SLP", KeyType::OemSlp),
        ("OEM", KeyType::OemNonSlp),
        ("RETAIL", KeyType::Retail),
    ];
    let description = description.to_ascii_uppercase();
    PARTS
        .iter()
        .find(|(part, _)| description.contains(part))
        .map(|(_, key_type)| *key_type)
        .unwrap_or_default()
}

/// Whether this row is licensed for KMS clients.
pub(super) fn is_kms_client_license(description: &str) -> bool {
    key_type_of_description(description) == KeyType::Gvlk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wmi::Value;

    fn row(pairs: &[(&str, &str)]) -> Instance {
        Instance {
            properties: pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), Value::Text((*v).to_owned())))
                .collect(),
        }
    }

    #[test]
    fn key_types_follow_the_channel_and_else_the_description() {
        let cases = [
            ("Windows(R) Operating System, VOLUME_KMSCLIENT channel", KeyType::Gvlk),
            ("Windows(R) Operating System, VOLUME_KMS_WS19 channel", KeyType::Csvlk),
            ("Windows Operating System - Vista, VOLUME_MAK channel", KeyType::Mak),
            ("Windows(R) Operating System, TIMEBASED_EVAL channel", KeyType::TBEval),
            (
                "Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel",
                KeyType::VtIa,
            ),
            ("Windows(R) Operating System, OEM_COA_NSLP channel", KeyType::OemCoa),
            ("Windows(R) Operating System, OEM_DM channel", KeyType::OemDm),
            ("Windows(R) Operating System, OEM_SLP channel", KeyType::OemSlp),
            ("Office 16, RETAIL channel", KeyType::Retail),
            ("Office 15, SUBSCRIPTION channel", KeyType::TBSub),
            ("something else", KeyType::Unknown),
        ];
        for (description, expected) in cases {
            assert_eq!(
                key_type(&row(&[("Description", description)])),
                expected,
                "{description}"
            );
        }
        let both = [("ProductKeyChannel", "Volume:MAK"), ("Description", "RETAIL channel")];
        assert_eq!(key_type(&row(&both)), KeyType::Mak);
        let odd = [("ProductKeyChannel", "Retail:TB:Eval"), ("Description", "")];
        assert_eq!(key_type(&row(&odd)), KeyType::TBEval);
        let unknown = [
            ("ProductKeyChannel", "New:Thing"),
            ("Description", "x, VOLUME_MAK channel"),
        ];
        assert_eq!(key_type(&row(&unknown)), KeyType::Mak);
    }

    #[test]
    fn property_lists_start_with_the_generation_of_the_service_and_end_with_the_oldest() {
        assert_eq!(property_lists("6.0.6002.18005"), [V60_SP1, V60]);
        assert_eq!(property_lists("6.1.7601.17514").first(), Some(&V61));
        assert_eq!(property_lists("6.2.9200.16384").first(), Some(&V62));
        for newest in ["6.3.9600.17031", "10.0.26100.1", "", "garbage"] {
            assert_eq!(property_lists(newest).first(), Some(&V63), "{newest}");
        }
    }

    #[test]
    fn an_evaluation_ends_on_its_day_and_what_is_licensed_for_good_never() {
        let at = Utc::now();
        let end = |minutes, day| {
            grace_end(
                &row(&[("GracePeriodRemaining", minutes), ("EvaluationEndDate", day)]),
                at,
            )
        };
        assert_eq!(end("0", "1601-01-01T00:00:00Z"), None);
        assert_eq!(
            end("0", "2027-03-01T00:00:00Z").unwrap().to_rfc3339(),
            "2027-03-01T00:00:00+00:00"
        );
        assert_eq!(end("60", "2027-03-01T00:00:00Z"), Some(at + TimeDelta::hours(1)));
    }

    #[test]
    fn unreadable_values_are_left_out_and_the_row_stays() {
        let odd = row(&[
            ("id", "{73111121-5638-40F6-BC11-F1D7B0D64300}"),
            ("ApplicationId", "55C92734-D682-4D71-983E-D6EC3F16059F"),
            ("OfflineInstallationId", "12345"),
            ("ProductKeyID", "what?"),
            ("PartialProductKey", "0OI1L"),
            ("LicenseStatus", "77"),
            ("GracePeriodRemaining", "99999999999999999"),
        ]);
        let computer = ComputerId::from_name("a");
        let product = product(&odd, &Service::default(), computer, Utc::now()).unwrap();
        assert_eq!(product.application, ApplicationId::WINDOWS);
        assert!(product.sku.is_some() && product.installation_id.is_none());
        assert!(product.product_key_id.is_none() && product.partial_product_key.is_none());
        assert_eq!(product.license_status, LicenseStatus::Unknown);
        assert_eq!(product.grace_expires, None);
    }
}
