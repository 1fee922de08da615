//! Small pieces that every page uses.

use egui::accesskit::Role;
use egui::{
    Align, Align2, Button, Color32, CornerRadius, Frame as Card, InnerResponse, Label, Layout, Margin, Response,
    RichText, ScrollArea, Sense, Stroke, TextEdit, TextWrapMode, Ui, UiBuilder, Vec2, WidgetInfo, vec2,
};

use super::app::Frame;
use super::commands::Command;
use super::icons::Icon;
use super::state::script;
use super::state::words::{self, Health};
use super::theme::{self, Palette};
use crate::model::LicenseStatus;

/// Symbol and colour of a license status; the word stands beside it.
pub fn status_look(status: LicenseStatus, p: &Palette) -> (Icon, Color32) {
    match words::health(status) {
        Health::Good => (Icon::Good, p.good),
        Health::Soon => (Icon::Clock, p.warn),
        Health::Bad => (Icon::Bad, p.bad),
        Health::Unknown => (Icon::Unknown, p.idle),
    }
}

/// Status as symbol and word.
pub fn status_ui(ui: &mut Ui, status: LicenseStatus) -> Response {
    let p = Palette::of(ui);
    let (icon, color) = status_look(status, p);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        icon.sized_ui(ui, 14.0, color);
        ui.add(Label::new(RichText::new(status.label()).color(color)).truncate())
    })
    .inner
}

/// A command as a button with symbol and text.
pub fn command_button(ui: &mut Ui, frame: &Frame<'_>, command: Command) -> Response {
    let atoms = command.spec().icon.map(Icon::atom);
    let button = match atoms {
        Some(icon) => Button::new((icon, command.name())),
        None => Button::new(command.name()),
    };
    run_button(ui, frame, command, button.gap(6.0))
}

/// A command as a button of a toolbar: without a frame until the pointer is there.
pub fn tool_button(ui: &mut Ui, frame: &Frame<'_>, command: Command) -> Response {
    let icon = command.spec().icon.unwrap_or(Icon::Info);
    let button = Button::new((icon.atom(), command.name()))
        .gap(6.0)
        .frame_when_inactive(false);
    run_button(ui, frame, command, button)
}

/// A command as a button of symbol alone.
pub fn command_icon(ui: &mut Ui, frame: &Frame<'_>, command: Command) -> Response {
    let icon = command.spec().icon.unwrap_or(Icon::Info);
    let button = Button::new(icon.atom())
        .min_size(vec2(30.0, 28.0))
        .frame_when_inactive(false);
    let response = run_button(ui, frame, command, button);
    response.accessible_name(command.name())
}

/// A command as the one thing to do here: filled with the colour of actions.
pub fn primary_command(ui: &mut Ui, frame: &Frame<'_>, command: Command) -> Response {
    let p = Palette::of(ui);
    let text = RichText::new(command.name()).color(p.on_accent);
    let enabled = command.unavailable(frame.facts).is_none();
    let response = ui
        .scope(|ui| {
            fill_primary(ui);
            let button = match command.spec().icon {
                Some(icon) => Button::new((painted(icon, p.on_accent), text)),
                None => Button::new(text),
            };
            ui.add_enabled(enabled, button.gap(8.0).min_size(vec2(0.0, 36.0)))
        })
        .inner;
    finish(ui, frame, command, response)
}

fn painted(icon: Icon, color: Color32) -> egui::Atom<'static> {
    egui::Atom::paint(Vec2::splat(Icon::SIZE), move |ui, args| {
        icon.paint(ui.painter(), args.rect, color);
    })
}

fn fill_primary(ui: &mut Ui) {
    let p = Palette::of(ui);
    let widgets = &mut ui.visuals_mut().widgets;
    for (state, fill) in [
        (&mut widgets.inactive, p.accent),
        (&mut widgets.hovered, p.accent.gamma_multiply(0.9)),
        (&mut widgets.active, p.accent.gamma_multiply(0.8)),
    ] {
        state.weak_bg_fill = fill;
        state.bg_fill = fill;
        state.bg_stroke = Stroke::NONE;
    }
}

/// The button that answers a dialog's question.
pub fn primary_button(ui: &mut Ui, enabled: bool, text: &str) -> Response {
    let p = Palette::of(ui);
    ui.scope(|ui| {
        fill_primary(ui);
        let button = Button::new(RichText::new(text).color(p.on_accent)).min_size(vec2(88.0, 30.0));
        ui.add_enabled(enabled, button)
    })
    .inner
}

