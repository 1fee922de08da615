//! How many computers are asked at once: a number for all, and one for each subnet.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::open::lock;

/// A computer that is not done after so long is waited for rather than worked with: its slot is lent to the next one.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(5);
/// So many times as many computers as are asked at once may be waited for besides.
const WAITED_FOR: usize = 3;

/// The subnet of an address: /24 for IPv4, /64 for IPv6.
fn subnet(address: IpAddr) -> [u8; 8] {
    let mut net = [0; 8];
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            net = [0, 0, 0, 0, 4, a, b, c];
        }
        IpAddr::V6(v6) => {
            for (to, from) in net.iter_mut().zip(v6.octets()) {
                *to = from;
            }
        }
    }
    net
}

/// The slots of a run.
#[derive(Debug)]
pub(super) struct Slots {
    work: Arc<Semaphore>,
    wait: Arc<Semaphore>,
    per_subnet: Option<usize>,
    subnets: Mutex<HashMap<[u8; 8], Arc<Semaphore>>>,
}

/// Leave to ask one computer.
pub(super) struct Slot {
    work: Option<OwnedSemaphorePermit>,
    wait: Option<OwnedSemaphorePermit>,
    _subnet: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new(at_once: usize, per_subnet: Option<usize>) -> Self {
        let at_once = at_once.clamp(1, 1024);
        Self {
            work: Arc::new(Semaphore::new(at_once)),
            wait: Arc::new(Semaphore::new(at_once * WAITED_FOR)),
            per_subnet,
            subnets: Mutex::default(),
        }
    }

    /// Waits for leave to ask the computer at this address.
    pub(super) async fn take(&self, address: Option<IpAddr>) -> Slot {
        // That of the subnet first: who waits for it must not keep the others from working.
        let subnet = match (address, self.per_subnet) {
            (Some(address), Some(most)) => {
                let of_subnet = {
                    let mut subnets = lock(&self.subnets);
                    let new = || Arc::new(Semaphore::new(most.max(1)));
                    Arc::clone(subnets.entry(subnet(address)).or_insert_with(new))
                };
                of_subnet.acquire_owned().await.ok()
            }
            _ => None,
        };
        Slot {
            work: Arc::clone(&self.work).acquire_owned().await.ok(),
            wait: None,
            _subnet: subnet,
        }
    }

    /// The computer of this slot is slow: another may be worked with meanwhile, unless too many are waited for already.
    pub(super) fn lend(&self, slot: &mut Slot) {
        if let Ok(wait) = Arc::clone(&self.wait).try_acquire_owned() {
            slot.wait = Some(wait);
            slot.work = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as `take` wants it")]
    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test]
    async fn a_subnet_has_a_limit_of_its_own_that_holds_nobody_else_up() {
        let slots = Slots::new(4, Some(1));
        let _first = slots.take(at("10.0.0.1")).await;
        assert!(slots.take(at("10.0.0.2")).now_or_never().is_none());
        let _other = slots.take(at("10.0.1.1")).now_or_never().unwrap();
        let _v6 = slots.take(at("fe80::1")).now_or_never().unwrap();
        assert!(slots.take(at("fe80::2")).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_slow_computer_lends_its_slot_until_too_many_are_waited_for() {
        let slots = Slots::new(1, None);
        let mut kept = Vec::new();
        for _ in 0..WAITED_FOR {
            let mut slot = slots.take(None).now_or_never().unwrap();
            slots.lend(&mut slot);
            kept.push(slot);
        }
        let mut last = slots.take(None).now_or_never().unwrap();
        slots.lend(&mut last);
        assert!(slots.take(None).now_or_never().is_none());
        drop(last);
        assert!(slots.take(None).now_or_never().is_some());
    }
}
