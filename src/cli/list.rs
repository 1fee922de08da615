//! `list` and `explain`: reading only.

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::args::{Explain, List};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::output::{Table, counted, tell};
use crate::model::{Column, Line, View, ViewSpec};
use crate::workspace::{Mode, USUAL_COLUMNS, catalogue, write_table};

fn column(name: &str) -> Result<Column, CliError> {
    Column::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Column::ALL.iter().map(|c| c.name()).collect();
        CliError::usage(format!("{name:?} is not a column; columns are {}", names.join(", ")))
    })
}

/// The columns with these names; the usual ones when none is named.
pub(super) fn columns(names: &[String]) -> Result<Vec<Column>, CliError> {
    match names {
        [] => Ok(USUAL_COLUMNS.to_vec()),
        names => names.iter().map(|n| column(n)).collect(),
    }
}

/// The column to sort by, and whether downwards.
pub(super) fn sorting(text: &str) -> Result<(Column, bool), CliError> {
    match text.strip_prefix('-') {
        Some(name) => Ok((column(name)?, true)),
        None => Ok((column(text)?, false)),
    }
}

pub(super) fn list(context: &mut Context, args: &List) -> Result<Exit, CliError> {
    let columns = columns(&args.columns)?;
    let (sort, descending) = sorting(&args.sort)?;
    let workspace = context.open(&args.list, Mode::ReadOnly, false)?;
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
        // `Out` swallows what a closed pipe refuses, and tells of other errors itself.
        let _ = write_table(&snapshot.inventory, &view, &columns, now, &mut context.out);
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
