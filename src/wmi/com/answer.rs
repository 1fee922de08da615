//! What an HRESULT of COM or WMI means to whoever asked.

use super::services::Error;
use crate::model::{Failure, FailureClass, HResult};
use crate::wmi::WmiError;
use crate::wmi::wsman_connection::{class_of, no_such_class, timed_out};

/// E_ACCESSDENIED: DCOM says no more than that to a wrong password, a missing right and a filtered token.
const ACCESS_DENIED: u32 = 0x8007_0005;
/// WBEM_E_ACCESS_DENIED: signed in, and WMI refuses.
const WBEM_ACCESS_DENIED: u32 = 0x8004_1003;
/// WBEM_E_LOCAL_CREDENTIALS.
const LOCAL_CREDENTIALS: u32 = 0x8004_1064;

/// Who was asked, as whom.
pub(super) struct Asked {
    /// The computer's name for messages.
    pub(super) computer: String,
    /// The account for messages; `None` is the logged-on user.
    pub(super) account: Option<String>,
    /// What it means when that account is let in and may do nothing.
    pub(super) denial: FailureClass,
}

impl Asked {
    /// The connection was not opened.
    pub(super) fn refused(&self, error: &Error) -> WmiError {
        let Error::Code(code, words) = error else {
            return self.failed("the connection", "", error);
        };
        let who = self.account.as_deref().unwrap_or("the logged-on user");
        match *code {
            // More likely a wrong password than anything else, and to take it for one keeps the account from being locked.
            ACCESS_DENIED if self.account.is_some() => self.connection(
                FailureClass::Credentials,
                *code,
                format!(
                    "does not let {who} in over DCOM: the password is wrong, the account is no administrator there, or it is \
                     a local one whose rights UAC filters (LocalAccountTokenFilterPolicy)"
                ),
            ),
            ACCESS_DENIED | WBEM_ACCESS_DENIED => self.connection(
                self.denial,
                *code,
                format!("does not let {who} use WMI: it needs an administrator of that computer"),
            ),
            LOCAL_CREDENTIALS => self.connection(
                FailureClass::NotAllowed,
                *code,
                "is this computer: Windows lets nobody but the logged-on user ask it over DCOM. Leave the account out",
            ),
            code if is_logon_failure(code) => self.connection(
                FailureClass::Credentials,
                code,
                format!("does not accept the user name or password of {who}: {words}"),
            ),
            _ => self.failed("the connection", "", error),
        }
    }

    /// A query failed. An unknown property is an invalid query, an unknown class is not found.
    pub(super) fn query_failed(&self, wql: &str, error: &Error) -> WmiError {
        match error {
            // WBEM_E_INVALID_QUERY, WBEM_E_UNPARSABLE_QUERY
            Error::Code(0x8004_1017 | 0x8004_1058, _) => WmiError::InvalidQuery {
                computer: self.computer.clone(),
                query: wql.to_owned(),
            },
            // WBEM_E_NOT_FOUND
            Error::Code(0x8004_1002, _) => no_such_class(&self.computer, class_of(wql)),
            error => self.failed("the query", class_of(wql), error),
        }
    }

    /// An operation failed.
    pub(super) fn failed(&self, operation: &str, class: &str, error: &Error) -> WmiError {
        let (code, words) = match error {
            Error::TimedOut => return timed_out(&self.computer, operation),
            Error::Code(code, words) => (*code, words),
        };
        let as_connection =
            |class, what: &str| self.connection(class, code, format!("{what}: {operation} failed: {words}"));
        match code {
            // WBEM_E_INVALID_CLASS
            0x8004_1010 => no_such_class(&self.computer, class),
            // WBEM_E_INVALID_NAMESPACE, PROVIDER_NOT_FOUND, PROVIDER_LOAD_FAILURE, PROVIDER_NOT_CAPABLE, CLASSNOTREG
            0x8004_100E | 0x8004_1011 | 0x8004_1013 | 0x8004_1024 | 0x8004_0154 => {
                as_connection(FailureClass::ProviderMissing, "has no working WMI provider for this")
            }
            // RPC_S_SERVER_UNAVAILABLE: the endpoint mapper answered before, so it is one of the ports behind it.
            0x8007_06BA => as_connection(
                FailureClass::Firewall,
                "answers on port 135, but not on the ports of DCOM behind it: allow \"Windows Management Instrumentation (WMI)\" \
                 in its firewall",
            ),
            // EPT_S_NOT_REGISTERED
            0x8007_06D9 => as_connection(
                FailureClass::Refused,
                "runs no WMI that DCOM could reach: see that the service winmgmt is started",
            ),
            // RPC_S_SERVER_TOO_BUSY, RPC_S_CALL_FAILED, RPC_S_CALL_FAILED_DNE, RPC_E_DISCONNECTED, RPC_E_SERVER_DIED,
            // WBEM_E_TRANSPORT_FAILURE, WBEM_E_SHUTTING_DOWN
            0x8007_06BB | 0x8007_06BE | 0x8007_06BF | 0x8001_0108 | 0x8001_0007 | 0x8004_1015 | 0x8004_1033 => {
                as_connection(FailureClass::Network, "broke the connection")
            }
            code if is_logon_failure(code) => as_connection(FailureClass::Credentials, "does not accept the account"),
            ACCESS_DENIED | WBEM_ACCESS_DENIED => as_connection(self.denial, "does not let the account do this"),
            code => WmiError::Failed {
                computer: self.computer.clone(),
                operation: operation.to_owned(),
                code: HResult(code),
                message: words.clone(),
            },
        }
    }

