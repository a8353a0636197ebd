//! Batches: the examples of each training step.
//!
//! The examples of a batch, their order and their augmentation are a function of `(seed, step)`
//! alone. A batch has the same bits on any thread, in any run and after any resumption.

use std::sync::Arc;

use rand::Rng;
use rayon::prelude::*;

use super::{Augmentation, DataError, Images, Normalizer};
use crate::kernels::buffers;
use crate::random::{Purpose, stream};

/// The input of one training step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Training step, counted from 1.
    pub step: u64,
    /// Normalized and augmented images as `[example, channel, row, column]`.
    pub images: Vec<f32>,
    /// Class of each example.
    pub labels: Vec<u8>,
}

/// The assignment of examples to training steps. Every epoch has a new random order, which is split
/// into batches. The last batch of an epoch may be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchPlan {
    seed: u64,
    examples: usize,
    batch_size: usize,
}

impl BatchPlan {
    /// Creates a plan for `examples` training examples in batches of `batch_size`.
    ///
    /// # Errors
    /// When either is 0.
    pub(crate) fn new(seed: u64, examples: usize, batch_size: usize) -> Result<Self, DataError> {
        if examples == 0 || batch_size == 0 {
            return Err(DataError::NoBatches { examples, batch_size });
        }
        Ok(Self { seed, examples, batch_size })
    }

    /// Returns the number of steps that use every example once.
    pub(crate) fn steps_per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch_size) as u64
    }

    /// Returns the epoch, counted from 0, of a step, counted from 1.
    pub(crate) fn epoch_of(&self, step: u64) -> u64 {
        step.saturating_sub(1) / self.steps_per_epoch()
    }

    /// Returns all examples in the order of an epoch, which is a Fisher-Yates shuffle.
    pub(crate) fn order(&self, epoch: u64) -> Vec<usize> {
        let mut random = stream(self.seed, Purpose::DataOrder, epoch, 0);
        let mut order: Vec<usize> = (0..self.examples).collect();
        for last in (1..self.examples).rev() {
            let draw = u128::from(random.next_u64()) * (last as u128 + 1);
            order.swap(last, (draw >> 64) as usize);
        }
        order
    }

    /// Returns the examples of a step, given the order of its epoch.
    fn part_of<'a>(&self, order: &'a [usize], step: u64) -> &'a [usize] {
        let batch = (step.saturating_sub(1) % self.steps_per_epoch()) as usize;
        let from = batch * self.batch_size;
        &order[from..(from + self.batch_size).min(order.len())]
    }
}

/// Number of images that a thread makes at a time: about ten microseconds of work.
const SHARE: usize = 4;

/// Makes the batches of a plan.
#[derive(Debug)]
pub(crate) struct BatchMaker {
    images: Arc<Images>,
    normalizer: Arc<Normalizer>,
    augmentation: Augmentation,
    plan: BatchPlan,
    /// The current epoch and its order, cached for the next steps.
    order: (u64, Vec<usize>),
}

impl BatchMaker {
    /// Creates a maker of batches of `images`, which are normalized and then augmented.
    pub(crate) fn new(
        images: Arc<Images>,
        normalizer: Arc<Normalizer>,
        augmentation: Augmentation,
        plan: BatchPlan,
    ) -> Self {
        Self { images, normalizer, augmentation, plan, order: (u64::MAX, vec![]) }
    }

    /// Makes the batch of a step, counted from 1, on the threads of the caller's pool.
    ///
    /// # Panics
    /// When the plan is for more examples than there are.
    pub(crate) fn make(&mut self, step: u64) -> Batch {
        let epoch = self.plan.epoch_of(step);
        if self.order.0 != epoch {
            self.order = (epoch, self.plan.order(epoch));
        }
        let examples = self.plan.part_of(&self.order.1, step);
        let elements = self.images.shape.elements();
        let mut images = buffers::take(examples.len() * elements);
        let shares = images.par_chunks_mut(SHARE * elements).zip(examples.par_chunks(SHARE));
        shares.enumerate().for_each(|(share, (images, examples))| {
            let positions = (share * SHARE) as u64..;
            self.fill(step, positions, examples, images);
        });
        let labels = examples.iter().map(|example| self.images.labels[*example]).collect();
        Batch { step, images, labels }
    }

    /// Makes the images of the given examples. Their `positions` in the batch select the random
    /// numbers of the augmentation.
    fn fill(
        &self,
        step: u64,
        positions: impl Iterator<Item = u64>,
        examples: &[usize],
        images: &mut [f32],
    ) {
        let shape = self.images.shape;
        let mut original = vec![0.0; shape.elements()];
        let outs = images.chunks_exact_mut(shape.elements());
        for ((position, example), out) in positions.zip(examples).zip(outs) {
            let pixels = self.images.pixels_of(*example);
            if self.augmentation.is_none() {
                self.normalizer.apply(pixels, out);
                continue;
            }
            self.normalizer.apply(pixels, &mut original);
            let mut random = stream(self.plan.seed, Purpose::Augmentation, step, position);
            self.augmentation.apply(&mut random, &original, shape, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_examples_in_batches_of_four_are_three_steps() {
        let plan = BatchPlan::new(1, 10, 4).unwrap();
        assert_eq!(plan.steps_per_epoch(), 3);
        assert_eq!([1, 3, 4, 6, 7].map(|step| plan.epoch_of(step)), [0, 0, 1, 1, 2]);
        let order: Vec<usize> = (0..10).collect();
        assert_eq!(plan.part_of(&order, 1), [0, 1, 2, 3]);
        assert_eq!(plan.part_of(&order, 6), [8, 9], "the last batch of the second epoch");
    }

    #[test]
    fn there_is_no_plan_without_examples_or_batches() {
        assert!(BatchPlan::new(1, 0, 4).unwrap_err().is_input());
        assert!(BatchPlan::new(1, 4, 0).unwrap_err().is_input());
    }

    proptest::proptest! {
        #[test]
        fn an_order_is_a_permutation(seed: u64, epoch: u64, examples in 1_usize..200) {
            let mut order = BatchPlan::new(seed, examples, 1).unwrap().order(epoch);
            order.sort_unstable();
            proptest::prop_assert_eq!(order, (0..examples).collect::<Vec<_>>());
        }
    }
}
