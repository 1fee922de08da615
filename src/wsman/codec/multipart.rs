//! The framing of sealed messages (MS-WSMV 2.2.9.1): `multipart/encrypted`, and several of them in one body.
//!
//! A sealed message is a header part that tells the length of the plain text and a binary part: length of the security
//! token as u32 little-endian, token, cipher text. The binary part ends where the closing delimiter begins, with no line
//! break between.

use super::CodecError;

/// What requests sealed by NTLM or SPNEGO are labelled with.
pub const CONTENT_TYPE: &str =
    "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

/// What sealed messages are labelled with: NTLM and SPNEGO share a name, Kerberos tokens of their own have another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedWith {
    /// NTLM, raw or in SPNEGO.
    Spnego,
    /// Kerberos.
    Kerberos,
}

impl SealedWith {
    /// The content type of a request.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Spnego => CONTENT_TYPE,
            Self::Kerberos => {
                "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";boundary=\"Encrypted Boundary\""
            }
        }
    }

    fn protocol(self) -> &'static str {
        match self {
            Self::Spnego => "application/HTTP-SPNEGO-session-encrypted",
            Self::Kerberos => "application/HTTP-Kerberos-session-encrypted",
        }
    }
}

const BOUNDARY: &str = "Encrypted Boundary";
/// Kerberos tokens are about 60 bytes, NTLM's 16; more than this is no token.
const MAX_TOKEN: usize = 64 * 1024;
/// Messages in one body. Servers split long answers into pieces of 16 KiB (32 MiB need 2,048).
const MAX_MESSAGES: usize = 4096;

/// One sealed message as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedMessage {
    /// The security token: signature or header.
    pub token: Vec<u8>,
    /// The cipher text.
    pub data: Vec<u8>,
    /// Length of the plain text in bytes, as declared.
    pub length: usize,
}

/// Frames a message that NTLM or SPNEGO has sealed.
pub fn encode_sealed(message: &SealedMessage) -> Vec<u8> {
    encode_sealed_with(message, SealedWith::Spnego)
}

/// Frames a message for sending, under the name of what it was sealed with.
pub fn encode_sealed_with(message: &SealedMessage, with: SealedWith) -> Vec<u8> {
    let protocol = with.protocol();
    let mut out = format!(
        "--{BOUNDARY}\r\n\tContent-Type: {protocol}\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={}\r\n\
         --{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n",
        message.length
    )
    .into_bytes();
    // INVARIANT: tokens come from our own security context and are far below 4 GiB.
    out.extend_from_slice(&u32::try_from(message.token.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&message.token);
    out.extend_from_slice(&message.data);
    out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    out
}

/// True if an answer is sealed, by its content type or, where a server forgot it, by its first bytes.
pub fn is_sealed(content_type: &str, body: &[u8]) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("multipart/encrypted")
        || media.eq_ignore_ascii_case("multipart/x-multi-encrypted")
        || delimiter_at(body.trim_ascii_start(), &boundary_of(content_type)).is_some()
}

/// The `boundary` parameter, quoted or not.
fn boundary_of(content_type: &str) -> String {
    parameter_of(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty())
        .unwrap_or_else(|| BOUNDARY.to_owned())
}

/// A parameter of a header; what stands in quotes may hold semicolons (RFC 2045 5.1).
fn parameter_of(header: &str, wanted: &str) -> Option<String> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    header
        .split(|c| {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                ';' => return !is_quoted,
                _ => {}
            }
            false
        })
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim().trim_matches('"').trim().to_owned())
}

/// What follows the boundary mark at the start of `rest`: `--`, blanks that some servers add, and the name, which ends
/// there.
fn delimiter_at<'a>(rest: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let mut rest = rest.strip_prefix(b"--")?;
    while let [b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    let after = rest.strip_prefix(boundary.as_bytes())?;
    let ends = matches!(after, [] | [b'-', b'-', ..] | [b' ' | b'\t' | b'\r' | b'\n', ..]);
    ends.then_some(after)
}

/// Takes sealed messages out of a body.
pub fn decode_sealed(content_type: &str, body: &[u8]) -> Result<Vec<SealedMessage>, CodecError> {
    let boundary = boundary_of(content_type);
    let mut rest = without_preamble(body.trim_ascii_start(), &boundary);
    let mut messages = Vec::new();
    loop {
        if messages.len() >= MAX_MESSAGES {
            return Err(CodecError::Framing("too many sealed messages in one answer"));
        }
        let (message, after) = decode_one(rest, &boundary)?;
        messages.push(message);
        // After a message its closing delimiter `--`, then the end or the next message.
        rest = after.strip_prefix(b"--").unwrap_or(after).trim_ascii_start();
        if rest.is_empty() {
            return Ok(messages);
        }
    }
}

