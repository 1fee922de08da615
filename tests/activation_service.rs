//! The activation service over real sockets: what is sent, what is accepted as an answer, and what each failure means for
//! the activation it may have cost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod activation_support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use activation_support::{Asked, Reply, TestService, envelope, item, ok};
use makeeper::activation::{ActivationError, Proxy, ProxyUser, Refusal, Secret, Service, ServiceConfig};
use makeeper::model::{ExtendedPid, FailureClass, HResult, InstallationId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PID: &str = "00329-03290-000-000003-03-1033-26100.0000-0012026";
const IID: &str = "253037440405119108201413961093786848722385303726677949056629205";
const OTHER_IID: &str = "000963843315259493598506854253663081409973656140419231";

fn pid() -> ExtendedPid {
    ExtendedPid::parse(PID).unwrap()
}

fn iid() -> InstallationId {
    InstallationId::parse(IID).unwrap()
}

/// Eight groups of zeros: fitting check digits, visibly no real confirmation ID.
fn cid() -> String {
    "0".repeat(48)
}

fn config(url: String) -> ServiceConfig {
    ServiceConfig {
        url,
        proxy: Proxy::None,
        timeout: Duration::from_secs(20),
        retries: 2,
        retry_pause: Duration::from_millis(5),
        ..ServiceConfig::default()
    }
}

fn client(service: &TestService) -> Service {
    Service::new(config(service.url())).unwrap()
}

fn confirmed(asked: &Asked) -> Reply {
    let iid = asked.iid.clone().unwrap_or_default();
    ok(item(&[
        ("PID", &asked.pid),
        ("ActivationRemaining", "-1"),
        ("IID", &iid),
        ("CID", &cid()),
    ]))
}

#[tokio::test]
async fn a_confirmation_id_is_acquired() {
    let service = TestService::start(|asked, _| confirmed(asked)).await;
    let acquired = client(&service).acquire(&pid(), &iid()).await.unwrap();
    assert_eq!(acquired.confirmation_id.digits(), cid());
    assert_eq!(acquired.remaining, None, "-1 means not available");
    let asked = service.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].kind, asked[0].pid.as_str(), asked[0].iid.as_deref()),
        (1, PID, Some(IID))
    );
}

#[tokio::test]
async fn the_remaining_count_is_asked_without_an_installation_id() {
    let service = TestService::start(|asked, number| {
        let count = ["80", "-1", "0"][number - 1];
        ok(item(&[("PID", &asked.pid), ("ActivationRemaining", count)]))
    })
    .await;
    let client = client(&service);
    assert_eq!(client.remaining(&pid()).await.unwrap(), Some(80));
    assert_eq!(client.remaining(&pid()).await.unwrap(), None);
    assert_eq!(client.remaining(&pid()).await.unwrap(), Some(0));
    assert!(service.asked().iter().all(|a| a.kind == 2 && a.iid.is_none()));
}

#[tokio::test]
async fn refusals_are_named_and_cost_nothing() {
    let cases = [
        ("0x67", Refusal::KeyBlocked),
        ("0x68", Refusal::InvalidKey),
        ("0x71", Refusal::ActivationConfiguration),
        ("0x7F", Refusal::LimitExceeded),
        ("0x86", Refusal::InvalidKeyType),
        ("0x8D", Refusal::InstallationIdUsedUp),
        ("0x8F", Refusal::NotSupported),
        ("0x90", Refusal::InstallationIdRefused),
        ("0xD5", Refusal::InstallationIdBlocked),
        ("0xD6", Refusal::InstallationIdBlocked),
        ("0x99", Refusal::Other),
    ];
    for (code, refusal) in cases {
        let service = TestService::start(move |asked, _| ok(item(&[("PID", &asked.pid), ("ErrorCode", code)]))).await;
        let error = client(&service).acquire(&pid(), &iid()).await.unwrap_err();
        assert_eq!(error.refusal(), Some(refusal), "{code}");
        assert!(
            !error.may_have_been_charged() && error.to_string().contains(code),
            "{error}"
        );
        let failure = error.failure();
        assert_eq!(
            (failure.class, failure.code),
            (FailureClass::Service, HResult::parse(code))
        );
        assert_eq!(service.asked().len(), 1, "{code} was asked again");
    }
}

#[tokio::test]
async fn an_error_of_the_whole_batch_is_an_error_of_its_only_item() {
    let service = TestService::start(|_, _| {
        ok(envelope(
            "<ActivationResponse><Responses/><ErrorInfo><ErrorCode>0x86</ErrorCode></ErrorInfo></ActivationResponse>",
        ))
    })
    .await;
    let error = client(&service).acquire(&pid(), &iid()).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::InvalidKeyType));
}

