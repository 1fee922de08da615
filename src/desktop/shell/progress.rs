//! The progress drawer: one run, a row per computer, product or key; cancel, retry, close.

use egui::accesskit::Role;
use egui::{
    Align, Button, Frame as Surface, Label, Layout, Margin, Panel, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::state::words;
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{bar_ui, icon_button, paint_text, region};
use crate::workspace::advice::{Generation, explain_failure};
use crate::workspace::{RowState, Run, RunProgress, RunRow};

const ROW: f32 = 24.0;
/// Margins and head of the drawer: what stands above its rows.
const HEAD: f32 = 56.0;
/// So few rows need no drawer that can be made larger.
const FEW: usize = 4;

pub(super) fn drawer_ui(ui: &mut Ui, frame: &Frame<'_>, run: &Run) {
    let p = Palette::of(ui);
    let progress = run.progress();
    let open = frame.screen.drawer_open;
    let surface = Surface::new().fill(p.raised).inner_margin(Margin::symmetric(12, 6));
    let highest = (ui.available_height() * 0.5).max(120.0);
    // A panel each, so that the height chosen for the open drawer is remembered while it is folded.
    let panel = if !open {
        Panel::bottom("drawer-folded").resizable(false)
    } else if progress.total <= FEW {
        let height = HEAD + ROW * progress.total as f32;
        Panel::bottom("drawer-of-few").resizable(false).exact_size(height)
    } else {
        Panel::bottom("drawer")
            .resizable(true)
            .default_size(208.0)
            .size_range(110.0..=highest)
    };
    panel.frame(surface).show(ui, |ui| {
        region(ui, UiBuilder::new(), Role::Group, "Progress", |ui| {
            head_ui(ui, frame, run, &progress);
            if open {
                ui.add_space(theme::XS);
                rows_ui(ui, frame, &progress);
            }
        });
    });
}

fn head_ui(ui: &mut Ui, frame: &Frame<'_>, run: &Run, progress: &RunProgress) {
    let p = Palette::of(ui);
    ui.horizontal(|ui| {
        let open = frame.screen.drawer_open;
        let (icon, name) = if open {
            (Icon::Down, "Hide rows")
        } else {
            (Icon::Up, "Show rows")
        };
        if icon_button(ui, icon, name).clicked() {
            frame.send(Event::ToggleDrawer);
        }
        let title = if progress.finished {
            format!("{}: done", run.title())
        } else {
            run.title().to_owned()
        };
        ui.label(RichText::new(title).text_style(theme::strong()));
        let share = if progress.total == 0 {
            1.0
        } else {
            progress.done() as f32 / progress.total as f32
        };
        let color = if progress.failed > 0 {
            p.warn
        } else if progress.finished {
            p.good
        } else {
            p.accent
        };
        bar_ui(ui, share, color, (ui.available_width() * 0.2).clamp(60.0, 200.0));
        let done = format!("{} / {}", words::number(progress.done()), words::number(progress.total));
        let figures = ui.label(done);
        figures.widget_info(|| {
            let text = format!("{} of {} done", progress.done(), progress.total);
            WidgetInfo::labeled(Role::Status, true, text)
        });
        figures_ui(ui, frame, progress);
        ui.label(RichText::new(words::clock(progress.elapsed)).color(p.text_weak))
            .on_hover_text("Elapsed time");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if progress.finished {
                if icon_button(ui, Icon::Cross, "Close progress").clicked() {
                    frame.send(Event::CloseDrawer);
                }
                if progress.failed + progress.cancelled > 0 {
                    let retry = Button::new((Icon::Retry.atom(), "Retry failed")).gap(6.0);
                    let retry = ui.add(retry).on_hover_text(
                        "Tries again what could now succeed. A refused password is tried again once there are other credentials.",
                    );
                    if retry.clicked() {
                        frame.send(Event::RetryRun);
                    }
                }
            } else {
                let cancel = Button::new((Icon::Stop.atom(), "Cancel")).gap(6.0);
                let cancelling = run.is_cancelled();
                if ui
                    .add_enabled(!cancelling, cancel)
                    .accessible_name("Cancel run")
                    .clicked()
                {
                    frame.send(Event::CancelRun);
                }
                let mut closes = frame.screen.drawer_closes;
                if ui.checkbox(&mut closes, "Close when done").changed() {
                    frame.send(Event::DrawerCloses(closes));
                }
            }
        });
    });
}

