//! The profiles of one weight matrix: its sorted weight vectors over their ranks (section 2 of the
//! paper), for a layer in training and for a matrix from a file.
//!
//! All vectors are drawn as bands of quantiles, with the median or one selected vector in front and
//! the initial profile behind. A small chart, one of many, has no axes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::chart::{Raster, Scale, Tick, axes, put, short, significant};
use super::format::grouped;
use super::row::{Part, row};
use super::theme::Theme;

/// The profiles of one matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProfileChart<'a> {
    pub theme: &'a Theme,
    /// The sampled ranks, ascending.
    pub positions: &'a [u32],
    /// The values at those ranks: a band for each of [`QUANTILES`](crate::method::QUANTILES) over
    /// the vectors.
    pub bands: &'a [Vec<f32>],
    /// The values of every vector at those ranks if there are few vectors. They are drawn instead
    /// of bands.
    pub lines: &'a [Vec<f32>],
    /// The values at those ranks before training; empty if unknown.
    pub initial: &'a [f32],
    /// The selected vector: its index, and all its values, ascending.
    pub vector: Option<(usize, &'a [f32])>,
    /// The cursor, from 0 (the lowest rank) to 1 (the highest).
    pub cursor: Option<f64>,
}

impl ProfileChart<'_> {
    /// Draws the chart with axes and a legend. With a cursor, a readout replaces the legend.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        let legend = u16::from(area.height >= 5);
        let below = Rect { y: area.y + legend, height: area.height - legend, ..area };
        let plot = axes::plot_area(below);
        if plot.is_empty() || self.positions.is_empty() {
            return;
        }
        let scale = self.scale();
        let ticks = scale.ticks(usize::from(plot.height).div_ceil(2).clamp(2, 6));
        axes::vertical(below, plot, &ticks, self.theme, buffer);
        axes::horizontal(below, plot, &self.ranks(plot), "rank", self.theme, buffer);
        self.draw(plot, scale, buffer);
        self.draw_cursor(plot, buffer);
        if legend == 1 {
            let parts = if self.cursor.is_some() { self.readout() } else { self.legend() };
            let line = Rect { x: plot.x, width: plot.width, height: 1, y: area.y };
            row(parts, line.width).render(line, buffer);
        }
    }

    /// Draws the curves without axes and legend.
    pub(super) fn thumbnail(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if !area.is_empty() && !self.positions.is_empty() {
            self.draw(area, self.scale(), buffer);
        }
    }

    /// Returns the highest rank.
    fn last(&self) -> u32 {
        self.positions.last().copied().unwrap_or(0)
    }

    /// Returns a scale around all values.
    fn scale(&self) -> Scale {
        let values = self.bands.iter().flatten().chain(self.initial);
        let values = values.chain(self.vector.map_or(&[][..], |(_, sorted)| sorted));
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        Scale::around(f64::from(low), f64::from(high))
    }

    fn ranks(&self, plot: Rect) -> Vec<Tick> {
        let last = f64::from(self.last());
        if last == 0.0 {
            return vec![Tick { position: 0.0, label: "0".into() }];
        }
        let mut ticks = Scale::linear(0.0, last).ticks(usize::from(plot.width) / 9);
        // Ranks are integers.
        ticks.retain(|tick| (tick.position * last - (tick.position * last).round()).abs() < 1e-6);
        ticks.iter_mut().for_each(|tick| tick.label = short((tick.position * last).round()));
        ticks
    }

    fn draw(&self, plot: Rect, scale: Scale, buffer: &mut Buffer) {
        self.zero_line(plot, scale, buffer);
        self.curves(plot, scale, buffer);
    }

    fn zero_line(&self, plot: Rect, scale: Scale, buffer: &mut Buffer) {
        let position = scale.position(0.0);
        if !(0.0..=1.0).contains(&position) {
            return;
        }
        let row = ((1.0 - position) * f64::from(plot.height) - 0.5).round();
        let y = plot.y + row.clamp(0.0, f64::from(plot.height - 1)) as u16;
        let dash = if self.theme.unicode { "╌" } else { "-" };
        for x in plot.left()..plot.right() {
            buffer.set_string(x, y, dash, self.theme.border);
        }
    }

    /// Draws, from the bottom layer to the top: the initial profile, all vectors, the selected
    /// vector.
    fn curves(&self, plot: Rect, scale: Scale, buffer: &mut Buffer) {
        let raster = || Raster::new(plot, self.theme.unicode);
        let (mut behind, mut bands, mut before) = (raster(), raster(), raster());
        let last = (behind.height() - 1) as f64;
        let height = |value: f64| (1.0 - scale.position(value)) * last;
        let initial = |position| self.sample(self.initial, position).map(height);
        self.curve(&mut behind, self.theme.muted, initial);
        self.draw_bands(&mut bands, height);
        self.curve(&mut before, self.theme.text, |position| self.selected(position).map(height));
        [behind, bands, before].iter().for_each(|raster| raster.paint(buffer));
    }

    /// Draws the quantile bands, the outermost as a shade, or the vectors themselves. The median is
    /// drawn too, unless there is a selected vector, which would be close to it.
    fn draw_bands(&self, raster: &mut Raster, height: impl Fn(f64) -> f64) {
        for line in self.lines {
            let height = |position| self.sample(line, position).map(&height);
            self.curve(raster, self.theme.band(1), height);
        }
        let levels = if self.lines.is_empty() { self.bands.len() / 2 } else { 0 };
        for level in 0..levels {
            let style = self.theme.band(level.min(1));
            for x in 0..raster.width() {
                let position = position(x, raster);
                let edge = |band: &[f32]| self.sample(band, position).map(&height);
                let edges =
                    (edge(&self.bands[level]), edge(&self.bands[self.bands.len() - 1 - level]));
                let (Some(low), Some(high)) = edges else { continue };
                match level {
                    0 => raster.shade(x, low, high, style),
                    _ => raster.vertical(x, low, high, style),
                }
            }
        }
        if self.selected(0.0).is_none() {
            let median = |position| self.sample(self.median(), position).map(&height);
            self.curve(raster, self.theme.band(2), median);
        }
    }

    /// Draws a line through the heights at all columns; `None` is a gap.
    fn curve(&self, raster: &mut Raster, style: Style, height: impl Fn(f64) -> Option<f64>) {
        let mut last = None;
        for x in 0..raster.width() {
            let here = height(position(x, raster)).map(|y| (x, y));
            if let Some(here) = here {
                raster.line(last.unwrap_or(here), here, style);
            }
            last = here;
        }
    }

    /// Returns a profile's value at a position from 0 to 1 along the ranks.
    fn sample(&self, values: &[f32], position: f64) -> Option<f64> {
        sample(self.positions, values, position * f64::from(self.last()))
    }

    /// Returns the selected vector's value at a position from 0 to 1 along the ranks.
    fn selected(&self, position: f64) -> Option<f64> {
        let (_, sorted) = self.vector?;
        let index = (position * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(index).map(|&value| f64::from(value))
    }

    fn median(&self) -> &[f32] {
        self.bands.get(self.bands.len() / 2).map_or(&[], Vec::as_slice)
    }

    fn draw_cursor(&self, plot: Rect, buffer: &mut Buffer) {
        let Some(position) = self.cursor else { return };
        let x = plot.x + (position.clamp(0.0, 1.0) * f64::from(plot.width - 1)).round() as u16;
        let line = if self.theme.unicode { '│' } else { '|' };
        for y in plot.top()..plot.bottom() {
            put(buffer, (x, y).into(), line, self.theme.cursor);
        }
    }

    /// Returns the readout at the cursor: the rank, the quantiles over the vectors, the selected
    /// vector and the initial profile.
    fn readout(&self) -> Vec<Part> {
        let position = self.cursor.unwrap_or(0.0).clamp(0.0, 1.0);
        let rank = (position * f64::from(self.last())).round() as u64;
        let fact = |importance, name: &str, value: Option<f64>| {
            let value = value.map_or("-".into(), significant);
            Part::new(importance, format!("{name} "), self.theme.muted).and(value, self.theme.text)
        };
        let mut parts =
            vec![Part::new(0, "rank ", self.theme.muted).and(grouped(rank), self.theme.cursor)];
        let names = [("min", 2), ("15 %", 3), ("50 %", 0), ("85 %", 3), ("max", 2)];
        for ((name, importance), band) in names.into_iter().zip(self.bands) {
            parts.push(fact(importance, name, self.sample(band, position)));
        }
        if let Some((index, _)) = self.vector.filter(|(_, sorted)| !sorted.is_empty()) {
            parts.push(fact(1, &format!("vector {index}"), self.selected(position)));
        }
        if !self.initial.is_empty() {
            parts.push(fact(1, "initial", self.sample(self.initial, position)));
        }
        parts
    }

    fn legend(&self) -> Vec<Part> {
        let theme = self.theme;
        let glyph = |unicode: char, ascii: char| if theme.unicode { unicode } else { ascii };
        let entry = |importance, symbol: char, style, name: String| {
            Part::new(importance, format!("{symbol} "), style).and(name, theme.muted)
        };
        let mut parts = match self.vector.filter(|(_, sorted)| !sorted.is_empty()) {
            Some((index, _)) => {
                vec![entry(0, glyph('━', '-'), theme.text, format!("vector {index}"))]
            }
            None => vec![entry(0, glyph('━', '-'), theme.band(2), "median".into())],
        };
        if self.lines.is_empty() {
            parts.push(entry(1, glyph('▒', '#'), theme.band(1), "15-85 %".into()));
            parts.push(entry(2, glyph('░', '.'), theme.band(0), "all".into()));
        } else {
            let name = format!("each of {}", self.lines.len());
            parts.push(entry(1, glyph('─', '-'), theme.band(1), name));
        }
        if !self.initial.is_empty() {
            parts.push(entry(0, glyph('·', '.'), theme.muted, "initial".into()));
        }
        parts
    }
}

