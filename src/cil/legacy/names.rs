//! Names of computers: older lists tell workgroup computers apart by name and workgroup, ours by name alone.

use std::collections::HashMap;

/// Which names are given, and to a computer of which network.
#[derive(Default)]
pub(super) struct Names {
    given: HashMap<String, String>,
    /// How often a name had to be changed: found in constant time however many computers share one.
    changed: HashMap<String, usize>,
}

impl Names {
    /// The name for a computer, and whether it is another one than `name`. A computer of an unknown network is taken for the
    /// one that has the name already.
    pub fn name_for(&mut self, name: &str, network: &str) -> (String, bool) {
        let shown = network.trim();
        let network = shown.to_lowercase();
        if self.fits(name, &network) {
            return (name.to_owned(), false);
        }
        let base = format!("{name} ({shown})");
        loop {
            let count = self.changed.entry(base.to_lowercase()).or_insert(0);
            let candidate = match *count {
                0 => base.clone(),
                n => format!("{base} {}", n + 1),
            };
            if self.fits(&candidate, &network) {
                return (candidate, true);
            }
            *self.changed.entry(base.to_lowercase()).or_insert(0) += 1;
        }
    }

    fn fits(&mut self, name: &str, network: &str) -> bool {
        let known = self
            .given
            .entry(name.to_lowercase())
            .or_insert_with(|| network.to_owned());
        if known.is_empty() {
            network.clone_into(known);
        }
        network.is_empty() || known == network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_two_workgroups_is_two_names() {
        let mut names = Names::default();
        assert_eq!(names.name_for("PC1", "lab"), ("PC1".into(), false));
        assert_eq!(names.name_for("pc1", "LAB"), ("pc1".into(), false));
        assert_eq!(names.name_for("PC1", ""), ("PC1".into(), false));
        assert_eq!(names.name_for("PC1", "Test"), ("PC1 (Test)".into(), true));
        assert_eq!(names.name_for("PC1", "test"), ("PC1 (test)".into(), true));
        assert_eq!(
            names.name_for("PC1 (test)", "other"),
            ("PC1 (test) (other)".into(), true)
        );
    }
}
