//! The text of a secret while it is typed.

use std::ops::Range;

use egui::text::CharIndex;
use egui::{Margin, Response, TextBuffer, TextEdit, Ui};
use zeroize::Zeroizing;

use crate::model::Secret;

/// Bytes that a secret may have: no passphrase is longer.
const LIMIT: usize = 4096;

/// What was typed into a field for a secret. Its place in memory has room for all of it from the beginning, so that no part is
/// left behind where it once was, and it is wiped when it is dropped.
pub struct SecretText(Zeroizing<String>);

impl Default for SecretText {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(LIMIT)))
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl SecretText {
    /// Nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret, for the one place that uses it.
    pub fn secret(&self) -> Secret {
        Secret::new(self.0.as_str())
    }
}

impl TextBuffer for SecretText {
    fn is_mutable(&self) -> bool {
        true
    }

    fn as_str(&self) -> &str {
        &self.0
    }

    /// Half a secret would be a wrong one: what does not fit is not inserted at all.
    fn insert_text(&mut self, text: &str, char_index: CharIndex) -> usize {
        if self.0.len() + text.len() > LIMIT {
            return 0;
        }
        let at = self.byte_index_from_char_index(char_index);
        self.0.insert_str(at.0, text);
        text.chars().count()
    }

    fn delete_char_range(&mut self, char_range: Range<CharIndex>) {
        let from = self.byte_index_from_char_index(char_range.start);
        let to = self.byte_index_from_char_index(char_range.end);
        self.0.drain(from.0..to.0);
    }

    fn type_id(&self) -> std::any::TypeId {
        std::any::TypeId::of::<Self>()
    }
}

/// A line for a secret below its label: shown as dots, and without what a text field remembers for undoing.
pub fn secret_line(ui: &mut Ui, text: &mut SecretText, label: &str, able: bool) -> Response {
    let label = ui.label(label);
    let edit = TextEdit::singleline(text)
        .password(true)
        .interactive(able)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(8, 6));
    let response = ui.add(edit).labelled_by(label.id);
    if let Some(mut state) = TextEdit::load_state(ui.ctx(), response.id) {
        // Its memory is shared with the field: cleared here, it is cleared there.
        state.clear_undoer();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_typed_and_corrected_in_one_place_and_never_cut_short() {
        let mut text = SecretText::default();
        let place = text.as_str().as_ptr();
        assert_eq!(text.insert_text("grün", CharIndex(0)), 4);
        assert_eq!(text.insert_text("es ", CharIndex(4)), 3);
        text.delete_char_range(CharIndex(2)..CharIndex(3));
        assert_eq!(text.as_str(), "grnes ");
        assert_eq!(text.insert_text(&"x".repeat(LIMIT), CharIndex(0)), 0);
        assert_eq!(text.insert_text(&"x".repeat(LIMIT - 6), CharIndex(6)), LIMIT - 6);
        assert_eq!(text.as_str().as_ptr(), place);
    }
}
