//! Which prefixes stand for our namespace at a place of the document.

use std::borrow::Cow;

use super::{NAMESPACE, PREFIX};

/// The prefixes bound to our namespace. Cloned at the rare elements that declare namespaces.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    ours: Vec<String>,
    default_is_ours: bool,
}

impl Default for Scope {
    /// Our usual prefix is ours even where a careless tool dropped its declaration: kept as foreign it would come to life
    /// the next time the list is saved.
    fn default() -> Self {
        Self {
            ours: vec![PREFIX.to_owned()],
            default_is_ours: false,
        }
    }
}

impl Scope {
    /// The scope inside an element with these attributes; borrowed when it declares nothing.
    pub fn inside(&self, attributes: &[(&str, Cow<'_, str>)]) -> Cow<'_, Self> {
        let mut scope = Cow::Borrowed(self);
        for (name, value) in attributes {
            if *name == "xmlns" {
                scope.to_mut().default_is_ours = value == NAMESPACE;
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                scope.to_mut().ours.retain(|p| p != prefix);
                if value == NAMESPACE {
                    scope.to_mut().ours.push(prefix.to_owned());
                }
            }
        }
        scope
    }

    /// The local name, if the element is of our namespace.
    pub fn ours<'n>(&self, name: &'n str) -> Option<&'n str> {
        match name.split_once(':') {
            Some((prefix, local)) => self.ours.iter().any(|p| p == prefix).then_some(local),
            None => self.default_is_ours.then_some(name),
        }
    }

    /// The local name, if the attribute is of our namespace (the default namespace does not reach attributes).
    pub fn ours_attribute<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.contains(':').then(|| self.ours(name)).flatten()
    }
}
