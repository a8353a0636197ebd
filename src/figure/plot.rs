//! Curves between two axes, with a legend where there is room.

use super::canvas::{Anchor, Area, Canvas, Colour, Place, Stroke, text_width};
use super::scale::{Scale, Tick, short};
use super::style::Look;

/// Font sizes in points: what axes and legends are written in, and a plot's title.
pub const SMALL: f64 = 7.0;
/// See [`SMALL`].
pub const LARGE: f64 = 8.0;

/// Of the names of changes made by hand.
const MARK: f64 = 6.0;

const FRAME: Stroke = Stroke::solid(Colour::INK, 0.6);
const GRID: Stroke = Stroke::solid(Colour(0xe4, 0xe4, 0xe4), 0.4);

/// Width of a curve's line, and of the symbols along it.
const LINE: f64 = 1.1;
const SYMBOL: f64 = 3.6;

/// Room on the right for half of the last tick's label: always the same, so that plots above each other are in line.
const RIGHT: f64 = 9.0;

/// A value along a curve, and what it ranges over there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where on the horizontal axis.
    pub x: f64,
    /// The value; not a number where there is a gap.
    pub y: f64,
    /// The least value there.
    pub low: f64,
    /// The greatest value there.
    pub high: f64,
}

/// A line with a band around it.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What the legend calls it; empty for a curve that needs no name.
    pub label: String,
    /// How it looks.
    pub look: Look,
    /// From left to right.
    pub points: Vec<Point>,
    /// Whether symbols stand along it.
    pub marked: bool,
    /// Whether it is the lesser one of two that belong together: thin and dashed.
    pub faint: bool,
}

impl Curve {
    /// More points than this are too close for dashes.
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
pub struct Axis {
    /// What it shows, with the unit; empty for none.
    pub title: String,
    /// Its range.
    pub scale: Scale,
    /// Its marks; those outside the range are left out.
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// An axis of values, with so many ticks at most.
    pub fn of_values(title: &str, scale: Scale, most: usize) -> Self {
        Axis { title: title.into(), scale, ticks: scale.ticks(most) }
    }

    /// An axis from 0 that counts: `800`, `20k`.
    pub fn of_counts(title: &str, end: f64, most: usize) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        let scale = Scale::linear(0.0, end);
        let mut ticks = scale.ticks(most);
        ticks.iter_mut().for_each(|tick| tick.label = short(tick.position * end));
        Axis { title: title.into(), scale, ticks }
    }

    /// Its marks without a word: for a plot above another that shares them.
    pub fn silent(mut self) -> Self {
        self.title.clear();
        self.ticks.iter_mut().for_each(|tick| tick.label.clear());
        self
    }

    fn seen(&self) -> impl Iterator<Item = &Tick> {
        self.ticks.iter().filter(|tick| (-1e-6..=1.0 + 1e-6).contains(&tick.position))
    }
}

/// Where the legend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legend {
    /// Into the corner where it hides least.
    Inside,
    /// Nowhere.
    None,
}

/// Curves between two axes.
#[derive(Debug, Clone)]
pub struct Plot {
    /// Above it, at the left; empty for none.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// From behind to before.
    pub curves: Vec<Curve>,
    /// Where their names go.
    pub legend: Legend,
    /// Changes made by hand: where on the horizontal axis, and what.
    pub marks: Vec<(f64, String)>,
}

impl Plot {
    /// Draws the plot, axes and titles included, into `area`; returns where its curves lie.
    pub fn draw(&self, area: Area, canvas: &mut Canvas) -> Area {
        self.draw_from(self.margins()[0], area, canvas)
    }

