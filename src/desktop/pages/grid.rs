//! A table that draws what is visible, for pages whose rows are no rows of the list: roles, keyboard and headings that sort.

use egui::accesskit::{Role, SortDirection};
use egui::{
    Align2, CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Response, ScrollArea, Sense, Stroke, StrokeKind,
    TextStyle, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::desktop::icons::Icon;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{paint_text, region};

const HEADER: f32 = 32.0;
const PAD: f32 = 10.0;
/// The place of the box that ticks a row.
const TICK: f32 = 34.0;

/// A column.
pub(crate) struct GridColumn<'a> {
    /// Its heading.
    pub heading: &'a str,
    /// Its share of the width, and the least that it takes.
    pub share: f32,
    /// In points.
    pub least: f32,
}

/// What is shown.
pub(crate) struct Grid<'a> {
    /// For those who cannot see it.
    pub name: &'a str,
    /// Its columns.
    pub columns: &'a [GridColumn<'a>],
    /// Number of rows.
    pub rows: usize,
    /// The column that sorts, and whether from the end.
    pub sort: Option<(usize, bool)>,
    /// The row under the keyboard.
    pub cursor: usize,
    /// Rows can be ticked.
    pub ticks: bool,
}

/// What a person did.
pub(crate) enum GridAction {
    /// A heading was pressed.
    Sort(usize),
    /// The keyboard or a click went to this row.
    Cursor(usize),
    /// This row is ticked from now on, or not.
    Tick(usize, bool),
}

/// A row as it is drawn.
pub(crate) struct GridRow {
    /// The texts of its cells.
    pub cells: Vec<String>,
    /// A symbol before the text of a column, with its colour.
    pub symbol: Option<(usize, Icon, egui::Color32)>,
    /// It is ticked.
    pub ticked: bool,
    /// It can be.
    pub tickable: bool,
}

