//! WQL, as much of it as administrators and tools use: `SELECT list FROM class [WHERE expression]`.

use super::wmi::{Row, Wmi};

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

/// Longest query taken, in characters, and deepest nesting.
const LONGEST: usize = 16_384;
const DEEPEST: u32 = 64;

impl Query {
    /// Reads a query.
    pub fn parse(text: &str) -> Result<Self, InvalidQuery> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
        };
        parser.keyword("SELECT")?;
        let mut properties = Vec::new();
        if !parser.take(&Token::Symbol("*")) {
            properties.push(parser.name()?);
            while parser.take(&Token::Symbol(",")) {
                properties.push(parser.name()?);
            }
        }
        parser.keyword("FROM")?;
        let class = parser.name()?;
        let condition = if parser.is_keyword("WHERE") {
            parser.at += 1;
            Some(parser.or(0)?)
        } else {
            None
        };
        if parser.at != parser.tokens.len() {
            return Err(InvalidQuery);
        }
        Ok(Self {
            properties,
            class,
            condition,
        })
    }

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

/// `%` any text, `_` any character, `[a-z]` and `[^a-z]` sets.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern = compile(pattern);
    // reach[i]: the pattern so far can end before text[i].
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for piece in &pattern {
        let mut next = vec![false; text.len() + 1];
        match piece {
            Piece::Any => {
                let mut open = false;
                for (slot, before) in next.iter_mut().zip(&reach) {
                    open |= *before;
                    *slot = open;
                }
            }
            one => {
                for (i, c) in text.iter().enumerate() {
                    if reach[i] && one.takes(*c) {
                        next[i + 1] = true;
                    }
                }
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

enum Piece {
    Any,
    One,
    Exact(char),
    Set { ranges: Vec<(char, char)>, inverted: bool },
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Exact(wanted) => *wanted == c,
            Self::Set { ranges, inverted } => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *inverted,
        }
    }
}

fn compile(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '%' => Piece::Any,
            '_' => Piece::One,
            '[' => {
                let inverted = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while let Some(from) = chars.next() {
                    if from == ']' {
                        break;
                    }
                    let to = match chars.next_if_eq(&'-') {
                        Some(_) => chars.next().unwrap_or(from),
                        None => from,
                    };
                    ranges.push((from, to));
                }
                Piece::Set { ranges, inverted }
            }
            c => Piece::Exact(c),
        });
    }
    pieces
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(i64),
    Symbol(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, InvalidQuery> {
    const SYMBOLS: [&str; 11] = ["<>", "!=", "<=", ">=", "<", ">", "=", "(", ")", ",", "*"];
    if text.len() > LONGEST {
        return Err(InvalidQuery);
    }
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            out.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else if first == '\'' || first == '"' {
            let (value, after) = quoted(rest, first)?;
            out.push(Token::Text(value));
            rest = after;
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            if first.is_ascii_digit() || first == '-' {
                out.push(Token::Number(word.parse().map_err(|_| InvalidQuery)?));
            } else if first.is_alphabetic() || first == '_' {
                out.push(Token::Word(word.to_owned()));
            } else {
                return Err(InvalidQuery);
            }
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// A string in quotes; a backslash escapes the next character.
fn quoted(text: &str, quote: char) -> Result<(String, &str), InvalidQuery> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next().ok_or(InvalidQuery)?.1),
            c if c == quote => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            c => value.push(c),
        }
    }
    Err(InvalidQuery)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Result<Token, InvalidQuery> {
        let token = self.tokens.get(self.at).cloned().ok_or(InvalidQuery)?;
        self.at += 1;
        Ok(token)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word))
    }

    fn take_keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += usize::from(found);
        found
    }

    fn keyword(&mut self, word: &str) -> Result<(), InvalidQuery> {
        if self.take_keyword(word) {
            Ok(())
        } else {
            Err(InvalidQuery)
        }
    }

    fn name(&mut self) -> Result<String, InvalidQuery> {
        const RESERVED: [&str; 9] = ["SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IS", "LIKE", "NULL"];
        match self.next()? {
            Token::Word(w) if !RESERVED.iter().any(|r| r.eq_ignore_ascii_case(&w)) => Ok(w),
            _ => Err(InvalidQuery),
        }
    }

    fn or(&mut self, depth: u32) -> Result<Expr, InvalidQuery> {
        let mut left = self.and(depth)?;
        while self.take_keyword("OR") {
            left = Expr::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: u32) -> Result<Expr, InvalidQuery> {
        let mut left = self.not(depth)?;
        while self.take_keyword("AND") {
            left = Expr::And(Box::new(left), Box::new(self.not(depth)?));
        }
        Ok(left)
    }

    fn not(&mut self, depth: u32) -> Result<Expr, InvalidQuery> {
        if depth > DEEPEST {
            return Err(InvalidQuery);
        }
        if self.take_keyword("NOT") {
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take(&Token::Symbol("(")) {
            let inner = self.or(depth + 1)?;
            return if self.take(&Token::Symbol(")")) {
                Ok(inner)
            } else {
                Err(InvalidQuery)
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, InvalidQuery> {
        // `5 < Property` is the same as `Property > 5`.
        if !matches!(self.tokens.get(self.at), Some(Token::Word(w)) if literal_word(w).is_none()) {
            let literal = self.literal()?;
            let operator = self.operator()?.mirrored();
            return Ok(Expr::Compare(self.name()?, operator, literal));
        }
        let name = self.name()?;
        if self.take_keyword("IS") {
            let inverted = self.take_keyword("NOT");
            self.keyword("NULL")?;
            let is_null = Expr::IsNull(name);
            return Ok(if inverted {
                Expr::Not(Box::new(is_null))
            } else {
                is_null
            });
        }
        if self.is_keyword("LIKE") || self.is_keyword("NOT") {
            let inverted = self.take_keyword("NOT");
            self.keyword("LIKE")?;
            let Token::Text(pattern) = self.next()? else {
                return Err(InvalidQuery);
            };
            let like = Expr::Like(name, pattern);
            return Ok(if inverted { Expr::Not(Box::new(like)) } else { like });
        }
        let operator = self.operator()?;
        Ok(Expr::Compare(name, operator, self.literal()?))
    }

    fn operator(&mut self) -> Result<Operator, InvalidQuery> {
        match self.next()? {
            Token::Symbol("=") => Ok(Operator::Equal),
            Token::Symbol("<>" | "!=") => Ok(Operator::NotEqual),
            Token::Symbol("<") => Ok(Operator::Less),
            Token::Symbol(">") => Ok(Operator::Greater),
            Token::Symbol("<=") => Ok(Operator::LessOrEqual),
            Token::Symbol(">=") => Ok(Operator::GreaterOrEqual),
            _ => Err(InvalidQuery),
        }
    }

    fn literal(&mut self) -> Result<Literal, InvalidQuery> {
        match self.next()? {
            Token::Text(t) => Ok(Literal::Text(t)),
            Token::Number(n) => Ok(Literal::Number(n)),
            Token::Word(w) => literal_word(&w).ok_or(InvalidQuery),
            Token::Symbol(_) => Err(InvalidQuery),
        }
    }
}

fn literal_word(word: &str) -> Option<Literal> {
    match word.to_ascii_uppercase().as_str() {
        "NULL" => Some(Literal::Null),
        "TRUE" => Some(Literal::Bool(true)),
        "FALSE" => Some(Literal::Bool(false)),
        _ => None,
    }
}

impl Operator {
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::Greater => Self::Less,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
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
