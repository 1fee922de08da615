//! The messages of WS-Discovery (2005/04) and the metadata of a device (WS-MetadataExchange, DPWS). Pure: bytes in, values
//! out.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use crate::model::{Network, NetworkKind};

/// Deeper documents are refused: metadata is ten levels deep.
const MAX_DEPTH: usize = 32;
/// Documents with more elements are refused: metadata has some thirty.
const MAX_ELEMENTS: usize = 2_000;
/// Longer texts are refused: the longest is a list of addresses.
const MAX_TEXT: usize = 8 * 1024;
/// Devices in one answer that are looked at; Windows sends one.
const MAX_OFFERS: usize = 16;

const DISCOVERY: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const TRANSFER_GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";

/// Why bytes are no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not XML.
    #[error("the answer is no XML: {0}")]
    Xml(String),
    /// Too large or too deep.
    #[error("the answer is nested too deeply or too large")]
    TooLarge,
    /// XML, but something else.
    #[error("the answer is not the expected message: {0} is missing")]
    Missing(&'static str),
}

/// A device that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// Its identity, a `urn:uuid:`.
    pub endpoint: String,
    /// What it says it is, without prefixes: `Device`, `Computer`.
    pub types: Vec<String>,
    /// Where its metadata is to be had.
    pub addresses: Vec<String>,
}

impl Offer {
    /// It is a computer, not a printer.
    pub fn is_computer(&self) -> bool {
        self.types.iter().any(|t| t == "Computer")
    }
}

/// An answer to a question of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number of the question.
    pub relates_to: String,
    /// The devices, of `ProbeMatches` or `ResolveMatches`.
    pub offers: Vec<Offer>,
}

/// What a device tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceMetadata {
    /// The computer's name; empty when it does not tell.
    pub computer: String,
    /// Its domain or workgroup.
    pub network: Network,
    /// E.g. `Microsoft Publication Service Device Host`.
    pub friendly_name: String,
}

fn envelope(action: &str, to: &str, message_id: &str, extra_header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:wsd=\"{DISCOVERY}\" xmlns:wsdp=\"http://schemas.xmlsoap.org/ws/2006/02/devprof\">\
         <soap:Header><wsa:To>{}</wsa:To><wsa:Action>{action}</wsa:Action>\
         <wsa:MessageID>{}</wsa:MessageID>{extra_header}</soap:Header>\
         <soap:Body>{body}</soap:Body></soap:Envelope>",
        escape(to),
        escape(message_id)
    )
}

/// The question to everybody: which devices are there. Windows' own network view asks the same; a question for computers
/// alone is one that not all of them understand.
pub fn encode_probe(message_id: &str) -> String {
    envelope(
        &format!("{DISCOVERY}/Probe"),
        "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
        message_id,
        "",
        "<wsd:Probe><wsd:Types>wsdp:Device</wsd:Types></wsd:Probe>",
    )
}

/// The question where the metadata of a device is to be had.
pub fn encode_resolve(message_id: &str, endpoint: &str) -> String {
    let body = format!(
        "<wsd:Resolve><wsa:EndpointReference><wsa:Address>{}</wsa:Address></wsa:EndpointReference></wsd:Resolve>",
        escape(endpoint)
    );
    envelope(
        &format!("{DISCOVERY}/Resolve"),
        "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
        message_id,
        "",
        &body,
    )
}

/// The question for the metadata of a device.
pub fn encode_get(message_id: &str, endpoint: &str) -> String {
    let reply_to = format!(
        "<wsa:ReplyTo><wsa:Address>{ANONYMOUS}</wsa:Address></wsa:ReplyTo><wsa:From><wsa:Address>{}</wsa:Address></wsa:From>",
        escape(message_id)
    );
    envelope(TRANSFER_GET, endpoint, message_id, &reply_to, "")
}

/// Reads a `ProbeMatches` or `ResolveMatches` message.
pub fn parse_message(bytes: &[u8]) -> Result<Message, CodecError> {
    let mut relates_to = String::new();
    let mut offers: Vec<Offer> = Vec::new();
    let mut is_answer = false;
    walk(bytes, |path, what| match (path, what) {
        ([.., "ProbeMatches" | "ResolveMatches"], Seen::Start) => is_answer = true,
        ([.., "ProbeMatch" | "ResolveMatch"], Seen::Start) if offers.len() < MAX_OFFERS => {
            offers.push(Offer::default());
        }
        ([.., "Header", "RelatesTo"], Seen::Text(text)) => text.clone_into(&mut relates_to),
        ([.., "ProbeMatch" | "ResolveMatch", field], Seen::Text(text)) => {
            let Some(offer) = offers.last_mut() else { return };
            let words = text.split_whitespace();
            match *field {
                "Types" => {
                    let local = |t: &str| t.rsplit(':').next().unwrap_or_default().to_owned();
                    offer.types = words.map(local).collect();
                }
                "XAddrs" => offer.addresses = words.map(str::to_owned).collect(),
                _ => {}
            }
        }
        ([.., "ProbeMatch" | "ResolveMatch", "EndpointReference", "Address"], Seen::Text(text)) => {
            if let Some(offer) = offers.last_mut() {
                text.clone_into(&mut offer.endpoint);
            }
        }
        _ => {}
    })?;
    if !is_answer {
        return Err(CodecError::Missing("ProbeMatches"));
    }
    if relates_to.is_empty() {
        return Err(CodecError::Missing("RelatesTo"));
    }
    offers.retain(|offer| !offer.endpoint.is_empty());
    Ok(Message { relates_to, offers })
}

