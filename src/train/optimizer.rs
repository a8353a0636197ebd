//! The inner optimizer: Adam or SGD with momentum, and what it remembers of each parameter's gradients.
//!
//! The rules are burn's, to the bit. They are written out here because a checkpoint needs their whole state, and burn
//! keeps the velocity of its momentum to itself.

use burn::tensor::{Device, Tensor};

use super::arrays::{Arrays, Misfit};
use crate::experiment::{OptimizerName, OptimizerSection};
use crate::kernels::operations::{self, Update};
use crate::kernels::{Adam, Sgd};
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
    Adam(Adam),
    /// Without momentum nothing is remembered.
    Sgd(Sgd),
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
                OptimizerName::Adam => Rule::Adam(Adam {
                    beta1: section.beta1 as f32,
                    beta2: section.beta2 as f32,
                    epsilon: section.epsilon as f32,
                }),
                OptimizerName::Sgd => Rule::Sgd(Sgd { momentum: section.momentum as f32 }),
            },
            // The gradient of l2 * w^2.
            penalty: 2.0 * section.l2 as f32,
            decays: parameters.iter().map(decays).collect(),
            memories: vec![None; parameters.len()],
        }
    }

    /// The parameter at `index` after a step along its gradient. Where a mask is 0, it becomes 0.
    pub(super) fn step(
        &mut self,
        index: usize,
        lr: f64,
        [parameter, gradient]: [Tensor<1>; 2],
        mask: Option<Tensor<1>>,
    ) -> Tensor<1> {
        let penalty = if self.decays[index] { self.penalty } else { 0.0 };
        let memory = &mut self.memories[index];
        let time = memory.as_ref().map_or(0, |memory| memory.steps).saturating_add(1);
        let update = Update { time, lr: lr as f32, penalty };
        let (first, second) = match memory.take() {
            Some(Memory { first, second, .. }) => (Some(first), second),
            None => (None, None),
        };
        let start = |moment: Option<Tensor<1>>| {
            moment.unwrap_or_else(|| Tensor::zeros(parameter.shape(), &parameter.device()))
        };
        match self.rule {
            Rule::Adam(rule) => {
                let (first, second) = (start(first), start(second));
                let [parameter, first, second] =
                    operations::adam([parameter, gradient, first, second], mask, rule, update);
                *memory = Some(Memory { steps: time, first, second: Some(second) });
                parameter
            }
            Rule::Sgd(rule) => {
                let velocity = start(first);
                let [parameter, first] =
                    operations::sgd([parameter, gradient, velocity], mask, rule, update);
                if rule.momentum > 0.0 {
                    *memory = Some(Memory { steps: time, first, second: None });
                }
                parameter
            }
        }
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
            Rule::Adam(_) => 2,
            Rule::Sgd(Sgd { momentum }) => usize::from(momentum > 0.0),
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
            a = ours.step(0, lr, [a, gradient.clone()], None);
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
