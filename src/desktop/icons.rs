//! Line icons, drawn in the text colour of whatever they stand in: sharp at every scale and in both themes.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

/// A piece of an icon on a grid of 16 x 16.
enum Part {
    /// An open line through these points.
    Line(&'static [(f32, f32)]),
    /// A closed outline.
    Loop(&'static [(f32, f32)]),
    /// A circle: centre and radius.
    Ring(f32, f32, f32),
    /// A filled circle.
    Dot(f32, f32, f32),
    /// An arc: centre, radius, from and to in degrees, clockwise from the right.
    Arc(f32, f32, f32, f32, f32),
}
use Part::{Arc, Dot, Line, Loop, Ring};

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident => [$($part:expr),+ $(,)?];)+) => {
        /// An icon.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Icon { $($(#[$doc])* $name,)+ }

        impl Icon {
            fn parts(self) -> &'static [Part] {
                match self { $(Self::$name => &[$($part),+],)+ }
            }
        }
    };
}

icons! {
    /// A new list.
    NewFile => [Loop(&[(3.5, 1.5), (9.5, 1.5), (12.5, 4.5), (12.5, 14.5), (3.5, 14.5)]), Line(&[(8.0, 7.0), (8.0, 12.0)]), Line(&[(5.5, 9.5), (10.5, 9.5)])];
    /// Open a list.
    Open => [Line(&[(1.5, 13.5), (1.5, 3.5), (6.0, 3.5), (7.5, 5.5), (13.5, 5.5), (13.5, 7.5)]), Loop(&[(1.5, 13.5), (4.0, 7.5), (15.0, 7.5), (12.5, 13.5)])];
    /// Save.
    Save => [Loop(&[(2.5, 2.5), (11.0, 2.5), (13.5, 5.0), (13.5, 13.5), (2.5, 13.5)]), Line(&[(5.0, 2.5), (5.0, 6.0), (10.0, 6.0), (10.0, 2.5)]), Line(&[(4.8, 13.5), (4.8, 9.5), (11.2, 9.5), (11.2, 13.5)])];
    /// Bring in.
    Import => [Line(&[(2.5, 10.5), (2.5, 13.5), (13.5, 13.5), (13.5, 10.5)]), Line(&[(8.0, 2.0), (8.0, 10.0)]), Line(&[(5.0, 7.2), (8.0, 10.2), (11.0, 7.2)])];
    /// Carry out.
    Export => [Line(&[(2.5, 10.5), (2.5, 13.5), (13.5, 13.5), (13.5, 10.5)]), Line(&[(8.0, 10.5), (8.0, 2.2)]), Line(&[(5.0, 5.0), (8.0, 2.0), (11.0, 5.0)])];
    /// A computer.
    Computer => [Loop(&[(2.0, 2.5), (14.0, 2.5), (14.0, 10.5), (2.0, 10.5)]), Line(&[(8.0, 10.5), (8.0, 13.5)]), Line(&[(5.0, 13.5), (11.0, 13.5)])];
    /// Add computers.
    AddComputer => [Line(&[(8.5, 10.5), (2.0, 10.5), (2.0, 2.5), (14.0, 2.5), (14.0, 7.0)]), Line(&[(4.5, 13.5), (8.0, 13.5)]), Line(&[(12.5, 9.5), (12.5, 14.5)]), Line(&[(10.0, 12.0), (15.0, 12.0)])];
    /// A product key.
    Key => [Ring(5.0, 11.0, 3.2), Line(&[(7.3, 8.7), (13.8, 2.2)]), Line(&[(10.8, 5.2), (13.0, 7.4)])];
    /// Add a product key.
    AddKey => [Ring(4.8, 11.2, 3.0), Line(&[(7.0, 9.0), (11.0, 5.0)]), Line(&[(12.5, 1.5), (12.5, 6.5)]), Line(&[(10.0, 4.0), (15.0, 4.0)])];
    /// Locked.
    Lock => [Loop(&[(3.0, 7.0), (13.0, 7.0), (13.0, 14.0), (3.0, 14.0)]), Line(&[(5.0, 7.0), (5.0, 4.8), (6.2, 2.7), (8.0, 2.0), (9.8, 2.7), (11.0, 4.8), (11.0, 7.0)]), Line(&[(8.0, 9.5), (8.0, 11.5)])];
    /// Unlocked.
    Unlock => [Loop(&[(3.0, 7.0), (13.0, 7.0), (13.0, 14.0), (3.0, 14.0)]), Line(&[(5.0, 7.0), (5.0, 4.8), (6.2, 2.7), (8.0, 2.0), (9.8, 2.7), (10.8, 4.2)]), Line(&[(8.0, 9.5), (8.0, 11.5)])];
    /// Ask again.
    Refresh => [Arc(8.0, 8.0, 5.5, -150.0, 60.0), Line(&[(2.2, 2.4), (3.1, 5.4), (6.2, 4.9)]), Arc(8.0, 8.0, 5.5, 85.0, 150.0)];
    /// Activate.
    Activate => [Line(&[(9.0, 1.5), (3.5, 9.0), (7.5, 9.0), (7.0, 14.5), (12.5, 7.0), (8.5, 7.0), (9.0, 1.5)])];
    /// Ask the service.
    Cloud => [Line(&[(4.5, 12.5), (3.0, 12.0), (2.0, 10.5), (2.2, 8.8), (3.4, 7.6), (4.6, 7.4), (5.2, 5.2), (7.0, 3.8), (9.2, 3.9), (10.9, 5.3), (11.5, 7.2), (13.2, 7.8), (14.1, 9.4), (13.6, 11.4), (12.0, 12.5), (4.5, 12.5)])];
    /// Put on the computers.
    Apply => [Loop(&[(2.0, 2.5), (14.0, 2.5), (14.0, 10.5), (2.0, 10.5)]), Line(&[(5.3, 6.4), (7.3, 8.4), (10.9, 4.7)]), Line(&[(5.0, 13.5), (11.0, 13.5)])];
    /// To the service and back.
    Proxy => [Line(&[(2.0, 5.5), (13.0, 5.5)]), Line(&[(10.3, 2.8), (13.2, 5.5), (10.3, 8.2)]), Line(&[(14.0, 11.0), (3.0, 11.0)]), Line(&[(5.7, 8.3), (2.8, 11.0), (5.7, 13.7)])];
    /// Remove.
    Remove => [Line(&[(2.5, 4.0), (13.5, 4.0)]), Line(&[(6.0, 4.0), (6.0, 2.0), (10.0, 2.0), (10.0, 4.0)]), Line(&[(4.0, 4.0), (4.7, 14.0), (11.3, 14.0), (12.0, 4.0)])];
    /// Names that lead somewhere.
    Globe => [Ring(8.0, 8.0, 6.0), Line(&[(2.0, 8.0), (14.0, 8.0)]), Line(&[(8.0, 2.0), (5.6, 5.0), (5.0, 8.0), (5.6, 11.0), (8.0, 14.0), (10.4, 11.0), (11.0, 8.0), (10.4, 5.0), (8.0, 2.0)])];
    /// Search.
    Search => [Ring(6.8, 6.8, 4.3), Line(&[(10.0, 10.0), (14.0, 14.0)])];
    /// Close, clear.
    Cross => [Line(&[(4.0, 4.0), (12.0, 12.0)]), Line(&[(12.0, 4.0), (4.0, 12.0)])];
    /// Done, licensed.
    Check => [Line(&[(3.0, 8.5), (6.5, 12.0), (13.0, 4.5)])];
    /// All is well.
    Good => [Ring(8.0, 8.0, 6.0), Line(&[(5.2, 8.2), (7.2, 10.2), (10.9, 6.0)])];
    /// Running out.
    Clock => [Ring(8.0, 8.0, 6.0), Line(&[(8.0, 4.6), (8.0, 8.0), (10.4, 9.4)])];
    /// Not well.
    Bad => [Ring(8.0, 8.0, 6.0), Line(&[(5.9, 5.9), (10.1, 10.1)]), Line(&[(10.1, 5.9), (5.9, 10.1)])];
    /// A warning.
    Warning => [Loop(&[(8.0, 2.2), (14.5, 13.6), (1.5, 13.6)]), Line(&[(8.0, 6.4), (8.0, 9.8)]), Dot(8.0, 11.8, 0.8)];
    /// Not known.
    Unknown => [Ring(8.0, 8.0, 6.0), Line(&[(6.2, 6.6), (6.4, 5.4), (7.4, 4.7), (8.8, 4.8), (9.7, 5.7), (9.5, 6.9), (8.0, 8.0), (8.0, 9.2)]), Dot(8.0, 11.2, 0.8)];
    /// Information.
    Info => [Ring(8.0, 8.0, 6.0), Line(&[(8.0, 7.3), (8.0, 11.2)]), Dot(8.0, 5.0, 0.8)];
    /// The products.
    Products => [Loop(&[(2.0, 2.0), (14.0, 2.0), (14.0, 14.0), (2.0, 14.0)]), Line(&[(2.0, 6.0), (14.0, 6.0)]), Line(&[(2.0, 10.0), (14.0, 10.0)]), Line(&[(6.0, 6.0), (6.0, 14.0)])];
    /// The air gap.
    AirGap => [Loop(&[(1.5, 5.0), (5.5, 5.0), (5.5, 11.0), (1.5, 11.0)]), Loop(&[(10.5, 5.0), (14.5, 5.0), (14.5, 11.0), (10.5, 11.0)]), Dot(8.0, 8.0, 0.9), Line(&[(8.0, 2.0), (8.0, 4.6)]), Line(&[(8.0, 11.4), (8.0, 14.0)])];
    /// The activity log.
    Activity => [Line(&[(1.5, 8.5), (4.5, 8.5), (6.5, 3.0), (9.5, 13.5), (11.5, 8.5), (14.5, 8.5)])];
    /// Copy.
    Copy => [Loop(&[(5.5, 5.5), (13.5, 5.5), (13.5, 13.5), (5.5, 13.5)]), Line(&[(10.5, 5.5), (10.5, 2.5), (2.5, 2.5), (2.5, 10.5), (5.5, 10.5)])];
    /// Sign in.
    Person => [Ring(8.0, 5.2, 3.0), Arc(8.0, 14.5, 5.5, -165.0, -15.0)];
    /// Downwards.
    Down => [Line(&[(4.5, 6.5), (8.0, 10.0), (11.5, 6.5)])];
    /// Upwards.
    Up => [Line(&[(4.5, 9.5), (8.0, 6.0), (11.5, 9.5)])];
    /// To the right.
    Right => [Line(&[(6.5, 4.5), (10.0, 8.0), (6.5, 11.5)])];
    /// Edit.
    Edit => [Loop(&[(2.5, 13.5), (3.3, 10.5), (10.8, 3.0), (13.0, 5.2), (5.5, 12.7)]), Line(&[(9.3, 4.5), (11.5, 6.7)])];
    /// The commands.
    Palette => [Loop(&[(2.0, 3.0), (14.0, 3.0), (14.0, 13.0), (2.0, 13.0)]), Line(&[(4.5, 6.0), (6.8, 8.0), (4.5, 10.0)]), Line(&[(8.5, 10.2), (11.5, 10.2)])];
    /// Light and dark.
    Contrast => [Ring(8.0, 8.0, 5.8), Line(&[(8.0, 2.2), (8.0, 13.8)]), Line(&[(10.0, 3.6), (10.0, 12.4)]), Line(&[(12.0, 5.4), (12.0, 10.6)])];
    /// A message that is repeated.
    Retry => [Arc(8.0, 8.0, 5.5, -45.0, 240.0), Line(&[(12.6, 0.9), (12.2, 4.2), (8.9, 3.9)])];
    /// Stop.
    Stop => [Loop(&[(3.5, 3.5), (12.5, 3.5), (12.5, 12.5), (3.5, 12.5)])];
}

