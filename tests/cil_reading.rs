//! Reading lists of others: tolerant of form, exact about faults.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cil_common;

use std::fmt::Write as _;

use cil_common::{cid, contents, guid, iid, saved};
use makeeper::cil::{self, CilError};
use makeeper::model::*;

const SKU: &str = "c06b6981-d7fd-4a35-b7b4-054742b7af67";
const WINDOWS: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";

fn list(data: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<VolumeActivationManagementToolData \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" VamtVersion=\"3.0.5.0\">\n<SoftwareLicensingData>\n{data}\
         </SoftwareLicensingData>\n</VolumeActivationManagementToolData>"
    )
}

fn products(rows: &str) -> String {
    list(&format!("<Products>\n{rows}</Products>\n"))
}

fn read(text: &str) -> cil::Loaded {
    cil::read(text.as_bytes()).unwrap()
}

fn only_product(loaded: &cil::Loaded) -> Product {
    assert_eq!(loaded.inventory.product_count(), 1);
    (**loaded.inventory.products().next().unwrap()).clone()
}

#[test]
fn a_product_of_vamt_is_read_whatever_the_order_of_its_elements() {
    let fields = [
        format!("<Sku>{SKU}</Sku>"),
        format!("<ApplicationId>{WINDOWS}</ApplicationId>"),
        "<ApplicationName>Windows</ApplicationName>".to_owned(),
        "<FullyQualifiedDomainName>pc1.example.com</FullyQualifiedDomainName>".to_owned(),
        format!("<InstallationId>{}</InstallationId>", iid(1).digits()),
        format!("<ConfirmationId>{}</ConfirmationId>", cid(1).grouped()),
        "<LicenseStatus>InOobGrace</LicenseStatus>".to_owned(),
        "<LicenseStatusReason>0x4004F00C</LicenseStatusReason>".to_owned(),
        "<ProductKeyType>7</ProductKeyType>".to_owned(),
        "<PartialProductKey>2YT43</PartialProductKey>".to_owned(),
        "<LastUpdated>2026-03-01T12:00:00+01:00</LastUpdated>".to_owned(),
        "<GraceExpirationDate>0001-01-01T00:00:00</GraceExpirationDate>".to_owned(),
        "<ActionsAllowed>InstallProductKey UpdateStatus</ActionsAllowed>".to_owned(),
        format!("<ExportGuid>{}</ExportGuid>", guid(9)),
    ];
    let mut seen = Vec::new();
    for reversed in [false, true] {
        let row: String = if reversed {
            fields.iter().rev().map(String::as_str).collect()
        } else {
            fields.concat()
        };
        let loaded = read(&products(&format!("<Product>{row}</Product>")));
        assert_eq!(loaded.warnings, []);
        let product = only_product(&loaded);
        assert_eq!(product.id, ProductId(guid(9)));
        assert_eq!(product.key_type, KeyType::Mak);
        assert_eq!(product.license_status_reason, Some(HResult(0x4004_F00C)));
        assert_eq!(product.last_updated.unwrap().to_rfc3339(), "2026-03-01T11:00:00+00:00");
        assert_eq!(product.grace_expires, None);
        assert_eq!(product.actions_allowed, Some(33));
        assert_eq!(product.confirmation.as_ref().unwrap().confirmation_id, cid(1));
        assert_eq!(product.confirmation.as_ref().unwrap().installation_id, None);
        let computer = loaded.inventory.computer(product.computer.unwrap()).unwrap();
        assert_eq!(&*computer.name, "pc1.example.com");
        seen.push(product);
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn values_are_accepted_as_attributes() {
    let loaded = read(&products(&format!(
        "<Product Sku=\"{SKU}\" ApplicationId='{WINDOWS}' FullyQualifiedDomainName=\"pc&amp;1\" LicenseStatus=\"Licensed\"/>"
    )));
    assert_eq!(loaded.warnings, []);
    assert_eq!(only_product(&loaded).license_status, LicenseStatus::Licensed);
    assert!(loaded.inventory.computer_by_name("PC&1").is_some());
    assert!(!String::from_utf8(saved(&loaded.inventory)).unwrap().contains("Sku=\""));
}

#[test]
fn every_encoding_and_line_end_gives_the_same_list() {
    let plain = products(&format!(
        "<Product><Sku>{SKU}</Sku><ProductName>Z\u{fc}rich \u{65e5}\u{672c}</ProductName></Product>\n"
    ));
    let expected = contents(&read(&plain).inventory);
    let crlf = plain.replace('\n', "\r\n");
    let mut variants = vec![format!("\u{feff}{plain}").into_bytes(), crlf.clone().into_bytes()];
    for text in [&plain, &crlf] {
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
            variants.push(units.iter().flat_map(|u| u.to_le_bytes()).collect());
            variants.push(units.iter().flat_map(|u| u.to_be_bytes()).collect());
        }
    }
    for bytes in variants {
        assert_eq!(contents(&cil::read(&bytes).unwrap().inventory), expected);
    }
}

#[test]
fn what_we_have_no_field_for_survives_at_every_level() {
    let text = "<?xml version=\"1.0\"?>\n<VolumeActivationManagementToolData VamtVersion=\"3.1\" ServiceDataFileId=\"77\" \
        xmlns:x=\"urn:x\" xmlns:mk=\"urn:not-ours\" x:a=\"1 &lt; 2\">\n\
        <VamtSystemData><SupportedGVLKs><BuiltInGvlk><KeyId>1</KeyId></BuiltInGvlk></SupportedGVLKs></VamtSystemData>\n\
        <SoftwareLicensingData Extra=\"e\" TotalAvailableProducts=\"1\">\n\
        <Products Page=\"2\"><x:Note>in <b>products</b></x:Note><Product x:p=\"p\"><x:Deep><x:Er a='1'>t&amp;t</x:Er></x:Deep>\
        <FullyQualifiedDomainName>pc1</FullyQualifiedDomainName></Product></Products>\n\
        <AvailableProducts><AvailableProduct><Sku>1</Sku></AvailableProduct></AvailableProducts>\n\
        <ProductKeys Count=\"1\"><ProductKey k=\"k\"><KeyDescription>d</KeyDescription><NewField>n</NewField></ProductKey></ProductKeys>\n\
        <VolumeActivationClients x:c=\"c\"><VolumeActivationClient v=\"v\"><FullyQualifiedDomainName>pc1</FullyQualifiedDomainName>\
        <Room>12</Room></VolumeActivationClient></VolumeActivationClients>\n\
        <PendingActiveDirectoryForestActivations><PendingActiveDirectoryForestActivation/></PendingActiveDirectoryForestActivations>\n\
        </SoftwareLicensingData>\n</VolumeActivationManagementToolData>\n";
    let loaded = read(text);
    assert_eq!(loaded.warnings, []);
    let out = String::from_utf8(saved(&loaded.inventory)).unwrap();
    for kept in [
        "ServiceDataFileId=\"77\"",
        "VamtVersion=\"3.1\"",
        "xmlns:x=\"urn:x\"",
        "xmlns:mk=\"urn:not-ours\"",
        "x:a=\"1 &lt; 2\"",
        "<VamtSystemData><SupportedGVLKs><BuiltInGvlk><KeyId>1</KeyId></BuiltInGvlk></SupportedGVLKs></VamtSystemData>",
        "Extra=\"e\"",
        "TotalAvailableProducts=\"1\"",
        "<Products Page=\"2\">",
        "<x:Note>in <b>products</b></x:Note>",
        "<Product x:p=\"p\">",
        "<x:Deep><x:Er a='1'>t&amp;t</x:Er></x:Deep>",
        "<AvailableProducts><AvailableProduct><Sku>1</Sku></AvailableProduct></AvailableProducts>",
        "<ProductKeys Count=\"1\">",
        "<ProductKey k=\"k\">",
        "<NewField>n</NewField>",
        "<VolumeActivationClients x:c=\"c\">",
        "<VolumeActivationClient v=\"v\">",
        "<Room>12</Room>",
        "<PendingActiveDirectoryForestActivation/>",
    ] {
        assert_eq!(out.matches(kept).count(), 1, "{kept}\n{out}");
    }
    let again = cil::read(out.as_bytes()).unwrap();
    assert_eq!(contents(&again.inventory), contents(&loaded.inventory));
    assert_eq!(String::from_utf8(saved(&again.inventory)).unwrap(), out);
}

#[test]
fn our_extension_is_read_under_any_prefix_and_its_future_is_kept() {
    let text = format!(
        "<VolumeActivationManagementToolData xmlns:q=\"urn:makeeper:cil:1\" q:Generation=\"{}\"><SoftwareLicensingData>\
         <Products><Product><Sku>{SKU}</Sku><q:Extra Remarks=\"first&#xA;second\" Mood=\"good\"><q:Earlier ConfirmationId=\"{}\"/>\
         <q:Later a=\"1\"/></q:Extra></Product><Product><Extra xmlns=\"urn:makeeper:cil:1\" Remarks=\"default\"/></Product>\
         </Products></SoftwareLicensingData></VolumeActivationManagementToolData>",
        guid(3),
        cid(4).digits()
    );
    let loaded = read(&text);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.generation, Some(guid(3)));
    let remarks: Vec<_> = loaded.inventory.products().map(|p| p.remarks.to_string()).collect();
    assert_eq!(remarks, ["first\nsecond", "default"]);
    assert_eq!(
        loaded.inventory.products().next().unwrap().earlier_confirmations[0].confirmation_id,
        cid(4)
    );
    let out = saved(&loaded.inventory);
    let again = cil::read(&out).unwrap();
    assert_eq!(contents(&again.inventory), contents(&loaded.inventory));
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("Mood=\"good\"") && out.contains("<q:Later a=\"1\"/>"),
        "{out}"
    );
    assert_eq!(String::from_utf8(saved(&again.inventory)).unwrap(), out);
}

