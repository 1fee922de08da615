//! Inventories for the tests: made up, but of every shape.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use makeeper::model::found::{DirectoryOrder, DirectorySecurity, SavedDiscovery, SourceOrder, Then};
use makeeper::model::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

/// Digits with fitting check digits: `groups` groups of `len`, from any number.
pub fn checked_digits(mut seed: u64, groups: usize, len: usize) -> String {
    let mut out = String::new();
    for _ in 0..groups {
        let mut group = Vec::new();
        for _ in 0..len - 1 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            group.push(b'0' + ((seed >> 33) % 10) as u8);
        }
        group.push(b'0' + check_digit(&group));
        out.push_str(std::str::from_utf8(&group).unwrap());
    }
    out
}

pub fn iid(seed: u64) -> InstallationId {
    let len = if seed.is_multiple_of(3) { 6 } else { 7 };
    InstallationId::parse(&checked_digits(seed, 9, len)).unwrap()
}

pub fn cid(seed: u64) -> ConfirmationId {
    ConfirmationId::parse(&checked_digits(seed ^ 0xC1D, 8, 6)).unwrap()
}

pub fn guid(seed: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &seed.to_le_bytes())
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// Visibly fictitious keys of the 2005 form: no checksum, nothing that any computer accepts.
pub fn key(n: usize) -> ProductKey {
    const LETTERS: &[u8] = b"BCDFGHJKMPQRTVWXY";
    let five: String = (0..5)
        .map(|i| LETTERS[(n / LETTERS.len().pow(i)) % LETTERS.len()] as char)
        .collect();
    ProductKey::parse(&format!("FKFKF-TRYMY-FKFKF-{five}-W{}", &five[..4])).unwrap()
}

/// Any text that XML can say, often with what must be escaped.
pub fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        2 => Just(Text::from("")),
        3 => "[a-zA-Z0-9 .,()-]{1,20}".prop_map(Text::from),
        2 => "[ \t\n\r<>&\"'a-z\u{e4}\u{65e5}\u{1f600}\u{fffd}\u{ff21}]{1,20}".prop_map(Text::from),
        1 => proptest::string::string_regex("[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,12}")
            .unwrap()
            .prop_map(Text::from),
    ]
}

pub fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        (-60_000_000_000_i64..200_000_000_000, 0_u32..10_000_000).prop_map(|(s, ticks)| DateTime::from_timestamp(
            s,
            100 * ticks
        )
        .unwrap()),
        (0_i64..100_000_000).prop_map(at),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    (
        proptest::sample::select(FailureClass::ALL),
        text(),
        option::of(any::<u32>().prop_map(HResult)),
    )
        .prop_map(|(class, message, code)| Failure {
            class,
            message: message.to_string(),
            code,
        })
}

fn way() -> impl Strategy<Value = Option<WayIn>> {
    option::of(proptest::sample::select(WayIn::ALL))
}

fn confirmation() -> impl Strategy<Value = Confirmation> {
    (option::of(any::<u64>()), any::<u64>(), option::of(instant())).prop_map(|(i, c, acquired)| Confirmation {
        installation_id: i.map(iid),
        confirmation_id: cid(c),
        acquired,
    })
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let parts = (vec(text(), 0..2), vec((text(), text()), 0..3)).prop_map(|(attributes, elements)| {
        Foreign::new(ForeignParts {
            attributes: attributes
                .into_iter()
                .enumerate()
                .map(|(i, v)| (format!("future{i}"), v.to_string()))
                .collect(),
            elements: elements
                .into_iter()
                .enumerate()
                .map(|(i, (a, t))| {
                    let escape = |t: &str| {
                        t.replace('\r', " ")
                            .replace('&', "&amp;")
                            .replace('<', "&lt;")
                            .replace('"', "&quot;")
                    };
                    let name = format!("Unheard{i}");
                    let raw = format!("<{name} a=\"{}\"><b>{}</b><!-- c --></{name}>", escape(&a), escape(&t));
                    (name, raw)
                })
                .collect(),
        })
    });
    prop_oneof![4 => Just(Foreign::default()), 1 => parts]
}

fn computer(n: usize) -> impl Strategy<Value = Computer> {
    (
        (
            any::<bool>(),
            text(),
            proptest::sample::select(NetworkKind::ALL),
            text(),
            text(),
            text(),
        ),
        option::of(any::<bool>()),
        vec(text(), 0..3),
        option::of((option::of(text()), option::of(any::<u16>()), way())),
        option::of((instant(), option::of(failure()), way())),
        text(),
        foreign(),
    )
        .prop_map(
            move |(
                (derived, suffix, kind, network, edition, version),
                kms,
                macs,
                connect,
                contact,
                remarks,
                foreign,
            )| {
                let mut computer = Computer::named(&format!("pc{n}{suffix}"));
                computer.name = format!("pc{n}{suffix}").into();
                computer.id = if derived {
                    ComputerId::from_name(&computer.name)
                } else {
                    ComputerId(guid(n as u64 + 1_000_000))
                };
                computer.network = Network { kind, name: network };
                computer.os_edition = edition;
                computer.os_version = version;
                computer.is_kms_host = kms;
                computer.directory_id = (macs.len() == 1).then(|| guid(n as u64 + 2_000_000));
                computer.mac_addresses = macs;
                computer.connect = connect.map(|(address, port, way)| ConnectTo { address, port, way });
                computer.contact = contact.map(|(at, failure, way)| Contact {
                    at,
                    failure: failure.map(Box::new),
                    way,
                });
                computer.remarks = remarks;
                computer.foreign = foreign;
                computer
            },
        )
}

