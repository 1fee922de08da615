//! Bytes on their way out: escaping, blocks, and the mask over product keys.

use std::borrow::Cow;
use std::io;

use chrono::{DateTime, Utc};

use crate::cil::values::{is_writable, write_date};
use crate::model::{Failure, ForeignParts};

/// Bytes are handed on in blocks of about this size.
pub(super) const BLOCK: usize = 256 << 10;

/// Takes a full block and leaves an empty one.
pub(super) type Emit<'e> = dyn FnMut(&mut Vec<u8>) -> io::Result<()> + 'e;

/// The writer's buffer and manners.
pub(super) struct Out<'e> {
    pub buf: Vec<u8>,
    emit: &'e mut Emit<'e>,
    /// Mask whatever looks like a product key.
    pub redact: bool,
    /// Prefix of our namespace, declared on the root.
    pub prefix: &'e str,
    /// Known elements written for the record at hand; kept only while it has foreign parts.
    written: Vec<&'static str>,
}

/// An element with text that needs no escaping.
macro_rules! plain {
    ($out:expr, $name:literal, $text:expr) => {{
        $out.buf.extend_from_slice(concat!("        <", $name, ">").as_bytes());
        $out.buf.extend_from_slice($text.as_bytes());
        $out.buf.extend_from_slice(concat!("</", $name, ">\n").as_bytes());
        $out.wrote($name);
    }};
}

/// An element with free text; none for an empty one.
macro_rules! text {
    ($out:expr, $name:literal, $text:expr) => {{
        let text: &str = $text;
        if !text.is_empty() {
            $out.buf.extend_from_slice(concat!("        <", $name, ">").as_bytes());
            $out.text(text);
            $out.buf.extend_from_slice(concat!("</", $name, ">\n").as_bytes());
            $out.wrote($name);
        }
    }};
}

/// An element with a whole number.
macro_rules! number {
    ($out:expr, $name:literal, $value:expr) => {{
        $out.buf.extend_from_slice(concat!("        <", $name, ">").as_bytes());
        $out.number(i64::from($value));
        $out.buf.extend_from_slice(concat!("</", $name, ">\n").as_bytes());
        $out.wrote($name);
    }};
}

/// An element with a GUID.
macro_rules! guid {
    ($out:expr, $name:literal, $value:expr) => {{
        let mut text = [0; 36];
        plain!($out, $name, $value.hyphenated().encode_lower(&mut text));
    }};
}

/// An element with a date; none for one the format cannot say.
macro_rules! dated {
    ($out:expr, $name:literal, $value:expr) => {{
        if let Some(at) = $value.filter(|at| crate::cil::values::is_writable(*at)) {
            $out.buf.extend_from_slice(concat!("        <", $name, ">").as_bytes());
            crate::cil::values::write_date(&mut $out.buf, at);
            $out.buf.extend_from_slice(concat!("</", $name, ">\n").as_bytes());
            $out.wrote($name);
        }
    }};
}

/// An element with the name of an enumeration's value. The default gives way to a text that was kept because it could not
/// be read.
macro_rules! named {
    ($out:expr, $name:literal, $value:expr, $foreign:expr) => {{
        let value = $value;
        if value != Default::default() || !super::out::holds($foreign, $name) {
            plain!($out, $name, value.name());
        }
    }};
}

pub(super) use {dated, guid, named, number, plain, text};

impl<'e> Out<'e> {
    pub fn new(emit: &'e mut Emit<'e>, redact: bool, prefix: &'e str) -> Self {
        Self {
            buf: Vec::with_capacity(BLOCK + (BLOCK >> 2)),
            emit,
            redact,
            prefix,
            written: Vec::new(),
        }
    }

    pub fn raw(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
    }

    pub fn wrote(&mut self, name: &'static str) {
        self.written.push(name);
    }

