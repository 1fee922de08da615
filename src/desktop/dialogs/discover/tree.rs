//! The tree of a directory: what is below a node is asked for when somebody opens it.

use egui::accesskit::Role;
use egui::{Align, Frame as Surface, Layout, Margin, ScrollArea, Stroke, Ui, UiBuilder, WidgetInfo};

use crate::desktop::app::{Event, Frame};
use crate::desktop::icons::Icon;
use crate::desktop::state::discovery::DiscoveryEvent;
use crate::desktop::state::words::Health;
use crate::desktop::theme::Palette;
use crate::desktop::widgets::{banner_ui, icon_button, region};
use crate::model::found::SourceOrder;
use crate::workspace::{DirectoryListing, DirectoryNode, NodeKind};

const HEIGHT: f32 = 184.0;
const LINE: f32 = 26.0;

/// What is known of what is below a node.
#[derive(Default)]
enum Below {
    #[default]
    NotAsked,
    Asked(DirectoryListing),
    Known,
}

struct Node {
    what: DirectoryNode,
    depth: usize,
    open: bool,
    below: Below,
}

/// The nodes that were seen so far, each before what is below it.
#[derive(Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    roots: Below,
    /// Nodes that are being asked for what is below them.
    asked: usize,
    /// The nodes in sight; `None`: to be found anew.
    lines: Option<Vec<usize>>,
    problem: Option<String>,
}

impl Tree {
    /// What is below a node is being asked for; `None`: where the tree begins.
    pub fn browses(&mut self, below: Option<String>, listing: DirectoryListing) {
        let Some(dn) = below else {
            self.roots = Below::Asked(listing);
            return;
        };
        if let Some(node) = self.nodes.iter_mut().find(|n| n.what.dn == dn) {
            self.asked += usize::from(!matches!(node.below, Below::Asked(_)));
            node.below = Below::Asked(listing);
        }
    }

    pub fn is_waiting(&self) -> bool {
        let waits = |below: &Below| matches!(below, Below::Asked(listing) if listing.is_waiting());
        waits(&self.roots) || self.asked > 0 && self.nodes.iter().any(|n| waits(&n.below))
    }

    /// Takes in what has been answered.
    fn take(&mut self) {
        if let Below::Asked(listing) = &self.roots
            && let Some(answer) = listing.answer()
        {
            self.roots = Below::Known;
            self.lines = None;
            self.asked = 0;
            match answer {
                Ok(nodes) => self.nodes = nodes.into_iter().map(|node| fresh(node, 0)).collect(),
                Err(failure) => self.problem = Some(failure.message),
            }
        }
        if self.asked == 0 {
            return;
        }
        let answered = self.nodes.iter().enumerate().find_map(|(at, node)| match &node.below {
            Below::Asked(listing) => Some((at, listing.answer()?)),
            _ => None,
        });
        let Some((at, answer)) = answered else { return };
        let Some(node) = self.nodes.get_mut(at) else { return };
        node.below = Below::Known;
        self.asked -= 1;
        self.lines = None;
        let depth = node.depth + 1;
        match answer {
            Ok(nodes) => {
                let nodes: Vec<Node> = nodes.into_iter().map(|node| fresh(node, depth)).collect();
                let after = self.nodes.split_off(at + 1);
                self.nodes.extend(nodes);
                self.nodes.extend(after);
            }
            Err(failure) => {
                node.below = Below::NotAsked;
                node.open = false;
                self.problem = Some(failure.message);
            }
        }
    }

    /// The nodes whose parents are all open.
    fn visible(&self) -> Vec<usize> {
        let mut visible = Vec::new();
        let mut hidden_below: Option<usize> = None;
        for (at, node) in self.nodes.iter().enumerate() {
            if hidden_below.is_some_and(|depth| node.depth > depth) {
                continue;
            }
            hidden_below = (!node.open).then_some(node.depth);
            visible.push(at);
        }
        visible
    }

    /// Draws it; the distinguished name of a node that was chosen.
    pub fn ui(&mut self, ui: &mut Ui, frame: &Frame<'_>, order: &SourceOrder, base: &str) -> Option<String> {
        self.take();
        let p = Palette::of(ui);
        if let Some(problem) = &self.problem {
            banner_ui(ui, Health::Bad, "The directory was not read", problem);
        }
        if self.nodes.is_empty() {
            if self.is_waiting() {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("Asking the directory");
                });
            }
            return None;
        }
        let visible = self.lines.take().unwrap_or_else(|| self.visible());
        let mut turned = false;
        let mut chosen = None;
        let surface = Surface::new()
            .stroke(Stroke::new(1.0, p.line))
            .corner_radius(crate::desktop::theme::RADIUS)
            .inner_margin(Margin::same(4));
        surface.show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.spacing_mut().interact_size.y = LINE - 2.0;
            region(ui, UiBuilder::new(), Role::Tree, "Directory", |ui| {
                ScrollArea::vertical()
                    .id_salt("tree")
                    .max_height(HEIGHT)
                    .min_scrolled_height(HEIGHT)
                    .auto_shrink([false, true])
                    .show_rows(ui, LINE, visible.len(), |ui, range| {
                        for at in range.filter_map(|line| visible.get(line)) {
                            if let Some(node) = self.nodes.get_mut(*at) {
                                let open = node.open;
                                node.ui(ui, frame, order, base, &mut chosen);
                                turned |= node.open != open;
                            }
                        }
                    });
            });
        });
        self.lines = Some(visible).filter(|_| !turned);
        chosen
    }
}

fn fresh(node: DirectoryNode, depth: usize) -> Node {
    Node {
        what: node,
        depth,
        open: false,
        below: Below::NotAsked,
    }
}

impl Node {
    fn ui(&mut self, ui: &mut Ui, frame: &Frame<'_>, order: &SourceOrder, base: &str, chosen: &mut Option<String>) {
        let p = Palette::of(ui);
        ui.allocate_ui_with_layout(
            egui::vec2(ui.available_width(), LINE),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.add_space(self.depth as f32 * 16.0);
                let (icon, word) = if self.open {
                    (Icon::Down, "Close")
                } else {
                    (Icon::Right, "Open")
                };
                if icon_button(ui, icon, &format!("{word} {}", self.what.name)).clicked() {
                    self.open = !self.open;
                    if self.open && matches!(self.below, Below::NotAsked) {
                        frame.send(Event::Discovery(DiscoveryEvent::Browse(
                            order.clone(),
                            Some(self.what.dn.clone()),
                        )));
                    }
                }
                let icon = match self.what.kind {
                    NodeKind::Domain => Icon::Globe,
                    NodeKind::OrganizationalUnit | NodeKind::Container => Icon::Open,
                };
                icon.sized_ui(ui, 14.0, p.text_weak);
                let is_base = self.what.dn.eq_ignore_ascii_case(base.trim());
                let response = ui
                    .add(egui::Button::selectable(is_base, &self.what.name))
                    .on_hover_text(&self.what.dn);
                response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, is_base, &self.what.name));
                if response.clicked() {
                    *chosen = Some(self.what.dn.clone());
                }
                if matches!(&self.below, Below::Asked(listing) if listing.is_waiting()) {
                    ui.spinner();
                }
            },
        );
    }
}
