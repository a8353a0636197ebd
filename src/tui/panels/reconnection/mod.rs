//! How training has reconnected a neuron (the paper's figure 14): the watched weight vector as an
//! image, initially and now, with lines from where weights were to where they are. For a
//! weight-agnostic network, whose weights all share one value, the connections of every neuron
//! instead (figure 9).

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panel::Panel;
use super::scene::{Scene, percent};
use crate::data::ImageShape;
use crate::figure::kinds;
use crate::method::{is_ranking, order};
use crate::train::LayerFrame;
use crate::tui::chart::{Raster, put, significant};
use crate::tui::format::grouped;

mod network;
mod pixels;

use network::Network;
use pixels::{Grid, Picture};

pub(super) const PANEL: Panel = Panel {
    title: "Reconnection",
    caption,
    render,
    rows: None,
    figure: Some(kinds::reconnection::KIND),
    has_rank_axis: false,
};

/// Columns of the values beside the images.
const FACTS: u16 = 34;

/// Least number of columns between the images at which lines are distinguishable.
const ROOM_FOR_LINES: u16 = 12;

/// Largest number of lines that the eye can follow.
const MOST_LINES: usize = 32;

fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some(frame)) = (scene.layer(), scene.layer_frame()) else {
        return Vec::new();
    };
    if let Some(network) = Network::new(layer, frame) {
        return network.caption();
    }
    let Some(moves) = Reconnection::new(scene, frame) else { return Vec::new() };
    let moved = format!("{} moved", percent(moves.moved.len() as f64 / moves.weights as f64));
    vec![format!("{}[{}]", layer.name, frame.vector), moved]
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let (Some(layer), Some(frame)) = (scene.layer(), scene.layer_frame()) else {
        return scene.nothing_yet("The weights have not been recorded yet.", area, buffer);
    };
    let grid = Grid::of(&layer.shape, frame.values.len(), image(scene));
    if let Some(network) = Network::new(layer, frame) {
        return network.render(scene, grid, area, buffer);
    }
    match Reconnection::new(scene, frame) {
        Some(moves) => Layout::new(scene, &moves, grid, area).render(buffer),
        None => scene.message(
            "This run has no initial weights: it was recorded by an older version.",
            area,
            buffer,
        ),
    }
}

/// Returns the shape of the input images if the first layer is selected.
fn image(scene: &Scene) -> Option<ImageShape> {
    let started = scene.state.started.as_ref().filter(|_| scene.view.layer == 0)?;
    Some(started.dataset.known()?.shape())
}

/// A weight that has moved.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moved {
    /// Its initial value.
    value: f32,
    /// Its initial index in the vector.
    from: usize,
    /// Its current index in the vector.
    to: usize,
}

/// A weight vector, initially and now.
struct Reconnection<'a> {
    before: &'a [f32],
    /// The current values; with LaPerm, those that a sync would write now.
    after: Vec<f32>,
    /// Number of non-zero weights, at least 1.
    weights: usize,
    /// The weights that moved, by descending absolute value.
    moved: Vec<Moved>,
}

impl<'a> Reconnection<'a> {
    /// `None` if the frame has no initial values.
    fn new(scene: &Scene, frame: &'a LayerFrame) -> Option<Self> {
        let (before, ranks) = (&frame.initial_values, &frame.after);
        if before.is_empty()
            || before.len() != frame.values.len()
            || !is_ranking(ranks, before.len())
        {
            return None;
        }
        // The weight of rank r has moved to the position that has rank r now.
        let origin = order(before);
        let from = |to: usize| origin[ranks[to] as usize] as usize;
        let after = if scene.permutes() {
            (0..before.len()).map(|to| before[from(to)]).collect()
        } else {
            frame.values.clone()
        };
        let journeys =
            (0..before.len()).map(|to| Moved { value: before[from(to)], from: from(to), to });
        let mut moved: Vec<Moved> =
            journeys.filter(|moved| moved.value != 0.0 && moved.from != moved.to).collect();
        moved.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        let weights = before.iter().filter(|&&value| value != 0.0).count().max(1);
        Some(Reconnection { before, after, weights, moved })
    }

