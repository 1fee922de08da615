//! "Activations are money": the rules that keep them from being spent twice, against the lab's sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use makeeper::lab::{ServiceFault, keys};
use makeeper::model::{ApplicationId, Change, KeyType, LicenseStatus, Product, ProductId};
use makeeper::workspace::{Job, KeyChoice, Mode, RowState, RunProgress, Workspace};
use support::{Estate, texts};

const MAK: &keys::LabKey = &keys::WINDOWS_CLIENT_MAK;

#[tokio::test(flavor = "multi_thread")]
async fn activate_is_never_called_on_a_mak_product_that_is_already_licensed() {
    let estate = Estate::isolated(3).await;
    let products = estate.install(MAK).await;
    estate
        .succeed(Job::ProxyActivate {
            products: products.clone(),
        })
        .await;

    // The list knows: nothing is sent at all.
    let run = estate
        .run(Job::Activate {
            products: products.clone(),
        })
        .await;
    assert_eq!(run.skipped, 3, "{:?}", texts(&run));

    // The list does not know (it is older than the activation): the computer is asked, and still nothing is spent.
    for id in &products {
        estate.edit_product(*id, |p| p.license_status = LicenseStatus::InOobGrace);
    }
    let run = estate.run(Job::Activate { products }).await;
    assert_eq!(run.skipped, 3, "{:?}", texts(&run));
    let totals = estate.lab.totals();
    assert_eq!((totals.activate, totals.activate_on_licensed_mak), (0, 0));
    assert_eq!(estate.used(MAK), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_id_in_the_list_is_never_asked_for_again() {
    let estate = Estate::isolated(4).await;
    let products = estate.install(MAK).await;
    let acquire = Job::AcquireConfirmationIds {
        products: products.clone(),
    };
    assert_eq!(estate.run(acquire.clone()).await.succeeded, 4);
    let again = estate.run(acquire).await;
    assert_eq!((again.skipped, estate.asked()), (4, 4), "{:?}", texts(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_id_known_for_the_same_installation_id_elsewhere_in_the_list_is_reused() {
    let estate = Estate::isolated(2).await;
    let products = estate.install(MAK).await;
    let iid = estate.product(products[0]).installation_id.clone();
    // Cloned computers: the same installation ID twice, in one run and across runs.
    estate.edit_product(products[1], |p| p.installation_id.clone_from(&iid));
    let run = estate
        .run(Job::AcquireConfirmationIds {
            products: products.clone(),
        })
        .await;
    assert_eq!((run.succeeded, estate.asked()), (2, 1), "{:?}", texts(&run));

    estate.edit_product(products[1], |p| p.confirmation = None);
    let run = estate
        .run(Job::AcquireConfirmationIds {
            products: vec![products[1]],
        })
        .await;
    assert_eq!((run.succeeded, estate.asked()), (1, 1));
    assert!(texts(&run)[0].contains("taken from the list"), "{:?}", texts(&run));
    assert!(estate.product(products[1]).usable_confirmation().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_is_on_the_disk_before_the_request_leaves_and_an_unanswered_row_says_so_when_asked_again() {
    let estate = Estate::isolated(1).await;
    let products = estate.install(MAK).await;
    let acquire = Job::AcquireConfirmationIds {
        products: products.clone(),
    };
    // The service takes the question, charges, and the connection breaks before the answer.
    estate.lab.service().set_fault(ServiceFault::CloseBeforeAnswer);
    let run = estate.run(acquire.clone()).await;
    assert_eq!(run.failed, 1);
    let charged = estate.used(MAK);

    // Another program reads the file and the journal at this moment: the question is there.
    let (other, _) = Workspace::open(&estate.path, Mode::ReadOnly, tokio::runtime::Handle::current()).unwrap();
    let on_disk = other.snapshot().inventory.product(products[0]).unwrap().clone();
    assert!(on_disk.asked.is_some() && on_disk.confirmation.is_none());

    estate.lab.service().set_fault(ServiceFault::None);
    let run = estate.run(acquire).await;
    assert_eq!(run.succeeded, 1);
    let text = &texts(&run)[0];
    assert!(
        text.contains("asked before at") && text.contains("asked again"),
        "{text}"
    );
    assert_eq!((estate.used(MAK), charged), (1, 1), "the pool is not charged twice");
    assert!(estate.product(products[0]).asked.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installation_id_is_read_again_right_before_asking() {
    let estate = Estate::isolated(1).await;
    let products = estate.install(MAK).await;
    let current = estate.product(products[0]).installation_id.clone().unwrap();
    // The list is behind: it holds an installation ID of before a hardware change, and a confirmation ID for it.
    let old = makeeper::model::InstallationId::parse("253037440405119108201413961093786848722385303726677949056629205")
        .unwrap();
    let cid = makeeper::lab::confirmation_id(&old).unwrap();
    estate.edit_product(products[0], |p| {
        p.installation_id = Some(old.clone());
        p.confirmation = Some(Box::new(makeeper::model::Confirmation {
            installation_id: Some(old.clone()),
            confirmation_id: cid,
            acquired: None,
        }));
    });
    let run = estate
        .run(Job::ProxyActivate {
            products: products.clone(),
        })
        .await;
    assert_eq!(run.succeeded, 1, "{:?}", texts(&run));
    let asked: Vec<_> = estate.lab.service().asked().into_iter().filter_map(|a| a.iid).collect();
    assert_eq!(asked, [current.digits()]);
    assert_eq!(estate.product(products[0]).license_status, LicenseStatus::Licensed);
    // What was paid for is kept.
    assert_eq!(estate.product(products[0]).earlier_confirmations.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_on_activate_is_watched_and_not_repeated() {
    let estate = Estate::contoso(|c| c.name.starts_with("CON-PC-"), 12).await;
    let products = estate.install(MAK).await;
    let one = vec![products[0]];
    let mut settings = (*estate.workspace.settings()).clone();
    settings.operation_timeout = Duration::from_secs(1);
    estate.workspace.set_settings(settings);
    estate.lab.set_activate_time(Duration::from_millis(2500));
    let before = estate.lab.totals().activate;
    let run = estate.run(Job::Activate { products: one }).await;
    assert_eq!(run.succeeded, 1, "{:?}", texts(&run));
    assert_eq!(estate.lab.totals().activate - before, 1);
    assert_eq!(estate.product(products[0]).license_status, LicenseStatus::Licensed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_of_which_the_end_was_not_seen_is_not_called_activated() {
    let estate = Estate::contoso(|c| c.name.starts_with("CON-PC-"), 12).await;
    let products = estate.install(MAK).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.operation_timeout = Duration::from_secs(1);
    settings.activation_poll = Duration::from_millis(300);
    estate.workspace.set_settings(settings);
    estate.lab.set_activate_time(Duration::from_mins(10));
    let run = estate
        .run(Job::Activate {
            products: vec![products[0]],
        })
        .await;
    assert!(
        run.failed == 1 && texts(&run)[0].contains("still running"),
        "{:?}",
        texts(&run)
    );
    let action = estate.product(products[0]).last_action.clone().unwrap();
    assert_eq!(&*action.what, "Activation not confirmed");
    assert!(action.failure.is_some_and(|f| f.message.contains("still running")));
}

/// Installs the MAK on one computer that takes `install_time` for it and is watched for `poll` beyond the time-out of a second.
async fn install_slowly(install_time: Duration, poll: Duration) -> (Estate, ProductId, RunProgress) {
    let estate = Estate::contoso(|c| c.name.starts_with("CON-PC-"), 12).await;
    estate.update().await;
    estate.workspace.add_keys(&format!("{},mak", MAK.text)).unwrap();
    let inventory = estate.workspace.snapshot().inventory.clone();
    let product = inventory
        .products()
        .find(|p| p.application == ApplicationId::WINDOWS && !p.is_addon && p.key_type == KeyType::Gvlk);
    let (product, key) = (product.unwrap().id, inventory.keys().next().unwrap().id);
    let mut settings = (*estate.workspace.settings()).clone();
    settings.operation_timeout = Duration::from_secs(1);
    settings.activation_poll = poll;
    estate.workspace.set_settings(settings);
    estate.lab.set_install_time(install_time);
    let key = KeyChoice::Owned(key);
    let products = vec![product];
    let run = estate.run(Job::InstallKey { products, key }).await;
    (estate, product, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_installation_timed_out_is_found_on_the_computer() {
    let (estate, product, run) = install_slowly(Duration::from_millis(2500), Duration::from_mins(1)).await;
    assert_eq!(run.succeeded, 1, "{:?}", texts(&run));
    let row = estate.product(product);
    assert_eq!(&*row.last_action.clone().unwrap().what, "Product key installed");
    assert_eq!(row.partial_product_key.unwrap().as_str(), MAK.last_five());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_which_nobody_knows_whether_it_was_installed_is_not_called_not_installed() {
    let (estate, product, run) = install_slowly(Duration::from_mins(10), Duration::from_millis(300)).await;
    assert!(
        run.failed == 1 && texts(&run)[0].contains("whether it was installed is not known"),
        "{:?}",
        texts(&run)
    );
    let action = estate.product(product).last_action.clone().unwrap();
    assert_eq!(&*action.what, "Product key sent, not known whether installed");
    assert!(action.failure.is_some_and(|f| !f.message.contains(MAK.text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_is_known_before_anything_is_spent_and_a_key_that_runs_out_is_asked_no_further() {
    let key = &keys::EXHAUSTED_MAK;
    let estate = Estate::isolated(6).await;
    let products = estate.install(key).await;
    let keys: Vec<_> = estate.workspace.snapshot().inventory.keys().map(|k| k.id).collect();
    estate.succeed(Job::RefreshCounts { keys }).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.service_concurrency = 1;
    estate.workspace.set_settings(settings);

    let job = Job::AcquireConfirmationIds { products };
    let price = estate.workspace.price(&job);
    assert_eq!((price.activations(), price.will_fail(), price.requests), (6, 3, 6));
    let text = price.to_string();
    assert!(text.contains("3 left on XH3XH: 3 will fail"), "{text}");

    let before = estate.asked();
    let run = estate.run(job).await;
    assert_eq!((run.succeeded, run.failed), (3, 3), "{:?}", texts(&run));
    // Three answers, one refusal; the other two rows know better than to ask.
    assert_eq!(estate.asked() - before, 4);
    assert!(texts(&run).iter().any(|t| t.contains("not asked")), "{:?}", texts(&run));
    assert_eq!(estate.used(key), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_not_available_is_never_zero() {
    let estate = Estate::isolated(1).await;
    estate.install(MAK).await;
    // A KMS host key: the service answers -1 for it, and it is not asked.
    let text = format!("{},csvlk", keys::WINDOWS_CSVLK.text);
    estate.workspace.add_keys(&text).unwrap();
    let ids: Vec<_> = estate.workspace.snapshot().inventory.keys().map(|k| k.id).collect();
    let run = estate.run(Job::RefreshCounts { keys: ids }).await;
    assert_eq!((run.succeeded, run.skipped), (1, 1), "{:?}", texts(&run));
    let snapshot = estate.workspace.snapshot();
    let csvlk = snapshot
        .inventory
        .keys()
        .find(|k| k.key_type == KeyType::Csvlk)
        .unwrap();
    assert_eq!(csvlk.remaining, None);
    let mak = snapshot.inventory.keys().find(|k| k.key_type == KeyType::Mak).unwrap();
    assert_eq!(mak.remaining.unwrap().left, Some(MAK.limit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_already_installed_is_not_installed_again() {
    let estate = Estate::isolated(2).await;
    let products = estate.install(MAK).await;
    let installs = estate.lab.totals().install_key;
    let key = estate.workspace.snapshot().inventory.keys().next().unwrap().id;
    let run = estate
        .run(Job::InstallKey {
            products,
            key: KeyChoice::Owned(key),
        })
        .await;
    assert_eq!(
        (run.skipped, estate.lab.totals().install_key),
        (2, installs),
        "{:?}",
        texts(&run)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_installed_again_by_way_of_another_product_of_its_computer() {
    let estate = Estate::isolated(1).await;
    let products = estate.install(MAK).await;
    estate.succeed(Job::ProxyActivate { products }).await;
    let installs = estate.lab.totals().install_key;
    let snapshot = estate.workspace.snapshot();
    let windows = snapshot.inventory.products().next().unwrap();
    let mut office = (**windows).clone();
    office.application = ApplicationId::OFFICE;
    office.id = ProductId::derive(windows.computer.unwrap(), office.application, office.sku);
    office.partial_product_key = None;
    office.product_key_id = None;
    let products = vec![office.id];
    estate
        .workspace
        .edit(vec![Change::PutProduct(Box::new(office))])
        .unwrap();
    let key = KeyChoice::Owned(snapshot.inventory.keys().next().unwrap().id);
    let run = estate.run(Job::InstallKey { products, key }).await;
    assert_eq!(
        (run.skipped, estate.lab.totals().install_key),
        (1, installs),
        "{:?}",
        texts(&run)
    );
    assert!(texts(&run)[0].contains(&*windows.name), "{:?}", texts(&run));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_under_way_when_a_run_is_cancelled_is_still_kept() {
    let estate = Estate::isolated(1).await;
    let products = estate.install(MAK).await;
    estate
        .lab
        .service()
        .set_fault(ServiceFault::Delay(Duration::from_millis(700)));
    let run = estate
        .workspace
        .start(Job::AcquireConfirmationIds {
            products: products.clone(),
        })
        .unwrap();
    estate.until(|| estate.product(products[0]).asked.is_some()).await;
    run.cancel();
    let progress = run.finished().await;
    assert_eq!(progress.cancelled, 1);
    estate.workspace.settled().await;
    estate
        .until(|| estate.product(products[0]).usable_confirmation().is_some())
        .await;
    assert_eq!(estate.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_ask_once() {
    let estate = Estate::isolated(3).await;
    let products = estate.install(MAK).await;
    estate
        .lab
        .service()
        .set_fault(ServiceFault::Delay(Duration::from_millis(200)));
    let job = Job::AcquireConfirmationIds { products };
    let first = estate.workspace.start(job.clone()).unwrap();
    let second = estate.workspace.start(job).unwrap();
    let (first, second): (RunProgress, RunProgress) = (first.finished().await, second.finished().await);
    assert_eq!((first.succeeded, second.succeeded), (3, 3), "{:?}", texts(&second));
    assert_eq!(estate.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_out_of_reach_fails_the_rows_and_nothing_stays_asked() {
    let estate = Estate::isolated(2).await;
    let products = estate.install(MAK).await;
    let mut settings = (*estate.workspace.settings()).clone();
    settings.service_url = Some("http://127.0.0.1:9/BatchActivation".into());
    estate.workspace.set_settings(settings);
    let run = estate
        .run(Job::AcquireConfirmationIds {
            products: products.clone(),
        })
        .await;
    assert_eq!(run.failed, 2);
    let asked = |id: &ProductId| estate.product(*id).asked.is_some();
    assert!(
        !products.iter().any(asked),
        "a refused connection is certain not to have been charged"
    );
    let failure = |p: &Product| p.last_action.as_ref().and_then(|a| a.failure.clone());
    assert!(failure(&estate.product(products[0])).is_some());
    let retry = estate.workspace.retry_failed(&estate.workspace.runs()[0]);
    assert_eq!(retry, Some(Job::AcquireConfirmationIds { products }));
    assert!(matches!(run.rows[0].state, RowState::Failed(_)));
}
