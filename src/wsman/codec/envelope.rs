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
/// without `RelatesTo` is accepted, and a fault that says it cannot tell what it relates to (WS-Addressing 3.2: the message
/// could not be read).
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
    let is_fault = root
        .child("Body")
        .and_then(|body| body.children.first())
        .is_some_and(|content| content.name == "Fault");
    if let Some(relates_to) = relates_to
        && !message_id.is_empty()
        && !same_id(relates_to, message_id)
        && !(is_fault && is_of_unknown(relates_to))
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

/// What stands for a message that could not be read: `.../2004/08/addressing/id/unspecified`, or the 2005 version's
/// `.../addressing/unspecified` and `.../addressing/none`. Ids of messages are GUIDs.
fn is_of_unknown(relates_to: &str) -> bool {
    relates_to.contains("/addressing/") && matches!(relates_to.rsplit('/').next(), Some("unspecified" | "none"))
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
    fn a_fault_that_does_not_know_its_request_is_not_hidden() {
        let unknown = envelope("http://schemas.xmlsoap.org/ws/2004/08/addressing/id/unspecified");
        assert!(matches!(
            parse_reply(unknown.as_bytes(), "uuid:AB-1"),
            Err(CodecError::WrongReply { .. })
        ));
        let fault = |envelope: &str| envelope.replace("<x/>", "<s:Fault><s:Code/></s:Fault>");
        assert!(matches!(
            parse_reply(fault(&unknown).as_bytes(), "uuid:AB-1"),
            Ok(Reply::Fault(_))
        ));
        // That of another request stays one.
        assert!(parse_reply(fault(&envelope("uuid:CD-2")).as_bytes(), "uuid:AB-1").is_err());
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
