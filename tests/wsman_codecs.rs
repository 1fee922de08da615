//! No byte that arrives can break the WS-Management codecs or the sign-in: they answer with a value or an error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use makeeper::model::Secret;
use makeeper::wsman::Credentials;
use makeeper::wsman::codec::{self, Challenge, Element, Reply, SealedMessage};
use makeeper::wsman::security::{Mechanism, SecurityContext, SspiContext, tls_server_end_point};
use proptest::prelude::*;
use zeroize::Zeroizing;

/// Everything that reads foreign bytes.
fn read_all(bytes: &[u8]) {
    let _ = codec::parse_fault(bytes);
    let _ = codec::decode_text(bytes);
    assert!(codec::first_words(bytes, 50).chars().count() <= 51);
    for content_type in ["", codec::SEALED_CONTENT_TYPE] {
        let _ = codec::is_sealed(content_type, bytes);
        let _ = codec::decode_sealed(content_type, bytes);
    }
    let _ = Challenge::parse_all(&String::from_utf8_lossy(bytes));
    let _ = codec::is_sealed(&String::from_utf8_lossy(bytes), bytes);
    let _ = tls_server_end_point(bytes);
    if let Ok(Reply::Body(body)) = codec::parse_reply(bytes, "uuid:1") {
        read_body(body);
    }
    if let Ok(element) = codec::parse_document(bytes) {
        read_body(Some(element));
    }
}

fn read_body(body: Option<Element>) {
    let _ = codec::parse_enumerate(body.clone());
    let _ = codec::parse_identify(body.clone());
    let _ = codec::parse_method_output(body, "Activate");
}

const SAMPLES: &[&str] = &[
    "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Header><a:RelatesTo>uuid:1</a:RelatesTo></s:Header>\
     <s:Body><n:EnumerateResponse><n:EnumerationContext/><w:Items><w:XmlFragment><A xsi:nil='true'/><B><Datetime>x\
     </Datetime></B><B>&lt;&#65;</B></w:XmlFragment></w:Items><w:EndOfSequence/></n:EnumerateResponse></s:Body></s:Envelope>",
    "<Envelope><Body><Fault><Code><Value>a</Value><Subcode><Value>w:TimedOut</Value></Subcode></Code><Reason><Text>0x80041010\
     </Text></Reason><Detail><WSManFault Code='5'><Message>é 0x<![CDATA[c004]]></Message></WSManFault></Detail></Fault></Body></Envelope>",
    "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: \
     type=application/soap+xml;charset=UTF-8;Length=3\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\
     \r\n\u{1}\0\0\0xabc--Encrypted Boundary--\r\n",
    "Negotiate TlRMTVNTUAA=, Basic realm=\"a, b\", Digest nonce=x",
    "\u{feff}<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
];

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_samples_are_read_without_harm(
        sample in 0..SAMPLES.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 0..8),
    ) {
        let mut bytes = SAMPLES[sample].as_bytes().to_vec();
        for (at, byte, kind) in damage {
            if bytes.is_empty() { break; }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        read_all(&bytes);
    }

    #[test]
    fn what_is_framed_is_found_again(
        messages in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..80), proptest::collection::vec(any::<u8>(), 0..600)), 1..4),
    ) {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(token, data)| SealedMessage { length: data.len(), token, data })
            .collect();
        let body: Vec<u8> = messages.iter().flat_map(codec::encode_sealed).collect();
        prop_assert_eq!(codec::decode_sealed(codec::SEALED_CONTENT_TYPE, &body).unwrap(), messages);
    }

    #[test]
    fn what_is_written_into_a_request_is_read_from_it(value in "\\PC*", name in "[A-Za-z]{1,8}") {
        let context = codec::RequestContext {
            to: value.clone(),
            operation_timeout: std::time::Duration::from_secs(1),
            max_envelope: 1,
        };
        let arguments = [codec::Argument { name: &name, value: &value }];
        let request = codec::invoke(&context, "urn:x", &[(&name, &value)], "Do", &arguments);
        let root = codec::parse_document(&request.body).unwrap();
        let input = &root.child("Body").unwrap().children[0].children[0];
        prop_assert_eq!(&input.name, &name);
        prop_assert_eq!(&input.text, &value);
    }

    #[test]
    fn a_hostile_sign_in_token_is_an_error_and_no_more(
        token in proptest::collection::vec(any::<u8>(), 0..200),
        head in 0usize..3,
        spnego in any::<bool>(),
    ) {
        let heads: [&[u8]; 3] = [b"", b"NTLMSSP\0\x02\0\0\0", b"\xa1\x81\x20\x30\x1e\xa0\x03\x0a\x01\x01"];
        let token = [heads[head], &token].concat();
        let mechanism = if spnego { Mechanism::Spnego } else { Mechanism::Ntlm };
        let mut context = context(mechanism);
        context.step(&[]).unwrap();
        let _ = context.step(&token);
        let _ = context.unseal(SealedMessage { token: token.clone(), data: token, length: 7 });
    }
}

fn context(mechanism: Mechanism) -> SspiContext {
    let credentials = Credentials::new("LAB\\alice", Secret::new("open sesame")).unwrap();
    SspiContext::new(mechanism, &credentials, "HTTP/lab-pc-014", None).unwrap()
}

/// A challenge as Windows sends it, from MS-NLMP 4.2.4.3 (NTLMv2 with every flag our client asks for).
fn challenge() -> Vec<u8> {
    let mut bytes =
        b"NTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x33\x82\x8a\xe2\x01\x23\x45\x67\x89\xab\xcd\xef".to_vec();
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(b"\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0f");
    bytes.extend_from_slice(b"S\0e\0r\0v\0e\0r\0");
    bytes.extend_from_slice(b"\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0");
    bytes
}

#[test]
fn a_challenge_without_names_or_version_is_answered() {
    let mut bytes = b"NTLMSSP\0\x02\0\0\0\0\0\0\0\x30\0\0\0\x33\x82\x08\x60\x01\x23\x45\x67\x89\xab\xcd\xef".to_vec();
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(b"\0\0\0\0\x30\0\0\0");
    let mut context = context(Mechanism::Ntlm);
    context.step(&[]).unwrap();
    assert!(context.step(&bytes).unwrap().starts_with(b"NTLMSSP\0\x03"));
}

#[derive(Clone, Default)]
struct CountEvents(Arc<AtomicUsize>);

impl tracing::Subscriber for CountEvents {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.0.fetch_add(1, Ordering::Relaxed);
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn signing_in_and_sealing_leave_no_trace_even_at_the_finest_log_level() {
    let log = CountEvents::default();
    tracing::subscriber::with_default(log.clone(), || {
        tracing::trace!("this one is seen");
        let mut context = context(Mechanism::Ntlm);
        context.step(&[]).unwrap();
        let answer = context.step(&challenge()).unwrap();
        assert!(context.is_complete() && answer.starts_with(b"NTLMSSP\0\x03"));
        let sealed = context.seal(Zeroizing::new(b"FKFKF-22222".to_vec())).unwrap();
        assert_eq!((sealed.token.len(), sealed.data.len(), sealed.length), (16, 11, 11));
        assert_ne!(sealed.data, b"FKFKF-22222");
        assert!(context.unseal(sealed).is_err(), "our own message is not the computer's");
    });
    assert_eq!(log.0.load(Ordering::Relaxed), 1);
}