impl Grid<'_> {
    fn id(&self) -> Id {
        Id::unique(("grid", self.name))
    }

    /// Draws it; `row` gives what is in sight.
    pub fn ui(&self, ui: &mut Ui, row: impl Fn(usize) -> Option<GridRow>) -> Vec<GridAction> {
        let mut actions = Vec::new();
        let rect = ui.available_rect_before_wrap();
        region(ui, UiBuilder::new().max_rect(rect), Role::Table, self.name, |ui| {
            let id = ui.unique_id();
            ui.ctx().accesskit_node_builder(id, |node| {
                node.set_row_count(self.rows);
                node.set_column_count(self.columns.len());
            });
            let moved = self.keyboard_ui(ui, rect, &row, &mut actions);
            let least: f32 = self.columns.iter().map(|c| c.least).sum::<f32>() + self.left();
            ScrollArea::horizontal()
                .id_salt(self.id())
                .auto_shrink([false, false])
                .show(ui, |ui| {
                    let width = ui.available_width().max(least);
                    ui.set_width(width);
                    let widths = self.widths(width);
                    ui.spacing_mut().item_spacing.y = 0.0;
                    self.header_ui(ui, &widths, &mut actions);
                    let mut area = ScrollArea::vertical().id_salt("rows").auto_shrink([false, false]);
                    if let Some(line) = moved {
                        area = area.vertical_scroll_offset(self.offset_for(ui, line));
                    }
                    let shown = area.show_rows(ui, theme::ROW, self.rows, |ui, range| {
                        for line in range {
                            if let Some(row) = row(line) {
                                self.row_ui(ui, line, &row, &widths, &mut actions);
                            }
                        }
                    });
                    // Also where the wheel went: the keyboard goes on from there.
                    let offset = shown.state.clamped_offset().y;
                    ui.data_mut(|d| d.insert_temp(self.id().with("offset"), offset));
                });
        });
        actions
    }

    fn left(&self) -> f32 {
        if self.ticks { TICK } else { 0.0 }
    }

    /// The least width for each, and what is left by shares.
    fn widths(&self, width: f32) -> Vec<f32> {
        let least: f32 = self.columns.iter().map(|c| c.least).sum();
        let shares: f32 = self.columns.iter().map(|c| c.share).sum();
        let rest = (width - self.left() - least).max(0.0);
        self.columns
            .iter()
            .map(|c| c.least + rest * c.share / shares.max(1.0))
            .collect()
    }

    /// Where to scroll so that a line is in sight.
    fn offset_for(&self, ui: &Ui, line: usize) -> f32 {
        let seen: f32 = ui.data(|d| d.get_temp(self.id().with("offset"))).unwrap_or_default();
        let height = (ui.available_height() - theme::ROW).max(theme::ROW);
        let top = line as f32 * theme::ROW;
        seen.clamp((top - height).max(0.0), top.max(0.0))
    }

    /// One invisible widget takes the focus of the table. The line that the keyboard went to.
    fn keyboard_ui(
        &self,
        ui: &mut Ui,
        rect: Rect,
        row: &impl Fn(usize) -> Option<GridRow>,
        actions: &mut Vec<GridAction>,
    ) -> Option<usize> {
        let id = self.id();
        let response = ui.interact(rect, id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::ListGrid, true, format!("{} rows", self.name)));
        if !response.has_focus() || self.rows == 0 {
            return None;
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
        let page = ((rect.height() - HEADER) / theme::ROW).floor().max(2.0) as usize - 1;
        let last = self.rows - 1;
        let at = self.cursor.min(last);
        let steps = [
            (Key::ArrowDown, (at + 1).min(last)),
            (Key::ArrowUp, at.saturating_sub(1)),
            (Key::PageDown, (at + page).min(last)),
            (Key::PageUp, at.saturating_sub(page)),
            (Key::Home, 0),
            (Key::End, last),
        ];
        let (moved, ticks) = ui.input_mut(|i| {
            let moved = steps.into_iter().find(|(key, _)| i.consume_key(Modifiers::NONE, *key));
            (moved, self.ticks && i.consume_key(Modifiers::NONE, Key::Space))
        });
        if ticks && let Some(row) = row(at).filter(|r| r.tickable) {
            actions.push(GridAction::Tick(at, !row.ticked));
        }
        let (_, line) = moved?;
        actions.push(GridAction::Cursor(line));
        Some(line)
    }

    fn header_ui(&self, ui: &mut Ui, widths: &[f32], actions: &mut Vec<GridAction>) {
        let p = Palette::of(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEADER), Sense::hover());
        ui.painter().rect_filled(rect, 0.0, p.raised);
        ui.painter()
            .hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, p.line));
        let mut left = rect.left() + self.left();
        for (index, (column, width)) in self.columns.iter().zip(widths).enumerate() {
            let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(*width, HEADER));
            left += width;
            let sorted = self
                .sort
                .filter(|(by, _)| *by == index)
                .map(|(_, descending)| descending);
            let response = ui.interact(cell, ui.scope_id().with(("heading", index)), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, column.heading));
            if let Some(descending) = sorted {
                let way = if descending {
                    SortDirection::Descending
                } else {
                    SortDirection::Ascending
                };
                ui.ctx()
                    .accesskit_node_builder(response.id, |node| node.set_sort_direction(way));
            }
            if response.hovered() || response.has_focus() {
                ui.painter().rect_filled(cell.shrink(1.0), 2.0, p.hovered);
            }
            let color = if sorted.is_some() { p.text } else { p.text_weak };
            let font = TextStyle::Small.resolve(ui.style());
            let text = cell.shrink2(vec2(PAD, 0.0));
            let drawn = ui.painter().with_clip_rect(text.expand(2.0)).text(
                text.left_center(),
                Align2::LEFT_CENTER,
                column.heading,
                font,
                color,
            );
            if let Some(descending) = sorted {
                let icon = if descending { Icon::Down } else { Icon::Up };
                let at = pos2(drawn.right() + 3.0, cell.center().y - 6.0);
                icon.paint(ui.painter(), Rect::from_min_size(at, vec2(12.0, 12.0)), p.accent);
            }
            if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
                actions.push(GridAction::Sort(index));
            }
        }
    }

    fn row_ui(&self, ui: &mut Ui, line: usize, row: &GridRow, widths: &[f32], actions: &mut Vec<GridAction>) {
        let p = Palette::of(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::CLICK);
        let name = row
            .cells
            .iter()
            .filter(|c| !c.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        response.widget_info(|| WidgetInfo::selected(Role::Row, true, row.ticked && self.ticks, &name));
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_row_index(line));
        if response.contains_pointer() {
            ui.painter().rect_filled(rect, 0.0, p.hovered);
        }
        ui.painter().hline(
            rect.x_range(),
            rect.bottom() - 0.5,
            Stroke::new(1.0, p.line.gamma_multiply(0.6)),
        );
        if self.cursor == line && ui.memory(|m| m.has_focus(self.id())) {
            ui.painter()
                .rect_stroke(rect.shrink(1.0), 2.0, Stroke::new(1.0, p.accent), StrokeKind::Inside);
        }
        let mut left = rect.left();
        if self.ticks {
            let place = Rect::from_center_size(pos2(left + TICK / 2.0 + 2.0, rect.center().y), vec2(18.0, 18.0));
            let name = row.cells.first().cloned().unwrap_or_default();
            if tick_ui(ui, place, line, row, &name).clicked() && row.tickable {
                actions.push(GridAction::Tick(line, !row.ticked));
            }
            left += TICK;
        }
        for (index, (cell, width)) in row.cells.iter().zip(widths).enumerate() {
            let mut place =
                Rect::from_min_size(pos2(left, rect.top()), vec2(*width, rect.height())).shrink2(vec2(PAD, 0.0));
            left += width;
            let mut color = if index == 0 { p.text } else { p.text_weak };
            if let Some((_, icon, ink)) = row.symbol.filter(|(at, ..)| *at == index) {
                let at = pos2(place.left(), place.center().y - 7.0);
                icon.paint(ui.painter(), Rect::from_min_size(at, vec2(14.0, 14.0)), ink);
                place.min.x += 20.0;
                color = ink;
            }
            let elided = paint_text(ui, place, cell, color, false);
            if elided {
                let hover = ui.interact(place, ui.scope_id().with(("cell", line, index)), Sense::hover());
                hover.on_hover_text(cell);
            }
        }
        if response.clicked() {
            actions.push(GridAction::Cursor(line));
        }
    }
}

/// The box that ticks a row.
fn tick_ui(ui: &Ui, rect: Rect, line: usize, row: &GridRow, name: &str) -> Response {
    let p = Palette::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(("tick", line)), Sense::CLICK);
    response
        .widget_info(|| WidgetInfo::selected(Role::CheckBox, row.tickable, row.ticked, format!("Take over {name}")));
    let inner = rect.shrink(1.0);
    let line = if response.hovered() { p.accent } else { p.outline };
    if row.ticked && row.tickable {
        ui.painter().rect_filled(inner, 3.0, p.accent);
        Icon::Check.paint(ui.painter(), inner.shrink(2.0), p.on_accent);
    } else {
        let fill = if row.tickable { p.surface } else { p.raised };
        ui.painter()
            .rect(inner, 3.0, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    }
    response
}
