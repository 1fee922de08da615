//! A cursor over XML text: elements, leaf values and raw spans, with bounds and places.
//!
//! It can start in the middle of a document: end tags whose start it has not seen are handed out by name, and the caller
//! checks them.

use std::borrow::Cow;

use quick_xml::errors::IllFormedError;
use quick_xml::escape::{EscapeError, resolve_predefined_entity, unescape};
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;
use quick_xml::reader::Reader;

use super::error::{CilError, line_and_column};

/// Elements may be nested this deep inside a kept foreign element.
pub(super) const MAX_DEPTH: usize = 64;
/// Longest value of one element or attribute, in bytes.
pub(super) const MAX_VALUE: usize = 1 << 20;
/// Most attributes of one element.
const MAX_ATTRIBUTES: usize = 128;

/// A start tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    /// Name as written, with prefix.
    pub name: &'a str,
    /// What stands between the name and the end of the tag.
    pub attributes: &'a str,
    /// `<a/>`.
    pub empty: bool,
    /// Where `<` stands.
    pub start: usize,
}

/// What comes next inside an element that holds elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Child<'a> {
    /// A child begins.
    Open(Tag<'a>),
    /// The element ends; the name of the end tag.
    Close(&'a str),
    /// Text that is not white space, where none belongs.
    Stray(usize),
    /// The file ends.
    End,
}

/// Nearly all of a list has one shape: elements without attributes, one inside the other, text without references. The
/// `plain_` functions read just that, where they find it; everything else goes through quick-xml.
pub(super) struct Cursor<'a> {
    text: &'a str,
    base: usize,
    reader: Reader<&'a [u8]>,
    /// Where the plain functions have come to, if they are ahead of the reader.
    ahead: Option<usize>,
    /// Errors do not tell their place: see [`Cursor::guess_at`].
    guessing: bool,
}

fn reader_at(text: &str, offset: usize) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text.get(offset..).unwrap_or_default());
    // The start tag may lie before the offset; the callers check the names.
    reader.config_mut().allow_unmatched_ends = true;
    reader
}

impl<'a> Cursor<'a> {
    /// A cursor that begins at a byte offset of `text`.
    pub fn at(text: &'a str, offset: usize) -> Self {
        Self {
            text,
            base: offset,
            reader: reader_at(text, offset),
            ahead: None,
            guessing: false,
        }
    }

    /// A cursor at a place that may be a wrong guess. Finding the place of an error takes time that grows with the file, and
    /// a hostile file could have many such guesses fail: their errors tell no place, and whoever needs it reads again.
    pub fn guess_at(text: &'a str, offset: usize) -> Self {
        Self {
            guessing: true,
            ..Self::at(text, offset)
        }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        if self.guessing {
            (0, 0)
        } else {
            line_and_column(self.text, offset)
        }
    }

