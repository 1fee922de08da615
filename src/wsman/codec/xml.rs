//! XML into a small bounded tree of local names.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::CodecError;

/// Deeper than any WS-Management message; keeps every walk over the tree shallow.
const MAX_DEPTH: usize = 64;
/// Elements in one document. A batch of 50 products has about 5,000.
const MAX_ELEMENTS: usize = 500_000;
/// Bytes of one document.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// An element by its local name, with its direct text and children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name: what follows the prefix.
    pub name: String,
    /// Attributes by local name, without namespace declarations.
    pub attributes: Vec<(String, String)>,
    /// Child elements in document order.
    pub children: Vec<Element>,
    /// The direct text, all pieces joined, white space as it came.
    pub text: String,
    /// Of an `EnumerationContext` with elements inside: the whole of it as it came, with the namespaces around it
    /// declared, so that it can be sent back as it is.
    pub markup: Option<Box<str>>,
}

impl Element {
    /// The first child called `name`.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The attribute called `name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The direct text without surrounding white space.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The text of the element and everything below it, pieces separated by blanks.
    pub fn deep_text(&self) -> String {
        let mut words = Vec::new();
        self.each(&mut |element, _| {
            if !element.trimmed().is_empty() {
                words.push(element.trimmed());
            }
        });
        words.join(" ")
    }

    /// Visits the element and everything below it in document order, with the depth below this element.
    pub fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Self, usize)) {
        // INVARIANT: a parsed tree is at most MAX_DEPTH deep, so this recursion is bounded.
        fn walk<'a>(element: &'a Element, depth: usize, visit: &mut impl FnMut(&'a Element, usize)) {
            visit(element, depth);
            for child in &element.children {
                walk(child, depth + 1, visit);
            }
        }
        walk(self, 0, visit);
    }
}

/// Bytes to text: UTF-8 or UTF-16 in either order, with or without a byte order mark.
pub fn decode_text(bytes: &[u8]) -> Result<String, CodecError> {
    if bytes.len() > MAX_BYTES {
        return Err(CodecError::TooLarge {
            limit: MAX_BYTES,
            unit: "bytes",
        });
    }
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| match pair {
            &[a, b] => unit([a, b]),
            _ => 0,
        });
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map_err(|_| CodecError::NotText)
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, CodecError> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| CodecError::NotText)
}

/// Parses a whole document into its root element.
pub fn parse_document(bytes: &[u8]) -> Result<Element, CodecError> {
    let text = decode_text(bytes)?;
    // Some senders pad with blanks or NULs, which no parser may see before the declaration or after the end.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    let mut open: Vec<Element> = Vec::new();
    let mut scope = Scope::default();
    let mut root = None;
    let mut count = 0usize;
    loop {
        let event = reader.read_event().map_err(|e| not_xml(reader.error_position(), &e))?;
        match event {
            Event::Start(start) => {
                count += 1;
                if open.len() >= MAX_DEPTH {
                    return Err(CodecError::TooLarge {
                        limit: MAX_DEPTH,
                        unit: "levels of elements",
                    });
                }
                let element = element(&start, reader.buffer_position())?;
                scope.open(&start, &element.name, open.len(), reader.buffer_position());
                open.push(element);
            }
            Event::Empty(start) => {
                count += 1;
                let element = element(&start, reader.buffer_position())?;
                close(element, &mut open, &mut root, reader.buffer_position())?;
            }
            Event::End(_) => {
                if let Some(mut element) = open.pop() {
                    element.markup = scope.close(text, &element, open.len(), reader.buffer_position());
                    close(element, &mut open, &mut root, reader.buffer_position())?;
                }
            }
            Event::Text(text) => append(&mut open, &text.xml10_content(), reader.buffer_position())?,
            Event::CData(text) => append(&mut open, &text.xml10_content(), reader.buffer_position())?,
            Event::GeneralRef(reference) => {
                let text = resolve(&reference, reader.buffer_position())?;
                append(&mut open, &text, reader.buffer_position())?;
            }
            Event::DocType(_) => return Err(CodecError::DocumentType),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
        if count > MAX_ELEMENTS {
            return Err(CodecError::TooLarge {
                limit: MAX_ELEMENTS,
                unit: "elements",
            });
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(not_xml(reader.buffer_position(), &"the document ends too early")),
    }
}

/// The namespaces declared around the place that is read, and the enumeration context that is open there.
#[derive(Default)]
struct Scope {
    /// Depth, name of the attribute, value as it is written in double quotes.
    declared: Vec<(usize, String, String)>,
    /// Depth, start tag with its namespaces, where its content begins.
    context: Option<(usize, String, u64)>,
}

impl Scope {
    fn open(&mut self, start: &BytesStart<'_>, name: &str, depth: usize, position: u64) {
        for attribute in start.attributes().with_checks(false).flatten() {
            let key = attribute.key.0;
            if key == "xmlns" || key.starts_with("xmlns:") {
                let value = attribute.value.replace('"', "&quot;");
                self.declared.push((depth, key.to_owned(), value));
            }
        }
        if name != "EnumerationContext" || self.context.is_some() {
            return;
        }
        let mut tag = format!("<{}", &**start);
        // What the element declares itself stands in its tag; of the others the nearest counts.
        let mut seen: Vec<&str> = Vec::new();
        for (at, key, value) in self.declared.iter().rev() {
            if !seen.contains(&key.as_str()) {
                seen.push(key);
                if *at != depth {
                    tag.extend([" ", key, "=\"", value, "\""]);
                }
            }
        }
        tag.push('>');
        self.context = Some((depth, tag, position));
    }

    /// Leaves an element; its markup, if it is a context with elements inside.
    fn close(&mut self, text: &str, element: &Element, depth: usize, position: u64) -> Option<Box<str>> {
        self.declared
            .truncate(self.declared.partition_point(|(at, ..)| *at < depth));
        let (_, mut markup, from) = self.context.take_if(|(at, ..)| *at == depth)?;
        if element.children.is_empty() {
            return None;
        }
        markup.push_str(text.get(usize::try_from(from).ok()?..usize::try_from(position).ok()?)?);
        Some(markup.into())
    }
}

fn element(start: &BytesStart<'_>, position: u64) -> Result<Element, CodecError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|e| not_xml(position, &e))?;
        if attribute.key.0 == "xmlns" || attribute.key.0.starts_with("xmlns:") {
            continue;
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| not_xml(position, &e))?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    let name = start.local_name().as_ref().to_owned();
    if name.is_empty() {
        return Err(not_xml(position, &"an element without a name"));
    }
    Ok(Element {
        name,
        attributes,
        ..Element::default()
    })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>, position: u64) -> Result<(), CodecError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_some() => return Err(not_xml(position, &"a second root element")),
        None => *root = Some(element),
    }
    Ok(())
}

