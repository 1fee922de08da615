//! Requests and answers of the BatchActivation service, sans IO.
//!
//! A request is a SOAP 1.1 envelope around an inner document that is sent as base64 of its UTF-16LE bytes together with
//! their HMAC-SHA256. An answer carries its inner document as escaped text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::xml::{self, Element};
use crate::model::{ExtendedPid, HResult, InstallationId};

/// Namespace of the service's SOAP messages.
const SERVICE_NS: &str = "http://www.microsoft.com/BatchActivationService";
/// Namespace of the inner request.
const REQUEST_NS: &str = "http://www.microsoft.com/DRM/SL/BatchActivationRequest/1.0";
/// The `SOAPAction` header, without quotes as the reference client sends it.
pub(super) const SOAP_ACTION: &str = "http://www.microsoft.com/BatchActivationService/BatchActivate";

/// The public key of the digest (32 bytes, padded with zeros to HMAC's block), as `dadorner-msft/activationws` has it.
const MAC_KEY: [u8; 64] = {
    let mut key = [0; 64];
    let public: [u8; 32] = [
        0xfe, 0x31, 0x98, 0x75, 0xfb, 0x48, 0x84, 0x86, 0x9c, 0xf3, 0xf1, 0xce, 0x99, 0xa8, 0x90, 0x64, 0xab, 0x57,
        0x1f, 0xca, 0x47, 0x04, 0x50, 0x58, 0x30, 0x24, 0xe2, 0x14, 0x62, 0x87, 0x79, 0xa0,
    ];
    let mut i = 0;
    while i < public.len() {
        key[i] = public[i];
        i += 1;
    }
    key
};

/// What the service is asked about one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) pid: &'a ExtendedPid,
    /// With it a confirmation ID is asked for, without it the remaining count.
    pub(super) iid: Option<&'a InstallationId>,
}

impl Ask<'_> {
    fn inner_xml(&self) -> String {
        let (kind, iid) = match self.iid {
            Some(iid) => (1, format!("<IID>{}</IID>", iid.digits())),
            None => (2, String::new()),
        };
        // PID and IID consist of digits, hyphens and a point: nothing to escape.
        format!(
            "<ActivationRequest xmlns=\"{REQUEST_NS}\"><VersionNumber>2.0</VersionNumber>\
             <RequestType>{kind}</RequestType><Requests><Request><PID>{}</PID>{iid}</Request></Requests>\
             </ActivationRequest>",
            self.pid
        )
    }

    /// The whole request as it is posted.
    pub(super) fn envelope(&self) -> String {
        let bytes: Vec<u8> = self.inner_xml().encode_utf16().flat_map(u16::to_le_bytes).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\
             <soap:Body><BatchActivate xmlns=\"{SERVICE_NS}\"><request><Digest>{}</Digest><RequestXml>{}</RequestXml>\
             </request></BatchActivate></soap:Body></soap:Envelope>",
            digest(&bytes),
            STANDARD.encode(&bytes)
        )
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new(&MAC_KEY.into());
    mac.update(bytes);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// What the service said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A SOAP fault: the request was not understood, or the service broke down.
    Fault {
        /// E.g. `soap:Server`.
        code: String,
        /// The service's own words.
        message: String,
    },
    /// Items, and an error code for the request as a whole.
    Batch { error: Option<u32>, items: Vec<Item> },
}

/// One answered request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) pid: Option<String>,
    pub(super) iid: Option<String>,
    pub(super) cid: Option<String>,
    /// `None`: not available.
    pub(super) remaining: Option<u32>,
    pub(super) error: Option<u32>,
}

impl Item {
    /// Nothing it says contradicts what was asked. Only digits are compared.
    pub(super) fn may_answer(&self, ask: Ask<'_>) -> bool {
        let pid_fits = self.pid.as_deref().is_none_or(|p| digits(p) == digits(&ask.pid.text()));
        let iid_fits = match (&self.iid, ask.iid) {
            (Some(answered), Some(asked)) => digits(answered) == asked.digits(),
            _ => true,
        };
        pid_fits && iid_fits
    }

