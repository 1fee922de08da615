//! A computer that answers from a script and writes down what it was asked. What the real thing costs - an activation, an
//! hour of waiting, a damaged class - cannot be had in a test.
#![allow(dead_code, reason = "each test binary uses its part of this module")]

use futures_util::future::BoxFuture;
use makeeper::model::HResult;
use makeeper::wmi::{Instance, Namespace, ObjectPath, Param, Value, WmiConnection, WmiError};

pub type Answer = Result<Vec<Instance>, WmiError>;

/// One question to the computer.
#[derive(Debug, Clone)]
pub enum Asked {
    Query(String),
    /// Class and method, the key selector, and the parameters; secrets are marked.
    Call {
        what: String,
        key: Option<String>,
        parameters: Vec<(String, String)>,
    },
}

impl Asked {
    pub fn query(&self) -> &str {
        match self {
            Self::Query(query) => query,
            Self::Call { .. } => "",
        }
    }

    pub fn call(&self) -> &str {
        match self {
            Self::Query(_) => "",
            Self::Call { what, .. } => what,
        }
    }
}

/// The key selector and the parameters of a call.
pub type Call<'a> = (Option<&'a str>, &'a [(String, String)]);

pub struct ScriptedComputer<F> {
    answer: F,
    pub asked: Vec<Asked>,
}

impl<F: FnMut(&Asked) -> Answer + Send> ScriptedComputer<F> {
    pub fn new(answer: F) -> Self {
        Self {
            answer,
            asked: Vec::new(),
        }
    }

    /// The methods called, in their order.
    pub fn calls(&self) -> Vec<&str> {
        self.asked.iter().map(Asked::call).filter(|c| !c.is_empty()).collect()
    }

    /// The key selector and the parameters of the first call whose name ends so.
    pub fn call_of(&self, end: &str) -> Option<Call<'_>> {
        self.asked.iter().find_map(|asked| match asked {
            Asked::Call { what, key, parameters } if what.ends_with(end) => Some((key.as_deref(), &**parameters)),
            _ => None,
        })
    }

    /// The queries sent, in their order.
    pub fn queries(&self) -> Vec<&str> {
        self.asked.iter().map(Asked::query).filter(|q| !q.is_empty()).collect()
    }

    fn ask(&mut self, asked: Asked) -> Answer {
        let answer = (self.answer)(&asked);
        self.asked.push(asked);
        answer
    }
}

impl<F: FnMut(&Asked) -> Answer + Send> WmiConnection for ScriptedComputer<F> {
    fn computer(&self) -> &'static str {
        "LAB-PC-014"
    }

    fn query<'a>(&'a mut self, _: Namespace, wql: &'a str) -> BoxFuture<'a, Answer> {
        let answer = self.ask(Asked::Query(wql.to_owned()));
        Box::pin(async move { answer })
    }

    fn invoke<'a>(
        &'a mut self,
        object: ObjectPath<'a>,
        method: &'a str,
        parameters: &'a [(&'a str, Param<'a>)],
    ) -> BoxFuture<'a, Result<Instance, WmiError>> {
        let shown = |p: &Param<'_>| match p {
            Param::Text(text) => (*text).to_owned(),
            Param::Secret(_) => "(secret)".to_owned(),
        };
        let answer = self.ask(Asked::Call {
            what: format!("{}.{method}", object.class),
            key: object.key.map(|(name, value)| format!("{name}={value}")),
            parameters: parameters.iter().map(|(n, p)| ((*n).to_owned(), shown(p))).collect(),
        });
        Box::pin(async move { answer.map(|rows| rows.into_iter().next().unwrap_or_default()) })
    }
}

pub fn row(pairs: &[(&str, &str)]) -> Instance {
    Instance {
        properties: pairs
            .iter()
            .map(|(name, text)| {
                let value = match *text {
                    "(null)" => Value::Null,
                    text => Value::Text(text.to_owned()),
                };
                ((*name).to_owned(), value)
            })
            .collect(),
    }
}

/// `row` with some properties replaced or added.
pub fn with(base: &Instance, pairs: &[(&str, &str)]) -> Instance {
    let mut changed = base.clone();
    for (name, value) in row(pairs).properties {
        match changed.properties.iter_mut().find(|(n, _)| *n == name) {
            Some(property) => property.1 = value,
            None => changed.properties.push((name, value)),
        }
    }
    changed
}

