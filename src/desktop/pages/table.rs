//! The table: our own thin delegate on `egui_table`, which draws what is visible. Selection, keyboard, context menu and roles
//! are ours.

use std::borrow::Cow;
use std::collections::HashSet;

use egui::accesskit::{Role, SortDirection};
use egui::{
    Align2, Color32, Context, CursorIcon, EventFilter, Id, Key, Modifiers, Popup, Rect, Sense, Stroke, StrokeKind,
    TextStyle, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use egui_table::{CellInfo, HeaderCellInfo, HeaderRow, Table, TableDelegate, TableState};

use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::shell::{columns_ui, menu_item, ways_menu_ui};
use crate::desktop::state::columns::widths;
use crate::desktop::state::selection::{How, Step};
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{paint_text, region, status_look};
use crate::model::{Column, Failure, LicenseStatus, Line, RowView};

const HEADER: f32 = 32.0;
const PAD: f32 = 10.0;

/// The widget that holds the keyboard for the whole table.
pub(crate) fn focus_id() -> Id {
    Id::unique("product-table-focus")
}

const MENU: &[Option<Command>] = &[
    Some(Command::UpdateStatus),
    Some(Command::InstallKey),
    None,
    Some(Command::Activate),
    Some(Command::ProxyActivate),
    Some(Command::AcquireIds),
    Some(Command::ApplyIds),
    None,
    Some(Command::EditComputer),
    Some(Command::CopyRows),
    Some(Command::Export),
    None,
    Some(Command::Remove),
];

pub(crate) fn table_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let rect = ui.available_rect_before_wrap();
    region(ui, UiBuilder::new().max_rect(rect), Role::Table, "Products", |ui| {
        let rows = frame.answer.view.lines.len();
        let table_id = ui.unique_id();
        ui.ctx().accesskit_node_builder(table_id, |node| {
            node.set_row_count(rows);
            node.set_column_count(frame.screen.columns.len());
        });
        keyboard_ui(ui, frame, rect);
        let widths = widths(&frame.screen.columns, rect.width());
        let mut table = Table::new()
            .id_salt("products")
            .num_rows(rows as u64)
            .num_sticky_cols(1)
            .headers([HeaderRow::new(HEADER)])
            .columns(
                frame
                    .screen
                    .columns
                    .iter()
                    .zip(&widths)
                    .map(|(column, width)| {
                        egui_table::Column::new(*width)
                            .range(48.0..=900.0)
                            .id(column_id(*column))
                    })
                    .collect::<Vec<_>>(),
            );
        let wanted = frame.screen.columns.iter().copied().zip(widths).collect();
        give_widths(ui, table.get_id(ui), wanted);
        if let Some(line) = frame.screen.scroll_to {
            table = table.scroll_to_row(line as u64, None);
        }
        let mut delegate = Delegate::new(ui, frame);
        table.show(ui, &mut delegate);
        delegate.remember_hovered(ui);
    });
}

/// Widths are given, not measured: measuring would draw every column of the first rows once more. They follow the width of the
/// table until somebody drags a column.
fn give_widths(ui: &Ui, id: Id, wanted: Vec<(Column, f32)>) {
    let given_id = id.with("given");
    let given: Option<Vec<(Column, f32)>> = ui.data(|d| d.get_temp(given_id));
    let state = TableState::load(ui.ctx(), id);
    if let (Some(state), Some(given)) = (&state, &given) {
        let untouched = given.iter().all(|(column, width)| {
            let now = state.col_widths.get(&column_id(*column));
            now.is_none_or(|now| (now - width).abs() < 0.5)
        });
        if !untouched || *given == wanted {
            return;
        }
    }
    let mut state = state.unwrap_or_default();
    for (column, width) in &wanted {
        state.col_widths.insert(column_id(*column), *width);
    }
    state.store(ui.ctx(), id);
    ui.data_mut(|d| d.insert_temp(given_id, wanted));
}

fn column_id(column: Column) -> Id {
    Id::unique(("column", column.name()))
}

