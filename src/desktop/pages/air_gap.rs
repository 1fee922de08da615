//! The way across the air gap: three stations, where this list is, and the one thing that comes next.

use egui::accesskit::Role;
use egui::{Button, Frame as Surface, Label, Margin, RichText, ScrollArea, Stroke, Ui, UiBuilder, vec2};

use crate::desktop::app::{Event, Frame};
use crate::desktop::commands::Command;
use crate::desktop::icons::Icon;
use crate::desktop::state::air_gap::{Behind, Next, Station, Whereabouts};
use crate::desktop::state::orders::{Order, Scope};
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{banner_ui, card, command_button, page_heading, primary_button, region};
use crate::model::Counts;

/// The filter for products that need a MAK before they can cross.
const WITHOUT_MAK: &str = "-status:licensed -type:mak|retail|csvlk";

pub(crate) fn air_gap_ui(ui: &mut Ui, frame: &Frame<'_>) {
    let counts = &frame.answer.counts;
    let here = Whereabouts::of(counts);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        // The scroll bar floats over the right edge.
        ui.set_max_width((ui.available_width() - 8.0).min(1000.0));
        page_heading(
            ui,
            "Air gap",
            "Activates computers that cannot reach Microsoft: installation IDs are carried out on a stick, confirmation IDs are \
             carried back. Nothing on the stick names a computer, a person or a product key.",
        );
        ui.add_space(theme::L);
        ui.columns(3, |columns| {
            for (column, station) in columns.iter_mut().zip(Station::ALL) {
                station_ui(column, station, here.station, counts);
            }
        });
        ui.add_space(theme::L);
        next_ui(ui, frame, here);
        behind_ui(ui, frame, here);
        ui.add_space(theme::L);
        contents_ui(ui);
    });
}

/// How many rows are ready at a station, in words.
fn ready(station: Station, counts: &Counts) -> (usize, &'static str) {
    match station {
        Station::Collect => (counts.need_confirmation_id, "installation IDs collected"),
        Station::Acquire => (counts.need_confirmation_id, "wait for a confirmation ID"),
        Station::Apply => (counts.can_apply, "confirmation IDs to apply"),
    }
}

fn station_ui(ui: &mut Ui, station: Station, here: Station, counts: &Counts) {
    let p = Palette::of(ui);
    let current = station == here;
    let (n, text) = ready(station, counts);
    let label = format!(
        "Station {}: {}{}",
        station.number(),
        station.title(),
        if current { ", you are here" } else { "" }
    );
    region(ui, UiBuilder::new(), Role::Group, &label, |ui| {
        Surface::new()
            .fill(if current { p.hovered } else { p.raised })
            .stroke(Stroke::new(1.0, if current { p.accent } else { p.line }))
            .corner_radius(8)
            .inner_margin(Margin::same(16))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.set_min_height(128.0);
                ui.spacing_mut().item_spacing.y = theme::XS;
                ui.horizontal(|ui| {
                    ui.label(
                        RichText::new(format!("{}  {}", station.number(), station.place()))
                            .small()
                            .color(p.text_weak),
                    );
                    if current {
                        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                            ui.label(RichText::new("You are here").small().color(p.accent));
                        });
                    }
                });
                ui.add(Label::new(RichText::new(station.title()).text_style(theme::subtitle())).wrap());
                ui.add_space(theme::XS);
                ui.label(RichText::new(words::number(n)).text_style(theme::figure()));
                ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
            });
    });
}

/// What comes next: heading, explanation, and the text of the button.
fn words_of(next: Next) -> (String, &'static str, Option<&'static str>) {
    let products = |n| words::count(n, "product", "products");
    match next {
        Next::AddComputers => (
            "Add the computers of the lab".into(),
            "The list is empty.",
            Some("Add computers…"),
        ),
        Next::Update(n) => (
            format!(
                "Ask {}",
                words::count(n, "computer or product", "computers and products")
            ),
            "Their installation IDs have not been read yet.",
            Some("Update license status"),
        ),
        Next::InstallKey => (
            "Install a MAK".into(),
            "No product waits for a confirmation ID. Select the products that are to be activated and install a Multiple \
             Activation Key on them; their installation IDs are read at the same time.",
            Some("Show what is not licensed"),
        ),
        Next::CarryOut(n) => (
            format!("Carry {} out", products(n)),
            "Export the proxy activation data to a stick and open it where the activation service can be reached. Where this \
             computer reaches the service itself, acquire the confirmation IDs right here.",
            Some("Export proxy activation data…"),
        ),
        Next::Acquire(n) => (
            format!("Acquire {}", words::count(n, "confirmation ID", "confirmation IDs")),
            "This list came from an isolated lab. The price is shown before anything is asked.",
            Some("Acquire confirmation IDs…"),
        ),
        Next::CarryBack(n) => (
            format!("Carry {} back", words::count(n, "confirmation ID", "confirmation IDs")),
            "Export to the stick again; in the lab, import the file into the list it came from.",
            Some("Export proxy activation data…"),
        ),
        Next::Apply(n) => (
            format!("Apply {}", words::count(n, "confirmation ID", "confirmation IDs")),
            "They are put on the computers one by one. This spends nothing.",
            Some("Apply confirmation IDs"),
        ),
        Next::Done => (
            "Nothing is left to do".into(),
            "Every product of this list is through.",
            None,
        ),
    }
}

