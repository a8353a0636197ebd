//! The permutation of one weight vector between two syncs, or since the start, drawn as in the
//! paper's figure 13. Ranks are placed counter-clockwise on a circle in ascending order. A chord in
//! the colour of the disjoint cycle leads from each rank to the one it moved to.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::panel::Panel;
use super::scene::{Scene, percent};
use crate::figure::kinds;
use crate::method::{cycles, is_ranking, log10_reachable, permutation, ranking, sort_vectors};
use crate::train::{LayerFrame, LayerInfo};
use crate::tui::chart::{Raster, significant};
use crate::tui::format::grouped;
use crate::tui::profile_chart;

pub(super) const PANEL: Panel = Panel {
    title: "Permutation cycles",
    caption,
    render,
    rows: None,
    figure: Some(kinds::cycles::KIND),
    has_rank_axis: false,
};

/// Largest number of chords per dot of the circle's radius; more would merge into a blot.
const CHORDS: f64 = 1.6;

/// Columns for the values beside the circle.
const FACTS: u16 = 22;

fn caption(scene: &Scene) -> Vec<String> {
    let (Some(layer), Some(frame)) = (scene.layer(), scene.layer_frame()) else {
        return Vec::new();
    };
    let Some(moves) = Moves::new(frame, scene.view.since_start) else { return Vec::new() };
    let vector = format!("{}[{}]", layer.name, frame.vector);
    let moved = scene.zoomed.then(|| format!("{} moved", percent(moves.share())));
    [vector, plural(moves.cycles.len(), "cycle")].into_iter().chain(moved).collect()
}

fn render(scene: &Scene, area: Rect, buffer: &mut Buffer) {
    let moves = scene.layer_frame().and_then(|frame| Moves::new(frame, scene.view.since_start));
    let Some(moves) = moves else {
        return scene.nothing_yet("No permutation has been recorded yet.", area, buffer);
    };
    // Cells are twice as high as wide.
    let widest = if area.width >= FACTS + 12 { area.width - FACTS } else { area.width };
    let diameter = area.height.saturating_mul(2).min(widest);
    let beside = area.width - diameter;
    let circle = if beside >= FACTS { Rect { width: diameter, ..area } } else { area };
    let shown = draw(scene, &moves, circle, buffer);
    if beside >= FACTS {
        let gap = if beside > FACTS + 4 { 3 } else { 1 };
        let side = Rect { x: area.x + diameter + gap, width: beside - gap, ..area };
        scene.lines(facts(scene, &moves, shown, side), side, buffer);
    }
}

/// The permutation of the ranks.
struct Moves {
    /// σ: the weight at rank `r` has moved to rank `sigma[r]`.
    sigma: Vec<u32>,
    /// The cycles of more than one rank, longest first.
    cycles: Vec<Vec<u32>>,
}

impl Moves {
    /// Compares the ranking now with that at the previous sync or at the start. `None` if the two
    /// do not belong to one vector.
    fn new(frame: &LayerFrame, since_start: bool) -> Option<Self> {
        let start = (since_start && !frame.initial_values.is_empty())
            .then(|| ranking(&frame.initial_values));
        let (before, after) = (start.as_ref().unwrap_or(&frame.before), &frame.after);
        if before.is_empty()
            || !is_ranking(before, before.len())
            || !is_ranking(after, before.len())
        {
            return None;
        }
        let sigma = permutation(before, after);
        let cycles = cycles(&sigma);
        Some(Moves { sigma, cycles })
    }

    fn moved(&self) -> usize {
        self.cycles.iter().map(Vec::len).sum()
    }

    /// Returns the share of ranks that moved.
    fn share(&self) -> f64 {
        self.moved() as f64 / self.sigma.len() as f64
    }

    /// Returns how far a rank moved, in ranks.
    fn distance(&self, rank: u32) -> u32 {
        rank.abs_diff(self.sigma[rank as usize])
    }

