//! Curves between two axes, with a legend.

use super::canvas::{Anchor, Area, Canvas, Colour, Position, Stroke, text_width};
use super::scale::{Scale, Tick, short};
use super::style::Look;

/// Font size of tick labels and legends, in points.
pub(super) const SMALL: f64 = 7.0;
/// Font size of the titles of plots and axes, in points.
pub(super) const LARGE: f64 = 8.0;

/// Font size of the names of manual changes, in points.
const MARK: f64 = 6.0;

const FRAME: Stroke = Stroke::solid(Colour::INK, 0.6);
const GRID: Stroke = Stroke::solid(Colour(0xe4, 0xe4, 0xe4), 0.4);

/// Width of a curve's line, and of the symbols along it, in points.
const LINE: f64 = 1.1;
const SYMBOL: f64 = 3.6;

/// Margin on the right for half of the last tick's label, in points. It is constant, so that plots
/// above each other are aligned.
const RIGHT: f64 = 9.0;

/// A point of a curve, and the band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    /// The value; NaN is a gap.
    pub y: f64,
    /// The lower edge of the band.
    pub low: f64,
    /// The upper edge of the band.
    pub high: f64,
}

/// A line with a band around it.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// The name in the legend; a curve with an empty label is not listed.
    pub label: String,
    pub look: Look,
    /// The points from left to right.
    pub points: Vec<Point>,
    /// Whether symbols are drawn along the curve.
    pub marked: bool,
    /// Whether the curve is secondary: thin and dashed.
    pub faint: bool,
}

impl Curve {
    /// With more points than this, dashes would not be visible between them.
    const DENSE: usize = 150;

    fn stroke(&self) -> Stroke {
        let Look { colour, dash, .. } = self.look;
        match (self.faint, self.points.len() > Self::DENSE) {
            (true, _) => Stroke { dash: "2 1.5", ..Stroke::solid(colour, LINE * 0.6) },
            (false, true) => Stroke::solid(colour, LINE * 0.7),
            (false, false) => Stroke { dash, ..Stroke::solid(colour, LINE) },
        }
    }
}

/// A labelled axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// The quantity and its unit; may be empty.
    pub title: String,
    pub scale: Scale,
    /// The ticks; those outside the range are not drawn.
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// Creates an axis of values with at most `most` ticks.
    pub(super) fn of_values(title: &str, scale: Scale, most: usize) -> Self {
        Axis { title: title.into(), scale, ticks: scale.ticks(most) }
    }

    /// Creates an axis from 0 of counts, with labels such as `800` and `20k`.
    pub(super) fn of_counts(title: &str, end: f64, most: usize) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        let scale = Scale::linear(0.0, end);
        let mut ticks = scale.ticks(most);
        ticks.iter_mut().for_each(|tick| tick.label = short(tick.position * end));
        Axis { title: title.into(), scale, ticks }
    }

    /// Removes title and labels, for a plot above another that shares the axis.
    pub(super) fn silent(mut self) -> Self {
        self.title.clear();
        self.ticks.iter_mut().for_each(|tick| tick.label.clear());
        self
    }

    fn visible(&self) -> impl Iterator<Item = &Tick> {
        self.ticks.iter().filter(|tick| (-1e-6..=1.0 + 1e-6).contains(&tick.position))
    }
}

/// Whether a plot has a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legend {
    /// In the corner where it hides the least.
    Inside,
    None,
}

/// Curves between two axes.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    /// The title above the plot, at the left; may be empty.
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    /// The curves from the bottom layer of the drawing to the top.
    pub curves: Vec<Curve>,
    pub legend: Legend,
    /// Manual changes: position on the horizontal axis, and name.
    pub marks: Vec<(f64, String)>,
}

impl Plot {
    /// Draws the plot with axes and titles into `area`. Returns the area inside the frame.
    pub(super) fn draw(&self, area: Area, canvas: &mut Canvas) -> Area {
        self.draw_from(self.margins()[0], area, canvas)
    }

