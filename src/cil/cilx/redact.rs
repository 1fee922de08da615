//! The mask over product keys, for lists that leave without them.

use std::borrow::Cow;

/// True for elements and attributes that hold a key, whatever stands in them.
pub(super) fn names_a_key(name: &str) -> bool {
    matches!(name.rsplit(':').next(), Some("KeyValue" | "ProductKey"))
}

/// Where something that looks like a whole product key stands: 25 characters in groups of five, with or without
/// separators.
fn find_key(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if bytes.len() < 25 {
        return None;
    }
    let of_a_key = |b: u8| matches!(b.to_ascii_uppercase(), b'B'..=b'D' | b'F'..=b'H' | b'J' | b'K' | b'M'..=b'N' | b'P'..=b'R' | b'T' | b'V'..=b'Y' | b'2'..=b'4' | b'6'..=b'9');
    let mut start = 0;
    while start + 25 <= bytes.len() {
        let fresh = start == 0 || bytes.get(start - 1).is_some_and(|b| !b.is_ascii_alphanumeric());
        let (mut at, mut count) = (start, 0);
        while fresh && count < 25 && bytes.get(at).is_some_and(|b| of_a_key(*b)) {
            at += 1;
            count += 1;
            if count % 5 == 0 && count < 25 && matches!(bytes.get(at), Some(b'-' | b' ' | b'_')) {
                at += 1;
            }
        }
        if count == 25 && !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            return Some((start, at));
        }
        start += 1;
    }
    None
}

/// True if there is something that looks like a whole product key.
pub(in crate::cil) fn has_key(text: &str) -> bool {
    find_key(text).is_some()
}

/// The text with every product key in it masked but for its last five characters.
pub(in crate::cil) fn masked(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut out = String::new();
    while let Some((from, to)) = find_key(rest) {
        out.push_str(rest.get(..from).unwrap_or_default());
        out.push_str("\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}-");
        out.push_str(rest.get(to - 5..to).unwrap_or_default());
        rest = rest.get(to..).unwrap_or_default();
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_free_text_are_masked() {
        let key = "NPPR9-FWDCX-D2C8J-H872K-2YT43";
        assert_eq!(
            masked(&format!("key: {key}, ok")),
            "key: \u{2022}\u{2022}\u{2022}\u{2022}\u{2022}-2YT43, ok"
        );
        assert_eq!(
            masked(&key.replace('-', "").to_lowercase()),
            "\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}-2yt43"
        );
        for harmless in [
            "55c92734-d682-4d71-983e-d6ec3f16059f",
            "Windows(R), Enterprise edition",
            "12345-01283-001-000000-03-1033-9200.0000-1962009",
        ] {
            assert_eq!(masked(harmless), harmless);
        }
    }
}
