//! Everything a person can ask for, as data. Menu bar, toolbar, context menu, keyboard and command palette are views of this
//! table; [`super::app::Desktop`] carries commands out at one place per frame.

use std::borrow::Cow;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::icons::Icon;
use super::state::facts::{Facts, Page};
use crate::workspace::KeyProtection;

/// Where a command stands in the menu bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// Lists as files.
    File,
    /// Selection and rows.
    Edit,
    /// Computers.
    Computers,
    /// Product keys.
    Keys,
    /// Everything that activates.
    Activation,
    /// What is shown and how.
    View,
    /// Help.
    Help,
}

impl Menu {
    /// Every menu, in the order of the bar.
    pub const ALL: &'static [Self] = &[
        Self::File,
        Self::Edit,
        Self::Computers,
        Self::Keys,
        Self::Activation,
        Self::View,
        Self::Help,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Computers => "Computers",
            Self::Keys => "Product keys",
            Self::Activation => "Activation",
            Self::View => "View",
            Self::Help => "Help",
        }
    }
}

/// What the table says of a command.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Text in menus; `…` at the end: a question follows.
    pub text: &'static str,
    /// One sentence: what it does, to what.
    pub tip: &'static str,
    /// Its symbol.
    pub icon: Option<Icon>,
    /// Its place in the menu bar.
    pub menu: Menu,
    /// A line is drawn above it in the menu.
    pub separated: bool,
    /// Its key.
    pub shortcut: Option<KeyboardShortcut>,
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

macro_rules! commands {
    ($($name:ident: $menu:ident, $separated:literal, $text:literal, $icon:expr, $shortcut:expr, $tip:literal;)+) => {
        /// A command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Command { $(#[doc = $tip] $name,)+ }

        impl Command {
            /// Every command, in the order of the menus.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What the table says of it.
            pub fn spec(self) -> Spec {
                match self { $(Self::$name => Spec {
                    text: $text, tip: $tip, icon: $icon, menu: Menu::$menu, separated: $separated, shortcut: $shortcut,
                },)+ }
            }
        }
    };
}

