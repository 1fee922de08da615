//! The one place where commands and events are carried out.

use std::path::PathBuf;
use std::time::Instant;

use super::app::{Desktop, Event};
use super::commands::Command;
use super::dialogs::{self, Dialog};
use super::jobs::{Outcome, Purpose, question};
use super::picker::Picked;
use super::state::facts::Page;
use super::state::notices::Tone;
use super::state::orders::{self, Order, Scope};
use super::state::reading::{ReadFor, Reading};
use super::state::screen::Look;
use super::state::words;
use crate::model::{Change, Column, Filter, Inventory, Line, Product, Secret, ViewSpec, WayIn};
use crate::workspace::{self, Job, KeyChoice, StoreError, Workspace, WorkspaceError};

impl Desktop {
    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    pub(super) fn execute(&mut self, ctx: &egui::Context, event: Event) {
        if self.needs_locked_keys(&event) {
            self.open(dialogs::unlock(Some(Box::new(event))));
            return;
        }
        match event {
            Event::Run(command) => {
                if command.unavailable(&self.facts).is_none() {
                    self.command(ctx, command);
                }
            }
            Event::Filter(text) => self.screen.set_filter(text),
            Event::ShowRows(filter) => {
                self.screen.page = Page::Products;
                self.screen.set_filter(filter);
            }
            Event::Sort(column) => self.screen.sort_by(column),
            Event::Columns(columns) => self.screen.columns = columns,
            Event::Group(column) => {
                self.screen.spec.group_by = column;
                self.screen.scroll_to = Some(0);
            }
            Event::Click(line, how) => {
                self.screen.selection.click(&self.answer.view, line, how);
                self.screen.focus_list = true;
            }
            Event::PointAt(line) => self.screen.selection.point_at(&self.answer.view, line),
            Event::Step(step, how) => self.screen.scroll_to = self.screen.selection.step(&self.answer.view, step, how),
            Event::SelectKey(id) => self.screen.key = Some(id),
            Event::Order(order, scope) => self.order(order, scope),
            Event::Start(job) => self.start(job),
            Event::SignIn(credentials, then) => self.sign_in(credentials, then),
            Event::SignInAsLoggedOn(number) => self.sign_in_as_logged_on(number),
            Event::Keyring(order) => self.ask_keyring(order),
            Event::AccountGroups(groups) => self.use_groups(groups),
            Event::Settings(settings) => self.use_settings(*settings),
            Event::OpenRecent(path) => {
                if Command::OpenList.unavailable(&self.facts).is_none() {
                    self.picked(Purpose::Open, path);
                }
            }
            Event::ForgetRecent => self.screen.recent.clear(),
            Event::Pick(purpose) => self.pick(purpose),
            Event::TypedPath(purpose, path, replace) => self.typed_path(purpose, path, replace),
            Event::AddComputers(text) => self.on_list("add-computers", move |w| {
                Outcome::ComputersAdded(w.add_computers(&text))
            }),
            Event::Discovery(event) => self.discovery_event(event),
            Event::Kms(event) => self.kms_event(event),
            Event::Readdress(elsewhere) => self.on_list("edit", move |w| {
                let what = format!("{} changed", words::count(elsewhere.len(), "address", "addresses"));
                Outcome::Edited(what, w.readdress(&elsewhere).map(drop))
            }),
            Event::AddKeys(text) => self.on_list("add-keys", move |w| Outcome::KeysAdded(w.add_keys(&text))),
            Event::Export {
                profile,
                selection_only,
            } => self.pick(Purpose::Export {
                profile,
                selection_only,
            }),
            Event::ExportTable { columns, every_row } => {
                self.screen.export_columns.clone_from(&columns);
                self.pick(Purpose::ExportTable { columns, every_row });
            }
            Event::ApplyImport(plan) => {
                self.on_file("import", move |w| Outcome::Imported(Box::new(w.apply_import(*plan))));
            }
            Event::EditComputer(id, edit) => self.edit_now("Computer changed", move |list| {
                let edited = list.computer(id).map(|c| Change::PutComputer(Box::new(edit.apply(c))));
                edited.into_iter().collect()
            }),
            Event::ApplyReload(plan) => self.on_file("merge", move |w| Outcome::Saved {
                then_quit: false,
                result: w.apply_reload(&plan).and_then(|_| w.save()),
            }),
            Event::EditProduct(id, remarks) => self.edit_now("Remarks changed", move |list| {
                let known = list.product(id).map(|p| Product {
                    remarks: remarks.into(),
                    ..(**p).clone()
                });
                known.map(|p| Change::PutProduct(Box::new(p))).into_iter().collect()
            }),
            Event::EditKey(key, what) => self.edit(what, move |_| vec![Change::PutKey(key)]),
            Event::RemoveKey(id) => self.edit("Product key removed from the list".into(), move |_| {
                vec![Change::RemoveKey(id)]
            }),
            Event::CopyKey(id) => self.copy_key(ctx, id),
            Event::SealKeys(passphrase) => self.on_file("seal", move |w| Outcome::Sealed(w.seal_keys(&passphrase))),
            Event::AskPassphrase(then) => self.open(dialogs::unlock(then)),
            Event::UnlockKeys(passphrase) => {
                self.on_list("unlock", move |w| Outcome::Unlocked(w.unlock_keys(&passphrase)));
            }
            Event::UnsealKeys { forget } => self.on_file("unseal", move |w| {
                let result = if forget {
                    w.forget_sealed_keys()
                } else {
                    w.unseal_keys()
                };
                Outcome::Unsealed(forget, result)
            }),
            Event::RemoveCopies => self.on_file("remove", |w| Outcome::CopiesRemoved(w.remove_copies_with_keys())),
            Event::AskPassphraseOf(path) => self.open(dialogs::unlock_file(path)),
            Event::PlanImportUnlocked(path, passphrase) => self.plan_import(path, Some(passphrase)),
            Event::RemoveRows => self.remove_rows(),
            Event::SaveAndQuit => self.save(true, false),
            Event::SaveAnyway => self.save(false, true),
            Event::QuitAnyway => self.close_window(ctx),
            Event::OpenReadOnly(path) => self.open_path(path, true),
            Event::Copy(what, text) => {
                ctx.copy_text(text);
                self.say(Tone::Good, format!("{what} copied"), "");
            }
            Event::CancelReading => {
                if let Some(reading) = &self.reading {
                    reading.cancel();
                }
            }
            Event::CloseNotice(id) => self.screen.notices.close(id),
            Event::CancelRun => {
                if let Some(run) = self.current_run() {
                    run.cancel();
                }
            }
            Event::AnswerRun(question, account) => self.answer_run(&question, account),
            Event::RetryRun => {
                // Finding the failed rows walks all of them.
                if let Some(run) = self.current_run() {
                    self.on_list("price", move |w| {
                        let job = w.retry_failed(&run).unwrap_or_else(|| run.job().with_subjects(&[]));
                        let price = w.price(&job);
                        Outcome::Priced(job, price)
                    });
                }
            }
            Event::CloseDrawer => self.screen.drawer_closed = self.current_run().map(|r| r.id()),
            Event::ToggleDrawer => self.screen.drawer_open = !self.screen.drawer_open,
            Event::DrawerFailedOnly(only) => self.screen.drawer_failed_only = only,
            Event::DrawerCloses(closes) => self.screen.drawer_closes = closes,
        }
    }

