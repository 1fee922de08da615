//! Cause and remedy of each class of failure, for the Windows generation it happened on.

use super::catalogue::{self, Entry};
use crate::model::{Failure, FailureClass, HResult};

/// What matters of a Windows generation when its remote management has to be switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Generation {
    /// Not known: the computer never answered.
    #[default]
    Unknown,
    /// Windows Vista and Server 2008: WinRM 1.1 on ports 80 and 443, no PowerShell remoting until KB968930.
    Vista,
    /// Windows 7 and Server 2008 R2: WinRM 2.0, off until it is switched on.
    Seven,
    /// Windows 8 to 11: off until it is switched on, and not on public networks.
    Client,
    /// Server 2012 and later: on from the start.
    Server,
}

impl Generation {
    /// By `Win32_OperatingSystem` as the list keeps it: version `10.0.26100`, caption `Windows 11 Enterprise`.
    pub fn of(os_version: &str, os_edition: &str) -> Self {
        let mut numbers = os_version.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return Self::Unknown;
        };
        match (major, minor) {
            (6, 0) => Self::Vista,
            (6, 1) => Self::Seven,
            (6.., _) if os_edition.contains("Server") => Self::Server,
            (6.., _) => Self::Client,
            _ => Self::Unknown,
        }
    }

    /// Lets WS-Management answer at all.
    fn switch_on(self) -> &'static str {
        match self {
            Self::Unknown => {
                "On the computer run Enable-PSRemoting -Force in an elevated PowerShell (Windows Vista to 7: winrm quickconfig). \
                 It starts the service WinRM, makes the listener and opens the firewall rule group \"Windows Remote \
                 Management\"."
            }
            Self::Vista => {
                "On the computer install KB968930 (WinRM 2.0) and run winrm quickconfig in an elevated command prompt. Without \
                 the update WinRM 1.1 listens on port 80: give the computer that port in the list."
            }
            Self::Seven => {
                "On the computer run winrm quickconfig in an elevated command prompt: it starts the service WinRM, makes the \
                 listener and opens the firewall. It refuses on a network of the kind Public: change that to Work first."
            }
            Self::Client => {
                "On the computer run Enable-PSRemoting -Force -SkipNetworkProfileCheck in an elevated PowerShell: it starts the \
                 service WinRM, makes the listener and opens the firewall; on a Public network for the local subnet only."
            }
            Self::Server => {
                "WS-Management is on from the start on this Windows: somebody switched it off. Run Enable-PSRemoting -Force in \
                 an elevated PowerShell, and look for a group policy that forbids it (Allow remote server management through \
                 WinRM)."
            }
        }
    }

    /// Opens the firewall of the computer for what already runs.
    fn open_firewall(self) -> &'static str {
        match self {
            Self::Vista | Self::Seven => {
                "On the computer, elevated: netsh advfirewall firewall set rule group=\"Windows Remote Management\" new \
                 enable=yes. Or allow TCP 5985 and 5986 by group policy."
            }
            Self::Client | Self::Server => {
                "On the computer, elevated: Enable-NetFirewallRule -DisplayGroup \"Windows Remote Management\"; for asking from \
                 another subnet while its network is Public also Set-NetFirewallRule -Name WINRM-HTTP-In-TCP-PUBLIC \
                 -RemoteAddress Any. Or allow TCP 5985 and 5986 by group policy."
            }
            Self::Unknown => {
                "Enable the firewall rule group \"Windows Remote Management\" on the computer (Windows 8 and later: \
                 Enable-NetFirewallRule -DisplayGroup \"Windows Remote Management\"; before: netsh advfirewall firewall set rule \
                 group=\"Windows Remote Management\" new enable=yes), or allow TCP 5985 and 5986 by group policy. The rule for \
                 Public networks lets in the local subnet only. For DCOM the group is \"Windows Management Instrumentation \
                 (WMI)\"."
            }
        }
    }

    /// The service behind the licensing classes.
    fn licensing_service(self) -> &'static str {
        match self {
            Self::Vista => "slsvc (Software Licensing)",
            Self::Unknown => {
                "sppsvc (Software Protection; slsvc on Windows Vista and Server 2008, osppsvc for Office 2010)"
            }
            Self::Seven | Self::Client | Self::Server => "sppsvc (Software Protection; osppsvc for Office 2010)",
        }
    }

    fn tls(self) -> &'static str {
        match self {
            Self::Vista | Self::Seven => {
                " This Windows speaks TLS 1.2 only after KB4019276 (Vista, 2008) or KB3140245 (7, 2008 R2) and its registry \
                 values."
            }
            Self::Unknown | Self::Client | Self::Server => "",
        }
    }
}

