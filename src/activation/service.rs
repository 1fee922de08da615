//! The connection to the activation service.

use std::error::Error;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::codec::{self, Answer, Ask, Item, Unreadable, parse_answer};
use super::{ActivationError, Refusal, tls};
use crate::model::{ConfirmationId, ExtendedPid, InstallationId, Secret};

/// Microsoft's service.
pub const DEFAULT_URL: &str = "https://activation.sls.microsoft.com/BatchActivation/BatchActivation.asmx";

/// Answers have a few kilobytes.
const MAX_ANSWER: usize = 1 << 20;

/// How the service is reached.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Address of the service: `https://...`, or `http://` on this computer.
    pub url: String,
    /// The way through the proxy.
    pub proxy: Proxy,
    /// Files of certificates (PEM or DER) to trust in addition to the system's.
    pub extra_ca_files: Vec<PathBuf>,
    /// For a whole request, from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// Who we say we are.
    pub user_agent: String,
    /// How often a request is repeated that certainly cost nothing.
    pub retries: u32,
    /// Pause before the first repetition; it doubles with each.
    pub retry_pause: Duration,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            url: DEFAULT_URL.into(),
            proxy: Proxy::System,
            extra_ca_files: Vec::new(),
            timeout: Duration::from_mins(1),
            user_agent: concat!("MAKeeper/", env!("CARGO_PKG_VERSION")).into(),
            retries: 2,
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// The way through the proxy. A service on this computer is never asked through the system's proxy.
#[derive(Debug, Clone)]
pub enum Proxy {
    /// As the system says (environment, Windows settings).
    System,
    /// None.
    None,
    /// This one.
    Url {
        /// `http://host:port`.
        url: String,
        /// Sign-in, when it demands one.
        user: Option<ProxyUser>,
    },
}

/// Sign-in at the proxy.
#[derive(Debug, Clone)]
pub struct ProxyUser {
    /// User name.
    pub name: String,
    /// Password.
    pub password: Secret,
}

/// A confirmation ID as the service gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquired {
    /// The confirmation ID; its check digits fit.
    pub confirmation_id: ConfirmationId,
    /// Activations the key has left; `None`: not available.
    pub remaining: Option<u32>,
}

/// The activation service. Cheap to clone; connections are kept and shared.
#[derive(Debug, Clone)]
pub struct Service {
    client: Client,
    url: Url,
    /// Host and port for messages.
    host: String,
    /// The proxy of the settings or of the system, for messages.
    proxy: Option<String>,
    timeout: Duration,
    retries: u32,
    retry_pause: Duration,
}

