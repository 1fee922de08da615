//! A product: one licensed product on one computer, one row of the list.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    ComputerId, ConfirmationId, ExtendedPid, Failure, Foreign, GenuineStatus, HResult, InstallationId, KeyType,
    LastFive, LicenseStatus, ServiceFamily, Text, VolumeActivationType,
};

/// Identity of a product within a list, and the join key of lists without names: VAMT's `ExportGuid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductId(pub Uuid);

impl ProductId {
    const NAMESPACE: Uuid = Uuid::from_u128(0x6d61_6b65_6570_6572_0000_7072_6f64_7563);

    /// A new identity for a product first seen on this computer. Derived, so that reading the same list twice gives the
    /// same rows.
    pub fn derive(computer: ComputerId, application: ApplicationId, sku: Option<Uuid>) -> Self {
        let mut name = [0_u8; 48];
        name[..16].copy_from_slice(computer.0.as_bytes());
        name[16..32].copy_from_slice(application.0.as_bytes());
        name[32..].copy_from_slice(sku.unwrap_or_default().as_bytes());
        Self(Uuid::new_v5(&Self::NAMESPACE, &name))
    }
}

/// An application in the sense of licensing: Windows, or one of the two Office families.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApplicationId(pub Uuid);

impl ApplicationId {
    /// Windows.
    pub const WINDOWS: Self = Self(Uuid::from_u128(0x55c9_2734_d682_4d71_983e_d6ec_3f16_059f));
    /// Office 2010.
    pub const OFFICE_2010: Self = Self(Uuid::from_u128(0x59a5_2881_a989_479d_af46_f275_c637_0663));
    /// Office 2013 and later.
    pub const OFFICE: Self = Self(Uuid::from_u128(0x0ff1_ce15_a989_479d_af46_f275_c637_0663));

    /// The name VAMT's files use; `Unknown` for an application that is none of the three.
    pub fn name(self) -> &'static str {
        match self {
            Self::WINDOWS => "Windows",
            Self::OFFICE_2010 => "Office 2010",
            Self::OFFICE => "Office",
            _ => "Unknown",
        }
    }

    /// One of the two Office families.
    pub fn is_office(self) -> bool {
        self == Self::OFFICE || self == Self::OFFICE_2010
    }
}

/// A confirmation ID together with the installation ID it was given for. It may have cost an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The installation ID it belongs to; `None` when a foreign list did not say (then it is tried, not trusted).
    pub installation_id: Option<InstallationId>,
    /// The confirmation ID.
    pub confirmation_id: ConfirmationId,
    /// When it was acquired; `None` when not known.
    pub acquired: Option<DateTime<Utc>>,
}

/// The service was asked for a confirmation ID and no answer was recorded: after a crash in between the row says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The installation ID that was sent.
    pub installation_id: InstallationId,
    /// When the request was about to leave.
    pub at: DateTime<Utc>,
}

/// The last thing done to a product and how it ended (VAMT: Status of Last Action).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When it ended; `None` when a foreign list did not say.
    pub at: Option<DateTime<Utc>>,
    /// What was done, in words: `Product key installed`.
    pub what: Text,
    /// Why it failed; `None`: it succeeded.
    pub failure: Option<Box<Failure>>,
}

/// How a volume license is activated on this product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeActivation {
    /// How it was activated.
    pub activated_by: VolumeActivationType,
    /// How it may be activated.
    pub enabled: VolumeActivationType,
    /// KMS host set or discovered; empty when none.
    pub kms_host: Text,
    /// Its TCP port.
    pub kms_port: Option<u16>,
    /// Activation object in Active Directory; `None` when there is none.
    #[serde(default)]
    pub ad_object: Option<Box<AdObject>>,
}

/// An activation object in Active Directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdObject {
    /// Its name.
    pub name: Text,
    /// Its distinguished name.
    pub dn: Text,
    /// SKU of its CSVLK.
    pub csvlk_sku: Text,
    /// Extended PID of its CSVLK.
    pub csvlk_pid: Text,
}

