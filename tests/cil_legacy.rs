//! Lists of VAMT 2.0 and 1.x: read by content, nothing of them lost, never overwritten.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cil_common;

use std::path::{Path, PathBuf};

use cil_common::{cid, contents, guid, iid, saved};
use makeeper::cil::{self, ExportProfile, LegacyFormat, import};
use makeeper::model::*;

const SKU: &str = "c06b6981-d7fd-4a35-b7b4-054742b7af67";
const WINDOWS: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";
const PID: &str = "55041-90101-000-100014-03-1033-7601.0000-0742011";

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

fn read_sample(name: &str) -> cil::Loaded {
    cil::read(&std::fs::read(sample(name)).unwrap()).unwrap()
}

fn read(text: &str) -> cil::Loaded {
    cil::read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn vamt2(computers: &str, rest: &str) -> String {
    format!("<SoftwareLicensingData Version=\"2.0\"><Computers>{computers}</Computers>{rest}</SoftwareLicensingData>")
}

fn vamt1(machines: &str, rest: &str) -> String {
    format!(
        "<VamtStorage Version=\"1.2\"><MachineInformationList>{machines}</MachineInformationList>{rest}</VamtStorage>"
    )
}

fn only_product(loaded: &cil::Loaded) -> Product {
    assert_eq!(loaded.inventory.product_count(), 1);
    (**loaded.inventory.products().next().unwrap()).clone()
}

fn only_computer(loaded: &cil::Loaded) -> Computer {
    assert_eq!(loaded.inventory.computer_count(), 1);
    (**loaded.inventory.computers().next().unwrap()).clone()
}

/// Saves as the native format and reads that: the same list, which saved again is the same bytes.
fn kept_whole(loaded: &cil::Loaded) -> String {
    let bytes = saved(&loaded.inventory);
    let again = cil::read(&bytes).unwrap();
    assert_eq!(again.legacy, None);
    assert_eq!(contents(&again.inventory), contents(&loaded.inventory));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(String::from_utf8(saved(&again.inventory)).unwrap(), text);
    text
}

#[test]
fn the_samples_of_older_versions_are_read_and_lose_nothing_when_they_are_saved() {
    let new = read_sample("vamt-2.0.cil");
    assert_eq!(new.legacy, Some(LegacyFormat::Vamt2));
    let counts = |l: &cil::Loaded| {
        (
            l.inventory.computer_count(),
            l.inventory.product_count(),
            l.inventory.key_count(),
        )
    };
    assert_eq!(counts(&new), (12, 14, 3));
    let old = read_sample("vamt-1.2.cil");
    assert_eq!(old.legacy, Some(LegacyFormat::Vamt1));
    assert_eq!(counts(&old), (11, 11, 2));
    let bare = read_sample("vamt-2.0-without-names.cil");
    assert_eq!(counts(&bare), (0, 14, 0));
    for loaded in [&new, &old, &bare] {
        kept_whole(loaded);
    }
    let text = kept_whole(&old);
    for kept in [
        "TimeCreated=\"0x",
        "TotalGraceTime=\"43200\"",
        "KeyPid=\"55041-90101",
        "ActionType=\"2\"",
        "CreateDate=\"0x47D53900\"",
    ] {
        assert!(text.contains(kept), "{kept}");
    }
}

#[test]
fn every_value_of_a_vamt_2_product_finds_its_field() {
    let text = vamt2(
        &format!(
            "<Computer Name=\"pc1.example.com\" OSVersion=\"6.1.7601\" OSEdition=\"Windows 7 Enterprise\" NetworkType=\"Domain\" \
             NetworkName=\"example.com\" Id=\"{}\"><MacAddresses><MacAddress>00:15:5d:00:00:01</MacAddress>\
             <MacAddress>00155D000002</MacAddress><MacAddress>00-15-5D-00-00-03</MacAddress></MacAddresses>\
             <Products><Product><Sku Id=\"{SKU}\" Name=\"Windows(R) 7\" ApplicationId=\"{WINDOWS}\" Description=\"MAK channel\"/>\
             <LicenseInfo LicenseStatus=\"OobGrace\" LicenseStatusReason=\"0x4004F00C\" GracePeriodRemaining=\"60\" \
             GenuineStatus=\"Genuine\" TokenEnabled=\"true\" LicenseIsAddon=\"true\"/><Version>6.1</Version>\
             <PartialProductKey>WC2C4</PartialProductKey><ProductKeyId>{PID}</ProductKeyId><KeyType>Volume:MAK</KeyType>\
             <InstallationId>{}</InstallationId><ConfirmationId>{}</ConfirmationId><LastErrorCode>0xC004F074</LastErrorCode>\
             <LastActionState>Activation failed</LastActionState><LastUpdateTime>2011-03-13T07:06:40</LastUpdateTime>\
             <LicenseFamily>Enterprise</LicenseFamily></Product></Products></Computer>",
            guid(7),
            iid(1).grouped(),
            cid(1).digits()
        ),
        "<ProductKeys><ProductKey Value=\"FKFKF-TRYMY-WWCCT-MKMKM-WC2C4\" Description=\"d\" RemainingActivationCount=\"12\" \
         SupportedEditions=\"e\" Type=\"Mak\" Id=\"77\" Remarks=\"r\"/></ProductKeys>",
    );
    let loaded = read(&text);
    assert_eq!(loaded.warnings, []);
    let computer = only_computer(&loaded);
    assert_eq!(computer.id, ComputerId(guid(7)));
    assert_eq!(
        (&*computer.name, &*computer.os_version),
        ("pc1.example.com", "6.1.7601")
    );
    assert_eq!(
        (computer.network.kind, &*computer.network.name),
        (NetworkKind::Domain, "example.com")
    );
    let macs: Vec<_> = computer.mac_addresses.iter().map(|m| &**m).collect();
    assert_eq!(macs, ["00-15-5D-00-00-01", "00-15-5D-00-00-02", "00-15-5D-00-00-03"]);
    let p = only_product(&loaded);
    assert_eq!(p.computer, Some(computer.id));
    assert_eq!(p.id, ProductId::derive(computer.id, ApplicationId::WINDOWS, p.sku));
    assert_eq!(p.sku, Some(SKU.parse().unwrap()));
    assert_eq!(
        (&*p.name, &*p.description, &*p.version),
        ("Windows(R) 7", "MAK channel", "6.1")
    );
    assert_eq!(
        (p.license_status, p.genuine_status),
        (LicenseStatus::InOobGrace, GenuineStatus::Genuine)
    );
    assert_eq!(p.license_status_reason, Some(HResult(0x4004_F00C)));
    assert_eq!(p.grace_expires.unwrap().to_rfc3339(), "2011-03-13T08:06:40+00:00");
    assert_eq!(p.status_updated.unwrap().to_rfc3339(), "2011-03-13T07:06:40+00:00");
    assert_eq!(p.last_updated, p.status_updated);
    assert!(p.is_addon);
    assert_eq!((p.key_type, p.service), (KeyType::Mak, ServiceFamily::SPP));
    assert_eq!(p.partial_product_key.unwrap().as_str(), "WC2C4");
    assert_eq!(p.product_key_id.as_ref().unwrap().text(), PID);
    assert_eq!(p.installation_id, Some(iid(1)));
    assert_eq!(p.confirmation.as_ref().unwrap().confirmation_id, cid(1));
    let action = p.last_action.as_ref().unwrap();
    assert_eq!(&*action.what, "Activation failed");
    assert_eq!(action.failure.as_ref().unwrap().code, Some(HResult(0xC004_F074)));
    let key = loaded.inventory.keys().next().unwrap();
    assert_eq!(key.key.as_ref().unwrap().reveal(), "FKFKF-TRYMY-WWCCT-MKMKM-WC2C4");
    assert_eq!((&*key.description, &*key.key_id, &*key.remarks), ("d", "77", "r"));
    assert_eq!((key.key_type, key.remaining.unwrap().left), (KeyType::Mak, Some(12)));
    assert!(kept_whole(&loaded).contains("<LicenseInfo TokenEnabled=\"true\"/>"));
}

#[test]
fn a_value_may_be_an_attribute_or_an_element_in_any_order() {
    let as_attributes = vamt2(
        &format!(
            "<Computer Name=\"pc1\" NetworkType=\"Workgroup\" NetworkName=\"LAB\" Id=\"{}\"><Products><Product Version=\"6.1\" \
             LastUpdateTime=\"2011-03-13T07:06:40\" KeyType=\"Mak\"><Sku Id=\"{SKU}\" Name=\"W\" ApplicationId=\"{WINDOWS}\"/>\
             <LicenseInfo LicenseStatus=\"1\" GracePeriodRemaining=\"5\"/></Product></Products></Computer>",
            guid(1)
        ),
        "<ProductKeys><ProductKey Value=\"FKFKF-TRYMY-WWCCT-MKMKM-WC2C4\" Type=\"7\"/></ProductKeys>",
    );
    let as_elements = format!(
        "<SoftwareLicensingData Version=\"2.0\"><ProductKeys><ProductKey><Type>Mak</Type>\
         <Value>FKFKF-TRYMY-WWCCT-MKMKM-WC2C4</Value></ProductKey></ProductKeys><Computers><Computer><Products><Product>\
         <GracePeriodRemaining>5</GracePeriodRemaining><LicenseStatus>Licensed</LicenseStatus>\
         <LicenseInfo/><KeyType xsi:type=\"x\">mak</KeyType><Version>6.1</Version>\
         <LastUpdateTime>2011-03-13T07:06:40Z</LastUpdateTime><Sku><ApplicationId>{WINDOWS}</ApplicationId><Name>W</Name>\
         <Id>{SKU}</Id></Sku></Product></Products><Id>{{{}}}</Id><NetworkName>LAB</NetworkName><NetworkType>Workgroup</NetworkType>\
         <Name>pc1</Name></Computer></Computers></SoftwareLicensingData>",
        guid(1).to_string().to_uppercase()
    );
    let (a, b) = (read(&as_attributes), read(&as_elements));
    assert_eq!((&a.warnings, &b.warnings), (&vec![], &vec![]));
    assert_eq!(contents(&a.inventory), contents(&b.inventory));
    assert_eq!(only_product(&a).license_status, LicenseStatus::Licensed);
}

#[test]
fn every_encoding_and_line_end_gives_the_same_older_list() {
    for name in ["vamt-2.0.cil", "vamt-1.2.cil"] {
        let expected = contents(&read_sample(name).inventory);
        let bytes = std::fs::read(sample(name)).unwrap();
        let text = match bytes.as_slice() {
            [0xFF, 0xFE, rest @ ..] => {
                let units: Vec<u16> = rest.chunks(2).map(|u| u16::from_le_bytes([u[0], u[1]])).collect();
                String::from_utf16(&units).unwrap()
            }
            utf8 => String::from_utf8(utf8.to_vec()).unwrap(),
        };
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            for mark in ["", "\u{feff}"] {
                let marked = format!("{mark}{text}");
                let units: Vec<u16> = marked.encode_utf16().collect();
                let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
                let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
                for bytes in [marked.into_bytes(), little, big] {
                    let found = contents(&cil::read(&bytes).unwrap().inventory);
                    // What is kept as it stands is kept with its line ends.
                    let plain = |c: &cil_common::Contents| format!("{c:?}").replace("\\r\\n", "\\n");
                    assert_eq!(plain(&found), plain(&expected));
                }
            }
        }
    }
}

