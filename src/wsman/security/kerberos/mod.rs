//! Kerberos with a password or with the tickets the user has already, by the `sspi` crate (RFC 4120, RFC 4121, MS-KILE).
//!
//! `sspi` computes the messages and asks for the network; sockets, time-outs and the search for servers are here. It has no
//! ticket cache of its own, and takes the answer of a server without looking whether it belongs to this very request: so the
//! answers that brought a ticket-granting ticket are kept in memory for the length of a run, and each further computer costs
//! one question to a server instead of three.
//!
//! No channel binding is sent: `picky-krb` 0.13 writes KERB_AP_OPTIONS_CBT with two bytes, and acceptors refuse the whole
//! request (seen with MIT Kerberos). Without the binding they accept it. The sign-in is tied to the server by its ticket all
//! the same.

mod krb5_conf;
mod local_reply;
mod realm;
mod ticket_cache;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use sspi::generator::GeneratorState;
use sspi::{
    AuthIdentityBuffers, BufferType, CredentialsBuffers, DataRepresentation, ErrorKind, Kerberos, KerberosConfig,
    SecurityBuffer, SecurityStatus, Sspi, SspiImpl,
};
use zeroize::Zeroizing;

use self::krb5_conf::Krb5Conf;
pub use self::realm::default_realm;
use self::realm::{Kdc, candidates, servers, system_conf, system_resolver};
pub use self::ticket_cache::{TicketCacheError, TicketHolder, user_tickets};
use self::ticket_cache::{UserTicket, user_ticket};
use self::wire::{ask, error_code, error_status, is_as_reply, is_as_request};
use super::sspi_context::{quietly, requirements, seal_in_place, unseal_in_place};
use super::{SecurityContext, SecurityError};
use crate::model::Secret;
use crate::wsman::codec::SealedMessage;
use crate::wsman::credentials::Credentials;

/// Tickets live for hours (ten by default); what is kept for less needs no look at their times.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// Messages one context may exchange with servers: three, and as many again for a wrong clock and for referrals.
const MAX_MESSAGES: usize = 12;

/// What the computers of one run share: where the servers of each realm are, and the tickets that were got. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Servers by realm; empty when there are none that answer.
    realms: tokio::sync::Mutex<HashMap<String, Vec<Kdc>>>,
    /// Answers to requests for a ticket-granting ticket, by realm and account.
    granted: Mutex<HashMap<(String, String), Granted>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct Granted {
    password: Secret,
    at: Instant,
    answers: Vec<Vec<u8>>,
}

/// Why there is no Kerberos sign-in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KerberosError {
    /// Not for this account or computer, or no server could help: another mechanism may.
    #[error("Kerberos is not possible: {0}")]
    Unavailable(String),
    /// No server of the realm is known, or none answers: another mechanism may help.
    #[error("Kerberos is not possible: {0}")]
    NoServer(String),
    /// The server refused the account. Another try would count towards its lock-out.
    #[error("{0}")]
    Refused(&'static str),
    /// The user's tickets cannot be used.
    #[error(transparent)]
    Tickets(#[from] TicketCacheError),
}

fn unavailable(why: impl std::fmt::Display) -> KerberosError {
    KerberosError::Unavailable(why.to_string())
}

/// What the codes of a server mean for the account (RFC 4120 7.5.9, and MS-ERREF 2.3 for the status that Windows adds); `None`
/// for those that are not about it.
fn refusal(code: u32, status: Option<u32>) -> Option<&'static str> {
    match (code, status) {
        (18, Some(0xC000_0072)) => Some("the account is disabled"),
        (18, Some(0xC000_0193)) => Some("the account has expired"),
        (18, Some(0xC000_0234)) => Some("the account is locked out: unlock it, or wait until that is over"),
        (12 | 18, Some(0xC000_006F)) => Some("the account may not sign in at this time of day"),
        (12 | 18, Some(0xC000_0070)) => Some("the account may not sign in from this computer"),
        (18, _) => Some("the account is disabled, locked or expired"),
        (23, Some(0xC000_0224)) => Some("the password must be changed before the first sign-in"),
        (23, _) => Some("the password has expired and must be changed first"),
        (24, _) => Some("the password is wrong"),
        _ => None,
    }
}

/// A Kerberos context.
pub struct KerberosContext {
    package: Box<Kerberos>,
    handle: Option<CredentialsBuffers>,
    service: String,
    first_token: Option<Vec<u8>>,
    complete: bool,
}

