//! Which account signs in where: what the keyring remembers, and the accounts for groups of computers.

use std::sync::Arc;

use crate::model::Computer;
use crate::workspace::{CredentialSet, Credentials, SavedAccount, is_for_computer};

/// What is known of the keyring. It is asked only when a person wants to see it: asking may ask the person for a passphrase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Remembered {
    /// Nobody wanted to see it yet.
    #[default]
    Unasked,
    /// It is being asked.
    Asking,
    /// What it remembers.
    Known(Vec<SavedAccount>),
    /// Why it cannot be asked.
    Failed(String),
}

impl Remembered {
    /// What it remembers, as far as that is known.
    pub fn accounts(&self) -> &[SavedAccount] {
        match self {
            Self::Known(accounts) => accounts,
            _ => &[],
        }
    }
}

/// An account of a group.
#[derive(Debug, Clone)]
pub enum GroupAccount {
    /// Of the keyring, by name; the rest once it was read.
    Remembered(String, Option<Arc<Credentials>>),
    /// Typed: for this session.
    Typed(Arc<Credentials>),
    /// Typed for this session, because what the keyring has under this name was refused.
    Instead(String, Arc<Credentials>),
}

impl GroupAccount {
    /// As a person knows it.
    pub fn label(&self) -> String {
        match self {
            Self::Remembered(name, None) => format!("{name} (keyring)"),
            Self::Remembered(name, Some(credentials)) => format!("{name} (keyring): {}", credentials.account()),
            Self::Typed(credentials) | Self::Instead(_, credentials) => credentials.account(),
        }
    }

    /// Who signs in, once that is known.
    pub fn credentials(&self) -> Option<&Arc<Credentials>> {
        match self {
            Self::Remembered(_, read) => read.as_ref(),
            Self::Typed(credentials) | Self::Instead(_, credentials) => Some(credentials),
        }
    }
}

/// A group of computers and who signs in to them.
#[derive(Debug, Clone)]
pub struct AccountGroup {
    /// Computers by name or by domain, `*` stands for anything.
    pub pattern: String,
    /// Who signs in there.
    pub account: GroupAccount,
}

/// Groups in the order they are tried.
#[derive(Debug, Clone, Default)]
pub struct AccountGroups(pub Vec<AccountGroup>);

impl AccountGroups {
    /// Those of the preferences: pattern, and name in the keyring.
    pub fn kept(pairs: &[(String, String)]) -> Self {
        let group = |(pattern, name): &(String, String)| AccountGroup {
            pattern: pattern.clone(),
            account: GroupAccount::Remembered(name.clone(), None),
        };
        Self(pairs.iter().map(group).collect())
    }

    /// What may lie in a file: names, and no account that was typed.
    pub fn keepable(&self) -> Vec<(String, String)> {
        let pair = |group: &AccountGroup| match &group.account {
            GroupAccount::Remembered(name, _) | GroupAccount::Instead(name, _) => {
                Some((group.pattern.clone(), name.clone()))
            }
            GroupAccount::Typed(_) => None,
        };
        self.0.iter().filter_map(pair).collect()
    }

    /// The first group that is for a computer, and its place.
    pub fn of(&self, computer: &Computer) -> Option<(usize, &AccountGroup)> {
        let mut groups = self.0.iter().enumerate();
        groups.find(|(_, group)| is_for_computer(&group.pattern, computer))
    }

