//! The columns of the product list: names, headings, the text of a cell and the order of its values.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};

use super::{Computer, Failure, HResult, LicenseStatus, Product};

/// One row of the list as views see it: a product with its computer, a computer without products, or (in a list without
/// names) a product alone.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The computer, if the list names it.
    pub computer: Option<&'a Computer>,
    /// The product; `None` for a computer whose products have not been collected.
    pub product: Option<&'a Product>,
}

/// What a column sorts by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// Nothing to show: sorts after everything else would be surprising in ascending order, so it sorts first, like blank text.
    Blank,
    /// By number.
    Number(i64),
    /// By text, ignoring case; digits inside are compared as text.
    Text(String),
}

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $heading:literal;)+) => {
        /// A column of the product list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Column { $($(#[$doc])* $variant,)+ }

        impl Column {
            /// Every column.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the command line and in CSV headings.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The heading for people.
            pub fn heading(self) -> &'static str {
                match self { $(Self::$variant => $heading,)+ }
            }
        }
    };
}

columns! {
    /// Computer name.
    Computer, "computer", "Computer";
    /// Domain or workgroup.
    Network, "network", "Domain / workgroup";
    /// Operating system edition.
    Os, "os", "Operating system";
    /// Product name.
    Product, "product", "Product";
    /// Windows or Office.
    Application, "application", "Application";
    /// License family.
    Edition, "edition", "Edition";
    /// Version of the licensing service.
    Version, "version", "Version";
    /// Key type.
    KeyType, "key-type", "Key type";
    /// Last five characters of the installed key.
    Key, "key", "Key";
    /// License status.
    Status, "status", "License status";
    /// License status reason.
    Reason, "reason", "Reason";
    /// Days left of the grace period or of the volume activation.
    Grace, "grace", "Time left";
    /// Genuine status.
    Genuine, "genuine", "Genuine";
    /// Installation ID.
    InstallationId, "iid", "Installation ID";
    /// Usable confirmation ID.
    ConfirmationId, "cid", "Confirmation ID";
    /// Extended PID.
    Pid, "pid", "Extended PID";
    /// SKU (activation ID).
    Sku, "sku", "Activation ID";
    /// KMS host.
    Kms, "kms", "KMS host";
    /// Client machine ID.
    Cmid, "cmid", "Client machine ID";
    /// Status of the last action, or why the computer could not be asked.
    LastAction, "last-action", "Last action";
    /// When the status was read.
    Updated, "updated", "Updated";
    /// The administrator's note.
    Remarks, "remarks", "Remarks";
}

