//! The error catalogue: what a code means and what to do about it, in plain words.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::{Failure, FailureClass, HResult};

/// One code of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The code as documented: `0xC004F074`, or `BA 0x7F` for a code of the activation service.
    pub code: String,
    /// Name in the Windows SDK; empty when it has none.
    #[serde(rename = "sdk_constant")]
    pub constant: String,
    /// What happened, in one line.
    pub message: String,
    /// Where it occurs, e.g. `MAK`, `KMS client`, `offline`.
    pub activation_type: String,
    /// What causes it.
    #[serde(rename = "possible_cause")]
    pub cause: String,
    /// What to do.
    #[serde(rename = "troubleshooting")]
    pub remedy: String,
    /// Where the fact comes from; `INFERRED` marks what no source confirms.
    pub source: String,
}

impl Entry {
    /// The code as a result code; `None` for codes of the activation service.
    pub fn hresult(&self) -> Option<HResult> {
        HResult::parse(&self.code)
    }

    /// The short code of the activation service, e.g. 0x7F.
    pub fn service_code(&self) -> Option<u32> {
        let hex = self.code.strip_prefix("BA 0x")?;
        u32::from_str_radix(hex, 16).ok()
    }

    /// The meaning of this code was inferred, not documented.
    pub fn is_inferred(&self) -> bool {
        self.source.contains("INFERRED") || self.source.contains("unofficial")
    }
}

struct Catalogue {
    entries: Vec<Entry>,
    by_hresult: HashMap<u32, usize>,
    by_service_code: HashMap<u32, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let documented = csv::Reader::from_reader(include_bytes!("../../assets/error-codes.csv").as_slice());
    let mut entries: Vec<Entry> = documented.into_deserialize().filter_map(Result::ok).collect();
    entries.extend(SERVICE_FAULTS.iter().map(|(code, constant)| Entry {
        code: (*code).into(),
        constant: (*constant).into(),
        message: "Activation service: fault inside the service".into(),
        activation_type: SERVICE.into(),
        cause: "Trouble on the side of the service; neither the list nor the network is at fault".into(),
        remedy: "Try again later".into(),
        source: "activationws issue #5".into(),
    }));
    let index = |code: fn(&Entry) -> Option<u32>| {
        let pairs = entries.iter().enumerate();
        pairs.filter_map(|(i, e)| Some((code(e)?, i))).collect()
    };
    Catalogue {
        by_hresult: index(|e| e.hresult().map(|h| h.0)),
        by_service_code: index(Entry::service_code),
        entries,
    }
});

/// [`Entry::activation_type`] of the codes of the activation service.
const SERVICE: &str = "MAK proxy";

/// .NET and COM result codes with which the activation service reports a fault of its own.
const SERVICE_FAULTS: &[(&str, &str)] = &[
    ("0x80131509", "COR_E_INVALIDOPERATION"),
    ("0x80131600", "COR_E_APPLICATION"),
    ("0x80004003", "E_POINTER"),
];

/// The documentation prints `0xC004F065`, Windows answers the informational `0x4004F065`.
const INFORMATIONAL_NON_GENUINE_GRACE: u32 = 0x4004_F065;

/// Every entry.
pub fn entries() -> &'static [Entry] {
    &CATALOGUE.entries
}

/// The entry of a result code.
pub fn explain(code: HResult) -> Option<&'static Entry> {
    let number = match code.0 {
        INFORMATIONAL_NON_GENUINE_GRACE => 0xC004_F065,
        other => other,
    };
    CATALOGUE
        .by_hresult
        .get(&number)
        .and_then(|i| CATALOGUE.entries.get(*i))
}

/// The entry of a code of the activation service, e.g. 0x7F.
pub fn explain_service(code: u32) -> Option<&'static Entry> {
    CATALOGUE
        .by_service_code
        .get(&code)
        .and_then(|i| CATALOGUE.entries.get(*i))
}

/// The entry that a person asks for: `0xC004F074`, `C004F074`, `-1073418124`, `3221549172`, `0x7F`, `127`, `BA 0x7F`,
/// `BA TLS`, `HTTP 500`, or an SDK name such as `SL_E_NOT_GENUINE`.
pub fn find(text: &str) -> Option<&'static Entry> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let bare = text
        .strip_prefix("BA ")
        .or_else(|| text.strip_prefix("ba "))
        .unwrap_or(text)
        .trim();
    if bare.len() == text.len()
        && let Some(entry) = HResult::parse(text).and_then(explain)
    {
        return Some(entry);
    }
    if let Some(entry) = HResult::parse(bare).and_then(|code| explain_service(code.0)) {
        return Some(entry);
    }
    entries().iter().find(|e| {
        e.constant.eq_ignore_ascii_case(text)
            || e.code.eq_ignore_ascii_case(text)
            || e.code.strip_prefix("BA ").is_some_and(|c| c.eq_ignore_ascii_case(bare))
    })
}

