//! Distinguished names (RFC 4514) and URLs of directories (RFC 4516), as far as they are looked into.

/// The parts of a distinguished name, from the entry outwards: type and value, the value unescaped. Parts that are none are
/// left out.
fn parts(dn: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = dn;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = separator(rest);
        let part = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(part)
    })
    .filter_map(|part| {
        let (kind, value) = part.split_once('=')?;
        Some((kind.trim(), unescape(value.trim())))
    })
}

/// Where the comma is that ends the first part, or the end.
fn separator(dn: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in dn.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b',' => return at,
            _ => {}
        }
    }
    dn.len()
}

/// `\,` and `\2C` are characters of the value (RFC 4514 2.4).
fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let hex = rest.first_chunk::<2>().and_then(|digits| hex_byte(*digits));
        match (hex, rest.split_first()) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            }
            (None, Some((&byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (None, None) => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|d| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok()));
    Some(high? << 4 | low?)
}

/// The DNS name of the domain an entry is in: `PC1` of `CN=PC1,OU=x,DC=contoso,DC=com` is in `contoso.com`. Empty if it says
/// nothing of that.
pub fn domain_of(dn: &str) -> String {
    let labels: Vec<String> = parts(dn)
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("DC"))
        .map(|(_, value)| value)
        .collect();
    labels.join(".")
}

/// Type and value of the first part: `("OU", "Berlin")`.
pub fn first_part(dn: &str) -> Option<(&str, String)> {
    parts(dn).next()
}

/// True if `dn` is right below or further below `base`, or the same.
pub fn is_below(dn: &str, base: &str) -> bool {
    let (dn, base): (Vec<_>, Vec<_>) = (parts(dn).collect(), parts(base).collect());
    let equal = |((kind, value), (other, wanted)): (&(&str, String), &(&str, String))| {
        kind.eq_ignore_ascii_case(other) && value.to_lowercase() == wanted.to_lowercase()
    };
    dn.len() >= base.len() && dn.iter().rev().zip(base.iter().rev()).all(equal)
}

/// Where a referral leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DirectoryUrl {
    /// `ldaps:`, which Active Directory never says.
    pub is_tls: bool,
    /// Lower case, IPv6 without brackets.
    pub host: String,
    /// The port, where it is told.
    pub port: Option<u16>,
    /// Distinguished name; empty where it is not told.
    pub base: String,
}

/// Reads `ldap://host:port/dn?...`; `None` if it is none, or names no host.
pub fn parse_url(url: &str) -> Option<DirectoryUrl> {
    let (scheme, rest) = url.split_once("://")?;
    let is_tls = match scheme.to_ascii_lowercase().as_str() {
        "ldap" => false,
        "ldaps" => true,
        _ => return None,
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let host = percent_decoded(host).to_lowercase();
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    is_host.then(|| DirectoryUrl {
        is_tls,
        host,
        port,
        base: percent_decoded(path.split('?').next().unwrap_or_default()),
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after
            .first_chunk::<2>()
            .filter(|_| byte == b'%')
            .and_then(|d| hex_byte(*d));
        bytes.push(hex.unwrap_or(byte));
        rest = if hex.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_and_the_name_of_an_entry_are_read_from_its_distinguished_name() {
        assert_eq!(domain_of("CN=PC1,OU=DC\\=x\\,y,DC=contoso,dc=com"), "contoso.com");
        assert_eq!(domain_of("cn=x,o=org"), "");
        assert_eq!(
            first_part("OU=Berlin\\, Mitte \\C3\\BC,DC=x"),
            Some(("OU", "Berlin, Mitte \u{fc}".to_owned()))
        );
        assert_eq!(first_part(""), None);
        assert_eq!(first_part("x\\"), None);
    }

    #[test]
    fn what_is_below_is_told_part_by_part() {
        assert!(is_below("CN=PC1,OU=A,DC=x,DC=y", "dc=X,DC=y"));
        assert!(is_below("DC=x,DC=y", "DC=x,DC=y"));
        assert!(!is_below("DC=y", "DC=x,DC=y"));
        assert!(!is_below("CN=a,DC=xx,DC=y", "DC=x,DC=y"));
        assert!(is_below("CN=a", ""));
    }

    #[test]
    fn urls_of_referrals_are_read() {
        let url = parse_url("ldap://Child.Lab.example/DC=child,DC=b%C3%BCro??sub?(x=y)").unwrap();
        assert_eq!(
            (url.host.as_str(), url.port, url.is_tls),
            ("child.lab.example", None, false)
        );
        assert_eq!(url.base, "DC=child,DC=b\u{fc}ro");
        let url = parse_url("LDAPS://[fe80::1]:3269/").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.is_tls), ("fe80::1", Some(3269), true));
        assert_eq!(parse_url("ldap://x").unwrap().base, "");
        for none in [
            "",
            "http://x/",
            "ldap:///DC=x",
            "ldap://x:99999/",
            "ldap://a b/",
            "ldap://[::1/",
        ] {
            assert_eq!(parse_url(none), None, "{none}");
        }
    }
}
