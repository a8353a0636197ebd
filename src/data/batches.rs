//! Batches, made ahead of the trainer on threads of their own.
//!
//! A batch is a function of its step: which examples it has, their order and how each is augmented
//! come from `(seed, step)` and nothing else. So worker `w` of `n` makes the batches of steps
//! `w, w + n, w + 2n, …` without talking to the others, each into its own bounded channel, and the
//! trainer reads the channels in turn: in order, never more than a few batches ahead, and the same
//! bits for any number of threads. A worker ends when its channel does, on either side.

use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::Rng;

use super::{Augmentation, DataError, Images, Normalizer};
use crate::kernels::buffers;
use crate::random::{Purpose, stream};

/// The examples of one training step, ready for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The training step it is for, counted from 1.
    pub step: u64,
    /// Normalized and augmented images as `[example, channel, row, column]`.
    pub images: Vec<f32>,
    /// The class of each example.
    pub labels: Vec<u8>,
}

/// Which examples each training step uses: a new random order every epoch, cut into batches, of
/// which the last may be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    seed: u64,
    examples: usize,
    batch_size: usize,
}

impl BatchPlan {
    /// A plan for `examples` train examples in batches of `batch_size`.
    ///
    /// # Errors
    /// When either is 0.
    pub fn new(seed: u64, examples: usize, batch_size: usize) -> Result<Self, DataError> {
        if examples == 0 || batch_size == 0 {
            return Err(DataError::NoBatches { examples, batch_size });
        }
        Ok(Self { seed, examples, batch_size })
    }

    /// How many steps see every example once.
    pub fn steps_per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch_size) as u64
    }

    /// The epoch, counted from 0, of a step, counted from 1.
    pub fn epoch_of(&self, step: u64) -> u64 {
        step.saturating_sub(1) / self.steps_per_epoch()
    }

    /// All examples in the order in which an epoch uses them (Fisher-Yates).
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let mut random = stream(self.seed, Purpose::DataOrder, epoch, 0);
        let mut order: Vec<usize> = (0..self.examples).collect();
        for last in (1..self.examples).rev() {
            let draw = u128::from(random.next_u64()) * (last as u128 + 1);
            order.swap(last, (draw >> 64) as usize);
        }
        order
    }

    /// The part of its epoch's order that a step uses.
    fn part_of<'a>(&self, order: &'a [usize], step: u64) -> &'a [usize] {
        let batch = (step.saturating_sub(1) % self.steps_per_epoch()) as usize;
        let from = batch * self.batch_size;
        &order[from..(from + self.batch_size).min(order.len())]
    }
}

/// Makes the batches of consecutive steps ahead of whoever takes them.
///
/// Dropping it ends its threads; each finishes at most the batch that it is working on.
#[derive(Debug)]
pub struct BatchLoader {
    workers: Vec<Worker>,
    first_step: u64,
    next_step: u64,
    waited: Duration,
}

#[derive(Debug)]
struct Worker {
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl BatchLoader {
    /// Starts `threads` threads (at least one) that make the batches of `first_step` and on, with
    /// at most `ahead` of them made or being made and not yet taken (at least one).
    pub fn start(
        images: Arc<Images>,
        normalizer: Arc<Normalizer>,
        augmentation: Augmentation,
        plan: BatchPlan,
        first_step: u64,
        threads: usize,
        ahead: usize,
    ) -> Self {
        let threads = threads.clamp(1, ahead.max(1));
        // Besides what waits in its channel, each worker has one batch in hand.
        let waiting = (ahead / threads).saturating_sub(1);
        let workers = (0..threads as u64).map(|worker| {
            let (sender, batches) = sync_channel(waiting);
            let maker = BatchMaker {
                images: Arc::clone(&images),
                normalizer: Arc::clone(&normalizer),
                augmentation,
                plan,
                order: (u64::MAX, vec![]),
            };
            let steps = (first_step + worker..).step_by(threads);
            let thread = thread::spawn(move || send_batches(maker, steps, &sender));
            Worker { batches: Some(batches), thread: Some(thread) }
        });
        let workers = workers.collect();
        Self { workers, first_step, next_step: first_step, waited: Duration::ZERO }
    }

    /// The batch of the next step, as soon as it is made. There is always a next one.
    ///
    /// # Errors
    /// When the thread that should make it panicked.
    pub fn next_batch(&mut self) -> Result<Batch, DataError> {
        let since = Instant::now();
        let turn = (self.next_step - self.first_step) % self.workers.len() as u64;
        let worker = &mut self.workers[turn as usize];
        let received = worker.batches.as_ref().and_then(|batches| batches.recv().ok());
        self.waited += since.elapsed();
        let Some(batch) = received else {
            return Err(worker.panicked(self.next_step));
        };
        self.next_step += 1;
        Ok(batch)
    }

    /// How long callers of [`next_batch`](Self::next_batch) have waited, all in all.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for BatchLoader {
    fn drop(&mut self) {
        // First close every channel, then wait: the threads end side by side.
        self.workers.iter_mut().for_each(|worker| worker.batches = None);
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            let _ = thread.join(); // A panic was reported to whoever asked for that batch.
        }
    }
}

