//! The lab against WS-Management clients that others wrote: pypsrp and pywinrm, unmodified, over sealed NTLM.
//!
//! `MAKEEPER_PYTHON` names a Python that has both (a virtual environment); without them the test fails where `CI` is
//! set and says why it is skipped elsewhere.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it is skipped"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use makeeper::lab::{Account, EstateKind, Lab, LabConfig, keys};
use serde_json::{Value, json};

fn python() -> String {
    std::env::var("MAKEEPER_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// True when both packages can be imported.
fn has_clients() -> bool {
    let found = Command::new(python())
        .args(["-c", "import pypsrp, winrm"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success());
    assert!(
        found || std::env::var_os("CI").is_none(),
        "{} lacks pypsrp or pywinrm: set MAKEEPER_PYTHON to a Python that has them",
        python()
    );
    if !found {
        println!("skipped: {} lacks pypsrp or pywinrm (set MAKEEPER_PYTHON)", python());
    }
    found
}

async fn run(script: &str, lab: &Lab, computer: &str, version: &str) -> Value {
    let address = lab.address_of(computer).unwrap();
    let admin = Account::admin();
    let input = json!({
        "host": address.ip().to_string(),
        "port": address.port(),
        "user": format!(r"{}\{}", admin.domain, admin.user),
        "password": admin.password,
        "key": keys::WINDOWS_CLIENT_MAK.text,
        "version": version,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    // Python talks to a lab in this very process: the runtime must not wait for it.
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(python())
            .arg(path)
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .env("NO_PROXY", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.to_string().as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
    .await
    .unwrap()
}

async fn lab() -> Lab {
    Lab::start(LabConfig {
        estates: vec![EstateKind::IsolatedLab],
        ..LabConfig::default()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pypsrp_enumerates_installs_keys_and_is_refused_with_a_wrong_password() {
    if !has_clients() {
        return;
    }
    let lab = lab().await;
    // LAB-PC-015: Windows 10, reports failed methods as provider faults.
    let out = run("check_pypsrp.py", &lab, "LAB-PC-015", "10.0.19045.4651").await;
    println!("{out:#}");
    assert_eq!(out["negotiate"], "LAB-PC-015");
    assert_eq!(out["ntlm"], "LAB-PC-015");
    let licenses = out["licenses"].as_u64().unwrap();
    assert!(licenses > 30);
    assert_eq!(out["exchanges"].as_u64().unwrap(), licenses.div_ceil(7));
    assert_eq!(out["before"].as_array().unwrap().len(), 1);
    assert_eq!(out["bad_key"]["code"], 0x8033_8102_u32);
    assert!(out["bad_key"]["reason"].to_string().contains("0xC004F050"));
    assert_eq!(out["good_key"], "0");
    assert_eq!(
        out["after"][0]["PartialProductKey"],
        keys::WINDOWS_CLIENT_MAK.last_five()
    );
    assert_eq!(out["after"][0]["LicenseStatus"], "2");
    assert_eq!(out["bad_query"], 0x8033_8102_u32);
    assert!(
        out["wrong_password"].to_string().contains("401") || out["wrong_password"].to_string().contains("authenticate")
    );
    assert!(lab.counters("LAB-PC-015").unwrap().refused > 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pywinrm_sends_raw_soap_through_its_sealed_transport() {
    if !has_clients() {
        return;
    }
    let lab = lab().await;
    // LAB-PC-002: Windows 7.
    let out = run("check_pywinrm.py", &lab, "LAB-PC-002", "6.1.7601.17514").await;
    println!("{out:#}");
    assert_eq!(out["identify"], "Microsoft Corporation");
    assert_eq!(out["row"]["CSName"], "LAB-PC-002");
    assert_eq!(out["good_key"], "0");
    assert!(
        out["bad_key"].to_string().to_lowercase().contains("c004f050"),
        "{}",
        out["bad_key"]
    );
    assert!(out["wrong_password"].to_string().contains("credentials"));
    assert_eq!(out["unsealed"], "500");
    let products = lab.products("LAB-PC-002").unwrap();
    assert_eq!(products[0].last_five, keys::WINDOWS_CLIENT_MAK.last_five());
    // LAB-PC-017: Windows 10 that words failures as MSFT_WmiError.
    let out = run("check_pywinrm.py", &lab, "LAB-PC-017", "10.0.19045.4651").await;
    assert_eq!(out["bad_key"]["data"]["wmierror_code"], 0xC004_F050_u32.to_string());
    assert!(
        out["bad_key"].to_string().to_lowercase().contains("c004f050"),
        "{}",
        out["bad_key"]
    );
    lab.stop().await;
}
