//! Which entries are asked for, and what is read of them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::codec::{Entry, Filter, FilterError, domain_of};
use super::request::ComputerQuery;
use crate::discovery::{FoundComputer, Source};
use crate::model::{Network, NetworkKind};

/// What is read of each computer (MS-ADA).
pub(super) const ATTRIBUTES: &[&str] = &[
    "name",
    "dNSHostName",
    "operatingSystem",
    "operatingSystemVersion",
    "lastLogonTimestamp",
    "userAccountControl",
    "objectGUID",
];
/// UF_ACCOUNTDISABLE (MS-ADTS 2.2.16).
const DISABLED: u32 = 2;
/// `lastLogonTimestamp` is replicated when it is 9 to 14 days behind (MS-ADA1, msDS-LogonTimeSyncInterval).
const LEAST_STALE_DAYS: u32 = 15;
/// Seconds between 1601, where Windows' times begin, and 1970.
const EPOCH_DIFFERENCE: i64 = 11_644_473_600;
/// Of a day.
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// Windows counts in these.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// Checks a filter as it is typed; the error says where it is wrong and what is expected. An empty one is in order.
pub fn check_filter(text: &str) -> Result<(), FilterError> {
    if text.trim().is_empty() {
        return Ok(());
    }
    Filter::parse(text).map(drop)
}

/// The filter of a query.
///
/// `objectCategory` is indexed, and keeps out group-managed service accounts, which are computers by their class but have a
/// category of their own (MS-ADTS, msDS-GroupManagedServiceAccount).
pub(super) fn filter_of(query: &ComputerQuery, now: DateTime<Utc>) -> Result<Filter, FilterError> {
    let mut all = vec![
        Filter::equal("objectCategory", "computer"),
        Filter::equal("objectClass", "computer"),
    ];
    if !query.include_disabled {
        all.push(Filter::all_bits("userAccountControl", DISABLED).negated());
    }
    if !query.include_non_windows {
        all.push(Filter::like("operatingSystem", "Windows*"));
    }
    if let Some(days) = query.stale_days {
        let age = i64::from(days.max(LEAST_STALE_DAYS)) * SECONDS_PER_DAY;
        let ticks = (now.timestamp() + EPOCH_DIFFERENCE - age).max(0) * TICKS_PER_SECOND;
        all.push(Filter::AtLeast(
            "lastLogonTimestamp".to_owned(),
            ticks.to_string().into_bytes(),
        ));
    }
    let mut names: Vec<Filter> = query
        .name
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|pattern| !pattern.is_empty() && *pattern != "*")
        .map(|pattern| {
            let attribute = if pattern.contains('.') { "dNSHostName" } else { "name" };
            Filter::like(attribute, pattern)
        })
        .collect();
    match names.len() {
        0 => {}
        1 => all.append(&mut names),
        _ => all.push(Filter::Or(names)),
    }
    if !query.filter.trim().is_empty() {
        all.push(Filter::parse(&query.filter)?);
    }
    Ok(Filter::And(all))
}

