//! Operations on virtual computers, from envelope to envelope.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dispatch::{self, Answer};
use super::envelope::{ADDRESSING, ENUMERATION, SOAP, TRANSFER, WSMAN, XSI};
use crate::lab::config::{EstateKind, LabConfig};
use crate::lab::estate;
use crate::lab::keys::{self, LabKey};
use crate::lab::world::{Computer, World};
use crate::lab::xml::{Element, escaped};
use crate::model::{ConfirmationId, InstallationId, LicenseStatus};

const WMI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/";

fn world() -> Arc<World> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let computers = EstateKind::ALL
        .iter()
        .flat_map(|kind| estate::computers(*kind))
        .map(|spec| Arc::new(Computer::new(spec, nowhere)))
        .collect();
    Arc::new(World::new(computers, &LabConfig::default()))
}

fn request(resource: &str, action: &str, headers: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='{SOAP}' xmlns:a='{ADDRESSING}' xmlns:w='{WSMAN}' xmlns:n='{ENUMERATION}'><s:Header>\
         <w:ResourceURI>{resource}</w:ResourceURI><a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID>\
         {headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn query_body(wql: &str, more: &str) -> String {
    format!(
        "<n:Enumerate>{more}<w:Filter Dialect='http://schemas.microsoft.com/wbem/wsman/1/WQL'>{}</w:Filter></n:Enumerate>",
        escaped(wql)
    )
}

struct Caller {
    world: Arc<World>,
    computer: Arc<Computer>,
    administrator: bool,
}

impl Caller {
    fn new(world: &Arc<World>, computer: &str) -> Self {
        Self {
            computer: Arc::clone(world.find(computer).unwrap()),
            world: Arc::clone(world),
            administrator: true,
        }
    }

    async fn send(&self, envelope: &str) -> Answer {
        dispatch::answer(&self.world, &self.computer, envelope.as_bytes(), self.administrator).await
    }

    async fn enumerate(&self, resource: &str, headers: &str, body: &str) -> Answer {
        self.send(&request(resource, &format!("{ENUMERATION}/Enumerate"), headers, body))
            .await
    }

    /// Rows of a query, or the innermost code of the fault.
    async fn query(&self, wql: &str) -> Result<Vec<Element>, u32> {
        let more = "<w:OptimizeEnumeration/><w:MaxElements>1000</w:MaxElements>";
        let answer = self.enumerate(&format!("{WMI}*"), "", &query_body(wql, more)).await;
        let body = outcome(&answer)?;
        Ok(body.child(WSMAN, "Items").unwrap().children.clone())
    }

    /// The method's output, or the code: of a fault, or in ReturnValue.
    async fn call(&self, class: &str, key: (&str, &str), method: &str, input: &[(&str, &str)]) -> Result<Element, u32> {
        self.call_within(class, key, method, input, "").await
    }

    async fn call_within(
        &self,
        class: &str,
        (selector, value): (&str, &str),
        method: &str,
        input: &[(&str, &str)],
        headers: &str,
    ) -> Result<Element, u32> {
        let resource = format!("{WMI}{class}");
        let input = input.iter().fold(String::new(), |out, (name, value)| {
            out + &format!("<p:{name}>{}</p:{name}>", escaped(value))
        });
        let headers =
            format!("{headers}<w:SelectorSet><w:Selector Name='{selector}'>{value}</w:Selector></w:SelectorSet>");
        let body = format!("<p:{method}_INPUT xmlns:p='{resource}'>{input}</p:{method}_INPUT>");
        let answer = self
            .send(&request(&resource, &format!("{resource}/{method}"), &headers, &body))
            .await;
        let output = outcome(&answer)?;
        match output.child_text(&resource, "ReturnValue") {
            Some("0") => Ok(output),
            code => Err(code.unwrap().parse().unwrap()),
        }
    }

    async fn install(&self, key: &str) -> Result<Element, u32> {
        let version = self.computer.spec.windows.service_version();
        let input = [("ProductKey", key)];
        self.call(
            "SoftwareLicensingService",
            ("Version", version),
            "InstallProductKey",
            &input,
        )
        .await
    }

    async fn activate(&self) -> Result<Element, u32> {
        let id = self.product().sku;
        self.call("SoftwareLicensingProduct", ("ID", &id), "Activate", &[])
            .await
    }

    async fn deposit(&self, iid: &str, cid: &str) -> Result<Element, u32> {
        let id = self.product().sku;
        let input = [("InstallationId", iid), ("ConfirmationId", cid)];
        self.call(
            "SoftwareLicensingProduct",
            ("ID", &id),
            "DepositOfflineConfirmationId",
            &input,
        )
        .await
    }

    /// The Windows product.
    fn product(&self) -> crate::lab::ProductState {
        let products = self.computer.machine().products();
        let windows = |p: &crate::lab::ProductState| p.application == estate::Application::Windows;
        products.into_iter().find(windows).unwrap()
    }
}

/// The first element of the body, or the innermost code of the fault.
fn outcome(answer: &Answer) -> Result<Element, u32> {
    let envelope = Element::parse(&answer.envelope).unwrap_or_else(|_| panic!("no XML: {}", answer.envelope));
    let body = envelope
        .child(SOAP, "Body")
        .unwrap()
        .children
        .first()
        .cloned()
        .unwrap_or_default();
    if !answer.is_fault {
        return Ok(body);
    }
    Err(innermost(&body).unwrap_or_else(|| panic!("a fault without a code: {}", answer.envelope)))
}

fn innermost(element: &Element) -> Option<u32> {
    let deeper = element.children.iter().find_map(innermost);
    let own = match element.name.as_str() {
        "WSManFault" => element.attribute("", "Code").and_then(|c| c.parse().ok()),
        "error_Code" => element.text.parse().ok(),
        _ => None,
    };
    deeper.or(own)
}

fn text(row: &Element, name: &str) -> Option<String> {
    let property = row.children.iter().find(|c| c.name == name)?;
    (property.attribute(XSI, "nil") != Some("true")).then(|| property.text.clone())
}

#[tokio::test]
async fn a_projection_is_sorted_and_knows_null_and_all_rows_carry_their_class() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    let rows = caller
        .query("SELECT PartialProductKey, id, Description FROM SoftwareLicensingProduct")
        .await
        .unwrap();
    assert!(rows.len() > 30);
    for row in &rows {
        assert!(row.is(WSMAN, "XmlFragment"));
        let names: Vec<_> = row.children.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Description", "ID", "PartialProductKey"]);
    }
    assert_eq!(
        rows.iter().filter(|r| text(r, "PartialProductKey").is_some()).count(),
        1
    );

    let rows = caller.query("SELECT * FROM Win32_OperatingSystem").await.unwrap();
    let resource = format!("{WMI}Win32_OperatingSystem");
    assert!(rows[0].is(&resource, "Win32_OperatingSystem"));
    assert_eq!(rows[0].attribute(XSI, "type"), Some("p:Win32_OperatingSystem_Type"));
    let date = rows[0].children.iter().find(|c| c.name == "InstallDate").unwrap();
    assert_eq!(date.children[0].name, "Datetime");
    assert_eq!(rows[0].children.iter().filter(|c| c.name == "MUILanguages").count(), 2);
}

#[tokio::test]
async fn generations_know_their_own_properties_and_classes_only() {
    let world = world();
    let on = |generation: estate::Generation| {
        let computer = world.computers.iter().find(|c| c.spec.windows == generation).unwrap();
        Caller::new(&world, &computer.spec.name.clone())
    };
    let channel = "SELECT ProductKeyChannel FROM SoftwareLicensingProduct WHERE PartialProductKey <> null";
    assert_eq!(
        on(estate::Generation::Vista).query(channel).await.err(),
        Some(0x8004_1017)
    );
    assert_eq!(
        on(estate::Generation::Server2012).query(channel).await.err(),
        Some(0x8004_1017)
    );
    assert!(on(estate::Generation::Server2022).query(channel).await.is_ok());
    let vista = on(estate::Generation::Vista);
    assert!(
        vista
            .query("SELECT KeyManagementServiceCurrentCount FROM SoftwareLicensingService")
            .await
            .is_ok()
    );
    assert_eq!(vista.query("SELECT * FROM NoSuchClass").await.err(), Some(0x8004_1010));
    assert_eq!(vista.query("SELEKT").await.err(), Some(0x8004_1017));
    let lab = Caller::new(&world, "LAB-PC-020");
    let office = lab.query("SELECT * FROM OfficeSoftwareProtectionProduct").await;
    assert_eq!(office.err(), Some(0x8004_1010));
    let resource = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/nowhere/X";
    let answer = lab.enumerate(resource, "", &query_body("SELECT * FROM X", "")).await;
    assert_eq!(outcome(&answer).err(), Some(0x8004_100E));
}

#[tokio::test]
async fn office_2010_lives_in_classes_of_its_own_and_takes_its_key_there() {
    let world = world();
    let owner = world
        .computers
        .iter()
        .find(|c| {
            let is_2010 = |p: &estate::ProductSpec| {
                p.application == estate::Application::Office(estate::OfficeGeneration::Office2010)
            };
            c.spec.windows == estate::Generation::Win10 && c.spec.products.iter().any(is_2010)
        })
        .unwrap();
    let caller = Caller::new(&world, &owner.spec.name.clone());
    let rows = caller
        .query("SELECT OfflineInstallationId FROM OfficeSoftwareProtectionProduct WHERE PartialProductKey <> null")
        .await
        .unwrap();
    assert_eq!(text(&rows[0], "OfflineInstallationId").unwrap().len(), 54);
    let key = keys::OFFICE_2010_MAK.text;
    assert_eq!(caller.install(key).await.err(), Some(0xC004_F069));
    let input = [("ProductKey", key)];
    caller
        .call(
            "OfficeSoftwareProtectionService",
            ("Version", "14.0.370.400"),
            "InstallProductKey",
            &input,
        )
        .await
        .unwrap();
    let products = owner.machine().products();
    assert!(
        products
            .iter()
            .any(|p| p.last_five == keys::OFFICE_2010_MAK.last_five())
    );
}

#[tokio::test]
async fn pulling_goes_on_where_the_answer_before_ended_and_a_context_belongs_to_its_resource() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    let resource = format!("{WMI}*");
    let wql = "SELECT ID FROM SoftwareLicensingProduct";
    let whole = caller.query(wql).await.unwrap();
    let answer = caller.enumerate(&resource, "", &query_body(wql, "")).await;
    let mut context = outcome(&answer)
        .unwrap()
        .child_text(ENUMERATION, "EnumerationContext")
        .unwrap()
        .to_owned();
    let pull = |resource: &str, context: &str, count: &str| {
        let body = format!("<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext>{count}</n:Pull>");
        request(resource, &format!("{ENUMERATION}/Pull"), "", &body)
    };
    let elsewhere = caller.send(&pull(&format!("{WMI}Win32_Service"), &context, "")).await;
    assert!(outcome(&elsewhere).is_err());
    let mut pulled = Vec::new();
    loop {
        let answer = caller
            .send(&pull(&resource, &context, "<n:MaxElements>20</n:MaxElements>"))
            .await;
        let body = outcome(&answer).unwrap();
        pulled.extend(body.child(ENUMERATION, "Items").unwrap().children.clone());
        match body.child_text(ENUMERATION, "EnumerationContext") {
            Some(next) => context = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pulled, whole);
    assert!(
        outcome(&caller.send(&pull(&resource, &context, "")).await).is_err(),
        "the context is used up"
    );

    // Released: gone.
    let answer = caller.enumerate(&resource, "", &query_body(wql, "")).await;
    let context = outcome(&answer)
        .unwrap()
        .child_text(ENUMERATION, "EnumerationContext")
        .unwrap()
        .to_owned();
    let release = format!("<n:Release><n:EnumerationContext>{context}</n:EnumerationContext></n:Release>");
    let answer = caller
        .send(&request(&resource, &format!("{ENUMERATION}/Release"), "", &release))
        .await;
    assert!(outcome(&answer).is_ok());
    assert!(outcome(&caller.send(&pull(&resource, &context, "")).await).is_err());
}

#[tokio::test]
async fn answers_stay_below_the_envelope_the_client_can_take() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    let body = query_body(
        "SELECT * FROM SoftwareLicensingProduct",
        "<w:OptimizeEnumeration/><w:MaxElements>1000</w:MaxElements>",
    );
    let size = |n: u32| format!("<w:MaxEnvelopeSize>{n}</w:MaxEnvelopeSize>");
    let answer = caller.enumerate(&format!("{WMI}*"), &size(20_000), &body).await;
    assert!(
        !answer.is_fault && answer.envelope.len() < 20_000,
        "{}",
        answer.envelope.len()
    );
    let few = outcome(&answer).unwrap().child(WSMAN, "Items").unwrap().children.len();
    assert!(few > 1);
    let answer = caller.enumerate(&format!("{WMI}*"), &size(4096), &body).await;
    assert!(answer.is_fault && answer.envelope.contains("w:EncodingLimit"));
}

