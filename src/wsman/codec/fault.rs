//! SOAP faults, down to the innermost result code.
//!
//! Windows wraps what WMI said in up to three layers: the WS-Management fault, the WMI provider's fault, and what the
//! class itself answered. Only the innermost tells a person anything, so that is what is taken:
//! * `f:WSManFault Code=".."`, nested inside `f:ProviderFault` (MS-WSMV 2.2.4.44),
//! * `__ExtendedStatus/StatusCode` inside `f:ExtendedError`,
//! * `MSFT_WmiError` with `MessageID` "HRESULT 0x80041010" and `error_Code` (Windows 8 and later),
//! * a code in the words of the message.
//!
//! Proxies and other products answer in SOAP 1.1 too (4.4): `faultcode` and `faultstring` instead of `Code` and `Reason`.

use super::{CodecError, Element, Reply, parse_reply};
use crate::model::HResult;

/// A SOAP fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// The innermost result code, where one is given.
    pub code: Option<HResult>,
    /// Local name of the subcode, e.g. `TimedOut`; empty when there is none.
    pub subcode: String,
    /// The computer's own words, the innermost, on one line; in its language. May be empty.
    pub message: String,
}

/// The operation timed out on the computer.
const TIMED_OUT: HResult = HResult(0x8033_8029);
/// The answer would be larger than MaxEnvelopeSize.
const ENVELOPE_TOO_LARGE: HResult = HResult(0x8033_8048);
/// `E_ACCESSDENIED`.
const ACCESS_DENIED: HResult = HResult(0x8007_0005);

impl Fault {
    /// The computer stopped waiting for the operation, which may still be running.
    pub fn is_timeout(&self) -> bool {
        self.subcode == "TimedOut" && !self.is_specific() || self.code == Some(TIMED_OUT)
    }

    /// The answer does not fit into an envelope; a smaller batch may.
    pub fn is_too_large(&self) -> bool {
        self.subcode == "EncodingLimit" || self.code == Some(ENVELOPE_TOO_LARGE)
    }

    /// Not allowed: no administrator, or UAC filters the token.
    pub fn is_access_denied(&self) -> bool {
        match self.code {
            Some(code) => matches!(code.0, 0x8007_0005 | 0x8004_1003),
            None => self.subcode == "AccessDenied",
        }
    }

    /// The code is not one of WS-Management itself: WMI or what is behind it has answered.
    pub fn is_specific(&self) -> bool {
        self.code.is_some_and(|code| !is_transport_code(code))
    }
}

/// Parses an envelope that should hold a fault.
pub fn parse_fault(bytes: &[u8]) -> Result<Fault, CodecError> {
    match parse_reply(bytes, "")? {
        Reply::Fault(fault) => Ok(*fault),
        Reply::Body(body) => Err(CodecError::Unexpected {
            expected: "a SOAP fault",
            found: body.map_or_else(|| "an empty body".into(), |e| format!("<{}>", e.name)),
        }),
    }
}

/// How much a code tells: WS-Management's own codes less than the deepest other one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    specific: bool,
    in_element: bool,
    depth: usize,
}

/// Reads a `Fault` element.
pub(super) fn fault_of(fault: &Element) -> Fault {
    let mut code: Option<(Weight, HResult)> = None;
    let mut message: Option<(usize, u8, &str)> = None;
    fault.each(&mut |element, depth| {
        for (found, in_element) in codes_of(element) {
            let weight = Weight {
                specific: !is_transport_code(found),
                in_element,
                depth,
            };
            if code.as_ref().is_none_or(|(best, _)| weight > *best) {
                code = Some((weight, found));
            }
        }
        let rank = match element.name.as_str() {
            "Message" => 3,
            "error_WindowsErrorMessage" => 2,
            "Description" => 1,
            _ => return,
        };
        let text = element.trimmed();
        if !text.is_empty() && message.is_none_or(|(d, r, _)| (depth, rank) > (d, r)) {
            message = Some((depth, rank, text));
        }
    });
    let subcode = fault
        .child("Code")
        .and_then(|c| c.child("Subcode"))
        .map(innermost_subcode)
        .or_else(|| fault.child("faultcode").map(|code| local_name(code.trimmed())))
        .unwrap_or_default();
    let message = match message {
        Some((_, _, text)) => one_line(text),
        None => fault
            .child("Reason")
            .map(reason)
            .or_else(|| fault.child("faultstring").map(Element::deep_text))
            .map(|text| one_line(&text))
            .unwrap_or_default(),
    };
    let code = code.map(|(_, code)| code).or(match subcode.as_str() {
        "AccessDenied" => Some(ACCESS_DENIED),
        "TimedOut" => Some(TIMED_OUT),
        _ => None,
    });
    Fault { code, subcode, message }
}

