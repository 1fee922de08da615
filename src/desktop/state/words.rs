//! Words for numbers, times and states.

use chrono::{DateTime, Local, TimeDelta, Utc};

use crate::model::{Failure, FailureClass, KeyEntry, LastAction, LicenseStatus, Product, age};

/// How good or bad a license status is: decides symbol and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Licensed.
    Good,
    /// In a grace period.
    Soon,
    /// Unlicensed, or notifications are shown.
    Bad,
    /// Not known.
    Unknown,
}

/// How good or bad it is.
pub fn health(status: LicenseStatus) -> Health {
    match status {
        LicenseStatus::Licensed => Health::Good,
        LicenseStatus::InOobGrace
        | LicenseStatus::InOotGrace
        | LicenseStatus::NonGenuineGrace
        | LicenseStatus::ExtendedGrace => Health::Soon,
        LicenseStatus::Unlicensed | LicenseStatus::Notification => Health::Bad,
        LicenseStatus::Unknown | LicenseStatus::NotAvailable => Health::Unknown,
    }
}

/// What a license status means for the person in front of the computer, in one sentence.
pub fn status_meaning(status: LicenseStatus) -> &'static str {
    match status {
        LicenseStatus::Licensed => "Activated. Nothing to do.",
        LicenseStatus::InOobGrace => "Not activated yet; everything works until the grace period is over.",
        LicenseStatus::InOotGrace => {
            "The activation ran out or the hardware changed; everything works until the grace period is over."
        }
        LicenseStatus::NonGenuineGrace => "Found not genuine; everything works until the grace period is over.",
        LicenseStatus::ExtendedGrace => "In an extended grace period.",
        LicenseStatus::Unlicensed => "No usable license: a product key is missing or was rejected.",
        LicenseStatus::Notification => "The grace period is over: people at this computer see reminders to activate.",
        LicenseStatus::Unknown => "The license status has not been collected yet.",
        LicenseStatus::NotAvailable => "The product was in the list, but the computer no longer reports it.",
    }
}

/// What the status of a product means now: one that was read before a grace period ended does not promise what is past.
pub fn meaning(product: &Product, now: DateTime<Utc>) -> &'static str {
    let status = product.license_status;
    if status.is_grace() && product.days_left(now).is_some_and(|days| days <= 0) {
        "In a grace period when it was asked last; that period is over now. Update the license status to see how it stands."
    } else {
        status_meaning(status)
    }
}

/// What a person would do next with this product.
pub fn next_step(product: &Product) -> Option<&'static str> {
    let proxy = product.accepts_confirmation_id();
    match product.license_status {
        LicenseStatus::Licensed => None,
        LicenseStatus::Unknown | LicenseStatus::NotAvailable => Some("Update the license status."),
        _ if product.can_apply_confirmation_id() => Some("A confirmation ID is ready: apply it."),
        _ if product.needs_confirmation_id() => Some(
            "Activate online; or, where the computer cannot reach Microsoft, acquire a confirmation ID and apply it.",
        ),
        _ if proxy => Some("Update the license status to read the installation ID, then activate."),
        _ if product.key_type == crate::model::KeyType::Gvlk => {
            Some("Activate online: the computer asks its KMS host or Active Directory.")
        }
        _ => Some("Install a product key that fits, then activate."),
    }
}

/// A failure in a few words, for a row that names the computer already; details say the rest, and what to do.
pub fn cause(failure: &Failure) -> String {
    match (failure.class, failure.code) {
        // Here the sentence is what is to be known.
        (FailureClass::Service | FailureClass::NotAllowed, _) => capital(&failure.to_string()),
        (class @ FailureClass::Licensing, Some(code)) => format!("{class} {code}"),
        (class, _) => class.label().to_owned(),
    }
}

/// What happened last to a row, in a few words.
pub fn last_action(action: LastAction<'_>) -> String {
    match action {
        LastAction::Done {
            what,
            failure: Some(failure),
        } => format!("{what}: {}", cause(failure)),
        LastAction::NotAsked(failure) => cause(failure),
        other => other.to_string(),
    }
}

