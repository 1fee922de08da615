//! Whose certificates are believed: the system's trust store, and files the person names. There is no way to believe
//! everybody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// The trust store for HTTPS. Clones share one; it is read on first use.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    extra_authorities: Vec<PathBuf>,
    verifier: OnceLock<Result<Arc<Verifier>, TrustError>>,
}

/// Why no trust store could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A file could not be read.
    #[error("the certificate file {path} cannot be read: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// A file without a certificate in it.
    #[error("the file {path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// A file without a private key in it.
    #[error(
        "the file {path} holds no private key in PEM form without a password (-----BEGIN PRIVATE KEY-----); take the password \
         off with: openssl pkey -in FILE -out FILE.key"
    )]
    NoKey {
        /// The file.
        path: String,
    },
    /// The system's trust store or a certificate was not usable.
    #[error("the certificates of trusted authorities cannot be loaded: {0}")]
    Unusable(String),
}

impl Trust {
    /// The system's trust store and, besides, the authorities in these PEM files.
    pub fn with_authorities(extra_authorities: Vec<PathBuf>) -> Self {
        Self {
            shared: Arc::new(Shared {
                extra_authorities,
                verifier: OnceLock::new(),
            }),
        }
    }

    /// What judges certificates. Reads files: not for an async task.
    pub(super) fn verifier(&self) -> Result<Arc<Verifier>, TrustError> {
        let shared = &self.shared;
        shared.verifier.get_or_init(|| build(&shared.extra_authorities)).clone()
    }
}

/// The cryptography behind TLS.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn build(files: &[PathBuf]) -> Result<Arc<Verifier>, TrustError> {
    let mut extra = Vec::new();
    for path in files {
        extra.extend(read_pem(path)?);
    }
    Verifier::new_with_extra_roots(extra, provider())
        .map(Arc::new)
        .map_err(|e| TrustError::Unusable(e.to_string()))
}

pub(super) fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let unreadable = |detail: String| TrustError::Unreadable {
        path: path.display().to_string(),
        detail,
    };
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unreadable(e.to_string()))?;
    if certificates.is_empty() {
        return Err(TrustError::NoCertificate {
            path: path.display().to_string(),
        });
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_no_certificate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.pem");
        let error = Trust::with_authorities(vec![missing.clone()]).verifier().unwrap_err();
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "nothing here").unwrap();
        let error = Trust::with_authorities(vec![empty]).verifier().unwrap_err();
        assert!(matches!(error, TrustError::NoCertificate { .. }));
    }
}
