//! Mean and standard deviation of the ranking distance of one training step, as a ratio of the weight
//! vector's length (the paper's section 3 and figure 3).

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::Scene;
use crate::run::{Distance, Series};
use crate::tui::chart::{Chart, Curve, Look, Scale, extent, significant};

/// Columns of the list of layers beside the zoomed charts.
const LIST: u16 = 40;

pub fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some((distance, factor))) = (scene.layer(), chosen(scene)) else {
        return Vec::new();
    };
    let number = |series| significant(now(scene, series) * factor);
    let numbers = format!("mean {}  SD {}", number(&distance.mean), number(&distance.sd));
    [layer.name.clone()].into_iter().chain(scene.zoomed.then_some(numbers)).collect()
}

pub fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let Some((distance, factor)) = chosen(scene) else {
        return nothing(scene, area, buffer);
    };
    if !scene.zoomed || area.height < 16 {
        let curves = [
            curve(scene, &distance.sd, factor, 1, ["SD / length", "SD"]),
            curve(scene, &distance.mean, factor, 0, ["mean / length", "mean"]),
        ];
        return chart(scene, "", &curves, true, area, buffer);
    }
    let list = if area.width >= 3 * LIST { LIST } else { 0 };
    let [charts, side] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(list)]).areas(area);
    let [above, below] = Layout::vertical([Constraint::Fill(1); 2]).areas(charts);
    let mean = overlaid(scene, |distance| &distance.mean);
    chart(scene, "mean / length", &mean, false, above, buffer);
    let sd = overlaid(scene, |distance| &distance.sd);
    chart(scene, "SD / length", &sd, true, below, buffer);
    layers(scene, side, buffer);
}

fn nothing(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let monitored: Vec<&str> =
        monitored(scene).map(|(i, _, _)| scene.layers()[i].name.as_str()).collect();
    match scene.layer() {
        Some(layer) if !monitored.is_empty() => {
            let others = monitored.join(", ");
            let text = format!("Not measured for {}, but for {others}.", layer.name);
            scene.message(&text, area, buffer);
        }
        _ => scene.nothing_yet("No ranking distance has been measured yet.", area, buffer),
    }
}

/// The layers that have distances: index, distances, and what turns ranks into a ratio.
fn monitored<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (usize, &'a Distance, f64)> {
    let pairs = scene.state.distance.iter().zip(scene.layers());
    let known = pairs.enumerate().filter(|(_, (distance, _))| !distance.mean.is_empty());
    known.map(|(i, (distance, layer))| (i, distance, 1.0 / layer.length.max(1) as f64))
}

fn chosen<'a>(scene: &Scene<'a>) -> Option<(&'a Distance, f64)> {
    let found = monitored(scene).find(|&(i, _, _)| i == scene.view.layer);
    found.map(|(_, distance, factor)| (distance, factor))
}

/// The value that a readout shows; NaN if there is none.
fn now(scene: &Scene, series: &Series) -> f64 {
    let point = match scene.view.cursor {
        Some(step) => series.at(step),
        None => series.last(),
    };
    point.map_or(f64::NAN, |(_, value)| f64::from(value))
}

fn curve<'a>(
    scene: &Scene<'a>,
    series: &'a Series,
    factor: f64,
    index: usize,
    names: [&'a str; 2],
) -> Curve<'a> {
    Curve {
        series,
        factor,
        style: scene.theme.series(index),
        look: Look::Line,
        symbol: [scene.glyph('●', '*'), scene.glyph('○', 'o')][index % 2],
        names,
        smoothing: scene.view.smoothing,
    }
}

/// One curve per monitored layer, the chosen one before all others.
fn overlaid<'a>(scene: &Scene<'a>, pick: fn(&Distance) -> &Series) -> Vec<Curve<'a>> {
    let mut curves: Vec<(usize, Curve)> = monitored(scene)
        .map(|(i, distance, factor)| {
            let name = scene.layers()[i].name.as_str();
            (i, curve(scene, pick(distance), factor, 0, [name; 2]))
        })
        .collect();
    for (i, curve) in curves.iter_mut().filter(|(i, _)| *i != scene.view.layer) {
        curve.look = Look::Trend;
        curve.style = scene.theme.series(*i + 1);
        curve.symbol = scene.glyph('▪', '.');
    }
    curves.sort_by_key(|&(i, _)| (i == scene.view.layer, std::cmp::Reverse(i)));
    curves.into_iter().map(|(_, curve)| curve).collect()
}

fn chart(
    scene: &Scene,
    title: &str,
    curves: &[Curve],
    labels_below: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    let time = scene.time();
    let (low, high) = extent(curves, time.from, &time).unwrap_or((0.0, 1.0));
    let scale = match scene.view.log {
        true => Scale::logarithmic(low, high),
        false => Scale::around(0f64.min(low), high),
    };
    let marks = &scene.marks();
    let number = significant;
    Chart {
        title,
        theme: scene.theme,
        time,
        scale,
        curves,
        marks,
        highlight: None,
        number,
        labels_below,
    }
    .render(area, buffer);
}

/// Every layer's numbers now or at the cursor.
fn layers(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let head = format!("  {:<14} {:>9} {:>9}", "layer", "mean", "SD");
    let mut lines = vec![Line::styled(head, scene.theme.muted)];
    for (i, distance, factor) in monitored(scene) {
        let number = |series| significant(now(scene, series) * factor);
        let (mean, sd) = (number(&distance.mean), number(&distance.sd));
        let (pointer, style) = match i == scene.view.layer {
            true => (scene.glyph('▸', '>'), scene.theme.accent),
            false => (' ', scene.theme.text),
        };
        let name: String = scene.layers()[i].name.chars().take(14).collect();
        lines.push(Line::styled(format!("{pointer} {name:<14} {mean:>9} {sd:>9}"), style));
    }
    scene.lines(lines, area, buffer);
}
