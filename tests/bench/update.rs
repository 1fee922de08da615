//! "Update license status" of a thousand simulated computers at 50 ms round trip: against what the round trips alone would
//! take, with the faults of a real network, and against pypsrp in a pool of threads.
//!
//! `cargo bench --bench update -- [computers]`; `MAKEEPER_PYTHON` names a Python with pypsrp, without which the comparison
//! is left out. The lab runs in a process of its own, so that what is measured is the client alone.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for developers"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::lab::{Account, Fault, Lab, LabConfig};
use makeeper::model::{Change, Computer, ConnectTo, FailureClass, Secret, WayIn};
use makeeper::workspace::{Credentials, Job, RowState, RunProgress, Settings, Workspace};
use serde_json::{Value, json};

const ROUND_TRIP: Duration = Duration::from_millis(50);
const AT_ONCE: usize = 64;
/// One time-out of the fault run: the longest that a computer can cost there.
const TIMEOUT: Duration = Duration::from_secs(10);

fn main() {
    let argument = std::env::args().skip(1).find(|a| a != "--bench");
    if argument.as_deref() == Some("lab") {
        return serve();
    }
    let count: usize = argument.and_then(|a| a.parse().ok()).unwrap_or(1_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let mut lab = LabProcess::start();
    let all = lab.computers.clone();
    let computers = &all[..count.min(all.len())];

    println!(
        "{} computers, {AT_ONCE} at once, {} ms round trip",
        computers.len(),
        ROUND_TRIP.as_millis()
    );
    let (progress, took) = update(&runtime, computers);
    let cpu = cpu_time();
    assert_eq!(progress.succeeded, computers.len(), "{}", progress.failures_in_words());
    let trips = lab.round_trips() as f64 / computers.len() as f64;
    let least = trips * ROUND_TRIP.as_secs_f64() * computers.len() as f64 / AT_ONCE as f64;
    println!(
        "healthy: {:.2} s; {trips:.2} round trips per computer alone take {least:.2} s: ratio {:.2} (held to 1.25)",
        took.as_secs_f64(),
        took.as_secs_f64() / least
    );
    println!(
        "memory of the client at its peak: {:.0} MB (held to 120)",
        peak_memory()
    );

    faults(&runtime, &mut lab, computers);
    compare(&mut lab, computers, took, cpu);
}

/// 39 of 100 computers are off or ill, each in the way that is told to the lab; each must be found to be just that.
fn faults(runtime: &tokio::runtime::Runtime, lab: &mut LabProcess, computers: &[Computer]) {
    let n = computers.len();
    let share = |of_thousand: usize| of_thousand * n / 1_000;
    let kinds = [
        (Fault::Silent, "silent", FailureClass::NoAnswer, share(300)),
        (Fault::Refuse, "refuse", FailureClass::Refused, share(50)),
        (Fault::HangAfterConnect, "hang", FailureClass::Hung, share(20)),
        (Fault::Garbage, "garbage", FailureClass::Protocol, share(20)),
        (Fault::CloseMidAnswer, "close", FailureClass::Network, share(10)),
    ];
    // Spread over the list, the same every time: 7,919 is a prime.
    let mut places = (0..n).map(|i| i * 7_919 % n);
    let mut expected: BTreeMap<usize, (&str, FailureClass)> = BTreeMap::new();
    for (_, name, class, count) in kinds {
        for place in places.by_ref().take(count) {
            lab.command(&format!("fault {place} {name}"));
            expected.insert(place, (name, class));
        }
    }
    let healthy: Vec<Computer> = (0..n)
        .filter(|i| !expected.contains_key(i))
        .map(|i| computers[i].clone())
        .collect();
    let (alone, took_alone) = update(runtime, &healthy);
    assert_eq!(alone.succeeded, healthy.len(), "{}", alone.failures_in_words());
    let (progress, took) = update(runtime, computers);
    let mut wrong = String::new();
    for (place, row) in progress.rows.iter().enumerate() {
        let found = match &row.state {
            RowState::Failed(failure) => Some(failure.class),
            _ => None,
        };
        let dialled = expected.get(&place);
        if found != dialled.map(|(_, class)| *class) {
            let _ = writeln!(
                wrong,
                "  {}: {dialled:?} was found to be {}",
                row.name,
                row.state.text()
            );
        }
    }
    let bound = 1.5 * took_alone.as_secs_f64() + TIMEOUT.as_secs_f64();
    println!(
        "faults: {} in {:.2} s; {} healthy alone {:.2} s: ratio {:.2} to 1.5 times that and one time-out (held to 1)",
        progress.failures_in_words(),
        took.as_secs_f64(),
        healthy.len(),
        took_alone.as_secs_f64(),
        took.as_secs_f64() / bound
    );
    println!("in the wrong class: {}\n{wrong}", wrong.lines().count());
    for place in expected.keys() {
        lab.command(&format!("fault {place} none"));
    }
}

/// The same questions by pypsrp in as many threads.
fn compare(lab: &mut LabProcess, computers: &[Computer], took: Duration, cpu: Duration) {
    let Some(python) = std::env::var_os("MAKEEPER_PYTHON") else {
        println!("pypsrp: left out, because MAKEEPER_PYTHON names no Python");
        return;
    };
    let before = lab.round_trips();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/update_pypsrp.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let admin = Account::admin();
    let order = json!({
        "user": format!("{}\\{}", admin.domain, admin.user),
        "password": admin.password,
        "threads": AT_ONCE,
        "computers": computers.iter().map(|c| {
            let connect = c.connect.as_ref().unwrap();
            json!([connect.address.as_deref(), connect.port])
        }).collect::<Vec<_>>(),
    });
    child
        .stdin
        .take()
        .unwrap()
        .write_all(order.to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let number = |name: &str| told[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "pypsrp: {} of {} in {:.2} s wall, {:.2} s CPU, {:.2} round trips per computer",
        number("succeeded"),
        computers.len(),
        number("wall"),
        number("cpu"),
        (lab.round_trips() - before) as f64 / computers.len() as f64
    );
    println!(
        "MAKeeper: {:.2} s wall, {:.2} s CPU: {:.1} times less CPU (held to 3), wall {:.2} of pypsrp's (held to 1)",
        took.as_secs_f64(),
        cpu.as_secs_f64(),
        number("cpu") / cpu.as_secs_f64(),
        took.as_secs_f64() / number("wall")
    );
}

fn update(runtime: &tokio::runtime::Runtime, computers: &[Computer]) -> (RunProgress, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("list.cilx"), runtime.handle().clone()).unwrap();
    workspace.set_settings(Settings {
        concurrency: AT_ONCE,
        sign_in_timeout: TIMEOUT,
        operation_timeout: TIMEOUT,
        ..Settings::default()
    });
    let admin = Account::admin();
    let account = format!("{}\\{}", admin.domain, admin.user);
    workspace.set_credentials(Some(Credentials::new(&account, Secret::new(admin.password)).unwrap()));
    let put = computers.iter().cloned().map(|c| Change::PutComputer(Box::new(c)));
    workspace.edit(put.collect()).unwrap();
    let ids = computers.iter().map(|c| c.id).collect();
    let began = Instant::now();
    let run = workspace.start(Job::UpdateStatus { computers: ids }).unwrap();
    let progress = runtime.block_on(run.finished());
    (progress, began.elapsed())
}

/// CPU time of this process so far (`/proc/self/stat`, ticks of 10 ms).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// The most memory this process has had, in MB.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line
        .and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN);
    kilobytes / 1024.0
}

