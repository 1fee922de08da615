//! One connection to a directory: bytes to messages and back, through TLS or the layer of SASL, or - until somebody is signed
//! in - neither.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::codec::{Answer, Outcome, Request, buffer_length, decode_answer, encode_request, frame, message_length};
use super::error::DirectoryError;
use super::request::DomainController;
use crate::discovery::knock::resolve;
use crate::wmi::ConnectOptions;
use crate::wsman::security::SecurityContext;
use crate::wsman::{TlsFailure, secure};

/// Bytes asked of the system at once.
const READ_AHEAD: usize = 64 * 1024;

/// A byte stream, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// Server and port, for messages.
    pub server: String,
    /// Host name or address without a port.
    pub host: String,
    /// As it came, where SASL seals.
    sealed: BytesMut,
    /// Messages, unsealed.
    plain: BytesMut,
    seal: Option<Box<dyn SecurityContext>>,
    is_tls: bool,
    last_id: i32,
    patience: Duration,
    /// Entries that have arrived, for the errors.
    pub entries: usize,
}

impl Connection {
    /// Connects, without TLS yet.
    pub async fn open(
        controller: &DomainController,
        usual_port: u16,
        options: &ConnectOptions,
    ) -> Result<Self, DirectoryError> {
        let (tcp, server) = connect(controller, usual_port, options).await?;
        Ok(Self::over(Box::new(tcp), server, controller, options, false))
    }

    /// Connects with TLS from the first byte.
    pub async fn open_tls(
        controller: &DomainController,
        usual_port: u16,
        options: &ConnectOptions,
    ) -> Result<Self, DirectoryError> {
        let (tcp, server) = connect(controller, usual_port, options).await?;
        let stream = shake_hands(tcp, controller, &server, options).await?;
        Ok(Self::over(stream, server, controller, options, true))
    }

    /// Connects and begins TLS by the extended operation (RFC 4511 4.14).
    pub async fn open_start_tls(
        controller: &DomainController,
        usual_port: u16,
        options: &ConnectOptions,
    ) -> Result<Self, DirectoryError> {
        let (mut tcp, server) = connect(controller, usual_port, options).await?;
        // By hand, because what follows the answer belongs to TLS: not a byte more may be read than the answer has.
        let deadline = Instant::now() + options.connect_timeout;
        let answer = timeout_at(deadline, ask_for_tls(&mut tcp))
            .await
            .map_err(|_| DirectoryError::Network {
                server: server.clone(),
                what: format!(
                    "accepted the connection and did not answer StartTLS within {} s",
                    options.connect_timeout.as_secs_f32()
                ),
                entries: 0,
            })?
            .map_err(|e| lost(&server, 0, &e))?;
        let Ok((_, Answer::Extended(outcome))) = decode_answer(&answer) else {
            return Err(garbage(&server, 0, "its answer to StartTLS is none of LDAP"));
        };
        if outcome.code != 0 {
            return Err(DirectoryError::Trust {
                server,
                what: format!(
                    "does not begin TLS ({}): give it a certificate for servers, or choose another protection",
                    described(&outcome)
                ),
            });
        }
        let stream = shake_hands(tcp, controller, &server, options).await?;
        Ok(Self::over(stream, server, controller, options, true))
    }

    fn over(
        stream: Box<dyn Stream>,
        server: String,
        controller: &DomainController,
        options: &ConnectOptions,
        is_tls: bool,
    ) -> Self {
        Self {
            stream,
            server,
            host: controller.host.clone(),
            sealed: BytesMut::new(),
            plain: BytesMut::with_capacity(READ_AHEAD),
            seal: None,
            is_tls,
            last_id: 0,
            patience: options.operation_timeout,
            entries: 0,
        }
    }

    /// From now on everything is sealed.
    pub fn seal_with(&mut self, context: Box<dyn SecurityContext>) {
        self.seal = Some(context);
    }

