//! A Kerberos credential cache, as `kinit` writes it (MIT Kerberos, "Credential cache file format", versions 3 and 4).
//!
//! The session keys in it are as good as a password: they are wiped when dropped and never printed.

use std::fmt;

use zeroize::Zeroizing;

/// Where entries stand that are no tickets but settings of the cache.
const SETTINGS: &str = "X-CACHECONF:";

/// What is in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialCache {
    /// Whose tickets these are.
    pub principal: Principal,
    /// The tickets, in the order of the file, without those that were removed.
    pub tickets: Vec<CachedTicket>,
}

/// A name in a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The kind of name (RFC 4120 6.2); 1 is a person or a computer, 10 a name that may have an @ of its own.
    pub kind: u32,
    /// The realm.
    pub realm: String,
    /// The name, in its parts: `["krbtgt", "LAB.EXAMPLE"]`.
    pub parts: Vec<String>,
}

/// A ticket and the key it is used with.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedTicket {
    /// Whose it is.
    pub client: Principal,
    /// What it is for.
    pub server: Principal,
    /// The encryption of the session key (RFC 3961 8), e.g. 18.
    pub key_type: u16,
    /// The session key.
    pub key: Zeroizing<Vec<u8>>,
    /// From when it is good, in seconds since 1970; 0: from the beginning.
    pub starts: u32,
    /// Until when, in seconds since 1970.
    pub ends: u32,
    /// The ticket itself, a `Ticket` of RFC 4120 5.3 in DER.
    pub ticket: Vec<u8>,
}

/// Why bytes are no credential cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CacheFormatError {
    /// It begins otherwise.
    #[error("it is no Kerberos credential cache")]
    NotACache,
    /// Versions 1 and 2 were written before 1996.
    #[error("it has version {0} of the format; MAKeeper reads 3 and 4")]
    Version(u8),
    /// It ends early, or says so of itself.
    #[error("it is cut off or damaged at byte {0}")]
    Damaged(usize),
}

impl Principal {
    /// True for the ticket-granting service of the realm called so, in any realm.
    pub fn is_granting_service_of(&self, realm: &str) -> bool {
        matches!(self.parts.as_slice(), [service, of] if service == "krbtgt" && of == realm)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.parts.join("/"), self.realm)
    }
}

impl fmt::Debug for CachedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedTicket")
            .field("client", &self.client)
            .field("server", &self.server)
            .field("key_type", &self.key_type)
            .field("starts", &self.starts)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// Reads a cache. Names that are no UTF-8 are read with substitutes: nobody signs in by them.
