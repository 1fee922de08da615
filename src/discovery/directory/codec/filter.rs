//! Search filters: their text (RFC 4515), checked with the place of what is wrong, and their form on the wire (RFC 4511 4.5.1.7).

use std::fmt;

use super::ber::Writer;

/// How deep parentheses may be nested.
const MAX_DEPTH: usize = 40;

/// A filter that does not hold to the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {problem}")]
pub struct FilterError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What is wrong there, and what is expected.
    pub problem: String,
}

/// A filter. Values are bytes: a filter may ask for an `objectGUID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All hold. None at all is true (RFC 4526).
    And(Vec<Filter>),
    /// One holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// `(attribute=value)`.
    Equal(String, Vec<u8>),
    /// `(attribute>=value)`.
    AtLeast(String, Vec<u8>),
    /// `(attribute<=value)`.
    AtMost(String, Vec<u8>),
    /// `(attribute~=value)`.
    Approximately(String, Vec<u8>),
    /// `(attribute=*)`.
    Present(String),
    /// `(attribute=a*b*c)`: the pieces between the asterisks; the first and the last may be empty.
    Like(String, Vec<Vec<u8>>),
    /// `(attribute:dn:rule:=value)`.
    Matching {
        /// Empty: any attribute.
        attribute: String,
        /// Empty: the attribute's own rule.
        rule: String,
        /// Attributes of the distinguished name count, too.
        with_dn: bool,
        /// The value.
        value: Vec<u8>,
    },
}

impl Filter {
    /// `(attribute=value)` with a text that stands for itself.
    pub fn equal(attribute: &str, value: &str) -> Self {
        Self::Equal(attribute.to_owned(), value.as_bytes().to_vec())
    }

    /// True for every number of `attribute` that has all bits of `bits` (LDAP_MATCHING_RULE_BIT_AND, MS-ADTS 3.1.1.3.4.4.1).
    pub fn all_bits(attribute: &str, bits: u32) -> Self {
        Self::Matching {
            attribute: attribute.to_owned(),
            rule: "1.2.840.113556.1.4.803".to_owned(),
            with_dn: false,
            value: bits.to_string().into_bytes(),
        }
    }

    /// A pattern of a person: `*` stands for anything, everything else for itself.
    pub fn like(attribute: &str, pattern: &str) -> Self {
        let pieces: Vec<Vec<u8>> = pattern.split('*').map(|piece| piece.as_bytes().to_vec()).collect();
        Self::of_pieces(attribute.to_owned(), pieces)
    }

    fn of_pieces(attribute: String, mut pieces: Vec<Vec<u8>>) -> Self {
        if pieces.len() < 2 {
            return Self::Equal(attribute, pieces.pop().unwrap_or_default());
        }
        if pieces.iter().all(Vec::is_empty) {
            return Self::Present(attribute);
        }
        // Two asterisks in a row are as good as one.
        let last = pieces.len() - 1;
        let mut at = 0;
        pieces.retain(|piece| {
            at += 1;
            !piece.is_empty() || at == 1 || at == last + 1
        });
        Self::Like(attribute, pieces)
    }

