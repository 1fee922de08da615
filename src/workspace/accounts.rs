//! The accounts of a run: which computer is signed in to with which, and who is asked when one is refused.

use std::sync::{Arc, Mutex};

use super::open::lock;
use super::sign_in_guard::SignInGuard;
use super::{Credentials, Run};
use crate::model::{Computer, NetworkKind};

/// Credentials for some of the computers.
#[derive(Debug, Clone)]
pub struct CredentialSet {
    /// Computers by name, or by the domain they belong to: `*` stands for anything, `branch.example` for its computers as
    /// well. Compared without case.
    pub pattern: String,
    /// Who signs in there.
    pub credentials: Arc<Credentials>,
}

impl CredentialSet {
    /// Whether the set is for this computer.
    pub fn is_for(&self, computer: &Computer) -> bool {
        is_for_computer(&self.pattern, computer)
    }
}

/// Whether a pattern of [`CredentialSet`] is for this computer.
pub fn is_for_computer(pattern: &str, computer: &Computer) -> bool {
    let pattern = pattern.trim().to_lowercase();
    let is_domain = computer.network.kind == NetworkKind::Domain;
    let domain = if is_domain {
        computer.network.name.to_lowercase()
    } else {
        String::new()
    };
    let name = computer.name.to_lowercase();
    let by_suffix = !pattern.is_empty() && name.strip_suffix(&pattern).is_some_and(|host| host.ends_with('.'));
    by_suffix || matches(&pattern, &name) || (!domain.is_empty() && matches(&pattern, &domain))
}

/// Whether a pattern of [`CredentialSet`] is for the directory of a domain: for the domain, or for all of its computers.
pub fn is_for_domain(pattern: &str, domain: &str) -> bool {
    let (pattern, domain) = (pattern.trim().to_lowercase(), domain.trim().to_lowercase());
    if pattern.is_empty() || domain.is_empty() {
        return false;
    }
    let below = domain.strip_suffix(&pattern).is_some_and(|child| child.ends_with('.'));
    below || matches(&pattern, &domain) || pattern.strip_prefix("*.").is_some_and(|all| matches(all, &domain))
}

/// A line of a file of accounts. Such a file holds names only, never a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// [`CredentialSet::pattern`].
    pub pattern: String,
    /// Who signs in there; empty where the keyring knows.
    pub account: String,
    /// Where the password is.
    pub source: AccountSource,
}

/// Where the password of a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSource {
    /// Nowhere: it is asked for.
    Asked,
    /// In this variable of the environment.
    Environment(String),
    /// In the keyring, under this name.
    Keyring(String),
}

/// A line of a file of accounts that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is not understood: it must be a pattern, an account and perhaps env:VARIABLE, or a pattern and keyring:NAME; \
     passwords do not belong here"
)]
pub struct AccountLineError {
    /// Its number, from 1.
    pub line: usize,
}

/// Reads a file of accounts: `*.branch.example  BRANCH\\admin  env:BRANCH_PW`, or `*.branch.example  keyring:branch`. Blank lines
/// and those that begin with `#` are passed over.
pub fn read_account_lines(text: &str) -> Result<Vec<AccountLine>, AccountLineError> {
    let mut lines = Vec::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        lines.push(account_line(line).ok_or(AccountLineError { line: number + 1 })?);
    }
    Ok(lines)
}

fn account_line(line: &str) -> Option<AccountLine> {
    // The rest of the line: names in the keyring may have blanks.
    let (words, source) = match line.split_once("keyring:") {
        Some((words, name)) if words.ends_with(char::is_whitespace) && !name.trim().is_empty() => {
            (words, AccountSource::Keyring(name.trim().to_owned()))
        }
        _ => (line, AccountSource::Asked),
    };
    let words: Vec<&str> = words.split_whitespace().collect();
    let (pattern, account, source) = match (words.as_slice(), source) {
        ([pattern], source @ AccountSource::Keyring(_)) => (pattern, "", source),
        ([pattern, account], source) => (pattern, *account, source),
        ([pattern, account, named], AccountSource::Asked) => {
            let variable = named.strip_prefix("env:").filter(|variable| !variable.is_empty())?;
            (pattern, *account, AccountSource::Environment(variable.to_owned()))
        }
        _ => return None,
    };
    // A source without what it is to name, in the place of the account.
    let is_account = !account.starts_with("env:") && !account.starts_with("keyring:");
    is_account.then(|| AccountLine {
        pattern: (*pattern).to_owned(),
        account: account.to_owned(),
        source,
    })
}

/// `*` stands for anything, also nothing.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Asked of a person when computers refuse an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInQuestion {
    /// The account.
    pub account: String,
    /// [`CredentialSet::pattern`] of the computers that are signed in to with it; `None` for the account of all others.
    pub pattern: Option<String>,
    /// Computers that refused it.
    pub refused_by: Vec<String>,
}

/// One set of a run. Its guard is replaced when a person gives other credentials.
#[derive(Debug)]
struct Place {
    set: Option<CredentialSet>,
    guard: Mutex<Arc<SignInGuard>>,
    /// Held while a person is asked; true once nobody wants to give others.
    given_up: tokio::sync::Mutex<bool>,
}

/// The accounts of a run.
#[derive(Debug)]
pub(super) struct Accounts {
    /// Those for some, in their order, and last the one for all others.
    places: Vec<Place>,
    /// A person is there to be asked.
    asks: bool,
}

