//! Many addresses at a steady pace: so many new ones a second, so many at once, and an end at once when nobody wants more.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::found::{Finding, Findings};

/// What was not sent in time may be caught up with so far: a busy moment of this computer must not become a burst.
const CATCH_UP: Duration = Duration::from_millis(50);

/// When the next one may begin.
#[derive(Debug)]
pub(super) struct Pace {
    step: Duration,
    next: Instant,
}

impl Pace {
    /// So many a second; 0 is taken for 1.
    pub(super) fn per_second(rate: u32) -> Self {
        Self {
            step: Duration::from_secs(1) / rate.max(1),
            next: Instant::now(),
        }
    }

    /// As many as there are.
    pub(super) fn free() -> Self {
        Self {
            step: Duration::ZERO,
            next: Instant::now(),
        }
    }

    /// Waits until the next may begin. Whoever then begins says so with [`Pace::taken`].
    pub(super) async fn turn(&self) {
        sleep_until(self.next).await;
    }

    /// One began.
    pub(super) fn taken(&mut self) {
        let earliest = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.next);
        self.next = self.next.max(earliest) + self.step;
    }
}

/// Ends when nobody wants more: the person cancelled, or whoever took the findings is gone.
pub(super) async fn is_unwanted(findings: &Findings, cancel: &CancellationToken) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = findings.closed() => {}
    }
}

/// Tells a finding, and waits while there are too many that nobody has taken. Whether somebody still wants more.
pub(super) async fn tell(findings: &Findings, cancel: &CancellationToken, finding: Finding) -> bool {
    tokio::select! {
        biased;
        () = cancel.cancelled() => false,
        sent = findings.send(finding) => sent.is_ok(),
    }
}

/// Does `work` for every item, beginning them at `pace` and with at most `at_once` of them at a time. Ends at once when
/// `unwanted` ends; whether it came to its own end.
pub(super) async fn sweep<I, W, F>(
    items: I,
    mut pace: Pace,
    at_once: usize,
    unwanted: impl Future<Output = ()>,
    work: W,
) -> bool
where
    I: IntoIterator,
    W: Fn(I::Item) -> F,
    F: Future<Output = ()>,
{
    let mut waiting = items.into_iter().peekable();
    let mut running = FuturesUnordered::new();
    tokio::pin!(unwanted);
    loop {
        let is_last = waiting.peek().is_none();
        if is_last && running.is_empty() {
            return true;
        }
        let may_begin = !is_last && running.len() < at_once.max(1);
        tokio::select! {
            biased;
            () = &mut unwanted => return false,
            Some(()) = running.next() => {}
            () = pace.turn(), if may_begin => {
                if let Some(item) = waiting.next() {
                    pace.taken();
                    running.push(work(item));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_begins_at_the_pace_and_never_too_many_at_once() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let began = Instant::now();
        let work = |_| async {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            // The work itself: it takes time, so that pieces of it overlap.
            tokio::time::sleep(Duration::from_millis(100)).await;
            running.set(running.get() - 1);
        };
        assert!(sweep(0..100, Pace::per_second(200), 500, std::future::pending(), &work).await);
        // What a busy moment may catch up with is taken off.
        let took = began.elapsed();
        assert!(took + CATCH_UP >= Duration::from_millis(595), "{took:?}");
        most.set(0);
        assert!(sweep(0..40, Pace::per_second(100_000), 10, std::future::pending(), &work).await);
        assert_eq!(most.get(), 10);
    }

    #[tokio::test]
    async fn it_ends_at_once_when_nobody_wants_more() {
        let begun = Cell::new(0);
        let work = |_| {
            begun.set(begun.get() + 1);
            std::future::pending()
        };
        // The moment at which it is no longer wanted.
        let unwanted = tokio::time::sleep(Duration::from_millis(50));
        assert!(!sweep(0..1_000_000, Pace::per_second(1_000), 8, unwanted, work).await);
        assert_eq!(begun.get(), 8);
    }

    #[tokio::test]
    async fn a_busy_moment_becomes_no_burst() {
        let mut pace = Pace::per_second(1_000);
        // The busy moment itself: nothing else runs.
        std::thread::sleep(Duration::from_millis(400));
        let began = Instant::now();
        for _ in 0..300 {
            pace.turn().await;
            pace.taken();
        }
        assert!(
            began.elapsed() + CATCH_UP >= Duration::from_millis(298),
            "{:?}",
            began.elapsed()
        );
    }
}
