//! Messages about things that ended, at the lower right edge.

use egui::accesskit::Role;
use egui::{
    Align, Align2, Area, Context, Frame as Surface, Id, Label, Layout, Margin, Order, RichText, Stroke, UiBuilder, vec2,
};

use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::state::notices::{Notice, Tone};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{icon_button, region};

const WIDTH: f32 = 360.0;

/// `foot` is how high the bars at the foot of the window are: a message must not cover the buttons that stop what is under way.
pub(super) fn notices_ui(ctx: &Context, frame: &Frame<'_>, foot: f32) {
    let notices = frame.screen.notices.shown();
    if notices.is_empty() {
        return;
    }
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -foot - 12.0))
        .show(ctx, |ui| {
            ui.set_width(WIDTH);
            for notice in notices {
                notice_ui(ui, frame, notice);
            }
        });
}

fn notice_ui(ui: &mut egui::Ui, frame: &Frame<'_>, notice: &Notice) {
    let p = Palette::of(ui);
    let (icon, color) = match notice.tone {
        Tone::Good => (Icon::Good, p.good),
        Tone::Warning => (Icon::Warning, p.warn),
        Tone::Bad => (Icon::Bad, p.bad),
    };
    let builder = UiBuilder::new().id_salt(notice.id);
    region(ui, builder, Role::Alert, &notice.title, |ui| {
        Surface::new()
            .fill(p.surface)
            .stroke(Stroke::new(1.0, p.outline))
            .corner_radius(8)
            .inner_margin(Margin::symmetric(12, 10))
            .shadow(ui.visuals().popup_shadow)
            .show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    icon.ui(ui, color);
                    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                        if icon_button(ui, Icon::Cross, "Close message").clicked() {
                            frame.send(Event::CloseNotice(notice.id));
                        }
                        ui.with_layout(Layout::top_down(Align::Min), |ui| {
                            ui.spacing_mut().item_spacing.y = 2.0;
                            ui.set_width(ui.available_width());
                            ui.add(Label::new(RichText::new(&notice.title).text_style(theme::strong())).wrap());
                            if !notice.detail.is_empty() {
                                let detail = RichText::new(&notice.detail).color(p.text_weak);
                                ui.add(Label::new(detail).selectable(true).wrap());
                            }
                        });
                    });
                });
            });
    });
}
