//! A small tree of XML elements with resolved namespaces: what the lab needs to read a request.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

const DEEPEST: usize = 48;
const MOST_ELEMENTS: usize = 20_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Namespace; empty for none.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// Attributes: namespace, local name, value.
    pub attributes: Vec<(String, String, String)>,
    /// Text directly inside, references resolved.
    pub text: String,
    /// Elements inside.
    pub children: Vec<Element>,
}

/// The text is not XML that is accepted here (no document type, no entities of one's own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotXml;

impl Element {
    /// Reads a document.
    pub fn parse(text: &str) -> Result<Self, NotXml> {
        let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut count = 0;
        loop {
            let event = reader.read_event().map_err(|_| NotXml)?;
            match event {
                Event::Start(_) | Event::Empty(_) if root.is_some() => return Err(NotXml),
                Event::Start(start) => {
                    count += 1;
                    if open.len() >= DEEPEST || count > MOST_ELEMENTS {
                        return Err(NotXml);
                    }
                    open.push(Self::from_start(&reader, &start)?);
                }
                Event::Empty(start) => {
                    count += 1;
                    if count > MOST_ELEMENTS {
                        return Err(NotXml);
                    }
                    let element = Self::from_start(&reader, &start)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => root = Some(element),
                    }
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(NotXml)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => root = Some(element),
                    }
                }
                Event::Text(t) => Self::push_text(&mut open, &t.xml10_content()),
                Event::CData(t) => Self::push_text(&mut open, &t.xml10_content()),
                Event::GeneralRef(r) => {
                    let resolved = match r.resolve_char_ref().map_err(|_| NotXml)? {
                        Some(c) => c.to_string(),
                        None => match r.into_inner().as_ref() {
                            "lt" => "<".into(),
                            "gt" => ">".into(),
                            "amp" => "&".into(),
                            "apos" => "'".into(),
                            "quot" => "\"".into(),
                            _ => return Err(NotXml),
                        },
                    };
                    Self::push_text(&mut open, &resolved);
                }
                Event::DocType(_) => return Err(NotXml),
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
        if open.is_empty() {
            root.ok_or(NotXml)
        } else {
            Err(NotXml)
        }
    }

    fn push_text(open: &mut [Self], text: &str) {
        if let Some(element) = open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn from_start(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Self, NotXml> {
        let (namespace, local) = reader.resolver().resolve_element(start.name());
        let mut element = Self {
            namespace: text_of(&namespace)?,
            name: local.as_ref().to_owned(),
            ..Self::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| NotXml)?;
            let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|_| NotXml)?;
            element
                .attributes
                .push((text_of(&namespace)?, local.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    /// The first child with this namespace and name.
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.is(namespace, name))
    }

    /// The text of the first child with this namespace and name, without blanks around it.
    pub fn child_text(&self, namespace: &str, name: &str) -> Option<&str> {
        self.child(namespace, name).map(|c| c.text.trim())
    }

    /// True for this namespace and name.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The value of an attribute.
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(ns, n, _)| ns == namespace && n == name)
            .map(|(_, _, v)| v.as_str())
    }
}

fn text_of(namespace: &ResolveResult<'_>) -> Result<String, NotXml> {
    match namespace {
        ResolveResult::Bound(ns) => Ok(ns.as_ref().to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(NotXml),
    }
}

/// Text for the inside of an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    // Characters that XML 1.0 cannot carry at all are replaced, not sent.
    let clean: String = text
        .chars()
        .map(|c| {
            if c < ' ' && !matches!(c, '\t' | '\n' | '\r') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    quick_xml::escape::escape(clean).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn namespaces_text_and_references_are_resolved() {
        let e = Element::parse(
            "<?xml version='1.0'?><a xmlns='u:1' xmlns:q='u:2'><q:b q:c='&lt;1'>x &lt;&#x3e; y</q:b></a>",
        )
        .unwrap();
        let b = e.child("u:2", "b").unwrap();
        assert_eq!((b.text.as_str(), b.attribute("u:2", "c")), ("x <> y", Some("<1")));
    }

    #[test]
    fn foreign_and_endless_documents_are_refused() {
        for bad in [
            "",
            "text",
            "<a>",
            "<a/><b/>",
            "<a><b></a></b>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<p:a/>",
        ] {
            assert_eq!(Element::parse(bad), Err(NotXml), "{bad}");
        }
        assert_eq!(Element::parse(&"<a>".repeat(100_000)), Err(NotXml));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/a-c&;#x0-9='\" !?:-]{0,60}") {
            let _ = Element::parse(&text);
        }
    }
}
