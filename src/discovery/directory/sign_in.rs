//! Getting a connection that is protected and signed in.
//!
//! # Invariants
//! * A password crosses TLS only; everything else is a ticket or a proof, and what follows it is sealed.
//! * An account that was refused is not tried again, here or elsewhere: domains lock accounts.

use std::net::IpAddr;

use super::codec::{Answer, Outcome, Request, decode_answer};
use super::connection::{Connection, described};
use super::error::{DirectoryError, Refusal};
use super::request::{DomainController, Transport};
use crate::wmi::{ConnectOptions, Credentials};
use crate::wsman::security::{self, KerberosContext, KerberosError, Mechanism, SecurityContext};
use zeroize::Zeroizing;

/// Tokens one sign-in may take.
const MAX_LEGS: usize = 10;
/// Confidentiality, of the layers a server may offer (RFC 4752 3.3).
const SEALING: u8 = 4;

/// How somebody signs in.
pub(super) struct SignIn<'s> {
    pub credentials: &'s Credentials,
    pub options: &'s ConnectOptions,
    pub transport: Transport,
    pub is_catalog: bool,
}

/// What came of it.
pub(super) struct SignedIn {
    pub connection: Connection,
    /// What a person should know of the way that was taken.
    pub note: Option<String>,
}

impl SignIn<'_> {
    fn plain_port(&self) -> u16 {
        if self.is_catalog { 3268 } else { 389 }
    }

    fn tls_port(&self) -> u16 {
        if self.is_catalog { 3269 } else { 636 }
    }

    /// Connects to a server, protects the connection and signs in.
    pub async fn to(&self, controller: &DomainController) -> Result<SignedIn, DirectoryError> {
        let connection = match self.transport {
            // A port that was typed says what listens there.
            Transport::Automatic if matches!(controller.port, Some(636 | 3269)) => self.ldaps(controller).await?,
            Transport::Automatic => return self.automatic(controller).await,
            Transport::Ldaps => self.ldaps(controller).await?,
            Transport::StartTls => {
                self.check_password(controller)?;
                let connection = Connection::open_start_tls(controller, self.plain_port(), self.options).await?;
                self.simple(connection).await?
            }
            Transport::Sealed => match self.ticket(controller).await {
                Ok(context) => self.sealed(controller, "GSSAPI", context).await?,
                Err(Without::Kerberos(_)) => self.ntlm(controller).await?,
                Err(Without::AnyWay(error)) => return Err(*error),
            },
        };
        Ok(SignedIn { connection, note: None })
    }

    async fn automatic(&self, controller: &DomainController) -> Result<SignedIn, DirectoryError> {
        let why = match self.ticket(controller).await {
            Ok(context) => match self.sealed(controller, "GSSAPI", context).await {
                // A server outside Active Directory, perhaps.
                Err(DirectoryError::Unusable { why, .. }) if !self.credentials.is_logged_on_user() => why,
                signed_in => return signed_in.map(|connection| SignedIn { connection, note: None }),
            },
            Err(Without::Kerberos(why)) => why,
            Err(Without::AnyWay(error)) => return Err(*error),
        };
        tracing::debug!(server = %controller.host, why, "No Kerberos");
        // A port that was typed for plain LDAP says nothing of that of LDAPS.
        let with_tls = DomainController {
            port: controller.port.filter(|port| !matches!(port, 389 | 3268)),
            ..controller.clone()
        };
        self.check_password(controller)?;
        let what = match Connection::open_tls(&with_tls, self.tls_port(), self.options).await {
            Ok(connection) => {
                let connection = self.simple(connection).await?;
                return Ok(SignedIn { connection, note: None });
            }
            // Nothing listens there, or it has no certificate: nothing of the account has left us.
            Err(DirectoryError::Network { what, .. }) => what,
            Err(error) => return Err(error),
        };
        let note = format!(
            "{} was asked with NTLM, sealed, because there is no Kerberos ticket for it ({why}) and no LDAPS (it {what}). NTLM does not \
             prove which server answers.",
            controller.host
        );
        Ok(SignedIn {
            connection: self.ntlm(controller).await?,
            note: Some(note),
        })
    }

    /// A context for the logged-on user, or one with a Kerberos ticket.
    async fn ticket(&self, controller: &DomainController) -> Result<Box<dyn SecurityContext>, Without> {
        let service = format!("ldap/{}", controller.host);
        #[cfg(windows)]
        if self.credentials.is_logged_on_user() {
            return security::context(Mechanism::Spnego, self.credentials, &service, None)
                .map_err(|e| Without::any_way(self.unusable(controller, e.to_string())));
        }
        let Some(tickets) = &self.options.tickets else {
            return Err(Without::Kerberos("Kerberos is switched off".to_owned()));
        };
        let patience = self.options.connect_timeout;
        match KerberosContext::begin(self.credentials, &controller.host, &service, tickets, patience).await {
            Ok(context) => Ok(Box::new(context)),
            Err(KerberosError::Refused(why)) => Err(Without::any_way(DirectoryError::Credentials {
                account: self.credentials.account(),
                server: controller.host.clone(),
                refusal: Refusal::from_kerberos(why),
            })),
            Err(error) if self.credentials.is_logged_on_user() => Err(Without::any_way(
                self.unusable(controller, format!("{error}. Give an account and its password")),
            )),
            Err(error) => Err(Without::Kerberos(error.to_string())),
        }
    }

    fn unusable(&self, controller: &DomainController, why: String) -> DirectoryError {
        DirectoryError::Unusable {
            account: self.credentials.account(),
            server: controller.host.clone(),
            why,
        }
    }

    /// A simple bind needs a password, and one that is not empty: an empty one would sign in as nobody (RFC 4513 5.1.2).
    fn check_password(&self, controller: &DomainController) -> Result<(), DirectoryError> {
        let why = if self.credentials.is_logged_on_user() || self.credentials.certificate().is_some() {
            "TLS needs an account and its password; choose the sealed connection for the logged-on user"
        } else if self.credentials.password().expose().is_empty() {
            "its password is empty, which a directory takes for nobody; give the password"
        } else {
            return Ok(());
        };
        Err(self.unusable(controller, why.to_owned()))
    }

    async fn ldaps(&self, controller: &DomainController) -> Result<Connection, DirectoryError> {
        self.check_password(controller)?;
        let connection = Connection::open_tls(controller, self.tls_port(), self.options).await?;
        self.simple(connection).await
    }

    async fn ntlm(&self, controller: &DomainController) -> Result<Connection, DirectoryError> {
        self.check_password(controller)?;
        let service = format!("ldap/{}", controller.host);
        let context = security::context(Mechanism::Spnego, self.credentials, &service, None)
            .map_err(|e| self.unusable(controller, e.to_string()))?;
        self.sealed(controller, "GSS-SPNEGO", context).await
    }

    /// A simple bind, which [`Connection::send`] lets through inside TLS only.
    async fn simple(&self, mut connection: Connection) -> Result<Connection, DirectoryError> {
        let name = self.credentials.account();
        let password = self.credentials.password().expose();
        let id = connection.send(&Request::SimpleBind { name: &name, password }).await?;
        let message = connection.receive(id).await?;
        match decode_answer(&message) {
            Ok((_, Answer::Bind(outcome, _))) if outcome.code == 0 => Ok(connection),
            Ok((_, Answer::Bind(outcome, _))) => Err(self.refused(&connection, &outcome)),
            _ => Err(connection.garbage("its answer to the sign-in is none")),
        }
    }

    /// Signs in by tokens, and seals what follows.
    async fn sealed(
        &self,
        controller: &DomainController,
        mechanism: &str,
        mut context: Box<dyn SecurityContext>,
    ) -> Result<Connection, DirectoryError> {
        // Windows itself chooses between Kerberos and NTLM.
        let mechanism = if cfg!(windows) && self.credentials.is_logged_on_user() {
            "GSS-SPNEGO"
        } else {
            mechanism
        };
        let mut connection = Connection::open(controller, self.plain_port(), self.options).await?;
        let broken =
            |connection: &Connection, e: &dyn std::fmt::Display| connection.garbage(&format!("in the sign-in {e}"));
        let mut token = context.step(&[]).map_err(|e| broken(&connection, &e))?;
        // RFC 4752: once the key is agreed upon, the server offers what may be done with it.
        let mut is_agreed = mechanism != "GSSAPI";
        for _ in 0..MAX_LEGS {
            let request = Request::SaslBind {
                mechanism,
                token: &token,
            };
            let id = connection.send(&request).await?;
            let message = connection.receive(id).await?;
            let Ok((_, Answer::Bind(outcome, answer))) = decode_answer(&message) else {
                return Err(connection.garbage("its answer to the sign-in is none"));
            };
            let answer = answer.unwrap_or_default();
            match outcome.code {
                0 => {
                    if !context.is_complete() {
                        context.step(answer).map_err(|e| broken(&connection, &e))?;
                    }
                    if !context.is_complete() || !is_agreed {
                        return Err(connection.garbage("it lets the sign-in through without a key to seal with"));
                    }
                    connection.seal_with(context);
                    return Ok(connection);
                }
                // saslBindInProgress
                14 if !context.is_complete() => {
                    token = context.step(answer).map_err(|e| broken(&connection, &e))?;
                }
                14 => {
                    let offer = context
                        .unseal_whole(answer.to_vec())
                        .map_err(|e| broken(&connection, &e))?;
                    let [layers, ..] = offer.as_slice() else {
                        return Err(connection.garbage("it offers no protection in the sign-in"));
                    };
                    if layers & SEALING == 0 {
                        return Err(DirectoryError::Trust {
                            server: connection.server.clone(),
                            what: "does not offer to seal the connection: choose LDAPS or StartTLS".to_owned(),
                        });
                    }
                    // Sealing, and buffers of up to 16 MB to us.
                    let choice = Zeroizing::new(vec![SEALING, 0xFF, 0xFF, 0xFF]);
                    token = context.seal_whole(choice).map_err(|e| broken(&connection, &e))?;
                    is_agreed = true;
                }
                _ => return Err(self.refused(&connection, &outcome)),
            }
        }
        Err(connection.garbage("the sign-in does not come to an end"))
    }

    fn refused(&self, connection: &Connection, outcome: &Outcome) -> DirectoryError {
        let server = connection.server.clone();
        let account = self.credentials.account();
        match outcome.code {
            // authMethodNotSupported, inappropriateAuthentication
            7 | 48 => DirectoryError::Unusable {
                account,
                server,
                why: format!("it does not offer this way to sign in ({})", described(outcome)),
            },
            // strongerAuthRequired, confidentialityRequired
            8 | 13 => DirectoryError::Trust {
                server,
                what: format!(
                    "wants the connection protected in another way ({}): choose LDAPS or the sealed connection",
                    described(outcome)
                ),
            },
            // busy, unavailable
            51 | 52 => DirectoryError::Protocol {
                server,
                what: format!("is not able to answer now ({}): try again later", described(outcome)),
                entries: 0,
            },
            // invalidDNSyntax, noSuchObject, invalidCredentials
            32 | 34 | 49 => DirectoryError::Credentials {
                account,
                server,
                refusal: Refusal::from_diagnostic(&outcome.words),
            },
            _ => DirectoryError::Credentials {
                account,
                server,
                refusal: Refusal::Other(described(outcome)),
            },
        }
    }
}

