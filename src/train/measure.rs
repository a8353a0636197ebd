//! Measures the cost of training on this machine, by timing the code that trains.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::control::Control;
use super::learner::{Learner, StepTimes, attended_if};
use super::monitor::{DistanceMonitor, WeightMatrix};
use super::trainer::loader;
use super::wrapper::{NotFinite, Start, Wrapper, wrapper};
use super::{Backend, StartError, initial_weights};
use crate::data::{
    Batch, BatchLoader, BatchPlan, DataError, DatasetName, GlyphsConfig, Images, Normalizer, load,
};
use crate::experiment::{Experiment, MonitorSection, NetworkSection, Published};
use crate::kernels::{Dense, operations};
use crate::model::{Draw, Layer};
use crate::random::{Purpose, stream};

/// Subject of a measurement: a network of the paper, on generated data with the shape of its
/// dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The network.
    pub network: Published,
    /// Number of examples per step.
    pub batch: usize,
    /// Factor on the published number of filters and units of each layer but the last.
    pub width: usize,
    /// The backend that runs the computation.
    pub backend: Backend,
}

/// The cost of a network's training. Times are medians, in milliseconds, after a warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The network's name.
    pub network: String,
    /// Number of examples per step.
    pub batch: usize,
    /// Factor on the published number of filters and units.
    pub width: usize,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Number of steps that the medians are taken over.
    pub steps: usize,
    /// One training step, with a batch that is ready.
    pub step_ms: f64,
    /// Its first part: upload of the batch, logits and loss.
    pub forward_ms: f64,
    /// Its second part: all gradients.
    pub backward_ms: f64,
    /// Its third part: the update of all parameters.
    pub optimizer_ms: f64,
    /// One sync of weights that are unrelated to those at the previous sync.
    pub sync_ms: f64,
    /// Number of images evaluated per second, from bytes to the score.
    pub evaluate_images_per_second: f64,
    /// Making one batch with the paper's augmentation, while nothing else runs.
    pub data_ms: f64,
    /// Time that a step waits for its batch. On a CPU that includes making it; for other devices,
    /// batches are made in parallel with the training.
    pub data_wait_ms: f64,
    /// The ranking distance of all layers over one step.
    pub distance_ms: f64,
    /// Peak memory of the process up to the end of the steps, in 10^6 bytes. It includes whatever
    /// the process did before. Absent if the system does not report it.
    pub peak_memory_mb: Option<f64>,
    /// Number of floating-point operations of a step in convolutions and dense layers
    /// ([`Network::training_operations`](crate::model::Network::training_operations)).
    pub operations: f64,
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The backend is not available, or the network does not fit.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The data has no batches.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training diverged, so that the times are not those of training.
    #[error("{0} is not a finite number any more")]
    NotFinite(String),
}

/// Minimum number of repetitions, however long they take.
const LEAST: usize = 3;

/// Number of steps before the first that counts. They allocate memory and the optimizer's moments.
const WARM_UP: usize = 2;

/// Number of generated images. Steps cycle through a few batches of them.
const IMAGES: usize = 1024;

/// Number of rows and columns of the matrices whose product is measured.
const MATRIX: usize = 2048;

impl Subject {
    /// Measures everything. Each quantity is measured repeatedly for about `patience`, or longer if
    /// the minimum number of repetitions takes longer.
    ///
    /// # Errors
    /// Returns an error for a backend that was not compiled in, or values that do not stay finite.
    pub fn measure(&self, patience: Duration) -> Result<Measurement, MeasureError> {
        // Inside the thread pool, as in a run.
        rayon::scope(|_| self.measure_in_pool(patience))
    }

    /// Returns the durations of consecutive training steps, measured for about `patience`, with
    /// batches that are ready and without any monitor.
    ///
    /// # Errors
    /// As [`measure`](Self::measure).
    pub fn steps(&self, patience: Duration) -> Result<Vec<Duration>, MeasureError> {
        rayon::scope(|_| {
            let steps = Bench::new(self)?.steps(patience)?;
            Ok(steps.into_iter().map(|(whole, _)| whole).collect())
        })
    }

