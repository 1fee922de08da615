//! Computers of the list that a list file, or whoever typed their names, reaches at another address than the list does.

use super::add::way_of;
use super::{Workspace, WorkspaceError};
use crate::discovery::FoundName;
use crate::model::{Change, Computer, ComputerId, ConnectTo, Text, WayIn};

/// A known computer that is said to be reached elsewhere. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The computer.
    pub computer: ComputerId,
    /// Its name.
    pub name: Text,
    /// How the list reaches it; `None`: by its name and the usual port.
    pub known: Option<ConnectTo>,
    /// How it is said to be reached.
    pub found: ConnectTo,
}

impl Elsewhere {
    /// What `found` says of `computer` and the list does not. An address that came out of a range names no computer in
    /// particular.
    pub(super) fn of(computer: &Computer, found: &FoundName) -> Option<Self> {
        if found.from_range {
            return None;
        }
        let known = computer.connect.clone().unwrap_or_default();
        let said = ConnectTo {
            address: found
                .address
                .as_deref()
                .map(Into::into)
                .or_else(|| known.address.clone()),
            port: found.port.or(known.port),
            way: way_of(found).or(known.way),
        };
        let same_address = match (&said.address, &known.address) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (Some(a), None) => a.eq_ignore_ascii_case(&computer.name),
            (None, _) => true,
        };
        let way = |c: &ConnectTo| c.way.or(c.port.map(WayIn::of_port));
        let same = same_address && said.port == known.port && way(&said) == way(&known);
        (!same).then(|| Self {
            computer: computer.id,
            name: computer.name.clone(),
            known: computer.connect.clone(),
            found: said,
        })
    }

    /// The way in the list, in words.
    pub fn known_in_words(&self) -> String {
        self.known.clone().unwrap_or_default().in_words(&self.name)
    }

    /// The way that was found, in words.
    pub fn found_in_words(&self) -> String {
        self.found.in_words(&self.name)
    }
}

impl Workspace {
    /// Takes over what was found of those computers whose way is still the one it was compared with, as one step that can be
    /// undone. Returns how many were changed.
    pub fn readdress(&self, elsewhere: &[Elsewhere]) -> Result<usize, WorkspaceError> {
        let mut count = 0;
        self.edit_with(|list| {
            let changes: Vec<Change> = elsewhere
                .iter()
                .filter_map(|e| {
                    let computer = list.computer(e.computer).filter(|c| c.connect == e.known)?;
                    Some(Change::PutComputer(Box::new(Computer {
                        connect: Some(e.found.clone()),
                        ..(**computer).clone()
                    })))
                })
                .collect();
            count = changes.len();
            changes
        })?;
        if count > 0 {
            self.log(format!("Changed the addresses of {count} computers"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: Option<&str>, port: Option<u16>) -> FoundName {
        FoundName {
            name: "pc1".into(),
            address: address.map(Into::into),
            port,
            tls: None,
            from_range: false,
        }
    }

    fn computer(address: Option<&str>, port: Option<u16>) -> Computer {
        let mut computer = Computer::named("pc1");
        computer.connect = (address.is_some() || port.is_some()).then(|| ConnectTo {
            address: address.map(Into::into),
            port,
            way: None,
        });
        computer
    }

    #[test]
    fn only_what_is_said_and_differs_is_another_way() {
        let plain = computer(None, None);
        assert_eq!(Elsewhere::of(&plain, &found(None, None)), None);
        assert_eq!(Elsewhere::of(&plain, &found(Some("PC1"), None)), None);
        let moved = Elsewhere::of(&plain, &found(Some("10.0.0.7"), Some(15985))).unwrap();
        assert_eq!(
            (moved.known_in_words(), moved.found_in_words()),
            ("pc1".into(), "10.0.0.7, port 15985".into())
        );
        let own = computer(Some("10.0.0.7"), Some(15985));
        assert_eq!(Elsewhere::of(&own, &found(None, None)), None);
        assert_eq!(Elsewhere::of(&own, &found(Some("10.0.0.7"), None)), None);
        let moved = Elsewhere::of(&own, &found(Some("10.0.0.8"), None)).unwrap();
        assert_eq!(moved.found.port, Some(15985), "what is not said stays");
        let moved = Elsewhere::of(&own, &found(None, Some(5986))).unwrap();
        assert_eq!(moved.found_in_words(), "10.0.0.7, port 5986, https");
        assert_eq!(
            Elsewhere::of(&own, &found(None, Some(15985))),
            None,
            "its way is that of its port"
        );
        let ranged = FoundName {
            from_range: true,
            ..found(Some("10.0.0.8"), None)
        };
        assert_eq!(Elsewhere::of(&own, &ranged), None);
    }
}
