//! Kerberos against a Samba Active Directory and a pyspnego acceptor, which share nothing with MAKeeper; the tickets of a user
//! are got by MIT Kerberos' own `kinit`.
//!
//! `tests/kerberos.sh` puts all up and runs this inside their network; without `MAKEEPER_AD` these tests say so and pass.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it was skipped"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use makeeper::model::{FailureClass, Secret};
use makeeper::wmi::{ConnectOptions, Credentials, Namespace, Target, Trust, WmiConnection, WmiError, WsmanConnection};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "Passw0rd!Vamt";

/// True inside the network of `tests/kerberos.sh`.
fn available() -> bool {
    let is_there = std::env::var_os("MAKEEPER_AD").is_some();
    if !is_there {
        eprintln!("SKIPPED: no Active Directory here; tests/kerberos.sh puts one up");
    }
    is_there
}

struct Acceptor {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    address: String,
    port: u16,
}

impl Acceptor {
    fn start(address: &str, arguments: &[&str]) -> Self {
        let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/ntlm_server.py");
        let mut child = Command::new(std::env::var_os("MAKEEPER_PYTHON").unwrap_or_else(|| "python3".into()))
            .arg(support)
            .args(["--address", address])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let port = first.trim().strip_prefix("PORT ").unwrap().parse().unwrap();
        let address = address.to_owned();
        Self {
            child,
            lines,
            address,
            port,
        }
    }

    /// The computer `name`, whose name the acceptor's keytab knows, at the acceptor's address.
    fn target(&self, name: &str) -> Target {
        Target::new(name, false).at(Some(&self.address), Some(self.port))
    }

    fn seen(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        (&mut self.lines).lines().map(Result::unwrap).collect()
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn options() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_secs(10),
        ..ConnectOptions::default()
    }
}

async fn open(target: &Target, account: &str, options: &ConnectOptions) -> Result<WsmanConnection, WmiError> {
    let password = if account.ends_with("alice") {
        "Lab-Passw0rd"
    } else {
        PASSWORD
    };
    let credentials = Credentials::new(account, Secret::new(password)).unwrap();
    WsmanConnection::open(target, &credentials, options).await
}

#[tokio::test]
async fn every_form_of_account_signs_in_with_a_ticket_and_seals() {
    if !available() {
        return;
    }
    for (account, computer) in [
        ("LAB\\vamt", "pc001.lab.example.test"),
        ("vamt@lab.example.test", "pc001.lab.example.test"),
        ("vamt@LAB.EXAMPLE.TEST", "PC001"),
        ("lab.example.test\\VAMT", "pc001"),
    ] {
        // It takes nothing but tickets.
        let server = Acceptor::start("10.99.0.11", &["--protocol", "kerberos", "--schemes", "Negotiate"]);
        let mut connection = match open(&server.target(computer), account, &options()).await {
            Ok(connection) => connection,
            Err(error) => panic!("{account} {computer}: {error}\n{:?}", server.seen()),
        };
        let rows = connection.query(Namespace::Cimv2, "SELECT * FROM X").await.unwrap();
        assert_eq!(rows.len(), 3, "{account}");
        // One for the sign-in, two for the query.
        assert_eq!(connection.exchanges(), 3);
        let seen = server.seen();
        let sealed = |line: &&String| line.contains(" sealed ");
        assert_eq!(seen.iter().filter(sealed).count(), 2, "{seen:?}");
        assert!(seen.iter().all(|line| !line.contains(" plain ")), "{seen:?}");
    }
}

