//! Product keys sealed with a passphrase: nothing of them is left on the disk, and everything that needs none goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cil_common::{cid, guid, iid, key};
use makeeper::model::*;
use makeeper::workspace::{ExportProfile, KeyProtection, Mode, OpenReport, SealError, Workspace, WorkspaceError};
use tokio::runtime::Handle;

const WORD: &str = "correct horse battery staple";

fn word() -> Secret {
    Secret::new(WORD)
}

fn create(path: &Path) -> Workspace {
    let workspace = Workspace::create(path, Handle::current()).unwrap();
    let mut first = KeyEntry::of(key(1), KeyType::Mak);
    first.remarks = format!("the old one was {}", key(900).reveal()).into();
    let mut product = Product::new(ProductId(guid(1)), None, ApplicationId::WINDOWS);
    product.installation_id = Some(iid(1));
    product.partial_product_key = Some(key(1).last_five());
    workspace
        .edit(vec![
            Change::PutKey(Box::new(first)),
            Change::PutKey(Box::new(KeyEntry::of(key(2), KeyType::Csvlk))),
            Change::PutProduct(Box::new(product)),
        ])
        .unwrap();
    workspace.save().unwrap();
    workspace
}

fn open(path: &Path) -> (Workspace, OpenReport) {
    Workspace::open(path, Mode::Edit, Handle::current()).unwrap()
}

/// Files of a folder that hold anything from which one of the keys could be had: itself, in any writing, or its hash.
fn tell_tales(folder: &Path, keys: &[usize]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_uppercase();
        for n in keys {
            let whole = key(*n).reveal().to_owned();
            // Twenty characters are no longer a secret of twenty-five.
            let bare = whole.replace('-', "");
            let hash = KeyEntryId::derive(&whole).0.to_string().to_uppercase();
            let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let parts = [&whole[..23], &bare[..20], &bare[5..], &hash];
            if parts.iter().any(|part| text.contains(part)) || bytes.windows(utf16.len()).any(|w| w == utf16) {
                found.push(format!("{} tells key {n}", path.file_name().unwrap().display()));
            }
        }
    }
    found
}

fn revealed(workspace: &Workspace) -> Vec<Option<String>> {
    let mut keys: Vec<_> = workspace
        .snapshot()
        .inventory
        .keys()
        .map(|k| k.key.as_ref().map(|k| k.reveal().to_owned()))
        .collect();
    keys.sort();
    keys
}

