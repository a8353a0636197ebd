//! Adam (Kingma and Ba, 2015, "Adam: A Method for Stochastic Optimization").
//!
//! With gradient g, moments m and v, and step number t:
//!
//! ```text
//! m ← β₁ m + (1 - β₁) g
//! v ← β₂ v + (1 - β₂) g²
//! θ ← θ - lr · m̂ / (√v̂ + ε)    where m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)
//! ```
//!
//! Both corrections are applied to scalars, once per step: m̂ / (√v̂ + ε) = c m / (√v + ε √(1 -
//! β₂ᵗ)) with c = √(1 - β₂ᵗ) / (1 - β₁ᵗ). Each weight reads 16 bytes and writes 12. The kernel uses
//! no fused multiply-add, so the result has the same bits on every instruction set; they are those
//! of burn's Adam.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{Definition, Key, Range, Settings};
use crate::instructions::{InstructionSet, vectorized};
use crate::kernels::{Fused, Rule, Share, Update};

pub(super) const BETA1: Key = Key {
    name: "beta1",
    default: 0.9,
    range: Range::Rate,
    help: "decay rate of the mean of the gradient",
};
pub(super) const BETA2: Key = Key {
    name: "beta2",
    default: 0.999,
    range: Range::Rate,
    help: "decay rate of the mean of the squared gradient",
};
pub(super) const EPSILON: Key = Key {
    name: "epsilon",
    default: 1e-7,
    range: Range::Positive,
    help: "term added to the denominator, which keeps the quotient finite",
};

pub(super) static DEFINITION: Definition = Definition {
    title: "Adam",
    keys: &[BETA1, BETA2, EPSILON],
    rule: |settings| Arc::new(Adam::new(settings)),
};

/// Adam's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// β₁, the decay rate of the first moment.
    pub beta1: f32,
    /// β₂, the decay rate of the second moment.
    pub beta2: f32,
    /// ε, the term that keeps the division finite.
    pub epsilon: f32,
}

impl Adam {
    pub(super) fn new(settings: &Settings) -> Self {
        Adam {
            beta1: settings.get(BETA1),
            beta2: settings.get(BETA2),
            epsilon: settings.get(EPSILON),
        }
    }

    /// The constants of the step number `time`. Weights are multiplied by `keep` before the step.
    fn at(&self, time: u32, keep: f32) -> Constants {
        let time = time.min(i32::MAX as u32) as i32;
        let correction = (1.0 - self.beta2.powi(time)).sqrt();
        Constants {
            kept: [self.beta1, self.beta2],
            fresh: [1.0 - self.beta1, 1.0 - self.beta2],
            factor: correction / (1.0 - self.beta1.powi(time)),
            epsilon: self.epsilon * correction,
            keep,
        }
    }

    /// [`Rule::step`] after multiplying the weights by `keep`.
    pub(super) fn step_keeping(
        &self,
        keep: f32,
        set: InstructionSet,
        Update { time, lr, penalty, .. }: Update,
        Share { weights, gradient, mut moments }: Share,
    ) {
        let [first, second] = &mut moments[..] else { unreachable!("Adam has two moments") };
        adam(set, self.at(time, keep), lr, penalty, weights, gradient, first, second);
    }

    /// [`Rule::compose`] after multiplying the weights by `keep`.
    pub(super) fn compose_keeping(
        &self,
        keep: f32,
        Update { time, lr, penalty, .. }: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        let [first, second] = moments else { unreachable!("Adam has two moments") };
        let Constants { kept, fresh, factor, epsilon, .. } = self.at(time, keep);
        let gradient = parameter.clone() * penalty + gradient;
        *first = first.clone() * kept[0] + gradient.clone() * fresh[0];
        *second = second.clone() * kept[1] + gradient.clone() * gradient * fresh[1];
        let direction = first.clone() * factor / (second.clone().sqrt() + epsilon);
        parameter * keep - direction * lr
    }
}

impl Rule for Adam {
    fn moments(&self) -> &'static [&'static str] {
        &["first", "second"]
    }

    fn step(&self, set: InstructionSet, update: Update, share: Share) {
        self.step_keeping(1.0, set, update, share);
    }

    fn compose(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        self.compose_keeping(1.0, update, parameter, gradient, moments)
    }

    fn fused(&self) -> Option<Fused> {
        let Adam { beta1, beta2, epsilon } = *self;
        Some(Fused::Adam { beta1, beta2, epsilon })
    }
}

/// Adam's constants at one step number.
#[derive(Clone, Copy)]
struct Constants {
    /// β₁ and β₂.
    kept: [f32; 2],
    /// 1 - β₁ and 1 - β₂.
    fresh: [f32; 2],
    factor: f32,
    epsilon: f32,
    keep: f32,
}

vectorized! {
    #[expect(clippy::too_many_arguments, reason = "arguments are known not to overlap")]
    fn adam<'a>(
        constants: Constants,
        lr: f32,
        penalty: f32,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let Constants { kept, fresh, factor, epsilon, keep } = constants;
        let weights = weights.iter_mut().zip(gradient).zip(first.iter_mut().zip(second));
        for ((weight, gradient), (first, second)) in weights {
            let gradient = *weight * penalty + gradient;
            *first = *first * kept[0] + gradient * fresh[0];
            *second = *second * kept[1] + gradient * gradient * fresh[1];
            *weight = *weight * keep - *first * factor / (second.sqrt() + epsilon) * lr;
        }
    }
}
