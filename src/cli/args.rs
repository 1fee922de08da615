//! The arguments, as clap reads them. Neither a password nor a product key is ever one of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::lab::{Dials, Fault, ServiceFault};
use crate::model::found::Then;
use crate::model::merge::Prefer;
use crate::model::{Filter, KeyType, LastFive, WayIn};
use crate::workspace::{ExportProfile, ProxySetting, check_ca_file, check_filter};

const AFTER_HELP: &str = "\
Exit codes:
  0  everything succeeded, or nothing had to be done
  1  some rows failed or were cancelled
  2  wrong usage, or nothing could be done
  3  everything succeeded, but a MAK has fewer activations left than its mark

Product keys come from standard input, a file or a descriptor, and are named afterwards by their last five characters.
Passwords come from a prompt, --password-env, --password-fd or the keyring (--account); the passphrase of sealed product keys from a prompt,
--passphrase-env or --passphrase-fd.";

/// Keeps a Computer Information List and runs Microsoft volume activation. Without a command it opens the desktop.
#[derive(Debug, Parser)]
#[command(name = "makeeper", version, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 110)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the desktop, on a list if one is named
    Open {
        /// The Computer Information List (.cilx)
        list: Option<PathBuf>,
    },
    /// Make a new, empty list
    New {
        /// The file to make; an existing one is refused
        list: PathBuf,
    },
    /// Find computers: by names, addresses and ranges, in list files, in Active Directory, and on the local network
    Discover(Discover),
    /// Show the KMS hosts that DNS names, and which of them are dead or not approved
    Dns(Dns),
    /// Choose the way in to computers
    Connect(Connect),
    /// Show the list
    List(List),
    /// Ask computers for their products and license status
    Update(OnComputers),
    /// List, add, remove, refresh or seal product keys
    Keys(Keys),
    /// Accounts remembered in the keyring of the system, for --account
    Accounts(Accounts),
    /// Install a product key
    InstallKey(InstallKey),
    /// Activate online: the computers themselves reach Microsoft or their KMS host
    Activate(Activate),
    /// Ask the activation service for confirmation IDs, for a list or for a carried export
    AcquireCid(AcquireCid),
    /// Deposit the confirmation IDs of the list on the computers
    ApplyCid(OnComputers),
    /// Write the list, or a part of it, to another file
    Export(Export),
    /// Take in what another list knows; rows that fit are applied, the others are reported
    Import(Import),
    /// Merge other lists into this one: the newest observation of each product, every confirmation ID of all
    Merge(Merge),
    /// Explain an error code, e.g. 0xC004F074
    Explain(Explain),
    /// A simulated estate to try everything with
    Lab(Lab),
    /// Show everything on the simulated estate: in the desktop, or in the terminal where there is no display
    Demo(Demo),
}

/// The rows to work on.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Only rows that pass this filter, e.g. 'win 11 status:grace -computer:LAB*'
    // A filter may begin with a term that excludes.
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse, allow_hyphen_values = true)]
    pub select: Option<Filter>,
}