    /// A whole number in decimal digits.
    pub fn number(&mut self, value: i64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
            at -= 1;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.buf.push(b'-');
        }
        self.buf.extend_from_slice(digits.get(at..).unwrap_or_default());
    }

    /// Free text, escaped and, where keys may not leave, masked.
    pub fn text(&mut self, text: &str) {
        if self.redact {
            escape_text(&mut self.buf, &masked(text));
        } else {
            escape_text(&mut self.buf, text);
        }
    }

    /// An attribute of free text.
    pub fn attribute(&mut self, name: &str, value: &str) {
        self.raw(" ");
        self.raw(name);
        self.raw("=\"");
        if self.redact {
            escape_attribute(&mut self.buf, &masked(value));
        } else {
            escape_attribute(&mut self.buf, value);
        }
        self.raw("\"");
    }

    /// An attribute with a date.
    pub fn date_attribute(&mut self, name: &str, at: Option<DateTime<Utc>>) {
        if let Some(at) = at.filter(|at| is_writable(*at)) {
            self.raw(" ");
            self.raw(name);
            self.raw("=\"");
            write_date(&mut self.buf, at);
            self.raw("\"");
        }
    }

    /// Class, message and code of a failure.
    pub fn failure_attributes(&mut self, names: [&str; 3], failure: &Failure) {
        let [class, message, code] = names;
        self.attribute(class, failure.class.name());
        if !failure.message.is_empty() {
            self.attribute(message, &failure.message);
        }
        if let Some(number) = failure.code {
            self.attribute(code, &number.to_string());
        }
    }

    /// Foreign attributes of a start tag.
    pub fn foreign_attributes(&mut self, foreign: Option<&ForeignParts>) {
        for (name, value) in foreign.iter().flat_map(|f| &f.attributes) {
            if !(self.redact && (names_a_key(name) || has_key(value))) {
                self.attribute(name, value);
            }
        }
    }

    /// Begins a record.
    pub fn begin(&mut self, tag: &str, foreign: Option<&ForeignParts>) {
        self.written.clear();
        self.raw("      <");
        self.raw(tag);
        self.foreign_attributes(foreign);
        self.raw(">\n");
    }

    /// Begins our element inside a record.
    pub fn begin_extra(&mut self, foreign: Option<&ForeignParts>) {
        self.raw("        <");
        self.raw(self.prefix);
        self.raw(":Extra");
        let declaration = format!("xmlns:{}", self.prefix);
        if foreign.is_some_and(|f| f.attributes.iter().any(|(name, _)| *name == declaration)) {
            // The record says the prefix means something else.
            self.attribute(&declaration, super::NAMESPACE);
        }
    }

    /// Ends a record, with the foreign elements for which nothing of ours was written.
    pub fn end(&mut self, tag: &str, foreign: Option<&ForeignParts>) -> io::Result<()> {
        for (name, raw) in foreign.iter().flat_map(|f| &f.elements) {
            if !self.written.iter().any(|w| w == name) {
                self.foreign_element("        ", name, raw);
            }
        }
        self.raw("      </");
        self.raw(tag);
        self.raw(">\n");
        self.checkpoint()
    }

    /// A foreign element as it stands, unless it could carry a key out.
    pub fn foreign_element(&mut self, indent: &str, name: &str, raw: &str) {
        if !self.may_leave(name, raw) {
            return;
        }
        self.raw(indent);
        self.raw(raw);
        self.raw("\n");
    }

    /// False for a foreign element that could carry a key out: one with a typing error is nobody else's business either.
    pub fn may_leave(&self, name: &str, raw: &str) -> bool {
        !self.redact || !(names_a_key(name) || raw.contains("KeyValue") || raw.contains("ProductKey>") || has_key(raw))
    }

    /// Hands a full block on.
    pub fn checkpoint(&mut self) -> io::Result<()> {
        if self.buf.len() >= BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands on what there is.
    pub fn flush(&mut self) -> io::Result<()> {
        (self.emit)(&mut self.buf)
    }
}

/// True if an element of this name was kept because it could not be read.
pub(super) fn holds(foreign: Option<&ForeignParts>, name: &str) -> bool {
    foreign.is_some_and(|f| f.elements.iter().any(|(n, _)| n == name))
}

fn names_a_key(name: &str) -> bool {
    matches!(name.rsplit(':').next(), Some("KeyValue" | "ProductKey"))
}

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

fn escape(out: &mut Vec<u8>, text: &str, special: &[bool; 256]) {
    let bytes = text.as_bytes();
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

fn has_key(text: &str) -> bool {
    find_key(text).is_some()
}

/// The text with every product key in it masked but for its last five characters.
fn masked(text: &str) -> Cow<'_, str> {
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