    fn mean_distance(&self) -> f64 {
        let moved = self.cycles.iter().flatten();
        moved.map(|&rank| f64::from(self.distance(rank))).sum::<f64>() / self.sigma.len() as f64
    }

    /// Returns the `most` ranks that moved farthest, each with the index of its cycle. Long cycles
    /// come first, so that short ones are drawn on top.
    fn farthest(&self, most: usize) -> Vec<(u32, usize)> {
        let indexed = self.cycles.iter().enumerate();
        let mut moves: Vec<(u32, usize)> =
            indexed.flat_map(|(i, cycle)| cycle.iter().map(move |&rank| (rank, i))).collect();
        if most < moves.len() {
            let farther =
                |&(rank, _): &(u32, usize)| (std::cmp::Reverse(self.distance(rank)), rank);
            moves.select_nth_unstable_by_key(most, farther);
            moves.truncate(most);
        }
        moves.sort_unstable_by_key(|&(rank, cycle)| (cycle, rank));
        moves
    }
}

/// Draws the circle and as many chords as are readable; returns their number.
fn draw(scene: &Scene, moves: &Moves, area: Rect, buffer: &mut Buffer) -> usize {
    let theme = scene.theme;
    let (mut rim, mut chords) =
        (Raster::new(area, theme.unicode), Raster::new(area, theme.unicode));
    let circle = Circle::centred_in(rim.width(), rim.height());
    let count = moves.sigma.len();
    let stops = count.min((TAU * circle.radius) as usize + 1);
    for stop in 0..stops {
        let (x, y) = circle.point(stop, stops);
        rim.dot(x.round() as i64, y.round() as i64, theme.muted);
    }
    let shown = moves.farthest((circle.radius * CHORDS) as usize);
    for &(rank, cycle) in &shown {
        let from = circle.point(rank as usize, count);
        let to = circle.point(moves.sigma[rank as usize] as usize, count);
        chord(&mut chords, from, to, theme.cycle(cycle));
    }
    rim.paint(buffer);
    chords.paint(buffer);
    shown.len()
}

/// Draws a straight line that is one dot wide in every direction.
fn chord(raster: &mut Raster, from: (f64, f64), to: (f64, f64), style: ratatui::style::Style) {
    let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).round().max(1.0);
    for i in 0..=steps as i64 {
        let share = i as f64 / steps;
        let x = from.0 + (to.0 - from.0) * share;
        let y = from.1 + (to.1 - from.1) * share;
        raster.dot(x.round() as i64, y.round() as i64, style);
    }
}

/// A circle on a raster, in dots.
struct Circle {
    x: f64,
    y: f64,
    radius: f64,
}

impl Circle {
    fn centred_in(width: i64, height: i64) -> Self {
        let (x, y) = ((width - 1) as f64 / 2.0, (height - 1) as f64 / 2.0);
        Circle { x, y, radius: x.min(y) }
    }

    /// Returns point `index` of `count`: the first on the right, then counter-clockwise.
    fn point(&self, index: usize, count: usize) -> (f64, f64) {
        let angle = TAU * index as f64 / count as f64;
        (self.x + self.radius * angle.cos(), self.y - self.radius * angle.sin())
    }
}

/// Returns the values beside the circle; if there is room, with the lengths of the cycles.
fn facts<'a>(scene: &Scene, moves: &Moves, shown: usize, area: Rect) -> Vec<Line<'a>> {
    let (length, moved) = (moves.sigma.len(), moves.moved());
    let longest = moves.cycles.first().map_or(0, Vec::len);
    let mut lines = vec![
        scene.fact("moved", format!("{} ({})", grouped(moved as u64), percent(moves.share()))),
        scene.fact("cycles", grouped(moves.cycles.len() as u64)),
        scene.fact("longest", grouped(longest as u64)),
        scene.fact("fixed", grouped((length - moved) as u64)),
        scene.fact("distance", format!("{} ranks", significant(moves.mean_distance()))),
    ];
    if let Some(frame) = scene.frame() {
        let since = if scene.view.since_start {
            "the start".into()
        } else {
            format!("step {}", grouped(frame.since))
        };
        lines.push(scene.fact("since", since));
    }
    if shown < moved {
        lines.push(scene.fact("drawn", format!("farthest {}", grouped(shown as u64))));
    }
    if area.height >= 14 {
        lines.push(Line::default());
        lines.extend(details(scene, moves, area.width, usize::from(area.height) - lines.len()));
    }
    lines
}

