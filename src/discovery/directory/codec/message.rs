//! The messages of LDAP that are needed (RFC 4511 4): signing in, searching page by page (RFC 2696), beginning TLS. Requests
//! to bytes, bytes to answers, which borrow from them.

use zeroize::Zeroizing;

use super::ber::{BOOLEAN, BerError, OCTETS, Reader, SET, Writer};
use super::filter::Filter;

/// LDAP_SERVER StartTLS (RFC 4511 4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Simple paged results (RFC 2696).
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// How far below the base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The base alone.
    Base = 0,
    /// What is right below the base.
    Children = 1,
    /// The base and everything below.
    Subtree = 2,
}

/// What is asked of a server.
#[derive(Debug)]
pub enum Request<'r> {
    /// Sign in with an account and a password. For protected connections only.
    SimpleBind {
        /// A name as Active Directory takes it: a distinguished name, `name@domain` or `DOMAIN\name`.
        name: &'r str,
        /// The password. Never empty: that would sign in as nobody (RFC 4513 5.1.2).
        password: &'r str,
    },
    /// One token of a sign-in by SASL.
    SaslBind {
        /// `GSSAPI`, `GSS-SPNEGO`.
        mechanism: &'r str,
        /// The token; empty where the mechanism has nothing to say.
        token: &'r [u8],
    },
    /// Begin TLS.
    StartTls,
    /// A page of a search.
    Search {
        /// Distinguished name; empty: the server itself (RootDSE), with the global catalog the forest.
        base: &'r str,
        /// How far below.
        scope: Scope,
        /// Which entries.
        filter: &'r Filter,
        /// Which of their attributes.
        attributes: &'r [&'r str],
        /// Entries a page and where it begins; `None`: all at once.
        page: Option<(i32, &'r [u8])>,
    },
    /// Give up this request.
    Abandon(i32),
    /// Good-bye.
    Unbind,
}

/// Writes a request. `id` is at least 1.
pub fn encode_request(id: i32, request: &Request<'_>) -> Zeroizing<Vec<u8>> {
    // Large enough for a password not to be left behind when it grows.
    let mut writer = Writer::with_capacity(4096);
    writer.sequence(|w| {
        w.integer(id);
        match request {
            Request::SimpleBind { name, password } => w.nest(0x60, |w| {
                w.integer(3);
                w.octets(name.as_bytes());
                w.element(0x80, password.as_bytes());
            }),
            Request::SaslBind { mechanism, token } => w.nest(0x60, |w| {
                w.integer(3);
                w.octets(b"");
                w.nest(0xA3, |w| {
                    w.octets(mechanism.as_bytes());
                    w.octets(token);
                });
            }),
            Request::StartTls => w.nest(0x77, |w| w.element(0x80, START_TLS.as_bytes())),
            Request::Search {
                base,
                scope,
                filter,
                attributes,
                page,
            } => {
                w.nest(0x63, |w| {
                    w.octets(base.as_bytes());
                    w.enumerated(*scope as u8);
                    // neverDerefAliases, no limits of ours, types and values
                    w.enumerated(0);
                    w.integer(0);
                    w.integer(0);
                    w.boolean(false);
                    filter.write(w);
                    w.sequence(|w| attributes.iter().for_each(|a| w.octets(a.as_bytes())));
                });
                if let Some((size, cookie)) = page {
                    write_page(w, *size, cookie);
                }
            }
            Request::Abandon(other) => {
                let mut number = Writer::default();
                number.integer(*other);
                // The tag takes the place of INTEGER's.
                let number = number.into_bytes();
                w.element(0x50, number.get(2..).unwrap_or_default());
            }
            Request::Unbind => w.element(0x42, &[]),
        }
    });
    Zeroizing::new(writer.into_bytes())
}

fn write_page(writer: &mut Writer, size: i32, cookie: &[u8]) {
    let mut value = Writer::default();
    value.sequence(|w| {
        w.integer(size);
        w.octets(cookie);
    });
    let value = value.into_bytes();
    writer.nest(0xA0, |w| {
        w.sequence(|w| {
            w.octets(PAGED_RESULTS.as_bytes());
            // A server that cannot page would send everything, or stop at its limit.
            w.boolean(true);
            w.octets(&value);
        });
    });
}

