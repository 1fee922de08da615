//! Where to look for computers: a tab for each source, several at once.

mod directory;
mod tree;

use std::path::Path;

use egui::accesskit::Role;
use egui::{Button, Checkbox, ComboBox, Context, DragValue, RichText, Ui, UiBuilder};

use self::directory::DirectoryForm;
use super::{Stay, answer_button, buttons, hanging_dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::jobs::Purpose;
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::state::words::{self, Health};
use crate::desktop::theme::{self, Palette};
use crate::desktop::widgets::{banner_ui, plain_button, quiet_button, region, scrolled, text_box, text_line};
use crate::model::found::{SavedDiscovery, SourceOrder, Then};
use crate::workspace::{DirectoryListing, DiscoveryPrice, has_browse_list, source_cannot_see};

/// Addresses a second, where nobody says otherwise.
const USUAL_RATE: u32 = 200;

/// One source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Names,
    Directory,
    NetBios,
    LocalNetwork,
    BrowseList,
}

impl Tab {
    const ALL: &'static [Self] = &[
        Self::Names,
        Self::Directory,
        Self::NetBios,
        Self::LocalNetwork,
        Self::BrowseList,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Names => "Names and ranges",
            Self::Directory => "Active Directory",
            Self::NetBios => "NetBIOS",
            Self::LocalNetwork => "Local network",
            Self::BrowseList => "Browse list",
        }
    }
}

/// What was typed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a box that a person ticks, or a moment"
)]
pub struct Discover {
    tab: Tab,
    text: String,
    port: String,
    probe: bool,
    file: String,
    column: String,
    columns: Vec<String>,
    directory: DirectoryForm,
    ranges: String,
    local: bool,
    browse_list: bool,
    rate: u32,
    keep: bool,
    name: String,
    focused: bool,
    /// Grows with every change of the long texts: they are compared by it.
    typed: u64,
    /// What was asked about last, and what that would ask.
    asked: Option<(Vec<SourceOrder>, u32)>,
    /// The same, with [`Self::typed`] in the place of the long texts.
    asked_of: Option<(u64, Vec<SourceOrder>, u32)>,
    price: Option<Result<DiscoveryPrice, String>>,
    problem: Option<String>,
    /// It was asked for and has not begun yet.
    pub(in crate::desktop) waiting: bool,
}

impl Discover {
    pub(super) fn new() -> Self {
        Self {
            tab: Tab::Names,
            text: String::new(),
            port: String::new(),
            probe: true,
            file: String::new(),
            column: String::new(),
            columns: Vec::new(),
            directory: DirectoryForm::new(),
            ranges: String::new(),
            local: false,
            browse_list: false,
            rate: USUAL_RATE,
            keep: false,
            name: String::new(),
            focused: false,
            typed: 0,
            asked: None,
            asked_of: None,
            price: None,
            problem: None,
            waiting: false,
        }
    }

    /// A list file was chosen, which has these columns.
    pub fn chose_file(&mut self, path: &Path, columns: Vec<String>) {
        self.file = path.display().to_string();
        self.columns = columns;
        self.column.clear();
    }

    /// The domain this machine belongs to is known.
    pub fn belongs_to(&mut self, home: Option<String>) {
        self.directory.home = home;
    }

    /// What would be asked is known; `of` what, because something else may stand here by now.
    pub fn priced(&mut self, of: &(Vec<SourceOrder>, u32), price: Result<DiscoveryPrice, String>) {
        if self.asked.as_ref() == Some(of) {
            self.price = Some(price);
        }
    }

    /// It did not begin.
    pub fn failed(&mut self, message: String) {
        self.waiting = false;
        self.problem = Some(message);
    }

    /// A part of a directory's tree is being asked for.
    pub fn browses(&mut self, below: Option<String>, listing: DirectoryListing) {
        self.directory.browses(below, listing);
    }

    /// The answer of a directory is waited for.
    pub fn is_waiting(&self) -> bool {
        self.waiting || self.directory.is_waiting()
    }

    fn is_on(&self, tab: Tab) -> bool {
        match tab {
            Tab::Names => !self.text.trim().is_empty() || !self.file.trim().is_empty(),
            Tab::Directory => self.directory.is_on,
            Tab::NetBios => !self.ranges.trim().is_empty(),
            Tab::LocalNetwork => self.local,
            Tab::BrowseList => self.browse_list,
        }
    }

    fn sources(&self) -> Vec<SourceOrder> {
        self.sources_of(self.text.clone(), self.ranges.clone())
    }

