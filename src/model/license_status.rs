//! The enumerations of licensing, with the names and numbers that VAMT's files and WMI use.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)+ } default $default:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name as it stands in a Computer Information List.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// The number that WMI or VAMT's database uses.
            pub fn number(self) -> i32 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// In words, for people.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads a name (in any case) or a number; `None` for anything else.
            pub fn from_name(text: &str) -> Option<Self> {
                let text = text.trim();
                Self::ALL
                    .iter()
                    .copied()
                    .find(|v| v.name().eq_ignore_ascii_case(text))
                    .or_else(|| text.parse().ok().and_then(Self::from_number))
            }

            /// The value with this number.
            pub fn from_number(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.number() == number)
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::$default }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.label())
            }
        }
    };
}

named_enum! {
    /// License status of a product: WMI `LicenseStatus` and two values of VAMT's own.
    LicenseStatus {
        /// Never collected, or collecting failed.
        Unknown = -2, "Unknown";
        /// The product was in the list but no longer on the computer.
        NotAvailable = -1, "Not available";
        /// No usable license.
        Unlicensed = 0, "Unlicensed";
        /// Activated.
        Licensed = 1, "Licensed";
        /// Out-of-box grace: not activated yet, still within the first grace period.
        InOobGrace = 2, "Out-of-box grace";
        /// Out-of-tolerance grace: hardware changed or the volume activation ran out.
        InOotGrace = 3, "Out-of-tolerance grace";
        /// Non-genuine grace.
        NonGenuineGrace = 4, "Non-genuine grace";
        /// Grace is over: Windows shows notifications.
        Notification = 5, "Notification";
        /// Extended grace.
        ExtendedGrace = 6, "Extended grace";
    } default Unknown
}

impl LicenseStatus {
    /// One of the four grace states.
    pub fn is_grace(self) -> bool {
        matches!(
            self,
            Self::InOobGrace | Self::InOotGrace | Self::NonGenuineGrace | Self::ExtendedGrace
        )
    }
}

named_enum! {
    /// Genuine status.
    GenuineStatus {
        /// Not known.
        Unknown = 0, "Unknown";
        /// Genuine.
        Genuine = 1, "Genuine";
        /// Not genuine.
        NonGenuine = 2, "Not genuine";
    } default Unknown
}

named_enum! {
    /// Key type (VAMT: ProductKeyType).
    KeyType {
        /// Not known.
        Unknown = 0, "Unknown";
        /// Bought in a shop.
        Retail = 1, "Retail";
        /// Preinstalled, bound to the firmware.
        OemSlp = 2, "OEM SLP";
        /// On a label.
        OemCoa = 3, "OEM COA";
        /// Preinstalled, not bound to the firmware.
        OemNonSlp = 4, "OEM NONSLP";
        /// KMS host key.
        Csvlk = 5, "KMS host (CSVLK)";
        /// KMS client setup key.
        Gvlk = 6, "KMS client (GVLK)";
        /// Multiple activation key.
        Mak = 7, "MAK";
        /// Time-based evaluation.
        TBEval = 8, "Evaluation";
        /// Time-based trial.
        TBTrial = 9, "Trial";
        /// Time-based promotion.
        TBPromo = 10, "Promotion";
        /// Time-based subscription.
        TBSub = 11, "Subscription";
        /// OEM activation 3.0, in the firmware's MSDM table.
        OemDm = 12, "OEM DM";
        /// Automatic virtual machine activation.
        VtIa = 13, "AVMA";
    } default Unknown
}

named_enum! {
    /// What the computer belongs to.
    NetworkKind {
        /// Not known.
        None = 0, "None";
        /// An Active Directory domain.
        Domain = 1, "Domain";
        /// A workgroup.
        Workgroup = 2, "Workgroup";
    } default None
}

named_enum! {
    /// Which of the two service families holds the product.
    ServiceFamily {
        /// Not known.
        Unknown = 0, "Unknown";
        /// Windows Software Protection: `SoftwareLicensingProduct`, `SoftwareLicensingService`.
        SPP = 1, "Software Protection";
        /// Office Software Protection: `OfficeSoftwareProtectionProduct`, `OfficeSoftwareProtectionService`.
        OSPP = 2, "Office Software Protection";
    } default Unknown
}

named_enum! {
    /// How a volume license was activated (WMI `VLActivationType`), or may be (`VLActivationTypeEnabled`).
    VolumeActivationType {
        /// Never volume activated.
        NeverVolumeActivated = -1, "Never";
        /// All kinds.
        Default = 0, "Any";
        /// By an activation object in Active Directory.
        ActiveDirectory = 1, "Active Directory";
        /// By a KMS host.
        KeyManagementService = 2, "KMS";
        /// By a token.
        Token = 3, "Token";
    } default Default
}

/// A Windows result code, shown as `0xC004F074`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HResult(pub u32);

impl HResult {
    /// `S_OK`.
    pub const OK: Self = Self(0);

    /// The high bit says failure.
    pub fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Reads `0xC004F074`, `C004F074`, or the signed or unsigned decimal form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return u32::from_str_radix(hex, 16).ok().map(Self);
        }
        if text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit()) && !text.bytes().all(|b| b.is_ascii_digit()) {
            return u32::from_str_radix(text, 16).ok().map(Self);
        }
        let number: i64 = text.parse().ok()?;
        u32::try_from(number)
            .ok()
            .or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
            .map(Self)
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HResult({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_those_of_the_files() {
        assert_eq!(LicenseStatus::from_name("inoobgrace"), Some(LicenseStatus::InOobGrace));
        assert_eq!(LicenseStatus::from_name("5"), Some(LicenseStatus::Notification));
        assert_eq!(KeyType::from_number(7), Some(KeyType::Mak));
        assert_eq!(KeyType::from_name("made up"), None);
        assert_eq!(VolumeActivationType::NeverVolumeActivated.number(), -1);
    }

    #[test]
    fn result_codes_are_read_in_every_form() {
        for text in ["0xC004F074", "c004f074", "-1073418124", "3221549172"] {
            assert_eq!(HResult::parse(text), Some(HResult(0xC004_F074)), "{text}");
        }
        assert_eq!(HResult::parse("12"), Some(HResult(12)));
        assert_eq!(HResult::parse("0xZZ"), None);
        assert_eq!(HResult(0xC004_F074).to_string(), "0xC004F074");
    }
}
