//! What everybody sees of an open list: immutable, published whole.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use imbl::Vector;

use crate::model::{Inventory, Text};

/// One line of the activity log of this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// What happened, in words. Never contains a key or a password.
    pub text: Text,
}

/// An open list at one moment. A clone costs a few pointers.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Grows with every published change.
    pub revision: u64,
    /// Everything the list holds.
    pub inventory: Inventory,
    /// The file.
    pub path: PathBuf,
    /// Changes that are in the journal but not yet in the file.
    pub unsaved: usize,
    /// The list was opened to look at only.
    pub read_only: bool,
    /// What happened in this session, oldest first.
    pub activity: Vector<ActivityEntry>,
    /// The name of the edit that undo takes back; `None`: there is none.
    pub undo: Option<Text>,
    /// The name of the edit that redo brings back; `None`: there is none.
    pub redo: Option<Text>,
}