    /// It names exactly what was asked.
    pub(super) fn answers(&self, ask: Ask<'_>) -> bool {
        self.may_answer(ask) && self.pid.is_some() && (ask.iid.is_none() || self.iid.is_some())
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Why an answer could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A web page instead of an answer; its title where it has one.
    Html(String),
    /// XML that is none, or not of this service.
    Broken(String),
}

/// Reads an answer. Elements are found by local name: prefix, order and additional elements do not matter.
pub(super) fn parse_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|e| match html_title(&String::from_utf8_lossy(body)) {
        Some(title) => Unreadable::Html(title),
        None => Unreadable::Broken(format!("it is not UTF-8 from byte {} on", e.valid_up_to())),
    })?;
    if let Some(title) = html_title(text) {
        return Err(Unreadable::Html(title));
    }
    let root = xml::parse(text).map_err(Unreadable::Broken)?;
    if let Some(fault) = root.find("Fault") {
        return Ok(fault_of(fault));
    }
    let carrier = root
        .find("ResponseXml")
        .ok_or_else(|| Unreadable::Broken(format!("its element {:?} is not of this service", short(&root.name))))?;
    let unescaped;
    let response = if let Some(inline) = carrier.find("ActivationResponse") {
        inline
    } else {
        unescaped = xml::parse(&carrier.text).map_err(Unreadable::Broken)?;
        unescaped
            .find("ActivationResponse")
            .ok_or_else(|| Unreadable::Broken("it carries no ActivationResponse".into()))?
    };
    let items = response
        .child("Responses")
        .map(|r| r.children.as_slice())
        .unwrap_or_default();
    let items = items.iter().filter(|i| i.name == "Response").map(item_of);
    Ok(Answer::Batch {
        error: error_code(response)?,
        items: items.collect::<Result<_, _>>()?,
    })
}

fn item_of(element: &Element) -> Result<Item, Unreadable> {
    let own = |name: &str| element.value_of(name).map(str::to_owned);
    Ok(Item {
        pid: own("PID"),
        iid: own("IID"),
        cid: own("CID"),
        // -1 and everything else that is no count mean "not available", never 0.
        remaining: element.value_of("ActivationRemaining").and_then(|n| n.parse().ok()),
        error: error_code(element)?,
    })
}

/// `ErrorInfo/ErrorCode` or `ErrorCode` of an element itself, in hexadecimal with 0x or in decimal.
fn error_code(element: &Element) -> Result<Option<u32>, Unreadable> {
    let carrier = element.child("ErrorInfo").unwrap_or(element);
    let Some(text) = carrier.value_of("ErrorCode") else {
        return Ok(None);
    };
    match HResult::parse(text) {
        Some(HResult::OK) => Ok(None),
        Some(HResult(code)) => Ok(Some(code)),
        // An error that cannot be read is an error all the same.
        None => Err(Unreadable::Broken(format!(
            "its error code {:?} is no number",
            short(text)
        ))),
    }
}

fn fault_of(fault: &Element) -> Answer {
    let code = fault
        .value_of("faultcode")
        .or_else(|| fault.child("Code")?.value_of("Value"));
    let message = fault
        .value_of("faultstring")
        .or_else(|| fault.child("Reason")?.value_of("Text"));
    Answer::Fault {
        code: short(code.unwrap_or_default()),
        message: short(message.unwrap_or_default()),
    }
}

/// The title when this is a web page: proxies, captive portals and broken services answer with one.
fn html_title(text: &str) -> Option<String> {
    let start: String = text.chars().take(2048).collect::<String>().to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if !start.starts_with("<!doctype html") && !start.contains("<html") {
        return None;
    }
    let title = start.split_once("<title").and_then(|(_, rest)| rest.split_once('>'));
    let title = title
        .and_then(|(_, rest)| rest.split_once('<'))
        .map(|(title, _)| title.trim());
    // The original letters; lower-casing ASCII kept the length.
    let original = title.filter(|t| !t.is_empty()).and_then(|t| {
        let at = text.to_ascii_lowercase().find(t)?;
        text.get(at..at + t.len())
    });
    Some(short(original.unwrap_or_default()))
}

