//! One TCP connection, with TLS or without, that carries one HTTP/1.1 exchange after the other. NTLM signs in the
//! connection, so it is owned here and never pooled.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::codec::{Challenge, first_words};
use super::security::{ChannelBinding, tls_server_end_point};
use super::target::{ConnectOptions, Target};
use crate::model::{Failure, FailureClass};

/// The largest answer that is read. Windows sends 500 kB at most.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// What a computer answered.
pub(super) struct HttpReply {
    pub status: StatusCode,
    pub challenges: Vec<Challenge>,
    pub content_type: String,
    pub body: Bytes,
}

impl HttpReply {
    /// Status line and first words, for messages: `HTTP 404 Not Found ("The page cannot be found")`.
    pub fn described(&self) -> String {
        let status = format!("HTTP {}", self.status);
        let status = status.trim_end_matches("<unknown status code>").trim_end();
        let words = first_words(&self.body, 100);
        if words.is_empty() {
            status.to_owned()
        } else {
            format!("{status} ({words:?})")
        }
    }

    /// The schemes offered, for messages.
    pub fn offered(&self) -> Vec<&str> {
        self.challenges.iter().map(|c| c.scheme.as_str()).collect()
    }
}

/// Why an exchange failed.
pub(super) enum HttpError {
    /// The connection was closed before anything was sent: the request may be sent again, whatever it is.
    NotSent(String),
    /// The connection is gone, before or in the middle of the answer.
    Lost(String),
    /// Something came back that is not HTTP, or too much of it.
    Garbage(String),
}

/// An open connection.
pub(super) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    // Ends the task that drives the connection, and with it the connection.
    _driver: AbortOnDropHandle<()>,
    /// What ties a sign-in to the TLS certificate.
    pub binding: Option<ChannelBinding>,
    last_used: Instant,
    // It said that it closes after its last answer.
    is_closing: bool,
    host: String,
    path: String,
}

impl HttpConnection {
    /// Resolves, connects and, for HTTPS, shakes hands.
    pub async fn open(target: &Target, options: &ConnectOptions) -> Result<Self, Failure> {
        let deadline = Instant::now() + options.connect_timeout;
        let tcp = connect(target, options.connect_timeout, deadline).await?;
        if target.tls {
            let (stream, binding) = timeout_at(deadline, shake_hands(tcp, target, options))
                .await
                .map_err(|_| silent(target, options.connect_timeout, "the TLS handshake"))??;
            Self::start(TokioIo::new(stream), target, Some(binding)).await
        } else {
            Self::start(TokioIo::new(tcp), target, None).await
        }
    }

