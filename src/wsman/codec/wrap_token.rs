//! Kerberos tokens that carry a message in one piece (RFC 4121 4.2.6.2), turned the way `sspi` reads them.

/// Bytes of the header, which is not turned.
const HEADER: usize = 16;
/// How far `sspi` takes every token to be turned: checksum and encrypted header, as Windows sends it.
const ROTATION: u16 = 28;
/// Besides the header: what encrypts the same text differently each time, a header once more, and a checksum (AES with SHA-1).
const SEALING: usize = 16 + 16 + 12;
/// Bytes of an NTLM signature (MS-NLMP 2.2.2.9).
const NTLM: usize = 16;

/// True if a Kerberos token is sealed and not signed only; `None` if it is no Kerberos token.
fn is_sealed(token: &[u8]) -> Option<bool> {
    match token {
        [0x05, 0x04, flags, ..] if token.len() >= HEADER => Some(flags & 0b10 != 0),
        _ => None,
    }
}

/// The count of filler bytes (or, signed only, of bytes of the checksum).
fn extra_count(token: &[u8]) -> usize {
    token
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, |bytes| usize::from(u16::from_be_bytes(bytes)))
}

/// Turns a sealed Kerberos token so that it is as `sspi` expects: senders are free to choose how far they turn it (RFC 4121
/// 4.2.5), and Windows turns by 28 and the filler, MIT and Samba by nothing or by something else. Everything else stays as it is.
pub fn turn_token(token: &mut [u8]) {
    if is_sealed(token) != Some(true) {
        return;
    }
    let filler = extra_count(token);
    let Some((header, body)) = token.split_first_chunk_mut::<HEADER>() else {
        return;
    };
    let [.., rrc_high, rrc_low, _, _, _, _, _, _, _, _] = header;
    if body.is_empty() {
        return;
    }
    let turned = usize::from(u16::from_be_bytes([*rrc_high, *rrc_low])) % body.len();
    body.rotate_left(turned);
    body.rotate_right((usize::from(ROTATION) + filler) % body.len());
    [*rrc_high, *rrc_low] = ROTATION.to_be_bytes();
}

/// How many bytes a message in one piece has besides its plain text.
pub fn token_overhead(token: &[u8]) -> usize {
    match is_sealed(token) {
        None => NTLM,
        Some(true) => HEADER + SEALING + extra_count(token),
        Some(false) => HEADER + extra_count(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(flags: u8, ec: u8, rrc: u8, body: &[u8]) -> Vec<u8> {
        let header = [5, 4, flags, 0xFF, 0, ec, 0, rrc, 0, 0, 0, 0, 0, 0, 0, 1];
        [&header[..], body].concat()
    }

    #[test]
    fn a_token_is_turned_from_any_rotation_to_the_one_that_is_read() {
        let body: Vec<u8> = (0..60).collect();
        let mut expected = body.clone();
        expected.rotate_right(28);
        for rrc in [0, 1, 28, 59, 60, 200] {
            let mut sent = body.clone();
            sent.rotate_right(usize::from(rrc) % 60);
            let mut turned = token(2, 0, rrc, &sent);
            turn_token(&mut turned);
            assert_eq!(turned, token(2, 0, 28, &expected), "{rrc}");
        }
    }

    #[test]
    fn what_is_signed_only_or_no_token_is_left_alone() {
        for mut other in [
            token(0, 12, 12, b"abcdef"),
            token(2, 0, 5, b""),
            b"\x01\0\0\0signature".to_vec(),
            vec![5, 4],
            vec![],
        ] {
            let before = other.clone();
            turn_token(&mut other);
            assert_eq!(other, before);
        }
    }

    #[test]
    fn the_length_of_the_plain_text_follows_from_the_kind_of_token() {
        assert_eq!(token_overhead(&token(2, 0, 28, b"")), 60);
        assert_eq!(token_overhead(&token(2, 16, 28, b"")), 76);
        assert_eq!(token_overhead(&token(1, 12, 0, b"")), 28);
        assert_eq!(token_overhead(b"\x01\0\0\0"), 16);
    }
}
