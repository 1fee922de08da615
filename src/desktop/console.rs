//! The console that Windows opens for a program started from the Explorer.
//!
//! MAKeeper is one binary of the console subsystem, so that a shell waits for the command line, sees its exit code and what it
//! prints. From Windows 11 24H2 on the manifest (`consoleAllocationPolicy`) keeps Windows from opening a console for a program
//! that was not started from one; before, one is opened and let go of here.
#![allow(unsafe_code, reason = "two calls into the console; each block says why it is sound")]

use windows::Win32::System::Console::{FreeConsole, GetConsoleProcessList};

/// Closes the console window if nobody but this process uses it. One that a shell lives in stays.
pub(super) fn let_go() {
    let mut processes = [0; 2];
    // SAFETY: Windows writes as many numbers as there is room for.
    let count = unsafe { GetConsoleProcessList(&mut processes) };
    if count == 1 {
        // SAFETY: no arguments. The standard streams go nowhere from here on, which Rust's own take as success.
        let _ = unsafe { FreeConsole() };
    }
}
