//! Files of older versions in the hands of an administrator, and tables for spreadsheets: command line and workspace.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use makeeper::cil::store::{Store, StoreError};
use makeeper::model::{Change, Column, Computer, LicenseStatus, ViewSpec};
use makeeper::workspace::{LegacyFormat, Mode, Workspace, WorkspaceError};

struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder with the samples of older versions.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "vamt-2.0.cil",
            "vamt-1.2.cil",
            "vamt-2.0-without-names.cil",
            "contoso.cilx",
        ] {
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
            std::fs::copy(sample, folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_makeeper"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn an_older_list_is_shown_and_refuses_changes_with_the_way_out() {
    let folder = Folder::new();
    let (names, before) = (folder.names(), folder.bytes("vamt-2.0.cil"));
    let shown = folder.run(&["list", "vamt-2.0.cil", "--select", "computer:BENCH*"]);
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    assert!(
        out(&shown).contains("BENCH-01 (PAINTSHOP)") && out(&shown).contains("3 of 15 rows"),
        "{}",
        out(&shown)
    );
    for change in [
        &["discover", "vamt-2.0.cil", "--names", "pc9", "--no-probe"][..],
        &["acquire-cid", "vamt-2.0.cil"],
        &["import", "vamt-2.0.cil", "contoso.cilx"],
    ] {
        let refused = folder.run(change);
        assert_eq!(refused.status.code(), Some(2), "{change:?}");
        let said = err(&refused);
        assert!(
            said.contains("a list of VAMT 2.0") && said.contains("makeeper import NEW.cilx"),
            "{said}"
        );
    }
    assert_eq!(folder.bytes("vamt-2.0.cil"), before);
    assert_eq!(folder.names(), names, "nothing is left beside it");
}

#[test]
fn an_older_list_becomes_a_list_of_ones_own_or_is_taken_into_one() {
    let folder = Folder::new();
    for (old, summary) in [
        ("vamt-2.0.cil", "12 computers, 14 products, 3 product keys"),
        ("vamt-1.2.cil", "11 computers, 11 products, 2 product keys"),
        ("vamt-2.0-without-names.cil", "0 computers, 14 products, 0 product keys"),
    ] {
        let before = folder.bytes(old);
        let new = old.replace(".cil", ".cilx");
        let made = folder.run(&["import", &new, old]);
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        assert!(out(&made).contains(summary), "{}", out(&made));
        assert_eq!(folder.bytes(old), before);
        let opened = Store::read_only(&folder.path(&new)).unwrap();
        let direct = Store::read_only(&folder.path(old)).unwrap();
        assert_eq!((opened.legacy, direct.legacy.is_some()), (None, true));
        assert_eq!(
            opened.inventory.header(),
            direct.inventory.header(),
            "what has no field is kept"
        );
        // A list of ones own can be changed.
        let changed = folder.run(&["discover", &new, "--names", "pc9", "--no-probe"]);
        assert_eq!(changed.status.code(), Some(0), "{}", err(&changed));
    }
    // The names come home to the list that was made without them: the rows of the same computers are one.
    let home = folder.run(&["import", "vamt-2.0.cilx", "vamt-2.0-without-names.cil", "--json"]);
    let last: serde_json::Value = serde_json::from_str(out(&home).lines().last().unwrap()).unwrap();
    assert_eq!(
        (last["matched"].as_u64(), last["unmatched"].as_u64()),
        (Some(14), Some(0)),
        "{last}"
    );
    // A list of the native format that is not there is a mistake, not a wish for a new one.
    let mistake = folder.run(&["import", "contsoo.cilx", "contoso.cilx"]);
    assert_eq!(mistake.status.code(), Some(2));
    assert!(err(&mistake).contains("no list at"), "{}", err(&mistake));
}

#[tokio::test]
async fn a_workspace_reads_an_older_list_and_saves_it_beside_never_over_it() {
    let folder = Folder::new();
    let old = folder.path("vamt-1.2.cil");
    let before = folder.bytes("vamt-1.2.cil");
    let runtime = tokio::runtime::Handle::current();
    let refused = Workspace::open(&old, Mode::Edit, runtime.clone()).unwrap_err();
    assert!(
        matches!(
            &refused,
            WorkspaceError::Store(StoreError::Legacy {
                format: LegacyFormat::Vamt1,
                ..
            })
        ),
        "{refused}"
    );
    let (workspace, report) = Workspace::open(&old, Mode::ReadOnly, runtime).unwrap();
    assert_eq!(report.legacy, Some(LegacyFormat::Vamt1));
    let add = || vec![Change::PutComputer(Box::new(Computer::named("pc9")))];
    assert!(matches!(
        workspace.edit(add()).unwrap_err(),
        WorkspaceError::ReadOnly { .. }
    ));
    for over in ["vamt-1.2.cil", "vamt-2.0.cil"] {
        let refused = workspace.save_as(&folder.path(over)).unwrap_err().to_string();
        assert!(
            refused.contains("never overwritten") && refused.contains(".cilx"),
            "{refused}"
        );
    }
    assert_eq!(folder.bytes("vamt-1.2.cil"), before);
    let saved = workspace.save_as(&folder.path("vamt-1.2.cilx")).unwrap();
    assert_eq!((saved.computers, saved.products), (11, 11));
    workspace.edit(add()).unwrap();
    workspace.save().unwrap();
    assert_eq!(folder.bytes("vamt-1.2.cil"), before);
    let again = Store::read_only(&folder.path("vamt-1.2.cilx")).unwrap();
    assert_eq!(again.inventory.computer_count(), 12);
}

/// The cells of a CSV file in the eyes of Python.
fn python_csv(file: &Path) -> Vec<Vec<String>> {
    let script = "import csv, json, sys\n\
                  rows = list(csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline='')))\n\
                  print(json.dumps(rows))";
    let output = Command::new(python()).args(["-c", script]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_table_of_the_samples_is_what_another_program_reads() {
    let folder = Folder::new();
    let columns = [
        Column::Computer,
        Column::Product,
        Column::Status,
        Column::Key,
        Column::InstallationId,
        Column::ConfirmationId,
        Column::Remarks,
    ]
    .map(Column::name);
    let exported = folder.run(&[
        "export",
        "vamt-2.0.cil",
        "t.csv",
        "--columns",
        &columns.join(","),
        "--sort",
        "-computer",
    ]);
    assert_eq!(exported.status.code(), Some(0), "{}", err(&exported));
    assert!(out(&exported).contains("15 rows"), "{}", out(&exported));
    let bytes = folder.bytes("t.csv");
    assert!(bytes.starts_with(b"\xEF\xBB\xBF") && bytes.ends_with(b"\r\n"));
    let rows = python_csv(&folder.path("t.csv"));
    assert_eq!(rows[0], columns);
    assert_eq!(rows.len(), 16);
    let licensed = rows
        .iter()
        .find(|r| r[0].starts_with("CORP-PC-001") && r[1].starts_with("Windows"))
        .unwrap();
    assert_eq!(
        (&*licensed[2], &*licensed[3]),
        (LicenseStatus::Licensed.label(), "WC2C4")
    );
    // In groups: a spreadsheet keeps 15 digits of a number.
    assert_eq!(licensed[4].split(' ').count(), 9);
    assert_eq!(licensed[5].split(' ').count(), 8);
    assert!(rows[1][0] > rows[15][0]);

    // It is not overwritten by mistake, and a list is not a table.
    assert_eq!(folder.run(&["export", "vamt-2.0.cil", "t.csv"]).status.code(), Some(2));
    let chosen = folder.run(&[
        "export",
        "vamt-2.0.cil",
        "t.csv",
        "--replace",
        "--select",
        "status:grace",
        "--json",
    ]);
    let summary: serde_json::Value = serde_json::from_str(out(&chosen).trim()).unwrap();
    assert_eq!(
        summary["rows"].as_u64().unwrap() as usize + 1,
        python_csv(&folder.path("t.csv")).len()
    );
    let wrong = folder.run(&["export", "vamt-2.0.cil", "u.csv", "--profile", "full"]);
    assert!(
        wrong.status.code() == Some(2) && err(&wrong).contains("--profile"),
        "{}",
        err(&wrong)
    );
    let wrong = folder.run(&["export", "vamt-2.0.cil", "u.csv", "--columns", "computer,shoe-size"]);
    assert!(
        wrong.status.code() == Some(2) && err(&wrong).contains("shoe-size"),
        "{}",
        err(&wrong)
    );
    assert!(!folder.path("u.csv").exists());
}

#[tokio::test]
async fn cells_that_look_like_formulas_reach_a_spreadsheet_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("l.cilx"), tokio::runtime::Handle::current()).unwrap();
    let hostile = [
        "=HYPERLINK(\"http://x\",\"y\")",
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1",
        "\r=1",
        "harmless, \"quoted\"\nand long",
        "\u{ff1d}1",
        "\u{65e5}\u{672c}",
    ];
    for (n, remark) in hostile.iter().enumerate() {
        let mut computer = Computer::named(&format!("pc{n}"));
        computer.remarks = (*remark).into();
        workspace.edit(vec![Change::PutComputer(Box::new(computer))]).unwrap();
    }
    let out = folder.path().join("t.csv");
    let report = workspace
        .export_table(&out, &[Column::Remarks, Column::Computer], &ViewSpec::default())
        .unwrap();
    assert_eq!(report.rows, hostile.len());
    let rows = python_csv(&out);
    let told: Vec<&str> = rows.iter().skip(1).map(|r| &*r[0]).collect();
    for remark in hostile {
        let is_text = remark.starts_with("harmless") || remark.starts_with('\u{65e5}');
        // Control characters may end in a terminal: they are blanks.
        let printable = remark.replace(char::is_control, " ");
        let expected = if is_text { printable } else { format!("'{printable}") };
        assert!(told.contains(&&*expected), "{expected:?} in {told:?}");
    }
    for row in &rows {
        assert!(
            row.iter()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])),
            "{row:?}"
        );
    }
    let onto_itself = workspace.export_table(&folder.path().join("l.cilx"), &[Column::Computer], &ViewSpec::default());
    assert!(matches!(
        onto_itself.unwrap_err(),
        WorkspaceError::ExportOntoItself { .. }
    ));
}

