//! A list where the file system refuses what FAT refuses: second names, permissions, forcing a folder to the disk. For machines
//! whose kernel has no FAT; real sticks are in `cil_media.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod cil_common;
mod cli_support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cil_common::{saved, waiting};
use cli_support::{code, command, err, out, words};

/// The library that refuses, built beside the lists.
fn library(folder: &Path) -> std::path::PathBuf {
    let library = folder.join("fat.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fat.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

#[test]
fn a_list_is_made_worked_on_saved_and_kept_without_what_fat_lacks() {
    let tools = tempfile::tempdir().unwrap();
    let library = library(tools.path());
    let refusals = tools.path().join("refusals");
    let stick = tempfile::tempdir().unwrap();
    let stick = stick.path();
    let on_fat = |arguments: &str| -> Output {
        let mut command = command(stick);
        command.env("LD_PRELOAD", &library).env("FAT_REFUSALS", &refusals);
        command.args(words(arguments)).output().unwrap()
    };
    let done = |arguments: &str| {
        let output = on_fat(arguments);
        assert_eq!(code(&output), 0, "{arguments}: {}{}", out(&output), err(&output));
        out(&output)
    };
    done("new l.cilx");
    for n in 1..=5 {
        done(&format!("discover l.cilx --no-probe --names pc{n}"));
    }
    fs::write(stick.join("other.cilx"), saved(&waiting(3))).unwrap();
    done("import l.cilx other.cilx");
    done("merge l.cilx other.cilx");
    done("export l.cilx out.cilx --profile proxy");
    done("export l.cilx out.csv");
    assert!(done("list l.cilx --csv").contains("pc5"));
    // The generations before are whole lists of their own.
    let computers = |name: &str| {
        done(&format!("list {name} --csv --columns computer"))
            .matches("pc")
            .count()
    };
    assert_eq!([computers("l.cilx"), computers("l.cilx.bak.3")], [5, 4]);
    assert!(!stick.join("l.cilx.bak.4").exists() && !stick.join("l.cilx.saving").exists());
    let refused: BTreeSet<String> = fs::read_to_string(&refusals)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let expected = ["chmod", "fsync of a folder", "link"].map(str::to_owned);
    assert!(expected.iter().all(|what| refused.contains(what)), "{refused:?}");
}

#[test]
fn a_list_that_is_too_large_for_its_medium_is_told_so_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("l.cilx"), saved(&waiting(1))).unwrap();
    fs::write(folder.join("other.cilx"), saved(&waiting(100))).unwrap();
    let before = fs::read(folder.join("l.cilx")).unwrap();
    // No file larger than 16 KiB, answered as FAT answers for 4 GiB: by an error.
    let script = format!(
        "trap '' XFSZ; ulimit -f 16; exec {} import l.cilx other.cilx",
        env!("CARGO_BIN_EXE_makeeper")
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .output()
        .unwrap();
    assert_eq!(code(&output), 2, "{}", out(&output));
    assert!(
        err(&output).contains("larger than its file system takes"),
        "{}",
        err(&output)
    );
    assert_eq!(fs::read(folder.join("l.cilx")).unwrap(), before);
    assert!(!folder.join("l.cilx.saving").exists(), "half a list takes room");
}
