//! The TLS handshake, and in words why it failed: each refused certificate has a message of its own.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, PeerIncompatible, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client_certificate::ClientCertificate;
use super::der::is_self_issued;
use super::security::{ChannelBinding, tls_server_end_point};
use super::target::{ConnectOptions, Target};
use super::tls::{Trust, provider};
use crate::model::{Failure, FailureClass};

/// The system's verifier, which keeps the certificate it saw: rustls does not tell which one it refused.
#[derive(Debug)]
struct Witness {
    verifier: Arc<Verifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Why TLS did not come about on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFailure {
    /// Nothing was sent: the trust store, the name or the client certificate cannot be used, for this reason.
    Unusable(String),
    /// The certificate is not believed; continues the sentence "dc1 ...", remedy included.
    Certificate(String),
    /// The other side broke the handshake off and said why.
    Alert(AlertDescription),
    /// What answers does not speak TLS.
    NotTls,
    /// The rules of TLS were broken, in this way.
    Broken(String),
    /// The connection ended in the handshake, in the system's words.
    Closed(String),
}

/// Shakes hands over an open connection: whoever answers has a certificate for `host` that `trust` believes.
pub async fn secure(
    tcp: TcpStream,
    host: &str,
    trust: &Trust,
    client: Option<&ClientCertificate>,
) -> Result<(TlsStream<TcpStream>, ChannelBinding), TlsFailure> {
    let unusable = |e: &dyn std::fmt::Display| TlsFailure::Unusable(e.to_string());
    let trust = trust.clone();
    let verifier = tokio::task::spawn_blocking(move || trust.verifier())
        .await
        .map_err(|e| unusable(&e))?
        .map_err(|e| unusable(&e))?;
    // A zone says which network card leads to an address and is no part of it.
    let host = host.split('%').next().unwrap_or(host);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| unusable(&format!("{host:?} is not a name a certificate can carry")))?;
    let witness = Arc::new(Witness {
        verifier,
        seen: Mutex::default(),
    });
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(&e))?
        // "Dangerous" is rustls' word for any verifier of one's own; this one is the system's.
        .dangerous()
        .with_custom_certificate_verifier(witness.clone());
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => builder
            .with_client_auth_cert(client.chain(), client.key())
            .map_err(|e| unusable(&format!("the certificate {} cannot be used: {e}", client.name())))?,
    };
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| {
            let seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
            tls_failure(host, seen.as_deref().unwrap_or_default(), &error)
        })?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let binding = tls_server_end_point(certificate.map(AsRef::as_ref).unwrap_or_default());
    Ok((stream, binding))
}

fn tls_failure(host: &str, certificate: &[u8], error: &io::Error) -> TlsFailure {
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            TlsFailure::Certificate(refused_certificate(host, certificate, why))
        }
        Some(rustls::Error::AlertReceived(alert)) => TlsFailure::Alert(*alert),
        Some(rustls::Error::InvalidMessage(_)) => TlsFailure::NotTls,
        Some(rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            TlsFailure::Alert(AlertDescription::ProtocolVersion)
        }
        Some(other) => TlsFailure::Broken(other.to_string()),
        None => TlsFailure::Closed(error.to_string()),
    }
}

/// [`secure`] with a computer that is asked for WS-Management.
pub(super) async fn shake_hands(
    tcp: TcpStream,
    target: &Target,
    options: &ConnectOptions,
    client: Option<&ClientCertificate>,
) -> Result<(TlsStream<TcpStream>, ChannelBinding), Failure> {
    let host = target.certificate_name.as_deref().unwrap_or(target.bare_host());
    secure(tcp, host, &options.trust, client)
        .await
        .map_err(|failure| match failure {
            TlsFailure::Unusable(why) => {
                target.failure(FailureClass::Certificate, format!("cannot be asked over TLS: {why}"))
            }
            TlsFailure::Certificate(what) => target.failure(FailureClass::Certificate, what),
            TlsFailure::Alert(alert) => alerted(target, alert),
            TlsFailure::NotTls => target.failure(
                FailureClass::Protocol,
                "does not speak TLS on this port. HTTPS listeners use 5986, plain ones 5985",
            ),
            TlsFailure::Broken(why) => {
                target.failure(FailureClass::Protocol, format!("broke off the TLS handshake: {why}"))
            }
            TlsFailure::Closed(why) => target.failure(
                FailureClass::Network,
                format!("closed the connection in the TLS handshake: {why}"),
            ),
        })
}

