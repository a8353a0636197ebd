//! A sortable table of weight matrices: name, shape, number and length of the vectors, zeros, and
//! the similarity of the weight profiles (SoWP).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use strum::VariantArray;

use super::chart::significant;
use super::format::grouped;
use super::table::{Column, NARROWEST, Table};
use super::theme::Theme;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
    /// Number of weight vectors.
    pub vectors: usize,
    /// Length of each vector, #w_j.
    pub length: usize,
    /// Number of weights that are exactly zero; `None` if unknown.
    pub zeros: Option<usize>,
    /// Similarity of the weight profiles, 0 if they are identical; `None` if unknown.
    pub similarity: Option<f32>,
}

impl Matrix<'_> {
    /// Returns the share of weights that are zero.
    pub(super) fn zero_share(&self) -> Option<f64> {
        let weights = self.vectors.saturating_mul(self.length).max(1);
        self.zeros.map(|zeros| zeros as f64 / weights as f64)
    }

    /// Formats the shape as `64x3x3x3`.
    pub(super) fn shape(&self) -> String {
        let sizes: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        sizes.join("x")
    }
}

/// The column that a table is sorted by. The key `S` cycles through them in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray)]
pub enum SortBy {
    /// The order of the network or the file.
    #[default]
    Order,
    /// Least similar profiles first.
    Similarity,
    /// Largest share first.
    Zeros,
    /// Longest vectors first.
    Length,
    /// Most vectors first.
    Vectors,
    Name,
}

impl SortBy {
    /// Returns the next column, and the first after the last.
    pub(super) fn next(self) -> Self {
        Self::VARIANTS[(self as usize + 1) % Self::VARIANTS.len()]
    }

    /// Describes the order of the table.
    pub(super) fn words(self) -> &'static str {
        match self {
            SortBy::Order => "in the order of the network",
            SortBy::Name => "sorted by name",
            SortBy::Vectors => "sorted by the number of vectors",
            SortBy::Length => "sorted by the vectors' length",
            SortBy::Zeros => "sorted by the share of zeros",
            SortBy::Similarity => "sorted by similarity, the least alike first",
        }
    }
}

/// Returns the indices of `matrices` in sorted order. The sort is stable; unknown values come last.
pub(super) fn sorted(matrices: &[Matrix], by: SortBy) -> Vec<usize> {
    let mut order: Vec<usize> = (0..matrices.len()).collect();
    let descending = |key: &dyn Fn(&Matrix) -> Option<f64>, order: &mut Vec<usize>| {
        let key = |&index: &usize| key(&matrices[index]).filter(|key| !key.is_nan());
        let least = f64::NEG_INFINITY;
        order.sort_by(|a, b| key(b).unwrap_or(least).total_cmp(&key(a).unwrap_or(least)));
    };
    match by {
        SortBy::Order => {}
        SortBy::Name => order.sort_by_key(|&index| matrices[index].name),
        SortBy::Vectors => descending(&|matrix| Some(matrix.vectors as f64), &mut order),
        SortBy::Length => descending(&|matrix| Some(matrix.length as f64), &mut order),
        SortBy::Zeros => descending(&|matrix| matrix.zero_share(), &mut order),
        SortBy::Similarity => descending(&|matrix| matrix.similarity.map(f64::from), &mut order),
    }
    order
}

/// The table.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatrixTable<'a> {
    pub matrices: &'a [Matrix<'a>],
    /// The rows from top to bottom, as indices into `matrices`.
    pub order: &'a [usize],
    /// The highlighted row, as an index into `matrices`.
    pub selected: Option<usize>,
    /// The column to mark as the one that decides the order.
    pub sort: SortBy,
    pub theme: &'a Theme,
}

impl MatrixTable<'_> {
    /// Draws the table, scrolled to the selected row.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let Self { matrices, order, selected, sort, theme } = *self;
        let visible = usize::from(area.height - 1);
        let row = order.iter().position(|&index| Some(index) == selected);
        let first = row.unwrap_or(0).saturating_sub(visible / 2);
        let first = first.min(order.len().saturating_sub(visible));
        let row = |&index: &usize| cells(&matrices[index], Some(index) == selected, theme);
        // All rows determine the widths of the columns, so that scrolling does not change them.
        let rows = order.iter().map(row).collect();
        Table::new(columns(sort, theme), rows).render(first, area, buffer);
    }
}

fn columns(by: SortBy, theme: &Theme) -> Vec<Column> {
    let column = |plain, sorted, sort, right, rank| Column {
        title: if sort == by { sorted } else { plain },
        style: if sort == by && by != SortBy::Order { theme.text } else { theme.muted },
        right,
        rank,
        least: NARROWEST,
    };
    vec![
        column("", "", SortBy::Order, false, 0),
        column("layer", "layer ↑", SortBy::Name, false, 0),
        column("shape", "shape", SortBy::Order, false, 1),
        column("vectors", "vectors ↓", SortBy::Vectors, true, 3),
        column("length", "length ↓", SortBy::Length, true, 2),
        column("zeros", "zeros ↓", SortBy::Zeros, true, 0),
        column("similarity", "similarity ↓", SortBy::Similarity, true, 0),
    ]
}