/// One invisible widget takes the focus of the table; rows and cells need none of their own.
fn keyboard_ui(ui: &mut Ui, frame: &Frame<'_>, rect: Rect) {
    let id = focus_id();
    let response = ui.interact(rect, id, Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::ListGrid, true, "Product rows"));
    if frame.screen.focus_list {
        response.request_focus();
    }
    if !response.has_focus() {
        return;
    }
    ui.memory_mut(|m| {
        m.set_focus_lock_filter(
            id,
            EventFilter {
                vertical_arrows: true,
                horizontal_arrows: false,
                tab: false,
                escape: false,
            },
        );
    });
    let page = ((rect.height() - HEADER) / theme::ROW).floor().max(2.0) as isize - 1;
    let steps = [
        (Key::ArrowDown, Step::By(1)),
        (Key::ArrowUp, Step::By(-1)),
        (Key::PageDown, Step::By(page)),
        (Key::PageUp, Step::By(-page)),
        (Key::Home, Step::First),
        (Key::End, Step::Last),
    ];
    ui.input_mut(|i| {
        for (key, step) in steps {
            let shift = i.consume_key(Modifiers::SHIFT, key);
            if shift || i.consume_key(Modifiers::NONE, key) {
                let how = How {
                    toggle: false,
                    extend: shift,
                };
                frame.send(Event::Step(step, how));
            }
        }
    });
}

struct Delegate<'a> {
    frame: &'a Frame<'a>,
    p: &'static Palette,
    focused: bool,
    /// The row under the pointer, as the last frame saw it: the two halves of a row light up together.
    hovered: Option<u64>,
    now_hovered: Option<u64>,
    /// Rows whose scrolling half is drawn; the other half, with the computer's name, then speaks for the row.
    halves: HashSet<u64>,
}

fn hovered_id() -> Id {
    Id::unique("product-table-hovered")
}

impl<'a> Delegate<'a> {
    fn new(ui: &Ui, frame: &'a Frame<'a>) -> Self {
        Self {
            frame,
            p: Palette::of(ui),
            focused: ui.memory(|m| m.has_focus(focus_id())),
            hovered: ui.data(|d| d.get_temp(hovered_id())).flatten(),
            now_hovered: None,
            halves: HashSet::new(),
        }
    }

    fn remember_hovered(&self, ui: &Ui) {
        if self.now_hovered != self.hovered {
            ui.data_mut(|d| d.insert_temp(hovered_id(), self.now_hovered));
            ui.ctx().request_repaint();
        }
    }

    fn line(&self, row: u64) -> Option<&'a Line> {
        self.frame.answer.view.lines.get(usize::try_from(row).ok()?)
    }

    fn view(&self, line: &Line) -> Option<RowView<'a>> {
        match line {
            Line::Row(row) => row.view(&self.frame.snapshot?.inventory),
            Line::Group { .. } => None,
        }
    }
}

/// Colour and text of a cell whose text alone would not do.
fn cell_color(column: Column, row: RowView<'_>, now: chrono::DateTime<chrono::Utc>, p: &Palette) -> Color32 {
    match column {
        Column::Product if row.product.is_none() => unreached(row).map_or(p.text_weak, |_| p.bad),
        Column::Computer | Column::Product => p.text,
        Column::LastAction => {
            let failed = row
                .product
                .and_then(|p| p.last_action.as_ref())
                .is_some_and(|a| a.failure.is_some())
                || row
                    .computer
                    .and_then(|c| c.contact.as_ref())
                    .is_some_and(|c| c.failure.is_some());
            if failed { p.bad } else { p.text_weak }
        }
        Column::Grace => match row.product.and_then(|p| p.days_left(now)) {
            Some(days) if days <= 7 => p.bad,
            Some(days) if days <= 30 => p.warn,
            _ => p.text_weak,
        },
        _ => p.text_weak,
    }
}