pub fn failed(operation: &str, code: u32) -> WmiError {
    WmiError::Failed {
        computer: "LAB-PC-014".into(),
        operation: operation.into(),
        code: HResult(code),
        message: String::new(),
    }
}

pub fn no_class(class: &str) -> WmiError {
    WmiError::NoSuchClass {
        computer: "LAB-PC-014".into(),
        class: class.into(),
    }
}

pub fn invalid_query(query: &str) -> WmiError {
    WmiError::InvalidQuery {
        computer: "LAB-PC-014".into(),
        query: query.into(),
    }
}

pub fn timed_out(operation: &str) -> WmiError {
    WmiError::TimedOut {
        computer: "LAB-PC-014".into(),
        operation: operation.into(),
    }
}

pub const WINDOWS: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";
/// Enterprise, MAK channel (fictitious SKU).
pub const MAK_SKU: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub const IID: &str = "253037440405119108201413961093786848722385303726677949056629205";
pub const OTHER_IID: &str = "000963843315259493598506854253663081409973656140419231";

/// Windows 11 Enterprise with a MAK, in out-of-box grace.
pub fn mak_row() -> Instance {
    row(&[
        ("ID", MAK_SKU),
        ("ApplicationID", "55C92734-D682-4D71-983E-D6EC3F16059F"),
        ("Name", "Windows(R), Enterprise edition"),
        ("Description", "Windows(R) Operating System, VOLUME_MAK channel"),
        ("LicenseFamily", "Enterprise"),
        ("LicenseIsAddon", "false"),
        ("PartialProductKey", "22222"),
        ("ProductKeyID", "00329-03290-000-000003-03-1033-26100.0000-0012026"),
        ("ProductKeyChannel", "Volume:MAK"),
        ("OfflineInstallationId", IID),
        ("LicenseStatus", "2"),
        ("LicenseStatusReason", "1074065472"),
        ("GracePeriodRemaining", "43200"),
        ("GenuineStatus", "0"),
        ("VLActivationType", "(null)"),
        ("VLActivationTypeEnabled", "0"),
        ("IsKeyManagementServiceMachine", "0"),
    ])
}

pub fn service_row() -> Instance {
    row(&[
        ("Version", "10.0.26100.1"),
        ("ClientMachineID", "5d0e3c2a-1111-2222-3333-444455556666"),
        ("IsKeyManagementServiceMachine", "0"),
    ])
}

/// Everything a computer answers that has only the given product rows with keys.
pub fn ordinary(asked: &Asked, products: &[Instance]) -> Answer {
    let query = asked.query();
    if query.contains("SoftwareLicensingService") {
        Ok(vec![service_row()])
    } else if query.contains("SoftwareLicensingProduct") {
        let by_id = query
            .split("ID = '")
            .nth(1)
            .filter(|_| !query.contains("ApplicationID ="));
        let id = by_id.and_then(|rest| rest.split('\'').next());
        Ok(products
            .iter()
            .filter(|p| id.is_none_or(|id| p.text("ID") == Some(id)))
            .cloned()
            .collect())
    } else if query.contains("OfficeSoftwareProtection") {
        Err(no_class("OfficeSoftwareProtectionService"))
    } else if query.contains("Win32_OperatingSystem") {
        Ok(vec![row(&[
            ("Caption", "Microsoft Windows 11 Enterprise"),
            ("Version", "10.0.26100"),
            ("ProductType", "1"),
            ("OperatingSystemSKU", "4"),
        ])])
    } else if query.contains("Win32_ComputerSystem") {
        Ok(vec![row(&[
            ("Name", "LAB-PC-014"),
            ("DNSHostName", "LAB-PC-014"),
            ("Domain", "contoso.example"),
            ("PartOfDomain", "TRUE"),
            ("Workgroup", "(null)"),
        ])])
    } else if query.contains("Win32_NetworkAdapterConfiguration") {
        Ok(vec![
            row(&[("MACAddress", "00:15:5d:0a:1b:2c")]),
            row(&[("MACAddress", "(null)")]),
        ])
    } else if asked.call().is_empty() {
        Err(failed(query, 0x8004_1001))
    } else {
        Ok(vec![row(&[("ReturnValue", "0")])])
    }
}
