//! Contoso: 180 computers on the core network, as they accumulate in fifteen years.

use super::{Application, ComputerSpec, Generation, OfficeGeneration, ProductSpec, computer, product};
use crate::lab::config::EstateKind;
use crate::lab::digits::Choices;
use crate::lab::keys::{
    LabKey, OFFICE_2010_MAK, OFFICE_MAK, WINDOWS_CLIENT_MAK, WINDOWS_CSVLK, WINDOWS_RETAIL, WINDOWS_SERVER_MAK,
};
use crate::model::{KeyType, LicenseStatus};

/// Generation and how many of it.
const CLIENTS: &[(Generation, u32)] = &[
    (Generation::Vista, 4),
    (Generation::Win7, 14),
    (Generation::Win8, 3),
    (Generation::Win81, 6),
    (Generation::Win10, 40),
    (Generation::Win11, 50),
];
const SERVERS: &[(Generation, u32)] = &[
    (Generation::Server2008, 3),
    (Generation::Server2008R2, 8),
    (Generation::Server2012, 4),
    (Generation::Server2012R2, 10),
    (Generation::Server2016, 12),
    (Generation::Server2019, 10),
    (Generation::Server2022, 9),
    (Generation::Server2025, 4),
];
/// Computers that were named by somebody else.
const ODD_NAMES: &[(&str, &str)] = &[
    ("CON-PC-030", "東京-受付-03"),
    ("CON-PC-045", "МОСКВА-БУХГАЛТЕРИЯ-07"),
    ("CON-PC-058", "ΑΘΗΝΑ-PC-02"),
    ("CON-PC-071", "서울-연구실-11"),
    ("CON-PC-099", "MÜNCHEN-EMPFANG-2"),
    (
        "CON-PC-110",
        "CON-PC-BRANCH-OFFICE-SEATTLE-RECEPTION-DESK-WINDOW-SIDE-0000042",
    ),
];

pub(super) fn computers() -> Vec<ComputerSpec> {
    let clients = CLIENTS.iter().flat_map(|(g, n)| (0..*n).map(|_| *g));
    let servers = SERVERS.iter().flat_map(|(g, n)| (0..*n).map(|_| *g));
    let mut all = Vec::with_capacity(180);
    for (octet, (number, windows)) in (1u8..).zip((1..).zip(clients)) {
        all.push(client(octet, number, windows));
    }
    let first = all.len() as u8 + 1;
    for (octet, (number, windows)) in (first..).zip((1..).zip(servers)) {
        all.push(server(octet, number, windows));
    }
    let octet = all.len() as u8 + 1;
    all.push(kms_host(octet, "CON-KMS-01", Generation::Server2022, 50));
    all.push(kms_host(octet + 1, "CON-KMS-02", Generation::Server2012R2, 3));
    all.push(kms_host(octet + 2, "CON-KMS-OFFICE", Generation::Server2019, 17));
    all
}

fn place(spec: &mut ComputerSpec, choices: &mut Choices) {
    (spec.in_domain, spec.network_name) = match choices.below(20) {
        0 => (false, "WORKGROUP".into()),
        1 | 2 => (true, "emea.contoso.com".into()),
        _ => (true, "corp.contoso.com".into()),
    };
}

fn client(octet: u8, number: u32, windows: Generation) -> ComputerSpec {
    let plain = format!("CON-PC-{number:03}");
    let name = ODD_NAMES
        .iter()
        .find(|(from, _)| *from == plain)
        .map_or(plain.as_str(), |(_, to)| to);
    let mut choices = Choices::of(name);
    let edition = match windows {
        Generation::Vista => *choices.pick(&["Business", "Enterprise"]).unwrap_or(&"Business"),
        Generation::Win10 | Generation::Win11 => choices
            .pick(&[
                "Enterprise",
                "Enterprise",
                "Enterprise",
                "Professional",
                "Professional",
                "Education",
                "EnterpriseS",
            ])
            .unwrap_or(&"Enterprise"),
        _ => choices.pick(&["Enterprise", "Professional"]).unwrap_or(&"Enterprise"),
    };
    let mut spec = computer(EstateKind::Contoso, name, octet, windows, edition);
    place(&mut spec, &mut choices);
    let (channel, key) = client_key(number, windows, &mut choices);
    let status = status_for(channel, &mut choices);
    let windows_product = product(&spec, Application::Windows, edition, channel, key, status);
    // Found registered as a KMS host: the wrong key on a client.
    if channel == KeyType::Csvlk {
        spec.kms_clients = Some(0);
    }
    spec.products.push(windows_product);
    if choices.below(100) < 90 {
        let generation = office_for(windows, &mut choices);
        let suite = choices.below(4) / 3;
        office(&mut spec, generation, suite as usize, &mut choices);
        if choices.below(8) == 0 {
            office(&mut spec, generation, 2, &mut choices);
        }
    }
    spec
}