/// Why there is no context.
enum Without {
    /// Another mechanism may do.
    Kerberos(String),
    /// Nothing else may be tried.
    AnyWay(Box<DirectoryError>),
}

impl Without {
    fn any_way(error: DirectoryError) -> Self {
        Self::AnyWay(Box::new(error))
    }
}

/// The account as the domain's servers know it: a bare name is one of the domain that is asked.
pub(super) fn in_domain(credentials: &Credentials, domain: &str) -> Credentials {
    let user = credentials.user();
    let is_bare = credentials.domain().is_empty() && !user.contains(['@', '=']);
    let is_domain = !domain.is_empty() && domain.parse::<IpAddr>().is_err();
    if credentials.is_logged_on_user() || credentials.certificate().is_some() || !is_bare || !is_domain {
        return credentials.clone();
    }
    Credentials::new(&format!("{user}@{domain}"), credentials.password().clone())
        .unwrap_or_else(|_| credentials.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn a_bare_name_is_an_account_of_the_domain() {
        let of = |account: &str, domain: &str| {
            let credentials = Credentials::new(account, Secret::new("p")).unwrap();
            in_domain(&credentials, domain).account()
        };
        assert_eq!(of("vamt", "contoso.com"), "vamt@contoso.com");
        assert_eq!(of("LAB\\vamt", "contoso.com"), "LAB\\vamt");
        assert_eq!(of("vamt@x", "contoso.com"), "vamt@x");
        assert_eq!(of("cn=admin,dc=x", "contoso.com"), "cn=admin,dc=x");
        assert_eq!(of("vamt", ""), "vamt");
        assert!(in_domain(&Credentials::logged_on_user(), "contoso.com").is_logged_on_user());
    }
}
