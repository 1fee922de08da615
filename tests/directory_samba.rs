//! Finding computers in a Samba Active Directory, which shares nothing with MAKeeper.
//!
//! `tests/directory.sh` puts one up and runs this inside its network; without `MAKEEPER_DIRECTORY`, the folder of its state,
//! these tests say so and pass. What is there is told by `ldbsearch`, which reads the directory's files.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why it was skipped"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use makeeper::discovery::directory::{
    ComputerQuery, Directory, DirectoryError, DirectoryErrorClass, DirectoryNode, DirectoryPlace, NodeKind, Refusal,
    Transport, domain_controllers, home_domain,
};
use makeeper::discovery::{FINDINGS_AHEAD, Finding, FoundComputer, Resolver};
use makeeper::model::{NetworkKind, Secret};
use makeeper::wmi::{ConnectOptions, Credentials, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const DOMAIN: &str = "lab.example.test";
const BASE: &str = "DC=lab,DC=example,DC=test";
const ACCOUNT: &str = "LAB\\vamt";
const PASSWORD: &str = "Passw0rd!Vamt";

/// Whether a refusal is the one that is meant.
type IsExpected = fn(&Refusal) -> bool;

/// The state of the directory, inside the network of `tests/directory.sh`.
fn state() -> Option<PathBuf> {
    let state = std::env::var_os("MAKEEPER_DIRECTORY").map(PathBuf::from);
    if state.is_none() {
        eprintln!("SKIPPED: no Active Directory here; tests/directory.sh puts one up");
    }
    state
}

/// Distinguished names that a filter finds, told by Samba's own tool.
fn independent(state: &Path, filter: &str) -> BTreeSet<String> {
    let out = Command::new("ldbsearch")
        .arg("-H")
        .arg(state.join("private/sam.ldb"))
        .args(["-b", BASE, "--show-binary", filter, "dn"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("dn: ").map(str::to_owned))
        .collect()
}

fn options(state: &Path) -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_secs(30),
        trust: Trust::with_authorities(vec![state.join("private/tls/labca.pem")]),
        ..ConnectOptions::default()
    }
}

fn place(transport: Transport) -> DirectoryPlace {
    DirectoryPlace {
        domain: DOMAIN.into(),
        transport,
        ..DirectoryPlace::default()
    }
}

fn at(server: &str, transport: Transport) -> DirectoryPlace {
    DirectoryPlace {
        server: server.into(),
        ..place(transport)
    }
}

fn directory(state: &Path, place: DirectoryPlace) -> Directory {
    of_account(state, place, ACCOUNT, PASSWORD)
}

fn of_account(state: &Path, place: DirectoryPlace, account: &str, password: &str) -> Directory {
    let credentials = Credentials::new(account, Secret::new(password)).unwrap();
    Directory::new(place, credentials, options(state))
}

/// What a search finds, its notes, and how it ends.
async fn search(
    directory: &Directory,
    query: &ComputerQuery,
) -> (Vec<FoundComputer>, Vec<String>, Result<usize, DirectoryError>) {
    let (found, mut findings) = mpsc::channel(FINDINGS_AHEAD);
    let cancel = CancellationToken::new();
    let taking = async {
        let (mut computers, mut notes) = (Vec::new(), Vec::new());
        while let Some(finding) = findings.recv().await {
            match finding {
                Finding::Computer(computer) => computers.push(*computer),
                Finding::Note(note) => notes.push(note),
                Finding::Progress { .. } => {}
            }
        }
        (computers, notes)
    };
    let searching = async {
        let ended = directory.search(query, &found, &cancel).await;
        drop(found);
        ended
    };
    let ((computers, notes), ended) = tokio::join!(taking, searching);
    (computers, notes, ended.map(|summary| summary.computers))
}

async fn refused(directory: &Directory) -> DirectoryError {
    let (computers, _, ended) = search(directory, &ComputerQuery::default()).await;
    assert!(computers.is_empty());
    ended.unwrap_err()
}

fn everything() -> ComputerQuery {
    ComputerQuery {
        include_disabled: true,
        include_non_windows: true,
        ..ComputerQuery::default()
    }
}

fn names(computers: &[FoundComputer]) -> BTreeSet<String> {
    computers.iter().map(|c| c.place.clone()).collect()
}

