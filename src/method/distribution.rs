//! Distribution of the weights of each weight vector (figure 12, row 1).

use rayon::prelude::*;

use super::argsort::{key, weight_of};
use super::{profile::evenly, vectors::assert_whole};

/// Percentiles that a [`Distribution`] keeps of each vector, as fractions: those of the paper's
/// figure 12.
pub const PERCENTILES: [f64; 3] = [0.15, 0.5, 0.85];

/// Summary of the weights of a matrix, vector by vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Smallest weight.
    pub min: f32,
    /// Greatest weight.
    pub max: f32,
    /// For each of [`PERCENTILES`], that percentile of each sampled vector, interpolated between
    /// the two nearest weights.
    pub percentiles: [Vec<f32>; 3],
}

impl Distribution {
    /// Summarizes the vectors of length `len` in `values`. The percentiles are taken from at most
    /// `max_vectors` vectors (at least one), evenly spaced. NaN ranks above all numbers in the
    /// percentiles and is ignored by `min` and `max`.
    ///
    /// # Panics
    /// If `values` is not a positive whole number of vectors.
    pub fn of(values: &[f32], len: usize, max_vectors: usize) -> Self {
        assert_whole(values.len(), len);
        assert!(!values.is_empty(), "a distribution needs at least one weight vector");
        let chosen: Vec<usize> = evenly(values.len() / len, max_vectors).collect();
        let of_each: Vec<[f32; 3]> = chosen
            .par_iter()
            .map_init(Vec::new, |keys, &j| {
                keys.clear();
                keys.extend(values[j * len..(j + 1) * len].iter().map(|&weight| key(weight)));
                percentiles(keys)
            })
            .collect();
        let (min, max) = range(values);
        Self {
            min,
            max,
            percentiles: [0, 1, 2].map(|which| of_each.iter().map(|of| of[which]).collect()),
        }
    }
}

/// Returns [`PERCENTILES`] of the weights with these keys, interpolated linearly. Reorders the
/// keys.
fn percentiles(keys: &mut [u32]) -> [f32; 3] {
    // Keys below one percentile are below the next, too.
    let mut from = 0;
    PERCENTILES.map(|share| {
        let place = share * (keys.len() - 1) as f64;
        let index = place.floor() as usize;
        let (_, &mut below, larger) = keys[from..].select_nth_unstable(index - from);
        from = index;
        let (above, below) =
            (larger.iter().min().map_or(weight_of(below), |&key| weight_of(key)), weight_of(below));
        match place.fract() {
            0.0 => below,
            rest => below + rest as f32 * (above - below),
        }
    })
}

/// Returns the smallest and the greatest number; (∞, -∞) if there is none.
fn range(values: &[f32]) -> (f32, f32) {
    const PIECE: usize = 4096;
    const NOTHING: (f32, f32) = (f32::INFINITY, f32::NEG_INFINITY);
    let around = |a: (f32, f32), b: (f32, f32)| (a.0.min(b.0), a.1.max(b.1));
    let piece = |values: &[f32]| values.iter().fold(NOTHING, |range, &v| around(range, (v, v)));
    values.par_chunks(PIECE).map(piece).reduce(|| NOTHING, around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn percentiles_lie_between_their_neighbours() {
        // Sorted: 0 10 20 30 40; the 15th percentile is 0.6 of the way from the first to the
        // second.
        let values = [40.0, 0.0, 20.0, 10.0, 30.0, -5.0, -5.0, -5.0, -5.0, 99.0];
        let distribution = Distribution::of(&values, 5, 100);
        assert_eq!((distribution.min, distribution.max), (-5.0, 99.0));
        let [p15, p50, p85] = distribution.percentiles;
        assert_eq!((p15[0], p50[0], p85[0]), (6.0, 20.0, 34.0));
        assert_eq!((p15[1], p50[1]), (-5.0, -5.0));
        assert!((p85[1] - 36.6).abs() < 1e-4);
    }

    #[test]
    fn single_weights_are_their_own_percentiles_and_few_vectors_are_evenly_chosen() {
        let values: Vec<f32> = (0..9u8).map(f32::from).collect();
        let distribution = Distribution::of(&values, 1, 3);
        assert_eq!(distribution.percentiles, [(); 3].map(|()| vec![0.0, 4.0, 8.0]));
        // All weights count for the minimum and the maximum.
        let distribution = Distribution::of(&[5.0, 1.0, -9.0, 2.0], 2, 1);
        assert_eq!((distribution.min, distribution.percentiles[1].len()), (-9.0, 1));
    }

    #[test]
    fn what_is_no_number_does_not_hide_the_others() {
        let distribution = Distribution::of(&[f32::NAN, 1.0, 2.0, 3.0], 4, 1);
        assert_eq!((distribution.min, distribution.max), (1.0, 3.0));
        assert_eq!(distribution.percentiles[1], [2.5]);
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_vector(vector in vec(-1.0f32..1.0, 1..200)) {
            let distribution = Distribution::of(&vector, vector.len(), 100);
            let mut sorted = vector.clone();
            sorted.sort_by(f32::total_cmp);
            for (found, share) in distribution.percentiles.iter().zip(PERCENTILES) {
                let place = share * (sorted.len() - 1) as f64;
                let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                let expected = below + place.fract() as f32 * (above - below);
                prop_assert!((found[0] - expected).abs() < 1e-6, "{} {expected}", found[0]);
            }
        }
    }
}
