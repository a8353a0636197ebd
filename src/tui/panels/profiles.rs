//! Sorted weight vectors: how similar they are (the paper's section 2, SoWP), and how far training
//! has moved them from the initial values. Zoomed, all layers are drawn beside the selected one and
//! listed in a table below.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::panel::Panel;
use super::scene::{Scene, percent};
use crate::figure::kinds;
use crate::train::LayerFrame;
use crate::tui::chart::significant;
use crate::tui::matrix_table::{Matrix, MatrixTable, small_title, sorted};
use crate::tui::profile_chart::{ProfileChart, multiples};

pub(super) const PANEL: Panel = Panel {
    title: "Weight profiles",
    caption,
    render,
    rows: None,
    figure: Some(kinds::profiles::KIND),
    has_rank_axis: true,
};

/// Least number of columns at which the selected layer gets more room than the charts beside it.
const WIDE: u16 = 120;

fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some(frame)) = (scene.layer(), scene.layer_frame()) else {
        return Vec::new();
    };
    let similarity = format!("SoWP {}", significant(f64::from(frame.similarity)));
    let zeros = matrix(scene, scene.view.layer).and_then(|matrix| matrix.zero_share());
    let pruned = zeros.filter(|&share| share > 0.0);
    let pruned = pruned.map(|share| format!("zeros {}", percent(share)));
    [layer.name.clone(), similarity].into_iter().chain(pruned).collect()
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let Some(frame) = scene.layer_frame().filter(|frame| !frame.positions.is_empty()) else {
        return scene.nothing_yet("The weights have not been recorded yet.", area, buffer);
    };
    let watched = watched(frame);
    let cursor = scene.view.rank.filter(|_| scene.zoomed);
    let chart = ProfileChart { cursor, ..chart(scene, frame, &watched) };
    if !scene.zoomed {
        return chart.render(area, buffer);
    }
    let rows = (scene.layers().len() as u16).saturating_add(1).min(area.height / 3);
    let [above, table] = Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)])
        .spacing(u16::from(rows > 1))
        .areas(area);
    let beside = match scene.layers().len() {
        0 | 1 => [1, 0],
        _ if area.width < WIDE => [1, 1],
        _ => [3, 2],
    };
    let [large, small] = Layout::horizontal(beside.map(Constraint::Fill)).spacing(2).areas(above);
    chart.render(large, buffer);
    let matrices: Vec<Matrix> =
        (0..scene.layers().len()).filter_map(|index| matrix(scene, index)).collect();
    let order = sorted(&matrices, scene.view.sort);
    let selected = order.iter().position(|&index| index == scene.view.layer).unwrap_or(0);
    if small.width > 0 && beside[1] > 0 {
        let item = |position: usize, width| {
            let index = order[position];
            let selected = index == scene.view.layer;
            let title = small_title(&matrices[index], selected, width, scene.theme);
            let frame = scene.frame().and_then(|frame| frame.layers.get(index));
            (title, frame.map(|frame| self::chart(scene, frame, &[])))
        };
        multiples(order.len(), selected, item, small, buffer);
    }
    MatrixTable {
        matrices: &matrices,
        order: &order,
        selected: Some(scene.view.layer),
        sort: scene.view.sort,
        theme: scene.theme,
    }
    .render(table, buffer);
}

/// Returns the values of the watched vector, ascending.
fn watched(frame: &LayerFrame) -> Vec<f32> {
    let mut sorted: Vec<f32> = frame.values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted
}

fn chart<'a>(scene: &Scene<'a>, frame: &'a LayerFrame, watched: &'a [f32]) -> ProfileChart<'a> {
    ProfileChart {
        theme: scene.theme,
        positions: &frame.positions,
        bands: &frame.bands,
        lines: &[],
        initial: &frame.initial,
        vector: Some((frame.vector, watched)).filter(|_| !watched.is_empty()),
        cursor: None,
    }
}

