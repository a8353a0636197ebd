//! Areas of panels: as many on a page as are legible, arranged so that their shape is best.

use ratatui::layout::{Constraint, Layout, Rect};

/// Columns and rows of the smallest legible panel, including its border.
const SMALLEST: (u16, u16) = (30, 7);

/// Columns and rows of the smallest comfortable panel. A page has as many panels as are
/// comfortable, and up to [`AT_LEAST`] if they are legible.
const COMFORTABLE: (u16, u16) = (48, 10);

/// Number of panels on a page of merely legible ones.
const AT_LEAST: usize = 4;

/// The best ratio of width to height, in characters.
const BEST_SHAPE: f64 = 3.0;

/// Number of panels, out of `count`, on a page of this `area`; at least one.
pub(super) fn per_page(count: usize, area: Rect) -> usize {
    let most = |size: (u16, u16), count: usize| {
        (1..=count).rev().find(|&n| columns(n, area, size).is_some()).unwrap_or(1)
    };
    most(COMFORTABLE, count).max(most(SMALLEST, count.min(AT_LEAST)))
}

/// Areas of the panels of one page, in reading order. `needs` is the height that each panel fills,
/// `None` if any height is of use. A row whose panels all fill a known height is at most that high;
/// the other rows share the rest.
pub(super) fn places(needs: &[Option<u16>], area: Rect) -> Vec<Rect> {
    let count = needs.len();
    let columns = columns(count, area, SMALLEST).unwrap_or(1).max(1);
    let fair = area.height / count.div_ceil(columns).max(1) as u16;
    let needed = |row: &[Option<u16>]| {
        row.iter().try_fold(0, |highest: u16, &panel| Some(highest.max(panel?)))
    };
    let height =
        |row| needed(row).map_or(Constraint::Fill(1), |rows| Constraint::Length(rows.min(fair)));
    let mut heights: Vec<Constraint> = needs.chunks(columns).map(height).collect();
    if !heights.contains(&Constraint::Fill(1)) {
        heights.fill(Constraint::Fill(1));
    }
    let rows = Layout::vertical(heights).split(area);
    let row = |(i, &row): (usize, &Rect)| {
        // The last row may have fewer panels, which then get more room.
        let here = columns.min(count - i * columns);
        Layout::horizontal(vec![Constraint::Fill(1); here]).split(row).to_vec()
    };
    rows.iter().enumerate().flat_map(row).collect()
}

/// Number of columns that gives `count` panels the best shape. `None` if they would be smaller than
/// `smallest`.
fn columns(count: usize, area: Rect, smallest: (u16, u16)) -> Option<usize> {
    let size = |columns: usize| {
        let rows = count.div_ceil(columns);
        (area.width / columns as u16, area.height / rows as u16)
    };
    let fits = |&columns: &usize| {
        let (width, height) = size(columns);
        width >= smallest.0 && height >= smallest.1
    };
    // The penalty: stretched panels, and cells of the grid that stay empty.
    let distortion = |&columns: &usize| {
        let (width, height) = size(columns);
        let empty = (columns * count.div_ceil(columns) - count) as f64 / count as f64;
        (f64::from(width) / f64::from(height) / BEST_SHAPE).ln().abs() + empty
    };
    (1..=count).filter(fits).min_by(|a, b| distortion(a).total_cmp(&distortion(b)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(width: u16, height: u16) -> Rect {
        Rect::new(0, 0, width, height)
    }

    #[test]
    fn four_panels_are_two_by_two() {
        for (width, height) in [(80, 20), (200, 55), (60, 14), (120, 40)] {
            let places = places(&[None; 4], area(width, height));
            assert_eq!(places[3].x, width / 2, "{width}x{height}");
            assert_eq!(places[3].y, height.div_ceil(2), "{width}x{height}");
        }
    }

    #[test]
    fn a_row_leaves_what_its_panels_need_not() {
        let heights = |count: usize, which: usize, rows| {
            let mut needs = vec![None; count];
            needs[which] = rows;
            let places = places(&needs, area(200, 55));
            [places[0].height, places[count - 1].height]
        };
        // Seven panels: three, three and one.
        assert_eq!(heights(7, 6, Some(9)), [23, 9]);
        assert_eq!(heights(7, 6, Some(40)), [19, 18]);
        // A panel beside others, wherever it is, does not limit them.
        assert_eq!(heights(6, 5, Some(9)), heights(6, 5, None));
        assert_eq!(heights(7, 0, Some(9)), heights(7, 0, None));
        // The first row of two, of which both need little; and a page on which nothing grows.
        let both = places(&[Some(9), Some(7), None, None], area(200, 55));
        assert_eq!([both[0].height, both[2].height], [9, 46]);
        assert_eq!(places(&[Some(9)], area(200, 55)), [area(200, 55)]);
    }

    #[test]
    fn more_panels_than_fit_go_on_further_pages() {
        assert_eq!(per_page(6, area(80, 20)), 4);
        assert_eq!(per_page(6, area(200, 55)), 6);
        assert_eq!(per_page(6, area(10, 3)), 1);
        assert_eq!(
            [(60, 14), (100, 25), (80, 20), (200, 55)].map(|(w, h)| per_page(7, area(w, h))),
            [4, 4, 4, 7]
        );
        // Five: three and two.
        let five = places(&[None; 5], area(200, 55));
        assert_eq!((five[0].width, five[4].right()), (67, 200));
    }

    proptest! {
        #[test]
        fn places_do_not_overlap_and_fill_the_area(
            count in 1usize..12,
            (width, height) in (0u16..250, 0u16..80),
            mut needs in prop::collection::vec(prop::option::of(0u16..90), 12),
        ) {
            let area = area(width, height);
            let count = count.min(per_page(count, area));
            needs.truncate(count);
            let places = places(&needs, area);
            prop_assert_eq!(places.len(), count);
            prop_assert_eq!(places.iter().map(|place| place.area()).sum::<u32>(), area.area());
            for (i, a) in places.iter().enumerate() {
                prop_assert!(places[..i].iter().all(|b| a.intersection(*b).is_empty()));
            }
        }
    }
}
