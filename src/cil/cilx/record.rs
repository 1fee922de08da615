//! Reading one record (product, computer, key): known fields, our extension, and everything else kept as it stands.

use std::borrow::Cow;

use crate::cil::error::CilError;
use crate::cil::values::Interner;
use crate::cil::xml::{Child, Cursor, Tag};
use crate::model::ForeignParts;

use super::scope::Scope;
use super::{NAMESPACE, PREFIX};

/// Most warnings that are kept; further ones are counted.
pub(in crate::cil) const MAX_WARNINGS: usize = 10_000;

/// A warning whose line is not computed yet.
#[derive(Debug)]
pub(in crate::cil) struct RawWarning {
    pub at: usize,
    pub row: String,
    pub element: String,
    pub reason: String,
}

/// What one thread needs while it reads records.
pub(in crate::cil) struct Context {
    pub texts: Interner,
    pub warnings: Vec<RawWarning>,
    pub more_warnings: usize,
}

impl Context {
    pub fn new() -> Self {
        Self {
            texts: Interner::new(),
            warnings: Vec::new(),
            more_warnings: 0,
        }
    }

    pub fn warn(&mut self, at: usize, element: &str, reason: impl Into<String>) {
        if self.warnings.len() >= MAX_WARNINGS {
            self.more_warnings += 1;
            return;
        }
        self.warnings.push(RawWarning {
            at,
            row: String::new(),
            element: element.chars().take(60).collect(),
            reason: reason.into(),
        });
    }
}

