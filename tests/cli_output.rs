//! What the program writes where: nothing that a terminal obeys, prices key by key, and errors that name the thing and the
//! way out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;
mod cli_support;

use std::path::Path;
use std::process::Output;

use cil_common::{at, cid, guid, iid, key, saved};
use cli_support::{code, command, err, json_lines, out, run, words};
use makeeper::model::*;

fn makeeper(folder: &Path, arguments: &str) -> Output {
    run(folder, &words(arguments), "")
}

/// A list in which every text tries to rule the terminal: as far as XML can say such characters at all.
fn hostile(seconds: i64) -> Inventory {
    let evil = |text: &str| Text::from(format!("{text}\u{9b}2J\u{85}\u{7f}\u{90}x\u{9c}"));
    let mut computer = Computer::named(&evil("pc1"));
    computer.remarks = format!("{}\nsecond line\tof it", evil("remark")).into();
    let mut product = Product::new(ProductId(guid(1)), Some(computer.id), ApplicationId::WINDOWS);
    product.name = evil("Windows 11");
    product.description = evil("text");
    product.key_type = KeyType::Mak;
    product.status_updated = Some(at(seconds));
    product.installation_id = Some(iid(seconds.unsigned_abs()));
    product.last_action = Some(Action {
        at: Some(at(seconds)),
        what: evil("Activated"),
        failure: Some(Box::new(Failure {
            class: FailureClass::Licensing,
            message: evil("it said").to_string(),
            code: None,
        })),
    });
    let mut entry = KeyEntry::of(key(1), KeyType::Mak);
    entry.description = evil("head office");
    let mut list = Inventory::from_records(ListHeader::default(), [computer], [product], [entry]);
    if seconds > 10 {
        list.apply(&Change::Confirmed {
            product: ProductId(guid(1)),
            installation_id: iid(seconds.unsigned_abs()),
            confirmation_id: cid(1),
            at: at(seconds),
        })
        .unwrap();
    }
    list
}

#[test]
fn nothing_of_a_hostile_list_rules_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("l.cilx"), saved(&hostile(10))).unwrap();
    std::fs::write(folder.join("other.cilx"), saved(&hostile(20))).unwrap();
    let columns = "computer,product,last-action,remarks";
    for arguments in [
        format!("list l.cilx --columns {columns}"),
        format!("list l.cilx --json --columns {columns}"),
        format!("list l.cilx --csv --columns {columns}"),
        "keys list l.cilx".to_owned(),
        "keys list l.cilx --json".to_owned(),
        "merge l.cilx other.cilx --dry-run".to_owned(),
        "merge l.cilx other.cilx --dry-run --json".to_owned(),
        "acquire-cid l.cilx --price".to_owned(),
        "import l.cilx other.cilx".to_owned(),
        "merge l.cilx other.cilx --join".to_owned(),
        format!("export l.cilx t.csv --columns {columns}"),
        // A row that fails.
        "update l.cilx --user x --password-env LAB_PASSWORD --connect-timeout 1".to_owned(),
        "update l.cilx --user x --password-env LAB_PASSWORD --connect-timeout 1 --json".to_owned(),
        "discover l.cilx --names a\u{9b}2Jb".to_owned(),
        "list l\u{9b}2J.cilx".to_owned(),
    ] {
        let output = makeeper(folder, &arguments);
        let csv = arguments.contains("--csv");
        for text in [out(&output), err(&output)] {
            let harmful = text
                .chars()
                .find(|c| c.is_control() && *c != '\n' && !(csv && *c == '\r'));
            assert_eq!(harmful, None, "{arguments}: {text:?}");
            assert!(!text.contains("panicked"), "{text}");
        }
    }
    let table = std::fs::read_to_string(folder.join("t.csv")).unwrap();
    assert!(
        !table.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n')),
        "{table:?}"
    );
    assert_eq!(table.lines().count(), 2, "{table:?}");
}

