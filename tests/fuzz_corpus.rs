//! Replays the corpora of the fuzz targets: what once was a finding stays a test.

#![expect(clippy::panic, reason = "a test fails by panicking")]

#[path = "fuzz/properties.rs"]
mod properties;

use std::path::Path;

#[test]
fn every_input_of_the_corpora_keeps_its_property() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, property) in properties::ALL {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            println!("{}", path.display());
            property(&bytes);
            inputs += 1;
        }
        assert!(inputs >= 3, "{name} has {inputs} inputs only");
    }
    let folders = std::fs::read_dir(&corpora).unwrap().count();
    assert_eq!(
        folders,
        properties::ALL.len(),
        "a corpus without a property is never replayed"
    );
}

/// The samples are worth more than any seed, but too large to mutate well.
#[test]
fn the_samples_keep_the_properties_of_lists() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "cil" || e == "cilx") {
            let bytes = std::fs::read(&path).unwrap();
            properties::cilx(&bytes);
            properties::vamt2(&bytes);
            properties::vamt1(&bytes);
        }
    }
}
