//! The open list and its files: recovery, other programs, saving under another name, carrying data out and in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use makeeper::lab::{confirmation_id, installation_id};
use makeeper::model::{
    ApplicationId, Change, Computer, ComputerId, Confirmation, ExtendedPid, InstallationId, KeyType, LicenseStatus,
    Product, ProductId,
};
use makeeper::workspace::{ExportProfile, KeyLineOutcome, Mode, OpenReport, StoreError, Workspace, WorkspaceError};

fn handle() -> tokio::runtime::Handle {
    tokio::runtime::Handle::current()
}

fn open(path: &Path) -> (Workspace, OpenReport) {
    Workspace::open(path, Mode::Edit, handle()).unwrap()
}

fn pid() -> ExtendedPid {
    ExtendedPid::parse("03612-90101-004-000001-03-1033-26100.0000-0482026").unwrap()
}

fn iid(hardware: u64) -> InstallationId {
    installation_id(&pid(), hardware, 0, false).unwrap()
}

/// A list of MAK products that wait for confirmation IDs, one per computer.
fn list(folder: &Path, computers: u64) -> (Workspace, PathBuf, Vec<ProductId>) {
    let path = folder.join("list.cilx");
    let workspace = Workspace::create(&path, handle()).unwrap();
    let mut products = Vec::new();
    let mut changes = Vec::new();
    for n in 0..computers {
        let computer = Computer::named(&format!("PC-{n}"));
        let id = ProductId::derive(computer.id, ApplicationId::WINDOWS, None);
        let mut product = Product::new(id, Some(computer.id), ApplicationId::WINDOWS);
        product.key_type = KeyType::Mak;
        product.license_status = LicenseStatus::InOobGrace;
        product.product_key_id = Some(pid());
        product.installation_id = Some(iid(n));
        products.push(id);
        changes.push(Change::PutComputer(Box::new(computer)));
        changes.push(Change::PutProduct(Box::new(product)));
    }
    workspace.edit(changes).unwrap();
    (workspace, path, products)
}

fn confirmed(product: ProductId, hardware: u64) -> Change {
    Change::Confirmed {
        product,
        installation_id: iid(hardware),
        confirmation_id: confirmation_id(&iid(hardware)).unwrap(),
        at: chrono::Utc::now(),
    }
}

#[tokio::test]
async fn what_was_not_saved_is_there_again_and_the_report_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, products) = list(folder.path(), 2);
    workspace.save().unwrap();
    workspace.edit(vec![confirmed(products[0], 0)]).unwrap();
    assert_eq!(workspace.snapshot().unsaved, 1);
    drop(workspace);

    let (workspace, report) = open(&path);
    assert_eq!(report.recovered.replayed, 1);
    let snapshot = workspace.snapshot();
    assert!(
        snapshot
            .inventory
            .product(products[0])
            .unwrap()
            .usable_confirmation()
            .is_some()
    );
    assert!(
        snapshot.activity.len() >= 2,
        "the activity log tells of it: {:?}",
        snapshot.activity
    );
    assert_eq!(workspace.save().unwrap().products, 2);
    assert_eq!(workspace.snapshot().unsaved, 0);
}

#[tokio::test]
async fn a_list_is_edited_by_one_program_at_a_time_and_read_by_any() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, products) = list(folder.path(), 1);
    let second = Workspace::open(&path, Mode::Edit, handle()).unwrap_err();
    assert!(matches!(second, WorkspaceError::Store(_)));
    assert!(second.to_string().contains("list.cilx"), "{second}");

    let (reader, _) = Workspace::open(&path, Mode::ReadOnly, handle()).unwrap();
    assert!(reader.snapshot().read_only);
    assert!(
        reader.snapshot().inventory.product(products[0]).is_some(),
        "unsaved changes are seen, too"
    );
    let refused = reader.edit(vec![Change::RemoveProduct(products[0])]);
    assert!(matches!(refused, Err(WorkspaceError::ReadOnly { .. })));
    assert!(reader.snapshot().inventory.product(products[0]).is_some());
    assert!(matches!(reader.save(), Err(WorkspaceError::ReadOnly { .. })));
    drop(workspace);
    open(&path);
}

