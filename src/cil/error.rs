//! What can be wrong with a list, and where.

use std::fmt;

/// A list written by an older VAMT, told apart by its root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyFormat {
    /// Root `VamtStorage`.
    Vamt1,
    /// Root `SoftwareLicensingData`.
    Vamt2,
}

impl fmt::Display for LegacyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vamt1 => "VAMT 1.x",
            Self::Vamt2 => "VAMT 2.0",
        })
    }
}

/// Why a file was refused. Lines and columns count from 1; a column is a character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CilError {
    /// No bytes, or nothing but white space.
    #[error("the file is empty: it is no computer information list")]
    Empty,
    /// Neither UTF-8 nor UTF-16.
    #[error(
        "line {line}, column {column}: the file is not text in UTF-8 or UTF-16 from here on; it is damaged: take the copy it was made from, or its .bak"
    )]
    Encoding {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// A zero character, which no text has.
    #[error(
        "line {line}, column {column}: the file has zeros from here on, as files have that were being written when the power failed; take the copy it was made from, or its .bak"
    )]
    Zero {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// The file ends too early.
    #[error(
        "line {line}, column {column}: the file ends here, inside <{element}>: it is incomplete; take the copy it was made from, or its .bak"
    )]
    Truncated {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The innermost element that was not closed.
        element: String,
    },
    /// Not well-formed XML.
    #[error("line {line}, column {column}: this is not well-formed XML: {what}")]
    Syntax {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// XML, but of something else.
    #[error(
        "line {line}, column {column}: the root element <{found}> is not that of a computer information list (<VolumeActivationManagementToolData>, in lists of older versions <SoftwareLicensingData> or <VamtStorage>)"
    )]
    Root {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The root element found.
        found: String,
    },
    /// A document type declaration: no list has one, and it could be made to do harm.
    #[error(
        "line {line}, column {column}: a document type declaration (<!DOCTYPE>) is not allowed in a list: no VAMT writes one; take the file from where it was made"
    )]
    DocumentType {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// An entity beyond `lt`, `gt`, `amp`, `quot` and `apos`.
    #[error(
        "line {line}, column {column}: &{name}; is none of the five entities that XML defines: write the text itself in its place, and a plain & as &amp;"
    )]
    Entity {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// Its name, shortened.
        name: String,
    },
    /// Elements inside elements without end.
    #[error(
        "line {line}, column {column}: elements are nested more than {limit} deep: no list needs that; the file is damaged, take another copy of it"
    )]
    TooDeep {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The limit.
        limit: usize,
    },
    /// One value or tag is absurdly long.
    #[error(
        "line {line}, column {column}: <{element}> is longer than the {limit} bytes, or has more attributes, than a list may have there; the file is damaged, take another copy of it"
    )]
    TooLong {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The element.
        element: String,
        /// The limit.
        limit: usize,
    },
    /// More records, or parts of one record, than any list has.
    #[error(
        "line {line}, column {column}: the list has more than {limit} {what}: no list has; the file is damaged, take another copy of it"
    )]
    TooMany {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The watcher asked to stop.
    #[error("reading the list was cancelled")]
    Cancelled,
}

impl CilError {
    /// The error for a record beyond the limit.
    pub(super) fn too_many(text: &str, at: usize, what: &'static str) -> Self {
        let (line, column) = line_and_column(text, at);
        Self::TooMany {
            line,
            column,
            what,
            limit: super::values::MAX_RECORDS,
        }
    }
}

/// Something of a list that could not be used. The list was read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadWarning {
    /// Line in the file, counted from 1; 0 when no place can be named.
    pub line: usize,
    /// The row it concerns, in words (`Windows on pc1.example.com`); empty for the list as a whole.
    pub row: String,
    /// The element or attribute; empty when the whole row is meant.
    pub element: String,
    /// What is wrong and what was done about it. Never contains a product key.
    pub reason: String,
}

impl fmt::Display for LoadWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        for part in [&self.row, &self.element] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.reason)
    }
}

/// Line feeds in a piece of text.
#[expect(clippy::naive_bytecount, reason = "needed for messages only: not worth a dependency")]
pub(super) fn line_feeds(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b == b'\n').count()
}

/// Line and column (from 1) of a byte offset in `text`.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let line = line_feeds(before) + 1;
    // Continuation bytes of UTF-8 are not characters of their own.
    let column = before[line_start..].iter().filter(|b| **b & 0xC0 != 0x80).count() + 1;
    (line, column)
}
