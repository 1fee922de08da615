//! The filter language of the filter box and of `--select`.
//!
//! Words must all be found somewhere in the row; `field:value` looks in one place; `a|b` means either; `*` stands for any
//! text; `-` in front excludes; quotes keep blanks together: `win 11 status:grace -computer:LAB* grace<30d`.

use chrono::{DateTime, Utc};

use super::{Column, FailureClass, KeyType, LicenseStatus, RowView};

/// Why a filter could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No such field.
    #[error("{field:?} is not a field of the filter; fields are {}", FIELDS.join(", "))]
    UnknownField {
        /// The name as typed.
        field: String,
    },
    /// A field without a value.
    #[error("the filter field {field}: needs a value behind the colon")]
    NoValue {
        /// The field.
        field: String,
    },
    /// A value the field does not know.
    #[error("{value:?} is not a value of {field}; try {allowed}")]
    UnknownValue {
        /// The field.
        field: &'static str,
        /// The value as typed.
        value: String,
        /// Values that exist.
        allowed: String,
    },
    /// `age` and `grace` compare with a number of days.
    #[error("{term:?}: {field} is compared with a time, e.g. {field}<30d or {field}>12h")]
    NotATime {
        /// The field.
        field: &'static str,
        /// The term as typed.
        term: String,
    },
    /// An opening quote without a closing one.
    #[error("the filter has an opening quote without a closing one")]
    OpenQuote,
}

const FIELDS: &[&str] = &[
    "computer",
    "network",
    "os",
    "product",
    "application",
    "edition",
    "type",
    "key",
    "status",
    "reason",
    "kms",
    "pid",
    "sku",
    "action",
    "remarks",
    "iid",
    "cid",
    "failed",
    "failure",
    "asked",
    "age",
    "grace",
];

/// Text to look for: folded to lower case, with `*` as wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    anchored: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let folded = text.to_lowercase();
        Self {
            anchored: folded.contains('*'),
            parts: folded.split('*').map(str::to_owned).collect(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        if !self.anchored {
            return self.parts.first().is_some_and(|p| find_folded(text, p));
        }
        let folded = text.to_lowercase();
        let mut rest = folded.as_str();
        for (i, part) in self.parts.iter().enumerate() {
            if i == 0 {
                let Some(r) = rest.strip_prefix(part.as_str()) else {
                    return false;
                };
                rest = r;
            } else if i + 1 == self.parts.len() {
                return rest.ends_with(part.as_str());
            } else {
                let Some(at) = rest.find(part.as_str()) else {
                    return false;
                };
                rest = &rest[at + part.len()..];
            }
        }
        true
    }
}

/// `needle` is lower case. Without allocating for ASCII, which is nearly everything in a large list.
fn find_folded(hay: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    if hay.is_ascii() {
        let (hay, needle) = (hay.as_bytes(), needle.as_bytes());
        return hay.len() >= needle.len() && hay.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle));
    }
    hay.to_lowercase().contains(needle)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    Greater,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Anywhere(Vec<Pattern>),
    InColumn(Column, Vec<Pattern>),
    Status(Vec<LicenseStatus>),
    KeyType(Vec<KeyType>),
    HasInstallationId(bool),
    HasConfirmationId(bool),
    Failed(bool),
    Failure(Vec<FailureClass>),
    Asked(bool),
    Age(Comparison, i64),
    Grace(Comparison, i64),
}

/// A filter, ready to be asked of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<(bool, Test)>,
}

impl Filter {
    /// Reads a filter. Blank text is the filter that every row passes.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let terms = split(text)?.iter().map(parse_term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// True if every row passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True if the row passes. Times count from `now`.
    pub fn matches(&self, row: RowView<'_>, now: DateTime<Utc>) -> bool {
        self.terms
            .iter()
            .all(|(wanted, test)| test.matches(row, now) == *wanted)
    }
}