/// The reason may stand there in several languages: in English, or else the first.
fn reason(reason: &Element) -> String {
    let is_english = |text: &&Element| {
        let language = text.attribute("lang").unwrap_or_default().trim();
        language.split('-').next().is_some_and(|l| l.eq_ignore_ascii_case("en"))
    };
    let texts = || reason.children.iter().filter(|c| !c.deep_text().is_empty());
    texts()
        .find(is_english)
        .or_else(|| texts().next())
        .unwrap_or(reason)
        .deep_text()
}

fn local_name(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

fn innermost_subcode(subcode: &Element) -> String {
    let mut found = "";
    subcode.each(&mut |element, _| {
        if element.name == "Value" {
            found = element.trimmed();
        }
    });
    local_name(found)
}

/// The codes an element states, and whether by its structure or only in words.
fn codes_of(element: &Element) -> Vec<(HResult, bool)> {
    let structured = match element.name.as_str() {
        "WSManFault" => element.attribute("Code").and_then(HResult::parse).map(from_win32),
        "StatusCode" | "error_Code" | "HResult" | "HRESULT" => {
            HResult::parse(element.trimmed()).filter(|code| code.is_failure())
        }
        _ => None,
    };
    structured
        .filter(|code| *code != HResult::OK)
        .map(|code| (code, true))
        .into_iter()
        .chain(code_in_words(&element.text).map(|code| (code, element.name == "MessageID")))
        .collect()
}

/// `Code="5"` is Win32's "access denied"; as an HRESULT it is 0x80070005.
fn from_win32(code: HResult) -> HResult {
    match code.0 {
        1..=0xFFFF => HResult(0x8007_0000 | code.0),
        _ => code,
    }
}

/// The last `0x` followed by exactly eight hexadecimal digits that is a failure code.
fn code_in_words(text: &str) -> Option<HResult> {
    text.rmatch_indices("0x").find_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        let digits = rest.get(..8)?;
        let ends = !rest.get(8..)?.starts_with(|c: char| c.is_ascii_hexdigit());
        let is_number = ends && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = HResult(u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?);
        code.is_failure().then_some(code)
    })
}

