//! The NetBIOS node status question and its answer (RFC 1002 4.2.17 and 4.2.18). Pure: bytes in, values out.

/// The names that NetBIOS gives to what it wants to know: every name, asked of one computer.
const WILDCARD: &[u8; 32] = b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Type NBSTAT.
const NODE_STATUS: u16 = 0x0021;
/// Class Internet.
const INTERNET: u16 = 0x0001;
/// The answer bit and the operation and result of the flags.
const RESPONSE: u16 = 0x8000;
const OPERATION: u16 = 0x7800;
const RESULT: u16 = 0x000F;
/// Bytes of one name in an answer: 15 of text, one suffix, two of flags.
const NAME_LENGTH: usize = 18;
/// The name belongs to many computers.
const GROUP: u16 = 0x8000;
/// The computer gives the name up, or somebody else claims it.
const DEREGISTERED: u16 = 0x1000;
const CONFLICT: u16 = 0x0800;

/// Why bytes are no node status answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It ends too soon.
    #[error("the answer ends after {0} bytes, in the middle of {1}")]
    Truncated(usize, &'static str),
    /// It is a question, or an answer to something else.
    #[error("it is no answer to a node status question")]
    NotAnAnswer,
    /// The computer answered that it would not.
    #[error("the computer refused with result {0}")]
    Refused(u8),
}

/// A name a computer has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeName {
    /// Up to 15 characters without the blanks at the end. NetBIOS does not say in which character set: what is not ASCII is
    /// read as UTF-8, else each such byte is U+FFFD.
    pub text: String,
    /// The 16th byte: what the name is for.
    pub suffix: u8,
    /// It belongs to many computers.
    pub is_group: bool,
    /// It is in order: neither given up nor claimed by somebody else.
    pub is_active: bool,
}

/// A computer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The number of the question it belongs to.
    pub id: u16,
    /// Every name, in the order of the answer.
    pub names: Vec<NodeName>,
    /// Hardware address; `None` when the computer does not tell (Samba sends zeros).
    pub mac: Option<[u8; 6]>,
}

impl NodeStatus {
    fn name(&self, suffix: u8, is_group: bool) -> Option<&str> {
        let fits = |n: &&NodeName| n.suffix == suffix && n.is_group == is_group && n.is_active && !n.text.is_empty();
        self.names.iter().find(fits).map(|n| n.text.as_str())
    }

    /// The computer's name: the first that is its own and for the workstation service (`<00>`), else for the file server
    /// (`<20>`). Aliases come after it.
    pub fn computer(&self) -> Option<&str> {
        self.name(0x00, false).or_else(|| self.name(0x20, false))
    }

    /// The workgroup or the short name of the domain: the group of the workstation service.
    pub fn group(&self) -> Option<&str> {
        self.name(0x00, true).or_else(|| self.domain())
    }

    /// The short name of the domain, if the computer is one of its controllers (`<1C>` group, `<1B>` of the first).
    pub fn domain(&self) -> Option<&str> {
        self.name(0x1C, true).or_else(|| self.name(0x1B, false))
    }

    /// It keeps the browse list of its subnet (`<1D>`).
    pub fn is_master_browser(&self) -> bool {
        self.name(0x1D, false).is_some()
    }

    /// It shares files (`<20>`).
    pub fn is_file_server(&self) -> bool {
        self.name(0x20, false).is_some()
    }
}

/// The question, as it is sent to port 137.
pub fn encode_question(id: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(50);
    let word = |bytes: &mut Vec<u8>, word: u16| bytes.extend_from_slice(&word.to_be_bytes());
    word(&mut bytes, id);
    for count in [0, 1, 0, 0, 0] {
        word(&mut bytes, count);
    }
    bytes.push(0x20);
    bytes.extend_from_slice(WILDCARD);
    bytes.push(0);
    word(&mut bytes, NODE_STATUS);
    word(&mut bytes, INTERNET);
    bytes
}

