//! Which of Microsoft's published KMS client setup keys fits a product. Never a guess: one answer, or a clear error.

use uuid::Uuid;

use super::LicensingError;
use super::collect::family_of_sku;
use super::gvlk::{Gvlk, gvlk};
use super::rows::is_kms_client_license;
use super::target::{name_of, service_family};
use super::wql::{is_unreachable, product_class, select};
use crate::model::{ApplicationId, Product};
use crate::wmi::WmiConnection;

/// A KMS client license that the computer has on board, with or without a key.
#[derive(Debug, Clone)]
struct License {
    id: Uuid,
    family: String,
}

/// Chooses the published KMS client setup key for a product.
///
/// Windows and Office bring their KMS client licenses along uninstalled; the one of the product's edition whose SKU is in
/// the table of published keys decides. Where no SKU is known (LTSC releases share keys), edition and release decide.
pub async fn choose_client_setup_key(
    conn: &mut dyn WmiConnection,
    product: &Product,
) -> Result<&'static Gvlk, LicensingError> {
    let licenses = client_licenses(conn, product).await?;
    let os = operating_system(conn, product).await;
    let wanted = Wanted::of(product, &os);
    wanted.choose(&licenses).map_err(|why| match why {
        NoChoice::None(looked_for) => LicensingError::NoClientSetupKey {
            computer: conn.computer().to_owned(),
            product: name_of(product),
            looked_for,
        },
        NoChoice::Several(candidates) => LicensingError::SeveralClientSetupKeys {
            computer: conn.computer().to_owned(),
            product: name_of(product),
            candidates,
        },
    })
}

async fn client_licenses(conn: &mut dyn WmiConnection, product: &Product) -> Result<Vec<License>, LicensingError> {
    const LISTS: &[&str] = &["ID, Description, LicenseFamily", "ID, Description"];
    let class = product_class(service_family(product, &product.version));
    let application = format!("ApplicationID = '{}'", product.application.0);
    let narrow = format!("{application} AND Description LIKE '%KMSCLIENT%'");
    let rows = match select(conn, class, Some(&narrow), LISTS).await {
        Ok(rows) => Ok(rows),
        Err(error) if is_unreachable(&error) => Err(error),
        // Not every server knows LIKE.
        Err(_) => select(conn, class, Some(&application), LISTS).await,
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) if is_unreachable(&error) => return Err(error.into()),
        Err(_) => Vec::new(),
    };
    Ok(rows
        .iter()
        .filter(|row| is_kms_client_license(row.text("Description").unwrap_or_default()))
        .filter_map(|row| {
            Some(License {
                id: Uuid::try_parse(row.text("ID")?.trim_matches(['{', '}'])).ok()?,
                family: plain_family(row.text("LicenseFamily").unwrap_or_default()),
            })
        })
        .collect())
}

/// What decides between releases of Windows that share names of editions.
#[derive(Debug, Default)]
struct OperatingSystem {
    build: Option<u32>,
    is_server: Option<bool>,
    family: Option<&'static str>,
}

async fn operating_system(conn: &mut dyn WmiConnection, product: &Product) -> OperatingSystem {
    if product.application != ApplicationId::WINDOWS {
        return OperatingSystem::default();
    }
    let lists = [
        "Version, ProductType, OperatingSystemSKU",
        "Version, Caption",
        "Version",
    ];
    let rows = select(conn, "Win32_OperatingSystem", None, &lists)
        .await
        .unwrap_or_default();
    let Some(row) = rows.first() else {
        return OperatingSystem::default();
    };
    OperatingSystem {
        build: row
            .text("Version")
            .and_then(|v| v.split('.').nth(2))
            .and_then(|b| b.parse().ok()),
        // 1 is a workstation, 2 a domain controller, 3 a server.
        is_server: row
            .number("ProductType")
            .map(|t| t != 1)
            .or_else(|| row.text("Caption").map(|c| c.contains("Server"))),
        family: row.number("OperatingSystemSKU").and_then(family_of_sku),
    }
}

/// What the key has to fit.
#[derive(Debug)]
struct Wanted {
    application: ApplicationId,
    /// Plain license family; `None` when nothing tells it.
    family: Option<String>,
    /// Product families of the table that belong to the release; empty when the release is not known.
    releases: Vec<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
enum NoChoice {
    None(String),
    Several(Vec<String>),
}

impl Wanted {
    fn of(product: &Product, os: &OperatingSystem) -> Self {
        let family = Some(plain_family(&product.license_family))
            .filter(|f| !f.is_empty())
            .or_else(|| os.family.map(str::to_owned));
        let releases = if product.application.is_office() {
            office_releases(product)
        } else {
            let is_server = os
                .is_server
                .or_else(|| family.as_ref().map(|f| f.starts_with("Server")))
                .unwrap_or_else(|| product.name.contains("Server"));
            os.build.map(|b| windows_releases(b, is_server)).unwrap_or_default()
        };
        Self {
            application: product.application,
            family,
            releases,
        }
    }

