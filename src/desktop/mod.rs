//! The desktop: commands as data, presentation state without egui, and egui pages that draw it.
//!
//! * [`commands`] is the table of everything a person can ask for; menu, toolbar, context menu, keyboard and palette are views
//!   of it.
//! * [`state`] is what the window shows, testable without a window. Filtering, sorting and counting run on a worker thread.
//! * [`app`] drives a frame: results and commands are taken in at one place, then shell, pages and dialogs draw an immutable
//!   frame and send events. Nothing waits for a disk, a network or a dialog of the system on the thread that draws.

pub mod accounts;
pub mod app;
pub mod commands;
#[cfg(windows)]
mod console;
pub mod dialogs;
mod discovery;
mod execute;
mod fonts;
pub mod icons;
pub mod jobs;
mod open_list;
mod outcomes;
pub mod pages;
pub mod picker;
pub mod preferences;
mod remember;
mod sealing;
mod secret_text;
mod shell;
pub mod state;
pub mod theme;
mod widgets;

use std::any::Any;
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::workspace::{Credentials, Keyring, Settings};
use app::{Desktop, Host};
use picker::SystemPicker;
use preferences::WindowSize;
pub use remember::Remembered;

/// What is said of a demonstration, and what keeps it alive.
pub struct DemoInfo {
    /// One sentence for the strip at the top of the window.
    pub banner: String,
    /// Dropped when the window is closed: the simulated estate ends with it.
    pub keep_alive: Box<dyn Any + Send>,
}

/// How the desktop starts.
#[derive(Default)]
pub struct DesktopOptions {
    /// The list to open.
    pub list: Option<PathBuf>,
    /// How runs behave, when that was said for this session; it stands above what is remembered, and is not kept.
    pub settings: Option<Settings>,
    /// What is remembered from before; `None`: nothing is, and nothing will be.
    pub remembered: Option<Remembered>,
    /// Who signs in to the computers, when that is known already.
    pub credentials: Option<Credentials>,
    /// A demonstration.
    pub demo: Option<DemoInfo>,
}

/// Why the desktop did not start.
#[derive(Debug, thiserror::Error)]
pub enum DesktopError {
    /// There is no display, or no way to draw on it.
    #[error(
        "no window can be opened: {0}; on a computer without a display use the command line (makeeper --help), on Linux see \
         that DISPLAY or WAYLAND_DISPLAY is set and libGL is installed"
    )]
    Window(String),
    /// The system refused a thread.
    #[error("the system refused to start a thread: {0}")]
    Thread(std::io::Error),
}

/// How soon after something new the window is drawn.
const REPAINT_WITHIN: Duration = Duration::from_millis(30);

/// What draws, in the order tried. Windows draws by Direct3D 12 even where there is no graphics driver, as over RDP and in most
/// virtual machines, and its OpenGL is too old there. On Linux Mesa's OpenGL is where a display is.
const RENDERERS: &[eframe::Renderer] = &[
    #[cfg(windows)]
    eframe::Renderer::Wgpu,
    eframe::Renderer::Glow,
];

/// Opens the window and stays until it is closed.
pub fn run(options: DesktopOptions) -> Result<(), DesktopError> {
    #[cfg(windows)]
    console::let_go();
    let outcome = run_window(options);
    #[cfg(windows)]
    if let Err(error) = &outcome {
        // There may be no console to say it on.
        rfd::MessageDialog::new()
            .set_level(rfd::MessageLevel::Error)
            .set_title("MAKeeper")
            .set_description(error.to_string())
            .show();
    }
    outcome
}

fn run_window(options: DesktopOptions) -> Result<(), DesktopError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("makeeper-run")
        .enable_all()
        .build()
        .map_err(DesktopError::Thread)?;
    let window = options.remembered.as_ref().and_then(Remembered::window);
    let options = Cell::new(Some(options));
    let mut failures = Vec::new();
    let mut outcome = Ok(());
    for &renderer in RENDERERS {
        outcome = eframe::run_native(
            "makeeper",
            native(renderer, window),
            creator(&options, runtime.handle(), window),
        );
        let Err(error) = &outcome else { break };
        tracing::warn!(%renderer, %error, "Window");
        failures.push(format!("{renderer}: {error}"));
        // Its options are gone once a window was open: what ended it then is no lack of a way to draw.
        let was_open = options.take().map(|unused| options.set(Some(unused))).is_none();
        if was_open {
            break;
        }
    }
    // Runs under way were cancelled; what they are waiting for is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome.map_err(|_| DesktopError::Window(failures.join("; ")))
}

/// The window as one renderer opens it.
fn native(renderer: eframe::Renderer, window: Option<WindowSize>) -> eframe::NativeOptions {
    let mut native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("MAKeeper")
            .with_app_id("makeeper")
            .with_inner_size(size_of(window))
            .with_maximized(window.is_some_and(|w| w.maximized))
            .with_min_inner_size([820.0, 520.0])
            .with_icon(window_icon()),
        centered: true,
        renderer,
        ..eframe::NativeOptions::default()
    };
    #[cfg(windows)]
    if let eframe::egui_wgpu::WgpuSetup::CreateNew(setup) = &mut native.wgpu_options.wgpu_setup {
        // A table needs no second graphics card.
        setup.power_preference = eframe::wgpu::PowerPreference::LowPower;
    }
    #[cfg(not(windows))]
    let _ = &mut native;
    native
}

