//! What a directory is asked.

/// How the connection to a directory is protected. A password crosses none that is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Signed and sealed with Kerberos where there is a ticket, else LDAPS, else - where the server has no LDAPS - signed and
    /// sealed with NTLM.
    #[default]
    Automatic,
    /// Signed and sealed on port 389: Kerberos, or NTLM where there is no ticket (a server given by its address).
    Sealed,
    /// TLS from the first byte, port 636.
    Ldaps,
    /// TLS begun on port 389.
    StartTls,
}

/// Which directory is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DirectoryPlace {
    /// DNS name of the domain, e.g. `contoso.com`; empty: the one this machine belongs to.
    pub domain: String,
    /// Domain controller, `dc1.contoso.com`, with a port of its own if need be (`dc1.contoso.com:3890`); empty: found by DNS.
    pub server: String,
    /// The global catalog: every domain of the forest at once, from one server.
    pub global_catalog: bool,
    /// How the connection is protected.
    pub transport: Transport,
}

/// Which computers are wanted. The default is every Windows computer whose account is in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComputerQuery {
    /// Distinguished name below which to look; empty: the whole domain, or with the global catalog the whole forest.
    pub base: String,
    /// Name with `*` for anything, e.g. `labcomp*`; several may be given, separated by blanks or commas; empty: all.
    pub name: String,
    /// LDAP filter (RFC 4515) that must hold besides, e.g. `(description=*kiosk*)`; empty: none. See
    /// [`check_filter`](super::check_filter).
    pub filter: String,
    /// Also accounts that are disabled.
    pub include_disabled: bool,
    /// Also computers that say they run something else than Windows, or say nothing.
    pub include_non_windows: bool,
    /// Leave out accounts that have not signed in for so many days, or never. The directory knows it to 14 days: fewer than
    /// 15 would leave out computers in daily use, and count as 15.
    pub stale_days: Option<u32>,
    /// Follow references to other domains of the same forest; else they are told as notes.
    pub follow_referrals: bool,
}

impl Default for ComputerQuery {
    fn default() -> Self {
        Self {
            base: String::new(),
            name: String::new(),
            filter: String::new(),
            include_disabled: false,
            include_non_windows: false,
            stale_days: None,
            follow_referrals: true,
        }
    }
}

/// What a node of the directory's tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A domain.
    Domain,
    /// An organizational unit.
    OrganizationalUnit,
    /// A container, such as `CN=Computers`.
    Container,
}

/// A node of the directory's tree, below which computers may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DirectoryNode {
    /// Distinguished name: what [`ComputerQuery::base`] and [`Directory::children`](super::Directory::children) take.
    pub dn: String,
    /// For people: `Berlin`, `contoso.com`.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
}

/// A server that holds the directory of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainController {
    /// DNS name, or address where that was typed; IPv6 without brackets.
    pub host: String,
    /// A port that was typed; `None`: that of the transport.
    pub port: Option<u16>,
}