impl KerberosContext {
    /// Gets a ticket for `service` of the computer called `computer` (a DNS name), with the password of an account or, for the
    /// logged-on user, with the ticket in the user's cache.
    pub async fn begin(
        credentials: &Credentials,
        computer: &str,
        service: &str,
        tickets: &Tickets,
        patience: Duration,
    ) -> Result<Self, KerberosError> {
        if computer.parse::<std::net::IpAddr>().is_ok() {
            return Err(unavailable("tickets are for names, not for addresses"));
        }
        if credentials.is_logged_on_user() {
            return Self::begin_as_user(service, tickets, patience).await;
        }
        let (realm, mut kdcs) = tickets.servers(credentials, computer, patience).await?;
        let mut context = Self::new(identity(credentials, &realm), service, &kdcs)?;
        let account = (realm, credentials.user().to_lowercase());
        let kept = tickets.granted(&account, credentials.password());
        let had_ticket = !kept.is_empty();
        let token = context.first(&mut kdcs, kept, patience).await;
        match token {
            Ok((token, answers)) => {
                if answers.iter().any(|a| is_as_reply(a)) {
                    tickets.keep(account, credentials.password(), answers);
                }
                context.first_token = Some(token);
                Ok(context)
            }
            Err(error) => {
                if had_ticket {
                    tickets.forget(&account);
                }
                Err(error)
            }
        }
    }

    fn new(identity: CredentialsBuffers, service: &str, kdcs: &[Kdc]) -> Result<Self, KerberosError> {
        let config = KerberosConfig::new_with_kdc_url(&url(kdcs), String::new());
        Ok(Self {
            package: Box::new(quietly(|| Kerberos::new_client_from_config(config)).map_err(unavailable)?),
            handle: Some(identity),
            service: service.to_owned(),
            first_token: None,
            complete: false,
        })
    }

    /// With the ticket in the user's cache, which is looked at again each time: it may have been renewed.
    async fn begin_as_user(service: &str, tickets: &Tickets, patience: Duration) -> Result<Self, KerberosError> {
        let look = || (user_ticket(), system_conf());
        let (ticket, conf) = tokio::task::spawn_blocking(look).await.map_err(unavailable)?;
        let ticket: UserTicket = ticket?;
        let (resolver, _) = system_resolver();
        let realms = [ticket.principal.realm.clone()];
        let (_, mut kdcs) = tickets.servers_of(&realms, &conf, resolver.as_ref(), patience).await?;
        let (identity, answers) = local_reply::credentials_with(&ticket)
            .ok_or_else(|| unavailable("the ticket of the user cannot be handed on"))?;
        let mut context = Self::new(identity, service, &kdcs)?;
        let (token, _) = context.first(&mut kdcs, answers, patience).await?;
        context.first_token = Some(token);
        Ok(context)
    }

    /// The first token, and the answers to its requests for a ticket-granting ticket. `kept` answers those in their order.
    async fn first(
        &mut self,
        kdcs: &mut [Kdc],
        kept: Vec<Vec<u8>>,
        patience: Duration,
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>), KerberosError> {
        let mut kept = kept.into_iter();
        let mut granted = Vec::new();
        let mut code = None;
        let mut status = None;
        let mut input = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = self
            .package
            .initialize_security_context()
            .with_credentials_handle(&mut self.handle)
            .with_context_requirements(requirements())
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name(&self.service)
            .with_input(&mut input)
            .with_output(&mut output);
        let ended = {
            let mut generator = self
                .package
                .initialize_security_context_impl(&mut builder)
                .map_err(unavailable)?;
            let mut state = quietly(|| Ok(generator.start())).map_err(unavailable)?;
            let mut messages = 0;
            loop {
                let request = match state {
                    GeneratorState::Completed(ended) => break ended,
                    GeneratorState::Suspended(request) => request,
                };
                messages += 1;
                if messages > MAX_MESSAGES {
                    return Err(unavailable("the servers lead in circles"));
                }
                let is_for_ticket = is_as_request(&request.data);
                let answer = match kept.next().filter(|_| is_for_ticket) {
                    Some(answer) => Some(answer),
                    None => ask(kdcs, &request.data, patience).await,
                };
                let answer =
                    answer.ok_or_else(|| KerberosError::NoServer("no server of the realm answers".to_owned()))?;
                code = error_code(&answer);
                status = error_status(&answer);
                if is_for_ticket {
                    granted.push(answer.clone());
                }
                state = quietly(|| Ok(generator.resume(Ok(answer)))).map_err(unavailable)?;
            }
        };
        if let Err(error) = ended {
            return Err(match code.and_then(|code| refusal(code, status)) {
                Some(why) => KerberosError::Refused(why),
                // Nothing of the server's own words: they repeat names, not what to do.
                None if error.error_type == ErrorKind::UnknownCredentials => {
                    unavailable("the realm does not know the account or the computer")
                }
                None => unavailable(error.description),
            });
        }
        let token = output.into_iter().next().map(|buffer| buffer.buffer);
        Ok((token.unwrap_or_default(), granted))
    }
}

