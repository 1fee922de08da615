//! "Update license status": what one computer says of itself, in as few exchanges as possible.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::LicensingError;
use super::rows::{self, Service};
use super::wql::{is_absent, is_unreachable, product_class, select, service_class};
use crate::model::{
    ApplicationId, ComputerId, KeyType, LicenseStatus, Network, NetworkKind, Observation, Product, ProductId,
    ServiceFamily, Text,
};
use crate::wmi::{Instance, WmiConnection, WmiError};

/// Rows that carry a key: the others are the editions and channels that could be installed, hundreds of them.
const WITH_KEY: &str = "PartialProductKey <> null";

/// Asks a computer for everything the list keeps of it.
///
/// Only the licensing of Windows itself must answer. A missing Office service is normal; an operating system, domain or
/// network class that fails leaves its fields empty; a value that cannot be read is left out.
pub async fn collect(
    conn: &mut dyn WmiConnection,
    computer: ComputerId,
    at: DateTime<Utc>,
) -> Result<Observation, LicensingError> {
    let mut observation = collect_licensing(conn, computer, at).await?;
    describe(conn, &mut observation).await;
    Ok(observation)
}

/// The licensing part alone: what changes when a key is installed or a product is activated.
pub(super) async fn collect_licensing(
    conn: &mut dyn WmiConnection,
    computer: ComputerId,
    at: DateTime<Utc>,
) -> Result<Observation, LicensingError> {
    let mut observation = Observation {
        computer,
        at,
        way: None,
        reported_name: None,
        network: None,
        os_edition: Text::default(),
        os_version: Text::default(),
        mac_addresses: Vec::new(),
        is_kms_host: None,
        complete: Vec::new(),
        products: Vec::new(),
    };
    let service = family(conn, ServiceFamily::SPP, &mut observation).await?;
    if !observation.products.iter().any(is_primary_windows) {
        let windows = windows_without_key(conn, &service, &observation).await;
        observation.products.push(windows);
    }
    match family(conn, ServiceFamily::OSPP, &mut observation).await {
        Err(error) if is_absent(&error) => observation.complete.push(ServiceFamily::OSPP),
        Err(error @ WmiError::Connection(_)) => return Err(error.into()),
        // An error means that its service is disabled or broken: what the list knew of its products stays.
        Ok(_) | Err(_) => {}
    }
    Ok(observation)
}

async fn family(
    conn: &mut dyn WmiConnection,
    family: ServiceFamily,
    observation: &mut Observation,
) -> Result<Service, WmiError> {
    let answer = select(conn, service_class(family), None, Service::PROPERTIES).await?;
    let service = Service::read(family, answer.first());
    let lists = rows::property_lists(&service.version);
    let answer = select(conn, product_class(family), Some(WITH_KEY), lists).await?;
    let mut kms_host = service.is_kms_host;
    for row in &answer {
        let is_host = row.number("IsKeyManagementServiceMachine").map(|n| n == 1);
        if is_host.is_some() {
            kms_host = Some(kms_host == Some(true) || is_host == Some(true));
        }
        // A server that ignores the condition answers with every SKU there is.
        let has_key = row.text("PartialProductKey").is_some();
        if let Some(product) = rows::product(row, &service, observation.computer, observation.at).filter(|_| has_key)
            && !observation
                .products
                .iter()
                .any(|p| p.application == product.application && p.sku == product.sku)
        {
            observation.products.push(product);
        }
    }
    if family == ServiceFamily::SPP {
        let licensed_host = |p: &Product| p.key_type == KeyType::Csvlk && p.license_status == LicenseStatus::Licensed;
        observation.is_kms_host = kms_host.or_else(|| observation.products.iter().any(licensed_host).then_some(true));
    }
    observation.complete.push(family);
    Ok(service)
}

fn is_primary_windows(product: &Product) -> bool {
    product.application == ApplicationId::WINDOWS && !product.is_addon
}