fn next_ui(ui: &mut Ui, frame: &Frame<'_>, here: Whereabouts) {
    let (title, text, button) = words_of(here.next);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let p = Palette::of(ui);
        ui.label(
            RichText::new(if button.is_some() { "Next" } else { "Done" })
                .small()
                .color(p.accent),
        );
        ui.label(RichText::new(title).text_style(theme::subtitle()));
        ui.add(Label::new(text).wrap());
        if frame.facts.read_only && !matches!(here.next, Next::CarryOut(_) | Next::CarryBack(_) | Next::Done) {
            banner_ui(ui, Health::Soon, "", "The list is open to look at only.");
            return;
        }
        let Some(button) = button else { return };
        ui.add_space(theme::XS);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().button_padding = vec2(18.0, 10.0);
            let able = !frame.facts.running && !frame.facts.busy_with_file;
            if primary_button(ui, able, button).clicked() {
                act(frame, here.next);
            }
            if matches!(here.next, Next::CarryOut(_)) {
                let here = ui.add_enabled(able, Button::new("Acquire here…").min_size(vec2(0.0, 30.0)));
                if here.clicked() {
                    frame.send(Event::Order(Order::Acquire, Scope::Ready));
                }
            }
            if here.station != Station::Acquire {
                command_button(ui, frame, Command::Import);
            }
        });
    });
}

/// Who would stay behind if the stick were carried out now.
fn behind_ui(ui: &mut Ui, frame: &Frame<'_>, here: Whereabouts) {
    let behind = Behind::of(&frame.answer.counts);
    if !matches!(here.next, Next::CarryOut(_)) || behind == Behind::default() {
        return;
    }
    let p = Palette::of(ui);
    let able = !frame.facts.running && !frame.facts.busy_with_file && !frame.facts.read_only;
    ui.add_space(theme::S);
    let lines = [
        (
            words::count(
                behind.never_asked,
                "computer was never asked",
                "computers were never asked",
            ),
            behind.never_asked,
            "Update license status",
            Event::Order(Order::Update, Scope::Ready),
        ),
        (
            words::count(behind.other_key, "product has no MAK", "products have no MAK"),
            behind.other_key,
            "Choose products for a MAK",
            Event::ShowRows(WITHOUT_MAK.into()),
        ),
        (
            words::count(
                behind.without_id,
                "product without an installation ID",
                "products without an installation ID",
            ),
            behind.without_id,
            "Show",
            Event::ShowRows("iid:no type:mak|retail|csvlk -status:licensed".into()),
        ),
    ];
    region(ui, UiBuilder::new(), Role::Group, "Who stays behind", |ui| {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new("Stays behind if you carry now").text_style(theme::strong()));
            for (text, n, verb, event) in lines {
                if n == 0 {
                    continue;
                }
                ui.horizontal_wrapped(|ui| {
                    Icon::Warning.sized_ui(ui, 14.0, p.warn);
                    ui.label(text);
                    if ui.add_enabled(able, Button::new(verb)).clicked() {
                        frame.send(event);
                    }
                });
            }
        });
    });
}

fn act(frame: &Frame<'_>, next: Next) {
    match next {
        Next::AddComputers => frame.run(Command::AddComputers),
        Next::Update(_) => frame.run(Command::UpdateStatus),
        Next::InstallKey => frame.send(Event::ShowRows("-status:licensed".into())),
        Next::CarryOut(_) | Next::CarryBack(_) => frame.run(Command::Export),
        Next::Acquire(_) => frame.send(Event::Order(Order::Acquire, Scope::Ready)),
        Next::Apply(_) => frame.send(Event::Order(Order::Apply, Scope::Ready)),
        Next::Done => {}
    }
}

fn contents_ui(ui: &mut Ui) {
    let p = Palette::of(ui);
    ui.columns(2, |columns| {
        let [left, right] = columns else { return };
        for (ui, title, icon, color, lines) in [
            (
                left,
                "What the file contains",
                Icon::Check,
                p.good,
                &[
                    "Installation ID of each product",
                    "Extended PID: tells the service the key's group and number, not the key",
                    "Confirmation ID, once it was acquired",
                    "A random number that joins each row to its product when it comes back",
                ][..],
            ),
            (
                right,
                "What it does not contain",
                Icon::Cross,
                p.text_weak,
                &[
                    "Computer names, domains, addresses",
                    "Product keys, not even their last five characters",
                    "Client machine IDs, remarks, user names",
                ][..],
            ),
        ] {
            ui.label(RichText::new(title).text_style(theme::strong()));
            for line in lines {
                ui.horizontal_top(|ui| {
                    icon.sized_ui(ui, 14.0, color);
                    ui.add(Label::new(*line).wrap());
                });
            }
        }
    });
}
