//! WMI over COM against the WMI of the Windows - or the Wine - that this runs on.
#![cfg(windows)]

use std::time::Duration;

use makeeper::model::{FailureClass, HResult, Secret, WayIn};
use makeeper::wmi::{self, ConnectOptions, Credentials, Namespace, ObjectPath, Param, Target, WmiConnection, WmiError};

const HKEY_LOCAL_MACHINE: &str = "2147483650";

/// `tests/windows/cross` sets it.
fn is_wine() -> bool {
    std::env::var_os("WINEPREFIX").is_some()
}

async fn this_computer() -> Box<dyn WmiConnection> {
    let target = Target::new("localhost", false);
    let options = ConnectOptions::default();
    wmi::connect(WayIn::Dcom, &target, &Credentials::logged_on_user(), &options)
        .await
        .unwrap()
}

fn registry() -> ObjectPath<'static> {
    ObjectPath {
        namespace: Namespace::Default,
        class: "StdRegProv",
        key: None,
    }
}

#[tokio::test]
async fn operating_system_and_computer_system_are_read_with_their_types() {
    let mut wmi = this_computer().await;
    let rows = wmi
        .query(
            Namespace::Cimv2,
            "SELECT Caption, Version, BuildNumber, LastBootUpTime, OSLanguage, Primary FROM Win32_OperatingSystem",
        )
        .await
        .unwrap();
    let [system] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(
        system.text("Caption").is_some_and(|c| c.contains("Windows")),
        "{system:?}"
    );
    assert!(system.text("Version").is_some_and(|v| v.contains('.')), "{system:?}");
    assert!(system.number("OSLanguage").is_some_and(|n| n > 0), "{system:?}");
    assert_eq!(system.boolean("Primary"), Some(true), "{system:?}");
    assert!(system.time("LastBootUpTime").is_some(), "{system:?}");
    assert_eq!(system.properties.len(), 6, "only what was asked: {system:?}");

    let rows = wmi
        .query(
            Namespace::Cimv2,
            "SELECT Name, DomainRole, Domain FROM Win32_ComputerSystem",
        )
        .await
        .unwrap();
    let name = rows.first().and_then(|r| r.text("Name")).unwrap();
    let expected = std::env::var("COMPUTERNAME").unwrap();
    assert!(name.eq_ignore_ascii_case(&expected), "{name} is not {expected}");
}

#[tokio::test]
async fn many_rows_come_in_batches() {
    let mut wmi = this_computer().await;
    let rows = wmi
        .query(Namespace::Cimv2, "SELECT Name FROM Win32_Service")
        .await
        .unwrap();
    assert!(rows.len() > 8, "{} services", rows.len());
    assert!(rows.iter().all(|r| r.text("Name").is_some()));
}

