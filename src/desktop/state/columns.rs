//! The columns of the product list on the screen: which, and how wide.

use crate::model::Column;

/// The columns shown unless somebody chooses others, the most important first: what does not fit is a scroll away. The first
/// never scrolls away.
pub const USUAL: &[Column] = &[
    Column::Computer,
    Column::Product,
    Column::Status,
    Column::KeyType,
    Column::Grace,
    Column::LastAction,
    Column::Key,
    Column::Reason,
    Column::Updated,
    Column::Network,
    Column::Remarks,
];

/// In points: how narrow a column may get before it is no longer read, how wide its values are, and how much it can use when
/// there is room.
type Shape = (f32, f32, f32);

fn shape(column: Column) -> Shape {
    match column {
        Column::Computer => (184.0, 216.0, 380.0),
        Column::Product => (184.0, 236.0, 420.0),
        Column::Status => (144.0, 180.0, 180.0),
        Column::KeyType => (112.0, 132.0, 132.0),
        Column::Key | Column::Grace | Column::Updated => (76.0, 76.0, 76.0),
        Column::Reason => (100.0, 104.0, 104.0),
        Column::LastAction => (160.0, 220.0, 420.0),
        Column::Network | Column::Kms => (110.0, 150.0, 220.0),
        Column::Remarks => (110.0, 160.0, 320.0),
        Column::Os | Column::Edition => (130.0, 180.0, 260.0),
        Column::Application | Column::Genuine | Column::Version => (96.0, 120.0, 140.0),
        Column::InstallationId | Column::ConfirmationId => (160.0, 420.0, 460.0),
        Column::Pid | Column::Sku | Column::Cmid => (160.0, 280.0, 320.0),
    }
}

/// The widths of these columns in a table of `available` points: as many as can be read come into sight whole, none is cut by the
/// edge, and what is spare goes first to values that are cut, then to those whose texts are long.
pub fn widths(columns: &[Column], available: f32) -> Vec<f32> {
    let shapes: Vec<Shape> = columns.iter().map(|c| shape(*c)).collect();
    let mut widths: Vec<f32> = shapes.iter().map(|(_, usual, _)| *usual).collect();
    let fitting = |width: fn(&Shape) -> f32| {
        let mut sum = 0.0;
        let whole = shapes.iter().take_while(|s| {
            sum += width(s);
            sum <= available
        });
        whole.count()
    };
    // The first three say what it is about: they are squeezed before one of them goes.
    let in_sight = fitting(|s| s.1).max(fitting(|s| s.0).min(3));
    let (Some(seen), Some(widths_seen)) = (shapes.get(..in_sight), widths.get_mut(..in_sight)) else {
        return widths;
    };
    let mut spare = available;
    for (width, (least, ..)) in widths_seen.iter_mut().zip(seen) {
        *width = *least;
        spare -= least;
    }
    let wishes: [fn(&Shape) -> f32; 2] = [|s| s.1, |s| s.2];
    for wish in wishes {
        let wanted: f32 = widths_seen.iter().zip(seen).map(|(w, s)| (wish(s) - w).max(0.0)).sum();
        let part = if wanted > 0.0 { (spare / wanted).min(1.0) } else { 0.0 };
        for (width, s) in widths_seen.iter_mut().zip(seen) {
            let more = (wish(s) - *width).max(0.0) * part;
            *width += more;
            spare -= more;
        }
    }
    // Whatever is left belongs to the sentence among the columns.
    let sentence = columns.iter().take(in_sight).position(|c| *c == Column::LastAction);
    if let Some(width) = widths_seen.get_mut(sentence.unwrap_or(in_sight.saturating_sub(1))) {
        *width += spare;
    }
    widths.iter().map(|w| w.floor()).collect()
}

/// The columns with this one shown or not, in the order in which they are offered; the first always is.
pub fn with(columns: &[Column], column: Column, shown: bool) -> Vec<Column> {
    let offered = USUAL.iter().chain(Column::ALL.iter().filter(|c| !USUAL.contains(c)));
    let wanted = |c: &&Column| **c == Column::Computer || if **c == column { shown } else { columns.contains(c) };
    offered.filter(wanted).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(widths: &[f32], n: usize) -> f32 {
        widths.iter().take(n).sum()
    }

    #[test]
    fn in_a_narrow_table_the_most_important_columns_are_whole_and_end_at_its_edge() {
        for available in [520.0, 548.0, 700.0, 900.0, 1100.0] {
            let widths = widths(USUAL, available);
            let whole = (1..=USUAL.len()).find(|n| (sum(&widths, *n) - available).abs() <= *n as f32);
            assert!(whole.is_some_and(|n| n >= 3), "{available}: {widths:?}");
            for (column, width) in USUAL.iter().zip(&widths) {
                assert!(*width >= shape(*column).0 - 1.0, "{available}: {column:?} {width}");
            }
        }
    }

    #[test]
    fn spare_width_goes_to_what_is_cut_and_then_to_long_texts() {
        let widths = widths(USUAL, 2400.0);
        assert!(
            (sum(&widths, USUAL.len()) - 2400.0).abs() <= USUAL.len() as f32,
            "{widths:?}"
        );
        for (column, width) in USUAL.iter().zip(&widths) {
            let (_, usual, most) = shape(*column);
            let most = if *column == Column::LastAction { 2400.0 } else { most };
            assert!(*width >= usual - 1.0 && *width <= most, "{column:?} {width}");
        }
    }

    #[test]
    fn a_table_too_narrow_for_anything_is_scrolled() {
        assert_eq!(widths(USUAL, 60.0).len(), USUAL.len());
        assert!(widths(&[], 500.0).is_empty());
    }

    #[test]
    fn columns_are_shown_in_the_order_in_which_they_are_offered_and_the_computer_always() {
        let some = with(&[Column::Status, Column::Computer], Column::Product, true);
        assert_eq!(some, [Column::Computer, Column::Product, Column::Status]);
        assert_eq!(with(&some, Column::Computer, false), some);
        assert_eq!(with(&some, Column::Product, false), [Column::Computer, Column::Status]);
        for column in Column::ALL {
            assert!(with(USUAL, *column, true).contains(column));
        }
    }
}
