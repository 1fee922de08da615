//! The codes with which the service refuses a request.

/// Why the activation service refused. The numbers are those of its answers; where no source confirms a meaning, the text
/// says so and the raw code is always shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 0x67: the key is blocked, or PID and installation ID do not belong together.
    KeyBlocked,
    /// 0x68: the PID belongs to no valid key.
    InvalidKey,
    /// 0x71, 0x8E: undocumented; inferred: PID and installation ID are of different products.
    ActivationConfiguration,
    /// 0x7F: the MAK has no activations left.
    LimitExceeded,
    /// 0x86: the key is no MAK.
    InvalidKeyType,
    /// 0x8D: the installation ID was used too often (unconfirmed).
    InstallationIdUsedUp,
    /// 0x8F: format of the installation ID or product not supported (unconfirmed).
    NotSupported,
    /// 0x90: the installation ID is wrong or incomplete.
    InstallationIdRefused,
    /// 0xD5, 0xD6: the installation ID is blocked (unconfirmed).
    InstallationIdBlocked,
    /// A .NET or COM result code, or a system, network or database error of the service: trouble on its side.
    ServiceTrouble,
    /// Any other code.
    Other,
}

impl Refusal {
    /// The meaning of a code.
    pub fn of(code: u32) -> Self {
        match code {
            0x67 => Self::KeyBlocked,
            0x68 => Self::InvalidKey,
            0x71 | 0x8E => Self::ActivationConfiguration,
            0x7F => Self::LimitExceeded,
            0x86 => Self::InvalidKeyType,
            0x8D => Self::InstallationIdUsedUp,
            0x8F => Self::NotSupported,
            0x90 => Self::InstallationIdRefused,
            0xD5 | 0xD6 => Self::InstallationIdBlocked,
            // 0x70, 0x76, 0x77 are inferred: 0xC004C00C, -12 and -13 (system, network, database error).
            0x70 | 0x76 | 0x77 | 0x8000_0000.. => Self::ServiceTrouble,
            _ => Self::Other,
        }
    }

    /// What happened, in words.
    pub fn message(self) -> &'static str {
        match self {
            Self::KeyBlocked => {
                "the product key is blocked, or extended PID and installation ID do not belong together"
            }
            Self::InvalidKey => "the extended PID belongs to no valid product key",
            Self::ActivationConfiguration => {
                "extended PID and installation ID seem to be of different products (the code is undocumented)"
            }
            Self::LimitExceeded => "the MAK has no activations left",
            Self::InvalidKeyType => "the product key is no MAK",
            Self::InstallationIdUsedUp => "the installation ID was used too often (the code is undocumented)",
            Self::NotSupported => {
                "the format of the installation ID or the product is not supported (the code is undocumented)"
            }
            Self::InstallationIdRefused => "the installation ID is wrong or incomplete",
            Self::InstallationIdBlocked => "the installation ID is blocked (the code is undocumented)",
            Self::ServiceTrouble => "the service has a fault of its own",
            Self::Other => "a code without a known meaning",
        }
    }

    /// What to do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::KeyBlocked => {
                "Update the license status so that extended PID and installation ID are of the same moment, and try again. If \
                 it stays, ask the activation center whether the key is blocked."
            }
            Self::InvalidKey => "Update the license status of the product, which reads the extended PID again.",
            Self::ActivationConfiguration => {
                "Update the license status so that extended PID and installation ID are of the same moment, and try again later."
            }
            Self::LimitExceeded => {
                "Use another MAK, or have the limit raised in the Microsoft 365 admin center or by the activation center."
            }
            Self::InvalidKeyType => {
                "Only MAKs can be activated by confirmation ID or counted. Install a MAK, or leave the product to a KMS host."
            }
            Self::InstallationIdRefused => "Update the license status, which reads the installation ID again.",
            Self::ServiceTrouble => "Try again later. Nothing is wrong with the list or the network.",
            Self::InstallationIdUsedUp | Self::NotSupported | Self::InstallationIdBlocked | Self::Other => {
                "Try again later; if it stays, give the code to the activation center."
            }
        }
    }
}
