//! The list on its disk: locked, journalled, saved atomically, recovered.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::fs;
use std::path::{Path, PathBuf};

use cil_common::{at, cid, contents, guid, iid, key, saved};
use makeeper::cil::store::{Store, StoreError};
use makeeper::model::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn computer(n: usize) -> Change {
    Change::PutComputer(Box::new(Computer::named(&format!("pc{n}"))))
}

fn apply(store: &mut Store, inventory: &mut Inventory, change: &Change) {
    store.append(std::slice::from_ref(change), false).unwrap();
    inventory.apply(change).unwrap();
}

fn names(inventory: &Inventory) -> Vec<String> {
    inventory.computers().map(|c| c.name.to_string()).collect()
}

/// A list with `n` computers, saved.
fn list(path: &Path, n: usize) -> (Store, Inventory) {
    let (mut store, opened) = Store::create(path).unwrap();
    let mut inventory = opened.inventory;
    for i in 0..n {
        apply(&mut store, &mut inventory, &computer(i));
    }
    store.save(&inventory, false).unwrap();
    (store, inventory)
}

#[test]
fn what_was_appended_is_there_after_a_crash_and_after_a_save() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 2);
    assert_eq!(store.pending(), 0);
    apply(&mut store, &mut inventory, &computer(2));
    assert_eq!(store.pending(), 1);
    drop(store);
    let (mut store, opened) = Store::open(&path).unwrap();
    assert_eq!(names(&opened.inventory), ["pc0", "pc1", "pc2"]);
    assert_eq!((opened.recovered.replayed, store.pending()), (1, 1));
    assert!(
        opened.recovered.to_string().contains("1 change"),
        "{}",
        opened.recovered
    );
    apply(&mut store, &mut inventory, &computer(3));
    store.save(&inventory, false).unwrap();
    drop(store);
    let (store, opened) = Store::open(&path).unwrap();
    assert!(opened.recovered.is_empty());
    assert_eq!(contents(&opened.inventory), contents(&inventory));
    drop(store);
    let kept = folder.names();
    assert!(
        !kept.iter().any(|n| n.contains(".saving") || n.contains(".new")),
        "{kept:?}"
    );
}

#[test]
fn a_list_is_open_for_changes_once_and_readable_always() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 1);
    apply(&mut store, &mut inventory, &computer(1));
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    let words = error.to_string();
    assert!(
        words.contains(&format!("process {}", std::process::id())) && words.contains("read-only"),
        "{words}"
    );
    let seen = Store::read_only(&path).unwrap();
    assert_eq!(names(&seen.inventory), ["pc0", "pc1"]);
    drop(store);
    // A lock file that nobody holds means nothing.
    fs::write(folder.path("a.cilx.lock"), "somebody, long ago").unwrap();
    assert!(Store::open(&path).is_ok());
}

#[test]
fn what_a_dead_program_left_in_the_lock_file_locks_nobody_out() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    drop(list(&path, 1));
    for signature in [
        format!(
            "anna on somewhere-else, process {}, since 2026-01-02 03:04:05 UTC",
            u32::MAX
        ),
        "scribble".to_owned(),
        String::new(),
    ] {
        fs::write(folder.path("a.cilx.lock"), signature).unwrap();
        let (store, _) = Store::open(&path).unwrap();
        let error = Store::open(&path).unwrap_err();
        let mine = format!("process {},", std::process::id());
        assert!(
            matches!(&error, StoreError::InUse { by, .. } if by.contains(&mine)),
            "{error}"
        );
        drop(store);
    }
}

#[test]
fn reading_alone_writes_nothing() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    fs::write(&path, saved(&Inventory::default())).unwrap();
    Store::read_only(&path).unwrap();
    assert_eq!(folder.names(), ["a.cilx"]);
}

#[test]
fn changes_while_a_save_is_written_belong_to_the_next_one() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 1);
    apply(&mut store, &mut inventory, &computer(1));
    let pending = store.begin_save(false).unwrap();
    let snapshot = inventory.clone();
    let writing = std::thread::spawn(move || pending.write(&snapshot).unwrap());
    apply(&mut store, &mut inventory, &computer(2));
    let written = writing.join().unwrap();
    apply(&mut store, &mut inventory, &computer(3));
    store.finish_save(written).unwrap();
    assert_eq!(store.pending(), 2);
    drop(store);
    let (store, opened) = Store::open(&path).unwrap();
    assert_eq!((opened.recovered.replayed, store.pending()), (2, 2));
    assert_eq!(contents(&opened.inventory), contents(&inventory));
}

