//! HTTPS against certificates made for the purpose: each that cannot be believed is refused before anything is sent, with a
//! message of its own; authorities and certificates of the person are taken from files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use makeeper::model::{Failure, FailureClass, Secret};
use makeeper::wmi::{ClientCertificate, ConnectOptions, Credentials, Target, Trust, WsmanConnection};
use makeeper::wsman::{self, WsmanError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const IDENTITY: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body>\
    <i:IdentifyResponse xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\">\
    <i:ProductVendor>a test</i:ProductVendor></i:IdentifyResponse></s:Body></s:Envelope>";

/// An authority, and a folder for what the client is given.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        Self::named("an authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        change(&mut params);
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap(),
            key,
        }
    }

    fn file(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    }

    fn trust(&self) -> Trust {
        Trust::with_authorities(vec![self.file("ca.pem", &self.certificate.pem())])
    }
}

/// A certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    fn of_itself(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        params.distinguished_name.push(rcgen::DnType::CommonName, "itself");
        Self {
            certificate: params.self_signed(&key).unwrap(),
            key,
        }
    }

    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        (vec![self.certificate.der().clone()], key)
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A listener that shows `identity` and answers every request after the handshake with who it is.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(address: &str, identity: &Identity, clients: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (chain, key) = identity.parts();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut buffer = vec![0; 16 * 1024];
                    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                        seen.fetch_add(1, Ordering::SeqCst);
                        let request = String::from_utf8_lossy(&buffer[..n]).into_owned();
                        let answer = if request.contains("secprofile/https/mutual") {
                            let length = IDENTITY.len();
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{IDENTITY}")
                        } else {
                            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest\r\nContent-Length: 0\r\n\r\n".into()
                        };
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn target(&self, host: &str) -> Target {
        Target::new("LAB-PC-014", true).at(Some(host), Some(self.port))
    }

    async fn failure(&self, host: &str, trust: &Trust) -> Failure {
        let alice = Credentials::new("LAB\\alice", Secret::new("open sesame")).unwrap();
        let opened = WsmanConnection::open(&self.target(host), &alice, &options(trust)).await;
        opened.map(drop).unwrap_err().failure()
    }
}

fn options(trust: &Trust) -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_secs(10),
        operation_timeout: Duration::from_secs(10),
        trust: trust.clone(),
        ..ConnectOptions::default()
    }
}

/// The handshake went well: what failed is the sign-in behind it.
fn is_believed(failure: &Failure) -> bool {
    failure.class == FailureClass::Protocol && failure.message.contains("Digest")
}

async fn refused(identity: &Identity, host: &str, trust: &Trust) -> String {
    let server = Server::start("127.0.0.1", identity, None).await;
    let failure = server.failure(host, trust).await;
    assert_eq!(failure.class, FailureClass::Certificate, "{failure}");
    assert!(failure.message.starts_with("LAB-PC-014 ("), "{failure}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 0, "nothing may be sent");
    failure.message
}

#[tokio::test]
async fn a_certificate_of_a_named_authority_is_believed_by_name_and_by_address() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost", "127.0.0.1", "::1"], |_| {});
    let server = Server::start("127.0.0.1", &identity, None).await;
    for host in ["localhost", "127.0.0.1"] {
        let failure = server.failure(host, &authority.trust()).await;
        assert!(is_believed(&failure), "{failure}");
    }
    // A machine without IPv6 has nothing to test.
    if TcpListener::bind("[::1]:0").await.is_ok() {
        let server = Server::start("::1", &identity, None).await;
        for host in ["::1", "[::1]"] {
            let failure = server.failure(host, &authority.trust()).await;
            assert!(is_believed(&failure), "{failure}");
        }
    }
}

#[tokio::test]
async fn each_certificate_that_cannot_be_believed_is_refused_with_its_own_words() {
    let authority = Authority::new();
    let trust = authority.trust();
    let expired = authority.issue(&["localhost"], |p| {
        p.not_before = date_time_ymd(2020, 1, 1);
        p.not_after = date_time_ymd(2021, 5, 4);
    });
    let words = refused(&expired, "localhost", &trust).await;
    assert!(words.contains("expired on 2021-05-04"), "{words}");

    let early = authority.issue(&["localhost"], |p| p.not_before = date_time_ymd(2090, 1, 1));
    let words = refused(&early, "localhost", &trust).await;
    assert!(words.contains("not valid yet"), "{words}");

    let other = authority.issue(&["lab-pc-015.lab.example", "10.0.0.15"], |_| {});
    let words = refused(&other, "localhost", &trust).await;
    assert!(
        words.contains("is not for localhost but for lab-pc-015.lab.example"),
        "{words}"
    );

    let words = refused(&Identity::of_itself(&["localhost"]), "localhost", &trust).await;
    assert!(words.contains("has issued to itself"), "{words}");

    let words = refused(
        &Authority::named("another").issue(&["localhost"], |_| {}),
        "localhost",
        &trust,
    )
    .await;
    assert!(
        words.contains("from an authority this computer does not know"),
        "{words}"
    );

    // The name of a known authority, but not its key.
    let words = refused(&Authority::new().issue(&["localhost"], |_| {}), "localhost", &trust).await;
    assert!(words.contains("the name of another authority was borrowed"), "{words}");

    let client_only = authority.issue(&["localhost"], |p| {
        p.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let words = refused(&client_only, "localhost", &trust).await;
    assert!(words.contains("not issued for servers"), "{words}");
}

#[tokio::test]
async fn a_certificate_that_was_issued_to_itself_is_believed_when_its_own_file_is_named() {
    let folder = Authority::new();
    let identity = Identity::of_itself(&["localhost"]);
    let server = Server::start("127.0.0.1", &identity, None).await;
    let trust = Trust::with_authorities(vec![folder.file("pc.pem", &identity.certificate.pem())]);
    let failure = server.failure("localhost", &trust).await;
    assert!(is_believed(&failure), "{failure}");
}

#[tokio::test]
async fn a_client_certificate_signs_in_and_one_of_another_authority_does_not() {
    let authority = Authority::new();
    let server = Server::start("127.0.0.1", &authority.issue(&["localhost"], |_| {}), Some(&authority)).await;
    let credentials = |from: &Authority| {
        let identity = from.issue(&["admin"], |_| {});
        let certificate = from.file("admin.pem", &identity.certificate.pem());
        let key = from.file("admin.key", &identity.key.serialize_pem());
        Credentials::from_certificate(ClientCertificate::read(&certificate, &key).unwrap())
    };
    let options = options(&authority.trust());
    let target = server.target("localhost");
    let identity = wsman::identify(&target, &credentials(&authority), &options)
        .await
        .unwrap();
    assert_eq!(identity.vendor, "a test");

    let error = wsman::identify(&target, &credentials(&Authority::named("another")), &options).await;
    let Err(WsmanError::Connection(failure)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(failure.class, FailureClass::Certificate, "{failure}");
    assert!(
        failure.message.contains("does not accept the client certificate"),
        "{failure}"
    );

    // Over HTTP nobody would ask for it: nothing is sent.
    let plain = Target { tls: false, ..target };
    let error = wsman::identify(&plain, &credentials(&authority), &options).await;
    let Err(WsmanError::Connection(failure)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(failure.class, FailureClass::NotAllowed, "{failure}");
}

#[test]
fn a_key_file_without_a_usable_key_is_named() {
    let authority = Authority::new();
    let certificate = authority.file("admin.pem", &authority.certificate.pem());
    let error = ClientCertificate::read(&certificate, &certificate).unwrap_err();
    assert!(error.to_string().contains("admin.pem holds no private key"), "{error}");
}