    /// Draws like [`draw`](Self::draw), with the vertical axis `left` points from the left edge, so
    /// that plots above each other can be aligned.
    pub(super) fn draw_from(&self, left: f64, area: Area, canvas: &mut Canvas) -> Area {
        let [_, top, right, bottom] = self.margins();
        let inner = area.inside([left, top, right, bottom]);
        self.axes(inner, area.x, canvas);
        canvas.clipped(inner, |canvas| {
            self.marks(inner, canvas);
            self.curves.iter().for_each(|curve| self.band(curve, inner, canvas));
            self.curves.iter().for_each(|curve| self.line(curve, inner, canvas));
        });
        if self.legend == Legend::Inside {
            self.legend(inner, canvas);
        }
        canvas.frame(inner, FRAME);
        inner
    }

    /// Returns the position of a value on the page; `area` is the inside of the frame.
    pub(super) fn position(&self, area: Area, x: f64, y: f64) -> Position {
        let (x, y) = (self.x.scale.position(x), self.y.scale.position(y));
        (area.x + x * area.width, area.bottom() - y * area.height)
    }

    /// Returns the margins for axes and titles: left, top, right, bottom.
    pub(super) fn margins(&self) -> [f64; 4] {
        let widest = |axis: &Axis| {
            axis.visible().map(|tick| text_width(&tick.label, SMALL)).fold(0.0, f64::max)
        };
        let room = |text: &str, room: f64| if text.is_empty() { 0.0 } else { room };
        let words = self.x.ticks.iter().any(|tick| !tick.label.is_empty());
        let below = if words { SMALL + 4.5 } else { 3.0 };
        [
            widest(&self.y) + 5.0 + room(&self.y.title, LARGE + 3.0),
            room(&self.title, LARGE + 4.5).max(SMALL / 2.0),
            RIGHT,
            below + room(&self.x.title, LARGE + 2.5),
        ]
    }

    fn axes(&self, area: Area, left: f64, canvas: &mut Canvas) {
        for tick in self.x.visible() {
            let x = area.x + tick.position * area.width;
            canvas.line((x, area.y), (x, area.bottom()), GRID);
            canvas.line((x, area.bottom()), (x, area.bottom() + 2.0), FRAME);
            let position = (x, area.bottom() + 2.5 + SMALL);
            canvas.text(position, Anchor::Middle, SMALL, Colour::INK, &tick.label);
        }
        for tick in self.y.visible() {
            let y = area.bottom() - tick.position * area.height;
            canvas.line((area.x, y), (area.right(), y), GRID);
            canvas.line((area.x - 2.0, y), (area.x, y), FRAME);
            let position = (area.x - 3.5, y + SMALL * 0.36);
            canvas.text(position, Anchor::End, SMALL, Colour::INK, &tick.label);
        }
        let (middle_x, middle_y) = area.centre();
        let below = area.bottom() + 4.5 + SMALL + LARGE;
        canvas.text((middle_x, below), Anchor::Middle, LARGE, Colour::INK, &self.x.title);
        canvas.upward_text((left + LARGE, middle_y), LARGE, Colour::INK, &self.y.title);
        let above = (area.x, area.y - 4.0);
        canvas.text(above, Anchor::Start, LARGE, Colour::INK, &self.title);
    }

    /// Draws a line at every manual change, with its name if there is room.
    fn marks(&self, area: Area, canvas: &mut Canvas) {
        let stroke = Stroke { dash: "1 2", ..Stroke::solid(Colour::PALE, 0.8) };
        for (x, _) in &self.marks {
            let (x, _) = self.position(area, *x, 0.0);
            canvas.line((x, area.y), (x, area.bottom()), stroke);
        }
        for (name, position) in self.mark_names(area) {
            let baseline = (position.x, position.bottom());
            canvas.text(baseline, Anchor::Start, MARK, Colour::PALE, name);
        }
    }

    /// Returns the names of manual changes with their areas, which do not overlap and are inside
    /// the plot.
    fn mark_names(&self, area: Area) -> Vec<(&str, Area)> {
        let mut named: Vec<(&str, Area)> = Vec::new();
        for (x, name) in self.marks.iter().filter(|(_, name)| !name.is_empty()) {
            let (x, _) = self.position(area, *x, 0.0);
            let width = text_width(name, MARK);
            let left = if x + width + 2.0 > area.right() { x - width } else { x + 1.5 };
            if left >= named.last().map_or(area.x, |(_, last)| last.right()) {
                named.push((name, Area { x: left, y: area.y + 1.0, width, height: MARK }));
            }
        }
        named
    }

