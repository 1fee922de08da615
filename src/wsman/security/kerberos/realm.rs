//! Which realm an account belongs to, and where its servers are: krb5.conf first, as an administrator's word, then the SRV
//! records that Active Directory keeps.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::timeout;

use super::krb5_conf::{Include, Krb5Conf};
use crate::wsman::credentials::Credentials;

/// A Kerberos server: name or address, and port.
pub(super) type Kdc = (String, u16);

/// The port of a Kerberos server.
const PORT: u16 = 88;

/// Files that include each other in circles end here.
const MAX_FILES: usize = 100;

/// The krb5.conf of the system, or what `KRB5_CONFIG` names, with what they include. A file that cannot be read says nothing.
pub(super) fn system_conf() -> Krb5Conf {
    let paths = std::env::var("KRB5_CONFIG").unwrap_or_else(|_| "/etc/krb5.conf".to_owned());
    let mut conf = Krb5Conf::default();
    let mut left: VecDeque<PathBuf> = paths.split(':').map(PathBuf::from).collect();
    for _ in 0..MAX_FILES {
        let Some(path) = left.pop_front() else { break };
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let mut more = Krb5Conf::parse(&text);
        for include in more.includes.drain(..) {
            match include {
                Include::File(path) => left.push_back(path),
                Include::Folder(folder) => left.extend(included(&folder)),
            }
        }
        conf.extend(more);
    }
    conf
}

/// The realm that krb5.conf names for this computer. Reads files: not for an async task.
pub fn default_realm() -> Option<String> {
    system_conf().default_realm
}

/// The files of a folder that count, in the order of their names.
fn included(folder: &Path) -> Vec<PathBuf> {
    let counts = |name: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == "conf")
            || !name.is_empty() && name.chars().all(is_plain)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(counts))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// Realms the account may belong to, the likeliest first; none for accounts of a computer itself.
///
/// `name@realm` and `domain.with.dots\name` say it. A short domain name stands for a realm whose first label it is: that of
/// the computer's name, of krb5.conf or of the DNS suffixes of this computer.
pub(super) fn candidates(
    credentials: &Credentials,
    computer: &str,
    conf: &Krb5Conf,
    suffixes: &[String],
) -> Vec<String> {
    let mut realms: Vec<String> = Vec::new();
    let mut add = |realm: &str| {
        let realm = realm.trim_matches('.').to_uppercase();
        if !realm.is_empty() && !realms.contains(&realm) {
            realms.push(realm);
        }
    };
    let domain = credentials.domain();
    let said = match credentials.user().rsplit_once('@') {
        Some((_, realm)) if domain.is_empty() => Some(realm),
        _ if domain.contains('.') => Some(domain),
        _ => None,
    };
    if let Some(said) = said {
        add(said);
        return realms;
    }
    if domain.is_empty() || credentials.is_filtered_on(computer) {
        return realms;
    }
    let of_computer = computer.split_once('.').map(|(_, suffix)| suffix);
    let known: Vec<&str> = of_computer.into_iter().chain(conf.default_realm.as_deref()).collect();
    let is_of_that_name = |realm: &&str| {
        realm
            .split('.')
            .next()
            .is_some_and(|label| label.eq_ignore_ascii_case(domain))
    };
    let suffixes = suffixes.iter().map(String::as_str);
    for realm in known.iter().copied().chain(suffixes).filter(is_of_that_name) {
        add(realm);
    }
    // The name on the way may differ from that of the realm; a suffix of this computer would be a mere guess.
    for realm in known {
        add(realm);
    }
    realms
}

/// The name servers of this computer, and its DNS suffixes; none where it has no usable configuration.
pub(super) fn system_resolver() -> (Option<TokioResolver>, Vec<String>) {
    let Ok((config, options)) = read_system_conf() else {
        return (None, Vec::new());
    };
    let names = config.domain().into_iter().chain(config.search());
    let suffixes = names.map(Name::to_utf8).collect();
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    (builder.build().ok(), suffixes)
}

/// The servers of a realm, in the order to be tried.
pub(super) async fn servers(
    realm: &str,
    conf: &Krb5Conf,
    resolver: Option<&TokioResolver>,
    patience: Duration,
) -> Vec<Kdc> {
    let named = conf.kdcs(realm);
    if !named.is_empty() {
        return named.iter().map(|kdc| host_and_port(kdc)).collect();
    }
    let Some(resolver) = resolver else { return Vec::new() };
    let query = format!("_kerberos._tcp.{}.", realm.to_lowercase());
    let Ok(Ok(answer)) = timeout(patience, resolver.srv_lookup(query)).await else {
        return Vec::new();
    };
    let mut found: Vec<(u16, Kdc)> = answer
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(srv) => Some((
                srv.priority,
                (srv.target.to_utf8().trim_end_matches('.').to_owned(), srv.port),
            )),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(priority, _)| *priority);
    found.into_iter().map(|(_, kdc)| kdc).collect()
}

/// `host`, `host:port`, `[v6]:port`, with or without `tcp/`.
fn host_and_port(kdc: &str) -> Kdc {
    let kdc = kdc.trim_start_matches("tcp/");
    if let Some((host, rest)) = kdc.strip_prefix('[').and_then(|k| k.split_once(']')) {
        let port = rest.strip_prefix(':').and_then(|p| p.parse().ok());
        return (host.to_owned(), port.unwrap_or(PORT));
    }
    match kdc.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host.to_owned(), port.parse().unwrap_or(PORT)),
        _ => (kdc.to_owned(), PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn an_account_says_its_realm_or_it_is_that_of_the_surroundings() {
        let conf = Krb5Conf {
            default_realm: Some("OTHER.EXAMPLE".into()),
            ..Krb5Conf::default()
        };
        let of = |account: &str, computer: &str| {
            let credentials = Credentials::new(account, Secret::new("p")).unwrap();
            candidates(&credentials, computer, &conf, &["lab.example".into()])
        };
        assert_eq!(of("admin@lab.example", "pc"), ["LAB.EXAMPLE"]);
        assert_eq!(of("corp.example\\admin", "pc"), ["CORP.EXAMPLE"]);
        // The realm called LAB goes before the others.
        assert_eq!(
            of("LAB\\admin", "pc.branch.example"),
            ["LAB.EXAMPLE", "BRANCH.EXAMPLE", "OTHER.EXAMPLE"]
        );
        assert_eq!(of("CORP\\admin", "pc"), ["OTHER.EXAMPLE"]);
        for local in [".\\admin", "admin", "PC\\admin"] {
            assert!(of(local, "pc.lab.example").is_empty(), "{local}");
        }
    }

    #[test]
    fn of_a_folder_the_files_count_that_mit_kerberos_reads() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["realm_b", "a.conf", ".hidden.conf", "old.conf.bak", "note.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |path: &PathBuf| path.file_name().unwrap().to_str().map(str::to_owned).unwrap();
        assert_eq!(
            included(folder.path()).iter().map(names).collect::<Vec<_>>(),
            ["a.conf", "realm_b"]
        );
        assert!(included(&folder.path().join("nowhere")).is_empty());
    }

    #[test]
    fn servers_are_read_in_every_form() {
        for (text, host, port) in [
            ("dc1", "dc1", 88),
            ("tcp/dc1:8888", "dc1", 8888),
            ("[fe80::1]:89", "fe80::1", 89),
            ("fe80::1", "fe80::1", 88),
        ] {
            assert_eq!(host_and_port(text), (host.to_owned(), port), "{text}");
        }
    }
}
