//! Texts of the file and the values they stand for.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

use crate::model::{Product, Text};

/// Reads ISO 8601: `2026-03-01`, `2026-03-01T12:00:00`, with fraction, with `Z` or an offset. Without a zone it is UTC.
///
/// `Ok(None)` for an empty text and for the year 1, which is .NET's way of saying "never".
pub(super) fn parse_date(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{:?} is not a date such as 2026-03-01T12:00:00Z", clip(text));
    let instant = read_date(text.as_bytes()).ok_or_else(wrong)?;
    if instant.year() > 9999 {
        return Err(wrong());
    }
    Ok((instant.year() > 1).then_some(instant))
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes
        .iter()
        .try_fold(0_u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

fn read_date(text: &[u8]) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else {
        return None;
    };
    let year = digits(&[y1, y2, y3, y4])?;
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), digits(&[m1, m2])?, digits(&[d1, d2])?)?;
    if rest.is_empty() {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc());
    }
    let [b'T' | b't' | b' ', h1, h2, b':', n1, n2, rest @ ..] = rest else {
        return None;
    };
    let (hour, minute) = (digits(&[*h1, *h2])?, digits(&[*n1, *n2])?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (digits(&[*s1, *s2])?, rest),
        rest => (0, rest),
    };
    let (nanos, rest) = match rest {
        [b'.' | b',', rest @ ..] => {
            let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let (fraction, rest) = rest.split_at_checked(len)?;
            let kept = fraction.get(..9.min(len))?;
            if kept.is_empty() {
                return None;
            }
            (digits(kept)? * 10_u32.pow(9 - kept.len() as u32), rest)
        }
        rest => (0, rest),
    };
    let offset_minutes = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let minutes = i64::from((hours <= 14 && minutes < 60).then_some(hours * 60 + minutes)?);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let local = date.and_hms_nano_opt(hour, minute, second, nanos)?.and_utc();
    if offset_minutes == 0 {
        return Some(local);
    }
    local.checked_sub_signed(chrono::TimeDelta::try_minutes(offset_minutes)?)
}

