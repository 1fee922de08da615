//! Questions: one file per dialog with state of its own, the plain ones here. Nothing is modal for longer than a question takes.

mod account_groups;
mod add_computers;
mod add_keys;
pub mod asking_keyring;
mod confirm;
pub mod credentials;
mod discover;
pub mod edit_computer;
mod edit_key;
mod edit_product;
mod elsewhere;
mod explain;
mod export;
mod export_table;
mod files;
mod import;
mod install_key;
mod kms_dns;
mod merge;
mod palette;
mod path;
mod reload;
mod rename_discovery;
mod seal;
mod settings;
mod simple;
mod unlock;

use std::path::PathBuf;
use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Align, Align2, Context, Id, Key, Label, Layout, Modal, RichText, ScrollArea, Ui, UiBuilder, Vec2};

pub use files::{OpenRemedy, SaveRemedy};
pub use unlock::Unlock;

use super::app::{Event, Frame};
use super::jobs::Purpose;
use super::picker::PickFile;
use super::state::accounts::AccountGroups;
use super::state::facts::Page;
use super::state::orders::Scope;
use super::theme;
use super::widgets::{primary_button, region};
use crate::model::{Column, Computer, KeyEntry, KeyEntryId, Product, Text};
use crate::workspace::{Credentials, Elsewhere, ImportPlan, Job, Price, ReloadPlan, Settings, SignInQuestion};

/// An open dialog.
pub enum Dialog {
    /// Add computers.
    AddComputers(add_computers::AddComputers),
    /// Where to look for computers.
    Discover(Box<discover::Discover>),
    /// Another name for a saved discovery.
    RenameDiscovery(rename_discovery::RenameDiscovery),
    /// Computers that are reached elsewhere than the list says.
    Elsewhere(Vec<Elsewhere>),
    /// Which KMS hosts may be in DNS.
    KmsDns(kms_dns::KmsDns),
    /// Add product keys.
    AddKeys(add_keys::AddKeys),
    /// Install a product key.
    InstallKey(install_key::InstallKey),
    /// What a run costs.
    Confirm {
        /// The run.
        job: Job,
        /// Its price.
        price: Price,
    },
    /// Who signs in.
    Credentials(credentials::SignIn),
    /// A run waits for the keyring.
    AskingKeyring(Box<asking_keyring::AskingKeyring>),
    /// Accounts for groups of computers.
    AccountGroups(Box<account_groups::GroupsDialog>),
    /// How runs behave.
    Settings(Box<settings::SettingsDialog>),
    /// Which profile.
    Export(export::Export),
    /// Which columns and rows.
    ExportTable(export_table::ExportTable),
    /// What an import would do.
    Import(Box<import::Import>),
    /// Where a computer is reached.
    EditComputer(Box<edit_computer::EditComputer>),
    /// The note on a product.
    EditProduct(Box<edit_product::EditProduct>),
    /// What becomes of a list that somebody else saved.
    Reload(Box<reload::Reload>),
    /// Description, remarks and mark of a key.
    EditKey(Box<edit_key::EditKey>),
    /// What an error code means.
    Explain(explain::Explain),
    /// Any command by its name.
    Palette(palette::Palette),
    /// A file by its path.
    Path(Box<path::PathDialog>),
    /// Rows go.
    RemoveRows {
        /// How many.
        rows: usize,
    },
    /// A key goes.
    RemoveKey {
        /// Which.
        id: KeyEntryId,
        /// How it is shown.
        masked: String,
        /// How many products carry it.
        carriers: usize,
    },
    /// The whole key goes to the clipboard.
    CopyKey {
        /// Which.
        id: KeyEntryId,
        /// How it is shown.
        masked: String,
    },
    /// Product keys are sealed.
    Seal(Box<seal::Seal>),
    /// Product keys are unlocked.
    Unlock(Box<unlock::Unlock>),
    /// The seal is taken off.
    Unseal(seal::Unseal),
    /// Older copies hold product keys in clear.
    Copies(Vec<PathBuf>),
    /// A list cannot be opened.
    OpenFailed {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
        /// What can be done.
        remedy: OpenRemedy,
    },
    /// The list cannot be saved.
    SaveFailed {
        /// Why.
        message: String,
        /// What can be done.
        remedy: SaveRemedy,
    },
    /// Unsaved changes.
    Closing,
    /// What MAKeeper is.
    About,
}

/// Adds computers.
pub fn add_computers() -> Dialog {
    Dialog::AddComputers(add_computers::AddComputers::default())
}

