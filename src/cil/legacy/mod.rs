//! What the readers of older lists share: records become rows of the native format, value by value, and go through its
//! assembly; what has no place there is kept in an element of our namespace (`mk:Vamt2`, `mk:Vamt1`) that stands for the
//! record it was found in.

mod keys;
mod names;
mod node;

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::cilx::{
    Bulk, ClientRecord, Context, KeyRecord, MAX_WARNINGS, NAMESPACE, PREFIX, Parsed, ProductRecord, Record,
    VAMT_NAMESPACES, assemble, element, push_attribute, sanitised, unusable,
};
use super::error::{CilError, LegacyFormat};
use super::values::{MAX_RECORDS, clip, write_date};
use super::xml::{Child, Cursor, Tag};
use super::{Loaded, Progress, Watch};
use crate::model::{ComputerId, Foreign, ForeignParts, KeyType, LicenseStatus, ListHeader, Text};

use keys::types_of_keys;
use names::Names;
use node::Budget;
pub(super) use node::{Node, Residue};

/// Most attributes and elements of one computer with its products.
const MAX_PARTS: usize = if cfg!(test) { 10_000 } else { 1_000_000 };

/// A list under construction.
pub(super) struct Builder<'a, 'w> {
    text: &'a str,
    pub cursor: Cursor<'a>,
    format: LegacyFormat,
    /// Namespaces declared around the records.
    declared: Vec<(String, String)>,
    /// What stands outside of the records and is not ours.
    header: Residue,
    context: Context,
    parsed: Parsed<'static>,
    names: Names,
    watch: &'w Watch<'w>,
    told: usize,
}

/// The computer of a product.
pub(super) struct Owner {
    pub id: ComputerId,
    /// Its name in our list; `None`: the list was saved without names.
    pub name: Option<String>,
    /// How the file calls it, when it has no name.
    pub words: String,
}

impl<'a, 'w> Builder<'a, 'w> {
    pub fn new(text: &'a str, format: LegacyFormat, watch: &'w Watch<'w>) -> Self {
        Self {
            text,
            cursor: Cursor::at(text, 0),
            format,
            declared: Vec::new(),
            header: Residue::default(),
            context: Context::new(),
            parsed: Parsed::default(),
            names: Names::default(),
            watch,
            told: 0,
        }
    }

