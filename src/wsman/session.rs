//! A conversation with one computer: signs in, seals, repeats what may be repeated, collects batches.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::codec::{
    self, Argument, Batch, CodecError, EnumerateReply, Fault, Identity, Object, Reply, Request, RequestContext,
    SEALED_CONTENT_TYPE, decode_sealed, encode_sealed, is_sealed, parse_enumerate, parse_identify, parse_method_output,
    parse_reply,
};
use super::credentials::Credentials;
use super::http::{HttpError, HttpReply};
use super::sign_in::{Protection, SOAP, SignedIn, Way, sign_in};
use super::target::{ConnectOptions, Target};
use crate::model::{Failure, FailureClass};

/// Asked for in every request; the default limit of Windows 8 and later.
const MAX_ENVELOPE: u32 = 512_000;
/// Objects one query may return.
const MAX_ITEMS: usize = 100_000;
/// Bytes all answers of one query may have.
const MAX_RECEIVED: usize = 256 * 1024 * 1024;
/// Answers without objects in one query before the computer is thought to go in circles.
const MAX_EMPTY_BATCHES: usize = 50;
/// A connection that was silent for longer is not used again: http.sys drops it after 120 s, and to find that out by
/// sending would leave open whether the computer has acted.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// Why a request has no result.
#[derive(Debug, Clone)]
pub enum WsmanError {
    /// The way to the computer, the sign-in or the protocol failed.
    Connection(Failure),
    /// The computer answered with a fault.
    Fault(Box<Fault>),
    /// The request was sent, but no answer came in time; the computer may still be working on it.
    TimedOut,
}

/// A failed exchange, and whether a request without side effects may be repeated on a new connection.
enum ExchangeError {
    Lost(Failure),
    Final(WsmanError),
}

/// What became of a request that was to be sent.
enum HttpFailure {
    NotSent,
    Lost(Failure),
    Failed(Failure),
    TimedOut,
}

impl From<ExchangeError> for WsmanError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Lost(failure) => Self::Connection(failure),
            ExchangeError::Final(error) => error,
        }
    }
}

impl From<Failure> for ExchangeError {
    fn from(failure: Failure) -> Self {
        Self::Final(WsmanError::Connection(failure))
    }
}

/// A conversation with one computer.
///
/// Dropping the future of an operation closes the connection; the next operation opens a new one.
pub struct Session {
    target: Target,
    credentials: Credentials,
    options: ConnectOptions,
    context: RequestContext,
    // INVARIANT: `None` while an exchange is under way, so that one that is dropped half-way leaves nothing behind that
    // could be used with its sealing out of step.
    connection: Option<SignedIn>,
    way: Option<Way>,
    exchanges: u64,
    received: usize,
}

impl Session {
    /// A conversation that has not begun: nothing is sent yet.
    pub fn new(target: Target, credentials: Credentials, options: ConnectOptions) -> Self {
        let context = RequestContext {
            to: target.url(),
            operation_timeout: options.operation_timeout,
            max_envelope: MAX_ENVELOPE,
        };
        Self {
            target,
            credentials,
            options,
            context,
            connection: None,
            way: None,
            exchanges: 0,
            received: 0,
        }
    }

    /// The computer.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// HTTP exchanges so far, those of the sign-in included.
    pub fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// Connects and signs in, unless that is done already, so that a wrong password shows here.
    pub async fn connect(&mut self) -> Result<(), WsmanError> {
        let connection = self.signed_in().await.map_err(WsmanError::Connection)?;
        let is_proven = !matches!(connection.protection, Protection::TlsBasic(_));
        self.connection = Some(connection);
        // Basic has no sign-in of its own: only a request shows whether the password is right.
        if is_proven {
            Ok(())
        } else {
            self.identify().await.map(drop)
        }
    }

    /// Asks who is there.
    pub async fn identify(&mut self) -> Result<Identity, WsmanError> {
        let request = codec::identify();
        let reply = match self.exchange(&request).await {
            Err(ExchangeError::Lost(_)) => self.exchange(&request).await,
            other => other,
        };
        self.read(reply?, parse_identify)
    }

    /// Runs a WQL query on a resource such as `.../wmi/root/cimv2/*` and collects every object.
    pub async fn enumerate(&mut self, resource_uri: &str, wql: &str) -> Result<Vec<Object>, WsmanError> {
        let mut batch = Batch(self.options.batch.max(1));
        let mut repeated = false;
        loop {
            match self.enumerate_once(resource_uri, wql, batch).await {
                Err(ExchangeError::Lost(failure)) if !repeated => {
                    tracing::debug!(computer = %self.target.name, class = %failure.class.name(), "Query is repeated");
                    repeated = true;
                }
                Err(ExchangeError::Final(WsmanError::Fault(fault))) if fault.is_too_large() && batch.0 > 1 => {
                    batch = Batch(if batch.0 > 10 { 10 } else { 1 });
                }
                other => return other.map_err(WsmanError::from),
            }
        }
    }

