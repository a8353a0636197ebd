//! How good a network is at classifying images, without training it.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::learner::{to_vec, total};
use super::{Backend, MissingBackend, Score};
use crate::data::{Images, Normalizer};
use crate::kernels::{buffers, operations};
use crate::model::{NamedTensor, Network, Weights};

/// Examples that a thread of the kernels' looks at by itself, from the first layer to the last: what one layer makes is then
/// in that thread's cache for the next.
const SHARE: usize = 64;

/// A network with weights, ready to be shown images.
#[derive(Debug, Clone)]
pub struct Classifier {
    network: Network,
    weights: Weights,
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
        let by_kernels = backend.instruction_set().is_some();
        Ok(Classifier { network, weights, device, by_kernels })
    }

    /// The score on `images`, so many of which are computed at once. Calls `progress` with the number of images after
    /// each batch.
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
            let (loss, correct) = rayon::scope(|_| {
                let device = (&self.device, self.by_kernels);
                examine((&self.network, &self.weights), (images, normalizer), examples, device)
            });
            progress(examples.len());
            (loss, correct, examples.len())
        }))
    }
}

/// The loss (summed) on these examples, and how many of them `weights` classify correctly; `by_kernels` if the device
/// computes by ours.
pub(super) fn examine(
    (network, weights): (&Network, &Weights),
    (images, normalizer): (&Images, &Normalizer),
    examples: &[usize],
    (device, by_kernels): (&Device, bool),
) -> (f64, usize) {
    let weights = Weights {
        parameters: weights.parameters.iter().map(|p| p.clone().inner()).collect(),
        statistics: weights.statistics.clone(),
    };
    let examine = |examples: &[usize]| {
        let (pixels, labels) = chosen(images, normalizer, examples);
        let [channels, height, width] = network.input();
        let shape = [labels.len(), channels, height, width];
        let images = operations::tensor(pixels, shape, device);
        let logits = network.evaluate(&weights, images);
        let (loss, correct) = operations::cross_entropy(logits, labels[..].into());
        let seen = to_vec(Tensor::cat(vec![loss, correct], 0));
        (f64::from(seen[0]) * labels.len() as f64, seen[1] as usize)
    };
    if !by_kernels {
        return examine(examples);
    }
    let parts: Vec<_> = examples.par_chunks(SHARE).map(examine).collect();
    parts.into_iter().fold((0.0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
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
