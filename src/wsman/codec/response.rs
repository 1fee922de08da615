//! What answers hold: objects, batches of objects, output parameters, the product that answers.

use std::collections::HashMap;

use super::{CodecError, Element};

/// A property or output parameter as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyValue {
    /// NULL (`xsi:nil`).
    Null,
    /// One value.
    Text(String),
    /// An element that occurs several times: an array. NULL elements are left out.
    Array(Vec<String>),
}

/// A WMI object or the output parameters of a method: properties in the order received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Name and value.
    pub properties: Vec<(String, PropertyValue)>,
}

/// What a computer knows an enumeration by, to be sent back as it came (WS-Enumeration 3.1 allows any content).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnumerationContext {
    /// Text, without surrounding white space; what Windows gives.
    Text(String),
    /// The whole element as XML, where it has elements inside.
    Markup(String),
}

/// One batch of an enumeration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnumerateReply {
    /// The objects of this batch.
    pub items: Vec<Object>,
    /// What to pull next. `None` in the answer to a Pull without `ended`: the context of that Pull is still good
    /// (WS-Enumeration 3.2).
    pub context: Option<EnumerationContext>,
    /// Nothing is left.
    pub ended: bool,
}

/// Who answered an Identify.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// e.g. `Microsoft Corporation`.
    pub vendor: String,
    /// e.g. `OS: 10.0.26100 SP: 0.0 Stack: 3.0`.
    pub product_version: String,
    /// The protocol's namespace.
    pub protocol_version: String,
}

/// Reads an `EnumerateResponse` or `PullResponse`: items and end mark in either namespace, optimised or not.
pub fn parse_enumerate(body: Option<Element>) -> Result<EnumerateReply, CodecError> {
    let body = expect(body, "an EnumerateResponse or PullResponse", |name| {
        name == "EnumerateResponse" || name == "PullResponse"
    })?;
    let ended = body.child("EndOfSequence").is_some();
    let context = body
        .child("EnumerationContext")
        .and_then(|context| match &context.markup {
            Some(markup) => Some(EnumerationContext::Markup(markup.to_string())),
            None => Some(context.trimmed())
                .filter(|text| !text.is_empty())
                .map(|text| EnumerationContext::Text(text.to_owned())),
        });
    let items = body
        .children
        .into_iter()
        .filter(|c| c.name == "Items")
        .flat_map(|c| c.children)
        .map(|item| object_of(unwrap_item(item)))
        .collect();
    Ok(EnumerateReply { items, context, ended })
}

/// Reads the `METHOD_OUTPUT` of a method; an empty body is an empty object.
pub fn parse_method_output(body: Option<Element>, method: &str) -> Result<Object, CodecError> {
    match body {
        None => Ok(Object::default()),
        // Windows writes METHOD_OUTPUT; others have been seen to answer METHODResponse or METHOD.
        Some(body) if body.name.to_ascii_lowercase().starts_with(&method.to_ascii_lowercase()) => Ok(object_of(body)),
        Some(body) => Err(CodecError::Unexpected {
            expected: "the output of the method",
            found: format!("<{}>", body.name),
        }),
    }
}

/// Reads an `IdentifyResponse`, whichever identity namespace it uses.
pub fn parse_identify(body: Option<Element>) -> Result<Identity, CodecError> {
    let body = expect(body, "an IdentifyResponse", |name| name == "IdentifyResponse")?;
    let text = |name: &str| {
        body.children
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name))
            .map(|c| c.trimmed().to_owned())
            .unwrap_or_default()
    };
    Ok(Identity {
        vendor: text("ProductVendor"),
        product_version: text("ProductVersion"),
        protocol_version: text("ProtocolVersion"),
    })
}

fn expect(
    body: Option<Element>,
    expected: &'static str,
    is_it: impl FnOnce(&str) -> bool,
) -> Result<Element, CodecError> {
    match body {
        Some(body) if is_it(&body.name) => Ok(body),
        other => Err(CodecError::Unexpected {
            expected,
            found: other.map_or_else(|| "an empty body".into(), |e| format!("<{}>", e.name)),
        }),
    }
}

/// Enumerations of objects with their addresses wrap both in `Item` (DSP0226 8.7); some servers write `Item` without the
/// address, and put the whole instance into an `XmlFragment`.
fn unwrap_item(mut item: Element) -> Element {
    // INVARIANT: each turn goes one level down, so this ends.
    loop {
        let has_address = item.children.iter().any(|c| c.name == "EndpointReference");
        match item.name.as_str() {
            "Item" if has_address => {}
            "Item" if matches!(item.children.as_slice(), [only] if only.name == "XmlFragment") => {}
            "Item" | "XmlFragment" if matches!(item.children.as_slice(), [only] if is_object(only)) => {}
            _ => return item,
        }
        item = item
            .children
            .into_iter()
            .find(|c| c.name != "EndpointReference")
            .unwrap_or_default();
    }
}

/// An object has properties inside; the value of a property at most one of the types of DSP0230 5.3.
fn is_object(element: &Element) -> bool {
    let is_value = |c: &Element| matches!(c.name.as_str(), "Datetime" | "Interval" | "Date" | "Time");
    !element.children.is_empty() && !element.children.iter().any(is_value)
}

