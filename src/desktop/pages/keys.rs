//! The product keys: what each has left, when that was asked, and who carries it.

use egui::accesskit::Role;
use egui::{
    Frame as Surface, Label, Layout, Margin, Rect, RichText, ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo, vec2,
};

use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::orders::{Order, Scope};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{
    banner_ui, bar_ui, command_button, elided, empty_ui, page_heading, primary_command, quiet_button, region,
};
use crate::model::{KeyEntry, KeyType};
use crate::workspace::KeyProtection;
use crate::workspace::advice::{Generation, explain_failure};

pub(crate) fn keys_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let Some(snapshot) = frame.snapshot else { return };
    if snapshot.inventory.key_count() == 0 {
        empty_ui(
            ui,
            Icon::Key,
            "No product keys yet",
            "Add the Multiple Activation Keys (MAK) and KMS host keys your organisation owns. Microsoft's public KMS client setup \
             keys are known already.",
            |ui| {
                primary_command(ui, frame, Command::AddKeys);
            },
        );
        return;
    }
    ui.horizontal_top(|ui| {
        ui.with_layout(Layout::right_to_left(egui::Align::Min), |ui| {
            command_button(ui, frame, Command::RefreshCounts);
            command_button(ui, frame, Command::AddKeys);
            ui.with_layout(Layout::top_down(egui::Align::Min), |ui| {
                page_heading(ui, "Product keys", "Asking the activation service for counts spends nothing. Of a key, only the last five characters are shown.");
            });
        });
    });
    protection_ui(ui, frame);
    ui.add_space(theme::S);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        region(ui, UiBuilder::new(), Role::List, "Product keys", |ui| {
            for key in snapshot.inventory.keys() {
                key_ui(ui, frame, key);
            }
        });
    });
}

/// How the keys lie in the file, and what can be done about it.
fn protection_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let p = Palette::of(ui);
    let (icon, color, text, command) = match frame.facts.protection {
        KeyProtection::Clear => (
            Icon::Info,
            p.idle,
            "In the file they are in clear, as VAMT keeps them.",
            Command::SealKeys,
        ),
        KeyProtection::Locked => (
            Icon::Lock,
            p.warn,
            "Sealed and locked: the keys cannot be read. Everything that needs none of them works.",
            Command::UnlockKeys,
        ),
        KeyProtection::Unlocked => (
            Icon::Unlock,
            p.good,
            "Sealed in the file, unlocked here until MAKeeper closes.",
            Command::LockKeys,
        ),
    };
    ui.horizontal(|ui| {
        icon.ui(ui, color);
        ui.label(RichText::new(text).color(if icon == Icon::Lock { p.text } else { p.text_weak }));
        let able = command.unavailable(frame.facts);
        ui.add_enabled_ui(able.is_none(), |ui| {
            let button = quiet_button(ui, None, command.spec().text).on_hover_text(command.spec().tip);
            if button.clicked() {
                frame.run(command);
            }
            if let Some(why) = able {
                button.on_disabled_hover_text(why);
            }
        });
    });
}

fn key_ui(ui: &mut Ui, frame: &Frame<'_>, key: &KeyEntry) {
    let p = Palette::of(ui);
    let selected = frame.screen.key == Some(key.id);
    // A card that cannot be seen takes its place without being laid out.
    let place = ui.scope_id().with(key.id.0);
    let known: Option<f32> = ui.data(|d| d.get_temp(place));
    if let Some(height) = known {
        let size = vec2(ui.available_width(), height);
        if !ui.is_rect_visible(Rect::from_min_size(ui.cursor().min, size)) {
            ui.allocate_space(size);
            return;
        }
    }
    let builder = UiBuilder::new().id_salt(key.id.0).sense(Sense::click());
    let scope = ui.scope_builder(builder, |ui| {
        Surface::new()
            .fill(if selected { p.hovered } else { p.raised })
            .stroke(Stroke::new(1.0, if selected { p.accent } else { p.line }))
            .corner_radius(8)
            .inner_margin(Margin::symmetric(16, 12))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal_top(|ui| {
                    let wide = ui.available_width();
                    ui.vertical(|ui| {
                        ui.set_width((wide * 0.55).max(220.0));
                        what_ui(ui, frame, key);
                    });
                    ui.vertical(|ui| {
                        ui.set_width(ui.available_width());
                        left_ui(ui, frame, key);
                    });
                });
                if selected {
                    actions_ui(ui, frame, key);
                }
            });
    });
    let response = scope.response;
    let height = response.rect.height();
    if known != Some(height) {
        ui.data_mut(|d| d.insert_temp(place, height));
    }
    let locked = if key.is_locked() { ", locked" } else { "" };
    let name = format!(
        "{} {}, {}{locked}",
        key.key_type.label(),
        key.masked(),
        words::remaining(key)
    );
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, &name));
    if response.clicked() {
        frame.send(Event::SelectKey(key.id));
    }
    response.context_menu(|ui| {
        for command in [Command::KeyRemarks, Command::CopyKey, Command::RemoveKey] {
            if selected {
                crate::desktop::shell::menu_item(ui, frame, command);
            }
        }
        if !selected {
            frame.send(Event::SelectKey(key.id));
        }
    });
}