#[test]
fn what_older_lists_say_that_has_no_field_survives_at_every_level() {
    let text = vamt2(
        &format!(
            "<Computer Name=\"pc1\" Room=\"12\" xmlns:y=\"urn:y\"><y:Rack n=\"1\">u&amp;v</y:Rack><MacAddresses Count=\"1\">\
             <MacAddress>zz</MacAddress></MacAddresses><Products Page=\"1\"><Product Note=\"&lt;n&gt;\"><Sku Id=\"{SKU}\" Color=\"red\"/>\
             <LicenseInfo TokenEnabled=\"1\"><Deep><Er/></Deep></LicenseInfo><x:More>m</x:More></Product></Products></Computer>\
             <Trailer/>"
        ),
        "<ProductKeys Total=\"1\"><ProductKey Description=\"d\" Color=\"blue\"/><Other>o</Other></ProductKeys><Settings a=\"1\"/>",
    )
    .replace("<SoftwareLicensingData ", "<SoftwareLicensingData xmlns:x=\"urn:x\" xmlns:mk=\"urn:not-ours\" Extra=\"e\" ");
    let loaded = read(&text);
    let out = kept_whole(&loaded);
    for kept in [
        "Room=\"12\"",
        "<y:Rack n=\"1\">u&amp;v</y:Rack>",
        "<MacAddresses Count=\"1\"><MacAddress>zz</MacAddress></MacAddresses>",
        "<Products Page=\"1\"/>",
        "Note=\"&lt;n&gt;\"",
        "<Sku Color=\"red\"/>",
        "<LicenseInfo TokenEnabled=\"1\"><Deep><Er/></Deep></LicenseInfo>",
        "<x:More>m</x:More>",
        "<Computers><Trailer/></Computers>",
        "<ProductKeys Total=\"1\"><Other>o</Other></ProductKeys>",
        "Color=\"blue\"",
        "<Settings a=\"1\"/>",
        "Extra=\"e\"",
        "Version=\"2.0\"",
    ] {
        assert_eq!(out.matches(kept).count(), 1, "{kept}\n{out}");
    }
    // Every prefix means the same as before.
    assert!(out.contains("mk2:Vamt2 xmlns:mk2=\"urn:makeeper:cil:1\""), "{out}");
    assert!(
        out.contains("xmlns:x=\"urn:x\"") && out.contains("xmlns:y=\"urn:y\""),
        "{out}"
    );
    assert!(is_well_formed(&out), "{out}");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(
        loaded.warnings[0].to_string().contains("computer pc1: MacAddress"),
        "{}",
        loaded.warnings[0]
    );
}

