//! Enumerate, Pull and Release.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::PoisonError;

use uuid::Uuid;

use super::envelope::{ADDRESSING, ENUMERATION, Request, WSMAN, fragment, typed};
use super::fault::Fault;
use crate::lab::computer::{class_named, selector_of};
use crate::lab::wmi::{Row, code};
use crate::lab::world::Computer;
use crate::lab::wql::Query;
use crate::lab::xml::{Element, escaped};

const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
/// Room for the envelope around the items, in bytes.
const OVERHEAD: usize = 2048;
/// Enumerations open at a time.
const MOST_CONTEXTS: usize = 50;

/// Enumerations that are not finished.
#[derive(Default)]
pub(in crate::lab) struct Contexts {
    open: BTreeMap<Uuid, Open>,
}

struct Open {
    resource: String,
    items: VecDeque<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Object,
    Reference,
    Both,
}

/// What a request addresses below `…/wmi/`.
pub(super) struct Target<'a> {
    pub namespace: &'a str,
    /// The class, or `*` for a query.
    pub class: &'a str,
}

/// Answers Enumerate: the body.
pub(super) fn enumerate(computer: &Computer, request: &Request, target: &Target<'_>) -> Result<String, Fault> {
    let body = request
        .body
        .as_ref()
        .filter(|b| b.is(ENUMERATION, "Enumerate"))
        .ok_or_else(|| Fault::schema("The body is not an Enumerate."))?;
    let mode = match body.child_text(WSMAN, "EnumerationMode") {
        None | Some("EnumerateObject") => Mode::Object,
        Some("EnumerateEPR") => Mode::Reference,
        Some("EnumerateObjectAndEPR") => Mode::Both,
        Some(_) => return Err(Fault::schema("EnumerationMode is unknown.")),
    };
    let items = items(computer, request, target, body, mode)?;
    let mut open = Open {
        resource: request.resource.clone(),
        items: items.into(),
    };
    if body.child(WSMAN, "OptimizeEnumeration").is_none() {
        let id = keep(computer, open)?;
        return Ok(format!(
            "<n:EnumerateResponse><n:EnumerationContext>uuid:{id}</n:EnumerationContext></n:EnumerateResponse>"
        ));
    }
    let count = number(body.child_text(WSMAN, "MaxElements"))?;
    let batch = take(computer, request, &mut open, count)?;
    let mut out = String::from("<n:EnumerateResponse>");
    if open.items.is_empty() {
        let _ = write!(
            out,
            "<n:EnumerationContext/><w:Items>{batch}</w:Items><w:EndOfSequence/>"
        );
    } else {
        let id = keep(computer, open)?;
        let _ = write!(
            out,
            "<n:EnumerationContext>uuid:{id}</n:EnumerationContext><w:Items>{batch}</w:Items>"
        );
    }
    out.push_str("</n:EnumerateResponse>");
    Ok(out)
}

/// Answers Pull: the body.
pub(super) fn pull(computer: &Computer, request: &Request) -> Result<String, Fault> {
    let body = request
        .body
        .as_ref()
        .filter(|b| b.is(ENUMERATION, "Pull"))
        .ok_or_else(|| Fault::schema("The body is not a Pull."))?;
    let mut open = forget(computer, request, body)?;
    let count = number(body.child_text(ENUMERATION, "MaxElements"))?;
    let batch = take(computer, request, &mut open, count)?;
    let mut out = String::from("<n:PullResponse>");
    if open.items.is_empty() {
        let _ = write!(out, "<n:Items>{batch}</n:Items><n:EndOfSequence/>");
    } else {
        let id = keep(computer, open)?;
        let _ = write!(
            out,
            "<n:EnumerationContext>uuid:{id}</n:EnumerationContext><n:Items>{batch}</n:Items>"
        );
    }
    out.push_str("</n:PullResponse>");
    Ok(out)
}

/// Answers Release: an empty body.
pub(super) fn release(computer: &Computer, request: &Request) -> Result<String, Fault> {
    let body = request
        .body
        .as_ref()
        .filter(|b| b.is(ENUMERATION, "Release"))
        .ok_or_else(|| Fault::schema("The body is not a Release."))?;
    forget(computer, request, body).map(|_| String::new())
}

