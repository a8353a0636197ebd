//! Random numbers of a run, each a function of its purpose.
//!
//! A stream is named by `(seed, purpose, step, index)`, and this name *is* the key of a
//! counter-based generator (ChaCha8). There is no other state. Resuming a run, running it again, or
//! running it on another number of threads therefore draws the same numbers, and no two purposes
//! ever share any.

use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng;

/// Purpose of a stream of random numbers. Its numeric values are part of the file formats: a
/// snapshot is verified by drawing its initial weights again, so a value is never reused or
/// changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; index = position of the parameter in the network.
    InitialWeights = 1,
    /// The order in which weights are pruned; index = position of the parameter in the network.
    Pruning = 2,
    /// The order of training examples; step = epoch.
    DataOrder = 3,
    /// Augmentation; step = training step, index = position in the batch.
    Augmentation = 4,
    /// Dropout masks; step = training step, index = position of the layer.
    Dropout = 5,
    /// The training examples sampled for an evaluation; step = training step.
    EvaluationSample = 6,
    /// The generated dataset; step = 0 for train and 1 for test, index = example.
    Glyphs = 7,
    /// Shuffling a snapshot's weight vectors (the paper's N_S); index = parameter.
    Shuffle = 8,
    /// Random images for benchmarks.
    Noise = 9,
}

/// Returns the stream of random numbers for `purpose` at `step`, the `index`-th of its kind.
///
/// ```
/// use laperm::random::{stream, Purpose};
/// use rand::Rng;
/// let (mut a, mut b) = (stream(1, Purpose::DataOrder, 3, 0), stream(1, Purpose::DataOrder, 3, 0));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert_ne!(a.next_u64(), stream(1, Purpose::DataOrder, 4, 0).next_u64());
/// ```
pub fn stream(seed: u64, purpose: Purpose, step: u64, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(key(seed, purpose, step, index))
}

/// The key of [`stream`] with these arguments.
pub(crate) fn key(seed: u64, purpose: Purpose, step: u64, index: u64) -> [u8; 32] {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, step, index]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    key
}
