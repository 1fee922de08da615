//! Who signs in where: the account of the arguments, and the accounts of a file for groups of computers.

use std::path::Path;
use std::sync::Arc;

use super::args::SignIn;
use super::exit::CliError;
use super::secrets::{credentials, password_for, read_file};
use crate::workspace::{CredentialSet, Credentials, Workspace, read_account_lines};

/// Gives a workspace the credentials of the arguments. Asks for what is missing when somebody sits at the terminal.
pub(super) fn set_credentials(workspace: &Workspace, sign_in: &SignIn) -> Result<(), CliError> {
    let sets = match &sign_in.accounts {
        Some(path) => sets_of(path)?,
        None => Vec::new(),
    };
    // With a file of accounts, computers that no line of it is for may do without.
    if sets.is_empty() || sign_in.user.is_some() || sign_in.client_cert.is_some() {
        workspace.set_credentials(Some(credentials(sign_in)?));
    }
    workspace.set_credential_sets(sets);
    Ok(())
}

fn sets_of(path: &Path) -> Result<Vec<CredentialSet>, CliError> {
    let text = read_file(path)?;
    let lines = read_account_lines(&text).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let mut sets: Vec<CredentialSet> = Vec::new();
    for line in lines {
        // An account that stands in several lines is asked for once.
        let known = sets.iter().find(|s| s.credentials.account() == line.account);
        let credentials = if let Some(set) = known {
            Arc::clone(&set.credentials)
        } else {
            let password = password_for(&line.account, line.variable.as_deref())?;
            let credentials = Credentials::new(&line.account, password);
            Arc::new(credentials.map_err(|error| CliError::usage(error.to_string()))?)
        };
        sets.push(CredentialSet {
            pattern: line.pattern,
            credentials,
        });
    }
    Ok(sets)
}
