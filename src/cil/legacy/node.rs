//! A record of an older list: values as attributes or as child elements, some of them in groups, and what nobody used of it.

use std::borrow::Cow;

use crate::cil::cilx::{Context, push_attribute, sanitised};
use crate::cil::error::{CilError, line_and_column};
use crate::cil::xml::{Child, Cursor, Tag};

/// Groups are looked into this deep: no record has more levels.
const MAX_LEVELS: usize = 8;

/// An element whose values are looked for by name.
pub(in crate::cil) struct Node<'a> {
    /// Where its tag begins.
    pub start: usize,
    name: &'a str,
    parts: Vec<Part<'a>>,
}

/// Attributes and children in the order of the file.
enum Part<'a> {
    Attribute {
        name: &'a str,
        value: Cow<'a, str>,
        used: bool,
    },
    /// An element with text and, but for what schema instances say, without attributes.
    Leaf {
        name: &'a str,
        text: Cow<'a, str>,
        at: usize,
        raw: &'a str,
        used: bool,
    },
    /// An element that holds values.
    Group(Node<'a>),
    /// Anything else, as it stands.
    Other(&'a str),
}

/// What nobody used of an element, as XML text.
#[derive(Default)]
pub(in crate::cil) struct Residue {
    /// Each with a blank before it.
    pub attributes: String,
    pub children: String,
}

impl Residue {
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.children.is_empty()
    }

    /// The element with this name, unless nothing is left of it.
    pub fn element(&self, name: &str) -> String {
        match (self.is_empty(), self.children.is_empty()) {
            (true, _) => String::new(),
            (_, true) => format!("<{name}{}/>", self.attributes),
            _ => format!("<{name}{}>{}</{name}>", self.attributes, self.children),
        }
    }
}

/// How much of a file one record may be.
pub(in crate::cil) struct Budget {
    /// Attributes and elements left.
    pub left: usize,
    /// What there was at first.
    pub limit: usize,
}

impl<'a> Node<'a> {
    /// Reads the element that begins with `tag`, looking into elements called as one of `groups`.
    pub fn read(
        text: &'a str,
        cursor: &mut Cursor<'a>,
        tag: &Tag<'a>,
        groups: &[&str],
        budget: &mut Budget,
        context: &mut Context,
    ) -> Result<Self, CilError> {
        Reading {
            text,
            groups,
            budget,
            context,
        }
        .node(cursor, tag, 1)
    }

    /// The value called `name`, in any case: where it stands, and its text. It stays unused.
    pub fn peek(&self, name: &str) -> Option<(usize, &str)> {
        self.parts.iter().find_map(|part| match part {
            Part::Attribute {
                name: n,
                value,
                used: false,
            } if n.eq_ignore_ascii_case(name) => Some((self.start, &**value)),
            Part::Leaf {
                name: n,
                text,
                at,
                used: false,
                ..
            } if n.eq_ignore_ascii_case(name) => Some((*at, &**text)),
            _ => None,
        })
    }

    /// The value called `name`, which counts as used from now on.
    pub fn take(&mut self, name: &str) -> Option<(usize, Cow<'a, str>)> {
        let start = self.start;
        self.parts.iter_mut().find_map(|part| match part {
            Part::Attribute { name: n, value, used } if !*used && n.eq_ignore_ascii_case(name) => {
                *used = true;
                Some((start, std::mem::take(value)))
            }
            Part::Leaf {
                name: n,
                text,
                at,
                used,
                ..
            } if !*used && n.eq_ignore_ascii_case(name) => {
                *used = true;
                Some((*at, std::mem::take(text)))
            }
            _ => None,
        })
    }

    /// The first group called `name`.
    pub fn group(&mut self, name: &str) -> Option<&mut Self> {
        self.groups(name).next()
    }

    /// The groups called `name`.
    pub fn groups(&mut self, name: &str) -> impl Iterator<Item = &mut Self> {
        self.parts.iter_mut().filter_map(move |part| match part {
            Part::Group(node) if node.name.eq_ignore_ascii_case(name) => Some(node),
            _ => None,
        })
    }

