//! The little of DER (X.690) that is needed to look into a certificate - for its signature's hash and for messages; nothing
//! here decides whether a certificate is believed - and to write and recognise Kerberos messages.

/// The content of the element at the start, which must have this tag, and what follows it.
pub(super) fn der_value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest
            .split_at_checked(usize::from(first & 0x7F))
            .filter(|(d, _)| d.len() <= 4)?;
        (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
    };
    rest.split_at_checked(length)
}

/// An element with this tag and these parts as its content. Written into one buffer that never grows: a part may be a key, and
/// a buffer that grows leaves a copy behind.
pub(super) fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Tag, length of the length, and eight digits of it at most.
    let mut out = Vec::with_capacity(10 + length);
    out.push(tag);
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let digits = length.to_be_bytes();
        let digits = digits
            .iter()
            .copied()
            .skip_while(|digit| *digit == 0)
            .collect::<Vec<u8>>();
        // Eight digits at most.
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An INTEGER that is not negative.
pub(super) fn der_integer(number: u32) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let mut digits = digits
        .iter()
        .copied()
        .skip_while(|digit| *digit == 0)
        .collect::<Vec<u8>>();
    // A leading one would make it negative.
    if digits.first().is_none_or(|digit| *digit >= 0x80) {
        digits.insert(0, 0);
    }
    der(0x02, &[&digits])
}

/// The element at the start, tag and length included, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der_value(bytes, *bytes.first()?)?;
    bytes.split_at_checked(bytes.len() - rest.len())
}

/// True if a certificate names itself as its issuer (RFC 5280 3.2): nobody else vouches for it.
pub(super) fn is_self_issued(certificate: &[u8]) -> bool {
    let names = || {
        let (certificate, _) = der_value(certificate, 0x30)?;
        let (mut tbs, _) = der_value(certificate, 0x30)?;
        // version is optional
        if let Some((_, rest)) = der_value(tbs, 0xA0) {
            tbs = rest;
        }
        let (_serial, rest) = element(tbs)?;
        let (_signature, rest) = element(rest)?;
        let (issuer, rest) = element(rest)?;
        let (_validity, rest) = element(rest)?;
        let (subject, _) = element(rest)?;
        Some((issuer, subject))
    };
    names().is_some_and(|(issuer, subject)| issuer == subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_its_length() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let written = der(0x30, &[&content[..length / 2], &content[length / 2..]]);
            assert_eq!(der_value(&written, 0x30), Some((content.as_slice(), &b""[..])));
        }
        assert_eq!(der_integer(0), [2, 1, 0]);
        assert_eq!(der_integer(127), [2, 1, 127]);
        assert_eq!(der_integer(128), [2, 2, 0, 128]);
        assert_eq!(der_integer(0x0100), [2, 2, 1, 0]);
    }

    #[test]
    fn a_certificate_that_names_itself_is_told_from_one_of_an_authority() {
        // SEQ { SEQ { [0] { INT 2 }, INT 1, SEQ {}, issuer, SEQ {}, subject } }
        let certificate = |issuer: &[u8], subject: &[u8]| {
            let name = |n: &[u8]| [&[0x30, u8::try_from(n.len()).unwrap()], n].concat();
            let tbs = [
                &[0xA0, 3, 2, 1, 2, 2, 1, 1, 0x30, 0][..],
                &name(issuer),
                &[0x30, 0],
                &name(subject),
            ]
            .concat();
            let tbs = [&[0x30, u8::try_from(tbs.len()).unwrap()], tbs.as_slice()].concat();
            [&[0x30, u8::try_from(tbs.len()).unwrap()], tbs.as_slice()].concat()
        };
        assert!(is_self_issued(&certificate(b"me", b"me")));
        assert!(!is_self_issued(&certificate(b"ca", b"me")));
        for broken in [&b""[..], b"\x30", b"\x30\x02\x30\x00", b"\x30\x84\xFF\xFF\xFF\xFF"] {
            assert!(!is_self_issued(broken));
        }
    }
}
