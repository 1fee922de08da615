//! The journal as text: one line for each change, with length and checksum. Sans-IO.
//!
//! A line is `llllllll cccccccc {json}\n`: length of the JSON and its CRC-32, both in hexadecimal. JSON holds no line feed,
//! so a damaged line costs itself and nothing behind it. The first line names the saved state of the list (its generation)
//! that the changes continue; a line "saving G" says that every change before it is part of generation G.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::model::{Change, KeySeal};

use super::seal::{for_journal, mask};

/// Version of the format.
const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry<C> {
    /// The first line.
    Begin {
        version: u32,
        /// The state of the list that the changes continue.
        base: String,
        /// Who has the list open, in words.
        owner: String,
        /// The recipient to whom product keys are sealed in it; `None`: they are in clear, or an earlier program wrote it.
        #[serde(default)]
        seal: Option<String>,
    },
    /// The list was opened again.
    Opened {
        /// Who, in words.
        owner: String,
    },
    /// A change.
    Change(C),
    /// The list with all changes so far is about to be saved as this generation.
    Saving { generation: Uuid },
}

impl<C> Entry<C> {
    /// The first line.
    pub fn begin(base: &str, owner: &str, seal: Option<&KeySeal>) -> Self {
        Self::Begin {
            version: VERSION,
            base: base.to_owned(),
            owner: owner.to_owned(),
            seal: seal.map(|seal| seal.recipient.to_string()),
        }
    }
}

/// Appends a line. With a seal, no product key stands in it in clear: neither as a key nor in free text.
pub(super) fn encode(
    out: &mut Vec<u8>,
    number: u64,
    entry: &Entry<&Change>,
    seal: Option<&KeySeal>,
) -> Result<(), serde_json::Error> {
    let json = match (seal, entry) {
        (Some(seal), Entry::Change(change)) => {
            let sealed = for_journal(seal, change).map_err(serde::ser::Error::custom)?;
            let json = Zeroizing::new(serde_json::to_string(&(number, Entry::Change(&*sealed)))?);
            mask(&json).as_bytes().to_vec()
        }
        (_, entry) => serde_json::to_vec(&(number, entry))?,
    };
    out.extend_from_slice(format!("{:08x} {:08x} ", json.len(), crc32fast::hash(&json)).as_bytes());
    out.extend_from_slice(&json);
    out.push(b'\n');
    Ok(())
}

/// A journal as read.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The readable entries after the first line, with their numbers.
    pub entries: Vec<(u64, Entry<Change>)>,
    /// The state of the list that the changes continue; `None` when the first line is not readable.
    pub base: Option<String>,
    /// Who had the list open last.
    pub owner: Option<String>,
    /// To whom product keys are sealed in it, where it says.
    pub seal: Option<String>,
    /// The last line ends in the middle: the record that was being written.
    pub torn: bool,
    /// Lines that are not readable, the torn one not counted.
    pub damaged: usize,
    /// Number of the last readable line.
    pub last: u64,
}

impl Decoded {
    /// Nothing of it is damaged.
    pub fn is_sound(&self) -> bool {
        self.base.is_some() && !self.torn && self.damaged == 0
    }

    /// The changes that a list in the state `base` lacks; `None` when the journal knows nothing of that state.
    pub fn after(&self, base: &str) -> Option<impl Iterator<Item = &Change>> {
        let saved =
            |entry: &Entry<Change>| matches!(entry, Entry::Saving { generation } if generation.to_string() == base);
        let from = match self.entries.iter().rposition(|(_, entry)| saved(entry)) {
            Some(mark) => mark + 1,
            None if self.base.as_deref() == Some(base) => 0,
            None => return None,
        };
        Some(self.changes_from(from))
    }

    /// Every change.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes_from(0)
    }

    fn changes_from(&self, from: usize) -> impl Iterator<Item = &Change> {
        self.entries.iter().skip(from).filter_map(|(_, entry)| match entry {
            Entry::Change(change) => Some(change),
            _ => None,
        })
    }
}

/// Reads a journal, whatever its state.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut expected = None;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else {
            decoded.torn = true;
            break;
        };
        let Some((number, entry)) = decode_line(line) else {
            decoded.damaged += 1;
            expected = expected.map(|n: u64| n.wrapping_add(1));
            continue;
        };
        if expected.is_some_and(|n| n < number) {
            // Whole lines are missing.
            decoded.damaged += 1;
        }
        expected = Some(number.wrapping_add(1));
        decoded.last = number;
        match entry {
            Entry::Begin {
                version,
                base,
                owner,
                seal,
            } => {
                decoded.owner = Some(owner);
                decoded.seal = seal;
                decoded.base = (version == VERSION).then_some(base);
            }
            Entry::Opened { owner } => decoded.owner = Some(owner),
            entry => decoded.entries.push((number, entry)),
        }
    }
    decoded
}

fn decode_line(line: &[u8]) -> Option<(u64, Entry<Change>)> {
    let hex = |bytes: &[u8]| usize::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
    let (length, rest) = line.split_at_checked(8)?;
    let (crc, json) = rest.strip_prefix(b" ")?.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    if hex(length)? != json.len() || hex(crc)? != crc32fast::hash(json) as usize {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Computer;

    fn journal(changes: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, 0, &Entry::begin("base", "somebody", None), None).unwrap();
        for n in 0..changes {
            let change = Change::PutComputer(Box::new(Computer::named(&format!("pc{n}\n"))));
            encode(&mut bytes, n as u64 + 1, &Entry::Change(&change), None).unwrap();
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let decoded = decode(&journal(3));
        assert!(decoded.is_sound());
        assert_eq!(decoded.owner.as_deref(), Some("somebody"));
        assert_eq!(decoded.after("base").unwrap().count(), 3);
        assert!(decoded.after("other").is_none());
        assert_eq!(decoded.last, 3);
    }

    #[test]
    fn changes_before_a_save_belong_to_the_saved_list() {
        let mut bytes = journal(2);
        let generation = Uuid::from_u128(7);
        encode(&mut bytes, 3, &Entry::Saving { generation }, None).unwrap();
        let change = Change::PutComputer(Box::new(Computer::named("late")));
        encode(&mut bytes, 4, &Entry::Change(&change), None).unwrap();
        let decoded = decode(&bytes);
        assert_eq!(
            decoded.after(&generation.to_string()).unwrap().collect::<Vec<_>>(),
            [&change]
        );
        assert_eq!(decoded.after("base").unwrap().count(), 3);
    }

    #[test]
    fn cut_anywhere_it_loses_at_most_the_last_record() {
        let bytes = journal(3);
        let ends: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\n').map(|i| i + 1).collect();
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let decoded = decode(&bytes[..cut]);
            assert_eq!(decoded.entries.len(), whole.saturating_sub(1), "cut at {cut}");
            assert_eq!(decoded.torn, cut > 0 && !ends.contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_its_own_record() {
        let bytes = journal(3);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let decoded = decode(&damaged);
            assert!(!decoded.is_sound(), "bit {at}");
            assert!(!decoded.entries.is_empty(), "bit {at}: {decoded:?}");
        }
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let bytes = journal(3);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        let decoded = decode(&[lines[0], lines[1], lines[3]].concat());
        assert_eq!((decoded.damaged, decoded.entries.len()), (1, 2));
    }
}
