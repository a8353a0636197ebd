//! Helpers for tests of kernels.

/// Pseudorandom numbers around zero, a function of seed and index.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    (0..count as u64)
        .map(|index| {
            let mixed = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ seed.wrapping_mul(0xd134_2543_de82_ef95);
            let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Asserts that each number is within `tolerance` of the reference, for sums of numbers in -1..1.
pub(crate) fn assert_close(what: &str, ours: &[f32], book: &[f32], tolerance: f32) {
    for (index, (ours, book)) in ours.iter().zip(book).enumerate() {
        assert!((ours - book).abs() <= tolerance, "{what}[{index}]: {ours}, should be {book}");
    }
}
