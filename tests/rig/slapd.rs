//! Debian's slapd on loopback, with TLS, and with computers as Active Directory describes them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use makeeper::discovery::directory::{Directory, DirectoryPlace, Transport};
use makeeper::model::Secret;
use makeeper::wmi::{ConnectOptions, Credentials, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

pub const BASE: &str = "dc=bench,dc=test";
pub const ACCOUNT: &str = "cn=admin,dc=bench,dc=test";
pub const PASSWORD: &str = "Passw0rd!Bench";

/// The attributes of a computer that are asked for, under their numbers in Active Directory (MS-ADA1 to MS-ADA3).
const SCHEMA: &str = r"
attributetype ( 1.2.840.113556.1.4.619 NAME 'dNSHostName' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.363 NAME 'operatingSystem' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.364 NAME 'operatingSystemVersion' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.1696 NAME 'lastLogonTimestamp' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.3.30 NAME 'computer' SUP top STRUCTURAL MUST ( cn $ name ) MAY ( dNSHostName $ operatingSystem $ operatingSystemVersion $ lastLogonTimestamp $ userAccountControl $ objectGUID $ objectCategory ) )
";

/// A running slapd, which ends with it.
pub struct Slapd {
    child: Child,
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Slapd {
    /// Fills a directory and starts it.
    pub fn start(entries: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        certificates(folder.path());
        fs::create_dir(path("db")).unwrap();
        fs::write(path("computer.schema"), SCHEMA).unwrap();
        let base = folder.path().display();
        let conf = format!(
            "include /etc/ldap/schema/core.schema\ninclude {base}/computer.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             pidfile {base}/pid\nTLSCACertificateFile {base}/ca.pem\nTLSCertificateFile {base}/cert.pem\nTLSCertificateKeyFile \
             {base}/key.pem\nsizelimit unlimited\ndatabase mdb\nmaxsize 2147483648\nsuffix \"{BASE}\"\nrootdn \"{ACCOUNT}\"\nrootpw \
             {PASSWORD}\ndirectory {base}/db\nindex objectClass eq\n"
        );
        fs::write(path("slapd.conf"), conf).unwrap();
        fill(&path("slapd.conf"), entries);
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let child = Command::new("/usr/sbin/slapd")
            .arg("-f")
            .arg(path("slapd.conf"))
            .args(["-d", "0", "-h", &format!("ldaps://localhost:{port}/")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let slapd = Self { child, folder, port };
        let began = Instant::now();
        // Nothing tells when it listens but that it does.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "slapd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        slapd
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn directory(&self) -> Directory {
        let place = DirectoryPlace {
            server: format!("localhost:{}", self.port),
            transport: Transport::Ldaps,
            ..DirectoryPlace::default()
        };
        let options = ConnectOptions {
            trust: Trust::with_authorities(vec![self.authority()]),
            ..ConnectOptions::default()
        };
        let credentials = Credentials::new(ACCOUNT, Secret::new(PASSWORD)).unwrap();
        Directory::new(place, credentials, options)
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "slapd test CA");
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), server.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn fill(conf: &Path, entries: usize) {
    let mut slapadd = Command::new("/usr/sbin/slapadd")
        .args(["-q", "-s", "-f"])
        .arg(conf)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(slapadd.stdin.take().unwrap());
    write!(
        input,
        "dn: {BASE}\nobjectClass: domain\ndc: bench\n\ndn: ou=Workstations,{BASE}\nobjectClass: organizationalUnit\nou: Workstations\n\n"
    )
    .unwrap();
    for i in 0..entries {
        let mut entry = String::new();
        write!(
            entry,
            "dn: cn=PC{i:06},ou=Workstations,{BASE}\nobjectClass: computer\nobjectCategory: computer\ncn: PC{i:06}\nname: PC{i:06}\n\
             dNSHostName: pc{i:06}.bench.test\noperatingSystem: Windows 11 Enterprise\noperatingSystemVersion: 10.0 (22631)\n\
             lastLogonTimestamp: {}\nuserAccountControl: 4096\nobjectGUID: {i:016}\n\n",
            133_000_000_000_000_000 + i
        )
        .unwrap();
        input.write_all(entry.as_bytes()).unwrap();
    }
    drop(input);
    let ended = slapadd.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
