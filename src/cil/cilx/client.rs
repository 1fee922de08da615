//! A computer: `VolumeActivationClient`.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::cil::values::{Interner, clip, parse_bool};
use crate::model::{Computer, ComputerId, ConnectTo, Contact, Foreign, NetworkKind, Text, WayIn};

use super::extra::{FailureParts, date, number};
use super::pieces::Bulk;
use super::record::Record;

/// A computer as the file has it.
pub(in crate::cil) struct ClientRow {
    /// Where its tag begins.
    pub at: usize,
    /// `id` is that of the name unless `has_id`.
    pub computer: Arc<Computer>,
    /// Our extension gave the identity.
    pub has_id: bool,
}

pub(in crate::cil) struct ClientRecord {
    computer: Computer,
    id: Option<ComputerId>,
    contact_at: Option<DateTime<Utc>>,
    contact_way: Option<WayIn>,
    contact: FailureParts,
}

impl Bulk<'_> for ClientRecord {
    const CONTAINER: &'static str = "VolumeActivationClients";
    const TAG: &'static str = "VolumeActivationClient";
    const START: &'static str = "<VolumeActivationClient>";
    const PLURAL: &'static str = "computers";
    type Row = ClientRow;

    fn new() -> Self {
        Self {
            computer: Computer::named(""),
            id: None,
            contact_at: None,
            contact_way: None,
            contact: FailureParts::default(),
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        self.computer
            .name
            .trim()
            .is_empty()
            .then_some("a computer without a name")
    }

    fn finish(self, at: usize, foreign: Foreign) -> ClientRow {
        let mut computer = self.computer;
        computer.id = self.id.unwrap_or_else(|| ComputerId::from_name(&computer.name));
        computer.foreign = foreign;
        computer.contact = self.contact_at.map(|at| Contact {
            at,
            failure: self.contact.finish().map(Box::new),
            way: self.contact_way,
        });
        ClientRow {
            at,
            computer: Arc::new(computer),
            has_id: self.id.is_some(),
        }
    }
}

fn way_in(text: &str) -> Result<WayIn, String> {
    WayIn::from_name(text).ok_or_else(|| format!("{:?} is no way to a computer", clip(text)))
}

impl<'a> Record<'a> for ClientRecord {
    fn field(&mut self, name: &str, text: &Cow<'a, str>, texts: &mut Interner) -> Result<bool, String> {
        let computer = &mut self.computer;
        match name {
            "FullyQualifiedDomainName" => computer.name = Text::from(&**text),
            "DomainWorkgroupName" => computer.network.name = texts.text(text),
            "OSEdition" => computer.os_edition = texts.text(text),
            "OSVersion" => computer.os_version = texts.text(text),
            "IsKmsHost" | "NetworkType" if text.trim().is_empty() => {}
            "IsKmsHost" => {
                let value = parse_bool(text).ok_or_else(|| format!("{:?} is neither true nor false", clip(text)))?;
                computer.is_kms_host = Some(value);
            }
            "NetworkType" => {
                computer.network.kind =
                    NetworkKind::from_name(text).ok_or_else(|| format!("{:?} is no network type", clip(text)))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self, name: &str, text: &str, _texts: &mut Interner) -> Result<bool, String> {
        let connect = &mut self.computer.connect;
        match name {
            "Id" => {
                let id = text.parse().map_err(|_| format!("{:?} is no GUID", clip(text)))?;
                self.id = Some(ComputerId(id));
            }
            "DirectoryId" => {
                let id = text.parse().map_err(|_| format!("{:?} is no GUID", clip(text)))?;
                self.computer.directory_id = Some(id);
            }
            "ConnectAddress" => connect.get_or_insert_with(ConnectTo::default).address = Some(text.into()),
            "ConnectPort" => connect.get_or_insert_with(ConnectTo::default).port = Some(number(text)?),
            "ConnectTls" => {
                let tls = parse_bool(text).ok_or_else(|| format!("{:?} is neither true nor false", clip(text)))?;
                let way = if tls { WayIn::Https } else { WayIn::Http };
                connect.get_or_insert_with(ConnectTo::default).way = Some(way);
            }
            "ConnectWay" if text == "auto" => connect.get_or_insert_with(ConnectTo::default).way = None,
            "ConnectWay" => connect.get_or_insert_with(ConnectTo::default).way = Some(way_in(text)?),
            "ContactWay" => self.contact_way = Some(way_in(text)?),
            "ContactAt" => self.contact_at = date(text)?,
            "Remarks" => self.computer.remarks = text.into(),
            name => {
                return match name.strip_prefix("Contact") {
                    Some(part) => self.contact.set(part, text),
                    None => Ok(false),
                };
            }
        }
        Ok(true)
    }

    fn extra_child(
        &mut self,
        name: &str,
        attributes: &[(&str, Cow<'_, str>)],
        text: &str,
        _texts: &mut Interner,
    ) -> Result<bool, String> {
        if name != "Mac" || !attributes.is_empty() {
            return Ok(false);
        }
        self.computer.mac_addresses.push(text.into());
        Ok(true)
    }

    fn describe(&self) -> String {
        format!("computer {}", clip(&self.computer.name))
    }
}
