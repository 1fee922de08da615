//! Opening a connection and signing in on it.
//!
//! Over HTTP nothing but sign-in tokens travels in empty POSTs until both sides share a key (MS-WSMV 2.2.9.1). Over HTTPS
//! the same exchange runs without sealing, bound to the certificate, or Basic where a server offers nothing better; Basic
//! never runs over HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::codec::{SealedWith, token_for};
use super::credentials::Credentials;
use super::handshake::alerted;
use super::http::{HttpConnection, HttpError, HttpReply};
use super::security::{self, KerberosContext, KerberosError, Mechanism, SecurityContext, SecurityError};
use super::target::{ConnectOptions, Target};
use crate::model::{Failure, FailureClass};

/// The content type of plain envelopes and of the empty POSTs of the sign-in.
pub(super) const SOAP: &str = "application/soap+xml;charset=UTF-8";
/// What a request says whose sender is known by the certificate of the connection (MS-WSMV 2.2.9.1, `secprofile`).
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
/// Tokens one sign-in may take. NTLM needs two, SPNEGO at most three.
const MAX_LEGS: usize = 6;

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Tokens in the `Negotiate` or the `NTLM` scheme.
    Tokens { scheme: &'static str, mechanism: Mechanism },
    /// Account and password in each request; over TLS only.
    Basic,
    /// The client certificate of the TLS connection.
    Certificate,
}

/// In the order tried: Kerberos, where the account and the computer have a realm, because it proves the computer as well.
/// Raw NTLM inside Negotiate is what most clients send; servers that insist on SPNEGO refuse it at the
/// first token, before anything about the account was sent, so trying the next costs no failed sign-in.
const WAYS: [Way; 5] = [
    Way::Tokens {
        scheme: "Negotiate",
        mechanism: Mechanism::Kerberos,
    },
    Way::Tokens {
        scheme: "Kerberos",
        mechanism: Mechanism::Kerberos,
    },
    Way::Tokens {
        scheme: "Negotiate",
        mechanism: Mechanism::Ntlm,
    },
    Way::Tokens {
        scheme: "Negotiate",
        mechanism: Mechanism::Spnego,
    },
    Way::Tokens {
        scheme: "NTLM",
        mechanism: Mechanism::Ntlm,
    },
];

/// How messages are protected on a connection that is signed in.
pub(super) enum Protection {
    /// Sealed by this context, under this name.
    Sealed(Box<dyn SecurityContext>, SealedWith),
    /// By TLS; the connection is signed in.
    Tls,
    /// By TLS; each request carries this instead of a sign-in: account and password, or that the certificate counts.
    TlsHeader(HeaderValue),
}

/// A connection that is signed in.
pub(super) struct SignedIn {
    pub http: HttpConnection,
    pub protection: Protection,
    /// What worked, to be tried first next time.
    pub way: Way,
    /// HTTP exchanges it took.
    pub exchanges: u64,
}

enum Attempt {
    /// There is no Kerberos ticket for this: nothing was sent to the computer.
    NoTicket(String),
    Done(HttpConnection, Protection),
    /// The first token was not taken; the computer offers these schemes (none: it did not say).
    NotTaken {
        offered: Vec<String>,
        failure: Failure,
    },
    Failed(Failure),
}

/// Connects and signs in.
pub(super) async fn sign_in(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
    known: Option<Way>,
) -> Result<SignedIn, Failure> {
    let mut exchanges = 0;
    // Connecting has a time-out of its own; this one is for all attempts together.
    let patience = options.sign_in_timeout + options.connect_timeout + options.resolve_timeout;
    timeout(patience, try_ways(target, credentials, options, known, &mut exchanges))
        .await
        .unwrap_or_else(|_| Err(hung(target, options)))
        .map(|(http, protection, way)| SignedIn {
            http,
            protection,
            way,
            exchanges,
        })
}

