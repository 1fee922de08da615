//! What a discovery finds while it runs, then what that means for the list; and the discoveries that the list keeps.

use egui::accesskit::Role;
use egui::{Align, Button, Checkbox, Label, Layout, ProgressBar, RichText, ScrollArea, TextEdit, Ui, UiBuilder, vec2};

use super::grid::{Grid, GridAction, GridColumn, GridRow};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::discovery::{DiscoveryEvent, Found, FoundColumn, FoundView, Show};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{
    banner_ui, card, centered_row, elided, empty_ui, page_head, plain_button, primary_button, primary_command,
    quiet_button, region, section,
};
use crate::model::found::{FoundCounts, FoundKind, SavedDiscovery, Then};
use crate::workspace::{DiscoveryProgress, SourceProgress, SourceState};

/// Pieces that name no computer, one by one; more are counted. Nobody reads on, and each costs time in every frame.
const NOTES: usize = 100;

pub(crate) fn discovery_ui(ui: &mut Ui, frame: &Frame<'_>) {
    match &frame.screen.found {
        None => nothing_ui(ui, frame),
        Some(found) if found.plan.is_none() => running_ui(ui, frame, found),
        Some(found) => found_ui(ui, frame, found),
    }
}

fn send(frame: &Frame<'_>, event: DiscoveryEvent) {
    frame.send(Event::Discovery(event));
}

fn nothing_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let saved = frame
        .snapshot
        .map(|s| s.inventory.header().discoveries.as_slice())
        .unwrap_or_default();
    if saved.is_empty() {
        empty_ui(
            ui,
            Icon::Search,
            "Nothing was looked for yet",
            "Find computers in Active Directory, by names and address ranges, by NetBIOS and on the local network. What is found is \
             shown before it enters the list.",
            |ui| {
                centered_row(ui, "discover", |ui| {
                    primary_command(ui, frame, Command::Discover);
                });
            },
        );
        return;
    }
    let text = "What is found is shown before it enters the list.";
    page_head(ui, "Discovery", text, |ui| {
        primary_command(ui, frame, Command::Discover);
    });
    ui.add_space(theme::S);
    section(ui, "Saved discoveries");
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        region(ui, UiBuilder::new(), Role::List, "Saved discoveries", |ui| {
            for discovery in saved {
                saved_ui(ui, frame, discovery);
            }
        });
    });
}

fn saved_ui(ui: &mut Ui, frame: &Frame<'_>, saved: &SavedDiscovery) {
    let p = Palette::of(ui);
    let able = Command::Discover.unavailable(frame.facts).is_none();
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_enabled_ui(able, |ui| {
                    if quiet_button(ui, Some(Icon::Remove), "Remove")
                        .accessible_name(format!("Remove {}", saved.name))
                        .clicked()
                    {
                        send(frame, DiscoveryEvent::Remove(saved.name.to_string()));
                    }
                    if quiet_button(ui, Some(Icon::Edit), "Rename…")
                        .accessible_name(format!("Rename {}", saved.name))
                        .clicked()
                    {
                        send(frame, DiscoveryEvent::AskName(saved.name.to_string()));
                    }
                    if quiet_button(ui, Some(Icon::Search), "Run")
                        .accessible_name(format!("Run {}", saved.name))
                        .clicked()
                    {
                        send(frame, DiscoveryEvent::RunSaved(saved.name.to_string()));
                    }
                });
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    elided(ui, RichText::new(&*saved.name).text_style(theme::strong()));
                    elided(ui, RichText::new(saved.in_words()).color(p.text_weak));
                });
            });
        });
    });
    ui.add_space(theme::XS);
}

fn title_of(found: &Found) -> String {
    if found.order.name.is_empty() {
        "Discovery".to_owned()
    } else {
        format!("Discovery: {}", found.order.name)
    }
}

