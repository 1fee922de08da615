//! Records as they are written, in the order of VAMT's schema.

use std::io;

use crate::cil::export::{NOT_ACQUIRED, RETURNED};
use crate::cil::seal::sealed_form;
use crate::cil::values::actions_for;
use crate::model::{
    ApplicationId, Computer, ComputerId, Confirmation, HResult, KeyEntry, LicenseStatus, Product, VolumeActivationType,
    WayIn,
};

use super::out::{Out, dated, guid, named, number, plain, text};

/// A product with everything that is known of it.
pub(super) fn product(out: &mut Out<'_>, product: &Product, computer: Option<&Computer>) -> io::Result<()> {
    let foreign = product.foreign.parts();
    let volume = &product.volume;
    out.begin("Product", foreign);
    number!(
        out,
        "ActionsAllowed",
        product.actions_allowed.unwrap_or_else(|| actions_for(product))
    );
    let known = product.application != ApplicationId::default();
    if !product.application_name.is_empty() {
        text!(out, "ApplicationName", &product.application_name);
    } else if known && product.application.name() != "Unknown" {
        plain!(out, "ApplicationName", product.application.name());
    }
    if known {
        guid!(out, "ApplicationId", product.application.0);
    }
    text!(out, "CMID", &product.cmid);
    if let Some(confirmation) = &product.confirmation {
        plain!(out, "ConfirmationId", confirmation.confirmation_id.digits());
    }
    guid!(out, "ExportGuid", product.id.0);
    if let Some(computer) = computer {
        text!(out, "FullyQualifiedDomainName", &computer.name);
    }
    named!(out, "GenuineStatus", product.genuine_status, foreign);
    dated!(out, "GraceExpirationDate", product.grace_expires);
    if let Some(id) = &product.installation_id {
        plain!(out, "InstallationId", id.digits());
    }
    text!(out, "KmsHost", &volume.kms_host);
    if let Some(port) = volume.kms_port {
        number!(out, "KmsPort", port);
    }
    if let Some(action) = &product.last_action {
        match &action.failure {
            None => {
                text!(out, "LastActionStatus", &action.what);
                plain!(out, "LastErrorCode", "0");
            }
            Some(failure) => {
                let words = if action.what.is_empty() {
                    failure.message.clone()
                } else {
                    format!("{}: {}", action.what, failure.message)
                };
                text!(out, "LastActionStatus", &words);
                if let Some(code) = failure.code {
                    number!(out, "LastErrorCode", code.0.cast_signed());
                }
            }
        }
    }
    dated!(out, "LastUpdated", product.last_updated);
    text!(out, "LicenseFamily", &product.license_family);
    if product.license_status != LicenseStatus::default() || !super::out::holds(foreign, "LicenseStatus") {
        plain!(out, "LicenseStatus", product.license_status.name());
    }
    dated!(out, "LicenseStatusLastUpdated", product.status_updated);
    if let Some(code) = product.license_status_reason {
        number!(out, "LicenseStatusReason", code.0.cast_signed());
    }
    if let Some(five) = product.partial_product_key {
        plain!(out, "PartialProductKey", five.as_str());
    }
    text!(out, "ProductDescription", &product.description);
    if let Some(pid) = &product.product_key_id {
        plain!(out, "ProductKeyId", pid.text());
    }
    text!(out, "ProductName", &product.name);
    named!(out, "ProductKeyType", product.key_type, foreign);
    text!(out, "ProductVersion", &product.version);
    if let Some(sku) = product.sku {
        guid!(out, "Sku", sku);
    }
    plain!(out, "ProductKeyTypeName", product.key_type.label());
    plain!(out, "LicenseStatusText", product.license_status.label());
    plain!(out, "GenuineStatusText", product.genuine_status.label());
    text!(out, "ResourceLanguage", &product.resource_language);
    named!(out, "SoftwareProtectionService", product.service, foreign);
    for (name, kind) in [
        ("VLActivationType", volume.activated_by),
        ("VLActivationTypeEnabled", volume.enabled),
    ] {
        if kind != VolumeActivationType::default() || !super::out::holds(foreign, name) {
            if name == "VLActivationType" {
                plain!(out, "VLActivationType", kind.name());
            } else {
                plain!(out, "VLActivationTypeEnabled", kind.name());
            }
        }
    }
    if let Some(object) = &volume.ad_object {
        text!(out, "AdActivationObjectName", &object.name);
        text!(out, "AdActivationObjectDN", &object.dn);
        text!(out, "AdActivationCsvlkSkuId", &object.csvlk_sku);
        text!(out, "AdActivationCsvlkPid", &object.csvlk_pid);
    }
    product_extra(out, product);
    out.end("Product", foreign)
}