fn texts(keys: &[usize]) -> Vec<Option<String>> {
    let mut keys: Vec<_> = keys.iter().map(|n| Some(key(*n).reveal().to_owned())).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sealing_no_file_tells_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let workspace = create(&path);
    assert!(
        !tell_tales(folder.path(), &[1, 2, 900]).is_empty(),
        "the search finds keys in clear"
    );
    let report = workspace.seal_keys(&word()).unwrap();
    assert_eq!(report.keys, 2);
    // The generation before has them still, and is named.
    assert!(!report.copies_with_keys.is_empty());
    let named: Vec<PathBuf> = report.copies_with_keys.clone();
    let telling = tell_tales(folder.path(), &[1, 2, 900]);
    for file in &telling {
        assert!(
            named
                .iter()
                .any(|p| file.starts_with(&*p.file_name().unwrap().to_string_lossy())),
            "{file} is not named in {named:?}"
        );
    }
    assert_eq!(workspace.remove_copies_with_keys().unwrap(), named);
    assert_eq!(tell_tales(folder.path(), &[1, 2, 900]), Vec::<String>::new());

    // Whatever is done from here on: journal, saving, another copy.
    let third = KeyEntry::of(key(3), KeyType::Mak);
    assert!(
        workspace.undo().unwrap().is_none(),
        "nothing of before the sealing is brought back"
    );
    workspace.edit(vec![Change::PutKey(Box::new(third))]).unwrap();
    workspace.undo().unwrap().unwrap();
    workspace.redo().unwrap().unwrap();
    let mut remarked = Computer::named("pc1");
    remarked.remarks = format!("runs {}", key(900).reveal()).into();
    workspace.edit(vec![Change::PutComputer(Box::new(remarked))]).unwrap();
    assert_eq!(
        tell_tales(folder.path(), &[1, 2, 3, 900]),
        Vec::<String>::new(),
        "journal"
    );
    workspace.save().unwrap();
    workspace.add_keys(&format!("{}\n", key(4).reveal())).unwrap();
    workspace.save_as(&folder.path().join("b.cilx")).unwrap();
    assert_eq!(tell_tales(folder.path(), &[1, 2, 3, 4, 900]), Vec::<String>::new());
    assert_eq!(workspace.snapshot().key_protection(), KeyProtection::Unlocked);
    drop(workspace);

    let (again, _) = open(&folder.path().join("b.cilx"));
    assert_eq!(again.snapshot().key_protection(), KeyProtection::Locked);
    assert_eq!(revealed(&again), [None, None, None, None]);
    assert_eq!(again.unlock_keys(&word()).unwrap(), 4);
    assert_eq!(revealed(&again), texts(&[1, 2, 3, 4]));
    again.save().unwrap();
    assert_eq!(tell_tales(folder.path(), &[1, 2, 3, 4, 900]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_added_to_a_locked_list_survive_a_crash_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let workspace = create(&path);
    workspace.seal_keys(&word()).unwrap();
    workspace.remove_copies_with_keys().unwrap();
    drop(workspace);
    let (workspace, _) = open(&path);
    let report = workspace
        .add_keys(&format!("{}\n{}\n", key(3).reveal(), key(1).reveal()))
        .unwrap();
    assert_eq!(report.added(), 1, "a locked key is known by its last five: {report:?}");
    // Never saved: as after a crash.
    drop(workspace);
    assert_eq!(tell_tales(folder.path(), &[1, 2, 3]), Vec::<String>::new());
    let (workspace, report) = open(&path);
    assert_eq!(report.recovered.replayed, 1);
    workspace.unlock_keys(&word()).unwrap();
    assert_eq!(revealed(&workspace), texts(&[1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_before_the_sealing_does_not_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let journal = folder.path().join("a.cilx.journal");
    let workspace = create(&path);
    let put = Change::PutKey(Box::new(KeyEntry::of(key(3), KeyType::Mak)));
    workspace.edit(vec![put]).unwrap();
    let before = fs::read(&journal).unwrap();
    workspace.seal_keys(&word()).unwrap();
    workspace.remove_copies_with_keys().unwrap();
    let sealed = fs::read(&path).unwrap();
    drop(workspace);
    assert_eq!(tell_tales(folder.path(), &[1, 2, 3]), Vec::<String>::new());

    // Killed between the new list and the new journal: the old journal ends with "saving".
    let generation = String::from_utf8_lossy(&sealed)
        .split("mk:Generation=\"")
        .nth(1)
        .unwrap()[..36]
        .to_owned();
    let number = String::from_utf8_lossy(&before).lines().count();
    let json = format!("[{number},{{\"Saving\":{{\"generation\":\"{generation}\"}}}}]");
    let line = format!("{:08x} {:08x} {json}\n", json.len(), crc32fast::hash(json.as_bytes()));
    fs::write(&journal, [before, line.into_bytes()].concat()).unwrap();
    assert!(!tell_tales(folder.path(), &[3]).is_empty());
    let (workspace, report) = open(&path);
    assert!(report.recovered.is_empty(), "{:?}", report.recovered);
    assert_eq!(tell_tales(folder.path(), &[1, 2, 3]), Vec::<String>::new());
    workspace.unlock_keys(&word()).unwrap();
    assert_eq!(revealed(&workspace), texts(&[1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_passphrase_everything_but_the_keys_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    create(&path).seal_keys(&word()).unwrap();
    let (workspace, report) = open(&path);
    assert!(report.recovered.is_empty() && report.warnings.is_empty(), "{report:?}");
    let wrong = workspace.unlock_keys(&Secret::new("wrong")).unwrap_err();
    assert!(
        matches!(wrong, WorkspaceError::Seal(SealError::WrongPassphrase)),
        "{wrong}"
    );
    let confirmed = Change::Confirmed {
        product: ProductId(guid(1)),
        installation_id: iid(1),
        confirmation_id: cid(1),
        at: chrono::Utc::now(),
    };
    workspace.edit(vec![confirmed]).unwrap();
    let five = key(1).last_five();
    let entry = workspace
        .snapshot()
        .inventory
        .keys_by_last_five(five)
        .next()
        .unwrap()
        .clone();
    assert!(entry.masked().ends_with(five.as_str()) && entry.is_locked());
    let remaining = RemainingCount {
        left: Some(7),
        at: None,
    };
    workspace
        .edit(vec![Change::Counted {
            key: entry.id,
            remaining,
        }])
        .unwrap();
    let carrier = workspace
        .snapshot()
        .inventory
        .product(ProductId(guid(1)))
        .unwrap()
        .clone();
    assert!(entry.is_installed_on(&carrier));
    workspace.save().unwrap();
    for profile in [ExportProfile::WithoutKeys, ExportProfile::ProxyOnly] {
        workspace
            .export(&folder.path().join("out.cilx"), profile, None)
            .unwrap();
    }
    let full = workspace
        .export(&folder.path().join("full.cilx"), ExportProfile::Full, None)
        .unwrap_err();
    assert!(matches!(full, WorkspaceError::Seal(SealError::Locked)), "{full}");
    assert!(!folder.path().join("full.cilx").exists());

    // Forgotten: the keys are lost, nothing else.
    assert!(matches!(
        workspace.unseal_keys(),
        Err(WorkspaceError::Seal(SealError::Locked))
    ));
    workspace.forget_sealed_keys().unwrap();
    drop(workspace);
    let (workspace, _) = open(&path);
    let inventory = workspace.snapshot().inventory.clone();
    let kept = inventory.key(entry.id).unwrap();
    assert_eq!((kept.last_five, kept.remaining.unwrap().left), (Some(five), Some(7)));
    assert!(kept.key.is_none() && !kept.is_locked());
    let product = inventory.product(ProductId(guid(1))).unwrap();
    assert_eq!(product.confirmation.as_ref().unwrap().confirmation_id, cid(1));
    assert_eq!(workspace.snapshot().key_protection(), KeyProtection::Clear);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_and_open_lists_interoperate() {
    let folder = tempfile::tempdir().unwrap();
    let sealed = folder.path().join("sealed.cilx");
    create(&sealed).seal_keys(&word()).unwrap();

    // A sealed file into an open list: without the passphrase what is known of the keys, with it the keys.
    let open_list = Workspace::create(&folder.path().join("open.cilx"), Handle::current()).unwrap();
    let plan = open_list.plan_import(&sealed).unwrap();
    assert_eq!(
        plan.notes.iter().filter(|n| n.reason.contains("sealed")).count(),
        2,
        "{:?}",
        plan.notes
    );
    open_list.apply_import(plan).unwrap();
    assert_eq!(revealed(&open_list), [None, None]);
    assert_eq!(open_list.snapshot().key_protection(), KeyProtection::Clear);
    let plan = open_list
        .plan_import_with(&sealed, Some(&word()), &|_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    open_list.apply_import(plan).unwrap();
    assert_eq!(
        revealed(&open_list),
        texts(&[1, 2]),
        "the same two entries, now with their keys"
    );
    open_list.save().unwrap();

    // An open file into a sealed, locked list: what is new is sealed on its way in.
    open_list
        .edit(vec![Change::PutKey(Box::new(KeyEntry::of(key(5), KeyType::Mak)))])
        .unwrap();
    open_list.save().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.cilx");
    fs::copy(&sealed, &copy).unwrap();
    let (locked, _) = open(&copy);
    let plan = locked.plan_import(&folder.path().join("open.cilx")).unwrap();
    locked.apply_import(plan).unwrap();
    locked.save().unwrap();
    assert_eq!(locked.snapshot().inventory.key_count(), 3);
    assert_eq!(tell_tales(elsewhere.path(), &[1, 2, 5]), Vec::<String>::new());
    locked.lock_keys();
    assert_eq!(locked.snapshot().key_protection(), KeyProtection::Locked);
    locked.unlock_keys(&word()).unwrap();
    assert_eq!(revealed(&locked), texts(&[1, 2, 5]));

    // And the seal comes off again.
    locked.unseal_keys().unwrap();
    drop(locked);
    let (unsealed, _) = open(&copy);
    assert_eq!(revealed(&unsealed), texts(&[1, 2, 5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_key_is_an_age_file() {
    // What is sealed here must be recoverable without this program.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    create(&path).seal_keys(&word()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let hex = |name: &str| -> Vec<u8> {
        let hex = text
            .split(&format!("{name}=\""))
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect()
    };
    let passphrase = age::scrypt::Identity::new(age::secrecy::SecretString::from(WORD));
    let identity = age::decrypt(&passphrase, &hex("SealedWith")).unwrap();
    let identity: age::x25519::Identity = std::str::from_utf8(&identity).unwrap().parse().unwrap();
    let opened = age::decrypt(&identity, &hex(" Sealed")).unwrap();
    assert!(texts(&[1, 2]).contains(&Some(String::from_utf8(opened).unwrap())));
    assert!(!text.contains("<KeyValue>"));
}

fn makeeper(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_makeeper"))
        .args(arguments)
        .env("MK_PASSPHRASE", WORD)
        .env("MK_WRONG", "wrong")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The program at a terminal, whose person types `typed`.
#[cfg(target_os = "linux")]
fn at_a_terminal(arguments: &str, typed: &str) -> (Option<i32>, String) {
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{} {arguments}", env!("CARGO_BIN_EXE_makeeper")))
        .arg("/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), told(&output))
}

#[cfg(target_os = "linux")]
#[test]
fn the_passphrase_of_another_list_is_asked_for_where_somebody_can_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (mine, other) = (path("mine.cilx"), path("other.cilx"));
    for list in [&mine, &other] {
        assert!(makeeper(&["new", list], "").status.success());
    }
    assert!(
        makeeper(&["keys", "add", &other, "--type", "mak"], key(1).reveal())
            .status
            .success()
    );
    let seal = makeeper(&["keys", "seal", &other, "--passphrase-env", "MK_PASSPHRASE"], "");
    assert!(seal.status.success(), "{}", told(&seal));
    let taken = || fs::read_to_string(&mine).unwrap().contains(key(1).reveal());

    // Nobody to ask: everything but the key.
    let nobody = makeeper(&["merge", &mine, &other, "--dry-run"], "");
    assert!(
        nobody.status.success() && told(&nobody).contains("sealed in the file"),
        "{}",
        told(&nobody)
    );
    for verb in ["import", "merge"] {
        let (code, said) = at_a_terminal(&format!("{verb} {mine} {other}"), "\n");
        assert!(
            code == Some(0) && said.contains("Passphrase of the product keys of"),
            "{verb}: {said}"
        );
        assert!(!taken(), "{verb}");
        let (code, said) = at_a_terminal(&format!("{verb} {mine} {other}"), "wrong\n");
        assert!(code == Some(2) && said.contains("not the passphrase"), "{verb}: {said}");
    }
    let (code, said) = at_a_terminal(&format!("merge {mine} {other}"), &format!("{WORD}\n"));
    assert!(code == Some(0) && taken(), "{said}");
    // The terminal echoes what is typed before anything is asked.
    let (_, answer) = said.split_once("Passphrase of the product keys").unwrap();
    assert!(!answer.contains(WORD), "the passphrase is not shown: {said}");
    let given = ["merge", &mine, &other, "--passphrase-env", "MK_WRONG"];
    assert_eq!(makeeper(&given, "").status.code(), Some(2));
    let given = ["merge", &mine, &other, "--passphrase-fd", "0"];
    assert!(makeeper(&given, &format!("{WORD}\n")).status.success());
}

#[test]
fn the_command_line_seals_and_asks_for_the_passphrase_where_a_key_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cilx");
    let list = path.to_str().unwrap();
    let out = folder.path().join("out.cilx");
    let out = out.to_str().unwrap();
    assert!(makeeper(&["new", list], "").status.success());
    assert!(
        makeeper(&["keys", "add", list, "--type", "mak"], key(1).reveal())
            .status
            .success()
    );
    assert!(
        makeeper(&["keys", "add", list, "--type", "mak"], key(2).reveal())
            .status
            .success()
    );

    let nobody = makeeper(&["keys", "seal", list], "");
    assert_eq!(nobody.status.code(), Some(2), "{}", told(&nobody));
    assert!(told(&nobody).contains("--passphrase-env"), "{}", told(&nobody));
    let sealed = makeeper(&["keys", "seal", list, "--passphrase-env", "MK_PASSPHRASE"], "");
    assert!(sealed.status.success(), "{}", told(&sealed));
    assert!(
        told(&sealed).contains("2 product keys sealed") && told(&sealed).contains("a.cilx.bak"),
        "{}",
        told(&sealed)
    );
    assert!(
        !tell_tales(folder.path(), &[1, 2]).is_empty(),
        "the previous generation was not asked to go"
    );
    let again = makeeper(&["keys", "seal", list, "--passphrase-env", "MK_PASSPHRASE"], "");
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));

    let shown = makeeper(&["keys", "list", list], "");
    assert!(told(&shown).contains("sealed with a passphrase"), "{}", told(&shown));
    let full = ["export", list, out, "--profile", "full"];
    assert_eq!(makeeper(&full, "").status.code(), Some(2));
    let wrong = makeeper(&[&full[..], &["--passphrase-env", "MK_WRONG"]].concat(), "");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(told(&wrong).contains("not the passphrase"), "{}", told(&wrong));
    // From standard input, as a descriptor.
    let right = makeeper(&[&full[..], &["--passphrase-fd", "0"]].concat(), &format!("{WORD}\n"));
    assert!(right.status.success(), "{}", told(&right));
    assert!(fs::read_to_string(out).unwrap().contains(key(2).reveal()));
    fs::remove_file(out).unwrap();

    let five = key(1).last_five();
    let install = ["install-key", list, "--key", five.as_str()];
    let asked = makeeper(&install, "");
    assert!(
        told(&asked).contains("are sealed: give --passphrase-env"),
        "{}",
        told(&asked)
    );
    let wrong = makeeper(&[&install[..], &["--passphrase-env", "MK_WRONG"]].concat(), "");
    assert!(told(&wrong).contains("not the passphrase"), "{}", told(&wrong));
    let right = makeeper(&[&install[..], &["--passphrase-env", "MK_PASSPHRASE"]].concat(), "");
    assert!(told(&right).contains("the list has no products"), "{}", told(&right));

    let contradictory = makeeper(&["keys", "unseal", list, "--forget-keys", "--passphrase-fd", "0"], "");
    assert_eq!(contradictory.status.code(), Some(2));
    let back = makeeper(&["keys", "unseal", list, "--passphrase-env", "MK_PASSPHRASE"], "");
    assert!(back.status.success(), "{}", told(&back));
    assert!(fs::read_to_string(list).unwrap().contains(key(1).reveal()));
    let sealed = makeeper(
        &[
            "keys",
            "seal",
            list,
            "--remove-copies",
            "--passphrase-env",
            "MK_PASSPHRASE",
        ],
        "",
    );
    assert!(sealed.status.success(), "{}", told(&sealed));
    assert_eq!(tell_tales(folder.path(), &[1, 2]), Vec::<String>::new());
}
