//! VAMT 1.x `.cil`, read only: root `VamtStorage`, everything in attributes, computers as name-value pairs.

use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use super::cilx::{Bulk, ClientRecord, ProductRecord};
use super::error::{CilError, LegacyFormat};
use super::legacy::{Builder, Node, Owner, date_text, grace_end, identity, license_status, mac_address};
use super::values::parse_date;
use super::xml::{Child, Cursor, Tag};
use super::{Loaded, Watch};
use crate::model::{ApplicationId, ComputerId, ExtendedPid, KeyType, ProductId};

/// Root element.
pub(super) const ROOT: &str = "VamtStorage";

/// Elements that hold values or records.
const GROUPS: &[&str] = &["MachineAttribute", "LicenseInformation"];
/// Values of a product that need nothing but their name in the native format.
const PRODUCT_VALUES: &[(&str, &str)] = &[
    ("PartialProductKey", "PartialProductKey"),
    ("IID", "InstallationId"),
    ("PendingCID", "ConfirmationId"),
    ("SkuDescription", "ProductDescription"),
    // The reason that goes with the status.
    ("StatusResultCode", "LicenseStatusReason"),
];
/// Values of a product key.
const KEY_VALUES: &[(&str, &str)] = &[
    ("KeyValue", "KeyValue"),
    ("Description", "KeyDescription"),
    ("LastKnownCount", "RemainingActivations"),
];
/// What the channel in a SKU's description says of the installed key. The order matters: VOLUME_KMSCLIENT contains VOLUME_KMS.
const CHANNELS: &[(&str, KeyType)] = &[
    ("VOLUME_KMSCLIENT", KeyType::Gvlk),
    ("VOLUME_KMS", KeyType::Csvlk),
    ("VOLUME_MAK", KeyType::Mak),
    ("TIMEBASED_EVAL", KeyType::TBEval),
    ("OEM_NONSLP", KeyType::OemNonSlp),
    ("OEM_COA", KeyType::OemCoa),
    ("OEM_SLP", KeyType::OemSlp),
    ("RETAIL", KeyType::Retail),
];

/// Reads a list from its text.
pub(super) fn read_document(text: &str, watch: &Watch<'_>) -> Result<Loaded, CilError> {
    Builder::new(text, LegacyFormat::Vamt1, watch).read(|list, tag| {
        match tag.name {
            "MachineInformationList" => list.container(tag, "Machine", GROUPS, machine)?,
            "ProductKeys" => list.product_keys(tag, KEY_VALUES, "KeyType")?,
            "PendingActionQueue" | "CompletedActionQueue" | "FailedActionQueue" => queue(list, text, tag)?,
            _ => return Ok(false),
        }
        Ok(true)
    })
}

/// Actions that VAMT had before it or behind it: kept, told, never carried out.
fn queue<'a>(list: &mut Builder<'a, '_>, text: &'a str, tag: &Tag<'a>) -> Result<(), CilError> {
    let raw = list.cursor.raw(tag)?;
    let mut actions = 0;
    let mut inside = Cursor::at(text, tag.start);
    // Its own tag first.
    let mut next = inside.child()?;
    if !tag.empty {
        next = inside.child()?;
    }
    while !tag.empty && !matches!(next, Child::Close(_) | Child::End) {
        if let Child::Open(action) = next {
            inside.raw(&action)?;
            actions += 1;
        }
        next = inside.child()?;
    }
    if actions > 0 {
        let what = match tag.name {
            "PendingActionQueue" => "waiting",
            "FailedActionQueue" => "failed",
            _ => "completed",
        };
        let reason = format!("{what} actions of VAMT: {actions}; kept in the file as they stand, not carried out");
        list.warn(tag.start, tag.name, reason);
    }
    if actions > 0 || !tag.attributes.trim_ascii().is_empty() {
        list.keep_outside(raw);
    }
    Ok(())
}

/// The name-value pairs of a machine that have a place in ours.
#[derive(Default)]
struct Facts {
    name: String,
    domain: String,
    workgroup: String,
    os_version: String,
    pid: String,
    macs: Vec<String>,
}

