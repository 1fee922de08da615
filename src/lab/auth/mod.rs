//! How a virtual computer recognises who calls: NTLM, raw or inside SPNEGO, and the sealing that follows.
//!
//! The acceptor is written from [MS-NLMP] instead of taken from `sspi`, which the client uses: a fault there cannot
//! cancel itself out, and NTProofStr, the user's name and the MIC are all verified.

mod ntlm;
mod rc4;
mod seal;
mod spnego;

pub(super) use ntlm::Session;
pub(super) use seal::{MULTIPART_TYPE, is_sealed, open, seal};

use super::config::Account;
use ntlm::Acceptor;
use spnego::Token;

/// What to do with the token a client sent.
pub(super) enum Step {
    /// Send this token back with 401 and go on.
    Continue(Vec<u8>),
    /// Signed in; send this token back, if any, with the answer.
    Done(Option<Vec<u8>>, Box<SignedIn>),
    /// Wrong name, password or broken token.
    Refused,
}

/// Who signed in on a connection, and the keys agreed upon.
pub(super) struct SignedIn {
    /// May change things.
    pub administrator: bool,
    /// Seals and opens messages.
    pub session: Session,
}

/// The negotiation on one connection.
pub(super) struct Negotiation {
    acceptor: Acceptor,
    /// The mechanism list as the client sent it, when it speaks SPNEGO: its MIC is computed over these bytes.
    mech_types: Option<Vec<u8>>,
}

impl Negotiation {
    /// A fresh negotiation with the computer called `computer`.
    pub fn new(computer: &str, domain: &str) -> Self {
        Self {
            acceptor: Acceptor::new(computer, domain),
            mech_types: None,
        }
    }

    /// Takes the client's next token.
    pub fn step(&mut self, token: &[u8], accounts: &[Account]) -> Step {
        if token.starts_with(b"NTLMSSP\0") {
            return self.raw(token, accounts);
        }
        match spnego::parse(token) {
            Some(Token::Init {
                mech_types,
                mech_token,
                ntlm_preferred,
            }) => {
                self.mech_types = Some(mech_types);
                match mech_token.filter(|_| ntlm_preferred) {
                    Some(inner) => match self.acceptor.challenge(&inner) {
                        Some(challenge) => Step::Continue(spnego::accept_incomplete(Some(&challenge))),
                        None => Step::Refused,
                    },
                    // Another mechanism was guessed first: name ours and wait for its first token.
                    None => Step::Continue(spnego::accept_incomplete(None)),
                }
            }
            Some(Token::Response {
                token: Some(inner),
                mic,
            }) => self.wrapped(&inner, mic.as_deref(), accounts),
            Some(Token::Response { token: None, .. }) | None => Step::Refused,
        }
    }

    fn raw(&mut self, token: &[u8], accounts: &[Account]) -> Step {
        if !self.acceptor.is_challenged() {
            return self.acceptor.challenge(token).map_or(Step::Refused, Step::Continue);
        }
        match self.acceptor.authenticate(token, accounts) {
            Some(signed_in) => Step::Done(None, Box::new(signed_in)),
            None => Step::Refused,
        }
    }

    fn wrapped(&mut self, inner: &[u8], mic: Option<&[u8]>, accounts: &[Account]) -> Step {
        let Some(mech_types) = self.mech_types.clone() else {
            return Step::Refused;
        };
        if !self.acceptor.is_challenged() {
            return match self.acceptor.challenge(inner) {
                Some(challenge) => Step::Continue(spnego::accept_incomplete(Some(&challenge))),
                None => Step::Refused,
            };
        }
        let Some(mut signed_in) = self.acceptor.authenticate(inner, accounts) else {
            return Step::Refused;
        };
        let Some(mic) = mic else {
            return Step::Done(Some(spnego::accept_completed(None)), Box::new(signed_in));
        };
        if !signed_in.session.verify_mech_list(&mech_types, mic) {
            return Step::Refused;
        }
        let own = signed_in.session.sign_mech_list(&mech_types);
        Step::Done(Some(spnego::accept_completed(Some(&own))), Box::new(signed_in))
    }
}

#[cfg(test)]
mod tests;
