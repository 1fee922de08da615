//! Who changed a value: the one rule by which all records are merged.

use crate::model::Text;

/// A side of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The open list.
    Ours,
    /// The other list.
    Theirs,
}

/// Who changed a value since `base`, the state both come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// Both say the same.
    Nobody,
    /// Only one side did.
    Only(Side),
    /// Both did, or there is no common state to tell.
    Both,
}

pub(super) fn changed<T: ?Sized>(base: Option<&T>, ours: &T, theirs: &T, same: impl Fn(&T, &T) -> bool) -> Changed {
    if same(ours, theirs) {
        return Changed::Nobody;
    }
    match base {
        Some(base) if same(base, ours) => Changed::Only(Side::Theirs),
        Some(base) if same(base, theirs) => Changed::Only(Side::Ours),
        _ => Changed::Both,
    }
}

/// How one record is merged: the state both come from, if any, and whose word counts, if somebody decided.
pub(super) struct Rule<'r, T> {
    pub base: Option<&'r T>,
    pub take: Option<Side>,
}

impl<T> Clone for Rule<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rule<'_, T> {}

impl<T> Rule<'_, T> {
    /// No common state, and nobody decided.
    pub const NEWEST: Self = Self { base: None, take: None };

    /// Whose value of one field counts; `Both` goes to `tie`.
    pub fn side<F: PartialEq + ?Sized>(
        self,
        field: impl Fn(&T) -> &F,
        ours: &T,
        theirs: &T,
        tie: impl FnOnce() -> Side,
    ) -> Side {
        match (
            self.take,
            changed(self.base.map(&field), field(ours), field(theirs), F::eq),
        ) {
            (_, Changed::Nobody) => Side::Ours,
            (Some(side), _) | (None, Changed::Only(side)) => side,
            (None, Changed::Both) => tie(),
        }
    }

    /// One field; where both sides changed it, ours unless `unset`.
    pub fn setting<F: PartialEq + Clone>(
        self,
        field: impl Fn(&T) -> &F,
        unset: impl Fn(&F) -> bool,
        ours: &T,
        theirs: &T,
    ) -> F {
        let tie = || if unset(field(ours)) { Side::Theirs } else { Side::Ours };
        let side = self.side(&field, ours, theirs, tie);
        let (value, other) = match side {
            Side::Ours => (field(ours), field(theirs)),
            Side::Theirs => (field(theirs), field(ours)),
        };
        // Without a common state nobody emptied anything.
        if self.base.is_none() && unset(value) {
            other.clone()
        } else {
            value.clone()
        }
    }

    /// A note by an administrator: where both wrote one, both are kept.
    pub fn remarks(self, field: impl Fn(&T) -> &Text, ours: &T, theirs: &T) -> Text {
        match (
            self.take,
            changed(self.base.map(&field), field(ours), field(theirs), Text::eq),
        ) {
            (None, Changed::Both) => both_notes(field(ours), field(theirs)),
            _ => self.setting(field, Text::is_empty, ours, theirs),
        }
    }
}

/// Ours, and the lines of theirs that ours lacks.
fn both_notes(ours: &Text, theirs: &Text) -> Text {
    let has = |line: &str| ours.lines().any(|l| l.trim() == line.trim());
    let more: Vec<&str> = theirs.lines().filter(|l| !l.trim().is_empty() && !has(l)).collect();
    match (ours.trim().is_empty(), more.is_empty()) {
        (true, _) => theirs.clone(),
        (false, true) => ours.clone(),
        (false, false) => format!("{}\n{}", ours.trim_end(), more.join("\n")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_both_are_kept_once() {
        let both = both_notes(&"in room 4".into(), &"belongs to Ann\nin room 4".into());
        assert_eq!(&*both, "in room 4\nbelongs to Ann");
        assert_eq!(both_notes(&both, &"belongs to Ann\nin room 4".into()), both);
        assert_eq!(&*both_notes(&"".into(), &"a\nb".into()), "a\nb");
    }

    #[test]
    fn with_a_common_state_the_one_who_changed_it_wins_even_by_emptying_it() {
        let (base, ours, theirs) = (Text::from("old"), Text::from("old"), Text::from(""));
        let rule = Rule {
            base: Some(&base),
            take: None,
        };
        assert_eq!(&*rule.remarks(|t| t, &ours, &theirs), "");
        let rule: Rule<'_, Text> = Rule::NEWEST;
        assert_eq!(&*rule.remarks(|t| t, &ours, &theirs), "old");
    }
}