/// Asks where to look for computers.
pub fn discover() -> Dialog {
    Dialog::Discover(Box::new(discover::Discover::new()))
}

/// Asks for another name of a saved discovery.
pub fn rename_discovery(name: String) -> Dialog {
    Dialog::RenameDiscovery(rename_discovery::RenameDiscovery::new(name))
}

/// Asks where to look for KMS hosts, and which may be there.
pub fn kms_dns(suffixes: &[String], approved: &[Text]) -> Dialog {
    Dialog::KmsDns(kms_dns::KmsDns::new(suffixes, approved))
}

/// Adds product keys.
pub fn add_keys() -> Dialog {
    Dialog::AddKeys(add_keys::AddKeys::default())
}

/// Installs a product key on `products` products.
pub fn install_key(products: usize, scope: Scope) -> Dialog {
    Dialog::InstallKey(install_key::InstallKey::new(products, scope))
}

/// Asks who signs in; `then` is started afterwards.
pub fn credentials(known: Option<&Credentials>, then: Option<Job>) -> Dialog {
    Dialog::Credentials(credentials::SignIn::new(known, then))
}

/// Asks for other credentials, because computers refuse an account.
pub fn credentials_again(question: Arc<SignInQuestion>) -> Dialog {
    Dialog::Credentials(credentials::SignIn::again(question))
}

/// Edits the accounts for groups of computers; `selected`: the computer selected in the list.
pub fn account_groups(groups: AccountGroups, selected: Option<Arc<Computer>>) -> Dialog {
    Dialog::AccountGroups(Box::new(account_groups::GroupsDialog::new(groups, selected)))
}

/// Changes how runs behave.
pub fn settings(settings: &Settings) -> Dialog {
    Dialog::Settings(Box::new(settings::SettingsDialog::new(settings)))
}

/// Asks for a profile. On the air-gap page the profile for it is proposed.
pub fn export(has_selection: bool, page: Page) -> Dialog {
    Dialog::Export(export::Export::new(has_selection, page == Page::AirGap))
}

/// Asks which columns of the product list become a table; `columns` at first.
pub fn export_table(columns: &[Column]) -> Dialog {
    Dialog::ExportTable(export_table::ExportTable::new(columns))
}

/// Shows what an import would do.
pub fn import(path: PathBuf, plan: ImportPlan) -> Dialog {
    Dialog::Import(Box::new(import::Import::new(path, plan)))
}

/// Edits a computer.
pub fn edit_computer(computer: &Computer) -> Dialog {
    Dialog::EditComputer(Box::new(edit_computer::EditComputer::new(computer)))
}

/// Edits the note on a product.
pub fn edit_product(product: &Product, computer: Option<&str>) -> Dialog {
    Dialog::EditProduct(Box::new(edit_product::EditProduct::new(product, computer)))
}

/// Shows how a list becomes one with what somebody else saved.
pub fn reload(plan: ReloadPlan) -> Dialog {
    Dialog::Reload(Box::new(reload::Reload::new(plan)))
}

/// Edits a key entry.
pub fn edit_key(key: &KeyEntry) -> Dialog {
    Dialog::EditKey(Box::new(edit_key::EditKey::new(key)))
}

/// Explains codes.
pub fn explain() -> Dialog {
    Dialog::Explain(explain::Explain::default())
}

/// Asks for a file by its path.
pub fn path(purpose: Purpose, ask: PickFile) -> Dialog {
    Dialog::Path(Box::new(path::PathDialog::new(purpose, ask)))
}

/// Seals the product keys, or changes their passphrase.
pub fn seal() -> Dialog {
    Dialog::Seal(Box::default())
}

/// Takes the seal off.
pub fn unseal() -> Dialog {
    Dialog::Unseal(seal::Unseal::default())
}

/// Asks for the passphrase of the open list; `then` happens afterwards.
pub fn unlock(then: Option<Box<Event>>) -> Dialog {
    Dialog::Unlock(Box::new(unlock::Unlock::list(then)))
}

/// Asks for the passphrase of a list to import.
pub fn unlock_file(path: PathBuf) -> Dialog {
    Dialog::Unlock(Box::new(unlock::Unlock::file(path)))
}

/// Finds commands.
pub fn palette() -> Dialog {
    Dialog::Palette(palette::Palette::default())
}

/// Whether a dialog stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// It stays.
    Open,
    /// It goes.
    Close,
}