/// A button of second rank in a dialog.
pub fn plain_button(ui: &mut Ui, text: &str) -> Response {
    ui.add(Button::new(text).min_size(vec2(88.0, 30.0)))
}

fn run_button(ui: &mut Ui, frame: &Frame<'_>, command: Command, button: Button<'_>) -> Response {
    let enabled = command.unavailable(frame.facts).is_none();
    let response = ui.add_enabled(enabled, button);
    finish(ui, frame, command, response)
}

fn finish(ui: &Ui, frame: &Frame<'_>, command: Command, response: Response) -> Response {
    if response.clicked() {
        frame.run(command);
    }
    let tip = || command.tooltip(ui.ctx(), frame.facts);
    response
        .on_hover_ui(|ui| tooltip_ui(ui, &tip()))
        .on_disabled_hover_ui(|ui| tooltip_ui(ui, &tip()))
}

fn tooltip_ui(ui: &mut Ui, text: &str) {
    ui.set_max_width(320.0);
    ui.label(text);
}

/// A link-like button without frame.
pub fn quiet_button(ui: &mut Ui, icon: Option<Icon>, text: &str) -> Response {
    let p = Palette::of(ui);
    let text = RichText::new(text).color(p.accent);
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(2.0, 2.0);
        ui.spacing_mut().interact_size.y = 22.0;
        match icon {
            Some(icon) => ui.add(
                Button::new((painted(icon, p.accent), text))
                    .frame_when_inactive(false)
                    .gap(6.0),
            ),
            None => ui.add(Button::new(text).frame_when_inactive(false)),
        }
    })
    .inner
}

/// A small button of symbol alone, with its name for those who cannot see it.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    ui.add(
        Button::new(icon.atom())
            .frame_when_inactive(false)
            .min_size(Vec2::splat(26.0)),
    )
    .on_hover_text(name)
    .accessible_name(name)
}

/// A label with its value below it, which can be selected and copied.
pub fn field_ui(ui: &mut Ui, label: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let p = Palette::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.label(RichText::new(label).small().color(p.text_weak));
        ui.add(Label::new(value).selectable(true).wrap());
    });
}

/// As [`field_ui`], for digits and codes, with a button that copies.
pub fn code_field_ui(ui: &mut Ui, frame: &Frame<'_>, label: &str, shown: &str, copied: &str) {
    let p = Palette::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(label).small().color(p.text_weak));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().interact_size.y = 18.0;
                let name = format!("Copy {label}");
                let copy = ui.add(
                    Button::new(Icon::Copy.atom())
                        .frame_when_inactive(false)
                        .min_size(Vec2::splat(20.0)),
                );
                if copy.on_hover_text(&name).accessible_name(&name).clicked() {
                    frame.copy(label, copied.to_owned());
                }
            });
        });
        ui.add(Label::new(RichText::new(shown).monospace()).selectable(true).wrap());
    });
}

/// A part of the window with a role and a name for those who cannot see it. A bare [`UiBuilder`] would leave it without bounds.
pub fn region<R>(
    ui: &mut Ui,
    builder: UiBuilder,
    role: Role,
    name: &str,
    add: impl FnOnce(&mut Ui) -> R,
) -> InnerResponse<R> {
    let builder = builder.accessibility_role(role).accessibility_label(name);
    let inner = ui.scope_builder(builder, add);
    let rect = inner.response.rect.intersect(ui.clip_rect());
    ui.ctx().accesskit_node_builder(inner.response.id, |node| {
        node.set_bounds(egui::accesskit::Rect {
            x0: rect.min.x.into(),
            y0: rect.min.y.into(),
            x1: rect.max.x.into(),
            y1: rect.max.y.into(),
        });
    });
    inner
}

/// A rounded surface on the page.
pub fn card<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let p = Palette::of(ui);
    Card::new()
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(8)
        .inner_margin(Margin::same(16))
        .show(ui, add)
        .inner
}

