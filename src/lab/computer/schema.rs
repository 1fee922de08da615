//! Classes, and the properties and methods each generation has (reference: licensing-wmi.md 2.5).

/// A class of the virtual WMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::lab) enum Class {
    /// SoftwareLicensingService, or OfficeSoftwareProtectionService.
    Service {
        own: bool,
    },
    /// SoftwareLicensingProduct, or OfficeSoftwareProtectionProduct.
    Product {
        own: bool,
    },
    /// SoftwareLicensingTokenActivationLicense, or Office's: no instances.
    Token {
        own: bool,
    },
    OperatingSystem,
    ComputerSystem,
    AdapterConfiguration,
    Adapter,
    WindowsService,
    Registry,
}

const CLASSES: &[(&str, &str, Class)] = &[
    ("root/cimv2", "SoftwareLicensingService", Class::Service { own: false }),
    ("root/cimv2", "SoftwareLicensingProduct", Class::Product { own: false }),
    (
        "root/cimv2",
        "SoftwareLicensingTokenActivationLicense",
        Class::Token { own: false },
    ),
    (
        "root/cimv2",
        "OfficeSoftwareProtectionService",
        Class::Service { own: true },
    ),
    (
        "root/cimv2",
        "OfficeSoftwareProtectionProduct",
        Class::Product { own: true },
    ),
    (
        "root/cimv2",
        "OfficeSoftwareProtectionTokenActivationLicense",
        Class::Token { own: true },
    ),
    ("root/cimv2", "Win32_OperatingSystem", Class::OperatingSystem),
    ("root/cimv2", "Win32_ComputerSystem", Class::ComputerSystem),
    (
        "root/cimv2",
        "Win32_NetworkAdapterConfiguration",
        Class::AdapterConfiguration,
    ),
    ("root/cimv2", "Win32_NetworkAdapter", Class::Adapter),
    ("root/cimv2", "Win32_Service", Class::WindowsService),
    ("root/default", "StdRegProv", Class::Registry),
];

/// The class with this name, in any case, and its name as Windows writes it.
pub(in crate::lab) fn class_named(namespace: &str, name: &str) -> Option<(&'static str, Class)> {
    CLASSES
        .iter()
        .find(|(ns, n, _)| ns.eq_ignore_ascii_case(namespace) && n.eq_ignore_ascii_case(name))
        .map(|(_, n, class)| (*n, *class))
}

/// The key property, which is the selector of an instance.
pub(in crate::lab) fn selector_of(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Service { .. } => "Version",
        Class::Product { .. } | Class::Token { .. } => "ID",
        Class::OperatingSystem | Class::ComputerSystem | Class::WindowsService => "Name",
        Class::AdapterConfiguration => "Index",
        Class::Adapter => "DeviceID",
        Class::Registry => return None,
    })
}

