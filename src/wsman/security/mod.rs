//! Signing in and sealing messages, behind one small trait so that NTLM, SPNEGO, Kerberos or the system's own SSPI look
//! the same to the connection.
//!
//! Everything `sspi` stays inside this folder: it pins release candidates of some crypto crates, and its trace logs hold
//! secrets, so it runs with logging switched off (see `quietly` in `sspi_context`).

mod channel_binding;
mod kerberos;
mod sspi_context;
#[cfg(windows)]
mod system_context;

pub use channel_binding::{ChannelBinding, tls_server_end_point};
pub use kerberos::{
    KerberosContext, KerberosError, TicketCacheError, TicketHolder, Tickets, default_realm, user_tickets,
};
pub use sspi_context::SspiContext;
#[cfg(windows)]
pub use system_context::SystemContext;

use zeroize::Zeroizing;

use super::codec::{SealedMessage, token_overhead, turn_token};
use super::credentials::Credentials;

/// Why signing in or sealing failed on our side. A wrong password is not noticed here: only the computer can tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    /// The account name cannot be expressed in the protocol.
    #[error("the account cannot be used: {0}")]
    Account(String),
    /// The computer's token was not understood or not expected.
    #[error("the computer's sign-in token is not acceptable: {0}")]
    Token(String),
    /// A message was changed on the way, repeated, left out, or sealed by somebody else.
    #[error("the answer was altered on the way: {0}")]
    Altered(String),
    /// The message could not be sealed.
    #[error("the request could not be sealed: {0}")]
    Seal(String),
}

/// The tokens that are sent inside a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// A Kerberos ticket as it is, which Negotiate takes, too (pywinrm does this).
    Kerberos,
    /// NTLM tokens as they are. Windows and every client in wide use (pywinrm, masterzen, WinRb) do this.
    Ntlm,
    /// NTLM wrapped in SPNEGO (RFC 4178, MS-SPNG), as pypsrp does.
    Spnego,
}

/// A context for one connection to `service`, e.g. `HTTP/lab-pc-014`. The logged-on user's own chooses its mechanism itself.
pub fn context(
    mechanism: Mechanism,
    credentials: &Credentials,
    service: &str,
    binding: Option<ChannelBinding>,
) -> Result<Box<dyn SecurityContext>, SecurityError> {
    if !credentials.is_logged_on_user() {
        return Ok(Box::new(SspiContext::new(mechanism, credentials, service, binding)?));
    }
    #[cfg(windows)]
    return Ok(Box::new(SystemContext::new("Negotiate", service, binding)?));
    #[cfg(not(windows))]
    Err(SecurityError::Account(
        "the user's Kerberos tickets are for Kerberos alone; give an account and its password".to_owned(),
    ))
}

/// One security context: it belongs to one TCP connection and dies with it.
pub trait SecurityContext: Send {
    /// Takes the computer's token (empty at first) and returns ours (empty when there is none to send).
    fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, SecurityError>;

    /// True when no more tokens are needed.
    fn is_complete(&self) -> bool;

    /// Seals a message. The order of seals is part of the protocol.
    fn seal(&mut self, plain: Zeroizing<Vec<u8>>) -> Result<SealedMessage, SecurityError>;

    /// Unseals a message and checks its signature, its place in the order and its length. After an error the context
    /// must not be used again.
    fn unseal(&mut self, message: SealedMessage) -> Result<Vec<u8>, SecurityError>;

    /// Seals a message into one piece (GSS_Wrap, RFC 2743 2.3.3), as LDAP carries it.
    fn seal_whole(&mut self, plain: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, SecurityError> {
        let sealed = self.seal(plain)?;
        Ok([sealed.token, sealed.data].concat())
    }

    /// Unseals what [`SecurityContext::seal_whole`] of the other side has made, or has signed only. After an error the
    /// context must not be used again.
    fn unseal_whole(&mut self, mut whole: Vec<u8>) -> Result<Vec<u8>, SecurityError> {
        turn_token(&mut whole);
        let overhead = token_overhead(&whole);
        if whole.len() < overhead {
            return Err(SecurityError::Altered(format!(
                "a message of {} bytes is too short to be sealed",
                whole.len()
            )));
        }
        let data = whole.split_off(overhead);
        self.unseal(SealedMessage {
            token: whole,
            length: data.len(),
            data,
        })
    }
}