/// Well-formed with namespaces, in the eyes of Python.
fn is_well_formed(text: &str) -> bool {
    use std::io::Write;
    let mut python = std::process::Command::new(python())
        .args([
            "-c",
            "import sys, xml.dom.minidom as m; m.parseString(sys.stdin.buffer.read())",
        ])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    python.wait().unwrap().success()
}

#[test]
fn a_value_that_makes_no_sense_is_told_and_kept_until_a_better_one_comes() {
    let typo = iid(1).digits().replacen(&iid(1).digits()[..3], "999", 1);
    let text = vamt2(
        &format!(
            "<Computer Name=\"pc1\">\n<Products><Product><Sku Id=\"{SKU}\"/>\n<InstallationId>{typo}</InstallationId>\n\
             <LicenseInfo LicenseStatus=\"Splendid\" GracePeriodRemaining=\"-7\"/>\
             <LastUpdateTime>2011-03-13T07:06:40</LastUpdateTime></Product></Products></Computer>"
        ),
        "\n<ProductKeys><ProductKey Value=\"NPPR9-FWDCX-D2C8J-H872K-2YT34\" Description=\"typo\"/></ProductKeys>",
    );
    let loaded = read(&text);
    let told: Vec<_> = loaded.warnings.iter().map(|w| (w.line, &*w.row, &*w.element)).collect();
    assert_eq!(
        told,
        [
            (3, "Unknown on pc1", "InstallationId"),
            (4, "Unknown on pc1", "LicenseStatus"),
            (4, "Unknown on pc1", "GracePeriodRemaining"),
            (5, "product key typo", "Value")
        ]
    );
    assert!(
        loaded.warnings[0].to_string().contains("group 1 of 9"),
        "{}",
        loaded.warnings[0]
    );
    let shown = format!("{:?} {loaded:?}", loaded.warnings);
    assert!(!shown.contains("FWDCX"), "{shown}");
    let out = kept_whole_but_told(&loaded);
    assert!(
        out.contains(&typo) && out.contains("Splendid") && out.contains("GracePeriodRemaining=\"-7\""),
        "{out}"
    );
    assert!(out.contains("FWDCX"));
    // A key with a typing error stays at home, too.
    let mut carried = Vec::new();
    cil::export(&loaded.inventory, ExportProfile::WithoutKeys, None, &mut carried).unwrap();
    assert!(!String::from_utf8(carried).unwrap().contains("FWDCX"));
    let mut product = only_product(&loaded);
    product.license_status = LicenseStatus::Licensed;
    let mut inventory = loaded.inventory.clone();
    inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
    assert!(!String::from_utf8(saved(&inventory)).unwrap().contains("Splendid"));
}

