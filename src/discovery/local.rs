//! The networks that this computer is connected to, to be offered as what to search.

use std::io;
use std::net::Ipv4Addr;

/// Larger networks are not offered: a /20 has 4,094 addresses.
const LARGEST: u8 = 20;

/// The IPv4 networks of this computer's interfaces as people write them (`10.0.4.0/24`), each once, without loopback and
/// without those that are too large to be searched at a venture.
pub fn local_networks() -> io::Result<Vec<String>> {
    let mut networks = Vec::new();
    for interface in if_addrs::get_if_addrs()?
        .iter()
        .filter(|i| !i.is_loopback() && !i.is_p2p())
    {
        let if_addrs::IfAddr::V4(address) = &interface.addr else {
            continue;
        };
        let network = network_of(address.ip, address.prefixlen);
        networks.extend(network.filter(|n| !networks.contains(n)));
    }
    Ok(networks)
}

fn network_of(address: Ipv4Addr, prefix: u8) -> Option<String> {
    if !(LARGEST..=30).contains(&prefix) || address.is_loopback() {
        return None;
    }
    let mask = u32::MAX << (32 - u32::from(prefix));
    Some(format!("{}/{prefix}", Ipv4Addr::from(u32::from(address) & mask)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_as_it_can_be_searched() {
        let network = |text: &str, prefix| network_of(text.parse().unwrap(), prefix);
        assert_eq!(network("10.0.7.77", 22).as_deref(), Some("10.0.4.0/22"));
        assert_eq!(network("192.168.1.9", 30).as_deref(), Some("192.168.1.8/30"));
        for (text, prefix) in [("10.0.7.77", 8), ("10.0.7.77", 32), ("127.0.0.1", 24)] {
            assert_eq!(network(text, prefix), None, "{text}/{prefix}");
        }
        for network in local_networks().unwrap() {
            let parsed = crate::discovery::parse_names(&network);
            assert!(parsed.problems.is_empty() && !parsed.names.is_empty(), "{network}");
        }
    }
}
