//! The product an action is about, as the computer knows it.

use chrono::Utc;
use uuid::Uuid;

use super::LicensingError;
use super::collect::collect_licensing;
use super::rows::property_lists;
use super::wql::{by_sku, product_class, select, service_class};
use crate::model::{ApplicationId, ComputerId, Observation, Product, ServiceFamily};
use crate::wmi::{Instance, Namespace, ObjectPath, Param, WmiConnection, WmiError};

/// Which service takes keys for this product: what the list says, else Office 2010 and, on Windows 7 and Server 2008 R2,
/// every Office belong to Office Software Protection and everything else to Software Protection.
///
/// `version` is the version of the operating system or of its licensing service; both begin alike.
pub fn service_family(product: &Product, version: &str) -> ServiceFamily {
    match product.service {
        ServiceFamily::Unknown => {}
        known => return known,
    }
    let windows_7 = version.trim().starts_with("6.1");
    if product.application == ApplicationId::OFFICE_2010 || (windows_7 && product.application == ApplicationId::OFFICE)
    {
        ServiceFamily::OSPP
    } else {
        ServiceFamily::SPP
    }
}

/// One product on one computer.
pub(super) struct Target<'a> {
    pub(super) product: &'a Product,
    pub(super) family: ServiceFamily,
    pub(super) sku: Uuid,
    sku_text: String,
    /// Of the service: chooses the properties, and is the key of the service instance.
    version: String,
}

impl<'a> Target<'a> {
    /// Finds out what is needed to address the product. The version in the list may be that of before an upgrade, so the
    /// service is asked.
    pub(super) async fn of(conn: &mut dyn WmiConnection, product: &'a Product) -> Result<Self, LicensingError> {
        let sku = product.sku.ok_or_else(|| LicensingError::NoSku {
            computer: conn.computer().to_owned(),
            product: name_of(product),
        })?;
        let family = service_family(product, &product.version);
        Ok(Self {
            product,
            family,
            sku,
            sku_text: sku.to_string(),
            version: service_version(conn, family).await?,
        })
    }

    pub(super) fn name(&self) -> String {
        name_of(self.product)
    }

    /// The row as it is now.
    pub(super) async fn read(&self, conn: &mut dyn WmiConnection) -> Result<Instance, LicensingError> {
        let lists = property_lists(&self.version);
        self.select(conn, lists)
            .await?
            .ok_or_else(|| LicensingError::ProductGone {
                computer: conn.computer().to_owned(),
                product: self.name(),
            })
    }

    /// Status and reason alone: cheap enough to ask every few seconds.
    pub(super) async fn read_status(&self, conn: &mut dyn WmiConnection) -> Result<Option<Instance>, WmiError> {
        self.select(conn, &["LicenseStatus, LicenseStatusReason", "LicenseStatus"])
            .await
    }

    async fn select(&self, conn: &mut dyn WmiConnection, lists: &[&str]) -> Result<Option<Instance>, WmiError> {
        let rows = select(conn, product_class(self.family), Some(&by_sku(self.sku)), lists).await?;
        // A server that ignores the condition must not make us act on another product.
        Ok(rows.into_iter().find(|row| {
            row.text("ID")
                .and_then(|id| Uuid::try_parse(id.trim_matches(['{', '}'])).ok())
                .is_none_or(|id| id == self.sku)
        }))
    }

    pub(super) async fn invoke(
        &self,
        conn: &mut dyn WmiConnection,
        method: &str,
        parameters: &[(&str, Param<'_>)],
    ) -> Result<Instance, WmiError> {
        let path = ObjectPath {
            namespace: Namespace::Cimv2,
            class: product_class(self.family),
            key: Some(("ID", &self.sku_text)),
        };
        conn.invoke(path, method, parameters).await
    }

    pub(super) async fn refresh(&self, conn: &mut dyn WmiConnection, notes: &mut Vec<String>) {
        refresh_license_status(conn, self.family, &self.version, notes).await;
    }

    /// The computer for the observation: the row's, or one named after the connection.
    pub(super) async fn observe(&self, conn: &mut dyn WmiConnection, notes: &mut Vec<String>) -> Option<Observation> {
        observe(conn, self.product.computer, notes).await
    }
}

pub(super) fn name_of(product: &Product) -> String {
    if product.name.is_empty() {
        product.application_label().to_owned()
    } else {
        product.name.to_string()
    }
}

/// The key of the service instance.
pub(super) async fn service_version(conn: &mut dyn WmiConnection, family: ServiceFamily) -> Result<String, WmiError> {
    let rows = select(conn, service_class(family), None, &["Version"]).await?;
    Ok(rows
        .first()
        .and_then(|r| r.text("Version"))
        .unwrap_or_default()
        .to_owned())
}

pub(super) async fn refresh_license_status(
    conn: &mut dyn WmiConnection,
    family: ServiceFamily,
    version: &str,
    notes: &mut Vec<String>,
) {
    let path = ObjectPath {
        namespace: Namespace::Cimv2,
        class: service_class(family),
        key: Some(("Version", version)),
    };
    if let Err(error) = conn.invoke(path, "RefreshLicenseStatus", &[]).await {
        notes.push(format!("license status not refreshed: {error}"));
    }
}

/// Reads the computer again after an action.
pub(super) async fn observe(
    conn: &mut dyn WmiConnection,
    computer: Option<ComputerId>,
    notes: &mut Vec<String>,
) -> Option<Observation> {
    let computer = computer.unwrap_or_else(|| ComputerId::from_name(conn.computer()));
    match collect_licensing(conn, computer, Utc::now()).await {
        Ok(observation) => Some(observation),
        Err(error) => {
            notes.push(format!("license status not read afterwards: {error}"));
            None
        }
    }
}
