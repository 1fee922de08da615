//! The audit of KMS hosts in DNS, against a name server that somebody else wrote and one that is silent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is left out says so"
)]

mod discovery_support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use discovery_support::Dnsmasq;
use makeeper::discovery::{
    Answers, Approval, DnsFailure, Duplicate, KMS_DNS_COLUMNS, KmsDnsAudit, KmsDnsRequest, KmsRecord, Resolver,
    SuffixOutcome, audit_kms_dns, kms_dns_cannot_see,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

fn request(suffixes: &[&str], approved: &[&str]) -> KmsDnsRequest {
    let mut request = KmsDnsRequest::of(suffixes.iter().map(|s| (*s).to_owned()));
    request.approved = approved.iter().map(|a| (*a).to_owned()).collect();
    request.patience = Duration::from_secs(3);
    request
}

async fn audit(request: &KmsDnsRequest, resolver: &Resolver) -> KmsDnsAudit {
    let told = Mutex::new(Vec::new());
    let cancel = CancellationToken::new();
    let audit = audit_kms_dns(
        request,
        resolver,
        |p| told.lock().unwrap().push((p.done, p.total)),
        &cancel,
    )
    .await;
    let total = request.suffixes.len();
    assert_eq!(
        told.into_inner().unwrap(),
        (1..=total).map(|done| (done, total)).collect::<Vec<_>>()
    );
    audit
}

fn record<'a>(audit: &'a KmsDnsAudit, target: &str) -> &'a KmsRecord {
    let found = audit.records.iter().find(|r| r.record.target == target);
    found.unwrap_or_else(|| panic!("{target}: {audit:?}"))
}

#[tokio::test]
async fn every_record_is_looked_up_tried_and_judged() {
    let kms = TcpListener::bind("127.77.50.11:0").await.unwrap();
    let port = kms.local_addr().unwrap().port();
    let config = format!(
        "local=/contoso.test/\n\
         srv-host=_vlmcs._tcp.contoso.test,kms1.contoso.test,{port},0,100\n\
         srv-host=_vlmcs._tcp.contoso.test,kms1.contoso.test,{port},0,50\n\
         srv-host=_vlmcs._tcp.contoso.test,alias.contoso.test,{port},5,0\n\
         srv-host=_vlmcs._tcp.contoso.test,pc-7.contoso.test,{port},10,0\n\
         srv-host=_vlmcs._tcp.contoso.test,gone.contoso.test,{port},20,0\n\
         host-record=kms1.contoso.test,127.77.50.11\n\
         host-record=alias.contoso.test,127.77.50.11\n\
         host-record=pc-7.contoso.test,127.77.50.12\n\
         host-record=spare.contoso.test,127.77.50.13\n"
    );
    let Some(dns) = Dnsmasq::start("127.77.50.1", &config).await else {
        return;
    };
    let request = request(&["Contoso.TEST.", "contoso.test"], &["KMS1", "spare.contoso.test"]);
    assert_eq!(request.suffixes, ["contoso.test"]);
    let audit = audit(&request, &dns.resolver(&[])).await;
    assert_eq!(audit.suffixes, [("contoso.test".to_owned(), SuffixOutcome::Records(5))]);
    let order: Vec<_> = audit
        .records
        .iter()
        .map(|r| (r.record.priority, r.record.weight))
        .collect();
    assert_eq!(order, [(0, 100), (0, 50), (5, 0), (10, 0), (20, 0)]);

    let good = record(&audit, "kms1.contoso.test");
    assert_eq!(
        (good.record.port, good.record.ttl_secs, good.answers),
        (port, 77, Answers::Yes)
    );
    assert_eq!(good.addresses, Ok(vec!["127.77.50.11".parse().unwrap()]));
    assert_eq!(
        (good.approval, good.duplicate),
        (Approval::Approved, Some(Duplicate::SameTarget))
    );
    let alias = record(&audit, "alias.contoso.test");
    // It leads to the same host, but nobody approved of that name, and the approved one has a name only.
    assert_eq!(
        (alias.approval, alias.duplicate),
        (Approval::NotApproved, Some(Duplicate::SameAddress))
    );
    let client = record(&audit, "pc-7.contoso.test");
    assert_eq!(
        (client.answers, client.approval, client.duplicate),
        (Answers::Refused, Approval::NotApproved, None)
    );
    assert!(
        client.problem().contains("KMS client setup key"),
        "{}",
        client.problem()
    );
    let gone = record(&audit, "gone.contoso.test");
    assert_eq!(gone.answers, Answers::NotTried);
    assert!(gone.addresses.clone().unwrap_err().contains("gone.contoso.test"));
    assert_eq!(audit.unnamed, ["spare.contoso.test"]);
    assert_eq!(audit.problem_count(), 5);

    let rows = audit.rows();
    assert!(rows.iter().all(|row| row.len() == KMS_DNS_COLUMNS.len()));
    let cells: Vec<&str> = rows[0][..10].iter().map(String::as_str).collect();
    let port = port.to_string();
    let wanted = [
        "contoso.test",
        "record",
        "kms1.contoso.test",
        &port,
        "0",
        "100",
        "77",
        "127.77.50.11",
        "answers",
        "approved",
    ];
    assert_eq!(cells, wanted);
    assert!(kms_dns_cannot_see().contains("suffix"));
}

