//! The inner optimizer: one state per parameter, stepped by burn's Adam or SGD.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use burn::tensor::Tensor;

use crate::experiment::{OptimizerName, OptimizerSection};
use crate::model::{Parameter, Role};

/// An optimizer over all parameters of a network. A sync leaves its state as it is.
#[derive(Clone)]
pub(super) enum InnerOptimizer {
    Adam(Stepper<Adam>),
    Sgd(Stepper<Sgd>),
}

/// A rule with and without the L2 penalty, and its state for each parameter.
#[derive(Clone)]
pub(super) struct Stepper<O: Optimizer> {
    plain: O,
    decaying: O,
    decays: Vec<bool>,
    states: Vec<Option<O::State<1>>>,
}

impl InnerOptimizer {
    pub(super) fn new(section: &OptimizerSection, parameters: &[Parameter]) -> Self {
        // The gradient of l2 * w^2.
        let penalty = WeightDecayConfig::new(2.0 * section.l2 as f32);
        let decays = |p: &Parameter| section.l2 > 0.0 && p.role == Role::Weight && !p.last;
        let decays = parameters.iter().map(decays).collect();
        match section.name {
            OptimizerName::Adam => {
                let adam = AdamConfig::new()
                    .with_beta_1(section.beta1 as f32)
                    .with_beta_2(section.beta2 as f32)
                    .with_epsilon(section.epsilon as f32);
                let decaying = adam.clone().with_weight_decay(Some(penalty)).build();
                Self::Adam(Stepper::new(adam.build(), decaying, decays))
            }
            OptimizerName::Sgd => {
                let momentum =
                    MomentumConfig::new().with_momentum(section.momentum).with_dampening(0.0);
                let sgd =
                    SgdConfig::new().with_momentum((section.momentum > 0.0).then_some(momentum));
                let decaying = sgd.clone().with_weight_decay(Some(penalty)).build();
                Self::Sgd(Stepper::new(sgd.build(), decaying, decays))
            }
        }
    }

    /// The parameter at `index` after a step along its gradient.
    pub(super) fn step(
        &mut self,
        index: usize,
        lr: f64,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1> {
        match self {
            Self::Adam(stepper) => stepper.step(index, lr, parameter, gradient),
            Self::Sgd(stepper) => stepper.step(index, lr, parameter, gradient),
        }
    }
}

impl<O: Optimizer> Stepper<O> {
    fn new(plain: O, decaying: O, decays: Vec<bool>) -> Self {
        let states = decays.iter().map(|_| None).collect();
        Stepper { plain, decaying, decays, states }
    }

    fn step(
        &mut self,
        index: usize,
        lr: f64,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1> {
        let rule = if self.decays[index] { &self.decaying } else { &self.plain };
        let state = self.states[index].take();
        let (parameter, state) = rule.step(lr, parameter, gradient, state);
        self.states[index] = state;
        parameter
    }
}
