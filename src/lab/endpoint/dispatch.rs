//! From an envelope to an envelope.

use std::sync::Arc;

use super::enumerate::{self, Target};
use super::envelope::{ENUMERATION, IDENTITY, Request, TRANSFER, envelope, identity};
use super::fault::Fault;
use super::invoke;
use crate::lab::config::Fault as Dialled;
use crate::lab::wmi::code;
use crate::lab::world::{Computer, World};

const WMI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";

/// An answer: the envelope, and whether it is a fault (HTTP 500).
pub(super) struct Answer {
    pub envelope: String,
    pub is_fault: bool,
}

/// Answers Identify alone, which needs no sign-in.
pub(super) fn identify(computer: &Computer, body: &[u8]) -> Option<String> {
    let request = Request::read(std::str::from_utf8(body).ok()?).ok()?;
    is_identify(&request).then(|| identity(&format!("OS: {} SP: 0.0 Stack: 3.0", computer.spec.windows.version())))
}

fn is_identify(request: &Request) -> bool {
    request.body.as_ref().is_some_and(|b| b.is(IDENTITY, "Identify"))
}

/// Answers a request of somebody who is signed in.
pub(super) async fn answer(world: &Arc<World>, computer: &Arc<Computer>, body: &[u8], administrator: bool) -> Answer {
    let (message_id, outcome) = match std::str::from_utf8(body).map(Request::read) {
        Ok(Ok(request)) if is_identify(&request) => {
            let version = format!("OS: {} SP: 0.0 Stack: 3.0", computer.spec.windows.version());
            return Answer {
                envelope: identity(&version),
                is_fault: false,
            };
        }
        Ok(Ok(request)) => {
            let outcome = operation(world, computer, &request, administrator).await;
            (request.message_id, outcome)
        }
        Ok(Err((message_id, fault))) => (message_id, Err(fault)),
        Err(_) => (String::new(), Err(Fault::schema("The message is not UTF-8."))),
    };
    match outcome {
        Ok((action, body)) => Answer {
            envelope: envelope(&action, &message_id, &body),
            is_fault: false,
        },
        Err(fault) => Answer {
            envelope: fault.envelope(&message_id, &computer.spec.name, computer.spec.fault_style),
            is_fault: true,
        },
    }
}

/// The action of the answer and its body.
async fn operation(
    world: &Arc<World>,
    computer: &Arc<Computer>,
    request: &Request,
    administrator: bool,
) -> Result<(String, String), Fault> {
    if *computer.fault.borrow() == Dialled::FilteredToken {
        return Err(Fault::access_denied());
    }
    let below = strip_prefix(&request.resource, WMI).ok_or_else(Fault::unknown_resource)?;
    let (namespace, class) = below.rsplit_once('/').ok_or_else(Fault::unknown_resource)?;
    if !["root/cimv2", "root/default"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(namespace))
    {
        return Err(Fault::provider(code::WBEM_INVALID_NAMESPACE, "ConnectServer"));
    }
    let target = Target { namespace, class };
    let action = request.action.as_str();
    let body = if let Some(operation) = action.strip_prefix(ENUMERATION).and_then(|a| a.strip_prefix('/')) {
        match operation {
            "Enumerate" => enumerate::enumerate(computer, request, &target)?,
            "Pull" => enumerate::pull(computer, request)?,
            "Release" => enumerate::release(computer, request)?,
            _ => return Err(Fault::unknown_action()),
        }
    } else if action.strip_prefix(TRANSFER) == Some("/Get") {
        invoke::get(computer, request, &target)?
    } else if let Some(method) = strip_prefix(action, &request.resource).and_then(|a| a.strip_prefix('/')) {
        invoke::invoke(world, computer, request, &target, method, administrator).await?
    } else {
        return Err(Fault::unknown_action());
    };
    Ok((format!("{action}Response"), body))
}

/// Resource URIs are compared without case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}