/// How rows ended; the failed ones can be looked at alone.
fn figures_ui(ui: &mut Ui, frame: &Frame<'_>, progress: &RunProgress) {
    let p = Palette::of(ui);
    if progress.succeeded > 0 {
        let text = format!("{} succeeded", words::number(progress.succeeded));
        ui.label(RichText::new(text).color(p.good));
    }
    if progress.failed > 0 {
        let only = frame.screen.drawer_failed_only;
        let text = RichText::new(format!("{} failed", words::number(progress.failed))).color(p.bad);
        let button = ui
            .add(Button::selectable(only, text))
            .on_hover_text("Show the failed rows only");
        if button.clicked() {
            frame.send(Event::DrawerFailedOnly(!only));
        }
        let classes = progress.failures_in_words();
        ui.add(Label::new(RichText::new(&classes).color(p.text_weak)).truncate())
            .on_hover_text(classes);
    }
    for (n, word) in [(progress.skipped, "nothing to do"), (progress.cancelled, "cancelled")] {
        if n > 0 {
            ui.label(RichText::new(format!("{} {word}", words::number(n))).color(p.text_weak));
        }
    }
}

fn rows_ui(ui: &mut Ui, frame: &Frame<'_>, progress: &RunProgress) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let order = order(progress, frame.screen.drawer_failed_only);
    let shown = order.as_ref().map_or(progress.rows.len(), Vec::len);
    ScrollArea::vertical()
        .id_salt("run-rows")
        .auto_shrink([false, false])
        // By default a scroll area is never lower than 64 points: of a drawer with one row it would push the head out.
        .min_scrolled_height(ROW)
        .show_rows(ui, ROW, shown, |ui, range| {
            for line in range {
                let index = order.as_ref().map_or(Some(line), |o| o.get(line).copied());
                if let Some(row) = index.and_then(|i| progress.rows.get(i)) {
                    row_ui(ui, row);
                }
            }
        });
}

/// The rows by their index as they are shown; `None`: as they are. While a run goes on they stay in their places; once it is done,
/// the failed ones come first: they are what is left to do.
fn order(progress: &RunProgress, failed_only: bool) -> Option<Vec<usize>> {
    if progress.failed == 0 || !(failed_only || progress.finished) {
        return None;
    }
    let failed = |i: &usize| {
        let row = progress.rows.get(*i);
        row.is_some_and(|r| matches!(r.state, RowState::Failed(_)))
    };
    let (mut order, others): (Vec<usize>, Vec<usize>) = (0..progress.rows.len()).partition(failed);
    if !failed_only {
        order.extend(others);
    }
    Some(order)
}

fn row_ui(ui: &mut Ui, row: &RunRow) {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let whole = match &row.state {
        RowState::Waiting => "Waiting".to_owned(),
        RowState::Cancelled => "Cancelled".to_owned(),
        other => words::capital(&other.text()),
    };
    // The row names the computer already; the sentence and the remedy are a hover away, and in the details.
    let text = match &row.state {
        RowState::Failed(failure) => words::cause(failure),
        _ => whole.clone(),
    };
    let (icon, color) = match &row.state {
        RowState::Waiting => (Icon::Clock, p.idle),
        RowState::Running(_) => (Icon::Refresh, p.accent),
        RowState::Succeeded(_) => (Icon::Good, p.good),
        RowState::Skipped(_) => (Icon::Info, p.idle),
        RowState::Failed(_) => (Icon::Bad, p.bad),
        RowState::Cancelled => (Icon::Cross, p.idle),
    };
    let name = format!("{} {}: {whole}", row.name, row.detail);
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, &name));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let at = pos2(rect.left() + 2.0, rect.center().y - 7.0);
    icon.paint(ui.painter(), Rect::from_min_size(at, vec2(14.0, 14.0)), color);
    let (left, width) = (rect.left() + 24.0, rect.width() - 24.0 - 56.0);
    let names = (width * 0.24).clamp(110.0, 240.0);
    let details = if row.detail.is_empty() {
        0.0
    } else {
        (width * 0.26).clamp(90.0, 280.0)
    };
    let cell = |from: f32, to: f32| Rect::from_min_max(pos2(from, rect.top()), pos2(to - 12.0, rect.bottom()));
    let mut cut = paint_text(ui, cell(left, left + names), &row.name, p.text, false);
    if details > 0.0 {
        cut |= paint_text(
            ui,
            cell(left + names, left + names + details),
            &row.detail,
            p.text_weak,
            false,
        );
    }
    let ink = if matches!(row.state, RowState::Failed(_)) {
        p.bad
    } else {
        p.text_weak
    };
    cut |= paint_text(ui, cell(left + names + details, left + width), &text, ink, false);
    if let Some(elapsed) = row.elapsed {
        let text = format!("{:.1} s", elapsed.as_secs_f32());
        paint_text(
            ui,
            cell(rect.right() - 52.0, rect.right() + 12.0),
            &text,
            p.text_weak,
            false,
        );
    }
    if let RowState::Failed(failure) = &row.state {
        response.on_hover_ui(|ui| {
            ui.set_max_width(420.0);
            ui.label(words::sentence(&whole));
            // What the computer is, its details know.
            ui.label(explain_failure(failure, Generation::Unknown).remedy);
        });
    } else if cut {
        response.on_hover_text(name);
    }
}