/// Writes an instant as `2026-03-01T12:00:00Z`, with as many digits of a fraction as it has. Nothing outside the years
/// 2 to 9999, which the format cannot say.
pub(super) fn write_date(out: &mut Vec<u8>, at: DateTime<Utc>) {
    let utc = at.naive_utc();
    let Some(year) = u32::try_from(utc.year()).ok().filter(|y| (2..=9999).contains(y)) else {
        return;
    };
    let mut two = |n: u32, before: u8| {
        if before != 0 {
            out.push(before);
        }
        out.extend([b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
    };
    two(year / 100, 0);
    two(year % 100, 0);
    two(utc.month(), b'-');
    two(utc.day(), b'-');
    two(utc.hour(), b'T');
    two(utc.minute(), b':');
    two(utc.second(), b':');
    // Ticks of 100 ns: .NET, which reads and writes VAMT's files, knows no finer time.
    let mut fraction = utc.nanosecond() % 1_000_000_000 / 100 * 100;
    if fraction != 0 {
        out.push(b'.');
        let mut place = 100_000_000;
        while fraction != 0 {
            out.push(b'0' + (fraction / place) as u8);
            fraction %= place;
            place /= 10;
        }
    }
    out.push(b'Z');
}

/// True if [`write_date`] can write it.
pub(super) fn is_writable(at: DateTime<Utc>) -> bool {
    (2..=9999).contains(&at.year())
}

/// `true`, `false`, `1`, `0`, in any case.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Most records of one kind in a list: several times what the largest organisations have.
pub(super) const MAX_RECORDS: usize = if cfg!(test) { 20_000 } else { 4_000_000 };

/// VAMT's ActionTypes.
const ACTIONS: [(&str, u32); 6] = [
    ("InstallProductKey", 1),
    ("VolumeActivate", 2),
    ("ApplyConfirmationId", 4),
    ("IndependentActivate", 8),
    ("UpdateStatus", 32),
    ("AcquireConfirmationId", 64),
];

/// Action flags: a number, or names separated by blanks or commas.
pub(super) fn parse_actions(text: &str) -> Option<u32> {
    if let Ok(number) = text.trim().parse() {
        return Some(number);
    }
    text.split([' ', ',', '|', '\n', '\t'])
        .filter(|word| !word.is_empty())
        .try_fold(0, |flags, word| {
            if word.eq_ignore_ascii_case("None") {
                return Some(flags);
            }
            let (_, flag) = ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
            Some(flags | flag)
        })
}

/// The action flags that fit the state of a product.
pub(super) fn actions_for(product: &Product) -> u32 {
    use crate::model::KeyType;
    let volume = matches!(product.key_type, KeyType::Gvlk);
    let independent = matches!(product.key_type, KeyType::Mak | KeyType::Retail | KeyType::Csvlk);
    1 | 32
        | if volume { 2 } else { 0 }
        | if independent { 8 } else { 0 }
        | if product.can_apply_confirmation_id() { 4 } else { 0 }
        | if product.needs_confirmation_id() { 64 } else { 0 }
}

/// At most 40 characters of foreign text, for a message.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Shares equal texts: names of editions and the like stand once in memory, however many rows have them.
///
/// A table of fixed size in which a newcomer replaces whoever sits in its place: bounded for any input.
pub(super) struct Interner {
    slots: Vec<Text>,
    /// See [`Interner::again`].
    last: Text,
}

impl Interner {
    const SLOTS: usize = 4096;

    pub fn new() -> Self {
        Self {
            slots: vec![Text::default(); Self::SLOTS],
            last: Text::default(),
        }
    }

    /// Shares the text with the one before, if it is the same: for what many records have, but only neighbours in common.
    pub fn again(&mut self, text: &str) -> Text {
        if *self.last != *text {
            self.last = text.into();
        }
        self.last.clone()
    }

    pub fn text(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        let hash = words
            .chain(rest.iter().map(|b| u64::from(*b)))
            .fold(text.len() as u64, |h, word| {
                (h.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            });
        let place = (hash ^ (hash >> 32)) as usize % Self::SLOTS;
        let Some(slot) = self.slots.get_mut(place) else {
            return text.into();
        };
        if **slot != *text {
            *slot = text.into();
        }
        slot.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_date(&mut out, parse_date(text).unwrap().unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_read_with_and_without_zone_and_fraction() {
        assert_eq!(written("2026-03-01T12:34:56Z"), "2026-03-01T12:34:56Z");
        assert_eq!(written("2026-03-01T12:34:56"), "2026-03-01T12:34:56Z");
        assert_eq!(written("2026-03-01 12:34"), "2026-03-01T12:34:00Z");
        assert_eq!(written("2026-03-01"), "2026-03-01T00:00:00Z");
        assert_eq!(written("2026-03-01T00:30:00+01:00"), "2026-02-28T23:30:00Z");
        assert_eq!(
            written("2026-03-01T12:34:56.1234567-0530"),
            "2026-03-01T18:04:56.1234567Z"
        );
        assert_eq!(written("2026-03-01T12:34:56.500Z"), "2026-03-01T12:34:56.5Z");
        assert_eq!(
            written("2026-03-01T12:34:56.000000199Z"),
            "2026-03-01T12:34:56.0000001Z"
        );
    }

    #[test]
    fn the_year_one_means_never() {
        assert_eq!(parse_date("0001-01-01T00:00:00"), Ok(None));
        assert_eq!(parse_date("  "), Ok(None));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "2026-03-01T25:00",
            "2026-03-01T12:00:00.Z",
            "2026-03-01T12:00:00+99:00",
            "2026-03-01Tx",
            "99999-01-01",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
        ] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn actions_are_read_as_number_or_names() {
        assert_eq!(parse_actions("103"), Some(103));
        assert_eq!(parse_actions("InstallProductKey UpdateStatus"), Some(33));
        assert_eq!(parse_actions("installproductkey, VolumeActivate"), Some(3));
        assert_eq!(parse_actions("Explode"), None);
    }

    #[test]
    fn equal_texts_are_shared() {
        let mut interner = Interner::new();
        assert!(Text::ptr_eq(&interner.text("Enterprise"), &interner.text("Enterprise")));
        assert!(Text::ptr_eq(&interner.again("4f1a"), &interner.again("4f1a")));
        assert_eq!((&*interner.again("4f1b"), &*interner.text("")), ("4f1b", ""));
    }
}
