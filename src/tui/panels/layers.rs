//! A table of the layers: size, pruned weights, and the effect of the latest sync on each.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;

use super::panel::Panel;
use super::scene::{Scene, percent};
use crate::experiment::WrapperName;
use crate::run::RunState;
use crate::train::{LayerInfo, LayerSync};
use crate::tui::chart::significant;
use crate::tui::format::grouped;
use crate::tui::table::{Column, NARROWEST, Table};

pub(super) const PANEL: Panel = Panel {
    title: "Layers",
    caption,
    render,
    rows: Some(rows),
    figure: None,
    has_rank_axis: false,
};

fn caption(scene: &Scene) -> Vec<String> {
    let Some(started) = &scene.state.started else { return Vec::new() };
    let parameters = format!("{} parameters", grouped(started.parameters as u64));
    let k = (started.wrapper != WrapperName::None)
        .then(|| format!("k {}", grouped(scene.state.schedule.k)));
    [parameters].into_iter().chain(k).collect()
}

/// Returns the rows that all layers take: one each, the titles, the total, a blank, the note, and
/// the border.
fn rows(state: &RunState) -> u16 {
    let layers = state.started.as_ref().map_or(0, |started| started.layers.len());
    layers.min(1000) as u16 + 6
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    if scene.layers().is_empty() {
        return scene.nothing_yet("The layers are not known yet.", area, buffer);
    }
    let room = area.height + 2 >= rows(scene.state) || area.height >= 12;
    let note = u16::from(room) * 2;
    let [table, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(note)]).areas(area);
    let numbers: Vec<Numbers> = (0..scene.layers().len()).map(|i| Numbers::of(scene, i)).collect();
    let (head, layers, total) = lines(scene, &numbers, table.width);
    let visible = usize::from(table.height).saturating_sub(2);
    let first = scene.view.layer.saturating_sub(visible / 2);
    let first = first.min(layers.len().saturating_sub(visible));
    let shown = layers.into_iter().skip(first).take(visible);
    scene.lines([head].into_iter().chain(shown).chain([total]).collect(), table, buffer);
    let note = Line::styled(note_on_sync(scene), scene.theme.muted);
    scene.lines(vec![Line::default(), note], below, buffer);
}

/// Says which sync or step the values describe.
fn note_on_sync(scene: &Scene) -> String {
    let state = scene.state;
    match (&state.last_sync, state.layer_syncs.is_empty()) {
        (Some(step), false) => {
            format!("moved, and mean distance in ranks: by the sync after step {}", grouped(*step))
        }
        _ if state.distance.iter().any(|distance| !distance.mean.is_empty()) => {
            "distance: mean distance in ranks that weights moved in the latest step measured".into()
        }
        _ => "no sync yet".into(),
    }
}

/// The values of one layer, or the totals; `None` for a value that is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Numbers {
    weights: usize,
    zeros: Option<usize>,
    milliseconds: Option<f64>,
    /// Share of the weights that moved.
    moved: Option<f64>,
    /// Mean distance, in ranks.
    distance: Option<f64>,
}

impl Numbers {
    fn of(scene: &Scene, index: usize) -> Self {
        let (state, layer) = (scene.state, &scene.layers()[index]);
        let sync = state.layer_syncs.iter().find(|sync| sync.layer == index);
        let known = |pick: fn(&LayerSync) -> f32| sync.map(|sync| f64::from(pick(sync)));
        let step = || state.distance.get(index)?.mean.last().map(|(_, mean)| f64::from(mean));
        Numbers {
            weights: layer.vectors.saturating_mul(layer.length),
            zeros: sync.map(|sync| sync.zeros).or_else(|| zeros(scene, index, layer)),
            milliseconds: state.layer_milliseconds.get(&index).copied(),
            moved: known(|sync| sync.moved),
            distance: known(|sync| sync.distance).or_else(step),
        }
    }

