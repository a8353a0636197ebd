//! Lion (Chen et al., 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2):
//!
//! ```text
//! c ← β₁ m + (1 - β₁) g
//! m ← β₂ m + (1 - β₂) g
//! θ ← (1 - lr · λ) θ - lr · sign(c)
//! ```
//!
//! Every weight moves by the learning rate, so that should be a third to a tenth of Adam's. Like
//! the L2 penalty, the decay λ applies to the weights of all layers but the last. A weight whose c
//! is 0 does not move, and one whose c is NaN becomes NaN, so that a divergence is noticed.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::adam::BETA1;
use super::{Definition, Key, adam, adamw};
use crate::instructions::{InstructionSet, vectorized};
use crate::kernels::{Rule, Share, Update};

const BETA2: Key =
    Key { default: 0.99, help: "decay rate of the mean of the gradient", ..adam::BETA2 };
const WEIGHT_DECAY: Key = Key { default: 0.0, ..adamw::WEIGHT_DECAY };

pub(super) static DEFINITION: Definition = Definition {
    title: "Lion",
    keys: &[
        Key { help: "share of the mean of the gradient in the direction of a step", ..BETA1 },
        BETA2,
        WEIGHT_DECAY,
    ],
    rule: |settings| {
        Arc::new(Lion {
            beta1: settings.get(BETA1),
            beta2: settings.get(BETA2),
            weight_decay: settings.get(WEIGHT_DECAY),
        })
    },
};

/// Lion's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lion {
    /// β₁, the share of the momentum in the direction.
    pub beta1: f32,
    /// β₂, the decay rate of the momentum.
    pub beta2: f32,
    /// λ, the rate of the weight decay.
    pub weight_decay: f32,
}

impl Lion {
    fn keep(&self, update: Update) -> f32 {
        if update.decays { 1.0 - update.lr * self.weight_decay } else { 1.0 }
    }
}

impl Rule for Lion {
    fn moments(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn step(
        &self,
        set: InstructionSet,
        update: Update,
        Share { weights, gradient, mut moments }: Share,
    ) {
        let [momentum] = &mut moments[..] else { unreachable!("Lion has one moment") };
        let Update { lr, penalty, .. } = update;
        lion(set, *self, self.keep(update), lr, penalty, weights, gradient, momentum);
    }

    fn compose(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        let [momentum] = moments else { unreachable!("Lion has one moment") };
        let gradient = parameter.clone() * update.penalty + gradient;
        let direction = momentum.clone() * self.beta1 + gradient.clone() * (1.0 - self.beta1);
        *momentum = momentum.clone() * self.beta2 + gradient * (1.0 - self.beta2);
        parameter * self.keep(update) - direction.sign() * update.lr
    }
}

/// The sign of a number as 1 or -1; zeros and NaN are returned as they are.
#[inline(always)]
fn sign(value: f32) -> f32 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

vectorized! {
    #[expect(clippy::too_many_arguments, reason = "arguments are known not to overlap")]
    fn lion<'a>(
        rule: Lion,
        keep: f32,
        lr: f32,
        penalty: f32,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        momentum: &'a mut [f32],
    ) {
        for ((weight, gradient), momentum) in weights.iter_mut().zip(gradient).zip(momentum) {
            let gradient = *weight * penalty + gradient;
            let direction = *momentum * rule.beta1 + gradient * (1.0 - rule.beta1);
            *momentum = *momentum * rule.beta2 + gradient * (1.0 - rule.beta2);
            *weight = *weight * keep - sign(direction) * lr;
        }
    }
}