    /// Returns the greatest finite absolute value, initially or now.
    fn strongest(&self) -> f32 {
        let finite = self.before.iter().chain(&self.after).filter(|value| value.is_finite());
        finite.fold(0.0, |strongest: f32, value| strongest.max(value.abs()))
    }
}

/// The parts of the panel: an image, a gap for lines, the other image, and values beside them.
struct Layout<'a> {
    scene: &'a Scene<'a>,
    moves: &'a Reconnection<'a>,
    before: Picture,
    after: Picture,
    facts: Rect,
    /// Whether there is a row above the images for their titles.
    titled: bool,
    /// Number of the strongest moved weights that get a line.
    lines: usize,
}

impl<'a> Layout<'a> {
    fn new(scene: &'a Scene, moves: &'a Reconnection, grid: Grid, area: Rect) -> Self {
        let titled = area.height >= 4;
        let top = area.y + u16::from(titled);
        let arranged = |beside: u16| {
            let width = area.width - beside;
            let lines = scene.zoomed && width >= 4 * ROOM_FOR_LINES;
            let gap = if lines { ROOM_FOR_LINES } else { 3 };
            // Without values beside the images, there is a line below them.
            let below = u16::from(lines && beside == 0);
            let height = (area.bottom() - top).saturating_sub(below);
            let room = Rect { y: top, width: width.saturating_sub(gap) / 2, height, ..area };
            (beside, lines, room, Picture::fit(grid, room))
        };
        // Images at full resolution are worth more than the values beside them.
        let facts = if area.width >= 2 * FACTS { FACTS } else { 0 };
        let whole = [facts, 0].map(arranged).into_iter().find(|(.., picture)| !picture.is_shrunk());
        let (beside, lines, room, before) = whole.unwrap_or_else(|| arranged(facts));
        // The lines get the columns that the images leave, up to a maximum.
        let (width, height) = before.size();
        let left = (area.width - beside).saturating_sub(2 * width);
        let gap = if lines { left.min(3 * ROOM_FOR_LINES) } else { left.min(3) };
        let margin = (left - gap) / 2;
        // As in the paper, the second image is lower if that leaves more room for lines.
        let free = room.height - height;
        let drop = if lines { free.min(height / 2) } else { 0 };
        let above = (free - drop) / 2;
        let image = |x: u16, y: u16| Rect { x: area.x + x, y: top + y, width, height };
        let facts = match beside {
            0 => Rect { y: room.bottom(), height: area.bottom() - room.bottom(), ..area },
            _ => Rect { x: area.right() - beside + 2, width: beside - 2, ..area },
        };
        let shown = usize::from(height).clamp(8, MOST_LINES).min(moves.moved.len());
        Layout {
            scene,
            moves,
            before: before.at(image(margin, above)),
            after: before.at(image(margin + width + gap, above + drop)),
            facts,
            titled,
            lines: if lines { shown } else { 0 },
        }
    }

    fn render(&self, buffer: &mut Buffer) {
        let (scene, moves) = (self.scene, self.moves);
        let strongest = moves.strongest();
        self.before.render(moves.before, strongest, scene.theme, buffer);
        self.after.render(&moves.after, strongest, scene.theme, buffer);
        self.connect(buffer);
        if self.titled {
            self.before.title(["at the start", "start"], scene.theme.muted, buffer);
            self.after.title(["now, reconnected", "now"], scene.theme.muted, buffer);
        }
        let numbers = if self.facts.height > 1 { self.numbers() } else { vec![self.drawn()] };
        scene.lines(numbers, self.facts, buffer);
    }