impl Worker {
    /// Why the worker's channel closed. A worker ends by itself only when it panics.
    fn panicked(&mut self, step: u64) -> DataError {
        let message = match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => message_of(&*panic),
            _ => "its thread has ended".into(),
        };
        DataError::WorkerPanicked { step, message }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}

fn send_batches(mut maker: BatchMaker, steps: impl Iterator<Item = u64>, to: &SyncSender<Batch>) {
    for step in steps {
        if to.send(maker.make(step)).is_err() {
            return; // Nobody takes batches any more.
        }
    }
}

struct BatchMaker {
    images: Arc<Images>,
    normalizer: Arc<Normalizer>,
    augmentation: Augmentation,
    plan: BatchPlan,
    /// An epoch and its order, kept for the steps to come.
    order: (u64, Vec<usize>),
}

impl BatchMaker {
    fn make(&mut self, step: u64) -> Batch {
        let epoch = self.plan.epoch_of(step);
        if self.order.0 != epoch {
            self.order = (epoch, self.plan.order(epoch));
        }
        let examples = self.plan.part_of(&self.order.1, step);
        let elements = self.images.shape.elements();
        let mut images = buffers::take(examples.len() * elements);
        let mut original = vec![0.0; elements];
        for (position, (example, out)) in
            examples.iter().zip(images.chunks_exact_mut(elements)).enumerate()
        {
            let pixels = self.images.pixels_of(*example);
            if self.augmentation.is_none() {
                self.normalizer.apply(pixels, out);
                continue;
            }
            self.normalizer.apply(pixels, &mut original);
            let mut random = stream(self.plan.seed, Purpose::Augmentation, step, position as u64);
            self.augmentation.apply(&mut random, &original, self.images.shape, out);
        }
        let labels = examples.iter().map(|example| self.images.labels[*example]).collect();
        Batch { step, images, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ImageShape, Normalization};

    const AUGMENTATION: Augmentation =
        Augmentation { rotation: 10.0, zoom: 0.1, shift: 0.1, flip: true };

    /// Images of one pixel row; example `i` has label `i` and its pixels count up from `i`.
    fn images(examples: u8) -> Arc<Images> {
        let shape = ImageShape { channels: 1, height: 1, width: 4 };
        let pixels = (0..examples).flat_map(|i| i..i + 4).collect();
        Arc::new(Images { shape, pixels, labels: (0..examples).collect() })
    }

    fn start(augmentation: Augmentation, first_step: u64, threads: usize) -> BatchLoader {
        let images = images(10);
        let normalizer = Arc::new(Normalizer::fit(Normalization::Unit, &images));
        let plan = BatchPlan::new(1, 10, 4).unwrap();
        BatchLoader::start(images, normalizer, augmentation, plan, first_step, threads, 4)
    }

    fn batches(mut loader: BatchLoader, count: usize) -> Vec<Batch> {
        (0..count).map(|_| loader.next_batch().unwrap()).collect()
    }

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

    #[test]
    fn an_epoch_shows_every_example_once_with_its_own_pixels() {
        let epochs = batches(start(Augmentation::default(), 1, 2), 6);
        let (first, second) = epochs.split_at(3);
        for epoch in [first, second] {
            let mut seen: Vec<u8> = epoch.iter().flat_map(|batch| batch.labels.clone()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<u8>>());
        }
        assert_ne!(first[0].labels, second[0].labels, "each epoch has its own order");
        for batch in &epochs {
            for (label, image) in batch.labels.iter().zip(batch.images.chunks(4)) {
                assert_eq!(image[1], (f32::from(*label) + 1.0) / 255.0);
            }
        }
    }

    #[test]
    fn batches_are_the_same_for_any_number_of_threads_and_any_start() {
        let one = batches(start(AUGMENTATION, 1, 1), 9);
        assert_eq!(
            one.iter().map(|batch| batch.step).collect::<Vec<_>>(),
            (1..10).collect::<Vec<_>>()
        );
        for threads in 2..=5 {
            assert_eq!(batches(start(AUGMENTATION, 1, threads), 9), one);
        }
        assert_eq!(batches(start(AUGMENTATION, 6, 3), 4), one[5..], "as a resumed run would");
        assert_ne!(batches(start(Augmentation::default(), 1, 1), 9), one);
    }

    #[test]
    fn dropping_a_loader_nobody_reads_from_ends_its_threads() {
        drop(start(AUGMENTATION, 1, 3));
    }

    #[test]
    fn a_panic_of_a_worker_is_an_error_and_no_hang() {
        let images = images(2);
        let normalizer = Arc::new(Normalizer::fit(Normalization::Unit, &images));
        let too_many_examples = BatchPlan::new(1, 50, 50).unwrap();
        let none = Augmentation::default();
        let mut loader = BatchLoader::start(images, normalizer, none, too_many_examples, 1, 2, 4);
        let error = loader.next_batch().unwrap_err();
        assert!(error.to_string().starts_with("preparing the batch of step 1 failed"), "{error}");
        assert!(loader.next_batch().is_err(), "and stays one");
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