/// Cause and remedy of a class of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What usually causes it.
    pub cause: &'static str,
    /// What to do.
    pub remedy: String,
}

/// Cause and remedy of a class of failure on a Windows generation.
#[expect(clippy::too_many_lines, reason = "a table, one row per class")]
pub fn advice(class: FailureClass, on: Generation) -> Advice {
    let (cause, remedy) = match class {
        FailureClass::NameNotFound => (
            "DNS does not know the name: it is misspelt, the record is gone, or this computer uses another DNS server.",
            "Check the spelling and the DNS record, use the fully qualified name, or give the computer a connect address of \
             its own in the list."
                .to_owned(),
        ),
        FailureClass::NoAnswer => (
            "Nothing at that address answered on any port: the computer is off or asleep, has another address now, or a \
             firewall drops everything.",
            format!("Switch it on, and check that its DNS record is current. If it is on: {}", on.open_firewall()),
        ),
        FailureClass::Firewall => (
            "The computer is on, because it answers on another port, but what is sent to WS-Management is dropped.",
            on.open_firewall().to_owned(),
        ),
        FailureClass::Hung => (
            "Something accepted the connection and then said nothing: the computer is starting, out of memory, or its service \
             WinRM hangs.",
            "Try again in a few minutes. If it stays so, restart the service WinRM there (Restart-Service WinRM), or the \
             computer."
                .to_owned(),
        ),
        FailureClass::Refused => (
            "The computer is on, but nothing listens on that port: the service WinRM is stopped or has no listener.",
            format!(
                "{} Check the port with winrm enumerate winrm/config/listener.",
                on.switch_on()
            ),
        ),
        FailureClass::Network => (
            "There is no route to the network, or the connection broke while it was in use.",
            "Check cabling, VPN and routing between this computer and that network, then try again.".to_owned(),
        ),
        FailureClass::Certificate => (
            "The TLS certificate is not trusted here, has expired, or was issued for another name.",
            format!(
                "Name the authority's file with --ca or in the settings, connect by a name the certificate carries, or renew it. \
                 For the activation service that authority is Microsoft's own product root, which only Windows carries. \
                 Certificate errors cannot be switched off.{}",
                on.tls()
            ),
        ),
        FailureClass::Credentials => (
            "User name or password was refused, the account is locked or expired, or the clocks differ by more than five \
             minutes.",
            "Give the user as DOMAIN\\name or, for an account of the computer itself, .\\name; check that the password is \
             current and the account may sign in over the network. Each refusal counts towards a lock-out."
                .to_owned(),
        ),
        FailureClass::AccessDenied => (
            "The sign-in worked, but the account is no administrator there.",
            "Use a member of the local group Administrators of that computer; in a domain, put the account's group into it by \
             group policy (Restricted Groups)."
                .to_owned(),
        ),
        FailureClass::Uac => (
            "The sign-in worked, but User Account Control takes the administrator's rights away from accounts of the computer \
             itself that come over the network.",
            "Use a domain account, or on that computer set LocalAccountTokenFilterPolicy (DWORD) to 1 in \
             HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System (reg add \
             HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System /v LocalAccountTokenFilterPolicy /t REG_DWORD \
             /d 1). The account must be a member of Administrators besides."
                .to_owned(),
        ),
        FailureClass::ProviderMissing => (
            "The computer has no licensing classes in WMI: it is older than Windows Vista, or its WMI repository is damaged.",
            format!(
                "Check that the service {} exists and starts; verify WMI with winmgmt /verifyrepository and repair it with \
                 winmgmt /salvagerepository.",
                on.licensing_service()
            ),
        ),
        FailureClass::Protocol => (
            "Something answered that does not speak WS-Management, or a proxy or appliance on the way changed the answer.",
            "Check address and port; a web server may be listening there. Take the computer out of any HTTP proxy in between."
                .to_owned(),
        ),
        FailureClass::TimedOut => (
            "The computer accepted the request but did not finish in time; it may still be working on it.",
            format!(
                "Update the license status in a few minutes before doing anything again: an activation that is still running \
                 must not be repeated. If it stays slow, restart the service {} there.",
                on.licensing_service()
            ),
        ),
        FailureClass::Licensing => (
            "The licensing service of the computer refused or failed the request; the code tells why.",
            "Look up the code with explain, and read the Application log of the computer (source \
             Microsoft-Windows-Security-SPP)."
                .to_owned(),
        ),
        FailureClass::Service => (
            "Microsoft's activation service refused the request or could not be reached.",
            "Check that TCP 443 to activation.sls.microsoft.com is open and the proxy setting is right. If the service \
             refused, the code tells why; the installation ID can also be entered by hand at https://aka.ms/aoh."
                .to_owned(),
        ),
        FailureClass::Cancelled => (
            "Somebody cancelled the run before this computer was finished.",
            "Run it again for the computers that are left. Update the license status first where an activation had begun."
                .to_owned(),
        ),
        FailureClass::NotAllowed => (
            "MAKeeper did not send the request, because it would have failed or spent an activation for nothing.",
            "Read the message: it names the reason. Update the license status and try again if the situation has changed."
                .to_owned(),
        ),
    };
    Advice { cause, remedy }
}

