//! The training loop. It owns its thread, listens to commands between two steps, and tells everything that happens
//! to a [`Recorder`].

mod evaluation;
mod obey;
mod resume;

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use crate::data::{BatchLoader, BatchMaker, BatchPlan, DataError, Images, Normalizer};
use crate::experiment::Experiment;
use crate::instructions::InstructionSet;
use crate::method::SyncClock;
use crate::model::{self, Draw, Role, WeightsFile};
use crate::train::checkpoint::checksum_of;
use crate::train::control::Control;
use crate::train::distribution::DistributionMonitor;
use crate::train::learner::{Learner, attended_if};
use crate::train::monitor::{DistanceMonitor, FrameMonitor};
use crate::train::snapshot::{checksum, weights_file};
use crate::train::wrapper::{NotFinite, Wrapper};
use crate::train::{
    Checkpoint, Event, EventKind, LayerInfo, Named, Order, Phase, Prepared, Reason, Schedule,
    Script, Started, Weights,
};

/// Who is told what happens. Its answers never change the training.
pub trait Recorder {
    /// Takes the next event.
    fn record(&mut self, event: Event);

    /// Saves weights under a name without folder or extension, and says where they are, relative to the run folder.
    ///
    /// # Errors
    /// Why they could not be saved, as a sentence.
    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String>;

    /// Whether a checkpoint would be taken now: one is kept at all, and the one before is written.
    fn ready_for_checkpoint(&mut self) -> bool {
        false
    }

    /// Keeps a checkpoint instead of the one before, after all events so far.
    fn checkpoint(&mut self, _checkpoint: Checkpoint) {}

    /// Goes back to where everything was at the checkpoint that a run goes on from; how many events were cut.
    ///
    /// # Errors
    /// Why that cannot be done, as a sentence.
    fn rewind(&mut self) -> Result<u64, String> {
        Ok(0)
    }
}

impl<R: Recorder + ?Sized> Recorder for &mut R {
    fn record(&mut self, event: Event) {
        (**self).record(event);
    }

    fn save(&mut self, name: &str, weights: &WeightsFile) -> Result<String, String> {
        (**self).save(name, weights)
    }

    fn ready_for_checkpoint(&mut self) -> bool {
        (**self).ready_for_checkpoint()
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) {
        (**self).checkpoint(checkpoint);
    }

    fn rewind(&mut self) -> Result<u64, String> {
        (**self).rewind()
    }
}

/// A run under way.
pub struct Trainer<R> {
    experiment: Experiment,
    /// CRC-32 of the initial values of all parameters.
    initial: u32,
    train: Arc<Images>,
    test: Arc<Images>,
    normalizer: Arc<Normalizer>,
    learner: Learner,
    wrapper: Wrapper,
    control: Control,
    schedule: Schedule,
    /// The epoch whose schedule it is, counted from 0.
    epoch: u64,
    clock: SyncClock,
    loader: BatchLoader,
    plan: BatchPlan,
    distance: DistanceMonitor,
    distribution: DistributionMonitor,
    frames: FrameMonitor,
    commands: Receiver<Order>,
    inbox: VecDeque<Order>,
    /// What to do again, in a rerun.
    script: Option<Script>,
    recorder: R,
    phase: Phase,
    /// Take one step, then hold.
    single_step: bool,
    stopped: bool,
    begun: Instant,
    /// What the run had taken before this process went on with it.
    seconds_before: f64,
    /// When the newest checkpoint was taken.
    checkpointed: Instant,
    step: u64,
    total_steps: u64,
    syncs: u64,
    last_sync: u64,
    accuracy: Option<f32>,
    evaluated_step: Option<u64>,
    /// The newest state known to be finite, and its step.
    good: (u64, Learner),
}

/// Without syncs, the state is looked at every so many steps.
const LOOK_EVERY: u64 = 100;

