//! Files that were made, or damaged, to do harm: each is refused with its place and a way out, or read with warnings; none
//! costs more than its own size. All three formats.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod cil_common;

use std::time::{Duration, Instant};

use cil_common::saved;
use makeeper::cil::{self, CilError};

/// What stands before and after the inside of a record; the inside begins on line 2, column 1.
const FORMATS: [(&str, &str, &str); 3] = [
    (
        "VAMT 3",
        "<VolumeActivationManagementToolData><SoftwareLicensingData><Products><Product>\n",
        "</Product></Products></SoftwareLicensingData></VolumeActivationManagementToolData>",
    ),
    (
        "VAMT 2.0",
        "<SoftwareLicensingData><Computers><Computer Name=\"pc\"><Products><Product>\n",
        "</Product></Products></Computer></Computers></SoftwareLicensingData>",
    ),
    (
        "VAMT 1.x",
        "<VamtStorage><MachineInformationList><Machine>\n",
        "</Machine></MachineInformationList></VamtStorage>",
    ),
];

/// Every format with this inside a record.
fn lists(inside: &str) -> impl Iterator<Item = (&'static str, String)> {
    FORMATS
        .map(|(name, before, after)| (name, format!("{before}{inside}{after}")))
        .into_iter()
}

fn fault(name: &str, bytes: &[u8]) -> CilError {
    match cil::read(bytes) {
        Err(error) => error,
        Ok(loaded) => panic!("{name}: read {loaded:?}"),
    }
}

/// The place and the way out are in the message.
fn is_helpful(error: &CilError, line: usize, column: usize) {
    let told = error.to_string();
    assert!(told.starts_with(&format!("line {line}, column {column}: ")), "{told}");
    assert!(!told.contains('\n') && told.chars().count() < 400, "{told}");
}