    /// Sends a request and returns its number.
    pub async fn send(&mut self, request: &Request<'_>) -> Result<i32, DirectoryError> {
        if matches!(request, Request::SimpleBind { .. }) && !self.is_tls {
            // INVARIANT: a password never crosses an unprotected connection.
            return Err(DirectoryError::Trust {
                server: self.server.clone(),
                what: "was not sent the password: the connection is not protected by TLS".to_owned(),
            });
        }
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let plain = encode_request(self.last_id, request);
        let wire: Zeroizing<Vec<u8>> = match &mut self.seal {
            None => plain,
            Some(context) => match context.seal_whole(plain) {
                Ok(sealed) => Zeroizing::new(frame(&sealed)),
                Err(e) => return Err(self.garbage(&e.to_string())),
            },
        };
        let sending = async {
            self.stream.write_all(&wire).await?;
            self.stream.flush().await
        };
        match timeout(self.patience, sending).await {
            Ok(Ok(())) => Ok(self.last_id),
            Ok(Err(e)) => Err(lost(&self.server, self.entries, &e)),
            Err(_) => Err(self.silent("took no request")),
        }
    }

    /// The next message. Messages of other requests and good-byes are dealt with here, for as long as one answer may take.
    pub async fn receive(&mut self, id: i32) -> Result<Bytes, DirectoryError> {
        let deadline = Instant::now() + self.patience;
        loop {
            let message = self.next_message().await?;
            match decode_answer(&message) {
                // Notice of disconnection (RFC 4411 4.4.1).
                Ok((0, Answer::Extended(outcome))) => {
                    return Err(DirectoryError::Network {
                        server: self.server.clone(),
                        what: format!("said good-bye ({})", described(&outcome)),
                        entries: self.entries,
                    });
                }
                Ok((other, _)) if other != id => {
                    if Instant::now() > deadline {
                        return Err(self.silent("answered other questions, and not this one,"));
                    }
                }
                Ok(_) => return Ok(message),
                Err(e) => return Err(self.garbage(&format!("in a message {e}"))),
            }
        }
    }

    async fn next_message(&mut self) -> Result<Bytes, DirectoryError> {
        loop {
            match message_length(&self.plain) {
                Ok(Some(length)) if self.plain.len() >= length => return Ok(self.plain.split_to(length).freeze()),
                Ok(_) => self.fill().await?,
                Err(e) => return Err(self.garbage(&format!("in a message {e}"))),
            }
        }
    }

    /// Reads more into `plain`.
    async fn fill(&mut self) -> Result<(), DirectoryError> {
        let Some(context) = &mut self.seal else {
            self.plain.reserve(READ_AHEAD);
            let read = timeout(self.patience, self.stream.read_buf(&mut self.plain)).await;
            return self.arrived(read);
        };
        match buffer_length(&self.sealed) {
            Err(length) => {
                let what = format!("a sealed message announces {length} bytes");
                Err(self.garbage(&what))
            }
            Ok(Some(length)) if self.sealed.len() >= 4 + length => {
                self.sealed.advance(4);
                let whole = self.sealed.split_to(length).to_vec();
                match context.unseal_whole(whole) {
                    Ok(plain) => self.plain.extend_from_slice(&plain),
                    Err(e) => return Err(self.garbage(&e.to_string())),
                }
                Ok(())
            }
            Ok(_) => {
                self.sealed.reserve(READ_AHEAD);
                let read = timeout(self.patience, self.stream.read_buf(&mut self.sealed)).await;
                self.arrived(read)
            }
        }
    }

    fn arrived(&self, read: Result<io::Result<usize>, tokio::time::error::Elapsed>) -> Result<(), DirectoryError> {
        match read {
            Ok(Ok(0)) => Err(DirectoryError::Network {
                server: self.server.clone(),
                what: "closed the connection: it may be restarting or overloaded; try again".to_owned(),
                entries: self.entries,
            }),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(lost(&self.server, self.entries, &e)),
            Err(_) => Err(self.silent("did not answer")),
        }
    }

    fn silent(&self, what: &str) -> DirectoryError {
        DirectoryError::Network {
            server: self.server.clone(),
            what: format!("{what} within {} s", self.patience.as_secs_f32()),
            entries: self.entries,
        }
    }

    /// An error for what is not as it should be.
    pub fn garbage(&self, why: &str) -> DirectoryError {
        garbage(&self.server, self.entries, why)
    }
}

