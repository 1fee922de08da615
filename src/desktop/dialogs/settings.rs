//! How runs behave: the way to the activation service, and patience with computers; and how the list is kept.

use std::path::PathBuf;
use std::time::Duration;

use egui::{Context, DragValue, Grid, Ui};

use super::edit_computer::way_ui;
use super::{Stay, answer_button, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words::Health;
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button, section, text_box, text_line};
use crate::workspace::{ProxySetting, Settings};

/// Which way leads to the activation service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    System,
    Direct,
    Url,
}

/// What was typed.
#[derive(Debug)]
pub struct SettingsDialog {
    settings: Settings,
    service: String,
    way: Way,
    proxy: String,
    warn: bool,
    mark: u32,
    by_subnet: bool,
    per_subnet: usize,
    authorities: String,
}

impl SettingsDialog {
    pub(super) fn new(settings: &Settings) -> Self {
        let (way, proxy) = match &settings.proxy {
            ProxySetting::System => (Way::System, String::new()),
            ProxySetting::Direct => (Way::Direct, String::new()),
            ProxySetting::Url(url) => (Way::Url, url.clone()),
        };
        Self {
            service: settings.service_url.clone().unwrap_or_default(),
            way,
            proxy,
            warn: settings.low_water.is_some(),
            mark: settings.low_water.unwrap_or(10),
            by_subnet: settings.per_subnet.is_some(),
            per_subnet: settings.per_subnet.unwrap_or(16),
            authorities: settings
                .extra_ca_files
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join("\n"),
            settings: settings.clone(),
        }
    }

    fn chosen(&self) -> Settings {
        let service = self.service.trim();
        Settings {
            service_url: (!service.is_empty()).then(|| service.to_owned()),
            proxy: match self.way {
                Way::System => ProxySetting::System,
                Way::Direct => ProxySetting::Direct,
                Way::Url => ProxySetting::Url(self.proxy.trim().to_owned()),
            },
            per_subnet: self.by_subnet.then_some(self.per_subnet),
            extra_ca_files: self.authority_files(),
            low_water: self.warn.then_some(self.mark),
            ..self.settings.clone()
        }
    }

    fn authority_files(&self) -> Vec<PathBuf> {
        let lines = self.authorities.lines().map(str::trim).filter(|l| !l.is_empty());
        lines.map(PathBuf::from).collect()
    }

    /// Why what was typed cannot be used.
    fn problem(&self) -> Option<&'static str> {
        let like_url = |text: &str| text.trim().starts_with("http://") || text.trim().starts_with("https://");
        if !self.service.trim().is_empty() && !like_url(&self.service) {
            return Some(
                "The address of the activation service begins with https:// (or is left empty for Microsoft's).",
            );
        }
        (self.way == Way::Url && !like_url(&self.proxy))
            .then_some("The address of the proxy begins with http://, e.g. http://proxy.contoso.com:8080.")
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Settings", 780.0, |ui| {
            // Side by side: the buttons stay in sight in a low window.
            ui.columns(2, |parts| {
                let [left, right] = parts else { return };
                self.service_ui(left);
                self.authorities_ui(left);
                self.list_ui(left);
                self.computers_ui(right);
            });
            note(
                ui,
                if frame.remembers_runs {
                    "Kept for the next start, but for addresses with a password in them. A run under way keeps the settings it \
                     began with."
                } else {
                    "For this session; a run under way keeps the settings it began with."
                },
            );
            let problem = self.problem();
            if let Some(problem) = problem {
                banner_ui(ui, Health::Bad, "", problem);
            }
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, problem.is_none(), "Use") {
                    frame.send(Event::Settings(Box::new(self.chosen())));
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn service_ui(&mut self, ui: &mut Ui) {
        section(ui, "Activation service");
        let label = ui.label("Address");
        ui.add(text_line(&mut self.service).hint_text("Microsoft's"))
            .labelled_by(label.id);
        ui.label("Way to it");
        ui.horizontal_wrapped(|ui| {
            ui.radio_value(&mut self.way, Way::System, "Proxy of the system");
            ui.radio_value(&mut self.way, Way::Direct, "Direct");
            ui.radio_value(&mut self.way, Way::Url, "This proxy");
        });
        if self.way == Way::Url {
            ui.add(text_line(&mut self.proxy).hint_text("http://proxy.contoso.com:8080"))
                .accessible_name("Proxy address");
        }
        ui.horizontal(|ui| {
            let check = ui.checkbox(&mut self.warn, "Warn of MAKs with fewer activations than");
            ui.add_enabled(self.warn, DragValue::new(&mut self.mark).range(1..=1_000_000))
                .labelled_by(check.id);
        });
    }

    fn list_ui(&mut self, ui: &mut Ui) {
        section(ui, "The list's file");
        ui.horizontal(|ui| {
            let label = ui.label("Previous versions kept beside it");
            ui.add(DragValue::new(&mut self.settings.generations).range(0..=99))
                .labelled_by(label.id);
        });
    }

    fn computers_ui(&mut self, ui: &mut Ui) {
        section(ui, "Computers");
        Grid::new("patience")
            .num_columns(2)
            .spacing([theme::L, theme::XS])
            .show(ui, |ui| {
                let label = ui.label("Computers asked at once");
                ui.add(DragValue::new(&mut self.settings.concurrency).range(1..=1024))
                    .labelled_by(label.id);
                ui.end_row();
                let check = ui.checkbox(&mut self.by_subnet, "Of one subnet at once");
                ui.add_enabled(self.by_subnet, DragValue::new(&mut self.per_subnet).range(1..=1024))
                    .labelled_by(check.id);
                ui.end_row();
                let label = ui.label("Way in");
                way_ui(ui, &mut self.settings.way, label.id);
                ui.end_row();
                for (text, time) in [
                    ("Time to find an address", &mut self.settings.resolve_timeout),
                    ("Time to accept a connection", &mut self.settings.connect_timeout),
                    ("Time to sign in", &mut self.settings.sign_in_timeout),
                    ("Time for one question", &mut self.settings.operation_timeout),
                    ("Time for one computer", &mut self.settings.computer_timeout),
                ] {
                    let label = ui.label(text);
                    let mut seconds = time.as_secs();
                    ui.add(DragValue::new(&mut seconds).range(1..=3600).suffix(" s"))
                        .labelled_by(label.id);
                    *time = Duration::from_secs(seconds);
                    ui.end_row();
                }
            });
    }

    fn authorities_ui(&mut self, ui: &mut Ui) {
        let label = ui.label("Files of further authorities to believe (PEM), one a line");
        ui.add(text_box(&mut self.authorities, 2)).labelled_by(label.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_address_is_refused_and_nothing_typed_means_microsoft() {
        let mut dialog = SettingsDialog::new(&Settings::default());
        assert_eq!((dialog.problem(), dialog.chosen()), (None, Settings::default()));
        dialog.service = "activation.example".into();
        assert!(dialog.problem().is_some());
        dialog.service = " https://activation.example/ ".into();
        dialog.way = Way::Url;
        assert!(dialog.problem().is_some());
        dialog.proxy = "http://proxy.example:8080".into();
        assert_eq!(dialog.problem(), None);
        let chosen = dialog.chosen();
        assert_eq!(chosen.service_url.as_deref(), Some("https://activation.example/"));
        assert_eq!(chosen.proxy, ProxySetting::Url("http://proxy.example:8080".into()));
    }
}
