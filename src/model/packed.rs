//! Identifiers as they lie in memory: two characters to a byte, because a list has millions of them.

use std::fmt;
use std::ops::Deref;

/// The characters that occur, in the order of their codes, which is that of ASCII. Code 0 ends a text that does not fill
/// its bytes.
const CHARACTERS: &[u8; 12] = b"-.0123456789";

const CODES: [u8; 256] = {
    let mut codes = [0; 256];
    let mut i = 0;
    while i < CHARACTERS.len() {
        codes[CHARACTERS[i] as usize] = i as u8 + 1;
        i += 1;
    }
    codes
};

/// Up to twice `BYTES` characters. Compares as the text does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Packed<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Packed<BYTES> {
    /// `None` for a text that is too long or has other characters than digits, `-` and `.`.
    pub fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        if text.len() > 2 * BYTES {
            return None;
        }
        let mut known = true;
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let high = CODES[usize::from(pair[0])];
            let low = pair.get(1).map(|c| CODES[usize::from(*c)]);
            known &= high != 0 && low != Some(0);
            *byte = high << 4 | low.unwrap_or(0);
        }
        known.then_some(Self(bytes))
    }

    /// Number of characters.
    pub fn len(&self) -> usize {
        let bytes = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        let odd = bytes > 0 && self.0[bytes - 1].is_multiple_of(16);
        2 * bytes - usize::from(odd)
    }

    /// The text.
    pub fn text(&self) -> Digits {
        let mut text = [0; Digits::MOST];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = PAIRS[byte as usize];
        }
        Digits {
            text,
            len: self.len().min(Digits::MOST),
        }
    }
}

const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[b'0'; 2]; 256];
    let mut i = 0;
    while i < 256 {
        if i >> 4 >= 1 && i >> 4 <= CHARACTERS.len() {
            pairs[i][0] = CHARACTERS[(i >> 4) - 1];
        }
        if i & 15 >= 1 && i & 15 <= CHARACTERS.len() {
            pairs[i][1] = CHARACTERS[(i & 15) - 1];
        }
        i += 1;
    }
    pairs
};

/// The characters of an identifier, as text: digits, and in an extended PID `-` and `.`.
#[derive(Clone, Copy)]
pub struct Digits {
    text: [u8; Self::MOST],
    len: usize,
}

impl Digits {
    const MOST: usize = 64;

    /// The text.
    pub fn as_str(&self) -> &str {
        // ASCII alone, by construction.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text as ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

impl Deref for Digits {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Digits {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Digits {}

impl PartialEq<str> for Digits {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Digits {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Digits {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

impl PartialEq<Digits> for String {
    fn eq(&self, other: &Digits) -> bool {
        *other == **self
    }
}

impl PartialEq<Digits> for &str {
    fn eq(&self, other: &Digits) -> bool {
        *other == **self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_as_it_was() {
        let long = "55041-03290-000-000001-03-1033-19041.0000-00120261234567890.-567";
        for len in 0..=64 {
            let packed = Packed::<32>::of(&long[..len]).unwrap();
            assert_eq!(packed.text(), long[..len]);
            assert_eq!(packed.len(), len);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_packed() {
        assert!(Packed::<2>::of("12345").is_none());
        for other in ["12a", "1\u{fc}", "a", "1a", " ", "12 ", "\0"] {
            assert!(Packed::<32>::of(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn packed_texts_have_the_order_of_the_texts() {
        let mut texts = ["", "-", "-1", ".", "0", "00", "0-", "1", "12", "123", "9"];
        texts.sort_unstable();
        let mut packed = texts.map(|t| Packed::<2>::of(t).unwrap());
        packed.sort_unstable();
        assert_eq!(packed.map(|p| p.text().to_string()), texts.map(str::to_owned));
    }
}
