//! Finding computers: what people name and what ranges answer, what the local network tells, Active Directory, and the
//! KMS hosts in DNS.
//!
//! Every source is an async function of a request, a [`Findings`] channel and a token that cancels it at once; it ends with a
//! summary. `..._cannot_see` says what it does not find and why, in words for people.

mod browse_list;
mod by_name;
pub mod directory;
mod found;
mod kms_dns;
mod knock;
mod list_file;
mod local;
mod names;
mod netbios;
mod pace;
mod resolver;
mod scan;
mod sockets;
mod ws_discovery;

pub use browse_list::{BrowseListError, BrowseListRequest, browse_list, browse_list_cannot_see, has_browse_list};
pub use by_name::{NamesRequest, NamesSummary, names_cannot_see, resolve_names};
pub use found::{FINDINGS_AHEAD, Finding, Findings, FoundComputer, Source};
pub use kms_dns::{
    Answers, Approval, Duplicate, KMS_DNS_COLUMNS, KMS_SERVICE, KmsDnsAudit, KmsDnsProgress, KmsDnsRequest, KmsRecord,
    SuffixOutcome, audit_kms_dns, kms_dns_cannot_see,
};
pub use knock::{Door, ResolveError, Sight, knock, resolve};
pub use list_file::{NoSuchColumn, decode_text, list_columns, parse_list_column, parse_list_file, unknown_columns};
pub use local::local_networks;
pub use names::{EXPANSION_LIMIT, FoundName, NameProblem, NameProblemKind, ParsedNames, parse_names};
pub use netbios::{
    NETBIOS_PORT, NetBiosCodecError, NetBiosError, NetBiosRequest, NetBiosSummary, NodeName, NodeStatus,
    encode_question, netbios, netbios_cannot_see, parse_answer,
};
pub use resolver::{DnsFailure, Resolver, ReverseName, ServiceRecord};
pub use scan::{
    SCAN_PORTS, SCAN_RATE, ScanError, ScanRequest, ScanSummary, addresses_of, named_in, scan, scan_cannot_see,
};
pub use ws_discovery::{
    DeviceMetadata, Offer, WS_DISCOVERY_PORT, WsDiscoveryCodecError, WsDiscoveryError, WsDiscoveryMessage,
    WsDiscoveryRequest, WsDiscoverySummary, parse_computer, parse_message, parse_metadata, ws_discovery,
    ws_discovery_cannot_see,
};
