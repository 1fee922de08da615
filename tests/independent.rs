//! The real program against computers and an activation service that were written from the public specifications alone
//! (tests/support/independent_estate.py): other prefixes, faults, languages and habits than those of the lab.
//!
//! `MAKEEPER_PYTHON` names the Python to use, else `python3`; it needs pyspnego. Without it the test says so and passes; in
//! CI (`CI` is set) it fails instead.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it was skipped"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const PASSWORD: &str = "Grüße&Küchen-1";
const KEYS: &str = "FKFKF-WWWWW-77777-KKKKK-22227\nFKFKF-WWWWW-MMMMM-KKKKK-22223\nFKFKF-FFFFF-CCCCC-KKKKK-22222\n\
                    FKFKF-BXXXX-BBBBB-KKKKK-22226\n";

fn support(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(file)
}

fn python() -> Command {
    let mut python = Command::new(std::env::var_os("MAKEEPER_PYTHON").unwrap_or_else(|| "python3".into()));
    python.env("PYTHONIOENCODING", "utf-8");
    python
}

/// The Python estate, and a folder to work in.
struct Estate {
    child: Child,
    service: String,
    folder: tempfile::TempDir,
}

impl Estate {
    fn start() -> Option<Self> {
        let found = python()
            .args(["-c", "import spnego"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
        if !found {
            assert!(
                std::env::var_os("CI").is_none(),
                "Python with pyspnego is missing: pip install pyspnego"
            );
            eprintln!("SKIPPED: Python with pyspnego is missing (MAKEEPER_PYTHON)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = python()
            .arg(support("independent_estate.py"))
            .args([support("tls/server.pem"), support("tls/server.key")])
            .env("ESTATE_PASSWORD", PASSWORD)
            .env("ESTATE_LOG", folder.path().join("seen"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut computers = vec!["computer;address;port;tls".to_owned()];
        let mut service = String::new();
        for line in lines.by_ref().take_while(|l| l != "ready") {
            let (name, port) = line.split_once(' ').unwrap();
            if name == "service" {
                service = format!("http://127.0.0.1:{port}/BatchActivation/BatchActivation.asmx");
            } else {
                let tls = if name == "sicher" { "yes" } else { "" };
                computers.push(format!("{name};127.0.0.1;{port};{tls}"));
            }
        }
        std::fs::write(folder.path().join("computers.csv"), computers.join("\n")).unwrap();
        Some(Self { child, service, folder })
    }

    /// Runs the program; arguments are separated by blanks, and `%` stands for a blank within one. `SIGN-IN` and `SERVICE`
    /// stand for the options of that name. The exit code, and the JSON objects it wrote.
    fn run(&self, arguments: &str, input: &str) -> (i32, Vec<Value>) {
        let service = format!("--service {} --proxy direct", self.service);
        let sign_in = format!(
            "--user prüfer --password-env ESTATE_PASSWORD --ca-file {}",
            support("tls/ca.pem").display()
        );
        let arguments = arguments.replace("SIGN-IN", &sign_in).replace("SERVICE", &service);
        let mut child = Command::new(env!("CARGO_BIN_EXE_makeeper"))
            .args(arguments.split_whitespace().map(|a| a.replace('%', " ")))
            .arg("--json")
            .current_dir(self.folder.path())
            .env("ESTATE_PASSWORD", PASSWORD)
            .env("WRONG_PASSWORD", "Grüße&Küchen-2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input closes the pipe: that is its right.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        for secret in KEYS.lines().chain([PASSWORD]) {
            assert!(!text.contains(secret) && !errors.contains(secret), "{arguments}");
        }
        let objects: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert!(!objects.is_empty(), "{arguments}: {errors}");
        (output.status.code().unwrap(), objects)
    }

    /// Runs the program and wants success on every row, of which there are `rows`.
    fn succeed(&self, arguments: &str, rows: usize) {
        let (code, objects) = self.run(arguments, "");
        assert_eq!((code, objects.len() - 1), (0, rows), "{arguments}: {objects:#?}");
        assert!(
            objects.iter().all(|o| o.get("state").is_none_or(|s| s == "succeeded")),
            "{arguments}: {objects:#?}"
        );
    }

    /// The list, as `computer key status` in its order.
    fn list(&self) -> Vec<String> {
        let (_, mut objects) = self.run("list l.cilx --columns computer,key,status --sort computer", "");
        objects.pop();
        let text = |o: &Value, column: &str| o[column].as_str().unwrap_or_default().to_owned();
        objects
            .iter()
            .map(|o| format!("{} {} {}", text(o, "computer"), text(o, "key"), text(o, "status")))
            .collect()
    }

    /// How often the estate saw this.
    fn count(&self, what: &str) -> usize {
        let seen = std::fs::read_to_string(self.folder.path().join("seen")).unwrap();
        seen.lines().filter(|l| l.starts_with(what)).count()
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_whole_journey_works_against_computers_and_a_service_of_somebody_else() {
    let Some(estate) = Estate::start() else { return };
    let (code, _) = estate.run("discover l.cilx --from computers.csv", "");
    assert_eq!(code, 0);

    let wrong = format!(
        "--user prüfer --password-env WRONG_PASSWORD --ca-file {}",
        support("tls/ca.pem").display()
    );
    let (code, refused) = estate.run(&format!("update l.cilx {wrong}"), "");
    assert_eq!((code, refused.last().unwrap()["failed"].as_u64()), (2, Some(4)));
    assert!(
        refused.iter().take(4).all(|o| o["class"] == "credentials"),
        "{refused:#?}"
    );

    estate.succeed("update l.cilx SIGN-IN", 4);
    let before = [
        "alt7 GPDD4 Notification",
        "elf T83GX Notification",
        "sicher T83GX Notification",
        "srv19 T83GX Notification",
        "srv19 22222 Notification",
    ];
    assert_eq!(estate.list(), before);

    let (code, _) = estate.run("keys add --type mak l.cilx", KEYS);
    assert_eq!(code, 0);
    estate.succeed("install-key l.cilx SIGN-IN --key 22227 --select computer:alt7", 1);
    estate.succeed("install-key l.cilx SIGN-IN --key 22226 --select computer:sicher", 1);
    estate.succeed(
        "install-key l.cilx SIGN-IN --key 22223 --select product:Windows*%-computer:alt7%-computer:sicher",
        2,
    );
    // A key of Windows that is meant for Office, too, is not installed again.
    let (_, office) = estate.run("install-key l.cilx SIGN-IN --key 22223 --select product:Office*", "");
    assert_eq!(office[0]["state"], "skipped", "{office:#?}");
    assert_eq!(estate.count("srv19 InstallProductKey"), 1);

    // The computer gives up waiting and activates all the same: it is watched, and asked once.
    estate.succeed("activate l.cilx SIGN-IN --select computer:elf", 1);
    assert_eq!(estate.count("elf Activate"), 1);
    let (_, isolated) = estate.run("activate l.cilx SIGN-IN --select computer:srv19%product:Windows*", "");
    assert_eq!(isolated[0]["code"], "0x80072EE7", "{isolated:#?}");
    assert!(
        isolated[0]["text"].as_str().unwrap().contains("cannot be resolved"),
        "{isolated:#?}"
    );

    // By proxy, across the air gap.
    let (code, exported) = estate.run("export l.cilx carried.cilx --profile proxy --select -computer:elf", "");
    assert_eq!((code, exported[0]["products"].as_u64()), (0, Some(4)), "{exported:#?}");
    let (code, acquired) = estate.run("acquire-cid carried.cilx SERVICE", "");
    let blocked: Vec<&Value> = acquired.iter().filter(|o| o["state"] == "failed").collect();
    assert_eq!((code, blocked.len()), (1, 1), "{acquired:#?}");
    assert!(
        blocked[0]["text"].as_str().unwrap().contains("blocked"),
        "{acquired:#?}"
    );
    let (code, _) = estate.run("import l.cilx carried.cilx", "");
    assert_eq!(code, 0);
    estate.succeed("apply-cid l.cilx SIGN-IN", 3);
    let after = [
        "alt7 22227 Licensed",
        "elf 22223 Licensed",
        "sicher 22226 Out-of-box grace",
        "srv19 22223 Licensed",
        "srv19 22222 Licensed",
    ];
    assert_eq!(estate.list(), after);

    estate.succeed("install-key l.cilx SIGN-IN --key 22223 --select computer:sicher", 1);
    estate.succeed(
        "activate l.cilx SIGN-IN SERVICE --proxy-activation --select computer:sicher",
        1,
    );
    let (_, counts) = estate.run("keys refresh l.cilx SERVICE", "");
    let left: Vec<&str> = counts.iter().filter_map(|o| o["text"].as_str()).collect();
    for count in ["49 activations left", "48 activations left"] {
        assert!(left.iter().any(|t| t.starts_with(count)), "{counts:#?}");
    }
    assert_eq!(estate.count("service 1"), 5);
}