/// Cause and remedy of a class of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What usually causes it.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Cause and remedy of a class of failure.
pub fn advice(class: FailureClass) -> Advice {
    let (cause, remedy) = match class {
        FailureClass::NameNotFound => (
            "DNS does not know the name: it is misspelt, the record is gone, or this computer uses another DNS server.",
            "Check the spelling and the DNS record, use the fully qualified name, or give the computer a connect \
             address of its own in the list.",
        ),
        FailureClass::NoAnswer => (
            "The computer is off or asleep, or a firewall on the way drops the request silently (port 5985, with TLS 5986).",
            "Switch it on. On the computer run Enable-PSRemoting (or winrm quickconfig) and allow the firewall rule group \
             \"Windows Remote Management\" for the profile in use; the default scope of a public network is the local \
             subnet.",
        ),
        FailureClass::Refused => (
            "The computer is on, but nothing listens on that port: the service WinRM is stopped or has no listener.",
            "On the computer run Enable-PSRemoting (or winrm quickconfig), set the service \"Windows Remote Management \
             (WS-Management)\" to start automatically, and check the port with winrm enumerate winrm/config/listener.",
        ),
        FailureClass::Network => (
            "There is no route to the network, or the connection broke while it was in use.",
            "Check cabling, VPN and routing between this computer and that network, then try again.",
        ),
        FailureClass::Certificate => (
            "The TLS certificate is not trusted here, has expired, or was issued for another name.",
            "Import the issuing CA into the trust store of this computer, connect by the name the certificate carries, or \
             renew it. For the activation service that CA is Microsoft's own product root, which only Windows carries. \
             Certificate errors cannot be switched off.",
        ),
        FailureClass::Credentials => (
            "User name or password was refused, the account is locked or expired, or the clocks differ by more than five \
             minutes.",
            "Give the user as DOMAIN\\name or, for a local account, COMPUTER\\name; check that the password is current and \
             the account may sign in over the network.",
        ),
        FailureClass::AccessDenied => (
            "The sign-in worked, but the account is no administrator there, or User Account Control filters the token of a \
             local account.",
            "Use a member of the local Administrators group. For local accounts of workgroup computers set \
             HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\LocalAccountTokenFilterPolicy \
             (DWORD) to 1.",
        ),
        FailureClass::ProviderMissing => (
            "The computer has no licensing classes in WMI: it is older than Windows Vista, or its WMI repository is damaged.",
            "Check that the service sppsvc (slsvc on Vista, osppsvc for Office 2010) exists and starts; verify WMI with \
             winmgmt /verifyrepository and repair it with winmgmt /salvagerepository.",
        ),
        FailureClass::Protocol => (
            "Something answered that does not speak WS-Management, or a proxy or appliance on the way changed the answer.",
            "Check address and port; a web server may be listening there. Take the computer out of any HTTP proxy in between.",
        ),
        FailureClass::TimedOut => (
            "The computer accepted the request but did not finish in time; it may still be working on it.",
            "Update the license status in a few minutes before doing anything again: an activation that is still running \
             must not be repeated. If it stays slow, restart the service sppsvc there.",
        ),
        FailureClass::Licensing => (
            "The licensing service of the computer refused or failed the request; the code tells why.",
            "Look up the code with explain, and read the Application log of the computer (source \
             Microsoft-Windows-Security-SPP).",
        ),
        FailureClass::Service => (
            "Microsoft's activation service refused the request or could not be reached.",
            "Check that TCP 443 to activation.sls.microsoft.com is open and the proxy setting is right. If the service \
             refused, the code tells why; the installation ID can also be entered by hand at https://aka.ms/aoh.",
        ),
        FailureClass::Cancelled => (
            "Somebody cancelled the run before this computer was finished.",
            "Run it again for the computers that are left. Update the license status first where an activation had begun.",
        ),
        FailureClass::NotAllowed => (
            "MAKeeper did not send the request, because it would have failed or spent an activation for nothing.",
            "Read the message: it names the reason. Update the license status and try again if the situation has changed.",
        ),
    };
    Advice { cause, remedy }
}

