//! [`WmiConnection`] over WS-Management.

use futures_util::future::BoxFuture;

use super::{Instance, Namespace, ObjectPath, Param, Value, WmiConnection, WmiError};
use crate::model::{Failure, FailureClass, HResult};
use crate::wsman::codec::{Argument, Fault, Object, PropertyValue, ns};
use crate::wsman::{ConnectOptions, Credentials, Session, Target, WsmanError};

/// `WBEM_E_NOT_FOUND`, of a class in a query.
const NOT_FOUND: u32 = 0x8004_1002;
/// `ERROR_WSMAN_RESOURCE_NOT_FOUND`: what WinRM makes of a class that is not there.
const RESOURCE_NOT_FOUND: u32 = 0x8033_8000;
/// `ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER`: what WinRM makes of an invalid query.
const CANNOT_PROCESS_FILTER: u32 = 0x8033_801A;
/// `WBEM_E_INVALID_NAMESPACE`.
const INVALID_NAMESPACE: u32 = 0x8004_100E;
/// `WBEM_E_INVALID_CLASS`.
const INVALID_CLASS: u32 = 0x8004_1010;
/// `WBEM_E_INVALID_QUERY`.
const INVALID_QUERY: u32 = 0x8004_1017;

/// A connection to one computer over WS-Management.
pub struct WsmanConnection {
    session: Session,
}

impl WsmanConnection {
    /// Connects and signs in.
    pub async fn open(target: &Target, credentials: &Credentials, options: &ConnectOptions) -> Result<Self, WmiError> {
        let mut session = Session::new(target.clone(), credentials.clone(), options.clone());
        session
            .connect()
            .await
            .map_err(|e| failed(&target.name, credentials, "the connection", "", e))?;
        Ok(Self { session })
    }

    /// HTTP exchanges so far, those of the sign-in included.
    pub fn exchanges(&self) -> u64 {
        self.session.exchanges()
    }
}

impl WmiConnection for WsmanConnection {
    fn computer(&self) -> &str {
        &self.session.target().name
    }

    fn query<'a>(&'a mut self, namespace: Namespace, wql: &'a str) -> BoxFuture<'a, Result<Vec<Instance>, WmiError>> {
        Box::pin(async move {
            let uri = format!("{}/{}/*", ns::WMI, namespace.path());
            match self.session.enumerate(&uri, wql).await {
                Ok(objects) => Ok(objects.into_iter().map(instance).collect()),
                Err(error) => Err(query_failed(self.computer(), self.session.credentials(), wql, error)),
            }
        })
    }

    fn invoke<'a>(
        &'a mut self,
        object: ObjectPath<'a>,
        method: &'a str,
        parameters: &'a [(&'a str, Param<'a>)],
    ) -> BoxFuture<'a, Result<Instance, WmiError>> {
        Box::pin(async move {
            let uri = format!("{}/{}/{}", ns::WMI, object.namespace.path(), object.class);
            let operation = format!("{}.{method}", object.class);
            let selectors: Vec<(&str, &str)> = object.key.into_iter().collect();
            let arguments: Vec<Argument<'_>> = parameters
                .iter()
                .map(|(name, parameter)| Argument {
                    name,
                    value: match parameter {
                        Param::Text(value) | Param::Secret(value) => value,
                    },
                })
                .collect();
            let output = match self.session.invoke(&uri, &selectors, method, &arguments).await {
                Ok(object) => instance(object),
                Err(error) => {
                    let error = failed(
                        self.computer(),
                        self.session.credentials(),
                        &operation,
                        object.class,
                        error,
                    );
                    return Err(without_secrets(error, parameters));
                }
            };
            checked(self.computer(), object.class, operation, output)
        })
    }
}

/// The output of a method, unless its `ReturnValue` says that it failed. Those of `StdRegProv` are the caller's to read.
pub(super) fn checked(computer: &str, class: &str, operation: String, output: Instance) -> Result<Instance, WmiError> {
    match output.hresult("ReturnValue") {
        None if output.text("ReturnValue").is_some() => Err(WmiError::Connection(Failure {
            class: FailureClass::Protocol,
            message: format!("{computer} answered {operation} with a ReturnValue that is no number"),
            code: None,
        })),
        Some(code) if code != HResult::OK && !class.eq_ignore_ascii_case("StdRegProv") => Err(WmiError::Failed {
            computer: computer.to_owned(),
            operation,
            code,
            message: String::new(),
        }),
        _ => Ok(output),
    }
}

