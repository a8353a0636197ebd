//! Curves over training steps, in any number of cells.
//!
//! A chart never drops a point: what falls on one column is drawn from its least to its greatest value. It
//! also never scrolls: its ranges are round and move in jumps, so that a terminal at the far end of a slow
//! line gets a few bytes per new point. Curves differ by a symbol as well as by colour; the symbols stand
//! at the newest point (and at the others, where there is room) and in the legend.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::run::{Mark, Series};
use crate::tui::theme::Theme;

pub mod axes;
mod raster;
mod reduce;
mod time;

pub use crate::figure::{Scale, Tick, short, significant};
pub use raster::{Raster, put};
use reduce::{Column, Columns};
pub use time::{TimeAxis, jump};

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A line; smoothed, its raw values stay behind it as a shade.
    Line,
    /// A line; smoothed, without its raw values.
    Trend,
    /// A light shade behind all lines.
    Shade,
    /// The area between the least and the greatest of several points at each step; the last of them is what is told.
    Band,
    /// One of several lines that may lie on each other: a trend with its symbol all along it, taking turns with the
    /// others: the first number is whose turn this is, the second how many take part.
    Marked(u16, u16),
}

/// A series to be drawn.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// The points.
    pub series: &'a Series,
    /// What values are multiplied by to fit the chart's unit.
    pub factor: f64,
    /// Its colour.
    pub style: Style,
    /// How it is drawn.
    pub look: Look,
    /// What tells it from other curves without colour.
    pub symbol: char,
    /// Its names in the legend, the longest first; the first that fits is taken. One without a name is only a line.
    pub names: [&'a str; 2],
    /// Half-life of its smoothing in values; 0 is none.
    pub smoothing: f32,
}

/// A single value worth pointing out.
#[derive(Debug, Clone, Copy)]
pub struct Highlight {
    /// When.
    pub step: u64,
    /// The value, in the chart's unit.
    pub value: f64,
    /// What stands there.
    pub symbol: char,
}

/// Curves over time.
pub struct Chart<'a> {
    /// What the values are, to stand before the legend; may be empty.
    pub title: &'a str,
    /// The theme.
    pub theme: &'a Theme,
    /// The time axis.
    pub time: TimeAxis<'a>,
    /// The value axis.
    pub scale: Scale,
    /// The curves; later ones lie on earlier ones.
    pub curves: &'a [Curve<'a>],
    /// Changes made by hand.
    pub marks: &'a [Mark],
    /// A value to point out.
    pub highlight: Option<Highlight>,
    /// How values are written in the legend.
    pub number: fn(f64) -> String,
    /// Whether time is labelled below.
    pub labels_below: bool,
}

/// The least and the greatest finite value that is drawn of curves from step `from` to the right end of the axis, in the
/// chart's unit.
pub fn extent(curves: &[Curve], from: u64, time: &TimeAxis) -> Option<(f64, f64)> {
    /// Places at which a trend is looked at: as many as are drawn on a wide screen.
    const PLACES: u64 = 400;
    let extents = curves.iter().filter_map(|curve| {
        let columns = |width| Columns { from, to: time.to.saturating_add(1), width };
        let (columns, width) = match curve.is_trend() {
            true => (columns(PLACES).smoothed(curve.series, curve.smoothing), PLACES),
            false => (columns(1).extents(curve.series), 1),
        };
        let inside = |c: &&Column| (0..width as i64).contains(&c.x) && c.low <= c.high;
        let ends = columns.iter().filter(inside).map(|column| (column.low, column.high));
        let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some((f64::from(low) * curve.factor, f64::from(high) * curve.factor))
    });
    extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

impl Curve<'_> {
    /// Whether it is smoothed, and its raw values are not drawn.
    fn is_trend(&self) -> bool {
        let smooth = self.smoothing > 0.0 && self.smoothing.is_finite();
        smooth && matches!(self.look, Look::Trend | Look::Marked(..))
    }
}

/// The cells that a text takes.
fn width(text: &str) -> u16 {
    Span::raw(text).width().min(usize::from(u16::MAX)) as u16
}