/// Terms with their quotes removed. Each remembers up to where it was typed without quotes, so that a
/// quoted colon is text and not a field.
fn split(text: &str) -> Result<Vec<Term>, FilterError> {
    let mut terms = Vec::new();
    let mut term = Term::default();
    let mut started = false;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                started = true;
                term.bare.get_or_insert(term.text.len());
            }
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut started) {
                    terms.push(std::mem::take(&mut term));
                }
            }
            c => {
                started = true;
                term.text.push(c);
            }
        }
    }
    if quoted {
        return Err(FilterError::OpenQuote);
    }
    if started {
        terms.push(term);
    }
    Ok(terms)
}

#[derive(Debug, Default)]
struct Term {
    text: String,
    /// Bytes before the first quote; `None`: no quote at all.
    bare: Option<usize>,
}

fn parse_term(term: &Term) -> Result<(bool, Test), FilterError> {
    let bare_len = term.bare.unwrap_or(term.text.len());
    let negated = bare_len > 0 && term.text.len() > 1 && term.text.starts_with(['-', '!']);
    let text = if negated { &term.text[1..] } else { &term.text };
    let bare = &text[..bare_len.saturating_sub(usize::from(negated)).min(text.len())];
    let question = if let Some(at) = bare
        .find(['<', '>'])
        .filter(|at| bare[..*at].chars().all(char::is_alphanumeric) && *at > 0)
    {
        compare(&text[..at], &text[at..])?
    } else if let Some((field, value)) = bare.find(':').map(|at| (&text[..at], &text[at + 1..])) {
        // `0xC004F074:` or `::1` are text; a field is a word.
        if field.is_empty() || !field.chars().all(|c| c.is_alphabetic() || c == '-') {
            Test::Anywhere(patterns(text))
        } else {
            in_field(field, value)?
        }
    } else {
        Test::Anywhere(patterns(text))
    };
    Ok((!negated, question))
}

fn patterns(text: &str) -> Vec<Pattern> {
    text.split('|').map(Pattern::new).collect()
}

fn in_field(field: &str, value: &str) -> Result<Test, FilterError> {
    let lower = field.to_lowercase();
    if value.is_empty() {
        return Err(FilterError::NoValue { field: lower });
    }
    let column = match lower.as_str() {
        "computer" | "name" | "host" => Column::Computer,
        "network" | "domain" | "workgroup" => Column::Network,
        "os" => Column::Os,
        "product" => Column::Product,
        "application" | "app" => Column::Application,
        "edition" | "family" => Column::Edition,
        "key" => Column::Key,
        "reason" => Column::Reason,
        "kms" => Column::Kms,
        "pid" => Column::Pid,
        "sku" => Column::Sku,
        "action" | "error" => Column::LastAction,
        "remarks" | "remark" => Column::Remarks,
        "status" => return Ok(Test::Status(each(value, "status", statuses, STATUS_WORDS)?)),
        "type" | "key-type" => return Ok(Test::KeyType(each(value, "type", key_types, TYPE_WORDS)?)),
        "iid" => return yes_or_no("iid", value).map(Test::HasInstallationId),
        "cid" => return yes_or_no("cid", value).map(Test::HasConfirmationId),
        "failed" => return yes_or_no("failed", value).map(Test::Failed),
        "failure" => return Ok(Test::Failure(each(value, "failure", failure_classes, FAILURE_WORDS)?)),
        "asked" => return yes_or_no("asked", value).map(Test::Asked),
        "age" => {
            return Err(FilterError::NotATime {
                field: "age",
                term: format!("{field}:{value}"),
            });
        }
        "grace" => {
            return Err(FilterError::NotATime {
                field: "grace",
                term: format!("{field}:{value}"),
            });
        }
        _ => {
            return Err(FilterError::UnknownField {
                field: field.to_owned(),
            });
        }
    };
    Ok(Test::InColumn(column, patterns(value)))
}

const STATUS_WORDS: &str =
    "licensed, unlicensed, grace, oob, oot, nongenuine, extended, notification, unknown, notavailable";
const TYPE_WORDS: &str = "mak, gvlk, csvlk, retail, oem, avma, evaluation, unknown";

const FAILURE_WORDS: &str = "off, firewall, hung, name-not-found, refused, network, certificate, credentials, access-denied, uac, \
                             provider-missing, protocol, timed-out, licensing, service, cancelled, not-allowed";

