//! Lists on sticks and small disks: real file systems, mounted for the test. Needs root and the tools that make them; where
//! those are missing it says so on standard error (and fails, if MAKEEPER_REQUIRE_MOUNTS is set).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod cil_common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cil_common::{cid, contents, guid, iid};
use makeeper::cil::store::{Store, StoreError};
use makeeper::model::*;
use makeeper::workspace::{Mode, Workspace, WorkspaceError};

/// A mounted file system.
struct Medium {
    folder: tempfile::TempDir,
    device: Option<String>,
    kind: String,
}

fn run(command: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(command)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{command}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Not captured by the test harness: a test that could not run must not look like one that did.
fn not_run(why: &str) {
    assert!(
        std::env::var_os("MAKEEPER_REQUIRE_MOUNTS").is_none(),
        "no medium could be mounted: {why}"
    );
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let words = format!("\nNOT RUN: {test}: no medium could be mounted: {why}\n");
    std::io::stderr().write_all(words.as_bytes()).unwrap();
}

/// Mounts an image at a folder: which driver did it, and the device that has to be let go afterwards.
type Mounting = fn(&str, &str) -> Result<(&'static str, Option<String>), String>;

fn vfat(image: &str, point: &str) -> Result<(&'static str, Option<String>), String> {
    run("mkfs.vfat", &[image])?;
    run("mount", &["-t", "vfat", "-o", "loop", image, point]).map(|_| ("vfat", None))
}

fn exfat(image: &str, point: &str) -> Result<(&'static str, Option<String>), String> {
    run("mkfs.exfat", &[image])?;
    run("mount", &["-t", "exfat", "-o", "loop", image, point]).map(|_| ("exfat", None))
}

fn exfat_fuse(image: &str, point: &str) -> Result<(&'static str, Option<String>), String> {
    run("mkfs.exfat", &[image])?;
    let device = run("losetup", &["-f", "--show", image])?;
    match run("mount.exfat-fuse", &[&device, point]) {
        Ok(_) => Ok(("exfat-fuse", Some(device))),
        Err(why) => {
            let _ = run("losetup", &["-d", &device]);
            Err(why)
        }
    }
}

impl Medium {
    fn tmpfs(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().to_str().unwrap();
        match run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", point]) {
            Ok(_) => Some(Self {
                folder,
                device: None,
                kind: "tmpfs".into(),
            }),
            Err(why) => {
                not_run(&why);
                None
            }
        }
    }

    /// A FAT and an exFAT stick in a file, by the kernel or through FUSE, whichever there is.
    fn sticks(mebibytes: u64) -> Vec<Self> {
        let kinds: [(&[Mounting], &str); 2] = [(&[vfat], "FAT"), (&[exfat, exfat_fuse], "exFAT")];
        let mount = |(ways, name)| {
            Self::stick(mebibytes, ways)
                .map_err(|why| not_run(&format!("{name}: {why}")))
                .ok()
        };
        kinds.into_iter().filter_map(mount).collect()
    }

    fn stick(mebibytes: u64, ways: &[Mounting]) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let point = folder.path().join("stick");
        fs::create_dir(&point).unwrap();
        fs::File::create(&image).unwrap().set_len(mebibytes << 20).unwrap();
        let mut reasons = Vec::new();
        for mount in ways {
            match mount(image.to_str().unwrap(), point.to_str().unwrap()) {
                Ok((kind, device)) => {
                    let kind = kind.to_owned();
                    return Ok(Self { folder, device, kind });
                }
                Err(why) => reasons.push(why),
            }
        }
        Err(reasons.join("; "))
    }

    fn point(&self) -> PathBuf {
        match &*self.kind {
            "tmpfs" => self.folder.path().to_owned(),
            _ => self.folder.path().join("stick"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.point().join(name)
    }

    /// Leaves `bytes` free.
    fn fill(&self, bytes: u64) -> PathBuf {
        let filler = self.path("filler");
        let mut file = fs::File::create(&filler).unwrap();
        let block = vec![0; 4096];
        while file.write_all(&block).is_ok() {}
        // What the last block left.
        while file.write_all(&[0]).is_ok() {}
        let len = file.metadata().unwrap().len();
        file.set_len(len.saturating_sub(bytes)).unwrap();
        file.sync_all().unwrap();
        filler
    }

    /// As if pulled: the names are gone at once.
    fn vanish(&self) {
        run("umount", &["-l", self.point().to_str().unwrap()]).unwrap();
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", self.point().to_str().unwrap()]);
        if let Some(device) = &self.device {
            let _ = run("losetup", &["-d", device]);
        }
    }
}

fn products(from: u64, count: u64) -> Vec<Change> {
    (from..from + count)
        .flat_map(|n| {
            let id = ProductId(guid(n));
            let mut product = Product::new(id, None, ApplicationId::WINDOWS);
            product.installation_id = Some(iid(n));
            let confirmed = Change::Confirmed {
                product: id,
                installation_id: iid(n),
                confirmation_id: cid(n),
                at: chrono::DateTime::UNIX_EPOCH,
            };
            [Change::PutProduct(Box::new(product)), confirmed]
        })
        .collect()
}

fn reopened(path: &Path) -> Inventory {
    let opened = Store::read_only(path).unwrap();
    assert!(
        opened.recovered.refused.is_empty() && opened.recovered.orphan.is_none(),
        "{:?}",
        opened.recovered
    );
    opened.inventory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_lives_on_a_stick_without_links_and_permissions() {
    Medium::sticks(8).iter().for_each(lives_on);
}

fn lives_on(stick: &Medium) {
    let path = stick.path("Carried List.cilx");
    let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
    for n in 0..5 {
        workspace.edit(products(n * 10, 10)).unwrap();
        workspace.save().unwrap();
    }
    workspace.edit(products(50, 1)).unwrap();
    let now = workspace.snapshot().inventory.clone();
    // The same file by another spelling of its name.
    let shouted = stick.path("CARRIED LIST.CILX");
    assert!(
        matches!(Store::open(&shouted), Err(StoreError::InUse { .. })),
        "{}: names differ in case only",
        stick.kind
    );
    drop(workspace);
    assert_eq!(contents(&reopened(&path)), contents(&now));
    let older = |name: &str| Store::read_only(&stick.path(name)).unwrap().inventory.product_count();
    assert_eq!(
        [".bak", ".bak.2", ".bak.3"].map(|s| older(&format!("Carried List.cilx{s}"))),
        [40, 30, 20]
    );
    assert!(!stick.path("Carried List.cilx.bak.4").exists());
    let (mut store, opened) = Store::open(&path).unwrap();
    assert_eq!(opened.recovered.replayed, 2);
    store.save(&opened.inventory, false).unwrap();
    drop(store);
    assert_eq!(contents(&reopened(&path)), contents(&now));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_a_copy_the_list_itself_becomes_the_previous_generation() {
    Medium::sticks(8).iter().for_each(without_room_for_a_copy);
}

fn without_room_for_a_copy(stick: &Medium) {
    let path = stick.path("a.cilx");
    let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
    workspace.edit(products(0, 1000)).unwrap();
    workspace.save().unwrap();
    workspace.save().unwrap();
    let size = fs::metadata(&path).unwrap().len();
    fs::remove_file(stick.path("a.cilx.bak")).unwrap();
    let _ = fs::remove_file(stick.path("a.cilx.bak.2"));
    workspace.edit(products(1000, 1)).unwrap();
    // Room for the new list, not for another copy of the old one.
    let filler = stick.fill(size * 3 / 2);
    workspace.save().unwrap();
    fs::remove_file(filler).unwrap();
    drop(workspace);
    assert_eq!(reopened(&path).product_count(), 1001);
    assert_eq!(reopened(&stick.path("a.cilx.bak")).product_count(), 1000);
}

/// A full disk in every step: told in words, the list goes on, can be saved elsewhere, and here once there is room.
fn full_disk(medium: &Medium) {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = medium.path("a.cilx");
    let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
    workspace.edit(products(0, 100)).unwrap();
    workspace.save().unwrap();
    let saved = fs::read(&path).unwrap();
    let filler = medium.fill(40_000);

    // While journalling: what is acknowledged counts, what is refused does not.
    let mut n = 100;
    let refused = loop {
        match workspace.edit(products(n, 1)) {
            Ok(()) => n += 1,
            Err(error) => break error,
        }
        assert!(n < 2000, "{}: the disk never became full", medium.kind);
    };
    assert!(
        matches!(refused, WorkspaceError::Store(StoreError::DiskFull { .. })),
        "{}: {refused:?}",
        medium.kind
    );
    let words = refused.to_string();
    assert!(
        words.starts_with("the disk is full: ") && words.contains("a.cilx.journal"),
        "{words}"
    );
    assert_eq!(workspace.snapshot().inventory.product_count() as u64, n);
    assert_eq!(reopened(&path).product_count() as u64, n, "{}", medium.kind);

    // While saving.
    let error = workspace.save().unwrap_err();
    assert!(
        matches!(error, WorkspaceError::Store(StoreError::DiskFull { .. })),
        "{}: {error:?}",
        medium.kind
    );
    assert_eq!(fs::read(&path).unwrap(), saved, "the list on the disk is as it was");
    assert_eq!(reopened(&path).product_count() as u64, n);

    // With room again here.
    fs::remove_file(filler).unwrap();
    workspace.edit(products(n, 1)).unwrap();
    workspace.save().unwrap();
    assert_eq!(reopened(&path).product_count() as u64, n + 1);

    // Elsewhere.
    medium.fill(20_000);
    let error = workspace.save().unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    let other = elsewhere.path().join("b.cilx");
    workspace.save_as(&other).unwrap();
    workspace.edit(products(n + 1, 1)).unwrap();
    let now = workspace.snapshot().inventory.clone();
    drop(workspace);
    assert_eq!(contents(&reopened(&other)), contents(&now));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_in_words_and_the_list_goes_on() {
    if let Some(medium) = Medium::tmpfs("1m") {
        full_disk(&medium);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stick_is_told_in_words_and_the_list_goes_on() {
    Medium::sticks(8).iter().for_each(full_disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_that_vanished_is_told_in_words_and_the_list_can_be_saved_elsewhere() {
    Medium::sticks(8).iter().for_each(vanishes);
}

fn vanishes(stick: &Medium) {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = stick.path("a.cilx");
    let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
    workspace.edit(products(0, 20)).unwrap();
    stick.vanish();
    let error = workspace.save().unwrap_err();
    assert!(
        matches!(error, WorkspaceError::Store(StoreError::Vanished { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("plug the medium in again"), "{error}");
    let now = workspace.snapshot().inventory.clone();
    assert_eq!(now.product_count(), 20, "the list is still open");
    let other = elsewhere.path().join("b.cilx");
    workspace.save_as(&other).unwrap();
    workspace.edit(products(20, 1)).unwrap();
    let now = workspace.snapshot().inventory.clone();
    drop(workspace);
    assert_eq!(contents(&reopened(&other)), contents(&now));
    let (again, report) = Workspace::open(&other, Mode::Edit, tokio::runtime::Handle::current()).unwrap();
    assert_eq!(
        (report.recovered.replayed, again.snapshot().inventory.product_count()),
        (2, 21)
    );
}
