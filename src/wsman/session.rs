//! A conversation with one computer: signs in, seals, repeats what may be repeated, collects batches.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::answer::{Asked, ExchangeError, WsmanError};
use super::codec::{
    self, Argument, Batch, CodecError, EnumerateReply, Identity, Object, Reply, Request, RequestContext,
    encode_sealed_with, parse_enumerate, parse_identify, parse_method_output,
};
use super::credentials::Credentials;
use super::handshake::alerted;
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

/// What became of a request that was to be sent.
enum HttpFailure {
    NotSent,
    Lost(Failure),
    Failed(Failure),
    TimedOut,
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

    /// Who signs in.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// HTTP exchanges so far, those of the sign-in included.
    pub fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// Connects and signs in, unless that is done already, so that a wrong password shows here.
    pub async fn connect(&mut self) -> Result<(), WsmanError> {
        let connection = self.signed_in().await.map_err(WsmanError::Connection)?;
        let is_proven = !matches!(connection.protection, Protection::TlsHeader(_));
        self.connection = Some(connection);
        // Basic and certificates have no sign-in of their own: only a request shows whether they are accepted.
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
        let mut previous = None;
        let mut is_guess = false;
        let mut request = codec::enumerate(&self.context, resource_uri, wql, batch);
        loop {
            let reply = self.exchange(&request).await?;
            let batch_of = match self.read(reply, parse_enumerate) {
                Err(WsmanError::Fault(fault)) if is_guess && fault.subcode == "InvalidEnumerationContext" => {
                    return Ok(items);
                }
                other => other.map_err(ExchangeError::Final)?,
            };
            let EnumerateReply {
                items: more,
                context,
                ended,
            } = batch_of;
            empty += usize::from(more.is_empty());
            items.extend(more);
            // A Pull answered without a context leaves the one it had good; a server that means the end by that and does
            // not say so will answer the next Pull with a fault.
            is_guess = context.is_none();
            if ended {
                return Ok(items);
            }
            let Some(context) = context.or(previous.take()) else {
                // Nobody could tell a list that ends here from one that goes on.
                let what = "answered the query without saying whether that is all, or how to ask for the rest";
                return Err(self.target.failure(FailureClass::Protocol, what).into());
            };
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
            previous = Some(context);
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
        let asked = Asked {
            target: &self.target,
            credentials: &self.credentials,
        };
        let reply = match &mut connection.protection {
            Protection::Sealed(context, _) => asked.read_sealed(context.as_mut(), &reply, request)?,
            Protection::Tls => asked.read_plain(&reply, request)?,
            Protection::TlsHeader(_) => asked.read_basic(&reply, request)?,
        };
        self.connection = Some(connection);
        Ok(reply)
    }

    async fn send(&mut self, request: &Request) -> Result<(SignedIn, HttpReply), HttpFailure> {
        let patience = self.patience();
        let mut connection = self.signed_in().await.map_err(HttpFailure::Failed)?;
        let (authorization, content_type, body) = match &mut connection.protection {
            Protection::Sealed(context, with) => {
                let message = context.seal(request.body.clone()).map_err(|e| {
                    HttpFailure::Failed(
                        self.target
                            .failure(FailureClass::Protocol, format!("was not asked: {e}")),
                    )
                })?;
                (
                    None,
                    with.content_type(),
                    Bytes::from(encode_sealed_with(&message, *with)),
                )
            }
            Protection::Tls => (None, SOAP, wiped(&request.body)),
            Protection::TlsHeader(header) => (Some(header.clone()), SOAP, wiped(&request.body)),
        };
        let sent = timeout(patience, connection.http.post(authorization, content_type, body)).await;
        match sent {
            Err(_) => Err(HttpFailure::TimedOut),
            Ok(Err(HttpError::NotSent(_))) => Err(HttpFailure::NotSent),
            Ok(Err(HttpError::Lost(what))) => {
                self.exchanges += 1;
                Err(HttpFailure::Lost(self.target.failure(FailureClass::Network, what)))
            }
            Ok(Err(HttpError::Alert(alert))) => Err(HttpFailure::Failed(alerted(&self.target, alert))),
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
