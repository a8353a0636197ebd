//! Weight profiles and their similarity (section 2 of the paper).
//!
//! A sorted weight vector is a *weight profile*. The profiles of one trained matrix nearly
//! coincide. The paper calls this SoWP, and it is what makes training by permutation plausible. A
//! matrix may have thousands of profiles of thousands of entries, so a [`Profile`] keeps only some
//! positions of the sorted vectors and, at each, some quantiles over the vectors.

use super::{ranking::sort_vectors, vectors::assert_whole};

/// Quantiles over weight vectors that a [`Profile`] keeps: minimum, maximum, median, and the 15th
/// and 85th percentiles of the paper's figure 12.
pub const QUANTILES: [f32; 5] = [0.0, 0.15, 0.5, 0.85, 1.0];

/// Greatest number of weight vectors that a [`Profile`] keeps individually. More lines could not be
/// told apart in a chart.
pub const FEW_VECTORS: usize = 16;

/// The sorted weight vectors of one matrix, summarized as bands.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Positions in the sorted vectors, ascending, evenly spaced from the first to the last.
    pub positions: Vec<u32>,
    /// For each of [`QUANTILES`], that quantile over the vectors of the value at each position.
    pub bands: Vec<Vec<f32>>,
    /// Each vector's sorted values at each position, if there are at most [`FEW_VECTORS`];
    /// otherwise empty.
    pub vectors: Vec<Vec<f32>>,
    /// [`similarity()`] of the sampled vectors.
    pub similarity: f32,
}

impl Profile {
    /// Summarizes the vectors of length `len` in `values`, at up to `points` positions (at least
    /// one) and from up to `max_vectors` vectors (at least one), both evenly spaced.
    ///
    /// # Panics
    /// If `values` is not a positive whole number of vectors.
    pub fn of(values: &[f32], len: usize, points: usize, max_vectors: usize) -> Self {
        assert_whole(values.len(), len);
        assert!(!values.is_empty(), "a profile needs at least one weight vector");
        let chosen: Vec<f32> = evenly(values.len() / len, max_vectors)
            .flat_map(|j| &values[j * len..(j + 1) * len])
            .copied()
            .collect();
        let sorted = sort_vectors(&chosen, len);
        let positions: Vec<u32> = evenly(len, points).map(|position| position as u32).collect();
        let bands = bands(&sorted, len, &positions);
        let few = sorted.len() / len <= FEW_VECTORS;
        let vectors = sorted.chunks(len).filter(|_| few).map(|vector| sample(vector, &positions));
        let vectors = vectors.collect();
        Self { positions, bands, vectors, similarity: similarity(&sorted, len) }
    }
}

/// Returns the values of a sorted vector at a [`Profile`]'s positions, to draw it as a single line.
///
/// # Panics
/// If a position is outside the vector.
pub fn sample(sorted: &[f32], positions: &[u32]) -> Vec<f32> {
    positions.iter().map(|&position| sorted[position as usize]).collect()
}

/// Measures how far `sorted` weight vectors of length `len` are from coinciding: the mean absolute
/// distance of their entries from their average profile, divided by the standard deviation of that
/// profile.
///
/// 0 means identical vectors. The distance of one vector is the first Wasserstein distance between
/// its values and those of the average profile. So 0.1 means that values would have to move by a
/// tenth of a standard deviation on average to make the distributions equal. If the average profile
/// is constant, there is no scale to compare with: the result is 0 for identical vectors and
/// infinite for others. It is 0 if there are no vectors, and NaN if a weight is NaN.
///
/// # Panics
/// If `len` is 0 or `sorted` is not a whole number of vectors.
pub fn similarity(sorted: &[f32], len: usize) -> f32 {
    assert_whole(sorted.len(), len);
    let average = average_profile(sorted, len);
    let distance = mean(sorted.chunks(len).flat_map(|vector| {
        vector.iter().zip(&average).map(|(&value, average)| (f64::from(value) - average).abs())
    }));
    if distance == 0.0 {
        return 0.0;
    }
    let centre = mean(average.iter().copied());
    let spread = mean(average.iter().map(|value| (value - centre).powi(2))).sqrt();
    (distance / spread) as f32
}

