//! Colours, type scale and spacing: one place, light and dark.
//!
//! Distances are multiples of 4. Colour never carries meaning alone: wherever a status colour is used, a symbol and a word
//! stand beside it.

use egui::style::{ScrollStyle, WidgetVisuals};
use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Theme, vec2};

use super::fonts::{self, STRONG};

/// Smallest distance.
pub const XS: f32 = 4.0;
/// Between things that belong together.
pub const S: f32 = 8.0;
/// Around groups.
pub const M: f32 = 12.0;
/// Around pages.
pub const L: f32 = 16.0;
/// Between sections.
pub const XL: f32 = 24.0;
/// Height of a row of the product table.
pub const ROW: f32 = 28.0;
/// Corners of controls.
pub const RADIUS: u8 = 6;

/// Semantic colours.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Behind navigation, bars and details.
    pub chrome: Color32,
    /// Behind lists and pages.
    pub surface: Color32,
    /// Cards and table headers on a surface.
    pub raised: Color32,
    /// Lines between things.
    pub line: Color32,
    /// Lines around controls.
    pub outline: Color32,
    /// Text.
    pub text: Color32,
    /// Text of second rank; still at least 4.5:1.
    pub text_weak: Color32,
    /// The one colour of actions and selection.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// Selected rows.
    pub selected: Color32,
    /// The row under the pointer.
    pub hovered: Color32,
    /// All is well.
    pub good: Color32,
    /// Soon not well.
    pub warn: Color32,
    /// Not well.
    pub bad: Color32,
    /// Not known.
    pub idle: Color32,
    /// Behind a notice that all is well.
    pub good_soft: Color32,
    /// Behind a warning.
    pub warn_soft: Color32,
    /// Behind an error.
    pub bad_soft: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const LIGHT: Palette = Palette {
    chrome: rgb(0xF4_F5F8),
    surface: rgb(0xFF_FFFF),
    raised: rgb(0xF8_F9FB),
    line: rgb(0xE3_E6EB),
    outline: rgb(0xC9_CFD8),
    text: rgb(0x1C_222B),
    text_weak: rgb(0x5A_6472),
    accent: rgb(0x1F_5FC4),
    on_accent: rgb(0xFF_FFFF),
    selected: rgb(0xDC_E8FB),
    hovered: rgb(0xF0_F3F8),
    good: rgb(0x1B_7A45),
    warn: rgb(0x92_5A00),
    bad: rgb(0xB4_2318),
    idle: rgb(0x66_7080),
    good_soft: rgb(0xE4_F4EA),
    warn_soft: rgb(0xFC_F1DC),
    bad_soft: rgb(0xFC_E9E7),
};

const DARK: Palette = Palette {
    chrome: rgb(0x17_1A1F),
    surface: rgb(0x1D_2127),
    raised: rgb(0x24_2931),
    line: rgb(0x2D_333C),
    outline: rgb(0x46_4E5B),
    text: rgb(0xE4_E8EE),
    text_weak: rgb(0x9B_A6B5),
    accent: rgb(0x74_A7F7),
    on_accent: rgb(0x0E_1726),
    selected: rgb(0x25_3A5C),
    hovered: rgb(0x27_2D36),
    good: rgb(0x62_C98D),
    warn: rgb(0xE2_B356),
    bad: rgb(0xF4_8B82),
    idle: rgb(0x97_A1AF),
    good_soft: rgb(0x1B_3527),
    warn_soft: rgb(0x3A_2F16),
    bad_soft: rgb(0x41_2421),
};

impl Palette {
    /// The colours of the theme `ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }
}

/// Body text in the heavier face.
pub fn strong() -> TextStyle {
    TextStyle::Name("strong".into())
}

/// Heading of a page.
pub fn title() -> TextStyle {
    TextStyle::Heading
}

/// Heading within a page.
pub fn subtitle() -> TextStyle {
    TextStyle::Name("subtitle".into())
}

/// Large figures.
pub fn figure() -> TextStyle {
    TextStyle::Name("figure".into())
}

/// Sets fonts and both themes. `system_fonts`: use the interface font of the system where there is one; without it the
/// look is the same on every machine.
pub fn install(ctx: &Context, system_fonts: bool) {
    let (definitions, size) = fonts::definitions(system_fonts);
    ctx.set_fonts(definitions);
    ctx.set_style_of(Theme::Light, style(&LIGHT, Theme::Light, size));
    ctx.set_style_of(Theme::Dark, style(&DARK, Theme::Dark, size));
    ctx.options_mut(|o| {
        o.zoom_with_keyboard = false;
        o.fallback_theme = Theme::Light;
    });
}

