//! Names, addresses, ranges and networks as people write them, with any separators. Pure: text in, values out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses that the ranges and networks of one text may expand to: a /16.
pub const EXPANSION_LIMIT: usize = 65_536;

/// A computer that was named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoundName {
    /// Name or address, as the list will call it.
    pub name: String,
    /// Connect address of its own, when the text gave one besides the name.
    pub address: Option<String>,
    /// Connect port of its own.
    pub port: Option<u16>,
    /// Whether it is reached over HTTPS, when the text says so; else the port tells.
    pub tls: Option<bool>,
    /// It is one address of a range or network: whether a computer is there is not known.
    pub from_range: bool,
}

/// A piece of the text that names no computer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {piece:?} {kind}")]
pub struct NameProblem {
    /// Line, from 1.
    pub line: usize,
    /// The piece as written, at most 80 characters.
    pub piece: String,
    /// What is wrong with it.
    pub kind: NameProblemKind,
}

/// Why a piece names no computer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameProblemKind {
    /// Digits and dots, but no address.
    #[error("is no IPv4 address: it takes four numbers from 0 to 255")]
    Ipv4,
    /// Colons, but no address.
    #[error(
        "is neither an IPv6 address nor a name with a port (an IPv6 address with a port is written [2001:db8::1]:5985)"
    )]
    Ipv6,
    /// Not a port number.
    #[error("has the port {0:?}: a port is a number from 1 to 65535")]
    Port(String),
    /// Not a prefix length.
    #[error("has the network length {0:?}: it is a number from 0 to {1}")]
    Prefix(String, u8),
    /// The end of a range comes before its beginning, or is of another kind.
    #[error("is no range: its end must be an address after its beginning, or the last number of one")]
    Range,
    /// Too many addresses.
    #[error("has more than {EXPANSION_LIMIT} addresses together with the ranges before it: name a smaller network")]
    TooMany,
    /// A character that no name contains.
    #[error("contains {0:?}, which no computer name contains")]
    Character(char),
    /// Not a name for another reason.
    #[error("is no computer name: {0}")]
    Name(&'static str),
    /// A name or an IPv6 address for NetBIOS.
    #[error("is no IPv4 address, range or network, and NetBIOS asks nothing else: name it as a computer instead")]
    NoNetBios,
    /// A range or network in a row that says how one computer is reached.
    #[error(
        "is a range or network in a row with an address, port or HTTPS of its own: give each computer a row, or leave those cells \
         empty"
    )]
    RangeInRow,
    /// The name stands before with another address or port.
    #[error(
        "was named before with another address or port: give each computer a name of its own in a list file with the columns \
         name, address and port"
    )]
    NamedOtherwise,
}

/// What a text named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedNames {
    /// The computers, in order, each once (ignoring case).
    pub names: Vec<FoundName>,
    /// The pieces that name none.
    pub problems: Vec<NameProblem>,
}

/// Reads names and addresses separated by commas, semicolons, bars, blanks, tabs or line breaks.
///
/// A piece is a name (`PC-1`, `pc-1.contoso.com`, `\\PC-1`), an IPv4 or IPv6 address, either of them with a port
/// (`pc-1:25985`, `[2001:db8::1]:5985`), a range (`10.0.0.1-10.0.0.50`, `10.0.0.1-50`) or a network (`10.0.0.0/24`, of
/// which the network and broadcast addresses are left out). `#` begins a comment that ends with the line.
pub fn parse_names(text: &str) -> ParsedNames {
    let mut parser = Parser::default();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let content = line.split('#').next().unwrap_or_default();
        for piece in pieces(content) {
            parser.piece(&piece, line_number);
        }
    }
    parser.parsed
}

/// Splits a line at separators; a hyphen standing alone joins its neighbours to a range.
fn pieces(line: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut join = false;
    for piece in line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '\u{feff}')) {
        let piece = piece.trim_matches(['"', '\'']);
        if piece.is_empty() {
            continue;
        }
        match out.last_mut() {
            Some(last) if matches!(piece, "-" | "\u{2013}") => {
                last.push('-');
                join = true;
            }
            Some(last) if join => {
                last.push_str(piece);
                join = false;
            }
            _ => out.push(piece.to_owned()),
        }
    }
    out
}

#[derive(Default)]
pub(super) struct Parser {
    pub(super) parsed: ParsedNames,
    /// The names so far, with address and port.
    seen: HashMap<String, (Option<String>, Option<u16>)>,
    expanded: usize,
}

impl Parser {
    pub(super) fn piece(&mut self, piece: &str, line: usize) {
        if let Err(kind) = self.read(piece) {
            self.problem(piece, line, kind);
        }
    }

    pub(super) fn problem(&mut self, piece: &str, line: usize, kind: NameProblemKind) {
        self.parsed.problems.push(NameProblem {
            line,
            piece: piece.chars().take(80).collect(),
            kind,
        });
    }