fn kept_whole_but_told(loaded: &cil::Loaded) -> String {
    let bytes = saved(&loaded.inventory);
    let again = cil::read(&bytes).unwrap();
    assert!(!again.warnings.is_empty(), "what makes no sense is told again");
    assert_eq!(contents(&again.inventory), contents(&loaded.inventory));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn computers_without_names_are_known_by_their_id_and_come_home() {
    let product = |extra: &str| {
        format!(
            "<Products><Product><Sku Id=\"{SKU}\" ApplicationId=\"{WINDOWS}\"/><ProductKeyId>{PID}</ProductKeyId>\
             <KeyType>Mak</KeyType><InstallationId>{}</InstallationId>{extra}</Product></Products>",
            iid(1).digits()
        )
    };
    let at_home = read(&vamt2(
        &format!("<Computer Name=\"pc1\" Id=\"{}\">{}</Computer>", guid(5), product("")),
        "",
    ));
    let returned = read(&vamt2(
        &format!(
            "<Computer NetworkType=\"None\" Id=\"{}\">{}</Computer><Computer NetworkType=\"None\" Id=\"{}\" Room=\"9\"/>",
            guid(5),
            product(&format!("<ConfirmationId>{}</ConfirmationId>", cid(1).digits())),
            guid(6)
        ),
        "",
    ));
    assert_eq!(returned.warnings, []);
    assert_eq!(returned.inventory.computer_count(), 0);
    let row = only_product(&returned);
    assert_eq!((row.computer, row.id), (None, only_product(&at_home).id));
    assert!(row.remarks.contains(&guid(5).to_string()), "{}", row.remarks);
    let out = kept_whole(&returned);
    assert!(out.contains(&format!("<Computer Id=\"{}\"/>", guid(5))), "{out}");
    assert!(
        out.contains(&format!("Id=\"{}\"", guid(6))) && out.contains("Room=\"9\""),
        "{out}"
    );

    let plan = import::match_rows(&at_home.inventory, &returned, cil_common::at(0));
    assert_eq!((plan.matched, plan.confirmation_ids, plan.unmatched.len()), (1, 1, 0));
    let mut inventory = at_home.inventory.clone();
    for change in &plan.changes {
        inventory.apply(change).unwrap();
    }
    let product = inventory.products().next().unwrap();
    assert_eq!(product.usable_confirmation().unwrap().confirmation_id, cid(1));
    assert!(product.computer.is_some());
}

#[test]
fn equal_hardware_addresses_and_equal_names_in_two_workgroups_are_harmless() {
    let computer = |name: &str, group: &str, n: u64| {
        format!(
            "<Computer Name=\"{name}\" NetworkType=\"Workgroup\" NetworkName=\"{group}\" Id=\"{}\"><MacAddresses>\
             <MacAddress>00-50-56-C0-00-08</MacAddress><MacAddress>00-50-56-C0-00-08</MacAddress></MacAddresses>\
             <Products><Product><Sku Id=\"{SKU}\"/></Product></Products></Computer>",
            guid(n)
        )
    };
    let text = vamt2(
        &[
            computer("PC1", "A", 1),
            computer("pc1", "b", 2),
            computer("pc2", "A", 3),
            computer("PC1", "a", 4),
            computer("pc3", "A", 3),
        ]
        .concat(),
        "",
    );
    let loaded = read(&text);
    let names: Vec<_> = loaded.inventory.computers().map(|c| c.name.to_string()).collect();
    assert_eq!(names, ["PC1", "pc1 (b)", "pc2", "pc3"]);
    let second = loaded.inventory.computer_by_name("pc1 (b)").unwrap();
    assert_eq!((second.id, second.connect_address()), (ComputerId(guid(2)), "pc1"));
    assert!(loaded.inventory.computers().all(|c| c.mac_addresses.len() == 1));
    // One product each: that of the first entry of PC1 and that of the second are one.
    assert_eq!(loaded.inventory.product_count(), 4);
    let told: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|w| w.contains("another computer of another network is called pc1")),
        "{told:?}"
    );
    assert!(told.iter().any(|w| w.contains("in the list twice")), "{told:?}");
    assert!(told.iter().any(|w| w.contains("same identity")), "{told:?}");
    kept_whole(&loaded);
}

