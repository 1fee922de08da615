//! Accounts in the keyring of the system, as the command line uses them.
//!
//! `tests/keyring.sh` runs this with a real Secret Service (gnome-keyring), unlocked and then locked. Without `MAKEEPER_KEYRING`
//! the tests that need one say so and pass.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it was skipped"
)]

mod cli_support;

use std::process::{Command, Output};

use cli_support::{Desk, code, command, err, out};

const PASSWORD: &str = "open sesame, Öffne dich";

fn keyring_is(state: &str) -> bool {
    let is_so = std::env::var("MAKEEPER_KEYRING").is_ok_and(|is| is == state);
    if !is_so {
        eprintln!("SKIPPED: no {state} keyring here; tests/keyring.sh brings one");
    }
    is_so
}

/// The program, with a password in its environment.
fn makeeper(desk: &Desk, arguments: &str, password: &str) -> Output {
    let mut program = command(desk.folder.path());
    program.args(cli_support::words(arguments)).env("PW", password);
    program.output().unwrap()
}

fn everything(output: &Output) -> String {
    out(output) + &err(output)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_saved_used_by_name_and_forgotten() {
    if !keyring_is("unlocked") {
        return;
    }
    let desk = Desk::new().await;
    desk.discover("127.77.2.1-2");
    let admin = makeeper::lab::Account::admin().password;
    let admin = admin.as_str();

    let saved = makeeper(
        &desk,
        r"accounts save 'the lab' --user LAB\admin --password-env PW",
        admin,
    );
    assert_eq!(code(&saved), 0, "{}", err(&saved));
    assert!(!everything(&saved).contains(admin));
    makeeper(
        &desk,
        r"accounts save other --user OTHER\somebody --password-env PW",
        PASSWORD,
    );
    let listed = makeeper(&desk, "accounts list", "");
    for text in [
        "the lab",
        r"LAB\admin",
        "other",
        r"OTHER\somebody",
        "2 accounts in the keyring",
    ] {
        assert!(out(&listed).contains(text), "{}", out(&listed));
    }
    assert!(!out(&listed).contains(PASSWORD) && !out(&listed).contains(admin));

    // Another program sees what is kept, under a title for people.
    let seen = Command::new("secret-tool")
        .args(["search", "--all", "service", "makeeper"])
        .output()
        .unwrap();
    let seen = everything(&seen);
    assert!(
        seen.contains("label = MAKeeper: the lab") && seen.contains(PASSWORD),
        "{seen}"
    );

    let updated = makeeper(&desk, "update l.cilx --account 'the lab'", "");
    assert_eq!(code(&updated), 0, "{}", everything(&updated));
    std::fs::write(
        desk.path("accounts.txt"),
        "LAB-*  keyring:the lab\n*  OTHER\\somebody  keyring:other\n",
    )
    .unwrap();
    let updated = makeeper(&desk, "update l.cilx --accounts accounts.txt", "");
    assert_eq!(code(&updated), 0, "{}", everything(&updated));
    // Nothing of it is in the list or beside it.
    for file in std::fs::read_dir(desk.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(admin) && !text.contains(PASSWORD));
    }

    // A line that means somebody else is refused: the password would be tried for the wrong account.
    std::fs::write(desk.path("wrong.txt"), "*  LAB\\admin  keyring:other\n").unwrap();
    let wrong = makeeper(&desk, "update l.cilx --accounts wrong.txt", "");
    assert_eq!(code(&wrong), 2);
    assert!(
        err(&wrong).contains(r"is LAB\admin, and the keyring has OTHER\somebody"),
        "{}",
        err(&wrong)
    );

    let removed = makeeper(&desk, "accounts remove 'the lab'", "");
    assert_eq!(code(&removed), 0, "{}", err(&removed));
    let gone = makeeper(&desk, "update l.cilx --account 'the lab'", "");
    assert_eq!(code(&gone), 2);
    assert!(
        err(&gone).contains("no account called the lab; it has other"),
        "{}",
        err(&gone)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_says_what_to_do() {
    if !keyring_is("locked") {
        return;
    }
    let desk = Desk::new().await;
    desk.discover("127.77.2.1");
    for arguments in [
        "update l.cilx --account other",
        "accounts list",
        r"accounts save new --user LAB\admin --password-env PW",
        "accounts remove other",
    ] {
        let refused = makeeper(&desk, arguments, PASSWORD);
        assert_eq!(code(&refused), 2, "{arguments}: {}", everything(&refused));
        assert!(
            err(&refused).contains("the keyring is locked"),
            "{arguments}: {}",
            err(&refused)
        );
        assert!(err(&refused).contains("unlock it"), "{}", err(&refused));
        assert!(!everything(&refused).contains(PASSWORD));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_keyring_the_other_ways_to_a_password_are_named() {
    let desk = Desk::new().await;
    for arguments in [
        "accounts list",
        "accounts remove x",
        r"accounts save x --user LAB\admin --password-env PW",
    ] {
        let mut program = command(desk.folder.path());
        program.args(cli_support::words(arguments)).env("PW", PASSWORD);
        program
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
            .env("XDG_RUNTIME_DIR", "/nowhere");
        let refused = program.output().unwrap();
        assert_eq!(code(&refused), 2, "{}", everything(&refused));
        let said = err(&refused);
        assert!(
            said.contains("there is no keyring here") && said.contains("--password-env"),
            "{said}"
        );
        assert!(!everything(&refused).contains(PASSWORD));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_cannot_be_is_refused_before_anything_else_and_a_password_is_never_an_argument() {
    let desk = Desk::new().await;
    let refused = makeeper(
        &desk,
        r"accounts save '  ' --user LAB\admin --password-env PW",
        PASSWORD,
    );
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("is no name for an account"), "{}", err(&refused));
    let refused = makeeper(&desk, r"accounts save x --user LAB\admin --password secret", "");
    assert_eq!(code(&refused), 2);
    assert!(
        err(&refused).contains("passwords are never arguments"),
        "{}",
        err(&refused)
    );
    let both = makeeper(&desk, r"update l.cilx --account x --user LAB\admin", "");
    assert_eq!(code(&both), 2);
    assert!(err(&both).contains("cannot be used with"), "{}", err(&both));
}