/// What VAMT has no element for.
fn product_extra(out: &mut Out<'_>, product: &Product) {
    let action = product
        .last_action
        .as_ref()
        .filter(|a| a.at.is_some() || a.failure.is_some() || a.what.is_empty());
    let confirmation = product
        .confirmation
        .as_ref()
        .filter(|c| c.installation_id.is_some() || c.acquired.is_some());
    let needed = product.is_addon
        || confirmation.is_some()
        || product.asked.is_some()
        || action.is_some()
        || !product.remarks.is_empty()
        || !product.earlier_confirmations.is_empty();
    if !needed {
        return;
    }
    out.begin_extra(product.foreign.parts());
    if product.is_addon {
        out.raw(" Addon=\"true\"");
    }
    if let Some(confirmation) = confirmation {
        if let Some(id) = &confirmation.installation_id {
            out.attribute("ConfirmationFor", &id.digits());
        }
        out.date_attribute("Acquired", confirmation.acquired);
    }
    if let Some(asked) = &product.asked {
        out.attribute("AskedFor", &asked.installation_id.digits());
        out.date_attribute("AskedAt", Some(asked.at));
    }
    if let Some(action) = action {
        if action.what.is_empty() || action.failure.is_some() {
            out.attribute("ActionWhat", &action.what);
        }
        out.date_attribute("ActionAt", action.at);
        if let Some(failure) = &action.failure {
            out.failure_attributes(["ActionClass", "ActionMessage", "ActionCode"], failure);
        }
    }
    if !product.remarks.is_empty() {
        out.attribute("Remarks", &product.remarks);
    }
    if product.earlier_confirmations.is_empty() {
        out.raw("/>\n");
        return;
    }
    out.raw(">\n");
    for earlier in &product.earlier_confirmations {
        out.raw("          <");
        out.raw(out.prefix);
        out.raw(":Earlier");
        if let Some(id) = &earlier.installation_id {
            out.attribute("InstallationId", &id.digits());
        }
        out.attribute("ConfirmationId", &earlier.confirmation_id.digits());
        out.date_attribute("Acquired", earlier.acquired);
        out.raw("/>\n");
    }
    end_extra(out);
}

fn end_extra(out: &mut Out<'_>) {
    out.raw("        </");
    out.raw(out.prefix);
    out.raw(":Extra>\n");
}

/// Proxy activation data: what the activation service needs, the join key, and what comes back. No free text: it may name
/// a computer, a person or a network.
pub(super) fn proxy_product(out: &mut Out<'_>, product: &Product) -> io::Result<()> {
    out.begin("Product", None);
    number!(
        out,
        "ActionsAllowed",
        product.actions_allowed.unwrap_or_else(|| actions_for(product))
    );
    if product.application != ApplicationId::default() {
        plain!(out, "ApplicationName", product.application.name());
        guid!(out, "ApplicationId", product.application.0);
    }
    let confirmation = product.usable_confirmation();
    if let Some(Confirmation { confirmation_id, .. }) = confirmation {
        plain!(out, "ConfirmationId", confirmation_id.digits());
    }
    guid!(out, "ExportGuid", product.id.0);
    if let Some(id) = &product.installation_id {
        plain!(out, "InstallationId", id.digits());
    }
    let failure = product.last_action.as_ref().and_then(|a| a.failure.as_ref());
    if confirmation.is_some() {
        plain!(out, "LastActionStatus", RETURNED);
        plain!(out, "LastErrorCode", "0");
    } else if let Some(failure) = failure
        && product.last_action.as_ref().is_some_and(|a| *a.what == *NOT_ACQUIRED)
    {
        plain!(out, "LastActionStatus", NOT_ACQUIRED);
        // Without a code of its own: E_FAIL, so that the other side sees a failure.
        let code = failure.code.unwrap_or(HResult(0x8000_4005));
        number!(out, "LastErrorCode", code.0.cast_signed());
    }
    dated!(out, "LastUpdated", product.last_updated);
    if let Some(code) = product.license_status_reason {
        number!(out, "LicenseStatusReason", code.0.cast_signed());
    }
    if let Some(pid) = &product.product_key_id {
        plain!(out, "ProductKeyId", pid.text());
    }
    plain!(out, "ProductKeyType", product.key_type.name());
    if let Some(sku) = product.sku {
        guid!(out, "Sku", sku);
    }
    plain!(out, "SoftwareProtectionService", product.service.name());
    out.end("Product", None)
}

/// A computer.
pub(super) fn computer(out: &mut Out<'_>, computer: &Computer) -> io::Result<()> {
    let foreign = computer.foreign.parts();
    out.begin("VolumeActivationClient", foreign);
    text!(out, "FullyQualifiedDomainName", &computer.name);
    text!(out, "DomainWorkgroupName", &computer.network.name);
    if let Some(is_kms_host) = computer.is_kms_host {
        plain!(out, "IsKmsHost", if is_kms_host { "true" } else { "false" });
    }
    named!(out, "NetworkType", computer.network.kind, foreign);
    text!(out, "OSEdition", &computer.os_edition);
    text!(out, "OSVersion", &computer.os_version);
    let derived = computer.id == ComputerId::from_name(&computer.name);
    let needed = !derived
        || !computer.mac_addresses.is_empty()
        || computer.directory_id.is_some()
        || computer.connect.is_some()
        || computer.contact.is_some()
        || !computer.remarks.is_empty();
    if needed {
        computer_extra(out, computer, derived);
    }
    out.end("VolumeActivationClient", foreign)
}

