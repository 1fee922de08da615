//! VAMT 2.0 `.cil`, read only: root `SoftwareLicensingData`, values as attributes and child elements.
//!
//! The names down to `Sku/@ApplicationId` are from VAMT 2.0's own help; those below are from a reader of such files. Where
//! a value may stand is not certain, so each is taken as attribute or as child element, on its record or in its group.

use uuid::Uuid;

use super::cilx::{Bulk, ClientRecord, ProductRecord};
use super::error::{CilError, LegacyFormat};
use super::legacy::{
    Builder, Filling, Node, Owner, date_text, grace_end, identity, key_type, license_status, mac_address,
};
use super::values::{parse_bool, parse_date};
use super::{Loaded, Watch};
use crate::model::{ApplicationId, ProductId};

/// Elements that hold values or records.
const GROUPS: &[&str] = &["MacAddresses", "Products", "Product", "Sku", "LicenseInfo"];
/// Where a value of a product may stand besides the product itself.
const PRODUCT_GROUPS: &[&str] = &["LicenseInfo", "Sku"];
/// Values of a product that need nothing but their name in the native format.
const PRODUCT_VALUES: &[(&str, &str)] = &[
    ("Version", "ProductVersion"),
    ("PartialProductKey", "PartialProductKey"),
    ("ProductKeyId", "ProductKeyId"),
    ("InstallationId", "InstallationId"),
    ("ConfirmationId", "ConfirmationId"),
    ("LicenseStatusReason", "LicenseStatusReason"),
    ("GenuineStatus", "GenuineStatus"),
    ("LicenseFamily", "LicenseFamily"),
    ("LastActionState", "LastActionStatus"),
    ("LastErrorCode", "LastErrorCode"),
];
/// Values of a computer with a name.
const COMPUTER_VALUES: &[(&str, &str)] = &[
    ("OSVersion", "OSVersion"),
    ("OSEdition", "OSEdition"),
    ("NetworkType", "NetworkType"),
    ("NetworkName", "DomainWorkgroupName"),
];
/// Values of a product key.
const KEY_VALUES: &[(&str, &str)] = &[
    ("Value", "KeyValue"),
    ("Description", "KeyDescription"),
    ("RemainingActivationCount", "RemainingActivations"),
    ("SupportedEditions", "SupportedEditions"),
    ("Id", "KeyId"),
    ("Remarks", "UserRemarks"),
];

/// Root element.
pub(super) const ROOT: &str = "SoftwareLicensingData";

/// Reads a list from its text.
pub(super) fn read_document(text: &str, watch: &Watch<'_>) -> Result<Loaded, CilError> {
    Builder::new(text, LegacyFormat::Vamt2, watch).read(|list, tag| {
        match tag.name {
            "Computers" => list.container(tag, "Computer", GROUPS, computer)?,
            "ProductKeys" => list.product_keys(tag, KEY_VALUES, "Type")?,
            _ => return Ok(false),
        }
        Ok(true)
    })
}

fn computer(list: &mut Builder<'_, '_>, mut node: Node<'_>) {
    let mut products = node.remove_groups("Product");
    for group in node.groups("Products") {
        products.extend(group.remove_groups("Product"));
    }
    let name = node.peek("Name").map_or("", |(_, text)| text).trim().to_owned();
    let id = identity(&node, &name);
    let owner = if name.is_empty() {
        nameless(list, &mut node, id, products.len())
    } else {
        named(list, node, id, &name)
    };
    for product in products {
        self::product(list, product, &owner);
    }
}

/// A computer saved "without sensitive data": known by its identity alone, so its products have no computer.
fn nameless(list: &mut Builder<'_, '_>, node: &mut Node<'_>, id: crate::model::ComputerId, products: usize) -> Owner {
    node.take("Name");
    if node
        .peek("NetworkType")
        .is_some_and(|(_, text)| text.trim().eq_ignore_ascii_case("None"))
    {
        node.take("NetworkType");
    }
    let given = node
        .peek("Id")
        .map(|(_, text)| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let owner = Owner {
        id,
        name: None,
        words: given.unwrap_or_else(|| id.0.to_string()),
    };
    if products > 0 {
        node.take("Id");
    }
    list.keep_nameless("Computer", &owner, node, products);
    owner
}

fn named(list: &mut Builder<'_, '_>, mut node: Node<'_>, id: crate::model::ComputerId, name: &str) -> Owner {
    let network = node.peek("NetworkName").map_or("", |(_, text)| text).to_owned();
    let (unique, renamed) = list.name_for(name, &network);
    let mut record = ClientRecord::new();
    let mut filling = list.fill(&mut record);
    let at = node.start;
    node.take("Name");
    filling.put_text(at, "Name", "FullyQualifiedDomainName", &unique);
    for (theirs, native) in COMPUTER_VALUES {
        filling.put(&mut node, theirs, native);
    }
    if node
        .peek("Id")
        .is_some_and(|(_, text)| Uuid::try_parse(text.trim()).is_ok())
    {
        node.take("Id");
    }
    filling.put_extra(at, "Id", "Id", &id.0.to_string());
    macs(&mut filling, &mut node);
    if renamed {
        filling.put_extra(at, "Name", "ConnectAddress", name);
        filling.warn(at, "Name", format!("another computer of another network is called {name}, too; this one is reached by that name and called {unique} here"));
    }
    let kept = filling.done();
    list.put_client(record, &node, kept);
    Owner {
        id,
        name: Some(unique),
        words: String::new(),
    }
}

/// Hardware addresses. Two computers may have the same: nothing is told apart by them.
fn macs(filling: &mut Filling<'_, ClientRecord>, node: &mut Node<'_>) {
    let mut seen: Vec<String> = Vec::new();
    let Some(group) = node.group("MacAddresses") else {
        return;
    };
    while let Some((at, text)) = group.peek("MacAddress").map(|(at, text)| (at, text.to_owned())) {
        match mac_address(&text) {
            Some(mac) => {
                group.take("MacAddress");
                if !seen.contains(&mac) {
                    filling.put_mac(&mac);
                    seen.push(mac);
                }
            }
            None if text.trim().is_empty() => drop(group.take("MacAddress")),
            None => {
                filling.warn(
                    at,
                    "MacAddress",
                    "it is no hardware address; kept in the file as it stands, not used",
                );
                // Those behind it are kept with it.
                return;
            }
        }
    }
}

/// The first value of this name on the product or in one of its groups.
fn take<'a>(node: &mut Node<'a>, name: &str) -> Option<(usize, std::borrow::Cow<'a, str>)> {
    if let Some(found) = node.take(name) {
        return Some(found);
    }
    PRODUCT_GROUPS.iter().find_map(|group| node.group(group)?.take(name))
}

