//! Updating the license status: what is asked, what is made of the answers, and what may be missing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod licensing_support;

use chrono::{DateTime, TimeDelta, Utc};
use licensing_support::*;
use makeeper::licensing::{LicensingError, choose_client_setup_key, collect};
use makeeper::model::{
    ApplicationId, ComputerId, Failure, FailureClass, GenuineStatus, HResult, KeyType, LicenseStatus, NetworkKind,
    Observation, Product, ProductId, ServiceFamily, VolumeActivationType,
};
use makeeper::wmi::{WmiConnection, WmiError};

fn at() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

async fn read(conn: &mut dyn WmiConnection) -> Result<Observation, LicensingError> {
    collect(conn, ComputerId::from_name("LAB-PC-014"), at()).await
}

#[tokio::test]
async fn one_visit_tells_everything_in_six_exchanges() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[mak_row()]));
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(computer.asked.len(), 6, "{:#?}", computer.asked);

    assert_eq!(seen.reported_name.as_deref(), Some("LAB-PC-014.contoso.example"));
    let network = seen.network.clone().unwrap();
    assert_eq!((network.kind, &*network.name), (NetworkKind::Domain, "contoso.example"));
    assert_eq!(
        (&*seen.os_edition, &*seen.os_version),
        ("Windows 11 Enterprise", "10.0.26100")
    );
    assert_eq!(seen.mac_addresses.len(), 1);
    assert_eq!(&*seen.mac_addresses[0], "00-15-5D-0A-1B-2C");
    assert_eq!(seen.is_kms_host, Some(false));
    assert_eq!(seen.complete, [ServiceFamily::SPP, ServiceFamily::OSPP]);

    let [windows] = seen.products.as_slice() else {
        panic!("{:#?}", seen.products)
    };
    assert_eq!(windows.application, ApplicationId::WINDOWS);
    assert_eq!(windows.sku.unwrap().to_string(), MAK_SKU);
    assert_eq!(windows.key_type, KeyType::Mak);
    assert_eq!(windows.partial_product_key.unwrap().as_str(), "22222");
    assert_eq!(windows.product_key_id.as_ref().unwrap().key_group(), 3290);
    assert_eq!(windows.license_status, LicenseStatus::InOobGrace);
    assert_eq!(windows.license_status_reason, Some(HResult(0x4004_F040)));
    assert_eq!(windows.genuine_status, GenuineStatus::Genuine);
    assert_eq!(windows.grace_expires, Some(at() + TimeDelta::days(30)));
    assert_eq!(windows.installation_id.as_ref().unwrap().digits(), IID);
    assert_eq!(windows.service, ServiceFamily::SPP);
    assert_eq!(&*windows.version, "10.0.26100.1");
    assert_eq!(&*windows.cmid, "5d0e3c2a-1111-2222-3333-444455556666");
}

#[tokio::test]
async fn a_kms_client_tells_its_host_and_when_it_has_to_renew() {
    let client = with(
        &mak_row(),
        &[
            ("Description", "Windows(R) Operating System, VOLUME_KMSCLIENT channel"),
            ("ProductKeyChannel", "Volume:GVLK"),
            ("LicenseStatus", "1"),
            ("LicenseStatusReason", "0"),
            ("GracePeriodRemaining", "259200"),
            ("VLActivationType", "2"),
            ("KeyManagementServiceMachine", ""),
            ("KeyManagementServicePort", "0"),
            ("DiscoveredKeyManagementServiceMachineName", "kms01.contoso.example"),
            ("DiscoveredKeyManagementServiceMachinePort", "1688"),
        ],
    );
    let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, std::slice::from_ref(&client)));
    let windows = read(&mut computer).await.unwrap().products.remove(0);
    assert_eq!(windows.key_type, KeyType::Gvlk);
    assert_eq!(windows.license_status_reason, None);
    assert_eq!(windows.grace_expires, Some(at() + TimeDelta::days(180)));
    assert_eq!(windows.volume.activated_by, VolumeActivationType::KeyManagementService);
    assert_eq!(
        (&*windows.volume.kms_host, windows.volume.kms_port),
        ("kms01.contoso.example", Some(1688))
    );
}

#[tokio::test]
async fn a_permanent_license_has_no_end() {
    let licensed = with(&mak_row(), &[("LicenseStatus", "1"), ("GracePeriodRemaining", "0")]);
    let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, std::slice::from_ref(&licensed)));
    let windows = read(&mut computer).await.unwrap().products.remove(0);
    assert_eq!(windows.grace_expires, None);
    assert!(windows.is_licensed_mak());
}

