//! How many connections may be tried at once. Unix gives a program few files at first, often 1,024, and takes a connection
//! for one; a program may have more by asking.

/// Files this program needs for everything else: lists, journals, computers that are being asked, the window.
const KEEP: u64 = 256;
/// Files a search asks for.
const WANTED: u64 = 4096;

/// How many of `wanted` things may be done at once when each opens `each` sockets. `Err`: the limit, which leaves room for
/// none.
pub(super) fn at_once(wanted: usize, each: usize) -> Result<usize, u64> {
    let limit = files();
    let room = limit.saturating_sub(KEEP) / each.max(1) as u64;
    match usize::try_from(room).unwrap_or(usize::MAX).min(wanted.max(1)) {
        0 => Err(limit),
        room => Ok(room),
    }
}

#[cfg(unix)]
fn files() -> u64 {
    // Where it may not be raised, what there is must do.
    let raised = rlimit::increase_nofile_limit(WANTED);
    raised
        .or_else(|_| rlimit::Resource::NOFILE.get_soft())
        .unwrap_or(2 * KEEP)
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn files() -> u64 {
    WANTED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_many_addresses_and_never_more_than_wanted() {
        assert_eq!(at_once(1, 4), Ok(1));
        assert_eq!(at_once(0, 4), Ok(1));
        assert!(at_once(500, 4).is_ok_and(|n| (100..=500).contains(&n)));
        assert!(at_once(10, usize::MAX).is_err());
    }
}