/// The Windows row of a computer whose Windows has no key. A SKU with a state of its own is the one in use; when none has
/// one, the row stands for Windows as such and has no SKU.
async fn windows_without_key(conn: &mut dyn WmiConnection, service: &Service, seen: &Observation) -> Product {
    let condition = format!("ApplicationID = '{}' AND LicenseStatus <> 0", ApplicationId::WINDOWS.0);
    let lists = rows::property_lists(&service.version);
    let answer = select(conn, product_class(ServiceFamily::SPP), Some(&condition), lists).await;
    let in_use = answer.unwrap_or_default().iter().find_map(|row| {
        let product = rows::product(row, service, seen.computer, seen.at)?;
        let active = !matches!(
            product.license_status,
            LicenseStatus::Unlicensed | LicenseStatus::Unknown
        );
        (active && is_primary_windows(&product)).then_some(product)
    });
    if let Some(in_use) = in_use {
        return in_use;
    }
    let os = operating_system(conn).await.unwrap_or_default();
    let id = ProductId::derive(seen.computer, ApplicationId::WINDOWS, None);
    Product {
        name: if os.edition.is_empty() {
            "Windows".into()
        } else {
            os.edition
        },
        license_family: os.family.unwrap_or_default().into(),
        version: service.version.clone(),
        service: ServiceFamily::SPP,
        license_status: LicenseStatus::Unlicensed,
        status_updated: Some(seen.at),
        last_updated: Some(seen.at),
        cmid: service.cmid.clone(),
        ..Product::new(id, Some(seen.computer), ApplicationId::WINDOWS)
    }
}

/// What Windows says of itself.
#[derive(Debug, Default)]
struct OperatingSystem {
    edition: Text,
    version: Text,
    family: Option<&'static str>,
}

async fn operating_system(conn: &mut dyn WmiConnection) -> Result<OperatingSystem, WmiError> {
    let lists = ["Caption, Version, OperatingSystemSKU", "Caption, Version"];
    let rows = optional(conn, "Win32_OperatingSystem", None, &lists).await?;
    let Some(os) = rows.first() else {
        return Ok(OperatingSystem::default());
    };
    Ok(OperatingSystem {
        edition: os.text("Caption").map(plain_caption).unwrap_or_default().into(),
        version: os.text("Version").unwrap_or_default().into(),
        family: os.number("OperatingSystemSKU").and_then(family_of_sku),
    })
}

/// Name, domain, operating system and hardware addresses. Nothing here may fail the collection.
async fn describe(conn: &mut dyn WmiConnection, observation: &mut Observation) {
    let Ok(os) = operating_system(conn).await else {
        return;
    };
    observation.os_edition = os.edition;
    observation.os_version = os.version;
    let Ok(system) = optional(
        conn,
        "Win32_ComputerSystem",
        None,
        &["Name, DNSHostName, Domain, PartOfDomain, Workgroup", "Name, Domain"],
    )
    .await
    else {
        return;
    };
    if let Some(system) = system.first() {
        let network = network(system);
        observation.reported_name = reported_name(system, network.as_ref());
        observation.network = network;
    }
    let adapters = optional(
        conn,
        "Win32_NetworkAdapterConfiguration",
        Some("IPEnabled = TRUE"),
        &["MACAddress"],
    )
    .await
    .unwrap_or_default();
    for mac in adapters.iter().filter_map(|a| mac_address(a.text("MACAddress")?)) {
        if !observation.mac_addresses.contains(&mac) {
            observation.mac_addresses.push(mac);
        }
    }
}

/// A query whose failure is no failure; an error only when asking further would cost another time-out.
async fn optional(
    conn: &mut dyn WmiConnection,
    class: &str,
    condition: Option<&str>,
    lists: &[&str],
) -> Result<Vec<Instance>, WmiError> {
    match select(conn, class, condition, lists).await {
        Err(error) if is_unreachable(&error) => Err(error),
        answer => Ok(answer.unwrap_or_default()),
    }
}

