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

/// The content of a field of a KRB-ERROR (RFC 4120 5.9.1), `None` for other messages.
fn error_field(message: &[u8], field: u8) -> Option<&[u8]> {
    let (error, _) = der_value(message.get(4..)?, 0x7E)?;
    let (mut fields, _) = der_value(error, 0x30)?;
    while let Some(tag) = fields.first().copied() {
        let (value, rest) = der_value(fields, tag)?;
        if tag == 0xA0 | field {
            return Some(value);
        }
        fields = rest;
    }
    None
}

/// The code of a KRB-ERROR, `None` for other messages.
pub(super) fn error_code(message: &[u8]) -> Option<u32> {
    let (number, _) = der_value(error_field(message, 6)?, 0x02)?;
    (number.len() <= 4).then(|| number.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

/// The NTSTATUS that a Windows server adds to a KRB-ERROR (KERB-EXT-ERROR, MS-KILE 2.2.2): it tells a disabled account from
/// one that is locked out, which Kerberos has one code for. Samba sends it in a list of one.
pub(super) fn error_status(message: &[u8]) -> Option<u32> {
    let (data, _) = der_value(error_field(message, 12)?, 0x04)?;
    let (mut data, _) = der_value(data, 0x30)?;
    if data.first() == Some(&0x30) {
        (data, _) = der_value(data, 0x30)?;
    }
    let (kind, rest) = der_value(data, 0xA1)?;
    let (kind, _) = der_value(kind, 0x02)?;
    let (value, _) = der_value(rest, 0xA2)?;
    let (value, _) = der_value(value, 0x04)?;
    let status = value.first_chunk::<4>().filter(|_| kind == [3] && value.len() == 12)?;
    Some(u32::from_le_bytes(*status))
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
    #[test]
    fn the_status_of_windows_is_found_in_an_error_alone_or_in_a_list() {
        let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let status = [&0xC000_0072_u32.to_le_bytes()[..], &[0; 4], &[1, 0, 0, 0]].concat();
        let data = |kind: u8| {
            let fields = [element(0xA1, &element(2, &[kind])), element(0xA2, &element(4, &status))];
            element(0x30, &fields.concat())
        };
        let message = |data: &[u8]| {
            let fields = [element(0xA6, &[2, 1, 18]), element(0xAC, &element(4, data))].concat();
            [&[0; 4][..], &element(0x7E, &element(0x30, &fields))].concat()
        };
        assert_eq!(error_status(&message(&data(3))), Some(0xC000_0072));
        assert_eq!(error_status(&message(&element(0x30, &data(3)))), Some(0xC000_0072));
        assert_eq!(error_code(&message(&data(3))), Some(18));
        assert_eq!(error_status(&message(&data(11))), None);
        for broken in [&b""[..], b"\x30\x00", b"\x30\x02\xA1\x00", b"\x04\x00"] {
            assert_eq!(error_status(&message(broken)), None);
        }
    }
}
