//! The KMS hosts that DNS names: where they lead, whether they answer, whether anybody approved them.

use egui::{Label, ProgressBar, RichText, Ui};

use super::grid::{Grid, GridAction, GridColumn, GridRow};
use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::state::discovery::{KmsEvent, KmsView};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{
    banner_ui, centered_row, command_button, empty_ui, page_head, plain_button, primary_command,
};
use crate::workspace::{KMS_DNS_COLUMNS, KmsDnsAudit, kms_dns_cannot_see};

/// The columns of an audit as they stand here, what matters most first: their place in it, their heading, their share of the
/// width and the least that they take.
const COLUMNS: [(usize, &str, f32, f32); 11] = [
    (0, "Suffix", 1.5, 160.0),
    (2, "Target", 1.5, 140.0),
    (3, "Port", 0.0, 56.0),
    (8, "Answers", 0.0, 84.0),
    (9, "Approved", 0.0, 104.0),
    (11, "Problem", 4.0, 240.0),
    (4, "Priority", 0.0, 66.0),
    (5, "Weight", 0.0, 64.0),
    (7, "Addresses", 1.0, 110.0),
    (10, "Twice", 0.0, 96.0),
    (6, "TTL", 0.0, 60.0),
];

pub(crate) fn kms_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let kms = &frame.screen.kms;
    if kms.found.is_none() && kms.audit.is_none() {
        empty_ui(
            ui,
            Icon::Globe,
            "DNS was not looked at yet",
            "KMS clients take any host that DNS names (_vlmcs._tcp). Look which hosts that are, which of them answer, and which \
             nobody approved.",
            |ui| {
                centered_row(ui, "kms", |ui| {
                    primary_command(ui, frame, Command::AuditKms);
                });
            },
        );
        return;
    }
    let text = kms.found.as_ref().map(|found| summary(found)).unwrap_or_default();
    page_head(ui, "KMS hosts in DNS", &text, |ui| {
        command_button(ui, frame, Command::AuditKms);
        let exportable = !kms.rows.is_empty() && !frame.facts.busy_with_file;
        let button = egui::Button::new((Icon::Export.atom(), "Export table…")).gap(6.0);
        if ui.add_enabled(exportable, button).clicked() {
            frame.send(Event::Pick(Purpose::ExportKms));
        }
    });
    if let Some(audit) = &kms.audit {
        let progress = audit.progress();
        ui.horizontal(|ui| {
            let share = progress.done as f32 / progress.total.max(1) as f32;
            ui.add(ProgressBar::new(share).desired_height(8.0).desired_width(200.0))
                .widget_info(|| {
                    let name = format!("{} of {} suffixes", progress.done, progress.total);
                    egui::WidgetInfo::labeled(egui::accesskit::Role::ProgressIndicator, true, name)
                });
            ui.label(format!(
                "{} of {}",
                progress.done,
                words::count(progress.total, "suffix", "suffixes")
            ));
            if plain_button(ui, "Stop").clicked() {
                frame.send(Event::Kms(KmsEvent::Cancel));
            }
        });
    }
    let Some(found) = &kms.found else { return };
    approved_ui(ui, frame, found);
    ui.add_space(theme::S);
    table_ui(ui, frame, kms);
}

fn summary(found: &KmsDnsAudit) -> String {
    if found.suffixes.is_empty() {
        return "Nothing says which suffixes to look at: name some.".to_owned();
    }
    format!(
        "{} for {}, {} with a problem.",
        words::count(found.records.len(), "record", "records"),
        words::count(found.suffixes.len(), "suffix", "suffixes"),
        words::number(found.problem_count())
    )
}

fn approved_ui(ui: &mut Ui, frame: &Frame<'_>, found: &KmsDnsAudit) {
    let p = Palette::of(ui);
    let approved = frame
        .snapshot
        .map(|s| s.inventory.header().approved_kms_hosts.as_slice())
        .unwrap_or_default();
    let text = if approved.is_empty() {
        "No host is approved yet, so nothing is said about that.".to_owned()
    } else {
        let names: Vec<&str> = approved.iter().map(|h| &**h).collect();
        format!("Approved: {}", names.join(", "))
    };
    ui.add(
        Label::new(RichText::new(text).color(p.text_weak))
            .selectable(true)
            .wrap(),
    );
    if !found.unnamed.is_empty() {
        let text = format!("No record names {}: clients do not find it.", found.unnamed.join(", "));
        banner_ui(ui, Health::Soon, "", &text);
    }
    let text = format!("It does not see: {}", kms_dns_cannot_see());
    ui.add(Label::new(RichText::new(text).small().color(p.text_weak)).wrap());
}

fn table_ui(ui: &mut Ui, frame: &Frame<'_>, kms: &KmsView) {
    let p = Palette::of(ui);
    let columns = COLUMNS.map(|(_, heading, share, least)| GridColumn { heading, share, least });
    let sort = kms.sort.and_then(|by| COLUMNS.iter().position(|(at, ..)| *at == by));
    let grid = Grid {
        name: "KMS hosts",
        columns: &columns,
        rows: kms.rows.len(),
        sort: sort.map(|by| (by, kms.descending)),
        cursor: kms.cursor,
        ticks: false,
    };
    let last = KMS_DNS_COLUMNS.len() - 1;
    let actions = grid.ui(ui, |line| {
        let row = kms.rows.get(line)?;
        let problem = row.get(last).is_some_and(|c| !c.is_empty());
        let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
        let cells = COLUMNS.iter().map(|(at, ..)| cell(*at)).collect();
        let (icon, color) = if problem {
            (Icon::Warning, p.warn)
        } else {
            (Icon::Good, p.good)
        };
        Some(GridRow {
            symbol: Some((0, icon, color)),
            cells,
            ticked: false,
            tickable: false,
        })
    });
    for action in actions {
        match action {
            GridAction::Sort(by) => {
                if let Some((at, ..)) = COLUMNS.get(by) {
                    frame.send(Event::Kms(KmsEvent::Sort(*at)));
                }
            }
            GridAction::Cursor(line) => frame.send(Event::Kms(KmsEvent::Cursor(line))),
            GridAction::Tick(..) => {}
        }
    }
}