impl Icon {
    /// Side of an icon in text.
    pub const SIZE: f32 = 16.0;

    /// Paints into `rect`, in `color`.
    pub fn paint(self, painter: &Painter, rect: Rect, color: Color32) {
        let scale = rect.width().min(rect.height()) / 16.0;
        let origin = rect.center() - egui::Vec2::splat(8.0 * scale);
        let at = |x: f32, y: f32| -> Pos2 { pos2(origin.x + x * scale, origin.y + y * scale) };
        let points = |p: &[(f32, f32)]| p.iter().map(|(x, y)| at(*x, *y)).collect::<Vec<_>>();
        let stroke = Stroke::new(1.4 * scale, color);
        for part in self.parts() {
            let shape = match part {
                Line(p) => Shape::line(points(p), stroke),
                Loop(p) => Shape::closed_line(points(p), stroke),
                Ring(x, y, r) => Shape::circle_stroke(at(*x, *y), r * scale, stroke),
                Dot(x, y, r) => Shape::circle_filled(at(*x, *y), r * scale, color),
                Arc(x, y, r, from, to) => {
                    let steps = 16;
                    let arc = (0..=steps).map(|i| {
                        let angle = (from + (to - from) * i as f32 / steps as f32).to_radians();
                        at(x + r * angle.cos(), y + r * angle.sin())
                    });
                    Shape::line(arc.collect(), stroke)
                }
            };
            painter.add(shape);
        }
    }

    /// The icon as a part of a button, in the colour of its text.
    pub fn atom(self) -> egui::Atom<'static> {
        egui::Atom::paint(egui::Vec2::splat(Self::SIZE), move |ui, args| {
            self.paint(ui.painter(), args.rect, args.fallback_text_color);
        })
    }

    /// The icon by itself, in `color`; decoration only: a word stands beside it.
    pub fn ui(self, ui: &mut egui::Ui, color: Color32) -> egui::Response {
        self.sized_ui(ui, Self::SIZE, color)
    }

    /// As [`Icon::ui`], with the length of the side.
    pub fn sized_ui(self, ui: &mut egui::Ui, side: f32, color: Color32) -> egui::Response {
        let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(side), egui::Sense::hover());
        if ui.is_rect_visible(rect) {
            self.paint(ui.painter(), rect, color);
        }
        response
    }
}