    /// Reads the whole file: `child` is asked for every child of the root and answers whether it has read it.
    pub fn read(
        mut self,
        mut child: impl FnMut(&mut Self, &Tag<'a>) -> Result<bool, CilError>,
    ) -> Result<Loaded, CilError> {
        let Child::Open(root) = self.cursor.child()? else {
            return Err(CilError::Empty);
        };
        let mut attributes = String::new();
        for (name, value) in self.cursor.attributes(&root)? {
            if !name.starts_with("xmlns") {
                push_attribute(&mut attributes, name, &value);
            } else if !VAMT_NAMESPACES.contains(&(name, &*value)) {
                self.declared.push((name.to_owned(), value.into_owned()));
            }
        }
        self.header.attributes = attributes;
        self.children(&root, |this, tag| {
            if !child(this, tag)? {
                let raw = this.cursor.raw(tag)?;
                this.header.children.push_str(&sanitised(raw));
            }
            Ok(())
        })?;
        let at = self.cursor.position();
        let Child::End = self.cursor.child()? else {
            let what = format!("there is more after the end of <{}>", root.name);
            return Err(self.cursor.syntax(at, what));
        };
        Ok(self.finish())
    }

    fn finish(mut self) -> Loaded {
        let mut root = ForeignParts::default();
        let header = std::mem::take(&mut self.header);
        root.elements.extend(self.wrapper(&header));
        self.parsed.warnings.append(&mut self.context.warnings);
        self.parsed.more_warnings += self.context.more_warnings;
        let header = ListHeader {
            vamt_version: Text::default(),
            root: Foreign::new(root),
            ..ListHeader::default()
        };
        let (mut inventory, warnings, more_warnings) = assemble(self.text, header, self.parsed, MAX_WARNINGS);
        types_of_keys(&mut inventory);
        Loaded {
            inventory,
            warnings,
            more_warnings,
            generation: None,
            legacy: Some(self.format),
        }
    }

    /// Calls `each` for every child of `parent`.
    pub fn children(
        &mut self,
        parent: &Tag<'a>,
        mut each: impl FnMut(&mut Self, &Tag<'a>) -> Result<(), CilError>,
    ) -> Result<(), CilError> {
        let mut open = !parent.empty;
        while open {
            let at = self.cursor.position();
            match self.cursor.child()? {
                Child::Open(tag) => {
                    each(self, &tag)?;
                    self.tell()?;
                }
                Child::Close(name) if name == parent.name => open = false,
                Child::Close(name) => return Err(self.cursor.crossed(at, parent.name, name)),
                Child::Stray(at) => {
                    self.context
                        .warn(at, parent.name, "text outside of any element was left out");
                }
                Child::End => return Err(self.cursor.truncated(parent.start)),
            }
        }
        Ok(())
    }

    /// Reads a container of records. What else it holds is kept.
    pub fn container(
        &mut self,
        tag: &Tag<'a>,
        record: &str,
        groups: &[&str],
        mut each: impl FnMut(&mut Self, Node<'a>),
    ) -> Result<(), CilError> {
        let mut residue = Residue::default();
        let outside = self.declared.len();
        for (name, value) in self.cursor.attributes(tag)? {
            push_attribute(&mut residue.attributes, name, &value);
            if name.starts_with("xmlns") {
                self.declared.push((name.to_owned(), value.into_owned()));
            }
        }
        self.children(tag, |this, child| {
            if !child.name.eq_ignore_ascii_case(record) {
                let raw = this.cursor.raw(child)?;
                residue.children.push_str(&sanitised(raw));
                return Ok(());
            }
            let mut budget = Budget {
                left: MAX_PARTS,
                limit: MAX_PARTS,
            };
            let node = Node::read(
                this.text,
                &mut this.cursor,
                child,
                groups,
                &mut budget,
                &mut this.context,
            )?;
            let at = node.start;
            each(this, node);
            this.check_counts(at)
        })?;
        self.declared.truncate(outside);
        self.header.children.push_str(&residue.element(tag.name));
        Ok(())
    }

    fn check_counts(&self, at: usize) -> Result<(), CilError> {
        let counts = [
            (self.parsed.clients.len(), "computers"),
            (self.parsed.products.len(), "products"),
            (self.parsed.keys.len(), "product keys"),
        ];
        match counts.into_iter().find(|(count, _)| *count > MAX_RECORDS) {
            None => Ok(()),
            Some((_, what)) => Err(CilError::too_many(self.text, at, what)),
        }
    }

    /// Tells how far it is, every megabyte.
    fn tell(&mut self) -> Result<(), CilError> {
        let done = self.cursor.position();
        if done < self.told + (1 << 20) {
            return Ok(());
        }
        self.told = done;
        let progress = Progress {
            done: done as u64,
            total: self.text.len() as u64,
        };
        match (self.watch)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CilError::Cancelled),
        }
    }

    pub fn warn(&mut self, at: usize, element: &str, reason: impl Into<String>) {
        self.context.warn(at, element, reason);
    }

    /// Keeps an element that stands outside of the records.
    pub fn keep_outside(&mut self, raw: &str) {
        self.header.children.push_str(&sanitised(raw));
    }

    /// An element of ours that keeps what nobody used of a record.
    fn wrapper(&self, residue: &Residue) -> Option<(String, String)> {
        if residue.is_empty() {
            return None;
        }
        let taken = |prefix: &str| {
            let declaration = format!("xmlns:{prefix}");
            self.declared.iter().any(|(name, _)| *name == declaration) || residue.attributes.contains(&declaration)
        };
        let numbered = (2..).map(|n| format!("{PREFIX}{n}"));
        let prefix = std::iter::once(PREFIX.to_owned()).chain(numbered).find(|p| !taken(p))?;
        let name = match self.format {
            LegacyFormat::Vamt1 => format!("{prefix}:Vamt1"),
            LegacyFormat::Vamt2 => format!("{prefix}:Vamt2"),
        };
        let mut attributes = String::new();
        push_attribute(&mut attributes, &format!("xmlns:{prefix}"), NAMESPACE);
        for (name, value) in &self.declared {
            if !residue.attributes.contains(&format!(" {name}=")) && !attributes.contains(&format!(" {name}=")) {
                push_attribute(&mut attributes, name, value);
            }
        }
        attributes.push_str(&residue.attributes);
        let whole = Residue {
            attributes,
            children: residue.children.clone(),
        };
        let raw = whole.element(&name);
        Some((name, raw))
    }

    fn foreign(&self, mut kept: ForeignParts, residue: &Residue) -> Foreign {
        kept.elements.extend(self.wrapper(residue));
        Foreign::new(kept)
    }

    /// Begins to fill `record`.
    pub fn fill<'b, R: Record<'static>>(&'b mut self, record: &'b mut R) -> Filling<'b, R> {
        Filling {
            warned: self.context.warnings.len(),
            context: &mut self.context,
            record,
            kept: ForeignParts::default(),
        }
    }