#[test]
fn entities_beyond_the_five_are_refused_and_nothing_expands() {
    for (name, text) in lists("<a>&lol;</a>") {
        let error = fault(name, text.as_bytes());
        assert!(
            matches!(&error, CilError::Entity { line: 2, column: 4, name } if name == "lol"),
            "{error:?}"
        );
        assert!(error.to_string().contains("&amp;"), "{error}");
    }
    for (name, text) in lists("<a b=\"&lol;\"/>") {
        assert!(matches!(fault(name, text.as_bytes()), CilError::Entity { line: 2, .. }));
    }
    let definitions: String = (1..10).fold("<!ENTITY e0 \"lol\">".into(), |all, n| {
        format!("{all}<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10))
    });
    for (name, text) in lists("<a>&e9;</a>") {
        let bomb = format!("<?xml version=\"1.0\"?>\n<!DOCTYPE bomb [{definitions}]>{text}");
        let error = fault(name, bomb.as_bytes());
        assert_eq!(error, CilError::DocumentType { line: 2, column: 1 });
        is_helpful(&error, 2, 1);
        let external = format!("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">{text}");
        assert_eq!(
            fault(name, external.as_bytes()),
            CilError::DocumentType { line: 1, column: 1 }
        );
    }
    for (name, text) in lists("<!DOCTYPE inside><a/>") {
        assert!(
            matches!(
                fault(name, text.as_bytes()),
                CilError::DocumentType { line: 2, column: 1 }
            ),
            "{name}"
        );
    }
}

#[test]
fn characters_that_are_none_are_refused() {
    for reference in ["&#0;", "&#xD800;", "&#x110000;", "&#99999999999;", "&#x;", "&;"] {
        for inside in [format!("<a>{reference}</a>"), format!("<a b=\"{reference}\"/>")] {
            for (name, text) in lists(&inside) {
                let error = fault(name, text.as_bytes());
                assert!(
                    matches!(
                        &error,
                        CilError::Syntax { line: 2, .. } | CilError::Entity { line: 2, .. }
                    ),
                    "{name} {inside}: {error:?}"
                );
            }
        }
    }
}

#[test]
fn depth_is_bounded() {
    for depth in [70, 200_000] {
        let deep = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        for (name, text) in lists(&deep) {
            let error = fault(name, text.as_bytes());
            assert!(
                matches!(&error, CilError::TooDeep { line: 2, limit: 64, .. }),
                "{name}: {error:?}"
            );
            assert!(error.to_string().contains("another copy"), "{error}");
        }
    }
    // Elements the readers look into, inside themselves.
    for known in [
        "Products",
        "Product",
        "Sku",
        "LicenseInfo",
        "MacAddresses",
        "MachineAttribute",
        "LicenseInformation",
    ] {
        let deep = format!(
            "{}{}",
            format!("<{known}>").repeat(5000),
            format!("</{known}>").repeat(5000)
        );
        for (name, text) in lists(&deep) {
            let error = fault(name, text.as_bytes());
            assert!(
                matches!(&error, CilError::TooDeep { line: 2, .. }),
                "{name} {known}: {error:?}"
            );
        }
    }
    for (name, text) in lists(&format!("{}{}", "<a>".repeat(40), "</a>".repeat(40))) {
        assert!(cil::read(text.as_bytes()).is_ok(), "{name}: 40 levels are kept");
    }
}

#[test]
fn lengths_are_bounded() {
    let long = "n".repeat(2 << 20);
    let many = (0..1000).fold(String::new(), |all, n| format!("{all} a{n}=\"\""));
    for inside in [
        format!("<ProductName>{long}</ProductName>"),
        format!("<a b=\"{long}\"/>"),
        format!("<{long}/>"),
        format!("<a {long}=\"\"/>"),
        format!("<![CDATA[{long}]]>").replace("<![", "<a><![") + "</a>",
        format!("<a{many}/>"),
        format!("<a>{}</a>", "&amp;".repeat(2 << 20)),
    ] {
        for (name, text) in lists(&inside) {
            let error = fault(name, text.as_bytes());
            let start: String = inside.chars().take(20).collect();
            assert!(
                matches!(&error, CilError::TooLong { line: 2, .. }),
                "{name} {start}: {error:?}"
            );
            is_helpful(&error, 2, 1);
        }
    }
}

#[test]
fn a_hundred_megabytes_of_one_text_are_refused_quickly() {
    let long = "n".repeat(100 << 20);
    for (name, text) in lists(&format!("<ProductName>{long}</ProductName>")) {
        let begun = Instant::now();
        let error = fault(name, text.as_bytes());
        assert!(matches!(error, CilError::TooLong { line: 2, .. }), "{name}: {error:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            begun.elapsed()
        );
    }
    // Where no text belongs it is left out.
    for (name, text) in lists(&long) {
        match cil::read(text.as_bytes()) {
            Ok(loaded) => assert!(loaded.warnings[0].to_string().len() < 200, "{name}"),
            Err(error) => assert!(matches!(error, CilError::TooLong { .. }), "{name}: {error:?}"),
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    for (name, text) in lists("\u{fc}X") {
        let broken = |with: &[u8]| {
            let at = text.find('X').unwrap();
            [&text.as_bytes()[..at], with, &text.as_bytes()[at + 1..]].concat()
        };
        for bytes in [&b"\xFF"[..], b"\xC3", b"\xED\xA0\x80", b"\xF5\x80\x80\x80", b"\xC0\x80"] {
            let error = fault(name, &broken(bytes));
            assert_eq!(error, CilError::Encoding { line: 2, column: 2 }, "{name} {bytes:?}");
            is_helpful(&error, 2, 2);
        }
        let error = fault(name, &broken(b"\0"));
        assert_eq!(error, CilError::Zero { line: 2, column: 2 }, "{name}");
        assert!(error.to_string().contains("power failed"), "{error}");
        let zeroed = [text.as_bytes(), &[0; 4096]].concat();
        assert!(matches!(fault(name, &zeroed), CilError::Zero { .. }), "{name}");
    }
}

#[test]
fn halves_of_utf_16_characters_are_refused_with_their_place() {
    for (name, text) in lists("\u{fc}X") {
        for (big, unit) in [(false, 0xD800_u16), (false, 0xDC00), (true, 0xD83D)] {
            let units =
                std::iter::once(0xFEFF).chain(text.encode_utf16().map(|u| if u == u16::from(b'X') { unit } else { u }));
            let bytes: Vec<u8> = units
                .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
                .collect();
            assert_eq!(
                fault(name, &bytes),
                CilError::Encoding { line: 2, column: 2 },
                "{name} {unit:x}"
            );
            let odd = &bytes[..bytes.len() - 1];
            assert!(matches!(fault(name, odd), CilError::Encoding { .. }), "{name}");
        }
    }
}

#[test]
fn what_is_not_closed_or_crossed_is_refused_with_its_place() {
    for (inside, what) in [
        ("<!-- for ever ", "Truncated"),
        ("<![CDATA[ for ever ", "Truncated"),
        ("<?pi for ever ", "Truncated"),
        ("<a b=\"for ever ", "Truncated"),
        ("<a", "Syntax"),
        ("<a><b></a></b>", "Syntax"),
        ("</b>", "Syntax"),
        ("<a b=\"1\" b=\"2\"/>", "Syntax"),
        ("<Sku a=\"1\" a=\"2\">x</Sku>", "Syntax"),
        ("<a b=1/>", "Syntax"),
        ("<a b/>", "Syntax"),
        ("< a/>", "Syntax"),
        ("<a>< b/></a>", "Syntax"),
        ("<a>< b></b></a>", "Syntax"),
        ("<a><b c=1/></a>", "Syntax"),
        ("<a>x & y</a>", "Syntax"),
        ("<?xml version=\"1.0\"?>", "Syntax"),
    ] {
        for (name, text) in lists(inside) {
            let error = fault(name, text.as_bytes());
            let told = error.to_string();
            assert!(
                format!("{error:?}").starts_with(what) || what == "Syntax",
                "{name} {inside}: {error:?}"
            );
            assert!(
                matches!(error, CilError::Truncated { .. } | CilError::Syntax { .. }),
                "{name} {inside}: {error:?}"
            );
            assert!(
                told.starts_with("line 2, column ") && told.len() < 400,
                "{name} {inside}: {told}"
            );
        }
    }
    for (name, text) in lists("<a/>") {
        let error = fault(name, format!("{text}<more/>").as_bytes());
        assert!(matches!(error, CilError::Syntax { .. }), "{name}: {error:?}");
        for cut in 0..text.len() {
            let error = fault(name, &text.as_bytes()[..cut]);
            assert!(error.to_string().len() < 400, "{name} cut at {cut}: {error}");
        }
    }
}

#[test]
fn numbers_and_dates_beyond_all_measure_are_told_and_kept() {
    let absurd = [
        "99999999999999999999999999",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551616",
        "1e400",
        "NaN",
        "0xFFFFFFFFFFFFFFFF",
        "262143-12-31T23:59:59Z",
        "-262144-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999-14:00",
        "0001-01-01T00:00:00+14:00",
        "2011-02-30T25:61:61Z",
        "2011-03-13T23:59:60Z",
        "\u{663}\u{664}",
        "{}",
        "%s%n",
    ];
    for value in absurd {
        let values = [
            // Every place a number or a date is looked for.
            "GraceExpirationDate",
            "LastUpdated",
            "LicenseStatusLastUpdated",
            "LastErrorCode",
            "LicenseStatusReason",
            "KmsPort",
            "LicenseStatus",
            "GenuineStatus",
            "ProductKeyType",
            "ActionsAllowed",
            "Sku",
            "ExportGuid",
            "ApplicationId",
            "GracePeriodRemaining",
            "LastUpdateTime",
            "KeyType",
            "LicenseIsAddon",
            "InstallationId",
            "ConfirmationId",
        ]
        .map(|name| format!("<{name}>{value}</{name}>"))
        .concat();
        let machine = format!(
            "<LastStatusUpdateTime>{value}</LastStatusUpdateTime><MachineAttribute AttribName=\"MachineName\" AttribValue=\"{value}\"/>\
             <LicenseInformation LicenseStatus=\"{value}\" GraceTime=\"{value}\" StatusResultCode=\"{value}\" AppId=\"{value}\" \
             SkuId=\"{value}\" IID=\"{value}\" PendingCID=\"{value}\"/>{values}"
        );
        let keys = format!(
            "<ProductKey><RemainingActivations>{value}</RemainingActivations><LastUpdate>{value}</LastUpdate></ProductKey>\
             <ProductKey Value=\"{value}\" RemainingActivationCount=\"{value}\" Type=\"{value}\"/>\
             <ProductKey KeyValue=\"{value}\" LastKnownCount=\"{value}\" KeyType=\"{value}\"/>"
        );
        for (name, before, after) in FORMATS {
            let inside = if name == "VAMT 1.x" { &machine } else { &values };
            let text = format!("{before}{inside}{after}");
            let end = text.rfind("</").unwrap();
            let (head, tail) = text.split_at(end);
            let text = format!("{head}<ProductKeys>{keys}</ProductKeys>{tail}");
            let loaded = cil::read(text.as_bytes()).unwrap_or_else(|e| panic!("{name} {value}: {e}"));
            assert!(!loaded.warnings.is_empty(), "{name} {value}");
            let out = saved(&loaded.inventory);
            let again = cil::read(&out).unwrap();
            assert!(saved(&again.inventory) == out, "{name} {value}");
        }
    }
}

#[test]
fn grace_that_ends_beyond_the_calendar_is_told_and_kept() {
    let (_, before, after) = FORMATS[1];
    for (read, minutes) in [
        ("9999-12-31T23:59:59", "1"),
        ("2011-03-13T07:06:40", "9223372036854775807"),
        ("2011-03-13T07:06:40", "153722867280912"),
    ] {
        let text = format!(
            "{before}<LastUpdateTime>{read}</LastUpdateTime><LicenseInfo GracePeriodRemaining=\"{minutes}\"/>{after}"
        );
        let loaded = cil::read(text.as_bytes()).unwrap();
        assert_eq!(loaded.warnings.len(), 1, "{minutes}");
        assert_eq!(loaded.inventory.products().next().unwrap().grace_expires, None);
        assert!(String::from_utf8(saved(&loaded.inventory)).unwrap().contains(minutes));
    }
}

#[test]
fn many_records_with_one_identity_take_time_in_proportion() {
    let id = "00000000-0000-4000-8000-000000000001";
    let computers: String = (0..20_000)
        .map(|n| {
            let (name, group) = (["same", "Same", "other"][n % 3], n / 2);
            format!(
                "<Computer Name=\"{name}\" NetworkType=\"Workgroup\" NetworkName=\"g{group}\" Id=\"{id}\"><Products><Product/>\
                 <Product/></Products></Computer>"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let nameless = format!("<Computer Id=\"{id}\"><Products><Product/></Products></Computer>").repeat(20_000);
    let begun = Instant::now();
    let text = format!("<SoftwareLicensingData><Computers>{computers}{nameless}</Computers></SoftwareLicensingData>");
    let loaded = cil::read(text.as_bytes()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(loaded.warnings.len(), 10_000);
    assert!(loaded.more_warnings > 0);
    let ids: std::collections::HashSet<_> = loaded.inventory.computers().map(|c| c.id).collect();
    assert_eq!(ids.len(), loaded.inventory.computer_count());
}
