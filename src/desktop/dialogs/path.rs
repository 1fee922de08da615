//! A file by its path, on systems without a file dialog of their own (no desktop portal, remote sessions).

use std::path::PathBuf;

use egui::{Context, Key};

use super::{Stay, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::jobs::Purpose;
use crate::desktop::picker::PickFile;
use crate::desktop::state::words::Health;
use crate::desktop::widgets::{banner_ui, plain_button, primary_button, text_line};

/// What was typed.
pub struct PathDialog {
    purpose: Purpose,
    ask: PickFile,
    text: String,
    exists: Option<PathBuf>,
    focused: bool,
}

impl PathDialog {
    pub(super) fn new(purpose: Purpose, ask: PickFile) -> Self {
        let folder = ask.folder.clone().unwrap_or_default();
        Self {
            text: folder.join(&ask.file_name).display().to_string(),
            purpose,
            ask,
            exists: None,
            focused: false,
        }
    }

    /// The file is there already.
    pub fn found(&mut self, path: PathBuf) {
        self.exists = Some(path);
    }

    /// What was typed, with the ending it needs.
    fn path(&self) -> PathBuf {
        let path = PathBuf::from(self.text.trim());
        match (self.ask.save, path.extension(), self.ask.endings.first()) {
            (true, None, Some(ending)) => path.with_extension(ending),
            _ => path,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, self.ask.title, 560.0, |ui| {
            let label = ui.label("File");
            let edit = ui.add(text_line(&mut self.text)).labelled_by(label.id);
            if !std::mem::replace(&mut self.focused, true) {
                edit.request_focus();
            }
            let path = self.path();
            let replace = self.exists.as_ref() == Some(&path);
            if replace {
                let text = "It will be replaced.";
                banner_ui(ui, Health::Soon, "There is such a file already", text);
            } else {
                let endings = self.ask.endings.join(", .");
                let kind = self.ask.kind;
                note(
                    ui,
                    &format!("{kind} (.{endings}). This system has no file dialog of its own to choose with."),
                );
            }
            let ready = path.file_name().is_some() && !frame.facts.busy_with_file;
            let entered = edit.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
            let mut cancelled = false;
            buttons(ui, |ui| {
                let verb = match (self.ask.save, replace) {
                    (true, true) => "Replace",
                    (true, false) => "Use this file",
                    (false, _) => "Open this file",
                };
                if (primary_button(ui, ready, verb).clicked() || entered) && ready {
                    frame.send(Event::TypedPath(self.purpose.clone(), path, replace || !self.ask.save));
                }
                cancelled = plain_button(ui, "Cancel").clicked();
            });
            cancelled
        });
        Stay::unless(done.unwrap_or(true))
    }
}
