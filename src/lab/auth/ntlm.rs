//! NTLMv2 as acceptor, after [MS-NLMP]: CHALLENGE, verification of AUTHENTICATE, session keys, signing and sealing.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;

use super::SignedIn;
use super::rc4::Rc4;
use crate::lab::config::Account;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
const UNICODE: u32 = 0x1;
const REQUEST_TARGET: u32 = 0x4;
const SIGN: u32 = 0x10;
const SEAL: u32 = 0x20;
const NTLM: u32 = 0x200;
const ALWAYS_SIGN: u32 = 0x8000;
const TARGET_TYPE_SERVER: u32 = 0x2_0000;
const EXTENDED_SESSION_SECURITY: u32 = 0x8_0000;
const TARGET_INFO: u32 = 0x80_0000;
const VERSION: u32 = 0x200_0000;
const KEY_128: u32 = 0x2000_0000;
const KEY_EXCHANGE: u32 = 0x4000_0000;
const KEY_56: u32 = 0x8000_0000;
const SUPPORTED: u32 = UNICODE
    | REQUEST_TARGET
    | SIGN
    | SEAL
    | NTLM
    | ALWAYS_SIGN
    | EXTENDED_SESSION_SECURITY
    | VERSION
    | KEY_128
    | KEY_EXCHANGE
    | KEY_56;
/// Between 1601 and 1970, in units of 100 ns.
const FILETIME_EPOCH: u64 = 116_444_736_000_000_000;

/// MS-NLMP 3.2.5: one acceptor serves one sign-in.
pub(super) struct Acceptor {
    computer: String,
    domain: String,
    exchange: Option<Exchange>,
}

struct Exchange {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    server_challenge: [u8; 8],
}

impl Acceptor {
    pub fn new(computer: &str, domain: &str) -> Self {
        Self {
            computer: computer.to_owned(),
            domain: domain.to_owned(),
            exchange: None,
        }
    }

    pub fn is_challenged(&self) -> bool {
        self.exchange.is_some()
    }

    /// Answers a NEGOTIATE message with a CHALLENGE; `None` if it is none, or asks for less than NTLMv2 with Unicode.
    pub fn challenge(&mut self, negotiate: &[u8]) -> Option<Vec<u8>> {
        let wanted = message(negotiate, 1).and_then(|m| u32_at(m, 12))?;
        if wanted & UNICODE == 0 || wanted & EXTENDED_SESSION_SECURITY == 0 {
            return None;
        }
        let flags = (wanted & SUPPORTED) | NTLM | TARGET_INFO | TARGET_TYPE_SERVER | VERSION;
        let server_challenge: [u8; 8] = rand::random();
        let name = utf16(&self.computer);
        let info = self.target_info();
        // Fixed part: 56 bytes with the version.
        let mut out = Vec::with_capacity(56 + name.len() + info.len());
        out.extend_from_slice(SIGNATURE);
        out.extend_from_slice(&2u32.to_le_bytes());
        push_field(&mut out, name.len(), 56);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&server_challenge);
        out.extend_from_slice(&[0; 8]);
        push_field(&mut out, info.len(), 56 + name.len());
        // Version 10.0 build 26100, NTLM revision 15.
        out.extend_from_slice(&[10, 0, 0xF4, 0x65, 0, 0, 0, 15]);
        out.extend_from_slice(&name);
        out.extend_from_slice(&info);
        self.exchange = Some(Exchange {
            negotiate: negotiate.to_vec(),
            challenge: out.clone(),
            server_challenge,
        });
        Some(out)
    }

    fn target_info(&self) -> Vec<u8> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() / 100);
        let filetime = u64::try_from(now).unwrap_or(0) + FILETIME_EPOCH;
        let mut info = Vec::new();
        let mut pair = |id: u16, value: &[u8]| {
            info.extend_from_slice(&id.to_le_bytes());
            info.extend_from_slice(&(value.len() as u16).to_le_bytes());
            info.extend_from_slice(value);
        };
        pair(2, &utf16(&self.domain));
        pair(1, &utf16(&self.computer));
        pair(4, &utf16(&self.domain.to_lowercase()));
        pair(3, &utf16(&self.computer.to_lowercase()));
        pair(7, &filetime.to_le_bytes());
        pair(0, &[]);
        info
    }

    /// Verifies an AUTHENTICATE message: the name, NTProofStr, and the MIC where the client says there is one.
    pub fn authenticate(&mut self, authenticate: &[u8], accounts: &[Account]) -> Option<SignedIn> {
        let exchange = self.exchange.take()?;
        let body = message(authenticate, 3)?;
        let nt_response = field(body, 20)?;
        let domain = text_field(body, 28)?;
        let user = text_field(body, 36)?;
        let encrypted_key = field(body, 52)?;
        let flags = u32_at(body, 60)?;
        // NTLMv1 answers have 24 bytes; an NTLMv2 answer is a proof and a blob of at least 28 bytes.
        if nt_response.len() < 16 + 28 {
            return None;
        }
        let (proof, blob) = nt_response.split_at(16);
        let account = accounts.iter().find(|a| is_called(a, &user, &domain))?;
        let password_hash = Md4::digest(utf16(&account.password));
        let owf = hmac_md5(&password_hash, &[&utf16(&(user.to_uppercase() + &domain))]);
        let expected = hmac_md5(&owf, &[&exchange.server_challenge, blob]);
        if !same(&expected, proof) {
            return None;
        }
        let base_key = hmac_md5(&owf, &[proof]);
        let key = if flags & KEY_EXCHANGE == 0 {
            base_key
        } else {
            let mut key: [u8; 16] = encrypted_key.try_into().ok()?;
            Rc4::new(&base_key).apply(&mut key);
            key
        };
        if blob_announces_mic(blob) {
            let mic = body.get(72..88)?;
            let mut zeroed = authenticate.to_vec();
            zeroed.get_mut(72..88)?.fill(0);
            let expected = hmac_md5(&key, &[&exchange.negotiate, &exchange.challenge, &zeroed]);
            if !same(&expected, mic) {
                return None;
            }
        }
        Some(SignedIn {
            administrator: account.administrator,
            session: Session::new(&key, flags),
        })
    }
}