#[tokio::test]
async fn get_needs_the_right_selector() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    let get = |class: &str, headers: &str| request(&format!("{WMI}{class}"), &format!("{TRANSFER}/Get"), headers, "");
    let selector = |name: &str, value: &str| {
        format!("<w:SelectorSet><w:Selector Name='{name}'>{value}</w:Selector></w:SelectorSet>")
    };
    let sku = caller.product().sku;
    let good = caller
        .send(&get("SoftwareLicensingProduct", &selector("ID", &sku.to_uppercase())))
        .await;
    assert_eq!(text(&outcome(&good).unwrap(), "ID"), Some(sku));
    assert!(outcome(&caller.send(&get("Win32_ComputerSystem", "")).await).is_ok());
    let wrong = caller
        .send(&get("SoftwareLicensingProduct", &selector("Name", "x")))
        .await;
    assert!(wrong.envelope.contains("w:InvalidSelectors"));
    let missing = caller
        .send(&get("SoftwareLicensingProduct", &selector("ID", "x")))
        .await;
    assert_eq!(outcome(&missing).err(), Some(0x8004_1002));
}

#[tokio::test]
async fn installing_a_key_changes_license_identifier_and_grace_and_uninstalling_removes_it() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    let before = caller.product();
    caller.install(keys::WINDOWS_CLIENT_MAK.text).await.unwrap();
    let after = caller.product();
    assert_ne!(after.sku, before.sku);
    assert_ne!(after.installation_id, before.installation_id);
    assert_eq!(after.last_five, keys::WINDOWS_CLIENT_MAK.last_five());
    assert_eq!((after.status, after.grace_minutes), (LicenseStatus::InOobGrace, 43_200));
    for (key, code) in [
        (keys::WINDOWS_SERVER_MAK.text, 0xC004_F069),
        ("FKFKF-BCDFG-BCDFG-BCDFG-BCDFG", 0xC004_F050),
        ("no key at all", 0xC004_F050),
        // Public client setup keys: of an edition whose license lies on the computer, and of another Windows.
        ("NW6C2-QMPVW-D7KKK-3GKT6-VCFB2", 0xC004_F069),
        ("TVRH6-WHNXV-R9WG3-9XRFY-MY832", 0xC004_F050),
    ] {
        assert_eq!(caller.install(key).await.err(), Some(code), "{key}");
    }
    caller.install("NPPR9-FWDCX-D2C8J-H872K-2YT43").await.unwrap();
    let gvlk = caller.product();
    assert_eq!(gvlk.sku, "73111121-5638-40f6-bc11-f1d7b0d64300");
    assert!(gvlk.pid.contains("-03290-000-000003-"), "{}", gvlk.pid);
    let id = gvlk.sku;
    caller
        .call("SoftwareLicensingProduct", ("ID", &id), "UninstallProductKey", &[])
        .await
        .unwrap();
    assert!(caller.computer.machine().products().is_empty());
    let again = caller
        .call("SoftwareLicensingProduct", ("ID", &id), "Activate", &[])
        .await;
    assert_eq!(again.err(), Some(0xC004_F014));
}