#[tokio::test]
async fn the_kerberos_scheme_is_used_where_it_is_all_there_is_and_tls_needs_no_sealing() {
    if !available() {
        return;
    }
    let only = Acceptor::start("10.99.0.11", &["--protocol", "kerberos", "--schemes", "Kerberos"]);
    let target = only.target("pc001.lab.example.test");
    open(&target, "LAB\\vamt", &options()).await.unwrap();

    let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
    let tls = support.join("server").display().to_string();
    let server = Acceptor::start("10.99.0.11", &["--protocol", "kerberos", "--tls", &tls]);
    let target = Target {
        tls: true,
        certificate_name: Some("localhost".into()),
        ..server.target("pc001.lab.example.test")
    };
    let trusting = ConnectOptions {
        trust: Trust::with_authorities(vec![support.join("ca.pem")]),
        ..options()
    };
    let mut connection = open(&target, "LAB\\vamt", &trusting).await.unwrap();
    assert_eq!(
        connection
            .query(Namespace::Cimv2, "SELECT * FROM X")
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_by_the_domain_and_no_computer_sees_it() {
    if !available() {
        return;
    }
    let server = Acceptor::start("10.99.0.11", &["--protocol", "negotiate"]);
    let wrong = Credentials::new("LAB\\vamt", Secret::new("not it")).unwrap();
    let opened = WsmanConnection::open(&server.target("pc001.lab.example.test"), &wrong, &options()).await;
    let failure = opened.map(drop).unwrap_err().failure();
    assert_eq!(failure.class, FailureClass::Credentials, "{failure}");
    assert!(failure.message.contains("the password is wrong"), "{failure}");
    assert!(server.seen().iter().all(|line| !line.starts_with("REQUEST")));
}

#[tokio::test]
async fn ntlm_is_taken_where_the_realm_knows_the_account_or_the_computer_not() {
    if !available() {
        return;
    }
    let server = Acceptor::start("10.99.0.11", &["--protocol", "negotiate"]);
    for computer in ["pc001.lab.example.test", "nowhere.lab.example.test"] {
        let mut connection = open(&server.target(computer), "LAB\\alice", &options()).await.unwrap();
        assert_eq!(
            connection
                .query(Namespace::Cimv2, "SELECT * FROM X")
                .await
                .unwrap()
                .len(),
            3
        );
    }
}

/// True in the runs of `tests/kerberos.sh` whose `KRB5CCNAME` is of this kind.
fn tickets_are(kind: &str) -> bool {
    let is_so = std::env::var("MAKEEPER_TICKETS").is_ok_and(|is| is == kind);
    if !is_so {
        eprintln!("SKIPPED: the tickets of the user are not {kind} here; tests/kerberos.sh gets such");
    }
    is_so
}

async fn open_as_user(target: &Target, options: &ConnectOptions) -> Result<WsmanConnection, WmiError> {
    WsmanConnection::open(target, &Credentials::logged_on_user(), options).await
}

#[tokio::test]
async fn the_tickets_of_the_user_sign_in_and_seal_without_a_password() {
    if !tickets_are("good") {
        return;
    }
    for computer in ["pc001.lab.example.test", "PC001"] {
        let server = Acceptor::start("10.99.0.11", &["--protocol", "kerberos", "--schemes", "Negotiate"]);
        let mut connection = match open_as_user(&server.target(computer), &options()).await {
            Ok(connection) => connection,
            Err(error) => panic!("{computer}: {error}\n{:?}", server.seen()),
        };
        let rows = connection.query(Namespace::Cimv2, "SELECT * FROM X").await.unwrap();
        assert_eq!((rows.len(), connection.exchanges()), (3, 3), "{computer}");
        let seen = server.seen();
        let sealed = |line: &&String| line.contains(" sealed ");
        assert_eq!(seen.iter().filter(sealed).count(), 2, "{seen:?}");
        assert!(
            seen.iter()
                .any(|line| line.eq_ignore_ascii_case("USER vamt@LAB.EXAMPLE.TEST")),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn where_tickets_do_not_lead_in_no_other_sign_in_is_tried() {
    if !tickets_are("good") {
        return;
    }
    let server = Acceptor::start("10.99.0.11", &["--protocol", "ntlm"]);
    let unknown = server.target("nowhere.lab.example.test");
    let by_address = server.target("10.99.0.11");
    for (target, class, told) in [
        (
            unknown,
            FailureClass::NotAllowed,
            "the realm does not know the account or the computer",
        ),
        (
            by_address,
            FailureClass::NotAllowed,
            "tickets are for names, not for addresses",
        ),
    ] {
        let failure = open_as_user(&target, &options()).await.map(drop).unwrap_err().failure();
        assert_eq!(failure.class, class, "{failure}");
        assert!(failure.message.contains(told), "{failure}");
        assert!(
            failure.message.contains("Give an account and its password"),
            "{failure}"
        );
    }
    assert!(server.seen().iter().all(|line| !line.starts_with("REQUEST")));
    let basic = Acceptor::start("10.99.0.11", &["--protocol", "ntlm", "--schemes", "Basic"]);
    let target = basic.target("pc001.lab.example.test");
    let failure = open_as_user(&target, &options()).await.map(drop).unwrap_err().failure();
    assert_eq!(failure.class, FailureClass::Credentials, "{failure}");
    assert!(
        failure
            .message
            .contains("offers Basic and does not take the user's Kerberos ticket"),
        "{failure}"
    );
}

#[tokio::test]
async fn tickets_that_sign_nobody_in_say_why_and_no_computer_is_asked() {
    if !tickets_are("bad") {
        return;
    }
    let told = std::env::var("MAKEEPER_TICKETS_SAY").unwrap();
    let server = Acceptor::start("10.99.0.11", &["--protocol", "negotiate"]);
    let target = server.target("pc001.lab.example.test");
    let failure = open_as_user(&target, &options()).await.map(drop).unwrap_err().failure();
    assert_eq!(failure.class, FailureClass::Credentials, "{failure}");
    assert!(failure.message.contains(&told), "{failure}");
    assert!(server.seen().iter().all(|line| !line.starts_with("REQUEST")));
}

/// The program itself, with nothing said about who signs in: the tickets do, or it says what is wrong with them.
#[test]
fn the_command_line_takes_the_tickets_of_the_user_where_no_account_is_given() {
    let (kind, told) = (std::env::var("MAKEEPER_TICKETS"), std::env::var("MAKEEPER_TICKETS_SAY"));
    let Ok(kind) = kind else {
        eprintln!("SKIPPED: no tickets of the user here; tests/kerberos.sh gets some");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Acceptor::start("10.99.0.11", &["--protocol", "kerberos"]);
    let list = format!("name,address,port\npc001.lab.example.test,10.99.0.11,{}\n", server.port);
    std::fs::write(folder.path().join("list.csv"), list).unwrap();
    let run = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_makeeper"));
        let output = program
            .current_dir(&folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
    };
    run(&["discover", "l.cilx", "--from", "list.csv"]);
    let said = run(&["update", "l.cilx"]);
    let seen = server.seen();
    if kind == "good" {
        assert!(said.contains("Kerberos tickets of vamt@LAB.EXAMPLE.TEST"), "{said}");
        assert!(seen.iter().any(|line| line.contains(" sealed ")), "{said}\n{seen:?}");
    } else {
        assert!(said.contains("no account to sign in with"), "{said}");
        assert!(said.contains(&told.unwrap()), "{said}");
        assert!(seen.iter().all(|line| !line.starts_with("REQUEST")));
    }
}

/// A proxy in front of the Kerberos server that counts what it is asked, if `tests/kerberos.sh` has made a place for it.
async fn counting_proxy() -> Option<Arc<AtomicUsize>> {
    let Ok(proxy) = std::env::var("MAKEEPER_KDC_PROXY") else {
        eprintln!("SKIPPED: no proxy in front of the Kerberos server; tests/kerberos.sh makes one");
        return None;
    };
    let questions = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind(&proxy).await.unwrap();
    let counted = Arc::clone(&questions);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut server = TcpStream::connect("10.99.0.1:88").await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    Some(questions)
}

#[tokio::test]
async fn a_second_computer_costs_one_question_to_the_domain_and_with_tickets_so_does_the_first() {
    let Some(questions) = counting_proxy().await else {
        return;
    };
    let options = options();
    let by_tickets = tickets_are("good");
    let mut costs = Vec::new();
    for number in ["1", "2", "3"] {
        let server = Acceptor::start(&format!("10.99.0.1{number}"), &["--protocol", "kerberos"]);
        let before = questions.load(Ordering::SeqCst);
        let target = server.target(&format!("pc00{number}.lab.example.test"));
        if by_tickets {
            open_as_user(&target, &options).await.unwrap();
        } else {
            open(&target, "LAB\\vamt", &options).await.unwrap();
        }
        costs.push(questions.load(Ordering::SeqCst) - before);
    }
    assert_eq!(costs, if by_tickets { [1, 1, 1] } else { [3, 1, 1] });
}
