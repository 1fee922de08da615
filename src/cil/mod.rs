//! Computer Information List files: reading, writing, exporting, importing, and the store that keeps an open list safe.
//!
//! Everything but [`store`] is pure: bytes in, values out.

mod cilx;
mod encoding;
mod error;
mod export;
pub mod import;
mod journal;
mod legacy;
pub mod seal;
pub mod store;
mod values;
mod vamt1;
mod vamt2;
mod xml;

use std::io::{self, Write};
use std::ops::ControlFlow;

use uuid::Uuid;

use crate::model::{Change, Inventory};

pub use cilx::NAMESPACE;
pub use error::{CilError, LegacyFormat, LoadWarning};
pub use export::{ExportProfile, export};

/// How far reading has come, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Told how far reading has come, from any thread; answers whether to go on.
pub type Watch<'a> = dyn Fn(Progress) -> ControlFlow<()> + Sync + 'a;

/// A list as read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The list.
    pub inventory: Inventory,
    /// What could not be used, in the order of the file; at most 10,000.
    pub warnings: Vec<LoadWarning>,
    /// How many warnings were left off.
    pub more_warnings: usize,
    /// Which saved state of the list this is; `None` in files that the store did not write.
    pub generation: Option<Uuid>,
    /// Which older VAMT wrote the file; `None` for the native format.
    pub legacy: Option<LegacyFormat>,
}

/// Reads a list of any size. See [`read_with`].
pub fn read(bytes: &[u8]) -> Result<Loaded, CilError> {
    read_with(bytes, &|_| ControlFlow::Continue(()))
}

/// Reads a list of any VAMT, recognised by its content: UTF-8 or UTF-16, children in any order, values as elements or
/// attributes. What it has that we have no field for is kept; a value that makes no sense never refuses the file, it
/// becomes a warning.
pub fn read_with(bytes: &[u8], watch: &Watch<'_>) -> Result<Loaded, CilError> {
    let text = encoding::decode(bytes)?;
    match root_format(&text) {
        Some(LegacyFormat::Vamt1) => vamt1::read_document(&text, watch),
        Some(LegacyFormat::Vamt2) => vamt2::read_document(&text, watch),
        None => cilx::read_document(&text, watch),
    }
}

/// Which older VAMT wrote a file; `None` if none did, whatever else it is.
pub fn legacy_format(bytes: &[u8]) -> Option<LegacyFormat> {
    root_format(&encoding::decode(bytes).ok()?)
}

/// The readable changes of a journal, in their order, and how many of its lines are not readable: what can be had from one
/// that was laid aside. The store recovers by itself what belongs to a list.
pub fn journal_changes(bytes: &[u8]) -> (Vec<Change>, usize) {
    let decoded = journal::decode(bytes);
    let unreadable = decoded.damaged + usize::from(decoded.torn);
    (decoded.changes().cloned().collect(), unreadable)
}

fn root_format(text: &str) -> Option<LegacyFormat> {
    match xml::Cursor::at(text, 0).child().ok()? {
        xml::Child::Open(root) if root.name == vamt1::ROOT => Some(LegacyFormat::Vamt1),
        xml::Child::Open(root) if root.name == vamt2::ROOT => Some(LegacyFormat::Vamt2),
        _ => None,
    }
}

/// Writes a whole list as the store keeps it: everything, keys included; sealed, if the list has a seal.
///
/// `generation` names this state of the list, so that a journal can say which state it continues. Fails only if `out` does.
pub fn write(inventory: &Inventory, generation: Option<Uuid>, out: &mut dyn Write) -> io::Result<()> {
    let selection = cilx::Selection {
        profile: ExportProfile::Full,
        only: None,
        generation,
        sealed: true,
    };
    cilx::write_document(inventory, selection, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In tests the limits are low, so that a list beyond them is not a gigabyte.
    #[test]
    fn a_list_with_more_records_than_any_list_has_is_refused_with_the_place() {
        let native = |container: &str, record: &str| {
            let records = format!("{record}\n").repeat(values::MAX_RECORDS + 5);
            format!(
                "<VolumeActivationManagementToolData><SoftwareLicensingData><{container}>{records}</{container}>\
                 </SoftwareLicensingData></VolumeActivationManagementToolData>"
            )
        };
        let many = |record: &str| format!("{record}\n").repeat(values::MAX_RECORDS + 5);
        let products = many("<Product/>");
        let lists = [
            native("Products", "<Product/>"),
            native("Products", "<x/>"),
            native("ProductKeys", "<ProductKey/>"),
            native("VolumeActivationClients", "<x/>"),
            format!(
                "<SoftwareLicensingData><ProductKeys>{}</ProductKeys></SoftwareLicensingData>",
                many("<ProductKey/>")
            ),
            format!(
                "<SoftwareLicensingData><Computers><Computer><Products>{products}</Products></Computer></Computers>\
                 </SoftwareLicensingData>"
            ),
            format!(
                "<VamtStorage><MachineInformationList><Machine>{}</Machine></MachineInformationList></VamtStorage>",
                many("<LicenseInformation/>")
            ),
        ];
        for list in lists {
            let start: String = list.chars().take(120).collect();
            let error = read(list.as_bytes()).map(drop).unwrap_err();
            let CilError::TooMany { line, .. } = error else {
                panic!("{error:?} for {start}");
            };
            assert!(line >= 1, "{start}");
            assert!(error.to_string().contains("no list has"), "{error}");
        }
    }
}