    /// Calls a method. Never repeated: nobody could tell whether the computer acted on a request whose answer was lost.
    pub async fn invoke(
        &mut self,
        resource_uri: &str,
        selectors: &[(&str, &str)],
        method: &str,
        arguments: &[Argument<'_>],
    ) -> Result<Object, WsmanError> {
        let request = codec::invoke(&self.context, resource_uri, selectors, method, arguments);
        let reply = self.exchange(&request).await?;
        self.read(reply, |body| parse_method_output(body, method))
    }

    async fn enumerate_once(
        &mut self,
        resource_uri: &str,
        wql: &str,
        batch: Batch,
    ) -> Result<Vec<Object>, ExchangeError> {
        // A computer that trickles its objects costs a bounded time all the same.
        let deadline = Instant::now() + 5 * self.patience();
        self.received = 0;
        let mut items = Vec::new();
        let mut empty = 0;
        let mut request = codec::enumerate(&self.context, resource_uri, wql, batch);
        loop {
            let reply = self.exchange(&request).await?;
            let EnumerateReply { items: more, context } =
                self.read(reply, parse_enumerate).map_err(ExchangeError::Final)?;
            empty += usize::from(more.is_empty());
            items.extend(more);
            let Some(context) = context else { return Ok(items) };
            let excess = if items.len() > MAX_ITEMS || self.received > MAX_RECEIVED {
                Some(format!(
                    "answered the query with more than {MAX_ITEMS} objects or 256 MiB"
                ))
            } else if empty > MAX_EMPTY_BATCHES {
                Some("goes on answering the query without any objects".to_owned())
            } else {
                None
            };
            if let Some(what) = excess {
                // A courtesy; the computer forgets the query by itself after a while.
                let release = codec::release(&self.context, resource_uri, &context);
                let _ = self.exchange(&release).await;
                return Err(self.target.failure(FailureClass::Protocol, what).into());
            }
            if Instant::now() > deadline {
                return Err(ExchangeError::Final(WsmanError::TimedOut));
            }
            request = codec::pull(&self.context, resource_uri, &context, batch);
        }
    }

    /// How long one exchange may take.
    fn patience(&self) -> Duration {
        self.options.operation_timeout + self.options.answer_margin
    }

    fn read<T>(
        &self,
        reply: Reply,
        parse: impl FnOnce(Option<codec::Element>) -> Result<T, CodecError>,
    ) -> Result<T, WsmanError> {
        match reply {
            Reply::Fault(fault) => Err(WsmanError::Fault(fault)),
            Reply::Body(body) => parse(body).map_err(|e| {
                WsmanError::Connection(self.target.failure(
                    FailureClass::Protocol,
                    format!("gave an answer that is not understood: {e}"),
                ))
            }),
        }
    }

    async fn signed_in(&mut self) -> Result<SignedIn, Failure> {
        if let Some(connection) = self.connection.take()
            && connection.http.is_fresh(MAX_IDLE)
        {
            return Ok(connection);
        }
        let connection = sign_in(&self.target, &self.credentials, &self.options, self.way).await?;
        self.way = Some(connection.way);
        self.exchanges += connection.exchanges;
        Ok(connection)
    }

    /// Sends a request and reads the envelope that answers it. After an error the connection is gone.
    async fn exchange(&mut self, request: &Request) -> Result<Reply, ExchangeError> {
        let (mut connection, reply) = match self.send(request).await {
            // Nothing was sent, so even a method call may go out again; sealed anew, on a new connection.
            Err(HttpFailure::NotSent) => self.send(request).await,
            other => other,
        }
        .map_err(|failure| self.exchange_error(failure))?;
        tracing::debug!(
            computer = %self.target.name, status = reply.status.as_u16(), bytes = reply.body.len(), "Exchange"
        );
        self.received = self.received.saturating_add(reply.body.len());
        let reply = match &mut connection.protection {
            Protection::Sealed(context) => {
                let plain = self.unseal(context.as_mut(), &reply)?;
                parse_reply(&plain, &request.message_id).map_err(|e| {
                    let words = codec::first_words(&plain, 100);
                    self.not_understood(&e, &format!("HTTP {}", reply.status.as_u16()), &words)
                })?
            }
            protection => self.read_plain(matches!(protection, Protection::TlsBasic(_)), &reply, request)?,
        };
        self.connection = Some(connection);
        Ok(reply)
    }

    async fn send(&mut self, request: &Request) -> Result<(SignedIn, HttpReply), HttpFailure> {
        let patience = self.patience();
        let mut connection = self.signed_in().await.map_err(HttpFailure::Failed)?;
        let (authorization, content_type, body) = match &mut connection.protection {
            Protection::Sealed(context) => {
                let message = context.seal(request.body.clone()).map_err(|e| {
                    HttpFailure::Failed(
                        self.target
                            .failure(FailureClass::Protocol, format!("was not asked: {e}")),
                    )
                })?;
                (None, SEALED_CONTENT_TYPE, Bytes::from(encode_sealed(&message)))
            }
            Protection::Tls => (None, SOAP, wiped(&request.body)),
            Protection::TlsBasic(header) => (Some(header.clone()), SOAP, wiped(&request.body)),
        };
        let sent = timeout(patience, connection.http.post(authorization, content_type, body)).await;
        match sent {
            Err(_) => Err(HttpFailure::TimedOut),
            Ok(Err(HttpError::NotSent(_))) => Err(HttpFailure::NotSent),
            Ok(Err(HttpError::Lost(what))) => {
                self.exchanges += 1;
                Err(HttpFailure::Lost(self.target.failure(FailureClass::Network, what)))
            }
            Ok(Err(HttpError::Garbage(what))) => {
                Err(HttpFailure::Failed(self.target.failure(FailureClass::Protocol, what)))
            }
            Ok(Ok(reply)) => {
                self.exchanges += 1;
                Ok((connection, reply))
            }
        }
    }

    fn exchange_error(&self, failure: HttpFailure) -> ExchangeError {
        match failure {
            HttpFailure::NotSent => ExchangeError::Lost(
                self.target
                    .failure(FailureClass::Network, "closes the connection after each sign-in"),
            ),
            HttpFailure::Lost(failure) => ExchangeError::Lost(failure),
            HttpFailure::Failed(failure) => failure.into(),
            HttpFailure::TimedOut => ExchangeError::Final(WsmanError::TimedOut),
        }
    }

    /// Opens a sealed answer. Anything that is not sealed is refused, whatever it says: anybody could have written it.
    fn unseal(
        &self,
        context: &mut dyn super::security::SecurityContext,
        reply: &HttpReply,
    ) -> Result<Zeroizing<Vec<u8>>, ExchangeError> {
        if !reply.body.is_empty() && is_sealed(&reply.content_type, &reply.body) {
            let framed_wrongly = |e: CodecError| {
                ExchangeError::from(
                    self.target
                        .failure(FailureClass::Protocol, format!("was heard, but {e}")),
                )
            };
            let mut plain = Zeroizing::new(Vec::new());
            for message in decode_sealed(&reply.content_type, &reply.body).map_err(framed_wrongly)? {
                let part = context.unseal(message).map_err(|e| {
                    self.target.failure(
                        FailureClass::Protocol,
                        format!("was heard, but {e}. The connection was closed and the answer thrown away"),
                    )
                })?;
                plain.extend_from_slice(&part);
            }
            return Ok(plain);
        }
        Err(match reply.status {
            StatusCode::UNAUTHORIZED => ExchangeError::Lost(self.target.failure(
                FailureClass::Credentials,
                format!("forgot that {} is signed in ({})", self.credentials.account(), reply.described()),
            )),
            StatusCode::FORBIDDEN => self.denied(reply).into(),
            _ if reply.body.is_empty() => self
                .target
                .failure(
                    FailureClass::Protocol,
                    format!("answered a sealed request with nothing but {}", reply.described()),
                )
                .into(),
            _ => self
                .target
                .failure(
                    FailureClass::Protocol,
                    format!(
                        "answered a sealed request in clear text with {}; refused, because anybody on the way could have \
                         written it",
                        reply.described()
                    ),
                )
                .into(),
        })
    }

    fn read_plain(&self, is_basic: bool, reply: &HttpReply, request: &Request) -> Result<Reply, ExchangeError> {
        if reply.status == StatusCode::UNAUTHORIZED {
            let failure = self.target.failure(
                FailureClass::Credentials,
                format!(
                    "does not accept the user name or password of {}; it offers {}",
                    self.credentials.account(),
                    reply.offered().join(", ")
                ),
            );
            return Err(if is_basic {
                failure.into()
            } else {
                ExchangeError::Lost(failure)
            });
        }
        match parse_reply(&reply.body, &request.message_id) {
            Ok(answer @ Reply::Fault(_)) => Ok(answer),
            Ok(answer) if reply.status.is_success() => Ok(answer),
            _ if reply.status == StatusCode::FORBIDDEN => Err(self.denied(reply).into()),
            Ok(_) => Err(self
                .target
                .failure(FailureClass::Protocol, format!("answered with {}", reply.described()))
                .into()),
            Err(e) => Err(self.not_understood(&e, "", &reply.described()).into()),
        }
    }

    fn denied(&self, reply: &HttpReply) -> Failure {
        self.target.failure(
            FailureClass::AccessDenied,
            format!(
                "does not let {} use WS-Management: {}. It needs an administrator of that computer",
                self.credentials.account(),
                reply.described()
            ),
        )
    }

    fn not_understood(&self, error: &CodecError, status: &str, words: &str) -> Failure {
        let context = [status, words]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
        self.target.failure(
            FailureClass::Protocol,
            format!("does not speak WS-Management here: {error} ({context})"),
        )
    }
}

/// A body that is wiped once it was sent.
fn wiped(body: &Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(body.clone())
}

/// Connects, signs in and asks who is there.
pub async fn identify(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
) -> Result<Identity, WsmanError> {
    Session::new(target.clone(), credentials.clone(), options.clone())
        .identify()
        .await
}
