//! MAKeeper keeps a Computer Information List (CIL) and runs Microsoft volume activation.
//!
//! # Map
//! Arrows point down only; `tests/architecture.rs` keeps them.
//!
//! ```text
//! desktop   cli              windows and subcommands; both drive the workspace and nothing below it
//!     workspace              an open list and what is happening to it
//! cil  discovery  licensing  activation
//!                    wmi     one trait for "ask a computer"
//!                    wsman   WS-Management: codecs (sans-IO) and the connection that authenticates and seals
//! model                      the inventory and its rules; no IO, no async, no egui; known to everything
//! lab                        a simulated estate, reached only through sockets; started by desktop, cli and tests
//! ```
//!
//! # Invariants
//! * The inventory changes only through [`model::Change`] values; each is written to the journal before it is applied.
//! * `Activate` is never called on a MAK product that is already licensed; an installation ID whose confirmation ID is
//!   known is never asked again.
//! * A product key or password never crosses a network unsealed, is never printed and never an argument.

pub mod activation;
pub mod cil;
pub mod cli;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod discovery;
pub mod lab;
pub mod licensing;
pub mod model;
pub mod wmi;
pub mod workspace;
pub mod wsman;
