//! The inventory and its rules. No IO, no async, no egui: everything here can be computed on paper.

mod builder;
mod change;
mod columns;
mod computer;
mod counts;
mod diff;
mod failure;
mod filter;
pub mod found;
mod identifiers;
mod inventory;
mod key_entry;
mod license_status;
pub mod merge;
mod observation;
mod packed;
mod product;
mod product_key;
mod seal;
mod secret;
mod slots;
mod step;
mod view;

pub use builder::InventoryBuilder;
pub use change::{Change, ChangeError};
pub use columns::{Column, LastAction, RowView, SortKey, age};
pub use computer::{Computer, ComputerId, ConnectTo, Contact, Foreign, ForeignParts, Network, Text, WayIn};
pub use counts::Counts;
pub use diff::difference;
pub use failure::{Failure, FailureClass};
pub use filter::{Filter, FilterError};
pub use identifiers::{ConfirmationId, ExtendedPid, IdentifierError, InstallationId, check_digit};
pub use inventory::{Inventory, ListHeader};
pub use key_entry::{KeyEntry, KeyEntryId, RemainingCount};
pub use license_status::{
    GenuineStatus, HResult, KeyType, LicenseStatus, NetworkKind, ServiceFamily, VolumeActivationType,
};
pub use observation::Observation;
pub use packed::Digits;
pub use product::{Action, AdObject, ApplicationId, Asked, Confirmation, Product, ProductId, VolumeActivation};
pub use product_key::{KeyFormat, LastFive, ProductKey, ProductKeyError, in_clear};
pub use seal::{KeySeal, SealedKey};
pub use secret::Secret;
pub use step::{Reversal, Step};
pub use view::{Line, Row, View, ViewSpec, every_row};