/// How a request ended (RFC 4511 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `resultCode`.
    pub code: i64,
    /// The server's words, for people.
    pub words: String,
    /// Where else to ask.
    pub referrals: Vec<String>,
}

/// An entry. Attributes are read when they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'m> {
    /// Distinguished name.
    pub dn: &'m str,
    attributes: Reader<'m>,
}

impl<'m> Entry<'m> {
    /// Attributes and their values, in the server's order. The whole entry was looked at when it was decoded.
    pub fn attributes(&self) -> impl Iterator<Item = (&'m str, Values<'m>)> + use<'m> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || attribute(&mut rest).ok().flatten())
    }
}

/// Values of an attribute.
#[derive(Debug, Clone)]
pub struct Values<'m> {
    rest: Reader<'m>,
}

impl<'m> Iterator for Values<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        self.rest.octets().ok()
    }
}

fn attribute<'m>(attributes: &mut Reader<'m>) -> Result<Option<(&'m str, Values<'m>)>, BerError> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let mut attribute = attributes.sequence()?;
    let name = attribute.text()?;
    let values = Reader::new(attribute.element(SET, "a set of values")?);
    Ok(Some((name, Values { rest: values })))
}

/// What a server says.
#[derive(Debug)]
pub enum Answer<'m> {
    /// Of a sign-in: how it goes on, and the server's token.
    Bind(Outcome, Option<&'m [u8]>),
    /// One entry of a search.
    Entry(Entry<'m>),
    /// Part of what was searched is elsewhere.
    Reference(Vec<&'m str>),
    /// A page is over; where the next begins, empty after the last and where the server does not page.
    SearchDone(Outcome, Vec<u8>),
    /// Of StartTLS; message 0 is the server's good-bye (RFC 4511 4.4.1).
    Extended(Outcome),
    /// Something that was not asked for and may be passed over.
    Other,
}

/// Reads a message: its number and what it says.
pub fn decode_answer(message: &[u8]) -> Result<(i32, Answer<'_>), BerError> {
    let mut message = Reader::new(message).sequence()?;
    let id = message.integer()?;
    let id = i32::try_from(id).ok().filter(|id| *id >= 0).ok_or(BerError::Number)?;
    let (tag, content) = message.any()?;
    let mut content = Reader::new(content);
    let answer = match tag {
        0x61 => {
            let outcome = outcome(&mut content)?;
            Answer::Bind(outcome, content.optional(0x87)?)
        }
        0x64 => {
            let dn = content.text()?;
            let attributes = content.sequence()?;
            let mut rest = attributes;
            while let Some((_, mut values)) = attribute(&mut rest)? {
                while !values.rest.is_empty() {
                    values.rest.octets()?;
                }
            }
            Answer::Entry(Entry { dn, attributes })
        }
        0x65 => Answer::SearchDone(outcome(&mut content)?, cookie(&mut message)?),
        0x73 => {
            let mut urls = Vec::new();
            while !content.is_empty() {
                urls.push(content.text()?);
            }
            Answer::Reference(urls)
        }
        0x78 => Answer::Extended(outcome(&mut content)?),
        // Answers to what is never asked, and intermediate ones: those of APPLICATION class are in order.
        0x40..=0x7F => Answer::Other,
        found => {
            return Err(BerError::Unexpected {
                expected: "an answer",
                found,
            });
        }
    };
    Ok((id, answer))
}

fn outcome(content: &mut Reader<'_>) -> Result<Outcome, BerError> {
    let code = content.enumerated()?;
    let _matched = content.octets()?;
    // Some servers have words here that are no UTF-8, and Active Directory ends them with NUL.
    let words = String::from_utf8_lossy(content.octets()?);
    let words = words.trim_end_matches('\0').trim().to_owned();
    let mut referrals = Vec::new();
    if let Some(urls) = content.optional(0xA3)? {
        let mut urls = Reader::new(urls);
        while !urls.is_empty() {
            referrals.push(urls.text()?.to_owned());
        }
    }
    Ok(Outcome { code, words, referrals })
}

/// Of the controls that follow an answer, where the next page begins.
fn cookie(message: &mut Reader<'_>) -> Result<Vec<u8>, BerError> {
    let Some(controls) = message.optional(0xA0)? else {
        return Ok(Vec::new());
    };
    let mut controls = Reader::new(controls);
    while !controls.is_empty() {
        let mut control = controls.sequence()?;
        let is_paging = control.octets()? == PAGED_RESULTS.as_bytes();
        control.optional(BOOLEAN)?;
        let value = control.optional(OCTETS)?;
        if let Some(value) = value.filter(|_| is_paging) {
            let mut value = Reader::new(value).sequence()?;
            let _estimate = value.any()?;
            return value.octets().map(<[u8]>::to_vec);
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as Active Directory sends it, with lengths of four bytes.
    fn entry() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.sequence(|w| {
            w.integer(7);
            w.nest(0x64, |w| {
                w.octets("CN=PC1,DC=b\u{fc}ro".as_bytes());
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.octets(b"name");
                        w.nest(SET, |w| w.octets(b"PC1"));
                    });
                    w.sequence(|w| {
                        w.octets(b"objectGUID");
                        w.nest(SET, |w| {
                            w.octets(&[0xFF; 16]);
                            w.octets(&[]);
                        });
                    });
                });
            });
        });
        writer.into_bytes()
    }

    #[test]
    fn an_entry_is_read_with_all_values() {
        let bytes = entry();
        let Ok((7, Answer::Entry(entry))) = decode_answer(&bytes) else {
            panic!("no entry");
        };
        assert_eq!(entry.dn, "CN=PC1,DC=b\u{fc}ro");
        let attributes: Vec<(&str, Vec<&[u8]>)> = entry.attributes().map(|(n, v)| (n, v.collect())).collect();
        assert_eq!(
            attributes,
            [("name", vec![&b"PC1"[..]]), ("objectGUID", vec![&[0xFF; 16][..], &[]])]
        );
    }

    #[test]
    fn a_message_that_ends_early_anywhere_is_refused() {
        let bytes = entry();
        for end in 0..bytes.len() {
            assert!(decode_answer(bytes.get(..end).unwrap()).is_err(), "{end}");
        }
    }

    #[test]
    fn the_end_of_a_page_says_where_the_next_begins() {
        let mut writer = Writer::default();
        writer.sequence(|w| {
            w.integer(3);
            w.nest(0x65, |w| {
                w.enumerated(0);
                w.octets(b"");
                w.octets(b"fine\0");
            });
            write_page(w, 0, b"here");
        });
        let bytes = writer.into_bytes();
        let Ok((3, Answer::SearchDone(outcome, cookie))) = decode_answer(&bytes) else {
            panic!("no end");
        };
        assert_eq!((outcome.code, outcome.words.as_str()), (0, "fine"));
        assert_eq!(cookie, b"here");
    }

    #[test]
    fn referrals_and_the_token_of_a_sign_in_are_read() {
        let mut writer = Writer::default();
        writer.sequence(|w| {
            w.integer(1);
            w.nest(0x61, |w| {
                w.enumerated(14);
                w.octets(b"");
                w.octets(b"");
                w.nest(0xA3, |w| w.octets(b"ldap://x/"));
                w.element(0x87, b"token");
            });
        });
        let bytes = writer.into_bytes();
        let Ok((1, Answer::Bind(outcome, token))) = decode_answer(&bytes) else {
            panic!("no sign-in");
        };
        assert_eq!(
            (outcome.code, outcome.referrals, token),
            (14, vec!["ldap://x/".to_owned()], Some(&b"token"[..]))
        );
    }

    #[test]
    fn a_password_is_in_one_place_only() {
        let bytes = encode_request(
            1,
            &Request::SimpleBind {
                name: "n",
                password: "open sesame",
            },
        );
        assert_eq!(bytes.capacity(), 4096);
        assert!(bytes.windows(11).any(|w| w == b"open sesame"));
    }
}
