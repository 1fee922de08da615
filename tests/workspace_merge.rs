//! Merging, undo and redo, and a list that somebody else saved meanwhile: through the workspace and the command line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cil_common::{at, cid, guid, iid, key};
use makeeper::cil;
use makeeper::cil::store::{Store, StoreError};
use makeeper::model::merge::{Choice, Prefer, What};
use makeeper::model::*;
use makeeper::workspace::{Mode, Workspace, WorkspaceError};

struct Desk {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, list: &Inventory) -> PathBuf {
        let path = self.path(name);
        let mut bytes = Vec::new();
        cil::write(list, None, &mut bytes).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, path: &Path) -> Workspace {
        Workspace::open(path, Mode::Edit, self.runtime.handle().clone())
            .unwrap()
            .0
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_makeeper"))
            .current_dir(self.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

fn pc(n: u64) -> Computer {
    Computer::named(&format!("pc{n}.contoso.com"))
}

/// Windows on computer `n`, read at `seconds`.
fn windows(n: u64, seconds: i64) -> Product {
    let mut p = Product::new(ProductId(guid(100 + n)), Some(pc(n).id), ApplicationId::WINDOWS);
    p.sku = Some(guid(1));
    p.name = "Windows 11 Enterprise".into();
    p.key_type = KeyType::Mak;
    p.license_status = LicenseStatus::InOobGrace;
    p.status_updated = Some(at(seconds));
    p.last_updated = Some(at(seconds));
    p.installation_id = Some(iid(n));
    p
}

fn list(computers: impl IntoIterator<Item = u64>) -> Inventory {
    let computers: Vec<u64> = computers.into_iter().collect();
    Inventory::from_records(
        ListHeader::default(),
        computers.iter().map(|n| pc(*n)),
        computers.iter().map(|n| windows(*n, 10)),
        [],
    )
}

fn put(list: &mut Inventory, product: Product) {
    list.apply(&Change::PutProduct(Box::new(product))).unwrap();
}

fn confirmed(n: u64, c: u64) -> Change {
    Change::Confirmed {
        product: ProductId(guid(100 + n)),
        installation_id: iid(n),
        confirmation_id: cid(c),
        at: at(50),
    }
}

fn row(workspace: &Workspace, n: u64) -> std::sync::Arc<Product> {
    workspace
        .snapshot()
        .inventory
        .product(ProductId(guid(100 + n)))
        .unwrap()
        .clone()
}

fn remark(workspace: &Workspace, n: u64, text: &str) {
    let text = text.to_owned();
    workspace
        .edit_with(move |list| {
            let mut product = (**list.product(ProductId(guid(100 + n))).unwrap()).clone();
            product.remarks = text.into();
            vec![Change::PutProduct(Box::new(product))]
        })
        .unwrap();
}

#[test]
fn reading_a_list_to_merge_tells_how_far_it_is_and_changes_nothing_when_it_is_given_up() {
    use std::ops::ControlFlow;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let desk = Desk::new();
    let (mine, other) = (
        desk.write("mine.cilx", &list([1])),
        desk.write("other.cilx", &list(1..=4_000)),
    );
    let workspace = desk.open(&mine);
    let before = workspace.snapshot();
    let shares = Mutex::new(Vec::new());
    let watch = |p: makeeper::workspace::Progress| {
        shares.lock().unwrap().push((p.done, p.total));
        ControlFlow::Continue(())
    };
    let plan = workspace.plan_import_with(&other, None, &watch).unwrap();
    assert_eq!(plan.merge.counts().new, 2 * 3_999);
    let shares = shares.into_inner().unwrap();
    let half = shares.iter().filter(|(done, total)| *done * 2 > *total).count();
    assert!(shares.len() > 3 && half > 1 && half < shares.len(), "{shares:?}");
    // Given up at every one of those moments, and at the very last, when the plan is made.
    for give_up_after in 0..shares.len() {
        let seen = AtomicUsize::new(0);
        let watch = |_| match seen.fetch_add(1, Ordering::Relaxed) {
            n if n >= give_up_after => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let error = workspace.plan_import_with(&other, None, &watch).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert!(error.to_string().contains("cancelled"), "{error}");
    }
    assert_eq!(workspace.snapshot().revision, before.revision);
}

#[test]
fn a_merge_is_seen_before_it_happens_decided_row_by_row_and_undone_at_once() {
    let desk = Desk::new();
    let mut theirs = list([2, 3, 4]);
    let newer = Product {
        license_status: LicenseStatus::Licensed,
        ..windows(2, 20)
    };
    put(&mut theirs, newer);
    put(
        &mut theirs,
        Product {
            license_status: LicenseStatus::Licensed,
            ..windows(3, 5)
        },
    );
    theirs.apply(&confirmed(3, 33)).unwrap();
    let (mine, other) = (
        desk.write("mine.cilx", &list([1, 2, 3])),
        desk.write("other.cilx", &theirs),
    );
    let workspace = desk.open(&mine);
    let before = workspace.snapshot().inventory.clone();
    let mut plan = workspace.plan_import(&other).unwrap();
    let counts = plan.merge.counts_of(|r| r.kind() == "product");
    assert_eq!(
        (
            counts.new,
            counts.newer_there,
            counts.conflicts,
            counts.confirmation_ids
        ),
        (1, 2, 0, 1)
    );
    assert_eq!(
        workspace.snapshot().inventory.product_count(),
        3,
        "a plan changes nothing"
    );
    let row2 = plan
        .merge
        .rows
        .iter_mut()
        .find(|r| r.subject() == "Windows 11 Enterprise on pc2.contoso.com")
        .unwrap();
    assert_eq!(row2.what, What::NewerThere);
    let differences = row2.differences();
    let status = differences.iter().find(|d| d.what == "License status").unwrap();
    assert_eq!(
        (&*status.ours, &*status.theirs),
        (LicenseStatus::InOobGrace.label(), LicenseStatus::Licensed.label())
    );
    row2.choice = Choice::Skip;
    workspace.apply_import(plan).unwrap();
    assert_eq!(row(&workspace, 2).license_status, LicenseStatus::InOobGrace, "left out");
    let three = row(&workspace, 3);
    assert_eq!(three.license_status, LicenseStatus::InOobGrace, "theirs is older");
    assert_eq!(
        three.usable_confirmation().map(|c| &c.confirmation_id),
        Some(&cid(33)),
        "but its confirmation ID counts"
    );
    assert_eq!(workspace.snapshot().inventory.computer_count(), 4);
    assert_eq!(workspace.snapshot().undo.as_deref(), Some("Merge a list"));

    workspace.undo().unwrap().unwrap();
    let after = workspace.snapshot().inventory.clone();
    assert_eq!(
        after.products().collect::<Vec<_>>(),
        before.products().collect::<Vec<_>>()
    );
    assert_eq!(after.computer_count(), 3);
    let redone = workspace.redo().unwrap().unwrap();
    assert_eq!(&*redone.label, "Merge a list");
    assert_eq!(workspace.snapshot().inventory.product_count(), 4);
    assert!(row(&workspace, 3).confirmation.is_some());
}

#[test]
fn a_removed_computer_comes_back_with_its_products_and_what_was_bought() {
    let desk = Desk::new();
    let workspace = desk.open(&desk.write("l.cilx", &list([1, 2])));
    workspace.edit(vec![confirmed(1, 7)]).unwrap();
    assert_eq!(
        workspace.snapshot().undo,
        None,
        "what came from the world is not undone"
    );
    workspace.edit(vec![Change::RemoveComputer(pc(1).id)]).unwrap();
    assert_eq!(
        workspace.snapshot().undo.as_deref(),
        Some("Remove computer pc1.contoso.com")
    );
    assert_eq!(workspace.snapshot().inventory.product_count(), 1);
    workspace.undo().unwrap().unwrap();
    assert!(row(&workspace, 1).confirmation.is_some());
    let names: Vec<_> = workspace
        .snapshot()
        .inventory
        .computers()
        .map(|c| c.name.to_string())
        .collect();
    assert_eq!(names, ["pc1.contoso.com", "pc2.contoso.com"], "in its old place");
    // The journal knows it, too: nothing was saved so far.
    let path = workspace.snapshot().path.clone();
    drop(workspace);
    let (again, report) = Workspace::open(&path, Mode::Edit, desk.runtime.handle().clone()).unwrap();
    assert!(report.recovered.replayed > 0);
    assert!(row(&again, 1).confirmation.is_some());
}

#[test]
fn undo_takes_back_the_edit_alone_and_never_a_confirmation_id_received_since() {
    let desk = Desk::new();
    let workspace = desk.open(&desk.write("l.cilx", &list([1])));
    remark(&workspace, 1, "room 4");
    workspace.edit(vec![Change::PutComputer(Box::new(pc(2)))]).unwrap();
    workspace
        .edit(vec![Change::PutProduct(Box::new(windows(2, 10)))])
        .unwrap();
    workspace.edit(vec![confirmed(1, 7), confirmed(2, 8)]).unwrap();
    let undone = workspace.undo().unwrap().unwrap();
    assert_eq!(undone.kept.len(), 1, "{undone:?}");
    let undone = workspace.undo().unwrap().unwrap();
    assert!(undone.kept[0].contains("pc2.contoso.com stays"), "{undone:?}");
    workspace.undo().unwrap().unwrap();
    assert_eq!(
        (&*row(&workspace, 1).remarks, workspace.snapshot().undo.clone()),
        ("", None)
    );
    assert!(row(&workspace, 1).confirmation.is_some() && row(&workspace, 2).confirmation.is_some());
    assert_eq!(workspace.undo().unwrap(), None);
    // A stale copy of the row, saved by a dialog that was open meanwhile, does not lose it either.
    workspace
        .edit(vec![Change::PutProduct(Box::new(windows(1, 10)))])
        .unwrap();
    assert!(row(&workspace, 1).confirmation.is_some());
}

#[test]
fn a_new_edit_ends_what_could_be_redone() {
    let desk = Desk::new();
    let workspace = desk.open(&desk.write("l.cilx", &list([1])));
    remark(&workspace, 1, "a");
    remark(&workspace, 1, "b");
    workspace.undo().unwrap().unwrap();
    assert_eq!(&*row(&workspace, 1).remarks, "a");
    assert!(workspace.snapshot().redo.is_some());
    remark(&workspace, 1, "c");
    assert_eq!(
        (workspace.snapshot().redo.clone(), workspace.redo().unwrap()),
        (None, None)
    );
    workspace.edit(vec![confirmed(1, 7)]).unwrap();
    workspace.undo().unwrap().unwrap();
    assert_eq!(&*row(&workspace, 1).remarks, "a");
}

fn foreign(elements: &[(&str, &str)]) -> Foreign {
    Foreign::new(ForeignParts {
        attributes: Vec::new(),
        elements: elements.iter().map(|(n, raw)| ((*n).into(), (*raw).into())).collect(),
    })
}

fn with_root(mut list: Inventory, elements: &[(&str, &str)]) -> Inventory {
    list.set_header(ListHeader {
        root: foreign(elements),
        ..ListHeader::default()
    });
    list
}

#[test]
fn what_other_programs_wrote_into_the_other_list_is_kept_and_ours_is_not_replaced() {
    let desk = Desk::new();
    let both = foreign(&[("Ours", "<Ours>1</Ours>"), ("Theirs", "<Theirs/>")]);
    let mine = desk.write("mine.cilx", &with_root(list([1]), &[("Ours", "<Ours>1</Ours>")]));
    let theirs = with_root(list([1]), &[("Ours", "<Ours>2</Ours>"), ("Theirs", "<Theirs/>")]);
    let other = desk.write("other.cilx", &theirs);
    let workspace = desk.open(&mine);
    let plan = workspace.plan_import(&other).unwrap();
    assert!(!plan.is_nothing(), "it is seen before it happens");
    let note = plan.notes.iter().find(|n| n.reason.contains("other programs")).unwrap();
    assert!(note.reason.ends_with(": Theirs"), "{}", note.reason);
    workspace.apply_import(plan).unwrap();
    let root = |workspace: &Workspace| workspace.snapshot().inventory.header().root.clone();
    assert_eq!(root(&workspace), both);
    assert!(
        workspace.plan_import(&other).unwrap().is_nothing(),
        "merged twice is merged once"
    );
    workspace.undo().unwrap().unwrap();
    assert_eq!(root(&workspace), foreign(&[("Ours", "<Ours>1</Ours>")]));
    workspace.redo().unwrap().unwrap();
    assert_eq!(root(&workspace), both);
    // Killed before it was saved, and saved.
    drop(workspace);
    let workspace = desk.open(&mine);
    assert_eq!(root(&workspace), both);
    workspace.save().unwrap();
    let file = cil::read(&std::fs::read(&mine).unwrap()).unwrap().inventory;
    assert_eq!(file.header().root, both);
}

#[test]
fn what_was_merged_is_kept_when_somebody_else_saves_meanwhile() {
    let desk = Desk::new();
    let mine = desk.write("mine.cilx", &list([1]));
    let other = desk.write("other.cilx", &with_root(list([1]), &[("Theirs", "<Theirs/>")]));
    let workspace = desk.open(&mine);
    workspace.apply_import(workspace.plan_import(&other).unwrap()).unwrap();
    colleague(&mine, |theirs| {
        *theirs = with_root(list([1, 2]), &[("Third", "<Third/>")]);
    });
    let plan = workspace.plan_reload().unwrap();
    workspace.apply_reload(&plan).unwrap();
    drop(workspace);
    let workspace = desk.open(&mine);
    let both = foreign(&[("Third", "<Third/>"), ("Theirs", "<Theirs/>")]);
    assert_eq!(workspace.snapshot().inventory.header().root, both);
    assert_eq!(workspace.snapshot().inventory.computer_count(), 2);
}

/// A colleague saves `change` of the list into the same file.
fn colleague(path: &Path, change: impl FnOnce(&mut Inventory)) {
    let mut theirs = cil::read(&std::fs::read(path).unwrap()).unwrap().inventory;
    change(&mut theirs);
    let mut bytes = Vec::new();
    cil::write(&theirs, None, &mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_list_that_somebody_else_saved_is_merged_three_ways_and_never_overwritten() {
    let desk = Desk::new();
    let path = desk.write("l.cilx", &list([1, 2, 3, 4]));
    let workspace = desk.open(&path);
    remark(&workspace, 1, "ours");
    workspace.edit(vec![Change::RemoveComputer(pc(2).id)]).unwrap();
    colleague(&path, |theirs| {
        put(
            theirs,
            Product {
                remarks: "theirs".into(),
                ..windows(3, 10)
            },
        );
        put(
            theirs,
            Product {
                license_status: LicenseStatus::Licensed,
                ..windows(1, 30)
            },
        );
        theirs.apply(&Change::RemoveComputer(pc(4).id)).unwrap();
        theirs.apply(&Change::PutComputer(Box::new(pc(5)))).unwrap();
        theirs.apply(&confirmed(3, 9)).unwrap();
    });
    assert!(workspace.changed_by_other());
    let refused = workspace.save().unwrap_err();
    assert!(
        matches!(refused, WorkspaceError::Store(StoreError::ChangedByOther { .. })),
        "{refused}"
    );
    let plan = workspace.plan_reload().unwrap();
    assert_eq!(plan.merge.undecided().count(), 0);
    let (saved, merged) = workspace.save_merging().unwrap();
    assert_eq!((saved.computers, merged.unwrap().ours), (3, None));
    let file = cil::read(&std::fs::read(&path).unwrap()).unwrap().inventory;
    let product = |n: u64| file.product(ProductId(guid(100 + n)));
    let names: Vec<_> = file
        .computers()
        .map(|c| c.name.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["pc1", "pc3", "pc5"], "removed on either side is removed");
    let one = product(1).unwrap();
    assert_eq!(
        (&*one.remarks, one.license_status),
        ("ours", LicenseStatus::Licensed),
        "both edits of one row"
    );
    assert_eq!(&*product(3).unwrap().remarks, "theirs");
    assert!(product(3).unwrap().confirmation.is_some());
    assert_eq!(workspace.snapshot().unsaved, 0);
    // Their part of it can be undone like an edit.
    workspace.undo().unwrap().unwrap();
    assert!(
        workspace
            .snapshot()
            .inventory
            .computer_by_name("pc5.contoso.com")
            .is_none()
    );
}

#[test]
fn after_a_merge_with_the_file_the_journal_continues_the_file_of_the_other() {
    let desk = Desk::new();
    let path = desk.write("l.cilx", &list([1, 2]));
    let workspace = desk.open(&path);
    remark(&workspace, 1, "ours");
    workspace.edit(vec![confirmed(2, 9)]).unwrap();
    colleague(&path, |theirs| {
        put(
            theirs,
            Product {
                remarks: "theirs".into(),
                ..windows(2, 10)
            },
        );
    });
    let plan = workspace.plan_reload().unwrap();
    workspace.apply_reload(&plan).unwrap();
    let expected = workspace.snapshot().inventory.products().cloned().collect::<Vec<_>>();
    // Killed before anything was saved.
    drop(workspace);
    let (_store, opened) = Store::open(&path).unwrap();
    assert_eq!(opened.recovered.orphan, None);
    assert_eq!(opened.inventory.products().cloned().collect::<Vec<_>>(), expected);
    assert_eq!(&*expected[0].remarks, "ours");
    assert_eq!(
        (&*expected[1].remarks, expected[1].confirmation.is_some()),
        ("theirs", true)
    );
}

#[test]
fn where_both_changed_one_row_the_file_keeps_its_word_and_ours_is_written_beside_it() {
    let desk = Desk::new();
    let path = desk.write("l.cilx", &list([1, 2]));
    let workspace = desk.open(&path);
    let status = |list: &mut Inventory, status| {
        put(
            list,
            Product {
                license_status: status,
                ..windows(1, 30)
            },
        );
    };
    let mut ours = windows(1, 30);
    ours.license_status = LicenseStatus::Notification;
    workspace
        .edit(vec![Change::PutProduct(Box::new(ours)), confirmed(1, 5)])
        .unwrap();
    colleague(&path, |theirs| {
        status(theirs, LicenseStatus::Licensed);
        theirs.apply(&confirmed(1, 6)).unwrap();
    });
    let (_, merged) = workspace.save_merging().unwrap();
    let aside = merged.unwrap().ours.unwrap();
    let file = cil::read(&std::fs::read(&path).unwrap()).unwrap().inventory;
    let kept = file.product(ProductId(guid(101))).unwrap();
    assert_eq!(kept.license_status, LicenseStatus::Licensed);
    assert_eq!(kept.confirmation.as_ref().unwrap().confirmation_id, cid(6));
    assert_eq!(
        kept.earlier_confirmations[0].confirmation_id,
        cid(5),
        "no confirmation ID is lost"
    );
    let ours = cil::read(&std::fs::read(aside).unwrap()).unwrap().inventory;
    assert_eq!(
        ours.product(ProductId(guid(101))).unwrap().license_status,
        LicenseStatus::Notification
    );
}

#[test]
fn the_command_line_shows_a_merge_and_does_it() {
    let desk = Desk::new();
    let mut theirs = list([2, 3]);
    theirs.apply(&confirmed(2, 9)).unwrap();
    theirs
        .apply(&Change::PutKey(Box::new(KeyEntry::of(key(1), KeyType::Mak))))
        .unwrap();
    let mine = desk.write("mine.cilx", &list([1, 2]));
    desk.write("other.cilx", &theirs);
    let bytes = std::fs::read(&mine).unwrap();
    let (code, out, err) = desk.run(&["merge", "mine.cilx", "other.cilx", "--dry-run"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("pc3.contoso.com") && out.contains("1 new confirmation ID"),
        "{out}"
    );
    assert!(!out.contains(&key(1).reveal()[..23]), "a product key is masked");
    assert_eq!(std::fs::read(&mine).unwrap(), bytes, "nothing was changed");
    let (code, out, err) = desk.run(&["merge", "mine.cilx", "other.cilx", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["new"], &summary["confirmation_ids"]),
        (&3.into(), &1.into()),
        "{out}"
    );
    let merged = cil::read(&std::fs::read(&mine).unwrap()).unwrap().inventory;
    assert_eq!(
        (merged.computer_count(), merged.product_count(), merged.key_count()),
        (3, 3, 1)
    );
    let (code, out, _) = desk.run(&["merge", "mine.cilx", "other.cilx"]);
    assert!(code == 0 && out.contains("0 new, 0 newer there"), "{out}");
}

#[test]
fn conflicts_of_a_merge_end_with_1_until_somebody_decides() {
    let desk = Desk::new();
    let (mut ours, mut theirs) = (list([1]), list([1]));
    put(
        &mut ours,
        Product {
            license_status: LicenseStatus::Notification,
            ..windows(1, 10)
        },
    );
    put(
        &mut theirs,
        Product {
            license_status: LicenseStatus::Licensed,
            ..windows(1, 10)
        },
    );
    let mine = desk.write("mine.cilx", &ours);
    desk.write("other.cilx", &theirs);
    let status = || {
        let list = cil::read(&std::fs::read(&mine).unwrap()).unwrap().inventory;
        list.products().next().unwrap().license_status
    };
    let (code, out, _) = desk.run(&["merge", "mine.cilx", "other.cilx"]);
    assert!(
        code == 1 && out.contains("nothing tells which is newer") && out.contains("1 conflict"),
        "{out}"
    );
    assert_eq!(status(), LicenseStatus::Notification, "ours is kept");
    assert_eq!(desk.run(&["merge", "mine.cilx", "other.cilx", "--prefer", "ours"]).0, 0);
    assert_eq!(status(), LicenseStatus::Notification);
    assert_eq!(
        desk.run(&["merge", "mine.cilx", "other.cilx", "--prefer", "theirs"]).0,
        0
    );
    assert_eq!(status(), LicenseStatus::Licensed);
}

#[test]
fn a_computer_known_by_address_and_by_name_is_offered_as_one() {
    let desk = Desk::new();
    let mut ours = list([]);
    let mut by_name = pc(1);
    by_name.connect = Some(ConnectTo {
        address: Some("10.0.0.7".into()),
        port: None,
        way: None,
    });
    ours.apply(&Change::PutComputer(Box::new(by_name))).unwrap();
    put(&mut ours, windows(1, 10));
    let mut theirs = list([]);
    let by_address = Computer::named("10.0.0.7");
    let mut product = windows(1, 20);
    (product.id, product.computer) = (ProductId(guid(4711)), Some(by_address.id));
    product.license_status = LicenseStatus::Licensed;
    theirs.apply(&Change::PutComputer(Box::new(by_address))).unwrap();
    put(&mut theirs, product);
    let mine = desk.write("mine.cilx", &ours);
    desk.write("other.cilx", &theirs);
    let (code, out, _) = desk.run(&["merge", "mine.cilx", "other.cilx", "--dry-run"]);
    assert!(
        code == 0 && out.contains("pc1.contoso.com and 10.0.0.7") && out.contains("--join"),
        "{out}"
    );
    let (code, _, err) = desk.run(&["merge", "mine.cilx", "other.cilx", "--join"]);
    assert_eq!(code, 0, "{err}");
    let merged = cil::read(&std::fs::read(&mine).unwrap()).unwrap().inventory;
    assert_eq!((merged.computer_count(), merged.product_count()), (1, 1));
    assert_eq!(
        merged.products().next().unwrap().license_status,
        LicenseStatus::Licensed
    );
}

#[test]
fn a_preference_decides_every_row_of_a_plan() {
    let desk = Desk::new();
    let mut theirs = list([1]);
    put(
        &mut theirs,
        Product {
            license_status: LicenseStatus::Licensed,
            ..windows(1, 5)
        },
    );
    let mine = desk.write("mine.cilx", &list([1]));
    let other = desk.write("other.cilx", &theirs);
    for (prefer, expected) in [
        (Prefer::Newest, LicenseStatus::InOobGrace),
        (Prefer::Ours, LicenseStatus::InOobGrace),
        (Prefer::Theirs, LicenseStatus::Licensed),
    ] {
        let workspace = desk.open(&mine);
        let mut plan = workspace.plan_import(&other).unwrap();
        plan.merge.prefer(prefer);
        workspace.apply_import(plan).unwrap();
        assert_eq!(row(&workspace, 1).license_status, expected, "{prefer:?}");
        workspace.undo().unwrap();
        workspace.save().unwrap();
    }
}
