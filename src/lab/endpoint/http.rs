//! HTTP of a virtual computer: signing in, sealing, and what ill computers do instead.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SERVER, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::dispatch;
use crate::lab::auth::{self, Negotiation, SignedIn, Step};
use crate::lab::config::Fault;
use crate::lab::world::{Computer, World};

/// Largest request taken: MaxEnvelopeSizekb 500 and what sealing adds.
const MOST_BYTES: usize = 520 * 1024;
const PLAIN_TYPE: &str = "application/soap+xml;charset=UTF-8";
const NO_HTTP: &[u8] = b"\x16\x03\x01SSH-2.0-something-else\r\n\xff\xfe\x00\x00 this is not HTTP \r\n\r\n";
const SERVER_ERROR: &str = "<html><head><title>500 - Internal server error.</title></head><body>There is a problem \
    with the resource you are looking for.</body></html>";
/// Pieces a slow computer sends its answer in.
const PIECES: usize = 4;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How far signing in has come on this connection: it belongs to the connection.
enum SignIn {
    Not,
    Begun(Negotiation),
    Done(Box<SignedIn>),
}

/// Serves one connection until it closes.
pub(super) async fn connection(world: Arc<World>, computer: Arc<Computer>, mut stream: TcpStream) {
    let fault = *computer.fault.borrow();
    match fault {
        Fault::HangAfterConnect | Fault::Silent => return swallow(&mut stream).await,
        Fault::Garbage => {
            let mut first = [0; 1024];
            // The client speaks first; whatever it says, the answer is no HTTP. Its errors are its own affair.
            if stream.read(&mut first).await.is_ok() {
                let _ = stream.write_all(NO_HTTP).await;
                let _ = stream.shutdown().await;
            }
            return;
        }
        _ => {}
    }
    let state = Arc::new(Mutex::new(SignIn::Not));
    let handler = service_fn(move |request| {
        let (world, computer, state) = (Arc::clone(&world), Arc::clone(&computer), Arc::clone(&state));
        async move { Ok::<_, Infallible>(handle(&world, &computer, &state, request).await) }
    });
    // A client that breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}

/// Reads and answers nothing until the client gives up.
async fn swallow(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {}
}

async fn handle(
    world: &Arc<World>,
    computer: &Arc<Computer>,
    state: &Mutex<SignIn>,
    request: Request<Incoming>,
) -> Response<Body> {
    let fault = *computer.fault.borrow();
    let latency = *world.latency.borrow();
    if !latency.is_zero() {
        // The way there and back, whatever is asked.
        tokio::time::sleep(latency).await;
    }
    match fault {
        Fault::HangAfterConnect | Fault::Silent => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        Fault::Http500 => {
            return response(
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("text/html"),
                SERVER_ERROR.into(),
            );
        }
        Fault::Slow(time) => tokio::time::sleep(time).await,
        _ => {}
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
        return closing(response(StatusCode::PAYLOAD_TOO_LARGE, None, Bytes::new()));
    };
    let body = body.to_bytes();
    if head.method != Method::POST {
        return response(StatusCode::METHOD_NOT_ALLOWED, None, Bytes::new());
    }
    let anonymous = head.uri.path() == "/wsman-anon/identify"
        || head
            .headers
            .get("WSMANIDENTIFY")
            .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"unauthenticated"));
    if anonymous {
        return match dispatch::identify(computer, &body) {
            Some(answer) => response(StatusCode::OK, Some(PLAIN_TYPE), answer.into()),
            None => response(StatusCode::BAD_REQUEST, None, Bytes::new()),
        };
    }
    if head.uri.path() != "/wsman" {
        return response(StatusCode::NOT_FOUND, None, Bytes::new());
    }
    let mut sign_in = state.lock().await;
    let token = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .map(|(scheme, token)| {
            scheme
                .eq_ignore_ascii_case("Negotiate")
                .then(|| STANDARD.decode(token.trim()).ok())
                .flatten()
        });
    let mut granted = None;
    match token {
        Some(token) => match step(world, computer, &mut sign_in, token.as_deref(), fault) {
            Ok(token) => granted = token,
            Err(refusal) => return *refusal,
        },
        None if !matches!(*sign_in, SignIn::Done(_)) => return unauthorized(None),
        None => {}
    }
    let SignIn::Done(signed_in) = &mut *sign_in else {
        return unauthorized(None);
    };
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let mut answer = if body.is_empty() {
        response(StatusCode::OK, None, Bytes::new())
    } else if !auth::is_sealed(content_type) {
        // AllowUnencrypted is false: a readable body is refused, signed in or not.
        response(StatusCode::INTERNAL_SERVER_ERROR, None, Bytes::new())
    } else {
        match auth::open(&mut signed_in.session, &body) {
            Ok(plain) => exchange(world, computer, signed_in, &plain, fault).await,
            Err(error) => {
                tracing::debug!(computer = %computer.spec.name, ?error, "Refused a sealed message");
                *sign_in = SignIn::Not;
                return closing(unauthorized(None));
            }
        }
    };
    if let Some(token) = granted.and_then(|t| negotiate(Some(&t))) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, token);
    }
    answer
}