impl Chart<'_> {
    /// Draws the chart.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) {
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
            let smooth = curve.smoothing > 0.0 && curve.smoothing.is_finite();
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

    /// Draws the extent of every column.
    fn shade(&self, curve: &Curve, columns: &[Column], raster: &mut Raster) {
        let style = if curve.look == Look::Line { self.theme.border } else { curve.style };
        for column in columns.iter().filter(|column| column.low <= column.high) {
            let height = |value| self.height(f64::from(value) * curve.factor, raster);
            let (low, high) = (height(column.low), height(column.high));
            raster.shade(column.x, low, high, style);
        }
    }

    /// Draws the extent of every column, and from each column's last value to the next one's first. A gap
    /// on either side leaves them apart.
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

    /// Fills what lies between the ends of every column, and between those of its neighbours; a gap is left open.
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

    /// Where a curve's symbol stands: at its newest point, and at all of them if they are few.
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

    /// Where the symbol of one of several curves stands: at its newest point, and along the line where it is its turn.
    fn turns(
        &self,
        curve: &Curve,
        columns: &[Column],
        raster: &Raster,
        (turn, of): (u16, u16),
    ) -> Vec<Symbol> {
        /// Cells between the symbols of one curve, and at least between those of two.
        const WIDE: i64 = 20;
        const NARROW: i64 = 5;
        let cell = raster.per_cell().0;
        let between = (NARROW * i64::from(of)).max(WIDE) * cell;
        let first = between * (2 * i64::from(turn) + 1) / (2 * i64::from(of.max(1)));
        let height = |value: f32| self.height(f64::from(value) * curve.factor, raster);
        let place = |x: i64| {
            let after = columns.partition_point(|column| column.x < x);
            let (from, to) = (columns.get(after.checked_sub(1)?)?, columns.get(after)?);
            let share = (x - from.x) as f64 / (to.x - from.x) as f64;
            Some((x, height(from.last) * (1.0 - share) + height(to.first) * share))
        };
        let inside = |column: &&Column| column.x < raster.width() && column.last.is_finite();
        let newest = columns.iter().rfind(inside).map(|column| (column.x, height(column.last)));
        // Nothing crowds the newest one.
        let end = newest.map_or(0, |(x, _)| x - NARROW * cell);
        let along = (0..).map(|i| first + i * between).take_while(|&x| x <= end);
        let places = along.filter_map(place).filter(|(_, height)| height.is_finite()).chain(newest);
        let cells = places.filter_map(|(x, height)| raster.cell(x, height.round() as i64));
        cells.map(|cell| (cell, curve.symbol, curve.style)).collect()
    }

    fn highlight(&self, columns: &Columns, raster: &Raster) -> Option<Symbol> {
        let highlight = self.highlight?;
        let height = self.height(highlight.value, raster).round();
        let cell = raster.cell(columns.of(highlight.step), height as i64)?;
        Some((cell, highlight.symbol, self.theme.accent))
    }

    /// The row of dots of a value, fractional, growing downwards.
    fn height(&self, value: f64, raster: &Raster) -> f64 {
        (1.0 - self.scale.position(value)) * (raster.height() - 1) as f64
    }

    /// Symbols, names and values now or at the cursor: the longer names if all fit, else the shorter ones,
    /// and as many as fit.
    fn legend(&self, area: Rect, buffer: &mut Buffer) {
        let entry = |curve: &Curve, name: &str| {
            let point = match self.time.cursor {
                Some(step) => curve.series.at(step),
                None => curve.series.last(),
            };
            let value = point.map_or(f64::NAN, |(_, value)| f64::from(value) * curve.factor);
            let gap = if name.is_empty() { "" } else { " " };
            vec![
                Span::styled(format!("{} ", curve.symbol), curve.style),
                Span::styled(format!("{name}{gap}"), self.theme.muted),
                Span::styled((self.number)(value), self.theme.text),
            ]
        };
        let named = || self.curves.iter().filter(|curve| !curve.names[0].is_empty());
        let line = |length: usize, count: usize| {
            let mut line = Line::styled(self.title, self.theme.muted);
            for curve in named().rev().take(count) {
                line.spans.extend((line.width() > 0).then(|| Span::raw("  ")));
                line.spans.extend(entry(curve, curve.names[length]));
            }
            line
        };
        let count = named().count();
        let shorter = (1..=count).rev().map(|count| line(1, count));
        let mut fitting = std::iter::once(line(0, count)).chain(shorter);
        if let Some(line) = fitting.find(|line| line.width() <= usize::from(area.width)) {
            buffer.set_line(area.x, area.y, &line, area.width);
        }
    }

    /// The column of cells of a step inside the plot.
    fn column(&self, step: u64, plot: Rect) -> Option<u16> {
        let position = self.time.position(step);
        let column = (position * f64::from(plot.width)).floor().min(f64::from(plot.width - 1));
        (0.0..=1.0).contains(&position).then(|| plot.x + column as u16)
    }

    fn mark_lines(&self, plot: Rect, buffer: &mut Buffer) {
        let line = if self.theme.unicode { "┊" } else { ":" };
        for x in self.marks.iter().filter_map(|mark| self.column(mark.step, plot)) {
            for y in plot.top()..plot.bottom() {
                buffer.set_string(x, y, line, self.theme.mark);
            }
        }
    }

    /// Writes what was done beside its line, in the first row where that hides nothing. Of what was changed again and
    /// again within a column, only the last is of interest.
    fn mark_labels(&self, plot: Rect, buffer: &mut Buffer) {
        let quantity = |mark: &Mark| mark.label.split('=').next().map(str::to_owned);
        for (index, mark) in self.marks.iter().enumerate() {
            let Some(x) = self.column(mark.step, plot) else { continue };
            let again = |later: &Mark| {
                quantity(later) == quantity(mark) && self.column(later.step, plot) == Some(x)
            };
            if self.marks[index + 1..].iter().any(again) {
                continue;
            }
            let width = width(&mark.label);
            // To the right of the line, or to its left at the right edge.
            let start = match x + 1 + width <= plot.right() {
                true => x + 1,
                false => x.saturating_sub(width).max(plot.left()),
            };
            let free = |&y: &u16| {
                let mut cells = (start..start + width).map(|x| Position::new(x, y));
                cells.all(|cell| buffer.cell(cell).is_some_and(|c| c.symbol() == " "))
            };
            if let Some(y) = (plot.top()..plot.bottom()).find(free) {
                buffer.set_string(start, y, &mark.label, self.theme.mark);
            }
        }
    }

    fn cursor(&self, area: Rect, plot: Rect, buffer: &mut Buffer) {
        let Some((step, x)) = self.time.cursor.and_then(|s| Some((s, self.column(s, plot)?)))
        else {
            return;
        };
        let line = if self.theme.unicode { '│' } else { '|' };
        for y in plot.top()..plot.bottom() {
            put(buffer, Position::new(x, y), line, self.theme.cursor);
        }
        if plot.bottom() < area.bottom() {
            let text = self.time.readout(step);
            let start = x.saturating_sub(width(&text) / 2);
            let start = start.min(plot.right().saturating_sub(width(&text))).max(plot.x);
            let end = (start + width(&text)).min(plot.right());
            // What is left of a label that it covers would read as part of the number.
            let label = |x: &u16| buffer[(*x, plot.bottom())].symbol() != " ";
            let before = (plot.x..start).rev().take_while(label).count() as u16;
            let after = (end..plot.right()).take_while(label).count() as u16;
            for x in start - before..end + after {
                buffer[(x, plot.bottom())].reset();
            }
            buffer.set_stringn(start, plot.bottom(), &text, plot.width.into(), self.theme.cursor);
        }
    }
}

/// A character on top of the curves.
type Symbol = (Position, char, Style);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunState;
    use crate::tui::theme::Depth;
    use crate::tui::view::View;

    /// Draws values of steps 0, 1, 2, … on an axis of 100 steps, from 0 to 10, in 26x6 cells: the plot is
    /// 20x4.
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

    /// As [`drawn`], of several points at a step and as a band.
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
        // Half way, it is half as high.
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
        // One of the last 72 values' weight, about.
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