async fn try_ways(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
    known: Option<Way>,
    exchanges: &mut u64,
) -> Result<(HttpConnection, Protection, Way), Failure> {
    if credentials.certificate().is_some() {
        if !target.tls {
            let what = "was not asked: a certificate signs in over HTTPS only; give the computer HTTPS in the list";
            return Err(target.failure(FailureClass::NotAllowed, what));
        }
        let http = HttpConnection::open(target, options, credentials.certificate()).await?;
        let mutual = HeaderValue::from_static(MUTUAL);
        return Ok((http, Protection::TlsHeader(mutual), Way::Certificate));
    }
    let others = WAYS.iter().copied().filter(|way| Some(*way) != known);
    let mut first_failure = None;
    let mut without_kerberos = (credentials.is_logged_on_user() && cfg!(windows))
        .then(|| "Windows itself chooses between Kerberos and NTLM for the logged-on user".to_owned());
    // Elsewhere the user is known by Kerberos tickets and by nothing else.
    let by_tickets_alone = credentials.is_logged_on_user() && !cfg!(windows);
    let mut offered_before: Vec<String> = Vec::new();
    for way in known.into_iter().chain(others) {
        let Way::Tokens { scheme, mechanism } = way else {
            let http = HttpConnection::open(target, options, credentials.certificate()).await?;
            return Ok((http, basic(credentials, target)?, way));
        };
        let is_offered = |wanted: &str| offered_before.iter().any(|o| o.eq_ignore_ascii_case(wanted));
        let is_kerberos = mechanism == Mechanism::Kerberos;
        let is_out = if is_kerberos {
            without_kerberos.is_some()
        } else {
            by_tickets_alone
        };
        if !offered_before.is_empty() && !is_offered(scheme) || is_out {
            continue;
        }
        match try_tokens(target, credentials, options, scheme, mechanism, exchanges).await {
            Attempt::Done(http, protection) => return Ok((http, protection, way)),
            Attempt::Failed(failure) => return Err(failure),
            Attempt::NoTicket(why) if by_tickets_alone => {
                let what =
                    format!("was not asked with the user's Kerberos tickets: {why}. Give an account and its password");
                return Err(target.failure(FailureClass::NotAllowed, what));
            }
            Attempt::NoTicket(why) => without_kerberos = Some(why),
            Attempt::NotTaken { offered, failure } => {
                first_failure.get_or_insert(failure);
                if !offered.is_empty() {
                    offered_before = offered;
                }
            }
        }
    }
    let is_offered = |wanted: &str| offered_before.iter().any(|o| o.eq_ignore_ascii_case(wanted));
    let list = offered_before.join(", ");
    if by_tickets_alone && !offered_before.is_empty() {
        let what =
            format!("offers {list} and does not take the user's Kerberos ticket: give an account and its password");
        return Err(target.failure(FailureClass::Credentials, what));
    }
    // Nothing of the account has left us yet, so this is no second try.
    if is_offered("Basic") && target.tls && !credentials.is_logged_on_user() {
        let http = HttpConnection::open(target, options, credentials.certificate()).await?;
        return Ok((http, basic(credentials, target)?, Way::Basic));
    }
    if is_offered("Negotiate") || is_offered("NTLM") {
        return Err(target.failure(
            FailureClass::Protocol,
            format!(
                "offers {list} but refuses NTLM before it knows who asks: NTLM may be switched off there. {}",
                without_kerberos.unwrap_or_else(|| "Kerberos was not taken either".to_owned())
            ),
        ));
    }
    if offered_before.is_empty() {
        return Err(first_failure.unwrap_or_else(|| target.failure(FailureClass::Protocol, "offers no way to sign in")));
    }
    if is_offered("Basic") && target.tls {
        let http = HttpConnection::open(target, options, credentials.certificate()).await?;
        return Ok((http, basic(credentials, target)?, Way::Basic));
    }
    Err(if is_offered("Basic") {
        target.failure(
            FailureClass::NotAllowed,
            format!(
                "offers only {list}. A password is never sent over plain HTTP: use HTTPS, or allow Negotiate on it \
                 (winrm set winrm/config/service/auth @{{Negotiate=\"true\"}})"
            ),
        )
    } else {
        target.failure(
            FailureClass::Protocol,
            format!(
                "offers no way to sign in that MAKeeper knows; it offers {list}. Allow Negotiate on it \
                 (winrm set winrm/config/service/auth @{{Negotiate=\"true\"}})"
            ),
        )
    })
}

fn basic(credentials: &Credentials, target: &Target) -> Result<Protection, Failure> {
    if !target.tls {
        return Err(target.failure(
            FailureClass::NotAllowed,
            "was not asked: a password is never sent over plain HTTP",
        ));
    }
    if credentials.is_logged_on_user() {
        return Err(target.failure(
            FailureClass::NotAllowed,
            "was not asked: it offers Basic only, which needs an account and its password",
        ));
    }
    let pair = Zeroizing::new(format!("{}:{}", credentials.account(), credentials.password().expose()));
    let header = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&header)
        .map_err(|_| target.failure(FailureClass::Credentials, "cannot be given this account by Basic"))?;
    value.set_sensitive(true);
    Ok(Protection::TlsHeader(value))
}

