//! Evaluation: loss and accuracy of a network on given images.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::{Backend, MissingBackend, Score};
use crate::data::{Images, Normalizer};
use crate::kernels::{buffers, operations, with_spinning_worker};
use crate::model::{NamedTensor, Network, PackedWeights, Weights};

/// Minimum and maximum number of examples that one thread takes from the first layer to the last
/// together, on a backend with kernels.
const SHARES: [usize; 2] = [8, 64];

/// A network with weights prepared for evaluation.
#[derive(Debug, Clone)]
pub(crate) struct Classifier {
    network: Network,
    weights: PackedWeights,
    device: Device,
    /// Whether the device computes with this program's kernels.
    by_kernels: bool,
}

impl Classifier {
    /// Prepares a network with these weights, which are in the order of [`Network::tensors`].
    ///
    /// # Errors
    /// Returns an error if the backend was not compiled in.
    pub(crate) fn new(
        network: Network,
        tensors: Vec<NamedTensor>,
        backend: Backend,
    ) -> Result<Self, MissingBackend> {
        let device = backend.device()?;
        let tensors = tensors.into_iter().map(|tensor| tensor.values).collect();
        let weights = Weights::new(&network, tensors, &device);
        Ok(Self::of(network, &weights, (device, backend.instruction_set().is_some())))
    }

    /// Prepares a network with weights on a device. `by_kernels` says whether the device computes
    /// with this program's kernels.
    pub(super) fn of(
        network: Network,
        weights: &Weights,
        (device, by_kernels): (Device, bool),
    ) -> Self {
        Classifier { weights: network.packed(weights), network, device, by_kernels }
    }

    /// Returns the score on all `images`, computed in batches of `batch` images. Calls `progress`
    /// with the number of images after each batch.
    pub(crate) fn score(
        &self,
        images: &Images,
        normalizer: &Normalizer,
        batch: usize,
        mut progress: impl FnMut(usize),
    ) -> Score {
        let everything: Vec<usize> = (0..images.len()).collect();
        total(everything.chunks(batch.max(1)).map(|examples| {
            // Inside the thread pool, kernels distribute their work without a handover.
            let (loss, correct) = rayon::scope(|_| self.examine((images, normalizer), examples));
            progress(examples.len());
            (loss, correct, examples.len())
        }))
    }

    /// Returns the sum of the losses on these examples, and the number classified correctly.
    pub(super) fn examine(
        &self,
        source: (&Images, &Normalizer),
        examples: &[usize],
    ) -> (f64, usize) {
        if !self.by_kernels {
            return self.examine_together(source, examples);
        }
        let shares = examples.par_chunks(self.share());
        let parts: Vec<_> = with_spinning_worker(|| {
            shares.map(|share| self.examine_together(source, share)).collect()
        });
        parts.into_iter().fold((0.0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// Number of examples that a thread takes together. With it, the outputs of a layer take about
    /// as much memory as the weights: enough examples share each read of the weights, and the
    /// outputs are still in a cache when the next layer reads them.
    fn share(&self) -> usize {
        let [least, most] = SHARES;
        (self.network.trainable() / self.network.widest()).clamp(least, most)
    }

    /// [`Classifier::examine`] as one batch on the current thread.
    fn examine_together(
        &self,
        (images, normalizer): (&Images, &Normalizer),
        examples: &[usize],
    ) -> (f64, usize) {
        let (pixels, labels) = chosen(images, normalizer, examples);
        let [channels, height, width] = self.network.input();
        let shape = [labels.len(), channels, height, width];
        let images = operations::tensor(pixels, shape, &self.device);
        let logits = self.network.evaluate(&self.weights, images);
        let (loss, correct) = operations::cross_entropy(logits, labels[..].into());
        let seen = to_vec(Tensor::cat(vec![loss, correct], 0));
        (f64::from(seen[0]) * labels.len() as f64, seen[1] as usize)
    }
}

/// The normalized pixels and the labels of these examples.
fn chosen(images: &Images, normalizer: &Normalizer, examples: &[usize]) -> (Vec<f32>, Vec<u8>) {
    let elements = images.shape.elements();
    let mut pixels = buffers::take(examples.len() * elements);
    for (pixels, &example) in pixels.chunks_exact_mut(elements).zip(examples) {
        normalizer.apply(images.pixels_of(example), pixels);
    }
    (pixels, examples.iter().map(|&example| images.labels[example]).collect())
}

/// Adds up (loss, number correct, number of examples) of batches to a score.
pub(super) fn total(parts: impl IntoIterator<Item = (f64, usize, usize)>) -> Score {
    let sum = parts.into_iter().fold((0.0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    let examples = sum.2.max(1) as f64;
    Score {
        loss: (sum.0 / examples) as f32,
        accuracy: (sum.1 as f64 / examples) as f32,
        examples: sum.2,
    }
}

pub(super) fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.inner().into_data();
    match data.try_into_vec() {
        Ok(values) => values,
        Err(error) => unreachable!("tensors are of 32-bit floats: {error:?}"),
    }
}