/// Who signs in to the computers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing in")]
pub(super) struct SignIn {
    /// Account, e.g. CONTOSO\admin, admin@contoso.com or .\Administrator
    #[arg(long, value_name = "ACCOUNT")]
    pub user: Option<String>,
    /// Take the password from this environment variable
    #[arg(long, value_name = "VAR", conflicts_with = "password_fd", requires = "user")]
    pub password_env: Option<String>,
    /// Read the password (one line) from this open file descriptor
    #[arg(long, value_name = "N", requires = "user")]
    pub password_fd: Option<u32>,
    /// An account of the keyring, by the name it was saved under (makeeper accounts save)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["user", "password_env", "password_fd", "client_cert"])]
    pub account: Option<String>,
    /// File of accounts for groups of computers, a line each: a name pattern or domain, an account, and optionally env:VAR
    /// for where its password is, without which it is asked for; or a pattern and keyring:NAME. Other computers take --user
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// Sign in with this certificate (PEM) instead; over HTTPS only
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "password_env", "password_fd"])]
    pub client_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM, without a password) [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Accounts {
    #[command(subcommand)]
    pub action: AccountsAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountsAction {
    /// Remember an account and its password under a name, instead of what has the name
    Save {
        /// The name
        name: String,
        /// Account, e.g. CONTOSO\admin, admin@contoso.com or .\Administrator
        #[arg(long, value_name = "ACCOUNT")]
        user: String,
        /// Take the password from this environment variable
        #[arg(long, value_name = "VAR", conflicts_with = "password_fd")]
        password_env: Option<String>,
        /// Read the password (one line) from this open file descriptor
        #[arg(long, value_name = "N")]
        password_fd: Option<u32>,
    },
    /// Show names and accounts, never passwords
    List {
        /// One JSON object per account
        #[arg(long)]
        json: bool,
    },
    /// Forget an account
    Remove {
        /// The name
        name: String,
    },
}

/// What opens sealed product keys.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sealed product keys")]
pub(super) struct Passphrase {
    /// Take the passphrase of sealed product keys from this environment variable
    #[arg(long, value_name = "VAR", conflicts_with = "passphrase_fd")]
    pub passphrase_env: Option<String>,
    /// Read the passphrase (one line) from this open file descriptor
    #[arg(long, value_name = "N")]
    pub passphrase_fd: Option<u32>,
}

/// How the networks are used.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct Network {
    /// Computers worked with at once; slow ones are waited for besides
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// Computers of one subnet (/24, IPv6 /64) worked with at once [default: no limit of its own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub per_subnet: Option<u16>,
    /// The way to all computers, whatever the list says: auto, http, https or dcom
    #[arg(long, value_name = "WAY", default_value = "auto", value_parser = way_in)]
    pub way: ChosenWay,
    /// Seconds finding the address of a name may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub resolve_timeout: u32,
    /// Seconds a computer may take to accept a connection
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub connect_timeout: u32,
    /// Seconds the sign-in may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub sign_in_timeout: u32,
    /// Seconds one question to a computer or to the service may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub timeout: u32,
    /// Seconds everything asked of one computer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub computer_timeout: u32,
    /// PEM file with a further certification authority to believe; may be given several times
    #[arg(long, visible_alias = "ca", value_name = "FILE", value_parser = ca_file)]
    pub ca_file: Vec<PathBuf>,
}

/// The way to the activation service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Activation service")]
pub(super) struct ServiceArgs {
    /// Address of the activation service instead of Microsoft's
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub service: Option<String>,
    /// Web proxy: 'system', 'direct', or a URL
    #[arg(long, value_name = "PROXY", default_value = "system", value_parser = proxy_setting)]
    pub proxy: ProxySetting,
    /// Requests at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub service_concurrency: u16,
    /// Warn (exit code 3) about a MAK with fewer activations left, unless its own mark says otherwise
    #[arg(long, value_name = "N")]
    pub low_water: Option<u32>,
}

/// What is written where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// One JSON object per row, a summary object last
    #[arg(long)]
    pub json: bool,
    /// Neither progress nor rows that succeeded
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").multiple(true).required(true).args([
    "names", "from", "ad", "netbios", "local_network", "browse_list", "saved",
]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Discover {
    /// The list; made when it does not exist
    pub list: PathBuf,
    /// Names, addresses, ranges (10.0.0.1-50) and networks (10.0.0.0/24), separated by commas or blanks; - reads standard input
    #[arg(long, value_name = "NAMES", allow_hyphen_values = true)]
    pub names: Vec<String>,
    /// List file: one computer a line, or CSV with a header column 'name' or 'computer' (and 'address', 'port', 'tls')
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// The column of the files with the names, by its heading or number
    #[arg(long, value_name = "COLUMN", requires = "from")]
    pub column: Option<String>,
    /// Ask Active Directory; without a name the domain this machine belongs to
    #[arg(long, value_name = "DOMAIN", num_args = 0..=1, default_missing_value = "")]
    pub ad: Option<String>,
    #[command(flatten)]
    pub directory: DirectoryArgs,
    /// Ask every address of ranges and networks for its NetBIOS names
    #[arg(long, value_name = "RANGES")]
    pub netbios: Vec<String>,
    /// Ask the local network (WS-Discovery), as Windows' own network view does
    #[arg(long)]
    pub local_network: bool,
    /// Take the system's browse list (Windows)
    #[arg(long)]
    pub browse_list: bool,
    /// Run the discovery that the list keeps under this name; without a name show those it keeps
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "",
        conflicts_with_all = ["names", "from", "ad", "netbios", "local_network", "browse_list", "save_as", "no_probe",
            "port", "column"])]
    pub saved: Option<String>,
    /// Keep this discovery in the list under a name, without any credentials
    #[arg(long, value_name = "NAME")]
    pub save_as: Option<String>,
    /// WinRM port, if not 5985 or 5986
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Where a known computer is said to be reached elsewhere than the list says, take the new address over
    #[arg(long)]
    pub readdress: bool,
    /// Ask nobody: add names and every address of ranges and networks as they are
    #[arg(long)]
    pub no_probe: bool,
    /// Addresses a second, where a network is asked address by address [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: Option<u32>,
    /// Ask the addresses of ranges and networks without asking you first
    #[arg(long, short)]
    pub yes: bool,
    /// Show what was found and what it means for the list; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Afterwards see who can be reached (probe), or ask for products and license status (update)
    #[arg(long, value_name = "WHAT", value_parser = then)]
    pub then: Option<Then>,
    #[command(flatten)]
    pub sign_in: SignIn,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What of Active Directory is wanted, and how it is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Active Directory")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct DirectoryArgs {
    /// Domain controller to ask, dc1.contoso.com, with a port if need be [default: found by DNS]
    #[arg(long, value_name = "HOST", requires = "ad")]
    pub server: Option<String>,
    /// Distinguished name below which to look, 'OU=Berlin,DC=contoso,DC=com' [default: the whole domain]
    #[arg(long, value_name = "DN", requires = "ad")]
    pub base: Option<String>,
    /// Names with * for anything, 'BER-*'
    #[arg(long, value_name = "PATTERN", requires = "ad")]
    pub name: Option<String>,
    /// LDAP filter that must hold besides, '(description=*kiosk*)'
    #[arg(long, value_name = "FILTER", requires = "ad", value_parser = ldap_filter)]
    pub ldap_filter: Option<String>,
    /// Also accounts that are disabled
    #[arg(long, requires = "ad")]
    pub include_disabled: bool,
    /// Leave out accounts that have not signed in for N days; the directory knows it to 14 days
    #[arg(long, value_name = "N", requires = "ad", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub stale_days: Option<u32>,
    /// Also computers that do not run Windows
    #[arg(long, requires = "ad")]
    pub include_non_windows: bool,
    /// Ask the global catalog: every domain of the forest
    #[arg(long, requires = "ad")]
    pub global_catalog: bool,
    /// TLS on port 636 only
    #[arg(long, requires = "ad", conflicts_with_all = ["starttls", "sealed"])]
    pub ldaps: bool,
    /// TLS begun on port 389 only
    #[arg(long, requires = "ad", conflicts_with = "sealed")]
    pub starttls: bool,
    /// Signed and sealed on port 389 only
    #[arg(long, requires = "ad")]
    pub sealed: bool,
}