#[test]
fn product_keys_come_from_csv_in_every_dialect_and_each_line_is_answered() {
    let folder = Folder::new();
    let csv = "\u{feff}Product Key;Type;Description\r\n\
               FKFKF-TRYMY-WWCCT-MKMKM-WC2C4;Mak;\"Head office, Z\u{fc}rich; second floor\"\r\n\
               'FKFKF-TRYMY-FFCCX-MKMKM-FC2T2;Mak;'-20% \r\n\
               ;;\r\n\
               \"FKFKF-TRYMY-WWRVR-MKMKM-RV2R4\"\r\n\
               not a key;Mak;x\r\n";
    let tabs = "Head office, two\tFKFKF-TRYMY-FFCCX-MKMKM-FC4T4\tMak\n";
    std::fs::write(folder.path("keys.csv"), csv).unwrap();
    std::fs::write(folder.path("keys.txt"), tabs).unwrap();
    folder.run(&["new", "l.cilx"]);
    let added = folder.run(&["keys", "add", "l.cilx", "--file", "keys.csv"]);
    assert_eq!(
        added.status.code(),
        Some(1),
        "one line is refused: {}{}",
        out(&added),
        err(&added)
    );
    // A line of empty cells, as spreadsheets write them, is none.
    assert_eq!(err(&added).matches("line ").count(), 1, "{}", err(&added));
    assert!(err(&added).contains("line 6"), "{}", err(&added));
    let more = folder.run(&["keys", "add", "l.cilx", "--file", "keys.txt"]);
    assert_eq!(more.status.code(), Some(0), "{}", err(&more));
    assert!(!format!("{}{}", out(&added), err(&added)).contains("TRYMY"));
    let list = Store::read_only(&folder.path("l.cilx")).unwrap();
    let described: Vec<(String, String)> = list
        .inventory
        .keys()
        .map(|k| (k.last_five.unwrap().to_string(), k.description.to_string()))
        .collect();
    let is = |five: &str, text: &str| (five.to_owned(), text.to_owned());
    assert_eq!(
        described,
        [
            is("WC2C4", "Head office, Z\u{fc}rich; second floor"),
            is("FC2T2", "-20%"),
            is("RV2R4", ""),
            is("FC4T4", "Head office, two"),
        ]
    );
}

fn python() -> String {
    std::env::var("MAKEEPER_PYTHON").unwrap_or_else(|_| "python3".into())
}
