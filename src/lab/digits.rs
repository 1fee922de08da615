//! Installation IDs, confirmation IDs and extended PIDs of the lab: made up, deterministic, with correct check digits.
//!
//! An installation ID of the lab carries what the lab's service wants to know: its first group is a hash of key group
//! and serial (so an ID that does not belong to the PID is noticed), its second and third group are the hardware (so
//! the same computer is not charged twice), the others a hash of everything. Confirmation IDs are a keyed hash of the
//! installation ID and fit nothing outside the lab.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::model::{ConfirmationId, ExtendedPid, IdentifierError, InstallationId, check_digit};

/// Hardware is a number of at most ten digits.
pub(super) const HARDWARE_LIMIT: u64 = 10_000_000_000;
const CONFIRMATION_SECRET: &[u8] = b"confirmation IDs of the simulated estate, good for nothing else";

/// Key group, serial, build and language make an extended PID in the form Windows prints.
pub(super) fn extended_pid(group: u32, serial: u32, build: u32) -> String {
    let serial = serial % 1_000_000_000;
    let (high, low) = (serial / 1_000_000, serial % 1_000_000);
    format!("03612-{group:05}-{high:03}-{low:06}-03-1033-{build}.0000-0482026")
}

/// The installation ID that hardware number `hardware` shows for the key with this extended PID; 54 digits when `old`
/// (Windows 7, Office 2010 and before), 63 otherwise. `nonce` counts rearms.
pub fn installation_id(
    pid: &ExtendedPid,
    hardware: u64,
    nonce: u32,
    old: bool,
) -> Result<InstallationId, IdentifierError> {
    InstallationId::parse(&installation_digits(
        pid.key_group(),
        pid.serial(),
        hardware,
        nonce,
        old,
    ))
}

pub(super) fn installation_digits(group: u32, serial: u32, hardware: u64, nonce: u32, old: bool) -> String {
    let body = if old { 5 } else { 6 };
    let hardware = format!("{:0width$}", hardware % HARDWARE_LIMIT, width = 2 * body);
    let (first, second) = hardware.split_at(body);
    let mut groups = vec![product_tag(group, serial, body), first.to_owned(), second.to_owned()];
    let seed = Sha256::digest(format!("iid {group} {serial} {hardware} {nonce}"));
    groups.extend(seed.chunks(5).take(6).map(|chunk| digits(chunk, body)));
    with_checks(&groups)
}

/// True if this installation ID can come from a product with this extended PID.
pub(super) fn belongs(iid: &InstallationId, pid: &ExtendedPid) -> bool {
    let body = iid.group_len() - 1;
    iid.digits()
        .starts_with(&product_tag(pid.key_group(), pid.serial(), body))
}

/// The hardware an installation ID names.
pub(super) fn hardware_of(iid: &InstallationId) -> u64 {
    let (len, digits) = (iid.group_len(), iid.digits());
    let text: String = [len..2 * len - 1, 2 * len..3 * len - 1]
        .into_iter()
        .filter_map(|range| digits.get(range))
        .collect();
    text.parse().unwrap_or_default()
}

/// The one confirmation ID that fits an installation ID.
pub(super) fn confirmation_digits(iid: &InstallationId) -> String {
    let seed = match Hmac::<Sha256>::new_from_slice(CONFIRMATION_SECRET) {
        Ok(mac) => mac.chain_update(iid.digits().as_bytes()).finalize().into_bytes(),
        // HMAC takes keys of every length.
        Err(_) => Sha256::digest(iid.digits().as_bytes()),
    };
    let groups: Vec<String> = seed.chunks(4).map(|chunk| digits(chunk, 5)).collect();
    with_checks(&groups)
}

/// The one confirmation ID that fits an installation ID, checked.
pub fn confirmation_id(iid: &InstallationId) -> Result<ConfirmationId, IdentifierError> {
    ConfirmationId::parse(&confirmation_digits(iid))
}

fn product_tag(group: u32, serial: u32, body: usize) -> String {
    let seed = Sha256::digest(format!("product {group} {serial}"));
    digits(seed.get(..8).unwrap_or_default(), body)
}

fn digits(seed: &[u8], count: usize) -> String {
    let number = seed
        .iter()
        .fold(0u64, |n, b| n.wrapping_mul(257).wrapping_add(u64::from(*b)));
    format!("{:0count$}", number % 10u64.pow(count as u32))
}

fn with_checks(groups: &[String]) -> String {
    groups.iter().fold(String::with_capacity(63), |mut out, group| {
        out.push_str(group);
        out.push(char::from(b'0' + check_digit(group.as_bytes())));
        out
    })
}

/// A deterministic source of choices, so that an estate is the same every time (SplitMix64).
pub(super) struct Choices(u64);

impl Choices {
    /// The choices that belong to a name.
    pub fn of(name: &str) -> Self {
        let hash = Sha256::digest(name);
        Self(hash.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)).checked_rem(limit).unwrap_or(0)
    }

    /// One of `items`; `None` when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Five characters that can end a product key.
    pub fn last_five(&mut self) -> String {
        const ALPHABET: &[u8] = b"BCDFGHJKMPQRTVWXY2346789";
        (0..5)
            .filter_map(|_| self.pick(ALPHABET))
            .map(|b| char::from(*b))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_that_is_made_parses_and_tells_its_origin(
            group in 0u32..100_000, serial in 0u32..1_000_000_000, hardware in 0..HARDWARE_LIMIT, nonce: u32, old: bool,
        ) {
            let pid = ExtendedPid::parse(&extended_pid(group, serial, 26100)).unwrap();
            prop_assert_eq!((pid.key_group(), pid.serial()), (group, serial));
            let iid = installation_id(&pid, hardware, nonce, old).unwrap();
            prop_assert_eq!(iid.digits().len(), if old { 54 } else { 63 });
            prop_assert!(belongs(&iid, &pid));
            prop_assert_eq!(hardware_of(&iid), hardware);
            let cid = confirmation_id(&iid).unwrap();
            let other = installation_id(&pid, hardware, nonce.wrapping_add(1), old).unwrap();
            prop_assert_ne!(cid, confirmation_id(&other).unwrap());
        }
    }
}
