//! What a run needs to know about the networks, and nothing about the list.

use std::path::PathBuf;
use std::time::Duration;

use crate::activation::{Proxy, ServiceConfig};
use crate::model::WayIn;
use crate::wmi::{ConnectOptions, Trust};

/// Which web proxy leads to the activation service. Computers are always asked directly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// What the system or the environment (`HTTPS_PROXY`, `NO_PROXY`) says.
    #[default]
    System,
    /// No proxy.
    Direct,
    /// This one, e.g. `http://proxy.contoso.com:8080`.
    Url(String),
}

/// How runs behave. Plain data: the desktop edits it, the command line fills it from arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address of the activation service; `None` is Microsoft's.
    pub service_url: Option<String>,
    /// The way to the activation service.
    pub proxy: ProxySetting,
    /// PEM files with further certification authorities, for computers (HTTPS) and for the service.
    pub extra_ca_files: Vec<PathBuf>,
    /// A person is there: when computers refuse an account, the run waits for [`Run::answer`](super::Run::answer) instead of
    /// giving up.
    pub ask_again: bool,
    /// Computers worked with at once, 1 to 1024. Besides these, slow ones are waited for.
    pub concurrency: usize,
    /// Computers of one subnet (/24, IPv6 /64) worked with at once; `None`: as many as of all.
    pub per_subnet: Option<usize>,
    /// The way to all computers, whatever the list says; `None`: that of the list, else what answers.
    pub way: Option<WayIn>,
    /// Requests to the activation service at once, 1 to 64.
    pub service_concurrency: usize,
    /// How long finding the address of a name may take.
    pub resolve_timeout: Duration,
    /// How long a computer may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long the sign-in to a computer may take, but never longer than one question.
    pub sign_in_timeout: Duration,
    /// How long one question to a computer or to the service may take.
    pub operation_timeout: Duration,
    /// How long everything asked of one computer in one run may take.
    pub computer_timeout: Duration,
    /// How long the license status is watched after `Activate` timed out.
    pub activation_poll: Duration,
    /// A MAK with fewer activations left is warned of, unless its own mark says otherwise; `None`: only at 0.
    pub low_water: Option<u32>,
    /// Previous generations that saving keeps beside the list (`.bak`, `.bak.2` ...), 0 to 99.
    pub generations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_url: None,
            proxy: ProxySetting::System,
            extra_ca_files: Vec::new(),
            ask_again: false,
            concurrency: 64,
            per_subnet: None,
            way: None,
            service_concurrency: 4,
            resolve_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            sign_in_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_mins(1),
            computer_timeout: Duration::from_mins(5),
            activation_poll: Duration::from_mins(2),
            low_water: None,
            generations: 3,
        }
    }
}

/// How computers are asked.
pub(super) fn connect_options(settings: &Settings) -> ConnectOptions {
    let patience = ConnectOptions::default();
    ConnectOptions {
        resolve_timeout: settings.resolve_timeout,
        connect_timeout: settings.connect_timeout,
        // Signing in is a few small messages: a computer that hangs there is given up as early as one that hangs later.
        sign_in_timeout: settings.operation_timeout.min(settings.sign_in_timeout),
        operation_timeout: settings.operation_timeout,
        answer_margin: settings.operation_timeout.min(patience.answer_margin),
        trust: Trust::with_authorities(settings.extra_ca_files.clone()),
        ..patience
    }
}

/// How the activation service is asked.
pub(super) fn service_config(settings: &Settings) -> ServiceConfig {
    let usual = ServiceConfig::default();
    ServiceConfig {
        url: settings.service_url.clone().unwrap_or(usual.url),
        proxy: match &settings.proxy {
            ProxySetting::System => Proxy::System,
            ProxySetting::Direct => Proxy::None,
            ProxySetting::Url(url) => Proxy::Url {
                url: url.clone(),
                user: None,
            },
        },
        extra_ca_files: settings.extra_ca_files.clone(),
        timeout: settings.operation_timeout,
        ..usual
    }
}