/// Which rule the certificate broke, and what mends it.
fn refused_certificate(host: &str, certificate: &[u8], why: &CertificateError) -> String {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } => {
            let since = match why {
                E::ExpiredContext { not_after, .. } => format!(" on {}", day(*not_after)),
                _ => String::new(),
            };
            format!(
                "showed a certificate that expired{since}: renew it there (or set the clock of this computer right)"
            )
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "showed a certificate that is not valid yet: the clock of one of the two computers is wrong".to_owned()
        }
        E::NotValidForName => wrong_name(host, &[]),
        E::NotValidForNameContext { presented, .. } => wrong_name(host, presented),
        E::UnknownIssuer if is_self_issued(certificate) => format!(
            "showed a certificate for {host} that it has issued to itself: give it one from an authority, or, if you can check \
             its thumbprint on the computer, export it there (Base64) and name that file with --ca or in the settings"
        ),
        E::UnknownIssuer => format!(
            "showed a certificate for {host} from an authority this computer does not know: name the authority's file with --ca \
             or in the settings, or add it to the system's trust store"
        ),
        E::Revoked => "showed a certificate that its authority has revoked: give it a new one".to_owned(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "showed a certificate that was not issued for servers: it needs the purpose Server Authentication"
                .to_owned()
        }
        // The system's verifier has a word of its own for the same.
        E::Other(other) if format!("{other:?}").contains("EkuError") => {
            refused_certificate(host, certificate, &E::InvalidPurpose)
        }
        E::BadSignature => {
            "showed a certificate whose signature is wrong: it was altered, or the name of another authority \
                            was borrowed"
                .to_owned()
        }
        other => format!("showed a certificate for {host} that cannot be believed: {other}"),
    }
}

fn wrong_name(host: &str, presented: &[String]) -> String {
    let named: Vec<String> = presented.iter().map(|name| readable_name(name)).collect();
    let of = if named.is_empty() {
        String::new()
    } else {
        format!(" but for {}", named.join(", "))
    };
    format!(
        "showed a certificate that is not for {host}{of}: connect by a name the certificate carries, or issue one that \
         carries this name"
    )
}

/// rustls writes `DnsName(\"pc.lab\")` and the like; people want the name.
fn readable_name(presented: &str) -> String {
    match presented.split_once(['(', '"']) {
        Some((_, rest)) => rest.trim_matches(['(', ')', '"']).to_owned(),
        None => presented.to_owned(),
    }
}

fn day(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|secs| chrono::DateTime::from_timestamp(secs, 0))
        .map_or_else(|| "an unknown day".to_owned(), |at| at.format("%Y-%m-%d").to_string())
}

/// The computer broke the handshake off and said why.
pub(super) fn alerted(target: &Target, alert: AlertDescription) -> Failure {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired
        | A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        // The name of a known authority, but not its key.
        | A::DecryptError
        | A::AccessDenied => target.failure(
            FailureClass::Certificate,
            format!(
                "does not accept the client certificate (TLS alert {alert:?}): it needs one whose authority the computer trusts \
                 and that is mapped to an account there (WSMan:\\localhost\\ClientCertificate)"
            ),
        ),
        A::ProtocolVersion | A::HandshakeFailure | A::InsufficientSecurity => target.failure(
            FailureClass::Protocol,
            format!(
                "has no TLS version or cipher in common with this computer (TLS alert {alert:?}): TLS 1.2 must be switched on \
                 there. Windows before 8 needs an update for it; HTTP with sealed messages (port 5985) works without"
            ),
        ),
        other => target.failure(
            FailureClass::Protocol,
            format!("broke off the TLS handshake with the alert {other:?}"),
        ),
    }
}

/// The alert inside an error of the connection: with TLS 1.3 a refused client certificate shows after the handshake.
pub(super) fn alert_in(error: &(dyn std::error::Error + 'static)) -> Option<AlertDescription> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(rustls::Error::AlertReceived(alert)) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return Some(*alert);
        }
        next = error.source();
    }
    None
}