fn running_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let p = Palette::of(ui);
    let progress = found.discovery.progress();
    let text = format!(
        "{} found in {}",
        words::count(progress.found, "computer", "computers"),
        words::clock(progress.elapsed)
    );
    page_head(ui, &title_of(found), &text, |ui| {
        let stopping = found.discovery.is_cancelled();
        let text = if stopping { "Stopping" } else { "Stop" };
        let stop = ui.add_enabled(!stopping, Button::new(text).min_size(vec2(88.0, 30.0)));
        if stop.on_hover_text("What was found so far is shown.").clicked() {
            send(frame, DiscoveryEvent::Cancel);
        }
    });
    ui.add_space(theme::S);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        region(ui, UiBuilder::new(), Role::List, "Sources", |ui| {
            for source in &progress.sources {
                source_ui(ui, source);
            }
        });
        if !progress.last.is_empty() {
            section(ui, "Found last");
            for name in progress.last.iter().rev() {
                elided(ui, RichText::new(&**name).color(p.text));
            }
        }
        notes_ui(ui, &progress);
    });
}

fn source_ui(ui: &mut Ui, source: &SourceProgress) {
    let p = Palette::of(ui);
    ui.horizontal(|ui| {
        let (icon, color) = match &source.state {
            SourceState::Running => (Icon::Clock, p.accent),
            SourceState::Done => (Icon::Good, p.good),
            SourceState::Cancelled => (Icon::Info, p.idle),
            SourceState::Failed(_) => (Icon::Bad, p.bad),
        };
        icon.ui(ui, color);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(format!("{} found", words::number(source.found))).color(p.text));
            if let (SourceState::Running, Some(total)) = (&source.state, source.total) {
                let share = source.done as f32 / total.max(1) as f32;
                let bar = ProgressBar::new(share).desired_height(8.0).desired_width(140.0);
                ui.add(bar).widget_info(|| {
                    let name = format!("{}: {} of {total}", source.label, source.done);
                    egui::WidgetInfo::labeled(Role::ProgressIndicator, true, name)
                });
                ui.label(
                    RichText::new(format!("{} of {}", words::number(source.done), words::number(total)))
                        .color(p.text_weak),
                );
            } else if source.state == SourceState::Running && source.done > 0 {
                ui.label(RichText::new(format!("{} read", words::number(source.done))).color(p.text_weak));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                elided(ui, words::capital(&source.label));
            });
        });
    });
    source_trouble_ui(ui, source);
}

fn source_trouble_ui(ui: &mut Ui, source: &SourceProgress) {
    let p = Palette::of(ui);
    if let SourceState::Failed(failure) = &source.state {
        let title = match failure.class {
            "" => source.label.clone(),
            class => format!("{}: {}", source.label, class.to_lowercase()),
        };
        banner_ui(
            ui,
            Health::Bad,
            &words::capital(&title),
            &words::sentence(&failure.message),
        );
    } else if source.found == 0 && source.state == SourceState::Done && !source.cannot_see.is_empty() {
        let text = format!(
            "{} found nothing. It does not see: {}",
            words::capital(&source.label),
            source.cannot_see
        );
        ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
    }
}

fn notes_ui(ui: &mut Ui, progress: &DiscoveryProgress) {
    let p = Palette::of(ui);
    if progress.notes.is_empty() && progress.problems.is_empty() {
        return;
    }
    section(ui, "Notes");
    for (whence, problem) in progress.problems.iter().take(NOTES) {
        let text = words::sentence(&format!("{whence}, {problem}"));
        ui.add(Label::new(RichText::new(text).color(p.warn)).selectable(true).wrap());
    }
    if progress.problems.len() > NOTES {
        let more = words::number(progress.problems.len() - NOTES);
        ui.label(RichText::new(format!("and {more} more")).color(p.text_weak));
    }
    for note in &progress.notes {
        let text = words::sentence(note);
        ui.add(
            Label::new(RichText::new(text).color(p.text_weak))
                .selectable(true)
                .wrap(),
        );
    }
    if progress.more_notes > 0 {
        ui.label(
            RichText::new(format!("and {} more like these", words::number(progress.more_notes))).color(p.text_weak),
        );
    }
}

