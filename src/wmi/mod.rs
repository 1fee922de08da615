//! "Ask a computer": one trait over the ways to reach WMI, so that licensing does not know which one is used.
//!
//! WS-Management carries every value as text, so [`Instance`] does too; a COM provider converts its variants to the same
//! text (booleans `true`/`false`, numbers in decimal, times in ISO 8601).

#[cfg(windows)]
mod com;
mod wsman_connection;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

pub use self::wsman_connection::WsmanConnection;
use crate::model::{Failure, FailureClass, HResult, WayIn};
pub use crate::wsman::{
    AccountError, ClientCertificate, ConnectOptions, Credentials, Target, TicketCacheError, TicketHolder, Trust,
    TrustError, user_tickets,
};

/// A WMI namespace that licensing uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// `root\cimv2`.
    Cimv2,
    /// `root\default`, where `StdRegProv` lives.
    Default,
}

impl Namespace {
    /// With slashes, as in a WS-Management resource URI: `root/cimv2`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Cimv2 => "root/cimv2",
            Self::Default => "root/default",
        }
    }
}

/// A property or output parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// A single value as text.
    Text(String),
    /// An array.
    Array(Vec<String>),
}

/// A WMI object, or the output parameters of a method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// Properties in the order received.
    pub properties: Vec<(String, Value)>,
}

impl Instance {
    /// The property called `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.properties
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    /// True if the property exists, be it NULL.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The property as text; `None` when absent, NULL or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(t) if !t.trim().is_empty() => Some(t.trim()),
            _ => None,
        }
    }

    /// The property as an array; a single value counts as an array of one.
    pub fn array(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Some(Value::Array(items)) => items.iter().map(String::as_str).collect(),
            Some(Value::Text(t)) if !t.is_empty() => vec![t.as_str()],
            _ => Vec::new(),
        }
    }

    /// The property as a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The property as a truth value.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.text(name)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// The property as a result code.
    pub fn hresult(&self, name: &str) -> Option<HResult> {
        HResult::parse(self.text(name)?)
    }

    /// The property as a point in time: ISO 8601, or the DMTF form `20260131120000.000000+060`. WMI's "never" (the year
    /// 1601) is `None`.
    pub fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        let time = DateTime::parse_from_rfc3339(text)
            .map(|t| t.with_timezone(&Utc))
            .ok()
            .or_else(|| {
                chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .ok()
                    .map(|t| t.and_utc())
            })
            .or_else(|| dmtf_time(text))?;
        // A year of five digits is what an offset makes of the last day there is: as good as never, and nobody can write it.
        (-11_644_387_199..253_402_300_800)
            .contains(&time.timestamp())
            .then_some(time)
    }
}

fn dmtf_time(text: &str) -> Option<DateTime<Utc>> {
    if text.len() != 25 || !text.is_ascii() {
        return None;
    }
    let local = chrono::NaiveDateTime::parse_from_str(&text[..14], "%Y%m%d%H%M%S").ok()?;
    let offset: i64 = text[21..].parse().ok()?;
    Some(local.and_utc() - chrono::TimeDelta::try_minutes(offset)?)
}

/// An input parameter of a method, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param<'a> {
    /// A string, number or truth value as text.
    Text(&'a str),
    /// Text that must not cross the network unsealed nor appear in any log: a product key.
    Secret(&'a str),
}

/// An object whose method is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath<'a> {
    /// Where the class lives.
    pub namespace: Namespace,
    /// The class name.
    pub class: &'a str,
    /// The key property and its value; `None` for a static method.
    pub key: Option<(&'a str, &'a str)>,
}

