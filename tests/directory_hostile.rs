//! Directories that break off, lead in circles, send garbage, or refuse: each ends with an error that says what it was, and
//! what had arrived stays found.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod directory_support;

use directory_support::{
    Asked, Authority, BASE, PASSWORD, Reply, Server, computer, directory, element, message, name_server, octets,
    options, outcome, page, reference, referral, search, search_for, willing,
};
use makeeper::discovery::Resolver;
use makeeper::discovery::directory::{
    ComputerQuery, Directory, DirectoryError, DirectoryErrorClass, DirectoryPlace, Refusal, Transport,
};
use makeeper::model::Secret;
use makeeper::wmi::Credentials;
use rcgen::date_time_ymd;
use std::sync::atomic::Ordering;

/// A directory that signs in and answers searches as told.
async fn willing_server(authority: &Authority, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
    let acceptor = authority.acceptor("localhost", |_| ());
    Server::start(Some(acceptor), move |asked| willing(asked, &answer)).await
}

#[tokio::test]
async fn a_connection_that_is_dropped_in_the_middle_of_a_page_keeps_what_had_arrived() {
    let authority = Authority::new();
    let server = willing_server(&authority, |asked| {
        if asked.searches == 0 {
            let mut reply = Reply::of(&[(asked.id, computer("PC1")), (asked.id, computer("PC2"))]);
            let end = element(0x65, &[&[10, 1, 0][..], &octets(""), &octets("")].concat());
            reply.bytes.extend(message(asked.id, &[end, page("next")].concat()));
            return reply;
        }
        let mut reply = Reply::of(&[(asked.id, computer("PC3"))]);
        // Half of another.
        reply.bytes.extend(&message(asked.id, &computer("PC4"))[..20]);
        reply.then_close()
    })
    .await;
    let (computers, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
    let error = ended.unwrap_err();
    assert_eq!(error.class(), DirectoryErrorClass::Network, "{error}");
    assert!(error.to_string().contains("3 computers"), "{error}");
    assert_eq!(
        computers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["PC1", "PC2", "PC3"]
    );
}

#[tokio::test]
async fn references_in_a_circle_end_and_are_told() {
    let authority = Authority::new();
    let second = willing_server(&authority, |asked| {
        // Back to itself, under the name it was asked for and under another.
        let url = format!("ldap://localhost:{}/{}", 1, "DC=deep,DC=lab,DC=test");
        Reply::of(&[
            (asked.id, computer("PC2")),
            (asked.id, reference(&url)),
            (asked.id, outcome(0x65, 0, "")),
        ])
    })
    .await;
    let port = second.port;
    let first = willing_server(&authority, move |asked| {
        let url = format!("ldap://localhost:{port}/DC=child,{BASE}");
        Reply::of(&[
            (asked.id, computer("PC1")),
            (asked.id, reference(&url)),
            (asked.id, reference(&url)),
            (
                asked.id,
                reference("ldap://localhost:9/CN=Configuration,DC=lab,DC=test"),
            ),
            (asked.id, outcome(0x65, 0, "")),
        ])
    })
    .await;
    let (computers, notes, ended) = search(&directory(&authority, &first.address(), Transport::Ldaps)).await;
    assert_eq!(ended, Ok(2));
    assert_eq!(
        computers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["PC1", "PC2"]
    );
    // Port 1 refuses.
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("DC=deep") && notes[0].contains("refuses"),
        "{notes:?}"
    );

    // A server that refers to itself for ever, each time to another place.
    let port = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
    let itself = port.clone();
    let deep = willing_server(&authority, move |asked| {
        let url = format!(
            "ldap://localhost:{}/DC=x{},{}",
            itself.load(Ordering::SeqCst),
            asked.searches,
            asked.base
        );
        Reply::of(&[(asked.id, reference(&url)), (asked.id, outcome(0x65, 0, ""))])
    })
    .await;
    port.store(deep.port, Ordering::SeqCst);
    let (_, notes, ended) = search(&directory(&authority, &deep.address(), Transport::Ldaps)).await;
    assert_eq!(ended, Ok(0));
    assert!(notes.iter().any(|note| note.contains("deep")), "{notes:?}");
    assert_eq!(deep.connections.load(Ordering::SeqCst), 4);

    // And one that refers back to the same place.
    let port = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
    let itself = port.clone();
    let circle = willing_server(&authority, move |asked| {
        let url = format!("ldap://localhost:{}/DC=child,{BASE}", itself.load(Ordering::SeqCst));
        Reply::of(&[(asked.id, referral(0x65, &url))])
    })
    .await;
    port.store(circle.port, Ordering::SeqCst);
    let (_, notes, ended) = search(&directory(&authority, &circle.address(), Transport::Ldaps)).await;
    assert_eq!(ended, Ok(0));
    assert!(notes.iter().any(|note| note.contains("circle")), "{notes:?}");
    assert_eq!(circle.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_account_is_not_shown_to_a_server_outside_of_the_forest() {
    let authority = Authority::new();
    let other = Server::start(None, |_| Reply::default()).await;
    let port = other.port;
    let first = willing_server(&authority, move |asked| {
        let url = format!("ldap://127.0.0.1:{port}/DC=child,{BASE}");
        Reply::of(&[(asked.id, reference(&url)), (asked.id, outcome(0x65, 0, ""))])
    })
    .await;
    let (_, notes, ended) = search(&directory(&authority, &first.address(), Transport::Ldaps)).await;
    assert_eq!(ended, Ok(0));
    assert!(notes[0].contains("outside of the forest"), "{notes:?}");
    assert_eq!(other.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn references_are_told_and_not_followed_where_that_is_wanted() {
    let authority = Authority::new();
    let first = willing_server(&authority, |asked| {
        let url = format!("ldap://localhost:1/DC=child,{BASE}");
        Reply::of(&[(asked.id, reference(&url)), (asked.id, outcome(0x65, 0, ""))])
    })
    .await;
    let query = ComputerQuery {
        follow_referrals: false,
        ..ComputerQuery::default()
    };
    let directory = directory(&authority, &first.address(), Transport::Ldaps);
    let (_, notes, ended) = search_for(&directory, &query).await;
    assert_eq!(ended, Ok(0));
    assert!(notes[0].contains("was not searched"), "{notes:?}");
}

#[tokio::test]
async fn garbage_ends_the_search_with_the_server_named() {
    let authority = Authority::new();
    let garbage: [&[u8]; 8] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x03, 0x02, 0x01, 0x03],
        &[0x30, 0x05, 0x02, 0x01, 0x03, 0x02, 0x00],
        // An entry that announces more than it has.
        &[0x30, 0x09, 0x02, 0x01, 0x03, 0x64, 0x04, 0x04, 0x7F, b'a', b'b'],
        // A name that is not UTF-8.
        &[0x30, 0x0A, 0x02, 0x01, 0x03, 0x64, 0x05, 0x04, 0x01, 0xFF, 0x30, 0x00],
        &[0; 64],
    ];
    for bytes in garbage {
        let server = willing_server(&authority, move |_| Reply {
            bytes: bytes.to_vec(),
            closes: false,
        })
        .await;
        let (_, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
        let error = ended.unwrap_err();
        assert_eq!(error.class(), DirectoryErrorClass::Protocol, "{bytes:02x?}: {error}");
        assert!(error.to_string().contains("localhost"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_itself_or_says_nothing_is_given_up() {
    let authority = Authority::new();
    let server = willing_server(&authority, |asked| {
        let end = element(0x65, &[&[10, 1, 0][..], &octets(""), &octets("")].concat());
        Reply {
            bytes: message(asked.id, &[end, page("again")].concat()),
            closes: false,
        }
    })
    .await;
    let (_, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
    assert_eq!(ended.unwrap_err().class(), DirectoryErrorClass::Protocol);

    // Pages without entries whose cookies change.
    let server = willing_server(&authority, |asked| {
        let end = element(0x65, &[&[10, 1, 0][..], &octets(""), &octets("")].concat());
        Reply {
            bytes: message(asked.id, &[end, page(&format!("{}", asked.searches))].concat()),
            closes: asked.searches > 60,
        }
    })
    .await;
    let (_, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
    let error = ended.unwrap_err();
    assert_eq!(error.class(), DirectoryErrorClass::Protocol, "{error}");
    assert!(error.to_string().contains("without entries"), "{error}");

    let server = willing_server(&authority, |_| Reply::default()).await;
    let (_, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
    let error = ended.unwrap_err();
    assert_eq!(error.class(), DirectoryErrorClass::Network);
    assert!(error.to_string().contains("0.5 s"), "{error}");
}

#[tokio::test]
async fn each_refusal_of_a_search_has_its_class() {
    let authority = Authority::new();
    for (code, class) in [
        (1, DirectoryErrorClass::Rights),
        (3, DirectoryErrorClass::Limit),
        (4, DirectoryErrorClass::Limit),
        (11, DirectoryErrorClass::Limit),
        (12, DirectoryErrorClass::Protocol),
        (18, DirectoryErrorClass::Filter),
        (32, DirectoryErrorClass::Filter),
        (50, DirectoryErrorClass::Rights),
        (53, DirectoryErrorClass::Protocol),
        (87, DirectoryErrorClass::Filter),
    ] {
        let server = willing_server(&authority, move |asked| {
            Reply::of(&[
                (asked.id, computer("PC1")),
                (asked.id, outcome(0x65, code, "its words")),
            ])
        })
        .await;
        let (computers, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
        let error = ended.unwrap_err();
        assert_eq!((error.class(), computers.len()), (class, 1), "{code}: {error}");
        assert!(error.to_string().contains("its words"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_account_is_told_by_the_servers_code() {
    let authority = Authority::new();
    for (code, refusal) in [
        ("525", Refusal::UnknownUser),
        ("52e", Refusal::WrongPassword),
        ("530", Refusal::LogonHours),
        ("531", Refusal::Workstation),
        ("532", Refusal::PasswordExpired),
        ("533", Refusal::Disabled),
        ("701", Refusal::AccountExpired),
        ("773", Refusal::MustChangePassword),
        ("775", Refusal::LockedOut),
    ] {
        let acceptor = authority.acceptor("localhost", |_| ());
        let server = Server::start(Some(acceptor), move |asked| {
            let words =
                format!("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}, v2580\0");
            Reply::of(&[(asked.id, outcome(0x61, 49, &words))])
        })
        .await;
        let (_, _, ended) = search(&directory(&authority, &server.address(), Transport::Ldaps)).await;
        match ended.unwrap_err() {
            DirectoryError::Credentials { refusal: told, .. } => assert_eq!(told, refusal),
            other => panic!("{code}: {other}"),
        }
    }
}

/// Of a domain whose controllers a name server of the test knows.
fn of_domain(authority: &Authority, resolver: Resolver) -> Directory {
    let place = DirectoryPlace {
        domain: "lab.test".into(),
        transport: Transport::Ldaps,
        ..DirectoryPlace::default()
    };
    let credentials = Credentials::new("admin", Secret::new(PASSWORD)).unwrap();
    Directory::new(place, credentials, options(authority)).with_resolver(resolver)
}

#[tokio::test]
async fn the_next_domain_controller_is_asked_where_one_does_not_answer() {
    let authority = Authority::new();
    let answering = willing_server(&authority, |asked| {
        Reply::of(&[(asked.id, computer("PC1")), (asked.id, outcome(0x65, 0, ""))])
    })
    .await;
    let silent = Server::start(None, |_| Reply::default()).await;
    let dns = name_server(&[
        ("localhost", 1),
        ("nowhere.invalid", 636),
        ("localhost", silent.port),
        ("localhost", answering.port),
    ])
    .await;
    let directory = of_domain(&authority, Resolver::with_servers(&[dns], &[]));
    let (computers, _, ended) = search(&directory).await;
    assert_eq!((ended, computers.len()), (Ok(1), 1));
    assert_eq!(silent.connections.load(Ordering::SeqCst), 1);
    // A bare name is one of the domain.
    let seen = answering.seen.lock().unwrap().clone();
    assert!(seen.windows(14).any(|w| w == b"admin@lab.test"));
}

#[tokio::test]
async fn a_refused_password_is_not_tried_at_the_next_domain_controller() {
    let authority = Authority::new();
    let refuse = |asked: &Asked| Reply::of(&[(asked.id, outcome(0x61, 49, "comment: x, data 52e, v1"))]);
    let first = Server::start(Some(authority.acceptor("localhost", |_| ())), refuse).await;
    let second = Server::start(Some(authority.acceptor("localhost", |_| ())), refuse).await;
    let dns = name_server(&[("localhost", first.port), ("localhost", second.port)]).await;
    let directory = of_domain(&authority, Resolver::with_servers(&[dns], &[]));
    let (_, _, ended) = search(&directory).await;
    assert_eq!(ended.unwrap_err().class(), DirectoryErrorClass::Credentials);
    assert_eq!((first.sign_ins(), second.sign_ins()), (1, 0));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_believed_is_refused_with_the_reason_and_no_password_is_sent() {
    let authority = Authority::new();
    let stranger = Authority::named("a stranger");
    let old = |params: &mut rcgen::CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    for (acceptor, word) in [
        (authority.acceptor("localhost", old), "expired on 2002-01-01"),
        (authority.acceptor("dc1.lab.test", |_| ()), "but for dc1.lab.test"),
        (stranger.acceptor("localhost", |_| ()), "--ca"),
    ] {
        let server = Server::start(Some(acceptor), |_| Reply::default()).await;
        for transport in [Transport::Ldaps, Transport::Automatic] {
            let (_, _, ended) = search(&directory(&authority, &server.address(), transport)).await;
            let error = ended.unwrap_err();
            if transport == Transport::Ldaps {
                assert_eq!(error.class(), DirectoryErrorClass::Trust, "{error}");
                assert!(error.to_string().contains(word), "{error}");
            }
        }
        assert_eq!(server.sign_ins(), 0);
    }
}

#[tokio::test]
async fn no_password_crosses_a_connection_that_is_not_protected() {
    let authority = Authority::new();
    for transport in [
        Transport::Automatic,
        Transport::Sealed,
        Transport::Ldaps,
        Transport::StartTls,
    ] {
        // It would let anybody in, and begins no TLS.
        let server = Server::start(None, |asked| {
            willing(asked, |asked| {
                Reply::of(&[(
                    asked.id,
                    outcome(if asked.operation == 0x77 { 0x78 } else { 0x65 }, 2, "no"),
                )])
            })
        })
        .await;
        let (computers, _, ended) = search(&directory(&authority, &server.address(), transport)).await;
        let error = ended.unwrap_err();
        assert!(computers.is_empty());
        let expected = match transport {
            // It closes the connection when it sees TLS.
            Transport::Ldaps => DirectoryErrorClass::Network,
            Transport::StartTls => DirectoryErrorClass::Trust,
            // It lets everybody in, and has no key to seal with.
            Transport::Automatic | Transport::Sealed => DirectoryErrorClass::Protocol,
        };
        assert_eq!(error.class(), expected, "{transport:?}: {error}");
        let seen = server.seen.lock().unwrap().clone();
        let password = PASSWORD.as_bytes();
        assert!(!seen.windows(password.len()).any(|w| w == password), "{transport:?}");
    }
}

#[tokio::test]
async fn a_filter_that_is_wrong_is_explained_before_anybody_is_asked() {
    let authority = Authority::new();
    let server = Server::start(None, |_| Reply::default()).await;
    let query = ComputerQuery {
        filter: "(&(name=x)(description=y)".into(),
        ..ComputerQuery::default()
    };
    let directory = directory(&authority, &server.address(), Transport::Ldaps);
    let (_, _, ended) = search_for(&directory, &query).await;
    let error = ended.unwrap_err();
    assert_eq!(error.class(), DirectoryErrorClass::Filter);
    assert!(error.to_string().contains("at character 26"), "{error}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}
