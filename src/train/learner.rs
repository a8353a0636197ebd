//! A network and its inner optimizer, trained one batch at a time. It is unaware of permutations.

use std::mem;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::Backend;
use super::arrays::{Arrays, Misfit};
use super::evaluate::{Classifier, to_vec};
use super::optimizer::InnerOptimizer;
use crate::experiment::OptimizerSection;
use crate::kernels::{operations, with_spinning_worker};
use crate::method::all_finite;
use crate::model::{Draw, Network, Role, Statistics, Weights};

/// A network, its weights and its optimizer, on a device.
#[derive(Clone)]
pub(super) struct Learner {
    network: Network,
    device: Device,
    /// Whether the device computes with this program's kernels.
    by_kernels: bool,
    weights: Weights,
    optimizer: InnerOptimizer,
    /// For each parameter with frozen weights, a factor of 0 or 1 per weight.
    masks: Vec<Option<Tensor<1>>>,
}

/// Loss and accuracy of a batch before the step's update, and the step's times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) loss: f32,
    pub(super) accuracy: f32,
    pub(super) times: StepTimes,
}

/// Durations of the parts of a training step. On a device that computes asynchronously, work of one
/// part may be counted in the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StepTimes {
    /// Upload of the batch, logits and loss.
    pub(super) forward: Duration,
    /// The gradients of all parameters.
    pub(super) backward: Duration,
    /// The update of all parameters.
    pub(super) optimizer: Duration,
}

impl Learner {
    /// Starts from `values`, one vector per parameter.
    pub(super) fn new(
        network: Network,
        values: Vec<Vec<f32>>,
        optimizer: &OptimizerSection,
        (backend, device): (Backend, Device),
    ) -> Self {
        let parameters = values.into_iter().map(|values| leaf(values, &device)).collect();
        let statistics =
            network.norms().iter().map(|&(_, channels)| Statistics::new(channels, &device));
        Learner {
            optimizer: InnerOptimizer::new(optimizer, network.parameters()),
            weights: Weights { parameters, statistics: statistics.collect() },
            masks: vec![None; network.parameters().len()],
            network,
            by_kernels: backend.instruction_set().is_some(),
            device,
        }
    }

    /// Whether it computes with this program's kernels, on all threads of the caller's pool.
    pub(super) fn computes_here(&self) -> bool {
        self.by_kernels
    }