    /// Returns sums, and means weighted by the number of weights, of the values known for every
    /// layer.
    fn total(layers: &[Numbers]) -> Self {
        let weights = layers.iter().fold(0usize, |sum, layer| sum.saturating_add(layer.weights));
        let sum = |pick: fn(&Numbers) -> Option<f64>| layers.iter().map(pick).sum::<Option<f64>>();
        let mean = |pick: fn(&Numbers) -> Option<f64>| {
            let weighted = layers.iter().map(|layer| Some(pick(layer)? * layer.weights as f64));
            Some(weighted.sum::<Option<f64>>()? / weights.max(1) as f64)
        };
        Numbers {
            weights,
            zeros: layers
                .iter()
                .try_fold(0usize, |sum, layer| Some(sum.saturating_add(layer.zeros?))),
            milliseconds: sum(|layer| layer.milliseconds),
            moved: mean(|layer| layer.moved),
            distance: mean(|layer| layer.distance),
        }
    }
}

/// Counts the weights without a connection in the latest frame; `None` if it has no connections.
fn zeros(scene: &Scene, index: usize, layer: &LayerInfo) -> Option<usize> {
    let connections = &scene.frame()?.layers.get(index)?.connections;
    let ones: u32 = connections.iter().map(|byte| byte.count_ones()).sum();
    let weights = layer.vectors.saturating_mul(layer.length);
    (!connections.is_empty()).then(|| weights.saturating_sub(ones as usize))
}

/// Returns the line of titles, a line per layer, and the line of totals.
fn lines(
    scene: &Scene,
    numbers: &[Numbers],
    room: u16,
) -> (Line<'static>, Vec<Line<'static>>, Line<'static>) {
    let theme = scene.theme;
    let rows = scene.layers().iter().zip(numbers).enumerate().map(|(index, (layer, numbers))| {
        let (pointer, style) = scene.pointer(index);
        let shape: Vec<String> = layer.shape.iter().map(ToString::to_string).collect();
        row(format!("{pointer} {}", layer.name), shape.join("x"), k(scene), numbers, style)
    });
    let all = row("  all".into(), String::new(), k(scene), &Numbers::total(numbers), theme.text);
    let table = Table::new(columns(theme.muted), rows.chain([all]).collect());
    let widths = table.widths(room);
    let mut lines = table.lines(&widths);
    let total = lines.pop().unwrap_or_default();
    (table.head(&widths), lines, total)
}

fn k(scene: &Scene) -> String {
    match scene.state.schedule.k {
        0 => "-".into(),
        k => grouped(k),
    }
}

fn columns(style: Style) -> Vec<Column> {
    let column = |title, rank| Column { title, style, right: true, least: NARROWEST, rank };
    let text = |title, rank, least| Column { least, right: false, ..column(title, rank) };
    vec![
        text("  layer", 0, 8),
        text("shape", 4, NARROWEST),
        column("weights", 0),
        column("zeros", 0),
        column("", 3),
        column("k", 2),
        column("sync ms", 1),
        column("moved", 0),
        column("distance", 0),
    ]
}

