//! Whose certificates are believed: the system's trust store, and files the person names. There is no way to believe
//! everybody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
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
    config: OnceLock<Result<Arc<ClientConfig>, TrustError>>,
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
                config: OnceLock::new(),
            }),
        }
    }

    /// The TLS settings. Reads files: not for an async task.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        self.shared
            .config
            .get_or_init(|| build(&self.shared.extra_authorities).map(Arc::new))
            .clone()
    }
}

fn build(files: &[PathBuf]) -> Result<ClientConfig, TrustError> {
    let mut extra = Vec::new();
    for path in files {
        extra.extend(read_pem(path)?);
    }
    let unusable = |e: rustls::Error| TrustError::Unusable(e.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(unusable)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        // "Dangerous" is rustls' word for any verifier of one's own; this one is the system's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
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
        let error = Trust::with_authorities(vec![missing.clone()]).config().unwrap_err();
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "nothing here").unwrap();
        let error = Trust::with_authorities(vec![empty]).config().unwrap_err();
        assert!(matches!(error, TrustError::NoCertificate { .. }));
    }
}
