//! Channel binding `tls-server-end-point` (RFC 5929 4): ties the sign-in to the TLS certificate, so that it cannot be
//! relayed. Windows asks for it when CbtHardeningLevel is Strict.

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::wsman::der::der_value;

/// Bytes of SEC_CHANNEL_BINDINGS before the application data.
const HEADER: u32 = 32;

/// A SEC_CHANNEL_BINDINGS structure as SSPI wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding(pub(super) Vec<u8>);

/// The binding for a server certificate in DER: hashed with the hash of the certificate's own signature, but at least
/// SHA-256 (RFC 5929 4.1).
pub fn tls_server_end_point(certificate: &[u8]) -> ChannelBinding {
    let hash = match signature_oid(certificate) {
        // sha384WithRSAEncryption, ecdsa-with-SHA384
        Some(
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C] | [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03],
        ) => Sha384::digest(certificate).to_vec(),
        // sha512WithRSAEncryption, ecdsa-with-SHA512
        Some(
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D] | [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04],
        ) => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    };
    let data = [b"tls-server-end-point:".as_slice(), &hash].concat();
    let length = u32::try_from(data.len()).unwrap_or_default();
    let mut bytes = vec![0; 24];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&HEADER.to_le_bytes());
    bytes.extend_from_slice(&data);
    ChannelBinding(bytes)
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { algorithm OID, .. }, .. }`.
fn signature_oid(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = der_value(certificate, 0x30)?;
    let (_, rest) = der_value(certificate, 0x30)?;
    let (algorithm, _) = der_value(rest, 0x30)?;
    der_value(algorithm, 0x06).map(|(oid, _)| oid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(oid: &[u8]) -> Vec<u8> {
        let length = |n: usize| u8::try_from(n).unwrap();
        let algorithm = [&[0x30, length(oid.len() + 2), 0x06, length(oid.len())], oid].concat();
        let tbs = [0x30, 3, 2, 1, 1];
        [
            &[0x30, 0x81, length(tbs.len() + algorithm.len())],
            tbs.as_slice(),
            &algorithm,
        ]
        .concat()
    }

    #[test]
    fn the_hash_follows_the_certificates_signature() {
        for (oid, size) in [
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B][..], 32),
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05], 32),
            (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03], 48),
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D], 64),
        ] {
            let der = certificate(oid);
            assert_eq!(signature_oid(&der), Some(oid));
            let binding = tls_server_end_point(&der).0;
            assert_eq!(binding.len(), 32 + 21 + size);
            assert_eq!(
                &binding[24..32],
                [21 + u8::try_from(size).unwrap(), 0, 0, 0, 32, 0, 0, 0]
            );
        }
    }

    #[test]
    fn a_broken_certificate_falls_back_to_sha256() {
        for broken in [&b""[..], b"\x30\x84\xFF\xFF\xFF\xFF", b"\x30\x80", b"\x30\x05ab"] {
            assert_eq!(tls_server_end_point(broken).0.len(), 32 + 21 + 32);
        }
    }
}
