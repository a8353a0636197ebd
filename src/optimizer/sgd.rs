//! Stochastic gradient descent, with heavy-ball momentum if μ > 0 (Polyak, 1964):
//!
//! ```text
//! u ← μ u + g
//! θ ← θ - lr · u
//! ```
//!
//! The bits of the result are those of burn's rule. Without momentum nothing is remembered.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{Definition, Key, Range};
use crate::instructions::{InstructionSet, vectorized};
use crate::kernels::{Rule, Share, Update};

const MOMENTUM: Key = Key {
    name: "momentum",
    default: 0.0,
    range: Range::Rate,
    help: "share of the velocity that is kept from step to step",
};

pub(super) static DEFINITION: Definition = Definition {
    title: "SGD",
    keys: &[MOMENTUM],
    rule: |settings| Arc::new(Sgd { momentum: settings.get(MOMENTUM) }),
};

/// The settings of gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// μ, the share of the velocity that is kept.
    pub momentum: f32,
}

impl Rule for Sgd {
    /// Checkpoints have always called the velocity `first`.
    fn moments(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 { &["first"] } else { &[] }
    }

    fn step(
        &self,
        set: InstructionSet,
        Update { lr, penalty, .. }: Update,
        Share { weights, gradient, mut moments }: Share,
    ) {
        match &mut moments[..] {
            [velocity] => {
                with_momentum(set, self.momentum, lr, penalty, weights, gradient, velocity)
            }
            _ => plain(set, lr, penalty, weights, gradient),
        }
    }

    fn compose(
        &self,
        Update { lr, penalty, .. }: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        let gradient = parameter.clone() * penalty + gradient;
        match moments {
            [velocity] => {
                *velocity = velocity.clone() * self.momentum + gradient;
                parameter - velocity.clone() * lr
            }
            _ => parameter - gradient * lr,
        }
    }
}

vectorized! {
    fn with_momentum<'a>(
        momentum: f32,
        lr: f32,
        penalty: f32,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        velocity: &'a mut [f32],
    ) {
        for ((weight, gradient), velocity) in weights.iter_mut().zip(gradient).zip(velocity) {
            let gradient = *weight * penalty + gradient;
            *velocity = gradient + *velocity * momentum;
            *weight -= *velocity * lr;
        }
    }
}

vectorized! {
    fn plain<'a>(lr: f32, penalty: f32, weights: &'a mut [f32], gradient: &'a [f32]) {
        for (weight, gradient) in weights.iter_mut().zip(gradient) {
            // Adding 0 turns -0 into 0, as adding an empty velocity does: frozen weights keep the
            // sign of their zeros in runs that began with a version that kept one.
            let gradient = *weight * penalty + gradient + 0.0;
            *weight -= gradient * lr;
        }
    }
}
