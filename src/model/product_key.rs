//! Product keys: text that is checked, masked wherever it is shown, and wiped when dropped.
//!
//! Only keys an organisation owns and Microsoft's public client setup keys pass through here; keys are read and
//! verified, never made.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The 24 characters of a product key, and `N`, which stands exactly once in keys of the 2009 generation.
const ALPHABET: &str = "BCDFGHJKMPQRTVWXY2346789";

/// Why a piece of text is not a product key. No variant repeats the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductKeyError {
    /// The number of characters is not 25.
    #[error("a product key has 25 characters, not {found}")]
    WrongLength {
        /// Characters found, separators not counted.
        found: usize,
    },
    /// A character that no product key contains.
    #[error("character {position} of the product key is {found:?}, which no product key contains{}", hint(*.found))]
    WrongCharacter {
        /// Position among the 25, counted from 1, separators not counted.
        position: usize,
        /// The character found there.
        found: char,
    },
    /// More than one `N`.
    #[error("character {position} of the product key is a second N: a product key has at most one")]
    SecondN {
        /// Position among the 25 of the second `N`, counted from 1.
        position: usize,
    },
    /// A key of the 2009 generation whose checksum does not fit.
    #[error("the product key ending in {last_five} contains a typing error: its checksum does not fit")]
    Checksum {
        /// The last five characters as typed.
        last_five: LastFive,
    },
    /// Not five characters of the alphabet.
    #[error("{text:?} is not the last five characters of a product key{}", never_in_a_key(.text))]
    LastFive {
        /// The text as given (at most a few characters, never a whole key).
        text: String,
    },
}

fn hint(found: char) -> &'static str {
    match found {
        '0' | 'O' => " (neither 0 nor O occurs)",
        '1' | 'I' | 'L' => " (none of 1, I and L occurs)",
        '5' | 'S' => " (neither 5 nor S occurs)",
        'A' | 'E' | 'U' => " (none of A, E and U occurs)",
        'Z' => " (perhaps a 2)",
        _ => "",
    }
}

/// Names the first character of `text` that no key contains.
fn never_in_a_key(text: &str) -> String {
    let upper = |c: &char| c.to_ascii_uppercase();
    let strange = text.chars().find(|c| upper(c) != 'N' && !ALPHABET.contains(upper(c)));
    match strange {
        Some(c) if c != '…' => format!(": no product key contains {c:?}{}", hint(upper(&c))),
        _ => String::new(),
    }
}

/// The last five characters of a product key: all that Windows tells of an installed key (WMI `PartialProductKey`), and
/// all that MAKeeper shows unless asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LastFive([u8; 5]);

impl LastFive {
    /// Reads five characters, in any case.
    pub fn parse(text: &str) -> Result<Self, ProductKeyError> {
        let upper = text.trim().to_ascii_uppercase();
        let mut five = [0; 5];
        if upper.len() == 5 && upper.bytes().all(|b| b == b'N' || ALPHABET.as_bytes().contains(&b)) {
            five.copy_from_slice(upper.as_bytes());
            return Ok(Self(five));
        }
        // A whole key pasted by mistake must not come back in an error message.
        let text = if text.chars().count() > 10 {
            "…".into()
        } else {
            text.to_owned()
        };
        Err(ProductKeyError::LastFive { text })
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LastFive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LastFive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LastFive({self})")
    }
}

impl std::str::FromStr for LastFive {
    type Err = ProductKeyError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for LastFive {
    type Error = ProductKeyError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<LastFive> for String {
    fn from(five: LastFive) -> Self {
        five.as_str().to_owned()
    }
}

/// A whole product key in the form `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`.
///
/// INVARIANT: 29 ASCII characters, upper case, hyphens in place; of the alphabet; a 2009 key has a fitting checksum.
/// `Debug` and `Display` mask it; the memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct ProductKey(Zeroizing<String>);

/// Which encoding a key uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Vista, 7, 2008, 2008 R2, Office 2010: plain base 24, nothing to verify.
    Pkey2005,
    /// Windows 8, Office 2013 and later: carries group, serial and a checksum.
    Pkey2009,
}

impl ProductKey {
    /// Reads a key in any case, with blanks, line breaks or any dash between (or within) the groups.
    ///
    /// A key of the 2009 generation is also verified against its checksum, which finds 1023 of 1024 typing errors.
    pub fn parse(text: &str) -> Result<Self, ProductKeyError> {
        let mut key = Zeroizing::new(String::with_capacity(29));
        let (mut count, mut seen_n) = (0_usize, false);
        for c in text.chars() {
            let c = match c {
                '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{feff}' | '\u{200b}' => continue,
                c if c.is_whitespace() => continue,
                c => c.to_ascii_uppercase(),
            };
            count += 1;
            if c == 'N' {
                if seen_n {
                    return Err(ProductKeyError::SecondN { position: count });
                }
                seen_n = true;
            } else if !ALPHABET.contains(c) {
                return Err(ProductKeyError::WrongCharacter {
                    position: count,
                    found: c,
                });
            }
            if count <= 25 {
                if count > 1 && count % 5 == 1 {
                    key.push('-');
                }
                key.push(c);
            }
        }
        if count != 25 {
            return Err(ProductKeyError::WrongLength { found: count });
        }
        let key = Self(key);
        if key.format() == KeyFormat::Pkey2009 && !key.checksum_fits() {
            return Err(ProductKeyError::Checksum {
                last_five: key.last_five(),
            });
        }
        Ok(key)
    }