fn items(
    computer: &Computer,
    request: &Request,
    target: &Target<'_>,
    body: &Element,
    mode: Mode,
) -> Result<Vec<String>, Fault> {
    let filter = body
        .child(WSMAN, "Filter")
        .or_else(|| body.child(ENUMERATION, "Filter"));
    let query = match filter {
        Some(filter) => {
            if filter.attribute("", "Dialect").is_none_or(|d| d.trim() != WQL) {
                return Err(Fault::unknown_dialect());
            }
            let invalid = |_| Fault::provider(code::WBEM_INVALID_QUERY, "ExecQuery");
            Some(Query::parse(&filter.text).map_err(invalid)?)
        }
        None if target.class == "*" => return Err(Fault::unknown_resource()),
        None => None,
    };
    let class = query.as_ref().map_or(target.class, |q| q.class.as_str());
    let machine = computer.machine();
    let (name, class) = class_named(target.namespace, class)
        .filter(|(_, class)| machine.has_class(*class))
        .ok_or_else(|| Fault::provider(code::WBEM_INVALID_CLASS, "ExecQuery"))?;
    let known = machine.properties(class);
    let mut wanted = Vec::new();
    if let Some(query) = &query {
        let find = |n: &str| known.iter().find(|k| k.eq_ignore_ascii_case(n)).copied();
        if query.names().iter().any(|n| find(n).is_none()) {
            return Err(Fault::provider(code::WBEM_INVALID_QUERY, "ExecQuery"));
        }
        wanted = query.properties.iter().filter_map(|n| find(n)).collect();
    }
    let resource = request
        .resource
        .strip_suffix('*')
        .map_or_else(|| request.resource.clone(), |prefix| format!("{prefix}{name}"));
    let item = |row: &Row| {
        let object = || {
            if wanted.is_empty() {
                typed(name, &format!("{name}_Type"), &resource, row)
            } else {
                fragment(row, &wanted)
            }
        };
        let reference = || {
            let selector = selector_of(class).unwrap_or_default();
            let value = row.get(selector).map(crate::lab::wmi::Wmi::plain).unwrap_or_default();
            format!(
                "<a:EndpointReference xmlns:a=\"{ADDRESSING}\"><a:Address>http://{}/wsman</a:Address>\
                 <a:ReferenceParameters><w:ResourceURI>{}</w:ResourceURI><w:SelectorSet><w:Selector Name=\"{selector}\">{}\
                 </w:Selector></w:SelectorSet></a:ReferenceParameters></a:EndpointReference>",
                computer.address,
                escaped(&resource),
                escaped(&value),
            )
        };
        match mode {
            Mode::Object => object(),
            Mode::Reference => reference(),
            Mode::Both => format!("<w:Item>{}{}</w:Item>", object(), reference()),
        }
    };
    Ok(machine
        .objects(class)
        .iter()
        .filter(|row| query.as_ref().is_none_or(|q| q.matches(row)))
        .map(item)
        .collect())
}

/// Without MaxElements one item at a time, as the specifications say.
fn number(text: Option<&str>) -> Result<usize, Fault> {
    match text.map(str::parse::<usize>) {
        None => Ok(1),
        Some(Ok(n)) if n > 0 => Ok(n),
        Some(_) => Err(Fault::schema("MaxElements is not a positive number.")),
    }
}

fn take(computer: &Computer, request: &Request, open: &mut Open, count: usize) -> Result<String, Fault> {
    let schema = computer.spec.windows.schema();
    let most_items = if schema == 0 { 20 } else { 32_000 };
    let own_limit = if schema < 2 { 150 * 1024 } else { 500 * 1024 };
    let budget = request.max_envelope.unwrap_or(own_limit).min(own_limit) - OVERHEAD;
    let mut batch = String::new();
    for _ in 0..count.min(most_items) {
        let Some(next) = open.items.front() else { break };
        if batch.len() + next.len() > budget {
            if batch.is_empty() {
                return Err(Fault::answer_too_large());
            }
            break;
        }
        batch.push_str(next);
        open.items.pop_front();
    }
    Ok(batch)
}

fn keep(computer: &Computer, open: Open) -> Result<Uuid, Fault> {
    let mut contexts = computer.contexts.lock().unwrap_or_else(PoisonError::into_inner);
    if contexts.open.len() >= MOST_CONTEXTS {
        return Err(Fault::quota());
    }
    let id = Uuid::new_v4();
    contexts.open.insert(id, open);
    Ok(id)
}

/// Takes an enumeration out; it must be continued with the resource it was begun with.
fn forget(computer: &Computer, request: &Request, body: &Element) -> Result<Open, Fault> {
    let id = body
        .child_text(ENUMERATION, "EnumerationContext")
        .and_then(|t| Uuid::parse_str(t.strip_prefix("uuid:").unwrap_or(t)).ok())
        .ok_or_else(Fault::unknown_context)?;
    let mut contexts = computer.contexts.lock().unwrap_or_else(PoisonError::into_inner);
    match contexts.open.get(&id) {
        Some(open) if open.resource == request.resource => contexts.open.remove(&id).ok_or_else(Fault::unknown_context),
        _ => Err(Fault::unknown_context()),
    }
}
