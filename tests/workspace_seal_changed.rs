//! Somebody else puts a seal on the product keys of an open list, takes it off, or seals them anew: both versions become one,
//! no key is lost, and none comes to lie in clear beside a sealed list.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::path::Path;

use cil_common::{cid, guid, iid, key};
use makeeper::cil::{self, seal};
use makeeper::model::*;
use makeeper::workspace::{KeyProtection, Mode, SealError, Workspace, WorkspaceError};
use tokio::runtime::Handle;

fn word(text: &str) -> Secret {
    Secret::new(text)
}

fn open(path: &Path) -> Workspace {
    Workspace::open(path, Mode::Edit, Handle::current()).unwrap().0
}

fn put_key(n: usize) -> Change {
    Change::PutKey(Box::new(KeyEntry::of(key(n), KeyType::Mak)))
}

/// A list with keys 1 and 2 and one product that waits for its confirmation ID.
fn create(path: &Path) -> Workspace {
    let workspace = Workspace::create(path, Handle::current()).unwrap();
    let mut product = Product::new(ProductId(guid(1)), None, ApplicationId::WINDOWS);
    product.installation_id = Some(iid(1));
    workspace
        .edit(vec![put_key(1), put_key(2), Change::PutProduct(Box::new(product))])
        .unwrap();
    workspace.save().unwrap();
    workspace
}