impl Column {
    /// The column with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.iter().copied().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// The text of a cell; empty when there is nothing to show. Ages and days count from `now`.
    pub fn text<'a>(self, row: RowView<'a>, now: DateTime<Utc>) -> Cow<'a, str> {
        let of_computer = |f: fn(&'a Computer) -> &'a str| row.computer.map(f).unwrap_or_default().into();
        match self {
            Self::Computer => return of_computer(|c| &c.name),
            Self::Network => return of_computer(|c| &c.network.name),
            Self::Os => return of_computer(|c| &c.os_edition),
            Self::LastAction => return row.last_action().to_string().into(),
            Self::Updated => {
                return row
                    .product
                    .and_then(|p| p.status_updated)
                    .map(|at| age(now.signed_duration_since(at)))
                    .unwrap_or_default()
                    .into();
            }
            _ => {}
        }
        let Some(p) = row.product else {
            return match (self, row.computer) {
                (Self::Status, _) => LicenseStatus::Unknown.label().into(),
                (Self::Remarks, Some(c)) => (&*c.remarks).into(),
                _ => "".into(),
            };
        };
        match self {
            Self::Computer | Self::Network | Self::Os | Self::LastAction | Self::Updated => "".into(),
            Self::Product => (if p.name.is_empty() {
                p.application_label()
            } else {
                &p.name
            })
            .into(),
            Self::Application => p.application_label().into(),
            Self::Edition => (&*p.license_family).into(),
            Self::Version => (&*p.version).into(),
            Self::KeyType => p.key_type.label().into(),
            Self::Key => p
                .partial_product_key
                .map(|k| k.as_str().to_owned())
                .unwrap_or_default()
                .into(),
            Self::Status => p.license_status.label().into(),
            Self::Reason => p
                .license_status_reason
                .filter(|r| *r != HResult::OK)
                .map(|r| r.to_string())
                .unwrap_or_default()
                .into(),
            Self::Grace => p.days_left(now).map(days).unwrap_or_default().into(),
            Self::Genuine => p.genuine_status.label().into(),
            Self::InstallationId => p
                .installation_id
                .as_ref()
                .map(|id| id.digits().to_string())
                .unwrap_or_default()
                .into(),
            Self::ConfirmationId => p
                .usable_confirmation()
                .map(|c| c.confirmation_id.digits().to_string())
                .unwrap_or_default()
                .into(),
            Self::Pid => p
                .product_key_id
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .into(),
            Self::Sku => p.sku.map(|s| s.to_string()).unwrap_or_default().into(),
            Self::Kms => match p.volume.kms_port {
                Some(port) if !p.volume.kms_host.is_empty() => format!("{}:{port}", p.volume.kms_host).into(),
                _ => (&*p.volume.kms_host).into(),
            },
            Self::Cmid => (&*p.cmid).into(),
            Self::Remarks => (&*p.remarks).into(),
        }
    }

    /// What the column sorts by.
    pub fn sort_key(self, row: RowView<'_>, now: DateTime<Utc>) -> SortKey {
        let number = |n: Option<i64>| n.map_or(SortKey::Blank, SortKey::Number);
        match self {
            Self::Status => SortKey::Number(
                row.product
                    .map_or(LicenseStatus::Unknown, |p| p.license_status)
                    .number()
                    .into(),
            ),
            Self::Grace => number(row.product.and_then(|p| p.grace_expires).map(|t| t.timestamp())),
            Self::Updated => number(row.product.and_then(|p| p.status_updated).map(|t| -t.timestamp())),
            _ => match self.text(row, now) {
                text if text.is_empty() => SortKey::Blank,
                text => SortKey::Text(text.to_lowercase()),
            },
        }
    }
}

/// What happened last to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastAction<'a> {
    /// Nothing that is known.
    Nothing,
    /// Something was done to the product, or failed.
    Done {
        /// What.
        what: &'a str,
        /// Why it failed.
        failure: Option<&'a Failure>,
    },
    /// The computer could not be asked, since anything was done to the product.
    NotAsked(&'a Failure),
    /// A confirmation ID was asked for and no answer was recorded.
    Unanswered,
}

impl<'a> RowView<'a> {
    /// What was last done to the product; or why its computer could not be asked, when that is newer.
    pub fn last_action(self) -> LastAction<'a> {
        let contact = self.computer.and_then(|c| c.contact.as_ref());
        let action = self.product.and_then(|p| p.last_action.as_ref());
        let unreached = contact.and_then(|c| Some((c.at, c.failure.as_deref()?)));
        match (unreached, action) {
            (Some((at, failure)), action) if action.is_none_or(|a| a.at <= Some(at)) => LastAction::NotAsked(failure),
            (_, Some(action)) => LastAction::Done {
                what: &action.what,
                failure: action.failure.as_deref(),
            },
            _ if self.product.is_some_and(|p| p.asked.is_some()) => LastAction::Unanswered,
            _ => LastAction::Nothing,
        }
    }
}

impl fmt::Display for LastAction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Done { what, failure: None } => f.write_str(what),
            Self::Done {
                what,
                failure: Some(failure),
            } => write!(f, "{what}: {failure}"),
            Self::NotAsked(failure) => failure.fmt(f),
            Self::Unanswered => f.write_str("Confirmation ID asked for, no answer recorded"),
        }
    }
}

/// A number of days in words: `28 d`, `over`.
fn days(days: i64) -> String {
    if days <= 0 { "over".into() } else { format!("{days} d") }
}

/// An age in the coarsest fitting unit: `now`, `5 min`, `3 h`, `12 d`.
pub fn age(age: chrono::TimeDelta) -> String {
    match age.num_minutes() {
        ..=0 => "now".into(),
        m @ 1..60 => format!("{m} min"),
        m @ 60..2880 => format!("{} h", m / 60),
        m => format!("{} d", m / 1440),
    }
}