#[tokio::test]
async fn every_protection_finds_every_computer_of_the_domain() {
    let Some(state) = state() else { return };
    let expected = independent(&state, "(&(objectClass=computer)(objectCategory=computer))");
    assert!(expected.len() >= 5000, "{}", expected.len());
    for place in [
        place(Transport::Automatic),
        place(Transport::Sealed),
        place(Transport::Ldaps),
        place(Transport::StartTls),
        at("10.99.0.1", Transport::Sealed),
    ] {
        let began = Instant::now();
        let directory = directory(&state, place.clone());
        let (computers, notes, ended) = search(&directory, &everything()).await;
        assert_eq!(ended, Ok(computers.len()), "{place:?}");
        eprintln!("{place:?}: {} in {:?} {notes:?}", computers.len(), began.elapsed());
        assert_eq!(computers.len(), expected.len(), "{place:?}");
        assert_eq!(names(&computers), expected, "{place:?}");
        assert!(notes.is_empty(), "{notes:?}");
    }
}

#[tokio::test]
async fn a_computer_is_told_with_all_that_the_directory_knows() {
    let Some(state) = state() else { return };
    let (computers, ..) = search(&directory(&state, place(Transport::Automatic)), &everything()).await;
    let of = |name: &str| computers.iter().find(|c| c.name.eq_ignore_ascii_case(name)).unwrap();
    let one = of("pc001.lab.example.test");
    assert_eq!(one.os_edition, "Windows 10 Pro");
    assert_eq!(one.os_version, "10.0.19045");
    assert_eq!(
        (one.network.kind, one.network.name.as_str()),
        (NetworkKind::Domain, DOMAIN)
    );
    assert!(!one.is_disabled && one.directory_id.is_some() && one.last_logon.is_some());
    assert!(of("pc010.lab.example.test").is_disabled);
    assert_eq!(
        of("PC017").place,
        format!("CN=PC017,OU=Workstations,{BASE}").replace("OU=Workstations", "OU=Berlin,OU=Workstations")
    );
    let other = of("umlaut-pc.lab.example.test");
    assert_eq!(other.place, format!("CN=\u{dc}MLAUT-PC,OU=Workstations,{BASE}"));
    assert!(computers.iter().any(|c| c.place.starts_with("CN=\u{7530}\u{4e2d}-PC,")));
}

#[tokio::test]
async fn a_query_narrows_what_is_found_as_the_directory_itself_would() {
    let Some(state) = state() else { return };
    let directory = directory(&state, place(Transport::Automatic));
    let in_use = "(!(userAccountControl:1.2.840.113556.1.4.803:=2))";
    let queries = [
        (
            ComputerQuery::default(),
            format!("(&(objectCategory=computer){in_use}(operatingSystem=Windows*))"),
        ),
        (
            ComputerQuery {
                name: "pc00*".into(),
                ..everything()
            },
            "(&(objectCategory=computer)(name=PC00*))".to_owned(),
        ),
        (
            ComputerQuery {
                name: "\u{fc}mlaut*, \u{7530}*".into(),
                ..everything()
            },
            "(&(objectCategory=computer)(|(name=\u{dc}MLAUT-PC)(name=\u{7530}\u{4e2d}-PC)))".to_owned(),
        ),
        (
            ComputerQuery {
                filter: "(|(description=*machine 7)(description=lab machine 8))".into(),
                ..everything()
            },
            "(&(objectCategory=computer)(|(description=lab machine 7)(description=lab machine 8)))".to_owned(),
        ),
        (
            ComputerQuery {
                base: format!("OU=Berlin,OU=Workstations,{BASE}"),
                name: "pc0*".into(),
                ..everything()
            },
            // Told by the distinguished name below.
            "(&(objectCategory=computer)(name=PC0*))".to_owned(),
        ),
    ];
    for (query, independent_filter) in queries {
        let (computers, _, ended) = search(&directory, &query).await;
        assert_eq!(ended, Ok(computers.len()));
        let mut expected = independent(&state, &independent_filter);
        expected.retain(|dn| dn.ends_with(&query.base));
        assert!(!expected.is_empty(), "{independent_filter}");
        assert_eq!(names(&computers), expected, "{query:?}");
    }
    let fresh = ComputerQuery {
        stale_days: Some(90),
        name: "pc0*".into(),
        ..everything()
    };
    let (fresh, ..) = search(&directory, &fresh).await;
    let all = ComputerQuery {
        name: "pc0*".into(),
        ..everything()
    };
    let (all, ..) = search(&directory, &all).await;
    let limit = chrono::Utc::now() - chrono::TimeDelta::days(90);
    let expected: Vec<FoundComputer> = all
        .into_iter()
        .filter(|c| c.last_logon.is_some_and(|at| at >= limit))
        .collect();
    assert!(!expected.is_empty() && expected.len() < 50);
    assert_eq!(names(&fresh), names(&expected));
}

