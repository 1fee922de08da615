//! What tests of discovery share: findings in one place, and a name server that somebody else wrote.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::discovery::{DnsFailure, FINDINGS_AHEAD, Finding, Findings, FoundComputer, Resolver};
use tokio::sync::mpsc;

/// Everything that a source told.
pub struct Told {
    pub computers: Vec<FoundComputer>,
    pub notes: Vec<String>,
    pub progress: Vec<(usize, Option<usize>)>,
}

impl Told {
    pub fn computer(&self, name: &str) -> &FoundComputer {
        let found = self.computers.iter().find(|c| c.name == name);
        found.unwrap_or_else(|| panic!("{name} was not told: {:?} {:?}", self.names(), self.notes))
    }

    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.computers.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// Runs a source and takes its findings meanwhile.
pub async fn run<T>(source: impl AsyncFnOnce(&Findings) -> T) -> (T, Told) {
    let (sender, mut receiver) = mpsc::channel(FINDINGS_AHEAD);
    let taking = async move {
        let mut told = Told {
            computers: Vec::new(),
            notes: Vec::new(),
            progress: Vec::new(),
        };
        while let Some(finding) = receiver.recv().await {
            match finding {
                Finding::Computer(computer) => told.computers.push(*computer),
                Finding::Note(note) => told.notes.push(note),
                Finding::Progress { done, total } => told.progress.push((done, total)),
            }
        }
        told
    };
    let running = async move {
        let ended = source(&sender).await;
        drop(sender);
        ended
    };
    tokio::join!(running, taking)
}

/// dnsmasq with a configuration of its own, until it is dropped.
pub struct Dnsmasq {
    child: Child,
    pub at: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Dnsmasq {
    /// Starts it at `address` on a free port; `None` where it is not installed, which the proof run does not accept.
    pub async fn start(address: &str, config: &str) -> Option<Self> {
        let installed = ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq", "/usr/local/sbin/dnsmasq"];
        let Some(program) = installed.into_iter().find(|path| Path::new(path).exists()) else {
            assert!(std::env::var_os("CI").is_none(), "dnsmasq-base is not installed");
            eprintln!("SKIPPED: dnsmasq is not installed (apt-get install dnsmasq-base)");
            return None;
        };
        let free = std::net::UdpSocket::bind((address, 0)).unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dnsmasq.conf");
        let fixed = format!(
            "port={}\nlisten-address={address}\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\nlocal-ttl=77\n\
             pid-file={}\nlog-facility=-\n",
            at.port(),
            folder.path().join("pid").display()
        );
        std::fs::write(&path, fixed + config).unwrap();
        let mut command = Command::new(program);
        command
            .arg("--keep-in-foreground")
            .arg(format!("--conf-file={}", path.display()));
        // As root it would change to an account that may not exist here.
        command.arg(format!("--user={}", account()));
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut started = Self {
            child,
            at,
            _folder: folder,
        };
        started.until_it_answers().await;
        Some(started)
    }

    pub fn resolver(&self, suffixes: &[&str]) -> Resolver {
        let suffixes: Vec<String> = suffixes.iter().map(|s| (*s).to_owned()).collect();
        Resolver::with_servers(&[self.at], &suffixes)
    }

    async fn until_it_answers(&mut self) {
        let resolver = self.resolver(&[]);
        let until = Instant::now() + Duration::from_secs(20);
        // Nothing tells from outside that it listens, except that it answers.
        while let Err(DnsFailure::NoServer { detail, .. }) =
            resolver.services("_up._tcp.started.test", Duration::from_secs(1)).await
        {
            assert!(self.child.try_wait().unwrap().is_none(), "dnsmasq ended");
            assert!(Instant::now() < until, "dnsmasq does not answer: {detail}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn account() -> String {
    std::env::var("USER")
        .ok()
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| "root".to_owned())
}