#[tokio::test]
async fn a_confirmation_id_fits_the_present_installation_id_alone() {
    let world = world();
    let caller = Caller::new(&world, "LAB-PC-014");
    caller.install(keys::WINDOWS_CLIENT_MAK.text).await.unwrap();
    assert_eq!(
        caller.activate().await.err(),
        Some(0xC004_FC03),
        "the isolated lab reaches nothing"
    );
    let iid = caller.product().installation_id;
    let cid = crate::lab::confirmation_id(&InstallationId::parse(&iid).unwrap()).unwrap();

    let other = Caller::new(&world, "LAB-PC-015");
    other.install(keys::WINDOWS_CLIENT_MAK.text).await.unwrap();
    let foreign = other.product().installation_id;
    let foreign_cid = crate::lab::confirmation_id(&InstallationId::parse(&foreign).unwrap()).unwrap();

    assert_eq!(
        caller.deposit(&iid, &foreign_cid.digits()).await.err(),
        Some(0xC004_F031)
    );
    assert_eq!(
        caller.deposit(&foreign, &foreign_cid.digits()).await.err(),
        Some(0xC004_F07F)
    );
    let typo = if cid.digits().starts_with('1') { "2" } else { "1" }.to_owned() + &cid.digits()[1..];
    assert!(ConfirmationId::parse(&typo).is_err());
    assert_eq!(caller.deposit(&iid, &typo).await.err(), Some(0xC004_F04D));
    assert_eq!(caller.deposit(&iid, "123").await.err(), Some(0xC004_F02F));
    assert_eq!(caller.deposit(&iid, &cid.grouped()).await.err(), Some(0xC004_F02C));

    // A rearm makes another installation ID: the confirmation ID is dead.
    let version = caller.computer.spec.windows.service_version();
    caller
        .call("SoftwareLicensingService", ("Version", version), "ReArmWindows", &[])
        .await
        .unwrap();
    assert_eq!(caller.deposit(&iid, &cid.digits()).await.err(), Some(0xC004_F031));
    let iid = caller.product().installation_id;
    let cid = crate::lab::confirmation_id(&InstallationId::parse(&iid).unwrap()).unwrap();
    caller.deposit(&iid, &cid.digits()).await.unwrap();
    assert_eq!(caller.product().status, LicenseStatus::Licensed);
}

