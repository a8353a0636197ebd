//! Percentiles of many values at once, exactly, in any order, and without a sorted copy of them.
//!
//! A weight's bits are turned into an integer that orders as the weight does. One pass counts the upper halves of
//! these integers, which says in which bucket of 65,536 every wanted rank lies; a second one counts the lower halves
//! within those buckets.

use rayon::prelude::*;

/// The percentiles of a [`MatrixSummary`](super::MatrixSummary), in percent: both ends, the median, and around it the
/// 15th and 85th of the paper's figure 12 and the 5th and 95th.
pub const PERCENTILES: [f32; 7] = [0.0, 5.0, 15.0, 50.0, 85.0, 95.0, 100.0];

const BUCKETS: usize = 1 << 16;

/// Values counted at a time.
const PIECE: usize = 1 << 22;

/// The values at [`PERCENTILES`], interpolated between their two neighbours. NaN, of either sign, comes last; none of
/// no values is a number.
pub(super) fn percentiles(values: &[f32]) -> [f32; PERCENTILES.len()] {
    let Some(last) = values.len().checked_sub(1) else { return [f32::NAN; PERCENTILES.len()] };
    let places = PERCENTILES.map(|percent| f64::from(percent) / 100.0 * last as f64);
    let ranks: Vec<u64> =
        places.iter().flat_map(|place| [place.floor() as u64, place.ceil() as u64]).collect();
    let found = at_ranks(values, &ranks);
    std::array::from_fn(|i| {
        let (below, above) = (found[2 * i], found[2 * i + 1]);
        match below == above {
            true => below, // also where both are infinite
            false => {
                let (below, above) = (f64::from(below), f64::from(above));
                (below + places[i].fract() * (above - below)) as f32
            }
        }
    })
}

/// The values that have these ascending ranks.
fn at_ranks(values: &[f32], ranks: &[u64]) -> Vec<f32> {
    let upper = count(values, BUCKETS, |key| Some(key as usize >> 16));
    let places: Vec<(usize, u64)> = ranks.iter().map(|&rank| bucket(&upper, rank)).collect();
    let mut buckets: Vec<usize> = places.iter().map(|(bucket, _)| *bucket).collect();
    buckets.dedup();
    let mut slots = vec![None; BUCKETS];
    for (slot, &bucket) in buckets.iter().enumerate() {
        slots[bucket] = Some(slot * BUCKETS);
    }
    let lower = count(values, buckets.len() * BUCKETS, |key| {
        slots[key as usize >> 16].map(|slot: usize| slot + (key as usize) % BUCKETS)
    });
    let at = |&(upper, rank): &(usize, u64)| {
        let slot = slots[upper].unwrap_or(0);
        let (lower, _) = bucket(&lower[slot..slot + BUCKETS], rank);
        value((upper * BUCKETS + lower) as u32)
    };
    places.iter().map(at).collect()
}

/// How many values' keys fall into each of so many places.
fn count(values: &[f32], places: usize, place: impl Fn(u32) -> Option<usize> + Sync) -> Vec<u64> {
    let piece = |values: &[f32]| {
        let mut counts = vec![0; places];
        for place in values.iter().filter_map(|&value| place(key(value))) {
            counts[place] += 1;
        }
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    values.par_chunks(PIECE).map(piece).reduce_with(add).unwrap_or_default()
}

/// The bucket in which a rank lies, and the rank within it.
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

/// An integer that orders as the number does.
fn key(number: f32) -> u32 {
    let bits = if number.is_nan() { f32::NAN.to_bits() } else { number.to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number that has this key.
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
