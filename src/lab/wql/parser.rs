//! Reading WQL.

use super::{Expr, InvalidQuery, Literal, Operator, Query};

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
