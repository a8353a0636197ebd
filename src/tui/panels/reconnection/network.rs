//! A weight-agnostic network (the paper's figure 9, right). All its weights share one value, so its
//! connections define it. Every neuron is an image of the inputs that it is connected to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::pixels::Grid;
use crate::train::{LayerFrame, LayerInfo};
use crate::tui::chart::{Raster, significant};
use crate::tui::format::grouped;
use crate::tui::panels::scene::{Scene, percent};

/// A layer whose non-zero weights share one value.
pub(super) struct Network<'a> {
    layer: &'a LayerInfo,
    frame: &'a LayerFrame,
    /// The shared value.
    value: f32,
}

impl<'a> Network<'a> {
    /// `None` if the frame has no connections or if the non-zero initial weights of the watched
    /// vector differ.
    pub(super) fn new(layer: &'a LayerInfo, frame: &'a LayerFrame) -> Option<Self> {
        let mut weights = frame.initial_values.iter().filter(|&&value| value != 0.0);
        let &value = weights.next()?;
        let is_shared = weights.all(|&other| other == value) && !frame.connections.is_empty();
        is_shared.then_some(Network { layer, frame, value })
    }

    /// Returns the number of vectors that the frame covers, and their length.
    fn extent(&self) -> (usize, usize) {
        let length = self.frame.values.len().max(1);
        (self.layer.vectors.min(self.frame.connections.len() * 8 / length), length)
    }

    pub(super) fn caption(&self) -> Vec<String> {
        let bytes = self.frame.connections.iter();
        let kept: usize = bytes.map(|byte| byte.count_ones() as usize).sum();
        let (vectors, length) = self.extent();
        let (kept, all) = (grouped(kept as u64), grouped((vectors * length) as u64));
        vec![self.layer.name.clone(), format!("{kept} of {all} connections")]
    }

    pub(super) fn render(&self, scene: &Scene, grid: Grid, area: Rect, buffer: &mut Buffer) {
        let below = u16::from(scene.zoomed && area.height >= 12) * 2;
        let images = Rect { height: area.height - below, ..area };
        let page = Page::new(scene, self.extent().0, grid, images);
        for (vector, area) in page.areas() {
            self.neuron(scene, vector, &page, area, buffer);
        }
        let facts = Rect { y: images.bottom() + 1, height: below.saturating_sub(1), ..area };
        scene.lines(vec![self.facts(scene, &page)], facts, buffer);
    }

    /// Returns a line of what the images do not show.
    fn facts(&self, scene: &Scene, page: &Page) -> Line<'static> {
        let (vectors, length) = self.extent();
        let is_unused = |input: usize| {
            (0..vectors).all(|output| self.frame.connected(output * length + input) == Some(false))
        };
        let unused = (0..length).filter(|&input| is_unused(input)).count();
        let mut text = format!(
            "each of {}, {} of {} inputs unused",
            significant(f64::from(self.value)),
            grouped(unused as u64),
            grouped(length as u64)
        );
        if page.count < vectors {
            let last = page.first + page.count - 1;
            text = format!("{text}, outputs {} to {last} of {vectors}", page.first);
        }
        Line::styled(text, scene.theme.muted)
    }

    /// Draws a neuron: its number, the number of its connections, and an image of its inputs.
    fn neuron(&self, scene: &Scene, vector: usize, page: &Page, area: Rect, buffer: &mut Buffer) {
        let length = self.frame.values.len();
        let is_kept = |&input: &usize| self.frame.connected(vector * length + input) == Some(true);
        let kept: Vec<usize> = (0..length).filter(is_kept).collect();
        let watched = vector == self.frame.vector;
        let style = if watched { scene.theme.accent } else { scene.theme.muted };
        let pointer = if watched { scene.glyph('▸', '>') } else { ' ' };
        let share = percent(kept.len() as f64 / length.max(1) as f64);
        let text = format!("{pointer}{vector} {} {share}", grouped(kept.len() as u64));
        buffer.set_stringn(area.x, area.y, text, area.width.into(), style);
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let mut raster = Raster::new(below, scene.theme.unicode);
        let style = if watched { scene.theme.accent } else { scene.theme.text };
        let scale = page.scale;
        for (column, row) in kept.into_iter().map(|input| page.grid.position(input)) {
            let (left, top) = (column as i64 * scale, row as i64 * scale);
            for (x, y) in (0..scale * scale).map(|i| (left + i % scale, top + i / scale)) {
                raster.dot(x, y, style);
            }
        }
        raster.paint(buffer);
    }
}

/// The neurons that are visible at once.
struct Page {
    area: Rect,
    grid: Grid,
    /// Dots per pixel, in either direction.
    scale: i64,
    /// Columns and rows per neuron, with its name above and a gap to the next.
    size: (u16, u16),
    across: u16,
    first: usize,
    count: usize,
}