    /// Not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Reads a filter. Blanks and line breaks between the parts are passed over, and the outermost parentheses of a single
    /// comparison may be missing, as `ldapsearch` has it.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        parser.blanks();
        let filter = match parser.peek() {
            None => return Err(parser.wrong("it is empty; expected for example (description=*kiosk*)")),
            Some('(') => parser.filter(0)?,
            Some(_) => parser.comparison()?,
        };
        parser.blanks();
        match parser.peek() {
            None => Ok(filter),
            Some(')') => Err(parser.wrong("this ) closes nothing: a ( is missing before, or this one is too many")),
            Some(c) => Err(parser.wrong(format!(
                "expected nothing more after the last ), found {c:?}; several filters are joined as (&(...)(...)) or (|(...)(...))"
            ))),
        }
    }

    /// For a request.
    pub(super) fn write(&self, writer: &mut Writer) {
        let comparison = |writer: &mut Writer, tag: u8, attribute: &str, value: &[u8]| {
            writer.nest(tag, |w| {
                w.octets(attribute.as_bytes());
                w.octets(value);
            });
        };
        match self {
            Self::And(all) => writer.nest(0xA0, |w| all.iter().for_each(|f| f.write(w))),
            Self::Or(any) => writer.nest(0xA1, |w| any.iter().for_each(|f| f.write(w))),
            Self::Not(inner) => writer.nest(0xA2, |w| inner.write(w)),
            Self::Equal(attribute, value) => comparison(writer, 0xA3, attribute, value),
            Self::AtLeast(attribute, value) => comparison(writer, 0xA5, attribute, value),
            Self::AtMost(attribute, value) => comparison(writer, 0xA6, attribute, value),
            Self::Approximately(attribute, value) => comparison(writer, 0xA8, attribute, value),
            Self::Present(attribute) => writer.element(0x87, attribute.as_bytes()),
            Self::Like(attribute, pieces) => writer.nest(0xA4, |w| {
                w.octets(attribute.as_bytes());
                w.sequence(|w| {
                    let last = pieces.len().saturating_sub(1);
                    for (at, piece) in pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
                        let tag = match at {
                            0 => 0x80,
                            _ if at == last => 0x82,
                            _ => 0x81,
                        };
                        w.element(tag, piece);
                    }
                });
            }),
            Self::Matching {
                attribute,
                rule,
                with_dn,
                value,
            } => writer.nest(0xA9, |w| {
                if !rule.is_empty() {
                    w.element(0x81, rule.as_bytes());
                }
                if !attribute.is_empty() {
                    w.element(0x82, attribute.as_bytes());
                }
                w.element(0x83, value);
                if *with_dn {
                    w.element(0x84, &[0xFF]);
                }
            }),
        }
    }
}

/// What would mean something in a filter, and bytes that are no text, as `\2a` (RFC 4515 3).
fn escaped(value: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '*' | '(' | ')' | '\\' | '\0'..='\x1F' => write!(f, "\\{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\{byte:02x}")?;
        }
    }
    Ok(())
}

/// The text of RFC 4515, which reads back as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = |f: &mut fmt::Formatter<'_>, attribute: &str, sign: &str, value: &[u8]| {
            write!(f, "{attribute}{sign}")?;
            escaped(value, f)
        };
        f.write_str("(")?;
        match self {
            Self::And(all) => write!(f, "&").and_then(|()| all.iter().try_for_each(|inner| write!(f, "{inner}")))?,
            Self::Or(any) => write!(f, "|").and_then(|()| any.iter().try_for_each(|inner| write!(f, "{inner}")))?,
            Self::Not(inner) => write!(f, "!{inner}")?,
            Self::Equal(attribute, value) => comparison(f, attribute, "=", value)?,
            Self::AtLeast(attribute, value) => comparison(f, attribute, ">=", value)?,
            Self::AtMost(attribute, value) => comparison(f, attribute, "<=", value)?,
            Self::Approximately(attribute, value) => comparison(f, attribute, "~=", value)?,
            Self::Present(attribute) => write!(f, "{attribute}=*")?,
            Self::Like(attribute, pieces) => {
                write!(f, "{attribute}=")?;
                for (at, piece) in pieces.iter().enumerate() {
                    if at > 0 {
                        f.write_str("*")?;
                    }
                    escaped(piece, f)?;
                }
            }
            Self::Matching {
                attribute,
                rule,
                with_dn,
                value,
            } => {
                let dn = if *with_dn { ":dn" } else { "" };
                let colon = if rule.is_empty() { "" } else { ":" };
                comparison(f, &format!("{attribute}{dn}{colon}{rule}"), ":=", value)?;
            }
        }
        f.write_str(")")
    }
}