    /// Passes over `<name>`.
    #[inline]
    pub fn plain_open(&mut self, name: &str) -> Option<Tag<'a>> {
        let (start, rest) = self.markup()?;
        let rest = rest
            .strip_prefix(b"<")?
            .strip_prefix(name.as_bytes())?
            .strip_prefix(b">")?;
        self.ahead = Some(self.text.len() - rest.len());
        Some(Tag {
            name: self.slice(start + 1, start + 1 + name.len()),
            attributes: "",
            empty: false,
            start,
        })
    }

    /// Passes over `</name>`.
    #[inline]
    pub fn plain_close(&mut self, name: &str) -> bool {
        let close = || {
            let (_, rest) = self.markup()?;
            let rest = rest
                .strip_prefix(b"</")?
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b">")?;
            Some(self.text.len() - rest.len())
        };
        match close() {
            Some(end) => {
                self.ahead = Some(end);
                true
            }
            None => false,
        }
    }

    /// Passes over `<name>text</name>`; returns where it begins, the name and the text.
    #[inline]
    pub fn plain_leaf(&mut self) -> Option<(usize, &'a str, &'a str)> {
        let (start, rest) = self.markup()?;
        let rest = rest.strip_prefix(b"<")?;
        let name_len = rest.iter().position(|b| !b.is_ascii_alphanumeric())?;
        let (name, rest) = rest.split_at_checked(name_len)?;
        let rest = rest.strip_prefix(b">").filter(|_| name_len > 0)?;
        let text_len = memchr::memchr3(b'<', b'&', b'\r', rest)?;
        let (text, rest) = rest.split_at_checked(text_len)?;
        let rest = rest.strip_prefix(b"</")?.strip_prefix(name)?.strip_prefix(b">")?;
        if text.len() > MAX_VALUE {
            return None;
        }
        self.ahead = Some(self.text.len() - rest.len());
        let name_start = start + 1;
        let text_start = name_start + name_len + 1;
        Some((
            start,
            self.slice(name_start, name_start + name_len),
            self.slice(text_start, text_start + text_len),
        ))
    }

    /// The next `<` if only white space stands before it, and the text from there.
    #[inline]
    fn markup(&self) -> Option<(usize, &'a [u8])> {
        let at = self.position();
        let rest = self.text.as_bytes().get(at..)?;
        let blank = rest.iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t'))?;
        Some((at + blank, rest.get(blank..)?))
    }

    /// Where the next event begins.
    #[inline]
    pub fn position(&self) -> usize {
        self.ahead
            .unwrap_or_else(|| self.base + self.reader.buffer_position() as usize)
    }

    /// The text between two offsets.
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Event<'a>, CilError> {
        if let Some(ahead) = self.ahead.take() {
            self.base = ahead;
            self.reader = reader_at(self.text, ahead);
        }
        let start = self.position();
        self.reader.read_event().map_err(|e| self.explain(&e, start))
    }

    fn explain(&self, error: &quick_xml::Error, start: usize) -> CilError {
        use quick_xml::Error as E;
        let (line, column) = self.place(self.base + self.reader.error_position() as usize);
        match error {
            E::Syntax(_) | E::IllFormed(IllFormedError::MissingEndTag(_)) => self.truncated(start),
            E::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => CilError::Syntax {
                line,
                column,
                what: format!("<{}> is closed by </{}>", short(expected), short(found)),
            },
            E::IllFormed(IllFormedError::UnclosedReference) => CilError::Syntax {
                line,
                column,
                what: "a bare & must be written as &amp;".into(),
            },
            other => CilError::Syntax {
                line,
                column,
                what: short(&other.to_string()).into_owned(),
            },
        }
    }

    /// The error for a place of the text.
    pub fn syntax(&self, offset: usize, what: impl Into<String>) -> CilError {
        let (line, column) = self.place(offset);
        CilError::Syntax {
            line,
            column,
            what: what.into(),
        }
    }

    /// The error for an element that is closed by another's end tag.
    pub fn crossed(&self, offset: usize, open: &str, close: &str) -> CilError {
        // Blanks before the end tag belong to what was read before it.
        let from_here = self.slice(offset, self.text.len());
        let offset = offset + from_here.len() - from_here.trim_ascii_start().len();
        self.syntax(offset, format!("<{}> is closed by </{}>", short(open), short(close)))
    }

    /// The error for a file that ends too early.
    pub fn truncated(&self, inside: usize) -> CilError {
        if self.guessing {
            return CilError::Truncated {
                line: 0,
                column: 0,
                element: String::new(),
            };
        }
        // The innermost open element is found by reading the text again: this happens once, for the message.
        let (line, column) = self.place(self.text.len());
        let mut reader = Reader::from_str(self.text);
        let mut open: Vec<String> = Vec::new();
        loop {
            match reader.read_event() {
                Ok(Event::Start(start)) => open.push(short(start.name().as_ref()).into_owned()),
                Ok(Event::End(_)) => drop(open.pop()),
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(_) => {
                    let half = self.slice(inside, self.text.len()).trim_start_matches('<');
                    let name = half
                        .split(|c: char| !c.is_alphanumeric() && c != ':')
                        .next()
                        .unwrap_or_default();
                    if !name.is_empty() && half.len() < self.text.len() && self.slice(inside, inside + 1) == "<" {
                        open.push(short(name).into_owned());
                    }
                    break;
                }
            }
        }
        CilError::Truncated {
            line,
            column,
            element: open.pop().unwrap_or_default(),
        }
    }

    fn too_long(&self, offset: usize, element: &str) -> CilError {
        let (line, column) = self.place(offset);
        CilError::TooLong {
            line,
            column,
            element: short(element).into_owned(),
            limit: MAX_VALUE,
        }
    }

    fn document_type(&self, offset: usize) -> CilError {
        let (line, column) = self.place(offset);
        CilError::DocumentType { line, column }
    }

    fn entity(&self, offset: usize, name: &str) -> CilError {
        let (line, column) = self.place(offset);
        CilError::Entity {
            line,
            column,
            name: short(name).into_owned(),
        }
    }

    fn tag(&self, start: usize, name_len: usize, empty: bool) -> Result<Tag<'a>, CilError> {
        let end = self.position() - if empty { 2 } else { 1 };
        let name_end = start + 1 + name_len;
        if end - start > MAX_VALUE {
            return Err(self.too_long(start, self.slice(start + 1, name_end)));
        }
        if name_len == 0 {
            return Err(self.syntax(start, "a tag without a name"));
        }
        let name = self.slice(start + 1, name_end);
        if !is_name(name) {
            return Err(self.syntax(start, format!("<{}> is no name of an element", short(name))));
        }
        Ok(Tag {
            name,
            attributes: self.slice(name_end, end),
            empty,
            start,
        })
    }

    /// The next child of an element that holds elements. Comments and processing instructions are passed over.
    #[inline]
    pub fn child(&mut self) -> Result<Child<'a>, CilError> {
        loop {
            let start = self.position();
            match self.next()? {
                Event::Start(tag) => return Ok(Child::Open(self.tag(start, tag.name().as_ref().len(), false)?)),
                Event::Empty(tag) => return Ok(Child::Open(self.tag(start, tag.name().as_ref().len(), true)?)),
                Event::End(_) => {
                    return Ok(Child::Close(
                        self.slice(start + 2, self.position() - 1).trim_ascii_end(),
                    ));
                }
                Event::Text(_) => {
                    if !self.slice(start, self.position()).trim_ascii().is_empty() {
                        return Ok(Child::Stray(start));
                    }
                }
                Event::CData(_) | Event::GeneralRef(_) => return Ok(Child::Stray(start)),
                Event::DocType(_) => return Err(self.document_type(start)),
                Event::Decl(_) if start > 0 => {
                    return Err(self.syntax(start, "an XML declaration may stand at the very beginning only"));
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Eof => return Ok(Child::End),
            }
        }
    }

    /// The text of an element that holds text only; `None` when it holds elements (they are passed over).
    #[inline]
    pub fn leaf(&mut self, tag: &Tag<'a>) -> Result<Option<Cow<'a, str>>, CilError> {
        if tag.empty {
            return Ok(Some(Cow::Borrowed("")));
        }
        let mut text = Cow::Borrowed("");
        loop {
            let start = self.position();
            match self.next()? {
                Event::Text(_) => push(&mut text, line_ends(self.slice(start, self.position()))),
                Event::CData(_) => {
                    push(&mut text, line_ends(self.slice(start + 9, self.position() - 3)));
                }
                Event::GeneralRef(_) => {
                    let name = self.slice(start + 1, self.position() - 1);
                    push(&mut text, Cow::Owned(self.resolve(start, name)?));
                }
                Event::End(_) => return Ok(Some(text)),
                Event::Start(inner) => {
                    self.check(start, inner.name().as_ref().len(), false)?;
                    self.pass_over(tag, 2)?;
                    return Ok(None);
                }
                Event::Empty(inner) => {
                    self.check(start, inner.name().as_ref().len(), true)?;
                    self.pass_over(tag, 1)?;
                    return Ok(None);
                }
                Event::DocType(_) => return Err(self.document_type(start)),
                Event::Decl(_) => return Err(self.syntax(start, "an XML declaration inside an element")),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return Err(self.truncated(start)),
            }
            if text.len() > MAX_VALUE {
                return Err(self.too_long(tag.start, tag.name));
            }
        }
    }

    /// Passes over an element, checking it, and returns its text as it stands.
    pub fn raw(&mut self, tag: &Tag<'a>) -> Result<&'a str, CilError> {
        if tag.empty {
            self.check_attributes(tag)?;
        } else {
            self.pass_over(tag, 1)?;
        }
        Ok(self.slice(tag.start, self.position()))
    }

    /// Reads on until `depth` elements, the outermost of them `tag`, are closed.
    fn pass_over(&mut self, tag: &Tag<'a>, mut depth: usize) -> Result<(), CilError> {
        self.check_attributes(tag)?;
        while depth > 0 {
            let start = self.position();
            match self.next()? {
                Event::Start(inner) => {
                    self.check(start, inner.name().as_ref().len(), false)?;
                    depth += 1;
                    if depth > MAX_DEPTH {
                        let (line, column) = self.place(start);
                        return Err(CilError::TooDeep {
                            line,
                            column,
                            limit: MAX_DEPTH,
                        });
                    }
                }
                Event::Empty(inner) => self.check(start, inner.name().as_ref().len(), true)?,
                Event::End(_) => depth -= 1,
                Event::GeneralRef(_) => {
                    self.resolve(start, self.slice(start + 1, self.position() - 1))?;
                }
                Event::DocType(_) => return Err(self.document_type(start)),
                Event::Decl(_) => return Err(self.syntax(start, "an XML declaration inside an element")),
                Event::Eof => return Err(self.truncated(start)),
                Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a tag that is passed over could be read again.
    fn check(&self, start: usize, name_len: usize, empty: bool) -> Result<(), CilError> {
        self.check_attributes(&self.tag(start, name_len, empty)?)
    }

    fn resolve(&self, start: usize, name: &str) -> Result<String, CilError> {
        if let Some(digits) = name.strip_prefix('#') {
            let number = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            return match number.ok().and_then(char::from_u32) {
                Some(c) if c != '\0' => Ok(c.into()),
                _ => Err(self.syntax(start, format!("&{}; is no character", short(name)))),
            };
        }
        resolve_predefined_entity(name)
            .map(str::to_owned)
            .ok_or_else(|| self.entity(start, name))
    }

    fn check_attributes(&self, tag: &Tag<'a>) -> Result<(), CilError> {
        self.attributes(tag).map(drop)
    }

    /// The attributes of a tag: name as written, value resolved.
    pub fn attributes(&self, tag: &Tag<'a>) -> Result<Vec<(&'a str, Cow<'a, str>)>, CilError> {
        let mut found = Vec::new();
        if tag.attributes.trim_ascii().is_empty() {
            return Ok(found);
        }
        for attribute in Attributes::new(tag.attributes, 0) {
            let attribute =
                attribute.map_err(|e| self.syntax(tag.start, format!("attributes of <{}>: {e}", short(tag.name))))?;
            // Not `normalized_value`: it refuses values with more than 128 references, which a long remark may have.
            let value = match blanks(&attribute.value) {
                Some(blanked) => unescape(&blanked).map(|v| Cow::Owned(v.into_owned())),
                None => match attribute.value {
                    Cow::Borrowed(raw) => unescape(raw),
                    Cow::Owned(raw) => unescape(&raw).map(|v| Cow::Owned(v.into_owned())),
                },
            };
            let value = value.map_err(|e| match e {
                EscapeError::UnrecognizedEntity(_, name) => self.entity(tag.start, &name),
                e => self.syntax(tag.start, format!("attributes of <{}>: {e}", short(tag.name))),
            })?;
            if !is_name(attribute.key.0) {
                let what = format!(
                    "attributes of <{}>: {} is no name",
                    short(tag.name),
                    short(attribute.key.0)
                );
                return Err(self.syntax(tag.start, what));
            }
            found.push((attribute.key.0, value));
            if found.len() > MAX_ATTRIBUTES {
                return Err(self.too_long(tag.start, tag.name));
            }
        }
        Ok(found)
    }
}

fn push<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else {
        text.to_mut().push_str(&more);
    }
}

/// XML reads every line end as a single line feed.
fn line_ends(raw: &str) -> Cow<'_, str> {
    if raw.as_bytes().contains(&b'\r') {
        Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(raw)
    }
}

/// XML reads literal white space in an attribute as blanks. `None`: there is none.
fn blanks(raw: &str) -> Option<String> {
    raw.contains(['\r', '\n', '\t'])
        .then(|| raw.replace("\r\n", " ").replace(['\r', '\n', '\t'], " "))
}

/// Whether a name can be written again and read by others: quick-xml takes for one whatever stands there. Characters
/// beyond ASCII are not looked at closely.
fn is_name(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    starts_well
        && name.chars().all(|c| match c {
            '-' | '_' | '.' | ':' => true,
            '\u{fffe}' | '\u{ffff}' => false,
            c => c.is_ascii_alphanumeric() || !(c.is_ascii() || c.is_control() || c.is_whitespace()),
        })
}

/// Foreign text for a message: not longer than a line takes, and on one line.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_control();
    match text.char_indices().nth(60) {
        None if text.chars().all(is_plain) => Cow::Borrowed(text),
        end => {
            let kept = end.map_or(text, |(end, _)| text.get(..end).unwrap_or_default());
            let mut kept: String = kept.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
            if end.is_some() {
                kept.push('\u{2026}');
            }
            Cow::Owned(kept)
        }
    }
}
