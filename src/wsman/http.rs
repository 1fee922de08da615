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
use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::client_certificate::ClientCertificate;
use super::codec::{Challenge, first_words};
use super::handshake::{alert_in, shake_hands};
use super::security::ChannelBinding;
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

/// One exchange over a stream that is open already: status and body of what comes back, or why nothing can be read, in words.
/// A way to put any bytes before the reading of answers.
pub async fn answer_over<S>(stream: S) -> Result<(u16, Bytes), String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let target = Target::new("stream", false);
    let mut http = HttpConnection::start(TokioIo::new(stream), &target, None)
        .await
        .map_err(|failure| failure.message)?;
    match http.post(None, "application/soap+xml", Bytes::new()).await {
        Ok(reply) => {
            let _ = (reply.described(), reply.offered().len());
            Ok((reply.status.as_u16(), reply.body))
        }
        Err(HttpError::NotSent(why) | HttpError::Lost(why) | HttpError::Garbage(why)) => Err(why),
        Err(HttpError::Alert(alert)) => Err(format!("{alert:?}")),
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
    /// TLS was broken off, after the handshake even: a client certificate that is not accepted.
    Alert(AlertDescription),
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
    pub async fn open(
        target: &Target,
        options: &ConnectOptions,
        client: Option<&ClientCertificate>,
    ) -> Result<Self, Failure> {
        let addresses = addresses_of(target, options.resolve_timeout).await?;
        let deadline = Instant::now() + options.connect_timeout;
        let tcp = connect(target, options.connect_timeout, addresses).await?;
        if target.tls {
            let (stream, binding) = timeout_at(deadline, shake_hands(tcp, target, options, client))
                .await
                .map_err(|_| {
                    let waited = options.connect_timeout.as_secs_f32();
                    let what =
                        format!("accepted the connection but did not answer the TLS handshake within {waited} s");
                    target.failure(FailureClass::Hung, what)
                })??;
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
    if let Some(alert) = alert_in(error) {
        return HttpError::Alert(alert);
    }
    let words = format!("{error}: {}", reason(error));
    if words.contains("unexpected message") {
        HttpError::Garbage("speaks before it is asked, which is not HTTP".to_owned())
    } else {
        HttpError::NotSent(format!("closed the connection: {}", reason(error)))
    }
}

fn classify(error: &hyper::Error) -> HttpError {
    if let Some(alert) = alert_in(error) {
        return HttpError::Alert(alert);
    }
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

fn silent(target: &Target, waited: Duration) -> Failure {
    target.failure(
        FailureClass::NoAnswer,
        format!(
            "did not answer a connection within {} s: it is off, asleep, or a firewall drops the packets",
            waited.as_secs_f32()
        ),
    )
}

async fn addresses_of(target: &Target, patience: Duration) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(address) = target.address {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let host = target.bare_host();
    let not_found = |what: String| target.failure(FailureClass::NameNotFound, format!("cannot be found: {what}"));
    let found = timeout(patience, tokio::net::lookup_host((host, target.port)))
        .await
        .map_err(|_| {
            not_found(format!(
                "no name server answered for {host} within {} s",
                patience.as_secs_f32()
            ))
        })?
        .map_err(|e| {
            not_found(format!(
                "the name {host} has no address ({e}). Check the name, or give an address"
            ))
        })?;
    Ok(found.collect())
}

async fn connect(target: &Target, patience: Duration, addresses: Vec<SocketAddr>) -> Result<TcpStream, Failure> {
    let deadline = Instant::now() + patience;
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
            Err(_) => last = last.or_else(|| Some(silent(target, patience))),
        }
    }
    Err(last.unwrap_or_else(|| {
        target.failure(
            FailureClass::NameNotFound,
            format!("cannot be found: the name {} has no address", target.bare_host()),
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
        // What a router, or the own system after asking in vain for a hardware address, says of a computer that is off.
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => target.failure(
            FailureClass::NoAnswer,
            format!("did not answer ({error}): it is off, asleep, or a firewall drops the packets"),
        ),
        _ => target.failure(
            FailureClass::Network,
            format!("cannot be reached at {}: {error}", address.ip()),
        ),
    }
}
