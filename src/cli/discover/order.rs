//! From arguments to an order that could be kept in a list.

use crate::cli::args::Discover;
use crate::cli::exit::CliError;
use crate::cli::secrets::read_standard_input;
use crate::model::found::{DirectoryOrder, DirectorySecurity, SavedDiscovery, SourceOrder};

/// What the arguments ask for.
pub(super) fn ordered(args: &Discover) -> Result<SavedDiscovery, CliError> {
    let mut sources = Vec::new();
    let mut text = String::new();
    for names in &args.names {
        if names == "-" {
            text.push_str(&read_standard_input()?);
        } else {
            text.push_str(names);
        }
        text.push('\n');
    }
    let (port, probe) = (args.port, !args.no_probe);
    if !args.names.is_empty() {
        sources.push(SourceOrder::Names { text, port, probe });
    }
    for path in &args.from {
        // A scheduler may start from another folder.
        let whole = args.save_as.as_ref().and_then(|_| path.canonicalize().ok());
        sources.push(SourceOrder::File {
            path: whole.as_ref().unwrap_or(path).display().to_string(),
            column: args.column.clone().unwrap_or_default(),
            port,
            probe,
        });
    }
    if let Some(domain) = &args.ad {
        sources.push(SourceOrder::Directory(directory(args, domain)));
    }
    if !args.netbios.is_empty() {
        let ranges = args.netbios.join(", ");
        sources.push(SourceOrder::NetBios { ranges });
    }
    if args.local_network {
        sources.push(SourceOrder::LocalNetwork);
    }
    if args.browse_list {
        sources.push(SourceOrder::BrowseList);
    }
    if let Some(name) = args.save_as.as_ref().filter(|name| name.trim().is_empty()) {
        return Err(CliError::usage(format!("{name:?} is no name for a discovery")));
    }
    Ok(SavedDiscovery {
        name: args.save_as.as_deref().unwrap_or_default().trim().into(),
        sources,
        then: args.then.unwrap_or_default(),
        rate: args.rate,
    })
}

fn directory(args: &Discover, domain: &str) -> DirectoryOrder {
    let told = &args.directory;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    DirectoryOrder {
        domain: domain.to_owned(),
        server: text(&told.server),
        base: text(&told.base),
        name: text(&told.name),
        filter: text(&told.ldap_filter),
        include_disabled: told.include_disabled,
        stale_days: told.stale_days,
        include_non_windows: told.include_non_windows,
        global_catalog: told.global_catalog,
        security: match (told.ldaps, told.starttls, told.sealed) {
            (true, ..) => DirectorySecurity::Ldaps,
            (_, true, _) => DirectorySecurity::StartTls,
            (.., true) => DirectorySecurity::Sealed,
            _ => DirectorySecurity::Automatic,
        },
    }
}

/// True if somebody may have to sign in to a directory.
pub(super) fn asks_a_directory(order: &SavedDiscovery) -> bool {
    order.sources.iter().any(|s| matches!(s, SourceOrder::Directory(_)))
}