/// Returns the position of a column of dots, from 0 to 1.
fn position(x: i64, raster: &Raster) -> f64 {
    x as f64 / (raster.width() - 1).max(1) as f64
}

/// Interpolates a curve, given at ascending `positions`, linearly at `rank`.
pub(super) fn sample(positions: &[u32], values: &[f32], rank: f64) -> Option<f64> {
    let count = positions.len().min(values.len());
    let next = positions[..count].partition_point(|&position| f64::from(position) < rank);
    let finite = |i: usize| values.get(i).map(|&v| f64::from(v)).filter(|v| v.is_finite());
    match next {
        _ if count == 0 => None,
        0 => finite(0),
        next if next == count => finite(count - 1),
        next => {
            let (left, right) = (f64::from(positions[next - 1]), f64::from(positions[next]));
            let (low, high) = (finite(next - 1)?, finite(next)?);
            Some(low + (high - low) * (rank - left) / (right - left))
        }
    }
}

/// Draws charts without axes, each under its title, as many as are readable, scrolled to
/// `selected`. `item` returns the title and the chart of an index; its second argument is the width
/// of the title in cells.
pub(super) fn multiples<'a>(
    count: usize,
    selected: usize,
    item: impl Fn(usize, u16) -> (Line<'static>, Option<ProfileChart<'a>>),
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() || count == 0 {
        return;
    }
    let (columns, rows) = arrangement(count, area);
    let (width, height) = (area.width / columns, area.height / rows);
    let (per_row, visible) = (usize::from(columns), usize::from(rows));
    let above = (selected.min(count - 1) / per_row).saturating_sub(visible / 2);
    let first = above.min(count.div_ceil(per_row).saturating_sub(visible)) * per_row;
    for (index, cell) in (first..count).zip(0..columns * rows) {
        let (x, y) = (area.x + cell % columns * width, area.y + cell / columns * height);
        // Blank columns separate neighbours.
        let width = if columns > 1 { width.saturating_sub(2) } else { width };
        let cell = Rect { x, y, width, height };
        let (title, chart) = item(index, width);
        buffer.set_line(cell.x, cell.y, &title, cell.width);
        let below = Rect { y: y + 1, height: height.saturating_sub(1), ..cell };
        if let Some(chart) = chart {
            chart.thumbnail(below, buffer);
        }
    }
}