    fn measure_in_pool(&self, patience: Duration) -> Result<Measurement, MeasureError> {
        let mut bench = Bench::new(self)?;
        let steps = bench.steps(patience)?;
        let peak_memory_mb = peak_memory();
        let median_of = |part: fn(&(Duration, StepTimes)) -> Duration| {
            median(steps.iter().map(|step| milliseconds(part(step))))
        };
        let (data_wait_ms, distance_ms) = bench.monitored_steps(patience)?;
        Ok(Measurement {
            network: self.network.name().into(),
            batch: self.batch,
            width: self.width,
            parameters: bench.learner.network().trainable(),
            steps: steps.len(),
            step_ms: median_of(|(whole, _)| *whole),
            forward_ms: median_of(|(_, times)| times.forward),
            backward_ms: median_of(|(_, times)| times.backward),
            optimizer_ms: median_of(|(_, times)| times.optimizer),
            sync_ms: bench.syncs(patience)?,
            evaluate_images_per_second: bench.evaluation(patience),
            data_ms: bench.data(patience)?,
            data_wait_ms,
            distance_ms,
            peak_memory_mb,
            operations: bench.learner.network().training_operations() as f64 * self.batch as f64,
        })
    }

    fn experiment(&self) -> Experiment {
        let mut experiment = Experiment::published(self.network);
        experiment.train.batch = self.batch;
        if self.width > 1 {
            let mut layers = self.network.layers(experiment.data.dataset.classes());
            // The last layer keeps one unit per class.
            let hidden = layers.split_last_mut().map_or(&mut [][..], |(_, hidden)| hidden);
            hidden.iter_mut().for_each(|layer| widen(layer, self.width));
            experiment.network = NetworkSection { name: None, layers };
        }
        experiment
    }
}

/// A training whose parts can be timed one by one.
struct Bench {
    experiment: Experiment,
    images: Arc<Images>,
    normalizer: Arc<Normalizer>,
    plan: BatchPlan,
    learner: Learner,
    wrapper: Box<dyn Wrapper>,
    lr: f64,
    step: u64,
}

impl Bench {
    fn new(subject: &Subject) -> Result<Self, MeasureError> {
        let experiment = subject.experiment();
        let network = experiment.network().map_err(StartError::from)?;
        let device = subject.backend.device().map_err(StartError::from)?;
        let images = generated(experiment.data.dataset, IMAGES.max(subject.batch))?;
        let normalizer = Normalizer::fit(experiment.data.normalization(), &images);
        let control = Control::new(&experiment);
        let initial = initial_weights(&experiment, &network)?;
        let Start { wrapper, weights } =
            wrapper(&experiment, &network, initial, &control).map_err(StartError::from)?;
        Ok(Bench {
            plan: BatchPlan::new(experiment.seed, images.len(), subject.batch)?,
            learner: Learner::new(
                network,
                weights,
                &experiment.optimizer,
                (subject.backend, device),
            ),
            images: Arc::new(images),
            normalizer: Arc::new(normalizer),
            wrapper,
            lr: control.at(0).lr,
            experiment,
            step: 0,
        })
    }

    fn loader(&self) -> BatchLoader {
        let Bench { images, normalizer, experiment, plan, learner, .. } = self;
        loader(images, normalizer, experiment, plan, 1, learner)
    }

    /// Trains on batches that are ready. Returns the duration of each step and of its parts.
    fn steps(&mut self, patience: Duration) -> Result<Vec<(Duration, StepTimes)>, MeasureError> {
        let whole_batches = self.images.len() / self.experiment.train.batch;
        let mut made = self.loader();
        let batches: Vec<Batch> =
            (0..whole_batches.min(8)).map(|_| made.next_batch()).collect::<Result<_, _>>()?;
        drop(made);
        let mut batches = batches.iter().cycle();
        let mut step = || -> Result<_, MeasureError> {
            // There are at least as many images as one batch needs.
            let Some(Batch { images, labels, .. }) = batches.next() else { unreachable!() };
            let images = images.clone();
            let begun = Instant::now();
            let times = attended_if(self.learner.computes_here(), || self.step(images, labels))?;
            Ok((begun.elapsed(), times))
        };
        for _ in 0..WARM_UP {
            step()?;
        }
        repeat(patience, step)
    }