fn first_client(world: &Arc<World>, generation: estate::Generation) -> Caller {
    let plain = |c: &&Arc<Computer>| c.spec.windows == generation && c.spec.edition == "Enterprise";
    let name = world.computers.iter().find(plain).unwrap().spec.name.clone();
    Caller::new(world, &name)
}

#[tokio::test]
async fn activating_a_mak_costs_once_per_hardware() {
    let world = world();
    let caller = first_client(&world, estate::Generation::Win11);
    let used = |key: &LabKey| world.service.pool(key.last_five()).unwrap().used;
    let key = keys::EXHAUSTED_MAK;
    for _ in 0..2 {
        caller.install(key.text).await.unwrap();
        caller.activate().await.unwrap();
        assert_eq!(caller.product().status, LicenseStatus::Licensed);
        assert_eq!(used(&key), 1);
        let version = caller.computer.spec.windows.service_version();
        caller
            .call("SoftwareLicensingService", ("Version", version), "ReArmWindows", &[])
            .await
            .unwrap();
        assert_eq!(caller.product().status, LicenseStatus::InOobGrace);
    }
    assert_eq!(caller.computer.machine().counters.activate_on_licensed_mak, 0);
    caller.activate().await.unwrap();
    caller.activate().await.unwrap();
    assert_eq!(caller.computer.machine().counters.activate_on_licensed_mak, 1);
    assert_eq!(caller.computer.machine().counters.activate, 4);

    caller.install(keys::BLOCKED_MAK.text).await.unwrap();
    assert_eq!(caller.activate().await.err(), Some(0xC004_C003));
    let mut others = world
        .computers
        .iter()
        .filter(|c| c.spec.windows == estate::Generation::Win10);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let other = Caller::new(&world, &others.next().unwrap().spec.name.clone());
        other.install(key.text).await.unwrap();
        codes.push(other.activate().await.err());
    }
    assert_eq!(codes, [None, None, Some(0xC004_C020)]);
}