    /// Takes the groups called `name` out of the element: they are records of their own.
    pub fn remove_groups(&mut self, name: &str) -> Vec<Self> {
        let mut removed = Vec::new();
        let parts = std::mem::take(&mut self.parts);
        for part in parts {
            match part {
                Part::Group(node) if node.name.eq_ignore_ascii_case(name) => removed.push(node),
                part => self.parts.push(part),
            }
        }
        removed
    }

    /// What nobody used.
    pub fn residue(&self) -> Residue {
        let mut residue = Residue::default();
        for part in &self.parts {
            match part {
                Part::Attribute {
                    name,
                    value,
                    used: false,
                } => push_attribute(&mut residue.attributes, name, value),
                Part::Leaf { raw, used: false, .. } | Part::Other(raw) => residue.children.push_str(&sanitised(raw)),
                Part::Group(node) => residue.children.push_str(&node.residue().element(node.name)),
                Part::Attribute { .. } | Part::Leaf { .. } => {}
            }
        }
        residue
    }
}

struct Reading<'r, 'a> {
    text: &'a str,
    groups: &'r [&'r str],
    budget: &'r mut Budget,
    context: &'r mut Context,
}

impl<'a> Reading<'_, 'a> {
    fn spend(&mut self, at: usize, count: usize) -> Result<(), CilError> {
        let Some(left) = self.budget.left.checked_sub(count) else {
            let (line, column) = line_and_column(self.text, at);
            return Err(CilError::TooMany {
                line,
                column,
                what: "values in one record",
                limit: self.budget.limit,
            });
        };
        self.budget.left = left;
        Ok(())
    }

    fn node(&mut self, cursor: &mut Cursor<'a>, tag: &Tag<'a>, level: usize) -> Result<Node<'a>, CilError> {
        let mut parts: Vec<_> = cursor
            .attributes(tag)?
            .into_iter()
            .map(|(name, value)| Part::Attribute {
                name,
                value,
                used: false,
            })
            .collect();
        self.spend(tag.start, parts.len())?;
        let mut open = !tag.empty;
        while open {
            let at = cursor.position();
            match cursor.child()? {
                Child::Close(name) if name == tag.name => open = false,
                Child::Close(name) => return Err(cursor.crossed(at, tag.name, name)),
                Child::End => return Err(cursor.truncated(tag.start)),
                Child::Stray(at) => self
                    .context
                    .warn(at, tag.name, "text outside of any element was left out"),
                Child::Open(child) => {
                    self.spend(child.start, 1)?;
                    parts.push(self.part(cursor, &child, level)?);
                }
            }
        }
        Ok(Node {
            start: tag.start,
            name: tag.name,
            parts,
        })
    }

    fn part(&mut self, cursor: &mut Cursor<'a>, child: &Tag<'a>, level: usize) -> Result<Part<'a>, CilError> {
        let is_group = self.groups.iter().any(|name| name.eq_ignore_ascii_case(child.name));
        if is_group && level < MAX_LEVELS && !is_text_only(self.text, cursor, child) {
            return Ok(Part::Group(self.node(cursor, child, level + 1)?));
        }
        let attributes = cursor.attributes(child)?;
        let text = cursor.leaf(child)?;
        let raw = cursor.slice(child.start, cursor.position());
        let plain = attributes.iter().all(|(name, _)| name.starts_with("xsi:"));
        Ok(match text.filter(|_| plain) {
            Some(text) => Part::Leaf {
                name: child.name,
                text,
                at: child.start,
                raw,
                used: false,
            },
            None => Part::Other(raw),
        })
    }
}

/// A group without attributes that holds text alone is a value after all: `<Sku>c06b6981-...</Sku>`.
fn is_text_only(text: &str, cursor: &Cursor<'_>, tag: &Tag<'_>) -> bool {
    let inside = text.get(cursor.position()..).unwrap_or_default().trim_ascii_start();
    let before_markup = |text: &str| {
        text.find('<')
            .is_some_and(|at| at > 0 && text.get(at..at + 2) == Some("</"))
    };
    !tag.empty && tag.attributes.trim_ascii().is_empty() && before_markup(inside)
}