#[tokio::test]
async fn a_suffix_without_records_is_told_from_one_that_does_not_exist_and_from_a_server_that_refuses() {
    let config = "local=/empty.test/\nhost-record=empty.test,127.77.50.21\nlocal=/nothing.test/\n";
    let Some(dns) = Dnsmasq::start("127.77.50.2", config).await else {
        return;
    };
    let request = request(&["empty.test", "nothing.test", "refused.example", "a..b"], &[]);
    let audit = audit(&request, &dns.resolver(&[])).await;
    let outcomes: Vec<&SuffixOutcome> = audit.suffixes.iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes[..2], [&SuffixOutcome::NoRecords, &SuffixOutcome::NoSuchDomain]);
    assert!(
        matches!(outcomes[2], SuffixOutcome::Failed(DnsFailure::Refused { code, .. }) if code.contains("Refused")),
        "{outcomes:?}"
    );
    assert!(
        matches!(outcomes[3], SuffixOutcome::Failed(DnsFailure::BadName(_))),
        "{outcomes:?}"
    );
    let words: Vec<String> = audit
        .rows()
        .iter()
        .map(|row| format!("{} {}", row[0], row[1]))
        .collect();
    assert_eq!(
        words,
        [
            "empty.test none",
            "nothing.test no-such-domain",
            "refused.example failed",
            "a..b failed"
        ]
    );
}

#[tokio::test]
async fn a_silent_name_server_is_told_and_a_cancel_ends_the_audit_at_once() {
    let socket = UdpSocket::bind("127.77.50.3:0").await.unwrap();
    let resolver = Resolver::with_servers(&[socket.local_addr().unwrap()], &[]);
    let mut request = request(&["contoso.test"], &[]);
    request.patience = Duration::from_millis(400);
    let audit = audit(&request, &resolver).await;
    let (_, outcome) = &audit.suffixes[0];
    assert!(
        matches!(outcome, SuffixOutcome::Failed(DnsFailure::NoServer { .. })),
        "{outcome:?}"
    );
    assert!(outcome.text().contains("no name server answered"), "{}", outcome.text());
    assert_eq!(
        audit.problem_count(),
        1,
        "a suffix of which nothing is known is no good news"
    );

    request.patience = Duration::from_mins(1);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        // The moment at which a person stops it: somewhere in the middle, which nothing announces.
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let began = Instant::now();
    let audit = audit_kms_dns(&request, &resolver, |_| {}, &cancel).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(audit.suffixes, [("contoso.test".to_owned(), SuffixOutcome::NotAsked)]);
}

#[tokio::test]
async fn many_records_are_all_judged() {
    let hosts = (1..=60).map(|n| {
        format!(
            "srv-host=_vlmcs._tcp.many.test,kms{n}.many.test,1688,0,{n}\nhost-record=kms{n}.many.test,127.77.51.{n}\n"
        )
    });
    let config = "local=/many.test/\n".to_owned() + &hosts.collect::<String>();
    let Some(dns) = Dnsmasq::start("127.77.50.4", &config).await else {
        return;
    };
    let mut request = request(&["many.test"], &["127.77.51.60"]);
    request.connect = false;
    let audit = audit(&request, &dns.resolver(&[])).await;
    assert_eq!(audit.records.len(), 60, "the answer does not fit a datagram");
    let approved = audit.records.iter().filter(|r| r.approval == Approval::Approved);
    assert_eq!(
        approved.map(|r| r.record.target.as_str()).collect::<Vec<_>>(),
        ["kms60.many.test"]
    );
    assert!(audit.records.iter().all(|r| r.answers == Answers::NotTried));
}

/// The domain of tests/rig/samba-ad.sh: two records, of which one leads to the domain controller.
#[tokio::test]
async fn samba_names_the_kms_hosts_of_its_domain() {
    let Ok(server) = std::env::var("MAKEEPER_AD_DNS") else {
        eprintln!("SKIPPED: tests/kerberos.sh puts up the domain for this test");
        return;
    };
    let server: std::net::SocketAddr = server.parse().unwrap();
    let kms = TcpListener::bind((server.ip(), 1688)).await.unwrap();
    let resolver = Resolver::with_servers(&[server], &["lab.example.test".to_owned()]);
    let suffixes = ["lab.example.test", "nowhere.lab.example.test"];
    // By its address: in this domain the name of the controller leads to those of other computers, too.
    let audit = audit(&request(&suffixes, &[&server.ip().to_string()]), &resolver).await;
    let outcomes: Vec<&SuffixOutcome> = audit.suffixes.iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [&SuffixOutcome::Records(2), &SuffixOutcome::NoSuchDomain]);
    let host = record(&audit, "dc1.lab.example.test");
    assert_eq!((host.answers, host.approval), (Answers::Yes, Approval::Approved));
    let client = record(&audit, "pc001.lab.example.test");
    assert_eq!(
        (client.answers, client.approval),
        (Answers::Refused, Approval::NotApproved)
    );
    assert_eq!(
        (client.record.priority, client.record.weight, client.record.port),
        (10, 50, 1688)
    );
    drop(kms);
}
