//! A product: `Product`.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::cil::values::{Interner, actions_for, clip, parse_actions, parse_bool};
use crate::model::{
    Action, AdObject, ApplicationId, Asked, Confirmation, ConfirmationId, ExtendedPid, Failure, FailureClass, Foreign,
    GenuineStatus, HResult, InstallationId, KeyType, LastFive, LicenseStatus, Product, ProductId, ServiceFamily, Text,
    VolumeActivationType,
};

use super::extra::{FailureParts, date, number, result_code};
use super::pieces::Bulk;
use super::record::Record;

/// A product as the file has it.
pub(in crate::cil) struct ProductRow<'a> {
    /// Where its tag begins.
    pub at: usize,
    /// `computer` is not set yet; `id` is nil unless `has_id`.
    pub product: Arc<Product>,
    /// The file gave the identity.
    pub has_id: bool,
    /// Name of its computer; empty when the file has none. As it stands in the file: the computer has its own.
    pub computer_name: Cow<'a, str>,
}

pub(in crate::cil) struct ProductRecord<'a> {
    product: Product,
    id: Option<ProductId>,
    computer_name: Cow<'a, str>,
    confirmation: Option<ConfirmationId>,
    confirmation_for: Option<InstallationId>,
    acquired: Option<DateTime<Utc>>,
    asked_for: Option<InstallationId>,
    asked_at: Option<DateTime<Utc>>,
    ad_object: AdObject,
    status: Text,
    code: Option<HResult>,
    action_what: Option<Text>,
    action_at: Option<DateTime<Utc>>,
    action: FailureParts,
}

fn guid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text.trim()).map_err(|_| format!("{:?} is no GUID", clip(text)))
}

fn one_of<T>(value: Option<T>, text: &str, what: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("{:?} is no {what}", clip(text)))
}

impl<'a> Bulk<'a> for ProductRecord<'a> {
    const CONTAINER: &'static str = "Products";
    const TAG: &'static str = "Product";
    const START: &'static str = "<Product>";
    const PLURAL: &'static str = "products";
    type Row = ProductRow<'a>;

    fn new() -> Self {
        Self {
            product: Product::new(ProductId(Uuid::nil()), None, ApplicationId::default()),
            id: None,
            computer_name: Cow::default(),
            confirmation: None,
            confirmation_for: None,
            acquired: None,
            asked_for: None,
            asked_at: None,
            ad_object: AdObject::default(),
            status: Text::default(),
            code: None,
            action_what: None,
            action_at: None,
            action: FailureParts::default(),
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        None
    }

    fn finish(self, at: usize, foreign: Foreign) -> ProductRow<'a> {
        let mut product = self.product;
        product.foreign = foreign;
        product.volume.ad_object = self.ad_object.said();
        product.confirmation = self.confirmation.map(|confirmation_id| {
            Box::new(Confirmation {
                installation_id: self.confirmation_for,
                confirmation_id,
                acquired: self.acquired,
            })
        });
        product.asked = match (self.asked_for, self.asked_at) {
            (Some(installation_id), Some(at)) => Some(Box::new(Asked { installation_id, at })),
            _ => None,
        };
        let code = self.code.filter(|c| *c != HResult::OK);
        let ours = self.action_what.is_some() || self.action_at.is_some();
        product.last_action = (ours || !self.status.is_empty() || code.is_some()).then(|| Action {
            at: self.action_at,
            what: self.action_what.unwrap_or(self.status),
            failure: self
                .action
                .finish()
                .or_else(|| {
                    code.filter(|_| !ours).map(|code| Failure {
                        class: FailureClass::Licensing,
                        message: format!("the list says that the last action ended with {code}"),
                        code: Some(code),
                    })
                })
                .map(Box::new),
        });
        if *product.application_name == *product.application.name() {
            product.application_name = Text::default();
        }
        if product.actions_allowed == Some(actions_for(&product)) {
            product.actions_allowed = None;
        }
        if let Some(id) = self.id {
            product.id = id;
        }
        ProductRow {
            at,
            product: Arc::new(product),
            has_id: self.id.is_some(),
            computer_name: self.computer_name,
        }
    }
}