#[test]
fn killed_between_the_new_list_and_the_new_journal_nothing_is_lost_or_doubled() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let journal = folder.path("a.cilx.journal");
    let (mut store, mut inventory) = list(&path, 1);
    apply(&mut store, &mut inventory, &computer(1));
    apply(
        &mut store,
        &mut inventory,
        &Change::RemoveComputer(ComputerId::from_name("pc0")),
    );
    let pending = store.begin_save(false).unwrap();
    let written = pending.write(&inventory).unwrap();
    apply(&mut store, &mut inventory, &computer(2));
    let old_journal = fs::read(&journal).unwrap();
    store.finish_save(written).unwrap();
    drop(store);
    fs::write(&journal, &old_journal).unwrap();
    let opened = Store::read_only(&path).unwrap();
    assert_eq!(contents(&opened.inventory), contents(&inventory));
    let (_store, opened) = Store::open(&path).unwrap();
    assert_eq!(opened.recovered.replayed, 1);
    assert_eq!(contents(&opened.inventory), contents(&inventory));
}

#[test]
fn a_list_changed_by_somebody_else_is_not_overwritten() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 1);
    apply(&mut store, &mut inventory, &computer(1));
    let mine = fs::read_to_string(&path).unwrap();
    let theirs = mine.replace("pc0", "PC0");
    fs::write(&path, &theirs).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(store.changed_by_other());
    assert!(matches!(
        store.save(&inventory, false),
        Err(StoreError::ChangedByOther { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    // Only touched: nothing was changed.
    fs::write(&path, &mine).unwrap();
    assert!(!store.changed_by_other());
    fs::write(&path, &theirs).unwrap();
    store.save(&inventory, true).unwrap();
    assert_eq!(fs::read_to_string(folder.path("a.cilx.bak")).unwrap(), theirs);
    fs::remove_file(&path).unwrap();
    let error = store.save(&inventory, false).unwrap_err();
    assert!(matches!(error, StoreError::Vanished { .. }), "{error}");
    store.save(&inventory, true).unwrap();
    assert_eq!(names(&Store::read_only(&path).unwrap().inventory), ["pc0", "pc1"]);
}

#[test]
fn a_change_within_one_step_of_the_clock_of_a_stick_is_noticed() {
    use std::time::{Duration, SystemTime};

    let folder = Folder::new();
    let path = folder.path("a.cilx");
    drop(list(&path, 1));
    // FAT keeps times in steps of two seconds.
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let step = SystemTime::UNIX_EPOCH + Duration::from_secs(now - now % 2);
    let put_time = || {
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(step)
            .unwrap();
    };
    put_time();
    let (store, _) = Store::open(&path).unwrap();
    assert!(!store.changed_by_other());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("pc0", "pcX")).unwrap();
    put_time();
    assert!(store.changed_by_other(), "as long as before, and of the same time");
}

#[test]
fn a_replaced_list_gets_what_still_applies_and_the_rest_is_laid_aside() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 1);
    apply(&mut store, &mut inventory, &computer(7));
    let action = Action {
        at: Some(at(1)),
        what: "Tried".into(),
        failure: None,
    };
    let product = Product::new(
        ProductId(guid(1)),
        Some(ComputerId::from_name("pc0")),
        ApplicationId::WINDOWS,
    );
    apply(&mut store, &mut inventory, &Change::PutProduct(Box::new(product)));
    apply(
        &mut store,
        &mut inventory,
        &Change::Acted {
            product: ProductId(guid(1)),
            action,
        },
    );
    drop(store);
    // Another list in its place, without pc0.
    let mut other = Inventory::default();
    other.apply(&computer(5)).unwrap();
    fs::write(&path, saved(&other)).unwrap();
    let (store, opened) = Store::open(&path).unwrap();
    assert_eq!(names(&opened.inventory), ["pc5", "pc7"]);
    assert_eq!(
        (opened.recovered.replayed, opened.recovered.refused.len()),
        (1, 2),
        "{:?}",
        opened.recovered
    );
    let orphan = opened.recovered.orphan.clone().unwrap();
    assert!(orphan.to_string_lossy().ends_with(".journal.orphan-1"));
    assert!(fs::read_to_string(orphan).unwrap().contains("Tried"));
    drop(store);
    let (_store, opened) = Store::open(&path).unwrap();
    assert_eq!((opened.recovered.replayed, opened.recovered.refused.len()), (1, 0));
    assert_eq!(opened.recovered.orphan, None);
}