impl TableDelegate for Delegate<'_> {
    fn default_row_height(&self) -> f32 {
        theme::ROW
    }

    fn row_top_offset(&self, _ctx: &Context, _table: Id, row: u64) -> f32 {
        row as f32 * theme::ROW
    }

    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let Some(column) = self.frame.screen.columns.get(cell.group_index) else {
            return;
        };
        let (p, spec) = (self.p, &self.frame.screen.spec);
        let rect = ui.max_rect();
        let sorted = spec.sort == *column;
        let response = ui.interact(rect, ui.scope_id().with(column.name()), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, column.heading()));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            if sorted {
                node.set_sort_direction(if spec.descending {
                    SortDirection::Descending
                } else {
                    SortDirection::Ascending
                });
            }
        });
        let painter = ui.painter();
        let fill = if response.hovered() { p.hovered } else { p.raised };
        painter.rect_filled(rect, 0.0, fill);
        painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, p.line));
        let color = if sorted { p.text } else { p.text_weak };
        let mut text_rect = rect.shrink2(vec2(PAD, 0.0));
        if sorted {
            text_rect.max.x -= 16.0;
        }
        let galley = {
            let font = TextStyle::Small.resolve(ui.style());
            let mut job = egui::text::LayoutJob::simple_singleline(column.heading().to_owned(), font, color);
            job.wrap = egui::text::TextWrapping::truncate_at_width(text_rect.width());
            painter.layout_job(job)
        };
        let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), text_rect).min;
        let end = at.x + galley.size().x;
        painter.galley(at, galley, color);
        if sorted {
            let icon = if spec.descending { Icon::Down } else { Icon::Up };
            let at = pos2(end + 3.0, rect.center().y - 6.0);
            icon.paint(painter, Rect::from_min_size(at, vec2(12.0, 12.0)), p.accent);
        }
        let response = response.on_hover_cursor(CursorIcon::PointingHand);
        if response.clicked() {
            self.frame.send(Event::Sort(*column));
        }
        Popup::context_menu(&response)
            .width(220.0)
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| columns_ui(ui, self.frame));
    }

    fn row_ui(&mut self, ui: &mut Ui, row_nr: u64) {
        let Some(line) = self.line(row_nr) else { return };
        let p = self.p;
        let rect = ui.max_rect();
        let index = usize::try_from(row_nr).unwrap_or_default();
        let Line::Row(row) = line else {
            ui.painter().rect_filled(rect, 0.0, p.raised);
            return;
        };
        let selection = &self.frame.screen.selection;
        let selected = selection.rows().contains(*row);
        // Sticky and scrolling columns draw a half of the row each.
        let is_first_half = self.halves.insert(row_nr);
        let seen = rect.intersect(ui.clip_rect());
        let response = ui.interact(seen, ui.scope_id().with("row"), Sense::click());
        if response.contains_pointer() {
            self.now_hovered = Some(row_nr);
        }
        if !is_first_half {
            let view = self.view(line);
            response.widget_info(|| {
                let name = view.map_or_else(String::new, |v| row_name(v, self.frame.now));
                WidgetInfo::selected(Role::Row, true, selected, name)
            });
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_row_index(index);
                node.set_selected(selected);
            });
        }
        let painter = ui.painter();
        if selected {
            painter.rect_filled(rect, 0.0, p.selected);
        } else if self.hovered == Some(row_nr) {
            painter.rect_filled(rect, 0.0, p.hovered);
        }
        painter.hline(
            rect.x_range(),
            rect.bottom() - 0.5,
            Stroke::new(1.0, p.line.gamma_multiply(0.6)),
        );
        if self.focused && selection.cursor() == Some(*row) {
            painter.rect_stroke(rect.shrink(1.0), 2.0, Stroke::new(1.0, p.accent), StrokeKind::Inside);
        }
        if response.clicked() {
            let how = ui.input(|i| How {
                toggle: i.modifiers.command,
                extend: i.modifiers.shift,
            });
            self.frame.send(Event::Click(index, how));
        }
        if response.secondary_clicked() {
            self.frame.send(Event::PointAt(index));
        }
        Popup::context_menu(&response).width(280.0).show(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for item in MENU {
                match item {
                    Some(command) => {
                        menu_item(ui, self.frame, *command);
                        if *command == Command::EditComputer {
                            ways_menu_ui(ui, self.frame);
                        }
                    }
                    None => {
                        ui.separator();
                    }
                }
            }
        });
    }

    fn cell_ui(&mut self, ui: &mut Ui, cell: &CellInfo) {
        let Some(line) = self.line(cell.row_nr) else { return };
        let rect = ui.max_rect().shrink2(vec2(PAD, 0.0));
        if let Line::Group { label, rows } = line {
            if cell.col_nr == 0 {
                self.group_ui(ui, rect, label, *rows);
            }
            return;
        }
        let Some(column) = self.frame.screen.columns.get(cell.col_nr) else {
            return;
        };
        let Some(view) = self.view(line) else { return };
        let text = cell_text(*column, view, self.frame.now);
        if text.is_empty() {
            return;
        }
        let p = self.p;
        let mut text_rect = rect;
        let mut color = cell_color(*column, view, self.frame.now, p);
        if *column == Column::Status {
            let status = view.product.map_or(LicenseStatus::Unknown, |p| p.license_status);
            let (icon, ink) = status_look(status, p);
            let at = pos2(rect.left(), rect.center().y - 7.0);
            icon.paint(ui.painter(), Rect::from_min_size(at, vec2(14.0, 14.0)), ink);
            text_rect.min.x += 20.0;
            color = ink;
        }
        let mono = matches!(column, Column::Key | Column::Reason);
        let elided = paint_text(ui, text_rect, &text, color, mono);
        let seen = ui.max_rect().intersect(ui.clip_rect());
        let response = ui.interact(seen, ui.scope_id().with(cell.col_nr), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Cell, true, &text));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_column_index(cell.col_nr);
        });
        let whole = column.text(view, self.frame.now);
        if *column == Column::LastAction && whole != text {
            response.on_hover_text(words::sentence(&whole));
        } else if elided {
            response.on_hover_text(&*text);
        }
    }
}