impl<R: Recorder> Trainer<R> {
    /// Gets everything ready to train what was prepared.
    ///
    /// # Errors
    /// Data without batches.
    pub fn new(
        prepared: Prepared,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<Self, DataError> {
        let (mut trainer, started) = Self::at_step(0, prepared, commands, recorder)?;
        trainer.record(EventKind::Started(Box::new(started)));
        trainer.look_at_distribution();
        Ok(trainer)
    }

    /// The same, but does what `script` says at its steps. Nobody is there to decide after a divergence: if the script
    /// does not go on, the run ends.
    ///
    /// # Errors
    /// Data without batches.
    pub fn rerun(
        prepared: Prepared,
        script: Script,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<Self, DataError> {
        Ok(Trainer { script: Some(script), ..Self::new(prepared, commands, recorder)? })
    }

    /// A trainer in its initial state, but for the batches: the first is that after `step`.
    fn at_step(
        step: u64,
        prepared: Prepared,
        commands: Receiver<Order>,
        recorder: R,
    ) -> Result<(Self, Started), DataError> {
        let Prepared { experiment, backend, device, network, train, test, .. } = prepared;
        let (normalizer, initial) = (prepared.normalizer, prepared.initial);
        let plan = BatchPlan::new(experiment.seed, train.len(), experiment.train.batch)?;
        let total_steps = experiment.train.epochs.saturating_mul(plan.steps_per_epoch());
        let total_steps = total_steps.min(experiment.train.steps.unwrap_or(u64::MAX));
        let control = Control::new(&experiment);
        let checksum = checksum_of(&initial);
        let (wrapper, start) = Wrapper::new(&experiment, &network, initial, &control);
        let mut learner = Learner::new(network, start, &experiment.optimizer, (backend, device));
        if !wrapper.permutes() {
            learner.freeze_zeros();
        }
        let (layers, parameters) = layers(&learner);
        let started = Started {
            name: experiment.name.clone(),
            network: match experiment.network.name {
                Some(published) => Named::Known(published),
                None => Named::Other(experiment.network.title().into()),
            },
            dataset: prepared.dataset.as_str().into(),
            backend: Named::Known(backend),
            instruction_set: backend.instruction_set().map_or("", InstructionSet::name).into(),
            wrapper: Named::Known(experiment.wrapper.name),
            optimizer: Named::Known(experiment.optimizer.name),
            seed: experiment.seed,
            parameters: learner.network().trainable(),
            batch: experiment.train.batch,
            train_examples: train.len(),
            test_examples: test.len(),
            steps_per_epoch: plan.steps_per_epoch(),
            total_steps,
            layers,
        };
        let distance = DistanceMonitor::new(&experiment.monitor, &started.layers, &parameters);
        let distribution =
            DistributionMonitor::new(&experiment.monitor, &started.layers, &parameters);
        let frames = FrameMonitor::new(
            &experiment.monitor,
            &started.layers,
            &parameters,
            &learner,
            &wrapper,
        );
        let schedule = control.at(0);
        let trainer = Trainer {
            loader: loader(
                &train,
                &normalizer,
                &experiment,
                &plan,
                step.saturating_add(1),
                &learner,
            ),
            clock: SyncClock::new(period(schedule.k)),
            good: (0, learner.clone()),
            initial: checksum,
            experiment,
            train,
            test,
            normalizer,
            learner,
            wrapper,
            control,
            schedule,
            epoch: 0,
            plan,
            distance,
            distribution,
            frames,
            commands,
            inbox: VecDeque::new(),
            script: None,
            recorder,
            phase: Phase::Starting,
            single_step: false,
            stopped: false,
            begun: Instant::now(),
            seconds_before: 0.0,
            checkpointed: Instant::now(),
            step: 0,
            total_steps,
            syncs: 0,
            last_sync: 0,
            accuracy: None,
            evaluated_step: None,
        };
        Ok((trainer, started))
    }

    /// Trains to the end, or until told to stop.
    pub fn run(&mut self) {
        self.record(EventKind::Schedule(self.schedule));
        self.enter(Phase::Running);
        let mut failure = None;
        loop {
            self.repeat_script();
            if self.step >= self.total_steps {
                break;
            }
            self.listen();
            if self.stopped {
                break;
            }
            if let Err(error) = self.train_step() {
                failure = Some(error.to_string());
                break;
            }
            if self.is_checkpoint_due() && self.recorder.ready_for_checkpoint() {
                self.take_checkpoint();
            }
        }
        self.finish(failure);
    }

    /// One step, and all that is due before and after it.
    fn train_step(&mut self) -> Result<(), DataError> {
        attended_if(self.learner.computes_here(), || self.train_step_attended())
    }

    fn train_step_attended(&mut self) -> Result<(), DataError> {
        let step = self.step + 1;
        self.follow_schedule(self.plan.epoch_of(step));
        let batch = self.loader.next_batch()?;
        self.distance.before_step(step, &mut self.learner, &self.wrapper);
        let draw = Draw { seed: self.experiment.seed, step };
        let outcome = self.learner.step(batch.images, &batch.labels, self.schedule.lr, draw);
        self.step = step;
        self.record(EventKind::Step { loss: outcome.loss, accuracy: outcome.accuracy });
        if !outcome.loss.is_finite() {
            self.diverged("the loss".into());
            return Ok(());
        }
        if let Some(layers) = self.distance.after_step(&mut self.learner, &self.wrapper) {
            self.record(EventKind::RankingDistance { layers });
        }
        self.look_at_distribution();
        let sync_due = self.schedule.active && self.clock.tick();
        let epoch_ends = step.is_multiple_of(self.plan.steps_per_epoch());
        let look = self.is_evaluation_due(sync_due, epoch_ends);
        if look && self.experiment.evaluate.before_sync && self.permutes_now() {
            let weights = self.learner.weights().clone();
            self.evaluate(&weights, Weights::Inner);
        }
        if sync_due {
            self.synchronize();
        } else if self.frames.due(false) {
            self.take_frame();
        }
        if !self.wrapper.permutes() && step.is_multiple_of(LOOK_EVERY) {
            self.keep_if_finite();
        }
        if look && self.phase != Phase::Diverged {
            self.evaluate_as_synced();
        }
        if epoch_ends {
            self.record(EventKind::Epoch { epoch: step / self.plan.steps_per_epoch() });
        }
        if self.single_step && self.phase == Phase::Running {
            self.single_step = false;
            self.enter(Phase::Paused);
        }
        Ok(())
    }

    /// Takes over what the schedules say for `epoch`, counted from 0.
    fn follow_schedule(&mut self, epoch: u64) {
        self.epoch = epoch;
        let schedule = self.control.at(epoch);
        if schedule == self.schedule {
            return;
        }
        if schedule.active && !self.schedule.active {
            self.clock.reset();
        }
        self.clock.set_period(period(schedule.k));
        let pruned = self.wrapper.prune(self.learner.network(), &self.control, &schedule);
        self.schedule = schedule;
        self.record(EventKind::Schedule(schedule));
        if pruned {
            self.frames.reservoir_changed(&self.wrapper);
            self.synchronize();
        }
    }

    fn synchronize(&mut self) {
        if self.frames.due(true) {
            self.take_frame();
        }
        self.frames.before_sync(self.last_sync, &self.wrapper);
        let synced = match self.wrapper.sync(&mut self.learner) {
            Ok(synced) => synced,
            Err(NotFinite { parameter }) => {
                self.diverged(parameter);
                return self.wrapper.rank(&self.learner);
            }
        };
        self.clock.reset();
        self.syncs += 1;
        self.last_sync = self.step;
        self.good = (self.step, self.learner.clone());
        let sync = self.syncs;
        self.record(match self.wrapper {
            Wrapper::Laperm(_) => EventKind::Sync {
                sync,
                milliseconds: synced.milliseconds,
                layers: synced.layers,
                layer_milliseconds: synced.layer_milliseconds,
            },
            _ => EventKind::Lookahead { sync },
        });
    }

    fn permutes_now(&self) -> bool {
        self.wrapper.permutes() && self.schedule.active
    }

    /// σ_θ(θ_sorted) while LaPerm is active, else the weights there are.
    fn synced_weights(&self) -> (model::Weights, Weights) {
        if self.permutes_now() && self.step == self.last_sync {
            // They are what that sync made them.
            (self.learner.weights().clone(), Weights::Synced)
        } else if self.permutes_now() {
            (self.learner.weights_with(self.wrapper.synced(&self.learner)), Weights::Synced)
        } else {
            (self.learner.weights().clone(), Weights::Inner)
        }
    }

    fn look_at_distribution(&mut self) {
        if let Some(layers) = self.distribution.look(self.step, &mut self.learner) {
            self.record(EventKind::Distribution { layers });
        }
    }

    fn take_frame(&mut self) {
        let frame = self.frames.take(self.step, self.last_sync, &mut self.learner, &self.wrapper);
        self.record(EventKind::Frame { at: None, frame: Some(Arc::new(frame)) });
    }

    fn keep_if_finite(&mut self) {
        let count = self.learner.network().parameters().len();
        match (0..count).find(|&index| !self.learner.is_finite(index)) {
            Some(index) => {
                self.diverged(self.learner.network().parameters()[index].name.clone());
            }
            None => self.good = (self.step, self.learner.clone()),
        }
    }

    fn diverged(&mut self, place: String) {
        let (good_step, learner) = &self.good;
        self.learner = learner.clone();
        let good_step = *good_step;
        self.phase = Phase::Diverged;
        self.record(EventKind::Diverged { place, good_step });
    }

    fn save_snapshot(&mut self) {
        let file = self.weights_file();
        self.save(&file);
    }

    fn weights_file(&self) -> WeightsFile {
        let (weights, which) = self.synced_weights();
        weights_file(
            &self.experiment,
            self.learner.network(),
            &weights,
            self.step,
            &self.schedule,
            which == Weights::Synced,
            self.accuracy,
        )
    }

    fn save(&mut self, file: &WeightsFile) {
        let synced = file.metadata.get("synced").is_some_and(|synced| synced == "true");
        match self.recorder.save(&format!("step-{:07}", self.step), file) {
            Ok(file) => self.record(EventKind::Snapshot { file, synced }),
            Err(message) => {
                self.record(EventKind::Notice {
                    message: format!("the snapshot is not saved: {message}"),
                });
            }
        }
    }

    /// Evaluates and saves what there is, and says why it ended. The checkpoint comes first, so that a run that goes
    /// on from here is one in which nothing of this happened.
    fn finish(&mut self, failure: Option<String>) {
        self.take_checkpoint();
        let reason = match (&failure, self.phase, self.stopped) {
            (Some(_), ..) => Reason::Failed,
            (None, Phase::Diverged, _) => Reason::Diverged,
            (None, _, true) => Reason::Stopped,
            (None, ..) => Reason::Finished,
        };
        if reason == Reason::Finished {
            self.evaluate_as_synced();
        }
        // A frame taken just before a last sync shows more than one after it.
        if self.frames.newest() != Some(self.step) {
            self.take_frame();
        }
        let file = self.weights_file();
        self.save(&file);
        let parameters = self.learner.network().parameters().len();
        let weights_checksum = Some(checksum(&file.tensors[..parameters]));
        self.phase = Phase::Finished;
        self.record(EventKind::Finished {
            reason,
            message: failure,
            weights_checksum,
            data_wait_seconds: Some(self.loader.waited().as_secs_f64()),
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.record(EventKind::Phase { phase });
    }

    /// Seconds since the run began, pauses included, but not the time in which no process hosted it.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }

    fn record(&mut self, kind: EventKind) {
        let seconds = self.seconds();
        self.recorder.record(Event { step: self.step, seconds, kind });
    }
}

/// The weight matrices, and the index of each among the parameters.
pub(in crate::train) fn layers(learner: &Learner) -> (Vec<LayerInfo>, Vec<usize>) {
    let weights = learner.network().parameters().iter().enumerate();
    let weights = weights.filter(|(_, parameter)| parameter.role == Role::Weight);
    let describe = |(index, parameter): (usize, &model::Parameter)| {
        let info = LayerInfo {
            name: parameter.layer.clone(),
            shape: parameter.shape.clone(),
            vectors: parameter.shape[0],
            length: parameter.vector_length(),
        };
        (info, index)
    };
    weights.map(describe).unzip()
}

/// The batches of an experiment from `first_step` on, for a learner.
pub(in crate::train) fn loader(
    train: &Arc<Images>,
    normalizer: &Arc<Normalizer>,
    experiment: &Experiment,
    plan: &BatchPlan,
    first_step: u64,
    learner: &Learner,
) -> BatchLoader {
    /// Batches made ahead: enough to hide an epoch's shuffle.
    const AHEAD: usize = 8;
    let augmentation = experiment.data.augmentation;
    let maker = BatchMaker::new(train.clone(), normalizer.clone(), augmentation, *plan);
    match learner.computes_here() {
        true => BatchLoader::on_demand(maker, first_step),
        false => BatchLoader::ahead(maker, first_step, AHEAD),
    }
}

fn period(k: u64) -> NonZeroU64 {
    NonZeroU64::new(k).unwrap_or(NonZeroU64::MIN)
}
