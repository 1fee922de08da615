//! The interface font of the system where there is one, the bundled one elsewhere.

use std::path::Path;
use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// Name of the family of the heavier face.
pub const STRONG: &str = "strong";

/// A regular and a heavier face that belong together, and how large text must be set to look as large as in the others.
struct Pair(&'static str, &'static str, f32);

/// The first pair that exists is used.
const PAIRS: &[Pair] = &[
    Pair(r"C:\Windows\Fonts\segoeui.ttf", r"C:\Windows\Fonts\seguisb.ttf", 1.0),
    Pair(
        "/usr/share/fonts/opentype/inter/Inter-Regular.otf",
        "/usr/share/fonts/opentype/inter/Inter-SemiBold.otf",
        0.97,
    ),
    Pair(
        "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/truetype/noto/NotoSans-SemiBold.ttf",
        0.97,
    ),
    Pair(
        "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
        0.97,
    ),
    Pair(
        "/usr/share/fonts/google-noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/google-noto/NotoSans-Bold.ttf",
        0.97,
    ),
    Pair(
        "/usr/share/fonts/truetype/open-sans/OpenSans-Regular.ttf",
        "/usr/share/fonts/truetype/open-sans/OpenSans-Semibold.ttf",
        0.97,
    ),
    Pair(
        "/usr/share/fonts/truetype/ubuntu/Ubuntu-R.ttf",
        "/usr/share/fonts/truetype/ubuntu/Ubuntu-M.ttf",
        1.0,
    ),
    Pair(
        "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
        "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
        1.0,
    ),
    Pair(
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
        0.9,
    ),
];

/// The fonts, and how large text is set in them. The bundled ones stay behind the chosen ones for the glyphs those lack.
pub fn definitions(use_system: bool) -> (FontDefinitions, f32) {
    let mut fonts = FontDefinitions::default();
    let bundled = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    fonts.families.insert(FontFamily::Name(STRONG.into()), bundled);
    let pair = use_system.then(|| {
        PAIRS
            .iter()
            .find_map(|Pair(r, h, size)| Some((read(r)?, read(h)?, *size)))
    });
    let Some((regular, heavy, size)) = pair.flatten() else {
        return (fonts, 1.0);
    };
    put(&mut fonts, "interface", regular, FontFamily::Proportional);
    put(&mut fonts, "interface-strong", heavy, FontFamily::Name(STRONG.into()));
    (fonts, size)
}

fn read(path: &str) -> Option<FontData> {
    Some(FontData::from_owned(std::fs::read(Path::new(path)).ok()?))
}

fn put(fonts: &mut FontDefinitions, name: &str, data: FontData, family: FontFamily) {
    fonts.font_data.insert(name.into(), Arc::new(data));
    fonts.families.entry(family).or_default().insert(0, name.into());
}