fn cells(matrix: &Matrix, selected: bool, theme: &Theme) -> Vec<(String, Style)> {
    let style = if selected { theme.accent } else { theme.text };
    let pointer = if selected { "▸" } else { " " };
    let similarity = matrix.similarity.map_or("-".into(), |v| significant(f64::from(v)));
    let texts = [
        pointer.to_owned(),
        matrix.name.to_owned(),
        matrix.shape(),
        grouped(matrix.vectors as u64),
        grouped(matrix.length as u64),
        matrix.zero_share().map_or("-".into(), share),
        similarity,
    ];
    texts.into_iter().map(|text| (text, style)).collect()
}

/// Formats a share of 1 in percent; 0 and 1 differ from values next to them.
pub(super) fn share(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0".into(),
        p if p < 0.1 => "<0.1 %".into(),
        p if p > 99.9 && p < 100.0 => ">99.9 %".into(),
        p if p < 10.0 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// Returns the title of a small chart, `width` cells wide: the name, cut at its start, and the
/// similarity.
pub(super) fn small_title(
    matrix: &Matrix,
    selected: bool,
    width: u16,
    theme: &Theme,
) -> Line<'static> {
    let similarity = matrix.similarity.map_or("-".into(), |v| significant(f64::from(v)));
    let (pointer, style) = if selected { ("▸", theme.accent) } else { ("", theme.muted) };
    let room = usize::from(width).saturating_sub(similarity.len() + 1 + pointer.chars().count());
    let name: Vec<char> = matrix.name.chars().collect();
    let name: String = if name.len() > room {
        std::iter::once('…').chain(name[name.len() + 1 - room.max(1)..].to_vec()).collect()
    } else {
        name.into_iter().collect()
    };
    Line::styled(format!("{pointer}{name} {similarity}"), style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn matrices() -> [Matrix<'static>; 3] {
        let matrix = |name, shape, zeros, similarity| Matrix {
            name,
            shape,
            vectors: 2,
            length: 8,
            zeros,
            similarity,
        };
        [
            matrix("b", &[2, 8], Some(4), Some(0.1)),
            Matrix { length: 3, ..matrix("c", &[2, 3], None, Some(f32::NAN)) },
            Matrix { vectors: 9, ..matrix("a", &[9, 8], Some(0), Some(f32::INFINITY)) },
        ]
    }

    #[test]
    fn it_is_sorted_by_any_column_with_the_unknown_last() {
        let by = |by| sorted(&matrices(), by);
        assert_eq!(by(SortBy::Order), [0, 1, 2]);
        assert_eq!(by(SortBy::Name), [2, 0, 1]);
        assert_eq!(by(SortBy::Vectors), [2, 0, 1]);
        assert_eq!(by(SortBy::Length), [0, 2, 1]);
        assert_eq!(by(SortBy::Zeros), [0, 2, 1]);
        assert_eq!(by(SortBy::Similarity), [2, 0, 1]);
    }

    #[test]
    fn sorting_goes_round() {
        let mut by = SortBy::Order;
        let mut seen = Vec::new();
        while !seen.contains(&by) {
            seen.push(by);
            by = by.next();
        }
        assert_eq!((seen.len(), by), (6, SortBy::Order));
    }

    fn drawn(selected: usize, by: SortBy, width: u16, height: u16) -> Vec<String> {
        let matrices = matrices();
        let order = sorted(&matrices, by);
        let theme = Theme::new(Depth::None, true);
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let (matrices, order) = (&matrices[..], &order[..]);
        let selected = Some(selected);
        let table = MatrixTable { matrices, order, selected, sort: by, theme: &theme };
        table.render(area, &mut buffer);
        let rows = buffer.content.chunks(width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn the_selected_row_is_marked_and_stays_in_sight() {
        let rows = drawn(0, SortBy::Zeros, 60, 4);
        assert!(rows[0].contains("zeros ↓") && rows[0].contains("similarity "), "{rows:?}");
        assert!(rows[1].starts_with("▸  b      2x8          2       8     25 %"), "{rows:?}");
        assert!(rows[3].contains("c ") && rows[3].contains('-'), "{rows:?}");
        let rows = drawn(1, SortBy::Order, 40, 2);
        assert!(rows[1].starts_with("▸  c"), "{rows:?}");
        assert!(!rows[0].contains("vectors"), "{rows:?}");
    }

    #[test]
    fn a_small_title_keeps_the_end_of_the_name() {
        let theme = Theme::new(Depth::None, true);
        let [matrix, ..] = matrices();
        let matrix = Matrix { name: "layer4.2.conv3", ..matrix };
        let title = |selected, width| small_title(&matrix, selected, width, &theme).to_string();
        assert_eq!(title(false, 40), "layer4.2.conv3 0.100");
        assert_eq!(title(true, 16), "▸….2.conv3 0.100");
        assert_eq!(title(false, 0), "… 0.100");
    }

    #[test]
    fn shares_tell_none_from_nearly_none() {
        let shares = [0.0, 1e-6, 0.05, 0.5, 0.9999999, 1.0].map(share);
        assert_eq!(shares, ["0", "<0.1 %", "5.0 %", "50 %", ">99.9 %", "100 %"]);
    }
}