impl AdObject {
    /// `None` where nothing is said.
    pub fn said(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// One licensed product on one computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Identity within the list; the join key of lists without names.
    pub id: ProductId,
    /// The computer; `None` in a list that carries proxy activation data only.
    pub computer: Option<ComputerId>,
    /// Windows or an Office family.
    pub application: ApplicationId,
    /// The application's name as the file has it; empty: [`ApplicationId::name`].
    pub application_name: Text,
    /// SKU (activation ID).
    pub sku: Option<Uuid>,
    /// E.g. `Windows(R), Enterprise edition`.
    pub name: Text,
    /// E.g. `Windows(R) Operating System, VOLUME_MAK channel`.
    pub description: Text,
    /// Version of the licensing service that holds it.
    pub version: Text,
    /// E.g. `Enterprise`.
    pub license_family: Text,
    /// Resource language as the file has it.
    pub resource_language: Text,
    /// Which service family holds it.
    pub service: ServiceFamily,
    /// An add-on license (e.g. extended security updates).
    pub is_addon: bool,
    /// Type of the installed key.
    pub key_type: KeyType,
    /// Last five characters of the installed key.
    pub partial_product_key: Option<LastFive>,
    /// Extended PID of the installed key.
    pub product_key_id: Option<ExtendedPid>,
    /// License status.
    pub license_status: LicenseStatus,
    /// The reason code that goes with it.
    pub license_status_reason: Option<HResult>,
    /// When the status was read from the computer; `None`: never.
    pub status_updated: Option<DateTime<Utc>>,
    /// Genuine status.
    pub genuine_status: GenuineStatus,
    /// End of the grace period or of the volume activation; `None`: permanent or not known.
    pub grace_expires: Option<DateTime<Utc>>,
    /// Installation ID as last read.
    pub installation_id: Option<InstallationId>,
    /// Confirmation ID kept for this product. Usable only while [`Product::usable_confirmation`] says so.
    pub confirmation: Option<Box<Confirmation>>,
    /// Confirmation IDs for earlier installation IDs of this product. Never thrown away: each may have cost an activation.
    pub earlier_confirmations: Vec<Confirmation>,
    /// Asked without a recorded answer.
    pub asked: Option<Box<Asked>>,
    /// Volume activation settings.
    pub volume: VolumeActivation,
    /// Client machine ID (CMID); empty when not known.
    pub cmid: Text,
    /// The last action.
    pub last_action: Option<Action>,
    /// When the row last changed.
    pub last_updated: Option<DateTime<Utc>>,
    /// VAMT's action flags as the file has them; `None`: computed when written.
    pub actions_allowed: Option<u32>,
    /// A note by the administrator.
    pub remarks: Text,
    /// What the file said that we have no field for.
    pub foreign: Foreign,
}

impl Product {
    /// A product of which only identity is known.
    pub fn new(id: ProductId, computer: Option<ComputerId>, application: ApplicationId) -> Self {
        Self {
            id,
            computer,
            application,
            application_name: Text::default(),
            sku: None,
            name: Text::default(),
            description: Text::default(),
            version: Text::default(),
            license_family: Text::default(),
            resource_language: Text::default(),
            service: ServiceFamily::default(),
            is_addon: false,
            key_type: KeyType::default(),
            partial_product_key: None,
            product_key_id: None,
            license_status: LicenseStatus::default(),
            license_status_reason: None,
            status_updated: None,
            genuine_status: GenuineStatus::default(),
            grace_expires: None,
            installation_id: None,
            confirmation: None,
            earlier_confirmations: Vec::new(),
            asked: None,
            volume: VolumeActivation::default(),
            cmid: Text::default(),
            last_action: None,
            last_updated: None,
            actions_allowed: None,
            remarks: Text::default(),
            foreign: Foreign::default(),
        }
    }