    /// Names in the keyring that were not read yet.
    pub fn unread(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for group in &self.0 {
            if let GroupAccount::Remembered(name, None) = &group.account
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// What was read under a name.
    pub fn read(&mut self, name: &str, credentials: &Arc<Credentials>) {
        for group in &mut self.0 {
            if let GroupAccount::Remembered(known, read) = &mut group.account
                && known == name
            {
                *read = Some(Arc::clone(credentials));
            }
        }
    }

    /// What the keyring has under a name changed: whatever was read or typed in its place is forgotten, and read again when a
    /// run needs it.
    pub fn changed(&mut self, name: &str) {
        for group in &mut self.0 {
            if let GroupAccount::Remembered(known, _) | GroupAccount::Instead(known, _) = &group.account
                && known == name
            {
                group.account = GroupAccount::Remembered(known.clone(), None);
            }
        }
    }

    /// Another account for the group with this pattern: the one it had was refused.
    pub fn replace(&mut self, pattern: &str, account: &GroupAccount) {
        // The first one is the one that is used.
        let Some(group) = self.0.iter_mut().find(|group| group.pattern == pattern) else {
            return;
        };
        group.account = match (account, &group.account) {
            // The next start knows the group again.
            (GroupAccount::Typed(credentials), GroupAccount::Remembered(name, _) | GroupAccount::Instead(name, _)) => {
                GroupAccount::Instead(name.clone(), Arc::clone(credentials))
            }
            (account, _) => account.clone(),
        };
    }

    /// As runs take them; those that were not read yet are missing.
    pub fn sets(&self) -> Vec<CredentialSet> {
        let set = |group: &AccountGroup| {
            Some(CredentialSet {
                pattern: group.pattern.clone(),
                credentials: Arc::clone(group.account.credentials()?),
            })
        };
        self.0.iter().filter_map(set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn typed(account: &str) -> Arc<Credentials> {
        Arc::new(Credentials::new(account, Secret::new("p")).unwrap())
    }

    #[test]
    fn the_first_group_that_fits_counts_and_only_names_are_kept() {
        let mut groups = AccountGroups::kept(&[("pc-1*".into(), "first".into()), ("pc-*".into(), "second".into())]);
        groups.0.push(AccountGroup {
            pattern: "*".into(),
            account: GroupAccount::Typed(typed(r"LAB\all")),
        });
        let of = |name: &str| {
            groups
                .of(&Computer::named(name))
                .map(|(place, group)| (place, group.account.label()))
        };
        assert_eq!(of("PC-11"), Some((0, "first (keyring)".into())));
        assert_eq!(of("pc-2"), Some((1, "second (keyring)".into())));
        assert_eq!(of("srv"), Some((2, r"LAB\all".into())));
        assert_eq!(groups.keepable().len(), 2);
        assert_eq!(
            (groups.sets().len(), groups.unread()),
            (1, vec!["first".to_owned(), "second".to_owned()])
        );
        groups.read("first", &typed(r"LAB\one"));
        assert_eq!((groups.sets().len(), groups.unread()), (2, vec!["second".to_owned()]));
    }

    #[test]
    fn a_refused_account_is_replaced_in_its_group_alone_and_the_name_is_kept() {
        let mut groups = AccountGroups::kept(&[("pc-*".into(), "first".into()), ("srv-*".into(), "second".into())]);
        groups.read("first", &typed(r"LAB\one"));
        groups.read("second", &typed(r"LAB\two"));
        groups.replace("pc-*", &GroupAccount::Typed(typed(r"LAB\new")));
        let accounts = |groups: &AccountGroups| {
            let sets = groups.sets().into_iter();
            sets.map(|set| set.credentials.account()).collect::<Vec<_>>()
        };
        assert_eq!(accounts(&groups), [r"LAB\new", r"LAB\two"]);
        assert_eq!(groups.keepable().len(), 2, "the next start knows both groups");
        let other = GroupAccount::Remembered("third".into(), Some(typed(r"LAB\three")));
        groups.replace("srv-*", &other);
        assert_eq!(accounts(&groups), [r"LAB\new", r"LAB\three"]);
        assert_eq!(groups.keepable()[1].1, "third");
        groups.replace("nobody's", &other);
        assert_eq!(accounts(&groups), [r"LAB\new", r"LAB\three"]);
    }

    #[test]
    fn what_changed_in_the_keyring_is_read_again() {
        let mut groups = AccountGroups::kept(&[("pc-*".into(), "first".into()), ("srv-*".into(), "second".into())]);
        groups.read("first", &typed(r"LAB\one"));
        groups.read("second", &typed(r"LAB\two"));
        groups.changed("first");
        assert_eq!((groups.unread(), groups.sets().len()), (vec!["first".to_owned()], 1));
        groups.replace("srv-*", &GroupAccount::Typed(typed(r"LAB\new")));
        assert_eq!(groups.unread(), ["first"]);
        groups.changed("second");
        assert_eq!(groups.unread(), ["first", "second"]);
    }
}