    fn read(&mut self, piece: &str) -> Result<(), NameProblemKind> {
        let piece = piece.trim_start_matches('\\');
        if let Some((base, length)) = piece.split_once('/') {
            return self.network(base, length);
        }
        if let Some((first, last)) = piece.replace('\u{2013}', "-").split_once('-')
            && let Ok(first) = first.parse::<IpAddr>()
        {
            return self.range(first, last);
        }
        let (name, port) = split_port(piece)?;
        self.add(FoundName {
            name,
            address: None,
            port,
            tls: None,
            from_range: false,
        })
    }

    /// Adds a computer unless the text named it before; an error when that was at another address or port, because the list
    /// knows a computer by its name.
    pub(super) fn add(&mut self, found: FoundName) -> Result<(), NameProblemKind> {
        let place = (found.address.clone(), found.port);
        match self.seen.entry(found.name.to_lowercase()) {
            Entry::Occupied(known) if found.from_range || *known.get() == place => Ok(()),
            Entry::Occupied(_) => Err(NameProblemKind::NamedOtherwise),
            Entry::Vacant(free) => {
                free.insert(place);
                self.parsed.names.push(found);
                Ok(())
            }
        }
    }

    fn range(&mut self, first: IpAddr, last: &str) -> Result<(), NameProblemKind> {
        let last = match (first, last.parse::<IpAddr>()) {
            (_, Ok(last)) => last,
            (IpAddr::V4(first), Err(_)) => {
                let number: u8 = last.parse().map_err(|_| NameProblemKind::Range)?;
                let [a, b, c, _] = first.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, number))
            }
            (IpAddr::V6(_), Err(_)) => return Err(NameProblemKind::Range),
        };
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                self.expand(u128::from(u32::from(first)), u128::from(u32::from(last)), v4)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                self.expand(u128::from(first), u128::from(last), v6)
            }
            _ => Err(NameProblemKind::Range),
        }
    }

    fn network(&mut self, base: &str, length: &str) -> Result<(), NameProblemKind> {
        let base = parse_address(base)?;
        let bits: u8 = if base.is_ipv4() { 32 } else { 128 };
        let wrong = || NameProblemKind::Prefix(length.chars().take(20).collect(), bits);
        let prefix: u8 = length.parse().map_err(|_| wrong())?;
        let host_bits = bits.checked_sub(prefix).ok_or_else(wrong)?;
        if host_bits > 17 {
            return Err(NameProblemKind::TooMany);
        }
        let size = 1_u128 << host_bits;
        match base {
            IpAddr::V4(base) => {
                let first = u128::from(u32::from(base)) & !(size - 1);
                let last = first + size - 1;
                if host_bits >= 2 {
                    self.expand(first + 1, last - 1, v4)
                } else {
                    self.expand(first, last, v4)
                }
            }
            IpAddr::V6(base) => {
                let first = u128::from(base) & !(size - 1);
                self.expand(first, first + (size - 1), v6)
            }
        }
    }

    fn expand(&mut self, first: u128, last: u128, address: fn(u128) -> IpAddr) -> Result<(), NameProblemKind> {
        let room = EXPANSION_LIMIT - self.expanded;
        if last - first >= room as u128 {
            return Err(NameProblemKind::TooMany);
        }
        self.expanded += (last - first) as usize + 1;
        for number in first..=last {
            self.add(FoundName {
                name: address(number).to_string(),
                address: None,
                port: None,
                tls: None,
                from_range: true,
            })?;
        }
        Ok(())
    }
}

fn v4(number: u128) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(number as u32))
}

fn v6(number: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(number))
}

fn parse_address(text: &str) -> Result<IpAddr, NameProblemKind> {
    text.parse().map_err(|_| {
        if text.contains(':') {
            NameProblemKind::Ipv6
        } else {
            NameProblemKind::Ipv4
        }
    })
}

/// Reads a port number.
pub(super) fn parse_port(text: &str) -> Result<u16, NameProblemKind> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(NameProblemKind::Port(text.chars().take(20).collect())),
    }
}

fn split_port(piece: &str) -> Result<(String, Option<u16>), NameProblemKind> {
    if let Some(rest) = piece.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(NameProblemKind::Ipv6)?;
        let address: Ipv6Addr = address.parse().map_err(|_| NameProblemKind::Ipv6)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if after.is_empty() => None,
            None => return Err(NameProblemKind::Ipv6),
        };
        return Ok((address.to_string(), port));
    }
    match piece.matches(':').count() {
        0 => Ok((host(piece)?, None)),
        1 => {
            let (name, port) = piece.split_once(':').unwrap_or((piece, ""));
            Ok((host(name)?, Some(parse_port(port)?)))
        }
        _ => parse_address(piece).map(|a| (a.to_string(), None)),
    }
}