/// Returns the number of reachable orders of the vector, and a histogram of cycle lengths as
/// detailed as fits in `rows` rows.
fn details<'a>(scene: &Scene, moves: &Moves, width: u16, rows: usize) -> Vec<Line<'a>> {
    let orders = |log10: f64| format!("10^{}", grouped(log10 as u64));
    let reachable = scene.layer_frame().map_or(0.0, |frame| reachable(frame, moves.sigma.len()));
    let mut lines = vec![scene.fact("orders", orders(reachable))];
    let layer = scene.layer().zip(scene.layer_frame());
    if let Some(reachable) = layer.and_then(|(layer, frame)| reachable_by_layer(layer, frame)) {
        lines.push(scene.fact("of layer", orders(reachable)));
    }
    lines.extend([Line::default(), Line::styled("cycles by length", scene.theme.muted)]);
    let fits = |bins: &Vec<Bin>| bins.len() + lines.len() <= rows;
    let bins = [2, 4, 16].map(|factor| bins(&moves.cycles, factor)).into_iter().find(fits);
    let bins = bins.unwrap_or_default();
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1).max(1);
    let room = usize::from(width).saturating_sub(20).clamp(1, 40);
    let bar = if scene.theme.unicode { "━" } else { "#" };
    for Bin { low, high, count } in bins {
        let name = if low == high { low.to_string() } else { format!("{low}-{high}") };
        lines.push(Line::from(vec![
            Span::styled(format!("{name:>11} "), scene.theme.muted),
            Span::styled(bar.repeat((count * room).div_ceil(most)), scene.theme.series(0)),
            Span::styled(format!(" {count}"), scene.theme.text),
        ]));
    }
    lines
}

/// The number of cycles with a length in `low..=high`.
#[derive(Debug, PartialEq)]
struct Bin {
    low: usize,
    high: usize,
    count: usize,
}

/// Counts cycles by length. The upper end of each bin is `factor` times that of the one before.
fn bins(cycles: &[Vec<u32>], factor: usize) -> Vec<Bin> {
    let (mut low, mut high) = (2, factor);
    let longest = cycles.first().map_or(0, Vec::len);
    let mut bins = Vec::new();
    while low <= longest {
        let inside = cycles.iter().filter(|cycle| (low..=high).contains(&cycle.len()));
        bins.push(Bin { low, high, count: inside.count() });
        (low, high) = (high + 1, high * factor);
    }
    bins
}

/// Formats a count with its noun: `1 cycle`, `2 cycles`.
fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// Returns log10 of the number of orders that the vector's synchronized values can take. A frame of
/// an old version has only samples of the sorted profile; all values between two equal samples are
/// equal.
fn reachable(frame: &LayerFrame, length: usize) -> f64 {
    if frame.initial_values.len() == length {
        return log10_reachable(&sort_vectors(&frame.initial_values, length), length);
    }
    let value = |rank: usize| profile_chart::sample(&frame.positions, &frame.initial, rank as f64);
    let sorted: Option<Vec<f32>> = (0..length).map(|rank| Some(value(rank)? as f32)).collect();
    sorted.map_or(0.0, |sorted| log10_reachable(&sorted, length))
}

