//! The HTTP endpoint of the virtual activation service.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{ActivationService, SERVICE_PATH, wire};
use crate::lab::config::ServiceFault;

const MOST_BYTES: usize = 4 << 20;
const ACTION: &str = "http://www.microsoft.com/BatchActivationService/BatchActivate";
const RUNTIME_ERROR: &str = "<html><head><title>Runtime Error</title></head><body><h1>Server Error in \
    '/BatchActivation' Application.</h1><h2>Runtime Error</h2></body></html>";
const SIGN_IN_PAGE: &str = "<html><head><title>Proxy sign-in</title></head><body><form>Please sign in to use the \
    Internet.</form></body></html>";

/// Serves until `stop`.
pub(in crate::lab) async fn serve(service: Arc<ActivationService>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            let (service, stop) = (Arc::clone(&service), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = connection(service, stream) => {}
                }
            });
        }
    }
}

async fn connection(service: Arc<ActivationService>, stream: TcpStream) {
    let handler = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { handle(&service, request).await }
    });
    // A client that breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}

/// An error closes the connection without an answer.
async fn handle(service: &ActivationService, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let fault = service.fault();
    match fault {
        ServiceFault::Html => return Ok(page(StatusCode::OK, SIGN_IN_PAGE)),
        ServiceFault::Http500 => return Ok(page(StatusCode::INTERNAL_SERVER_ERROR, RUNTIME_ERROR)),
        ServiceFault::Hang => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        ServiceFault::Delay(time) => tokio::time::sleep(time).await,
        ServiceFault::None | ServiceFault::CloseBeforeAnswer => {}
    }
    if request.uri().path() != SERVICE_PATH {
        return Ok(page(StatusCode::NOT_FOUND, RUNTIME_ERROR));
    }
    // A GET shows the same page on the real service.
    let action = request.headers().get("SOAPAction").and_then(|v| v.to_str().ok());
    let is_call = request.method() == Method::POST && action.is_some_and(|a| a.trim_matches('"') == ACTION);
    if !is_call {
        return Ok(page(StatusCode::INTERNAL_SERVER_ERROR, RUNTIME_ERROR));
    }
    let xml_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|t| t.starts_with("text/xml"));
    if !xml_type {
        return Ok(page(StatusCode::UNSUPPORTED_MEDIA_TYPE, ""));
    }
    let Ok(body) = Limited::new(request.into_body(), MOST_BYTES).collect().await else {
        return Ok(page(StatusCode::PAYLOAD_TOO_LARGE, ""));
    };
    let answer = match wire::read(&body.to_bytes()) {
        Ok(batch) => response(StatusCode::OK, "text/xml; charset=utf-8", wire::answer(service, &batch)),
        Err(reason) => response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/xml; charset=utf-8",
            wire::fault(reason),
        ),
    };
    if fault == ServiceFault::CloseBeforeAnswer {
        return Err(io::Error::other("the connection is dialled to break here"));
    }
    Ok(answer)
}

fn page(status: StatusCode, html: &str) -> Response<Full<Bytes>> {
    response(status, "text/html; charset=utf-8", html.to_owned())
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