fn object_of(element: Element) -> Object {
    let mut properties: Vec<(String, PropertyValue)> = Vec::with_capacity(element.children.len());
    // Elements of an array follow one another as a rule, but need not.
    let mut places: HashMap<String, usize> = HashMap::with_capacity(element.children.len());
    for child in element.children {
        let value = value_of(&child);
        let place = places.get(&child.name).copied();
        if let Some((_, earlier)) = place.and_then(|place| properties.get_mut(place)) {
            extend(earlier, value);
        } else {
            places.insert(child.name.clone(), properties.len());
            properties.push((child.name, value));
        }
    }
    Object { properties }
}

fn extend(earlier: &mut PropertyValue, value: PropertyValue) {
    let mut items = match std::mem::replace(earlier, PropertyValue::Null) {
        PropertyValue::Null => Vec::new(),
        PropertyValue::Text(text) => vec![text],
        PropertyValue::Array(items) => items,
    };
    match value {
        PropertyValue::Null => {}
        PropertyValue::Text(text) => items.push(text),
        PropertyValue::Array(more) => items.extend(more),
    }
    *earlier = PropertyValue::Array(items);
}

fn value_of(element: &Element) -> PropertyValue {
    if element
        .attribute("nil")
        .is_some_and(|v| matches!(v.trim(), "true" | "1"))
    {
        return PropertyValue::Null;
    }
    if element.children.is_empty() {
        return PropertyValue::Text(element.text.clone());
    }
    // `Datetime`, `Interval` and the like wrap the value once more (DSP0230 5.3); an embedded object becomes its text.
    PropertyValue::Text(element.deep_text())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Batch, Reply, RequestContext, parse_document, parse_reply, pull, release};
    use super::*;

    fn body(xml: &str) -> Option<Element> {
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
             xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Body>{xml}</s:Body></s:Envelope>"
        );
        match parse_reply(envelope.as_bytes(), "").unwrap() {
            Reply::Body(body) => body,
            Reply::Fault(fault) => panic!("{fault:?}"),
        }
    }

    fn text(s: &str) -> PropertyValue {
        PropertyValue::Text(s.into())
    }

    #[test]
    fn a_projected_fragment_is_an_object() {
        let reply = parse_enumerate(body(
            "<n:EnumerateResponse><n:EnumerationContext/><w:Items><w:XmlFragment>\
             <GracePeriodRemaining>43200</GracePeriodRemaining>\
             <EvaluationEndDate><Datetime>1601-01-01T00:00:00Z</Datetime></EvaluationEndDate>\
             <ProductKeyID xsi:nil=\"true\"/><Name>Windows(R), Enterprise edition</Name><Empty></Empty>\
             </w:XmlFragment></w:Items><w:EndOfSequence/></n:EnumerateResponse>",
        ))
        .unwrap();
        assert!(reply.context.is_none() && reply.ended);
        assert_eq!(
            reply.items[0].properties,
            [
                ("GracePeriodRemaining".to_owned(), text("43200")),
                ("EvaluationEndDate".to_owned(), text("1601-01-01T00:00:00Z")),
                ("ProductKeyID".to_owned(), PropertyValue::Null),
                ("Name".to_owned(), text("Windows(R), Enterprise edition")),
                ("Empty".to_owned(), text("")),
            ]
        );
    }

    #[test]
    fn a_typed_instance_is_an_object_and_repeated_elements_an_array() {
        let reply = parse_enumerate(body(
            "<n:PullResponse><n:EnumerationContext> uuid:7 </n:EnumerationContext><n:Items>\
             <p:Win32_X xmlns:p=\"urn:x\" xsi:type=\"p:Win32_X_Type\" xml:lang=\"en-US\">\
             <p:IP>10.0.0.1</p:IP><p:IP>fe80::1</p:IP><p:Flag>true</p:Flag>\
             <p:When xmlns:cim=\"urn:c\"><cim:Datetime>2026-01-31T12:00:00Z</cim:Datetime></p:When>\
             </p:Win32_X><p:Win32_X xmlns:p='urn:x'/></n:Items></n:PullResponse>",
        ))
        .unwrap();
        assert_eq!(reply.context, Some(EnumerationContext::Text("uuid:7".into())));
        assert!(!reply.ended);
        assert_eq!(reply.items.len(), 2);
        assert_eq!(
            reply.items[0].properties,
            [
                (
                    "IP".to_owned(),
                    PropertyValue::Array(vec!["10.0.0.1".into(), "fe80::1".into()])
                ),
                ("Flag".to_owned(), text("true")),
                ("When".to_owned(), text("2026-01-31T12:00:00Z")),
            ]
        );
    }

    #[test]
    fn the_end_is_seen_in_either_namespace() {
        for end in ["<w:EndOfSequence/>", "<n:EndOfSequence/>"] {
            let reply = parse_enumerate(body(&format!(
                "<n:PullResponse><n:EnumerationContext>x</n:EnumerationContext><n:Items/>{end}</n:PullResponse>"
            )))
            .unwrap();
            assert!(reply.ended && reply.items.is_empty());
        }
        assert!(parse_enumerate(body("<x/>")).is_err());
        assert!(parse_enumerate(None).is_err());
    }

    #[test]
    fn a_context_with_elements_inside_goes_back_as_it_came() {
        let reply = parse_enumerate(body(
            "<x:PullResponse xmlns:x='urn:\"x' xmlns='urn:d'><x:EnumerationContext xmlns:y='urn:y' k='1'>\
             <y:Id a='&lt;'>7 &amp; 8<Deep/></y:Id><w:Other xsi:nil='true'/></x:EnumerationContext>\
             <n:Items xmlns:late='urn:late'/></x:PullResponse>",
        ))
        .unwrap();
        let context = reply.context.unwrap();
        let request_context = RequestContext {
            to: "http://x".into(),
            operation_timeout: Duration::from_secs(1),
            max_envelope: 1,
        };
        for request in [
            pull(&request_context, "uri", &context, Batch(1)),
            release(&request_context, "uri", &context),
        ] {
            let sent = String::from_utf8(request.body.to_vec()).unwrap();
            for part in [
                "<x:EnumerationContext xmlns:y='urn:y' k='1' ",
                " xmlns:x=\"urn:&quot;x\"",
                " xmlns=\"urn:d\"",
                " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"",
                "><y:Id a='&lt;'>7 &amp; 8<Deep/></y:Id><w:Other xsi:nil='true'/></x:EnumerationContext>",
            ] {
                assert!(sent.contains(part), "{part} in {sent}");
            }
            assert!(!sent.contains("late") && sent.matches("xmlns:y").count() == 1, "{sent}");
            let root = parse_document(sent.as_bytes()).unwrap();
            let asked = root.child("Body").unwrap().children.first().unwrap();
            assert_eq!(asked.child("EnumerationContext").unwrap().children.len(), 2);
        }
    }

    #[test]
    fn objects_with_addresses_are_unwrapped() {
        let reply = parse_enumerate(body(
            "<n:PullResponse><n:Items><w:Item><p><A>1</A></p><a:EndpointReference xmlns:a='urn:a'/></w:Item></n:Items></n:PullResponse>",
        ))
        .unwrap();
        assert_eq!(reply.items[0].properties, [("A".to_owned(), text("1"))]);
    }

    #[test]
    fn whatever_an_object_is_wrapped_in_is_taken_off() {
        let objects = |items: &str| {
            let xml = format!("<n:PullResponse><n:Items>{items}</n:Items><n:EndOfSequence/></n:PullResponse>");
            parse_enumerate(body(&xml)).unwrap().items
        };
        let both = [("A".to_owned(), text("1")), ("B".to_owned(), text("2"))];
        for wrapped in [
            "<w:Item><w:XmlFragment><A>1</A><B>2</B></w:XmlFragment></w:Item>",
            "<w:Item><p><A>1</A><B>2</B></p></w:Item>",
            "<w:XmlFragment><p><A>1</A><B>2</B></p></w:XmlFragment>",
            "<w:Item><w:XmlFragment><p><A>1</A><B>2</B></p></w:XmlFragment><a:EndpointReference xmlns:a='urn:a'/></w:Item>",
        ] {
            assert_eq!(objects(wrapped)[0].properties, both, "{wrapped}");
        }
        // A projection of one property is no wrapper of another object.
        for (projected, value) in [
            ("<When><Datetime>2026</Datetime></When>", text("2026")),
            ("<When><Date>2026</Date><Time>12</Time></When>", text("2026 12")),
            ("<When>1</When>", text("1")),
            ("<When xsi:nil='true'/>", PropertyValue::Null),
        ] {
            for xml in [
                format!("<w:XmlFragment>{projected}</w:XmlFragment>"),
                format!("<w:Item><w:XmlFragment>{projected}</w:XmlFragment></w:Item>"),
            ] {
                assert_eq!(
                    objects(&xml)[0].properties,
                    [("When".to_owned(), value.clone())],
                    "{xml}"
                );
            }
        }
    }

    #[test]
    fn method_output_and_identity_are_read() {
        let output = parse_method_output(
            body("<p:Activate_OUTPUT xmlns:p='urn:p'><p:ReturnValue>0</p:ReturnValue></p:Activate_OUTPUT>"),
            "Activate",
        )
        .unwrap();
        assert_eq!(output.properties, [("ReturnValue".to_owned(), text("0"))]);
        assert_eq!(parse_method_output(None, "Activate").unwrap(), Object::default());
        assert!(parse_method_output(body("<q/>"), "Activate").is_err());
        let identity = parse_identify(body(
            "<wsmid:IdentifyResponse xmlns:wsmid='urn:any'>\
             <wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>\
             <wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>\
             <wsmid:ProductVersion>OS: 10.0.26100 SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>",
        ))
        .unwrap();
        assert_eq!(identity.vendor, "Microsoft Corporation");
        assert_eq!(identity.product_version, "OS: 10.0.26100 SP: 0.0 Stack: 3.0");
    }
}
