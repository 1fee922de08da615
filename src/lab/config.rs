//! What a lab is started with, and the dials that can be turned while it runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// First two octets of every address of the lab.
pub const DEFAULT_ADDRESS_BASE: [u8; 2] = [127, 77];
/// The WS-Management port the sample lists name.
pub const DEFAULT_PORT: u16 = 25985;
/// The activation service's usual port.
pub const DEFAULT_SERVICE_PORT: u16 = 25980;

/// The estates that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EstateKind {
    /// About 180 computers of every generation on the core network, which reaches the activation service.
    Contoso,
    /// 40 computers that reach nothing but each other; each can take the Windows client MAK.
    IsolatedLab,
}

impl EstateKind {
    /// Every estate.
    pub const ALL: &'static [Self] = &[Self::Contoso, Self::IsolatedLab];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contoso => "contoso",
            Self::IsolatedLab => "isolated-lab",
        }
    }

    /// The estate with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }

    /// Third octet of the estate's addresses.
    pub fn octet(self) -> u8 {
        match self {
            Self::Contoso => 1,
            Self::IsolatedLab => 2,
        }
    }
}

/// Somebody who may sign in to the virtual computers.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Domain, compared without case.
    pub domain: String,
    /// User name, compared without case.
    pub user: String,
    /// Password.
    pub password: String,
    /// May change things; others may only read.
    pub administrator: bool,
}

impl Account {
    /// The administrator that a lab has unless told otherwise: `LAB\admin`, password `Lab-Only-Passw0rd`.
    pub fn admin() -> Self {
        Self {
            domain: "LAB".into(),
            user: "admin".into(),
            password: "Lab-Only-Passw0rd".into(),
            administrator: true,
        }
    }

    /// A user without rights to change anything: `LAB\viewer`, password `Lab-Only-V1ewer`.
    pub fn user() -> Self {
        Self {
            domain: "LAB".into(),
            user: "viewer".into(),
            password: "Lab-Only-V1ewer".into(),
            administrator: false,
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("administrator", &self.administrator)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a virtual computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Connecting never completes, as with a firewall that drops packets (Linux: the accept queue is kept full).
    Silent,
    /// Nothing listens on the port.
    Refuse,
    /// The connection is accepted and nothing is ever answered.
    HangAfterConnect,
    /// The answer is no HTTP at all.
    Garbage,
    /// The connection breaks in the middle of the answer.
    CloseMidAnswer,
    /// Every exchange takes this much longer, and the answer comes in pieces.
    Slow(Duration),
    /// HTTP 500 with a web page instead of a SOAP fault.
    Http500,
    /// Every password is wrong.
    RefuseCredentials,
    /// Signing in works, and everything asked afterwards is denied, as User Account Control does with local accounts.
    FilteredToken,
}

/// Faults by the words of the command line; `slow` takes milliseconds.
const FAULTS: &[(&str, Fault)] = &[
    ("none", Fault::None),
    ("silent", Fault::Silent),
    ("refuse", Fault::Refuse),
    ("hang", Fault::HangAfterConnect),
    ("garbage", Fault::Garbage),
    ("close", Fault::CloseMidAnswer),
    ("http500", Fault::Http500),
    ("wrong-password", Fault::RefuseCredentials),
    ("uac", Fault::FilteredToken),
];

/// The fault with this word, or `timed:MILLISECONDS` made by `timed_fault`.
fn by_word<T: Copy>(text: &str, words: &[(&str, T)], timed: &str, timed_fault: fn(Duration) -> T) -> Result<T, String> {
    let milliseconds = text.strip_prefix(timed).and_then(|rest| rest.strip_prefix(':'));
    if let Some(time) = milliseconds.and_then(|ms| ms.parse().ok()) {
        return Ok(timed_fault(Duration::from_millis(time)));
    }
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, fault)| *fault);
    found.ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!(
            "{text:?} is no fault: possible are {}, {timed}:MILLISECONDS",
            all.join(", ")
        )
    })
}

