//! Installing keys, activating, depositing confirmation IDs: the order of calls and the guards that save activations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod licensing_support;

use std::time::Duration;

use licensing_support::*;
use makeeper::licensing::{
    Activation, Deposit, Done, Installation, LicensingError, Patience, activate, await_activation, deposit,
    install_key, installation_id,
};
use makeeper::model::{
    ApplicationId, ComputerId, Confirmation, ConfirmationId, Failure, FailureClass, HResult, InstallationId, KeyType,
    LicenseStatus, Product, ProductId, ProductKey, ServiceFamily,
};
use makeeper::wmi::{Instance, WmiConnection, WmiError};

/// Microsoft's published client setup key of Windows Server 2008 R2 Standard: a 2005 key, known by its last five only.
const KEY: &str = "YC6KT-GKW9T-YTKYR-T4X34-R7VHC";

const QUICK: Patience = Patience {
    poll_every: Duration::from_millis(2),
    give_up_after: Duration::from_millis(20),
};

fn mak_product() -> Product {
    let id = ComputerId::from_name("LAB-PC-014");
    let mut product = Product::new(
        ProductId::derive(id, ApplicationId::WINDOWS, None),
        Some(id),
        ApplicationId::WINDOWS,
    );
    product.name = "Windows(R), Enterprise edition".into();
    product.sku = Some(MAK_SKU.parse().unwrap());
    product.service = ServiceFamily::SPP;
    product.key_type = KeyType::Mak;
    product
}

fn confirmation(iid: Option<&str>) -> Confirmation {
    // Eight groups of zeros carry fitting check digits.
    Confirmation {
        installation_id: iid.map(|i| InstallationId::parse(i).unwrap()),
        confirmation_id: ConfirmationId::parse(&"0".repeat(48)).unwrap(),
        acquired: None,
    }
}

fn licensed(row: &Instance) -> Instance {
    with(
        row,
        &[
            ("LicenseStatus", "1"),
            ("LicenseStatusReason", "0"),
            ("GracePeriodRemaining", "0"),
        ],
    )
}

/// Installs [`KEY`].
async fn install(computer: &mut dyn WmiConnection, family: ServiceFamily) -> Done<Installation> {
    let key = ProductKey::parse(KEY).unwrap();
    install_key(computer, ComputerId::from_name("LAB-PC-014"), family, &key, QUICK).await
}

/// A connection that broke while an answer was waited for.
fn lost() -> Failure {
    Failure {
        class: FailureClass::Network,
        message: "the connection broke".into(),
        code: None,
    }
}

fn count(calls: &[&str], what: &str) -> usize {
    calls.iter().filter(|c| c.ends_with(what)).count()
}

/// A computer whose product becomes licensed when `method` is called, with `answer` as what the call itself says.
fn becomes_licensed_by(
    method: &'static str,
    answer: fn() -> Result<(), WmiError>,
) -> ScriptedComputer<impl FnMut(&Asked) -> Answer + Send> {
    let mut product = mak_row();
    ScriptedComputer::new(move |asked: &Asked| {
        if asked.call().ends_with(method) {
            product = licensed(&product);
            answer()?;
        }
        ordinary(asked, std::slice::from_ref(&product))
    })
}

#[tokio::test]
async fn activating_calls_activate_once_then_refreshes_then_looks() {
    let mut computer = becomes_licensed_by(".Activate", || Ok(()));
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    assert_eq!(done.outcome.unwrap(), Activation::Licensed);
    assert_eq!(
        computer.calls(),
        [
            "SoftwareLicensingProduct.Activate",
            "SoftwareLicensingService.RefreshLicenseStatus"
        ]
    );
    let seen = done.observation.unwrap();
    assert_eq!(seen.products[0].license_status, LicenseStatus::Licensed);
    let (key, _) = computer.call_of(".Activate").unwrap();
    assert_eq!(key, Some(format!("ID={MAK_SKU}").as_str()));
}

