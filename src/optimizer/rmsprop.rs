//! RMSprop (Tieleman and Hinton, 2012, lecture 6.5 of "Neural Networks for Machine Learning"), with
//! heavy-ball momentum if μ > 0:
//!
//! ```text
//! v ← ρ v + (1 - ρ) g²
//! u ← μ u + g / (√v + ε)
//! θ ← θ - lr · u
//! ```
//!
//! As in PyTorch, ε is added to the root, and v is not corrected for starting at zero.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::adam::EPSILON;
use super::{Definition, Key, Range};
use crate::instructions::{InstructionSet, vectorized};
use crate::kernels::{Rule, Share, Update};

const RHO: Key = Key {
    name: "rho",
    default: 0.9,
    range: Range::Rate,
    help: "decay rate of the mean of the squared gradient",
};
const MOMENTUM: Key = Key {
    name: "momentum",
    default: 0.0,
    range: Range::Rate,
    help: "share of the velocity that is kept from step to step",
};

pub(super) static DEFINITION: Definition = Definition {
    title: "RMSprop",
    keys: &[RHO, MOMENTUM, EPSILON],
    rule: |settings| {
        Arc::new(RmsProp {
            rho: settings.get(RHO),
            momentum: settings.get(MOMENTUM),
            epsilon: settings.get(EPSILON),
        })
    },
};

/// RMSprop's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RmsProp {
    /// ρ, the decay rate of the squared gradient.
    pub rho: f32,
    /// μ, the share of the velocity that is kept.
    pub momentum: f32,
    /// ε, the term that keeps the division finite.
    pub epsilon: f32,
}

impl Rule for RmsProp {
    fn moments(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 { &["square", "velocity"] } else { &["square"] }
    }

    fn step(
        &self,
        set: InstructionSet,
        Update { lr, penalty, .. }: Update,
        Share { weights, gradient, mut moments }: Share,
    ) {
        match &mut moments[..] {
            [square, velocity] => {
                with_momentum(set, *self, lr, penalty, weights, gradient, square, velocity);
            }
            [square] => plain(set, *self, lr, penalty, weights, gradient, square),
            _ => unreachable!("RMSprop has one moment or two"),
        }
    }

    fn compose(
        &self,
        Update { lr, penalty, .. }: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: &mut [Tensor<1>],
    ) -> Tensor<1> {
        let Some((square, velocity)) = moments.split_first_mut() else {
            unreachable!("RMSprop has one moment or two");
        };
        let gradient = parameter.clone() * penalty + gradient;
        *square =
            square.clone() * self.rho + gradient.clone() * gradient.clone() * (1.0 - self.rho);
        let mut direction = gradient / (square.clone().sqrt() + self.epsilon);
        if let [velocity] = velocity {
            direction = velocity.clone() * self.momentum + direction;
            *velocity = direction.clone();
        }
        parameter - direction * lr
    }
}

vectorized! {
    #[expect(clippy::too_many_arguments, reason = "arguments are known not to overlap")]
    fn with_momentum<'a>(
        rule: RmsProp,
        lr: f32,
        penalty: f32,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        square: &'a mut [f32],
        velocity: &'a mut [f32],
    ) {
        let fresh = 1.0 - rule.rho;
        let weights = weights.iter_mut().zip(gradient).zip(square.iter_mut().zip(velocity));
        for ((weight, gradient), (square, velocity)) in weights {
            let gradient = *weight * penalty + gradient;
            *square = *square * rule.rho + gradient * gradient * fresh;
            *velocity = *velocity * rule.momentum + gradient / (square.sqrt() + rule.epsilon);
            *weight -= *velocity * lr;
        }
    }
}

vectorized! {
    fn plain<'a>(
        rule: RmsProp,
        lr: f32,
        penalty: f32,
        weights: &'a mut [f32],
        gradient: &'a [f32],
        square: &'a mut [f32],
    ) {
        let fresh = 1.0 - rule.rho;
        for ((weight, gradient), square) in weights.iter_mut().zip(gradient).zip(square) {
            let gradient = *weight * penalty + gradient;
            *square = *square * rule.rho + gradient * gradient * fresh;
            *weight -= gradient / (square.sqrt() + rule.epsilon) * lr;
        }
    }
}