/// Returns log10 of the number of arrangements of the whole layer, the paper's ∏_j #w_j!. The
/// non-zero weights of a vector count as distinct, or as equal if those of the watched vector are.
/// `None` if the number of zeros of each vector is unknown.
fn reachable_by_layer(layer: &LayerInfo, frame: &LayerFrame) -> Option<f64> {
    let length = frame.initial_values.len();
    let mut kept: Vec<f32> = frame.initial_values.iter().copied().filter(|&v| v != 0.0).collect();
    kept.sort_unstable_by(f32::total_cmp);
    kept.dedup();
    let is_shared = kept.len() == 1;
    // All vectors with the same number of zeros have the same number of arrangements.
    let arrangements = |zeros: usize| {
        let value = |weight: usize| match weight {
            weight if weight < zeros => 0.0,
            _ if is_shared => 1.0,
            weight => weight as f32 + 1.0,
        };
        log10_reachable(&(0..length).map(value).collect::<Vec<f32>>(), length)
    };
    if length == 0 {
        return None;
    }
    if !frame.initial_values.contains(&0.0) {
        return Some(layer.vectors as f64 * arrangements(0));
    }
    let vectors = vectors_by_zeros(layer.vectors, length, frame)?;
    Some(vectors.into_iter().map(|(zeros, count)| count as f64 * arrangements(zeros)).sum())
}

