//! The arrows of `src/lib.rs`: who may know whom.
#![expect(clippy::unwrap_used, reason = "a source file that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// For each part, the parts it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wsman", &["model"]),
    ("wmi", &["model", "wsman"]),
    ("licensing", &["model", "wmi"]),
    ("activation", &["model"]),
    // A directory is signed in to as a computer is: the same tickets, the same sealing, the same trust store.
    ("discovery", &["model", "wmi", "wsman"]),
    ("cil", &["model"]),
    (
        "workspace",
        &["model", "cil", "discovery", "licensing", "activation", "wmi"],
    ),
    ("lab", &["model"]),
    ("desktop", &["model", "workspace", "lab"]),
    ("cli", &["model", "workspace", "lab", "desktop"]),
];

/// The only files that may call what Rust cannot check: each calls into Windows.
const UNSAFE: &[&str] = &[
    "desktop/console.rs",
    "discovery/browse_list/system.rs",
    "wmi/com/services.rs",
    "wmi/com/variant.rs",
    "wsman/security/system_context.rs",
];

/// What a pure part or codec may not touch, with the reason printed when it does.
const PURE_FORBIDS: &[(&str, &str)] = &[
    ("std::fs", "no files"),
    ("std::net::Tcp", "no sockets"),
    ("std::net::Udp", "no sockets"),
    ("tokio", "no async"),
    ("hyper", "no network"),
    ("reqwest", "no network"),
    ("egui", "no user interface"),
    ("std::process", "no processes"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file without comments and without what stands below `#[cfg(test)]`, which may use more.
fn product_code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Parts named as `crate::part` or inside `use crate::{...}`.
fn parts_named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut named = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            named.insert(word(rest));
            continue;
        };
        let (mut depth, mut start) = (1, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if start && !c.is_whitespace() {
                named.insert(word(&group[i..]));
                start = false;
            }
            start |= c == ',' && depth == 1;
        }
    }
    named
}

#[test]
fn groups_of_imports_are_understood() {
    let named = parts_named("use crate::{model::{A, B}, wmi};\nlet x = crate::cil::y();");
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["cil", "model", "wmi"]);
}

#[test]
fn arrows_point_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let parts: BTreeSet<&str> = ALLOWED.iter().map(|(part, _)| *part).collect();
    let mut wrong = Vec::new();
    for (part, allowed) in ALLOWED {
        for file in sources(&src.join(part)) {
            for named in parts_named(&product_code(&file)) {
                let is_part = parts.contains(named.as_str());
                if is_part && named != *part && !allowed.contains(&named.as_str()) {
                    wrong.push(format!(
                        "{} names crate::{named}",
                        file.strip_prefix(&src).unwrap().display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden arrows:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_crate_has_its_place_in_the_map() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                ALLOWED.iter().any(|(part, _)| *part == name),
                "src/{name} has no row in tests/architecture.rs"
            );
        }
    }
}

/// The model, and everything whose path says it is a codec; of `cil`, all but the store.
fn is_pure(file: &str) -> bool {
    file.starts_with("model/")
        || file.contains("codec")
        || (file.starts_with("cil/") && !file.contains("store") && !file.contains("journal") && !file.contains("lock"))
}

#[test]
fn the_model_and_the_codecs_do_no_io() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for file in sources(&src) {
        let name = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        if !is_pure(&name) {
            continue;
        }
        looked_at += 1;
        let code = product_code(&file);
        for (forbidden, why) in PURE_FORBIDS {
            if code.contains(forbidden) {
                wrong.push(format!("{name} uses {forbidden}: {why} here"));
            }
        }
    }
    assert!(
        looked_at > 12,
        "only {looked_at} files were looked at: are the paths right?"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_where_windows_is_called() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // The lint `unsafe_code` is denied for the crate, so whoever wants some must say this.
    let mut found: Vec<String> = sources(&src)
        .iter()
        .filter(|file| fs::read_to_string(file).unwrap().contains("unsafe_code"))
        .map(|file| file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/"))
        .collect();
    found.sort();
    assert_eq!(found, UNSAFE);
}