#[test]
fn a_journal_cut_short_loses_the_record_being_written_and_says_so() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let journal = folder.path("a.cilx.journal");
    let (mut store, mut inventory) = list(&path, 0);
    for n in 0..3 {
        apply(&mut store, &mut inventory, &computer(n));
    }
    drop(store);
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 5]).unwrap();
    let (mut store, opened) = Store::open(&path).unwrap();
    assert_eq!(names(&opened.inventory), ["pc0", "pc1"]);
    assert!(opened.recovered.damaged.is_some());
    let mut inventory = opened.inventory;
    apply(&mut store, &mut inventory, &computer(9));
    drop(store);
    let (_store, opened) = Store::open(&path).unwrap();
    assert_eq!(names(&opened.inventory), ["pc0", "pc1", "pc9"]);
    assert_eq!(opened.recovered.damaged, None);
}

#[test]
fn a_record_damaged_in_the_middle_costs_itself_and_the_journal_is_kept() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let journal = folder.path("a.cilx.journal");
    let (mut store, mut inventory) = list(&path, 0);
    for n in 0..3 {
        apply(&mut store, &mut inventory, &computer(n));
    }
    drop(store);
    let text = fs::read_to_string(&journal).unwrap().replace("\"pc1\"", "\"pcX\"");
    fs::write(&journal, text).unwrap();
    let (_store, opened) = Store::open(&path).unwrap();
    assert_eq!(names(&opened.inventory), ["pc0", "pc2"]);
    assert!(opened.recovered.damaged.is_some() && opened.recovered.orphan.is_some());
}

#[test]
fn lists_of_other_programs_are_journalled_too() {
    let folder = Folder::new();
    let path = folder.path("vamt.cilx");
    let text = "<VolumeActivationManagementToolData VamtVersion=\"3.0.5.0\"><SoftwareLicensingData/>\
                </VolumeActivationManagementToolData>";
    fs::write(&path, text).unwrap();
    let (mut store, opened) = Store::open(&path).unwrap();
    let mut inventory = opened.inventory;
    apply(&mut store, &mut inventory, &computer(1));
    drop(store);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let (mut store, opened) = Store::open(&path).unwrap();
    assert_eq!((opened.recovered.replayed, opened.recovered.orphan), (1, None));
    store.save(&opened.inventory, false).unwrap();
    assert_eq!(fs::read_to_string(folder.path("vamt.cilx.bak")).unwrap(), text);
}

#[test]
fn nothing_is_created_over_a_file_and_errors_name_it() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (store, mut inventory) = list(&path, 1);
    drop(store);
    assert!(matches!(Store::create(&path), Err(StoreError::Exists { .. })));
    let error = Store::open(&folder.path("none.cilx")).unwrap_err();
    assert!(
        matches!(error, StoreError::NotFound { .. }) && error.to_string().contains("none.cilx"),
        "{error}"
    );
    let error = Store::create(&folder.path("no/such/folder/b.cilx")).unwrap_err();
    assert!(matches!(error, StoreError::NoFolder { .. }), "{error:?}");
    fs::write(folder.path("c.cilx"), "<html/>").unwrap();
    let error = Store::open(&folder.path("c.cilx")).unwrap_err();
    assert!(error.to_string().contains("c.cilx: line 1, column 1"), "{error}");

    inventory.apply(&computer(8)).unwrap();
    let before = fs::read(&path).unwrap();
    let store = Store::replace_from(&path, &inventory).unwrap();
    drop(store);
    assert_eq!(fs::read(folder.path("a.cilx.bak")).unwrap(), before);
    assert_eq!(names(&Store::read_only(&path).unwrap().inventory), ["pc0", "pc8"]);
}

