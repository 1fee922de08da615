//! What is saved comes back, and what others wrote survives.

mod cil_common;

use cil_common::{contents, inventory, saved};
use makeeper::cil;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

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
}
