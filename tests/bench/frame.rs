//! CPU time of a desktop frame at 100,000 rows while scrolling: layout, drawing commands and tessellation, without a GPU.
//!
//! Prints the 50th and 99th percentile and the ratio of the latter to 8 ms, the aim.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to report"
)]

#[path = "../desktop_support/estate.rs"]
mod estate;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use makeeper::desktop::app::{Desktop, Host};
use makeeper::desktop::picker::SystemPicker;
use makeeper::desktop::{DesktopOptions, theme};
use makeeper::workspace::Keyring;

/// Every third computer carries a second product: 100,000 rows.
const COMPUTERS: usize = 75_001;
const FRAMES: usize = 1_200;
const AIM: Duration = Duration::from_millis(8);

fn input(time: f64, events: Vec<egui::Event>) -> egui::RawInput {
    egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1920.0, 1080.0))),
        time: Some(time),
        events,
        ..egui::RawInput::default()
    }
}

/// One frame, as the window would do it up to the hand-over to the GPU.
fn frame(ctx: &egui::Context, desktop: &mut Desktop, time: f64, events: Vec<egui::Event>) -> (Duration, usize) {
    let begun = Instant::now();
    let mut output = ctx.run_ui(input(time, events), |ui| {
        desktop.logic(ui.ctx());
        desktop.ui(ui);
    });
    let triangles = ctx.tessellate(output.shapes, output.pixels_per_point);
    let elapsed = begun.elapsed();
    // What a window would upload to the GPU; nobody here wants it.
    output.textures_delta.clear();
    (elapsed, triangles.len())
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the list");
    let path = folder.path().join("large.cilx");
    let inventory = estate::estate(COMPUTERS);
    let rows = inventory.product_count();
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the list is made"));
    makeeper::cil::write(&inventory, None, &mut file).expect("the list is written");
    drop((file, inventory));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (ring, bell) = channel();
    let ring = std::sync::Mutex::new(ring);
    let host = Host {
        keyring: Arc::new(Keyring::system),
        runtime: runtime.handle().clone(),
        picker: Arc::new(SystemPicker),
        waker: Arc::new(move || {
            // Nobody listens any more at the end.
            let _ = ring.lock().map(|ring| ring.send(()));
        }),
    };
    let options = DesktopOptions {
        list: Some(path),
        ..DesktopOptions::default()
    };
    let mut desktop = Desktop::new(options, host).expect("the desktop starts");
    let ctx = egui::Context::default();
    theme::install(&ctx, false);
    let mut time = 0.0;
    while desktop.is_busy() {
        frame(&ctx, &mut desktop, time, Vec::new());
        time += 1.0 / 60.0;
        let _ = bell.recv_timeout(Duration::from_millis(50));
    }

    let over_the_list = egui::pos2(700.0, 600.0);
    let mut times = Vec::with_capacity(FRAMES);
    let mut shapes = 0;
    for n in 0..FRAMES {
        time += 1.0 / 60.0;
        let events = vec![
            egui::Event::PointerMoved(over_the_list),
            egui::Event::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                // Down through the list, with a jerk now and then.
                delta: egui::vec2(0.0, if n % 97 == 0 { -20_000.0 } else { -173.0 }),
                phase: egui::TouchPhase::Move,
                source: egui::MouseWheelSource::Unknown,
                modifiers: egui::Modifiers::NONE,
            },
        ];
        let (elapsed, triangles) = frame(&ctx, &mut desktop, time, events);
        times.push(elapsed);
        shapes = shapes.max(triangles);
    }
    times.sort_unstable();
    let at = |share: f64| times[((FRAMES - 1) as f64 * share) as usize];
    let (median, p99) = (at(0.5), at(0.99));
    assert!(shapes > 0, "nothing was drawn");
    println!("{rows} rows, {FRAMES} frames while scrolling at 1920 x 1080");
    println!(
        "frame: median {:.2} ms, p99 {:.2} ms",
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3
    );
    println!("p99 to the aim of 8 ms: {:.2}", p99.as_secs_f64() / AIM.as_secs_f64());
}
