//! The registry behind `StdRegProv`: the few values that licensing reads and writes, and whatever a client sets.

use std::collections::BTreeMap;

use crate::lab::estate::ComputerSpec;
use crate::lab::wmi::{Row, Wmi};

/// HKEY_LOCAL_MACHINE.
const HKLM: u32 = 0x8000_0002;
const ERROR_FILE_NOT_FOUND: u32 = 2;
const ERROR_INVALID_HANDLE: u32 = 6;
const ERROR_UNSUPPORTED_TYPE: u32 = 1630;
/// Values kept at most, so that a client cannot fill the memory.
const MOST_VALUES: usize = 1000;
const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Data {
    Text(String),
    Dword(u32),
}

/// Keys and values below HKEY_LOCAL_MACHINE, in any case.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    values: BTreeMap<(String, String), Data>,
}

/// One call of `StdRegProv`, its parameters read.
#[derive(Debug, Clone, Default)]
pub(super) struct RegistryCall<'a> {
    pub method: &'a str,
    pub hive: Option<u32>,
    pub key: &'a str,
    pub name: &'a str,
    pub text: Option<&'a str>,
    pub number: Option<u32>,
}

impl Registry {
    pub fn of(spec: &ComputerSpec) -> Self {
        let mut registry = Self::default();
        let service = if spec.windows.schema() == 0 {
            "SL"
        } else {
            "SoftwareProtectionPlatform"
        };
        let mut put = |key: &str, name: &str, data: Data| {
            registry.values.insert((key.to_lowercase(), name.to_lowercase()), data);
        };
        put(CURRENT_VERSION, "ProductName", Data::Text(spec.caption()));
        put(CURRENT_VERSION, "EditionID", Data::Text(spec.edition.to_owned()));
        put(
            CURRENT_VERSION,
            "CurrentBuild",
            Data::Text(spec.windows.build().to_string()),
        );
        put(
            &format!(r"{CURRENT_VERSION}\{service}"),
            "UserOperations",
            Data::Dword(0),
        );
        if spec.kms_clients.is_some() {
            let version = spec.windows.service_version().to_owned();
            put(
                &format!(r"{CURRENT_VERSION}\{service}"),
                "KeyManagementServiceVersion",
                Data::Text(version),
            );
        }
        registry
    }

    /// Runs a call; the answer carries Win32 codes in `ReturnValue`. `None` for a method that does not exist.
    pub fn call(&mut self, call: &RegistryCall<'_>) -> Option<Row> {
        let at = (call.key.to_lowercase(), call.name.to_lowercase());
        if call.hive.is_some_and(|h| h != HKLM) {
            return known(call.method).then(|| result(ERROR_INVALID_HANDLE));
        }
        Some(match call.method {
            "GetStringValue" => match self.values.get(&at) {
                Some(Data::Text(text)) => value("sValue", Wmi::Text(text.clone())),
                Some(Data::Dword(_)) => result(ERROR_UNSUPPORTED_TYPE),
                None => result(ERROR_FILE_NOT_FOUND),
            },
            "GetDWORDValue" => match self.values.get(&at) {
                Some(Data::Dword(number)) => value("uValue", (*number).into()),
                Some(Data::Text(_)) => result(ERROR_UNSUPPORTED_TYPE),
                None => result(ERROR_FILE_NOT_FOUND),
            },
            "SetStringValue" => self.put(at, Data::Text(call.text.unwrap_or_default().to_owned())),
            "SetDWORDValue" => self.put(at, Data::Dword(call.number.unwrap_or_default())),
            "DeleteValue" => match self.values.remove(&at) {
                Some(_) => result(0),
                None => result(ERROR_FILE_NOT_FOUND),
            },
            "CreateKey" => result(0),
            "EnumKey" => self.children(&at.0),
            _ => return None,
        })
    }

    fn put(&mut self, at: (String, String), data: Data) -> Row {
        if self.values.len() >= MOST_VALUES && !self.values.contains_key(&at) {
            return result(8);
        }
        self.values.insert(at, data);
        result(0)
    }

    fn children(&self, key: &str) -> Row {
        let prefix = if key.is_empty() {
            String::new()
        } else {
            format!("{key}\\")
        };
        let exists = self.values.keys().any(|(k, _)| k == key || k.starts_with(&prefix));
        if !exists {
            return result(ERROR_FILE_NOT_FOUND);
        }
        let mut names: Vec<String> = self
            .values
            .keys()
            .filter_map(|(k, _)| k.strip_prefix(&prefix)?.split('\\').next())
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect();
        names.dedup();
        value("sNames", Wmi::Array(names))
    }
}

fn known(method: &str) -> bool {
    Registry::default()
        .call(&RegistryCall {
            method,
            ..RegistryCall::default()
        })
        .is_some()
}

fn result(code: u32) -> Row {
    Row::new(vec![("ReturnValue", code.into())])
}

fn value(name: &'static str, value: Wmi) -> Row {
    Row::new(vec![("ReturnValue", 0u32.into()), (name, value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(method: &'a str, name: &'a str) -> RegistryCall<'a> {
        RegistryCall {
            method,
            hive: Some(HKLM),
            key: r"Software\X",
            name,
            text: Some("v"),
            number: Some(7),
        }
    }

    fn code(row: Option<Row>) -> Wmi {
        row.unwrap().get("ReturnValue").unwrap().clone()
    }

    #[test]
    fn values_are_set_read_and_deleted_in_any_case() {
        let mut registry = Registry::default();
        assert_eq!(code(registry.call(&call("GetStringValue", "A"))), Wmi::Number(2));
        registry.call(&call("SetStringValue", "A"));
        let mut get = call("GetStringValue", "a");
        get.key = r"SOFTWARE\x";
        assert_eq!(registry.call(&get).unwrap().get("sValue"), Some(&"v".into()));
        assert_eq!(code(registry.call(&call("GetDWORDValue", "A"))), Wmi::Number(1630));
        assert_eq!(code(registry.call(&call("DeleteValue", "A"))), Wmi::Number(0));
        assert_eq!(code(registry.call(&call("DeleteValue", "A"))), Wmi::Number(2));
        assert!(registry.call(&call("FormatDisk", "A")).is_none());
    }
}
