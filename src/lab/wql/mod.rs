//! WQL, as much of it as administrators and tools use: `SELECT list FROM class [WHERE expression]`.

mod like;
mod parser;

use super::wmi::{Row, Wmi};
use like::like;

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// Properties named; empty for `*`.
    pub properties: Vec<String>,
    /// The class.
    pub class: String,
    condition: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(String, Operator, Literal),
    Like(String, String),
    IsNull(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Text(String),
    Number(i64),
    Bool(bool),
    Null,
}

/// The text is not WQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidQuery;

impl Query {
    /// Every property the query names, in the list and in the condition.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.properties.iter().map(String::as_str).collect();
        let mut open: Vec<&Expr> = self.condition.iter().collect();
        while let Some(expr) = open.pop() {
            match expr {
                Expr::And(a, b) | Expr::Or(a, b) => open.extend([a.as_ref(), b.as_ref()]),
                Expr::Not(a) => open.push(a),
                Expr::Compare(name, ..) | Expr::Like(name, _) | Expr::IsNull(name) => names.push(name),
            }
        }
        names
    }

    /// True if the condition holds for this object.
    pub fn matches(&self, row: &Row) -> bool {
        self.condition.as_ref().is_none_or(|c| c.holds(row))
    }
}

impl Expr {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::And(a, b) => a.holds(row) && b.holds(row),
            Self::Or(a, b) => a.holds(row) || b.holds(row),
            Self::Not(a) => !a.holds(row),
            Self::IsNull(name) => matches!(row.get(name), None | Some(Wmi::Null)),
            Self::Like(name, pattern) => match row.get(name) {
                Some(Wmi::Null) | None => false,
                Some(value) => like(&value.plain().to_lowercase(), &pattern.to_lowercase()),
            },
            Self::Compare(name, operator, literal) => {
                let value = row.get(name).unwrap_or(&Wmi::Null);
                if *literal == Literal::Null || *value == Wmi::Null {
                    // `<> NULL` and `= NULL` ask for (not) NULL; NULL compares with nothing else.
                    let both = *literal == Literal::Null && *value == Wmi::Null;
                    return match operator {
                        Operator::Equal => both,
                        Operator::NotEqual => *literal == Literal::Null && !both,
                        _ => false,
                    };
                }
                let Some(order) = compare(value, literal) else {
                    return false;
                };
                match operator {
                    Operator::Equal => order.is_eq(),
                    Operator::NotEqual => order.is_ne(),
                    Operator::Less => order.is_lt(),
                    Operator::Greater => order.is_gt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::GreaterOrEqual => order.is_ge(),
                }
            }
        }
    }
}

fn compare(value: &Wmi, literal: &Literal) -> Option<std::cmp::Ordering> {
    Some(match (value, literal) {
        (Wmi::Number(a), Literal::Number(b)) => a.cmp(b),
        (Wmi::Number(a), Literal::Text(b)) => a.cmp(&b.trim().parse().ok()?),
        (Wmi::Bool(a), Literal::Bool(b)) => a.cmp(b),
        (Wmi::Bool(a), Literal::Number(b)) => i64::from(*a).cmp(b),
        (Wmi::Bool(a), Literal::Text(b)) => a.to_string().cmp(&b.to_lowercase()),
        (value, Literal::Text(b)) => value.plain().to_lowercase().cmp(&b.to_lowercase()),
        (value, Literal::Number(b)) => value.plain().parse::<i64>().ok()?.cmp(b),
        (value, Literal::Bool(b)) => value.plain().to_lowercase().cmp(&b.to_string()),
        (_, Literal::Null) => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row() -> Row {
        Row::new(vec![
            ("ID", Wmi::Text("ae2ee509".into())),
            ("PartialProductKey", Wmi::Null),
            ("LicenseStatus", Wmi::Number(5)),
            ("LicenseIsAddon", Wmi::Bool(false)),
            (
                "Description",
                Wmi::Text("Windows(R) Operating System, VOLUME_MAK channel".into()),
            ),
        ])
    }

    fn holds(condition: &str) -> bool {
        Query::parse(&format!("select * from X where {condition}"))
            .unwrap_or_else(|_| panic!("not read: {condition}"))
            .matches(&row())
    }

    #[test]
    fn conditions_hold_as_in_wmi() {
        for yes in [
            "PartialProductKey = null",
            "PartialProductKey IS NULL",
            "ID <> null",
            "Id is not null AND LicenseStatus >= 5",
            "id = 'AE2EE509'",
            "LicenseStatus <> 1 and (LicenseStatus = 4 or LicenseStatus = 5)",
            "5 <= LicenseStatus",
            "LicenseIsAddon = FALSE",
            "Description LIKE '%volume_mak%'",
            "Description LIKE 'windows(_) [n-p]%'",
            "NOT Description LIKE '[^w]%'",
            "Description not like '%GVLK%'",
            "NOT LicenseStatus = 1 OR LicenseStatus = 1",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "PartialProductKey <> null",
            "PartialProductKey <> 'X5X5X'",
            "PartialProductKey LIKE '%'",
            "LicenseStatus < 5",
            "Description LIKE 'VOLUME%'",
            "LicenseStatus = 1 OR LicenseStatus = 2 AND LicenseStatus = 5",
        ] {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for bad in [
            "",
            "SELECT",
            "SELECT * FROM",
            "SELECT *, a FROM X",
            "SELECT a b FROM X",
            "SELECT a FROM X WHERE",
            "SELECT a FROM X WHERE a",
            "SELECT a FROM X WHERE a = ",
            "SELECT a FROM X WHERE (a = 1",
            "SELECT a FROM X WHERE a = 'open",
            "DELETE FROM X",
            "SELECT a FROM X WHERE a = 1 garbage",
        ] {
            assert_eq!(Query::parse(bad), Err(InvalidQuery), "{bad}");
        }
        let deep = format!("SELECT a FROM X WHERE {}a = 1", "(".repeat(5000));
        assert_eq!(Query::parse(&deep), Err(InvalidQuery));
    }

    #[test]
    fn the_properties_named_are_known() {
        let query =
            Query::parse("SELECT Name, ID FROM SoftwareLicensingProduct WHERE NOT (A = 1 OR B LIKE 'x')").unwrap();
        assert_eq!(query.class, "SoftwareLicensingProduct");
        let mut names = query.names();
        names.sort_unstable();
        assert_eq!(names, ["A", "B", "ID", "Name"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?i)(select|from|where|and|not|\\*|[a-z(),='\"\\\\<>é% 0-9-]){0,40}") {
            let _ = Query::parse(&text);
        }
    }
}