    pub fn put_product(&mut self, record: ProductRecord<'static>, node: &Node<'_>, kept: ForeignParts, owner: &Owner) {
        let mut residue = node.residue();
        if owner.name.is_none() {
            let mut computer = String::new();
            push_attribute(&mut computer, "Id", &owner.words);
            residue.children.insert_str(0, &format!("<Computer{computer}/>"));
        }
        let foreign = self.foreign(kept, &residue);
        self.parsed.products.push(record.finish(node.start, foreign));
    }

    pub fn put_key(&mut self, record: KeyRecord, node: &Node<'_>, kept: ForeignParts) {
        let foreign = self.foreign(kept, &node.residue());
        let nth = self.parsed.keys.len();
        self.parsed.keys.push(record.finish(node.start, nth, foreign));
    }

    pub fn put_client(&mut self, record: ClientRecord, node: &Node<'_>, kept: ForeignParts) {
        let foreign = self.foreign(kept, &node.residue());
        self.parsed.clients.push(record.finish(node.start, foreign));
    }

    /// What a computer without a name leaves that none of its products tells.
    pub fn keep_nameless(&mut self, element: &str, owner: &Owner, node: &Node<'_>, products: usize) {
        let mut residue = node.residue();
        if residue.is_empty() && products > 0 {
            return;
        }
        let mut attributes = String::new();
        if node.peek("Id").is_none() {
            push_attribute(&mut attributes, "Id", &owner.words);
        }
        residue.attributes.insert_str(0, &attributes);
        self.header.children.push_str(&residue.element(element));
    }

    /// The name a computer gets in our list, where names are unique, and whether it had to be another one.
    pub fn name_for(&mut self, name: &str, network: &str) -> (String, bool) {
        self.names.name_for(name, network)
    }
}

/// The identity the file gives a computer, else one made of its name, else of its place in the file.
pub(super) fn identity(node: &Node<'_>, name: &str) -> ComputerId {
    let given = node.peek("Id").map_or("", |(_, text)| text).trim();
    match uuid::Uuid::try_parse(given) {
        Ok(id) if !id.is_nil() => ComputerId(id),
        _ if !given.is_empty() => ComputerId::from_name(&format!("id {given}")),
        _ if !name.is_empty() => ComputerId::from_name(name),
        _ => ComputerId::from_name(&format!("place {}", node.start)),
    }
}

/// A record that takes values.
pub(super) struct Filling<'b, R> {
    context: &'b mut Context,
    record: &'b mut R,
    kept: ForeignParts,
    warned: usize,
}

impl<R: Record<'static>> Filling<'_, R> {
    /// Moves a value of the file (`theirs`) to the element of the native format that means the same.
    pub fn put(&mut self, node: &mut Node<'_>, theirs: &str, native: &str) {
        if let Some((at, text)) = node.take(theirs) {
            self.put_text(at, theirs, native, &text);
        }
    }

    /// Sets an element of the native format. One that makes no sense is kept under that name, until a better one comes.
    pub fn put_text(&mut self, at: usize, theirs: &str, native: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let text = Cow::Owned(sanitised(text));
        if let Err(reason) = self.record.field(native, &text, &mut self.context.texts) {
            self.warn(at, theirs, unusable(&reason));
            self.kept.elements.push((native.to_owned(), element(native, &text)));
        }
    }

    /// Sets a field of our extension. False: it makes no sense there.
    pub fn put_extra(&mut self, at: usize, theirs: &str, name: &str, text: &str) -> bool {
        match self.record.extra(name, text, &mut self.context.texts) {
            Ok(known) => known,
            Err(reason) => {
                self.warn(at, theirs, unusable(&reason));
                false
            }
        }
    }

