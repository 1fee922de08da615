//! Previous generations of a list: `<list>.bak` is the newest, then `<list>.bak.2`, `<list>.bak.3` and so on.
//!
//! Only renaming, copying and removing: that works on FAT and exFAT, too. Where the file system has second names for a
//! file, they save the copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{beside, create_private, keep_permissions, replace};

/// Most generations that may be asked for.
pub(super) const MOST: usize = 99;

/// The `number`th newest generation, from 1.
fn name(list: &Path, number: usize) -> PathBuf {
    match number {
        1 => beside(list, ".bak"),
        n => beside(list, &format!(".bak.{n}")),
    }
}

/// The generations that are there, newest first, and what a killed save left of one.
pub(super) fn existing(list: &Path) -> Vec<PathBuf> {
    let unfinished = beside(list, ".bak.new");
    (1..=MOST)
        .map(|n| name(list, n))
        .chain([unfinished])
        .filter(|p| p.is_file())
        .collect()
}

/// True if the list is not there because a save was killed in the one instant in which a medium without room for a copy has
/// no list. The journal continues the generation before.
pub(super) fn is_moved_away(list: &Path) -> bool {
    fs::symlink_metadata(list).is_err() && name(list, 1).is_file() && beside(list, ".saving").is_file()
}

/// Puts such a list back. The caller holds its lock, so that no save is under way.
pub(super) fn put_back(list: &Path) -> io::Result<()> {
    if is_moved_away(list) {
        fs::rename(name(list, 1), list)?;
    }
    Ok(())
}

/// Makes the list the newest of at most `keep` generations. It stays where it is, unless there is no room for a copy: then
/// it is moved, and whoever calls puts the new list in its place at once.
pub(super) fn keep(list: &Path, keep: usize) -> io::Result<()> {
    let keep = keep.min(MOST);
    if keep == 0 || !list.exists() {
        return Ok(());
    }
    let fresh = beside(list, ".bak.new");
    absent(fs::remove_file(&fresh))?;
    let copied = match second_name(list, &fresh) {
        Ok(()) => true,
        Err(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            absent(fs::remove_file(&fresh))?;
            false
        }
        Err(e) => return Err(e),
    };
    for number in (1..keep).rev() {
        absent(replace(&name(list, number), &name(list, number + 1)))?;
    }
    replace(if copied { &fresh } else { list }, &name(list, 1))?;
    // More were kept once.
    for number in keep + 1..=MOST {
        if fs::remove_file(name(list, number)).is_err() {
            break;
        }
    }
    Ok(())
}

fn second_name(list: &Path, fresh: &Path) -> io::Result<()> {
    if fs::hard_link(list, fresh).is_err() {
        // Not `fs::copy`, which fails where permissions cannot be set.
        let mut copy = create_private(fresh)?;
        keep_permissions(list, &copy)?;
        io::copy(&mut File::open(list)?, &mut copy)?;
        copy.sync_all()?;
    }
    Ok(())
}

fn absent(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_move_up_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("a.cilx");
        let texts =
            |list: &Path| -> Vec<String> { existing(list).iter().map(|p| fs::read_to_string(p).unwrap()).collect() };
        for n in 0..6 {
            fs::write(&list, n.to_string()).unwrap();
            keep(&list, 3).unwrap();
            // As a save does: another file takes the name.
            fs::remove_file(&list).unwrap();
        }
        assert_eq!(texts(&list), ["5", "4", "3"]);
        fs::write(&list, "6").unwrap();
        keep(&list, 1).unwrap();
        assert_eq!(texts(&list), ["6"]);
        keep(&list, 0).unwrap();
        assert_eq!(texts(&list), ["6"], "what is there stays when none are to be kept");
    }

    #[test]
    fn a_list_moved_away_by_a_killed_save_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("a.cilx");
        fs::write(folder.path().join("a.cilx.bak"), "old").unwrap();
        put_back(&list).unwrap();
        assert!(!list.exists(), "a list that somebody removed stays removed");
        fs::write(folder.path().join("a.cilx.saving"), "new").unwrap();
        put_back(&list).unwrap();
        assert_eq!(fs::read_to_string(&list).unwrap(), "old");
    }
}
