//! What a merge would do, row by row, with a choice for each: drawn in the dialogs that ask before one happens.

use egui::accesskit::Role;
use egui::{Align, ComboBox, Layout, RichText, ScrollArea, Ui, UiBuilder};

use super::note;
use crate::desktop::icons::Icon;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{chevron, elided, quiet_button, region};
use crate::model::merge::{Choice, MergePlan, MergeRow, What};

/// Which rows are shown: their places in the plan, by kind. Made off the drawing thread, because it grows with the plan.
pub struct MergePreview {
    by_kind: Vec<(What, Vec<usize>)>,
    shown: What,
}

/// Possible duplicates beyond these are counted, not listed.
const PAIRS: usize = 200;
const ROW_HEIGHT: f32 = 46.0;
const PAIR_HEIGHT: f32 = 30.0;

impl MergePreview {
    /// Sorts the rows of a plan by kind. The kind that concerns people most is shown first.
    pub fn new(plan: &MergePlan) -> Self {
        let rows_of = |what: What| -> Vec<usize> {
            let rows = plan.rows.iter().enumerate().filter(|(_, r)| r.what == what);
            rows.map(|(i, _)| i).collect()
        };
        let by_kind: Vec<(What, Vec<usize>)> = What::ALL
            .iter()
            .map(|what| (*what, rows_of(*what)))
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        let shown = by_kind.first().map_or(What::Same, |(what, _)| *what);
        Self { by_kind, shown }
    }

    /// Draws the plan; choices go into it.
    pub fn show(&mut self, ui: &mut Ui, plan: &mut MergePlan) {
        ui.horizontal_wrapped(|ui| {
            for (what, rows) in &self.by_kind {
                let text = format!("{} {}", kind(*what), words::number(rows.len()));
                if ui.selectable_label(self.shown == *what, text).clicked() {
                    self.shown = *what;
                }
            }
        });
        let Some((_, rows)) = self.by_kind.iter().find(|(what, _)| *what == self.shown) else {
            return;
        };
        ui.horizontal(|ui| {
            let label = ui.label("For all rows shown");
            for choice in choices(self.shown) {
                let button = quiet_button(ui, None, choice_label(self.shown, *choice)).labelled_by(label.id);
                if button.on_hover_text(meaning(*choice)).clicked() {
                    for index in rows {
                        if let Some(row) = plan.rows.get_mut(*index) {
                            row.choice = *choice;
                        }
                    }
                }
            }
        });
        // In a low window the buttons below must stay in sight.
        let room = (ui.ctx().content_rect().height() - 480.0).clamp(ROW_HEIGHT * 2.0, 300.0);
        let height = (rows.len() as f32 * ROW_HEIGHT).clamp(ROW_HEIGHT, room);
        ScrollArea::vertical()
            .id_salt(("merge rows", self.shown))
            .max_height(height)
            .min_scrolled_height(height)
            .auto_shrink([false, true])
            .show_rows(ui, ROW_HEIGHT, rows.len(), |ui, visible| {
                for index in rows.get(visible).unwrap_or_default() {
                    if let Some(row) = plan.rows.get_mut(*index) {
                        row_ui(ui, *index, row);
                    }
                }
            });
        pairs_ui(ui, plan);
    }
}

/// The kind of rows, as a heading.
fn kind(what: What) -> &'static str {
    match what {
        What::Conflict => "Conflicts",
        What::New => "New",
        What::NewerThere => "Newer there",
        What::Removed => "Removed there",
        What::NewerHere => "Newer here",
        What::Same => "The same",
    }
}

fn choices(what: What) -> &'static [Choice] {
    match what {
        What::New => &[Choice::Newest, Choice::Skip],
        What::Removed => &[Choice::Newest, Choice::Ours],
        _ => Choice::ALL,
    }
}

fn choice_label(what: What, choice: Choice) -> &'static str {
    match (what, choice) {
        (What::New, Choice::Newest) => "Add",
        (What::Removed, Choice::Newest) => "Remove here, too",
        (What::Conflict, Choice::Newest) => "Undecided: ours",
        _ => choice.label(),
    }
}

