//! What the desktop shows, without egui: it can be tested on paper.

pub mod accounts;
pub mod air_gap;
pub mod columns;
pub mod discovery;
pub mod facts;
pub mod notices;
pub mod orders;
pub mod reading;
pub mod recent;
pub mod screen;
pub mod script;
pub mod selection;
pub mod viewer;
pub mod words;