async fn try_tokens(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
    scheme: &'static str,
    mechanism: Mechanism,
    exchanges: &mut u64,
) -> Attempt {
    // The ticket first: while servers are asked for one, no connection stands idle.
    let ticket = match mechanism {
        Mechanism::Kerberos => match ticket(target, credentials, options).await {
            Ok(context) => Some(context),
            Err(attempt) => return attempt,
        },
        Mechanism::Ntlm | Mechanism::Spnego => None,
    };
    let mut http = match HttpConnection::open(target, options, credentials.certificate()).await {
        Ok(http) => http,
        Err(failure) => return Attempt::Failed(failure),
    };
    let with = match mechanism {
        Mechanism::Kerberos => SealedWith::Kerberos,
        Mechanism::Ntlm | Mechanism::Spnego => SealedWith::Spnego,
    };
    let service = format!("HTTP/{}", target.bare_host());
    let mut context: Box<dyn SecurityContext> = match ticket {
        Some(context) => context,
        None => match security::context(mechanism, credentials, &service, http.binding.clone()) {
            Ok(context) => context,
            Err(e) => return Attempt::Failed(target.failure(FailureClass::Credentials, format!("was not asked: {e}"))),
        },
    };
    let mut token = match context.step(&[]) {
        Ok(token) => token,
        Err(e) => return Attempt::Failed(broken(target, &e)),
    };
    for leg in 0..MAX_LEGS {
        *exchanges += 1;
        let posted = http.post(authorization(scheme, &token), SOAP, Bytes::new());
        let reply = match timeout(options.sign_in_timeout, posted).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return lost(target, leg, error),
            Err(_) => return Attempt::Failed(hung(target, options)),
        };
        let answer = token_for(&reply.challenges, scheme);
        tracing::debug!(computer = %target.name, scheme, leg, status = reply.status.as_u16(), "Sign-in");
        match judge(
            target,
            credentials,
            &reply,
            leg,
            answer.is_some(),
            context.is_complete(),
        ) {
            Verdict::Go(done) => {
                if let Some(answer) = answer.filter(|_| !context.is_complete()) {
                    token = match context.step(&answer) {
                        Ok(token) => token,
                        // A refusal inside SPNEGO comes as a token that does not continue the exchange.
                        Err(_) if leg > 0 && !done => return Attempt::Failed(refused(target, credentials)),
                        // Not the form of token we sent: nothing about the account has left us yet, so try another.
                        Err(e) if leg == 0 => {
                            return Attempt::NotTaken {
                                offered: Vec::new(),
                                failure: broken(target, &e),
                            };
                        }
                        Err(e) => return Attempt::Failed(broken(target, &e)),
                    };
                }
                if done {
                    if !target.tls && !context.is_complete() {
                        let what = "let the sign-in through without a key to seal with; refused";
                        return Attempt::Failed(target.failure(FailureClass::Protocol, what));
                    }
                    let protection = if target.tls {
                        Protection::Tls
                    } else {
                        Protection::Sealed(context, with)
                    };
                    return Attempt::Done(http, protection);
                }
            }
            Verdict::Stop(attempt) => return attempt,
        }
    }
    Attempt::Failed(target.failure(FailureClass::Protocol, "does not come to an end with the sign-in"))
}

/// A Kerberos context with a ticket for the computer.
async fn ticket(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
) -> Result<Box<dyn SecurityContext>, Attempt> {
    let Some(tickets) = &options.tickets else {
        return Err(Attempt::NoTicket("Kerberos is switched off here".to_owned()));
    };
    let bare = target.bare_host().parse().ok();
    if target.address.or(bare).is_some_and(|at| at.is_loopback()) {
        // A forwarded port: no realm of the network knows what is behind it.
        return Err(Attempt::NoTicket(
            "Kerberos is not possible: the address is one of this computer itself".to_owned(),
        ));
    }
    let host = target.service_host();
    let service = format!("HTTP/{host}");
    match KerberosContext::begin(credentials, host, &service, tickets, options.connect_timeout).await {
        Ok(context) => Ok(Box::new(context)),
        Err(KerberosError::Unavailable(why)) => {
            tracing::debug!(computer = %target.name, why, "No Kerberos");
            Err(Attempt::NoTicket(format!("Kerberos is not possible: {why}")))
        }
        Err(error @ KerberosError::NoServer(_)) if credentials.is_logged_on_user() => Err(Attempt::Failed(
            target.failure(FailureClass::Network, format!("was not asked: {error}")),
        )),
        Err(error @ KerberosError::NoServer(_)) => Err(Attempt::NoTicket(error.to_string())),
        Err(KerberosError::Tickets(error)) => Err(Attempt::Failed(
            target.failure(FailureClass::Credentials, format!("was not asked: {error}")),
        )),
        // Trying NTLM with it would count towards the lock-out again.
        Err(KerberosError::Refused(why)) => Err(Attempt::Failed(target.failure(
            FailureClass::Credentials,
            format!(
                "was not asked, because the domain refuses {}: {why}",
                credentials.account()
            ),
        ))),
    }
}

enum Verdict {
    /// Feed in its token; signed in if true.
    Go(bool),
    Stop(Attempt),
}

