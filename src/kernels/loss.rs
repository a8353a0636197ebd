//! Softmax cross-entropy.

/// Loss of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// Mean cross-entropy; NaN if a logit is NaN or +∞.
    pub mean: f32,
    /// Number of rows whose greatest logit is at their label. Among equal logits, the first counts
    /// as the greatest.
    pub correct: usize,
}

/// Softmax cross-entropy of the logits `[n, classes]`, and its gradient with respect to them.
///
/// # Panics
/// If lengths do not match the labels, or if a label is not below `classes`.
pub fn cross_entropy(
    classes: usize,
    logits: &[f32],
    labels: &[u8],
    logits_gradient: &mut [f32],
) -> Loss {
    assert_eq!(logits.len(), labels.len() * classes);
    assert_eq!(logits.len(), logits_gradient.len());
    let (mut total, mut correct) = (0.0, 0);
    let rows = logits.chunks_exact(classes).zip(logits_gradient.chunks_exact_mut(classes));
    for ((row, gradient), &label) in rows.zip(labels) {
        let label = usize::from(label);
        let loss = row_loss(row, label, gradient);
        total += loss.0;
        correct += usize::from(loss.1);
    }
    let share = 1.0 / labels.len().max(1) as f32;
    logits_gradient.iter_mut().for_each(|gradient| *gradient *= share);
    Loss { mean: (total / labels.len().max(1) as f64) as f32, correct }
}

/// Returns the cross-entropy of one row and whether its greatest logit is at `label`; writes its
/// gradient.
fn row_loss(row: &[f32], label: usize, gradient: &mut [f32]) -> (f64, bool) {
    let greatest =
        row.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a || b.is_nan() { b } else { a });
    let mut sum = 0.0;
    for (gradient, &x) in gradient.iter_mut().zip(row) {
        let exponential = f64::from(x - greatest).exp();
        *gradient = exponential as f32;
        sum += exponential;
    }
    gradient.iter_mut().for_each(|gradient| *gradient = (f64::from(*gradient) / sum) as f32);
    gradient[label] -= 1.0;
    // Among equal logits, the first is the prediction, as everywhere.
    let first = row.iter().position(|&x| x == greatest);
    (sum.ln() - f64::from(row[label] - greatest), first == Some(label))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        // Two classes: e^0 / (e^0 + e^ln3) = 1/4 for label 0, and 1/2 for the second row.
        let mut gradient = [0.0; 4];
        let loss = cross_entropy(2, &[0.0, 3f32.ln(), 1.0, 1.0], &[0, 0], &mut gradient);
        assert!((loss.mean - (4f32.ln() + 2f32.ln()) / 2.0).abs() < 1e-6);
        assert_eq!(loss.correct, 1);
        let expected = [-0.375, 0.375, -0.25, 0.25];
        assert!(gradient.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{gradient:?}");
    }

    #[test]
    fn a_logit_that_is_not_finite_spoils_the_loss() {
        let mean = |logits: [f32; 2]| cross_entropy(2, &logits, &[1], &mut [0.0; 2]).mean;
        assert!(mean([f32::NAN, 0.0]).is_nan());
        assert!(!mean([f32::INFINITY, 0.0]).is_finite());
    }

    proptest! {
        #[test]
        fn the_gradient_is_the_slope(
            logits in prop::collection::vec(-5.0f32..5.0, 12), labels in prop::collection::vec(0u8..4, 3),
        ) {
            let mut gradient = [0.0; 12];
            cross_entropy(4, &logits, &labels, &mut gradient);
            let mean = |i: usize, change: f64| {
                let rows = logits.chunks(4).zip(&labels).enumerate();
                rows.map(|(row, (logits, &label))| {
                    let mut row_logits: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
                    if i / 4 == row {
                        row_logits[i % 4] += change;
                    }
                    row_logits.iter().map(|x| x.exp()).sum::<f64>().ln() - row_logits[usize::from(label)]
                }).sum::<f64>() / 3.0
            };
            for (i, &gradient) in gradient.iter().enumerate() {
                let slope = (mean(i, 1e-5) - mean(i, -1e-5)) / 2e-5;
                prop_assert!((slope - f64::from(gradient)).abs() < 1e-6, "{slope} {gradient}");
            }
        }
    }
}
