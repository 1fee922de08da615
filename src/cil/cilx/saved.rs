//! What a list keeps for discovery, as children of the root in our namespace: saved discoveries and approved KMS hosts.

use crate::cil::values::clip;
use crate::cil::xml::{Child, Cursor};
use crate::model::found::{SavedDiscovery, SourceOrder, Then};
use crate::model::{ListHeader, Text};

use super::out::Out;
use super::scope::Scope;

const DISCOVERY: &str = "Discovery";
const APPROVED: &str = "ApprovedKmsHost";

/// True if an element of ours with this name is read here.
pub(super) fn is_ours(name: &str) -> bool {
    matches!(name, DISCOVERY | APPROVED)
}

/// Reads a whole element into the header. `Err` says what is not understood; a later version may have written it.
pub(super) fn read(raw: &str, scope: &Scope, header: &mut ListHeader) -> Result<(), String> {
    let not_read = |_| "it could not be read".to_owned();
    let mut cursor = Cursor::at(raw, 0);
    let Child::Open(tag) = cursor.child().map_err(not_read)? else {
        return Err("it could not be read".to_owned());
    };
    let attributes = cursor.attributes(&tag).map_err(not_read)?;
    let scope = scope.inside(&attributes).into_owned();
    let name = |attributes: &[(&str, std::borrow::Cow<'_, str>)]| {
        let named = attributes
            .iter()
            .find(|(name, _)| *name == "Name")
            .map(|(_, value)| value.trim());
        named.filter(|n| !n.is_empty()).map(Text::from).ok_or("it has no name")
    };
    let name = name(&attributes)?;
    if scope.ours(tag.name) == Some(APPROVED) {
        if !header.approved_kms_hosts.contains(&name) {
            header.approved_kms_hosts.push(name);
        }
        return Ok(());
    }
    let mut saved = SavedDiscovery {
        name,
        ..SavedDiscovery::default()
    };
    for (option, value) in &attributes {
        match *option {
            "Name" => {}
            "Then" => {
                saved.then = Then::from_name(value).ok_or_else(|| format!("{:?} follows no discovery", clip(value)))?;
            }
            "Rate" => {
                let rate = value.parse().map_err(|_| format!("{:?} is no rate", clip(value)))?;
                saved.rate = Some(rate);
            }
            option if option.starts_with("xmlns") => {}
            option => return Err(format!("{:?} is no option of a discovery", clip(option))),
        }
    }
    let mut open = !tag.empty;
    while open {
        match cursor.child().map_err(not_read)? {
            Child::Open(source) => {
                let attributes = cursor.attributes(&source).map_err(not_read)?;
                let inner = scope.inside(&attributes).into_owned();
                let Some(kind) = inner.ours(source.name) else {
                    return Err(format!("{:?} is no source of a discovery", clip(source.name)));
                };
                let options = attributes.iter().filter(|(name, _)| !name.starts_with("xmlns"));
                let order = SourceOrder::from_options(kind, options.map(|(name, value)| (*name, &**value)))?;
                saved.sources.push(order);
                cursor.raw(&source).map_err(not_read)?;
            }
            Child::Close(_) | Child::End => open = false,
            Child::Stray(_) => {}
        }
    }
    if header.discovery(&saved.name).is_some() {
        return Err("another discovery has its name".to_owned());
    }
    header.discoveries.push(saved);
    Ok(())
}

/// Writes them as children of the root.
pub(super) fn write(out: &mut Out<'_>, header: &ListHeader) {
    for saved in &header.discoveries {
        begin(out, "  <", DISCOVERY);
        out.attribute("Name", &saved.name);
        if saved.then != Then::default() {
            out.attribute("Then", saved.then.name());
        }
        if let Some(rate) = saved.rate {
            out.attribute("Rate", &rate.to_string());
        }
        out.raw(">\n");
        for source in &saved.sources {
            let (kind, options) = source.options();
            begin(out, "    <", kind);
            for (name, value) in options {
                out.attribute(name, &value);
            }
            out.raw("/>\n");
        }
        begin(out, "  </", DISCOVERY);
        out.raw(">\n");
    }
    for host in &header.approved_kms_hosts {
        begin(out, "  <", APPROVED);
        out.attribute("Name", host);
        out.raw("/>\n");
    }
}

fn begin(out: &mut Out<'_>, open: &str, name: &str) {
    out.raw(open);
    out.raw(out.prefix);
    out.raw(":");
    out.raw(name);
}
