//! NTLM, raw or inside SPNEGO, by the `sspi` crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use md4::{Digest, Md4};
use sspi::ntlm::{NTLM_HASH_PREFIX, NtlmConfig, NtlmHash};
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation,
    EncryptionFlags, ErrorKind, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer, SecurityBufferRef, SecurityStatus,
    Sspi, SspiImpl, Username,
};
use tracing::subscriber::{NoSubscriber, with_default};
use zeroize::Zeroizing;

use super::{ChannelBinding, Mechanism, SecurityContext, SecurityError};
use crate::wsman::codec::SealedMessage;
use crate::wsman::credentials::Credentials;

/// An NTLM context.
pub struct SspiContext {
    package: Package,
    target: String,
    binding: Option<ChannelBinding>,
    complete: bool,
}

enum Package {
    Ntlm(Box<Ntlm>, Option<AuthIdentityBuffers>),
    Negotiate(Box<Negotiate>, Option<CredentialsBuffers>),
}

impl SspiContext {
    /// A context for one connection. `target` is the service name, e.g. `HTTP/lab-pc-014`; NTLM does not use it.
    pub fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        target: &str,
        binding: Option<ChannelBinding>,
    ) -> Result<Self, SecurityError> {
        let identity = identity(credentials)?;
        let package = quietly(|| match mechanism {
            // Kerberos has a context of its own: it talks to servers before there is a first token.
            Mechanism::Ntlm | Mechanism::Kerberos => Ok(Package::Ntlm(Box::new(Ntlm::new()), Some(identity))),
            Mechanism::Spnego => {
                let config = NegotiateConfig {
                    protocol_config: Box::new(NtlmConfig::default()),
                    package_list: Some("!kerberos,!pku2u,ntlm".to_owned()),
                    client_computer_name: String::new(),
                };
                let buffers = CredentialsBuffers::AuthIdentity(identity);
                Ok(Package::Negotiate(
                    Box::new(Negotiate::new_client(config)?),
                    Some(buffers),
                ))
            }
        })
        .map_err(|e| SecurityError::Account(e.description))?;
        Ok(Self {
            package,
            target: target.to_owned(),
            binding,
            complete: false,
        })
    }
}

/// Runs `sspi` with logging off - its trace events hold password hashes and keys - and turns a panic inside it, should a
/// hostile token find one, into an error of this one connection.
pub(super) fn quietly<T>(run: impl FnOnce() -> sspi::Result<T>) -> sspi::Result<T> {
    with_default(NoSubscriber::default(), || {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            Err(sspi::Error::new(
                ErrorKind::InternalError,
                "the security package gave up on the message",
            ))
        })
    })
}

fn identity(credentials: &Credentials) -> Result<AuthIdentityBuffers, SecurityError> {
    let (user, domain) = (credentials.user(), credentials.domain());
    let username = match user.rsplit_once('@') {
        Some((name, realm)) if domain.is_empty() => Username::new_upn(name, realm),
        _ => Username::new_down_level_logon_name(user, domain),
    }
    .map_err(|e| SecurityError::Account(e.to_string()))?;
    let password = credentials.password().expose();
    if password.starts_with(NTLM_HASH_PREFIX) {
        // `sspi` would take this password for the notation of a hash, so it is handed over as its hash, which is MD4 of
        // UTF-16 (MS-NLMP 3.3.1, NTOWFv1).
        let units = Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        let hash = NtlmHash::from_bytes(Md4::digest(&*units).into());
        return Ok(AuthIdentityBuffers::from_utf8_with_hash(user, domain, &hash));
    }
    let identity = AuthIdentity {
        username,
        password: password.to_owned().into(),
    };
    Ok(identity.into())
}

/// What is asked of the context: without CONFIDENTIALITY there is neither sealing nor key exchange.
pub(super) fn requirements() -> ClientRequestFlags {
    ClientRequestFlags::CONFIDENTIALITY
        | ClientRequestFlags::INTEGRITY
        | ClientRequestFlags::MUTUAL_AUTH
        | ClientRequestFlags::REPLAY_DETECT
        | ClientRequestFlags::SEQUENCE_DETECT
}