/// Checks a DNS or NetBIOS name, or an IPv4 address.
pub(super) fn host(name: &str) -> Result<String, NameProblemKind> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    if name.is_empty() {
        return Err(NameProblemKind::Name("it is empty"));
    }
    if let Some(c) = name
        .chars()
        .find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_')))
    {
        return Err(NameProblemKind::Character(c));
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(NameProblemKind::Ipv4);
    }
    if name.len() > 255 {
        return Err(NameProblemKind::Name("it is longer than 255 bytes"));
    }
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(NameProblemKind::Name("each part between dots has 1 to 63 bytes"));
    }
    if name.starts_with('-') {
        return Err(NameProblemKind::Name("it begins with a hyphen"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let parsed = parse_names(text);
        assert_eq!(parsed.problems, [], "{text}");
        parsed.names.into_iter().map(|n| n.name).collect()
    }

    fn problem(text: &str) -> String {
        let parsed = parse_names(text);
        assert_eq!(parsed.names, [], "{text}");
        parsed.problems[0].to_string()
    }

    #[test]
    fn every_separator_works_and_comments_are_left_out() {
        let text = "PC-1| PC-2;PC-3\tpc_4.contoso.com\r\n# a comment\n\\\\PC-5 \"PC-6\" # another\nрабочая-7";
        assert_eq!(
            names(text),
            ["PC-1", "PC-2", "PC-3", "pc_4.contoso.com", "PC-5", "PC-6", "рабочая-7"]
        );
    }

    #[test]
    fn a_computer_named_twice_is_one() {
        assert_eq!(names("pc-1 PC-1 10.0.0.1 10.0.0.1-2"), ["pc-1", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(names("10.0.0.1:80 10.0.0.1-2"), ["10.0.0.1", "10.0.0.2"]);
    }

    #[test]
    fn two_ports_of_one_address_are_not_taken_for_one_computer() {
        let parsed = parse_names("10.0.0.1:25985 10.0.0.1:25985\n10.0.0.1:25986 10.0.0.2");
        assert_eq!((parsed.names.len(), parsed.problems.len()), (2, 1));
        let text = parsed.problems[0].to_string();
        assert!(
            text.starts_with("line 2: \"10.0.0.1:25986\" was named before"),
            "{text}"
        );
    }

    #[test]
    fn ranges_are_expanded_in_every_form() {
        let three = ["10.0.0.254", "10.0.0.255", "10.0.1.0"];
        assert_eq!(names("10.0.0.254-10.0.1.0"), three);
        assert_eq!(names("10.0.0.254 - 10.0.1.0"), three);
        assert_eq!(names("10.0.0.254\u{2013}10.0.1.0"), three);
        assert_eq!(names("10.0.0.254-255"), three[..2]);
        assert_eq!(names("fe80::1-fe80::2"), ["fe80::1", "fe80::2"]);
        assert!(parse_names("10.0.0.1-2").names.iter().all(|n| n.from_range));
    }

    #[test]
    fn networks_leave_out_their_own_and_the_broadcast_address() {
        assert_eq!(names("10.0.0.77/30"), ["10.0.0.77", "10.0.0.78"]);
        assert_eq!(names("10.0.0.8/31"), ["10.0.0.8", "10.0.0.9"]);
        assert_eq!(names("10.0.0.8/32"), ["10.0.0.8"]);
        assert_eq!(names("2001:db8::/127"), ["2001:db8::", "2001:db8::1"]);
        assert_eq!(names("10.7.0.0/16").len(), 65_534);
    }

    #[test]
    fn ports_belong_to_names_and_to_bracketed_addresses() {
        let parsed = parse_names("pc-1:25985 [2001:db8::1]:5986 10.0.0.1:80 [2001:db8::2] 2001:db8::3");
        assert_eq!(parsed.problems, []);
        let ports: Vec<_> = parsed.names.iter().map(|n| n.port).collect();
        assert_eq!(ports, [Some(25985), Some(5986), Some(80), None, None]);
        assert_eq!(parsed.names[1].name, "2001:db8::1");
    }

    #[test]
    fn what_names_no_computer_is_answered_with_piece_and_place() {
        let parsed = parse_names("PC-1\nPC-2, 10.0.0.300\nPC-3");
        assert_eq!(parsed.names.len(), 3);
        let text = parsed.problems[0].to_string();
        assert!(text.starts_with("line 2: \"10.0.0.300\" is no IPv4 address"), "{text}");

        assert!(problem("pc-1:0").contains("port \"0\""));
        assert!(problem("10.0.0.0/33").contains("from 0 to 32"));
        assert!(problem("10.0.0.9-10.0.0.1").contains("no range"));
        assert!(problem("10.0.0.9-fe80::1").contains("no range"));
        assert!(problem("http://pc-1").contains("no"));
        assert!(problem("pc*1").contains("'*'"));
        assert!(problem("[::1").contains("IPv6"));
        assert!(problem("1:2:3").contains("IPv6"));
        assert!(problem("a..b").contains("between dots"));
        assert!(problem("-pc").contains("hyphen"));
    }

    #[test]
    fn more_addresses_than_the_limit_are_refused_before_they_are_made() {
        for text in ["10.0.0.0/8", "10.0.0.0-11.0.0.0", "::/0", "::-ffff::", "10.0.0.0/15"] {
            assert!(problem(text).contains("65536"), "{text}");
        }
        let parsed = parse_names("10.1.0.0/16 10.2.0.0/16");
        assert_eq!((parsed.names.len(), parsed.problems.len()), (65_534, 1));
    }
}
