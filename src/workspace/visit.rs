//! A visit to one computer: everything a run wants of it, one thing after the other, over one connection.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

use super::accounts::{Account, Accounts};
use super::acquire::{self, Need, Question, need};
use super::approach::{Approach, approach};
use super::engine::{Party, Work, not_allowed};
use super::settings::connect_options;
use super::sign_in_guard::Fate;
use super::slots::{SLOW_AFTER, Slots};
use super::{Job, KeyChoice, RowState, Settings};
use crate::licensing::{self, Activation, Deposit, Done, Installation, KeyInstalled, Patience};
use crate::model::{
    Action, ApplicationId, Change, Computer, ComputerId, Confirmation, Failure, FailureClass, Inventory, KeyEntryId,
    KeyType, LicenseStatus, Observation, Product, ProductId, ProductKey, Text, WayIn,
};
use crate::wmi::{self, ConnectOptions, Target, WmiConnection};

/// The way to the computers.
pub(super) struct Reach {
    accounts: Accounts,
    settings: Settings,
    options: ConnectOptions,
    slots: Slots,
    per_computer: Duration,
    patience: Patience,
}

impl Reach {
    pub(super) fn new(settings: &Settings, accounts: Accounts) -> Self {
        Self {
            accounts,
            options: connect_options(settings),
            slots: Slots::new(settings.concurrency, settings.per_subnet),
            settings: settings.clone(),
            per_computer: settings.computer_timeout,
            patience: Patience {
                give_up_after: settings.activation_poll,
                ..Patience::default()
            },
        }
    }
}

/// Why there is no connection.
enum Unsigned {
    /// The computer was not asked, because others refused the account.
    NotTried(Failure),
    /// The computer was asked.
    Failed(Failure),
}

/// How an action on one product ended.
type Outcome = Result<Ending, Failure>;

enum Ending {
    Done(String),
    Skipped(String),
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "reads as the outcome it is, beside the failures"
)]
fn done(text: impl Into<String>) -> Outcome {
    Ok(Ending::Done(text.into()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "reads as the outcome it is, beside the failures"
)]
fn skipped(text: impl Into<String>) -> Outcome {
    Ok(Ending::Skipped(text.into()))
}

fn installed_elsewhere(carrier: &Product) -> String {
    format!(
        "this product key is already installed on this computer: it is one for {}",
        carrier.name
    )
}

/// Visits one computer. Ends by the computer's time-out at the latest; a cancel drops it.
pub(super) async fn computer(work: &Work, party: Party) {
    let Some(reach) = &work.reach else { return };
    let turn = work.workspace.visiting(party.computer);
    let _turn = if let Ok(free) = turn.try_lock() {
        free
    } else {
        if let Some((index, _)) = party.rows.first() {
            work.running(*index, "waiting for another run to leave this computer");
        }
        turn.lock().await
    };
    // `Activate`, the deposit and the installation of a key may be watched for long: that time is granted per product, on top.
    let watched = match work.run.job() {
        Job::Activate { .. }
        | Job::ApplyConfirmationIds { .. }
        | Job::ProxyActivate { .. }
        | Job::InstallKey { .. } => party.rows.len() as u32,
        _ => 0,
    };
    let limit = reach.per_computer + reach.patience.give_up_after * watched;
    let mut visit = Visit {
        work,
        reach,
        computer: party.computer,
        approach: Err(not_allowed("the computer was not looked for")),
        way: None,
        connection: None,
    };
    visit.look(&party.rows).await;
    let address = visit.approach.as_ref().ok().and_then(|a| a.ways.first()?.1.address);
    let mut slot = match &visit.approach {
        Ok(_) => Some(reach.slots.take(address).await),
        // Whoever is not there takes no time of anybody.
        Err(_) => None,
    };
    let in_time = {
        let all = visit.all(&party.rows);
        tokio::pin!(all);
        let mut in_time = tokio::time::timeout(SLOW_AFTER.min(limit), &mut all).await.is_ok();
        if !in_time && let Some(slot) = &mut slot {
            reach.slots.lend(slot);
        }
        while !in_time {
            in_time = tokio::time::timeout(limit.saturating_sub(SLOW_AFTER), &mut all)
                .await
                .is_ok();
            // The time that a person takes to answer is not the computer's.
            if work.run.progress_question().is_none() {
                break;
            }
        }
        in_time
    };
    if !in_time {
        let message = format!(
            "{} did not finish within {} s; what was sent last may still be running there: update its license status",
            visit.name(),
            limit.as_secs()
        );
        let failure = Failure {
            class: FailureClass::TimedOut,
            message,
            code: None,
        };
        visit.not_reached(&failure).await;
        for (index, _) in &party.rows {
            // Rows that ended before the time-out keep their end.
            work.set(*index, RowState::Failed(failure.clone()));
        }
    }
}

struct Visit<'a> {
    work: &'a Work,
    reach: &'a Reach,
    computer: ComputerId,
    /// The ways that are open, or why there is none.
    approach: Result<Approach, Failure>,
    /// The way that led in.
    way: Option<WayIn>,
    /// Open and idle. Taken out while it is used, so that one that broke or was dropped half-way is never used again.
    connection: Option<Connection>,
}

