//! Supplies the trainer with batches, step by step.

use std::any::Any;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Batch, BatchMaker, DataError};

/// Provides the batches of consecutive steps.
///
/// Dropping the loader ends its thread, if it has one, after the batch that is being made.
#[derive(Debug)]
pub(crate) struct BatchLoader {
    source: Source,
    next_step: u64,
    waited: Duration,
}

#[derive(Debug)]
enum Source {
    OnDemand(BatchMaker),
    Ahead(Worker),
}

/// A thread that sends batches to a channel. It ends when the channel is closed.
#[derive(Debug)]
struct Worker {
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl BatchLoader {
    /// Makes each batch when it is requested, on the threads of the caller's pool. This is for
    /// training that keeps all of those threads busy: further threads would compete with them.
    pub(crate) fn on_demand(maker: BatchMaker, first_step: u64) -> Self {
        Self { source: Source::OnDemand(maker), next_step: first_step, waited: Duration::ZERO }
    }

    /// Makes batches in advance on a separate thread, at most `ahead` at a time (at least one).
    /// This is for training on another device.
    pub(crate) fn ahead(maker: BatchMaker, first_step: u64, ahead: usize) -> Self {
        // The thread makes one batch besides those in the channel.
        let (sender, batches) = sync_channel(ahead.saturating_sub(1));
        let thread = thread::spawn(move || send_batches(maker, first_step, &sender));
        let worker = Worker { batches: Some(batches), thread: Some(thread) };
        Self { source: Source::Ahead(worker), next_step: first_step, waited: Duration::ZERO }
    }

    /// Returns the batch of the next step, waiting for it if necessary. There is always a next one.
    ///
    /// # Errors
    /// When the loader's thread has panicked.
    ///
    /// # Panics
    /// Like [`BatchMaker::make`], if batches are made on demand.
    pub(crate) fn next_batch(&mut self) -> Result<Batch, DataError> {
        let since = Instant::now();
        let batch = match &mut self.source {
            Source::OnDemand(maker) => maker.make(self.next_step),
            Source::Ahead(worker) => worker.take(self.next_step)?,
        };
        self.waited += since.elapsed();
        self.next_step += 1;
        Ok(batch)
    }

    /// Returns the total time spent in [`next_batch`](Self::next_batch).
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }
}

impl Worker {
    fn take(&mut self, step: u64) -> Result<Batch, DataError> {
        let received = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        received.ok_or_else(|| self.panicked(step))
    }

    /// Returns the reason why the channel is closed: the thread ends on its own only by a panic.
    fn panicked(&mut self, step: u64) -> DataError {
        let message = match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => message_of(&*panic),
            _ => "its thread has ended".into(),
        };
        DataError::WorkerPanicked { step, message }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // `next_batch` has reported a panic to its caller.
            let _ = thread.join();
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}

fn send_batches(mut maker: BatchMaker, first_step: u64, to: &SyncSender<Batch>) {
    for step in first_step.. {
        if to.send(maker.make(step)).is_err() {
            return; // The loader was dropped.
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Augmentation, BatchPlan, ImageShape, Images, Normalization, Normalizer};

    const AUGMENTATION: Augmentation =
        Augmentation { rotation: 10.0, zoom: 0.1, shift: 0.1, flip: true };

    /// A maker of batches of images with one row. Example `i` has label `i` and pixels that count
    /// up from `i`.
    fn maker(augmentation: Augmentation, examples: u8, plan: BatchPlan) -> BatchMaker {
        let shape = ImageShape { channels: 1, height: 1, width: 4 };
        let pixels = (0..examples).flat_map(|i| i..i + 4).collect();
        let images = Arc::new(Images { shape, pixels, labels: (0..examples).collect() });
        let normalizer = Arc::new(Normalizer::fit(Normalization::Unit, &images));
        BatchMaker::new(images, normalizer, augmentation, plan)
    }

    fn batches_of_four(augmentation: Augmentation) -> BatchMaker {
        maker(augmentation, 10, BatchPlan::new(1, 10, 4).unwrap())
    }

    fn batches(mut loader: BatchLoader, count: usize) -> Vec<Batch> {
        (0..count).map(|_| loader.next_batch().unwrap()).collect()
    }

    #[test]
    fn an_epoch_shows_every_example_once_with_its_own_pixels() {
        let maker = batches_of_four(Augmentation::default());
        let epochs = batches(BatchLoader::on_demand(maker, 1), 6);
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
    fn batches_are_the_same_for_any_number_of_threads_any_start_and_made_ahead() {
        let maker = || batches_of_four(AUGMENTATION);
        let one = batches(BatchLoader::on_demand(maker(), 1), 9);
        let steps: Vec<u64> = one.iter().map(|batch| batch.step).collect();
        assert_eq!(steps, (1..10).collect::<Vec<_>>());
        for threads in 1..=4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = pool.install(|| batches(BatchLoader::on_demand(maker(), 1), 9));
            assert_eq!(again, one);
        }
        for ahead in [0, 1, 5] {
            assert_eq!(batches(BatchLoader::ahead(maker(), 1, ahead), 9), one);
        }
        assert_eq!(batches(BatchLoader::on_demand(maker(), 6), 4), one[5..], "as a resumed run");
        let plain = batches_of_four(Augmentation::default());
        assert_ne!(batches(BatchLoader::on_demand(plain, 1), 9), one);
    }

    #[test]
    fn dropping_a_loader_nobody_reads_from_ends_its_thread() {
        drop(BatchLoader::ahead(batches_of_four(AUGMENTATION), 1, 3));
    }

    #[test]
    fn a_panic_of_its_thread_is_an_error_and_no_hang() {
        let too_many_examples = BatchPlan::new(1, 50, 50).unwrap();
        let maker = maker(Augmentation::default(), 2, too_many_examples);
        let mut loader = BatchLoader::ahead(maker, 1, 4);
        let error = loader.next_batch().unwrap_err();
        assert!(error.to_string().starts_with("preparing the batch of step 1 failed"), "{error}");
        assert!(loader.next_batch().is_err(), "and stays one");
    }
}
