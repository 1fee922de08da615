//! List files: one computer per line, or CSV with a header. Pure: bytes in, values out.

use super::names::{FoundName, NameProblem, NameProblemKind, ParsedNames, Parser, host, parse_names, parse_port};

const NAME_COLUMNS: &[&str] = &[
    "name",
    "computer",
    "computername",
    "computer name",
    "hostname",
    "host",
    "dnshostname",
    "fqdn",
    "fullyqualifieddomainname",
];
const TLS_COLUMNS: &[&str] = &["tls", "ssl", "https"];
const ADDRESS_COLUMNS: &[&str] = &["address", "ip", "ipaddress", "ip address"];

/// Reads the text of a file as people save it: UTF-8 with or without a mark, or UTF-16 with one. `Err` is the line with the
/// first byte that is neither.
pub fn decode_text(bytes: &[u8]) -> Result<String, usize> {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .filter_map(|c| Some(unit([*c.first()?, *c.get(1)?])))
            .collect();
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return Ok(utf16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return Ok(utf16(rest, u16::from_be_bytes));
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| {
        let good = bytes.get(..e.valid_up_to()).unwrap_or_default();
        good.split(|b| *b == b'\n').count()
    })
}

/// The columns of a table that has none of those that name computers, as they stand in its first line. `None` for a file
/// that [`parse_list_file`] reads well: with a known column, or with names alone.
///
/// A table is recognised by lines that all have the same number of cells, and more than one.
pub fn unknown_columns(text: &str) -> Option<Vec<String>> {
    let mut lines = text
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'));
    let header = lines.next()?;
    let (delimiter, cells) = header_cells(header);
    if cells.iter().filter(|c| !c.is_empty()).count() < 2 || cells.iter().any(|c| NAME_COLUMNS.contains(&c.as_str())) {
        return None;
    }
    let cell_count = |line: &str| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(line.as_bytes());
        let mut record = csv::StringRecord::new();
        matches!(reader.read_record(&mut record), Ok(true)).then(|| record.len())
    };
    let wanted = cell_count(header);
    let mut rows = lines.peekable();
    rows.peek()?;
    let even = rows.all(|line| cell_count(line) == wanted);
    let plain = header.split(char::from(delimiter));
    let bare = |c: &str| c.trim().trim_matches(['"', '\u{feff}']).to_owned();
    even.then(|| plain.map(bare).collect())
}

