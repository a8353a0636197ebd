//! The inner optimizer: Adam or SGD with momentum, and what it remembers of each parameter's gradients.
//!
//! The rules are burn's, to the bit. They are written out here because a checkpoint needs their whole state, and burn
//! keeps the velocity of its momentum to itself.

use burn::tensor::{Device, Tensor};

use super::arrays::{Arrays, Misfit};
use crate::experiment::{OptimizerName, OptimizerSection};
use crate::model::{Parameter, Role};

/// An optimizer over all parameters of a network. A sync leaves its state as it is.
#[derive(Clone)]
pub(super) struct InnerOptimizer {
    rule: Rule,
    /// Gradient of the L2 penalty, per weight.
    penalty: f32,
    /// Whether a parameter has an L2 penalty.
    decays: Vec<bool>,
    /// One per parameter; `None` before its first gradient.
    memories: Vec<Option<Memory>>,
}

#[derive(Clone, Copy)]
enum Rule {
    Adam {
        beta1: f32,
        beta2: f32,
        epsilon: f32,
    },
    /// Without momentum nothing is remembered.
    Sgd {
        momentum: Option<f32>,
    },
}

/// What a rule remembers of one parameter's gradients.
#[derive(Clone)]
struct Memory {
    /// How many gradients there have been.
    steps: u32,
    /// SGD's velocity, Adam's first moment m.
    first: Tensor<1>,
    /// Adam's second moment v.
    second: Option<Tensor<1>>,
}

impl InnerOptimizer {
    pub(super) fn new(section: &OptimizerSection, parameters: &[Parameter]) -> Self {
        let decays = |p: &Parameter| section.l2 > 0.0 && p.role == Role::Weight && !p.last;
        InnerOptimizer {
            rule: match section.name {
                OptimizerName::Adam => Rule::Adam {
                    beta1: section.beta1 as f32,
                    beta2: section.beta2 as f32,
                    epsilon: section.epsilon as f32,
                },
                OptimizerName::Sgd => Rule::Sgd {
                    momentum: (section.momentum > 0.0).then_some(section.momentum as f32),
                },
            },
            // The gradient of l2 * w^2.
            penalty: 2.0 * section.l2 as f32,
            decays: parameters.iter().map(decays).collect(),
            memories: vec![None; parameters.len()],
        }
    }

    /// The parameter at `index` after a step along its gradient.
    pub(super) fn step(
        &mut self,
        index: usize,
        lr: f64,
        parameter: Tensor<1>,
        mut gradient: Tensor<1>,
    ) -> Tensor<1> {
        if self.decays[index] {
            gradient = parameter.clone().mul_scalar(self.penalty).add(gradient);
        }
        let memory = &mut self.memories[index];
        let direction = match self.rule {
            Rule::Adam { beta1, beta2, epsilon } => adam(memory, gradient, beta1, beta2, epsilon),
            Rule::Sgd { momentum: Some(momentum) } => with_momentum(memory, gradient, momentum),
            Rule::Sgd { momentum: None } => gradient,
        };
        parameter - direction.mul_scalar(lr)
    }

    /// Adds its state to `arrays`, under names that begin with `prefix`.
    pub(super) fn save(&self, prefix: &str, parameters: &[Parameter], arrays: &mut Arrays) {
        let steps = self.memories.iter().map(|memory| memory.as_ref().map_or(0, |m| m.steps));
        arrays.put_integers(format!("{prefix}optimizer/steps"), steps.collect());
        for (parameter, memory) in parameters.iter().zip(&self.memories) {
            let Some(memory) = memory else { continue };
            let name = |moment: &str| format!("{prefix}optimizer/{}/{moment}", parameter.name);
            arrays.put_tensor(name("first"), memory.first.clone());
            if let Some(second) = &memory.second {
                arrays.put_tensor(name("second"), second.clone());
            }
        }
    }

    /// Takes back what [`InnerOptimizer::save`] added.
    pub(super) fn restore(
        &mut self,
        prefix: &str,
        parameters: &[Parameter],
        arrays: &mut Arrays,
        device: &Device,
    ) -> Result<(), Misfit> {
        let steps = arrays.integers(&format!("{prefix}optimizer/steps"), parameters.len())?;
        let moments = match self.rule {
            Rule::Adam { .. } => 2,
            Rule::Sgd { momentum } => usize::from(momentum.is_some()),
        };
        for ((memory, parameter), steps) in self.memories.iter_mut().zip(parameters).zip(steps) {
            let mut moment = |moment: &str| {
                let name = format!("{prefix}optimizer/{}/{moment}", parameter.name);
                arrays.tensor(&name, parameter.elements(), device)
            };
            *memory = match (steps, moments) {
                (0, _) | (_, 0) => None,
                (_, 1) => Some(Memory { steps, first: moment("first")?, second: None }),
                _ => {
                    Some(Memory { steps, first: moment("first")?, second: Some(moment("second")?) })
                }
            };
        }
        Ok(())
    }
}

