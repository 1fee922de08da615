//! Pieces of our extension that more than one kind of record has.

use chrono::{DateTime, Utc};

use crate::cil::values::{clip, parse_date};
use crate::model::{Failure, FailureClass, HResult};

/// A date of our extension.
pub(super) fn date(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    parse_date(text)
}

/// A failure, gathered from its attributes.
#[derive(Debug, Default)]
pub(super) struct FailureParts {
    pub class: Option<FailureClass>,
    pub message: Option<String>,
    pub code: Option<HResult>,
}

impl FailureParts {
    /// Takes `Class`, `Message` or `Code`.
    pub fn set(&mut self, part: &str, text: &str) -> Result<bool, String> {
        match part {
            "Class" => {
                let class =
                    FailureClass::from_name(text).ok_or_else(|| format!("{:?} is no kind of failure", clip(text)))?;
                self.class = Some(class);
            }
            "Message" => self.message = Some(text.to_owned()),
            "Code" => self.code = Some(result_code(text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The failure; `None` without a class.
    pub fn finish(self) -> Option<Failure> {
        Some(Failure {
            class: self.class?,
            message: self.message.unwrap_or_default(),
            code: self.code,
        })
    }
}

/// A result code in any of its forms.
pub(super) fn result_code(text: &str) -> Result<HResult, String> {
    HResult::parse(text).ok_or_else(|| format!("{:?} is no result code such as 0xC004F074", clip(text)))
}

/// A number.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{:?} is no number that fits here", clip(text)))
}