#[tokio::test]
async fn all_changes_of_an_edit_apply_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _, products) = list(folder.path(), 1);
    let taken = Computer {
        id: ComputerId::from_name("another"),
        ..Computer::named("pc-0")
    };
    let before = workspace.snapshot().unsaved;
    let refused = workspace.edit(vec![
        Change::RemoveProduct(products[0]),
        Change::PutComputer(Box::new(taken)),
    ]);
    assert!(matches!(refused, Err(WorkspaceError::Change(_))));
    let snapshot = workspace.snapshot();
    assert!(snapshot.inventory.product(products[0]).is_some());
    assert_eq!(snapshot.unsaved, before, "nothing was journalled either");
}

#[tokio::test]
async fn a_file_that_another_program_changed_is_not_overwritten_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, products) = list(folder.path(), 1);
    workspace.save().unwrap();
    let mut foreign = std::fs::read_to_string(&path).unwrap();
    foreign.push_str("<!-- somebody else -->\n");
    std::fs::write(&path, &foreign).unwrap();
    workspace.edit(vec![confirmed(products[0], 0)]).unwrap();
    assert!(matches!(workspace.save(), Err(WorkspaceError::Store(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), foreign);
    workspace.save_anyway().unwrap();
    let kept = std::fs::read_to_string(path.with_extension("cilx.bak")).unwrap();
    assert_eq!(kept, foreign, "the other program's version is kept");
}

#[tokio::test]
async fn saving_under_another_name_goes_on_with_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, products) = list(folder.path(), 1);
    let other = folder.path().join("other.cilx");
    workspace.save_as(&other).unwrap();
    workspace.edit(vec![confirmed(products[0], 0)]).unwrap();
    assert_eq!(workspace.snapshot().path, other);
    drop(workspace);
    let (reopened, _) = open(&other);
    assert!(
        reopened
            .snapshot()
            .inventory
            .product(products[0])
            .unwrap()
            .confirmation
            .is_some()
    );
    let (first, _) = open(&path);
    assert!(
        first
            .snapshot()
            .inventory
            .product(products[0])
            .unwrap()
            .confirmation
            .is_none()
    );
}

