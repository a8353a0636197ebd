//! AdamW (Loshchilov and Hutter, 2019, "Decoupled Weight Decay Regularization"): Adam whose weight
//! decay is not part of the gradient, and so is not divided by √v̂.
//!
//! ```text
//! θ ← (1 - lr · λ) θ - lr · m̂ / (√v̂ + ε)
//! ```
//!
//! Like the L2 penalty, the decay applies to the weights of all layers but the last. The default of
//! λ is that of Keras.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::adam::{BETA1, BETA2, EPSILON};
use super::{Adam, Definition, Key, Range};
use crate::instructions::InstructionSet;
use crate::kernels::{Rule, Share, Update};

pub(super) const WEIGHT_DECAY: Key = Key {
    name: "weight_decay",
    default: 0.004,
    range: Range::NotNegative,
    help: "rate of the decoupled weight decay, relative to the learning rate",
};

pub(super) static DEFINITION: Definition = Definition {
    title: "AdamW",
    keys: &[BETA1, BETA2, EPSILON, WEIGHT_DECAY],
    rule: |settings| {
        Arc::new(AdamW { adam: Adam::new(settings), weight_decay: settings.get(WEIGHT_DECAY) })
    },
};

/// AdamW's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AdamW {
    /// The settings that it has in common with Adam.
    pub adam: Adam,
    /// λ, the rate of the weight decay.
    pub weight_decay: f32,
}

impl AdamW {
    fn keep(&self, update: Update) -> f32 {
        if update.decays { 1.0 - update.lr * self.weight_decay } else { 1.0 }
    }
}

impl Rule for AdamW {
    fn moments(&self) -> &'static [&'static str] {
        self.adam.moments()
    }

    fn step(&self, set: InstructionSet, update: Update, share: Share) {
        self.adam.step_keeping(self.keep(update), set, update, share);
    }

    fn compose(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        self.adam.compose_keeping(self.keep(update), update, parameter, gradient, moments)
    }
}