#[tokio::test]
async fn a_licensed_mak_is_never_activated_again() {
    let row = licensed(&mak_row());
    let without_channel = with(&row, &[("ProductKeyChannel", "(null)"), ("Description", "")]);
    let kms_host = with(&row, &[("ProductKeyChannel", "Volume:CSVLK")]);
    for row in [row, without_channel, kms_host] {
        let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, std::slice::from_ref(&row)));
        let done = activate(&mut computer, &mak_product(), QUICK).await;
        assert_eq!(done.outcome.unwrap(), Activation::AlreadyLicensed);
        assert_eq!(computer.calls(), [] as [&str; 0]);
        assert!(done.observation.is_some());
    }
}

#[tokio::test]
async fn a_time_out_is_waited_for_and_never_repeated() {
    let (mut product, mut looks) = (mak_row(), 0);
    let mut computer = ScriptedComputer::new(move |asked: &Asked| {
        if asked.call().ends_with(".Activate") {
            return Err(timed_out("Activate"));
        }
        if asked.query().starts_with("SELECT LicenseStatus,") {
            looks += 1;
            if looks == 3 {
                product = licensed(&product);
            }
        }
        ordinary(asked, std::slice::from_ref(&product))
    });
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    assert_eq!(done.outcome.unwrap(), Activation::Licensed);
    assert_eq!(count(&computer.calls(), ".Activate"), 1);
}

#[tokio::test]
async fn an_activation_that_does_not_end_is_said_to_be_running_still() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        if asked.call().ends_with(".Activate") {
            // SL_E_ACTIVATION_IN_PROGRESS: somebody else's request runs already.
            return Err(failed("Activate", 0xC004_E028));
        }
        ordinary(asked, &[mak_row()])
    });
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    let outcome = done.outcome.unwrap();
    assert!(
        matches!(outcome, Activation::StillRunning { waited } if waited >= QUICK.give_up_after),
        "{outcome:?}"
    );
    assert_eq!(count(&computer.calls(), ".Activate"), 1);
    assert_eq!(
        done.observation.unwrap().products[0].license_status,
        LicenseStatus::InOobGrace
    );
}

#[tokio::test]
async fn a_connection_lost_after_sending_leaves_the_outcome_open_and_a_new_one_finds_out() {
    let broken = || {
        WmiError::Connection(Failure {
            class: FailureClass::Network,
            message: "the connection to LAB-PC-014 broke".into(),
            code: None,
        })
    };
    let mut sent = false;
    let mut computer = ScriptedComputer::new(move |asked: &Asked| {
        sent |= asked.call().ends_with(".Activate");
        if sent {
            Err(broken())
        } else {
            ordinary(asked, &[mak_row()])
        }
    });
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    assert!(
        matches!(done.outcome, Ok(Activation::StillRunning { .. })),
        "{:?}",
        done.outcome
    );
    assert!(done.observation.is_none());
    assert_eq!(count(&computer.calls(), ".Activate"), 1);

    let mut again = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[licensed(&mak_row())]));
    let done = await_activation(&mut again, &mak_product(), QUICK).await;
    assert_eq!(done.outcome.unwrap(), Activation::Licensed);
    assert_eq!(count(&again.calls(), ".Activate"), 0);
}

#[tokio::test]
async fn an_error_code_comes_back_with_the_state_it_left() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        if asked.call().ends_with(".Activate") {
            return Err(failed("SoftwareLicensingProduct.Activate", 0xC004_C020));
        }
        ordinary(asked, &[mak_row()])
    });
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    let failure = done.outcome.unwrap_err().failure();
    assert_eq!(
        (failure.class, failure.code),
        (FailureClass::Licensing, Some(HResult(0xC004_C020)))
    );
    assert!(done.observation.is_some());
}

#[tokio::test]
async fn success_without_a_license_is_not_success() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[mak_row()]));
    let done = activate(&mut computer, &mak_product(), QUICK).await;
    let error = done.outcome.unwrap_err();
    assert!(
        matches!(
            error,
            LicensingError::NotLicensed {
                status: LicenseStatus::InOobGrace,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_activated_is_not_sent() {
    let cases = [
        (with(&mak_row(), &[("VLActivationTypeEnabled", "3")]), "token-based"),
        (with(&mak_row(), &[("PartialProductKey", "(null)")]), "no product key"),
        (
            with(&mak_row(), &[("ID", "aaaaaaaa-0000-4000-8000-00000000000f")]),
            "no longer has",
        ),
    ];
    for (row, message) in cases {
        let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, std::slice::from_ref(&row)));
        let done = activate(&mut computer, &mak_product(), QUICK).await;
        let error = done.outcome.unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("LAB-PC-014"), "{error}");
        assert_eq!(computer.calls(), [] as [&str; 0]);
    }
    let mut bare = mak_product();
    bare.sku = None;
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[]));
    let error = activate(&mut computer, &bare, QUICK).await.outcome.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::NotAllowed);
    assert!(computer.asked.is_empty());
}