#[tokio::test]
async fn registry_strings_are_written_read_and_deleted() {
    let mut wmi = this_computer().await;
    let key = format!("Software\\MAKeeper test {}", std::process::id());
    let place: &[(&str, Param<'_>)] = &[
        ("hDefKey", Param::Text(HKEY_LOCAL_MACHINE)),
        ("sSubKeyName", Param::Text(&key)),
    ];
    let result = |out: &makeeper::wmi::Instance| out.number("ReturnValue");
    let made = wmi.invoke(registry(), "CreateKey", place).await.unwrap();
    assert_eq!(result(&made), Some(0), "{made:?}");

    let text = "1688 \u{e9}\u{7530} \"quoted\"";
    let mut write = place.to_vec();
    write.push(("sValueName", Param::Text("Port")));
    write.push(("sValue", Param::Text(text)));
    let written = wmi.invoke(registry(), "SetStringValue", &write).await.unwrap();
    assert_eq!(result(&written), Some(0), "{written:?}");

    write.pop();
    let read = wmi.invoke(registry(), "GetStringValue", &write).await.unwrap();
    assert_eq!(read.text("sValue"), Some(text), "{read:?}");

    let values = wmi.invoke(registry(), "EnumValues", place).await.unwrap();
    assert_eq!(values.array("sNames"), ["Port"], "{values:?}");

    let deleted = wmi.invoke(registry(), "DeleteValue", &write).await;
    if is_wine() {
        // WBEM_E_METHOD_NOT_IMPLEMENTED: the registry provider of Wine has few methods.
        assert_eq!(deleted.unwrap_err().code(), Some(HResult(0x8004_1055)));
        return;
    }
    assert_eq!(result(&deleted.unwrap()), Some(0));
    let gone = wmi.invoke(registry(), "GetStringValue", &write).await.unwrap();
    assert_eq!(
        result(&gone),
        Some(2),
        "a value that is not there is no failure of the call: {gone:?}"
    );
    wmi.invoke(registry(), "DeleteKey", place).await.unwrap();
}

#[tokio::test]
async fn absent_classes_and_methods_have_their_own_errors() {
    let mut wmi = this_computer().await;
    let absent = wmi
        .query(Namespace::Cimv2, "SELECT A FROM OfficeSoftwareProtectionNothing")
        .await;
    // Wine finds no objects of a class it does not have.
    let by_wine = is_wine() && matches!(&absent, Ok(rows) if rows.is_empty());
    assert!(
        by_wine
            || matches!(&absent, Err(WmiError::NoSuchClass { class, .. }) if class == "OfficeSoftwareProtectionNothing"),
        "{absent:?}"
    );
    let nonsense = wmi.query(Namespace::Cimv2, "SELEKT nothing").await;
    assert!(matches!(nonsense, Err(WmiError::InvalidQuery { .. })), "{nonsense:?}");
    let class = ObjectPath {
        namespace: Namespace::Cimv2,
        class: "SoftwareLicensingNothing",
        key: Some(("Version", "1")),
    };
    let absent = wmi.invoke(class, "InstallProductKey", &[]).await;
    assert!(matches!(absent, Err(WmiError::NoSuchClass { .. })), "{absent:?}");
    let method = wmi.invoke(registry(), "NoSuchMethod", &[]).await;
    assert!(matches!(method, Err(WmiError::Failed { .. })), "{method:?}");
    // The connection is as good as before.
    assert!(
        wmi.query(Namespace::Cimv2, "SELECT Name FROM Win32_ComputerSystem")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_parameter_that_is_not_of_its_type_is_refused_before_anything_is_called() {
    let mut wmi = this_computer().await;
    let wrong = wmi
        .invoke(
            registry(),
            "GetStringValue",
            &[
                ("hDefKey", Param::Text("HKLM")),
                ("sSubKeyName", Param::Secret("SECRET-KEY")),
            ],
        )
        .await
        .unwrap_err();
    assert_eq!(wrong.code(), Some(HResult(0x8004_1005)), "{wrong}");
    assert!(
        wrong.to_string().contains("hDefKey") && !wrong.to_string().contains("SECRET"),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_computer_that_cannot_be_reached_is_named_with_a_class_to_act_on() {
    // An address of TEST-NET-1 (RFC 5737): nobody has it.
    let target = Target::new("PC-1", false).at(Some("192.0.2.1"), None);
    let options = ConnectOptions {
        sign_in_timeout: Duration::from_secs(3),
        ..ConnectOptions::default()
    };
    let credentials = Credentials::new("LAB\\anna", Secret::new("wrong")).unwrap();
    let connected = wmi::connect(WayIn::Dcom, &target, &credentials, &options).await;
    let failure = connected.err().unwrap().failure();
    assert!(
        matches!(failure.class, FailureClass::Hung | FailureClass::Firewall)
            || is_wine() && failure.class == FailureClass::Network,
        "{failure:?}"
    );
    assert!(failure.message.starts_with("PC-1 "), "{failure:?}");
}