/// A client may give the account's domain, no domain, `.`, or `user@domain`.
fn is_called(account: &Account, user: &str, domain: &str) -> bool {
    let same_text = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    match user.split_once('@') {
        Some((name, realm)) => same_text(name, &account.user) && same_text(realm, &account.domain),
        None => {
            same_text(user, &account.user) && (domain.is_empty() || domain == "." || same_text(domain, &account.domain))
        }
    }
}

/// MsvAvFlags bit 2 among the AV pairs of the client's blob (MS-NLMP 2.2.2.7).
fn blob_announces_mic(blob: &[u8]) -> bool {
    let mut rest = blob.get(28..).unwrap_or_default();
    while let (Some(id), Some(len)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let Some(value) = rest.get(4..4 + usize::from(len)) else {
            return false;
        };
        match id {
            0 => return false,
            6 => return u32_at(value, 0).is_some_and(|f| f & 2 != 0),
            _ => rest = rest.get(4 + usize::from(len)..).unwrap_or_default(),
        }
    }
    false
}

/// One direction of a session.
struct Direction {
    sign_key: [u8; 16],
    seal_key: [u8; 16],
    stream: Rc4,
    sequence: u32,
    key_exchange: bool,
}

impl Direction {
    fn new(key: &[u8; 16], flags: u32, way: &str) -> Self {
        let derived = |key: &[u8], purpose: &str| -> [u8; 16] {
            Md5::new()
                .chain_update(key)
                .chain_update(format!("session key to {way} {purpose} key magic constant\0"))
                .finalize()
                .into()
        };
        let strength = if flags & KEY_128 != 0 {
            16
        } else if flags & KEY_56 != 0 {
            7
        } else {
            5
        };
        let seal_key = derived(key.get(..strength).unwrap_or(key), "sealing");
        Self {
            sign_key: derived(key, "signing"),
            seal_key,
            stream: Rc4::new(&seal_key),
            sequence: 0,
            key_exchange: flags & KEY_EXCHANGE != 0,
        }
    }

    /// The 16-byte signature of a message (MS-NLMP 3.4.4.2); steps the sequence number.
    fn signature(&mut self, message: &[u8]) -> [u8; 16] {
        let sequence = self.sequence.to_le_bytes();
        self.sequence = self.sequence.wrapping_add(1);
        let mac = hmac_md5(&self.sign_key, &[&sequence, message]);
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&mac[..8]);
        if self.key_exchange {
            self.stream.apply(&mut checksum);
        }
        let mut out = [0; 16];
        out[..4].copy_from_slice(&1u32.to_le_bytes());
        out[4..12].copy_from_slice(&checksum);
        out[12..].copy_from_slice(&sequence);
        out
    }

    /// MS-SPNG 3.3.5.1: the key stream starts anew after the MIC of the mechanism list; the sequence goes on.
    fn restart_stream(&mut self) {
        self.stream = Rc4::new(&self.seal_key);
    }
}

/// The keys of a connection that is signed in.
pub(in crate::lab) struct Session {
    incoming: Direction,
    outgoing: Direction,
    sealing: bool,
}

impl Session {
    fn new(key: &[u8; 16], flags: u32) -> Self {
        Self {
            incoming: Direction::new(key, flags, "client-to-server"),
            outgoing: Direction::new(key, flags, "server-to-client"),
            sealing: flags & SEAL != 0,
        }
    }

