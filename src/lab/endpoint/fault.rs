//! SOAP faults as Windows words them.

use super::envelope::{ADDRESSING, CIM, ENUMERATION, WSMAN, XSI, envelope};
use crate::lab::estate::FaultStyle;
use crate::lab::wmi::code;
use crate::lab::xml::escaped;

const FAULT_NS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
const STATUS_NS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus";
const ERROR_NS: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError";
/// "The WMI provider returned an error."
const PROVIDER_ERROR: u32 = 0x8033_8102;

/// A fault, ready to be worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    receiver: bool,
    subcode: &'static str,
    /// The code of WSManFault.
    code: u32,
    message: String,
    /// The result code of the provider, and the operation.
    provider: Option<(u32, &'static str)>,
}

impl Fault {
    fn sender(subcode: &'static str, code: u32, message: &str) -> Self {
        Self {
            receiver: false,
            subcode,
            code,
            message: message.to_owned(),
            provider: None,
        }
    }

    /// The XML is not as the schema says.
    pub fn schema(message: &str) -> Self {
        Self::sender("w:SchemaValidationError", 0x8033_8046, message)
    }

    /// mustUnderstand on something foreign. SOAP's own fault code, not a subcode of WS-Management.
    pub fn not_understood(header: &str) -> Self {
        Self::sender(
            "s:MustUnderstand",
            0x8033_803C,
            &format!("The WS-Management service cannot process a SOAP header in the request: {header}."),
        )
    }

    pub fn envelope_too_small() -> Self {
        Self::sender(
            "w:EncodingLimit",
            0x8033_8051,
            "The WS-Management service cannot process the request: MaxEnvelopeSize is smaller than 8192.",
        )
    }

    pub fn answer_too_large() -> Self {
        Self::sender(
            "w:EncodingLimit",
            0x8033_8048,
            "The response does not fit into the maximum envelope size.",
        )
    }

    pub fn unknown_resource() -> Self {
        Self::sender(
            "a:DestinationUnreachable",
            0x8033_8000,
            "The WS-Management service cannot process the request. The resource URI was not found in the catalog.",
        )
    }

    pub fn unknown_action() -> Self {
        Self::sender(
            "a:ActionNotSupported",
            0x8033_8041,
            "The WS-Management service cannot process the request: the action is not supported for the resource.",
        )
    }

    pub fn invalid_selectors() -> Self {
        Self::sender(
            "w:InvalidSelectors",
            0x8033_805B,
            "The WS-Management service cannot process the request because the request contained invalid selectors \
             for the resource.",
        )
    }

    pub fn unknown_dialect() -> Self {
        Self::sender(
            "n:FilterDialectRequestedUnavailable",
            0x8033_8022,
            "The WS-Management service cannot process the request: the filter dialect is not supported.",
        )
    }

    pub fn unknown_context() -> Self {
        Self::sender(
            "n:InvalidEnumerationContext",
            0x8033_8023,
            "The WS-Management service cannot process the request: the enumeration context is not valid.",
        )
    }

    pub fn access_denied() -> Self {
        Self::sender("w:AccessDenied", 5, "Access is denied. ")
    }

    pub fn quota() -> Self {
        Self::sender(
            "w:QuotaLimit",
            0x8033_81A6,
            "This user is allowed a maximum number of concurrent operations, which has been exceeded.",
        )
    }

    pub fn timed_out() -> Self {
        Self {
            receiver: true,
            ..Self::sender(
                "w:TimedOut",
                0x8033_8029,
                "The WS-Management service cannot complete the operation within the time specified in \
                 OperationTimeout.",
            )
        }
    }

    /// WMI or the licensing service refused with a result code.
    pub fn provider(hresult: u32, operation: &'static str) -> Self {
        let subcode = match hresult {
            code::WBEM_INVALID_QUERY => "n:CannotProcessFilter",
            code::ACCESS_DENIED => "w:AccessDenied",
            code::WBEM_INVALID_CLASS | code::WBEM_INVALID_NAMESPACE => "a:DestinationUnreachable",
            _ => "w:InternalError",
        };
        Self {
            receiver: subcode == "w:InternalError",
            provider: Some((hresult, operation)),
            ..Self::sender(subcode, PROVIDER_ERROR, &words(hresult))
        }
    }

