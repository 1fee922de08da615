//! Bytes to text: UTF-8 and UTF-16, with or without byte order mark.

use std::borrow::Cow;

use super::error::{CilError, line_and_column};

/// Decodes a list. The text is borrowed when it is UTF-8 already.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, CilError> {
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        // `<` in UTF-16 without a byte order mark.
        [b'<', 0, ..] => Cow::Owned(utf16(bytes, u16::from_le_bytes)?),
        [0, b'<', ..] => Cow::Owned(utf16(bytes, u16::from_be_bytes)?),
        _ => Cow::Borrowed(utf8(bytes)?.trim_start_matches('\u{feff}')),
    };
    if text.trim().is_empty() {
        return Err(CilError::Empty);
    }
    if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        let (line, column) = line_and_column(&text, at);
        return Err(CilError::Zero { line, column });
    }
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<&str, CilError> {
    // The quick look says yes or no; where it breaks is told by a slow one.
    simdutf8::basic::from_utf8(bytes)
        .or_else(|_| std::str::from_utf8(bytes))
        .map_err(|e| {
            let good = bytes.get(..e.valid_up_to()).unwrap_or_default();
            broken(&String::from_utf8_lossy(good))
        })
}

fn broken(good: &str) -> CilError {
    let (line, column) = line_and_column(good, good.len());
    CilError::Encoding { line, column }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, CilError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match c {
            Ok('\u{feff}') if text.is_empty() => {}
            Ok(c) => text.push(c),
            Err(_) => return Err(broken(&text)),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(broken(&text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_bytes(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "<a>Z\u{fc}rich \u{65e5}\u{672c} \u{1f600}</a>";
        assert_eq!(decode(text.as_bytes()).unwrap(), text);
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes()).unwrap(), text);
        for (big, mark) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(decode(&utf16_bytes(text, big, mark)).unwrap(), text, "{big} {mark}");
        }
    }

    #[test]
    fn broken_bytes_are_named_with_their_place() {
        assert_eq!(
            decode(b"<a>\n\xC3\xBC\xFF").unwrap_err(),
            CilError::Encoding { line: 2, column: 2 }
        );
        let mut cut = utf16_bytes("<a>\n<b>", false, true);
        cut.pop();
        assert_eq!(decode(&cut).unwrap_err(), CilError::Encoding { line: 2, column: 3 });
        let lone = [0xFF, 0xFE, b'<', 0, 0x00, 0xD8, b'a', 0];
        assert_eq!(decode(&lone).unwrap_err(), CilError::Encoding { line: 1, column: 2 });
    }

    #[test]
    fn zeros_are_named_with_their_place() {
        assert_eq!(
            decode(b"<a>\n\0\0\0").unwrap_err(),
            CilError::Zero { line: 2, column: 1 }
        );
    }

    #[test]
    fn nothing_is_no_list() {
        for bytes in [&b""[..], b" \r\n", b"\xEF\xBB\xBF", b"\xFF\xFE"] {
            assert_eq!(decode(bytes).unwrap_err(), CilError::Empty);
        }
    }
}
