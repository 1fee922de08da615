//! WS-Management.

pub mod codec;