    fn band(&self, curve: &Curve, area: Area, canvas: &mut Canvas) {
        let wide = |point: &Point| point.low < point.high;
        for part in curve.points.split(|point| !(point.low.is_finite() && point.high.is_finite())) {
            if !part.iter().any(wide) {
                continue;
            }
            let upper = part.iter().map(|point| self.position(area, point.x, point.high));
            let lower = part.iter().rev().map(|point| self.position(area, point.x, point.low));
            let outline: Vec<Position> = upper.chain(lower).collect();
            canvas.shape(&outline, curve.look.colour, if curve.faint { 0.1 } else { 0.2 });
        }
    }

    fn line(&self, curve: &Curve, area: Area, canvas: &mut Canvas) {
        let parts = curve.points.split(|point| !point.y.is_finite());
        let lines: Vec<Vec<Position>> = parts
            .map(|part| part.iter().map(|point| self.position(area, point.x, point.y)).collect())
            .collect();
        let Look { colour, marker, .. } = curve.look;
        canvas.lines(&lines, curve.stroke());
        // A value between two gaps makes no line.
        for &(x, y) in lines.iter().filter(|line| line.len() == 1).flatten() {
            canvas.marker(marker, (x, y), SYMBOL, colour);
        }
        if curve.marked {
            let positions: Vec<Position> = lines.into_iter().flatten().collect();
            for position in spread(&positions, area.width / 7.0) {
                canvas.marker(marker, position, SYMBOL, colour);
            }
        }
    }

    fn named(&self) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(|curve| !curve.label.is_empty())
    }

    fn legend(&self, area: Area, canvas: &mut Canvas) {
        let named: Vec<&Curve> = self.named().collect();
        if named.is_empty() {
            return;
        }
        let (width, height) = legend_size(&named);
        let (left, right) = (area.x + 3.0, area.right() - width - 3.0);
        let (top, bottom) = (area.y + 3.0, area.bottom() - height - 3.0);
        let corners = [(right, bottom), (right, top), (left, top), (left, bottom)];
        let positions: Vec<Position> = self.dense_positions(area);
        let names = self.mark_names(area);
        let hidden = |&(x, y): &Position| {
            let within = |p: &&Position| {
                (x - 2.0..=x + width + 2.0).contains(&p.0)
                    && (y - 2.0..=y + height + 2.0).contains(&p.1)
            };
            let name = |(_, name): &&(&str, Area)| {
                name.x < x + width && name.right() > x && name.bottom() > y && name.y < y + height
            };
            // A hidden name is worse than a hidden piece of a curve.
            positions.iter().filter(within).count() + 50 * names.iter().filter(name).count()
        };
        let Some((x, y)) = corners.into_iter().min_by_key(hidden) else { return };
        legend(&named, Area { x, y, width, height }, canvas);
    }

    /// Returns positions along the curves, dense enough that no legend fits between two.
    fn dense_positions(&self, area: Area) -> Vec<Position> {
        let mut positions = Vec::new();
        for curve in &self.curves {
            let points = curve.points.iter().filter(|point| point.y.is_finite());
            let ends =
                points.map(|point| self.position(area, point.x, point.y)).collect::<Vec<_>>();
            for pair in ends.windows(2) {
                let steps = ((pair[1].0 - pair[0].0) / 3.0).ceil().clamp(1.0, 200.0);
                for i in 0..=steps as usize {
                    let share = i as f64 / steps;
                    positions.push((
                        pair[0].0 + (pair[1].0 - pair[0].0) * share,
                        pair[0].1 + (pair[1].1 - pair[0].1) * share,
                    ));
                }
            }
        }
        positions
    }
}

/// Length of the sample line in a legend, and the height of its rows, in points.
const SAMPLE: f64 = 16.0;
const ROW: f64 = SMALL + 2.5;