impl Facts {
    /// Takes the pairs out of `node` that can be used. Those that cannot stay, as do those of a machine without a name, which
    /// becomes no computer.
    fn take(node: &mut Node<'_>, sole_product: bool) -> Self {
        let mut facts = Self::default();
        let has_name = node.groups("MachineAttribute").any(|pair| {
            let text = |name| pair.peek(name).map_or("", |(_, text)| text).trim();
            text("AttribName") == "MachineName" && !text("AttribValue").is_empty()
        });
        for pair in node.groups("MachineAttribute") {
            let text = |name| pair.peek(name).map_or("", |(_, text)| text).trim().to_owned();
            let (name, value) = (text("AttribName"), text("AttribValue"));
            let used = match &*name {
                other if !has_name && other != "MachinePID" => value.is_empty(),
                "MachineName" => set(&mut facts.name, &value),
                "MachineDomain" => set(&mut facts.domain, &value),
                "MachineWorkgroup" => set(&mut facts.workgroup, &value),
                "MachineOSVersion" => set(&mut facts.os_version, &value),
                // The extended PID of the installed key, if it is one, and if it is clear which product's.
                "MachinePID" if value.is_empty() || (sole_product && ExtendedPid::parse(&value).is_ok()) => {
                    set(&mut facts.pid, &value)
                }
                name if name.starts_with("MachineMAC_NIC") => match mac_address(&value) {
                    Some(mac) => {
                        if !facts.macs.contains(&mac) {
                            facts.macs.push(mac);
                        }
                        true
                    }
                    None => value.is_empty(),
                },
                _ => false,
            };
            if used {
                pair.take("AttribName");
                pair.take("AttribValue");
            }
        }
        facts
    }

    /// The network's kind and name. A machine is in a domain or in a workgroup.
    fn network(&self) -> (&'static str, &str) {
        match (&*self.domain, &*self.workgroup) {
            ("", "") => ("", ""),
            ("", workgroup) => ("Workgroup", workgroup),
            (domain, _) => ("Domain", domain),
        }
    }
}

/// Sets a fact once. False: it was said before, differently.
fn set(fact: &mut String, value: &str) -> bool {
    if fact.is_empty() {
        value.clone_into(fact);
    }
    fact == value || value.is_empty()
}

fn machine(list: &mut Builder<'_, '_>, mut node: Node<'_>) {
    let products = node.remove_groups("LicenseInformation");
    let facts = Facts::take(&mut node, products.len() == 1);
    let id = identity(&node, &facts.name);
    let read = status_time(list, &mut node);
    let owner = if facts.name.is_empty() {
        nameless(list, &mut node, id, products.len())
    } else {
        named(list, node, id, &facts)
    };
    for product in products {
        self::product(list, product, &owner, &facts.pid, read);
    }
}

/// When the license status was read: hexadecimal seconds since 1970, or a date.
fn status_time(list: &mut Builder<'_, '_>, node: &mut Node<'_>) -> Option<DateTime<Utc>> {
    let (at, text) = node.peek("LastStatusUpdateTime")?;
    match parse_time(text) {
        Ok(read) => {
            node.take("LastStatusUpdateTime");
            read
        }
        Err(reason) => {
            list.warn(at, "LastStatusUpdateTime", super::cilx::unusable(&reason));
            None
        }
    }
}

fn parse_time(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    let text = text.trim();
    if text.len() >= 10 && text.contains('-') {
        return parse_date(text);
    }
    let digits = text.trim_start_matches("0x").trim_start_matches("0X");
    if digits.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{:?} is no time in hexadecimal seconds", super::values::clip(text));
    let seconds = u64::from_str_radix(digits, 16).map_err(|_| wrong())?;
    if seconds == 0 {
        return Ok(None);
    }
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .filter(|time| time.year() <= 9999)
        .map(Some)
        .ok_or_else(wrong)
}

