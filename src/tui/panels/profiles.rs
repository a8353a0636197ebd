//! Sorted weight vectors: how alike they are (the paper's section 2, SoWP), and how far training has pulled
//! them from where they began.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Scene, percent};
use crate::train::{LayerFrame, LayerInfo};
use crate::tui::chart::{Raster, Scale, Tick, axes, short, significant};
use crate::tui::format::grouped;

pub fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some(frame)) = (scene.layer(), scene.layer_frame()) else {
        return Vec::new();
    };
    let similarity = format!("SoWP {}", significant(f64::from(frame.similarity)));
    let pruned = zeros(scene, scene.view.layer, layer).filter(|&share| share > 0.0);
    let pruned = pruned.map(|share| format!("zeros {}", percent(share)));
    [layer.name.clone(), similarity].into_iter().chain(pruned).collect()
}

pub fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let Some(frame) = scene.layer_frame().filter(|frame| !frame.positions.is_empty()) else {
        return scene.nothing_yet("The first look at the weights comes soon.", area, buffer);
    };
    let rows = match scene.zoomed {
        true => (scene.layers().len() as u16).saturating_add(2).min(area.height / 2),
        false => 0,
    };
    let [plot, table] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(area);
    Profile::new(scene, frame).render(plot, buffer);
    layers(scene, table, buffer);
}

/// The share of a layer's weights that are exactly zero, as of the newest sync.
fn zeros(scene: &Scene, index: usize, layer: &LayerInfo) -> Option<f64> {
    let sync = scene.state.layer_syncs.iter().find(|sync| sync.layer == index)?;
    Some(sync.zeros as f64 / layer.vectors.saturating_mul(layer.length).max(1) as f64)
}

/// One layer's profiles, ready to be drawn.
struct Profile<'a> {
    scene: &'a Scene<'a>,
    frame: &'a LayerFrame,
    /// The watched weight vector's values, ascending.
    sorted: Vec<f32>,
    /// The vectors' length, #w_j.
    length: usize,
}

impl<'a> Profile<'a> {
    fn new(scene: &'a Scene<'a>, frame: &'a LayerFrame) -> Self {
        let mut sorted: Vec<f32> = frame.values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let last = frame.positions.last().map_or(0, |&last| last as usize);
        Profile { scene, frame, sorted, length: last.saturating_add(1) }
    }

    fn render(&self, area: Rect, buffer: &mut Buffer) {
        let theme = self.scene.theme;
        let legend = u16::from(area.height >= 5);
        let below = Rect { y: area.y + legend, height: area.height - legend, ..area };
        let plot = axes::plot_area(below);
        if plot.is_empty() {
            return;
        }
        let scale = self.scale();
        let ticks = scale.ticks(usize::from(plot.height).div_ceil(2).clamp(2, 6));
        axes::vertical(below, plot, &ticks, theme, buffer);
        axes::horizontal(below, plot, &self.ranks(plot), "rank", theme, buffer);
        self.zero_line(plot, scale, buffer);
        self.curves(plot, scale, buffer);
        if legend == 1 {
            self.legend(Rect { x: plot.x, width: plot.width, height: 1, y: area.y }, buffer);
        }
    }

    /// Around every value in sight.
    fn scale(&self) -> Scale {
        let bands = self.frame.bands.iter().flatten();
        let values = bands.chain(&self.frame.initial).chain(&self.sorted);
        let finite = values.filter(|value| value.is_finite());
        let extent = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
        Scale::around(f64::from(extent.0), f64::from(extent.1))
    }

    fn ranks(&self, plot: Rect) -> Vec<Tick> {
        let last = (self.length - 1) as f64;
        if last == 0.0 {
            return vec![Tick { position: 0.0, label: "0".into() }];
        }
        let mut ticks = Scale::linear(0.0, last).ticks(usize::from(plot.width) / 9);
        ticks.iter_mut().for_each(|tick| tick.label = short((tick.position * last).round()));
        ticks
    }

    fn zero_line(&self, plot: Rect, scale: Scale, buffer: &mut Buffer) {
        let position = scale.position(0.0);
        if !(0.0..=1.0).contains(&position) {
            return;
        }
        let row = ((1.0 - position) * f64::from(plot.height) - 0.5).round();
        let y = plot.y + row.clamp(0.0, f64::from(plot.height - 1)) as u16;
        let dash = if self.scene.theme.unicode { "╌" } else { "-" };
        for x in plot.left()..plot.right() {
            buffer.set_string(x, y, dash, self.scene.theme.border);
        }
    }

    /// From behind to before: where the layer began, all its vectors now, the watched one now.
    fn curves(&self, plot: Rect, scale: Scale, buffer: &mut Buffer) {
        let theme = self.scene.theme;
        let raster = || Raster::new(plot, theme.unicode);
        let (mut behind, mut bands, mut before) = (raster(), raster(), raster());
        let last = (behind.height() - 1) as f64;
        let height = |value: f64| (1.0 - scale.position(value)) * last;
        let initial = |rank| sample(&self.frame.positions, &self.frame.initial, rank).map(height);
        self.curve(&mut behind, theme.muted, initial);
        self.bands(&mut bands, height);
        let watched = |rank: f64| {
            let place = rank / (self.length - 1).max(1) as f64;
            Some(height(f64::from(*self.sorted.get(nearest(place, self.sorted.len()))?)))
        };
        self.curve(&mut before, theme.text, watched);
        [behind, bands, before].iter().for_each(|raster| raster.paint(buffer));
    }

