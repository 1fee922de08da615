//! Writing: rows and summaries to standard output, everything else to standard error. A closed pipe is no fault.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `1 computer`, `2 computers`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Standard output. When the reader has gone away, the rest is dropped and the work goes on.
pub(super) struct Out {
    stdout: io::BufWriter<io::Stdout>,
    gone: bool,
    error: Option<io::Error>,
}

impl Out {
    pub(super) fn new() -> Self {
        Self {
            stdout: io::BufWriter::new(io::stdout()),
            gone: false,
            error: None,
        }
    }

    /// One line, whatever stands in it.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.attempt(|out| writeln!(out, "{}", clean(text.as_ref())));
    }

    /// Text of our own, of several lines.
    pub(super) fn text(&mut self, text: impl AsRef<str>) {
        self.attempt(|out| writeln!(out, "{}", text.as_ref()));
    }

    /// One JSON object on a line of its own.
    pub(super) fn json(&mut self, value: &Value) {
        self.attempt(|out| writeln!(out, "{}", printable_json(&value.to_string())));
    }

    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.gone {
            return;
        }
        if let Err(error) = write(&mut self.stdout) {
            self.gone = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.error = Some(error);
            }
        }
    }

    /// Shows what was written so far.
    pub(super) fn flush(&mut self) {
        self.attempt(|out| out.flush());
    }

    /// The end: why not everything could be written, unless the reader did not want it.
    pub(super) fn finish(mut self) -> Option<io::Error> {
        self.flush();
        self.error
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|out| out.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self);
        Ok(())
    }
}

/// A line to the person: standard error, whatever becomes of it.
pub(super) fn tell(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", clean(text.as_ref()));
}

/// Columns of text aligned by the width they have in a terminal. The last column is never cut.
pub(super) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Cells are cut here, so that one long name does not push everything else off the screen.
const WIDEST_CELL: usize = 60;

impl Table {
    pub(super) fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Self {
            headings: headings.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows
            .push(cells.into_iter().map(|c| clean(&c.into()).into_owned()).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn print(&self, out: &mut Out) {
        let width = |text: &str| console_width(text);
        let last = self.headings.len().saturating_sub(1);
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|i| {
                let limit = if i == last { usize::MAX } else { WIDEST_CELL };
                let cells = self.rows.iter().filter_map(|r| r.get(i)).map(|c| width(c));
                let heading = self.headings.get(i).map_or(0, |h| width(h));
                cells.chain([heading]).max().unwrap_or_default().min(limit)
            })
            .collect();
        let print = |out: &mut Out, cells: &[String]| {
            let mut line = String::new();
            for (cell, column) in cells.iter().zip(&widths) {
                let cell = cut(cell, *column);
                line.push_str(&cell);
                line.extend(std::iter::repeat_n(' ', column.saturating_sub(width(&cell)) + 2));
            }
            out.line(line.trim_end());
        };
        print(out, &self.headings);
        let rule = |(i, w): (usize, &usize)| "-".repeat(if i == last { (*w).min(WIDEST_CELL) } else { *w });
        print(out, &widths.iter().enumerate().map(rule).collect::<Vec<_>>());
        for row in &self.rows {
            print(out, row);
        }
    }
}

/// Columns that `text` takes in a terminal. Wide (CJK) characters take two.
fn console_width(text: &str) -> usize {
    text.width()
}

/// What foreign data must not do to a terminal: control characters (escape sequences begin with one), and characters that
/// turn round what is read beside them.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_harmful) {
        text.replace(is_harmful, " ").into()
    } else {
        text.into()
    }
}

/// JSON in which the characters that its writer leaves as they are, and a terminal obeys, are escaped.
fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_harmful) {
        return json.into();
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_harmful(c) {
            // A String takes everything.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped.into()
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += c.width().unwrap_or_default();
        if taken > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_long_cells_are_cut() {
        assert_eq!(console_width("製品"), 4);
        assert_eq!(cut("製品名", 5), "製品…");
    }

    #[test]
    fn escape_sequences_of_foreign_data_are_harmless() {
        assert_eq!(clean("a\u{1b}[31mb\n"), "a [31mb ");
        assert_eq!(clean("\u{9b}2J\u{7f}\u{202e}"), " 2J  ");
        let name = "a\u{1b}\u{9b}2J\u{7f}\u{202e}é";
        let printed = printable_json(&serde_json::json!({ "name": name }).to_string()).into_owned();
        assert!(!printed.contains(is_harmful), "{printed}");
        let read: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read["name"], name);
    }
}