    /// Adds a hardware address.
    pub fn put_mac(&mut self, mac: &str) {
        // The record has such a field, and any text is one.
        let _ = self.record.extra_child("Mac", &[], mac, &mut self.context.texts);
    }

    pub fn warn(&mut self, at: usize, theirs: &str, reason: impl Into<String>) {
        self.context.warn(at, theirs, reason);
    }

    /// Ends it: warnings are told of the record. Returns what was kept.
    pub fn done(self) -> ForeignParts {
        if self.context.warnings.len() > self.warned {
            let row = self.record.describe();
            for warning in self.context.warnings.iter_mut().skip(self.warned) {
                warning.row.clone_from(&row);
            }
        }
        self.kept
    }
}

/// The end of a grace period: `minutes` after the status was read. `None`: it has none.
pub(super) fn grace_end(read: DateTime<Utc>, minutes: &str) -> Result<Option<String>, String> {
    let wrong = || format!("{:?} is no number of minutes", clip(minutes));
    let count: i64 = minutes.trim().parse().map_err(|_| wrong())?;
    if count == 0 {
        return Ok(None);
    }
    let end = TimeDelta::try_minutes(count)
        .filter(|_| count > 0)
        .and_then(|length| read.checked_add_signed(length))
        .filter(|end| end.year() <= 9999)
        .ok_or_else(wrong)?;
    Ok(Some(date_text(end)))
}

/// A date as the native format has it.
pub(super) fn date_text(at: DateTime<Utc>) -> String {
    let mut out = Vec::new();
    write_date(&mut out, at);
    String::from_utf8(out).unwrap_or_default()
}

/// `00-11-22-33-44-55`, whatever stands between the digits.
pub(super) fn mac_address(text: &str) -> Option<String> {
    let digits: Vec<char> = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | '.' | ' '))
        .collect();
    if digits.len() != 12 || !digits.iter().all(char::is_ascii_hexdigit) {
        return None;
    }
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(pairs.join("-").to_ascii_uppercase())
}

/// Status names of older versions, which wrote some without the `In`.
pub(super) fn license_status(text: &str) -> Cow<'_, str> {
    let with_in = format!("In{}", text.trim());
    match LicenseStatus::from_name(&with_in) {
        Some(status) => status.name().into(),
        None => text.into(),
    }
}

/// Key type names of older versions: `Volume:MAK`, `Volume_GVLK`.
pub(super) fn key_type(text: &str) -> Cow<'_, str> {
    let tail = text.rsplit([':', '_', ' ']).next().unwrap_or_default();
    match KeyType::from_name(text).or_else(|| KeyType::from_name(tail)) {
        Some(kind) => kind.name().into(),
        None => text.into(),
    }
}

impl fmt::Debug for Builder<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_ends_so_many_minutes_after_the_status_was_read() {
        let read = DateTime::from_timestamp(1_300_000_000, 0).unwrap();
        assert_eq!(grace_end(read, "60").unwrap().unwrap(), "2011-03-13T08:06:40Z");
        assert_eq!(grace_end(read, "0").unwrap(), None);
        for absurd in ["-1", "9223372036854775807", "99999999999", "soon", ""] {
            assert!(grace_end(read, absurd).is_err(), "{absurd}");
        }
    }

    #[test]
    fn hardware_addresses_are_written_one_way() {
        for text in [
            "00:1a:2B:3c:4d:5e",
            "001A2B3C4D5E",
            "001a.2b3c.4d5e",
            " 00-1A-2B-3C-4D-5E ",
        ] {
            assert_eq!(mac_address(text).as_deref(), Some("00-1A-2B-3C-4D-5E"));
        }
        assert_eq!(mac_address("00-1A-2B-3C-4D"), None);
        assert_eq!(mac_address("\u{663}0-1A-2B-3C-4D-5E"), None);
    }

    #[test]
    fn older_names_of_types_and_states_are_understood() {
        assert_eq!(key_type("Volume:MAK"), "Mak");
        assert_eq!(key_type("gvlk"), "Gvlk");
        assert_eq!(key_type("whatever"), "whatever");
        assert_eq!(license_status("OobGrace"), "InOobGrace");
        assert_eq!(license_status("Licensed"), "Licensed");
    }
}
