//! The inventory and its rules. No IO, no async, no egui: everything here can be computed on paper.

mod failure;
mod identifiers;
mod license_status;
mod product_key;

pub use failure::{Failure, FailureClass};
pub use identifiers::{ConfirmationId, ExtendedPid, IdentifierError, InstallationId, check_digit};
pub use license_status::{
    GenuineStatus, HResult, KeyType, LicenseStatus, NetworkKind, ServiceFamily, VolumeActivationType,
};
pub use product_key::{KeyFormat, LastFive, ProductKey, ProductKeyError, in_clear};