impl Service {
    /// Prepares the connection. Nothing is sent yet.
    pub fn new(config: ServiceConfig) -> Result<Self, ActivationError> {
        let url = checked_url(&config.url)?;
        let is_plain = url.scheme() == "http";
        let tls = if is_plain {
            tls::trusting_nobody()?
        } else {
            tls::trusting_system_and(&config.extra_ca_files)?
        };
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(config.user_agent)
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(15)))
            // A key's data goes where it was meant to go or nowhere.
            .redirect(redirect::Policy::none())
            // Repeating is decided here, where it is known what it costs.
            .retry(reqwest::retry::never());
        let through = match &config.proxy {
            Proxy::Url { url, .. } => Some(url.clone()),
            Proxy::System if !is_plain => system_proxy(&url),
            Proxy::None | Proxy::System => None,
        };
        let builder = match config.proxy {
            Proxy::None => builder.no_proxy(),
            Proxy::System if is_plain => builder.no_proxy(),
            Proxy::System => builder,
            Proxy::Url { url, user } => builder.proxy(proxy(&url, user)?),
        };
        let client = builder
            .build()
            .map_err(|e| ActivationError::TlsSetup { why: causes(&e) })?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        Ok(Self {
            client,
            url,
            host,
            proxy: through,
            timeout: config.timeout,
            retries: config.retries,
            retry_pause: config.retry_pause,
        })
    }

    /// The service and what stands before it, for messages.
    fn way(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{} through the proxy {proxy}", self.host),
            None => self.host.clone(),
        }
    }

    /// The address of the service.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Asks for the confirmation ID of an installation ID. **This may cost an activation**: look whether one is known
    /// first, and write down that it was asked before calling.
    ///
    /// Repeated by itself only when the request certainly did not leave, or the service said that it is in trouble.
    pub async fn acquire(&self, pid: &ExtendedPid, iid: &InstallationId) -> Result<Acquired, ActivationError> {
        let ask = Ask { pid, iid: Some(iid) };
        let costs_nothing = |e: &ActivationError| {
            matches!(e, ActivationError::NotReached { .. }) || e.refusal() == Some(Refusal::ServiceTrouble)
        };
        let item = self.ask_patiently(ask, costs_nothing).await?;
        let Some(cid) = item.cid.as_deref().filter(|_| item.answers(ask)) else {
            return Err(self.wrong_answer(&item, ask));
        };
        let confirmation_id =
            ConfirmationId::parse(cid).map_err(|why| ActivationError::ConfirmationId { host: self.way(), why })?;
        Ok(Acquired {
            confirmation_id,
            remaining: item.remaining,
        })
    }

    /// Asks how many activations the MAK with this extended PID has left. `None`: the service does not say. Costs nothing.
    pub async fn remaining(&self, pid: &ExtendedPid) -> Result<Option<u32>, ActivationError> {
        let ask = Ask { pid, iid: None };
        let item = self.ask_patiently(ask, ActivationError::is_worth_retrying).await?;
        if item.answers(ask) {
            Ok(item.remaining)
        } else {
            Err(self.wrong_answer(&item, ask))
        }
    }

    async fn ask_patiently(
        &self,
        ask: Ask<'_>,
        may_repeat: impl Fn(&ActivationError) -> bool,
    ) -> Result<Item, ActivationError> {
        let mut pause = self.retry_pause;
        for _ in 0..self.retries {
            match self.ask_once(ask).await {
                Err(error) if may_repeat(&error) => {
                    tracing::debug!(host = self.host, %error, "Activation service is asked again");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                answer => return answer,
            }
        }
        self.ask_once(ask).await
    }

    async fn ask_once(&self, ask: Ask<'_>) -> Result<Item, ActivationError> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "text/xml; charset=\"utf-8\"")
            .header(ACCEPT, "text/xml")
            .header("SOAPAction", codec::SOAP_ACTION)
            .body(ask.envelope());
        let response = request.send().await.map_err(|e| self.not_sent(&e))?;
        let status = response.status();
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(ActivationError::ProxyCredentials {
                host: self.host.clone(),
                proxy: self.proxy.clone(),
            });
        }
        if status.is_redirection() {
            let target = response.headers().get(LOCATION).map(|l| l.to_str().unwrap_or_default());
            return Err(ActivationError::Redirected {
                host: self.way(),
                target: codec::short(target.unwrap_or_default()),
            });
        }
        let body = self.body_of(response).await?;
        self.read(status, &body, ask)
    }

    async fn body_of(&self, mut response: Response) -> Result<Vec<u8>, ActivationError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.broken(&e))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ActivationError::TooLarge {
                    host: self.way(),
                    limit: MAX_ANSWER,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn read(&self, status: StatusCode, body: &[u8], ask: Ask<'_>) -> Result<Item, ActivationError> {
        let host = || self.way();
        let bad_status = |title: String| ActivationError::Status {
            host: host(),
            status: status.as_u16(),
            title,
        };
        let (error, items) = match parse_answer(body) {
            Ok(Answer::Batch { error, items }) if status.is_success() => (error, items),
            Ok(Answer::Fault { code, message }) => {
                return Err(ActivationError::Fault {
                    host: host(),
                    code,
                    message,
                });
            }
            Err(Unreadable::Html(title)) if status.is_success() => {
                return Err(ActivationError::WebPage { host: host(), title });
            }
            Err(Unreadable::Broken(why)) if status.is_success() => {
                return Err(ActivationError::Unreadable { host: host(), why });
            }
            Err(Unreadable::Html(title)) => return Err(bad_status(title)),
            Ok(Answer::Batch { .. }) | Err(Unreadable::Broken(_)) => return Err(bad_status(String::new())),
        };
        let refused = |code| ActivationError::Refused {
            refusal: Refusal::of(code),
            code,
        };
        let ours = items.into_iter().find(|i| i.may_answer(ask));
        match (ours, error) {
            // Without a confirmation ID, the most particular error counts.
            (
                Some(Item {
                    error: Some(code),
                    cid: None,
                    ..
                }),
                _,
            ) => Err(refused(code)),
            (Some(item), None) => Ok(item),
            (Some(item), Some(_)) if item.cid.is_some() => Ok(item),
            (_, Some(code)) => Err(refused(code)),
            (None, None) => Err(self.wrong_answer(&Item::default(), ask)),
        }
    }

    fn wrong_answer(&self, item: &Item, ask: Ask<'_>) -> ActivationError {
        let why = match (item.answers(ask), ask.iid.is_some()) {
            (true, _) => "it carries neither a confirmation ID nor an error code",
            (false, true) => "no answer in it is for this extended PID and installation ID",
            (false, false) => "no answer in it is for this extended PID",
        };
        ActivationError::WrongAnswer {
            host: self.way(),
            why: why.into(),
        }
    }

    /// Sorts out a failure of sending: what is known not to have left, and what may have.
    fn not_sent(&self, error: &reqwest::Error) -> ActivationError {
        let host = self.way();
        if let Some(tls) = find_cause::<rustls::Error>(error)
            && let rustls::Error::InvalidCertificate(why) = tls
        {
            return ActivationError::Certificate {
                host,
                why: why.to_string(),
            };
        }
        if error.is_connect() {
            let why = causes(error);
            if why.to_ascii_lowercase().contains("proxy authorization required") {
                return ActivationError::ProxyCredentials {
                    host: self.host.clone(),
                    proxy: self.proxy.clone(),
                };
            }
            return ActivationError::NotReached {
                host: self.host.clone(),
                proxy: self.proxy.clone(),
                why: root_cause(error),
            };
        }
        self.broken(error)
    }

    fn broken(&self, error: &reqwest::Error) -> ActivationError {
        let host = self.way();
        if error.is_timeout() {
            ActivationError::TimedOut {
                host,
                after: self.timeout,
            }
        } else {
            ActivationError::Broken {
                host,
                why: causes(error),
            }
        }
    }
}

