//! The Kerberos tickets of the user who runs MAKeeper, as `kinit` or the logon left them: where they are kept
//! (MIT Kerberos, "ccache names" and `krb5.conf(5)`), and which of them signs in.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local, Utc};
use zeroize::Zeroizing;

use super::realm::system_conf;
use crate::wsman::codec::{CacheFormatError, CachedTicket, CredentialCache, Principal, parse_credential_cache};

/// Far more than any user's tickets.
const MAX_BYTES: u64 = 16 << 20;
/// Encryptions that `sspi` speaks: AES with SHA-1 (RFC 3962).
const KNOWN_KEYS: [u16; 2] = [17, 18];

/// What signs the user in: a ticket that brings others.
#[derive(Clone)]
pub(super) struct UserTicket {
    pub principal: Principal,
    pub key_type: u16,
    pub key: Zeroizing<Vec<u8>>,
    pub ticket: Vec<u8>,
    ends: DateTime<Utc>,
}

/// Whose tickets there are, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHolder {
    /// `name@REALM`.
    pub principal: String,
    /// Until when the ticket is good.
    pub ends: DateTime<Utc>,
}

/// Why the user's tickets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketCacheError {
    /// Nobody has got a ticket yet.
    #[error("there are no Kerberos tickets in {}: get one with kinit", .0.display())]
    Missing(PathBuf),
    /// The file is there and cannot be read.
    #[error("the Kerberos tickets in {} cannot be read: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file is something else, or damaged.
    #[error("{} holds no Kerberos tickets: {why}. Get new ones with kinit", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: CacheFormatError,
    },
    /// They are kept where this program does not look.
    #[error(
        "the Kerberos tickets are kept in {name}, and MAKeeper reads them from files only: run `export \
         KRB5CCNAME=FILE:{}; kinit`, and start MAKeeper from there", .instead.display()
    )]
    Elsewhere {
        /// As `KRB5CCNAME` or krb5.conf say.
        name: String,
        /// A file that would do.
        instead: PathBuf,
    },
    /// There is a name and no ticket.
    #[error("the Kerberos cache {} of {principal} is empty: get a ticket with kinit", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// Whose cache it is.
        principal: String,
    },
    /// There are tickets, and none that brings others in the user's own realm.
    #[error(
        "the Kerberos cache {} of {principal} has no ticket-granting ticket of {realm}, only tickets of {found}: get one \
         with kinit {principal}", .path.display()
    )]
    OtherRealm {
        /// The file.
        path: PathBuf,
        /// Whose cache it is.
        principal: String,
        /// The realm of that name.
        realm: String,
        /// What the tickets are for.
        found: String,
    },
    /// It was good once.
    #[error("the Kerberos ticket of {principal} expired at {}: renew it with kinit", .at.with_timezone(&Local).format("%Y-%m-%d %H:%M"))]
    Expired {
        /// Whose it is.
        principal: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// It will be good later (or a clock is wrong).
    #[error(
        "the Kerberos ticket of {principal} is not good before {}: check the clock of this computer",
        .at.with_timezone(&Local).format("%Y-%m-%d %H:%M")
    )]
    NotYet {
        /// Whose it is.
        principal: String,
        /// From when.
        at: DateTime<Utc>,
    },
    /// RC4, DES, Camellia or AES with SHA-2.
    #[error(
        "the Kerberos ticket of {principal} has a key of encryption type {key_type}, which MAKeeper does not speak: allow \
         aes256-cts-hmac-sha1-96 in krb5.conf (permitted_enctypes) and for the account, and run kinit again"
    )]
    Encryption {
        /// Whose it is.
        principal: String,
        /// RFC 3961 8.
        key_type: u16,
    },
}

/// Whose tickets sign in where nobody gives an account. Reads files: not for the user interface's own thread.
pub fn user_tickets() -> Result<TicketHolder, TicketCacheError> {
    let ticket = user_ticket()?;
    Ok(TicketHolder {
        principal: ticket.principal.to_string(),
        ends: ticket.ends,
    })
}

/// The ticket that signs the user in.
pub(super) fn user_ticket() -> Result<UserTicket, TicketCacheError> {
    let surroundings = Surroundings {
        cache_name: std::env::var("KRB5CCNAME").ok().filter(|name| !name.is_empty()),
        configured: system_conf().default_ccache_name,
        uid: uid(),
        user: std::env::var("USER").unwrap_or_default(),
    };
    let path = surroundings.file()?;
    let bytes = read(&path)?;
    let cache = parse_credential_cache(&bytes).map_err(|why| TicketCacheError::Format {
        path: path.clone(),
        why,
    })?;
    choose(cache, &path, Utc::now())
}