    /// Draws a line for each of the strongest moved weights, from a ring at its initial position to
    /// a dot at its current one.
    fn connect(&self, buffer: &mut Buffer) {
        let theme = self.scene.theme;
        let between = self.before.area().union(self.after.area());
        let mut raster = Raster::new(between, theme.unicode);
        let strongest = &self.moves.moved[..self.lines];
        let dot = |position: Position| {
            let (columns, rows) = raster.per_cell();
            let x = i64::from(position.x - between.x) * columns + columns / 2;
            let y = i64::from(position.y - between.y) * rows + rows / 2;
            (x, y as f64)
        };
        let ends: Vec<(Position, Position, Style)> = strongest
            .iter()
            .enumerate()
            .map(|(i, moved)| {
                (self.before.cell(moved.from), self.after.cell(moved.to), colour(self.scene, i))
            })
            .collect();
        let dots: Vec<_> = ends.iter().map(|&(from, to, _)| (dot(from), dot(to))).collect();
        for (&(from, to), &(.., style)) in dots.iter().zip(&ends) {
            raster.line(from, to, style);
        }
        raster.paint(buffer);
        for (from, to, style) in ends {
            put(buffer, from, self.scene.glyph('○', 'o'), style);
            put(buffer, to, self.scene.glyph('●', '*'), style);
        }
    }

    /// Returns the legend of the signs.
    fn key(&self) -> Line<'static> {
        let theme = self.scene.theme;
        let sample = |value: f64| match theme.signed(value) {
            Some(colour) => {
                Span::styled(self.scene.glyph('■', '#').to_string(), Style::new().fg(colour))
            }
            None => Span::styled(if value < 0.0 { "- =" } else { "+ #" }, theme.text),
        };
        let name = |name| Span::styled(name, theme.muted);
        Line::from(vec![sample(-1.0), name(" negative   "), sample(1.0), name(" positive")])
    }

    /// Returns a line with the number of moved weights that have a line.
    fn drawn(&self) -> Line<'static> {
        let moved = grouped(self.moves.moved.len() as u64);
        self.scene.fact("drawn", format!("strongest {} of {moved}", self.lines))
    }

    /// Returns the number of moved weights, and the positions of the strongest ones.
    fn numbers(&self) -> Vec<Line<'static>> {
        let (scene, moves) = (self.scene, self.moves);
        let (moved, weights) = (moves.moved.len(), moves.weights);
        let zeros = moves.before.iter().filter(|&&value| value == 0.0).count();
        let mut lines = vec![
            scene.fact("weights", grouped(weights as u64)),
            scene.fact(
                "moved",
                format!("{} ({})", grouped(moved as u64), percent(moved as f64 / weights as f64)),
            ),
        ];
        if zeros > 0 {
            lines.insert(1, scene.fact("zeros", grouped(zeros as u64)));
        }
        if self.lines > 0 {
            lines.push(self.drawn());
        }
        lines.push(self.key());
        lines.push(Line::default());
        let head = format!("  {:>8}  {:<9} {:<9}", "weight", "from", "to");
        lines.push(Line::styled(head, scene.theme.muted));
        let room = usize::from(self.facts.height).saturating_sub(lines.len());
        for (i, moved) in moves.moved.iter().take(room.min(MOST_LINES)).enumerate() {
            let mark = if i < self.lines { scene.glyph('●', '*') } else { ' ' };
            let name = |index| self.before.grid().name(index);
            let text = format!(
                " {:>8}  {:<9} {:<9}",
                significant(f64::from(moved.value)),
                name(moved.from),
                name(moved.to)
            );
            let mark = Span::styled(mark.to_string(), colour(scene, i));
            lines.push(Line::from(vec![mark, Span::styled(text, scene.theme.text)]));
        }
        lines
    }
}