fn checked_url(text: &str) -> Result<Url, ActivationError> {
    let unusable = |why: &str| ActivationError::Address {
        url: codec::short(text),
        why: why.to_owned(),
    };
    let url = Url::parse(text.trim()).map_err(|e| unusable(&e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ActivationError::Address {
            url: url.host_str().unwrap_or_default().to_owned(),
            why: "it contains a user name or password, which the service does not use".into(),
        });
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(ActivationError::Insecure { url: url.to_string() }),
        _ => Err(unusable("it begins neither with https:// nor with http://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |a| a.is_loopback())
}

/// The proxy that the system names for this address (environment, Windows settings), found as the connection finds it. Without
/// the user and the password that may stand in it.
fn system_proxy(url: &Url) -> Option<String> {
    let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let (scheme, host) = (found.uri().scheme_str().unwrap_or("http"), found.uri().host()?);
    Some(match found.uri().port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

fn proxy(url: &str, user: Option<ProxyUser>) -> Result<reqwest::Proxy, ActivationError> {
    let unusable = |shown: &str, why: String| ActivationError::ProxySetting {
        proxy: shown.to_owned(),
        why,
    };
    let parsed = Url::parse(url.trim()).map_err(|e| unusable("", e.to_string()))?;
    let shown = parsed.host_str().unwrap_or_default();
    if !parsed.username().is_empty() || parsed.password().is_some() {
        let why = "user and password have settings of their own and must not stand in the address";
        return Err(unusable(shown, why.into()));
    }
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(unusable(
            shown,
            "it begins neither with http:// nor with https://".into(),
        ));
    }
    let proxy = reqwest::Proxy::all(parsed.as_str()).map_err(|e| unusable(shown, causes(&e)))?;
    Ok(match user {
        Some(user) => proxy.basic_auth(&user.name, user.password.expose()),
        None => proxy,
    })
}

/// The innermost reasons in one line, without the address that every layer repeats.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = codec::short(&cause.to_string());
        if reasons.last().is_none_or(|last| !last.contains(&text)) {
            reasons.push(text);
        }
        next = cause.source();
    }
    if reasons.is_empty() {
        codec::short(&error.to_string())
    } else {
        reasons.join(": ")
    }
}

/// The innermost reason: what is around it says only which layers it went through.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    codec::short(&innermost.to_string())
}

/// A cause of a certain type; `io::Error` hides the one it carries from the chain.
fn find_cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        let carried = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match carried {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_error(url: &str) -> ActivationError {
        let config = ServiceConfig {
            url: url.into(),
            ..ServiceConfig::default()
        };
        Service::new(config).unwrap_err()
    }

    #[test]
    fn only_this_computer_is_spoken_to_without_tls() {
        for url in ["http://localhost:8080/x", "http://127.0.0.9/x", "http://[::1]:1/x"] {
            assert!(checked_url(url).is_ok(), "{url}");
        }
        for url in [
            "http://activation.sls.microsoft.com/x",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
        ] {
            assert!(matches!(url_error(url), ActivationError::Insecure { .. }), "{url}");
        }
        for url in ["", "activation", "ftp://localhost/", "https://user:hidden@host/"] {
            let error = url_error(url);
            assert!(matches!(error, ActivationError::Address { .. }), "{url}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_password_in_the_proxy_address_is_refused_and_not_repeated() {
        for url in ["http://user:hidden@proxy:8080", "not a url hidden", "socks5://proxy"] {
            let error = proxy(url, None).unwrap_err();
            assert!(matches!(error, ActivationError::ProxySetting { .. }), "{url}");
            assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        }
        let user = ProxyUser {
            name: "u".into(),
            password: Secret::new("hidden"),
        };
        assert!(!format!("{user:?}").contains("hidden"));
        assert!(proxy("http://proxy:8080", Some(user)).is_ok());
    }

    #[test]
    fn a_ca_file_that_is_none_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate").unwrap();
        let config = ServiceConfig {
            extra_ca_files: vec![file.path().to_owned()],
            ..ServiceConfig::default()
        };
        let error = Service::new(config).unwrap_err();
        assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
    }
}
