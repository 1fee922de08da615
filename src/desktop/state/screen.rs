//! The state of the window: page, filter, sorting, selection, what is open. No egui, no list.

use std::time::Instant;

use super::discovery::{Found, KmsView};
use super::facts::Page;
use super::notices::Notices;
use super::recent::Recent;
use super::selection::Selection;
use crate::model::{Column, Filter, FilterError, KeyEntryId, ViewSpec};
use crate::workspace::USUAL_COLUMNS;

/// Light, dark, or as the system is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Look {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Look {
    /// Every look.
    pub const ALL: &'static [Self] = &[Self::System, Self::Light, Self::Dark];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What the list can be grouped by.
pub const GROUPS: &[Column] = &[
    Column::Status,
    Column::Product,
    Column::KeyType,
    Column::Key,
    Column::Reason,
    Column::Network,
    Column::Kms,
];

/// Steps of the text size.
const ZOOM: &[f32] = &[0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0];

/// The state of the window.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each a thing a person sees"
)]
#[derive(Debug, Clone)]
pub struct Screen {
    /// The page shown.
    pub page: Page,
    /// The filter as typed.
    pub filter_text: String,
    /// Why it cannot be read; the list still shows what the words of it that can be read let pass.
    pub filter_error: Option<FilterError>,
    /// The words that the list is filtered by now.
    pub filter_read: String,
    /// What to show and how.
    pub spec: ViewSpec,
    /// The selected rows.
    pub selection: Selection,
    /// The selected product key.
    pub key: Option<KeyEntryId>,
    /// The columns of the product list.
    pub columns: Vec<Column>,
    /// The lists opened last.
    pub recent: Recent,
    /// The columns of the table that was exported last.
    pub export_columns: Vec<Column>,
    /// What a discovery finds.
    pub found: Option<Found>,
    /// Discoveries begun in this session.
    pub discoveries: u64,
    /// The KMS hosts that DNS names.
    pub kms: KmsView,
    /// Messages.
    pub notices: Notices,
    /// Details are shown.
    pub details: bool,
    /// Light or dark.
    pub look: Look,
    /// Size of everything, 1 is normal.
    pub zoom: f32,
    /// The filter box takes the keyboard in the next frame.
    pub focus_filter: bool,
    /// The list takes the keyboard in the next frame.
    pub focus_list: bool,
    /// The line to bring into sight in the next frame.
    pub scroll_to: Option<usize>,
    /// The progress drawer shows its rows.
    pub drawer_open: bool,
    /// The drawer shows failed rows only.
    pub drawer_failed_only: bool,
    /// The drawer goes away by itself when a run ended without a failure.
    pub drawer_closes: bool,
    /// The run whose drawer was closed.
    pub drawer_closed: Option<u64>,
    /// The run that was last announced as finished.
    pub announced: u64,
    /// When the window was last drawn; for messages that go away.
    pub drawn: Option<Instant>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            page: Page::Products,
            filter_text: String::new(),
            filter_error: None,
            filter_read: String::new(),
            spec: ViewSpec::default(),
            selection: Selection::default(),
            key: None,
            columns: super::columns::USUAL.to_vec(),
            recent: Recent::default(),
            export_columns: USUAL_COLUMNS.to_vec(),
            found: None,
            discoveries: 0,
            kms: KmsView::default(),
            notices: Notices::default(),
            details: true,
            look: Look::System,
            zoom: 1.0,
            focus_filter: false,
            focus_list: false,
            scroll_to: None,
            drawer_open: true,
            drawer_failed_only: false,
            drawer_closes: false,
            drawer_closed: None,
            announced: 0,
            drawn: None,
        }
    }
}

impl Screen {
    /// Another list was opened: everything that belonged to the old one goes.
    pub fn list_changed(&mut self) {
        self.selection = Selection::default();
        self.key = None;
        if let Some(found) = self.found.take() {
            found.discovery.cancel();
        }
        if let Some(audit) = self.kms.audit.take() {
            audit.cancel();
        }
        self.kms = KmsView::default();
        self.page = Page::Products;
        self.set_filter(String::new());
        self.scroll_to = Some(0);
        self.drawer_closed = None;
        self.announced = 0;
    }

