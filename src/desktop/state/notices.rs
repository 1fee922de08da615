//! Short messages about things that ended: they stand at the edge for a while and can be closed.

use std::time::{Duration, Instant};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Well.
    Good,
    /// In part, or with something to know.
    Warning,
    /// Not well.
    Bad,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Number within the session.
    pub id: u64,
    /// How it ended.
    pub tone: Tone,
    /// What, in a few words.
    pub title: String,
    /// The rest, with what to do; may be empty.
    pub detail: String,
    /// When it goes away by itself; errors stay.
    pub until: Option<Instant>,
}

/// How long a message about something that went well stays.
const GOOD_FOR: Duration = Duration::from_secs(6);
const WARNING_FOR: Duration = Duration::from_secs(15);
/// More would cover the list.
const AT_MOST: usize = 4;

/// The messages shown.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    shown: Vec<Notice>,
    next: u64,
}

impl Notices {
    /// Adds a message.
    pub fn say(&mut self, now: Instant, tone: Tone, title: impl Into<String>, detail: impl Into<String>) {
        self.next += 1;
        if self.shown.len() >= AT_MOST {
            // The oldest message that goes away by itself makes room; an error only for another error.
            let oldest = self.shown.iter().position(|n| n.until.is_some()).unwrap_or(0);
            self.shown.remove(oldest);
        }
        self.shown.push(Notice {
            id: self.next,
            tone,
            title: title.into(),
            detail: detail.into(),
            until: match tone {
                Tone::Good => Some(now + GOOD_FOR),
                Tone::Warning => Some(now + WARNING_FOR),
                Tone::Bad => None,
            },
        });
    }

    /// Adds a message that stays until it is closed.
    pub fn say_until_closed(&mut self, now: Instant, tone: Tone, title: impl Into<String>, detail: impl Into<String>) {
        self.say(now, tone, title, detail);
        if let Some(notice) = self.shown.last_mut() {
            notice.until = None;
        }
    }

    /// The messages, oldest first.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Takes a message away.
    pub fn close(&mut self, id: u64) {
        self.shown.retain(|n| n.id != id);
    }

    /// Takes away what is over; returns when to look again.
    pub fn tick(&mut self, now: Instant) -> Option<Duration> {
        self.shown.retain(|n| n.until.is_none_or(|until| until > now));
        self.shown
            .iter()
            .filter_map(|n| n.until)
            .min()
            .map(|until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_news_goes_away_and_errors_stay() {
        let now = Instant::now();
        let mut notices = Notices::default();
        notices.say(now, Tone::Good, "Saved", "");
        notices.say(now, Tone::Bad, "Not saved", "the disk is full");
        assert!(notices.tick(now).is_some());
        assert_eq!(notices.tick(now + Duration::from_mins(1)), None);
        let titles: Vec<_> = notices.shown().iter().map(|n| n.title.as_str()).collect();
        assert_eq!(titles, ["Not saved"]);
        let id = notices.shown()[0].id;
        notices.close(id);
        assert!(notices.shown().is_empty());
    }

    #[test]
    fn a_flood_of_good_news_does_not_push_out_an_error() {
        let now = Instant::now();
        let mut notices = Notices::default();
        notices.say(now, Tone::Bad, "Not saved", "");
        for n in 0..10 {
            notices.say(now, Tone::Good, format!("{n}"), "");
        }
        assert_eq!(notices.shown().len(), AT_MOST);
        assert_eq!(notices.shown()[0].title, "Not saved");
    }
}
