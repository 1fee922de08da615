//! Signing in as an honest client does, and as dishonest ones would like to.

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use proptest::prelude::*;

use super::seal::SealError;
use super::{Negotiation, SignedIn, Step, open};
use crate::lab::config::Account;

const FLAGS: u32 = 0xE208_8233;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What the client claims and does.
struct Client {
    domain: &'static str,
    user: &'static str,
    password: &'static str,
    /// Says in the blob that a MIC follows, and sends one.
    mic: bool,
    /// A MIC, proof or blob is altered on the way.
    altered: Option<usize>,
}

const HONEST: Client = Client {
    domain: "LAB",
    user: "Admin",
    password: "Lab-Only-Passw0rd",
    mic: true,
    altered: None,
};

impl Client {
    fn sign_in(&self) -> Option<Box<SignedIn>> {
        let accounts = [Account::admin(), Account::user()];
        let mut negotiation = Negotiation::new("LAB-PC-001", "LAB");
        let negotiate = [&b"NTLMSSP\0\x01\0\0\0"[..], &FLAGS.to_le_bytes(), &[0; 16]].concat();
        let Step::Continue(challenge) = negotiation.step(&negotiate, &accounts) else {
            panic!("no challenge")
        };
        let authenticate = self.authenticate(&negotiate, &challenge);
        match negotiation.step(&authenticate, &accounts) {
            Step::Done(None, signed_in) => Some(signed_in),
            Step::Refused => None,
            _ => panic!("a third round"),
        }
    }

    fn authenticate(&self, negotiate: &[u8], challenge: &[u8]) -> Vec<u8> {
        let at = u32::from_le_bytes(challenge[44..48].try_into().unwrap()) as usize;
        let mut info = challenge[at..challenge.len() - 4].to_vec();
        if self.mic {
            info.extend([6, 0, 4, 0, 2, 0, 0, 0]);
        }
        info.extend([0; 4]);
        let blob = [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[7; 8], &[9; 8], &[0; 4], &info, &[0; 4]].concat();
        let hash = Md4::digest(utf16(self.password));
        let owf = hmac(&hash, &[&utf16(&(self.user.to_uppercase() + self.domain))]);
        let proof = hmac(&owf, &[&challenge[24..32], &blob]);
        let key = hmac(&owf, &[&proof]);
        let session_key = [0x42; 16];
        let mut encrypted = session_key;
        super::rc4::Rc4::new(&key).apply(&mut encrypted);
        let payload = [
            vec![0; 24],
            [&proof[..], &blob].concat(),
            utf16(self.domain),
            utf16(self.user),
            Vec::new(),
            encrypted.to_vec(),
        ];
        let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut offset = 88;
        for part in &payload {
            let len = (part.len() as u16).to_le_bytes();
            out.extend([len, len].concat());
            out.extend((offset as u32).to_le_bytes());
            offset += part.len();
        }
        out.extend(FLAGS.to_le_bytes());
        out.extend([0; 8 + 16]);
        out.extend(payload.concat());
        if self.mic {
            let mic = hmac(&session_key, &[negotiate, challenge, &out]);
            out[72..88].copy_from_slice(&mic);
        }
        if let Some(at) = self.altered {
            out[at] ^= 1;
        }
        out
    }
}

#[test]
fn the_right_password_signs_in_with_and_without_a_mic_and_in_every_way_to_write_the_name() {
    for mic in [true, false] {
        assert!(Client { mic, ..HONEST }.sign_in().unwrap().administrator);
    }
    for (domain, user) in [("", "admin"), (".", "ADMIN"), ("lab", "admin"), ("", "admin@LAB")] {
        assert!(Client { domain, user, ..HONEST }.sign_in().is_some(), "{domain} {user}");
    }
    let viewer = Client {
        user: "viewer",
        password: "Lab-Only-V1ewer",
        ..HONEST
    };
    assert!(!viewer.sign_in().unwrap().administrator);
}

#[test]
fn a_wrong_name_domain_or_password_is_refused_also_without_a_mic() {
    for mic in [true, false] {
        for client in [
            Client {
                password: "lab-only-passw0rd",
                mic,
                ..HONEST
            },
            Client {
                password: "",
                mic,
                ..HONEST
            },
            Client {
                user: "viewer",
                mic,
                ..HONEST
            },
            Client {
                user: "nobody",
                mic,
                ..HONEST
            },
            Client {
                user: "",
                mic,
                ..HONEST
            },
            Client {
                domain: "OTHER",
                mic,
                ..HONEST
            },
        ] {
            assert!(client.sign_in().is_none(), "{} {}", client.domain, client.user);
        }
    }
}

#[test]
fn an_altered_mic_proof_or_blob_is_refused() {
    // 72: MIC; 112: proof after 24 bytes of LM answer; 130: blob.
    for at in [72, 112, 130] {
        assert!(
            Client {
                altered: Some(at),
                ..HONEST
            }
            .sign_in()
            .is_none(),
            "byte {at}"
        );
    }
}

#[test]
fn an_authenticate_message_without_a_challenge_before_is_refused() {
    let accounts = [Account::admin()];
    let mut negotiation = Negotiation::new("LAB-PC-001", "LAB");
    let message = HONEST.authenticate(&[], &[0; 64]);
    assert!(matches!(negotiation.step(&message, &accounts), Step::Refused));
    assert!(matches!(negotiation.step(b"no token", &accounts), Step::Refused));
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(mut token in proptest::collection::vec(any::<u8>(), 0..200), begin in 0usize..4) {
        let begins: [&[u8]; 4] = [b"", b"NTLMSSP\0\x01\0\0\0", b"NTLMSSP\0\x03\0\0\0", b"\x60\x28\x06\x06\x2b\x06\x01\x05\x05\x02"];
        token.splice(..0, begins[begin].iter().copied());
        let accounts = [Account::admin()];
        let mut negotiation = Negotiation::new("LAB-PC-001", "LAB");
        for _ in 0..2 {
            let step = negotiation.step(&token, &accounts);
            prop_assert!(!matches!(step, Step::Done(..)));
        }
    }
}

#[test]
fn sealed_bodies_that_are_cut_or_altered_are_refused() {
    let body = {
        // The server's own sealing has the same form; only the keys of the direction differ.
        let mut server = HONEST.sign_in().unwrap();
        super::seal(&mut server.session, b"<x/>")
    };
    for len in 0..body.len() - 2 {
        let mut server = HONEST.sign_in().unwrap();
        assert_eq!(
            open(&mut server.session, &body[..len]),
            Err(SealError::Malformed),
            "{len}"
        );
    }
    let mut server = HONEST.sign_in().unwrap();
    // Sealed with the keys of the other direction.
    assert_eq!(open(&mut server.session, &body), Err(SealError::Altered));
}
