//! The isolated lab: 40 Windows clients without a way out, none activated.

use super::{Application, ComputerSpec, Generation, computer, product};
use crate::lab::config::EstateKind;
use crate::lab::keys::WINDOWS_CLIENT_MAK;
use crate::model::{KeyType, LicenseStatus};

pub(super) fn computers() -> Vec<ComputerSpec> {
    (1..=40u8).map(one).collect()
}

fn one(number: u8) -> ComputerSpec {
    let (windows, edition) = match number {
        1..=6 => (Generation::Win7, "Enterprise"),
        7..=8 => (Generation::Win8, "Professional"),
        9..=12 => (Generation::Win81, "Enterprise"),
        13..=24 => (
            Generation::Win10,
            if number.is_multiple_of(3) {
                "Professional"
            } else {
                "Enterprise"
            },
        ),
        25..=28 => (Generation::Win10, "EnterpriseS"),
        _ => (
            Generation::Win11,
            if number.is_multiple_of(2) {
                "Enterprise"
            } else {
                "Education"
            },
        ),
    };
    let name = format!("LAB-PC-{number:03}");
    let mut spec = computer(EstateKind::IsolatedLab, &name, number, windows, edition);
    spec.network_name = "MEASURELAB".into();
    let (channel, key, status) = match number % 8 {
        // A few got the MAK already and wait for their confirmation ID.
        0 => (KeyType::Mak, Some(&WINDOWS_CLIENT_MAK), LicenseStatus::InOobGrace),
        1 | 2 => (KeyType::Gvlk, None, LicenseStatus::Unlicensed),
        3 => (KeyType::Gvlk, None, LicenseStatus::Notification),
        4 => (KeyType::Mak, Some(&WINDOWS_CLIENT_MAK), LicenseStatus::Notification),
        _ => (KeyType::Gvlk, None, LicenseStatus::InOobGrace),
    };
    spec.products = vec![product(&spec, Application::Windows, edition, channel, key, status)];
    spec
}