fn style(p: &Palette, theme: Theme, size: f32) -> Style {
    let mut style = theme.default_style();
    let strong_family = FontFamily::Name(STRONG.into());
    let text = |points: f32| FontId::new(points * size, FontFamily::Proportional);
    let heavy = |points: f32| FontId::new(points * size, strong_family.clone());
    style.text_styles = [
        (TextStyle::Small, text(12.0)),
        (TextStyle::Body, text(13.5)),
        (TextStyle::Button, text(13.5)),
        (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        (TextStyle::Heading, heavy(19.0)),
        (strong(), heavy(13.5)),
        (subtitle(), heavy(15.5)),
        (figure(), heavy(26.0)),
    ]
    .into();

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(S, S);
    spacing.button_padding = vec2(10.0, 5.0);
    spacing.interact_size = vec2(32.0, 28.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 9.0;
    spacing.icon_spacing = 6.0;
    spacing.combo_width = 120.0;
    spacing.combo_height = 320.0;
    spacing.menu_width = 260.0;
    spacing.tooltip_width = 360.0;
    spacing.scroll = ScrollStyle {
        bar_width: 10.0,
        floating_width: 4.0,
        floating_allocated_width: 0.0,
        ..ScrollStyle::floating()
    };

    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.08;

    let radius = CornerRadius::same(RADIUS);
    let visuals = &mut style.visuals;
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(p.text_weak);
    visuals.panel_fill = p.chrome;
    visuals.window_fill = p.surface;
    visuals.window_stroke = Stroke::new(1.0, p.line);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.extreme_bg_color = p.surface;
    visuals.text_edit_bg_color = Some(p.surface);
    visuals.faint_bg_color = p.raised;
    visuals.code_bg_color = p.raised;
    visuals.warn_fg_color = p.warn;
    visuals.error_fg_color = p.bad;
    visuals.hyperlink_color = p.accent;
    visuals.selection.bg_fill = p.selected;
    visuals.selection.stroke = Stroke::new(1.0, p.accent);
    visuals.text_cursor.stroke = Stroke::new(1.5, p.accent);
    visuals.striped = false;
    visuals.indent_has_left_vline = false;
    visuals.disabled_alpha = 0.45;
    let shadow = |alpha| Shadow {
        offset: [0, 6],
        blur: 20,
        spread: 0,
        color: Color32::from_black_alpha(alpha),
    };
    visuals.popup_shadow = shadow(if visuals.dark_mode { 110 } else { 36 });
    visuals.window_shadow = shadow(if visuals.dark_mode { 140 } else { 48 });

    let control = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let widgets = &mut visuals.widgets;
    widgets.noninteractive = control(p.chrome, p.line, p.text);
    widgets.inactive = control(p.surface, p.outline, p.text);
    widgets.hovered = control(p.hovered, p.outline, p.text);
    widgets.active = control(p.selected, p.accent, p.text);
    widgets.open = control(p.hovered, p.outline, p.text);
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG relative luminance.
    fn luminance(c: Color32) -> f32 {
        let channel = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(c.r()) + 0.7152 * channel(c.g()) + 0.0722 * channel(c.b())
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_colour_is_readable_on_everything_it_is_drawn_on() {
        for p in [LIGHT, DARK] {
            let backgrounds = [p.chrome, p.surface, p.raised, p.selected, p.hovered];
            for (i, text) in [p.text, p.text_weak, p.good, p.warn, p.bad, p.idle]
                .into_iter()
                .enumerate()
            {
                for (j, bg) in backgrounds.into_iter().enumerate() {
                    assert!(contrast(text, bg) >= 4.0, "{i} on {j}: {}", contrast(text, bg));
                }
            }
            for (text, bg) in [
                (p.on_accent, p.accent),
                (p.good, p.good_soft),
                (p.warn, p.warn_soft),
                (p.bad, p.bad_soft),
                (p.text, p.warn_soft),
            ] {
                assert!(contrast(text, bg) >= 4.5, "{text:?} on {bg:?}: {}", contrast(text, bg));
            }
        }
    }
}
