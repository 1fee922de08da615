//! What goes over the wire, sans-IO: requests become bytes, bytes become values or an error; never a panic.
//!
//! Strict in what is sent (what Windows' own client and pypsrp send, MS-WSMV), tolerant in what is accepted: elements are
//! matched by local name, so prefixes and the place of namespace declarations do not matter. Each parser here takes
//! bytes and returns a `Result`, which makes it a fuzz target as it is.

mod ccache;
mod challenge;
mod envelope;
mod fault;
mod multipart;
mod request;
mod response;
mod wrap_token;
mod xml;

pub use ccache::{CacheFormatError, CachedTicket, CredentialCache, Principal, parse_credential_cache};
pub use challenge::{Challenge, token_for};
pub use envelope::{Reply, parse_reply};
pub use fault::{Fault, parse_fault};
pub use multipart::{
    CONTENT_TYPE as SEALED_CONTENT_TYPE, SealedMessage, SealedWith, decode_sealed, encode_sealed, encode_sealed_with,
    is_sealed,
};
pub use request::{Argument, Batch, Request, RequestContext, enumerate, identify, invoke, pull, release};
pub use response::{
    EnumerateReply, EnumerationContext, Identity, Object, PropertyValue, parse_enumerate, parse_identify,
    parse_method_output,
};
pub use wrap_token::{token_overhead, turn_token};
pub use xml::{Element, decode_text, first_words, parse_document};

/// Namespaces of MS-WSMV 2.2.1 and DSP0226.
pub mod ns {
    /// SOAP 1.2.
    pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
    /// WS-Addressing, the 2004/08 version WS-Management uses.
    pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    /// The anonymous reply address.
    pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
    /// WS-Management (DSP0226).
    pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
    /// WS-Enumeration.
    pub const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
    /// Microsoft's extension of WS-Management.
    pub const MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
    /// Identify.
    pub const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
    /// The filter dialect for WQL.
    pub const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
    /// Where WMI classes live: followed by `/root/cimv2/CLASS`.
    pub const WMI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi";
}

/// Why bytes were not understood. None of the texts holds more than a few words of what was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are no text in UTF-8 or UTF-16.
    #[error("the answer is not text in UTF-8 or UTF-16")]
    NotText,
    /// More than a document may hold.
    #[error("the answer is larger than {limit} {unit}")]
    TooLarge {
        /// How much is allowed.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// The text is not well-formed XML.
    #[error("the answer is not well-formed XML at byte {position}: {detail}")]
    NotXml {
        /// Byte offset in the text.
        position: u64,
        /// What the XML reader says.
        detail: String,
    },
    /// A document type declaration, which SOAP 1.2 forbids (section 5).
    #[error("the answer carries a document type declaration, which SOAP forbids")]
    DocumentType,
    /// An XML document, but no SOAP envelope.
    #[error("the answer is <{root}>, not a SOAP envelope")]
    NotSoap {
        /// Local name of the root element.
        root: String,
    },
    /// A SOAP envelope with something else inside.
    #[error("the answer has {found} where {expected} belongs")]
    Unexpected {
        /// What should have been there.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// The reply belongs to another request.
    #[error("the answer relates to another request ({relates_to})")]
    WrongReply {
        /// The message it says it answers.
        relates_to: String,
    },
    /// The sealed message is not framed as MS-WSMV 2.2.9.1 says.
    #[error("the sealed answer is framed wrongly: {0}")]
    Framing(&'static str),
    /// The text inside a sealed message is not as long as its header says.
    #[error("the sealed answer holds {actual} bytes where its header says {declared}")]
    Length {
        /// As in the `OriginalContent` header.
        declared: usize,
        /// As unsealed.
        actual: usize,
    },
}