fn instance(object: Object) -> Instance {
    let value = |value| match value {
        PropertyValue::Null => Value::Null,
        PropertyValue::Text(text) => Value::Text(text),
        PropertyValue::Array(items) => Value::Array(items),
    };
    Instance {
        properties: object
            .properties
            .into_iter()
            .map(|(name, v)| (name, value(v)))
            .collect(),
    }
}

pub(super) fn no_such_class(computer: &str, class: &str) -> WmiError {
    WmiError::NoSuchClass {
        computer: computer.to_owned(),
        class: class.to_owned(),
    }
}

/// What a fault means in answer to a query.
///
/// WinRM may keep WMI's own code to itself: an invalid query then is no more than the subcode `CannotProcessFilter`
/// (0x8033801A), and an absent class "cannot find the resource" (0x80338000, subcode `DestinationUnreachable`).
fn query_failed(computer: &str, credentials: &Credentials, wql: &str, error: WsmanError) -> WmiError {
    let class = class_of(wql);
    match error {
        WsmanError::Fault(fault)
            if fault.code == Some(HResult(INVALID_QUERY))
                || !fault.is_specific() && fault.subcode == "CannotProcessFilter"
                || fault.code == Some(HResult(CANNOT_PROCESS_FILTER)) =>
        {
            WmiError::InvalidQuery {
                computer: computer.to_owned(),
                query: wql.to_owned(),
            }
        }
        WsmanError::Fault(fault)
            if matches!(fault.code, Some(HResult(NOT_FOUND | RESOURCE_NOT_FOUND)))
                || fault.code.is_none() && fault.subcode == "DestinationUnreachable" =>
        {
            no_such_class(computer, class)
        }
        error => failed(computer, credentials, "the query", class, error),
    }
}

fn failed(computer: &str, credentials: &Credentials, operation: &str, class: &str, error: WsmanError) -> WmiError {
    match error {
        WsmanError::Fault(fault) if fault.is_access_denied() => denied(computer, credentials, operation, &fault),
        WsmanError::Connection(failure) => WmiError::Connection(failure),
        WsmanError::TimedOut => timed_out(computer, operation),
        WsmanError::Fault(fault) if fault.is_timeout() => timed_out(computer, operation),
        WsmanError::Fault(fault) => match fault.code {
            Some(HResult(INVALID_CLASS)) => no_such_class(computer, class),
            Some(HResult(INVALID_NAMESPACE)) => {
                connection_failure(FailureClass::ProviderMissing, computer, operation, *fault)
            }
            Some(code) if fault.is_specific() => WmiError::Failed {
                computer: computer.to_owned(),
                operation: operation.to_owned(),
                code,
                message: fault.message,
            },
            _ => connection_failure(FailureClass::Protocol, computer, operation, *fault),
        },
    }
}

pub(super) fn timed_out(computer: &str, operation: &str) -> WmiError {
    WmiError::TimedOut {
        computer: computer.to_owned(),
        operation: operation.to_owned(),
    }
}

/// The sign-in was good, but the account may not do this.
fn denied(computer: &str, credentials: &Credentials, operation: &str, fault: &Fault) -> WmiError {
    WmiError::Connection(Failure {
        class: credentials.class_of_denial(computer),
        message: format!(
            "{computer} does not let {} ask it: {operation} was answered with {}",
            credentials.account(),
            if fault.message.is_empty() {
                "access denied"
            } else {
                &fault.message
            }
        ),
        code: fault.code,
    })
}

/// A fault of WS-Management itself rather than of WMI.
fn connection_failure(class: FailureClass, computer: &str, operation: &str, fault: Fault) -> WmiError {
    let words = [fault.subcode, fault.message]
        .into_iter()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    WmiError::Connection(Failure {
        class,
        message: format!("{computer} answered {operation} with a fault: {words}"),
        code: fault.code,
    })
}

/// The class a query asks: the word after FROM.
pub(super) fn class_of(wql: &str) -> &str {
    let mut words = wql.split_whitespace();
    words
        .by_ref()
        .find(|word| word.eq_ignore_ascii_case("from"))
        .and_then(|_| words.next())
        .unwrap_or_default()
}

