//! The Basic Encoding Rules (X.690 8) as far as LDAP uses them (RFC 4511 5.1): definite lengths, tags of one byte.
//!
//! Lengths need not be minimal: Active Directory always writes four bytes of them, which is why the strict DER readers that
//! the TLS crates bring do not do.

/// Bytes one message may have. Active Directory keeps its own below (MaxReceiveBuffer, 10 MB).
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// `BOOLEAN`.
pub(super) const BOOLEAN: u8 = 0x01;
/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `OCTET STRING`.
pub(super) const OCTETS: u8 = 0x04;
/// `ENUMERATED`.
pub(super) const ENUMERATED: u8 = 0x0A;
/// `SEQUENCE`, `SEQUENCE OF`.
pub(super) const SEQUENCE: u8 = 0x30;
/// `SET OF`.
pub(super) const SET: u8 = 0x31;

/// What is wrong with bytes that should be BER.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// They end before what they announce.
    #[error("it ends before it should")]
    Cut,
    /// Another element than expected.
    #[error("it has {found:#04x} where {expected} should be")]
    Unexpected {
        /// What should be there.
        expected: &'static str,
        /// The tag that is.
        found: u8,
    },
    /// A length that is indefinite, or longer than a message may be.
    #[error("it announces a length that no message has")]
    Length,
    /// A number that is none.
    #[error("it has a number that is out of range")]
    Number,
    /// Text that is not UTF-8.
    #[error("it has text that is not UTF-8")]
    Text,
}

/// Reads elements one after another. Everything borrows from the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<(u8, &'b [u8]), BerError> {
        let (&tag, rest) = self.rest.split_first().ok_or(BerError::Cut)?;
        let (length, size) = length(rest)?.ok_or(BerError::Cut)?;
        let content = rest.get(size..).ok_or(BerError::Cut)?;
        let (content, rest) = content.split_at_checked(length).ok_or(BerError::Cut)?;
        self.rest = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub fn element(&mut self, tag: u8, expected: &'static str) -> Result<&'b [u8], BerError> {
        match self.peek() {
            Some(found) if found != tag => Err(BerError::Unexpected { expected, found }),
            _ => self.any().map(|(_, content)| content),
        }
    }

    /// The content of the next element, if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'b [u8]>, BerError> {
        if self.peek() == Some(tag) {
            return self.any().map(|(_, content)| Some(content));
        }
        Ok(None)
    }

    pub fn octets(&mut self) -> Result<&'b [u8], BerError> {
        self.element(OCTETS, "an octet string")
    }

    pub fn text(&mut self) -> Result<&'b str, BerError> {
        std::str::from_utf8(self.octets()?).map_err(|_| BerError::Text)
    }

    pub fn sequence(&mut self) -> Result<Self, BerError> {
        self.element(SEQUENCE, "a sequence").map(Self::new)
    }

    pub fn integer(&mut self) -> Result<i64, BerError> {
        self.element(INTEGER, "a number").and_then(number)
    }

    pub fn enumerated(&mut self) -> Result<i64, BerError> {
        self.element(ENUMERATED, "an enumerated number").and_then(number)
    }
}

fn number(bytes: &[u8]) -> Result<i64, BerError> {
    let (&first, rest) = bytes.split_first().ok_or(BerError::Number)?;
    if bytes.len() > 8 {
        return Err(BerError::Number);
    }
    // The first byte has the sign.
    let start = i64::from(first.cast_signed());
    Ok(rest.iter().fold(start, |n, byte| n << 8 | i64::from(*byte)))
}

/// The length at the start and how many bytes it takes; `None` if there is more to come.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, BerError> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((usize::from(first), 1)));
    }
    let size = usize::from(first & 0x7F);
    if size == 0 || size > 8 {
        return Err(BerError::Length);
    }
    let Some(digits) = rest.get(..size) else {
        return Ok(None);
    };
    let length = digits.iter().fold(0_u64, |n, digit| n << 8 | u64::from(*digit));
    match usize::try_from(length) {
        Ok(length) if length <= MAX_MESSAGE => Ok(Some((length, size + 1))),
        _ => Err(BerError::Length),
    }
}