/// Returns the width and height of a legend of these curves.
pub(super) fn legend_size(curves: &[&Curve]) -> (f64, f64) {
    let widest = curves.iter().map(|curve| text_width(&curve.label, SMALL)).fold(0.0, f64::max);
    (SAMPLE + widest + 9.0, curves.len() as f64 * ROW + 4.0)
}

/// Draws a legend: a sample line and the name of each curve.
pub(super) fn legend(curves: &[&Curve], area: Area, canvas: &mut Canvas) {
    canvas.fill(area, Colour::PAPER, 0.85);
    for (row, curve) in curves.iter().enumerate() {
        let middle = area.y + 2.0 + (row as f64 + 0.5) * ROW;
        let start = area.x + 3.0;
        canvas.line((start, middle), (start + SAMPLE, middle), curve.stroke());
        if curve.marked {
            let position = (start + SAMPLE / 2.0, middle);
            canvas.marker(curve.look.marker, position, SYMBOL, curve.look.colour);
        }
        let position = (start + SAMPLE + 3.0, middle + SMALL * 0.36);
        canvas.text(position, Anchor::Start, SMALL, Colour::INK, &curve.label);
    }
}

/// Selects positions, from left to right, that are at least `distance` apart.
fn spread(positions: &[Position], distance: f64) -> Vec<Position> {
    let mut chosen: Vec<Position> = Vec::new();
    for &position in positions {
        let far = |last: &Position| (position.0 - last.0).hypot(position.1 - last.1) >= distance;
        if chosen.last().is_none_or(far) {
            chosen.push(position);
        }
    }
    chosen
}

/// Returns the range of the curves and their bands for x in `from..=to`; infinite if there is no
/// value.
pub(super) fn around(curves: &[Curve], from: f64, to: f64) -> (f64, f64) {
    let points = curves.iter().flat_map(|curve| &curve.points);
    let seen = points.filter(|point| (from..=to).contains(&point.x));
    let values = seen.flat_map(|point| [point.y, point.low, point.high]);
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::style::look;

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, low: y, high: y }
    }

    fn plot(points: Vec<Point>) -> Plot {
        let curve =
            Curve { label: "k = 20".into(), look: look(0), points, marked: false, faint: false };
        Plot {
            title: String::new(),
            x: Axis::of_counts("steps", 10.0, 5),
            y: Axis::of_values("accuracy (%)", Scale::linear(0.0, 100.0), 5),
            curves: vec![curve],
            legend: Legend::Inside,
            marks: Vec::new(),
        }
    }

    #[test]
    fn values_lie_where_the_axes_say() {
        let area = Area { x: 10.0, y: 20.0, width: 100.0, height: 50.0 };
        let plot = plot(Vec::new());
        assert_eq!(plot.position(area, 0.0, 0.0), (10.0, 70.0));
        assert_eq!(plot.position(area, 5.0, 100.0), (60.0, 20.0));
    }

    #[test]
    fn the_legend_goes_where_no_curve_is() {
        // A curve that ends at the lower right, the first choice for the legend.
        let points = (0..=100).map(|i| point(f64::from(i) / 10.0, 100.0 - f64::from(i)));
        let mut canvas = Canvas::new(200.0, 100.0);
        plot(points.collect()).draw(canvas.area(), &mut canvas);
        let svg = canvas.finish("");
        let position = svg.lines().find(|line| line.contains(">k = 20<")).expect("a legend");
        let y: f64 = position
            .split("y=\"")
            .nth(1)
            .and_then(|t| t.split('"').next())
            .expect("a position")
            .parse()
            .expect("a number");
        assert!(y < 30.0, "{position}");
    }

    #[test]
    fn a_gap_breaks_the_line_and_a_lonely_value_is_a_symbol() {
        let points = vec![point(0.0, 1.0), point(1.0, 2.0), point(2.0, f64::NAN), point(3.0, 1.0)];
        let mut canvas = Canvas::new(200.0, 100.0);
        let mut plot = plot(points);
        plot.legend = Legend::None;
        plot.draw(canvas.area(), &mut canvas);
        let svg = canvas.finish("");
        let colour = format!("{}", look(0).colour);
        assert_eq!(svg.matches(&format!("stroke=\"{colour}\"")).count(), 1, "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
    }
}
