//! What comes back from threads when the window shows something else by then.

use super::*;
use crate::desktop::DesktopOptions;
use crate::desktop::app::Host;
use crate::desktop::picker::SystemPicker;
use crate::model::Computer;
use crate::model::found::FoundKind;
use crate::workspace::{KeyringError, Workspace};

/// A desktop with a list, and what it lives in.
struct Desk {
    desktop: Desktop,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let host = Host {
            runtime: runtime.handle().clone(),
            picker: Arc::new(SystemPicker),
            keyring: Arc::new(|| Err(KeyringError::NoKeyring { why: "a test".into() })),
            waker: Arc::new(|| ()),
        };
        let mut desk = Self {
            desktop: Desktop::new(DesktopOptions::default(), host).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            runtime,
        };
        desk.open_list("first.cilx");
        desk
    }

    fn open_list(&mut self, name: &str) {
        let path = self.folder.path().join(name);
        let workspace = Workspace::create(&path, self.runtime.handle().clone()).unwrap();
        self.desktop.install_list(workspace);
    }

    /// A discovery of names that nobody is asked about, and the list in which it began.
    fn begin(&self, names: &str) -> (u64, Discovery) {
        let source = SourceOrder::Names {
            text: names.into(),
            port: None,
            probe: false,
        };
        let prepared = PreparedDiscovery::new(&[source], None).unwrap();
        let workspace = self.desktop.workspace().unwrap();
        (self.desktop.lists_opened, workspace.discover(prepared))
    }

    fn began(&mut self, (list, discovery): (u64, Discovery)) {
        let outcome = DiscoveryOutcome::Began(list, Box::default(), Ok(discovery));
        self.desktop.discovery_outcome(outcome);
    }

    /// A discovery that is over, with its rows on the screen.
    fn finds(&mut self, names: &str) -> &mut Found {
        let (list, discovery) = self.begin(names);
        self.runtime.block_on(discovery.finished());
        self.began((list, discovery));
        self.desktop.look_at_discovery();
        let found = self.desktop.screen.found.as_mut().unwrap();
        let rows = found.view.rows(found.plan.as_ref().unwrap());
        found.shows(found.view.clone(), rows);
        found
    }
}

#[test]
fn the_answer_to_an_earlier_filter_does_not_replace_that_to_a_later_one() {
    let mut desk = Desk::new();
    let found = desk.finds("a-1, b-1");
    let earlier = FoundView {
        filter: "a".into(),
        ..FoundView::default()
    };
    let later = FoundView {
        filter: "b".into(),
        ..FoundView::default()
    };
    found.view = later.clone();
    assert!(
        !found.can_tick_shown(),
        "other rows are on the screen than those asked for"
    );
    found.shows(later.clone(), vec![1]);
    found.shows(earlier, vec![0]);
    assert_eq!((&found.shown.0, found.shown.1.as_slice()), (&later, [1].as_slice()));
    assert!(found.can_tick_shown());
}

#[test]
fn what_is_ticked_by_hand_while_everything_is_unticked_stays_ticked() {
    let mut desk = Desk::new();
    desk.finds("a-1, b-1, c-1");
    desk.desktop.tick_shown(false);
    let found = desk.desktop.screen.found.as_mut().unwrap();
    assert!(!found.can_accept(), "the ticks are not known yet");
    found.tick(1, true);
    found.ticked([0_u32, 1, 2].into_iter().collect());
    assert_eq!(found.unticked, imbl::HashSet::<u32>::from_iter([0_u32, 2]));
    assert_eq!(found.chosen(), 1);
    assert!(found.can_accept());
}

#[test]
fn an_unclear_computer_is_neither_counted_as_ticked_nor_taken_over() {
    let mut desk = Desk::new();
    let found = desk.finds("a-1, b-1");
    let mut plan = (**found.plan.as_ref().unwrap()).clone();
    plan.rows.last_mut().unwrap().kind = FoundKind::Unclear;
    found.counts = plan.counts();
    found.plan = Some(Arc::new(plan.clone()));
    assert_eq!(found.chosen(), 1);
    let mut unticked = imbl::HashSet::new();
    assert!(is_chosen(&plan, &unticked, 0) && !is_chosen(&plan, &unticked, 1));
    tick_rows(&plan, &mut unticked, &[0, 1], false);
    found.unticked = unticked;
    assert_eq!(found.chosen(), 0);
}

#[test]
fn what_began_for_a_list_that_is_no_longer_open_is_cancelled() {
    let mut desk = Desk::new();
    let begun = desk.begin("a-1");
    let discovery = begun.1.clone();
    desk.open_list("second.cilx");
    desk.began(begun);
    assert!(desk.desktop.screen.found.is_none() && discovery.is_cancelled());
}

#[test]
fn what_was_taken_over_ends_only_the_discovery_that_it_is_of() {
    let mut desk = Desk::new();
    let before = desk.finds("a-1").number;
    desk.finds("b-1");
    let report = AcceptReport {
        added: 1,
        ..AcceptReport::default()
    };
    let what = Accepted {
        list: desk.desktop.lists_opened,
        found: before,
        then: Then::Nothing,
    };
    desk.desktop.accepted(what, Ok(report.clone()));
    assert!(desk.desktop.screen.found.is_some(), "the later one is still looked at");
    assert!(desk.desktop.screen.page == Page::Discovery);
    let found = desk.desktop.screen.found.as_ref().unwrap().number;
    desk.desktop.accepted(Accepted { found, ..what }, Ok(report));
    assert!(desk.desktop.screen.found.is_none());
}

#[test]
fn what_was_taken_over_starts_nothing_in_another_list() {
    let mut desk = Desk::new();
    let (list, found) = (desk.desktop.lists_opened, desk.finds("a-1").number);
    desk.open_list("second.cilx");
    desk.finds("b-1");
    let report = AcceptReport {
        added: 1,
        computers: vec![Computer::named("b-1").id],
        ..AcceptReport::default()
    };
    let then = Then::Probe;
    desk.desktop.accepted(Accepted { list, found, then }, Ok(report));
    assert!(desk.desktop.screen.found.is_some());
    assert!(desk.desktop.workspace().unwrap().runs().is_empty());
}

#[test]
fn a_dialog_does_not_wait_for_a_discovery_that_cannot_begin() {
    let mut desk = Desk::new();
    let begun = desk.begin("a-1");
    desk.began(begun);
    let Dialog::Discover(mut dialog) = dialogs::discover() else {
        return;
    };
    dialog.waiting = true;
    desk.desktop.dialogs.push(Dialog::Discover(dialog));
    desk.desktop.begin(Box::default(), false);
    assert!(!desk.desktop.dialogs.iter().any(Dialog::is_waiting));
}
