//! The toolbar: the commands of the page that is shown, where the hand is.

use egui::{Button, Popup, Ui};

use super::menu_item;
use crate::desktop::app::Frame;
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::theme;
use crate::desktop::widgets::{command_icon, tool_button};

const FILE: &[Command] = &[Command::OpenList, Command::Save];
const ACTIVATE: &[Command] = &[
    Command::Activate,
    Command::ProxyActivate,
    Command::AcquireIds,
    Command::ApplyIds,
];

pub(super) fn toolbar_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let roomy = ui.available_width() > 1160.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::XS;
        for command in FILE {
            command_icon(ui, frame, *command);
        }
        ui.separator();
        tool_button(ui, frame, Command::Discover);
        tool_button(ui, frame, Command::AddComputers);
        tool_button(ui, frame, Command::UpdateStatus);
        ui.separator();
        tool_button(ui, frame, Command::InstallKey);
        activate_ui(ui, frame);
        ui.separator();
        let last = [Command::Import, Command::Export];
        for command in last {
            if roomy {
                tool_button(ui, frame, command);
            } else {
                command_icon(ui, frame, command);
            }
        }
    });
}

fn activate_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let button = Button::new((Icon::Activate.atom(), "Activate", Icon::Down.atom()))
        .gap(6.0)
        .frame_when_inactive(false);
    let able = ACTIVATE.iter().any(|c| c.unavailable(frame.facts).is_none());
    let response = ui.add_enabled(able, button).accessible_name("Activate…");
    Popup::menu(&response).width(300.0).show(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for command in ACTIVATE {
            menu_item(ui, frame, *command);
        }
    });
    let why = Command::Activate
        .unavailable(frame.facts)
        .unwrap_or("Nothing selected can be activated.");
    response
        .on_hover_text("Online, by proxy, or step by step across an air gap.")
        .on_disabled_hover_text(why);
}