    fn use_settings(&mut self, settings: workspace::Settings) {
        self.settings = settings;
        if let Some(workspace) = self.workspace() {
            workspace.set_settings(self.settings.clone());
        }
        let files = self.settings.extra_ca_files.clone();
        if !files.is_empty() {
            let result = self.jobs.spawn("authorities", move || {
                let problem = files.iter().find_map(|file| workspace::check_ca_file(file).err());
                Outcome::AuthoritiesRead(problem.map(|p| p.to_string()))
            });
            self.spawned(result);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    fn command(&mut self, ctx: &egui::Context, command: Command) {
        use Command as C;
        match command {
            C::NewList => self.pick(Purpose::New),
            C::OpenList => self.pick(Purpose::Open),
            C::Save => self.save(false, false),
            C::SaveAs => self.pick(Purpose::SaveAs),
            C::Import => self.pick(Purpose::Import),
            C::Export => self.open(dialogs::export(self.facts.rows.products > 0, self.screen.page)),
            C::ExportTable => self.open(dialogs::export_table(&self.screen.export_columns)),
            C::Settings => self.open(dialogs::settings(&self.settings)),
            C::Quit => {
                if self.asks_before_closing() {
                    self.ask_before_closing();
                } else {
                    self.close_window(ctx);
                }
            }
            C::SelectAll => self.screen.selection.select_all(&self.answer.view),
            C::Undo => self.on_list("undo", |w| Outcome::Undone("Undone", w.undo())),
            C::Redo => self.on_list("redo", |w| Outcome::Undone("Redone", w.redo())),
            C::Remarks => {
                if let Some(dialog) = self.remarks_dialog() {
                    self.open(dialog);
                }
            }
            C::SelectNone => self.screen.selection.clear(),
            C::CopyRows => self.copy_rows(),
            C::Find => {
                self.screen.page = Page::Products;
                self.screen.focus_filter = true;
            }
            C::ClearFilter => self.screen.set_filter(String::new()),
            C::Remove => {
                let rows = self.facts.rows.selected;
                self.open(Dialog::RemoveRows { rows });
            }
            C::AddComputers => self.open(dialogs::add_computers()),
            C::EditComputer => {
                if let Some(computer) = self.selected_computer() {
                    let dialog = dialogs::edit_computer(computer);
                    self.open(dialog);
                }
            }
            C::UpdateStatus => self.order(Order::Update, Scope::Selection),
            C::Credentials => self.open(dialogs::credentials(self.credentials.as_ref(), None)),
            C::AccountGroups => {
                let dialog = self.groups_dialog();
                self.open(dialog);
            }
            C::WayAutomatic => self.choose_way(None),
            C::WayHttp => self.choose_way(Some(WayIn::Http)),
            C::WayHttps => self.choose_way(Some(WayIn::Https)),
            C::WayDcom => self.choose_way(Some(WayIn::Dcom)),
            C::AddKeys => self.open(dialogs::add_keys()),
            C::RefreshCounts => self.order(Order::Refresh(None), Scope::Ready),
            C::KeyRemarks => {
                if let Some(key) = self.selected_key() {
                    self.open(dialogs::edit_key(&key));
                }
            }
            C::CopyKey => {
                if let Some(key) = self.selected_key() {
                    self.open(Dialog::CopyKey {
                        id: key.id,
                        masked: key.masked(),
                    });
                }
            }
            C::RemoveKey => {
                if let Some(key) = self.selected_key() {
                    let carriers = self.answer.carriers.get(&key.id).copied().unwrap_or(0);
                    self.open(Dialog::RemoveKey {
                        id: key.id,
                        masked: key.masked(),
                        carriers,
                    });
                }
            }
            C::SealKeys => self.open(dialogs::seal()),
            C::UnlockKeys => self.open(dialogs::unlock(None)),
            C::LockKeys => self.on_list("lock", |w| {
                w.lock_keys();
                Outcome::Edited("Product keys locked".into(), Ok(()))
            }),
            C::UnsealKeys => self.open(dialogs::unseal()),
            C::InstallKey => self.open(dialogs::install_key(self.facts.rows.named, Scope::Selection)),
            C::Activate => self.order(Order::Activate, Scope::Selection),
            C::ProxyActivate => self.order(Order::Proxy, Scope::Selection),
            C::AcquireIds => self.order(Order::Acquire, Scope::Selection),
            C::ApplyIds => self.order(Order::Apply, Scope::Selection),
            C::ShowProducts => self.screen.page = Page::Products,
            C::ShowKeys => self.screen.page = Page::Keys,
            C::ShowAirGap => self.screen.page = Page::AirGap,
            C::ShowActivity => self.screen.page = Page::Activity,
            C::ShowKms => self.screen.page = Page::Kms,
            C::ShowDiscovery => self.screen.page = Page::Discovery,
            C::Discover => self.discover_dialog(),
            C::AuditKms => self.kms_dialog(),
            C::ToggleDetails => self.screen.details = !self.screen.details,
            C::ThemeSystem => self.screen.look = Look::System,
            C::ThemeLight => self.screen.look = Look::Light,
            C::ThemeDark => self.screen.look = Look::Dark,
            C::ZoomIn => self.screen.zoom_by(1),
            C::ZoomOut => self.screen.zoom_by(-1),
            C::ZoomReset => self.screen.zoom = 1.0,
            C::CommandPalette => self.open(dialogs::palette()),
            C::ExplainCode => self.open(dialogs::explain()),
            C::About => self.open(Dialog::About),
        }
    }

    pub(super) fn open(&mut self, dialog: Dialog) {
        // One dialog of a kind; a question asked twice is asked once.
        let kind = std::mem::discriminant(&dialog);
        self.dialogs.retain(|d| std::mem::discriminant(d) != kind);
        self.dialogs.push(dialog);
    }

    pub(super) fn say(&mut self, tone: Tone, title: impl Into<String>, detail: impl Into<String>) {
        self.screen.notices.say(Instant::now(), tone, title, detail);
    }

    pub(super) fn fail(&mut self, what: &str, error: &WorkspaceError) {
        self.say(Tone::Bad, what, words::sentence(&error.to_string()));
    }

    pub(super) fn spawned(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.say(
                Tone::Bad,
                "The system refused another thread",
                format!("{error}. Close other programs and try again."),
            );
        }
    }

    pub(super) fn on_list(&mut self, name: &str, work: impl FnOnce(Workspace) -> Outcome + Send + 'static) {
        let Some(workspace) = self.workspace().cloned() else {
            return;
        };
        let result = self.jobs.spawn(name, move || work(workspace));
        self.spawned(result);
    }

    fn on_file(&mut self, name: &str, work: impl FnOnce(Workspace) -> Outcome + Send + 'static) {
        let Some(workspace) = self.workspace().cloned() else {
            return;
        };
        let result = self.jobs.spawn_file(name, move || work(workspace));
        self.spawned(result);
    }

    /// [`Desktop::on_file`], for work that reads a list and tells `reading` how far it is.
    fn reading(&mut self, reading: Reading, name: &str, work: impl FnOnce(Workspace) -> Outcome + Send + 'static) {
        let Some(workspace) = self.workspace().cloned() else {
            return;
        };
        let result = self.jobs.spawn_file(name, move || work(workspace));
        self.reading = result.is_ok().then_some(reading);
        self.spawned(result);
    }

    fn edit(&mut self, what: String, changes: impl FnOnce(&Workspace) -> Vec<Change> + Send + 'static) {
        self.on_list("edit", move |w| {
            let changes = changes(&w);
            Outcome::Edited(what, w.edit(changes))
        });
    }

    /// An edit of the list as it is at that moment: a run may have changed it while the dialog was open.
    fn edit_now(&mut self, what: &str, make: impl FnOnce(&Inventory) -> Vec<Change> + Send + 'static) {
        let what = what.to_owned();
        self.on_list("edit", move |w| Outcome::Edited(what, w.edit_with(make)));
    }

    fn remarks_dialog(&self) -> Option<Dialog> {
        let inventory = &self.list.as_ref()?.snapshot.inventory;
        let row = self.screen.selection.single()?.view(inventory)?;
        Some(dialogs::edit_product(row.product?, row.computer.map(|c| &*c.name)))
    }

    fn selected_key(&self) -> Option<std::sync::Arc<crate::model::KeyEntry>> {
        self.list.as_ref()?.snapshot.inventory.key(self.screen.key?).cloned()
    }

    /// Asks for a file; a second question waits for nobody: it is refused while one is open.
    fn pick(&mut self, purpose: Purpose) {
        if self.jobs.busy_with_file() {
            return;
        }
        let near = self.list.as_ref().map(|l| l.snapshot.path.clone());
        let ask = question(&purpose, near.as_deref());
        let picker = self.host.picker.clone();
        let result = self.jobs.spawn_file("pick", move || {
            let answer = picker.pick(&ask);
            Outcome::Picked(purpose, ask, answer)
        });
        self.spawned(result);
    }

    fn save(&mut self, then_quit: bool, anyway: bool) {
        let Some(list) = &self.list else { return };
        let reading = Reading::new(list.snapshot.path.clone(), ReadFor::Merge);
        self.reading(reading.clone(), "save", move |w| {
            let result = if anyway { w.save_anyway() } else { w.save() };
            if let Err(WorkspaceError::Store(StoreError::ChangedByOther { .. })) = &result {
                match w.plan_reload_with(&|progress| reading.watch(progress)) {
                    Ok(plan) => return Outcome::Reload(Box::new(dialogs::reload(plan))),
                    // Sealed anew by somebody else: it can be merged only after saving under another name.
                    Err(error) if error.is_cancelled() || matches!(error, WorkspaceError::Seal(_)) => {
                        return Outcome::Saved {
                            then_quit,
                            result: Err(error),
                        };
                    }
                    // What is there now is no list: it can be written over.
                    Err(_) => {}
                }
            }
            Outcome::Saved { then_quit, result }
        });
    }

    fn close_window(&mut self, ctx: &egui::Context) {
        self.quit = true;
        if let Some(run) = self.current_run().filter(|r| !r.is_finished()) {
            run.cancel();
        }
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }

    /// Finds the rows and the price on a thread, then asks or starts.
    fn order(&mut self, order: Order, scope: Scope) {
        let (view, selected) = (self.answer.view.clone(), self.screen.selection.rows().clone());
        self.on_list("price", move |w| {
            let snapshot = w.snapshot();
            let job = orders::job(order, scope, &view, &selected, &snapshot.inventory);
            let price = w.price(&job);
            Outcome::Priced(job, price)
        });
    }

    pub(super) fn priced(&mut self, job: Job, price: crate::workspace::Price) {
        if price.rows == 0 {
            self.say(Tone::Warning, "Nothing to do", "No row is ready for this.");
        } else if price.activations() > 0
            || matches!(
                job,
                Job::InstallKey {
                    key: KeyChoice::Owned(_),
                    ..
                }
            )
        {
            self.open(Dialog::Confirm { job, price });
        } else {
            self.start(job);
        }
    }

    pub(super) fn start(&mut self, job: Job) {
        if let Some(opening) = self.reading.as_ref().filter(|r| r.purpose() == ReadFor::Open) {
            let text = format!("Wait until {} is open, or cancel opening it.", opening.name());
            self.say(Tone::Warning, "Not started", text);
            return;
        }
        let signs_in = !matches!(
            job,
            Job::AcquireConfirmationIds { .. } | Job::RefreshCounts { .. } | Job::Probe { .. }
        );
        if signs_in && self.reads_groups_first(&job) {
            return;
        }
        if signs_in && self.credentials.is_none() && self.groups.0.is_empty() {
            let dialog = dialogs::credentials(None, Some(job));
            self.open(dialog);
            return;
        }
        self.on_list("start", move |w| Outcome::Started(w.start(job)));
    }

    pub(super) fn sign_in(&mut self, credentials: Option<crate::workspace::Credentials>, then: Option<Job>) {
        self.credentials.clone_from(&credentials);
        if let Some(workspace) = self.workspace() {
            workspace.set_credentials(credentials);
        }
        if let Some(job) = then {
            self.start(job);
        }
    }

    fn copy_key(&mut self, ctx: &egui::Context, id: crate::model::KeyEntryId) {
        let list = self.list.as_ref();
        let text = list
            .and_then(|l| l.snapshot.inventory.key(id))
            .and_then(|k| k.key.as_ref())
            .map(|k| k.reveal().to_owned());
        if let Some(text) = text {
            ctx.copy_text(text);
            self.say(
                Tone::Warning,
                "Product key copied",
                "Other programs can read the clipboard: paste it where it is needed, then copy something else.",
            );
        }
    }

    fn copy_rows(&mut self) {
        let (view, selected) = (self.answer.view.clone(), self.screen.selection.rows().clone());
        self.on_list("copy", move |w| {
            let snapshot = w.snapshot();
            let now = chrono::Utc::now();
            let mut text: String = Column::ALL.iter().map(|c| c.heading()).collect::<Vec<_>>().join("\t");
            let mut rows = 0;
            for line in &view.lines {
                let Line::Row(row) = line else { continue };
                let Some(shown) = row.view(&snapshot.inventory).filter(|_| selected.contains(*row)) else {
                    continue;
                };
                text.push('\n');
                let cells = Column::ALL
                    .iter()
                    .map(|c| c.text(shown, now).replace(['\t', '\n', '\r'], " "));
                text.push_str(&cells.collect::<Vec<_>>().join("\t"));
                rows += 1;
            }
            Outcome::RowsAsText(text, rows)
        });
    }

    fn remove_rows(&mut self) {
        let (view, selected) = (self.answer.view.clone(), self.screen.selection.rows().clone());
        let count = selected.len();
        self.edit(
            format!("{} removed from the list", words::count(count, "row", "rows")),
            move |w| {
                let inventory = &w.snapshot().inventory;
                orders::removal(&view, &selected, inventory)
            },
        );
        self.screen.selection.clear();
    }

    /// A file was named by hand; one that is there already is replaced only when that was said.
    fn typed_path(&mut self, purpose: Purpose, path: PathBuf, replace: bool) {
        let near = self.list.as_ref().map(|l| l.snapshot.path.clone());
        let ask = question(&purpose, near.as_deref());
        let result = self.jobs.spawn_file("look", move || {
            if !replace && path.exists() {
                Outcome::Exists(path)
            } else {
                Outcome::Picked(purpose, ask, Picked::File(path))
            }
        });
        self.spawned(result);
    }

    fn plan_import(&mut self, path: PathBuf, passphrase: Option<Secret>) {
        let purpose = match passphrase {
            None => ReadFor::Import,
            Some(_) => ReadFor::Unlock,
        };
        let reading = Reading::new(path.clone(), purpose);
        self.reading(reading.clone(), "read", move |w| {
            let plan = w.plan_import_with(&path, passphrase.as_ref(), &|progress| reading.watch(progress));
            // The dialog sorts the rows of the plan, which takes as long as there are many.
            Outcome::Planned(Box::new(plan.map(|plan| dialogs::import(path, plan))))
        });
    }

    pub(super) fn picked(&mut self, purpose: Purpose, path: PathBuf) {
        match purpose {
            Purpose::New => self.create(path),
            Purpose::Open => {
                let open = self.list.as_ref().map(|l| &l.snapshot.path);
                if open == Some(&path) {
                    self.say(Tone::Warning, "The list is open already", path.display().to_string());
                } else {
                    self.open_path(path, false);
                }
            }
            Purpose::SaveAs => self.on_file("save-as", move |w| {
                let result = w.save_as(&path);
                Outcome::SavedAs(path, result)
            }),
            Purpose::Import => self.plan_import(path, None),
            Purpose::Export {
                profile,
                selection_only,
            } => {
                let (view, selected) = (self.answer.view.clone(), self.screen.selection.rows().clone());
                self.on_file("export", move |w| {
                    let rows = selection_only.then(|| orders::products(&view, &selected, &w.snapshot().inventory));
                    Outcome::Exported(w.export(&path, profile, rows.as_ref()))
                });
            }
            Purpose::ExportTable { columns, every_row } => {
                let shown = self.screen.spec.clone();
                let spec = ViewSpec {
                    filter: if every_row { Filter::default() } else { shown.filter },
                    group_by: None,
                    ..shown
                };
                self.on_file("export", move |w| {
                    Outcome::TableExported(w.export_table(&path, &columns, &spec))
                });
            }
            Purpose::ExportKms => {
                let rows = std::sync::Arc::clone(&self.screen.kms.rows);
                self.on_file("export", move |w| {
                    Outcome::TableExported(w.export_rows(&path, &workspace::KMS_DNS_COLUMNS, &rows))
                });
            }
            Purpose::ListFile => {
                let result = self.jobs.spawn_file("read", move || {
                    let bytes = std::fs::read(&path).map_err(|e| format!("{} cannot be read: {e}.", path.display()));
                    let columns = bytes.and_then(|bytes| {
                        let text = workspace::decode_text(&bytes).map_err(|line| {
                            let name = path.display();
                            format!("Line {line} of {name} is neither UTF-8 nor UTF-16: save it as plain text.")
                        })?;
                        Ok(workspace::list_columns(&text))
                    });
                    Outcome::ListFileRead(path, columns)
                });
                self.spawned(result);
            }
            Purpose::Keys | Purpose::Computers => {
                let result = self.jobs.spawn_file("read", move || {
                    let bytes = std::fs::read(&path).map_err(|e| format!("{} cannot be read: {e}.", path.display()));
                    let text = bytes.and_then(|bytes| {
                        workspace::decode_text(&bytes).map_err(|line| {
                            let name = path.display();
                            format!("Line {line} of {name} is neither UTF-8 nor UTF-16: save it as plain text.")
                        })
                    });
                    Outcome::TextRead(purpose, text)
                });
                self.spawned(result);
            }
        }
    }
}