struct Parser<'t> {
    text: &'t str,
    /// In bytes, always between characters.
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn wrong(&self, problem: impl Into<String>) -> FilterError {
        FilterError {
            position: self.text.get(..self.at).unwrap_or_default().chars().count() + 1,
            problem: problem.into(),
        }
    }

    fn expected(&self, what: &str) -> FilterError {
        match self.peek() {
            None => self.wrong(format!("expected {what}, but it ends here")),
            Some(c) => self.wrong(format!("expected {what}, found {c:?}")),
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// `(...)`.
    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(format!("parentheses are nested more than {MAX_DEPTH} deep")));
        }
        if !self.take("(") {
            return Err(self.expected("("));
        }
        self.blanks();
        let filter = if self.take("&") {
            Filter::And(self.list(depth)?)
        } else if self.take("|") {
            Filter::Or(self.list(depth)?)
        } else if self.take("!") {
            self.blanks();
            // (!name=x) is not in the grammar, but in many a script.
            let inner = match self.peek() {
                Some('(') | None => self.filter(depth + 1)?,
                Some(_) => self.comparison()?,
            };
            self.blanks();
            inner.negated()
        } else {
            self.comparison()?
        };
        if !self.take(")") {
            return Err(self.expected(")"));
        }
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        let mut filters = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some('(') => filters.push(self.filter(depth + 1)?),
                Some(')') if filters.is_empty() => return Err(self.expected("a filter in parentheses after & or |")),
                Some(')') => return Ok(filters),
                _ => return Err(self.expected("( or )")),
            }
        }
    }

    fn name(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | ';' | '_'))
            .unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn comparison(&mut self) -> Result<Filter, FilterError> {
        let attribute = self.name();
        if attribute.is_empty() && self.peek() != Some(':') {
            return Err(self.expected("the name of an attribute, such as name or operatingSystem"));
        }
        let attribute = attribute.to_owned();
        if self.peek() == Some(':') {
            return self.matching(attribute);
        }
        let before = self.at;
        self.blanks();
        for (sign, make) in [
            (">=", Filter::AtLeast as fn(String, Vec<u8>) -> Filter),
            ("<=", Filter::AtMost),
            ("~=", Filter::Approximately),
        ] {
            if self.take(sign) {
                return self.value().map(|value| make(attribute, value));
            }
        }
        if self.take("=") {
            let pieces = self.pieces()?;
            return Ok(Filter::of_pieces(attribute, pieces));
        }
        if matches!(self.peek(), Some('<' | '>')) {
            return Err(self.wrong("there is no < and no >, only <= and >=; less than 5 is (!(attribute>=5))"));
        }
        self.at = before;
        Err(self.expected("=, >=, <=, ~= or := after the attribute"))
    }

    /// After the attribute: `:dn`, `:rule`, `:=`.
    fn matching(&mut self, attribute: String) -> Result<Filter, FilterError> {
        let (mut with_dn, mut rule) = (false, String::new());
        while !self.take(":=") {
            if !self.take(":") {
                return Err(self.expected(":= after the matching rule"));
            }
            match self.name() {
                "" => return Err(self.expected("a matching rule, such as 1.2.840.113556.1.4.803, or =")),
                "dn" if !with_dn && rule.is_empty() => with_dn = true,
                name if rule.is_empty() => name.clone_into(&mut rule),
                _ => return Err(self.wrong("expected :=, but there is a second matching rule")),
            }
        }
        if attribute.is_empty() && rule.is_empty() {
            return Err(self.wrong("expected an attribute or a matching rule before :="));
        }
        Ok(Filter::Matching {
            attribute,
            rule,
            with_dn,
            value: self.value()?,
        })
    }

    /// A value that may have no asterisk.
    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        let start = self.at;
        let mut pieces = self.pieces()?;
        if pieces.len() > 1 {
            let asterisk = self.text.get(start..).and_then(|t| t.find('*')).unwrap_or_default();
            self.at = start + asterisk;
            return Err(self.wrong("* has a meaning after = only; for the character itself write \\2a"));
        }
        Ok(pieces.pop().unwrap_or_default())
    }

    /// The value up to `)`, split at its asterisks.
    fn pieces(&mut self) -> Result<Vec<Vec<u8>>, FilterError> {
        let mut pieces = vec![Vec::new()];
        while let Some(c) = self.peek().filter(|c| *c != ')') {
            let piece: &mut Vec<u8> = match pieces.last_mut() {
                Some(piece) => piece,
                None => return Ok(pieces),
            };
            match c {
                '(' => {
                    return Err(self.wrong("expected ) at the end of the value; for the character ( itself write \\28"));
                }
                '*' => pieces.push(Vec::new()),
                '\\' => {
                    let digits = self.rest().get(1..3).unwrap_or_default();
                    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
                    let byte = byte.ok_or_else(|| {
                        self.wrong("expected two hexadecimal digits after \\; for the character \\ itself write \\5c")
                    })?;
                    piece.push(byte);
                    self.at += 2;
                }
                '\0' => return Err(self.wrong("for the character NUL write \\00")),
                c => piece.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            self.at += c.len_utf8();
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Filter::parse(text).unwrap().to_string()
    }

    #[test]
    fn filters_of_every_kind_are_read_and_written_back() {
        for text in [
            "(name=x)",
            "(name=*)",
            "(name=lab*comp*1)",
            "(name=*kiosk*)",
            "(&(objectClass=computer)(|(name=a)(name=b))(!(name=c)))",
            "(lastLogonTimestamp>=133000000000000000)",
            "(a<=1)",
            "(a~=x)",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(memberOf:1.2.840.113556.1.4.1941:=CN=Lab,DC=contoso,DC=com)",
            "(ou:dn:=Berlin)",
            "(:dn:2.4.6.8.10:=x)",
            "(description=B\u{fc}ro \u{7530}\u{4e2d})",
            "(description=a\\2ab\\28\\29\\5c\\00)",
            "(objectGUID=\\f5\\01\\ff)",
            "(cn;lang-de=x)",
            "(name=)",
        ] {
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn what_people_paste_is_understood() {
        assert_eq!(read("name=x"), "(name=x)");
        assert_eq!(read(" ( & (a=1)\n\t(b = 2) ) "), "(&(a=1)(b= 2))");
        assert_eq!(read("(!name=x)"), "(!(name=x))");
        assert_eq!(read("(name=a**b)"), "(name=a*b)");
        assert_eq!(read("(name=**)"), "(name=*)");
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_is_with_what_is_expected() {
        for (text, position, word) in [
            ("", 1, "empty"),
            ("(name=x", 8, ")"),
            ("(name=x))", 9, "too many"),
            ("(name)", 6, "="),
            ("(=x)", 2, "attribute"),
            ("(&)", 3, "after &"),
            ("(&(a=1)b=2)", 8, "( or )"),
            ("(a<5)", 3, "<="),
            ("(b\u{fc}ro=x)", 3, "="),
            ("(\u{fc}=x)", 2, "attribute"),
            ("(a=x\\2)", 5, "hexadecimal"),
            ("(a=x\\)", 5, "hexadecimal"),
            ("(a=\\+1)", 4, "hexadecimal"),
            ("(a=\u{7530}(b))", 5, "\\28"),
            ("(a>=x*)", 6, "\\2a"),
            ("(a:b:c:=1)", 7, "second"),
            ("(:=1)", 4, "before :="),
            ("(a:b=1)", 5, ":="),
            ("(a=1)(b=2)", 6, "joined"),
            ("(!)", 3, "attribute"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
        let deep = format!("{}(a=1){}", "(!".repeat(100), ")".repeat(100));
        assert!(Filter::parse(&deep).unwrap_err().to_string().contains("nested"));
    }

    #[test]
    fn a_pattern_of_a_person_means_nothing_but_its_asterisks() {
        assert_eq!(
            Filter::like("name", "lab(1)*\\").to_string(),
            "(name=lab\\281\\29*\\5c)"
        );
        assert_eq!(Filter::like("name", "PC1").to_string(), "(name=PC1)");
        assert_eq!(Filter::like("name", "*").to_string(), "(name=*)");
    }

    #[test]
    fn a_filter_is_encoded_as_the_standard_has_it() {
        let mut writer = Writer::default();
        Filter::like("cn", "a*b*c").write(&mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(
            bytes,
            b"\xA4\x84\0\0\0\x13\x04\x02cn\x30\x84\0\0\0\x09\x80\x01a\x81\x01b\x82\x01c"
        );
    }
}