/// One of several choices as a card; true when it was clicked anywhere, or its radio button chosen by keyboard.
pub fn choice_card(
    ui: &mut Ui,
    chosen: bool,
    title: &str,
    aside: impl FnOnce(&mut Ui),
    below: impl FnOnce(&mut Ui),
) -> bool {
    let p = Palette::of(ui);
    let card = Card::new()
        .fill(if chosen { p.hovered } else { p.surface })
        .stroke(Stroke::new(1.0, if chosen { p.accent } else { p.line }))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = theme::XS;
            let clicked = ui
                .horizontal(|ui| {
                    let label = RichText::new(title).text_style(theme::strong());
                    let clicked = ui.radio(chosen, label).clicked();
                    ui.with_layout(Layout::right_to_left(Align::Center), aside);
                    clicked
                })
                .inner;
            ui.horizontal_top(|ui| {
                ui.add_space(22.0);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    below(ui);
                });
            });
            clicked
        });
    // The card takes clicks, not the focus: that belongs to the radio button.
    let anywhere = ui.interact(card.response.rect, ui.scope_id().with(("choice", title)), Sense::CLICK);
    card.inner || anywhere.clicked()
}

/// A message within a page or dialog: symbol, words, soft background.
pub fn banner_ui(ui: &mut Ui, tone: Health, title: &str, text: &str) {
    let p = Palette::of(ui);
    let (icon, color, fill) = match tone {
        Health::Good => (Icon::Good, p.good, p.good_soft),
        Health::Soon => (Icon::Warning, p.warn, p.warn_soft),
        Health::Bad => (Icon::Bad, p.bad, p.bad_soft),
        Health::Unknown => (Icon::Info, p.accent, p.hovered),
    };
    Card::new()
        .fill(fill)
        .corner_radius(6)
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.horizontal_top(|ui| {
                icon.ui(ui, color);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = theme::XS;
                    if !title.is_empty() {
                        ui.add(Label::new(RichText::new(title).text_style(theme::strong()).color(p.text)).wrap());
                    }
                    for paragraph in text.lines() {
                        ui.add(
                            Label::new(RichText::new(paragraph).color(p.text))
                                .selectable(true)
                                .wrap(),
                        );
                    }
                });
            });
        });
}

/// What stands where there is nothing to show: a symbol, what is missing, and what to do next.
pub fn empty_ui(ui: &mut Ui, icon: Icon, title: &str, text: &str, actions: impl FnOnce(&mut Ui)) {
    let p = Palette::of(ui);
    let height = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space((height * 0.28).clamp(theme::L, 200.0));
        icon.sized_ui(ui, 40.0, p.idle);
        ui.add_space(theme::S);
        ui.label(RichText::new(title).text_style(theme::subtitle()));
        ui.scope(|ui| {
            ui.set_max_width(ui.available_width().min(440.0));
            ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
        });
        ui.add_space(theme::S);
        actions(ui);
    });
}

/// Several buttons side by side in the middle of a page. egui lays a row out from the left, so its width is measured first.
pub fn centered_row(ui: &mut Ui, salt: &str, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(("centered", salt));
    let known: Option<f32> = ui.data(|d| d.get_temp(id));
    let width = known.unwrap_or(0.0);
    let response = ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        ui.scope(|ui| ui.horizontal(add)).response.rect.width()
    });
    if known != Some(response.inner) {
        ui.data_mut(|d| d.insert_temp(id, response.inner));
        ui.ctx().request_discard("centred row measured");
    }
}

/// A bar that shows a share, with its text beside it: `share` from 0 to 1.
pub fn bar_ui(ui: &mut Ui, share: f32, color: Color32, width: f32) {
    let p = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
    let radius = CornerRadius::same(3);
    ui.painter().rect_filled(rect, radius, p.line);
    let mut filled = rect;
    filled.set_width((rect.width() * share.clamp(0.0, 1.0)).max(if share > 0.0 { 6.0 } else { 0.0 }));
    ui.painter().rect_filled(filled, radius, color);
}

/// One line of text, elided at `width`, with the whole of it as tooltip when it does not fit.
pub fn elided(ui: &mut Ui, text: impl Into<RichText>) -> Response {
    ui.add(
        Label::new(text.into())
            .wrap_mode(TextWrapMode::Truncate)
            .show_tooltip_when_elided(true),
    )
}

/// Heading of a page with one sentence below it.
pub fn page_heading(ui: &mut Ui, title: &str, text: &str) {
    let p = Palette::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let heading = ui.label(RichText::new(title).text_style(theme::title()));
        heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
        if !text.is_empty() {
            ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
        }
    });
}

