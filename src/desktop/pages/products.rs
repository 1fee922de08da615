//! The product list: filter box, grouping, table; or what to do when there is nothing to show.

use egui::{ComboBox, Id, Key, Margin, RichText, TextEdit, Ui};

use super::table;
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::screen::GROUPS;
use crate::desktop::state::selection::{How, Step};
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{chevron, command_button, empty_ui, icon_button, primary_command, quiet_button};

const HELP: &str = "Words must all be found somewhere in the row.\n\
    status:grace   type:mak   key:X5X5X   computer:LAB*   product:office\n\
    reason:0xC004F074   age>30d   grace<14d   failure:firewall|uac   iid:yes   cid:no\n\
    a|b means either, - in front excludes, quotes keep blanks together.";

pub(crate) fn products_ui(ui: &mut Ui, frame: &Frame<'_>) {
    ui.spacing_mut().item_spacing.y = theme::XS;
    egui::Frame::new()
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| filter_row_ui(ui, frame));
    ui.spacing_mut().item_spacing.y = 0.0;
    let view = &frame.answer.view;
    if view.rows > 0 {
        table::table_ui(ui, frame);
        return;
    }
    // While the filter cannot be read, the message above says so; "no row fits" would blame the list.
    if !is_current(frame) || frame.screen.filter_error.is_some() {
        return;
    }
    if view.total == 0 {
        empty_ui(
            ui,
            Icon::AddComputer,
            "The list is empty",
            "Add computers by name or address, or import a list; then update the license status to collect their products.",
            |ui| {
                primary_command(ui, frame, Command::AddComputers);
            },
        );
    } else {
        let text = format!(
            "{} in the list, none of them fits. Shorten the filter or clear it.",
            words::count(view.total, "row is", "rows are")
        );
        empty_ui(ui, Icon::Search, "No row passes the filter", &text, |ui| {
            command_button(ui, frame, Command::ClearFilter);
        });
    }
}

/// The worker has answered for this list; before, an empty view says nothing.
fn is_current(frame: &Frame<'_>) -> bool {
    frame.answer.list > 0 && frame.answer.spec == frame.screen.spec
}

fn filter_row_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let p = Palette::of(ui);
    let screen = frame.screen;
    ui.horizontal(|ui| {
        let groups = 208.0;
        let width = (ui.available_width() - groups - 16.0).clamp(160.0, 560.0);
        let mut text = screen.filter_text.clone();
        let searching = egui::Atom::paint(egui::Vec2::splat(14.0), move |ui, args| {
            Icon::Search.paint(ui.painter(), args.rect, p.text_weak);
        });
        let edit = TextEdit::singleline(&mut text)
            .id(Id::unique("filter"))
            .prefix(searching)
            .hint_text("Filter: win 11 status:grace -computer:LAB*")
            .desired_width(width - 34.0)
            .margin(Margin::symmetric(8, 6));
        let edit = ui.add(edit).accessible_name("Filter");
        let help = !edit.has_focus() && text.is_empty();
        let edit = if help {
            edit.on_hover_text(RichText::new(HELP).monospace())
        } else {
            edit
        };
        if screen.focus_filter {
            edit.request_focus();
        }
        if edit.has_focus() {
            // Down goes from the box into the list, as in every search field.
            if ui.input(|i| i.key_pressed(Key::ArrowDown)) {
                frame.send(Event::Step(Step::First, How::default()));
                ui.memory_mut(|m| m.request_focus(table::focus_id()));
            }
            if ui.input(|i| i.key_pressed(Key::Escape)) && !text.is_empty() {
                text.clear();
                frame.send(Event::Filter(String::new()));
            }
        }
        if text != screen.filter_text {
            frame.send(Event::Filter(text));
        }
        if screen.filter_text.is_empty() {
            ui.add_space(26.0);
        } else if icon_button(ui, Icon::Cross, "Clear filter").clicked() {
            frame.send(Event::Filter(String::new()));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let current = screen.spec.group_by;
            let shown = current.map_or("Nothing", crate::model::Column::heading);
            let combo = ComboBox::from_id_salt("group")
                .selected_text(shown)
                .width(140.0)
                .icon(chevron)
                .show_ui(ui, |ui| {
                    if ui.selectable_label(current.is_none(), "Nothing").clicked() {
                        frame.send(Event::Group(None));
                    }
                    for column in GROUPS {
                        if ui
                            .selectable_label(current == Some(*column), column.heading())
                            .clicked()
                        {
                            frame.send(Event::Group(Some(*column)));
                        }
                    }
                });
            combo.response.accessible_name("Group by");
            ui.label(RichText::new("Group by").color(p.text_weak));
        });
    });
    if let Some(error) = &screen.filter_error {
        ui.horizontal_wrapped(|ui| {
            Icon::Warning.sized_ui(ui, 14.0, p.bad);
            ui.label(RichText::new(words::sentence(&error.to_string())).color(p.bad));
            if quiet_button(ui, None, "Clear").clicked() {
                frame.send(Event::Filter(String::new()));
            }
        });
    }
}