fn client_key(number: u32, windows: Generation, choices: &mut Choices) -> (KeyType, Option<&'static LabKey>) {
    // The kinds that are rare are placed, the others drawn.
    match number {
        24 | 88 => return (KeyType::Csvlk, Some(&WINDOWS_CSVLK)),
        33 => return (KeyType::TBEval, None),
        34 => return (KeyType::OemNonSlp, None),
        9 | 35 => return (KeyType::OemCoa, None),
        36 => return (KeyType::Retail, Some(&WINDOWS_RETAIL)),
        _ => {}
    }
    match choices.below(100) {
        0..45 => (KeyType::Gvlk, None),
        45..75 => (KeyType::Mak, Some(&WINDOWS_CLIENT_MAK)),
        75..85 => (KeyType::Retail, None),
        _ if windows.schema() < 2 => (KeyType::OemSlp, None),
        _ => (KeyType::OemDm, None),
    }
}

fn server(octet: u8, number: u32, windows: Generation) -> ComputerSpec {
    let name = format!("CON-SRV-{number:03}");
    let mut choices = Choices::of(&name);
    let edition = choices
        .pick(&["ServerStandard", "ServerStandard", "ServerDatacenter"])
        .unwrap_or(&"ServerStandard");
    let mut spec = computer(EstateKind::Contoso, &name, octet, windows, edition);
    place(&mut spec, &mut choices);
    let (channel, key) = match (number, choices.below(100)) {
        (50 | 51, _) => (KeyType::VtIa, None),
        (20, _) => (KeyType::TBEval, None),
        (_, 0..55) => (KeyType::Gvlk, None),
        (_, 55..90) => (KeyType::Mak, Some(&WINDOWS_SERVER_MAK)),
        _ => (KeyType::OemSlp, None),
    };
    let status = status_for(channel, &mut choices);
    let windows_product = product(&spec, Application::Windows, edition, channel, key, status);
    spec.products.push(windows_product);
    // Terminal servers carry Office.
    if number.is_multiple_of(6) {
        let generation = office_for(windows, &mut choices);
        office(&mut spec, generation, 0, &mut choices);
    }
    spec
}

fn kms_host(octet: u8, name: &str, windows: Generation, clients: u32) -> ComputerSpec {
    let mut spec = computer(EstateKind::Contoso, name, octet, windows, "ServerStandard");
    (spec.in_domain, spec.network_name) = (true, "corp.contoso.com".into());
    spec.kms_clients = Some(clients);
    let key = product(
        &spec,
        Application::Windows,
        "ServerStandard",
        KeyType::Csvlk,
        Some(&WINDOWS_CSVLK),
        LicenseStatus::Licensed,
    );
    spec.products.push(key);
    spec
}

fn office(spec: &mut ComputerSpec, generation: OfficeGeneration, which: usize, choices: &mut Choices) {
    let Some(edition) = generation.products().get(which) else {
        return;
    };
    let mak: &'static LabKey = if generation == OfficeGeneration::Office2010 {
        &OFFICE_2010_MAK
    } else {
        &OFFICE_MAK
    };
    let (channel, key) = match choices.below(100) {
        0..60 => (KeyType::Gvlk, None),
        60..90 => (KeyType::Mak, Some(mak)),
        _ => (KeyType::Retail, None),
    };
    let status = status_for(channel, choices);
    let new: ProductSpec = product(
        spec,
        Application::Office(generation),
        edition.family,
        channel,
        key,
        status,
    );
    spec.products.push(new);
}

fn office_for(windows: Generation, choices: &mut Choices) -> OfficeGeneration {
    use OfficeGeneration::{Office2010, Office2013, Office2016, Office2019, Office2021, Office2024};
    let possible: &[OfficeGeneration] = match windows.schema() {
        0 => &[Office2010],
        1 => &[Office2010, Office2010, Office2013, Office2016],
        2 => &[Office2010, Office2013, Office2016],
        3 if windows.version().starts_with("6.") => &[Office2010, Office2013, Office2016],
        3 => &[Office2010, Office2016, Office2016, Office2019, Office2019, Office2021],
        _ => &[Office2019, Office2021, Office2021, Office2024],
    };
    *choices.pick(possible).unwrap_or(&Office2016)
}

fn status_for(channel: KeyType, choices: &mut Choices) -> LicenseStatus {
    let draw = choices.below(100);
    match channel {
        KeyType::OemDm | KeyType::OemSlp | KeyType::VtIa | KeyType::TBEval if draw < 95 => LicenseStatus::Licensed,
        KeyType::Csvlk => LicenseStatus::InOobGrace,
        _ => match draw {
            0..74 => LicenseStatus::Licensed,
            74..84 => LicenseStatus::InOobGrace,
            84..88 => LicenseStatus::InOotGrace,
            88..90 => LicenseStatus::NonGenuineGrace,
            90..95 => LicenseStatus::Notification,
            95..97 => LicenseStatus::ExtendedGrace,
            _ => LicenseStatus::Unlicensed,
        },
    }
}
