//! Somebody else saved the list meanwhile: what both versions become, before they do.

use egui::Context;

use super::merge::MergePreview;
use super::{Stay, buttons, dialog_ui, note, paragraph, tall_ui};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::widgets::{plain_button, primary_button};
use crate::workspace::ReloadPlan;

/// A plan that waits for a decision.
pub struct Reload {
    plan: Option<ReloadPlan>,
    preview: MergePreview,
}

impl Reload {
    pub(super) fn new(plan: ReloadPlan) -> Self {
        let preview = MergePreview::new(&plan.merge);
        Self {
            plan: Some(plan),
            preview,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let Some(plan) = &mut self.plan else { return Stay::Close };
        let mut apply = false;
        let preview = &mut self.preview;
        let done = dialog_ui(ctx, "Somebody else saved this list", 760.0, |ui| {
            tall_ui(ui, 0.0, |ui| {
                paragraph(
                    ui,
                    "The file was changed since it was opened here. Both versions can become one; rows that only one side changed are settled.",
                );
                preview.show(ui, &mut plan.merge);
                note(
                    ui,
                    "Nothing is lost until then: your changes are in the journal beside the file.",
                );
            });
            let mut done = false;
            buttons(ui, |ui| {
                if primary_button(ui, true, "Merge and save").clicked() {
                    apply = true;
                    done = true;
                }
                if plain_button(ui, "Save as…").clicked() {
                    frame.run(Command::SaveAs);
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        if apply && let Some(plan) = self.plan.take() {
            frame.send(Event::ApplyReload(Box::new(plan)));
        }
        Stay::unless(done.unwrap_or(true))
    }
}