/// Lines before the first boundary are for readers that know no MIME (RFC 2046 5.1.1).
fn without_preamble<'a>(body: &'a [u8], boundary: &str) -> &'a [u8] {
    let mut rest = body;
    while delimiter_at(rest, boundary).is_none() {
        match line_of(rest) {
            Some((_, after)) => rest = after,
            // Nowhere: the error is told of the whole.
            None => return body,
        }
    }
    rest
}

fn decode_one<'a>(body: &'a [u8], boundary: &str) -> Result<(SealedMessage, &'a [u8]), CodecError> {
    let mut rest = delimiter_at(body, boundary).ok_or(CodecError::Framing("the first boundary is missing"))?;
    let mut length = None;
    // Header lines of both parts, until the binary part begins.
    loop {
        let (line, after) = line_of(rest).ok_or(CodecError::Framing("it ends inside its headers"))?;
        rest = after;
        if let Some(after_delimiter) = delimiter_at(line.trim_ascii_start(), boundary) {
            if after_delimiter.starts_with(b"--") {
                return Err(CodecError::Framing("it ends before its binary part"));
            }
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = name.trim();
        if name.eq_ignore_ascii_case("OriginalContent") {
            length = length_of(value);
        } else if name.eq_ignore_ascii_case("Content-Type")
            && value
                .trim()
                .to_ascii_lowercase()
                .starts_with("application/octet-stream")
        {
            break;
        }
    }
    let length = length.ok_or(CodecError::Framing("its OriginalContent header has no Length"))?;
    binary_part(rest, boundary, length)
}

/// The first line without its line break, and what follows. Header lines are short.
fn line_of(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = rest.iter().take(4096).position(|b| *b == b'\n')?;
    let (line, after) = rest.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), after.get(1..)?))
}

fn length_of(value: &str) -> Option<usize> {
    parameter_of(value, "Length")?.parse().ok()
}

/// What follows the other header lines of the binary part. None begins like a token, whose length has zeros in it.
fn without_headers(mut rest: &[u8]) -> &[u8] {
    while let Some((line, after)) = line_of(rest)
        && line.contains(&b':')
        && line.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'))
    {
        rest = after;
    }
    rest
}

fn binary_part<'a>(rest: &'a [u8], boundary: &str, length: usize) -> Result<(SealedMessage, &'a [u8]), CodecError> {
    let rest = without_headers(rest);
    // A blank line after the headers, as ordinary MIME has it, is not meant here but occurs.
    let without_blank_line = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"));
    let candidates = [Some(rest), without_blank_line];
    let mut fallback = None;
    for candidate in candidates.into_iter().flatten() {
        let Some((token, data)) = token_of(candidate) else {
            continue;
        };
        // The cipher text is as long as the plain text, unless the mechanism pads.
        if let Some((exact, after)) = data.split_at_checked(length)
            && let Some(after) =
                delimiter_at(after, boundary).or_else(|| delimiter_at(after.strip_prefix(b"\r\n")?, boundary))
        {
            return Ok((sealed(token, exact, length), after));
        }
        fallback = fallback.or(Some((token, data)));
    }
    let (token, data) = fallback.ok_or(CodecError::Framing("its security token is longer than the message"))?;
    let end = data
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| *pair == b"--")
        .map(|(at, _)| at)
        .find(|at| data.get(*at..).and_then(|d| delimiter_at(d, boundary)).is_some())
        .ok_or(CodecError::Framing("its closing boundary is missing"))?;
    let (data, after) = data.split_at(end);
    let after = delimiter_at(after, boundary).unwrap_or_default();
    Ok((sealed(token, data, length), after))
}

fn token_of(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    (size <= MAX_TOKEN).then(|| rest.split_at_checked(size))?
}

