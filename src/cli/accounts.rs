//! `makeeper accounts`: what the keyring of the system remembers.

use serde_json::json;

use super::args::{Accounts, AccountsAction};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::output::{Table, counted};
use super::secrets::password_of;
use crate::workspace::{Credentials, Keyring, check_account_name};

pub(super) fn accounts(context: &mut Context, args: &Accounts) -> Result<Exit, CliError> {
    match &args.action {
        AccountsAction::Save {
            name,
            user,
            password_env,
            password_fd,
        } => {
            // Before anybody types a password for nothing.
            check_account_name(name)?;
            let keyring = Keyring::system()?;
            let password = password_of(user, password_env.as_deref(), *password_fd)?;
            let credentials = Credentials::new(user, password).map_err(|error| CliError::usage(error.to_string()))?;
            keyring.save(name, &credentials)?;
            let name = name.trim();
            context
                .out
                .line(format!("{name} is remembered in the keyring: --account {name}"));
        }
        AccountsAction::List { json } => list(context, *json)?,
        AccountsAction::Remove { name } => {
            Keyring::system()?.forget(name)?;
            context.out.line(format!("{} is forgotten", name.trim()));
        }
    }
    Ok(Exit::Done)
}

fn list(context: &mut Context, json: bool) -> Result<(), CliError> {
    let accounts = Keyring::system()?.accounts()?;
    if json {
        for account in &accounts {
            context
                .out
                .json(&json!({ "name": account.name, "account": account.account }));
        }
        context.out.json(&json!({ "total": accounts.len() }));
        return Ok(());
    }
    let mut table = Table::new(["name", "account"]);
    for account in &accounts {
        let shown = account.account.as_deref().unwrap_or("(not written by MAKeeper)");
        table.row([account.name.as_str(), shown]);
    }
    if !table.is_empty() {
        table.print(&mut context.out);
    }
    context
        .out
        .line(format!("{} in the keyring", counted(accounts.len(), "account")));
    Ok(())
}
