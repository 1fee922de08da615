//! The details of the selection: everything about one product, or what several have in common.

use egui::{Layout, RichText, ScrollArea, Ui};

use crate::desktop::app::Frame;
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{
    banner_ui, bar_ui, code_field_ui, command_button, field_ui, icon_button, section, status_look, status_ui,
};
use crate::model::{Computer, Failure, HResult, Product};
use crate::workspace;
use crate::workspace::advice::{Generation, explain_failure};

pub(crate) fn details_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let selection = &frame.screen.selection;
    let shown = frame.snapshot.and_then(|s| selection.single()?.view(&s.inventory));
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        egui::Frame::new()
            .inner_margin(egui::Margin {
                left: 0,
                right: 12,
                top: 0,
                bottom: 12,
            })
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                match (shown, selection.rows().len()) {
                    (Some(row), _) => match (row.product, row.computer) {
                        (Some(product), computer) => product_ui(ui, frame, product, computer),
                        (None, Some(computer)) => computer_ui(ui, frame, computer),
                        (None, None) => {}
                    },
                    (None, 0) => heading_ui(
                        ui,
                        frame,
                        "Nothing selected",
                        "Select a row to see everything about it. Shift and Ctrl select several.",
                    ),
                    (None, _) => several_ui(ui, frame),
                }
            });
    });
}

fn heading_ui(ui: &mut Ui, frame: &Frame<'_>, title: &str, subtitle: &str) {
    let p = Palette::of(ui);
    ui.horizontal_top(|ui| {
        ui.with_layout(Layout::right_to_left(egui::Align::Min), |ui| {
            if icon_button(ui, Icon::Cross, "Hide details").clicked() {
                frame.run(Command::ToggleDetails);
            }
            ui.with_layout(Layout::top_down(egui::Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let title = RichText::new(title).text_style(theme::subtitle());
                ui.add(egui::Label::new(title).wrap().selectable(true));
                if !subtitle.is_empty() {
                    ui.add(
                        egui::Label::new(RichText::new(subtitle).color(p.text_weak))
                            .wrap()
                            .selectable(true),
                    );
                }
            });
        });
    });
}

fn product_ui(ui: &mut Ui, frame: &Frame<'_>, product: &Product, computer: Option<&Computer>) {
    let name = computer.map_or("No computer name", |c| &c.name);
    let title = if product.name.is_empty() {
        product.application_label()
    } else {
        &product.name
    };
    heading_ui(ui, frame, name, title);
    ui.add_space(theme::XS);
    status_ui(ui, product.license_status);
    ui.add(egui::Label::new(words::meaning(product, frame.now)).wrap());
    if let Some(days) = product.days_left(frame.now) {
        let text = if days > 0 {
            format!("{} left", words::count(days as usize, "day", "days"))
        } else {
            "The time is over".into()
        };
        let until = product.grace_expires.map(words::moment).unwrap_or_default();
        field_ui(ui, "Time left", &format!("{text} (until {until})"));
    }
    advice_ui(ui, product, computer);
    if product.asked.is_some() {
        let at = product.asked.as_ref().map(|a| words::moment(a.at)).unwrap_or_default();
        banner_ui(
            ui,
            Health::Soon,
            "Asked without a recorded answer",
            &format!(
                "A confirmation ID was asked for {at} and no answer was recorded. Acquiring asks once more; the service gives the same answer to the same installation ID."
            ),
        );
    }
    section(ui, "Product key");
    field_ui(ui, "Type", product.key_type.label());
    if let Some(five) = product.partial_product_key {
        let entry = frame.snapshot.and_then(|s| s.inventory.key_of(product));
        let owned = entry.map(|k| format!(" ({}, {})", k.description, words::remaining(k)));
        field_ui(ui, "Key", &format!("…{five}{}", owned.unwrap_or_default()));
    }
    ids_ui(ui, frame, product);
    volume_ui(ui, product);
    section(ui, "Last action");
    last_action_ui(ui, frame, product, computer);
    section(ui, "About");
    about_ui(ui, frame, product, computer);
}

