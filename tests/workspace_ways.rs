//! The way to a computer: what is tried, what is remembered, and what is said when none is open.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use makeeper::lab::{EstateKind, Fault, LabConfig};
use makeeper::model::{Change, Computer, ConnectTo, FailureClass, Secret, WayIn};
use makeeper::workspace::{Credentials, Job, RowState, Subject};
use support::{Estate, texts};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A lab on the standard port, and computers of the list that say no more than where they are.
async fn on_the_standard_port(second: u8, count: usize) -> Estate {
    let config = LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        address_base: [127, second],
        port: 5985,
        ..LabConfig::default()
    };
    let estate = Estate::in_lab(config, |_| true, count).await;
    let snapshot = estate.workspace.snapshot();
    let bare = snapshot.inventory.computers().map(|c| {
        let connect = ConnectTo {
            port: None,
            ..c.connect.clone().unwrap()
        };
        Change::PutComputer(Box::new(Computer {
            connect: Some(connect),
            ..(**c).clone()
        }))
    });
    let bare = bare.collect();
    estate.workspace.edit(bare).unwrap();
    estate
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_leads_in_and_is_remembered_until_somebody_chooses() {
    let estate = on_the_standard_port(91, 3).await;
    estate.update().await;
    let known = |estate: &Estate| -> Vec<_> {
        let snapshot = estate.workspace.snapshot();
        snapshot.inventory.computers().map(|c| c.known_way()).collect()
    };
    assert_eq!(known(&estate), [Some(WayIn::Http); 3]);
    // It outlives a failure, and the file.
    let name = estate.lab.computers()[0].name.clone();
    estate.lab.set_fault(&name, Fault::Refuse);
    estate.lab.settled().await;
    estate
        .run(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .await;
    assert_eq!(known(&estate), [Some(WayIn::Http); 3]);
    estate.workspace.save().unwrap();
    let text = std::fs::read_to_string(&estate.path).unwrap();
    assert_eq!(text.matches("ContactWay=\"http\"").count(), 3);
    // What a person chooses goes first: nothing listens for HTTPS.
    let changed = estate
        .workspace
        .choose_way(&estate.computers(), Some(WayIn::Https))
        .unwrap();
    assert_eq!(changed, 3);
    let run = estate
        .run(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .await;
    assert_eq!(run.failures.get(&FailureClass::Refused), Some(&3), "{:?}", texts(&run));
    assert!(run.rows[1].state.text().contains(":5986"), "{:?}", texts(&run));
}

/// A port that takes no more connections: what knocks is dropped, as by a firewall.
async fn silent(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(0).unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        filling.push(stream);
    }
    (listener, filling)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_port_on_a_computer_that_answers_elsewhere_is_a_firewall_with_the_remedy_of_its_windows() {
    let estate = on_the_standard_port(92, 1).await;
    estate.update().await;
    let name = estate.lab.computers()[0].name.clone();
    let address = estate.lab.computers()[0].address;
    estate.lab.set_fault(&name, Fault::Refuse);
    estate.lab.settled().await;
    let _silent = silent(address).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.connect_timeout = Duration::from_secs(1);
    estate.workspace.set_settings(settings);
    let computers = estate.computers();
    let run = estate
        .run(Job::UpdateStatus {
            computers: computers.clone(),
        })
        .await;
    assert_eq!(run.failures_in_words(), "1 firewall", "{:?}", texts(&run));
    let RowState::Failed(failure) = &run.rows[0].state else {
        panic!("{:?}", texts(&run))
    };
    let explained = estate.workspace.explain(Subject::Computer(computers[0]), failure);
    // It answered once, so the list knows its Windows.
    assert!(
        explained.remedy.starts_with("On the computer, elevated"),
        "{explained:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_try_is_for_what_could_now_succeed() {
    let estate = Estate::isolated(6).await;
    for (computer, fault) in [(1, Fault::Refuse), (2, Fault::RefuseCredentials), (3, Fault::Garbage)] {
        let name = format!("LAB-PC-{computer:03}");
        assert!(estate.lab.set_fault(&name, fault));
    }
    estate.lab.settled().await;
    let order = Job::UpdateStatus {
        computers: estate.computers(),
    };
    let run = estate.workspace.start(order).unwrap();
    let progress = run.finished().await;
    assert_eq!(
        progress.failures_in_words(),
        "1 refused, 1 wrong password, 1 unexpected answer"
    );
    let again = |estate: &Estate| {
        estate
            .workspace
            .retry_failed(&run)
            .map_or(0, |job| job.subjects().len())
    };
    assert_eq!(again(&estate), 2);
    let other = Credentials::new("LAB\\other", Secret::new("another")).unwrap();
    estate.workspace.set_credentials(Some(other));
    assert_eq!(again(&estate), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn computers_that_hang_lend_their_turn_and_those_that_are_off_take_none() {
    let estate = Estate::isolated(12).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.concurrency = 2;
    settings.connect_timeout = Duration::from_secs(8);
    settings.operation_timeout = Duration::from_secs(8);
    estate.workspace.set_settings(settings);
    for computer in 1..=2 {
        estate
            .lab
            .set_fault(&format!("LAB-PC-{computer:03}"), Fault::HangAfterConnect);
    }
    for computer in 3..=6 {
        estate.lab.set_fault(&format!("LAB-PC-{computer:03}"), Fault::Silent);
    }
    estate.lab.settled().await;
    let run = estate
        .workspace
        .start(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .unwrap();
    // Long before the hung and the silent ones are given up, the others are done.
    estate.until(|| run.progress().succeeded == 6).await;
    assert!(run.progress().failed < 6);
    let end = run.finished().await;
    assert_eq!(end.failures_in_words(), "4 off, 2 hung", "{:?}", texts(&end));
}
