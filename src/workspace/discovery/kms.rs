//! The audit of the KMS hosts that DNS names.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::discovery::{KmsDnsAudit, KmsDnsProgress, KmsDnsRequest, Resolver, audit_kms_dns};
use crate::model::{Inventory, NetworkKind};
use crate::workspace::Workspace;
use crate::workspace::open::lock;

/// An audit at one moment.
#[derive(Debug, Clone, Default)]
pub struct KmsAuditProgress {
    /// Suffixes done.
    pub done: usize,
    /// Of how many.
    pub total: usize,
    /// What it found. Set when it is over.
    pub audit: Option<Arc<KmsDnsAudit>>,
}

/// An audit under way or finished. A clone is a handle to the same one.
#[derive(Debug, Clone)]
pub struct KmsAudit {
    progress: Arc<Mutex<KmsAuditProgress>>,
    finished: watch::Receiver<bool>,
    cancel: CancellationToken,
}

impl KmsAudit {
    /// The audit at this moment.
    pub fn progress(&self) -> KmsAuditProgress {
        lock(&self.progress).clone()
    }

    /// Stops; what is known so far is told.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// True after [`KmsAudit::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Waits for the end.
    pub async fn finished(&self) -> KmsAuditProgress {
        let mut finished = self.finished.clone();
        // The channel closes when the task is gone: that is an end, too.
        let _ = finished.wait_for(|done| *done).await;
        self.progress()
    }
}

/// The domains of the computers of a list, as DNS names.
fn domains_of(list: &Inventory) -> BTreeSet<String> {
    let mut domains = BTreeSet::new();
    for computer in list.computers() {
        let own = computer.name.split_once('.').map(|(_, domain)| domain);
        let own = own.filter(|_| !computer.is_known_by_address_only());
        let network = &computer.network;
        let joined = (network.kind == NetworkKind::Domain && network.name.contains('.')).then_some(&*network.name);
        for domain in own.into_iter().chain(joined) {
            if !domains.contains(domain) {
                domains.insert(domain.to_lowercase());
            }
        }
    }
    domains
}

impl Workspace {
    /// Looks at the KMS hosts that DNS names for `suffixes`; none: those of this machine and the domains of the list's
    /// computers. `approved`: the hosts that may be there; none: those that the list approves. Returns at once.
    pub fn audit_kms_dns(&self, suffixes: Vec<String>, approved: Option<Vec<String>>) -> KmsAudit {
        let (done, finished) = watch::channel(false);
        let audit = KmsAudit {
            progress: Arc::default(),
            finished,
            cancel: CancellationToken::new(),
        };
        let (this, task) = (self.clone(), audit.clone());
        self.on_own_thread(async move || {
            let resolver = Resolver::system();
            let list = this.inventory();
            let approved = approved.unwrap_or_else(|| {
                let hosts = &list.header().approved_kms_hosts;
                hosts.iter().map(ToString::to_string).collect()
            });
            let suffixes = if suffixes.is_empty() {
                let own = resolver.suffixes().iter().cloned();
                own.chain(domains_of(&list)).collect()
            } else {
                suffixes
            };
            drop(list);
            let settings = this.settings();
            let request = KmsDnsRequest {
                approved,
                patience: settings.connect_timeout,
                ..KmsDnsRequest::of(suffixes)
            };
            lock(&task.progress).total = request.suffixes.len();
            let (told, teller) = (task.progress.clone(), this.clone());
            let tell = move |progress: KmsDnsProgress| {
                lock(&told).done = progress.done;
                teller.announce_soon();
            };
            let found = audit_kms_dns(&request, &resolver, tell, &task.cancel).await;
            lock(&task.progress).audit = Some(Arc::new(found));
            done.send_replace(true);
            this.announce_soon();
        });
        audit
    }
}
