//! What each side of a row says, in words.

use super::plan::{MergeRow, Pair, RowRecord};
use crate::model::{Computer, Confirmation, InstallationId, KeyEntry, Product};

/// One thing of which the sides say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What: `License status`.
    pub what: &'static str,
    /// What our list says; empty: nothing.
    pub ours: String,
    /// What theirs says; empty: nothing.
    pub theirs: String,
}

type Field<T> = (&'static str, fn(&T) -> String);

fn text(value: Option<impl ToString>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn time(value: Option<chrono::DateTime<chrono::Utc>>) -> String {
    value
        .map(|t| t.format("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

const COMPUTER: &[Field<Computer>] = &[
    ("Name", |c| c.name.to_string()),
    ("Domain or workgroup", |c| c.network.name.to_string()),
    ("Operating system", |c| c.os_edition.to_string()),
    ("Version", |c| c.os_version.to_string()),
    ("Hardware addresses", |c| c.mac_addresses.join(", ")),
    ("Directory ID", |c| text(c.directory_id)),
    ("KMS host", |c| {
        text(c.is_kms_host.map(|k| if k { "yes" } else { "no" }))
    }),
    ("Connect to", |c| {
        let Some(connect) = &c.connect else {
            return String::new();
        };
        let address = connect.address.as_deref().unwrap_or(&c.name);
        let port = connect.port.map(|port| format!(", port {port}")).unwrap_or_default();
        let way = connect.way.map(|way| format!(", {}", way.name())).unwrap_or_default();
        format!("{address}{port}{way}")
    }),
    ("Last contact", |c| time(c.contact.as_ref().map(|c| c.at))),
    ("Remarks", |c| c.remarks.to_string()),
];

const PRODUCT: &[Field<Product>] = &[
    ("Product", |p| p.name.to_string()),
    ("SKU", |p| text(p.sku)),
    ("Key type", |p| p.key_type.to_string()),
    ("Product key ends in", |p| text(p.partial_product_key)),
    ("License status", |p| p.license_status.to_string()),
    ("Reason", |p| text(p.license_status_reason)),
    ("Status read", |p| time(p.status_updated)),
    ("Genuine", |p| p.genuine_status.to_string()),
    ("Grace ends", |p| time(p.grace_expires)),
    ("Installation ID", |p| {
        p.installation_id
            .as_ref()
            .map(InstallationId::grouped)
            .unwrap_or_default()
    }),
    ("Confirmation ID", |p| {
        p.confirmation
            .as_ref()
            .map(|c| c.confirmation_id.grouped())
            .unwrap_or_default()
    }),
    ("Earlier confirmation IDs", |p| {
        let id = |c: &Confirmation| c.confirmation_id.grouped();
        p.earlier_confirmations.iter().map(id).collect::<Vec<_>>().join(", ")
    }),
    ("Asked without an answer", |p| time(p.asked.as_ref().map(|a| a.at))),
    ("KMS host", |p| p.volume.kms_host.to_string()),
    ("Last action", |p| {
        let Some(action) = &p.last_action else {
            return String::new();
        };
        match &action.failure {
            Some(failure) => format!("{}: {failure}", action.what),
            None => action.what.to_string(),
        }
    }),
    ("Remarks", |p| p.remarks.to_string()),
];

const KEY: &[Field<KeyEntry>] = &[
    ("Key", KeyEntry::masked),
    ("Type", |k| k.key_type.to_string()),
    ("Description", |k| k.description.to_string()),
    ("Activations left", |k| match k.remaining.map(|r| r.left) {
        None => String::new(),
        Some(None) => "not available".into(),
        Some(Some(left)) => left.to_string(),
    }),
    ("Counted", |k| time(k.remaining.and_then(|r| r.at))),
    ("Warn below", |k| text(k.low_water)),
    ("Remarks", |k| k.remarks.to_string()),
];

fn compare<T>(pair: &Pair<T>, fields: &[Field<T>]) -> Vec<Difference> {
    let say = |side: Option<&T>, field: fn(&T) -> String| side.map(field).unwrap_or_default();
    fields
        .iter()
        .map(|(what, field)| Difference {
            what,
            ours: say(pair.ours.as_deref(), *field),
            theirs: say(pair.theirs.as_deref(), *field),
        })
        .filter(|d| d.ours != d.theirs)
        .collect()
}

impl MergeRow {
    /// What each side says where they say something else. A product key is masked.
    pub fn differences(&self) -> Vec<Difference> {
        match &self.record {
            RowRecord::Computer(pair) => compare(pair, COMPUTER),
            RowRecord::Product(pair, _) => compare(pair, PRODUCT),
            RowRecord::Key(pair) => compare(pair, KEY),
        }
    }
}
