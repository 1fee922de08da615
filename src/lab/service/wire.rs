//! BatchActivation on the wire: SOAP 1.1 around a signed inner document.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::{ActivationService, Answer};
use crate::lab::xml::{Element, escaped};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SERVICE: &str = "http://www.microsoft.com/BatchActivationService";
const REQUEST: &str = "http://www.microsoft.com/DRM/SL/BatchActivationRequest/1.0";
const RESPONSE: &str = "http://www.microsoft.com/DRM/SL/BatchActivationResponse/1.0";
/// The service's public signing key (reference: activation-service.md 1.3).
const MAC_KEY: [u8; 32] = [
    0xfe, 0x31, 0x98, 0x75, 0xfb, 0x48, 0x84, 0x86, 0x9c, 0xf3, 0xf1, 0xce, 0x99, 0xa8, 0x90, 0x64, 0xab, 0x57, 0x1f,
    0xca, 0x47, 0x04, 0x50, 0x58, 0x30, 0x24, 0xe2, 0x14, 0x62, 0x87, 0x79, 0xa0,
];
const MOST_REQUESTS: usize = 100;

/// A question as it arrived, its signature verified.
pub(super) struct Batch {
    kind: u32,
    requests: Vec<(String, Option<String>)>,
}

/// Reads a SOAP request. The error says what is wrong with it, for the SOAP fault.
pub(super) fn read(body: &[u8]) -> Result<Batch, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "the request is not UTF-8")?;
    let envelope = Element::parse(text).map_err(|_| "the request is not XML")?;
    let request = envelope
        .child(SOAP, "Body")
        .filter(|_| envelope.is(SOAP, "Envelope"))
        .and_then(|b| b.child(SERVICE, "BatchActivate"))
        .and_then(|b| b.child(SERVICE, "request"))
        .ok_or("BatchActivate/request is missing")?;
    let decoded = |name| {
        request
            .child_text(SERVICE, name)
            .and_then(|t| STANDARD.decode(t).ok())
            .ok_or("Digest or RequestXml is missing or not base64")
    };
    let (digest, inner) = (decoded("Digest")?, decoded("RequestXml")?);
    let verified = Hmac::<Sha256>::new_from_slice(&MAC_KEY)
        .is_ok_and(|mac| mac.chain_update(&inner).verify_slice(&digest).is_ok());
    if !verified {
        return Err("the digest does not fit");
    }
    let (pairs, rest) = inner.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|c| u16::from_le_bytes(*c)).collect();
    let inner = String::from_utf16(&units).map_err(|_| "RequestXml is not UTF-16")?;
    if !rest.is_empty() || inner.starts_with('\u{feff}') {
        return Err("RequestXml is not UTF-16 without a byte order mark");
    }
    let inner = Element::parse(&inner).map_err(|_| "RequestXml is not XML")?;
    if !inner.is(REQUEST, "ActivationRequest") || inner.child_text(REQUEST, "VersionNumber") != Some("2.0") {
        return Err("RequestXml is not an ActivationRequest of version 2.0");
    }
    let kind = match inner.child_text(REQUEST, "RequestType") {
        Some("1") => 1,
        Some("2") => 2,
        _ => return Err("RequestType is neither 1 nor 2"),
    };
    let requests: Vec<_> = inner
        .child(REQUEST, "Requests")
        .map(|r| r.children.iter().filter(|c| c.is(REQUEST, "Request")))
        .into_iter()
        .flatten()
        .map(|r| {
            let text = |name| r.child_text(REQUEST, name).map(str::to_owned);
            (text("PID").unwrap_or_default(), text("IID"))
        })
        .collect();
    if requests.is_empty() || requests.len() > MOST_REQUESTS {
        return Err("the number of requests is out of range");
    }
    Ok(Batch { kind, requests })
}

