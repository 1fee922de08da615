//! The structure of a list: root, containers, records.

use std::borrow::Cow;

use uuid::Uuid;

use crate::cil::error::{CilError, line_and_column};
use crate::cil::values::MAX_RECORDS;
use crate::cil::xml::{Child, Cursor, Tag, short};
use crate::cil::{Loaded, Watch};
use crate::model::{Foreign, ForeignParts, KeySeal, ListHeader, Text};

use super::assemble::assemble;
use super::client::{ClientRecord, ClientRow};
use super::key::{KeyRecord, KeyRow};
use super::pieces::{Bulk, PieceEnd, piece_starts, read_piece, read_pieces};
use super::product::{ProductRecord, ProductRow};
use super::record::{Context, MAX_WARNINGS, RawWarning, push_attribute, read_record, sanitised, unusable};
use super::saved;
use super::scope::Scope;
use super::{DATA, GENERATION, NAMESPACE, PREFIX, ROOT, SEALED_FOR, SEALED_WITH, VAMT_NAMESPACES, VAMT_VERSION};

/// Everything a file holds, before it becomes an inventory.
#[derive(Default)]
pub(in crate::cil) struct Parsed<'a> {
    pub products: Vec<ProductRow<'a>>,
    pub clients: Vec<ClientRow>,
    pub keys: Vec<KeyRow>,
    pub warnings: Vec<RawWarning>,
    pub more_warnings: usize,
}

/// Unknown parts of the structure.
#[derive(Default)]
struct Residue {
    vamt_version: Text,
    generation: Option<Uuid>,
    sealed_for: Option<Text>,
    sealed_with: Option<Text>,
    /// Discoveries and approved hosts alone.
    saved: ListHeader,
    root: ForeignParts,
    data: ForeignParts,
    products: ForeignParts,
    keys: ForeignParts,
    clients: ForeignParts,
}

struct Document<'a, 'w> {
    text: &'a str,
    cursor: Cursor<'a>,
    context: Context,
    parsed: Parsed<'a>,
    residue: Residue,
    /// Elements read one by one: everything but products.
    children: usize,
    watch: &'w Watch<'w>,
}

/// Reads a list from its text.
pub(in crate::cil) fn read_document(text: &str, watch: &Watch<'_>) -> Result<Loaded, CilError> {
    let mut document = Document {
        text,
        cursor: Cursor::at(text, 0),
        context: Context::new(),
        parsed: Parsed::default(),
        residue: Residue::default(),
        children: 0,
        watch,
    };
    document.root()?;
    let Document {
        context,
        mut parsed,
        residue,
        ..
    } = document;
    parsed.warnings.extend(context.warnings);
    parsed.more_warnings += context.more_warnings;
    let generation = residue.generation;
    let header = residue.header();
    let (inventory, warnings, more_warnings) = assemble(text, header, parsed, MAX_WARNINGS);
    Ok(Loaded {
        inventory,
        warnings,
        more_warnings,
        generation,
        legacy: None,
    })
}

impl Residue {
    fn header(self) -> ListHeader {
        let mut data = self.data;
        for (name, parts) in [
            ("Products", self.products),
            ("ProductKeys", self.keys),
            ("VolumeActivationClients", self.clients),
        ] {
            data.elements.extend(shell(name, &parts));
        }
        ListHeader {
            vamt_version: self.vamt_version,
            root: Foreign::new(self.root),
            data: Foreign::new(data),
            seal: self
                .sealed_for
                .zip(self.sealed_with)
                .map(|(recipient, identity)| KeySeal { recipient, identity }),
            ..self.saved
        }
    }
}

