//! The native format: VAMT 3 `.cilx`, with what VAMT has no element for in a namespace of our own.
//!
//! Facts: VAMT's shipped schema and data files. Every value is a child element; enumerations by name; dates as ISO 8601.
//! Two things the schema leaves open were decided here: result codes are written as signed decimal numbers (VAMT's
//! database keeps them in `int` columns; hexadecimal and unsigned are read, too), and action flags as a decimal number
//! (what both `Enum.Parse` and `Convert.ToInt32` read; names are read, too).

mod assemble;
mod client;
mod escape;
mod extra;
mod key;
mod out;
mod pieces;
mod product;
mod reader;
mod record;
mod redact;
mod saved;
mod scope;
mod write_records;
mod writer;

pub(super) use assemble::assemble;
pub(super) use client::ClientRecord;
pub(super) use key::KeyRecord;
pub(super) use pieces::Bulk;
pub(super) use product::ProductRecord;
pub(super) use reader::{Parsed, read_document};
pub(super) use record::{Context, MAX_WARNINGS, Record, element, push_attribute, sanitised, unusable};
pub(super) use redact::{has_key, masked};
pub(super) use writer::{Selection, write_document};

/// The namespace of our own elements and attributes.
pub const NAMESPACE: &str = "urn:makeeper:cil:1";
/// The prefix we write for it; any prefix is read.
pub(super) const PREFIX: &str = "mk";
/// Root element.
pub(super) const ROOT: &str = "VolumeActivationManagementToolData";
/// The element that holds the records.
pub(super) const DATA: &str = "SoftwareLicensingData";
/// `VamtVersion` of the VAMT whose format this is.
pub(super) const VAMT_VERSION: &str = "3.0.5.0";
/// The namespaces VAMT declares on its root.
pub(super) const VAMT_NAMESPACES: [(&str, &str); 2] = [
    ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("xmlns:xsd", "http://www.w3.org/2001/XMLSchema"),
];
/// Attribute of the root, in our namespace: which saved state of the list this is.
pub(super) const GENERATION: &str = "Generation";
/// Attributes of the root, in our namespace: to whom product keys are sealed, and the sealed identity that opens them.
pub(super) const SEALED_FOR: &str = "SealedFor";
/// See [`SEALED_FOR`].
pub(super) const SEALED_WITH: &str = "SealedWith";
