//! What is saved comes back, and what others wrote survives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use cil_common::{contents, inventory, saved};
use makeeper::cil;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn everything_saved_is_loaded_again(inventory in inventory()) {
        let bytes = saved(&inventory);
        let loaded = cil::read(&bytes).unwrap();
        prop_assert_eq!(&loaded.warnings, &vec![]);
        let (header, computers, products, keys) = contents(&inventory);
        let (header2, computers2, products2, keys2) = contents(&loaded.inventory);
        prop_assert_eq!(header, header2);
        prop_assert_eq!(computers, computers2);
        prop_assert_eq!(products, products2);
        prop_assert_eq!(keys, keys2);
        prop_assert_eq!(saved(&loaded.inventory), bytes);
    }

    #[test]
    fn damaged_lists_never_panic_and_what_is_read_of_them_is_stable(
        inventory in inventory(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..12, any::<prop::sample::Index>()), 1..6),
    ) {
        const PIECES: [&[u8]; 12] = [
            b"<", b">", b"&", b"\"", b"/", b"x", b"<Sku>", b"</Product>", b"<![CDATA[", b"<!--", b"\xFF", b" xmlns:mk=\"urn:y\"",
        ];
        let mut bytes = saved(&inventory);
        for (at, what, len) in damage {
            let at = at.index(bytes.len());
            let to = (at + len.index(40)).min(bytes.len());
            bytes.splice(at..to, PIECES[what].iter().copied());
        }
        if let Ok(loaded) = cil::read(&bytes) {
            let first = saved(&loaded.inventory);
            let again = cil::read(&first);
            prop_assert!(again.is_ok(), "{:?} in {}", again, String::from_utf8_lossy(&first));
            let second = saved(&again.unwrap().inventory);
            prop_assert_eq!(String::from_utf8(second).unwrap(), String::from_utf8(first).unwrap());
        }
    }
}

/// More than usual when asked for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(512, |n| n.parse().unwrap())
}
