//! Why the activation service gave no answer, or not the one that was asked for.

use std::path::PathBuf;
use std::time::Duration;

use super::refusal::Refusal;
use crate::model::{Failure, FailureClass, HResult, IdentifierError};

/// Why a request to the activation service failed. No message contains a key or a password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActivationError {
    /// The address of the service cannot be used.
    #[error("the address of the activation service {url:?} cannot be used: {why}")]
    Address {
        /// The address as configured.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Plain HTTP to another computer.
    #[error(
        "the address of the activation service {url} is not encrypted: use https://; http:// is accepted for this computer \
         (localhost, 127.0.0.1, [::1]) only"
    )]
    Insecure {
        /// The address as configured.
        url: String,
    },
    /// The proxy setting cannot be used.
    #[error("the proxy {proxy:?} cannot be used: {why}")]
    ProxySetting {
        /// The address as configured, without user and password.
        proxy: String,
        /// What is wrong with it.
        why: String,
    },
    /// An additional CA file cannot be used.
    #[error("the CA file {} cannot be used: {why}", .file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The TLS library could not be set up.
    #[error("TLS could not be set up: {why}")]
    TlsSetup {
        /// The reason.
        why: String,
    },
    /// No connection to the service; the request did not leave.
    #[error("the activation service at {host} could not be reached{}: {why}", through(.proxy.as_ref()))]
    NotReached {
        /// Host and port of the service.
        host: String,
        /// The proxy of the settings or of the system that was to be used; it may be what could not be reached.
        proxy: Option<String>,
        /// The reason.
        why: String,
    },
    /// The TLS certificate was refused; the request did not leave.
    #[error("the certificate of {host} is not trusted here: {why}")]
    Certificate {
        /// Host and port of the service.
        host: String,
        /// The reason.
        why: String,
    },
    /// The proxy wants a user name and password, or refused the ones given; the request did not reach the service.
    #[error("the proxy{} on the way to {host} demands a user name and password it accepts", named(.proxy.as_ref()))]
    ProxyCredentials {
        /// Host and port of the service.
        host: String,
        /// The proxy, where it is known.
        proxy: Option<String>,
    },
    /// The request was sent and no answer came in time.
    #[error("the activation service at {host} did not answer within {} seconds", .after.as_secs())]
    TimedOut {
        /// Host and port of the service.
        host: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection broke after the request had begun to leave.
    #[error("the connection to the activation service at {host} broke: {why}")]
    Broken {
        /// Host and port of the service.
        host: String,
        /// The reason.
        why: String,
    },
    /// The answer points elsewhere. Redirections are not followed.
    #[error("{host} redirects to {target:?} instead of answering; redirections are not followed")]
    Redirected {
        /// Host and port of the service.
        host: String,
        /// Where to.
        target: String,
    },
    /// An HTTP status other than success, without an answer of the service in it.
    #[error("{host} answered with HTTP status {status}{}", page(.title))]
    Status {
        /// Host and port of the service.
        host: String,
        /// The status.
        status: u16,
        /// Title of the web page that came with it; empty when it had none.
        title: String,
    },
    /// A web page instead of an answer.
    #[error("{host} answered with a web page{} instead of an activation response", page(.title))]
    WebPage {
        /// Host and port of the service.
        host: String,
        /// Title of the page; empty when it has none.
        title: String,
    },
    /// The answer is larger than any answer of the service.
    #[error("the answer of {host} is larger than {limit} bytes and was not read")]
    TooLarge {
        /// Host and port of the service.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer cannot be read.
    #[error("the answer of {host} cannot be read: {why}")]
    Unreadable {
        /// Host and port of the service.
        host: String,
        /// The reason.
        why: String,
    },
    /// A SOAP fault.
    #[error("{host} answered with a SOAP fault {code}{}", if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
    Fault {
        /// Host and port of the service.
        host: String,
        /// E.g. `soap:Server`.
        code: String,
        /// The service's own words.
        message: String,
    },
    /// The answer is about something else.
    #[error("{host} answered something that was not asked: {why}")]
    WrongAnswer {
        /// Host and port of the service.
        host: String,
        /// What differs.
        why: String,
    },
    /// The confirmation ID in the answer is none.
    #[error("{host} answered with a confirmation ID that cannot be right: {why}")]
    ConfirmationId {
        /// Host and port of the service.
        host: String,
        /// What is wrong with it.
        why: IdentifierError,
    },
    /// The service refused with a code.
    #[error("the activation service refused: {} (code 0x{code:02X})", .refusal.message())]
    Refused {
        /// The meaning.
        refusal: Refusal,
        /// The raw code.
        code: u32,
    },
}

fn through(proxy: Option<&String>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

fn named(proxy: Option<&String>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" {proxy}"))
}