type Connection = Box<dyn WmiConnection>;

impl Visit<'_> {
    fn known(&self) -> Result<Arc<Computer>, Failure> {
        let inventory = self.work.workspace.inventory();
        let computer = inventory.computer(self.computer).cloned();
        computer.ok_or_else(|| not_allowed("the computer is no longer in the list"))
    }

    fn name(&self) -> Text {
        self.known().map(|c| c.name.clone()).unwrap_or_default()
    }

    fn product(&self, id: ProductId) -> Result<Arc<Product>, Failure> {
        let inventory = self.work.workspace.inventory();
        let product = inventory.product(id).cloned();
        product.ok_or_else(|| not_allowed("the product is no longer in the list"))
    }

    async fn all(&mut self, rows: &[(usize, Option<ProductId>)]) {
        for (index, product) in rows {
            let outcome = match product {
                None if matches!(self.work.run.job(), Job::Probe { .. }) => self.probe().await,
                None => self.update(*index).await,
                Some(product) => self.act(*index, *product).await,
            };
            let state = match outcome {
                Ok(Ending::Done(text)) => RowState::Succeeded(text.into()),
                Ok(Ending::Skipped(text)) => RowState::Skipped(text.into()),
                Err(failure) => RowState::Failed(failure),
            };
            self.work.set(*index, state);
        }
    }

    async fn act(&mut self, index: usize, id: ProductId) -> Outcome {
        let product = self.product(id)?;
        match self.work.run.job() {
            Job::InstallKey { key, .. } => self.install(index, &product, *key).await,
            Job::Activate { .. } => self.activate(index, &product).await,
            Job::ApplyConfirmationIds { .. } => self.apply(index, &product).await,
            Job::ProxyActivate { .. } => self.proxy(index, product).await,
            Job::UpdateStatus { .. }
            | Job::Probe { .. }
            | Job::AcquireConfirmationIds { .. }
            | Job::RefreshCounts { .. } => Err(not_allowed("this job does not act on products of a computer")),
        }
    }

    /// Looks where the computer is and what answers there.
    async fn look(&mut self, rows: &[(usize, Option<ProductId>)]) {
        if let Some((index, _)) = rows.first() {
            self.work.running(*index, "looking for it");
        }
        self.approach = match self.known() {
            Ok(computer) => approach(&computer, &self.reach.settings).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = self.approach.clone() {
            self.not_reached(&failure).await;
        } else if let Some((index, _)) = rows.first() {
            self.work.running(*index, "waiting for its turn");
        }
    }

    /// The idle connection, or a new one: by the first way that lets in.
    async fn connect(&mut self, index: usize) -> Result<Connection, Failure> {
        if let Some(idle) = self.connection.take() {
            return Ok(idle);
        }
        let ways = self.approach.clone()?.ways;
        let reach = self.reach;
        let computer = self.known()?;
        let mut account = reach.accounts.of(&computer).ok_or_else(|| {
            let name = &computer.name;
            not_allowed(format!(
                "no credentials are for {name}: give some for all other computers"
            ))
        })?;
        let mut ways = ways.into_iter().peekable();
        while let Some((way, target)) = ways.next() {
            match self.sign_in(index, way, &target, &mut account).await {
                // A certificate that cannot be believed is no reason not to ask over sealed HTTP, where that is open, too.
                Err(Unsigned::Failed(failure))
                    if failure.class == FailureClass::Certificate && ways.peek().is_some() => {}
                Err(Unsigned::Failed(failure)) => {
                    self.not_reached(&failure).await;
                    return Err(failure);
                }
                Err(Unsigned::NotTried(failure)) => return Err(failure),
                Ok(connection) => {
                    self.way = Some(way);
                    return Ok(connection);
                }
            }
        }
        Err(not_allowed("no way leads to the computer"))
    }

    /// Signs in; when the account is refused everywhere, with the one that a person gives instead.
    async fn sign_in(
        &mut self,
        index: usize,
        way: WayIn,
        target: &Target,
        account: &mut Account<'_>,
    ) -> Result<Connection, Unsigned> {
        loop {
            self.work.running(index, "signing in");
            let guard = Arc::clone(&account.guard);
            let refused = match guard.turn().await {
                Err(not_tried) => Unsigned::NotTried(not_tried),
                Ok(turn) => match wmi::connect(way, target, guard.credentials(), &self.reach.options).await {
                    Ok(connection) => {
                        guard.accepted();
                        return Ok(connection);
                    }
                    Err(error) => {
                        let failure = error.failure();
                        match failure.class {
                            FailureClass::Credentials => guard.refused(turn, &target.name),
                            // Signed in, but no administrator there.
                            FailureClass::AccessDenied | FailureClass::Uac => guard.accepted(),
                            _ => {}
                        }
                        if failure.class != FailureClass::Credentials
                            || !account.can_ask()
                            || guard.fate().await != Fate::Refused
                        {
                            return Err(Unsigned::Failed(failure));
                        }
                        Unsigned::Failed(failure)
                    }
                },
            };
            if account.can_ask() {
                self.work.running(index, "waiting for other credentials");
            }
            if !account.another(&self.work.run).await {
                return Err(refused);
            }
        }
    }

    /// Keeps the connection for the next product unless the failure says that it is no good any more.
    fn keep(&mut self, connection: Connection, failure: Option<&Failure>) {
        let usable = failure.is_none_or(|f| matches!(f.class, FailureClass::Licensing | FailureClass::NotAllowed));
        self.connection = usable.then_some(connection);
    }

    async fn not_reached(&mut self, failure: &Failure) {
        let change = Change::NotReached {
            computer: self.computer,
            at: Utc::now(),
            failure: failure.clone(),
        };
        if let Err(error) = self.work.workspace.record(vec![change]).await {
            self.work.workspace.log(format!("Not recorded: {error}"));
        }
    }

    fn observed(&self, observation: Observation) -> Change {
        let way = self.way;
        Change::Observed(Box::new(Observation { way, ..observation }))
    }

    async fn record(&mut self, changes: Vec<Change>) -> Result<(), Failure> {
        self.work
            .record_or_fail(changes, "what the computer said was not kept")
            .await
    }

    /// Whoever answers is remembered with the way that is open.
    async fn probe(&mut self) -> Outcome {
        let ways = self.approach.clone()?.ways;
        let open: Vec<String> = ways
            .iter()
            .map(|(way, target)| format!("{} on port {}", way.name(), target.port))
            .collect();
        let way = ways.first().map(|(way, _)| *way);
        let change = Change::Reached {
            computer: self.computer,
            at: Utc::now(),
            way,
        };
        self.record(vec![change]).await?;
        done(format!("answers: {}", open.join(", ")))
    }

    async fn update(&mut self, index: usize) -> Outcome {
        let mut connection = self.connect(index).await?;
        self.work.running(index, "reading products and license status");
        let collected = licensing::collect(connection.as_mut(), self.computer, Utc::now()).await;
        match collected {
            Ok(observation) => {
                self.keep(connection, None);
                let text = summary(&observation);
                self.record(vec![self.observed(observation)]).await?;
                // A computer that was known by its address has told its name.
                self.work.run.rename(index, self.known()?.name.clone());
                done(text)
            }
            Err(error) => {
                let failure = error.failure();
                self.not_reached(&failure).await;
                Err(failure)
            }
        }
    }

    /// Records what an action did and what the computer said afterwards, whatever the outcome was. `unconfirmed` gives the
    /// name and the failure for a value that does not say how it ended.
    async fn finish<T>(
        &mut self,
        connection: Connection,
        product: ProductId,
        names: ActionNames,
        ended: Done<T>,
        unconfirmed: impl FnOnce(&T) -> Option<(&'static str, Failure)>,
    ) -> Result<(T, Vec<String>), Failure> {
        let outcome = ended.outcome.map_err(|error| error.failure());
        let unconfirmed = outcome.as_ref().ok().and_then(unconfirmed);
        self.keep(connection, outcome.as_ref().err());
        let mut changes: Vec<Change> = Vec::new();
        if let Some(observation) = ended.observation {
            changes.push(self.observed(observation));
        }
        let what = match (&outcome, &unconfirmed) {
            (Ok(_), None) => names.done,
            (Ok(_), Some((what, _))) => what,
            (Err(_), _) => names.not_done,
        };
        let unconfirmed = unconfirmed.map(|(_, failure)| failure);
        changes.push(Change::Acted {
            product,
            action: Action {
                at: Some(Utc::now()),
                what: what.into(),
                failure: outcome.as_ref().err().or(unconfirmed.as_ref()).cloned().map(Box::new),
            },
        });
        let recorded = self.record(changes).await;
        let value = outcome?;
        recorded?;
        match unconfirmed {
            Some(failure) => Err(failure),
            None => Ok((value, ended.notes)),
        }
    }

    /// The key of the list that is to be installed on `product`; inside it, why nothing has to be done.
    fn owned_key(&self, product: &Product, id: KeyEntryId) -> Result<Result<ProductKey, String>, Failure> {
        let inventory = self.work.workspace.inventory();
        let entry = inventory
            .key(id)
            .ok_or_else(|| not_allowed("the product key is no longer in the list"))?;
        // Installing it again would throw away the activation that was paid for. A key fits one product of a computer
        // only, whichever of its rows it was meant for.
        if entry.is_installed_on(product) {
            return Ok(Err("this product key is already installed".into()));
        }
        if let Some(carrier) = inventory.products_of(self.computer).find(|p| entry.is_installed_on(p)) {
            return Ok(Err(installed_elsewhere(carrier)));
        }
        if let Some(objection) = self.work.key_use.objection(product) {
            return Err(not_allowed(objection));
        }
        if entry.is_locked() {
            return Err(not_allowed(crate::cil::seal::SealError::Locked.to_string()));
        }
        let key = entry.key.clone().ok_or_else(|| {
            not_allowed(format!(
                "the list has only the last five characters of the key {}: add the whole key first",
                entry.masked()
            ))
        })?;
        Ok(Ok(key))
    }

    async fn install(&mut self, index: usize, product: &Product, choice: KeyChoice) -> Outcome {
        let owned = match choice {
            KeyChoice::Owned(id) => match self.owned_key(product, id)? {
                Ok(key) => Some(key),
                Err(why) => return skipped(why),
            },
            KeyChoice::ClientSetupKey if product.key_type == KeyType::Gvlk => {
                return skipped("a KMS client setup key is already installed");
            }
            KeyChoice::ClientSetupKey => None,
        };
        let mut connection = self.connect(index).await?;
        let key: ProductKey = if let Some(key) = owned {
            key
        } else {
            self.work.running(index, "choosing the KMS client setup key");
            match licensing::choose_client_setup_key(connection.as_mut(), product).await {
                Ok(gvlk) => {
                    let inventory = self.work.workspace.inventory();
                    let last_five = Some(gvlk.key.last_five());
                    let mut rows = inventory.products_of(self.computer);
                    if let Some(carrier) = rows.find(|p| p.partial_product_key == last_five) {
                        self.keep(connection, None);
                        return skipped(installed_elsewhere(carrier));
                    }
                    gvlk.key.clone()
                }
                Err(error) => {
                    let failure = error.failure();
                    self.keep(connection, Some(&failure));
                    return Err(failure);
                }
            }
        };
        // A key of which nothing is known is tried on one computer at a time, and what that tells holds for the others.
        let use_of_key = Arc::clone(&self.work.key_use);
        let _trial = if matches!(choice, KeyChoice::Owned(_)) {
            let mut trial = None;
            if use_of_key.is_unknown() {
                self.work
                    .running(index, "waiting for the first computer to tell what the key is for");
                trial = Some(use_of_key.trial.lock().await);
            }
            // Asked again, because it may have become known while this one connected or waited.
            if let Some(objection) = use_of_key.objection(product) {
                self.keep(connection, None);
                return Err(not_allowed(objection));
            }
            // Once it is known, nobody needs to wait for another.
            trial.filter(|_| use_of_key.is_unknown())
        } else {
            None
        };
        self.work.running(index, "installing the product key");
        let computer = self.known()?;
        let family = licensing::service_family(product, &computer.os_version);
        let before = self.work.workspace.inventory();
        let patience = self.reach.patience;
        let ended = licensing::install_key(connection.as_mut(), self.computer, family, &key, patience).await;
        if let (
            Ok(Installation::Installed(KeyInstalled {
                application: Some(application),
                name,
                ..
            })),
            KeyChoice::Owned(_),
        ) = (&ended.outcome, choice)
        {
            use_of_key.learn(*application, name.as_deref().unwrap_or_default(), &computer.name);
        }
        let names = ActionNames {
            done: "Product key installed",
            not_done: "Product key not installed",
        };
        let at = self.computer;
        let uncertain = |installation: &Installation| match installation {
            Installation::Installed(installed) => {
                let failure = taken_by_another(installed, product, &before, at)?;
                Some(("Product key taken by another product", failure))
            }
            Installation::NotKnown { waited } => {
                let failure = not_known_to_be_installed(&key, *waited);
                Some(("Product key sent, not known whether installed", failure))
            }
        };
        let ended = self.finish(connection, product.id, names, ended, uncertain).await?;
        // Of a key that nobody knows about `finish` has told already.
        let (Installation::Installed(installed), notes) = ended else {
            return Err(not_known_to_be_installed(&key, Duration::ZERO));
        };
        let carrier = installed.name.filter(|name| *name != product.name);
        done(with_notes(
            match carrier {
                Some(name) => format!("product key …{} installed: it is one for {name}", installed.last_five),
                None => format!("product key …{} installed", installed.last_five),
            },
            &notes,
        ))
    }

    async fn activate(&mut self, index: usize, product: &Product) -> Outcome {
        if product.license_status == LicenseStatus::Licensed && product.key_type != KeyType::Gvlk {
            return skipped("already licensed: no activation is spent");
        }
        let mut connection = self.connect(index).await?;
        self.work.running(index, "activating");
        let ended = licensing::activate(connection.as_mut(), product, self.reach.patience).await;
        let names = ActionNames {
            done: "Activated",
            not_done: "Not activated",
        };
        let running = |activation: &Activation| match activation {
            Activation::StillRunning { waited } => {
                Some(("Activation not confirmed", still_running("activation", *waited)))
            }
            Activation::Licensed | Activation::AlreadyLicensed => None,
        };
        match self.finish(connection, product.id, names, ended, running).await? {
            (Activation::AlreadyLicensed, _) => skipped("already licensed: no activation is spent"),
            (_, notes) => done(with_notes("activated".into(), &notes)),
        }
    }

    async fn apply(&mut self, index: usize, product: &Product) -> Outcome {
        if product.license_status == LicenseStatus::Licensed {
            return skipped("already licensed");
        }
        let Some(confirmation) = product.usable_confirmation() else {
            return match product.confirmation {
                Some(_) => Err(not_allowed(
                    "the confirmation ID in the list belongs to an earlier installation ID: acquire a new one",
                )),
                None => skipped("no confirmation ID in the list to apply"),
            };
        };
        let connection = self.connect(index).await?;
        self.deposit(index, connection, product, confirmation).await
    }

    async fn deposit(
        &mut self,
        index: usize,
        mut connection: Connection,
        product: &Product,
        confirmation: &Confirmation,
    ) -> Outcome {
        self.work.running(index, "applying the confirmation ID");
        let ended = licensing::deposit(connection.as_mut(), product, confirmation, self.reach.patience).await;
        let names = ActionNames {
            done: "Confirmation ID applied",
            not_done: "Confirmation ID not applied",
        };
        let running = |deposit: &Deposit| match deposit {
            Deposit::StillRunning { waited } => Some((
                "Confirmation ID sent, not confirmed",
                still_running("applying the confirmation ID", *waited),
            )),
            Deposit::Licensed | Deposit::AlreadyLicensed => None,
        };
        match self.finish(connection, product.id, names, ended, running).await? {
            (Deposit::AlreadyLicensed, _) => skipped("already licensed"),
            (_, notes) => done(with_notes("confirmation ID applied, licensed".into(), &notes)),
        }
    }

    /// Where this host reaches both sides: read the installation ID again, ask for what fits it, and apply that.
    async fn proxy(&mut self, index: usize, mut product: Arc<Product>) -> Outcome {
        if product.license_status == LicenseStatus::Licensed {
            return skipped("already licensed: no activation is spent");
        }
        if product.key_type == KeyType::Gvlk {
            return skipped("KMS client key: activated by a KMS host or Active Directory");
        }
        let mut connection = self.connect(index).await?;
        self.work.running(index, "reading the installation ID");
        let now = match licensing::installation_id(connection.as_mut(), &product).await {
            Ok(now) => now,
            Err(error) => {
                let failure = error.failure();
                self.keep(connection, Some(&failure));
                return Err(failure);
            }
        };
        let same = product.installation_id.as_ref() == Some(&now.installation_id)
            && product.product_key_id == now.product_key_id
            && product.license_status == now.license_status
            && product.key_type == now.key_type;
        if !same {
            // The list is behind the computer: an old confirmation ID is dead, and it may be licensed by now.
            self.work.running(index, "reading license status");
            match licensing::collect(connection.as_mut(), self.computer, Utc::now()).await {
                Ok(observation) => self.record(vec![self.observed(observation)]).await?,
                Err(error) => return Err(error.failure()),
            }
            product = self.product(product.id)?;
        }
        let mut told = String::new();
        if product.usable_confirmation().is_none() {
            let question: Question = match need(&product) {
                Need::Ask(question) => question,
                Need::Nothing(why) => {
                    self.keep(connection, None);
                    return skipped(why);
                }
                Need::Impossible(why) => {
                    self.keep(connection, None);
                    return Err(not_allowed(why));
                }
            };
            self.work.running(index, "asking the activation service");
            match acquire::ask(self.work, vec![product.id], question).await {
                Ok(answer) => told = answer.text(),
                Err(failure) => {
                    self.keep(connection, None);
                    return Err(failure);
                }
            }
            product = self.product(product.id)?;
        }
        let Some(confirmation) = product.usable_confirmation() else {
            self.keep(connection, None);
            return Err(not_allowed(
                "the installation ID changed while the confirmation ID was asked for: run this again",
            ));
        };
        match self.deposit(index, connection, &product, confirmation).await? {
            Ending::Done(text) if !told.is_empty() => done(format!("{told}; {text}")),
            other => Ok(other),
        }
    }
}

/// The failure of a row whose key went to a product of another application: which product took it, what that replaced
/// and how to put it back.
fn taken_by_another(
    installed: &KeyInstalled,
    product: &Product,
    before: &Inventory,
    computer: ComputerId,
) -> Option<Failure> {
    let application = installed.application.filter(|a| *a != product.application)?;
    let carrier = installed.name.clone().unwrap_or_default();
    let five = installed.last_five;

    let is_displaced = |p: &&Arc<Product>| {
        p.application == application
            && !p.is_addon
            && p.partial_product_key.is_some_and(|key| key != five)
            // An Office suite has several products, each with a key of its own: that of the carrier was replaced.
            && (application == ApplicationId::WINDOWS || p.sku == installed.sku)
    };
    let displaced = before.products_of(computer).find(is_displaced);
    let fate = match displaced.and_then(|p| Some((p, p.partial_product_key?))) {
        Some((lost, old)) if lost.key_type == KeyType::Gvlk => format!(
            " in place of its KMS client setup key …{old}; to put that back, install the KMS client setup key on {carrier}"
        ),
        Some((lost, old)) if before.keys().any(|k| k.is_installed_on(lost)) => {
            format!(" in place of the key …{old}; to put that back, install the key …{old} of the list on {carrier}")
        }
        Some((_, old)) => format!(
            " in place of the key …{old}, which is not in the list: to put it back, add that key and install it on {carrier}"
        ),
        None => "; its former key is not known here".to_owned(),
    };
    let message = format!(
        "product key …{five} is no key for {}: {carrier} took it{fate}",
        product.application_label()
    );
    Some(Failure {
        class: FailureClass::Licensing,
        message,
        code: None,
    })
}

/// What the row will say was done, or not done.
struct ActionNames {
    done: &'static str,
    not_done: &'static str,
}

fn with_notes(text: String, notes: &[String]) -> String {
    notes.iter().fold(text, |all, note| format!("{all}; {note}"))
}

fn not_known_to_be_installed(key: &ProductKey, waited: Duration) -> Failure {
    Failure {
        class: FailureClass::TimedOut,
        message: format!(
            "product key …{} was sent, no answer came, and no product carried it after {} s: whether it was installed is not \
             known; update the license status before installing it again",
            key.last_five(),
            waited.as_secs()
        ),
        code: None,
    }
}

fn still_running(what: &str, waited: Duration) -> Failure {
    Failure {
        class: FailureClass::TimedOut,
        message: format!(
            "{what} was accepted and is still running after {} s: update the license status later, it is not repeated",
            waited.as_secs()
        ),
        code: None,
    }
}

/// `3 products: 2 Licensed, 1 Out-of-box grace`.
fn summary(observation: &Observation) -> String {
    let total = observation.products.len();
    let counts: Vec<String> = LicenseStatus::ALL
        .iter()
        .map(|status| {
            (
                status,
                observation
                    .products
                    .iter()
                    .filter(|p| p.license_status == *status)
                    .count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    match total {
        0 => "no product with a product key".into(),
        1 => format!("1 product: {}", counts.join(", ")),
        _ => format!("{total} products: {}", counts.join(", ")),
    }
}
