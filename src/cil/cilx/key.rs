//! An owned product key: `ProductKey`.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::cil::values::{Interner, clip};
use crate::model::{
    Failure, FailureClass, Foreign, HResult, KeyEntry, KeyEntryId, KeyType, LastFive, ProductKey, RemainingCount,
    SealedKey, Text,
};

use super::extra::{FailureParts, date, number, result_code};
use super::record::Record;

/// A key as the file has it.
pub(in crate::cil) struct KeyRow {
    /// Where its tag begins.
    pub at: usize,
    pub entry: KeyEntry,
}

#[derive(Default)]
pub(in crate::cil) struct KeyRecord {
    id: Option<KeyEntryId>,
    key: Option<ProductKey>,
    sealed: Option<SealedKey>,
    last_five: Option<LastFive>,
    key_id: Text,
    description: Text,
    key_type: KeyType,
    supported_editions: Text,
    supported_sku: Text,
    remarks: Text,
    remaining: Option<u32>,
    counted: bool,
    counted_at: Option<DateTime<Utc>>,
    most_seen: Option<u32>,
    low_water: Option<u32>,
    code: Option<HResult>,
    failure: FailureParts,
    last_update: Option<DateTime<Utc>>,
}

impl KeyRecord {
    /// `nth` tells entries apart that have nothing else to be known by.
    pub fn finish(self, at: usize, nth: usize, foreign: Foreign) -> KeyRow {
        let id = self.id.unwrap_or_else(|| match (&self.key, &*self.key_id) {
            (Some(key), _) => KeyEntryId::derive(key.reveal()),
            (None, "") => KeyEntryId::derive(&format!("{}/{}/{nth}", self.description, self.supported_editions)),
            (None, id) => KeyEntryId::derive(id),
        });
        let failure = self.failure.finish().or_else(|| {
            let code = self.code.filter(|c| *c != HResult::OK)?;
            Some(Failure {
                class: FailureClass::Service,
                message: format!("the list says that the last request ended with {code}"),
                code: Some(code),
            })
        });
        let counted = self.counted || self.remaining.is_some();
        let entry = KeyEntry {
            id,
            last_five: self.key.as_ref().map(ProductKey::last_five).or(self.last_five),
            key: self.key,
            sealed: self.sealed,
            key_id: self.key_id,
            description: self.description,
            key_type: self.key_type,
            supported_editions: self.supported_editions,
            supported_sku: self.supported_sku,
            remarks: self.remarks,
            remaining: counted.then_some(RemainingCount {
                left: self.remaining,
                at: self.counted_at,
            }),
            most_seen: self.most_seen,
            low_water: self.low_water,
            last_failure: failure,
            last_update: self.last_update,
            foreign,
        };
        KeyRow { at, entry }
    }
}

impl<'a> Record<'a> for KeyRecord {
    fn field(&mut self, name: &str, text: &Cow<'a, str>, texts: &mut Interner) -> Result<bool, String> {
        let blank = text.trim().is_empty();
        match name {
            "KeyDescription" => self.description = texts.text(text),
            "KeyId" => self.key_id = Text::from(&**text),
            "SupportedEditions" => self.supported_editions = texts.text(text),
            "SupportedSku" => self.supported_sku = texts.text(text),
            "UserRemarks" => self.remarks = Text::from(&**text),
            "KeyTypeName" => {}
            "KeyType" | "KeyValue" | "LastUpdate" | "LastErrorCode" | "RemainingActivations" if blank => {}
            "KeyType" => {
                self.key_type = KeyType::from_name(text).ok_or_else(|| format!("{:?} is no key type", clip(text)))?;
            }
            "KeyValue" => self.key = Some(ProductKey::parse(text).map_err(|e| e.to_string())?),
            "LastUpdate" => self.last_update = date(text)?,
            "LastErrorCode" => self.code = Some(result_code(text)?),
            "RemainingActivations" => {
                let count: i64 = number(text)?;
                // A negative count means "not available", never 0.
                self.remaining = match u32::try_from(count) {
                    Ok(count) => Some(count),
                    Err(_) if count < 0 => None,
                    Err(_) => return Err(format!("{count} is no number of activations")),
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extra(&mut self, name: &str, text: &str, _texts: &mut Interner) -> Result<bool, String> {
        match name {
            "Id" => {
                let id = text.parse().map_err(|_| format!("{:?} is no GUID", clip(text)))?;
                self.id = Some(KeyEntryId(id));
            }
            "LastFive" => self.last_five = Some(LastFive::parse(text).map_err(|e| e.to_string())?),
            "Sealed" => self.sealed = Some(SealedKey(text.into())),
            "CountedAt" => {
                self.counted = true;
                self.counted_at = date(text)?;
            }
            "MostSeen" => self.most_seen = Some(number(text)?),
            "LowWater" => self.low_water = Some(number(text)?),
            name => {
                return match name.strip_prefix("Failure") {
                    Some(part) => self.failure.set(part, text),
                    None => Ok(false),
                };
            }
        }
        Ok(true)
    }

    fn extra_child(
        &mut self,
        _name: &str,
        _attributes: &[(&str, Cow<'_, str>)],
        _text: &str,
        _texts: &mut Interner,
    ) -> Result<bool, String> {
        Ok(false)
    }

    fn describe(&self) -> String {
        let last_five = self.key.as_ref().map(ProductKey::last_five).or(self.last_five);
        match last_five {
            Some(five) => format!("product key ending in {five}"),
            None => format!("product key {}", clip(&self.description)),
        }
    }
}