fn row(
    name: String,
    shape: String,
    k: String,
    numbers: &Numbers,
    style: Style,
) -> Vec<(String, Style)> {
    let dash = || "-".to_owned();
    let number = |value: Option<f64>| value.map_or_else(dash, significant);
    let zeros = numbers.zeros;
    let share = zeros.filter(|&zeros| zeros > 0);
    let share = share.map(|zeros| percent(zeros as f64 / numbers.weights.max(1) as f64));
    let cells = [
        name,
        shape,
        grouped(numbers.weights as u64),
        zeros.map_or_else(dash, |zeros| grouped(zeros as u64)),
        share.unwrap_or_default(),
        k,
        number(numbers.milliseconds),
        numbers.moved.map_or_else(dash, percent),
        number(numbers.distance),
    ];
    cells.map(|cell| (cell, style)).to_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::train::Started;
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    fn state(layers: usize) -> RunState {
        let layer = |i: usize| LayerInfo {
            name: format!("dense{i}"),
            shape: vec![i, 10],
            vectors: i,
            length: 10,
        };
        let layers: Vec<LayerInfo> = (1..=layers).map(layer).collect();
        let mut state = RunState::default();
        let sync = |layer| LayerSync { layer, moved: layer as f32, distance: 4.0, zeros: 2 };
        state.layer_syncs = (0..layers.len()).map(sync).collect();
        state.layer_milliseconds = (0..layers.len()).map(|layer| (layer, 0.5)).collect();
        state.last_sync = Some(40);
        state.schedule.k = 20;
        let (parameters, wrapper) = (60, "laperm".into());
        state.started =
            Some(Arc::new(Started { layers, parameters, wrapper, ..Started::default() }));
        state
    }

    fn rows(state: &RunState, layer: usize, (width, height): (u16, u16)) -> Vec<String> {
        let (view, theme) = (View { layer, ..View::default() }, Theme::new(Depth::None, true));
        let scene = Scene { state, view: &view, theme: &theme, zoomed: false };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        render(&scene, buffer.area, &mut buffer);
        let rows = buffer.content.chunks(width.into());
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
        rows.map(text).map(|row: String| row.trim_end().to_owned()).collect()
    }

    #[test]
    fn totals_are_sums_and_means_over_all_weights() {
        let layer = |weights, zeros, moved| Numbers {
            weights,
            zeros: Some(zeros),
            milliseconds: Some(0.5),
            moved: Some(moved),
            distance: None,
        };
        let total = Numbers::total(&[layer(10, 1, 1.0), layer(30, 2, 0.2)]);
        let expected = Numbers { milliseconds: Some(1.0), ..layer(40, 3, 0.4) };
        assert_eq!(total, expected);
        assert_eq!(Numbers::total(&[layer(1, 0, 0.0), Numbers::default()]).zeros, None);
    }

    #[test]
    fn every_layer_has_a_row_and_all_together_one() {
        let rows = rows(&state(3), 1, (90, 8));
        let cells = |row: usize| rows[row].split_whitespace().collect::<Vec<_>>();
        assert_eq!(
            cells(0),
            ["layer", "shape", "weights", "zeros", "k", "sync", "ms", "moved", "distance"]
        );
        assert_eq!(
            cells(2),
            ["▸", "dense2", "2x10", "20", "2", "10", "%", "20", "0.500", "100", "%", "4.00"]
        );
        assert_eq!(cells(4), ["all", "60", "6", "10", "%", "20", "1.50", "133", "%", "4.00"]);
        assert!(rows[7].ends_with("after step 40"), "{}", rows[7]);
    }

    #[test]
    fn a_narrow_table_keeps_what_matters_and_a_low_one_the_chosen_layer() {
        let rows = rows(&state(30), 20, (44, 7));
        assert!(rows[0].contains("zeros") && !rows[0].contains("shape"), "{}", rows[0]);
        assert!(rows.iter().any(|row| row.starts_with("▸ dense21")), "{rows:?}");
        assert!(rows[6].starts_with("  all"), "{rows:?}");
    }

    #[test]
    fn without_syncs_connections_tell_the_zeros_and_steps_the_distance() {
        use crate::run::Distance;
        use crate::train::{Frame, LayerFrame};
        let mut state = state(1);
        state.layer_syncs.clear();
        state.layer_milliseconds.clear();
        let connections = vec![0b0000_1111, 0b01];
        let layers = vec![LayerFrame { connections, ..LayerFrame::default() }];
        state.frame = Some((7, Arc::new(Frame { since: 0, layers })));
        state.distance = vec![Distance::default()];
        state.distance[0].mean.push(6, 1.5);
        let (view, theme) = (View::default(), Theme::new(Depth::None, true));
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let numbers = Numbers::of(&scene, 0);
        assert_eq!((numbers.zeros, numbers.distance, numbers.moved), (Some(5), Some(1.5), None));
        assert!(note_on_sync(&scene).contains("latest step"));
    }
}