fn found_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let rows = found.plan.as_ref().map_or(0, |p| p.rows.len());
    let progress = found.discovery.progress();
    let silent = match progress.silent() {
        0 => String::new(),
        n => format!(" {} did not answer.", words::count(n, "address", "addresses")),
    };
    let text = format!(
        "{} found in {}.{silent} Nothing was taken over yet.",
        words::count(rows, "computer", "computers"),
        words::clock(progress.elapsed)
    );
    page_head(ui, &title_of(found), &text, |ui| accept_ui(ui, frame, found));
    let troubled = progress
        .sources
        .iter()
        .any(|s| s.found == 0 || matches!(s.state, SourceState::Failed(_)));
    if troubled || !progress.notes.is_empty() || !progress.problems.is_empty() {
        ScrollArea::vertical()
            .id_salt("trouble")
            .max_height(150.0)
            .show(ui, |ui| {
                for source in &progress.sources {
                    source_trouble_ui(ui, source);
                }
                notes_ui(ui, &progress);
            });
    }
    if rows == 0 {
        empty_ui(ui, Icon::Search, "No computer was found", "", |ui| {
            if plain_button(ui, "Back").clicked() {
                send(frame, DiscoveryEvent::Discard);
            }
        });
        return;
    }
    kinds_ui(ui, frame, found);
    filter_ui(ui, frame, found);
    ui.add_space(theme::XS);
    table_ui(ui, frame, found);
}

fn accept_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let able = found.chosen() > 0 && found.can_accept() && !frame.facts.read_only;
    let busy = "A run is under way: wait for it or cancel it.";
    let update = ui.add_enabled_ui(!frame.facts.running, |ui| {
        primary_button(ui, able, "Add and update status")
    });
    if update.inner.on_disabled_hover_text(busy).clicked() {
        send(frame, DiscoveryEvent::Accept(Then::Update));
    }
    ui.add_enabled_ui(able, |ui| {
        if plain_button(ui, "Add").clicked() {
            send(frame, DiscoveryEvent::Accept(Then::Nothing));
        }
        let probe = ui.add_enabled_ui(!frame.facts.running, |ui| plain_button(ui, "Add and probe"));
        let probe = probe
            .inner
            .on_hover_text("Afterwards sees who can be reached. Nobody signs in.");
        if probe.on_disabled_hover_text(busy).clicked() {
            send(frame, DiscoveryEvent::Accept(Then::Probe));
        }
    });
    if found.accepting {
        ui.spinner();
    }
    ui.add_enabled_ui(!found.accepting, |ui| {
        if quiet_button(ui, Some(Icon::Cross), "Discard").clicked() {
            send(frame, DiscoveryEvent::Discard);
        }
    });
}

/// The counts by kind; each shows its rows.
fn kinds_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let counts: FoundCounts = found.counts;
    let total = found.plan.as_ref().map_or(0, |p| p.rows.len());
    let mut kinds = vec![(Show::All, "All", total)];
    kinds.extend(
        FoundKind::ALL
            .iter()
            .map(|kind| (Show::Kind(*kind), kind.label(), counts.of(*kind))),
    );
    kinds.push((Show::Twice, "Found twice", counts.twice));
    kinds.push((Show::Elsewhere, "At another address", counts.elsewhere));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::XS;
        for (show, label, count) in kinds {
            if count == 0 && show != Show::All {
                continue;
            }
            let text = format!("{label} {}", words::number(count));
            if ui
                .add(Button::selectable(found.view.show == show, text).min_size(vec2(0.0, 26.0)))
                .clicked()
            {
                view(frame, found, |view| view.show = show);
            }
        }
    });
}

fn view(frame: &Frame<'_>, found: &Found, change: impl FnOnce(&mut FoundView)) {
    let mut view = found.view.clone();
    change(&mut view);
    send(frame, DiscoveryEvent::View(view));
}

