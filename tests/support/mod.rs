//! A list and the lab it lives in, for tests of the workspace.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use makeeper::lab::{Account, ComputerAddress, EstateKind, Lab, LabConfig, keys::LabKey};
use makeeper::model::{Change, Computer, ComputerId, ConnectTo, Product, ProductId, Secret};
use makeeper::workspace::{Credentials, Job, KeyChoice, ProxySetting, RunProgress, Settings, Workspace};

pub struct Estate {
    pub lab: Lab,
    pub workspace: Workspace,
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Estate {
    /// The first `count` computers of the isolated lab, not asked yet.
    pub async fn isolated(count: usize) -> Self {
        Self::start(EstateKind::IsolatedLab, |_| true, count).await
    }

    /// The first `count` computers of contoso that `wanted` names.
    pub async fn contoso(wanted: fn(&ComputerAddress) -> bool, count: usize) -> Self {
        Self::start(EstateKind::Contoso, wanted, count).await
    }

    async fn start(kind: EstateKind, wanted: fn(&ComputerAddress) -> bool, count: usize) -> Self {
        let config = LabConfig {
            estates: vec![kind],
            ..LabConfig::default()
        };
        Self::in_lab(config, wanted, count).await
    }

    /// The first `count` computers that `wanted` names of a lab of one's own.
    pub async fn in_lab(config: LabConfig, wanted: fn(&ComputerAddress) -> bool, count: usize) -> Self {
        let lab = Lab::start(config).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.cilx");
        let workspace = Workspace::create(&path, tokio::runtime::Handle::current()).unwrap();
        workspace.set_settings(Settings {
            service_url: Some(lab.service_url().to_owned()),
            proxy: ProxySetting::Direct,
            activation_poll: Duration::from_secs(20),
            ..Settings::default()
        });
        let admin = Account::admin();
        let account = format!("{}\\{}", admin.domain, admin.user);
        workspace.set_credentials(Some(Credentials::new(&account, Secret::new(admin.password)).unwrap()));
        let computers = lab.computers().iter().filter(|c| wanted(c)).take(count).map(|c| {
            let mut computer = Computer::named(&c.fqdn);
            computer.connect = Some(ConnectTo {
                address: Some(c.address.ip().to_string().into()),
                port: Some(c.address.port()),
                way: None,
            });
            Change::PutComputer(Box::new(computer))
        });
        workspace.edit(computers.collect()).unwrap();
        Self {
            lab,
            workspace,
            path,
            _folder: folder,
        }
    }

    pub fn computers(&self) -> Vec<ComputerId> {
        self.workspace.snapshot().inventory.computers().map(|c| c.id).collect()
    }

    pub async fn run(&self, job: Job) -> RunProgress {
        self.workspace.start(job).unwrap().finished().await
    }

    /// Runs a job of which every row has to succeed.
    pub async fn succeed(&self, job: Job) {
        let run = self.run(job).await;
        assert_eq!(run.succeeded, run.total, "{:?}", texts(&run));
    }

    pub async fn update(&self) {
        self.succeed(Job::UpdateStatus {
            computers: self.computers(),
        })
        .await;
    }

    /// Updates every computer and puts `key` on each one's Windows.
    pub async fn install(&self, key: &LabKey) -> Vec<ProductId> {
        self.update().await;
        self.workspace.add_keys(&format!("{},mak", key.text)).unwrap();
        let snapshot = self.workspace.snapshot();
        let products: Vec<ProductId> = snapshot
            .inventory
            .products()
            .filter(|p| p.application == makeeper::model::ApplicationId::WINDOWS && !p.is_addon)
            .map(|p| p.id)
            .collect();
        let entry = snapshot
            .inventory
            .keys()
            .find(|k| k.key.as_ref().is_some_and(|k| k.reveal() == key.text));
        let run = self
            .run(Job::InstallKey {
                products: products.clone(),
                key: KeyChoice::Owned(entry.unwrap().id),
            })
            .await;
        assert_eq!(run.succeeded + run.skipped, run.total, "{:?}", texts(&run));
        products
    }

    /// The product as it is now, published or not.
    pub fn product(&self, id: ProductId) -> Arc<Product> {
        self.workspace.edit(Vec::new()).unwrap();
        Arc::clone(self.workspace.snapshot().inventory.product(id).unwrap())
    }

    pub fn edit_product(&self, id: ProductId, edit: impl FnOnce(&mut Product)) {
        let mut product = (*self.product(id)).clone();
        edit(&mut product);
        self.workspace
            .edit(vec![Change::RestoreProduct(Box::new(product))])
            .unwrap();
    }

    /// Activations spent of a key.
    pub fn used(&self, key: &LabKey) -> u32 {
        self.lab.service().pool(key.last_five()).unwrap().used
    }

    /// Questions for confirmation IDs so far.
    pub fn asked(&self) -> usize {
        self.lab.service().asked().iter().filter(|a| a.iid.is_some()).count()
    }

    /// Waits until `condition` holds, for ten seconds at most: for what no event tells of.
    pub async fn until(&self, condition: impl Fn() -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(tokio::time::Instant::now() < patience, "it never became true");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What each row says.
pub fn texts(run: &RunProgress) -> Vec<String> {
    run.rows
        .iter()
        .map(|r| format!("{} {}: {}", r.name, r.state.name(), r.state.text()))
        .collect()
}
