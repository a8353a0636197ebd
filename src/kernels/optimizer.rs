//! One step of an optimizer as a single pass over a parameter, its gradient and its moments.
//!
//! A [`Rule`] says how an optimizer updates a weight; [`step`] distributes a parameter over the
//! threads and applies the rule and the mask to each share while it is in the cache. The rules
//! themselves are in [`optimizer`](crate::optimizer).

use std::fmt::Debug;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Weights per share: a share is updated and then masked while it is still in the cache.
const SHARE: usize = 1 << 12;

/// Minimum number of shares per task: smaller tasks cost more to distribute than they gain.
const SHARES: usize = 4;

/// The update rule of an optimizer.
pub trait Rule: Debug + Send + Sync {
    /// Names of the moments kept for each parameter, in the order in which [`Rule::step`] receives
    /// them. A checkpoint stores each moment under its name. All moments start at zero.
    fn moments(&self) -> &'static [&'static str];

    /// Updates one share of a parameter, on the host.
    fn step(&self, set: InstructionSet, update: Update, share: Share);

    /// The same step composed of tensor operations, for backends whose tensors are not in host
    /// memory. Updates `moments` in place and returns the parameter.
    fn compose(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1>;

    /// The rule as one that backends may provide as a fused operation.
    fn fused(&self) -> Option<Fused> {
        None
    }
}

/// The values that a step of any rule depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Number of this step for this parameter, counted from 1.
    pub time: u32,
    /// The learning rate.
    pub lr: f32,
    /// Gradient of the L2 penalty per unit of weight; 0 without a penalty.
    pub penalty: f32,
    /// Whether rules with decoupled weight decay apply it to this parameter.
    pub decays: bool,
}

/// Consecutive weights of a parameter, with their gradients and moments.
#[derive(Debug)]
pub struct Share<'a> {
    /// The weights, to be updated.
    pub weights: &'a mut [f32],
    /// The gradient of the loss, without the L2 penalty.
    pub gradient: &'a [f32],
    /// The moments, to be updated, in the order of [`Rule::moments`].
    pub moments: Vec<&'a mut [f32]>,
}

/// A rule for which some backends have a fused operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fused {
    /// Adam with a coupled L2 penalty.
    Adam {
        /// Decay rate of the first moment.
        beta1: f32,
        /// Decay rate of the second moment.
        beta2: f32,
        /// Term that keeps the division finite.
        epsilon: f32,
    },
}

/// Updates a parameter and its moments by one step of `rule`. Weights whose factor in `mask` is 0
/// become 0.
///
/// # Panics
/// Panics if the lengths of the slices differ.
pub fn step(
    rule: &dyn Rule,
    set: InstructionSet,
    update: Update,
    weights: &mut [f32],
    gradient: &[f32],
    moments: &mut [Vec<f32>],
    mask: Option<&[f32]>,
) {
    assert_eq!(weights.len(), gradient.len());
    assert!(moments.iter().all(|moment| moment.len() == weights.len()));
    assert!(mask.is_none_or(|mask| mask.len() == weights.len()));
    let shares = shares(weights, gradient, moments).into_par_iter().with_min_len(SHARES);
    shares.enumerate().for_each(|(index, Share { weights, gradient, moments })| {
        rule.step(set, update, Share { weights: &mut *weights, gradient, moments });
        if let Some(mask) = mask {
            freeze(set, weights, &mask[index * SHARE..][..weights.len()]);
        }
    });
}

/// Divides a parameter and everything that belongs to it into shares.
fn shares<'a>(
    weights: &'a mut [f32],
    gradient: &'a [f32],
    moments: &'a mut [Vec<f32>],
) -> Vec<Share<'a>> {
    let mut moments: Vec<_> = moments.iter_mut().map(|moment| moment.chunks_mut(SHARE)).collect();
    let weights = weights.chunks_mut(SHARE).zip(gradient.chunks(SHARE));
    weights
        .map(|(weights, gradient)| {
            let moments = moments.iter_mut().filter_map(Iterator::next).collect();
            Share { weights, gradient, moments }
        })
        .collect()
}

vectorized! {
    fn freeze<'a>(weights: &'a mut [f32], mask: &'a [f32]) {
        for (weight, factor) in weights.iter_mut().zip(mask) {
            *weight *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the gradient to the weights and counts in its only moment.
    #[derive(Debug)]
    struct Sum;

    impl Rule for Sum {
        fn moments(&self) -> &'static [&'static str] {
            &["count"]
        }

        fn step(&self, _: InstructionSet, _: Update, Share { weights, gradient, moments }: Share) {
            weights.iter_mut().zip(gradient).for_each(|(weight, gradient)| *weight += gradient);
            moments.into_iter().flatten().for_each(|count| *count += 1.0);
        }

        fn compose(
            &self,
            _: Update,
            parameter: Tensor<1>,
            gradient: Tensor<1>,
            _: &mut [Tensor<1>],
        ) -> Tensor<1> {
            parameter + gradient
        }
    }

    #[test]
    fn large_parameters_are_shared_out_whole() {
        let update = Update { time: 1, lr: 0.01, penalty: 0.0, decays: true };
        for length in [1, SHARE - 1, SHARE, 9 * SHARE + 13] {
            let start: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let gradient: Vec<f32> = (0..length).map(|i| (i % 7) as f32).collect();
            let mask: Vec<f32> = (0..length).map(|i| (i % 2) as f32).collect();
            for set in InstructionSet::available() {
                let (mut weights, mut moments) = (start.clone(), vec![vec![0.0; length]]);
                step(&Sum, set, update, &mut weights, &gradient, &mut moments, Some(&mask));
                let expected = |i| (start[i] + gradient[i]) * mask[i];
                assert!(weights.iter().enumerate().all(|(i, &weight)| weight == expected(i)));
                assert!(moments[0].iter().all(|&count| count == 1.0));
            }
        }
    }
}
