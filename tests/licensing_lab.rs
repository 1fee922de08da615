//! Licensing and the activation service against the simulated estate, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use chrono::Utc;
use makeeper::activation::{ActivationError, Proxy, Refusal, Service, ServiceConfig};
use makeeper::lab::{Account, ComputerAddress, EstateKind, Lab, LabConfig, ServiceFault, keys};
use makeeper::licensing::{
    Activation, Deposit, LicensingError, Patience, activate, choose_client_setup_key, collect, deposit, install_key,
    installation_id, service_family,
};
use makeeper::model::{
    ApplicationId, ComputerId, Confirmation, HResult, KeyType, LicenseStatus, Observation, Product, ProductKey, Secret,
    ServiceFamily, WayIn,
};
use makeeper::wmi::{self, WmiConnection, WmiError};
use makeeper::wsman::{ConnectOptions, Credentials, Target};

const QUICK: Patience = Patience {
    poll_every: Duration::from_millis(100),
    give_up_after: Duration::from_secs(20),
};

async fn lab(estate: EstateKind) -> Lab {
    Lab::start(LabConfig {
        estates: vec![estate],
        port: 0,
        service_port: 0,
        ..LabConfig::default()
    })
    .await
    .unwrap()
}

async fn connect_with(computer: &ComputerAddress, options: &ConnectOptions) -> Box<dyn WmiConnection> {
    let admin = Account::admin();
    let account = format!("{}\\{}", admin.domain, admin.user);
    let credentials = Credentials::new(&account, Secret::new(admin.password)).unwrap();
    let host = computer.address.ip().to_string();
    let target = Target::new(&computer.name, false).at(Some(&host), Some(computer.address.port()));
    wmi::connect(WayIn::Http, &target, &credentials, options).await.unwrap()
}

async fn connect(computer: &ComputerAddress) -> Box<dyn WmiConnection> {
    connect_with(computer, &ConnectOptions::default()).await
}

async fn observe(conn: &mut dyn WmiConnection) -> Observation {
    let computer = ComputerId::from_name(conn.computer());
    collect(conn, computer, Utc::now()).await.unwrap()
}

fn windows(seen: &Observation) -> &Product {
    let found = seen
        .products
        .iter()
        .find(|p| p.application == ApplicationId::WINDOWS && !p.is_addon);
    found.unwrap()
}

fn service(lab: &Lab) -> Service {
    Service::new(ServiceConfig {
        url: lab.service_url().into(),
        proxy: Proxy::None,
        retry_pause: Duration::from_millis(10),
        ..ServiceConfig::default()
    })
    .unwrap()
}