fn meaning(choice: Choice) -> &'static str {
    match choice {
        Choice::Newest => {
            "What was read last counts; where nothing tells, what is here. Confirmation IDs of both are kept."
        }
        Choice::Theirs => "What the other list says counts. Confirmation IDs of both are kept.",
        Choice::Ours => "What is here counts. Confirmation IDs of both are kept.",
        Choice::Skip => "The row stays as it is here; nothing comes in.",
    }
}

fn row_ui(ui: &mut Ui, index: usize, row: &mut MergeRow) {
    let subject = row.subject();
    let p = Palette::of(ui);
    region(ui, UiBuilder::new(), Role::Row, &subject, |ui| {
        ui.set_height(ROW_HEIGHT - ui.spacing().item_spacing.y);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            // The scroll bar floats over the right edge.
            ui.add_space(theme::M);
            let shown = choice_label(row.what, row.choice);
            let combo = ComboBox::from_id_salt(("choice", index))
                .selected_text(shown)
                .width(150.0)
                .icon(chevron)
                .show_ui(ui, |ui| {
                    for choice in choices(row.what) {
                        let entry = ui.selectable_label(row.choice == *choice, choice_label(row.what, *choice));
                        if entry.on_hover_text(meaning(*choice)).clicked() {
                            row.choice = *choice;
                        }
                    }
                });
            let name = format!("What to do with {subject}");
            combo.response.accessible_name(&name);
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                let differences = row.differences();
                let response = elided(ui, RichText::new(&subject));
                let detail = elided(ui, RichText::new(detail(row)).small().color(p.text_weak));
                if !differences.is_empty() {
                    response.union(detail).on_hover_ui(|ui| {
                        egui::Grid::new("differences").num_columns(3).show(ui, |ui| {
                            for heading in ["", "Here", "There"] {
                                ui.label(RichText::new(heading).text_style(theme::strong()));
                            }
                            ui.end_row();
                            for difference in &differences {
                                ui.label(difference.what);
                                ui.label(dash(&difference.ours));
                                ui.label(dash(&difference.theirs));
                                ui.end_row();
                            }
                        });
                    });
                }
            });
        });
    });
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "—" } else { text }
}

/// In one line: why it is a conflict, or what differs.
fn detail(row: &MergeRow) -> String {
    let why = row.contradictions.first().map(|c| c.label());
    if row.is_one_sided() {
        return words::sentence(why.unwrap_or_else(|| row.kind()));
    }
    let differences = row.differences();
    let one =
        |d: &crate::model::merge::Difference| format!("{}: {} here, {} there", d.what, dash(&d.ours), dash(&d.theirs));
    let first = differences.iter().take(2).map(one).chain(why.map(words::sentence));
    first.collect::<Vec<_>>().join(" · ")
}

fn pairs_ui(ui: &mut Ui, plan: &mut MergePlan) {
    let total = plan.possible_duplicates.len();
    if total == 0 {
        return;
    }
    let p = Palette::of(ui);
    ui.horizontal(|ui| {
        Icon::Info.sized_ui(ui, 14.0, p.idle);
        let text = words::count(total, "pair may be one computer", "pairs may be one computer each");
        ui.label(RichText::new(text).text_style(theme::strong()));
    });
    let height = (total.min(PAIRS) as f32 * PAIR_HEIGHT).min(PAIR_HEIGHT * 3.5);
    ScrollArea::vertical()
        .id_salt("pairs")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = PAIR_HEIGHT - ui.spacing().item_spacing.y;
            for pair in plan.possible_duplicates.iter_mut().take(PAIRS) {
                let text = format!("Make one of {} and {}", pair.keep_name, pair.other_name);
                ui.checkbox(&mut pair.join, text)
                    .on_hover_text(words::sentence(pair.why.label()));
            }
            if total > PAIRS {
                note(ui, &format!("and {} more", words::number(total - PAIRS)));
            }
        });
}