/// The number of this user. The owner of the process is its folder's owner, which needs no call into the system's C library.
#[cfg(target_os = "linux")]
fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(0, |process| process.uid())
}

#[cfg(not(target_os = "linux"))]
fn uid() -> u32 {
    0
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TicketCacheError> {
    use io::Read as _;
    let read = || -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        std::fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TicketCacheError::Missing(path.to_owned()),
        _ => TicketCacheError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        },
    })
}

/// What says where the cache is.
struct Surroundings {
    /// `KRB5CCNAME`.
    cache_name: Option<String>,
    /// `default_ccache_name` of krb5.conf.
    configured: Option<String>,
    uid: u32,
    user: String,
}

impl Surroundings {
    fn usual(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/krb5cc_{}", self.uid))
    }

    /// The file of the cache.
    fn file(&self) -> Result<PathBuf, TicketCacheError> {
        let configured = || Some(self.expanded(self.configured.as_deref()?));
        let Some(name) = self.cache_name.clone().or_else(configured) else {
            return Ok(self.usual());
        };
        match name.split_once(':') {
            Some(("FILE", path)) => Ok(PathBuf::from(path)),
            // One of the caches of a collection, or the collection.
            Some(("DIR", path)) => match path.strip_prefix(':') {
                Some(file) => Ok(PathBuf::from(file)),
                None => Ok(Path::new(path).join(primary_of(Path::new(path))?)),
            },
            None => Ok(PathBuf::from(name)),
            Some((kind, _)) if kind.contains('/') => Ok(PathBuf::from(name)),
            Some(_) => Err(TicketCacheError::Elsewhere {
                name,
                instead: self.usual(),
            }),
        }
    }

    /// The parameters that names in krb5.conf may have on Linux.
    fn expanded(&self, name: &str) -> String {
        let uid = self.uid.to_string();
        let temp = std::env::temp_dir().display().to_string();
        [
            ("%{uid}", uid.as_str()),
            ("%{euid}", &uid),
            ("%{USERID}", &uid),
            ("%{username}", &self.user),
            ("%{TEMP}", &temp),
            ("%{null}", ""),
        ]
        .iter()
        .fold(name.to_owned(), |name, (parameter, value)| {
            name.replace(parameter, value)
        })
    }
}

