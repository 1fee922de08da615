//! Carrying out what a person asks of discovery and of the page with KMS hosts, and taking in what came of it.

use std::sync::Arc;

use super::app::Desktop;
use super::dialogs::{self, Dialog};
use super::jobs::Outcome;
use super::state::discovery::{DiscoveryEvent, Found, FoundView, KmsEvent, is_chosen, tick_rows};
use super::state::facts::Page;
use super::state::notices::Tone;
use super::state::words;
use crate::model::found::{SavedDiscovery, SourceOrder, Then};
use crate::workspace::{
    AcceptReport, Discovery, DiscoveryPrice, Job, PreparedDiscovery, SourceState, WorkspaceError, home_domain,
};

/// What a thread did for a discovery.
pub enum DiscoveryOutcome {
    /// It began in the list with this number, or not.
    Began(u64, Box<SavedDiscovery>, Result<Discovery, WorkspaceError>),
    /// What a discovery would ask.
    Priced((Vec<SourceOrder>, u32), Result<DiscoveryPrice, String>),
    /// The domain this machine belongs to.
    Home(Option<String>),
    /// The rows that are shown, of the discovery with this number.
    Shown(u64, FoundView, Vec<u32>),
    /// Rows of the discovery with this number were ticked or not.
    Ticked(u64, imbl::HashSet<u32>),
    /// Rows were taken over.
    Accepted(Accepted, Result<AcceptReport, WorkspaceError>),
}

/// What was taken over. The window may show something else by the time it is.
#[derive(Debug, Clone, Copy)]
pub struct Accepted {
    /// The number of the list.
    list: u64,
    /// The number of the discovery.
    found: u64,
    /// What follows.
    then: Then,
}

impl Desktop {
    pub(super) fn discovery_event(&mut self, event: DiscoveryEvent) {
        match event {
            DiscoveryEvent::Begin(order, keep) => self.begin(order, keep),
            DiscoveryEvent::RunSaved(name) => {
                let saved = self
                    .list
                    .as_ref()
                    .and_then(|l| l.snapshot.inventory.header().discovery(&name).cloned());
                if let Some(saved) = saved {
                    self.begin(Box::new(saved), false);
                }
            }
            DiscoveryEvent::Price(sources, rate) => self.on_list("price", move |_| {
                let price = match PreparedDiscovery::new(&sources, Some(rate)) {
                    Ok(prepared) => Ok(prepared.price),
                    Err(error) => Err(error.to_string()),
                };
                Outcome::Discovery(DiscoveryOutcome::Priced((sources, rate), price))
            }),
            DiscoveryEvent::Browse(order, below) => self.browse(&order, below),
            DiscoveryEvent::Cancel => {
                if let Some(found) = &self.screen.found {
                    found.discovery.cancel();
                }
            }
            DiscoveryEvent::Discard => {
                if let Some(found) = self.screen.found.take() {
                    found.discovery.cancel();
                }
            }
            DiscoveryEvent::View(view) => {
                if let Some(found) = &mut self.screen.found {
                    found.view = view;
                    found.cursor = 0;
                }
                self.show_found();
            }
            DiscoveryEvent::Tick(row, ticked) => {
                if let Some(found) = &mut self.screen.found {
                    found.tick(row, ticked);
                }
            }
            DiscoveryEvent::TickShown(ticked) => self.tick_shown(ticked),
            DiscoveryEvent::Readdress(yes) => {
                if let Some(found) = &mut self.screen.found {
                    found.readdress = yes;
                }
            }
            DiscoveryEvent::Cursor(line) => {
                if let Some(found) = &mut self.screen.found {
                    found.cursor = line;
                }
            }
            DiscoveryEvent::Accept(then) => self.accept(then),
            DiscoveryEvent::Rename(name, to) => self.on_list("edit", move |w| {
                Outcome::Edited("Saved discovery renamed".into(), w.rename_discovery(&name, &to))
            }),
            DiscoveryEvent::Remove(name) => self.on_list("edit", move |w| {
                Outcome::Edited("Saved discovery removed".into(), w.remove_discovery(&name))
            }),
            DiscoveryEvent::AskName(name) => self.open(dialogs::rename_discovery(name)),
        }
    }

    pub(super) fn discover_dialog(&mut self) {
        self.open(dialogs::discover());
        self.on_list("home", |_| Outcome::Discovery(DiscoveryOutcome::Home(home_domain())));
    }

    pub(super) fn kms_dialog(&mut self) {
        let Some(list) = &self.list else { return };
        let approved = &list.snapshot.inventory.header().approved_kms_hosts;
        let dialog = dialogs::kms_dns(&self.screen.kms.suffixes, approved);
        self.open(dialog);
    }