#[test]
fn a_value_that_makes_no_sense_is_kept_and_told_and_gives_way_to_ours() {
    let typo = iid(1).digits().replacen(&iid(1).digits()[..3], "999", 1);
    let text = products(&format!(
        "<Product>\n<Sku>{SKU}</Sku>\n<FullyQualifiedDomainName>pc1</FullyQualifiedDomainName>\n\
         <InstallationId>{typo}</InstallationId>\n<LicenseStatus>Splendid</LicenseStatus>\n<LastUpdated>soon</LastUpdated>\n\
         <KmsPort>99999</KmsPort>\n</Product>\n"
    ));
    let loaded = read(&text);
    let told: Vec<_> = loaded.warnings.iter().map(|w| (w.line, w.element.as_str())).collect();
    assert_eq!(
        told,
        [
            (8, "InstallationId"),
            (9, "LicenseStatus"),
            (10, "LastUpdated"),
            (11, "KmsPort")
        ]
    );
    assert!(
        loaded.warnings.iter().all(|w| w.row == "Unknown on pc1"),
        "{:?}",
        loaded.warnings
    );
    assert!(
        loaded.warnings[0].to_string().contains("group 1 of 9"),
        "{}",
        loaded.warnings[0]
    );
    assert!(
        loaded.warnings[1].to_string().contains("\"Splendid\""),
        "{}",
        loaded.warnings[1]
    );
    let out = String::from_utf8(saved(&loaded.inventory)).unwrap();
    assert!(out.contains(&typo) && out.contains("<LicenseStatus>Splendid</LicenseStatus>") && out.contains(">soon<"));
    assert_eq!(out.matches("<LicenseStatus>").count(), 1);

    let mut product = only_product(&loaded);
    product.license_status = LicenseStatus::Licensed;
    product.installation_id = Some(iid(2));
    let mut inventory = loaded.inventory.clone();
    inventory.apply(&Change::PutProduct(Box::new(product))).unwrap();
    let out = String::from_utf8(saved(&inventory)).unwrap();
    assert!(
        !out.contains(&typo) && !out.contains("Splendid") && out.contains(">soon<"),
        "{out}"
    );
}