/// Returns the columns and rows of small charts: the best shape if all are readable, otherwise as
/// many as are readable.
fn arrangement(count: usize, area: Rect) -> (u16, u16) {
    /// Width and height of the smallest readable chart, with its title.
    const SMALLEST: (u16, u16) = (16, 3);
    /// The best ratio of width to height.
    const BEST_SHAPE: f64 = 4.0;
    let most = ((area.width / SMALLEST.0).max(1), (area.height / SMALLEST.1).max(1));
    let rows = |columns: u16| count.div_ceil(columns.into());
    let fitting = (1..=most.0).filter(|&columns| rows(columns) <= usize::from(most.1));
    let shape = |columns: u16| {
        let (width, height) = (area.width / columns, area.height / rows(columns) as u16);
        (f64::from(width) / f64::from(height) / BEST_SHAPE).ln().abs()
    };
    let best = fitting.min_by(|&a, &b| shape(a).total_cmp(&shape(b)));
    best.map_or(most, |columns| (columns, rows(columns) as u16))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::theme::Depth;

    #[test]
    fn a_profile_is_straight_between_its_samples() {
        let (positions, values) = ([0, 10, 30], [-1.0, 0.0, 4.0]);
        let read = |rank| sample(&positions, &values, rank);
        assert_eq!([0.0, 5.0, 10.0, 25.0, 30.0].map(read), [-1.0, -0.5, 0.0, 3.0, 4.0].map(Some));
    }

    #[test]
    fn what_is_missing_in_a_profile_is_a_gap() {
        assert_eq!(sample(&[], &[1.0], 0.0), None);
        assert_eq!(sample(&[0, 10], &[0.0, f32::NAN], 5.0), None);
        // More positions than values: the values that are there count.
        assert_eq!(sample(&[0, 10, 20], &[0.0, 1.0], 20.0), Some(1.0));
    }

    fn rows(draw: impl Fn(ProfileChart, Rect, &mut Buffer), cursor: Option<f64>) -> Vec<String> {
        let theme = Theme::new(Depth::None, false);
        let bands: Vec<Vec<f32>> =
            [-2.0, -1.0, 0.0, 1.0, 2.0].map(|low| vec![low, low + 2.0]).into();
        let chart = ProfileChart {
            theme: &theme,
            positions: &[0, 100],
            bands: &bands,
            lines: &[],
            initial: &[],
            vector: None,
            cursor,
        };
        let area = Rect::new(0, 0, 90, 10);
        let mut buffer = Buffer::empty(area);
        draw(chart, area, &mut buffer);
        let rows = buffer.content.chunks(area.width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn the_legend_gives_way_to_what_the_cursor_reads() {
        let draw = |chart: ProfileChart, area, buffer: &mut Buffer| chart.render(area, buffer);
        let drawn = rows(draw, None);
        assert!(drawn[0].contains("median") && drawn[0].contains("15-85 %"), "{drawn:?}");
        assert!(drawn[9].trim_end().ends_with("rank"), "{drawn:?}");
        let drawn = rows(draw, Some(0.5));
        let expected = "rank 50  min -1.00  15 % 0  50 % 1.00  85 % 2.00  max 3.00";
        assert!(drawn[0].contains(expected), "{drawn:?}");
        let column = drawn[2].find('|').and_then(|axis| drawn[2][axis + 1..].find('|'));
        assert_eq!(column, Some(42), "{drawn:?}");
    }

    #[test]
    fn few_vectors_are_drawn_each_by_itself() {
        let lines = [vec![0.0, 0.0], vec![1.0, 1.0]];
        let draw = |chart: ProfileChart, area, buffer: &mut Buffer| {
            ProfileChart { bands: &[], lines: &lines, ..chart }.render(area, buffer);
        };
        let drawn = rows(draw, None);
        assert!(drawn[0].contains("each of 2") && !drawn[0].contains("15-85 %"), "{drawn:?}");
        let full = |row: &&String| row.matches(['\'', '.']).count() > 80;
        assert_eq!(drawn.iter().filter(full).count(), 2, "{drawn:?}");
    }

    #[test]
    fn a_thumbnail_has_no_axes() {
        let draw = |chart: ProfileChart, area, buffer: &mut Buffer| chart.thumbnail(area, buffer);
        let drawn = rows(draw, None).concat();
        assert!(!drawn.contains(|c: char| c.is_alphanumeric() || c == '|'), "{drawn}");
        assert!(drawn.contains(':'), "{drawn}");
    }

    #[test]
    fn small_charts_are_scrolled_to_the_selected_one() {
        let shown = |selected| {
            let area = Rect::new(0, 0, 40, 6);
            let mut buffer = Buffer::empty(area);
            let item = |i, _| (Line::raw(format!("<{i}>")), None);
            multiples(30, selected, item, area, &mut buffer);
            let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
            (0..30).filter(|i| text.contains(&format!("<{i}>"))).collect::<Vec<_>>()
        };
        assert_eq!(shown(0), [0, 1, 2, 3]);
        assert_eq!(shown(9), [6, 7, 8, 9]);
        assert_eq!(shown(29), [26, 27, 28, 29]);
    }

    proptest! {
        #[test]
        fn small_charts_fit(count in 1usize..300, width in 1u16..220, height in 1u16..70) {
            let area = Rect::new(0, 0, width, height);
            let (columns, rows) = arrangement(count, area);
            prop_assert!(columns >= 1 && rows >= 1 && columns <= width && rows <= height);
        }
    }
}