commands! {
    NewList: File, false, "New list…", Some(Icon::NewFile), Some(key(CTRL, Key::N)), "Make an empty Computer Information List.";
    OpenList: File, false, "Open list…", Some(Icon::Open), Some(key(CTRL, Key::O)), "Open a Computer Information List (.cilx, .cil).";
    Save: File, false, "Save", Some(Icon::Save), Some(key(CTRL, Key::S)), "Write every change to the list's file.";
    SaveAs: File, false, "Save as…", None, Some(key(CTRL_SHIFT, Key::S)), "Write the list to another file and go on with that one.";
    Import: File, true, "Import…", Some(Icon::Import), Some(key(CTRL_SHIFT, Key::I)), "Bring in another list: confirmation IDs from the connected side, or computers and keys.";
    Export: File, false, "Export…", Some(Icon::Export), Some(key(CTRL_SHIFT, Key::E)), "Write a list for somebody else: everything, without product keys, or proxy activation data only.";
    ExportTable: File, false, "Export table (CSV)…", None, None, "Write the product list with the columns you choose, for a spreadsheet.";
    Settings: File, true, "Settings…", None, Some(key(CTRL, Key::Comma)), "Change the way to the activation service and the patience with computers.";
    Quit: File, false, "Quit", None, Some(key(CTRL, Key::Q)), "Close MAKeeper.";

    Undo: Edit, false, "Undo", None, Some(key(CTRL, Key::Z)), "Take the last edit back. What computers and the activation service said since stays.";
    Redo: Edit, false, "Redo", None, Some(key(CTRL_SHIFT, Key::Z)), "Bring back the edit that was undone last.";
    SelectAll: Edit, true, "Select all", None, Some(key(CTRL, Key::A)), "Select every row that passes the filter.";
    SelectNone: Edit, false, "Clear selection", None, None, "Select nothing.";
    CopyRows: Edit, false, "Copy rows", Some(Icon::Copy), None, "Copy the selected rows as text with tabs, for a spreadsheet. Product keys are not in it.";
    Find: Edit, true, "Filter", Some(Icon::Search), Some(key(CTRL, Key::F)), "Go to the filter box.";
    ClearFilter: Edit, false, "Clear filter", None, Some(key(CTRL_SHIFT, Key::F)), "Show every row again.";
    Remarks: Edit, true, "Edit product remarks…", None, None, "Change the note on the selected product.";
    Remove: Edit, false, "Remove from list…", Some(Icon::Remove), Some(key(Modifiers::NONE, Key::Delete)), "Take the selected rows out of the list. The computers themselves are not touched.";

    Discover: Computers, false, "Discover computers…", Some(Icon::Search), Some(key(CTRL_SHIFT, Key::D)), "Find computers in Active Directory, in address ranges and on the local network.";
    AddComputers: Computers, false, "Add computers…", Some(Icon::AddComputer), Some(key(CTRL, Key::D)), "Add computers by name, address or address range.";
    UpdateStatus: Computers, false, "Update license status", Some(Icon::Refresh), Some(key(Modifiers::NONE, Key::F5)), "Ask the computers for their products and license status.";
    EditComputer: Computers, false, "Edit computer…", Some(Icon::Edit), None, "Change where the selected computer is reached, and the note on it.";
    AuditKms: Computers, true, "KMS hosts in DNS…", Some(Icon::Globe), None, "See which KMS hosts DNS names, which of them answer, and which nobody approved.";
    Credentials: Computers, true, "Credentials…", Some(Icon::Person), None, "Say who signs in to the computers, or choose an account that the keyring remembers.";

    AccountGroups: Computers, false, "Accounts for groups…", None, None, "Say which account signs in to which computers, by name or domain.";
    WayAutomatic: Computers, false, "Way in: what answers", None, None, "Let the selected computers be asked by the way that answers.";
    WayHttps: Computers, false, "Way in: HTTPS", None, None, "Ask the selected computers over HTTPS only; their certificates are checked.";
    WayHttp: Computers, false, "Way in: HTTP, sealed", None, None, "Ask the selected computers over HTTP only; every message is sealed by the sign-in.";
    WayDcom: Computers, false, "Way in: DCOM", None, None, "Ask the selected computers over DCOM only, as VAMT does.";

    AddKeys: Keys, false, "Add product keys…", Some(Icon::AddKey), Some(key(CTRL_SHIFT, Key::K)), "Add product keys that the organisation owns.";
    RefreshCounts: Keys, false, "Refresh activation counts", Some(Icon::Refresh), Some(key(CTRL_SHIFT, Key::R)), "Ask the activation service how many activations each MAK has left. Spends nothing.";
    KeyRemarks: Keys, true, "Edit remarks…", Some(Icon::Edit), None, "Change the note on the selected product key.";
    CopyKey: Keys, false, "Copy product key…", Some(Icon::Copy), None, "Copy the whole selected product key to the clipboard.";
    RemoveKey: Keys, false, "Remove product key…", Some(Icon::Remove), None, "Take the selected product key out of the list. Computers that carry it are not touched.";

    SealKeys: Keys, true, "Seal with a passphrase…", Some(Icon::Lock), None, "Make the product keys in the file unreadable without a passphrase.";
    UnlockKeys: Keys, false, "Unlock…", Some(Icon::Unlock), None, "Give the passphrase, so that sealed product keys can be read here.";
    LockKeys: Keys, false, "Lock", Some(Icon::Lock), None, "Forget the product keys of a sealed list until they are unlocked again.";
    UnsealKeys: Keys, false, "Remove the seal…", None, None, "Keep the product keys in the file in clear again, as VAMT does.";

    InstallKey: Activation, false, "Install product key…", Some(Icon::Key), Some(key(CTRL, Key::I)), "Install a MAK or the fitting KMS client setup key on the selected products.";
    Activate: Activation, false, "Activate online…", Some(Icon::Activate), Some(key(CTRL_SHIFT, Key::A)), "Let the selected computers activate themselves, with Microsoft or with their KMS host.";
    ProxyActivate: Activation, true, "Proxy activate…", Some(Icon::Proxy), Some(key(CTRL_SHIFT, Key::P)), "Acquire confirmation IDs from here and apply them to the selected computers.";
    AcquireIds: Activation, false, "Acquire confirmation IDs…", Some(Icon::Cloud), None, "Ask the activation service for the confirmation IDs of the selected products.";
    ApplyIds: Activation, false, "Apply confirmation IDs", Some(Icon::Apply), None, "Put the confirmation IDs of the list on the selected computers. Spends nothing.";

    ShowProducts: View, false, "Products", Some(Icon::Products), Some(key(CTRL, Key::Num1)), "Show the products.";
    ShowKeys: View, false, "Product keys", Some(Icon::Key), Some(key(CTRL, Key::Num2)), "Show the product keys and how many activations they have left.";
    ShowAirGap: View, false, "Air gap", Some(Icon::AirGap), Some(key(CTRL, Key::Num3)), "Show the way across the air gap, and where you are on it.";
    ShowActivity: View, false, "Activity", Some(Icon::Activity), Some(key(CTRL, Key::Num4)), "Show what happened in this session.";
    ShowKms: View, false, "KMS", Some(Icon::Globe), Some(key(CTRL, Key::Num5)), "Show the KMS hosts that DNS names.";
    ShowDiscovery: View, false, "Discovery", Some(Icon::Search), Some(key(CTRL, Key::Num6)), "Show what the discovery finds, and the discoveries that the list keeps.";
    ToggleDetails: View, true, "Details", None, Some(key(CTRL, Key::B)), "Show or hide the details of the selection.";
    ThemeSystem: View, true, "Follow the system", Some(Icon::Contrast), None, "Light or dark, as the system is.";
    ThemeLight: View, false, "Light", None, None, "Light colours.";
    ThemeDark: View, false, "Dark", None, None, "Dark colours.";
    ZoomIn: View, true, "Larger text", None, Some(key(CTRL, Key::Plus)), "Make everything larger.";
    ZoomOut: View, false, "Smaller text", None, Some(key(CTRL, Key::Minus)), "Make everything smaller.";
    ZoomReset: View, false, "Normal text", None, Some(key(CTRL, Key::Num0)), "Back to the normal size.";

    CommandPalette: Help, false, "Commands…", Some(Icon::Palette), Some(key(CTRL, Key::K)), "Find any command by its name.";
    ExplainCode: Help, false, "Explain an error code…", Some(Icon::Unknown), None, "Say what a code such as 0xC004F074 means and what to do.";
    About: Help, true, "About MAKeeper", Some(Icon::Info), None, "What MAKeeper is, and what it is not.";
}