/// At most 200 characters on one line, for messages.
pub(super) fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VISTA_PID: &str = "11111-00140-009-000002-03-1033-5384.0000-1942006";
    const VISTA_IID: &str = "000963843315259493598506854253663081409973656140419231";

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_digest_of_a_count_request_is_that_of_the_test_vector() {
        let pid = ExtendedPid::parse("12345-00170-868-000000-03-1033-6001.0000-1962009").unwrap();
        let ask = Ask { pid: &pid, iid: None };
        let bytes = utf16le(&ask.inner_xml());
        assert_eq!(bytes.len(), 534);
        assert_eq!(digest(&bytes), "fhN3GFkqBnBeBQzF8nX1jDNDpHT51fxiNganLpy9RRQ=");
    }

    #[test]
    fn the_digest_of_a_confirmation_request_is_that_of_the_test_vector() {
        let pid = ExtendedPid::parse(VISTA_PID).unwrap();
        let iid = InstallationId::parse(VISTA_IID).unwrap();
        let ask = Ask {
            pid: &pid,
            iid: Some(&iid),
        };
        let bytes = utf16le(&ask.inner_xml());
        assert_eq!(digest(&bytes), "besSOTV0EciTE0S9NS/Ijq/WMOmXlD5kf6t2JDe+h8g=");
        let envelope = ask.envelope();
        assert!(envelope.contains("<Digest>besSOTV0EciTE0S9NS/Ijq/WMOmXlD5kf6t2JDe+h8g=</Digest>"));
        let root = xml::parse(&envelope).unwrap();
        let sent = STANDARD
            .decode(root.find("RequestXml").unwrap().value().unwrap())
            .unwrap();
        assert_eq!(sent, bytes);
    }

    fn answer(inner: &str) -> String {
        let escaped = inner.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <soap:Body><BatchActivateResponse xmlns=\"{SERVICE_NS}\"><BatchActivateResult><ResponseXml>{escaped}</ResponseXml>\
             </BatchActivateResult></BatchActivateResponse></soap:Body></soap:Envelope>"
        )
    }

    const INNER: &str = "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<ActivationResponse \
        xmlns=\"http://www.microsoft.com/DRM/SL/BatchActivationResponse/1.0\"><VersionNumber>1.0</VersionNumber>\
        <ResponseType>1</ResponseType><BatchId>{00000000-0000-0000-0000-000000000000}</BatchId><Responses><Response>\
        <PID>11111-00140-009-000002-03-1033-5384.0000-1942006</PID><ActivationRemaining>-1</ActivationRemaining>\
        <IID>000963843315259493598506854253663081409973656140419231</IID><CID>000000</CID></Response></Responses>\
        </ActivationResponse>";

    fn expected() -> Answer {
        Answer::Batch {
            error: None,
            items: vec![Item {
                pid: Some(VISTA_PID.into()),
                iid: Some(VISTA_IID.into()),
                cid: Some("000000".into()),
                remaining: None,
                error: None,
            }],
        }
    }

    #[test]
    fn the_inner_document_is_read_escaped_in_cdata_and_inline_whatever_its_declaration() {
        assert_eq!(parse_answer(answer(INNER).as_bytes()), Ok(expected()));
        let open = answer("@").replace('@', &format!("<![CDATA[{INNER}]]>"));
        assert_eq!(parse_answer(open.as_bytes()), Ok(expected()));
        let bare = INNER.split_once("?>").unwrap().1;
        let inline = answer("@").replace('@', bare);
        assert_eq!(parse_answer(inline.as_bytes()), Ok(expected()));
    }

    #[test]
    fn prefixes_order_and_unknown_elements_do_not_matter() {
        let inner = format!(
            "<r:ActivationResponse xmlns:r='x'><r:New><r:ErrorCode>0x1</r:ErrorCode></r:New><r:Responses><r:Extra/>\
             <r:Response><r:CID>000000</r:CID><r:Later>7</r:Later><r:IID>{VISTA_IID}</r:IID><r:PID> {VISTA_PID}\n</r:PID>\
             </r:Response></r:Responses></r:ActivationResponse>"
        );
        assert_eq!(parse_answer(answer(&inner).as_bytes()), Ok(expected()));
    }

    #[test]
    fn error_codes_are_read_per_item_and_for_the_batch() {
        let code = |text: &str| {
            let inner = format!(
                "<ActivationResponse><Responses><Response><PID>{VISTA_PID}</PID><ErrorInfo><ErrorCode>{text}</ErrorCode>\
                 </ErrorInfo></Response></Responses></ActivationResponse>"
            );
            match parse_answer(answer(&inner).as_bytes()) {
                Ok(Answer::Batch { items, .. }) => Ok(items[0].error),
                Err(Unreadable::Broken(why)) => Err(why),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code("0x7F"), Ok(Some(0x7F)));
        assert_eq!(code("127"), Ok(Some(0x7F)));
        assert_eq!(code("-2146233079"), Ok(Some(0x8013_1509)));
        assert_eq!(code("0x80004003"), Ok(Some(0x8000_4003)));
        assert_eq!(code("0"), Ok(None));
        assert!(code("oops").unwrap_err().contains("oops"));

        let batch = "<ActivationResponse><ErrorInfo><ErrorCode>0x86</ErrorCode></ErrorInfo></ActivationResponse>";
        assert_eq!(
            parse_answer(answer(batch).as_bytes()),
            Ok(Answer::Batch {
                error: Some(0x86),
                items: Vec::new()
            })
        );
    }

    #[test]
    fn a_count_is_a_number_and_everything_else_is_not_available() {
        for (text, expected) in [
            ("80", Some(80)),
            ("0", Some(0)),
            ("-1", None),
            ("", None),
            ("many", None),
        ] {
            let inner = format!(
                "<ActivationResponse><Responses><Response><ActivationRemaining>{text}</ActivationRemaining></Response>\
                 </Responses></ActivationResponse>"
            );
            let Ok(Answer::Batch { items, .. }) = parse_answer(answer(&inner).as_bytes()) else {
                panic!("{inner}")
            };
            assert_eq!(items[0].remaining, expected, "{text:?}");
        }
    }

    #[test]
    fn faults_and_web_pages_are_recognised() {
        let fault = "<s:Envelope xmlns:s='x'><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>Server was unable \
                     to process request.</faultstring></s:Fault></s:Body></s:Envelope>";
        assert_eq!(
            parse_answer(fault.as_bytes()),
            Ok(Answer::Fault {
                code: "s:Server".into(),
                message: "Server was unable to process request.".into()
            })
        );
        let page = b"<!DOCTYPE html>\n<html><head><title>Runtime Error</title></head><body>&nbsp;</body></html>";
        assert_eq!(parse_answer(page), Err(Unreadable::Html("Runtime Error".into())));
        assert!(matches!(parse_answer(b"\xff\xfe<\0"), Err(Unreadable::Broken(_))));
        assert!(matches!(parse_answer(b"<x/>"), Err(Unreadable::Broken(_))));
    }

    #[test]
    fn answers_are_matched_by_digits_of_pid_and_iid() {
        let pid = ExtendedPid::parse(VISTA_PID).unwrap();
        let iid = InstallationId::parse(VISTA_IID).unwrap();
        let ask = Ask {
            pid: &pid,
            iid: Some(&iid),
        };
        let grouped = Item {
            pid: Some(VISTA_PID.into()),
            iid: Some(iid.grouped()),
            ..Item::default()
        };
        assert!(grouped.answers(ask));
        let bare = Item::default();
        assert!(bare.may_answer(ask) && !bare.answers(ask));
        let other = Item {
            iid: Some("1".repeat(54)),
            ..grouped
        };
        assert!(!other.may_answer(ask));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_answer(&body);
        }

        #[test]
        fn no_mangled_answer_makes_the_parser_panic(at in 0_usize..1500, byte in any::<u8>(), cut in 0_usize..1500) {
            let mut body = answer(INNER).into_bytes();
            if let Some(b) = body.get_mut(at) {
                *b = byte;
            }
            body.truncate(body.len().saturating_sub(cut));
            let _ = parse_answer(&body);
        }
    }
}
