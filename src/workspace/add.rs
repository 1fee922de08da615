//! Adding computers and product keys to the list.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Elsewhere, Workspace, WorkspaceError};
use crate::discovery::{FoundName, NameProblem, ParsedNames, parse_list_file};
use crate::licensing::describe_key;
use crate::model::{
    Change, Computer, ComputerId, ConnectTo, Inventory, KeyEntry, KeyType, LastFive, ProductKey, Text, WayIn,
};

/// What adding computers did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddReport {
    /// Names of the computers added.
    pub added: Vec<Text>,
    /// Names that the list had already. They were left as they are.
    pub known: Vec<Text>,
    /// Those of them that the text reaches at another address than the list; [`Workspace::readdress`] takes that over.
    pub elsewhere: Vec<Elsewhere>,
    /// Pieces of the text that name no computer.
    pub problems: Vec<NameProblem>,
}

impl Workspace {
    /// Adds the computers that `text` names, without asking whether they are there: names, addresses, ranges and networks
    /// with any separators, or the text of a list file. A computer that is known is reported, not added again.
    pub fn add_computers(&self, text: &str) -> Result<AddReport, WorkspaceError> {
        self.add_computers_at(text, None)
    }

    /// [`Workspace::add_computers`] with the port of those for which `text` names none.
    pub fn add_computers_at(&self, text: &str, port: Option<u16>) -> Result<AddReport, WorkspaceError> {
        let mut parsed = parse_list_file(text);
        for name in &mut parsed.names {
            name.port = name.port.or(port);
        }
        self.add_found(parsed)
    }

    /// Chooses the way in to computers, or leaves it to what answers; how many were changed. A port of its own goes with the
    /// way it belonged to, unless it stays the same.
    pub fn choose_way(&self, chosen: &[ComputerId], way: Option<WayIn>) -> Result<usize, WorkspaceError> {
        let inventory = self.inventory();
        let changes: Vec<Change> = chosen
            .iter()
            .filter_map(|id| {
                let computer = inventory.computer(*id)?;
                let mut connect = computer.connect.clone().unwrap_or_default();
                if connect.way == way {
                    return None;
                }
                connect.way = way;
                connect.port = connect
                    .port
                    .filter(|port| !WayIn::ALL.iter().any(|w| w.port() == *port));
                let connect = (connect != ConnectTo::default()).then_some(connect);
                let computer = (**computer).clone();
                Some(Change::PutComputer(Box::new(Computer { connect, ..computer })))
            })
            .collect();
        let count = changes.len();
        if count > 0 {
            self.edit(changes)?;
        }
        Ok(count)
    }

    fn add_found(&self, parsed: ParsedNames) -> Result<AddReport, WorkspaceError> {
        if parsed.names.is_empty() && parsed.problems.is_empty() {
            return Err(WorkspaceError::Empty {
                what: "computer name or address",
            });
        }
        let inventory = self.inventory();
        let known = Known::of(&inventory);
        let mut report = AddReport {
            problems: parsed.problems,
            ..AddReport::default()
        };
        let mut changes = Vec::new();
        for found in parsed.names {
            if let Some(known) = known.find(&inventory, &found) {
                report.elsewhere.extend(Elsewhere::of(known, &found));
                report.known.push(known.name.clone());
                continue;
            }
            let computer = computer_of(found);
            report.added.push(computer.name.clone());
            changes.push(Change::PutComputer(Box::new(computer)));
        }
        if !changes.is_empty() {
            let count = changes.len();
            self.edit(changes)?;
            self.log(format!("Added {count} computers"));
        }
        Ok(report)
    }

    /// Adds product keys, one per line, or CSV lines with a key, and optionally a type and a description in any order.
    /// Every line is answered: a bad key does not keep the others out.
    pub fn add_keys(&self, text: &str) -> Result<AddKeysReport, WorkspaceError> {
        self.add_keys_of_type(text, None)
    }

    /// [`Workspace::add_keys`] with the type of keys whose line and whose published group do not tell it.
    pub fn add_keys_of_type(&self, text: &str, given: Option<KeyType>) -> Result<AddKeysReport, WorkspaceError> {
        let inventory = self.inventory();
        let mut report = AddKeysReport::default();
        let mut changes = Vec::new();
        let mut seen = HashSet::new();
        for (line, read) in read_keys(text, given) {
            let outcome = match read {
                Err(message) => KeyLineOutcome::Refused(message),
                Ok((entry, type_assumed)) => {
                    let known = is_known(&inventory, &entry) || !seen.insert(entry.id);
                    let last_five = entry.last_five;
                    let key_type = entry.key_type;
                    if known {
                        KeyLineOutcome::Known { last_five }
                    } else {
                        changes.push(Change::PutKey(Box::new(entry)));
                        KeyLineOutcome::Added {
                            last_five,
                            key_type,
                            type_assumed,
                        }
                    }
                }
            };
            report.lines.push(KeyLine { line, outcome });
        }
        if report.lines.is_empty() {
            return Err(WorkspaceError::Empty { what: "product key" });
        }
        if !changes.is_empty() {
            let count = changes.len();
            self.edit(changes)?;
            self.log(format!("Added {count} product keys"));
        }
        Ok(report)
    }
}