/// Counts a layer's weight vectors by their number of zeros.
fn vectors_by_zeros(
    vectors: usize,
    length: usize,
    frame: &LayerFrame,
) -> Option<BTreeMap<usize, usize>> {
    let weights = vectors.checked_mul(length)?;
    if frame.connections.len() != weights.div_ceil(8) {
        return None;
    }
    let mut counts = BTreeMap::new();
    for vector in 0..vectors {
        let is_zero = |&weight: &usize| frame.connected(weight) == Some(false);
        let zeros = (vector * length..(vector + 1) * length).filter(is_zero).count();
        *counts.entry(zeros).or_default() += 1;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Depth, Theme};

    fn moves(before: &[u32], after: &[u32]) -> Option<Moves> {
        let frame =
            LayerFrame { before: before.to_vec(), after: after.to_vec(), ..LayerFrame::default() };
        Moves::new(&frame, false)
    }

    #[test]
    fn four_ranks_stand_counter_clockwise_from_the_right() {
        let circle = Circle::centred_in(21, 41);
        assert_eq!((circle.x, circle.y, circle.radius), (10.0, 20.0, 10.0));
        let points = [0, 1, 2, 3].map(|rank| circle.point(rank, 4));
        let rounded = points.map(|(x, y)| (x.round() as i64, y.round() as i64));
        assert_eq!(rounded, [(20, 20), (10, 10), (0, 20), (10, 30)]);
    }

    #[test]
    fn a_three_cycle_is_a_triangle_of_one_colour() {
        // Ranks 0, 4 and 8 of twelve turn; 2 and 3 swap; the others stay.
        let before: Vec<u32> = (0..12).collect();
        let after = [4, 1, 3, 2, 8, 5, 6, 7, 0, 9, 10, 11];
        let moves = moves(&before, &after).expect("two rankings");
        assert_eq!(moves.cycles, [vec![0, 4, 8], vec![2, 3]]);
        assert_eq!((moves.moved(), moves.mean_distance()), (5, 18.0 / 12.0));

        let theme = Theme::new(Depth::True, true);
        let (state, view) = Default::default();
        let scene = Scene { state: &state, view: &view, theme: &theme, zoomed: false };
        let area = Rect::new(0, 0, 20, 10);
        let mut buffer = Buffer::empty(area);
        assert_eq!(draw(&scene, &moves, area, &mut buffer), 5);
        let colour = |x, y| buffer[(x, y)].fg;
        let triangle = theme.cycle(0).fg.expect("a colour");
        // The right corner, and the middle of the side between ranks 4 and 8, left of the centre.
        assert_eq!(colour(19, 4), triangle);
        assert_eq!(colour(5, 5), triangle);
        assert_eq!(buffer[(10, 5)].symbol(), " ");
    }

    #[test]
    fn since_the_start_is_another_permutation() {
        let (before, after) = (vec![0, 1, 2], vec![1, 0, 2]);
        let initial_values = vec![0.3, 0.1, 0.2];
        let frame = LayerFrame { before, after, initial_values, ..LayerFrame::default() };
        let cycles = |since_start| Moves::new(&frame, since_start).expect("two rankings").cycles;
        assert_eq!(cycles(false), [[0, 1]]);
        // The ranking was 2 0 1: the second weight stays the smallest, the other two swap.
        assert_eq!(cycles(true), [[1, 2]]);
    }

    #[test]
    fn the_farthest_moves_are_kept() {
        let moves = moves(&[0, 1, 2, 3, 4, 5], &[1, 0, 5, 3, 4, 2]).expect("two rankings");
        assert_eq!(moves.farthest(2), [(2, 1), (5, 1)]);
        assert_eq!(moves.farthest(9), [(0, 0), (1, 0), (2, 1), (5, 1)]);
    }

    #[test]
    fn what_is_no_ranking_is_not_drawn() {
        assert!(moves(&[], &[]).is_none());
        assert!(moves(&[0, 1], &[0]).is_none());
        assert!(moves(&[0, 1], &[1, 1]).is_none());
        assert!(moves(&[0, 7], &[1, 0]).is_none());
    }

    #[test]
    fn cycles_are_counted_by_length() {
        let cycles = [5, 4, 3, 2, 2].map(|length| vec![0; length]);
        let bin = |low, high, count| Bin { low, high, count };
        assert_eq!(bins(&cycles, 2), [bin(2, 2, 2), bin(3, 4, 2), bin(5, 8, 1)]);
        assert_eq!(bins(&cycles, 4), [bin(2, 4, 4), bin(5, 16, 1)]);
        assert_eq!(bins(&[], 2), []);
    }

    #[test]
    fn pruned_zeros_do_not_count_as_orders() {
        // Five values of which three are zero: 5! / 3! = 20.
        let frame = LayerFrame {
            positions: vec![0, 1, 3, 4],
            initial: vec![-1.0, 0.0, 0.0, 1.0],
            ..LayerFrame::default()
        };
        assert!((reachable(&frame, 5) - 20f64.log10()).abs() < 1e-9);
        // With the values themselves the count is exact: 3! / 2!.
        let frame = LayerFrame { initial_values: vec![0.5, 0.0, 0.0], ..frame };
        assert!((reachable(&frame, 3) - 3f64.log10()).abs() < 1e-9);
    }

    #[test]
    fn a_layers_arrangements_are_the_product_of_its_vectors() {
        let layer = LayerInfo { vectors: 2, length: 4, ..LayerInfo::default() };
        let log10 = |initial_values: &[f32], connections: &[u8]| {
            let (initial_values, connections) = (initial_values.to_vec(), connections.to_vec());
            let frame = LayerFrame { initial_values, connections, ..LayerFrame::default() };
            reachable_by_layer(&layer, &frame)
        };
        let close = |found: Option<f64>, expected: f64| {
            assert!(
                found.is_some_and(|found| (found - expected.log10()).abs() < 1e-9),
                "{found:?}"
            );
        };
        close(log10(&[0.1, 0.2, 0.3, 0.4], &[]), 24.0 * 24.0);
        // Two zeros, then one: 4!/2! and 4!; of a shared value, 4!/(2! 2!) and 4!/3!.
        close(log10(&[0.1, 0.0, 0.3, 0.0], &[0b1110_0101]), 12.0 * 24.0);
        close(log10(&[0.1, 0.0, 0.1, 0.0], &[0b1110_0101]), 6.0 * 4.0);
        assert_eq!(log10(&[0.1, 0.0, 0.3, 0.0], &[]), None);
    }
}