fn sealed(token: &[u8], data: &[u8], length: usize) -> SealedMessage {
    SealedMessage {
        token: token.to_vec(),
        data: data.to_vec(),
        length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &[u8]) -> SealedMessage {
        SealedMessage {
            token: vec![1; 16],
            data: data.to_vec(),
            length: data.len(),
        }
    }

    fn binary_part_at(framed: &[u8]) -> usize {
        let mark = b"octet-stream\r\n";
        framed.windows(mark.len()).position(|w| w == mark).unwrap() + mark.len()
    }

    #[test]
    fn what_is_framed_is_found_again_whatever_the_cipher_text_looks_like() {
        for data in [&b"--Encrypted Boundary--\r\n"[..], b"", b"\r\n", b"abc\r\n", &[0; 5000]] {
            let framed = encode_sealed(&message(data));
            assert!(is_sealed(CONTENT_TYPE, &framed));
            assert_eq!(decode_sealed(CONTENT_TYPE, &framed).unwrap(), [message(data)]);
        }
    }

    #[test]
    fn dialects_of_other_servers_are_read() {
        let mut body = b"\r\n-- Encrypted Boundary\ncontent-type: application/HTTP-SPNEGO-session-encrypted\n\
            OriginalContent: type=application/soap+xml;charset=UTF-8; length=\"3\"\n\
            -- Encrypted Boundary\nContent-Type:application/octet-stream\n"
            .to_vec();
        body.extend_from_slice(&[2, 0, 0, 0, 9, 9]);
        body.extend_from_slice(b"abc\r\n-- Encrypted Boundary--");
        let expected = SealedMessage {
            token: vec![9, 9],
            data: b"abc".to_vec(),
            length: 3,
        };
        for content_type in [
            "multipart/encrypted",
            "Multipart/Encrypted; protocol=x; boundary=Encrypted Boundary",
            "application/soap+xml",
        ] {
            assert!(is_sealed(content_type, &body));
            assert_eq!(
                decode_sealed(content_type, &body).unwrap(),
                std::slice::from_ref(&expected),
                "{content_type}"
            );
        }
        assert!(!is_sealed("application/soap+xml", b"<s:Envelope/>"));
    }

    #[test]
    fn a_blank_line_before_the_binary_part_and_padding_are_tolerated() {
        let framed = encode_sealed(&message(b"abc"));
        let at = binary_part_at(&framed);
        let mut with_blank_line = framed.clone();
        with_blank_line.splice(at..at, *b"\r\n");
        assert_eq!(
            decode_sealed(CONTENT_TYPE, &with_blank_line).unwrap(),
            [message(b"abc")]
        );
        let padded = SealedMessage {
            length: 1,
            ..message(b"abcde")
        };
        assert_eq!(decode_sealed(CONTENT_TYPE, &encode_sealed(&padded)).unwrap(), [padded]);
    }

    #[test]
    fn what_mime_allows_around_the_parts_is_passed_over() {
        let framed = encode_sealed(&message(b"abc"));
        let at = binary_part_at(&framed);
        for headers in [
            &b"Content-Transfer-Encoding: binary\r\n"[..],
            b"\tContent-Length: 23\r\nContent-ID: <1>\r\n\r\n",
            b"X-A: b\n\n",
        ] {
            let mut with_headers = framed.clone();
            with_headers.splice(at..at, headers.iter().copied());
            assert_eq!(decode_sealed(CONTENT_TYPE, &with_headers).unwrap(), [message(b"abc")]);
        }
        let with_preamble = [
            b"This is a message in parts.\r\n--Encrypted Boundary2\r\n\r\n",
            framed.as_slice(),
        ]
        .concat();
        assert_eq!(decode_sealed(CONTENT_TYPE, &with_preamble).unwrap(), [message(b"abc")]);
        assert!(decode_sealed(CONTENT_TYPE, b"nothing\r\nof it\r\n").is_err());
    }

    #[test]
    fn a_boundary_ends_where_it_is_said_to_end() {
        assert_eq!(
            boundary_of("multipart/encrypted; p=\"x;boundary=no\\\";\"; Boundary=\"a;b\""),
            "a;b"
        );
        assert_eq!(boundary_of("multipart/encrypted; boundary=a ; p=q"), "a");
        for (rest, after) in [
            ("--a\r\n", Some("\r\n")),
            ("-- a--", Some("--")),
            ("--a", Some("")),
            ("--ab\r\n", None),
            ("--a-b", None),
        ] {
            assert_eq!(delimiter_at(rest.as_bytes(), "a"), after.map(str::as_bytes), "{rest}");
        }
    }

    #[test]
    fn several_messages_in_one_body_are_all_found() {
        let body = [encode_sealed(&message(b"one")), encode_sealed(&message(b"two!"))].concat();
        let found = decode_sealed("multipart/x-multi-encrypted;boundary=\"Encrypted Boundary\"", &body).unwrap();
        assert_eq!(found, [message(b"one"), message(b"two!")]);
    }

    #[test]
    fn broken_framing_is_an_error() {
        let framed = encode_sealed(&message(b"abcdef"));
        for cut in 0..framed.len() - 4 {
            assert!(decode_sealed(CONTENT_TYPE, &framed[..cut]).is_err(), "{cut}");
        }
        let mut long_token = framed;
        let at = binary_part_at(&long_token);
        long_token[at + 2] = 0xFF;
        assert!(decode_sealed(CONTENT_TYPE, &long_token).is_err());
    }
}
