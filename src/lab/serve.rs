//! `makeeper lab serve`: a lab by itself, until Ctrl-C or SIGTERM.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use super::{Account, Dials, EstateKind, Lab, LabConfig, LabError, keys};
use super::{DEFAULT_ADDRESS_BASE, DEFAULT_PORT, DEFAULT_SERVICE_PORT, demo_faults};

/// The environment variable that replaces the administrator's password.
const PASSWORD_VARIABLE: &str = "MAKEEPER_LAB_PASSWORD";

/// What to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// The estates to bring up.
    pub estates: Vec<EstateKind>,
    /// First two octets of every address.
    pub address_base: [u8; 2],
    /// WS-Management port; 0 picks a free one.
    pub port: u16,
    /// Port of the activation service; 0 picks a free one.
    pub service_port: u16,
    /// What is wrong with them.
    pub dials: Dials,
    /// A few computers are off or ill, besides those of the dials.
    pub faults: bool,
    /// Write name, address and port of every computer to this CSV file.
    pub list_file: Option<PathBuf>,
    /// One JSON object instead of text.
    pub json: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            estates: EstateKind::ALL.to_vec(),
            address_base: DEFAULT_ADDRESS_BASE,
            port: DEFAULT_PORT,
            service_port: DEFAULT_SERVICE_PORT,
            dials: Dials::default(),
            faults: true,
            list_file: None,
            json: false,
        }
    }
}

/// Starts a lab, writes how to reach it to `out`, and runs until Ctrl-C or SIGTERM.
///
/// The administrator's password is taken from the environment variable `MAKEEPER_LAB_PASSWORD` where it is set.
pub async fn serve(options: &ServeOptions, out: &mut (dyn Write + Send)) -> Result<(), LabError> {
    let mut admin = Account::admin();
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        admin.password = password;
    }
    let lab = Lab::start(LabConfig {
        estates: options.estates.clone(),
        address_base: options.address_base,
        port: options.port,
        service_port: options.service_port,
        faults: if options.faults { demo_faults() } else { Vec::new() },
        accounts: vec![admin.clone(), Account::user()],
        ..LabConfig::default()
    })
    .await?;
    lab.dial(&options.dials).await?;
    // Whoever reads that the lab is up may read the file.
    if let Some(path) = &options.list_file {
        std::fs::write(path, as_csv(&lab)).map_err(|source| LabError::ListFile {
            path: path.clone(),
            source,
        })?;
    }
    // Heard from now on: whoever reads the text may end the lab at once.
    let end = Ending::listen();
    let text = if options.json {
        as_json(&lab, &admin)
    } else {
        as_text(&lab, &admin)
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(LabError::Output)?;
    end.wait().await;
    lab.stop().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM where there is such a thing.
struct Ending {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

impl Ending {
    fn listen() -> Self {
        Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok(),
        }
    }

    async fn wait(self) {
        let interrupted = async {
            // Without a way to hear of the end the process is ended from outside; there is nothing to tidy up.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        if let Some(mut terminate) = self.terminate {
            tokio::select! {
                _ = terminate.recv() => {}
                () = interrupted => {}
            }
            return;
        }
        interrupted.await;
    }
}

/// Writing to a string cannot fail.
macro_rules! push {
    ($out:expr, $($text:tt)*) => {{
        let _ = write!($out, $($text)*);
    }};
}

/// What `discover --from` reads.
fn as_csv(lab: &Lab) -> String {
    let mut out = String::from("name,address,port\n");
    for computer in lab.computers() {
        let (address, port) = (computer.address.ip(), computer.address.port());
        push!(out, "{},{address},{port}\n", computer.fqdn);
    }
    out
}

fn as_text(lab: &Lab, admin: &Account) -> String {
    let mut out = String::from("The lab is up. Everything listens on loopback only; Ctrl-C ends it.\n\n");
    for kind in EstateKind::ALL {
        let computers: Vec<_> = lab.computers().iter().filter(|c| c.estate == *kind).collect();
        if let (Some(first), Some(last)) = (computers.first(), computers.last()) {
            let (name, count) = (kind.name(), computers.len());
            let (from, to, port) = (first.address.ip(), last.address.ip(), lab.port());
            push!(
                out,
                "  {name:<14}{count} computers at {from} to {to}, WS-Management on port {port}\n"
            );
            push!(
                out,
                "  {:<14}the first is {} at http://{}/wsman\n",
                "",
                first.name,
                first.address
            );
        }
    }
    push!(out, "  {:<14}{}\n", "service", lab.service_url());
    push!(out, "  {:<14}{}\\{}\n", "user", admin.domain, admin.user);
    push!(
        out,
        "  {:<14}{}, or what {PASSWORD_VARIABLE} held when the lab was started\n\n",
        "password",
        Account::admin().password
    );
    out += "Product keys that only this lab accepts:\n";
    for key in keys::ALL {
        push!(out, "  {}  {}\n", key.text, key.name);
    }
    out += "\nMicrosoft's public client setup keys are accepted by the computers whose edition they fit.\n";
    out
}

fn as_json(lab: &Lab, admin: &Account) -> String {
    let computers: Vec<_> = lab
        .computers()
        .iter()
        .map(|c| {
            serde_json::json!({
                "name": c.name,
                "fqdn": c.fqdn,
                "estate": c.estate.name(),
                "address": c.address.ip().to_string(),
                "port": c.address.port(),
            })
        })
        .collect();
    let keys: Vec<_> = keys::ALL
        .iter()
        .map(|k| serde_json::json!({ "name": k.name, "key": k.text, "type": k.kind.name() }))
        .collect();
    let whole = serde_json::json!({
        "port": lab.port(),
        "service": lab.service_url(),
        "user": format!("{}\\{}", admin.domain, admin.user),
        "password_variable": PASSWORD_VARIABLE,
        "default_password": Account::admin().password,
        "computers": computers,
        "lab_keys": keys,
    });
    format!("{whole}\n")
}
