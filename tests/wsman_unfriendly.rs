//! Whatever answers on the port: each case gets its own class, names the computer and costs its time-out at most.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::time::{Duration, Instant};

use makeeper::model::{Failure, FailureClass, Secret};
use makeeper::wmi::{ConnectOptions, Credentials, Target, WsmanConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn options() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_millis(700),
        sign_in_timeout: Duration::from_millis(700),
        operation_timeout: Duration::from_secs(1),
        answer_margin: Duration::ZERO,
        ..ConnectOptions::default()
    }
}

async fn failure_of(target: Target) -> Failure {
    let started = Instant::now();
    let failure = failure_with(target, options()).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{failure}");
    failure
}

async fn failure_with(target: Target, options: ConnectOptions) -> Failure {
    let credentials = Credentials::new("LAB\\alice", Secret::new("open sesame")).unwrap();
    let error = WsmanConnection::open(&target, &credentials, &options)
        .await
        .map(drop)
        .unwrap_err();
    let failure = error.failure();
    assert!(failure.message.starts_with("LAB-PC-014 ("), "{failure}");
    assert!(!failure.message.contains("sesame"));
    failure
}

async fn listen<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Target::new("LAB-PC-014", false).at(Some("127.0.0.1"), Some(port))
}

/// Reads a request without a body and writes this answer to each.
async fn answer_all(mut stream: TcpStream, answer: &'static str) {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(n) if n > 0 => request.extend_from_slice(&piece[..n]),
            _ => return,
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

macro_rules! answers {
    ($answer:literal) => {
        failure_of(listen(|stream| answer_all(stream, $answer)).await).await
    };
}

#[tokio::test]
async fn an_unknown_name_is_not_found() {
    let failure = failure_of(Target::new("LAB-PC-014", false).at(Some("lab-pc-014.invalid"), None)).await;
    assert_eq!(failure.class, FailureClass::NameNotFound, "{failure}");
    assert!(failure.message.contains("lab-pc-014.invalid"));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = failure_of(Target::new("LAB-PC-014", false).at(Some("127.0.0.1"), Some(port))).await;
    assert_eq!(failure.class, FailureClass::Refused, "{failure}");
}

#[tokio::test]
async fn ipv6_literals_are_reached() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        // A machine without IPv6 has nothing to test.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for host in ["::1", "[::1]"] {
        let failure = failure_of(Target::new("LAB-PC-014", false).at(Some(host), Some(port))).await;
        assert_eq!(failure.class, FailureClass::Refused, "{failure}");
        assert!(failure.message.contains(&format!("[::1]:{port}")), "{failure}");
    }
}

async fn swallow(mut stream: TcpStream) {
    let mut sink = Vec::new();
    let _ = stream.read_to_end(&mut sink).await;
}

#[tokio::test]
async fn silence_is_no_answer() {
    let target = listen(swallow).await;
    assert_eq!(failure_of(target.clone()).await.class, FailureClass::Hung);
    let tls = Target { tls: true, ..target };
    let failure = failure_of(tls).await;
    assert_eq!(failure.class, FailureClass::Hung, "{failure}");
    assert!(failure.message.contains("TLS handshake"), "{failure}");
}

async fn trickle(mut stream: TcpStream) {
    for byte in b"HTTP/1.1 401 Unauthorized\r\n".iter().cycle() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_that_trickles_in_is_no_answer() {
    assert_eq!(failure_of(listen(trickle).await).await.class, FailureClass::Hung);
}

async fn hang_up(stream: TcpStream) {
    drop(stream);
}

#[tokio::test]
async fn a_hang_up_is_a_network_fault() {
    let target = listen(hang_up).await;
    assert_eq!(failure_of(target.clone()).await.class, FailureClass::Network);
    assert_eq!(
        failure_of(Target { tls: true, ..target }).await.class,
        FailureClass::Network
    );
}

async fn talk_first(mut stream: TcpStream) {
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
    let _ = stream.read(&mut [0; 1024]).await;
}

async fn plain(mut stream: TcpStream) {
    let mut hello = [0; 1024];
    let _ = stream.read(&mut hello).await;
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
}

#[tokio::test]
async fn other_protocols_are_named_as_such() {
    for failure in [
        answers!("SSH-2.0-OpenSSH_9.2p1\r\n"),
        answers!("\u{16}\u{3}\u{3}\0\u{2}\u{2}\u{16}\r\n\r\n"),
    ] {
        assert_eq!(failure.class, FailureClass::Protocol, "{failure}");
        assert!(failure.message.contains("not HTTP"), "{failure}");
    }
    let failure = failure_of(listen(talk_first).await).await;
    assert_eq!(failure.class, FailureClass::Protocol, "{failure}");
    let tls = Target {
        tls: true,
        ..listen(plain).await
    };
    let failure = failure_of(tls).await;
    assert_eq!(failure.class, FailureClass::Protocol, "{failure}");
    assert!(failure.message.contains("does not speak TLS"), "{failure}");
}

#[tokio::test]
async fn a_web_server_that_is_none_of_ours_is_quoted() {
    let page = answers!("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n<html>It works!</html");
    assert_eq!(page.class, FailureClass::Protocol, "{page}");
    assert!(page.message.contains("HTTP 200 OK (\"It works!\")"), "{page}");
    let missing = answers!("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(missing.class, FailureClass::Protocol);
    assert!(missing.message.contains("no WS-Management at /wsman"), "{missing}");
    let moved = answers!("HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(moved.class, FailureClass::Protocol);
    assert!(moved.message.contains("HTTP 302"), "{moved}");
    let forbidden = answers!("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(forbidden.class, FailureClass::AccessDenied);
}

#[tokio::test]
async fn a_sign_in_that_leads_nowhere_ends() {
    let bare = answers!("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(bare.class, FailureClass::Protocol, "{bare}");
    let garbage =
        answers!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate QUJDREVG\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(garbage.class, FailureClass::Protocol, "{garbage}");
    let digest =
        answers!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a, b\"\r\nContent-Length: 0\r\n\r\n");
    assert!(digest.message.contains("it offers Digest"), "{digest}");
}

async fn flood(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let block = vec![b' '; 1 << 20];
    while stream.write_all(&block).await.is_ok() {}
}

async fn headers(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
    while stream
        .write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
        .await
        .is_ok()
    {}
}

#[tokio::test]
async fn too_much_is_cut_off() {
    let patient = ConnectOptions {
        sign_in_timeout: Duration::from_mins(1),
        ..options()
    };
    let failure = failure_with(listen(flood).await, patient).await;
    assert_eq!(failure.class, FailureClass::Protocol, "{failure}");
    assert!(failure.message.contains("more than 32 MiB"), "{failure}");
    let failure = failure_of(listen(headers).await).await;
    assert_eq!(failure.class, FailureClass::Protocol, "{failure}");
}
