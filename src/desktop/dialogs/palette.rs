//! Any command by its name.

use egui::{Button, Context, Key, Modifiers, RichText, ScrollArea};

use super::{Stay, hanging_dialog_ui, note};
use crate::desktop::app::Frame;
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::theme::{self, Palette as Colors};
use crate::desktop::widgets::text_line;

/// What was typed and where the keyboard is.
#[derive(Debug, Default)]
pub struct Palette {
    text: String,
    at: usize,
    focused: bool,
}

/// The commands whose menu and text contain every word typed, those that begin with the text first.
pub fn find(text: &str) -> Vec<Command> {
    let text = text.trim().to_lowercase();
    let mut found: Vec<Command> = Command::ALL
        .iter()
        .copied()
        .filter(|c| *c != Command::CommandPalette)
        .filter(|c| {
            let spec = c.spec();
            let hay = format!("{} {}", spec.menu.title(), spec.text).to_lowercase();
            text.split_whitespace().all(|word| hay.contains(word))
        })
        .collect();
    found.sort_by_key(|c| !c.spec().text.to_lowercase().starts_with(&text));
    found
}

impl Palette {
    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let (down, up) = ctx.input_mut(|i| {
            let down = i.consume_key(Modifiers::NONE, Key::ArrowDown);
            (down, i.consume_key(Modifiers::NONE, Key::ArrowUp))
        });
        let enter = ctx.input(|i| i.key_pressed(Key::Enter));
        let done = hanging_dialog_ui(ctx, "Commands", 520.0, |ui| {
            let edit = text_line(&mut self.text).hint_text("Type what you want to do");
            let edit = ui.add(edit).accessible_name("Find a command");
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
            }
            if edit.changed() {
                self.at = 0;
            }
            let found = find(&self.text);
            if found.is_empty() {
                note(ui, "No command has that name.");
            }
            let last = found.len().saturating_sub(1);
            self.at = if up {
                self.at.saturating_sub(1)
            } else {
                self.at + usize::from(down)
            }
            .min(last);
            let mut done = false;
            ScrollArea::vertical()
                .id_salt("commands")
                .max_height(380.0)
                .min_scrolled_height(380.0)
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    for (i, command) in found.iter().enumerate() {
                        let chosen = i == self.at;
                        let response = row_ui(ui, frame, *command, chosen);
                        if chosen && (up || down) {
                            response.scroll_to_me(None);
                        }
                        let able = command.unavailable(frame.facts).is_none();
                        if able && (response.clicked() || (chosen && enter)) {
                            frame.run(*command);
                            done = true;
                        }
                    }
                });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}

fn row_ui(ui: &mut egui::Ui, frame: &Frame<'_>, command: Command, chosen: bool) -> egui::Response {
    let p = Colors::of(ui);
    let spec = command.spec();
    let why = command.unavailable(frame.facts);
    let color = if why.is_some() { p.text_weak } else { p.text };
    let icon = spec.icon.unwrap_or(Icon::Right);
    let right = why.map_or_else(
        || spec.shortcut.map(|s| ui.ctx().format_shortcut(&s)).unwrap_or_default(),
        |_| "not now".to_owned(),
    );
    let menu = RichText::new(spec.menu.title()).color(p.text_weak);
    let button = Button::new((icon.atom(), RichText::new(command.text(frame.facts)).color(color), menu))
        .right_text(RichText::new(right).color(p.text_weak))
        .frame_when_inactive(chosen)
        .selected(chosen)
        .gap(theme::S)
        .min_size(egui::vec2(ui.available_width(), 30.0));
    ui.add(button)
        .on_hover_text(command.tooltip(ui.ctx(), frame.facts))
        .accessible_name(spec.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_words_of_menu_and_name() {
        assert_eq!(find("license")[0], Command::UpdateStatus);
        assert_eq!(find("confirm apply"), [Command::ApplyIds]);
        assert!(find("no such thing").is_empty());
        assert_eq!(find("").len(), Command::ALL.len() - 1);
    }
}