    /// As [`draw`](Self::draw), with the vertical axis so far from the left that plots above each other are in line.
    pub fn draw_from(&self, left: f64, area: Area, canvas: &mut Canvas) -> Area {
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

    /// Where a value lies.
    pub fn place(&self, area: Area, x: f64, y: f64) -> Place {
        let (x, y) = (self.x.scale.position(x), self.y.scale.position(y));
        (area.x + x * area.width, area.bottom() - y * area.height)
    }

    /// What axes and titles need on the left, at the top, on the right, at the bottom.
    pub fn margins(&self) -> [f64; 4] {
        let widest = |axis: &Axis| {
            axis.seen().map(|tick| text_width(&tick.label, SMALL)).fold(0.0, f64::max)
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
        for tick in self.x.seen() {
            let x = area.x + tick.position * area.width;
            canvas.line((x, area.y), (x, area.bottom()), GRID);
            canvas.line((x, area.bottom()), (x, area.bottom() + 2.0), FRAME);
            let place = (x, area.bottom() + 2.5 + SMALL);
            canvas.text(place, Anchor::Middle, SMALL, Colour::INK, &tick.label);
        }
        for tick in self.y.seen() {
            let y = area.bottom() - tick.position * area.height;
            canvas.line((area.x, y), (area.right(), y), GRID);
            canvas.line((area.x - 2.0, y), (area.x, y), FRAME);
            let place = (area.x - 3.5, y + SMALL * 0.36);
            canvas.text(place, Anchor::End, SMALL, Colour::INK, &tick.label);
        }
        let (middle_x, middle_y) = area.centre();
        let below = area.bottom() + 4.5 + SMALL + LARGE;
        canvas.text((middle_x, below), Anchor::Middle, LARGE, Colour::INK, &self.x.title);
        canvas.upward_text((left + LARGE, middle_y), LARGE, Colour::INK, &self.y.title);
        let above = (area.x, area.y - 4.0);
        canvas.text(above, Anchor::Start, LARGE, Colour::INK, &self.title);
    }

    /// A line at every change made by hand, with its name where there is room.
    fn marks(&self, area: Area, canvas: &mut Canvas) {
        let stroke = Stroke { dash: "1 2", ..Stroke::solid(Colour::PALE, 0.8) };
        for (x, _) in &self.marks {
            let (x, _) = self.place(area, *x, 0.0);
            canvas.line((x, area.y), (x, area.bottom()), stroke);
        }
        for (name, place) in self.mark_names(area) {
            let baseline = (place.x, place.bottom());
            canvas.text(baseline, Anchor::Start, MARK, Colour::PALE, name);
        }
    }

    /// The names of changes made by hand, and where they stand: none on another, none beyond the plot.
    fn mark_names(&self, area: Area) -> Vec<(&str, Area)> {
        let mut named: Vec<(&str, Area)> = Vec::new();
        for (x, name) in self.marks.iter().filter(|(_, name)| !name.is_empty()) {
            let (x, _) = self.place(area, *x, 0.0);
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
            let upper = part.iter().map(|point| self.place(area, point.x, point.high));
            let lower = part.iter().rev().map(|point| self.place(area, point.x, point.low));
            let outline: Vec<Place> = upper.chain(lower).collect();
            canvas.shape(&outline, curve.look.colour, if curve.faint { 0.1 } else { 0.2 });
        }
    }

    fn line(&self, curve: &Curve, area: Area, canvas: &mut Canvas) {
        let parts = curve.points.split(|point| !point.y.is_finite());
        let lines: Vec<Vec<Place>> = parts
            .map(|part| part.iter().map(|point| self.place(area, point.x, point.y)).collect())
            .collect();
        let Look { colour, marker, .. } = curve.look;
        canvas.lines(&lines, curve.stroke());
        // A value between two gaps is no line.
        for &(x, y) in lines.iter().filter(|line| line.len() == 1).flatten() {
            canvas.marker(marker, (x, y), SYMBOL, colour);
        }
        if curve.marked {
            let places: Vec<Place> = lines.into_iter().flatten().collect();
            for place in spread(&places, area.width / 7.0) {
                canvas.marker(marker, place, SYMBOL, colour);
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
        let places: Vec<Place> = self.dense_places(area);
        let names = self.mark_names(area);
        let hidden = |&(x, y): &Place| {
            let within = |p: &&Place| {
                (x - 2.0..=x + width + 2.0).contains(&p.0)
                    && (y - 2.0..=y + height + 2.0).contains(&p.1)
            };
            let name = |(_, name): &&(&str, Area)| {
                name.x < x + width && name.right() > x && name.bottom() > y && name.y < y + height
            };
            // A name that is hidden is worse than a bit of a curve.
            places.iter().filter(within).count() + 50 * names.iter().filter(name).count()
        };
        let Some((x, y)) = corners.into_iter().min_by_key(hidden) else { return };
        legend(&named, Area { x, y, width, height }, canvas);
    }

    /// Places all along the curves, close enough that no legend falls between two.
    fn dense_places(&self, area: Area) -> Vec<Place> {
        let mut places = Vec::new();
        for curve in &self.curves {
            let points = curve.points.iter().filter(|point| point.y.is_finite());
            let ends = points.map(|point| self.place(area, point.x, point.y)).collect::<Vec<_>>();
            for pair in ends.windows(2) {
                let steps = ((pair[1].0 - pair[0].0) / 3.0).ceil().clamp(1.0, 200.0);
                for i in 0..=steps as usize {
                    let share = i as f64 / steps;
                    places.push((
                        pair[0].0 + (pair[1].0 - pair[0].0) * share,
                        pair[0].1 + (pair[1].1 - pair[0].1) * share,
                    ));
                }
            }
        }
        places
    }
}

/// Length of the sample of a line in a legend, and the distance of its rows.
const SAMPLE: f64 = 16.0;
const ROW: f64 = SMALL + 2.5;

/// What a legend of these curves needs: width and height.
pub fn legend_size(curves: &[&Curve]) -> (f64, f64) {
    let widest = curves.iter().map(|curve| text_width(&curve.label, SMALL)).fold(0.0, f64::max);
    (SAMPLE + widest + 9.0, curves.len() as f64 * ROW + 4.0)
}

/// Names of curves, with a sample of each.
pub fn legend(curves: &[&Curve], area: Area, canvas: &mut Canvas) {
    canvas.fill(area, Colour::PAPER, 0.85);
    for (row, curve) in curves.iter().enumerate() {
        let middle = area.y + 2.0 + (row as f64 + 0.5) * ROW;
        let start = area.x + 3.0;
        canvas.line((start, middle), (start + SAMPLE, middle), curve.stroke());
        if curve.marked {
            let place = (start + SAMPLE / 2.0, middle);
            canvas.marker(curve.look.marker, place, SYMBOL, curve.look.colour);
        }
        let place = (start + SAMPLE + 3.0, middle + SMALL * 0.36);
        canvas.text(place, Anchor::Start, SMALL, Colour::INK, &curve.label);
    }
}

/// Of these places, from left to right, some that are at least `distance` apart.
fn spread(places: &[Place], distance: f64) -> Vec<Place> {
    let mut chosen: Vec<Place> = Vec::new();
    for &place in places {
        let far = |last: &Place| (place.0 - last.0).hypot(place.1 - last.1) >= distance;
        if chosen.last().is_none_or(far) {
            chosen.push(place);
        }
    }
    chosen
}

/// A scale around the values of curves whose place is at or after `from`; bands count.
pub fn around(curves: &[Curve], from: f64, to: f64) -> (f64, f64) {
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
        assert_eq!(plot.place(area, 0.0, 0.0), (10.0, 70.0));
        assert_eq!(plot.place(area, 5.0, 100.0), (60.0, 20.0));
    }

    #[test]
    fn the_legend_goes_where_no_curve_is() {
        // A curve that ends at the lower right, where the legend goes at first.
        let points = (0..=100).map(|i| point(f64::from(i) / 10.0, 100.0 - f64::from(i)));
        let mut canvas = Canvas::new(200.0, 100.0);
        plot(points.collect()).draw(canvas.area(), &mut canvas);
        let svg = canvas.finish("");
        let place = svg.lines().find(|line| line.contains(">k = 20<")).expect("a legend");
        let y: f64 = place
            .split("y=\"")
            .nth(1)
            .and_then(|t| t.split('"').next())
            .expect("a place")
            .parse()
            .expect("a number");
        assert!(y < 30.0, "{place}");
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
