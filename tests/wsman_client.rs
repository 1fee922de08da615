//! The WS-Management client against sign-in and sealing that MAKeeper did not write: PyPI `pyspnego` behind a small HTTP
//! server (tests/support/ntlm_server.py).
//!
//! `MAKEEPER_PYTHON` names the Python to use, else `python3`. Without pyspnego these tests say so and pass; in CI (`CI` is
//! set) they fail instead.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it was skipped"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use makeeper::model::{FailureClass, HResult, Secret};
use makeeper::wmi::{
    ConnectOptions, Credentials, Namespace, ObjectPath, Param, Target, Trust, Value, WmiConnection, WmiError,
    WsmanConnection,
};
use makeeper::wsman;

const KEY: ObjectPath<'_> = ObjectPath {
    namespace: Namespace::Cimv2,
    class: "SoftwareLicensingService",
    key: Some(("Version", "10.0.26100.1")),
};

fn support(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(file)
}

/// The Python that has pyspnego.
fn python() -> Command {
    Command::new(std::env::var_os("MAKEEPER_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// True if the tests can run; in CI they must.
fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let found = python()
            .args(["-c", "import spnego"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        assert!(
            found || std::env::var_os("CI").is_none(),
            "Python with pyspnego is missing: pip install pyspnego"
        );
        if !found {
            eprintln!("skipped: Python with pyspnego is missing (pip install pyspnego)");
        }
        found
    })
}

struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = python()
            .arg(support("ntlm_server.py"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let port = first.trim().strip_prefix("PORT ").unwrap().parse().unwrap();
        Self { child, lines, port }
    }

    fn target(&self) -> Target {
        Target::new("LAB-PC-014", false).at(Some("127.0.0.1"), Some(self.port))
    }

    /// What the server saw. Ends it.
    fn seen(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        (&mut self.lines).lines().map(Result::unwrap).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn alice() -> Credentials {
    Credentials::new("LAB\\alice", Secret::new("Lab-Passw0rd")).unwrap()
}

fn quick() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_secs(5),
        sign_in_timeout: Duration::from_secs(10),
        operation_timeout: Duration::from_secs(10),
        answer_margin: Duration::ZERO,
        ..ConnectOptions::default()
    }
}

async fn open(server: &Server) -> Result<WsmanConnection, WmiError> {
    WsmanConnection::open(&server.target(), &alice(), &quick()).await
}

async fn query(connection: &mut WsmanConnection) -> Result<Vec<String>, WmiError> {
    let rows = connection
        .query(Namespace::Cimv2, "SELECT Name FROM X WHERE a <> null")
        .await?;
    Ok(rows.iter().map(|row| row.text("Name").unwrap().to_owned()).collect())
}

async fn install(connection: &mut WsmanConnection, key: &str) -> Result<(), WmiError> {
    let parameters = [("ProductKey", Param::Secret(key))];
    connection.invoke(KEY, "InstallProductKey", &parameters).await.map(drop)
}

/// Everything a connection does, and how many exchanges it took.
async fn whole_conversation(server: &Server) -> u64 {
    let mut connection = open(server).await.unwrap();
    let products = ["Product 1 Größe", "Product 2 Größe", "Product 3 Größe"];
    let found = query(&mut connection).await.unwrap();
    assert!(
        !found.is_empty() && products.ends_with(&found.iter().map(String::as_str).collect::<Vec<_>>()),
        "{found:?}"
    );
    let rows = connection.query(Namespace::Cimv2, "SELECT * FROM X").await.unwrap();
    assert_eq!(rows[0].get("ProductKeyID"), Some(&Value::Null));
    assert_eq!(rows[0].array("IP"), ["1", "2"]);
    let missing = connection
        .query(Namespace::Cimv2, "SELECT * FROM Missing")
        .await
        .unwrap_err();
    assert!(
        matches!(missing, WmiError::NoSuchClass { ref class, .. } if class == "Missing"),
        "{missing}"
    );
    install(&mut connection, "FKFKF-22222-22222-22222-22222").await.unwrap();
    let refused = install(&mut connection, "TRYMY-22222-22222-22222-22222")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(HResult(0xC004_F050)));
    assert!(refused.to_string().contains("The key is invalid."), "{refused}");
    connection.exchanges()
}

fn assert_nothing_in_clear(seen: &[String], port: u16) {
    let requests: Vec<_> = seen.iter().filter(|line| line.starts_with("REQUEST")).collect();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(!request.contains(" plain "), "{request}");
        let is_sealed = request.contains(" sealed ");
        assert_eq!(is_sealed, request.contains(" none "), "tokens travel alone: {request}");
        assert!(request.ends_with(&format!("127.0.0.1:{port}")), "{request}");
    }
}