fn each<T: Copy>(
    value: &str,
    field: &'static str,
    read: fn(&str) -> Vec<T>,
    allowed: &str,
) -> Result<Vec<T>, FilterError> {
    let mut all = Vec::new();
    for one in value.split('|') {
        let found = read(&one.to_lowercase());
        if found.is_empty() {
            return Err(FilterError::UnknownValue {
                field,
                value: one.to_owned(),
                allowed: allowed.to_owned(),
            });
        }
        all.extend(found);
    }
    Ok(all)
}

fn statuses(word: &str) -> Vec<LicenseStatus> {
    use LicenseStatus as S;
    match word {
        "grace" => S::ALL.iter().copied().filter(|s| s.is_grace()).collect(),
        "oob" => vec![S::InOobGrace],
        "oot" => vec![S::InOotGrace],
        "nongenuine" | "non-genuine" => vec![S::NonGenuineGrace],
        "extended" => vec![S::ExtendedGrace],
        "not-available" | "gone" => vec![S::NotAvailable],
        word => S::from_name(word).into_iter().collect(),
    }
}

fn failure_classes(word: &str) -> Vec<FailureClass> {
    match word {
        "off" => vec![FailureClass::NoAnswer],
        "password" => vec![FailureClass::Credentials],
        word => FailureClass::from_name(word).into_iter().collect(),
    }
}

fn key_types(word: &str) -> Vec<KeyType> {
    use KeyType as K;
    match word {
        "oem" => vec![K::OemSlp, K::OemCoa, K::OemNonSlp, K::OemDm],
        "avma" => vec![K::VtIa],
        "eval" | "evaluation" => vec![K::TBEval],
        word => K::from_name(word).into_iter().collect(),
    }
}

fn yes_or_no(field: &'static str, value: &str) -> Result<bool, FilterError> {
    match value.to_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err(FilterError::UnknownValue {
            field,
            value: value.to_owned(),
            allowed: "yes, no".into(),
        }),
    }
}

fn compare(field: &str, comparison: &str) -> Result<Test, FilterError> {
    let build = match field.to_lowercase().as_str() {
        "age" => ("age", Test::Age as fn(Comparison, i64) -> Test),
        "grace" => ("grace", Test::Grace as fn(Comparison, i64) -> Test),
        _ => {
            return Err(FilterError::UnknownField {
                field: field.to_owned(),
            });
        }
    };
    let not_a_time = || FilterError::NotATime {
        field: build.0,
        term: format!("{field}{comparison}"),
    };
    let (direction, number) = match comparison.split_at_checked(1) {
        Some(("<", number)) => (Comparison::Less, number),
        Some((">", number)) => (Comparison::Greater, number),
        _ => return Err(not_a_time()),
    };
    let (digits, minutes_each) = match number.char_indices().last() {
        Some((i, 'd' | 'D')) => (&number[..i], 1440),
        Some((i, 'h' | 'H')) => (&number[..i], 60),
        Some((i, 'm' | 'M')) => (&number[..i], 1),
        _ => (number, 1440),
    };
    let value: i64 = digits.parse().map_err(|_| not_a_time())?;
    let minutes = value.checked_mul(minutes_each).ok_or_else(not_a_time)?;
    Ok((build.1)(direction, minutes))
}

const SEARCHED: &[Column] = &[
    Column::Computer,
    Column::Product,
    Column::Os,
    Column::Status,
    Column::KeyType,
    Column::Key,
    Column::Application,
    Column::Edition,
    Column::Network,
    Column::Reason,
    Column::Remarks,
    Column::Kms,
    Column::LastAction,
];