    /// Freezes the weights that are zero now: the missing connections of a pruned network.
    pub(super) fn freeze_zeros(&mut self) {
        for (index, parameter) in self.network.parameters().iter().enumerate() {
            let values = self.values(index);
            if parameter.role == Role::Weight && values.contains(&0.0) {
                let mask = values.iter().map(|&value| if value == 0.0 { 0.0 } else { 1.0 });
                let mask = TensorData::new(mask.collect::<Vec<f32>>(), [values.len()]);
                self.masks[index] = Some(Tensor::from_data(mask, &self.device));
            }
        }
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Copies the values of the parameter at `index`.
    pub(super) fn values(&self, index: usize) -> Vec<f32> {
        to_vec(self.weights.parameters[index].clone())
    }

    /// Changes the values of the parameter at `index`, in place unless they are shared.
    pub(super) fn change<T>(&mut self, index: usize, change: impl FnOnce(&mut [f32]) -> T) -> T {
        let mut values = self.take_values(index);
        let changed = change(&mut values);
        self.set_values(index, values);
        changed
    }

    /// Calls `look` with the values of some parameters, each named once. The values are copied only
    /// if they are shared: a copy in every step would cost too much.
    pub(super) fn show<T>(
        &mut self,
        parameters: &[usize],
        look: impl FnOnce(&[Vec<f32>]) -> T,
    ) -> T {
        let mut all: Vec<_> =
            mem::take(&mut self.weights.parameters).into_iter().map(Some).collect();
        let shown = parameters.iter().filter_map(|&index| all[index].take());
        let values: Vec<_> = shown.map(to_vec).collect();
        let seen = look(&values);
        for (&index, values) in parameters.iter().zip(values) {
            all[index] = Some(leaf(values, &self.device));
        }
        self.weights.parameters = all.into_iter().flatten().collect();
        seen
    }

    /// Takes the values of the parameter at `index`, which is empty until they are set again.
    fn take_values(&mut self, index: usize) -> Vec<f32> {
        let emptied = Tensor::empty([0], &self.device);
        to_vec(mem::replace(&mut self.weights.parameters[index], emptied))
    }

    /// Whether all values of the parameter at `index` are finite.
    pub(super) fn is_finite(&mut self, index: usize) -> bool {
        self.change(index, |values| values.par_chunks(1 << 14).all(all_finite))
    }

    /// Replaces the values of the parameter at `index`.
    pub(super) fn set_values(&mut self, index: usize, values: Vec<f32>) {
        self.weights.parameters[index] = leaf(values, &self.device);
    }

    /// Returns the weights with the values of some parameters replaced.
    pub(super) fn weights_with(&self, replaced: Vec<(usize, Vec<f32>)>) -> Weights {
        let mut weights = self.weights.clone();
        for (index, values) in replaced {
            weights.parameters[index] = leaf(values, &self.device);
        }
        weights
    }

    /// Adds weights, running statistics and the optimizer's state to `arrays`, under names that
    /// begin with `prefix`.
    pub(super) fn save(&self, prefix: &str, arrays: &mut Arrays) {
        let parameters = self.network.parameters();
        for (parameter, tensor) in parameters.iter().zip(&self.weights.parameters) {
            arrays.put_tensor(weight(prefix, &parameter.name), tensor.clone().inner());
        }
        for ((layer, _), statistics) in self.network.norms().iter().zip(&self.weights.statistics) {
            let Statistics { mean, variance } = statistics.clone();
            arrays.put_tensor(statistic(prefix, layer, "mean"), mean);
            arrays.put_tensor(statistic(prefix, layer, "var"), variance);
        }
        self.optimizer.save(prefix, parameters, arrays);
    }

    /// Restores the state that [`Learner::save`] added.
    ///
    /// # Errors
    /// Returns the first array that is missing or does not fit the network.
    pub(super) fn restore(&mut self, prefix: &str, arrays: &mut Arrays) -> Result<(), Misfit> {
        let parameters = self.network.parameters();
        for (parameter, tensor) in parameters.iter().zip(&mut self.weights.parameters) {
            let values = arrays.floats(&weight(prefix, &parameter.name), parameter.elements())?;
            *tensor = leaf(values, &self.device);
        }
        for ((layer, channels), statistics) in
            self.network.norms().iter().zip(&mut self.weights.statistics)
        {
            let mut take =
                |what| arrays.tensor(&statistic(prefix, layer, what), *channels, &self.device);
            *statistics = Statistics { mean: take("mean")?, variance: take("var")? };
        }
        self.optimizer.restore(prefix, parameters, arrays, &self.device)
    }

    /// Trains on a batch of images `[n, channels, height, width]` and their labels. Changes nothing
    /// if the loss is not finite.
    pub(super) fn step(&mut self, images: Vec<f32>, labels: &[u8], lr: f64, draw: Draw) -> Outcome {
        let mut since = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now - mem::replace(&mut since, now)
        };
        let images = self.images(images, labels.len());
        let (logits, statistics) = self.network.train(&self.weights, images, draw);
        let (loss, correct) = operations::cross_entropy(logits, labels.into());
        let mut times = StepTimes { forward: lap(), ..StepTimes::default() };
        let mut gradients = loss.backward();
        let seen = to_vec(Tensor::cat(vec![loss.inner(), correct.inner()], 0));
        let (loss, accuracy) = (seen[0], seen[1] / labels.len() as f32);
        times.backward = lap();
        if !loss.is_finite() {
            return Outcome { loss, accuracy, times };
        }
        // Moved out of the learner, so that they are not shared and the update is in place.
        let parameters = mem::take(&mut self.weights.parameters).into_iter().enumerate();
        let stepped = parameters.map(|(index, parameter)| {
            let Some(gradient) = parameter.grad_remove(&mut gradients) else { return parameter };
            let mask = self.masks[index].clone();
            let stepped = self.optimizer.step(index, lr, [parameter.inner(), gradient], mask);
            stepped.autodiff().require_grad()
        });
        self.weights.parameters = stepped.collect();
        self.weights.statistics = statistics;
        times.optimizer = lap();
        Outcome { loss, accuracy, times }
    }

