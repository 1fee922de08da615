//! The navigation: pages, and the products by status, each with its count.

use egui::accesskit::Role;
use egui::{
    Align2, CornerRadius, CursorIcon, FontId, Rect, Response, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::pages::keys::is_low;
use crate::desktop::state::facts::Page;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{paint_text, status_look};
use crate::model::LicenseStatus;

/// An entry below "Products": what it is called, the filter behind it, and a status that gives symbol and colour.
const CHILDREN: &[(&str, &str, LicenseStatus)] = &[
    ("Licensed", "status:licensed", LicenseStatus::Licensed),
    ("Grace", "status:grace", LicenseStatus::InOobGrace),
    ("Notification", "status:notification", LicenseStatus::Notification),
    ("Unlicensed", "status:unlicensed", LicenseStatus::Unlicensed),
    ("Unknown", "status:unknown|NotAvailable", LicenseStatus::Unknown),
];

struct Entry<'a> {
    icon: Icon,
    color: Option<egui::Color32>,
    text: &'a str,
    count: Option<usize>,
    selected: bool,
    indent: bool,
    warn: bool,
}

pub(super) fn navigation_ui(ui: &mut Ui, frame: &Frame<'_>, narrow: bool) {
    let counts = &frame.answer.counts;
    let screen = frame.screen;
    let p = Palette::of(ui);
    let keys = frame.snapshot.into_iter().flat_map(|s| s.inventory.keys());
    let low = { keys }.any(|k| is_low(k, frame.settings.low_water));
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let on_products = screen.page == Page::Products;
        let filter = screen.filter_text.trim();
        let product_rows = counts.products + counts.bare_computers;
        let all = Entry {
            icon: Icon::Products,
            color: None,
            text: "Products",
            count: Some(product_rows),
            selected: on_products && filter.is_empty(),
            indent: false,
            warn: false,
        };
        if entry_ui(ui, &all, narrow).clicked() {
            frame.send(Event::ShowRows(String::new()));
        }
        for (text, behind, status) in CHILDREN {
            let count = match status {
                LicenseStatus::InOobGrace => counts.in_grace(),
                LicenseStatus::Unknown => {
                    counts.with_status(LicenseStatus::Unknown)
                        + counts.with_status(LicenseStatus::NotAvailable)
                        + counts.bare_computers
                }
                other => counts.with_status(*other),
            };
            let selected = on_products && filter == *behind;
            if count == 0 && !selected {
                continue;
            }
            let (icon, color) = status_look(*status, p);
            let entry = Entry {
                icon,
                color: Some(color),
                text,
                count: Some(count),
                selected,
                indent: true,
                warn: false,
            };
            if entry_ui(ui, &entry, narrow).clicked() {
                frame.send(Event::ShowRows((*behind).to_owned()));
            }
        }
        ui.add_space(theme::S);
        let gap = counts.need_confirmation_id + counts.can_apply;
        let kms = screen.kms.found.as_ref().map(|found| found.records.len());
        let found = screen
            .found
            .as_ref()
            .and_then(|found| found.plan.as_ref())
            .map(|plan| plan.rows.len());
        let pages = [
            (Command::ShowKeys, Page::Keys, Some(counts.keys), low),
            (Command::ShowAirGap, Page::AirGap, (gap > 0).then_some(gap), false),
            (Command::ShowKms, Page::Kms, kms, false),
            (Command::ShowDiscovery, Page::Discovery, found, false),
            (Command::ShowActivity, Page::Activity, None, false),
        ];
        for (command, page, count, warn) in pages {
            let entry = Entry {
                icon: command.spec().icon.unwrap_or(Icon::Right),
                color: None,
                text: command.name(),
                count,
                selected: screen.page == page,
                indent: false,
                warn,
            };
            let response = entry_ui(ui, &entry, narrow);
            if response.clicked() {
                frame.run(command);
            }
            if warn {
                response.on_hover_text("A product key has few activations left.");
            }
        }
    });
}

fn entry_ui(ui: &mut Ui, entry: &Entry<'_>, narrow: bool) -> Response {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    let count = entry.count.map(words::number);
    let name = match &count {
        Some(count) => format!("{} {count}", entry.text),
        None => entry.text.to_owned(),
    };
    response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, entry.selected, &name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        let radius = CornerRadius::same(theme::RADIUS);
        if entry.selected {
            painter.rect_filled(rect, radius, p.selected);
        } else if response.hovered() {
            painter.rect_filled(rect, radius, p.hovered);
        }
        if response.has_focus() {
            painter.rect_stroke(rect, radius, egui::Stroke::new(1.5, p.accent), egui::StrokeKind::Inside);
        }
        let left = if narrow {
            (rect.width() - 16.0) / 2.0
        } else if entry.indent {
            26.0
        } else {
            8.0
        };
        let side = if entry.indent { 14.0 } else { 16.0 };
        let at = pos2(rect.left() + left, rect.center().y - side / 2.0);
        let ink = if entry.selected { p.text } else { p.text_weak };
        entry.icon.paint(
            painter,
            Rect::from_min_size(at, vec2(side, side)),
            entry.color.unwrap_or(ink),
        );
        if !narrow {
            let mut right = rect.right() - 8.0;
            if let Some(count) = &count {
                let font = FontId::new(12.0, TextStyle::Body.resolve(ui.style()).family);
                let color = if entry.warn { p.warn } else { p.text_weak };
                let drawn = painter.text(pos2(right, rect.center().y), Align2::RIGHT_CENTER, count, font, color);
                right = drawn.left() - 6.0;
                if entry.warn {
                    let at = pos2(right - 14.0, rect.center().y - 7.0);
                    Icon::Warning.paint(painter, Rect::from_min_size(at, vec2(14.0, 14.0)), p.warn);
                    right -= 20.0;
                }
            }
            let text = Rect::from_min_max(
                pos2(rect.left() + left + side + 8.0, rect.top()),
                pos2(right, rect.bottom()),
            );
            paint_text(ui, text, entry.text, p.text, false);
        }
    }
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    if narrow { response.on_hover_text(name) } else { response }
}