/// A failure, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the code means, or the name of the class.
    pub title: String,
    /// What usually causes it.
    pub cause: String,
    /// What to do.
    pub remedy: String,
}

/// Explains a failure: by its code where the catalogue knows it, else by its class.
pub fn explain_failure(failure: &Failure) -> Explanation {
    let entry = failure.code.and_then(|code| match failure.class {
        FailureClass::Service => explain_service(code.0).or_else(|| explain(code)),
        // E_POINTER of a computer is not that of the service.
        _ => explain(code).filter(|e| e.activation_type != SERVICE),
    });
    let general = advice(failure.class);
    match entry {
        Some(entry) => Explanation {
            title: entry.message.clone(),
            cause: entry.cause.clone(),
            // The entry of a transport code is terser than the advice of its class.
            remedy: if entry.activation_type == "transport" {
                general.remedy.into()
            } else {
                entry.remedy.clone()
            },
        },
        None => Explanation {
            title: failure.class.label().into(),
            cause: general.cause.into(),
            remedy: general.remedy.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_loads_and_says_something() {
        assert_eq!(entries().len(), 147 + SERVICE_FAULTS.len());
        for entry in entries() {
            assert!(!entry.message.is_empty(), "{}", entry.code);
            assert!(!entry.cause.is_empty() && !entry.remedy.is_empty(), "{}", entry.code);
            assert!(
                entry.hresult().is_some() || entry.code.starts_with("BA "),
                "{} can be found by no code",
                entry.code
            );
        }
    }

    #[test]
    fn what_an_isolated_computer_answers_to_online_activation_is_explained() {
        for code in [0x8007_2EE2, 0x8007_2EE7, 0x8007_2EFD, 0x8007_2EFE, 0x8007_2F8F] {
            let entry = explain(HResult(code)).unwrap();
            assert!(entry.remedy.contains("proxy activation"), "{}", entry.code);
        }
    }

    #[test]
    fn a_code_is_found_in_every_form_people_have_it() {
        for text in [
            "0xC004F074",
            "c004f074",
            "-1073418124",
            "3221549172",
            "SL_E_VL_BINDING_SERVICE_UNAVAILABLE",
        ] {
            assert_eq!(find(text).unwrap().code, "0xC004F074", "{text}");
        }
        for text in ["0x7F", "127", "BA 0x7F", "ba 0x7f"] {
            assert_eq!(find(text).unwrap().code, "BA 0x7F", "{text}");
        }
        assert_eq!(find("BA TLS").unwrap().code, "BA TLS");
        assert_eq!(find("http 500").unwrap().code, "BA HTTP 500");
        assert_eq!(find("-2146233079").unwrap().constant, "COR_E_INVALIDOPERATION");
        assert_eq!(find("5").unwrap().constant, "ERROR_ACCESS_DENIED");
        assert_eq!(find("").map(|e| &e.code), None);
        assert_eq!(find("0x12345678"), None);
    }

    #[test]
    fn the_non_genuine_grace_code_is_known_in_both_forms() {
        let documented = explain(HResult(0xC004_F065)).unwrap();
        assert_eq!(explain(HResult(0x4004_F065)), Some(documented));
    }

    #[test]
    fn every_class_of_failure_has_a_cause_and_a_remedy_of_its_own() {
        let all: Vec<_> = FailureClass::ALL.iter().map(|c| advice(*c)).collect();
        for (i, one) in all.iter().enumerate() {
            assert!(one.cause.ends_with('.') && one.remedy.ends_with('.'), "{one:?}");
            assert!(all[i + 1..].iter().all(|other| other.remedy != one.remedy), "{one:?}");
        }
        assert!(
            advice(FailureClass::AccessDenied)
                .remedy
                .contains("LocalAccountTokenFilterPolicy")
        );
    }

    #[test]
    fn a_failure_is_explained_by_its_code_in_the_right_numbering() {
        let service = Failure {
            class: FailureClass::Service,
            message: String::new(),
            code: Some(HResult(0x7F)),
        };
        assert!(explain_failure(&service).title.contains("limit exceeded"));
        let licensing = Failure {
            class: FailureClass::Licensing,
            ..service.clone()
        };
        assert_eq!(explain_failure(&licensing).title, "Licensing error");
        let pointer = |class| {
            let code = Some(HResult(0x8000_4003));
            explain_failure(&Failure {
                class,
                code,
                ..service.clone()
            })
            .title
        };
        assert_eq!(pointer(FailureClass::Licensing), "Licensing error");
        assert!(pointer(FailureClass::Service).contains("inside the service"));
    }
}