#[tokio::test]
async fn a_kms_client_needs_a_host_that_knows_enough_clients() {
    let world = world();
    let caller = first_client(&world, estate::Generation::Win10);
    caller.install("NPPR9-FWDCX-D2C8J-H872K-2YT43").await.unwrap();
    let id = caller.product().sku;
    let host = async |name: &str| {
        caller
            .call(
                "SoftwareLicensingProduct",
                ("ID", &id),
                "SetKeyManagementServiceMachine",
                &[("MachineName", name)],
            )
            .await
            .unwrap();
    };
    host("nowhere.contoso.com").await;
    assert_eq!(caller.activate().await.err(), Some(0xC004_F074));
    // It knows three clients, this is the fourth; Windows clients need 25.
    host("con-kms-02.corp.contoso.com").await;
    assert_eq!(caller.activate().await.err(), Some(0xC004_F038));
    host("CON-PC-024").await;
    assert_eq!(
        caller.activate().await.err(),
        Some(0xC004_F041),
        "a client with a host key that is not activated"
    );
    host("CON-KMS-01").await;
    caller.activate().await.unwrap();
    assert_eq!(caller.product().status, LicenseStatus::Licensed);
    assert_eq!(caller.product().grace_minutes, 259_200);
    let rows = caller
        .query("SELECT VLActivationType, DiscoveredKeyManagementServiceMachineName FROM SoftwareLicensingProduct WHERE LicenseStatus = 1 AND Name LIKE 'Windows%'")
        .await
        .unwrap();
    assert_eq!(text(&rows[0], "VLActivationType").as_deref(), Some("2"));
    let found = text(&rows[0], "DiscoveredKeyManagementServiceMachineName");
    assert_eq!(found.as_deref(), Some("con-kms-01.corp.contoso.com"));

    let isolated = Caller::new(&world, "LAB-PC-013");
    assert_eq!(isolated.activate().await.err(), Some(0x8007_232B));
}