#[derive(Debug, Args)]
pub(super) struct Dns {
    /// The list: the domains of its computers and its approved hosts are used
    #[arg(required_unless_present = "suffix")]
    pub list: Option<PathBuf>,
    /// DNS suffix to look at, e.g. contoso.com; may be given several times
    #[arg(long, value_name = "SUFFIX", value_delimiter = ',')]
    pub suffix: Vec<String>,
    /// Hosts that may be there, instead of those that the list approves
    #[arg(long, value_name = "HOST,...", value_delimiter = ',')]
    pub approved: Vec<String>,
    /// Keep the hosts of --approved in the list
    #[arg(long, requires_all = ["list", "approved"])]
    pub keep: bool,
    /// The table as CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the verb and its argument are both called list"
)]
pub(super) struct List {
    /// The list
    pub list: PathBuf,
    #[command(flatten)]
    pub selection: Selection,
    /// Columns, separated by commas
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Column to sort by; a minus in front sorts downwards
    #[arg(long, value_name = "COLUMN", default_value = "computer", allow_hyphen_values = true)]
    pub sort: String,
    /// Comma-separated values with a heading
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// One JSON object per row, a summary object last
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The list
    pub list: PathBuf,
    /// http, https or dcom; auto: what answers
    #[arg(long, value_name = "WAY", value_parser = way_in)]
    pub way: ChosenWay,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What every verb needs that asks computers.
#[derive(Debug, Args)]
pub(super) struct OnComputers {
    /// The list
    pub list: PathBuf,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub sign_in: SignIn,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Keys {
    #[command(subcommand)]
    pub action: Option<KeysAction>,
    /// The list whose keys are shown
    #[arg(required = true)]
    pub list: Option<PathBuf>,
    /// Ask the activation service for the remaining activations first
    #[arg(long)]
    pub refresh: bool,
    #[command(flatten)]
    pub service: ServiceArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysAction {
    /// Show the product keys, masked
    List {
        /// The list
        list: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Add product keys, one a line, from standard input, a file or a descriptor
    Add {
        /// The list
        list: PathBuf,
        /// Read the keys from this file instead of standard input
        #[arg(long, value_name = "FILE", conflicts_with = "fd")]
        file: Option<PathBuf>,
        /// Read the keys from this open file descriptor
        #[arg(long, value_name = "N")]
        fd: Option<u32>,
        /// Type of keys that do not tell it: mak, csvlk, retail or gvlk
        #[arg(long = "type", value_name = "TYPE", value_parser = key_type)]
        key_type: Option<KeyType>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Remove a product key from the list; computers keep it
    Remove {
        /// The list
        list: PathBuf,
        /// Last five characters of the key
        #[arg(long, value_name = "LAST5", value_parser = LastFive::parse)]
        key: LastFive,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Seal the product keys with a passphrase: without it nobody reads them, and everything else works
    Seal {
        /// The list
        list: PathBuf,
        /// Also remove older copies beside the list (.bak) that hold product keys in clear
        #[arg(long)]
        remove_copies: bool,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take the seal off: the product keys are in the file in clear again
    Unseal {
        /// The list
        list: PathBuf,
        /// The passphrase is lost: give the sealed keys up and keep everything else
        #[arg(long, conflicts_with_all = ["passphrase_env", "passphrase_fd"])]
        forget_keys: bool,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Ask the activation service how many activations each MAK has left
    Refresh {
        /// The list
        list: PathBuf,
        /// Only this key
        #[arg(long, value_name = "LAST5", value_parser = LastFive::parse)]
        key: Option<LastFive>,
        #[command(flatten)]
        service: ServiceArgs,
        #[command(flatten)]
        network: Network,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct InstallKey {
    /// Last five characters of a product key of the list
    #[arg(long, value_name = "LAST5", required_unless_present = "gvlk", value_parser = LastFive::parse)]
    pub key: Option<LastFive>,
    /// Microsoft's public KMS client setup key that fits each product
    #[arg(long, conflicts_with = "key")]
    pub gvlk: bool,
    #[command(flatten)]
    pub on: OnComputers,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub(super) struct Activate {
    /// Activate by proxy: this host asks the service for each computer and deposits the confirmation ID
    #[arg(long)]
    pub proxy_activation: bool,
    /// Only say what it would cost
    #[arg(long)]
    pub price: bool,
    #[command(flatten)]
    pub service: ServiceArgs,
    #[command(flatten)]
    pub on: OnComputers,
}

#[derive(Debug, Args)]
pub(super) struct AcquireCid {
    /// The list, or an export carried out of an isolated network; confirmation IDs are written into it
    pub list: PathBuf,
    #[command(flatten)]
    pub selection: Selection,
    /// Only say what it would cost
    #[arg(long)]
    pub price: bool,
    #[command(flatten)]
    pub service: ServiceArgs,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// [`ExportProfile`] for clap, so that a wrong word is answered with the possible ones.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Profile {
    /// Products and product keys
    Full,
    /// Products without product keys
    NoKeys,
    /// Proxy activation data only: no names, no networks, no keys
    Proxy,
}

impl From<Profile> for ExportProfile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Full => Self::Full,
            Profile::NoKeys => Self::WithoutKeys,
            Profile::Proxy => Self::ProxyOnly,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The list
    pub list: PathBuf,
    /// The file to write
    pub out: PathBuf,
    /// What the list contains [default: no-keys]
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// Write a table for spreadsheets (CSV) with these columns, separated by commas; a file that ends in .csv is one anyway
    #[arg(long, value_name = "A,B,...", value_delimiter = ',', conflicts_with = "profile")]
    pub columns: Vec<String>,
    /// Column to sort the table by; a minus in front sorts downwards
    #[arg(
        long,
        value_name = "COLUMN",
        default_value = "computer",
        allow_hyphen_values = true,
        conflicts_with = "profile"
    )]
    pub sort: String,
    /// Replace an existing file
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The list. If there is none and the file is of VAMT 1 or 2, it is made of everything the file holds
    pub list: PathBuf,
    /// The file to take in (.cilx)
    pub file: PathBuf,
    /// Take confirmation IDs that contradict the list instead of keeping the list's
    #[arg(long)]
    pub overwrite: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// [`Prefer`] for clap.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PreferArg {
    /// What the list says
    Ours,
    /// What the other list says
    Theirs,
    /// Whatever is newer; where that cannot be told, what the list says
    Newest,
}

impl From<PreferArg> for Prefer {
    fn from(prefer: PreferArg) -> Self {
        match prefer {
            PreferArg::Ours => Self::Ours,
            PreferArg::Theirs => Self::Theirs,
            PreferArg::Newest => Self::Newest,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Merge {
    /// The list
    pub list: PathBuf,
    /// The lists to merge into it
    #[arg(required = true, value_name = "OTHER")]
    pub others: Vec<PathBuf>,
    /// Only say what would change
    #[arg(long)]
    pub dry_run: bool,
    /// Whose word counts where both lists say something. Confirmation IDs of both are kept in any case
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub prefer: Option<PreferArg>,
    /// Make one of computers that seem to be one (the same address, name, hardware address or installation ID)
    #[arg(long)]
    pub join: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code: 0xC004F074, -1073418124, 0x7F (activation service) or SL_E_...
    #[arg(required = true, allow_hyphen_values = true)]
    pub code: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Lab {
    #[command(subcommand)]
    pub action: LabAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum LabAction {
    /// Run the simulated estate until Ctrl+C and print how to reach it
    Serve(LabServe),
    /// Write the sample lists into a folder
    #[command(hide = true)]
    WriteSamples {
        /// The folder
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct LabServe {
    /// Estates to bring up: contoso, isolated-lab
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub estate: Vec<String>,
    /// WS-Management port of every virtual computer; 0 picks a free one
    #[arg(long, default_value_t = crate::lab::DEFAULT_PORT)]
    pub port: u16,
    /// Port of the virtual activation service; 0 picks a free one
    #[arg(long, default_value_t = crate::lab::DEFAULT_SERVICE_PORT)]
    pub service_port: u16,
    /// Some computers are off or ill
    #[arg(long)]
    pub faults: bool,
    #[command(flatten)]
    pub dials: DialArgs,
    /// Also write name, address and port of every computer to this CSV file, for discover --from
    #[arg(long, value_name = "FILE")]
    pub list_file: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What is wrong with the simulated estate.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is wrong with it")]
pub(super) struct DialArgs {
    /// Milliseconds that every exchange with a computer takes longer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u32,
    /// A computer and its fault, e.g. LAB-PC-003=refuse; may be given several times. Faults: silent (no answer, as with a
    /// firewall), refuse (nothing listens), hang, garbage, close (in the middle of an answer), slow:MS, http500, wrong-password,
    /// uac (access denied after signing in), none
    #[arg(long, value_name = "NAME=FAULT", value_parser = computer_fault)]
    pub fault: Vec<(String, Fault)>,
    /// Fault of the activation service: html (a web page), http500, close, hang, delay:MS
    #[arg(long, value_name = "FAULT", default_value = "none", hide_default_value = true)]
    pub service_fault: ServiceFault,
}

impl From<&DialArgs> for Dials {
    fn from(args: &DialArgs) -> Self {
        Self {
            latency: Duration::from_millis(args.latency.into()),
            faults: args.fault.clone(),
            service: args.service_fault,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// In the terminal even where there is a display
    #[arg(long)]
    pub terminal: bool,
    #[command(flatten)]
    pub dials: DialArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A way in, or what answers. Of its own, because clap takes an `Option` for an argument that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChosenWay(pub Option<WayIn>);

fn ldap_filter(text: &str) -> Result<String, String> {
    check_filter(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

fn then(text: &str) -> Result<Then, String> {
    Then::from_name(text).ok_or_else(|| "possible values: nothing, probe, update".to_owned())
}

fn way_in(text: &str) -> Result<ChosenWay, String> {
    match text {
        "auto" => Ok(ChosenWay(None)),
        text => WayIn::from_name(text)
            .map(|way| ChosenWay(Some(way)))
            .ok_or_else(|| "possible values: auto, http, https, dcom".to_owned()),
    }
}

/// A file that cannot be used is refused before anything else happens, and also where no certificate will be met.
fn ca_file(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    check_ca_file(&path).map_err(|error| error.to_string())?;
    Ok(path)
}

fn computer_fault(text: &str) -> Result<(String, Fault), String> {
    let (name, fault) = text
        .split_once('=')
        .ok_or("a computer and its fault are written NAME=FAULT, e.g. LAB-PC-003=refuse")?;
    Ok((name.to_owned(), fault.parse()?))
}

fn key_type(text: &str) -> Result<KeyType, String> {
    let allowed = [KeyType::Mak, KeyType::Csvlk, KeyType::Retail, KeyType::Gvlk];
    KeyType::from_name(text)
        .filter(|t| allowed.contains(t))
        .ok_or_else(|| "possible values: mak, csvlk, retail, gvlk".to_owned())
}

fn web_address(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err("an address begins with http:// or https://".to_owned())
    }
}

fn proxy_setting(text: &str) -> Result<ProxySetting, String> {
    match text {
        "system" => Ok(ProxySetting::System),
        "direct" => Ok(ProxySetting::Direct),
        url => web_address(url)
            .map(ProxySetting::Url)
            .map_err(|_| "possible values are 'system', 'direct', or a URL such as http://proxy:8080".to_owned()),
    }
}