/// The first line that is neither blank nor a comment.
fn header(text: &str) -> &str {
    text.lines()
        .find(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
        .unwrap_or_default()
}

/// The delimiter of a first line and its cells in small letters.
fn header_cells(header: &str) -> (u8, Vec<String>) {
    let delimiter = [b',', b';', b'\t', b'|']
        .into_iter()
        .max_by_key(|d| header.bytes().filter(|b| b == d).count())
        .unwrap_or(b',');
    let cells = header
        .split(char::from(delimiter))
        .map(|c| c.trim().trim_matches(['"', '\u{feff}']).to_lowercase())
        .collect();
    (delimiter, cells)
}

/// Reads a list file. When its first line that is no comment is a header with a column `name` or `computer` (or one of
/// their kin), the file is CSV with commas, semicolons or tabs, and the columns `address`, `port` and `tls` (yes or
/// no), if any, say where to connect and whether over HTTPS. Else it is read as [`parse_names`] does.
pub fn parse_list_file(text: &str) -> ParsedNames {
    let (delimiter, cells) = header_cells(header(text));
    let column = |names: &[&str]| cells.iter().position(|c| names.contains(&c.as_str()));
    match column(NAME_COLUMNS) {
        Some(name) => parse_csv(
            text,
            delimiter,
            true,
            &Columns {
                name,
                address: column(ADDRESS_COLUMNS),
                port: column(&["port"]),
                tls: column(TLS_COLUMNS),
            },
        ),
        None => parse_names(text),
    }
}

/// There is no such column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {wanted:?}{}", if .there.is_empty() { String::new() } else { format!(": the columns are {}", .there.join(", ")) })]
pub struct NoSuchColumn {
    /// What was asked for.
    pub wanted: String,
    /// What there is, as it stands in the first line.
    pub there: Vec<String>,
}

/// The columns of the first line of a table that is no comment, as they stand there; none of a file without cells.
pub fn list_columns(text: &str) -> Vec<String> {
    let header = header(text);
    let (delimiter, _) = header_cells(header);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(header.trim_start_matches('\u{feff}').as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(|cell| cell.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// Reads a list file of which a person chose the column with the names: by its heading, in any case, or by its number from
/// 1, in a file that has no headings. The columns for address, port and HTTPS count as they do in [`parse_list_file`].
pub fn parse_list_column(text: &str, column: &str) -> Result<ParsedNames, NoSuchColumn> {
    let wanted = column.trim().to_lowercase();
    let (delimiter, _) = header_cells(header(text));
    let there = list_columns(text);
    let cells: Vec<String> = there.iter().map(|cell| cell.to_lowercase()).collect();
    let named = |names: &[&str]| cells.iter().position(|c| names.contains(&c.as_str()));
    let no_such = || NoSuchColumn {
        wanted: column.trim().chars().take(80).collect(),
        there: there.iter().map(|c| c.chars().take(80).collect()).collect(),
    };
    if let Some(name) = cells
        .iter()
        .position(|cell| *cell == wanted)
        .filter(|_| !wanted.is_empty())
    {
        let columns = Columns {
            name,
            address: named(ADDRESS_COLUMNS),
            port: named(&["port"]),
            tls: named(TLS_COLUMNS),
        };
        return Ok(parse_csv(text, delimiter, true, &columns));
    }
    let name = match wanted.parse::<usize>() {
        Ok(number) if (1..=cells.len()).contains(&number) => number - 1,
        _ => return Err(no_such()),
    };
    let has_headings = cells
        .get(name)
        .is_some_and(|cell| NAME_COLUMNS.contains(&cell.as_str()));
    let columns = Columns {
        name,
        address: None,
        port: None,
        tls: None,
    };
    Ok(parse_csv(text, delimiter, has_headings, &columns))
}

/// Which cell of a row is what.
struct Columns {
    name: usize,
    address: Option<usize>,
    port: Option<usize>,
    tls: Option<usize>,
}

fn parse_csv(text: &str, delimiter: u8, has_headings: bool, columns: &Columns) -> ParsedNames {
    let Columns {
        name,
        address,
        port,
        tls,
    } = *columns;
    let mut parser = Parser::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(has_headings)
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    for record in reader.records() {
        let Ok(record) = record else { continue };
        let line = record.position().map_or(0, |p| p.line() as usize);
        let cell = |index: Option<usize>| index.and_then(|i| record.get(i)).filter(|c| !c.is_empty());
        let Some(piece) = cell(Some(name)) else {
            if record.iter().any(|c| !c.is_empty()) {
                parser.problem("", line, NameProblemKind::Name("the name column is empty"));
            }
            continue;
        };
        let (address, port, tls) = (cell(address), cell(port), cell(tls));
        if address.is_none() && port.is_none() && tls.is_none() {
            parser.piece(piece, line);
            continue;
        }
        if is_range(piece) {
            parser.problem(piece, line, NameProblemKind::RangeInRow);
            continue;
        }
        let found = host(piece).and_then(|name| {
            Ok(FoundName {
                name,
                address: address.map(connect_address).transpose()?,
                port: port.map(parse_port).transpose()?,
                tls: tls.map(yes_or_no).transpose()?,
                from_range: false,
            })
        });
        if let Err(kind) = found.and_then(|found| parser.add(found)) {
            parser.problem(piece, line, kind);
        }
    }
    parser.parsed
}

/// True for what stands for many addresses, also if for too many.
fn is_range(piece: &str) -> bool {
    let parsed = parse_names(piece);
    let is_too_large = |problem: &NameProblem| problem.kind == NameProblemKind::TooMany;
    parsed.names.iter().any(|name| name.from_range) || parsed.problems.iter().any(is_too_large)
}

fn yes_or_no(text: &str) -> Result<bool, NameProblemKind> {
    match text.to_lowercase().as_str() {
        "yes" | "y" | "true" | "1" | "on" | "https" => Ok(true),
        "no" | "n" | "false" | "0" | "off" | "http" => Ok(false),
        _ => Err(NameProblemKind::Name("the column for HTTPS says neither yes nor no")),
    }
}

fn connect_address(text: &str) -> Result<String, NameProblemKind> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => host(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_in_a_row_with_a_port_is_told_and_one_without_is_taken() {
        let parsed =
            parse_list_file("name;port\n10.0.0.0/30;5985\n10.0.0.1-2;25985\n10.0.0.0/8;1\n10.0.1.1-2;\npc-1;5985\n");
        let told: Vec<_> = parsed.problems.iter().map(|p| (p.line, &p.kind)).collect();
        assert_eq!(told, [2, 3, 4].map(|line| (line, &NameProblemKind::RangeInRow)));
        assert_eq!(parsed.names.len(), 3);
    }

    #[test]
    fn a_header_makes_it_csv_with_connect_addresses() {
        let text =
            "# the lab\nComputer;Address;Port;Note\nLAB-1;127.77.2.1;25985;\"a; note\"\nLAB-2;;;\n;;;\n;1.2.3.4;;\n";
        let parsed = parse_list_file(text);
        assert_eq!(parsed.names.len(), 2);
        assert_eq!(parsed.names[0].address.as_deref(), Some("127.77.2.1"));
        assert_eq!(parsed.names[0].port, Some(25985));
        assert_eq!(parsed.names[1].name, "LAB-2");
        assert_eq!(parsed.problems.len(), 1);
        assert_eq!(parsed.problems[0].line, 6);
    }

    #[test]
    fn a_column_says_who_is_reached_over_https() {
        let parsed =
            parse_list_file("name,port,tls\nPC-1,8443,yes\nPC-2,5986,\nPC-3,,TRUE\nPC-4,5986,no\nPC-5,,maybe\n");
        let found: Vec<_> = parsed.names.iter().map(|n| (n.port, n.tls)).collect();
        assert_eq!(
            found,
            [
                (Some(8443), Some(true)),
                (Some(5986), None),
                (None, Some(true)),
                (Some(5986), Some(false))
            ]
        );
        assert_eq!(parsed.problems.len(), 1);
        assert!(
            parsed.problems[0].to_string().contains("PC-5"),
            "{}",
            parsed.problems[0]
        );
    }

    #[test]
    fn without_a_header_each_line_is_read_as_pasted_names() {
        let parsed = parse_list_file("# computers\nPC-1\nPC-2\n\n10.0.0.1-3\n");
        assert_eq!((parsed.names.len(), parsed.problems.len()), (5, 0));
    }

    #[test]
    fn a_table_without_a_column_of_names_is_recognised() {
        let told = |text| unknown_columns(text).map(|c| c.join("|"));
        assert_eq!(told("foo,bar\nA,B\n").as_deref(), Some("foo|bar"));
        assert_eq!(
            told("# export\n\"Netbios Name0\",\"Resource Domain\"\n\"PC-1\",\"CORP\"\n").as_deref(),
            Some("Netbios Name0|Resource Domain")
        );
        for names in [
            "PC-1, PC-2, PC-3",
            "PC-1, PC-2\nPC-3\n",
            "PC-1\nPC-2\n",
            "PC-1,\nPC-2,\n",
            "Hostname,OS\nPC-1,11\n",
            "",
        ] {
            assert_eq!(told(names), None, "{names}");
        }
    }

    #[test]
    fn the_column_that_was_chosen_counts() {
        let text = "# export\n\"Netbios Name0\";\"Domain, long\";Port\n\"PC-1\";CORP;80\nPC-2;PC-9;\n";
        assert_eq!(list_columns(text), ["Netbios Name0", "Domain, long", "Port"]);
        let parsed = parse_list_column(text, "netbios name0").unwrap();
        assert_eq!(parsed.problems, []);
        let found: Vec<_> = parsed.names.iter().map(|n| (n.name.as_str(), n.port)).collect();
        assert_eq!(found, [("PC-1", Some(80)), ("PC-2", None)]);
        let other = parse_list_column(text, "Domain, long").unwrap();
        assert_eq!(other.names[1].name, "PC-9");
        let error = parse_list_column(text, "Hostname").unwrap_err().to_string();
        assert!(
            error.contains("\"Hostname\"") && error.contains("Netbios Name0, Domain, long, Port"),
            "{error}"
        );
    }

    #[test]
    fn a_column_of_a_file_without_headings_is_chosen_by_its_number() {
        let text = "1,PC-1,x\n2,PC-2,y\n";
        let names = |column| parse_list_column(text, column).unwrap().names;
        assert_eq!(
            names("2").iter().map(|n| n.name.as_str()).collect::<Vec<_>>(),
            ["PC-1", "PC-2"]
        );
        for wrong in ["0", "4", "", "two"] {
            assert!(parse_list_column(text, wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            parse_list_column("Id|Name\n1|PC-1\n", "2").unwrap().names[0].name,
            "PC-1"
        );
        assert!(parse_list_column("", "1").is_err());
    }

    #[test]
    fn a_bad_port_is_named_with_its_line() {
        let parsed = parse_list_file("name,port\nPC-1,80\nPC-2,eighty\n");
        assert_eq!(parsed.names.len(), 1);
        assert!(
            parsed.problems[0]
                .to_string()
                .starts_with("line 3: \"PC-2\" has the port \"eighty\"")
        );
    }

    #[test]
    fn files_of_windows_programs_are_decoded() {
        let utf16: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain("PC-ä".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(decode_text(&utf16).unwrap(), "PC-ä");
        assert_eq!(decode_text(b"\xEF\xBB\xBFPC-1").unwrap(), "PC-1");
        assert_eq!(decode_text(b"PC-1\nPC-\xE4\n"), Err(2));
    }
}
