//! Reading an answer: sealed or protected by TLS, and why it cannot be used.

use hyper::StatusCode;
use zeroize::Zeroizing;

use super::codec::{CodecError, Fault, Reply, Request, decode_sealed, first_words, is_sealed, parse_reply};
use super::credentials::Credentials;
use super::http::HttpReply;
use super::security::SecurityContext;
use super::sign_in::{denied, refused};
use super::target::Target;
use crate::model::{Failure, FailureClass};

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
pub(super) enum ExchangeError {
    Lost(Failure),
    Final(WsmanError),
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

/// Who was asked, and by whom.
pub(super) struct Asked<'a> {
    pub target: &'a Target,
    pub credentials: &'a Credentials,
}

impl Asked<'_> {
    /// Reads the sealed answer to a sealed request.
    pub fn read_sealed(
        &self,
        context: &mut dyn SecurityContext,
        reply: &HttpReply,
        request: &Request,
    ) -> Result<Reply, ExchangeError> {
        let plain = self.unseal(context, reply)?;
        parse_reply(&plain, &request.message_id).map_err(|e| {
            let words = first_words(&plain, 100);
            self.not_understood(&e, &format!("HTTP {}", reply.status.as_u16()), &words)
                .into()
        })
    }

    /// Opens a sealed answer. Anything that is not sealed is refused, whatever it says: anybody could have written it.
    fn unseal(
        &self,
        context: &mut dyn SecurityContext,
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
            StatusCode::UNAUTHORIZED => self.forgotten(reply),
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

    /// Reads an answer that TLS protects.
    pub fn read_plain(&self, reply: &HttpReply, request: &Request) -> Result<Reply, ExchangeError> {
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(self.forgotten(reply));
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

    /// Reads the answer to a request that carried account and password itself.
    pub fn read_basic(&self, reply: &HttpReply, request: &Request) -> Result<Reply, ExchangeError> {
        if reply.status == StatusCode::UNAUTHORIZED {
            let failure = refused(self.target, self.credentials);
            return Err(failure.into());
        }
        self.read_plain(reply, request)
    }

    /// The sign-in was good a moment ago and is gone: worth another try on a new connection.
    fn forgotten(&self, reply: &HttpReply) -> ExchangeError {
        ExchangeError::Lost(self.target.failure(
            FailureClass::Credentials,
            format!(
                "took the sign-in of {} and forgot it again: {}",
                self.credentials.account(),
                reply.described()
            ),
        ))
    }

    fn denied(&self, reply: &HttpReply) -> Failure {
        denied(self.target, self.credentials, reply)
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