/// How many bytes the message at the start has; `None` if more are needed to know.
pub fn message_length(bytes: &[u8]) -> Result<Option<usize>, BerError> {
    match bytes.split_first() {
        None => Ok(None),
        Some((&SEQUENCE, rest)) => Ok(length(rest)?.map(|(length, size)| 1 + size + length)),
        Some((&found, _)) => Err(BerError::Unexpected {
            expected: "a sequence",
            found,
        }),
    }
}

/// Writes elements. What goes in may be a password: whoever owns the bytes wipes them.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn element(&mut self, tag: u8, content: &[u8]) {
        self.bytes.push(tag);
        self.length(content.len());
        self.bytes.extend_from_slice(content);
    }

    pub fn octets(&mut self, content: &[u8]) {
        self.element(OCTETS, content);
    }

    pub fn boolean(&mut self, value: bool) {
        self.element(BOOLEAN, &[if value { 0xFF } else { 0 }]);
    }

    pub fn integer(&mut self, value: i32) {
        self.number(INTEGER, value);
    }

    pub fn enumerated(&mut self, value: u8) {
        self.number(ENUMERATED, i32::from(value));
    }

    fn number(&mut self, tag: u8, value: i32) {
        let bytes = value.to_be_bytes();
        // As few bytes as keep the sign.
        let spare = (0..3).take_while(|&i| {
            let next_is_negative = bytes.get(i + 1).is_some_and(|b| b & 0x80 != 0);
            bytes.get(i) == Some(&if next_is_negative { 0xFF } else { 0 })
        });
        let from = spare.count();
        self.element(tag, bytes.get(from..).unwrap_or_default());
    }

    /// An element whose content `write` writes.
    pub fn nest(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.bytes.push(tag);
        let at = self.bytes.len();
        // Room for the longest length, so that the content - a password perhaps - need not be moved to another place.
        self.bytes.extend_from_slice(&[0x84, 0, 0, 0, 0]);
        write(self);
        let length = u32::try_from(self.bytes.len() - at - 5).unwrap_or(u32::MAX);
        if let Some(place) = self.bytes.get_mut(at + 1..at + 5) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    pub fn sequence(&mut self, write: impl FnOnce(&mut Self)) {
        self.nest(SEQUENCE, write);
    }

    fn length(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.bytes.push(short),
            _ => {
                self.bytes.push(0x84);
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                self.bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_as_few_bytes_as_keep_their_sign() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[0xFF]),
            (-129, &[0xFF, 0x7F]),
            (1000, &[3, 0xE8]),
            (i32::MAX, &[0x7F, 0xFF, 0xFF, 0xFF]),
            (i32::MIN, &[0x80, 0, 0, 0]),
        ] {
            let mut writer = Writer::default();
            writer.integer(value);
            let written = writer.into_bytes();
            assert_eq!(written.get(2..), Some(bytes), "{value}");
            assert_eq!(Reader::new(&written).integer(), Ok(i64::from(value)));
        }
    }

    #[test]
    fn lengths_may_be_longer_than_they_need_to_be_but_not_without_bounds() {
        assert_eq!(message_length(b"\x30\x84\0\0\0\x02ab"), Ok(Some(8)));
        assert_eq!(message_length(b"\x30\x88\0\0\0\0\0\0\0\x02"), Ok(Some(12)));
        assert_eq!(message_length(b"\x30\x84\0\0"), Ok(None));
        assert_eq!(message_length(b""), Ok(None));
        for hostile in [
            &b"\x30\x80"[..],
            b"\x30\x84\xFF\xFF\xFF\xFF",
            b"\x30\x89\0\0\0\0\0\0\0\0\x01",
        ] {
            assert_eq!(message_length(hostile), Err(BerError::Length));
        }
        assert!(matches!(
            message_length(b"HTTP/1.1"),
            Err(BerError::Unexpected { found: b'H', .. })
        ));
    }
}