/// Reads the metadata of a device.
pub fn parse_metadata(bytes: &[u8]) -> Result<DeviceMetadata, CodecError> {
    let mut metadata = DeviceMetadata::default();
    let mut is_metadata = false;
    walk(bytes, |path, what| match (path, what) {
        ([.., "Metadata"], Seen::Start) => is_metadata = true,
        // `Computer` stands beside `Types` inside the host of the relationship.
        ([.., "Host", "Computer"], Seen::Text(text)) if metadata.computer.is_empty() => {
            (metadata.computer, metadata.network) = parse_computer(text);
        }
        ([.., "ThisDevice", "FriendlyName"], Seen::Text(text)) if metadata.friendly_name.is_empty() => {
            text.clone_into(&mut metadata.friendly_name);
        }
        _ => {}
    })?;
    if is_metadata {
        Ok(metadata)
    } else {
        Err(CodecError::Missing("Metadata"))
    }
}

/// Reads what a computer says of itself: `NAME/Workgroup:GROUP`, `NAME/Domain:DOMAIN` or `NAME\NotJoined`.
pub fn parse_computer(text: &str) -> (String, Network) {
    let (name, rest) = text.split_once(['/', '\\']).unwrap_or((text, ""));
    let (kind, group) = match rest.split_once(':') {
        Some((kind, group)) if kind.trim().eq_ignore_ascii_case("workgroup") => (NetworkKind::Workgroup, group.trim()),
        Some((kind, group)) if kind.trim().eq_ignore_ascii_case("domain") => (NetworkKind::Domain, group.trim()),
        _ => (NetworkKind::None, ""),
    };
    let network = Network {
        kind: if group.is_empty() { NetworkKind::None } else { kind },
        name: group.into(),
    };
    (name.trim().to_owned(), network)
}

enum Seen<'a> {
    /// The element begins.
    Start,
    /// It ends, and this is its text without blanks around it. Not told of elements without text.
    Text(&'a str),
}

/// Walks through a document, with the local names from the root down to where it is.
fn walk(bytes: &[u8], mut see: impl FnMut(&[&str], Seen<'_>)) -> Result<(), CodecError> {
    let text = std::str::from_utf8(bytes).map_err(|e| CodecError::Xml(e.to_string()))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let mut path: Vec<String> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let mut count = 0_usize;
    let told = |path: &[String], see: &mut dyn FnMut(&[&str], Seen<'_>), what: Seen<'_>| {
        see(&path.iter().map(String::as_str).collect::<Vec<_>>(), what);
    };
    loop {
        let event = reader.read_event();
        // What is wrong may quote a whole tag of whoever answered.
        let wrong = |e: quick_xml::Error| e.to_string().chars().take(200).collect::<String>();
        match event.map_err(|e| CodecError::Xml(format!("{} at byte {}", wrong(e), reader.error_position())))? {
            Event::Start(start) => {
                count += 1;
                if path.len() >= MAX_DEPTH || count > MAX_ELEMENTS {
                    return Err(CodecError::TooLarge);
                }
                path.push(start.local_name().into_inner().to_owned());
                texts.push(String::new());
                told(&path, &mut see, Seen::Start);
            }
            Event::Empty(start) => {
                count += 1;
                if path.len() >= MAX_DEPTH || count > MAX_ELEMENTS {
                    return Err(CodecError::TooLarge);
                }
                path.push(start.local_name().into_inner().to_owned());
                told(&path, &mut see, Seen::Start);
                path.pop();
            }
            Event::End(_) => {
                let text = texts.pop().unwrap_or_default();
                if !text.trim().is_empty() {
                    told(&path, &mut see, Seen::Text(text.trim()));
                }
                path.pop();
            }
            Event::Text(text) => push_text(&mut texts, &text)?,
            Event::CData(data) => push_text(&mut texts, &data)?,
            Event::GeneralRef(reference) => {
                let resolved = match &*reference {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                let resolved = resolved.ok_or_else(|| CodecError::Xml("it has an unknown entity".to_owned()))?;
                push_text(&mut texts, resolved.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(CodecError::Xml("it declares a document type".to_owned())),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(CodecError::Xml("it ends in the middle of an element".to_owned())),
        }
    }
}

fn push_text(texts: &mut [String], text: &str) -> Result<(), CodecError> {
    if let Some(open) = texts.last_mut() {
        if open.len() + text.len() > MAX_TEXT {
            return Err(CodecError::TooLarge);
        }
        open.push_str(text);
    }
    Ok(())
}
