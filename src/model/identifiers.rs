//! Installation IDs, confirmation IDs and extended PIDs: digits that carry their own check.
//!
//! Both IDs are written in groups; the last digit of every group is
//! `(Σ dᵢ·wᵢ) mod 7` over the digits before it, with weights 1, 2, 1, 2, … from the left. The rule was verified against
//! published IDs of both generations; it catches typing errors before anything is sent, it says nothing about whether a
//! confirmation ID fits a computer.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::packed::{Digits, Packed};

/// Why a piece of text is not an installation ID, a confirmation ID or an extended PID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Nothing but separators.
    #[error("{what} is empty: expected {expected} digits")]
    Empty {
        /// What was being read, e.g. "installation ID".
        what: &'static str,
        /// The lengths that exist, in words.
        expected: &'static str,
    },
    /// A character that is neither a digit nor a separator.
    #[error("{what}: character {position} is {found:?}, but only digits, blanks and hyphens may stand here")]
    NotADigit {
        /// What was being read.
        what: &'static str,
        /// Position in the text as typed, counted from 1.
        position: usize,
        /// The character found there.
        found: char,
    },
    /// The number of digits fits no generation.
    #[error("{what} has {found} digits: expected {expected}")]
    WrongLength {
        /// What was being read.
        what: &'static str,
        /// Digits found.
        found: usize,
        /// The lengths that exist, in words.
        expected: &'static str,
    },
    /// The check digit of a group does not fit the digits before it.
    #[error("{what}: group {group} of {groups} ({digits}) contains a typing error: its check digit does not fit")]
    CheckDigit {
        /// What was being read.
        what: &'static str,
        /// Number of the group, counted from 1.
        group: usize,
        /// How many groups there are.
        groups: usize,
        /// The digits of that group as given.
        digits: String,
    },
    /// Not `PPPPP-GGGGG-SSS-SSSSSS-CC-LLLL-BBBBB.0000-DDDYYYY`.
    #[error("extended PID {text:?} does not have the form 00000-00000-000-000000-00-0000-00000.0000-0000000")]
    ExtendedPid {
        /// The text as given.
        text: String,
    },
}

/// The check digit (0-6) that ends a group whose other digits are `digits` (ASCII). What is no digit counts as 0.
pub fn check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(i, d)| u32::from(if d.is_ascii_digit() { d - b'0' } else { 0 }) * if i % 2 == 0 { 1 } else { 2 })
        .sum();
    (sum % 7) as u8
}

fn digits_of<'t>(text: &'t str, what: &'static str, expected: &'static str) -> Result<Cow<'t, str>, IdentifierError> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // As files have them: a list has millions.
        return Ok(Cow::Borrowed(text));
    }
    let mut digits = String::with_capacity(63);
    for (i, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            // Copied from mails and web pages: every kind of blank and dash separates groups, as do line breaks.
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{feff}' | '\u{200b}' => {}
            c if c.is_whitespace() => {}
            found => {
                return Err(IdentifierError::NotADigit {
                    what,
                    position: i + 1,
                    found,
                });
            }
        }
    }
    if digits.is_empty() {
        return Err(IdentifierError::Empty { what, expected });
    }
    Ok(Cow::Owned(digits))
}

fn check_groups(digits: &str, group_len: usize, what: &'static str) -> Result<(), IdentifierError> {
    let groups = digits.len() / group_len;
    for (i, group) in digits.as_bytes().chunks(group_len).enumerate() {
        let (check, body) = (group[group_len - 1], &group[..group_len - 1]);
        if check != b'0' + check_digit(body) {
            return Err(IdentifierError::CheckDigit {
                what,
                group: i + 1,
                groups,
                digits: String::from_utf8_lossy(group).into_owned(),
            });
        }
    }
    Ok(())
}

fn grouped(digits: &str, group_len: usize) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / group_len);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % group_len == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

macro_rules! digit_id {
    ($(#[$doc:meta])* $name:ident in $bytes:literal bytes) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Packed<$bytes>);

        impl $name {
            /// The digits alone, as they are sent and deposited.
            pub fn digits(&self) -> Digits {
                self.0.text()
            }

            /// Keeps digits whose number was checked.
            fn keep(digits: &str) -> Result<Self, IdentifierError> {
                let wrong = || IdentifierError::WrongLength {
                    what: Self::WHAT,
                    found: digits.len(),
                    expected: Self::EXPECTED,
                };
                Packed::of(digits).map(Self).ok_or_else(wrong)
            }
        }

        impl fmt::Display for $name {
            /// In groups separated by blanks, as people read it aloud.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.grouped())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.digits())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdentifierError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentifierError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.digits().as_str().to_owned()
            }
        }
    };
}

digit_id! {
    /// An installation ID (IID): 54 digits in 9 groups of 6 (the generation of Vista and Office 2010) or 63 digits in
    /// 9 groups of 7 (Windows 8, Office 2013 and later). Always with correct check digits.
    InstallationId in 32 bytes
}

impl InstallationId {
    const WHAT: &'static str = "installation ID";
    const EXPECTED: &'static str = "54 or 63";

    /// Reads an installation ID with any separators.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let digits = digits_of(text, Self::WHAT, Self::EXPECTED)?;
        let group_len = match digits.len() {
            54 => 6,
            63 => 7,
            found => {
                return Err(IdentifierError::WrongLength {
                    what: Self::WHAT,
                    found,
                    expected: Self::EXPECTED,
                });
            }
        };
        check_groups(&digits, group_len, Self::WHAT)?;
        Self::keep(&digits)
    }

    /// Digits per group: 6 or 7.
    pub fn group_len(&self) -> usize {
        self.0.len() / 9
    }

    /// The digits in groups separated by blanks.
    pub fn grouped(&self) -> String {
        grouped(&self.digits(), self.group_len())
    }
}