/// Kingma and Ba, 2014.
fn adam(
    memory: &mut Option<Memory>,
    gradient: Tensor<1>,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
) -> Tensor<1> {
    let fresh_first = gradient.clone().mul_scalar(1.0 - beta1);
    let fresh_second = gradient.square().mul_scalar(1.0 - beta2);
    let (steps, first, second) = match memory.take() {
        Some(Memory { steps, first, second: Some(second) }) => (
            steps.saturating_add(1),
            first.mul_scalar(beta1).add(fresh_first),
            second.mul_scalar(beta2).add(fresh_second),
        ),
        _ => (1, fresh_first, fresh_second),
    };
    let time = steps.min(i32::MAX as u32) as i32;
    let correction = (1.0 - beta2.powi(time)).sqrt();
    let direction = first
        .clone()
        .mul_scalar(correction / (1.0 - beta1.powi(time)))
        .div(second.clone().sqrt().add_scalar(epsilon * correction));
    *memory = Some(Memory { steps, first, second: Some(second) });
    direction
}

/// The velocity: v ← momentum * v + gradient.
fn with_momentum(memory: &mut Option<Memory>, gradient: Tensor<1>, momentum: f32) -> Tensor<1> {
    let (steps, velocity) = match memory.take() {
        Some(Memory { steps, first, .. }) => {
            (steps.saturating_add(1), gradient.add(first.mul_scalar(momentum)))
        }
        None => (1, gradient),
    };
    *memory = Some(Memory { steps, first: velocity.clone(), second: None });
    velocity
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_optim::decay::WeightDecayConfig;
    use burn_optim::momentum::MomentumConfig;
    use burn_optim::{AdamConfig, Optimizer, SgdConfig};

    use super::*;
    use crate::model::{Layer, Network};

    const L2: f64 = 0.01;

    /// The only hidden weights of a small network, so that they have a penalty.
    fn parameters() -> Vec<Parameter> {
        let layers = [Layer::Flatten, Layer::dense(3), Layer::dense(2)];
        let network = Network::new(&layers, [1, 1, 2], 2).expect("fits");
        network.parameters()[..1].to_vec()
    }

    fn tensor(values: [f32; 6]) -> Tensor<1> {
        Tensor::from_data(TensorData::from(values), &Device::flex())
    }

    /// 50 steps on gradients that change their sign and size, by ours and by burn's, compared to the bit.
    fn assert_same<O: Optimizer>(section: &OptimizerSection, burns: &O) {
        let mut ours = InnerOptimizer::new(section, &parameters());
        let start = [0.5, -0.25, 1e-3, 3.0, -7.5, 0.0];
        let (mut a, mut b) = (tensor(start), tensor(start));
        let mut state = None;
        for step in 0..50 {
            let gradient = tensor(std::array::from_fn(|i| ((step * 7 + i * 3) as f32).sin() * 0.3));
            let lr = 0.1 / (1.0 + step as f64);
            a = ours.step(0, lr, a, gradient.clone());
            (b, state) = burns.step(lr, b, gradient, state.take());
            assert_eq!(a.to_data(), b.to_data(), "step {step}");
        }
    }

    fn section(name: OptimizerName, l2: f64, momentum: f64) -> OptimizerSection {
        OptimizerSection { name, l2, momentum, ..OptimizerSection::default() }
    }

    #[test]
    fn adam_is_burns() {
        for l2 in [0.0, L2] {
            let section = section(OptimizerName::Adam, l2, 0.0);
            let penalty = (l2 > 0.0).then(|| WeightDecayConfig::new(2.0 * l2 as f32));
            let burns = AdamConfig::new()
                .with_beta_1(section.beta1 as f32)
                .with_beta_2(section.beta2 as f32)
                .with_epsilon(section.epsilon as f32)
                .with_weight_decay(penalty);
            assert_same(&section, &burns.build());
        }
    }

    #[test]
    fn sgd_is_burns() {
        for (l2, momentum) in [(0.0, 0.0), (L2, 0.0), (0.0, 0.9), (L2, 0.9)] {
            let section = section(OptimizerName::Sgd, l2, momentum);
            let penalty = (l2 > 0.0).then(|| WeightDecayConfig::new(2.0 * l2 as f32));
            let moving = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
            let burns = SgdConfig::new()
                .with_weight_decay(penalty)
                .with_momentum((momentum > 0.0).then_some(moving));
            assert_same(&section, &burns.build());
        }
    }
}
