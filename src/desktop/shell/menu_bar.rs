//! The menu bar: a view of the command table.

use egui::{Button, MenuBar, RichText, Ui, containers::menu::MenuButton, containers::menu::SubMenuButton};

use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::{Command, Menu};
use crate::desktop::icons::Icon;
use crate::desktop::state::columns;
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::state::facts::Page;
use crate::desktop::state::screen::{GROUPS, Look};
use crate::desktop::theme::Palette;
use crate::model::Column;

pub(super) fn menu_bar_ui(ui: &mut Ui, frame: &Frame<'_>) {
    MenuBar::new().ui(ui, |ui| {
        for menu in Menu::ALL {
            MenuButton::new(menu.title()).ui(ui, |ui| menu_ui(ui, frame, *menu));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let p = Palette::of(ui);
            let key = Command::CommandPalette
                .spec()
                .shortcut
                .map(|s| ui.ctx().format_shortcut(&s));
            let text = RichText::new(format!("Commands  {}", key.unwrap_or_default())).color(p.text_weak);
            let button = Button::new((Icon::Search.atom(), text))
                .gap(6.0)
                .frame_when_inactive(false);
            if ui.add(button).accessible_name("Open command palette").clicked() {
                frame.run(Command::CommandPalette);
            }
        });
    });
}

fn menu_ui(ui: &mut Ui, frame: &Frame<'_>, menu: Menu) {
    ui.spacing_mut().item_spacing.y = 2.0;
    let all = |c: &&Command| c.spec().menu == menu && !is_way(**c);
    for command in Command::ALL.iter().filter(all) {
        if command.spec().separated {
            ui.separator();
        }
        if *command == Command::ThemeSystem {
            group_menu_ui(ui, frame);
            SubMenuButton::new("Columns").ui(ui, |ui| columns_ui(ui, frame));
            ui.separator();
        }
        menu_item(ui, frame, *command);
        match *command {
            Command::OpenList => recent_menu_ui(ui, frame),
            Command::EditComputer => ways_menu_ui(ui, frame),
            Command::Discover => saved_menu_ui(ui, frame),
            _ => {}
        }
    }
}

fn is_way(command: Command) -> bool {
    use Command as C;
    matches!(command, C::WayAutomatic | C::WayHttps | C::WayHttp | C::WayDcom)
}

/// The way in to the selected computers.
pub fn ways_menu_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let able = Command::WayAutomatic.unavailable(frame.facts).is_none();
    ui.add_enabled_ui(able, |ui| {
        SubMenuButton::new("Way in").ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for command in Command::ways() {
                menu_item(ui, frame, command);
            }
        });
    });
}

fn recent_menu_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let recent = frame.screen.recent.paths();
    let able = !recent.is_empty() && Command::OpenList.unavailable(frame.facts).is_none();
    ui.add_enabled_ui(able, |ui| {
        SubMenuButton::new("Open recent").ui(ui, |ui| {
            for path in recent {
                if ui.button(path.display().to_string()).clicked() {
                    frame.send(Event::OpenRecent(path.clone()));
                    ui.close();
                }
            }
            ui.separator();
            if ui.button("Forget these").clicked() {
                frame.send(Event::ForgetRecent);
                ui.close();
            }
        });
    });
}

/// The discoveries that the list keeps.
fn saved_menu_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let saved = frame
        .snapshot
        .map(|s| s.inventory.header().discoveries.as_slice())
        .unwrap_or_default();
    let able = !saved.is_empty() && Command::Discover.unavailable(frame.facts).is_none();
    ui.add_enabled_ui(able, |ui| {
        SubMenuButton::new("Saved discoveries").ui(ui, |ui| {
            for discovery in saved {
                let item = ui.button(&*discovery.name).on_hover_text(discovery.in_words());
                if item.clicked() {
                    frame.send(Event::Discovery(DiscoveryEvent::RunSaved(discovery.name.to_string())));
                    ui.close();
                }
            }
            ui.separator();
            if ui.button("Rename or remove…").clicked() {
                frame.run(Command::ShowDiscovery);
                ui.close();
            }
        });
    });
}

fn group_menu_ui(ui: &mut Ui, frame: &Frame<'_>) {
    SubMenuButton::new("Group by").ui(ui, |ui| {
        let current = frame.screen.spec.group_by;
        if ui.radio(current.is_none(), "Nothing").clicked() {
            frame.send(Event::Group(None));
        }
        for column in GROUPS {
            if ui.radio(current == Some(*column), column.heading()).clicked() {
                frame.send(Event::Group(Some(*column)));
            }
        }
    });
}

/// Which columns the product list has.
pub fn columns_ui(ui: &mut Ui, frame: &Frame<'_>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.spacing_mut().interact_size.y = 22.0;
    let shown = &frame.screen.columns;
    for column in columns::with(Column::ALL, Column::Computer, true) {
        let mut chosen = shown.contains(&column);
        let able = column != Column::Computer;
        let check = ui.add_enabled(able, egui::Checkbox::new(&mut chosen, column.heading()));
        if check.changed() {
            frame.send(Event::Columns(columns::with(shown, column, chosen)));
        }
    }
    ui.separator();
    if ui.button("Usual columns").clicked() {
        frame.send(Event::Columns(columns::USUAL.to_vec()));
    }
}

/// A command as an item of a menu.
pub fn menu_item(ui: &mut Ui, frame: &Frame<'_>, command: Command) {
    let p = Palette::of(ui);
    let spec = command.spec();
    let why = command.unavailable(frame.facts);
    let screen = frame.screen;
    let chosen = match command {
        Command::ThemeSystem => screen.look == Look::System,
        Command::ThemeLight => screen.look == Look::Light,
        Command::ThemeDark => screen.look == Look::Dark,
        Command::ToggleDetails => screen.details,
        Command::ShowProducts => screen.page == Page::Products,
        Command::ShowKeys => screen.page == Page::Keys,
        Command::ShowAirGap => screen.page == Page::AirGap,
        Command::ShowActivity => screen.page == Page::Activity,
        Command::ShowKms => screen.page == Page::Kms,
        Command::ShowDiscovery => screen.page == Page::Discovery,
        _ => false,
    };
    // A fixed place for the symbol keeps the texts in line.
    let icon = if chosen { Some(Icon::Check) } else { spec.icon };
    let symbol = egui::Atom::paint(egui::Vec2::splat(Icon::SIZE), move |ui, args| {
        if let Some(icon) = icon {
            icon.paint(ui.painter(), args.rect, args.fallback_text_color);
        }
    });
    let text = command.text(frame.facts);
    let mut button = Button::new((symbol, text.clone().into_owned())).gap(8.0);
    if let Some(shortcut) = spec.shortcut {
        button = button.shortcut_text(RichText::new(ui.ctx().format_shortcut(&shortcut)).color(p.text_weak));
    }
    let response = ui.add_enabled(why.is_none(), button).accessible_name(text.as_ref());
    if response.clicked() {
        frame.run(command);
        ui.close();
    }
    if let Some(why) = why {
        response.on_disabled_hover_text(why);
    }
}
