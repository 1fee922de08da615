//! SOAP 1.2 envelopes: reading requests, writing answers.

use std::fmt::Write;
use std::time::Duration;

use uuid::Uuid;

use super::fault::Fault;
use crate::lab::wmi::{Row, Wmi};
use crate::lab::xml::{Element, escaped};

pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
pub(super) const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
pub(super) const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
pub(super) const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
pub(super) const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
pub(super) const MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
pub(super) const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
pub(super) const CIM: &str = "http://schemas.dmtf.org/wbem/wscim/1/common";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// Headers that are understood; others with mustUnderstand are refused.
const UNDERSTOOD: &[(&str, &str)] = &[
    (ADDRESSING, "To"),
    (ADDRESSING, "Action"),
    (ADDRESSING, "MessageID"),
    (ADDRESSING, "ReplyTo"),
    (ADDRESSING, "FaultTo"),
    (ADDRESSING, "RelatesTo"),
    (WSMAN, "ResourceURI"),
    (WSMAN, "SelectorSet"),
    (WSMAN, "OptionSet"),
    (WSMAN, "MaxEnvelopeSize"),
    (WSMAN, "OperationTimeout"),
    (WSMAN, "Locale"),
    (MICROSOFT, "DataLocale"),
    (MICROSOFT, "SessionId"),
    (MICROSOFT, "OperationID"),
    (MICROSOFT, "SequenceId"),
];
/// What the service grants at most (MaxTimeoutms).
const LONGEST: Duration = Duration::from_mins(1);
/// Smallest MaxEnvelopeSize that is taken, in bytes.
const SMALLEST_ENVELOPE: usize = 8192;

/// A request, its headers read.
pub(super) struct Request {
    pub action: String,
    pub message_id: String,
    pub resource: String,
    pub selectors: Vec<(String, String)>,
    /// Bytes; what the client can take.
    pub max_envelope: Option<usize>,
    pub timeout: Duration,
    /// The first element of the body.
    pub body: Option<Element>,
}

impl Request {
    /// Reads an envelope. Identify has no headers: its action is empty.
    pub fn read(text: &str) -> Result<Self, (String, Fault)> {
        let none = String::new;
        let envelope = Element::parse(text)
            .map_err(|_| (none(), Fault::schema("The SOAP XML in the message is not well formed.")))?;
        if !envelope.is(SOAP, "Envelope") {
            return Err((none(), Fault::schema("The message is not a SOAP 1.2 envelope.")));
        }
        let header = envelope.child(SOAP, "Header").cloned().unwrap_or_default();
        let message_id = header
            .child_text(ADDRESSING, "MessageID")
            .unwrap_or_default()
            .to_owned();
        let failed = |fault| (message_id.clone(), fault);
        for h in &header.children {
            let must = h
                .attribute(SOAP, "mustUnderstand")
                .is_some_and(|v| matches!(v.trim(), "true" | "1"));
            if must && !UNDERSTOOD.iter().any(|(ns, name)| h.is(ns, name)) {
                return Err(failed(Fault::not_understood(&h.name)));
            }
        }
        let body = envelope
            .child(SOAP, "Body")
            .ok_or_else(|| failed(Fault::schema("The SOAP body is missing.")))?;
        let max_envelope = match header.child_text(WSMAN, "MaxEnvelopeSize").map(str::parse::<usize>) {
            None => None,
            Some(Ok(size)) if size >= SMALLEST_ENVELOPE => Some(size),
            Some(Ok(_)) => return Err(failed(Fault::envelope_too_small())),
            Some(Err(_)) => return Err(failed(Fault::schema("MaxEnvelopeSize is not a number."))),
        };
        let timeout = match header.child_text(WSMAN, "OperationTimeout") {
            None => LONGEST,
            Some(text) => duration(text)
                .ok_or_else(|| failed(Fault::schema("OperationTimeout is not a duration.")))?
                .min(LONGEST),
        };
        let selectors = header
            .child(WSMAN, "SelectorSet")
            .map(|set| {
                set.children
                    .iter()
                    .filter(|c| c.is(WSMAN, "Selector"))
                    .map(|c| {
                        (
                            c.attribute("", "Name").unwrap_or_default().to_owned(),
                            c.text.trim().to_owned(),
                        )
                    })
                    .collect()
            })
            .unwrap_or_default();
        let text = |ns, name| header.child_text(ns, name).unwrap_or_default().to_owned();
        Ok(Self {
            action: text(ADDRESSING, "Action"),
            resource: text(WSMAN, "ResourceURI"),
            body: body.children.first().cloned(),
            message_id,
            selectors,
            max_envelope,
            timeout,
        })
    }
}

