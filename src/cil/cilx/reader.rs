//! The structure of a list: root, containers, records. Products are read by several threads.
//!
//! Threads begin at places where a product seems to begin. What one has read counts only if the reader before it arrived
//! exactly there, between two products; so a `<Product>` inside a comment or a foreign element misleads nobody.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use uuid::Uuid;

use crate::cil::error::{CilError, LegacyFormat, line_and_column};
use crate::cil::xml::{Child, Cursor, Tag};
use crate::cil::{Loaded, Progress, Watch};
use crate::model::{Foreign, ForeignParts, ListHeader, Text};

use super::assemble::assemble;
use super::client::{ClientRecord, ClientRow};
use super::key::{KeyRecord, KeyRow};
use super::product::{ProductRecord, ProductRow};
use super::record::{Context, MAX_WARNINGS, RawWarning, push_attribute, read_record, sanitised};
use super::scope::Scope;
use super::{DATA, GENERATION, NAMESPACE, PREFIX, ROOT, VAMT_NAMESPACES, VAMT_VERSION};

/// Products are handed to threads in pieces of about this many bytes.
const PIECE: usize = 2 << 20;

/// Everything a file holds, before it becomes an inventory.
#[derive(Default)]
pub(super) struct Parsed {
    pub products: Vec<ProductRow>,
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
    parsed: Parsed,
    residue: Residue,
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
                return Err(self.cursor.syntax(0, format!("</{name}> closes nothing")));
            }
        };
        match root.name {
            ROOT => {}
            "VamtStorage" => {
                return Err(CilError::Legacy {
                    format: LegacyFormat::Vamt1,
                });
            }
            DATA => {
                return Err(CilError::Legacy {
                    format: LegacyFormat::Vamt2,
                });
            }
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
                Some(child) => keep(&mut self.residue.root, &mut self.cursor, &child)?,
            }
        }
        let at = self.cursor.position();
        if let Child::End = self.cursor.child()? {
            return Ok(());
        }
        let what = format!("there is more after the end of <{ROOT}>");
        Err(self.cursor.syntax(at, what))
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
                Child::Open(child) => return Ok(Some(child)),
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
                "Products" => self.products(&child, &scope)?,
                "ProductKeys" => self.keys(&child, &scope)?,
                "VolumeActivationClients" => self.clients(&child, &scope)?,
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

    fn clients(&mut self, tag: &Tag<'a>, scope: &Scope) -> Result<(), CilError> {
        let attributes = self.cursor.attributes(tag)?;
        let scope = scope.inside(&attributes).into_owned();
        keep_attributes(&mut self.residue.clients, attributes);
        if tag.empty {
            return Ok(());
        }
        while let Some(child) = self.next_child(tag)? {
            if child.name != "VolumeActivationClient" {
                keep(&mut self.residue.clients, &mut self.cursor, &child)?;
                continue;
            }
            let mut record = ClientRecord::new();
            let foreign = read_record(&mut self.cursor, &child, &scope, &mut self.context, &mut record)?;
            if record.is_nameless() {
                self.context.warn(
                    child.start,
                    child.name,
                    "a computer without a name; kept in the file as it stands, not used",
                );
                let raw = self.cursor.slice(child.start, self.cursor.position());
                self.residue
                    .clients
                    .elements
                    .push((child.name.to_owned(), sanitised(raw)));
                continue;
            }
            self.parsed
                .clients
                .push(record.finish(child.start, Foreign::new(foreign)));
        }
        Ok(())
    }

    fn products(&mut self, tag: &Tag<'a>, scope: &Scope) -> Result<(), CilError> {
        let attributes = self.cursor.attributes(tag)?;
        let scope = scope.inside(&attributes).into_owned();
        keep_attributes(&mut self.residue.products, attributes);
        if tag.empty {
            return Ok(());
        }
        let starts = piece_starts(self.text, self.cursor.position());
        let mut pieces = read_pieces(self.text, &starts, &scope, self.watch)?;
        let mut at = starts.first().copied().unwrap_or_else(|| self.cursor.position());
        loop {
            let stop = starts.iter().copied().find(|s| *s > at).unwrap_or(usize::MAX);
            let ready = starts
                .iter()
                .position(|s| *s == at)
                .and_then(|i| pieces.get_mut(i)?.take());
            let piece = match ready {
                Some(piece) => piece?,
                None => read_piece(self.text, at, stop, &scope)?,
            };
            self.parsed.products.extend(piece.rows);
            self.parsed.warnings.extend(piece.warnings);
            self.parsed.more_warnings += piece.more_warnings;
            self.residue.products.elements.extend(piece.foreign.elements);
            match piece.end {
                PieceEnd::Before(next) => at = next,
                PieceEnd::Closed(after) => {
                    self.cursor = Cursor::at(self.text, after);
                    return Ok(());
                }
            }
        }
    }
}