    fn begin(&mut self, order: Box<SavedDiscovery>, keep: bool) {
        if self.screen.found.as_ref().is_some_and(|f| f.plan.is_none()) {
            let dialog = self.dialogs.iter_mut().find(|d| matches!(d, Dialog::Discover(_)));
            match dialog {
                Some(Dialog::Discover(dialog)) => {
                    dialog.failed("A discovery is under way: wait for it or cancel it.".into());
                }
                _ => self.say(Tone::Warning, "A discovery is under way", "Wait for it or cancel it."),
            }
            return;
        }
        let list = self.lists_opened;
        self.on_list("discover", move |w| {
            let began = PreparedDiscovery::new(&order.sources, order.rate)
                .map_err(WorkspaceError::from)
                .and_then(|prepared| {
                    if keep {
                        w.save_discovery((*order).clone())?;
                    }
                    Ok(w.discover(prepared))
                });
            Outcome::Discovery(DiscoveryOutcome::Began(list, order, began))
        });
    }

    fn browse(&mut self, order: &SourceOrder, below: Option<String>) {
        let (Some(workspace), SourceOrder::Directory(order)) = (self.workspace(), order) else {
            return;
        };
        let listing = workspace.browse_directory(order, below.clone());
        for dialog in &mut self.dialogs {
            if let Dialog::Discover(dialog) = dialog {
                dialog.browses(below, listing);
                return;
            }
        }
    }

    /// Finds the rows to be shown on a thread.
    fn show_found(&mut self) {
        let Some(found) = &self.screen.found else { return };
        let Some(plan) = found.plan.clone() else { return };
        let (number, view) = (found.number, found.view.clone());
        self.on_list("view", move |_| {
            let rows = view.rows(&plan);
            Outcome::Discovery(DiscoveryOutcome::Shown(number, view, rows))
        });
    }

    fn tick_shown(&mut self, ticked: bool) {
        let Some(found) = &mut self.screen.found else { return };
        let Some(plan) = found.plan.clone().filter(|_| found.can_tick_shown()) else {
            return;
        };
        found.ticking = Some(Vec::new());
        let (number, shown, mut unticked) = (found.number, Arc::clone(&found.shown.1), found.unticked.clone());
        self.on_list("view", move |_| {
            tick_rows(&plan, &mut unticked, &shown, ticked);
            Outcome::Discovery(DiscoveryOutcome::Ticked(number, unticked))
        });
    }

    fn accept(&mut self, then: Then) {
        let Some(found) = &mut self.screen.found else { return };
        let Some(plan) = found.plan.clone().filter(|_| found.can_accept()) else {
            return;
        };
        found.accepting = true;
        let (unticked, readdress) = (found.unticked.clone(), found.readdress);
        let what = Accepted {
            list: self.lists_opened,
            found: found.number,
            then,
        };
        self.on_list("accept", move |w| {
            let chosen = |row: usize| is_chosen(&plan, &unticked, row);
            let accepted = w.accept_found(&plan, chosen, readdress);
            Outcome::Discovery(DiscoveryOutcome::Accepted(what, accepted))
        });
    }

    pub(super) fn discovery_outcome(&mut self, outcome: DiscoveryOutcome) {
        match outcome {
            // Another list was opened meanwhile: what begins looks for that one in vain.
            DiscoveryOutcome::Began(list, _, began) if list != self.lists_opened => {
                if let Ok(discovery) = began {
                    discovery.cancel();
                }
                self.dialogs.retain(|d| !matches!(d, Dialog::Discover(d) if d.waiting));
            }
            DiscoveryOutcome::Began(_, order, Ok(discovery)) => {
                self.dialogs
                    .retain(|d| !matches!(d, Dialog::Discover(_) | Dialog::AddComputers(_)));
                self.screen.discoveries += 1;
                let found = Found::new(self.screen.discoveries, *order, discovery);
                if let Some(before) = self.screen.found.replace(found) {
                    before.discovery.cancel();
                }
                self.screen.page = Page::Discovery;
            }
            DiscoveryOutcome::Began(_, _, Err(error)) => {
                let message = words::sentence(&error.to_string());
                for dialog in &mut self.dialogs {
                    if let Dialog::Discover(dialog) = dialog {
                        dialog.failed(message);
                        return;
                    }
                }
                self.say(Tone::Bad, "Not begun", message);
            }
            DiscoveryOutcome::Priced(of, price) => {
                for dialog in &mut self.dialogs {
                    if let Dialog::Discover(dialog) = dialog {
                        dialog.priced(&of, price);
                        return;
                    }
                }
            }
            DiscoveryOutcome::Home(home) => {
                for dialog in &mut self.dialogs {
                    if let Dialog::Discover(dialog) = dialog {
                        dialog.belongs_to(home);
                        return;
                    }
                }
            }
            DiscoveryOutcome::Shown(number, view, rows) => {
                if let Some(found) = self.screen.found.as_mut().filter(|f| f.number == number) {
                    found.shows(view, rows);
                }
            }
            DiscoveryOutcome::Ticked(number, unticked) => {
                if let Some(found) = self.screen.found.as_mut().filter(|f| f.number == number) {
                    found.ticked(unticked);
                }
            }
            DiscoveryOutcome::Accepted(what, result) => self.accepted(what, result),
        }
    }

