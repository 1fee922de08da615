//! `list` and `explain`: reading only.

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::args::{Explain, List};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::output::{Table, counted, tell};
use crate::model::{Column, Line, View, ViewSpec};
use crate::workspace::{Mode, catalogue};

const USUAL_COLUMNS: &[Column] = &[
    Column::Computer,
    Column::Product,
    Column::KeyType,
    Column::Key,
    Column::Status,
    Column::Grace,
    Column::Updated,
    Column::LastAction,
];

fn column(name: &str) -> Result<Column, CliError> {
    Column::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Column::ALL.iter().map(|c| c.name()).collect();
        CliError::usage(format!("{name:?} is not a column; columns are {}", names.join(", ")))
    })
}

pub(super) fn list(context: &mut Context, args: &List) -> Result<Exit, CliError> {
    let columns = match args.columns.as_slice() {
        [] => USUAL_COLUMNS.to_vec(),
        names => names.iter().map(|n| column(n)).collect::<Result<_, _>>()?,
    };
    let (sort, descending) = match args.sort.strip_prefix('-') {
        Some(name) => (column(name)?, true),
        None => (column(&args.sort)?, false),
    };
    let workspace = context.open(&args.list, Mode::ReadOnly)?;
    let snapshot = workspace.snapshot();
    let now = Utc::now();
    let spec = ViewSpec {
        filter: args.selection.select.clone().unwrap_or_default(),
        sort,
        descending,
        group_by: None,
    };
    let view = View::compute(&snapshot.inventory, &spec, now);
    let rows = view.lines.iter().filter_map(|line| match line {
        Line::Row(row) => row.view(&snapshot.inventory),
        Line::Group { .. } => None,
    });
    if args.csv {
        let mut writer = csv::Writer::from_writer(&mut context.out);
        // `Out` swallows what a closed pipe refuses, and tells of other errors itself.
        let _ = writer.write_record(columns.iter().map(|c| c.name()));
        for row in rows {
            let _ = writer.write_record(columns.iter().map(|c| spreadsheet_safe(&c.text(row, now))));
        }
        let _ = writer.flush();
    } else if args.json {
        for row in rows {
            let cells = columns
                .iter()
                .map(|c| (c.name().to_owned(), Value::from(c.text(row, now).as_ref())));
            context.out.json(&Value::Object(cells.collect::<Map<_, _>>()));
        }
        context
            .out
            .json(&json!({ "summary": "Products", "total": view.total, "shown": view.rows }));
    } else {
        let mut table = Table::new(columns.iter().map(|c| c.heading()));
        for row in rows {
            table.row(columns.iter().map(|c| c.text(row, now)));
        }
        table.print(&mut context.out);
        context
            .out
            .line(format!("{} of {}", view.rows, counted(view.total, "row")));
    }
    Ok(Exit::Done)
}

/// Cells that a spreadsheet would take for a formula are shown as text.
fn spreadsheet_safe(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

pub(super) fn explain(context: &mut Context, args: &Explain) -> Exit {
    let mut found = 0;
    for (i, code) in args.code.iter().enumerate() {
        let Some(entry) = catalogue::find(code) else {
            tell(format!(
                "{code:?} is not in the error catalogue: codes look like 0xC004F074, -1073418124, 0x7F or SL_E_..."
            ));
            continue;
        };
        found += 1;
        if args.json {
            context.out.json(&json!({
                "code": entry.code,
                "constant": entry.constant,
                "message": entry.message,
                "cause": entry.cause,
                "remedy": entry.remedy,
                "inferred": entry.is_inferred(),
            }));
            continue;
        }
        if i > 0 {
            context.out.line("");
        }
        let heading = match entry.constant.as_str() {
            "" => entry.code.clone(),
            constant => format!("{}  {constant}", entry.code),
        };
        context.out.line(heading);
        for (label, text) in [
            ("Message", &entry.message),
            ("Cause", &entry.cause),
            ("Remedy", &entry.remedy),
        ] {
            if !text.is_empty() {
                context.out.line(format!("{label}: {text}"));
            }
        }
        if entry.is_inferred() {
            context.out.line("This meaning is inferred, not documented.");
        }
    }
    match (found, args.code.len()) {
        (0, _) => Exit::Nothing,
        (n, all) if n < all => Exit::SomeFailed,
        _ => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_shown_as_text() {
        assert_eq!(spreadsheet_safe("=1+1"), "'=1+1");
        assert_eq!(spreadsheet_safe("LAB-PC-1"), "LAB-PC-1");
    }
}
