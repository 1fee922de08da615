//! Methods of the virtual WMI.

use super::Machine;
use super::activation::Activation;
use super::registry::RegistryCall;
use super::schema::Class;
use super::settings::Holder;
use crate::lab::wmi::{Row, code};

/// A method call, read from the wire.
#[derive(Debug, Clone)]
pub(in crate::lab) struct Call {
    pub class: Class,
    /// Selectors: names and values.
    pub selectors: Vec<(String, String)>,
    pub method: String,
    /// Parameters; `None` is NULL.
    pub parameters: Vec<(String, Option<String>)>,
    /// The caller may change things.
    pub administrator: bool,
}

/// What a call led to.
pub(in crate::lab) enum Outcome {
    /// Finished: the output parameters.
    Done(Row),
    /// `Activate` has begun and somebody else has to be asked.
    Activate(Activation),
}

impl Call {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, v)| v.as_deref())
    }

    fn text(&self, name: &str) -> Result<&str, u32> {
        self.parameter(name).ok_or(code::WBEM_INVALID_PARAMETER)
    }

    fn number(&self, name: &str) -> Result<u32, u32> {
        self.text(name)?
            .trim()
            .parse()
            .map_err(|_| code::WBEM_INVALID_PARAMETER)
    }

    fn boolean(&self, name: &str) -> Result<bool, u32> {
        match self.text(name)?.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(code::WBEM_INVALID_PARAMETER),
        }
    }
}

impl Machine {
    /// Runs a method. The error is the result code.
    pub fn call(&mut self, call: &Call) -> Result<Outcome, u32> {
        if call.class == Class::Registry {
            return self.registry_call(call).map(Outcome::Done);
        }
        let method = self.method(call.class, &call.method).ok_or(code::WBEM_INVALID_METHOD)?;
        if !call.administrator {
            return Err(code::ACCESS_DENIED);
        }
        let selector = call.selectors.first().map(|(_, v)| v.as_str()).unwrap_or_default();
        match call.class {
            Class::Service { own } => {
                if selector != self.service_version(own) {
                    return Err(code::WBEM_NOT_FOUND);
                }
                self.service_method(method, call, own)?;
            }
            Class::Product { own } => {
                if !self
                    .skus
                    .iter()
                    .any(|s| s.own_service == own && s.id.eq_ignore_ascii_case(selector))
                {
                    return Err(code::WBEM_NOT_FOUND);
                }
                if method == "Activate" {
                    return self.begin_activation(selector).map(Outcome::Activate);
                }
                self.product_method(method, call, selector)?;
            }
            _ => return Err(code::WBEM_INVALID_METHOD),
        }
        Ok(Outcome::Done(Row::new(vec![("ReturnValue", 0u32.into())])))
    }

    fn service_method(&mut self, method: &str, call: &Call, own: bool) -> Result<(), u32> {
        match method {
            "InstallProductKey" => {
                let key = call.text("ProductKey")?.to_owned();
                self.install_key(&key, own)
            }
            "InstallLicense" => match crate::lab::xml::Element::parse(call.text("License")?) {
                Ok(_) => Ok(()),
                Err(_) => Err(code::INVALID_ARGUMENT),
            },
            "RefreshLicenseStatus" => {
                self.counters.refresh += 1;
                Ok(())
            }
            "ReArmWindows" => self.rearm_windows(),
            "ReArmApp" => self.rearm_app(call.text("ApplicationId")?),
            "ClearProductKeyFromRegistry" => Ok(()),
            "SetVLActivationInterval" => self.set_interval(false, call.number("ActivationInterval")?),
            "SetVLRenewalInterval" => self.set_interval(true, call.number("RenewalInterval")?),
            "SetKeyManagementServiceListeningPort" => {
                self.host.listening_port = port(call)?;
                Ok(())
            }
            "DisableKeyManagementServiceDnsPublishing" => {
                self.host.dns_publishing = !call.boolean("DisablePublishing")?;
                Ok(())
            }
            "EnableKeyManagementServiceLowPriority" => {
                self.host.low_priority = call.boolean("EnableLowPriority")?;
                Ok(())
            }
            "DisableKeyManagementServiceHostCaching" => {
                self.host.host_caching = !call.boolean("DisableCaching")?;
                Ok(())
            }
            _ => self.kms_method(method, call, Holder::Service),
        }
    }

    fn product_method(&mut self, method: &str, call: &Call, id: &str) -> Result<(), u32> {
        match method {
            "UninstallProductKey" => self.uninstall_key(id),
            "DepositOfflineConfirmationId" => {
                let (iid, cid) = (call.text("InstallationId")?, call.text("ConfirmationId")?);
                self.deposit(id, iid, cid)
            }
            "ReArmsku" => self.rearm_sku(id),
            _ => self.kms_method(method, call, Holder::Product(id)),
        }
    }

    fn kms_method(&mut self, method: &str, call: &Call, holder: Holder<'_>) -> Result<(), u32> {
        match method {
            "SetKeyManagementServiceMachine" => {
                self.kms_settings(holder)?.machine = Some(call.text("MachineName")?.to_owned());
            }
            "ClearKeyManagementServiceMachine" => self.kms_settings(holder)?.machine = None,
            "SetKeyManagementServicePort" => self.kms_settings(holder)?.port = Some(port(call)?),
            "ClearKeyManagementServicePort" => self.kms_settings(holder)?.port = None,
            "SetKeyManagementServiceLookupDomain" => {
                self.kms_settings(holder)?.lookup_domain = Some(call.text("LookupDomain")?.to_owned());
            }
            "ClearKeyManagementServiceLookupDomain" => self.kms_settings(holder)?.lookup_domain = None,
            "SetVLActivationTypeEnabled" => self.set_activation_type(holder, call.number("ActivationType")?)?,
            "ClearVLActivationTypeEnabled" => self.set_activation_type(holder, 0)?,
            _ => return Err(code::WBEM_INVALID_METHOD),
        }
        Ok(())
    }

    fn registry_call(&mut self, call: &Call) -> Result<Row, u32> {
        let reads = ["GetStringValue", "GetDWORDValue", "EnumKey"];
        let method = ["SetStringValue", "SetDWORDValue", "DeleteValue", "CreateKey"]
            .iter()
            .chain(&reads)
            .find(|m| m.eq_ignore_ascii_case(&call.method))
            .ok_or(code::WBEM_INVALID_METHOD)?;
        if !call.administrator && !reads.contains(method) {
            return Err(code::ACCESS_DENIED);
        }
        let registry_call = RegistryCall {
            method,
            hive: call.parameter("hDefKey").and_then(|h| h.trim().parse().ok()),
            key: call.text("sSubKeyName")?,
            name: call.parameter("sValueName").unwrap_or_default(),
            text: call.parameter("sValue"),
            number: call.parameter("uValue").and_then(|n| n.trim().parse().ok()),
        };
        self.registry.call(&registry_call).ok_or(code::WBEM_INVALID_METHOD)
    }
}

fn port(call: &Call) -> Result<u32, u32> {
    let port = call.number("PortNumber")?;
    if (1..=65_535).contains(&port) {
        Ok(port)
    } else {
        Err(code::INVALID_ARGUMENT)
    }
}