#[tokio::test]
async fn service_accounts_are_no_computers() {
    let Some(state) = state() else { return };
    let accounts = independent(&state, "(objectClass=msDS-GroupManagedServiceAccount)");
    assert_eq!(accounts.len(), 1);
    let (computers, ..) = search(&directory(&state, place(Transport::Automatic)), &everything()).await;
    assert!(names(&computers).is_disjoint(&accounts));
}

#[tokio::test]
async fn the_global_catalog_is_asked_in_every_protection() {
    let Some(state) = state() else { return };
    let expected = independent(&state, "(&(objectCategory=computer)(name=PC00*))");
    for transport in [
        Transport::Automatic,
        Transport::Sealed,
        Transport::Ldaps,
        Transport::StartTls,
    ] {
        let place = DirectoryPlace {
            global_catalog: true,
            ..place(transport)
        };
        let query = ComputerQuery {
            name: "pc00*".into(),
            ..everything()
        };
        let (computers, notes, ended) = search(&directory(&state, place), &query).await;
        assert_eq!((ended, notes), (Ok(9), Vec::new()), "{transport:?}");
        assert_eq!(names(&computers), expected, "{transport:?}");
    }
}

#[tokio::test]
async fn the_tree_is_browsed_one_level_at_a_time() {
    let Some(state) = state() else { return };
    let directory = directory(&state, place(Transport::Automatic));
    let cancel = CancellationToken::new();
    let roots = directory.roots(&cancel).await.unwrap();
    assert_eq!(
        roots,
        [DirectoryNode {
            dn: BASE.into(),
            name: DOMAIN.into(),
            kind: NodeKind::Domain
        }]
    );
    let children = directory.children(BASE, &cancel).await.unwrap();
    let names: Vec<&str> = children.iter().map(|n| n.name.as_str()).collect();
    for name in ["Computers", "Workstations", "Servers", "Domain Controllers", "Many"] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    assert!(
        !names.contains(&"System") && !names.contains(&"DomainDnsZones"),
        "{names:?}"
    );
    let workstations = children.iter().find(|n| n.name == "Workstations").unwrap();
    assert_eq!(workstations.kind, NodeKind::OrganizationalUnit);
    let below = directory.children(&workstations.dn, &cancel).await.unwrap();
    assert_eq!(below.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["Berlin"]);
    let many = directory.children(&format!("OU=Many,{BASE}"), &cancel).await.unwrap();
    assert_eq!(many.len(), 1500);
    let error = directory
        .children(&format!("OU=Nowhere,{BASE}"), &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, DirectoryError::NoBase { .. }), "{error}");
}

#[tokio::test]
async fn the_domain_and_its_servers_are_found_by_this_machine() {
    if state().is_none() {
        return;
    }
    let resolver = Resolver::system();
    assert_eq!(home_domain(&resolver).as_deref(), Some(DOMAIN));
    let patience = Duration::from_secs(5);
    let found = domain_controllers(&resolver, DOMAIN, patience).await.unwrap();
    assert_eq!(
        found.iter().map(|c| c.host.as_str()).collect::<Vec<_>>(),
        ["dc1.lab.example.test"]
    );
    let error = domain_controllers(&resolver, "nowhere.example.test", patience)
        .await
        .unwrap_err();
    assert_eq!(error.class(), DirectoryErrorClass::Name);
    assert!(error.to_string().contains("nowhere.example.test"), "{error}");
}