    /// The whole answer.
    pub fn envelope(&self, relates_to: &str, machine: &str, style: FaultStyle) -> String {
        let namespace = match self.subcode.split(':').next() {
            Some("a") => format!("{ADDRESSING}/fault"),
            Some("n") => format!("{ENUMERATION}/fault"),
            _ => WSMAN.replace("wsman.xsd", "wsman/fault"),
        };
        let role = if self.receiver { "s:Receiver" } else { "s:Sender" };
        let value = if self.subcode == "s:MustUnderstand" {
            "<s:Value>s:MustUnderstand</s:Value>".to_owned()
        } else {
            format!(
                "<s:Value>{role}</s:Value><s:Subcode><s:Value>{}</s:Value></s:Subcode>",
                self.subcode
            )
        };
        let body = format!(
            "<s:Fault><s:Code>{value}</s:Code><s:Reason><s:Text xml:lang=\"en-US\">{}</s:Text></s:Reason>\
             <s:Detail>{}</s:Detail></s:Fault>",
            escaped(&self.message),
            self.detail(machine, style),
        );
        envelope(&namespace, relates_to, &body)
    }

    fn detail(&self, machine: &str, style: FaultStyle) -> String {
        let (machine, message) = (escaped(machine), escaped(&self.message));
        let Some((hresult, operation)) = self.provider else {
            return format!(
                "<f:WSManFault xmlns:f=\"{FAULT_NS}\" Code=\"{}\" Machine=\"{machine}\"><f:Message>{message}</f:Message>\
                 </f:WSManFault>",
                self.code
            );
        };
        if style == FaultStyle::WmiError {
            return format!(
                "<p:MSFT_WmiError xmlns:p=\"{ERROR_NS}\" xmlns:cim=\"{CIM}\" xmlns:xsi=\"{XSI}\" b:IsCIM_Error=\"true\" \
                 xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\" xsi:type=\"p:MSFT_WmiError_Type\">\
                 <p:CIMStatusCode xsi:type=\"cim:cimUnsignedInt\">1</p:CIMStatusCode>\
                 <p:CIMStatusCodeDescription xsi:type=\"cim:cimString\" xsi:nil=\"true\"/>\
                 <p:ErrorSource xsi:type=\"cim:cimString\" xsi:nil=\"true\"/>\
                 <p:ErrorType xsi:type=\"cim:cimUnsignedShort\">0</p:ErrorType>\
                 <p:Message xsi:type=\"cim:cimString\">{message}</p:Message>\
                 <p:MessageID xsi:type=\"cim:cimString\">HRESULT 0x{hresult:08x}</p:MessageID>\
                 <p:OwningEntity xsi:type=\"cim:cimString\" xsi:nil=\"true\"/>\
                 <p:error_Category xsi:type=\"cim:cimUnsignedInt\">0</p:error_Category>\
                 <p:error_Code xsi:type=\"cim:cimUnsignedInt\">{hresult}</p:error_Code>\
                 <p:error_Type xsi:type=\"cim:cimString\">HRESULT</p:error_Type>\
                 <p:error_WindowsErrorMessage xsi:type=\"cim:cimString\">{message}</p:error_WindowsErrorMessage>\
                 </p:MSFT_WmiError>"
            );
        }
        format!(
            "<f:WSManFault xmlns:f=\"{FAULT_NS}\" Code=\"{}\" Machine=\"{machine}\"><f:Message><f:ProviderFault \
             provider=\"WMI Provider\" path=\"%systemroot%\\system32\\WsmWmiPl.dll\"><f:WSManFault Code=\"{hresult}\" \
             Machine=\"{machine}\"><f:Message>{message}</f:Message></f:WSManFault><f:ExtendedError><p:__ExtendedStatus \
             xmlns:p=\"{STATUS_NS}\" xmlns:cim=\"{CIM}\" xmlns:xsi=\"{XSI}\" xsi:type=\"p:__ExtendedStatus_Type\">\
             <p:Description xsi:nil=\"true\"/><p:Operation>{operation}</p:Operation><p:ParameterInfo xsi:nil=\"true\"/>\
             <p:ProviderName>WinMgmt</p:ProviderName><p:StatusCode xsi:nil=\"true\"/></p:__ExtendedStatus>\
             </f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault>",
            self.code
        )
    }
}

fn words(hresult: u32) -> String {
    match hresult {
        code::ACCESS_DENIED => "Access is denied. ".into(),
        code::WBEM_INVALID_CLASS => "Invalid class ".into(),
        code::WBEM_INVALID_NAMESPACE => "Invalid namespace ".into(),
        code::WBEM_INVALID_QUERY => "Invalid query ".into(),
        code::WBEM_NOT_FOUND => "Not found ".into(),
        code::WBEM_INVALID_METHOD => "Invalid method ".into(),
        code::WBEM_INVALID_PARAMETER => "Invalid parameter ".into(),
        other => format!("The Software Licensing Service reported error 0x{other:08X}. "),
    }
}
