//! An open Computer Information List and what is happening to it.
//!
//! The desktop and the command line drive this and nothing below it: a [`Workspace`] is opened, changed by [`Change`] values
//! and by runs, and seen through [`Snapshot`]s that are published whole and read without a lock.
//!
//! # Invariants
//! * A change is in the journal before it is in the inventory, and in the inventory before it is in a snapshot.
//! * "Asked" is on the disk before a question leaves for the activation service, and the answer before anyone sees it. A
//!   cancel never abandons a question that has left.
//! * One visitor per computer and one question per installation ID at a time, over all runs.
//!
//! [`Change`]: crate::model::Change

mod accounts;
mod acquire;
mod add;
mod approach;
mod discovery;
mod elsewhere;
mod engine;
mod error;
mod failures;
mod history;
mod job;
mod key_index;
mod key_use;
mod keyring;
mod open;
mod price;
mod reload;
mod run;
mod sealing;
mod settings;
mod sign_in_guard;
mod slots;
mod snapshot;
mod table;
mod transfer;
mod visit;

pub use accounts::{
    AccountLine, AccountLineError, AccountSource, CredentialSet, SignInQuestion, is_for_computer, read_account_lines,
};
pub use add::{AddKeysReport, AddReport, KeyLine, KeyLineOutcome, KeyLineRead, read_keys};
pub use discovery::{
    AcceptReport, DirectoryAnswer, DirectoryListing, Discovery, DiscoveryError, DiscoveryPrice, DiscoveryProgress,
    KmsAudit, KmsAuditProgress, PreparedDiscovery, SourceFailure, SourceProgress, SourceState, home_domain,
    source_cannot_see,
};
pub use elsewhere::Elsewhere;
pub use error::WorkspaceError;
pub use history::Undone;
pub use job::{Job, KeyChoice, Subject};
pub use key_index::KeyIndex;
pub use keyring::{Keyring, KeyringError, SavedAccount, check_account_name};
pub use open::{Mode, OpenReport, SaveReport, Workspace, is_legacy};
pub use price::{KeyPrice, Price};
pub use reload::{ReloadPlan, ReloadReport};
pub use run::{RowState, Run, RunProgress, RunRow};
pub use sealing::{KeyProtection, SealReport};
pub use settings::{ProxySetting, Settings};
pub use snapshot::{ActivityEntry, Snapshot};
pub use table::{TableReport, USUAL_COLUMNS, write_csv, write_table};
pub use transfer::{ExportReport, ImportReport, check_folder};

// The layers above know the workspace alone, so it hands on what its functions take and give.
pub use crate::activation::check_ca_file;
pub use crate::cil::import::{Conflict, ImportNote, ImportPlan};
pub use crate::cil::seal::SealError;
pub use crate::cil::store::{Recovery, StoreError};
pub use crate::cil::{ExportProfile, LegacyFormat, LoadWarning, Progress, Watch};
pub use crate::discovery::directory::{DirectoryNode, NodeKind, check_filter};
pub use crate::discovery::{
    Answers, Approval, KMS_DNS_COLUMNS, KmsDnsAudit, KmsRecord, NameProblem, SuffixOutcome, decode_text,
    has_browse_list, kms_dns_cannot_see, list_columns,
};
pub use crate::licensing::describe_key;
pub use crate::licensing::{advice, catalogue};
pub use crate::wmi::{AccountError, ClientCertificate, Credentials, TicketCacheError, TicketHolder, user_tickets};