/// `Microsoft® Windows Vista™ Business ` becomes `Windows Vista Business`.
fn plain_caption(caption: &str) -> String {
    let plain = caption.replace("(R)", "").replace("(TM)", "");
    let plain: String = plain.chars().filter(|c| !matches!(c, '®' | '™')).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").trim_start_matches("Microsoft ").to_owned()
}

fn network(system: &Instance) -> Option<Network> {
    let domain = system.text("Domain");
    let (kind, name) = match system.boolean("PartOfDomain") {
        Some(true) => (NetworkKind::Domain, domain?),
        Some(false) => (NetworkKind::Workgroup, system.text("Workgroup").or(domain)?),
        None => match system.text("Workgroup") {
            Some(workgroup) => (NetworkKind::Workgroup, workgroup),
            None => (NetworkKind::None, domain?),
        },
    };
    Some(Network {
        kind,
        name: name.into(),
    })
}

fn reported_name(system: &Instance, network: Option<&Network>) -> Option<Text> {
    let host = system.text("DNSHostName").or_else(|| system.text("Name"))?;
    let domain = network.filter(|n| n.kind == NetworkKind::Domain && !host.contains('.'));
    Some(match domain {
        Some(domain) => format!("{host}.{}", domain.name).into(),
        None => host.into(),
    })
}

fn mac_address(text: &str) -> Option<Text> {
    let mac = text.trim().replace(':', "-").to_ascii_uppercase();
    let groups: Vec<&str> = mac.split('-').collect();
    let fits = groups.len() == 6
        && groups
            .iter()
            .all(|g| g.len() == 2 && g.bytes().all(|b| b.is_ascii_hexdigit()));
    fits.then(|| mac.into())
}

/// The license family of an `OperatingSystemSKU` (the `PRODUCT_*` numbers of `winnt.h`), as far as client setup keys exist.
pub(super) fn family_of_sku(number: i64) -> Option<&'static str> {
    Some(match number {
        4 | 70 => "Enterprise",
        6 => "Business",
        7 | 13 | 79 => "ServerStandard",
        8 | 12 | 80 => "ServerDatacenter",
        10 | 14 => "ServerEnterprise",
        15 => "ServerEnterpriseIA64",
        16 => "BusinessN",
        17 | 29 => "ServerWeb",
        18 => "ServerHPC",
        27 => "EnterpriseN",
        36 | 40 => "ServerStandardV",
        37 | 39 => "ServerDatacenterV",
        38 | 41 => "ServerEnterpriseV",
        48 => "Professional",
        49 => "ProfessionalN",
        50 => "ServerSolution",
        121 => "Education",
        122 => "EducationN",
        125 => "EnterpriseS",
        126 => "EnterpriseSN",
        145 => "ServerDatacenterACor",
        146 => "ServerStandardACor",
        161 => "ProfessionalWorkstation",
        162 => "ProfessionalWorkstationN",
        164 => "ProfessionalEducation",
        165 => "ProfessionalEducationN",
        171 => "EnterpriseG",
        172 => "EnterpriseGN",
        191 => "IoTEnterpriseS",
        407 => "ServerTurbine",
        _ => return None,
    })
}

/// The row of a SKU in an observation.
pub(super) fn row_of(observation: &Observation, sku: Uuid) -> Option<&Product> {
    observation.products.iter().find(|p| p.sku == Some(sku))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_lose_their_trademarks() {
        assert_eq!(
            plain_caption("Microsoft® Windows Vista™ Business "),
            "Windows Vista Business"
        );
        assert_eq!(
            plain_caption("Microsoft Windows 11 Enterprise LTSC"),
            "Windows 11 Enterprise LTSC"
        );
        assert_eq!(
            plain_caption("Microsoft(R) Windows Server(R) 2008 Standard"),
            "Windows Server 2008 Standard"
        );
    }

    #[test]
    fn only_hardware_addresses_are_taken() {
        assert_eq!(mac_address("00:15:5d:0a:1b:2c").as_deref(), Some("00-15-5D-0A-1B-2C"));
        assert_eq!(mac_address("00:15:5d"), None);
        assert_eq!(mac_address("zz:15:5d:0a:1b:2c"), None);
    }
}