    /// Prepares the network with these weights for evaluation.
    pub(super) fn classifier(&self, weights: &Weights) -> Classifier {
        Classifier::of(self.network.clone(), weights, (self.device.clone(), self.by_kernels))
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    fn images(&self, images: Vec<f32>, count: usize) -> Tensor<4> {
        let [channels, height, width] = self.network.input();
        operations::tensor(images, [count, channels, height, width], &self.device)
    }
}

/// Runs many short pieces of work. If the learner computes `here`, on threads of this process's
/// pool, another thread is kept awake for them; libraries with their own threads do that
/// themselves.
pub(super) fn attended_if<T>(here: bool, act: impl FnOnce() -> T) -> T {
    if here { with_spinning_worker(act) } else { act() }
}

fn weight(prefix: &str, parameter: &str) -> String {
    format!("{prefix}weights/{parameter}")
}

fn statistic(prefix: &str, layer: &str, what: &str) -> String {
    format!("{prefix}weights/{layer}.running_{what}")
}

fn leaf(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    operations::tensor(values, [length], device).autodiff().require_grad()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A learner of [2 inputs, 2 hidden without activation, 2 classes], every weight and bias 0.5.
    fn learner(optimizer: &OptimizerSection) -> Learner {
        use crate::model::{Activation, Layer};
        let hidden = Layer::Dense { units: 2, bias: true, activation: Activation::None };
        let layers = [Layer::Flatten, hidden, Layer::dense(2)];
        let network = Network::new(&layers, [1, 1, 2], 2).expect("fits");
        let values = network.parameters().iter().map(|p| vec![0.5; p.elements()]).collect();
        Learner::new(network, values, optimizer, (Backend::Flex, Device::flex()))
    }

    fn sgd(l2: f64) -> OptimizerSection {
        use crate::experiment::{OptimizerName, Plan};
        let lr = Plan::Constant(0.1);
        OptimizerSection { lr, l2, ..OptimizerSection::new(OptimizerName::Sgd) }
    }

    const DRAW: Draw = Draw { seed: 1, step: 1 };

    #[test]
    fn a_step_of_sgd_by_hand() {
        let mut learner = learner(&sgd(0.0));
        // Both logits are equal, so the gradient of the last bias, the probabilities minus the
        // target, is -1/2 and 1/2.
        let outcome = learner.step(vec![1.0, 0.0], &[0], 0.1, DRAW);
        assert!((outcome.loss - 2f32.ln()).abs() < 1e-6);
        assert_eq!(outcome.accuracy, 1.0);
        assert_eq!(learner.values(3), [0.55, 0.45]);
        // Each hidden unit is 0.5 + 0.5 = 1, so the last weights move as their bias does.
        assert_eq!(learner.values(2), [0.55, 0.55, 0.45, 0.45]);
        // The gradient of the hidden layer is zero: the two classes pull it in opposite directions.
        assert_eq!(learner.values(0), [0.5; 4]);
    }

    #[test]
    fn the_l2_penalty_is_for_weights_before_the_last_layer() {
        let (mut plain, mut decayed) = (learner(&sgd(0.0)), learner(&sgd(0.01)));
        for learner in [&mut plain, &mut decayed] {
            learner.step(vec![1.0, 0.0], &[0], 0.1, DRAW);
        }
        // The gradient of l2 w^2 is 2 l2 w = 0.01.
        assert_eq!(decayed.values(0), [0.5 - 0.1 * 0.01; 4]);
        for untouched in [1, 2, 3] {
            assert_eq!(decayed.values(untouched), plain.values(untouched));
        }
    }

    #[test]
    fn frozen_zeros_stay_zero_and_the_rest_learns() {
        let mut learner = learner(&sgd(0.0));
        learner.set_values(2, vec![0.0, 0.5, 0.5, 0.5]);
        learner.freeze_zeros();
        learner.step(vec![1.0, 0.0], &[0], 0.1, DRAW);
        let weights = learner.values(2);
        assert_eq!(weights[0], 0.0);
        assert!(weights[1..].iter().all(|&weight| weight != 0.5), "{weights:?}");
    }

    #[test]
    fn the_first_step_of_adam_is_the_learning_rate() {
        let mut learner = learner(&OptimizerSection::default());
        learner.step(vec![1.0, 0.0], &[0], 0.1, DRAW);
        // m / sqrt(v) is the gradient's sign after bias correction.
        let bias = learner.values(3);
        assert!((bias[0] - 0.6).abs() < 1e-5 && (bias[1] - 0.4).abs() < 1e-5, "{bias:?}");
    }

    #[test]
    fn values_are_changed_in_place_unless_they_are_shared() {
        let mut learner = learner(&sgd(0.0));
        let place = |values: &mut [f32]| values.as_ptr() as usize;
        learner.step(vec![1.0, 0.0], &[0], 0.1, DRAW);
        let first = learner.change(0, place);
        assert_eq!(learner.change(0, place), first);
        let kept = learner.clone();
        learner.change(0, |values| values[1] = 7.0);
        assert_eq!((learner.values(0)[1], kept.values(0)[1]), (7.0, 0.5));
    }

    #[test]
    fn one_value_that_is_not_finite_is_found() {
        let mut learner = learner(&sgd(0.0));
        assert!(learner.is_finite(0));
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            learner.set_values(0, vec![1.0, f32::MAX, 0.0, odd]);
            assert!(!learner.is_finite(0) && learner.is_finite(1));
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_changes_nothing() {
        let mut learner = learner(&sgd(0.0));
        let outcome = learner.step(vec![f32::INFINITY, 0.0], &[0], 0.1, DRAW);
        assert!(!outcome.loss.is_finite());
        assert_eq!(learner.values(3), [0.5, 0.5]);
    }
}
