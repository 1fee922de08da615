//! KMS client and KMS host settings.

use super::{KmsClient, Machine};
use crate::lab::wmi::code;

/// Where a KMS client setting is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder<'a> {
    /// The service: for every product without a setting of its own.
    Service,
    /// The product with this activation ID.
    Product(&'a str),
}

impl Machine {
    pub(super) fn kms_settings(&mut self, holder: Holder<'_>) -> Result<&mut KmsClient, u32> {
        match holder {
            Holder::Service => Ok(&mut self.kms),
            Holder::Product(id) => {
                let position = self.position(id)?;
                self.installed.get_mut(position).map(|p| &mut p.kms).ok_or(code::NO_KEY)
            }
        }
    }

    pub(super) fn set_activation_type(&mut self, holder: Holder<'_>, kind: u32) -> Result<(), u32> {
        if kind > 3 {
            return Err(code::INVALID_ARGUMENT);
        }
        match holder {
            Holder::Service => self.vl_enabled = kind,
            Holder::Product(id) => {
                let position = self.position(id)?;
                if let Some(product) = self.installed.get_mut(position) {
                    product.vl_enabled = kind;
                }
            }
        }
        Ok(())
    }

    /// Intervals of a KMS host, in minutes.
    pub(super) fn set_interval(&mut self, renewal: bool, minutes: u32) -> Result<(), u32> {
        if !(15..=43_200).contains(&minutes) {
            return Err(code::INVALID_ARGUMENT);
        }
        if renewal {
            self.host.renewal_interval = minutes;
        } else {
            self.host.activation_interval = minutes;
        }
        Ok(())
    }
}
