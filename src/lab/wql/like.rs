//! The LIKE operator.

/// `%` any text, `_` any character, `[a-z]` and `[^a-z]` sets.
pub(super) fn like(text: &str, pattern: &str) -> bool {
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