fn product(list: &mut Builder<'_, '_>, mut node: Node<'_>, owner: &Owner) {
    let mut record = ProductRecord::new();
    let mut filling = list.fill(&mut record);
    let at = node.start;
    filling.put_text(
        at,
        "Name",
        "FullyQualifiedDomainName",
        owner.name.as_deref().unwrap_or_default(),
    );
    let mut sku = node.take("Sku");
    if let Some(group) = node.group("Sku") {
        sku = sku.or_else(|| group.take("Id"));
        filling.put(group, "Name", "ProductName");
        filling.put(group, "Description", "ProductDescription");
    }
    let application = take(&mut node, "ApplicationId");
    let guid = |text: &Option<(usize, std::borrow::Cow<'_, str>)>| {
        text.as_ref().and_then(|(_, text)| Uuid::try_parse(text.trim()).ok())
    };
    let (sku_id, application_id) = (guid(&sku), ApplicationId(guid(&application).unwrap_or_default()));
    for (found, theirs, native) in [(sku, "Sku", "Sku"), (application, "ApplicationId", "ApplicationId")] {
        if let Some((at, text)) = found {
            filling.put_text(at, theirs, native, &text);
        }
    }
    if owner.name.is_none() {
        filling.put_extra(
            at,
            "Computer",
            "Remarks",
            &format!("Computer {} of a list saved without names", owner.words),
        );
        if sku_id.is_some() {
            // The same as with names: so that what comes home finds its product.
            let id = ProductId::derive(owner.id, application_id, sku_id);
            filling.put_text(at, "Id", "ExportGuid", &id.0.to_string());
        }
    }
    let service = match application_id {
        ApplicationId::WINDOWS => "SPP",
        ApplicationId::OFFICE_2010 => "OSPP",
        // Later Office is held by either, depending on Windows.
        _ => "",
    };
    filling.put_text(at, "ApplicationId", "SoftwareProtectionService", service);
    for (theirs, native) in PRODUCT_VALUES {
        if let Some((at, text)) = take(&mut node, theirs) {
            filling.put_text(at, theirs, native, &text);
        }
    }
    if let Some((at, text)) = take(&mut node, "KeyType") {
        filling.put_text(at, "KeyType", "ProductKeyType", &key_type(&text));
    }
    if let Some((at, text)) = take(&mut node, "LicenseStatus") {
        filling.put_text(at, "LicenseStatus", "LicenseStatus", &license_status(&text));
    }
    addon(&mut filling, &mut node);
    dates(&mut filling, &mut node);
    let kept = filling.done();
    list.put_product(record, &node, kept, owner);
}

fn addon(filling: &mut Filling<'_, ProductRecord<'static>>, node: &mut Node<'_>) {
    let holder = if node.peek("LicenseIsAddon").is_some() {
        Some(node)
    } else {
        node.group("LicenseInfo")
    };
    let Some(holder) = holder else { return };
    let Some((at, text)) = holder.peek("LicenseIsAddon") else {
        return;
    };
    match parse_bool(text) {
        Some(true) => drop(filling.put_extra(at, "LicenseIsAddon", "Addon", "true")),
        Some(false) => {}
        None => return,
    }
    holder.take("LicenseIsAddon");
}

/// When the status was read, and the end of the grace period that counts from then.
fn dates(filling: &mut Filling<'_, ProductRecord<'static>>, node: &mut Node<'_>) {
    let mut read = None;
    if let Some((at, text)) = take(node, "LastUpdateTime") {
        filling.put_text(at, "LastUpdateTime", "LicenseStatusLastUpdated", &text);
        read = parse_date(&text).ok().flatten();
        if let Some(read) = read {
            filling.put_text(at, "LastUpdateTime", "LastUpdated", &date_text(read));
        }
    }
    let holder = if node.peek("GracePeriodRemaining").is_some() {
        Some(node)
    } else {
        node.group("LicenseInfo")
    };
    let Some(holder) = holder else { return };
    let Some((at, minutes)) = holder.peek("GracePeriodRemaining") else {
        return;
    };
    if minutes.trim().is_empty() || minutes.trim() == "0" {
        holder.take("GracePeriodRemaining");
        return;
    }
    // Minutes from an unknown moment tell nothing; they are kept.
    let Some(read) = read else { return };
    match grace_end(read, minutes) {
        Ok(end) => {
            if let Some(end) = end {
                filling.put_text(at, "GracePeriodRemaining", "GraceExpirationDate", &end);
            }
            holder.take("GracePeriodRemaining");
        }
        Err(reason) => filling.warn(at, "GracePeriodRemaining", super::cilx::unusable(&reason)),
    }
}