/// Heading of a page with one sentence below it, and buttons at its right, from the right.
pub fn page_head(ui: &mut Ui, title: &str, text: &str, buttons: impl FnOnce(&mut Ui)) {
    // With a height of its own: the texts of the buttons stand in the middle of them.
    let size = vec2(ui.available_width(), 44.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        buttons(ui);
        ui.with_layout(Layout::top_down(Align::Min), |ui| page_heading(ui, title, text));
    });
}

/// A line for text, as high as the buttons beside it.
pub fn text_line(text: &mut String) -> TextEdit<'_> {
    TextEdit::singleline(text)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(8, 6))
}

/// A box for several lines of text.
pub fn text_box(text: &mut String, rows: usize) -> TextEdit<'_> {
    TextEdit::multiline(text)
        .desired_rows(rows)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(8, 6))
}

/// A box for several lines that scrolls when it is full, so that a long paste does not push what stands below out of sight.
pub fn scrolled(ui: &mut Ui, edit: TextEdit<'_>, rows: usize) -> Response {
    let p = Palette::of(ui);
    let height = ui.text_style_height(&egui::TextStyle::Body) * rows as f32 + 12.0;
    // The frame stands around what scrolls, not within it. Its colour follows the focus one frame later.
    let place = ui.scope_id().with("scrolled");
    let focused: bool = ui.data(|d| d.get_temp(place)).unwrap_or_default();
    let line = if focused { p.accent } else { p.outline };
    let surface = Card::new()
        .fill(p.surface)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(theme::RADIUS);
    let response = surface
        .show(ui, |ui| {
            ScrollArea::vertical()
                .id_salt("text")
                .max_height(height)
                .min_scrolled_height(height)
                .show(ui, |ui| ui.add(edit.frame(Card::NONE)))
                .inner
        })
        .inner;
    let has_focus = response.has_focus();
    if has_focus != focused {
        ui.data_mut(|d| d.insert_temp(place, has_focus));
        ui.ctx().request_repaint();
    }
    response
}

/// Forgets what a text field remembers for undoing: for fields that held a secret.
pub fn forget(ctx: &egui::Context, field: Option<egui::Id>) {
    if let Some(id) = field {
        TextEdit::store_state(ctx, id, egui::text_edit::TextEditState::default());
    }
}

/// Text that names a section of a pane, below a line.
pub fn section(ui: &mut Ui, title: &str) {
    let p = Palette::of(ui);
    ui.add_space(theme::XS);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter()
        .hline(rect.x_range(), rect.center().y, Stroke::new(1.0, p.line));
    ui.label(RichText::new(title).text_style(theme::strong()));
}

/// Draws text into a rectangle, elided. Cheaper than a label; used for cells, which tell their text by themselves.
pub fn paint_text(ui: &Ui, rect: egui::Rect, text: &str, color: Color32, mono: bool) -> bool {
    if text.is_empty() {
        return false;
    }
    let style = if mono {
        egui::TextStyle::Monospace
    } else {
        egui::TextStyle::Body
    };
    let font = style.resolve(ui.style());
    let mut job = egui::text::LayoutJob {
        text: text.to_owned(),
        break_on_newline: false,
        ..egui::text::LayoutJob::default()
    };
    // In one section, a name that begins in Hebrew or Arabic would have its Latin letters backwards. Pushed, because appending
    // makes one section again of two that look the same.
    let mut end = 0;
    for piece in script::pieces(text) {
        let begin = end;
        end += piece.len();
        job.sections.push(egui::text::LayoutSection {
            leading_space: 0.0,
            byte_range: egui::text::ByteIndex(begin)..egui::text::ByteIndex(end),
            format: egui::TextFormat::simple(font.clone(), color),
        });
    }
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
    let galley = ui.painter().layout_job(job);
    let elided = galley.elided;
    let pos = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley(pos, galley, color);
    elided
}

/// The arrow of a combo box, in the manner of the other symbols.
pub fn chevron(ui: &Ui, rect: egui::Rect, visuals: &egui::style::WidgetVisuals, _open: bool) {
    let rect = egui::Rect::from_center_size(rect.center(), egui::Vec2::splat(14.0));
    Icon::Down.paint(ui.painter(), rect, visuals.fg_stroke.color);
}
