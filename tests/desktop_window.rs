//! The program as it is started: a window on a real display, drawn, closed as a window manager closes it.
//!
//! Needs Xvfb. Where it is not installed this is skipped, but for the proof run, which installs it.

#![cfg(all(feature = "desktop", target_os = "linux"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it is skipped"
)]

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);
/// How soon it is looked again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the program", || self.0.try_wait().unwrap())
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        // X tells nobody what becomes of somebody else's window, nor does a process tell of its end here.
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A display that nobody sees; `None` where there is no Xvfb.
fn display() -> Option<(Process, String)> {
    let started = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = match started {
        Ok(child) => Process(child),
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: Xvfb cannot be started ({error})");
            return None;
        }
        Err(error) => panic!("the proof run needs Xvfb: {error}"),
    };
    let mut number = String::new();
    BufReader::new(process.0.stdout.take().unwrap())
        .read_line(&mut number)
        .unwrap();
    Some((process, format!(":{}", number.trim())))
}

fn makeeper(display: &str, home: &Path, arguments: &[&str]) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_makeeper"))
        .args(arguments)
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("XDG_CONFIG_HOME", home)
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .stdin(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

struct Screen {
    x: RustConnection,
    root: Window,
}

impl Screen {
    fn of(display: &str) -> Self {
        let (x, number) = RustConnection::connect(Some(display)).unwrap();
        let root = x.setup().roots[number].root;
        Self { x, root }
    }

    fn atom(&self, name: &str) -> u32 {
        self.x
            .intern_atom(false, name.as_bytes())
            .unwrap()
            .reply()
            .unwrap()
            .atom
    }

    fn title(&self, window: Window) -> Option<String> {
        let name = self.atom("_NET_WM_NAME");
        let asked = self.x.get_property(false, window, name, AtomEnum::ANY, 0, 256).ok()?;
        // The window may have gone since it was listed.
        String::from_utf8(asked.reply().ok()?.value).ok()
    }

    /// A window of this title that can be seen.
    fn window(&self, title: &str) -> Option<Window> {
        let windows = self.x.query_tree(self.root).unwrap().reply().unwrap().children;
        windows.into_iter().find(|w| {
            let attributes = self.x.get_window_attributes(*w).unwrap().reply();
            attributes.is_ok_and(|a| a.map_state == MapState::VIEWABLE) && self.title(*w).as_deref() == Some(title)
        })
    }

    /// How many colours a window shows.
    fn colours(&self, window: Window) -> usize {
        let Ok(size) = self.x.get_geometry(window).unwrap().reply() else {
            return 0;
        };
        let image = self
            .x
            .get_image(ImageFormat::Z_PIXMAP, window, 0, 0, size.width, size.height, !0)
            .unwrap();
        // Not while it is being resized.
        let Ok(image) = image.reply() else { return 0 };
        image.data.chunks_exact(4).collect::<HashSet<_>>().len()
    }

    /// As a window manager does when somebody closes the window.
    fn close(&self, window: Window) {
        let (protocols, delete) = (self.atom("WM_PROTOCOLS"), self.atom("WM_DELETE_WINDOW"));
        let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        self.x.send_event(false, window, EventMask::NO_EVENT, message).unwrap();
        self.x.flush().unwrap();
    }
}

#[test]
fn the_demonstration_opens_a_window_draws_it_and_ends_when_it_is_closed() {
    let Some((_xvfb, display)) = display() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut program = makeeper(&display, home.path(), &["demo"]);
    let screen = Screen::of(&display);
    let window = wait_for("the window", || {
        assert_eq!(program.0.try_wait().unwrap(), None, "the program ended by itself");
        screen.window("contoso.cilx - MAKeeper")
    });
    // An empty window has one colour, one with panels a dozen; smooth text has many.
    wait_for("the product list", || (screen.colours(window) > 60).then_some(()));
    screen.close(window);
    assert!(program.ended().success());
    let kept = std::fs::read_to_string(home.path().join("makeeper/desktop.json")).unwrap();
    assert!(kept.contains("\"window\": ["), "{kept}");
    assert!(
        kept.contains("\"recent\": []"),
        "the list of a demonstration is gone: {kept}"
    );
}

#[test]
fn a_list_is_opened_by_name_and_is_offered_the_next_time() {
    let Some((_xvfb, display)) = display() else { return };
    let home = tempfile::tempdir().unwrap();
    let list = home.path().join("isolated-lab.cilx");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/isolated-lab.cilx");
    std::fs::copy(sample, &list).unwrap();
    let screen = Screen::of(&display);
    let mut program = makeeper(&display, home.path(), &["open", list.to_str().unwrap()]);
    let window = wait_for("the window", || screen.window("isolated-lab.cilx - MAKeeper"));
    screen.close(window);
    assert!(program.ended().success());
    let kept = std::fs::read_to_string(home.path().join("makeeper/desktop.json")).unwrap();
    assert!(kept.contains("isolated-lab.cilx"), "{kept}");
    let mut program = makeeper(&display, home.path(), &[]);
    let window = wait_for("the window without a list", || screen.window("MAKeeper"));
    screen.close(window);
    assert!(program.ended().success());
}
