//! A list to look at: every status, several generations, long and non-Latin names. Nothing in it is real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{TimeDelta, Utc};
use makeeper::model::{
    Action, ApplicationId, Change, Computer, ComputerId, Confirmation, ConfirmationId, Contact, Failure, FailureClass,
    HResult, InstallationId, Inventory, KeyEntry, KeyType, LicenseStatus, Network, NetworkKind, Product, ProductId,
    ProductKey, RemainingCount,
};

/// Digits with fitting check digits: six data digits and one check digit per group.
fn digits(groups: usize, len: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = String::new();
    for _ in 0..groups {
        let data: Vec<u8> = (1..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                b'0' + (state % 10) as u8
            })
            .collect();
        out.extend(data.iter().map(|d| char::from(*d)));
        out.push(char::from(b'0' + makeeper::model::check_digit(&data)));
    }
    out
}

const NAMES: &[&str] = &[
    "LAB-PC",
    "FIN-WS",
    "MÜNCHEN",
    "SRV-APP",
    "KIOSK",
    "Бухгалтерия",
    "EDU-LT",
];
const PRODUCTS: &[(&str, &str)] = &[
    ("Windows(R), Enterprise edition", "Windows 11 Enterprise"),
    ("Windows(R), Professional edition", "Windows 10 Pro"),
    ("Windows(R), ServerStandard edition", "Windows Server 2022 Standard"),
];

pub fn mak() -> ProductKey {
    ProductKey::parse("FKFKF-22222-33333-44444-XW42X").unwrap()
}

fn key(text: &str, key_type: KeyType, description: &str) -> KeyEntry {
    let mut key = KeyEntry::of(ProductKey::parse(text).unwrap(), key_type);
    key.description = description.into();
    key
}

/// `computers` computers with Windows, every third with Office, the last two without products; three keys.
pub fn estate(computers: usize) -> Inventory {
    let mut inventory = Inventory::default();
    let now = Utc::now();
    let mut put = |change: Change| inventory.apply(&change).unwrap();
    let mut office = key(mak().reveal(), KeyType::Mak, "Windows 10/11 Enterprise, head office");
    office.remaining = Some(RemainingCount {
        left: Some(180),
        at: Some(now - TimeDelta::hours(3)),
    });
    office.most_seen = Some(500);
    office.remarks = "Contract 2024-117, renewed every November".into();
    let mut low = key("TRYMY-22222-33333-44444-BBBBB", KeyType::Mak, "Office LTSC 2021");
    low.remaining = Some(RemainingCount {
        left: Some(4),
        at: Some(now - TimeDelta::days(12)),
    });
    low.most_seen = Some(50);
    low.low_water = Some(10);
    let client = key(
        "NPPR9-FWDCX-D2C8J-H872K-2YT43",
        KeyType::Gvlk,
        "Windows 10/11 Enterprise KMS client",
    );
    for key in [office, low, client] {
        put(Change::PutKey(Box::new(key)));
    }
    for n in 0..computers {
        let base = NAMES[n % NAMES.len()];
        let name = match n % 11 {
            10 => format!("{base}-{n:05}-with-a-rather-long-name.branch-office.contoso.example"),
            _ => format!("{base}-{n:05}"),
        };
        let mut computer = Computer::named(&name);
        let (windows, os) = PRODUCTS[n % PRODUCTS.len()];
        computer.network = Network {
            kind: NetworkKind::Domain,
            name: "contoso.example".into(),
        };
        if n % 9 == 8 {
            computer.contact = Some(Contact {
                at: now - TimeDelta::hours(2),
                failure: Some(Box::new(Failure {
                    class: FailureClass::NoAnswer,
                    message: format!("{name} does not answer on port 5985"),
                    code: None,
                })),
                way: None,
            });
        }
        let id = computer.id;
        let is_bare = n + 2 >= computers && computers > 4;
        if !is_bare {
            computer.os_edition = os.into();
            computer.os_version = "10.0.26100".into();
        }
        put(Change::PutComputer(Box::new(computer)));
        if is_bare {
            continue;
        }
        put(Change::PutProduct(Box::new(product(
            n,
            id,
            ApplicationId::WINDOWS,
            windows,
        ))));
        if n % 3 == 0 {
            let name = "Office 21, Office21ProPlus2021VL_MAK_AE edition";
            put(Change::PutProduct(Box::new(product(
                n + 1,
                id,
                ApplicationId::OFFICE,
                name,
            ))));
        }
    }
    inventory
}

fn product(n: usize, computer: ComputerId, application: ApplicationId, name: &str) -> Product {
    let now = Utc::now();
    let mut p = Product::new(
        ProductId::derive(computer, application, None),
        Some(computer),
        application,
    );
    p.name = name.into();
    p.description = "Windows(R) Operating System, VOLUME_MAK channel".into();
    p.version = "10.0.26100.1".into();
    p.key_type = [
        KeyType::Mak,
        KeyType::Mak,
        KeyType::Gvlk,
        KeyType::Mak,
        KeyType::Retail,
        KeyType::Mak,
        KeyType::Gvlk,
    ][n % 7];
    let mak = p.key_type == KeyType::Mak;
    p.partial_product_key = Some(if mak {
        mak_five()
    } else {
        makeeper::model::LastFive::parse("2YT43").unwrap()
    });
    p.license_status = [
        LicenseStatus::Licensed,
        LicenseStatus::Licensed,
        LicenseStatus::InOobGrace,
        LicenseStatus::Licensed,
        LicenseStatus::Notification,
        LicenseStatus::Licensed,
        LicenseStatus::Unlicensed,
        LicenseStatus::Licensed,
        LicenseStatus::Unknown,
        LicenseStatus::InOotGrace,
    ][n % 10];
    if p.license_status.is_grace() {
        p.grace_expires = Some(now + TimeDelta::days(i64::try_from(n % 40).unwrap()));
        p.license_status_reason = Some(HResult(0x4004_F00C));
    }
    if p.license_status == LicenseStatus::Notification {
        p.license_status_reason = Some(HResult(0xC004_F074));
    }
    p.status_updated = Some(now - TimeDelta::minutes(i64::try_from(n * 37 % 40_000).unwrap()));
    if mak {
        p.installation_id = InstallationId::parse(&digits(9, 7, n as u64 + 1)).ok();
        p.product_key_id = makeeper::model::ExtendedPid::parse("03612-03290-000-000003-03-1033-9200.0000-0012013").ok();
        if n % 8 == 6 {
            p.confirmation = ConfirmationId::parse(&digits(8, 6, n as u64 + 7))
                .ok()
                .map(|c| Confirmation {
                    installation_id: p.installation_id.clone(),
                    confirmation_id: c,
                    acquired: Some(now - TimeDelta::days(1)),
                })
                .map(Box::new);
        }
    }
    p.last_action = Some(Action {
        at: p.status_updated,
        what: "License status updated".into(),
        failure: (n % 13 == 4).then(|| {
            Box::new(Failure {
                class: FailureClass::Licensing,
                message: "the KMS host did not answer: no Key Management Service could be contacted".into(),
                code: Some(HResult(0xC004_F074)),
            })
        }),
    });
    p
}

fn mak_five() -> makeeper::model::LastFive {
    mak().last_five()
}