fn key(key: &keys::LabKey) -> ProductKey {
    ProductKey::parse(key.text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_from_every_generation_is_what_the_computers_have() {
    let lab = lab(EstateKind::Contoso).await;
    for computer in lab.computers() {
        let seen = observe(&mut *connect(computer).await).await;
        let mut told: Vec<_> = seen
            .products
            .iter()
            .filter(|p| p.partial_product_key.is_some())
            .map(|p| {
                let iid = p.installation_id.as_ref().map(|i| i.digits().to_string());
                let pid = p.product_key_id.as_ref().map(ToString::to_string);
                (p.sku.unwrap().to_string(), p.key_type, p.license_status, iid, pid)
            })
            .collect();
        let mut true_state: Vec<_> = lab
            .products(&computer.name)
            .unwrap()
            .into_iter()
            .map(|p| {
                let iid = Some(p.installation_id);
                (p.sku.to_lowercase(), p.channel, p.status, iid, Some(p.pid))
            })
            .collect();
        told.sort();
        true_state.sort();
        assert_eq!(told, true_state, "{}", computer.name);
        assert!(
            seen.reported_name
                .as_deref()
                .is_some_and(|n| n.eq_ignore_ascii_case(&computer.fqdn))
        );
        assert!(!seen.os_version.is_empty() && !seen.mac_addresses.is_empty() && seen.is_kms_host.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_setup_key_chosen_for_every_product_is_accepted_by_its_computer() {
    let lab = lab(EstateKind::Contoso).await;
    let mut families = [0, 0];
    for computer in lab.computers() {
        let mut conn = connect(computer).await;
        let seen = observe(&mut *conn).await;
        let products = seen
            .products
            .iter()
            .filter(|p| p.key_type != KeyType::Csvlk && p.partial_product_key.is_some());
        for product in products {
            let chosen = choose_client_setup_key(&mut *conn, product).await;
            let chosen = chosen.unwrap_or_else(|e| panic!("{e}"));
            let family = service_family(product, &seen.os_version);
            families[usize::from(family == ServiceFamily::OSPP)] += 1;
            let done = install_key(&mut *conn, seen.computer, family, &chosen.key, QUICK).await;
            let installed = done
                .outcome
                .unwrap_or_else(|e| panic!("{} of {}: {e}", product.name, chosen.title()))
                .installed()
                .unwrap();
            let after = done.observation.unwrap();
            let carrier = after.products.iter().find(|p| p.sku == installed.sku).unwrap();
            assert_eq!(carrier.key_type, KeyType::Gvlk, "{}", carrier.name);
            assert_eq!(carrier.application, product.application);
            assert_eq!(carrier.license_family, product.license_family);
        }
    }
    assert!(families.iter().all(|count| *count > 10), "{families:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_isolated_lab_is_licensed_by_confirmation_ids_and_a_second_run_spends_nothing() {
    let lab = lab(EstateKind::IsolatedLab).await;
    let (service, mak) = (service(&lab), key(&keys::WINDOWS_CLIENT_MAK));
    let pool = || lab.service().pool(keys::WINDOWS_CLIENT_MAK.last_five()).unwrap();
    let before = pool().used;
    for computer in lab.computers() {
        let mut conn = connect(computer).await;
        let seen = observe(&mut *conn).await;
        let done = install_key(&mut *conn, seen.computer, ServiceFamily::SPP, &mak, QUICK).await;
        assert_eq!(done.notes, [] as [String; 0]);
        done.outcome.unwrap();
        let seen = done.observation.unwrap();
        let product = windows(&seen);
        assert_eq!(product.key_type, KeyType::Mak);
        assert_ne!(product.license_status, LicenseStatus::Licensed);

        let data = installation_id(&mut *conn, product).await.unwrap();
        let pid = data.product_key_id.unwrap();
        let acquired = service.acquire(&pid, &data.installation_id).await.unwrap();
        let again = service.acquire(&pid, &data.installation_id).await.unwrap();
        assert_eq!(acquired.confirmation_id, again.confirmation_id);

        let confirmation = Confirmation {
            installation_id: Some(data.installation_id),
            confirmation_id: acquired.confirmation_id,
            acquired: Some(Utc::now()),
        };
        let done = deposit(&mut *conn, product, &confirmation, QUICK).await;
        assert_eq!(done.outcome.unwrap(), Deposit::Licensed);
        let licensed = done.observation.unwrap();
        assert!(windows(&licensed).is_licensed_mak());

        let done = deposit(&mut *conn, windows(&licensed), &confirmation, QUICK).await;
        assert_eq!(done.outcome.unwrap(), Deposit::AlreadyLicensed);
        let done = activate(&mut *conn, windows(&licensed), QUICK).await;
        assert_eq!(done.outcome.unwrap(), Activation::AlreadyLicensed);
    }
    assert_eq!(pool().used, before + 40);
    assert_eq!(lab.totals().activate, 0);
    assert_eq!(
        service.remaining(&any_pid(&lab).await).await.unwrap(),
        Some(pool().remaining)
    );
}

/// The extended PID of the MAK that the first computer carries.
async fn any_pid(lab: &Lab) -> makeeper::model::ExtendedPid {
    let seen = observe(&mut *connect(&lab.computers()[0]).await).await;
    windows(&seen).product_key_id.clone().unwrap()
}

/// A client computer of the core network with the given MAK installed.
async fn with_mak(
    lab: &Lab,
    mak: &keys::LabKey,
    options: &ConnectOptions,
) -> (Box<dyn WmiConnection>, Product, String) {
    let computer = lab
        .computers()
        .iter()
        .find(|c| c.name.starts_with("CON-PC-02"))
        .unwrap();
    let mut conn = connect_with(computer, options).await;
    let seen = observe(&mut *conn).await;
    let done = install_key(&mut *conn, seen.computer, ServiceFamily::SPP, &key(mak), QUICK).await;
    done.outcome.unwrap();
    let product = windows(&done.observation.unwrap()).clone();
    (conn, product, computer.name.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_longer_than_the_time_out_is_waited_for_and_spends_one() {
    let lab = lab(EstateKind::Contoso).await;
    let impatient = ConnectOptions {
        operation_timeout: Duration::from_millis(500),
        ..ConnectOptions::default()
    };
    let (mut conn, product, name) = with_mak(&lab, &keys::WINDOWS_CLIENT_MAK, &impatient).await;
    lab.set_activate_time(Duration::from_secs(3));
    let pool = || lab.service().pool(keys::WINDOWS_CLIENT_MAK.last_five()).unwrap().used;
    let before = pool();

    let hasty = Patience {
        give_up_after: Duration::from_millis(300),
        ..QUICK
    };
    let done = activate(&mut *conn, &product, hasty).await;
    assert!(
        matches!(done.outcome, Ok(Activation::StillRunning { .. })),
        "{:?}",
        done.outcome
    );
    // Asked again while it still runs, the computer says so, and it is waited for.
    let done = activate(&mut *conn, &product, QUICK).await;
    assert_eq!(done.outcome.unwrap(), Activation::Licensed);
    assert!(windows(&done.observation.unwrap()).is_licensed_mak());
    assert_eq!(pool(), before + 1);
    assert_eq!(lab.counters(&name).unwrap().activate_on_licensed_mak, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_computer_and_service_come_through_with_their_codes() {
    let lab = lab(EstateKind::Contoso).await;
    let service = service(&lab);
    let (mut conn, product, _) = with_mak(&lab, &keys::BLOCKED_MAK, &ConnectOptions::default()).await;
    let done = activate(&mut *conn, &product, QUICK).await;
    let failure = done.outcome.unwrap_err().failure();
    assert_eq!(failure.code, Some(HResult(0xC004_C003)), "{failure}");

    let data = installation_id(&mut *conn, &product).await.unwrap();
    let pid = data.product_key_id.unwrap();
    let error = service.acquire(&pid, &data.installation_id).await.unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::KeyBlocked), "{error}");

    // A key of another product is refused by the computer, and its text appears nowhere.
    let server = key(&keys::WINDOWS_SERVER_MAK);
    let computer = product.computer.unwrap();
    let done = install_key(&mut *conn, computer, ServiceFamily::SPP, &server, QUICK).await;
    let error = done.outcome.unwrap_err();
    assert!(
        matches!(error, LicensingError::Wmi(WmiError::Failed { .. })),
        "{error:?}"
    );
    assert!(!format!("{error:?} {error}").contains("WWRVR"));

    lab.service().set_fault(ServiceFault::Html);
    let error = service.acquire(&pid, &data.installation_id).await.unwrap_err();
    assert!(matches!(error, ActivationError::WebPage { .. }), "{error:?}");
    lab.service().set_fault(ServiceFault::Http500);
    let error = service.acquire(&pid, &data.installation_id).await.unwrap_err();
    assert!(
        matches!(error, ActivationError::Status { status: 500, .. }),
        "{error:?}"
    );
    lab.service().set_fault(ServiceFault::CloseBeforeAnswer);
    let error = service.acquire(&pid, &data.installation_id).await.unwrap_err();
    assert!(
        matches!(error, ActivationError::Broken { .. }) && error.may_have_been_charged(),
        "{error:?}"
    );
}