impl Accounts {
    pub(super) fn new(sets: &[CredentialSet], usual: Option<Arc<Credentials>>, asks: bool) -> Self {
        let place = |set: Option<CredentialSet>, credentials| Place {
            set,
            guard: Mutex::new(Arc::new(SignInGuard::new(credentials))),
            given_up: tokio::sync::Mutex::default(),
        };
        let some = sets
            .iter()
            .map(|set| place(Some(set.clone()), Arc::clone(&set.credentials)));
        let all = usual.map(|credentials| place(None, credentials));
        Self {
            places: some.chain(all).collect(),
            asks,
        }
    }

    /// Who signs in to this computer; `None` when no set is for it.
    pub(super) fn of(&self, computer: &Computer) -> Option<Account<'_>> {
        let is_for = |place: &&Place| place.set.as_ref().is_none_or(|set| set.is_for(computer));
        let place = self.places.iter().find(is_for)?;
        Some(Account {
            place,
            guard: Arc::clone(&lock(&place.guard)),
            asks: self.asks,
        })
    }
}

/// An account as one visit uses it.
pub(super) struct Account<'a> {
    place: &'a Place,
    pub(super) guard: Arc<SignInGuard>,
    asks: bool,
}

impl Account<'_> {
    pub(super) fn can_ask(&self) -> bool {
        self.asks
    }

    /// Lets a person give other credentials for this set of computers. False when there are none, and none will come.
    pub(super) async fn another(&mut self, run: &Run) -> bool {
        if !self.asks {
            return false;
        }
        // One asks; the others find the answer.
        let mut given_up = self.place.given_up.lock().await;
        if *given_up {
            return false;
        }
        let current = Arc::clone(&lock(&self.place.guard));
        if !Arc::ptr_eq(&current, &self.guard) {
            self.guard = current;
            return true;
        }
        let question = SignInQuestion {
            account: self.guard.credentials().account(),
            pattern: self.place.set.as_ref().map(|set| set.pattern.clone()),
            refused_by: self.guard.refused_by(),
        };
        let Some(credentials) = run.ask(question).await else {
            *given_up = true;
            return false;
        };
        self.guard = Arc::new(SignInGuard::new(Arc::new(credentials)));
        *lock(&self.place.guard) = Arc::clone(&self.guard);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Network, Secret};

    #[test]
    fn a_set_is_for_names_suffixes_and_domains() {
        let set = |pattern: &str| CredentialSet {
            pattern: pattern.into(),
            credentials: Arc::new(Credentials::new("a", Secret::new("p")).unwrap()),
        };
        let mut computer = Computer::named("PC-017.branch.example");
        for pattern in [
            "pc-*",
            "*.BRANCH.example",
            "branch.example",
            "*",
            "pc-017.branch.example",
            "*17*ex*",
        ] {
            assert!(set(pattern).is_for(&computer), "{pattern}");
        }
        for pattern in ["", "srv-*", "ranch.example", "*.branch", "corp.example", "*17*ex"] {
            assert!(!set(pattern).is_for(&computer), "{pattern}");
        }
        computer.network = Network {
            kind: NetworkKind::Domain,
            name: "corp.example".into(),
        };
        assert!(set("corp.example").is_for(&computer) && set("corp*").is_for(&computer));
    }

    #[test]
    fn a_set_for_a_domain_or_all_of_its_computers_is_for_its_directory() {
        for pattern in ["branch.example", "*.Branch.example", "*", "branch*", "example"] {
            assert!(is_for_domain(pattern, "branch.EXAMPLE"), "{pattern}");
        }
        for pattern in ["", "pc-*.branch.example", "ranch.example", "corp.example"] {
            assert!(!is_for_domain(pattern, "branch.example"), "{pattern}");
        }
        assert!(!is_for_domain("*", ""));
    }

    #[test]
    fn a_file_of_accounts_holds_names_and_nothing_that_could_be_a_password() {
        let lines =
            read_account_lines("# who\n*.branch.example BRANCH\\admin env:PW\n\n corp.example  admin@corp.example\n");
        let lines = lines.unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].source, AccountSource::Environment("PW".into()));
        assert_eq!(
            (lines[1].pattern.as_str(), &lines[1].source),
            ("corp.example", &AccountSource::Asked)
        );
        let kept = read_account_lines("pc-*\tkeyring:the branch \nsrv-* LAB\\admin keyring:servers").unwrap();
        let of = |line: &AccountLine| (line.account.clone(), line.source.clone());
        assert_eq!(
            of(&kept[0]),
            (String::new(), AccountSource::Keyring("the branch".into()))
        );
        assert_eq!(
            of(&kept[1]),
            ("LAB\\admin".into(), AccountSource::Keyring("servers".into()))
        );
        for wrong in [
            "pc-* LAB\\admin secret",
            "pc-*",
            "a b env:",
            "a b env:X y",
            "keyring:x",
            "a keyring:",
            "a b c keyring:x",
        ] {
            let error = read_account_lines(wrong).unwrap_err();
            assert_eq!(error.line, 1);
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn the_first_set_that_is_for_a_computer_wins_and_the_usual_one_is_for_the_rest() {
        let credentials = |account| Arc::new(Credentials::new(account, Secret::new("p")).unwrap());
        let set = |pattern: &str, account| CredentialSet {
            pattern: pattern.into(),
            credentials: credentials(account),
        };
        let sets = [set("pc-1*", "first"), set("pc-*", "second")];
        let of = |usual, name: &str| {
            let accounts = Accounts::new(&sets, usual, false);
            let account = accounts.of(&Computer::named(name));
            account.map(|a| a.guard.credentials().account())
        };
        assert_eq!(of(None, "pc-11").as_deref(), Some("first"));
        assert_eq!(of(None, "pc-2").as_deref(), Some("second"));
        assert_eq!(of(None, "srv"), None);
        assert_eq!(of(Some(credentials("usual")), "srv").as_deref(), Some("usual"));
    }
}
