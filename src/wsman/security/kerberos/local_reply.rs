//! Handing a ticket that somebody else got to `sspi`, which has no ticket cache and begins by asking for a ticket of its own:
//! that question is answered here instead of by a server, with the ticket and its session key under a key made up for the
//! purpose (RFC 4120 5.4.2, 5.9.1). Whatever comes afterwards goes to the real servers with the real ticket.

use picky_krb::constants::key_usages::AS_REP_ENC;
use picky_krb::crypto::CipherSuite;
use sspi::{CredentialsBuffers, KeytabIdentity, Username};
use zeroize::Zeroizing;

use super::ticket_cache::UserTicket;
use crate::wsman::der::{der, der_integer};

/// Context tags, APPLICATION tags and types that occur here (X.690).
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const GENERAL_STRING: u8 = 0x1B;
const GENERALIZED_TIME: u8 = 0x18;
const KRB_ERROR: u8 = 0x7E;
const AS_REP: u8 = 0x6B;
const ENC_AS_REP_PART: u8 = 0x79;
/// `sspi` goes on only when its first question was answered so (KDC_ERR_PREAUTH_REQUIRED).
const PREAUTH_REQUIRED: u32 = 25;
/// It reads times without looking at them: the cache was asked for the true ones.
const ANY_TIME: &[u8] = b"19700101000000Z";

/// Whom `sspi` is told to sign in, and the answers to its questions for a ticket-granting ticket, in their order and each with
/// its length in front. `None` for an encryption that it does not know.
pub(super) fn credentials_with(ticket: &UserTicket) -> Option<(CredentialsBuffers, Vec<Vec<u8>>)> {
    let suite = CipherSuite::try_from(usize::from(ticket.key_type)).ok()?;
    let random: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    let made_up = Zeroizing::new(random.get(..suite.cipher().key_size())?.to_vec());
    let sealed = suite
        .cipher()
        .encrypt(&made_up, AS_REP_ENC, &secret_part(ticket))
        .ok()?;
    let key_enctype = suite;
    let identity = KeytabIdentity {
        // Who it is stands in the answer; what is asked for nobody reads.
        principal: Username::new_down_level_logon_name("user", &ticket.principal.realm).ok()?,
        key: made_up.to_vec().into(),
        key_enctype,
    };
    let answers = vec![framed(&ask_again(ticket)), framed(&granted(ticket, &sealed))];
    Some((CredentialsBuffers::Keytab(identity), answers))
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u32).to_be_bytes();
    [&length, message].concat()
}

/// An EXPLICIT context tag.
fn tagged(number: u8, content: &[u8]) -> Vec<u8> {
    der(0xA0 | number, &[content])
}

fn text(text: &str) -> Vec<u8> {
    der(GENERAL_STRING, &[text.as_bytes()])
}

fn time() -> Vec<u8> {
    der(GENERALIZED_TIME, &[ANY_TIME])
}

fn name(kind: u32, parts: &[String]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| text(part)).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let kind = tagged(0, &der_integer(kind));
    let parts = tagged(1, &der(SEQUENCE, &parts));
    der(SEQUENCE, &[&kind, &parts])
}

/// `krbtgt` of the realm, an NT-SRV-INST.
fn granting_service(realm: &str) -> Vec<u8> {
    name(2, &["krbtgt".to_owned(), realm.to_owned()])
}

fn ask_again(ticket: &UserTicket) -> Vec<u8> {
    let realm = &ticket.principal.realm;
    let fields = [
        tagged(0, &der_integer(5)),
        tagged(1, &der_integer(30)),
        tagged(4, &time()),
        tagged(5, &der_integer(0)),
        tagged(6, &der_integer(PREAUTH_REQUIRED)),
        tagged(9, &text(realm)),
        tagged(10, &granting_service(realm)),
    ];
    der(KRB_ERROR, &[&der(SEQUENCE, &[&fields.concat()])])
}

fn granted(ticket: &UserTicket, sealed: &[u8]) -> Vec<u8> {
    let who = &ticket.principal;
    let encrypted = [
        tagged(0, &der_integer(ticket.key_type.into())),
        tagged(2, &der(OCTETS, &[sealed])),
    ];
    let fields = [
        tagged(0, &der_integer(5)),
        tagged(1, &der_integer(11)),
        tagged(3, &text(&who.realm)),
        tagged(4, &name(who.kind, &who.parts)),
        tagged(5, &ticket.ticket),
        tagged(6, &der(SEQUENCE, &[&encrypted.concat()])),
    ];
    der(AS_REP, &[&der(SEQUENCE, &[&fields.concat()])])
}

fn secret_part(ticket: &UserTicket) -> Zeroizing<Vec<u8>> {
    let realm = &ticket.principal.realm;
    let key = Zeroizing::new(der(OCTETS, &[&ticket.key]));
    let key = Zeroizing::new(tagged(1, &key));
    let key = Zeroizing::new(der(SEQUENCE, &[&tagged(0, &der_integer(ticket.key_type.into())), &key]));
    let key = Zeroizing::new(tagged(0, &key));
    let last = der(SEQUENCE, &[&tagged(0, &der_integer(0)), &tagged(1, &time())]);
    let others = [
        tagged(1, &der(SEQUENCE, &[&last])),
        tagged(2, &der_integer(0)),
        // No flags: the real ones are inside the ticket.
        tagged(4, &der(0x03, &[&[0, 0, 0, 0, 0]])),
        tagged(5, &time()),
        tagged(7, &time()),
        tagged(9, &text(realm)),
        tagged(10, &granting_service(realm)),
    ]
    .concat();
    let fields = Zeroizing::new(der(SEQUENCE, &[&key, &others]));
    Zeroizing::new(der(ENC_AS_REP_PART, &[&fields]))
}
