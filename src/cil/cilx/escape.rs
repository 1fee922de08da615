//! Text as XML 1.0 allows it.

/// Characters that XML 1.0 allows.
pub(super) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Bytes that cannot be copied as they are. 0xEF begins U+FFFE and U+FFFF, which XML forbids.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 32 {
        table[i] = i != b'\t' as usize && i != b'\n' as usize;
        i += 1;
    }
    table[b'&' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[0xEF] = true;
    table
};

/// Bytes that cannot be copied as they are into an attribute.
const SPECIAL_IN_ATTRIBUTE: [bool; 256] = {
    let mut table = SPECIAL;
    table[b'\t' as usize] = true;
    table[b'\n' as usize] = true;
    table[b'"' as usize] = true;
    table
};

/// Text of an element. Characters that XML 1.0 forbids become U+FFFD.
pub(super) fn escape_text(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &SPECIAL);
}

/// Value of an attribute in double quotes.
pub(super) fn escape_attribute(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &SPECIAL_IN_ATTRIBUTE);
}

/// True if no byte is special to any of the tables. Without a branch, so that it is done for many bytes at once.
fn is_clean(bytes: &[u8]) -> bool {
    let special = bytes.iter().fold(0, |special, b| {
        special
            | u8::from(*b < b' ')
            | u8::from(*b == b'&')
            | u8::from(*b == b'<')
            | u8::from(*b == b'>')
            | u8::from(*b == b'"')
            | u8::from(*b == 0xEF)
    });
    special == 0
}

fn escape(out: &mut Vec<u8>, text: &str, special: &[bool; 256]) {
    let bytes = text.as_bytes();
    if is_clean(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| special[usize::from(*b)]) {
        let (copied, tail) = rest.split_at(at);
        out.extend_from_slice(copied);
        let replaced: (&[u8], usize) = match tail {
            [b'&', ..] => (b"&amp;", 1),
            [b'<', ..] => (b"&lt;", 1),
            [b'>', ..] => (b"&gt;", 1),
            [b'"', ..] => (b"&quot;", 1),
            // A reader would make a plain line end of it, or a blank in an attribute.
            [b'\r', ..] => (b"&#xD;", 1),
            [b'\n', ..] => (b"&#xA;", 1),
            [b'\t', ..] => (b"&#x9;", 1),
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => ("\u{fffd}".as_bytes(), 3),
            [0xEF, b, c, ..] => {
                out.extend_from_slice(&[0xEF, *b, *c]);
                (b"", 3)
            }
            _ => ("\u{fffd}".as_bytes(), 1),
        };
        out.extend_from_slice(replaced.0);
        rest = tail.get(replaced.1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> String {
        let mut out = Vec::new();
        escape_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(
            text_of("a&b<c>\"\u{1}\u{fffe}\u{fffd}\u{ff21}\r\n"),
            "a&amp;b&lt;c&gt;\"\u{fffd}\u{fffd}\u{fffd}\u{ff21}&#xD;\n"
        );
        let mut out = Vec::new();
        escape_attribute(&mut out, "\"\n\t");
        assert_eq!(out, b"&quot;&#xA;&#x9;");
    }
}