/// The size the window opens with: the one it had, where that is known.
fn size_of(window: Option<WindowSize>) -> [f32; 2] {
    window.map_or(WANTED, |w| w.size)
}

/// The icon in title bar and task bar; nothing if it could not be read, which a test rules out.
fn window_icon() -> egui::IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default()
}

/// Makes the desktop once there is a window.
fn creator<'a>(
    options: &'a Cell<Option<DesktopOptions>>,
    runtime: &tokio::runtime::Handle,
    window: Option<WindowSize>,
) -> eframe::AppCreator<'a> {
    let handle = runtime.clone();
    Box::new(move |creation| {
        let ctx = creation.egui_ctx.clone();
        theme::install(&ctx, true);
        let host = Host {
            runtime: handle,
            picker: Arc::new(SystemPicker),
            keyring: Arc::new(Keyring::system),
            waker: Arc::new(move || ctx.request_repaint_after(REPAINT_WITHIN)),
        };
        Ok(Box::new(Window {
            desktop: Desktop::new(options.take().unwrap_or_default(), host)?,
            title: String::new(),
            wanted: size_of(window),
            bars: window.map_or(egui::Vec2::from(BARS), |_| egui::Vec2::ZERO),
            fitted: false,
        }))
    })
}

/// The desktop in a window of its own.
struct Window {
    desktop: Desktop,
    title: String,
    /// The size it opens with, in points.
    wanted: [f32; 2],
    /// What is left free of the monitor: nothing for a size that somebody chose.
    bars: egui::Vec2,
    /// The window was made to fit its monitor.
    fitted: bool,
}

/// The window as it opens where there is room, in points.
const WANTED: [f32; 2] = [1200.0, 760.0];
/// What title bar and task bar take of a monitor.
const BARS: [f32; 2] = [0.0, 96.0];

/// The size at which a window of this size fits a monitor beside these bars, if it does not as it opens. Never lower than what
/// the pages need, unless the monitor itself is.
fn fitting(wanted: egui::Vec2, monitor: egui::Vec2, bars: egui::Vec2) -> Option<egui::Vec2> {
    let least = egui::vec2(1024.0, 700.0).min(monitor);
    let size = wanted.min(monitor - bars).max(least).min(wanted);
    (size != wanted).then_some(size)
}

/// The size of the window as it is now, without the text size chosen in it. One that is maximized keeps the size it had.
fn window_size(ctx: &egui::Context) -> Option<WindowSize> {
    let zoom = ctx.zoom_factor();
    ctx.input(|i| {
        let viewport = i.viewport();
        let maximized = viewport.maximized.unwrap_or(false) || viewport.fullscreen.unwrap_or(false);
        if viewport.minimized.unwrap_or(false) {
            return None;
        }
        let size = viewport.inner_rect?.size() * zoom;
        Some(WindowSize {
            size: [size.x.round(), size.y.round()],
            maximized,
        })
    })
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if !self.fitted
            && let Some(monitor) = ctx.input(|i| i.viewport().monitor_size)
        {
            self.fitted = true;
            if let Some(size) = fitting(self.wanted.into(), monitor, self.bars) {
                ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(size));
                let at = ((monitor - egui::Vec2::from(BARS) - size) / 2.0).max(egui::Vec2::ZERO);
                ctx.send_viewport_cmd(egui::ViewportCommand::OuterPosition(at.to_pos2()));
            }
        }
        if let Some(window) = window_size(ctx) {
            self.desktop.window_is(window);
        }
        self.desktop.logic(ctx);
        let title = self.desktop.title();
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.desktop.ui(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.desktop.end();
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

#[cfg(test)]
mod tests {
    use super::{fitting, window_icon};
    use egui::vec2;

    #[test]
    fn the_icon_can_be_read() {
        let icon = window_icon();
        assert_eq!((icon.width, icon.height), (256, 256));
    }

    #[test]
    fn the_window_opens_inside_the_monitor() {
        let usual = |monitor| fitting(super::WANTED.into(), monitor, super::BARS.into());
        assert_eq!(usual(vec2(1920.0, 1080.0)), None);
        assert_eq!(usual(vec2(1366.0, 768.0)), Some(vec2(1200.0, 700.0)));
        assert_eq!(usual(vec2(1280.0, 800.0)), Some(vec2(1200.0, 704.0)));
        assert_eq!(usual(vec2(1024.0, 768.0)), Some(vec2(1024.0, 700.0)));
        assert_eq!(usual(vec2(800.0, 600.0)), Some(vec2(800.0, 600.0)));
        // As large as it was on another monitor.
        let large = vec2(2400.0, 1300.0);
        let fits = |size| fitting(size, vec2(1366.0, 768.0), egui::Vec2::ZERO);
        assert_eq!(fits(large), Some(vec2(1366.0, 768.0)));
        assert_eq!(fits(vec2(1300.0, 760.0)), None);
    }
}