/// Licensing codes that come again however often the same is tried: the key, the product or the edition would have to be
/// another one (see the catalogue for each). A limit may be raised, so a key that is used up is not among them.
const FINAL: &[u32] = &[
    0xC004_C001, // key out of range
    0xC004_C003, // key blocked
    0xC004_C004, // key not valid
    0xC004_C007, // key not supported
    0xC004_C00E, // key length
    0xC004_C00F, // key format
    0xC004_C010, // key character
    0xC004_F014, // no key
    0xC004_F015, // license not there
    0xC004_F050, // key invalid
    0xC004_F051, // key blocked
    0xC004_F069, // SKU not found
    0xC004_F210, // edition
    0xC004_F212, // OEM key edition
];

/// Whether this code comes again however often the same is tried. Codes of the activation service are not among them: the
/// service may know more tomorrow, and asking again for what failed costs nothing.
pub fn is_final(code: HResult) -> bool {
    FINAL.contains(&code.0)
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
pub fn explain_failure(failure: &Failure, on: Generation) -> Explanation {
    let general = advice(failure.class, on);
    let of_class = |title: &str, cause: &str| Explanation {
        title: title.to_owned(),
        cause: cause.to_owned(),
        remedy: general.remedy.clone(),
    };
    match entry(failure) {
        // The entry of a transport code is terser than the advice of its class, and does not know the generation.
        Some(entry) if is_of_transport(entry, failure.class) => of_class(&entry.message, general.cause),
        Some(entry) => Explanation {
            title: entry.message.clone(),
            cause: entry.cause.clone(),
            remedy: entry.remedy.clone(),
        },
        None => of_class(failure.class.label(), general.cause),
    }
}

fn is_of_transport(entry: &Entry, class: FailureClass) -> bool {
    let by_class = matches!(
        class,
        FailureClass::AccessDenied | FailureClass::Uac | FailureClass::ProviderMissing
    );
    by_class || entry.activation_type == "transport" && class != FailureClass::Protocol
}

fn entry(failure: &Failure) -> Option<&'static Entry> {
    let code = failure.code?;
    match failure.class {
        FailureClass::Service => catalogue::explain_service(code.0).or_else(|| catalogue::explain(code)),
        // E_POINTER of a computer is not that of the service.
        _ => catalogue::explain(code).filter(|e| e.activation_type != catalogue::SERVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_GENERATION: [Generation; 5] = [
        Generation::Unknown,
        Generation::Vista,
        Generation::Seven,
        Generation::Client,
        Generation::Server,
    ];

    #[test]
    fn every_class_of_failure_has_a_cause_and_a_remedy_of_its_own_on_every_generation() {
        for on in EVERY_GENERATION {
            let all: Vec<_> = FailureClass::ALL.iter().map(|c| advice(*c, on)).collect();
            for (i, one) in all.iter().enumerate() {
                assert!(one.cause.ends_with('.') && one.remedy.ends_with('.'), "{one:?}");
                let is_own = |other: &Advice| other.remedy != one.remedy && other.cause != one.cause;
                assert!(all[i + 1..].iter().all(is_own), "{one:?}");
            }
        }
    }

    #[test]
    fn the_remedy_is_that_of_the_generation() {
        let of = |version, edition, class| advice(class, Generation::of(version, edition)).remedy;
        let refused = |version, edition| of(version, edition, FailureClass::Refused);
        assert!(refused("6.0.6002", "Windows Vista Business").contains("KB968930"));
        assert!(refused("6.1.7601", "Windows Server 2008 R2 Standard").contains("winrm quickconfig"));
        assert!(refused("10.0.26100", "Windows 11 Enterprise").contains("-SkipNetworkProfileCheck"));
        assert!(refused("10.0.20348", "Windows Server 2022 Datacenter").contains("on from the start"));
        assert!(refused("", "").contains("Enable-PSRemoting"));
        let firewall = |version| of(version, "", FailureClass::Firewall);
        assert!(firewall("6.1.7601").contains("netsh advfirewall"));
        assert!(firewall("10.0.19045").contains("Enable-NetFirewallRule"));
        assert!(of("6.0.6002", "", FailureClass::ProviderMissing).contains("slsvc"));
        assert!(of("", "", FailureClass::Uac).contains("LocalAccountTokenFilterPolicy"));
        assert!(!of("", "", FailureClass::AccessDenied).contains("LocalAccountTokenFilterPolicy"));
    }

    #[test]
    fn a_failure_is_explained_by_its_code_in_the_right_numbering() {
        let told = |class, code| {
            let failure = Failure {
                class,
                message: String::new(),
                code: Some(HResult(code)),
            };
            explain_failure(&failure, Generation::Unknown)
        };
        assert!(told(FailureClass::Service, 0x7F).title.contains("limit exceeded"));
        assert_eq!(told(FailureClass::Licensing, 0x7F).title, "Licensing error");
        assert_eq!(told(FailureClass::Licensing, 0x8000_4003).title, "Licensing error");
        assert!(
            told(FailureClass::Service, 0x8000_4003)
                .title
                .contains("inside the service")
        );
    }

    #[test]
    fn a_code_of_the_way_in_gets_the_advice_of_its_class() {
        let failure = Failure {
            class: FailureClass::Uac,
            message: String::new(),
            code: Some(HResult(0x8007_0005)),
        };
        let explained = explain_failure(&failure, Generation::Client);
        assert_eq!(explained.title, "Access denied");
        assert!(
            explained.remedy.contains("LocalAccountTokenFilterPolicy"),
            "{explained:?}"
        );
        let quota = Failure {
            class: FailureClass::Protocol,
            code: Some(HResult(0x8033_81A6)),
            ..failure
        };
        assert!(
            explain_failure(&quota, Generation::Client)
                .remedy
                .contains("Fewer parallel")
        );
    }
}
