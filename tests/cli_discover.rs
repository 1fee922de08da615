//! `makeeper discover` and `makeeper dns`, as terminals and schedulers use them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli_support;
mod directory_support;

use cli_support::{Desk, code, err, json_lines, out, run, words};
use directory_support::{Authority, Reply, Server, outcome};

fn state<'v>(lines: &'v [serde_json::Value], name: &str) -> &'v serde_json::Value {
    &lines.iter().find(|l| l["name"] == name).unwrap()["state"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_asked_only_by_who_agrees_to_that() {
    let desk = Desk::new().await;
    let port = desk.lab.port();
    let refused = desk.run(&format!("discover l.cilx --names 127.77.2.1-4 --port {port}"), "");
    assert_eq!(code(&refused), 2);
    assert!(
        err(&refused).contains("this will probe 4 addresses") && err(&refused).contains("--yes"),
        "{}",
        err(&refused)
    );
    assert!(!desk.path("l.cilx").exists());
    let agreed = desk.run(&format!("discover l.cilx --names 127.77.2.1-4 --port {port} --yes"), "");
    assert_eq!(code(&agreed), 0, "{}", err(&agreed));
    assert!(out(&agreed).contains("4 computers added"), "{}", out(&agreed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_happen_and_changes_nothing() {
    let desk = Desk::new().await;
    let shown = desk.run("discover l.cilx --names pc1,pc2 --no-probe --dry-run", "");
    assert_eq!(code(&shown), 0, "{}", err(&shown));
    assert!(
        out(&shown).contains("2 computers found, 2 new; nothing was changed"),
        "{}",
        out(&shown)
    );
    assert!(!desk.path("l.cilx").exists());
    assert_eq!(code(&desk.run("discover l.cilx --names pc1 --no-probe", "")), 0);
    let before = std::fs::read(desk.path("l.cilx")).unwrap();
    let shown = desk.run("discover l.cilx --names pc1,pc2 --no-probe --dry-run --json", "");
    let lines = json_lines(&shown);
    assert_eq!(
        (state(&lines, "pc1"), state(&lines, "pc2")),
        (&"known".into(), &"new".into())
    );
    let summary = lines.last().unwrap();
    assert_eq!((&summary["new"], &summary["known"]), (&1.into(), &1.into()));
    assert_eq!(std::fs::read(desk.path("l.cilx")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_discovery_runs_again_by_its_name_and_asks_what_it_found() {
    let desk = Desk::new().await;
    let port = desk.lab.port();
    let save =
        format!("discover l.cilx --names 127.77.2.1-2 --port {port} --yes --then probe --save-as 'Lab, every night'");
    let saved = desk.run(&save, "");
    assert_eq!(code(&saved), 0, "{}{}", out(&saved), err(&saved));
    assert!(out(&saved).contains("2 succeeded"), "{}", out(&saved));
    let listed = desk.run("discover l.cilx --saved", "");
    assert!(
        out(&listed).contains("Lab, every night") && out(&listed).contains("probe"),
        "{}",
        out(&listed)
    );
    let again = desk.signed_in("discover l.cilx --saved 'LAB, every night' --yes --then update --json");
    assert_eq!(code(&again), 0, "{}", err(&again));
    let lines = json_lines(&again);
    let summaries: Vec<_> = lines.iter().filter(|l| !l["summary"].is_null()).collect();
    assert_eq!(summaries.len(), 2);
    assert_eq!((&summaries[0]["known"], &summaries[0]["added"]), (&2.into(), &0.into()));
    assert_eq!(summaries[1]["succeeded"], 2);
    let text = std::fs::read_to_string(desk.path("l.cilx")).unwrap();
    assert!(!text.contains(&makeeper::lab::Account::admin().password));
    let nobody = desk.run("discover l.cilx --saved Berlin --yes", "");
    assert_eq!(code(&nobody), 2);
    assert!(err(&nobody).contains("it keeps: Lab, every night"), "{}", err(&nobody));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_column_with_the_names_is_chosen_by_its_heading() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("t.csv"), "Inventory no.;Workstation\n17;pc1\n18;pc2\n").unwrap();
    let unknown = desk.run("discover l.cilx --from t.csv --no-probe", "");
    assert_eq!(code(&unknown), 2);
    let wrong = desk.run("discover l.cilx --from t.csv --no-probe --column Host", "");
    assert!(
        code(&wrong) == 2 && err(&wrong).contains("Inventory no., Workstation"),
        "{}",
        err(&wrong)
    );
    let right = desk.run("discover l.cilx --from t.csv --no-probe --column workstation", "");
    assert!(
        out(&right).contains("2 computers added"),
        "{}{}",
        out(&right),
        err(&right)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_asked_is_told_by_its_class_and_loses_nothing_else() {
    let desk = Desk::new().await;
    let arguments = "discover l.cilx --names pc1 --no-probe --ad nowhere.invalid --server 127.0.0.1:1 --json";
    let output = desk.signed_in(arguments);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("[network]"), "{}", err(&output));
    let lines = json_lines(&output);
    assert_eq!(state(&lines, "pc1"), "added");
    let sources = lines.last().unwrap()["sources"].clone();
    assert_eq!(
        (&sources[1]["state"], &sources[1]["class"]),
        (&"failed".into(), &"network".into())
    );
    let filter = desk.run("discover l.cilx --ad contoso.com --ldap-filter (name=", "");
    assert_eq!(code(&filter), 2, "{}", err(&filter));
}

/// A directory that refuses everybody.
async fn refusing(authority: &Authority) -> Server {
    let acceptor = authority.acceptor("localhost", |_| ());
    Server::start(Some(acceptor), |asked| {
        Reply::of(&[(asked.id, outcome(0x61, 49, "comment: x, data 52e, v1"))])
    })
    .await
}

fn asks(server: &Server, authority: &Authority) -> String {
    let file = authority.file();
    format!(
        "--ad lab.test --server {} --ldaps --ca-file {}",
        server.address(),
        file.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_directory_refused_is_not_tried_at_the_computers() {
    let desk = Desk::new().await;
    let authority = Authority::new();
    let server = refusing(&authority).await;
    let (directory, port) = (asks(&server, &authority), desk.lab.port());
    let output = desk.signed_in(&format!(
        "discover l.cilx --names 127.77.2.1-2 --port {port} --yes {directory} --then update"
    ));
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(out(&output).contains("2 computers added"), "{}", out(&output));
    assert!(err(&output).contains("[credentials]"), "{}", err(&output));
    assert!(err(&output).contains("The computers are not asked"), "{}", err(&output));
    assert_eq!(server.sign_ins(), 1);
    let listed = desk.run("list l.cilx --json", "");
    assert!(!out(&listed).contains("Windows"), "nobody signed in: {}", out(&listed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_accounts_for_the_domain_is_for_its_directory() {
    let desk = Desk::new().await;
    let authority = Authority::new();
    let server = refusing(&authority).await;
    let lines = "corp.test nobody@corp.test env:LAB_PASSWORD\n*.lab.test finder@lab.test env:LAB_PASSWORD\n";
    std::fs::write(desk.path("accounts"), lines).unwrap();
    let directory = asks(&server, &authority);
    let output = desk.run(&format!("discover l.cilx {directory} --accounts accounts"), "");
    assert_eq!(code(&output), 2, "{}", err(&output));
    let seen = server.seen.lock().unwrap().clone();
    let has = |word: &[u8]| seen.windows(word.len()).any(|w| w == word);
    assert!(has(b"finder@lab.test") && !has(b"nobody"), "{}", err(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_to_be_had_leaves_no_list_and_is_never_dropped_in_silence() {
    let desk = Desk::new().await;
    for (arguments, word) in [
        (
            "--ad lab.test --server 127.0.0.1:1 --account nobody-has-this",
            "keyring",
        ),
        (
            "--ad lab.test --server 127.0.0.1:1 --password-env LAB_PASSWORD",
            "--user",
        ),
        (
            "--names pc1 --no-probe --then update --user x --password-env NO_SUCH_VARIABLE",
            "NO_SUCH_VARIABLE",
        ),
        ("--names pc1 --no-probe --password-fd 0", "--user"),
    ] {
        let output = desk.run(&format!("discover l.cilx {arguments}"), "");
        assert_eq!(code(&output), 2, "{arguments}: {}", err(&output));
        assert!(err(&output).contains(word), "{arguments}: {}", err(&output));
        assert!(!desk.path("l.cilx").exists(), "{arguments}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_an_answer() {
    let desk = Desk::new().await;
    // Port 9 is nobody's: the addresses refuse.
    let output = desk.run("discover l.cilx --names 127.77.99.1-2 --port 9 --yes --json", "");
    assert_eq!(code(&output), 0, "{}", err(&output));
    let summary = json_lines(&output).pop().unwrap();
    assert_eq!((&summary["added"], &summary["silent"]), (&0.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_told_what_became_of_every_row_and_where_a_problem_stands() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("t.txt"), "pc1\n10.0.0.300\n").unwrap();
    let first = desk.run("discover l.cilx --from t.txt --no-probe --json", "");
    let lines = json_lines(&first);
    let problem = lines.iter().find(|l| l["state"] == "refused").unwrap();
    assert_eq!((&problem["source"], &problem["line"]), (&"t.txt".into(), &2.into()));
    let summary = |arguments: &str| {
        let output = desk.run(
            &format!("discover l.cilx --names pc1,pc2 --no-probe --json {arguments}"),
            "",
        );
        json_lines(&output).pop().unwrap()
    };
    let (shown, done) = (summary("--dry-run"), summary(""));
    for name in ["known", "listed", "changed", "renamed", "moved", "unclear"] {
        assert_eq!(shown[name], done[name], "{name}");
    }
    assert_eq!((&done["known"], &done["added"]), (&1.into(), &1.into()));
}

#[test]
fn a_saved_discovery_has_its_ports_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    for argument in ["--no-probe", "--port 5985", "--column name"] {
        let output = run(
            folder.path(),
            &words(&format!("discover l.cilx --saved x {argument}")),
            "",
        );
        assert_eq!(code(&output), 2);
        assert!(
            err(&output).contains("cannot be used with"),
            "{argument}: {}",
            err(&output)
        );
    }
}

#[test]
fn where_to_look_has_to_be_said() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in ["discover l.cilx", "discover l.cilx --base DC=a", "dns"] {
        let output = run(folder.path(), &words(arguments), "");
        assert_eq!(code(&output), 2, "{arguments}: {}", err(&output));
    }
}