#[test]
fn a_sealed_price_is_journalled_and_found_again() {
    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let (mut store, mut inventory) = list(&path, 1);
    let product = Product {
        installation_id: Some(iid(1)),
        ..Product::new(
            ProductId(guid(1)),
            Some(ComputerId::from_name("pc0")),
            ApplicationId::WINDOWS,
        )
    };
    let id = product.id;
    let changes = [
        Change::PutProduct(Box::new(product)),
        Change::PutKey(Box::new(KeyEntry::of(key(3), KeyType::Mak))),
        Change::Asked {
            product: id,
            asked: Asked {
                installation_id: iid(1),
                at: at(1),
            },
        },
        Change::Confirmed {
            product: id,
            installation_id: iid(1),
            confirmation_id: cid(1),
            at: at(2),
        },
    ];
    for change in &changes {
        apply(&mut store, &mut inventory, change);
    }
    drop(store);
    let opened = Store::read_only(&path).unwrap();
    assert_eq!(contents(&opened.inventory), contents(&inventory));
    assert_eq!(opened.inventory.keys().next().unwrap().key, Some(key(3)));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_are_kept_and_the_journal_is_private() {
        let folder = Folder::new();
        let path = folder.path("a.cilx");
        let (mut store, inventory) = list(&path, 1);
        assert_eq!((mode(&path), mode(&folder.path("a.cilx.journal"))), (0o600, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        store.save(&inventory, false).unwrap();
        assert_eq!((mode(&path), mode(&folder.path("a.cilx.journal"))), (0o664, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let error = store.save(&inventory, false).unwrap_err();
        assert!(matches!(error, StoreError::AccessDenied { .. }), "{error}");
    }

    #[test]
    fn links_are_followed_and_stay_links() {
        let folder = Folder::new();
        fs::create_dir(folder.path("real")).unwrap();
        let path = folder.path("real/a.cilx");
        drop(list(&path, 1));
        let link = folder.path("link.cilx");
        symlink(&path, &link).unwrap();
        let (mut store, opened) = Store::open(&link).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
        let mut inventory = opened.inventory;
        apply(&mut store, &mut inventory, &computer(1));
        store.save(&inventory, false).unwrap();
        drop(store);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&Store::read_only(&path).unwrap().inventory), ["pc0", "pc1"]);
    }

    #[test]
    fn a_full_disk_is_said_in_words_and_nothing_is_lost() {
        // `/dev/full` is a disk without room.
        let folder = Folder::new();
        let path = folder.path("a.cilx");
        let (mut store, mut inventory) = list(&path, 1);
        apply(&mut store, &mut inventory, &computer(1));
        let before = fs::read(&path).unwrap();
        if !Path::new("/dev/full").exists() {
            return;
        }
        let mut full = fs::File::options().write(true).open("/dev/full").unwrap();
        let error = makeeper::cil::write(&inventory, None, &mut full).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        // A folder in the way of the temporary file: the save fails halfway, the list stays.
        fs::create_dir(folder.path("a.cilx.saving")).unwrap();
        let error = store.save(&inventory, false).unwrap_err();
        assert!(error.to_string().contains("a.cilx could not be saved"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        fs::remove_dir(folder.path("a.cilx.saving")).unwrap();
        apply(&mut store, &mut inventory, &computer(2));
        drop(store);
        assert_eq!(
            contents(&Store::read_only(&path).unwrap().inventory),
            contents(&inventory)
        );
    }
}

#[test]
fn loading_tells_how_far_it_is_and_stopped_anywhere_leaves_everything_as_it_was() {
    use makeeper::cil::{CilError, Progress};
    use std::ops::ControlFlow;
    use std::sync::Mutex;

    let folder = Folder::new();
    let path = folder.path("a.cilx");
    let _ = list(&path, 3);
    let before = folder.names();
    let told: Mutex<Vec<Progress>> = Mutex::default();
    let load = |read_only: bool, stop_after: usize| {
        told.lock().unwrap().clear();
        let watch = |progress: Progress| {
            let mut told = told.lock().unwrap();
            told.push(progress);
            if told.len() > stop_after {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        if read_only {
            return Store::read_only_with(&path, &watch);
        }
        Store::open_with(&path, &watch).map(|(_, opened)| opened)
    };
    for read_only in [true, false] {
        assert_eq!(load(read_only, usize::MAX).unwrap().inventory.computer_count(), 3);
        let all = told.lock().unwrap().clone();
        let half = fs::metadata(&path).unwrap().len();
        assert!(all.iter().all(|p| p.total == 2 * half && p.done <= p.total), "{all:?}");
        assert!(
            all.iter().any(|p| p.done == half) && all.iter().any(|p| p.done > half),
            "read and understood: {all:?}"
        );
        for stop_after in 0..all.len() {
            let error = load(read_only, stop_after).unwrap_err();
            let StoreError::Format { source, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(*source, CilError::Cancelled);
            // A list that was opened leaves its journal; its lock goes with it.
            assert!(
                !folder.path("a.cilx.lock").exists(),
                "{:?} before {before:?}",
                folder.names()
            );
        }
    }
    assert!(Store::open(&path).is_ok());
}