impl FromStr for Fault {
    type Err = String;

    /// Reads the words of the command line: `refuse`, `slow:800`.
    fn from_str(text: &str) -> Result<Self, String> {
        by_word(text, FAULTS, "slow", Self::Slow)
    }
}

/// What is wrong with the virtual activation service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ServiceFault {
    /// Nothing.
    #[default]
    None,
    /// HTTP 200 with a web page, as a proxy's login page.
    Html,
    /// HTTP 500 with the "Runtime Error" page.
    Http500,
    /// The question is taken and the answer (also its effect on the pool) comes, but only after this time.
    Delay(Duration),
    /// The question is taken and charged, but the connection closes before the answer.
    CloseBeforeAnswer,
    /// The connection is accepted and nothing is ever answered, and nothing is charged.
    Hang,
}

impl FromStr for ServiceFault {
    type Err = String;

    /// Reads the words of the command line: `html`, `delay:800`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words = [
            ("none", Self::None),
            ("html", Self::Html),
            ("http500", Self::Http500),
            ("close", Self::CloseBeforeAnswer),
            ("hang", Self::Hang),
        ];
        by_word(text, &words, "delay", Self::Delay)
    }
}

/// What is wrong with a lab beyond what its estate brings: turned once it is up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dials {
    /// Added to every WS-Management exchange.
    pub latency: Duration,
    /// Faults by computer name.
    pub faults: Vec<(String, Fault)>,
    /// The fault of the activation service.
    pub service: ServiceFault,
}

/// What a lab is started with.
#[derive(Debug, Clone)]
pub struct LabConfig {
    /// The estates to bring up.
    pub estates: Vec<EstateKind>,
    /// First two octets of every address; the first must be 127.
    pub address_base: [u8; 2],
    /// WS-Management port of every virtual computer; 0 picks a free one common to all.
    pub port: u16,
    /// Port of the activation service; 0 picks a free one.
    pub service_port: u16,
    /// Added to every HTTP exchange with a virtual computer, those of the sign-in included.
    pub latency: Duration,
    /// How long `Activate` runs on a virtual computer. Longer than the client's `OperationTimeout`: it is answered with
    /// w:TimedOut and goes on.
    pub activate_time: Duration,
    /// How long `InstallProductKey` runs on a virtual computer; longer than the time-out, it goes on like `Activate`.
    pub install_time: Duration,
    /// Faults by computer name.
    pub faults: Vec<(String, Fault)>,
    /// Who may sign in.
    pub accounts: Vec<Account>,
}

impl Default for LabConfig {
    /// Both estates, free ports, no latency, no faults: what tests want.
    fn default() -> Self {
        Self {
            estates: EstateKind::ALL.to_vec(),
            address_base: DEFAULT_ADDRESS_BASE,
            port: 0,
            service_port: 0,
            latency: Duration::ZERO,
            activate_time: Duration::ZERO,
            install_time: Duration::ZERO,
            faults: Vec::new(),
            accounts: vec![Account::admin(), Account::user()],
        }
    }
}

impl LabConfig {
    /// Both estates on the addresses and ports of the sample lists, with a few computers off or ill as in any estate.
    pub fn demo() -> Self {
        Self {
            port: DEFAULT_PORT,
            service_port: DEFAULT_SERVICE_PORT,
            faults: demo_faults(),
            ..Self::default()
        }
    }
}

/// A few computers of contoso that are off or ill, as in any estate of that size.
pub fn demo_faults() -> Vec<(String, Fault)> {
    [
        ("CON-PC-017", Fault::Silent),
        ("CON-PC-041", Fault::Refuse),
        ("CON-PC-063", Fault::Refuse),
        ("CON-PC-078", Fault::RefuseCredentials),
        ("CON-SRV-009", Fault::Http500),
        ("CON-PC-090", Fault::Slow(Duration::from_millis(800))),
    ]
    .into_iter()
    .map(|(name, fault)| (name.to_owned(), fault))
    .collect()
}
