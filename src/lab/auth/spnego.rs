//! The little of SPNEGO (RFC 4178, [MS-SPNG]) that carries NTLM.

/// 1.3.6.1.4.1.311.2.2.10, with tag and length.
const NTLM_OID: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
/// 1.3.6.1.5.5.2, with tag and length.
const SPNEGO_OID: &[u8] = &[0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];

/// A token from the client.
pub(super) enum Token {
    /// NegTokenInit.
    Init {
        /// The MechTypeList as encoded: what the MICs are computed over.
        mech_types: Vec<u8>,
        /// The first token of the preferred mechanism.
        mech_token: Option<Vec<u8>>,
        /// NTLM stands first.
        ntlm_preferred: bool,
    },
    /// NegTokenResp.
    Response {
        /// The mechanism's token.
        token: Option<Vec<u8>>,
        /// mechListMIC.
        mic: Option<Vec<u8>>,
    },
}

/// Reads a token; `None` for anything else, and for an offer without NTLM.
pub(super) fn parse(bytes: &[u8]) -> Option<Token> {
    let (tag, body, _) = element(bytes)?;
    match tag {
        0x60 => {
            let inner = body.strip_prefix(SPNEGO_OID)?;
            let sequence = unwrap(inner, &[0xa0, 0x30])?;
            let list = context(sequence, 0)?;
            let (_, oids, _) = element(list)?;
            let mut position = None;
            let mut rest = oids;
            for i in 0..32 {
                let Some((_, content, after)) = element(rest) else {
                    break;
                };
                if NTLM_OID.get(2..) == Some(content) {
                    position = Some(i);
                    break;
                }
                rest = after;
            }
            Some(Token::Init {
                mech_types: list.to_vec(),
                mech_token: context(sequence, 2).and_then(octets),
                ntlm_preferred: position? == 0,
            })
        }
        0xa1 => {
            let sequence = unwrap(body, &[0x30])?;
            Some(Token::Response {
                token: context(sequence, 2).and_then(octets),
                mic: context(sequence, 3).and_then(octets),
            })
        }
        _ => None,
    }
}

/// NegTokenResp: go on, NTLM is chosen.
pub(super) fn accept_incomplete(token: Option<&[u8]>) -> Vec<u8> {
    // request-mic (3) when the client's guess was another mechanism, accept-incomplete (1) otherwise.
    let state = if token.is_some() { 1 } else { 3 };
    let mut body = encode(0xa0, &[0x0a, 1, state]);
    body.extend(encode(0xa1, NTLM_OID));
    if let Some(token) = token {
        body.extend(encode(0xa2, &encode(0x04, token)));
    }
    encode(0xa1, &encode(0x30, &body))
}

/// NegTokenResp: signed in.
pub(super) fn accept_completed(mic: Option<&[u8]>) -> Vec<u8> {
    let mut body = encode(0xa0, &[0x0a, 1, 0]);
    if let Some(mic) = mic {
        body.extend(encode(0xa3, &encode(0x04, mic)));
    }
    encode(0xa1, &encode(0x30, &body))
}

/// Tag, content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 3 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
    };
    let (content, after) = rest.split_at_checked(len)?;
    Some((tag, content, after))
}

fn unwrap<'a>(bytes: &'a [u8], tags: &[u8]) -> Option<&'a [u8]> {
    tags.iter().try_fold(bytes, |bytes, wanted| {
        element(bytes).and_then(|(tag, content, _)| (tag == *wanted).then_some(content))
    })
}

fn context(mut sequence: &[u8], number: u8) -> Option<&[u8]> {
    while let Some((tag, content, rest)) = element(sequence) {
        if tag == 0xa0 | number {
            return Some(content);
        }
        sequence = rest;
    }
    None
}

fn octets(bytes: &[u8]) -> Option<Vec<u8>> {
    element(bytes).and_then(|(tag, content, _)| (tag == 0x04).then(|| content.to_vec()))
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len @ 0x80..0x100 => out.extend([0x81, len as u8]),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_read_and_cut_ones_are_refused() {
        let list = encode(0x30, NTLM_OID);
        let fields = [encode(0xa0, &list), encode(0xa2, &encode(0x04, b"NTLMSSP\0"))].concat();
        let body = [SPNEGO_OID.to_vec(), encode(0xa0, &encode(0x30, &fields))].concat();
        let offer = encode(0x60, &body);
        let Some(Token::Init {
            mech_types,
            mech_token,
            ntlm_preferred,
        }) = parse(&offer)
        else {
            panic!("not read")
        };
        assert_eq!((mech_types, ntlm_preferred), (list, true));
        assert_eq!(mech_token.as_deref(), Some(&b"NTLMSSP\0"[..]));
        for len in 0..offer.len() {
            assert!(parse(&offer[..len]).is_none());
        }
    }
}