#[tokio::test]
async fn a_code_without_words_gets_those_of_the_catalogue() {
    let refuse = |words: &'static str| {
        let mut computer = ScriptedComputer::new(move |asked: &Asked| match asked.call() {
            "SoftwareLicensingService.InstallProductKey" => Err(WmiError::Failed {
                computer: "LAB-PC-014".into(),
                operation: asked.call().into(),
                code: HResult(0xC004_F050),
                message: words.into(),
            }),
            _ => ordinary(asked, &[mak_row()]),
        });
        async move {
            let done = install(&mut computer, ServiceFamily::SPP).await;
            done.outcome.unwrap_err().failure().message
        }
    };
    let told = refuse("").await;
    assert!(told.ends_with("0xC004F050: Product key is invalid"), "{told}");
    assert!(
        refuse("Der Schlüssel ist ungültig.")
            .await
            .ends_with(": Der Schlüssel ist ungültig.")
    );
}

#[tokio::test]
async fn a_key_is_installed_in_the_order_of_slmgr() {
    let carrier = with(
        &mak_row(),
        &[("PartialProductKey", "R7VHC"), ("ProductKeyID", "(null)")],
    );
    let mut computer = ScriptedComputer::new(move |asked: &Asked| match asked.call() {
        // Not found, then denied: slmgr ignores both.
        "StdRegProv.DeleteValue" => Ok(vec![row(&[(
            "ReturnValue",
            if format!("{asked:?}").contains("Wow6432Node") {
                "5"
            } else {
                "2"
            },
        )])]),
        _ => ordinary(asked, std::slice::from_ref(&carrier)),
    });
    let key = ProductKey::parse(KEY).unwrap();
    let done = install(&mut computer, ServiceFamily::SPP).await;
    let installed = done.outcome.unwrap().installed().unwrap();
    assert_eq!(installed.last_five, key.last_five());
    assert_eq!(installed.sku.unwrap().to_string(), MAK_SKU);
    assert_eq!(done.notes, [] as [String; 0]);
    assert_eq!(
        computer.calls(),
        [
            "SoftwareLicensingService.InstallProductKey",
            "SoftwareLicensingService.RefreshLicenseStatus",
            "StdRegProv.DeleteValue",
            "StdRegProv.DeleteValue",
        ]
    );
    let (key, parameters) = computer.call_of(".InstallProductKey").unwrap();
    assert_eq!(key, Some("Version=10.0.26100.1"));
    assert_eq!(parameters, &[("ProductKey".to_owned(), "(secret)".to_owned())]);
}

/// Installs the key on a computer that does not answer the installation, and carries the key from its `after`th look on.
async fn install_unanswered(after: usize, broken: fn() -> WmiError) -> (Done<Installation>, Vec<String>) {
    let carrier = with(
        &mak_row(),
        &[("PartialProductKey", "R7VHC"), ("ProductKeyID", "(null)")],
    );
    let mut looks = 0;
    let mut computer = ScriptedComputer::new(move |asked: &Asked| {
        if asked.call().ends_with(".InstallProductKey") {
            return Err(broken());
        }
        if asked.query().contains("FROM SoftwareLicensingProduct") {
            looks += 1;
        }
        let product = if looks > after { &carrier } else { &mak_row() };
        ordinary(asked, std::slice::from_ref(product))
    });
    let done = install(&mut computer, ServiceFamily::SPP).await;
    let calls = computer.calls().iter().map(|c| (*c).to_owned()).collect();
    (done, calls)
}