/// Alternates between two colours, so that neighbouring lines differ.
fn colour(scene: &Scene, index: usize) -> Style {
    scene.theme.series(2 + index % 2)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::method::ranking;
    use crate::run::RunState;
    use crate::train::{Frame, LayerInfo, Started};
    use crate::tui::theme::{Depth, Theme};
    use crate::tui::view::View;

    /// A neuron with four inputs. The strongest weight moved from the first to the last position
    /// and the others moved up by one. One weight is zero.
    fn frame() -> LayerFrame {
        let initial_values = vec![-4.0, 0.0, 2.0, 3.0];
        // The smallest weight is last now.
        let values = vec![0.5, 0.6, 0.7, -0.9];
        let after = ranking(&values);
        LayerFrame { initial_values, values, after, ..LayerFrame::default() }
    }

    fn state(wrapper: &str, frame: LayerFrame) -> RunState {
        let layer = LayerInfo { name: "a".into(), shape: vec![1, 4], vectors: 1, length: 4 };
        let started = Started {
            layers: vec![layer],
            wrapper: wrapper.into(),
            dataset: "mnist".into(),
            ..Started::default()
        };
        let mut state = RunState::default();
        state.started = Some(Arc::new(started));
        state.frame = Some((9, Arc::new(Frame { since: 0, layers: vec![frame] })));
        state
    }

    fn with_scene<T>(state: &RunState, zoomed: bool, look: impl Fn(&Scene) -> T) -> T {
        let (view, theme) = (View::default(), Theme::new(Depth::None, false));
        look(&Scene { state, view: &view, theme: &theme, zoomed })
    }

    fn drawn(state: &RunState, zoomed: bool, (width, height): (u16, u16)) -> Vec<String> {
        with_scene(state, zoomed, |scene| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            render(scene, buffer.area, &mut buffer);
            let rows = buffer.content.chunks(width.into());
            rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
        })
    }

    #[test]
    fn a_weight_goes_where_its_rank_is_now() {
        let frame = frame();
        let reconnected = |wrapper: &str| {
            with_scene(&state(wrapper, frame.clone()), false, |scene| {
                let moves = Reconnection::new(scene, &frame).expect("rankings");
                (moves.after.clone(), moves.moved.clone(), moves.weights)
            })
        };
        let (after, moved, weights) = reconnected("laperm");
        assert_eq!(after, [0.0, 2.0, 3.0, -4.0]);
        let journey = |value, from, to| Moved { value, from, to };
        assert_eq!(moved, [journey(-4.0, 0, 3), journey(3.0, 3, 2), journey(2.0, 2, 1)]);
        assert_eq!(weights, 3);
        // Without LaPerm the weights are those of the optimizer.
        assert_eq!(reconnected("none").0, frame.values);
    }

    #[test]
    fn an_old_frame_says_what_it_lacks_and_damaged_ones_are_left_alone() {
        for (initial_values, after) in [
            (Vec::new(), frame().after),
            (frame().initial_values, vec![0; 4]),
            (vec![1.0], vec![0]),
        ] {
            let frame = LayerFrame { initial_values, after, ..frame() };
            let text = drawn(&state("laperm", frame), false, (90, 10)).join("");
            assert!(text.contains("older version"), "{text}");
        }
    }

    #[test]
    fn without_room_for_numbers_a_line_tells_how_many_are_drawn() {
        let rows = drawn(&state("laperm", frame()), true, (60, 12));
        assert!(rows[11].starts_with("drawn    strongest 3 of 3"), "{rows:?}");
        let rows = drawn(&state("laperm", frame()), false, (38, 8));
        assert!(!rows.join("").contains("drawn"), "{rows:?}");
    }

    #[test]
    fn zoomed_the_strongest_moved_weights_are_joined_and_listed() {
        let rows = drawn(&state("laperm", frame()), true, (110, 20));
        let text = rows.join("\n");
        assert!(text.contains("strongest 3 of 3") && text.contains("3 (100 %)"), "{text}");
        assert!(rows.iter().any(|row| row.contains("-4.00  0,0       1,1")), "{text}");
        // Each has a ring in the left image, and a dot in the right one and in the list.
        assert_eq!(
            (text.matches('o').count() >= 3, text.matches('*').count()),
            (true, 6),
            "{text}"
        );
    }
}