#[tokio::test]
async fn an_account_that_is_refused_is_told_why() {
    let Some(state) = state() else { return };
    // The account, its password, what the code of LDAP says, and a word that Kerberos must say, too.
    let refusals: [(&str, &str, IsExpected, &str); 7] = [
        (ACCOUNT, "wrong", |r| *r == Refusal::WrongPassword, "wrong"),
        (
            "LAB\\nobody",
            "wrong",
            |r| matches!(r, Refusal::WrongPassword | Refusal::UnknownUser),
            "no such account",
        ),
        (
            "LAB\\disabled",
            "Passw0rd!Off",
            |r| *r == Refusal::Disabled,
            "account is disabled",
        ),
        (
            "LAB\\expired",
            "Passw0rd!Exp",
            |r| *r == Refusal::AccountExpired,
            "expired",
        ),
        (
            "LAB\\oldpassword",
            "Passw0rd!Old",
            |r| *r == Refusal::PasswordExpired,
            "password has expired",
        ),
        (
            "LAB\\mustchange",
            "Passw0rd!New",
            |r| *r == Refusal::MustChangePassword,
            "must be changed",
        ),
        ("LAB\\locked", "Passw0rd!Loc", |r| *r == Refusal::LockedOut, "locked"),
    ];
    for (account, password, is_expected, word) in &refusals {
        for transport in [Transport::Ldaps, Transport::StartTls] {
            let error = refused(&of_account(&state, place(transport), account, password)).await;
            let DirectoryError::Credentials { refusal, .. } = &error else {
                panic!("{account}: {error}");
            };
            assert!(is_expected(refusal), "{account} {transport:?}: {error}");
        }
        // Kerberos and NTLM have words of their own for it.
        for place in [place(Transport::Automatic), at("10.99.0.1", Transport::Sealed)] {
            let error = refused(&of_account(&state, place, account, password)).await;
            eprintln!("{account}: {error}");
            assert_eq!(error.class(), DirectoryErrorClass::Credentials, "{account}: {error}");
            assert!(error.to_string().contains(word), "{account}: {error}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_the_password_stays_here() {
    let Some(state) = state() else { return };
    for transport in [Transport::Ldaps, Transport::StartTls] {
        let credentials = Credentials::new(ACCOUNT, Secret::new(PASSWORD)).unwrap();
        let options = ConnectOptions {
            trust: Trust::default(),
            ..options(&state)
        };
        let error = refused(&Directory::new(place(transport), credentials, options)).await;
        assert_eq!(error.class(), DirectoryErrorClass::Trust, "{error}");
        assert!(error.to_string().contains("--ca"), "{error}");
    }
}

#[tokio::test]
async fn what_crosses_a_sealed_connection_cannot_be_read_on_the_way() {
    let Some(state) = state() else { return };
    // Under the server's name, so that there is a ticket; without, there is NTLM.
    for (port, server, mechanism) in [
        (3890, "dc1.lab.example.test:3890", &b"GSSAPI"[..]),
        (3891, "10.99.0.1:3891", b"GSS-SPNEGO"),
    ] {
        let listener = TcpListener::bind(("10.99.0.1", port)).await.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorder = seen.clone();
        let proxy = tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect("10.99.0.1:389").await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let back = recorder.clone();
            let answers = async move {
                let mut buffer = vec![0; 65536];
                while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                    back.lock().unwrap().extend_from_slice(&buffer[..read]);
                    if to_client.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            };
            let requests = async move {
                let mut buffer = vec![0; 65536];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    recorder.lock().unwrap().extend_from_slice(&buffer[..read]);
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(answers, requests);
        });
        let query = ComputerQuery {
            name: "pc00*".into(),
            ..everything()
        };
        let (computers, _, ended) = search(&directory(&state, at(server, Transport::Sealed)), &query).await;
        assert_eq!((ended, computers.len()), (Ok(9), 9), "{server}");
        proxy.abort();
        let seen = seen.lock().unwrap().clone();
        let has = |text: &[u8]| seen.windows(text.len()).any(|window| window == text);
        assert!(has(mechanism), "{server}");
        for secret in [
            &b"objectCategory"[..],
            b"PC001",
            b"dNSHostName",
            PASSWORD.as_bytes(),
            b"LAB,DC",
        ] {
            assert!(!has(secret), "{server}: {}", String::from_utf8_lossy(secret));
        }
    }
}

#[tokio::test]
async fn computers_come_while_the_search_is_under_way_and_cancel_ends_it() {
    let Some(state) = state() else { return };
    let directory = directory(&state, place(Transport::Automatic));
    let (found, mut findings) = mpsc::channel(FINDINGS_AHEAD);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let query = everything();
    let searching = tokio::spawn(async move { directory.search(&query, &found, &stop).await });
    let mut computers = 0;
    while computers < 100 {
        if let Finding::Computer(_) = findings.recv().await.unwrap() {
            computers += 1;
        }
    }
    assert!(!searching.is_finished());
    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(1), searching)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended, Err(DirectoryError::Cancelled));
}

#[tokio::test]
async fn a_server_without_ldaps_is_asked_with_ntlm_and_that_is_told() {
    let Some(state) = state() else { return };
    // An address has no ticket, and this port leads to the server but knows no TLS.
    let listener = TcpListener::bind("10.99.0.1:3892").await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut first = [0];
            let _ = client.peek(&mut first).await;
            if first != [0x30] {
                continue;
            }
            let mut server = TcpStream::connect("10.99.0.1:389").await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let query = ComputerQuery {
        name: "pc00*".into(),
        ..everything()
    };
    let directory = directory(&state, at("10.99.0.1:3892", Transport::Automatic));
    let (_, notes, ended) = search(&directory, &query).await;
    assert_eq!(ended, Ok(9));
    assert!(notes.len() == 1 && notes[0].contains("NTLM"), "{notes:?}");
}