    fn choose(&self, licenses: &[License]) -> Result<&'static Gvlk, NoChoice> {
        let of_edition = |l: &&License| {
            let Some(family) = &self.family else { return true };
            l.family.is_empty() || l.family.eq_ignore_ascii_case(family)
        };
        let by_sku: Vec<&Gvlk> = licenses
            .iter()
            .filter(of_edition)
            .filter_map(|l| gvlk().iter().find(|g| g.activation_id == Some(l.id)))
            .filter(|g| self.fits_edition(g))
            .collect();
        let found = match only(by_sku)? {
            Some(found) => Some(found),
            None => only(self.by_edition_and_release())?,
        };
        found.ok_or_else(|| NoChoice::None(self.description()))
    }

    fn fits_edition(&self, entry: &Gvlk) -> bool {
        match (&self.family, &entry.license_family) {
            (Some(wanted), Some(family)) => wanted.eq_ignore_ascii_case(family),
            _ => true,
        }
    }

    fn by_edition_and_release(&self) -> Vec<&'static Gvlk> {
        let Some(wanted) = &self.family else {
            return Vec::new();
        };
        gvlk()
            .iter()
            .filter(|g| g.application == self.application)
            .filter(|g| {
                g.license_family
                    .as_ref()
                    .is_some_and(|f| f.eq_ignore_ascii_case(wanted))
            })
            .filter(|g| {
                // Office names carry the year from 2019 on; before that, and for Windows, the release has to be known.
                if self.releases.is_empty() {
                    self.application.is_office()
                } else {
                    self.releases.contains(&g.product_family.as_str())
                }
            })
            .collect()
    }

    fn description(&self) -> String {
        let edition = match &self.family {
            Some(family) => format!("edition {family}"),
            None => "its edition is not known".to_owned(),
        };
        if self.releases.is_empty() {
            format!("{edition}, and its release is not known")
        } else {
            format!("{edition} of {}", self.releases.join(" or "))
        }
    }
}

/// One entry or none; several that carry the same key count as one.
fn only(mut found: Vec<&'static Gvlk>) -> Result<Option<&'static Gvlk>, NoChoice> {
    found.sort_unstable_by_key(|g| g.key.reveal());
    found.dedup_by_key(|g| g.key.reveal());
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => Err(NoChoice::Several(several.iter().map(|g| g.title()).collect())),
    }
}

/// The license family without what Office adds for release and channel: `Office19ProPlus2019VL_KMS_Client_AE` and
/// `OfficeProPlusVL-MAK` become `ProPlus2019VL` and `ProPlusVL`.
fn plain_family(family: &str) -> String {
    let family = family.trim();
    let Some(rest) = family.strip_prefix("Office") else {
        return family.to_owned();
    };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.split(['_', '-']).next().unwrap_or_default().to_owned()
}