fn computer_extra(out: &mut Out<'_>, computer: &Computer, derived: bool) {
    out.begin_extra(computer.foreign.parts());
    if !derived {
        out.attribute("Id", &computer.id.0.to_string());
    }
    if let Some(id) = computer.directory_id {
        out.attribute("DirectoryId", &id.to_string());
    }
    if let Some(connect) = &computer.connect {
        if let Some(address) = &connect.address {
            out.attribute("ConnectAddress", address);
        }
        if let Some(port) = connect.port {
            out.attribute("ConnectPort", &port.to_string());
        }
        match connect.way {
            Some(WayIn::Http) => out.attribute("ConnectTls", "false"),
            Some(WayIn::Https) => out.attribute("ConnectTls", "true"),
            Some(way @ WayIn::Dcom) => out.attribute("ConnectWay", way.name()),
            None => out.attribute("ConnectWay", "auto"),
        }
    }
    if let Some(contact) = &computer.contact {
        out.date_attribute("ContactAt", Some(contact.at));
        if let Some(way) = contact.way {
            out.attribute("ContactWay", way.name());
        }
        if let Some(failure) = &contact.failure {
            out.failure_attributes(["ContactClass", "ContactMessage", "ContactCode"], failure);
        }
    }
    if !computer.remarks.is_empty() {
        out.attribute("Remarks", &computer.remarks);
    }
    if computer.mac_addresses.is_empty() {
        out.raw("/>\n");
        return;
    }
    out.raw(">\n");
    for mac in &computer.mac_addresses {
        out.raw("          <");
        out.raw(out.prefix);
        out.raw(":Mac>");
        out.text(mac);
        out.raw("</");
        out.raw(out.prefix);
        out.raw(":Mac>\n");
    }
    end_extra(out);
}

/// An owned product key; without its value when `out` masks keys.
pub(super) fn key(out: &mut Out<'_>, key: &KeyEntry) -> io::Result<()> {
    let foreign = key.foreign.parts();
    out.begin("ProductKey", foreign);
    text!(out, "KeyDescription", &key.description);
    text!(out, "KeyId", &key.key_id);
    named!(out, "KeyType", key.key_type, foreign);
    let value = key.key.as_ref().filter(|_| !out.redact);
    if let Some(value) = value {
        plain!(out, "KeyValue", value.reveal());
    }
    dated!(out, "LastUpdate", key.last_update);
    if let Some(failure) = &key.last_failure
        && let Some(code) = failure.code
    {
        number!(out, "LastErrorCode", code.0.cast_signed());
    }
    match key.remaining.and_then(|r| r.left) {
        Some(left) => number!(out, "RemainingActivations", left),
        None if super::out::holds(foreign, "RemainingActivations") => {}
        None => plain!(out, "RemainingActivations", "-1"),
    }
    text!(out, "SupportedEditions", &key.supported_editions);
    text!(out, "SupportedSku", &key.supported_sku);
    text!(out, "UserRemarks", &key.remarks);
    plain!(out, "KeyTypeName", key.key_type.label());

    out.begin_extra(foreign);
    out.attribute("Id", &key.id.0.to_string());
    if let Some(seal) = out.seal
        && let Some(sealed) = sealed_form(seal, key).map_err(io::Error::other)?
    {
        out.attribute("Sealed", &sealed.0);
    }
    if value.is_none()
        && let Some(five) = key.last_five
    {
        out.attribute("LastFive", five.as_str());
    }
    if let Some(remaining) = key.remaining {
        match remaining.at {
            Some(at) => out.date_attribute("CountedAt", Some(at)),
            None if remaining.left.is_none() => out.raw(" CountedAt=\"\""),
            None => {}
        }
    }
    for (name, number) in [("MostSeen", key.most_seen), ("LowWater", key.low_water)] {
        if let Some(number) = number {
            out.attribute(name, &number.to_string());
        }
    }
    if let Some(failure) = &key.last_failure {
        out.failure_attributes(["FailureClass", "FailureMessage", "FailureCode"], failure);
    }
    out.raw("/>\n");
    out.end("ProductKey", foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_are_written_as_vamts_database_has_them() {
        let mut bytes = Vec::new();
        let mut emit = |block: &mut Vec<u8>| {
            bytes.append(block);
            Ok(())
        };
        let mut out = Out::new(&mut emit, false, "mk");
        let mut row = Product::new(crate::model::ProductId(uuid::Uuid::nil()), None, ApplicationId::WINDOWS);
        row.license_status_reason = Some(HResult(0xC004_F074));
        product(&mut out, &row, None).unwrap();
        out.flush().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains("<LicenseStatusReason>-1073418124</LicenseStatusReason>"),
            "{text}"
        );
    }
}
