//! What is of use in a krb5.conf: the default realm, where tickets are kept, and the addresses of a realm's servers (MIT
//! `krb5.conf(5)`). Bytes in, values out.

use std::path::PathBuf;

/// What a krb5.conf says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Krb5Conf {
    pub default_realm: Option<String>,
    /// Where tickets are kept, with parameters such as `%{uid}`.
    pub default_ccache_name: Option<String>,
    /// Realm, as written, and its `kdc` lines.
    pub realms: Vec<(String, Vec<String>)>,
    /// Files and folders to be read as well.
    pub includes: Vec<Include>,
}

/// Something to be read as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Include {
    File(PathBuf),
    /// Its files whose names are plain words, or end in `.conf`.
    Folder(PathBuf),
}

impl Krb5Conf {
    /// Reads what is understood and passes over the rest.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        let mut section = "";
        let mut realm: Option<(String, Vec<String>)> = None;
        for line in text.lines().map(str::trim) {
            if line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
                section = name;
                continue;
            }
            if line.starts_with('}') {
                conf.realms.extend(realm.take());
                continue;
            }
            let directive = line.split_once(char::is_whitespace);
            match directive.map(|(word, path)| (word, PathBuf::from(path.trim()))) {
                Some(("include", path)) => conf.includes.push(Include::File(path)),
                Some(("includedir", path)) => conf.includes.push(Include::Folder(path)),
                _ => {}
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            match (section, &mut realm) {
                ("libdefaults", _) if key == "default_realm" => conf.default_realm = Some(value.to_owned()),
                ("libdefaults", _) if key == "default_ccache_name" => conf.default_ccache_name = Some(value.to_owned()),
                ("realms", None) if value.starts_with('{') => realm = Some((key.to_owned(), Vec::new())),
                ("realms", Some((_, kdcs))) if key == "kdc" => kdcs.push(value.to_owned()),
                _ => {}
            }
        }
        conf.realms.extend(realm);
        conf
    }

    /// Takes in what another file says; what was said before counts.
    pub fn extend(&mut self, more: Self) {
        self.default_realm = self.default_realm.take().or(more.default_realm);
        self.default_ccache_name = self.default_ccache_name.take().or(more.default_ccache_name);
        self.realms.extend(more.realms);
    }

    /// The servers of a realm, in any case.
    pub fn kdcs(&self, realm: &str) -> &[String] {
        let found = self.realms.iter().find(|(name, _)| name.eq_ignore_ascii_case(realm));
        found.map_or(&[], |(_, kdcs)| kdcs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_and_their_servers_are_found_among_everything_else() {
        let conf = Krb5Conf::parse(
            "# comment\ninclude /etc/more\nincludedir /etc/krb5.conf.d/\n[libdefaults]\n default_ccache_name = KCM:\n default_realm = LAB.EXAMPLE\n dns_lookup_kdc = false\n[realms]\n LAB.EXAMPLE = {\n  kdc = \
             10.0.0.1\n  kdc = dc2.lab.example:8888\n  admin_server = x\n }\n OTHER = {\n kdc = o\n[domain_realm]\n .lab = LAB.EXAMPLE\n",
        );
        assert_eq!(conf.default_realm.as_deref(), Some("LAB.EXAMPLE"));
        assert_eq!(conf.default_ccache_name.as_deref(), Some("KCM:"));
        let folder = Include::Folder("/etc/krb5.conf.d/".into());
        assert_eq!(conf.includes, [Include::File("/etc/more".into()), folder]);
        assert_eq!(conf.kdcs("lab.example"), ["10.0.0.1", "dc2.lab.example:8888"]);
        assert_eq!(conf.kdcs("OTHER"), ["o"]);
        assert!(conf.kdcs("NOWHERE").is_empty());
        assert_eq!(Krb5Conf::parse("= { \n } \n [realms"), Krb5Conf::default());
    }
}