/// The lab, in a process of its own, told what to do by lines.
struct LabProcess {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    computers: Vec<Computer>,
}

impl LabProcess {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("lab")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut computers = Vec::new();
        loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "the lab did not start");
            let mut words = line.split_whitespace();
            let (Some(name), Some(address)) = (words.next(), words.next()) else {
                break;
            };
            let (host, port) = address.rsplit_once(':').unwrap();
            let mut computer = Computer::named(name);
            computer.connect = Some(ConnectTo {
                address: Some(host.into()),
                port: port.parse().ok(),
                way: Some(WayIn::Http),
            });
            computers.push(computer);
        }
        Self {
            child,
            input,
            output,
            computers,
        }
    }

    fn command(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// HTTP exchanges of all computers so far.
    fn round_trips(&mut self) -> u64 {
        self.command("round-trips").parse().unwrap()
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Five estates side by side, until standard input closes.
fn serve() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut labs = Vec::new();
    for second in 0..5 {
        let config = LabConfig {
            address_base: [127, 100 + second],
            latency: ROUND_TRIP,
            ..LabConfig::default()
        };
        labs.push(runtime.block_on(Lab::start(config)).unwrap());
    }
    let mut places = Vec::new();
    for (number, lab) in labs.iter().enumerate() {
        for computer in lab.computers() {
            println!("{number}-{} {}", computer.name.replace(' ', "-"), computer.address);
            places.push((number, computer.name.clone()));
        }
    }
    println!();
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["round-trips"] => {
                // A sign-in takes two exchanges.
                let trips = labs.iter().map(|lab| {
                    let total = lab.totals();
                    total.exchanges + 2 * (total.sign_ins + total.refused)
                });
                println!("{}", trips.sum::<u64>());
            }
            ["fault", place, kind] => {
                let (lab, name) = &places[place.parse::<usize>().unwrap()];
                let fault = match *kind {
                    "silent" => Fault::Silent,
                    "refuse" => Fault::Refuse,
                    "hang" => Fault::HangAfterConnect,
                    "garbage" => Fault::Garbage,
                    "close" => Fault::CloseMidAnswer,
                    _ => Fault::None,
                };
                labs[*lab].set_fault(name, fault);
                runtime.block_on(labs[*lab].settled());
                println!("ok");
            }
            _ => println!("?"),
        }
    }
}
