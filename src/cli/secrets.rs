//! Secrets come in by prompt, environment, descriptor, file or standard input; never as arguments.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use chrono::Local;
use zeroize::Zeroizing;

use super::args::{Passphrase, SignIn};
use super::exit::CliError;
use super::output::tell;
use crate::model::{ProductKey, Secret};
use crate::workspace::{
    ClientCertificate, Credentials, Keyring, SignInQuestion, TicketCacheError, decode_text, user_tickets,
};

/// Far more than any list of keys or computers; a guard against a descriptor that never ends.
const TEXT_LIMIT: u64 = 64 << 20;

/// Who signs in. Asks for what is missing when somebody sits at the terminal.
pub(super) fn credentials(sign_in: &SignIn) -> Result<Credentials, CliError> {
    if let Some(certificate) = &sign_in.client_cert {
        let key = sign_in.client_key.as_ref().unwrap_or(certificate);
        return ClientCertificate::read(certificate, key)
            .map(Credentials::from_certificate)
            .map_err(|error| CliError::usage(error.to_string()));
    }
    if let Some(name) = &sign_in.account {
        return Ok(Keyring::system()?.read(name)?);
    }
    let user = match &sign_in.user {
        Some(user) => user.clone(),
        None => match whoever_is_logged_on(sign_in) {
            Ok(credentials) => return Ok(credentials),
            Err(_) if io::stdin().is_terminal() => prompt_user()?,
            Err(why) => {
                return Err(CliError::usage(format!(
                    "no account to sign in with: give --user DOMAIN\\name and --password-env VAR or --password-fd N, or \
                     --account NAME of the keyring{why}"
                )));
            }
        },
    };
    let password = password_of(&user, sign_in.password_env.as_deref(), sign_in.password_fd)?;
    Credentials::new(&user, password).map_err(|error| CliError::usage(error.to_string()))
}

/// Nobody has to type what the system knows: on Windows who is logged on, elsewhere whose Kerberos tickets there are. `Err`
/// continues a sentence.
fn whoever_is_logged_on(sign_in: &SignIn) -> Result<Credentials, String> {
    if sign_in.password_env.is_some() || sign_in.password_fd.is_some() {
        return Err(String::new());
    }
    if cfg!(windows) {
        return Ok(Credentials::logged_on_user());
    }
    match user_tickets() {
        Ok(holder) => {
            tell(format!(
                "Signing in with the Kerberos tickets of {}, good until {}",
                holder.principal,
                holder.ends.with_timezone(&Local).format("%Y-%m-%d %H:%M")
            ));
            Ok(Credentials::logged_on_user())
        }
        // Most people have none and want none.
        Err(TicketCacheError::Missing(_)) => Err(String::new()),
        Err(error) => {
            if io::stdin().is_terminal() {
                tell(format!("Note: {error}"));
            }
            Err(format!(". {error}"))
        }
    }
}

/// True if somebody can be asked.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for other credentials in the middle of a run; `None`: nobody wants to give any.
pub(super) fn other_credentials(question: &SignInQuestion) -> Result<Option<Credentials>, CliError> {
    let group = match &question.pattern {
        Some(pattern) => format!(", the account for {pattern},"),
        None => String::new(),
    };
    tell(format!(
        "{}{group} is refused by {}; more tries could lock the account. The run waits.",
        question.account,
        question.refused_by.join(", ")
    ));
    let user = prompt("Another account, or the same with another password (Enter gives up): ")?;
    if user.is_empty() {
        return Ok(None);
    }
    let password = ask(&format!("Password for {user}: "), "cannot ask for the password")?;
    Credentials::new(&user, password)
        .map(Some)
        .map_err(|error| CliError::usage(error.to_string()))
}

fn prompt_user() -> Result<String, CliError> {
    prompt("Account (DOMAIN\\name): ")
}

fn prompt(text: &str) -> Result<String, CliError> {
    let read = || -> io::Result<String> {
        use io::Write as _;
        write!(io::stderr(), "{text}")?;
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    };
    read().map_err(|source| CliError::System {
        what: "cannot ask for the account",
        source,
    })
}

/// The password of an account of a file: from the environment where a variable is named, else by a prompt.
pub(super) fn password_for(account: &str, variable: Option<&str>) -> Result<Secret, CliError> {
    if let Some(password) = given("env:", variable, None)? {
        return Ok(password);
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "no password for {account}: name a variable behind it (env:VAR) or keep it in the keyring (keyring:NAME), because \
             nobody can be asked here"
        )));
    }
    ask(&format!("Password for {account}: "), "cannot ask for the password")
}

/// The password of an account: from the environment or a descriptor where one is named, else by a prompt.
pub(super) fn password_of(user: &str, variable: Option<&str>, fd: Option<u32>) -> Result<Secret, CliError> {
    if let Some(password) = given("--password-env", variable, fd)? {
        return Ok(password);
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "no password for {user}: give --password-env VAR or --password-fd N (nobody can be asked here)"
        )));
    }
    ask(&format!("Password for {user}: "), "cannot ask for the password")
}

