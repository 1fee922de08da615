//! Sealed bodies: `multipart/encrypted` as in MS-WSMV 2.2.9.1.

use super::Session;

/// Content type of a sealed body.
pub(in crate::lab) const MULTIPART_TYPE: &str =
    r#"multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary""#;
const BOUNDARY: &[u8] = b"--Encrypted Boundary";
const SIGNATURE_LEN: usize = 16;

/// Why a sealed body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum SealError {
    /// The parts, lengths or boundaries are not as specified.
    Malformed,
    /// The signature does not fit: altered, out of order, or another session's.
    Altered,
}

/// True for the content type of a sealed body.
pub(in crate::lab) fn is_sealed(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    lower.starts_with("multipart/encrypted") && lower.contains("http-spnego-session-encrypted")
}

/// Opens a body: the plain message.
pub(in crate::lab) fn open(session: &mut Session, body: &[u8]) -> Result<Vec<u8>, SealError> {
    let (header, rest) = part(body).ok_or(SealError::Malformed)?;
    let header = std::str::from_utf8(header).map_err(|_| SealError::Malformed)?;
    let length: usize = header
        .split("Length=")
        .nth(1)
        .and_then(|t| t.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|t| t.parse().ok())
        .ok_or(SealError::Malformed)?;
    let stream = after_boundary_line(rest).ok_or(SealError::Malformed)?;
    // One header line, then the stream.
    let at = find(stream, b"application/octet-stream\r\n").ok_or(SealError::Malformed)?;
    let stream = stream.get(at + 26..).ok_or(SealError::Malformed)?;
    let size = stream
        .get(..4)
        .and_then(|b| b.try_into().ok())
        .map(u32::from_le_bytes)
        .ok_or(SealError::Malformed)?;
    if size as usize != SIGNATURE_LEN {
        return Err(SealError::Malformed);
    }
    let signature = stream.get(4..4 + SIGNATURE_LEN).ok_or(SealError::Malformed)?;
    let mut data = stream
        .get(4 + SIGNATURE_LEN..4 + SIGNATURE_LEN + length)
        .ok_or(SealError::Malformed)?
        .to_vec();
    let tail = stream.get(4 + SIGNATURE_LEN + length..).unwrap_or_default();
    if !after_dashes(tail).is_some_and(|t| t.starts_with(b"Encrypted Boundary--")) {
        return Err(SealError::Malformed);
    }
    if session.unseal(signature, &mut data) {
        Ok(data)
    } else {
        Err(SealError::Altered)
    }
}

/// Seals a message into a body.
pub(in crate::lab) fn seal(session: &mut Session, message: &[u8]) -> Vec<u8> {
    let mut data = message.to_vec();
    let signature = session.seal(&mut data);
    let mut out = Vec::with_capacity(data.len() + 320);
    out.extend_from_slice(BOUNDARY);
    out.extend_from_slice(b"\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n");
    out.extend_from_slice(
        format!(
            "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={}\r\n",
            message.len()
        )
        .as_bytes(),
    );
    out.extend_from_slice(BOUNDARY);
    out.extend_from_slice(b"\r\n\tContent-Type: application/octet-stream\r\n");
    out.extend_from_slice(&(SIGNATURE_LEN as u32).to_le_bytes());
    out.extend_from_slice(&signature);
    out.extend_from_slice(&data);
    out.extend_from_slice(BOUNDARY);
    out.extend_from_slice(b"--\r\n");
    out
}

/// The header lines of the first part, and what begins with the next boundary.
fn part(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = after_boundary_line(body)?;
    let at = find(body, b"\r\n--")?;
    Some((body.get(..at)?, body.get(at + 2..)?))
}

/// Some clients write a blank after the dashes.
fn after_dashes(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes.strip_prefix(b"--")?.trim_ascii_start())
}

fn after_boundary_line(bytes: &[u8]) -> Option<&[u8]> {
    after_dashes(bytes)?.strip_prefix(b"Encrypted Boundary\r\n")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
