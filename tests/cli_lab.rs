//! `makeeper lab serve` and `demo` with things going wrong as dialled, and what the other verbs make of such an estate: two
//! processes that know each other by sockets only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod cil_common;
mod cli_support;

use std::path::Path;
use std::process::Output;

use cil_common::{saved, waiting};
use cli_support::{Served, code, command, err, json_lines, out, run, words};
use makeeper::lab::keys;

/// As an account of the computer itself, which User Account Control may filter.
const SIGNED_IN: &str = "--user .\\admin --password-env LAB_PASSWORD";

fn makeeper(folder: &Path, arguments: &str) -> Output {
    run(folder, &words(arguments), "")
}

/// The first computers of the lab in `l.cilx`, whether they answer or not.
fn discover(folder: &Path, lab: &Served, count: usize) {
    let names: Vec<String> = (0..count)
        .map(|n| {
            let name = lab.told["computers"][n]["name"].as_str().unwrap();
            let (address, port) = lab
                .computer(n)
                .split_once(':')
                .map(|(a, p)| (a.to_owned(), p.to_owned()))
                .unwrap();
            format!("{name},{address},{port}")
        })
        .collect();
    let table = format!("name,address,port\n{}\n", names.join("\n"));
    std::fs::write(folder.join("computers.csv"), table).unwrap();
    let discovered = makeeper(folder, "discover l.cilx --from computers.csv");
    assert_eq!(code(&discovered), 0, "{}", err(&discovered));
}

#[test]
fn every_fault_that_was_dialled_is_told_with_its_cause_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = Served::start(
        folder,
        "--fault LAB-PC-001=refuse --fault lab-pc-002=wrong-password --fault LAB-PC-003=uac --fault LAB-PC-004=http500 \
         --fault LAB-PC-005=garbage --fault LAB-PC-006=refuse --fault LAB-PC-007=slow:20 --latency 5",
    );
    discover(folder, &lab, 8);
    let update = format!("update l.cilx {SIGNED_IN}");
    let rows = json_lines(&makeeper(folder, &format!("{update} --json")));
    let class = |n: usize| {
        let name = format!("LAB-PC-00{n}");
        let row = rows
            .iter()
            .find(|r| r["name"].as_str().is_some_and(|found| found.starts_with(&name)));
        row.unwrap()["class"].as_str().unwrap_or("none").to_owned()
    };
    let classes: Vec<String> = (1..=8).map(class).collect();
    assert_eq!(
        classes,
        [
            "refused",
            "credentials",
            "uac",
            "protocol",
            "protocol",
            "refused",
            "none",
            "none"
        ]
    );
    for row in rows.iter().filter(|r| r["state"] == "failed") {
        for told in ["cause", "remedy"] {
            assert!(row[told].as_str().is_some_and(|t| t.len() > 20), "{row}");
        }
    }
    let told = out(&makeeper(folder, &update));
    // Two computers refuse: one reason, told once for both.
    assert_eq!(told.matches("Connection refused (").count(), 1, "{told}");
    let reason = told.lines().find(|l| l.starts_with("Connection refused (")).unwrap();
    assert!(reason.contains("LAB-PC-001, LAB-PC-006"), "{reason}");
    assert!(told.contains("LocalAccountTokenFilterPolicy"), "{told}");
    assert_eq!(told.matches("  Remedy: ").count(), 4, "{told}");
    assert!(
        told.trim_end()
            .lines()
            .last()
            .is_some_and(|l| l.contains("2 succeeded, 6 failed")),
        "{told}"
    );
}

#[test]
fn a_fault_of_the_service_reaches_those_who_ask_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = Served::start(folder, "--service-fault html");
    std::fs::write(folder.join("l.cilx"), saved(&waiting(1))).unwrap();
    let service = lab.told["service"].as_str().unwrap();
    let acquired = makeeper(
        folder,
        &format!("acquire-cid l.cilx --service {service} --proxy direct --json"),
    );
    let row = &json_lines(&acquired)[0];
    assert_eq!((code(&acquired), &row["class"]), (2, &"service".into()), "{row}");
    assert!(row["text"].as_str().is_some_and(|t| t.contains("web page")), "{row}");
}

