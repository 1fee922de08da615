//! WS-Management of a virtual computer: sockets, sign-in, SOAP, and the operations on WMI.

mod dispatch;
mod enumerate;
mod envelope;
mod fault;
mod http;
mod invoke;
mod listen;
#[cfg(test)]
mod tests;

pub(super) use enumerate::Contexts;
pub(super) use listen::{bind, serve};