fn append(open: &mut [Element], text: &str, position: u64) -> Result<(), CodecError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(not_xml(position, &"text outside the root element")),
    }
    Ok(())
}

/// Character references and the five predefined entities; there are no others without a document type.
fn resolve(reference: &BytesRef<'_>, position: u64) -> Result<String, CodecError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|e| not_xml(position, &e))? {
        return Ok(c.to_string());
    }
    resolve_xml_entity(reference)
        .map(str::to_owned)
        .ok_or_else(|| not_xml(position, &"an entity that is not declared"))
}

fn not_xml(position: u64, detail: &dyn std::fmt::Display) -> CodecError {
    CodecError::NotXml {
        position,
        detail: first_words(detail.to_string().as_bytes(), 120),
    }
}

/// The beginning of whatever was received, on one line and without markup, for an error message. A SOAP envelope is not
/// quoted: it may hold a product key.
pub fn first_words(bytes: &[u8], limit: usize) -> String {
    let text = decode_text(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes.get(..512).unwrap_or(bytes)).into());
    if text.contains("Envelope") {
        return String::new();
    }
    let mut words = String::new();
    let mut markup = false;
    for c in text.chars().take(8 * 1024) {
        match c {
            '<' => markup = true,
            '>' if markup => {
                markup = false;
                words.push(' ');
            }
            _ if markup => {}
            c if c.is_control() => words.push(' '),
            c => words.push(c),
        }
    }
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > limit {
        line = line.chars().take(limit).chain(['…']).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_declarations_do_not_matter() {
        let a =
            parse_document(br#"<?xml version="1.0" encoding="utf-8"?><s:A xmlns:s="urn:x"><s:B k="1">t</s:B></s:A>"#)
                .unwrap();
        let b = parse_document(b"\xEF\xBB\xBF<A>\n<q:B xmlns:q='urn:x' q:k='1'>t</q:B ></A>\n\0").unwrap();
        assert_eq!(a.name, b.name);
        assert_eq!(a.children, b.children);
    }

    #[test]
    fn utf16_is_read_in_both_orders_with_and_without_mark() {
        let text = "<A>Größe \u{1F511}</A>";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            le.clone(),
            be.clone(),
            [vec![0xFF, 0xFE], le].concat(),
            [vec![0xFE, 0xFF], be].concat(),
        ] {
            assert_eq!(parse_document(&bytes).unwrap().text, "Größe \u{1F511}");
        }
    }

    #[test]
    fn entities_are_only_the_predefined_ones() {
        assert_eq!(
            parse_document(b"<A>&lt;&#65;&#x42;&amp;<![CDATA[<x>]]></A>")
                .unwrap()
                .text,
            "<AB&<x>"
        );
        assert!(matches!(
            parse_document(b"<A>&bomb;</A>"),
            Err(CodecError::NotXml { .. })
        ));
        assert_eq!(
            parse_document(b"<!DOCTYPE A [<!ENTITY bomb 'x'>]><A>&bomb;</A>"),
            Err(CodecError::DocumentType)
        );
    }

    #[test]
    fn broken_documents_say_where() {
        for broken in [
            "<A><B></A>",
            "<A>",
            "",
            "plain",
            "<A/><B/>",
            "<A x=>",
            "<A/>tail",
            "<p:/>",
        ] {
            assert!(
                matches!(parse_document(broken.as_bytes()), Err(CodecError::NotXml { .. })),
                "{broken}"
            );
        }
        let deep = "<a>".repeat(5000);
        assert!(matches!(
            parse_document(deep.as_bytes()),
            Err(CodecError::TooLarge { .. })
        ));
    }

    #[test]
    fn first_words_drop_the_markup() {
        assert_eq!(
            first_words(b"<html><body>\r\n<h1>Bad Gateway</h1></body>", 40),
            "Bad Gateway"
        );
        assert_eq!(first_words("äöü".as_bytes(), 2), "äö…");
        assert_eq!(first_words(b"<s:Envelope><Key>FKFKF-22222</Key>", 40), "");
    }
}