impl Page {
    /// The largest scale at which all neurons fit; otherwise the page of the watched neuron at the
    /// smallest scale.
    fn new(scene: &Scene, vectors: usize, grid: Grid, area: Rect) -> Self {
        const LARGEST: i64 = 4;
        let dots = Raster::new(Rect::default(), scene.theme.unicode).per_cell();
        let page = |scale: i64| {
            let cells = |pixels: usize, dots: i64| {
                (pixels as i64 * scale).unsigned_abs().div_ceil(dots.unsigned_abs()).min(1 << 14)
                    as u16
            };
            let (width, height) = grid.size();
            let size = (cells(width, dots.0) + 2, cells(height, dots.1) + 1);
            let across = ((area.width + 2) / size.0).max(1);
            let count = usize::from(across) * usize::from(area.height / size.1).max(1);
            Page { area, grid, scale, size, across, first: 0, count }
        };
        let all = (1..=LARGEST).rev().map(page).find(|page| page.count >= vectors);
        let page = all.unwrap_or_else(|| page(1));
        let count = page.count.min(vectors);
        let first = scene.view.vector.min(vectors.saturating_sub(1)) / count.max(1) * count;
        Page { first, count: count.min(vectors - first), ..page }
    }

    fn areas(&self) -> impl Iterator<Item = (usize, Rect)> {
        (0..self.count).map(|i| {
            let (column, row) = (i as u16 % self.across, i as u16 / self.across);
            let (x, y) = (self.area.x + column * self.size.0, self.area.y + row * self.size.1);
            let area = Rect { x, y, width: self.size.0 - 2, height: self.size.1 };
            (self.first + i, area.intersection(self.area))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunState;
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    /// Three neurons of four inputs: connected to the first, to the last two, and to none.
    fn layer() -> (LayerInfo, LayerFrame) {
        let layer = LayerInfo { name: "dense1".into(), shape: vec![3, 4], vectors: 3, length: 4 };
        let frame = LayerFrame {
            initial_values: vec![0.5, 0.0, 0.5, 0.0],
            values: vec![0.1, 0.2, 0.3, 0.4],
            vector: 1,
            connections: vec![0b1100_0001, 0b0000],
            ..LayerFrame::default()
        };
        (layer, frame)
    }

    #[test]
    fn shared_values_make_a_network_weight_agnostic() {
        let (layer, frame) = layer();
        let caption = Network::new(&layer, &frame).map(|network| network.caption());
        assert_eq!(caption.as_deref().unwrap_or_default(), ["dense1", "3 of 12 connections"]);
        let different = LayerFrame { initial_values: vec![0.5, 0.0, 0.4, 0.0], ..frame.clone() };
        assert!(Network::new(&layer, &different).is_none());
        let unknown = LayerFrame { connections: Vec::new(), ..frame };
        assert!(Network::new(&layer, &unknown).is_none());
    }

    #[test]
    fn every_neuron_is_an_image_of_its_inputs() {
        let (layer, frame) = layer();
        let (state, view, theme) =
            (RunState::default(), View::default(), Theme::new(Depth::None, true));
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: true };
        let area = Rect::new(0, 0, 40, 12);
        let mut buffer = Buffer::empty(area);
        let grid = Grid::of(&layer.shape, 4, None);
        let network = Network::new(&layer, &frame).expect("one value");
        network.render(&scene, grid, area, &mut buffer);
        let row = |y: u16| (0..40).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        // Four dots to a pixel, so that the 2x2 inputs are 8x8 dots in 4x2 cells.
        assert_eq!(row(0).trim_end(), " 0 1  ▸1 2   2 0", "{}", row(0));
        assert_eq!(row(1).trim_end(), "⣿⣿");
        assert_eq!(row(2).trim_end(), "      ⣿⣿⣿⣿");
        assert_eq!(row(11).trim_end(), "each of 0.500, 1 of 4 inputs unused");
    }

    #[test]
    fn too_many_neurons_are_shown_page_by_page_around_the_watched_one() {
        let (state, theme) = (RunState::default(), Theme::new(Depth::None, true));
        let view = View { vector: 5, ..View::default() };
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let grid = Grid::of(&[7, 784], 784, None);
        // 28x28 dots are 14x7 cells: two in a row, with their names one row.
        let page = Page::new(&scene, 7, grid, Rect::new(0, 0, 36, 9));
        assert_eq!((page.scale, page.first, page.count), (1, 4, 2));
        assert_eq!(page.areas().map(|(vector, _)| vector).collect::<Vec<_>>(), [4, 5]);
        let all = Page::new(&scene, 7, grid, Rect::new(0, 0, 200, 40));
        assert_eq!((all.scale, all.first, all.count), (2, 0, 7));
    }
}