#[test]
fn a_machine_of_vamt_1_brings_times_pending_confirmation_ids_and_its_pid() {
    let machine = format!(
        "<Machine Id=\"{{{}}}\" TimeCreated=\"0x47D53900\" LastStatusUpdateTime=\"0x4D7C6DD0\">\
         <MachineAttribute AttribName=\"MachineName\" AttribValue=\"VISTA-1\"/>\
         <MachineAttribute AttribName=\"MachineDomain\" AttribValue=\"contoso.example\"/>\
         <MachineAttribute AttribName=\"MachineOSVersion\" AttribValue=\"6.0.6001\"/>\
         <MachineAttribute AttribName=\"MachinePID\" AttribValue=\"{PID}\"/>\
         <MachineAttribute AttribName=\"MachineMAC_NIC1\" AttribValue=\"00:15:5d:00:00:01\"/>\
         <MachineAttribute AttribName=\"MachineMAC_NIC3\" AttribValue=\"00:15:5d:00:00:03\"/>\
         <MachineAttribute AttribName=\"MachineColour\" AttribValue=\"grey\"/>\
         <LicenseInformation AppId=\"{WINDOWS}\" PartialProductKey=\"WC2C4\" IID=\"{}\" PendingCID=\"{}\" \
         SkuDescription=\"Windows Operating System - Vista, VOLUME_MAK channel\" SkuId=\"{SKU}\" LicenseStatus=\"2\" \
         GraceTime=\"60\" TotalGraceTime=\"43200\" StatusResultCode=\"0x4004F00C\" ValidityExpirationDay=\"0\"/></Machine>",
        guid(3).to_string().to_uppercase(),
        iid(1).digits(),
        cid(1).digits()
    );
    let queue = "<PendingActionQueue><Action TargetMachineGUID=\"g\"><Deep><Action/></Deep></Action><Action/></PendingActionQueue>\
                 <CompletedActionQueue/>";
    let keys = "<ProductKeys><ProductKey KeyValue=\"FKFKF-TRYMY-WWCCT-MKMKM-WC2C4\" Description=\"d\" KeyType=\"MAK\" \
                LastKnownCount=\"-1\"/></ProductKeys>";
    let loaded = read(&vamt1(&machine, &format!("{queue}{keys}")));
    let computer = only_computer(&loaded);
    assert_eq!((computer.id, &*computer.name), (ComputerId(guid(3)), "VISTA-1"));
    assert_eq!(
        (computer.network.kind, &*computer.network.name),
        (NetworkKind::Domain, "contoso.example")
    );
    assert_eq!(computer.mac_addresses.len(), 2);
    let p = only_product(&loaded);
    assert_eq!(p.status_updated.unwrap().timestamp(), 0x4D7C_6DD0);
    assert_eq!(p.grace_expires.unwrap().timestamp(), 0x4D7C_6DD0 + 3600);
    assert_eq!(
        (p.license_status, p.key_type),
        (LicenseStatus::InOobGrace, KeyType::Mak)
    );
    assert_eq!(p.license_status_reason, Some(HResult(0x4004_F00C)));
    assert_eq!(p.product_key_id.as_ref().unwrap().text(), PID);
    assert_eq!(p.installation_id, Some(iid(1)));
    assert_eq!(p.usable_confirmation().unwrap().confirmation_id, cid(1));
    assert_eq!(
        loaded.inventory.keys().next().unwrap().remaining,
        None,
        "-1 is not a count"
    );
    let told: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["line 1: PendingActionQueue: waiting actions of VAMT: 2; kept in the file as they stand, not carried out"]
    );
    let out = kept_whole(&loaded);
    for kept in [
        "TimeCreated=\"0x47D53900\"",
        "AttribValue=\"grey\"",
        "TotalGraceTime=\"43200\"",
        "<PendingActionQueue><Action",
    ] {
        assert_eq!(out.matches(kept).count(), 1, "{kept}\n{out}");
    }
    assert!(!out.contains("MachineName"));
}