    /// The quantile bands, the outermost as a shade; without a watched vector that follows it closely, the
    /// median too.
    fn bands(&self, raster: &mut Raster, height: impl Fn(f64) -> f64) {
        let (bands, theme) = (&self.frame.bands, self.scene.theme);
        for level in 0..bands.len() / 2 {
            let style = theme.band(level.min(1));
            for x in 0..raster.width() {
                let rank = self.rank(x, raster);
                let edge = |band: &[f32]| sample(&self.frame.positions, band, rank).map(&height);
                let edges = (edge(&bands[level]), edge(&bands[bands.len() - 1 - level]));
                let (Some(low), Some(high)) = edges else { continue };
                match level {
                    0 => raster.shade(x, low, high, style),
                    _ => raster.vertical(x, low, high, style),
                }
            }
        }
        if let Some(median) = bands.get(bands.len() / 2).filter(|_| self.sorted.is_empty()) {
            let height = |rank| sample(&self.frame.positions, median, rank).map(&height);
            self.curve(raster, theme.band(2), height);
        }
    }

    /// A line through the heights at all ranks; none is a gap.
    fn curve(&self, raster: &mut Raster, style: Style, height: impl Fn(f64) -> Option<f64>) {
        let mut last = None;
        for x in 0..raster.width() {
            let here = height(self.rank(x, raster)).map(|y| (x, y));
            if let Some(here) = here {
                raster.line(last.unwrap_or(here), here, style);
            }
            last = here;
        }
    }

    /// The rank, with a fraction, at a column of dots.
    fn rank(&self, x: i64, raster: &Raster) -> f64 {
        x as f64 / (raster.width() - 1).max(1) as f64 * (self.length - 1) as f64
    }

    fn legend(&self, area: Rect, buffer: &mut Buffer) {
        let (scene, theme) = (self.scene, self.scene.theme);
        let line = scene.glyph('━', '-');
        let mut spans = vec![
            Span::styled(format!("{line} "), theme.text),
            Span::styled(format!("vector {}  ", self.frame.vector), theme.muted),
            Span::styled(format!("{} ", scene.glyph('▒', '#')), theme.band(1)),
            Span::styled("all  ", theme.muted),
        ];
        if !self.frame.initial.is_empty() {
            spans.push(Span::styled(format!("{} initial", scene.glyph('┄', '.')), theme.muted));
        }
        buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    }
}

/// The index nearest to `place` (0 to 1) among `count`.
fn nearest(place: f64, count: usize) -> usize {
    (place * count.saturating_sub(1) as f64).round() as usize
}

/// A curve known at ascending `positions`, read at `rank` on the straight line between its neighbours.
pub fn sample(positions: &[u32], values: &[f32], rank: f64) -> Option<f64> {
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

/// All layers in a table, scrolled to the chosen one.
fn layers(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    if area.height < 3 {
        return;
    }
    let layers = scene.layers();
    let visible = usize::from(area.height - 2);
    let first =
        scene.view.layer.saturating_sub(visible / 2).min(layers.len().saturating_sub(visible));
    let head =
        row(["layer", "shape", "vectors", "length", "similarity", "moved", "distance", "zeros"]);
    let mut lines = vec![Line::default(), Line::styled(format!("  {head}"), scene.theme.muted)];
    for (i, layer) in layers.iter().enumerate().skip(first).take(visible) {
        let (pointer, style) = match i == scene.view.layer {
            true => (scene.glyph('▸', '>'), scene.theme.accent),
            false => (' ', scene.theme.text),
        };
        lines.push(Line::styled(format!("{pointer} {}", cells(scene, i, layer)), style));
    }
    scene.lines(lines, area, buffer);
}

fn cells(scene: &Scene, index: usize, layer: &LayerInfo) -> String {
    let sync = scene.state.layer_syncs.iter().find(|sync| sync.layer == index);
    let frame = scene.frame().and_then(|frame| frame.layers.get(index));
    let number = |value: Option<f32>| value.map_or("-".into(), |v| significant(f64::from(v)));
    let shape: Vec<String> = layer.shape.iter().map(ToString::to_string).collect();
    row([
        layer.name.as_str(),
        &shape.join("x"),
        &grouped(layer.vectors as u64),
        &grouped(layer.length as u64),
        &number(frame.map(|frame| frame.similarity)),
        &sync.map_or("-".into(), |sync| percent(f64::from(sync.moved))),
        &number(sync.map(|sync| sync.distance)),
        &zeros(scene, index, layer).map_or("-".into(), percent),
    ])
}

/// A line of the table of layers.
fn row(cells: [&str; 8]) -> String {
    let [name, shape, vectors, length, similarity, moved, distance, zeros] = cells;
    let name: String = name.chars().take(12).collect();
    format!(
        "{name:<12} {shape:<13} {vectors:>7} {length:>7} {similarity:>10} {moved:>6} {distance:>8} {zeros:>6}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // More positions than values: what there is still counts.
        assert_eq!(sample(&[0, 10, 20], &[0.0, 1.0], 20.0), Some(1.0));
    }
}
