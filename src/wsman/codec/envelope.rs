//! The SOAP envelope of an answer: a body or a fault, and which request it relates to.

use super::fault::{Fault, fault_of};
use super::{CodecError, Element, parse_document};

/// An answer taken out of its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The first element of the body; `None` when the body is empty.
    Body(Option<Element>),
    /// A SOAP fault.
    Fault(Box<Fault>),
}

/// Parses an envelope and checks that it answers `message_id` (an empty one is not checked, for Identify). An answer
/// without `RelatesTo` is accepted.
pub fn parse_reply(bytes: &[u8], message_id: &str) -> Result<Reply, CodecError> {
    let root = parse_document(bytes)?;
    if root.name != "Envelope" {
        return Err(CodecError::NotSoap { root: root.name });
    }
    let relates_to = root
        .child("Header")
        .and_then(|header| header.child("RelatesTo"))
        .map(Element::trimmed)
        .filter(|text| !text.is_empty());
    if let Some(relates_to) = relates_to
        && !message_id.is_empty()
        && !same_id(relates_to, message_id)
    {
        return Err(CodecError::WrongReply {
            relates_to: relates_to.chars().take(80).collect(),
        });
    }
    let Some(body) = root.children.into_iter().find(|c| c.name == "Body") else {
        return Err(CodecError::Unexpected {
            expected: "a SOAP body",
            found: "none".into(),
        });
    };
    let content = body.children.into_iter().next();
    Ok(match content {
        Some(element) if element.name == "Fault" => Reply::Fault(Box::new(fault_of(&element))),
        content => Reply::Body(content),
    })
}

/// Message ids are URIs with a GUID, which some servers rewrite in the other case or as `urn:uuid:`.
fn same_id(a: &str, b: &str) -> bool {
    fn bare(id: &str) -> &str {
        id.rsplit(':').next().unwrap_or(id)
    }
    bare(a).eq_ignore_ascii_case(bare(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(relates_to: &str) -> String {
        format!(
            "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:a='urn:a'><s:Header>\
             <a:RelatesTo> {relates_to} </a:RelatesTo></s:Header><s:Body><x/></s:Body></s:Envelope>"
        )
    }

    #[test]
    fn an_answer_to_another_request_is_refused() {
        assert!(parse_reply(envelope("uuid:ab-1").as_bytes(), "uuid:AB-1").is_ok());
        assert!(parse_reply(envelope("urn:uuid:ab-1").as_bytes(), "uuid:AB-1").is_ok());
        assert!(parse_reply(envelope("").as_bytes(), "uuid:AB-1").is_ok());
        assert_eq!(
            parse_reply(envelope("uuid:CD-2").as_bytes(), "uuid:AB-1"),
            Err(CodecError::WrongReply {
                relates_to: "uuid:CD-2".into()
            })
        );
    }

    #[test]
    fn html_is_named_as_what_it_is() {
        assert_eq!(
            parse_reply(b"<html><body>x</body></html>", ""),
            Err(CodecError::NotSoap { root: "html".into() })
        );
        assert!(matches!(
            parse_reply(b"<Envelope/>", ""),
            Err(CodecError::Unexpected { .. })
        ));
    }
}