    /// Takes one training step, and waits until the device has finished it.
    fn step(&mut self, images: Vec<f32>, labels: &[u8]) -> Result<StepTimes, MeasureError> {
        self.step += 1;
        let draw = Draw { seed: self.experiment.seed, step: self.step };
        let outcome = self.learner.step(images, labels, self.lr, draw);
        finish(self.learner.device());
        if outcome.loss.is_finite() {
            Ok(outcome.times)
        } else {
            Err(MeasureError::NotFinite("the loss".into()))
        }
    }

    /// Trains as a run does, with its batches and the ranking distance of every step. Returns the
    /// milliseconds per step spent waiting for the batch, and measuring the distance.
    fn monitored_steps(&mut self, patience: Duration) -> Result<(f64, f64), MeasureError> {
        let section = MonitorSection { distance_every: 1, ..MonitorSection::default() };
        let matrices = WeightMatrix::all(self.learner.network());
        let mut distance = DistanceMonitor::new(&section, &matrices);
        let mut loader = self.loader();
        // The wait for the first batch is not counted: every run has it once.
        let first = loader.next_batch()?;
        distance.before_step(1, &mut self.learner, &*self.wrapper);
        self.step(first.images, &first.labels)?;
        distance.after_step(&mut self.learner, &*self.wrapper);
        let waited = loader.waited();
        let here = self.learner.computes_here();
        let mut step = || -> Result<_, MeasureError> {
            let batch = loader.next_batch()?;
            let begun = Instant::now();
            distance.before_step(batch.step, &mut self.learner, &*self.wrapper);
            let before = begun.elapsed();
            self.step(batch.images, &batch.labels)?;
            let begun = Instant::now();
            distance.after_step(&mut self.learner, &*self.wrapper);
            Ok(milliseconds(before + begun.elapsed()))
        };
        let distances = repeat(patience, || attended_if(here, &mut step))?;
        let waited = milliseconds(loader.waited() - waited) / distances.len() as f64;
        Ok((waited, median(distances)))
    }

    /// Milliseconds of a sync. The weights of each are unrelated to those of the previous one.
    fn syncs(&mut self, patience: Duration) -> Result<f64, MeasureError> {
        let draw = |seed| {
            let experiment = Experiment { seed, ..self.experiment.clone() };
            initial_weights(&experiment, self.learner.network())
        };
        let draws = [draw(2)?, draw(3)?];
        let mut draws = draws.iter().cycle();
        let here = self.learner.computes_here();
        let mut sync = || {
            for (index, values) in draws.next().into_iter().flatten().enumerate() {
                self.learner.set_values(index, values.clone());
            }
            let begun = Instant::now();
            self.wrapper
                .sync(1, &mut self.learner)
                .map_err(|NotFinite { parameter }| MeasureError::NotFinite(parameter))?;
            finish(self.learner.device());
            Ok::<_, MeasureError>(milliseconds(begun.elapsed()))
        };
        let times = repeat(patience, || attended_if(here, &mut sync))?;
        Ok(median(times))
    }

    /// Number of images evaluated per second.
    fn evaluation(&mut self, patience: Duration) -> f64 {
        let (images, normalizer) = (&*self.images, &*self.normalizer);
        let classifier = self.learner.classifier(self.learner.weights());
        let batch = self.experiment.evaluate.batch;
        let examples: Vec<usize> = (0..batch).map(|i| i % images.len()).collect();
        let evaluate = || {
            let begun = Instant::now();
            classifier.examine((images, normalizer), &examples);
            begun.elapsed().as_secs_f64()
        };
        evaluate();
        let Ok(seconds) = repeat(patience, || Ok::<_, Infallible>(evaluate()));
        batch as f64 / median(seconds)
    }