    fn connection(&self, class: FailureClass, code: u32, what: impl std::fmt::Display) -> WmiError {
        WmiError::Connection(Failure {
            class,
            message: format!("{} {what}", self.computer),
            code: Some(HResult(code)),
        })
    }
}

/// `HRESULT_FROM_WIN32` of logon failure, account restriction, password expired or must change, account disabled, expired or
/// locked out; RPC_S_SEC_PKG_ERROR, SEC_E_LOGON_DENIED, SEC_E_NO_CREDENTIALS.
fn is_logon_failure(code: u32) -> bool {
    matches!(
        code,
        0x8007_052E
            | 0x8007_052F
            | 0x8007_0532
            | 0x8007_0773
            | 0x8007_0533
            | 0x8007_0701
            | 0x8007_0775
            | 0x8007_0721
            | 0x8009_030C
            | 0x8009_030E
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(account: Option<&str>) -> Asked {
        Asked {
            computer: "PC-1".into(),
            account: account.map(Into::into),
            denial: FailureClass::Uac,
        }
    }

    fn code(code: u32) -> Error {
        Error::Code(code, "words".into())
    }

    #[test]
    fn each_way_to_be_refused_has_its_class() {
        for (given, refusal, class) in [
            (Some("LAB\\anna"), 0x8007_0005, FailureClass::Credentials),
            (None, 0x8007_0005, FailureClass::Uac),
            (Some("LAB\\anna"), 0x8004_1003, FailureClass::Uac),
            (Some("LAB\\anna"), 0x8004_1064, FailureClass::NotAllowed),
            (Some("LAB\\anna"), 0x8007_0775, FailureClass::Credentials),
            (None, 0x8007_06BA, FailureClass::Firewall),
            (None, 0x8007_06D9, FailureClass::Refused),
            (None, 0x8004_0154, FailureClass::ProviderMissing),
            (None, 0x8001_0108, FailureClass::Network),
        ] {
            let error = asked(given).refused(&code(refusal));
            assert_eq!(error.failure().class, class, "{refusal:#x}: {error}");
            assert_eq!(error.code(), Some(HResult(refusal)));
            assert!(error.to_string().starts_with("PC-1 "), "{error}");
        }
    }

    #[test]
    fn absent_classes_and_properties_are_told_apart_from_faults() {
        let wql = "SELECT A FROM Win32_X";
        let failed = |c| asked(None).query_failed(wql, &code(c));
        for absent in [0x8004_1002, 0x8004_1010] {
            assert!(
                matches!(failed(absent), WmiError::NoSuchClass { class, .. } if class == "Win32_X"),
                "{absent:#x}"
            );
        }
        assert!(matches!(failed(0x8004_1017), WmiError::InvalidQuery { query, .. } if query == wql));
        assert!(matches!(
            asked(None).query_failed(wql, &Error::TimedOut),
            WmiError::TimedOut { .. }
        ));
        let licensing = asked(None).failed("X.Activate", "X", &code(0xC004_F074));
        assert!(matches!(
            licensing,
            WmiError::Failed {
                code: HResult(0xC004_F074),
                ..
            }
        ));
    }
}
