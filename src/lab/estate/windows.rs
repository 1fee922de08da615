//! Windows generations and editions, with the public client setup keys and activation IDs of the editions that have them.

/// A Windows generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Generation {
    /// Windows Vista.
    Vista,
    /// Windows Server 2008.
    Server2008,
    /// Windows 7.
    Win7,
    /// Windows Server 2008 R2.
    Server2008R2,
    /// Windows 8.
    Win8,
    /// Windows Server 2012.
    Server2012,
    /// Windows 8.1.
    Win81,
    /// Windows Server 2012 R2.
    Server2012R2,
    /// Windows 10.
    Win10,
    /// Windows 11.
    Win11,
    /// Windows Server 2016.
    Server2016,
    /// Windows Server 2019.
    Server2019,
    /// Windows Server 2022.
    Server2022,
    /// Windows Server 2025.
    Server2025,
}

/// An edition of Windows or a product of Office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// LicenseFamily, e.g. `Enterprise`, `ProPlus2021VL`.
    pub family: &'static str,
    /// For people, e.g. `Enterprise`.
    pub label: &'static str,
    /// Microsoft's published client setup key; empty when there is none.
    pub gvlk: &'static str,
    /// Activation ID of the volume client; empty where no public source gives it.
    pub id: &'static str,
}

pub(super) const fn edition(
    family: &'static str,
    label: &'static str,
    gvlk: &'static str,
    id: &'static str,
) -> Edition {
    Edition {
        family,
        label,
        gvlk,
        id,
    }
}

impl Generation {
    /// Every generation.
    pub const ALL: &'static [Self] = &[
        Self::Vista,
        Self::Server2008,
        Self::Win7,
        Self::Server2008R2,
        Self::Win8,
        Self::Server2012,
        Self::Win81,
        Self::Server2012R2,
        Self::Win10,
        Self::Win11,
        Self::Server2016,
        Self::Server2019,
        Self::Server2022,
        Self::Server2025,
    ];

    /// A server.
    pub fn is_server(self) -> bool {
        !matches!(
            self,
            Self::Vista | Self::Win7 | Self::Win8 | Self::Win81 | Self::Win10 | Self::Win11
        )
    }

    /// What it is called, without the edition.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vista => "Windows Vista",
            Self::Server2008 => "Windows Server 2008",
            Self::Win7 => "Windows 7",
            Self::Server2008R2 => "Windows Server 2008 R2",
            Self::Win8 => "Windows 8",
            Self::Server2012 => "Windows Server 2012",
            Self::Win81 => "Windows 8.1",
            Self::Server2012R2 => "Windows Server 2012 R2",
            Self::Win10 => "Windows 10",
            Self::Win11 => "Windows 11",
            Self::Server2016 => "Windows Server 2016",
            Self::Server2019 => "Windows Server 2019",
            Self::Server2022 => "Windows Server 2022",
            Self::Server2025 => "Windows Server 2025",
        }
    }

    /// Version of the operating system, e.g. `10.0.26100`.
    pub fn version(self) -> &'static str {
        match self {
            Self::Vista | Self::Server2008 => "6.0.6002",
            Self::Win7 | Self::Server2008R2 => "6.1.7601",
            Self::Win8 | Self::Server2012 => "6.2.9200",
            Self::Win81 | Self::Server2012R2 => "6.3.9600",
            Self::Win10 => "10.0.19045",
            Self::Win11 | Self::Server2025 => "10.0.26100",
            Self::Server2016 => "10.0.14393",
            Self::Server2019 => "10.0.17763",
            Self::Server2022 => "10.0.20348",
        }
    }

    /// Version of the licensing service, key of the service singleton.
    pub fn service_version(self) -> &'static str {
        match self {
            Self::Vista | Self::Server2008 => "6.0.6002.18005",
            Self::Win7 | Self::Server2008R2 => "6.1.7601.17514",
            Self::Win8 | Self::Server2012 => "6.2.9200.16384",
            Self::Win81 | Self::Server2012R2 => "6.3.9600.16384",
            Self::Win10 => "10.0.19045.4651",
            Self::Win11 | Self::Server2025 => "10.0.26100.1",
            Self::Server2016 => "10.0.14393.0",
            Self::Server2019 => "10.0.17763.1",
            Self::Server2022 => "10.0.20348.2582",
        }
    }

    /// The build number.
    pub fn build(self) -> u32 {
        self.version()
            .rsplit('.')
            .next()
            .and_then(|b| b.parse().ok())
            .unwrap_or_default()
    }

    /// Which set of WMI properties it has: 0 is 6.0, 1 is 6.1, 2 is 6.2, 3 is 6.3 and later, 4 is build 26000 and later.
    pub fn schema(self) -> u8 {
        match self {
            Self::Vista | Self::Server2008 => 0,
            Self::Win7 | Self::Server2008R2 => 1,
            Self::Win8 | Self::Server2012 => 2,
            Self::Win11 | Self::Server2025 => 4,
            _ => 3,
        }
    }

    /// Installation IDs have 54 digits.
    pub fn has_old_ids(self) -> bool {
        self.schema() < 2
    }

    /// The editions that exist with volume licenses.
    pub fn editions(self) -> &'static [Edition] {
        match self {
            Self::Vista => VISTA,
            Self::Server2008 => SERVER_2008,
            Self::Win7 => WIN7,
            Self::Server2008R2 => SERVER_2008_R2,
            Self::Win8 => WIN8,
            Self::Server2012 => SERVER_2012,
            Self::Win81 => WIN81,
            Self::Server2012R2 => SERVER_2012_R2,
            Self::Win10 | Self::Win11 => WIN10,
            Self::Server2016 => SERVER_2016,
            Self::Server2019 => SERVER_2019,
            Self::Server2022 => SERVER_2022,
            Self::Server2025 => SERVER_2025,
        }
    }
}