/// Why a computer could not be asked or refused the question.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WmiError {
    /// The way to the computer, the sign-in or the protocol failed.
    #[error("{0}")]
    Connection(Failure),
    /// The class does not exist on this computer (0x80041010, 0x80041002): an older generation or no such product.
    #[error("{computer} does not have the WMI class {class}")]
    NoSuchClass {
        /// The computer asked.
        computer: String,
        /// The class that is missing.
        class: String,
    },
    /// The query names a property this generation does not have (0x80041017).
    #[error("{computer} does not understand the query {query:?}")]
    InvalidQuery {
        /// The computer asked.
        computer: String,
        /// The query as sent.
        query: String,
    },
    /// The operation was accepted but the computer stopped waiting for it; it may still be running there.
    #[error("{computer} did not finish {operation} in time; it may still be running there")]
    TimedOut {
        /// The computer asked.
        computer: String,
        /// What was asked.
        operation: String,
    },
    /// The provider or the method answered with an error code.
    #[error("{computer} answered {operation} with {code}{}", if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
    Failed {
        /// The computer asked.
        computer: String,
        /// What was asked, e.g. `SoftwareLicensingService.InstallProductKey`.
        operation: String,
        /// The innermost result code.
        code: HResult,
        /// The computer's own words, may be empty, in its language.
        message: String,
    },
}

impl WmiError {
    /// The result code, where there is one.
    pub fn code(&self) -> Option<HResult> {
        match self {
            Self::Connection(failure) => failure.code,
            Self::Failed { code, .. } => Some(*code),
            Self::NoSuchClass { .. } => Some(HResult(0x8004_1010)),
            Self::InvalidQuery { .. } => Some(HResult(0x8004_1017)),
            Self::TimedOut { .. } => None,
        }
    }

    /// The failure as it is kept on a row.
    pub fn failure(&self) -> Failure {
        let class = match self {
            Self::Connection(failure) => return failure.clone(),
            Self::NoSuchClass { .. } => FailureClass::ProviderMissing,
            Self::InvalidQuery { .. } => FailureClass::Protocol,
            Self::TimedOut { .. } => FailureClass::TimedOut,
            Self::Failed { code, .. } if matches!(code.0, 0x8007_0005 | 0x8004_1003) => FailureClass::AccessDenied,
            Self::Failed { .. } => FailureClass::Licensing,
        };
        Failure {
            class,
            message: self.to_string(),
            code: self.code(),
        }
    }
}

/// A connection to one computer. Operations run one after the other.
///
/// Dropping the future of an operation (cancelling it) leaves the connection unusable; open a new one.
pub trait WmiConnection: Send {
    /// The computer's name for messages.
    fn computer(&self) -> &str;

    /// Runs a WQL query and collects every row.
    fn query<'a>(&'a mut self, namespace: Namespace, wql: &'a str) -> BoxFuture<'a, Result<Vec<Instance>, WmiError>>;

    /// Calls a method and returns its output parameters. A `ReturnValue` other than 0 is answered as
    /// [`WmiError::Failed`] with that value as code, except on `StdRegProv`, whose return values are the caller's to read.
    fn invoke<'a>(
        &'a mut self,
        object: ObjectPath<'a>,
        method: &'a str,
        parameters: &'a [(&'a str, Param<'a>)],
    ) -> BoxFuture<'a, Result<Instance, WmiError>>;
}

/// Connects to a computer by one of the ways and signs in, so that a wrong name, port, certificate or password shows here.
pub async fn connect(
    way: WayIn,
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
) -> Result<Box<dyn WmiConnection>, WmiError> {
    match way {
        WayIn::Http | WayIn::Https => {
            let connection = WsmanConnection::open(target, credentials, options).await?;
            Ok(Box::new(connection))
        }
        #[cfg(windows)]
        WayIn::Dcom => com::connect(target, credentials, options).await,
        #[cfg(not(windows))]
        WayIn::Dcom => Err(WmiError::Connection(target.failure(
            FailureClass::NotAllowed,
            "was not asked: DCOM is spoken from Windows only; choose another way in for it",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str, text: &str) -> Instance {
        Instance {
            properties: vec![(name.into(), Value::Text(text.into()))],
        }
    }

    #[test]
    fn times_are_read_in_both_forms_and_never_is_none() {
        let iso = instance("T", "2026-01-31T12:00:00Z").time("t").unwrap();
        assert_eq!(instance("T", "20260131130000.000000+060").time("T"), Some(iso));
        assert_eq!(instance("T", "1601-01-01T00:00:00Z").time("T"), None);
        assert_eq!(instance("T", "99991231235959.999999-720").time("T"), None);
        assert_eq!(instance("T", "soon").time("T"), None);
    }

    #[test]
    fn empty_text_counts_as_absent_but_the_property_exists() {
        let i = instance("A", "  ");
        assert!(i.has("a") && i.text("A").is_none());
    }
}
