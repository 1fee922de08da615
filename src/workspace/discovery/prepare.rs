//! What a discovery would do, before it does anything: files read, names and ranges understood, addresses counted.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use super::sources::{Place, SourceTask};
use crate::discovery::directory::{FilterError, check_filter};
use crate::discovery::{
    FoundName, NameProblem, NameProblemKind, NoSuchColumn, ParsedNames, SCAN_RATE, addresses_of, decode_text,
    has_browse_list, named_in, parse_list_column, parse_list_file, unknown_columns,
};
use crate::model::found::SourceOrder;

/// Why a discovery cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// A list file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A list file is no text.
    #[error("{}: line {line} is neither UTF-8 nor UTF-16: save the file as text", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// None of its columns is known to name computers.
    #[error(
        "{}: none of the columns {} names computers: call one of them 'name' or 'computer' in the first line, or choose the column \
         ('address', 'port' and 'tls' say how each is reached)",
        path.display(),
        columns.join(", ")
    )]
    Columns {
        /// The file.
        path: PathBuf,
        /// Its columns.
        columns: Vec<String>,
    },
    /// The column that was chosen is not there.
    #[error("{}: {source}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What there is.
        source: NoSuchColumn,
    },
    /// Nowhere to look.
    #[error("the text contains no computer name or address")]
    Empty,
    /// No source at all.
    #[error("nothing says where to look: give names, addresses, a file, a domain or a network")]
    NoSource,
    /// An LDAP filter that is none.
    #[error("the filter is wrong {0}")]
    Filter(#[from] FilterError),
    /// NetBIOS without an IPv4 range.
    #[error("NetBIOS asks IPv4 addresses: name a range (10.0.0.1-50) or a network (10.0.0.0/24)")]
    NoRange,
    /// Only Windows has one.
    #[error("only Windows keeps a browse list: ask with NetBIOS or WS-Discovery instead")]
    NoBrowseList,
}

/// How many addresses a discovery asks one by one. Who answers for a network wants to know before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscoveryPrice {
    /// Addresses of ranges and networks.
    pub addresses: usize,
    /// Addresses a second.
    pub rate: u32,
}

impl DiscoveryPrice {
    /// True where somebody should say yes: more is asked than what was named one by one.
    pub fn needs_consent(&self) -> bool {
        self.addresses > 0
    }
}