digit_id! {
    /// A confirmation ID (CID): 48 digits in 8 groups of 6, called A to H. Always with correct check digits. It belongs
    /// to exactly one [`InstallationId`].
    ConfirmationId in 24 bytes
}

impl ConfirmationId {
    const WHAT: &'static str = "confirmation ID";
    const EXPECTED: &'static str = "48";

    /// Reads a confirmation ID with any separators.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let digits = digits_of(text, Self::WHAT, Self::EXPECTED)?;
        if digits.len() != 48 {
            return Err(IdentifierError::WrongLength {
                what: Self::WHAT,
                found: digits.len(),
                expected: Self::EXPECTED,
            });
        }
        check_groups(&digits, 6, Self::WHAT)?;
        Self::keep(&digits)
    }

    /// The digits in groups separated by blanks.
    pub fn grouped(&self) -> String {
        grouped(&self.digits(), 6)
    }
}

/// An extended PID (WMI `ProductKeyID`): `PPPPP-GGGGG-SSS-SSSSSS-CC-LLLL-BBBBB.0000-DDDYYYY`.
///
/// GGGGG is the key group and SSS SSSSSS the serial of the installed key; together they say which owned key it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExtendedPid(Packed<32>);

impl ExtendedPid {
    /// How long the parts between the hyphens may be.
    const LENGTHS: [RangeInclusive<usize>; 8] = [5..=5, 5..=5, 3..=3, 6..=6, 1..=2, 1..=5, 1..=12, 4..=8];

    /// Reads an extended PID; blanks around it are ignored.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let trimmed = text.trim();
        let wrong = || IdentifierError::ExtendedPid {
            text: trimmed.chars().take(80).collect(),
        };
        let mut parts = trimmed.split('-');
        let fits = Self::LENGTHS.iter().enumerate().all(|(i, lengths)| {
            let is_fitting = |b: u8| b.is_ascii_digit() || (i == 6 && b == b'.');
            parts
                .next()
                .is_some_and(|p| lengths.contains(&p.len()) && p.bytes().all(is_fitting))
        });
        if !fits || parts.next().is_some() {
            return Err(wrong());
        }
        Packed::of(trimmed).map(Self).ok_or_else(wrong)
    }

    /// The text as Windows prints it.
    pub fn text(&self) -> Digits {
        self.0.text()
    }

    /// The key group GGGGG.
    pub fn key_group(&self) -> u32 {
        self.text()[6..11].parse().unwrap_or_default()
    }

    /// The nine-digit serial SSS SSSSSS within the group.
    pub fn serial(&self) -> u32 {
        let text = self.text();
        let (high, low) = (&text[12..15], &text[16..22]);
        high.parse::<u32>().unwrap_or_default() * 1_000_000 + low.parse::<u32>().unwrap_or_default()
    }
}

impl fmt::Display for ExtendedPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for ExtendedPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtendedPid({})", self.text())
    }
}

impl std::str::FromStr for ExtendedPid {
    type Err = IdentifierError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ExtendedPid {
    type Error = IdentifierError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ExtendedPid> for String {
    fn from(pid: ExtendedPid) -> Self {
        pid.text().as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_digit_exists_for_any_bytes() {
        assert_eq!(check_digit(b" 1-2"), check_digit(b"0102"));
        assert_eq!(check_digit(&[u8::MAX, 0]), 0);
    }

    const VISTA: &str = "000963843315259493598506854253663081409973656140419231";
    const MODERN: &str = "253037440405119108201413961093786848722385303726677949056629205";

    #[test]
    fn published_installation_ids_of_both_generations_are_accepted() {
        assert_eq!(InstallationId::parse(VISTA).unwrap().group_len(), 6);
        assert_eq!(InstallationId::parse(MODERN).unwrap().group_len(), 7);
    }

    #[test]
    fn separators_of_every_kind_are_ignored() {
        let grouped = InstallationId::parse(MODERN).unwrap().grouped();
        assert_eq!(grouped.split(' ').count(), 9);
        let typed = grouped
            .replacen(' ', "-", 3)
            .replacen(' ', "\r\n", 2)
            .replacen(' ', "\u{2013}", 1);
        assert_eq!(InstallationId::parse(&typed).unwrap().digits(), MODERN);
    }

    #[test]
    fn a_typo_is_answered_with_its_group() {
        let typo = VISTA.replacen("843315", "843325", 1);
        let error = InstallationId::parse(&typo).unwrap_err();
        assert!(
            matches!(
                error,
                IdentifierError::CheckDigit {
                    group: 2,
                    groups: 9,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("group 2 of 9 (843325)"), "{error}");
    }

    #[test]
    fn a_letter_is_answered_with_its_position() {
        let error = ConfirmationId::parse("12345O").unwrap_err();
        assert!(
            matches!(
                error,
                IdentifierError::NotADigit {
                    position: 6,
                    found: 'O',
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[test]
    fn wrong_lengths_say_what_was_expected() {
        let error = ConfirmationId::parse(VISTA).unwrap_err();
        assert_eq!(error.to_string(), "confirmation ID has 54 digits: expected 48");
        assert!(InstallationId::parse(" - ").is_err());
    }

    #[test]
    fn an_extended_pid_tells_group_and_serial() {
        let pid = ExtendedPid::parse(" 12345-01283-001-000000-03-1033-9200.0000-1962009 ").unwrap();
        assert_eq!((pid.key_group(), pid.serial()), (1283, 1_000_000));
        assert!(ExtendedPid::parse("12345-0128é-001-000000-03-1033-9200.0000-1962009").is_err());
        assert!(ExtendedPid::parse("00330-80000-00000-AA123").is_err());
    }
}
