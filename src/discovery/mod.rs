//! Finding computers: names and addresses that people paste, list files, and which addresses of a range answer.

mod found;
mod knock;
mod list_file;
mod names;
mod probe;

pub use found::{FINDINGS_AHEAD, Finding, Findings, FoundComputer, Source};
pub use knock::{Door, ResolveError, Sight, knock, resolve};
pub use list_file::{decode_text, parse_list_file, unknown_columns};
pub use names::{EXPANSION_LIMIT, FoundName, NameProblem, NameProblemKind, ParsedNames, parse_names};
pub use probe::{Probe, ProbeTarget, WINRM_PORTS};