#[tokio::test]
async fn somebody_who_may_only_read_changes_nothing() {
    let mut caller = Caller::new(&world(), "LAB-PC-013");
    caller.administrator = false;
    assert!(caller.query("SELECT * FROM SoftwareLicensingService").await.is_ok());
    let before = caller.product();
    assert_eq!(
        caller.install(keys::WINDOWS_CLIENT_MAK.text).await.err(),
        Some(0x8007_0005)
    );
    assert_eq!(caller.activate().await.err(), Some(0x8007_0005));
    assert_eq!(caller.product(), before);
}

#[tokio::test]
async fn an_activation_outlives_the_patience_of_its_client() {
    let world = world();
    let caller = first_client(&world, estate::Generation::Win11);
    caller.install(keys::WINDOWS_CLIENT_MAK.text).await.unwrap();
    world.activate_time.send_replace(Duration::from_millis(100));
    let id = caller.product().sku;
    let timeout = "<w:OperationTimeout>PT0.02S</w:OperationTimeout>";
    let answer = caller
        .call_within("SoftwareLicensingProduct", ("ID", &id), "Activate", &[], timeout)
        .await;
    assert_eq!(answer.err(), Some(0x8033_8029));
    assert_eq!(caller.product().status, LicenseStatus::InOobGrace);
    let licensed = async {
        while caller.product().status != LicenseStatus::Licensed {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), licensed).await.unwrap();
    assert_eq!(caller.computer.machine().counters.activate, 1);
}

#[tokio::test]
async fn rearms_run_out() {
    let caller = Caller::new(&world(), "LAB-PC-001");
    let version = caller.computer.spec.windows.service_version();
    let rearm = async || {
        caller
            .call("SoftwareLicensingService", ("Version", version), "ReArmWindows", &[])
            .await
            .err()
    };
    let outcomes = [rearm().await, rearm().await, rearm().await, rearm().await];
    assert_eq!(outcomes, [None, None, None, Some(0xC004_D307)]);
}

#[tokio::test]
async fn what_is_no_request_gets_a_fault() {
    let caller = Caller::new(&world(), "LAB-PC-013");
    for (bad, sign) in [
        ("<a", "w:SchemaValidationError"),
        ("<a/>", "w:SchemaValidationError"),
        (&request("urn:unknown", "urn:x", "", ""), "a:DestinationUnreachable"),
        (
            &request(&format!("{WMI}Win32_Service"), "urn:x", "", ""),
            "a:ActionNotSupported",
        ),
        (
            &request(
                &format!("{WMI}*"),
                &format!("{ENUMERATION}/Enumerate"),
                "",
                "<n:Enumerate><w:Filter>x</w:Filter></n:Enumerate>",
            ),
            "n:FilterDialectRequestedUnavailable",
        ),
    ] {
        let answer = caller.send(bad).await;
        assert!(
            answer.is_fault && answer.envelope.contains(sign),
            "{bad}: {}",
            answer.envelope
        );
    }
}