    /// The sources, with these in the place of the long texts.
    fn sources_of(&self, text: String, ranges: String) -> Vec<SourceOrder> {
        let mut sources = Vec::new();
        let (probe, port) = (self.probe, self.port.trim().parse().ok().filter(|p| *p > 0));
        if !self.text.trim().is_empty() {
            sources.push(SourceOrder::Names { text, port, probe });
        }
        if !self.file.trim().is_empty() {
            sources.push(SourceOrder::File {
                path: self.file.trim().to_owned(),
                column: self.column.clone(),
                port,
                probe,
            });
        }
        if self.directory.is_on {
            sources.push(SourceOrder::Directory(self.directory.order()));
        }
        if !self.ranges.trim().is_empty() {
            sources.push(SourceOrder::NetBios { ranges });
        }
        if self.local {
            sources.push(SourceOrder::LocalNetwork);
        }
        if self.browse_list {
            sources.push(SourceOrder::BrowseList);
        }
        sources
    }

    fn has_wrong_port(&self) -> bool {
        let text = self.port.trim();
        !text.is_empty() && !text.parse::<u16>().is_ok_and(|port| port > 0)
    }

    fn order(&self) -> SavedDiscovery {
        SavedDiscovery {
            name: self.name.trim().into(),
            sources: self.sources(),
            then: Then::Nothing,
            rate: (self.rate != USUAL_RATE).then_some(self.rate),
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = hanging_dialog_ui(ctx, "Discover computers", 640.0, |ui| {
            self.tabs_ui(ui);
            region(
                ui,
                UiBuilder::new(),
                Role::TabPanel,
                self.tab.label(),
                |ui| match self.tab {
                    Tab::Names => self.names_ui(ui, frame),
                    Tab::Directory => self.directory.ui(ui, frame),
                    Tab::NetBios => self.netbios_ui(ui),
                    Tab::LocalNetwork => {
                        ui.checkbox(&mut self.local, "Ask the local network");
                        note(
                            ui,
                            "Asks every computer of the networks that this one is connected to, as the network view of Windows does \
                         (WS-Discovery).",
                        );
                        cannot_see_ui(ui, &SourceOrder::LocalNetwork);
                    }
                    Tab::BrowseList => {
                        ui.checkbox(&mut self.browse_list, "Take the browse list of Windows");
                        cannot_see_ui(ui, &SourceOrder::BrowseList);
                    }
                },
            );
            self.foot_ui(ui, frame)
        });
        Stay::unless(done.unwrap_or(true))
    }

    fn tabs_ui(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        region(ui, UiBuilder::new(), Role::TabList, "Sources", |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = theme::XS;
                for tab in Tab::ALL {
                    if *tab == Tab::BrowseList && !has_browse_list() {
                        continue;
                    }
                    let (on, chosen) = (self.is_on(*tab), self.tab == *tab);
                    let text = if on {
                        format!("• {}", tab.label())
                    } else {
                        tab.label().to_owned()
                    };
                    let text = RichText::new(text).color(if chosen { p.text } else { p.text_weak });
                    let button = Button::selectable(chosen, text).min_size(egui::vec2(0.0, 28.0));
                    let name = if on {
                        format!("{}, chosen", tab.label())
                    } else {
                        tab.label().to_owned()
                    };
                    let response = ui.add(button).accessible_name(name);
                    ui.ctx().accesskit_node_builder(response.id, |node| {
                        node.set_role(Role::Tab);
                        node.set_selected(chosen);
                    });
                    if response.clicked() {
                        self.tab = *tab;
                        self.focused = false;
                    }
                }
            });
        });
        ui.separator();
    }

    fn names_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) {
        let label = ui.label("Names, addresses, ranges and networks");
        let edit = text_box(&mut self.text, 5)
            .hint_text("lab-pc-014.contoso.com\n10.0.4.17\n10.0.4.0/24\n10.0.5.10-10.0.5.40");
        let edit = scrolled(ui, edit, 5).labelled_by(label.id);
        self.typed += u64::from(edit.changed());
        if !std::mem::replace(&mut self.focused, true) {
            edit.request_focus();
        }
        let label = ui.label("List file, read anew each time");
        ui.horizontal(|ui| {
            let wide = (ui.available_width() - 120.0).max(120.0);
            ui.add(
                text_line(&mut self.file)
                    .desired_width(wide)
                    .hint_text("One computer a line, or CSV"),
            )
            .labelled_by(label.id);
            if quiet_button(ui, Some(Icon::Open), "Choose…").clicked() {
                frame.send(Event::Pick(Purpose::ListFile));
            }
        });
        if self.columns.len() > 1 && !self.file.is_empty() {
            ui.horizontal(|ui| {
                let label = ui.label("Column with the names");
                let shown = if self.column.is_empty() {
                    "Found by its heading"
                } else {
                    &self.column
                };
                let combo = ComboBox::from_id_salt("column")
                    .selected_text(shown.to_owned())
                    .show_ui(ui, |ui| {
                        ui.selectable_value(&mut self.column, String::new(), "Found by its heading");
                        for column in &self.columns {
                            ui.selectable_value(&mut self.column, column.clone(), column);
                        }
                    });
                combo.response.labelled_by(label.id);
            });
        }
        ui.checkbox(
            &mut self.probe,
            "Look names up, and of ranges take only addresses that answer",
        );
        if self.probe {
            self.rate_ui(ui);
        }
        ui.horizontal(|ui| {
            let label = ui.label("WinRM port");
            ui.add(text_line(&mut self.port).desired_width(110.0).hint_text("5985 or 5986"))
                .labelled_by(label.id);
            if self.has_wrong_port() {
                let p = Palette::of(ui);
                ui.label(RichText::new("A port is a number from 1 to 65535").color(p.bad));
            }
        });
        note(ui, "A port of its own is written behind a colon: host:5986.");
    }

    fn netbios_ui(&mut self, ui: &mut Ui) {
        let label = ui.label("Ask the addresses of these ranges and networks");
        let edit = text_box(&mut self.ranges, 3).hint_text("10.0.4.0/24\n10.0.5.10-10.0.5.40");
        let edit = scrolled(ui, edit, 3).labelled_by(label.id);
        self.typed += u64::from(edit.changed());
        self.rate_ui(ui);
        note(
            ui,
            "Tells computer and workgroup names and hardware addresses, also of computers that name servers do not know.",
        );
        let order = SourceOrder::NetBios { ranges: String::new() };
        cannot_see_ui(ui, &order);
    }

    fn rate_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let label = ui.label("Addresses a second");
            ui.add(DragValue::new(&mut self.rate).range(1..=10_000))
                .labelled_by(label.id);
        });
    }

    /// What it would ask, and the buttons. True when the dialog is done.
    fn foot_ui(&mut self, ui: &mut Ui, frame: &Frame<'_>) -> bool {
        let nowhere = self.ask_price(frame);
        ui.add_space(theme::XS);
        ui.horizontal(|ui| {
            let check = ui.add(Checkbox::new(&mut self.keep, "Keep in the list as"));
            ui.add_enabled(
                self.keep,
                text_line(&mut self.name).desired_width(260.0).hint_text("Berlin workstations"),
            )
            .labelled_by(check.id)
            .on_hover_text("To be run again from the menu, by a colleague, or by a scheduler: makeeper discover LIST --saved NAME. Credentials are never kept.");
        });
        match (&self.problem, &self.price) {
            (Some(problem), _) => banner_ui(ui, Health::Bad, "", problem),
            (None, Some(Err(problem))) if !nowhere => {
                banner_ui(ui, Health::Bad, "", &words::sentence(problem));
            }
            (None, Some(Ok(price))) if price.needs_consent() => {
                banner_ui(ui, Health::Unknown, "", &words::sentence(&price.to_string()));
            }
            _ => {}
        }
        let named = (!self.keep || !self.name.trim().is_empty()) && !self.has_wrong_port();
        let known = matches!(self.price, Some(Ok(_)));
        let mut done = false;
        buttons(ui, |ui| {
            if answer_button(ui, !nowhere && named && known && !self.waiting, "Discover") {
                self.waiting = true;
                self.problem = None;
                frame.send(Event::Discovery(DiscoveryEvent::Begin(
                    Box::new(self.order()),
                    self.keep,
                )));
            }
            done |= plain_button(ui, "Cancel").clicked();
        });
        done
    }

    /// Reading files and counting addresses is not for this thread, nor is comparing a long text in every frame. True where
    /// nothing says where to look.
    fn ask_price(&mut self, frame: &Frame<'_>) -> bool {
        let current = (self.typed, self.sources_of(String::new(), String::new()), self.rate);
        let nowhere = current.1.is_empty();
        if self.asked_of.as_ref() == Some(&current) {
            return nowhere;
        }
        self.asked_of = Some(current);
        self.problem = None;
        self.price = None;
        let sources = self.sources();
        if !nowhere {
            frame.send(Event::Discovery(DiscoveryEvent::Price(sources.clone(), self.rate)));
        }
        self.asked = Some((sources, self.rate));
        nowhere
    }
}

fn cannot_see_ui(ui: &mut Ui, source: &SourceOrder) {
    note(ui, &format!("It does not see: {}", source_cannot_see(source)));
}