/// A computer as the directory has it; `None` for an entry without a name, which is no computer.
pub(super) fn computer_of(entry: &Entry<'_>) -> Option<FoundComputer> {
    let (mut short, mut full) = (String::new(), String::new());
    let mut computer = FoundComputer::named(Source::Directory, "");
    let (mut system, mut version) = (String::new(), String::new());
    for (attribute, mut values) in entry.attributes() {
        let Some(value) = values.next() else { continue };
        let text = || String::from_utf8_lossy(value).trim().to_owned();
        let is = |wanted: &str| attribute.eq_ignore_ascii_case(wanted);
        if is("name") {
            short = text();
        } else if is("dNSHostName") {
            text().trim_end_matches('.').clone_into(&mut full);
        } else if is("operatingSystem") {
            system = text();
        } else if is("operatingSystemVersion") {
            version = text();
        } else if is("lastLogonTimestamp") {
            computer.last_logon = text().parse().ok().and_then(time_of);
        } else if is("userAccountControl") {
            // A signed number, whose highest bit may be set.
            let flags = text().parse::<i64>().unwrap_or_default();
            computer.is_disabled = flags & i64::from(DISABLED) != 0;
        } else if is("objectGUID") {
            computer.directory_id = Uuid::from_slice_le(value).ok();
        }
    }
    computer.name = if full.is_empty() { short } else { full };
    if computer.name.is_empty() {
        return None;
    }
    computer.os_edition = system;
    computer.os_version = dotted(&version);
    entry.dn.clone_into(&mut computer.place);
    let domain = domain_of(entry.dn);
    if !domain.is_empty() {
        computer.network = Network {
            kind: NetworkKind::Domain,
            name: domain.as_str().into(),
        };
    }
    Some(computer)
}

/// `10.0 (22631)` is the directory's way to write `10.0.22631`.
fn dotted(version: &str) -> String {
    match version.split_once('(') {
        Some((version, build)) => {
            let build = build.trim_end_matches(')').trim();
            format!("{}.{build}", version.trim())
        }
        None => version.to_owned(),
    }
}

/// A time as Windows counts it; `None` for never.
fn time_of(ticks: i64) -> Option<DateTime<Utc>> {
    if ticks <= 0 {
        return None;
    }
    DateTime::from_timestamp(ticks / TICKS_PER_SECOND - EPOCH_DIFFERENCE, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &ComputerQuery) -> String {
        filter_of(query, DateTime::UNIX_EPOCH).unwrap().to_string()
    }

    #[test]
    fn the_parts_of_a_query_are_combined() {
        assert_eq!(
            of(&ComputerQuery::default()),
            "(&(objectCategory=computer)(objectClass=computer)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(operatingSystem=Windows*))"
        );
        let query = ComputerQuery {
            name: "labcomp*, pc(1); *.berlin.contoso.com".into(),
            filter: "description=kiosk".into(),
            include_disabled: true,
            include_non_windows: true,
            stale_days: Some(30),
            ..ComputerQuery::default()
        };
        assert_eq!(
            of(&query),
            "(&(objectCategory=computer)(objectClass=computer)(lastLogonTimestamp>=116418816000000000)\
             (|(name=labcomp*)(name=pc\\281\\29)(dNSHostName=*.berlin.contoso.com))(description=kiosk))"
        );
    }

    #[test]
    fn fewer_days_than_the_directory_can_tell_are_not_asked_for() {
        let of = |days| {
            of(&ComputerQuery {
                stale_days: Some(days),
                ..ComputerQuery::default()
            })
        };
        assert_eq!(of(1), of(15));
        assert_ne!(of(15), of(16));
        assert!(of(u32::MAX).contains("(lastLogonTimestamp>=0)"));
    }

    #[test]
    fn a_filter_cannot_break_out_of_its_place() {
        let query = ComputerQuery {
            filter: "(a=1))(|(objectClass=*)".into(),
            ..ComputerQuery::default()
        };
        assert!(filter_of(&query, DateTime::UNIX_EPOCH).is_err());
        assert!(check_filter("(a=1))").is_err());
        assert_eq!(check_filter(" "), Ok(()));
    }

    #[test]
    fn versions_and_times_are_read_as_windows_writes_them() {
        assert_eq!(dotted("10.0 (22631)"), "10.0.22631");
        assert_eq!(dotted("4.17.12"), "4.17.12");
        assert_eq!(dotted(""), "");
        assert_eq!(time_of(116_444_736_000_000_000), Some(DateTime::UNIX_EPOCH));
        assert_eq!(time_of(0), None);
        assert_eq!(time_of(i64::MIN), None);
        assert!(time_of(i64::MAX).is_some_and(|t| t.timestamp() > 900_000_000_000));
    }
}
