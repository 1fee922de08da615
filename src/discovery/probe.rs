//! Which addresses answer: a bare TCP connect to the WinRM ports, many at once, nothing sent.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::knock::{knock, resolve};

/// WS-Management over HTTP and over HTTPS.
pub const WINRM_PORTS: &[u16] = &[5985, 5986];

/// One address to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Name or address.
    pub host: String,
    /// Ports, in the order of preference.
    pub ports: Vec<u16>,
}

/// How to probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// How long an address may take to accept.
    pub timeout: Duration,
    /// Addresses tried at once.
    pub concurrency: usize,
    /// Stops everything.
    pub cancel: CancellationToken,
}

impl Probe {
    /// Tries every target and tells `answered(index, port)` as each one ends; `port` is the first port that accepted, `None`
    /// when none did. After a cancel nothing more is told.
    pub async fn run(&self, targets: &[ProbeTarget], mut answered: impl FnMut(usize, Option<u16>)) {
        let mut waiting = targets.iter().enumerate();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.concurrency.max(1) {
                let Some((index, target)) = waiting.next() else { break };
                running.push(async move { (index, self.first_port(target).await) });
            }
            let ended = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                ended = running.next() => ended,
            };
            let Some((index, port)) = ended else { return };
            answered(index, port);
        }
    }

    async fn first_port(&self, target: &ProbeTarget) -> Option<u16> {
        let addresses = resolve(&target.host, self.timeout).await.ok()?;
        let sight = knock(&addresses, &target.ports, false, self.timeout).await;
        sight.open.first().map(|(port, _)| *port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> Probe {
        Probe {
            timeout: Duration::from_secs(5),
            concurrency: 4,
            cancel: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn only_addresses_that_accept_answer() {
        let listener = tokio::net::TcpListener::bind("127.77.9.2:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let targets: Vec<ProbeTarget> = (1..=3)
            .map(|n| ProbeTarget {
                host: format!("127.77.9.{n}"),
                ports: vec![port],
            })
            .collect();
        let mut found = Vec::new();
        probe().run(&targets, |index, port| found.push((index, port))).await;
        found.sort_unstable();
        assert_eq!(found, [(0, None), (1, Some(port)), (2, None)]);
    }

    #[tokio::test]
    async fn a_cancelled_probe_tells_nothing() {
        let probe = probe();
        probe.cancel.cancel();
        let target = ProbeTarget {
            host: "192.0.2.1".into(),
            ports: vec![5985],
        };
        probe.run(&[target], |_, _| panic!("told after a cancel")).await;
    }
}
