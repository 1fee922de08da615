//! Requests as Windows' own client and pypsrp write them (MS-WSMV 3.1.4, DSP0226 5 and 8).

use std::fmt::Write as _;
use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{EnumerationContext, ns};

/// What every request of one connection has in common.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The address asked, e.g. `http://lab-pc-014:5985/wsman`.
    pub to: String,
    /// How long the computer may work on one operation. Windows cuts it to its own MaxTimeoutms, 60 s by default.
    pub operation_timeout: Duration,
    /// The largest answer wanted, in bytes. Windows accepts 8,192 and more; its default limit is 512,000.
    pub max_envelope: u32,
}

/// A request ready to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The `MessageID` inside, which the answer relates to; empty for Identify, which has no addressing headers.
    pub message_id: String,
    /// The envelope in UTF-8. It may hold a product key: wiped when dropped, never logged.
    pub body: Zeroizing<Vec<u8>>,
}

/// How many objects one answer may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch(pub u32);

/// An input parameter of a method: name and value as text. The value may be a product key and is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Argument<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// The value as text.
    pub value: &'a str,
}

impl std::fmt::Debug for Argument<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Argument")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Identify (DSP0226 11): who is there. No addressing headers.
pub fn identify() -> Request {
    let body = format!(
        "<s:Envelope xmlns:s=\"{}\" xmlns:wsmid=\"{}\"><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>",
        ns::SOAP,
        ns::IDENTITY
    );
    Request {
        message_id: String::new(),
        body: Zeroizing::new(body.into_bytes()),
    }
}

/// Enumerate with a WQL filter, asking for the first batch in the answer (MS-WSMV 3.1.4.1.30, DSP0226 8.2.3).
pub fn enumerate(context: &RequestContext, resource_uri: &str, wql: &str, batch: Batch) -> Request {
    let action = format!("{}/Enumerate", ns::ENUMERATION);
    write(context, resource_uri, &action, &[], wql.len(), |out| {
        out.push_str("<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>");
        out.push_str(&batch.0.to_string());
        out.push_str("</w:MaxElements><w:Filter Dialect=\"");
        out.push_str(ns::WQL);
        out.push_str("\">");
        push_escaped(out, wql);
        out.push_str("</w:Filter></n:Enumerate>");
    })
}

/// Pull: the next batch. The resource URI is the one of the Enumerate.
pub fn pull(context: &RequestContext, resource_uri: &str, enumeration: &EnumerationContext, batch: Batch) -> Request {
    let action = format!("{}/Pull", ns::ENUMERATION);
    write(context, resource_uri, &action, &[], 0, |out| {
        out.push_str("<n:Pull>");
        push_context(out, enumeration);
        out.push_str("<n:MaxElements>");
        out.push_str(&batch.0.to_string());
        out.push_str("</n:MaxElements></n:Pull>");
    })
}

/// Release: an enumeration that is not read to its end.
pub fn release(context: &RequestContext, resource_uri: &str, enumeration: &EnumerationContext) -> Request {
    let action = format!("{}/Release", ns::ENUMERATION);
    write(context, resource_uri, &action, &[], 0, |out| {
        out.push_str("<n:Release>");
        push_context(out, enumeration);
        out.push_str("</n:Release>");
    })
}

/// It holds nothing that has to be wiped, so the buffer may grow.
fn push_context(out: &mut String, enumeration: &EnumerationContext) {
    match enumeration {
        EnumerationContext::Text(text) => {
            out.push_str("<n:EnumerationContext>");
            push_escaped(out, text);
            out.push_str("</n:EnumerationContext>");
        }
        // INVARIANT: an element that was read as well-formed, namespaces included.
        EnumerationContext::Markup(markup) => out.push_str(markup),
    }
}

