//! Exact percentiles of many unsorted values, without a sorted copy of them.
//!
//! Each value's bits are turned into an integer key that sorts like the value. One pass counts the
//! upper halves of the keys, which shows in which of 65,536 buckets each requested rank is. A
//! second pass counts the lower halves within those buckets.

use rayon::prelude::*;

/// The percentiles of a [`MatrixSummary`](super::MatrixSummary), in percent: minimum, maximum,
/// median, the 15th and 85th of the paper's figure 12, and the 5th and 95th.
pub(crate) const PERCENTILES: [f32; 7] = [0.0, 5.0, 15.0, 50.0, 85.0, 95.0, 100.0];

const BUCKETS: usize = 1 << 16;

/// Number of values counted at a time.
const PIECE: usize = 1 << 22;

/// Returns the values at [`PERCENTILES`], interpolated linearly between the two neighbouring
/// values. NaN, of either sign, sorts last. Without values, all percentiles are NaN.
pub(super) fn percentiles(values: &[f32]) -> [f32; PERCENTILES.len()] {
    let Some(last) = values.len().checked_sub(1) else { return [f32::NAN; PERCENTILES.len()] };
    let positions = PERCENTILES.map(|percent| f64::from(percent) / 100.0 * last as f64);
    let ranks: Vec<u64> = positions
        .iter()
        .flat_map(|position| [position.floor() as u64, position.ceil() as u64])
        .collect();
    let found = at_ranks(values, &ranks);
    std::array::from_fn(|i| {
        let (below, above) = (found[2 * i], found[2 * i + 1]);
        if below == above {
            below // The difference of two infinities would be NaN.
        } else {
            let (below, above) = (f64::from(below), f64::from(above));
            (below + positions[i].fract() * (above - below)) as f32
        }
    })
}

/// Returns the values with the given ranks, which ascend.
fn at_ranks(values: &[f32], ranks: &[u64]) -> Vec<f32> {
    let upper = count(values, BUCKETS, |key| Some(key as usize >> 16));
    let found: Vec<(usize, u64)> = ranks.iter().map(|&rank| bucket(&upper, rank)).collect();
    let mut buckets: Vec<usize> = found.iter().map(|(bucket, _)| *bucket).collect();
    buckets.dedup();
    let mut slots = vec![None; BUCKETS];
    for (slot, &bucket) in buckets.iter().enumerate() {
        slots[bucket] = Some(slot * BUCKETS);
    }
    let lower = count(values, buckets.len() * BUCKETS, |key| {
        slots[key as usize >> 16].map(|slot: usize| slot + (key as usize) % BUCKETS)
    });
    let at = |&(upper, rank): &(usize, u64)| {
        let Some(slot) = slots[upper] else { unreachable!("every bucket found has a slot") };
        let (lower, _) = bucket(&lower[slot..slot + BUCKETS], rank);
        value((upper * BUCKETS + lower) as u32)
    };
    found.iter().map(at).collect()
}

/// Counts the values by the bin that `bin` chooses for their keys; `None` is not counted.
fn count(values: &[f32], bins: usize, bin: impl Fn(u32) -> Option<usize> + Sync) -> Vec<u64> {
    let piece = |values: &[f32]| {
        let mut counts = vec![0; bins];
        for bin in values.iter().filter_map(|&value| bin(key(value))) {
            counts[bin] += 1;
        }
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    values.par_chunks(PIECE).map(piece).reduce_with(add).unwrap_or_default()
}

/// Returns the bucket that contains a rank, and the rank within that bucket.
fn bucket(counts: &[u64], rank: u64) -> (usize, u64) {
    let mut before = 0;
    for (bucket, count) in counts.iter().enumerate() {
        if rank < before + count {
            return (bucket, rank - before);
        }
        before += count;
    }
    (counts.len().saturating_sub(1), 0)
}

const SIGN: u32 = 1 << 31;

/// Returns an integer that sorts like the number.
fn key(number: f32) -> u32 {
    let bits = if number.is_nan() { f32::NAN.to_bits() } else { number.to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Returns the number with this key.
fn value(key: u32) -> f32 {
    f32::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn percentiles_are_interpolated() {
        let values: Vec<f32> = (0u8..=40).rev().map(f32::from).collect();
        assert_eq!(percentiles(&values), [0.0, 2.0, 6.0, 20.0, 34.0, 38.0, 40.0]);
        assert_eq!(percentiles(&[4.0, 2.0]), [2.0, 2.1, 2.3, 3.0, 3.7, 3.9, 4.0]);
        assert_eq!(percentiles(&[7.0]), [7.0; 7]);
        assert_eq!(percentiles(&[f32::INFINITY; 3]), [f32::INFINITY; 7]);
        assert!(percentiles(&[]).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn nan_comes_last() {
        let [smallest, .., largest] = percentiles(&[1.0, -f32::NAN, 2.0]);
        assert_eq!(smallest, 1.0);
        assert!(largest.is_nan());
    }

    proptest! {
        #[test]
        fn ranks_are_found_as_by_sorting(bits in vec(any::<u32>(), 1..300)) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).map(|value| {
                if value.is_nan() { f32::NAN } else { value }
            }).collect();
            let ranks: Vec<u64> = (0..values.len() as u64).collect();
            let found = at_ranks(&values, &ranks);
            let mut sorted = values;
            sorted.sort_by(f32::total_cmp);
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&found), bits(&sorted));
        }
    }
}
