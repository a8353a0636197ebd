//! A curve over training steps that can be drawn at any width at little cost.

use std::ops::Range;

use super::pieces::{PIECE, Piece, Pieces};

/// Values at steps that never decrease: 12 bytes a point, shared by all clones. NaN is a gap.
#[derive(Debug, Clone, Default)]
pub struct Series {
    points: Pieces<Points>,
}

/// Consecutive points, and the range of their values.
#[derive(Debug, Clone)]
struct Points {
    steps: Vec<u64>,
    values: Vec<f32>,
    extent: Extent,
}

/// The least and the greatest finite value, or [`EMPTY`] if there is none.
type Extent = (f32, f32);

const EMPTY: Extent = (f32::INFINITY, f32::NEG_INFINITY);

impl Default for Points {
    fn default() -> Self {
        Points { steps: Vec::new(), values: Vec::new(), extent: EMPTY }
    }
}

impl Piece for Points {
    fn len(&self) -> usize {
        self.steps.len()
    }

    fn truncate(&mut self, len: usize) {
        self.steps.truncate(len);
        self.values.truncate(len);
        self.extent = extent(&self.values);
    }
}

impl Series {
    /// Adds a value at `step`. If `step` is earlier than the last one (the run went back to an
    /// earlier state), the points at or after it are removed first.
    pub fn push(&mut self, step: u64, value: f32) {
        if self.last().is_some_and(|(last, _)| last > step) {
            self.points.truncate(self.before(step));
        }
        self.points.push(|points| {
            points.steps.push(step);
            points.values.push(value);
            points.extent = around(points.extent, (value, value));
        });
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over steps, ascending, and values.
    pub fn iter(&self) -> impl Iterator<Item = (u64, f32)> {
        self.points.iter().flat_map(|p| p.steps.iter().copied().zip(p.values.iter().copied()))
    }

    pub fn get(&self, index: usize) -> Option<(u64, f32)> {
        let points = self.points.piece(index / PIECE);
        let inside = index - index / PIECE * PIECE;
        (index < self.len()).then(|| (points.steps[inside], points.values[inside]))
    }

    /// Returns the latest step and its value.
    pub fn last(&self) -> Option<(u64, f32)> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Returns the latest point at or before `step`: the readout of a cursor.
    pub fn at(&self, step: u64) -> Option<(u64, f32)> {
        self.get(self.count_while(|s| s <= step).checked_sub(1)?)
    }

    /// Number of points before `step`, which is the index of the first one at or after it.
    pub fn before(&self, step: u64) -> usize {
        self.count_while(|s| s < step)
    }

    /// Returns the greatest finite value and the first step at which it was reached.
    pub fn max(&self) -> Option<(u64, f32)> {
        let highs = self.points.iter().map(|points| points.extent.1);
        let high = highs.reduce(f32::max).filter(|high| high.is_finite())?;
        let piece = self.points.iter().find(|points| points.extent.1 == high)?;
        let index = piece.values.iter().position(|&value| value == high)?;
        Some((piece.steps[index], high))
    }

    /// Returns the least and the greatest finite value of the points with these indices, or
    /// `(INFINITY, -INFINITY)` if there is none. A long range costs little more than a short one.
    pub fn extent(&self, indices: Range<usize>) -> (f32, f32) {
        let pieces = indices.start / PIECE..indices.end.div_ceil(PIECE);
        let extents = pieces.map(|number| {
            let points = self.points.piece(number);
            match inside(number, &indices) {
                all if all.len() == points.len() => points.extent,
                some => points.values.get(some).map_or(EMPTY, extent),
            }
        });
        extents.fold(EMPTY, around)
    }

    /// Iterates over the values of the points with these indices, in slices.
    pub fn values(&self, indices: Range<usize>) -> impl Iterator<Item = &[f32]> {
        let pieces = indices.start / PIECE..indices.end.div_ceil(PIECE);
        pieces.filter_map(move |number| {
            self.points.piece(number).values.get(inside(number, &indices))
        })
    }

    /// Number of points before the first whose step is not `wanted`.
    fn count_while(&self, wanted: impl Fn(u64) -> bool) -> usize {
        let all = |points: &Points| points.steps.last().is_none_or(|&last| wanted(last));
        let whole = self.points.full().partition_point(|points| all(points));
        whole * PIECE + self.points.piece(whole).steps.partition_point(|&step| wanted(step))
    }
}

/// Returns the part of `indices` that is in piece `number`, relative to its first point.
fn inside(number: usize, indices: &Range<usize>) -> Range<usize> {
    let first = number * PIECE;
    indices.start.saturating_sub(first)..(indices.end - first).min(PIECE)
}

/// Returns the union of two extents. Bounds that are not finite are ignored.
fn around(a: Extent, b: Extent) -> Extent {
    let low = if b.0.is_finite() && b.0 < a.0 { b.0 } else { a.0 };
    let high = if b.1.is_finite() && b.1 > a.1 { b.1 } else { a.1 };
    (low, high)
}

fn extent(values: &[f32]) -> Extent {
    values.iter().fold(EMPTY, |extent, &value| around(extent, (value, value)))
}

/// Series are equal if their points are; all gaps are equal.
impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        let same = |((step, value), (other_step, other_value)): ((u64, f32), (u64, f32))| {
            step == other_step && (value == other_value || value.is_nan() && other_value.is_nan())
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(points: &[(u64, f32)]) -> Series {
        let mut series = Series::default();
        points.iter().for_each(|&(step, value)| series.push(step, value));
        series
    }

    #[test]
    fn an_extent_keeps_a_spike_and_skips_gaps() {
        let series = series(&[(1, 1.0), (2, f32::NAN), (3, 9.0), (4, 2.0)]);
        assert_eq!(series.extent(0..4), (1.0, 9.0));
        assert_eq!(series.extent(1..2), EMPTY);
        assert_eq!(series.extent(3..3), EMPTY);
        assert_eq!(series.max(), Some((3, 9.0)));
    }

    #[test]
    fn a_cursor_reads_the_newest_value_before_it() {
        let series = series(&[(10, 1.0), (20, 2.0)]);
        assert_eq!(series.at(9), None);
        assert_eq!(series.at(19), Some((10, 1.0)));
        assert_eq!(series.at(u64::MAX), Some((20, 2.0)));
    }

    #[test]
    fn going_back_in_time_forgets_the_future() {
        let series = series(&[(10, 1.0), (20, 2.0), (30, 3.0), (20, 5.0)]);
        assert_eq!(series.iter().collect::<Vec<_>>(), [(10, 1.0), (20, 5.0)]);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_over_pieces_is_as_over_a_plain_list(
            strides in prop::collection::vec((0u64..4, -9i8..9), 1..1200),
            from in 0usize..1200,
            count in 0usize..1200,
            step in 0u64..4000,
        ) {
            let mut at = 0;
            let points: Vec<(u64, f32)> = strides.iter().map(|&(stride, value)| {
                at += stride;
                (at, if value == 0 { f32::NAN } else { value.into() })
            }).collect();
            let series = series(&points);
            let (from, to) = (from.min(points.len()), (from + count).min(points.len()));
            let values: Vec<f32> = points[from..to].iter().map(|point| point.1).collect();
            prop_assert_eq!(series.extent(from..to), extent(&values));
            let joined = series.values(from..to).flatten().map(|v| v.to_bits());
            prop_assert!(joined.eq(values.iter().map(|v| v.to_bits())));
            prop_assert_eq!(series.before(step), points.iter().filter(|p| p.0 < step).count());
            let max = points.iter().map(|p| p.1).filter(|v| v.is_finite()).reduce(f32::max);
            prop_assert_eq!(series.max().map(|(_, value)| value), max);
        }
    }
}
