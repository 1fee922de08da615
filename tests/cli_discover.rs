//! `makeeper discover` and `makeeper dns`, as terminals and schedulers use them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli_support;

use cli_support::{Desk, code, err, json_lines, out, run, words};

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

#[test]
fn where_to_look_has_to_be_said() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in ["discover l.cilx", "discover l.cilx --base DC=a", "dns"] {
        let output = run(folder.path(), &words(arguments), "");
        assert_eq!(code(&output), 2, "{arguments}: {}", err(&output));
    }
}