#[test]
fn a_mistyped_product_key_is_told_but_never_shown() {
    let text =
        list("<ProductKeys><ProductKey><KeyValue>NPPR9-FWDCX-D2C8J-H872K-2YT34</KeyValue></ProductKey></ProductKeys>");
    let loaded = read(&text);
    assert_eq!(loaded.warnings.len(), 1);
    let shown = format!("{} {:?} {:?}", loaded.warnings[0], loaded, contents(&loaded.inventory));
    assert!(!shown.contains("FWDCX"), "{shown}");
    assert!(
        String::from_utf8(saved(&loaded.inventory))
            .unwrap()
            .contains("NPPR9-FWDCX-D2C8J-H872K-2YT34")
    );
}

#[test]
fn a_million_activations_and_minus_one_are_told_apart() {
    let text = list(
        "<ProductKeys><ProductKey><KeyId>a</KeyId><RemainingActivations>-1</RemainingActivations></ProductKey>\
         <ProductKey><KeyId>b</KeyId><RemainingActivations>0</RemainingActivations></ProductKey>\
         <ProductKey><KeyId>c</KeyId></ProductKey></ProductKeys>",
    );
    let left: Vec<_> = read(&text)
        .inventory
        .keys()
        .map(|k| k.remaining.map(|r| r.left))
        .collect();
    assert_eq!(left, [None, Some(Some(0)), None]);
}

