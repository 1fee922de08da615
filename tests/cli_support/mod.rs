//! The program as a script runs it, in a folder of its own.

#![expect(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use makeeper::lab::{Account, EstateKind, Lab, LabConfig};

pub struct Desk {
    pub lab: Lab,
    pub folder: tempfile::TempDir,
}

impl Desk {
    /// A folder and the isolated lab.
    pub async fn new() -> Self {
        let config = LabConfig {
            estates: vec![EstateKind::IsolatedLab],
            ..LabConfig::default()
        };
        Self {
            lab: Lab::start(config).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder; `{service}` in an argument is the lab's service.
    pub fn run(&self, arguments: &str, input: &str) -> Output {
        let arguments = arguments.replace("{service}", self.lab.service_url());
        run(self.folder.path(), &words(&arguments), input)
    }

    /// With the lab's administrator signing in.
    pub fn signed_in(&self, arguments: &str) -> Output {
        self.run(
            &format!("{arguments} --user LAB\\admin --password-env LAB_PASSWORD"),
            "",
        )
    }

    pub fn discover(&self, range: &str) {
        let output = self.run(
            &format!("discover l.cilx --yes --names {range} --port {}", self.lab.port()),
            "",
        );
        assert_eq!(code(&output), 0, "{}", err(&output));
    }
}

/// Words separated by blanks; single quotes keep blanks.
pub fn words(text: &str) -> Vec<String> {
    text.split('\'')
        .enumerate()
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_makeeper"));
    command
        .current_dir(folder)
        .env("LAB_PASSWORD", Account::admin().password)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub fn run(folder: &Path, arguments: &[String], input: &str) -> Output {
    let mut child = command(folder).args(arguments).spawn().unwrap();
    // A program that does not read its input closes the pipe: that is its right.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn json_lines(output: &Output) -> Vec<serde_json::Value> {
    out(output).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// `makeeper lab serve` as a process of its own, ended with this.
pub struct Served {
    child: Child,
    pub told: serde_json::Value,
}

impl Served {
    /// Serves the isolated lab on free ports, with these further arguments.
    pub fn start(folder: &Path, arguments: &str) -> Self {
        let serve = format!("lab serve --estate isolated-lab --port 0 --service-port 0 --json {arguments}");
        // What keeps it from starting is seen in the output of the test.
        let mut child = command(folder)
            .args(words(&serve))
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap();
        Self { child, told }
    }

    /// Address and port of the `n`th computer, as `discover` takes them.
    pub fn computer(&self, n: usize) -> String {
        let address = self.told["computers"][n]["address"].as_str().unwrap();
        format!("{address}:{}", self.told["port"])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