fn judge(
    target: &Target,
    credentials: &Credentials,
    reply: &HttpReply,
    leg: usize,
    has_token: bool,
    is_complete: bool,
) -> Verdict {
    let fail = |class, what: String| Verdict::Stop(Attempt::Failed(target.failure(class, what)));
    let refused = || Verdict::Stop(Attempt::Failed(refused(target, credentials)));
    match reply.status {
        StatusCode::UNAUTHORIZED if is_complete => refused(),
        StatusCode::UNAUTHORIZED if has_token => Verdict::Go(false),
        // Our answer to its challenge was sent, and it starts again or says nothing: refused.
        StatusCode::UNAUTHORIZED if leg > 0 => refused(),
        StatusCode::FORBIDDEN => Verdict::Stop(Attempt::Failed(denied(target, credentials, reply))),
        // An empty request may be answered as such once the sign-in is through.
        StatusCode::BAD_REQUEST
        | StatusCode::LENGTH_REQUIRED
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::INTERNAL_SERVER_ERROR
            // Kerberos is through with its first token, which is answered with one.
            if leg > 0 || has_token =>
        {
            Verdict::Go(true)
        }
        status if (leg > 0 || has_token) && status.is_success() => Verdict::Go(true),
        status if leg == 0 && status.is_success() && target.tls => Verdict::Go(true),
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR if leg == 0 => {
            let offered = reply.offered().iter().map(|&s| s.to_owned()).collect();
            Verdict::Stop(Attempt::NotTaken {
                offered,
                failure: target.failure(
                    FailureClass::Protocol,
                    format!("does not take part in the sign-in: {}", reply.described()),
                ),
            })
        }
        StatusCode::NOT_FOUND => fail(
            FailureClass::Protocol,
            format!("has no WS-Management at {}: {}", target.path, reply.described()),
        ),
        _ => fail(
            FailureClass::Protocol,
            format!(
                "does not speak WS-Management here: it answers the sign-in with {}",
                reply.described()
            ),
        ),
    }
}

fn lost(target: &Target, leg: usize, error: HttpError) -> Attempt {
    match error {
        HttpError::Garbage(what) => Attempt::Failed(target.failure(FailureClass::Protocol, what)),
        HttpError::Alert(alert) => Attempt::Failed(alerted(target, alert)),
        HttpError::Lost(what) | HttpError::NotSent(what) if leg == 0 => Attempt::NotTaken {
            offered: Vec::new(),
            failure: target.failure(FailureClass::Network, what),
        },
        HttpError::Lost(what) | HttpError::NotSent(what) => Attempt::Failed(target.failure(
            FailureClass::Network,
            format!("{what} in the middle of the sign-in, which needs one connection from start to end"),
        )),
    }
}

fn hung(target: &Target, options: &ConnectOptions) -> Failure {
    let waited = options.sign_in_timeout.as_secs_f32();
    let what = format!("accepted the connection but did not answer the sign-in within {waited} s");
    target.failure(FailureClass::Hung, what)
}

/// User name or password refused.
pub(super) fn refused(target: &Target, credentials: &Credentials) -> Failure {
    if let Some(certificate) = credentials.certificate() {
        return target.failure(
            FailureClass::Credentials,
            format!(
                "does not accept the certificate {}: map it to an account there (New-Item WSMan:\\localhost\\ClientCertificate), \
                 and let the listener ask for it (netsh http update sslcert ... clientcertnegotiation=enable)",
                certificate.name()
            ),
        );
    }
    if credentials.is_logged_on_user() {
        return target.failure(FailureClass::Credentials, "does not accept the logged-on user");
    }
    target.failure(
        FailureClass::Credentials,
        format!(
            "does not accept the user name or password of {}.{}",
            credentials.account(),
            if credentials.is_filtered_on(&target.name) {
                " If they are right, LocalAccountTokenFilterPolicy may be missing there, without which some Windows refuse \
                 accounts of the computer itself"
            } else {
                " For an account of the computer itself write .\\name"
            }
        ),
    )
}

/// Signed in, and not let in.
pub(super) fn denied(target: &Target, credentials: &Credentials, reply: &HttpReply) -> Failure {
    target.failure(
        credentials.class_of_denial(&target.name),
        format!(
            "does not let {} use WS-Management: {}. It needs an administrator of that computer",
            credentials.account(),
            reply.described()
        ),
    )
}

fn broken(target: &Target, error: &SecurityError) -> Failure {
    target.failure(FailureClass::Protocol, format!("broke off the sign-in: {error}"))
}

fn authorization(scheme: &str, token: &[u8]) -> Option<HeaderValue> {
    if token.is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("{scheme} {}", BASE64.encode(token))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