#[tokio::test]
async fn an_older_generation_is_asked_with_older_property_lists() {
    // Announces nothing of its version and knows the properties of Windows 7 only.
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        let query = asked.query();
        let newer = ["ProductKeyChannel", "VLActivationType", "ADActivation"];
        if query.contains("SoftwareLicensingProduct") && newer.iter().any(|p| query.contains(p)) {
            return Err(invalid_query(query));
        }
        if query.contains("SoftwareLicensingService") {
            return Ok(vec![row(&[("Version", "(null)")])]);
        }
        ordinary(asked, &[with(&mak_row(), &[("ProductKeyChannel", "(null)")])])
    });
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(seen.products[0].key_type, KeyType::Mak);
    let products: Vec<_> = computer
        .queries()
        .into_iter()
        .filter(|q| q.contains("FROM SoftwareLicensingProduct"))
        .map(str::to_owned)
        .collect();
    assert_eq!(products.len(), 3, "{products:#?}");
    assert!(products[2].contains("GenuineStatus"), "{products:#?}");
}

#[tokio::test]
async fn a_server_that_understands_no_projection_is_asked_for_everything() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        let query = asked.query();
        if !query.starts_with("SELECT * ") {
            return Err(failed(query, 0x8004_1017));
        }
        ordinary(asked, &[mak_row()])
    });
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(seen.products[0].key_type, KeyType::Mak);
    assert_eq!(&*seen.os_version, "10.0.26100");
}

#[tokio::test]
async fn a_class_of_which_no_query_is_valid_is_absent() {
    // WinRM tells an absent class and an unknown property with the same fault.
    let mut computer = ScriptedComputer::new(|asked: &Asked| match asked.query() {
        query if query.contains("Office") => Err(invalid_query(query)),
        _ => ordinary(asked, &[mak_row()]),
    });
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(seen.complete, [ServiceFamily::SPP, ServiceFamily::OSPP]);

    let mut computer = ScriptedComputer::new(|asked: &Asked| Err(invalid_query(asked.query())));
    let failure = read(&mut computer).await.unwrap_err().failure();
    assert_eq!(failure.class, FailureClass::ProviderMissing, "{failure}");
}

#[tokio::test]
async fn auxiliary_classes_may_fail() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| match asked.query() {
        query if query.contains("Win32_") => Err(failed(query, 0x8004_1001)),
        query if query.contains("OfficeSoftwareProtectionService") => Err(failed(query, 0x8007_0422)),
        _ => ordinary(asked, &[mak_row()]),
    });
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(seen.products.len(), 1);
    assert_eq!((seen.reported_name, seen.network, &*seen.os_edition), (None, None, ""));
    // Its rows are not known to be gone.
    assert_eq!(seen.complete, [ServiceFamily::SPP]);
}

#[tokio::test]
async fn a_connection_that_dies_after_the_products_costs_one_time_out_only() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| match asked.query() {
        query if query.contains("Win32_") => Err(timed_out(query)),
        _ => ordinary(asked, &[mak_row()]),
    });
    let seen = read(&mut computer).await.unwrap();
    assert_eq!(seen.products.len(), 1);
    assert_eq!(computer.queries().iter().filter(|q| q.contains("Win32_")).count(), 1);
}

#[tokio::test]
async fn licensing_itself_must_answer() {
    let mut computer = ScriptedComputer::new(|_: &Asked| Err(no_class("SoftwareLicensingService")));
    let error = read(&mut computer).await.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::ProviderMissing);

    let lost = Failure {
        class: FailureClass::NoAnswer,
        message: "LAB-PC-014 did not answer".into(),
        code: None,
    };
    let expected = lost.clone();
    let mut computer = ScriptedComputer::new(move |_: &Asked| Err(WmiError::Connection(lost.clone())));
    assert_eq!(read(&mut computer).await.unwrap_err().failure(), expected);
}

#[tokio::test]
async fn windows_without_a_key_is_a_row_all_the_same() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[]));
    let seen = read(&mut computer).await.unwrap();
    let [windows] = seen.products.as_slice() else {
        panic!("{:#?}", seen.products)
    };
    assert_eq!(windows.license_status, LicenseStatus::Unlicensed);
    assert_eq!((windows.sku, windows.key_type), (None, KeyType::Unknown));
    assert_eq!(
        (&*windows.name, &*windows.license_family),
        ("Windows 11 Enterprise", "Enterprise")
    );
}