/// True if the list has the key of `entry`. Of a locked one only the last five characters can be compared.
fn is_known(inventory: &Inventory, entry: &KeyEntry) -> bool {
    let same = |known: &KeyEntry| match &known.key {
        Some(_) => known.key == entry.key,
        None => known.is_locked() && known.last_five == entry.last_five,
    };
    inventory.key(entry.id).is_some() || inventory.keys().any(|known| same(known))
}

/// What became of one line with a product key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// Line, from 1.
    pub line: usize,
    /// What became of it.
    pub outcome: KeyLineOutcome,
}

/// What became of a product key that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLineOutcome {
    /// It was added.
    Added {
        /// Its last five characters.
        last_five: Option<LastFive>,
        /// Its type.
        key_type: KeyType,
        /// Neither the line nor the key told the type: it was taken for a MAK.
        type_assumed: bool,
    },
    /// The list had it already.
    Known {
        /// Its last five characters.
        last_five: Option<LastFive>,
    },
    /// It is no product key: why, without repeating it.
    Refused(String),
}

/// What adding product keys did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddKeysReport {
    /// Every line that is neither blank nor a comment.
    pub lines: Vec<KeyLine>,
}

impl AddKeysReport {
    /// Number of keys added.
    pub fn added(&self) -> usize {
        self.lines
            .iter()
            .filter(|l| matches!(l.outcome, KeyLineOutcome::Added { .. }))
            .count()
    }

    /// Number of lines refused.
    pub fn refused(&self) -> usize {
        self.lines
            .iter()
            .filter(|l| matches!(l.outcome, KeyLineOutcome::Refused(_)))
            .count()
    }
}

/// Which computers of the list are reached at which address and port.
struct Known(HashMap<(String, Option<u16>), ComputerId>);

impl Known {
    fn of(inventory: &Inventory) -> Self {
        let reached = |c: &Arc<Computer>| {
            let own = c.connect.as_ref()?;
            Some(((own.address.as_deref()?.to_lowercase(), own.port), c.id))
        };
        Self(inventory.computers().filter_map(reached).collect())
    }

    /// The computer of the list: with the same name, or one that is reached at that very address. One found by address, which
    /// has told its name since, is not added a second time.
    fn find<'i>(&self, inventory: &'i Inventory, found: &FoundName) -> Option<&'i Arc<Computer>> {
        if let Some(known) = inventory.computer_by_name(&found.name) {
            return Some(known);
        }
        let address = found.address.as_deref().unwrap_or(&found.name).to_lowercase();
        inventory.computer(*self.0.get(&(address, found.port))?)
    }
}

/// The way in that a text tells of a computer.
pub(super) fn way_of(found: &FoundName) -> Option<WayIn> {
    match found.tls {
        Some(true) => Some(WayIn::Https),
        Some(false) => Some(WayIn::Http),
        None => found.port.map(WayIn::of_port),
    }
}

fn computer_of(found: FoundName) -> Computer {
    let mut computer = Computer::named(&found.name);
    if found.address.is_some() || found.port.is_some() || found.tls.is_some() {
        computer.connect = Some(ConnectTo {
            way: way_of(&found),
            address: found.address.map(Into::into),
            port: found.port,
        });
    }
    computer
}

/// What reading one line with a product key gave: the entry, and whether its type was assumed; or why it is none.
pub type KeyLineRead = Result<(KeyEntry, bool), String>;

/// Reads product keys, one per line, or CSV: for every line that is neither blank nor a comment nor a heading its number,
/// from 1, and what it gave. Nothing here repeats a key.
pub fn read_keys(text: &str, given: Option<KeyType>) -> Vec<(usize, KeyLineRead)> {
    let mut read = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim().trim_start_matches('\u{feff}');
        let is_blank = content.chars().all(|c| matches!(c, ',' | ';' | '\t' | '"' | ' '));
        if is_blank || content.starts_with('#') || (read.is_empty() && is_key_header(content)) {
            continue;
        }
        read.push((index + 1, read_key_line(content, given)));
    }
    read
}

