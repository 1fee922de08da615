//! The lab on real sockets: what an unauthenticated caller gets, ill computers, the activation service over HTTP, and
//! our own client against every computer of the estate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use makeeper::lab::{
    Account, EstateKind, Fault, Lab, LabConfig, LabError, SERVICE_PATH, ServiceFault, demo_faults, installation_id,
    keys,
};
use makeeper::model::{ConfirmationId, ExtendedPid, FailureClass, Secret};
use makeeper::wmi::{Namespace, WmiConnection, WmiError, connect};
use makeeper::wsman::{ConnectOptions, Credentials, Target};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(20);

async fn lab(estate: EstateKind) -> Lab {
    Lab::start(LabConfig {
        estates: vec![estate],
        ..LabConfig::default()
    })
    .await
    .unwrap()
}

/// One HTTP exchange without keeping the connection: status line, headers and body as text.
async fn post(address: SocketAddr, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn open(lab: &Lab, computer: &str, account: &Account) -> Result<Box<dyn WmiConnection>, WmiError> {
    let address = lab.address_of(computer).unwrap();
    let target = Target::new(computer, false).at(Some(&address.ip().to_string()), Some(address.port()));
    let name = format!(r"{}\{}", account.domain, account.user);
    let credentials = Credentials::new(&name, Secret::new(account.password.as_str())).unwrap();
    let options = ConnectOptions {
        connect_timeout: Duration::from_secs(2),
        sign_in_timeout: Duration::from_secs(2),
        operation_timeout: Duration::from_secs(2),
        answer_margin: Duration::from_secs(1),
        ..ConnectOptions::default()
    };
    connect(makeeper::model::WayIn::Http, &target, &credentials, &options).await
}

async fn ask(lab: &Lab, computer: &str) -> Result<usize, FailureClass> {
    let class = |e: WmiError| e.failure().class;
    let mut connection = open(lab, computer, &Account::admin()).await.map_err(class)?;
    let query = "SELECT ID, LicenseStatus FROM SoftwareLicensingProduct";
    let rows = connection.query(Namespace::Cimv2, query).await.map_err(class)?;
    Ok(rows.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn identify_needs_no_sign_in_everything_else_does_and_basic_is_not_offered() {
    let lab = lab(EstateKind::IsolatedLab).await;
    let address = lab.address_of("LAB-PC-030").unwrap();
    let identify = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
        xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/><s:Body><i:Identify/>\
        </s:Body></s:Envelope>";
    let answer = post(address, "/wsman-anon/identify", "", identify).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("IdentifyResponse"),
        "{answer}"
    );
    let answer = post(address, "/wsman-anon/identify", "", "<a/>").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for headers in [
        "",
        "Authorization: Basic TEFCXGFkbWluOng=\r\n",
        "Authorization: Negotiate AAAA\r\n",
    ] {
        let answer = post(address, "/wsman", headers, identify).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let offers: Vec<_> = answer
            .lines()
            .filter(|l| l.to_lowercase().starts_with("www-authenticate"))
            .collect();
        assert_eq!(offers.len(), 1, "{answer}");
        assert!(offers[0].ends_with("Negotiate"), "{answer}");
        assert!(!answer.contains("IdentifyResponse"));
    }
    assert!(post(address, "/elsewhere", "", "").await.starts_with("HTTP/1.1 404"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_looks_to_a_client_as_it_does_in_real_life_and_can_be_cured() {
    let lab = lab(EstateKind::IsolatedLab).await;
    let computer = "LAB-PC-013";
    let whole = ask(&lab, computer).await.unwrap();
    for (fault, class) in [
        (Fault::Refuse, FailureClass::Refused),
        (Fault::HangAfterConnect, FailureClass::TimedOut),
        (Fault::Garbage, FailureClass::Protocol),
        (Fault::CloseMidAnswer, FailureClass::Network),
        (Fault::Http500, FailureClass::Protocol),
        (Fault::RefuseCredentials, FailureClass::Credentials),
    ] {
        assert!(lab.set_fault(computer, fault));
        lab.settled().await;
        let outcome = tokio::time::timeout(SOON, ask(&lab, computer)).await.unwrap();
        println!("{fault:?}: {outcome:?}");
        let found = outcome.unwrap_err();
        // A computer that hangs may be told as no answer; the rest is one thing alone.
        assert!(
            found == class || (fault == Fault::HangAfterConnect && found == FailureClass::Hung),
            "{fault:?}: {found:?}"
        );
    }
    lab.set_fault(computer, Fault::Slow(Duration::from_millis(40)));
    lab.settled().await;
    assert_eq!(ask(&lab, computer).await, Ok(whole));
    lab.set_fault(computer, Fault::None);
    lab.settled().await;
    assert_eq!(ask(&lab, computer).await, Ok(whole));
    lab.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_computer_does_not_complete_connections() {
    let lab = lab(EstateKind::IsolatedLab).await;
    lab.set_fault("LAB-PC-001", Fault::Silent);
    lab.settled().await;
    let address = lab.address_of("LAB-PC-001").unwrap();
    let attempt = tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await;
    assert!(attempt.is_err(), "{attempt:?}");
    lab.set_fault("LAB-PC-001", Fault::Refuse);
    lab.settled().await;
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_after_a_lab_was_stopped_and_labs_run_side_by_side() {
    let (first, second) = (lab(EstateKind::IsolatedLab).await, lab(EstateKind::IsolatedLab).await);
    assert_ne!(first.port(), second.port());
    let address = first.address_of("LAB-PC-040").unwrap();
    assert!(
        first
            .computers()
            .iter()
            .all(|c| c.address.ip().is_loopback() && c.address.port() == first.port())
    );
    TcpStream::connect(address).await.unwrap();
    first.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(ask(&second, "LAB-PC-040").await.is_ok());
    let taken = Lab::start(LabConfig {
        port: second.port(),
        ..LabConfig::default()
    })
    .await;
    assert!(matches!(taken.err(), Some(LabError::Listen { .. })));
    let abroad = Lab::start(LabConfig {
        address_base: [10, 0],
        ..LabConfig::default()
    })
    .await;
    assert!(matches!(abroad.err(), Some(LabError::NotLoopback(10, 0))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_reads_and_is_refused_when_changing() {
    let lab = lab(EstateKind::IsolatedLab).await;
    let mut connection = open(&lab, "LAB-PC-013", &Account::user()).await.unwrap();
    let rows = connection
        .query(Namespace::Cimv2, "SELECT Version FROM SoftwareLicensingService")
        .await
        .unwrap();
    let version = rows[0].text("Version").unwrap().to_owned();
    let object = makeeper::wmi::ObjectPath {
        namespace: Namespace::Cimv2,
        class: "SoftwareLicensingService",
        key: Some(("Version", &version)),
    };
    let key = [(
        "ProductKey",
        makeeper::wmi::Param::Secret(keys::WINDOWS_CLIENT_MAK.text),
    )];
    let error = connection.invoke(object, "InstallProductKey", &key).await.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::AccessDenied, "{error}");
    lab.stop().await;
}

/// The whole of contoso, read by the product's own client: what it finds is what the lab holds.
#[tokio::test(flavor = "multi_thread")]
async fn every_computer_of_contoso_is_read_as_it_is() {
    let lab = Lab::start(LabConfig {
        estates: vec![EstateKind::Contoso],
        faults: demo_faults(),
        ..LabConfig::default()
    })
    .await
    .unwrap();
    let ill: Vec<_> = demo_faults().into_iter().map(|(name, _)| name).collect();
    let mut read = 0;
    for computer in lab.computers().iter().filter(|c| !ill.contains(&c.name)) {
        let mut connection = open(&lab, &computer.name, &Account::admin()).await.unwrap();
        let mut found = Vec::new();
        for class in ["SoftwareLicensingProduct", "OfficeSoftwareProtectionProduct"] {
            let query = format!(
                "SELECT ID, PartialProductKey, LicenseStatus, OfflineInstallationId, ProductKeyID FROM {class} \
                 WHERE PartialProductKey <> null"
            );
            match connection.query(Namespace::Cimv2, &query).await {
                Ok(rows) => found.extend(rows),
                Err(WmiError::NoSuchClass { .. }) => assert_ne!(class, "SoftwareLicensingProduct"),
                Err(error) => panic!("{}: {error}", computer.name),
            }
        }
        let mut told: Vec<_> = found
            .iter()
            .map(|r| {
                let text = |name: &str| r.text(name).unwrap_or_default().to_owned();
                (
                    text("ID"),
                    text("PartialProductKey"),
                    r.number("LicenseStatus"),
                    text("OfflineInstallationId"),
                    text("ProductKeyID"),
                )
            })
            .collect();
        let mut held: Vec<_> = lab
            .products(&computer.name)
            .unwrap()
            .into_iter()
            .map(|p| {
                (
                    p.sku,
                    p.last_five,
                    Some(i64::from(p.status.number())),
                    p.installation_id,
                    p.pid,
                )
            })
            .collect();
        told.sort();
        held.sort();
        assert_eq!(told, held, "{}", computer.name);
        read += told.len();
        let os = connection
            .query(Namespace::Cimv2, "SELECT CSName FROM Win32_OperatingSystem")
            .await
            .unwrap();
        assert_eq!(os[0].text("CSName"), Some(computer.name.as_str()));
    }
    assert!(read > 250, "{read}");
    lab.stop().await;
}

fn batch(kind: u32, requests: &[(&str, &str)]) -> String {
    let requests = requests.iter().fold(String::new(), |out, (pid, iid)| {
        let iid = if kind == 1 {
            format!("<IID>{iid}</IID>")
        } else {
            String::new()
        };
        out + &format!("<Request><PID>{pid}</PID>{iid}</Request>")
    });
    let inner = format!(
        "<ActivationRequest xmlns=\"http://www.microsoft.com/DRM/SL/BatchActivationRequest/1.0\"><VersionNumber>2.0\
         </VersionNumber><RequestType>{kind}</RequestType><Requests>{requests}</Requests></ActivationRequest>"
    );
    let bytes: Vec<u8> = inner.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mac_key = [
        0xfe, 0x31, 0x98, 0x75, 0xfb, 0x48, 0x84, 0x86, 0x9c, 0xf3, 0xf1, 0xce, 0x99, 0xa8, 0x90, 0x64, 0xab, 0x57,
        0x1f, 0xca, 0x47, 0x04, 0x50, 0x58, 0x30, 0x24, 0xe2, 0x14, 0x62, 0x87, 0x79, 0xa0_u8,
    ];
    let digest = Hmac::<Sha256>::new_from_slice(&mac_key)
        .unwrap()
        .chain_update(&bytes)
        .finalize()
        .into_bytes();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soap:Body><BatchActivate xmlns=\"http://www.microsoft.com/BatchActivationService\"><request><Digest>{}</Digest>\
         <RequestXml>{}</RequestXml></request></BatchActivate></soap:Body></soap:Envelope>",
        STANDARD.encode(digest),
        STANDARD.encode(bytes)
    )
}

const SOAP_HEADERS: &str = "Content-Type: text/xml; charset=\"utf-8\"\r\n\
    SOAPAction: http://www.microsoft.com/BatchActivationService/BatchActivate\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_service_answers_several_questions_at_once_and_charges_each_computer_once() {
    let lab = lab(EstateKind::IsolatedLab).await;
    let address: SocketAddr = lab
        .service_url()
        .trim_start_matches("http://")
        .trim_end_matches(SERVICE_PATH)
        .parse()
        .unwrap();
    let key = keys::WINDOWS_CLIENT_MAK;
    let pid = format!(
        "03612-{:05}-{:03}-{:06}-03-1033-26100.0000-0482026",
        key.group,
        key.serial / 1_000_000,
        key.serial % 1_000_000
    );
    let iid = |hardware| installation_id(&ExtendedPid::parse(&pid).unwrap(), hardware, 0, false).unwrap();
    let (first, second) = (iid(1), iid(2));
    let question = batch(1, &[(&pid, &first.digits()), (&pid, &second.digits()), (&pid, "1")]);
    for _ in 0..2 {
        let answer = post(address, SERVICE_PATH, SOAP_HEADERS, &question).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let cids: Vec<_> = answer.split("&lt;CID&gt;").skip(1).map(|t| &t[..48]).collect();
        assert_eq!(cids.len(), 2, "{answer}");
        assert!(cids.iter().all(|c| ConfirmationId::parse(c).is_ok()));
        assert!(answer.contains("&lt;ErrorCode&gt;0x90&lt;/ErrorCode&gt;"), "{answer}");
    }
    assert_eq!(lab.service().pool(key.last_five()).unwrap().used, 2);
    let answer = post(address, SERVICE_PATH, SOAP_HEADERS, &batch(2, &[(&pid, "")])).await;
    let left = key.limit - 2;
    assert!(
        answer.contains(&format!("&lt;ActivationRemaining&gt;{left}&lt;")),
        "{answer}"
    );
    assert_eq!((lab.service().asked().len(), lab.service().batches()), (7, 3));

    let unsigned = question.replacen("<Digest>", "<Digest>AAAA", 1);
    assert!(
        post(address, SERVICE_PATH, SOAP_HEADERS, &unsigned)
            .await
            .starts_with("HTTP/1.1 500")
    );
    assert!(
        post(address, SERVICE_PATH, "Content-Type: text/xml\r\n", &question)
            .await
            .contains("Runtime Error")
    );
    lab.service().set_fault(ServiceFault::Html);
    assert!(
        post(address, SERVICE_PATH, SOAP_HEADERS, &question)
            .await
            .contains("text/html")
    );
    lab.service().set_fault(ServiceFault::Http500);
    assert!(
        post(address, SERVICE_PATH, SOAP_HEADERS, &question)
            .await
            .starts_with("HTTP/1.1 500")
    );
    // Charged, and no answer: the client must ask again, and that costs nothing.
    lab.service().set_fault(ServiceFault::CloseBeforeAnswer);
    let third = batch(1, &[(&pid, &iid(3).digits())]);
    assert_eq!(post(address, SERVICE_PATH, SOAP_HEADERS, &third).await, "");
    lab.service().set_fault(ServiceFault::None);
    assert!(
        post(address, SERVICE_PATH, SOAP_HEADERS, &third)
            .await
            .contains("&lt;CID&gt;")
    );
    assert_eq!(lab.service().pool(key.last_five()).unwrap().used, 3);
    lab.stop().await;
}
