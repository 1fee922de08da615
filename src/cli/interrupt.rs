//! Ctrl+C. What can stop in good order listens for it; while nothing does, it ends the program.

use std::future::{Future, pending, poll_fn};
use std::sync::{Arc, Once};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Exit code of a program that Ctrl+C ended, as shells have it.
const ENDED: i32 = 130;

/// Hands every Ctrl+C to whoever listens.
pub(super) struct Interrupts {
    sender: Arc<watch::Sender<()>>,
    begun: Once,
}

/// Somebody who listens for as long as this lives.
pub(super) struct Listener(watch::Receiver<()>);

impl Interrupts {
    pub(super) fn new() -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(())),
            begun: Once::new(),
        }
    }

    /// Listens from now on. Once anybody has listened, the system leaves every Ctrl+C to the program: then those that nobody
    /// listens for end it here.
    pub(super) fn listen(&self, runtime: &Handle) -> Listener {
        let listener = Listener(self.sender.subscribe());
        self.begun.call_once(|| {
            let mut signal = Box::pin(tokio::signal::ctrl_c());
            // It takes effect when it is polled, and that must be before whatever is to be stopped begins.
            let refused = runtime.block_on(poll_fn(|context| Poll::Ready(signal.as_mut().poll(context).is_ready())));
            if refused {
                return;
            }
            let sender = self.sender.clone();
            runtime.spawn(async move {
                while signal.await.is_ok() {
                    if sender.receiver_count() == 0 {
                        std::process::exit(ENDED);
                    }
                    sender.send_replace(());
                    signal = Box::pin(tokio::signal::ctrl_c());
                }
            });
        });
        listener
    }
}

impl Listener {
    /// Waits for the next Ctrl+C.
    pub(super) async fn interrupted(&mut self) {
        if self.0.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}
