//! Who signs in where: the account of the arguments, and the accounts of a file for groups of computers.

use std::path::Path;
use std::sync::Arc;

use super::args::SignIn;
use super::exit::CliError;
use super::secrets::{credentials, password_for, read_file};
use crate::model::Secret;
use crate::workspace::{
    AccountLine, AccountSource, CredentialSet, Credentials, Keyring, Workspace, read_account_lines,
};

/// Everybody who signs in.
pub(super) struct Signing {
    usual: Option<Credentials>,
    sets: Vec<CredentialSet>,
}

impl Signing {
    /// Who the arguments say. Asks for what is missing when somebody sits at the terminal.
    pub(super) fn of(sign_in: &SignIn) -> Result<Self, CliError> {
        let sets = match &sign_in.accounts {
            Some(path) => sets_of(path)?,
            None => Vec::new(),
        };
        let names_one = sign_in.user.is_some() || sign_in.account.is_some() || sign_in.client_cert.is_some();
        // With a file of accounts, computers that no line of it is for may do without.
        let usual = (sets.is_empty() || names_one)
            .then(|| credentials(sign_in))
            .transpose()?;
        Ok(Self { usual, sets })
    }

    /// Gives them to a workspace.
    pub(super) fn give(self, workspace: &Workspace) {
        if self.usual.is_some() {
            workspace.set_credentials(self.usual);
        }
        workspace.set_credential_sets(self.sets);
    }
}

/// Gives a workspace the credentials of the arguments. Asks for what is missing when somebody sits at the terminal.
pub(super) fn set_credentials(workspace: &Workspace, sign_in: &SignIn) -> Result<(), CliError> {
    Signing::of(sign_in)?.give(workspace);
    Ok(())
}

fn sets_of(path: &Path) -> Result<Vec<CredentialSet>, CliError> {
    let text = read_file(path)?;
    let lines = read_account_lines(&text).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let mut sets: Vec<CredentialSet> = Vec::new();
    let mut keyring = None;
    let mut kept: Vec<(String, Arc<Credentials>)> = Vec::new();
    for line in lines {
        let credentials = if let AccountSource::Keyring(name) = &line.source {
            let known = kept.iter().find(|(known, _)| known == name);
            let credentials = if let Some((_, credentials)) = known {
                Arc::clone(credentials)
            } else {
                // Opened once: each time a person might have to unlock it.
                let keyring = match &keyring {
                    Some(keyring) => keyring,
                    None => keyring.insert(Keyring::system()?),
                };
                Arc::new(keyring.read(name)?)
            };
            kept.push((name.clone(), Arc::clone(&credentials)));
            check_same_account(path, &line, &credentials)?;
            credentials
        } else {
            // An account that stands in several lines is asked for once.
            let known = sets.iter().find(|s| s.credentials.account() == line.account);
            if let Some(set) = known {
                Arc::clone(&set.credentials)
            } else {
                let variable = match &line.source {
                    AccountSource::Environment(variable) => Some(variable.as_str()),
                    _ => None,
                };
                let password = password_for(&line.account, variable)?;
                let credentials = Credentials::new(&line.account, password);
                Arc::new(credentials.map_err(|error| CliError::usage(error.to_string()))?)
            }
        };
        sets.push(CredentialSet {
            pattern: line.pattern,
            credentials,
        });
    }
    Ok(sets)
}

/// Where a line names the account as well, the keyring must mean the same: a password for somebody else locks accounts.
fn check_same_account(path: &Path, line: &AccountLine, credentials: &Credentials) -> Result<(), CliError> {
    let (said, kept) = (&line.account, credentials.account());
    let is_same = |said: &Credentials| said.account().eq_ignore_ascii_case(&kept);
    if said.is_empty() || Credentials::new(said, Secret::new("")).is_ok_and(|said| is_same(&said)) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "{}: the account for {} is {said}, and the keyring has {kept} under that name: leave the account out, or save it again",
        path.display(),
        line.pattern
    )))
}
