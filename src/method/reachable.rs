//! Number of distinct networks that a reservoir can be arranged into (sections 5.2 and 5.4).

use super::vectors::assert_whole;

/// Returns the logarithm to base 10 of the number of distinct arrangements of `sorted` weight
/// vectors of length `len`. This is the paper's ∏_j #w_j!, divided by m! for each value that occurs
/// m times in a vector, since exchanging equal values (pruned zeros, a shared value) changes
/// nothing.
///
/// # Panics
/// If `len` is 0 or `sorted` is not a whole number of vectors.
pub fn log10_reachable(sorted: &[f32], len: usize) -> f64 {
    assert_whole(sorted.len(), len);
    let log10_factorial = log10_factorials(len);
    let arrangements = |vector: &[f32]| -> f64 {
        let repeats = vector.chunk_by(|a, b| a == b).map(|run| log10_factorial[run.len()]);
        log10_factorial[len] - repeats.sum::<f64>()
    };
    sorted.chunks(len).map(arrangements).sum()
}

/// log10 n! for n from 0 to `len`.
fn log10_factorials(len: usize) -> Vec<f64> {
    let mut factorials = vec![0.0; len + 1];
    for n in 1..=len {
        factorials[n] = factorials[n - 1] + (n as f64).log10();
    }
    factorials
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn distinct_values_have_n_factorial_arrangements_per_vector() {
        assert_close(log10_reachable(&[1.0, 2.0, 3.0, 4.0], 4), 24f64.log10());
        assert_close(log10_reachable(&[1.0, 2.0, 3.0, 4.0], 2), 4f64.log10());
        assert_close(log10_reachable(&[1.0, 2.0, 3.0, 4.0], 1), 0.0);
    }

    #[test]
    fn equal_values_are_exchanged_for_free() {
        // Two zeros of four: 4! / 2!. A vector with two zeros and a shared value twice: 4! / (2!
        // 2!).
        assert_close(log10_reachable(&[-1.0, -0.0, 0.0, 4.0], 4), 12f64.log10());
        assert_close(log10_reachable(&[0.0, 0.0, 0.08, 0.08], 4), 6f64.log10());
    }

    #[test]
    fn conv7_reaches_the_papers_number() {
        let matrices = [
            (32, 9),
            (32, 288),
            (32, 800),
            (64, 288),
            (64, 576),
            (64, 1600),
            (128, 1024),
            (10, 128),
        ];
        let digits: f64 = matrices
            .iter()
            .map(|&(count, len)| {
                let vector: Vec<f32> = (0..len as u16).map(f32::from).collect();
                log10_reachable(&vector.repeat(count), len)
            })
            .sum();
        assert!((7.5e5..8.5e5).contains(&digits), "{digits}");
    }
}