/// What may stand between the cells of a line.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The cells of a line of CSV that are not empty, without blanks around them and without the apostrophe of a spreadsheet. A
/// cell in quotes may hold the separator, and two quotes for one.
fn cells_of(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => quoted = true,
            c if c == separator && !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    let bare = cells.iter().map(|cell| {
        let cell = cell.trim();
        cell.strip_prefix('\'').unwrap_or(cell).trim()
    });
    bare.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

fn is_key_header(line: &str) -> bool {
    let names = |cell: &String| matches!(&*cell.to_lowercase(), "key" | "product key" | "productkey" | "keyvalue");
    SEPARATORS
        .iter()
        .any(|separator| cells_of(line, *separator).iter().any(names))
}

/// Reads one line. The error never repeats the key.
fn read_key_line(line: &str, given: Option<KeyType>) -> Result<(KeyEntry, bool), String> {
    // The separator is the one that leaves a key in a cell of its own: a description may contain the others.
    let by =
        |separator: &char| Some(cells_of(line, *separator)).filter(|c| c.iter().any(|c| ProductKey::parse(c).is_ok()));
    let by_any = || {
        let cells = line.split([',', ';', '\t']).map(|c| c.trim().trim_matches('"').trim());
        cells.filter(|c| !c.is_empty()).map(str::to_owned).collect()
    };
    let cells: Vec<String> = SEPARATORS.iter().find_map(by).unwrap_or_else(by_any);
    let cells: Vec<&str> = cells.iter().map(|c| &**c).collect();
    let parsed: Vec<_> = cells.iter().map(|c| ProductKey::parse(c)).collect();
    let Some(at) = parsed.iter().position(Result::is_ok) else {
        // The cell that looks most like a key says best what is wrong.
        let likely = cells
            .iter()
            .zip(&parsed)
            .max_by_key(|(c, _)| c.chars().filter(|c| *c == '-').count() * 8 + c.len().min(29));
        return Err(match likely {
            Some((_, Err(error))) => error.to_string(),
            _ => "no product key in this line".into(),
        });
    };
    if parsed.iter().filter(|p| p.is_ok()).count() > 1 {
        return Err("two product keys in one line: give each a line of its own".into());
    }
    let Some(Ok(key)) = parsed.into_iter().nth(at) else {
        return Err("no product key in this line".into());
    };
    let others = || cells.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| *c);
    let info = describe_key(&key);
    let named = others().find_map(KeyType::from_name);
    let suggested = Some(info.suggested_key_type()).filter(|t| *t != KeyType::Unknown);
    let known = named.or(suggested).or(given);
    let mut entry = KeyEntry::of(key, known.unwrap_or(KeyType::Mak));
    // A description is shown to everybody: one that repeats the key is none.
    let repeats_it = |text: &str| {
        let bare = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
        let whole = entry.key.as_ref().map(|key| bare(key.reveal())).unwrap_or_default();
        bare(text).to_ascii_uppercase().contains(&whole)
    };
    let described = others().find(|c| KeyType::from_name(c).is_none() && !repeats_it(c));
    if let Some(text) = described {
        entry.description = text.into();
    }
    Ok((entry, known.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

    #[test]
    fn a_key_line_tells_type_and_description_in_any_order() {
        let (entry, assumed) = read_key_line("Head office, FKFKF-TRYMY-WWCCT-MKMKM-WC2C4 ,Mak", None).unwrap();
        assert_eq!(
            (entry.key_type, &*entry.description, assumed),
            (KeyType::Mak, "Head office", false)
        );
    }

    #[test]
    fn a_published_client_setup_key_is_recognised_and_an_unknown_key_is_taken_for_a_mak() {
        assert_eq!(read_key_line(PUBLIC, None).unwrap().0.key_type, KeyType::Gvlk);
        let (entry, assumed) = read_key_line("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4", None).unwrap();
        assert!(entry.key_type == KeyType::Mak && assumed);
    }

    #[test]
    fn cells_in_quotes_keep_their_separators() {
        assert_eq!(cells_of("a, \"b, \"\"c\"\"\" ,,'d", ','), ["a", "b, \"c\"", "d"]);
        assert_eq!(cells_of("\"never closed, x", ','), ["never closed, x"]);
        assert_eq!(cells_of("5\" disk;x", ';'), ["5\" disk", "x"]);
    }

    #[test]
    fn a_line_never_makes_a_description_of_a_key() {
        let (one, two) = ("FKFKF-TRYMY-WWCCT-MKMKM-WC2C4", "FKFKF-TRYMY-FFCCX-MKMKM-FC2T2");
        let error = read_key_line(&format!("{one},{two}"), None).unwrap_err();
        assert!(error.contains("line of its own") && !error.contains("TRYMY"), "{error}");
        let repeated = format!("{one};was {};second floor", one.replace('-', " ").to_lowercase());
        assert_eq!(&*read_key_line(&repeated, None).unwrap().0.description, "second floor");
    }

    #[test]
    fn a_bad_key_is_explained_without_being_repeated() {
        let error = read_key_line("Head office,NPPR9-FWDCX-D2C8J-H872K-2YT34", None).unwrap_err();
        assert!(error.contains("checksum") && !error.contains("FWDCX"), "{error}");
    }
}