#[tokio::test]
async fn trouble_of_the_service_is_waited_out() {
    let service = TestService::start(|asked, number| match number {
        1 => ok(item(&[("PID", &asked.pid), ("ErrorCode", "0x80131509")])),
        2 => ok(item(&[("PID", &asked.pid), ("ErrorCode", "0x80004003")])),
        _ => confirmed(asked),
    })
    .await;
    assert!(client(&service).acquire(&pid(), &iid()).await.is_ok());
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn what_may_have_been_charged_is_never_asked_again_by_itself() {
    let wrong_cid = format!("1{}", "0".repeat(47));
    let other_pid = "00329-03290-000-000004-03-1033-26100.0000-0012026";
    let page = "<!DOCTYPE html><html><head><title>Runtime Error</title></head></html>".to_owned();
    let html = || vec![("content-type", "text/html".to_owned())];
    let fault = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><faultcode>s:Server\
                 </faultcode><faultstring>Object reference not set</faultstring></s:Fault></s:Body></s:Envelope>";
    let cases: Vec<(Reply, &str)> = vec![
        (
            Reply::Http(500, html(), page.clone()),
            "HTTP status 500 titled \"Runtime Error\"",
        ),
        (Reply::Http(200, html(), page), "web page titled \"Runtime Error\""),
        (
            Reply::Http(500, vec![], fault.into()),
            "SOAP fault s:Server: Object reference not set",
        ),
        (Reply::Http(503, vec![], String::new()), "HTTP status 503"),
        (Reply::HangUp, "broke"),
        (ok("<x/>".into()), "cannot be read"),
        (ok("x".repeat(2 << 20)), "larger than"),
        (
            ok(item(&[("PID", PID), ("IID", OTHER_IID), ("CID", &cid())])),
            "not asked",
        ),
        (
            ok(item(&[("PID", other_pid), ("IID", IID), ("CID", &cid())])),
            "not asked",
        ),
        (ok(item(&[("PID", PID), ("CID", &cid())])), "not asked"),
        (
            ok(item(&[("PID", PID), ("IID", IID)])),
            "neither a confirmation ID nor an error",
        ),
        (
            ok(item(&[("PID", PID), ("IID", IID), ("CID", &wrong_cid)])),
            "group 1 of 8",
        ),
    ];
    for (reply, expected) in cases {
        let reply = std::sync::Mutex::new(Some(reply));
        let service = TestService::start(move |asked, _| match reply.lock().unwrap().take() {
            Some(reply) => reply,
            None => confirmed(asked),
        })
        .await;
        let error = client(&service).acquire(&pid(), &iid()).await.unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "expected {expected:?}, got {error}"
        );
        assert!(error.may_have_been_charged(), "{error}");
        assert_eq!(service.asked().len(), 1, "asked again after: {error}");
    }
}

#[tokio::test]
async fn a_count_is_asked_again_because_it_is_free() {
    let service = TestService::start(|asked, number| match number {
        1 => Reply::Http(503, vec![], String::new()),
        2 => Reply::HangUp,
        _ => ok(item(&[("PID", &asked.pid), ("ActivationRemaining", "7")])),
    })
    .await;
    assert_eq!(client(&service).remaining(&pid()).await.unwrap(), Some(7));
}

#[tokio::test]
async fn silence_costs_its_time_out_and_leaves_the_charge_open() {
    let service = TestService::start(|_, _| Reply::Silence).await;
    let client = Service::new(ServiceConfig {
        timeout: Duration::from_millis(300),
        ..config(service.url())
    })
    .unwrap();
    let began = Instant::now();
    let error = client.acquire(&pid(), &iid()).await.unwrap_err();
    assert!(matches!(error, ActivationError::TimedOut { .. }), "{error:?}");
    assert!(error.may_have_been_charged() && began.elapsed() < Duration::from_secs(5));
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_service_that_is_not_there_costs_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = Service::new(config(url))
        .unwrap()
        .acquire(&pid(), &iid())
        .await
        .unwrap_err();
    assert!(matches!(error, ActivationError::NotReached { .. }), "{error:?}");
    assert!(!error.may_have_been_charged());
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut config = config("http://127.0.0.1:9/".to_owned());
    config.proxy = Proxy::Url {
        url: proxy.clone(),
        user: None,
    };
    let error = Service::new(config).unwrap().acquire(&pid(), &iid()).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains(&format!("through the proxy {proxy}: ")), "{told}");
    assert!(told.contains("refused") && !told.contains("client error"), "{told}");
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let elsewhere = TestService::start(|asked, _| confirmed(asked)).await;
    let target = elsewhere.url();
    let service =
        TestService::start(move |_, _| Reply::Http(307, vec![("location", target.clone())], String::new())).await;
    let error = client(&service).acquire(&pid(), &iid()).await.unwrap_err();
    assert!(matches!(error, ActivationError::Redirected { .. }), "{error:?}");
    assert!(!error.may_have_been_charged() && elsewhere.asked().is_empty());
}

