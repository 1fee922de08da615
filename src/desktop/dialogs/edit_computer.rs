//! Where a computer is reached when not by its name, and notes on it.

use egui::{ComboBox, Context, Grid, Ui};

use super::{Stay, answer_button, begin_in, buttons, dialog_ui, note};
use crate::desktop::app::{Event, Frame};
use crate::desktop::state::words::Health;
use crate::desktop::theme;
use crate::desktop::widgets::{banner_ui, plain_button, text_box, text_line};
use crate::model::{Computer, ComputerId, ConnectTo, WayIn};

/// What was typed.
pub struct EditComputer {
    id: ComputerId,
    edit: ComputerEdit,
    before: ComputerEdit,
    port: String,
    focused: bool,
}

/// What a person may change of a computer; the rest is what it said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputerEdit {
    /// Name; blank: as it was.
    pub name: String,
    /// Address; empty: by name.
    pub address: String,
    /// Port; `None`: the usual one.
    pub port: Option<u16>,
    /// The way in; `None`: what answers.
    pub way: Option<WayIn>,
    /// A note.
    pub remarks: String,
}

impl ComputerEdit {
    fn of(computer: &Computer) -> Self {
        let connect = computer.connect.clone().unwrap_or_default();
        Self {
            name: computer.name.to_string(),
            address: connect.address.map(|a| a.to_string()).unwrap_or_default(),
            port: connect.port,
            way: connect.way,
            remarks: computer.remarks.to_string(),
        }
    }

    /// The computer as edited.
    pub fn apply(&self, computer: &Computer) -> Computer {
        let address = self.address.trim();
        let connect = ConnectTo {
            address: (!address.is_empty()).then(|| address.into()),
            port: self.port,
            way: self.way,
        };
        let name = self.name.trim();
        Computer {
            name: if name.is_empty() {
                computer.name.clone()
            } else {
                name.into()
            },
            connect: (connect != ConnectTo::default()).then_some(connect),
            remarks: self.remarks.trim().into(),
            ..computer.clone()
        }
    }
}

/// Chooses a way in. What this system cannot do is not offered, unless it is chosen already.
pub(super) fn way_ui(ui: &mut Ui, way: &mut Option<WayIn>, label: egui::Id) {
    let automatic = "What answers";
    let shown = way.map_or(automatic, WayIn::label);
    let combo = ComboBox::from_id_salt("way-in").selected_text(shown).show_ui(ui, |ui| {
        ui.selectable_value(way, None, automatic);
        let offered = |w: &&WayIn| **w != WayIn::Dcom || cfg!(windows) || *way == Some(WayIn::Dcom);
        for choice in WayIn::ALL.iter().filter(offered).copied().collect::<Vec<_>>() {
            ui.selectable_value(way, Some(choice), choice.label());
        }
    });
    combo.response.labelled_by(label).on_hover_text(
        "Over HTTPS the certificate of the computer is checked; without, messages are sealed by the sign-in.",
    );
}

/// Reads a port; blank is the usual one.
fn read_port(text: &str) -> Result<Option<u16>, &'static str> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err("A port is a number from 1 to 65535."),
        },
    }
}

impl EditComputer {
    pub(super) fn new(computer: &Computer) -> Self {
        let edit = ComputerEdit::of(computer);
        Self {
            id: computer.id,
            port: edit.port.map(|p| p.to_string()).unwrap_or_default(),
            before: edit.clone(),
            focused: false,
            edit,
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        let done = dialog_ui(ctx, "Edit computer", 460.0, |ui| {
            let port = read_port(&self.port);
            Grid::new("reach")
                .num_columns(2)
                .spacing([theme::L, theme::XS])
                .show(ui, |ui| {
                    let label = ui.label("Name");
                    let name = ui.add(text_line(&mut self.edit.name)).labelled_by(label.id);
                    begin_in(&name, &mut self.focused);
                    ui.end_row();
                    let label = ui.label("Reached at");
                    let hint = "by its name";
                    ui.add(text_line(&mut self.edit.address).hint_text(hint))
                        .labelled_by(label.id);
                    ui.end_row();
                    let label = ui.label("Port");
                    let usual = self
                        .edit
                        .way
                        .map_or_else(|| "usual".to_owned(), |way| way.port().to_string());
                    ui.add(text_line(&mut self.port).desired_width(80.0).hint_text(usual))
                        .labelled_by(label.id);
                    ui.end_row();
                    let label = ui.label("Way in");
                    way_ui(ui, &mut self.edit.way, label.id);
                    ui.end_row();
                });
            let label = ui.label("Remarks");
            ui.add(text_box(&mut self.edit.remarks, 3)).labelled_by(label.id);
            if let Err(problem) = port {
                banner_ui(ui, Health::Bad, "", problem);
            }
            note(ui, "Domain and products are what the computer says of itself.");
            let mut done = false;
            buttons(ui, |ui| {
                if answer_button(ui, port.is_ok() && !self.edit.name.trim().is_empty(), "Change") {
                    self.edit.port = port.unwrap_or_default();
                    if self.edit != self.before {
                        frame.send(Event::EditComputer(self.id, self.edit.clone()));
                    }
                    done = true;
                }
                done |= plain_button(ui, "Cancel").clicked();
            });
            done
        });
        Stay::unless(done.unwrap_or(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computer_reached_by_its_name_carries_no_address() {
        let mut computer = Computer::named("pc");
        computer.os_edition = "Windows 11 Pro".into();
        let mut edit = ComputerEdit::of(&computer);
        assert_eq!(edit.apply(&computer), computer);
        edit.address = " 10.0.0.7 ".into();
        edit.port = Some(45985);
        let edited = edit.apply(&computer);
        assert_eq!(edited.connect_address(), "10.0.0.7");
        assert_eq!(&*edited.os_edition, "Windows 11 Pro");
        assert_eq!(ComputerEdit::of(&edited).apply(&computer), edited);
    }

    #[test]
    fn ports_are_numbers() {
        assert_eq!(read_port(" "), Ok(None));
        assert_eq!(read_port("5986"), Ok(Some(5986)));
        for wrong in ["0", "65536", "http"] {
            assert!(read_port(wrong).is_err(), "{wrong}");
        }
    }
}