/// A record under construction.
pub(in crate::cil) trait Record<'a> {
    /// Sets a field. `Ok(false)`: there is no such field. `Err`: its text makes no sense, and why.
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed from the file may be kept without a copy"
    )]
    fn field(&mut self, name: &str, text: &Cow<'a, str>, texts: &mut Interner) -> Result<bool, String>;
    /// Sets a field of our extension.
    fn extra(&mut self, name: &str, text: &str, texts: &mut Interner) -> Result<bool, String>;
    /// Takes a child element of our extension.
    fn extra_child(
        &mut self,
        name: &str,
        attributes: &[(&str, Cow<'_, str>)],
        text: &str,
        texts: &mut Interner,
    ) -> Result<bool, String>;
    /// The record in words, for warnings.
    fn describe(&self) -> String;
}

/// Reads the record that begins with `tag`; returns what it holds that is not ours.
pub(super) fn read_record<'a, R: Record<'a>>(
    cursor: &mut Cursor<'a>,
    tag: &Tag<'a>,
    scope: &Scope,
    context: &mut Context,
    record: &mut R,
) -> Result<ForeignParts, CilError> {
    let mut foreign = ForeignParts::default();
    let warned = context.warnings.len();
    let mut scope = Cow::Borrowed(scope);
    if !tag.attributes.is_empty() {
        let attributes = cursor.attributes(tag)?;
        scope = Cow::Owned(scope.inside(&attributes).into_owned());
        for (name, value) in &attributes {
            match record.field(name, value, &mut context.texts) {
                Ok(true) => {}
                Ok(false) => foreign.attributes.push(((*name).to_owned(), sanitised(value))),
                Err(reason) => {
                    context.warn(tag.start, name, unusable(&reason));
                    foreign.elements.push(((*name).to_owned(), element(name, value)));
                }
            }
        }
    }
    let mut open = !tag.empty;
    while open {
        if let Some((start, name, text)) = cursor.plain_leaf() {
            let outcome = record.field(name, &Cow::Borrowed(text), &mut context.texts);
            if !matches!(outcome, Ok(true)) {
                keep(context, &mut foreign, cursor, (start, name), outcome);
            }
            continue;
        }
        if cursor.plain_close(tag.name) {
            break;
        }
        let at = cursor.position();
        match cursor.child()? {
            Child::Close(name) if name == tag.name => open = false,
            Child::Close(name) => return Err(cursor.crossed(at, tag.name, name)),
            Child::End => return Err(cursor.truncated(tag.start)),
            Child::Stray(at) => context.warn(at, "", "text outside of any element was left out"),
            Child::Open(child) => {
                let attributes = cursor.attributes(&child)?;
                if scope.inside(&attributes).ours(child.name) == Some("Extra") {
                    read_extra(cursor, &child, &attributes, &scope, context, record, &mut foreign)?;
                    continue;
                }
                let outcome = match cursor.leaf(&child)? {
                    Some(text) => record.field(child.name, &text, &mut context.texts),
                    None => Ok(false),
                };
                if !matches!(outcome, Ok(true)) {
                    keep(context, &mut foreign, cursor, (child.start, child.name), outcome);
                }
            }
        }
    }
    if context.warnings.len() > warned {
        let row = record.describe();
        for warning in context.warnings.iter_mut().skip(warned) {
            warning.row.clone_from(&row);
        }
    }
    Ok(foreign)
}

pub(in crate::cil) fn unusable(reason: &str) -> String {
    format!("{reason}; kept in the file as it stands, not used")
}

/// Keeps the element that `cursor` has just passed as it stands.
fn keep(
    context: &mut Context,
    foreign: &mut ForeignParts,
    cursor: &Cursor<'_>,
    (start, name): (usize, &str),
    outcome: Result<bool, String>,
) {
    if let Err(reason) = outcome {
        context.warn(start, name, unusable(&reason));
    }
    let raw = cursor.slice(start, cursor.position());
    foreign.elements.push((name.to_owned(), sanitised(raw)));
}

fn read_extra<'a, R: Record<'a>>(
    cursor: &mut Cursor<'a>,
    tag: &Tag<'a>,
    attributes: &[(&'a str, Cow<'a, str>)],
    scope: &Scope,
    context: &mut Context,
    record: &mut R,
    foreign: &mut ForeignParts,
) -> Result<(), CilError> {
    let scope = scope.inside(attributes);
    // What a later version of ours may have written: kept in an element like ours.
    let (mut declared, mut kept, mut inner) = (String::new(), String::new(), String::new());
    for (name, value) in attributes {
        if name.starts_with("xmlns") {
            if *name != "xmlns" && **name != *format!("xmlns:{PREFIX}") {
                push_attribute(&mut declared, name, value);
            }
            continue;
        }
        let known = record.extra(name, value, &mut context.texts);
        if !take(context, tag.start, name, known) {
            push_attribute(&mut kept, name, value);
        }
    }
    let mut open = !tag.empty;
    while open {
        match cursor.child()? {
            Child::Close(_) => open = false,
            Child::End => return Err(cursor.truncated(tag.start)),
            Child::Stray(at) => context.warn(at, "", "text outside of any element was left out"),
            Child::Open(child) => {
                let attributes = cursor.attributes(&child)?;
                let ours = scope.inside(&attributes).ours(child.name).map(str::to_owned);
                let text = cursor.leaf(&child)?;
                let known = match (&ours, &text) {
                    (Some(local), Some(text)) => record.extra_child(local, &attributes, text, &mut context.texts),
                    _ => Ok(false),
                };
                if !take(context, child.start, child.name, known) {
                    inner.push_str(&sanitised(cursor.slice(child.start, cursor.position())));
                }
            }
        }
    }
    if !kept.is_empty() || !inner.is_empty() {
        let raw = format!("<{PREFIX}:Extra xmlns:{PREFIX}=\"{NAMESPACE}\"{declared}{kept}>{inner}</{PREFIX}:Extra>");
        foreign.elements.push((format!("{PREFIX}:Extra"), raw));
    }
    Ok(())
}

fn take(context: &mut Context, at: usize, name: &str, known: Result<bool, String>) -> bool {
    known.unwrap_or_else(|reason| {
        context.warn(at, name, unusable(&reason));
        false
    })
}

pub(in crate::cil) fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    out.push_str(&attribute_text(value));
    out.push('"');
}

/// An attribute value as it is written.
pub(super) fn attribute_text(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len() + 8);
    super::escape::escape_attribute(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// An element with a text.
pub(in crate::cil) fn element(name: &str, value: &str) -> String {
    let mut out = Vec::with_capacity(value.len() + 2 * name.len() + 8);
    super::escape::escape_text(&mut out, value);
    let text = String::from_utf8(out).unwrap_or_default();
    format!("<{name}>{text}</{name}>")
}

/// Foreign text without the characters that XML 1.0 forbids, so that what we write is well-formed.
pub(in crate::cil) fn sanitised(raw: &str) -> String {
    if raw.chars().all(super::escape::is_xml_char) {
        return raw.to_owned();
    }
    raw.chars()
        .map(|c| if super::escape::is_xml_char(c) { c } else { '\u{fffd}' })
        .collect()
}