fn step_package<P: Sspi + SspiImpl>(
    package: &mut P,
    handle: &mut P::CredentialsHandle,
    target: &str,
    input: &mut [SecurityBuffer],
) -> sspi::Result<(SecurityStatus, Vec<u8>)> {
    let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
    let mut builder = package
        .initialize_security_context()
        .with_credentials_handle(handle)
        .with_context_requirements(requirements())
        .with_target_data_representation(DataRepresentation::Native)
        .with_target_name(target)
        .with_input(input)
        .with_output(&mut output);
    let status = package
        .initialize_security_context_impl(&mut builder)?
        .resolve_to_result()?
        .status;
    let token = output
        .into_iter()
        .next()
        .map(|buffer| buffer.buffer)
        .unwrap_or_default();
    Ok((status, token))
}

impl SecurityContext for SspiContext {
    fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, SecurityError> {
        let mut input = vec![SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        if let Some(ChannelBinding(bytes)) = &self.binding {
            input.push(SecurityBuffer::new(bytes.clone(), BufferType::ChannelBindings));
        }
        let (status, token) = quietly(|| match &mut self.package {
            Package::Ntlm(package, handle) => step_package(package.as_mut(), handle, &self.target, &mut input),
            Package::Negotiate(package, handle) => step_package(package.as_mut(), handle, &self.target, &mut input),
        })
        .map_err(|e| SecurityError::Token(e.description))?;
        self.complete = status == SecurityStatus::Ok;
        Ok(token)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn seal(&mut self, plain: Zeroizing<Vec<u8>>) -> Result<SealedMessage, SecurityError> {
        match &mut self.package {
            Package::Ntlm(package, _) => seal_in_place(package.as_mut(), plain),
            Package::Negotiate(package, _) => seal_in_place(package.as_mut(), plain),
        }
    }

    fn unseal(&mut self, message: SealedMessage) -> Result<Vec<u8>, SecurityError> {
        match &mut self.package {
            Package::Ntlm(package, _) => unseal_in_place(package.as_mut(), message),
            Package::Negotiate(package, _) => unseal_in_place(package.as_mut(), message),
        }
    }
}

/// Seals: the cipher text takes the place of the plain text. `sspi` makes a short-lived copy of its own for the signature,
/// which it does not wipe.
pub(super) fn seal_in_place(
    package: &mut dyn Seal,
    mut plain: Zeroizing<Vec<u8>>,
) -> Result<SealedMessage, SecurityError> {
    let length = plain.len();
    quietly(|| {
        let mut token = vec![0; package.token_size()?];
        package.encrypt(&mut token, &mut plain)?;
        Ok(token)
    })
    .map(|token| SealedMessage {
        token,
        data: std::mem::take(&mut *plain),
        length,
    })
    .map_err(|e| SecurityError::Seal(e.description))
}

/// Unseals, and checks the length that was announced.
pub(super) fn unseal_in_place(package: &mut dyn Seal, mut message: SealedMessage) -> Result<Vec<u8>, SecurityError> {
    quietly(|| package.decrypt(&mut message.token, &mut message.data))
        .map_err(|e| SecurityError::Altered(e.description))?;
    if message.data.len() != message.length {
        return Err(SecurityError::Altered(format!(
            "{} bytes where {} were announced",
            message.data.len(),
            message.length
        )));
    }
    Ok(message.data)
}

/// Sealing in place, the same for every package.
pub(super) trait Seal {
    fn token_size(&mut self) -> sspi::Result<usize>;
    fn encrypt(&mut self, token: &mut [u8], data: &mut [u8]) -> sspi::Result<()>;
    fn decrypt(&mut self, token: &mut [u8], data: &mut [u8]) -> sspi::Result<()>;
}

impl<P: Sspi> Seal for P {
    fn token_size(&mut self) -> sspi::Result<usize> {
        Ok(usize::try_from(self.query_context_sizes()?.security_trailer).unwrap_or(16))
    }

    fn encrypt(&mut self, token: &mut [u8], data: &mut [u8]) -> sspi::Result<()> {
        let mut message = [SecurityBufferRef::token_buf(token), SecurityBufferRef::data_buf(data)];
        self.encrypt_message(EncryptionFlags::empty(), &mut message).map(drop)
    }

    fn decrypt(&mut self, token: &mut [u8], data: &mut [u8]) -> sspi::Result<()> {
        let mut message = [SecurityBufferRef::token_buf(token), SecurityBufferRef::data_buf(data)];
        self.decrypt_message(&mut message).map(drop)
    }
}