fn garbage(server: &str, entries: usize, why: &str) -> DirectoryError {
    DirectoryError::Protocol {
        server: server.to_owned(),
        what: format!("does not speak LDAP as it should: {why}"),
        entries,
    }
}

fn lost(server: &str, entries: usize, error: &io::Error) -> DirectoryError {
    DirectoryError::Network {
        server: server.to_owned(),
        what: format!("broke the connection off ({error}); try again"),
        entries,
    }
}

/// An outcome in words: the server's, and the code.
pub(super) fn described(outcome: &Outcome) -> String {
    if outcome.words.is_empty() {
        format!("LDAP code {}", outcome.code)
    } else {
        format!("LDAP code {}: {}", outcome.code, outcome.words)
    }
}

async fn connect(
    controller: &DomainController,
    usual_port: u16,
    options: &ConnectOptions,
) -> Result<(TcpStream, String), DirectoryError> {
    let port = controller.port.unwrap_or(usual_port);
    let server = format!("{} (port {port})", controller.host);
    let addresses =
        resolve(&controller.host, options.resolve_timeout)
            .await
            .map_err(|e| DirectoryError::NoAddress {
                server: controller.host.clone(),
                detail: e.to_string(),
            })?;
    let deadline = Instant::now() + options.connect_timeout;
    let mut refused = None;
    for address in addresses {
        match timeout_at(deadline, TcpStream::connect(SocketAddr::new(address, port))).await {
            Ok(Ok(tcp)) => {
                // Requests are small and wait for answers.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, server));
            }
            Ok(Err(e)) => refused = Some(e),
            Err(_) => break,
        }
    }
    let what = match refused {
        Some(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
            "refuses the connection: it is no domain controller, or the service does not run there".to_owned()
        }
        Some(e) => format!("is not reached: {e}"),
        None => format!(
            "did not answer within {} s: it is off, or a firewall is in between",
            options.connect_timeout.as_secs_f32()
        ),
    };
    Err(DirectoryError::Network {
        server,
        what,
        entries: 0,
    })
}

async fn ask_for_tls(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    tcp.write_all(&encode_request(1, &Request::StartTls)).await?;
    let mut answer = Vec::new();
    loop {
        let length = message_length(&answer).map_err(io::Error::other)?;
        match length {
            Some(length) if answer.len() >= length => return Ok(answer),
            Some(length) if length > READ_AHEAD => return Err(io::Error::other("its answer is too long")),
            Some(length) => {
                let have = answer.len();
                answer.resize(length, 0);
                tcp.read_exact(answer.get_mut(have..).unwrap_or_default()).await?;
            }
            None => answer.push(tcp.read_u8().await?),
        }
    }
}

async fn shake_hands(
    tcp: TcpStream,
    controller: &DomainController,
    server: &str,
    options: &ConnectOptions,
) -> Result<Box<dyn Stream>, DirectoryError> {
    let network = |what: String| DirectoryError::Network {
        server: server.to_owned(),
        what,
        entries: 0,
    };
    let shaken = secure(tcp, &controller.host, &options.trust, None);
    let shaken = timeout(options.connect_timeout, shaken).await.map_err(|_| {
        network(format!(
            "accepted the connection and did not answer the TLS handshake within {} s",
            options.connect_timeout.as_secs_f32()
        ))
    })?;
    match shaken {
        Ok((stream, _)) => Ok(Box::new(stream)),
        Err(TlsFailure::Closed(why)) => Err(network(format!(
            "closed the connection in the TLS handshake ({why}): it has no certificate for LDAPS, or is no domain controller"
        ))),
        Err(failure) => Err(DirectoryError::Trust {
            server: server.to_owned(),
            what: match failure {
                TlsFailure::Certificate(what) => what,
                TlsFailure::Unusable(why) => format!("cannot be asked over TLS: {why}"),
                TlsFailure::Alert(alert) => format!("broke off the TLS handshake with the alert {alert:?}"),
                TlsFailure::NotTls => "does not speak TLS on this port: LDAPS is 636, StartTLS 389".to_owned(),
                TlsFailure::Broken(why) | TlsFailure::Closed(why) => format!("broke off the TLS handshake: {why}"),
            },
        }),
    }
}