/// Why it is as it is, and what to do next: from the catalogue where it knows the code.
fn advice_ui(ui: &mut Ui, product: &Product, computer: Option<&Computer>) {
    let reason = product.license_status_reason.filter(|r| *r != HResult::OK);
    if let Some(code) = reason {
        let title = format!("Reason {code}");
        match workspace::catalogue::explain(code) {
            Some(entry) => {
                let tone = match words::health(product.license_status) {
                    Health::Good => Health::Unknown,
                    other => other,
                };
                banner_ui(ui, tone, &entry.message, &format!("{title}. {}", entry.remedy));
            }
            None => field_ui(ui, "Reason", &code.to_string()),
        }
    }
    let failure = computer
        .and_then(|c| c.contact.as_ref())
        .and_then(|c| c.failure.as_ref());
    if let Some(failure) = failure {
        failure_ui(ui, "The computer could not be asked", failure, computer);
    }
    if let Some(next) = words::next_step(product) {
        field_ui(ui, "What to do next", next);
    }
}

fn failure_ui(ui: &mut Ui, title: &str, failure: &Failure, computer: Option<&Computer>) {
    let on = computer.map(|c| Generation::of(&c.os_version, &c.os_edition));
    let explained = explain_failure(failure, on.unwrap_or_default());
    let happened = words::sentence(&failure.to_string());
    let text = format!(
        "{happened}\n{}\n{}",
        words::sentence(&explained.cause),
        words::sentence(&explained.remedy)
    );
    banner_ui(ui, Health::Bad, title, &text);
}

fn ids_ui(ui: &mut Ui, frame: &Frame<'_>, product: &Product) {
    if let Some(iid) = &product.installation_id {
        code_field_ui(ui, frame, "Installation ID", &iid.grouped(), &iid.digits());
    }
    match (product.usable_confirmation(), &product.confirmation) {
        (Some(c), _) => {
            code_field_ui(
                ui,
                frame,
                "Confirmation ID",
                &c.confirmation_id.grouped(),
                &c.confirmation_id.digits(),
            );
            if let Some(at) = c.acquired {
                field_ui(ui, "Acquired", &words::moment(at));
            }
        }
        (None, Some(_)) => banner_ui(
            ui,
            Health::Soon,
            "The confirmation ID no longer fits",
            "The installation ID changed since it was acquired: hardware or key changed. It is kept, but a new one is needed.",
        ),
        (None, None) => {}
    }
    for earlier in &product.earlier_confirmations {
        let id = &earlier.confirmation_id;
        code_field_ui(ui, frame, "Earlier confirmation ID", &id.grouped(), &id.digits());
    }
    if let Some(pid) = &product.product_key_id {
        code_field_ui(ui, frame, "Extended PID", &pid.text(), &pid.text());
    }
}

fn volume_ui(ui: &mut Ui, product: &Product) {
    let volume = &product.volume;
    if volume.kms_host.is_empty() && volume.ad_object.is_none() {
        return;
    }
    section(ui, "Volume activation");
    let host = match volume.kms_port {
        Some(port) if !volume.kms_host.is_empty() => format!("{}:{port}", volume.kms_host),
        _ => volume.kms_host.to_string(),
    };
    field_ui(ui, "KMS host", &host);
    if let Some(object) = &volume.ad_object {
        field_ui(ui, "Activation object", &object.name);
    }
    field_ui(ui, "Activated by", volume.activated_by.label());
}

fn last_action_ui(ui: &mut Ui, frame: &Frame<'_>, product: &Product, computer: Option<&Computer>) {
    let p = Palette::of(ui);
    match &product.last_action {
        Some(action) => {
            let at = action
                .at
                .map(|at| format!("{} ({})", words::moment(at), words::ago(at, frame.now)));
            field_ui(ui, at.as_deref().unwrap_or("At an unknown time"), &action.what);
            if let Some(failure) = &action.failure {
                failure_ui(ui, "It failed", failure, computer);
            }
        }
        None => {
            ui.label(RichText::new("Nothing was done from this list yet.").color(p.text_weak));
        }
    }
    if let Some(contact) = computer
        .and_then(|c| c.contact.as_ref())
        .filter(|c| c.failure.is_none())
    {
        field_ui(ui, "Answered last", &words::moment(contact.at));
    }
}

