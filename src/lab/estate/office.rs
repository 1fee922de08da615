//! Office generations and products.

use super::windows::{Edition, Generation, edition};

/// An Office generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OfficeGeneration {
    /// Office 2010: classes of its own on every Windows.
    Office2010,
    /// Office 2013.
    Office2013,
    /// Office 2016.
    Office2016,
    /// Office 2019.
    Office2019,
    /// Office LTSC 2021.
    Office2021,
    /// Office LTSC 2024.
    Office2024,
}

impl OfficeGeneration {
    /// Every generation.
    pub const ALL: &'static [Self] = &[
        Self::Office2010,
        Self::Office2013,
        Self::Office2016,
        Self::Office2019,
        Self::Office2021,
        Self::Office2024,
    ];

    /// The number in names and descriptions: 14, 15, 16, 19, 21, 24.
    pub fn number(self) -> u32 {
        match self {
            Self::Office2010 => 14,
            Self::Office2013 => 15,
            Self::Office2016 => 16,
            Self::Office2019 => 19,
            Self::Office2021 => 21,
            Self::Office2024 => 24,
        }
    }

    /// Build in the extended PID.
    pub fn build(self) -> u32 {
        match self {
            Self::Office2010 => 7600,
            Self::Office2013 => 9200,
            _ => 19045,
        }
    }

    /// True if its licenses are kept by Office's own service: always for 2010, for others only before Windows 8.
    pub fn has_own_service(self, windows: Generation) -> bool {
        self == Self::Office2010 || windows.schema() < 2
    }

    /// Its products.
    pub fn products(self) -> &'static [Edition] {
        match self {
            Self::Office2010 => OFFICE_2010,
            Self::Office2013 => OFFICE_2013,
            Self::Office2016 => OFFICE_2016,
            Self::Office2019 => OFFICE_2019,
            Self::Office2021 => OFFICE_2021,
            Self::Office2024 => OFFICE_2024,
        }
    }
}

const OFFICE_2010: &[Edition] = &[
    edition(
        "ProPlus",
        "Professional Plus 2010",
        "VYBBJ-TRJPB-QFQRF-QFT4D-H3GVB",
        "6f327760-8c5c-417c-9b61-836a98287e0c",
    ),
    edition(
        "Standard",
        "Standard 2010",
        "V7QKV-4XVVR-XYV4D-F7DFM-8R6BM",
        "9da2a678-fb6b-4e67-ab84-60dd6a9c819a",
    ),
    edition(
        "VisioPro",
        "Visio Professional 2010",
        "7MCW8-VRQVK-G677T-PDJCM-Q8TCP",
        "e558389c-83c3-4b29-adfe-5e4d7f46c358",
    ),
];
const OFFICE_2013: &[Edition] = &[
    edition(
        "ProPlusVL",
        "Professional Plus 2013",
        "YC7DK-G2NP3-2QQC3-J6H88-GVGXT",
        "b322da9c-a2e2-4058-9e4e-f59a6970bd69",
    ),
    edition(
        "StandardVL",
        "Standard 2013",
        "KBKQT-2NMXY-JJWGP-M62JB-92CD4",
        "b13afb38-cd79-4ae5-9f7f-eed058d750ca",
    ),
    edition(
        "VisioProVL",
        "Visio Professional 2013",
        "C2FG9-N6J68-H8BTJ-BW3QX-RM3B3",
        "e13ac10e-75d0-4aff-a0cd-764982cf541c",
    ),
];
const OFFICE_2016: &[Edition] = &[
    edition(
        "ProPlusVL",
        "Professional Plus 2016",
        "XQNVK-8JYDB-WJ9W3-YJ8YR-WFG99",
        "d450596f-894d-49e0-966a-fd39ed4c4c64",
    ),
    edition(
        "StandardVL",
        "Standard 2016",
        "JNRGM-WHDWX-FJJG3-K47QV-DRTFM",
        "dedfa23d-6ed1-45a6-85dc-63cae0546de6",
    ),
    edition(
        "VisioProVL",
        "Visio Professional 2016",
        "PD3PC-RHNGV-FXJ29-8JK7D-RJRJK",
        "6bf301c1-b94a-43e9-ba31-d494598c47fb",
    ),
];
const OFFICE_2019: &[Edition] = &[
    edition(
        "ProPlus2019VL",
        "Professional Plus 2019",
        "NMMKJ-6RK4F-KMJVX-8D9MJ-6MWKP",
        "85dd8b5f-eaa4-4af3-a628-cce9e77c9a03",
    ),
    edition(
        "Standard2019VL",
        "Standard 2019",
        "6NWWJ-YQWMR-QKGCB-6TMB3-9D9HK",
        "6912a74b-a5fb-401a-bfdb-2e3ab46f4b02",
    ),
    edition(
        "VisioPro2019VL",
        "Visio Professional 2019",
        "9BGNQ-K37YR-RQHF2-38RQ3-7VCBB",
        "5b5cf08f-b81a-431d-b080-3450d8620565",
    ),
];
const OFFICE_2021: &[Edition] = &[
    edition(
        "ProPlus2021VL",
        "LTSC Professional Plus 2021",
        "FXYTK-NJJ8C-GB6DW-3DYQT-6F7TH",
        "fbdb3e18-a8ef-4fb3-9183-dffd60bd0984",
    ),
    edition(
        "Standard2021VL",
        "LTSC Standard 2021",
        "KDX7X-BNVR8-TXXGX-4Q7Y8-78VT3",
        "080a45c5-9f9f-49eb-b4b0-c3c610a5ebd3",
    ),
    edition(
        "VisioPro2021VL",
        "Visio LTSC Professional 2021",
        "KNH8D-FGHT4-T8RK3-CTDYJ-K2HT4",
        "fb61ac9a-1688-45d2-8f6b-0674dbffa33c",
    ),
];
const OFFICE_2024: &[Edition] = &[
    edition(
        "ProPlus2024VL",
        "LTSC Professional Plus 2024",
        "XJ2XN-FW8RK-P4HMP-DKDBV-GCVGB",
        "",
    ),
    edition(
        "Standard2024VL",
        "LTSC Standard 2024",
        "V28N4-JG22K-W66P8-VTMGK-H6HGR",
        "",
    ),
    edition(
        "VisioPro2024VL",
        "Visio LTSC Professional 2024",
        "B7TN8-FJ8V3-7QYCP-HQPMV-YY89G",
        "",
    ),
];