const VISTA: &[Edition] = &[
    edition(
        "Business",
        "Business",
        "YFKBB-PQJJV-G996G-VWGXY-2V3X8",
        "4f3d1606-3fea-4c01-be3c-8d671c401e3b",
    ),
    edition(
        "BusinessN",
        "Business N",
        "HMBQG-8H2RH-C77VX-27R82-VMQBT",
        "2c682dc2-8b68-4f63-a165-ae291d4cf138",
    ),
    edition(
        "Enterprise",
        "Enterprise",
        "VKK3X-68KWM-X2YGT-QR4M6-4BWMV",
        "cfd8ff08-c0d7-452b-9f60-ef5c70c32094",
    ),
    edition(
        "EnterpriseN",
        "Enterprise N",
        "VTC42-BM838-43QHV-84HX6-XJXKV",
        "d4f54950-26f2-4fb4-ba21-ffab16afcade",
    ),
];
const SERVER_2008: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "TM24T-X9RMF-VWXK6-X8JC9-BFGM2",
        "ad2542d4-9154-4c6d-8a44-30f11ee96989",
    ),
    edition(
        "ServerEnterprise",
        "Enterprise",
        "YQGMW-MPWTJ-34KDK-48M3W-X4Q6V",
        "c1af4d90-d1bc-44ca-85d4-003ba33db3b9",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "7M67G-PC374-GR742-YH8V4-TCBY3",
        "68b6e220-cf09-466b-92d3-45cd964b9509",
    ),
    edition(
        "ServerWeb",
        "Web Server",
        "WYR28-R7TFJ-3X2YQ-YCY4H-M249D",
        "ddfa9f7c-f09e-40b9-8c1a-be877a9a7f4b",
    ),
];
const WIN7: &[Edition] = &[
    edition(
        "Professional",
        "Professional",
        "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4",
        "b92e9980-b9d5-4821-9c94-140f632f6312",
    ),
    edition(
        "ProfessionalN",
        "Professional N",
        "MRPKT-YTG23-K7D7T-X2JMM-QY7MG",
        "54a09a0d-d57b-4c10-8b69-a842d6590ad5",
    ),
    edition(
        "Enterprise",
        "Enterprise",
        "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH",
        "ae2ee509-1b34-41c0-acb7-6d4650168915",
    ),
    edition(
        "EnterpriseN",
        "Enterprise N",
        "YDRBP-3D83W-TY26F-D46B2-XCKRJ",
        "1cb6d605-11b3-4e14-bb30-da91c8e3983a",
    ),
];
const SERVER_2008_R2: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "YC6KT-GKW9T-YTKYR-T4X34-R7VHC",
        "68531fb9-5511-4989-97be-d11a0f55633f",
    ),
    edition(
        "ServerEnterprise",
        "Enterprise",
        "489J6-VHDMP-X63PK-3K798-CPX3Y",
        "620e2b3d-09e7-42fd-802a-17a13652fe7a",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "74YFP-3QFB3-KQT8W-PMXWJ-7M648",
        "7482e61b-c589-4b7f-8ecc-46d455ac3b87",
    ),
    edition(
        "ServerWeb",
        "Web",
        "6TPJF-RBVHG-WBW2R-86QPH-6RTM4",
        "a78b8bd9-8017-4df5-b86a-09f756affa7c",
    ),
];
const WIN8: &[Edition] = &[
    edition(
        "Professional",
        "Pro",
        "NG4HW-VH26C-733KW-K6F98-J8CK4",
        "a98bcd6d-5343-4603-8afe-5908e4611112",
    ),
    edition(
        "ProfessionalN",
        "Pro N",
        "XCVCF-2NXM9-723PB-MHCB7-2RYQQ",
        "ebf245c1-29a8-4daf-9cb1-38dfc608a8c8",
    ),
    edition(
        "Enterprise",
        "Enterprise",
        "32JNW-9KQ84-P47T8-D8GGY-CWCK7",
        "458e1bec-837a-45f6-b9d5-925ed5d299de",
    ),
    edition(
        "EnterpriseN",
        "Enterprise N",
        "JMNMF-RHW7P-DMY6X-RF3DR-X2BQT",
        "e14997e7-800a-4cf7-ad10-de4b45b578db",
    ),
];
const SERVER_2012: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "XC9B7-NBPP2-83J2H-RHMBY-92BT4",
        "f0f5ec41-0d55-4732-af02-440a44a3cf0f",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "48HP8-DN98B-MYWDG-T2DCC-8W83P",
        "d3643d60-0c42-412d-a7d6-52e6635327f6",
    ),
];
const WIN81: &[Edition] = &[
    edition(
        "Professional",
        "Pro",
        "GCRJD-8NW9H-F2CDX-CCM8D-9D6T9",
        "c06b6981-d7fd-4a35-b7b4-054742b7af67",
    ),
    edition(
        "ProfessionalN",
        "Pro N",
        "HMCNV-VVBFX-7HMBH-CTY9B-B4FXY",
        "7476d79f-8e48-49b4-ab63-4d0b813a16e4",
    ),
    edition(
        "Enterprise",
        "Enterprise",
        "MHF9N-XY6XB-WVXMC-BTDCT-MKKG7",
        "81671aaf-79d1-4eb1-b004-8cbbe173afea",
    ),
    edition(
        "EnterpriseN",
        "Enterprise N",
        "TT4HM-HN7YT-62K67-RGRQJ-JFFXW",
        "113e705c-fa49-48a4-beea-7dd879b46b14",
    ),
];
const SERVER_2012_R2: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "D2N9P-3P6X9-2R39C-7RTCD-MDVJX",
        "b3ca044e-a358-4d68-9883-aaa2941aca99",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "W3GGN-FT8W3-Y4M27-J84CP-Q3VJ9",
        "00091344-1ea4-4f37-b789-01750ba6988c",
    ),
    edition(
        "ServerSolution",
        "Essentials",
        "KNC87-3J2TX-XB4WP-VCPJV-M4FWM",
        "21db6ba4-9a7b-4a14-9e29-64a60c59301d",
    ),
];
const WIN10: &[Edition] = &[
    edition(
        "Professional",
        "Pro",
        "W269N-WFGWX-YVC9B-4J6C9-T83GX",
        "2de67392-b7a7-462a-b1ca-108dd189f588",
    ),
    edition(
        "ProfessionalN",
        "Pro N",
        "MH37W-N47XK-V7XM9-C7227-GCQG9",
        "a80b5abf-76ad-428b-b05d-a47d2dffeebf",
    ),
    edition(
        "Education",
        "Education",
        "NW6C2-QMPVW-D7KKK-3GKT6-VCFB2",
        "e0c42288-980c-4788-a014-c080d2e1926e",
    ),
    edition(
        "Enterprise",
        "Enterprise",
        "NPPR9-FWDCX-D2C8J-H872K-2YT43",
        "73111121-5638-40f6-bc11-f1d7b0d64300",
    ),
    edition(
        "EnterpriseN",
        "Enterprise N",
        "DPH2V-TTNVB-4X9Q3-TJR4H-KHJW4",
        "e272e3e2-732f-4c65-a8f0-484747d0d947",
    ),
    edition("EnterpriseS", "Enterprise LTSC", "M7XTQ-FN8P6-TTKYV-9D4CC-J462D", ""),
];
const SERVER_2016: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "WC2BQ-8NRM3-FDDYY-2BFGV-KHKQY",
        "8c1c5410-9f39-4805-8c9d-63a07706358f",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "CB7KF-BWN84-R7R2Y-793K2-8XDDG",
        "21c56779-b449-4d20-adfc-eece0e1ad74b",
    ),
    edition(
        "ServerSolution",
        "Essentials",
        "JCKRF-N37P4-C2D82-9YXRT-4M63B",
        "2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283",
    ),
];
const SERVER_2019: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "N69G4-B89J2-4G8F4-WWYCC-J464C",
        "de32eafd-aaee-4662-9444-c1befb41bde2",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "WMDGN-G9PQG-XVVXX-R3X43-63DFG",
        "34e1ae55-27f8-4950-8877-7a03be5fb181",
    ),
    edition(
        "ServerSolution",
        "Essentials",
        "WVDHN-86M7X-466P6-VHXV7-YY726",
        "034d3cbb-5d4b-4245-b3f8-f84571314078",
    ),
];
const SERVER_2022: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "VDYBN-27WPP-V4HQT-9VMD4-VMK7H",
        "9bd77860-9b31-4b7b-96ad-2564017315bf",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "WX4NM-KYWYW-QJJR4-XV3QB-6VM33",
        "ef6cfc9f-8c5d-44ac-9aad-de6a2ea0ae03",
    ),
];
const SERVER_2025: &[Edition] = &[
    edition(
        "ServerStandard",
        "Standard",
        "TVRH6-WHNXV-R9WG3-9XRFY-MY832",
        "7dc26449-db21-4e09-ba37-28f2958506a6",
    ),
    edition(
        "ServerDatacenter",
        "Datacenter",
        "D764K-2NDRG-47T6Q-P8T8W-YP6DF",
        "c052f164-cdf6-409a-a0cb-853ba0f0f55a",
    ),
];