#[tokio::test]
async fn the_configured_proxy_is_used_with_its_sign_in() {
    let proxy = TestService::start(|asked, _| match asked.proxy_authorization {
        None => Reply::Http(
            407,
            vec![("proxy-authenticate", "Basic realm=\"p\"".into())],
            String::new(),
        ),
        Some(_) => confirmed(asked),
    })
    .await;
    let through = |user| ServiceConfig {
        proxy: Proxy::Url {
            url: format!("http://{}", proxy.address),
            user,
        },
        ..config("http://localhost:9/BatchActivation.asmx".into())
    };
    let error = Service::new(through(None))
        .unwrap()
        .acquire(&pid(), &iid())
        .await
        .unwrap_err();
    assert!(matches!(error, ActivationError::ProxyCredentials { .. }), "{error:?}");
    assert!(!error.may_have_been_charged());

    let user = ProxyUser {
        name: "reader".into(),
        password: Secret::new("fictitious"),
    };
    let service = Service::new(through(Some(user))).unwrap();
    assert!(!format!("{service:?}").contains("fictitious"));
    assert!(service.acquire(&pid(), &iid()).await.is_ok());
    let last = proxy.asked().pop().unwrap();
    assert_eq!(last.target, "http://localhost:9/BatchActivation.asmx");
    // reader:fictitious
    assert_eq!(
        last.proxy_authorization.as_deref(),
        Some("Basic cmVhZGVyOmZpY3RpdGlvdXM=")
    );
}

/// A proxy that demands a sign-in and then tunnels to `target`. Answers how many tunnels it opened.
async fn tunnelling_proxy(target: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tunnels) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
                let Ok(byte) = client.read_u8().await else { break };
                head.push(byte);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            if !head.starts_with("connect localhost:") || !head.contains("proxy-authorization: basic ") {
                let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"p\"\r\n\
                               content-length: 0\r\n\r\n";
                // The client may have gone already.
                let _ = client.write_all(refusal.as_bytes()).await;
                continue;
            }
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await?;
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (address, tunnels)
}

#[tokio::test]
async fn tls_goes_through_the_proxy_in_a_tunnel() {
    let service = TestService::start_tls(|asked, _| confirmed(asked)).await;
    let (proxy, tunnels) = tunnelling_proxy(service.address).await;
    let through = |user| ServiceConfig {
        proxy: Proxy::Url {
            url: format!("http://{proxy}"),
            user,
        },
        extra_ca_files: vec![support_file("ca.pem")],
        ..config(format!("https://localhost:{}/", service.address.port()))
    };
    let error = Service::new(through(None))
        .unwrap()
        .acquire(&pid(), &iid())
        .await
        .unwrap_err();
    assert!(matches!(error, ActivationError::ProxyCredentials { .. }), "{error:?}");
    assert!(!error.may_have_been_charged() && service.asked().is_empty());

    let user = ProxyUser {
        name: "reader".into(),
        password: Secret::new("fictitious"),
    };
    let client = Service::new(through(Some(user))).unwrap();
    assert!(client.acquire(&pid(), &iid()).await.is_ok());
    assert_eq!(tunnels.load(Ordering::SeqCst), 1);
    // The sign-in is the proxy's alone.
    assert_eq!(service.asked()[0].proxy_authorization, None);
}

fn support_file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "activation_support", name]
        .iter()
        .collect()
}

#[tokio::test]
async fn a_certificate_is_trusted_only_through_its_own_root() {
    let service = TestService::start_tls(|asked, _| confirmed(asked)).await;
    let with_ca = |file: &str| ServiceConfig {
        extra_ca_files: vec![support_file(file)],
        ..config(format!("https://localhost:{}/", service.address.port()))
    };
    let error = Service::new(with_ca("other-ca.pem"))
        .unwrap()
        .acquire(&pid(), &iid())
        .await
        .unwrap_err();
    assert!(matches!(error, ActivationError::Certificate { .. }), "{error:?}");
    assert!(!error.may_have_been_charged());
    assert_eq!(error.failure().class, FailureClass::Certificate);
    assert!(error.remedy().contains("Microsoft Root Certificate Authority"));
    assert!(service.asked().is_empty());

    let trusted = Service::new(with_ca("ca.pem")).unwrap();
    assert!(trusted.acquire(&pid(), &iid()).await.is_ok());
}