/// Which cache of a collection is used: the file `primary` names it.
fn primary_of(folder: &Path) -> Result<String, TicketCacheError> {
    match std::fs::read_to_string(folder.join("primary")) {
        Ok(name) => {
            let name = name.trim();
            // A name beside it, nothing else.
            let is_plain = name.starts_with("tkt") && !name.contains('/');
            Ok(if is_plain { name } else { "tkt" }.to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("tkt".to_owned()),
        Err(error) => Err(TicketCacheError::Unreadable {
            path: folder.join("primary"),
            why: error.to_string(),
        }),
    }
}

fn moment(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds.into(), 0).unwrap_or_default()
}

/// The ticket of a cache that signs in, the one that is good for longest.
fn choose(cache: CredentialCache, path: &Path, now: DateTime<Utc>) -> Result<UserTicket, TicketCacheError> {
    let CredentialCache { principal, tickets } = cache;
    let (path, who) = (path.to_owned(), principal.to_string());
    if tickets.is_empty() {
        return Err(TicketCacheError::Empty { path, principal: who });
    }
    let realm = principal.realm.as_str();
    let grants = |ticket: &&CachedTicket| {
        ticket.client == principal && ticket.server.realm == realm && ticket.server.is_granting_service_of(realm)
    };
    let Some(ticket) = tickets.iter().filter(grants).max_by_key(|ticket| ticket.ends) else {
        let mut found: Vec<String> = tickets.iter().map(|ticket| ticket.server.to_string()).collect();
        found.dedup();
        found.truncate(3);
        return Err(TicketCacheError::OtherRealm {
            path,
            realm: realm.to_owned(),
            principal: who,
            found: found.join(", "),
        });
    };
    let (starts, ends) = (moment(ticket.starts), moment(ticket.ends));
    if ends <= now {
        return Err(TicketCacheError::Expired {
            principal: who,
            at: ends,
        });
    }
    if starts > now + chrono::TimeDelta::minutes(5) {
        return Err(TicketCacheError::NotYet {
            principal: who,
            at: starts,
        });
    }
    if !KNOWN_KEYS.contains(&ticket.key_type) {
        return Err(TicketCacheError::Encryption {
            principal: who,
            key_type: ticket.key_type,
        });
    }
    Ok(UserTicket {
        key_type: ticket.key_type,
        key: ticket.key.clone(),
        ticket: ticket.ticket.clone(),
        ends,
        principal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(parts: &[&str], realm: &str) -> Principal {
        Principal {
            kind: 1,
            realm: realm.to_owned(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
        }
    }

    fn ticket(server: &[&str], realm: &str, ends: u32) -> CachedTicket {
        CachedTicket {
            client: principal(&["admin"], "LAB.EXAMPLE"),
            server: principal(server, realm),
            key_type: 18,
            key: Zeroizing::new(vec![7; 32]),
            starts: 0,
            ends,
            ticket: vec![0x61, 0],
        }
    }

    fn chosen(tickets: Vec<CachedTicket>) -> Result<UserTicket, TicketCacheError> {
        let cache = CredentialCache {
            principal: principal(&["admin"], "LAB.EXAMPLE"),
            tickets,
        };
        choose(cache, Path::new("/tmp/krb5cc_7"), moment(1_000_000))
    }

    #[test]
    fn the_ticket_that_is_good_for_longest_is_taken() {
        let found = chosen(vec![
            ticket(&["HTTP", "pc"], "LAB.EXAMPLE", 9_000_000),
            ticket(&["krbtgt", "LAB.EXAMPLE"], "LAB.EXAMPLE", 1_000_001),
            ticket(&["krbtgt", "LAB.EXAMPLE"], "LAB.EXAMPLE", 1_000_009),
            ticket(&["krbtgt", "OTHER.EXAMPLE"], "LAB.EXAMPLE", 9_000_000),
        ]);
        assert_eq!(found.ok().map(|t| t.ends), Some(moment(1_000_009)));
    }

    #[test]
    fn every_cache_that_does_not_sign_in_has_its_own_message() {
        let told = |tickets| chosen(tickets).map(|t| t.ends).unwrap_err().to_string();
        let granting = |ends| ticket(&["krbtgt", "LAB.EXAMPLE"], "LAB.EXAMPLE", ends);
        assert!(told(vec![]).contains("/tmp/krb5cc_7 of admin@LAB.EXAMPLE is empty"));
        assert!(told(vec![granting(999_999)]).contains("expired at"));
        let late = CachedTicket {
            starts: 2_000_000,
            ..granting(3_000_000)
        };
        assert!(told(vec![late]).contains("not good before"));
        let weak = CachedTicket {
            key_type: 23,
            ..granting(3_000_000)
        };
        assert!(told(vec![weak]).contains("encryption type 23"));
        let other = told(vec![ticket(&["krbtgt", "OTHER.EXAMPLE"], "OTHER.EXAMPLE", 9_000_000)]);
        assert!(other.contains("no ticket-granting ticket of LAB.EXAMPLE"), "{other}");
        assert!(other.contains("krbtgt/OTHER.EXAMPLE@OTHER.EXAMPLE"), "{other}");
    }

    #[test]
    fn the_cache_is_where_the_environment_and_then_krb5_conf_say() {
        let file = |name: Option<&str>, configured: Option<&str>| {
            let surroundings = Surroundings {
                cache_name: name.map(str::to_owned),
                configured: configured.map(str::to_owned),
                uid: 7,
                user: "admin".to_owned(),
            };
            surroundings.file().map(|path| path.display().to_string())
        };
        let in_conf = Some("FILE:/run/%{username}/cc_%{uid}");
        for (name, configured, path) in [
            (None, None, "/tmp/krb5cc_7"),
            (None, in_conf, "/run/admin/cc_7"),
            (Some("/tickets/cc"), in_conf, "/tickets/cc"),
            (Some("FILE:/tickets/cc"), None, "/tickets/cc"),
            (Some("/odd:place/cc"), None, "/odd:place/cc"),
            (Some("DIR::/run/krb/tkt7"), None, "/run/krb/tkt7"),
            (Some("DIR:/nowhere/at/all"), None, "/nowhere/at/all/tkt"),
        ] {
            assert_eq!(file(name, configured).as_deref(), Ok(path));
        }
        for kept in ["KCM:", "KEYRING:persistent:7", "MEMORY:x"] {
            let told = file(Some(kept), None).unwrap_err().to_string();
            assert!(
                told.contains(kept) && told.contains("KRB5CCNAME=FILE:/tmp/krb5cc_7; kinit"),
                "{told}"
            );
        }
    }

    #[test]
    fn the_first_cache_of_a_collection_is_the_one_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let primary = folder.path().join("primary");
        assert_eq!(primary_of(folder.path()).as_deref(), Ok("tkt"));
        for (text, name) in [("tktAbc\n", "tktAbc"), ("../../etc/passwd", "tkt"), ("tkt/../x", "tkt")] {
            std::fs::write(&primary, text).unwrap();
            assert_eq!(primary_of(folder.path()).as_deref(), Ok(name));
        }
    }
}
