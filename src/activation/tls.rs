//! Whom we trust: the system's store, and CA files the administrator names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::ActivationError;

/// A CA file is a few kilobytes; a bundle of all public CAs a quarter of a megabyte.
const MAX_CA_FILE: u64 = 8 << 20;

fn setup_failed(error: &rustls::Error) -> ActivationError {
    ActivationError::TlsSetup { why: error.to_string() }
}

/// Trusts the system's store and the certificates of `ca_files`.
pub(super) fn trusting_system_and(ca_files: &[PathBuf]) -> Result<ClientConfig, ActivationError> {
    let mut extra = Vec::new();
    for file in ca_files {
        extra.extend(read_ca_file(file)?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = if extra.is_empty() {
        Verifier::new(Arc::clone(&provider))
    } else {
        Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
    };
    let verifier = verifier.map_err(|e| setup_failed(&e))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| setup_failed(&e))?
        // The method that takes a verifier of one's own is called so; this one is the system's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Trusts nobody: for a service on this computer, which is spoken to without TLS.
pub(super) fn trusting_nobody() -> Result<ClientConfig, ActivationError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| setup_failed(&e))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// Sees that `file` holds certificates, so that a mistake shows before anything is sent.
pub fn check_ca_file(file: &Path) -> Result<(), ActivationError> {
    read_ca_file(file).map(drop)
}

fn read_ca_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, ActivationError> {
    let unusable = |why: String| ActivationError::CaFile {
        file: file.to_owned(),
        why,
    };
    let size = std::fs::metadata(file).map_err(|e| unusable(e.to_string()))?.len();
    if size > MAX_CA_FILE {
        return Err(unusable(format!("it has {size} bytes, too many for certificates")));
    }
    let bytes = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
    let is_pem = bytes.windows(11).any(|w| w == b"-----BEGIN ");
    let certificates = if is_pem {
        CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| unusable(e.to_string()))?
    } else {
        vec![CertificateDer::from(bytes)]
    };
    // What is no certificate shall be found out here, where the file has a name.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store
            .add(certificate.clone())
            .map_err(|e| unusable(format!("it is no certificate: {e}")))?;
    }
    if certificates.is_empty() {
        return Err(unusable("it contains no certificate".into()));
    }
    Ok(certificates)
}
