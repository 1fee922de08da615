//! Runs over many computers: progress, failures that cost only themselves, cancel.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use makeeper::lab::{Fault, keys};
use makeeper::model::{ApplicationId, Change, ComputerId, FailureClass, KeyType, Secret, ServiceFamily};
use makeeper::workspace::{Credentials, Job, KeyChoice, RowState, WorkspaceError};
use support::{Estate, texts};

#[tokio::test(flavor = "multi_thread")]
async fn every_computer_that_is_off_or_ill_costs_its_own_row_only_and_says_why() {
    let estate = Estate::isolated(8).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.connect_timeout = Duration::from_secs(1);
    settings.operation_timeout = Duration::from_secs(2);
    estate.workspace.set_settings(settings);
    let ill = [
        ("LAB-PC-001", Fault::Silent, FailureClass::NoAnswer),
        ("LAB-PC-002", Fault::Refuse, FailureClass::Refused),
        ("LAB-PC-003", Fault::Garbage, FailureClass::Protocol),
        ("LAB-PC-004", Fault::RefuseCredentials, FailureClass::Credentials),
        ("LAB-PC-005", Fault::HangAfterConnect, FailureClass::Hung),
    ];
    for (name, fault, _) in &ill {
        assert!(estate.lab.set_fault(name, *fault));
    }
    // A listener that has just been closed resets what was waiting in its queue.
    let refusing = estate.lab.address_of("LAB-PC-002").unwrap();
    let refused = |e: std::io::Error| e.kind() == std::io::ErrorKind::ConnectionRefused;
    estate
        .until(|| std::net::TcpStream::connect(refusing).is_err_and(refused))
        .await;
    let run = estate
        .run(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .await;
    assert_eq!((run.succeeded, run.failed), (3, 5), "{:?}", texts(&run));
    for (name, _, class) in &ill {
        let row = run.rows.iter().find(|r| &*r.name == *name).unwrap();
        let RowState::Failed(failure) = &row.state else {
            panic!("{row:?}")
        };
        let as_expected =
            failure.class == *class || (*class == FailureClass::Hung && failure.class == FailureClass::TimedOut);
        assert!(as_expected, "{name}: {failure:?}");
        assert!(failure.message.contains(name), "{failure}");
        // The list remembers why.
        let snapshot = estate.workspace.snapshot();
        let contact = snapshot.inventory.computer_by_name(name).unwrap().contact.clone();
        assert_eq!(contact.unwrap().failure.as_deref(), Some(failure));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_every_row_within_a_second_even_when_computers_hang() {
    let estate = Estate::isolated(40).await;
    for computer in estate.lab.computers() {
        estate.lab.set_fault(&computer.name, Fault::HangAfterConnect);
    }
    let run = estate
        .workspace
        .start(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .unwrap();
    estate.until(|| run.progress().running == 40).await;
    let asked = Instant::now();
    run.cancel();
    let progress = run.finished().await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!((progress.cancelled, progress.running, progress.waiting), (40, 0, 0));
    let Some(Job::UpdateStatus { computers }) = estate.workspace.retry_failed(&run) else {
        panic!("cancelled rows can be tried again")
    };
    assert_eq!(computers.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_that_hangs_costs_its_time_out_and_nothing_else() {
    let estate = Estate::isolated(5).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.computer_timeout = Duration::from_secs(2);
    estate.workspace.set_settings(settings);
    estate.lab.set_fault("LAB-PC-003", Fault::Slow(Duration::from_secs(30)));
    let began = Instant::now();
    let run = estate
        .run(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!((run.succeeded, run.failed), (4, 1), "{:?}", texts(&run));
    let row = run.rows.iter().find(|r| &*r.name == "LAB-PC-003").unwrap();
    assert!(
        matches!(&row.state, RowState::Failed(f) if f.class == FailureClass::TimedOut),
        "{row:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waker_is_called_but_not_for_every_row() {
    let estate = Estate::isolated(40).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    estate.workspace.set_waker(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let before = estate.workspace.snapshot().revision;
    let began = Instant::now();
    estate.update().await;
    let (calls, took) = (calls.load(Ordering::Relaxed), began.elapsed());
    // 20 a second, and a few that are not throttled: the log lines at the beginning and the end.
    assert!(
        calls >= 1 && calls <= took.as_millis() as usize / 50 + 6,
        "{calls} calls in {took:?}"
    );
    let snapshot = estate.workspace.snapshot();
    assert!(snapshot.revision > before);
    assert!(snapshot.inventory.product_count() >= 40);
    assert!(
        snapshot.activity.iter().any(|a| a.text.contains("40 succeeded")),
        "{:?}",
        snapshot.activity
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_removed_meanwhile_fails_its_row_and_nothing_else() {
    let estate = Estate::isolated(3).await;
    estate.lab.set_latency(Duration::from_millis(300));
    let computers = estate.computers();
    let run = estate
        .workspace
        .start(Job::UpdateStatus {
            computers: computers.clone(),
        })
        .unwrap();
    estate.until(|| run.progress().running == 3).await;
    estate
        .workspace
        .edit(vec![Change::RemoveComputer(computers[1])])
        .unwrap();
    run.finished().await;
    let snapshot = estate.workspace.snapshot();
    assert!(snapshot.inventory.computer(computers[1]).is_none());
    assert_eq!(
        snapshot.inventory.computers().filter(|c| c.contact.is_some()).count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn client_setup_keys_fit_each_edition_and_replace_a_kms_host_key() {
    let estate = Estate::isolated(12).await;
    let products = estate.install(&keys::WINDOWS_CSVLK).await;
    let run = estate
        .run(Job::InstallKey {
            products: products.clone(),
            key: KeyChoice::ClientSetupKey,
        })
        .await;
    assert_eq!(run.succeeded, 12, "{:?}", texts(&run));
    for id in &products {
        assert_eq!(estate.product(*id).key_type, makeeper::model::KeyType::Gvlk);
    }
    // KMS clients are activated by no confirmation ID.
    let run = estate.run(Job::AcquireConfirmationIds { products }).await;
    assert_eq!((run.skipped, estate.asked()), (12, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_another_product_fails_with_its_code_and_the_run_goes_on() {
    let estate = Estate::isolated(2).await;
    estate.update().await;
    estate
        .workspace
        .add_keys(&format!("{},mak", keys::OFFICE_MAK.text))
        .unwrap();
    let snapshot = estate.workspace.snapshot();
    let products: Vec<_> = snapshot.inventory.products().map(|p| p.id).collect();
    let key = snapshot.inventory.keys().next().unwrap().id;
    let run = estate
        .run(Job::InstallKey {
            products: products.clone(),
            key: KeyChoice::Owned(key),
        })
        .await;
    assert_eq!(run.failed, products.len(), "{:?}", texts(&run));
    for text in texts(&run) {
        assert!(text.contains("0xC004") && !text.contains("MKMKM"), "{text}");
    }
    let action = estate.product(products[0]).last_action.clone().unwrap();
    assert!(&*action.what == "Product key not installed" && action.failure.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_application_takes_costs_one_computer_and_says_how_to_put_the_old_one_back() {
    let estate = Estate::contoso(|c| c.name.starts_with("CON-PC-"), 60).await;
    estate.update().await;
    estate
        .workspace
        .add_keys(&format!("{},mak", keys::BLOCKED_MAK.text))
        .unwrap();
    let inventory = estate.workspace.snapshot().inventory.clone();
    let key = inventory.keys().next().unwrap();
    let windows_of = |id: ComputerId| {
        let mut rows = inventory.products_of(id);
        rows.find(|p| p.application == ApplicationId::WINDOWS && !p.is_addon)
    };
    // One service holds Office and a Windows client setup key, which the Windows key would replace. One product of each
    // computer: a second one would find the key there already.
    let mut computers = std::collections::HashSet::new();
    let products: Vec<_> = inventory
        .products()
        .filter(|p| p.application == ApplicationId::OFFICE && p.service != ServiceFamily::OSPP)
        .filter(|p| windows_of(p.computer.unwrap()).is_some_and(|w| w.key_type == KeyType::Gvlk))
        .filter(|p| computers.insert(p.computer))
        .map(|p| p.id)
        .collect();
    assert!(products.len() > 3, "{}", products.len());
    let order = Job::InstallKey {
        products: products.clone(),
        key: KeyChoice::Owned(key.id),
    };
    let run = estate.run(order.clone()).await;
    assert_eq!(run.failed, products.len(), "{:?}", texts(&run));
    let class =
        |wanted| move |r: &&makeeper::workspace::RunRow| matches!(&r.state, RowState::Failed(f) if f.class == wanted);
    let taken: Vec<_> = run.rows.iter().filter(class(FailureClass::Licensing)).collect();
    let [taken] = taken.as_slice() else {
        panic!("{:?}", texts(&run))
    };
    let told = taken.state.text();
    for part in [
        "…BKDX2 is no key for Office",
        "took it in place of its KMS client setup key …",
        "to put that back",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(
        run.rows.iter().filter(class(FailureClass::NotAllowed)).count(),
        products.len() - 1
    );
    estate.update().await;
    let now = estate.workspace.snapshot().inventory.clone();
    assert_eq!(now.products().filter(|p| key.is_installed_on(p)).count(), 1);

    // The list remembers: the next run sends it nowhere. On the computer that took it the row names the product that
    // carries it now.
    let again = estate.run(order).await;
    assert_eq!(
        (
            again.rows.iter().filter(class(FailureClass::NotAllowed)).count(),
            again.skipped
        ),
        (products.len() - 1, 1),
        "{:?}",
        texts(&again)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_three_sign_ins_and_no_more() {
    let estate = Estate::isolated(40).await;
    let wrong = Credentials::new("LAB\\admin", Secret::new("not it".to_owned())).unwrap();
    estate.workspace.set_credentials(Some(wrong));
    let order = Job::UpdateStatus {
        computers: estate.computers(),
    };
    let run = estate.run(order.clone()).await;
    assert_eq!(run.failed, 40, "{:?}", texts(&run));
    let untried = run.rows.iter().filter(|r| r.state.text().starts_with("not tried"));
    assert_eq!(untried.count(), 37, "{:?}", texts(&run));
    let refused = estate
        .lab
        .computers()
        .iter()
        .filter_map(|c| estate.lab.counters(&c.name));
    assert_eq!(refused.map(|c| c.refused).sum::<u64>(), 3);
    for row in &run.rows {
        assert!(
            matches!(&row.state, RowState::Failed(f) if f.class == FailureClass::Credentials),
            "{row:?}"
        );
    }
    // Computers that were not tried were not contacted.
    let inventory = estate.workspace.snapshot().inventory.clone();
    assert_eq!(inventory.computers().filter(|c| c.contact.is_some()).count(), 3);
}

/// A run over 40 computers with a wrong password, which asks; at the moment it does.
async fn asking(estate: &Estate) -> makeeper::workspace::Run {
    let mut settings = (*estate.workspace.settings()).clone();
    settings.ask_again = true;
    // The time that a person takes is not the computers'.
    settings.computer_timeout = Duration::from_secs(8);
    estate.workspace.set_settings(settings);
    let wrong = Credentials::new("LAB\\admin", Secret::new("not it")).unwrap();
    estate.workspace.set_credentials(Some(wrong));
    let order = Job::UpdateStatus {
        computers: estate.computers(),
    };
    let run = estate.workspace.start(order).unwrap();
    estate.until(|| run.progress().question.is_some()).await;
    let question = run.progress().question.unwrap();
    assert_eq!(
        (question.account.as_str(), question.refused_by.len()),
        ("LAB\\admin", 3)
    );
    assert_eq!(run.progress().done(), 0, "the run waits");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_pauses_the_run_which_goes_on_with_the_one_that_is_given() {
    let estate = Estate::isolated(40).await;
    let run = asking(&estate).await;
    run.answer(Some(Credentials::new("LAB\\admin", Secret::new("wrong too")).unwrap()));
    // The next one is asked about as well, and costs three sign-ins again.
    estate.until(|| run.progress().question.is_some()).await;
    let admin = makeeper::lab::Account::admin();
    let right = Credentials::new("LAB\\admin", Secret::new(admin.password)).unwrap();
    run.answer(Some(right));
    let end = run.finished().await;
    assert_eq!(end.succeeded, 40, "{:?}", texts(&end));
    assert_eq!(estate.lab.totals().refused, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_give_up_on_a_refused_account() {
    let estate = Estate::isolated(40).await;
    let run = asking(&estate).await;
    run.answer(None);
    let end = run.finished().await;
    assert_eq!(end.failures_in_words(), "40 wrong password", "{:?}", texts(&end));
    assert_eq!(estate.lab.totals().refused, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn computers_that_refuse_good_credentials_do_not_stop_the_others() {
    let estate = Estate::isolated(40).await;
    for number in 2..=20 {
        estate
            .lab
            .set_fault(&format!("LAB-PC-{number:03}"), Fault::RefuseCredentials);
    }
    let run = estate
        .run(Job::UpdateStatus {
            computers: estate.computers(),
        })
        .await;
    // The first computer accepts them, be it before or after the two that are asked beside it.
    assert_eq!((run.succeeded, run.failed), (21, 19), "{:?}", texts(&run));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be_carried_out_are_refused_at_once() {
    let estate = Estate::isolated(1).await;
    let nothing = estate.workspace.start(Job::UpdateStatus { computers: Vec::new() });
    assert!(matches!(nothing, Err(WorkspaceError::NothingSelected)));
    estate.workspace.set_credentials(None);
    let nobody = estate.workspace.start(Job::UpdateStatus {
        computers: estate.computers(),
    });
    assert!(matches!(nobody, Err(WorkspaceError::NoCredentials)));
    assert!(estate.workspace.runs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_names_the_group_that_asked_and_its_answer_goes_to_no_other_computer() {
    let estate = Estate::isolated(12).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.ask_again = true;
    estate.workspace.set_settings(settings.clone());
    let account = |password: &str| Credentials::new("LAB\\admin", Secret::new(password)).unwrap();
    // Those with numbers below ten.
    let pattern = "LAB-PC-00*";
    estate
        .workspace
        .set_credential_sets(vec![makeeper::workspace::CredentialSet {
            pattern: pattern.into(),
            credentials: std::sync::Arc::new(account("not it")),
        }]);
    let order = Job::UpdateStatus {
        computers: estate.computers(),
    };
    let run = estate.workspace.start(order.clone()).unwrap();
    estate.until(|| run.progress().question.is_some()).await;
    let question = run.progress().question.unwrap();
    assert_eq!(question.pattern.as_deref(), Some(pattern));
    run.answer(Some(account(&makeeper::lab::Account::admin().password)));
    assert_eq!(run.finished().await.succeeded, 12);

    // The group alone has another account: the others are signed in to as before.
    estate
        .workspace
        .replace_credentials(question.pattern.as_deref(), account("wrong again"));
    settings.ask_again = false;
    estate.workspace.set_settings(settings);
    let end = estate.run(order).await;
    assert_eq!((end.succeeded, end.failed), (3, 9), "{:?}", texts(&end));
}