#[test]
fn faults_that_mean_nothing_are_refused_with_the_possible_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [
        ("lab serve --fault LAB-PC-001", "NAME=FAULT"),
        ("lab serve --fault LAB-PC-001=broken", "silent, refuse, hang"),
        ("lab serve --fault LAB-PC-001=slow:soon", "slow:MILLISECONDS"),
        (
            "lab serve --port 0 --service-port 0 --estate isolated-lab --fault NOBODY=refuse",
            "no computer called NOBODY",
        ),
        ("demo --terminal --fault NOBODY=refuse", "no computer called NOBODY"),
        ("demo --terminal --service-fault broken", "delay:MILLISECONDS"),
    ] {
        let output = makeeper(folder.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments}: {}", err(&output));
        assert!(err(&output).contains(wanted), "{arguments}: {}", err(&output));
    }
    let help = out(&makeeper(folder.path(), "lab serve --help"));
    for word in [
        "silent",
        "refuse",
        "hang",
        "garbage",
        "close",
        "slow:MS",
        "wrong-password",
        "uac",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn the_demonstration_goes_on_without_a_computer_that_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let demo = makeeper(folder.path(), "demo --terminal --fault LAB-PC-003=refuse");
    assert_eq!(code(&demo), 1, "{}", err(&demo));
    assert!(out(&demo).contains("39 of 40 computers are licensed"), "{}", out(&demo));
}

#[test]
fn a_key_out_of_a_sealed_list_is_installed_on_a_computer() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = Served::start(folder, "");
    discover(folder, &lab, 2);
    let update = makeeper(folder, &format!("update l.cilx {SIGNED_IN}"));
    assert_eq!(code(&update), 0, "{}", out(&update));
    let key = &keys::WINDOWS_CLIENT_MAK;
    assert_eq!(
        code(&run(folder, &words("keys add l.cilx"), &format!("{},mak\n", key.text))),
        0
    );
    let sealed = |arguments: &str, passphrase: &str| {
        let run = command(folder)
            .args(words(arguments))
            .env("MK_PASSPHRASE", passphrase)
            .output();
        run.unwrap()
    };
    let seal = sealed(
        "keys seal l.cilx --remove-copies --passphrase-env MK_PASSPHRASE",
        "correct horse",
    );
    assert_eq!(code(&seal), 0, "{}", err(&seal));
    let install = format!(
        "install-key l.cilx --key {} --select app:windows {SIGNED_IN} --passphrase-env MK_PASSPHRASE",
        key.last_five()
    );
    let wrong = sealed(&install, "wrong");
    assert_eq!(code(&wrong), 2, "{}", out(&wrong));
    assert!(err(&wrong).contains("not the passphrase"), "{}", err(&wrong));
    let right = sealed(&install, "correct horse");
    assert_eq!(code(&right), 0, "{}{}", out(&right), err(&right));
    let rows = json_lines(&makeeper(
        folder,
        "list l.cilx --json --columns computer,key --select app:windows",
    ));
    let carried = rows
        .iter()
        .filter(|r| r["key"].as_str().is_some_and(|k| k.ends_with(key.last_five())));
    assert_eq!(carried.count(), 2, "{rows:?}");
    // Unsealed on the way to the computer only.
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!text.contains(key.text), "{}", entry.path().display());
    }
}

#[test]
fn a_list_file_with_a_new_address_for_a_known_computer_is_told_and_taken_over_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = Served::start(folder, "");
    let (address, port) = lab
        .computer(6)
        .split_once(':')
        .map(|(a, p)| (a.to_owned(), p.to_owned()))
        .unwrap();
    let file = |address: &str, port: &str| {
        let table = format!("name,address,port\nLAB-PC-007,{address},{port}\n");
        std::fs::write(folder.join("computers.csv"), table).unwrap();
    };
    // Nothing listens on port 1.
    file("127.0.0.1", "1");
    assert_eq!(code(&makeeper(folder, "discover l.cilx --from computers.csv")), 0);
    let update = format!("update l.cilx {SIGNED_IN} --connect-timeout 2");
    assert_eq!(code(&makeeper(folder, &update)), 2);
    file(&address, &port);
    let told = makeeper(folder, "discover l.cilx --from computers.csv");
    assert_eq!(code(&told), 0);
    assert!(
        err(&told).contains(&format!(
            "LAB-PC-007 is reached at {address}, port {port}, in the list at 127.0.0.1, port 1"
        )) && out(&told).contains("--readdress"),
        "{}{}",
        err(&told),
        out(&told)
    );
    assert_eq!(code(&makeeper(folder, &update)), 2, "nothing was changed");
    let taken = makeeper(folder, "discover l.cilx --from computers.csv --readdress --json");
    let summary = json_lines(&taken).pop().unwrap();
    assert_eq!((&summary["elsewhere"], &summary["readdressed"]), (&0.into(), &1.into()));
    let updated = makeeper(folder, &update);
    assert_eq!(code(&updated), 0, "{}", out(&updated));
}
