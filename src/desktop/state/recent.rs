//! The lists opened last.

use std::path::{Path, PathBuf};

/// More are not remembered.
const AT_MOST: usize = 10;

/// The lists opened last, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<PathBuf>);

impl Recent {
    /// As they were remembered.
    pub fn of(mut paths: Vec<PathBuf>) -> Self {
        paths.truncate(AT_MOST);
        Self(paths)
    }

    /// A list was opened. Its path must say where it is whatever the working folder.
    pub fn opened(&mut self, path: &Path) {
        self.forget(path);
        self.0.insert(0, path.to_owned());
        self.0.truncate(AT_MOST);
    }

    /// It is no longer there.
    pub fn forget(&mut self, path: &Path) {
        self.0.retain(|p| p != path);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// They, the newest first.
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_opened_again_stands_first_and_only_once() {
        let mut recent = Recent::default();
        for n in 0..12 {
            recent.opened(Path::new(&format!("/{n}")));
        }
        recent.opened(Path::new("/5"));
        assert_eq!(recent.paths().len(), AT_MOST);
        assert_eq!(recent.paths()[..2], [PathBuf::from("/5"), PathBuf::from("/11")]);
        recent.forget(Path::new("/5"));
        assert_eq!(recent.paths().len(), AT_MOST - 1);
    }
}