/// Codes of WS-Management itself (facility 0x33, 0x80338000 and up).
fn is_transport_code(code: HResult) -> bool {
    code.0 >> 12 == 0x8_0338 || code.0 >> 12 == 0x8_0339
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 600 {
        line.chars().take(600).chain(['…']).collect()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(subcode: &str, reason: &str, detail: &str) -> Fault {
        let xml = format!(
            "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"><s:Header>\
             <a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action></s:Header><s:Body><s:Fault>\
             <s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>\
             <s:Reason><s:Text xml:lang=\"en-US\">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail>\
             </s:Fault></s:Body></s:Envelope>"
        );
        parse_fault(xml.as_bytes()).unwrap()
    }

    const F: &str = "xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\"";

    #[test]
    fn the_innermost_provider_fault_wins() {
        let found = fault(
            "w:InternalError",
            "The WS-Management service cannot process the request.",
            &format!(
                "<f:WSManFault {F} Code=\"2150859010\" Machine=\"lab-pc-014\"><f:Message><f:ProviderFault \
                 provider=\"WMI Provider\" path=\"%systemroot%\\system32\\WsmWmiPl.dll\">\
                 <f:WSManFault {F} Code=\"2147749904\" Machine=\"lab-pc-014\"><f:Message>Invalid class\r\n </f:Message>\
                 </f:WSManFault><f:ExtendedError><p:__ExtendedStatus xmlns:p=\"urn:p\"><p:Description xsi:nil=\"true\" \
                 xmlns:xsi=\"urn:x\"/><p:StatusCode xsi:nil=\"true\" xmlns:xsi=\"urn:x\"/></p:__ExtendedStatus>\
                 </f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault>"
            ),
        );
        assert_eq!(found.code, Some(HResult(0x8004_1010)));
        assert_eq!(found.message, "Invalid class");
        assert_eq!(found.subcode, "InternalError");
    }

    #[test]
    fn extended_status_and_wmi_error_are_read() {
        let found = fault(
            "w:InternalError",
            "",
            &format!(
                "<f:WSManFault {F} Code=\"2150859010\"><f:Message><f:ProviderFault><f:ExtendedError>\
                 <p:__ExtendedStatus xmlns:p=\"urn:p\"><p:Description>The key is blocked</p:Description>\
                 <p:Operation>ExecMethod</p:Operation><p:StatusCode>3221549152</p:StatusCode>\
                 </p:__ExtendedStatus></f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault>"
            ),
        );
        assert_eq!(found.code, Some(HResult(0xC004_F060)));
        assert_eq!(found.message, "The key is blocked");
        let found = fault(
            "w:InternalError",
            "The WMI service returned an error.",
            "<p:MSFT_WmiError xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError\">\
             <p:CIMStatusCode>1</p:CIMStatusCode><p:Message>The Software Licensing Service reported a fault. </p:Message>\
             <p:MessageID>HRESULT 0xc004f050</p:MessageID><p:error_Code>2150859010</p:error_Code>\
             <p:error_Type>HRESULT</p:error_Type><p:error_WindowsErrorMessage>other</p:error_WindowsErrorMessage>\
             </p:MSFT_WmiError>",
        );
        assert_eq!(found.code, Some(HResult(0xC004_F050)));
        assert_eq!(found.message, "The Software Licensing Service reported a fault.");
    }

    #[test]
    fn plain_words_win32_codes_and_bare_subcodes_count() {
        let words = fault(
            "w:InternalError",
            "The request failed with 0x8004FE21. See (0x00000001).",
            "",
        );
        assert_eq!(words.code, Some(HResult(0x8004_FE21)));
        assert!(words.message.starts_with("The request failed"));
        let win32 = fault(
            "w:AccessDenied",
            "Access is denied.",
            &format!(
                "<f:WSManFault {F} Code=\"5\" Machine=\"x\"><f:Message>Access is denied. </f:Message></f:WSManFault>"
            ),
        );
        assert_eq!(win32.code, Some(ACCESS_DENIED));
        assert!(win32.is_access_denied());
        assert!(fault("w:AccessDenied", "", "").is_access_denied());
        let timeout = fault("w:TimedOut", "", &format!("<f:WSManFault {F} Code=\"2150858793\"/>"));
        assert!(timeout.is_timeout() && timeout.code == Some(TIMED_OUT));
        assert!(fault("wsman:TimedOut", "", "").is_timeout());
        assert!(fault("w:EncodingLimit", "", "").is_too_large());
        assert_eq!(fault("a:ActionNotSupported", "no", "").code, None);
    }

    #[test]
    fn a_fault_of_soap_1_1_is_read() {
        let found = parse_fault(
            b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault>\
              <faultcode>w:AccessDenied</faultcode><faultstring> Not for\r\n you (0x80041003) </faultstring>\
              </s:Fault></s:Body></s:Envelope>",
        )
        .unwrap();
        assert_eq!(
            found,
            Fault {
                code: Some(HResult(0x8004_1003)),
                subcode: "AccessDenied".into(),
                message: "Not for you (0x80041003)".into(),
            }
        );
    }

    #[test]
    fn of_several_languages_one_is_taken() {
        let text = |other: &str| format!("Nein.</s:Text><s:Text/><s:Text xml:lang='{other}'>No.");
        let say = |xml: &str| {
            let german = fault("w:X", xml, "");
            assert!(!german.message.contains("Nein. No."));
            german.message
        };
        // The helper calls the first one English.
        assert_eq!(say(&text("de-DE")), "Nein.");
        let body = |other: &str| {
            format!(
                "<Envelope><Body><Fault><Reason><Text xml:lang='de-DE'>Nein.</Text><Text xml:lang='{other}'>No.</Text>\
                 </Reason></Fault></Body></Envelope>"
            )
        };
        assert_eq!(parse_fault(body("EN-gb").as_bytes()).unwrap().message, "No.");
        assert_eq!(parse_fault(body("eng").as_bytes()).unwrap().message, "Nein.");
    }

    #[test]
    fn a_deeper_transport_code_does_not_hide_a_specific_one() {
        let found = fault(
            "w:InternalError",
            "",
            &format!(
                "<f:WSManFault {F} Code=\"2147749911\"><f:Message><f:WSManFault Code=\"2150859010\"/></f:Message></f:WSManFault>"
            ),
        );
        assert_eq!(found.code, Some(HResult(0x8004_1017)));
        assert_eq!(found.message, "");
    }
}