#[tokio::test]
async fn the_windows_sku_in_use_is_found_among_those_without_a_key() {
    let bare = |id: &str, status: &str| {
        let row = with(&mak_row(), &[("ID", id), ("LicenseStatus", status)]);
        with(&row, &[("PartialProductKey", "(null)"), ("ProductKeyID", "(null)")])
    };
    let all = [bare("aaaaaaaa-0000-4000-8000-000000000002", "0"), bare(MAK_SKU, "5")];
    // This server even ignores the condition on the key.
    let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, &all));
    let seen = read(&mut computer).await.unwrap();
    let [windows] = seen.products.as_slice() else {
        panic!("{:#?}", seen.products)
    };
    assert_eq!(windows.sku.unwrap().to_string(), MAK_SKU);
    assert_eq!(windows.license_status, LicenseStatus::Notification);
    // The channel of an uninstalled SKU is not the type of an installed key.
    assert_eq!(windows.key_type, KeyType::Unknown);
}

#[tokio::test]
async fn office_2010_and_windows_7_office_come_from_their_own_service() {
    let office = row(&[
        ("ID", "6f327760-8c5c-417c-9b61-836a98287e0c"),
        ("ApplicationID", "59a52881-a989-479d-af46-f275c6370663"),
        ("Name", "Office 14, OfficeProPlus-KMS_Client edition"),
        ("Description", "Office 14, VOLUME_KMSCLIENT channel"),
        ("LicenseFamily", "OfficeProPlus-KMS_Client"),
        ("PartialProductKey", "H3GVB"),
        ("LicenseStatus", "1"),
    ]);
    let answer = move |asked: &Asked| match asked.query() {
        q if q.contains("FROM OfficeSoftwareProtectionService") => Ok(vec![row(&[("Version", "14.0.370.400")])]),
        q if q.contains("FROM OfficeSoftwareProtectionProduct") => Ok(vec![office.clone()]),
        _ => ordinary(asked, &[mak_row()]),
    };
    let mut computer = ScriptedComputer::new(answer);
    let seen = read(&mut computer).await.unwrap();
    let office = seen
        .products
        .iter()
        .find(|p| p.application == ApplicationId::OFFICE_2010)
        .unwrap();
    assert_eq!((office.service, office.key_type), (ServiceFamily::OSPP, KeyType::Gvlk));
    let chosen = choose_client_setup_key(&mut computer, office).await.unwrap();
    assert_eq!(chosen.key.last_five().as_str(), "H3GVB");
}

#[tokio::test]
async fn the_client_setup_key_is_that_of_the_license_on_board() {
    let answer = |asked: &Asked| {
        let query = asked.query();
        if query.contains("LIKE") {
            return Err(invalid_query(query));
        }
        let on_board = [
            ("2de67392-b7a7-462a-b1ca-108dd189f588", "Professional"),
            ("73111121-5638-40f6-bc11-f1d7b0d64300", "Enterprise"),
        ];
        let mut rows = vec![mak_row()];
        rows.extend(on_board.map(|(id, family)| {
            row(&[
                ("ID", id),
                ("Description", "Windows(R) Operating System, VOLUME_KMSCLIENT channel"),
                ("LicenseFamily", family),
            ])
        }));
        ordinary(asked, &rows)
    };
    let mut computer = ScriptedComputer::new(answer);
    let id = ComputerId::from_name("LAB-PC-014");
    let mut product = Product::new(
        ProductId::derive(id, ApplicationId::WINDOWS, None),
        Some(id),
        ApplicationId::WINDOWS,
    );
    product.license_family = "Enterprise".into();
    let chosen = choose_client_setup_key(&mut computer, &product).await.unwrap();
    assert_eq!(chosen.title(), "Windows 11 / Windows 10 Enterprise");
    let asked_for_windows = computer
        .queries()
        .iter()
        .any(|q| q.contains(&format!("ApplicationID = '{WINDOWS}'")));
    assert!(asked_for_windows);

    // Without an edition in the list, the computer's own says which.
    product.license_family = "".into();
    let chosen = choose_client_setup_key(&mut computer, &product).await.unwrap();
    assert_eq!(chosen.edition, "Enterprise");

    product.license_family = "Core".into();
    let error = choose_client_setup_key(&mut computer, &product).await.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::NotAllowed);
    assert!(error.to_string().contains("edition Core"), "{error}");
}