    /// Milliseconds per batch of making batches, and nothing else.
    fn data(&self, patience: Duration) -> Result<f64, MeasureError> {
        let mut loader = self.loader();
        // Batches that the loader made ahead of time do not count.
        for _ in 0..8 {
            loader.next_batch()?;
        }
        let begun = Instant::now();
        let made = repeat(patience, || loader.next_batch().map(drop))?;
        Ok(milliseconds(begun.elapsed()) / made.len() as f64)
    }
}

/// Returns the peak rate of matrix products on a backend, as its dense layers compute them, in 10^9
/// floating-point operations per second: that of the fastest product within `patience`.
///
/// # Errors
/// Returns an error for a backend that was not compiled in.
pub(crate) fn matrix_product_peak(backend: Backend, patience: Duration) -> Result<f64, StartError> {
    let device = backend.device()?;
    let values = |seed| {
        let mut random = stream(seed, Purpose::Noise, 0, 0);
        let values = (0..MATRIX * MATRIX).map(|_| random.next_u32() as f32 / u32::MAX as f32);
        values.collect::<Vec<f32>>()
    };
    let a = Tensor::<2>::from_data(TensorData::new(values(1), [MATRIX, MATRIX]), &device);
    let b = Tensor::<1>::from_data(TensorData::new(values(2), [MATRIX * MATRIX]), &device);
    let shape = Dense { batch: MATRIX, inputs: MATRIX, outputs: MATRIX };
    let seconds: Result<Vec<f64>, StartError> = repeat(patience, || {
        let begun = Instant::now();
        let product = operations::dense(a.clone(), b.clone(), None, shape, false);
        finish(&device);
        let seconds = begun.elapsed().as_secs_f64();
        drop(product);
        Ok(seconds)
    });
    let fastest = seconds?.into_iter().fold(f64::INFINITY, f64::min);
    Ok(2.0 * (MATRIX as f64).powi(3) / fastest / 1e9)
}

/// Images of a dataset's shape that need no files: generated digits, or coloured noise.
fn generated(dataset: DatasetName, examples: usize) -> Result<Images, DataError> {
    if dataset != DatasetName::Cifar10 {
        let config = GlyphsConfig { train_examples: examples, test_examples: 1, seed: 1 };
        return Ok(load(DatasetName::Glyphs, None, &config)?.train);
    }
    let (shape, mut random) = (dataset.shape(), stream(1, Purpose::Noise, 0, 0));
    let mut pixels = vec![0; examples * shape.elements()];
    random.fill_bytes(&mut pixels);
    let labels = (0..examples).map(|example| (example % dataset.classes()) as u8).collect();
    Ok(Images { shape, pixels, labels })
}

/// Multiplies the number of filters or units of a layer.
fn widen(layer: &mut Layer, factor: usize) {
    match layer {
        Layer::Dense { units, .. } => *units *= factor,
        Layer::Conv { filters, .. } => *filters *= factor,
        Layer::Residual { body, shortcut } => {
            body.iter_mut().chain(shortcut).for_each(|layer| widen(layer, factor));
        }
        _ => {}
    }
}

/// Waits until a device has finished all its work.
fn finish(device: &Device) {
    // A device that failed reports it at the next operation.
    let _ = device.sync();
}

/// Repeats `act` until `patience` has passed, but at least [`LEAST`] times.
fn repeat<T, E>(patience: Duration, mut act: impl FnMut() -> Result<T, E>) -> Result<Vec<T>, E> {
    let begun = Instant::now();
    let mut results = Vec::new();
    while results.len() < LEAST || begun.elapsed() < patience {
        results.push(act()?);
    }
    Ok(results)
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => f64::NAN,
        0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Peak memory of this process, in 10^6 bytes, if the system reports it.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
