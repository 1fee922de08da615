//! WQL queries that older and foreign servers understand too, and the classes of the two service families.

use uuid::Uuid;

use crate::model::ServiceFamily;
use crate::wmi::{Instance, Namespace, WmiConnection, WmiError};

/// `WBEM_E_INVALID_QUERY`: the query names a property this generation does not have.
const INVALID_QUERY: u32 = 0x8004_1017;
/// `WBEM_E_INVALID_CLASS`, `WBEM_E_NOT_FOUND`.
const INVALID_CLASS: [u32; 2] = [0x8004_1010, 0x8004_1002];

/// The class of the products of a family.
pub(super) fn product_class(family: ServiceFamily) -> &'static str {
    match family {
        ServiceFamily::OSPP => "OfficeSoftwareProtectionProduct",
        ServiceFamily::SPP | ServiceFamily::Unknown => "SoftwareLicensingProduct",
    }
}

/// The class of the service of a family.
pub(super) fn service_class(family: ServiceFamily) -> &'static str {
    match family {
        ServiceFamily::OSPP => "OfficeSoftwareProtectionService",
        ServiceFamily::SPP | ServiceFamily::Unknown => "SoftwareLicensingService",
    }
}

/// The WQL condition that names one product.
pub(super) fn by_sku(sku: Uuid) -> String {
    format!("ID = '{sku}'")
}

/// Asks for the given property lists one after the other until the computer understands one; `*` last.
///
/// `*` names no property, and conditions name only what every generation has: a computer that calls even that query
/// invalid, as WinRM may, means that it does not have the class.
pub(super) async fn select(
    conn: &mut dyn WmiConnection,
    class: &str,
    condition: Option<&str>,
    lists: &[&str],
) -> Result<Vec<Instance>, WmiError> {
    let mut answer = Ok(Vec::new());
    for properties in lists.iter().copied().chain(["*"]) {
        let tail = condition.map(|c| format!(" WHERE {c}")).unwrap_or_default();
        let query = format!("SELECT {properties} FROM {class}{tail}");
        answer = conn.query(Namespace::Cimv2, &query).await;
        match &answer {
            Err(error) if error.code().is_some_and(|c| c.0 == INVALID_QUERY) => {}
            _ => return answer,
        }
    }
    answer.map_err(|_| WmiError::NoSuchClass {
        computer: conn.computer().to_owned(),
        class: class.to_owned(),
    })
}

/// The class does not exist: this generation or product is not there, which is no fault.
pub(super) fn is_absent(error: &WmiError) -> bool {
    match error {
        WmiError::NoSuchClass { .. } => true,
        WmiError::Failed { code, .. } => INVALID_CLASS.contains(&code.0),
        _ => false,
    }
}

/// The way to the computer is gone or stuck: asking further questions would cost a time-out each.
pub(super) fn is_unreachable(error: &WmiError) -> bool {
    matches!(error, WmiError::Connection(_) | WmiError::TimedOut { .. })
}
