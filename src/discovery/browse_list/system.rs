//! The call itself. All unsafe code of discovery is here.
#![allow(
    unsafe_code,
    reason = "Windows gives the browse list through a buffer of its own; each block says why it is sound"
)]

use std::ptr::null_mut;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use windows::Win32::NetworkManagement::NetManagement::{
    MAX_PREFERRED_LENGTH, NET_SERVER_TYPE, NetApiBufferFree, NetServerEnum, SERVER_INFO_101, SV_TYPE_DOMAIN_BAKCTRL,
    SV_TYPE_DOMAIN_CTRL, SV_TYPE_NT,
};
use windows::core::{HRESULT, HSTRING, PCWSTR, PWSTR};

use super::{BrowseListError, BrowseListRequest, PATIENCE};
use crate::discovery::found::{Finding, Findings, FoundComputer, Source};
use crate::discovery::pace::{is_unwanted, tell};
use crate::model::{Network, NetworkKind};

/// NERR_Success.
const SUCCESS: u32 = 0;
/// ERROR_MORE_DATA: the list is longer, and there is no way to ask for the rest.
const MORE_DATA: u32 = 234;

/// A computer of the list.
struct Listed {
    name: String,
    comment: String,
    version: (u32, u32),
    kind: NET_SERVER_TYPE,
}

/// Tells every computer of the browse list; how many there are.
pub async fn browse_list(
    request: &BrowseListRequest,
    findings: &Findings,
    cancel: &CancellationToken,
) -> Result<usize, BrowseListError> {
    let group = request.group.clone();
    let asking = tokio::task::spawn_blocking(move || ask(group.as_deref()));
    let asked = tokio::select! {
        () = is_unwanted(findings, cancel) => return Ok(0),
        asked = timeout(PATIENCE, asking) => asked,
    };
    let listed = match asked {
        Ok(Ok(listed)) => listed?,
        Ok(Err(_)) => return Err(BrowseListError::TimedOut(0)),
        Err(_) => return Err(BrowseListError::TimedOut(PATIENCE.as_secs())),
    };
    let count = listed.len();
    for (done, computer) in listed.into_iter().enumerate() {
        let computer = Box::new(found(request, computer));
        tell(findings, cancel, Finding::Computer(computer)).await;
        let (done, total) = (done + 1, Some(count));
        tell(findings, cancel, Finding::Progress { done, total }).await;
    }
    Ok(count)
}

fn found(request: &BrowseListRequest, listed: Listed) -> FoundComputer {
    let mut computer = FoundComputer::named(Source::BrowseList, listed.name);
    let is_controller = listed.kind.0 & (SV_TYPE_DOMAIN_CTRL.0 | SV_TYPE_DOMAIN_BAKCTRL.0) != 0;
    let kind = if is_controller {
        NetworkKind::Domain
    } else {
        NetworkKind::None
    };
    computer.network = Network {
        kind,
        name: request.group.as_deref().unwrap_or_default().into(),
    };
    computer.os_version = format!("{}.{}", listed.version.0, listed.version.1);
    computer.place = if listed.comment.is_empty() {
        "browse list".to_owned()
    } else {
        format!("browse list: {}", listed.comment)
    };
    computer
}

fn ask(group: Option<&str>) -> Result<Vec<Listed>, BrowseListError> {
    let group = group.map(HSTRING::from);
    let group = group.as_ref().map_or(PCWSTR::null(), |group| PCWSTR(group.as_ptr()));
    let (mut buffer, mut read, mut total): (*mut u8, u32, u32) = (null_mut(), 0, 0);
    // SAFETY: every pointer is to a variable of this function, and `group` lives until the end of the call.
    let code = unsafe {
        NetServerEnum(
            PCWSTR::null(),
            101,
            &raw mut buffer,
            MAX_PREFERRED_LENGTH,
            &raw mut read,
            &raw mut total,
            SV_TYPE_NT,
            group,
            None,
        )
    };
    let list = Buffer(buffer);
    if !matches!(code, SUCCESS | MORE_DATA) {
        return Err(refusal(code));
    }
    Ok(list.read(read))
}

/// The list, as Windows allocated it.
struct Buffer(*mut u8);

impl Buffer {
    fn read(&self, count: u32) -> Vec<Listed> {
        if self.0.is_null() {
            return Vec::new();
        }
        // SAFETY: after a success of level 101 the buffer holds so many of these structures, aligned as they must be, and it
        // lives as long as `self`.
        let infos =
            unsafe { std::slice::from_raw_parts(self.0.cast::<SERVER_INFO_101>().cast_const(), count as usize) };
        let listed = infos.iter().map(|info| Listed {
            name: text(info.sv101_name),
            comment: text(info.sv101_comment),
            // The upper bits say which kind of version it is.
            version: (info.sv101_version_major & 0x0F, info.sv101_version_minor),
            kind: info.sv101_type,
        });
        listed.filter(|computer| !computer.name.is_empty()).collect()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: Windows allocated it for this call, and nothing points into it any more.
            unsafe { NetApiBufferFree(Some(self.0.cast_const().cast())) };
        }
    }
}

fn text(text: PWSTR) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: it points into the buffer, which is still there, and ends with a zero.
    let text = unsafe { text.to_string() };
    text.unwrap_or_default().trim().to_owned()
}

fn refusal(code: u32) -> BrowseListError {
    match code {
        6118 => BrowseListError::NoBrowser,
        5 => BrowseListError::AccessDenied,
        2102 => BrowseListError::NoWorkstationService,
        1222 | 1231 => BrowseListError::NoNetwork(code),
        2114 | 2320 | 1212 => BrowseListError::NoSuchGroup(code),
        code => BrowseListError::Code {
            code,
            text: HRESULT::from_win32(code).message().trim().to_owned(),
        },
    }
}