/// `1 product`, `12,345 products`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `12,345`.
pub fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A moment in the person's time zone, to the minute: `2026-11-20 14:05`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string()
}

/// How long ago: `just now`, `5 min ago`, `12 d ago`.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let elapsed = now.signed_duration_since(at);
    if elapsed < TimeDelta::minutes(1) {
        "just now".into()
    } else {
        format!("{} ago", age(elapsed))
    }
}

/// With a capital at the front.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// An error text as a sentence: a capital at the front, a full stop at the end.
pub fn sentence(text: &str) -> String {
    let mut out = capital(text.trim());
    if !out.is_empty() && !out.ends_with(['.', '!', '?', '…']) {
        out.push('.');
    }
    out
}

/// `00:41`, `1:02:03`.
pub fn clock(elapsed: std::time::Duration) -> String {
    let seconds = elapsed.as_secs();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m:02}:{s:02}")
    }
}

/// How many activations a key has left, in words; "not available" is never 0.
pub fn remaining(key: &KeyEntry) -> String {
    match key.remaining.map(|r| r.left) {
        Some(Some(left)) => match key.most_seen.filter(|most| *most > left) {
            Some(most) => format!("{} of {} left", number(left as usize), number(most as usize)),
            None => format!("{} left", number(left as usize)),
        },
        Some(None) => "not available".into(),
        None if key.key_type == crate::model::KeyType::Mak => "never asked".into(),
        None => "not counted".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyType, ProductKey, RemainingCount};

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(count(1, "product", "products"), "1 product");
    }

    #[test]
    fn a_count_that_is_not_available_is_never_zero() {
        let mut key = KeyEntry::of(
            ProductKey::parse("FKFKF-22222-33333-44444-XW42X").unwrap(),
            KeyType::Mak,
        );
        assert_eq!(remaining(&key), "never asked");
        key.remaining = Some(RemainingCount { left: None, at: None });
        assert_eq!(remaining(&key), "not available");
        key.remaining = Some(RemainingCount {
            left: Some(0),
            at: None,
        });
        key.most_seen = Some(50);
        assert_eq!(remaining(&key), "0 of 50 left");
    }

    #[test]
    fn a_row_tells_the_cause_and_not_the_whole_story() {
        let failure = |class, code: Option<u32>| Failure {
            class,
            message: "pc-7 cannot be found: the name pc-7 has no address (no such host). Check the name".into(),
            code: code.map(crate::model::HResult),
        };
        assert_eq!(cause(&failure(FailureClass::NameNotFound, None)), "Name not found");
        let code = failure(FailureClass::Licensing, Some(0xC004_F074));
        assert_eq!(cause(&code), "Licensing error 0xC004F074");
        let done = LastAction::Done {
            what: "Activation",
            failure: Some(&code),
        };
        assert_eq!(last_action(done), "Activation: Licensing error 0xC004F074");
        let rule = failure(FailureClass::NotAllowed, None);
        assert!(
            cause(&rule).starts_with("Pc-7 cannot be found: the name"),
            "a rule says why"
        );
    }

    #[test]
    fn elapsed_time_reads_like_a_clock() {
        assert_eq!(clock(std::time::Duration::from_secs(41)), "00:41");
        assert_eq!(clock(std::time::Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn a_grace_period_that_is_over_promises_nothing() {
        let id = crate::model::ProductId(uuid::Uuid::nil());
        let mut product = Product::new(id, None, crate::model::ApplicationId::WINDOWS);
        product.license_status = LicenseStatus::InOobGrace;
        let now = Utc::now();
        product.grace_expires = Some(now + TimeDelta::days(2));
        assert!(meaning(&product, now).contains("everything works"));
        product.grace_expires = Some(now - TimeDelta::days(2));
        assert!(meaning(&product, now).contains("is over now"));
    }

    #[test]
    fn every_status_that_is_not_licensed_has_a_next_step() {
        for status in LicenseStatus::ALL {
            let id = crate::model::ProductId(uuid::Uuid::nil());
            let mut product = Product::new(id, None, crate::model::ApplicationId::WINDOWS);
            product.license_status = *status;
            assert_eq!(next_step(&product).is_none(), *status == LicenseStatus::Licensed);
        }
    }
}
