//! Bytes on their way out: elements and attributes, in blocks.

use std::io;

use chrono::{DateTime, Utc};

use crate::cil::values::{is_writable, write_date};
use crate::model::{Failure, ForeignParts, KeySeal};

use super::escape::{escape_attribute, escape_text};
use super::redact::{has_key, masked, names_a_key};

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
    /// Keys are written sealed with this, never in clear.
    pub seal: Option<&'e KeySeal>,
    /// Prefix of our namespace, declared on the root.
    pub prefix: &'e str,
    /// Known elements written for the record at hand; kept only while it has foreign parts.
    written: Vec<&'static str>,
    /// The record at hand has foreign parts.
    noting: bool,
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
            seal: None,
            prefix,
            written: Vec::new(),
            noting: false,
        }
    }

    pub fn raw(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
    }

    pub fn wrote(&mut self, name: &'static str) {
        if self.noting {
            self.written.push(name);
        }
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
        self.noting = foreign.is_some();
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