fn page(title: &str) -> String {
    if title.is_empty() {
        String::new()
    } else {
        format!(" titled {title:?}")
    }
}

impl ActivationError {
    /// True if the request may have reached the service and cost an activation although no confirmation ID came back. The
    /// row has to keep saying so.
    pub fn may_have_been_charged(&self) -> bool {
        match self {
            Self::Address { .. }
            | Self::Insecure { .. }
            | Self::ProxySetting { .. }
            | Self::CaFile { .. }
            | Self::TlsSetup { .. }
            | Self::NotReached { .. }
            | Self::Certificate { .. }
            | Self::ProxyCredentials { .. }
            | Self::Redirected { .. }
            | Self::Refused { .. } => false,
            // 4xx: what answered did not accept the request.
            Self::Status { status, .. } => *status >= 500,
            // A fault of the client's making was not processed.
            Self::Fault { code, .. } => !code.ends_with("Client") && !code.ends_with("Sender"),
            Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::WebPage { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::WrongAnswer { .. }
            | Self::ConfirmationId { .. } => true,
        }
    }

    /// The service's refusal, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }

    /// The same request may succeed later without anything being changed.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Self::NotReached { .. } | Self::TimedOut { .. } | Self::Broken { .. } | Self::WebPage { .. } => true,
            Self::Status { status, .. } => *status >= 500 || matches!(*status, 408 | 429),
            Self::Fault { .. } => self.may_have_been_charged(),
            Self::Refused { refusal, .. } => {
                matches!(refusal, Refusal::ServiceTrouble | Refusal::ActivationConfiguration)
            }
            _ => false,
        }
    }

    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.remedy(),
            Self::Address { .. } | Self::Insecure { .. } => {
                "Correct the address of the activation service in the settings (--service)."
            }
            Self::ProxySetting { .. } => {
                "Give the proxy as http://host:port, and user and password in their own settings."
            }
            Self::CaFile { .. } => "Give a file of certificates in PEM or DER form.",
            Self::TlsSetup { .. } => "Install the certificates of the system (Debian: apt install ca-certificates).",
            Self::NotReached { .. } => {
                "Check that this computer reaches the internet: TCP 443 to activation.sls.microsoft.com, and the proxy setting. \
                 The service has no IPv6 address."
            }
            Self::Certificate { .. } => {
                "Microsoft's activation service uses a certificate of Microsoft's own product root, which Windows trusts and \
                 other systems do not carry. Import \"Microsoft Root Certificate Authority\" from Microsoft's PKI repository \
                 (https://www.microsoft.com/pkiops/docs/repository.htm) into the trust store of the system, or name its file \
                 as an additional CA file. If a proxy inspects TLS, import the CA of the proxy. Certificate errors cannot be \
                 switched off."
            }
            Self::ProxyCredentials { .. } => {
                "Give a user name and password for the proxy, or exempt activation.sls.microsoft.com from proxy authentication."
            }
            Self::Redirected { .. } | Self::WebPage { .. } => {
                "Something on the way - a proxy or a sign-in page - answers in place of the service, or the service has an outage. \
                 Open the address in a browser on this computer to see which, then try again."
            }
            Self::TimedOut { .. } | Self::Broken { .. } => {
                "Try again later. The request may have been processed; asking again for the same installation ID normally costs \
                 nothing more."
            }
            Self::Status { .. } | Self::Fault { .. } => {
                "The service has an outage, or a proxy on the way refuses. Try again later."
            }
            Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::WrongAnswer { .. }
            | Self::ConfirmationId { .. } => {
                "Check the address of the service and whether a proxy changes its answers, then try again."
            }
        }
    }

    /// The failure as it is kept on a row or a key.
    pub fn failure(&self) -> Failure {
        let class = match self {
            Self::Certificate { .. } => FailureClass::Certificate,
            Self::Address { .. }
            | Self::Insecure { .. }
            | Self::ProxySetting { .. }
            | Self::CaFile { .. }
            | Self::TlsSetup { .. } => FailureClass::NotAllowed,
            _ => FailureClass::Service,
        };
        Failure {
            class,
            message: self.to_string(),
            code: match self {
                Self::Refused { code, .. } => Some(HResult(*code)),
                _ => None,
            },
        }
    }
}