/// A machine saved without names: known by its identity alone, so its products have no computer.
fn nameless(list: &mut Builder<'_, '_>, node: &mut Node<'_>, id: ComputerId, products: usize) -> Owner {
    let given = node
        .peek("Id")
        .map(|(_, text)| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let owner = Owner {
        id,
        name: None,
        words: given.unwrap_or_else(|| id.0.to_string()),
    };
    list.keep_nameless("Machine", &owner, node, products);
    owner
}

fn named(list: &mut Builder<'_, '_>, mut node: Node<'_>, id: ComputerId, facts: &Facts) -> Owner {
    let (kind, network) = facts.network();
    let (unique, renamed) = list.name_for(&facts.name, network);
    let at = node.start;
    let mut record = ClientRecord::new();
    let mut filling = list.fill(&mut record);
    for (theirs, native, text) in [
        ("MachineName", "FullyQualifiedDomainName", &*unique),
        ("MachineDomain", "NetworkType", kind),
        ("MachineDomain", "DomainWorkgroupName", network),
        ("MachineOSVersion", "OSVersion", &facts.os_version),
    ] {
        filling.put_text(at, theirs, native, text);
    }
    for mac in &facts.macs {
        filling.put_mac(mac);
    }
    if node
        .peek("Id")
        .is_some_and(|(_, text)| Uuid::try_parse(text.trim()).is_ok())
    {
        node.take("Id");
    }
    filling.put_extra(at, "Id", "Id", &id.0.to_string());
    if renamed {
        filling.put_extra(at, "MachineName", "ConnectAddress", &facts.name);
        let reason = format!(
            "another computer of another network is called {}, too; this one is reached by that name and called {unique} here",
            facts.name
        );
        filling.warn(at, "MachineName", reason);
    }
    let kept = filling.done();
    list.put_client(record, &node, kept);
    Owner {
        id,
        name: Some(unique),
        words: String::new(),
    }
}

fn product(list: &mut Builder<'_, '_>, mut node: Node<'_>, owner: &Owner, pid: &str, read: Option<DateTime<Utc>>) {
    let mut record = ProductRecord::new();
    let mut filling = list.fill(&mut record);
    let at = node.start;
    let name = owner.name.as_deref().unwrap_or_default();
    filling.put_text(at, "MachineName", "FullyQualifiedDomainName", name);
    let guid = |node: &Node<'_>, name| node.peek(name).and_then(|(_, text)| Uuid::try_parse(text.trim()).ok());
    let (sku, application) = (guid(&node, "SkuId"), guid(&node, "AppId").map(ApplicationId));
    // A list saved without sensitive data lacks the last five characters; an installation ID tells of a key as well.
    let carries_key = ["PartialProductKey", "IID", "PendingCID"]
        .iter()
        .any(|name| node.peek(name).is_some_and(|(_, text)| !text.trim().is_empty()));
    let channel = node
        .peek("SkuDescription")
        .map(|(_, text)| text.to_ascii_uppercase())
        .unwrap_or_default();
    filling.put(&mut node, "SkuId", "Sku");
    filling.put(&mut node, "AppId", "ApplicationId");
    for (theirs, native) in PRODUCT_VALUES {
        filling.put(&mut node, theirs, native);
    }
    if let Some((at, text)) = node.take("LicenseStatus") {
        filling.put_text(at, "LicenseStatus", "LicenseStatus", &license_status(&text));
    }
    filling.put_text(at, "MachinePID", "ProductKeyId", pid);
    let kind = CHANNELS
        .iter()
        .find(|(part, _)| channel.contains(part))
        .filter(|_| carries_key);
    if let Some((_, kind)) = kind {
        filling.put_text(at, "SkuDescription", "ProductKeyType", kind.name());
    }
    if application == Some(ApplicationId::WINDOWS) {
        filling.put_text(at, "AppId", "SoftwareProtectionService", "SPP");
    }
    if owner.name.is_none() {
        filling.put_extra(
            at,
            "Machine",
            "Remarks",
            &format!("Computer {} of a list saved without names", owner.words),
        );
        if sku.is_some() {
            // The same as with names: so that what comes home finds its product.
            let id = ProductId::derive(owner.id, application.unwrap_or_default(), sku);
            filling.put_text(at, "Id", "ExportGuid", &id.0.to_string());
        }
    }
    if let Some(read) = read {
        for native in ["LicenseStatusLastUpdated", "LastUpdated"] {
            filling.put_text(at, "LastStatusUpdateTime", native, &date_text(read));
        }
        // In minutes, as WMI says it. Nothing is published of the unit, so the number is also kept as it stands.
        if let Some((at, minutes)) = node.peek("GraceTime").filter(|(_, text)| !text.trim().is_empty()) {
            match grace_end(read, minutes) {
                Ok(Some(end)) => filling.put_text(at, "GraceTime", "GraceExpirationDate", &end),
                Ok(None) => {}
                Err(reason) => filling.warn(at, "GraceTime", super::cilx::unusable(&reason)),
            }
        }
    }
    let kept = filling.done();
    list.put_product(record, &node, kept, owner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hexadecimal_seconds_or_dates() {
        let seconds = |text| parse_time(text).unwrap().map(|t| t.timestamp());
        assert_eq!(seconds("0x4AC8F2B0"), Some(0x4AC8_F2B0));
        assert_eq!(seconds("4ac8f2b0"), Some(0x4AC8_F2B0));
        assert_eq!(seconds("2009-10-04T19:00:00Z"), Some(1_254_682_800));
        assert_eq!(seconds("0x0"), None);
        assert_eq!(seconds(" "), None);
        for absurd in [
            "7FFFFFFFFFFFFFFF",
            "FFFFFFFFFFFFFFFF",
            "FFFFFFFFFFFFFFFFFF",
            "soon",
            "-4AC8F2B0",
            "2009-13-01",
        ] {
            assert!(parse_time(absurd).is_err(), "{absurd}");
        }
    }
}