fn last_five() -> impl Strategy<Value = LastFive> {
    (0_usize..10_000).prop_map(|n| key(n).last_five())
}

fn pid() -> impl Strategy<Value = ExtendedPid> {
    (0_u32..100_000, 0_u32..1_000_000).prop_map(|(group, serial)| {
        ExtendedPid::parse(&format!("55041-{group:05}-001-{serial:06}-03-1033-9200.0000-1962009")).unwrap()
    })
}

fn product(n: usize, computers: Vec<ComputerId>) -> impl Strategy<Value = Product> {
    let names = (text(), text(), text(), text(), text(), text());
    let kinds = (
        proptest::sample::select(ServiceFamily::ALL),
        proptest::sample::select(KeyType::ALL),
        proptest::sample::select(LicenseStatus::ALL),
        proptest::sample::select(GenuineStatus::ALL),
        proptest::sample::select(VolumeActivationType::ALL),
        proptest::sample::select(VolumeActivationType::ALL),
        any::<bool>(),
    );
    let ids = (
        option::of(last_five()),
        option::of(pid()),
        option::of(any::<u32>().prop_map(HResult)),
        option::of(any::<u64>().prop_map(iid)),
    );
    let dates = (option::of(instant()), option::of(instant()), option::of(instant()));
    let money = (
        option::of(confirmation()),
        vec(confirmation(), 0..3),
        option::of((any::<u64>(), instant())),
        option::of((option::of(instant()), text(), option::of(failure()))),
    );
    let volume = (text(), option::of(1_u16..), text(), text(), text(), text());
    let rest = (
        text(),
        text(),
        foreign(),
        any::<prop::sample::Index>(),
        0_usize..4,
        0_u32..5000,
    );
    (names, kinds, ids, dates, money, volume, rest).prop_map(
        move |(names, kinds, ids, dates, money, volume, (cmid, remarks, foreign, place, app, actions))| {
            let application = [
                ApplicationId::WINDOWS,
                ApplicationId::OFFICE,
                ApplicationId::OFFICE_2010,
                ApplicationId(guid(77)),
            ][app];
            let owner = (n % 5 != 4 && !computers.is_empty()).then(|| computers[place.index(computers.len())]);
            let mut p = Product::new(ProductId(guid(n as u64)), owner, application);
            (
                p.application_name,
                p.name,
                p.description,
                p.version,
                p.license_family,
                p.resource_language,
            ) = names;
            p.sku = (n % 7 != 6).then(|| guid(n as u64 + 5_000_000));
            (
                p.service,
                p.key_type,
                p.license_status,
                p.genuine_status,
                _,
                _,
                p.is_addon,
            ) = kinds;
            (
                p.partial_product_key,
                p.product_key_id,
                p.license_status_reason,
                p.installation_id,
            ) = ids;
            (p.status_updated, p.grace_expires, p.last_updated) = dates;
            p.confirmation = money.0.map(Box::new);
            p.earlier_confirmations = money.1;
            p.asked = money.2.map(|(i, at)| {
                Box::new(Asked {
                    installation_id: iid(i),
                    at,
                })
            });
            p.last_action = money.3.map(|(at, what, failure)| Action {
                at,
                what,
                failure: failure.map(Box::new),
            });
            p.volume = VolumeActivation {
                activated_by: kinds.4,
                enabled: kinds.5,
                kms_host: volume.0,
                kms_port: volume.1,
                ad_object: AdObject {
                    name: volume.2,
                    dn: volume.3,
                    csvlk_sku: volume.4,
                    csvlk_pid: volume.5,
                }
                .said(),
            };
            p.cmid = cmid;
            p.remarks = remarks;
            p.foreign = foreign;
            // Below 128 the number could be the one that is computed anyway.
            p.actions_allowed = (actions > 2000).then_some(actions);
            p
        },
    )
}

fn key_entry(n: usize) -> impl Strategy<Value = KeyEntry> {
    (
        (any::<bool>(), any::<bool>(), any::<bool>()),
        proptest::sample::select(KeyType::ALL),
        (text(), text(), text(), text(), text()),
        option::of((option::of(any::<u32>()), option::of(instant()))),
        (option::of(any::<u32>()), option::of(any::<u32>())),
        option::of(failure()),
        option::of(instant()),
        foreign(),
    )
        .prop_map(
            move |(shape, key_type, texts, remaining, marks, last_failure, last_update, foreign)| {
                let mut entry = KeyEntry::of(key(n), key_type);
                if shape.0 {
                    entry.id = KeyEntryId(guid(n as u64 + 9_000_000));
                }
                if shape.1 {
                    entry.key = None;
                    if shape.2 {
                        entry.last_five = None;
                    }
                }
                (
                    entry.key_id,
                    entry.description,
                    entry.supported_editions,
                    entry.supported_sku,
                    entry.remarks,
                ) = texts;
                entry.remaining = remaining.map(|(left, at)| RemainingCount { left, at });
                (entry.most_seen, entry.low_water) = marks;
                entry.last_failure = last_failure;
                entry.last_update = last_update;
                entry.foreign = foreign;
                entry
            },
        )
}