/// A property or method, and the first schema that has it (see `Generation::schema`).
pub(super) type Since = (&'static str, u8);

pub(super) const PRODUCT: &[Since] = &[
    ("ApplicationID", 0),
    ("Description", 0),
    ("EvaluationEndDate", 0),
    ("GracePeriodRemaining", 0),
    ("ID", 0),
    ("LicenseDependsOn", 0),
    ("LicenseFamily", 0),
    ("LicenseIsAddon", 0),
    ("LicenseStatus", 0),
    ("LicenseStatusReason", 0),
    ("MachineURL", 0),
    ("Name", 0),
    ("OfflineInstallationId", 0),
    ("PartialProductKey", 0),
    ("ProcessorURL", 0),
    ("ProductKeyID", 0),
    ("ProductKeyURL", 0),
    ("UseLicenseURL", 0),
    ("DiscoveredKeyManagementServiceMachineName", 1),
    ("DiscoveredKeyManagementServiceMachinePort", 1),
    ("ExtendedGrace", 1),
    ("GenuineStatus", 1),
    ("IsKeyManagementServiceMachine", 1),
    ("KeyManagementServiceCurrentCount", 1),
    ("KeyManagementServiceFailedRequests", 1),
    ("KeyManagementServiceLicensedRequests", 1),
    ("KeyManagementServiceMachine", 1),
    ("KeyManagementServiceNonGenuineGraceRequests", 1),
    ("KeyManagementServiceNotificationRequests", 1),
    ("KeyManagementServiceOOBGraceRequests", 1),
    ("KeyManagementServiceOOTGraceRequests", 1),
    ("KeyManagementServicePort", 1),
    ("KeyManagementServiceProductKeyID", 1),
    ("KeyManagementServiceTotalRequests", 1),
    ("KeyManagementServiceUnlicensedRequests", 1),
    ("RequiredClientCount", 1),
    ("TokenActivationAdditionalInfo", 1),
    ("TokenActivationCertificateThumbprint", 1),
    ("TokenActivationGrantNumber", 1),
    ("TokenActivationILID", 1),
    ("TokenActivationILVID", 1),
    ("TrustedTime", 1),
    ("VLActivationInterval", 1),
    ("VLRenewalInterval", 1),
    ("ADActivationCsvlkPid", 2),
    ("ADActivationCsvlkSkuId", 2),
    ("ADActivationObjectDN", 2),
    ("ADActivationObjectName", 2),
    ("DiscoveredKeyManagementServiceMachineIpAddress", 2),
    ("KeyManagementServiceLookupDomain", 2),
    ("ProductKeyID2", 2),
    ("RemainingAppReArmCount", 2),
    ("RemainingSkuReArmCount", 2),
    ("VLActivationType", 2),
    ("VLActivationTypeEnabled", 2),
    ("ValidationURL", 2),
    ("AutomaticVMActivationHostDigitalPid2", 3),
    ("AutomaticVMActivationHostMachineName", 3),
    ("AutomaticVMActivationLastActivationTime", 3),
    ("IAID", 3),
    ("ProductKeyChannel", 3),
];

pub(super) const SERVICE: &[Since] = &[
    ("ClientMachineID", 0),
    ("IsKeyManagementServiceMachine", 0),
    ("KeyManagementServiceCurrentCount", 0),
    ("KeyManagementServiceDnsPublishing", 0),
    ("KeyManagementServiceFailedRequests", 0),
    ("KeyManagementServiceLicensedRequests", 0),
    ("KeyManagementServiceListeningPort", 0),
    ("KeyManagementServiceLowPriority", 0),
    ("KeyManagementServiceMachine", 0),
    ("KeyManagementServiceNonGenuineGraceRequests", 0),
    ("KeyManagementServiceNotificationRequests", 0),
    ("KeyManagementServiceOOBGraceRequests", 0),
    ("KeyManagementServiceOOTGraceRequests", 0),
    ("KeyManagementServicePort", 0),
    ("KeyManagementServiceProductKeyID", 0),
    ("KeyManagementServiceTotalRequests", 0),
    ("KeyManagementServiceUnlicensedRequests", 0),
    ("PolicyCacheRefreshRequired", 0),
    ("RemainingWindowsReArmCount", 0),
    ("RequiredClientCount", 0),
    ("VLActivationInterval", 0),
    ("VLRenewalInterval", 0),
    ("Version", 0),
    ("DiscoveredKeyManagementServiceMachineName", 1),
    ("DiscoveredKeyManagementServiceMachinePort", 1),
    ("KeyManagementServiceActivationDisabled", 1),
    ("KeyManagementServiceHostCaching", 1),
    ("TokenActivationAdditionalInfo", 1),
    ("TokenActivationCertificateThumbprint", 1),
    ("TokenActivationGrantNumber", 1),
    ("TokenActivationILID", 1),
    ("TokenActivationILVID", 1),
    ("DiscoveredKeyManagementServiceMachineIpAddress", 2),
    ("KeyManagementServiceLookupDomain", 2),
    ("OA3xOriginalProductKey", 2),
    ("RemainingAppReArmCount", 2),
    ("VLActivationTypeEnabled", 2),
    ("OA3xOriginalProductKeyDescription", 3),
    ("OA3xOriginalProductKeyPkPn", 3),
    ("SubscriptionEdition", 4),
    ("SubscriptionExpiry", 4),
    ("SubscriptionStatus", 4),
    ("SubscriptionType", 4),
];

pub(super) const TOKEN: &[Since] = &[
    ("AdditionalInfo", 1),
    ("AuthorizationStatus", 1),
    ("Description", 1),
    ("ExpirationDate", 1),
    ("ID", 1),
    ("ILID", 1),
    ("ILVID", 1),
];

pub(super) const PRODUCT_METHODS: &[Since] = &[
    ("Activate", 0),
    ("DepositOfflineConfirmationId", 0),
    ("UninstallProductKey", 0),
    ("SetKeyManagementServiceMachine", 1),
    ("ClearKeyManagementServiceMachine", 1),
    ("SetKeyManagementServicePort", 1),
    ("ClearKeyManagementServicePort", 1),
    ("SetKeyManagementServiceLookupDomain", 2),
    ("ClearKeyManagementServiceLookupDomain", 2),
    ("SetVLActivationTypeEnabled", 2),
    ("ClearVLActivationTypeEnabled", 2),
    ("ReArmsku", 2),
];

pub(super) const SERVICE_METHODS: &[Since] = &[
    ("InstallProductKey", 0),
    ("InstallLicense", 0),
    ("RefreshLicenseStatus", 0),
    ("ReArmWindows", 0),
    ("ClearProductKeyFromRegistry", 0),
    ("SetKeyManagementServiceMachine", 0),
    ("ClearKeyManagementServiceMachine", 0),
    ("SetKeyManagementServicePort", 0),
    ("ClearKeyManagementServicePort", 0),
    ("SetVLActivationInterval", 0),
    ("SetVLRenewalInterval", 0),
    ("SetKeyManagementServiceListeningPort", 0),
    ("DisableKeyManagementServiceDnsPublishing", 0),
    ("EnableKeyManagementServiceLowPriority", 0),
    ("DisableKeyManagementServiceHostCaching", 1),
    ("SetKeyManagementServiceLookupDomain", 2),
    ("ClearKeyManagementServiceLookupDomain", 2),
    ("SetVLActivationTypeEnabled", 2),
    ("ClearVLActivationTypeEnabled", 2),
    ("ReArmApp", 2),
];