#[test]
fn products_join_computers_whatever_the_case() {
    let text = list(&format!(
        "<Products><Product><Sku>{SKU}</Sku><FullyQualifiedDomainName>PC1.Example.COM</FullyQualifiedDomainName></Product>\
         <Product><Sku>{SKU}</Sku><FullyQualifiedDomainName>other</FullyQualifiedDomainName></Product></Products>\
         <VolumeActivationClients><VolumeActivationClient><FullyQualifiedDomainName>pc1.example.com</FullyQualifiedDomainName>\
         <OSEdition>Enterprise</OSEdition><NetworkType>Domain</NetworkType><IsKmsHost>True</IsKmsHost></VolumeActivationClient>\
         <VolumeActivationClient><FullyQualifiedDomainName>Pc1.example.com</FullyQualifiedDomainName><OSVersion>10.0</OSVersion>\
         </VolumeActivationClient><VolumeActivationClient><OSEdition>who?</OSEdition></VolumeActivationClient></VolumeActivationClients>"
    ));
    let loaded = read(&text);
    let names: Vec<_> = loaded.inventory.computers().map(|c| c.name.to_string()).collect();
    assert_eq!(names, ["pc1.example.com", "other"]);
    let pc1 = loaded.inventory.computer_by_name("pc1.example.com").unwrap();
    assert_eq!(
        (&*pc1.os_edition, &*pc1.os_version, pc1.is_kms_host),
        ("Enterprise", "10.0", Some(true))
    );
    assert_eq!(loaded.inventory.products_of(pc1.id).count(), 1);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(String::from_utf8(saved(&loaded.inventory)).unwrap().contains("who?"));
}

#[test]
fn there_are_never_two_rows_for_one_product_and_no_confirmation_id_is_lost() {
    let row = |guid_n: u64, updated: &str, cid_n: u64, name: &str| {
        format!(
            "<Product><ExportGuid>{}</ExportGuid><Sku>{SKU}</Sku><ApplicationId>{WINDOWS}</ApplicationId>\
             <FullyQualifiedDomainName>pc1</FullyQualifiedDomainName><LastUpdated>{updated}</LastUpdated>\
             <ConfirmationId>{}</ConfirmationId><ProductName>{name}</ProductName></Product>",
            guid(guid_n),
            cid(cid_n).digits()
        )
    };
    // The same place, then the same ExportGuid.
    for second in [2, 1] {
        let text = products(&(row(1, "2026-03-02", 1, "newer") + &row(second, "2026-03-01", 2, "older")));
        let loaded = read(&text);
        let product = only_product(&loaded);
        assert_eq!(&*product.name, "newer");
        assert_eq!(product.confirmation.unwrap().confirmation_id, cid(1));
        assert_eq!(product.earlier_confirmations[0].confirmation_id, cid(2));
        assert_eq!(loaded.warnings.len(), 1);
        assert!(
            loaded.warnings[0].to_string().contains("twice"),
            "{}",
            loaded.warnings[0]
        );
    }
}

