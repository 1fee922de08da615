//! What can be run over many computers, as data.

use crate::model::{ComputerId, KeyEntryId, ProductId};

/// Which product key is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyChoice {
    /// An owned key of the list.
    Owned(KeyEntryId),
    /// Microsoft's public KMS client setup key (GVLK) that fits each product.
    ClientSetupKey,
}

/// One order: what to do, to which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Ask computers for their products and license status.
    UpdateStatus {
        /// The computers.
        computers: Vec<ComputerId>,
    },
    /// See which computers can be reached. Nobody signs in.
    Probe {
        /// The computers.
        computers: Vec<ComputerId>,
    },
    /// Install a product key. A computer without product rows must be updated first.
    InstallKey {
        /// The products whose key is replaced.
        products: Vec<ProductId>,
        /// The key.
        key: KeyChoice,
    },
    /// Activate online: the computers themselves reach Microsoft (MAK, retail, KMS host) or their KMS host.
    Activate {
        /// The products.
        products: Vec<ProductId>,
    },
    /// Ask the activation service for confirmation IDs. No computer is asked.
    AcquireConfirmationIds {
        /// The products.
        products: Vec<ProductId>,
    },
    /// Deposit the confirmation IDs of the list on the computers.
    ApplyConfirmationIds {
        /// The products.
        products: Vec<ProductId>,
    },
    /// Read the installation ID again, ask the service and deposit, where this host reaches both.
    ProxyActivate {
        /// The products.
        products: Vec<ProductId>,
    },
    /// Ask the activation service how many activations each MAK has left.
    RefreshCounts {
        /// The key entries.
        keys: Vec<KeyEntryId>,
    },
}

/// What a row of a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A computer.
    Computer(ComputerId),
    /// A product.
    Product(ProductId),
    /// A key entry.
    Key(KeyEntryId),
}

impl Job {
    /// What is going on, for a progress drawer: `Updating license status`.
    pub fn title(&self) -> &'static str {
        match self {
            Self::UpdateStatus { .. } => "Updating license status",
            Self::Probe { .. } => "Looking for computers",
            Self::InstallKey { .. } => "Installing product key",
            Self::Activate { .. } => "Activating products",
            Self::AcquireConfirmationIds { .. } => "Acquiring confirmation IDs",
            Self::ApplyConfirmationIds { .. } => "Applying confirmation IDs",
            Self::ProxyActivate { .. } => "Activating by proxy",
            Self::RefreshCounts { .. } => "Refreshing activation counts",
        }
    }

    /// The rows, in order and without repetition.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut seen = std::collections::HashSet::new();
        let all: Vec<Subject> = match self {
            Self::UpdateStatus { computers } | Self::Probe { computers } => {
                computers.iter().copied().map(Subject::Computer).collect()
            }
            Self::InstallKey { products, .. }
            | Self::Activate { products }
            | Self::AcquireConfirmationIds { products }
            | Self::ApplyConfirmationIds { products }
            | Self::ProxyActivate { products } => products.iter().copied().map(Subject::Product).collect(),
            Self::RefreshCounts { keys } => keys.iter().copied().map(Subject::Key).collect(),
        };
        all.into_iter().filter(|s| seen.insert(*s)).collect()
    }

    /// The same order for other rows; rows of another kind than the order's are left out.
    #[must_use]
    pub fn with_subjects(&self, subjects: &[Subject]) -> Self {
        let computers = || {
            let pick = |s: &Subject| match s {
                Subject::Computer(id) => Some(*id),
                _ => None,
            };
            subjects.iter().filter_map(pick).collect()
        };
        let products = || {
            let pick = |s: &Subject| match s {
                Subject::Product(id) => Some(*id),
                _ => None,
            };
            subjects.iter().filter_map(pick).collect()
        };
        match self {
            Self::UpdateStatus { .. } => Self::UpdateStatus { computers: computers() },
            Self::Probe { .. } => Self::Probe { computers: computers() },
            Self::InstallKey { key, .. } => Self::InstallKey {
                products: products(),
                key: *key,
            },
            Self::Activate { .. } => Self::Activate { products: products() },
            Self::AcquireConfirmationIds { .. } => Self::AcquireConfirmationIds { products: products() },
            Self::ApplyConfirmationIds { .. } => Self::ApplyConfirmationIds { products: products() },
            Self::ProxyActivate { .. } => Self::ProxyActivate { products: products() },
            Self::RefreshCounts { .. } => Self::RefreshCounts {
                keys: subjects
                    .iter()
                    .filter_map(|s| match s {
                        Subject::Key(id) => Some(*id),
                        _ => None,
                    })
                    .collect(),
            },
        }
    }
}