impl fmt::Display for DiscoveryPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.addresses;
        write!(
            f,
            "this will probe {} address{}",
            grouped(n),
            if n == 1 { "" } else { "es" }
        )?;
        let seconds = n.div_ceil(self.rate.max(1) as usize);
        if n > 1 {
            write!(f, " at {} a second: {}", self.rate, in_words(seconds))?;
        }
        Ok(())
    }
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn in_words(seconds: usize) -> String {
    match seconds {
        0..=1 => "about a second".to_owned(),
        2..=90 => format!("about {seconds} seconds"),
        _ => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

/// A discovery that can begin.
#[derive(Debug, Clone)]
pub struct PreparedDiscovery {
    pub(super) sources: Vec<SourceTask>,
    /// Pieces that name no computer, with where they stand.
    pub problems: Vec<(String, NameProblem)>,
    /// What it asks.
    pub price: DiscoveryPrice,
}

impl PreparedDiscovery {
    /// Reads the files and understands the texts of `orders`. Blocks on the disk. `rate`: addresses a second, where a network
    /// is asked address by address; `None`: the usual rate.
    pub fn new(orders: &[SourceOrder], rate: Option<u32>) -> Result<Self, DiscoveryError> {
        if orders.is_empty() {
            return Err(DiscoveryError::NoSource);
        }
        let mut prepared = Self {
            sources: Vec::new(),
            problems: Vec::new(),
            price: DiscoveryPrice {
                addresses: 0,
                rate: rate.unwrap_or(SCAN_RATE).max(1),
            },
        };
        for order in orders {
            prepared.add(order)?;
        }
        if prepared.sources.is_empty() && prepared.problems.is_empty() {
            return Err(DiscoveryError::Empty);
        }
        Ok(prepared)
    }

    fn add(&mut self, order: &SourceOrder) -> Result<(), DiscoveryError> {
        match order {
            SourceOrder::Names { text, port, probe } => {
                self.names("names", parse_list_file(text), *port, *probe);
            }
            SourceOrder::File {
                path,
                column,
                port,
                probe,
            } => {
                let parsed = read(Path::new(path), column)?;
                self.names(path, parsed, *port, *probe);
            }
            SourceOrder::Directory(order) => {
                check_filter(&order.filter)?;
                self.push(
                    SourceOrder::Directory(order.clone()).in_words(),
                    Place::Directory(order.clone()),
                );
            }
            SourceOrder::NetBios { ranges } => {
                let parsed = parse_list_file(ranges);
                let of = |name: &FoundName| name.name.parse::<Ipv4Addr>().ok();
                let addresses: Vec<Ipv4Addr> = parsed.names.iter().filter_map(of).collect();
                if addresses.is_empty() {
                    return Err(DiscoveryError::NoRange);
                }
                let others = parsed.names.iter().filter(|name| of(name).is_none());
                let others: Vec<NameProblem> = others.map(|name| no_netbios(ranges, name)).collect();
                let problems = parsed.problems.into_iter().chain(others);
                self.problems.extend(problems.map(|p| ("NetBIOS".to_owned(), p)));
                let count = addresses.len();
                self.price.addresses += count;
                let what = if count == 1 { "address" } else { "addresses" };
                self.push(format!("NetBIOS, {count} {what}"), Place::NetBios(addresses));
            }
            SourceOrder::LocalNetwork => self.push("Local network".to_owned(), Place::LocalNetwork),
            SourceOrder::BrowseList if !has_browse_list() => return Err(DiscoveryError::NoBrowseList),
            SourceOrder::BrowseList => self.push("Browse list".to_owned(), Place::BrowseList),
        }
        Ok(())
    }

    fn push(&mut self, label: String, place: Place) {
        self.sources.push(SourceTask { label, place });
    }

    fn names(&mut self, whence: &str, mut parsed: ParsedNames, port: Option<u16>, probe: bool) {
        let problems = std::mem::take(&mut parsed.problems);
        self.problems
            .extend(problems.into_iter().map(|p| (whence.to_owned(), p)));
        for name in &mut parsed.names {
            name.port = name.port.or(port);
        }
        let label = |count: usize, what: &str, many: &str| {
            let what = if count == 1 { what } else { many };
            if whence == "names" {
                format!("{count} {what}")
            } else {
                format!("{whence}: {count} {what}")
            }
        };
        if !probe {
            let count = parsed.names.len();
            if count > 0 {
                self.push(label(count, "name", "names"), Place::Told(parsed.names));
            }
            return;
        }
        let (named, addresses): (_, Vec<IpAddr>) = (named_in(&parsed), addresses_of(&parsed));
        if !named.is_empty() {
            self.push(label(named.len(), "name", "names"), Place::Names(named));
        }
        if !addresses.is_empty() {
            self.price.addresses += addresses.len();
            self.push(
                label(addresses.len(), "address", "addresses"),
                Place::Range { addresses, port },
            );
        }
    }
}

/// What NetBIOS cannot ask, with the line where it stands.
fn no_netbios(text: &str, name: &FoundName) -> NameProblem {
    let wanted = name.name.to_lowercase();
    let line = text.lines().position(|line| line.to_lowercase().contains(&wanted));
    NameProblem {
        line: line.map_or(1, |index| index + 1),
        piece: name.name.chars().take(80).collect(),
        kind: NameProblemKind::NoNetBios,
    }
}

fn read(path: &Path, column: &str) -> Result<ParsedNames, DiscoveryError> {
    let bytes = std::fs::read(path).map_err(|source| DiscoveryError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = decode_text(&bytes).map_err(|line| DiscoveryError::NoText {
        path: path.to_owned(),
        line,
    })?;
    if !column.is_empty() {
        return parse_list_column(&text, column).map_err(|source| DiscoveryError::Column {
            path: path.to_owned(),
            source,
        });
    }
    match unknown_columns(&text) {
        Some(columns) => Err(DiscoveryError::Columns {
            path: path.to_owned(),
            columns,
        }),
        None => Ok(parse_list_file(&text)),
    }
}