/// An xs:duration of days and less.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim().strip_prefix('P')?;
    let mut seconds = 0.0f64;
    let mut in_time = false;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            in_time = true;
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let unit = rest.get(end..)?.chars().next()?;
        seconds += number
            * match (unit, in_time) {
                ('D', false) => 86_400.0,
                ('H', true) => 3600.0,
                ('M', true) => 60.0,
                ('S', true) => 1.0,
                _ => return None,
            };
        rest = rest.get(end + unit.len_utf8()..)?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// An answer's envelope.
pub(super) fn envelope(action: &str, relates_to: &str, body: &str) -> String {
    format!(
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" xmlns:n=\"{ENUMERATION}\" \
         xmlns:w=\"{WSMAN}\" xmlns:x=\"{TRANSFER}\"><s:Header><a:Action>{}</a:Action><a:MessageID>uuid:{}</a:MessageID>\
         <a:To>{ANONYMOUS}</a:To><a:RelatesTo>{}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>",
        escaped(action),
        Uuid::new_v4().to_string().to_uppercase(),
        escaped(relates_to),
    )
}

/// The answer to Identify.
pub(super) fn identity(version: &str) -> String {
    format!(
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"{SOAP}\"><s:Header/><s:Body><wsmid:IdentifyResponse \
         xmlns:wsmid=\"{IDENTITY}\"><wsmid:ProtocolVersion>{WSMAN}</wsmid:ProtocolVersion>\
         <wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor><wsmid:ProductVersion>{}\
         </wsmid:ProductVersion></wsmid:IdentifyResponse></s:Body></s:Envelope>",
        escaped(version),
    )
}

/// Writing to a string cannot fail.
macro_rules! push {
    ($out:expr, $($text:tt)*) => {{
        let _ = write!($out, $($text)*);
    }};
}

/// An object with its class, for `SELECT *`, Get and method answers.
pub(super) fn typed(element: &str, type_name: &str, resource: &str, row: &Row) -> String {
    let mut out = format!(
        "<p:{element} xmlns:p=\"{}\" xmlns:cim=\"{CIM}\" xmlns:xsi=\"{XSI}\" xsi:type=\"p:{type_name}\">",
        escaped(resource)
    );
    for (name, value) in &row.properties {
        property(&mut out, &format!("p:{name}"), "cim:Datetime", value);
    }
    push!(out, "</p:{element}>");
    out
}

/// The properties asked for, for `SELECT a, b`: sorted, without namespace.
pub(super) fn fragment(row: &Row, names: &[&'static str]) -> String {
    let mut out = format!("<w:XmlFragment xmlns:xsi=\"{XSI}\">");
    for (name, value) in row.properties.iter().filter(|(n, _)| names.contains(n)) {
        property(&mut out, name, "Datetime", value);
    }
    out.push_str("</w:XmlFragment>");
    out
}

fn property(out: &mut String, tag: &str, datetime: &str, value: &Wmi) {
    match value {
        Wmi::Null => push!(out, "<{tag} xsi:nil=\"true\"/>"),
        Wmi::Array(items) if items.is_empty() => push!(out, "<{tag} xsi:nil=\"true\"/>"),
        Wmi::Array(items) => {
            for item in items {
                push!(out, "<{tag}>{}</{tag}>", escaped(item));
            }
        }
        Wmi::Time(_) => push!(out, "<{tag}><{datetime}>{}</{datetime}></{tag}>", value.plain()),
        value => push!(out, "<{tag}>{}</{tag}>", escaped(&value.plain())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("PT60.000S"), Some(Duration::from_mins(1)));
        assert_eq!(duration("P1DT1H1M0.5S"), Some(Duration::from_millis(90_060_500)));
        for bad in ["", "P", "60", "PT60", "P60S", "PTS", "PT-1S"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_header_that_must_be_understood_and_is_not_is_refused() {
        let text = format!(
            "<s:Envelope xmlns:s='{SOAP}' xmlns:q='urn:q'><s:Header><q:Odd s:mustUnderstand='true'/></s:Header><s:Body/></s:Envelope>"
        );
        assert!(Request::read(&text).is_err());
        assert!(Request::read(&text.replace("true", "false")).is_ok());
    }
}