fn what_ui(ui: &mut Ui, frame: &Frame<'_>, key: &KeyEntry) {
    let p = Palette::of(ui);
    ui.spacing_mut().item_spacing.y = theme::XS;
    ui.spacing_mut().interact_size.y = 20.0;
    let title = if key.description.is_empty() {
        key.key_type.label()
    } else {
        &key.description
    };
    elided(ui, RichText::new(title).text_style(theme::strong()));
    ui.horizontal(|ui| {
        if key.is_locked() {
            Icon::Lock.sized_ui(ui, 14.0, p.text_weak);
        }
        ui.add(Label::new(RichText::new(key.masked()).monospace()));
        if !key.description.is_empty() {
            ui.label(RichText::new(key.key_type.label()).color(p.text_weak));
        }
    });
    let carriers = frame.answer.carriers.get(&key.id).copied().unwrap_or(0);
    ui.horizontal(|ui| {
        if carriers == 0 {
            ui.label(RichText::new("Installed on no product of the list").color(p.text_weak));
        } else if let Some(five) = key.last_five {
            let text = format!("Installed on {}", words::count(carriers, "product", "products"));
            if quiet_button(ui, None, &text)
                .on_hover_text("Show these products")
                .clicked()
            {
                frame.send(Event::ShowRows(format!("key:{five}")));
            }
        }
    });
    if !key.remarks.is_empty() {
        ui.add(Label::new(RichText::new(&*key.remarks).color(p.text_weak)).wrap());
    }
}

fn left_ui(ui: &mut Ui, frame: &Frame<'_>, key: &KeyEntry) {
    let p = Palette::of(ui);
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.spacing_mut().interact_size.y = 20.0;
    if key.key_type != KeyType::Mak {
        let text = match key.key_type {
            KeyType::Gvlk => "Needs no activation count: activated by a KMS host or Active Directory.",
            KeyType::Csvlk => "For KMS hosts. The service does not count it here.",
            _ => "The service counts activations of MAKs only.",
        };
        ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
        return;
    }
    let low = is_low(key, frame.settings.low_water);
    let color = if low { p.warn } else { p.accent };
    ui.horizontal(|ui| {
        ui.label(RichText::new(words::remaining(key)).text_style(theme::strong()));
        if low {
            Icon::Warning.sized_ui(ui, 14.0, p.warn);
            ui.label(RichText::new("running out").color(p.warn));
        }
    });
    if let Some(left) = key.remaining.and_then(|r| r.left) {
        let most = key.most_seen.unwrap_or(left).max(left).max(1);
        bar_ui(ui, left as f32 / most as f32, color, ui.available_width().min(320.0));
    }
    let asked = match key.remaining.and_then(|r| r.at) {
        Some(at) => format!("Asked {} ({})", words::ago(at, frame.now), words::moment(at)),
        None if key.remaining.is_some() => "Asked at an unknown time".into(),
        None => "Never asked".into(),
    };
    ui.label(RichText::new(asked).small().color(p.text_weak));
    if let Some(mark) = key.low_water {
        ui.label(
            RichText::new(format!("Warns below {}", words::number(mark as usize)))
                .small()
                .color(p.text_weak),
        );
    }
}

/// Fewer left than the key's own mark, else than that of the settings, else none.
pub(crate) fn is_low(key: &KeyEntry, low_water: Option<u32>) -> bool {
    let left = key.remaining.and_then(|r| r.left);
    left.is_some_and(|left| left < key.low_water.or(low_water).unwrap_or(1))
}

fn actions_ui(ui: &mut Ui, frame: &Frame<'_>, key: &KeyEntry) {
    if let Some(failure) = &key.last_failure {
        let explained = explain_failure(failure, Generation::Unknown);
        let text = format!("{}\n{}", words::sentence(&failure.to_string()), explained.remedy);
        banner_ui(ui, Health::Bad, "The last refresh failed", &text);
    }
    ui.horizontal_wrapped(|ui| {
        if key.key_type == KeyType::Mak && quiet_button(ui, Some(Icon::Refresh), "Refresh this count").clicked() {
            frame.send(Event::Order(Order::Refresh(Some(key.id)), Scope::Ready));
        }
        for (command, icon) in [
            (Command::KeyRemarks, Icon::Edit),
            (Command::CopyKey, Icon::Copy),
            (Command::RemoveKey, Icon::Remove),
        ] {
            let able = command.unavailable(frame.facts);
            ui.add_enabled_ui(able.is_none(), |ui| {
                let button = quiet_button(ui, Some(icon), command.spec().text);
                if button.clicked() {
                    frame.run(command);
                }
                if let Some(why) = able {
                    button.on_disabled_hover_text(why);
                }
            });
        }
    });
}