pub fn parse_credential_cache(bytes: &[u8]) -> Result<CredentialCache, CacheFormatError> {
    let version = match bytes {
        [5, version @ (3 | 4), ..] => *version,
        [5, version @ (1 | 2), ..] => return Err(CacheFormatError::Version(*version)),
        _ => return Err(CacheFormatError::NotACache),
    };
    let mut from = Reader { bytes, at: 2, version };
    from.all().ok_or(CacheFormatError::Damaged(from.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    version: u8,
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Option<CredentialCache> {
        if self.version == 4 {
            let length = self.u16()?;
            self.take(usize::from(length))?;
        }
        let principal = self.principal()?;
        let mut tickets = Vec::new();
        while self.at < self.bytes.len() {
            let ticket = self.ticket()?;
            // What was removed stays in the file with an end long past.
            if ticket.server.realm != SETTINGS && ticket.ends != 0 {
                tickets.push(ticket);
            }
        }
        Some(CredentialCache { principal, tickets })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn data(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.data()?).into_owned())
    }

    fn principal(&mut self) -> Option<Principal> {
        let kind = self.u32()?;
        let count = self.u32()?;
        let realm = self.text()?;
        // Not reserved for what a damaged file says: each part takes four bytes at least, and ends the loop where none are.
        let parts = (0..count).map(|_| self.text()).collect::<Option<_>>()?;
        Some(Principal { kind, realm, parts })
    }

    fn ticket(&mut self) -> Option<CachedTicket> {
        let client = self.principal()?;
        let server = self.principal()?;
        let key_type = self.u16()?;
        if self.version == 3 {
            // Written twice, for no reason that anybody remembers.
            self.u16()?;
        }
        let key = Zeroizing::new(self.data()?.to_vec());
        let _signed_in = self.u32()?;
        let starts = self.u32()?;
        let ends = self.u32()?;
        let _renewable_until = self.u32()?;
        let _is_for_user_to_user = self.take(1)?;
        let _flags = self.u32()?;
        // Addresses, then authorization data: kind and value each.
        for _ in 0..2 {
            for _ in 0..self.u32()? {
                self.u16()?;
                self.data()?;
            }
        }
        let ticket = self.data()?.to_vec();
        let _second_ticket = self.data()?;
        Some(CachedTicket {
            client,
            server,
            key_type,
            key,
            starts,
            ends,
            ticket,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend(bytes);
    }

    fn principal(out: &mut Vec<u8>, principal: &Principal) {
        out.extend(principal.kind.to_be_bytes());
        out.extend(u32::try_from(principal.parts.len()).unwrap().to_be_bytes());
        data(out, principal.realm.as_bytes());
        for part in &principal.parts {
            data(out, part.as_bytes());
        }
    }

    /// As MIT Kerberos writes it, with an address and authorization data here and there.
    fn written(cache: &CredentialCache, version: u8) -> Vec<u8> {
        let mut out = vec![5, version];
        if version == 4 {
            // One header field: how far the clock of the server is off.
            out.extend([0, 12, 0, 1, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0]);
        }
        principal(&mut out, &cache.principal);
        for (index, ticket) in cache.tickets.iter().enumerate() {
            principal(&mut out, &ticket.client);
            principal(&mut out, &ticket.server);
            out.extend(ticket.key_type.to_be_bytes());
            if version == 3 {
                out.extend(ticket.key_type.to_be_bytes());
            }
            data(&mut out, &ticket.key);
            for time in [7, ticket.starts, ticket.ends, 0] {
                out.extend(time.to_be_bytes());
            }
            out.extend([0, 0x40, 0xE1, 0, 0]);
            for _ in 0..2 {
                let count = u32::try_from(index % 2).unwrap();
                out.extend(count.to_be_bytes());
                for _ in 0..count {
                    out.extend([0, 2]);
                    data(&mut out, &[10, 0, 0, 1]);
                }
            }
            data(&mut out, &ticket.ticket);
            data(&mut out, b"");
        }
        out
    }

    prop_compose! {
        fn any_principal()(kind in 0u32..12, realm in "[A-Z.]{1,12}", parts in prop::collection::vec("\\PC{0,8}", 0..4)) -> Principal {
            Principal { kind, realm, parts }
        }
    }

    prop_compose! {
        fn any_ticket()(
            client in any_principal(), server in any_principal(), key_type in any::<u16>(),
            key in prop::collection::vec(any::<u8>(), 0..40), starts in any::<u32>(), ends in 1u32..,
            ticket in prop::collection::vec(any::<u8>(), 0..80),
        ) -> CachedTicket {
            CachedTicket { client, server, key_type, key: Zeroizing::new(key), starts, ends, ticket }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_what_is_cut_off_is_noticed(
            principal in any_principal(), tickets in prop::collection::vec(any_ticket(), 0..4), version in 3u8..=4, cut in any::<prop::sample::Index>(),
        ) {
            let cache = CredentialCache { principal, tickets };
            let bytes = written(&cache, version);
            prop_assert_eq!(parse_credential_cache(&bytes), Ok(cache.clone()));
            // Whole tickets may be missing at the end; nothing else is taken for a cache.
            if let Ok(part) = parse_credential_cache(&bytes[..cut.index(bytes.len())]) {
                prop_assert!(part.tickets.len() < cache.tickets.len() && cache.tickets.starts_with(&part.tickets));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), version in 0u8..6) {
            bytes.splice(0..0, [5, version]);
            let _ = parse_credential_cache(&bytes);
        }
    }

    #[test]
    fn settings_and_removed_tickets_are_passed_over_and_old_versions_named() {
        let person = Principal {
            kind: 1,
            realm: "LAB.EXAMPLE".into(),
            parts: vec!["admin".into()],
        };
        let ticket = |realm: &str, ends| CachedTicket {
            client: person.clone(),
            server: Principal {
                kind: 0,
                realm: realm.into(),
                parts: vec!["krbtgt".into(), "LAB.EXAMPLE".into()],
            },
            key_type: 18,
            key: Zeroizing::new(vec![7; 32]),
            starts: 0,
            ends,
            ticket: vec![0x61, 0],
        };
        let tickets = vec![ticket(SETTINGS, 9), ticket("LAB.EXAMPLE", 0), ticket("LAB.EXAMPLE", 9)];
        let cache = CredentialCache {
            principal: person.clone(),
            tickets,
        };
        let read = parse_credential_cache(&written(&cache, 4)).unwrap();
        assert_eq!(read.tickets, cache.tickets[2..]);
        assert!(read.tickets[0].server.is_granting_service_of("LAB.EXAMPLE"));
        assert!(!read.tickets[0].server.is_granting_service_of("OTHER"));
        assert_eq!(read.principal.to_string(), "admin@LAB.EXAMPLE");
        assert!(!format!("{read:?}").contains("7, 7"), "a session key is never printed");
        assert_eq!(parse_credential_cache(&[5, 1, 0]), Err(CacheFormatError::Version(1)));
        assert_eq!(parse_credential_cache(b"PK"), Err(CacheFormatError::NotACache));
        assert_eq!(parse_credential_cache(&[5, 4]), Err(CacheFormatError::Damaged(2)));
    }
}