/// Should a computer repeat a product key in its message, it goes no further.
pub(super) fn without_secrets(error: WmiError, parameters: &[(&str, Param<'_>)]) -> WmiError {
    let mask = |text: &mut String| {
        for (_, parameter) in parameters {
            if let Param::Secret(secret) = parameter
                && !secret.is_empty()
            {
                while let Some(at) = text.to_ascii_uppercase().find(&secret.to_ascii_uppercase()) {
                    text.replace_range(at..at + secret.len(), "(product key)");
                }
            }
        }
    };
    match error {
        WmiError::Failed {
            computer,
            operation,
            code,
            mut message,
        } => {
            mask(&mut message);
            WmiError::Failed {
                computer,
                operation,
                code,
                message,
            }
        }
        WmiError::Connection(mut failure) => {
            mask(&mut failure.message);
            WmiError::Connection(failure)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: Option<u32>, subcode: &str, message: &str) -> WsmanError {
        WsmanError::Fault(Box::new(Fault {
            code: code.map(HResult),
            subcode: subcode.into(),
            message: message.into(),
        }))
    }

    fn somebody() -> Credentials {
        Credentials::new("LAB\\somebody", crate::model::Secret::new("p")).unwrap()
    }

    #[test]
    fn denied_is_uac_for_an_account_of_the_computer_itself() {
        let denied = || fault(Some(0x8007_0005), "AccessDenied", "Access is denied.");
        let class = |account| {
            let credentials = Credentials::new(account, crate::model::Secret::new("p")).unwrap();
            let error = failed("PC", &credentials, "the query", "X", denied());
            assert_eq!(error.code(), Some(HResult(0x8007_0005)));
            error.failure().class
        };
        assert_eq!(class(".\\helpdesk"), FailureClass::Uac);
        assert_eq!(class("LAB\\helpdesk"), FailureClass::AccessDenied);
    }

    #[test]
    fn faults_become_what_a_person_can_act_on() {
        let map = |error| failed("PC", &somebody(), "the query", "Win32_X", error);
        assert!(
            matches!(map(fault(Some(0x8004_1010), "", "")), WmiError::NoSuchClass { class, .. } if class == "Win32_X")
        );
        assert!(matches!(
            map(fault(Some(0x8033_8029), "TimedOut", "")),
            WmiError::TimedOut { .. }
        ));
        assert!(matches!(map(WsmanError::TimedOut), WmiError::TimedOut { .. }));
        let denied = map(fault(Some(0x8007_0005), "AccessDenied", "Access is denied."));
        assert_eq!(denied.failure().class, FailureClass::AccessDenied);
        let quota = map(fault(Some(0x8033_81A6), "QuotaLimit", "too many"));
        assert_eq!(quota.failure().class, FailureClass::Protocol);
        assert_eq!(quota.code(), Some(HResult(0x8033_81A6)));
        assert!(quota.to_string().contains("QuotaLimit: too many"), "{quota}");
        let namespace = map(fault(Some(0x8004_100E), "", ""));
        assert_eq!(namespace.failure().class, FailureClass::ProviderMissing);
        let licensing = map(fault(Some(0xC004_F050), "InternalError", "no"));
        assert_eq!(licensing.failure().class, FailureClass::Licensing);
    }

    #[test]
    fn winrm_own_words_for_an_invalid_query_and_an_absent_class_are_understood() {
        let wql = "SELECT ProductKeyChannel FROM Win32_X";
        let map = |code, subcode| query_failed("PC", &somebody(), wql, fault(code, subcode, ""));
        for (code, subcode) in [
            (Some(0x8004_1017), "InternalError"),
            (Some(0x8033_801A), "CannotProcessFilter"),
            (None, "CannotProcessFilter"),
        ] {
            assert!(
                matches!(map(code, subcode), WmiError::InvalidQuery { query, .. } if query == wql),
                "{subcode}"
            );
        }
        for (code, subcode) in [
            (Some(0x8004_1002), ""),
            (Some(0x8033_8000), "DestinationUnreachable"),
            (None, "DestinationUnreachable"),
            (Some(0x8004_1010), "CannotProcessFilter"),
        ] {
            assert!(
                matches!(map(code, subcode), WmiError::NoSuchClass { class, .. } if class == "Win32_X"),
                "{subcode}"
            );
        }
        let denied = map(Some(0x8004_1003), "CannotProcessFilter");
        assert_eq!(denied.failure().class, FailureClass::AccessDenied);
    }

    #[test]
    fn a_key_in_a_fault_goes_no_further() {
        let error = failed(
            "PC",
            &somebody(),
            "x",
            "x",
            fault(Some(0xC004_F050), "", "bad key fkfkf-2 (FKFKF-2)"),
        );
        let error = without_secrets(error, &[("ProductKey", Param::Secret("FKFKF-2"))]);
        assert!(!error.to_string().to_uppercase().contains("FKFKF"), "{error}");
        assert!(
            error.to_string().contains("bad key (product key) ((product key))"),
            "{error}"
        );
    }

    #[test]
    fn the_class_of_a_query_is_the_word_after_from() {
        assert_eq!(
            class_of("SELECT a,b FROM  SoftwareLicensingProduct WHERE a <> null"),
            "SoftwareLicensingProduct"
        );
        assert_eq!(class_of("nonsense"), "");
    }
}
