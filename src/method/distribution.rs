//! How the weights of each weight vector are distributed (figure 12, row 1).

use rayon::prelude::*;

use super::argsort::{key, weight_of};
use super::{profile::evenly, vectors::assert_whole};

/// The percentiles that a [`Distribution`] keeps of each vector, as shares: those of the paper's figure 12.
pub const PERCENTILES: [f64; 3] = [0.15, 0.5, 0.85];

/// The weights of a matrix, vector by vector, in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The least of all weights.
    pub min: f32,
    /// The greatest of all weights.
    pub max: f32,
    /// For each of [`PERCENTILES`], that percentile of each vector looked at, interpolated between its neighbours.
    pub percentiles: [Vec<f32>; 3],
}

impl Distribution {
    /// The distribution of the vectors of length `len` in `values`, from no more than `max_vectors` vectors (at least
    /// one), evenly chosen. NaN counts as greater than all numbers, but not for the ends.
    ///
    /// # Panics
    /// If `values` is not a whole number of vectors, at least one.
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

/// [`PERCENTILES`] of the numbers with these keys, whose order is changed on the way: the value at that share of the way
/// from the smallest to the largest, on the straight line between its two neighbours.
fn percentiles(keys: &mut [u32]) -> [f32; 3] {
    // What is left of one percentile is left of the next.
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

/// The least and the greatest number; infinite the wrong way round if there is none.
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
        // Sorted: 0 10 20 30 40; its 15th percentile is at 0.6 of the way from the first to the second.
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
        // All weights count for the ends.
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