/// `xmlns:mk`, or `xmlns:mk2` and so on, which the writer uses where `mk` means something else.
fn is_our_declaration(name: &str) -> bool {
    name.strip_prefix("xmlns:")
        .and_then(|prefix| prefix.strip_prefix(PREFIX))
        .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// A container without its records: what it had that is not ours. The writer puts the records in before its end tag.
fn shell(name: &str, parts: &ForeignParts) -> Option<(String, String)> {
    if parts.attributes.is_empty() && parts.elements.is_empty() {
        return None;
    }
    let mut raw = format!("<{name}");
    for (attribute, value) in &parts.attributes {
        push_attribute(&mut raw, attribute, value);
    }
    raw.push('>');
    for (_, element) in &parts.elements {
        raw.push_str("\n      ");
        raw.push_str(element);
    }
    raw.push_str("</");
    raw.push_str(name);
    raw.push('>');
    Some((name.to_owned(), raw))
}

fn keep_attributes(foreign: &mut ForeignParts, attributes: Vec<(&str, Cow<'_, str>)>) {
    for (name, value) in attributes {
        if !foreign.attributes.iter().any(|(known, _)| known == name) {
            foreign.attributes.push((name.to_owned(), sanitised(&value)));
        }
    }
}

impl<'a> Document<'a, '_> {
    fn root(&mut self) -> Result<(), CilError> {
        let root = match self.cursor.child()? {
            Child::Open(root) => root,
            Child::End => return Err(CilError::Empty),
            Child::Stray(at) => return Err(self.cursor.syntax(at, "a list begins with <, not with other text")),
            Child::Close(name) => {
                return Err(self.cursor.syntax(0, format!("</{}> closes nothing", short(name))));
            }
        };
        match root.name {
            ROOT => {}
            found => {
                let (line, column) = line_and_column(self.text, root.start);
                let found = found.chars().take(60).collect();
                return Err(CilError::Root { line, column, found });
            }
        }
        let attributes = self.cursor.attributes(&root)?;
        let scope = Scope::default().inside(&attributes).into_owned();
        self.root_attributes(attributes, &scope, root.start);
        let mut open = !root.empty;
        while open {
            match self.next_child(&root)? {
                None => open = false,
                Some(child) if child.name == DATA => self.data(&child, &scope)?,
                Some(child) => self.saved_or_foreign(&child, &scope)?,
            }
        }
        let at = self.cursor.position();
        if let Child::End = self.cursor.child()? {
            return Ok(());
        }
        let what = format!("there is more after the end of <{ROOT}>");
        Err(self.cursor.syntax(at, what))
    }

    /// A child of the root that is none of VAMT's: what we keep for discovery, or something to keep as it stands.
    fn saved_or_foreign(&mut self, child: &Tag<'a>, scope: &Scope) -> Result<(), CilError> {
        let attributes = self.cursor.attributes(child)?;
        let ours = scope.inside(&attributes).ours(child.name).is_some_and(saved::is_ours);
        let raw = self.cursor.raw(child)?;
        if ours {
            match saved::read(raw, scope, &mut self.residue.saved) {
                Ok(()) => return Ok(()),
                Err(reason) => self.context.warn(child.start, child.name, unusable(&reason)),
            }
        }
        self.residue.root.elements.push((child.name.to_owned(), sanitised(raw)));
        Ok(())
    }

    fn root_attributes(&mut self, attributes: Vec<(&str, Cow<'_, str>)>, scope: &Scope, at: usize) {
        let mut kept = Vec::new();
        for (name, value) in attributes {
            if name == "VamtVersion" {
                // The version that is written anyway needs no keeping.
                if value != VAMT_VERSION {
                    self.residue.vamt_version = (*value).into();
                }
            } else if scope.ours_attribute(name) == Some(GENERATION) {
                match value.parse() {
                    Ok(generation) => self.residue.generation = Some(generation),
                    Err(_) => self.context.warn(at, name, "it is no GUID; not used"),
                }
            } else if scope.ours_attribute(name) == Some(SEALED_FOR) {
                self.residue.sealed_for = Some((*value).into());
            } else if scope.ours_attribute(name) == Some(SEALED_WITH) {
                self.residue.sealed_with = Some((*value).into());
            } else if VAMT_NAMESPACES.contains(&(name, &*value)) || (value == NAMESPACE && is_our_declaration(name)) {
                // Written again in any case.
            } else {
                kept.push((name, value));
            }
        }
        keep_attributes(&mut self.residue.root, kept);
    }

    /// The next child of `parent`; `None` at its end.
    fn next_child(&mut self, parent: &Tag<'a>) -> Result<Option<Tag<'a>>, CilError> {
        loop {
            let at = self.cursor.position();
            match self.cursor.child()? {
                Child::Open(child) => {
                    self.children += 1;
                    if self.children > MAX_RECORDS {
                        return Err(CilError::too_many(self.text, at, "computers and product keys"));
                    }
                    return Ok(Some(child));
                }
                Child::Close(name) if name == parent.name => return Ok(None),
                Child::Close(name) => {
                    return Err(self.cursor.crossed(at, parent.name, name));
                }
                Child::Stray(at) => self
                    .context
                    .warn(at, parent.name, "text outside of any element was left out"),
                Child::End => return Err(self.cursor.truncated(at)),
            }
        }
    }

    fn data(&mut self, tag: &Tag<'a>, scope: &Scope) -> Result<(), CilError> {
        let mut attributes = self.cursor.attributes(tag)?;
        let scope = scope.inside(&attributes).into_owned();
        // Counts are counted anew. That of a container we keep as it stands is kept with it.
        attributes.retain(|(name, value)| match *name {
            "TotalProducts" | "TotalVolumeClients" | "TotalProductKeys" => false,
            "TotalAvailableProducts" => value != "0",
            _ => true,
        });
        keep_attributes(&mut self.residue.data, attributes);
        if tag.empty {
            return Ok(());
        }
        while let Some(child) = self.next_child(tag)? {
            match child.name {
                ProductRecord::CONTAINER => {
                    let (rows, foreign) = self.bulk::<ProductRecord<'a>>(&child, &scope)?;
                    self.parsed.products.extend(rows);
                    join(&mut self.residue.products, foreign);
                }
                ClientRecord::CONTAINER => {
                    let (rows, foreign) = self.bulk::<ClientRecord>(&child, &scope)?;
                    self.parsed.clients.extend(rows);
                    join(&mut self.residue.clients, foreign);
                }
                "ProductKeys" => self.keys(&child, &scope)?,
                _ => keep(&mut self.residue.data, &mut self.cursor, &child)?,
            }
        }
        Ok(())
    }

    fn keys(&mut self, tag: &Tag<'a>, scope: &Scope) -> Result<(), CilError> {
        let attributes = self.cursor.attributes(tag)?;
        let scope = scope.inside(&attributes).into_owned();
        keep_attributes(&mut self.residue.keys, attributes);
        if tag.empty {
            return Ok(());
        }
        while let Some(child) = self.next_child(tag)? {
            if child.name != "ProductKey" {
                keep(&mut self.residue.keys, &mut self.cursor, &child)?;
                continue;
            }
            let mut record = KeyRecord::default();
            let foreign = read_record(&mut self.cursor, &child, &scope, &mut self.context, &mut record)?;
            let nth = self.parsed.keys.len();
            self.parsed
                .keys
                .push(record.finish(child.start, nth, Foreign::new(foreign)));
        }
        Ok(())
    }

    /// The records of a container, and what it has that is not ours.
    fn bulk<R: Bulk<'a>>(&mut self, tag: &Tag<'a>, scope: &Scope) -> Result<(Vec<R::Row>, ForeignParts), CilError> {
        let attributes = self.cursor.attributes(tag)?;
        let scope = scope.inside(&attributes).into_owned();
        let (mut rows, mut foreign) = (Vec::new(), ForeignParts::default());
        keep_attributes(&mut foreign, attributes);
        if tag.empty {
            return Ok((rows, foreign));
        }
        let starts = piece_starts::<R>(self.text, self.cursor.position());
        let mut pieces = read_pieces::<R>(self.text, &starts, &scope, self.watch)?;
        rows.reserve_exact(pieces.iter().flatten().flatten().map(|piece| piece.rows.len()).sum());
        let mut at = starts.first().copied().unwrap_or_else(|| self.cursor.position());
        loop {
            let next = starts.partition_point(|s| *s <= at);
            let stop = starts.get(next).copied().unwrap_or(usize::MAX);
            let ready = starts.binary_search(&at).ok().and_then(|i| pieces.get_mut(i)?.take());
            let piece = match ready {
                Some(Ok(piece)) => piece,
                // An error read ahead does not say where.
                Some(Err(_)) | None => read_piece::<R>(Cursor::at(self.text, at), stop, &scope, &mut Context::new())?,
            };
            rows.extend(piece.rows);
            self.parsed.warnings.extend(piece.warnings);
            self.parsed.more_warnings += piece.more_warnings;
            foreign.elements.extend(piece.foreign.elements);
            match piece.end {
                PieceEnd::Before(next) => at = next,
                PieceEnd::Closed(after) => {
                    self.cursor = Cursor::at(self.text, after);
                    return Ok((rows, foreign));
                }
            }
        }
    }
}

/// Takes up the unknown parts of another container of the same name, too.
fn join(all: &mut ForeignParts, more: ForeignParts) {
    for (name, value) in more.attributes {
        if !all.attributes.iter().any(|(known, _)| *known == name) {
            all.attributes.push((name, value));
        }
    }
    all.elements.extend(more.elements);
}

/// Keeps an element as it stands.
pub(super) fn keep<'a>(foreign: &mut ForeignParts, cursor: &mut Cursor<'a>, tag: &Tag<'a>) -> Result<(), CilError> {
    let raw = cursor.raw(tag)?;
    foreign.elements.push((tag.name.to_owned(), sanitised(raw)));
    Ok(())
}