    /// The whole key in clear. Call it only to send the key to a computer over a sealed connection, to write a file
    /// the person asked to contain keys, or to copy it on request.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last five characters.
    pub fn last_five(&self) -> LastFive {
        let mut five = [0; 5];
        five.copy_from_slice(&self.0.as_bytes()[24..29]);
        LastFive(five)
    }

    /// Which encoding the key uses.
    pub fn format(&self) -> KeyFormat {
        if self.0.contains('N') {
            KeyFormat::Pkey2009
        } else {
            KeyFormat::Pkey2005
        }
    }

    /// Key group (5 digits) and serial (9 digits) of a 2009 key: the same numbers that stand in the extended PID of a
    /// product that carries it. `None` for a 2005 key.
    pub fn group_and_serial(&self) -> Option<(u32, u32)> {
        let number = self.decode()?;
        Some(((number & 0xF_FFFF) as u32, ((number >> 20) & 0x3FFF_FFFF) as u32))
    }

    /// The 114-bit number of a 2009 key: first digit = index of `N`, then 24 base-24 digits.
    fn decode(&self) -> Option<u128> {
        let chars: Vec<u8> = self.0.bytes().filter(|b| *b != b'-').collect();
        let n = chars.iter().position(|b| *b == b'N')?;
        chars.iter().filter(|b| **b != b'N').try_fold(n as u128, |sum, b| {
            Some(sum * 24 + ALPHABET.bytes().position(|a| a == *b)? as u128)
        })
    }

    fn checksum_fits(&self) -> bool {
        let Some(number) = self.decode() else { return false };
        let stored = ((number >> 103) & 0x3FF) as u32;
        let bare = number & !(0x3FF_u128 << 103);
        crc32_bzip2(&bare.to_le_bytes()) & 0x3FF == stored
    }
}

/// CRC-32/BZIP2: polynomial 0x04C11DB7, not reflected, initial and final value all ones.
fn crc32_bzip2(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| {
            if crc & 0x8000_0000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x04C1_1DB7
            }
        })
    })
}

impl fmt::Display for ProductKey {
    /// Masked: `•••••-•••••-•••••-•••••-X5X5X`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "•••••-•••••-•••••-•••••-{}", self.last_five())
    }
}

impl fmt::Debug for ProductKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProductKey(…{})", self.last_five())
    }
}

impl std::str::FromStr for ProductKey {
    type Err = ProductKeyError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Serialises a key in clear, for the journal, which lies beside the list and is as private as it. `ProductKey` itself
/// has no `Serialize`, so that a key never ends up in a file by accident: `#[serde(with = "in_clear")]` has to be written.
pub mod in_clear {
    use super::{Deserialize, Deserializer, ProductKey, Serialize, Serializer, Zeroizing};

    /// Writes the key in clear.
    pub fn serialize<S: Serializer>(key: &Option<ProductKey>, serializer: S) -> Result<S::Ok, S::Error> {
        key.as_ref().map(ProductKey::reveal).serialize(serializer)
    }

    /// Reads a key.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ProductKey>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.map(Zeroizing::new);
        text.map(|t| ProductKey::parse(&t))
            .transpose()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_that_no_key_contains_is_named() {
        let told = |text: &str| LastFive::parse(text).unwrap_err().to_string();
        assert!(told("X5X5X").contains("no product key contains '5' (neither 5 nor S occurs)"));
        assert!(told("x4x").ends_with("of a product key"));
        let whole = told("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4");
        assert!(
            whole.ends_with("of a product key") && !whole.contains("WC2C4"),
            "{whole}"
        );
    }

    // Published by Microsoft as a KMS client setup key (Windows 10/11 Enterprise); VAMT's data gives group 3290.
    const PUBLIC: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

    #[test]
    fn keys_are_normalised() {
        let typed = " nppr9 fwdcx\u{2013}d2c8j-h872k2yt43\r\n";
        assert_eq!(ProductKey::parse(typed).unwrap().reveal(), PUBLIC);
    }

    #[test]
    fn group_and_serial_agree_with_the_extended_pid_of_the_same_key() {
        assert_eq!(ProductKey::parse(PUBLIC).unwrap().group_and_serial(), Some((3290, 3)));
    }

    #[test]
    fn a_wrong_character_is_named_with_its_place() {
        let error = ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT4O").unwrap_err();
        assert_eq!(
            error,
            ProductKeyError::WrongCharacter {
                position: 25,
                found: 'O'
            }
        );
        assert!(error.to_string().contains("neither 0 nor O"), "{error}");
        assert_eq!(
            ProductKey::parse("NPPR9").unwrap_err(),
            ProductKeyError::WrongLength { found: 5 }
        );
        assert!(matches!(
            ProductKey::parse("NPPN9").unwrap_err(),
            ProductKeyError::SecondN { position: 4 }
        ));
    }

    #[test]
    fn a_typo_in_a_2009_key_fails_its_checksum() {
        let error = ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT34").unwrap_err();
        assert!(matches!(error, ProductKeyError::Checksum { .. }), "{error:?}");
    }

    #[test]
    fn nothing_printed_contains_the_key() {
        let key = ProductKey::parse(PUBLIC).unwrap();
        for text in [
            format!("{key}"),
            format!("{key:?}"),
            LastFive::parse(PUBLIC).unwrap_err().to_string(),
        ] {
            assert!(!text.contains("FWDCX"), "{text}");
        }
        assert_eq!(key.last_five().to_string(), "2YT43");
    }
}
