//! The product list as comma-separated values, for spreadsheets and scripts.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use super::transfer::atomically;
use super::{Workspace, WorkspaceError};
use crate::model::{Column, ConfirmationId, InstallationId, Inventory, Line, RowView, View, ViewSpec};

/// The columns of a table whose columns nobody chose.
pub const USUAL_COLUMNS: &[Column] = &[
    Column::Computer,
    Column::Product,
    Column::KeyType,
    Column::Key,
    Column::Status,
    Column::Grace,
    Column::Updated,
    Column::LastAction,
];

/// What writing a table wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// The file.
    pub path: PathBuf,
    /// Rows below the heading.
    pub rows: usize,
}

impl Workspace {
    /// Writes the rows of `spec` with these columns to a CSV file, whole or not at all. Blocks on the disk.
    ///
    /// UTF-8 with byte order mark and CRLF, as spreadsheets expect it; the first line holds the names of the columns. No
    /// product key is in it: only the last five characters are a column.
    pub fn export_table(&self, out: &Path, columns: &[Column], spec: &ViewSpec) -> Result<TableReport, WorkspaceError> {
        self.refuse_itself(out)?;
        let inventory = self.inventory();
        let now = Utc::now();
        let view = View::compute(&inventory, spec, now);
        atomically(out, |file| {
            file.write_all("\u{feff}".as_bytes())?;
            write_table(&inventory, &view, columns, now, file)
        })
        .map_err(|source| WorkspaceError::Write {
            path: out.to_owned(),
            source,
        })?;
        self.log(format!("Wrote {} rows to {}", view.rows, out.display()));
        Ok(TableReport {
            path: out.to_owned(),
            rows: view.rows,
        })
    }
}

impl Workspace {
    /// Writes rows with their headings to a CSV file, whole or not at all, as [`Workspace::export_table`] does. Blocks on the
    /// disk.
    pub fn export_rows(
        &self,
        out: &Path,
        headings: &[&str],
        rows: &[Vec<String>],
    ) -> Result<TableReport, WorkspaceError> {
        self.refuse_itself(out)?;
        atomically(out, |file| {
            file.write_all("\u{feff}".as_bytes())?;
            write_csv(file, headings, rows)
        })
        .map_err(|source| WorkspaceError::Write {
            path: out.to_owned(),
            source,
        })?;
        self.log(format!("Wrote {} rows to {}", rows.len(), out.display()));
        Ok(TableReport {
            path: out.to_owned(),
            rows: rows.len(),
        })
    }
}

/// Writes a view as comma-separated values: names of the columns, then the rows. Groups of the view are left out.
pub fn write_table(
    inventory: &Inventory,
    view: &View,
    columns: &[Column],
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(columns.iter().map(|c| c.name()))?;
    for line in &view.lines {
        let Line::Row(row) = line else { continue };
        let Some(row) = row.view(inventory) else { continue };
        writer.write_record(columns.iter().map(|c| cell(*c, row, now).into_owned()))?;
    }
    writer.flush()
}

/// Writes texts as comma-separated values for spreadsheets and programs: the headings, then the rows. What a spreadsheet would
/// take for a formula shows as text.
pub fn write_csv(out: &mut dyn Write, headings: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(headings)?;
    for row in rows {
        let safe = row
            .iter()
            .map(|cell| without_controls(spreadsheet_safe(cell.as_str().into())).into_owned());
        writer.write_record(safe)?;
    }
    writer.flush()
}

fn cell(column: Column, row: RowView<'_>, now: DateTime<Utc>) -> Cow<'_, str> {
    // Programs count for themselves: the end of the grace period and the time of the update, not what is left or past.
    let time = match column {
        Column::Grace => Some(row.product.and_then(|p| p.grace_expires)),
        Column::Updated => Some(row.product.and_then(|p| p.status_updated)),
        _ => None,
    };
    if let Some(time) = time {
        let iso = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
        return time.map(iso).unwrap_or_default().into();
    }
    // A spreadsheet would take the bare digits for a number and keep 15 of them.
    let grouped = match (column, row.product) {
        (Column::InstallationId, Some(product)) => product.installation_id.as_ref().map(InstallationId::grouped),
        (Column::ConfirmationId, Some(product)) => product
            .usable_confirmation()
            .map(|c| ConfirmationId::grouped(&c.confirmation_id)),
        _ => None,
    };
    match grouped {
        Some(text) => text.into(),
        None => without_controls(spreadsheet_safe(column.text(row, now))),
    }
}

/// A table may end in a terminal, and a name that begins an escape sequence is no name.
fn without_controls(cell: Cow<'_, str>) -> Cow<'_, str> {
    if cell.contains(char::is_control) {
        cell.replace(char::is_control, " ").into()
    } else {
        cell
    }
}

/// A cell that a spreadsheet would take for a formula, with an apostrophe before it, so that it shows as text.
fn spreadsheet_safe(cell: Cow<'_, str>) -> Cow<'_, str> {
    // Some spreadsheets read the wide forms of East Asian keyboards like the narrow ones.
    const FORMULA: [char; 11] = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    if cell.starts_with(FORMULA) {
        format!("'{cell}").into()
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_programs() {
        use crate::model::{ApplicationId, Change, ComputerId, Product, ProductId};

        let id = ProductId::derive(ComputerId::from_name("pc"), ApplicationId::WINDOWS, None);
        let mut product = Product::new(id, None, ApplicationId::WINDOWS);
        product.grace_expires = DateTime::from_timestamp(1_800_000_000, 0);
        let mut inventory = Inventory::default();
        inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
        let now = Utc::now();
        let view = View::compute(&inventory, &ViewSpec::default(), now);
        let mut out = Vec::new();
        write_table(&inventory, &view, &[Column::Grace, Column::Updated], now, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "grace,updated\r\n2027-01-15T08:00:00Z,\r\n"
        );
    }

    #[test]
    fn control_characters_are_blanks() {
        assert_eq!(without_controls("a\u{1b}[31m\u{9b}b\r\nc".into()), "a [31m b  c");
    }

    #[test]
    fn formulas_are_shown_as_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\u{ff1d}1"] {
            assert_eq!(spreadsheet_safe(formula.into()), format!("'{formula}"));
        }
        for text in ["LAB-PC-1", "", "a=b", "'=1"] {
            assert_eq!(spreadsheet_safe(text.into()), text);
        }
    }
}