/// Calls a method (MS-WSMV 3.1.4.1.33): action is resource URI and method, the parameters keep their order.
pub fn invoke(
    context: &RequestContext,
    resource_uri: &str,
    selectors: &[(&str, &str)],
    method: &str,
    arguments: &[Argument<'_>],
) -> Request {
    let action = format!("{resource_uri}/{method}");
    let room = arguments.iter().map(|a| 2 * a.name.len() + a.value.len() + 16).sum();
    write(context, resource_uri, &action, selectors, room, |out| {
        out.push_str("<p:");
        push_name(out, method);
        out.push_str("_INPUT xmlns:p=\"");
        push_escaped(out, resource_uri);
        out.push_str("\">");
        for argument in arguments {
            out.push_str("<p:");
            push_name(out, argument.name);
            out.push('>');
            push_escaped(out, argument.value);
            out.push_str("</p:");
            push_name(out, argument.name);
            out.push('>');
        }
        out.push_str("</p:");
        push_name(out, method);
        out.push_str("_INPUT>");
    })
}

fn write(
    context: &RequestContext,
    resource_uri: &str,
    action: &str,
    selectors: &[(&str, &str)],
    room: usize,
    body: impl FnOnce(&mut String),
) -> Request {
    let message_id = format!("uuid:{}", Uuid::new_v4().to_string().to_uppercase());
    // Room for everything, so that a product key is not left behind in a buffer that grew.
    let mut out = Zeroizing::new(String::with_capacity(4096 + 6 * room + 4 * resource_uri.len()));
    for text in [
        "<s:Envelope xmlns:s=\"",
        ns::SOAP,
        "\" xmlns:a=\"",
        ns::ADDRESSING,
        "\" xmlns:w=\"",
        ns::WSMAN,
        "\" xmlns:n=\"",
        ns::ENUMERATION,
        "\" xmlns:v=\"",
        ns::MICROSOFT,
        "\"><s:Header><a:To>",
    ] {
        out.push_str(text);
    }
    push_escaped(&mut out, &context.to);
    out.push_str("</a:To><w:ResourceURI s:mustUnderstand=\"true\">");
    push_escaped(&mut out, resource_uri);
    out.push_str("</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand=\"true\">");
    out.push_str(ns::ANONYMOUS);
    out.push_str("</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">");
    push_escaped(&mut out, action);
    out.push_str("</a:Action><w:MaxEnvelopeSize s:mustUnderstand=\"true\">");
    out.push_str(&context.max_envelope.to_string());
    out.push_str("</w:MaxEnvelopeSize><a:MessageID>");
    out.push_str(&message_id);
    out.push_str(
        "</a:MessageID><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
         <v:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/><w:OperationTimeout>",
    );
    let timeout = context.operation_timeout;
    // Writing to a string cannot fail.
    let _ = write!(out, "PT{}.{:03}S", timeout.as_secs(), timeout.subsec_millis());
    out.push_str("</w:OperationTimeout>");
    if !selectors.is_empty() {
        out.push_str("<w:SelectorSet>");
        for (name, value) in selectors {
            out.push_str("<w:Selector Name=\"");
            push_escaped(&mut out, name);
            out.push_str("\">");
            push_escaped(&mut out, value);
            out.push_str("</w:Selector>");
        }
        out.push_str("</w:SelectorSet>");
    }
    out.push_str("</s:Header><s:Body>");
    body(&mut out);
    out.push_str("</s:Body></s:Envelope>");
    Request {
        message_id,
        body: Zeroizing::new(std::mem::take(&mut *out).into_bytes()),
    }
}

/// A name of WMI: letters, digits and underscores. Anything else is left out, so that a name cannot become markup.
fn push_name(out: &mut String, name: &str) {
    out.extend(name.chars().filter(|c| c.is_alphanumeric() || *c == '_'));
}

/// Escapes for text and attributes alike; characters XML cannot carry at all are left out.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;
    use super::*;

    fn context() -> RequestContext {
        RequestContext {
            to: "http://lab-pc-014:5985/wsman".into(),
            operation_timeout: Duration::from_millis(60_500),
            max_envelope: 512_000,
        }
    }

    fn header<'a>(root: &'a super::super::Element, name: &str) -> &'a super::super::Element {
        root.child("Header").unwrap().child(name).unwrap()
    }

    #[test]
    fn enumerate_carries_the_headers_windows_wants() {
        let uri = format!("{}/root/cimv2/*", ns::WMI);
        let request = enumerate(&context(), &uri, "SELECT a FROM b WHERE c <> null", Batch(50));
        let root = parse_document(&request.body).unwrap();
        assert_eq!(header(&root, "To").text, "http://lab-pc-014:5985/wsman");
        assert_eq!(header(&root, "ResourceURI").text, uri);
        assert_eq!(header(&root, "ResourceURI").attribute("mustUnderstand"), Some("true"));
        assert_eq!(header(&root, "OperationTimeout").text, "PT60.500S");
        assert_eq!(header(&root, "MaxEnvelopeSize").text, "512000");
        assert_eq!(header(&root, "MessageID").text, request.message_id);
        assert_eq!(header(&root, "Locale").attribute("lang"), Some("en-US"));
        assert_eq!(header(&root, "ReplyTo").child("Address").unwrap().text, ns::ANONYMOUS);
        assert_eq!(header(&root, "Action").text, format!("{}/Enumerate", ns::ENUMERATION));
        let body = root.child("Body").unwrap().child("Enumerate").unwrap();
        assert!(body.child("OptimizeEnumeration").is_some());
        let filter = body.child("Filter").unwrap();
        assert_eq!(filter.text, "SELECT a FROM b WHERE c <> null");
        assert_eq!(filter.attribute("Dialect"), Some(ns::WQL));
    }

    #[test]
    fn a_method_keeps_the_order_of_its_parameters_and_its_selector() {
        let uri = format!("{}/root/default/StdRegProv", ns::WMI);
        let arguments = [
            Argument {
                name: "hDefKey",
                value: "2147483650",
            },
            Argument {
                name: "sSubKeyName",
                value: "A\\<B>&\"'\r\u{1}",
            },
        ];
        let request = invoke(&context(), &uri, &[("ID", "{1-2}")], "SetStringValue", &arguments);
        let root = parse_document(&request.body).unwrap();
        assert_eq!(header(&root, "Action").text, format!("{uri}/SetStringValue"));
        let selector = header(&root, "SelectorSet").child("Selector").unwrap();
        assert_eq!(
            (selector.attribute("Name"), selector.text.as_str()),
            (Some("ID"), "{1-2}")
        );
        let input = root.child("Body").unwrap().child("SetStringValue_INPUT").unwrap();
        let sent: Vec<_> = input
            .children
            .iter()
            .map(|c| (c.name.as_str(), c.text.as_str()))
            .collect();
        assert_eq!(sent, [("hDefKey", "2147483650"), ("sSubKeyName", "A\\<B>&\"'\r")]);
        assert!(!format!("{:?}", arguments[0]).contains("2147483650"));
    }

    #[test]
    fn pull_and_release_name_the_enumeration() {
        let pull = parse_document(
            &pull(
                &context(),
                "uri",
                &EnumerationContext::Text("uuid:1 & 2".into()),
                Batch(7),
            )
            .body,
        )
        .unwrap();
        let body = pull.child("Body").unwrap().child("Pull").unwrap();
        assert_eq!(body.child("EnumerationContext").unwrap().text, "uuid:1 & 2");
        assert_eq!(body.child("MaxElements").unwrap().text, "7");
        let release = parse_document(&release(&context(), "uri", &EnumerationContext::Text("x".into())).body).unwrap();
        assert!(release.child("Body").unwrap().child("Release").is_some());
        assert!(
            parse_document(&identify().body)
                .unwrap()
                .child("Body")
                .unwrap()
                .child("Identify")
                .is_some()
        );
    }
}