fn about_ui(ui: &mut Ui, frame: &Frame<'_>, product: &Product, computer: Option<&Computer>) {
    if let Some(at) = product.status_updated {
        field_ui(
            ui,
            "Status read",
            &format!("{} ({})", words::moment(at), words::ago(at, frame.now)),
        );
    }
    field_ui(ui, "Description", &product.description);
    field_ui(ui, "Version", &product.version);
    field_ui(ui, "Genuine", product.genuine_status.label());
    if let Some(sku) = product.sku {
        let sku = sku.to_string();
        code_field_ui(ui, frame, "Activation ID", &sku, &sku);
    }
    if !product.cmid.is_empty() {
        code_field_ui(ui, frame, "Client machine ID", &product.cmid, &product.cmid);
    }
    if let Some(computer) = computer {
        machine_ui(ui, computer);
    }
    field_ui(ui, "Remarks", &product.remarks);
}

fn machine_ui(ui: &mut Ui, computer: &Computer) {
    field_ui(
        ui,
        "Operating system",
        &format!("{} {}", computer.os_edition, computer.os_version),
    );
    if !computer.network.name.is_empty() {
        field_ui(ui, computer.network.kind.label(), &computer.network.name);
    }
    field_ui(ui, "Hardware addresses", &computer.mac_addresses.join(", "));
    if let Some(connect) = &computer.connect {
        let port = connect.port.map(|p| format!(":{p}")).unwrap_or_default();
        field_ui(ui, "Reached at", &format!("{}{port}", computer.connect_address()));
    }
    field_ui(ui, "Remarks on the computer", &computer.remarks);
}

fn computer_ui(ui: &mut Ui, frame: &Frame<'_>, computer: &Computer) {
    heading_ui(ui, frame, &computer.name, "Products not collected yet");
    match computer.contact.as_ref().and_then(|c| c.failure.as_ref()) {
        Some(failure) => failure_ui(ui, "The computer could not be asked", failure, Some(computer)),
        None => field_ui(ui, "What to do next", "Update the license status."),
    }
    if let Some(contact) = &computer.contact {
        field_ui(ui, "Asked last", &words::moment(contact.at));
    }
    machine_ui(ui, computer);
    ui.add_space(theme::S);
    command_button(ui, frame, Command::UpdateStatus);
}

fn several_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let p = Palette::of(ui);
    let rows = &frame.answer.rows;
    let title = format!(
        "{} selected",
        words::count(frame.screen.selection.rows().len(), "row", "rows")
    );
    heading_ui(
        ui,
        frame,
        &title,
        &format!("On {}", words::count(rows.computers, "computer", "computers")),
    );
    section(ui, "License status");
    for (status, n) in &rows.by_status {
        let (icon, color) = status_look(*status, p);
        share_ui(ui, Some((icon, color)), status.label(), *n, rows.products, color);
    }
    section(ui, "Key type");
    for (key_type, n) in &rows.by_key_type {
        share_ui(ui, None, key_type.label(), *n, rows.products, p.accent);
    }
    section(ui, "Ready");
    for (n, text) in [
        (rows.need_confirmation, "wait for a confirmation ID"),
        (rows.can_apply, "have one that can be applied"),
        (rows.activatable, "could activate online"),
    ] {
        if n > 0 {
            ui.label(format!("{} {text}", words::number(n)));
        }
    }
    ui.add_space(theme::S);
    for command in [
        Command::UpdateStatus,
        Command::InstallKey,
        Command::Activate,
        Command::AcquireIds,
        Command::ApplyIds,
        Command::CopyRows,
    ] {
        command_button(ui, frame, command);
    }
}

fn share_ui(
    ui: &mut Ui,
    icon: Option<(Icon, egui::Color32)>,
    text: &str,
    n: usize,
    total: usize,
    color: egui::Color32,
) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        ui.horizontal(|ui| {
            if let Some((icon, color)) = icon {
                icon.sized_ui(ui, 14.0, color);
            }
            ui.label(text);
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(words::number(n))
            });
        });
        let share = if total == 0 { 0.0 } else { n as f32 / total as f32 };
        bar_ui(ui, share, color, ui.available_width());
    });
}