impl Stay {
    /// Goes when `done`.
    pub fn unless(done: bool) -> Self {
        if done { Self::Close } else { Self::Open }
    }
}

/// Shows the open dialogs, the newest on top, and drops those that are answered.
pub fn show(ctx: &Context, frame: &Frame<'_>, dialogs: &mut Vec<Dialog>) {
    // The first dialog takes the keyboard from the window; a frame after the last one it goes back to where it was. (Within
    // the frame of a dialog, egui takes it from everything behind.)
    let behind = Id::unique("focus-behind-dialogs");
    let known: Option<Option<Id>> = ctx.data(|d| d.get_temp(behind));
    if dialogs.is_empty() {
        if let Some(focused) = known {
            ctx.data_mut(|d| d.remove::<Option<Id>>(behind));
            if let Some(id) = focused
                && ctx.memory(|m| m.focused().is_none())
            {
                ctx.memory_mut(|m| m.request_focus(id));
            }
            ctx.request_repaint();
        }
        return;
    }
    if known.is_none() {
        let focused = ctx.memory(egui::Memory::focused);
        ctx.data_mut(|d| d.insert_temp(behind, focused));
        if let Some(id) = focused {
            ctx.memory_mut(|m| m.surrender_focus(id));
        }
    }
    show_top(ctx, frame, dialogs);
    if dialogs.is_empty() {
        ctx.request_repaint();
    }
}

fn show_top(ctx: &Context, frame: &Frame<'_>, dialogs: &mut Vec<Dialog>) {
    let last = dialogs.len().saturating_sub(1);
    let mut index = 0;
    dialogs.retain_mut(|dialog| {
        let on_top = index == last;
        index += 1;
        // A dialog below another waits its turn: two questions at once help nobody.
        !on_top || dialog.show(ctx, frame) == Stay::Open
    });
}

impl Dialog {
    /// Something runs whose end will change the dialog.
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::Credentials(d) => d.is_waiting(),
            Self::AskingKeyring(_) => true,
            Self::Discover(d) => d.is_waiting(),
            Self::Seal(d) => d.is_waiting(),
            Self::Unlock(d) => d.is_waiting(),
            _ => false,
        }
    }

    fn show(&mut self, ctx: &Context, frame: &Frame<'_>) -> Stay {
        match self {
            Self::AddComputers(d) => d.show(ctx, frame),
            Self::Discover(d) => d.show(ctx, frame),
            Self::RenameDiscovery(d) => d.show(ctx, frame),
            Self::Elsewhere(elsewhere) => elsewhere::show(ctx, frame, elsewhere),
            Self::KmsDns(d) => d.show(ctx, frame),
            Self::AddKeys(d) => d.show(ctx, frame),
            Self::InstallKey(d) => d.show(ctx, frame),
            Self::Confirm { job, price } => confirm::show(ctx, frame, job, price),
            Self::Credentials(d) => d.show(ctx, frame),
            Self::AskingKeyring(_) => asking_keyring::show(ctx),
            Self::AccountGroups(d) => d.show(ctx, frame),
            Self::Settings(d) => d.show(ctx, frame),
            Self::Export(d) => d.show(ctx, frame),
            Self::ExportTable(d) => d.show(ctx, frame),
            Self::Import(d) => d.show(ctx, frame),
            Self::EditComputer(d) => d.show(ctx, frame),
            Self::EditKey(d) => d.show(ctx, frame),
            Self::EditProduct(d) => d.show(ctx, frame),
            Self::Reload(d) => d.show(ctx, frame),
            Self::Explain(d) => d.show(ctx),
            Self::Path(d) => d.show(ctx, frame),
            Self::Palette(d) => d.show(ctx, frame),
            Self::RemoveRows { rows } => simple::remove_rows(ctx, frame, *rows),
            Self::RemoveKey { id, masked, carriers } => simple::remove_key(ctx, frame, *id, masked, *carriers),
            Self::CopyKey { id, masked } => simple::copy_key(ctx, frame, *id, masked),
            Self::Seal(d) => d.show(ctx, frame),
            Self::Unlock(d) => d.show(ctx, frame),
            Self::Unseal(d) => d.show(ctx, frame),
            Self::Copies(paths) => seal::copies(ctx, frame, paths),
            Self::OpenFailed { path, message, remedy } => files::open_failed(ctx, frame, path, message, *remedy),
            Self::SaveFailed { message, remedy } => files::save_failed(ctx, frame, message, *remedy),
            Self::Closing => simple::closing(ctx, frame),
            Self::About => simple::about(ctx),
        }
    }
}