impl Test {
    fn matches(&self, row: RowView<'_>, now: DateTime<Utc>) -> bool {
        let compare = |direction: Comparison, value: i64, limit: i64| match direction {
            Comparison::Less => value < limit,
            Comparison::Greater => value > limit,
        };
        match self {
            Self::Anywhere(any) => SEARCHED.iter().any(|c| {
                let text = c.text(row, now);
                !text.is_empty() && any.iter().any(|p| p.matches(&text))
            }),
            Self::InColumn(column, any) => {
                let text = column.text(row, now);
                any.iter().any(|p| p.matches(&text))
            }
            Self::Status(any) => any.contains(&row.product.map_or(LicenseStatus::Unknown, |p| p.license_status)),
            Self::KeyType(any) => row.product.is_some_and(|p| any.contains(&p.key_type)),
            Self::HasInstallationId(wanted) => row.product.is_some_and(|p| p.installation_id.is_some()) == *wanted,
            Self::HasConfirmationId(wanted) => {
                row.product.is_some_and(|p| p.usable_confirmation().is_some()) == *wanted
            }
            Self::Failed(wanted) => {
                let action = row
                    .product
                    .and_then(|p| p.last_action.as_ref())
                    .is_some_and(|a| a.failure.is_some());
                let contact = row
                    .computer
                    .and_then(|c| c.contact.as_ref())
                    .is_some_and(|c| c.failure.is_some());
                (action || contact) == *wanted
            }
            Self::Failure(any) => {
                let action = row.product.and_then(|p| p.last_action.as_ref()?.failure.as_ref());
                let contact = row.computer.and_then(|c| c.contact.as_ref()?.failure.as_ref());
                [action, contact].into_iter().flatten().any(|f| any.contains(&f.class))
            }
            Self::Asked(wanted) => row.product.is_some_and(|p| p.asked.is_some()) == *wanted,
            Self::Age(direction, minutes) => row
                .product
                .and_then(|p| p.status_updated)
                .map_or(*direction == Comparison::Greater, |at| {
                    compare(*direction, now.signed_duration_since(at).num_minutes(), *minutes)
                }),
            Self::Grace(direction, minutes) => row
                .product
                .and_then(|p| p.grace_expires)
                .is_some_and(|end| compare(*direction, end.signed_duration_since(now).num_minutes(), *minutes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationId, Computer, Product, ProductId};

    fn passes(filter: &str) -> bool {
        let now = Utc::now();
        let mut computer = Computer::named("LAB-PC-014.contoso.com");
        computer.os_edition = "Windows 11 Enterprise".into();
        let id = ProductId::derive(computer.id, ApplicationId::WINDOWS, None);
        let mut product = Product::new(id, Some(computer.id), ApplicationId::WINDOWS);
        product.name = "Windows(R), Enterprise edition".into();
        product.key_type = KeyType::Mak;
        product.license_status = LicenseStatus::InOobGrace;
        product.grace_expires = Some(now + chrono::TimeDelta::days(10));
        product.status_updated = Some(now - chrono::TimeDelta::hours(5));
        let row = RowView {
            computer: Some(&computer),
            product: Some(&product),
        };
        Filter::parse(filter).unwrap().matches(row, now)
    }

    #[test]
    fn all_words_must_be_found_somewhere() {
        assert!(passes("win 11 status:grace"));
        assert!(passes(""));
        assert!(!passes("win 10"));
    }

    #[test]
    fn fields_wildcards_alternatives_and_exclusion() {
        assert!(passes("computer:lab-*.com type:mak|gvlk -status:licensed"));
        assert!(!passes("computer:pc*"));
        assert!(!passes("-lab"));
        assert!(passes("\"11 enterprise\" iid:no cid:no failed:no"));
        assert!(!passes("\"status:grace\""));
    }

    #[test]
    fn times_are_compared_in_days_hours_or_minutes() {
        assert!(passes("grace<30d age<1d age>4h grace>9"));
        assert!(!passes("grace<9d"));
    }

    #[test]
    fn mistakes_are_answered_with_what_exists() {
        for (text, part) in [
            ("colour:red", "fields are computer"),
            ("status:green", "licensed, unlicensed"),
            ("grace<soon", "grace<30d"),
            ("age:7d", "age<30d"),
            ("iid:maybe", "yes, no"),
            ("status:", "needs a value"),
            ("\"open", "quote"),
            ("memory<5", "not a field"),
        ] {
            let error = Filter::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