#[tokio::test]
async fn raw_ntlm_signs_in_and_seals() {
    if available() {
        let server = Server::start(&["--protocol", "ntlm"]);
        // Two for the sign-in, two for each query, one for the fault and each method.
        assert_eq!(whole_conversation(&server).await, 2 + 2 + 2 + 1 + 2);
        let port = server.port;
        assert_nothing_in_clear(&server.seen(), port);
    }
}

#[tokio::test]
async fn spnego_signs_in_and_seals_where_raw_tokens_are_refused() {
    if available() {
        let server = Server::start(&["--mode", "spnego-only"]);
        assert_eq!(whole_conversation(&server).await, 1 + 2 + 7);
        let port = server.port;
        let seen = server.seen();
        assert!(seen.iter().any(|line| line.starts_with("REFUSED")), "{seen:?}");
        assert_nothing_in_clear(&seen, port);
    }
}

#[tokio::test]
async fn the_ntlm_scheme_is_used_where_it_is_all_there_is() {
    if available() {
        whole_conversation(&Server::start(&[
            "--protocol",
            "ntlm",
            "--schemes",
            "Kerberos,NTLM,Basic",
        ]))
        .await;
    }
}

#[tokio::test]
async fn an_odd_dialect_is_understood() {
    // Chunked, joined and lower-case headers, UTF-16, a blank after the boundary's dashes, no optimised enumeration.
    if available() {
        let server = Server::start(&["--mode", "odd", "--schemes", "Kerberos,Negotiate"]);
        whole_conversation(&server).await;
    }
}

