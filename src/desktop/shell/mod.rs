//! The window around the pages: menu bar, toolbar, navigation, details, progress drawer, status line, messages.

mod menu_bar;
mod navigation;
mod notices;
mod progress;
mod reading;
mod status_line;
mod toolbar;

use egui::accesskit::Role;
use egui::{CentralPanel, Frame as Surface, Margin, Panel, RichText, Stroke, Ui, UiBuilder};

use super::app::Frame;
use super::icons::Icon;
use super::pages;
use super::state::facts::Page;
use super::theme::{self, Palette};
use super::widgets::region;

pub(super) use menu_bar::{columns_ui, menu_item, ways_menu_ui};
pub(super) use reading::reading_ui;

/// Below this width the navigation shrinks to its symbols.
const NARROW: f32 = 900.0;
/// Below this width navigation and details give room to the list.
const TIGHT: f32 = 1100.0;
/// Below this width details would leave too little of the list.
const NO_DETAILS: f32 = 760.0;

/// Draws the whole window.
pub fn shell_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let p = Palette::of(ui);
    let bar = |x: i8, y: i8| Surface::new().fill(p.chrome).inner_margin(Margin::symmetric(x, y));
    let width = ui.available_width();

    Panel::top("menu")
        .frame(bar(8, 3))
        .show_separator_line(false)
        .show(ui, |ui| {
            menu_bar::menu_bar_ui(ui, frame);
        });
    if let Some(demo) = frame.demo {
        let strip = Surface::new().fill(p.warn_soft).inner_margin(Margin::symmetric(12, 5));
        Panel::top("demo")
            .frame(strip)
            .show_separator_line(false)
            .show(ui, |ui| {
                ui.horizontal(|ui| {
                    Icon::Info.ui(ui, p.warn);
                    ui.label(RichText::new(&demo.banner).color(p.text));
                });
            });
    }
    Panel::top("toolbar")
        .frame(bar(8, 6))
        .show(ui, |ui| toolbar::toolbar_ui(ui, frame));
    Panel::bottom("status")
        .frame(bar(12, 4))
        .show(ui, |ui| status_line::status_line_ui(ui, frame));
    // Without a list, the page says it.
    if let (Some(reading), Some(_)) = (frame.reading.filter(|r| r.is_shown_in_window()), frame.snapshot) {
        Panel::bottom("reading")
            .frame(bar(12, 8))
            .show(ui, |ui| reading_ui(ui, frame, reading));
    }
    if let Some(run) = frame.run {
        progress::drawer_ui(ui, frame, run);
    }
    if frame.snapshot.is_some() {
        let narrow = width < NARROW;
        let size = if narrow {
            52.0
        } else if width < TIGHT {
            172.0
        } else {
            196.0
        };
        Panel::left(if narrow { "navigation-narrow" } else { "navigation" })
            .frame(bar(8, 8))
            .resizable(!narrow)
            .default_size(size)
            .size_range(if narrow { 52.0..=52.0 } else { 160.0..=300.0 })
            .show(ui, |ui| {
                region(ui, UiBuilder::new(), Role::Tree, "Navigation", |ui| {
                    navigation::navigation_ui(ui, frame, narrow);
                });
            });
        let has_details = matches!(frame.screen.page, Page::Products);
        if has_details && frame.screen.details && width >= NO_DETAILS {
            let widest = (width * 0.45).max(260.0);
            Panel::right("details")
                .frame(Surface::new().fill(p.chrome).inner_margin(Margin {
                    left: 16,
                    right: 4,
                    top: 12,
                    bottom: 4,
                }))
                .resizable(true)
                .default_size(if width < TIGHT {
                    256.0
                } else if width < 1400.0 {
                    280.0
                } else {
                    336.0
                })
                .size_range(240.0..=widest)
                .show(ui, |ui| pages::details::details_ui(ui, frame));
        }
    }
    let whole = ui.ctx().content_rect();
    let page = CentralPanel::no_frame()
        .frame(Surface::new().fill(p.surface).stroke(Stroke::NONE))
        .show(ui, |ui| page_ui(ui, frame));
    notices::notices_ui(ui.ctx(), frame, whole.bottom() - page.response.rect.bottom());
}

fn page_ui(ui: &mut Ui, frame: &Frame<'_>) {
    if frame.snapshot.is_none() {
        pages::welcome_ui(ui, frame);
        return;
    }
    match frame.screen.page {
        Page::Products => pages::products::products_ui(ui, frame),
        Page::Keys => padded(ui, |ui| pages::keys::keys_ui(ui, frame)),
        Page::AirGap => padded(ui, |ui| pages::air_gap::air_gap_ui(ui, frame)),
        Page::Kms => padded(ui, |ui| pages::kms::kms_ui(ui, frame)),
        Page::Discovery => padded(ui, |ui| pages::discovery::discovery_ui(ui, frame)),
        Page::Activity => padded(ui, |ui| pages::activity::activity_ui(ui, frame)),
    }
}

fn padded(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    Surface::new().inner_margin(Margin::same(theme::XL as i8)).show(ui, add);
}