#[tokio::test]
async fn a_proxy_export_leaves_out_what_needs_no_confirmation_id_and_never_overwrites_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, products) = list(folder.path(), 3);
    let mut licensed = (**workspace.snapshot().inventory.product(products[0]).unwrap()).clone();
    licensed.license_status = LicenseStatus::Licensed;
    workspace.edit(vec![Change::PutProduct(Box::new(licensed))]).unwrap();

    let out = folder.path().join("out.cilx");
    let report = workspace.export(&out, ExportProfile::ProxyOnly, None).unwrap();
    assert_eq!((report.products, report.left_out), (2, 1));
    let chosen: HashSet<ProductId> = [products[0], products[1]].into();
    let report = workspace.export(&out, ExportProfile::ProxyOnly, Some(&chosen)).unwrap();
    assert_eq!((report.products, report.left_out), (1, 1));

    let onto_itself = workspace.export(&path, ExportProfile::Full, None);
    assert!(matches!(onto_itself, Err(WorkspaceError::ExportOntoItself { .. })));
    let nowhere = workspace.export(&folder.path().join("no/such/folder.cilx"), ExportProfile::Full, None);
    assert!(matches!(
        nowhere,
        Err(WorkspaceError::Store(StoreError::NoFolder { .. }))
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_but_a_file_takes_a_list_saved_under_another_name() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    let folder = tempfile::tempdir().unwrap();
    let (workspace, path, _) = list(folder.path(), 1);
    let (pipe, link) = (folder.path().join("pipe.cilx"), folder.path().join("link.cilx"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    symlink(&pipe, &link).unwrap();
    for place in [Path::new("/dev/full"), &pipe, &link, folder.path()] {
        let refused = workspace.save_as(place).unwrap_err();
        assert!(
            refused.to_string().contains("is not a regular file"),
            "{}: {refused}",
            place.display()
        );
        assert!(refused.to_string().contains(&*place.to_string_lossy()), "{refused}");
    }
    let kind = |path: &Path| std::fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind(&pipe).is_fifo() && kind(&link).is_symlink() && kind(Path::new("/dev/full")).is_char_device());
    let nowhere = workspace.save_as(&folder.path().join("no/such.cilx")).unwrap_err();
    assert!(nowhere.to_string().contains("make the folder first"), "{nowhere}");
    // The list goes on where it was.
    assert_eq!(workspace.snapshot().path, path);
    workspace.save().unwrap();
}

#[tokio::test]
async fn good_rows_of_an_import_apply_and_the_others_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _, products) = list(folder.path(), 3);
    let carried = folder.path().join("carried.cilx");
    workspace.export(&carried, ExportProfile::ProxyOnly, None).unwrap();
    {
        let (outside, _) = open(&carried);
        outside
            .edit(vec![confirmed(products[0], 0), confirmed(products[1], 1)])
            .unwrap();
        // A row of somebody else's list.
        let id = ProductId::derive(ComputerId::from_name("elsewhere"), ApplicationId::WINDOWS, None);
        let mut stranger = Product::new(id, None, ApplicationId::WINDOWS);
        stranger.installation_id = Some(iid(77));
        stranger.confirmation = Some(Box::new(Confirmation {
            installation_id: Some(iid(77)),
            confirmation_id: confirmation_id(&iid(77)).unwrap(),
            acquired: None,
        }));
        outside.edit(vec![Change::PutProduct(Box::new(stranger))]).unwrap();
        outside.save().unwrap();
    }
    let plan = workspace.plan_import(&carried).unwrap();
    assert!(
        workspace
            .snapshot()
            .inventory
            .product(products[0])
            .unwrap()
            .confirmation
            .is_none(),
        "a plan changes nothing"
    );
    let report = workspace.apply_import(plan).unwrap();
    assert_eq!((report.confirmation_ids, report.unmatched.len()), (2, 1), "{report:?}");
    let inventory = workspace.snapshot().inventory.clone();
    assert!(inventory.product(products[0]).unwrap().can_apply_confirmation_id());
    assert!(inventory.product(products[2]).unwrap().needs_confirmation_id());
    assert_eq!(inventory.product_count(), 3);

    let again = workspace.plan_import(&carried).unwrap();
    assert_eq!((again.confirmation_ids, again.already_known), (0, again.matched));
    assert!(matches!(
        workspace.plan_import(&folder.path().join("missing.cilx")),
        Err(WorkspaceError::Read { .. })
    ));
}

#[tokio::test]
async fn keys_are_added_line_by_line_and_bad_lines_keep_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _, _) = list(folder.path(), 0);
    let text = "Key;Type;Description\n\
                FKFKF-TRYMY-WWCCT-MKMKM-WC2C4;Mak;Windows clients\n\
                # a comment\n\
                NPPR9-FWDCX-D2C8J-H872K-2YT43\n\
                FKFKF-TRYMY-WWCCT-MKMKM-WC2C0\n\
                FKFKF-TRYMY-WWCCT-MKMKM-WC2C4\n";
    let report = workspace.add_keys(text).unwrap();
    let lines: Vec<usize> = report.lines.iter().map(|l| l.line).collect();
    assert_eq!((lines, report.added(), report.refused()), (vec![2, 4, 5, 6], 2, 1));
    assert!(matches!(&report.lines[2].outcome, KeyLineOutcome::Refused(why) if why.contains("character 25")));
    assert!(matches!(report.lines[3].outcome, KeyLineOutcome::Known { .. }));
    assert!(matches!(
        workspace.add_keys(" \n# nothing\n"),
        Err(WorkspaceError::Empty { .. })
    ));
    assert!(matches!(
        workspace.add_computers("  "),
        Err(WorkspaceError::Empty { .. })
    ));
}