#[test]
fn one_export_guid_on_two_computers_stays_two_products() {
    let row = |pc: &str| {
        format!(
            "<Product><ExportGuid>{}</ExportGuid><Sku>{SKU}</Sku><FullyQualifiedDomainName>{pc}</FullyQualifiedDomainName></Product>",
            guid(1)
        )
    };
    let loaded = read(&products(&(row("pc1") + &row("pc2"))));
    assert_eq!(loaded.inventory.product_count(), 2);
    assert_eq!(loaded.warnings.len(), 1);
    let again = cil::read(&saved(&loaded.inventory)).unwrap();
    assert_eq!(again.warnings, []);
    assert_eq!(contents(&again.inventory), contents(&loaded.inventory));
}

#[test]
fn a_product_without_export_guid_is_the_same_in_every_load() {
    let text = products(&format!(
        "<Product><Sku>{SKU}</Sku><FullyQualifiedDomainName>pc1</FullyQualifiedDomainName></Product>"
    ));
    let (first, second) = (only_product(&read(&text)), only_product(&read(&text)));
    assert_eq!(first.id, second.id);
    let computer = ComputerId::from_name("PC1");
    let sku = Some(SKU.parse().unwrap());
    assert_eq!(first.id, ProductId::derive(computer, ApplicationId::default(), sku));
}

#[test]
fn big_lists_are_read_by_pieces_without_a_difference() {
    let mut rows = String::new();
    for n in 0..9000 {
        // Comments and foreign elements that look like products, right where a piece may begin.
        let trap = if n % 50 == 0 {
            "<!-- <Product> --><Trap><Product><Sku>x</Sku></Product></Trap>"
        } else {
            ""
        };
        write!(
            rows,
            "<Product>{trap}<ExportGuid>{}</ExportGuid><FullyQualifiedDomainName>pc{}</FullyQualifiedDomainName>\
             <ProductDescription>{}</ProductDescription></Product>\n<!-- <Product> -->\n<Between><Product>{}</Product></Between>",
            guid(n),
            n / 3,
            "d".repeat(900),
            "<Product>".repeat(20) + &"</Product>".repeat(20),
        )
        .unwrap();
    }
    let text = list(&format!(
        "<Products>{rows}</Products><Trailer><Product>{}</Product></Trailer>",
        "y".repeat(5 << 20)
            .replace("yyyyyyyyyyyyyyyyyyyy", "<Product></Product>y")
    ));
    assert!(text.len() > 12 << 20, "{}", text.len());
    let loaded = read(&text);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.inventory.product_count(), 9000);
    let ids: Vec<_> = loaded.inventory.products().map(|p| p.id).collect();
    assert_eq!(ids, (0..9000).map(|n| ProductId(guid(n))).collect::<Vec<_>>());
    let out = String::from_utf8(saved(&loaded.inventory)).unwrap();
    assert_eq!(out.matches("<Between>").count(), 9000);
    assert_eq!(out.matches("<Trailer>").count(), 1);
}

