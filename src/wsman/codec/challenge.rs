//! `WWW-Authenticate` headers: several of them, several schemes in one, any case.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One scheme a server offers, with the token it sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as written, e.g. `Negotiate`.
    pub scheme: String,
    /// The decoded token of Negotiate, NTLM or Kerberos, where there is one.
    pub token: Option<Vec<u8>>,
}

impl Challenge {
    /// Every challenge in one header value (RFC 9110 11.6.1). Parameters such as `realm="x, y"` are skipped.
    pub fn parse_all(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        for piece in split_outside_quotes(header) {
            let piece = piece.trim();
            let (word, rest) = piece
                .split_once(|c: char| c.is_ascii_whitespace())
                .unwrap_or((piece, ""));
            // `realm="..."` alone continues the challenge before it; a scheme is a bare word.
            if word.is_empty() || word.contains(['=', '"']) || rest.trim_start().starts_with('=') {
                continue;
            }
            let rest = rest.trim();
            let token = (!rest.is_empty() && !rest.contains(['"', ' ']))
                .then(|| BASE64.decode(rest).ok())
                .flatten()
                .filter(|t| !t.is_empty());
            challenges.push(Self {
                scheme: word.to_owned(),
                token,
            });
        }
        challenges
    }
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c == ',' && !quoted
    })
    .collect()
}

/// The token a server sent for `scheme`, in any of its headers.
pub fn token_for(challenges: &[Challenge], scheme: &str) -> Option<Vec<u8>> {
    challenges
        .iter()
        .filter(|c| c.scheme.eq_ignore_ascii_case(scheme))
        .find_map(|c| c.token.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemes(header: &str) -> Vec<String> {
        Challenge::parse_all(header).into_iter().map(|c| c.scheme).collect()
    }

    #[test]
    fn joined_headers_are_taken_apart() {
        assert_eq!(schemes("Negotiate, Kerberos,NTLM"), ["Negotiate", "Kerberos", "NTLM"]);
        assert_eq!(schemes(r#"Basic realm="WSMAN, x", Negotiate"#), ["Basic", "Negotiate"]);
        assert_eq!(schemes(r#"Digest realm="a", nonce="b", NTLM"#), ["Digest", "NTLM"]);
        assert!(schemes(" , ").is_empty());
    }

    #[test]
    fn a_token_is_decoded_with_and_without_padding() {
        let challenges = Challenge::parse_all("negotiate TlRMTVNTUAA=, Basic realm=\"x\"");
        assert_eq!(token_for(&challenges, "Negotiate").unwrap(), b"NTLMSSP\0");
        assert_eq!(token_for(&challenges, "Basic"), None);
        let bare = Challenge::parse_all("Negotiate TlRMTVNTUAA");
        assert_eq!(token_for(&bare, "NEGOTIATE").unwrap(), b"NTLMSSP\0");
        assert_eq!(token_for(&Challenge::parse_all("Negotiate !!!"), "Negotiate"), None);
    }
}