#[tokio::test]
async fn a_key_whose_installation_was_not_answered_is_looked_for_and_never_sent_again() {
    for broken in [|| timed_out("InstallProductKey"), || WmiError::Connection(lost())] {
        let (done, calls) = install_unanswered(2, broken).await;
        let installed = done.outcome.unwrap().installed().unwrap();
        assert_eq!(installed.sku.unwrap().to_string(), MAK_SKU);
        assert!(done.observation.is_some());
        let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
        assert_eq!(count(&calls, ".InstallProductKey"), 1);
        assert_eq!(count(&calls, ".RefreshLicenseStatus"), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_not_seen_on_the_computer_is_not_called_not_installed() {
    let (done, calls) = install_unanswered(usize::MAX, || timed_out("InstallProductKey")).await;
    assert!(
        matches!(done.outcome, Ok(Installation::NotKnown { waited }) if waited >= QUICK.give_up_after),
        "{:?}",
        done.outcome
    );
    // What the computer carries instead is news all the same.
    let five = done.observation.unwrap().products[0].partial_product_key;
    assert_eq!(five.unwrap().as_str(), "22222");
    assert_eq!(calls, ["SoftwareLicensingService.InstallProductKey"]);
}

#[tokio::test]
async fn a_computer_that_is_lost_while_its_key_is_looked_for_is_not_waited_for() {
    let mut sent = false;
    let mut computer = ScriptedComputer::new(move |asked: &Asked| {
        sent |= asked.call().ends_with(".InstallProductKey");
        if sent {
            return Err(WmiError::Connection(lost()));
        }
        ordinary(asked, &[mak_row()])
    });
    let key = ProductKey::parse(KEY).unwrap();
    let patient = Patience {
        give_up_after: Duration::from_mins(10),
        ..QUICK
    };
    let id = ComputerId::from_name("LAB-PC-014");
    let done = install_key(&mut computer, id, ServiceFamily::SPP, &key, patient).await;
    assert!(
        matches!(done.outcome, Ok(Installation::NotKnown { .. })),
        "{:?}",
        done.outcome
    );
    assert!(done.observation.is_none());
    assert!(done.notes[0].contains("ended early"), "{:?}", done.notes);
}

#[tokio::test]
async fn a_time_out_before_the_key_is_sent_is_a_plain_failure() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| match asked.query() {
        q if q.contains("FROM SoftwareLicensingService") => Err(timed_out("the query")),
        _ => ordinary(asked, &[mak_row()]),
    });
    let done = install(&mut computer, ServiceFamily::SPP).await;
    assert_eq!(done.outcome.unwrap_err().failure().class, FailureClass::TimedOut);
    assert_eq!(computer.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_kms_host_is_marked_in_the_registry_and_a_failure_there_is_a_note() {
    let host = with(
        &mak_row(),
        &[
            ("PartialProductKey", "R7VHC"),
            ("ProductKeyID", "(null)"),
            ("ProductKeyChannel", "Volume:CSVLK"),
        ],
    );
    let mut computer = ScriptedComputer::new(move |asked: &Asked| match asked.call() {
        "StdRegProv.SetStringValue" => Ok(vec![row(&[("ReturnValue", "1450")])]),
        "SoftwareLicensingService.RefreshLicenseStatus" => Err(failed("RefreshLicenseStatus", 0xC004_F075)),
        _ => ordinary(asked, std::slice::from_ref(&host)),
    });
    let done = install(&mut computer, ServiceFamily::SPP).await;
    assert!(done.outcome.is_ok());
    assert_eq!(done.notes.len(), 3, "{:#?}", done.notes);
    assert!(
        done.notes[0].contains("0xC004F075") && done.notes[1].contains("error 1450"),
        "{:#?}",
        done.notes
    );
}

#[tokio::test]
async fn a_refused_key_appears_in_no_message() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        if asked.call().ends_with(".InstallProductKey") {
            return Err(failed("SoftwareLicensingService.InstallProductKey", 0xC004_F050));
        }
        ordinary(asked, &[mak_row()])
    });
    let done = install(&mut computer, ServiceFamily::SPP).await;
    let error = done.outcome.unwrap_err();
    assert_eq!(error.failure().code, Some(HResult(0xC004_F050)));
    assert!(!format!("{error} {error:?}").contains("GKW9T"));
    assert_eq!(count(&computer.calls(), ".RefreshLicenseStatus"), 0);
}

