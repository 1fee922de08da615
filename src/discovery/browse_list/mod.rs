//! The browse list of Windows: what the system's Computer Browser knows of a workgroup or domain.

#[cfg(windows)]
mod system;

#[cfg(windows)]
pub use system::browse_list;

#[cfg(not(windows))]
use tokio_util::sync::CancellationToken;

#[cfg(not(windows))]
use super::found::Findings;

/// What to ask the system for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrowseListRequest {
    /// The workgroup or domain; `None`: that of this computer.
    pub group: Option<String>,
}

/// How long the system may take. It cannot be interrupted: it is left to end by itself.
#[cfg(windows)]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Why there is no browse list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowseListError {
    /// Not on this system.
    #[error("only Windows keeps a browse list: ask with NetBIOS or WS-Discovery instead")]
    NotWindows,
    /// 6118, ERROR_NO_BROWSER_SERVERS_FOUND.
    #[error(
        "no computer of the network keeps a browse list (6118): it takes the Computer Browser service and SMB 1, which Windows has not \
         had since Windows 10 1709. Ask with WS-Discovery or Active Directory instead"
    )]
    NoBrowser,
    /// 5, ERROR_ACCESS_DENIED.
    #[error("Windows denied access to the browse list (5)")]
    AccessDenied,
    /// 2102, NERR_WkstaNotStarted.
    #[error("the Workstation service is not started (2102): start it (net start LanmanWorkstation), then ask again")]
    NoWorkstationService,
    /// 1231, ERROR_NETWORK_UNREACHABLE, and 1222, ERROR_NO_NETWORK.
    #[error("Windows says that there is no network ({0})")]
    NoNetwork(u32),
    /// 2114 and 2320, NERR_ServerNotStarted and NERR_ComputerNotFound; 1212, ERROR_INVALID_DOMAINNAME.
    #[error("there is no workgroup or domain of that name in the browse list ({0})")]
    NoSuchGroup(u32),
    /// It took too long.
    #[error("Windows did not give the browse list within {0} s")]
    TimedOut(u64),
    /// Another code.
    #[error("Windows gave no browse list: {text} ({code})")]
    Code {
        /// The code of Windows.
        code: u32,
        /// What Windows says of it.
        text: String,
    },
}

/// What the browse list cannot see.
pub fn browse_list_cannot_see() -> &'static str {
    "On current networks almost everything: a list is kept only by computers with SMB 1 and the Computer Browser service, which Windows \
     has not had since Windows 10 1709. What is listed may have been off for up to an hour."
}

/// Whether this system has a browse list at all.
pub fn has_browse_list() -> bool {
    cfg!(windows)
}

/// Tells every computer of the browse list; how many there are.
#[cfg(not(windows))]
pub async fn browse_list(
    _request: &BrowseListRequest,
    _findings: &Findings,
    _cancel: &CancellationToken,
) -> Result<usize, BrowseListError> {
    Err(BrowseListError::NotWindows)
}