/// The frame of a dialog: title, body that scrolls when it must, buttons at the foot. `None` when it was dismissed with
/// Escape or a click beside it.
pub fn dialog_ui<R>(ctx: &Context, title: &str, width: f32, body: impl FnOnce(&mut Ui) -> R) -> Option<R> {
    anchored_dialog_ui(ctx, title, width, (Align2::CENTER_CENTER, Vec2::ZERO), body)
}

/// As [`dialog_ui`], but its upper edge stays where it is while its height changes.
pub fn hanging_dialog_ui<R>(ctx: &Context, title: &str, width: f32, body: impl FnOnce(&mut Ui) -> R) -> Option<R> {
    anchored_dialog_ui(ctx, title, width, (Align2::CENTER_TOP, Vec2::new(0.0, 72.0)), body)
}

fn anchored_dialog_ui<R>(
    ctx: &Context,
    title: &str,
    width: f32,
    (align, offset): (Align2, Vec2),
    body: impl FnOnce(&mut Ui) -> R,
) -> Option<R> {
    let screen = ctx.content_rect();
    let width = width.min(screen.width() - 48.0);
    let id = Id::unique(("dialog", title));
    // The default of an area is lower than our dialogs, and what scrolls would fill only that.
    let area = Modal::default_area(id)
        .anchor(align, offset)
        .default_size([width, screen.height()]);
    let surface = egui::Frame::popup(&ctx.global_style())
        .inner_margin(theme::L as i8 + 4)
        .corner_radius(10);
    let modal = Modal::new(id).area(area).frame(surface);
    let response = modal.show(ctx, |ui| {
        region(ui, UiBuilder::new(), Role::Dialog, title, |ui| {
            ui.set_width(width);
            ui.label(RichText::new(title).text_style(theme::title()));
            ui.add_space(theme::XS);
            // Without a minimum, an area that was low in the last frame would keep a dialog low that has more to say now.
            let highest = screen.height() - 140.0;
            ScrollArea::vertical()
                .max_height(highest)
                .min_scrolled_height(highest)
                .auto_shrink([false, true])
                .show(ui, body)
                .inner
        })
        .inner
    });
    (!response.should_close()).then_some(response.inner)
}

/// The button that does what the dialog asks. Enter presses it, unless another widget has the keyboard; from a field of several
/// lines, where Enter begins a line, Ctrl+Enter does. True when it was pressed.
///
/// What takes something away that cannot be had back is a [`primary_button`]: it is pressed on purpose.
pub fn answer_button(ui: &mut Ui, enabled: bool, text: &str) -> bool {
    let clicked = primary_button(ui, enabled, text).clicked();
    let free = ui.memory(|m| m.focused().is_none());
    // A key that is held since before the dialog opened answers nothing.
    let entered = ui.input(|i| {
        i.events.iter().any(|event| {
            matches!(event, egui::Event::Key { key: Key::Enter, pressed: true, repeat: false, modifiers, .. }
                if modifiers.command_only() || (free && modifiers.is_none()))
        })
    });
    clicked || (enabled && entered)
}

/// A dialog that was just opened is typed into without a click: its first field takes the keyboard once.
pub fn begin_in(field: &egui::Response, begun: &mut bool) {
    if !std::mem::replace(begun, true) {
        field.request_focus();
    }
}

/// The buttons at the foot of a dialog, from the right.
pub fn buttons(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.add_space(theme::S);
    // With a height of its own: a layout from the right would take all that is left of the screen.
    let size = egui::vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), add);
}

/// What may be taller than the window: it scrolls by itself, so that the buttons below stay in sight, and `below` points of
/// something else.
pub fn tall_ui<R>(ui: &mut Ui, below: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    // Around it: the margins of the dialog, its title and its buttons.
    let highest = (ui.ctx().content_rect().height() - 216.0 - below).max(120.0);
    ScrollArea::vertical()
        .id_salt("tall")
        .max_height(highest)
        .min_scrolled_height(highest)
        .auto_shrink([false, true])
        .show(ui, add)
        .inner
}

/// A paragraph.
pub fn paragraph(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).wrap());
}

/// A paragraph of second rank.
pub fn note(ui: &mut Ui, text: &str) {
    let p = theme::Palette::of(ui);
    ui.add(Label::new(RichText::new(text).color(p.text_weak)).wrap());
}