    /// Text was typed into the filter box. What cannot be read of it is said, and does not change the list.
    pub fn set_filter(&mut self, text: String) {
        let (readable, error) = match Filter::parse(&text) {
            Ok(_) => (text.clone(), None),
            Err(error) => (readable_part(&text, &self.filter_read), Some(error)),
        };
        self.filter_error = error;
        self.filter_text = text;
        if let Ok(filter) = Filter::parse(&readable) {
            self.filter_read = readable;
            if self.spec.filter != filter {
                self.spec.filter = filter;
                self.scroll_to = Some(0);
            }
        }
    }

    /// A click on a heading: sorts by it, the other way round the second time.
    pub fn sort_by(&mut self, column: Column) {
        if self.spec.sort == column {
            self.spec.descending = !self.spec.descending;
        } else {
            self.spec.sort = column;
            self.spec.descending = false;
        }
    }

    /// The step that is nearest to `zoom`.
    pub fn set_zoom(&mut self, zoom: f32) {
        let nearest = ZOOM
            .iter()
            .copied()
            .min_by(|a, b| (a - zoom).abs().total_cmp(&(b - zoom).abs()));
        self.zoom = nearest.unwrap_or(1.0);
    }

    /// One step larger or smaller.
    pub fn zoom_by(&mut self, steps: isize) {
        let here = ZOOM.iter().position(|z| (z - self.zoom).abs() < 0.01).unwrap_or(2);
        let there = here.saturating_add_signed(steps).min(ZOOM.len() - 1);
        self.zoom = ZOOM.get(there).copied().unwrap_or(1.0);
    }
}

/// What of a text to filter by while it is being typed: its readable words, and for a word whose value cannot be read
/// (`status:gra`) what the same field was filtered by before. Without this, every half-typed word would search for its name.
fn readable_part(text: &str, before: &str) -> String {
    let field = |word: &str| word.find([':', '<', '>']).map(|at| word[..at].to_owned());
    let is_readable = |word: &str| Filter::parse(word).is_ok();
    let words = text.split_whitespace().filter_map(|word| {
        if is_readable(word) {
            return Some(word);
        }
        let field_of_word = field(word)?;
        before
            .split_whitespace()
            .find(|old| is_readable(old) && field(old).as_ref() == Some(&field_of_word))
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_leaves_the_list_as_it_is() {
        let mut screen = Screen::default();
        screen.set_filter("status:grace".into());
        let good = screen.spec.clone();
        screen.set_filter("status:purple".into());
        assert_eq!(screen.spec, good);
        assert!(screen.filter_error.is_some());
        assert_eq!(screen.filter_text, "status:purple");
        screen.set_filter(String::new());
        assert!(screen.filter_error.is_none() && screen.spec.filter.is_empty());
    }

    #[test]
    fn a_filter_is_not_a_search_for_its_own_name_while_it_is_typed() {
        let mut screen = Screen::default();
        screen.set_filter("win status".into());
        screen.set_filter("win status:".into());
        assert!(screen.filter_error.is_some());
        assert_eq!(screen.spec.filter, Filter::parse("win").unwrap());
        screen.set_filter("win status:grace".into());
        screen.set_filter("win status:grac".into());
        assert_eq!(screen.spec.filter, Filter::parse("win status:grace").unwrap());
        screen.set_filter("win".into());
        assert_eq!(screen.spec.filter, Filter::parse("win").unwrap());
    }

    #[test]
    fn a_second_click_on_a_heading_turns_the_order_round() {
        let mut screen = Screen::default();
        screen.sort_by(Column::Status);
        assert_eq!((screen.spec.sort, screen.spec.descending), (Column::Status, false));
        screen.sort_by(Column::Status);
        assert!(screen.spec.descending);
        screen.sort_by(Column::Computer);
        assert!(!screen.spec.descending);
    }

    #[test]
    fn text_grows_in_steps_and_stops_at_twice_the_size() {
        let mut screen = Screen::default();
        for _ in 0..20 {
            screen.zoom_by(1);
        }
        assert!((screen.zoom - 2.0).abs() < 0.01);
        screen.zoom_by(-1);
        assert!((screen.zoom - 1.75).abs() < 0.01);
    }
}
