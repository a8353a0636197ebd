//! The distribution of a layer's weights over time (the paper's figure 12, row 1): the 15th, 50th
//! and 85th percentile of every weight vector between the minimum and the maximum of the layer. If
//! there is room, each vector is a line; otherwise, each percentile is the band that the lines
//! would fill.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};

use super::panel::Panel;
use super::scene::Scene;
use crate::figure::kinds;
use crate::run::Series;
use crate::train::LayerDistribution;
use crate::tui::chart::{Chart, Curve, Look, Scale, extent, significant};
use crate::tui::table::{Column, NARROWEST, Table};

pub(super) const PANEL: Panel = Panel {
    title: "Weight distribution",
    caption,
    render,
    rows: None,
    figure: Some(kinds::distribution::KIND),
    has_rank_axis: false,
};

/// Least number of columns and rows at which every weight vector is a line.
const ROOM_FOR_LINES: (u16, u16) = (60, 20);

/// Columns of the list of layers beside the zoomed chart.
const LIST: u16 = 58;

fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some(seen)) = (scene.layer(), now(scene, scene.view.layer)) else {
        return Vec::new();
    };
    if !scene.zoomed {
        return vec![layer.name.clone()];
    }
    let spread = f64::from(middle(&seen.p85) - middle(&seen.p15));
    let vectors = match seen.p50.len() {
        seen if seen < layer.vectors => format!("{seen} of {} weight vectors", layer.vectors),
        seen => format!("{seen} weight vectors"),
    };
    vec![layer.name.clone(), format!("15-85 % {}", significant(spread)), vectors]
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let lines = scene.zoomed && area.width >= ROOM_FOR_LINES.0 && area.height >= ROOM_FOR_LINES.1;
    let percentiles = Percentiles::new(scene, lines);
    if percentiles.greatest.is_empty() {
        return nothing(scene, area, buffer);
    }
    let list = if scene.zoomed && area.width >= 3 * LIST { LIST } else { 0 };
    let [plot, side] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(list)]).areas(area);
    let curves = percentiles.curves(scene);
    let time = scene.time();
    let (low, high) = extent(&curves, time.from, &time).unwrap_or((0.0, 1.0));
    let chart = Chart {
        title: "",
        theme: scene.theme,
        time,
        scale: Scale::around(low, high),
        curves: &curves,
        marks: &scene.marks(),
        highlight: None,
        number: significant,
        labels_below: true,
    };
    chart.render(plot, buffer);
    if list > 0 {
        layers(scene, Rect { x: side.x + 2, width: side.width - 2, ..side }, buffer);
    }
}

fn nothing(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let seen: Vec<&str> =
        scene.state.distribution.layers().filter_map(|i| name(scene, i)).collect();
    match scene.layer() {
        Some(layer) if !seen.is_empty() => {
            let text = format!("Not recorded for {}, but for {}.", layer.name, seen.join(", "));
            scene.message(&text, area, buffer);
        }
        _ => {
            scene.nothing_yet("No distribution of weights has been recorded yet.", area, buffer);
        }
    }
}

fn name<'a>(scene: &Scene<'a>, layer: usize) -> Option<&'a str> {
    scene.layers().get(layer).map(|layer| layer.name.as_str())
}

/// Returns the distribution of a layer now or at the cursor.
fn now<'a>(scene: &Scene<'a>, layer: usize) -> Option<&'a LayerDistribution> {
    let step = scene.view.cursor.unwrap_or(u64::MAX);
    scene.state.distribution.at(layer, step).map(|(_, seen)| seen)
}

/// Returns the median of the finite values; NaN if there is none.
fn middle(values: &[f32]) -> f32 {
    let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return f32::NAN;
    }
    let middle = finite.len() / 2;
    *finite.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The percentiles of the selected layer as series.
#[derive(Default)]
struct Percentiles {
    least: Series,
    greatest: Series,
    /// For each percentile: its least and greatest value over the vectors and then the median, as
    /// three points per step. Beside lines, the median only.
    bands: [Series; 3],
    /// For each percentile, a line per vector; none if there is no room for lines.
    lines: [Vec<Series>; 3],
}

impl Percentiles {
    fn new(scene: &Scene, lines: bool) -> Self {
        let mut percentiles = Percentiles::default();
        for (step, seen) in scene.state.distribution.layer(scene.view.layer) {
            percentiles.least.push(step, seen.min);
            percentiles.greatest.push(step, seen.max);
            for (which, values) in [&seen.p15, &seen.p50, &seen.p85].into_iter().enumerate() {
                let finite = || values.iter().copied().filter(|value| value.is_finite());
                let ends = [finite().reduce(f32::min), finite().reduce(f32::max)];
                let ends = ends.into_iter().flatten().filter(|_| !lines);
                for value in ends.chain([middle(values)]) {
                    percentiles.bands[which].push(step, value);
                }
                if lines {
                    let vectors = &mut percentiles.lines[which];
                    vectors.resize_with(vectors.len().max(values.len()), Series::default);
                    for (line, &value) in vectors.iter_mut().zip(values) {
                        line.push(step, value);
                    }
                }
            }
        }
        percentiles
    }

