//! The command line as scripts see it: exit codes, JSON, secrets, pipes.

#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod cli_support;

#[cfg(unix)]
use std::path::Path;
use std::process::Command;

use cli_support::{Desk, code, command, err, json_lines, out, run, words};
use makeeper::lab::{Account, Fault, keys};

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_all_some_nothing_and_low() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-4");
    assert_eq!(code(&desk.signed_in("update l.cilx")), 0);

    desk.lab.set_fault("LAB-PC-002", Fault::Refuse);
    let some = desk.signed_in("update l.cilx");
    assert_eq!(code(&some), 1);
    assert!(
        out(&some).contains("LAB-PC-002") && out(&some).contains("3 succeeded, 1 failed"),
        "{}",
        out(&some)
    );
    assert_eq!(code(&desk.signed_in("update l.cilx --select computer:LAB-PC-002")), 2);
    desk.lab.set_fault("LAB-PC-002", Fault::None);

    // Nothing to do is success, also where a filter leaves nothing.
    let nothing = desk.signed_in("apply-cid l.cilx");
    assert_eq!((code(&nothing), out(&nothing).contains("Nothing to do")), (0, true));
    for verb in ["update", "install-key --gvlk", "activate", "acquire-cid", "apply-cid"] {
        let none = desk.run(&format!("{verb} l.cilx --select computer:nobody"), "");
        assert_eq!(code(&none), 0, "{verb}: {}", err(&none));
        assert!(out(&none).starts_with("Nothing to do: no "), "{verb}: {}", out(&none));
        let none = desk.run(&format!("{verb} l.cilx --select computer:nobody --json"), "");
        let lines = json_lines(&none);
        assert_eq!((lines.len(), &lines[0]["total"]), (1, &0.into()), "{verb}");
    }
    let export = desk.run("export l.cilx o.cilx --select computer:nobody", "");
    assert_eq!((code(&export), desk.path("o.cilx").exists()), (2, false));
    assert_eq!(code(&desk.signed_in("update missing.cilx")), 2);

    let exhausted = format!("{},mak\n", keys::EXHAUSTED_MAK.text);
    assert_eq!(code(&desk.run("keys add l.cilx", &exhausted)), 0);
    assert_eq!(code(&desk.signed_in("install-key l.cilx --key XH3XH")), 0);
    let plenty = desk.run("keys refresh l.cilx --service {service} --proxy direct", "");
    assert_eq!(code(&plenty), 0, "{}", err(&plenty));
    for refresh in ["keys refresh l.cilx", "keys l.cilx --refresh"] {
        let low = desk.run(
            &format!("{refresh} --service {{service}} --proxy direct --low-water 10"),
            "",
        );
        assert_eq!(code(&low), 3, "{}", err(&low));
        assert!(
            err(&low).contains("XH3XH") && out(&low).contains("3 activations left"),
            "{}",
            out(&low)
        );
    }
    // Four want one, three get one.
    let price = desk.run("acquire-cid l.cilx --price", "");
    assert!(out(&price).contains("3 left on XH3XH: 1 will fail"), "{}", out(&price));
    let acquired = desk.run(
        "acquire-cid l.cilx --service {service} --proxy direct --service-concurrency 1",
        "",
    );
    assert_eq!(code(&acquired), 1, "{}", out(&acquired));
    let again = desk.run("acquire-cid l.cilx --service {service} --proxy direct", "");
    assert_eq!(code(&again), 2, "the one that is left cannot be had: {}", out(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_object_per_row_and_a_summary_last() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-3");
    desk.lab.set_fault("LAB-PC-003", Fault::Refuse);
    let output = desk.signed_in("update l.cilx --json");
    let lines = json_lines(&output);
    assert_eq!(lines.len(), 4);
    let failed = lines.iter().find(|l| l["state"] == "failed").unwrap();
    assert_eq!(failed["class"], "refused");
    let summary = lines.last().unwrap();
    assert_eq!((&summary["succeeded"], &summary["failed"]), (&2.into(), &1.into()));

    let rows = json_lines(&desk.run("list l.cilx --json --columns computer,status", ""));
    assert_eq!((rows.len(), &rows[0]["computer"]), (4, &"127.77.2.3".into()));

    let csv = out(&desk.run("list l.cilx --csv --columns computer,product --sort -computer", ""));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("computer,product"));
    assert!(lines.next().unwrap().starts_with("LAB-PC-002,"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_values_get_one_message_with_the_possible_ones() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1");
    for (arguments, wanted) in [
        (
            "list l.cilx --columns computer,colour",
            "\"colour\" is not a column; columns are computer, network",
        ),
        ("list l.cilx --sort colour", "columns are"),
        (
            "list l.cilx --select colour:red",
            "is not a field of the filter; fields are computer",
        ),
        ("export l.cilx o.cilx --profile all", "full, no-keys, proxy"),
        ("keys add l.cilx --type gold", "mak, csvlk, retail, gvlk"),
        ("lab serve --estate fabrikam", "contoso, isolated-lab"),
        ("activate l.cilx --proxy somewhere", "'system', 'direct', or a URL"),
        (
            "install-key l.cilx --key 2YT43",
            "no product key of the list ends in 2YT43",
        ),
        ("explain 0x123456", "is not in the error catalogue"),
        (
            "discover l.cilx --names 10.0.0.300",
            "line 1: \"10.0.0.300\" is no IPv4 address",
        ),
        ("new l.cilx", "l.cilx"),
        ("update l.cilx --concurrency 0", "1..=1024"),
        (
            "update l.cilx --ca-file nope.pem",
            "the CA file nope.pem cannot be used",
        ),
        ("keys refresh l.cilx --service activation.sls", "begins with http"),
        ("frobnicate", "unrecognized subcommand"),
    ] {
        let output = desk.run(arguments, "");
        assert_eq!(code(&output), 2, "{arguments}: {}", err(&output));
        assert!(err(&output).contains(wanted), "{arguments}: {}", err(&output));
        assert!(!err(&output).contains("panicked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_never_arguments_and_never_come_back() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1");
    let key = keys::WINDOWS_CLIENT_MAK.text;
    for arguments in [
        format!("keys add l.cilx {key}"),
        format!("install-key l.cilx --key {key}"),
        format!("install-key l.cilx --key={}", key.replace('-', "")),
    ] {
        let output = desk.run(&arguments, "");
        assert_eq!(code(&output), 2);
        assert!(
            err(&output).contains("never arguments") && !err(&output).contains(key),
            "{}",
            err(&output)
        );
    }
    let hint = desk.run("update l.cilx --user x --password open-sesame", "");
    assert_eq!(code(&hint), 2);
    assert!(
        err(&hint).contains("--password-env") && !err(&hint).contains("open-sesame"),
        "{}",
        err(&hint)
    );

    let added = desk.run(
        "keys add l.cilx --json",
        &format!("{key}\nNPPR9-FWDCX-D2C8J-H872K-2YT34\n{key}\n"),
    );
    assert_eq!(code(&added), 1, "{}", out(&added));
    let states: Vec<_> = json_lines(&added).iter().map(|l| l["state"].clone()).collect();
    assert_eq!(states[..3], ["added", "refused", "known"]);
    let shown = desk.run("keys list l.cilx", "");
    for output in [added, shown] {
        assert!(!out(&output).contains("FKFKF") && !out(&output).contains("FWDCX"));
        assert!(out(&output).contains("WC2C4"));
    }
    // A wrong password is a row's failure, by its class.
    let mut wrong = command(desk.folder.path());
    wrong.env("LAB_PASSWORD", "not it").args(["update", "l.cilx", "--json"]);
    wrong.args(["--user", "LAB\\admin", "--password-env", "LAB_PASSWORD"]);
    let output = wrong.output().unwrap();
    assert_eq!(code(&output), 2);
    assert_eq!(json_lines(&output)[0]["class"], "credentials");
    assert!(!out(&output).contains("not it"));
    // Nobody to ask, nothing given.
    assert_eq!(code(&desk.run("update l.cilx --user x", "")), 2);
    assert_eq!(
        code(&desk.run("update l.cilx --user x --password-env NO_SUCH_VARIABLE", "")),
        2
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_passwords_come_through_descriptors() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-2");
    std::fs::write(desk.path("key"), format!("{},mak\n", keys::WINDOWS_CLIENT_MAK.text)).unwrap();
    std::fs::write(desk.path("password"), format!("{}\n", Account::admin().password)).unwrap();
    let script = format!(
        "set -e; {m} keys add l.cilx --fd 4 4<key; {m} update l.cilx --user 'LAB\\admin' --password-fd 3 3<password",
        m = env!("CARGO_BIN_EXE_makeeper")
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("1 product key added") && out(&output).contains("2 succeeded"));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_fault() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-40");
    assert_eq!(code(&desk.signed_in("update l.cilx --quiet")), 0);
    let mut child = command(desk.folder.path())
        .args(["list", "l.cilx", "--csv"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), err(&output)), (0, String::new()));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_cancels_saves_and_reports() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-6");
    for n in 2..=6 {
        desk.lab.set_fault(&format!("LAB-PC-00{n}"), Fault::HangAfterConnect);
    }
    let child = command(desk.folder.path())
        .args([
            "update",
            "l.cilx",
            "--user",
            "LAB\\admin",
            "--password-env",
            "LAB_PASSWORD",
        ])
        .spawn()
        .unwrap();
    // What the one that answers has said is in the journal. No event of another process tells of it: it is looked at.
    let journal = desk.path("l.cilx.journal");
    let answered = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"Observed\""));
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !answered() {
        assert!(std::time::Instant::now() < patience);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let interrupted = std::time::Instant::now();
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
    let output = child.wait_with_output().unwrap();
    assert!(
        interrupted.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        interrupted.elapsed()
    );
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(out(&output).contains("1 succeeded, 5 cancelled"), "{}", out(&output));
    // What was learnt is in the file.
    let rows = json_lines(&desk.run("list l.cilx --json --columns computer,status", ""));
    assert!(
        rows.iter()
            .any(|r| r["computer"].as_str().is_some_and(|c| c.starts_with("LAB-PC-001"))),
        "{rows:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_from_names_ranges_and_list_files_and_known_computers_are_not_doubled() {
    let desk = Desk::new().await;
    let address = desk.lab.address_of("LAB-PC-007").unwrap();
    std::fs::write(
        desk.path("computers.csv"),
        format!(
            "Computer;Address;Port\nLAB-PC-007;{};{}\nbad name!;;\n",
            address.ip(),
            address.port()
        ),
    )
    .unwrap();
    let first = desk.run("discover new.cilx --from computers.csv --names pc-a,pc-b", "");
    assert_eq!(code(&first), 1);
    assert!(
        out(&first).contains("3 computers added") && err(&first).contains("computers.csv, line 3"),
        "{}",
        err(&first)
    );
    let again = desk.run("discover new.cilx --names - --json", "PC-A 10.9.9.9\n# comment\n");
    let summary = json_lines(&again).pop().unwrap();
    assert_eq!((&summary["added"], &summary["known"]), (&1.into(), &1.into()));
    let updated = desk.signed_in("update new.cilx --select computer:LAB-PC-007");
    assert_eq!(code(&updated), 0, "{}", out(&updated));
    // A filter that only excludes begins with a hyphen, and is no option for that.
    let excluded = desk.run("list new.cilx --select -computer:LAB*", "");
    assert!(
        out(&excluded).contains("pc-a") && !out(&excluded).contains("LAB-PC-007"),
        "{}{}",
        out(&excluded),
        err(&excluded)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_lists_are_answered_with_name_and_place_and_stay_as_they_are() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1");
    for (name, bytes) in [
        (
            "truncated.cilx",
            "<?xml version=\"1.0\"?>\n<VolumeActivationManagementToolData>\n<Software",
        ),
        ("web.cilx", "<html><body>Sign in</body></html>"),
        ("empty.cilx", ""),
        ("binary.cilx", "\u{0}\u{1}\u{2}"),
    ] {
        std::fs::write(desk.path(name), bytes).unwrap();
        for arguments in [
            format!("list {name}"),
            format!("acquire-cid {name}"),
            format!("import l.cilx {name}"),
        ] {
            let output = desk.run(&arguments, "");
            assert_eq!(code(&output), 2, "{arguments}: {}", out(&output));
            let told = err(&output);
            assert!(told.contains(name) && !told.contains("panicked"), "{arguments}: {told}");
        }
        assert_eq!(std::fs::read_to_string(desk.path(name)).unwrap(), bytes);
    }
}

#[test]
fn what_an_import_notes_of_the_whole_file_names_no_row() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("old.cil"),
        "<VamtStorage Version=\"1.2\"><MachineInformationList/><PendingActionQueue><Action/></PendingActionQueue></VamtStorage>",
    )
    .unwrap();
    assert_eq!(code(&run(folder.path(), &words("new l.cilx"), "")), 0);
    let output = run(folder.path(), &words("import l.cilx old.cil"), "");
    assert!(
        err(&output).contains("Note: line 1: PendingActionQueue"),
        "{}",
        err(&output)
    );
}

#[test]
fn help_documents_the_exit_codes_and_offers_no_way_to_pass_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &words("--help"), "");
    assert_eq!(code(&help), 0);
    for text in [
        "Exit codes:",
        "0  everything succeeded",
        "3  everything succeeded, but a MAK",
    ] {
        assert!(out(&help).contains(text), "{}", out(&help));
    }
    for verb in [
        "update",
        "keys add",
        "install-key",
        "activate",
        "acquire-cid",
        "apply-cid",
    ] {
        let help = out(&run(folder.path(), &words(&format!("{verb} --help")), ""));
        assert!(!help.contains("--password "), "{help}");
    }
    let bare = run(folder.path(), &[], "");
    assert_eq!(code(&bare), 2);
    assert!(out(&bare).contains("Usage:"));
}

#[test]
fn the_demonstration_says_that_there_is_no_display_and_makes_the_journey() {
    let folder = tempfile::tempdir().unwrap();
    let demo = run(folder.path(), &words("demo"), "");
    assert_eq!(code(&demo), 0, "{}", err(&demo));
    assert!(
        err(&demo).contains("no display") || err(&demo).contains("no desktop"),
        "{}",
        err(&demo)
    );
    let told = out(&demo);
    for text in [
        "40 of 40 computers are licensed",
        "960 of 1000 activations are left",
        "Applying confirmation IDs",
    ] {
        assert!(told.contains(text), "{told}");
    }
    let json = json_lines(&run(folder.path(), &words("demo --terminal --json"), ""));
    assert_eq!(json.last().unwrap()["licensed"], 40);
}

#[cfg(unix)]
#[test]
fn the_lab_by_itself_says_how_to_reach_it_and_can_be_reached() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut lab = command(folder.path())
        .args([
            "lab",
            "serve",
            "--estate",
            "isolated-lab",
            "--port",
            "0",
            "--service-port",
            "0",
            "--json",
        ])
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let computer = &told["computers"][0];
    let names = format!("{}:{}", computer["address"].as_str().unwrap(), told["port"]);
    let discover = run(folder.path(), &words(&format!("discover l.cilx --names {names}")), "");
    let update = run(
        folder.path(),
        &words(&format!(
            "update l.cilx --user {} --password-env LAB_PASSWORD",
            told["user"].as_str().unwrap()
        )),
        "",
    );
    let stopped = Command::new("kill").arg(lab.id().to_string()).status().unwrap();
    let ended = lab.wait().unwrap();
    assert_eq!((code(&discover), code(&update)), (0, 0), "{}", err(&update));
    assert!(stopped.success() && ended.success(), "{ended:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_list_file_of_a_lab_is_what_discover_reads() {
    use std::io::BufRead as _;

    let folder = tempfile::tempdir().unwrap();
    let serve = "lab serve --estate isolated-lab --port 0 --service-port 0 --json --list-file lab.csv";
    let mut lab = command(folder.path()).args(words(serve)).spawn().unwrap();
    let mut first = String::new();
    let mut told = std::io::BufReader::new(lab.stdout.take().unwrap());
    told.read_line(&mut first).unwrap();
    let discovered = run(folder.path(), &words("discover try.cilx --from lab.csv"), "");
    let lines = run(folder.path(), &words("list try.cilx --csv --columns computer"), "");
    let ended = Command::new("kill")
        .args(["-TERM", &lab.id().to_string()])
        .status()
        .unwrap();
    lab.wait().unwrap();
    assert!(ended.success());
    assert_eq!(code(&discovered), 0, "{}", err(&discovered));
    assert!(out(&discovered).contains("40 computers added"), "{}", out(&discovered));
    assert!(out(&lines).contains("LAB-PC-040"), "{}", out(&lines));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_probe_the_port_is_kept() {
    let desk = Desk::new().await;
    let port = desk.lab.port();
    let names = format!("discover l.cilx --names 127.77.2.1-2 --no-probe --port {port}");
    assert_eq!(code(&desk.run(&names, "")), 0);
    let updated = desk.signed_in("update l.cilx");
    assert_eq!(code(&updated), 0, "{}", out(&updated));
}

#[test]
fn a_table_without_names_of_computers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), "foo,bar\nA,B\n").unwrap();
    let output = run(folder.path(), &words("discover l.cilx --from t.csv"), "");
    assert_eq!(code(&output), 2);
    assert!(
        err(&output).contains("foo, bar") && err(&output).contains("'name' or 'computer'"),
        "{}",
        err(&output)
    );
    assert!(!folder.path().join("l.cilx").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_used_counts_when_a_list_is_imported() {
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-2");
    assert_eq!(
        code(&desk.run("keys add l.cilx", &format!("{},mak\n", keys::WINDOWS_CLIENT_MAK.text))),
        0
    );
    assert_eq!(code(&desk.signed_in("update l.cilx")), 0);
    let installed = desk.signed_in("install-key l.cilx --key WC2C4 --select app:windows");
    assert_eq!(code(&installed), 0, "{}", out(&installed));
    assert_eq!(code(&desk.run("export l.cilx stick.cilx --profile proxy", "")), 0);
    let acquired = desk.run("acquire-cid stick.cilx --service {service} --proxy direct", "");
    assert_eq!(code(&acquired), 0, "{}", out(&acquired));
    let stick = std::fs::read_to_string(desk.path("stick.cilx")).unwrap();
    // One digit of one confirmation ID is mistyped.
    let at = stick.find("ConfirmationId>").unwrap() + "ConfirmationId>".len();
    let digit = if stick[at..].starts_with('1') { "2" } else { "1" };
    let typo = format!("{}{digit}{}", &stick[..at], &stick[at + 1..]);
    std::fs::write(desk.path("typo.cilx"), typo).unwrap();
    let imported = desk.run("import l.cilx typo.cilx", "");
    assert_eq!(code(&imported), 1, "{}", out(&imported));
    assert!(
        out(&imported).contains("1 value that could not be used"),
        "{}",
        out(&imported)
    );
    let imported = desk.run("import l.cilx stick.cilx --json", "");
    assert_eq!(
        (code(&imported), &json_lines(&imported).last().unwrap()["unusable"]),
        (0, &0.into())
    );
}

#[cfg(unix)]
#[test]
fn nothing_but_a_regular_file_is_replaced() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(code(&run(folder.path(), &words("new l.cilx"), "")), 0);
    assert!(Command::new("mkfifo").arg(path("pipe.csv")).status().unwrap().success());
    symlink(path("pipe.csv"), path("link.csv")).unwrap();
    for target in ["pipe.csv", "link.csv"] {
        let output = run(folder.path(), &words(&format!("export l.cilx {target} --replace")), "");
        assert_eq!(code(&output), 2, "{}", err(&output));
        assert!(err(&output).contains("not a regular file"), "{}", err(&output));
        assert!(std::fs::metadata(path(target)).unwrap().file_type().is_fifo());
    }
    // A link to a file stays a link, and the file is what is replaced.
    std::fs::write(path("old.cilx"), "old").unwrap();
    symlink(path("old.cilx"), path("link.cilx")).unwrap();
    let output = run(folder.path(), &words("export l.cilx link.cilx --replace"), "");
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(std::fs::symlink_metadata(path("link.cilx")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(path("old.cilx")).unwrap().starts_with("<?xml"));
}

/// A list of some 40 MB at `list`.
#[cfg(unix)]
fn write_big(list: &Path) {
    use makeeper::cil::store::Store;
    use makeeper::model::{Computer, Inventory, ListHeader, Product};

    let computers = (0..60_000).map(|n| {
        let mut computer = Computer::named(&format!("PC-{n}.contoso.example"));
        computer.remarks = "a list that takes a while ".repeat(20).into();
        computer
    });
    let inventory = Inventory::from_records(ListHeader::default(), computers, Vec::<Product>::new(), []);
    drop(Store::create_from(list, &inventory).unwrap());
}

#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(unix)]
#[test]
fn an_interrupt_while_a_big_list_is_read_ends_the_program_and_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("l.cilx");
    write_big(&list);
    let before = std::fs::read(&list).unwrap();
    let mut child = command(folder.path())
        .args(["merge", "l.cilx", "other.cilx"])
        .spawn()
        .unwrap();
    let lock = folder.path().join("l.cilx.lock");
    while !lock.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it took the list");
        // No event of another process tells of its lock: it is looked for.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 2, "{}", err(&output));
    assert!(err(&output).contains("cancelled"), "{}", err(&output));
    assert!(!lock.exists() && std::fs::read(&list).unwrap() == before);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_while_a_second_list_is_read_ends_the_program_and_leaves_everything_as_it_was() {
    use makeeper::cil::store::Store;

    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("l.cilx");
    drop(Store::create(&list).unwrap());
    write_big(&folder.path().join("other.cilx"));
    let before = std::fs::read(&list).unwrap();
    for verb in ["merge", "import"] {
        let mut child = command(folder.path())
            .args([verb, "l.cilx", "other.cilx"])
            .spawn()
            .unwrap();
        // The small list was open before anybody listened for a Ctrl+C: who listens reads the other one.
        let status = format!("/proc/{}/status", child.id());
        let listens = || {
            let status = std::fs::read_to_string(&status).unwrap();
            let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
        };
        while !listens() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it listened");
            // No event tells of another process's signals: they are looked for.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 2, "{verb}: {}", err(&output));
        assert!(err(&output).contains("cancelled"), "{verb}: {}", err(&output));
        assert!(!folder.path().join("l.cilx.lock").exists() && std::fs::read(&list).unwrap() == before);
    }
}