    /// Decrypts in place and verifies; false if the message was altered or sealing was not agreed upon.
    pub fn unseal(&mut self, signature: &[u8], data: &mut [u8]) -> bool {
        if !self.sealing {
            return false;
        }
        self.incoming.stream.apply(data);
        same(&self.incoming.signature(data), signature)
    }

    /// Encrypts in place and returns the signature.
    pub fn seal(&mut self, data: &mut [u8]) -> [u8; 16] {
        let plain = data.to_vec();
        self.outgoing.stream.apply(data);
        self.outgoing.signature(&plain)
    }

    /// Verifies the client's MIC over the mechanism list.
    pub fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> bool {
        let good = same(&self.incoming.signature(list), mic);
        self.incoming.restart_stream();
        good
    }

    /// Our MIC over the mechanism list.
    pub fn sign_mech_list(&mut self, list: &[u8]) -> [u8; 16] {
        let mic = self.outgoing.signature(list);
        self.outgoing.restart_stream();
        mic
    }
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    // HMAC takes keys of every length, so the error cannot occur; were it to, nothing would verify against this.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else {
        return rand::random();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn message(bytes: &[u8], kind: u32) -> Option<&[u8]> {
    (bytes.starts_with(SIGNATURE) && u32_at(bytes, 8)? == kind).then_some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let len = usize::from(u16_at(message, at)?);
    let offset = usize::try_from(u32_at(message, at + 4)?).ok()?;
    if len == 0 {
        return Some(&[]);
    }
    message.get(offset..offset.checked_add(len)?)
}

fn text_field(message: &[u8], at: usize) -> Option<String> {
    let units: Vec<u16> = field(message, at)?
        .chunks_exact(2)
        .map(|c| u16::from_le_bytes([c[0], c[1]]))
        .collect();
    String::from_utf16(&units).ok()
}

fn push_field(out: &mut Vec<u8>, len: usize, offset: usize) {
    out.extend_from_slice(&(len as u16).to_le_bytes());
    out.extend_from_slice(&(len as u16).to_le_bytes());
    out.extend_from_slice(&(offset as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    // MS-NLMP 4.2.4: User/Domain/Password, server challenge 0123456789abcdef, client challenge aa..., time 0.
    #[test]
    fn the_specification_s_example_gives_its_keys() {
        let hash = Md4::digest(utf16("Password"));
        let owf = hmac_md5(&hash, &[&utf16("USERDomain")]);
        assert_eq!(owf[..4], [0x0c, 0x86, 0x8a, 0x40]);
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend_from_slice(&[0; 8]);
        blob.extend_from_slice(&[0xaa; 8]);
        blob.extend_from_slice(&[0; 4]);
        for (id, text) in [(2u16, "Domain"), (1, "Server")] {
            blob.extend_from_slice(&id.to_le_bytes());
            blob.extend_from_slice(&(text.len() as u16 * 2).to_le_bytes());
            blob.extend_from_slice(&utf16(text));
        }
        blob.extend_from_slice(&[0; 8]);
        let challenge = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let proof = hmac_md5(&owf, &[&challenge, &blob]);
        assert_eq!(proof[..4], [0x68, 0xcd, 0x0a, 0xb8]);
        assert_eq!(hmac_md5(&owf, &[&proof])[..4], [0x8d, 0xe4, 0x0c, 0xca]);
    }

    #[test]
    fn sealing_matches_the_specification_s_example() {
        // MS-NLMP 4.2.4.4 with the random session key 55...
        let mut session = Session::new(&[0x55; 16], KEY_128 | KEY_EXCHANGE | SEAL);
        // The example is the client's message: seal with the client's direction.
        let mut data = utf16("Plaintext");
        let plain = data.clone();
        session.incoming.stream.apply(&mut data);
        let signature = session.incoming.signature(&plain);
        assert_eq!(data[..6], [0x54, 0xe5, 0x01, 0x65, 0xbf, 0x19]);
        assert_eq!(signature[..8], [1, 0, 0, 0, 0x7f, 0xb3, 0x8e, 0xc5]);
    }

    #[test]
    fn truncated_messages_are_refused_not_fatal() {
        let mut acceptor = Acceptor::new("PC", "LAB");
        for len in 0..20 {
            assert!(
                acceptor
                    .challenge(&b"NTLMSSP\0\x01\0\0\0\0\0\0\0"[..len.min(16)])
                    .is_none()
            );
        }
        let negotiate = [&b"NTLMSSP\0\x01\0\0\0"[..], &SUPPORTED.to_le_bytes()].concat();
        for len in 0..90 {
            assert!(acceptor.challenge(&negotiate).is_some());
            let mut bytes = [&b"NTLMSSP\0\x03\0\0\0"[..], &[0xFF; 90]].concat();
            bytes.truncate(len);
            assert!(acceptor.authenticate(&bytes, &[Account::admin()]).is_none());
        }
    }
}