    /// Returns the curves, with the median last: on top, and first in the legend.
    fn curves<'a>(&'a self, scene: &Scene<'a>) -> Vec<Curve<'a>> {
        let theme = scene.theme;
        let (faint, strong) =
            (theme.band(1), theme.series(4).patch(Style::new().add_modifier(Modifier::BOLD)));
        let curve = |series, style, look, symbol, names| Curve {
            series,
            factor: 1.0,
            style,
            look,
            symbol,
            names,
            smoothing: 0.0,
        };
        let line = |series| curve(series, theme.muted, Look::Trend, ' ', ["", ""]);
        let (least, greatest) = (scene.glyph('▽', 'v'), scene.glyph('△', '^'));
        let mut curves = vec![
            curve(&self.least, theme.muted, Look::Trend, least, ["least", "min"]),
            curve(&self.greatest, theme.muted, Look::Trend, greatest, ["greatest", "max"]),
        ];
        let names = [["15th percentile", "15 %"], ["median", "50 %"], ["85th percentile", "85 %"]];
        let symbols = [scene.glyph('▼', 'x'), scene.glyph('●', '*'), scene.glyph('▲', '+')];
        for which in [0, 2, 1] {
            let style = if which == 1 { strong } else { faint };
            let lines = self.lines[which].iter();
            curves.extend(lines.map(|series| Curve { style, ..line(series) }));
            let look = if self.lines[which].is_empty() { Look::Band } else { Look::Trend };
            curves.push(curve(&self.bands[which], style, look, symbols[which], names[which]));
        }
        curves
    }
}

/// Lists the values of every layer, now or at the cursor. Percentiles are medians over the vectors.
fn layers(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let style = scene.theme.muted;
    let column =
        |title| Column { title, style, right: title != "  layer", least: NARROWEST, rank: 0 };
    let titles = ["  layer", "min", "15 %", "50 %", "85 %", "max"];
    let rows = scene.state.distribution.layers().filter_map(|index| {
        let (name, seen) = (name(scene, index)?, now(scene, index)?);
        let (pointer, style) = scene.pointer(index);
        let numbers = [seen.min, middle(&seen.p15), middle(&seen.p50), middle(&seen.p85), seen.max];
        let numbers = numbers.map(|number| significant(f64::from(number)));
        let cells = [format!("{pointer} {name}")].into_iter().chain(numbers);
        Some(cells.map(|cell| (cell, style)).collect())
    });
    Table::new(titles.map(column).to_vec(), rows.collect()).render(0, area, buffer);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::RunState;
    use crate::train::{LayerInfo, Started};
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    fn state() -> RunState {
        let layer = |name: &str| LayerInfo { name: name.into(), vectors: 3, ..Default::default() };
        let started = Started { layers: vec![layer("a"), layer("b")], ..Started::default() };
        let mut state = RunState::default();
        state.started = Some(Arc::new(started));
        for step in [0u8, 50, 99] {
            let at = f32::from(step) / 100.0;
            let seen = LayerDistribution {
                layer: 0,
                min: -2.0,
                max: 2.0,
                p15: vec![-1.0 - at, -1.0, -1.0 + at],
                p50: vec![0.0, 0.0, f32::NAN],
                p85: vec![1.0; 3],
            };
            state.distribution.push(step.into(), &[seen]);
            state.step = step.into();
        }
        state
    }

    fn drawn(view: &View, zoomed: bool, (width, height): (u16, u16)) -> Buffer {
        let (state, theme) = (state(), Theme::new(Depth::None, false));
        let scene = Scene { state: &state, view, theme: &theme, zoomed };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        render(&scene, buffer.area, &mut buffer);
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let rows = buffer.content.chunks(buffer.area.width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    /// Returns the rows of the plot that are not blank in the column of a step, from the top.
    fn rows_at(buffer: &Buffer, step: u16) -> Vec<u16> {
        let (plot, height) = (buffer.area.width - 6, buffer.area.height - 2);
        let x = 6 + (step * plot) / 100;
        (0..height).filter(|y| !" ".contains(buffer[(x, y + 1)].symbol())).collect()
    }

    #[test]
    fn percentiles_are_bands_between_the_extremes() {
        // The axis goes from -2 to 2 in 16 rows: a row is a quarter.
        let buffer = drawn(&View::default(), false, (66, 18));
        let text = text(&buffer);
        assert!(text.contains("50 % 0") && text.contains("15 % -1.00"), "{text}");
        // At step 50 the 15th percentiles range from -1.5 to -0.5; the other bands have no width.
        let rows = rows_at(&buffer, 50);
        let band: Vec<u16> = rows.iter().copied().filter(|row| (9..15).contains(row)).collect();
        assert!(rows.contains(&0) && rows.contains(&15), "{rows:?}\n{text}");
        assert_eq!(band, [9, 10, 11, 12, 13, 14][..band.len()], "{text}");
        assert!((4..=5).contains(&band.len()), "{band:?}\n{text}");
        assert_eq!(rows_at(&buffer, 0).len(), 5, "{text}");
    }

    #[test]
    fn lines_leave_room_between_them() {
        let buffer = drawn(&View::default(), true, (106, 42));
        // Three lines of the 15th percentile, and one for each of the other four.
        assert_eq!(rows_at(&buffer, 80).len(), 7, "{}", text(&buffer));
        assert!(text(&buffer).contains("15th percentile -1.00"), "{}", text(&buffer));
    }

    #[test]
    fn the_cursor_reads_and_a_layer_that_was_not_looked_at_names_those_that_were() {
        let view = View { cursor: Some(60), ..View::default() };
        let (state, theme) = (state(), Theme::new(Depth::None, true));
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: true };
        assert_eq!(caption(&scene), ["a", "15-85 % 2.00", "3 weight vectors"]);
        let view = View { layer: 1, ..View::default() };
        let text = text(&drawn(&view, false, (40, 5)));
        assert!(text.contains("Not recorded for b, but for a."), "{text}");
    }

    #[test]
    fn medians_leave_out_what_is_no_number() {
        assert_eq!(middle(&[3.0, f32::NAN, 1.0, 2.0]), 2.0);
        assert!(middle(&[f32::NAN]).is_nan());
    }
}