#[tokio::test]
async fn every_form_of_account_signs_in() {
    if available() {
        let server = Server::start(&[]);
        for (account, password) in [
            ("lab\\ALICE", "Lab-Passw0rd"),
            ("bob@lab.example", "Lab-Passw0rd"),
            ("Jürgen", "Größe-1!"),
            (".\\Jürgen", "Größe-1!"),
            ("LAB\\hash", "$NTLM$:not-a-hash"),
        ] {
            let credentials = Credentials::new(account, Secret::new(password)).unwrap();
            if let Err(error) = WsmanConnection::open(&server.target(), &credentials, &quick()).await {
                panic!("{account}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_from_everything_else_and_tried_once() {
    if available() {
        for protocol in ["ntlm", "negotiate"] {
            let server = Server::start(&["--protocol", protocol]);
            let credentials = Credentials::new("LAB\\alice", Secret::new("wrong-sesame")).unwrap();
            let error = WsmanConnection::open(&server.target(), &credentials, &quick())
                .await
                .map(drop)
                .unwrap_err();
            assert_eq!(error.failure().class, FailureClass::Credentials, "{error}");
            assert!(error.to_string().contains("LAB-PC-014") && error.to_string().contains("LAB\\alice"));
            assert!(!error.to_string().contains("sesame"));
            let refused = server.seen().iter().filter(|line| line.starts_with("REFUSED")).count();
            assert_eq!(refused, 1, "each failed sign-in counts towards a lock-out");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_inside_spnego_is_a_wrong_password() {
    if available() {
        let server = Server::start(&["--mode", "spnego-only"]);
        let credentials = Credentials::new("LAB\\alice", Secret::new("wrong")).unwrap();
        let error = WsmanConnection::open(&server.target(), &credentials, &quick())
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Credentials, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_offers_only_basic_over_http_never_sees_the_password() {
    if available() {
        let server = Server::start(&["--schemes", "Basic"]);
        let error = open(&server).await.map(drop).unwrap_err();
        assert_eq!(error.failure().class, FailureClass::NotAllowed, "{error}");
        assert!(error.to_string().contains("offers only Basic"), "{error}");
        let seen = server.seen();
        assert!(
            seen.iter()
                .all(|line| !line.contains("REQUEST Basic") && !line.contains("plain")),
            "{seen:?}"
        );
        let server = Server::start(&["--schemes", "Kerberos,CredSSP"]);
        let error = open(&server).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("Kerberos, CredSSP"), "{error}");
    }
}

async fn query_against(mode: &str) -> (WmiError, Vec<String>) {
    let server = Server::start(&["--mode", mode]);
    let mut connection = open(&server).await.unwrap();
    let error = query(&mut connection).await.unwrap_err();
    (error, server.seen())
}

#[tokio::test]
async fn answers_that_are_not_sealed_are_refused() {
    if available() {
        for mode in ["plaintext", "html"] {
            let (error, _) = query_against(mode).await;
            assert_eq!(error.failure().class, FailureClass::Protocol, "{error}");
            assert!(error.to_string().contains("in clear text with HTTP 200 OK"), "{error}");
        }
    }
}

#[tokio::test]
async fn altered_answers_are_refused_and_the_connection_is_dropped() {
    if available() {
        for (mode, words) in [
            ("tampered", "altered"),
            ("wrong-length", "altered"),
            ("wrong-reply", "another request"),
        ] {
            let (error, _) = query_against(mode).await;
            assert_eq!(error.failure().class, FailureClass::Protocol, "{error}");
            assert!(error.to_string().contains(words), "{mode}: {error}");
        }
    }
}

#[tokio::test]
async fn an_answer_cut_off_is_asked_for_once_more_by_a_query_and_never_by_a_method() {
    if available() {
        let sealed = |seen: Vec<String>| seen.iter().filter(|line| line.contains(" sealed ")).count();
        let (error, seen) = query_against("close-midway").await;
        assert_eq!(error.failure().class, FailureClass::Network, "{error}");
        assert!(error.to_string().contains("in the middle of its answer"), "{error}");
        assert_eq!(sealed(seen), 2);
        let server = Server::start(&["--mode", "close-midway"]);
        let mut connection = open(&server).await.unwrap();
        let error = install(&mut connection, "FKFKF-22222-22222-22222-22222")
            .await
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Network, "{error}");
        assert_eq!(sealed(server.seen()), 1);
    }
}

#[tokio::test]
async fn a_connection_dropped_between_requests_is_opened_again() {
    if available() {
        let server = Server::start(&["--mode", "drop-once"]);
        let mut connection = open(&server).await.unwrap();
        // The second answer, that to the Pull, never comes: the whole query runs again.
        assert_eq!(query(&mut connection).await.unwrap().len(), 3);
        let logins = server
            .seen()
            .iter()
            .filter(|line| line.contains("REQUEST Negotiate"))
            .count();
        assert_eq!(logins, 4);
    }
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_asked_all_the_same() {
    if available() {
        let server = Server::start(&["--mode", "close-each"]);
        // Seven answers, each with a sign-in of two exchanges before it.
        assert_eq!(whole_conversation(&server).await, 7 * 3);
    }
}

#[tokio::test]
async fn an_operation_that_is_cancelled_leaves_nothing_behind() {
    if available() {
        let server = Server::start(&["--mode", "silent-once"]);
        let mut connection = open(&server).await.unwrap();
        let cancelled = tokio::time::timeout(Duration::from_millis(300), query(&mut connection)).await;
        assert!(cancelled.is_err());
        assert_eq!(query(&mut connection).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_silent_computer_costs_its_time_out_and_no_more() {
    if available() {
        let server = Server::start(&["--mode", "silent"]);
        let options = ConnectOptions {
            operation_timeout: Duration::from_millis(300),
            ..quick()
        };
        let mut connection = WsmanConnection::open(&server.target(), &alice(), &options)
            .await
            .unwrap();
        let started = Instant::now();
        let error = install(&mut connection, "FKFKF-22222-22222-22222-22222")
            .await
            .unwrap_err();
        assert!(matches!(error, WmiError::TimedOut { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn batches_shrink_when_answers_are_too_large() {
    if available() {
        let server = Server::start(&["--mode", "small"]);
        let mut connection = open(&server).await.unwrap();
        assert_eq!(query(&mut connection).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_context_that_is_not_renewed_stays_good() {
    if available() {
        for mode in ["keep-context", "no-end"] {
            let server = Server::start(&["--mode", mode]);
            let mut connection = open(&server).await.unwrap();
            assert_eq!(query(&mut connection).await.unwrap().len(), 4, "{mode}");
        }
    }
}

#[tokio::test]
async fn a_list_is_whole_only_where_the_computer_says_so() {
    if available() {
        // A context of elements, and an answer to a Pull that has nothing and says nothing.
        for mode in ["nested", "gap"] {
            let server = Server::start(&["--mode", mode]);
            let mut connection = open(&server).await.unwrap();
            assert_eq!(query(&mut connection).await.unwrap().len(), 3, "{mode}");
        }
        let (error, _) = query_against("unsaid").await;
        assert_eq!(error.failure().class, FailureClass::Protocol, "{error}");
        assert!(error.to_string().contains("whether that is all"), "{error}");
    }
}

#[tokio::test]
async fn a_return_value_is_success_only_when_it_is_zero() {
    if available() {
        let server = Server::start(&[]);
        let mut connection = open(&server).await.unwrap();
        let error = connection.invoke(KEY, "ReArmWindows", &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(HResult(0xC004_F074)), "{error}");
        let error = connection.invoke(KEY, "RefreshLicenseStatus", &[]).await.unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Protocol, "{error}");
        let registry = ObjectPath {
            namespace: Namespace::Default,
            class: "StdRegProv",
            key: None,
        };
        let output = connection.invoke(registry, "ReArmWindows", &[]).await.unwrap();
        assert_eq!(output.number("ReturnValue"), Some(-1_073_418_124));
    }
}

#[tokio::test]
async fn identify_says_who_is_there() {
    if available() {
        let server = Server::start(&[]);
        let identity = wsman::identify(&server.target(), &alice(), &quick()).await.unwrap();
        assert_eq!(identity.vendor, "pyspnego");
    }
}

fn tls_target(server: &Server, host: &str) -> Target {
    Target::new("LAB-PC-014", true).at(Some(host), Some(server.port))
}

fn trusting() -> ConnectOptions {
    ConnectOptions {
        trust: Trust::with_authorities(vec![support("tls/ca.pem")]),
        ..quick()
    }
}

#[tokio::test]
async fn https_signs_in_bound_to_the_certificate() {
    if available() {
        let tls = support("tls/server").display().to_string();
        for protocol in ["ntlm", "negotiate"] {
            let server = Server::start(&["--tls", &tls, "--protocol", protocol]);
            let target = tls_target(&server, "localhost");
            let mut connection = WsmanConnection::open(&target, &alice(), &trusting()).await.unwrap();
            assert_eq!(query(&mut connection).await.unwrap().len(), 3);
        }
    }
}

#[tokio::test]
async fn a_sign_in_relayed_through_another_certificate_is_worth_nothing() {
    if available() {
        let tls = support("tls/server").display().to_string();
        let server = Server::start(&["--tls", &tls, "--mode", "relayed"]);
        let target = tls_target(&server, "localhost");
        let error = WsmanConnection::open(&target, &alice(), &trusting())
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Credentials, "{error}");
        assert!(server.seen().iter().any(|line| line.contains("BadBindings")));
    }
}

#[tokio::test]
async fn basic_runs_over_tls_where_nothing_better_is_offered() {
    if available() {
        let tls = support("tls/server").display().to_string();
        let server = Server::start(&["--tls", &tls, "--schemes", "Basic"]);
        let target = tls_target(&server, "127.0.0.1");
        let mut connection = WsmanConnection::open(&target, &alice(), &trusting()).await.unwrap();
        assert_eq!(query(&mut connection).await.unwrap().len(), 3);
        let wrong = Credentials::new("LAB\\alice", Secret::new("wrong")).unwrap();
        let error = WsmanConnection::open(&target, &wrong, &trusting())
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Credentials, "{error}");
    }
}

#[tokio::test]
async fn basic_runs_over_tls_where_the_other_ways_are_offered_and_switched_off() {
    if available() {
        let tls = support("tls/server").display().to_string();
        let arguments = ["--tls", &tls, "--schemes", "Negotiate,Basic", "--mode", "no-tokens"];
        let server = Server::start(&arguments);
        let target = tls_target(&server, "127.0.0.1");
        let mut connection = WsmanConnection::open(&target, &alice(), &trusting()).await.unwrap();
        assert_eq!(query(&mut connection).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_before_anything_is_sent() {
    if available() {
        let tls = support("tls/server").display().to_string();
        let server = Server::start(&["--tls", &tls]);
        let error = WsmanConnection::open(&tls_target(&server, "localhost"), &alice(), &quick())
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Certificate, "{error}");
        let mut elsewhere = tls_target(&server, "localhost");
        elsewhere.certificate_name = Some("lab-pc-015".to_owned());
        let error = WsmanConnection::open(&elsewhere, &alice(), &trusting())
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Certificate, "{error}");
        assert!(server.seen().iter().all(|line| !line.starts_with("REQUEST")));
    }
}
