//! Which suffixes are looked at for KMS hosts, and which hosts may be there.

use egui::Context;

use super::{Stay, answer_button, begin_in, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::discovery::KmsEvent;
use crate::desktop::widgets::{plain_button, scrolled, text_box};

/// What was typed.
pub struct KmsDns {
    suffixes: String,
    approved: String,
    focused: bool,
}

fn lines(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for piece in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')) {
        let piece = piece.trim().trim_end_matches('.');
        if !piece.is_empty() && !all.iter().any(|known| known.eq_ignore_ascii_case(piece)) {
            all.push(piece.to_owned());
        }
    }
    all
}

impl KmsDns {
    pub(super) fn new(suffixes: &[String], approved: &[crate::model::Text]) -> Self {
        let approved: Vec<&str> = approved.iter().map(|h| &**h).collect();
        Self {
            suffixes: suffixes.join("\n"),
            approved: approved.join("\n"),
            focused: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "KMS hosts in DNS", 480.0, |ui| {
            let label = ui.label("DNS suffixes, one a line");
            let edit = text_box(&mut self.suffixes, 3).hint_text("Those of this machine and of the list's computers");
            let edit = scrolled(ui, edit, 3).labelled_by(label.id);
            begin_in(&edit, &mut self.focused);
            let label = ui.label("Approved KMS hosts, one a line");
            let edit = text_box(&mut self.approved, 4).hint_text("kms1.contoso.com");
            ui.add_enabled_ui(!frame.facts.read_only, |ui| scrolled(ui, edit, 4).labelled_by(label.id));
            note(
                ui,
                "Kept in the list. Any other host that DNS names is shown as not approved: mostly a client on which somebody installed \
                 a KMS host key. Without approved hosts nothing is said about that.",
            );
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, true, "Look") {
                    let (approved, suffixes) = (lines(&self.approved), lines(&self.suffixes));
                    frame.send(Event::Kms(KmsEvent::Approve(approved, suffixes)));
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn hosts_are_told_apart_by_whatever_stands_between() {
        assert_eq!(
            lines("kms1.a.com, KMS1.a.com\n\n kms2.a.com. ;x"),
            ["kms1.a.com", "kms2.a.com", "x"]
        );
    }
}
