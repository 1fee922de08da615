//! Get, and calling methods.

use std::sync::Arc;

use super::enumerate::Target;
use super::envelope::{Request, XSI, typed};
use super::fault::Fault;
use crate::lab::computer::{Call, Outcome, class_named, selector_of};
use crate::lab::estate::FaultStyle;
use crate::lab::wmi::{Row, code};
use crate::lab::world::{Computer, World};

/// Answers Get: the body.
pub(super) fn get(computer: &Computer, request: &Request, target: &Target<'_>) -> Result<String, Fault> {
    let machine = computer.machine();
    let (name, class) = class_named(target.namespace, target.class)
        .filter(|(_, class)| machine.has_class(*class))
        .ok_or_else(|| Fault::provider(code::WBEM_INVALID_CLASS, "GetObject"))?;
    let key = selector_of(class).ok_or_else(Fault::invalid_selectors)?;
    let rows = machine.objects(class);
    let row = match (request.selectors.as_slice(), rows.as_slice()) {
        // A class with one instance needs no selector.
        ([], [only]) => only,
        ([(selector, value)], rows) if selector.eq_ignore_ascii_case(key) => rows
            .iter()
            .find(|r| r.get(key).is_some_and(|v| v.plain().eq_ignore_ascii_case(value)))
            .ok_or_else(|| Fault::provider(code::WBEM_NOT_FOUND, "GetObject"))?,
        _ => return Err(Fault::invalid_selectors()),
    };
    Ok(typed(name, &format!("{name}_Type"), &request.resource, row))
}

/// Calls a method: the body of the answer.
pub(super) async fn invoke(
    world: &Arc<World>,
    computer: &Arc<Computer>,
    request: &Request,
    target: &Target<'_>,
    method: &str,
    administrator: bool,
) -> Result<String, Fault> {
    let call = read(computer, request, target, method, administrator)?;
    let install_time = *world.install_time.borrow();
    let outcome = if method == "InstallProductKey" && !install_time.is_zero() {
        let computer = Arc::clone(computer);
        // A task of its own: it goes on when nobody waits any longer.
        let running = tokio::spawn(async move {
            // How long a computer takes over a key, as it was dialled.
            tokio::time::sleep(install_time).await;
            computer.machine().call(&call)
        });
        match tokio::time::timeout(request.timeout, running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(code::WBEM_INVALID_METHOD),
            Err(_) => return Err(Fault::timed_out()),
        }
    } else {
        computer.machine().call(&call)
    };
    let row = match outcome {
        Ok(Outcome::Done(row)) => Ok(row),
        Ok(Outcome::Activate(activation)) => {
            let (world, computer) = (Arc::clone(world), Arc::clone(computer));
            // A task of its own: it goes on when nobody waits any longer.
            let running = tokio::spawn(async move {
                let time = *world.activate_time.borrow();
                tokio::time::sleep(time).await;
                let answer = world.ask(&activation);
                let mut machine = computer.machine();
                match answer {
                    Ok(host) => {
                        machine.finish_activation(&activation, host);
                        Ok(Row::new(vec![("ReturnValue", 0u32.into())]))
                    }
                    Err(code) => {
                        machine.fail_activation(&activation, code);
                        Err(code)
                    }
                }
            });
            match tokio::time::timeout(request.timeout, running).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(code::SERVICE_UNREACHABLE),
                Err(_) => return Err(Fault::timed_out()),
            }
        }
        Err(code) => Err(code),
    };
    let row = match row {
        Ok(row) => row,
        // What WMI itself refuses is always a fault; what the licensing service refuses depends on the generation.
        Err(code) if computer.spec.fault_style == FaultStyle::ReturnValue && code >> 16 == 0xC004 => {
            Row::new(vec![("ReturnValue", code.into())])
        }
        Err(code) => return Err(Fault::provider(code, "ExecMethod")),
    };
    let element = format!("{method}_OUTPUT");
    Ok(typed(&element, &element, &request.resource, &row))
}

fn read(
    computer: &Computer,
    request: &Request,
    target: &Target<'_>,
    method: &str,
    administrator: bool,
) -> Result<Call, Fault> {
    let (_, class) = class_named(target.namespace, target.class)
        .filter(|(_, class)| computer.machine().has_class(*class))
        .ok_or_else(|| Fault::provider(code::WBEM_INVALID_CLASS, "ExecMethod"))?;
    match (selector_of(class), request.selectors.as_slice()) {
        (None, []) => {}
        (Some(key), [(selector, _)]) if selector.eq_ignore_ascii_case(key) => {}
        _ => return Err(Fault::invalid_selectors()),
    }
    let input = request
        .body
        .as_ref()
        .filter(|b| b.name.eq_ignore_ascii_case(&format!("{method}_INPUT")) && b.namespace == request.resource)
        .ok_or_else(|| Fault::schema("The body does not contain the method's input."))?;
    let parameters = input
        .children
        .iter()
        .map(|c| {
            let nil = c.attribute(XSI, "nil").is_some_and(|v| matches!(v, "true" | "1"));
            (c.name.clone(), (!nil).then(|| c.text.clone()))
        })
        .collect();
    Ok(Call {
        class,
        selectors: request.selectors.clone(),
        method: method.to_owned(),
        parameters,
        administrator,
    })
}