fn hosts() -> impl Strategy<Value = Vec<Text>> {
    (0_usize..3).prop_map(|n| (0..n).map(|n| format!("kms{n}.contoso.com").into()).collect())
}

fn source() -> impl Strategy<Value = SourceOrder> {
    let words = || text().prop_map(|t| t.to_string());
    let directory = (words(), words(), words(), any::<[bool; 3]>(), option::of(any::<u32>()));
    prop_oneof![
        (words(), option::of(any::<u16>()), any::<bool>()).prop_map(|(text, port, probe)| SourceOrder::Names {
            text,
            port,
            probe
        }),
        (words(), words(), any::<bool>()).prop_map(|(path, column, probe)| SourceOrder::File {
            path,
            column,
            port: None,
            probe
        }),
        (directory, proptest::sample::select(DirectorySecurity::ALL)).prop_map(
            |((domain, base, filter, flags, stale_days), security)| {
                SourceOrder::Directory(DirectoryOrder {
                    domain,
                    server: String::new(),
                    base,
                    name: "BER-*".into(),
                    filter,
                    include_disabled: flags[0],
                    include_non_windows: flags[1],
                    global_catalog: flags[2],
                    stale_days,
                    security,
                })
            }
        ),
        words().prop_map(|ranges| SourceOrder::NetBios { ranges }),
        Just(SourceOrder::LocalNetwork),
        Just(SourceOrder::BrowseList),
    ]
}

fn saved_discoveries() -> impl Strategy<Value = Vec<SavedDiscovery>> {
    let one = (
        vec(source(), 0..3),
        proptest::sample::select(Then::ALL),
        option::of(any::<u32>()),
        text(),
    );
    vec(one, 0..3).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(n, (sources, then, rate, name))| SavedDiscovery {
                // Names have no blanks around them.
                name: format!("{n}{name}.").into(),
                sources,
                then,
                rate,
            })
            .collect()
    })
}

/// Whole inventories.
pub fn inventory() -> impl Strategy<Value = Inventory> {
    (0_usize..4)
        .prop_flat_map(|n| (0..n).map(computer).collect::<Vec<_>>())
        .prop_flat_map(|computers| {
            let ids: Vec<_> = computers.iter().map(|c| c.id).collect();
            let products = (0_usize..6).prop_flat_map(move |n| {
                let ids = ids.clone();
                (0..n).map(move |i| product(i, ids.clone())).collect::<Vec<_>>()
            });
            let keys = (0_usize..4).prop_flat_map(|n| (0..n).map(key_entry).collect::<Vec<_>>());
            let kept = (saved_discoveries(), hosts());
            (Just(computers), products, keys, foreign(), foreign(), text(), kept)
        })
        .prop_map(|(computers, products, keys, root, data, vamt_version, kept)| {
            let (discoveries, approved_kms_hosts) = kept;
            Inventory::from_records(
                ListHeader {
                    vamt_version,
                    root,
                    data,
                    seal: None,
                    discoveries,
                    approved_kms_hosts,
                },
                computers,
                products,
                keys,
            )
        })
}

/// A list whose products, without a computer, wait for their confirmation IDs with a MAK.
pub fn waiting(count: u64) -> Inventory {
    let products = (0..count).map(|n| {
        let mut product = Product::new(ProductId(guid(n)), None, ApplicationId::WINDOWS);
        product.key_type = KeyType::Mak;
        product.product_key_id = ExtendedPid::parse("12345-90101-004-000001-03-1033-9200.0000-1962009").ok();
        product.installation_id = Some(iid(n));
        product
    });
    let (computers, keys): ([Computer; 0], [KeyEntry; 0]) = ([], []);
    Inventory::from_records(ListHeader::default(), computers, products, keys)
}

/// Everything an inventory holds, comparable.
pub type Contents = (ListHeader, Vec<Computer>, Vec<Product>, Vec<KeyEntry>);

pub fn contents(inventory: &Inventory) -> Contents {
    (
        inventory.header().clone(),
        inventory.computers().map(|c| (**c).clone()).collect(),
        inventory.products().map(|p| (**p).clone()).collect(),
        inventory.keys().map(|k| (**k).clone()).collect(),
    )
}

/// The whole list as bytes.
pub fn saved(inventory: &Inventory) -> Vec<u8> {
    let mut bytes = Vec::new();
    makeeper::cil::write(inventory, None, &mut bytes).unwrap();
    bytes
}