#[test]
fn a_vamt_1_machine_without_a_name_loses_nothing_either() {
    let machine = format!(
        "<Machine Id=\"{}\"><MachineAttribute AttribName=\"MachineWorkgroup\" AttribValue=\"LAB\"/>\
         <MachineAttribute AttribName=\"MachineMAC_NIC1\" AttribValue=\"00:15:5d:00:00:01\"/>\
         <LicenseInformation AppId=\"{WINDOWS}\" SkuId=\"{SKU}\"/><LicenseInformation AppId=\"{WINDOWS}\"/></Machine><Machine/>",
        guid(1)
    );
    let loaded = read(&vamt1(&machine, ""));
    assert_eq!(
        (loaded.inventory.computer_count(), loaded.inventory.product_count()),
        (0, 2)
    );
    let out = kept_whole(&loaded);
    assert!(
        out.contains("AttribValue=\"LAB\"") && out.contains("AttribValue=\"00:15:5d:00:00:01\""),
        "{out}"
    );
}

#[test]
fn reading_an_older_list_tells_how_far_it_is_and_can_be_cancelled() {
    use std::ops::ControlFlow;
    let computer = format!("<Computer Name=\"pc\"><Note>{}</Note></Computer>", "n".repeat(1000));
    let text = vamt2(&computer.repeat(5000), "");
    let seen = std::sync::atomic::AtomicU64::new(0);
    let watch = |p: cil::Progress| {
        seen.fetch_max(p.done, std::sync::atomic::Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    cil::read_with(text.as_bytes(), &watch).unwrap();
    assert!(seen.into_inner() > 4_000_000);
    let cancelled = cil::read_with(text.as_bytes(), &|_| ControlFlow::Break(()));
    assert_eq!(cancelled.unwrap_err(), cil::CilError::Cancelled);
}

fn python() -> String {
    std::env::var("MAKEEPER_PYTHON").unwrap_or_else(|_| "python3".into())
}