/// The passphrase of the sealed product keys of `list`.
pub(super) fn passphrase(args: &Passphrase, list: &Path) -> Result<Secret, CliError> {
    if let Some(passphrase) = given_passphrase(args)? {
        return Ok(passphrase);
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "the product keys of {} are sealed: give --passphrase-env VAR or --passphrase-fd N (nobody can be asked here)",
            list.display()
        )));
    }
    ask(
        &format!("Passphrase of the product keys of {}: ", list.display()),
        "cannot ask for the passphrase",
    )
}

/// The passphrase of a list that is taken in. `None`: nobody is there to be asked, or whoever is does without those keys.
pub(super) fn passphrase_of_other(file: &Path) -> Result<Option<Secret>, CliError> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let prompt = format!(
        "Passphrase of the product keys of {} (nothing: take in everything but those keys): ",
        file.display()
    );
    let passphrase = ask(&prompt, "cannot ask for the passphrase")?;
    Ok((!passphrase.expose().is_empty()).then_some(passphrase))
}

/// A passphrase to seal with; asked for twice where it is typed.
pub(super) fn new_passphrase(args: &Passphrase, list: &Path) -> Result<Secret, CliError> {
    if let Some(passphrase) = given_passphrase(args)? {
        return Ok(passphrase);
    }
    let first = passphrase(args, list)?;
    let second = ask("The same again: ", "cannot ask for the passphrase")?;
    if first != second {
        return Err(CliError::usage("the two passphrases differ: nothing was sealed"));
    }
    Ok(first)
}

/// The passphrase, if one was given without asking.
pub(super) fn given_passphrase(args: &Passphrase) -> Result<Option<Secret>, CliError> {
    given("--passphrase-env", args.passphrase_env.as_deref(), args.passphrase_fd)
}

/// A secret from the environment or a descriptor, if one of them was named. `env_name` is the option for the former.
fn given(env_name: &str, variable: Option<&str>, fd: Option<u32>) -> Result<Option<Secret>, CliError> {
    if let Some(variable) = variable {
        return match std::env::var(variable) {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(std::env::VarError::NotPresent) => Err(CliError::usage(format!(
                "{env_name}: the environment has no variable {variable}"
            ))),
            Err(std::env::VarError::NotUnicode(_)) => Err(CliError::usage(format!(
                "{env_name}: the variable {variable} is not valid Unicode"
            ))),
        };
    }
    let Some(fd) = fd else { return Ok(None) };
    let text = read_descriptor(fd)?;
    Ok(Some(Secret::new(text.lines().next().unwrap_or_default())))
}

fn ask(prompt: &str, what: &'static str) -> Result<Secret, CliError> {
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .map_err(|source| CliError::System { what, source })
}

/// The text behind an open descriptor.
pub(super) fn read_descriptor(fd: u32) -> Result<Zeroizing<String>, CliError> {
    if fd == 0 {
        return read_standard_input();
    }
    if cfg!(windows) {
        return Err(CliError::usage(
            "Windows has no descriptors to hand over: give the secret in a variable of the environment or on standard input",
        ));
    }
    // Linux and macOS name open descriptors in the file system.
    read_file(Path::new(&format!("/dev/fd/{fd}")))
}

/// The text of standard input.
pub(super) fn read_standard_input() -> Result<Zeroizing<String>, CliError> {
    read_all(io::stdin().lock(), Path::new("standard input"))
}

/// The text of a file, in the encodings that Windows programs write.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let file = File::open(path).map_err(|source| CliError::Read {
        path: path.to_owned(),
        source,
    })?;
    read_all(file, path)
}

fn read_all(from: impl Read, path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let failed = |source| CliError::Read {
        path: path.to_owned(),
        source,
    };
    from.take(TEXT_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > TEXT_LIMIT {
        return Err(CliError::usage(format!("{} is larger than 64 MiB", path.display())));
    }
    decode_text(&bytes).map(Zeroizing::new).map_err(|line| {
        CliError::usage(format!(
            "{}: line {line} is neither UTF-8 nor UTF-16 text",
            path.display()
        ))
    })
}

/// True if an argument contains a whole product key: it would be seen by everybody who lists processes.
pub(super) fn contains_product_key(argument: &str) -> bool {
    argument
        .split(['=', ',', ';', ' '])
        .any(|part| part.matches('-').count() >= 4 && ProductKey::parse(part).is_ok() || is_bare_key(part))
}

fn is_bare_key(part: &str) -> bool {
    part.len() == 25 && part.bytes().all(|b| b.is_ascii_alphanumeric()) && ProductKey::parse(part).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_key_among_the_arguments_is_noticed_in_every_form() {
        for text in [
            "NPPR9-FWDCX-D2C8J-H872K-2YT43",
            "--key=nppr9-fwdcx-d2c8j-h872k-2yt43",
            "NPPR9FWDCXD2C8JH872K2YT43",
        ] {
            assert!(contains_product_key(text), "{text}");
        }
        for text in ["2YT43", "LAB-PC-001", "list.cilx", "10.0.0.1-50"] {
            assert!(!contains_product_key(text), "{text}");
        }
    }
}