#[test]
fn reading_tells_how_far_it_is_and_can_be_cancelled() {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicU64, Ordering};
    let row = format!("<Product><ProductName>{}</ProductName></Product>", "n".repeat(1000));
    let text = products(&row.repeat(6000));
    let furthest = AtomicU64::new(0);
    cil::read_with(text.as_bytes(), &|p| {
        assert!(p.done <= p.total);
        furthest.fetch_max(p.done, Ordering::Relaxed);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(furthest.into_inner() > 5_000_000);
    let cancelled = cil::read_with(text.as_bytes(), &|_| ControlFlow::Break(()));
    assert_eq!(cancelled.unwrap_err(), CilError::Cancelled);
}

fn fault(text: &str) -> CilError {
    cil::read(text.as_bytes()).unwrap_err()
}

#[test]
fn faults_are_named_with_line_and_column() {
    let cut = products("<Product>\n  <Sku>abc");
    let cut = &cut[..cut.find("abc").unwrap() + 2];
    let error = fault(cut);
    assert_eq!(
        error,
        CilError::Truncated {
            line: 6,
            column: 10,
            element: "Sku".into()
        }
    );
    assert!(error.to_string().starts_with("line 6, column 10: "), "{error}");

    let error = fault("<html>\n<body/></html>");
    assert_eq!(
        error,
        CilError::Root {
            line: 1,
            column: 1,
            found: "html".into()
        }
    );
    let error = fault("<!DOCTYPE html>\n<html/>");
    assert_eq!(error, CilError::DocumentType { line: 1, column: 1 });
    let error = fault("PK\u{3}\u{4} not xml");
    assert!(
        matches!(error, CilError::Syntax { line: 1, column: 1, .. }),
        "{error:?}"
    );
    let error = fault(&products("<Product><ProductName>&bomb;</ProductName></Product>"));
    assert_eq!(
        error,
        CilError::Entity {
            line: 5,
            column: 23,
            name: "bomb".into()
        }
    );
    let error = fault(&products("<Product>\n<ProductName>a & b</ProductName></Product>"));
    assert!(
        matches!(&error, CilError::Syntax { line: 6, what, .. } if what.contains("&amp;")),
        "{error:?}"
    );
    let error = fault(&products("<Product>\n<ProductName>a</Productname></Product>"));
    assert!(
        matches!(&error, CilError::Syntax { line: 6, column: 15, what } if what.contains("</Productname>")),
        "{error:?}"
    );
    let error = fault(&list("<Products></Product>"));
    assert!(matches!(&error, CilError::Syntax { .. }), "{error:?}");
    let error = fault(&products("<Product a=\"1\" a=\"2\"/>"));
    assert!(matches!(&error, CilError::Syntax { line: 5, .. }), "{error:?}");
    let error = fault(&(list("") + "<more/>"));
    assert!(matches!(&error, CilError::Syntax { .. }), "{error:?}");
    assert_eq!(fault(" \n "), CilError::Empty);
}

#[test]
fn a_fault_far_into_a_big_list_is_named_with_its_line() {
    let row = format!("<Product><ProductName>{}</ProductName></Product>\n", "n".repeat(900));
    let text = products(&(row.repeat(5000) + "<Product><Sku>\n</Wrong></Product>"));
    let error = fault(&text);
    assert!(
        matches!(
            &error,
            CilError::Syntax {
                line: 5006,
                column: 1,
                ..
            }
        ),
        "{error:?}"
    );
    let cut = &text[..text.find("\n</Wrong").unwrap()];
    assert!(matches!(fault(cut), CilError::Truncated { line: 5005, element, .. } if element == "Sku"));
    let warned = read(&products(&(row.repeat(5000) + "<Product><Sku>?</Sku></Product>")));
    assert_eq!(warned.warnings[0].line, 5005);
}

#[test]
fn a_list_cut_anywhere_is_refused_without_panic() {
    let text = products(&format!(
        "<Product a=\"b\"><Sku>{SKU}</Sku><ProductName>\u{fc}&amp;<![CDATA[x]]></ProductName><x><y/></x></Product>"
    ));
    for cut in 0..text.len() {
        assert!(cil::read(&text.as_bytes()[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = products(&format!(
        "<Product>{}{}</Product>",
        "<a>".repeat(5000),
        "</a>".repeat(5000)
    ));
    assert!(matches!(fault(&deep), CilError::TooDeep { line: 5, .. }));
    let long = products(&format!(
        "<Product><ProductName>{}</ProductName></Product>",
        "n".repeat(2 << 20)
    ));
    assert!(matches!(fault(&long), CilError::TooLong { line: 5, .. }));
    let many = (0..1000).fold(String::new(), |all, n| format!("{all} a{n}=\"\""));
    assert!(matches!(
        fault(&products(&format!("<Product{many}/>"))),
        CilError::TooLong { .. }
    ));
}

#[test]
fn warnings_without_end_are_counted() {
    let text = products(&"<Product><Sku>x</Sku></Product>".repeat(12_000));
    let loaded = read(&text);
    assert_eq!(loaded.warnings.len() + loaded.more_warnings, 12_000);
    assert_eq!(loaded.warnings.len(), 10_000);
    assert_eq!(loaded.inventory.product_count(), 12_000);
}