/// Mean over the vectors at each position.
fn average_profile(sorted: &[f32], len: usize) -> Vec<f64> {
    let mut sums = vec![0.0; len];
    for vector in sorted.chunks(len) {
        for (sum, &value) in sums.iter_mut().zip(vector) {
            *sum += f64::from(value);
        }
    }
    let count = (sorted.len() / len) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

/// For each quantile, its value at each position.
fn bands(sorted: &[f32], len: usize, positions: &[u32]) -> Vec<Vec<f32>> {
    let count = sorted.len() / len;
    let columns: Vec<f32> = positions
        .iter()
        .flat_map(|&position| sorted.iter().skip(position as usize).step_by(len).copied())
        .collect();
    let columns = sort_vectors(&columns, count);
    QUANTILES
        .iter()
        .map(|&level| columns.chunks(count).map(|column| quantile(column, level)).collect())
        .collect()
}

/// Returns a quantile of ascending values, interpolated linearly.
fn quantile(ascending: &[f32], level: f32) -> f32 {
    let place = level * (ascending.len() - 1) as f32;
    let (below, above) = (ascending[place.floor() as usize], ascending[place.ceil() as usize]);
    below + place.fract() * (above - below)
}

/// Returns up to `points` indices below `count`, evenly spaced. From two points on, they include
/// the first and the last.
pub(crate) fn evenly(count: usize, points: usize) -> impl Iterator<Item = usize> {
    let points = points.clamp(1, count);
    let (last, gaps) = (count - 1, (points - 1).max(1));
    (0..points).map(move |point| (point * last + gaps / 2) / gaps)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn points_are_spread_evenly_with_both_ends() {
        let spread = |count, points| evenly(count, points).collect::<Vec<_>>();
        assert_eq!(spread(9, 3), [0, 4, 8]);
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread(3, 100), [0, 1, 2]);
        assert_eq!(spread(5, 1), [0]);
        assert_eq!(spread(5, 0), [0]);
    }

    #[test]
    fn bands_are_quantiles_over_the_vectors() {
        // Sorted: 0 2 4, 1 3 5, 2 4 9.
        let values = [4.0, 0.0, 2.0, 1.0, 5.0, 3.0, 9.0, 4.0, 2.0];
        let profile = Profile::of(&values, 3, 2, 10);
        assert_eq!(profile.positions, [0, 2]);
        assert_eq!(profile.bands[0], [0.0, 4.0]);
        assert_eq!(profile.bands[1], [0.3, 4.3]);
        assert_eq!(profile.bands[2], [1.0, 5.0]);
        assert_eq!(profile.bands[4], [2.0, 9.0]);
        assert_eq!(sample(&[1.0, 3.0, 5.0], &profile.positions), [1.0, 5.0]);
    }

    #[test]
    fn few_vectors_are_kept_each_by_itself() {
        let profile = Profile::of(&[4.0, 0.0, 2.0, 1.0, 5.0, 3.0], 3, 2, 10);
        assert_eq!(profile.vectors, [[0.0, 4.0], [1.0, 5.0]]);
        let kept = |count: usize| Profile::of(&vec![0.0; 2 * count], 2, 2, 100).vectors.len();
        assert_eq!([FEW_VECTORS, FEW_VECTORS + 1].map(kept), [FEW_VECTORS, 0]);
    }

    #[test]
    fn only_evenly_chosen_vectors_are_looked_at() {
        let profile = Profile::of(&[0.0, 1.0, 50.0, 60.0, 2.0, 3.0], 2, 2, 2);
        assert_eq!(profile.bands[4], [2.0, 3.0]);
    }

    #[test]
    fn similarity_is_a_distance_in_standard_deviations() {
        assert_eq!(similarity(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0], 3), 0.0);
        // The average profile is 0, 4, its standard deviation 2, and each entry is at a distance of
        // 1.
        assert_eq!(similarity(&[-1.0, 3.0, 1.0, 5.0], 2), 0.5);
    }

    #[test]
    fn a_constant_average_profile_has_no_spread() {
        assert_eq!(similarity(&[0.08; 6], 3), 0.0);
        assert_eq!(similarity(&[1.0, 2.0, 3.0], 1), f32::INFINITY);
        assert!(similarity(&[1.0, f32::NAN], 2).is_nan());
    }

    proptest! {
        #[test]
        fn similarity_ignores_scale(vector in vec(-1.0f32..1.0, 12)) {
            let sorted = sort_vectors(&vector, 4);
            let doubled: Vec<f32> = sorted.iter().map(|value| value * 2.0).collect();
            prop_assert_eq!(similarity(&sorted, 4), similarity(&doubled, 4));
        }

        #[test]
        fn bands_never_cross(vector in vec(-1.0f32..1.0, 60)) {
            let profile = Profile::of(&vector, 5, 5, 12);
            for (lower, upper) in profile.bands.iter().zip(&profile.bands[1..]) {
                for (lower, upper) in lower.iter().zip(upper) {
                    prop_assert!(lower <= &(upper + 1e-6));
                }
            }
        }
    }
}
