//! Measuring, for all benchmarks.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The best of several runs: the others were disturbed.
pub fn best<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let start = Instant::now();
        let result = run();
        let elapsed = start.elapsed();
        drop(black_box(result));
        elapsed
    };
    (0..runs).map(once).min().unwrap_or_default()
}
