//! Talking to a Kerberos server: one message over TCP, its length in front (RFC 4120 7.2.2). UDP is not used: tickets of
//! accounts in many groups do not fit into a datagram.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::realm::Kdc;
use crate::wsman::der::der_value;

/// The largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

/// Sends a message, which begins with its length, to the first server that answers, and puts that one first for next time.
pub(super) async fn ask(kdcs: &mut [Kdc], message: &[u8], patience: Duration) -> Option<Vec<u8>> {
    for place in 0..kdcs.len() {
        let Some((host, port)) = kdcs.get(place) else { break };
        if let Ok(Ok(answer)) = timeout(patience, ask_one(host, *port, message)).await {
            kdcs.swap(0, place);
            return Some(answer);
        }
    }
    None
}

/// The answer, with its length in front.
async fn ask_one(host: &str, port: u16, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(message).await?;
    let mut answer = vec![0; 4];
    stream.read_exact(&mut answer).await?;
    let length = answer.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
    if length > MAX_ANSWER {
        return Err(std::io::Error::other("the answer is too long"));
    }
    answer.resize(4 + length, 0);
    if let Some(body) = answer.get_mut(4..) {
        stream.read_exact(body).await?;
    }
    Ok(answer)
}

/// What a message is: the number of its application tag (RFC 4120 5.10), `None` when it is none.
fn application(message: &[u8]) -> Option<u8> {
    let tag = *message.get(4)?;
    (tag & 0xE0 == 0x60).then_some(tag & 0x1F)
}

/// An AS-REQ asks for a ticket-granting ticket.
pub(super) fn is_as_request(message: &[u8]) -> bool {
    application(message) == Some(10)
}

/// An AS-REP gives one.
pub(super) fn is_as_reply(message: &[u8]) -> bool {
    application(message) == Some(11)
}

/// The code of a KRB-ERROR (RFC 4120 5.9.1), `None` for other messages.
pub(super) fn error_code(message: &[u8]) -> Option<u32> {
    let (error, _) = der_value(message.get(4..)?, 0x7E)?;
    let (mut fields, _) = der_value(error, 0x30)?;
    while let Some(tag) = fields.first().copied() {
        let (value, rest) = der_value(fields, tag)?;
        if tag == 0xA6 {
            let (number, _) = der_value(value, 0x02)?;
            return (number.len() <= 4).then(|| number.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)));
        }
        fields = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_found_behind_its_times() {
        // [APPLICATION 30] SEQUENCE { pvno, msg-type, stime (shortened), susec, error-code 24 }
        let fields = [
            &[0xA0, 3, 2, 1, 5][..],
            &[0xA1, 3, 2, 1, 30],
            &[0xA4, 3, 0x18, 1, b'Z'],
            &[0xA5, 3, 2, 1, 0],
            &[0xA6, 3, 2, 1, 24],
        ]
        .concat();
        let length = |n: usize| u8::try_from(n).unwrap();
        let sequence = [&[0x30, length(fields.len())], fields.as_slice()].concat();
        let message = [&[0, 0, 0, 0, 0x7E, length(sequence.len())], sequence.as_slice()].concat();
        assert_eq!(error_code(&message), Some(24));
        assert!(!is_as_reply(&message) && !is_as_request(&message));
        assert!(is_as_reply(&[0, 0, 0, 1, 0x6B]) && is_as_request(&[0, 0, 0, 1, 0x6A]));
        for broken in [&b""[..], b"\0\0\0\x02\x7E\x05", b"\0\0\0\x02\x7E\x00"] {
            assert_eq!(error_code(broken), None);
        }
    }
}