    async fn start<S>(stream: S, target: &Target, binding: Option<ChannelBinding>) -> Result<Self, Failure>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, driver) = Builder::new()
            .title_case_headers(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(stream)
            .await
            .map_err(|e| target.failure(FailureClass::Network, format!("lost the connection: {}", reason(&e))))?;
        // An error of the driver reaches the exchange under way as well; nobody else waits for it.
        let driver = tokio::spawn(async move {
            let _ = driver.await;
        });
        Ok(Self {
            sender,
            _driver: AbortOnDropHandle::new(driver),
            binding,
            last_used: Instant::now(),
            is_closing: false,
            host: target.authority(),
            path: target.path.clone(),
        })
    }

    /// True if another request may be sent: not known to be closed and not idle for so long that it may be dying.
    pub fn is_fresh(&self, idle: Duration) -> bool {
        !self.is_closing && !self.sender.is_closed() && self.last_used.elapsed() < idle
    }

    /// One exchange.
    pub async fn post(
        &mut self,
        authorization: Option<HeaderValue>,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<HttpReply, HttpError> {
        let mut request = Request::post(self.path.as_str())
            .header(header::HOST, self.host.as_str())
            .header(header::CONNECTION, "Keep-Alive")
            .header(header::USER_AGENT, concat!("MAKeeper/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_LENGTH, body.len());
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|e| HttpError::Garbage(format!("cannot be asked: {e}")))?;
        self.sender.ready().await.map_err(|e| not_sent(&e))?;
        let response = self.sender.try_send_request(request).await.map_err(|mut e| {
            if e.take_message().is_some() {
                not_sent(e.error())
            } else {
                classify(e.error())
            }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|e| {
            if e.is::<LengthLimitError>() {
                HttpError::Garbage(format!("answered with more than {} MiB", MAX_BODY >> 20))
            } else {
                HttpError::Lost("closed the connection in the middle of its answer".to_owned())
            }
        })?;
        self.last_used = Instant::now();
        self.is_closing = text(&head.headers, &header::CONNECTION)
            .split(',')
            .any(|word| word.trim().eq_ignore_ascii_case("close"));
        Ok(HttpReply {
            status: head.status,
            challenges: challenges(&head.headers),
            content_type: text(&head.headers, &header::CONTENT_TYPE),
            body: body.to_bytes(),
        })
    }
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .flat_map(|value| Challenge::parse_all(&String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// The connection ended before the request was sent. A server that talks first, as SSH or SMTP do, is no HTTP server;
/// hyper tells that only in words.
fn not_sent(error: &hyper::Error) -> HttpError {
    let words = format!("{error}: {}", reason(error));
    if words.contains("unexpected message") {
        HttpError::Garbage("speaks before it is asked, which is not HTTP".to_owned())
    } else {
        HttpError::NotSent(format!("closed the connection: {}", reason(error)))
    }
}

fn classify(error: &hyper::Error) -> HttpError {
    if error.is_parse() || error.is_parse_too_large() {
        return HttpError::Garbage(format!("answers with something that is not HTTP: {}", reason(error)));
    }
    HttpError::Lost(if error.is_incomplete_message() {
        "closed the connection without an answer".to_owned()
    } else {
        format!("lost the connection: {}", reason(error))
    })
}

fn reason(error: &hyper::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn silent(target: &Target, waited: Duration, what: &str) -> Failure {
    target.failure(
        FailureClass::NoAnswer,
        format!(
            "did not answer {what} within {} s: it is off, asleep, or a firewall drops the packets",
            waited.as_secs_f32()
        ),
    )
}

async fn connect(target: &Target, patience: Duration, deadline: Instant) -> Result<TcpStream, Failure> {
    let host = target.bare_host();
    let addresses: Vec<SocketAddr> = timeout_at(deadline, tokio::net::lookup_host((host, target.port)))
        .await
        .map_err(|_| {
            target.failure(
                FailureClass::NameNotFound,
                format!(
                    "cannot be found: no name server answered for {host} within {} s",
                    patience.as_secs_f32()
                ),
            )
        })?
        .map_err(|e| {
            target.failure(
                FailureClass::NameNotFound,
                format!("cannot be found: the name {host} has no address ({e}). Check the name, or give an address"),
            )
        })?
        .collect();
    let mut last = None;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        // A silent first address must not use up the time of the others.
        let share = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests, each waiting for its answer: Nagle's algorithm would only delay them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(e)) => last = Some(refused(target, address, &e)),
            Err(_) => last = last.or_else(|| Some(silent(target, patience, "a connection"))),
        }
    }
    Err(last.unwrap_or_else(|| {
        target.failure(
            FailureClass::NameNotFound,
            format!("cannot be found: the name {host} has no address"),
        )
    }))
}

fn refused(target: &Target, address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => target.failure(
            FailureClass::Refused,
            "refused the connection: no WS-Management service listens there. \
             Run `winrm quickconfig` on it, or check the port",
        ),
        io::ErrorKind::TimedOut => target.failure(
            FailureClass::NoAnswer,
            "did not answer: it is off, asleep, or a firewall drops the packets",
        ),
        _ => target.failure(
            FailureClass::Network,
            format!("cannot be reached at {}: {error}", address.ip()),
        ),
    }
}

async fn shake_hands(
    tcp: TcpStream,
    target: &Target,
    options: &ConnectOptions,
) -> Result<(tokio_rustls::client::TlsStream<TcpStream>, ChannelBinding), Failure> {
    let trust = options.trust.clone();
    let config = tokio::task::spawn_blocking(move || trust.config())
        .await
        .map_err(|e| target.failure(FailureClass::Certificate, format!("cannot be asked over TLS: {e}")))?
        .map_err(|e| target.failure(FailureClass::Certificate, format!("cannot be asked over TLS: {e}")))?;
    let host = target.certificate_name.as_deref().unwrap_or(target.bare_host());
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        target.failure(
            FailureClass::Certificate,
            format!("cannot be asked over TLS: {host:?} is not a name a certificate can carry"),
        )
    })?;
    let stream = TlsConnector::from(config)
        .connect(name, tcp)
        .await
        .map_err(|e| tls_failure(target, host, &e))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let binding = tls_server_end_point(certificate.map(AsRef::as_ref).unwrap_or_default());
    Ok((stream, binding))
}

fn tls_failure(target: &Target, host: &str, error: &io::Error) -> Failure {
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => target.failure(
            FailureClass::Certificate,
            format!(
                "showed a certificate that is not trusted for {host}: {why}. Give it one from an authority this computer \
                 trusts, or name the authority's file"
            ),
        ),
        Some(rustls::Error::InvalidMessage(_)) => target.failure(
            FailureClass::Protocol,
            "does not speak TLS on this port. HTTPS listeners use 5986, plain ones 5985",
        ),
        Some(other) => target.failure(FailureClass::Protocol, format!("broke off the TLS handshake: {other}")),
        None => target.failure(FailureClass::Network, format!("closed the connection in the TLS handshake: {error}")),
    }
}