/// `sspi` wants a URL, and asks whatever it likes through us.
fn url(kdcs: &[Kdc]) -> String {
    let (host, port) = kdcs.first().cloned().unwrap_or_default();
    if host.contains(':') {
        format!("tcp://[{host}]:{port}")
    } else {
        format!("tcp://{host}:{port}")
    }
}

fn identity(credentials: &Credentials, realm: &str) -> CredentialsBuffers {
    let user = credentials.user();
    // A name with a realm of its own is looked up by the server as it stands (NT-ENTERPRISE).
    let domain = if user.contains('@') { "" } else { realm };
    let password = credentials.password().expose();
    CredentialsBuffers::AuthIdentity(AuthIdentityBuffers::from_utf8(user, domain, password))
}

impl Tickets {
    /// The realm of the account, and its servers.
    async fn servers(
        &self,
        credentials: &Credentials,
        computer: &str,
        patience: Duration,
    ) -> Result<(String, Vec<Kdc>), KerberosError> {
        let conf = tokio::task::spawn_blocking(system_conf).await.unwrap_or_default();
        let (resolver, suffixes) = system_resolver();
        let realms = candidates(credentials, computer, &conf, &suffixes);
        if realms.is_empty() {
            return Err(unavailable("it is an account of the computer itself"));
        }
        self.servers_of(&realms, &conf, resolver.as_ref(), patience).await
    }

    /// The first of these realms that has servers, and those.
    async fn servers_of(
        &self,
        realms: &[String],
        conf: &Krb5Conf,
        resolver: Option<&TokioResolver>,
        patience: Duration,
    ) -> Result<(String, Vec<Kdc>), KerberosError> {
        // Held while asking, so that the computers of a run do not all ask the same.
        let mut known = self.shared.realms.lock().await;
        for realm in realms {
            if !known.contains_key(realm) {
                let mut found = servers(realm, conf, resolver, patience).await;
                found.dedup();
                known.insert(realm.clone(), found);
            }
            if let Some(kdcs) = known.get(realm).filter(|kdcs| !kdcs.is_empty()) {
                return Ok((realm.clone(), kdcs.clone()));
            }
        }
        Err(KerberosError::NoServer(format!(
            "no server is known for the realm {}",
            realms.join(" or ")
        )))
    }

    fn granted(&self, account: &(String, String), password: &Secret) -> Vec<Vec<u8>> {
        let granted = self.shared.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted
            .get(account)
            .filter(|g| g.at.elapsed() < KEPT_FOR && g.password == *password)
            .map(|g| g.answers.clone())
            .unwrap_or_default()
    }

    fn keep(&self, account: (String, String), password: &Secret, answers: Vec<Vec<u8>>) {
        let mut granted = self.shared.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.entry(account).or_insert_with(|| Granted {
            password: password.clone(),
            at: Instant::now(),
            answers,
        });
    }

    fn forget(&self, account: &(String, String)) {
        let mut granted = self.shared.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.remove(account);
    }
}

impl SecurityContext for KerberosContext {
    fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, SecurityError> {
        if let Some(first) = self.first_token.take() {
            return Ok(first);
        }
        let mut input = vec![SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let status = quietly(|| {
            let mut builder = self
                .package
                .initialize_security_context()
                .with_credentials_handle(&mut self.handle)
                .with_context_requirements(requirements())
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.service)
                .with_input(&mut input)
                .with_output(&mut output);
            let status = self
                .package
                .initialize_security_context_impl(&mut builder)?
                .resolve_to_result()?
                .status;
            Ok(status)
        })
        .map_err(|e| SecurityError::Token(e.description))?;
        self.complete = status == SecurityStatus::Ok;
        Ok(output
            .into_iter()
            .next()
            .map(|buffer| buffer.buffer)
            .unwrap_or_default())
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn seal(&mut self, plain: Zeroizing<Vec<u8>>) -> Result<SealedMessage, SecurityError> {
        seal_in_place(self.package.as_mut(), plain)
    }

    fn unseal(&mut self, message: SealedMessage) -> Result<Vec<u8>, SecurityError> {
        unseal_in_place(self.package.as_mut(), message)
    }
}