/// The number of the question that some bytes look like the answer to, so that others need not be read.
pub fn answered_id(bytes: &[u8]) -> Option<u16> {
    let mut reader = Reader { bytes, at: 0 };
    let id = reader.word("its header").ok()?;
    let flags = reader.word("its header").ok()?;
    (flags & RESPONSE != 0).then_some(id)
}

/// Reads an answer.
pub fn parse_answer(bytes: &[u8]) -> Result<NodeStatus, CodecError> {
    let mut reader = Reader { bytes, at: 0 };
    let header = "its header";
    let id = reader.word(header)?;
    let flags = reader.word(header)?;
    let questions = reader.word(header)?;
    let answers = reader.word(header)?;
    reader.skip(4, header)?;
    if flags & RESPONSE == 0 || flags & OPERATION != 0 {
        return Err(CodecError::NotAnAnswer);
    }
    if flags & RESULT != 0 {
        return Err(CodecError::Refused((flags & RESULT) as u8));
    }
    if questions != 0 || answers == 0 {
        return Err(CodecError::NotAnAnswer);
    }
    reader.name()?;
    let what = "its record";
    let (kind, class) = (reader.word(what)?, reader.word(what)?);
    if kind != NODE_STATUS || class != INTERNET {
        return Err(CodecError::NotAnAnswer);
    }
    reader.skip(4, what)?;
    let length = usize::from(reader.word(what)?);
    let mut data = Reader {
        bytes: reader.take(length, "its names")?,
        at: 0,
    };
    let count = usize::from(data.byte("its names")?);
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        names.push(node_name(data.take(NAME_LENGTH, "its names")?));
    }
    // Some leave the statistics out, of which the hardware address is the first field.
    let mac = data.take(6, "its hardware address").ok();
    let mac = mac.and_then(|m| <[u8; 6]>::try_from(m).ok());
    Ok(NodeStatus {
        id,
        names,
        mac: mac.filter(|mac| *mac != [0; 6] && *mac != [0xFF; 6]),
    })
}

