//! Hardware addresses that identify a computer, and those that do not.

use std::collections::HashMap;

use crate::model::{Computer, ComputerId};

/// A hardware address as a number; `None` for text that is none.
pub(in crate::model) fn parse(text: &str) -> Option<u64> {
    let (mut value, mut digits) = (0_u64, 0);
    for c in text.chars() {
        if matches!(c, '-' | ':' | '.' | ' ') {
            continue;
        }
        value = value << 4 | u64::from(c.to_digit(16)?);
        digits += 1;
        if digits > 12 {
            return None;
        }
    }
    (digits == 12).then_some(value)
}

/// Prefixes of adapters that many computers share or that are made up: of virtual machines (two hosts give out the same), of
/// VPN clients and of network adapters in docking stations, which go from computer to computer.
const SHARED_PREFIXES: &[(u64, u32)] = &[
    (0x00_15_5D, 24),       // Hyper-V
    (0x00_03_FF, 24),       // Virtual PC
    (0x00_50_56, 24),       // VMware
    (0x00_0C_29, 24),       // VMware
    (0x00_05_69, 24),       // VMware
    (0x00_1C_14, 24),       // VMware
    (0x08_00_27, 24),       // VirtualBox
    (0x00_1C_42, 24),       // Parallels
    (0x00_16_3E, 24),       // Xen
    (0x00_FF, 16),          // TAP-Windows
    (0x00_05_9A_3C, 32),    // Cisco AnyConnect
    (0x00_09_0F_FE, 32),    // Fortinet SSL VPN
    (0x00_09_0F_AA, 32),    // Fortinet virtual adapter
    (0x50_50_54_50_30, 40), // PPTP, "PPTP0"
    (0x20_41_53_59_4E, 40), // asynchronous adapter, " ASYN"
    (0x00_0E_C6, 24),       // ASIX USB adapters
    (0x00_E0_4C, 24),       // Realtek USB adapters, often without an address of their own
];

/// True if two computers with this address are one. False for zero, group addresses, locally administered ones (virtual and
/// loopback adapters, private Wi-Fi addresses) and prefixes known to occur on many computers.
pub(super) fn identifies(mac: u64) -> bool {
    let first = mac >> 40;
    let (group, local) = (first & 1 != 0, first & 2 != 0);
    mac != 0
        && !group
        && !local
        && !SHARED_PREFIXES
            .iter()
            .any(|(prefix, bits)| mac >> (48 - bits) == *prefix)
}

/// The addresses of `computer` that could identify it.
pub(in crate::model) fn of(computer: &Computer) -> impl Iterator<Item = u64> {
    computer
        .mac_addresses
        .iter()
        .filter_map(|m| parse(m))
        .filter(|m| identifies(*m))
}

/// Which computer has which address; `None` where several have it.
pub(in crate::model) fn owners<'c>(computers: impl Iterator<Item = &'c Computer>) -> HashMap<u64, Option<ComputerId>> {
    let mut owners = HashMap::new();
    for computer in computers {
        for mac in of(computer) {
            owners
                .entry(mac)
                .and_modify(|owner| {
                    if *owner != Some(computer.id) {
                        *owner = None;
                    }
                })
                .or_insert(Some(computer.id));
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_however_they_are_separated() {
        let value = Some(0x3C_52_82_01_02_0F);
        for text in [
            "3C-52-82-01-02-0F",
            "3c:52:82:01:02:0f",
            "3C528201020F",
            "3c52.8201.020f",
        ] {
            assert_eq!(parse(text), value, "{text}");
        }
        for text in ["", "3C-52-82-01-02", "3C-52-82-01-02-0F-00", "no address!!"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn virtual_made_up_and_travelling_adapters_identify_nobody() {
        for text in [
            "00-00-00-00-00-00",
            "FF-FF-FF-FF-FF-FF",
            "00-15-5D-01-02-03",
            "00-50-56-01-02-03",
            "00-0C-29-01-02-03",
            "00-05-69-01-02-03",
            "08-00-27-01-02-03",
            "02-00-4C-4F-4F-50",
            "00-FF-12-34-56-78",
            "DA-A1-19-00-00-01",
            "01-00-5E-00-00-01",
        ] {
            assert!(!identifies(parse(text).unwrap()), "{text}");
        }
        assert!(identifies(parse("3C-52-82-01-02-0F").unwrap()));
    }

    #[test]
    fn an_address_that_two_computers_have_belongs_to_neither() {
        let computer = |name: &str, macs: &[&str]| {
            let mut computer = Computer::named(name);
            computer.mac_addresses = macs.iter().map(|m| (*m).into()).collect();
            computer
        };
        let list = [
            computer("a", &["3C-52-82-01-02-0F", "3C-52-82-01-02-0F", "3C-52-82-00-00-01"]),
            computer("b", &["3C-52-82-00-00-01"]),
        ];
        let owners = owners(list.iter());
        assert_eq!(owners.get(&0x3C_52_82_01_02_0F), Some(&Some(list[0].id)));
        assert_eq!(owners.get(&0x3C_52_82_00_00_01), Some(&None));
    }
}
