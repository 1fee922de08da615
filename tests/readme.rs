//! The README is true: its commands run as they stand, against a lab, and every option it names exists.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod cli_support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cli_support::{err, json_lines, out, run, words};
use makeeper::lab::{Account, Lab, LabConfig, keys};

const README: &str = include_str!("../README.md");
const KEY: &keys::LabKey = &keys::WINDOWS_CLIENT_MAK;

/// The shell commands of the README that call the program, in their order: those of its blocks, then those of its table of
/// the three stations.
fn commands() -> (Vec<String>, Vec<String>) {
    let blocks = README
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let lines = blocks
        .flat_map(str::lines)
        .map(|line| line.split("   #").next().unwrap().trim().to_owned());
    let called = lines
        .filter(|l| l.starts_with("makeeper ") || l.starts_with("read "))
        .collect();
    let rows = README
        .lines()
        .filter(|l| l.starts_with("| ") && l.contains("`makeeper "));
    let stations = rows.flat_map(|row| {
        row.split('`')
            .filter(|part| part.starts_with("makeeper "))
            .map(str::to_owned)
    });
    (called, stations.collect())
}

/// A `makeeper` that signs in and finds the service where the README leaves that to the reader.
const WRAPPER: &str = r#"#!/bin/bash
more=()
case "$1 $*" in
  *--user*|*--price*) ;;
  update*|install-key*|activate*|apply-cid*) more+=(--user 'LAB\admin' --password-env ADMIN_PW --connect-timeout 1) ;;
esac
case "$1 $*" in
  acquire-cid*|activate*|keys*--refresh*) more+=(--service "$SERVICE" --proxy direct) ;;
  keys*seal*) more+=(--passphrase-env PASSPHRASE) ;;
esac
exec "$PROGRAM" "$@" "${more[@]}"
"#;

struct Reader<'l> {
    folder: &'l Path,
    lab: &'l Lab,
}

impl Reader<'_> {
    /// Runs one line of the README. What stands there for something of the reader's own is put in.
    fn runs(&self, line: &str) -> Output {
        let address = |name: &str| self.lab.address_of(name).unwrap().to_string();
        // The first of them carries the MAK already.
        let names = format!("{}, {}", address("CON-PC-011"), address("CON-PC-020"));
        let line = line
            .replace("PC-001, PC-002, 10.0.0.0/24", &names)
            .replace(r"CONTOSO\admin", r"LAB\admin")
            .replace("X4X4X", KEY.last_five());
        let path = format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-c", &line]).current_dir(self.folder).env("PATH", path);
        command
            .env("PROGRAM", env!("CARGO_BIN_EXE_makeeper"))
            .env("SERVICE", self.lab.service_url());
        command
            .env("ADMIN_PW", Account::admin().password)
            .env("PASSPHRASE", "correct horse");
        command.stdin(Stdio::null()).output().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_runs() {
    let lab = Lab::start(LabConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wrapper = folder.join("makeeper");
    fs::write(&wrapper, WRAPPER).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    // What the reader has: keys, older lists, a colleague's list, the list of the isolated lab.
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    fs::write(folder.join("maks.txt"), format!("{},mak\n", KEY.text)).unwrap();
    fs::copy(samples.join("vamt-2.0.cil"), folder.join("old.cil")).unwrap();
    fs::copy(samples.join("isolated-lab.cilx"), folder.join("branch.cilx")).unwrap();
    let reader = Reader { folder, lab: &lab };
    let isolated = lab.computers().iter().filter(|c| c.name.starts_with("LAB-")).take(4);
    let isolated: Vec<String> = isolated.map(|c| c.address.to_string()).collect();
    let made = format!(
        "makeeper discover lab.cilx --names '{}' && makeeper keys add lab.cilx < maks.txt",
        isolated.join(",")
    );
    assert!(reader.runs(&made).status.success());

    let (called, stations) = commands();
    assert!(called.len() > 15 && stations.len() == 6, "{called:?} {stations:?}");
    for line in called.iter().chain(&stations) {
        if line.starts_with("makeeper lab serve") || line.contains("try.cilx") {
            // It runs until it is stopped; `tests/cli_usage.rs` does that.
            continue;
        }
        // A directory, a name server and a network of one's own are not here; `tests/cli_discover.rs` asks for them in vain.
        if ["--ad", "--netbios", "makeeper dns"]
            .iter()
            .any(|asks| line.contains(asks))
        {
            continue;
        }
        // Lists of others bring computers and keys that nothing here knows.
        let brings_others = line.contains("old.cil") || line.contains("branch.cilx");
        let before = brings_others.then(|| fs::read(folder.join("contoso.cilx")).unwrap());
        let output = reader.runs(line);
        if let Some(before) = before {
            fs::write(folder.join("contoso.cilx"), before).unwrap();
        }
        let (code, told) = (output.status.code().unwrap(), err(&output));
        // An older list may hold two computers of one name, which is told with 1.
        let most = i32::from(brings_others);
        assert!(code <= most, "{line}: {code}: {}{told}", out(&output));
        assert!(!told.contains("Usage:") && !told.contains("panicked"), "{line}: {told}");
    }
    // The journey across the air gap ends where the README says it does.
    let listed = run(
        folder,
        &words("list lab.cilx --json --columns computer,status --select app:windows"),
        "",
    );
    let rows = json_lines(&listed);
    let licensed = rows.iter().filter(|row| row["status"] == "Licensed").count();
    assert_eq!(licensed, isolated.len(), "{rows:?}");
    let stick = fs::read_to_string(folder.join("stick.cilx")).unwrap();
    assert!(!stick.contains("LAB-PC-") && !stick.contains(KEY.text));
}

#[test]
fn every_option_that_the_readme_names_exists() {
    let folder = tempfile::tempdir().unwrap();
    let help = |verb: &str| out(&run(folder.path(), &words(&format!("{verb} --help")), ""));
    let verbs = help("");
    let verbs = verbs.lines().skip_while(|l| !l.starts_with("Commands:")).skip(1);
    let verbs: Vec<&str> = verbs
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(verbs.len() > 10, "{verbs:?}");
    let deeper = ["keys add", "keys seal", "keys unseal", "keys refresh", "lab serve"];
    let all: String = verbs.iter().copied().chain(deeper).map(help).collect();
    let options = |text: &str| -> BTreeSet<String> {
        let ends = |c: char| !(c.is_ascii_lowercase() || c == '-');
        let words = text.split("--").skip(1).filter_map(|rest| rest.split(ends).next());
        words
            .filter(|word| word.len() > 1 && !word.starts_with('-'))
            .map(str::to_owned)
            .collect()
    };
    let known = options(&all);
    let named: String = README
        .lines()
        .filter(|l| !l.contains("cargo"))
        .collect::<Vec<_>>()
        .join("\n");
    let missing: Vec<String> = options(&named).into_iter().filter(|o| !known.contains(o)).collect();
    assert_eq!(missing, Vec::<String>::new());
    // And every verb.
    for line in commands().0.iter().filter(|l| l.starts_with("makeeper ")) {
        let verb = line.split_whitespace().nth(1).unwrap();
        assert!(verbs.contains(&verb), "{line}");
    }
}