/// The release of an Office product, from the number its name and description begin with (`Office 16, ...`).
fn office_releases(product: &Product) -> Vec<&'static str> {
    if product.application == ApplicationId::OFFICE_2010 {
        return vec!["Office 2010"];
    }
    let texts = [&product.description, &product.name, &product.license_family];
    let number = texts.iter().find_map(|text| {
        let rest = text.trim_start().strip_prefix("Office")?.trim_start();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    match number {
        Some(15) => vec!["Office 2013"],
        // Later releases kept the number 16 in places; their editions carry the year.
        Some(16) => vec!["Office 2016", "Office 2019", "Office LTSC 2021", "Office LTSC 2024"],
        Some(19) => vec!["Office 2019"],
        Some(21) => vec!["Office LTSC 2021"],
        Some(24) => vec!["Office LTSC 2024"],
        _ => Vec::new(),
    }
}

/// The product families of the table that run under this build of Windows.
fn windows_releases(build: u32, is_server: bool) -> Vec<&'static str> {
    const CLIENT: &str = "Windows 11 / Windows 10";
    const LTSC: &str = "Windows 11 LTSC 2024 / Windows 10 LTSC 2021, 2019";
    const IOT: &str = "Windows IoT Enterprise LTSC 2024 / 2021";
    const SAC: &str = "Windows Server SAC 20H2/2004/1909/1903/1809";
    match (is_server, build) {
        (false, 6000..=6003) => vec!["Windows Vista"],
        (false, 7600..=7601) => vec!["Windows 7"],
        (false, 9200) => vec!["Windows 8"],
        (false, 9600) => vec!["Windows 8.1", "Windows Embedded 8.1"],
        (false, 10240) => vec![CLIENT, "Windows 10 LTSB 2015"],
        (false, 14393) => vec![CLIENT, "Windows 10 LTSB 2016"],
        (false, 17763 | 19044..=19045 | 26100) => vec![CLIENT, LTSC, IOT],
        (false, 10241..) => vec![CLIENT],
        (true, 6001..=6003) => vec!["Windows Server 2008"],
        (true, 7600..=7601) => vec!["Windows Server 2008 R2"],
        (true, 9200) => vec!["Windows Server 2012"],
        (true, 9600) => vec!["Windows Server 2012 R2"],
        (true, 14393) => vec!["Windows Server 2016"],
        (true, 16299) => vec!["Windows Server SAC 1709"],
        (true, 17134) => vec!["Windows Server SAC 1803"],
        (true, 17763) => vec!["Windows Server 2019", SAC],
        (true, 18362..=19042) => vec![SAC],
        (true, 20348) => vec!["Windows Server 2022"],
        (true, 26100) => vec!["Windows Server 2025"],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ComputerId, ProductId};

    fn product(application: ApplicationId, family: &str, description: &str) -> Product {
        let computer = ComputerId::from_name("pc");
        let mut product = Product::new(
            ProductId::derive(computer, application, None),
            Some(computer),
            application,
        );
        product.license_family = family.into();
        product.description = description.into();
        product
    }

    fn windows(family: &str, build: u32, is_server: bool) -> Wanted {
        let os = OperatingSystem {
            build: Some(build),
            is_server: Some(is_server),
            family: None,
        };
        Wanted::of(&product(ApplicationId::WINDOWS, family, ""), &os)
    }

    fn license(id: &str, family: &str) -> License {
        License {
            id: Uuid::try_parse(id).unwrap(),
            family: plain_family(family),
        }
    }

    #[test]
    fn the_license_of_the_edition_decides_among_those_on_board() {
        let on_board = [
            license("2de67392-b7a7-462a-b1ca-108dd189f588", "Professional"),
            license("73111121-5638-40f6-bc11-f1d7b0d64300", "Enterprise"),
        ];
        let chosen = windows("Enterprise", 26100, false).choose(&on_board).unwrap();
        assert_eq!(chosen.key.last_five().as_str(), "2YT43");
    }

    #[test]
    fn ltsc_releases_without_a_known_sku_are_chosen_by_edition_and_build() {
        for (build, last_five) in [
            (10240, "76DF9"),
            (14393, "QJ4BJ"),
            (17763, "J462D"),
            (19044, "J462D"),
            (26100, "J462D"),
        ] {
            let unknown = [license("11111111-2222-3333-4444-555555555555", "EnterpriseS")];
            let chosen = windows("EnterpriseS", build, false).choose(&unknown).unwrap();
            assert_eq!(chosen.key.last_five().as_str(), last_five, "build {build}");
        }
    }

    #[test]
    fn servers_of_one_edition_name_are_told_apart_by_build() {
        for (build, last_five) in [(9600, "MDVJX"), (14393, "KHKQY"), (17763, "J464C"), (26100, "MY832")] {
            let chosen = windows("ServerStandard", build, true).choose(&[]).unwrap();
            assert_eq!(chosen.key.last_five().as_str(), last_five, "build {build}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let none = windows("Core", 26100, false).choose(&[]).unwrap_err();
        assert!(
            matches!(&none, NoChoice::None(why) if why.contains("edition Core of Windows 11")),
            "{none:?}"
        );
        // Neither edition nor release known, two licenses on board.
        let os = OperatingSystem::default();
        let wanted = Wanted::of(&product(ApplicationId::WINDOWS, "", ""), &os);
        let on_board = [
            license("2de67392-b7a7-462a-b1ca-108dd189f588", "Professional"),
            license("73111121-5638-40f6-bc11-f1d7b0d64300", "Enterprise"),
        ];
        assert!(matches!(wanted.choose(&on_board), Err(NoChoice::Several(c)) if c.len() == 2));
        assert!(matches!(wanted.choose(&[]), Err(NoChoice::None(_))));
    }

    #[test]
    fn office_editions_are_recognised_through_the_decoration_of_their_names() {
        let office = |family: &str, description: &str| {
            let product = product(ApplicationId::OFFICE, family, description);
            Wanted::of(&product, &OperatingSystem::default()).choose(&[])
        };
        let last_five = |family, description| office(family, description).unwrap().key.last_five().to_string();
        assert_eq!(
            last_five("Office19ProPlus2019VL_MAK_AE", "Office 19, VOLUME_MAK channel"),
            "6MWKP"
        );
        assert_eq!(
            last_five("Office16ProPlusVL_MAK", "Office 16, VOLUME_MAK channel"),
            "WFG99"
        );
        assert_eq!(
            last_five("OfficeProPlusVL_MAK", "Office 15, VOLUME_MAK channel"),
            "GVGXT"
        );
        assert_eq!(
            last_five("Office24ProPlus2024VL_MAK_AE1", "Office 24, VOLUME_MAK channel"),
            published("Office LTSC 2024", "Office LTSC Professional Plus 2024")
        );
        assert!(matches!(
            office("Office19ProPlus2019R_Retail", "Office 19, RETAIL channel"),
            Err(NoChoice::None(_))
        ));
        // Office 2013 and 2016 share the name, and nothing tells the release.
        assert!(matches!(office("ProPlusVL", ""), Err(NoChoice::Several(_))));
    }

    fn published(family: &str, edition: &str) -> String {
        let entry = gvlk()
            .iter()
            .find(|g| g.product_family == family && g.edition == edition);
        entry.unwrap().key.last_five().to_string()
    }
}