/// Takes a token. `Ok` holds the last token for the client once it is signed in; `Err` is the answer to give.
fn step(
    world: &World,
    computer: &Computer,
    sign_in: &mut SignIn,
    token: Option<&[u8]>,
    fault: Fault,
) -> Result<Option<Vec<u8>>, Box<Response<Body>>> {
    // Basic or Kerberos, or no base64: only Negotiate is offered over HTTP.
    let Some(token) = token else {
        *sign_in = SignIn::Not;
        return Err(Box::new(unauthorized(None)));
    };
    let mut negotiation = match std::mem::replace(sign_in, SignIn::Not) {
        SignIn::Begun(negotiation) => negotiation,
        SignIn::Not | SignIn::Done(_) => Negotiation::new(&computer.spec.name, &domain(world)),
    };
    let accounts = if fault == Fault::RefuseCredentials {
        &[]
    } else {
        world.accounts.as_slice()
    };
    match negotiation.step(token, accounts) {
        Step::Continue(answer) => {
            *sign_in = SignIn::Begun(negotiation);
            Err(Box::new(unauthorized(Some(&answer))))
        }
        Step::Done(answer, signed_in) => {
            computer.machine().counters.sign_ins += 1;
            *sign_in = SignIn::Done(signed_in);
            Ok(answer)
        }
        Step::Refused => {
            computer.machine().counters.refused += 1;
            Err(Box::new(unauthorized(None)))
        }
    }
}

fn domain(world: &World) -> String {
    world.accounts.first().map_or_else(String::new, |a| a.domain.clone())
}

async fn exchange(
    world: &Arc<World>,
    computer: &Arc<Computer>,
    signed_in: &mut SignedIn,
    plain: &[u8],
    fault: Fault,
) -> Response<Body> {
    computer.machine().counters.exchanges += 1;
    let answer = dispatch::answer(world, computer, plain, signed_in.administrator).await;
    let status = if answer.is_fault {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    };
    let sealed = Bytes::from(auth::seal(&mut signed_in.session, answer.envelope.as_bytes()));
    let mut out = response(status, Some(auth::MULTIPART_TYPE), sealed.clone());
    match fault {
        Fault::Slow(time) => {
            out.headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(sealed.len()));
            *out.body_mut() = in_pieces(sealed, time);
        }
        Fault::CloseMidAnswer => {
            out.headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(sealed.len()));
            *out.body_mut() = cut(&sealed);
        }
        _ => {}
    }
    out
}

/// The answer in a few pieces, over `time`.
fn in_pieces(body: Bytes, time: Duration) -> Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pause = time / PIECES as u32;
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    BodyExt::boxed_unsync(StreamBody::new(pieces))
}

/// Half of the answer, then the connection breaks.
fn cut(body: &Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    let broken = io::Error::other("the connection is dialled to break here");
    BodyExt::boxed_unsync(StreamBody::new(stream::iter([Ok(Frame::data(half)), Err(broken)])))
}

fn negotiate(token: Option<&[u8]>) -> Option<HeaderValue> {
    match token {
        Some(token) => HeaderValue::from_str(&format!("Negotiate {}", STANDARD.encode(token))).ok(),
        None => Some(HeaderValue::from_static("Negotiate")),
    }
}

fn unauthorized(token: Option<&[u8]>) -> Response<Body> {
    let mut answer = response(StatusCode::UNAUTHORIZED, None, Bytes::new());
    if let Some(value) = negotiate(token) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    answer
}

fn closing(mut answer: Response<Body>) -> Response<Body> {
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn response(status: StatusCode, content_type: Option<&'static str>, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("Microsoft-HTTPAPI/2.0"));
    if let Some(kind) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}
