//! The product list as a table for spreadsheets: which columns, which rows.

use egui::{Context, Ui};

use super::{Stay, answer_button, buttons, dialog_ui, note, paragraph};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words;
use crate::desktop::widgets::{plain_button, quiet_button};
use crate::model::Column;
use crate::workspace::USUAL_COLUMNS;

/// What was chosen.
#[derive(Debug)]
pub struct ExportTable {
    columns: Vec<Column>,
    every_row: bool,
}

impl ExportTable {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            every_row: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Export table", 640.0, |ui| {
            paragraph(
                ui,
                "Writes the product list as comma-separated values (CSV), for spreadsheets and scripts.",
            );
            self.rows_ui(ui, frame);
            self.columns_ui(ui);
            note(ui, "No product key is in it beyond the last five characters.");
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, !self.columns.is_empty(), "Export…") {
                    frame.send(Event::ExportTable {
                        columns: self.columns.clone(),
                        every_row: self.every_row,
                    });
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn rows_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        let view = &frame.answer.view;
        let rows = |n: usize| words::count(n, "row", "rows");
        ui.horizontal_wrapped(|ui| {
            let shown = format!("What the filter shows, {}", rows(view.rows));
            ui.radio_value(&mut self.every_row, false, shown);
            ui.radio_value(&mut self.every_row, true, format!("Everything, {}", rows(view.total)));
        });
    }

    fn columns_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.label("Columns");
            for (text, columns) in [("Usual", USUAL_COLUMNS), ("All", Column::ALL), ("None", &[])] {
                let button = quiet_button(ui, None, text).accessible_name(format!("{text} columns"));
                if button.clicked() {
                    self.columns = columns.to_vec();
                }
            }
        });
        ui.columns(3, |parts| {
            let each = Column::ALL.len().div_ceil(parts.len());
            for (ui, columns) in parts.iter_mut().zip(Column::ALL.chunks(each)) {
                ui.spacing_mut().interact_size.y = 22.0;
                ui.spacing_mut().item_spacing.y = 2.0;
                for column in columns {
                    let mut chosen = self.columns.contains(column);
                    if ui.checkbox(&mut chosen, column.heading()).changed() {
                        self.choose(*column, chosen);
                    }
                }
            }
        });
    }

    /// The columns of the file stand in the order in which they are offered.
    fn choose(&mut self, column: Column, chosen: bool) {
        let wanted = |c: &Column| {
            if *c == column { chosen } else { self.columns.contains(c) }
        };
        self.columns = Column::ALL.iter().copied().filter(wanted).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_the_file_as_they_are_offered() {
        let mut export = ExportTable::new(USUAL_COLUMNS);
        export.choose(Column::Network, true);
        export.choose(Column::Computer, false);
        export.choose(Column::Computer, true);
        assert_eq!(export.columns[..2], [Column::Computer, Column::Network]);
        export.choose(Column::Network, false);
        assert!(!export.columns.contains(&Column::Network));
    }
}