    /// The application's name for people.
    pub fn application_label(&self) -> &str {
        if self.application_name.is_empty() {
            self.application.name()
        } else {
            &self.application_name
        }
    }

    /// The confirmation ID that fits the installation ID as last read, if one is kept.
    ///
    /// A confirmation whose installation ID is not known counts as fitting: only the computer can tell.
    pub fn usable_confirmation(&self) -> Option<&Confirmation> {
        let current = self.confirmation.as_deref()?;
        match (&current.installation_id, &self.installation_id) {
            (Some(given_for), Some(now)) if given_for != now => None,
            _ => Some(current),
        }
    }

    /// Activated for good with a MAK: calling `Activate` again would spend another activation.
    pub fn is_licensed_mak(&self) -> bool {
        self.key_type == KeyType::Mak && self.license_status == LicenseStatus::Licensed
    }

    /// Ready for the connected station: a MAK product that is not licensed, with an installation ID and extended PID, and no
    /// confirmation ID yet.
    pub fn needs_confirmation_id(&self) -> bool {
        self.accepts_confirmation_id()
            && self.license_status != LicenseStatus::Licensed
            && self.installation_id.is_some()
            && self.product_key_id.is_some()
            && self.usable_confirmation().is_none()
    }

    /// A confirmation ID lies ready and the product is not licensed yet.
    pub fn can_apply_confirmation_id(&self) -> bool {
        self.license_status != LicenseStatus::Licensed && self.usable_confirmation().is_some()
    }

    /// Key types that can be activated by proxy. A GVLK is activated by a KMS host or Active Directory instead.
    pub fn accepts_confirmation_id(&self) -> bool {
        matches!(self.key_type, KeyType::Mak | KeyType::Retail | KeyType::Csvlk)
    }

    /// Keeps `confirmation`: as the current one, moving a different one to the earlier ones; or, if it was given for another
    /// installation ID than the product has now, among the earlier ones.
    pub(super) fn keep_confirmation(&mut self, confirmation: Confirmation) {
        let fits = match (&confirmation.installation_id, &self.installation_id) {
            (Some(given_for), Some(now)) => given_for == now,
            _ => true,
        };
        let earlier = if fits {
            let id = &confirmation.confirmation_id;
            self.earlier_confirmations.retain(|e| e.confirmation_id != *id);
            self.confirmation.replace(Box::new(confirmation)).map(|c| *c)
        } else {
            Some(confirmation)
        };
        let Some(earlier) = earlier else { return };
        if !self.holds(&earlier) {
            self.earlier_confirmations.push(earlier);
        }
    }

    /// Keeps every confirmation ID of `other`, another state of this row: its current one as the current one, if it fits.
    pub(super) fn keep_confirmations_of(&mut self, other: &Product) {
        for earlier in &other.earlier_confirmations {
            self.keep_beside(earlier);
        }
        if let Some(current) = &other.confirmation
            && !self.holds(current)
        {
            self.keep_confirmation((**current).clone());
        }
    }

    /// Keeps `confirmation` without making it the current one.
    pub(super) fn keep_beside(&mut self, confirmation: &Confirmation) {
        if !self.holds(confirmation) {
            self.earlier_confirmations.push(confirmation.clone());
        }
    }

    fn holds(&self, confirmation: &Confirmation) -> bool {
        self.confirmations()
            .any(|c| c.confirmation_id == confirmation.confirmation_id)
    }

    /// Every confirmation ID kept for this product, the current one first.
    pub fn confirmations(&self) -> impl Iterator<Item = &Confirmation> {
        self.confirmation
            .as_deref()
            .into_iter()
            .chain(&self.earlier_confirmations)
    }

    /// Days left until [`Product::grace_expires`], rounded up; negative when it is over.
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        let left = self.grace_expires?.signed_duration_since(now).num_minutes();
        Some(left.div_euclid(1440) + i64::from(left.rem_euclid(1440) != 0))
    }
}