fn node_name(bytes: &[u8]) -> NodeName {
    let (text, rest) = bytes.split_at_checked(15).unwrap_or((bytes, &[]));
    let suffix = rest.first().copied().unwrap_or_default();
    let flags = rest.get(1..3).and_then(|f| <[u8; 2]>::try_from(f).ok());
    let flags = flags.map(u16::from_be_bytes).unwrap_or_default();
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text
            .iter()
            .map(|b| {
                if b.is_ascii() {
                    char::from(*b)
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            })
            .collect(),
    };
    NodeName {
        text: text.trim_end_matches([' ', '\0']).to_owned(),
        suffix,
        is_group: flags & GROUP != 0,
        is_active: flags & (DEREGISTERED | CONFLICT) == 0,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(CodecError::Truncated(self.bytes.len(), what))?;
        self.at += count;
        Ok(taken)
    }

    fn skip(&mut self, count: usize, what: &'static str) -> Result<(), CodecError> {
        self.take(count, what).map(drop)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        Ok(self.take(1, what)?.first().copied().unwrap_or_default())
    }

    fn word(&mut self, what: &'static str) -> Result<u16, CodecError> {
        Ok(u16::from(self.byte(what)?) << 8 | u16::from(self.byte(what)?))
    }

    /// Skips a name: labels, or a pointer to one.
    fn name(&mut self) -> Result<(), CodecError> {
        loop {
            match self.byte("its name")? {
                0 => return Ok(()),
                length if length & 0xC0 == 0xC0 => return self.skip(1, "its name"),
                length if length & 0xC0 == 0 => self.skip(usize::from(length), "its name")?,
                _ => return Err(CodecError::NotAnAnswer),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as RFC 1002 4.2.18 draws it.
    pub(crate) fn answer(id: u16, names: &[(&str, u8, u16)], mac: [u8; 6]) -> Vec<u8> {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x20]);
        bytes.extend(WILDCARD);
        bytes.extend([0, 0, 0x21, 0, 1, 0, 0, 0, 0]);
        let length = (1 + names.len() * NAME_LENGTH + 46) as u16;
        bytes.extend(length.to_be_bytes());
        bytes.push(names.len() as u8);
        for (text, suffix, flags) in names {
            bytes.extend(format!("{text:15}").as_bytes());
            bytes.push(*suffix);
            bytes.extend(flags.to_be_bytes());
        }
        bytes.extend(mac);
        bytes.extend([0; 40]);
        bytes
    }

    #[test]
    fn the_question_is_the_one_of_the_specification() {
        let bytes = encode_question(0x1234);
        assert_eq!(bytes.len(), 50);
        assert_eq!(bytes[..13], [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x20]);
        assert_eq!(bytes[45..], [0, 0, 0x21, 0, 1]);
        assert_eq!(parse_answer(&bytes), Err(CodecError::NotAnAnswer));
        assert_eq!(answered_id(&bytes), None);
    }

    #[test]
    fn suffixes_tell_what_a_name_is_for() {
        let mac = [0, 0x11, 0x22, 0x33, 0x44, 0x55];
        let workstation = [
            ("OFFICE", 0x00, 0x8400),
            ("PC-1", 0x00, 0x1400),
            ("PC-2", 0x00, 0x0400),
            ("PC-2", 0x20, 0x0400),
            ("ALIAS", 0x00, 0x0400),
            ("OFFICE", 0x1D, 0x0400),
            ("OFFICE", 0x1E, 0x8400),
        ];
        let bytes = answer(7, &workstation, mac);
        assert_eq!(answered_id(&bytes), Some(7));
        let status = parse_answer(&bytes).unwrap();
        assert_eq!((status.id, status.names.len(), status.mac), (7, 7, Some(mac)));
        // PC-1 is being given up.
        assert_eq!(
            (status.computer(), status.group(), status.domain()),
            (Some("PC-2"), Some("OFFICE"), None)
        );
        assert!(status.is_master_browser() && status.is_file_server());

        let controller = [
            ("DC1", 0x00, 0x0400),
            ("CONTOSO", 0x1C, 0x8400),
            ("CONTOSO", 0x1B, 0x0400),
        ];
        let status = parse_answer(&answer(7, &controller, [0; 6])).unwrap();
        assert_eq!(
            (status.domain(), status.group(), status.mac),
            (Some("CONTOSO"), Some("CONTOSO"), None)
        );
        assert!(!status.is_master_browser() && !status.is_file_server());
    }

    #[test]
    fn an_answer_cut_anywhere_is_refused_or_lacks_the_hardware_address() {
        let bytes = answer(1, &[("PC-1", 0x00, 0x0400), ("OFFICE", 0x00, 0x8400)], [1; 6]);
        for end in 0..bytes.len() {
            let error = parse_answer(&bytes[..end]).unwrap_err();
            assert!(
                matches!(error, CodecError::Truncated(length, _) if length == end),
                "{end}: {error}"
            );
        }
        let refused = [&bytes[..2], &[0x84, 0x03], &bytes[4..]].concat();
        assert_eq!(parse_answer(&refused), Err(CodecError::Refused(3)));
        let other = [&bytes[..47], &[0x20], &bytes[48..]].concat();
        assert_eq!(parse_answer(&other), Err(CodecError::NotAnAnswer));
        // Names alone, with a length that says so.
        let mut short = bytes[..57 + 36].to_vec();
        short[54..56].copy_from_slice(&37_u16.to_be_bytes());
        assert_eq!(parse_answer(&short).unwrap().mac, None);
    }

    #[test]
    fn letters_of_another_script_are_marked() {
        let mut bytes = answer(1, &[("ABC", 0x00, 0x0400)], [1; 6]);
        bytes[57] = 0x8E;
        assert_eq!(parse_answer(&bytes).unwrap().computer(), Some("\u{fffd}BC"));
    }
}
