//! A certificate to sign in with, over TLS: WinRM maps it to an account (Set-Item WSMan:\\localhost\\ClientCertificate).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::tls::{TrustError, read_pem};

/// A certificate with its chain and its private key. Clones share one.
#[derive(Clone)]
pub struct ClientCertificate {
    shared: Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    name: String,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ClientCertificate {
    /// Reads PEM files: the certificate, followed by those of authorities in between if there are any, and its key, which
    /// may be in the same file. A key with a password is not understood.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let chain = read_pem(certificate)?;
        let path = key.display().to_string();
        let bytes = zeroize::Zeroizing::new(std::fs::read(key).map_err(|e| TrustError::Unreadable {
            path: path.clone(),
            detail: e.to_string(),
        })?);
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TrustError::NoKey { path })?;
        let name = certificate.file_name().map(|n| n.to_string_lossy().into_owned());
        Ok(Self {
            shared: Arc::new((chain, key)),
            name: name.unwrap_or_default(),
        })
    }

    /// The file it came from, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.shared.0.clone()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.shared.1.clone_key()
    }
}