fn filter_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let p = Palette::of(ui);
    ui.horizontal(|ui| {
        let mut text = found.view.filter.clone();
        let edit = TextEdit::singleline(&mut text)
            .desired_width(260.0)
            .margin(egui::Margin::symmetric(8, 5))
            .hint_text("Filter");
        let edit = ui.add(edit).accessible_name("Filter found computers");
        if edit.changed() {
            view(frame, found, |view| view.filter = text);
        }
        ui.add_enabled_ui(found.can_tick_shown(), |ui| {
            if quiet_button(ui, None, "Tick all shown").clicked() {
                send(frame, DiscoveryEvent::TickShown(true));
            }
            if quiet_button(ui, None, "Tick none")
                .on_hover_text("Of what is shown")
                .clicked()
            {
                send(frame, DiscoveryEvent::TickShown(false));
            }
        });
        let chosen = words::number(found.chosen());
        ui.label(RichText::new(format!("{chosen} ticked")).color(p.text_weak));
        if found.counts.elsewhere > 0 {
            let mut readdress = found.readdress;
            let check = ui.add(Checkbox::new(&mut readdress, "Take new addresses over, too"));
            if check.changed() {
                send(frame, DiscoveryEvent::Readdress(readdress));
            }
        }
    });
}

fn kind_look(kind: FoundKind, p: &Palette) -> (Icon, egui::Color32) {
    match kind {
        FoundKind::New => (Icon::AddComputer, p.accent),
        FoundKind::MovedDomain | FoundKind::Renamed => (Icon::Edit, p.warn),
        FoundKind::Changed => (Icon::Info, p.text),
        FoundKind::Known => (Icon::Check, p.text_weak),
        FoundKind::Unclear => (Icon::Unknown, p.bad),
    }
}

fn table_ui(ui: &mut Ui, frame: &Frame<'_>, found: &Found) {
    let p = Palette::of(ui);
    let sizes = |column: FoundColumn| match column {
        FoundColumn::Name => (2.0, 170.0),
        FoundColumn::Kind => (0.0, 116.0),
        FoundColumn::Meaning => (3.0, 190.0),
        FoundColumn::Network => (1.0, 130.0),
        FoundColumn::System => (1.5, 140.0),
        FoundColumn::Address | FoundColumn::Sources => (1.0, 120.0),
    };
    let columns: Vec<GridColumn<'_>> = FoundColumn::ALL
        .iter()
        .map(|column| {
            let (share, least) = sizes(*column);
            GridColumn {
                heading: column.heading(),
                share,
                least,
            }
        })
        .collect();
    let sort = FoundColumn::ALL.iter().position(|c| *c == found.view.sort);
    let grid = Grid {
        name: "Found computers",
        columns: &columns,
        rows: found.shown.1.len(),
        sort: sort.map(|at| (at, found.view.descending)),
        cursor: found.cursor,
        ticks: true,
    };
    let actions = grid.ui(ui, |line| {
        let (index, row) = found.row_at(line)?;
        let (icon, color) = kind_look(row.kind, p);
        Some(GridRow {
            cells: FoundColumn::ALL.iter().map(|column| column.text(row)).collect(),
            symbol: Some((1, icon, color)),
            ticked: row.kind != FoundKind::Unclear && !found.unticked.contains(&index),
            tickable: row.kind != FoundKind::Unclear,
        })
    });
    for action in actions {
        match action {
            GridAction::Sort(at) => {
                let Some(column) = FoundColumn::ALL.get(at) else {
                    continue;
                };
                view(frame, found, |view| {
                    view.descending = view.sort == *column && !view.descending;
                    view.sort = *column;
                });
            }
            GridAction::Cursor(line) => send(frame, DiscoveryEvent::Cursor(line)),
            GridAction::Tick(line, ticked) => {
                if let Some((index, _)) = found.row_at(line) {
                    send(frame, DiscoveryEvent::Cursor(line));
                    send(frame, DiscoveryEvent::Tick(index, ticked));
                }
            }
        }
    }
}