impl<'a> Record<'a> for ProductRecord<'a> {
    fn field(&mut self, name: &str, text: &Cow<'a, str>, texts: &mut Interner) -> Result<bool, String> {
        let product = &mut self.product;
        let volume = &mut product.volume;
        // Free text first: an empty one is a value.
        match name {
            "ApplicationName" => product.application_name = texts.text(text),
            "CMID" => product.cmid = texts.again(text),
            "FullyQualifiedDomainName" => self.computer_name.clone_from(text),
            "KmsHost" => volume.kms_host = texts.text(text),
            "LastActionStatus" => self.status = texts.text(text),
            "LicenseFamily" => product.license_family = texts.text(text),
            "ProductDescription" => product.description = texts.text(text),
            "ProductName" => product.name = texts.text(text),
            "ProductVersion" => product.version = texts.text(text),
            "ResourceLanguage" => product.resource_language = texts.text(text),
            "AdActivationObjectName" => self.ad_object.name = texts.text(text),
            "AdActivationObjectDN" => self.ad_object.dn = texts.text(text),
            "AdActivationCsvlkSkuId" => self.ad_object.csvlk_sku = texts.text(text),
            "AdActivationCsvlkPid" => self.ad_object.csvlk_pid = texts.text(text),
            // Said by the type or status beside them, in VAMT's language.
            "ProductKeyTypeName" | "LicenseStatusText" | "GenuineStatusText" => {}
            _ => {
                if text.trim().is_empty() {
                    return Ok(is_typed(name));
                }
                match name {
                    "ActionsAllowed" => {
                        product.actions_allowed = Some(one_of(parse_actions(text), text, "set of actions")?);
                    }
                    "ApplicationId" => product.application = ApplicationId(guid(text)?),
                    "ConfirmationId" => {
                        self.confirmation = Some(ConfirmationId::parse(text).map_err(|e| e.to_string())?);
                    }
                    // All zeros: the writer had none.
                    "ExportGuid" => self.id = Some(ProductId(guid(text)?)).filter(|id| !id.0.is_nil()),
                    "GenuineStatus" => {
                        product.genuine_status = one_of(GenuineStatus::from_name(text), text, "genuine status")?;
                    }
                    "GraceExpirationDate" => product.grace_expires = date(text)?,
                    "InstallationId" => {
                        product.installation_id = Some(InstallationId::parse(text).map_err(|e| e.to_string())?);
                    }
                    "KmsPort" => volume.kms_port = Some(number::<u16>(text)?).filter(|p| *p != 0),
                    "LastErrorCode" => self.code = Some(result_code(text)?),
                    "LastUpdated" => product.last_updated = date(text)?,
                    "LicenseStatus" => {
                        product.license_status = one_of(LicenseStatus::from_name(text), text, "license status")?;
                    }
                    "LicenseStatusLastUpdated" => product.status_updated = date(text)?,
                    "LicenseStatusReason" => product.license_status_reason = Some(result_code(text)?),
                    "PartialProductKey" => {
                        product.partial_product_key = Some(LastFive::parse(text).map_err(|e| e.to_string())?);
                    }
                    "ProductKeyId" => {
                        product.product_key_id = Some(ExtendedPid::parse(text).map_err(|e| e.to_string())?);
                    }
                    "ProductKeyType" => product.key_type = one_of(KeyType::from_name(text), text, "key type")?,
                    "Sku" => product.sku = Some(guid(text)?),
                    "SoftwareProtectionService" => {
                        product.service = one_of(ServiceFamily::from_name(text), text, "service")?;
                    }
                    "VLActivationType" => {
                        volume.activated_by = one_of(VolumeActivationType::from_name(text), text, "activation type")?;
                    }
                    "VLActivationTypeEnabled" => {
                        volume.enabled = one_of(VolumeActivationType::from_name(text), text, "activation type")?;
                    }
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn extra(&mut self, name: &str, text: &str, texts: &mut Interner) -> Result<bool, String> {
        let iid = |text: &str| InstallationId::parse(text).map_err(|e| e.to_string());
        match name {
            "Addon" => {
                self.product.is_addon = one_of(parse_bool(text), text, "answer to a yes-or-no question")?;
            }
            "ConfirmationFor" => self.confirmation_for = Some(iid(text)?),
            "Acquired" => self.acquired = date(text)?,
            "AskedFor" => self.asked_for = Some(iid(text)?),
            "AskedAt" => self.asked_at = date(text)?,
            "ActionWhat" => self.action_what = Some(texts.text(text)),
            "ActionAt" => self.action_at = date(text)?,
            "Remarks" => self.product.remarks = text.into(),
            name => {
                return match name.strip_prefix("Action") {
                    Some(part) => self.action.set(part, text),
                    None => Ok(false),
                };
            }
        }
        Ok(true)
    }

    fn extra_child(
        &mut self,
        name: &str,
        attributes: &[(&str, Cow<'_, str>)],
        text: &str,
        _texts: &mut Interner,
    ) -> Result<bool, String> {
        if name != "Earlier" || !text.is_empty() {
            return Ok(false);
        }
        let (mut installation_id, mut confirmation_id, mut acquired) = (None, None, None);
        for (name, value) in attributes {
            match *name {
                "InstallationId" => {
                    installation_id = Some(InstallationId::parse(value).map_err(|e| e.to_string())?);
                }
                "ConfirmationId" => {
                    confirmation_id = Some(ConfirmationId::parse(value).map_err(|e| e.to_string())?);
                }
                "Acquired" => acquired = date(value)?,
                _ => return Ok(false),
            }
        }
        let Some(confirmation_id) = confirmation_id else {
            return Ok(false);
        };
        self.product.earlier_confirmations.push(Confirmation {
            installation_id,
            confirmation_id,
            acquired,
        });
        Ok(true)
    }

    fn describe(&self) -> String {
        let product = &self.product;
        let what = if product.name.is_empty() {
            product.application_label()
        } else {
            &product.name
        };
        match (&*self.computer_name, self.id) {
            ("", Some(id)) => format!("product {}", id.0),
            ("", None) => clip(what),
            (name, _) => format!("{} on {}", clip(what), clip(name)),
        }
    }
}

/// Elements whose text is more than free text: an empty one says nothing.
fn is_typed(name: &str) -> bool {
    const TYPED: [&str; 20] = [
        "ActionsAllowed",
        "ApplicationId",
        "ConfirmationId",
        "ExportGuid",
        "GenuineStatus",
        "GraceExpirationDate",
        "InstallationId",
        "KmsPort",
        "LastErrorCode",
        "LastUpdated",
        "LicenseStatus",
        "LicenseStatusLastUpdated",
        "LicenseStatusReason",
        "PartialProductKey",
        "ProductKeyId",
        "ProductKeyType",
        "Sku",
        "SoftwareProtectionService",
        "VLActivationType",
        "VLActivationTypeEnabled",
    ];
    TYPED.contains(&name)
}
