//! Asking a computer that answered for its name: one HTTP exchange with that computer and no other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::codec::{CodecError, DeviceMetadata, encode_get, parse_metadata};
use crate::discovery::list_file::decode_text;

/// Larger answers are refused: that of a Windows computer has 2 KiB.
const LARGEST: usize = 64 * 1024;

/// Why a computer did not tell its name.
#[derive(Debug, thiserror::Error)]
pub(super) enum MetadataError {
    #[error("it took too long")]
    TimedOut,
    #[error("no connection: {0}")]
    Connect(#[from] io::Error),
    #[error("its answer broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("it answered with HTTP {0}")]
    Status(StatusCode),
    #[error("its answer is larger than {LARGEST} bytes or broke off")]
    TooLarge,
    #[error("{0}")]
    Codec(#[from] CodecError),
}

/// Where the metadata is: the port and the path of the first address that names the computer which answered. Everything else
/// would have this computer ask others on behalf of whoever answered.
pub(super) fn place_of(addresses: &[String], from: IpAddr, ports: &[u16]) -> Option<(u16, String)> {
    addresses.iter().find_map(|address| {
        let rest = address.strip_prefix("http://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => authority
                .split_once(':')
                .map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        // `fe80::1%25eth0`: the zone is this computer's own matter.
        let host = host.split('%').next().unwrap_or(host);
        let is_from = host.parse::<IpAddr>().is_ok_and(|host| host == from);
        let port = port.map_or(Some(80), |port| port.parse().ok())?;
        let is_plain = path.bytes().all(|b| b.is_ascii_graphic());
        (is_from && ports.contains(&port) && is_plain).then(|| (port, path.to_owned()))
    })
}

/// Asks the computer at `at` for the metadata of `endpoint`.
pub(super) async fn metadata(
    at: SocketAddr,
    path: &str,
    endpoint: &str,
    message_id: &str,
    patience: Duration,
) -> Result<DeviceMetadata, MetadataError> {
    let exchange = exchange(at, path, encode_get(message_id, endpoint));
    let body = timeout(patience, exchange)
        .await
        .map_err(|_| MetadataError::TimedOut)??;
    // Windows may answer in UTF-16.
    Ok(match decode_text(&body) {
        Ok(text) => parse_metadata(text.as_bytes())?,
        Err(_) => parse_metadata(&body)?,
    })
}

async fn exchange(at: SocketAddr, path: &str, question: String) -> Result<Bytes, MetadataError> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut host = SocketAddr::new(at.ip(), at.port()).to_string();
    host.retain(|c| !c.is_whitespace());
    let request = Request::post(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/soap+xml")
        .header(USER_AGENT, "WSDAPI")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(question)))
        .map_err(|_| MetadataError::Codec(CodecError::Missing("a path that can be asked for")))?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(MetadataError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok(body.map_err(|_| MetadataError::TooLarge)?.to_bytes())
    };
    tokio::pin!(connection, answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        // The connection may end before the last piece of its answer was looked at.
        ended = &mut connection => {
            ended?;
            answered.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_computer_that_answered_is_asked() {
        let ports = [5357, 3702];
        let of = |address: &str, from: &str| place_of(&[address.to_owned()], from.parse().unwrap(), &ports);
        let at = |port: u16, path: &str| Some((port, path.to_owned()));
        assert_eq!(of("http://10.0.0.7:5357/4af0/", "10.0.0.7"), at(5357, "/4af0/"));
        assert_eq!(of("http://[fe80::1]:5357/4af0", "fe80::1"), at(5357, "/4af0"));
        assert_eq!(of("http://[fe80::1%25eth0]:3702/", "fe80::1"), at(3702, "/"));
        for elsewhere in [
            "http://10.0.0.8:5357/",
            "http://localhost:5357/",
            "http://10.0.0.7:22/",
            "http://10.0.0.7/",
            "https://10.0.0.7:5357/",
            "http://10.0.0.7:5357@10.0.0.8:5357/",
            "http://10.0.0.7:5357/\r\nX: y",
            "ftp://10.0.0.7:5357/",
            "http://[10.0.0.7:5357/",
            "",
        ] {
            assert_eq!(of(elsewhere, "10.0.0.7"), None, "{elsewhere}");
        }
        let several = [
            "http://192.168.1.1:5357/a".to_owned(),
            "http://10.0.0.7:5357/b".to_owned(),
        ];
        assert_eq!(place_of(&several, "10.0.0.7".parse().unwrap(), &ports), at(5357, "/b"));
    }
}