const NO_LIST: &str = "Open or make a list first.";
const READ_ONLY: &str = "The list is open to look at only.";
const NOTHING_SELECTED: &str = "Nothing is selected.";
const NO_ROWS: &str = "Select products first.";
const NOT_SEALED: &str = "The product keys of this list are not sealed.";
const NO_KEY: &str = "Select a product key first.";

impl Command {
    /// The ways in, which stand in a menu of their own. What this system cannot do is not offered.
    pub fn ways() -> impl Iterator<Item = Self> {
        let ways = [Self::WayAutomatic, Self::WayHttps, Self::WayHttp, Self::WayDcom];
        ways.into_iter().filter(|way| cfg!(windows) || *way != Self::WayDcom)
    }

    /// The text without the dots that announce a question: the accessible name of toolbar buttons.
    pub fn name(self) -> &'static str {
        self.spec().text.trim_end_matches('…')
    }

    /// Text in menus as it is now: undo and redo name what they would do.
    pub fn text(self, facts: &Facts) -> Cow<'static, str> {
        match self.step(facts) {
            Some(step) => format!("{}: {step}", self.name()).into(),
            None => self.spec().text.into(),
        }
    }

    /// The edit that the command takes back or brings back.
    fn step(self, facts: &Facts) -> Option<&str> {
        match self {
            Self::Undo => facts.undo.as_deref(),
            Self::Redo => facts.redo.as_deref(),
            _ => None,
        }
    }

    /// Tooltip: what it does, its key, and why it cannot be used now.
    pub fn tooltip(self, ctx: &egui::Context, facts: &Facts) -> String {
        let spec = self.spec();
        let mut text = spec.tip.to_owned();
        if let Some(shortcut) = &spec.shortcut {
            text = format!("{text} ({})", ctx.format_shortcut(shortcut));
        }
        if let Some(step) = self.step(facts) {
            text = format!("{text}\n{}: {step}", self.name());
        }
        match self.unavailable(facts) {
            Some(why) => format!("{text}\n{why}"),
            None => text,
        }
    }

    /// Why the command cannot be used now; `None`: it can.
    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    pub fn unavailable(self, facts: &Facts) -> Option<&'static str> {
        use Command as C;
        let need = |ok: bool, why: &'static str| (!ok).then_some(why);
        let list = || need(facts.has_list, NO_LIST);
        let writable = || list().or_else(|| need(!facts.read_only, READ_ONLY));
        let idle = |what: bool| need(!what, "Wait until the file that is being written or read is done.");
        let on_keys = || need(facts.page == Page::Keys && facts.selected_key, NO_KEY);
        let rows = &facts.rows;
        match self {
            C::NewList | C::OpenList => {
                need(!facts.running, "A run is under way: wait for it or cancel it.").or_else(|| idle(facts.busy_with_file))
            }
            C::Quit
            | C::CommandPalette
            | C::ExplainCode
            | C::About
            | C::Credentials
            | C::AccountGroups
            | C::Settings
            | C::ThemeSystem
            | C::ThemeLight
            | C::ThemeDark
            | C::ZoomIn
            | C::ZoomOut
            | C::ZoomReset => None,
            C::Save => writable()
                .or_else(|| need(facts.unsaved > 0, "Every change is saved."))
                .or_else(|| idle(facts.busy_with_file)),
            C::SaveAs | C::Export | C::ExportTable => list().or_else(|| idle(facts.busy_with_file)),
            C::Import => writable().or_else(|| idle(facts.busy_with_file)),
            C::SelectAll
            | C::Find
            | C::ClearFilter
            | C::ToggleDetails
            | C::ShowProducts
            | C::ShowKeys
            | C::ShowAirGap
            | C::ShowActivity
            | C::ShowKms
            | C::ShowDiscovery
            | C::AuditKms => list(),
            C::Discover => writable().or_else(|| need(!facts.discovering, "A discovery is under way: wait for it or cancel it.")),
            C::Undo => writable().or_else(|| need(facts.undo.is_some(), "Nothing was edited yet.")),
            C::Redo => writable().or_else(|| need(facts.redo.is_some(), "Nothing was undone.")),
            C::Remarks => writable().or_else(|| need(facts.rows.selected == 1 && facts.rows.products == 1, "Select one product first.")),
            C::SelectNone | C::CopyRows => list().or_else(|| need(rows.selected > 0, NOTHING_SELECTED)),
            C::Remove => writable().or_else(|| need(rows.selected > 0, NOTHING_SELECTED)),
            C::AddComputers | C::AddKeys => writable(),
            C::UpdateStatus => writable().or_else(|| {
                need(
                    facts.computers > 0 && (rows.selected == 0 || rows.computers > 0),
                    "No computer to ask: add computers first. Rows without a name cannot be asked.",
                )
            }),
            C::EditComputer => writable().or_else(|| need(facts.one_computer, "Select one row with a computer name.")),
            C::WayAutomatic | C::WayHttps | C::WayHttp => {
                writable().or_else(|| need(rows.computers > 0, "Select rows with a computer name."))
            }
            C::WayDcom => writable()
                .or_else(|| need(cfg!(windows), "DCOM is spoken from Windows only."))
                .or_else(|| need(rows.computers > 0, "Select rows with a computer name.")),
            C::RefreshCounts => writable().or_else(|| {
                need(
                    facts.countable_keys > 0,
                    "The list has no MAK whose activations could be counted.",
                )
            }),
            C::KeyRemarks | C::RemoveKey => writable().or_else(on_keys),
            C::CopyKey => list().or_else(on_keys).or_else(|| {
                need(
                    facts.selected_key_is_whole,
                    "The list has only the last five characters of this key.",
                )
            }),
            C::SealKeys => writable()
                .or_else(|| need(facts.protection != KeyProtection::Locked, "The product keys are sealed and locked: unlock them first."))
                .or_else(|| idle(facts.busy_with_file)),
            C::UnlockKeys => list()
                .or_else(|| need(facts.protection != KeyProtection::Clear, NOT_SEALED))
                .or_else(|| need(facts.protection == KeyProtection::Locked, "The product keys are unlocked.")),
            C::LockKeys => list()
                .or_else(|| need(facts.protection != KeyProtection::Clear, NOT_SEALED))
                .or_else(|| need(facts.protection == KeyProtection::Unlocked, "The product keys are locked already.")),
            C::UnsealKeys => writable()
                .or_else(|| need(facts.protection != KeyProtection::Clear, NOT_SEALED))
                .or_else(|| idle(facts.busy_with_file)),
            C::InstallKey => writable()
                .or_else(|| need(rows.products > 0, NO_ROWS))
                .or_else(|| need(rows.named > 0, "Rows without a computer name cannot be reached from here.")),
            C::Activate => writable()
                .or_else(|| need(rows.products > 0, NO_ROWS))
                .or_else(|| need(rows.activatable > 0, "Every selected product is licensed, or has no computer name.")),
            C::AcquireIds => writable().or_else(|| need(rows.products > 0, NO_ROWS)).or_else(|| {
                need(
                    rows.need_confirmation > 0,
                    "No selected product waits for a confirmation ID: it needs a MAK, an installation ID, and must not be licensed.",
                )
            }),
            C::ProxyActivate => writable().or_else(|| need(rows.products > 0, NO_ROWS)).or_else(|| {
                need(
                    rows.proxy > 0,
                    "No selected product can be activated by proxy: it needs a MAK and must not be licensed.",
                )
            }),
            C::ApplyIds => writable().or_else(|| need(rows.products > 0, NO_ROWS)).or_else(|| {
                need(
                    rows.can_apply > 0,
                    "No selected product has a confirmation ID that is waiting to be applied.",
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::state::facts::RowFacts;

    #[test]
    fn no_two_commands_share_a_key() {
        let mut seen = std::collections::HashMap::new();
        for command in Command::ALL {
            if let Some(shortcut) = command.spec().shortcut {
                let before = seen.insert((format!("{:?}", shortcut.modifiers), shortcut.logical_key), command);
                assert!(before.is_none(), "{command:?} and {before:?} share {shortcut:?}");
            }
        }
    }

    #[test]
    fn every_command_has_a_sentence_that_says_what_it_does() {
        for command in Command::ALL {
            let spec = command.spec();
            assert!(spec.tip.ends_with('.'), "{command:?}: {}", spec.tip);
            assert!(!spec.text.is_empty());
        }
    }

    #[test]
    fn without_a_list_only_what_needs_none_is_available() {
        let facts = Facts::default();
        assert_eq!(Command::OpenList.unavailable(&facts), None);
        for command in [
            Command::Save,
            Command::UpdateStatus,
            Command::InstallKey,
            Command::Export,
        ] {
            assert_eq!(command.unavailable(&facts), Some(NO_LIST), "{command:?}");
        }
    }

    #[test]
    fn a_list_open_to_look_at_can_be_exported_but_not_changed() {
        let facts = Facts {
            has_list: true,
            read_only: true,
            ..Facts::default()
        };
        assert_eq!(Command::Export.unavailable(&facts), None);
        assert_eq!(Command::AddKeys.unavailable(&facts), Some(READ_ONLY));
    }

    #[test]
    fn confirmation_ids_are_applied_only_where_one_waits() {
        let mut facts = Facts {
            has_list: true,
            rows: RowFacts {
                selected: 3,
                products: 3,
                named: 3,
                computers: 3,
                ..RowFacts::default()
            },
            ..Facts::default()
        };
        assert!(Command::ApplyIds.unavailable(&facts).is_some());
        facts.rows.can_apply = 1;
        assert_eq!(Command::ApplyIds.unavailable(&facts), None);
    }
}
