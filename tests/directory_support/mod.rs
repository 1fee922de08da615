//! A directory that behaves as a test says, over TLS with a certificate made for the purpose; and a name server that knows
//! domain controllers.

#![allow(dead_code, reason = "each test uses its part")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use makeeper::discovery::directory::{ComputerQuery, Directory, DirectoryError, DirectoryPlace, Transport};
use makeeper::discovery::{FINDINGS_AHEAD, Finding, FoundComputer};
use makeeper::model::Secret;
use makeeper::wmi::{ConnectOptions, Credentials, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "Passw0rd!Test";
/// What the directory calls itself.
pub const BASE: &str = "DC=lab,DC=test";

/// An element of BER.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], content].concat()
}

pub fn octets(text: &str) -> Vec<u8> {
    element(4, text.as_bytes())
}

/// A message: its number and what it says.
pub fn message(id: u8, said: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, id], said].concat())
}

/// The end of a sign-in (0x61), a search (0x65) or an extended operation (0x78).
pub fn outcome(tag: u8, code: u8, words: &str) -> Vec<u8> {
    element(tag, &[&[10, 1, code][..], &octets(""), &octets(words)].concat())
}

pub fn referral(tag: u8, url: &str) -> Vec<u8> {
    let urls = element(0xA3, &octets(url));
    element(tag, &[&[10, 1, 10][..], &octets(""), &octets(""), &urls].concat())
}

pub fn reference(url: &str) -> Vec<u8> {
    element(0x73, &octets(url))
}

pub fn entry(dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes: Vec<u8> = attributes
        .iter()
        .flat_map(|(name, value)| element(0x30, &[octets(name), element(0x31, &octets(value))].concat()))
        .collect();
    element(0x64, &[octets(dn), element(0x30, &attributes)].concat())
}

pub fn computer(name: &str) -> Vec<u8> {
    entry(&format!("CN={name},{BASE}"), &[("name", name)])
}

/// The control that says where the next page begins.
pub fn page(cookie: &str) -> Vec<u8> {
    let value = element(0x30, &[&[2, 1, 0][..], &octets(cookie)].concat());
    let control = element(0x30, &[octets("1.2.840.113556.1.4.319"), element(4, &value)].concat());
    element(0xA0, &control)
}

/// A request.
pub struct Asked {
    pub id: u8,
    /// 0x60 sign-in, 0x63 search, 0x77 extended operation.
    pub operation: u8,
    /// Of a search.
    pub base: String,
    /// How many searches came before on this server, those for the server itself not counted.
    pub searches: usize,
}

/// What the directory does.
#[derive(Default)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub closes: bool,
}

impl Reply {
    pub fn of(messages: &[(u8, Vec<u8>)]) -> Self {
        Self {
            bytes: messages.iter().flat_map(|(id, said)| message(*id, said)).collect(),
            closes: false,
        }
    }

    pub fn then_close(mut self) -> Self {
        self.closes = true;
        self
    }
}

