//! The inner optimizer: one state per parameter, stepped by burn's Adam or SGD.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, AdamState, Optimizer, Sgd, SgdConfig, SgdState};
use burn::tensor::Tensor;

use crate::experiment::{OptimizerName, OptimizerSection};
use crate::model::{Parameter, Role};

/// An optimizer over all parameters of a network. A sync leaves its state as it is.
#[derive(Clone)]
pub(super) struct InnerOptimizer {
    /// Without and with the L2 penalty.
    rules: [Stepper; 2],
    slots: Vec<Slot>,
}

#[derive(Clone)]
enum Stepper {
    Adam(Adam),
    Sgd(Sgd),
}

#[derive(Clone)]
struct Slot {
    decays: bool,
    state: Option<State>,
}

#[derive(Clone)]
enum State {
    Adam(AdamState<1>),
    Sgd(SgdState<1>),
}

impl InnerOptimizer {
    pub(super) fn new(section: &OptimizerSection, parameters: &[Parameter]) -> Self {
        // The gradient of l2 * w^2.
        let penalty = WeightDecayConfig::new(2.0 * section.l2 as f32);
        let slots = parameters.iter().map(|parameter| {
            let decays = section.l2 > 0.0 && parameter.role == Role::Weight && !parameter.last;
            Slot { decays, state: None }
        });
        InnerOptimizer {
            rules: [stepper(section, None), stepper(section, Some(penalty))],
            slots: slots.collect(),
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
        let slot = &mut self.slots[index];
        match (&self.rules[usize::from(slot.decays)], slot.state.take()) {
            (Stepper::Adam(adam), state) => {
                let state = state.and_then(|state| match state {
                    State::Adam(state) => Some(state),
                    State::Sgd(_) => None,
                });
                let (parameter, state) = adam.step(lr, parameter, gradient, state);
                slot.state = state.map(State::Adam);
                parameter
            }
            (Stepper::Sgd(sgd), state) => {
                let state = state.and_then(|state| match state {
                    State::Sgd(state) => Some(state),
                    State::Adam(_) => None,
                });
                let (parameter, state) = sgd.step(lr, parameter, gradient, state);
                slot.state = state.map(State::Sgd);
                parameter
            }
        }
    }
}

fn stepper(section: &OptimizerSection, penalty: Option<WeightDecayConfig>) -> Stepper {
    match section.name {
        OptimizerName::Adam => Stepper::Adam(
            AdamConfig::new()
                .with_beta_1(section.beta1 as f32)
                .with_beta_2(section.beta2 as f32)
                .with_epsilon(section.epsilon as f32)
                .with_weight_decay(penalty)
                .build(),
        ),
        OptimizerName::Sgd => {
            let momentum =
                MomentumConfig::new().with_momentum(section.momentum).with_dampening(0.0);
            let momentum = (section.momentum > 0.0).then_some(momentum);
            Stepper::Sgd(
                SgdConfig::new().with_weight_decay(penalty).with_momentum(momentum).build(),
            )
        }
    }
}
