//! Which way text runs. What draws text takes each section of it for one that runs in one direction: that of its first letter.

/// Letters of Hebrew, Arabic and the other scripts that run from right to left.
fn runs_left(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{65F}' | '\u{66A}'..='\u{6EF}' | '\u{6FA}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
            | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Pieces of a text that run in one direction each, in the order in which they stand from left to right in a name of a computer
/// and in a sentence of ours. What has no direction (dashes, blanks, digits) belongs to the letters on both its sides if they
/// run to the left.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut begin, mut was_left) = (0, false);
    // Where the last letter that runs to the left ended.
    let mut end_left = 0;
    for (at, c) in text.char_indices() {
        if runs_left(c) {
            if !was_left && at > begin {
                pieces.extend(text.get(begin..at));
                begin = at;
            }
            was_left = true;
            end_left = at + c.len_utf8();
        } else if was_left && c.is_alphabetic() {
            pieces.extend(text.get(begin..end_left));
            (begin, was_left) = (end_left, false);
        }
    }
    if was_left && end_left < text.len() {
        pieces.extend(text.get(begin..end_left));
        begin = end_left;
    }
    pieces.extend(text.get(begin..).filter(|rest| !rest.is_empty()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_two_directions_falls_apart_where_they_meet() {
        assert_eq!(pieces("pc-1.contoso.com"), ["pc-1.contoso.com"]);
        assert_eq!(pieces("東京-受付-03.contoso.com"), ["東京-受付-03.contoso.com"]);
        assert_eq!(pieces("תל-אביב-01.contoso.com"), ["תל-אביב", "-01.contoso.com"]);
        assert_eq!(pieces("pc-الرياض-05"), ["pc-", "الرياض", "-05"]);
        assert_eq!(pieces("הרצליה"), ["הרצליה"]);
        assert_eq!(pieces("a א b"), ["a ", "א", " b"]);
        assert!(pieces("").is_empty());
    }
}