/// Returns a layer's row of the table. Zeros are those of the latest sync.
fn matrix<'a>(scene: &Scene<'a>, index: usize) -> Option<Matrix<'a>> {
    let layer = scene.layers().get(index)?;
    let sync = scene.state.layer_syncs.iter().find(|sync| sync.layer == index);
    let frame = scene.frame().and_then(|frame| frame.layers.get(index));
    Some(Matrix {
        name: &layer.name,
        shape: &layer.shape,
        vectors: layer.vectors,
        length: layer.length,
        zeros: sync.map(|sync| sync.zeros),
        similarity: frame.map(|frame| frame.similarity),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::RunState;
    use crate::train::{Frame, LayerInfo, LayerSync, Started};
    use crate::tui::matrix_table::SortBy;
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    /// Three layers of two vectors. The second is the least similar, the third has zeros.
    fn state() -> RunState {
        let layer = |name: &str| LayerInfo {
            name: name.into(),
            shape: vec![2, 50],
            vectors: 2,
            length: 50,
        };
        let frame = |similarity| LayerFrame {
            positions: vec![0, 49],
            initial: vec![-0.5, 0.5],
            bands: [-1.0, -0.9, 0.0, 0.9, 1.0].map(|v: f32| vec![v - 1.0, v + 1.0]).into(),
            similarity,
            vector: 1,
            values: (0..50).rev().map(|i| i as f32 / 25.0 - 1.0).collect(),
            ..LayerFrame::default()
        };
        let started =
            Started { layers: ["one", "two", "three"].map(layer).into(), ..Started::default() };
        let mut state = RunState::default();
        state.started = Some(Arc::new(started));
        let layers = [0.1, 0.3, 0.2].map(frame).into();
        state.frame = Some((7, Arc::new(Frame { since: 0, layers })));
        state.layer_syncs = vec![LayerSync { layer: 2, zeros: 25, ..LayerSync::default() }];
        state
    }

    fn drawn(view: &View, zoomed: bool, width: u16, height: u16) -> Vec<String> {
        let (state, theme) = (state(), Theme::new(Depth::None, true));
        let scene = Scene { state: &state, view, theme: &theme, zoomed };
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        render(&scene, area, &mut buffer);
        let rows = buffer.content.chunks(width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    /// Returns the rows of the table, from the titles on.
    fn table(rows: &[String]) -> &[String] {
        let head = rows.iter().position(|row| row.contains("similarity")).expect("a table");
        &rows[head..]
    }

    #[test]
    fn small_it_is_the_chosen_layer_alone() {
        let text = drawn(&View::default(), false, 40, 9).concat();
        assert!(text.contains("vector 1") && text.contains("initial"), "{text}");
        assert!(!text.contains("two"), "{text}");
    }

    #[test]
    fn zoomed_all_layers_are_there_twice_and_sorted_alike() {
        for (width, height) in [(78, 18), (198, 53)] {
            let view = View { layer: 2, ..View::default() };
            let rows = drawn(&view, true, width, height);
            let text = rows.concat();
            for title in ["one 0.1", "two 0.3", "▸three 0.2"] {
                assert!(text.contains(title), "`{title}` is not in\n{}", rows.join("\n"));
            }
            let lines = table(&rows);
            assert!(lines[3].contains("▸  three  2x50"), "{lines:?}");
            assert!(lines[3].contains("25 %") && lines[1].contains(" - "), "{lines:?}");
            let by = |sort| {
                let rows = drawn(&View { sort, ..view.clone() }, true, width, height);
                let find = |name: &str| rows.concat().find(name);
                (table(&rows)[1].clone(), find("two 0.3") < find("one 0.1"))
            };
            let (first, two_before_one) = by(SortBy::Similarity);
            assert!(first.contains("two") && two_before_one, "{first}");
            assert!(by(SortBy::Zeros).0.contains("three"));
        }
    }

    #[test]
    fn the_cursor_reads_ranks_where_it_is_zoomed() {
        let view = View { rank: Some(1.0), ..View::default() };
        let text = drawn(&view, true, 198, 53).concat();
        let expected = "rank 49  min 0  15 % 0.100  50 % 1.00  85 % 1.90  max 2.00  \
                        vector 1 0.960  initial 0.500";
        assert!(text.contains(expected), "{text}");
        assert!(!drawn(&view, false, 80, 20).concat().contains("rank 49"));
    }
}
