//! A small, bounded reading of XML: elements by local name, text with entities and CDATA resolved.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deeper documents are refused: the service's answers are seven levels deep.
const MAX_DEPTH: usize = 32;
/// Larger documents are refused: one answer has some twenty elements.
const MAX_ELEMENTS: usize = 20_000;

/// An element without its attributes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Name without prefix.
    pub(super) name: String,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child called `name`.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// This element or the first one below it, in document order, called `name`.
    pub(super) fn find(&self, name: &str) -> Option<&Element> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|c| c.find(name))
    }

    /// Its text without surrounding blanks; `None` when empty.
    pub(super) fn value(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|t| !t.is_empty())
    }

    /// The text of the first child called `name`.
    pub(super) fn value_of(&self, name: &str) -> Option<&str> {
        self.child(name)?.value()
    }
}

/// Reads a document. The encoding in its declaration is ignored: what arrives inside another document has been decoded
/// already, whatever its declaration says.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let mut open: Vec<Element> = vec![Element::default()];
    let mut count = 0_usize;
    loop {
        let event = reader
            .read_event()
            .map_err(|e| format!("{e} at byte {}", reader.error_position()))?;
        match event {
            Event::Start(start) => {
                count += 1;
                if open.len() > MAX_DEPTH || count > MAX_ELEMENTS {
                    return Err("it is nested too deeply or too large".into());
                }
                open.push(named(&start));
            }
            Event::Empty(start) => {
                count += 1;
                if count > MAX_ELEMENTS {
                    return Err("it is too large".into());
                }
                if let Some(parent) = open.last_mut() {
                    parent.children.push(named(&start));
                }
            }
            Event::End(_) => {
                if let Some(closed) = open.pop()
                    && let Some(parent) = open.last_mut()
                {
                    parent.children.push(closed);
                }
            }
            Event::Text(text) => push_text(&mut open, &text),
            Event::CData(data) => push_text(&mut open, &data),
            Event::GeneralRef(reference) => {
                let resolved = match &*reference {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                let resolved =
                    resolved.ok_or_else(|| format!("unknown entity at byte {}", reader.buffer_position()))?;
                push_text(&mut open, resolved.encode_utf8(&mut [0; 4]));
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut document), true) if !document.children.is_empty() => Ok(document.children.swap_remove(0)),
        (_, true) => Err("it contains no element".into()),
        _ => Err("it ends in the middle of an element".into()),
    }
}

fn named(start: &BytesStart<'_>) -> Element {
    Element {
        name: start.local_name().into_inner().to_owned(),
        ..Element::default()
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_cdata_and_prefixes_are_resolved() {
        let text = "\u{feff}<?xml version='1.0' encoding='utf-16'?><a:x xmlns:a='u'><b>1 &lt;<![CDATA[&2]]>&#51;</b><c/></a:x>";
        let root = parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.value_of("b")), ("x", Some("1 <&23")));
        assert!(root.find("c").is_some() && root.find("d").is_none());
    }

    #[test]
    fn hostile_documents_are_refused() {
        assert!(parse(&"<a>".repeat(100_000)).is_err());
        assert!(parse(&format!("<a>{}</a>", "<b/>".repeat(30_000))).is_err());
        for broken in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a>&nothing;</a>",
            "<a",
            "</a>",
            "<a>&#0;</a>",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