#[tokio::test]
async fn office_2010_keys_go_to_the_office_service_and_leave_the_registry_alone() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| match asked.query() {
        q if q.contains("FROM OfficeSoftwareProtectionService") => Ok(vec![row(&[("Version", "14.0.370.400")])]),
        q if q.contains("FROM OfficeSoftwareProtectionProduct") => Ok(Vec::new()),
        _ => ordinary(asked, &[mak_row()]),
    });
    let done = install(&mut computer, ServiceFamily::OSPP).await;
    assert!(done.outcome.is_ok());
    assert_eq!(
        computer.calls(),
        [
            "OfficeSoftwareProtectionService.InstallProductKey",
            "OfficeSoftwareProtectionService.RefreshLicenseStatus"
        ]
    );
}

#[tokio::test]
async fn the_installation_id_is_read_with_what_the_service_needs() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[mak_row()]));
    let data = installation_id(&mut computer, &mak_product()).await.unwrap();
    assert_eq!(data.installation_id.digits(), IID);
    assert_eq!(data.product_key_id.unwrap().serial(), 3);
    assert_eq!(
        (data.key_type, data.license_status),
        (KeyType::Mak, LicenseStatus::InOobGrace)
    );

    let mistyped = with(&mak_row(), &[("OfflineInstallationId", &IID.replacen('2', "3", 1))]);
    let mut computer = ScriptedComputer::new(move |asked: &Asked| ordinary(asked, std::slice::from_ref(&mistyped)));
    let error = installation_id(&mut computer, &mak_product()).await.unwrap_err();
    assert!(error.to_string().contains("group 1 of 9"), "{error}");
}

#[tokio::test]
async fn a_confirmation_id_is_deposited_with_the_installation_id_read_just_before() {
    let mut computer = becomes_licensed_by(".DepositOfflineConfirmationId", || Ok(()));
    let done = deposit(&mut computer, &mak_product(), &confirmation(Some(IID)), QUICK).await;
    assert_eq!(done.outcome.unwrap(), Deposit::Licensed);
    assert_eq!(
        computer.calls(),
        [
            "SoftwareLicensingProduct.DepositOfflineConfirmationId",
            "SoftwareLicensingService.RefreshLicenseStatus"
        ]
    );
    let (_, parameters) = computer.call_of(".DepositOfflineConfirmationId").unwrap();
    let expected = [
        ("InstallationId".to_owned(), IID.to_owned()),
        ("ConfirmationId".to_owned(), "0".repeat(48)),
    ];
    assert_eq!(parameters, &expected);
}

#[tokio::test]
async fn a_confirmation_id_for_another_installation_id_is_not_sent() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[mak_row()]));
    let done = deposit(&mut computer, &mak_product(), &confirmation(Some(OTHER_IID)), QUICK).await;
    let error = done.outcome.unwrap_err();
    assert!(
        matches!(&error, LicensingError::InstallationIdChanged { now, .. } if now.digits() == IID),
        "{error:?}"
    );
    assert_eq!(error.failure().class, FailureClass::NotAllowed);
    assert_eq!(computer.calls(), [] as [&str; 0]);
    // The list learns the installation ID of today.
    assert_eq!(
        done.observation.unwrap().products[0]
            .installation_id
            .as_ref()
            .unwrap()
            .digits(),
        IID
    );
}

#[tokio::test]
async fn nothing_is_deposited_on_a_licensed_product() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| ordinary(asked, &[licensed(&mak_row())]));
    let done = deposit(&mut computer, &mak_product(), &confirmation(Some(IID)), QUICK).await;
    assert_eq!(done.outcome.unwrap(), Deposit::AlreadyLicensed);
    assert_eq!(computer.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_confirmation_id_of_unknown_origin_is_tried_and_the_computer_decides() {
    let mut computer = ScriptedComputer::new(|asked: &Asked| {
        if asked.call().ends_with(".DepositOfflineConfirmationId") {
            return Err(failed("DepositOfflineConfirmationId", 0xC004_F031));
        }
        ordinary(asked, &[mak_row()])
    });
    let done = deposit(&mut computer, &mak_product(), &confirmation(None), QUICK).await;
    assert_eq!(done.outcome.unwrap_err().failure().code, Some(HResult(0xC004_F031)));
    assert_eq!(computer.calls().len(), 1);
}