impl Delegate<'_> {
    fn group_ui(&self, ui: &Ui, rect: Rect, label: &str, rows: usize) {
        let p = self.p;
        let label = if label.is_empty() { "(nothing)" } else { label };
        let text = format!("{label}  {}", words::number(rows));
        let font = theme::strong().resolve(ui.style());
        // A heading is as long as it is; it may run over the first column.
        let painter = ui.painter().with_clip_rect(ui.clip_rect());
        painter.text(
            pos2(rect.left(), rect.center().y),
            Align2::LEFT_CENTER,
            &text,
            font,
            p.text,
        );
        let id = ui.scope_id().with("group");
        let response = ui.interact(rect, id, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::RowHeader, true, &text));
    }
}

/// What a cell shows: the column's text, completed where blank would be a riddle.
fn cell_text(column: Column, view: RowView<'_>, now: chrono::DateTime<chrono::Utc>) -> Cow<'_, str> {
    match column {
        Column::Computer if view.computer.is_none() => "(no name)".into(),
        Column::Product if view.product.is_none() => match unreached(view) {
            Some(failure) => format!("({})", words::cause(failure)).into(),
            None => "(not collected yet)".into(),
        },
        Column::LastAction => words::last_action(view.last_action()).into(),
        _ => column.text(view, now),
    }
}

/// Why the computer of a row could not be asked.
fn unreached(view: RowView<'_>) -> Option<&Failure> {
    view.computer?.contact.as_ref()?.failure.as_deref()
}

/// What a screen reader says of a row.
fn row_name(view: RowView<'_>, now: chrono::DateTime<chrono::Utc>) -> String {
    let part = |column| cell_text(column, view, now);
    format!(
        "{}, {}, {}",
        part(Column::Computer),
        part(Column::Product),
        part(Column::Status)
    )
}
