//! Why a licensing action did not reach its end.

use super::catalogue;
use crate::model::{Failure, FailureClass, HResult, InstallationId, LicenseStatus};
use crate::wmi::WmiError;

/// Why a computer's licensing could not be read or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LicensingError {
    /// The computer could not be asked, or its licensing service answered with an error code.
    #[error("{0}")]
    Wmi(#[from] WmiError),
    /// The row names no SKU: no key is installed for this product, or the list is not up to date.
    #[error(
        "{product} on {computer} has no SKU in the list: update the license status, or install a product key first"
    )]
    NoSku {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
    },
    /// The product is no longer on the computer under this SKU.
    #[error(
        "{computer} no longer has {product} under the SKU in the list: another key was installed, or the product was \
         removed; update the license status"
    )]
    ProductGone {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
    },
    /// The product has no key.
    #[error("{product} on {computer} has no product key: install one first")]
    NoKey {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
    },
    /// Only token-based activation is enabled.
    #[error(
        "{product} on {computer} is set to token-based activation only (volume activation type 3): clear that setting \
         before activating another way"
    )]
    TokenOnly {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
    },
    /// The computer did not give a usable installation ID.
    #[error("{computer} gave no usable installation ID for {product}{}", .why.as_deref().map(|w| format!(": {w}")).unwrap_or_default())]
    NoInstallationId {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
        /// What was wrong with it; `None`: it was empty.
        why: Option<String>,
    },
    /// The installation ID is not the one the confirmation ID was given for. Nothing was sent.
    #[error(
        "the installation ID of {product} on {computer} has changed since the confirmation ID was acquired (key or hardware \
         changed): nothing was sent; acquire a confirmation ID for the new installation ID"
    )]
    InstallationIdChanged {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
        /// The installation ID as it is now.
        now: InstallationId,
    },
    /// The computer accepted the request, but the product is not licensed afterwards.
    #[error("{computer} accepted the request, but {product} is {status} afterwards{}", .reason.map(|r| format!(" ({r})")).unwrap_or_default())]
    NotLicensed {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
        /// The license status read afterwards.
        status: LicenseStatus,
        /// The reason that goes with it.
        reason: Option<HResult>,
    },
    /// No published client setup key fits.
    #[error("no published KMS client setup key fits {product} on {computer}: {looked_for}")]
    NoClientSetupKey {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
        /// What was looked for.
        looked_for: String,
    },
    /// More than one published client setup key fits; none was chosen.
    #[error("several KMS client setup keys fit {product} on {computer}: {}; choose one by hand", .candidates.join(", "))]
    SeveralClientSetupKeys {
        /// The computer.
        computer: String,
        /// The product.
        product: String,
        /// The products they are for.
        candidates: Vec<String>,
    },
}

/// The failure of a question to WMI. A code that came without words, as a ReturnValue does, gets those of the catalogue.
fn explained(error: &WmiError) -> Failure {
    let mut failure = error.failure();
    if let WmiError::Failed { code, message, .. } = error
        && message.is_empty()
        && let Some(entry) = catalogue::explain(*code)
    {
        failure.message = format!("{}: {}", failure.message, entry.message);
    }
    failure
}

impl LicensingError {
    /// The failure as it is kept on a row.
    pub fn failure(&self) -> Failure {
        let class = match self {
            Self::Wmi(error) => return explained(error),
            Self::NotLicensed { .. } | Self::ProductGone { .. } | Self::NoInstallationId { .. } => {
                FailureClass::Licensing
            }
            Self::NoSku { .. }
            | Self::NoKey { .. }
            | Self::TokenOnly { .. }
            | Self::InstallationIdChanged { .. }
            | Self::NoClientSetupKey { .. }
            | Self::SeveralClientSetupKeys { .. } => FailureClass::NotAllowed,
        };
        Failure {
            class,
            message: self.to_string(),
            code: match self {
                Self::NotLicensed { reason, .. } => *reason,
                _ => None,
            },
        }
    }
}
