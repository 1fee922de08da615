//! An activation service on loopback that checks every request by its own means: the digest is computed here from bare
//! SHA-256, the inner document is read as text.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A request as the service understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub kind: u32,
    pub pid: String,
    pub iid: Option<String>,
    /// The request target: absolute when it came through a proxy.
    pub target: String,
    pub proxy_authorization: Option<String>,
}

/// What the service does.
pub enum Reply {
    /// Status, headers, body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// Accepts the request and says nothing.
    Silence,
    /// Accepts the request and breaks the connection.
    HangUp,
}

pub fn ok(body: String) -> Reply {
    Reply::Http(200, vec![("content-type", "text/xml; charset=utf-8".into())], body)
}

/// The envelope around `<ActivationResponse>...</ActivationResponse>`.
pub fn envelope(inner: &str) -> String {
    let escaped = inner.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soap:Body><BatchActivateResponse xmlns=\"http://www.microsoft.com/BatchActivationService\"><BatchActivateResult>\
         <ResponseXml>&lt;?xml version=\"1.0\" encoding=\"utf-16\"?&gt;{escaped}</ResponseXml></BatchActivateResult>\
         </BatchActivateResponse></soap:Body></soap:Envelope>"
    )
}

/// One answered request.
pub fn item(elements: &[(&str, &str)]) -> String {
    let item: Vec<String> = elements
        .iter()
        .map(|(name, value)| match *name {
            "ErrorCode" => format!("<ErrorInfo><ErrorCode>{value}</ErrorCode></ErrorInfo>"),
            name => format!("<{name}>{value}</{name}>"),
        })
        .collect();
    let item = item.concat();
    envelope(&format!(
        "<ActivationResponse xmlns=\"http://www.microsoft.com/DRM/SL/BatchActivationResponse/1.0\">\
         <VersionNumber>1.0</VersionNumber><Responses><Response>{item}</Response></Responses></ActivationResponse>"
    ))
}

pub struct TestService {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestService {
    pub async fn start(reply: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(reply, None).await
    }

    /// With a certificate that `ca.pem` beside this file has issued for localhost.
    pub async fn start_tls(reply: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("server.key")).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::listen(reply, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(reply: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, reply) = (Arc::clone(&asked), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, reply, tls) = (Arc::clone(&log), Arc::clone(&reply), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, log, reply).await,
                        // A client that does not trust us ends the handshake.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, log, reply).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}/BatchActivation/BatchActivation.asmx", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve<S, R>(stream: S, log: Arc<Mutex<Vec<Asked>>>, reply: Arc<R>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
        async move {
            let asked = match understand(request).await {
                Ok(asked) => asked,
                // The message reaches the test through the status that no test expects.
                Err(why) => return Ok(response(418, &[], why)),
            };
            let number = {
                let mut log = log.lock().unwrap();
                log.push(asked.clone());
                log.len()
            };
            match reply(&asked, number) {
                Reply::Http(status, headers, body) => Ok::<_, std::io::Error>(response(status, &headers, body)),
                Reply::Silence => std::future::pending().await,
                Reply::HangUp => Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        }
    });
    // An error is what the test asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

fn response(status: u16, headers: &[(&'static str, String)], body: String) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Full::new(Bytes::from(body))).unwrap()
}

async fn understand(request: Request<Incoming>) -> Result<Asked, String> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned)
    };
    let expected = [
        ("content-type", "text/xml; charset=\"utf-8\""),
        ("accept", "text/xml"),
        (
            "soapaction",
            "http://www.microsoft.com/BatchActivationService/BatchActivate",
        ),
    ];
    for (name, value) in expected {
        if header(name).as_deref() != Some(value) {
            return Err(format!("header {name}: {:?}", header(name)));
        }
    }
    if request.method() != hyper::Method::POST {
        return Err(format!("method {}", request.method()));
    }
    let (target, proxy_authorization) = (request.uri().to_string(), header("proxy-authorization"));
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(|e: hyper::Error| e.to_string())?;
    let body = String::from_utf8(body.to_bytes().to_vec()).map_err(|e| e.to_string())?;
    let element = |text: &str, name: &str| -> Option<String> {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let inner = STANDARD
        .decode(element(&body, "RequestXml").ok_or("no RequestXml")?)
        .map_err(|e| e.to_string())?;
    if element(&body, "Digest").as_deref() != Some(&hmac_by_hand(&inner)) {
        return Err("the digest is wrong".into());
    }
    let units: Vec<u16> = inner
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let inner = String::from_utf16(&units).map_err(|e| e.to_string())?;
    Ok(Asked {
        kind: element(&inner, "RequestType")
            .and_then(|k| k.parse().ok())
            .ok_or("no RequestType")?,
        pid: element(&inner, "PID").ok_or("no PID")?,
        iid: element(&inner, "IID"),
        target,
        proxy_authorization,
    })
}

/// RFC 2104 written out, with the public 32-byte key in hexadecimal as it is published.
fn hmac_by_hand(message: &[u8]) -> String {
    const KEY: &str = "fe319875fb4884869cf3f1ce99a89064ab571fca470450583024e214628779a0";
    let mut key = [0_u8; 64];
    for (i, byte) in key.iter_mut().take(32).enumerate() {
        *byte = u8::from_str_radix(&KEY[2 * i..2 * i + 2], 16).unwrap();
    }
    let inner = Sha256::new()
        .chain_update(key.map(|b| b ^ 0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha256::new()
        .chain_update(key.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize();
    STANDARD.encode(outer)
}
