//! The chart itself.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::axes;
use super::curve::{Curve, Highlight, Look};
use super::raster::{Raster, put};
use super::reduce::{Column, Columns};
use super::time::TimeAxis;
use crate::figure::Scale;
use crate::run::Mark;
use crate::tui::theme::Theme;

/// Curves over time, with axes and a legend.
pub(crate) struct Chart<'a> {
    /// The quantity, written before the legend; may be empty.
    pub title: &'a str,
    pub theme: &'a Theme,
    pub time: TimeAxis<'a>,
    pub scale: Scale,
    /// The curves; later ones are drawn over earlier ones.
    pub curves: &'a [Curve<'a>],
    /// Manual changes.
    pub marks: &'a [Mark],
    pub highlight: Option<Highlight>,
    /// Formats the values of the legend.
    pub number: fn(f64) -> String,
    /// Whether the time axis has labels.
    pub labels_below: bool,
}

/// A character on top of the curves.
type Symbol = (Position, char, Style);

impl Chart<'_> {
    /// Draws the chart.
    pub(crate) fn render(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let legend = u16::from(area.height >= 4);
        let below = Rect { y: area.y + legend, height: area.height - legend, ..area };
        let mut plot = axes::plot_area(below);
        if !self.labels_below {
            plot.height = below.height;
        }
        if plot.is_empty() {
            return;
        }
        if legend == 1 {
            self.legend(Rect { x: plot.x, width: plot.width, height: 1, y: area.y }, buffer);
        }
        let rows = usize::from(plot.height);
        let ticks = self.scale.ticks(rows.div_ceil(2).clamp(2, 6));
        axes::vertical(below, plot, &ticks, self.theme, buffer);
        let ticks = self.time.ticks(usize::from(plot.width) / 8);
        axes::horizontal(below, plot, &ticks, self.time.unit(), self.theme, buffer);
        self.mark_lines(plot, buffer);
        self.curves(plot, buffer);
        self.mark_labels(plot, buffer);
        self.cursor(below, plot, buffer);
    }

    fn curves(&self, plot: Rect, buffer: &mut Buffer) {
        let mut shades = Raster::new(plot, self.theme.unicode);
        let mut lines = Raster::new(plot, self.theme.unicode);
        let columns =
            Columns { from: self.time.from, to: self.time.to, width: lines.width() as u64 };
        let mut symbols = Vec::new();
        for curve in self.curves {
            let smooth = curve.is_smoothed();
            let raw = columns.extents(curve.series);
            if curve.look == Look::Band {
                self.band(curve, &raw, &mut lines);
                symbols.extend(self.symbols(curve, &raw, &lines).into_iter().take(1));
                continue;
            }
            if curve.look == Look::Shade || (smooth && curve.look == Look::Line) {
                self.shade(curve, &raw, &mut shades);
            }
            if smooth || curve.look != Look::Shade {
                let line =
                    if smooth { columns.smoothed(curve.series, curve.smoothing) } else { raw };
                self.line(curve, &line, &mut lines);
                symbols.extend(match curve.look {
                    _ if curve.names[0].is_empty() => Vec::new(),
                    Look::Marked(turn, of) => self.turns(curve, &line, &lines, (turn, of)),
                    _ => self.symbols(curve, &line, &lines),
                });
            }
        }
        symbols.extend(self.highlight(&columns, &lines));
        shades.paint(buffer);
        lines.paint(buffer);
        for (position, symbol, style) in symbols {
            put(buffer, position, symbol, style);
        }
    }

    /// Draws the extent of every column as a shade.
    fn shade(&self, curve: &Curve, columns: &[Column], raster: &mut Raster) {
        let style = if curve.look == Look::Line { self.theme.border } else { curve.style };
        for column in columns.iter().filter(|column| column.low <= column.high) {
            let height = |value| self.height(f64::from(value) * curve.factor, raster);
            let (low, high) = (height(column.low), height(column.high));
            raster.shade(column.x, low, high, style);
        }
    }

    /// Draws the extent of every column, and a line from its last value to the first of the next
    /// column. A gap interrupts the line.
    fn line(&self, curve: &Curve, columns: &[Column], raster: &mut Raster) {
        let mut last: Option<(i64, f64)> = None;
        for column in columns {
            let height = |value| self.height(f64::from(value) * curve.factor, raster);
            let ends = [column.low, column.high, column.first, column.last].map(height);
            if let Some(last) = last.filter(|_| column.first.is_finite()) {
                raster.line(last, (column.x, ends[2]), curve.style);
            }
            if column.low <= column.high {
                raster.vertical(column.x, ends[0], ends[1], curve.style);
            }
            last = column.last.is_finite().then_some((column.x, ends[3]));
        }
    }

    /// Fills the area between the ends of every column and those of its neighbours. Gaps stay
    /// empty.
    fn band(&self, curve: &Curve, columns: &[Column], raster: &mut Raster) {
        let last = (raster.height() - 1) as f64;
        let height =
            |value: f32| (1.0 - self.scale.position(f64::from(value) * curve.factor)) * last;
        let ends = |column: &Column| (height(column.low), height(column.high));
        let known = |column: &Column| column.low <= column.high;
        for column in columns.iter().filter(|column| known(column)) {
            let (low, high) = ends(column);
            raster.vertical(column.x, low, high, curve.style);
        }
        for pair in columns.windows(2).filter(|pair| pair.iter().all(known)) {
            let [(low, high), (next_low, next_high)] = [ends(&pair[0]), ends(&pair[1])];
            for x in (pair[0].x + 1).max(0)..pair[1].x.min(raster.width()) {
                let share = (x - pair[0].x) as f64 / (pair[1].x - pair[0].x) as f64;
                let between = |from: f64, to: f64| from + (to - from) * share;
                raster.vertical(x, between(low, next_low), between(high, next_high), curve.style);
            }
        }
    }

    /// Places a curve's symbol at its latest point, and at all points if they are few.
    fn symbols(&self, curve: &Curve, columns: &[Column], raster: &Raster) -> Vec<Symbol> {
        let few = columns.len() as i64 * 16 <= raster.width();
        let inside = columns.iter().filter(|c| c.last.is_finite() && c.x < raster.width());
        let cells = inside.rev().filter_map(|column| {
            let height = self.height(f64::from(column.last) * curve.factor, raster).round();
            raster.cell(column.x, height as i64)
        });
        let most = if few { usize::MAX } else { 1 };
        cells.take(most).map(|cell| (cell, curve.symbol, curve.style)).collect()
    }

    /// Places the symbol of curve `turn` of `of` at its latest point, and repeatedly along the
    /// line.
    fn turns(
        &self,
        curve: &Curve,
        columns: &[Column],
        raster: &Raster,
        (turn, of): (u16, u16),
    ) -> Vec<Symbol> {
        /// Least number of cells between two symbols of one curve.
        const WIDE: i64 = 20;
        /// Number of cells between the symbols of two curves.
        const NARROW: i64 = 5;
        let cell = raster.per_cell().0;
        let between = (NARROW * i64::from(of)).max(WIDE) * cell;
        let first = between * (2 * i64::from(turn) + 1) / (2 * i64::from(of.max(1)));
        let height = |value: f32| self.height(f64::from(value) * curve.factor, raster);
        let point = |x: i64| {
            let after = columns.partition_point(|column| column.x < x);
            let (from, to) = (columns.get(after.checked_sub(1)?)?, columns.get(after)?);
            let share = (x - from.x) as f64 / (to.x - from.x) as f64;
            Some((x, height(from.last) * (1.0 - share) + height(to.first) * share))
        };
        let inside = |column: &&Column| column.x < raster.width() && column.last.is_finite();
        let latest = columns.iter().rfind(inside).map(|column| (column.x, height(column.last)));
        // No symbol too close to the latest point.
        let end = latest.map_or(0, |(x, _)| x - NARROW * cell);
        let along = (0..).map(|i| first + i * between).take_while(|&x| x <= end);
        let points = along.filter_map(point).filter(|(_, height)| height.is_finite()).chain(latest);
        let cells = points.filter_map(|(x, height)| raster.cell(x, height.round() as i64));
        cells.map(|cell| (cell, curve.symbol, curve.style)).collect()
    }

    fn highlight(&self, columns: &Columns, raster: &Raster) -> Option<Symbol> {
        let highlight = self.highlight?;
        let height = self.height(highlight.value, raster).round();
        let cell = raster.cell(columns.of(highlight.step), height as i64)?;
        Some((cell, highlight.symbol, self.theme.accent))
    }

    /// Returns the row of dots of a value, as a fraction that grows downwards.
    fn height(&self, value: f64, raster: &Raster) -> f64 {
        (1.0 - self.scale.position(value)) * (raster.height() - 1) as f64
    }

    /// Returns the column of cells of a step; `None` outside the plot.
    pub(super) fn column(&self, step: u64, plot: Rect) -> Option<u16> {
        let position = self.time.position(step);
        let column = (position * f64::from(plot.width)).floor().min(f64::from(plot.width - 1));
        (0.0..=1.0).contains(&position).then(|| plot.x + column as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::significant;
    use crate::run::{RunState, Series};
    use crate::tui::chart::extent;
    use crate::tui::theme::Depth;
    use crate::tui::view::View;

    /// Draws the values of steps 0, 1, 2, … in 26x6 cells. The plot has 20x4 cells, for 100 steps
    /// and values from 0 to 10.
    fn drawn(values: &[f32], view: &View, marks: &[Mark], unicode: bool) -> Buffer {
        let points = values.iter().enumerate().map(|(step, &value)| (step as u64, value));
        drawn_points(points, view, marks, unicode)
    }

    fn drawn_points(
        points: impl IntoIterator<Item = (u64, f32)>,
        view: &View,
        marks: &[Mark],
        unicode: bool,
    ) -> Buffer {
        let mut series = Series::default();
        points.into_iter().for_each(|(step, value)| series.push(step, value));
        let (state, theme) = (RunState::default(), Theme::new(Depth::None, unicode));
        let view = View { window: Some((0, 100)), ..view.clone() };
        let curve = Curve {
            series: &series,
            factor: 1.0,
            style: theme.text,
            look: Look::Line,
            symbol: '*',
            names: ["a long name that does not fit", "value"],
            smoothing: view.smoothing,
        };
        let chart = Chart {
            title: "",
            theme: &theme,
            time: TimeAxis::new(&state, &view),
            scale: Scale::linear(0.0, 10.0),
            curves: &[curve],
            marks,
            highlight: None,
            number: significant,
            labels_below: true,
        };
        let area = Rect::new(0, 0, 26, 6);
        let mut buffer = Buffer::empty(area);
        chart.render(area, &mut buffer);
        buffer
    }

    /// Draws several points per step as a band, like [`drawn`].
    fn band(points: &[(u64, f32)]) -> Vec<String> {
        let mut series = Series::default();
        points.iter().for_each(|&(step, value)| series.push(step, value));
        let (state, theme) = (RunState::default(), Theme::new(Depth::None, false));
        let view = View { window: Some((0, 100)), ..View::default() };
        let curve = Curve {
            series: &series,
            factor: 1.0,
            style: theme.text,
            look: Look::Band,
            symbol: '*',
            names: ["band", "band"],
            smoothing: 0.0,
        };
        let chart = Chart {
            title: "",
            theme: &theme,
            time: TimeAxis::new(&state, &view),
            scale: Scale::linear(0.0, 10.0),
            curves: &[
                Curve { names: ["", ""], look: Look::Trend, symbol: '!', ..curve.clone() },
                curve,
            ],
            marks: &[],
            highlight: None,
            number: significant,
            labels_below: false,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 26, 5));
        chart.render(buffer.area, &mut buffer);
        rows(&buffer)
    }

    #[test]
    fn a_band_fills_what_lies_between_and_is_told_by_its_last_point() {
        let rows = band(&[(0, 0.0), (0, 10.0), (0, 5.0), (50, 4.0), (50, 6.0), (50, 5.0)]);
        assert!(rows[0].contains("* band 5.00") && !rows[0].contains('!'), "{rows:?}");
        let column = |x: usize| {
            rows[1..].iter().filter_map(|row| row.chars().nth(6 + x)).collect::<String>()
        };
        assert_eq!(column(0), "::::");
        assert_eq!([column(8), column(11)], [" :: ", "    "]);
        // Halfway, the band is half as high.
        assert_eq!(column(5).trim().len(), 4, "{rows:?}");
        let gap = band(&[(0, 0.0), (0, 10.0), (25, f32::NAN), (50, 0.0), (50, 10.0)]);
        let empty = |x: usize| gap[1..].iter().all(|row| row.chars().nth(6 + x) == Some(' '));
        assert!(!empty(0) && empty(3) && empty(7) && !empty(10), "{gap:?}");
    }

    fn rows(buffer: &Buffer) -> Vec<String> {
        let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        (0..buffer.area.height).map(row).collect()
    }

    fn rows_of(values: &[f32]) -> Vec<String> {
        rows(&drawn(values, &View::default(), &[], false))
    }

    #[test]
    fn a_constant_is_a_flat_line() {
        let rows = rows_of(&[0.0; 100]);
        assert_eq!(
            rows,
            [
                "      * value 0           ",
                "   10+                    ",
                "     |                    ",
                "     |                    ",
                "    0+...................*",
                "      0        50    steps",
            ]
        );
    }

    #[test]
    fn a_spike_reaches_the_top_in_its_column() {
        let mut values = [0.0; 100];
        values[52] = 10.0;
        let rows = rows_of(&values);
        assert_eq!(rows[1], "   10+          :         ");
        assert_eq!(rows[2], "     |          :         ");
    }

    #[test]
    fn the_range_of_a_trend_is_that_of_what_is_drawn() {
        let mut series = Series::default();
        (0..1000).for_each(|step| series.push(step, if step == 500 { 1000.0 } else { 1.0 }));
        let (state, view) =
            (RunState::default(), View { window: Some((0, 1000)), ..View::default() });
        let time = TimeAxis::new(&state, &view);
        let high = |look, smoothing| {
            let style = Style::new();
            let names = ["", ""];
            let curve =
                Curve { series: &series, factor: 2.0, style, look, symbol: '*', names, smoothing };
            extent(&[curve], 0, &time).map(|(_, high)| high)
        };
        assert_eq!(high(Look::Line, 50.0), Some(2000.0));
        assert_eq!(high(Look::Trend, 0.0), Some(2000.0));
        // The spike has about the weight of one of 72 values.
        assert!(high(Look::Trend, 50.0).is_some_and(|high| (20.0..40.0).contains(&high)));
    }

    #[test]
    fn a_gap_is_left_open() {
        let mut values = [0.0; 100];
        values[50..60].fill(f32::NAN);
        assert_eq!(rows_of(&values)[4], "    0+..........  .......*");
    }

    #[test]
    fn few_points_are_marked_each_and_many_only_at_the_end() {
        let symbols = |points: &[(u64, f32)]| {
            let buffer = drawn_points(points.to_vec(), &View::default(), &[], true);
            let plot = rows(&buffer).split_off(1);
            plot.concat().matches('*').count()
        };
        assert_eq!(symbols(&[(0, 1.0), (50, 9.0)]), 2);
        assert_eq!(symbols(&[(0, 1.0), (10, 9.0), (20, 3.0), (30, 1.0)]), 1);
    }

    #[test]
    fn hand_made_changes_stand_beside_their_line() {
        let mark = Mark { step: 50, label: "k = 100".into() };
        let rows = rows(&drawn(&[0.0; 100], &View::default(), &[mark], false));
        assert_eq!(rows[1], "   10+          :k = 100  ");
        assert_eq!(rows[2], "     |          :         ");
    }

    #[test]
    fn of_many_changes_at_once_the_last_is_written_and_at_the_edge_to_the_left() {
        let mark = |step, label: &str| Mark { step, label: label.into() };
        let marks = [mark(50, "p = 5 %"), mark(50, "p = 50 %"), mark(99, "k = 7")];
        let text = rows(&drawn(&[0.0; 100], &View::default(), &marks, false)).concat();
        assert!(text.contains(":p = 50 %") && !text.contains("p = 5 %"), "{text}");
        assert!(text.contains("k = 7:"), "{text}");
    }

    #[test]
    fn the_cursor_reads_values_and_step() {
        let values: Vec<f32> = (0..100u8).map(|i| f32::from(i) / 10.0).collect();
        let view = View { cursor: Some(42), ..View::default() };
        let rows = rows(&drawn(&values, &view, &[], false));
        assert!(rows[0].contains("value 4.20"), "{rows:?}");
        assert_eq!(rows[5], "      0      42      steps");
        assert!((1..5).all(|y| rows[y].as_bytes()[14] == b'|'), "{rows:?}");
    }

    #[test]
    fn appending_a_point_changes_a_few_cells() {
        let values: Vec<f32> = (0..100u8).map(|i| f32::from(i % 10)).collect();
        let view = View { smoothing: 5.0, ..View::default() };
        for count in 50..99 {
            let before = drawn(&values[..count], &view, &[], true);
            let after = drawn(&values[..count + 1], &view, &[], true);
            let changes = before.diff(&after).len();
            assert!(changes <= 16, "{changes} cells for point {count}");
        }
    }

    #[test]
    fn ascii_is_ascii() {
        let mark = Mark { step: 50, label: "k = 100".into() };
        let view = View { cursor: Some(30), smoothing: 3.0, ..View::default() };
        let values: Vec<f32> = (0..100u8).map(|i| f32::from(i % 10)).collect();
        let rows = rows(&drawn(&values, &view, &[mark], false));
        assert!(rows.iter().all(|row| row.is_ascii()), "{rows:?}");
    }
}
