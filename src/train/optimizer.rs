//! The inner optimizer of a network: a rule, and the moments of every parameter.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::arrays::{Arrays, Misfit};
use crate::experiment::OptimizerSection;
use crate::kernels::{Rule, Update, operations};
use crate::model::{Parameter, Role};

/// An optimizer over all parameters of a network. A sync leaves its state as it is.
#[derive(Clone)]
pub(super) struct InnerOptimizer {
    rule: Arc<dyn Rule>,
    /// Gradient of the L2 penalty per unit of weight.
    penalty: f32,
    /// For each parameter, whether it has an L2 penalty or weight decay.
    decays: Vec<bool>,
    /// One per parameter; `None` before its first gradient.
    memories: Vec<Option<Memory>>,
}

/// The optimizer's state of one parameter.
#[derive(Clone)]
struct Memory {
    /// Number of gradients so far.
    steps: u32,
    /// In the order of [`Rule::moments`].
    moments: Vec<Tensor<1>>,
}

impl InnerOptimizer {
    pub(super) fn new(section: &OptimizerSection, parameters: &[Parameter]) -> Self {
        let decays = |parameter: &Parameter| parameter.role == Role::Weight && !parameter.last;
        InnerOptimizer {
            rule: section.rule(),
            // The gradient of l2 * w^2.
            penalty: 2.0 * section.l2 as f32,
            decays: parameters.iter().map(decays).collect(),
            memories: vec![None; parameters.len()],
        }
    }

    /// Returns the parameter at `index` after a step along its gradient. Where a mask is 0, the
    /// parameter becomes 0.
    pub(super) fn step(
        &mut self,
        index: usize,
        lr: f64,
        [parameter, gradient]: [Tensor<1>; 2],
        mask: Option<Tensor<1>>,
    ) -> Tensor<1> {
        let memory = &mut self.memories[index];
        let Memory { steps, moments } = memory.take().unwrap_or_else(|| {
            let zeros = || Tensor::zeros(parameter.shape(), &parameter.device());
            Memory { steps: 0, moments: self.rule.moments().iter().map(|_| zeros()).collect() }
        });
        let (steps, decays) = (steps.saturating_add(1), self.decays[index]);
        let penalty = if decays { self.penalty } else { 0.0 };
        let update = Update { time: steps, lr: lr as f32, penalty, decays };
        let (parameter, moments) =
            operations::optimize(&self.rule, update, [parameter, gradient], moments, mask);
        *memory = Some(Memory { steps, moments });
        parameter
    }

    /// Adds the optimizer's state to `arrays`, under names that begin with `prefix`.
    pub(super) fn save(&self, prefix: &str, parameters: &[Parameter], arrays: &mut Arrays) {
        let steps = self.memories.iter().map(|memory| memory.as_ref().map_or(0, |m| m.steps));
        arrays.put_integers(steps_name(prefix), steps.collect());
        for (parameter, memory) in parameters.iter().zip(&self.memories) {
            let moments = memory.iter().flat_map(|memory| &memory.moments);
            for (moment, tensor) in self.rule.moments().iter().zip(moments) {
                arrays.put_tensor(moment_name(prefix, parameter, moment), tensor.clone());
            }
        }
    }

    /// Restores the state that [`InnerOptimizer::save`] added.
    ///
    /// # Errors
    /// Returns the first array that is missing or does not fit its parameter.
    pub(super) fn restore(
        &mut self,
        prefix: &str,
        parameters: &[Parameter],
        arrays: &mut Arrays,
        device: &Device,
    ) -> Result<(), Misfit> {
        let steps = arrays.integers(&steps_name(prefix), parameters.len())?;
        for ((memory, parameter), steps) in self.memories.iter_mut().zip(parameters).zip(steps) {
            *memory = None;
            if steps > 0 {
                let moments = self.rule.moments().iter().map(|moment| {
                    let name = moment_name(prefix, parameter, moment);
                    arrays.tensor(&name, parameter.elements(), device)
                });
                *memory = Some(Memory { steps, moments: moments.collect::<Result<_, _>>()? });
            }
        }
        Ok(())
    }
}

fn steps_name(prefix: &str) -> String {
    format!("{prefix}optimizer/steps")
}

fn moment_name(prefix: &str, parameter: &Parameter, moment: &str) -> String {
    format!("{prefix}optimizer/{}/{moment}", parameter.name)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_optim::decay::WeightDecayConfig;
    use burn_optim::momentum::MomentumConfig;
    use burn_optim::{AdamConfig, Optimizer, SgdConfig};

    use super::*;
    use crate::experiment::OptimizerName;
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

    /// Compares 50 steps with burn's to the bit, on gradients that change their sign and size.
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

    fn section(name: OptimizerName, l2: f64) -> OptimizerSection {
        OptimizerSection { l2, ..OptimizerSection::new(name) }
    }

    #[test]
    fn adam_is_burns() {
        for l2 in [0.0, L2] {
            let section = section(OptimizerName::Adam, l2);
            let penalty = (l2 > 0.0).then(|| WeightDecayConfig::new(2.0 * l2 as f32));
            let burns = AdamConfig::new()
                .with_beta_1(0.9)
                .with_beta_2(0.999)
                .with_epsilon(1e-7)
                .with_weight_decay(penalty);
            assert_same(&section, &burns.build());
        }
    }

    #[test]
    fn sgd_is_burns() {
        for (l2, momentum) in [(0.0, 0.0), (L2, 0.0), (0.0, 0.9), (L2, 0.9)] {
            let mut section = section(OptimizerName::Sgd, l2);
            section.settings.set("momentum", momentum);
            let penalty = (l2 > 0.0).then(|| WeightDecayConfig::new(2.0 * l2 as f32));
            let moving = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
            let burns = SgdConfig::new()
                .with_weight_decay(penalty)
                .with_momentum((momentum > 0.0).then_some(moving));
            assert_same(&section, &burns.build());
        }
    }
}