/// Signs anybody in and says what it is; the rest is left to a test.
pub fn willing(asked: &Asked, rest: impl FnOnce(&Asked) -> Reply) -> Reply {
    match asked.operation {
        0x60 => Reply::of(&[(asked.id, outcome(0x61, 0, ""))]),
        0x63 if asked.base.is_empty() => Reply::of(&[
            (asked.id, entry("", &[("defaultNamingContext", BASE)])),
            (asked.id, outcome(0x65, 0, "")),
        ]),
        _ => rest(asked),
    }
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("an authority")
    }

    pub fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a server shows.
    pub fn acceptor(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A directory on 127.0.0.1.
pub struct Server {
    pub port: u16,
    pub sign_ins: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
    /// Everything that came, without TLS.
    pub seen: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// `acceptor`: TLS from the first byte; without, there is none.
    pub async fn start(
        acceptor: Option<TlsAcceptor>,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            sign_ins: Arc::default(),
            connections: Arc::default(),
            seen: Arc::default(),
        };
        let (sign_ins, connections, seen) = (server.sign_ins.clone(), server.connections.clone(), server.seen.clone());
        let script = Arc::new(script);
        let searches = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, script) = (acceptor.clone(), script.clone());
                let (sign_ins, searches, seen) = (sign_ins.clone(), searches.clone(), seen.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(tcp, &*script, &sign_ins, &searches, &seen).await,
                        Some(acceptor) => {
                            if let Ok(tls) = acceptor.accept(tcp).await {
                                serve(tls, &*script, &sign_ins, &searches, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// `localhost` and the port.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub fn sign_ins(&self) -> usize {
        self.sign_ins.load(Ordering::SeqCst)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: &(impl Fn(&Asked) -> Reply + ?Sized),
    sign_ins: &AtomicUsize,
    searches: &AtomicUsize,
    seen: &Mutex<Vec<u8>>,
) {
    let mut buffer = Vec::new();
    loop {
        // Requests have lengths of four bytes: `30 84 .. .. .. .. 02 01 ID OPERATION ...`.
        let whole = buffer
            .get(2..6)
            .map(|l: &[u8]| 6 + u32::from_be_bytes(l.try_into().unwrap()) as usize);
        if whole.is_none_or(|whole| buffer.len() < whole) {
            let before = buffer.len();
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
            seen.lock().unwrap().extend_from_slice(&buffer[before..]);
            if buffer.first() != Some(&0x30) {
                return;
            }
            continue;
        }
        let request: Vec<u8> = buffer.drain(..whole.unwrap()).collect();
        let operation = request[9];
        let base = if operation == 0x63 {
            // `63 84 .. .. .. .. 04 LENGTH BASE`, or a longer length.
            let (length, from) = match request[16] {
                short @ 0..0x80 => (usize::from(short), 17),
                _ => (u32::from_be_bytes(request[17..21].try_into().unwrap()) as usize, 21),
            };
            String::from_utf8(request[from..from + length].to_vec()).unwrap()
        } else {
            String::new()
        };
        if operation == 0x60 {
            sign_ins.fetch_add(1, Ordering::SeqCst);
        }
        let counts = operation == 0x63 && !base.is_empty();
        let asked = Asked {
            id: request[8],
            operation,
            searches: if counts {
                searches.fetch_add(1, Ordering::SeqCst)
            } else {
                0
            },
            base,
        };
        let reply = script(&asked);
        if stream.write_all(&reply.bytes).await.is_err() || stream.flush().await.is_err() || reply.closes {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// A name server that answers every question for services with these servers, the first to be tried first.
pub async fn name_server(targets: &[(&str, u16)]) -> std::net::SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let records: Vec<u8> = (0_u16..)
        .zip(targets)
        .flat_map(|(priority, (name, port))| {
            let labels: Vec<u8> = name
                .split('.')
                .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
                .chain([0])
                .collect();
            let length = u16::try_from(6 + labels.len()).unwrap().to_be_bytes();
            [
                // The name of the question, SRV, IN, 60 s.
                &[0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60][..],
                &length,
                &priority.to_be_bytes(),
                &[0, 1],
                &port.to_be_bytes(),
                &labels,
            ]
            .concat()
        })
        .collect();
    let count = u8::try_from(targets.len()).unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((read, from)) = socket.recv_from(&mut buffer).await {
            let question = buffer.get(12..read).unwrap_or_default();
            // Up to the end of the name, and its type and class.
            let end = question.iter().position(|b| *b == 0).unwrap() + 5;
            let mut answer = vec![buffer[0], buffer[1], 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0];
            answer.extend_from_slice(&question[..end]);
            answer.extend_from_slice(&records);
            let _ = socket.send_to(&answer, from).await;
        }
    });
    address
}

pub fn options(authority: &Authority) -> ConnectOptions {
    ConnectOptions {
        resolve_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(2),
        operation_timeout: Duration::from_millis(500),
        trust: Trust::with_authorities(vec![authority.file()]),
        ..ConnectOptions::default()
    }
}

pub fn directory(authority: &Authority, server: &str, transport: Transport) -> Directory {
    let place = DirectoryPlace {
        server: server.to_owned(),
        transport,
        ..DirectoryPlace::default()
    };
    let credentials = Credentials::new("admin@lab.test", Secret::new(PASSWORD)).unwrap();
    Directory::new(place, credentials, options(authority))
}

/// What a search finds, its notes, and how it ends.
pub async fn search(directory: &Directory) -> (Vec<FoundComputer>, Vec<String>, Result<usize, DirectoryError>) {
    search_for(directory, &ComputerQuery::default()).await
}

pub async fn search_for(
    directory: &Directory,
    query: &ComputerQuery,
) -> (Vec<FoundComputer>, Vec<String>, Result<usize, DirectoryError>) {
    let (found, mut findings) = mpsc::channel(FINDINGS_AHEAD);
    let cancel = CancellationToken::new();
    let taking = async {
        let (mut computers, mut notes) = (Vec::new(), Vec::new());
        while let Some(finding) = findings.recv().await {
            match finding {
                Finding::Computer(computer) => computers.push(*computer),
                Finding::Note(note) => notes.push(note),
                Finding::Progress { .. } => {}
            }
        }
        (computers, notes)
    };
    let searching = async {
        let ended = directory.search(query, &found, &cancel).await;
        drop(found);
        ended
    };
    let ((computers, notes), ended) = tokio::join!(taking, searching);
    (computers, notes, ended.map(|summary| summary.computers))
}