#[test]
fn the_price_is_a_row_for_each_key_and_only_maks_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let computers: Vec<Computer> = (0..5).map(|n| Computer::named(&format!("pc{n}"))).collect();
    let products = computers.iter().enumerate().map(|(n, computer)| {
        let mut product = Product::new(ProductId(guid(n as u64)), Some(computer.id), ApplicationId::WINDOWS);
        product.key_type = [
            KeyType::Mak,
            KeyType::Mak,
            KeyType::Mak,
            KeyType::Retail,
            KeyType::Csvlk,
        ][n];
        // The retail key and the KMS host key end as the MAK does.
        product.partial_product_key = Some(key(1).last_five());
        product.license_status = LicenseStatus::InOobGrace;
        product.installation_id = Some(iid(n as u64));
        product
    });
    let mut entry = KeyEntry::of(key(1), KeyType::Mak);
    entry.remaining = Some(RemainingCount {
        left: Some(2),
        at: Some(chrono::Utc::now()),
    });
    let list = Inventory::from_records(ListHeader::default(), computers.clone(), products, [entry]);
    std::fs::write(folder.join("l.cilx"), saved(&list)).unwrap();
    let told = out(&makeeper(folder, "activate l.cilx --price"));
    let row = |kind: &str| {
        let row = told.lines().find(|l| l.contains(kind) && l.starts_with('…'));
        row.unwrap_or_else(|| panic!("no row for {kind}: {told}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let five = key(1).last_five().to_string();
    let mak = row(KeyType::Mak.label());
    assert!(
        mak[0].ends_with(&five) && mak.contains(&"3".to_owned()) && mak.last().unwrap() == "1",
        "{mak:?}"
    );
    assert!(
        row(KeyType::Retail.label()).join(" ").ends_with("1 not counted"),
        "{told}"
    );
    assert!(
        told.contains("5 products, 1 MAK, up to 3 activations; 2 left on"),
        "{told}"
    );
    let json = json_lines(&makeeper(folder, "activate l.cilx --price --json"))
        .pop()
        .unwrap();
    assert_eq!(
        (&json["will_fail"], json["keys"].as_array().unwrap().len()),
        (&1.into(), 3)
    );
    let counted = json["keys"].as_array().unwrap().iter().filter(|k| k["counted"] == true);
    assert_eq!(counted.count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(code(&makeeper(folder, "new l.cilx")), 0);
    for arguments in [
        "new missing/l.cilx",
        "discover missing/l.cilx --names pc1",
        "export l.cilx missing/o.cilx",
        "export l.cilx missing/o.csv",
        "lab serve --list-file missing/lab.csv",
    ] {
        let output = makeeper(folder, arguments);
        assert_eq!(code(&output), 2, "{arguments}: {}", out(&output));
        let told = err(&output);
        assert!(
            told.contains("there is no folder") && told.contains("missing") && told.contains("make the folder first"),
            "{arguments}: {told}"
        );
    }
    assert!(!folder.join("missing").exists());
}

#[cfg(unix)]
#[test]
fn a_device_or_a_pipe_is_no_list() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.join("pipe.cilx"))
        .status();
    assert!(made.unwrap().success());
    for list in ["/dev/zero", "/dev/full", "pipe.cilx", "."] {
        for verb in ["list", "acquire-cid"] {
            let output = makeeper(folder, &format!("{verb} {list}"));
            assert_eq!(code(&output), 2, "{verb} {list}");
            assert!(
                err(&output).contains("is not a regular file"),
                "{verb} {list}: {}",
                err(&output)
            );
        }
    }
    let output = makeeper(folder, "new /dev/full");
    assert!(
        code(&output) == 2 && err(&output).contains("exists already"),
        "{}",
        err(&output)
    );
}

#[cfg(unix)]
#[test]
fn the_proxy_of_the_system_is_named_where_it_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("l.cilx"), saved(&cil_common::waiting(1))).unwrap();
    let refresh = "acquire-cid l.cilx --service https://activation.invalid/service --json";
    let asked = |name: &str, proxy: &str| {
        let mut command = command(folder);
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let output = command.args(words(refresh)).env(name, proxy).output().unwrap();
        json_lines(&output)[0]["text"].as_str().unwrap().to_owned()
    };
    // Nothing listens on port 1.
    let told = asked("https_proxy", "http://somebody:hidden@127.0.0.1:1");
    assert!(told.contains("through the proxy http://127.0.0.1:1"), "{told}");
    assert!(!told.contains("hidden") && !told.contains("somebody"), "{told}");
    let told = asked("no_proxy", "*");
    assert!(!told.contains("proxy"), "{told}");
}