/// A colleague's program saves the list in another form, with the count of key 1 in it.
fn colleague(path: &Path, form: impl FnOnce(&Inventory) -> Inventory) {
    let mut theirs = form(&cil::read(&std::fs::read(path).unwrap()).unwrap().inventory);
    let counted = theirs.keys_by_last_five(key(1).last_five()).next().unwrap().id;
    let remaining = RemainingCount {
        left: Some(7),
        at: Some(cil_common::at(0)),
    };
    theirs
        .apply(&Change::Counted {
            key: counted,
            remaining,
        })
        .unwrap();
    let mut bytes = Vec::new();
    cil::write(&theirs, None, &mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// What happens here meanwhile: a key is added, another gets a remark, and a confirmation ID arrives.
fn work_on(workspace: &Workspace) {
    workspace
        .edit_with(|list| {
            let second = list.keys_by_last_five(key(2).last_five()).next().unwrap();
            let mut second = (**second).clone();
            second.remarks = "second floor".into();
            vec![Change::PutKey(Box::new(second)), put_key(3)]
        })
        .unwrap();
    let confirmed = Change::Confirmed {
        product: ProductId(guid(1)),
        installation_id: iid(1),
        confirmation_id: cid(1),
        at: cil_common::at(1),
    };
    workspace.edit(vec![confirmed]).unwrap();
}

/// Keys by their numbers, as the file has them once it is unlocked with `passphrase`.
fn keys_of(path: &Path, passphrase: Option<&str>) -> Vec<usize> {
    let mut list = cil::read(&std::fs::read(path).unwrap()).unwrap().inventory;
    assert_eq!(list.header().seal.is_some(), passphrase.is_some());
    if let Some(passphrase) = passphrase {
        assert!(list.keys().all(|k| k.is_locked()), "a key in clear in a sealed list");
        list = seal::unlock(&list, &word(passphrase)).unwrap();
    }
    let left = list.keys_by_last_five(key(1).last_five()).next().unwrap().remaining;
    assert_eq!(left.unwrap().left, Some(7), "what the colleague did");
    let remark = list.keys_by_last_five(key(2).last_five()).next().unwrap();
    assert_eq!(&*remark.remarks, "second floor", "what was done here");
    let product = list.product(ProductId(guid(1))).unwrap();
    assert_eq!(product.confirmation.as_ref().unwrap().confirmation_id, cid(1));
    let number = |entry: &KeyEntry| (1..=5).find(|n| entry.key.as_ref() == Some(&key(*n)));
    let mut numbers: Vec<usize> = list.keys().map(|k| number(k).unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// Files of the folder with a key of the list in clear, but for older generations.
fn telling(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let current = names.filter(|p| !p.to_string_lossy().contains(".bak"));
    current
        .filter(|p| seal::holds_keys(&std::fs::read(p).unwrap()))
        .map(|p| p.display().to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_sealed_meanwhile_stays_sealed_and_seals_what_was_added_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let workspace = create(&path);
    work_on(&workspace);
    colleague(&path, |list| seal::lock(&seal::seal(list, &word("theirs")).unwrap()));
    let (_, merged) = workspace.save_merging().unwrap();
    let merged = merged.unwrap();
    assert_eq!((merged.refused, merged.ours), (vec![], None));
    assert_eq!(keys_of(&path, Some("theirs")), [1, 2, 3]);
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    // Readable here still, until it is opened again.
    assert_eq!(workspace.snapshot().key_protection(), KeyProtection::Unlocked);
    assert_eq!(workspace.snapshot().inventory.key_count(), 3);
    let kept = workspace.snapshot().inventory.clone();
    let derived = |k: &KeyEntry| {
        k.key
            .as_ref()
            .is_some_and(|key| k.id == KeyEntryId::derive(key.reveal()))
    };
    assert!(!kept.keys().any(|k| derived(k)), "an identity that tells its key");
    drop(workspace);
    let again = open(&path);
    assert_eq!(again.snapshot().key_protection(), KeyProtection::Locked);
    assert_eq!(again.unlock_keys(&word("theirs")).unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_unsealed_meanwhile_is_open_and_keeps_what_was_added_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    create(&path).seal_keys(&word("ours")).unwrap();
    // Nobody unlocks it here.
    let workspace = open(&path);
    work_on(&workspace);
    colleague(&path, |list| {
        seal::unseal(&seal::unlock(list, &word("ours")).unwrap(), false).unwrap()
    });
    let plan = workspace.plan_reload().unwrap();
    assert_eq!(plan.merge.undecided().count(), 0, "{:?}", plan.merge.rows);
    workspace.save_merging().unwrap();
    assert_eq!(keys_of(&path, None), [1, 2, 3]);
    assert_eq!(workspace.snapshot().key_protection(), KeyProtection::Clear);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_sealed_anew_takes_the_new_passphrase_only() {
    for unlocked in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cilx");
        create(&path).seal_keys(&word("ours")).unwrap();
        let workspace = open(&path);
        if unlocked {
            workspace.unlock_keys(&word("ours")).unwrap();
        }
        work_on(&workspace);
        colleague(&path, |list| {
            let clear = seal::unlock(list, &word("ours")).unwrap();
            seal::lock(&seal::seal(&clear, &word("theirs")).unwrap())
        });
        workspace.save_merging().unwrap();
        assert_eq!(keys_of(&path, Some("theirs")), [1, 2, 3], "unlocked: {unlocked}");
        let list = cil::read(&std::fs::read(&path).unwrap()).unwrap().inventory;
        assert_eq!(
            seal::unlock(&list, &word("ours")).unwrap_err(),
            SealError::WrongPassphrase
        );
        // The journal of after the merge is one of the new seal, too.
        workspace.edit(vec![put_key(4)]).unwrap();
        drop(workspace);
        let again = open(&path);
        assert_eq!(again.unlock_keys(&word("theirs")).unwrap(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_the_former_passphrase_opens_is_not_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    create(&path).seal_keys(&word("ours")).unwrap();
    work_on(&open(&path));
    // As after a crash: key 3 is in the journal, sealed.
    let workspace = open(&path);
    let resealed = |list: &Inventory| {
        let clear = seal::unlock(list, &word("ours")).unwrap();
        seal::lock(&seal::seal(&clear, &word("theirs")).unwrap())
    };
    colleague(&path, resealed);
    let there = std::fs::read(&path).unwrap();
    let refused = workspace.save_merging().unwrap_err();
    assert!(matches!(refused, WorkspaceError::Seal(SealError::Differs)), "{refused}");
    assert!(refused.to_string().contains("former passphrase"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), there);
    assert_eq!(workspace.snapshot().inventory.key_count(), 3, "nothing was given up");
    workspace.unlock_keys(&word("ours")).unwrap();
    workspace.save_merging().unwrap();
    assert_eq!(keys_of(&path, Some("theirs")), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_removed_from_a_list_sealed_meanwhile_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let workspace = create(&path);
    workspace.edit(vec![put_key(5)]).unwrap();
    workspace.save().unwrap();
    work_on(&workspace);
    colleague(&path, |list| {
        let mut fewer = list.clone();
        let fifth = fewer.keys_by_last_five(key(5).last_five()).next().unwrap().id;
        fewer.apply(&Change::RemoveKey(fifth)).unwrap();
        seal::lock(&seal::seal(&fewer, &word("theirs")).unwrap())
    });
    workspace.save_merging().unwrap();
    assert_eq!(keys_of(&path, Some("theirs")), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_version_beside_a_list_sealed_meanwhile_is_sealed_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let workspace = create(&path);
    work_on(&workspace);
    let count = |list: &Inventory, left| Change::Counted {
        key: list.keys_by_last_five(key(1).last_five()).next().unwrap().id,
        remaining: RemainingCount {
            left: Some(left),
            at: Some(cil_common::at(0)),
        },
    };
    // Two counts of one time: nothing tells which is right.
    workspace.edit_with(|list| vec![count(list, 9)]).unwrap();
    colleague(&path, |list| seal::lock(&seal::seal(list, &word("theirs")).unwrap()));
    let (_, merged) = workspace.save_merging().unwrap();
    let aside = merged.unwrap().ours.unwrap();
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    let ours = cil::read(&std::fs::read(aside).unwrap()).unwrap().inventory;
    assert_eq!(
        seal::unlock(&ours, &word("theirs"))
            .unwrap()
            .keys()
            .filter(|k| k.key.is_some())
            .count(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_keys_of_the_former_seal_do_not_spoil_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    create(&path).seal_keys(&word("ours")).unwrap();
    // Killed: keys 2 and 3 are in the journal, sealed with the former passphrase.
    work_on(&open(&path));
    colleague(&path, |list| {
        let clear = seal::unlock(list, &word("ours")).unwrap();
        seal::lock(&seal::seal(&clear, &word("theirs")).unwrap())
    });
    let (workspace, report) = Workspace::open(&path, Mode::Edit, Handle::current()).unwrap();
    assert_eq!(report.recovered.refused.len(), 1, "{:?}", report.recovered);
    assert!(report.recovered.refused[0].contains(key(3).last_five().as_str()));
    // The journal that still has it is kept, and everything else is as usual.
    assert!(report.recovered.orphan.is_some_and(|orphan| orphan.exists()));
    assert_eq!(workspace.unlock_keys(&word("theirs")).unwrap(), 2);
    workspace.save().unwrap();
    assert_eq!(keys_of(&path, Some("theirs")), [1, 2]);
}