    fn accepted(&mut self, what: Accepted, result: Result<AcceptReport, WorkspaceError>) {
        if what.list != self.lists_opened {
            // It went into the list that was open then; the computers of the report are of that list, too.
            return;
        }
        let then = what.then;
        let shown = self.screen.found.as_mut().filter(|f| f.number == what.found);
        let report = match result {
            Ok(report) => report,
            Err(error) => {
                if let Some(found) = shown {
                    found.accepting = false;
                }
                self.fail("Nothing taken over", &error);
                return;
            }
        };
        if shown.is_some() {
            self.screen.found = None;
            self.screen.page = Page::Products;
        }
        let mut detail = Vec::new();
        if report.changed > 0 {
            detail.push(format!(
                "{} learned something.",
                words::count(report.changed, "computer", "computers")
            ));
        }
        if let Some(first) = report.refused.first() {
            let more = match report.refused.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            detail.push(format!("Not done: {}{more}", words::sentence(first)));
        }
        if then == Then::Nothing && report.added > 0 {
            detail.push("Update the license status to collect their products.".to_owned());
        }
        let tone = if report.refused.is_empty() {
            Tone::Good
        } else {
            Tone::Warning
        };
        let title = format!("{} added", words::count(report.added, "computer", "computers"));
        self.say(tone, title, detail.join(" "));
        let computers = report.computers;
        if computers.is_empty() {
            return;
        }
        match then {
            Then::Nothing => {}
            Then::Probe => self.start(Job::Probe { computers }),
            Then::Update => self.start(Job::UpdateStatus { computers }),
        }
    }

    /// Once per frame: a discovery or an audit may be over.
    pub(super) fn look_at_discovery(&mut self) {
        let over = self
            .screen
            .found
            .as_mut()
            .filter(|f| f.plan.is_none())
            .and_then(|found| {
                let progress = found.discovery.progress();
                found.plan = Some(progress.plan.clone()?);
                found.counts = progress.counts;
                Some(progress)
            });
        if let Some(progress) = over {
            let failed = progress
                .sources
                .iter()
                .filter(|s| matches!(s.state, SourceState::Failed(_)))
                .count();
            let rows = progress.plan.as_ref().map_or(0, |p| p.rows.len());
            if self.screen.page != Page::Discovery {
                let tone = if failed > 0 { Tone::Warning } else { Tone::Good };
                let title = format!("{} found", words::count(rows, "computer", "computers"));
                self.say(tone, title, "The Discovery page shows what they mean for the list.");
            }
            self.show_found();
        }
        let kms = &mut self.screen.kms;
        if let Some(found) = kms.audit.as_ref().and_then(|audit| audit.progress().audit) {
            kms.audit = None;
            kms.found = Some(found);
            kms.cursor = 0;
            kms.sorted();
        }
    }

    /// True while a discovery or an audit runs.
    pub(super) fn discovers(&self) -> bool {
        self.screen.found.as_ref().is_some_and(|f| f.plan.is_none()) || self.screen.kms.audit.is_some()
    }

    pub(super) fn kms_event(&mut self, event: KmsEvent) {
        match event {
            KmsEvent::Audit(suffixes) => {
                let Some(workspace) = self.workspace().cloned() else {
                    return;
                };
                self.screen.page = Page::Kms;
                let kms = &mut self.screen.kms;
                if let Some(audit) = &kms.audit {
                    audit.cancel();
                }
                kms.suffixes.clone_from(&suffixes);
                kms.audit = Some(workspace.audit_kms_dns(suffixes, None));
            }
            KmsEvent::Cancel => {
                if let Some(audit) = &self.screen.kms.audit {
                    audit.cancel();
                }
            }
            KmsEvent::Approve(hosts, suffixes) => {
                let known = self
                    .list
                    .as_ref()
                    .map(|l| l.snapshot.inventory.header().approved_kms_hosts.clone());
                let hosts: Vec<crate::model::Text> = hosts.into_iter().map(Into::into).collect();
                if known.is_some_and(|known| known == hosts) || self.facts.read_only {
                    self.kms_event(KmsEvent::Audit(suffixes));
                    return;
                }
                self.on_list("edit", move |w| {
                    let result = w.approve_kms_hosts(hosts);
                    Outcome::Approved(suffixes, result)
                });
            }
            KmsEvent::Sort(column) => {
                let kms = &mut self.screen.kms;
                kms.descending = kms.sort == Some(column) && !kms.descending;
                kms.sort = Some(column);
                kms.sorted();
            }
            KmsEvent::Cursor(line) => self.screen.kms.cursor = line,
        }
    }
}

#[cfg(test)]
mod tests;
