//! The sample lists are what the program writes, byte for byte.

use std::path::Path;
use std::process::Command;

use makeeper::model::{KeyType, LicenseStatus};
use makeeper::workspace::{Mode, Workspace};

fn sample(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

#[test]
fn writing_the_samples_again_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_makeeper"))
        .args(["lab", "write-samples"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["contoso.cilx", "isolated-lab.cilx"] {
        let (kept, written) = (
            std::fs::read(sample(name)).unwrap(),
            std::fs::read(folder.path().join(name)).unwrap(),
        );
        let differs = kept.iter().zip(&written).position(|(a, b)| a != b);
        assert!(
            kept == written,
            "samples/{name} differs at byte {differs:?}: write it again with `makeeper lab write-samples samples`"
        );
    }
}

#[tokio::test]
async fn the_samples_show_every_generation_status_and_kind_of_key() {
    let open = |name: &str| {
        let runtime = tokio::runtime::Handle::current();
        let (workspace, report) = Workspace::open(&sample(name), Mode::ReadOnly, runtime).unwrap();
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        workspace.snapshot().inventory.clone()
    };
    let contoso = open("contoso.cilx");
    assert_eq!(contoso.computer_count(), 180);
    assert!(contoso.product_count() >= 300);
    for status in LicenseStatus::ALL
        .iter()
        .filter(|s| !matches!(s, LicenseStatus::Unknown | LicenseStatus::NotAvailable))
    {
        assert!(contoso.products().any(|p| p.license_status == *status), "{status}");
    }
    for kind in [
        KeyType::Mak,
        KeyType::Gvlk,
        KeyType::Csvlk,
        KeyType::Retail,
        KeyType::OemDm,
        KeyType::OemSlp,
    ] {
        assert!(contoso.products().any(|p| p.key_type == kind), "{kind}");
    }
    assert!(
        contoso.computers().any(|c| c.contact.is_none()),
        "some were never asked"
    );
    assert!(
        contoso
            .computers()
            .any(|c| c.contact.as_ref().is_some_and(|c| c.failure.is_some()))
    );

    let lab = open("isolated-lab.cilx");
    assert_eq!(lab.computer_count(), 40);
    assert!(
        lab.products().any(|p| p.needs_confirmation_id()),
        "some wait for a confirmation ID"
    );
    assert!(
        lab.computers().any(|c| lab.products_of(c.id).next().is_none()),
        "some wait to be asked"
    );
    // Every key is the lab's, and visibly fictitious.
    for key in contoso.keys().chain(lab.keys()) {
        assert!(
            key.key.as_ref().is_some_and(|k| k.reveal().starts_with("FKFKF-TRYMY-")),
            "{key:?}"
        );
    }
}