/// Answers a batch: the whole SOAP response.
pub(super) fn answer(service: &ActivationService, batch: &Batch) -> String {
    service.state().batches += 1;
    let mut responses = String::new();
    for (pid, iid) in &batch.requests {
        let answer = match (batch.kind, iid) {
            (1, Some(iid)) => service.confirm(pid, iid),
            (1, None) => service.confirm(pid, ""),
            _ => service.remaining(pid),
        };
        responses.push_str("<Response>");
        push(&mut responses, "PID", pid);
        let remaining = match &answer {
            Answer::Remaining(n) => *n,
            // A real answer to RequestType 1 carries -1 as well.
            Answer::ConfirmationId(_) | Answer::Refused(_) => -1,
        };
        push(&mut responses, "ActivationRemaining", &remaining.to_string());
        if let Some(iid) = iid {
            push(&mut responses, "IID", iid);
        }
        match &answer {
            Answer::ConfirmationId(cid) => push(&mut responses, "CID", cid),
            Answer::Refused(code) => {
                let _ = write!(responses, "<ErrorInfo><ErrorCode>0x{code:X}</ErrorCode></ErrorInfo>");
            }
            Answer::Remaining(_) => {}
        }
        responses.push_str("</Response>");
    }
    let inner = format!(
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><ActivationResponse xmlns=\"{RESPONSE}\">\
         <VersionNumber>1.0</VersionNumber><ResponseType>{}</ResponseType><BatchId>{}</BatchId>\
         <Responses>{responses}</Responses></ActivationResponse>",
        batch.kind,
        Uuid::new_v4(),
    );
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\
         <soap:Body><BatchActivateResponse xmlns=\"{SERVICE}\"><BatchActivateResult><ResponseXml>{}</ResponseXml>\
         </BatchActivateResult></BatchActivateResponse></soap:Body></soap:Envelope>",
        escaped(&inner),
    )
}

/// A SOAP 1.1 fault.
pub(super) fn fault(reason: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Body><soap:Fault>\
         <faultcode>soap:Client</faultcode><faultstring>Server was unable to process request. ---&gt; {}</faultstring>\
         <detail/></soap:Fault></soap:Body></soap:Envelope>",
        escaped(reason),
    )
}

fn push(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>{}</{name}>", escaped(text));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The request of the reference page's first test vector.
    const VECTOR: &str = "<ActivationRequest xmlns=\"http://www.microsoft.com/DRM/SL/BatchActivationRequest/1.0\">\
        <VersionNumber>2.0</VersionNumber><RequestType>2</RequestType><Requests><Request>\
        <PID>12345-00170-868-000000-03-1033-6001.0000-1962009</PID></Request></Requests></ActivationRequest>";
    const DIGEST: &str = "fhN3GFkqBnBeBQzF8nX1jDNDpHT51fxiNganLpy9RRQ=";

    fn soap(digest: &str, inner: &str) -> String {
        let bytes: Vec<u8> = inner.encode_utf16().flat_map(u16::to_le_bytes).collect();
        format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Body><BatchActivate xmlns=\"{SERVICE}\"><request><Digest>{digest}</Digest>\
             <RequestXml>{}</RequestXml></request></BatchActivate></s:Body></s:Envelope>",
            STANDARD.encode(bytes)
        )
    }

    #[test]
    fn the_published_digest_is_accepted_and_a_foreign_one_refused() {
        let batch = read(soap(DIGEST, VECTOR).as_bytes()).unwrap();
        assert_eq!((batch.kind, batch.requests.len()), (2, 1));
        let altered = VECTOR.replace("00170", "00171");
        assert_eq!(
            read(soap(DIGEST, &altered).as_bytes()).err(),
            Some("the digest does not fit")
        );
    }

    proptest! {
        #[test]
        fn no_request_makes_it_panic(inner in "[<>/a-zA-Z =\"&;0-9\u{fffe}é]{0,80}", cut in 0usize..900) {
            let bytes: Vec<u8> = inner.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mac = Hmac::<Sha256>::new_from_slice(&MAC_KEY).unwrap().chain_update(&bytes).finalize();
            let whole = soap(&STANDARD.encode(mac.into_bytes()), &inner);
            let _ = read(whole.as_bytes());
            let _ = read(&soap(DIGEST, VECTOR).as_bytes()[..cut]);
        }
    }

    #[test]
    fn the_answer_is_an_escaped_document_that_claims_utf_16() {
        let service = ActivationService::default();
        let batch = read(soap(DIGEST, VECTOR).as_bytes()).unwrap();
        let outer = Element::parse(&answer(&service, &batch)).unwrap();
        let inner = &outer.children[0].children[0].children[0].children[0].text;
        assert!(
            inner.starts_with("<?xml version=\"1.0\" encoding=\"utf-16\"?>"),
            "{inner}"
        );
        let inner = Element::parse(inner).unwrap();
        let response = &inner.child(RESPONSE, "Responses").unwrap().children[0];
        assert_eq!(response.child_text(RESPONSE, "ActivationRemaining"), Some("-1"));
        assert_eq!(
            response.children.last().unwrap().child_text(RESPONSE, "ErrorCode"),
            Some("0x68")
        );
    }
}
