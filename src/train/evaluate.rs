//! How good a network is at classifying images, without training it.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::learner::{to_vec, total};
use super::{Backend, MissingBackend, Score};
use crate::data::{Images, Normalizer};
use crate::kernels::{buffers, operations, with_spinning_worker};
use crate::model::{NamedTensor, Network, PackedWeights, Weights};

/// How many examples a thread of the kernels' looks at together, from the first layer to the last, at least and at most.
const SHARES: [usize; 2] = [8, 64];

/// A network with weights, ready to be shown images.
#[derive(Debug, Clone)]
pub struct Classifier {
    network: Network,
    weights: PackedWeights,
    device: Device,
    by_kernels: bool,
}

impl Classifier {
    /// The network with these weights, which come in the order of [`Network::tensors`].
    ///
    /// # Errors
    /// A backend that was not compiled in.
    pub fn new(
        network: Network,
        tensors: Vec<NamedTensor>,
        backend: Backend,
    ) -> Result<Self, MissingBackend> {
        let device = backend.device()?;
        let tensors = tensors.into_iter().map(|tensor| tensor.values).collect();
        let weights = Weights::new(&network, tensors, &device);
        Ok(Self::of(network, &weights, (device, backend.instruction_set().is_some())))
    }

    /// The network with weights on a device; `by_kernels` if that computes by ours.
    pub(super) fn of(
        network: Network,
        weights: &Weights,
        (device, by_kernels): (Device, bool),
    ) -> Self {
        Classifier { weights: network.packed(weights), network, device, by_kernels }
    }

    /// The score on `images`, which are taken from them `batch` by `batch`. Calls `progress` with the number of images
    /// after each batch.
    pub fn score(
        &self,
        images: &Images,
        normalizer: &Normalizer,
        batch: usize,
        mut progress: impl FnMut(usize),
    ) -> Score {
        let everything: Vec<usize> = (0..images.len()).collect();
        total(everything.chunks(batch.max(1)).map(|examples| {
            // Within the pool of threads, kernels share out their work without handing it over.
            let (loss, correct) = rayon::scope(|_| self.examine((images, normalizer), examples));
            progress(examples.len());
            (loss, correct, examples.len())
        }))
    }

    /// The loss (summed) on these examples, and how many of them are classified correctly.
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

    /// So many examples that what a layer makes of them takes about as much memory as the weights do: what is read for
    /// all of them is worth it then, and what is read next is still in a cache.
    fn share(&self) -> usize {
        let [least, most] = SHARES;
        (self.network.trainable() / self.network.widest()).clamp(least, most)
    }

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

/// The pixels, normalized, and the labels of these examples.
fn chosen(images: &Images, normalizer: &Normalizer, examples: &[usize]) -> (Vec<f32>, Vec<u8>) {
    let elements = images.shape.elements();
    let mut pixels = buffers::take(examples.len() * elements);
    for (pixels, &example) in pixels.chunks_exact_mut(elements).zip(examples) {
        normalizer.apply(images.pixels_of(example), pixels);
    }
    (pixels, examples.iter().map(|&example| images.labels[example]).collect())
}
