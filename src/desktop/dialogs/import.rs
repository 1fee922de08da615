//! What an import would do, before it does it.

use std::path::PathBuf;

use egui::{Context, RichText, ScrollArea};

use super::merge::MergePreview;
use super::{Stay, answer_button, buttons, dialog_ui, note, tall_ui};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{banner_ui, plain_button, quiet_button};
use crate::workspace::ImportPlan;

/// A plan that waits for a decision.
pub struct Import {
    path: PathBuf,
    plan: Option<ImportPlan>,
    preview: MergePreview,
    take_theirs: bool,
}

/// More rows than this are counted, not listed.
const LISTED: usize = 200;

impl Import {
    pub(super) fn new(path: PathBuf, plan: ImportPlan) -> Self {
        Self {
            path,
            preview: MergePreview::new(&plan.merge),
            plan: Some(plan),
            take_theirs: false,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let Some(plan) = &mut self.plan else { return Stay::Close };
        let mut apply = false;
        let preview = &mut self.preview;
        let width = if plan.is_merge() { 760.0 } else { 560.0 };
        let done = dialog_ui(ctx, "Import list", width, |ui| {
            let nothing = plan.is_nothing();
            // What is asked of the person stays in sight, too.
            let below =
                if plan.locked_keys > 0 { 30.0 } else { 0.0 } + if plan.conflicts.is_empty() { 0.0 } else { 52.0 };
            tall_ui(ui, below, |ui| {
                ui.label(RichText::new(self.path.display().to_string()).text_style(theme::strong()));
                if nothing {
                    banner_ui(
                        ui,
                        Health::Unknown,
                        "Nothing new",
                        "Everything in this file is in the list already, or belongs to other products.",
                    );
                }
                if plan.is_merge() {
                    ids_ui(ui, plan);
                    preview.show(ui, &mut plan.merge);
                } else {
                    summary_ui(ui, plan);
                }
                lines_ui(ui, plan);
            });
            if plan.locked_keys > 0 {
                let keys = words::count(plan.locked_keys, "product key is", "product keys are");
                ui.horizontal(|ui| {
                    Icon::Lock.sized_ui(ui, 14.0, Palette::of(ui).warn);
                    ui.label(format!("{keys} sealed in the file."));
                    if quiet_button(ui, None, "Unlock them…").clicked() {
                        frame.send(Event::AskPassphraseOf(self.path.clone()));
                    }
                });
            }
            if !plan.conflicts.is_empty() {
                ui.checkbox(
                    &mut self.take_theirs,
                    "Where both have a confirmation ID, use the one of the file",
                );
                note(ui, "The other one is kept among the earlier ones: none is thrown away.");
            }
            let mut done = false;
            buttons(ui, |ui| {
                let verb = if plan.is_merge() { "Merge" } else { "Import" };
                if answer_button(ui, !nothing || self.take_theirs, verb) {
                    apply = true;
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        if apply && let Some(mut plan) = self.plan.take() {
            if self.take_theirs {
                plan.take_their_confirmation_ids();
            }
            frame.send(Event::ApplyImport(Box::new(plan)));
        }
        Stay::unless(done.unwrap_or(true))
    }
}

/// What counts most: the rows stand below.
fn ids_ui(ui: &mut egui::Ui, plan: &ImportPlan) {
    let ids = words::count(plan.confirmation_ids, "new confirmation ID", "new confirmation IDs");
    ui.label(format!(
        "{ids}. Confirmation IDs of both lists are kept, unless a row is left out."
    ));
}

fn summary_ui(ui: &mut egui::Ui, plan: &ImportPlan) {
    let p = Palette::of(ui);
    let rows = [
        (
            Icon::Check,
            p.good,
            plan.confirmation_ids,
            "new confirmation ID",
            "new confirmation IDs",
        ),
        (
            Icon::Check,
            p.good,
            plan.matched,
            "row found its product",
            "rows found their products",
        ),
        (Icon::Check, p.good, plan.added, "product is new", "products are new"),
        (
            Icon::Info,
            p.idle,
            plan.already_known,
            "row brings nothing new",
            "rows bring nothing new",
        ),
        (
            Icon::Warning,
            p.warn,
            plan.conflicts.len(),
            "row contradicts the list and is left out",
            "rows contradict the list and are left out",
        ),
        (
            Icon::Warning,
            p.warn,
            plan.unmatched.len(),
            "row matches nothing and is left out",
            "rows match nothing and are left out",
        ),
    ];
    for (icon, color, n, one, many) in rows {
        if n > 0 {
            ui.horizontal(|ui| {
                icon.sized_ui(ui, 14.0, color);
                ui.label(words::count(n, one, many));
            });
        }
    }
}

fn lines_ui(ui: &mut egui::Ui, plan: &ImportPlan) {
    let conflicts = plan.conflicts.iter().map(|c| {
        let text = "another confirmation ID is known for the same installation ID; the known one is kept";
        (c.row.as_str(), text)
    });
    let notes = plan
        .unmatched
        .iter()
        .chain(&plan.notes)
        .map(|n| (n.row.as_str(), n.reason.as_str()));
    let total = plan.conflicts.len() + plan.unmatched.len() + plan.notes.len();
    if total == 0 {
        return;
    }
    ui.label(RichText::new("Remarks").text_style(theme::strong()));
    ScrollArea::vertical()
        .id_salt("remarks")
        .max_height(180.0)
        .min_scrolled_height(180.0)
        .show(ui, |ui| {
            for (row, text) in conflicts.chain(notes).take(LISTED) {
                let text = if row.is_empty() {
                    text.to_owned()
                } else {
                    format!("{row}: {text}")
                };
                ui.add(egui::Label::new(words::sentence(&text)).selectable(true).wrap());
            }
            if total > LISTED {
                note(ui, &format!("and {} more", words::number(total - LISTED)));
            }
        });
}