/// Keeps an element as it stands.
fn keep<'a>(foreign: &mut ForeignParts, cursor: &mut Cursor<'a>, tag: &Tag<'a>) -> Result<(), CilError> {
    let raw = cursor.raw(tag)?;
    foreign.elements.push((tag.name.to_owned(), sanitised(raw)));
    Ok(())
}

/// What one piece of the products holds.
struct Piece {
    rows: Vec<ProductRow>,
    foreign: ForeignParts,
    warnings: Vec<RawWarning>,
    more_warnings: usize,
    end: PieceEnd,
}

enum PieceEnd {
    /// The next child of the container begins here.
    Before(usize),
    /// The container was closed; this is the place after its end tag.
    Closed(usize),
}

/// Where pieces begin: the place itself, and seeming products after it.
fn piece_starts(text: &str, from: usize) -> Vec<usize> {
    let mut starts = vec![from];
    let mut next = from + PIECE;
    while let Some(bytes) = text.as_bytes().get(next..) {
        // A character may begin earlier: `<` never does.
        let Some(ahead) = bytes.iter().position(|b| *b == b'<') else {
            break;
        };
        let Some(found) = text.get(next + ahead..).and_then(|rest| rest.find("<Product>")) else {
            break;
        };
        starts.push(next + ahead + found);
        next += ahead + found + PIECE;
    }
    starts
}

type PieceResult = Option<Result<Piece, CilError>>;

fn read_pieces(text: &str, starts: &[usize], scope: &Scope, watch: &Watch<'_>) -> Result<Vec<PieceResult>, CilError> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8)
        .min(starts.len());
    let results: Mutex<Vec<PieceResult>> = Mutex::new(starts.iter().map(|_| None).collect());
    let (next, done) = (
        AtomicUsize::new(0),
        AtomicUsize::new(starts.first().copied().unwrap_or(0)),
    );
    let (cancelled, finished) = (AtomicBool::new(false), AtomicBool::new(false));
    let work = || {
        while !finished.load(Ordering::Relaxed) && !cancelled.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(&start) = starts.get(i) else { break };
            let stop = starts.get(i + 1).copied().unwrap_or(usize::MAX);
            let piece = read_piece(text, start, stop, scope);
            let end = match &piece {
                Ok(Piece {
                    end: PieceEnd::Before(end) | PieceEnd::Closed(end),
                    ..
                }) => *end,
                Err(_) => start,
            };
            if i == 0
                && !matches!(
                    &piece,
                    Ok(Piece {
                        end: PieceEnd::Before(_),
                        ..
                    })
                )
            {
                // The first piece is certain: nothing after its end or error can count.
                finished.store(true, Ordering::Relaxed);
            }
            if let Ok(mut results) = results.lock()
                && let Some(slot) = results.get_mut(i)
            {
                *slot = Some(piece);
            }
            let done = done.fetch_add(end - start, Ordering::Relaxed) + (end - start);
            let progress = Progress {
                done: done.min(text.len()) as u64,
                total: text.len() as u64,
            };
            if let ControlFlow::Break(()) = watch(progress) {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    if cancelled.into_inner() {
        return Err(CilError::Cancelled);
    }
    Ok(results.into_inner().unwrap_or_default())
}

fn read_piece(text: &str, start: usize, stop: usize, scope: &Scope) -> Result<Piece, CilError> {
    let mut cursor = Cursor::at(text, start);
    let mut context = Context::new();
    let template = ProductRecord::template(&mut context.texts);
    let mut rows = Vec::with_capacity(PIECE / 2048);
    let mut foreign = ForeignParts::default();
    let end = loop {
        let at = cursor.position();
        let child = match cursor.plain_open("Product") {
            Some(child) => Child::Open(child),
            None => cursor.child()?,
        };
        match child {
            Child::Open(child) if child.start >= stop => break PieceEnd::Before(child.start),
            Child::Open(child) if child.name == "Product" => {
                let mut record = ProductRecord::new(&template);
                let parts = read_record(&mut cursor, &child, scope, &mut context, &mut record)?;
                rows.push(record.finish(child.start, Foreign::new(parts)));
            }
            Child::Open(child) => keep(&mut foreign, &mut cursor, &child)?,
            Child::Close("Products") => break PieceEnd::Closed(cursor.position()),
            Child::Close(name) => return Err(cursor.crossed(at, "Products", name)),
            Child::Stray(at) => context.warn(at, "Products", "text outside of any element was left out"),
            Child::End => return Err(cursor.truncated(cursor.position())),
        }
    };
    Ok(Piece {
        rows,
        foreign,
        warnings: context.warnings,
        more_warnings: context.more_warnings,
        end,
    })
}
